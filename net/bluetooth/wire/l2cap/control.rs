// SPDX-License-Identifier: GPL-2.0

//! Control fields of enhanced retransmission and streaming mode (Vol 3 Part A 3.3.2).

use crate::{
    Bytes,
    Malformed,
    Reader, //
};

/// Which of the two formats a channel uses (3.3.2, tables 3.2 and 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Format {
    /// Enhanced control field: 16 bits, sequence numbers below 64.
    #[default]
    Enhanced,
    /// Extended control field: 32 bits, sequence numbers below 16384.
    Extended,
}

impl Format {
    /// Octets of the field.
    #[inline]
    pub const fn size(self) -> usize {
        match self {
            Self::Enhanced => 2,
            Self::Extended => 4,
        }
    }

    /// The greatest sequence number: they count modulo one more.
    #[inline]
    pub const fn max_seq(self) -> u16 {
        match self {
            Self::Enhanced => 0x003f,
            Self::Extended => 0x3fff,
        }
    }
}

/// Where in its SDU a frame belongs (3.3.2: segmentation and reassembly).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Sar {
    /// It is the whole SDU.
    Unsegmented = 0,
    /// First of several; it starts with the SDU's length.
    Start = 1,
    /// Last of several.
    End = 2,
    /// In between.
    Continue = 3,
}

impl Sar {
    #[inline]
    const fn from_bits(bits: u32) -> Self {
        match bits & 3 {
            0 => Self::Unsegmented,
            1 => Self::Start,
            2 => Self::End,
            _ => Self::Continue,
        }
    }
}

/// What a supervisory frame says (3.3.2: supervisory function).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Supervisory {
    /// Receiver ready.
    Rr = 0,
    /// Reject: send again from ReqSeq on.
    Rej = 1,
    /// Receiver not ready.
    Rnr = 2,
    /// Selective reject: send ReqSeq again.
    Srej = 3,
}

impl Supervisory {
    #[inline]
    const fn from_bits(bits: u32) -> Self {
        match bits & 3 {
            0 => Self::Rr,
            1 => Self::Rej,
            2 => Self::Rnr,
            _ => Self::Srej,
        }
    }
}

/// What kind of frame it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// I-frame: it carries data.
    Information {
        /// Its number.
        tx_seq: u16,
        /// Where in its SDU it belongs.
        sar: Sar,
    },
    /// S-frame: it carries nothing.
    Supervisory {
        /// What it says.
        function: Supervisory,
        /// The answer is to have the F-bit.
        poll: bool,
    },
}

/// A control field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control {
    /// The number of the next frame that the sender expects; in SREJ, of the one that it wants again.
    pub req_seq: u16,
    /// F-bit: the answer to a poll.
    pub final_bit: bool,
    /// The kind, with what only this kind has.
    pub kind: Kind,
}

// The fields of the extended format, by the number of their lowest bit.
const TYPE: u32 = 0;
const FINAL: u32 = 1;
const REQ_SEQ: u32 = 2;
const SAR: u32 = 16;
const FUNCTION: u32 = 16;
const TX_SEQ: u32 = 18;
const POLL: u32 = 18;

impl Control {
    /// Of an S-frame.
    #[inline]
    pub const fn supervisory(
        function: Supervisory,
        req_seq: u16,
        poll: bool,
        final_bit: bool,
    ) -> Self {
        Self {
            req_seq,
            final_bit,
            kind: Kind::Supervisory { function, poll },
        }
    }

    /// Of an I-frame.
    #[inline]
    pub const fn information(tx_seq: u16, sar: Sar, req_seq: u16, final_bit: bool) -> Self {
        Self {
            req_seq,
            final_bit,
            kind: Kind::Information { tx_seq, sar },
        }
    }

    /// Reads a control field off the front of `bytes`. Every bit pattern is one; reserved bits are ignored.
    ///
    /// # Errors
    ///
    /// There are too few bytes.
    #[inline]
    pub fn unpack(format: Format, bytes: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let mut reader = Reader::new("control field", bytes);
        let control = match format {
            Format::Enhanced => Self::from_enhanced(reader.u16()?),
            Format::Extended => Self::from_extended(reader.u32()?),
        };
        Ok((control, reader.rest()))
    }

    fn from_enhanced(raw: u16) -> Self {
        let raw = u32::from(raw);
        let req_seq = ((raw >> 8) & 0x3f) as u16;
        let final_bit = raw & (1 << 7) != 0;
        if raw & 1 != 0 {
            let function = Supervisory::from_bits(raw >> 2);
            Self::supervisory(function, req_seq, raw & (1 << 4) != 0, final_bit)
        } else {
            let tx_seq = ((raw >> 1) & 0x3f) as u16;
            Self::information(tx_seq, Sar::from_bits(raw >> 14), req_seq, final_bit)
        }
    }

    fn from_extended(raw: u32) -> Self {
        let req_seq = ((raw >> REQ_SEQ) & 0x3fff) as u16;
        let final_bit = raw & (1 << FINAL) != 0;
        if raw & (1 << TYPE) != 0 {
            let function = Supervisory::from_bits(raw >> FUNCTION);
            Self::supervisory(function, req_seq, raw & (1 << POLL) != 0, final_bit)
        } else {
            let tx_seq = ((raw >> TX_SEQ) & 0x3fff) as u16;
            Self::information(tx_seq, Sar::from_bits(raw >> SAR), req_seq, final_bit)
        }
    }

    /// The field's two or four octets. Sequence numbers are cut to what the format holds.
    #[inline]
    pub fn pack(&self, format: Format) -> Bytes<4> {
        let packed = match format {
            Format::Enhanced => Bytes::from_slice(&self.to_enhanced().to_le_bytes()),
            Format::Extended => Bytes::from_slice(&self.to_extended().to_le_bytes()),
        };
        // It fits.
        packed.unwrap_or_default()
    }

    /// The enhanced control field. Sequence numbers are cut to six bits.
    pub const fn to_enhanced(&self) -> u16 {
        let common = ((self.req_seq & 0x3f) << 8) | ((self.final_bit as u16) << 7);
        common
            | match self.kind {
                Kind::Supervisory { function, poll } => {
                    1 | ((function as u16) << 2) | ((poll as u16) << 4)
                }
                Kind::Information { tx_seq, sar } => ((tx_seq & 0x3f) << 1) | ((sar as u16) << 14),
            }
    }

    /// The extended control field. Sequence numbers are cut to fourteen bits.
    pub const fn to_extended(&self) -> u32 {
        let common =
            (((self.req_seq & 0x3fff) as u32) << REQ_SEQ) | ((self.final_bit as u32) << FINAL);
        common
            | match self.kind {
                Kind::Supervisory { function, poll } => {
                    (1 << TYPE) | ((function as u32) << FUNCTION) | ((poll as u32) << POLL)
                }
                Kind::Information { tx_seq, sar } => {
                    (((tx_seq & 0x3fff) as u32) << TX_SEQ) | ((sar as u32) << SAR)
                }
            }
    }
}
