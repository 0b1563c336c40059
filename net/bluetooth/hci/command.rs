// SPDX-License-Identifier: GPL-2.0

//! Commands on their way: the kernel around the engine's [`CommandQueue`].
//!
//! The engine decides what is sent when, and whose answer an event is; it lives under one
//! interrupt-safe spin lock. Here are its timers, the packets, and those who wait.

use super::{
    device::{
        ids,
        Controller,
        Device, //
    },
    errno,
    observer::{
        self,
        Direction, //
    },
    recovery, //
};
use core::sync::atomic::{
    AtomicU64,
    Ordering, //
};
use engine::{
    command::{
        CommandQueue,
        CommandTimeout,
        CompletesOn,
        CreditTimeout,
        Phase,
        QueuedCommand,
        TimerAction,
        Timers, //
    },
    ladder::Reason, //
};
use kernel::{
    alloc::AllocError,
    prelude::*,
    sync::{
        aref::ARef,
        new_spinlock_irq,
        Arc,
        SpinLockIrq, //
    },
    time::{
        msecs_to_jiffies,
        Jiffies, //
    },
};
use kernel_ext::vec::{
    self,
    VecExt, //
};
use kernel_ext::{
    hci::{
        DevFlag,
        Flag,
        Frame,
        FrameMeta,
        Stat,
        RESERVE, //
    },
    skbuff::SkBuff,
    sync::Reply,
    time::now_ms,
    workqueue::{
        Work,
        WorkItem,
        Worker, //
    },
};
use wire::{
    hci::{
        packet::PacketType,
        Opcode,
        Status, //
    },
    Malformed, //
};

/// Commands that may wait for a credit. Sequences wait for each of theirs, so this is what raw
/// sockets and C drivers can pile up.
pub(super) const MAX_QUEUED: usize = 64;

/// Why a command did not do what it was sent for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CommandError {
    /// The controller refused.
    Status(Status),
    /// It never got to an answer.
    Errno(Error),
}

impl From<CommandError> for Error {
    fn from(e: CommandError) -> Self {
        match e {
            CommandError::Status(status) => errno::error(status),
            CommandError::Errno(e) => e,
        }
    }
}

impl From<Error> for CommandError {
    fn from(e: Error) -> Self {
        Self::Errno(e)
    }
}

impl From<AllocError> for CommandError {
    fn from(_: AllocError) -> Self {
        Self::Errno(ENOMEM)
    }
}

/// What somebody who waits for a command gets: the parameters of the event that ended it.
pub(crate) type Answer = Result<SkBuff, CommandError>;

/// A command, from its submission to its answer.
pub(super) struct Pending {
    id: u64,
    opcode: Opcode,
    completes_on: CompletesOn,
    /// The packet, until it is handed to the driver.
    frame: Option<SkBuff>,
    /// Its parameters: handlers of the answer need to know what was asked.
    pub(super) params: Params,
    waiter: Option<Arc<Reply<Answer>>>,
}

/// The parameters of a command. Mostly they are few, which need no memory of their own.
pub(super) enum Params {
    Few { len: u8, octets: [u8; Self::FEW] },
    Many(KVec<u8>),
}

impl Params {
    /// So many that nothing gets larger by them.
    const FEW: usize = 30;

    fn new(params: &[u8]) -> Result<Self> {
        let mut octets = [0; Self::FEW];
        let len = u8::try_from(params.len()).map_err(|_| EINVAL)?;
        if params.len() <= Self::FEW {
            for (to, from) in octets.iter_mut().zip(params) {
                *to = *from;
            }
            return Ok(Self::Few { len, octets });
        }
        let mut copy = vec::with_capacity(params.len())?;
        copy.append_all(params)?;
        Ok(Self::Many(copy))
    }
}

impl core::ops::Deref for Params {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Few { len, octets } => octets.get(..usize::from(*len)).unwrap_or_default(),
            Self::Many(octets) => octets,
        }
    }
}

impl Pending {
    /// Ends the command for whoever waits for it. A waiter that has left refuses the answer,
    /// which is then dropped.
    pub(super) fn finish(self: KBox<Self>, answer: Answer) {
        if let Some(waiter) = &self.waiter {
            drop(waiter.fulfil(answer));
        }
    }
}

