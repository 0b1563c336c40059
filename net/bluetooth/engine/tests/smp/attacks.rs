// SPDX-License-Identifier: GPL-2.0

//! Known attacks on pairing: each is refused with the reason that the specification names.

use engine::{
    security::Level,
    smp::{
        first,
        security_request,
        Answer,
        BrEdr,
        First,
        Origin,
        Outcome,
        Question,
        Secret,
        SecurityRequest, //
    },
};
use wire::smp::{
    AuthReq,
    IoCapability,
    Reason, //
};

use crate::two::{
    setup,
    Device,
    Fate,
    Two, //
};

fn failed(device: &Device) -> (Reason, Origin, bool) {
    match device.outcome {
        Some(Outcome::Failed(failure)) => (failure.reason, failure.origin, failure.unproved),
        other => panic!("{other:?}"),
    }
}

fn refused(device: &Device, reason: Reason) {
    assert_eq!(failed(device).0, reason);
    assert_eq!(failed(device).1, Origin::Here);
    assert_eq!(device.refused_with(), Some(reason.0));
    assert!(device.pairing.as_ref().unwrap().keys().is_none());
    assert!(device
        .pairing
        .as_ref()
        .unwrap()
        .long_term_key(0, 0)
        .is_none());
}

/// CVE-2020-26558: a peer without the passkey sends the public key, the commitments and the nonces back.
#[test]
fn reflected_public_key() {
    for mirrored in [false, true] {
        let mut two = Two::new().io(IoCapability::DISPLAY_ONLY, IoCapability::KEYBOARD_ONLY);
        two.between = Box::new(move |from, mut frame| match (from, frame[0]) {
            (0, 0x0c) => {
                if mirrored {
                    // The same x, another y: not a point of the curve unless it is p - y, either way not a peer's key.
                    frame[64] ^= 0x80;
                }
                Fate::Back(frame)
            }
            _ => Fate::Pass(frame),
        });
        two.pair();
        refused(&two.devices[0], Reason::DHKEY_CHECK_FAILED);
        assert!(failed(&two.devices[0]).2, "has to wait");
    }
}

#[test]
fn reflected_public_key_to_a_responder() {
    // The responder's key comes after the peer's, so the peer cannot send it back in the same pairing; what it
    // has from an earlier one it can.
    let mut two = Two::new();
    let (local, _) = {
        use engine::smp::{
            Crypto,
            KeyPair,
            LocalOob, //
        };
        let pair = two.devices[1].host.generate().unwrap();
        let public = *pair.public();
        (
            LocalOob {
                pair,
                random: Secret::ZERO,
            },
            public,
        )
    };
    use engine::smp::KeyPair;
    let public = *local.pair.public();
    two.peripheral().setup.local_oob = Some(local);
    let device = two.peripheral();
    device.received(&[0x01, 0x01, 0x01, 0x0d, 0x10, 0x00, 0x00]);
    let mut frame = vec![0x0c];
    frame.extend(public.x);
    frame.extend(public.y);
    device.received(&frame);
    two.run();
    refused(&two.devices[1], Reason::DHKEY_CHECK_FAILED);
}

/// A point that is not on the curve, to find out the private key (CVE-2018-5383).
#[test]
fn invalid_curve_point() {
    for victim in 0..2 {
        let mut two = Two::new();
        two.between = Box::new(move |from, mut frame| {
            if from == 1 - victim && frame[0] == 0x0c {
                // The attack of 2018: the y coordinate set to zero, which the pairing did not cover.
                frame[33..].fill(0);
            }
            Fate::Pass(frame)
        });
        two.pair();
        refused(&two.devices[victim], Reason::DHKEY_CHECK_FAILED);
    }
}

