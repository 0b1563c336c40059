// SPDX-License-Identifier: GPL-2.0

//! Links: accepted, described, reported, ended.
//!
//! The table belongs to the worker. A link's life:
//!
//! ```text
//!   Connection Request ──accept──> Connecting ──Connection Complete──> Configuring
//!                                                                          │ features, name
//!                         (removed) <──Disconnection Complete── Connected <┘
//! ```
//!
//! Each link has a node that drivers can see ([`LinkNode`]), which goes when the link goes.

use super::{
    command,
    device::Device,
    event,
    found,
    observer::{
        notify,
        LinkReport,
        Notice, //
    },
    session::{
        sequence,
        Session,
        COMMAND_TIMEOUT_MS, //
    },
    state::Peer,
    update, //
};
use engine::command::CompletesOn;
use kernel::prelude::*;
use kernel_ext::{
    hci::{
        Flag,
        LinkFacts,
        LinkNode,
        Stat, //
    },
    skbuff::SkBuff,
    workqueue::Worker, //
};
use wire::{
    hci::{
        event::{
            code,
            ConnectionComplete,
            ConnectionRequest,
            DisconnectionComplete,
            RemoteExtFeatures,
            RemoteFeatures,
            RoleChange, //
        },
        le_event::LeEvent,
        link_control::{
            AcceptConnectionRequest,
            Disconnect,
            LinkKeyRequestNegativeReply,
            LinkKeyRequestReply,
            PinCodeRequestNegativeReply,
            ReadRemoteExtFeatures,
            ReadRemoteFeatures,
            RejectConnectionRequest,
            RemoteNameRequest, //
        },
        packet::{
            AclPacket,
            ScoPacket, //
        },
        ConnHandle,
        LeAddrType,
        Request,
        Status, //
    },
    AddressType,
    BdAddr, //
};

/// Links of one controller at most. Controllers have buffers for some ten; an event for one more
/// is refused with an error to the peer.
pub(crate) const MAX_LINKS: usize = 64;

/// `ACL_LINK`, `LE_LINK` of the driver ABI.
const ACL_LINK: u8 = 0x01;
const LE_LINK: u8 = 0x80;

const CENTRAL: u8 = 0x00;
const PERIPHERAL: u8 = 0x01;

/// `HCI_LM_MASTER` of `HCISETLINKMODE`.
const LM_CENTRAL: u16 = 0x0001;
/// `HCI_LM_ACCEPT`.
const LM_ACCEPT: u16 = 0x8000;

/// Where a link is in its life; numbers as in `struct hci_conn_info` (`BT_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Connecting,
    Configuring,
    Connected,
    Disconnecting,
}

impl Stage {
    fn as_bt_state(self) -> u16 {
        match self {
            Self::Connecting => 5,
            Self::Configuring => 7,
            Self::Connected => 1,
            Self::Disconnecting => 8,
        }
    }
}

/// One link.
struct Link {
    peer: Peer,
    link_type: u8,
    /// Unknown while connecting.
    handle: Option<ConnHandle>,
    role: u8,
    initiated_here: bool,
    class: [u8; 3],
    stage: Stage,
    /// mgmt was told that it is connected.
    reported: bool,
    encrypted: bool,
    /// What drivers see; there once the link has a handle.
    node: Option<LinkNode<super::Controller>>,
}

/// The links of a controller.
pub(crate) struct LinkTable {
    links: KVec<Link>,
}

impl LinkTable {
    pub(super) fn new() -> Self {
        Self { links: KVec::new() }
    }

    fn by_handle(&mut self, handle: ConnHandle) -> Option<&mut Link> {
        self.links.iter_mut().find(|l| l.handle == Some(handle))
    }

    fn by_peer(&mut self, link_type: u8, addr: BdAddr) -> Option<&mut Link> {
        self.links
            .iter_mut()
            .find(|l| l.link_type == link_type && l.peer.addr == addr)
    }

    fn add(&mut self, link: Link) -> Result<&mut Link> {
        if self.links.len() >= MAX_LINKS {
            return Err(ENOSPC);
        }
        self.links.push(link, GFP_KERNEL)?;
        self.links.last_mut().ok_or(ENOMEM)
    }

    fn remove(&mut self, is_it: impl Fn(&Link) -> bool) -> Option<Link> {
        let at = self.links.iter().position(is_it)?;
        self.links.remove(at).ok()
    }
}

