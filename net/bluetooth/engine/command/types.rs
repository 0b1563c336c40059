// SPDX-License-Identifier: GPL-2.0

//! What goes into the command queue and what comes out.

use wire::hci::Opcode;

/// Event code of Command Status (Vol 4 Part E 7.7.15).
pub(super) const EVENT_COMMAND_STATUS: u8 = 0x0f;

/// Event code of LE Meta (Vol 4 Part E 7.7.65).
const EVENT_LE_META: u8 = 0x3e;

/// What the caller's request must tell the queue.
///
/// The answers must not change while the queue holds the request.
pub trait QueuedCommand {
    /// The command's opcode. [`Opcode::NOP`] stands for a request that sends nothing and only waits for its event.
    fn opcode(&self) -> Opcode;

    /// What completes the request.
    fn completes_on(&self) -> CompletesOn;

    /// A number that no other request has while the queue holds this one; [`CommandQueue::cancel`](super::CommandQueue::cancel) takes it.
    fn id(&self) -> u64;
}

/// What completes a request when all goes well. An error status or Command Complete always does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CompletesOn {
    /// Command Complete or Command Status.
    Answer,
    /// The event with this code.
    Event(u8),
    /// The LE Meta event with this subevent code.
    LeSubevent(u8),
    /// The event with this code or the LE Meta event with this subevent code, whichever comes first.
    EventOrLeSubevent(u8),
}

impl CompletesOn {
    /// What the kernel's `__hci_cmd_sync_ev()` means by `event`: zero is the answer itself; an LE command waits for a
    /// subevent; NOP belongs to no group and waits for either. Who waits for Command Complete is not content with a
    /// Command Status that says success.
    pub const fn from_event(opcode: Opcode, event: u8) -> Self {
        match (event, opcode.0) {
            (0, _) => Self::Answer,
            (_, 0) => Self::EventOrLeSubevent(event),
            _ if opcode.ogf() == Opcode::OGF_LE => Self::LeSubevent(event),
            _ => Self::Event(event),
        }
    }

    /// Whether the event with this code, and this subevent code if it is LE Meta, completes the request.
    #[inline]
    pub const fn matches(self, code: u8, subevent: Option<u8>) -> bool {
        let subevent = match subevent {
            Some(subevent) if code == EVENT_LE_META => Some(subevent),
            _ => None,
        };
        match (self, subevent) {
            (Self::Answer, _) | (Self::LeSubevent(_), None) => false,
            (Self::Event(wanted), _) | (Self::EventOrLeSubevent(wanted), None) => wanted == code,
            (Self::LeSubevent(wanted), Some(subevent)) => wanted == subevent,
            (Self::EventOrLeSubevent(wanted), Some(subevent)) => {
                wanted == code || wanted == subevent
            }
        }
    }

    /// Whether the request goes on waiting after a successful Command Status.
    #[inline]
    pub const fn is_event(self) -> bool {
        !matches!(self, Self::Answer)
    }
}

/// What the controller is being used for; decides about timers and about mending answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Switched off: nothing is accepted, nothing is sent.
    Down,
    /// From opening the transport to the end of the set-up sequence (`HCI_INIT`).
    Setup,
    /// Up and running.
    Running,
    /// Being closed: the shutdown sequence still sends commands, but no timer may be armed any more
    /// (`HCI_CMD_DRAIN_WORKQUEUE`).
    Closing,
}

/// What to do with a timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TimerAction {
    /// Nothing.
    #[default]
    Keep,
    /// Start it, or start it anew, to fire in so many milliseconds.
    Arm(u64),
    /// Stop it.
    Disarm,
}

/// What to do with the two timers. Apply it before the lock around the queue is released: applied later, an old `Arm` might
/// overtake a new `Disarm`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Timers {
    /// The one whose end calls [`CommandQueue::on_command_timeout`](super::CommandQueue::on_command_timeout).
    pub command: TimerAction,
    /// The one whose end calls [`CommandQueue::on_credit_timeout`](super::CommandQueue::on_credit_timeout).
    pub credit: TimerAction,
}

