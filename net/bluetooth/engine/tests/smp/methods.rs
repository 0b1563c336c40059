// SPDX-License-Identifier: GPL-2.0

//! Table 2.8 of Vol 3 Part H, row by row.

use engine::smp::{
    method::select,
    Method, //
};
use wire::smp::IoCapability;

// What the device that is not the initiator does, for each of its capabilities.
const N: Method = Method::NumericComparison;
const S: Method = Method::PasskeyShown;
const E: Method = Method::PasskeyEntered;
const J: Method = Method::JustWorks { capable: false };
const C: Method = Method::JustWorks { capable: true };

/// `[peer's capability][own capability]`, own being the responder.
const LEGACY: [[Method; 5]; 5] = [
    [J, C, E, J, E],
    [J, C, E, J, E],
    [S, S, E, J, S],
    [J, C, J, J, C],
    [S, S, E, J, E],
];
const SECURE: [[Method; 5]; 5] = [
    [J, C, E, J, E],
    [J, N, E, J, N],
    [S, S, E, J, S],
    [J, C, J, J, C],
    [S, N, E, J, N],
];

#[test]
fn table() {
    for (table, secure) in [(LEGACY, false), (SECURE, true)] {
        for (peer, row) in table.iter().enumerate() {
            for (own, &expected) in row.iter().enumerate() {
                let (own, peer) = (IoCapability(own as u8), IoCapability(peer as u8));
                let context = format!("own {own:?} peer {peer:?} secure {secure}");
                assert_eq!(
                    select(true, secure, false, own, peer),
                    expected,
                    "{context}"
                );
                let other = select(true, secure, true, peer, own);
                let fits = match expected {
                    Method::PasskeyShown => Method::PasskeyEntered,
                    Method::PasskeyEntered
                        if (own, peer)
                            == (IoCapability::KEYBOARD_ONLY, IoCapability::KEYBOARD_ONLY) =>
                    {
                        Method::PasskeyEntered
                    }
                    Method::PasskeyEntered => Method::PasskeyShown,
                    Method::JustWorks { .. } => J,
                    other => other,
                };
                assert_eq!(other, fits, "{context}, the initiator's side");
                assert!(!select(false, secure, false, own, peer).is_authenticated());
            }
        }
    }
}

#[test]
fn reserved_capabilities_authenticate_nothing() {
    for raw in 5..=255 {
        let reserved = IoCapability(raw);
        for known in (0..5).map(IoCapability) {
            assert!(!select(true, true, false, known, reserved).is_authenticated());
            assert!(!select(true, false, true, reserved, known).is_authenticated());
        }
    }
}
