// SPDX-License-Identifier: GPL-2.0

//! Files that show `Y` or `N`.

use super::{
    always,
    le,
    row,
    Content,
    Row, //
};
use crate::hci::{
    init,
    power,
    session::Session,
    Device, //
};
use kernel::prelude::*;
use kernel_ext::hci::{
    DevFlag,
    Flag,
    Quirk, //
};
use wire::{
    hci::status_params::EnableDeviceUnderTestMode,
    BdAddr, //
};

/// A quirk, of a controller with LE, that can be tried out while the controller is down.
macro_rules! quirk {
    ($name:literal, $quirk:ident) => {
        row($name, 0o644, le, Content::Quirk(Quirk::$quirk))
    };
}

/// The controller answers a tester's requests (Vol 4 Part E 7.6.3), until it is reset.
pub(super) const DUT_MODE: Row = row(
    c"dut_mode",
    0o644,
    always,
    Content::Switch {
        flag: Flag::DUT_MODE,
        set: Some(set_dut_mode),
    },
);

/// The driver has the controller tell of what it does.
pub(super) const VENDOR_DIAG: Row = row(
    c"vendor_diag",
    0o644,
    |dev, _| dev.capabilities().set_diag,
    Content::Switch {
        flag: Flag::VENDOR_DIAG,
        set: Some(set_vendor_diag),
    },
);

pub(super) const ROWS: &[Row] = &[
    row(
        c"use_debug_keys",
        0o444,
        |_, info| info.features.ssp() || info.le_capable(),
        Content::Switch {
            flag: Flag::USE_DEBUG_KEYS,
            set: None,
        },
    ),
    row(
        c"sc_only_mode",
        0o444,
        |_, info| info.features.sc() || info.le_capable(),
        Content::Switch {
            flag: Flag::SC_ONLY,
            set: None,
        },
    ),
    row(
        c"force_static_address",
        0o644,
        |_, info| info.le_capable() && info.bdaddr != BdAddr::ANY,
        Content::Switch {
            flag: Flag::FORCE_STATIC_ADDR,
            set: Some(|dev, on| {
                if power::is_powered(dev) {
                    return Err(EBUSY);
                }
                change(dev, Flag::FORCE_STATIC_ADDR, on)
            }),
        },
    ),
    row(
        c"force_no_mitm",
        0o644,
        le,
        Content::Switch {
            flag: Flag::FORCE_NO_MITM,
            set: Some(|dev, on| change(dev, Flag::FORCE_NO_MITM, on)),
        },
    ),
    // For controllers without Secure Connections: keys of LE are derived over BR/EDR all the same.
    row(
        c"force_bredr_smp",
        0o644,
        |_, info| info.bredr_capable() && !info.features.sc(),
        Content::Switch {
            flag: Flag::FORCE_BREDR_SMP,
            set: Some(|dev, on| change(dev, Flag::FORCE_BREDR_SMP, on)),
        },
    ),
    quirk!(c"quirk_strict_duplicate_filter", STRICT_DUPLICATE_FILTER),
    quirk!(c"quirk_simultaneous_discovery", SIMULTANEOUS_DISCOVERY),
];

/// Turns a flag over; that nothing would change is said.
fn change(dev: &Device, flag: Flag, on: bool) -> Result {
    if dev.set(flag, on) == on {
        return Err(EALREADY);
    }
    Ok(())
}

fn set_dut_mode(dev: &Device, on: bool) -> Result {
    if !dev.is(DevFlag::UP) {
        return Err(ENETDOWN);
    }
    let lock = dev.req_lock();
    if dev.has(Flag::DUT_MODE) == on {
        return Err(EALREADY);
    }
    let session = Session::under(&lock);
    if on {
        session.send(&EnableDeviceUnderTestMode {})?;
    } else {
        // There is no command to leave it.
        init::reset(&session)?;
    }
    dev.set(Flag::DUT_MODE, on);
    Ok(())
}

fn set_vendor_diag(dev: &Device, on: bool) -> Result {
    // What does not outlive the controller's being closed is set when it is opened.
    let later = dev.quirk(Quirk::NON_PERSISTENT_DIAG)
        && (!dev.is(DevFlag::RUNNING) || dev.has(Flag::USER_CHANNEL));
    if !later {
        let lock = dev.req_lock();
        Session::under(&lock).set_diag(on).unwrap_or(Ok(()))?;
    }
    dev.set(Flag::VENDOR_DIAG, on);
    Ok(())
}
