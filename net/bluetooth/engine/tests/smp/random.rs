// SPDX-License-Identifier: GPL-2.0

//! Anything at any time: nothing panics, and no key comes of it.

use engine::{
    security::Level,
    smp::{
        Answer,
        Outcome, //
    },
};
use proptest::prelude::*;
use wire::smp::IoCapability;

use crate::two::{
    Fate,
    Two, //
};

#[derive(Clone, Debug)]
enum Input {
    Frame(Vec<u8>),
    Confirm(bool),
    Passkey(Option<u32>),
    Encrypted(Option<Level>),
    Time(u64),
    Require(u8),
    Cancel,
}

fn frame() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (1u8..=14).prop_flat_map(|code| {
            let len = wire::smp::Code::from_u8(code).unwrap().body_len();
            proptest::collection::vec(any::<u8>(), len).prop_map(move |mut body| {
                body.insert(0, code);
                body
            })
        }),
        (
            0u8..6,
            0u8..2,
            any::<u8>(),
            6u8..18,
            any::<u8>(),
            any::<u8>()
        )
            .prop_map(|(io, oob, auth, size, a, b)| vec![2, io, oob, auth, size, a, b]),
        proptest::collection::vec(any::<u8>(), 0..70),
    ]
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        8 => frame().prop_map(Input::Frame),
        1 => any::<bool>().prop_map(Input::Confirm),
        1 => proptest::option::of(0u32..2_000_000).prop_map(Input::Passkey),
        1 => proptest::option::of(prop_oneof![Just(Level::Low), Just(Level::Medium), Just(Level::High)])
            .prop_map(Input::Encrypted),
        1 => (0u64..40_000).prop_map(Input::Time),
        1 => (0u8..5).prop_map(Input::Require),
        1 => Just(Input::Cancel),
    ]
}

proptest! {
    #[test]
    fn a_stranger_gets_no_keys(
        inputs in proptest::collection::vec(input(), 0..60),
        secure in any::<bool>(),
        central in any::<bool>(),
        io in 0u8..5,
    ) {
        let mut two = Two::new().set(|setup| {
            setup.secure_connections = secure;
            setup.wanted = Level::High;
        });
        let me = usize::from(!central);
        let device = &mut two.devices[me];
        device.setup.io = IoCapability(io);
        if central {
            device.initiate();
        } else {
            device.request_security();
        }
        let mut now = 0;
        for input in inputs {
            match input {
                Input::Frame(frame) => {
                    device.with(now, |p, c| p.received(&frame, c));
                }
                Input::Confirm(yes) => {
                    let _ = device.with(now, |p, c| p.answer(Answer::Confirm(yes), c));
                }
                Input::Passkey(key) => {
                    let _ = device.with(now, |p, c| p.answer(Answer::Passkey(key), c));
                }
                Input::Encrypted(worth) => device.with(now, |p, c| p.encrypted(worth, c)),
                Input::Time(ms) => {
                    now += ms;
                    device.with(now, |p, _| p.expire(now));
                }
                Input::Require(level) => {
                    device.with(now, |p, _| p.require(Level::from_u8(level).unwrap()));
                }
                Input::Cancel => device.with(now, |p, _| p.cancel(now)),
            }
            let pairing = device.pairing.as_mut().unwrap();
            while pairing.next_action().is_some() {}
            // Nobody can guess a confirm value: no pairing of level 3 ever gets as far as a key.
            prop_assert!(pairing.keys().is_none());
            prop_assert!(pairing.long_term_key(0, 0).is_none());
        }
    }

    #[test]
    fn one_octet_changed_in_the_air_never_pairs_two_keys(
        at in 0usize..40,
        octet in 0usize..65,
        with in 1u8..=255,
        secure in any::<bool>(),
        central in 0u8..5,
        peripheral in 0u8..5,
    ) {
        let mut two = Two::new()
            .io(IoCapability(central), IoCapability(peripheral))
            .set(|setup| setup.secure_connections = secure);
        let mut n = 0;
        let mut code = 0;
        two.between = Box::new(move |_, mut frame| {
            if n == at && octet > 0 && octet < frame.len() {
                code = frame[0];
                frame[octet] ^= with;
            }
            n += 1;
            let _ = code;
            Fate::Pass(frame)
        });
        two.pair();
        if two.devices.iter().all(|device| device.outcome == Some(Outcome::Paired)) {
            // Only what is sent over the encrypted link, which nobody in the air can change, was changed, or nothing.
            let [a, b] = two.keys();
            if secure && two.devices.iter().all(|d| d.pairing.as_ref().unwrap().is_secure()) {
                prop_assert_eq!(&a.ltk, &b.ltk);
            }
        }
    }
}
