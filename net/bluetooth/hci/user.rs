// SPDX-License-Identifier: GPL-2.0

//! What links are for: the room above that exchanges data over them.
//!
//! `hci` does not know that room. It is named once, at the crate's root (`crate::Upper`), and
//! reached through [`LinkUser`], so that calls are resolved when the crate is compiled: on the
//! path of a packet there is no pointer to follow.
//!
//! A link's life as the user sees it; only ends in brackets may be missing:
//!
//! ```text
//!   link_up ──> [link_ready] ──> ... ──> link_down          a link, whoever asked for it
//!   link_failed                                             one asked for here that did not come
//! ```
//!
//! Audio links (SCO, eSCO) are another room's, `crate::Audio`, reached through [`AudioUser`] in the
//! same way.
//!
//! A link is known by its handle from `link_up` to `link_down`; the next one may be given the same
//! handle, after that.

use super::{
    device::Device,
    link::{
        LinkKind,
        LinkSecurity, //
    },
    state::Peer, //
};
use kernel_ext::{
    skbuff::SkBuff,
    workqueue::Worker, //
};
use wire::BdAddr;

/// A link that has come up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkFacts {
    /// Connection handle, 0x0000 to 0x0eff.
    pub(crate) handle: u16,
    /// The link's bit for [`flow::wake`](super::flow::wake): 0 to 63.
    pub(crate) slot: u8,
    pub(crate) kind: LinkKind,
    /// Who is at the other end: as asked for, or by its identity if that is known.
    pub(crate) peer: Peer,
    /// This host is the central.
    pub(crate) central: bool,
    /// The class of device of a peer on BR/EDR, as far as it is known: little endian.
    pub(crate) class: [u8; 3],
    /// The address of this host that the peer sees, and that of the peer on the air: what pairing
    /// computes with (Vol 3 Part H 2.2.6).
    pub(crate) own_on_air: Peer,
    pub(crate) peer_on_air: Peer,
    /// Bytes of data that fit in one packet to the controller.
    pub(crate) mtu: u16,
}

/// A piece of a frame on its way down.
pub(crate) struct OutFrame {
    /// The bytes, with headroom for the header of an ACL packet and the driver's
    /// (4 + 8 bytes: [`flow::HEADROOM`](super::flow::HEADROOM)). What is longer than the link's
    /// MTU is cut into packets, at the price of a copy.
    pub(crate) skb: SkBuff,
    /// Begins a frame; else it goes on with the one before.
    pub(crate) first: bool,
    /// The controller may drop the frame when it gets old (packet boundary flag, Vol 4 Part E
    /// 5.4.2). Ignored where the controller cannot tell the two apart, and on LE.
    pub(crate) flushable: bool,
    /// A link that its peer sent to sniff mode leaves it for this frame.
    pub(crate) force_active: bool,
}

/// The room above `hci`.
///
/// All of it runs on the controller's worker and must not wait for an answer of the controller.
pub(crate) trait LinkUser {
    /// What the user keeps for each controller; only the worker gets at it
    /// (`dev.upper.get(worker)`).
    type Controller: Send;

    /// The state of a controller that was just allocated.
    fn new_controller() -> Self::Controller;

