// SPDX-License-Identifier: GPL-2.0

//! Isochronous transfers: how a voice packet is cut into frames.
//!
//! A full-speed bus has one frame in a millisecond. An URB lists what goes into each of a number
//! of them; a frame may be empty.

/// Frames in one receiving URB: 10 ms of voice.
pub const RX_FRAMES: usize = 10;

/// Most frames that a voice packet (3 bytes of header, 255 of data) can take, at 9 bytes each.
pub const MAX_FRAMES: usize = 29;

/// One frame of an URB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Where its bytes begin in the buffer.
    pub offset: u32,
    /// How many there are.
    pub len: u32,
}

/// How many frames `len` bytes take with at most `packet` bytes in each; [`None`] if it is more
/// than [`MAX_FRAMES`], or the endpoint carries nothing.
pub fn frames(len: usize, packet: u16) -> Option<usize> {
    let packet = usize::from(packet);
    let rounded_up = len.saturating_add(packet.saturating_sub(1));
    let count = rounded_up.checked_div(packet)?;
    (count <= MAX_FRAMES).then_some(count)
}

/// Cuts `len` bytes into frames of at most `packet` bytes.
pub fn split(len: usize, packet: u16) -> impl Iterator<Item = Frame> {
    let (packet, total) = (u32::from(packet), u32::try_from(len).unwrap_or(0));
    let mut offset = 0u32;
    core::iter::from_fn(move || {
        // Never beyond the end: no frame is longer than what is left.
        let len = total.wrapping_sub(offset).min(packet);
        if len == 0 {
            return None;
        }
        let frame = Frame { offset, len };
        offset = offset.wrapping_add(len);
        Some(frame)
    })
}

/// The pace of setting 6.
///
/// One frame of 63 bytes carries a packet (60 bytes of mSBC), one every 7.5 ms: seven frames, then
/// eight, and so on (Vol 4 Part B, table 2.1).
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    short: bool,
}

impl Pace {
    /// How many empty frames go before the next packet.
    pub fn gap(&mut self) -> usize {
        self.short = !self.short;
        if self.short {
            6
        } else {
            7
        }
    }
}
