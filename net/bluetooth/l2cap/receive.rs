// SPDX-License-Identifier: GPL-2.0

//! From ACL packets to frames, and from frames to their channels.

use super::{
    bound,
    channel::{
        Kind,
        Sender, //
    },
    data,
    link::Link,
    settle,
    signal,
    user::ChannelUser as _, //
};
use crate::{
    hci::{
        event,
        Device, //
    },
    smp, //
};
use engine::l2cap::recombine::{
    Flags,
    Recombination,
    Step, //
};
use kernel::prelude::*;
use kernel_ext::vec::VecExt;
use kernel_ext::{
    hci::Stat,
    skbuff::SkBuff,
    workqueue::Worker, //
};
use wire::l2cap::{
    cid,
    BasicHeader,
    ConnectionlessFrame,
    Frame, //
};

/// The longest frame that is put together, in bytes: header and what its length can say.
const MAX_FRAME: usize = 4 + 0xffff;

/// Frames that are kept until a link is ready, at most: more than a peer can send in the few
/// connection intervals in which it is asked what it supports.
const MAX_EARLY: usize = 256;

/// Takes the data of an ACL packet.
pub(super) fn fragment(dev: &Device, worker: &mut Worker<'_>, handle: u16, flags: u8, skb: SkBuff) {
    let Some(link) = dev.upper.get(worker).and_then(|room| room.link(handle)) else {
        return dev.count(Stat::ErrRx, 1);
    };
    let Some(flags) = Flags::parse(flags, link.transport()) else {
        return dev.count(Stat::ErrRx, 1);
    };
    let signal = match recombine(link, flags, skb) {
        Ok(Some(frame)) if flags.broadcast => {
            broadcast(dev, link, flags, frame);
            None
        }
        Ok(frame) => frame.and_then(|frame| take(dev, link, frame)),
        Err(_) => {
            dev.count(Stat::ErrRx, 1);
            None
        }
    };
    let is_dirty = match signal {
        None => link.is_dirty(),
        Some((cid, frame)) => {
            control(dev, worker, handle, cid, &frame);
            let link = dev.upper.get(worker).and_then(|room| room.link(handle));
            link.is_some_and(|link| link.is_dirty())
        }
    };
    if is_dirty {
        settle(dev, worker);
    }
}

/// A frame that is being put together.
pub(super) struct Assembly {
    recombination: Recombination,
    frame: Option<SkBuff>,
}

impl Assembly {
    pub(super) const fn new() -> Self {
        Self {
            recombination: Recombination::new(MAX_FRAME),
            frame: None,
        }
    }

    /// Does what the engine said of a fragment, and returns the frame that it completes.
    fn add(&mut self, step: Step, mut skb: SkBuff, link_mtu: u16) -> Result<Option<SkBuff>> {
        match step {
            Step::Whole { len } => {
                skb.trim(len)?;
                return Ok(Some(skb));
            }
            Step::Start { total } => {
                let size = total.unwrap_or(link_mtu.into()).max(skb.len());
                let mut frame = SkBuff::bt_alloc(size, GFP_KERNEL)?;
                frame.put_slice(skb.data())?;
                frame.set_tstamp(skb.tstamp());
                self.frame = Some(frame);
            }
            Step::Append { total: None } => self.append(&skb)?,
            Step::Finish => {
                self.append(&skb)?;
                return Ok(self.frame.take());
            }
            Step::Append { total: Some(total) } => {
                // The header itself was in two fragments.
                let begun = self.frame.take().ok_or(EINVAL)?;
                let mut frame = SkBuff::bt_alloc(total, GFP_KERNEL)?;
                frame.put_slice(begun.data())?;
                frame.put_slice(skb.data())?;
                frame.set_tstamp(begun.tstamp());
                self.frame = Some(frame);
            }
            Step::Drop => {}
        }
        Ok(None)
    }

    fn append(&mut self, skb: &SkBuff) -> Result {
        // Without memory for the start, there is nothing to append to.
        let frame = self.frame.as_mut().ok_or(ENOMEM)?;
        frame.put_slice(skb.data())
    }
}

/// Adds a fragment, and returns the frame that it completes.
fn recombine(link: &mut Link, flags: Flags, skb: SkBuff) -> Result<Option<SkBuff>> {
    let assembly = if flags.broadcast {
        &mut link.broadcast
    } else {
        &mut link.assembly
    };
    let fragment = assembly.recombination.on_fragment(flags.start, skb.data());
    if fragment.discard {
        assembly.frame = None;
    }
    let frame = assembly.add(fragment.step, skb, link.mtu);
    // Nobody relies on what everybody is told.
    if fragment.unreliable && !flags.broadcast {
        link.unreliable();
    }
    frame
}

