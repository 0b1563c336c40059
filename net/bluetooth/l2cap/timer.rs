// SPDX-License-Identifier: GPL-2.0

//! Time: one timer for all deadlines of a controller's links and channels.
//!
//! Engines say until when they want to be asked again. The timer is armed for the earliest of these
//! and, when it is over, all whose time has come are asked. A deadline that moves away is not
//! followed; the timer comes for nothing then, once.

use super::settle;
use crate::hci::Device;
use kernel::{
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        ArcBorrow, //
    },
    time::msecs_to_jiffies, //
};
use kernel_ext::{
    time::now_ms,
    workqueue::{
        Work,
        WorkItem,
        Worker, //
    },
};

/// "Not armed".
const NEVER: u64 = u64::MAX;

/// The timer of one controller's room.
#[pin_data]
pub(super) struct Clock {
    dev: ARef<Device>,
    /// When it is over, in milliseconds.
    due: Atomic<u64>,
    #[pin]
    work: Work<Clock>,
}

kernel_ext::impl_has_work! {
    impl HasWork<0> for Clock { self.work }
}

impl Clock {
    fn new(dev: &Device) -> Result<Arc<Self>> {
        let clock = Arc::pin_init(
            try_pin_init!(Self {
                dev: dev.into(),
                due: Atomic::new(NEVER),
                work <- kernel_ext::new_work!("l2cap::Clock"),
            }),
            GFP_KERNEL,
        )?;
        clock.work.bind(dev.worker()?)?;
        Ok(clock)
    }

    /// Does not come any more.
    pub(super) fn stop(&self) {
        self.work.disable();
    }

    /// Comes at `deadline`, or before.
    fn arm(self: &Arc<Self>, deadline: u64) {
        if self.due.load(Relaxed) <= deadline {
            return;
        }
        self.due.store(deadline, Relaxed);
        let ms = deadline.saturating_sub(now_ms());
        let ms = u32::try_from(ms).unwrap_or(u32::MAX / 2).saturating_add(1);
        self.work
            .mod_delayed(self.as_arc_borrow(), msecs_to_jiffies(ms));
    }
}

impl WorkItem<0> for Clock {
    type Pointer = Arc<Clock>;

    fn run(this: ArcBorrow<'_, Clock>, worker: &mut Worker<'_>) {
        this.due.store(NEVER, Relaxed);
        let now = now_ms();
        let dev = &this.dev;
        let mut at = 0;
        // By position: what a time-out leads to may change the table.
        while let Some(link) = dev
            .upper
            .get(worker)
            .and_then(|room| room.links.get_mut(at))
        {
            let information_over = link.on_timeout(now);
            let handle = link.handle();
            if let (true, Some(handle)) = (information_over, handle) {
                super::start::channels(dev, worker, handle);
            }
            at = at.saturating_add(1);
        }
        settle(dev, worker);
    }
}

/// Arms the timer for the earliest deadline there is.
pub(super) fn adjust(dev: &Device, worker: &mut Worker<'_>) {
    let Some(room) = dev.upper.get(worker) else {
        return;
    };
    let Some(deadline) = room.links.iter().filter_map(|l| l.deadline()).min() else {
        return;
    };
    if room.clock.is_none() {
        match Clock::new(dev) {
            Ok(clock) => room.clock = Some(clock),
            Err(e) => {
                pr_err!("{}: no timer for channels ({})\n", dev.name(), e.to_errno());
                return;
            }
        }
    }
    if let Some(clock) = &room.clock {
        clock.arm(deadline);
    }
}

/// Arms the timer for one deadline that has just come about.
pub(super) fn not_after(dev: &Device, worker: &mut Worker<'_>, deadline: u64) {
    let armed = dev
        .upper
        .get(worker)
        .and_then(|room| room.clock.as_ref())
        .map(|clock| clock.arm(deadline));
    if armed.is_none() {
        adjust(dev, worker);
    }
}
