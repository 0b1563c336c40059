// SPDX-License-Identifier: GPL-2.0

//! The queue of HCI commands and the controller's command credits (Vol 4 Part E 4.4).
//!
//! A controller says in each Command Complete and Command Status event (Vol 4 Part E 7.7.14, 7.7.15) how many commands it
//! would now take. The host keeps at most **one** in flight whatever the number, as the C stack does: controllers that
//! mishandle a second one are common, and nothing here is worth the difference.
//!
//! A request passes through these stages:
//!
//! ```text
//!  submit -> queued --poll_transmit--> in flight --Command Complete, or Status with an error--> handed back
//!                                          |  \--Command Status success, completes on an event--> waiting for its event
//!                                          |                                                           |
//!                                          `---------- its event ---------> handed back <--------------'
//! ```
//!
//! `cancel`, `on_command_timeout`, `send_failed` and `drain` hand it back from where it is.
//!
//! Between `poll_transmit` and the answer the queue owns the request; the caller sends a copy of the bytes. A cancelled
//! command keeps the slot of the command in flight until the controller has answered it or its time is over: its answer
//! must not be taken for that of the next command.

use wire::hci::{
    Opcode,
    Status, //
};

use crate::ring::Ring;

mod types;

use types::EVENT_COMMAND_STATUS;
pub use types::{
    Answer,
    Cancelled,
    CommandTimeout,
    CompletesOn,
    CreditTimeout,
    Outcome,
    Phase,
    QueuedCommand,
    RejectReason,
    Rejected,
    SendFailed,
    Stage,
    Stats,
    TimerAction,
    Timers,
    Transmit, //
};

/// How long a controller may take to answer a command.
pub const COMMAND_TIMEOUT_MS: u64 = 2_000;

/// How long it may take to answer HCI_Reset: some load their firmware anew.
pub const RESET_TIMEOUT_MS: u64 = 10_000;

/// How long a controller may refuse all commands (Num_HCI_Command_Packets of zero).
pub const CREDIT_TIMEOUT_MS: u64 = 4_000;

/// How often one command is sent again because the controller reset itself instead of answering.
pub const RESEND_LIMIT: u8 = 3;

/// The command that the controller owes an answer to.
struct InFlight<C> {
    opcode: Opcode,
    id: u64,
    /// Gone once it was cancelled or completed by its event.
    request: Option<C>,
    /// When the answer is overdue. None while no timer runs for it.
    deadline: Option<u64>,
    /// How often it was sent again.
    resends: u8,
    /// It is to be sent again, as soon as there is a credit.
    resend: bool,
    event_seen: bool,
}

/// A kind of answer.
#[derive(Clone, Copy)]
enum Kind {
    Complete,
    Status(Status),
}

/// The commands for one controller: at most `N` queued, at most `W` sent ones waiting for their event.
///
/// The caller keeps it under a lock that interrupts may take, applies the [`Timers`] under that lock, and sends, wakes and
/// frees after releasing it.
///
/// # Invariants
///
/// - At most one command is in flight.
/// - The requests that wait for an event and one such in flight, together, are at most `W`: a successful Command Status
///   always finds room.
/// - The credit timer runs only while there is no credit.
/// - In [`Phase::Down`] and [`Phase::Closing`] no timer runs.
pub struct CommandQueue<C, const N: usize, const W: usize = 4> {
    queue: Ring<C, N>,
    in_flight: Option<InFlight<C>>,
    waiting: Ring<C, W>,
    /// The controller would accept a command.
    credit: bool,
    /// When the lack of credit becomes a failure. None while that timer does not run.
    credit_deadline: Option<u64>,
    phase: Phase,
    stats: Stats,
}

impl<C: QueuedCommand, const N: usize, const W: usize> Default for CommandQueue<C, N, W> {
    fn default() -> Self {
        Self::new()
    }
}

/// Adds one to a counter, which may wrap.
#[inline]
fn count(counter: &mut u64) {
    *counter = counter.wrapping_add(1);
}

