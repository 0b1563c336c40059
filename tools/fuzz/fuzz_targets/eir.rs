// SPDX-License-Identifier: GPL-2.0

//! Any EIR or AD data: its fields can be read, and written again to the same bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::{
    eir::{
        is_well_formed,
        Builder,
        Fields, //
    },
    uuid::Uuid128, //
};

fuzz_target!(|data: &[u8]| {
    let mut fields = Fields::new(data);
    let mut builder = Builder::<240>::new();
    let mut whole = true;
    for field in fields.by_ref() {
        whole &= builder.push(field.kind, field.data);
    }
    let read = data.len() - fields.remaining();
    if whole {
        assert_eq!(builder.as_slice(), &data[..read]);
    }
    if is_well_formed(data, |_| true) {
        assert!(matches!(data[read..], [] | [0, ..]));
    }
    let _ = Fields::new(data).has_uuid(&Uuid128::from_u16(0x180d));
    if let Some(service) = Fields::new(data).find_service_data(0x1852) {
        assert!(service.len() + 4 <= data.len());
    }
});
