// SPDX-License-Identifier: GPL-2.0

//! BR/EDR links as the controller reports them: asked for, up, and what the peer says of itself.

use super::{
    bredr_peer,
    bring_up,
    connect::{
        self,
        ACL_PACKET_TYPES, //
    },
    end,
    ready,
    report,
    sco,
    send,
    timer,
    Authenticator,
    Link,
    LinkKind,
    Stage,
    ACL_LINK,
    IDLE_MS,
    LM_ACCEPT,
    LM_CENTRAL,
    PAIRING_MS, //
};
use crate::hci::{
    device::{
        with_worker,
        Device, //
    },
    flow,
    state::Peer,
    user::LinkUser, //
};
use kernel_ext::{
    hci::{
        Address,
        DevFlag,
        Flag,
        Stat, //
    },
    time::now_ms,
    workqueue::Worker, //
};
use wire::{
    hci::{
        event::{
            ClockOffset,
            ConnectionComplete,
            ConnectionRequest,
            ModeChange,
            PacketTypeChanged,
            RemoteExtFeatures,
            RemoteFeatures,
            RoleChange, //
        },
        link_control::{
            AcceptConnectionRequest,
            ChangeConnectionPacketType,
            Disconnect,
            ReadRemoteExtFeatures,
            ReadRemoteFeatures,
            RejectConnectionRequest,
            RemoteNameRequest, //
        },
        link_policy::{ExitSniffMode, SniffMode, SniffSubrating},
        ConnHandle,
        Status, //
    },
    BdAddr, //
};

const CENTRAL: u8 = 0x00;
const PERIPHERAL: u8 = 0x01;

/// HCI version 2.0: packet types of incoming links are negotiated since (Assigned Numbers 2.1).
const VERSION_2_0: u8 = 3;

