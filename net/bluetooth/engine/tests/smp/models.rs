// SPDX-License-Identifier: GPL-2.0

//! Pairings that succeed: every association model, both roles, all keys.

use engine::{
    security::{
        KeyType,
        Level, //
    },
    smp::{
        crypto::{
            f4,
            link_key_from_ltk,
            ltk_from_link_key, //
        },
        Action,
        BrEdr,
        Crypto,
        KeyPair,
        LocalOob,
        LtkKind,
        Method,
        Outcome,
        Pairing,
        Question,
        RemoteOob,
        Secret,
        TIMEOUT_MS, //
    },
};
use wire::smp::IoCapability;

use crate::two::{
    setup,
    Two,
    CENTRAL,
    CENTRAL_IDENTITY,
    PERIPHERAL, //
};

fn method(two: &Two, me: usize) -> Method {
    two.devices[me].pairing.as_ref().unwrap().method()
}

/// Both sides have what belongs together.
fn check(two: &Two, secure: bool, authenticated: bool) {
    let [central, peripheral] = two.keys();
    assert!(central.bonding && peripheral.bonding);
    let ltk = central.ltk.as_ref().unwrap();
    assert_eq!(ltk.authenticated, authenticated);
    if secure {
        assert_eq!(central.ltk, peripheral.ltk);
        assert_eq!(
            (ltk.kind, ltk.ediv, ltk.rand),
            (LtkKind::SecureConnections, 0, 0)
        );
        assert!(central.own_ltk.is_none() && peripheral.own_ltk.is_none());
        assert_eq!(central.link_key, peripheral.link_key);
        assert_eq!(
            central.link_key.as_ref().unwrap().kind,
            if authenticated {
                KeyType::AuthenticatedP256
            } else {
                KeyType::UnauthenticatedP256
            }
        );
    } else {
        assert!(central.link_key.is_none() && peripheral.link_key.is_none());
        for (sender, receiver) in [(central, peripheral), (peripheral, central)] {
            let own = sender.own_ltk.as_ref().unwrap();
            let got = receiver.ltk.as_ref().unwrap();
            assert_eq!((own.kind, got.kind), (LtkKind::Own, LtkKind::Peer));
            assert_eq!(
                (&own.key, own.ediv, own.rand, own.size, own.authenticated),
                (&got.key, got.ediv, got.rand, got.size, got.authenticated)
            );
        }
        assert_ne!(
            central.own_ltk.as_ref().unwrap().key,
            peripheral.own_ltk.as_ref().unwrap().key
        );
    }
    assert_eq!(
        ltk.level(),
        match (secure, authenticated) {
            (_, false) => Level::Medium,
            (false, true) => Level::High,
            (true, true) => Level::Fips,
        }
    );
    assert_eq!(central.own_signing, peripheral.peer_signing);
    assert_eq!(central.peer_signing, peripheral.own_signing);
    assert_eq!(
        central.own_signing.as_ref().unwrap().authenticated,
        authenticated
    );
    let of_peripheral = central.identity.as_ref().unwrap();
    assert_eq!(of_peripheral.address, PERIPHERAL);
    assert_eq!(of_peripheral.irk, Secret::new([0xe1; 16]));
    assert_eq!(of_peripheral.current, None);
    let of_central = peripheral.identity.as_ref().unwrap();
    assert_eq!(of_central.address, CENTRAL_IDENTITY);
    assert_eq!(of_central.current, Some(CENTRAL));
}

#[test]
fn all_capabilities_in_both_roles() {
    for secure in [false, true] {
        for central in (0..5).map(IoCapability) {
            for peripheral in (0..5).map(IoCapability) {
                for security_request in [false, true] {
                    let mut two = Two::new()
                        .io(central, peripheral)
                        .set(|setup| setup.secure_connections = secure);
                    if security_request {
                        two.peripheral().request_security();
                        two.run();
                    } else {
                        two.pair();
                    }
                    let authenticated = method(&two, 0).is_authenticated();
                    assert_eq!(authenticated, method(&two, 1).is_authenticated());
                    if !two.devices[0].paired() {
                        // A responder with a way to authenticate insists on what the initiator asked for.
                        assert!(!authenticated);
                        assert_eq!(two.peripheral().refused_with(), Some(0x03));
                        assert_ne!(central, IoCapability::NO_INPUT_NO_OUTPUT);
                        assert_ne!(peripheral, IoCapability::NO_INPUT_NO_OUTPUT);
                        continue;
                    }
                    check(&two, secure, authenticated);
                }
            }
        }
    }
}