/// The boxed form that the engine moves around.
pub(super) struct Request(pub(super) KBox<Pending>);

impl QueuedCommand for Request {
    fn opcode(&self) -> Opcode {
        self.0.opcode
    }

    fn completes_on(&self) -> CompletesOn {
        self.0.completes_on
    }

    fn id(&self) -> u64 {
        self.0.id
    }
}

pub(super) type Queue = CommandQueue<Request, MAX_QUEUED>;

/// The command half of a controller.
#[pin_data]
pub(super) struct CommandPath {
    #[pin]
    pub(super) queue: SpinLockIrq<Queue>,
    /// Who waits for the sequence's current command; there is one sequence at a time.
    #[pin]
    current: SpinLockIrq<Option<Arc<Reply<Answer>>>>,
    next_id: AtomicU64,
    /// Transmits while there are commands and a credit.
    #[pin]
    pub(super) transmit: Work<Controller, { ids::COMMAND }>,
    /// Fires when the command in flight was not answered in time.
    #[pin]
    pub(super) command_timer: Work<Controller, { ids::COMMAND_TIMER }>,
    /// Fires when the controller gave no credit for too long.
    #[pin]
    pub(super) credit_timer: Work<Controller, { ids::CREDIT_TIMER }>,
}

impl CommandPath {
    pub(super) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            queue <- new_spinlock_irq!(Queue::new(), "CommandPath::queue"),
            current <- new_spinlock_irq!(None, "CommandPath::current"),
            next_id: AtomicU64::new(1),
            transmit <- kernel_ext::new_work!("CommandPath::transmit"),
            command_timer <- kernel_ext::new_work!("CommandPath::command_timer"),
            credit_timer <- kernel_ext::new_work!("CommandPath::credit_timer"),
        })
    }
}

kernel_ext::impl_has_work! {
    impl HasWork<{ ids::COMMAND }> for Controller { self.commands.transmit }
}
kernel_ext::impl_has_work! {
    impl HasWork<{ ids::COMMAND_TIMER }> for Controller { self.commands.command_timer }
}
kernel_ext::impl_has_work! {
    impl HasWork<{ ids::CREDIT_TIMER }> for Controller { self.commands.credit_timer }
}

impl WorkItem<{ ids::COMMAND }> for Controller {
    type Pointer = ARef<Device>;
    const KEEPS: bool = true;

    fn run(dev: &Device, _worker: &mut Worker<'_>) {
        transmit(dev);
    }
}

impl WorkItem<{ ids::COMMAND_TIMER }> for Controller {
    type Pointer = ARef<Device>;

    fn run(dev: &Device, _worker: &mut Worker<'_>) {
        command_timed_out(dev);
    }
}

impl WorkItem<{ ids::CREDIT_TIMER }> for Controller {
    type Pointer = ARef<Device>;

    fn run(dev: &Device, _worker: &mut Worker<'_>) {
        credit_timed_out(dev);
    }
}

/// An engine's milliseconds as the timer's unit.
fn to_jiffies(ms: u64) -> Jiffies {
    msecs_to_jiffies(u32::try_from(ms).unwrap_or(u32::MAX))
}

/// Carries out what the engine wants of its timers. Called under the engine's lock, so that two
/// decisions are not carried out in the wrong order.
pub(super) fn apply(dev: &Device, timers: Timers) {
    let commands = &dev.commands;
    match timers.command {
        TimerAction::Keep => {}
        TimerAction::Arm(ms) => {
            commands.command_timer.mod_delayed(dev, to_jiffies(ms));
        }
        TimerAction::Disarm => {
            commands.command_timer.cancel();
        }
    }
    match timers.credit {
        TimerAction::Keep => {}
        TimerAction::Arm(ms) => {
            commands.credit_timer.mod_delayed(dev, to_jiffies(ms));
        }
        TimerAction::Disarm => {
            commands.credit_timer.cancel();
        }
    }
}

/// Tells the worker that there may be something to send.
pub(super) fn kick(dev: &Device) {
    dev.commands.transmit.queue(dev);
}

