// SPDX-License-Identifier: GPL-2.0

//! Connection parameters and advertising event types.

use engine::connection::{
    event_type::*,
    legacy_event_type,
    Range, //
};

fn range(min: u16, max: u16, latency: u16, timeout: u16) -> Range {
    Range {
        min,
        max,
        latency,
        timeout,
    }
}

#[test]
fn parameters_at_the_bounds_of_their_ranges() {
    assert!(range(6, 6, 0, 10).is_valid());
    assert!(range(6, 3200, 0, 3200).is_valid());
    assert!(!range(5, 6, 0, 10).is_valid());
    assert!(!range(6, 3201, 0, 3200).is_valid());
    assert!(!range(7, 6, 0, 10).is_valid());
    assert!(!range(6, 6, 0, 9).is_valid());
    assert!(!range(6, 6, 0, 3201).is_valid());
    assert!(!range(6, 6, 500, 3200).is_valid());
}

#[test]
fn the_peer_is_heard_twice_before_the_time_out() {
    // 10 ms units against 1.25 ms units: 10 is 80 intervals of the least length.
    assert!(!range(80, 80, 0, 10).is_valid());
    for max in 6..=3200u16 {
        for timeout in [10u16, 42, 100, 600, 3200] {
            for latency in [0u16, 1, 4, 30, 499] {
                let valid = range(6, max, latency, timeout).is_valid();
                let events = u32::from(timeout) * 8;
                if valid {
                    assert!(
                        (u32::from(latency) + 1) * u32::from(max) * 2 <= events || latency == 0
                    );
                    assert!(u32::from(max) < events);
                }
            }
        }
    }
}

#[test]
fn every_event_type_has_a_legacy_one_or_none() {
    for bits in 0..=u16::MAX {
        let got = legacy_event_type(bits);
        assert!(got.is_none_or(|t| t <= SCAN_RSP));
        assert_eq!(
            got,
            legacy_event_type(bits & 0x1f),
            "data status does not matter"
        );
        assert!(got.is_some() || bits & 0x10 != 0);
    }
    assert_eq!(legacy_event_type(0x13), Some(ADV_IND));
    assert_eq!(legacy_event_type(0x15), Some(ADV_DIRECT_IND));
    assert_eq!(legacy_event_type(0x1b), Some(SCAN_RSP));
    assert_eq!(legacy_event_type(0x01), Some(ADV_IND));
    assert_eq!(legacy_event_type(0x05), Some(ADV_DIRECT_IND));
    assert_eq!(legacy_event_type(0x11), None);
}
