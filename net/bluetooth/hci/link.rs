// SPDX-License-Identifier: GPL-2.0

//! Links: asked for, accepted, described, reported, ended.
//!
//! The table belongs to the worker. A link's life:
//!
//! ```text
//!   connect ──> Scanning (LE) ──> Queued ──> Connecting ──┐   complete        features
//!   Connection Request ──accept──> Accepting ─────────────┼──> Configuring ──────────> Connected
//!   (advertising led to it) ──────────────────────────────┘        │                      │
//!        │ failed, cancelled (Cancelling)                          └──> Disconnecting <───┘
//!        v                                                                   │
//!    (removed) <──────────────────────── Disconnection Complete ────────────┘
//! ```
//!
//! Nothing here waits: commands are sent, and events take a link from stage to stage. What needs
//! answers on the way (an LE connection with its address and scanning) is a sequence of its own.
//!
//! Links are counted by those who use them ([`hold`], [`release`]). One that nobody uses ends
//! after a moment ([`IDLE_MS`]); one that has not come about by then is cancelled.
//!
//! Each link has a node that drivers can see ([`LinkNode`]), which goes when the link goes.

mod bredr;
mod connect;
mod end;
mod le;
mod le_connect;
mod mode;
mod query;
pub(crate) mod sco;
mod security;
mod timer;

pub(super) use bredr::{
    clock_offset,
    connected,
    named,
    packet_types_changed,
    remote_ext_features,
    remote_features,
    requested,
    role_changed, //
};
pub(crate) use bredr::{
    idle_timeout_changed,
    set_packet_types, //
};
pub(crate) use connect::{
    be_patient,
    connect,
    hold,
    release,
    Connecting,
    LinkRef,
    Wanted, //
};
pub(crate) use end::{
    disconnect,
    disconnect_all,
    disconnect_regardless, //
};
pub(super) use end::{
    disconnected,
    drop_all,
    end_by_handle, //
};
pub(super) use le::event as le_event;
pub(crate) use le::{
    parameters_loaded as le_parameters_loaded,
    update_parameters,
    wanted_parameters, //
};
pub(super) use le_connect::is_connecting as le_is_connecting;
pub(crate) use le_connect::not_awaited as le_not_awaited;
pub(super) use mode::{
    data_passes,
    mode_changed, //
};
pub(crate) use query::{
    phys,
    security_of,
    set_phys, //
};
pub(crate) use security::{
    attempted,
    change_security,
    end_link,
    identified,
    note_security,
    secure,
    send_command,
    wake_at,
    Authenticator,
    LinkSecurity,
    Secured, //
};
pub(super) use timer::time;

use super::{
    command,
    device::{
        with_worker,
        Device, //
    },
    event,
    flow,
    observer::{
        notify,
        LinkReport,
        Notice, //
    },
    state::Peer,
    update,
    user::{
        LinkFacts as UserFacts,
        LinkUser, //
    }, //
};
use kernel::prelude::*;
use kernel_ext::vec::VecExt;
use kernel_ext::{
    hci::{
        LinkFacts,
        LinkNode,
        Stat, //
    },
    skbuff::SkBuff,
    workqueue::Worker, //
};
use wire::{
    hci::{
        features::LmpFeatures,
        le::{
            LeReadRemoteFeatures,
            LeSetPhy,
            Phys, //
        },
        link_control::{
            AcceptSyncConnectionRequest,
            AddScoConnection,
            CreateConnection,
            Disconnect,
            EnhancedSetupSyncConnection,
            ReadRemoteExtFeatures,
            ReadRemoteFeatures,
            RemoteNameRequest,
            SetupSyncConnection, //
        },
        link_policy::{ExitSniffMode, SniffMode},
        ConnHandle,
        Opcode,
        Request,
        Status, //
    },
    AddressType,
    BdAddr, //
};
use zerocopy::FromBytes;

/// Links of one controller at most. Controllers have buffers for some ten; an event for one more
/// is refused with an error to the peer.
pub(crate) const MAX_LINKS: usize = 64;

/// A link that nobody uses ends after so many milliseconds; twice as many if the peer asked for it
/// (`HCI_DISCONN_TIMEOUT`).
pub(super) const IDLE_MS: u32 = 2_000;
/// The same while pairing may go on on the link (`HCI_PAIRING_TIMEOUT`).
const PAIRING_MS: u32 = 60_000;
/// The controller is given up on after so many milliseconds without the event that a command of
/// ours must lead to (`HCI_CMD_TIMEOUT`).
const EVENT_MS: u64 = 2_000;

