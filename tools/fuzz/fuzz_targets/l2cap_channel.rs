// SPDX-License-Identifier: GPL-2.0

//! A link with channels, and a peer that sends anything: answers are bounded, no channel opens that its user did not agree to,
//! and in the end everything closes and gives its identifiers back.

#![no_main]

#[path = "../../../net/bluetooth/engine/tests/l2cap/side.rs"]
mod side;

use engine::l2cap::{
    channel::{
        Answer,
        Settings,
        State, //
    },
    signalling::Local,
    Error, //
};
use libfuzzer_sys::fuzz_target;
use side::Side;
use wire::l2cap::{
    FeatureMask,
    Mode,
    Transport, //
};

fn settings(bits: u8) -> Settings {
    Settings {
        mode: [Mode::Basic, Mode::Ertm, Mode::Streaming, Mode::Basic][usize::from(bits & 3)],
        mode_required: bits & 4 != 0,
        fcs: bits & 8 != 0,
        defer: bits & 16 != 0,
        imtu: [672, 48, 0, 65535][usize::from(bits >> 5 & 3)],
        tx_window: if bits & 128 != 0 { 1000 } else { 63 },
        ..Settings::default()
    }
}

fuzz_target!(|bytes: &[u8]| {
    let [setup, wants, rest @ ..] = bytes else {
        return;
    };
    let transport = if setup & 1 != 0 {
        Transport::Le
    } else {
        Transport::BrEdr
    };
    let features = Local::features(setup & 2 != 0)
        .with_if(FeatureMask::EXTENDED_WINDOW, setup & 4 != 0)
        .with_if(FeatureMask::EXTENDED_FLOW, setup & 8 != 0);
    let mut side = Side::new(transport, features);
    side.accept = setup & 16 != 0;
    side.listeners.push((0x1001, settings(*wants)));
    side.listeners.push((0x80, settings(*wants)));
    side.listeners.push((0x81, Settings::default()));

    let mut rest = rest;
    while let [step, tail @ ..] = rest {
        rest = tail;
        match step {
            0xf0 => {
                let psm = if transport == Transport::Le {
                    0x80
                } else {
                    0x1001
                };
                side.connect(psm, &settings(*wants));
            }
            0xf1..=0xf3 => side.close(0x3f + u16::from(step & 15), Error::None),
            0xf4..=0xf6 => {
                let local = 0x3c + u16::from(step & 15);
                side.answer(local, Answer::Accept);
            }
            0xf7..=0xff => {
                side.now += u64::from(*step) << (step & 7);
                side.timeout();
            }
            len => {
                let (frame, tail) = rest.split_at(usize::from(*len).min(rest.len()));
                rest = tail;
                side.out.clear();
                let channels = side.channels.len();
                side.receive(frame);
                // A configuration answers, asks, and accepts for good; a feature exchange starts what waited.
                assert!(side.out.len() <= 3 * (frame.len() / 4 + 1) + 2 * channels);
                if *wants & 16 != 0 && !side.accept {
                    for channel in &side.channels {
                        let theirs = channel.peer_ident().is_some();
                        assert!(!theirs || channel.state() != State::Open);
                    }
                }
            }
        }
    }

    let locals: Vec<u16> = side.channels.iter().map(|c| c.local_cid()).collect();
    for local in locals {
        side.close(local, Error::None);
    }
    side.now += 10_000_000;
    side.timeout();
    assert!(side.channels.is_empty());
    assert_eq!(side.signalling.idents.in_use(), 0);
});
