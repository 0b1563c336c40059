// SPDX-License-Identifier: GPL-2.0

//! Logical Link Control and Adaptation Protocol (Vol 3 Part A): channels over links.
//!
//! This room carries out; what the protocol wants is decided by engines
//! ([`engine::l2cap`]), which know frames and numbers but no buffers, sockets nor time.
//!
//! # Who owns what
//!
//! ```text
//!   socket ──Arc──> Channel <──Arc── Active ── ChannelUser ──reference──> socket
//!                   settings          engine, data path
//!                   tx queue          in Link, in Room: the worker's
//! ```
//!
//! - [`Room`]: all of this room's state of one controller, confined to its worker. It holds
//!   [`Link`]s, and these their [`Active`](active::Active) channels. No lock is needed for any of it.
//! - [`Channel`](channel::Channel): what a channel's user and the worker share. It is in a user's
//!   hands before and after it is in a worker's table.
//! - The circle from a socket to its channel's table entry and back exists exactly while the
//!   channel is in use; [`Link::finish`] breaks it, and is the only place that takes a channel
//!   out of the table. Links end when their controller says so or is closed, so it always comes.
//! - Users call in with the functions of [`request`], which wait for the worker. The worker calls
//!   users back through [`ChannelUser`](user::ChannelUser) without any lock, and users never wait
//!   for it from there.
//!
//! # A packet's way
//!
//! Down: a socket cuts a message into [pieces](channel::Pieces) with room for all headers, queues
//! them on the channel and wakes the link's slot in [`hci::flow`](crate::hci::flow). When the
//! controller has room, `flow` asks for the link's next frame; [`transmit`] picks the channel and
//! puts the headers on. Up: [`receive`] puts ACL fragments together (a frame that came in one is not
//! copied), finds the channel by its CID, and [`data`] hands the message to the user.

pub(crate) mod bound;
pub(crate) mod channel;
pub(crate) mod user;

mod active;
mod credit;
mod data;
mod group;
mod incoming;
mod link;
mod numbered;
mod receive;
mod request;
mod signal;
mod start;
mod timer;
mod transmit;

pub(crate) use crate::hci::{
    link::Secured,
    route, //
};
pub(crate) use request::{
    authorise,
    can_keep_data,
    close,
    connect,
    phys,
    raise_security,
    reconfigure,
    room,
    security,
    set_phys, //
};

