// SPDX-License-Identifier: GPL-2.0

//! The ladder of recovery with failures in any order: it tries no more than it may, each step of a run is rougher than the one
//! before, and it ends.

#![no_main]

use engine::ladder::{
    Action,
    Config,
    Ladder,
    Log,
    Reason,
    Step, //
};
use libfuzzer_sys::fuzz_target;
use oxtooth_fuzz::Input;
use wire::hci::Opcode;

struct Model {
    config: Config,
    runs: u8,
    last: Option<Step>,
    gave_up: bool,
    gone: bool,
    said: Vec<core::mem::Discriminant<Reason>>,
}

impl Model {
    fn acts(&mut self, action: Action, begins: bool) {
        assert!(!self.gone || action == Action::Nothing);
        match action {
            Action::Nothing => {}
            Action::Run(step) => {
                assert!(!self.gave_up);
                match step {
                    Step::HciReset => {}
                    Step::DriverReset => assert!(self.config.driver_reset),
                    Step::TransportReset => assert!(self.config.transport_reset),
                }
                if begins {
                    self.runs += 1;
                    assert!(self.runs <= self.config.max_runs);
                } else {
                    assert!(self.last.is_some_and(|last| last < step));
                }
                self.last = Some(step);
            }
            Action::GiveUp { .. } => {
                assert!(!self.gave_up, "it gave up before");
                self.gave_up = true;
            }
            Action::TearDown => self.gone = true,
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let bits = input.u8();
    let config = Config {
        driver_reset: bits & 1 != 0,
        transport_reset: bits & 2 != 0,
        max_runs: bits >> 2 & 7,
    };
    let mut ladder = Ladder::new(config);
    let mut model = Model {
        config,
        runs: 0,
        last: None,
        gave_up: false,
        gone: false,
        said: Vec::new(),
    };
    while !input.is_empty() {
        match input.below(10) {
            0..=4 => {
                let reason = match input.below(5) {
                    0 => Reason::CommandTimeout(Opcode(input.u16())),
                    1 => Reason::HardwareError(input.u8()),
                    2 => Reason::SetupFailed(-i32::from(input.u8())),
                    3 => Reason::CreditStall,
                    _ if input.u8() == 0xff => Reason::DeviceGone,
                    _ => Reason::CommandTimeout(Opcode::RESET),
                };
                let busy = ladder.running().is_some();
                let decision = ladder.failure(reason);
                let kind = core::mem::discriminant(&reason);
                let said = model.said.contains(&kind);
                assert!(!(said && decision.log == Log::First), "said twice");
                model.said.push(kind);
                assert!(!busy || !matches!(decision.action, Action::Run(_)));
                model.acts(decision.action, true);
            }
            5 | 6 => {
                let action = ladder.step_failed();
                model.acts(action, false);
            }
            7 => ladder.step_succeeded(),
            8 => {
                if ladder.running().is_none() {
                    let gave_up = ladder.has_given_up();
                    ladder.stable();
                    if !gave_up {
                        (model.runs, model.last, model.said) = (0, None, Vec::new());
                    }
                }
            }
            _ => {
                if ladder.running().is_none() && ladder.restart() {
                    assert!(!model.gone);
                    (model.runs, model.last, model.said) = (0, None, Vec::new());
                    model.gave_up = false;
                }
            }
        }
        assert_eq!(ladder.has_given_up(), model.gave_up && !model.gone);
    }
});
