// SPDX-License-Identifier: GPL-2.0

//! LE scanning: passive for peers that are known, active for discovery (7.8.10, 7.8.64).

use super::{
    address::{
        self,
        Privacy, //
    },
    adv,
    Can,
    Device,
    Outcome,
    Session, //
};
use crate::hci::{
    link,
    AutoConnect,
    DiscoveryState,
    Peer, //
};
use kernel::prelude::*;
use kernel_ext::hci::{
    DevFlag,
    Flag,
    Quirk, //
};
use wire::hci::{
    le::{
        LeAddToAcceptList,
        LeRemoveFromAcceptList,
        Phys, //
    },
    le_adv::{
        LeSetExtScanEnable,
        LeSetExtScanParams,
        LeSetScanEnable,
        LeSetScanParams,
        ScanPhyParams, //
    },
    LeAddrType, //
};

/// Scan types.
const PASSIVE: u8 = 0x00;
const ACTIVE: u8 = 0x01;

/// Filter policies: everybody, the accept list; bit 1 lets advertising that is directed to a
/// private address of this host through (7.8.10).
const EVERYBODY: u8 = 0x00;
const ACCEPT_LIST: u8 = 0x01;
const DIRECTED_TO_PRIVATE: u8 = 0x02;

/// `HCI_CONN_FLAG_REMOTE_WAKEUP`: the peer may wake the system.
pub(super) const REMOTE_WAKEUP: u8 = 0x01;

/// RSSI threshold of a discovery without one.
const NO_RSSI: i8 = 127;

/// How to scan; times in units of 0.625 ms.
struct Scan {
    scan_type: u8,
    interval: u16,
    window: u16,
    own_addr_type: LeAddrType,
    filter_policy: u8,
    filter_duplicates: bool,
}

/// Whether the controller is in use, so that it may scan for known peers.
pub(super) fn may_run(dev: &Device) -> bool {
    dev.is(DevFlag::UP)
        && !dev.is(DevFlag::INIT)
        && ![Flag::SETUP, Flag::CONFIG, Flag::AUTO_OFF, Flag::UNREGISTER]
            .into_iter()
            .any(|flag| dev.has(flag))
}

/// Switches scanning off, if it is on.
///
/// # Errors
///
/// As [`Session::send`].
pub(super) fn disable(session: &Session<'_>) -> Outcome {
    let dev = session.dev();
    if !dev.has(Flag::LE_SCAN) || dev.state().paused.scanning {
        return Ok(());
    }
    set_enable(session, false, false)
}

fn set_enable(session: &Session<'_>, on: bool, filter_duplicates: bool) -> Outcome {
    let dev = session.dev();
    // A mesh sends the same again on purpose.
    let filter_duplicates = u8::from(filter_duplicates && !dev.has(Flag::MESH));
    if Can::of(dev)?.ext_scan() {
        session.send(&LeSetExtScanEnable {
            enable: on.into(),
            filter_duplicates,
            duration: 0.into(),
            period: 0.into(),
        })
    } else {
        session.send(&LeSetScanEnable {
            enable: on.into(),
            filter_duplicates,
        })
    }
}

fn start(session: &Session<'_>, scan: &Scan) -> Outcome {
    let dev = session.dev();
    if dev.state().paused.scanning {
        return Ok(());
    }
    if Can::of(dev)?.ext_scan() {
        session.send(&ext_params(phys_in_use(dev), scan)?)?;
    } else {
        session.send(&LeSetScanParams {
            scan_type: scan.scan_type,
            interval: scan.interval.into(),
            window: scan.window.into(),
            own_addr_type: scan.own_addr_type,
            filter_policy: scan.filter_policy,
        })?;
    }
    set_enable(session, true, scan.filter_duplicates)
}

/// PHYs preferred, in either direction.
fn phys_in_use(dev: &Device) -> Phys {
    let state = dev.state();
    state.le_tx_phys | state.le_rx_phys
}