use crate::driver::params;
use crate::hci::{
    link::{
        LinkKind,
        LinkRef,
        LinkSecurity, //
    },
    user::{
        LinkFacts,
        LinkUser,
        OutFrame, //
    },
    Device, Peer,
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::vec::VecExt;
use kernel_ext::{
    skbuff::SkBuff,
    workqueue::Worker, //
};
use link::Link;
use wire::{
    hci::Status,
    l2cap::Mode, //
};

/// How long connecting may take, unless the user says otherwise, in milliseconds
/// (`L2CAP_CONN_TIMEOUT`).
pub(crate) const CONNECT_TIMEOUT_MS: u32 = 40_000;

/// Whether ERTM and streaming mode may be used, at this moment.
pub(crate) fn ertm_enabled() -> bool {
    !params::DISABLE_ERTM.get()
}

/// Whether enhanced credit based flow control may be used, at this moment.
pub(crate) fn enhanced_credit_enabled() -> bool {
    params::ENABLE_ECRED.get()
}

/// Whether channels may be in a mode.
pub(crate) fn mode_enabled(mode: Mode) -> bool {
    match mode {
        Mode::Basic | Mode::LeCredit => true,
        Mode::Ertm | Mode::Streaming => ertm_enabled(),
        Mode::EnhancedCredit => enhanced_credit_enabled(),
        _ => false,
    }
}

/// What of a controller's belongs to this room; its worker's.
pub(crate) struct Room {
    links: KVec<KBox<Link>>,
    /// The room's timer, from the first link on until the controller is closed.
    clock: Option<Arc<timer::Clock>>,
}

impl Room {
    fn link(&mut self, handle: u16) -> Option<&mut Link> {
        self.links
            .iter_mut()
            .find(|l| l.handle() == Some(handle))
            .map(|l| &mut **l)
    }

    /// The link that this names, up or asked for.
    fn by_ref(&mut self, which: LinkRef) -> Option<&mut Link> {
        match which {
            LinkRef::Handle(handle) => self.link(handle),
            LinkRef::Peer(peer) => self
                .links
                .iter_mut()
                .find(|l| l.peer() == peer)
                .map(|l| &mut **l),
        }
    }

    /// The link to a peer, which may not be there yet.
    fn link_to(&mut self, dev: &Device, peer: Peer) -> Result<&mut Link> {
        if let Some(at) = self.links.iter().position(|l| l.peer() == peer) {
            return self.links.get_mut(at).map(|l| &mut **l).ok_or(ENOMEM);
        }
        let link = KBox::new(Link::new(dev, peer), GFP_KERNEL)?;
        self.links.append(link)?;
        self.links.last_mut().map(|l| &mut **l).ok_or(ENOMEM)
    }

    fn take_link(&mut self, is_it: impl Fn(&Link) -> bool) -> Option<KBox<Link>> {
        let at = self.links.iter().position(|l| is_it(l))?;
        self.links.take_out(at)
    }

    /// The link that a channel is on.
    fn link_of(&mut self, channel: u64) -> Option<&mut Link> {
        self.links
            .iter_mut()
            .find(|l| l.has(channel))
            .map(|l| &mut **l)
    }
}

/// Gives `hci` what this room's work on a link led to: frames to send, and links not needed any
/// more. To be called at the end of whatever may have had such an effect.
fn settle(dev: &Device, worker: &mut Worker<'_>) {
    loop {
        let Some(room) = dev.upper.get(worker) else {
            return;
        };
        let Some(link) = room.links.iter_mut().find(|l| l.is_dirty()) else {
            break;
        };
        let (which, holds, releases) = link.settle(dev);
        for _ in 0..holds {
            let _ = crate::hci::link::hold(dev, worker, which);
        }
        for _ in 0..releases {
            crate::hci::link::release(dev, worker, which);
        }
    }
    if let Some(room) = dev.upper.get(worker) {
        // Links that never were, and that nobody waits for any more.
        while room.take_link(Link::is_abandoned).is_some() {}
    }
    timer::adjust(dev, worker);
}

/// `hci`'s view of this room.
pub(crate) struct L2cap;

impl LinkUser for L2cap {
    type Controller = Room;

    fn new_controller() -> Room {
        Room {
            links: KVec::new(),
            clock: None,
        }
    }

    fn link_up(dev: &Device, worker: &mut Worker<'_>, facts: &LinkFacts) {
        start::link_up(dev, worker, facts);
        settle(dev, worker);
    }

    fn link_ready(dev: &Device, worker: &mut Worker<'_>, handle: u16) {
        start::link_ready(dev, worker, handle);
        settle(dev, worker);
    }

    fn link_failed(dev: &Device, worker: &mut Worker<'_>, _kind: LinkKind, peer: Peer, status: u8) {
        let link = dev
            .upper
            .get(worker)
            .and_then(|room| room.take_link(|l| l.handle().is_none() && l.peer() == peer));
        if let Some(mut link) = link {
            link.finish_all(crate::hci::errno::error(Status(status)));
        }
        settle(dev, worker);
    }

    fn link_down(dev: &Device, worker: &mut Worker<'_>, handle: u16, reason: u8) {
        let link = dev
            .upper
            .get(worker)
            .and_then(|room| room.take_link(|l| l.handle() == Some(handle)));
        if let Some(mut link) = link {
            link.finish_all(crate::hci::errno::error(Status(reason)));
        }
        settle(dev, worker);
    }

    fn identified(dev: &Device, worker: &mut Worker<'_>, handle: u16, identity: Peer) {
        if let Some(link) = dev.upper.get(worker).and_then(|room| room.link(handle)) {
            link.identified(identity);
        }
    }

    fn wants_central(dev: &Device, _worker: &mut Worker<'_>, _peer: Peer) -> bool {
        bound::wants_central(route::own_address(dev, false).addr)
    }

    fn reason_to_end(dev: &Device, worker: &mut Worker<'_>, handle: u16) -> u8 {
        /// Remote User Terminated Connection (Vol 1 Part F 2.19).
        const REMOTE_USER_TERM: u8 = 0x13;
        dev.upper
            .get(worker)
            .and_then(|room| room.link(handle))
            .map_or(REMOTE_USER_TERM, |link| link.reason_to_end())
    }

    fn security_changed(
        dev: &Device,
        worker: &mut Worker<'_>,
        handle: u16,
        status: u8,
        security: &LinkSecurity,
    ) {
        start::security_changed(dev, worker, handle, status, security);
        settle(dev, worker);
    }

    fn received(dev: &Device, worker: &mut Worker<'_>, handle: u16, flags: u8, skb: SkBuff) {
        receive::fragment(dev, worker, handle, flags, skb);
    }

    fn next_frame(dev: &Device, worker: &mut Worker<'_>, handle: u16) -> Option<OutFrame> {
        transmit::next_frame(dev, worker, handle)
    }

    fn queued(dev: &Device, worker: &mut Worker<'_>, handle: u16) -> usize {
        dev.upper
            .get(worker)
            .and_then(|room| room.link(handle))
            .map_or(0, |link| link.queued())
    }

    fn controller_closed(dev: &Device, worker: &mut Worker<'_>) {
        let Some(room) = dev.upper.get(worker) else {
            return;
        };
        if let Some(clock) = room.clock.take() {
            clock.stop();
        }
        // Those that never came up were not reported.
        while let Some(mut link) = room.links.pop() {
            link.finish_all(ENETDOWN);
        }
    }
}

/// Sends a frame over a fixed channel that is no user's, before what users send.
///
/// # Errors
///
/// `ENOTCONN` without the link, `ENOBUFS` if too much waits already, `ENOMEM`.
pub(crate) fn send_fixed(
    dev: &Device,
    worker: &mut Worker<'_>,
    handle: u16,
    cid: u16,
    payload: &[u8],
) -> Result {
    let room = dev.upper.get(worker).ok_or(ENOTCONN)?;
    room.link(handle)
        .ok_or(ENOTCONN)?
        .send_fixed(dev, cid, payload)
}
