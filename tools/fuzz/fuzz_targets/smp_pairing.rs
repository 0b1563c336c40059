// SPDX-License-Identifier: GPL-2.0

//! Two devices that pair, and somebody between them who changes, drops, reflects and invents frames, while users, time and the
//! controllers do what they like. No device takes a key for better than its model allows, and who protects against somebody in the
//! middle is not deceived.

#![no_main]

#[path = "../../../net/bluetooth/engine/tests/smp/host.rs"]
mod host;
#[allow(dead_code)]
#[path = "../../../net/bluetooth/engine/tests/smp/two.rs"]
mod two;

use engine::{
    security::Level,
    smp::{
        Answer,
        Outcome, //
    },
};
use libfuzzer_sys::fuzz_target;
use oxtooth_fuzz::Input;
use two::{
    Fate,
    Two, //
};
use wire::smp::{
    Code,
    IoCapability, //
};

/// A frame of the right length, or any octets.
fn frame(input: &mut Input<'_>) -> Vec<u8> {
    let code = input.u8();
    match Code::from_u8(code & 0x0f) {
        Some(code) if input.bit() => {
            let mut frame = vec![code.to_u8()];
            frame.extend(input.bytes(code.body_len()));
            frame.resize(1 + code.body_len(), 0);
            frame
        }
        _ => {
            let mut frame = vec![code];
            frame.extend(input.bytes(70));
            frame
        }
    }
}

/// Whether each device has a user who could notice, so that the pairing is safe from who is in the middle.
fn protected(two: &Two) -> bool {
    two.devices.iter().all(|device| {
        device.pairing.as_ref().is_some_and(|pairing| {
            pairing.is_secure()
                && pairing.keys().is_some_and(|keys| {
                    keys.ltk
                        .as_ref()
                        .or(keys.own_ltk.as_ref())
                        .is_some_and(|ltk| ltk.authenticated)
                })
        })
    })
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let mut two = Two::new();
    for device in &mut two.devices {
        let bits = input.u8();
        let setup = &mut device.setup;
        setup.io = IoCapability(input.below(5));
        setup.secure_connections = bits & 1 == 0;
        setup.secure_connections_only = bits & 2 != 0;
        setup.bondable = bits & 4 == 0;
        setup.debug_keys = bits & 8 != 0;
        setup.no_mitm = bits & 16 != 0;
        setup.wanted =
            [Level::Medium, Level::High, Level::Fips, Level::Low][usize::from(bits >> 5 & 3)];
        setup.max_key_size = if bits & 128 != 0 { 7 } else { 16 };
    }
    // What happens to each frame on its way: an octet says it, with one more for what is changed.
    let mut fates = input.bytes(60).to_vec().into_iter();
    two.between = Box::new(move |_, mut frame| {
        let Some(fate) = fates.next() else {
            return Fate::Pass(frame);
        };
        match fate {
            0..=0x7f => Fate::Pass(frame),
            0x80..=0x8f => Fate::Drop,
            0x90..=0x9f => Fate::Back(frame),
            at => {
                let at = usize::from(at & 0x3f) % frame.len();
                frame[at] ^= fates.next().unwrap_or(1);
                Fate::Pass(frame)
            }
        }
    });
    two.encryption_works = input.bit();
    if input.bit() {
        two.peripheral().request_security();
    } else {
        two.central().initiate();
    }
    let mut now = 0;
    let mut strangers = false;
    for _ in 0..200 {
        if input.is_empty() {
            break;
        }
        let me = usize::from(input.bit());
        let device = &mut two.devices[me];
        if device.pairing.is_none() || device.outcome.is_some() {
            two.step();
            continue;
        }
        match input.below(16) {
            0 => {
                strangers = true;
                device.received(&frame(&mut input));
            }
            1 => {
                let yes = input.bit();
                let _ = device.with(now, |p, c| p.answer(Answer::Confirm(yes), c));
                strangers = true;
            }
            2 => {
                let key = Some(u32::from(input.u16()) * 16);
                let _ = device.with(now, |p, c| p.answer(Answer::Passkey(key), c));
                strangers = true;
            }
            3 => {
                let worth = input.bit().then_some(Level::Medium);
                device.with(now, |p, c| p.encrypted(worth, c));
                strangers = true;
            }
            4 => {
                now += u64::from(input.u16());
                device.with(now, |p, _| p.expire(now));
            }
            5 => {
                let level = [Level::Low, Level::High, Level::Fips][usize::from(input.below(3))];
                device.with(now, |p, _| p.require(level));
            }
            6 => device.with(now, |p, _| p.cancel(now)),
            7 => device.with(now, |p, _| p.link_lost()),
            8 => device.host.broken = input.bit(),
            _ => {
                two.step();
            }
        }
    }
    two.run();
    for device in &two.devices {
        let Some(pairing) = device.pairing.as_ref() else {
            continue;
        };
        if device.outcome != Some(Outcome::Paired) {
            assert!(pairing.keys().is_none(), "keys without a pairing");
            continue;
        }
        let Some(keys) = pairing.keys() else {
            continue;
        };
        for ltk in [&keys.ltk, &keys.own_ltk].into_iter().flatten() {
            assert!((7..=16).contains(&ltk.size));
            if device.setup.io == IoCapability::NO_INPUT_NO_OUTPUT {
                assert!(!ltk.authenticated, "Just Works made a key that is not");
            }
        }
        if device.setup.secure_connections_only {
            assert!(pairing.is_secure());
        }
    }
    // Users who compare honestly, and nobody who answers for them: both have the same key.
    if !strangers && two.devices.iter().all(|device| device.paired()) && protected(&two) {
        let [a, b] = two.keys();
        assert_eq!(a.ltk, b.ltk);
    }
});
