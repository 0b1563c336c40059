// SPDX-License-Identifier: GPL-2.0

//! MediaTek: what its module does not do by itself.

use crate::{
    device::Btusb,
    Driver,
    NAME, //
};
use core::sync::atomic::Ordering::Relaxed;
use kernel::{
    prelude::*,
    sync::ArcBorrow, //
};
use usb_ext::{
    hci::{
        self,
        Device, //
    },
    vendor::mediatek, //
};

/// Claims the interface for ISO data; without it, there is none.
fn claim_iso(this: ArcBorrow<'_, Btusb>) {
    if mediatek::has_iso(&this.hdev) {
        return;
    }
    let Some(iso) = this.udev.interface(mediatek::ISO_INTERFACE) else {
        this.hdev.error(fmt!("Can't claim NULL iso interface"));
        return;
    };
    // Set-up runs outside of probe, so it is the caller's to lock.
    match this.intf.claim_locked::<Driver>(&iso, this.into()) {
        Ok(()) => mediatek::set_iso(&this.hdev, &iso),
        Err(e) => this
            .hdev
            .error(fmt!("Failed to claim iso interface: {}", e.to_errno())),
    }
}

/// Gives the interface for ISO data back.
pub(crate) fn release_iso(this: &Btusb) {
    if let Some(iso) = mediatek::stop_iso(&this.hdev) {
        // This unbinds it, which ends in `disconnect` before it returns.
        this.iso_leaves.store(true, Relaxed);
        this.intf.release::<Driver>(&iso);
        this.iso_leaves.store(false, Relaxed);
    }
}

/// Sets the controller up.
pub(crate) fn setup(this: ArcBorrow<'_, Btusb>) -> Result {
    mediatek::prepare::<Btusb>(&this.hdev, NAME, &this.intf, &this.control);
    claim_iso(this);
    mediatek::setup(&this.hdev)?;
    // Remote wake-up hangs these on some machines, until power is cut.
    let fragile = matches!(mediatek::chip(&this.hdev), 0x7922 | 0x7925);
    if fragile && mediatek::platform_is_zen() && this.udev.is_on_root_hub() {
        this.wake_broken.store(true, Relaxed);
    }
    Ok(())
}

/// Shuts the controller down.
pub(crate) fn shutdown(this: &Btusb) -> Result {
    let result = mediatek::shutdown(&this.hdev);
    release_iso(this);
    result
}

impl mediatek::Reset for Btusb {
    fn reset(dev: &Device) -> Result {
        let this = hci::driver_of::<Btusb>(dev).ok_or(ENODEV)?;
        if !mediatek::begin_reset(dev) {
            // By the reset line, and the device is still there.
            dev.error(fmt!("last reset failed? Resetting over USB"));
            this.reset_usb();
            return Ok(());
        }
        let awake = this.intf.power_get().inspect_err(|e| {
            dev.error(fmt!("Failed usb_autopm_get_interface: {}", e.to_errno()));
            mediatek::end_reset(dev);
        })?;
        release_iso(&this);
        this.stop_receiving();
        this.tx.kill();
        if let Some(old) = this.resetting.lock().replace(awake) {
            old.put_no_suspend();
        }
        if this.pull_reset_line(true, 200, "Reset MediaTek device via gpio") {
            return Ok(());
        }
        let result = mediatek::subsystem_reset(dev);
        this.intf.queue_reset();
        mediatek::end_reset(dev);
        result
    }
}
