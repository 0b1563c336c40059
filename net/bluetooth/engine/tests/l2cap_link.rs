// SPDX-License-Identifier: GPL-2.0

//! The signalling channel, recombination of fragments, SDUs and streaming mode.

use engine::l2cap::{
    ident::Idents,
    recombine::{
        Flags,
        Fragment,
        Recombination,
        Step as FragmentStep, //
    },
    sdu::{
        Reassembly,
        Segmenter,
        Step as SduStep,
        BREDR_MAX_PAYLOAD, //
    },
    signalling::{
        Local,
        Signalling,
        Step,
        INFORMATION_TIMEOUT_MS, //
    },
    streaming::{
        Step as StreamStep,
        Streaming, //
    },
};
use proptest::prelude::*;
use wire::l2cap::{
    control::{
        Control,
        Format,
        Kind,
        Sar,
        Supervisory, //
    },
    signal::*,
    FeatureMask,
    FixedChannels,
    Transport, //
};

#[test]
fn broadcasts_carry_nothing_but_connectionless_data() {
    let of = |flags| Flags::parse(flags, Transport::BrEdr);
    for (boundary, start) in [(0, true), (1, false), (2, true), (3, true)] {
        let flags = of(boundary).unwrap();
        assert_eq!((flags.start, flags.broadcast), (start, false));
        assert!((0..=0xffff).all(|cid| flags.carries(cid)));
        assert_eq!(Flags::parse(boundary, Transport::Le), Some(flags));

        let flags = of((1 << 2) | boundary).unwrap();
        assert_eq!((flags.start, flags.broadcast), (start, true));
        assert!((0..=0xffff).all(|cid| flags.carries(cid) == (cid == 2)));
        // There is none on LE, and the rest of the numbers are reserved.
        assert_eq!(Flags::parse((1 << 2) | boundary, Transport::Le), None);
        for reserved in [2, 3] {
            assert_eq!(of((reserved << 2) | boundary), None);
        }
    }
}

fn signalling(transport: Transport, enhanced_credit: bool) -> Signalling {
    Signalling::new(
        transport,
        Local {
            features: Local::features(true),
            fixed_channels: FixedChannels::SIGNALLING | FixedChannels::CONNECTIONLESS,
            enhanced_credit,
        },
    )
}

/// What a frame leads to: packets sent, commands passed on, and the rest.
#[derive(Debug, Default, PartialEq, Eq)]
struct Out {
    sent: Vec<Vec<u8>>,
    commands: Vec<(u8, Code)>,
    ignored: usize,
    done: usize,
}

fn run(s: &mut Signalling, payload: &[u8]) -> Out {
    let mut out = Out::default();
    let mut frame = s.frame(payload);
    while let Some(step) = s.next(&mut frame, 0) {
        match step {
            Step::Send(packet) => out.sent.push(packet.as_slice().to_vec()),
            Step::Command { ident, command } => out.commands.push((ident.get(), command.code())),
            Step::InformationDone => out.done += 1,
            Step::Ignored(_) => out.ignored += 1,
        }
    }
    out
}

fn sent(packets: &[&[u8]]) -> Out {
    Out {
        sent: packets.iter().map(|packet| packet.to_vec()).collect(),
        ..Out::default()
    }
}

#[test]
fn echoes_and_information_are_answered() {
    let s = &mut signalling(Transport::BrEdr, false);
    assert_eq!(
        run(s, &[8, 5, 3, 0, 1, 2, 3]),
        sent(&[&[9, 5, 3, 0, 1, 2, 3]])
    );
    assert_eq!(
        run(s, &[0x0a, 5, 2, 0, 2, 0]),
        sent(&[&[0x0b, 5, 8, 0, 2, 0, 0, 0, 0xb8, 2, 0, 0]])
    );
    assert_eq!(
        run(s, &[0x0a, 5, 2, 0, 3, 0]),
        sent(&[&[0x0b, 5, 12, 0, 3, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0]])
    );
    for info in [0u8, 1, 4, 255] {
        assert_eq!(
            run(s, &[0x0a, 5, 2, 0, info, 0]),
            sent(&[&[0x0b, 5, 4, 0, info, 0, 1, 0]])
        );
    }
    // Without ERTM.
    assert_eq!(Local::features(false).bits(), 0x280);
}

