// SPDX-License-Identifier: GPL-2.0

//! LE links as the controller reports them: up, their parameters, and what the peer can do.

use super::{
    bring_up,
    connect,
    end,
    le_connect,
    query,
    ready,
    report,
    send,
    timer,
    Authenticator,
    LeParameters,
    Link,
    LinkKind,
    Stage, //
};
use crate::hci::{
    device::Device,
    found,
    init::Can,
    observer::{
        notify,
        Notice, //
    },
    state::Peer,
    update::{
        self,
        address, //
    }, //
};
use engine::connection;
use kernel::{
    prelude::*,
    sync::aref::ARef, //
};
use kernel_ext::{
    hci::{
        Flag,
        Quirk,
        Stat, //
    },
    workqueue::Worker, //
};
use wire::{
    hci::{
        features::LeFeatures,
        le::{
            LeConnectionUpdate,
            LeReadRemoteFeatures,
            LeRemoteConnParamNegativeReply,
            LeRemoteConnParamReply, //
        },
        le_event::{
            AllRemoteFeatures,
            ConnectionUpdateComplete,
            EnhancedConnectionComplete,
            LeEvent,
            LeRemoteFeatures,
            RemoteConnParamRequest, //
        },
        link_control::Disconnect,
        ConnHandle,
        LeAddrType,
        Status, //
    },
    BdAddr, //
};

const CENTRAL: u8 = 0x00;
const PERIPHERAL: u8 = 0x01;

/// LE events that concern links, or devices found.
pub(in crate::hci) fn event(dev: &Device, worker: &mut Worker<'_>, event: &LeEvent<'_>) {
    match *event {
        LeEvent::LeConnectionComplete(e) => connected(
            dev,
            worker,
            &Complete {
                status: e.status,
                handle: e.handle,
                role: e.role,
                peer_type: e.peer_addr_type,
                peer: e.peer_addr,
                local_rpa: BdAddr::ANY,
                peer_rpa: BdAddr::ANY,
                parameters: LeParameters {
                    interval: e.interval.get(),
                    latency: e.latency.get(),
                    supervision_timeout: e.supervision_timeout.get(),
                },
            },
        ),
        LeEvent::EnhancedConnectionComplete(e) => connected(dev, worker, &e.into()),
        LeEvent::EnhancedConnectionCompleteV2(e) => connected(dev, worker, &(&e.v1).into()),
        LeEvent::ConnectionUpdateComplete(e) => updated(dev, worker, e),
        LeEvent::LeRemoteFeatures(e) => remote_features(dev, worker, e),
        LeEvent::AllRemoteFeatures(e) => all_remote_features(dev, worker, e),
        LeEvent::RemoteConnParamRequest(e) => parameters_requested(dev, worker, e),
        LeEvent::AdvertisingReport(reports) => {
            for report in reports {
                let head = report.head;
                le_connect::heard(
                    dev,
                    worker,
                    &le_connect::Heard {
                        event_type: head.event_type,
                        addr_type: head.addr_type,
                        addr: head.bdaddr,
                        phys: (1, 0),
                        data: report.data,
                    },
                );
            }
            found::advertising(dev, reports);
        }
        LeEvent::ExtAdvertisingReport(reports) => {
            // Some controllers use the upper bits for something of their own.
            let phys = if dev.quirk(Quirk::FIXUP_LE_EXT_ADV_REPORT_PHY) {
                0x1f
            } else {
                0xff
            };
            for report in reports {
                let head = report.head;
                if let Some(event_type) = connection::legacy_event_type(head.event_type.get()) {
                    le_connect::heard(
                        dev,
                        worker,
                        &le_connect::Heard {
                            event_type,
                            addr_type: head.addr_type,
                            addr: head.bdaddr,
                            phys: (head.primary_phy & phys, head.secondary_phy & phys),
                            data: &[],
                        },
                    );
                }
            }
            found::ext_advertising(dev, reports);
        }
        LeEvent::DirectedAdvertisingReport(reports) => {
            for report in reports {
                le_connect::heard(
                    dev,
                    worker,
                    &le_connect::Heard {
                        event_type: report.event_type,
                        addr_type: report.addr_type,
                        addr: report.bdaddr,
                        phys: (1, 0),
                        data: &[],
                    },
                );
            }
        }
        LeEvent::AdvertisingSetTerminated(e) => {
            if e.status.is_success() {
                own_address_of_set(dev, worker, e.handle, e.adv_handle);
            }
            update::adv::terminated(dev, e.adv_handle, e.status.0);
        }
        _ => {}
    }
}

