// SPDX-License-Identifier: GPL-2.0

//! SDUs in streaming mode over an air that loses frames: what arrives was sent, whole, in order and once, and without a loss all
//! of it arrives.

#![no_main]

use engine::l2cap::{
    sdu::{
        Reassembly,
        Segmenter,
        Step as Piece, //
    },
    streaming::{
        Step,
        Streaming, //
    },
};
use libfuzzer_sys::fuzz_target;
use oxtooth_fuzz::Input;
use wire::l2cap::control::{
    Control,
    Format,
    Kind,
    Supervisory, //
};

/// A receiver that keeps what it is told to.
struct Receiver {
    numbers: Streaming,
    sdus: Reassembly,
    kept: Vec<u8>,
    whole: Vec<Vec<u8>>,
}

impl Receiver {
    fn frame(&mut self, control: &Control, payload: &[u8]) {
        let Kind::Information { sar, .. } = control.kind else {
            assert_eq!(self.numbers.on_frame(control), Step::Ignore);
            return;
        };
        match self.numbers.on_frame(control) {
            Step::Ignore => unreachable!(),
            Step::Deliver => {}
            Step::DeliverAfterGap => {
                self.sdus.reset();
                self.kept.clear();
            }
        }
        match self.sdus.on_segment(sar, payload) {
            Piece::Whole => self.whole.push(payload.to_vec()),
            Piece::Start { .. } => {
                assert!(self.kept.is_empty());
                self.kept.extend(&payload[2..]);
            }
            Piece::Append => self.kept.extend(payload),
            Piece::Finish => {
                self.kept.extend(payload);
                self.whole.push(core::mem::take(&mut self.kept));
            }
            Piece::Bad => self.kept.clear(),
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let format = if input.bit() {
        Format::Extended
    } else {
        Format::Enhanced
    };
    let segmenter = Segmenter::new(100, u16::from(input.u8()), format, input.bit());
    let mut sender = Streaming::new(format);
    let mut receiver = Receiver {
        numbers: Streaming::new(format),
        sdus: Reassembly::new(300),
        kept: Vec::new(),
        whole: Vec::new(),
    };
    let mut sent = Vec::new();
    // Of the frames since the last that arrived: as many as there are numbers are not missed.
    let (mut in_a_row, mut lost) = (0, 0);
    while !input.is_empty() {
        let number = sent.len() as u8;
        let len = u16::from(input.u8()) + 1;
        let sdu: Vec<u8> = (0..len).map(|at| (at as u8) ^ number).collect();
        let mut rest = &sdu[..];
        for segment in segmenter.segments(len) {
            let (piece, tail) = rest.split_at(segment.len.into());
            rest = tail;
            let mut payload = segment
                .sdu_len
                .map_or(Vec::new(), |len| len.to_le_bytes().to_vec());
            payload.extend(piece);
            let control = sender.stamp(segment.sar);
            let (control, _) = Control::unpack(format, control.pack(format).as_slice()).unwrap();
            match input.u8() {
                0xc0.. if in_a_row < 40 => {
                    in_a_row += 1;
                    lost += 1;
                    continue;
                }
                // What has no place in this mode.
                0xb0..=0xbf => {
                    receiver.frame(&Control::supervisory(Supervisory::Rr, 0, true, false), &[])
                }
                _ => {}
            }
            in_a_row = 0;
            receiver.frame(&control, &payload);
        }
        sent.push(sdu);
    }
    let mut all = sent.iter();
    for whole in &receiver.whole {
        assert!(
            all.any(|sdu| sdu == whole),
            "an SDU that nobody sent, or late"
        );
    }
    if lost == 0 {
        assert_eq!(receiver.whole, sent);
    }
    assert!(receiver.whole.len() + lost >= sent.len());
});
