// SPDX-License-Identifier: GPL-2.0

//! The command queue against controllers that misbehave, in simulated time, and against arbitrary inputs.

use std::collections::{
    BTreeSet,
    VecDeque, //
};
use std::rc::Rc;

use engine::command::{
    Answer,
    CommandQueue,
    CommandTimeout,
    CompletesOn,
    CreditTimeout,
    Phase,
    QueuedCommand,
    Stage,
    TimerAction,
    Timers,
    COMMAND_TIMEOUT_MS,
    CREDIT_TIMEOUT_MS, //
};
use proptest::prelude::*;
use wire::hci::{
    Opcode,
    Status, //
};

struct Req {
    id: u64,
    opcode: Opcode,
    on: CompletesOn,
    /// Counted, to see that none is dropped by the queue.
    _alive: Rc<()>,
}

impl QueuedCommand for Req {
    fn opcode(&self) -> Opcode {
        self.opcode
    }
    fn completes_on(&self) -> CompletesOn {
        self.on
    }
    fn id(&self) -> u64 {
        self.id
    }
}

const CAPACITY: usize = 8;
const WAITERS: usize = 3;

/// The kernel side: the queue, its timers, and who got what.
struct Host {
    queue: CommandQueue<Req, CAPACITY, WAITERS>,
    now: u64,
    command_timer: Option<u64>,
    credit_timer: Option<u64>,
    alive: Rc<()>,
    next_id: u64,
    accepted: BTreeSet<u64>,
    handed_back: BTreeSet<u64>,
    timeouts: usize,
    stalls: usize,
}

impl Host {
    fn new(phase: Phase) -> Self {
        let mut host = Self {
            queue: CommandQueue::new(),
            now: 0,
            command_timer: None,
            credit_timer: None,
            alive: Rc::new(()),
            next_id: 1,
            accepted: BTreeSet::new(),
            handed_back: BTreeSet::new(),
            timeouts: 0,
            stalls: 0,
        };
        let timers = host.queue.set_phase(phase);
        host.set(timers);
        host
    }

    fn set(&mut self, timers: Timers) {
        for (timer, action) in [
            (&mut self.command_timer, timers.command),
            (&mut self.credit_timer, timers.credit),
        ] {
            match action {
                TimerAction::Keep => {}
                TimerAction::Arm(ms) => *timer = Some(self.now + ms),
                TimerAction::Disarm => *timer = None,
            }
        }
        self.check();
    }

    fn submit(&mut self, opcode: Opcode, on: CompletesOn) -> Option<u64> {
        let id = self.next_id;
        self.next_id += 1;
        let request = Req {
            id,
            opcode,
            on,
            _alive: self.alive.clone(),
        };
        if self.queue.submit(request).is_err() {
            return None;
        }
        self.accepted.insert(id);
        Some(id)
    }

    fn back(&mut self, request: Req) {
        assert!(self.accepted.contains(&request.id));
        assert!(self.handed_back.insert(request.id), "handed back twice");
    }

    fn back_all(&mut self, requests: impl IntoIterator<Item = Req>) {
        for request in requests {
            self.back(request);
        }
    }

    /// Sends one command if possible.
    fn transmit(&mut self) -> Option<(Opcode, u64)> {
        let could = self.queue.can_transmit();
        let busy = self.queue.in_flight_opcode();
        let (sent, timers) = match self.queue.poll_transmit(self.now) {
            Some(sent) => (
                Some((sent.request.opcode, sent.request.id, sent.again)),
                sent.timers,
            ),
            None => (None, Timers::default()),
        };
        if let Some((opcode, _, again)) = sent {
            assert!(could);
            assert_ne!(opcode, Opcode::NOP, "NOP is never sent");
            assert_eq!(busy.is_some(), again, "two in flight");
            assert!(!self.queue.has_credit(), "sent for nothing");
        }
        self.set(timers);
        sent.map(|(opcode, id, _)| (opcode, id))
    }

    fn answer(&mut self, opcode: Opcode, status: Option<u8>, ncmd: u8) -> Answer<()> {
        let outcome = match status {
            None => self.queue.on_complete(opcode, ncmd, self.now),
            Some(status) => self.queue.on_status(opcode, Status(status), ncmd, self.now),
        };
        assert_eq!(outcome.transmit, self.queue.can_transmit());
        let answer = match outcome.answer {
            Answer::Completed(request) => {
                assert_eq!(request.opcode, opcode);
                self.back(request);
                Answer::Completed(())
            }
            Answer::Credit => Answer::Credit,
            Answer::Abandoned => Answer::Abandoned,
            Answer::Waiting => Answer::Waiting,
            Answer::Resend => Answer::Resend,
            Answer::Unexpected => Answer::Unexpected,
        };
        self.set(outcome.timers);
        answer
    }