#[test]
fn reflected_confirm_and_random() {
    // Secure Connections with a passkey: the initiator's own commitment comes back.
    let mut two = Two::new().io(IoCapability::DISPLAY_ONLY, IoCapability::KEYBOARD_ONLY);
    two.between = Box::new(|from, frame| match (from, frame[0]) {
        (0, 0x03) => Fate::Back(frame),
        _ => Fate::Pass(frame),
    });
    two.pair();
    refused(&two.devices[0], Reason::CONFIRM_VALUE_FAILED);

    // Legacy pairing: both sides compute the same function, so the initiator would believe its own values.
    for io in [
        IoCapability::NO_INPUT_NO_OUTPUT,
        IoCapability::KEYBOARD_ONLY,
    ] {
        let mut two = Two::new()
            .io(IoCapability::DISPLAY_ONLY, io)
            .set(|setup| setup.secure_connections = false);
        two.between = Box::new(|from, frame| match (from, frame[0]) {
            (0, 0x03 | 0x04) => Fate::Back(frame),
            _ => Fate::Pass(frame),
        });
        two.pair();
        refused(&two.devices[0], Reason::CONFIRM_VALUE_FAILED);
    }

    // Numeric comparison: the responder gets its own nonce.
    let mut two = Two::new();
    let mut last = None;
    two.between = Box::new(move |from, frame| match (from, frame[0]) {
        (1, 0x03) => {
            last = Some(frame.clone());
            Fate::Pass(frame)
        }
        (1, 0x04) => {
            let _ = &last;
            Fate::Back(frame)
        }
        _ => Fate::Pass(frame),
    });
    two.pair();
    assert!(!two.devices[1].paired());
}

/// CVE-2026-43334: the initiator leaves the MITM bit out, but this side needs protection: the answer has to ask for it, and
/// the model has to give it.
#[test]
fn request_without_mitm_where_it_is_needed() {
    for secure in [false, true] {
        let mut two = Two::new()
            .io(
                IoCapability::KEYBOARD_DISPLAY,
                IoCapability::KEYBOARD_DISPLAY,
            )
            .set(|setup| setup.secure_connections = secure);
        two.central().setup.no_mitm = true;
        two.peripheral().setup.wanted = Level::High;
        two.pair();
        let response = &two.devices[1].sent[0];
        assert_eq!(response[0], 0x02);
        assert_ne!(response[3] & 0x04, 0, "the MITM bit");
        let [central, peripheral] = two.keys();
        assert!(central.ltk.as_ref().unwrap().authenticated);
        assert!(peripheral.ltk.as_ref().unwrap().authenticated);

        // And where no model can give it, there is no pairing.
        let mut two = Two::new()
            .io(
                IoCapability::NO_INPUT_NO_OUTPUT,
                IoCapability::KEYBOARD_DISPLAY,
            )
            .set(|setup| setup.secure_connections = secure);
        two.peripheral().setup.wanted = Level::High;
        two.pair();
        refused(&two.devices[1], Reason::AUTHENTICATION_REQUIREMENTS);
    }
}

/// The other way round: the central needs it, and the peripheral's Security Request does not ask for it.
#[test]
fn security_request_without_mitm_where_it_is_needed() {
    let mut two = Two::new();
    two.central().setup.wanted = Level::High;
    two.peripheral().setup.no_mitm = true;
    two.peripheral().request_security();
    two.run();
    assert_eq!(two.devices[1].sent[0], [0x0b, 0x29]);
    assert_ne!(two.devices[0].sent[0][3] & 0x04, 0);
    assert!(two.keys()[0].ltk.as_ref().unwrap().authenticated);
}

/// CVE-2026-31773: legacy Just Works as responder: whatever is wanted, the key is not authenticated.
#[test]
fn just_works_is_never_authenticated() {
    for wanted in [Level::Medium, Level::High, Level::Fips] {
        for secure in [false, true] {
            for io in (0..5).map(IoCapability) {
                let mut two = Two::new()
                    .io(IoCapability::NO_INPUT_NO_OUTPUT, io)
                    .set(|setup| setup.secure_connections = secure);
                two.peripheral().setup.wanted = wanted;
                two.pair();
                if wanted > Level::Medium {
                    refused(&two.devices[1], Reason::AUTHENTICATION_REQUIREMENTS);
                } else {
                    let [a, b] = two.keys();
                    assert!(!a.ltk.as_ref().unwrap().authenticated);
                    assert!(!b.ltk.as_ref().unwrap().authenticated);
                }
            }
        }
    }
}

