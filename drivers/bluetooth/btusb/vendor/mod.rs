// SPDX-License-Identifier: GPL-2.0

//! What is the chip's: set-up, reset, addresses, core dumps.
//!
//! Most of it is in the vendors' own modules, which [`usb_ext::vendor`] calls.

pub(crate) mod csr;
pub(crate) mod marvell;
pub(crate) mod mediatek;
pub(crate) mod qca;
pub(crate) mod realtek;

use crate::{
    device::Btusb,
    NAME, //
};
use h2::plan::{
    Plan,
    Vendor, //
};
use kernel::{
    prelude::*,
    time::msecs_to_jiffies, //
};
use usb_ext::{
    hci::Device,
    skbuff::SkBuff,
    vendor as modules, //
};

/// How long commands of set-up may take, in milliseconds (`HCI_INIT_TIMEOUT`).
const INIT_TIMEOUT: u32 = 10_000;

/// Sends a command of the vendor's, whose answer says nothing.
fn command(dev: &Device, opcode: u16, parameters: &[u8]) -> Result {
    dev.command(opcode, parameters, msecs_to_jiffies(INIT_TIMEOUT))
        .map(drop)
}

/// Waits.
pub(crate) fn sleep_ms(ms: u32) {
    kernel::time::delay::fsleep(kernel::time::Delta::from_millis(i64::from(ms)));
}

/// Tells the vendor's module about a new controller.
pub(crate) fn configure(dev: &Device, plan: &Plan) -> Result {
    use modules::intel::{
        self,
        Flag, //
    };
    match plan.vendor {
        Vendor::Intel => {
            intel::configure(dev, NAME)?;
            for (on, flag) in plan.intel.into_iter().zip([
                Flag::RomLegacyNoWbs,
                Flag::BrokenInitialNcmd,
                Flag::BrokenShutdownLed,
            ]) {
                if on {
                    intel::set_flag(dev, flag);
                }
            }
        }
        Vendor::Realtek => modules::realtek::set_driver_name(dev, NAME),
        Vendor::Generic | Vendor::MediaTek | Vendor::Wcn6855 => {}
    }
    Ok(())
}

/// An event from the controller. Atomic.
pub(crate) fn receive_event(this: &Btusb, skb: SkBuff) {
    // What the core thinks of it, it says itself.
    let _ = match this.plan.vendor {
        Vendor::Generic => this.hdev.receive(skb),
        Vendor::Intel => modules::intel::receive_event(&this.hdev, skb),
        Vendor::Realtek => realtek::receive_event(this, skb),
        Vendor::MediaTek => modules::mediatek::receive_event(&this.hdev, skb),
        Vendor::Wcn6855 => qca::receive(this, skb, false),
    };
}

/// ACL data from the controller. Atomic, or on the queue for data that was overtaken.
#[inline]
pub(crate) fn receive_acl(this: &Btusb, skb: SkBuff) {
    let _ = match this.plan.vendor {
        Vendor::Generic | Vendor::Intel | Vendor::Realtek => this.hdev.receive(skb),
        Vendor::MediaTek => modules::mediatek::receive_acl(&this.hdev, skb),
        Vendor::Wcn6855 => qca::receive(this, skb, true),
    };
}

/// Broadcom's BCM92035 wants to be told to start.
pub(crate) fn setup_bcm92035(dev: &Device) {
    if let Err(e) = command(dev, 0xfc3b, &[0]) {
        dev.error(fmt!("BCM92035 command failed ({})", e.to_errno()));
    }
}

/// Intel: by ACPI, else by the reset line, else over USB; over USB, too, if what was done before did not help.
pub(crate) fn reset_intel(this: &Btusb) {
    match modules::intel::acpi_reset(&this.hdev) {
        Some(Ok(())) => {
            this.hdev.error(fmt!("Initiated acpi reset method"));
            return;
        }
        Some(Err(e)) if e == EBUSY => {
            this.hdev
                .error(fmt!("acpi: last reset failed ? Resetting over USB"));
            return this.reset_usb();
        }
        Some(Err(_)) | None => {}
    }
    if !this.pull_reset_line(true, 100, "Initiating HW reset via gpio") {
        this.reset_usb();
    }
}