/// What the three forms of Connection Complete have in common (7.7.65.1, 7.7.65.10).
struct Complete {
    status: Status,
    handle: ConnHandle,
    role: u8,
    peer_type: LeAddrType,
    peer: BdAddr,
    /// Private addresses that the controller made and resolved; zero: none.
    local_rpa: BdAddr,
    peer_rpa: BdAddr,
    parameters: LeParameters,
}

impl From<&EnhancedConnectionComplete> for Complete {
    fn from(e: &EnhancedConnectionComplete) -> Self {
        Self {
            status: e.status,
            handle: e.handle,
            role: e.role,
            peer_type: e.peer_addr_type,
            peer: e.peer_addr,
            local_rpa: e.local_rpa,
            peer_rpa: e.peer_rpa,
            parameters: LeParameters {
                interval: e.interval.get(),
                latency: e.latency.get(),
                supervision_timeout: e.supervision_timeout.get(),
            },
        }
    }
}

fn le_peer(kind: LeAddrType, addr: BdAddr) -> Peer {
    Peer {
        addr,
        kind: kind.to_address_type(),
    }
}

/// The link that an event is about: the attempt that is under way, or the directed advertising.
fn attempt<'a>(
    dev: &'a Device,
    worker: &'a mut Worker<'_>,
    central: bool,
    seen: Peer,
) -> Option<&'a mut Link> {
    dev.links.get(worker)?.find(|l| {
        l.kind == LinkKind::Le
            && l.central == central
            && l.handle.is_none()
            && matches!(l.stage, Stage::Connecting | Stage::Cancelling)
            // There is one attempt as central at a time, to a peer whose address may have been
            // resolved meanwhile.
            && (central || l.peer == seen || l.on_air == seen)
    })
}

