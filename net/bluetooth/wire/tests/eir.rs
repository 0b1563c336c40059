// SPDX-License-Identifier: GPL-2.0

//! EIR and AD data, read and built.

use proptest::prelude::*;
use wire::{
    eir::{
        field,
        flags,
        is_well_formed,
        Builder,
        Fields, //
    },
    uuid::{
        Shortest,
        Uuid128, //
    },
};

const HEART_RATE: Uuid128 = Uuid128::from_u16(0x180d);

#[test]
fn fields() {
    // Flags, a complete list of one 16-bit UUID, a name, padding.
    let data = [
        2, 0x01, 0x06, 3, 0x03, 0x0d, 0x18, 4, 0x09, b'a', b'b', b'c', 0, 0, 0,
    ];
    let list: Vec<_> = Fields::new(&data)
        .map(|field| (field.kind, field.data))
        .collect();
    assert_eq!(
        list,
        [
            (0x01, &[6][..]),
            (0x03, &[0x0d, 0x18][..]),
            (0x09, &b"abc"[..])
        ]
    );
    assert_eq!(
        Fields::new(&data).find(field::NAME_COMPLETE),
        Some(&b"abc"[..])
    );
    assert_eq!(Fields::new(&data).find(field::NAME_SHORT), None);
    assert!(Fields::new(&data).has_uuid(&HEART_RATE));
    assert!(!Fields::new(&data).has_uuid(&Uuid128::from_u16(0x180f)));
}

#[test]
fn broken_fields() {
    // A field that is cut off ends the list, and so does one of length zero.
    assert_eq!(Fields::new(&[2, 0x01, 0x06, 3, 0x03, 0x0d]).count(), 1);
    assert_eq!(Fields::new(&[0, 2, 0x01, 0x06]).count(), 0);
    assert_eq!(Fields::new(&[5]).count(), 0);
    assert_eq!(Fields::new(&[]).count(), 0);
    // A field without data is there, but has nothing to find.
    assert_eq!(Fields::new(&[1, 0x09]).count(), 1);
    assert_eq!(Fields::new(&[1, 0x09]).find(0x09), None);
    // Half a UUID at the end of a list is not looked at.
    assert!(!Fields::new(&[4, 0x02, 0x00, 0x18, 0x0d]).has_uuid(&HEART_RATE));
}

#[test]
fn service_data() {
    let data = [
        3, 0x16, 0x0f, 0x18, 5, 0x16, 0x52, 0x18, 0xaa, 0xbb, 2, 0x16, 0x52,
    ];
    assert_eq!(
        Fields::new(&data).find_service_data(0x1852),
        Some(&[0xaa, 0xbb][..])
    );
    assert_eq!(Fields::new(&data).find_service_data(0x180f), Some(&[][..]));
    assert_eq!(Fields::new(&data).find_service_data(0x1812), None);
}

#[test]
fn well_formed() {
    assert!(is_well_formed(&[2, 0x01, 0x06, 0, 0], |_| true));
    assert!(is_well_formed(&[0, 2, 0x01, 0x06], |_| true));
    assert!(is_well_formed(&[], |_| false));
    assert!(!is_well_formed(&[2, 0x01, 0x06], |field| field.kind != field::FLAGS));
    // CVE-2026-53255: the last byte is a length.
    assert!(!is_well_formed(&[2, 0x01, 0x06, 1], |_| true));
    assert!(!is_well_formed(&[3, 0x01, 0x06], |_| true));
}

#[test]
fn building() {
    let mut eir = Builder::<31>::new();
    assert!(eir.push_u8(field::FLAGS, flags::GENERAL));
    assert!(eir.push_u16(field::APPEARANCE, 0x0340));
    assert!(eir.push_service_data(0x1852, &[1, 2, 3]));
    assert_eq!(
        eir.as_slice(),
        [2, 1, 2, 3, 0x19, 0x40, 0x03, 6, 0x16, 0x52, 0x18, 1, 2, 3]
    );
    assert_eq!(eir.padded()[..eir.len()], *eir.as_slice());
    assert_eq!(eir.padded()[eir.len()..], [0; 17]);
}

