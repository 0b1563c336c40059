// SPDX-License-Identifier: GPL-2.0

//! What users ask of their channels.
//!
//! These may sleep, since they wait for the worker; none may be called on it, nor with a lock held
//! that a user's callbacks take. What is refused leaves the channel as it was.

use super::{
    active::Active,
    bound,
    channel::{
        Channel,
        Kind,
        Level,
        Settings, //
    },
    group,
    incoming,
    link::Link,
    settle,
    start,
    user::ChannelUser as _,
    Secured, //
};
use crate::{
    hci::{
        link::{
            self,
            Connecting,
            Wanted, //
        },
        with_worker,
        Device,
        Peer, //
    },
    ChannelUser,
};
use engine::l2cap::{
    channel::{
        self as engine_channel,
        Answer, //
    },
    Error as Reason,
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::{
    net::State,
    time::now_ms,
    workqueue::Worker, //
};
use wire::l2cap::Mode;

/// Connects a channel through `dev`, as `wanted` says: destination, PSM or CID, mode...
///
/// The user is told what becomes of it.
///
/// # Errors
///
/// `EBUSY` if the channel is in use, or there is one with that CID to the peer; `EPROTO` for too
/// many channels at once; what [`link::connect`] says, `ENODEV`, `ENOMEM`.
pub(crate) fn connect(
    dev: &Device,
    channel: &Arc<Channel>,
    user: ChannelUser,
    wanted: &Settings,
) -> Result {
    with_worker(dev, |worker| {
        let result = connect_on_worker(dev, worker, channel, user, wanted);
        settle(dev, worker);
        result
    })?
}

fn connect_on_worker(
    dev: &Device,
    worker: &mut Worker<'_>,
    channel: &Arc<Channel>,
    user: ChannelUser,
    wanted: &Settings,
) -> Result {
    let peer = Peer {
        addr: wanted.dst,
        kind: wanted.dst_type,
    };
    let room = dev.upper.get(worker).ok_or(ENODEV)?;
    if let Some(link) = room.by_ref(link::LinkRef::Peer(peer)) {
        if wanted.kind == Kind::Fixed && link.remote_cid_in_use(wanted.dcid) {
            return Err(EBUSY);
        }
        if wanted.mode == Mode::EnhancedCredit && !group::has_room(link, wanted, user.owner()) {
            return Err(EPROTO);
        }
    }
    if !channel.attach(dev) {
        return Err(EBUSY);
    }
    let connecting = match start_link(dev, worker, wanted, peer, &user) {
        Ok(connecting) => connecting,
        Err(e) => {
            channel.detach();
            return Err(e);
        }
    };
    let before = channel.settings();
    channel.update(|s| *s = *wanted);
    let added = dev
        .upper
        .get(worker)
        .ok_or(ENODEV)
        .and_then(|room| add(dev, room, channel, user, wanted, peer));
    let id = match added {
        Ok(id) => id,
        Err(e) => {
            channel.update(|s| *s = before);
            channel.detach();
            link::release(dev, worker, link::LinkRef::Peer(peer));
            return Err(e);
        }
    };
    // Only listeners keep a PSM to themselves.
    bound::free_port(channel);
    if let Connecting::Up { handle, .. } = connecting {
        start::outgoing(dev, worker, handle, id);
    }
    Ok(())
}

/// Asks for the link that a channel needs.
fn start_link(
    dev: &Device,
    worker: &mut Worker<'_>,
    wanted: &Settings,
    peer: Peer,
    user: &ChannelUser,
) -> Result<Connecting> {
    let (level, auth_type) = start::requirements(wanted);
    let timeout_ms = user.timeout_ms().unwrap_or(0);
    let wanted = Wanted {
        peer,
        level,
        auth_type,
        timeout_ms: u32::try_from(timeout_ms).unwrap_or(0),
    };
    link::connect(dev, worker, &wanted)
}

fn add(
    dev: &Device,
    room: &mut super::Room,
    channel: &Arc<Channel>,
    user: ChannelUser,
    wanted: &Settings,
    peer: Peer,
) -> Result<u64> {
    let link = room.link_to(dev, peer)?;
    let cid = match wanted.kind {
        Kind::Oriented => link.free_cid()?,
        kind => start::fixed_cid(kind, wanted.dcid),
    };
    let mut active = Active::new(channel.clone(), user, wanted.kind, cid);
    if wanted.kind == Kind::Oriented {
        active.engine = Some(engine_channel::Channel::outgoing(
            cid,
            wanted.psm,
            &active.engine_settings(),
            now_ms(),
        ));
    } else {
        channel.update(|s| {
            s.dcid = cid;
            s.omtu = super::channel::DEFAULT_MTU;
        });
    }
    active.holds = true;
    active.set_state(State::Connect);
    link.add(active)
}

/// Runs `f` on a channel's link, on its worker, if the channel is in use.
fn on_worker<R: Send>(
    channel: &Arc<Channel>,
    f: impl FnOnce(&Device, &mut Worker<'_>, u16, u64) -> R + Send,
) -> Result<R> {
    let dev = channel.device().ok_or(ENOTCONN)?;
    let id = channel.id();
    with_worker(&dev, |worker| {
        let handle = dev
            .upper
            .get(worker)
            .and_then(|room| room.link_of(id))
            .and_then(|link| link.handle())
            .ok_or(ENOTCONN)?;
        let result = f(&dev, worker, handle, id);
        settle(&dev, worker);
        Ok(result)
    })?
}

/// As [`on_worker`], for what only needs the link.
fn on_link<R: Send>(
    channel: &Arc<Channel>,
    f: impl FnOnce(&mut Link, usize) -> R + Send,
) -> Result<R> {
    on_worker(channel, |dev, worker, handle, id| {
        let link = dev
            .upper
            .get(worker)
            .and_then(|room| room.link(handle))
            .ok_or(ENOTCONN)?;
        let at = link.position(|a| a.id() == id).ok_or(ENOTCONN)?;
        Ok(f(link, at))
    })?
}

/// Ends a channel. What was sent before arrives before, if the mode is one in which that can be
/// said. One that is not in use can never be used again.
pub(crate) fn close(channel: &Arc<Channel>) {
    // Nobody else is let in.
    let idle = channel.update(|s| {
        let idle = matches!(s.state, State::Open | State::Bound | State::Listen);
        if idle {
            s.spent = true;
            s.state = State::Closed;
        }
        idle
    });
    let Some(dev) = channel.device() else {
        return;
    };
    if idle {
        // It is being connected right now: that is undone below.
        channel.update(|s| s.spent = true);
    }
    let id = channel.id();
    // If the worker is gone, so are all channels.
    let _ = with_worker(&dev, |worker| {
        let link = dev.upper.get(worker).and_then(|room| room.link_of(id));
        if let Some(link) = link {
            if let Some(at) = link.position(|a| a.id() == id) {
                if link.handle().is_some() {
                    close_at(link, at);
                } else {
                    link.finish(at, None, false);
                }
            }
        }
        settle(&dev, worker);
    });
}

fn close_at(link: &mut Link, at: usize) {
    let state = link.at(at).map(|a| a.state());
    // Who closes a second time does not want to wait for the peer.
    if state == Some(State::Disconn) {
        return;
    }
    link.close(at, Reason::None, now_ms());
}

/// Lets a connection come about that waits for its user's decision.
///
/// # Errors
///
/// `ENOTCONN` if it does not wait any more.
pub(crate) fn authorise(channel: &Arc<Channel>) -> Result {
    on_link(channel, |link, at| {
        let Some(active) = link.at(at) else {
            return;
        };
        match active.settings().mode {
            Mode::EnhancedCredit => group::authorise(link, at),
            Mode::LeCredit => incoming::answer_le(link, at, Ok(())),
            _ => incoming::answer(link, at, Answer::Accept),
        }
    })
}

/// The user has room again: what waits is delivered, and the peer told.
pub(crate) fn room(channel: &Arc<Channel>) {
    let Some(dev) = channel.device() else {
        return;
    };
    channel.set_throttled(false);
    let (target, id) = (channel.clone(), channel.id());
    let queued = dev.worker().and_then(|queue| {
        let dev = dev.clone();
        queue.spawn(GFP_KERNEL, move |worker| {
            let link = dev.upper.get(worker).and_then(|room| room.link_of(id));
            if let Some(link) = link {
                if let Some(at) = link.position(|a| a.id() == id) {
                    super::data::room(link, at);
                }
            }
            settle(&dev, worker);
            drop(target);
        })
    });
    if queued.is_err() {
        // The next time, then.
        channel.set_throttled(true);
    }
}

/// The security that a channel's link has, and the size of its key in bytes; `None` if the channel
/// is not in use.
pub(crate) fn security(channel: &Arc<Channel>) -> Option<(Level, u8)> {
    on_worker(channel, |dev, worker, handle, _| {
        link::security_of(dev, worker, handle)
    })
    .ok()
    .flatten()
    .map(|s| (Level::from_u8(s.level).unwrap_or(Level::Low), s.key_size))
}

/// Asks for the security that a channel in use now needs.
///
/// # Errors
///
/// `ENOTCONN`.
pub(crate) fn raise_security(channel: &Arc<Channel>, level: Level) -> Result<Secured> {
    channel.update(|s| s.level = level);
    let secured = on_worker(channel, |dev, worker, handle, id| {
        let secured = start::secure(dev, worker, handle, id, true);
        if secured == Secured::Pending {
            start::with_channel(dev, worker, handle, id, |link, at| {
                if let Some(active) = link.at(at) {
                    active.suspend();
                }
            });
        }
        secured
    })?;
    Ok(secured)
}

/// Whether the controller can be told not to drop data: `false` also if the channel is not in use.
pub(crate) fn can_keep_data(channel: &Channel) -> bool {
    channel
        .device()
        .and_then(|dev| dev.info().ok())
        .is_some_and(|info| info.features.non_flushable())
}

/// The PHYs of a channel's link (`BT_PHY_*`).
///
/// # Errors
///
/// `ENOTCONN`.
pub(crate) fn phys(channel: &Arc<Channel>) -> Result<u32> {
    on_worker(channel, |dev, worker, handle, _| {
        link::phys(dev, worker, handle).ok_or(ENOTCONN)
    })?
}

/// Asks for PHYs.
///
/// # Errors
///
/// `EINVAL`, `EOPNOTSUPP`, `ENOTCONN`.
pub(crate) fn set_phys(channel: &Arc<Channel>, phys: u32) -> Result {
    on_worker(channel, |dev, worker, handle, _| {
        link::set_phys(dev, worker, handle, phys)
    })?
}

/// Makes the MTU of a channel of the enhanced kind greater.
///
/// # Errors
///
/// `EINVAL` if it is not greater, `EBUSY`, `ENOTCONN`.
pub(crate) fn reconfigure(channel: &Arc<Channel>, imtu: u16) -> Result {
    on_link(channel, |link, at| group::reconfigure(link, at, imtu))?
}
