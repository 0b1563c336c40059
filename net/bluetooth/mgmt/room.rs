// SPDX-License-Identifier: GPL-2.0

//! mgmt's own state of each controller, and commands that are being carried out.

use super::{
    call::{
        self,
        concat,
        Answered,
        Bytes,
        Call, //
    },
    channel::{
        delivery,
        EventFlag,
        Origin,
        SocketId, //
    },
    mesh::MeshState,
    monitors::Monitors,
    timers::Timers,
};
use crate::hci::{
    registry,
    Device, //
};
use kernel::{
    prelude::*,
    sync::{
        aref::ARef,
        lock::{
            mutex::MutexBackend,
            Guard, //
        },
        new_mutex,
        Arc,
        Mutex, //
    },
};
use kernel_ext::vec::VecExt;
use wire::mgmt::MgmtStatus;

/// Commands that one controller carries out at once, at most; more are refused as out of memory.
const MAX_LISTED: usize = 64;

/// A command that others can see being carried out.
pub(super) struct Listed {
    id: u64,
    pub(super) opcode: u16,
    pub(super) origin: Origin,
    pub(super) params: Bytes,
}

impl Listed {
    /// Answers that it came to nothing at the controller `index`.
    pub(super) fn fail(&self, index: u16, status: MgmtStatus) {
        let _ = call::answer_lost(self.origin, index, self.opcode, &self.params, status);
    }
}

/// What is known of a controller beside what `hci` knows.
pub(super) struct Inner {
    listed: KVec<Listed>,
    next_id: u64,
    /// The socket whose command the sequencer carries out, when that may cause events in `hci`.
    pub(super) acting: Option<SocketId>,
    pub(super) monitors: Monitors,
    pub(super) mesh: MeshState,
}

/// One controller's part of mgmt.
#[pin_data]
pub(crate) struct Room {
    /// Index of the controller.
    pub(super) index: u16,
    /// Which device it is: an address, to compare and nothing else.
    key: usize,
    #[pin]
    order: Mutex<()>,
    #[pin]
    inner: Mutex<Inner>,
    #[pin]
    pub(super) timers: Timers,
}

kernel_ext::global_mutex! {
    /// The rooms there are. Initialised once, by module init, through the export layer.
    pub(crate) static ROOMS: KVec<Arc<Room>> = KVec::new();
}

/// Gives up what the list holds; the module is on its way out and a static is never dropped.
pub(crate) fn exit() {
    let rooms = core::mem::take(&mut *ROOMS.lock());
    drop(rooms);
}

fn key(dev: &Device) -> usize {
    core::ptr::from_ref(dev).addr()
}

/// Makes the room of a controller that was registered.
pub(super) fn open(dev: &Device) -> Result {
    let index = dev.id();
    let key = key(dev);
    let room = Arc::pin_init(
        try_pin_init!(Room {
            index,
            key,
            order <- new_mutex!((), "mgmt::Room::order"),
            inner <- new_mutex!(Inner {
                listed: KVec::new(),
                next_id: 0,
                acting: None,
                monitors: Monitors::new(),
                mesh: MeshState::new(),
            }, "mgmt::Room::inner"),
            timers <- Timers::new(),
        }? Error),
        GFP_KERNEL,
    )?;
    room.timers.bind(dev.sequencer()?)?;
    ROOMS.lock().append(room)?;
    Ok(())
}

/// Gives up the room of a controller that was unregistered.
pub(super) fn close(dev: &Device) {
    let key = key(dev);
    let gone = {
        let mut list = ROOMS.lock();
        let at = list.iter().position(|room| room.key == key);
        at.and_then(|at| list.take_out(at))
    };
    if let Some(room) = gone {
        room.timers.disable();
    }
}

/// The room of a controller.
pub(super) fn of(dev: &Device) -> Option<Arc<Room>> {
    let key = key(dev);
    ROOMS.lock().iter().find(|room| room.key == key).cloned()
}

/// Calls `f` with every room there is.
pub(super) fn for_each(mut f: impl FnMut(&Room)) {
    for room in ROOMS.lock().iter() {
        f(room);
    }
}

impl Room {
    /// The controller, if it is still registered.
    pub(super) fn dev(&self) -> Option<ARef<Device>> {
        registry::get(self.index).filter(|dev| key(dev) == self.key)
    }