    fn event(&mut self, code: u8, subevent: Option<u8>) {
        if let Some(request) = self.queue.on_event(code, subevent) {
            assert!(request.on.matches(code, subevent));
            self.back(request);
        }
        self.check();
    }

    fn cancel(&mut self, id: u64) -> Option<Stage> {
        let cancelled = self.queue.cancel(id)?;
        assert_eq!(cancelled.request.id, id);
        self.back(cancelled.request);
        self.set(cancelled.timers);
        Some(cancelled.stage)
    }

    fn drain(&mut self) {
        while let Some(request) = self.queue.drain() {
            self.back(request);
        }
        self.command_timer = None;
        self.credit_timer = None;
        assert!(self.queue.is_idle() && self.queue.has_credit());
        assert_eq!(self.queue.on_credit_timeout(u64::MAX), CreditTimeout::Stale);
        assert_eq!(self.accepted, self.handed_back);
        assert_eq!(Rc::strong_count(&self.alive), 1);
    }

    /// Lets time pass, firing timers in order.
    fn sleep(&mut self, ms: u64) {
        let end = self.now + ms;
        loop {
            let due = [self.command_timer, self.credit_timer];
            let Some(next) = due.into_iter().flatten().filter(|at| *at <= end).min() else {
                break;
            };
            self.now = next;
            if self.command_timer == Some(next) {
                self.command_timer = None;
                self.fire_command();
            } else {
                self.credit_timer = None;
                self.fire_credit();
            }
        }
        self.now = end;
    }

    fn fire_command(&mut self) {
        match self.queue.on_command_timeout(self.now) {
            CommandTimeout::Stale => {}
            CommandTimeout::Early(ms) => {
                assert!(ms > 0);
                self.command_timer = Some(self.now + ms);
            }
            CommandTimeout::Expired {
                request,
                timers,
                transmit,
                ..
            } => {
                self.timeouts += 1;
                self.command_timer = None;
                assert!(self.queue.has_credit());
                assert_eq!(transmit, self.queue.can_transmit());
                self.back_all(request);
                self.set(timers);
            }
        }
    }

    fn fire_credit(&mut self) {
        match self.queue.on_credit_timeout(self.now) {
            CreditTimeout::Stale => {}
            CreditTimeout::Early(ms) => self.credit_timer = Some(self.now + ms),
            CreditTimeout::Stalled { .. } => {
                self.stalls += 1;
                self.credit_timer = None;
            }
        }
    }

    /// What holds between any two inputs.
    fn check(&self) {
        let q = &self.queue;
        assert!(q.queued() <= CAPACITY && q.waiting().count() <= WAITERS);
        assert!(!(q.has_credit() && self.credit_timer.is_some()));
        if matches!(q.phase(), Phase::Closing | Phase::Down) {
            assert!(self.command_timer.is_none() && self.credit_timer.is_none());
        } else if self.command_timer.is_some() {
            assert!(q.in_flight_opcode().is_some());
        }
        let held = q.queued() + q.waiting().count() + usize::from(q.in_flight().is_some());
        assert_eq!(held, self.accepted.len() - self.handed_back.len());
        assert_eq!(Rc::strong_count(&self.alive), 1 + held);
    }
}

/// How a controller treats the commands that it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vice {
    None,
    Overgrants,
    AnswersTwice,
    AnswersThePreviousOpcode,
    NeverAnswers,
    NeverAnswersEveryThird,
    ZeroCreditThenNop,
    ZeroCreditForEver,
    StatusInsteadOfComplete,
    NopStorm,
}

struct Controller {
    vice: Vice,
    seen: usize,
    previous: Opcode,
    /// Events on their way: opcode, ncmd, as a status.
    out: VecDeque<(Opcode, u8, bool)>,
}

impl Controller {
    fn new(vice: Vice) -> Self {
        Self {
            vice,
            seen: 0,
            previous: Opcode::NOP,
            out: VecDeque::new(),
        }
    }

    fn command(&mut self, opcode: Opcode) {
        self.seen += 1;
        let mut say = |opcode, ncmd, status| self.out.push_back((opcode, ncmd, status));
        match self.vice {
            Vice::None => say(opcode, 1, false),
            Vice::Overgrants => say(opcode, 200, false),
            Vice::AnswersTwice => {
                say(opcode, 1, false);
                say(opcode, 1, false);
            }
            Vice::AnswersThePreviousOpcode => say(self.previous, 1, false),
            Vice::NeverAnswers => {}
            Vice::NeverAnswersEveryThird if self.seen % 3 == 0 => {}
            Vice::NeverAnswersEveryThird => say(opcode, 1, false),
            Vice::ZeroCreditThenNop => {
                say(opcode, 0, false);
                say(Opcode::NOP, 1, self.seen % 2 == 0);
            }
            Vice::ZeroCreditForEver => say(opcode, 0, false),
            Vice::StatusInsteadOfComplete => say(opcode, 1, true),
            Vice::NopStorm => {
                for _ in 0..50 {
                    say(Opcode::NOP, 3, true);
                }
                say(opcode, 1, false);
            }
        }
        self.previous = opcode;
    }
}

