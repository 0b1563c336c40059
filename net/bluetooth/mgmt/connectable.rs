// SPDX-License-Identifier: GPL-2.0

//! Who may find the controller, connect to it, and bond with it.

use super::{
    call::{
        background,
        on_off,
        Call,
        Failure,
        Outcome, //
    },
    caps::VERSION_1_2,
    events,
    room::Room,
    status_of,
    timers, //
};
use crate::hci::{
    power,
    update,
    Device, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::hci::Flag;
use wire::mgmt::{
    command::{
        Mode,
        SetDiscoverable, //
    },
    op,
    MgmtStatus, //
};

/// Fails if no transport is enabled.
fn any_transport(dev: &Device) -> Result<(), Failure> {
    if dev.has(Flag::LE_ENABLED) || dev.has(Flag::BREDR_ENABLED) {
        Ok(())
    } else {
        Err(MgmtStatus::REJECTED.into())
    }
}

/// Starts the time after which the controller is not discoverable any more, if there is one.
fn start_timeout(dev: &Device, room: &Arc<Room>) {
    let seconds = dev.state().discov_timeout;
    if seconds > 0 {
        timers::start_discoverable_off(room, u32::from(seconds).saturating_mul(1000));
    }
}

/// Set Discoverable.
pub(super) fn set_discoverable(call: &Call<'_>, params: &SetDiscoverable) -> Outcome {
    const LIMITED: u8 = 2;

    let dev = call.dev()?;
    any_transport(dev)?;
    let timeout = params.timeout.get();
    // Off has no timeout, limited must have one.
    match (params.value, timeout) {
        (0, 0) | (1, _) => {}
        (LIMITED, 1..) => {}
        _ => return Err(MgmtStatus::INVALID_PARAMS.into()),
    }
    let on = params.value != 0;
    let limited = params.value == LIMITED;
    let powered = power::is_powered(dev);
    if !powered && timeout > 0 {
        return Err(MgmtStatus::NOT_POWERED.into());
    }
    call.not_pending(&[op::SET_DISCOVERABLE, op::SET_CONNECTABLE])?;
    if !dev.has(Flag::CONNECTABLE) {
        return Err(MgmtStatus::REJECTED.into());
    }
    if dev.state().paused.advertising {
        return Err(MgmtStatus::BUSY.into());
    }

    if !powered {
        let changed = dev.set(Flag::DISCOVERABLE, on) != on;
        let answered = call.settings()?;
        if changed {
            events::new_settings(dev, call.skip());
        }
        return Ok(answered);
    }

    // Where only the timeout changes, the controller need not know.
    if on == dev.has(Flag::DISCOVERABLE) && limited == dev.has(Flag::LIMITED_DISCOVERABLE) {
        timers::stop_discoverable_off(call.room()?);
        dev.state().discov_timeout = timeout;
        if on {
            start_timeout(dev, call.room()?);
        }
        return call.settings();
    }

    let ticket = call.listed()?;
    timers::stop_discoverable_off(call.room()?);
    dev.state().discov_timeout = timeout;
    dev.set(Flag::DISCOVERABLE, on);
    dev.set(Flag::LIMITED_DISCOVERABLE, limited);
    call.queue(ticket, |session, ticket| {
        let result = update::discoverable(session);
        let room = ticket.room().clone();
        let Some(claim) = ticket.claim() else { return };
        let dev = session.dev();
        match result {
            Ok(()) => {
                if dev.has(Flag::DISCOVERABLE) {
                    start_timeout(dev, &room);
                }
                claim.settings(dev);
                events::new_settings(dev, claim.skip());
            }
            Err(e) => {
                claim.status(status_of(e));
                dev.set(Flag::LIMITED_DISCOVERABLE, false);
            }
        }
    })
}

/// Set Connectable.
pub(super) fn set_connectable(call: &Call<'_>, mode: &Mode) -> Outcome {
    let dev = call.dev()?;
    any_transport(dev)?;
    let on = on_off(mode.value)?;
    if !power::is_powered(dev) {
        let changed = dev.set(Flag::CONNECTABLE, on) != on;
        if !on {
            dev.set(Flag::DISCOVERABLE, false);
        }
        let answered = call.settings()?;
        if changed {
            background(dev, |session| {
                let _ = update::scan(session);
                let _ = update::passive_scan(session);
            });
            events::new_settings(dev, call.skip());
        }
        return Ok(answered);
    }
    call.not_pending(&[op::SET_DISCOVERABLE, op::SET_CONNECTABLE])?;
    let ticket = call.listed()?;
    if !on {
        if dev.state().discov_timeout > 0 {
            timers::stop_discoverable_off(call.room()?);
        }
        dev.set(Flag::LIMITED_DISCOVERABLE, false);
        dev.set(Flag::DISCOVERABLE, false);
    }
    dev.set(Flag::CONNECTABLE, on);
    call.queue(ticket, |session, ticket| {
        let result = update::connectable(session);
        let Some(claim) = ticket.claim() else { return };
        let dev = session.dev();
        match result {
            Ok(()) => {
                claim.settings(dev);
                events::new_settings(dev, claim.skip());
            }
            Err(e) => claim.status(status_of(e)),
        }
    })
}

/// Set Fast Connectable.
pub(super) fn set_fast_connectable(call: &Call<'_>, mode: &Mode) -> Outcome {
    let dev = call.dev()?;
    if !dev.has(Flag::BREDR_ENABLED) || call.info()?.hci_ver < VERSION_1_2 {
        return Err(MgmtStatus::NOT_SUPPORTED.into());
    }
    let on = on_off(mode.value)?;
    if on == dev.has(Flag::FAST_CONNECTABLE) {
        return call.settings();
    }
    if !power::is_powered(dev) {
        dev.set(Flag::FAST_CONNECTABLE, on);
        let answered = call.settings();
        events::new_settings(dev, call.skip());
        return answered;
    }
    let ticket = call.unlisted()?;
    call.queue_or(ticket, MgmtStatus::FAILED, move |session, ticket| {
        let result = update::fast_connectable(session, on);
        let Some(claim) = ticket.claim() else { return };
        let dev = session.dev();
        match result {
            Ok(()) => {
                dev.set(Flag::FAST_CONNECTABLE, on);
                claim.settings(dev);
                events::new_settings(dev, claim.skip());
            }
            Err(e) => claim.status(status_of(e)),
        }
    })
}

/// Set Bondable.
pub(super) fn set_bondable(call: &Call<'_>, mode: &Mode) -> Outcome {
    let dev = call.dev()?;
    let on = on_off(mode.value)?;
    let changed = dev.set(Flag::BONDABLE, on) != on;
    let answered = call.settings()?;
    if changed {
        // With limited privacy it decides on the address that is advertised.
        if dev.has(Flag::ADVERTISING)
            && dev.has(Flag::DISCOVERABLE)
            && dev.has(Flag::LIMITED_PRIVACY)
        {
            background(dev, |session| {
                let _ = update::discoverable(session);
            });
        }
        events::new_settings(dev, call.skip());
    }
    Ok(answered)
}
