// SPDX-License-Identifier: GPL-2.0

//! Channels with credits: how they open, alone and in groups, and what they send and receive.

#[path = "l2cap/side.rs"]
mod side;

use engine::l2cap::{
    channel::{
        Settings,
        State, //
    },
    credit::{
        Credits,
        Overflow,
        Step, //
    },
    enhanced,
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
    signal::*,
    Mode,
    Transport, //
};

const SPSM: u16 = 0x80;

fn side() -> Side {
    Side::new(Transport::Le, Local::features(true))
}

fn listening(settings: &Settings) -> Side {
    let mut side = side();
    side.listeners.push((SPSM, *settings));
    side
}

fn sent(side: &mut Side) -> Vec<Vec<u8>> {
    let out = core::mem::take(&mut side.out);
    out.iter()
        .map(|packet| packet.as_slice().to_vec())
        .collect()
}

#[test]
fn a_server_answers_as_the_c_stack() {
    let mut a = listening(&Settings::default());
    a.receive(&[0x14, 7, 10, 0, 0x80, 0, 0x41, 0, 0x20, 0, 0x20, 0, 5, 0]);
    assert_eq!(
        sent(&mut a),
        [vec![0x15, 7, 10, 0, 0x40, 0, 0xa0, 2, 0xbc, 0, 4, 0, 0, 0]]
    );
    assert_eq!(a.seen, [Seen::Ready(0x40)]);
    let credits = a.channel(0x40).unwrap().credits().unwrap();
    assert_eq!(
        (credits.tx_credits(), credits.omtu(), credits.tx_mps()),
        (5, 32, 32)
    );
    // The peer's identifier is not one, is taken, the SPSM is not one, nobody listens, and the lengths are too small.
    let refused = |result| vec![0x15, 7, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, result, 0];
    let request = |spsm: u16, scid: u8, mtu: u8| {
        let [low, high] = spsm.to_le_bytes();
        [0x14, 7, 10, 0, low, high, scid, 0, mtu, 0, 0x20, 0, 5, 0]
    };
    for (request, answer) in [
        (request(0x80, 1, 32), refused(9)),
        (request(0x80, 0x80, 32), refused(9)),
        (request(0x80, 0x41, 32), refused(10)),
        (request(0, 0x42, 32), refused(2)),
        (request(0x100, 0x42, 32), refused(2)),
        (request(0x81, 0x42, 32), refused(2)),
        (request(0x80, 0x42, 22), vec![1, 7, 2, 0, 0, 0]),
    ] {
        a.receive(&request);
        assert_eq!(sent(&mut a), [answer]);
    }
    assert_eq!(a.channels.len(), 1);
}

