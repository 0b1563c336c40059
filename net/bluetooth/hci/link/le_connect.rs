// SPDX-License-Identifier: GPL-2.0

//! LE links asked for here: the peer is waited for, and connected when it is heard; or told, by
//! directed advertising, that it may connect.

use super::{
    end,
    le::use_extended,
    timer,
    Link,
    LinkKind,
    Stage, //
};
use crate::hci::{
    device::{
        with_worker,
        Device, //
    },
    params::AutoConnect,
    sequence,
    session::Session,
    state::Peer,
    update::{
        self,
        address,
        adv, //
    },
    CommandError,
};
use kernel::{
    prelude::*,
    sync::aref::ARef, //
};
use kernel_ext::vec::VecExt;
use kernel_ext::{
    hci::{
        Flag,
        Quirk, //
    },
    time::now_ms,
    workqueue::Worker, //
};
use wire::{
    hci::{
        le::{
            ExtConnParams,
            LeCreateConnection,
            LeExtCreateConnection,
            Phys, //
        },
        LeAddrType,
        Status, //
    },
    BdAddr, //
};

/// Types of advertising events that a connection can come of (7.7.65.2).
const ADV_IND: u8 = 0x00;
const ADV_DIRECT_IND: u8 = 0x01;

/// Legacy advertising data is kept for the report of the connection, at most so much.
const MAX_DATA: usize = 31;

/// A peer that was heard.
pub(super) struct Heard<'a> {
    /// As in legacy reports (7.7.65.2).
    pub(super) event_type: u8,
    pub(super) addr_type: LeAddrType,
    pub(super) addr: BdAddr,
    /// Primary and secondary PHY (1: 1M, 2: 2M, 3: coded, 0: none).
    pub(super) phys: (u8, u8),
    pub(super) data: &'a [u8],
}

/// Whether an attempt to connect is under way: another one, a scan and some address changes must
/// wait. Sleeps; not on the worker.
pub(in crate::hci) fn is_connecting(dev: &Device) -> bool {
    dev.has_links() && with_worker(dev, |worker| any_attempt(dev, worker)).unwrap_or(false)
}

fn any_attempt(dev: &Device, worker: &mut Worker<'_>) -> bool {
    dev.links.get(worker).is_some_and(|t| {
        t.links
            .iter()
            .any(|l| l.kind == LinkKind::Le && is_attempt(l))
    })
}

fn is_attempt(link: &Link) -> bool {
    matches!(
        link.stage,
        Stage::Queued | Stage::Connecting | Stage::Cancelling
    )
}

/// Starts an attempt: the peer is waited for or, while this host advertises, told to connect.
///
/// # Errors
///
/// `EBUSY` if another attempt is in the way.
pub(super) fn begin(dev: &Device, worker: &mut Worker<'_>, id: u64) -> Result {
    let directed = dev.has(Flag::ADVERTISING);
    let busy = dev.links.get(worker).is_some_and(|t| {
        t.links
            .iter()
            .any(|l| l.kind == LinkKind::Le && l.id != id && is_attempt(l))
    });
    if directed && busy {
        return Err(EBUSY);
    }
    let link = dev.links.get(worker).and_then(|t| t.by_id(id));
    let link = link.ok_or(ENOENT)?;
    if directed {
        link.central = false;
        link.stage = Stage::Queued;
        return sequence(dev, move |session| advertise(session, id));
    }
    link.stage = Stage::Scanning;
    sequence(dev, |session| {
        let _ = update::passive_scan(session);
    })
}

/// A peer was heard: if it is one that is waited for, it is connected.
pub(super) fn heard(dev: &Device, worker: &mut Worker<'_>, heard: &Heard<'_>) {
    if !matches!(heard.event_type, ADV_IND | ADV_DIRECT_IND) {
        return;
    }
    let seen = Peer {
        addr: heard.addr,
        kind: heard.addr_type.to_address_type(),
    };
    let scanning = dev
        .links
        .get(worker)
        .is_some_and(|t| t.links.iter().any(|l| l.stage == Stage::Scanning));
    let known = {
        let state = dev.state();
        state
            .conn_params
            .iter()
            .any(|p| matches!(p.auto_connect, AutoConnect::Direct | AutoConnect::Always))
    };
    if !scanning && !known {
        return;
    }
    let identity = address::identity_of(dev, seen).unwrap_or(seen);
    if let Err(e) = consider(dev, worker, heard, seen, identity) {
        pr_debug!("{}: not connected: {:?}\n", dev.name(), e);
    }
}

