// SPDX-License-Identifier: GPL-2.0

//! Switching a controller on and off.

use super::{
    call::{
        on_off,
        Call,
        Outcome, //
    },
    events,
    status_of, //
};
use crate::hci::{
    cancel_current,
    power,
    update, //
};
use kernel::prelude::*;
use kernel_ext::hci::Flag;
use wire::mgmt::{
    command::Mode,
    op,
    MgmtStatus, //
};

/// Set Powered.
pub(super) fn set(call: &Call<'_>, mode: &Mode) -> Outcome {
    let dev = call.dev()?;
    let on = on_off(mode.value)?;
    if !on && dev.has(Flag::POWERING_DOWN) {
        return Err(MgmtStatus::BUSY.into());
    }
    call.not_pending(&[op::SET_POWERED])?;
    if on == power::is_powered(dev) {
        return call.settings();
    }
    let ticket = call.listed()?;
    if on {
        return call.submit(ticket, |session, ticket| {
            let result = power::power_on(session);
            // Usually the notice of the power coming on has answered already.
            let Some(claim) = ticket.claim() else { return };
            let dev = session.dev();
            match result {
                Ok(()) => {
                    let _ = update::passive_scan(session);
                    claim.settings(dev);
                    events::new_settings(dev, claim.skip());
                }
                Err(e) => claim.status(status_of(e)),
            }
        });
    }
    // What the sequencer waits for now must not hold up switching off.
    cancel_current(dev, EHOSTDOWN);
    call.queue(ticket, |session, ticket| {
        let result = power::power_off(session);
        let Some(claim) = ticket.claim() else { return };
        match result {
            // New Settings came with the notice of the power going off.
            Ok(()) => claim.settings(session.dev()),
            Err(e) => claim.status(status_of(e)),
        }
    })
}