#[test]
fn a_group_is_answered_as_by_the_c_stack() {
    let mut a = listening(&Settings::default());
    let mut request = vec![0x17, 7, 18, 0, 0x80, 0, 0x40, 0, 0x40, 0, 5, 0];
    (0x41..=0x45).for_each(|cid| request.extend([cid, 0]));
    a.receive(&request);
    let mut answer = vec![0x18, 7, 18, 0, 0xa0, 2, 0xbc, 0, 4, 0, 0, 0];
    (0x40..=0x44).for_each(|cid| answer.extend([cid, 0]));
    assert_eq!(sent(&mut a), [answer]);
    assert_eq!(a.seen.len(), 5);

    let mut a = listening(&Settings::default());
    a.receive(&[0x17, 7, 10, 0, 0x80, 0, 0x40, 0, 0x40, 0, 5, 0, 1, 0]);
    assert_eq!(
        sent(&mut a),
        [vec![0x18, 7, 10, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0]]
    );
    // The same one twice: the second is refused.
    a.receive(&[
        0x17, 7, 12, 0, 0x80, 0, 0x40, 0, 0x40, 0, 5, 0, 0x41, 0, 0x41, 0,
    ]);
    assert_eq!(
        sent(&mut a),
        [vec![
            0x18, 7, 12, 0, 0xa0, 2, 0xbc, 0, 4, 0, 10, 0, 0x40, 0, 0, 0
        ]]
    );
    // Too many, none, too small, half a channel.
    let refused = |count: usize, result: u8| {
        let mut answer = vec![0x18, 7, 8 + 2 * count as u8, 0, 0, 0, 0, 0, 0, 0, result, 0];
        answer.resize(12 + 2 * count, 0);
        answer
    };
    let mut six = vec![0x17, 7, 20, 0, 0x80, 0, 0x40, 0, 0x40, 0, 5, 0];
    (0x50..0x56).for_each(|cid| six.extend([cid, 0]));
    for (request, answer) in [
        (&six[..], refused(0, 12)),
        (
            &[0x17, 7, 8, 0, 0x80, 0, 0x40, 0, 0x40, 0, 5, 0],
            refused(0, 12),
        ),
        (
            &[0x17, 7, 10, 0, 0x80, 0, 0x3f, 0, 0x40, 0, 5, 0, 0x50, 0],
            refused(1, 12),
        ),
        (
            &[0x17, 7, 10, 0, 0x80, 0, 0x40, 0, 0x3f, 0, 5, 0, 0x50, 0],
            refused(1, 12),
        ),
        (
            &[0x17, 7, 10, 0, 0, 1, 0x40, 0, 0x40, 0, 5, 0, 0x50, 0],
            refused(1, 2),
        ),
        (
            &[0x17, 7, 10, 0, 0x81, 0, 0x40, 0, 0x40, 0, 5, 0, 0x50, 0],
            refused(1, 2),
        ),
        (
            &[0x17, 7, 9, 0, 0x80, 0, 0x40, 0, 0x40, 0, 5, 0, 0x50],
            refused(0, 12),
        ),
        (&[0x17, 7, 3, 0, 0x80, 0, 0x40], refused(0, 12)),
    ] {
        a.receive(request);
        assert_eq!(sent(&mut a), [answer]);
    }
}

#[test]
fn two_sides_open_and_close() {
    let mut a = side();
    let mut b = listening(&Settings::default());
    let local = a.connect(SPSM, &Settings::default());
    settle(&mut a, &mut b);
    assert_eq!(a.seen, [Seen::Ready(local)]);
    assert_eq!(b.seen, [Seen::Ready(0x40)]);
    let (a_can, b_can) = (
        *a.channel(local).unwrap().credits().unwrap(),
        *b.channel(0x40).unwrap().credits().unwrap(),
    );
    assert_eq!(a_can.tx_credits(), b_can.rx_credits());
    assert_eq!(b_can.tx_credits(), a_can.rx_credits());
    assert_eq!((a_can.omtu(), a_can.tx_mps()), (b_can.imtu(), b_can.mps()));
    a.close(local, Error::None);
    settle(&mut a, &mut b);
    assert!(a.channels.is_empty() && b.channels.is_empty());
    assert_eq!(a.signalling.idents.in_use(), 0);
}

fn group(a: &mut Side, count: usize) -> Vec<u16> {
    use engine::l2cap::channel::Channel;
    let mut request = enhanced::Request::new(SPSM, &mut a.signalling.idents).unwrap();
    let mut locals = Vec::new();
    for _ in 0..count {
        let local = a.free_cid();
        let mut channel = Channel::outgoing(local, SPSM, &Settings::default(), a.now);
        assert!(request.add(&mut channel, &a.link));
        assert!(!request.add(&mut channel, &a.link));
        a.channels.push(channel);
        locals.push(local);
    }
    let mut one_more = Channel::outgoing(0x7f, SPSM, &Settings::default(), a.now);
    if count == 5 {
        assert!(!request.add(&mut one_more, &a.link));
    }
    a.out.push(request.finish());
    locals
}

#[test]
fn two_sides_open_a_group_and_reconfigure() {
    for count in 1..=5 {
        let mut a = side();
        let mut b = listening(&Settings::default());
        let locals = group(&mut a, count);
        settle(&mut a, &mut b);
        let ready: Vec<Seen> = locals.iter().copied().map(Seen::Ready).collect();
        assert_eq!(a.seen, ready);
        assert_eq!(b.seen.len(), count);
        assert_eq!(a.signalling.idents.in_use(), 0);
        assert_eq!(a.channel(0x40).unwrap().mode(), Mode::EnhancedCredit);

        let idents = &mut a.signalling.idents;
        let packet = a.channels[0].reconfigure(1000, idents).unwrap();
        assert_eq!(a.channels[0].reconfigure(1001, idents), None);
        a.out.push(packet);
        settle(&mut a, &mut b);
        assert_eq!(a.seen.last(), Some(&Seen::Reconfigured(0x40)));
        assert_eq!(b.channels[0].credits().unwrap().omtu(), 1000);
        assert_eq!(
            a.channels[0].reconfigure(999, &mut a.signalling.idents),
            None
        );
    }
}

