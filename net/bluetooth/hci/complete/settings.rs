// SPDX-License-Identifier: GPL-2.0

//! Settings of BR/EDR, and the reset of all of them.

use super::{
    inquiry_cancelled,
    Completed,
    Outcome,
    HOST_LE,
    HOST_LE_BREDR,
    HOST_SC,
    HOST_SSP,
    POWER_UNKNOWN, //
};
use crate::hci::{
    notify,
    update,
    Device,
    Notice, //
};
use kernel_ext::hci::{
    DevFlag,
    Flag, //
};
use wire::hci::{
    host_control::{
        ClearEventFilter,
        ReadClassOfDevice,
        ReadLocalName,
        ReadPageScanActivity,
        ReadPageScanType,
        ReadVoiceSetting,
        Reset,
        ScanEnable,
        WriteAuthenticationEnable,
        WriteClassOfDevice,
        WriteEncryptionMode,
        WriteLeHostSupport,
        WriteLocalName,
        WritePageScanActivity,
        WritePageScanType,
        WriteScHostSupport,
        WriteScanEnable,
        WriteSimplePairingMode,
        WriteVoiceSetting, //
    },
    link_control::{
        ExitPeriodicInquiryMode,
        InquiryCancel,
        PeriodicInquiryMode, //
    },
    link_policy::{
        ReadDefaultLinkPolicy,
        WriteDefaultLinkPolicy, //
    },
    status_params::WriteSimplePairingDebugMode,
    Opcode,
    Request, //
};

/// `HCI_NOTIFY_VOICE_SETTING` of the driver ABI.
const NOTIFY_VOICE_SETTING: u32 = 3;

/// Flags that a reset of the controller clears.
const VOLATILE: [Flag; 6] = [
    Flag::LE_SCAN,
    Flag::LE_ADV,
    Flag::LE_ADV_0,
    Flag::LL_RPA_RESOLUTION,
    Flag::PERIODIC_INQ,
    Flag::QUALITY_REPORT,
];

