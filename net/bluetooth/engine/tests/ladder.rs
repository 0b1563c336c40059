// SPDX-License-Identifier: GPL-2.0

//! The reset ladder, and simulated devices on it.

use engine::ladder::{
    Action,
    Config,
    Decision,
    Departed,
    Exhausted,
    History,
    Ladder,
    Log,
    Place,
    Reason,
    Step, //
};
use proptest::prelude::*;
use wire::hci::Opcode;

const ALL: Config = Config {
    driver_reset: true,
    transport_reset: true,
    max_runs: 3,
};
const BARE: Config = Config {
    driver_reset: false,
    transport_reset: false,
    max_runs: 3,
};
const VERSION: Opcode = Opcode(0x1001);
const TIMEOUT: Reason = Reason::CommandTimeout(VERSION);

fn run(decision: Decision) -> Step {
    match decision.action {
        Action::Run(step) => step,
        other => panic!("{other:?}"),
    }
}

#[test]
fn climbs_step_by_step_and_gives_up_once() {
    let mut ladder = Ladder::new(ALL);
    let first = ladder.failure(TIMEOUT);
    assert_eq!(first.log, Log::First);
    assert_eq!(run(first), Step::HciReset);
    assert_eq!(ladder.running(), Some(Step::HciReset));
    assert_eq!(ladder.step_failed(), Action::Run(Step::DriverReset));
    assert_eq!(ladder.step_failed(), Action::Run(Step::TransportReset));
    assert_eq!(
        ladder.step_failed(),
        Action::GiveUp {
            reason: TIMEOUT,
            exhausted: Exhausted::Steps,
            runs: 1
        }
    );
    assert!(ladder.has_given_up());
    // From here on silence.
    assert_eq!(ladder.step_failed(), Action::Nothing);
    for _ in 0..1000 {
        let decision = ladder.failure(TIMEOUT);
        assert_eq!(decision.action, Action::Nothing);
        assert_eq!(decision.log, Log::Suppressed);
    }
    assert_eq!(ladder.stats().gave_up, 1);
    assert_eq!(ladder.stats().suppressed, 1000);
}

#[test]
fn switched_off_meanwhile() {
    let mut ladder = Ladder::new(ALL);
    assert_eq!(run(ladder.failure(TIMEOUT)), Step::HciReset);
    ladder.abandon();
    assert_eq!(ladder.running(), None);
    assert_eq!(ladder.step_failed(), Action::Nothing);
    // Switched on again it fails as before, which is one run more.
    assert_eq!(run(ladder.failure(TIMEOUT)), Step::DriverReset);
    assert_eq!(ladder.stats().runs, 2);
}

#[test]
fn only_what_is_on_offer() {
    let mut ladder = Ladder::new(Config {
        driver_reset: false,
        ..ALL
    });
    assert_eq!(run(ladder.failure(TIMEOUT)), Step::HciReset);
    assert_eq!(ladder.step_failed(), Action::Run(Step::TransportReset));

    let mut ladder = Ladder::new(BARE);
    assert_eq!(run(ladder.failure(TIMEOUT)), Step::HciReset);
    assert!(matches!(ladder.step_failed(), Action::GiveUp { .. }));

    let mut ladder = Ladder::new(BARE);
    let reset = Reason::CommandTimeout(Opcode::RESET);
    assert_eq!(run(ladder.failure(reset)), Step::HciReset, "all there is");

    let mut ladder = Ladder::new(Config {
        max_runs: 0,
        ..Config::default()
    });
    assert!(matches!(
        ladder.failure(TIMEOUT).action,
        Action::GiveUp { runs: 0, .. }
    ));
}

#[test]
fn unanswered_reset_skips_the_reset() {
    let mut ladder = Ladder::new(ALL);
    let reset = Reason::CommandTimeout(Opcode::RESET);
    assert_eq!(run(ladder.failure(reset)), Step::DriverReset);
}

#[test]
fn failures_during_a_step_are_part_of_it() {
    let mut ladder = Ladder::new(ALL);
    assert_eq!(
        run(ladder.failure(Reason::SetupFailed(-110))),
        Step::HciReset
    );
    for reason in [TIMEOUT, Reason::CreditStall, Reason::HardwareError(3)] {
        let decision = ladder.failure(reason);
        assert_eq!(decision.action, Action::Nothing);
        assert_eq!(decision.log, Log::First, "another kind");
    }
    assert_eq!(ladder.stats().runs, 1);
}

