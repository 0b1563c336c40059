// SPDX-License-Identifier: GPL-2.0

//! What users ask of their channels.
//!
//! These sleep, since they wait for the worker; none may be called on it, nor with a lock held that
//! a user's callbacks take.

use super::{
    channel::Channel,
    user::ScoUser,
    Active, //
};
use crate::{
    hci::{
        link::sco::{
            self as link,
            AudioWanted, //
        },
        with_worker,
        Device, //
    },
    AudioSocket,
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::vec::VecExt;
use kernel_ext::{
    net::State,
    workqueue::Worker, //
};

/// Connects a channel through `dev` to its destination, within `timeout_ms` if there is a limit.
/// The user is told what becomes of it.
///
/// # Errors
///
/// `EBUSY` if the channel is in use, or there is audio with the peer already; what
/// [`link::connect`] says, `ENODEV`, `ENOMEM`.
pub(crate) fn connect(
    dev: &Device,
    channel: &Arc<Channel>,
    user: AudioSocket,
    timeout_ms: Option<u64>,
) -> Result {
    with_worker(dev, |worker| {
        connect_on_worker(dev, worker, channel, user, timeout_ms)
    })?
}

fn connect_on_worker(
    dev: &Device,
    worker: &mut Worker<'_>,
    channel: &Arc<Channel>,
    user: AudioSocket,
    timeout_ms: Option<u64>,
) -> Result {
    dev.audio.get(worker).ok_or(ENODEV)?.active.make_room(1)?;
    if !channel.attach(dev) {
        return Err(EBUSY);
    }
    let s = channel.settings();
    let wanted = AudioWanted {
        peer: s.dst,
        setting: s.setting,
        codec: s.codec,
        timeout_ms,
    };
    let facts = match link::connect(dev, worker, &wanted) {
        Ok(facts) => facts,
        Err(e) => {
            channel.detach();
            return Err(e);
        }
    };
    channel.set_link(dev, &facts);
    user.state(State::Connect);
    let active = Active {
        link: facts.id,
        handle: None,
        channel: channel.clone(),
        user,
    };
    let added = dev.audio.get(worker).ok_or(ENODEV);
    let added = added.and_then(|room| Ok(room.active.append(active)?));
    added.inspect_err(|_| {
        channel.detach();
        link::release(dev, worker, facts.id);
    })
}

/// Accepts a connection that waits for its user's decision, with the voice setting that the channel
/// has by now.
///
/// # Errors
///
/// `ENOTCONN` if it does not wait any more.
pub(crate) fn accept(channel: &Arc<Channel>) -> Result {
    let dev = channel.device().ok_or(ENOTCONN)?;
    let id = channel.id();
    let setting = channel.settings().setting;
    with_worker(&dev, |worker| {
        let room = dev.audio.get(worker).ok_or(ENOTCONN)?;
        let active = room.active.iter().find(|a| a.channel.id() == id);
        let active = active.ok_or(ENOTCONN)?;
        let (link, user) = (active.link, active.user.clone());
        link::accept(&dev, worker, link, setting)?;
        user.state(State::Config);
        Ok(())
    })?
}

/// Ends a channel's use. Its user has been told when this returns.
pub(crate) fn close(channel: &Arc<Channel>) {
    let Some(dev) = channel.device() else {
        return;
    };
    let id = channel.id();
    // If the worker is gone, so are all channels.
    let _ = with_worker(&dev, |worker| {
        let active = dev
            .audio
            .get(worker)
            .and_then(|room| room.take(|a| a.channel.id() == id));
        if let Some(active) = active {
            link::release(&dev, worker, active.link);
            active.user.closed(ECONNRESET);
        }
    });
}