/// Parameters on the primary PHYs in use: 1M, which 2M implies, and coded at a third of the pace.
fn ext_params(in_use: Phys, scan: &Scan) -> Result<LeSetExtScanParams> {
    let on_phy = |slower: u16| ScanPhyParams {
        scan_type: scan.scan_type,
        interval: scan.interval.saturating_mul(slower).into(),
        window: scan.window.saturating_mul(slower).into(),
    };
    let (fast, coded) = (on_phy(1), on_phy(3));
    let uncoded = in_use.intersects(Phys::LE_1M.with(Phys::LE_2M));
    let (phys, params) = match (uncoded, in_use.contains(Phys::LE_CODED)) {
        (true, true) => (Phys::LE_1M.with(Phys::LE_CODED), [fast, coded, coded]),
        (true, false) => (Phys::LE_1M, [fast; 3]),
        (false, true) => (Phys::LE_CODED, [coded; 3]),
        (false, false) => return Err(EINVAL),
    };
    Ok(LeSetExtScanParams {
        own_addr_type: scan.own_addr_type,
        filter_policy: scan.filter_policy,
        phys,
        params,
    })
}

/// Scans for peers that are not known, asking each for more; `interval` in units of 0.625 ms.
///
/// # Errors
///
/// As [`Session::send`]. Scanning for known peers and advertising go on then.
pub(super) fn active(session: &Session<'_>, interval: u16) -> Outcome {
    let dev = session.dev();
    // A passive scan may be running.
    disable(session)?;
    let outcome = try_active(session, interval);
    if outcome.is_err() {
        if Can::of(dev)?.ll_privacy() {
            super::tried(dev, adv::resume(session));
        }
        super::tried(dev, passive(session));
    }
    outcome
}

fn try_active(session: &Session<'_>, interval: u16) -> Outcome {
    let dev = session.dev();
    pause_resolution(session)?;
    // Scan requests must not tell who asks.
    let privacy = if dev.has(Flag::PRIVACY) {
        Privacy::Resolvable
    } else {
        Privacy::Unresolvable
    };
    let own_addr_type = address::program(session, privacy).unwrap_or(LeAddrType::PUBLIC);
    let (window, host_filters) = {
        let state = dev.state();
        (
            state.defaults.le_scan_window_discovery,
            state.discovery.result_filtering,
        )
    };
    start(
        session,
        &Scan {
            scan_type: ACTIVE,
            interval,
            window,
            own_addr_type,
            filter_policy: EVERYBODY,
            // A controller that filters too strictly would hide what the host looks for.
            filter_duplicates: !(dev.quirk(Quirk::STRICT_DUPLICATE_FILTER) && host_filters),
        },
    )
}

/// Discovery wants to see addresses as they are sent.
fn pause_resolution(session: &Session<'_>) -> Outcome {
    let dev = session.dev();
    if !Can::of(dev)?.ll_privacy() || !dev.has(Flag::LL_RPA_RESOLUTION) {
        return Ok(());
    }
    // Not to be changed while scanning or advertising (7.8.44).
    if dev.has(Flag::LE_SCAN) {
        return Err(EPERM.into());
    }
    adv::pause(session)?;
    let outcome = address::set_resolution(session, false);
    if outcome.is_err() || !dev.has(Flag::PRIVACY) {
        super::tried(dev, adv::resume(session));
    }
    outcome
}

