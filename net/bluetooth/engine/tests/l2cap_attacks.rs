// SPDX-License-Identifier: GPL-2.0

//! Attacks on L2CAP that other stacks fell for, as far as the engines meet them: each is refused as the specification asks, or has no
//! effect. Those that are about lifetimes and locks cannot be told here.

#[path = "l2cap/side.rs"]
mod side;

use engine::l2cap::{
    channel::{
        Settings,
        State, //
    },
    credit::{
        Credits,
        Step, //
    },
    ertm::{
        check_len,
        Ertm,
        Rx, //
    },
    sdu::{
        Reassembly,
        Segmenter,
        Step as SduStep, //
    },
    signalling::Local,
    Error, //
};
use side::{
    Seen,
    Side, //
};
use wire::l2cap::{
    control::{
        Control,
        Format,
        Sar, //
    },
    signal::MTU,
    ErtmFrame,
    FeatureMask,
    FrameError,
    Mode,
    Transport, //
};

const FLOW: [u8; 18] = [
    6, 16, 1, 1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
];

fn sent(side: &mut Side) -> Vec<Vec<u8>> {
    let out = core::mem::take(&mut side.out);
    out.iter()
        .map(|packet| packet.as_slice().to_vec())
        .collect()
}

fn command(code: u8, ident: u8, data: &[u8]) -> Vec<u8> {
    let mut command = vec![code, ident, data.len() as u8, 0];
    command.extend(data);
    command
}

/// A BR/EDR side with one channel (0x40 here, 0x41 there) in configuration; the identifier of its own request.
fn configuring(settings: &Settings) -> (Side, u8) {
    let features = Local::features(true) | FeatureMask::EXTENDED_FLOW;
    let mut a = Side::new(Transport::BrEdr, features);
    a.connect(0x1001, settings);
    let ident = sent(&mut a)[0][1];
    let bits = features.without(FeatureMask::FIXED_CHANNELS).bits();
    let mut data = vec![2, 0, 0, 0];
    data.extend(bits.to_le_bytes());
    a.receive(&command(0x0b, ident, &data));
    let ident = sent(&mut a)[0][1];
    a.receive(&command(3, ident, &[0x41, 0, 0x40, 0, 0, 0, 0, 0]));
    let ident = sent(&mut a)[0][1];
    (a, ident)
}

fn ertm(mode_required: bool) -> Settings {
    Settings {
        mode: Mode::Ertm,
        mode_required,
        ..Settings::default()
    }
}

fn request(options: &[u8]) -> Vec<u8> {
    let mut data = vec![0x40, 0, 0, 0];
    data.extend(options);
    command(4, 9, &data)
}

fn response(ident: u8, result: u8, options: &[u8]) -> Vec<u8> {
    let mut data = vec![0x40, 0, 0, 0, result, 0];
    data.extend(options);
    command(5, ident, &data)
}

/// CVE-2017-1000251: a response "pending" with many options made the reply overflow its buffer.
#[test]
fn a_pending_response_with_many_options_is_answered_within_the_mtu() {
    let (mut a, ident) = configuring(&ertm(false));
    let mut options = vec![4, 9, 3, 63, 3, 0, 0, 0, 0, 0xf2, 3];
    options.extend(FLOW);
    a.receive(&request(&options));
    assert_eq!(sent(&mut a)[0][8], 4);
    // As many options as a frame can hold, of every kind.
    for filler in [&[1u8, 2, 0, 4][..], &[7, 2, 63, 0], &[5, 1, 0], &[0x20, 0]] {
        let (mut a, ident) = (a_clone(&a), ident);
        let room = MTU - 10;
        let options: Vec<u8> = filler
            .iter()
            .copied()
            .cycle()
            .take(room - room % filler.len())
            .collect();
        a.receive(&response(ident, 4, &options));
        for packet in sent(&mut a) {
            assert!(packet.len() <= MTU);
        }
    }
}

fn a_clone(side: &Side) -> Side {
    let mut other = Side::new(Transport::BrEdr, side.link.local_features);
    other.signalling = side.signalling.clone();
    other.link = side.link;
    other.channels = side.channels.clone();
    other
}

