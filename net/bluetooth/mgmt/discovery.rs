// SPDX-License-Identifier: GPL-2.0

//! Looking for devices.

use super::{
    call::{
        Call,
        Failure,
        Outcome, //
    },
    caps,
    room::Ticket,
    status_of, //
};
use crate::hci::{
    power,
    update::{
        set_discovery,
        start_discovery,
        stop_discovery, //
    },
    Device,
    Discovery as State,
    DiscoveryState,
    NameState,
    Session, //
};
use kernel::{
    prelude::*,
    sync::aref::ARef, //
};
use kernel_ext::hci::Flag;
use kernel_ext::vec::{
    self,
    VecExt, //
};
use wire::mgmt::{
    command::{
        ConfirmName,
        Discovery,
        StartServiceDiscovery, //
    },
    op,
    AddressTypes,
    MgmtStatus, //
};

/// RSSI threshold that every device passes, in dBm.
pub(super) const ANY_RSSI: i8 = 127;

/// Whether devices are being looked for.
pub(super) fn is_active(discovery: &State) -> bool {
    matches!(
        discovery.state,
        DiscoveryState::Finding | DiscoveryState::Resolving
    )
}

/// Every answer names the address types that were asked for.
fn refuse(call: &Call<'_>, status: MgmtStatus) -> Failure {
    let kind = call.params.first().copied().unwrap_or(0);
    call.refuse(status, &kind)
}

/// Fails if the controller is off, or busy discovering.
fn idle(call: &Call<'_>) -> Result<(), Failure> {
    let dev = call.dev()?;
    if !power::is_powered(dev) {
        return Err(refuse(call, MgmtStatus::NOT_POWERED));
    }
    let stopped = dev.state().discovery.state == DiscoveryState::Stopped;
    if !stopped || dev.has(Flag::PERIODIC_INQ) {
        return Err(refuse(call, MgmtStatus::BUSY));
    }
    Ok(())
}

/// Fails unless there are transports for all the address types.
fn transports(call: &Call<'_>, kind: AddressTypes) -> Result<(), Failure> {
    let dev = call.dev()?;
    let info = call.info()?;
    let checked = match kind {
        AddressTypes::LE => caps::le(dev, &info),
        AddressTypes::BREDR => caps::bredr(dev, &info),
        AddressTypes::INTERLEAVED => caps::le(dev, &info).and_then(|()| caps::bredr(dev, &info)),
        _ => Err(MgmtStatus::INVALID_PARAMS),
    };
    checked.map_err(|status| refuse(call, status))
}

/// Forgets what the last discovery looked for.
fn clear_filter(discovery: &mut State) {
    discovery.result_filtering = false;
    discovery.rssi = ANY_RSSI;
    discovery.uuids.clear();
}

/// Discovery is being started or stopped: for as long as that is under way. Where it comes to
/// nothing, everything is as before.
struct Underway {
    dev: ARef<Device>,
    now: DiscoveryState,
    before: DiscoveryState,
}

impl Underway {
    fn new(dev: &Device, now: DiscoveryState) -> Self {
        let before = core::mem::replace(&mut dev.state().discovery.state, now);
        Self {
            dev: dev.into(),
            now,
            before,
        }
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        let mut state = self.dev.state();
        if state.discovery.state == self.now {
            state.discovery.state = self.before;
        }
    }
}

fn started(session: &Session<'_>, ticket: Ticket) {
    let result = start_discovery(session);
    let Some(claim) = ticket.claim() else { return };
    let status = result.err().map_or(MgmtStatus::SUCCESS, status_of);
    let kind = claim.params.first().copied().unwrap_or(0);
    claim.complete(status, &[kind]);
    set_discovery(
        session.dev(),
        if result.is_ok() {
            DiscoveryState::Finding
        } else {
            DiscoveryState::Stopped
        },
    );
}

