// SPDX-License-Identifier: GPL-2.0

//! HCI commands that user space sends through mgmt.

use super::{
    call::{
        concat,
        Call,
        Outcome, //
    },
    status_of, //
};
use engine::command::CompletesOn;
use wire::mgmt::{
    command::HciCmdSync,
    MgmtStatus, //
};

/// How long an answer is waited for if the command does not say, in milliseconds.
const USUAL_TIMEOUT_MS: u32 = 2000;

/// HCI Command Sync.
pub(super) fn command_sync(call: &Call<'_>, params: &[u8]) -> Outcome {
    let params = HciCmdSync::parse(params)?;
    let opcode = params.opcode;
    let timeout_ms = match params.timeout {
        0 => USUAL_TIMEOUT_MS,
        seconds => u32::from(seconds).saturating_mul(1000),
    };
    let completes_on = match params.event {
        0 => CompletesOn::Answer,
        event => CompletesOn::Event(event),
    };
    let bytes = concat(&[params.params])?;
    let ticket = call.unlisted()?;
    call.queue_or(ticket, MgmtStatus::FAILED, move |session, ticket| {
        let result = session.raw(opcode, &bytes, completes_on, timeout_ms);
        let Some(claim) = ticket.claim() else { return };
        match result {
            Ok(answer) => claim.complete(MgmtStatus::SUCCESS, answer.data()),
            Err(e) => claim.status(status_of(e)),
        }
    })
}
