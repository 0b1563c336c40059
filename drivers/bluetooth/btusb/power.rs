// SPDX-License-Identifier: GPL-2.0

//! Sleep: the system's, and the device's own when it is idle.

use crate::{
    device::Btusb,
    receive::{
        Data,
        Diagnostics,
        Events,
        Voices, //
    },
    tables, vendor,
};
use core::sync::atomic::Ordering::{
    AcqRel,
    Acquire,
    Relaxed, //
};
use h2::plan::{
    SetAddress,
    Vendor, //
};
use kernel::{
    prelude::*,
    sync::ArcBorrow, //
};
use usb_ext::{
    vendor::mediatek,
    wake::{
        Missing,
        WakeLine, //
    },
};

/// Who may send.
///
/// It closes before the device goes to sleep: from then on packets wait. It does not close by
/// itself while any is on its way.
#[derive(Default)]
pub(crate) struct Gate {
    closed: bool,
    on_their_way: u32,
}

impl Unpin for Gate {}

impl Gate {
    /// A packet wants out; `false` if it has to wait.
    pub(crate) fn enter(&mut self) -> bool {
        if !self.closed {
            self.enter_anyway();
        }
        !self.closed
    }

    /// A packet that has waited.
    pub(crate) fn enter_anyway(&mut self) {
        self.on_their_way = self.on_their_way.saturating_add(1);
    }

    /// A packet is sent.
    pub(crate) fn leave(&mut self) {
        self.on_their_way = self.on_their_way.saturating_sub(1);
    }

    fn close(&mut self, only_if_idle: bool) -> bool {
        let may = !only_if_idle || self.on_their_way == 0;
        self.closed |= may;
        may
    }

    /// All may send.
    pub(crate) fn open(&mut self) {
        self.closed = false;
    }
}

/// Looks for a line by which the device wakes the system while it sleeps itself, off the bus or
/// not. Boards with a controller soldered on have them, and say so in their device tree.
pub(crate) fn find_wake_line(this: ArcBorrow<'_, Btusb>) -> Result {
    // The controller has no name yet.
    let board = this.intf.device();
    let line = match WakeLine::request(&this.udev, tables::nodes(), c"OOB Wake-on-BT") {
        Ok(line) => line,
        Err(Missing::None) => return Ok(()),
        Err(Missing::Refused(e)) => {
            dev_err!(
                board,
                "OOB Wake-on-BT: IRQ request failed ({})\n",
                e.to_errno()
            );
            return Err(e);
        }
        Err(Missing::NoWakeup(e)) => {
            dev_err!(
                board,
                "OOB Wake-on-BT: cannot wake the system ({})\n",
                e.to_errno()
            );
            return Err(e);
        }
    };
    dev_info!(board, "OOB Wake-on-BT configured at IRQ {}\n", line.irq());
    *this.wake_line.lock() = Some(line);
    if this.plan.set_address == Some(SetAddress::Marvell) {
        vendor::marvell::configure_wake_line(this)?;
    }
    Ok(())
}

/// One of the interfaces goes to sleep; with the first, the controller does.
pub(crate) fn suspend(this: &Btusb, auto: bool) -> Result {
    if auto {
        let deaf = this.wake_broken.load(Relaxed) && this.intf.needs_remote_wakeup();
        if deaf || this.hdev.links() != 0 || this.hdev.is_discovering() {
            return Err(EBUSY);
        }
    }
    if this.suspends.fetch_add(1, AcqRel) != 0 {
        return Ok(());
    }
    if !this.gate.lock().close(auto) {
        this.suspends.fetch_sub(1, AcqRel);
        return Err(EBUSY);
    }
    this.counts.suspends.fetch_add(1, Relaxed);
    if auto {
        // It may be waiting for this very suspend to end. It keeps the device awake while it does
        // anything.
        this.voice_work.cancel();
    } else {
        this.voice_work.cancel_sync();
    }
    this.recover.cancel_sync();
    if this.plan.vendor == Vendor::MediaTek {
        mediatek::suspend(&this.hdev);
    }
    this.stop_receiving();
    this.tx.kill();
    if let Some(line) = &*this.wake_line.lock() {
        line.arm();
    }
    if this.plan.wakeup_autosuspend {
        // These lose their firmware in a sleep that they cannot wake from.
        if auto && this.udev.can_wake() {
            this.udev.set_remote_wakeup(true);
        } else if !auto && !this.udev.may_wake() {
            this.udev.set_remote_wakeup(false);
            this.udev.set_reset_resume();
        }
    }
    Ok(())
}

/// One of the interfaces woke up; with the last, the controller does.
pub(crate) fn resume(this: ArcBorrow<'_, Btusb>) -> Result {
    if this.suspends.load(Acquire) == 0 || this.suspends.fetch_sub(1, AcqRel) != 1 {
        return Ok(());
    }
    if let Some(line) = &*this.wake_line.lock() {
        line.disarm();
    }
    if this.deferred.is_empty() {
        this.counts.wakeups.fetch_add(1, Relaxed);
    }
    let mut result = Ok(());
    if this.interrupt.is_running() {
        result = this.start::<Events>(GFP_ATOMIC);
    }
    if result.is_ok() && this.bulk.is_running() {
        result = this.start::<Data>(GFP_ATOMIC);
    }
    if let Err(e) = result {
        this.deferred.purge();
        this.gate.lock().open();
        if e != ENODEV {
            // A registered controller that is deaf is of no use to anybody.
            this.hdev
                .error(fmt!("cannot go on after resume ({})", e.to_errno()));
            this.intf.queue_reset();
        }
        return Err(e);
    }
    if this.diagnostics.is_running() {
        let _ = this.start::<Diagnostics>(GFP_ATOMIC);
    }
    if this.isochronous.is_running() {
        let _ = this.start::<Voices>(GFP_ATOMIC);
    }
    if this.plan.vendor == Vendor::MediaTek {
        mediatek::resume(&this.hdev);
    }
    this.play_deferred();
    this.voice_work.queue(this);
    Ok(())
}