/// CVE-2017-1000410, CVE-2019-3459, CVE-2019-3460, CVE-2022-42895, CVE-2026-64403: options with other lengths than their type has, cut
/// off, or not there at all, made memory that was never set go out.
#[test]
fn options_of_any_length_give_nothing_away() {
    for kind in 1..=7u8 {
        for len in 0..=20u8 {
            for there in 0..=len.min(30) {
                let mut option = vec![kind, len];
                option.resize(2 + usize::from(there), 0xee);
                let (mut a, ident) = configuring(&ertm(false));
                a.receive(&request(&option));
                for packet in sent(&mut a) {
                    // What the peer sent, in an option of the right length, or what is ours; nothing else.
                    let echoed = packet.windows(4).any(|w| w == [0xee; 4]);
                    assert!(!echoed || (there == len && matches!((kind, len), (4, 9) | (6, 16))));
                }
                a.receive(&response(ident, 1, &option));
                assert!(sent(&mut a).iter().all(|packet| packet.len() <= MTU));
            }
        }
    }
}

/// CVE-2022-48947: more than 255 configuration requests on one channel wrapped a counter.
#[test]
fn configuration_requests_without_end_change_nothing() {
    let (mut a, _) = configuring(&Settings::default());
    for n in 0..1000u32 {
        a.receive(&request(&[1, 2, 0, 4]));
        assert_eq!(sent(&mut a)[0][8], 0, "{n}");
        assert_eq!(a.channel(0x40).unwrap().state(), State::Configuring);
    }
}

/// CVE-2026-31498: a configuration request for an open channel in ERTM began the mode anew; a maximum PDU size of zero made
/// segmentation endless.
#[test]
fn an_open_channel_is_not_begun_anew_and_pieces_are_never_empty() {
    let (mut a, ident) = configuring(&ertm(true));
    a.receive(&request(&[4, 9, 3, 63, 3, 0, 0, 0, 0, 0, 0]));
    assert_eq!(sent(&mut a)[0][8], 1);
    a.receive(&response(ident, 0, &[]));
    assert!(a.seen.is_empty());
    a.receive(&request(&[4, 9, 3, 63, 3, 0, 0, 0, 0, 1, 0]));
    assert_eq!(a.seen, [Seen::Ready(0x40)]);
    let params = a.channel(0x40).unwrap().params();
    for _ in 0..10 {
        a.receive(&request(&[4, 9, 3, 5, 3, 0, 0, 0, 0, 9, 0]));
        let idents: Vec<u8> = sent(&mut a)
            .iter()
            .filter(|p| p[0] == 4)
            .map(|p| p[1])
            .collect();
        for ident in idents {
            a.receive(&response(ident, 0, &[]));
        }
    }
    assert_eq!(
        a.seen
            .iter()
            .filter(|seen| **seen == Seen::Ready(0x40))
            .count(),
        1
    );
    assert_eq!(a.channel(0x40).unwrap().params(), params);
    let segmenter = Segmenter::new(192, 0, Format::Enhanced, true);
    assert_eq!(segmenter.segments(1000).count(), 1000);
}

/// CVE-2022-42896: SPSM zero or out of range in requests for channels with credits.
#[test]
fn an_spsm_out_of_range_finds_nobody() {
    let mut a = Side::new(Transport::Le, Local::features(true));
    // Even if somebody could listen on them.
    for spsm in [0u16, 0x100, 0x1001, 0xffff] {
        a.listeners.push((spsm, Settings::default()));
        let [low, high] = spsm.to_le_bytes();
        a.receive(&command(0x14, 1, &[low, high, 0x41, 0, 64, 0, 64, 0, 1, 0]));
        assert_eq!(sent(&mut a)[0][12], 2);
        a.receive(&command(0x17, 1, &[low, high, 64, 0, 64, 0, 1, 0, 0x41, 0]));
        assert_eq!(sent(&mut a)[0][10], 2);
    }
    assert!(a.channels.is_empty());
}

