// SPDX-License-Identifier: GPL-2.0

//! When a controller fails: the reset ladder.
//!
//! One engine decides for failures in set-up and at run time alike: HCI Reset (by closing and
//! opening the controller), the driver's reset, the transport's, then giving up, once, with a
//! reason. This is its glue: it runs on the sequencer.
//!
//! `hci_dev.reset` is all that the driver ABI has for the last two. It is called once for each: a driver that has
//! something rougher than what it began with takes that when it is called again.

use super::{
    device::{
        ids,
        Controller,
        Device, //
    },
    power,
    registry::REGISTRY,
    session::{
        jiffies,
        Session, //
    },
};
use engine::ladder::{
    Action,
    Config,
    Exhausted,
    Ladder,
    Log,
    Place,
    Reason,
    Step, //
};
use kernel::{
    prelude::*,
    sync::{
        aref::ARef,
        new_spinlock_irq,
        SpinLockIrq, //
    },
    time::{
        delay::fsleep,
        Delta, //
    },
};
use kernel_ext::{
    hci::{
        DevFlag,
        Flag, //
    },
    time::now_ms,
    workqueue::{
        OrderedQueue,
        Work,
        WorkItem,
        Worker, //
    },
};

/// A controller that worked for this long after a reset is taken to be healthy, in milliseconds.
const STABLE_MS: u32 = 30_000;

/// How long a controller may take to be taken away after a reset by its driver, in steps of
/// [`DEPARTURE_STEP_MS`].
const DEPARTURE_STEPS: u32 = 50;
const DEPARTURE_STEP_MS: i64 = 20;

/// The reset ladder of a controller.
#[pin_data]
pub(crate) struct Recovery {
    #[pin]
    ladder: SpinLockIrq<Ladder>,
    #[pin]
    work: Work<Controller, { ids::RECOVER }>,
    #[pin]
    stable: Work<Controller, { ids::STABLE }>,
}

kernel_ext::impl_has_work! {
    impl HasWork<{ ids::RECOVER }> for Controller { self.recovery.work }
}
kernel_ext::impl_has_work! {
    impl HasWork<{ ids::STABLE }> for Controller { self.recovery.stable }
}

impl Recovery {
    pub(super) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            ladder <- new_spinlock_irq!(Ladder::new(Config::default()), "Recovery::ladder"),
            work <- kernel_ext::new_work!("Recovery::work"),
            stable <- kernel_ext::new_work!("Recovery::stable"),
        })
    }

    pub(super) fn bind(&self, sequencer: &OrderedQueue) -> Result {
        self.work.bind(sequencer)?;
        self.stable.bind(sequencer)
    }

    /// No reset is started any more: the controller is being unregistered. Does not wait: a step
    /// in progress fails by itself.
    pub(super) fn disable(&self) {
        self.work.disable();
        self.stable.disable();
    }

    /// Somebody wants another try with a controller that was given up.
    pub(super) fn restart(&self) {
        self.ladder.lock().restart();
    }

    /// Somebody has switched the controller off: it is not opened again for the sake of a reset. To be called with
    /// `req_lock` held.
    pub(super) fn abandon(&self) {
        self.ladder.lock().abandon();
    }

    /// The controller came up: if it stays so, earlier failures are forgotten.
    pub(super) fn succeeded(&self, dev: &Device) {
        self.stable.mod_delayed(dev, jiffies(STABLE_MS));
    }
}

impl WorkItem<{ ids::STABLE }> for Controller {
    type Pointer = ARef<Device>;

    fn run(dev: &Device, _worker: &mut Worker<'_>) {
        let suppressed = dev.recovery.ladder.lock().stable();
        if suppressed > 0 {
            pr_info!(
                "{}: works again; {} further failures were not logged\n",
                dev.name(),
                suppressed
            );
        }
    }
}

impl WorkItem<{ ids::RECOVER }> for Controller {
    type Pointer = ARef<Device>;

    fn run(dev: &Device, _worker: &mut Worker<'_>) {
        climb(dev);
    }
}

/// Something failed. Decides what is to be done about it, and has it done in the background.
///
/// Any context that may log.
pub(super) fn failure(dev: &Device, reason: Reason) {
    let decision = {
        let mut ladder = dev.recovery.ladder.lock();
        let reset = dev.capabilities().reset;
        ladder.set_config(Config {
            driver_reset: reset,
            transport_reset: reset,
            max_runs: Config::DEFAULT_MAX_RUNS,
        });
        ladder.failure(reason)
    };
    if decision.log == Log::First {
        log(dev, reason);
    }
    act(dev, decision.action);
}

/// Whether the driver is resetting the controller: what it queues for that is run even if the controller is closed.
pub(crate) fn is_resetting(dev: &Device) -> bool {
    dev.recovery.ladder.lock().is_resetting()
}

