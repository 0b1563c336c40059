// SPDX-License-Identifier: GPL-2.0

//! A controller's slow timers: each runs a short sequence when it fires.

use super::{
    device::{
        ids,
        Controller,
        Device, //
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
use kernel_ext::workqueue::{
    OrderedQueue,
    Work,
    WorkItem,
    Worker, //
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

            fn run(dev: ARef<Device>, _worker: &mut Worker<'_>) {
                let lock = dev.req_lock();
                $run(&Session::under(&lock));
            }
        }
    };
}

timer_sequence!(ids::ADV_EXPIRE, adv_expire, update::adv::expired);
timer_sequence!(ids::RPA_EXPIRED, rpa_expired, update::address::expired);
timer_sequence!(ids::LE_SCAN_OFF, le_scan_off, update::le_scan_timeout);