/// The level needed grows while Just Works is under way: the key still says what it is.
#[test]
fn a_late_wish_does_not_ennoble_a_key() {
    let mut two = Two::new()
        .io(
            IoCapability::NO_INPUT_NO_OUTPUT,
            IoCapability::DISPLAY_YES_NO,
        )
        .set(|setup| setup.secure_connections = false);
    two.devices[1].user = |_, _| None;
    two.pair();
    two.peripheral().with(0, |p, _| p.require(Level::High));
    two.devices[1].user = crate::two::honest;
    two.run();
    let [_, b] = two.keys();
    assert!(!b.own_ltk.as_ref().unwrap().authenticated);
    assert_eq!(b.ltk.as_ref().unwrap().level(), Level::Medium);
}

/// Somebody in the middle takes the Secure Connections bit away.
#[test]
fn downgrade_to_legacy() {
    let strip = |from: usize| {
        move |who: usize, mut frame: Vec<u8>| {
            if who == from && (frame[0] == 0x01 || frame[0] == 0x02) {
                frame[3] &= !0x08;
            }
            Fate::Pass(frame)
        }
    };
    for from in 0..2 {
        let mut two = Two::new().set(|setup| setup.secure_connections_only = true);
        two.between = Box::new(strip(from));
        two.pair();
        refused(&two.devices[1 - from], Reason::AUTHENTICATION_REQUIREMENTS);
    }
    // Level 4 is not to be had without it either.
    let mut two = Two::new();
    two.central().setup.wanted = Level::Fips;
    two.between = Box::new(strip(1));
    two.pair();
    assert!(
        !two.devices[0].paired() || two.devices[0].pairing.as_ref().unwrap().level() < Level::Fips
    );
}

/// A Pairing Confirm where a public key is due makes the responder do legacy pairing, but only where that loses nothing.
#[test]
fn fall_back_from_false_secure_connections() {
    let confirm = [&[0x03u8][..], &[9; 16]].concat();
    let request = [0x01, 0x03, 0x00, 0x09, 0x10, 0x00, 0x00];
    let mut two = Two::new();
    two.peripheral().received(&request);
    two.peripheral().received(&confirm);
    two.run();
    assert_eq!(two.devices[1].outcome, None);
    assert_eq!(two.devices[1].sent.last().unwrap()[0], 0x03);

    let mut two = Two::new().set(|setup| setup.secure_connections_only = true);
    two.peripheral().received(&request);
    two.peripheral().received(&confirm);
    two.run();
    refused(&two.devices[1], Reason::UNSPECIFIED);

    let mut two = Two::new();
    two.peripheral()
        .received(&[0x01, 0x01, 0x00, 0x0d, 0x10, 0x00, 0x00]);
    two.peripheral().received(&confirm);
    two.run();
    refused(&two.devices[1], Reason::UNSPECIFIED);
}

/// KNOB for LE: a key shorter than what is allowed here.
#[test]
fn short_keys() {
    for size in (0..7).chain(17..40) {
        let mut two = Two::new();
        two.peripheral()
            .received(&[0x01, 0x03, 0x00, 0x01, size, 0x00, 0x00]);
        two.run();
        if size < 7 {
            refused(&two.devices[1], Reason::ENCRYPTION_KEY_SIZE);
        } else {
            // Longer than there is: the shorter of both counts.
            assert_eq!(two.devices[1].outcome, None);
        }
    }
    let mut two = Two::new();
    two.peripheral().setup.min_key_size = 16;
    two.peripheral()
        .received(&[0x01, 0x03, 0x00, 0x01, 15, 0x00, 0x00]);
    two.run();
    refused(&two.devices[1], Reason::ENCRYPTION_KEY_SIZE);

    // Level 4 takes no key but a full one.
    let mut two = Two::new();
    two.central().setup.wanted = Level::Fips;
    two.peripheral().setup.max_key_size = 15;
    two.pair();
    refused(&two.devices[1], Reason::ENCRYPTION_KEY_SIZE);
}

