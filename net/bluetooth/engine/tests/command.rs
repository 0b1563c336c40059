// SPDX-License-Identifier: GPL-2.0

//! The command queue, input by input.

use engine::command::{
    Answer,
    CommandQueue,
    CommandTimeout,
    CompletesOn,
    CreditTimeout,
    Phase,
    QueuedCommand,
    RejectReason,
    Stage,
    TimerAction,
    Timers,
    COMMAND_TIMEOUT_MS,
    CREDIT_TIMEOUT_MS,
    RESEND_LIMIT, //
    RESET_TIMEOUT_MS,
};
use wire::hci::{
    Opcode,
    Status, //
};

#[derive(Debug, PartialEq, Eq)]
struct Req {
    id: u64,
    opcode: Opcode,
    on: CompletesOn,
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

type Queue = CommandQueue<Req, 4, 2>;

const VERSION: Opcode = Opcode(0x1001);
const FEATURES: Opcode = Opcode(0x1003);
const DISCONNECT: Opcode = Opcode(0x0406);
const LE_CREATE: Opcode = Opcode(0x200d);
const VENDOR: Opcode = Opcode(0xfc01);
const SUCCESS: Status = Status(0);
const FAILURE: Status = Status(0x0c);
const DISCONNECTION_COMPLETE: u8 = 0x05;
const LE_META: u8 = 0x3e;
const CONNECTION_COMPLETE: u8 = 0x01;

const KEEP: Timers = Timers {
    command: TimerAction::Keep,
    credit: TimerAction::Keep,
};
const STOP_COMMAND: Timers = Timers {
    command: TimerAction::Disarm,
    credit: TimerAction::Keep,
};

fn req(id: u64, opcode: Opcode) -> Req {
    Req {
        id,
        opcode,
        on: CompletesOn::Answer,
    }
}

fn waits(id: u64, opcode: Opcode, event: u8) -> Req {
    Req {
        id,
        opcode,
        on: CompletesOn::from_event(opcode, event),
    }
}

fn queue(phase: Phase) -> Queue {
    let mut queue = Queue::new();
    let _ = queue.set_phase(phase);
    queue
}

/// Submits and sends one.
fn send(queue: &mut Queue, request: Req, now: u64) {
    let id = request.id;
    let limit = match request.opcode() {
        Opcode::RESET => RESET_TIMEOUT_MS,
        _ => COMMAND_TIMEOUT_MS,
    };
    queue.submit(request).unwrap();
    let sent = queue.poll_transmit(now).expect("nothing to send");
    assert_eq!(sent.request.id, id);
    assert!(!sent.again);
    assert_eq!(sent.timers.command, TimerAction::Arm(limit));
}

fn completed(answer: Answer<Req>) -> u64 {
    match answer {
        Answer::Completed(request) => request.id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_after_the_other() {
    let mut q = queue(Phase::Running);
    assert!(q.is_idle() && q.has_credit() && !q.can_transmit());
    q.submit(req(1, VERSION)).unwrap();
    q.submit(req(2, FEATURES)).unwrap();
    assert!(q.can_transmit());
    assert_eq!(q.poll_transmit(0).unwrap().request.id, 1);
    assert!(q.poll_transmit(0).is_none(), "two in flight");
    assert_eq!(q.stage(1), Some(Stage::InFlight));
    assert_eq!(q.stage(2), Some(Stage::Queued));
    assert_eq!(q.in_flight_opcode(), Some(VERSION));

    let outcome = q.on_complete(VERSION, 1, 5);
    assert_eq!(completed(outcome.answer), 1);
    assert_eq!(outcome.timers, STOP_COMMAND);
    assert!(outcome.transmit);
    assert_eq!(q.poll_transmit(5).unwrap().request.id, 2);
    let outcome = q.on_status(FEATURES, FAILURE, 1, 6);
    assert_eq!(completed(outcome.answer), 2);
    assert!(!outcome.transmit);
    assert!(q.is_idle());
    assert_eq!((q.stats().sent, q.stats().completed), (2, 2));
}

#[test]
fn still_one_in_flight_however_many_are_granted() {
    let mut q = queue(Phase::Running);
    for id in 1..=3 {
        q.submit(req(id, VERSION)).unwrap();
    }
    assert!(q.poll_transmit(0).is_some());
    let _ = q.on_complete(VERSION, 255, 0);
    assert!(q.poll_transmit(0).is_some());
    assert!(q.poll_transmit(0).is_none());
    // A NOP granting more does not open the slot either.
    let outcome = q.on_complete(Opcode::NOP, 7, 0);
    assert_eq!(outcome.answer, Answer::Credit);
    assert!(!outcome.transmit);
    assert!(q.poll_transmit(0).is_none());
    assert_eq!(q.stats().overgrants, 2);
}

#[test]
fn no_credit_stops_the_queue_until_a_nop() {
    let mut q = queue(Phase::Running);
    q.submit(req(1, VERSION)).unwrap();
    q.submit(req(2, FEATURES)).unwrap();
    assert!(q.poll_transmit(0).is_some());
    let outcome = q.on_complete(VERSION, 0, 10);
    assert_eq!(completed(outcome.answer), 1);
    assert_eq!(
        outcome.timers,
        Timers {
            command: TimerAction::Disarm,
            credit: TimerAction::Arm(CREDIT_TIMEOUT_MS),
        }
    );
    assert!(!outcome.transmit);
    assert!(q.poll_transmit(10).is_none());

    // Repeating it postpones nothing.
    assert_eq!(q.on_complete(Opcode::NOP, 0, 3000).timers, KEEP);
    let outcome = q.on_status(Opcode::NOP, SUCCESS, 1, 3500);
    assert_eq!(outcome.answer, Answer::Credit);
    assert_eq!(outcome.timers.credit, TimerAction::Disarm);
    assert!(outcome.transmit);
    assert_eq!(q.on_credit_timeout(4010), CreditTimeout::Stale);
    assert_eq!(q.poll_transmit(3500).unwrap().request.id, 2);
}

#[test]
fn no_credit_for_ever_is_a_stall() {
    let mut q = queue(Phase::Running);
    send(&mut q, req(1, VERSION), 0);
    let _ = q.on_complete(VERSION, 0, 100);
    q.submit(req(2, FEATURES)).unwrap();
    assert_eq!(q.on_credit_timeout(4000), CreditTimeout::Early(100));
    assert_eq!(
        q.on_credit_timeout(4100),
        CreditTimeout::Stalled {
            fatal: true,
            queued: 1
        }
    );
    assert_eq!(q.on_credit_timeout(4100), CreditTimeout::Stale);
    assert!(q.poll_transmit(9000).is_none());
    assert_eq!(q.drain().unwrap().id, 2);
    assert!(q.drain().is_none());
    assert!(q.has_credit() && q.is_idle());
}

#[test]
fn a_stall_during_setup_is_left_to_the_setup() {
    let mut q = queue(Phase::Setup);
    send(&mut q, req(1, VERSION), 0);
    let _ = q.on_complete(VERSION, 0, 0);
    assert_eq!(
        q.on_credit_timeout(4000),
        CreditTimeout::Stalled {
            fatal: false,
            queued: 0
        }
    );
    let timers = q.set_phase(Phase::Setup);
    assert_eq!(timers, KEEP);
    assert!(q.has_credit());
}

#[test]
fn reset_in_flight_hides_credits() {
    let mut q = queue(Phase::Running);
    send(&mut q, req(1, Opcode::RESET), 0);
    let outcome = q.on_complete(Opcode::NOP, 0, 1);
    assert_eq!(outcome.timers, KEEP);
    let outcome = q.on_complete(VERSION, 0, 1);
    assert_eq!(outcome.answer, Answer::Unexpected);
    assert_eq!(outcome.timers, KEEP);
    let outcome = q.on_complete(Opcode::RESET, 1, 2);
    assert_eq!(completed(outcome.answer), 1);
    assert!(q.has_credit());
}

#[test]
fn reset_answered_without_credit_then_nop() {
    let mut q = queue(Phase::Setup);
    send(&mut q, req(1, Opcode::RESET), 0);
    q.submit(req(2, VERSION)).unwrap();
    let outcome = q.on_complete(Opcode::RESET, 0, 2);
    assert_eq!(outcome.timers.credit, TimerAction::Arm(CREDIT_TIMEOUT_MS));
    assert!(!outcome.transmit);
    let outcome = q.on_complete(Opcode::NOP, 1, 3);
    assert_eq!(outcome.timers.credit, TimerAction::Disarm);
    assert!(outcome.transmit);
}

#[test]
fn wrong_opcode_completes_nothing_and_keeps_the_timer() {
    let mut q = queue(Phase::Running);
    send(&mut q, req(1, VERSION), 0);
    let outcome = q.on_complete(FEATURES, 1, 1);
    assert_eq!(outcome.answer, Answer::Unexpected);
    assert_eq!(outcome.timers, KEEP);
    assert_eq!(q.stage(1), Some(Stage::InFlight));
    assert!(matches!(
        q.on_command_timeout(2000),
        CommandTimeout::Expired {
            opcode: VERSION,
            request: Some(_),
            ..
        }
    ));
    assert_eq!(q.stats().unexpected, 1);
}

#[test]
fn second_answer_is_unexpected() {
    let mut q = queue(Phase::Running);
    send(&mut q, req(1, VERSION), 0);
    let _ = q.on_complete(VERSION, 1, 1);
    send(&mut q, req(2, FEATURES), 0);
    assert_eq!(q.on_complete(VERSION, 1, 1).answer, Answer::Unexpected);
    assert_eq!(q.stage(2), Some(Stage::InFlight));
    assert_eq!(completed(q.on_complete(FEATURES, 1, 1).answer), 2);
    assert_eq!(
        q.on_status(FEATURES, SUCCESS, 1, 1).answer,
        Answer::Unexpected
    );
    assert_eq!(q.stats().unexpected, 2);
}

#[test]
fn status_success_then_event() {
    let mut q = queue(Phase::Running);
    send(&mut q, waits(1, DISCONNECT, DISCONNECTION_COMPLETE), 0);
    q.submit(req(2, VERSION)).unwrap();
    let outcome = q.on_status(DISCONNECT, SUCCESS, 1, 1);
    assert_eq!(outcome.answer, Answer::Waiting);
    assert_eq!(outcome.timers, STOP_COMMAND);
    assert!(outcome.transmit, "waiting for an event blocks no command");
    assert_eq!(q.stage(1), Some(Stage::Waiting));
    assert_eq!(q.poll_transmit(1).unwrap().request.id, 2);
    assert!(q.on_event(0x03, None).is_none());
    assert!(q.on_event(LE_META, Some(DISCONNECTION_COMPLETE)).is_none());
    assert_eq!(q.on_event(DISCONNECTION_COMPLETE, None).unwrap().id, 1);
    assert!(q.on_event(DISCONNECTION_COMPLETE, None).is_none());
}

#[test]
fn status_error_completes_at_once() {
    let mut q = queue(Phase::Running);
    send(&mut q, waits(1, LE_CREATE, CONNECTION_COMPLETE), 0);
    assert_eq!(completed(q.on_status(LE_CREATE, FAILURE, 1, 1).answer), 1);
    assert!(q.on_event(LE_META, Some(CONNECTION_COMPLETE)).is_none());
}

#[test]
fn complete_after_status_and_late_error_end_the_waiting() {
    let mut q = queue(Phase::Running);
    for id in 1..=2 {
        send(&mut q, waits(id, LE_CREATE, CONNECTION_COMPLETE), 0);
        assert_eq!(
            q.on_status(LE_CREATE, SUCCESS, 1, 1).answer,
            Answer::Waiting
        );
        // Saying the same again is not news.
        assert_eq!(
            q.on_status(LE_CREATE, SUCCESS, 1, 1).answer,
            Answer::Unexpected
        );
    }
    assert_eq!(completed(q.on_complete(LE_CREATE, 1, 1).answer), 1);
    assert_eq!(completed(q.on_status(LE_CREATE, FAILURE, 1, 1).answer), 2);
}

#[test]
fn event_before_the_answer() {
    let mut q = queue(Phase::Running);
    send(&mut q, waits(1, VENDOR, 0xff), 0);
    q.submit(req(2, VERSION)).unwrap();
    assert_eq!(q.on_event(0xff, None).unwrap().id, 1);
    assert_eq!(q.in_flight_opcode(), Some(VENDOR));
    assert!(q.in_flight().is_none());
    assert!(!q.can_transmit(), "still owed an answer");
    let outcome = q.on_complete(VENDOR, 1, 1);
    assert_eq!(outcome.answer, Answer::Abandoned);
    assert!(outcome.transmit);
}

#[test]
fn event_but_never_an_answer() {
    let mut q = queue(Phase::Running);
    send(&mut q, waits(1, VENDOR, 0xff), 0);
    assert!(q.on_event(0xff, None).is_some());
    assert!(matches!(
        q.on_command_timeout(2000),
        CommandTimeout::Expired {
            opcode: VENDOR,
            request: None,
            event_seen: true,
            ..
        }
    ));
}

#[test]
fn event_of_somebody_else() {
    let mut q = queue(Phase::Running);
    for id in 1..=2 {
        send(&mut q, waits(id, DISCONNECT, DISCONNECTION_COMPLETE), 0);
        let _ = q.on_status(DISCONNECT, SUCCESS, 1, 1);
    }
    let second = q.on_event_where(DISCONNECTION_COMPLETE, None, |r| r.id == 2);
    assert_eq!(second.unwrap().id, 2);
    let third = q.on_event_where(DISCONNECTION_COMPLETE, None, |r| r.id == 3);
    assert!(third.is_none());
    assert_eq!(q.waiting().count(), 1);
}

#[test]
fn nop_only_waits() {
    let mut q = queue(Phase::Running);
    send(&mut q, req(1, VERSION), 0);
    q.submit(waits(2, Opcode::NOP, 0x18)).unwrap();
    q.submit(req(3, FEATURES)).unwrap();
    assert!(q.can_transmit(), "needs neither credit nor the slot");
    assert!(q.poll_transmit(1).is_none());
    assert_eq!(q.stage(2), Some(Stage::Waiting));
    assert_eq!(q.stage(3), Some(Stage::Queued));
    assert_eq!(q.on_event(LE_META, Some(0x18)).unwrap().id, 2);
    let refused = q.submit(req(4, Opcode::NOP)).unwrap_err();
    assert_eq!(refused.reason, RejectReason::NothingToDo);
    assert_eq!(refused.request.id, 4);
}

#[test]
fn no_room_to_wait_holds_the_command_back() {
    let mut q = queue(Phase::Running);
    for id in 1..=2 {
        send(&mut q, waits(id, DISCONNECT, DISCONNECTION_COMPLETE), 0);
        let _ = q.on_status(DISCONNECT, SUCCESS, 1, 1);
    }
    q.submit(waits(3, LE_CREATE, CONNECTION_COMPLETE)).unwrap();
    q.submit(waits(4, Opcode::NOP, 0x18)).unwrap();
    assert!(!q.can_transmit());
    assert!(q.poll_transmit(1).is_none());
    assert_eq!(q.on_event(DISCONNECTION_COMPLETE, None).unwrap().id, 1);
    assert_eq!(q.poll_transmit(1).unwrap().request.id, 3);
    // 2 waits and 3 will: no room for 4.
    assert!(!q.can_transmit());
    let _ = q.on_status(LE_CREATE, SUCCESS, 1, 2);
    assert!(!q.can_transmit());
    assert_eq!(q.take_waiting().unwrap().id, 2);
    assert!(q.can_transmit());
}

#[test]
fn timeout_restores_the_credit() {
    let mut q = queue(Phase::Running);
    send(&mut q, req(1, VERSION), 1000);
    q.submit(req(2, FEATURES)).unwrap();
    assert!(matches!(
        q.on_command_timeout(2999),
        CommandTimeout::Early(1)
    ));
    match q.on_command_timeout(3000) {
        CommandTimeout::Expired {
            opcode,
            request,
            event_seen,
            timers,
            transmit,
        } => {
            assert_eq!(opcode, VERSION);
            assert_eq!(request.unwrap().id, 1);
            assert!(!event_seen && transmit);
            assert_eq!(timers, KEEP);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(q.poll_transmit(3000).unwrap().request.id, 2);
    // The late answer belongs to nobody.
    assert_eq!(q.on_complete(VERSION, 1, 3001).answer, Answer::Unexpected);
    assert_eq!(q.stage(2), Some(Stage::InFlight));
}

#[test]
fn timer_that_fired_as_the_answer_came() {
    let mut q = queue(Phase::Running);
    assert!(matches!(q.on_command_timeout(9), CommandTimeout::Stale));
    send(&mut q, req(1, VERSION), 0);
    let _ = q.on_complete(VERSION, 1, 1999);
    assert!(matches!(q.on_command_timeout(2000), CommandTimeout::Stale));
    send(&mut q, req(2, VERSION), 2000);
    assert!(matches!(
        q.on_command_timeout(2001),
        CommandTimeout::Early(1999)
    ));
    assert_eq!(q.stage(2), Some(Stage::InFlight));
}

#[test]
fn timeout_ends_a_credit_stall_too() {
    let mut q = queue(Phase::Running);
    send(&mut q, req(1, VERSION), 0);
    // Another opcode takes the credit away while this one is unanswered.
    let outcome = q.on_complete(FEATURES, 0, 500);
    assert_eq!(outcome.timers.credit, TimerAction::Arm(CREDIT_TIMEOUT_MS));
    match q.on_command_timeout(2000) {
        CommandTimeout::Expired { timers, .. } => {
            assert_eq!(timers.credit, TimerAction::Disarm);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(q.on_credit_timeout(9000), CreditTimeout::Stale);
}

#[test]
fn cancel_everywhere() {
    let mut q = queue(Phase::Running);
    send(&mut q, waits(1, DISCONNECT, DISCONNECTION_COMPLETE), 0);
    let _ = q.on_status(DISCONNECT, SUCCESS, 1, 0);
    send(&mut q, req(2, VERSION), 0);
    for id in 3..=5 {
        q.submit(req(id, FEATURES)).unwrap();
    }

    let waiting = q.cancel(1).unwrap();
    assert_eq!((waiting.stage, waiting.request.id), (Stage::Waiting, 1));
    assert!(q.on_event(DISCONNECTION_COMPLETE, None).is_none());

    let queued = q.cancel(4).unwrap();
    assert_eq!((queued.stage, queued.request.id), (Stage::Queued, 4));

    let in_flight = q.cancel(2).unwrap();
    assert_eq!(
        (in_flight.stage, in_flight.request.id),
        (Stage::InFlight, 2)
    );
    assert_eq!(in_flight.timers, KEEP, "still owed an answer");
    assert!(!in_flight.transmit);
    assert!(q.cancel(2).is_none());
    assert_eq!(q.stage(2), None);

    assert_eq!(q.on_complete(VERSION, 1, 1).answer, Answer::Abandoned);
    assert_eq!(q.poll_transmit(1).unwrap().request.id, 3);
    let _ = q.on_complete(FEATURES, 1, 1);
    assert_eq!(q.poll_transmit(1).unwrap().request.id, 5);
    assert_eq!(q.stats().cancelled, 3);
}

#[test]
fn cancelled_in_flight_still_times_out() {
    let mut q = queue(Phase::Running);
    send(&mut q, req(1, VERSION), 0);
    let _ = q.cancel(1).unwrap();
    q.submit(req(2, FEATURES)).unwrap();
    assert!(!q.can_transmit());
    assert!(matches!(
        q.on_command_timeout(2000),
        CommandTimeout::Expired {
            request: None,
            event_seen: false,
            transmit: true,
            ..
        }
    ));
}

#[test]
fn send_failure_costs_no_credit() {
    let mut q = queue(Phase::Running);
    send(&mut q, req(1, VERSION), 0);
    q.submit(req(2, FEATURES)).unwrap();
    assert!(q.send_failed(2).is_none());
    let failed = q.send_failed(1).unwrap();
    assert_eq!(failed.request.unwrap().id, 1);
    assert_eq!(failed.timers, STOP_COMMAND);
    assert!(failed.transmit);
    assert_eq!(q.poll_transmit(0).unwrap().request.id, 2);
    let _ = q.cancel(2).unwrap();
    assert!(q.send_failed(2).unwrap().request.is_none());
    assert!(q.send_failed(2).is_none());
}

#[test]
fn full_queue_hands_back() {
    let mut q = queue(Phase::Running);
    for id in 1..=4 {
        q.submit(req(id, VERSION)).unwrap();
    }
    let refused = q.submit(req(5, VERSION)).unwrap_err();
    assert_eq!(
        (refused.reason, refused.request.id),
        (RejectReason::Full, 5)
    );
    assert_eq!(q.stats().rejected_full, 1);
    assert!(q.poll_transmit(0).is_some());
    q.submit(refused.request).unwrap();
    assert_eq!(q.queued(), 4);
}

#[test]
fn down_takes_nothing() {
    let mut q = Queue::default();
    let refused = q.submit(req(1, VERSION)).unwrap_err();
    assert_eq!(refused.reason, RejectReason::Down);
    let _ = q.set_phase(Phase::Running);
    send(&mut q, waits(1, DISCONNECT, DISCONNECTION_COMPLETE), 0);
    let _ = q.on_status(DISCONNECT, SUCCESS, 1, 0);
    send(&mut q, req(2, VERSION), 0);
    q.submit(req(3, VERSION)).unwrap();
    assert_eq!(q.set_phase(Phase::Down), STOP_COMMAND);
    assert!(q.poll_transmit(0).is_none());
    let drained: Vec<u64> = std::iter::from_fn(|| q.drain()).map(|r| r.id).collect();
    assert_eq!(drained, [1, 2, 3]);
    assert!(matches!(q.on_command_timeout(9999), CommandTimeout::Stale));
}

#[test]
fn closing_arms_no_timer_and_cancel_frees_the_slot() {
    let mut q = queue(Phase::Running);
    send(&mut q, req(1, VERSION), 0);
    let _ = q.on_complete(FEATURES, 0, 0);
    assert_eq!(
        q.set_phase(Phase::Closing),
        Timers {
            command: TimerAction::Disarm,
            credit: TimerAction::Disarm,
        }
    );
    assert!(matches!(q.on_command_timeout(9999), CommandTimeout::Stale));
    q.submit(req(2, VENDOR)).unwrap();
    let cancelled = q.cancel(1).unwrap();
    assert!(cancelled.transmit);
    let sent = q.poll_transmit(0).unwrap();
    assert_eq!((sent.request.id, sent.timers), (2, KEEP));
    let outcome = q.on_complete(VENDOR, 0, 1);
    assert_eq!(outcome.timers, KEEP);
    assert!(q.drain().is_none() && q.has_credit());
}

#[test]
fn spontaneous_reset_during_setup_sends_again() {
    let mut q = queue(Phase::Setup);
    send(&mut q, req(1, VERSION), 0);
    for n in 0..RESEND_LIMIT {
        let outcome = q.on_complete(Opcode::RESET, u8::from(n != 1), 1);
        assert_eq!(outcome.answer, Answer::Resend);
        assert_eq!(outcome.timers.command, TimerAction::Disarm);
        if n == 1 {
            assert!(!outcome.transmit, "no credit yet");
            assert!(q.on_complete(Opcode::NOP, 1, 1).transmit);
        }
        let sent = q.poll_transmit(1).unwrap();
        assert!(sent.again);
        assert_eq!(sent.request.id, 1);
        assert_eq!(sent.timers.command, TimerAction::Arm(COMMAND_TIMEOUT_MS));
    }
    let outcome = q.on_complete(Opcode::RESET, 1, 1);
    assert_eq!(outcome.answer, Answer::Unexpected, "no loop");
    assert_eq!(completed(q.on_complete(VERSION, 1, 1).answer), 1);
}

#[test]
fn spontaneous_reset_that_needs_no_repetition() {
    let mut q = queue(Phase::Setup);
    send(&mut q, req(1, VERSION), 0);
    assert_eq!(q.on_complete(Opcode::RESET, 1, 1).answer, Answer::Resend);
    // Answered all the same.
    assert_eq!(completed(q.on_complete(VERSION, 1, 1).answer), 1);
    assert!(q.poll_transmit(1).is_none());

    send(&mut q, req(2, VERSION), 0);
    assert_eq!(q.on_complete(Opcode::RESET, 1, 1).answer, Answer::Resend);
    let cancelled = q.cancel(2).unwrap();
    assert_eq!(cancelled.stage, Stage::InFlight);
    assert!(q.is_idle());

    send(&mut q, waits(3, VENDOR, 0xff), 0);
    assert_eq!(q.on_complete(Opcode::RESET, 1, 1).answer, Answer::Resend);
    assert_eq!(q.on_event(0xff, None).unwrap().id, 3);
    assert!(q.is_idle());

    let mut q = queue(Phase::Running);
    send(&mut q, req(1, VERSION), 0);
    assert_eq!(
        q.on_complete(Opcode::RESET, 1, 1).answer,
        Answer::Unexpected
    );
}

#[test]
fn what_drivers_mean_by_an_event() {
    use CompletesOn::{Answer, Event, EventOrLeSubevent, LeSubevent};
    for (opcode, event, meant) in [
        (VERSION, 0x00, Answer),
        (LE_CREATE, 0x00, Answer),
        (DISCONNECT, 0x05, Event(0x05)),
        (DISCONNECT, 0x0e, Event(0x0e)),
        (VENDOR, 0x0f, Event(0x0f)),
        (VENDOR, 0xff, Event(0xff)),
        (LE_CREATE, 0x0a, LeSubevent(0x0a)),
        (Opcode::NOP, 0x18, EventOrLeSubevent(0x18)),
    ] {
        assert_eq!(CompletesOn::from_event(opcode, event), meant);
    }
    assert!(EventOrLeSubevent(0x18).matches(0x18, None));
    assert!(EventOrLeSubevent(0x18).matches(LE_META, Some(0x18)));
    assert!(!EventOrLeSubevent(0x18).matches(0x17, Some(0x18)));
    assert!(!LeSubevent(1).matches(LE_META, None));
    assert!(!LeSubevent(1).matches(1, Some(1)));
    assert!(!Answer.matches(0, None));

    // Whoever waits for Command Complete is not content with a status.
    let mut q = queue(Phase::Running);
    send(&mut q, waits(1, VENDOR, 0x0e), 0);
    assert_eq!(
        q.on_status(VENDOR, SUCCESS, 1, 0).answer,
        engine::command::Answer::Waiting
    );
    assert_eq!(completed(q.on_complete(VENDOR, 1, 0).answer), 1);
    // Whoever waits for Command Status is.
    send(&mut q, waits(2, VENDOR, 0x0f), 0);
    assert_eq!(completed(q.on_status(VENDOR, SUCCESS, 1, 0).answer), 2);
}

#[test]
fn time_may_be_at_its_end() {
    let mut q = queue(Phase::Running);
    send(&mut q, req(1, VERSION), u64::MAX);
    assert!(matches!(
        q.on_command_timeout(u64::MAX),
        CommandTimeout::Expired { .. }
    ));
}

#[test]
fn a_reset_may_take_longer() {
    let mut q = queue(Phase::Setup);
    q.submit(req(1, Opcode::RESET)).unwrap();
    let sent = q.poll_transmit(0).unwrap();
    assert_eq!(sent.timers.command, TimerAction::Arm(RESET_TIMEOUT_MS));
    assert!(matches!(
        q.on_command_timeout(COMMAND_TIMEOUT_MS),
        CommandTimeout::Early(_)
    ));
    assert!(matches!(
        q.on_command_timeout(RESET_TIMEOUT_MS),
        CommandTimeout::Expired { .. }
    ));
}
