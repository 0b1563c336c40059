// SPDX-License-Identifier: GPL-2.0

//! Links asked for here, and who uses them.

use super::{
    end,
    le_connect,
    send,
    timer,
    Link,
    LinkKind,
    LinkTable,
    Stage,
    IDLE_MS,
    LM_CENTRAL,
    PAIRING_MS, //
};
use crate::hci::{
    device::Device,
    state::{
        InquiryEntry,
        Peer, //
    }, //
};
use kernel::prelude::*;
use kernel_ext::{
    hci::{
        Address,
        DevFlag,
        Flag, //
    },
    time::now_ms,
    workqueue::Worker, //
};
use wire::{
    hci::{
        link_control::{
            CreateConnection,
            InquiryCancel, //
        },
        ConnHandle,
        Status, //
    },
    BdAddr, //
};

/// An attempt to connect takes no longer, in milliseconds (`HCI_ACL_CONN_TIMEOUT`,
/// `HCI_LE_CONN_TIMEOUT`).
pub(crate) const ATTEMPT_MS: u32 = 20_000;

/// A page scan mode that was heard so long ago is forgotten, in milliseconds
/// (`INQUIRY_ENTRY_AGE_MAX`).
const INQUIRY_AGE_MS: u64 = 60_000;

/// A link that somebody wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) peer: Peer,
    /// Security that the link is for (`BT_SECURITY_*`), and how (authentication requirements,
    /// Vol 4 Part E 7.1.29).
    pub(crate) level: u8,
    pub(crate) auth_type: u8,
    /// How long the attempt may take, in milliseconds; 0: [`ATTEMPT_MS`].
    pub(crate) timeout_ms: u32,
}

/// What became of asking for a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connecting {
    /// It is there. If it is `ready`, nothing more will be told; else
    /// [`link_ready`](crate::hci::user::LinkUser::link_ready) follows.
    Up { handle: u16, ready: bool },
    /// [`link_up`](crate::hci::user::LinkUser::link_up) or
    /// [`link_failed`](crate::hci::user::LinkUser::link_failed) follows.
    Pending,
}

/// Names a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkRef {
    /// By its handle: one that is up.
    Handle(u16),
    /// By the peer that was asked for.
    Peer(Peer),
}

impl LinkTable {
    fn get(&mut self, which: LinkRef) -> Option<&mut Link> {
        match which {
            LinkRef::Handle(handle) => self.by_handle(ConnHandle::new(handle)),
            LinkRef::Peer(peer) => self.find(|l| l.peer == peer),
        }
    }
}

/// Whether there may be links of a kind.
///
/// # Errors
///
/// `EOPNOTSUPP` if the controller cannot, `ECONNREFUSED` if it is switched off for them,
/// `ENETDOWN`.
fn check_kind(dev: &Device, kind: LinkKind) -> Result {
    let info = dev.info()?;
    let (enabled, capable) = match kind {
        LinkKind::Acl => (dev.has(Flag::BREDR_ENABLED), info.bredr_capable()),
        LinkKind::Le => (dev.has(Flag::LE_ENABLED), info.le_capable()),
    };
    if !enabled {
        return Err(if capable { ECONNREFUSED } else { EOPNOTSUPP });
    }
    if kind == LinkKind::Acl && info.acl.mtu == 0 {
        return Err(ECONNREFUSED);
    }
    if !dev.is(DevFlag::UP) || dev.has(Flag::USER_CHANNEL) || dev.has(Flag::POWERING_DOWN) {
        return Err(ENETDOWN);
    }
    Ok(())
}

