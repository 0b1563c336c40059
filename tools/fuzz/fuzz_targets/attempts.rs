// SPDX-License-Identifier: GPL-2.0

//! Who may try to pair again, against a model with room for everybody; and what keys are worth, and which may take another's
//! place.

#![no_main]

use std::collections::BTreeMap;

use engine::{
    security::{
        ltk_fits,
        may_replace,
        KeyType,
        Level,
        Strength, //
    },
    smp::{
        attempts::{
            Attempts,
            FIRST_WAIT_MS,
            FORGET_AFTER_MS,
            LONGEST_WAIT_MS, //
        },
        Address, //
    },
};
use libfuzzer_sys::fuzz_target;
use oxtooth_fuzz::Input;
use wire::BdAddr;

const ROOM: usize = 4;

fn address(number: u8) -> Address {
    Address {
        address: BdAddr([number >> 1, 0, 0, 0, 0, 0]),
        random: number & 1 != 0,
    }
}

/// When this peer may try again: failures, and when the last was.
fn until(failed: (u32, u64)) -> u64 {
    let wait = FIRST_WAIT_MS << (failed.0 - 1).min(10);
    failed.1 + wait.min(LONGEST_WAIT_MS)
}

fn attempts(input: &mut Input<'_>) {
    // With as many peers as there is room for, the model is exact.
    let peers = if input.bit() { ROOM as u8 } else { 8 };
    let mut engine = Attempts::<ROOM>::new();
    let mut model: BTreeMap<u8, (u32, u64)> = BTreeMap::new();
    let mut now = 0;
    while !input.is_empty() {
        let peer = input.below(peers);
        match input.below(4) {
            0 | 1 => {
                engine.failed(&address(peer), now);
                model.retain(|_, failed| failed.1 + FORGET_AFTER_MS > now);
                let failed = model.entry(peer).or_insert((0, now));
                *failed = (failed.0 + 1, now);
                assert!(!engine.allowed(&address(peer), now));
            }
            2 => {
                engine.forget(&address(peer));
                model.remove(&peer);
                assert!(engine.allowed(&address(peer), now));
            }
            _ => now += u64::from(input.u16()) * 8,
        }
        let mut refused = 0;
        for peer in 0..peers {
            let waits = model.get(&peer).is_some_and(|failed| until(*failed) > now);
            let allowed = engine.allowed(&address(peer), now);
            refused += usize::from(!allowed);
            // Who makes room for others waits less than it should, and nobody waits more.
            assert!(allowed || waits);
            assert!(peers != ROOM as u8 || allowed != waits);
        }
        assert!(refused <= ROOM);
    }
}

fn keys(input: &mut Input<'_>) {
    let strength = |input: &mut Input<'_>| {
        let raw = input.u8();
        let kind = KeyType::from_u8(raw);
        assert_eq!(kind.is_some(), raw <= 8);
        let pin = input.below(17);
        let level = kind.and_then(|kind| {
            assert_eq!(kind.to_u8(), raw);
            let level = kind.level(pin);
            assert!(level.is_none_or(|level| level >= Level::Medium));
            assert_eq!(
                level == Some(Level::Fips),
                kind == KeyType::AuthenticatedP256
            );
            level
        });
        let size = input.below(17);
        Strength { level, size }
    };
    let (old, derived) = (strength(input), strength(input));
    if may_replace(old, derived) {
        assert!(derived.level >= old.level && derived.size >= old.size);
        assert!(!may_replace(derived, old) || old == derived);
    } else {
        assert!(derived.level < old.level || derived.size < old.size);
    }
    let (secure, own) = (input.bit(), input.bit());
    let name = |input: &mut Input<'_>| (input.u16() & 1, u64::from(input.u8() & 1));
    let (named, asked) = (name(input), name(input));
    if ltk_fits(secure, own, named, asked) {
        assert_eq!(asked, if secure { (0, 0) } else { named });
        assert!(secure || own);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    keys(&mut input);
    attempts(&mut input);
});