/// Runs `commands` different commands; the queue is refilled as it empties. Returns the host after a minute at most.
fn run(vice: Vice, commands: usize) -> Host {
    let mut host = Host::new(Phase::Running);
    let mut controller = Controller::new(vice);
    let mut submitted = 0;
    for _ in 0..60_000 {
        while submitted < commands {
            let opcode = match submitted % 4 {
                3 => Opcode::vendor(submitted as u16),
                _ => Opcode(0x1001 + submitted as u16),
            };
            if host.submit(opcode, CompletesOn::Answer).is_none() {
                break;
            }
            submitted += 1;
        }
        while let Some((opcode, _)) = host.transmit() {
            controller.command(opcode);
        }
        if let Some((opcode, ncmd, status)) = controller.out.pop_front() {
            host.answer(opcode, status.then_some(0), ncmd);
        }
        host.sleep(1);
        if host.queue.is_idle() && submitted == commands && controller.out.is_empty() {
            break;
        }
    }
    host
}

#[test]
fn controllers_that_answer_somehow_get_through() {
    for vice in [
        Vice::None,
        Vice::Overgrants,
        Vice::AnswersTwice,
        Vice::ZeroCreditThenNop,
        Vice::StatusInsteadOfComplete,
        Vice::NopStorm,
    ] {
        let mut host = run(vice, 100);
        let stats = host.queue.stats();
        assert_eq!(stats.completed, 100, "{vice:?}");
        assert_eq!(stats.sent, 100, "{vice:?}");
        assert_eq!((host.timeouts, host.stalls), (0, 0), "{vice:?}");
        match vice {
            Vice::Overgrants => assert_eq!(stats.overgrants, 100),
            Vice::AnswersTwice => assert_eq!(stats.unexpected, 100),
            Vice::ZeroCreditThenNop => assert_eq!(stats.nops, 100),
            Vice::NopStorm => assert_eq!(stats.nops, 5000),
            _ => assert_eq!(stats.unexpected, 0),
        }
        host.drain();
    }
}

#[test]
fn deaf_controller_times_out_each_command_in_turn() {
    let mut host = run(Vice::NeverAnswers, 20);
    assert_eq!(host.timeouts, 20);
    assert_eq!(host.now / COMMAND_TIMEOUT_MS, 20);
    assert!(host.queue.is_idle());
    host.drain();
}

#[test]
fn forgetful_controller_loses_only_what_it_forgets() {
    let mut host = run(Vice::NeverAnswersEveryThird, 60);
    assert_eq!(host.timeouts, 20);
    assert_eq!(host.queue.stats().completed, 40);
    host.drain();
}

#[test]
fn wrong_opcodes_complete_nothing() {
    let mut host = run(Vice::AnswersThePreviousOpcode, 10);
    assert_eq!(host.timeouts, 10);
    assert_eq!(host.queue.stats().completed, 0);
    assert_eq!(host.queue.stats().unexpected, 9);
    assert_eq!(host.queue.stats().nops, 1);
    host.drain();
}

#[test]
fn controller_without_credit_is_reported_once() {
    let mut host = run(Vice::ZeroCreditForEver, 10);
    assert_eq!(host.queue.stats().sent, 1);
    assert_eq!((host.stalls, host.timeouts), (1, 0));
    assert_eq!(host.queue.queued(), 8);
    host.drain();
}

#[test]
fn every_command_is_due_within_its_time() {
    // The timers alone empty the queue, whatever the controller does not say.
    let mut host = Host::new(Phase::Running);
    for n in 0..CAPACITY {
        host.submit(Opcode(0x1001 + n as u16), CompletesOn::Answer);
    }
    while host.transmit().is_some() {
        assert!(host.command_timer.is_some());
        host.sleep(COMMAND_TIMEOUT_MS);
    }
    assert!(host.queue.is_idle());
    assert_eq!(host.timeouts, CAPACITY);
    const { assert!(CREDIT_TIMEOUT_MS > COMMAND_TIMEOUT_MS) };
    host.drain();
}

#[derive(Clone, Debug)]
enum Input {
    Submit(u16, u8),
    Transmit,
    Complete(u16, u8),
    Status(u16, u8, u8),
    Event(u8, Option<u8>),
    Sleep(u64),
    /// Timers may fire although they were stopped too late.
    LateCommandTimer,
    LateCreditTimer,
    Cancel(u64),
    SendFailed(u64),
    Phase(Phase),
    TakeWaiting,
    Drain,
}