/// A frame that the peer says to all its peripherals.
fn broadcast(dev: &Device, link: &mut Link, flags: Flags, frame: SkBuff) {
    match Frame::parse(frame.data()).map(|frame| frame.cid) {
        Ok(cid) if flags.carries(cid) => {
            take(dev, link, frame);
        }
        _ => dev.count(Stat::ErrRx, 1),
    }
}

/// The peer is known now: what it has sent meanwhile is looked at.
pub(super) fn early(dev: &Device, worker: &mut Worker<'_>, handle: u16) {
    let frames = match dev.upper.get(worker).and_then(|room| room.link(handle)) {
        Some(link) => core::mem::take(&mut link.early),
        None => return,
    };
    for frame in frames {
        let Some(link) = dev.upper.get(worker).and_then(|room| room.link(handle)) else {
            return;
        };
        if let Some((cid, frame)) = take(dev, link, frame) {
            control(dev, worker, handle, cid, &frame);
        }
    }
}

/// Hands a frame to its channel. The payload of one that is about the link itself comes back, with
/// its channel.
fn take(dev: &Device, link: &mut Link, mut skb: SkBuff) -> Option<(u16, SkBuff)> {
    let Ok(cid) = Frame::parse(skb.data()).map(|frame| frame.cid) else {
        dev.count(Stat::ErrRx, 1);
        return None;
    };
    // What the peer may ask for depends on what is still being found out.
    if !link.ready {
        if link.early.len() >= MAX_EARLY || link.early.append(skb).is_err() {
            too_early(dev, link);
        }
        return None;
    }
    // Links of unwanted peers cannot always be prevented; their data is.
    if link.blocked {
        return None;
    }
    let signals = cid == cid::signalling(link.transport());
    if signals || matches!(cid, cid::SMP | cid::SMP_BREDR) {
        skb.pull(BasicHeader::SIZE)?;
        if signals {
            show_raw(link, &skb);
        }
        return Some((cid, skb));
    }
    if cid == cid::CONNECTIONLESS {
        if skb.pull(BasicHeader::SIZE).is_some() {
            datagram(link, skb);
        }
    } else if let Some(at) = link.by_cid(cid) {
        data::received(link, at, skb);
    }
    None
}

/// Handles the payload of a frame that is about a link itself.
fn control(dev: &Device, worker: &mut Worker<'_>, handle: u16, cid: u16, skb: &SkBuff) {
    match cid {
        cid::SMP | cid::SMP_BREDR => smp::frame(dev, worker, handle, cid, skb.data()),
        _ => signal::frame(dev, worker, handle, skb),
    }
}

/// A frame is lost, for there are too many of a link that is not ready.
fn too_early(dev: &Device, link: &mut Link) {
    dev.count(Stat::ErrRx, 1);
    if !core::mem::replace(&mut link.early_lost, true) && event::log_now(dev) {
        pr_warn!(
            "{}: frames lost that came before their link was ready\n",
            dev.name()
        );
    }
}

/// Shows raw sockets what is signalled.
fn show_raw(link: &mut Link, skb: &SkBuff) {
    for active in link.channels.iter().filter(|a| a.kind == Kind::Raw) {
        if let Ok(copy) = skb.try_clone(GFP_KERNEL) {
            let _ = active.user.received(copy);
        }
    }
}

/// Data without a connection (7.6), which is BR/EDR's.
fn datagram(link: &mut Link, mut skb: SkBuff) {
    if link.transport() != wire::l2cap::Transport::BrEdr {
        return;
    }
    let Ok(psm) = ConnectionlessFrame::parse(skb.data()).map(|frame| frame.psm) else {
        return;
    };
    let peer = link.peer().addr;
    let Some((channel, user)) = bound::datagrams(psm, link.own.addr, peer) else {
        return;
    };
    if skb.pull(size_of_val(&psm)).is_none() || usize::from(channel.settings().imtu) < skb.len() {
        return;
    }
    *skb.cb_mut() = Sender {
        addr: peer.0,
        psm: psm.to_le_bytes(),
    };
    // A datagram for which there is no room is lost.
    let _ = user.received(skb);
}