impl<C: QueuedCommand, const N: usize, const W: usize> CommandQueue<C, N, W> {
    /// An empty queue in [`Phase::Down`].
    pub const fn new() -> Self {
        const {
            assert!(
                N > 0 && W > 0,
                "a queue without room never completes anything"
            )
        };
        Self {
            queue: Ring::new(),
            in_flight: None,
            waiting: Ring::new(),
            credit: true,
            credit_deadline: None,
            phase: Phase::Down,
            stats: Stats {
                sent: 0,
                completed: 0,
                timed_out: 0,
                cancelled: 0,
                send_failed: 0,
                unexpected: 0,
                nops: 0,
                overgrants: 0,
                credit_stalls: 0,
                resent: 0,
                rejected_full: 0,
            },
        }
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// What the controller is being used for.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// How many requests are queued, not counting those sent.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Whether the controller accepts a command. It has one credit after power-on and after a reset (Vol 4 Part E 4.4).
    pub fn has_credit(&self) -> bool {
        self.credit
    }

    /// The command that the controller owes an answer to.
    pub fn in_flight_opcode(&self) -> Option<Opcode> {
        self.in_flight.as_ref().map(|slot| slot.opcode)
    }

    /// The request of the command in flight, unless it was cancelled or completed by its event.
    pub fn in_flight(&self) -> Option<&C> {
        self.in_flight.as_ref()?.request.as_ref()
    }

    /// The requests that wait for their event, oldest first.
    pub fn waiting(&self) -> impl Iterator<Item = &C> {
        self.waiting.iter()
    }

    /// Whether nothing is queued, in flight or waiting.
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.in_flight.is_none() && self.waiting.is_empty()
    }

    /// Where the request with this id is.
    pub fn stage(&self, id: u64) -> Option<Stage> {
        if self.in_flight().is_some_and(|request| request.id() == id) {
            Some(Stage::InFlight)
        } else if self.waiting.iter().any(|request| request.id() == id) {
            Some(Stage::Waiting)
        } else if self.queue.iter().any(|request| request.id() == id) {
            Some(Stage::Queued)
        } else {
            None
        }
    }

    /// Tells what the controller is being used for from now on.
    ///
    /// [`Phase::Setup`] starts with a fresh credit. [`Phase::Closing`] and [`Phase::Down`] stop the timers. Requests stay
    /// where they are: [`drain`](Self::drain) hands them back.
    #[must_use]
    pub fn set_phase(&mut self, phase: Phase) -> Timers {
        let mut timers = Timers::default();
        self.phase = phase;
        match phase {
            Phase::Running => {}
            Phase::Setup => {
                self.credit = true;
                timers.credit = self.stop_credit_timer();
            }
            Phase::Closing | Phase::Down => {
                timers.command = self.stop_command_timer();
                timers.credit = self.stop_credit_timer();
            }
        }
        timers
    }

    /// Appends a request.
    ///
    /// # Errors
    ///
    /// Hands the request back if the queue is full, if the controller is switched off, or if it would never complete.
    pub fn submit(&mut self, request: C) -> Result<(), Rejected<C>> {
        let reason = if self.phase == Phase::Down {
            RejectReason::Down
        } else if request.opcode() == Opcode::NOP && !request.completes_on().is_event() {
            RejectReason::NothingToDo
        } else {
            match self.queue.push_back(request) {
                Ok(()) => return Ok(()),
                Err(request) => {
                    count(&mut self.stats.rejected_full);
                    return Err(Rejected {
                        request,
                        reason: RejectReason::Full,
                    });
                }
            }
        };
        Err(Rejected { request, reason })
    }

    /// Whether [`poll_transmit`](Self::poll_transmit) has something to do.
    pub fn can_transmit(&self) -> bool {
        if self.phase == Phase::Down {
            return false;
        }
        if self.in_flight.as_ref().is_some_and(|slot| slot.resend) {
            return self.credit;
        }
        let Some(head) = self.queue.front() else {
            return false;
        };
        if head.opcode() == Opcode::NOP {
            return self.has_room_to_wait();
        }
        self.credit
            && self.in_flight.is_none()
            && (!head.completes_on().is_event() || self.has_room_to_wait())
    }

    /// Whether one more request may become one that waits for an event.
    fn has_room_to_wait(&self) -> bool {
        let in_flight = self
            .in_flight()
            .is_some_and(|request| request.completes_on().is_event());
        // Cannot wrap: a ring holds at most `isize::MAX` entries.
        self.waiting.len().wrapping_add(usize::from(in_flight)) < W
    }