#[test]
fn wrong_passkey() {
    for secure in [false, true] {
        for shows in 0..2 {
            let mut two = Two::new().set(|setup| setup.secure_connections = secure);
            two.devices[shows].setup.io = IoCapability::DISPLAY_ONLY;
            two.devices[1 - shows].setup.io = IoCapability::KEYBOARD_ONLY;
            two.devices[1 - shows].user = |question, other| match (question, other) {
                (Question::EnterPasskey, Some(Question::ShowPasskey { passkey, .. })) => {
                    Some(Answer::Passkey(Some(passkey ^ 1)))
                }
                _ => None,
            };
            two.pair();
            let unproved = two
                .devices
                .iter()
                .filter(|d| failed(d).1 == Origin::Here)
                .all(|d| failed(d).0 == Reason::CONFIRM_VALUE_FAILED && failed(d).2);
            assert!(unproved);
        }
    }
}

#[test]
fn wrong_digits_and_unwilling_users() {
    let no = |question: &Question, _: Option<&Question>| match question {
        Question::Confirm { .. } => Some(Answer::Confirm(false)),
        Question::EnterPasskey => Some(Answer::Passkey(None)),
        Question::ShowPasskey { .. } => None,
    };
    for me in 0..2 {
        let mut two = Two::new();
        two.devices[me].user = no;
        two.pair();
        refused(&two.devices[me], Reason::NUMERIC_COMPARISON_FAILED);

        for secure in [false, true] {
            let mut two = Two::new().set(|setup| setup.secure_connections = secure);
            two.devices[me].setup.io = IoCapability::KEYBOARD_ONLY;
            two.devices[1 - me].setup.io = IoCapability::DISPLAY_ONLY;
            two.devices[me].user = no;
            two.pair();
            refused(&two.devices[me], Reason::PASSKEY_ENTRY_FAILED);
            assert_eq!(failed(&two.devices[1 - me]).1, Origin::Peer);
        }
    }
    // More than six digits.
    let mut two = Two::new().io(IoCapability::KEYBOARD_ONLY, IoCapability::DISPLAY_ONLY);
    two.devices[0].user = |question, _| match question {
        Question::EnterPasskey => Some(Answer::Passkey(Some(1_000_000))),
        _ => None,
    };
    two.pair();
    refused(&two.devices[0], Reason::PASSKEY_ENTRY_FAILED);
}

#[test]
fn wrong_dh_key_check() {
    for victim in 0..2 {
        let mut two = Two::new();
        two.between = Box::new(move |from, mut frame| {
            if from == 1 - victim && frame[0] == 0x0d {
                frame[16] ^= 1;
            }
            Fate::Pass(frame)
        });
        two.pair();
        refused(&two.devices[victim], Reason::DHKEY_CHECK_FAILED);
        assert!(failed(&two.devices[victim]).2);
    }
}

/// Features changed in the air: the check of both sides covers them (method confusion, key size).
#[test]
fn features_are_covered_by_the_checks() {
    for octet in [1, 3] {
        let mut two = Two::new();
        two.between = Box::new(move |_, mut frame| {
            if frame[0] == 0x02 {
                frame[octet] ^= if octet == 1 { 0x05 } else { 0x01 };
            }
            Fate::Pass(frame)
        });
        two.pair();
        assert!(two.devices.iter().all(|device| !device.paired()));
    }
}