fn connected(dev: &Device, worker: &mut Worker<'_>, e: &Complete) {
    let central = e.role == CENTRAL;
    let seen = le_peer(e.peer_type, e.peer);
    if !e.status.is_success() {
        // Controllers name neither peer nor role then, so it is the attempt that is under way.
        let ours = match attempt(dev, worker, true, seen) {
            Some(link) => Some((link.id, link.ending)),
            None => attempt(dev, worker, false, seen).map(|l| (l.id, l.ending)),
        };
        if let Some((id, ending)) = ours {
            end::failed(dev, worker, id, ending.unwrap_or(e.status));
        }
        return;
    }
    // Legacy advertising ends with a connection.
    if !central {
        dev.set(Flag::LE_ADV, false);
    }
    let Some(table) = dev.links.get(worker) else {
        return;
    };
    if !e.handle.is_valid() || table.is_taken(e.handle) || e.role > PERIPHERAL {
        return dev.count(Stat::ErrRx, 1);
    }
    let on_air = if e.peer_rpa.is_any() {
        seen
    } else {
        le_peer(LeAddrType::RANDOM, e.peer_rpa)
    };
    let identity = address::identity_of(dev, seen).unwrap_or(seen);
    let own_on_air = own_address(dev, e, central);
    let id = match attempt(dev, worker, central, seen) {
        Some(link) => Some(link.id),
        None => {
            let table = dev.links.get(worker);
            // Who was waited for came by itself, or the link was asked for by a raw socket.
            match table.and_then(|t| t.find(|l| l.peer == identity && l.kind == LinkKind::Le)) {
                Some(link) if link.handle.is_none() => Some(link.id),
                Some(_) => None,
                None => dev
                    .links
                    .get(worker)
                    .and_then(|t| t.add(dev, LinkKind::Le, identity, central).ok())
                    .map(|l| l.id),
            }
        }
    };
    let reject = |reason| {
        send(
            dev,
            &Disconnect {
                handle: e.handle,
                reason,
            },
        );
    };
    // A link that cannot be kept, or a second one to the same peer, is ended, not forgotten.
    let Some(id) = id else {
        return reject(Status::REMOTE_LOW_RESOURCES);
    };
    let (min, max) = {
        let d = &dev.state().defaults;
        (d.le_conn_min_interval, d.le_conn_max_interval)
    };
    let Some(link) = dev.links.get(worker).and_then(|t| t.by_id(id)) else {
        return reject(Status::REMOTE_LOW_RESOURCES);
    };
    let cancelled = link.stage == Stage::Cancelling;
    let ending = link.ending.take();
    let was_attempt = matches!(link.stage, Stage::Connecting | Stage::Cancelling);
    link.handle = Some(e.handle);
    link.late_at = None;
    link.central = central;
    link.peer = identity;
    link.on_air = on_air;
    link.own_on_air = own_on_air;
    link.own_by_controller = !e.local_rpa.is_any();
    link.stage = Stage::Configuring;
    link.parameters = e.parameters;
    query::default_phys(dev, link);
    if !central {
        link.initiated_here = link.initiated_here && was_attempt;
        link.interval_min = min;
        link.interval_max = max;
    }
    // Nobody but the list of known devices asked for it: it is not held on their behalf.
    if !link.explicit && was_attempt {
        link.holds = 0;
    }
    if link.holds > 0 {
        link.idle_at = None;
    }
    if bring_up(dev, worker, id).is_err() {
        reject(Status::REMOTE_LOW_RESOURCES);
        return end::failed(dev, worker, id, Status::MEMORY_EXCEEDED);
    }
    if cancelled {
        // It was too late to cancel.
        let reason = ending.unwrap_or(Status::REMOTE_USER_TERMINATED);
        end::end(dev, worker, id, reason);
    } else if dev.state().reject_list.contains(&identity) {
        end::end(dev, worker, id, Status::REMOTE_USER_TERMINATED);
    } else {
        if let Some(link) = dev.links.get(worker).and_then(|t| t.by_id(id)) {
            report(dev, link, None);
        }
        read_features(dev, worker, id);
    }
    if was_attempt {
        le_connect::attempt_over(dev);
    } else {
        end::links_changed(dev, LinkKind::Le, false);
    }
    timer::adjust(dev, worker);
}

/// The address of this host that the peer of a new link sees.
fn own_address(dev: &Device, e: &Complete, central: bool) -> Peer {
    if !e.local_rpa.is_any() {
        return le_peer(LeAddrType::RANDOM, e.local_rpa);
    }
    if central {
        if dev.has(Flag::PRIVACY) {
            return le_peer(LeAddrType::RANDOM, dev.state().rpa);
        }
        let (kind, addr) = address::identity(dev);
        return le_peer(kind, addr);
    }
    let state = dev.state();
    if LeAddrType(state.adv_addr_type).identity() == LeAddrType::RANDOM {
        le_peer(LeAddrType::RANDOM, state.random_addr)
    } else {
        drop(state);
        let current = dev.address(kernel_ext::hci::Address::Current);
        le_peer(LeAddrType::PUBLIC, BdAddr(current))
    }
}

/// Which advertising set led to a link is told after it: each set has an address of its own, unless the controller
/// made one.
fn own_address_of_set(dev: &Device, worker: &mut Worker<'_>, handle: ConnHandle, set: u8) {
    let addr = {
        let state = dev.state();
        if LeAddrType(state.adv_addr_type).identity() != LeAddrType::RANDOM {
            return;
        }
        state
            .adv
            .random_address_of_set(set)
            .unwrap_or(state.random_addr)
    };
    let own = le_peer(LeAddrType::RANDOM, addr);
    let link = dev.links.get(worker).and_then(|t| t.by_handle(handle));
    let le = link.filter(|l| l.kind == LinkKind::Le && !l.central);
    if let Some(link) = le.filter(|l| !l.own_by_controller) {
        link.own_on_air = own;
        <crate::Security as Authenticator>::own_address_told(dev, worker, handle.get(), own);
    }
}

