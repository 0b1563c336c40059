// SPDX-License-Identifier: GPL-2.0

//! Streaming mode (Vol 3 Part A 8.7): frames are numbered, so that the receiver sees what is missing; nothing is sent again.

use wire::l2cap::control::{
    Control,
    Format,
    Kind,
    Sar, //
};

/// What to do with a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// It is the next one: reassemble it.
    Deliver,
    /// Frames before it are missing: drop what there is of an SDU, then reassemble it. A piece that continues an SDU then has none to
    /// continue, which is no reason to disconnect.
    DeliverAfterGap,
    /// It is not an I-frame: drop it.
    Ignore,
}

/// The sequence numbers of one channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Streaming {
    format: Format,
    next: u16,
    expected: u16,
}

impl Streaming {
    /// Of a channel that was just opened.
    pub const fn new(format: Format) -> Self {
        Self {
            format,
            next: 0,
            expected: 0,
        }
    }

    const fn after(&self, seq: u16) -> u16 {
        seq.wrapping_add(1) & self.format.max_seq()
    }

    /// The control field of the next frame to be sent.
    pub fn stamp(&mut self, sar: Sar) -> Control {
        let tx_seq = self.next;
        self.next = self.after(tx_seq);
        Control::information(tx_seq, sar, 0, false)
    }

    /// A frame arrived.
    pub fn on_frame(&mut self, control: &Control) -> Step {
        let Kind::Information { tx_seq, .. } = control.kind else {
            return Step::Ignore;
        };
        let expected = self.expected;
        self.expected = self.after(tx_seq);
        if tx_seq == expected {
            Step::Deliver
        } else {
            Step::DeliverAfterGap
        }
    }
}