/// CVE-2026-23395, CVE-2026-98108: more than five channels behind one identifier, and the wrong mode behind another.
#[test]
fn a_group_cannot_grow_nor_mix() {
    let mut a = Side::new(Transport::Le, Local::features(true));
    let defer = Settings {
        defer: true,
        ..Settings::default()
    };
    a.listeners.push((0x80, defer));
    a.receive(&command(
        0x17,
        7,
        &[0x80, 0, 64, 0, 64, 0, 1, 0, 0x41, 0, 0x42, 0, 0x43, 0],
    ));
    assert!(a.out.is_empty());
    for _ in 0..3 {
        a.receive(&command(
            0x17,
            7,
            &[0x80, 0, 64, 0, 64, 0, 1, 0, 0x51, 0, 0x52, 0],
        ));
        assert_eq!(sent(&mut a)[0][10], 12);
    }
    assert_eq!(a.channels.len(), 3);
    // The other mode with the same identifier is no part of the group.
    a.receive(&command(0x14, 7, &[0x80, 0, 0x61, 0, 64, 0, 64, 0, 1, 0]));
    let ident = wire::l2cap::signal::Ident::new(7).unwrap();
    let mut answer = engine::l2cap::enhanced::Deferred::new(ident, true);
    let locals: Vec<u16> = a.channels.iter().map(|c| c.local_cid()).collect();
    for local in locals {
        a.with(local, |c, _, s, _| answer.add(c, &mut s.idents));
    }
    assert_eq!(answer.finish().len(), 4 + 8 + 6);
    let le = a.by_remote(0x61).unwrap();
    assert_eq!((le.mode(), le.state()), (Mode::LeCredit, State::Deciding));
}

/// CVE-2026-31512: a frame of nought or one octet where an SDU length is to be.
#[test]
fn a_frame_without_an_sdu_length_disconnects() {
    for len in 0..2usize {
        assert_eq!(
            Credits::new(672, 192, true).on_frame(&vec![0; len]),
            Step::Disconnect
        );
        assert_eq!(
            Reassembly::new(672).on_segment(Sar::Start, &vec![0; len]),
            SduStep::Bad
        );
    }
}

/// CVE-2024-36968: a controller whose LE packets hold less than a header made a division by zero.
#[test]
fn a_tiny_link_gives_a_usable_mps() {
    for mtu in 0..30 {
        let credits = Credits::new(672, mtu, false);
        assert!(credits.mps() >= 23 && credits.rx_credits() > 0);
    }
}

/// CVE-2026-98457: a frame shorter than its control field and its check sequence.
#[test]
fn a_frame_without_a_control_field_is_malformed() {
    for (format, fcs) in [
        (Format::Enhanced, true),
        (Format::Extended, true),
        (Format::Extended, false),
    ] {
        for len in 0..format.size() + 2 * usize::from(fcs) {
            let mut frame = vec![len as u8, 0, 0x40, 0];
            frame.resize(4 + len, 0);
            let parsed = ErtmFrame::parse(&frame, format, fcs);
            assert!(matches!(parsed, Err(FrameError::Malformed(_))));
        }
    }
    let i = Control::information(0, Sar::Unsegmented, 0, false);
    assert_eq!(check_len(&i, 1001, 1000), Err(Error::Reset));
}

/// CVE-2026-43062, CVE-2026-53071, CVE-2026-63976: a reconfiguration response of two octets was read as another one, and a stale one
/// ended an open channel.
#[test]
fn a_reconfiguration_response_to_nothing_has_no_effect() {
    let mut a = Side::new(Transport::Le, Local::features(true));
    a.listeners.push((0x80, Settings::default()));
    a.receive(&command(
        0x17,
        7,
        &[0x80, 0, 64, 0, 64, 0, 1, 0, 0x41, 0, 0x42, 0],
    ));
    for ident in 1..=255 {
        for data in [&[1u8, 0][..], &[0, 0], &[1], &[]] {
            a.receive(&command(0x1a, ident, data));
        }
    }
    assert!(a.channels.iter().all(|c| c.state() == State::Open));
    let packet = a.channels[0]
        .reconfigure(1000, &mut a.signalling.idents)
        .unwrap();
    let ident = packet.as_slice()[1];
    a.receive(&command(0x1a, ident, &[0, 0]));
    a.receive(&command(0x1a, ident, &[4, 0]));
    assert!(a.channels.iter().all(|c| c.state() == State::Open));
}