/// What others may know of a link.
#[derive(Clone, Copy)]
pub(crate) struct LinkSnapshot {
    pub(crate) peer: Peer,
    pub(crate) addr: BdAddr,
    pub(crate) handle: u16,
    /// `ACL_LINK`...
    pub(crate) kind: u8,
    /// Initiated here.
    pub(crate) out: bool,
    /// `BT_CONNECTED`...
    pub(crate) state: u16,
    /// `HCI_LM_*`.
    pub(crate) link_mode: u32,
    pub(crate) auth_type: u8,
    /// mgmt's users see it as connected.
    pub(crate) reported: bool,
}

impl LinkSnapshot {
    /// Whether this host is the central.
    pub(crate) fn is_central(&self) -> bool {
        self.link_mode & u32::from(LM_CENTRAL) != 0
    }
}

impl Link {
    fn snapshot(&self) -> LinkSnapshot {
        /// `HCI_LM_ENCRYPT`.
        const LM_ENCRYPT: u32 = 0x0004;
        /// What a link is asked for until security says otherwise: general bonding, no MITM
        /// protection (Vol 4 Part E 7.1.29).
        const GENERAL_BONDING: u8 = 0x04;
        let mut link_mode = 0;
        if self.role == CENTRAL {
            link_mode |= u32::from(LM_CENTRAL);
        }
        if self.encrypted {
            link_mode |= LM_ENCRYPT;
        }
        LinkSnapshot {
            peer: self.peer,
            addr: self.peer.addr,
            handle: self.handle.map_or(0, |h| h.get()),
            kind: self.link_type,
            out: self.initiated_here,
            state: self.stage.as_bt_state(),
            link_mode,
            auth_type: GENERAL_BONDING,
            reported: self.reported,
        }
    }
}

/// The links there are, at most `max` of them. Sleeps; not on the worker.
///
/// # Errors
///
/// `ENODEV` if the controller is leaving, `ENOMEM`.
pub(crate) fn snapshot(dev: &Device, max: usize) -> Result<KVec<LinkSnapshot>> {
    dev.worker()?.call(|worker| {
        let mut all = KVec::new();
        if let Some(table) = dev.links.get(worker) {
            for link in table.links.iter().take(max) {
                all.push(link.snapshot(), GFP_KERNEL)?;
            }
        }
        Ok(all)
    })?
}

/// Sends a command from the worker, which waits for nothing.
fn send<R: Request>(dev: &Device, request: &R) {
    let Err(e) = command::send_detached(dev, R::OPCODE, request.params()) else {
        return;
    };
    // The controller asks faster than it takes the answers: no line for each.
    if event::log_now(dev) {
        pr_warn!(
            "{}: command 0x{:04x} not sent ({})\n",
            dev.name(),
            R::OPCODE.0,
            e.to_errno()
        );
    }
}

/// Somebody wants a link (7.7.4).
pub(super) fn requested(dev: &Device, worker: &mut Worker<'_>, e: &ConnectionRequest) {
    let refuse = |reason| {
        send(
            dev,
            &RejectConnectionRequest {
                bdaddr: e.bdaddr,
                reason,
            },
        );
    };
    // A controller's link to itself: every check by address would be fooled.
    if BdAddr(dev.address(kernel_ext::hci::Address::Current)) == e.bdaddr {
        return refuse(Status::REJECTED_BAD_ADDR);
    }
    let peer = Peer {
        addr: e.bdaddr,
        kind: AddressType::BrEdr,
    };
    let (link_mode, blocked, allowed) = {
        let state = dev.state();
        (
            state.link_mode,
            state.reject_list.iter().any(|p| *p == peer),
            state.accept_list.iter().any(|(p, _)| *p == peer),
        )
    };
    // Audio links come with the rooms that can carry audio.
    if link_mode & LM_ACCEPT == 0 || e.link_type != ACL_LINK || blocked {
        return refuse(Status::REJECTED_BAD_ADDR);
    }
    // mgmt's users decide who may connect.
    if dev.has(Flag::MGMT) && !dev.has(Flag::CONNECTABLE) && !allowed {
        return refuse(Status::REJECTED_BAD_ADDR);
    }
    let Some(table) = dev.links.get(worker) else {
        return;
    };
    if let Some(link) = table.by_peer(ACL_LINK, e.bdaddr) {
        link.class = e.class;
    } else if table
        .add(Link {
            peer,
            link_type: ACL_LINK,
            handle: None,
            role: PERIPHERAL,
            initiated_here: false,
            class: e.class,
            stage: Stage::Connecting,
            reported: false,
            encrypted: false,
            node: None,
        })
        .is_err()
    {
        return refuse(Status::REJECTED_RESOURCES);
    }
    let can_switch = dev.info().is_ok_and(|i| i.features.role_switch());
    let role = if can_switch && link_mode & LM_CENTRAL != 0 {
        CENTRAL
    } else {
        PERIPHERAL
    };
    send(
        dev,
        &AcceptConnectionRequest {
            bdaddr: e.bdaddr,
            role,
        },
    );
}