/// Somebody wants a link (7.7.4).
pub(in crate::hci) fn requested(dev: &Device, worker: &mut Worker<'_>, e: &ConnectionRequest) {
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
    if BdAddr(dev.address(Address::Current)) == e.bdaddr {
        return refuse(Status::REJECTED_BAD_ADDR);
    }
    let peer = bredr_peer(e.bdaddr);
    let (link_mode, blocked, allowed, types) = {
        let mut state = dev.state();
        let found = state.discovery.cache.iter_mut();
        for entry in found.filter(|entry| entry.addr == e.bdaddr) {
            entry.class = e.class;
        }
        (
            state.link_mode,
            state.reject_list.iter().any(|p| *p == peer),
            state.accept_list.iter().any(|(p, _)| *p == peer),
            state.pkt_type & ACL_PACKET_TYPES,
        )
    };
    if link_mode & LM_ACCEPT == 0 || blocked {
        return refuse(Status::REJECTED_BAD_ADDR);
    }
    // mgmt's users decide who may connect.
    if dev.has(Flag::MGMT) && !dev.has(Flag::CONNECTABLE) && !allowed {
        return refuse(Status::REJECTED_BAD_ADDR);
    }
    if e.link_type != ACL_LINK {
        return sco::requested(dev, worker, e);
    }
    let Some(table) = dev.links.get(worker) else {
        return;
    };
    match table.by_peer(LinkKind::Acl, e.bdaddr) {
        // Both want the same. The peer was faster, unless its page crosses ours on the air: then
        // the controller reports one of the two.
        Some(link) if link.handle.is_none() => {
            link.class = e.class;
            if link.stage == Stage::Queued {
                link.stage = Stage::Accepting;
                link.central = false;
                link.late_at = None;
            }
        }
        // There is one already: a second one would be confused with it.
        Some(_) => return refuse(Status::REJECTED_RESOURCES),
        None => match table.add(dev, LinkKind::Acl, peer, false) {
            Ok(link) => {
                link.class = e.class;
                link.stage = Stage::Accepting;
                link.packet_types = types;
            }
            Err(_) => return refuse(Status::REJECTED_RESOURCES),
        },
    }
    let can_switch = dev.info().is_ok_and(|i| i.features.role_switch());
    let wanted = link_mode & LM_CENTRAL != 0 || crate::Upper::wants_central(dev, worker, peer);
    let role = if can_switch && wanted {
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

/// A link that the controller accepted by itself, as suspend told it to: the peer must be one that
/// may connect at all times.
fn accepted_by_filter(dev: &Device, worker: &mut Worker<'_>, peer: Peer) -> Option<u64> {
    if !dev
        .state()
        .accept_list
        .iter()
        .any(|(known, _)| *known == peer)
    {
        return None;
    }
    let link = dev
        .links
        .get(worker)?
        .add(dev, LinkKind::Acl, peer, false)
        .ok()?;
    link.stage = Stage::Accepting;
    Some(link.id)
}

/// A BR/EDR link is up, or failed (7.7.3).
pub(in crate::hci) fn connected(dev: &Device, worker: &mut Worker<'_>, e: &ConnectionComplete) {
    if e.link_type != ACL_LINK {
        return sco::connected(dev, worker, e);
    }
    let Some(table) = dev.links.get(worker) else {
        return;
    };
    let taken = table.is_taken(e.handle);
    // Only links that were asked for, here or there, come about, and only once.
    let waiting = table
        .by_peer(LinkKind::Acl, e.bdaddr)
        .map(|l| (l.id, l.handle.is_none() && l.stage != Stage::Queued));
    if !e.status.is_success() {
        if let Some((id, true)) = waiting {
            end::failed(dev, worker, id, e.status);
        }
        return;
    }
    if !e.handle.is_valid() || taken {
        dev.count(Stat::ErrRx, 1);
        if let (Some((id, true)), false) = (waiting, taken) {
            end::failed(dev, worker, id, Status::INVALID_PARAMETERS);
        }
        return;
    }
    let id = match waiting {
        Some((id, true)) => id,
        Some(_) => return dev.count(Stat::ErrRx, 1),
        None => match accepted_by_filter(dev, worker, bredr_peer(e.bdaddr)) {
            Some(id) => id,
            None => return dev.count(Stat::ErrRx, 1),
        },
    };
    up(dev, worker, id, e);
}

fn up(dev: &Device, worker: &mut Worker<'_>, id: u64, e: &ConnectionComplete) {
    let handle = e.handle;
    let known_key = dev.state().link_keys.iter().any(|k| k.addr == e.bdaddr);
    let own = bredr_peer(BdAddr(dev.address(Address::Current)));
    let Some(link) = dev.links.get(worker).and_then(|t| t.by_id(id)) else {
        return;
    };
    let cancelled = link.stage == Stage::Cancelling;
    // What it was cancelled for is what it is ended for, as a link that was never being ended.
    let reason = link.ending.take().unwrap_or(Status::REMOTE_USER_TERMINATED);
    link.handle = Some(handle);
    link.late_at = None;
    link.own_on_air = own;
    link.stage = Stage::Configuring;
    link.security.encrypted = e.encryption != 0 && dev.is(DevFlag::ENCRYPT);
    link.security.authenticated = dev.is(DevFlag::AUTH);
    // In use until the peer's features are known.
    link.holds = link.holds.saturating_add(1);
    link.idle_ms = if !link.initiated_here && !known_key {
        // Somebody may have to type something.
        PAIRING_MS
    } else {
        IDLE_MS
    };
    let (initiated_here, packet_types) = (link.initiated_here, link.packet_types);
    if bring_up(dev, worker, id).is_err() {
        // A link that cannot be kept is ended, not forgotten.
        let reason = Status::REMOTE_LOW_RESOURCES;
        send(dev, &Disconnect { handle, reason });
        return end::failed(dev, worker, id, Status::MEMORY_EXCEEDED);
    }
    if cancelled {
        // It was too late to cancel.
        end::end(dev, worker, id, reason);
        return connect::next(dev, worker);
    }
    send(dev, &ReadRemoteFeatures { handle });
    end::links_changed(dev, LinkKind::Acl, false);
    if !initiated_here && dev.info().is_ok_and(|i| i.hci_ver < VERSION_2_0) {
        send(
            dev,
            &ChangeConnectionPacketType {
                handle,
                packet_type: packet_types.into(),
            },
        );
    }
    connect::next(dev, worker);
    timer::adjust(dev, worker);
}

fn by_handle<'a>(
    dev: &'a Device,
    worker: &'a mut Worker<'_>,
    handle: ConnHandle,
) -> Option<&'a mut Link> {
    dev.links.get(worker)?.by_handle(handle)
}

/// The peer's features (7.7.11): the extended ones follow if both sides have them, else its name.
pub(in crate::hci) fn remote_features(dev: &Device, worker: &mut Worker<'_>, e: &RemoteFeatures) {
    let ours = dev.info().is_ok_and(|i| i.features.ext_features());
    let Some(link) = by_handle(dev, worker, e.handle).filter(|l| l.kind == LinkKind::Acl) else {
        return;
    };
    if e.status.is_success() {
        link.features.set_page(0, e.features);
    }
    if link.stage != Stage::Configuring {
        return;
    }
    if e.status.is_success() && ours && link.features.ext_features() {
        return send(
            dev,
            &ReadRemoteExtFeatures {
                handle: e.handle,
                page: 1,
            },
        );
    }
    let id = link.id;
    configured(dev, worker, id, e.status);
}