#[test]
fn several_commands_in_one_frame_are_all_looked_at() {
    let s = &mut signalling(Transport::BrEdr, false);
    let mut frame = vec![8, 1, 0, 0, 8, 2, 1, 0, 9];
    frame.extend([6, 3, 4, 0, 0x40, 0, 0x41, 0]);
    let out = run(s, &frame);
    assert_eq!(out.sent, [vec![9, 1, 0, 0], vec![9, 2, 1, 0, 9]]);
    assert_eq!(out.commands, [(3, Code::DISCONNECTION_REQUEST)]);
    // The last one cut off: its length leads out of the frame, or its header does.
    assert_eq!(
        run(s, &[8, 1, 0, 0, 8, 2, 5, 0, 9]),
        sent(&[&[9, 1, 0, 0], &[1, 2, 2, 0, 0, 0]])
    );
    assert_eq!(
        run(s, &[8, 1, 0, 0, 8, 2]),
        sent(&[&[9, 1, 0, 0], &[1, 0, 2, 0, 0, 0]])
    );
    // Identifier zero.
    assert_eq!(
        run(s, &[8, 0, 0, 0, 8, 1, 0, 0]),
        sent(&[&[1, 0, 2, 0, 0, 0], &[9, 1, 0, 0]])
    );
}

#[test]
fn a_frame_longer_than_the_signalling_mtu_gets_one_answer() {
    // 168 echo requests in one frame.
    let mut frame = Vec::new();
    (0..168u32).for_each(|n| frame.extend([8, n as u8 | 1, 0, 0]));
    let s = &mut signalling(Transport::BrEdr, false);
    assert_eq!(run(s, &frame), sent(&[&[1, 1, 4, 0, 1, 0, 48, 0]]));
    assert_eq!(run(s, &frame[..52]).sent.len(), 1);
    // Within it, as many answers as requests, of the same length.
    let out = run(s, &frame[..48]);
    assert_eq!(out.sent.len(), 12);
    assert!(out.sent.iter().all(|packet| packet.len() == 4));
}

#[test]
fn on_le_a_frame_holds_exactly_one_command() {
    let s = &mut signalling(Transport::Le, true);
    let request = [6, 3, 4, 0, 0x40, 0, 0x41, 0];
    assert_eq!(run(s, &request).commands.len(), 1);
    for frame in [
        [&request[..], &request[..]].concat(),
        [&request[..], &[0]].concat(),
        request[..7].to_vec(),
        vec![6, 0, 4, 0, 0x40, 0, 0x41, 0],
        vec![6, 3, 5, 0, 0x40, 0, 0x41, 0],
        vec![1, 2],
        vec![],
    ] {
        assert_eq!(run(s, &frame), Out::default());
    }
    // Of BR/EDR, of AMP, of nobody; and a response, which is never answered.
    for code in [2u8, 4, 8, 0x0a, 0x0c, 0x0e, 0x77] {
        assert_eq!(run(s, &[code, 9, 0, 0]), sent(&[&[1, 9, 2, 0, 0, 0]]));
    }
    for code in [3u8, 5, 9, 0x0b, 0x0d, 0x0f, 0x11, 0x13, 0x15, 0x18, 0x1a] {
        assert_eq!(run(s, &[code, 9, 0, 0]).sent, Vec::<Vec<u8>>::new());
    }
    // A request that is too short, or of a mode that is switched off.
    assert_eq!(run(s, &[0x14, 9, 1, 0, 0]), sent(&[&[1, 9, 2, 0, 0, 0]]));
    let s = &mut signalling(Transport::Le, false);
    for request in [
        &[0x17, 9, 10, 0, 0x80, 0, 64, 0, 64, 0, 1, 0, 0x40, 0][..],
        &[0x17, 9, 1, 0, 0],
        &[0x19, 9, 6, 0, 64, 0, 64, 0, 0x40, 0],
        &[0x19, 9, 1, 0, 0],
    ] {
        assert_eq!(run(s, request), sent(&[&[1, 9, 2, 0, 0, 0]]));
    }
}