/// Asks for the peer's features, where this side may (7.8.21); the link is ready after that.
fn read_features(dev: &Device, worker: &mut Worker<'_>, id: u64) {
    let peripheral_may = dev
        .info()
        .is_ok_and(|i| i.le_features.peripheral_features());
    let Some(link) = dev.links.get(worker).and_then(|t| t.by_id(id)) else {
        return;
    };
    match link.handle {
        Some(handle) if link.central || peripheral_may => {
            // In use until the answer is there.
            link.holds = link.holds.saturating_add(1);
            link.idle_at = None;
            send(dev, &LeReadRemoteFeatures { handle });
        }
        _ => ready(dev, worker, id),
    }
}

/// The peer's features (7.7.65.4), or that it would not tell: the link can be used either way.
fn remote_features(dev: &Device, worker: &mut Worker<'_>, e: &LeRemoteFeatures) {
    let Some(link) = dev.links.get(worker).and_then(|t| t.by_handle(e.handle)) else {
        return;
    };
    if e.status.is_success() {
        query::peer_phys(link, &LeFeatures::from_page0(e.features));
    }
    features_known(dev, worker, e.handle);
}

fn all_remote_features(dev: &Device, worker: &mut Worker<'_>, e: &AllRemoteFeatures) {
    let Some(link) = dev.links.get(worker).and_then(|t| t.by_handle(e.handle)) else {
        return;
    };
    if e.status.is_success() {
        query::peer_phys(link, &e.features);
    }
    features_known(dev, worker, e.handle);
}

/// The question for the peer's features is settled.
pub(super) fn features_known(dev: &Device, worker: &mut Worker<'_>, handle: ConnHandle) {
    let link = dev.links.get(worker).and_then(|t| t.by_handle(handle));
    let Some(link) = link.filter(|l| l.kind == LinkKind::Le && l.stage == Stage::Configuring)
    else {
        return;
    };
    let id = link.id;
    ready(dev, worker, id);
    if let Some(link) = dev.links.get(worker).and_then(|t| t.by_id(id)) {
        connect::released(link);
    }
    timer::adjust(dev, worker);
}

/// A link has other parameters (7.7.65.3).
fn updated(dev: &Device, worker: &mut Worker<'_>, e: &ConnectionUpdateComplete) {
    if !e.status.is_success() {
        return;
    }
    if let Some(link) = dev.links.get(worker).and_then(|t| t.by_handle(e.handle)) {
        link.parameters = LeParameters {
            interval: e.interval.get(),
            latency: e.latency.get(),
            supervision_timeout: e.supervision_timeout.get(),
        };
    }
}

/// The peer wants other parameters (7.7.65.6).
fn parameters_requested(dev: &Device, worker: &mut Worker<'_>, e: &RemoteConnParamRequest) {
    let wanted = connection::Range {
        min: e.interval_min.get(),
        max: e.interval_max.get(),
        latency: e.latency.get(),
        timeout: e.timeout.get(),
    };
    let refuse = |reason| {
        send(
            dev,
            &LeRemoteConnParamNegativeReply {
                handle: e.handle,
                reason,
            },
        );
    };
    let link = dev.links.get(worker).and_then(|t| t.by_handle(e.handle));
    let Some(link) = link.filter(|l| l.kind == LinkKind::Le && l.stage == Stage::Connected) else {
        return refuse(Status::UNKNOWN_CONNECTION);
    };
    let (peer, central, limit) = (link.peer, link.central, link.interval_max);
    if !wanted.is_valid() || wanted.max > limit {
        return refuse(Status::INVALID_LL_PARAMETERS);
    }
    if central {
        remember(dev, peer, &wanted);
    }
    send(
        dev,
        &LeRemoteConnParamReply {
            handle: e.handle,
            interval_min: e.interval_min,
            interval_max: e.interval_max,
            latency: e.latency,
            timeout: e.timeout,
            min_ce_len: 0.into(),
            max_ce_len: 0.into(),
        },
    );
}

