// SPDX-License-Identifier: GPL-2.0

//! Qualcomm Atheros: the chip's files are downloaded over USB requests, before the transport is
//! opened.

use super::{
    command,
    sleep_ms,
    INIT_TIMEOUT, //
};
use crate::device::Btusb;
use core::sync::atomic::Ordering::Relaxed;
use h2::{
    plan::Vendor,
    qca::{
        self,
        DumpPacket,
        DumpStep,
        FileName,
        Layout,
        Version, //
    },
};
use kernel::{
    firmware::Firmware,
    prelude::*,
    str::CStr,
    time::msecs_to_jiffies, //
};
use usb_ext::{
    hci::{
        packet,
        quirk,
        Device, //
    },
    skbuff::SkBuff,
    usb, //
};

/// The vendor's requests.
const DOWNLOAD: u8 = 0x01;
const CHECK_STATUS: u8 = 0x05;
const GET_VERSION: u8 = 0x09;

/// Status: settings and patch are in place.
const SETTINGS_DONE: u8 = 0x40;
const PATCH_DONE: u8 = 0x80;

/// Time limits, in milliseconds.
const CONTROL_TIMEOUT: i32 = 5_000;
const BULK_TIMEOUT: i32 = 3_000;

/// Bytes in a bulk transfer of a download.
const PART: usize = 4096;

/// The endpoint that takes it.
const DOWNLOAD_ENDPOINT: u8 = 0x02;

fn read(udev: &usb::Device, request: u8, answer: &mut [u8]) -> Result {
    udev.vendor_read(request, answer, CONTROL_TIMEOUT)
        .inspect_err(|e| pr_err!("Failed to access otp area ({})\n", e.to_errno()))
}

fn version(udev: &usb::Device) -> Result<Version> {
    let mut answer = [0; Version::SIZE];
    read(udev, GET_VERSION, &mut answer)?;
    Ok(Version::parse(&answer))
}

/// Whether the chip is one that cannot do without a patch.
pub(crate) fn needs_patch(udev: &usb::Device) -> bool {
    version(udev).is_ok_and(|version| version.is_old())
}

/// Whether the machine is one that cuts the power of its built-in controller in suspend.
pub(crate) fn loses_power_in_suspend() -> bool {
    usb::machine_needs_reset_resume()
}

fn load(this: &Btusb, what: &str, name: &FileName) -> Result<Firmware> {
    let name = CStr::from_bytes_with_nul(name.as_bytes_with_nul()).map_err(|_| EINVAL)?;
    let file = Firmware::request(name, this.hdev.device()).inspect_err(|e| {
        this.hdev.error(fmt!(
            "failed to request {} file: {} ({})",
            what,
            name,
            e.to_errno()
        ));
    })?;
    this.hdev.info(fmt!("using {} file: {}", what, name));
    Ok(file)
}

/// The header goes to the control endpoint, the rest to the bulk endpoint.
fn download(this: &Btusb, file: &[u8], header: usize) -> Result {
    let (header, body) = file
        .split_at_checked(header.min(file.len()))
        .ok_or(EINVAL)?;
    this.udev
        .vendor_write(DOWNLOAD, header, CONTROL_TIMEOUT)
        .inspect_err(|e| {
            this.hdev
                .error(fmt!("Failed to send headers ({})", e.to_errno()));
        })?;
    // The endpoint changes its function.
    sleep_ms(20);
    let mut buffer = KVec::with_capacity(PART, GFP_KERNEL)?;
    for part in body.chunks(PART) {
        buffer.clear();
        buffer.extend_from_slice(part, GFP_KERNEL)?;
        let sent = this
            .udev
            .bulk_write(DOWNLOAD_ENDPOINT, &mut buffer, BULK_TIMEOUT)
            .inspect_err(|e| {
                this.hdev
                    .error(fmt!("Failed to send body ({})", e.to_errno()));
            })?;
        if sent != part.len() {
            this.hdev.error(fmt!("Failed to get bulk buffer"));
            return Err(EILSEQ);
        }
    }
    Ok(())
}

fn patch(this: &Btusb, chip: &Version, layout: &Layout) -> Result {
    let file = load(this, "rampatch", &chip.rampatch())?;
    if !qca::patch_fits(file.data(), layout, chip) {
        this.hdev.error(fmt!(
            "rampatch file version did not match with firmware (rome {:#x} build {:#x})",
            chip.rom,
            chip.patch
        ));
        return Err(EINVAL);
    }
    download(this, file.data(), layout.rampatch_header)
}

