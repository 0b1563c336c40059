// SPDX-License-Identifier: GPL-2.0

//! Controllers that must be configured before they can be used.

use super::{
    call::{
        on_off,
        Call,
        Outcome, //
    },
    caps,
    channel::EventFlag,
    events, //
};
use crate::hci::{
    power,
    Device, //
};
use kernel_ext::hci::{
    Address,
    DevFlag,
    Flag,
    Quirk, //
};
use wire::mgmt::{
    command::{
        Mode,
        SetAddress, //
    },
    ev,
    reply::ConfigInfo,
    ConfigOptions,
    MgmtStatus, //
};
use zerocopy::{
    little_endian::U16,
    IntoBytes, //
};

/// Read Controller Configuration Information.
pub(super) fn info(call: &Call<'_>) -> Outcome {
    let dev = call.dev()?;
    call.reply(&ConfigInfo {
        manufacturer: U16::new(call.info()?.manufacturer),
        supported: ConfigOptions::EMPTY
            .with_if(
                ConfigOptions::EXTERNAL_CONFIG,
                dev.quirk(Quirk::EXTERNAL_CONFIG),
            )
            .with_if(ConfigOptions::PUBLIC_ADDRESS, dev.capabilities().set_bdaddr),
        missing: caps::missing_options(dev),
    })
}

fn new_options(call: &Call<'_>, dev: &Device) {
    let missing = caps::missing_options(dev);
    events::send(
        dev,
        ev::NEW_CONFIG_OPTIONS,
        missing.as_bytes(),
        EventFlag::Option,
        call.skip(),
    );
}

/// The controller is configured now: it is brought up as one.
fn bring_up(dev: &Device) {
    dev.set(Flag::CONFIG, true);
    dev.set(Flag::AUTO_OFF, true);
    power::queue_on(dev);
}

/// Set External Configuration.
pub(super) fn set_external(call: &Call<'_>, mode: &Mode) -> Outcome {
    let dev = call.dev()?;
    if power::is_powered(dev) {
        return Err(MgmtStatus::REJECTED.into());
    }
    let on = on_off(mode.value)?;
    if !dev.quirk(Quirk::EXTERNAL_CONFIG) {
        return Err(MgmtStatus::NOT_SUPPORTED.into());
    }
    let changed = dev.set(Flag::EXT_CONFIGURED, on) != on;
    let answered = call.reply(&caps::missing_options(dev))?;
    if !changed {
        return Ok(answered);
    }
    new_options(call, dev);
    if dev.has(Flag::UNCONFIGURED) == caps::is_configured(dev) {
        events::index_removed(dev);
        if dev.set(Flag::UNCONFIGURED, false) {
            bring_up(dev);
        } else {
            dev.set(Flag::UNCONFIGURED, true);
            dev.put(DevFlag::RAW, true);
            events::index_added(dev);
        }
    }
    Ok(answered)
}

/// Set Public Address.
pub(super) fn set_address(call: &Call<'_>, params: &SetAddress) -> Outcome {
    let dev = call.dev()?;
    if power::is_powered(dev) {
        return Err(MgmtStatus::REJECTED.into());
    }
    if params.bdaddr.is_any() {
        return Err(MgmtStatus::INVALID_PARAMS.into());
    }
    if !dev.capabilities().set_bdaddr {
        return Err(MgmtStatus::NOT_SUPPORTED.into());
    }
    let changed = dev.address(Address::Public) != params.bdaddr.0;
    dev.set_address(Address::Public, params.bdaddr.0);
    dev.state().public_addr = params.bdaddr;
    let answered = call.reply(&caps::missing_options(dev))?;
    if !changed {
        return Ok(answered);
    }
    if dev.has(Flag::UNCONFIGURED) {
        new_options(call, dev);
    }
    if caps::is_configured(dev) {
        events::index_removed(dev);
        dev.set(Flag::UNCONFIGURED, false);
        bring_up(dev);
    }
    Ok(answered)
}