/// Asks for a link and counts its caller as one who uses it, until [`release`] or until the link
/// is reported as down or failed.
///
/// # Errors
///
/// `EOPNOTSUPP`, `ECONNREFUSED`, `ENETDOWN` if there can be no such link now; `EBUSY` if the one
/// there is is being ended, or if another LE attempt is in the way; `ENOSPC`, `ENOMEM`. The caller
/// is not counted then.
pub(crate) fn connect(
    dev: &Device,
    worker: &mut Worker<'_>,
    wanted: &Wanted,
) -> Result<Connecting> {
    let peer = wanted.peer;
    let kind = LinkKind::to(peer);
    check_kind(dev, kind)?;
    // A controller's link to itself: every check by address would be fooled.
    if kind == LinkKind::Acl && BdAddr(dev.address(Address::Current)) == peer.addr {
        return Err(ECONNREFUSED);
    }
    let table = dev.links.get(worker).ok_or(ENODEV)?;
    let id = match table.find(|l| l.peer == peer) {
        Some(link) => match link.stage {
            Stage::Cancelling | Stage::Disconnecting => return Err(EBUSY),
            _ => {
                link.holds = link.holds.checked_add(1).ok_or(EBUSY)?;
                link.idle_at = None;
                if kind == LinkKind::Le && !link.stage.is_up() {
                    link.explicit = true;
                }
                link.security.wanted = link.security.wanted.max(wanted.level);
                let up = link.handle.filter(|_| link.up);
                let ready = link.stage == Stage::Connected;
                timer::adjust(dev, worker);
                return Ok(match up {
                    Some(handle) => Connecting::Up {
                        handle: handle.get(),
                        ready,
                    },
                    None => Connecting::Pending,
                });
            }
        },
        None => {
            let link = table.add(dev, kind, peer, true)?;
            link.holds = 1;
            link.explicit = true;
            link.attempt_ms = match wanted.timeout_ms {
                0 => ATTEMPT_MS,
                ms => ms,
            };
            link.security.wanted = wanted.level;
            link.security.auth_type = wanted.auth_type;
            link.id
        }
    };
    match kind {
        LinkKind::Acl => next(dev, worker),
        LinkKind::Le => {
            if let Err(e) = le_connect::begin(dev, worker, id) {
                if let Some(table) = dev.links.get(worker) {
                    table.remove(dev, id);
                }
                return Err(e);
            }
        }
    }
    Ok(Connecting::Pending)
}

/// Counts somebody who uses a link.
///
/// # Errors
///
/// `ENOTCONN` if there is no such link.
pub(crate) fn hold(dev: &Device, worker: &mut Worker<'_>, which: LinkRef) -> Result {
    let table = dev.links.get(worker).ok_or(ENODEV)?;
    let link = table.get(which).ok_or(ENOTCONN)?;
    link.holds = link.holds.saturating_add(1);
    link.idle_at = None;
    timer::adjust(dev, worker);
    Ok(())
}

/// Somebody does not use a link any more. If nobody does, it ends: soon if it is up, at once if it
/// is not. Its end is never reported from within this call.
pub(crate) fn release(dev: &Device, worker: &mut Worker<'_>, which: LinkRef) {
    if let Some(link) = dev.links.get(worker).and_then(|t| t.get(which)) {
        released(link);
    }
    timer::adjust(dev, worker);
}

/// How long a BR/EDR link that nobody uses stays up, from now on: longer while somebody may have to type a PIN.
pub(crate) fn be_patient(dev: &Device, worker: &mut Worker<'_>, handle: u16, typing: bool) {
    let table = dev.links.get(worker);
    let link = table.and_then(|t| t.by_handle(ConnHandle::new(handle)));
    let Some(link) = link.filter(|l| l.kind == LinkKind::Acl) else {
        return;
    };
    link.idle_ms = if typing { PAIRING_MS } else { IDLE_MS };
    if link.idle_at.is_some() {
        unused(link);
    }
    timer::adjust(dev, worker);
}

/// One user less.
pub(super) fn released(link: &mut Link) {
    link.holds = link.holds.saturating_sub(1);
    if link.holds == 0 {
        unused(link);
    }
}

/// Its time runs, from now.
fn unused(link: &mut Link) {
    let ms = if link.stage == Stage::Connected {
        // Who asked for the link has more time to use it.
        let times = if link.initiated_here { 1 } else { 2 };
        link.idle_ms.saturating_mul(times)
    } else {
        0
    };
    link.idle_at = Some(now_ms().saturating_add(ms.into()));
}

