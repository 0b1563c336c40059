// SPDX-License-Identifier: GPL-2.0

//! A command being carried out, and the ways to answer it.

use super::{
    caps,
    channel::{
        delivery,
        EventFlag,
        Origin,
        Packet,
        SocketId, //
    },
    room::{
        Room,
        Ticket, //
    },
};
use crate::hci::{
    self,
    power,
    Device,
    Info,
    Session, //
};
use kernel::{
    alloc::AllocError,
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    },
};
use kernel_ext::hci::{
    DevFlag,
    Flag, //
};
use kernel_ext::vec::{
    self,
    VecExt, //
};
use wire::{
    mgmt::{
        ev,
        op,
        reply::{
            ClockInfo,
            ConnInfo, //
        },
        AddrInfo,
        MgmtStatus, //
    },
    Malformed, //
};
use zerocopy::{
    FromBytes,
    Immutable,
    IntoBytes, //
};

/// Bytes of a reply that varies in length.
pub(super) type Bytes = KVec<u8>;

/// Proof that a command was answered, or that a job will do it. Only answering makes one.
pub(super) struct Answered(());

impl Answered {
    /// The command is on the list, and will be answered when it is taken off.
    pub(super) fn later() -> Self {
        Self(())
    }
}

/// Why a command was not carried out, and how that is said.
pub(super) enum Failure {
    /// By Command Status.
    Status(MgmtStatus),
    /// By Command MgmtStatus, for another command than the one that came.
    StatusOf(u16, MgmtStatus),
    /// By Command Complete with a status that is none of success.
    Complete(MgmtStatus, Bytes),
    /// By the system call that brought the command.
    Errno(Error),
}

impl From<MgmtStatus> for Failure {
    fn from(status: MgmtStatus) -> Self {
        Self::Status(status)
    }
}

impl From<Malformed> for Failure {
    fn from(_: Malformed) -> Self {
        Self::Status(MgmtStatus::INVALID_PARAMS)
    }
}

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        Self::Errno(e)
    }
}

impl From<AllocError> for Failure {
    fn from(e: AllocError) -> Self {
        Self::Errno(e.into())
    }
}

/// What a handler returns.
pub(super) type Outcome = Result<Answered, Failure>;

/// A command that passed its checks.
pub(super) struct Call<'a> {
    /// Who asks.
    pub(super) origin: Origin,
    /// Whether they may configure the network.
    pub(super) trusted: bool,
    pub(super) opcode: u16,
    pub(super) index: u16,
    /// All that follows the header.
    pub(super) params: &'a [u8],
    pub(super) dev: Option<ARef<Device>>,
    pub(super) room: Option<Arc<Room>>,
}

impl<'a> Call<'a> {
    pub(super) fn new(
        origin: Origin,
        trusted: bool,
        opcode: u16,
        index: u16,
        params: &'a [u8],
    ) -> Self {
        Self {
            origin,
            trusted,
            opcode,
            index,
            params,
            dev: None,
            room: None,
        }
    }

    /// The controller. The table lets only those commands without one through that do not ask.
    pub(super) fn dev(&self) -> Result<&Device, Failure> {
        self.dev.as_deref().ok_or(MgmtStatus::INVALID_INDEX.into())
    }

    /// mgmt's own state of the controller.
    pub(super) fn room(&self) -> Result<&Arc<Room>, Failure> {
        self.room.as_ref().ok_or(MgmtStatus::INVALID_INDEX.into())
    }

    /// What the controller said of itself.
    pub(super) fn info(&self) -> Result<Arc<Info>, Failure> {
        Ok(self.dev()?.info()?)
    }

    /// The socket that events caused by this command do not go to.
    pub(super) fn skip(&self) -> Option<SocketId> {
        Some(self.origin.id)
    }

    /// Sets or clears what decides which events the socket gets.
    pub(super) fn set_flag(&self, flag: EventFlag, on: bool) {
        if let Some(delivery) = delivery() {
            delivery.set_flag(self.origin.id, flag, on);
        }
    }

    /// Answers with success.
    pub(super) fn complete(&self, reply: &[u8]) -> Outcome {
        self.complete_with(MgmtStatus::SUCCESS, reply)
    }

    /// Answers with Command Complete and any status.
    pub(super) fn complete_with(&self, status: MgmtStatus, reply: &[u8]) -> Outcome {
        complete(self.origin, self.index, self.opcode, status, reply)?;
        Ok(Answered(()))
    }

    /// Answers with success and a reply of fixed format.
    pub(super) fn reply<T: IntoBytes + Immutable>(&self, reply: &T) -> Outcome {
        self.complete(reply.as_bytes())
    }

    /// Answers with success and no more.
    pub(super) fn done(&self) -> Outcome {
        self.complete(&[])
    }

    /// Answers with the current settings.
    pub(super) fn settings(&self) -> Outcome {
        let settings = caps::current_settings(self.dev()?);
        self.reply(&settings)
    }

    /// A refusal that is said by Command Complete, with a reply.
    pub(super) fn refuse<T: IntoBytes + Immutable>(
        &self,
        status: MgmtStatus,
        reply: &T,
    ) -> Failure {
        match concat(&[reply.as_bytes()]) {
            Ok(bytes) => Failure::Complete(status, bytes),
            Err(e) => Failure::Errno(e),
        }
    }

