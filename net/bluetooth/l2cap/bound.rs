// SPDX-License-Identifier: GPL-2.0

//! Channels with a local address: who listens, and for what.
//!
//! One table for all controllers, as a user may listen on any of them. It is consulted when a peer
//! connects and when datagrams come; data of connected channels never gets here.

use super::channel::{
    Channel,
    Kind,
    Settings, //
};
use crate::ChannelUser;
use core::ops::RangeInclusive;
use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::net::State;
use kernel_ext::vec::VecExt;
use wire::{
    l2cap::Transport,
    AddressType,
    BdAddr, //
};

/// Bound channels at most; user space is limited by its open files before.
const MAX_BOUND: usize = 65_536;

/// PSMs that need no privilege (Vol 3 Part A 4.2); LE ones likewise (4.22).
pub(crate) const DYNAMIC_PSMS: RangeInclusive<u16> = 0x1001..=0x10ff;
pub(crate) const DYNAMIC_LE_PSMS: RangeInclusive<u16> = 0x0080..=0x00ff;

/// A channel that is bound, and its user.
struct Entry {
    channel: Arc<Channel>,
    user: ChannelUser,
    /// The PSM that nobody else may bind on the same address; none for a channel with a CID, or
    /// one that is connected.
    port: Option<u16>,
}

/// See [`static@TABLE`].
pub(crate) struct Table {
    entries: KVec<Entry>,
}

kernel_ext::global_mutex! {
    /// See the module. A leaf but for [`Channel`]'s own lock: no user is called under it.
    /// Initialised once, by module init, through the export layer.
    pub(crate) static TABLE: Table = Table { entries: KVec::new() };
}

/// Gives up what the table holds; the module is on its way out and a static is never dropped.
pub(crate) fn exit() {
    let entries = core::mem::take(&mut TABLE.lock().entries);
    drop(entries);
}

/// What a channel is bound to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Port {
    /// This PSM, or, with 0, one that is free.
    Psm(u16),
    /// A fixed channel.
    Cid(u16),
}

impl Table {
    fn is_taken(&self, transport: Transport, src: BdAddr, psm: u16) -> bool {
        self.entries.iter().any(|e| {
            e.port == Some(psm) && {
                let s = e.channel.settings();
                s.transport() == transport && s.src == src
            }
        })
    }

    fn free_psm(&self, transport: Transport, src: BdAddr) -> Option<u16> {
        let (range, step) = match transport {
            Transport::BrEdr => (DYNAMIC_PSMS, 2),
            Transport::Le => (DYNAMIC_LE_PSMS, 1),
        };
        range
            .step_by(step)
            .find(|psm| !self.is_taken(transport, src, *psm))
    }
}

/// Gives a channel its local address.
///
/// # Errors
///
/// `EADDRINUSE` if another channel has that PSM on this address, `EINVAL` if none is free,
/// `ENOBUFS`, `ENOMEM`.
pub(crate) fn bind(
    channel: &Arc<Channel>,
    user: ChannelUser,
    src: BdAddr,
    src_type: AddressType,
    port: Port,
) -> Result {
    let transport = if src_type.is_le() {
        Transport::Le
    } else {
        Transport::BrEdr
    };
    let mut table = TABLE.lock();
    let port = match port {
        Port::Psm(0) => Port::Psm(table.free_psm(transport, src).ok_or(EINVAL)?),
        Port::Psm(psm) if table.is_taken(transport, src, psm) => return Err(EADDRINUSE),
        port => port,
    };
    if table.entries.len() >= MAX_BOUND {
        return Err(ENOBUFS);
    }
    table.entries.append(Entry {
        channel: channel.clone(),
        user,
        port: match port {
            Port::Psm(psm) => Some(psm),
            Port::Cid(_) => None,
        },
    })?;
    channel.update(|s| {
        s.src = src;
        s.src_type = src_type;
        match port {
            Port::Psm(psm) => s.psm = psm,
            Port::Cid(cid) => {
                s.scid = cid;
                s.kind = Kind::Fixed;
                s.omtu = super::channel::DEFAULT_MTU;
            }
        }
        s.choose_le_mode();
        s.state = State::Bound;
    });
    Ok(())
}

