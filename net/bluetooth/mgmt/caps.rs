// SPDX-License-Identifier: GPL-2.0

//! What a controller can do and does, in mgmt's terms.

use crate::hci::{
    power,
    Device,
    Info, //
};
use kernel_ext::hci::{
    Address,
    Flag,
    Quirk, //
};
use wire::{
    hci::CommandBit,
    mgmt::{
        AdvFlags,
        ConfigOptions,
        DeviceFlags,
        MgmtStatus,
        Settings, //
    },
};

/// HCI version of Bluetooth 1.2.
pub(super) const VERSION_1_2: u8 = 2;

/// What the controller can do.
pub(super) fn supported_settings(dev: &Device, info: &Info) -> Settings {
    let mut s = Settings::POWERED
        | Settings::BONDABLE
        | Settings::DEBUG_KEYS
        | Settings::CONNECTABLE
        | Settings::DISCOVERABLE
        | Settings::PHY_CONFIGURATION;
    if info.bredr_capable() {
        s |= Settings::BREDR | Settings::LINK_SECURITY;
        s.set(Settings::FAST_CONNECTABLE, info.hci_ver >= VERSION_1_2);
        s.set(Settings::SSP, info.features.ssp());
        s.set(Settings::SECURE_CONN, info.features.sc());
        s.set(
            Settings::WIDEBAND_SPEECH,
            dev.quirk(Quirk::WIDEBAND_SPEECH_SUPPORTED),
        );
    }
    if info.le_capable() {
        s |= Settings::LE
            | Settings::SECURE_CONN
            | Settings::PRIVACY
            | Settings::STATIC_ADDRESS
            | Settings::ADVERTISING;
    }
    s.set(
        Settings::CONFIGURATION,
        dev.quirk(Quirk::EXTERNAL_CONFIG) || dev.capabilities().set_bdaddr,
    );
    s | le_settings(info)
}

/// Settings that are on when LE is, if the controller has them.
fn le_settings(info: &Info) -> Settings {
    let le = &info.le_features;
    Settings::EMPTY
        .with_if(Settings::CIS_CENTRAL, le.cis_central())
        .with_if(Settings::CIS_PERIPHERAL, le.cis_peripheral())
        .with_if(Settings::ISO_BROADCASTER, le.iso_broadcaster())
        .with_if(Settings::ISO_SYNC_RECEIVER, le.sync_receiver())
        .with_if(Settings::LL_PRIVACY, le.ll_privacy())
        .with_if(Settings::PAST_SENDER, le.past_sender())
        .with_if(Settings::PAST_RECEIVER, le.past_receiver())
        .with_if(Settings::SCI, le.shorter_intervals())
}

/// What the controller does now.
pub(super) fn current_settings(dev: &Device) -> Settings {
    const FLAGS: [(Flag, Settings); 13] = [
        (Flag::CONNECTABLE, Settings::CONNECTABLE),
        (Flag::FAST_CONNECTABLE, Settings::FAST_CONNECTABLE),
        (Flag::DISCOVERABLE, Settings::DISCOVERABLE),
        (Flag::BONDABLE, Settings::BONDABLE),
        (Flag::BREDR_ENABLED, Settings::BREDR),
        (Flag::LE_ENABLED, Settings::LE),
        (Flag::LINK_SECURITY, Settings::LINK_SECURITY),
        (Flag::SSP_ENABLED, Settings::SSP),
        (Flag::ADVERTISING, Settings::ADVERTISING),
        (Flag::SC_ENABLED, Settings::SECURE_CONN),
        (Flag::KEEP_DEBUG_KEYS, Settings::DEBUG_KEYS),
        (Flag::PRIVACY, Settings::PRIVACY),
        (Flag::WIDEBAND_SPEECH_ENABLED, Settings::WIDEBAND_SPEECH),
    ];
    let mut s = Settings::EMPTY.with_if(Settings::POWERED, power::is_powered(dev));
    for (flag, setting) in FLAGS {
        s.set(setting, dev.has(flag));
    }
    let Ok(info) = dev.info() else { return s };
    // Both whether a static address is there and whether it is the one that is used.
    let used =
        dev.has(Flag::FORCE_STATIC_ADDR) || !dev.has(Flag::BREDR_ENABLED) || info.bdaddr.is_any();
    if used && !dev.state().static_addr.is_any() {
        s |= Settings::STATIC_ADDRESS;
    }
    if info.le_capable() && dev.has(Flag::LE_ENABLED) {
        s |= le_settings(&info);
    }
    s
}

