// SPDX-License-Identifier: GPL-2.0

//! Sequences: commands sent one after the other, each awaited.

use super::{
    command::{
        self,
        CommandError, //
    },
    device::{
        Controller,
        Device, //
    },
};
use core::ops::Deref;
use engine::command::CompletesOn;
use kernel::{
    prelude::*,
    time::{
        msecs_to_jiffies,
        Jiffies, //
    },
};
use kernel_ext::{
    hci::{
        Flag,
        ReqLock, //
    },
    skbuff::SkBuff, //
};
use wire::hci::{
    parse_reply,
    Command,
    Opcode,
    StatusCommand, //
};

/// How long a sequence waits for an answer, in milliseconds (`HCI_CMD_TIMEOUT`).
pub(crate) const COMMAND_TIMEOUT_MS: u32 = 2000;
/// The same while a controller is being set up (`HCI_INIT_TIMEOUT`).
pub(crate) const INIT_TIMEOUT_MS: u32 = 10_000;

/// The right to run a sequence on a controller.
///
/// Whoever has one holds the controller's `req_lock`, so no other sequence, ours or a driver's,
/// runs meanwhile. Dereferences to the controller, driver callbacks included.
pub(crate) struct Session<'a> {
    lock: &'a ReqLock<'a, Controller>,
}

impl<'a> Deref for Session<'a> {
    type Target = ReqLock<'a, Controller>;

    fn deref(&self) -> &Self::Target {
        self.lock
    }
}

impl<'a> Session<'a> {
    /// A sequence under a lock that is held already.
    pub(crate) fn under(lock: &'a ReqLock<'a, Controller>) -> Self {
        Self { lock }
    }

    /// The controller.
    pub(crate) fn dev(&self) -> &Device {
        self.lock
    }

    /// Sends a command and waits for its Command Complete.
    ///
    /// # Errors
    ///
    /// [`CommandError::Status`] if the controller refuses; `EBADMSG` if the reply is too short;
    /// `ETIMEDOUT`; `ENODEV` and others when the controller goes away meanwhile.
    pub(crate) fn send<C: Command>(&self, command: &C) -> Result<C::Reply, CommandError> {
        let event = self.raw(
            C::OPCODE,
            command.params(),
            CompletesOn::Answer,
            COMMAND_TIMEOUT_MS,
        )?;
        let reply = parse_reply::<C>(event.data())
            .map_err(|malformed| command::malformed(self.dev(), C::OPCODE, malformed))?;
        reply.map_err(CommandError::Status)
    }

    /// Sends a command that is answered by Command Status and waits for that.
    ///
    /// # Errors
    ///
    /// As [`Self::send`].
    pub(crate) fn send_status<C: StatusCommand>(&self, command: &C) -> Result<(), CommandError> {
        match self.raw(
            C::OPCODE,
            command.params(),
            CompletesOn::Answer,
            COMMAND_TIMEOUT_MS,
        ) {
            // A status event has no parameters of its own to hand out.
            Ok(_) | Err(CommandError::Errno(ENODATA)) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Sends a command that is answered by Command Status, and waits for the event that ends it.
    ///
    /// Returns that event's parameters.
    ///
    /// # Errors
    ///
    /// As [`Self::send`].
    pub(crate) fn send_until<C: StatusCommand>(
        &self,
        command: &C,
        event: CompletesOn,
        timeout_ms: u32,
    ) -> Result<SkBuff, CommandError> {
        self.raw(C::OPCODE, command.params(), event, timeout_ms)
    }

    /// Sends any command and waits until it is complete.
    ///
    /// Returns the return parameters of Command Complete (status first), or the parameters of the
    /// event waited for. A Command Status that ends the command is `ENODATA` on success.
    ///
    /// # Errors
    ///
    /// As [`Self::send`].
    pub(crate) fn raw(
        &self,
        opcode: Opcode,
        params: &[u8],
        completes_on: CompletesOn,
        timeout_ms: u32,
    ) -> Result<SkBuff, CommandError> {
        command::send_and_wait(
            self.dev(),
            opcode,
            params,
            completes_on,
            msecs_to_jiffies(timeout_ms),
        )
    }
}

/// Runs `job` on the controller's sequencer, some time soon, with a [`Session`].
///
/// Jobs of one controller run in the order they came. When the controller is unregistered first,
/// the job is dropped without having run: what it owns must mind that in its `Drop`.
///
/// # Errors
///
/// `ENODEV` if the controller is being unregistered, `ENOMEM`.
pub(crate) fn sequence(dev: &Device, job: impl FnOnce(&Session<'_>) + Send + 'static) -> Result {
    if dev.has(Flag::UNREGISTER) {
        return Err(ENODEV);
    }
    let owner = kernel::sync::aref::ARef::from(dev);
    dev.sequencer()?.spawn(GFP_KERNEL, move |_| {
        // A backlog is left to be dropped, not run, once the controller is on its way out.
        if owner.has(Flag::UNREGISTER) {
            return;
        }
        let lock = owner.req_lock();
        job(&Session::under(&lock));
    })
}

/// Jiffies of a time in milliseconds.
pub(crate) fn jiffies(ms: u32) -> Jiffies {
    msecs_to_jiffies(ms)
}