#[test]
fn questions_fit_the_model() {
    let mut two = Two::new().io(IoCapability::DISPLAY_YES_NO, IoCapability::KEYBOARD_DISPLAY);
    two.pair();
    let asked: Vec<_> = two.devices.iter().map(|d| d.asked.clone()).collect();
    assert_eq!(asked[0], asked[1]);
    assert!(matches!(
        asked[0][..],
        [Question::Confirm { hint: false, value }] if value < 1_000_000
    ));

    let mut two = Two::new().io(IoCapability::KEYBOARD_ONLY, IoCapability::DISPLAY_ONLY);
    two.pair();
    assert_eq!(two.devices[0].asked, [Question::EnterPasskey]);
    assert!(matches!(
        two.devices[1].asked[..],
        [Question::ShowPasskey { entered: 0, .. }]
    ));
    check(&two, true, true);
}

#[test]
fn a_passkey_is_never_used_twice() {
    let shown = |seed: u64| {
        let mut two = Two::new().io(IoCapability::KEYBOARD_ONLY, IoCapability::DISPLAY_ONLY);
        two.peripheral().host = crate::host::Host::new(seed);
        let mut shown = Vec::new();
        for _ in 0..3 {
            for device in &mut two.devices {
                device.pairing = None;
                device.outcome = None;
                device.asked.clear();
            }
            two.pair();
            assert!(two.devices[0].paired());
            if let Question::ShowPasskey { passkey, .. } = two.devices[1].asked[0] {
                shown.push(passkey);
            }
        }
        shown
    };
    for seed in 5..10 {
        let [a, b, c] = shown(seed)[..] else {
            panic!("not shown")
        };
        assert!(a != b && b != c && a != c);
    }
}

#[test]
fn key_sizes() {
    for secure in [false, true] {
        for (central, peripheral) in [(16, 16), (7, 16), (16, 10), (9, 8)] {
            let mut two = Two::new()
                .io(
                    IoCapability::NO_INPUT_NO_OUTPUT,
                    IoCapability::NO_INPUT_NO_OUTPUT,
                )
                .set(|setup| setup.secure_connections = secure);
            two.central().setup.max_key_size = central;
            two.peripheral().setup.max_key_size = peripheral;
            two.pair();
            let [a, b] = two.keys();
            let size = central.min(peripheral);
            for ltk in [&a.ltk, &b.ltk, &a.own_ltk, &b.own_ltk]
                .into_iter()
                .flatten()
            {
                assert_eq!(ltk.size, size);
                assert!(ltk.key.octets()[size.into()..].iter().all(|&o| o == 0));
                assert!(ltk.key.octets()[..size.into()].iter().any(|&o| o != 0));
            }
        }
    }
}

#[test]
fn a_short_key_is_not_level_4() {
    let mut two = Two::new().io(IoCapability::DISPLAY_ONLY, IoCapability::KEYBOARD_ONLY);
    two.central().setup.no_mitm = true;
    two.peripheral().setup.wanted = Level::High;
    two.central().setup.max_key_size = 15;
    two.pair();
    let [a, _] = two.keys();
    assert_eq!(a.ltk.as_ref().unwrap().level(), Level::High);
    assert_eq!(
        a.link_key.as_ref().unwrap().kind,
        KeyType::UnauthenticatedP256
    );
}

fn oob_data(two: &mut Two, me: usize) -> (LocalOob<crate::host::Pair>, RemoteOob) {
    let host = &mut two.devices[me].host;
    let pair = host.generate().unwrap();
    let mut random = [0; 16];
    host.random(&mut random);
    let confirm = f4(host, &pair.public().x, &pair.public().x, &random, 0).unwrap();
    let random = Secret::new(random);
    (
        LocalOob {
            pair,
            random: random.clone(),
        },
        RemoteOob { confirm, random },
    )
}

#[test]
fn out_of_band_one_way_and_both_ways() {
    for who in 1..4u8 {
        let mut two = Two::new();
        for me in 0..2usize {
            let (local, remote) = oob_data(&mut two, me);
            two.devices[me].setup.local_oob = Some(local);
            if who & (1 << me) != 0 {
                two.devices[1 - me].setup.remote_oob = Some(remote);
            }
        }
        two.pair();
        assert_eq!(method(&two, 0), Method::OutOfBand);
        assert_eq!(method(&two, 1), Method::OutOfBand);
        assert!(two.devices.iter().all(|d| d.asked.is_empty()));
        check(&two, true, true);
    }
}

