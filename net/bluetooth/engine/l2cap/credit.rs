// SPDX-License-Identifier: GPL-2.0

//! What may be sent and received in LE and enhanced credit based flow control mode (Vol 3 Part A 10.1, 10.2).
//!
//! A credit allows one frame (K-frame). The receiver gives them: as many as its buffer holds frames, again whenever an SDU was
//! delivered, the buffer's room changed, or the peer has none left. An SDU is cut into frames of at most MPS octets, the first
//! with the SDU's length before it.

use wire::l2cap::{
    frame::split_sdu_len,
    signal::CreditParameters,
    BasicHeader,
    ENHANCED_MIN_MTU,
    LE_MIN_MTU,
    SDU_LEN_SIZE, //
};

/// The peer gave more credits than there can be (10.1): disconnect the channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Overflow;

/// What to do with a frame that arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// What follows the SDU length is a whole SDU: deliver it.
    Whole,
    /// Keep what follows the SDU length as the start of an SDU of so many octets.
    Start {
        /// Length of the SDU.
        sdu_len: u16,
    },
    /// Append it to what is kept.
    Append,
    /// Append it to what is kept, and deliver that.
    Finish,
    /// It is not allowed (10.1: sent without a credit, longer than the MPS, of an SDU longer than the MTU, or more than the SDU's
    /// length): drop it and what is kept, and disconnect the channel.
    Disconnect,
}

/// A piece of an SDU.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Octets of it.
    pub len: u16,
    /// The length of the SDU, to be put before the first.
    pub sdu_len: Option<u16>,
}

/// The pieces of an SDU, first to last.
#[derive(Clone, Copy, Debug)]
pub struct Segments {
    mps: u16,
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
        let room = if first {
            self.mps.saturating_sub(SDU_LEN_SIZE as u16)
        } else {
            self.mps
        };
        let len = self.left.min(room.max(1));
        self.left = self.left.saturating_sub(len);
        Some(Segment {
            len,
            sdu_len: first.then_some(self.len),
        })
    }
}

/// The credits of one channel, and the SDU it is in the middle of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Credits {
    /// The longest SDU that we take, in octets.
    imtu: u16,
    /// The longest frame that we take, in octets.
    mps: u16,
    /// How long the peer's frames are, as far as we know: for how many of them there is room.
    frame_len: u16,
    /// How many frames the peer may send.
    rx: u16,
    /// How many octets fit into the receiver's buffer, if it told.
    available: Option<usize>,
    /// There is a reason to look whether the peer should be given credits.
    look: bool,
    /// Length of the SDU begun and octets of it that are there.
    partial: Option<(u16, u16)>,

    /// The longest SDU that the peer takes, in octets.
    omtu: u16,
    /// The longest frame that the peer takes, in octets.
    tx_mps: u16,
    /// How many frames we may send.
    tx: u16,
}

impl Credits {
    /// Of a channel that takes SDUs of `imtu` octets (as many as the link's packets hold if that is zero), on a link whose packets
    /// hold `link_mtu` octets. The peer's side is not known yet.
    ///
    /// A frame fits into a packet, unless the mode demands longer frames than that.
    pub fn new(imtu: u16, link_mtu: u16, enhanced: bool) -> Self {
        let least = if enhanced {
            ENHANCED_MIN_MTU
        } else {
            LE_MIN_MTU
        };
        let imtu = if imtu == 0 { link_mtu } else { imtu };
        let imtu = imtu.max(least);
        let mps = link_mtu
            .saturating_sub(BasicHeader::SIZE as u16)
            .min(imtu)
            .max(least);
        let mut credits = Self {
            imtu,
            mps,
            frame_len: mps,
            rx: 0,
            available: None,
            look: false,
            partial: None,
            omtu: 0,
            tx_mps: least,
            tx: 0,
        };
        credits.rx = credits.wanted();
        credits
    }

    /// What the peer takes is known.
    pub fn set_peer(&mut self, peer: &CreditParameters) {
        self.set_peer_limits(peer.mtu, peer.mps);
        self.tx = peer.credits;
    }

    /// The peer takes other lengths from now on.
    pub fn set_peer_limits(&mut self, mtu: u16, mps: u16) {
        self.omtu = mtu;
        self.tx_mps = mps;
    }

    /// We take longer SDUs from now on.
    pub fn set_imtu(&mut self, imtu: u16) {
        self.imtu = self.imtu.max(imtu);
    }

    /// What to tell the peer when the channel is opened.
    pub const fn parameters(&self) -> CreditParameters {
        CreditParameters {
            mtu: self.imtu,
            mps: self.mps,
            credits: self.rx,
        }
    }