/// A BR/EDR link is up, or failed (7.7.3).
pub(super) fn connected(dev: &Device, worker: &mut Worker<'_>, e: &ConnectionComplete) {
    let Some(table) = dev.links.get(worker) else {
        return;
    };
    if !e.status.is_success() {
        if table
            .remove(|l| l.link_type == ACL_LINK && l.peer.addr == e.bdaddr && l.handle.is_none())
            .is_some()
        {
            notify(
                dev,
                Notice::ConnectFailed {
                    peer: bredr(e.bdaddr),
                    status: e.status.0,
                },
            );
        }
        return;
    }
    if e.link_type != ACL_LINK || !e.handle.is_valid() || table.by_handle(e.handle).is_some() {
        dev.count(Stat::ErrRx, 1);
        return;
    }
    // Only links that were asked for, here or there, come about.
    let Some(link) = table
        .by_peer(ACL_LINK, e.bdaddr)
        .filter(|l| l.handle.is_none())
    else {
        dev.count(Stat::ErrRx, 1);
        return;
    };
    link.handle = Some(e.handle);
    link.stage = Stage::Configuring;
    link.encrypted = e.encryption != 0;
    show_to_drivers(dev, link);
    send(dev, &ReadRemoteFeatures { handle: e.handle });
}

fn bredr(addr: BdAddr) -> Peer {
    Peer {
        addr,
        kind: AddressType::BrEdr,
    }
}

fn show_to_drivers(dev: &Device, link: &mut Link) {
    let facts = LinkFacts {
        handle: link.handle.map_or(0, |h| h.get()),
        link_type: link.link_type,
        role: link.role,
        dst: link.peer.addr.0,
    };
    match LinkNode::new(dev, facts) {
        Ok(node) => link.node = Some(node),
        Err(e) => pr_warn!(
            "{}: link 0x{:03x} is not shown to the driver ({})\n",
            dev.name(),
            facts.handle,
            e.to_errno()
        ),
    }
}

/// The peer's features (7.7.11): the extended ones follow if both sides have them, else its name.
pub(super) fn remote_features(dev: &Device, worker: &mut Worker<'_>, e: &RemoteFeatures) {
    /// Bit of LMP features page 0: extended features.
    const EXT_FEATURES: usize = 63;
    let both_extended = e.status.is_success()
        && e.features.has(EXT_FEATURES)
        && dev.info().is_ok_and(|i| i.features.ext_features());
    let Some(link) = dev.links.get(worker).and_then(|t| t.by_handle(e.handle)) else {
        return;
    };
    if link.stage != Stage::Configuring {
        return;
    }
    if both_extended {
        send(
            dev,
            &ReadRemoteExtFeatures {
                handle: e.handle,
                page: 1,
            },
        );
    } else {
        configured(dev, link, e.status);
    }
}

/// The peer's extended features (7.7.34).
pub(super) fn remote_ext_features(dev: &Device, worker: &mut Worker<'_>, e: &RemoteExtFeatures) {
    let Some(link) = dev.links.get(worker).and_then(|t| t.by_handle(e.handle)) else {
        return;
    };
    if link.stage == Stage::Configuring {
        configured(dev, link, e.status);
    }
}

/// All is known of the peer but its name, which mgmt's users want with the report.
fn configured(dev: &Device, link: &mut Link, status: Status) {
    link.stage = Stage::Connected;
    if link.reported {
        return;
    }
    if status.is_success() {
        send(
            dev,
            &RemoteNameRequest {
                bdaddr: link.peer.addr,
                page_scan_repetition_mode: 0x02,
                reserved: 0,
                clock_offset: 0.into(),
            },
        );
    } else {
        report(dev, link, None);
    }
}

fn report(dev: &Device, link: &mut Link, name: Option<&[u8]>) {
    if core::mem::replace(&mut link.reported, true) {
        return;
    }
    notify(
        dev,
        Notice::LinkUp(&LinkReport {
            peer: link.peer,
            initiated_here: link.initiated_here,
            class: (link.link_type == ACL_LINK).then_some(link.class),
            name,
            adv_data: &[],
        }),
    );
}

