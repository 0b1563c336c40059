// SPDX-License-Identifier: GPL-2.0

//! How long a peer that failed has to wait.

use engine::smp::{
    attempts::{
        Attempts,
        FIRST_WAIT_MS,
        FORGET_AFTER_MS,
        LONGEST_WAIT_MS, //
    },
    Address, //
};
use proptest::prelude::*;
use wire::BdAddr;

fn peer(n: u8) -> Address {
    Address {
        address: BdAddr([n, 0, 0, 0, 0, 0]),
        random: false,
    }
}

/// For how long the peer has to wait.
fn wait(attempts: &Attempts<4>, n: u8, now: u64) -> u64 {
    (0..=LONGEST_WAIT_MS)
        .step_by(500)
        .find(|ms| attempts.allowed(&peer(n), now + ms))
        .unwrap()
}

#[test]
fn the_wait_doubles_up_to_a_limit() {
    let mut attempts = Attempts::new();
    let mut expected = FIRST_WAIT_MS;
    assert!(attempts.allowed(&peer(1), 0));
    for n in 0..40 {
        attempts.failed(&peer(1), n);
        assert_eq!(wait(&attempts, 1, n), expected);
        assert_eq!(wait(&attempts, 2, n), 0);
        expected = (expected * 2).min(LONGEST_WAIT_MS);
    }
    attempts.forget(&peer(1));
    assert_eq!(wait(&attempts, 1, 40), 0);
}

#[test]
fn this_side_waits_too_unless_its_user_wants_it() {
    let mut attempts: Attempts<4> = Attempts::new();
    assert!(attempts.may_begin(&peer(1), 0, false));
    attempts.failed(&peer(1), 0);
    for now in [0, FIRST_WAIT_MS - 1] {
        assert!(!attempts.may_begin(&peer(1), now, false));
        assert!(attempts.may_begin(&peer(1), now, true));
        assert!(attempts.may_begin(&peer(2), now, false));
    }
    assert!(attempts.may_begin(&peer(1), FIRST_WAIT_MS, false));
}

#[test]
fn it_is_forgotten_in_time() {
    let mut attempts = Attempts::new();
    attempts.failed(&peer(1), 0);
    attempts.failed(&peer(1), 10);
    attempts.failed(&peer(1), 10 + FORGET_AFTER_MS);
    assert_eq!(wait(&attempts, 1, 10 + FORGET_AFTER_MS), FIRST_WAIT_MS);
}

#[test]
fn a_crowd_does_not_free_who_waits_longest() {
    let mut attempts = Attempts::new();
    for n in 0..5 {
        attempts.failed(&peer(1), n);
    }
    for n in 10..200 {
        attempts.failed(&peer(n), 5);
    }
    assert!(wait(&attempts, 1, 5) > 0);
}

proptest! {
    #[test]
    fn nobody_waits_longer_than_the_longest(
        failures in proptest::collection::vec((0u8..8, 0u64..1_000_000), 0..100)
    ) {
        let mut attempts: Attempts<4> = Attempts::new();
        let mut now = 0;
        for (n, later) in failures {
            now += later;
            attempts.failed(&peer(n), now);
            prop_assert!(!attempts.allowed(&peer(n), now));
            for m in 0..8 {
                prop_assert!(attempts.allowed(&peer(m), now + LONGEST_WAIT_MS));
            }
        }
    }
}