    /// The next command to send, if one may be sent now.
    ///
    /// The request stays in the queue as the command in flight, before the first byte leaves: its answer may come from
    /// within the driver's send function. If sending fails call [`send_failed`](Self::send_failed).
    pub fn poll_transmit(&mut self, now_ms: u64) -> Option<Transmit<'_, C>> {
        // Requests that only wait for an event need neither credit nor transmission.
        while self.can_transmit()
            && self
                .queue
                .front()
                .is_some_and(|r| r.opcode() == Opcode::NOP)
        {
            if self.in_flight.as_ref().is_some_and(|slot| slot.resend) {
                break;
            }
            let request = self.queue.pop_front()?;
            if let Err(request) = self.waiting.push_back(request) {
                // Not reached: `can_transmit` saw room. Losing it is not an option.
                let _ = self.queue.push_back(request);
                return None;
            }
        }
        if !self.can_transmit() {
            return None;
        }

        let next = match &self.in_flight {
            Some(slot) => Some(slot.opcode),
            None => self.queue.front().map(QueuedCommand::opcode),
        };
        let limit = match next {
            Some(Opcode::RESET) => RESET_TIMEOUT_MS,
            _ => COMMAND_TIMEOUT_MS,
        };
        let deadline = match self.phase {
            Phase::Setup | Phase::Running => Some(now_ms.saturating_add(limit)),
            Phase::Closing | Phase::Down => None,
        };
        let mut timers = Timers::default();
        if deadline.is_some() {
            timers.command = TimerAction::Arm(limit);
        }

        let again = self.in_flight.is_some();
        if again {
            count(&mut self.stats.resent);
        } else {
            let request = self.queue.pop_front()?;
            self.in_flight = Some(InFlight {
                opcode: request.opcode(),
                id: request.id(),
                request: Some(request),
                deadline: None,
                resends: 0,
                resend: false,
                event_seen: false,
            });
        }
        count(&mut self.stats.sent);
        self.credit = false;