/// Counters since [`CommandQueue::new`](super::CommandQueue::new). They wrap.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Commands handed out for transmission, repetitions included.
    pub sent: u64,
    /// Requests completed by an answer or by their event.
    pub completed: u64,
    /// Commands that the controller did not answer in time.
    pub timed_out: u64,
    /// Requests cancelled.
    pub cancelled: u64,
    /// Commands that the transport did not take.
    pub send_failed: u64,
    /// Answers to a command that was not in flight.
    pub unexpected: u64,
    /// Events that gave a credit without answering a command.
    pub nops: u64,
    /// Events that offered more than one credit; all but one were left unused.
    pub overgrants: u64,
    /// Times the controller stopped accepting commands for longer than [`CREDIT_TIMEOUT_MS`](super::CREDIT_TIMEOUT_MS).
    pub credit_stalls: u64,
    /// Commands sent again after a spontaneous reset.
    pub resent: u64,
    /// Requests refused because the queue was full.
    pub rejected_full: u64,
}

/// A request that was not accepted.
#[derive(Debug)]
pub struct Rejected<C> {
    /// The request.
    pub request: C,
    /// Why.
    pub reason: RejectReason,
}

/// Why a request was not accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RejectReason {
    /// The queue is full.
    Full,
    /// The controller is switched off.
    Down,
    /// NOP that waits for no event: it would never complete.
    NothingToDo,
}

/// A command to send now.
#[derive(Debug)]
#[must_use]
pub struct Transmit<'a, C> {
    /// Its request, which stays in the queue.
    pub request: &'a mut C,
    /// Timers to set.
    pub timers: Timers,
    /// It was sent before, and the controller reset itself instead of answering.
    pub again: bool,
}

/// What an answer meant.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer<C> {
    /// It answered nothing (opcode NOP) and only brought credit.
    Credit,
    /// It completed this request.
    Completed(C),
    /// It answered the command in flight, but the request was cancelled or completed by its event before.
    Abandoned,
    /// The command goes on; its request waits for its event.
    Waiting,
    /// The controller reset itself and forgot the command in flight: it will be sent again.
    Resend,
    /// The command was not in flight.
    Unexpected,
}

/// What to do after an answer.
#[derive(Debug)]
#[must_use]
pub struct Outcome<C> {
    /// What it meant.
    pub answer: Answer<C>,
    /// Timers to set.
    pub timers: Timers,
    /// Whether [`CommandQueue::poll_transmit`](super::CommandQueue::poll_transmit) now has a command.
    pub transmit: bool,
}

/// What to do when the command timer has fired.
#[derive(Debug)]
#[must_use]
pub enum CommandTimeout<C> {
    /// Nothing: the command was answered meanwhile.
    Stale,
    /// It fired for an earlier command: arm it again, for so many milliseconds.
    Early(u64),
    /// The controller did not answer. Its credit is restored and the queue goes on.
    Expired {
        /// The command.
        opcode: Opcode,
        /// Its request, unless it was cancelled or completed by its event.
        request: Option<C>,
        /// The command's event came, only the answer did not: no reason to reset the controller.
        event_seen: bool,
        /// Timers to set.
        timers: Timers,
        /// Whether [`CommandQueue::poll_transmit`](super::CommandQueue::poll_transmit) now has a command.
        transmit: bool,
    },
}

/// What to do when the credit timer has fired.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum CreditTimeout {
    /// Nothing: a credit came meanwhile.
    Stale,
    /// Arm it again, for so many milliseconds.
    Early(u64),
    /// The controller accepts no commands any more.
    Stalled {
        /// Whether to reset it; no during set-up, which has time-outs of its own.
        fatal: bool,
        /// How many requests are queued.
        queued: usize,
    },
}

/// Where a request is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Not sent yet.
    Queued,
    /// Sent, not answered.
    InFlight,
    /// Answered, waits for its event.
    Waiting,
}

/// A request taken back by [`CommandQueue::cancel`](super::CommandQueue::cancel).
#[derive(Debug)]
#[must_use]
pub struct Cancelled<C> {
    /// The request.
    pub request: C,
    /// Where it was.
    pub stage: Stage,
    /// Timers to set.
    pub timers: Timers,
    /// Whether [`CommandQueue::poll_transmit`](super::CommandQueue::poll_transmit) now has a command.
    pub transmit: bool,
}

/// A command taken back by [`CommandQueue::send_failed`](super::CommandQueue::send_failed).
#[derive(Debug)]
#[must_use]
pub struct SendFailed<C> {
    /// Its request, unless it was cancelled meanwhile.
    pub request: Option<C>,
    /// Timers to set.
    pub timers: Timers,
    /// Whether [`CommandQueue::poll_transmit`](super::CommandQueue::poll_transmit) now has a command.
    pub transmit: bool,
}