/// Scans for the peers that are known, if there are any that are waited for.
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn passive(session: &Session<'_>) -> Outcome {
    let dev = session.dev();
    if !may_run(dev) || !dev.has(Flag::LE_ENABLED) {
        return Ok(());
    }
    {
        let discovery = &mut dev.state().discovery;
        if discovery.state != DiscoveryState::Stopped {
            return Ok(());
        }
        // These are a discovery's own.
        discovery.result_filtering = false;
        discovery.rssi = NO_RSSI;
        discovery.uuids.clear();
    }
    let awaited = awaited(dev)?;
    let mesh = dev.has(Flag::MESH);
    if awaited.is_empty() && !mesh {
        return disable(session);
    }
    if dev.state().paused.scanning {
        return Ok(());
    }
    disable(session)?;

    // No scan requests are sent, so it does not matter who is asking; but advertising that is
    // directed to this host must be recognised.
    let privacy = if dev.has(Flag::PRIVACY) {
        Privacy::Resolvable
    } else {
        Privacy::None
    };
    let own_addr_type = address::program(session, privacy)?;
    let mut filter_policy = program_accept_list(session, &awaited)?;
    let can = Can::of(dev)?;
    if dev.has(Flag::PRIVACY) && can.le_features.ext_scan_policy() {
        filter_policy |= DIRECTED_TO_PRIVATE;
    }
    let defaults = dev.state().defaults;
    let (interval, window) = if dev.is_suspended() {
        (
            defaults.le_scan_int_suspend,
            defaults.le_scan_window_suspend,
        )
    } else {
        (defaults.le_scan_interval, defaults.le_scan_window)
    };
    start(
        session,
        &Scan {
            scan_type: PASSIVE,
            interval,
            window,
            own_addr_type,
            filter_policy: if mesh { EVERYBODY } else { filter_policy },
            filter_duplicates: true,
        },
    )
}

/// The peers that are waited for: to be reported, or to be connected and not yet so.
fn awaited(dev: &Device) -> Result<KVec<Peer>> {
    let mut peers = KVec::new();
    if dev.state().conn_params.is_empty() {
        return Ok(peers);
    }
    let links = link::snapshot(dev, link::MAX_LINKS)?;
    let asleep = dev.is_suspended();
    for params in dev.state().conn_params.iter() {
        let wanted = match params.auto_connect {
            AutoConnect::Disabled => false,
            AutoConnect::Report => true,
            AutoConnect::Direct | AutoConnect::Always => {
                !links.iter().any(|l| l.peer == params.peer)
            }
        };
        if wanted && (!asleep || params.flags & REMOTE_WAKEUP != 0) {
            peers.push(params.peer, GFP_KERNEL)?;
        }
    }
    Ok(peers)
}

/// Puts the peers on the controller's filter accept list (7.8.16); returns the filter policy.
///
/// Peers that use private addresses are recognised by the host, as are more than the list holds:
/// it is not used then.
fn program_accept_list(session: &Session<'_>, awaited: &[Peer]) -> Outcome<u8> {
    let dev = session.dev();
    let ll_privacy = Can::of(dev)?.ll_privacy();
    if ll_privacy {
        // Lists cannot be changed while the controller uses them.
        adv::pause(session)?;
        address::set_resolution(session, false)?;
    }
    let listed = write_accept_list(session, awaited);
    if ll_privacy {
        super::tried(dev, address::set_resolution(session, true));
        super::tried(dev, adv::resume(session));
    }
    Ok(match listed {
        Ok(true) => ACCEPT_LIST,
        _ => EVERYBODY,
    })
}

/// Writes the list; `false` if it cannot hold all of them.
fn write_accept_list(session: &Session<'_>, awaited: &[Peer]) -> Outcome<bool> {
    let dev = session.dev();
    let (stale, missing) = {
        let state = dev.state();
        let listed = &state.le_accept_list;
        let private = |peer: &Peer| state.identity_keys.iter().any(|key| key.peer == *peer);
        if awaited.iter().any(private) {
            return Ok(false);
        }
        (difference(listed, awaited)?, difference(awaited, listed)?)
    };
    for peer in stale {
        session.send(&LeRemoveFromAcceptList {
            addr_type: LeAddrType::from_address_type(peer.kind),
            bdaddr: peer.addr,
        })?;
    }
    if awaited.len() > usize::from(dev.info()?.le_accept_list_size) {
        return Ok(false);
    }
    for peer in missing {
        session.send(&LeAddToAcceptList {
            addr_type: LeAddrType::from_address_type(peer.kind),
            bdaddr: peer.addr,
        })?;
    }
    Ok(true)
}

/// The peers in `these` that are not in `those`.
fn difference(these: &[Peer], those: &[Peer]) -> Result<KVec<Peer>> {
    let mut left = KVec::new();
    for peer in these.iter().filter(|peer| !those.contains(peer)) {
        left.push(*peer, GFP_KERNEL)?;
    }
    Ok(left)
}