/// Notes the answer if it is one of these.
pub(super) fn apply(opcode: Opcode, done: &Completed<'_>) -> Option<Outcome> {
    let dev = done.dev;
    Some(match opcode {
        Reset::OPCODE => reset(done),
        InquiryCancel::OPCODE => inquiry_cancelled(dev, done.status).map(|()| {
            if dev.put(DevFlag::INQUIRY, false) {
                dev.inquiry_over();
            }
            update::inquiry_cancelled(dev);
        }),
        PeriodicInquiryMode::OPCODE => done.status.ok().map(|()| {
            dev.set(Flag::PERIODIC_INQ, true);
        }),
        ExitPeriodicInquiryMode::OPCODE => done.status.ok().map(|()| {
            dev.set(Flag::PERIODIC_INQ, false);
        }),

        ReadDefaultLinkPolicy::OPCODE => done
            .reply::<ReadDefaultLinkPolicy>()
            .map(|policy| dev.state().link_policy = policy.bits()),
        WriteDefaultLinkPolicy::OPCODE => done.wrote::<WriteDefaultLinkPolicy>(|dev, sent| {
            dev.state().link_policy = sent.policy.bits();
        }),

        WriteLocalName::OPCODE => done.wrote::<WriteLocalName>(|dev, sent| {
            dev.state().name = sent.name;
            if dev.has(Flag::MGMT) && !dev.has(Flag::POWERING_DOWN) {
                notify(dev, Notice::NameChanged);
            }
        }),
        ReadLocalName::OPCODE => done.reply::<ReadLocalName>().map(|reply| {
            // Later on the host's name counts, not the controller's.
            if dev.has(Flag::SETUP) || dev.has(Flag::CONFIG) {
                dev.state().name = reply.name;
            }
        }),
        ReadClassOfDevice::OPCODE => done
            .reply::<ReadClassOfDevice>()
            .map(|class| dev.state().class = class),
        WriteClassOfDevice::OPCODE => done.wrote::<WriteClassOfDevice>(|dev, sent| {
            dev.state().class = sent.class;
            if dev.has(Flag::MGMT) {
                notify(dev, Notice::ClassChanged);
            }
        }),

        WriteAuthenticationEnable::OPCODE => {
            let outcome = done.wrote::<WriteAuthenticationEnable>(|dev, sent| {
                dev.put(DevFlag::AUTH, sent.enable == 1);
            });
            if dev.has(Flag::MGMT) {
                notify(dev, Notice::AuthEnabled(done.status.0));
            }
            outcome
        }
        WriteEncryptionMode::OPCODE => done.wrote::<WriteEncryptionMode>(|dev, sent| {
            dev.put(DevFlag::ENCRYPT, sent.mode != 0);
        }),
        WriteScanEnable::OPCODE => scan_enable(done),
        // Two forms, told apart by the first octet.
        ClearEventFilter::OPCODE => done.wrote::<ClearEventFilter>(|dev, sent| {
            dev.set(Flag::EVENT_FILTER_CONFIGURED, sent.filter_type != 0);
        }),
        ReadVoiceSetting::OPCODE => done
            .reply::<ReadVoiceSetting>()
            .map(|setting| voice_setting(done, setting.get())),
        WriteVoiceSetting::OPCODE => {
            done.wrote::<WriteVoiceSetting>(|_, sent| voice_setting(done, sent.setting.get()))
        }

        WriteSimplePairingMode::OPCODE => done.wrote::<WriteSimplePairingMode>(|dev, sent| {
            done.host_feature(HOST_SSP, sent.mode != 0);
            dev.set(Flag::SSP_ENABLED, sent.mode != 0);
        }),
        WriteScHostSupport::OPCODE => done.wrote::<WriteScHostSupport>(|dev, sent| {
            done.host_feature(HOST_SC, sent.support != 0);
            // mgmt keeps its own account of what its users want.
            if !dev.has(Flag::MGMT) {
                dev.set(Flag::SC_ENABLED, sent.support != 0);
            }
        }),
        WriteSimplePairingDebugMode::OPCODE => {
            done.wrote::<WriteSimplePairingDebugMode>(|dev, sent| {
                dev.state().ssp_debug_mode = sent.mode
            })
        }
        WriteLeHostSupport::OPCODE => done.wrote::<WriteLeHostSupport>(|dev, sent| {
            let on = sent.le != 0;
            done.host_feature(HOST_LE, on);
            done.host_feature(HOST_LE_BREDR, sent.simultaneous != 0);
            dev.set(Flag::LE_ENABLED, on);
            if !on {
                dev.set(Flag::ADVERTISING, false);
            }
        }),

        ReadPageScanActivity::OPCODE => done.reply::<ReadPageScanActivity>().map(|activity| {
            if dev.is(DevFlag::INIT) {
                page_scan_activity(dev, activity.interval.get(), activity.window.get());
            }
        }),
        WritePageScanActivity::OPCODE => done.wrote::<WritePageScanActivity>(|dev, sent| {
            page_scan_activity(dev, sent.interval.get(), sent.window.get());
        }),
        ReadPageScanType::OPCODE => done.reply::<ReadPageScanType>().map(|scan_type| {
            if dev.is(DevFlag::INIT) {
                dev.state().page_scan_type = scan_type;
            }
        }),
        WritePageScanType::OPCODE => done.wrote::<WritePageScanType>(|dev, sent| {
            dev.state().page_scan_type = sent.scan_type;
        }),
        _ => return None,
    })
}

/// Reset (7.3.2): what the controller was told before is void.
fn reset(done: &Completed<'_>) -> Outcome {
    let dev = done.dev;
    dev.put(DevFlag::RESET, false);
    done.status.ok()?;
    for flag in VOLATILE {
        dev.set(flag, false);
    }
    update::discovery_stopped(dev);
    {
        let mut state = dev.state();
        state.adv_data.clear();
        state.scan_rsp_data.clear();
        state.adv.controller_reset();
        state.le_accept_list.clear();
        state.le_resolv_list.clear();
        state.le_scan_active = false;
        state.ssp_debug_mode = 0;
    }
    done.change(|info| {
        info.inq_tx_power = POWER_UNKNOWN;
        info.adv_tx_power = POWER_UNKNOWN;
    });
    Ok(())
}

fn page_scan_activity(dev: &Device, interval: u16, window: u16) {
    let mut state = dev.state();
    state.page_scan_interval = interval;
    state.page_scan_window = window;
}

/// Write Scan Enable (7.3.18).
fn scan_enable(done: &Completed<'_>) -> Outcome {
    let dev = done.dev;
    if let Err(refused) = done.status.ok() {
        // Not discoverable, so there is nothing that would have to end.
        dev.state().discov_timeout = 0;
        return Err(refused);
    }
    done.wrote::<WriteScanEnable>(|dev, sent| {
        dev.put(DevFlag::ISCAN, sent.scan.contains(ScanEnable::INQUIRY));
        dev.put(DevFlag::PSCAN, sent.scan.contains(ScanEnable::PAGE));
    })
}

/// The voice setting (7.3.27) has changed: the driver may have to set its transport accordingly.
fn voice_setting(done: &Completed<'_>, setting: u16) {
    let dev = done.dev;
    let before = core::mem::replace(&mut dev.state().voice_setting, setting);
    if before != setting {
        done.change(|_| {});
        dev.notify(NOTIFY_VOICE_SETTING);
    }
}