/// `ACL_LINK`, `LE_LINK` of the driver ABI.
const ACL_LINK: u8 = 0x01;
const LE_LINK: u8 = 0x80;

/// `HCI_NOTIFY_CONN_ADD`, `HCI_NOTIFY_CONN_DEL` of the driver ABI.
const NOTIFY_LINK_ADDED: u32 = 1;
const NOTIFY_LINK_GONE: u32 = 2;

/// `HCI_LM_MASTER` of `HCISETLINKMODE`.
const LM_CENTRAL: u16 = 0x0001;
/// `HCI_LM_ACCEPT`.
const LM_ACCEPT: u16 = 0x8000;

/// What a link is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkKind {
    /// BR/EDR.
    Acl,
    /// LE.
    Le,
}

impl LinkKind {
    /// Its number in the driver ABI.
    pub(super) fn as_c(self) -> u8 {
        match self {
            Self::Acl => ACL_LINK,
            Self::Le => LE_LINK,
        }
    }

    /// The kind of link that leads to a peer.
    pub(crate) fn to(peer: Peer) -> Self {
        match peer.kind {
            AddressType::BrEdr => Self::Acl,
            _ => Self::Le,
        }
    }
}

/// Where a link is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// LE: the peer is to be heard of first.
    Scanning,
    /// Waits for its turn to be connected.
    Queued,
    /// Create Connection, or its like, was sent.
    Connecting,
    /// The peer asked, and was accepted.
    Accepting,
    /// The attempt was cancelled; its end is still to be reported.
    Cancelling,
    /// Up; the peer's features are read.
    Configuring,
    Connected,
    /// Disconnect was sent.
    Disconnecting,
}

impl Stage {
    /// Numbers as in `struct hci_conn_info` (`BT_*`).
    fn as_bt_state(self) -> u16 {
        match self {
            // As the C core has it: a link is connected until it is not.
            Self::Connected | Self::Disconnecting => 1,
            Self::Queued => 2,
            Self::Scanning | Self::Connecting | Self::Accepting | Self::Cancelling => 5,
            Self::Configuring => 7,
        }
    }

    /// Past being set up.
    fn is_up(self) -> bool {
        matches!(self, Self::Configuring | Self::Connected)
    }
}

/// Parameters of an LE connection (Vol 6 Part B 4.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LeParameters {
    /// In units of 1.25 ms.
    pub(crate) interval: u16,
    /// In connection events.
    pub(crate) latency: u16,
    /// In units of 10 ms.
    pub(crate) supervision_timeout: u16,
}

/// One link.
struct Link {
    /// Tells links apart that were one after the other, with the same peer or handle.
    id: u64,
    kind: LinkKind,
    /// Who it leads to: as asked for, or by identity.
    peer: Peer,
    /// The address that the peer has on the air, and this host's there.
    on_air: Peer,
    own_on_air: Peer,
    /// This host's there was made by the controller, which has told it.
    own_by_controller: bool,
    /// Unknown before it is up.
    handle: Option<ConnHandle>,
    /// This host is the central.
    central: bool,
    initiated_here: bool,
    class: [u8; 3],
    stage: Stage,
    /// mgmt was told that it is connected.
    reported: bool,
    /// The user was told that it is up.
    up: bool,
    /// How many use it.
    holds: u32,
    /// How long it stays up unused, in milliseconds.
    idle_ms: u32,
    /// When it ends for being unused, and when the controller is late with what ends its stage, in
    /// milliseconds.
    idle_at: Option<u64>,
    late_at: Option<u64>,
    /// When to look whether it may sleep.
    sniff_at: Option<u64>,
    /// The reason it is being ended for.
    ending: Option<Status>,
    security: LinkSecurity,
    /// The peer's LMP features.
    features: LmpFeatures,
    /// LE: the PHYs that may be used, to the peer and from it.
    tx_phys: Phys,
    rx_phys: Phys,
    /// Packet types (BR/EDR), as Create Connection has them.
    packet_types: u16,
    sniff: bool,
    /// The peer wanted that.
    asleep_by_peer: bool,
    /// A command that changes the mode, or the role, is not answered yet.
    mode_pending: bool,
    /// LE: how it is now, and the bounds of the interval that are wanted.
    parameters: LeParameters,
    interval_min: u16,
    interval_max: u16,
    /// How long an attempt to connect may take, in milliseconds.
    attempt_ms: u32,
    /// LE: what the peer advertised when it was heard.
    adv_data: KVec<u8>,
    /// LE: the PHYs on which it was heard (1: 1M, 3: coded; the second one 0: none).
    heard_on: (u8, u8),
    /// Asked for by [`connect()`], rather than because the peer is to be connected whenever it is
    /// there.
    explicit: bool,
    /// What drivers see; there once the link has a handle.
    node: Option<LinkNode<super::Controller>>,
}