#[test]
fn keys_out_of_turn() {
    // Identity and signature keys before encryption, and when none were agreed on.
    for code in [0x08, 0x09, 0x0a] {
        let len = if code == 0x09 { 7 } else { 16 };
        let mut frame = vec![code];
        frame.resize(1 + len, 0);
        let mut two = Two::new();
        two.devices[0].initiate();
        two.central().received(&frame);
        two.run();
        refused(&two.devices[0], Reason::KEY_REJECTED);
    }
    // Anything else out of turn is ignored.
    for code in [0x01, 0x03, 0x04, 0x06, 0x07, 0x0b, 0x0c, 0x0d, 0x0e, 0x20] {
        let len = wire::smp::Code::from_u8(code).map_or(3, |code| code.body_len());
        let mut frame = vec![code];
        frame.resize(1 + len, 0);
        let mut two = Two::new();
        two.devices[0].initiate();
        let received = two
            .central()
            .with(0, |pairing, context| pairing.received(&frame, context));
        assert_eq!(received, engine::smp::Received::Ignored, "{code:#x}");
        assert_eq!(two.central().outcome, None);
    }
}

#[test]
fn no_keys_without_encryption() {
    for secure in [false, true] {
        let mut two = Two::new().set(|setup| setup.secure_connections = secure);
        two.encryption_works = false;
        two.pair();
        for device in &two.devices {
            assert_eq!(failed(device).1, Origin::Encryption);
            assert!(device.pairing.as_ref().unwrap().keys().is_none());
        }
    }
}

#[test]
fn truncated_and_overlong_pdus() {
    assert_eq!(
        first(&[0x01, 0xff]),
        First::Refuse(Reason::INVALID_PARAMETERS)
    );
    assert_eq!(first(&[0x0b]), First::Refuse(Reason::INVALID_PARAMETERS));
    for ignored in [&[][..], &[0x00], &[0x05], &[0x04, 1, 2], &[0xff; 9]] {
        assert_eq!(first(ignored), First::Ignore);
    }
    // The PDU that is expected, with each wrong length.
    for len in (0..40).filter(|&len| len != 6) {
        let mut frame = vec![0x02];
        frame.resize(1 + len, 0);
        let mut two = Two::new();
        two.devices[0].initiate();
        two.central().received(&frame);
        two.run();
        refused(&two.devices[0], Reason::INVALID_PARAMETERS);
    }
}

#[test]
fn reserved_values() {
    for (io, oob) in [(5, 0), (0xff, 0), (3, 2), (0, 0xff)] {
        let mut two = Two::new();
        two.peripheral()
            .received(&[0x01, io, oob, 0x01, 0x10, 0x00, 0x00]);
        two.run();
        refused(&two.devices[1], Reason::INVALID_PARAMETERS);
    }
    // Reserved bits are ignored.
    let mut two = Two::new();
    two.peripheral()
        .received(&[0x01, 0x03, 0x00, 0xc1, 0x10, 0xff, 0xff]);
    two.run();
    let response = &two.devices[1].sent[0];
    assert_eq!((response[3] & 0xc0, response[5] & 0xf0), (0, 0));
}

#[test]
fn out_of_band_data_that_is_not_there() {
    let mut two = Two::new();
    two.peripheral()
        .received(&[0x01, 0x01, 0x01, 0x0d, 0x10, 0x00, 0x00]);
    two.run();
    refused(&two.devices[1], Reason::OOB_NOT_AVAILABLE);
}

#[test]
fn blocked_keys() {
    use engine::smp::BlockedKind;
    let mut two = Two::new();
    two.central().blocked = |kind, key| kind == BlockedKind::Irk && *key == Secret::new([0xe1; 16]);
    two.pair();
    refused(&two.devices[0], Reason::INVALID_PARAMETERS);

    let mut two = Two::new().set(|setup| setup.secure_connections = false);
    two.peripheral().blocked = |kind, _| kind == BlockedKind::Ltk;
    two.pair();
    refused(&two.devices[1], Reason::INVALID_PARAMETERS);
}