fn launch(call: &Call<'_>, dev: &Device, ticket: Ticket) -> Outcome {
    let starting = Underway::new(dev, DiscoveryState::Starting);
    call.queue(ticket, move |session, ticket| {
        started(session, ticket);
        // The job owns it: one that is never carried out is dropped, and so undoes it.
        drop(starting);
    })
}

/// Start Discovery, Start Limited Discovery.
pub(super) fn start(call: &Call<'_>, params: &Discovery) -> Outcome {
    let dev = call.dev()?;
    idle(call)?;
    transports(call, params.kind)?;
    if dev.is_suspended() {
        return Err(refuse(call, MgmtStatus::BUSY));
    }
    let ticket = call.listed()?;
    {
        let mut state = dev.state();
        clear_filter(&mut state.discovery);
        state.discovery.kind = params.kind.bits();
        state.discovery.limited = call.opcode == op::START_LIMITED_DISCOVERY;
    }
    launch(call, dev, ticket)
}

/// Start Service Discovery.
pub(super) fn start_service(call: &Call<'_>, params: &[u8]) -> Outcome {
    let dev = call.dev()?;
    idle(call)?;
    if dev.is_suspended() {
        return Err(refuse(call, MgmtStatus::BUSY));
    }
    let params = StartServiceDiscovery::parse(params)
        .map_err(|_| refuse(call, MgmtStatus::INVALID_PARAMS))?;
    transports(call, params.kind)?;
    let mut uuids = vec::with_capacity(params.uuids.len())?;
    for uuid in params.uuids {
        uuids.append(uuid.0)?;
    }
    let ticket = call.listed()?;
    {
        let mut state = dev.state();
        state.discovery.result_filtering = true;
        state.discovery.kind = params.kind.bits();
        state.discovery.rssi = params.rssi;
        state.discovery.uuids = uuids;
    }
    launch(call, dev, ticket)
}

/// Stop Discovery.
pub(super) fn stop(call: &Call<'_>, params: &Discovery) -> Outcome {
    let dev = call.dev()?;
    let (active, kind) = {
        let state = dev.state();
        (is_active(&state.discovery), state.discovery.kind)
    };
    if !active {
        return Err(refuse(call, MgmtStatus::REJECTED));
    }
    if kind != params.kind.bits() {
        return Err(refuse(call, MgmtStatus::INVALID_PARAMS));
    }
    let ticket = call.listed()?;
    let stopping = Underway::new(dev, DiscoveryState::Stopping);
    call.queue(ticket, move |session, ticket| {
        let result = stop_discovery(session);
        let Some(claim) = ticket.claim() else { return };
        let status = result.err().map_or(MgmtStatus::SUCCESS, status_of);
        let kind = claim.params.first().copied().unwrap_or(0);
        claim.complete(status, &[kind]);
        if result.is_ok() {
            set_discovery(session.dev(), DiscoveryState::Stopped);
        }
        // The job owns it, as in `launch`.
        drop(stopping);
    })
}

/// Confirm Name.
pub(super) fn confirm_name(call: &Call<'_>, params: &ConfirmName) -> Outcome {
    let dev = call.dev()?;
    let known = {
        let mut state = dev.state();
        if !is_active(&state.discovery) {
            None
        } else {
            let mut cache = state.discovery.cache.iter_mut();
            let unknown =
                cache.find(|e| e.addr == params.addr.bdaddr && e.name == NameState::Unknown);
            Some(
                unknown
                    .map(|e| {
                        e.name = if params.name_known == 0 {
                            NameState::Needed
                        } else {
                            NameState::Known
                        }
                    })
                    .is_some(),
            )
        }
    };
    match known {
        None => Err(call.refuse(MgmtStatus::FAILED, &params.addr)),
        Some(false) => Err(call.refuse(MgmtStatus::INVALID_PARAMS, &params.addr)),
        Some(true) => call.reply(&params.addr),
    }
}