    /// A link is up: data may come from now on, and be sent.
    fn link_up(dev: &Device, worker: &mut Worker<'_>, link: &LinkFacts);

    /// What there is to know of the peer is known: channels that waited for the link are set up.
    fn link_ready(dev: &Device, worker: &mut Worker<'_>, handle: u16);

    /// A link that [`link::connect`](super::link::connect) asked for did not come about.
    /// `status` is an HCI error code.
    fn link_failed(dev: &Device, worker: &mut Worker<'_>, kind: LinkKind, peer: Peer, status: u8);

    /// A link is down; `reason` is an HCI error code. Its holds are gone with it.
    fn link_down(dev: &Device, worker: &mut Worker<'_>, handle: u16, reason: u8);

    /// The peer of an LE link has said who it is: by that name it is known from now on.
    fn identified(dev: &Device, worker: &mut Worker<'_>, handle: u16, identity: Peer);

    /// The reason to give a peer whose link nobody uses any more.
    fn reason_to_end(_dev: &Device, _worker: &mut Worker<'_>, _handle: u16) -> u8 {
        /// Remote User Terminated Connection (Vol 1 Part F 2.19).
        const REMOTE_USER_TERM: u8 = 0x13;
        REMOTE_USER_TERM
    }

    /// Whether somebody who listens wants this host to be the central of links that this peer asks
    /// for.
    fn wants_central(_dev: &Device, _worker: &mut Worker<'_>, _peer: Peer) -> bool {
        false
    }

    /// Security of a link has changed, or could not be changed (`status`, an HCI error code).
    fn security_changed(
        dev: &Device,
        worker: &mut Worker<'_>,
        handle: u16,
        status: u8,
        security: &LinkSecurity,
    );

    /// The data of an ACL packet (Vol 4 Part E 5.4.2), linear. `flags` are its packet boundary
    /// flag in bits 0 and 1, and broadcast flag in bits 2 and 3.
    fn received(dev: &Device, worker: &mut Worker<'_>, handle: u16, flags: u8, skb: SkBuff);

    /// There is room for a packet of this link in the controller: the next piece to send, or
    /// `None` if nothing waits. Asked again after the next [`flow::wake`](super::flow::wake).
    fn next_frame(dev: &Device, worker: &mut Worker<'_>, handle: u16) -> Option<OutFrame>;

    /// How many frames wait to be sent on a link: for debugfs.
    fn queued(_dev: &Device, _worker: &mut Worker<'_>, _handle: u16) -> usize {
        0
    }

    /// The controller was switched off; all links were reported down before.
    fn controller_closed(_dev: &Device, _worker: &mut Worker<'_>) {}
}

/// An audio link: one that is up, or one that a peer asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AudioFacts {
    /// Names the link as long as the user hears of it, and no other one ever.
    pub(crate) id: u64,
    /// Who is at the other end, and its class of device.
    pub(crate) peer: BdAddr,
    pub(crate) class: [u8; 3],
    /// The address of this end.
    pub(crate) own: BdAddr,
    /// The user asked for it.
    pub(crate) initiated_here: bool,
}

/// What is known of an audio link once it is up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AudioUp {
    /// Connection handle, 0x0000 to 0x0eff.
    pub(crate) handle: u16,
    /// The link's bit for [`flow::wake`](super::flow::wake): 0 to 63.
    pub(crate) slot: u8,
    /// Bytes of data that fit in one packet, as the driver has it.
    pub(crate) mtu: u16,
    /// The PHYs that its packets may use (`BT_PHY_*`).
    pub(crate) phys: u32,
}

/// The room that uses audio links; worker context, as [`LinkUser`].
///
/// ```text
///   [asked] ──> link_up ──> (received, next_frame)* ──> link_down
///   [asked] ──> link_failed
/// ```
pub(crate) trait AudioUser {
    /// What the user keeps for each controller (`dev.audio.get(worker)`).
    type Controller: Send;

    /// The state of a controller that was just allocated.
    fn new_controller() -> Self::Controller;

    /// Whether somebody wants to decide about links that peers ask for, at this host's address
    /// `own`. Others are accepted.
    fn decides(dev: &Device, worker: &mut Worker<'_>, own: BdAddr) -> bool;

    /// A peer asks for a link that somebody wants to decide about:
    /// [`link::sco::accept`](super::link::sco::accept) or
    /// [`release`](super::link::sco::release) follows. `false`: nobody can have it.
    fn asked(dev: &Device, worker: &mut Worker<'_>, link: &AudioFacts) -> bool;

    /// A link is up. `false` if it is to be ended, and not heard of again.
    fn link_up(dev: &Device, worker: &mut Worker<'_>, link: &AudioFacts, up: &AudioUp) -> bool;

    /// A link did not come about; `status` is an HCI error code.
    fn link_failed(dev: &Device, worker: &mut Worker<'_>, id: u64, status: u8);

    /// A link is down; `reason` is an HCI error code.
    fn link_down(dev: &Device, worker: &mut Worker<'_>, id: u64, reason: u8);

    /// The data of a SCO packet (Vol 4 Part E 5.4.3), linear and not empty. `status` is its packet
    /// status flag: 0 good, 1 possibly invalid, 2 none received, 3 partly lost. `false`: whoever
    /// wants it has no room for it, and it is lost.
    fn received(
        dev: &Device,
        worker: &mut Worker<'_>,
        handle: u16,
        status: u8,
        skb: SkBuff,
    ) -> bool;

    /// There is room for a packet of this link in the controller: its data, of at most 255 bytes,
    /// with headroom for its header and the driver (3 + 8 bytes; with less it is copied); or `None`
    /// if nothing waits. Asked again after the next [`flow::wake`](super::flow::wake).
    fn next_frame(dev: &Device, worker: &mut Worker<'_>, handle: u16) -> Option<SkBuff>;

    /// How many packets wait to be sent on a link: for debugfs.
    fn queued(dev: &Device, worker: &mut Worker<'_>, handle: u16) -> usize;
}