#[test]
fn a_deferred_group_is_answered_once() {
    for consent in [true, false] {
        let mut a = side();
        let mut b = listening(&Settings {
            defer: true,
            ..Settings::default()
        });
        let locals = group(&mut a, 3);
        let request = a.out[0];
        settle(&mut a, &mut b);
        assert!(b.seen.is_empty() && b.out.is_empty());
        // The same request again does not add to the group.
        b.receive(request.as_slice());
        assert_eq!(sent(&mut b)[0][10], 12);
        assert_eq!(b.channels.len(), 3);

        let ident = b.channels[0].peer_ident().unwrap();
        let mut answer = enhanced::Deferred::new(ident, consent);
        for local in locals.clone() {
            b.with(local, |c, _, s, _| answer.add(c, &mut s.idents));
        }
        b.out.push(answer.finish());
        settle(&mut a, &mut b);
        if consent {
            assert!(a.channels.iter().all(|c| c.state() == State::Open));
            assert_eq!(a.channels.len(), 3);
            for local in locals {
                let remote = a.channel(local).unwrap().remote_cid();
                assert_eq!(b.channel(remote).unwrap().remote_cid(), local);
            }
        } else {
            assert!(a.channels.is_empty() && b.channels.is_empty());
        }
        assert_eq!(a.signalling.idents.in_use(), 0);
    }
}

/// The answer to a group of `count` channels.
fn answer(a: &mut Side, count: usize, result: u8, dcids: &[u16]) -> Vec<u16> {
    let locals = group(a, count);
    let ident = sent(a)[0][1];
    let mut rsp = vec![
        0x18,
        ident,
        8 + 2 * dcids.len() as u8,
        0,
        64,
        0,
        64,
        0,
        1,
        0,
        result,
        0,
    ];
    dcids.iter().for_each(|cid| rsp.extend(cid.to_le_bytes()));
    a.receive(&rsp);
    locals
}

#[test]
fn answers_to_groups_are_looked_at_one_by_one() {
    // Fewer than asked for, one refused.
    let mut a = side();
    answer(&mut a, 3, 4, &[0x50, 0]);
    assert_eq!(
        a.seen,
        [
            Seen::Ready(0x40),
            Seen::Closed(0x41, Error::Refused),
            Seen::Closed(0x42, Error::Refused),
        ]
    );
    // One identifier twice: neither channel may be used.
    let mut a = side();
    answer(&mut a, 3, 0, &[0x50, 0x50, 0x51]);
    assert_eq!(
        a.seen,
        [
            Seen::Ready(0x40),
            Seen::Closed(0x41, Error::Refused),
            Seen::Disconnecting(0x40, Error::Reset),
            Seen::Ready(0x42),
        ]
    );
    // One that no channel may have, and more than asked for.
    let mut a = side();
    answer(&mut a, 1, 0, &[0x80, 0x50, 0x51]);
    assert_eq!(a.seen, [Seen::Closed(0x40, Error::Refused)]);
    // More security.
    let mut a = side();
    answer(&mut a, 2, 5, &[0, 0]);
    assert_eq!(
        a.seen,
        [Seen::NeedsSecurity(0x40), Seen::NeedsSecurity(0x41)]
    );
    assert!(a.channels.iter().all(|c| c.state() == State::Starting));
    assert_eq!(a.signalling.idents.in_use(), 0);
    // Nothing that could be sent.
    let mut a = side();
    group(&mut a, 1);
    let ident = sent(&mut a)[0][1];
    a.receive(&[0x18, ident, 10, 0, 63, 0, 64, 0, 1, 0, 0, 0, 0x50, 0]);
    assert_eq!(a.seen, [Seen::Disconnecting(0x40, Error::Refused)]);
}

