// SPDX-License-Identifier: GPL-2.0

//! A link's state of sending: frames are cut into packets as they go.

use super::{
    packet,
    stamps::Stamps,
    HEADROOM, //
};
use crate::hci::user::OutFrame;
use engine::credits::LinkType;
use kernel::prelude::*;
use kernel_ext::{
    skbuff::SkBuff,
    time::now_ms, //
};
use wire::hci::packet::{
    AclHeader,
    PacketType,
    ACL_CONT,
    ACL_START,
    ACL_START_NO_FLUSH, //
};

/// A link, as far as data is concerned.
pub(super) struct TxLink {
    pub(super) handle: u16,
    pub(super) kind: LinkType,
    /// Bytes of data in one packet.
    mtu: u16,
    /// The controller can tell flushable frames from others.
    no_flush: bool,
    /// Whoever looks after the link wants to know when data passes.
    pub(super) watched: bool,
    /// The frame that is being sent wakes the link.
    pub(super) force_active: bool,
    /// What is left of a frame, and how much of it was sent.
    rest: Option<(SkBuff, usize)>,
    /// When data was last sent or received, in milliseconds.
    pub(super) active_at: u64,
    /// Packets from the controller.
    pub(super) received: u64,
    /// Those of them that whoever receives from the link had no room for.
    pub(super) dropped: u64,
    /// Packets to it.
    pub(super) sent: Stamps,
}

impl TxLink {
    /// A new link. `completes`: the controller tells which packets it is done with.
    pub(super) fn new(
        handle: u16,
        kind: LinkType,
        mtu: u16,
        no_flush: bool,
        completes: bool,
    ) -> Self {
        Self {
            handle,
            kind,
            mtu,
            no_flush,
            watched: false,
            force_active: false,
            rest: None,
            active_at: now_ms(),
            received: 0,
            dropped: 0,
            sent: Stamps::new(completes),
        }
    }

    /// Takes note of a packet from the controller. Returns whether somebody wants to know of it.
    pub(super) fn note_received(&mut self) -> bool {
        self.active_at = now_ms();
        self.received = self.received.wrapping_add(1);
        self.watched
    }

    /// Takes note of a packet that goes to the controller now. Returns whether somebody wants to
    /// know of it.
    pub(super) fn note_sent(&mut self, packet: &mut SkBuff) -> bool {
        self.active_at = now_ms();
        self.sent.note(packet);
        self.watched
    }

    /// The next packet of the frame that was begun, or why it cannot be made; `None` if there is no
    /// such frame.
    pub(super) fn next_piece(&mut self) -> Option<Result<SkBuff>> {
        let (whole, at) = self.rest.take()?;
        Some(self.continue_frame(whole, at))
    }

    /// The first packet of a frame, or of a piece of one.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or `EMSGSIZE` for more than a packet can hold.
    pub(super) fn begin_frame(&mut self, frame: OutFrame) -> Result<SkBuff> {
        let boundary = if !frame.first {
            ACL_CONT
        } else if self.kind == LinkType::Le || (self.no_flush && !frame.flushable) {
            ACL_START_NO_FLUSH
        } else {
            ACL_START
        };
        self.force_active = frame.force_active;
        let mtu = usize::from(self.mtu);
        if frame.skb.len() <= mtu {
            return self.packet(frame.skb, boundary);
        }
        let mut whole = frame.skb;
        whole.linearize()?;
        let first = fragment(&whole, 0, mtu)?;
        self.rest = Some((whole, mtu));
        self.packet(first, boundary)
    }

    fn continue_frame(&mut self, mut whole: SkBuff, at: usize) -> Result<SkBuff> {
        let mtu = usize::from(self.mtu);
        if whole.len().saturating_sub(at) <= mtu {
            // Nobody needs what was copied from it any more.
            whole.pull(at).ok_or(EINVAL)?;
            return self.packet(whole, ACL_CONT);
        }
        let next = fragment(&whole, at, mtu)?;
        self.rest = Some((whole, at.saturating_add(mtu)));
        self.packet(next, ACL_CONT)
    }

    fn packet(&self, skb: SkBuff, boundary: u8) -> Result<SkBuff> {
        let len = u16::try_from(skb.len()).map_err(|_| EMSGSIZE)?;
        let header = AclHeader::new(self.handle, boundary, len);
        packet(PacketType::Acl, &header, skb)
    }
}

/// A copy of `len` bytes of a frame, from `at` on.
fn fragment(whole: &SkBuff, at: usize, len: usize) -> Result<SkBuff> {
    let end = at.checked_add(len).ok_or(EMSGSIZE)?;
    let bytes = whole.data().get(at..end).ok_or(EINVAL)?;
    SkBuff::from_slice(HEADROOM, bytes, GFP_KERNEL)
}