/// What has to be configured still.
pub(super) fn missing_options(dev: &Device) -> ConfigOptions {
    ConfigOptions::EMPTY
        .with_if(
            ConfigOptions::EXTERNAL_CONFIG,
            dev.quirk(Quirk::EXTERNAL_CONFIG) && !dev.has(Flag::EXT_CONFIGURED),
        )
        .with_if(
            ConfigOptions::PUBLIC_ADDRESS,
            (dev.quirk(Quirk::INVALID_BDADDR) || dev.quirk(Quirk::USE_BDADDR_PROPERTY))
                && dev.address(Address::Public) == [0; 6],
        )
}

/// Whether nothing is left to configure.
pub(super) fn is_configured(dev: &Device) -> bool {
    missing_options(dev).is_empty()
}

/// Fails unless BR/EDR is there and on.
pub(super) fn bredr(dev: &Device, info: &Info) -> Result<(), MgmtStatus> {
    if !info.bredr_capable() {
        Err(MgmtStatus::NOT_SUPPORTED)
    } else if !dev.has(Flag::BREDR_ENABLED) {
        Err(MgmtStatus::REJECTED)
    } else {
        Ok(())
    }
}

/// Fails unless LE is there and on.
pub(super) fn le(dev: &Device, info: &Info) -> Result<(), MgmtStatus> {
    if !info.le_capable() {
        Err(MgmtStatus::NOT_SUPPORTED)
    } else if !dev.has(Flag::LE_ENABLED) {
        Err(MgmtStatus::REJECTED)
    } else {
        Ok(())
    }
}

/// Whether Secure Connections are used over BR/EDR.
pub(super) fn bredr_sc_enabled(dev: &Device, info: &Info) -> bool {
    info.features.sc() && dev.has(Flag::SC_ENABLED)
}

/// Whether central and peripheral roles go together.
pub(super) fn simultaneous_roles(dev: &Device, info: &Info) -> bool {
    // LE states 35 (central), 38 (peripheral) and 28, see Vol 4 Part E 7.8.27.
    const NEEDED: u64 = 1 << 35 | 1 << 38 | 1 << 28;
    !dev.quirk(Quirk::BROKEN_LE_STATES) && info.le_states & NEEDED == NEEDED
}

/// Flags that peers may be given.
pub(super) fn device_flags(dev: &Device, info: &Info) -> DeviceFlags {
    let ll_privacy = info.le_features.ll_privacy();
    DeviceFlags::EMPTY
        .with_if(DeviceFlags::REMOTE_WAKEUP, dev.capabilities().wakeup)
        .with_if(DeviceFlags::ADDRESS_RESOLUTION, ll_privacy)
        .with_if(
            DeviceFlags::DEVICE_PRIVACY,
            ll_privacy && info.supports(CommandBit::LE_SET_PRIVACY_MODE),
        )
        .with_if(DeviceFlags::PAST, info.le_features.past())
}

/// Flags that advertising instances may have.
pub(super) fn adv_flags(dev: &Device, info: &Info) -> AdvFlags {
    let ext = info.le_features.ext_advertising();
    let mut flags = AdvFlags::CONNECTABLE
        | AdvFlags::DISCOVERABLE
        | AdvFlags::LIMITED_DISCOVERABLE
        | AdvFlags::MANAGED_FLAGS
        | AdvFlags::APPEARANCE
        | AdvFlags::LOCAL_NAME
        | AdvFlags::PARAM_DURATION
        | AdvFlags::PARAM_TIMEOUT
        | AdvFlags::PARAM_INTERVALS
        | AdvFlags::PARAM_TX_POWER
        | AdvFlags::PARAM_SCAN_RSP;
    flags.set(AdvFlags::TX_POWER, info.adv_tx_power != 127 || ext);
    if ext {
        flags |= AdvFlags::SECONDARY_1M | AdvFlags::HW_OFFLOAD | AdvFlags::CAN_SET_TX_POWER;
        flags.set(AdvFlags::SECONDARY_2M, info.le_features.phy_2m());
        flags.set(
            AdvFlags::SECONDARY_CODED,
            info.le_features.phy_coded() && !dev.quirk(Quirk::BROKEN_LE_CODED),
        );
    }
    flags
}