/// The channel is connected from here on: others may have its PSM. Datagrams still find it.
pub(crate) fn free_port(channel: &Channel) {
    if let Some(entry) = TABLE
        .lock()
        .entries
        .iter_mut()
        .find(|e| e.channel.id() == channel.id())
    {
        entry.port = None;
    }
}

/// Takes a channel out of the table.
pub(crate) fn unbind(channel: &Channel) {
    let entry = {
        let mut table = TABLE.lock();
        let at = table
            .entries
            .iter()
            .position(|e| e.channel.id() == channel.id());
        at.and_then(|at| table.entries.take_out(at))
    };
    // Perhaps the last reference to the user: not under the lock.
    drop(entry);
}

/// How well a bound address fits one that is sought; `None`: not at all.
fn fits(bound: BdAddr, sought: BdAddr) -> Option<bool> {
    if bound == sought {
        Some(true)
    } else if bound.is_any() {
        Some(false)
    } else {
        None
    }
}

fn find(
    src: BdAddr,
    dst: BdAddr,
    is_it: impl Fn(&Settings) -> bool,
) -> Option<(Arc<Channel>, ChannelUser)> {
    let table = TABLE.lock();
    let mut best = None;
    for entry in table.entries.iter() {
        let s = entry.channel.settings();
        if !is_it(&s) {
            continue;
        }
        match (fits(s.src, src), fits(s.dst, dst)) {
            (Some(true), Some(true)) => {
                best = Some(entry);
                break;
            }
            (Some(_), Some(_)) => best = Some(entry),
            _ => {}
        }
    }
    best.map(|e| (e.channel.clone(), e.user.clone()))
}

/// Who listens on a PSM, at the address `src`, for a peer at `dst`.
pub(super) fn listener(
    transport: Transport,
    psm: u16,
    src: BdAddr,
    dst: BdAddr,
) -> Option<(Arc<Channel>, ChannelUser)> {
    find(src, dst, |s| {
        s.state == State::Listen
            && s.kind != Kind::Fixed
            && s.transport() == transport
            && s.psm == psm
    })
}

/// Who takes datagrams for a PSM.
pub(super) fn datagrams(psm: u16, src: BdAddr, dst: BdAddr) -> Option<(Arc<Channel>, ChannelUser)> {
    find(src, dst, |s| {
        s.kind == Kind::Connectionless && s.transport() == Transport::BrEdr && s.psm == psm
    })
    .filter(|(channel, _)| matches!(channel.settings().state, State::Bound | State::Connected))
}

/// The listeners on fixed channels that a new link concerns, with the addresses of this host as the
/// link uses it.
///
/// # Errors
///
/// `ENOMEM`.
pub(super) fn fixed(
    src: BdAddr,
    src_type: AddressType,
) -> Result<KVec<(Arc<Channel>, ChannelUser)>> {
    let mut found = KVec::new();
    for entry in TABLE.lock().entries.iter() {
        let s = entry.channel.settings();
        if s.kind == Kind::Fixed
            && s.state == State::Listen
            && s.src_type == src_type
            && fits(s.src, src).is_some()
        {
            found.append((entry.channel.clone(), entry.user.clone()))?;
        }
    }
    Ok(found)
}

/// Whether those who listen at the address `src`, or else those who listen anywhere, want this
/// host to be the central of links.
pub(super) fn wants_central(src: BdAddr) -> bool {
    let mut exact = None;
    let mut any = false;
    for entry in TABLE.lock().entries.iter() {
        let s = entry.channel.settings();
        if s.state != State::Listen {
            continue;
        }
        match fits(s.src, src) {
            Some(true) => exact = Some(exact.unwrap_or(false) | s.role_switch),
            Some(false) => any |= s.role_switch,
            None => {}
        }
    }
    exact.unwrap_or(any)
}
