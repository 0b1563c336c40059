// SPDX-License-Identifier: GPL-2.0

//! Audio channels: each is one SCO or eSCO link, from a user's side.
//!
//! There is nothing between a channel and its link but a queue: no protocol runs on it. So this
//! room only brings users and links together.
//!
//! ```text
//!   socket ──Arc──> Channel <──Arc── Active ── ScoUser ──reference──> socket
//!                   settings          link
//!                   tx queue          in Room: the worker's
//! ```
//!
//! As in [`l2cap`](crate::l2cap), the circle from a socket to its channel's entry and back exists
//! exactly while the channel is in use, and [`Room::take`] is the only place that breaks it. Users
//! call in with the functions of [`request`], which wait for the worker.

pub(crate) mod channel;
pub(crate) mod user;

mod request;

pub(crate) use request::{
    accept,
    close,
    connect, //
};

use crate::{
    hci::{
        errno,
        user::{
            AudioFacts,
            AudioUp,
            AudioUser, //
        },
        Device, //
    },
    AudioSocket,
};
use channel::{
    Channel,
    Received, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::vec::VecExt;
use kernel_ext::{
    net::State,
    skbuff::SkBuff,
    workqueue::Worker, //
};
use user::ScoUser;
use wire::{
    hci::Status,
    BdAddr, //
};

/// How long connecting may take, unless the user says otherwise, in milliseconds
/// (`SCO_CONN_TIMEOUT`).
pub(crate) const CONNECT_TIMEOUT_MS: u32 = 40_000;

/// A channel that is in use.
struct Active {
    /// Its link.
    link: u64,
    /// Once that is up.
    handle: Option<u16>,
    channel: Arc<Channel>,
    user: AudioSocket,
}

/// What of a controller's belongs to this room; its worker's.
pub(crate) struct Room {
    active: KVec<Active>,
}

impl Room {
    fn find(&mut self, link: u64) -> Option<&mut Active> {
        self.active.iter_mut().find(|a| a.link == link)
    }

    fn with_handle(&mut self, handle: u16) -> Option<&mut Active> {
        self.active.iter_mut().find(|a| a.handle == Some(handle))
    }

    /// Takes a channel out of use; its user is still to be told.
    fn take(&mut self, is_it: impl Fn(&Active) -> bool) -> Option<Active> {
        let at = self.active.iter().position(is_it)?;
        let active = self.active.take_out(at)?;
        active.channel.detach();
        Some(active)
    }

    /// A listener's new channel, on this link.
    fn accept(&mut self, dev: &Device, link: &AudioFacts, listener: &AudioSocket) -> Result {
        self.active.make_room(1)?;
        let (channel, user) = listener.incoming()?;
        channel.set_link(dev, link);
        if !channel.attach(dev) {
            user.closed(ECONNABORTED);
            return Err(ECONNABORTED);
        }
        let active = Active {
            link: link.id,
            handle: None,
            channel: channel.clone(),
            user: user.clone(),
        };
        self.active.append(active).map_err(|_| {
            channel.detach();
            user.closed(ENOMEM);
            ENOMEM
        })
    }
}

fn ended(dev: &Device, worker: &mut Worker<'_>, link: u64, status: u8) {
    let active = dev
        .audio
        .get(worker)
        .and_then(|room| room.take(|a| a.link == link));
    if let Some(active) = active {
        active.user.closed(errno::error(Status(status)));
    }
}

/// `hci`'s view of this room.
pub(crate) struct Sco;

impl AudioUser for Sco {
    type Controller = Room;

    fn new_controller() -> Room {
        Room {
            active: KVec::new(),
        }
    }

    fn decides(_dev: &Device, _worker: &mut Worker<'_>, own: BdAddr) -> bool {
        AudioSocket::listener(own).is_some_and(|listener| listener.defers())
    }

    fn asked(dev: &Device, worker: &mut Worker<'_>, link: &AudioFacts) -> bool {
        let Some(room) = dev.audio.get(worker) else {
            return false;
        };
        let accepted = AudioSocket::listener(link.own)
            .is_some_and(|listener| room.accept(dev, link, &listener).is_ok());
        match room.find(link.id).filter(|_| accepted) {
            Some(active) => {
                active.user.state(State::Connect2);
                active.user.deferred();
                true
            }
            None => false,
        }
    }

    fn link_up(dev: &Device, worker: &mut Worker<'_>, link: &AudioFacts, up: &AudioUp) -> bool {
        let Some(room) = dev.audio.get(worker) else {
            return false;
        };
        if room.find(link.id).is_none() {
            if link.initiated_here {
                return false;
            }
            // Without a listener the link is there all the same: its audio may go elsewhere.
            let Some(listener) = AudioSocket::listener(link.own) else {
                return true;
            };
            if room.accept(dev, link, &listener).is_err() {
                return false;
            }
        }
        let Some(active) = room.find(link.id) else {
            return false;
        };
        active.handle = Some(up.handle);
        active.channel.set_link(dev, link);
        active.channel.set_up(up);
        active.user.opened();
        true
    }

    fn link_failed(dev: &Device, worker: &mut Worker<'_>, id: u64, status: u8) {
        ended(dev, worker, id, status);
    }

    fn link_down(dev: &Device, worker: &mut Worker<'_>, id: u64, reason: u8) {
        ended(dev, worker, id, reason);
    }

    fn received(
        dev: &Device,
        worker: &mut Worker<'_>,
        handle: u16,
        status: u8,
        mut skb: SkBuff,
    ) -> bool {
        let active = dev
            .audio
            .get(worker)
            .and_then(|room| room.with_handle(handle));
        let Some(active) = active else {
            return true;
        };
        *skb.cb_mut() = Received { status };
        active.user.received(skb)
    }

    fn next_frame(dev: &Device, worker: &mut Worker<'_>, handle: u16) -> Option<SkBuff> {
        let room = dev.audio.get(worker)?;
        room.with_handle(handle)?.channel.queue().pop()
    }

    fn queued(dev: &Device, worker: &mut Worker<'_>, handle: u16) -> usize {
        dev.audio
            .get(worker)
            .and_then(|room| room.with_handle(handle))
            .map_or(0, |active| active.channel.queue().len())
    }
}