/// The peer's extended features (7.7.34).
pub(in crate::hci) fn remote_ext_features(
    dev: &Device,
    worker: &mut Worker<'_>,
    e: &RemoteExtFeatures,
) {
    let Some(link) = by_handle(dev, worker, e.handle).filter(|l| l.kind == LinkKind::Acl) else {
        return;
    };
    if e.status.is_success() {
        // Pages that nothing here looks at are not kept.
        link.features.set_page(e.page, e.features);
    }
    if link.stage == Stage::Configuring {
        let id = link.id;
        configured(dev, worker, id, e.status);
    }
}

/// The peer's features could not even be asked for.
pub(super) fn features_refused(
    dev: &Device,
    worker: &mut Worker<'_>,
    handle: ConnHandle,
    status: Status,
) {
    if let Some(link) = by_handle(dev, worker, handle).filter(|l| l.stage == Stage::Configuring) {
        let id = link.id;
        configured(dev, worker, id, status);
    }
}

/// All is known of the peer but its name, which mgmt's users want with the report.
fn configured(dev: &Device, worker: &mut Worker<'_>, id: u64, status: Status) {
    let Some(link) = dev.links.get(worker).and_then(|t| t.by_id(id)) else {
        return;
    };
    link.security.ssp = link.features.host_ssp();
    link.security.secure_host = link.features.host_sc();
    if status.is_success() && !link.reported {
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
    ready(dev, worker, id);
    // That it was being set up was a use of it.
    if let Some(link) = dev.links.get(worker).and_then(|t| t.by_id(id)) {
        connect::released(link);
    }
    timer::adjust(dev, worker);
}

/// The peer's name, or that it would not tell.
pub(in crate::hci) fn named(
    dev: &Device,
    worker: &mut Worker<'_>,
    addr: BdAddr,
    name: Option<&[u8]>,
) {
    if !dev.has(Flag::MGMT) {
        return;
    }
    let table = dev.links.get(worker);
    let link = table.and_then(|t| t.by_peer(LinkKind::Acl, addr));
    if let Some(link) = link.filter(|l| l.stage.is_up()) {
        report(dev, link, name);
    }
}

/// Roles changed (7.7.18), or did not.
pub(in crate::hci) fn role_changed(dev: &Device, worker: &mut Worker<'_>, e: &RoleChange) {
    let table = dev.links.get(worker);
    let Some(link) = table.and_then(|t| t.by_peer(LinkKind::Acl, e.bdaddr)) else {
        return;
    };
    if !e.status.is_success() || e.role > PERIPHERAL {
        return;
    }
    link.central = e.role == CENTRAL;
    // Before it is up, nobody else knows of it.
    let Some(handle) = link.handle else {
        return;
    };
    let central = link.central;
    if let Some(node) = link.node.as_mut() {
        node.set_role(e.role);
    }
    <crate::Security as Authenticator>::role_changed(dev, worker, handle.get(), central);
}

/// The peer's clock offset (7.7.28), for the next page.
pub(in crate::hci) fn clock_offset(dev: &Device, worker: &mut Worker<'_>, e: &ClockOffset) {
    let Some(link) = by_handle(dev, worker, e.handle).filter(|_| e.status.is_success()) else {
        return;
    };
    let addr = link.peer.addr;
    let mut state = dev.state();
    let entries = state.discovery.cache.iter_mut();
    for entry in entries.filter(|entry| entry.addr == addr) {
        entry.clock_offset = e.clock_offset.get();
        entry.heard_at = now_ms();
    }
}

/// Other packet types are used on a link (7.7.29).
pub(in crate::hci) fn packet_types_changed(
    dev: &Device,
    worker: &mut Worker<'_>,
    e: &PacketTypeChanged,
) {
    if let Some(link) = by_handle(dev, worker, e.handle).filter(|_| e.status.is_success()) {
        link.packet_types = e.packet_type.get();
    }
}

/// Has a link use other packet types (7.1.14).
pub(crate) fn set_packet_types(dev: &Device, worker: &mut Worker<'_>, handle: u16, types: u16) {
    let handle = ConnHandle::new(handle);
    if by_handle(dev, worker, handle).is_some_and(|l| l.kind == LinkKind::Acl) {
        send(
            dev,
            &ChangeConnectionPacketType {
                handle,
                packet_type: types.into(),
            },
        );
    }
}

/// A link has gone to another mode (7.7.20).
pub(in crate::hci) fn mode_changed(dev: &Device, worker: &mut Worker<'_>, e: &ModeChange) {
    /// Sniff mode.
    const SNIFF: u8 = 0x02;
    let Some(link) = by_handle(dev, worker, e.handle) else {
        return;
    };
    link.mode_pending = false;
    let id = link.id;
    if !e.status.is_success() {
        return mode_kept(dev, worker, id, e.handle);
    }
    link.sniff = e.mode == SNIFF;
    let sniff = link.sniff;
    if !sniff {
        arm_sniff(dev, link);
    }
    flow::watch_data(dev, worker, e.handle.get(), sniff);
    timer::adjust(dev, worker);
    sco::acl_ready(dev, worker, id, false);
}

/// Sniff Mode or Exit Sniff Mode was refused.
pub(super) fn mode_refused(dev: &Device, worker: &mut Worker<'_>, handle: ConnHandle) {
    let Some(link) = by_handle(dev, worker, handle) else {
        return;
    };
    link.mode_pending = false;
    let id = link.id;
    mode_kept(dev, worker, id, handle);
}

/// A link does not go to the mode that it was to go to. It is tried again once data has passed, and
/// passes no more.
fn mode_kept(dev: &Device, worker: &mut Worker<'_>, id: u64, handle: ConnHandle) {
    flow::watch_data(dev, worker, handle.get(), true);
    sco::acl_ready(dev, worker, id, true);
}

/// Data passes on a link that is in sniff mode, which it is to leave, or that would not go there.
pub(in crate::hci) fn data_passes(dev: &Device, worker: &mut Worker<'_>, handle: u16) {
    let handle = ConnHandle::new(handle);
    let Some(link) = by_handle(dev, worker, handle).filter(|l| !l.mode_pending) else {
        return;
    };
    if link.sniff {
        link.mode_pending = true;
        send(dev, &ExitSniffMode { handle });
    } else {
        arm_sniff(dev, link);
        flow::watch_data(dev, worker, handle.get(), false);
        timer::adjust(dev, worker);
    }
}

/// A link that is idle for long may go to sniff mode, if that is wanted. Whether somebody uses it
/// does not matter.
pub(super) fn arm_sniff(dev: &Device, link: &mut Link) {
    let ms = dev.state().defaults.idle_timeout;
    link.sniff_at = (ms > 0).then(|| now_ms().saturating_add(ms.into()));
}

/// Links that are up go by another idle time-out from now on. Sleeps; not on the worker.
pub(crate) fn idle_timeout_changed(dev: &Device) {
    // A controller that is leaving has no links for long.
    let _ = with_worker(dev, |worker| {
        let Some(table) = dev.links.get(worker) else {
            return;
        };
        for link in table.links.iter_mut() {
            if link.kind == LinkKind::Acl && link.is_connected() && !link.sniff {
                arm_sniff(dev, link);
            }
        }
        timer::adjust(dev, worker);
    });
}

/// Sends an idle link to sniff mode (7.2.2).
pub(super) fn consider_sniff(dev: &Device, worker: &mut Worker<'_>, id: u64) {
    /// Policy: sniff mode (7.2.10).
    const POLICY_SNIFF: u16 = 0x0004;
    let (idle_ms, interval_min, interval_max, policy) = {
        let state = dev.state();
        let d = &state.defaults;
        (
            d.idle_timeout,
            d.sniff_min_interval,
            d.sniff_max_interval,
            state.link_policy,
        )
    };
    let Some(handle) = dev
        .links
        .get(worker)
        .and_then(|t| t.by_id(id))
        .and_then(|l| l.handle)
    else {
        return;
    };
    let active_at = flow::active_at(dev, worker, handle.get()).unwrap_or(0);
    let Some(link) = dev.links.get(worker).and_then(|t| t.by_id(id)) else {
        return;
    };
    let Ok(info) = dev.info() else { return };
    if idle_ms == 0 || link.sniff || link.mode_pending || link.stage != Stage::Connected {
        return;
    }
    let due = active_at.saturating_add(idle_ms.into());
    if due > now_ms() {
        link.sniff_at = Some(due);
        return;
    }
    if !info.features.sniff() || !link.features.sniff() || policy & POLICY_SNIFF == 0 {
        return;
    }
    if info.features.sniff_subrating() && link.features.sniff_subrating() {
        send(
            dev,
            &SniffSubrating {
                handle,
                max_latency: 0.into(),
                min_remote_timeout: 0.into(),
                min_local_timeout: 0.into(),
            },
        );
    }
    link.mode_pending = true;
    send(
        dev,
        &SniffMode {
            handle,
            max_interval: interval_max.into(),
            min_interval: interval_min.into(),
            attempt: 4.into(),
            timeout: 1.into(),
        },
    );
}