fn opcode() -> impl Strategy<Value = u16> {
    prop_oneof![
        Just(Opcode::NOP.0),
        Just(Opcode::RESET.0),
        Just(0x1001),
        Just(0x0406),
        Just(0x200d),
        Just(0xfc01),
    ]
}

fn event_code() -> impl Strategy<Value = u8> {
    prop_oneof![
        Just(0u8),
        Just(1),
        Just(5),
        Just(0x0e),
        Just(0x0f),
        Just(0x3e),
        Just(0xff)
    ]
}

fn input() -> impl Strategy<Value = Input> {
    let ncmd = prop_oneof![Just(0u8), Just(1), Just(1), Just(1), Just(9)];
    let phase = prop_oneof![
        Just(Phase::Down),
        Just(Phase::Setup),
        Just(Phase::Running),
        Just(Phase::Running),
        Just(Phase::Closing)
    ];
    prop_oneof![
        6 => (opcode(), event_code()).prop_map(|(o, e)| Input::Submit(o, e)),
        6 => Just(Input::Transmit),
        5 => (opcode(), ncmd.clone()).prop_map(|(o, n)| Input::Complete(o, n)),
        5 => (opcode(), prop_oneof![Just(0u8), Just(0x0c)], ncmd)
            .prop_map(|(o, s, n)| Input::Status(o, s, n)),
        3 => (event_code(), proptest::option::of(event_code())).prop_map(|(c, s)| Input::Event(c, s)),
        2 => (0u64..5000).prop_map(Input::Sleep),
        1 => Just(Input::LateCommandTimer),
        1 => Just(Input::LateCreditTimer),
        2 => (1u64..60).prop_map(Input::Cancel),
        1 => (1u64..60).prop_map(Input::SendFailed),
        1 => phase.prop_map(Input::Phase),
        1 => Just(Input::TakeWaiting),
        1 => Just(Input::Drain),
    ]
}

proptest! {

    /// Whatever comes, in whatever order: at most one command in flight, no request lost, none handed back twice, timers
    /// only as the invariants say (all checked by `Host`).
    #[test]
    fn arbitrary_inputs_keep_the_invariants(inputs in proptest::collection::vec(input(), 1..200)) {
        let mut host = Host::new(Phase::Running);
        for input in inputs {
            match input {
                Input::Submit(opcode, event) => {
                    let opcode = Opcode(opcode);
                    host.submit(opcode, CompletesOn::from_event(opcode, event));
                    host.check();
                }
                Input::Transmit => {
                    host.transmit();
                }
                Input::Complete(opcode, ncmd) => {
                    host.answer(Opcode(opcode), None, ncmd);
                }
                Input::Status(opcode, status, ncmd) => {
                    host.answer(Opcode(opcode), Some(status), ncmd);
                }
                Input::Event(code, subevent) => host.event(code, subevent),
                Input::Sleep(ms) => host.sleep(ms),
                Input::LateCommandTimer => host.fire_command(),
                Input::LateCreditTimer => host.fire_credit(),
                Input::Cancel(id) => {
                    host.cancel(id);
                }
                Input::SendFailed(id) => {
                    if let Some(failed) = host.queue.send_failed(id) {
                        host.back_all(failed.request);
                        host.set(failed.timers);
                    }
                }
                Input::Phase(phase) => {
                    let timers = host.queue.set_phase(phase);
                    host.set(timers);
                }
                Input::TakeWaiting => {
                    let taken = host.queue.take_waiting();
                    host.back_all(taken);
                    host.check();
                }
                Input::Drain => host.drain(),
            }
        }
        host.drain();
    }

    /// After any abuse a well-behaved controller is served again, without a reset, once the timers had their time.
    #[test]
    fn the_queue_recovers(inputs in proptest::collection::vec((opcode(), any::<bool>(), 0u8..3), 0..100)) {
        let mut host = Host::new(Phase::Running);
        for (opcode, status, ncmd) in inputs {
            host.submit(Opcode(0x1005), CompletesOn::Answer);
            host.transmit();
            host.answer(Opcode(opcode), status.then_some(0), ncmd);
        }
        for _ in 0..=CAPACITY {
            host.sleep(COMMAND_TIMEOUT_MS);
            host.answer(Opcode::NOP, None, 1);
            host.transmit();
        }
        host.sleep(COMMAND_TIMEOUT_MS);
        prop_assert!(host.queue.is_idle());
        let id = host.submit(Opcode(0x1001), CompletesOn::Answer).unwrap();
        prop_assert_eq!(host.transmit(), Some((Opcode(0x1001), id)));
        prop_assert_eq!(host.answer(Opcode(0x1001), None, 1), Answer::Completed(()));
        host.drain();
    }
}
