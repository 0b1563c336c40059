// SPDX-License-Identifier: GPL-2.0

//! What the core calls.

use crate::{
    device::Btusb,
    receive::{
        Data,
        Diagnostics,
        Events, //
    },
    vendor, //
};
use core::sync::atomic::Ordering::Relaxed;
use h2::plan::{
    Reset,
    SetAddress,
    Setup,
    Shutdown, //
};
use kernel::{
    prelude::*,
    sync::ArcBorrow,
    time::msecs_to_jiffies, //
};
use usb_ext::{
    hci::{
        Answer,
        Device,
        Driver,
        DrvCommands, //
    },
    skbuff::SkBuff,
    time,
    vendor as modules, //
};

impl Driver for Btusb {
    fn open(this: ArcBorrow<'_, Self>, _dev: &Device) -> Result {
        let awake = this.intf.power_get()?;
        if this.plan.patch_on_open {
            vendor::qca::setup(&this)?;
        }
        this.intf.set_needs_remote_wakeup(&awake, true);
        if this.interrupt.is_running() {
            return Ok(());
        }
        this.set_overtaking();
        this.start::<Events>(GFP_KERNEL)?;
        if let Err(e) = this.start::<Data>(GFP_KERNEL) {
            this.interrupt.set_running(false);
            this.interrupt.stop();
            return Err(e);
        }
        if this.diag_claimed.load(Relaxed) {
            // The controller does without.
            let _ = this.start::<Diagnostics>(GFP_KERNEL);
        }
        Ok(())
    }

    fn close(this: ArcBorrow<'_, Self>, _dev: &Device) {
        this.voice_work.cancel_sync();
        this.waker.cancel_sync();
        for pipe in [
            &this.isochronous,
            &this.bulk,
            &this.interrupt,
            &this.diagnostics,
        ] {
            pipe.set_running(false);
        }
        this.recover.cancel_sync();
        this.stop_receiving();
        // Only once nothing comes in any more that could queue it again.
        this.deliver.cancel_sync();
        this.waiting.purge();
        this.reset_assemblers();
        this.end_voice();
        if let Ok(awake) = this.intf.power_get() {
            this.intf
                .set_needs_remote_wakeup(&awake, this.plan.wakeup_autosuspend);
        }
        this.deferred.purge();
    }

    fn flush(this: ArcBorrow<'_, Self>, _dev: &Device) {
        this.deliver.cancel_sync();
        this.waiting.purge();
        this.tx.kill();
        this.reset_assemblers();
    }

    fn send(
        this: ArcBorrow<'_, Self>,
        _dev: &Device,
        skb: SkBuff,
    ) -> core::result::Result<(), (Error, SkBuff)> {
        this.send(skb)
    }

    fn notify(this: ArcBorrow<'_, Self>, dev: &Device, event: u32) {
        if this.voice.note(dev.sco_links(), event) {
            this.voice_work.queue(this);
        }
    }

    fn wakeup(this: ArcBorrow<'_, Self>, _dev: &Device) -> bool {
        this.udev.may_wake()
    }

    fn setup(this: ArcBorrow<'_, Self>, dev: &Device) -> Result {
        match this.plan.setup {
            None => Ok(()),
            Some(Setup::Bcm92035) => {
                vendor::setup_bcm92035(dev);
                Ok(())
            }
            Some(Setup::BroadcomPatchram) => modules::broadcom::setup_patchram(dev),
            Some(Setup::BroadcomApple) => modules::broadcom::setup_apple(dev),
            Some(Setup::MediaTek) => vendor::mediatek::setup(this),
            Some(Setup::Realtek) => vendor::realtek::setup(&this),
            Some(Setup::Csr) => vendor::csr::setup(&this),
        }
    }

    fn shutdown(this: ArcBorrow<'_, Self>, dev: &Device) -> Result {
        match this.plan.shutdown {
            None => Ok(()),
            Some(Shutdown::MediaTek) => vendor::mediatek::shutdown(&this),
            Some(Shutdown::Realtek) => modules::realtek::shutdown(dev),
            Some(Shutdown::Qualcomm) => dev
                .reset_command()
                .inspect_err(|_| dev.error(fmt!("HCI reset during shutdown failed"))),
        }
    }

    fn set_diag(this: ArcBorrow<'_, Self>, _dev: &Device, on: bool) -> Result {
        this.set_diag(on)
    }