/// Brings patch and settings into the chip, unless they are there.
pub(crate) fn setup(this: &Btusb) -> Result {
    let chip = version(&this.udev)?;
    let Some(layout) = qca::layout(chip.rom) else {
        if chip.is_old() {
            this.hdev
                .error(fmt!("don't support firmware rome {:#x}", chip.rom));
            return Err(ENODEV);
        }
        // Newer than this driver: it does without.
        return Ok(());
    };
    let mut status = [0];
    read(&this.udev, CHECK_STATUS, &mut status)?;
    let [status] = status;
    if status & PATCH_DONE == 0 {
        patch(this, &chip, &layout)?;
    }
    let chip = version(&this.udev)?;
    if this.plan.vendor == Vendor::Wcn6855 {
        this.dump_version.0.store(chip.patch, Relaxed);
        this.dump_version.1.store(chip.rom, Relaxed);
    }
    if status & SETTINGS_DONE == 0 {
        let file = load(this, "NVM", &chip.nvm())?;
        download(this, file.data(), layout.nvm_header)?;
        if layout.resets {
            sleep_ms(100);
        }
    }
    this.hdev
        .set_quirk(quirk::BROKEN_ENHANCED_SETUP_SYNC_CONN, true);
    Ok(())
}

fn failed(dev: &Device, e: &Error) {
    dev.error(fmt!("Change address command failed ({})", e.to_errno()));
}

pub(crate) fn set_address_ath3012(dev: &Device, address: [u8; 6]) -> Result {
    let [a, b, c, d, e, f] = address;
    command(dev, 0xfc0b, &[1, 1, 0, 6, a, b, c, d, e, f]).inspect_err(|e| failed(dev, e))
}

/// Most significant byte first.
pub(crate) fn set_address_wcn6855(dev: &Device, address: [u8; 6]) -> Result {
    let [a, b, c, d, e, f] = address;
    const COMMAND_COMPLETE: u8 = 0x0e;
    dev.command_event(
        0xfc14,
        &[f, e, d, c, b, a],
        COMMAND_COMPLETE,
        msecs_to_jiffies(INIT_TIMEOUT),
    )
    .map(drop)
    .inspect_err(|e| failed(dev, e))
}

/// The controller does not answer. It is left alone while it dumps its memory.
pub(crate) fn reset(this: &Btusb) {
    if this.dump.lock().is_active() {
        this.hdev.info(fmt!("Ramdump in progress, defer reset"));
        return;
    }
    if !this.pull_reset_line(false, 200, "Reset qca device via bt_en gpio") {
        this.reset_usb();
    }
}

/// Debug output comes as ACL data of a link that does not exist.
pub(crate) fn classify(data: &[u8]) -> Option<u8> {
    match data {
        &[lo, hi, ..] if u16::from_le_bytes([lo, hi]) == qca::DEBUG_HANDLE => Some(packet::DIAG),
        _ => None,
    }
}

/// A packet, unless it is part of a memory dump. Atomic.
pub(crate) fn receive(this: &Btusb, skb: SkBuff, acl: bool) -> Result {
    match DumpPacket::parse(skb.data(), acl) {
        None => this.hdev.receive(skb),
        Some(packet) => dumped(this, skb, &packet, acl),
    }
}

fn dumped(this: &Btusb, mut skb: SkBuff, packet: &DumpPacket, acl: bool) -> Result {
    let dev = &this.hdev;
    let step = this.dump.lock().step(packet);
    skb.pull(packet.offset).ok_or(EILSEQ)?;
    match step {
        DumpStep::Begin(size) => {
            if let Err(e) = dev.dump_begin(size) {
                this.dump.lock().reset();
                dev.error(fmt!("memdump init error({})", e.to_errno()));
                return Err(e);
            }
            this.udev.set_autosuspend(false);
            let name = if acl { "ACL" } else { "event" };
            dev.info(fmt!("{} memdump size({})", name, size));
            dev.dump_append(skb)
        }
        DumpStep::Append => dev.dump_append(skb),
        DumpStep::Fill(lost) => {
            dev.error(fmt!(
                "memdump: {} bytes lost before packet {}",
                lost,
                packet.sequence
            ));
            dev.dump_append_zeroes(lost)?;
            dev.dump_append(skb)
        }
        DumpStep::End => {
            dev.dump_append(skb)?;
            dev.info(fmt!("memdump done"));
            let result = dev.dump_complete();
            this.udev.set_autosuspend(true);
            result
        }
        DumpStep::Drop => {
            this.complain(fmt!("memdump is not active"));
            Err(EINVAL)
        }
        DumpStep::Abort => {
            this.complain(fmt!("Invalid memdump size"));
            Err(EILSEQ)
        }
    }
}

/// Asks for a memory dump.
pub(crate) fn coredump(dev: &Device) {
    if let Err(e) = dev.send_unanswered(0xfc0c, &[0x26]) {
        dev.error(fmt!("trigger crash failed ({})", e.to_errno()));
    }
}

/// What the text before a dump says of the controller.
pub(crate) fn coredump_header(this: &Btusb, dev: &Device, out: &mut dyn core::fmt::Write) {
    let (firmware, controller) = &this.dump_version;
    let _ = out.write_fmt(fmt!(
        "Controller Name: 0x{:x}\nFirmware Version: 0x{:x}\nDriver: btusb\nVendor: qca\n\
         VID: 0x{:x}\nPID:0x{:x}\nLmp Subversion: 0x{:x}\n",
        controller.load(Relaxed),
        firmware.load(Relaxed),
        this.udev.vendor(),
        this.udev.product(),
        dev.lmp_subversion(),
    ));
}
