// SPDX-License-Identifier: GPL-2.0

//! Commands and a controller that answers anything at any time: each request that was taken comes back once, one is in flight at
//! most, nothing is sent without a credit, and no timer runs where nothing is awaited.

#![no_main]

use std::collections::BTreeSet;

use engine::command::{
    Answer,
    CommandQueue,
    CommandTimeout,
    CompletesOn,
    CreditTimeout,
    Phase,
    QueuedCommand,
    TimerAction,
    Timers, //
};
use libfuzzer_sys::fuzz_target;
use oxtooth_fuzz::Input;
use wire::hci::{
    Opcode,
    Status, //
};

struct Request {
    id: u64,
    opcode: Opcode,
    on: CompletesOn,
}

impl QueuedCommand for Request {
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

const OPCODES: [Opcode; 6] = [
    Opcode::RESET,
    Opcode::READ_LOCAL_VERSION,
    Opcode(0x2043),
    Opcode(0x0405),
    Opcode(0xfc01),
    Opcode::NOP,
];
const EVENTS: [u8; 5] = [0x03, 0x0e, 0x0f, 0x3e, 0xff];

struct Host {
    queue: CommandQueue<Request, 6, 3>,
    out: BTreeSet<u64>,
    command_timer: Option<u64>,
    credit_timer: Option<u64>,
    now: u64,
}

impl Host {
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
    }

    fn back(&mut self, request: Request) {
        assert!(self.out.remove(&request.id), "it came back before");
    }

    fn answer(&mut self, opcode: Opcode, status: Option<u8>, ncmd: u8) {
        let outcome = match status {
            None => self.queue.on_complete(opcode, ncmd, self.now),
            Some(status) => self.queue.on_status(opcode, Status(status), ncmd, self.now),
        };
        assert_eq!(outcome.transmit, self.queue.can_transmit());
        if let Answer::Completed(request) = outcome.answer {
            assert_eq!(request.opcode, opcode);
            self.back(request);
        }
        self.set(outcome.timers);
    }

    fn transmit(&mut self, fails: bool) {
        let could = self.queue.can_transmit();
        let busy = self.queue.in_flight_opcode();
        let Some(sent) = self.queue.poll_transmit(self.now) else {
            return;
        };
        assert!(could && sent.request.opcode != Opcode::NOP);
        assert_eq!(busy.is_some(), sent.again, "two in flight");
        let (id, timers) = (sent.request.id, sent.timers);
        assert!(!self.queue.has_credit(), "sent for nothing");
        self.set(timers);
        if fails {
            if let Some(failed) = self.queue.send_failed(id) {
                failed.request.into_iter().for_each(|r| self.back(r));
                self.set(failed.timers);
            }
        }
    }

    fn fire(&mut self) {
        if self.command_timer.is_some_and(|at| at <= self.now) {
            self.command_timer = None;
            match self.queue.on_command_timeout(self.now) {
                CommandTimeout::Stale => {}
                CommandTimeout::Early(ms) => {
                    assert!(ms > 0);
                    self.command_timer = Some(self.now + ms);
                }
                CommandTimeout::Expired {
                    request, timers, ..
                } => {
                    request.into_iter().for_each(|r| self.back(r));
                    self.set(timers);
                }
            }
        }
        if self.credit_timer.is_some_and(|at| at <= self.now) {
            self.credit_timer = None;
            if let CreditTimeout::Early(ms) = self.queue.on_credit_timeout(self.now) {
                self.credit_timer = Some(self.now + ms);
            }
        }
    }

    fn check(&self) {
        let queue = &self.queue;
        let held = queue.queued() + queue.waiting().count();
        assert_eq!(
            held + usize::from(queue.in_flight().is_some()),
            self.out.len()
        );
        assert!(!(queue.has_credit() && self.credit_timer.is_some()));
        if self.command_timer.is_some() {
            assert!(queue.in_flight_opcode().is_some());
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let mut host = Host {
        queue: CommandQueue::new(),
        out: BTreeSet::new(),
        command_timer: None,
        credit_timer: None,
        now: 0,
    };
    let timers = host.queue.set_phase(Phase::Setup);
    host.set(timers);
    let mut next = 1;
    while !input.is_empty() {
        match input.below(16) {
            0..=3 => {
                let opcode = input.pick(&OPCODES);
                let on = CompletesOn::from_event(opcode, input.pick(&[0, 0x03, 0x0e, 0x0f, 0x01]));
                let request = Request {
                    id: next,
                    opcode,
                    on,
                };
                if host.queue.submit(request).is_ok() {
                    host.out.insert(next);
                }
                next += 1;
            }
            4 | 5 => host.transmit(false),
            6 => host.transmit(true),
            7 | 8 => {
                let opcode = input.pick(&OPCODES);
                let ncmd = input.u8();
                host.answer(opcode, None, ncmd);
            }
            9 => {
                let opcode = input.pick(&OPCODES);
                let (status, ncmd) = (input.u8(), input.u8());
                host.answer(opcode, Some(status), ncmd);
            }
            10 => {
                let (code, subevent) = (input.pick(&EVENTS), input.u8());
                if let Some(request) = host
                    .queue
                    .on_event(code, (code == 0x3e).then_some(subevent))
                {
                    host.back(request);
                }
            }
            11 => {
                let id = u64::from(input.u8()) % (next + 1);
                if let Some(cancelled) = host.queue.cancel(id) {
                    host.back(cancelled.request);
                    host.set(cancelled.timers);
                }
            }
            12 => {
                host.now += u64::from(input.u16());
                host.fire();
            }
            13 => {
                let phase =
                    input.pick(&[Phase::Running, Phase::Closing, Phase::Down, Phase::Setup]);
                let timers = host.queue.set_phase(phase);
                host.set(timers);
                if matches!(phase, Phase::Closing | Phase::Down) {
                    assert!(host.command_timer.is_none() && host.credit_timer.is_none());
                    while let Some(request) = host.queue.drain() {
                        host.back(request);
                    }
                    assert!(host.out.is_empty());
                }
            }
            14 => {
                while let Some(request) = host.queue.take_waiting() {
                    host.back(request);
                }
            }
            // A timer that fires although it was stopped.
            _ => {
                if let CommandTimeout::Expired {
                    request, timers, ..
                } = host.queue.on_command_timeout(host.now)
                {
                    request.into_iter().for_each(|r| host.back(r));
                    host.set(timers);
                }
            }
        }
        host.check();
    }
    while let Some(request) = host.queue.drain() {
        host.back(request);
    }
    assert!(host.out.is_empty(), "one was lost");
});
