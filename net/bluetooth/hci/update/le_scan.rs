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
use kernel_ext::vec::VecExt;
use wire::hci::{
    le::{
        LeAddToAcceptList,
        LeAddToResolvingList,
        LeRemoveFromAcceptList,
        LeRemoveFromResolvingList,
        LeSetPrivacyMode,
        Phys, //
    },
    le_adv::{
        LeSetExtScanEnable,
        LeSetExtScanParams,
        LeSetScanEnable,
        LeSetScanParams,
        ScanPhyParams, //
    },
    Key,
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
/// `HCI_CONN_FLAG_DEVICE_PRIVACY`: the peer is trusted to use private addresses at all times.
const DEVICE_PRIVACY: u8 = 0x02;
/// `HCI_CONN_FLAG_ADDRESS_RESOLUTION`: the controller resolves the peer's private addresses.
const ADDRESS_RESOLUTION: u8 = 0x04;

/// Privacy mode in which a peer's identity address is not accepted (7.8.77).
const DEVICE_PRIVACY_MODE: u8 = 0x01;

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
pub(crate) fn disable(session: &Session<'_>) -> Outcome {
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
    let (awaited, somebody_waits) = awaited(dev)?;
    let mesh = dev.has(Flag::MESH);
    let monitoring = dev.state().adv_monitors != 0;
    if awaited.is_empty() && !mesh && !monitoring {
        return disable(session);
    }
    // Some controllers cannot scan and connect at the same time.
    if dev.state().paused.scanning || link::le_is_connecting(dev) {
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
    } else if somebody_waits {
        (
            defaults.le_scan_int_connect,
            defaults.le_scan_window_connect,
        )
    } else if monitoring {
        (
            defaults.le_scan_int_adv_monitor,
            defaults.le_scan_window_adv_monitor,
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

/// The peers that are waited for: those that somebody asked for, those to be connected whenever
/// they are there, then those to be reported; of each kind the newest first. And whether there is
/// any of the first kind.
fn awaited(dev: &Device) -> Result<(KVec<Peer>, bool)> {
    let mut peers = KVec::new();
    let links = link::snapshot(dev, link::MAX_LINKS)?;
    let asleep = dev.is_suspended();
    for l in links.iter().rev().filter(|l| l.scanning && !asleep) {
        peers.append(l.peer)?;
    }
    let asked_for = !peers.is_empty();
    let state = dev.state();
    for reported in [false, true] {
        for params in state.conn_params.iter().rev() {
            let wanted = match params.auto_connect {
                AutoConnect::Disabled => false,
                AutoConnect::Report => reported,
                AutoConnect::Direct | AutoConnect::Always => {
                    !reported && !links.iter().any(|l| l.peer == params.peer)
                }
            };
            let wanted = wanted && !peers.contains(&params.peer);
            if wanted && (!asleep || params.flags & REMOTE_WAKEUP != 0) {
                peers.append(params.peer)?;
            }
        }
    }
    Ok((peers, asked_for))
}

/// Puts the peers on the controller's filter accept list (7.8.16), and on its resolving list those
/// whose addresses it shall resolve (7.8.38); returns the filter policy.
///
/// Where the lists cannot hold all of them, they are not used.
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

/// Writes the lists; `false` if they cannot hold all.
fn write_accept_list(session: &Session<'_>, awaited: &[Peer]) -> Outcome<bool> {
    let dev = session.dev();
    let size = usize::from(dev.info()?.le_accept_list_size);
    let links = link::snapshot(dev, link::MAX_LINKS)?;
    let linked = |peer: &Peer| links.iter().any(|l| l.peer == *peer);
    let mut used = 0usize;
    let mut stale = KVec::new();
    for peer in dev.state().le_accept_list.iter().filter(|p| !linked(p)) {
        if awaited.contains(peer) {
            used = used.saturating_add(1);
        } else {
            stale.append(*peer)?;
        }
    }
    for peer in stale {
        // It need not be there.
        let _ = unresolve(session, peer);
        session.send(&LeRemoveFromAcceptList {
            addr_type: LeAddrType::from_address_type(peer.kind),
            bdaddr: peer.addr,
        })?;
    }
    for &peer in awaited {
        if used >= size {
            return Ok(false);
        }
        resolve(session, peer)?;
        if dev.state().le_accept_list.contains(&peer) {
            continue;
        }
        used = used.saturating_add(1);
        let added = session.send(&LeAddToAcceptList {
            addr_type: LeAddrType::from_address_type(peer.kind),
            bdaddr: peer.addr,
        });
        if added.is_err() {
            let _ = unresolve(session, peer);
            return added.map(|()| false);
        }
    }
    // Whoever watches for patterns wants to see everybody.
    Ok(dev.state().adv_monitors == 0 || dev.is_suspended())
}

/// Has the controller resolve a peer's private addresses, if that is wanted and its key is known.
fn resolve(session: &Session<'_>, peer: Peer) -> Outcome {
    let dev = session.dev();
    if !Can::of(dev)?.ll_privacy() {
        return Ok(());
    }
    let (peer_irk, local_irk, device_mode, listed) = {
        let state = dev.state();
        let params = state.conn_params.of(peer);
        let flags = params.map_or(0, |p| p.flags);
        let key = state.identity_keys.iter().find(|k| k.peer == peer);
        let Some(key) = key.filter(|_| flags & ADDRESS_RESOLUTION != 0) else {
            return Ok(());
        };
        let local_irk = if dev.has(Flag::PRIVACY) {
            Key(*state.irk.octets())
        } else {
            Key([0; 16])
        };
        let listed = state.le_resolv_list.contains(&peer);
        // One that is put on the list starts in network privacy mode.
        let device_mode = flags & DEVICE_PRIVACY != 0
            && (!listed || params.is_some_and(|p| p.privacy_mode != DEVICE_PRIVACY_MODE));
        (Key(*key.value.octets()), local_irk, device_mode, listed)
    };
    let addr_type = LeAddrType::from_address_type(peer.kind);
    let bdaddr = peer.addr;
    if !listed {
        session.send(&LeAddToResolvingList {
            addr_type,
            bdaddr,
            peer_irk,
            local_irk,
        })?;
    }
    if device_mode {
        session.send(&LeSetPrivacyMode {
            addr_type,
            bdaddr,
            mode: DEVICE_PRIVACY_MODE,
        })?;
    }
    Ok(())
}

/// Takes a peer off the controller's resolving list, if it is there.
fn unresolve(session: &Session<'_>, peer: Peer) -> Outcome {
    if !session.dev().state().le_resolv_list.contains(&peer) {
        return Ok(());
    }
    session.send(&LeRemoveFromResolvingList {
        addr_type: LeAddrType::from_address_type(peer.kind),
        bdaddr: peer.addr,
    })
}