#[test]
fn a_reset_that_does_not_last_is_followed_by_a_rougher_one() {
    let mut ladder = Ladder::new(ALL);
    for step in [Step::HciReset, Step::DriverReset, Step::TransportReset] {
        assert_eq!(run(ladder.failure(TIMEOUT)), step);
        ladder.step_succeeded();
    }
    assert_eq!(
        ladder.failure(TIMEOUT).action,
        Action::GiveUp {
            reason: TIMEOUT,
            exhausted: Exhausted::Runs,
            runs: 3
        }
    );
}

#[test]
fn stability_clears_the_past() {
    let mut ladder = Ladder::new(ALL);
    for _ in 0..100 {
        let decision = ladder.failure(Reason::HardwareError(1));
        assert_eq!(decision.log, Log::First);
        assert_eq!(run(decision), Step::HciReset);
        assert_eq!(ladder.stable(), 0, "not while a step runs");
        assert_eq!(
            ladder.failure(Reason::HardwareError(2)).log,
            Log::Suppressed
        );
        ladder.step_succeeded();
        assert_eq!(ladder.stable(), 1);
        assert_eq!(ladder.handover(), None);
    }
}

/// The controllers that a device's resets bring, one after another: each fails to be set up, at once or after its
/// `HCI_Reset`. Returns how often the device was reset until there was silence.
fn never_set_up(config: Config, departed: &mut Departed, place: Place) -> u32 {
    let mut resets = 0;
    for controller in 0..100 {
        let now = controller * 1000;
        let mut ladder = Ladder::new(config);
        if let Some(history) = departed.take(place, now) {
            ladder.inherit(history);
        }
        let mut action = ladder.failure(Reason::SetupFailed(-110)).action;
        let mut leaves = false;
        while let Action::Run(step) = action {
            if step > Step::HciReset {
                resets += 1;
                leaves = true;
                // The set-up may have failed before the device left, or may not.
                if controller % 2 == 0 {
                    break;
                }
            }
            action = ladder.step_failed();
        }
        if let Some(history) = ladder.handover() {
            departed.note(place, history, now);
        }
        if !leaves {
            assert!(ladder.has_given_up());
            assert_eq!(ladder.handover(), None, "plugged in again, it starts over");
            return resets;
        }
    }
    panic!("reset for ever");
}

#[test]
fn a_usb_device_that_cannot_be_set_up_is_not_reset_for_ever() {
    let usb = Config {
        driver_reset: true,
        ..BARE
    };
    let place = Place::new(b"1-1.4:1.0");
    let mut departed = Departed::new();
    assert_eq!(never_set_up(usb, &mut departed, place), 3);
    assert_eq!(departed.take(place, 0), None);
    // A transport that can be reset, too: some controllers see both kinds of reset.
    assert!(never_set_up(ALL, &mut departed, place) <= 6);
    // No reset that could bring another controller.
    assert_eq!(never_set_up(BARE, &mut departed, place), 0);
}

#[test]
fn a_device_that_works_after_its_reset_starts_over_when_it_is_stable() {
    let mut ladder = Ladder::new(ALL);
    assert_eq!(ladder.handover(), None);
    let _ = ladder.failure(TIMEOUT);
    assert_eq!(ladder.handover(), None, "an HCI_Reset sends nobody away");
    let _ = ladder.step_failed();
    let history = ladder.handover();
    assert_eq!(
        history,
        Some(History {
            runs: 1,
            reached: Some(Step::DriverReset)
        })
    );
    let mut next = Ladder::new(ALL);
    next.inherit(history.unwrap());
    // Pulled out by hand: not for a reset.
    assert_eq!(next.handover(), None);
    assert_eq!(run(next.failure(TIMEOUT)), Step::TransportReset);
    next.step_succeeded();
    assert!(
        next.handover().is_some(),
        "the device may leave a bit later"
    );
    let _ = next.stable();
    assert_eq!(next.handover(), None);
    assert_eq!(run(next.failure(TIMEOUT)), Step::HciReset);
}

#[test]
fn departed_are_remembered_by_place_and_for_a_while() {
    let place = |n: u64| Place::new(format!("{n}-1:1.0").as_bytes());
    let of = |runs| History {
        runs,
        reached: Some(Step::DriverReset),
    };
    let mut departed = Departed::default();
    for n in 0..10 {
        departed.note(place(n), of(1), n);
    }
    assert_eq!(departed.take(place(0), 10), None, "eight at most");
    assert_eq!(departed.take(place(1), 10), None);
    assert_eq!(departed.take(place(2), 10), Some(of(1)));
    assert_eq!(departed.take(place(2), 10), None, "once");
    departed.note(place(3), of(2), 20);
    assert_eq!(departed.take(place(3), 21), Some(of(2)), "the last word");
    let late = 4 + Departed::KEEP_MS;
    assert_eq!(departed.take(place(4), late), Some(of(1)));
    assert_eq!(departed.take(place(5), late + 2), None, "too late");
}