#[test]
fn reconfiguration_is_refused_where_it_must_be() {
    let mut a = side();
    let mut b = listening(&Settings::default());
    group(&mut a, 2);
    settle(&mut a, &mut b);
    let request = |mtu: u16, mps: u16, cids: &[u16]| {
        let mut request = vec![0x19, 9, 4 + 2 * cids.len() as u8, 0];
        [mtu, mps]
            .iter()
            .chain(cids)
            .for_each(|n| request.extend(n.to_le_bytes()));
        request
    };
    for (request, result) in [
        (request(672, 188, &[0x40]), 0),
        (request(671, 188, &[0x40]), 1),
        (request(672, 187, &[0x40, 0x41]), 2),
        (request(672, 187, &[0x40]), 0),
        (request(672, 187, &[0x42]), 3),
        (request(672, 187, &[0]), 3),
        (request(672, 187, &[]), 3),
        (request(63, 188, &[0x40]), 4),
        (request(672, 63, &[0x40]), 4),
        (request(672, 188, &[0x40; 6]), 4),
        (vec![0x19, 9, 3, 0, 1, 2, 3], 3),
    ] {
        b.receive(&request);
        assert_eq!(sent(&mut b), [vec![0x1a, 9, 2, 0, result, 0]]);
    }
    // Answers to what was not asked, or long ago.
    for ident in 1..=255 {
        b.receive(&[0x1a, ident, 2, 0, 1, 0]);
    }
    assert!(b.channels.iter().all(|c| c.state() == State::Open));
    // A failure of what was asked.
    let idents = &mut b.signalling.idents;
    let ident = b.channels[0].reconfigure(2000, idents).unwrap().as_slice()[1];
    b.receive(&[0x1a, ident, 2, 0, 1, 0]);
    assert_eq!(
        b.seen.last(),
        Some(&Seen::Disconnecting(0x40, Error::Reset))
    );
}

#[test]
fn a_refusal_or_a_bad_answer_ends_the_attempt() {
    let attempt = |rsp: &[u8]| {
        let mut a = side();
        a.connect(SPSM, &Settings::default());
        sent(&mut a);
        a.receive(rsp);
        a.seen
    };
    let refused = [Seen::Closed(0x40, Error::Refused)];
    assert_eq!(attempt(&[1, 1, 2, 0, 0, 0]), refused);
    assert_eq!(
        attempt(&[0x15, 1, 10, 0, 0x41, 0, 23, 0, 23, 0, 1, 0, 2, 0]),
        refused
    );
    assert_eq!(
        attempt(&[0x15, 1, 10, 0, 0x3f, 0, 23, 0, 23, 0, 1, 0, 0, 0]),
        refused
    );
    assert_eq!(
        attempt(&[0x15, 1, 10, 0, 0x80, 0, 23, 0, 23, 0, 1, 0, 0, 0]),
        refused
    );
    assert_eq!(
        attempt(&[0x15, 1, 10, 0, 0x41, 0, 22, 0, 23, 0, 1, 0, 0, 0]),
        [Seen::Disconnecting(0x40, Error::Refused)]
    );
    assert_eq!(
        attempt(&[0x15, 1, 10, 0, 0x41, 0, 23, 0, 23, 0, 1, 0, 0, 0]),
        [Seen::Ready(0x40)]
    );
    assert_eq!(
        attempt(&[0x15, 1, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0]),
        [Seen::NeedsSecurity(0x40)]
    );
    // Another identifier, too short, an answer to a group.
    assert!(attempt(&[0x15, 2, 10, 0, 0x41, 0, 23, 0, 23, 0, 1, 0, 0, 0]).is_empty());
    assert!(attempt(&[0x15, 1, 9, 0, 0x41, 0, 23, 0, 23, 0, 1, 0, 0]).is_empty());
    assert!(attempt(&[0x18, 1, 10, 0, 64, 0, 64, 0, 1, 0, 0, 0, 0x41, 0]).is_empty());
}