/// Moves the queue to another phase of the controller's life.
pub(super) fn set_phase(dev: &Device, phase: Phase) {
    let mut queue = dev.commands.queue.lock();
    let timers = queue.set_phase(phase);
    apply(dev, timers);
}

/// Ends all commands that are queued or in flight with an error.
pub(super) fn drain(dev: &Device, error: Error) {
    loop {
        let request = dev.commands.queue.lock().drain();
        match request {
            Some(request) => request.0.finish(Err(error.into())),
            None => break,
        }
    }
}

/// Ends what the current sequence waits for with an error; the command itself stays in flight
/// until it is answered or timed out.
pub(crate) fn cancel_current(dev: &Device, error: Error) {
    let waiter = dev.commands.current.lock().take();
    if let Some(waiter) = waiter {
        drop(waiter.fulfil(Err(error.into())));
    }
}

/// A command packet: header and parameters (Vol 4 Part E 5.4.1).
fn packet(opcode: Opcode, params: &[u8]) -> Result<SkBuff> {
    let len = u8::try_from(params.len()).map_err(|_| EINVAL)?;
    let [lo, hi] = opcode.0.to_le_bytes();
    let size = params.len().checked_add(3).ok_or(EINVAL)?;
    let mut skb = SkBuff::alloc(RESERVE, size, GFP_KERNEL)?;
    skb.put_slice(&[lo, hi, len])?;
    skb.put_slice(params)?;
    skb.set_meta(FrameMeta {
        packet_type: PacketType::Command.to_u8(),
        ..FrameMeta::default()
    });
    Ok(skb)
}

/// Queues a command, and tells the worker. Any context that may allocate.
fn submit(dev: &Device, pending: Pending) -> Result {
    enqueue(dev, pending)?;
    kick(dev);
    Ok(())
}

/// Sends what the queue lets go, in the calling task if the worker is at rest: there is nothing to wait for
/// then but a change of task. Else the worker does. Sleeps; not on the worker.
fn send_now(dev: &Device) {
    if !super::device::try_with_worker(dev, |_| transmit(dev)) {
        kick(dev);
    }
}

/// Queues a command; somebody has to see to its being sent.
fn enqueue(dev: &Device, pending: Pending) -> Result {
    let request = Request(KBox::new(pending, GFP_KERNEL)?);
    let refused = dev.commands.queue.lock().submit(request);
    match refused {
        Ok(()) => Ok(()),
        Err(rejected) => {
            use engine::command::RejectReason;
            let error = match rejected.reason {
                RejectReason::Full => ENOBUFS,
                RejectReason::Down => ENETDOWN,
                RejectReason::NothingToDo => EINVAL,
            };
            rejected.request.0.finish(Err(error.into()));
            Err(error)
        }
    }
}

fn pending(
    dev: &Device,
    opcode: Opcode,
    params: &[u8],
    completes_on: CompletesOn,
) -> Result<Pending> {
    Ok(Pending {
        id: dev.commands.next_id.fetch_add(1, Ordering::Relaxed),
        opcode,
        completes_on,
        frame: None,
        params: Params::new(params)?,
        waiter: None,
    })
}

/// Sends a command without waiting for anything.
///
/// # Errors
///
/// `ENOBUFS` if too many wait already, `ENETDOWN`, `ENOMEM`, `EINVAL` for too many parameters.
pub(crate) fn send_detached(dev: &Device, opcode: Opcode, params: &[u8]) -> Result {
    let mut request = pending(dev, opcode, params, CompletesOn::Answer)?;
    request.frame = Some(packet(opcode, params)?);
    submit(dev, request)
}

/// Sends a vendor command that will not be answered: outside of the queue, which would wait.
///
/// # Errors
///
/// `ENOBUFS` if too many packets wait already, `ENOMEM`, `EINVAL` for too many parameters.
pub(crate) fn send_unanswered(dev: &Device, opcode: Opcode, params: &[u8]) -> Result {
    super::device::submit_unqueued(dev, packet(opcode, params)?)
}