    /// The longest SDU that the peer takes, in octets.
    pub const fn omtu(&self) -> u16 {
        self.omtu
    }

    /// The longest SDU that we take, in octets.
    pub const fn imtu(&self) -> u16 {
        self.imtu
    }

    /// The longest frame that we take, in octets.
    pub const fn mps(&self) -> u16 {
        self.mps
    }

    /// The longest frame that the peer takes, in octets.
    pub const fn tx_mps(&self) -> u16 {
        self.tx_mps
    }

    // Sending.

    /// How many frames may be sent.
    pub const fn tx_credits(&self) -> u16 {
        self.tx
    }

    /// A frame is about to be sent; says whether it may be.
    #[must_use]
    pub fn take_tx(&mut self) -> bool {
        match self.tx.checked_sub(1) {
            Some(left) => {
                self.tx = left;
                true
            }
            None => false,
        }
    }

    /// The peer gave credits.
    ///
    /// # Errors
    ///
    /// Together with those that there are, they are more than 65535.
    pub fn on_credits(&mut self, credits: u16) -> Result<(), Overflow> {
        self.tx = self.tx.checked_add(credits).ok_or(Overflow)?;
        Ok(())
    }

    /// The pieces of an SDU of `len` octets: none if it is empty, as in the C stack. Whether it is longer than
    /// [`omtu`](Self::omtu) is for the caller to look at.
    pub const fn segments(&self, len: u16) -> Segments {
        Segments {
            mps: self.tx_mps,
            len,
            left: len,
        }
    }

    // Receiving.

    /// How many frames the peer may send.
    pub const fn rx_credits(&self) -> u16 {
        self.rx
    }

    /// Whether the caller keeps part of an SDU.
    pub const fn is_partial(&self) -> bool {
        self.partial.is_some()
    }

    /// A frame arrived: what follows its basic header.
    pub fn on_frame(&mut self, payload: &[u8]) -> Step {
        let before = self.partial.take();
        let Some(left) = self.rx.checked_sub(1) else {
            return Step::Disconnect;
        };
        let Ok(len) = u16::try_from(payload.len()) else {
            return Step::Disconnect;
        };
        if len > self.mps {
            return Step::Disconnect;
        }
        self.rx = left;
        // A peer whose frames are shorter than they could be, needs more of them for what we have room for.
        self.look |= left == 0;

        let (sdu_len, have, first) = match before {
            Some((sdu_len, have)) => (sdu_len, have.checked_add(len), false),
            None => match split_sdu_len(payload) {
                Ok((sdu_len, data)) => (sdu_len, u16::try_from(data.len()).ok(), true),
                Err(_) => return Step::Disconnect,
            },
        };
        let Some(have) = have else {
            return Step::Disconnect;
        };
        if sdu_len > self.imtu || have > sdu_len {
            return Step::Disconnect;
        }
        if have == sdu_len {
            return if first { Step::Whole } else { Step::Finish };
        }
        self.partial = Some((sdu_len, have));
        if !first {
            return Step::Append;
        }
        // More of the SDU follows, and yet the frame is not full.
        if len < self.frame_len {
            self.frame_len = len;
            self.look = true;
        }
        Step::Start { sdu_len }
    }

    /// An SDU was delivered to its user.
    pub fn delivered(&mut self) {
        self.look = true;
    }

    /// How many octets fit into the receiver's buffer. Before it tells, there is room for one SDU.
    pub fn set_available(&mut self, available: Option<usize>) {
        if self.available != available {
            self.available = available;
            self.look = true;
        }
    }

    /// How many frames the peer should be able to send.
    fn wanted(&self) -> u16 {
        let frame_len = usize::from(self.frame_len.max(1));
        let frames = match self.available {
            // Enough for a whole SDU with its length.
            None => usize::from(self.imtu)
                .checked_div(frame_len)
                .map(|frames| frames.saturating_add(1)),
            // As many as fill the buffer, of which what we keep will take its part.
            Some(available) => {
                let have = self.partial.map_or(0, |(_, have)| usize::from(have));
                available
                    .saturating_sub(have)
                    .saturating_add(frame_len.saturating_sub(1))
                    .checked_div(frame_len)
            }
        };
        u16::try_from(frames.unwrap_or(0)).unwrap_or(u16::MAX)
    }

    /// How many credits to give the peer now, if any; they count as given.
    #[must_use]
    pub fn credits_due(&mut self) -> Option<u16> {
        if !core::mem::take(&mut self.look) {
            return None;
        }
        let wanted = self.wanted();
        let due = wanted.checked_sub(self.rx).filter(|due| *due > 0)?;
        self.rx = wanted;
        Some(due)
    }
}