        let slot = self.in_flight.as_mut()?;
        slot.deadline = deadline;
        slot.resend = false;
        let request = slot.request.as_mut()?;
        Some(Transmit {
            request,
            timers,
            again,
        })
    }

    /// The transport did not take the command with this id. As it never left, its credit is still there.
    ///
    /// None if it is not in flight (any more).
    pub fn send_failed(&mut self, id: u64) -> Option<SendFailed<C>> {
        let slot = self.in_flight.take_if(|slot| slot.id == id)?;
        count(&mut self.stats.send_failed);
        let timers = Timers {
            command: disarm_if(slot.deadline.is_some()),
            credit: self.restore_credit(),
        };
        Some(SendFailed {
            request: slot.request,
            timers,
            transmit: self.can_transmit(),
        })
    }

    /// A Command Complete event for `opcode` arrived, with Num_HCI_Command_Packets `ncmd` (Vol 4 Part E 7.7.14).
    pub fn on_complete(&mut self, opcode: Opcode, ncmd: u8, now_ms: u64) -> Outcome<C> {
        self.on_answer(opcode, Kind::Complete, ncmd, now_ms)
    }

    /// A Command Status event for `opcode` arrived, with Num_HCI_Command_Packets `ncmd` (Vol 4 Part E 7.7.15).
    pub fn on_status(
        &mut self,
        opcode: Opcode,
        status: Status,
        ncmd: u8,
        now_ms: u64,
    ) -> Outcome<C> {
        self.on_answer(opcode, Kind::Status(status), ncmd, now_ms)
    }

    fn on_answer(&mut self, opcode: Opcode, kind: Kind, ncmd: u8, now_ms: u64) -> Outcome<C> {
        let mut timers = Timers::default();
        let answer = if opcode == Opcode::NOP {
            count(&mut self.stats.nops);
            Answer::Credit
        } else if let Some(slot) = self.in_flight.take_if(|slot| slot.opcode == opcode) {
            timers.command = disarm_if(slot.deadline.is_some());
            match slot.request {
                Some(request) => self.answered(request, kind),
                None => Answer::Abandoned,
            }
        } else if let Some(request) = self.answered_again(opcode, kind) {
            count(&mut self.stats.completed);
            Answer::Completed(request)
        } else if self.should_resend(opcode, kind) {
            timers.command = self.stop_command_timer();
            if let Some(slot) = self.in_flight.as_mut() {
                slot.resend = true;
                slot.resends = slot.resends.saturating_add(1);
            }
            Answer::Resend
        } else {
            count(&mut self.stats.unexpected);
            Answer::Unexpected
        };
        timers.credit = self.update_credit(ncmd, now_ms);
        Outcome {
            answer,
            timers,
            transmit: self.can_transmit(),
        }
    }

    /// The command of `request`, no longer in flight, was answered.
    fn answered(&mut self, request: C, kind: Kind) -> Answer<C> {
        let waits = match kind {
            Kind::Complete => false,
            Kind::Status(status) => {
                let on = request.completes_on();
                status.is_success() && on.is_event() && !on.matches(EVENT_COMMAND_STATUS, None)
            }
        };
        if waits {
            match self.waiting.push_back(request) {
                Ok(()) => return Answer::Waiting,
                // Not reached, see the invariants; completing it early is the lesser evil.
                Err(request) => {
                    count(&mut self.stats.completed);
                    return Answer::Completed(request);
                }
            }
        }
        count(&mut self.stats.completed);
        Answer::Completed(request)
    }

    /// Takes the request that waits for its event although its command was answered, if this second answer ends it.
    fn answered_again(&mut self, opcode: Opcode, kind: Kind) -> Option<C> {
        if matches!(kind, Kind::Status(status) if status.is_success()) {
            return None;
        }
        self.waiting
            .remove_first(|request| request.opcode() == opcode)
    }

    /// Whether a Command Complete for `opcode` means that the controller forgot the command in flight.
    ///
    /// Some controllers reset themselves during set-up, announce it by a Command Complete for a reset that nobody asked
    /// for, and never answer what was sent before.
    fn should_resend(&self, opcode: Opcode, kind: Kind) -> bool {
        self.phase == Phase::Setup
            && opcode == Opcode::RESET
            && matches!(kind, Kind::Complete)
            && self.in_flight.as_ref().is_some_and(|slot| {
                !slot.resend && slot.request.is_some() && slot.resends < RESEND_LIMIT
            })
    }

    /// Accounts for Num_HCI_Command_Packets.
    ///
    /// Until a reset in flight is answered, what the controller says about credits is about to become void, so it is
    /// ignored; the answer's own number counts.
    fn update_credit(&mut self, ncmd: u8, now_ms: u64) -> TimerAction {
        if self.in_flight_opcode() == Some(Opcode::RESET) {
            return TimerAction::Keep;
        }
        if ncmd > 1 {
            count(&mut self.stats.overgrants);
        }
        if ncmd > 0 {
            return self.restore_credit();
        }
        self.credit = false;
        if self.credit_deadline.is_some() || matches!(self.phase, Phase::Closing | Phase::Down) {
            // A controller that keeps repeating itself must not postpone its own failure.
            return TimerAction::Keep;
        }
        self.credit_deadline = Some(now_ms.saturating_add(CREDIT_TIMEOUT_MS));
        TimerAction::Arm(CREDIT_TIMEOUT_MS)
    }

    fn restore_credit(&mut self) -> TimerAction {
        self.credit = true;
        self.stop_credit_timer()
    }

    fn stop_credit_timer(&mut self) -> TimerAction {
        disarm_if(self.credit_deadline.take().is_some())
    }

    fn stop_command_timer(&mut self) -> TimerAction {
        let running = self
            .in_flight
            .as_mut()
            .and_then(|slot| slot.deadline.take());
        disarm_if(running.is_some())
    }

    /// An event arrived. Returns the oldest request that it completes.
    ///
    /// Command Complete and Command Status need not be told here: [`on_complete`](Self::on_complete) and
    /// [`on_status`](Self::on_status) complete who waits for these, and do look at the opcode.
    ///
    /// `subevent` is the subevent code of an LE Meta event. If this returned a request,
    /// [`can_transmit`](Self::can_transmit) may have become true.
    pub fn on_event(&mut self, code: u8, subevent: Option<u8>) -> Option<C> {
        self.on_event_where(code, subevent, |_| true)
    }

    /// As [`on_event`](Self::on_event), but only for a request that `concerns` accepts, so that, say, the end of another
    /// connection does not complete it.
    ///
    /// A command in flight may be completed by its event before it was answered; it stays in flight until it is.
    pub fn on_event_where(
        &mut self,
        code: u8,
        subevent: Option<u8>,
        concerns: impl Fn(&C) -> bool,
    ) -> Option<C> {
        let wanted =
            |request: &C| request.completes_on().matches(code, subevent) && concerns(request);
        if let Some(request) = self.waiting.remove_first(&wanted) {
            count(&mut self.stats.completed);
            return Some(request);
        }
        let slot = self.in_flight.as_mut()?;
        let request = slot.request.take_if(|request| wanted(request))?;
        slot.event_seen = true;
        if slot.resend {
            self.in_flight = None;
        }
        count(&mut self.stats.completed);
        Some(request)
    }

    /// The command timer fired. The queue goes on with a credit, so that one unanswered command does not end all traffic;
    /// whether the controller needs a reset is the caller's decision.
    ///
    /// A late answer to the command will count as unexpected, unless the same opcode is in flight again by then: HCI gives
    /// no means to tell these apart.
    pub fn on_command_timeout(&mut self, now_ms: u64) -> CommandTimeout<C> {
        let Some(deadline) = self.in_flight.as_ref().and_then(|slot| slot.deadline) else {
            return CommandTimeout::Stale;
        };
        let remaining = deadline.saturating_sub(now_ms);
        if remaining > 0 {
            return CommandTimeout::Early(remaining);
        }
        let Some(slot) = self.in_flight.take() else {
            return CommandTimeout::Stale;
        };
        count(&mut self.stats.timed_out);
        let timers = Timers {
            command: TimerAction::Keep,
            credit: self.restore_credit(),
        };
        CommandTimeout::Expired {
            opcode: slot.opcode,
            request: slot.request,
            event_seen: slot.event_seen,
            timers,
            transmit: self.can_transmit(),
        }
    }

    /// The credit timer fired. Nothing is sent until a credit comes, or until [`drain`](Self::drain) or
    /// [`Phase::Setup`] starts anew.
    pub fn on_credit_timeout(&mut self, now_ms: u64) -> CreditTimeout {
        let Some(deadline) = self.credit_deadline else {
            return CreditTimeout::Stale;
        };
        let remaining = deadline.saturating_sub(now_ms);
        if remaining > 0 {
            return CreditTimeout::Early(remaining);
        }
        self.credit_deadline = None;
        count(&mut self.stats.credit_stalls);
        CreditTimeout::Stalled {
            fatal: self.phase != Phase::Setup,
            queued: self.queue.len(),
        }
    }

    /// Takes the request with this id back, wherever it is.
    ///
    /// If its command is in flight the slot stays occupied until the answer or the time-out. While the controller is being
    /// closed there is no time-out, so then the slot becomes free at once.
    pub fn cancel(&mut self, id: u64) -> Option<Cancelled<C>> {
        let is_it = |request: &C| request.id() == id;
        let mut timers = Timers::default();
        let (request, stage) = if let Some(request) = self.queue.remove_first(is_it) {
            (request, Stage::Queued)
        } else if let Some(request) = self.waiting.remove_first(is_it) {
            (request, Stage::Waiting)
        } else {
            let slot = self.in_flight.as_mut()?;
            let request = slot.request.take_if(|request| is_it(request))?;
            if slot.resend {
                // It is not with the controller.
                self.in_flight = None;
            } else if slot.deadline.is_none() {
                self.in_flight = None;
                timers.credit = self.restore_credit();
            }
            (request, Stage::InFlight)
        };
        count(&mut self.stats.cancelled);
        Some(Cancelled {
            request,
            stage,
            timers,
            transmit: self.can_transmit(),
        })
    }

    /// Takes one request that waits for an event. After a reset those events will not come any more.
    pub fn take_waiting(&mut self) -> Option<C> {
        self.waiting.pop_front()
    }

    /// Takes back one request after the other, in the order in which they were submitted, until none is left; then the queue
    /// is as good as new, with one credit. The caller stops both timers.
    ///
    /// A request may be submitted meanwhile unless the phase is [`Phase::Down`].
    pub fn drain(&mut self) -> Option<C> {
        self.credit = true;
        self.credit_deadline = None;
        if let Some(request) = self.waiting.pop_front() {
            return Some(request);
        }
        if let Some(request) = self.in_flight.take().and_then(|slot| slot.request) {
            return Some(request);
        }
        self.queue.pop_front()
    }
}

#[inline]
fn disarm_if(running: bool) -> TimerAction {
    if running {
        TimerAction::Disarm
    } else {
        TimerAction::Keep
    }
}