/// Queues a command that came as a packet, from a raw socket. Sleeps; not on the worker.
///
/// # Errors
///
/// `EINVAL` for a packet that is no command, else as [`send_detached`].
pub(super) fn submit_packet(dev: &Device, skb: SkBuff) -> Result {
    let data = skb.data();
    let (Some(header), Some(params)) = (data.first_chunk::<3>(), data.get(3..)) else {
        return Err(EINVAL);
    };
    let [lo, hi, _] = *header;
    let opcode = Opcode(u16::from_le_bytes([lo, hi]));
    let mut request = pending(dev, opcode, params, CompletesOn::Answer)?;
    request.frame = Some(skb);
    enqueue(dev, request)?;
    send_now(dev);
    Ok(())
}

/// Takes a packet from user space, of any type, for the controller.
///
/// # Errors
///
/// As [`submit_packet`]; `ENETDOWN` when the transport is closed.
pub(crate) fn submit_raw(dev: &Device, skb: SkBuff) -> Result {
    let for_queue = skb.packet_type() == PacketType::Command.to_u8()
        // Who has the controller to itself counts credits itself.
        && !dev.has(Flag::USER_CHANNEL)
        // Vendor commands may be answered by anything, or not at all.
        && !skb.data().first_chunk().is_some_and(|op| Opcode(u16::from_le_bytes(*op)).is_vendor());
    if for_queue {
        submit_packet(dev, skb)
    } else {
        super::device::submit_unqueued(dev, skb)
    }
}

/// Sends a command and waits for what completes it; see [`Session::raw`](super::Session::raw).
pub(crate) fn send_and_wait(
    dev: &Device,
    opcode: Opcode,
    params: &[u8],
    completes_on: CompletesOn,
    timeout: Jiffies,
) -> Answer {
    // Nobody listens any more: a sequence that goes on would only hold up the farewell.
    if dev.has(Flag::UNREGISTER) {
        return Err(ENODEV.into());
    }
    let mut request = pending(dev, opcode, params, completes_on)?;
    let id = request.id;
    if opcode != Opcode::NOP {
        request.frame = Some(packet(opcode, params)?);
    }
    let waiter = Arc::pin_init(Reply::new(), GFP_KERNEL)?;
    request.waiter = Some(waiter.clone());
    *dev.commands.current.lock() = Some(waiter.clone());
    let answer = match enqueue(dev, request) {
        Ok(()) => {
            send_now(dev);
            waiter.wait_interruptible_timeout(timeout)
        }
        Err(e) => Err(e),
    };
    dev.commands.current.lock().take();
    answer.unwrap_or_else(|e| {
        abandon(dev, id);
        // A signal during a driver's own sequence is an interruption, not a restart.
        let e = if e == ERESTARTSYS { EINTR } else { e };
        Err(e.into())
    })
}

/// The waiter left. A command that was not sent yet never will be; one in flight keeps its place
/// until it is answered, so that its answer is not taken for another's.
fn abandon(dev: &Device, id: u64) {
    let cancelled = {
        let mut queue = dev.commands.queue.lock();
        // While closing no timer would free the place of a command that is never answered.
        let keeps_place = queue.phase() != Phase::Closing;
        if keeps_place && queue.in_flight().is_some_and(|r| r.0.id == id) {
            None
        } else {
            let cancelled = queue.cancel(id);
            if let Some(c) = &cancelled {
                apply(dev, c.timers);
            }
            cancelled
        }
    };
    if cancelled.is_some_and(|c| c.transmit) {
        kick(dev);
    }
}

/// A reset was answered: the events that other commands wait for will not come.
pub(super) fn drain_waiting(dev: &Device) {
    loop {
        let request = dev.commands.queue.lock().take_waiting();
        match request {
            Some(request) => request.0.finish(Err(ECANCELED.into())),
            None => break,
        }
    }
}

