// SPDX-License-Identifier: GPL-2.0

//! Fragments of a link become frames (Vol 3 Part A 7.2).
//!
//! The controller delivers a frame in one or more packets, the first marked as start, the others as continuation. The length is in
//! the frame's first two octets, which may themselves be divided.
//!
//! What a central says to all its peripherals comes with the handle of a link, and is not of it: its fragments are put together
//! by themselves, and no channel but the connectionless one is carried there (Vol 3 Part A 2.1).

use wire::{
    hci::packet::{
        ACL_BROADCAST,
        ACL_CONT,
        ACL_POINT_TO_POINT, //
    },
    l2cap::{
        cid,
        BasicHeader,
        Transport, //
    }, //
};

/// What the flags of an ACL packet say of it (Vol 4 Part E 5.4.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flags {
    /// It is the start of a frame.
    pub start: bool,
    /// The peer says it to all its peripherals.
    pub broadcast: bool,
}

impl Flags {
    /// Takes apart a packet boundary flag and, two bits up, a broadcast flag. None if no packet can have them on this transport.
    #[inline]
    pub fn parse(flags: u8, transport: Transport) -> Option<Self> {
        let broadcast = match (flags >> 2, transport) {
            (ACL_POINT_TO_POINT, _) => false,
            (ACL_BROADCAST, Transport::BrEdr) => true,
            _ => return None,
        };
        Some(Self {
            start: flags & 0x03 != ACL_CONT,
            broadcast,
        })
    }

    /// Whether frames of this channel may come so.
    #[inline]
    pub fn carries(self, channel: u16) -> bool {
        !self.broadcast || channel == cid::CONNECTIONLESS
    }
}

/// Octets of the length field.
const LEN_SIZE: usize = 2;

/// What to do with a fragment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Its first `len` octets are a whole frame: deliver it as it is. What is behind, if anything, does not belong to it.
    Whole {
        /// Length of the frame.
        len: usize,
    },
    /// It is the start of a frame: make room for all of it, and copy the fragment there.
    Start {
        /// Length of the frame, unless the fragment is too short to tell it.
        total: Option<usize>,
    },
    /// Append it to what there is.
    Append {
        /// Length of the frame, if this fragment completes its length field: what there is may need more room.
        total: Option<usize>,
    },
    /// Append it to what there is, and deliver that.
    Finish,
    /// Drop it.
    Drop,
}

/// What to do, and whether something was lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fragment {
    /// Drop what there is of a frame, before `step`.
    pub discard: bool,
    /// Something was lost: users who want a reliable channel are to be told.
    pub unreliable: bool,
    /// What to do with the fragment.
    pub step: Step,
}

/// The frame that a link is in the middle of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Partial {
    #[default]
    None,
    /// Fewer octets than a length field has: at most one.
    Length { first: Option<u8> },
    /// This much is missing.
    Missing(usize),
}

/// The frames of one link.
#[derive(Clone, Copy, Debug)]
pub struct Recombination {
    partial: Partial,
    longest: usize,
}

/// How long a frame is whose length field says `len`.
#[inline]
fn total(len: [u8; LEN_SIZE]) -> usize {
    usize::from(u16::from_le_bytes(len)).saturating_add(BasicHeader::SIZE)
}

impl Recombination {
    /// No frame begun. One that is longer than `longest` octets, header included, is dropped.
    pub const fn new(longest: usize) -> Self {
        Self {
            partial: Partial::None,
            longest,
        }
    }

    /// Whether the caller holds part of a frame.
    #[inline]
    pub fn is_partial(&self) -> bool {
        self.partial != Partial::None
    }

    /// Forgets what there is, which the caller drops.
    #[inline]
    pub fn reset(&mut self) {
        self.partial = Partial::None;
    }

    /// A fragment arrived.
    #[inline]
    pub fn on_fragment(&mut self, start: bool, bytes: &[u8]) -> Fragment {
        let (discard, step) = if start {
            let discard = self.is_partial();
            self.reset();
            (discard, self.start(bytes))
        } else {
            self.append(bytes)
        };
        let cut = matches!(step, Step::Whole { len } if len != bytes.len());
        Fragment {
            discard,
            unreliable: discard || cut || step == Step::Drop,
            step,
        }
    }

    #[inline]
    fn start(&mut self, bytes: &[u8]) -> Step {
        let Some(len) = bytes.first_chunk::<LEN_SIZE>() else {
            self.partial = Partial::Length {
                first: bytes.first().copied(),
            };
            return Step::Start { total: None };
        };
        let total = total(*len);
        match total.checked_sub(bytes.len()) {
            _ if total > self.longest => Step::Drop,
            // As long as it should be, or longer, as some controllers and test tools send.
            None | Some(0) => Step::Whole { len: total },
            Some(missing) => {
                self.partial = Partial::Missing(missing);
                Step::Start { total: Some(total) }
            }
        }
    }

    /// A continuation: whether to discard what there is, and what to do with it.
    fn append(&mut self, bytes: &[u8]) -> (bool, Step) {
        let (missing, total) = match self.partial {
            // Of a frame whose start was lost or dropped.
            Partial::None => return (false, Step::Drop),
            Partial::Missing(missing) => (missing, None),
            Partial::Length { first } => {
                let len = match (first, bytes) {
                    (Some(low), &[high, ..]) | (None, &[low, high, ..]) => [low, high],
                    (None, &[low]) => {
                        self.partial = Partial::Length { first: Some(low) };
                        return (false, Step::Append { total: None });
                    }
                    (_, []) => return (false, Step::Append { total: None }),
                };
                let total = total(len);
                if total > self.longest {
                    self.reset();
                    return (true, Step::Drop);
                }
                (
                    total.saturating_sub(usize::from(first.is_some())),
                    Some(total),
                )
            }
        };
        match missing.checked_sub(bytes.len()) {
            Some(0) => {
                self.reset();
                (false, Step::Finish)
            }
            Some(missing) => {
                self.partial = Partial::Missing(missing);
                (false, Step::Append { total })
            }
            None => {
                self.reset();
                (true, Step::Drop)
            }
        }
    }
}
