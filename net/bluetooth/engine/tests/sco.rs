// SPDX-License-Identifier: GPL-2.0

//! Audio links: what is asked for, in which order.

use engine::sco::{
    acceptance,
    codec,
    coding,
    notice_down,
    notice_up,
    Audio,
    Ladder,
    Notice,
    Setup, //
};
use wire::hci::Status;

/// Packet types, latency and effort of each attempt.
fn attempts(mut ladder: Ladder) -> Vec<(u16, u16, u8)> {
    std::iter::from_fn(|| match ladder.next(0x00e0)? {
        Setup::Synchronous(p) => Some((p.packet_types, p.max_latency, p.retransmission)),
        Setup::AddSco(types) => Some((types, 0, 0)),
    })
    .collect()
}

#[test]
fn cvsd() {
    let all = [
        (0x0380, 10, 1),
        (0x0380, 7, 1),
        (0x03c8, 7, 1),
        (0x03c4, 0xffff, 1),
        (0x03c1, 0xffff, 1),
    ];
    assert_eq!(attempts(Ladder::new(Audio::Cvsd, true, true, true)), all);
    assert_eq!(
        attempts(Ladder::new(Audio::Cvsd, true, true, false)),
        all[2..]
    );
    assert_eq!(
        attempts(Ladder::new(Audio::Cvsd, true, false, false)),
        [(0x03c4, 0xffff, 0xff), (0x03c1, 0xffff, 0xff)]
    );
}

#[test]
fn transparent() {
    let all = [(0x0380, 13, 2), (0x03c8, 8, 2)];
    for peer_esco in [false, true] {
        assert_eq!(
            attempts(Ladder::new(Audio::Transparent, true, peer_esco, true)),
            all
        );
        assert_eq!(
            attempts(Ladder::new(Audio::Transparent, true, peer_esco, false)),
            all[1..]
        );
    }
}

#[test]
fn without_esco_of_our_own() {
    for audio in [Audio::Cvsd, Audio::Transparent] {
        let ladder = Ladder::new(audio, false, true, true);
        assert_eq!(attempts(ladder), [(0x00e0, 0, 0)]);
        assert!(!ladder.goes_on(Status(0x0d)));
    }
}

#[test]
fn which_errors_are_worth_another_attempt() {
    let ladder = Ladder::new(Audio::Cvsd, true, true, true);
    let worth: Vec<u8> = (0..=255)
        .filter(|&status| ladder.goes_on(Status(status)))
        .collect();
    assert_eq!(worth, [0x0d, 0x10, 0x11, 0x1a, 0x1c, 0x1e, 0x1f, 0x20]);
}

#[test]
fn a_ladder_ends() {
    let mut ladder = Ladder::new(Audio::Cvsd, true, true, true);
    while ladder.next(0).is_some() {}
    assert_eq!(ladder.attempts(), 5);
    for _ in 0..1000 {
        assert_eq!(ladder.next(0), None);
    }
    assert_eq!(ladder.attempts(), 5);
}

#[test]
fn accepting() {
    let p = acceptance(0x0003, 0x0380);
    assert_eq!(
        (p.packet_types, p.max_latency, p.retransmission),
        (0x0380, 13, 2)
    );
    let p = acceptance(0x0003, 0x03c8);
    assert_eq!((p.max_latency, p.retransmission), (8, 2));
    for setting in [0x0060, 0x0000, 0x0061, 0x0062] {
        let p = acceptance(setting, 0x03c8);
        assert_eq!((p.max_latency, p.retransmission), (0xffff, 0xff));
    }
}

#[test]
fn codings() {
    let cvsd = coding(codec::CVSD).unwrap();
    assert_eq!(
        (cvsd.air, cvsd.host, cvsd.host_bandwidth, cvsd.unit),
        (2, 4, 16_000, 16)
    );
    let msbc = coding(codec::MSBC).unwrap();
    assert_eq!(
        (msbc.air, msbc.host, msbc.host_bandwidth, msbc.unit),
        (5, 4, 32_000, 1)
    );
    let plain = coding(codec::TRANSPARENT).unwrap();
    assert_eq!(
        (plain.air, plain.host, plain.host_bandwidth, plain.unit),
        (3, 3, 8_000, 1)
    );
    assert_eq!(coding(0x00), None);
    assert_eq!(coding(0xff), None);
    assert_eq!(Audio::of_setting(0x0060), Some(Audio::Cvsd));
    assert_eq!(Audio::of_setting(0x0063), Some(Audio::Transparent));
    assert_eq!(Audio::of_setting(0x0001), None);
}

#[test]
fn what_the_driver_hears() {
    let ok = Status::SUCCESS;
    assert_eq!(notice_up(ok, 0x02, 0), Some(Notice::Cvsd));
    assert_eq!(notice_up(ok, 0x03, 0), Some(Notice::Transparent));
    assert_eq!(notice_up(ok, 0x02, 1), None, "audio goes another way");
    assert_eq!(notice_up(ok, 0x00, 0), None);
    assert_eq!(notice_up(Status(0x0d), 0x02, 0), None, "no link");
    assert_eq!(notice_down(0x0060, None), Some(Notice::Disabled));
    // Of two links the one that came last, with transparent audio, ends: CVSD's needs are what counts now.
    assert_eq!(notice_down(0x0063, Some(Notice::Cvsd)), Some(Notice::Cvsd));
    assert_eq!(notice_down(0x0001, None), None);
    assert_eq!(Notice::Disabled as u8, 6);
}
