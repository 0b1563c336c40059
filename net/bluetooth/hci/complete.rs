// SPDX-License-Identifier: GPL-2.0

//! What the answer to a command changes, whoever sent it.
//!
//! Sequences look at answers for themselves; what the host knows of the controller is kept here,
//! so that it also follows the commands of raw sockets and drivers. An answer is understood by
//! what was sent: a command that sets something succeeds without repeating what.
//!
//! Runs on the worker, before whoever waits for the answer is told.

mod le;
mod report;
mod settings;

use super::{
    device,
    Device,
    Info, //
};
use engine::{
    listing::listed_at,
    unknown::Verdict, //
};
use kernel::prelude::*;
use kernel_ext::hci::{
    DevFlag,
    Stat, //
};
use wire::hci::{
    features::LmpPage,
    link_control::Inquiry,
    Command,
    Opcode,
    Reply,
    Request,
    Status, //
};
use zerocopy::FromBytes;

/// A transmit power that is not known, in dBm.
pub(super) const POWER_UNKNOWN: i8 = 127;
/// A manufacturer that is not known.
const MANUFACTURER_UNKNOWN: u16 = 0xffff;

/// Features that the host sets, on page 1 (Vol 2 Part C 3.3).
const HOST_SSP: usize = 0;
const HOST_LE: usize = 1;
const HOST_LE_BREDR: usize = 2;
const HOST_SC: usize = 3;

/// How a command ended, after a look at what it returned.
type Outcome = Result<(), Status>;

/// A command that was answered.
struct Completed<'a> {
    dev: &'a Device,
    /// The parameters it was sent with; empty if nobody sent it.
    sent: &'a [u8],
    status: Status,
    /// The return parameters after the status.
    reply: &'a [u8],
}

impl Completed<'_> {
    /// What the controller returned.
    fn reply<C: Command>(&self) -> Result<C::Reply, Status> {
        self.status.ok()?;
        C::Reply::parse(self.reply).map_err(|_| {
            // Who waits for the answer, if anybody does, says what is wrong with it.
            self.dev.count(Stat::ErrRx, 1);
            Status::UNSPECIFIED
        })
    }

    /// Notes what the controller said of itself.
    fn learn<C: Command>(&self, note: impl FnOnce(&mut Info, C::Reply)) -> Outcome {
        let reply = self.reply::<C>()?;
        self.change(|info| note(info, reply));
        Ok(())
    }

    /// Changes what is known of the controller, and shows it to the driver.
    fn change(&self, change: impl FnOnce(&mut Info)) {
        let dev = self.dev;
        let changed = dev.update_info(|info| {
            // The driver may know it before the controller was asked.
            if info.manufacturer == MANUFACTURER_UNKNOWN {
                info.manufacturer = dev.manufacturer();
            }
            change(info);
        });
        let shown = changed.and_then(|changed| {
            if changed {
                device::publish(dev)
            } else {
                Ok(())
            }
        });
        if shown.is_err() {
            pr_err!("{}: no memory for what the controller says\n", dev.name());
        }
    }

    /// The parameters that the command was sent with, if they are whole.
    fn sent<C: FromBytes>(&self) -> Option<C> {
        C::read_from_prefix(self.sent).ok().map(|(sent, _)| sent)
    }

    /// If the command succeeded, notes what it was sent with.
    fn wrote<C: Command + FromBytes>(&self, note: impl FnOnce(&Device, C)) -> Outcome {
        self.status.ok()?;
        if let Some(sent) = self.sent::<C>() {
            note(self.dev, sent);
        }
        Ok(())
    }

    /// Notes a feature that the host has set.
    fn host_feature(&self, number: usize, on: bool) {
        self.change(|info| {
            if let Some(page) = info.features.pages.get_mut(1) {
                LmpPage::set(page, number, on);
            }
        });
    }
}

/// Notes what a Command Complete tells.
///
/// `sent` is what the command was sent with, `reply` its return parameters with the status first.
/// Returns the status that counts: a reply that makes no sense is no success.
pub(super) fn apply(dev: &Device, opcode: Opcode, sent: &[u8], reply: &[u8]) -> u8 {
    let Some((&status, reply)) = reply.split_first() else {
        return Status::UNSPECIFIED.0;
    };
    let done = Completed {
        dev,
        sent,
        status: Status(status),
        reply,
    };
    let outcome = report::apply(opcode, &done)
        .or_else(|| settings::apply(opcode, &done))
        .or_else(|| le::apply(opcode, &done))
        .unwrap_or(done.status.ok());
    outcome.map_or_else(|status| status.0, |()| 0)
}

/// Notes what a Command Status tells. Links learn theirs elsewhere.
pub(super) fn status(dev: &Device, opcode: Opcode, status: Status, sent: &[u8]) {
    if opcode == Inquiry::OPCODE && status.is_success() && !sent.is_empty() {
        dev.put(DevFlag::INQUIRY, true);
    }
}

/// Whether Inquiry Cancel did what it should: inquiry may have ended by itself just before.
pub(super) fn inquiry_cancelled(dev: &Device, status: Status) -> Outcome {
    if status == Status::COMMAND_DISALLOWED && !dev.is(DevFlag::INQUIRY) {
        return Ok(());
    }
    status.ok()
}

/// The controller answered Unknown HCI Command: it is not asked again, whatever it lists.
pub(super) fn mark_unsupported(dev: &Device, opcode: Opcode) {
    let mut verdict = Verdict::Known;
    let marked = dev.update_info(|info| {
        verdict = info
            .commands
            .on_answer(opcode, listed_at(opcode), Status::UNKNOWN_COMMAND);
    });
    if marked.is_err() || verdict != Verdict::StruckOff {
        return;
    }
    pr_warn!(
        "{}: command {:?} ({}) is unknown to the controller and will not be used\n",
        dev.name(),
        opcode,
        opcode.name().unwrap_or("vendor's")
    );
    // No device means that there is nobody to show it to.
    let _ = device::publish(dev);
}

/// Forgets what was true of the controller only while it was up.
pub(super) fn forget_volatile(dev: &Device) {
    let forgotten = dev.update_info(|info| {
        info.inq_tx_power = POWER_UNKNOWN;
        info.adv_tx_power = POWER_UNKNOWN;
    });
    if forgotten.is_err() {
        pr_debug!("{}: old transmit power kept\n", dev.name());
    }
    let mut state = dev.state();
    state.le_scan_active = false;
    state.ssp_debug_mode = 0;
}
