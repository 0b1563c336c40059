// SPDX-License-Identifier: GPL-2.0

//! What mgmt asks for.

use super::{
    bredr,
    is_bredr,
    keys,
    le,
    link_of,
    over,
    Wish,
    MAX_WISHES, //
};
use crate::hci::{
    link::{
        self,
        Connecting,
        LinkRef,
        Secured,
        Wanted, //
    },
    Device,
    Peer, //
};
use engine::{
    security::{
        AuthRequirements,
        Level, //
    },
    smp::Answer, //
};
use kernel::prelude::*;
use kernel_ext::vec::VecExt;
use kernel_ext::workqueue::Worker;
use wire::{
    hci::Status,
    smp::IoCapability, //
};

/// What became of asking for a pairing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paired {
    /// The link is as secure already.
    Already,
    /// [`Over`](crate::hci::Pairing::Over) follows.
    Pending,
}

/// Pairs with a peer, over a link that is made if there is none.
///
/// # Errors
///
/// `EBUSY` if somebody waits for that already; else as [`link::connect`].
pub(crate) fn pair(
    dev: &Device,
    worker: &mut Worker<'_>,
    peer: Peer,
    io: IoCapability,
) -> Result<Paired> {
    let waits = link::attempted(dev, worker, peer).is_some();
    let room = dev.security.get(worker).ok_or(ENODEV)?;
    if room.wishes.len() >= MAX_WISHES || room.wishes.iter().any(|w| w.peer == peer) {
        return Err(EBUSY);
    }
    // On BR/EDR a link is the last one's who asked for it, as with the C stack.
    let made_link = is_bredr(peer) || !waits && room.to(peer).is_none();
    room.wishes.append(Wish {
        asked: peer,
        peer,
        io,
        made_link,
    })?;
    let wanted = Wanted {
        peer,
        level: Level::Medium.to_u8(),
        auth_type: AuthRequirements::DEDICATED_BONDING.0,
        timeout_ms: 0,
    };
    match link::connect(dev, worker, &wanted) {
        Err(e) => {
            if let Some(room) = dev.security.get(worker) {
                let _ = room.take_wish(peer);
            }
            Err(e)
        }
        Ok(Connecting::Up {
            handle,
            ready: true,
        }) => {
            use_io(dev, worker, handle, io);
            let secured = secure(dev, worker, handle);
            if secured == Secured::Pending {
                return Ok(Paired::Pending);
            }
            if let Some(room) = dev.security.get(worker) {
                let _ = room.take_wish(peer);
            }
            link::release(dev, worker, LinkRef::Peer(peer));
            match secured {
                Secured::Refused => Err(ECONNREFUSED),
                _ => Ok(Paired::Already),
            }
        }
        Ok(_) => Ok(Paired::Pending),
    }
}

/// What the user of a pairing can see and type.
fn use_io(dev: &Device, worker: &mut Worker<'_>, handle: u16, io: IoCapability) {
    if let Some(link) = link_of(dev, worker, handle) {
        link.io = io;
        link.bredr.set_io(io);
    }
}

fn secure(dev: &Device, worker: &mut Worker<'_>, handle: u16) -> Secured {
    link::secure(
        dev,
        worker,
        handle,
        Level::Medium.to_u8(),
        AuthRequirements::DEDICATED_BONDING.0,
        true,
    )
}

/// The link that a pairing is wanted over is ready.
pub(super) fn begin(dev: &Device, worker: &mut Worker<'_>, handle: u16, peer: Peer) {
    let room = dev.security.get(worker);
    let io = room.and_then(|room| room.wishes.iter().find(|w| w.peer == peer).map(|w| w.io));
    if let Some(io) = io {
        use_io(dev, worker, handle, io);
    }
    match secure(dev, worker, handle) {
        Secured::Pending => {}
        Secured::Already => over(dev, worker, peer, Some(0)),
        Secured::Refused => over(dev, worker, peer, None),
    }
}

/// The user no longer wants to pair with a peer: keys made so far are forgotten, and the link is
/// ended if it was made for that. Whoever waits is not told.
pub(crate) fn cancel(dev: &Device, worker: &mut Worker<'_>, peer: Peer) {
    let Some(room) = dev.security.get(worker) else {
        return;
    };
    let wish = room.take_wish(peer);
    let handle = room.to(peer).map(|l| l.facts.handle);
    keys::forget(dev, peer);
    if let Some(handle) = handle {
        le::cancel(dev, worker, handle);
    }
    if let Some(wish) = wish {
        if let Some(handle) = handle.filter(|_| wish.made_link) {
            link::end_link(dev, worker, handle, Status::REMOTE_USER_TERMINATED);
        }
        link::release(dev, worker, LinkRef::Peer(peer));
    }
}

/// Ends a pairing with an LE peer that is going on: its keys are no longer wanted.
pub(crate) fn abort(dev: &Device, worker: &mut Worker<'_>, peer: Peer) {
    let room = dev.security.get(worker);
    if let Some(handle) = room.and_then(|r| r.to(peer)).map(|l| l.facts.handle) {
        le::cancel(dev, worker, handle);
    }
}

/// The user answers a question.
///
/// # Errors
///
/// `ENOTCONN` without a link to the peer, `EINVAL` if nothing of that kind was asked.
pub(crate) fn answer(dev: &Device, worker: &mut Worker<'_>, peer: Peer, answer: Answer) -> Result {
    let room = dev.security.get(worker).ok_or(ENODEV)?;
    let handle = room.to(peer).map(|l| l.facts.handle).ok_or(ENOTCONN)?;
    if is_bredr(peer) {
        bredr::answer(dev, peer.addr, answer);
        return Ok(());
    }
    le::answer(dev, worker, handle, answer)
}

/// The user gives a PIN of up to 16 octets, or none.
///
/// # Errors
///
/// `ENOTCONN` without a link to the peer, `EINVAL` if the PIN is too short for what is needed; the
/// peer is refused then.
pub(crate) fn give_pin(
    dev: &Device,
    worker: &mut Worker<'_>,
    peer: Peer,
    pin: Option<(&[u8; 16], u8)>,
) -> Result {
    let attempted = link::attempted(dev, worker, peer);
    let room = dev.security.get(worker).ok_or(ENODEV)?;
    let link = room.to(peer);
    let wanted = match (&link, attempted) {
        (Some(link), _) => link.bredr.wanted(),
        (None, Some((wanted, _))) => Level::from_u8(wanted).unwrap_or(Level::Fips),
        (None, None) => return Err(ENOTCONN),
    };
    bredr::give_pin(dev, peer.addr, link, wanted, pin)
}
