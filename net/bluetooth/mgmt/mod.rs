// SPDX-License-Identifier: GPL-2.0

//! The management interface: how user space configures controllers, and learns of them.
//!
//! Commands come from the sockets of the control channel through [`command`]; each is one typed
//! entry of [`table`]. Answers and events go back through [`channel`]. What happens to controllers
//! is learnt as an observer of `hci` ([`OBSERVER`]).
//!
//! A command is checked and answered under its controller's [`order`](room::Room::order) lock, in
//! the context of the socket's caller, and never waits for a controller there. What must wait
//! becomes a job on the controller's sequencer and holds a [`Ticket`](room::Ticket), which is
//! answered exactly once, whatever becomes of the job.

mod advertising;
mod advertising_ext;
mod call;
mod caps;
pub(crate) mod channel;
mod config;
mod connectable;
mod connections;
mod devices;
mod discovery;
mod events;
mod exp;
mod found;
mod info;
mod keys;
mod mesh;
mod monitors;
mod name_class;
mod oob;
mod pairing;
mod phy;
mod power;
mod raw;
mod room;
mod settings;
mod table;
mod timers;
mod unconfigured;

use crate::hci::Device;
use call::{
    Call,
    Failure, //
};
use channel::{
    delivery,
    Origin,
    SocketId, //
};
use kernel::prelude::*;
use kernel_ext::hci::Flag;
use wire::mgmt::{
    Message,
    MgmtStatus,
    INDEX_NONE, //
};

pub(crate) use events::OBSERVER;
pub(crate) use phy::changed as phy_configuration_changed;
pub(crate) use room::{
    exit,
    ROOMS, //
};
pub(crate) use wire::mgmt::{
    REVISION,
    VERSION, //
};

/// Takes a packet that a control socket sent.
///
/// Returns what the system call returns: all of `data` when a handler took the command, 0 when it
/// was refused before, as user space has always seen it. The answer is queued to the socket.
///
/// # Errors
///
/// `EINVAL` for what is no command, `ENOMEM`, or what queueing an answer failed with.
pub(crate) fn command(origin: Origin, trusted: bool, data: &[u8]) -> Result<usize> {
    let message = Message::parse(data).map_err(|_| EINVAL)?;
    let (opcode, params) = (message.opcode, message.params);
    let index = message.index.unwrap_or(INDEX_NONE);
    if let Some(delivery) = delivery() {
        delivery.command(origin, index, opcode, params);
    }

    let mut call = Call::new(origin, trusted, opcode, index, params);
    let entry = match table::admit(&mut call) {
        Ok(entry) => entry,
        Err(status) => {
            call::status(origin, index, opcode, status)?;
            return Ok(0);
        }
    };
    let outcome = match call.room.clone() {
        None => (entry.run)(&call),
        Some(room) => {
            let _in_order = room.order();
            (entry.run)(&call)
        }
    };
    match outcome {
        Ok(_) => {}
        Err(Failure::Status(status)) => call::status(origin, index, opcode, status)?,
        Err(Failure::StatusOf(other, status)) => call::status(origin, index, other, status)?,
        Err(Failure::Complete(status, reply)) => {
            call::complete(origin, index, opcode, status, &reply)?;
        }
        Err(Failure::Errno(e)) => return Err(e),
    }
    Ok(data.len())
}

/// A control socket was closed.
pub(crate) fn closed(socket: SocketId) {
    mesh::socket_closed(socket);
}

/// From the first command on, a controller is under mgmt's control.
fn take_control(dev: &Device) {
    if dev.has(Flag::MGMT) {
        return;
    }
    pr_info!("MGMT ver {}.{}\n", VERSION, REVISION);
    // Controllers that mgmt does not control pair with anybody; mgmt's users must want it.
    dev.set(Flag::BONDABLE, false);
    dev.set(Flag::MGMT, true);
}

/// What user space is told for an error of ours.
fn status_of(error: impl Into<Error>) -> MgmtStatus {
    match error.into() {
        e if e == EPERM => MgmtStatus::REJECTED,
        e if e == EINVAL => MgmtStatus::INVALID_PARAMS,
        e if e == EOPNOTSUPP => MgmtStatus::NOT_SUPPORTED,
        e if e == EBUSY => MgmtStatus::BUSY,
        e if e == ETIMEDOUT => MgmtStatus::AUTH_FAILED,
        e if e == ENOMEM => MgmtStatus::NO_RESOURCES,
        e if e == EISCONN => MgmtStatus::ALREADY_CONNECTED,
        e if e == ENOTCONN => MgmtStatus::DISCONNECTED,
        _ => MgmtStatus::FAILED,
    }
}

/// Whether a controller is one that mgmt's users may see now.
fn visible(dev: &Device) -> bool {
    !dev.has(Flag::SETUP) && !dev.has(Flag::CONFIG) && !dev.has(Flag::USER_CHANNEL)
}