#[test]
fn more_credits_than_there_can_be_disconnect() {
    let mut credits = Credits::new(672, 192, false);
    credits.set_peer(&CreditParameters {
        mtu: 23,
        mps: 23,
        credits: 1,
    });
    assert_eq!(credits.on_credits(0xfffe), Ok(()));
    assert_eq!(credits.tx_credits(), 0xffff);
    assert_eq!(credits.on_credits(0), Ok(()));
    assert_eq!(credits.on_credits(1), Err(Overflow));
    assert_eq!(credits.tx_credits(), 0xffff);

    let mut a = listening(&Settings::default());
    a.receive(&[0x14, 7, 10, 0, 0x80, 0, 0x41, 0, 0x20, 0, 0x20, 0, 5, 0]);
    a.receive(&[0x16, 8, 4, 0, 0x41, 0, 0xff, 0xff]);
    assert_eq!(
        a.seen.last(),
        Some(&Seen::Disconnecting(0x40, Error::Reset))
    );
}

#[test]
fn what_links_hold_makes_the_mps_but_never_too_small() {
    for link_mtu in [0u16, 1, 3, 4, 5, 26, 27, 28, 192, 251, 65535] {
        for imtu in [0u16, 1, 22, 23, 64, 672, 65535] {
            for enhanced in [false, true] {
                let least = if enhanced { 64 } else { 23 };
                let c = Credits::new(imtu, link_mtu, enhanced);
                assert!(c.mps() >= least && c.imtu() >= c.mps());
                assert!(c.mps() == least || c.mps() <= link_mtu - 4);
                assert_eq!(c.rx_credits(), c.imtu() / c.mps() + 1);
            }
        }
    }
}

/// A channel that takes 100 octets in frames of 30.
fn receiver() -> Credits {
    let c = Credits::new(100, 34, false);
    assert_eq!((c.mps(), c.rx_credits()), (30, 4));
    c
}

fn frame(sdu_len: u16, data: usize) -> Vec<u8> {
    let mut frame = sdu_len.to_le_bytes().to_vec();
    frame.resize(2 + data, 0);
    frame
}

#[test]
fn sdus_are_put_together() {
    let mut c = receiver();
    assert_eq!(c.on_frame(&frame(28, 28)), Step::Whole);
    assert_eq!(c.on_frame(&frame(0, 0)), Step::Whole);
    assert_eq!(c.on_frame(&frame(59, 28)), Step::Start { sdu_len: 59 });
    assert_eq!(c.on_frame(&[0; 30]), Step::Append);
    // None left, so it is given some, and again when the SDU was delivered.
    assert_eq!(c.credits_due(), Some(4));
    assert_eq!(c.credits_due(), None);
    assert_eq!(c.on_frame(&[0; 1]), Step::Finish);
    assert_eq!(c.credits_due(), None);
    c.delivered();
    assert_eq!(c.credits_due(), Some(1));
    assert!(!c.is_partial());
}

#[test]
fn what_is_not_allowed_disconnects() {
    let start =
        |c: &mut Credits| assert_eq!(c.on_frame(&frame(60, 28)), Step::Start { sdu_len: 60 });
    // Too short for an SDU length.
    for len in 0..2 {
        assert_eq!(receiver().on_frame(&vec![0; len]), Step::Disconnect);
    }
    // Longer than the MPS, at the start and behind.
    assert_eq!(receiver().on_frame(&frame(29, 29)), Step::Disconnect);
    let mut c = receiver();
    start(&mut c);
    assert_eq!(c.on_frame(&[0; 31]), Step::Disconnect);
    // An SDU longer than the MTU, and more than the SDU's length.
    assert_eq!(receiver().on_frame(&frame(101, 28)), Step::Disconnect);
    assert_eq!(receiver().on_frame(&frame(5, 6)), Step::Disconnect);
    let mut c = receiver();
    start(&mut c);
    assert_eq!(c.on_frame(&[0; 30]), Step::Append);
    assert_eq!(c.on_frame(&[0; 3]), Step::Disconnect);
    assert!(!c.is_partial());
    // Without a credit.
    let mut c = receiver();
    for _ in 0..4 {
        assert_eq!(c.on_frame(&frame(0, 0)), Step::Whole);
    }
    assert_eq!(c.on_frame(&frame(0, 0)), Step::Disconnect);
}