fn consider(
    dev: &Device,
    worker: &mut Worker<'_>,
    heard: &Heard<'_>,
    seen: Peer,
    identity: Peer,
) -> Result {
    /// LE states bit: a central may connect while there is a peripheral link (7.8.27).
    const CENTRAL_BESIDE_PERIPHERAL: u64 = 1 << 28;
    let (blocked, auto, attempt_ms) = {
        let state = dev.state();
        let auto = state.conn_params.of(identity);
        (
            state.reject_list.contains(&identity),
            auto.map_or(AutoConnect::Disabled, |p| p.auto_connect),
            state.defaults.le_autoconnect_timeout,
        )
    };
    if blocked || dev.is_suspended() {
        return Ok(());
    }
    let able = !dev.quirk(Quirk::BROKEN_LE_STATES)
        && dev.info()?.le_states & CENTRAL_BESIDE_PERIPHERAL != 0;
    let table = dev.links.get(worker).ok_or(ENODEV)?;
    let peripheral = |l: &Link| l.kind == LinkKind::Le && !l.central && l.handle.is_some();
    if !able && table.links.iter().any(peripheral) {
        return Ok(());
    }
    // One at a time; the others are heard again.
    if table
        .links
        .iter()
        .any(|l| l.kind == LinkKind::Le && is_attempt(l))
    {
        return Ok(());
    }
    let wanted = match auto {
        AutoConnect::Always => true,
        AutoConnect::Direct => heard.event_type == ADV_DIRECT_IND,
        _ => false,
    };
    let link = match table.find(|l| l.kind == LinkKind::Le && l.peer == identity) {
        Some(link) if link.stage == Stage::Scanning => link,
        Some(_) => return Ok(()),
        None if wanted => table.add(dev, LinkKind::Le, identity, true)?,
        None => return Ok(()),
    };
    link.stage = Stage::Queued;
    link.on_air = if heard.addr_type.is_resolved() {
        identity
    } else {
        seen
    };
    link.attempt_ms = attempt_ms.into();
    link.heard_on = heard.phys;
    if heard.event_type == ADV_IND && heard.data.len() <= MAX_DATA {
        link.adv_data.clear();
        link.adv_data.append_all(heard.data)?;
    }
    let id = link.id;
    let queued = sequence(dev, move |session| create(session, id));
    if queued.is_err() {
        end::failed(dev, worker, id, Status::REJECTED_RESOURCES);
    }
    Ok(())
}

/// What an attempt needs to know of its link.
struct Attempt {
    peer: Peer,
    on_air: Peer,
    phys: (u8, u8),
}

/// An attempt's turn has come, unless it was given up meanwhile.
fn take_up(session: &Session<'_>, id: u64) -> Option<Attempt> {
    let dev = session.dev();
    with_worker(dev, |worker| {
        let link = dev.links.get(worker)?.by_id(id)?;
        if link.stage != Stage::Queued {
            return None;
        }
        Some(Attempt {
            peer: link.peer,
            on_air: link.on_air,
            phys: link.heard_on,
        })
    })
    .ok()?
}

/// The controller was told to connect, from now on.
fn sent(session: &Session<'_>, id: u64, interval_min: u16, interval_max: u16) -> bool {
    let dev = session.dev();
    let begun = with_worker(dev, |worker| {
        let Some(link) = dev.links.get(worker).and_then(|t| t.by_id(id)) else {
            return false;
        };
        if link.stage != Stage::Queued {
            return false;
        }
        link.stage = Stage::Connecting;
        link.late_at = Some(now_ms().saturating_add(link.attempt_ms.into()));
        link.interval_min = interval_min;
        link.interval_max = interval_max;
        timer::adjust(dev, worker);
        true
    });
    begun.unwrap_or(false)
}

/// An attempt did not even begin, or was refused by the controller.
fn refused(session: &Session<'_>, id: u64, error: CommandError) {
    let dev = session.dev();
    let status = match error {
        CommandError::Status(status) => status,
        CommandError::Errno(_) => Status::UNSPECIFIED,
    };
    let _ = with_worker(dev, |worker| end::failed(dev, worker, id, status));
}

/// Connects a peer that was heard (7.8.12, 7.8.66).
fn create(session: &Session<'_>, id: u64) {
    let Some(attempt) = take_up(session, id) else {
        return;
    };
    if let Err(e) = try_create(session, id, &attempt) {
        refused(session, id, e);
    }
}

fn try_create(session: &Session<'_>, id: u64, attempt: &Attempt) -> Result<(), CommandError> {
    let dev = session.dev();
    // Most controllers do one thing at a time.
    if !dev.has(Flag::LE_SIMULTANEOUS_ROLES) {
        adv::pause(session)?;
    }
    if dev.has(Flag::LE_SCAN) {
        dev.set(Flag::LE_SCAN_INTERRUPTED, true);
        update::scan_disable(session)?;
    }
    // A connection is never made with an address that cannot be resolved.
    let own_addr_type = update::own_address(session)?;
    let params = params(dev, attempt.peer);
    let (peer_addr_type, peer_addr) = (
        LeAddrType::from_address_type(attempt.on_air.kind),
        attempt.on_air.addr,
    );
    if !sent(
        session,
        id,
        params.interval_min.get(),
        params.interval_max.get(),
    ) {
        // Given up meanwhile: what was paused goes on.
        attempt_over(dev);
        return Ok(());
    }
    if use_extended(dev) {
        let phys = phys(dev, attempt.phys);
        return session.send_status(&LeExtCreateConnection {
            filter_policy: 0,
            own_addr_type,
            peer_addr_type,
            peer_addr,
            phys,
            params: [params; 3],
        });
    }
    session.send_status(&LeCreateConnection {
        scan_interval: params.scan_interval,
        scan_window: params.scan_window,
        filter_policy: 0,
        peer_addr_type,
        peer_addr,
        own_addr_type,
        interval_min: params.interval_min,
        interval_max: params.interval_max,
        latency: params.latency,
        supervision_timeout: params.supervision_timeout,
        min_ce_len: params.min_ce_len,
        max_ce_len: params.max_ce_len,
    })
}