#[test]
fn a_full_builder_stays_as_it_is() {
    // CVE-2025-38303, CVE-2026-64539: user space filled all 31 bytes, then flags are wanted too.
    let mut ad = Builder::<31>::new();
    assert!(ad.push_raw(&[0; 31]));
    assert!(!ad.push_u8(field::FLAGS, 0));
    assert!(!ad.push_raw(&[0]));
    assert_eq!(ad.len(), 31);
    let mut ad = Builder::<31>::new();
    assert!(!ad.push(field::NAME_COMPLETE, &[b'x'; 30]));
    assert!(ad.push(field::NAME_COMPLETE, &[b'x'; 29]));
    // A length octet holds at most 255.
    let mut eir = Builder::<600>::new();
    assert!(!eir.push(field::MANUFACTURER_DATA, &[0; 255]));
    assert!(eir.push(field::MANUFACTURER_DATA, &[0; 254]));
}

#[test]
fn uuid_lists() {
    let uuids = [0x1801u16, 0x180d, 0x180f].map(u16::to_le_bytes);
    let mut eir = Builder::<240>::new();
    assert!(eir.push_uuids(field::UUID16_ALL, field::UUID16_SOME, uuids.into_iter()));
    assert_eq!(eir.as_slice(), [7, 0x03, 1, 0x18, 0x0d, 0x18, 0x0f, 0x18]);
    // Two fit: "some".
    let mut small = Builder::<7>::new();
    assert!(small.push_uuids(field::UUID16_ALL, field::UUID16_SOME, uuids.into_iter()));
    assert_eq!(small.as_slice(), [5, 0x02, 1, 0x18, 0x0d, 0x18]);
    // None fits, or there is none.
    let mut tiny = Builder::<3>::new();
    assert!(!tiny.push_uuids(field::UUID16_ALL, field::UUID16_SOME, uuids.into_iter()));
    assert!(!eir.push_uuids(
        field::UUID32_ALL,
        field::UUID32_SOME,
        [[0u8; 4]; 0].into_iter()
    ));
    assert!(tiny.is_empty());
}

#[test]
fn uuids() {
    assert_eq!(
        HEART_RATE.to_string(),
        "0000180d-0000-1000-8000-00805f9b34fb"
    );
    assert_eq!(HEART_RATE.shortest(), Shortest::Uuid16(0x180d));
    assert_eq!(
        Uuid128::from_u32(0x0001_0000).shortest(),
        Shortest::Uuid32(0x0001_0000)
    );
    let debug = Uuid128::from_u128(0xd499_2530_b9ec_469f_ab01_6c48_1c47_da1c);
    assert_eq!(debug.shortest(), Shortest::Uuid128(debug));
    assert_eq!(debug.0[0], 0x1c);
    assert_eq!(debug.to_string(), "d4992530-b9ec-469f-ab01-6c481c47da1c");
    assert!(Uuid128::ANY.is_any());
}

proptest! {
    #[test]
    fn any_data(data in proptest::collection::vec(any::<u8>(), 0..300), uuid: [u8; 16], kind: u8) {
        let total: usize = Fields::new(&data).map(|field| field.data.len() + 2).sum();
        prop_assert!(total <= data.len());
        let _ = Fields::new(&data).has_uuid(&Uuid128(uuid));
        let _ = Fields::new(&data).find(kind);
        let _ = Fields::new(&data).find_service_data(u16::from(kind));
        // What is well formed and has no padding in it is read to its end.
        if is_well_formed(&data, |_| true) {
            let mut fields = Fields::new(&data);
            fields.by_ref().for_each(drop);
            prop_assert!(matches!(data[data.len() - fields.remaining()..], [] | [0, ..]));
        }
    }

    #[test]
    fn what_was_built_is_read(fields in proptest::collection::vec((any::<u8>(), proptest::collection::vec(any::<u8>(), 0..40)), 0..12)) {
        let mut builder = Builder::<240>::new();
        let mut fitted = Vec::new();
        for (kind, data) in fields {
            let room = builder.room();
            let fits = builder.push(kind, &data);
            prop_assert_eq!(fits, data.len() + 2 <= room);
            if fits {
                fitted.push((kind, data));
            }
        }
        let read: Vec<_> = Fields::new(builder.as_slice()).map(|field| (field.kind, field.data.to_vec())).collect();
        prop_assert_eq!(read, fitted);
        prop_assert!(is_well_formed(builder.as_slice(), |_| true));
    }
}
