// SPDX-License-Identifier: GPL-2.0

//! The reset ladder: what to try after a failure, and when to stop.
//!
//! One ladder serves set-up and run time. A run starts with the gentlest step that may help and climbs as steps fail:
//!
//! 1. [`Step::HciReset`]: close, HCI_Reset (Vol 4 Part E 7.3.2), set up again.
//! 2. [`Step::DriverReset`]: the driver's own `reset` callback, such as a GPIO line or an ACPI method.
//! 3. [`Step::TransportReset`]: reset of the transport, such as the USB port, where that is not what the driver began with.
//! 4. Give up, once, with a reason.
//!
//! A step *succeeds* when the controller is set up again. That is no proof of health: a controller may fail, be reset, come
//! up and fail again for ever, and some do, with a firmware download each time. So a failure that follows a successful step
//! before the controller has been stable for a while continues one step above it, and after [`Config::max_runs`] runs
//! without stability the ladder gives up.
//!
//! A reset by the driver or of the transport may take the controller away and bring another, as one of a USB device does.
//! The count outlives the controller: [`Ladder::handover`] says what the next one must know, [`Departed`] keeps it by the
//! place where the hardware is, and [`Ladder::inherit`] goes on from there.
//!
//! A reset has two parts: the driver is asked for it ([`Ladder::ask_for_reset`]), and once all that it then does has been
//! done, the controller is closed and opened. A driver may reset in a job of its own, for which it wants the transport as
//! it is.
//!
//! A device that has left its bus is never reset, but torn down.
//!
//! It also decides what is logged: the first failure of each kind, and none after it until the controller was stable.

use wire::hci::Opcode;

/// What went wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// The controller did not answer this command in time.
    CommandTimeout(Opcode),
    /// The controller reported a hardware error with this code (Vol 4 Part E 7.7.16), or the driver did.
    HardwareError(u8),
    /// Setting the controller up failed with this error number (negative, as in the kernel).
    SetupFailed(i32),
    /// The controller accepts no commands any more.
    CreditStall,
    /// The device is gone (`-ENODEV`).
    DeviceGone,
}

impl Reason {
    const KINDS: usize = 5;

    /// Numbers the kinds of reasons from 0 to `KINDS - 1`.
    fn kind(self) -> usize {
        match self {
            Self::CommandTimeout(_) => 0,
            Self::HardwareError(_) => 1,
            Self::SetupFailed(_) => 2,
            Self::CreditStall => 3,
            Self::DeviceGone => 4,
        }
    }

    /// The gentlest step that may help.
    fn first_step(self) -> Step {
        match self {
            // It did not answer exactly this.
            Self::CommandTimeout(Opcode::RESET) => Step::DriverReset,
            _ => Step::HciReset,
        }
    }
}

/// A step of the ladder; the greater, the rougher.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Step {
    /// Close the controller, reset it by HCI_Reset, and set it up again.
    HciReset,
    /// Have the driver reset the controller, then as [`Self::HciReset`].
    DriverReset,
    /// Have the driver reset the transport, then as [`Self::HciReset`].
    TransportReset,
}

impl Step {
    fn next(self) -> Option<Self> {
        match self {
            Self::HciReset => Some(Self::DriverReset),
            Self::DriverReset => Some(Self::TransportReset),
            Self::TransportReset => None,
        }
    }
}

/// What a device offers, and how long to try.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Config {
    /// The driver has a `reset` callback.
    pub driver_reset: bool,
    /// The transport can be reset.
    pub transport_reset: bool,
    /// After so many runs without stability in between, give up.
    pub max_runs: u8,
}

impl Config {
    /// Runs without stability that a user should have to watch: one per step.
    pub const DEFAULT_MAX_RUNS: u8 = 3;

    fn offers(&self, step: Step) -> bool {
        match step {
            Step::HciReset => true,
            Step::DriverReset => self.driver_reset,
            Step::TransportReset => self.transport_reset,
        }
    }

    /// The gentlest step on offer that is at least `step`.
    fn from(&self, step: Step) -> Option<Step> {
        let mut step = step;
        while !self.offers(step) {
            step = step.next()?;
        }
        Some(step)
    }

    /// The gentlest step on offer above `step`.
    fn above(&self, step: Step) -> Option<Step> {
        self.from(step.next()?)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            driver_reset: false,
            transport_reset: false,
            max_runs: Self::DEFAULT_MAX_RUNS,
        }
    }
}

/// What outlives the controller: see [`Ladder::handover`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct History {
    /// Runs since the controller was last stable.
    pub runs: u8,
    /// The roughest step tried since.
    pub reached: Option<Step>,
}

/// Why the ladder gave up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exhausted {
    /// The roughest step on offer failed.
    Steps,
    /// The controller came up again and again and never stayed up.
    Runs,
}