    fn set_address(this: ArcBorrow<'_, Self>, dev: &Device, address: [u8; 6]) -> Result {
        match this.plan.set_address {
            None => Err(EOPNOTSUPP),
            Some(SetAddress::Broadcom) => modules::broadcom::set_address(dev, address),
            Some(SetAddress::MediaTek) => modules::mediatek::set_address(dev, address),
            Some(SetAddress::Marvell) => vendor::marvell::set_address(dev, address),
            Some(SetAddress::Ath3012) => vendor::qca::set_address_ath3012(dev, address),
            Some(SetAddress::Wcn6855) => vendor::qca::set_address_wcn6855(dev, address),
        }
    }

    fn reset(this: ArcBorrow<'_, Self>, _dev: &Device) {
        match this.plan.reset {
            Reset::Usb if this.is_alive() => {}
            Reset::Usb => this.reset_usb(),
            Reset::Intel => vendor::reset_intel(&this),
            Reset::MediaTek => modules::mediatek::reset_sync(&this.hdev),
            Reset::Qualcomm => vendor::qca::reset(&this),
            Reset::Realtek => vendor::realtek::reset(&this),
        }
    }

    fn hardware_error(this: ArcBorrow<'_, Self>, _dev: &Device, code: u8) {
        vendor::realtek::hardware_error(&this, code);
    }

    fn classify(_dev: &Device, packet: &[u8]) -> Option<u8> {
        vendor::qca::classify(packet)
    }

    fn coredump(_this: ArcBorrow<'_, Self>, dev: &Device) {
        vendor::qca::coredump(dev);
    }

    fn coredump_header(this: ArcBorrow<'_, Self>, dev: &Device, out: &mut dyn core::fmt::Write) {
        vendor::qca::coredump_header(&this, dev, out);
    }
}

impl DrvCommands for Btusb {
    const NAME: &'static str = "btusb";

    /// Which alternate settings there are: their number, and each.
    fn query(this: ArcBorrow<'_, Self>, _dev: &Device) -> Answer {
        let mut reply = [0u8; 8];
        let mut count = 0u8;
        let mut slots = reply.iter_mut();
        let first = slots.next();
        for (slot, number) in slots.zip(this.available.iter()) {
            *slot = number;
            count = count.saturating_add(1);
        }
        if let Some(first) = first {
            *first = count;
        }
        Answer::Complete(reply, usize::from(count).saturating_add(1))
    }

    /// Chooses one.
    fn set(this: ArcBorrow<'_, Self>, _dev: &Device, value: u8) -> Answer {
        if value > h2::alt::MAX {
            return Answer::Invalid;
        }
        match this.switch_voice(value) {
            Ok(()) => Answer::Done,
            Err(_) => Answer::Failed,
        }
    }
}

/// How long a controller may say nothing before a reset takes all its links away, in
/// milliseconds: one command may stay without an answer, which takes two seconds, but not two.
const SILENCE: u32 = 3_500;

impl Btusb {
    /// Whether the controller has sent an event lately.
    fn is_alive(&self) -> bool {
        let silence = time::jiffies().wrapping_sub(self.last_event.load(Relaxed));
        silence < msecs_to_jiffies(SILENCE)
    }

    /// Resets the USB port: the driver is unbound from the device, and bound again.
    pub(crate) fn reset_usb(&self) {
        match self.intf.power_get() {
            Ok(awake) => {
                // One that is still there belongs to a reset that has not come yet.
                if let Some(old) = self.resetting.lock().replace(awake) {
                    old.put_no_suspend();
                }
            }
            Err(e) => {
                self.hdev
                    .error(fmt!("Failed usb_autopm_get_interface: {}", e.to_errno()));
                return;
            }
        }
        self.hdev.error(fmt!("Resetting usb device."));
        self.counts.resets.fetch_add(1, Relaxed);
        self.intf.queue_reset();
    }

    /// Pulls the reset line, if there is one; then the device leaves the bus and comes back.
    ///
    /// Returns whether that was done: not twice for one device, as it would not be there any more had it helped.
    pub(crate) fn pull_reset_line(&self, asserted: bool, ms: u32, what: &str) -> bool {
        let Some(line) = &self.reset_line else {
            return false;
        };
        if self.line_reset.swap(true, Relaxed) {
            self.hdev
                .error(fmt!("last reset failed? Resetting over USB"));
            return false;
        }
        self.hdev.error(fmt!("{}", what));
        line.set(asserted);
        vendor::sleep_ms(ms);
        line.set(!asserted);
        true
    }
}