#[test]
fn features_are_exchanged_once() {
    let mut s = signalling(Transport::BrEdr, false);
    assert!(!s.information_done());
    let request = s.request_information(100).unwrap();
    assert_eq!(request.as_slice(), [0x0a, 1, 2, 0, 2, 0]);
    assert_eq!(s.request_information(100), None);
    assert_eq!(s.deadline(), Some(100 + INFORMATION_TIMEOUT_MS));
    let features = [0x0b, 1, 8, 0, 2, 0, 0, 0, 0xb8, 2, 0, 0];
    // Not asked for: another identifier, another type.
    assert_eq!(
        run(&mut s, &[0x0b, 2, 8, 0, 2, 0, 0, 0, 0xb8, 2, 0, 0]).ignored,
        1
    );
    assert_eq!(run(&mut s, &[0x0b, 1, 5, 0, 3, 0, 0, 0, 6]).ignored, 1);
    assert_eq!(run(&mut s, &features), sent(&[&[0x0a, 2, 2, 0, 3, 0]]));
    assert_eq!(s.peer_features(), FeatureMask::from_bits(0x2b8));
    assert_eq!(run(&mut s, &features).ignored, 1);
    let channels = [0x0b, 2, 12, 0, 3, 0, 0, 0, 0x86, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(run(&mut s, &channels).done, 1);
    assert!(s.information_done() && s.peer_fixed_channels().contains(FixedChannels::SMP_BREDR));
    assert_eq!(s.idents.in_use(), 0);
    assert_eq!((s.deadline(), s.on_timeout(u64::MAX)), (None, false));
    assert_eq!(run(&mut s, &channels).ignored, 1);
}

#[test]
fn the_exchange_of_features_ends_in_any_case() {
    // Refused, rejected, without the data, not answered; at either step.
    for answer in [
        &[0x0b, 1, 4, 0, 2, 0, 1, 0][..],
        &[1, 1, 2, 0, 0, 0],
        &[1, 1, 4, 0, 1, 0, 10, 0],
        &[0x0b, 1, 4, 0, 2, 0, 0, 0],
        &[0x0b, 1, 7, 0, 2, 0, 0, 0, 1, 2, 3],
    ] {
        let mut s = signalling(Transport::BrEdr, false);
        s.request_information(0).unwrap();
        assert_eq!(run(&mut s, answer).done, 1, "{answer:?}");
        assert!(s.information_done() && s.peer_features().is_empty());
        assert_eq!(s.idents.in_use(), 0);
    }
    let mut s = signalling(Transport::BrEdr, false);
    s.request_information(0).unwrap();
    assert!(!s.on_timeout(INFORMATION_TIMEOUT_MS - 1));
    assert!(s.on_timeout(INFORMATION_TIMEOUT_MS));
    assert!(s.information_done());
    let mut s = signalling(Transport::BrEdr, false);
    s.request_information(0).unwrap();
    run(&mut s, &[0x0b, 1, 8, 0, 2, 0, 0, 0, 0x80, 0, 0, 0]);
    assert!(s.on_timeout(INFORMATION_TIMEOUT_MS));
    assert!(s.information_done());
    // On LE there is none.
    let mut s = signalling(Transport::Le, false);
    assert!(s.information_done());
    assert_eq!(s.request_information(0), None);
}

#[test]
fn a_peripheral_asks_for_parameters_once_until_it_is_answered() {
    let wanted = ConnectionParameterUpdateRequest {
        interval_min: 0x18,
        interval_max: 0x28,
        latency: 0,
        timeout: 0x2a,
    };
    let request = |ident| [0x12, ident, 8, 0, 0x18, 0, 0x28, 0, 0, 0, 0x2a, 0];
    let mut s = signalling(Transport::Le, false);
    let asked = s.request_parameters(wanted).unwrap();
    assert_eq!(asked.as_slice(), request(1));
    assert_eq!(s.request_parameters(wanted), None);
    // Another's answer, then the answer: accepted, refused, or not understood.
    assert_eq!(run(&mut s, &[0x13, 2, 2, 0, 0, 0]).ignored, 1);
    assert_eq!(s.idents.in_use(), 1);
    for (ident, answer) in [
        (1, &[0x13, 1, 2, 0, 0, 0][..]),
        (2, &[0x13, 2, 2, 0, 1, 0]),
        (3, &[1, 3, 2, 0, 0, 0]),
    ] {
        assert_eq!(run(&mut s, answer).ignored, 1);
        assert_eq!(s.idents.in_use(), 0);
        let asked = s.request_parameters(wanted).unwrap();
        assert_eq!(asked.as_slice(), request(ident + 1));
    }
    // There is no such thing on BR/EDR.
    let mut s = signalling(Transport::BrEdr, false);
    assert_eq!(s.request_parameters(wanted), None);
}

#[test]
fn identifiers_come_back_as_late_as_possible_and_run_out() {
    for (transport, most) in [(Transport::BrEdr, 128u32), (Transport::Le, 255)] {
        let mut idents = Idents::new(transport);
        for n in 1..=most {
            assert_eq!(u32::from(idents.allocate().unwrap().get()), n);
        }
        assert_eq!(idents.allocate(), None);
        assert_eq!(idents.pass(), None);
        idents.release(Ident::new(7).unwrap());
        idents.release(Ident::new(7).unwrap());
        assert_eq!(idents.allocate(), Ident::new(7));
        assert_eq!(idents.in_use(), most);
        idents.release(Ident::new(5).unwrap());
        idents.release(Ident::new(9).unwrap());
        assert_eq!(idents.allocate(), Ident::new(9));
        assert_eq!(idents.allocate(), Ident::new(5));
        idents.release(Ident::new(255).unwrap());
    }
}

fn step(r: &mut Recombination, start: bool, bytes: &[u8]) -> (bool, bool, FragmentStep) {
    let Fragment {
        discard,
        unreliable,
        step,
    } = r.on_fragment(start, bytes);
    (discard, unreliable, step)
}

#[test]
fn fragments_become_frames() {
    use FragmentStep::*;
    let frame = [3u8, 0, 0x40, 0, 1, 2, 3];
    let r = &mut Recombination::new(1000);
    assert_eq!(step(r, true, &frame), (false, false, Whole { len: 7 }));
    assert_eq!(
        step(r, true, &frame[..4]),
        (false, false, Start { total: Some(7) })
    );
    assert_eq!(
        step(r, false, &frame[4..5]),
        (false, false, Append { total: None })
    );
    assert_eq!(step(r, false, &[]), (false, false, Append { total: None }));
    assert_eq!(step(r, false, &frame[5..]), (false, false, Finish));
    assert!(!r.is_partial());
    // The length itself divided, in all ways.
    for cut in [
        &[0usize, 1, 2][..],
        &[1, 2],
        &[0, 2],
        &[1, 7],
        &[0, 0, 1, 1, 7],
    ] {
        let mut at = 0;
        let mut last = None;
        for (n, &end) in cut.iter().chain([&7]).enumerate() {
            let end = end.max(at);
            last = Some(step(r, n == 0, &frame[at..end]));
            at = end;
            if at == 7 {
                break;
            }
        }
        assert_eq!(last, Some((false, false, Finish)), "{cut:?}");
        assert!(!r.is_partial());
    }
    assert_eq!(
        step(r, true, &frame[..1]),
        (false, false, Start { total: None })
    );
    assert_eq!(
        step(r, false, &frame[1..3]),
        (false, false, Append { total: Some(7) })
    );
    // A start in between: what there is is lost.
    assert_eq!(step(r, true, &frame), (true, true, Whole { len: 7 }));
    // Longer than it says: what belongs to it is delivered, or nothing.
    let mut long = frame.to_vec();
    long.push(9);
    assert_eq!(step(r, true, &long), (false, true, Whole { len: 7 }));
    step(r, true, &frame[..5]);
    assert_eq!(step(r, false, &[1, 2, 3]), (true, true, Drop));
    // A continuation of nothing.
    assert_eq!(step(r, false, &frame), (false, true, Drop));
    // An empty frame.
    assert_eq!(
        step(r, true, &[0, 0, 0x40, 0]),
        (false, false, Whole { len: 4 })
    );
    // Longer than allowed, told at once or later; the rest is dropped.
    assert_eq!(step(r, true, &[0xe5, 3, 0x40, 0]), (false, true, Drop));
    assert_eq!(step(r, false, &[0; 10]), (false, true, Drop));
    assert_eq!(
        step(r, true, &[0xe4, 3]),
        (false, false, Start { total: Some(1000) })
    );
    assert_eq!(step(r, true, &[0xff]), (true, true, Start { total: None }));
    assert_eq!(step(r, false, &[0xff]), (true, true, Drop));
    assert!(!r.is_partial());
}

#[test]
fn pieces_fit_into_packets_and_into_what_the_peer_takes() {
    assert_eq!(
        Segmenter::new(192, 1000, Format::Enhanced, true).payload(),
        184
    );
    assert_eq!(
        Segmenter::new(192, 1000, Format::Extended, false).payload(),
        184
    );
    assert_eq!(
        Segmenter::new(192, 100, Format::Enhanced, true).payload(),
        100
    );
    let most = Segmenter::new(65535, 65535, Format::Enhanced, true).payload();
    assert_eq!(most, BREDR_MAX_PAYLOAD - 8);
    // Whatever the peer says, it comes to an end.
    let none = Segmenter::new(0, 0, Format::Extended, true);
    assert_eq!(none.segments(65535).count(), 65535);
    assert_eq!(none.segments(0).count(), 0);
}

#[test]
fn pieces_that_do_not_belong_together_are_bad() {
    let start = |len: u16, data: usize| {
        let mut payload = len.to_le_bytes().to_vec();
        payload.resize(2 + data, 0);
        payload
    };
    let r = || Reassembly::new(100);
    let begun = || {
        let mut r = r();
        assert_eq!(
            r.on_segment(Sar::Start, &start(10, 4)),
            SduStep::Start { sdu_len: 10 }
        );
        r
    };
    assert_eq!(r().on_segment(Sar::Unsegmented, &[0; 100]), SduStep::Whole);
    assert_eq!(r().on_segment(Sar::Unsegmented, &[0; 101]), SduStep::Bad);
    assert_eq!(r().on_segment(Sar::Continue, &[0; 1]), SduStep::Bad);
    assert_eq!(r().on_segment(Sar::End, &[0; 1]), SduStep::Bad);
    for payload in [
        vec![],
        vec![1],
        start(101, 4),
        start(4, 4),
        start(4, 5),
        start(0, 0),
    ] {
        assert_eq!(r().on_segment(Sar::Start, &payload), SduStep::Bad);
    }
    assert_eq!(begun().on_segment(Sar::Start, &start(10, 4)), SduStep::Bad);
    assert_eq!(begun().on_segment(Sar::Unsegmented, &[0; 4]), SduStep::Bad);
    assert_eq!(begun().on_segment(Sar::Continue, &[0; 6]), SduStep::Bad);
    assert_eq!(begun().on_segment(Sar::Continue, &[0; 7]), SduStep::Bad);
    assert_eq!(begun().on_segment(Sar::End, &[0; 5]), SduStep::Bad);
    assert_eq!(begun().on_segment(Sar::End, &[0; 7]), SduStep::Bad);
    assert_eq!(begun().on_segment(Sar::End, &[0; 6]), SduStep::Finish);
    let mut r = begun();
    assert_eq!(r.on_segment(Sar::Continue, &[0; 5]), SduStep::Append);
    assert!(r.is_partial() && r.reset() && !r.reset());
}

#[test]
fn streaming_goes_on_after_a_gap() {
    for format in [Format::Enhanced, Format::Extended] {
        let mut tx = Streaming::new(format);
        let mut rx = Streaming::new(format);
        for n in 0..40_000u32 {
            let control = tx.stamp(Sar::Unsegmented);
            if n % 7 == 3 {
                continue;
            }
            let expected = if n % 7 == 4 {
                StreamStep::DeliverAfterGap
            } else {
                StreamStep::Deliver
            };
            assert_eq!(rx.on_frame(&control), expected);
        }
        let rr = Control::supervisory(Supervisory::Rr, 0, true, false);
        assert_eq!(rx.on_frame(&rr), StreamStep::Ignore);
        let control = tx.stamp(Sar::Start);
        assert_eq!(control.req_seq, 0);
        assert!(matches!(
            control.kind,
            Kind::Information {
                sar: Sar::Start,
                ..
            }
        ));
    }
}

proptest! {
    #[test]
    fn any_frame_gets_no_more_answers_than_it_has_commands(
        payload in prop::collection::vec(any::<u8>(), 0..100), le: bool, enhanced: bool,
    ) {
        let transport = if le { Transport::Le } else { Transport::BrEdr };
        let mut s = signalling(transport, enhanced);
        let _ = s.request_information(0);
        let out = run(&mut s, &payload);
        let most = if le { 1 } else { payload.len() / 4 + 1 };
        prop_assert!(out.sent.len() + out.commands.len() <= most);
        prop_assert!(out.sent.iter().all(|packet| packet.len() <= MTU));
    }

    #[test]
    fn any_cut_of_a_frame_is_put_together(
        len in 0usize..300, cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let mut frame = (len as u16).to_le_bytes().to_vec();
        frame.extend([0x40, 0]);
        frame.resize(4 + len, 7);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(frame.len())).collect();
        cuts.push(frame.len());
        cuts.sort_unstable();
        let mut r = Recombination::new(65539);
        let mut have = Vec::new();
        let mut at = 0;
        for (n, &end) in cuts.iter().enumerate() {
            let f = r.on_fragment(n == 0, &frame[at..end]);
            prop_assert!(!f.discard && !f.unreliable);
            have.extend_from_slice(&frame[at..end]);
            at = end;
            match f.step {
                FragmentStep::Whole { len } => prop_assert_eq!(len, frame.len()),
                FragmentStep::Start { total } | FragmentStep::Append { total } => {
                    prop_assert!(total.is_none_or(|total| total == frame.len()));
                }
                FragmentStep::Finish => {}
                FragmentStep::Drop => prop_assert!(false),
            }
            if at == frame.len() {
                break;
            }
        }
        prop_assert_eq!(have, frame);
        prop_assert!(!r.is_partial());
    }

    /// The caller's buffer never has to hold more than it was told.
    #[test]
    fn any_fragments_are_survived(
        fragments in prop::collection::vec((any::<bool>(), prop::collection::vec(0u8..20, 0..30)), 0..40),
    ) {
        let mut r = Recombination::new(300);
        let mut have: Option<(usize, Option<usize>)> = None;
        for (start, bytes) in fragments {
            let f = r.on_fragment(start, &bytes);
            if f.discard {
                prop_assert!(have.take().is_some());
            }
            match f.step {
                FragmentStep::Whole { len } => prop_assert!(len <= bytes.len() && have.is_none()),
                FragmentStep::Start { total } => {
                    prop_assert!(have.is_none());
                    have = Some((bytes.len(), total));
                }
                FragmentStep::Append { total } => {
                    let (len, before) = have.unwrap();
                    have = Some((len + bytes.len(), before.or(total)));
                }
                FragmentStep::Finish => {
                    let (len, total) = have.take().unwrap();
                    prop_assert!(total.is_none_or(|total| total == len + bytes.len()));
                }
                FragmentStep::Drop => {}
            }
            if let Some((len, Some(total))) = have {
                prop_assert!(len < total && total <= 300);
            }
            prop_assert_eq!(r.is_partial(), have.is_some());
        }
    }

    #[test]
    fn sdus_are_cut_and_joined(
        len in 0u16..=2000, link_mtu in 0u16..1100, mps in 0u16..1100, extended: bool, fcs: bool,
    ) {
        let format = if extended { Format::Extended } else { Format::Enhanced };
        let segmenter = Segmenter::new(link_mtu, mps, format, fcs);
        let mut r = Reassembly::new(2000);
        let mut have = 0;
        let mut finished = len == 0;
        for segment in segmenter.segments(len) {
            prop_assert!(segment.len <= segmenter.payload() && segment.len > 0);
            let mut payload = segment.sdu_len.map_or(vec![], |len| len.to_le_bytes().to_vec());
            payload.resize(payload.len() + usize::from(segment.len), 0);
            have += segment.len;
            match r.on_segment(segment.sar, &payload) {
                SduStep::Whole | SduStep::Finish => finished = true,
                SduStep::Start { sdu_len } => prop_assert_eq!(sdu_len, len),
                SduStep::Append => {}
                SduStep::Bad => prop_assert!(false),
            }
        }
        prop_assert!(finished);
        prop_assert_eq!(have, len);
        prop_assert!(!r.is_partial());
    }
}