/// A peer that takes over the identity of another device.
#[test]
fn stolen_identities() {
    // Known by its public address, it claims another one: its key is not taken.
    let mut two = Two::new();
    two.between = Box::new(|from, mut frame| {
        if from == 1 && frame[0] == 0x09 {
            frame[2] ^= 0xff;
        }
        Fate::Pass(frame)
    });
    two.pair();
    assert!(two.keys()[0].identity.is_none());

    // No address, or one that is none for good.
    for (kind, last) in [(0, None), (1, Some(0x46)), (1, Some(0x06))] {
        let mut two = Two::new();
        two.between = Box::new(move |from, mut frame| {
            if from == 0 && frame[0] == 0x09 {
                frame[1] = kind;
                match last {
                    Some(last) => frame[7] = last,
                    None => frame[2..].fill(0),
                }
            }
            Fate::Pass(frame)
        });
        two.pair();
        assert!(two.keys()[1].identity.is_none());
    }
}

/// Keys of a BR/EDR link that is not one of Secure Connections must not become LE keys (BLURtooth's other half).
#[test]
fn cross_transport_from_a_weak_link() {
    let mut two = Two::new().set(|setup| {
        setup.bredr = Some(BrEdr {
            link_key: Secret::new([1; 16]),
            debug: false,
            authenticated: true,
            secure: false,
            key_size: 16,
        });
    });
    two.pair();
    refused(&two.devices[1], Reason::CROSS_TRANSPORT_NOT_ALLOWED);
}

#[test]
fn not_bondable() {
    let mut two = Two::new();
    two.peripheral().setup.bondable = false;
    two.pair();
    refused(&two.devices[1], Reason::PAIRING_NOT_SUPPORTED);
}

#[test]
fn security_requests() {
    let mut setup = setup(true);
    let judge =
        |setup: &_, auth, central| security_request(AuthReq::from_bits(auth), central, setup);
    assert_eq!(
        judge(&setup, 0x00, false),
        SecurityRequest::Refuse(Reason::COMMAND_NOT_SUPPORTED)
    );
    for (auth, level) in [
        (0x01, Level::Medium),
        (0x05, Level::High),
        (0x0d, Level::Fips),
        (0x09, Level::Medium),
    ] {
        assert_eq!(
            judge(&setup, auth | 0xc0, true),
            SecurityRequest::Secure(level, AuthReq::from_bits(auth))
        );
    }
    setup.secure_connections_only = true;
    assert_eq!(
        judge(&setup, 0x05, true),
        SecurityRequest::Refuse(Reason::AUTHENTICATION_REQUIREMENTS)
    );
    setup.secure_connections_only = false;
    setup.io = IoCapability::NO_INPUT_NO_OUTPUT;
    assert_eq!(
        judge(&setup, 0x0d, true),
        SecurityRequest::Secure(Level::Medium, AuthReq::from_bits(0x0d))
    );
}

#[test]
fn cryptography_that_fails() {
    for after in 0..12 {
        for secure in [false, true] {
            let mut two = Two::new().set(|setup| setup.secure_connections = secure);
            let mut n = 0;
            let broken = std::rc::Rc::new(std::cell::Cell::new(false));
            let flag = broken.clone();
            two.between = Box::new(move |_, frame| {
                n += 1;
                if n > after {
                    flag.set(true);
                }
                Fate::Pass(frame)
            });
            two.devices[0].initiate();
            // Step by step, so that the cryptography breaks in the middle.
            for _ in 0..200 {
                let is_broken = broken.get();
                two.devices
                    .iter_mut()
                    .for_each(|device| device.host.broken = is_broken);
                if !two.step() {
                    break;
                }
            }
            let all = two
                .devices
                .iter()
                .all(|d| d.paired() || d.outcome.is_some() || d.pairing.is_some());
            assert!(all);
        }
    }
}