/// A peripheral's wish is remembered with the device, if that is known, and told to mgmt's users,
/// who may store it.
fn remember(dev: &Device, peer: Peer, wanted: &connection::Range) {
    let known = {
        let mut state = dev.state();
        let params = state.conn_params.of_mut(peer);
        params.map(|p| p.range = *wanted).is_some()
    };
    notify(
        dev,
        Notice::NewConnectionParameters {
            peer,
            store: known,
            range: *wanted,
        },
    );
}

/// Has the controller change a link's parameters (7.8.18), as its peripheral asked for by L2CAP;
/// what was asked for is remembered. To be called as central, with what is valid.
///
/// # Errors
///
/// `EINVAL` for parameters that do not go together, `ENOTCONN` if there is no such link, `EPERM`
/// as peripheral.
pub(crate) fn update_parameters(
    dev: &Device,
    worker: &mut Worker<'_>,
    handle: u16,
    wanted: &connection::Range,
) -> Result {
    if !wanted.is_valid() {
        return Err(EINVAL);
    }
    let handle = ConnHandle::new(handle);
    let link = dev.links.get(worker).and_then(|t| t.by_handle(handle));
    let link = link.filter(|l| l.kind == LinkKind::Le).ok_or(ENOTCONN)?;
    if !link.central {
        return Err(EPERM);
    }
    let peer = link.peer;
    remember(dev, peer, wanted);
    request_update(dev, handle, wanted);
    Ok(())
}

/// What this host as peripheral is to ask its central for: other parameters, if the interval is not
/// within the bounds that are wanted.
pub(crate) fn wanted_parameters(
    dev: &Device,
    worker: &mut Worker<'_>,
    handle: u16,
) -> Option<connection::Range> {
    let link = dev
        .links
        .get(worker)?
        .by_handle(ConnHandle::new(handle))
        .filter(|l| l.kind == LinkKind::Le && !l.central)?;
    let wanted = connection::Range {
        min: link.interval_min,
        max: link.interval_max,
        latency: link.parameters.latency,
        timeout: link.parameters.supervision_timeout,
    };
    let fits = (wanted.min..=wanted.max).contains(&link.parameters.interval);
    (!fits && wanted.is_valid()).then_some(wanted)
}

/// mgmt's users have other parameters for a peer: the link to it, if there is one of this host as
/// central, is changed accordingly. Any process context.
pub(crate) fn parameters_loaded(dev: &Device, peer: Peer, wanted: connection::Range) {
    let Ok(queue) = dev.worker() else { return };
    let owner = ARef::from(dev);
    let queued = queue.spawn(GFP_KERNEL, move |worker| {
        let link = owner
            .links
            .get(worker)
            .and_then(|t| t.find(|l| l.peer == peer));
        let link = link.filter(|l| l.kind == LinkKind::Le && l.central && l.stage.is_up());
        let Some((link, handle)) = link.and_then(|l| l.handle.map(|h| (l, h))) else {
            return;
        };
        let same = link.interval_min == wanted.min
            && link.interval_max == wanted.max
            && link.parameters.latency == wanted.latency
            && link.parameters.supervision_timeout == wanted.timeout;
        if !same {
            request_update(&owner, handle, &wanted);
        }
    });
    if queued.is_err() {
        pr_debug!("{}: a link keeps its parameters\n", dev.name());
    }
}

fn request_update(dev: &Device, handle: ConnHandle, wanted: &connection::Range) {
    send(
        dev,
        &LeConnectionUpdate {
            handle,
            interval_min: wanted.min.into(),
            interval_max: wanted.max.into(),
            latency: wanted.latency.into(),
            supervision_timeout: wanted.timeout.into(),
            min_ce_len: 0.into(),
            max_ce_len: 0.into(),
        },
    );
}

/// Whether connections are made with the extended commands (7.8.66).
pub(super) fn use_extended(dev: &Device) -> bool {
    use kernel_ext::hci::Quirk;
    Can::of(dev).is_ok_and(|can| {
        can.knows(wire::hci::CommandBit::LE_EXT_CREATE_CONNECTION)
            && !dev.quirk(Quirk::BROKEN_EXT_CREATE_CONN)
    })
}
