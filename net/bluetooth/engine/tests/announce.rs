// SPDX-License-Identifier: GPL-2.0

//! Inquiry responses and advertising data, byte by byte.

use engine::announce::{
    access_codes,
    adv_data,
    class_of_device,
    scan_rsp_data,
    scans,
    InquiryResponse,
    Uuid,
    GENERAL_DISCOVERABLE,
    NO_BREDR, //
};
use proptest::prelude::*;
use wire::hci::host_control::EIR_LEN;

const BASE: [u8; 16] = [
    0xfb, 0x34, 0x9b, 0x5f, 0x80, 0, 0, 0x80, 0, 0x10, 0, 0, 0, 0, 0, 0,
];

fn short(value: u32) -> [u8; 16] {
    let mut uuid = BASE;
    uuid[12..].copy_from_slice(&value.to_le_bytes());
    uuid
}

/// The fields of EIR or advertising data: type and value. Panics if they are not well formed.
fn fields(mut data: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut fields = Vec::new();
    while let [len, rest @ ..] = data {
        if *len == 0 {
            assert!(rest.iter().all(|&byte| byte == 0));
            break;
        }
        let (field, tail) = rest.split_at(usize::from(*len));
        fields.push((field[0], field[1..].to_vec()));
        data = tail;
    }
    fields
}

#[test]
fn shortest_uuid() {
    assert_eq!(Uuid::shortest(short(0x110b)), Uuid::Bits16(0x110b));
    assert_eq!(Uuid::shortest(short(0x1_0000)), Uuid::Bits32(0x1_0000));
    assert_eq!(Uuid::shortest([7; 16]), Uuid::Bits128([7; 16]));
}

#[test]
fn inquiry_response_with_everything() {
    let response = InquiryResponse {
        name: b"oxtooth\0\0\0",
        tx_power: Some(-3),
        device_id: Some([2, 0x1d6b, 0x0246, 0x0552]),
    };
    let uuids = [
        short(0x0001), // a protocol, left out
        short(0x110b),
        short(0x1200), // PnP information, left out
        short(0x1234_5678),
        [9; 16],
        short(0x180a),
    ];
    let eir = response.build(uuids.into_iter());
    assert_eq!(
        fields(&eir),
        [
            (0x09, b"oxtooth".to_vec()),
            (0x0a, vec![0xfd]),
            (0x10, vec![2, 0, 0x6b, 0x1d, 0x46, 0x02, 0x52, 0x05]),
            (0x03, vec![0x0b, 0x11, 0x0a, 0x18]),
            (0x05, vec![0x78, 0x56, 0x34, 0x12]),
            (0x07, vec![9; 16]),
        ]
    );
}

#[test]
fn long_name_is_cut() {
    let name = |len: usize| {
        InquiryResponse {
            name: &[b'x'; 60][..len],
            tx_power: None,
            device_id: None,
        }
        .build(core::iter::empty())
    };
    assert_eq!(fields(&name(48)), [(0x09, vec![b'x'; 48])]);
    assert_eq!(fields(&name(49)), [(0x08, vec![b'x'; 48])]);
    assert_eq!(name(0), [0; EIR_LEN]);
}

#[test]
fn list_that_does_not_fit_says_so() {
    let eir = InquiryResponse {
        name: b"",
        tx_power: None,
        device_id: None,
    }
    .build((0..40).map(|n| [n; 16]));
    // 240 octets less length and type hold 14 UUIDs.
    let fields = fields(&eir);
    assert_eq!(fields.len(), 1);
    assert_eq!((fields[0].0, fields[0].1.len()), (0x06, 14 * 16));
}

#[test]
fn advertising_data() {
    assert!(adv_data(0, None).is_empty());
    assert_eq!(
        adv_data(GENERAL_DISCOVERABLE | NO_BREDR, Some(4)).as_slice(),
        [0x02, 0x01, 0x06, 0x02, 0x0a, 0x04]
    );
}

#[test]
fn scan_response_names() {
    let name = |name: &[u8], short: &[u8]| fields(scan_rsp_data(0, name, short).as_slice());
    assert_eq!(name(b"", b""), []);
    assert_eq!(
        name(b"ten bytes!\0", b"s"),
        [(0x09, b"ten bytes!".to_vec())]
    );
    assert_eq!(name(b"eleven byte", b"s\0"), [(0x08, b"s".to_vec())]);
    assert_eq!(name(b"eleven byte", b""), [(0x08, b"eleven byt".to_vec())]);
    assert_eq!(name(b"", b"s"), [(0x08, b"s".to_vec())]);
    assert_eq!(
        scan_rsp_data(0x0341, b"n", b"").as_slice(),
        [0x03, 0x19, 0x41, 0x03, 0x02, 0x09, b'n']
    );
}

#[test]
fn class_scans_and_access_codes() {
    assert_eq!(class_of_device(0x04, 0x01, 0x1c, false), [0x04, 0x01, 0x1c]);
    assert_eq!(class_of_device(0x04, 0x01, 0x1c, true), [0x04, 0x21, 0x1c]);
    assert_eq!(scans(false, false, false).bits(), 0);
    assert_eq!(scans(false, true, true).bits(), 3);
    assert_eq!(scans(true, false, false).bits(), 2);
    assert_eq!(access_codes(false, 8).0, 1);
    assert_eq!(
        access_codes(true, 8),
        (2, [[0, 0x8b, 0x9e], [0x33, 0x8b, 0x9e]])
    );
    assert_eq!(access_codes(true, 1).0, 1);
}

proptest! {
    #[test]
    fn inquiry_response_is_well_formed(
        name in proptest::collection::vec(any::<u8>(), 0..248),
        tx_power in any::<Option<i8>>(),
        device_id in any::<Option<[u16; 4]>>(),
        short_uuids in proptest::collection::vec(any::<u32>(), 0..40),
        long_uuids in proptest::collection::vec(any::<[u8; 16]>(), 0..20),
    ) {
        let response = InquiryResponse { name: &name, tx_power, device_id };
        let uuids = short_uuids.iter().map(|&u| short(u)).chain(long_uuids.iter().copied());
        let eir = response.build(uuids);
        let used: usize = fields(&eir).iter().map(|(_, value)| value.len() + 2).sum();
        prop_assert!(used <= EIR_LEN);
    }
}