    /// Held while a command is checked and answered: commands of one controller, from whatever
    /// socket, are taken one after the other.
    pub(super) fn order(&self) -> Guard<'_, (), MutexBackend> {
        self.order.lock()
    }

    /// The state. Never held while something is sent or awaited.
    pub(super) fn inner(&self) -> Guard<'_, Inner, MutexBackend> {
        self.inner.lock()
    }

    /// Whether one of these commands is being carried out.
    pub(super) fn any_pending(&self, opcodes: &[u16]) -> bool {
        self.inner()
            .listed
            .iter()
            .any(|l| opcodes.contains(&l.opcode))
    }

    /// Takes one command off the list, the oldest that `which` accepts.
    pub(super) fn take(&self, which: impl Fn(&Listed) -> bool) -> Option<Listed> {
        let mut inner = self.inner();
        let at = inner.listed.iter().position(which)?;
        inner.listed.take_out(at)
    }

    /// The socket of a command that is being carried out.
    pub(super) fn origin_of(&self, opcode: u16) -> Option<Origin> {
        self.inner()
            .listed
            .iter()
            .find(|l| l.opcode == opcode)
            .map(|l| l.origin)
    }

    /// Answers all commands that are being carried out with a failure.
    pub(super) fn fail_all(&self, status: MgmtStatus) {
        while let Some(l) = self.take(|_| true) {
            l.fail(self.index, status);
        }
    }

    /// As [`Self::fail_all`], but for the commands `opcode`, and for those that clients send meanwhile.
    pub(super) fn fail_others(&self, opcode: u16, status: MgmtStatus) {
        let end = self.inner().next_id;
        while let Some(l) = self.take(|l| l.opcode != opcode && l.id < end) {
            l.fail(self.index, status);
        }
    }

    /// The socket of the command that `which` accepts, the oldest one if there are more.
    pub(super) fn waits(&self, which: impl Fn(&Listed) -> bool) -> Option<SocketId> {
        let inner = self.inner();
        inner.listed.iter().find(|l| which(l)).map(|l| l.origin.id)
    }

    /// Calls `f`; events that it causes in `hci` do not go to `socket`.
    pub(super) fn acting<R>(&self, socket: SocketId, f: impl FnOnce() -> R) -> R {
        self.inner().acting = Some(socket);
        let result = f();
        self.inner().acting = None;
        result
    }

    fn list(&self, call: &Call<'_>) -> Result<u64> {
        let params = concat(&[call.params])?;
        let mut inner = self.inner();
        if inner.listed.len() >= MAX_LISTED {
            return Err(ENOMEM);
        }
        let id = inner.next_id;
        inner.next_id = id.wrapping_add(1);
        inner.listed.append(Listed {
            id,
            opcode: call.opcode,
            origin: call.origin,
            params,
        })?;
        Ok(id)
    }
}

/// The duty to answer a command. Dropped unanswered, it answers that it came to nothing.
pub(super) struct Ticket {
    room: Arc<Room>,
    claim: Option<Claim>,
    /// Its number on the list, if it is there for others to see.
    id: Option<u64>,
}

/// A ticket being answered: nobody else can any more.
pub(super) struct Claim {
    index: u16,
    opcode: u16,
    origin: Origin,
    /// The parameters of the command.
    pub(super) params: Bytes,
}

impl Ticket {
    fn new(room: &Arc<Room>, call: &Call<'_>, id: Option<u64>) -> Result<Self> {
        Ok(Self {
            room: room.clone(),
            claim: Some(Claim {
                index: room.index,
                opcode: call.opcode,
                origin: call.origin,
                params: concat(&[call.params])?,
            }),
            id,
        })
    }

    pub(super) fn listed(room: &Arc<Room>, call: &Call<'_>) -> Result<Self> {
        // What can fail comes first, for the list must not keep what nobody answers.
        let mut ticket = Self::new(room, call, None)?;
        ticket.id = Some(room.list(call).inspect_err(|_| ticket.claim = None)?);
        Ok(ticket)
    }

    pub(super) fn unlisted(room: &Arc<Room>, call: &Call<'_>) -> Result<Self> {
        Self::new(room, call, None)
    }

    /// The controller's room.
    pub(super) fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// Whether it still is this ticket's duty to answer.
    pub(super) fn stands(&self) -> bool {
        match self.id {
            Some(id) => self.room.inner().listed.iter().any(|l| l.id == id),
            None => self.claim.is_some(),
        }
    }

    fn unlist(&mut self) -> Option<Claim> {
        let claim = self.claim.take()?;
        match self.id {
            Some(id) => self.room.take(|l| l.id == id).map(|_| claim),
            None => Some(claim),
        }
    }

    /// Takes the duty over, unless the command was answered already.
    pub(super) fn claim(mut self) -> Option<Claim> {
        self.unlist()
    }

    /// Leaves the command on the list: whoever takes it off answers it.
    pub(super) fn leave(mut self) -> Answered {
        self.claim = None;
        Answered::later()
    }

    /// Gives the duty up: the command is answered elsewhere.
    pub(super) fn withdraw(mut self) {
        let _ = self.unlist();
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let listed = self.id.is_some();
        if let Some(claim) = self.unlist() {
            // It may only be memory that was not there.
            let status = if listed && self.room.dev().is_none() {
                MgmtStatus::INVALID_INDEX
            } else {
                MgmtStatus::FAILED
            };
            claim.lost(status);
        }
    }
}

impl Claim {
    /// The socket that events caused by the command do not go to.
    pub(super) fn skip(&self) -> Option<SocketId> {
        Some(self.origin.id)
    }

    /// Sets or clears what decides which events the socket gets.
    pub(super) fn set_flag(&self, flag: EventFlag, on: bool) {
        if let Some(delivery) = delivery() {
            delivery.set_flag(self.origin.id, flag, on);
        }
    }

    /// Answers with Command Complete. A reply that cannot be queued is lost, as it is when the
    /// socket was closed.
    pub(super) fn complete(&self, status: MgmtStatus, reply: &[u8]) {
        let _ = call::complete(self.origin, self.index, self.opcode, status, reply);
    }

    /// Answers with Command Status.
    pub(super) fn status(&self, status: MgmtStatus) {
        let _ = call::status(self.origin, self.index, self.opcode, status);
    }

    /// Answers with success and the current settings.
    pub(super) fn settings(&self, dev: &Device) {
        use zerocopy::IntoBytes;
        let settings = super::caps::current_settings(dev);
        self.complete(MgmtStatus::SUCCESS, settings.as_bytes());
    }

    fn lost(&self, status: MgmtStatus) {
        let _ = call::answer_lost(self.origin, self.index, self.opcode, &self.params, status);
    }
}