impl Link {
    fn new(id: u64, kind: LinkKind, peer: Peer, central: bool) -> Self {
        Self {
            id,
            kind,
            peer,
            on_air: peer,
            own_on_air: Peer {
                addr: BdAddr::ANY,
                kind: AddressType::BrEdr,
            },
            own_by_controller: false,
            handle: None,
            central,
            initiated_here: central,
            class: [0; 3],
            stage: Stage::Queued,
            reported: false,
            up: false,
            holds: 0,
            idle_ms: IDLE_MS,
            idle_at: None,
            late_at: None,
            sniff_at: None,
            ending: None,
            security: LinkSecurity::default(),
            features: LmpFeatures::default(),
            tx_phys: Phys::LE_1M,
            rx_phys: Phys::LE_1M,
            packet_types: 0,
            sniff: false,
            asleep_by_peer: false,
            mode_pending: false,
            parameters: LeParameters::default(),
            interval_min: 0,
            interval_max: 0,
            attempt_ms: 0,
            adv_data: KVec::new(),
            heard_on: (0, 0),
            explicit: false,
            node: None,
        }
    }
}

/// The links of a controller.
pub(crate) struct LinkTable {
    links: KVec<Link>,
    /// The audio links, each with one of those.
    audio: KVec<sco::ScoLink>,
    next_id: u64,
}

impl LinkTable {
    pub(super) fn new() -> Self {
        Self {
            links: KVec::new(),
            audio: KVec::new(),
            next_id: 1,
        }
    }

    fn find(&mut self, is_it: impl Fn(&Link) -> bool) -> Option<&mut Link> {
        self.links.iter_mut().find(|l| is_it(l))
    }

    fn by_id(&mut self, id: u64) -> Option<&mut Link> {
        self.find(|l| l.id == id)
    }

    fn by_handle(&mut self, handle: ConnHandle) -> Option<&mut Link> {
        self.find(|l| l.handle == Some(handle))
    }

    /// Whether a link of any kind has this handle.
    fn is_taken(&self, handle: ConnHandle) -> bool {
        self.links.iter().any(|l| l.handle == Some(handle)) || self.has_audio(handle)
    }

    fn by_peer(&mut self, kind: LinkKind, addr: BdAddr) -> Option<&mut Link> {
        self.find(|l| l.kind == kind && l.peer.addr == addr)
    }

    fn add(
        &mut self,
        dev: &Device,
        kind: LinkKind,
        peer: Peer,
        central: bool,
    ) -> Result<&mut Link> {
        if self.links.len().saturating_add(self.audio.len()) >= MAX_LINKS {
            return Err(ENOSPC);
        }
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        self.links.append(Link::new(id, kind, peer, central))?;
        dev.note_links(true);
        self.links.last_mut().ok_or(ENOMEM)
    }

    fn remove(&mut self, dev: &Device, id: u64) -> Option<Link> {
        let at = self.links.iter().position(|l| l.id == id)?;
        let gone = self.links.take_out(at);
        dev.note_links(!self.links.is_empty());
        gone
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
    /// LE: waits to hear of the peer.
    pub(crate) scanning: bool,
}

impl LinkSnapshot {
    /// Whether this host is the central.
    pub(crate) fn is_central(&self) -> bool {
        self.link_mode & u32::from(LM_CENTRAL) != 0
    }
}

impl Link {
    fn is_connected(&self) -> bool {
        self.stage == Stage::Connected
    }

    /// One user more.
    fn hold(&mut self) {
        self.holds = self.holds.saturating_add(1);
        self.idle_at = None;
    }

