// SPDX-License-Identifier: GPL-2.0

//! A controller's slow timers. A [`Timer`] runs a short sequence when it fires, an [`Alarm`] a
//! function on the worker.

use super::{
    device::{
        ids,
        Controller,
        Device, //
    },
    flow,
    link::{
        self,
        Authenticator, //
    },
    session::{
        jiffies,
        Session, //
    },
    update,
};
use kernel::{
    prelude::*,
    sync::aref::ARef, //
};
use kernel_ext::{
    time::now_ms,
    workqueue::{
        HasWork,
        OrderedQueue,
        Work,
        WorkItem,
        Worker, //
    },
};

/// Timers that run on the sequencer.
#[pin_data]
pub(crate) struct Timers {
    /// End of an advertising instance's turn.
    #[pin]
    adv_expire: Work<Controller, { ids::ADV_EXPIRE }>,
    /// The private address in use is getting old.
    #[pin]
    rpa_expired: Work<Controller, { ids::RPA_EXPIRED }>,
    /// End of an LE scan for discovery.
    #[pin]
    le_scan_off: Work<Controller, { ids::LE_SCAN_OFF }>,
}

/// Which timer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Timer {
    AdvExpire,
    RpaExpired,
    LeScanOff,
}

impl Timers {
    pub(super) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            adv_expire <- kernel_ext::new_work!("Timers::adv_expire"),
            rpa_expired <- kernel_ext::new_work!("Timers::rpa_expired"),
            le_scan_off <- kernel_ext::new_work!("Timers::le_scan_off"),
        })
    }

    pub(super) fn bind(&self, sequencer: &OrderedQueue) -> Result {
        self.adv_expire.bind(sequencer)?;
        self.rpa_expired.bind(sequencer)?;
        self.le_scan_off.bind(sequencer)
    }

    /// Stops all of them for good.
    pub(super) fn disable(&self) {
        self.adv_expire.disable_sync();
        self.rpa_expired.disable_sync();
        self.le_scan_off.disable_sync();
    }
}

/// Starts a timer, or starts it anew.
pub(crate) fn start(dev: &Device, timer: Timer, ms: u32) {
    let timers = &dev.timers;
    let delay = jiffies(ms);
    match timer {
        Timer::AdvExpire => timers.adv_expire.mod_delayed(dev, delay),
        Timer::RpaExpired => timers.rpa_expired.mod_delayed(dev, delay),
        Timer::LeScanOff => timers.le_scan_off.mod_delayed(dev, delay),
    };
}

/// Stops a timer; its sequence may be running.
pub(crate) fn stop(dev: &Device, timer: Timer) {
    let timers = &dev.timers;
    match timer {
        Timer::AdvExpire => timers.adv_expire.cancel(),
        Timer::RpaExpired => timers.rpa_expired.cancel(),
        Timer::LeScanOff => timers.le_scan_off.cancel(),
    };
}

macro_rules! timer_sequence {
    ($id:expr, $field:ident, $run:path) => {
        kernel_ext::impl_has_work! {
            impl HasWork<{ $id }> for Controller { self.timers.$field }
        }

        impl WorkItem<{ $id }> for Controller {
            type Pointer = ARef<Device>;

            fn run(dev: &Device, _worker: &mut Worker<'_>) {
                let lock = dev.req_lock();
                $run(&Session::under(&lock));
            }
        }
    };
}

timer_sequence!(ids::ADV_EXPIRE, adv_expire, update::adv::expired);
timer_sequence!(ids::RPA_EXPIRED, rpa_expired, update::address::expired);
timer_sequence!(ids::LE_SCAN_OFF, le_scan_off, update::le_scan_timeout);

/// Timers that run on the worker.
#[pin_data]
pub(crate) struct Alarms {
    /// Some link's time has come.
    #[pin]
    links: Work<Controller, { ids::LINKS }>,
    /// As the room that secures links wants.
    #[pin]
    security: Work<Controller, { ids::SECURITY }>,
    /// Whether the controller is stuck.
    #[pin]
    stuck: Work<Controller, { ids::TX_WATCH }>,
    /// Data that was held in vain.
    #[pin]
    held: Work<Controller, { ids::HOLD_EXPIRE }>,
}

/// Which alarm.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Alarm {
    Links,
    Security,
    Stuck,
    Held,
}

impl Alarms {
    pub(super) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            links <- kernel_ext::new_work!("Alarms::links"),
            security <- kernel_ext::new_work!("Alarms::security"),
            stuck <- kernel_ext::new_work!("Alarms::stuck"),
            held <- kernel_ext::new_work!("Alarms::held"),
        })
    }

    pub(super) fn bind(&self, worker: &OrderedQueue) -> Result {
        self.links.bind(worker)?;
        self.security.bind(worker)?;
        self.stuck.bind(worker)?;
        self.held.bind(worker)
    }

    /// Stops all of them for good.
    pub(super) fn disable(&self) {
        self.links.disable_sync();
        self.security.disable_sync();
        self.stuck.disable_sync();
        self.held.disable_sync();
    }
}

/// Has an alarm go off at this time in milliseconds, and at no other.
pub(crate) fn alarm(dev: &Device, alarm: Alarm, at: Option<u64>) {
    match alarm {
        Alarm::Links => set(dev, &dev.alarms.links, at),
        Alarm::Security => set(dev, &dev.alarms.security, at),
        Alarm::Stuck => set(dev, &dev.alarms.stuck, at),
        Alarm::Held => set(dev, &dev.alarms.held, at),
    }
}

fn set<const ID: u64>(dev: &Device, work: &Work<Controller, ID>, at: Option<u64>)
where
    Controller: WorkItem<ID, Pointer = ARef<Device>> + HasWork<ID>,
{
    match at {
        Some(at) => {
            let ms = u32::try_from(at.saturating_sub(now_ms())).unwrap_or(u32::MAX);
            work.mod_delayed(dev, jiffies(ms));
        }
        None => {
            work.cancel();
        }
    }
}

macro_rules! alarm_work {
    ($id:expr, $field:ident, $run:expr) => {
        kernel_ext::impl_has_work! {
            impl HasWork<{ $id }> for Controller { self.alarms.$field }
        }

        impl WorkItem<{ $id }> for Controller {
            type Pointer = ARef<Device>;

            fn run(dev: &Device, worker: &mut Worker<'_>) {
                $run(dev, worker);
            }
        }
    };
}

alarm_work!(ids::LINKS, links, link::time);
alarm_work!(
    ids::SECURITY,
    security,
    <crate::Security as Authenticator>::time
);
alarm_work!(ids::TX_WATCH, stuck, flow::look_for_stuck);
alarm_work!(ids::HOLD_EXPIRE, held, flow::look_at_held);