/// How to look for a peer, and which parameters its link starts with.
fn params(dev: &Device, peer: Peer) -> ExtConnParams {
    let state = dev.state();
    let d = &state.defaults;
    let known = state.conn_params.of(peer);
    let range = known.map_or_else(|| d.le_range(), |p| p.range);
    ExtConnParams {
        scan_interval: d.le_scan_int_connect.into(),
        scan_window: d.le_scan_window_connect.into(),
        interval_min: range.min.into(),
        interval_max: range.max.into(),
        latency: range.latency.into(),
        supervision_timeout: range.timeout.into(),
        min_ce_len: 0.into(),
        max_ce_len: 0.into(),
    }
}

/// The PHYs to look for the peer on: those it was heard on, of those that are in use here.
fn phys(dev: &Device, heard: (u8, u8)) -> Phys {
    let in_use = {
        let state = dev.state();
        state.le_tx_phys | state.le_rx_phys
    };
    let mut phys = Phys::EMPTY;
    for (number, phy) in [(1, Phys::LE_1M), (2, Phys::LE_2M), (3, Phys::LE_CODED)] {
        if in_use.contains(phy) && (heard.0 == number || heard.1 == number) {
            phys = phys.with(phy);
        }
    }
    if phys.is_empty() {
        Phys::LE_1M
    } else {
        phys
    }
}

/// Tells a peer by directed advertising that it may connect (7.8.5).
fn advertise(session: &Session<'_>, id: u64) {
    let Some(attempt) = take_up(session, id) else {
        return;
    };
    let dev = session.dev();
    let scanning = dev.has(Flag::LE_SCAN) && dev.state().le_scan_active;
    if scanning && !dev.has(Flag::LE_SIMULTANEOUS_ROLES) {
        return refused(
            session,
            id,
            CommandError::Status(Status::REJECTED_RESOURCES),
        );
    }
    let begun = adv::pause(session).and_then(|()| {
        if !sent(session, id, 0, 0) {
            return adv::resume(session);
        }
        adv::start_directed(session, attempt.on_air)
    });
    if let Err(e) = begun {
        refused(session, id, e);
    }
}

/// Directed advertising came to nothing: it ends, and what was advertised before goes on.
pub(super) fn stop_directed(dev: &Device) {
    let queued = sequence(dev, |session| {
        let _ = adv::disable(session);
        let _ = adv::resume(session);
    });
    if queued.is_err() {
        pr_debug!("{}: directed advertising goes on\n", dev.name());
    }
}

/// A peer, or nobody any more, is to be connected whenever it is there: an attempt that is under
/// way for that is given up. Any process context.
pub(crate) fn not_awaited(dev: &Device, peer: Option<Peer>) {
    let Ok(queue) = dev.worker() else { return };
    let owner = ARef::from(dev);
    let queued = queue.spawn(GFP_KERNEL, move |worker| {
        let Some(table) = owner.links.get(worker) else {
            return;
        };
        // There is one attempt at a time.
        let attempt = table.find(|l| {
            l.kind == LinkKind::Le
                && !l.explicit
                && l.handle.is_none()
                && is_attempt(l)
                && peer.is_none_or(|p| p == l.peer)
        });
        if let Some(id) = attempt.map(|l| l.id) {
            end::end(&owner, worker, id, Status::REMOTE_USER_TERMINATED);
        }
    });
    if queued.is_err() {
        pr_debug!("{}: an attempt goes on\n", dev.name());
    }
}

/// An attempt took too long; that is what those who wait are told, not that it was cancelled.
pub(super) fn timed_out(dev: &Device, worker: &mut Worker<'_>, id: u64) {
    if let Some(link) = dev.links.get(worker).and_then(|t| t.by_id(id)) {
        link.ending.get_or_insert(Status::CONNECTION_TIMEOUT);
    }
}

/// An attempt is over, one way or the other: what was stopped for it goes on.
pub(super) fn attempt_over(dev: &Device) {
    let queued = sequence(dev, |session| {
        let _ = adv::resume(session);
        let _ = update::passive_scan(session);
    });
    if queued.is_err() {
        pr_debug!("{}: scanning stays off\n", dev.name());
    }
}
