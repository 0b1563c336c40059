// SPDX-License-Identifier: GPL-2.0

//! Two sides of a link that open, configure and close channels, and somebody who changes, drops, repeats and invents signalling
//! frames between them: they never talk for ever, and in the end all is closed and no identifier is left in use.

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
use oxtooth_fuzz::Input;
use side::Side;
use wire::l2cap::{
    FeatureMask,
    Mode,
    Transport, //
};

const PSM: u16 = 0x1001;
const SPSM: u16 = 0x80;

fn settings(input: &mut Input<'_>) -> Settings {
    let bits = input.u8();
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

/// All that each side has to say reaches the other one, in the end unchanged.
fn exchange(sides: &mut [Side; 2], input: &mut Input<'_>, rounds: usize) {
    let fair = input.is_empty();
    for _ in 0..rounds {
        let out = [0, 1].map(|me| core::mem::take(&mut sides[me].out));
        if out.iter().all(Vec::is_empty) {
            return;
        }
        for (me, packets) in out.into_iter().enumerate() {
            for packet in packets {
                let mut frame = packet.as_slice().to_vec();
                match input.u8() {
                    0x80..=0x8f => continue,
                    0x90..=0x9f => sides[1 - me].receive(&frame),
                    0xa0..=0xaf => {
                        // Sent back to who sent it.
                        sides[me].receive(&frame);
                        continue;
                    }
                    0xb0..=0xef => {
                        let at = usize::from(input.u8()) % frame.len();
                        frame[at] = input.u8();
                    }
                    0xf0..=0xff => frame.truncate(usize::from(input.u8())),
                    _ => {}
                }
                sides[1 - me].receive(&frame);
            }
        }
    }
    assert!(!fair, "they talk for ever");
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let bits = input.u8();
    let transport = if bits & 1 != 0 {
        Transport::Le
    } else {
        Transport::BrEdr
    };
    let psm = if bits & 1 != 0 { SPSM } else { PSM };
    let mut sides = [(); 2].map(|()| {
        let bits = input.u8();
        let features = Local::features(bits & 2 != 0)
            .with_if(FeatureMask::EXTENDED_WINDOW, bits & 4 != 0)
            .with_if(FeatureMask::EXTENDED_FLOW, bits & 8 != 0);
        let mut side = Side::new(transport, features);
        side.accept = bits & 16 == 0;
        side.listeners.push((psm, settings(&mut input)));
        side
    });
    let mut steps = 0;
    while !input.is_empty() && steps < 100 {
        steps += 1;
        let me = usize::from(input.bit());
        let side = &mut sides[me];
        let local = 0x40 + u16::from(input.below(4));
        match input.below(8) {
            0 | 1 => {
                if side.channels.len() < 8 {
                    side.connect(psm, &settings(&mut input));
                }
            }
            2 => side.close(local, Error::None),
            3 => side.answer(local, Answer::Accept),
            4 => {
                side.now += u64::from(input.u16());
                side.timeout();
            }
            5 => {
                let frame = input.bytes(64);
                side.receive(frame);
            }
            _ => exchange(&mut sides, &mut input, 40),
        }
        for side in &sides {
            for channel in &side.channels {
                assert_ne!(channel.state(), State::Closed, "it should be gone");
            }
        }
    }
    for _ in 0..4 {
        for side in &mut sides {
            let locals: Vec<u16> = side.channels.iter().map(|c| c.local_cid()).collect();
            for local in locals {
                side.close(local, Error::None);
            }
        }
        exchange(&mut sides, &mut Input::new(&[]), 1000);
        for side in &mut sides {
            side.now += 100_000;
            side.timeout();
        }
    }
    for side in &sides {
        assert!(side.channels.is_empty());
        assert_eq!(side.signalling.idents.in_use(), 0);
    }
});