/// Sends what the engine lets go. The worker's part, or that of who has its token.
fn transmit(dev: &Device) {
    loop {
        let (id, frame, opcode) = {
            let mut queue = dev.commands.queue.lock();
            let Some(next) = queue.poll_transmit(now_ms()) else {
                break;
            };
            let timers = next.timers;
            let id = next.request.0.id;
            let opcode = next.request.0.opcode;
            let frame = next.request.0.frame.take();
            apply(dev, timers);
            (id, frame, opcode)
        };
        let frame = match frame {
            Some(frame) => Ok(frame),
            // A command that is sent again, after a reset nobody asked for.
            None => {
                let mut params = KVec::new();
                let copied = {
                    let queue = dev.commands.queue.lock();
                    queue.in_flight().map_or(Ok(()), |r| {
                        params.extend_from_slice(&r.0.params, GFP_ATOMIC)
                    })
                };
                copied
                    .map_err(Error::from)
                    .and_then(|()| packet(opcode, &params))
            }
        };
        let sent = frame.and_then(|frame| send_frame(dev, frame));
        if let Err(e) = sent {
            failed_to_send(dev, id, e);
        }
    }
}

fn failed_to_send(dev: &Device, id: u64, error: Error) {
    let failed = {
        let mut queue = dev.commands.queue.lock();
        let failed = queue.send_failed(id);
        if let Some(f) = &failed {
            apply(dev, f.timers);
        }
        failed
    };
    if let Some(f) = failed {
        if let Some(request) = f.request {
            request.0.finish(Err(error.into()));
        }
        if f.transmit {
            kick(dev);
        }
    }
    if error == ENODEV {
        recovery::failure(dev, Reason::DeviceGone);
    }
}

/// Hands a packet to the transport, after showing it to who listens. Worker context.
///
/// # Errors
///
/// `EINVAL` if the transport is not open, or what the driver says.
pub(super) fn send_frame(dev: &Device, mut skb: SkBuff) -> Result {
    skb.timestamp();
    observer::show_frame(dev, &skb, Direction::ToController);
    // The packet leaves the socket's account here: the driver may keep it for long.
    skb.orphan();
    if !dev.is(DevFlag::RUNNING) {
        return Err(EINVAL);
    }
    if skb.packet_type() == PacketType::Drv.to_u8() {
        return super::rx::driver_command(dev, &skb);
    }
    dev.send(skb).inspect_err(|e| {
        dev.count(Stat::ErrTx, 1);
        if *e != ENODEV {
            pr_err!("{}: sending frame failed ({})\n", dev.name(), e.to_errno());
        }
    })
}

fn command_timed_out(dev: &Device) {
    let outcome = {
        let mut queue = dev.commands.queue.lock();
        let outcome = queue.on_command_timeout(now_ms());
        match &outcome {
            CommandTimeout::Stale => {}
            CommandTimeout::Early(ms) => {
                dev.commands.command_timer.mod_delayed(dev, to_jiffies(*ms));
            }
            CommandTimeout::Expired { timers, .. } => apply(dev, *timers),
        }
        outcome
    };
    if let CommandTimeout::Expired {
        opcode,
        request,
        event_seen,
        transmit,
        ..
    } = outcome
    {
        if let Some(request) = request {
            request.0.finish(Err(ETIMEDOUT.into()));
        }
        if !event_seen {
            recovery::failure(dev, Reason::CommandTimeout(opcode));
        }
        if transmit {
            kick(dev);
        }
    }
}

fn credit_timed_out(dev: &Device) {
    let outcome = {
        let mut queue = dev.commands.queue.lock();
        let outcome = queue.on_credit_timeout(now_ms());
        if let CreditTimeout::Early(ms) = outcome {
            dev.commands.credit_timer.mod_delayed(dev, to_jiffies(ms));
        }
        outcome
    };
    if let CreditTimeout::Stalled { fatal, .. } = outcome {
        pr_err!(
            "{}: Controller not accepting commands anymore: ncmd = 0\n",
            dev.name()
        );
        if fatal {
            recovery::failure(dev, Reason::CreditStall);
        }
    }
}

/// Counts an answer that is too short, and returns that as an error.
pub(super) fn malformed(dev: &Device, opcode: Opcode, what: Malformed) -> CommandError {
    dev.count(Stat::ErrRx, 1);
    pr_err!(
        "{}: malformed answer to command 0x{:04x}: {} has {} bytes of {}\n",
        dev.name(),
        opcode.0,
        what.item,
        what.had,
        what.wanted
    );
    CommandError::Errno(EBADMSG)
}
