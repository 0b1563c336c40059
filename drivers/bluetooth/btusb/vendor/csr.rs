// SPDX-License-Identifier: GPL-2.0

//! CSR's chip, and all those that only say they are.

use super::{
    sleep_ms,
    INIT_TIMEOUT, //
};
use crate::{
    device::{
        number,
        Btusb, //
    },
    tables,
};
use h2::{
    csr::{
        is_fake,
        Version, //
    },
    plan::Quirk,
};
use kernel::{
    prelude::*,
    time::msecs_to_jiffies, //
};

const READ_LOCAL_VERSION: u16 = 0x1001;

/// Finds out, and works around what fakes do wrong.
pub(crate) fn setup(this: &Btusb) -> Result {
    let dev = &this.hdev;
    let reply = dev
        .command(READ_LOCAL_VERSION, &[], msecs_to_jiffies(INIT_TIMEOUT))
        .inspect_err(|e| dev.error(fmt!("CSR: Local version failed ({})", e.to_errno())))?;
    let Some(version) = Version::parse(reply.data()) else {
        dev.error(fmt!("CSR: Local version length mismatch"));
        return Err(EIO);
    };
    dev.info(fmt!(
        "CSR: Setting up dongle with HCI ver={} rev={:04x}",
        version.hci,
        version.hci_revision
    ));
    dev.info(fmt!(
        "LMP ver={} subver={:04x}; manufacturer={}",
        version.lmp,
        version.lmp_subversion,
        version.manufacturer
    ));
    if !is_fake(&version, this.udev.release()) {
        return Ok(());
    }
    dev.warn(fmt!(
        "CSR: Unbranded CSR clone detected; adding workarounds and force-suspending once..."
    ));
    for quirk in Quirk::CSR_FAKE {
        dev.set_quirk(number(quirk), true);
    }
    for quirk in Quirk::CSR_REAL_ONLY {
        dev.set_quirk(number(quirk), false);
    }
    // Some never send anything on the bulk endpoint until they have slept once. They cannot wake
    // the host, either: asleep, they lose what comes in.
    if this.udev.force_suspend_once(|| sleep_ms(200)).is_err() {
        dev.warn(fmt!(
            "CSR: Couldn't suspend the device for our Barrot 8041a02 receive-issue workaround"
        ));
    }
    this.udev.set_cannot_wake();
    if tables::autosuspend() {
        this.udev.set_autosuspend(true);
    }
    Ok(())
}
