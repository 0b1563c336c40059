// SPDX-License-Identifier: GPL-2.0

//! An endpoint that data comes in from, and the URBs on it.

use core::sync::atomic::{
    AtomicBool,
    AtomicU32,
    AtomicU64,
    Ordering::Relaxed, //
};
use h2::throttle::{
    Failure,
    Step,
    Throttle, //
};
use kernel::{
    prelude::*,
    sync::{
        new_spinlock_irq,
        SpinLockIrq, //
    },
};
use usb_ext::usb::{
    Anchor,
    Endpoint, //
};

/// The state of an endpoint.
#[pin_data]
pub(crate) struct Pipe {
    /// Its URBs.
    pub(crate) anchor: Anchor,
    /// URBs are to be submitted again.
    running: AtomicBool,
    /// URBs that the controller has.
    pub(crate) in_flight: AtomicU32,
    /// URBs to submit after a pause.
    missing: AtomicU32,
    /// ...and after the endpoint's halt was cleared.
    halted: AtomicBool,
    /// The last transfer failed.
    failing: AtomicBool,
    #[pin]
    throttle: SpinLockIrq<Throttle>,
    /// Bytes since probe.
    pub(crate) bytes: AtomicU64,
    /// Transfers that failed since probe.
    pub(crate) errors: AtomicU64,
    /// Rate: bytes and time (ms) when it was asked for the last time.
    pub(crate) mark: (AtomicU64, AtomicU64),
}

impl Pipe {
    pub(crate) fn new(anchor: Anchor) -> impl PinInit<Self> {
        pin_init!(Self {
            anchor,
            running: AtomicBool::new(false),
            in_flight: AtomicU32::new(0),
            missing: AtomicU32::new(0),
            halted: AtomicBool::new(false),
            failing: AtomicBool::new(false),
            throttle <- new_spinlock_irq!(Throttle::default(), "btusb::throttle"),
            bytes: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            mark: (AtomicU64::new(0), AtomicU64::new(0)),
        })
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running.load(Relaxed)
    }

    /// Sets whether URBs are submitted again; returns what was.
    pub(crate) fn set_running(&self, on: bool) -> bool {
        self.running.swap(on, core::sync::atomic::Ordering::AcqRel)
    }

    /// Stops the URBs and forgets those that wait. Sleeps.
    pub(crate) fn stop(&self) {
        self.anchor.kill();
        self.missing.store(0, Relaxed);
        self.halted.store(false, Relaxed);
    }

    pub(crate) fn submitted(&self) {
        self.in_flight.fetch_add(1, Relaxed);
    }

    pub(crate) fn done(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }

    /// A transfer of `n` bytes went well. Returns the errors before it, if they had been
    /// reported.
    pub(crate) fn success(&self, n: usize) -> Option<u32> {
        self.bytes.fetch_add(n as u64, Relaxed);
        if !self.failing.load(Relaxed) {
            return None;
        }
        self.failing.store(false, Relaxed);
        self.throttle.lock().success()
    }

    /// A transfer has failed.
    pub(crate) fn failure(&self, failure: Failure) -> Step {
        self.errors.fetch_add(1, Relaxed);
        self.failing.store(true, Relaxed);
        self.throttle.lock().failure(failure)
    }

    /// An URB is to be submitted later.
    pub(crate) fn postpone(&self, clear_halt: bool) {
        if clear_halt {
            self.halted.store(true, Relaxed);
        }
        self.missing.fetch_add(1, Relaxed);
    }

    /// What was postponed: how many URBs, and whether to clear the halt before.
    pub(crate) fn take_postponed(&self) -> (u32, bool) {
        (
            self.missing.swap(0, Relaxed),
            self.halted.swap(false, Relaxed),
        )
    }
}

/// Endpoints of the main interface.
#[derive(Clone, Copy)]
pub(crate) struct Endpoints {
    pub(crate) interrupt: Endpoint,
    pub(crate) bulk_in: Endpoint,
    pub(crate) bulk_out: Endpoint,
}