/// The peer's name, or that it would not tell.
pub(super) fn named(dev: &Device, worker: &mut Worker<'_>, addr: BdAddr, name: Option<&[u8]>) {
    let link = dev
        .links
        .get(worker)
        .and_then(|t| t.by_peer(ACL_LINK, addr));
    if let Some(link) = link.filter(|l| l.stage == Stage::Connected) {
        report(dev, link, name);
    }
}

/// Roles changed (7.7.18).
pub(super) fn role_changed(dev: &Device, worker: &mut Worker<'_>, e: &RoleChange) {
    if !e.status.is_success() {
        return;
    }
    let link = dev
        .links
        .get(worker)
        .and_then(|t| t.by_peer(ACL_LINK, e.bdaddr));
    if let Some(link) = link {
        link.role = e.role;
    }
}

/// A link is down, or would not go (7.7.5).
pub(super) fn disconnected(dev: &Device, worker: &mut Worker<'_>, e: &DisconnectionComplete) {
    let Some(table) = dev.links.get(worker) else {
        return;
    };
    if !e.status.is_success() {
        if let Some(link) = table.by_handle(e.handle) {
            link.stage = Stage::Connected;
        }
        return;
    }
    if let Some(link) = table.remove(|l| l.handle == Some(e.handle)) {
        let le = link.link_type == LE_LINK;
        // Advertising ended when the link came.
        let advertise = le && link.role == PERIPHERAL;
        gone(dev, link, e.reason.0);
        if le {
            le_links_changed(dev, advertise);
        }
    }
}

/// Others are awaited now, by scans in the background, and perhaps by advertising.
fn le_links_changed(dev: &Device, advertise: bool) {
    let queued = sequence(dev, move |session| {
        let _ = update::passive_scan(session);
        if advertise {
            update::adv::link_ended(session);
        }
    });
    if queued.is_err() {
        pr_debug!("{}: nothing done about an LE link\n", dev.name());
    }
}

fn gone(dev: &Device, link: Link, reason: u8) {
    let (peer, was_up) = (link.peer, link.reported);
    // The node goes before anybody is told: who asks then finds the link gone.
    drop(link);
    notify(
        dev,
        Notice::LinkDown {
            peer,
            reason,
            was_up,
        },
    );
}

/// LE events that concern links, or devices found.
pub(super) fn le_event(dev: &Device, worker: &mut Worker<'_>, event: &LeEvent<'_>) {
    match *event {
        LeEvent::LeConnectionComplete(e) => le_connected(
            dev,
            worker,
            e.status,
            e.handle,
            e.role,
            (e.peer_addr_type, e.peer_addr),
        ),
        LeEvent::EnhancedConnectionComplete(e) => le_connected(
            dev,
            worker,
            e.status,
            e.handle,
            e.role,
            (e.peer_addr_type, e.peer_addr),
        ),
        LeEvent::EnhancedConnectionCompleteV2(e) => le_connected(
            dev,
            worker,
            e.v1.status,
            e.v1.handle,
            e.v1.role,
            (e.v1.peer_addr_type, e.v1.peer_addr),
        ),
        LeEvent::AdvertisingReport(reports) => found::advertising(dev, reports),
        LeEvent::ExtAdvertisingReport(reports) => found::ext_advertising(dev, reports),
        LeEvent::AdvertisingSetTerminated(e) => {
            update::adv::terminated(dev, e.adv_handle, e.status.0);
        }
        _ => {}
    }
}

/// An LE link is up, which advertising led to (7.7.65.1).
fn le_connected(
    dev: &Device,
    worker: &mut Worker<'_>,
    status: Status,
    handle: ConnHandle,
    role: u8,
    (addr_type, addr): (LeAddrType, BdAddr),
) {
    // Legacy advertising ends with a connection, or with the failure of one.
    dev.set(Flag::LE_ADV, false);
    let Some(table) = dev.links.get(worker) else {
        return;
    };
    if !status.is_success() {
        return;
    }
    let taken = table.by_handle(handle).is_some();
    if !handle.is_valid() || taken || role > PERIPHERAL {
        dev.count(Stat::ErrRx, 1);
        return;
    }
    let peer = Peer {
        addr,
        kind: addr_type.to_address_type(),
    };
    let added = table.add(Link {
        peer,
        link_type: LE_LINK,
        handle: Some(handle),
        role,
        initiated_here: role == CENTRAL,
        class: [0; 3],
        stage: Stage::Connected,
        reported: false,
        encrypted: false,
        node: None,
    });
    match added {
        Ok(link) => {
            show_to_drivers(dev, link);
            report(dev, link, None);
            le_links_changed(dev, false);
        }
        // A link that cannot be kept is ended, not forgotten.
        Err(_) => send(
            dev,
            &Disconnect {
                handle,
                reason: Status::REMOTE_LOW_RESOURCES,
            },
        ),
    }
}