/// What to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Nothing: a step is running, or the ladder gave up before.
    Nothing,
    /// Try this, then report [`Ladder::step_succeeded`] or [`Ladder::step_failed`].
    Run(Step),
    /// Leave the controller down, say so once. The ladder does nothing more until [`Ladder::restart`].
    GiveUp {
        /// The failure that started the last run.
        reason: Reason,
        /// Why there is nothing left to try.
        exhausted: Exhausted,
        /// How many runs there were.
        runs: u8,
    },
    /// Unregister the device. The ladder does nothing more.
    TearDown,
}

/// Whether a failure is logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Log {
    /// Log it: it is the first of its kind since the controller was stable.
    First,
    /// Do not: it was counted.
    Suppressed,
}

/// The answer to a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub struct Decision {
    /// What to do.
    pub action: Action,
    /// Whether to log the failure itself. The action is always worth a line: there are few.
    pub log: Log,
}

/// Counters since [`Ladder::new`]. They wrap.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Failures reported.
    pub failures: u32,
    /// Failures that were not logged.
    pub suppressed: u32,
    /// Runs begun.
    pub runs: u32,
    /// Steps begun.
    pub steps: u32,
    /// Times the ladder gave up.
    pub gave_up: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Nothing is being done.
    Idle,
    /// This step is being tried; the driver was `asked` for the reset that it begins with.
    Running {
        step: Step,
        reason: Reason,
        asked: bool,
    },
    /// Nothing is left to try.
    GaveUp,
    /// The device has left its bus.
    Gone,
}

/// The ladder of one device.
///
/// # Invariants
///
/// - Between two calls of [`stable`](Self::stable) or [`restart`](Self::restart) there are at most `max_runs` runs, each of at
///   most three steps, and at most one [`Action::GiveUp`].
/// - At most one step runs at a time, and within a run each step is rougher than the one before.
/// - [`Action::TearDown`] is returned once, and nothing but [`Action::Nothing`] after it.
#[derive(Debug)]
pub struct Ladder {
    config: Config,
    state: State,
    runs: u8,
    reached: Option<Step>,
    /// If the controller leaves now, it may be for a step of this ladder.
    replaced: bool,
    logged: [bool; Reason::KINDS],
    suppressed: u32,
    stats: Stats,
}

impl Ladder {
    /// The ladder of a new controller.
    pub const fn new(config: Config) -> Self {
        Self {
            config,
            state: State::Idle,
            runs: 0,
            reached: None,
            replaced: false,
            logged: [false; Reason::KINDS],
            suppressed: 0,
            stats: Stats {
                failures: 0,
                suppressed: 0,
                runs: 0,
                steps: 0,
                gave_up: 0,
            },
        }
    }

    /// The controller leaves: what the ladder of the same hardware's next one must know. [`None`] unless a step since the
    /// controller was last stable may be what sent it away; and once the ladder gave up for the number of runs, as there was
    /// none after that: whoever plugs the device in again wants another try.
    pub fn handover(&self) -> Option<History> {
        self.replaced.then_some(History {
            runs: self.runs,
            reached: self.reached,
        })
    }

