// SPDX-License-Identifier: GPL-2.0

//! What goes on in the controller, stopped and started again around system suspend.
//!
//! Nothing here fails: a controller that does not follow must not keep the system awake.

use super::{
    adv,
    discovery,
    le_scan,
    passive_scan,
    scan,
    scan_off,
    tried,
    Outcome,
    Session, //
};
use crate::hci::DiscoveryState;
use kernel::prelude::*;
use kernel_ext::hci::{
    DevFlag,
    Flag,
    Quirk, //
};
use kernel_ext::vec::VecExt;
use wire::{
    hci::host_control::{
        ClearEventFilter,
        ScanEnable,
        SetEventFilter,
        WriteScanEnable, //
    },
    BdAddr, //
};

/// Filter type and condition: connection requests of one device (7.3.3).
const CONNECTION_SETUP: u8 = 0x02;
const ONE_DEVICE: u8 = 0x02;
/// Accept automatically, without role switch.
const AUTO_ACCEPT: u8 = 0x02;

/// Stops discovery, advertising and scanning.
pub(crate) fn pause(session: &Session<'_>) {
    let dev = session.dev();
    let state = dev.state().discovery.state;
    if !matches!(state, DiscoveryState::Stopped | DiscoveryState::Stopping) {
        discovery::set_discovery(dev, DiscoveryState::Stopping);
        tried(dev, discovery::stop(session));
        dev.state().paused.discovery = true;
        discovery::stopped(dev);
    }
    tried(dev, adv::pause(session));
    if !dev.state().paused.scanning {
        if dev.is(DevFlag::PSCAN) {
            tried(dev, scan_off(session));
        }
        tried(dev, le_scan::disable(session));
        dev.state().paused.scanning = true;
    }
}

/// Lets peers that may wake the system do so.
pub(crate) fn configure_wake(session: &Session<'_>) {
    let dev = session.dev();
    dev.state().paused.scanning = false;
    tried(dev, wake_filters(session));
    tried(dev, passive_scan(session));
    dev.state().paused.scanning = true;
}

/// BR/EDR: page scan for the peers that may wake the system, and for nobody else.
fn wake_filters(session: &Session<'_>) -> Outcome {
    let dev = session.dev();
    // Some clones lock up at this command.
    if !dev.has(Flag::BREDR_ENABLED) || dev.quirk(Quirk::BROKEN_FILTER_CLEAR_ALL) {
        return Ok(());
    }
    tried(dev, clear_filters(session));

    let mut peers: KVec<BdAddr> = KVec::new();
    for (peer, flags) in dev.state().accept_list.iter() {
        if flags & le_scan::REMOTE_WAKEUP != 0 {
            peers.append(peer.addr)?;
        }
    }
    let mut wanted = ScanEnable::EMPTY;
    for bdaddr in peers {
        let filter = session.send(&SetEventFilter {
            filter_type: CONNECTION_SETUP,
            condition_type: ONE_DEVICE,
            bdaddr,
            auto_accept: AUTO_ACCEPT,
        });
        match filter {
            Ok(()) => wanted.insert(ScanEnable::PAGE),
            Err(_) => pr_err!(
                "{}: Failed to set event filter for {:?}\n",
                dev.name(),
                bdaddr
            ),
        }
    }
    if wanted.is_empty() == dev.is(DevFlag::PSCAN) {
        session.send(&WriteScanEnable { scan: wanted })?;
    }
    Ok(())
}

/// Takes back the filters that suspend has set.
fn clear_filters(session: &Session<'_>) -> Outcome {
    let dev = session.dev();
    if !dev.has(Flag::EVENT_FILTER_CONFIGURED)
        || !dev.has(Flag::BREDR_ENABLED)
        || dev.quirk(Quirk::BROKEN_FILTER_CLEAR_ALL)
    {
        return Ok(());
    }
    session.send(&ClearEventFilter { filter_type: 0 })
}

/// Starts again what [`pause`] has stopped.
pub(crate) fn resume(session: &Session<'_>) {
    let dev = session.dev();
    tried(dev, clear_filters(session));
    if core::mem::take(&mut dev.state().paused.scanning) {
        tried(dev, scan(session));
        tried(dev, passive_scan(session));
    }
    tried(dev, adv::resume(session));
    if core::mem::take(&mut dev.state().paused.discovery) {
        discovery::set_discovery(dev, DiscoveryState::Starting);
        let state = match discovery::start(session) {
            Ok(()) => DiscoveryState::Finding,
            Err(_) => DiscoveryState::Stopped,
        };
        discovery::set_discovery(dev, state);
    }
}