/// CVE-2026-63975: a group answered with one identifier twice. CVE-2026-74540, CVE-2023-53305, CVE-2023-53827, CVE-2023-53297:
/// responses, rejects and disconnections for channels that are gone, or going.
#[test]
fn what_is_for_a_channel_that_is_gone_has_no_effect() {
    let (mut a, ident) = configuring(&Settings::default());
    a.close(0x40, Error::None);
    let request = sent(&mut a).remove(0);
    // While it goes.
    a.receive(&response(ident, 0, &[]));
    a.receive(&command(1, ident, &[0, 0]));
    a.receive(&command(4, 9, &[0x40, 0, 0, 0]));
    assert_eq!(sent(&mut a), [command(1, 9, &[2, 0, 0x40, 0, 0x41, 0])]);
    a.receive(&command(7, request[1], &[0x41, 0, 0x40, 0]));
    assert!(a.channels.is_empty());
    // When it is gone.
    for code in [1u8, 3, 5, 7, 0x0b] {
        for ident in 0..=255 {
            a.receive(&command(
                code,
                ident.max(1),
                &[0x41, 0, 0x40, 0, 0, 0, 0, 0],
            ));
        }
    }
    assert!(a.out.is_empty());
    a.receive(&command(6, 9, &[0x40, 0, 0x41, 0]));
    assert_eq!(sent(&mut a), [command(1, 9, &[2, 0, 0x40, 0, 0x41, 0])]);
}

/// CVE-2020-12351, CVE-2022-3640 and their like: AMP. Its commands are not understood, and its channel is none.
#[test]
fn amp_is_not_understood() {
    let (mut a, _) = configuring(&Settings::default());
    for code in [0x0cu8, 0x0e, 0x10] {
        a.receive(&command(code, 9, &[1, 0x10, 0x50, 0, 1]));
        assert_eq!(sent(&mut a), [command(1, 9, &[0, 0])]);
    }
    assert_eq!(a.channels.len(), 1);
}

/// CVE-2026-53208: many requests in one long frame before any pairing, each answered.
#[test]
fn a_long_frame_is_answered_once() {
    let (mut a, _) = configuring(&Settings::default());
    let frame: Vec<u8> = command(8, 1, &[]).into_iter().cycle().take(672).collect();
    a.receive(&frame);
    assert_eq!(sent(&mut a), [command(1, 1, &[1, 0, 48, 0])]);
}

/// CVE-2026-31393: a successful information response without data.
#[test]
fn an_information_response_without_data_is_no_answer() {
    let mut a = Side::new(Transport::BrEdr, Local::features(true));
    a.connect(0x1001, &Settings::default());
    let ident = sent(&mut a)[0][1];
    a.receive(&command(0x0b, ident, &[2, 0, 0, 0]));
    assert!(a.signalling.information_done());
    assert!(a.signalling.peer_features().is_empty());
}

/// The state machine of ERTM is not led astray by numbers out of its window, nor by acknowledgements of what was not sent.
#[test]
fn numbers_out_of_the_window_end_the_channel() {
    let (mut a, ident) = configuring(&ertm(true));
    a.receive(&response(ident, 0, &[]));
    a.receive(&request(&[4, 9, 3, 63, 3, 0, 0, 0, 0, 0xf2, 3]));
    let params = a.channel(0x40).unwrap().params();
    for req_seq in 1..=63 {
        let mut engine = Ertm::new(&params);
        let control = Control::information(0, Sar::Unsegmented, req_seq, false);
        assert_eq!(
            engine.on_frame(&control, 0).rx,
            Rx::Disconnect(Error::Reset)
        );
        assert_eq!(engine.deadline(), None);
    }
}

/// A refusal with an identifier that is none is not refused in turn: two hosts would do so for ever.
#[test]
fn refusals_are_not_refused() {
    for frame in [
        &[0x01, 0, 2, 0, 0, 0][..],
        &[0x01, 7, 9, 0, 0, 0],
        &[0x03, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ] {
        let mut side = Side::new(Transport::BrEdr, Local::features(true));
        side.receive(frame);
        assert!(side.out.is_empty(), "{frame:02x?}");
    }
    let mut side = Side::new(Transport::BrEdr, Local::features(true));
    side.receive(&[0x02, 0, 4, 0, 1, 0, 0x40, 0]);
    assert_eq!(side.out.len(), 1);
}