    fn snapshot(&self) -> LinkSnapshot {
        /// `HCI_LM_AUTH`, `HCI_LM_ENCRYPT`, `HCI_LM_SECURE`, `HCI_LM_FIPS`.
        const LM_AUTH: u32 = 0x0002;
        const LM_ENCRYPT: u32 = 0x0004;
        const LM_SECURE: u32 = 0x0020;
        const LM_FIPS: u32 = 0x0040;
        let security = &self.security;
        let mut link_mode = 0;
        for (on, bit) in [
            (self.central, u32::from(LM_CENTRAL)),
            (security.encrypted, LM_ENCRYPT),
            (security.authenticated, LM_AUTH),
            (security.level >= security::HIGH, LM_SECURE),
            (security.level >= security::FIPS, LM_FIPS),
        ] {
            if on {
                link_mode |= bit;
            }
        }
        LinkSnapshot {
            peer: self.peer,
            addr: self.peer.addr,
            handle: self.handle.map_or(0, |h| h.get()),
            kind: self.kind.as_c(),
            out: self.initiated_here,
            state: self.stage.as_bt_state(),
            link_mode,
            auth_type: security.auth_type,
            reported: self.reported,
            scanning: self.stage == Stage::Scanning,
        }
    }
}

/// The links there are, at most `max` of them. Sleeps; not on the worker.
///
/// # Errors
///
/// `ENODEV` if the controller is leaving, `ENOMEM`.
pub(crate) fn snapshot(dev: &Device, max: usize) -> Result<KVec<LinkSnapshot>> {
    // Nobody need be asked.
    if !dev.has_links() {
        return Ok(KVec::new());
    }
    with_worker(dev, |worker| {
        let mut all = KVec::new();
        if let Some(table) = dev.links.get(worker) {
            for link in table.links.iter().take(max) {
                all.append(link.snapshot())?;
            }
        }
        Ok(all)
    })?
}

/// As [`snapshot`], with the audio links.
///
/// # Errors
///
/// As [`snapshot`].
pub(crate) fn snapshot_all(dev: &Device, max: usize) -> Result<KVec<LinkSnapshot>> {
    with_worker(dev, |worker| {
        let mut all = KVec::new();
        if let Some(table) = dev.links.get(worker) {
            let links = table.links.iter().map(Link::snapshot);
            let audio = table.audio.iter().map(|l| l.snapshot());
            for link in Iterator::chain(links, audio).take(max) {
                all.append(link)?;
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

fn bredr_peer(addr: BdAddr) -> Peer {
    Peer {
        addr,
        kind: AddressType::BrEdr,
    }
}

fn show_to_drivers(dev: &Device, link: &mut Link) {
    let facts = LinkFacts {
        handle: link.handle.map_or(0, |h| h.get()),
        link_type: link.kind.as_c(),
        role: (!link.central).into(),
        dst: link.peer.addr.0,
    };
    link.node = node_for_drivers(dev, facts);
    if link.node.is_some() {
        dev.notify(NOTIFY_LINK_ADDED);
    }
}

/// Shows a link to drivers, as long as the node exists.
fn node_for_drivers(dev: &Device, facts: LinkFacts) -> Option<LinkNode<super::Controller>> {
    LinkNode::new(dev, facts)
        .inspect_err(|e| {
            pr_warn!(
                "{}: link 0x{:03x} is not shown to the driver ({})\n",
                dev.name(),
                facts.handle,
                e.to_errno()
            );
        })
        .ok()
}

/// A link has its handle: it can carry data, and its user is told. What came too early for it is
/// delivered then.
///
/// # Errors
///
/// As [`flow::link_up`]: the link cannot be kept.
fn bring_up(dev: &Device, worker: &mut Worker<'_>, id: u64) -> Result {
    let (handle, kind) = {
        let link = dev.links.get(worker).and_then(|t| t.by_id(id));
        let link = link.ok_or(ENOENT)?;
        (link.handle.ok_or(EINVAL)?.get(), link.kind)
    };
    let (slot, mtu) = flow::link_up(dev, worker, handle, kind.into())?;
    let facts = {
        let link = dev.links.get(worker).and_then(|t| t.by_id(id));
        let link = link.ok_or(ENOENT)?;
        link.up = true;
        show_to_drivers(dev, link);
        UserFacts {
            handle,
            slot,
            kind,
            peer: link.peer,
            central: link.central,
            class: link.class,
            own_on_air: link.own_on_air,
            peer_on_air: link.on_air,
            mtu,
        }
    };
    <crate::Security as Authenticator>::link_up(dev, worker, &facts);
    crate::Upper::link_up(dev, worker, &facts);
    flow::deliver_early(dev, worker, handle);
    Ok(())
}

/// A link is set up: what is to be known of the peer is known.
fn ready(dev: &Device, worker: &mut Worker<'_>, id: u64) {
    let link = dev.links.get(worker).and_then(|t| t.by_id(id));
    let Some(link) = link.filter(|l| l.stage == Stage::Configuring) else {
        return;
    };
    link.stage = Stage::Connected;
    let (handle, security) = (link.handle, link.security);
    if link.kind == LinkKind::Acl {
        bredr::arm_sniff(dev, link);
        timer::adjust(dev, worker);
    }
    let Some(handle) = handle else {
        return;
    };
    <crate::Security as Authenticator>::link_ready(dev, worker, handle.get(), &security);
    crate::Upper::link_ready(dev, worker, handle.get());
    sco::acl_ready(dev, worker, id, false);
}

/// A command was answered by Command Status: links learn theirs.
pub(super) fn command_status(
    dev: &Device,
    worker: &mut Worker<'_>,
    opcode: Opcode,
    status: Status,
    sent: &[u8],
) {
    <crate::Security as Authenticator>::answered(dev, worker, opcode, status, sent, None);
    let ok = status.is_success();
    match opcode {
        CreateConnection::OPCODE => {
            if let Some(sent) = sent_as::<CreateConnection>(sent) {
                connect::answered(dev, worker, &sent, status);
            }
        }
        LeSetPhy::OPCODE if ok => {
            if let Some(sent) = sent_as::<LeSetPhy>(sent) {
                query::phys_asked_for(dev, worker, &sent);
            }
        }
        // The rest is only of interest if it was refused.
        _ if ok => {}
        RemoteNameRequest::OPCODE => {
            if let Some(sent) = sent_as::<RemoteNameRequest>(sent) {
                named(dev, worker, sent.bdaddr, None);
                update::names::named(dev, sent.bdaddr, None);
            }
        }
        Disconnect::OPCODE => {
            if let Some(sent) = sent_as::<Disconnect>(sent) {
                end::disconnect_refused(dev, worker, &sent, status);
            }
        }
        ReadRemoteFeatures::OPCODE | ReadRemoteExtFeatures::OPCODE => {
            if let Some(handle) = sent_as::<ConnHandle>(sent) {
                bredr::features_refused(dev, worker, handle, status);
            }
        }
        LeReadRemoteFeatures::OPCODE => {
            if let Some(handle) = sent_as::<ConnHandle>(sent) {
                le::features_known(dev, worker, handle);
            }
        }
        AddScoConnection::OPCODE
        | SetupSyncConnection::OPCODE
        | EnhancedSetupSyncConnection::OPCODE => {
            if let Some(acl) = sent_as::<ConnHandle>(sent) {
                sco::refused(dev, worker, acl, status);
            }
        }
        AcceptSyncConnectionRequest::OPCODE => {
            if let Some(peer) = sent_as::<BdAddr>(sent) {
                sco::accept_refused(dev, worker, peer, status);
            }
        }
        SniffMode::OPCODE | ExitSniffMode::OPCODE => {
            if let Some(handle) = sent_as::<ConnHandle>(sent) {
                bredr::mode_refused(dev, worker, handle);
            }
        }
        _ => {}
    }
}

/// What a command was sent with; or how its parameters begin.
fn sent_as<T: FromBytes>(sent: &[u8]) -> Option<T> {
    T::read_from_prefix(sent).ok().map(|(sent, _)| sent)
}

/// Tells mgmt's users that a link is connected, once.
fn report(dev: &Device, link: &mut Link, name: Option<&[u8]>) {
    if core::mem::replace(&mut link.reported, true) {
        return;
    }
    notify(
        dev,
        Notice::LinkUp(&LinkReport {
            peer: link.peer,
            initiated_here: link.initiated_here,
            class: (link.kind == LinkKind::Acl).then_some(link.class),
            name,
            adv_data: &link.adv_data,
        }),
    );
}

/// ISO data (Vol 4 Part E 5.4.5).
pub(super) fn iso_packet(dev: &Device, _worker: &mut Worker<'_>, _skb: SkBuff) {
    // There is no isochronous stream that it could belong to.
    dev.count(Stat::ErrRx, 1);
}
