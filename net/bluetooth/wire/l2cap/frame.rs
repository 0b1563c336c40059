// SPDX-License-Identifier: GPL-2.0

//! What travels on a channel (Vol 3 Part A 3).

use zerocopy::little_endian::U16;

use super::{
    control::{
        Control,
        Format, //
    },
    fcs,
    FCS_SIZE, //
};
use crate::{
    Malformed,
    Reader, //
};

layout! {
    /// The basic header, which every frame starts with (3.1).
    BasicHeader {
        /// Length of what follows, in octets.
        len: U16,
        /// Destination: the receiver's identifier of the channel.
        cid: U16,
    }
}

impl BasicHeader {
    /// Octets of the header.
    pub const SIZE: usize = 4;

    /// The header for `len` octets to channel `cid`.
    #[inline]
    pub const fn new(len: u16, cid: u16) -> Self {
        Self {
            len: U16::new(len),
            cid: U16::new(cid),
        }
    }
}

/// A whole frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Which of our channels it is for.
    pub cid: u16,
    /// What follows the basic header.
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads a frame that starts with its basic header.
    ///
    /// # Errors
    ///
    /// A frame without a whole header, or whose length differs from the one that its header tells.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new("L2CAP frame", bytes);
        let header = reader.view::<BasicHeader>()?;
        let len = usize::from(header.len.get());
        if reader.remaining() != len {
            return Err(reader.short(len));
        }
        Ok(Self {
            cid: header.cid.get(),
            payload: reader.rest(),
        })
    }
}

/// The payload of a frame on the connectionless channel (3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionlessFrame<'a> {
    /// Whom it is for.
    pub psm: u16,
    /// The data.
    pub data: &'a [u8],
}

impl<'a> ConnectionlessFrame<'a> {
    /// Reads what follows the basic header. PSMs have two octets, as everywhere in practice.
    ///
    /// # Errors
    ///
    /// There is no whole PSM.
    #[inline]
    pub fn parse(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new("connectionless frame", payload);
        let psm = reader.u16()?;
        Ok(Self {
            psm,
            data: reader.rest(),
        })
    }
}

/// A frame of a channel in enhanced retransmission or streaming mode (3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErtmFrame<'a> {
    /// The control field.
    pub control: Control,
    /// What follows it, without the check sequence. The first I-frame of an SDU starts with the SDU's length.
    pub payload: &'a [u8],
}

/// Why a frame of a channel in enhanced retransmission or streaming mode is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// It is too short for its control field and its check sequence.
    Malformed(Malformed),
    /// The check sequence is not that of the frame.
    BadFcs,
}

impl From<Malformed> for FrameError {
    #[inline]
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl<'a> ErtmFrame<'a> {
    /// Reads a frame that starts with its basic header, which is known to agree with its length.
    ///
    /// # Errors
    ///
    /// A frame too short for its control field and check sequence, or with a wrong check sequence.
    pub fn parse(bytes: &'a [u8], format: Format, has_fcs: bool) -> Result<Self, FrameError> {
        let body = if has_fcs {
            let (body, sequence) = bytes
                .split_last_chunk::<FCS_SIZE>()
                .ok_or(Malformed::short(
                    "frame check sequence",
                    FCS_SIZE,
                    bytes.len(),
                ))?;
            // Told apart from a wrong sequence: what is too short for both has none.
            if body.len() < BasicHeader::SIZE.saturating_add(format.size()) {
                let wanted = format.size().saturating_add(FCS_SIZE);
                let had = bytes.len().saturating_sub(BasicHeader::SIZE);
                return Err(Malformed::short("control field", wanted, had).into());
            }
            if fcs(body) != u16::from_le_bytes(*sequence) {
                return Err(FrameError::BadFcs);
            }
            body
        } else {
            bytes
        };
        let mut reader = Reader::new("L2CAP frame", body);
        reader.view::<BasicHeader>()?;
        let (control, payload) = Control::unpack(format, reader.rest())?;
        Ok(Self { control, payload })
    }
}

/// The SDU length that the first frame of an SDU starts with (3.3.3, 3.4.2), and what follows it.
///
/// # Errors
///
/// There is no whole length.
#[inline]
pub fn split_sdu_len(payload: &[u8]) -> Result<(u16, &[u8]), Malformed> {
    let mut reader = Reader::new("SDU length", payload);
    let len = reader.u16()?;
    Ok((len, reader.rest()))
}