/// A controller is being registered. If it is what a reset made of another one, that one's count goes on.
pub(super) fn arrive(dev: &Device) {
    let Some(place) = dev
        .parent_name()
        .map(|name| Place::new(name.to_bytes_with_nul()))
    else {
        return;
    };
    let history = REGISTRY.lock().departed.take(place, now_ms());
    if let Some(history) = history {
        dev.recovery.ladder.lock().inherit(history);
    }
}

/// A controller is being unregistered, and no step of its ladder runs any more: see [`arrive`].
pub(super) fn depart(dev: &Device) {
    let history = dev.recovery.ladder.lock().handover();
    if let (Some(history), Some(name)) = (history, dev.parent_name()) {
        let place = Place::new(name.to_bytes_with_nul());
        REGISTRY.lock().departed.note(place, history, now_ms());
    }
}

fn log(dev: &Device, reason: Reason) {
    let name = dev.name();
    match reason {
        Reason::CommandTimeout(opcode) => {
            pr_err!("{}: command 0x{:04x} tx timeout\n", name, opcode.0)
        }
        Reason::HardwareError(code) => pr_err!("{}: hardware error 0x{:02x}\n", name, code),
        Reason::SetupFailed(errno) => pr_err!("{}: set-up failed ({})\n", name, errno),
        Reason::CreditStall => pr_err!("{}: gives no credit for commands\n", name),
        Reason::DeviceGone => pr_info!("{}: has left its bus\n", name),
    }
}

fn act(dev: &Device, action: Action) {
    match action {
        Action::Nothing => {}
        Action::Run(_) | Action::TearDown => {
            dev.recovery.work.queue(dev);
        }
        Action::GiveUp {
            reason,
            exhausted,
            runs,
        } => {
            let why = match exhausted {
                Exhausted::Steps => "no reset helped",
                Exhausted::Runs => "it failed again after each reset",
            };
            pr_err!(
                "{}: giving up after {} attempts to reset it: {} (first failure: {:?})\n",
                dev.name(),
                runs,
                why,
                reason
            );
            dev.recovery.work.queue(dev);
        }
    }
}

/// The sequencer's part: runs the step that the ladder is at, and the next ones while they fail.
fn climb(dev: &Device) {
    tell(dev);
    loop {
        if dev.recovery.ladder.lock().ask_for_reset() {
            if !dev.has(Flag::UNREGISTER) {
                // As it is, with the transport open if it was, and without `req_lock`, which MediaTek's job takes.
                dev.reset();
                // Behind what the driver has queued.
                dev.recovery.work.queue(dev);
            }
            return;
        }
        let lock = dev.req_lock();
        let session = Session::under(&lock);
        // Under that lock, so that a controller that somebody has switched off is not switched on.
        let step = dev.recovery.ladder.lock().running();
        let Some(step) = step else {
            // Given up, or gone: whatever state it is in, nobody can use it.
            if dev.is(DevFlag::UP) && dev.recovery.ladder.lock().has_given_up() {
                power::close(&session);
            }
            return;
        };
        if dev.has(Flag::UNREGISTER) {
            return;
        }
        if set_up(&session).is_ok() {
            dev.recovery.ladder.lock().step_succeeded();
            return;
        }
        drop(lock);
        if step != Step::HciReset && departs(dev) {
            return;
        }
        let next = dev.recovery.ladder.lock().step_failed();
        match next {
            Action::Run(_) => {}
            other => return act(dev, other),
        }
    }
}

/// Whether the controller is being unregistered, soon after a reset that may be why. Nothing that was tried with it
/// then says anything about the reset: the next controller will tell.
fn departs(dev: &Device) -> bool {
    for _ in 0..DEPARTURE_STEPS {
        if dev.has(Flag::UNREGISTER) {
            return true;
        }
        fsleep(Delta::from_millis(DEPARTURE_STEP_MS));
    }
    false
}

/// Tells the driver of a hardware error, with the transport still open and without `req_lock`: Intel's takes it, and
/// asks the controller what has happened.
fn tell(dev: &Device) {
    let untold = core::mem::take(&mut dev.state().hw_error_untold);
    if let Some(code) = untold {
        if !dev.has(Flag::UNREGISTER) {
            dev.hw_error(code);
        }
    }
}

/// Closes the controller and sets it up again.
fn set_up(session: &Session<'_>) -> Result {
    let dev = session.dev();
    power::close(session);
    if dev.has(Flag::SETUP) || dev.has(Flag::CONFIG) {
        // What failed was the set-up, and there is more to do at its end than to be open.
        return power::power_on(session);
    }
    power::open(session)
}

/// The controller reported a hardware error (Vol 4 Part E 7.7.16).
pub(super) fn hardware_error(dev: &Device, code: u8) {
    {
        let mut state = dev.state();
        state.hw_error_code = code;
        state.hw_error_untold = Some(code);
    }
    failure(dev, Reason::HardwareError(code));
}
