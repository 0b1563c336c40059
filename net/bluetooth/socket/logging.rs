// SPDX-License-Identifier: GPL-2.0

//! The logging channel: text from user space for the monitor.

use super::{
    hci::HciSocket,
    monitor,
    shared::{
        Channel,
        Queued,
        NO_DEVICE, //
    },
};
use crate::hci::registry;
use kernel::prelude::*;
use kernel_ext::{
    net::{
        capable,
        Capability,
        Socket, //
    },
    skbuff::SkBuff,
};
use wire::monitor::{
    opcode::USER_LOGGING,
    UserLog, //
};

/// Binds a socket to the logging channel.
///
/// # Errors
///
/// `EINVAL` for a controller in particular, `EPERM` without `CAP_NET_ADMIN`.
pub(super) fn bind(sock: &Socket<'_, HciSocket>, device: u16) -> Result {
    if device != NO_DEVICE {
        return Err(EINVAL);
    }
    if !capable(Capability::NetAdmin) {
        return Err(EPERM);
    }
    sock.private().set_channel(Channel::Logging);
    super::hci::bound(sock);
    Ok(())
}

/// Shows a message to the monitors.
///
/// # Errors
///
/// `EINVAL` if it is malformed, `ENODEV` if it is about a controller that does not exist.
pub(super) fn send(sock: &Socket<'_, HciSocket>, mut message: SkBuff) -> Result {
    let log = UserLog::parse(message.data()).map_err(|_| EINVAL)?;
    if log
        .index
        .is_some_and(|index| registry::get(index).is_none())
    {
        return Err(ENODEV);
    }
    *message
        .data_mut()
        .and_then(|data| data.first_chunk_mut())
        .ok_or(EINVAL)? = USER_LOGGING.to_le_bytes();
    *message.cb_mut() = Queued {
        creds: sock.peer_creds().unwrap_or_default(),
        incoming: 0,
    };
    monitor::broadcast(&message);
    Ok(())
}
