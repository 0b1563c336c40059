// SPDX-License-Identifier: GPL-2.0

//! Realtek.

use crate::device::Btusb;
use kernel::prelude::*;
use usb_ext::{
    skbuff::SkBuff,
    vendor::realtek, //
};

/// Why there is a core dump; the first bytes of it say so.
#[derive(Clone, Copy)]
enum Cause {
    Memory,
    HardwareError(u8),
    Timeout,
}

impl Cause {
    /// Type, code and two reserved bytes, as Realtek's tools read them.
    fn header(self) -> [u8; 4] {
        match self {
            Self::Memory => [0, 1, 0, 0],
            Self::HardwareError(code) => [2, code, 0, 0],
            Self::Timeout => [3, 0, 0, 0],
        }
    }
}

fn dump(this: &Btusb, cause: Cause, bytes: &[u8]) {
    let header = cause.header();
    let make = || {
        let len = header.len().saturating_add(bytes.len());
        let mut skb = SkBuff::alloc(0, len, GFP_ATOMIC)?;
        skb.put_slice(&header)?;
        skb.put_slice(bytes)?;
        this.hdev.dump_begin(u32::try_from(len)?)?;
        this.hdev.dump_append(skb)?;
        this.hdev.dump_complete()
    };
    if make().is_err() {
        this.hdev.error(fmt!("RTL: Failed to generate devcoredump"));
    }
}

/// Sets the controller up.
pub(crate) fn setup(this: &Btusb) -> Result {
    let result = realtek::setup(&this.hdev);
    if realtek::wants_continuous_alt6(&this.hdev) {
        this.voice.set_continuous();
    }
    result
}

/// An event, unless it is a memory dump.
pub(crate) fn receive_event(this: &Btusb, skb: SkBuff) -> Result {
    // A vendor's event, subevent 0x34.
    if let [0xff, _, 0x34, ..] = skb.data() {
        dump(this, Cause::Memory, skb.data());
        return Ok(());
    }
    this.hdev.receive(skb)
}

/// The controller does not answer.
pub(crate) fn reset(this: &Btusb) {
    dump(this, Cause::Timeout, &[]);
    if !this.pull_reset_line(true, 200, "Reset Realtek device via gpio") {
        this.reset_usb();
    }
}

/// The controller reports a hardware error.
pub(crate) fn hardware_error(this: &Btusb, code: u8) {
    this.hdev
        .error(fmt!("RTL: hw err, trigger devcoredump ({})", code));
    dump(this, Cause::HardwareError(code), &[]);
}