    /// The controller is what a reset made of an earlier one. To be called before the first failure.
    pub fn inherit(&mut self, history: History) {
        self.runs = history.runs;
        self.reached = history.reached;
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// The step being tried.
    pub fn running(&self) -> Option<Step> {
        match self.state {
            State::Running { step, .. } => Some(step),
            _ => None,
        }
    }

    /// Whether the driver is to be asked for a reset now; once in each step that begins with one.
    pub fn ask_for_reset(&mut self) -> bool {
        match &mut self.state {
            State::Running { step, asked, .. } if *step > Step::HciReset => {
                !core::mem::replace(asked, true)
            }
            _ => false,
        }
    }

    /// Whether a reset by the driver is part of what is being tried.
    pub fn is_resetting(&self) -> bool {
        self.running().is_some_and(|step| step > Step::HciReset)
    }

    /// Whether the ladder gave up, and [`restart`](Self::restart) is what may help.
    pub fn has_given_up(&self) -> bool {
        self.state == State::GaveUp
    }

    /// Changes what the device offers, as drivers set their callbacks late.
    pub fn set_config(&mut self, config: Config) {
        self.config = config;
    }

    /// Something failed. While a step is being tried that is the step's business: it will fail or succeed by itself.
    pub fn failure(&mut self, reason: Reason) -> Decision {
        self.stats.failures = self.stats.failures.wrapping_add(1);
        let log = self.log(reason);
        let action = match (self.state, reason) {
            (State::Gone, _) => Action::Nothing,
            (_, Reason::DeviceGone) => {
                self.state = State::Gone;
                Action::TearDown
            }
            (State::Idle, _) => self.begin(reason),
            (State::Running { .. } | State::GaveUp, _) => Action::Nothing,
        };
        Decision { action, log }
    }

    /// The step being tried worked: the controller is up again.
    pub fn step_succeeded(&mut self) {
        if let State::Running { .. } = self.state {
            self.state = State::Idle;
        }
    }

    /// Nobody wants the controller up any more: what is being tried has lost its purpose. The next failure goes on from
    /// here.
    pub fn abandon(&mut self) {
        self.step_succeeded();
    }

    /// The step being tried did not work, or the set-up after it did not.
    pub fn step_failed(&mut self) -> Action {
        let State::Running { step, reason, .. } = self.state else {
            return Action::Nothing;
        };
        match self.config.above(step) {
            Some(step) => self.run(step, reason),
            None => self.give_up(reason, Exhausted::Steps),
        }
    }

    /// The controller has worked for so long that what went before is history. Returns how many failures were not logged
    /// since the last call, for one line that says so.
    pub fn stable(&mut self) -> u32 {
        if self.state != State::Idle {
            return 0;
        }
        self.forget()
    }

    /// A user wants another try (powers the controller on). True if it is worth it.
    pub fn restart(&mut self) -> bool {
        match self.state {
            State::Gone => false,
            State::Idle | State::Running { .. } => true,
            State::GaveUp => {
                self.state = State::Idle;
                let _ = self.forget();
                true
            }
        }
    }

    fn forget(&mut self) -> u32 {
        self.runs = 0;
        self.reached = None;
        self.replaced = false;
        self.logged = [false; Reason::KINDS];
        core::mem::take(&mut self.suppressed)
    }

    fn begin(&mut self, reason: Reason) -> Action {
        if self.runs >= self.config.max_runs {
            self.replaced = false;
            return self.give_up(reason, Exhausted::Runs);
        }
        let first = match self.reached {
            // It worked last time, but not for long.
            Some(reached) => reason
                .first_step()
                .max(self.config.above(reached).unwrap_or(reached)),
            None => reason.first_step(),
        };
        // Where nothing rougher is on offer an HCI_Reset is worth a try even so: close and open does more than reset.
        let step = self.config.from(first).unwrap_or(match self.reached {
            Some(reached) if self.config.offers(reached) => reached,
            _ => Step::HciReset,
        });
        self.runs = self.runs.saturating_add(1);
        self.stats.runs = self.stats.runs.wrapping_add(1);
        self.run(step, reason)
    }

    fn run(&mut self, step: Step, reason: Reason) -> Action {
        self.state = State::Running {
            step,
            reason,
            asked: false,
        };
        self.reached = self.reached.max(Some(step));
        self.replaced |= step > Step::HciReset;
        self.stats.steps = self.stats.steps.wrapping_add(1);
        Action::Run(step)
    }

    fn give_up(&mut self, reason: Reason, exhausted: Exhausted) -> Action {
        self.state = State::GaveUp;
        self.stats.gave_up = self.stats.gave_up.wrapping_add(1);
        Action::GiveUp {
            reason,
            exhausted,
            runs: self.runs,
        }
    }

    fn log(&mut self, reason: Reason) -> Log {
        match self.logged.get_mut(reason.kind()) {
            Some(logged) if !*logged => {
                *logged = true;
                Log::First
            }
            _ => {
                self.suppressed = self.suppressed.saturating_add(1);
                self.stats.suppressed = self.stats.suppressed.wrapping_add(1);
                Log::Suppressed
            }
        }
    }
}

/// Where a controller's hardware is, such as the name of its device on the bus: what stays the same when a reset brings
/// another controller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place([u8; Self::LEN]);

impl Place {
    const LEN: usize = 32;

    /// The place with a name, of which the first 32 bytes count.
    pub fn new(name: &[u8]) -> Self {
        let mut place = Self([0; Self::LEN]);
        for (to, from) in place.0.iter_mut().zip(name) {
            *to = *from;
        }
        place
    }
}

/// Controllers that left while a reset was under way, for as long as the next one of the same hardware may take to come.
#[derive(Debug, Default)]
pub struct Departed {
    /// Place, time in milliseconds, and what to go on from.
    entries: [Option<(Place, u64, History)>; Self::PLACES],
}

impl Departed {
    /// How many are remembered; the one that left first is forgotten first.
    pub const PLACES: usize = 8;

    /// How long one is remembered, in milliseconds: a USB device has come back after a few seconds.
    pub const KEEP_MS: u64 = 30_000;

    /// Nobody has left yet.
    pub const fn new() -> Self {
        Self {
            entries: [None; Self::PLACES],
        }
    }

    /// The controller at `place` left at `now_ms`; its ladder's [`Ladder::handover`].
    pub fn note(&mut self, place: Place, history: History, now_ms: u64) {
        let _ = self.take(place, now_ms);
        // An empty entry comes first in that order, then the oldest.
        let oldest = self
            .entries
            .iter_mut()
            .min_by_key(|entry| entry.map(|(_, then, _)| then));
        if let Some(entry) = oldest {
            *entry = Some((place, now_ms, history));
        }
    }

    /// A controller has come at `place`: what its ladder goes on from, if it is another one's successor.
    pub fn take(&mut self, place: Place, now_ms: u64) -> Option<History> {
        let entry = self
            .entries
            .iter_mut()
            .find(|entry| entry.is_some_and(|(at, ..)| at == place))?;
        let (_, then, history) = entry.take()?;
        (now_ms.wrapping_sub(then) <= Self::KEEP_MS).then_some(history)
    }
}
