// SPDX-License-Identifier: GPL-2.0

//! BR/EDR channels: how they open, are configured and close, against exact commands and between two sides.

#[path = "l2cap/side.rs"]
mod side;

use engine::l2cap::{
    channel::{
        Answer,
        Settings,
        State,
        CONNECT_TIMEOUT_MS, //
    },
    signalling::Local,
    Error, //
};
use proptest::prelude::*;
use side::{
    settle,
    Seen,
    Side, //
};
use wire::l2cap::{
    control::Format,
    signal::*,
    FeatureMask,
    Mode,
    Transport, //
};

const PSM: u16 = 0x1001;

fn side() -> Side {
    Side::new(Transport::BrEdr, Local::features(true))
}

/// With what the peer can do known.
fn acquainted(features: FeatureMask) -> Side {
    let mut a = side();
    let ident = |packet: &Packet| packet.as_slice()[1];
    let request = a.signalling.request_information(0).unwrap();
    let [b0, b1, b2, b3] = (features | FeatureMask::FIXED_CHANNELS)
        .bits()
        .to_le_bytes();
    a.receive(&[0x0b, ident(&request), 8, 0, 2, 0, 0, 0, b0, b1, b2, b3]);
    let request = a.out.pop().unwrap();
    a.receive(&[
        0x0b,
        ident(&request),
        12,
        0,
        3,
        0,
        0,
        0,
        6,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
    ]);
    assert!(a.signalling.information_done());
    a
}

fn sent(side: &mut Side) -> Vec<Vec<u8>> {
    let out = core::mem::take(&mut side.out);
    out.iter()
        .map(|packet| packet.as_slice().to_vec())
        .collect()
}