#[test]
fn out_of_band_legacy() {
    let mut two = Two::new().set(|setup| {
        setup.secure_connections = false;
        setup.legacy_oob = Some(Secret::new([0x42; 16]));
    });
    two.pair();
    assert_eq!(method(&two, 0), Method::OutOfBand);
    check(&two, false, true);

    // Only one side has it: the capabilities decide.
    let mut two = Two::new().set(|setup| setup.secure_connections = false);
    two.central().setup.legacy_oob = Some(Secret::new([0x42; 16]));
    two.central().setup.io = IoCapability::NO_INPUT_NO_OUTPUT;
    two.pair();
    assert_eq!(method(&two, 0), Method::JustWorks { capable: false });
    check(&two, false, false);
}

#[test]
fn link_keys_both_ways() {
    let mut two = Two::new();
    two.pair();
    let ltk = two.keys()[0].ltk.clone().unwrap().key;
    let host = &mut two.devices[0].host;
    let expected = link_key_from_ltk(host, &ltk, true).unwrap();
    assert_eq!(two.keys()[0].link_key.as_ref().unwrap().key, expected);

    for (authenticated, debug) in [(true, false), (false, false), (true, true)] {
        let link_key = Secret::new([0x5c; 16]);
        let mut two = Two::new().set(|setup| {
            setup.central.random = false;
            setup.bredr = Some(BrEdr {
                link_key: link_key.clone(),
                debug,
                authenticated,
                secure: true,
                key_size: 16,
            });
        });
        // Over BR/EDR, both know each other's public address.
        two.central().setup.own_identity = two.devices[0].setup.central;
        two.peripheral().setup.peer = two.devices[0].setup.central;
        two.pair();
        assert!(two.devices.iter().all(|d| d.asked.is_empty()));
        let expected = ltk_from_link_key(&mut two.devices[0].host, &link_key, true).unwrap();
        for keys in two.keys() {
            let ltk = keys.ltk.as_ref().unwrap();
            assert_eq!(ltk.key, expected);
            assert_eq!(ltk.authenticated, authenticated && !debug);
            assert_eq!(
                ltk.kind,
                if debug {
                    LtkKind::Debug
                } else {
                    LtkKind::SecureConnections
                }
            );
            assert!(keys.link_key.is_none() && keys.own_ltk.is_none());
            assert!(keys.identity.is_some() && keys.peer_signing.is_some());
        }
    }
}

#[test]
fn what_is_not_agreed_on_is_not_sent() {
    let mut two = Two::new().set(|setup| setup.link_keys = false);
    two.central().setup.privacy = false;
    two.peripheral().setup.resolve = false;
    two.pair();
    let [central, peripheral] = two.keys();
    assert!(central.identity.is_some() && peripheral.identity.is_none());
    assert!(central.link_key.is_none() && peripheral.link_key.is_none());

    let mut two = Two::new();
    two.central().setup.bondable = false;
    two.peripheral().setup.bondable = true;
    two.pair();
    let [central, peripheral] = two.keys();
    assert!(!central.bonding && !peripheral.bonding);
    assert!(central.own_signing.is_none() && peripheral.own_signing.is_none());
}

#[test]
fn debug_keys_mark_what_they_make() {
    for me in 0..2 {
        let mut two = Two::new();
        two.devices[me].setup.debug_keys = true;
        two.pair();
        for keys in two.keys() {
            assert_eq!(keys.ltk.as_ref().unwrap().kind, LtkKind::Debug);
            assert_eq!(
                keys.link_key.as_ref().unwrap().kind,
                KeyType::DebugCombination
            );
        }
    }
    // Both: their keys are equal, and that is no attack.
    let mut two = Two::new().set(|setup| setup.debug_keys = true);
    two.pair();
    assert!(two.devices[0].paired());
}

#[test]
fn secure_connections_of_one_side_only_are_none() {
    for me in 0..2 {
        let mut two = Two::new();
        two.devices[me].setup.secure_connections = false;
        two.pair();
        assert!(two
            .devices
            .iter()
            .all(|d| !d.pairing.as_ref().unwrap().is_secure()));
        assert!(two.devices[0].paired());
    }
}

