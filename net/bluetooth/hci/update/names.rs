// SPDX-License-Identifier: GPL-2.0

//! Names of devices that inquiry found, asked for one after the other when it is over (7.1.19).
//!
//! Runs on the worker: a request is sent, and its event leads to the next one.

use super::discovery;
use crate::hci::{
    command,
    notify,
    Device,
    DiscoveryState,
    NameState,
    Notice,
    Peer, //
};
use kernel_ext::time::now_ms;
use wire::{
    hci::{
        link_control::RemoteNameRequest,
        Request, //
    },
    AddressType,
    BdAddr, //
};

/// Names are asked for no longer than this, in milliseconds (`NAME_RESOLVE_DURATION`).
const DURATION_MS: u64 = 10_240;

/// Inquiry is over: asks for the first name that somebody wants. `false` if there is none.
pub(super) fn begin(dev: &Device) -> bool {
    dev.state().discovery.resolve_until = now_ms().saturating_add(DURATION_MS);
    if !next(dev) {
        return false;
    }
    discovery::set_discovery(dev, DiscoveryState::Resolving);
    true
}

/// Asks for the name of the nearest device whose name somebody wants.
fn next(dev: &Device) -> bool {
    let command = {
        let mut state = dev.state();
        if now_ms() > state.discovery.resolve_until {
            return false;
        }
        let wanted = state
            .discovery
            .cache
            .iter_mut()
            .filter(|e| e.name == NameState::Needed)
            .min_by_key(|e| e.rssi.unsigned_abs());
        let Some(entry) = wanted else {
            return false;
        };
        entry.name = NameState::Pending;
        RemoteNameRequest {
            bdaddr: entry.addr,
            page_scan_repetition_mode: entry.pscan_rep_mode,
            reserved: entry.pscan_mode,
            clock_offset: entry.clock_offset.into(),
        }
    };
    command::send_detached(dev, RemoteNameRequest::OPCODE, command.params()).is_ok()
}

/// A name came, or will not come (7.7.7).
pub(crate) fn named(dev: &Device, addr: BdAddr, name: Option<&[u8]>) {
    {
        let mut state = dev.state();
        if state.discovery.state == DiscoveryState::Stopping {
            drop(state);
            return discovery::stopped(dev);
        }
        if state.discovery.state != DiscoveryState::Resolving {
            return;
        }
        let mut cache = state.discovery.cache.iter_mut();
        let Some(entry) = cache.find(|e| e.addr == addr && e.name == NameState::Pending) else {
            return;
        };
        entry.name = if name.is_some() {
            NameState::Known
        } else {
            NameState::Unknown
        };
    }
    notify(
        dev,
        Notice::RemoteName {
            peer: Peer {
                addr,
                kind: AddressType::BrEdr,
            },
            name,
        },
    );
    if !next(dev) {
        discovery::stopped(dev);
    }
}

/// Whose name is being asked for.
pub(super) fn pending(dev: &Device) -> Option<BdAddr> {
    let state = dev.state();
    let mut cache = state.discovery.cache.iter();
    cache.find(|e| e.name == NameState::Pending).map(|e| e.addr)
}