#[test]
fn a_basic_channel_opens_with_the_commands_of_the_c_stack() {
    let mut a = side();
    a.connect(PSM, &Settings::default());
    assert_eq!(sent(&mut a), [vec![0x0a, 1, 2, 0, 2, 0]]);
    // A peer that can do nothing: no fixed channels are asked for.
    a.receive(&[0x0b, 1, 8, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(sent(&mut a), [vec![2, 2, 4, 0, 1, 0x10, 0x40, 0]]);
    a.receive(&[3, 2, 8, 0, 0x41, 0, 0x40, 0, 0, 0, 0, 0]);
    assert_eq!(sent(&mut a), [vec![4, 3, 4, 0, 0x41, 0, 0, 0]]);
    a.receive(&[4, 7, 4, 0, 0x40, 0, 0, 0]);
    assert_eq!(
        sent(&mut a),
        [vec![5, 7, 10, 0, 0x41, 0, 0, 0, 0, 0, 1, 2, 0xa0, 2]]
    );
    assert!(a.seen.is_empty());
    a.receive(&[5, 3, 6, 0, 0x40, 0, 0, 0, 0, 0]);
    assert_eq!(a.seen, [Seen::Ready(0x40)]);
    let params = a.channel(0x40).unwrap().params();
    assert_eq!(
        (params.mode, params.imtu, params.omtu),
        (Mode::Basic, 672, 672)
    );
    assert!(!params.fcs);
    assert_eq!(a.signalling.idents.in_use(), 0);

    a.close(0x40, Error::None);
    assert_eq!(sent(&mut a), [vec![6, 4, 4, 0, 0x41, 0, 0x40, 0]]);
    a.receive(&[7, 4, 4, 0, 0x41, 0, 0x40, 0]);
    assert_eq!(a.seen.last(), Some(&Seen::Closed(0x40, Error::None)));
    assert_eq!(a.signalling.idents.in_use(), 0);
}

#[test]
fn a_request_is_answered_as_by_the_c_stack() {
    let mut a = acquainted(FeatureMask::EMPTY);
    a.receive(&[2, 9, 4, 0, 1, 0x10, 0x41, 0]);
    assert_eq!(sent(&mut a), [vec![3, 9, 8, 0, 0, 0, 0x41, 0, 2, 0, 0, 0]]);
    a.listeners.push((PSM, Settings::default()));
    a.receive(&[2, 9, 4, 0, 1, 0x10, 0x3f, 0]);
    assert_eq!(sent(&mut a), [vec![3, 9, 8, 0, 0, 0, 0x3f, 0, 6, 0, 0, 0]]);
    a.receive(&[2, 9, 4, 0, 1, 0x10, 0x41, 0]);
    let out = sent(&mut a);
    assert_eq!(out[0], [3, 9, 8, 0, 0x40, 0, 0x41, 0, 0, 0, 0, 0]);
    assert_eq!(out[1][..4], [4, 3, 4, 0]);
    // The same identifier of the peer's again.
    a.receive(&[2, 10, 4, 0, 1, 0x10, 0x41, 0]);
    assert_eq!(sent(&mut a), [vec![3, 10, 8, 0, 0, 0, 0x41, 0, 7, 0, 0, 0]]);
}

#[test]
fn what_names_no_channel_is_rejected() {
    let mut a = acquainted(FeatureMask::EMPTY);
    a.receive(&[6, 1, 4, 0, 0x12, 0x34, 0x56, 0x78]);
    assert_eq!(
        sent(&mut a),
        [vec![1, 1, 6, 0, 2, 0, 0x12, 0x34, 0x56, 0x78]]
    );
    a.receive(&[4, 1, 4, 0, 0x12, 0x34, 0, 0]);
    assert_eq!(sent(&mut a), [vec![1, 1, 6, 0, 2, 0, 0x12, 0x34, 0, 0]]);
    // Too short, and a response.
    a.receive(&[2, 1, 1, 0, 0]);
    assert_eq!(sent(&mut a), [vec![1, 1, 2, 0, 0, 0]]);
    a.receive(&[7, 1, 4, 0, 0x12, 0x34, 0x56, 0x78]);
    assert!(a.out.is_empty());
}

/// Two sides, one of which opens a channel to the other.
fn connect(a_wants: &Settings, b_wants: &Settings, a: FeatureMask, b: FeatureMask) -> (Side, Side) {
    let mut a = Side::new(Transport::BrEdr, a);
    let mut b = Side::new(Transport::BrEdr, b);
    b.listeners.push((PSM, *b_wants));
    a.connect(PSM, a_wants);
    settle(&mut a, &mut b);
    (a, b)
}

fn with_mode(mode: Mode, mode_required: bool) -> Settings {
    Settings {
        mode,
        mode_required,
        ..Settings::default()
    }
}

#[test]
fn modes_are_negotiated() {
    use Mode::{Basic, Ertm, Streaming};
    let all = Local::features(true);
    let old = FeatureMask::EMPTY;
    // What both want, who insists, what the two can do, and what comes out.
    let table = [
        (Basic, false, Basic, false, all, all, Some(Basic)),
        (Ertm, false, Ertm, false, all, all, Some(Ertm)),
        (Ertm, true, Ertm, true, all, all, Some(Ertm)),
        (Streaming, true, Streaming, true, all, all, Some(Streaming)),
        (
            Streaming,
            false,
            Streaming,
            false,
            all,
            all,
            Some(Streaming),
        ),
        // Falls back.
        (Ertm, false, Basic, false, all, all, Some(Basic)),
        (Basic, false, Ertm, false, all, all, Some(Basic)),
        (Ertm, false, Ertm, false, all, old, Some(Basic)),
        (Ertm, false, Basic, false, all, old, Some(Basic)),
        (Ertm, false, Ertm, false, old, all, Some(Basic)),
        // Insists in vain.
        (Ertm, true, Basic, false, all, all, None),
        (Basic, false, Ertm, true, all, all, None),
        (Ertm, true, Ertm, false, all, old, None),
        (Streaming, true, Ertm, true, all, all, None),
    ];
    for row in table {
        let (a_mode, a_must, b_mode, b_must, a_can, b_can, outcome) = row;
        let (mut a, mut b) = connect(
            &with_mode(a_mode, a_must),
            &with_mode(b_mode, b_must),
            a_can,
            b_can,
        );
        match outcome {
            Some(mode) => {
                for side in [&mut a, &mut b] {
                    let channel = side.channel(0x40).unwrap_or_else(|| panic!("{row:?}"));
                    assert_eq!(channel.state(), State::Open, "{row:?}");
                    assert_eq!(channel.params().mode, mode, "{row:?}");
                    assert_eq!(channel.params().fcs, mode != Basic, "{row:?}");
                }
            }
            None => {
                assert!(a.channels.is_empty() && b.channels.is_empty(), "{row:?}");
                assert!(!a.seen.contains(&Seen::Ready(0x40)), "{row:?}");
                assert!(!b.seen.contains(&Seen::Ready(0x40)), "{row:?}");
            }
        }
        assert_eq!(a.signalling.idents.in_use(), 0);
        assert_eq!(b.signalling.idents.in_use(), 0);
    }
}

#[test]
fn check_sequences_are_left_out_only_if_both_do_without() {
    for (a_fcs, b_fcs) in [(true, true), (true, false), (false, true), (false, false)] {
        let wants = |fcs| Settings {
            fcs,
            ..with_mode(Mode::Ertm, true)
        };
        let all = Local::features(true);
        let (mut a, mut b) = connect(&wants(a_fcs), &wants(b_fcs), all, all);
        let a = a.channel(0x40).unwrap().params().fcs;
        let b = b.channel(0x40).unwrap().params().fcs;
        assert_eq!(a, b);
        assert!(!a || a_fcs || b_fcs);
        assert!(a || !a_fcs || !b_fcs);
    }
}

#[test]
fn extended_windows_need_both_sides() {
    let wants = Settings {
        tx_window: 1000,
        ..with_mode(Mode::Ertm, true)
    };
    let all = Local::features(true);
    let (mut a, _) = connect(&wants, &wants, all, all);
    let params = a.channel(0x40).unwrap().params();
    assert_eq!(
        (params.format, params.rx_window, params.tx_window),
        (Format::Enhanced, 63, 63)
    );
    let all = all | FeatureMask::EXTENDED_WINDOW;
    let (mut a, mut b) = connect(&wants, &wants, all, all);
    for side in [&mut a, &mut b] {
        let params = side.channel(0x40).unwrap().params();
        assert_eq!(params.format, Format::Extended);
        assert_eq!((params.rx_window, params.tx_window), (1000, 1000));
    }
}

#[test]
fn flow_specifications_are_accepted_in_the_end() {
    let all = Local::features(true) | FeatureMask::EXTENDED_FLOW;
    let wants = with_mode(Mode::Ertm, false);
    let (mut a, mut b) = connect(&wants, &wants, all, all);
    for side in [&mut a, &mut b] {
        let channel = side.channel(0x40).unwrap();
        assert_eq!(channel.state(), State::Open);
        assert_eq!(channel.params().mode, Mode::Ertm);
    }
    // A peer that answers without having asked for later: the channel does not wait for ever.
    let mut a = acquainted(all);
    a.connect(PSM, &wants);
    let ident = sent(&mut a)[0][1];
    a.receive(&[3, ident, 8, 0, 0x41, 0, 0x40, 0, 0, 0, 0, 0]);
    let request = sent(&mut a).remove(0);
    let flow = [
        6, 16, 1, 1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
    ];
    let mut theirs = vec![
        4, 9, 33, 0, 0x40, 0, 0, 0, 4, 9, 3, 63, 3, 0, 0, 0, 0, 0xf2, 3,
    ];
    theirs.extend(flow);
    a.receive(&theirs);
    let response = sent(&mut a).remove(0);
    assert_eq!((response[0], response[1], response[8]), (5, 9, 4));
    a.receive(&[5, request[1], 6, 0, 0x40, 0, 0, 0, 0, 0]);
    let response = sent(&mut a).remove(0);
    assert_eq!(response, [5, 9, 6, 0, 0x41, 0, 0, 0, 0, 0]);
    assert_eq!(a.seen, [Seen::Ready(0x40)]);
}

/// A channel whose connection request was answered, and its own configuration request taken off.
fn configuring(settings: &Settings, features: FeatureMask) -> (Side, u8) {
    let mut a = acquainted(features);
    a.connect(PSM, settings);
    let ident = sent(&mut a)[0][1];
    a.receive(&[3, ident, 8, 0, 0x41, 0, 0x40, 0, 0, 0, 0, 0]);
    let request = sent(&mut a).remove(0);
    assert_eq!(request[0], 4);
    (a, request[1])
}

#[test]
fn unknown_options_are_named_unless_they_are_hints() {
    let (mut a, _) = configuring(&Settings::default(), FeatureMask::EMPTY);
    a.receive(&[
        4, 9, 13, 0, 0x40, 0, 0, 0, 0x20, 2, 1, 2, 0x30, 0, 0x90, 1, 5,
    ]);
    assert_eq!(
        sent(&mut a),
        [vec![
            5, 9, 12, 0, 0x41, 0, 0, 0, 3, 0, 0x20, 1, 0x20, 0x30, 1, 0x30
        ]]
    );
    a.receive(&[4, 10, 7, 0, 0x40, 0, 0, 0, 0x90, 1, 5]);
    assert_eq!(
        sent(&mut a),
        [vec![5, 10, 10, 0, 0x41, 0, 0, 0, 0, 0, 1, 2, 0xa0, 2]]
    );
    // As many as fit; never more than the signalling MTU.
    let (mut a, _) = configuring(&Settings::default(), FeatureMask::EMPTY);
    let mut request = vec![4, 9, 44, 0, 0x40, 0, 0, 0];
    (0..20).for_each(|kind| request.extend([0x20 + kind, 0]));
    a.receive(&request);
    let response = sent(&mut a).remove(0);
    assert_eq!(response.len(), 4 + 6 + 36);
}

#[test]
fn an_mtu_that_is_too_small_is_not_accepted() {
    let (mut a, _) = configuring(&Settings::default(), FeatureMask::EMPTY);
    a.receive(&[4, 9, 8, 0, 0x40, 0, 0, 0, 1, 2, 47, 0]);
    assert_eq!(
        sent(&mut a),
        [vec![5, 9, 10, 0, 0x41, 0, 0, 0, 1, 0, 1, 2, 0xa0, 2]]
    );
    a.receive(&[4, 10, 8, 0, 0x40, 0, 0, 0, 1, 2, 48, 0]);
    assert_eq!(
        sent(&mut a),
        [vec![5, 10, 10, 0, 0x41, 0, 0, 0, 0, 0, 1, 2, 48, 0]]
    );
    assert_eq!(a.channel(0x40).unwrap().params().omtu, 48);
}

#[test]
fn a_proposal_is_taken_over() {
    let settings = Settings {
        imtu: 1000,
        ..Settings::default()
    };
    let (mut a, ident) = configuring(&settings, FeatureMask::EMPTY);
    a.receive(&[5, ident, 10, 0, 0x40, 0, 0, 0, 1, 0, 1, 2, 0x90, 1]);
    let request = sent(&mut a).remove(0);
    assert_eq!(request[4..], [0x41, 0, 0, 0, 1, 2, 0x90, 1]);
    // It is the answer to this one that counts.
    a.receive(&[5, ident, 6, 0, 0x40, 0, 0, 0, 0, 0]);
    a.receive(&[4, 9, 4, 0, 0x40, 0, 0, 0]);
    assert!(a.seen.is_empty());
    a.receive(&[5, request[1], 6, 0, 0x40, 0, 0, 0, 0, 0]);
    assert_eq!(a.seen, [Seen::Ready(0x40)]);
    assert_eq!(a.channel(0x40).unwrap().params().imtu, 400);
}

#[test]
fn a_peer_that_never_accepts_is_given_up() {
    let (mut a, mut ident) = configuring(&Settings::default(), FeatureMask::EMPTY);
    let mut requests = 1;
    loop {
        a.receive(&[5, ident, 10, 0, 0x40, 0, 0, 0, 1, 0, 1, 2, 100, requests]);
        let next = sent(&mut a).remove(0);
        if next[0] == 6 {
            break;
        }
        assert_eq!(next[0], 4);
        ident = next[1];
        requests += 1;
        assert!(requests < 10);
    }
    assert_eq!(a.seen, [Seen::Disconnecting(0x40, Error::Reset)]);
    // And so is one that wants a mode again and again that it was refused.
    let (mut a, _) = configuring(&Settings::default(), Local::features(true));
    let rfc = [
        4u8, 9, 15, 0, 0x40, 0, 0, 0, 4, 9, 3, 63, 3, 0, 0, 0, 0, 0xf2, 3,
    ];
    a.receive(&rfc);
    let response = sent(&mut a).remove(0);
    assert_eq!((response[8], response[12]), (1, 0));
    a.receive(&rfc);
    assert_eq!(sent(&mut a)[0][0], 6);
}

#[test]
fn a_window_or_pdu_size_of_zero_is_not_accepted() {
    let all = Local::features(true);
    let (mut a, ident) = configuring(&with_mode(Mode::Ertm, true), all);
    a.receive(&[5, ident, 6, 0, 0x40, 0, 0, 0, 0, 0]);
    for (window, pdu) in [(0, 0x40), (64, 0x40), (63, 0)] {
        a.receive(&[
            4, 9, 15, 0, 0x40, 0, 0, 0, 4, 9, 3, window, 3, 0, 0, 0, 0, pdu, 0,
        ]);
        let response = sent(&mut a).remove(0);
        assert_eq!((response[0], response[8]), (5, 1));
        let rfc = &response[14..];
        assert!(rfc[0] == 4 && (1..=63).contains(&rfc[3]) && rfc[9] != 0);
    }
    assert!(a.seen.is_empty());
    a.receive(&[4, 9, 15, 0, 0x40, 0, 0, 0, 4, 9, 3, 1, 3, 0, 0, 0, 0, 1, 0]);
    assert_eq!(a.seen, [Seen::Ready(0x40)]);
    let params = a.channel(0x40).unwrap().params();
    assert_eq!((params.tx_window, params.tx_mps), (1, 1));
}

#[test]
fn requests_in_parts_are_put_together_and_bounded() {
    let (mut a, _) = configuring(&Settings::default(), FeatureMask::EMPTY);
    a.receive(&[4, 9, 6, 0, 0x40, 0, 1, 0, 1, 2]);
    assert_eq!(sent(&mut a), [vec![5, 9, 6, 0, 0x41, 0, 1, 0, 0, 0]]);
    a.receive(&[4, 10, 6, 0, 0x40, 0, 0, 0, 100, 0]);
    assert_eq!(
        sent(&mut a),
        [vec![5, 10, 10, 0, 0x41, 0, 0, 0, 0, 0, 1, 2, 100, 0]]
    );
    // More than there is room for.
    let mut part = vec![4, 9, 44, 0, 0x40, 0, 1, 0];
    part.resize(48, 0x80);
    a.receive(&part);
    assert_eq!(sent(&mut a)[0][8], 0);
    a.receive(&part);
    assert_eq!(sent(&mut a), [vec![5, 9, 6, 0, 0x41, 0, 1, 0, 2, 0]]);
    assert_eq!(a.channel(0x40).unwrap().state(), State::Configuring);
}

#[test]
fn options_of_wrong_lengths_have_no_effect() {
    // An extended flow specification, a mode, an MTU and a check sequence: too short, too long, cut off.
    for option in [
        &[6u8, 1, 0][..],
        &[6, 15],
        &[4, 8, 3, 0, 0, 0, 0, 0, 0, 0],
        &[1, 1, 9],
        &[5, 0],
        &[4, 9, 3],
    ] {
        let (mut a, _) = configuring(&Settings::default(), FeatureMask::EMPTY);
        let mut request = vec![4, 9, 4 + option.len() as u8, 0, 0x40, 0, 0, 0];
        request.extend(option);
        a.receive(&request);
        assert_eq!(
            sent(&mut a),
            [vec![5, 9, 10, 0, 0x41, 0, 0, 0, 0, 0, 1, 2, 0xa0, 2]]
        );
    }
}

#[test]
fn an_open_channel_is_configured_anew_without_changing_its_mode() {
    let all = Local::features(true);
    let ertm = with_mode(Mode::Ertm, true);
    let (mut a, mut b) = connect(&ertm, &ertm, all, all);
    let before = a.channel(0x40).unwrap().params();
    a.seen.clear();
    // Another MTU, without a mode, and a smaller window with one.
    for request in [
        &[4u8, 99, 8, 0, 0x40, 0, 0, 0, 1, 2, 0, 1][..],
        &[4, 98, 15, 0, 0x40, 0, 0, 0, 4, 9, 3, 5, 3, 0, 0, 0, 0, 9, 0],
    ] {
        a.receive(request);
        let response = a.out.remove(0);
        assert_eq!(response.as_slice()[8], 0);
        b.seen.clear();
        settle(&mut a, &mut b);
        assert!(a.seen.iter().all(|seen| *seen == Seen::Reconfigured(0x40)));
        assert!(!a.seen.is_empty());
        a.seen.clear();
    }
    let after = a.channel(0x40).unwrap().params();
    assert_eq!(after.omtu, 256);
    assert_eq!(
        engine::l2cap::channel::Params {
            omtu: before.omtu,
            ..after
        },
        before
    );
    // Another mode: no.
    a.receive(&[4, 97, 15, 0, 0x40, 0, 0, 0, 4, 9, 4, 0, 0, 0, 0, 0, 0, 9, 0]);
    assert_eq!(a.out[0].as_slice()[8], 1);
    a.receive(&[4, 97, 15, 0, 0x40, 0, 0, 0, 4, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(a.channel(0x40).unwrap().state(), State::Disconnecting);
}

#[test]
fn a_channel_does_not_open_before_its_user_consents() {
    let mut a = acquainted(FeatureMask::EMPTY);
    a.listeners.push((
        PSM,
        Settings {
            defer: true,
            ..Settings::default()
        },
    ));
    a.receive(&[2, 9, 4, 0, 1, 0x10, 0x41, 0]);
    assert_eq!(
        sent(&mut a),
        [vec![3, 9, 8, 0, 0x40, 0, 0x41, 0, 1, 0, 2, 0]]
    );
    // A peer that does not wait is answered, but that is all.
    a.receive(&[4, 10, 4, 0, 0x40, 0, 0, 0]);
    assert_eq!(sent(&mut a).len(), 1);
    for ident in 1..=10 {
        a.receive(&[5, ident, 6, 0, 0x40, 0, 0, 0, 0, 0]);
    }
    assert!(a.seen.is_empty() && a.out.is_empty());
    a.answer(0x40, Answer::Accept);
    let out = sent(&mut a);
    assert_eq!(out[0], [3, 9, 8, 0, 0x40, 0, 0x41, 0, 0, 0, 0, 0]);
    a.receive(&[5, out[1][1], 6, 0, 0x40, 0, 0, 0, 0, 0]);
    assert_eq!(a.seen, [Seen::Ready(0x40)]);

    // Refused: by an answer, or by closing.
    a.receive(&[2, 9, 4, 0, 1, 0x10, 0x42, 0]);
    sent(&mut a);
    a.close(0x41, Error::None);
    assert_eq!(
        sent(&mut a),
        [vec![3, 9, 8, 0, 0x41, 0, 0x42, 0, 3, 0, 0, 0]]
    );
    assert_eq!(a.seen.last(), Some(&Seen::Closed(0x41, Error::None)));
}

#[test]
fn responses_that_nobody_waits_for_have_no_effect() {
    let mut a = acquainted(FeatureMask::EMPTY);
    a.connect(PSM, &Settings::default());
    let ident = sent(&mut a)[0][1];
    let success = |ident: u8| [3, ident, 8, 0, 0x41, 0, 0x40, 0, 0, 0, 0, 0];
    a.receive(&success(ident + 1));
    assert!(a.out.is_empty());
    assert_eq!(a.channel(0x40).unwrap().state(), State::Connecting);
    // Pending, as often as it likes, then success, then again.
    for _ in 0..3 {
        a.receive(&[3, ident, 8, 0, 0x41, 0, 0x40, 0, 1, 0, 2, 0]);
    }
    a.receive(&success(ident));
    assert_eq!(sent(&mut a).len(), 1);
    a.receive(&success(ident));
    a.receive(&[3, ident, 8, 0, 0, 0, 0x40, 0, 2, 0, 0, 0]);
    assert!(a.out.is_empty() && a.seen.is_empty());
    assert_eq!(a.channel(0x40).unwrap().state(), State::Configuring);
    // A disconnection response to nothing.
    for ident in 1..=20 {
        a.receive(&[7, ident, 4, 0, 0x41, 0, 0x40, 0]);
    }
    assert_eq!(a.channel(0x40).unwrap().state(), State::Configuring);
}

#[test]
fn an_identifier_that_no_channel_may_have_ends_the_attempt() {
    for dcid in [0u8, 1, 0x3f] {
        let mut a = acquainted(FeatureMask::EMPTY);
        a.connect(PSM, &Settings::default());
        let ident = sent(&mut a)[0][1];
        a.receive(&[3, ident, 8, 0, dcid, 0, 0x40, 0, 0, 0, 0, 0]);
        assert_eq!(a.seen, [Seen::Closed(0x40, Error::Refused)]);
    }
    // One that another channel has.
    let mut a = acquainted(FeatureMask::EMPTY);
    a.connect(PSM, &Settings::default());
    let ident = sent(&mut a)[0][1];
    a.receive(&[3, ident, 8, 0, 0x41, 0, 0x40, 0, 0, 0, 0, 0]);
    sent(&mut a);
    a.connect(PSM, &Settings::default());
    let ident = sent(&mut a)[0][1];
    a.receive(&[3, ident, 8, 0, 0x41, 0, 0x41, 0, 0, 0, 0, 0]);
    assert_eq!(a.seen, [Seen::Closed(0x41, Error::Refused)]);
}

#[test]
fn both_sides_may_disconnect_at_once() {
    let all = Local::features(true);
    let basic = Settings::default();
    let (mut a, mut b) = connect(&basic, &basic, all, all);
    a.close(0x40, Error::None);
    b.close(0x40, Error::None);
    settle(&mut a, &mut b);
    assert!(a.channels.is_empty() && b.channels.is_empty());
    assert_eq!(a.seen.last(), Some(&Seen::Closed(0x40, Error::None)));
    assert_eq!(b.seen.last(), Some(&Seen::Closed(0x40, Error::None)));
    assert_eq!(
        a.signalling.idents.in_use() + b.signalling.idents.in_use(),
        0
    );
}

#[test]
fn a_disconnection_request_with_the_wrong_remote_channel_is_ignored() {
    let all = Local::features(true);
    let basic = Settings::default();
    let (mut a, _) = connect(&basic, &basic, all, all);
    a.receive(&[6, 9, 4, 0, 0x40, 0, 0x99, 0]);
    assert!(a.out.is_empty());
    assert_eq!(a.channel(0x40).unwrap().state(), State::Open);
    a.receive(&[6, 9, 4, 0, 0x40, 0, 0x40, 0]);
    assert_eq!(sent(&mut a), [vec![7, 9, 4, 0, 0x40, 0, 0x40, 0]]);
    assert_eq!(a.seen.last(), Some(&Seen::Closed(0x40, Error::Reset)));
}

#[test]
fn time_runs_out() {
    // Without an answer to the connection request.
    for (sdp, error) in [(false, Error::Refused), (true, Error::TimedOut)] {
        let mut a = acquainted(FeatureMask::EMPTY);
        a.connect(
            PSM,
            &Settings {
                sdp,
                ..Settings::default()
            },
        );
        a.now = CONNECT_TIMEOUT_MS - 1;
        a.timeout();
        assert!(a.seen.is_empty());
        a.now += 1;
        a.timeout();
        assert_eq!(a.seen, [Seen::Closed(0x40, error)]);
        assert_eq!(a.signalling.idents.in_use(), 0);
    }
    // While it is configured: it is disconnected, and closed even if the peer does not answer that either.
    let (mut a, _) = configuring(&Settings::default(), FeatureMask::EMPTY);
    a.now = CONNECT_TIMEOUT_MS;
    a.timeout();
    assert_eq!(a.seen, [Seen::Disconnecting(0x40, Error::Refused)]);
    assert_eq!(sent(&mut a)[0][0], 6);
    a.now += CONNECT_TIMEOUT_MS;
    a.timeout();
    assert_eq!(a.seen.last(), Some(&Seen::Closed(0x40, Error::TimedOut)));
    // Without end.
    let mut a = acquainted(FeatureMask::EMPTY);
    a.connect(
        PSM,
        &Settings {
            timeout_ms: None,
            ..Settings::default()
        },
    );
    assert_eq!(a.channel(0x40).unwrap().deadline(), None);
}

#[test]
fn a_rejected_request_ends_what_it_was_for() {
    let mut a = acquainted(FeatureMask::EMPTY);
    a.connect(PSM, &Settings::default());
    let ident = sent(&mut a)[0][1];
    a.receive(&[1, ident, 2, 0, 0, 0]);
    assert_eq!(a.seen, [Seen::Closed(0x40, Error::Refused)]);

    let (mut a, ident) = configuring(&Settings::default(), FeatureMask::EMPTY);
    a.receive(&[1, ident + 1, 6, 0, 2, 0, 0x41, 0, 0x40, 0]);
    assert!(a.seen.is_empty());
    a.receive(&[1, ident, 6, 0, 2, 0, 0x41, 0, 0x40, 0]);
    let request = sent(&mut a).remove(0);
    assert_eq!(request[0], 6);
    a.receive(&[1, request[1], 6, 0, 2, 0, 0x41, 0, 0x40, 0]);
    assert_eq!(a.seen.last(), Some(&Seen::Closed(0x40, Error::None)));
}

fn settings() -> impl Strategy<Value = Settings> {
    (
        prop::sample::select(vec![Mode::Basic, Mode::Ertm, Mode::Streaming]),
        any::<bool>(),
        prop::sample::select(vec![0u16, 48, 100, 672, 1021, 65535]),
        any::<bool>(),
        any::<u8>(),
        prop::sample::select(vec![0u16, 1, 10, 63, 64, 5000, 65535]),
    )
        .prop_map(
            |(mode, mode_required, imtu, fcs, max_transmit, tx_window)| Settings {
                mode,
                mode_required,
                imtu,
                fcs,
                max_transmit,
                tx_window,
                ..Settings::default()
            },
        )
}

fn features() -> impl Strategy<Value = FeatureMask> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(ertm, flow, window)| {
        Local::features(ertm)
            .with_if(FeatureMask::EXTENDED_FLOW, flow)
            .with_if(FeatureMask::EXTENDED_WINDOW, window)
    })
}

proptest! {
    #[test]
    fn two_sides_agree_or_part(a in settings(), b in settings(), af in features(), bf in features()) {
        let (mut a, mut b) = connect(&a, &b, af, bf);
        let (a_out, b_out) = (a.channel(0x40).cloned(), b.channel(0x40).cloned());
        match (a_out, b_out) {
            (Some(a), Some(b)) => {
                prop_assert_eq!(a.state(), State::Open);
                prop_assert_eq!(b.state(), State::Open);
                let (a, b) = (a.params(), b.params());
                prop_assert_eq!(a.mode, b.mode);
                prop_assert_eq!(a.fcs, b.fcs);
                prop_assert_eq!(a.format, b.format);
                prop_assert_eq!((a.omtu, b.omtu), (b.imtu, a.imtu));
                if a.mode.has_control() {
                    prop_assert!(a.tx_mps <= b.rx_mps && b.tx_mps <= a.rx_mps);
                    prop_assert!(a.tx_mps > 0 && b.tx_mps > 0);
                }
                if a.mode == Mode::Ertm {
                    prop_assert!(a.tx_window <= b.rx_window && b.tx_window <= a.rx_window);
                    prop_assert!(a.tx_window > 0 && a.tx_window <= a.format.max_seq());
                    prop_assert!(a.ack_window <= a.rx_window && a.ack_window > 0);
                }
            }
            (None, None) => {}
            other => prop_assert!(false, "{:?}", other),
        }
        prop_assert_eq!(a.signalling.idents.in_use() + b.signalling.idents.in_use(), 0);
    }

    #[test]
    fn whatever_arrives_is_survived(
        wants in settings(),
        frames in prop::collection::vec((0u8..0x1c, 0u8..6, 0u16..4, prop::collection::vec(any::<u8>(), 0..44)), 0..60),
    ) {
        let mut a = side();
        a.listeners.push((PSM, wants));
        a.connect(PSM, &wants);
        for (code, ident, cid, mut data) in frames {
            // Mostly of channels that there are.
            if let Some(slot) = data.get_mut(..2) {
                slot.copy_from_slice(&(0x3f + cid).to_le_bytes());
            }
            if code == 2 {
                data = vec![1, 0x10, 0x50 + cid as u8, 0];
            }
            let mut frame = vec![code, ident, data.len() as u8, 0];
            frame.extend(&data);
            let before = a.out.len();
            a.receive(&frame);
            // Two answers at most, and whatever it brings about.
            prop_assert!(a.out.len() <= before + 4);
            a.now += 1000;
            a.timeout();
        }
        let locals: Vec<u16> = a.channels.iter().map(|c| c.local_cid()).collect();
        for local in locals {
            a.close(local, Error::None);
        }
        // Everything ends.
        a.now += 1_000_000;
        a.timeout();
        prop_assert!(a.channels.is_empty());
        prop_assert_eq!(a.signalling.idents.in_use(), u32::from(a.signalling.deadline().is_some()));
    }
}
