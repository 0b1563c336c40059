// SPDX-License-Identifier: GPL-2.0

//! Fragments of frames, some of them before their link is known: a frame that was cut anyhow is whole again with the same
//! octets, whatever came before it; and what is held is bounded and comes back once.

#![no_main]

use engine::{
    l2cap::recombine::{
        Recombination,
        Step, //
    },
    rx_hold::RxHold, //
};
use libfuzzer_sys::fuzz_target;
use oxtooth_fuzz::Input;

const LONGEST: usize = 300;
const HELD: usize = 8;

/// A receiver that keeps what it is told to.
struct Receiver {
    engine: Recombination,
    kept: Vec<u8>,
    frames: Vec<Vec<u8>>,
}

impl Receiver {
    fn fragment(&mut self, start: bool, bytes: &[u8]) {
        let fragment = self.engine.on_fragment(start, bytes);
        if fragment.discard {
            self.kept.clear();
        }
        match fragment.step {
            Step::Whole { len } => self.frames.push(bytes[..len].to_vec()),
            Step::Start { total } => {
                assert!(self.kept.is_empty());
                assert!(total.is_none_or(|total| total > bytes.len() && total <= LONGEST));
                self.kept.extend(bytes);
            }
            Step::Append { total } => {
                self.kept.extend(bytes);
                assert!(total.is_none_or(|total| total > self.kept.len() && total <= LONGEST));
            }
            Step::Finish => {
                self.kept.extend(bytes);
                self.frames.push(core::mem::take(&mut self.kept));
            }
            Step::Drop => {}
        }
        if !self.engine.is_partial() {
            self.kept.clear();
        }
        assert!(self.kept.len() < LONGEST);
    }
}

fn held(input: &mut Input<'_>) {
    let mut hold = RxHold::<u32, HELD>::new(100);
    let (mut now, mut number) = (0, 0);
    let mut inside: Vec<(u16, u32, u64)> = Vec::new();
    for _ in 0..64 {
        let handle = u16::from(input.below(3));
        match input.below(5) {
            0 | 1 => {
                number += 1;
                match hold.hold(handle, number, now) {
                    Ok(()) => inside.push((handle, number, now)),
                    Err(refused) => assert_eq!(refused.payload, number),
                }
                let of = inside.iter().filter(|entry| entry.0 == handle).count();
                assert!(of <= HELD.div_ceil(2));
            }
            2 => {
                let mut wanted = inside.iter().filter(|entry| entry.0 == handle);
                let wanted: Vec<u32> = wanted.by_ref().map(|entry| entry.1).collect();
                let mut got = Vec::new();
                while let Some(payload) = hold.deliver(handle, now) {
                    got.push(payload);
                }
                // In order, and none of them that is too old.
                assert!(wanted.ends_with(&got));
                inside.retain(|entry| !got.contains(&entry.1));
            }
            3 => hold.link_down(handle, now),
            _ => {
                now += u64::from(input.u8());
                while let Some(payload) = hold.expire(now) {
                    let at = inside.iter().position(|entry| entry.1 == payload).unwrap();
                    assert!(now >= inside.remove(at).2 + 100);
                }
                assert!(hold.next_deadline().is_none_or(|at| at > now));
            }
        }
        assert!(hold.len() <= HELD);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let mut receiver = Receiver {
        engine: Recombination::new(LONGEST),
        kept: Vec::new(),
        frames: Vec::new(),
    };
    for _ in 0..input.below(8) {
        let start = input.bit();
        let noise = input.bytes(LONGEST + 8);
        receiver.fragment(start, noise);
    }
    // Now a true frame, cut anyhow, with empty fragments in between.
    receiver.frames.clear();
    let payload = input.bytes(LONGEST - 4);
    let mut frame = (payload.len() as u16).to_le_bytes().to_vec();
    frame.extend([0x40, 0x00]);
    frame.extend(payload);
    let (mut rest, mut start) = (&frame[..], true);
    while start || !rest.is_empty() {
        let len = match input.u8() {
            // Where the choices end, so does the cutting.
            0 => rest.len(),
            len => usize::from(len).min(rest.len()),
        };
        let (piece, tail) = rest.split_at(len);
        receiver.fragment(start, piece);
        (rest, start) = (tail, false);
    }
    assert_eq!(receiver.frames, [frame]);
    assert!(!receiver.engine.is_partial());
    held(&mut input);
});