/// Pages the next peer that is waited for, if none is being paged: controllers page one at a time.
pub(super) fn next(dev: &Device, worker: &mut Worker<'_>) {
    let Some(table) = dev.links.get(worker) else {
        return;
    };
    let paging = |l: &Link| {
        l.kind == LinkKind::Acl && matches!(l.stage, Stage::Connecting | Stage::Cancelling)
    };
    if table.links.iter().any(paging) {
        return;
    }
    let Some(link) = table.find(|l| l.kind == LinkKind::Acl && l.stage == Stage::Queued) else {
        return;
    };
    link.stage = Stage::Connecting;
    link.central = true;
    link.initiated_here = true;
    link.late_at = Some(now_ms().saturating_add(link.attempt_ms.into()));
    let bdaddr = link.peer.addr;

    // Many controllers cannot page while they inquire.
    if dev.is(DevFlag::INQUIRY) {
        send(dev, &InquiryCancel {});
    }
    let (types, link_mode, heard) = {
        let state = dev.state();
        let heard = state.discovery.cache.iter().find(|e| e.addr == bdaddr);
        (
            state.pkt_type & ACL_PACKET_TYPES,
            state.link_mode,
            heard.copied(),
        )
    };
    if link.packet_types == 0 {
        link.packet_types = types;
    }
    if let Some(entry) = &heard {
        link.class = entry.class;
    }
    let switch = dev.info().is_ok_and(|i| i.features.role_switch()) && link_mode & LM_CENTRAL == 0;
    let fresh = |e: &&InquiryEntry| now_ms().saturating_sub(e.heard_at) <= INQUIRY_AGE_MS;
    let command = create(
        bdaddr,
        link.packet_types,
        heard.as_ref().filter(fresh),
        switch,
    );
    send(dev, &command);
    timer::adjust(dev, worker);
}

/// Packet types that are ACL's, not SCO's (`ACL_PTYPE_MASK`).
pub(super) const ACL_PACKET_TYPES: u16 = !0x00e0;

/// Create Connection (7.1.5), by what inquiry told of the peer lately.
fn create(
    bdaddr: BdAddr,
    packet_types: u16,
    heard: Option<&InquiryEntry>,
    switch: bool,
) -> CreateConnection {
    /// Page scan repetition mode R2: any.
    const R2: u8 = 0x02;
    /// The clock offset is valid.
    const VALID: u16 = 0x8000;

    let mut command = CreateConnection {
        bdaddr,
        packet_type: packet_types.into(),
        page_scan_repetition_mode: R2,
        reserved: 0,
        clock_offset: 0.into(),
        allow_role_switch: switch.into(),
    };
    if let Some(entry) = heard {
        command.page_scan_repetition_mode = entry.pscan_rep_mode;
        command.reserved = entry.pscan_mode;
        command.clock_offset = (entry.clock_offset | VALID).into();
    }
    command
}

/// Create Connection was answered with a status (7.1.5).
pub(super) fn answered(
    dev: &Device,
    worker: &mut Worker<'_>,
    sent: &CreateConnection,
    status: Status,
) {
    let Some(table) = dev.links.get(worker) else {
        return;
    };
    match table.by_peer(LinkKind::Acl, sent.bdaddr) {
        Some(link) if !status.is_success() => {
            if matches!(link.stage, Stage::Connecting | Stage::Cancelling) {
                let id = link.id;
                end::failed(dev, worker, id, status);
            }
        }
        Some(_) => {}
        // Somebody else asked for it, through a raw socket: it is a link all the same.
        None if status.is_success() => {
            if let Ok(link) = table.add(dev, LinkKind::Acl, super::bredr_peer(sent.bdaddr), true) {
                link.stage = Stage::Connecting;
                link.packet_types = sent.packet_type.get();
            }
        }
        None => {}
    }
}