/// Ends a link and waits until it is down.
///
/// # Errors
///
/// `ENOTCONN` if there is none, or what the controller says.
pub(crate) fn disconnect(session: &Session<'_>, peer: Peer, reason: u8) -> Result {
    let dev = session.dev();
    let handle = dev
        .worker()?
        .call(|worker| {
            let table = dev.links.get(worker)?;
            let link = table
                .links
                .iter_mut()
                .find(|l| l.peer == peer && l.handle.is_some())?;
            link.stage = Stage::Disconnecting;
            link.handle
        })?
        .ok_or(ENOTCONN)?;
    end(session, handle, reason)
}

fn end(session: &Session<'_>, handle: ConnHandle, reason: u8) -> Result {
    session.send_until(
        &Disconnect {
            handle,
            reason: Status(reason),
        },
        CompletesOn::Event(code::DISCONNECTION_COMPLETE),
        COMMAND_TIMEOUT_MS,
    )?;
    Ok(())
}

/// Ends all links, one after the other, and waits for each.
///
/// # Errors
///
/// What the first command that failed did; the rest is tried all the same.
pub(crate) fn disconnect_all(session: &Session<'_>, reason: u8) -> Result {
    let mut result = Ok(());
    for link in snapshot(session.dev(), MAX_LINKS)?.iter() {
        if link.state == Stage::Connecting.as_bt_state() {
            continue;
        }
        let ended = end(session, ConnHandle::new(link.handle), reason);
        result = result.and(ended);
    }
    result
}

/// The controller is closed: all links are gone, without a word from it.
pub(super) fn drop_all(dev: &Device) {
    /// Connection Terminated By Local Host (Vol 1 Part F 2.22).
    const LOCAL_HOST_TERM: u8 = 0x16;
    let Ok(queue) = dev.worker() else {
        return;
    };
    let dropped = queue.call(|worker| {
        while let Some(link) = dev.links.get(worker).and_then(|t| t.links.pop()) {
            gone(dev, link, LOCAL_HOST_TERM);
        }
    });
    if let Err(e) = dropped {
        pr_err!("{}: links not dropped ({})\n", dev.name(), e.to_errno());
    }
}

/// A peer asks for a PIN (7.7.22); without somebody to ask there is none.
pub(super) fn refuse_pin(dev: &Device, bdaddr: BdAddr) {
    send(dev, &PinCodeRequestNegativeReply { bdaddr });
}

/// A peer asks for the link key (7.7.23).
pub(super) fn link_key_wanted(dev: &Device, bdaddr: BdAddr) {
    let key = dev
        .has(Flag::MGMT)
        .then(|| {
            let state = dev.state();
            state
                .link_keys
                .iter()
                .find(|k| k.addr == bdaddr)
                .map(|k| k.value)
        })
        .flatten();
    match key {
        Some(link_key) => send(dev, &LinkKeyRequestReply { bdaddr, link_key }),
        None => send(dev, &LinkKeyRequestNegativeReply { bdaddr }),
    }
}

/// ACL data (Vol 4 Part E 5.4.2). Its users are rooms to come; until then it is counted.
pub(super) fn acl_packet(dev: &Device, worker: &mut Worker<'_>, skb: SkBuff) {
    dev.count(Stat::AclRx, 1);
    let known = AclPacket::parse(skb.data()).is_ok_and(|packet| {
        dev.links.get(worker).is_some_and(|t| {
            t.by_handle(ConnHandle::new(packet.header.handle()))
                .is_some()
        })
    });
    if !known {
        dev.count(Stat::ErrRx, 1);
    }
}

/// SCO data (Vol 4 Part E 5.4.3).
pub(super) fn sco_packet(dev: &Device, _worker: &mut Worker<'_>, skb: SkBuff) {
    dev.count(Stat::ScoRx, 1);
    // There is no SCO link that it could belong to.
    if ScoPacket::parse(skb.data()).is_err() {
        dev.count(Stat::ErrRx, 1);
    }
}

/// ISO data (Vol 4 Part E 5.4.5).
pub(super) fn iso_packet(dev: &Device, _worker: &mut Worker<'_>, _skb: SkBuff) {
    // There is no isochronous stream that it could belong to.
    dev.count(Stat::ErrRx, 1);
}
