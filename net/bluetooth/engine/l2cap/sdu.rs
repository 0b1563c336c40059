// SPDX-License-Identifier: GPL-2.0

//! SDUs become I-frames and I-frames SDUs, in enhanced retransmission and streaming mode (Vol 3 Part A 7.2, 7.3).

use wire::l2cap::{
    control::{
        Format,
        Sar, //
    },
    BasicHeader,
    FCS_SIZE, //
};

/// The longest payload of an I-frame on BR/EDR, all headers included, in octets: what a 3-DH5 packet holds. As in the C stack.
pub const BREDR_MAX_PAYLOAD: u16 = 1019;

/// How a channel cuts its SDUs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segmenter {
    /// The longest piece, in octets; not zero.
    payload: u16,
}

impl Segmenter {
    /// For a link whose packets hold `link_mtu` octets, and a peer that takes `mps` octets in a frame: a frame fits into one
    /// packet. Each piece has one octet at least, whatever these are.
    pub fn new(link_mtu: u16, mps: u16, format: Format, has_fcs: bool) -> Self {
        let overhead = BasicHeader::SIZE
            .saturating_add(format.size())
            .saturating_add(if has_fcs { FCS_SIZE } else { 0 });
        let overhead = u16::try_from(overhead).unwrap_or(u16::MAX);
        let payload = link_mtu
            .min(BREDR_MAX_PAYLOAD)
            .saturating_sub(overhead)
            .min(mps)
            .max(1);
        Self { payload }
    }

    /// The longest piece, in octets.
    pub const fn payload(&self) -> u16 {
        self.payload
    }

    /// The pieces of an SDU of `len` octets: none if it is empty, as in the C stack.
    pub const fn segments(&self, len: u16) -> Segments {
        Segments {
            payload: self.payload,
            len,
            left: len,
        }
    }
}

/// A piece of an SDU.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Which it is.
    pub sar: Sar,
    /// Octets of it.
    pub len: u16,
    /// The length of the SDU, to be put before the first of several.
    pub sdu_len: Option<u16>,
}

/// The pieces of an SDU, first to last.
#[derive(Clone, Copy, Debug)]
pub struct Segments {
    payload: u16,
    len: u16,
    left: u16,
}

impl Iterator for Segments {
    type Item = Segment;

    fn next(&mut self) -> Option<Segment> {
        if self.left == 0 {
            return None;
        }
        let first = self.left == self.len;
        let len = self.left.min(self.payload);
        self.left = self.left.saturating_sub(len);
        let sar = match (first, self.left == 0) {
            (true, true) => Sar::Unsegmented,
            (true, false) => Sar::Start,
            (false, false) => Sar::Continue,
            (false, true) => Sar::End,
        };
        Some(Segment {
            sar,
            len,
            sdu_len: (sar == Sar::Start).then_some(self.len),
        })
    }
}

/// What to do with a piece that arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// It is a whole SDU: deliver it.
    Whole,
    /// Keep it as the start of an SDU of so many octets, without the SDU length before it.
    Start {
        /// Length of the SDU.
        sdu_len: u16,
    },
    /// Append it to what is kept.
    Append,
    /// Append it to what is kept, and deliver that.
    Finish,
    /// It does not belong here, or is too long: drop it and what is kept. In enhanced retransmission mode the channel is to be
    /// disconnected.
    Bad,
}

/// The SDU that a channel is in the middle of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reassembly {
    /// The longest SDU, in octets.
    mtu: u16,
    /// Length of the SDU and octets of it that are there.
    partial: Option<(u16, u16)>,
}

impl Reassembly {
    /// No SDU begun. None may be longer than `mtu` octets.
    pub const fn new(mtu: u16) -> Self {
        Self { mtu, partial: None }
    }

    /// Whether the caller keeps part of an SDU.
    pub const fn is_partial(&self) -> bool {
        self.partial.is_some()
    }

    /// Forgets the SDU begun, which the caller drops; says whether there was one.
    pub fn reset(&mut self) -> bool {
        self.partial.take().is_some()
    }

    /// A piece arrived: `payload` is what follows the control field, with the SDU length in front if `sar` says so.
    pub fn on_segment(&mut self, sar: Sar, payload: &[u8]) -> Step {
        let before = self.partial.take();
        match (sar, before) {
            (Sar::Unsegmented, None) if payload.len() <= usize::from(self.mtu) => Step::Whole,
            (Sar::Start, None) => self.start(payload),
            (Sar::Continue, Some((sdu_len, have))) => match self.add(sdu_len, have, payload) {
                Some(have) if have < sdu_len => {
                    self.partial = Some((sdu_len, have));
                    Step::Append
                }
                _ => Step::Bad,
            },
            (Sar::End, Some((sdu_len, have))) => match self.add(sdu_len, have, payload) {
                Some(have) if have == sdu_len => Step::Finish,
                _ => Step::Bad,
            },
            _ => Step::Bad,
        }
    }

    fn start(&mut self, payload: &[u8]) -> Step {
        let Ok((sdu_len, data)) = wire::l2cap::frame::split_sdu_len(payload) else {
            return Step::Bad;
        };
        match u16::try_from(data.len()) {
            // An SDU that one frame holds is not divided.
            Ok(have) if sdu_len <= self.mtu && have < sdu_len => {
                self.partial = Some((sdu_len, have));
                Step::Start { sdu_len }
            }
            _ => Step::Bad,
        }
    }

    fn add(&self, sdu_len: u16, have: u16, payload: &[u8]) -> Option<u16> {
        let have = have.checked_add(u16::try_from(payload.len()).ok()?)?;
        (have <= sdu_len).then_some(have)
    }
}