#[test]
fn a_device_that_is_gone_is_torn_down() {
    for steps in 0..3 {
        let mut ladder = Ladder::new(ALL);
        if steps > 0 {
            let _ = ladder.failure(TIMEOUT);
        }
        if steps > 1 {
            while ladder.step_failed() != Action::Nothing {}
        }
        let decision = ladder.failure(Reason::DeviceGone);
        assert_eq!(decision.action, Action::TearDown);
        for reason in [Reason::DeviceGone, TIMEOUT] {
            assert_eq!(ladder.failure(reason).action, Action::Nothing);
        }
        assert_eq!(ladder.step_failed(), Action::Nothing);
        ladder.step_succeeded();
        assert!(!ladder.restart());
    }
}

#[test]
fn a_user_may_try_again() {
    let mut ladder = Ladder::new(BARE);
    assert!(ladder.restart());
    let _ = ladder.failure(TIMEOUT);
    assert!(ladder.restart(), "not needed");
    let _ = ladder.step_failed();
    assert!(ladder.has_given_up());
    assert!(ladder.restart());
    let decision = ladder.failure(TIMEOUT);
    assert_eq!(decision.log, Log::First);
    assert_eq!(run(decision), Step::HciReset);
}

#[test]
fn callbacks_set_late_count() {
    let mut ladder = Ladder::new(BARE);
    assert_eq!(run(ladder.failure(TIMEOUT)), Step::HciReset);
    ladder.set_config(ALL);
    assert_eq!(ladder.step_failed(), Action::Run(Step::DriverReset));
}

#[derive(Clone, Debug)]
enum Input {
    Failure(Reason),
    Succeeded,
    Failed,
    Stable,
    Restart,
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        8 => prop_oneof![
            Just(TIMEOUT),
            Just(Reason::CommandTimeout(Opcode::RESET)),
            any::<u8>().prop_map(Reason::HardwareError),
            Just(Reason::SetupFailed(-110)),
            Just(Reason::CreditStall),
        ]
        .prop_map(Input::Failure),
        4 => Just(Input::Succeeded),
        4 => Just(Input::Failed),
        1 => Just(Input::Stable),
        1 => Just(Input::Restart),
        1 => Just(Input::Failure(Reason::DeviceGone)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bounded_whatever_happens(
        driver_reset: bool,
        transport_reset: bool,
        max_runs in 0u8..5,
        inputs in proptest::collection::vec(input(), 0..200),
    ) {
        let config = Config { driver_reset, transport_reset, max_runs };
        let mut ladder = Ladder::new(config);
        let (mut runs, mut steps, mut gave_up, mut torn_down) = (0u32, 0u32, 0u32, false);
        let mut last: Option<Step> = None;
        for input in inputs {
            let begins = ladder.running().is_none();
            let action = match input {
                Input::Failure(reason) => ladder.failure(reason).action,
                Input::Succeeded => {
                    ladder.step_succeeded();
                    Action::Nothing
                }
                Input::Failed => ladder.step_failed(),
                Input::Stable => {
                    if ladder.running().is_none() && !ladder.has_given_up() {
                        (runs, steps, gave_up) = (0, 0, 0);
                    }
                    ladder.stable();
                    Action::Nothing
                }
                Input::Restart => {
                    if ladder.has_given_up() {
                        (runs, steps, gave_up) = (0, 0, 0);
                    }
                    prop_assert_eq!(ladder.restart(), !torn_down);
                    Action::Nothing
                }
            };
            match action {
                Action::Nothing => {}
                Action::Run(step) => {
                    prop_assert!(!torn_down && gave_up == 0);
                    match step {
                        Step::HciReset => {}
                        Step::DriverReset => prop_assert!(driver_reset),
                        Step::TransportReset => prop_assert!(transport_reset),
                    }
                    if begins {
                        runs += 1;
                    } else {
                        prop_assert!(Some(step) > last, "no rougher than before");
                    }
                    let resets = step > Step::HciReset;
                    prop_assert_eq!(ladder.is_resetting(), resets);
                    prop_assert_eq!(ladder.ask_for_reset(), resets, "the driver is asked");
                    prop_assert!(!ladder.ask_for_reset(), "and once only");
                    last = Some(step);
                    steps += 1;
                    prop_assert_eq!(ladder.running(), Some(step));
                }
                Action::GiveUp { .. } => gave_up += 1,
                Action::TearDown => {
                    prop_assert!(!torn_down);
                    torn_down = true;
                }
            }
            prop_assert!(!ladder.ask_for_reset());
            prop_assert!(runs <= max_runs.into());
            prop_assert!(steps <= 3 * runs);
            prop_assert!(gave_up <= 1);
        }
    }
}