#[test]
fn credits_follow_the_room_in_the_receivers_buffer() {
    let mut c = receiver();
    c.set_available(Some(90));
    assert_eq!(c.credits_due(), None);
    c.set_available(Some(300));
    assert_eq!(c.credits_due(), Some(6));
    // Taken back they are not, but none are given before there is room again.
    c.set_available(Some(0));
    assert_eq!(c.credits_due(), None);
    for _ in 0..9 {
        assert_eq!(c.on_frame(&frame(0, 0)), Step::Whole);
        c.delivered();
        assert_eq!(c.credits_due(), None);
    }
    assert_eq!(c.on_frame(&frame(0, 0)), Step::Whole);
    assert_eq!(c.credits_due(), None);
    assert_eq!(c.on_frame(&frame(0, 0)), Step::Disconnect);
    let mut c = receiver();
    c.set_available(Some(usize::MAX));
    assert_eq!(c.credits_due(), Some(u16::MAX - 4));
    // A peer whose frames are shorter than they could be gets more of them.
    let mut c = receiver();
    assert_eq!(c.on_frame(&frame(60, 8)), Step::Start { sdu_len: 60 });
    assert_eq!(c.credits_due(), Some(8));
    // They may become longer again.
    assert_eq!(c.on_frame(&[0; 30]), Step::Append);
}

proptest! {
    /// Whatever is sent within the credits arrives, whatever the receiver does with its buffer.
    #[test]
    fn everything_arrives(
        imtu in 23u16..1000, link_mtu in 27u16..300, sdus in prop::collection::vec(0u16..1000, 1..30),
        rooms in prop::collection::vec(prop::option::of(0usize..3000), 1..30),
    ) {
        let mut rx = Credits::new(imtu, link_mtu, false);
        let mut tx = Credits::new(672, 192, false);
        tx.set_peer(&rx.parameters());
        for (sdu, room) in sdus.iter().zip(rooms.iter().cycle()) {
            let sdu = (*sdu).min(tx.omtu());
            rx.set_available(*room);
            let mut kept = 0;
            for segment in tx.segments(sdu) {
                if let Some(n) = rx.credits_due() {
                    prop_assert_eq!(tx.on_credits(n), Ok(()));
                }
                if !tx.take_tx() {
                    // Stalled: the user reads.
                    rx.set_available(Some(5000));
                    let n = rx.credits_due();
                    prop_assert!(n.is_some());
                    prop_assert_eq!(tx.on_credits(n.unwrap()), Ok(()));
                    prop_assert!(tx.take_tx());
                }
                let mut frame = segment.sdu_len.map_or(vec![], |len| len.to_le_bytes().to_vec());
                frame.resize(frame.len() + usize::from(segment.len), 0);
                prop_assert!(frame.len() <= usize::from(rx.mps()));
                kept += segment.len;
                match rx.on_frame(&frame) {
                    Step::Whole | Step::Finish => {
                        prop_assert_eq!(kept, sdu);
                        rx.delivered();
                    }
                    Step::Start { sdu_len } => prop_assert_eq!(sdu_len, sdu),
                    Step::Append => prop_assert!(kept < sdu),
                    Step::Disconnect => prop_assert!(false),
                }
            }
            prop_assert_eq!(kept, sdu);
            // What both sides believe.
            prop_assert_eq!(tx.tx_credits(), rx.rx_credits());
        }
    }

    #[test]
    fn any_frame_is_survived(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..60)) {
        let mut c = receiver();
        let (mut kept, mut sdu) = (0usize, 0usize);
        for frame in frames {
            match c.on_frame(&frame) {
                Step::Whole => prop_assert!(frame.len() >= 2),
                Step::Start { sdu_len } => {
                    (kept, sdu) = (frame.len() - 2, sdu_len.into());
                    prop_assert!(kept < sdu && sdu <= 100);
                }
                Step::Append => {
                    kept += frame.len();
                    prop_assert!(kept < sdu);
                }
                Step::Finish => prop_assert_eq!(kept + frame.len(), sdu),
                Step::Disconnect => prop_assert!(!c.is_partial()),
            }
            c.delivered();
            let _ = c.credits_due();
        }
    }
}