    /// Fails unless the controller is powered.
    pub(super) fn powered(&self) -> Result<(), Failure> {
        if power::is_powered(self.dev()?) {
            Ok(())
        } else {
            Err(MgmtStatus::NOT_POWERED.into())
        }
    }

    /// Fails if one of these commands is being carried out on the controller.
    pub(super) fn not_pending(&self, opcodes: &[u16]) -> Result<(), Failure> {
        if self.room()?.any_pending(opcodes) {
            Err(MgmtStatus::BUSY.into())
        } else {
            Ok(())
        }
    }

    /// A ticket for a command that others must see being carried out. If the controller is
    /// switched off or goes away first, it is answered then.
    pub(super) fn listed(&self) -> Result<Ticket, Failure> {
        Ok(Ticket::listed(self.room()?, self)?)
    }

    /// A ticket for a command that nobody else needs to know of.
    pub(super) fn unlisted(&self) -> Result<Ticket, Failure> {
        Ok(Ticket::unlisted(self.room()?, self)?)
    }

    /// Has a job done by the sequencer of a controller whose transport is open.
    pub(super) fn queue(
        &self,
        ticket: Ticket,
        job: impl FnOnce(&Session<'_>, Ticket) + Send + 'static,
    ) -> Outcome {
        self.queue_or(ticket, Failure::Errno(ENETDOWN), job)
    }

    /// As [`Self::queue`], failing with `closed` if the transport is not open.
    pub(super) fn queue_or(
        &self,
        ticket: Ticket,
        closed: impl Into<Failure>,
        job: impl FnOnce(&Session<'_>, Ticket) + Send + 'static,
    ) -> Outcome {
        if !self.dev()?.is(DevFlag::RUNNING) {
            ticket.withdraw();
            return Err(closed.into());
        }
        self.submit(ticket, job)
    }

    /// Has a job done by the controller's sequencer.
    pub(super) fn submit(
        &self,
        ticket: Ticket,
        job: impl FnOnce(&Session<'_>, Ticket) + Send + 'static,
    ) -> Outcome {
        // A sequencer that refuses drops the job, and so the ticket, which answers.
        let _ = hci::sequence(self.dev()?, move |session| {
            if ticket.stands() {
                job(session, ticket);
            }
        });
        Ok(Answered(()))
    }
}

/// Has something done by the sequencer that nobody waits for, if the transport is open.
pub(super) fn background(dev: &Device, job: impl FnOnce(&Session<'_>) + Send + 'static) {
    if dev.is(DevFlag::RUNNING) && !dev.has(Flag::UNREGISTER) {
        let _ = hci::sequence(dev, job);
    }
}

/// Sends Command Complete.
pub(super) fn complete(
    to: Origin,
    index: u16,
    opcode: u16,
    status: MgmtStatus,
    reply: &[u8],
) -> Result {
    let [lo, hi] = opcode.to_le_bytes();
    let payload = concat(&[&[lo, hi, status.0], reply])?;
    answer(to, index, ev::CMD_COMPLETE, &payload)
}

/// Sends Command Status.
pub(super) fn status(to: Origin, index: u16, opcode: u16, status: MgmtStatus) -> Result {
    let [lo, hi] = opcode.to_le_bytes();
    answer(to, index, ev::CMD_STATUS, &[lo, hi, status.0])
}

fn answer(to: Origin, index: u16, opcode: u16, payload: &[u8]) -> Result {
    match delivery() {
        Some(delivery) => delivery.reply(
            to,
            &Packet {
                opcode,
                index,
                payload,
            },
        ),
        None => Ok(()),
    }
}

/// The parts, one after the other.
pub(super) fn concat(parts: &[&[u8]]) -> Result<Bytes> {
    let len = parts.iter().fold(0usize, |n, p| n.saturating_add(p.len()));
    let mut bytes = vec::with_capacity(len)?;
    for part in parts {
        bytes.append_all(part)?;
    }
    Ok(bytes)
}

/// A setting that is on or off.
pub(super) fn on_off(val: u8) -> Result<bool, Failure> {
    match val {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(MgmtStatus::INVALID_PARAMS.into()),
    }
}

/// Whether the address type of a peer is one there is.
pub(super) fn kind_is_valid(peer: &AddrInfo) -> bool {
    peer.kind().is_some()
}

/// How a listed command is answered when its controller is switched off or goes away.
pub(super) fn answer_lost(
    to: Origin,
    index: u16,
    opcode: u16,
    params: &[u8],
    status_now: MgmtStatus,
) -> Result {
    let Ok((addr, _)) = AddrInfo::read_from_prefix(params) else {
        return status(to, index, opcode, status_now);
    };
    match opcode {
        op::PAIR_DEVICE
        | op::PIN_CODE_REPLY
        | op::PIN_CODE_NEG_REPLY
        | op::USER_CONFIRM_REPLY
        | op::USER_CONFIRM_NEG_REPLY
        | op::USER_PASSKEY_REPLY
        | op::USER_PASSKEY_NEG_REPLY
        | op::UNPAIR_DEVICE
        | op::DISCONNECT => complete(to, index, opcode, status_now, addr.as_bytes()),
        op::GET_CONN_INFO => {
            let reply = ConnInfo::unknown(addr);
            complete(to, index, opcode, status_now, reply.as_bytes())
        }
        op::GET_CLOCK_INFO => {
            let reply = ClockInfo::unknown(addr);
            complete(to, index, opcode, status_now, reply.as_bytes())
        }
        _ => status(to, index, opcode, status_now),
    }
}