#[test]
fn time_out_closes_without_a_word() {
    for (secure, stop_at) in [(true, 0x02), (true, 0x0c), (false, 0x03), (false, 0x04)] {
        let mut two = Two::new().set(|setup| setup.secure_connections = secure);
        two.between = Box::new(move |_, frame| {
            if frame[0] == stop_at {
                crate::two::Fate::Drop
            } else {
                crate::two::Fate::Pass(frame)
            }
        });
        two.pair();
        let sent = two.devices[0].sent.len();
        let deadline = two.devices[0].pairing.as_ref().unwrap().deadline();
        assert_eq!(deadline, Some(TIMEOUT_MS));
        two.central()
            .with(0, |pairing, _| pairing.expire(TIMEOUT_MS - 1));
        two.run();
        assert_eq!(two.devices[0].outcome, None);
        two.central()
            .with(0, |pairing, _| pairing.expire(TIMEOUT_MS));
        two.run();
        let Some(Outcome::Failed(failure)) = two.devices[0].outcome else {
            panic!("{:?}", two.devices[0].outcome)
        };
        assert_eq!(failure.origin, engine::smp::Origin::Timeout);
        assert_eq!(two.devices[0].sent.len(), sent, "nothing may be sent");
        assert_eq!(two.devices[0].pairing.as_ref().unwrap().deadline(), None);
    }
}

#[test]
fn a_frame_sent_winds_the_clock() {
    let mut two = Two::new();
    two.devices[0].initiate();
    let pairing: &Pairing<_> = two.devices[0].pairing.as_ref().unwrap();
    assert_eq!(pairing.deadline(), Some(TIMEOUT_MS));
    let response = [0x02, 0x01, 0x00, 0x0d, 0x10, 0x0f, 0x0f];
    two.central().with(20_000, |pairing, context| {
        pairing.received(&response, context)
    });
    assert_eq!(
        two.devices[0].pairing.as_ref().unwrap().deadline(),
        Some(20_000 + TIMEOUT_MS)
    );
}

#[test]
fn the_setup_is_what_the_tests_take_it_for() {
    assert_eq!(setup(true).peer, PERIPHERAL);
    assert_eq!(setup(false).peer, CENTRAL);
}

/// What a peripheral that wants `wanted` does when a central that was asked for security only encrypts, with keys worth
/// `levels`, and then 30 seconds pass.
fn only_encrypted(wanted: Level, levels: &[Level]) -> Vec<Action> {
    let mut two = Two::new();
    let device = two.peripheral();
    device.setup.wanted = wanted;
    device.request_security();
    device.with(1_000, |pairing, context| {
        for level in levels {
            // Not of the pairing's making, and nothing comes of it that could be kept.
            assert_eq!(pairing.long_term_key(0, 0).map(|_| ()), None);
            pairing.encrypted(Some(*level), context);
        }
        pairing.expire(31_000);
        assert!(pairing.is_over() && pairing.keys().is_none() && pairing.deadline().is_none());
        core::iter::from_fn(|| pairing.next_action()).collect()
    })
}

/// A central that has a key does not answer a Security Request, it encrypts (2.4.6): then nothing is waited for any more.
#[test]
fn a_central_with_a_key_only_encrypts() {
    for (wanted, level) in [
        (Level::Medium, Level::Medium),
        (Level::Medium, Level::Fips),
        (Level::High, Level::High),
    ] {
        assert!(matches!(
            only_encrypted(wanted, &[level])[..],
            [Action::Send(_), Action::Done(Outcome::Paired)]
        ));
    }
}

/// One whose key is worth less than what is wanted is asked once more; the link is not the worse for it.
#[test]
fn a_central_encrypts_with_too_little() {
    for (levels, again) in [
        (&[Level::Medium][..], false),
        (&[Level::Medium, Level::Medium], false),
        (&[Level::Medium, Level::High], true),
    ] {
        let actions = only_encrypted(Level::High, levels);
        let [Action::Send(first), Action::Send(second), Action::Done(outcome)] = &actions[..]
        else {
            panic!("{actions:?}");
        };
        assert_eq!(first.as_slice(), second.as_slice());
        match outcome {
            Outcome::Paired => assert!(again),
            Outcome::Failed(failure) => {
                assert!(!again);
                assert_eq!(failure.origin, engine::smp::Origin::Insufficient);
            }
        }
    }
}

/// What is asked for the second time is what is wanted by then.
#[test]
fn more_is_wanted_than_was_asked_for() {
    let mut two = Two::new();
    let device = two.peripheral();
    device.setup.no_mitm = true;
    device.setup.wanted = Level::Medium;
    device.request_security();
    let second = device.with(0, |pairing, context| {
        pairing.require(Level::High);
        pairing.encrypted(Some(Level::Medium), context);
        let Some(Action::Send(first)) = pairing.next_action() else {
            panic!("asked for nothing");
        };
        assert_eq!(first.as_slice()[1] & 0x04, 0);
        pairing.next_action()
    });
    let Some(Action::Send(second)) = second else {
        panic!("{second:?}");
    };
    assert_eq!(second.as_slice()[1] & 0x04, 0x04);
}
