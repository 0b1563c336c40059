// SPDX-License-Identifier: GPL-2.0

//! Settings that are on or off: transports, security, privacy.

use super::{
    call::{
        background,
        on_off,
        Call,
        Failure,
        Outcome, //
    },
    caps,
    events,
    status_of, //
};
use crate::hci::{
    power,
    send_detached,
    update,
    Device,
    DiscoveryState, //
};
use engine::smp::Secret;
use kernel::prelude::*;
use kernel_ext::hci::{
    Address,
    DevFlag,
    Flag,
    Quirk, //
};
use wire::{
    hci::{
        host_control::WriteAuthenticationEnable,
        Opcode, //
    },
    mgmt::{
        command::{
            Mode,
            SetAddress,
            SetIoCapability,
            SetPrivacy,
            SetScanParams, //
        },
        op,
        MgmtStatus, //
    },
    BdAddr, //
};

/// Greatest value of an input and output capability, Keyboard Display (Vol 3 Part H 3.5.1).
const MAX_IO_CAPABILITY: u8 = 0x04;

/// Answers with the settings, then tells the others if they changed.
fn settle(call: &Call<'_>, changed: bool) -> Outcome {
    let answered = call.settings()?;
    if changed {
        events::new_settings(call.dev()?, call.skip());
    }
    Ok(answered)
}

/// Fails for values that are neither off, on nor the third way.
fn three_ways(value: u8) -> Result<(), Failure> {
    if value <= 2 {
        Ok(())
    } else {
        Err(MgmtStatus::INVALID_PARAMS.into())
    }
}

/// Set Link Security.
pub(super) fn set_link_security(call: &Call<'_>, mode: &Mode) -> Outcome {
    let dev = call.dev()?;
    caps::bredr(dev, &*call.info()?)?;
    let on = on_off(mode.value)?;
    if !power::is_powered(dev) {
        let changed = dev.set(Flag::LINK_SECURITY, on) != on;
        return settle(call, changed);
    }
    call.not_pending(&[op::SET_LINK_SECURITY])?;
    if dev.is(DevFlag::AUTH) == on {
        return call.settings();
    }
    let ticket = call.listed()?;
    call.queue(ticket, move |session, ticket| {
        let result = session.send(&WriteAuthenticationEnable { enable: on.into() });
        // Usually the notice of the controller's answer has answered already.
        let Some(claim) = ticket.claim() else { return };
        match result {
            Ok(()) => claim.settings(session.dev()),
            Err(e) => claim.status(status_of(e)),
        }
    })
}

/// Set Secure Simple Pairing.
pub(super) fn set_ssp(call: &Call<'_>, mode: &Mode) -> Outcome {
    let dev = call.dev()?;
    let info = call.info()?;
    caps::bredr(dev, &info)?;
    if !info.features.ssp() {
        return Err(MgmtStatus::NOT_SUPPORTED.into());
    }
    let on = on_off(mode.value)?;
    if !power::is_powered(dev) {
        let changed = dev.set(Flag::SSP_ENABLED, on) != on;
        return settle(call, changed);
    }
    call.not_pending(&[op::SET_SSP])?;
    if on == dev.has(Flag::SSP_ENABLED) {
        return call.settings();
    }
    let ticket = call.listed()?;
    call.queue_or(ticket, MgmtStatus::FAILED, move |session, ticket| {
        let dev = session.dev();
        // Written only while the setting is on, be it for the last time.
        dev.set(Flag::SSP_ENABLED, true);
        let result = update::ssp_mode(session, on);
        let Some(claim) = ticket.claim() else { return };
        match result {
            Ok(()) => {
                dev.set(Flag::SSP_ENABLED, on);
                claim.settings(dev);
                events::new_settings(dev, claim.skip());
                let _ = update::eir(session);
            }
            Err(e) => {
                if on && dev.set(Flag::SSP_ENABLED, false) {
                    events::new_settings(dev, None);
                }
                claim.status(status_of(e));
            }
        }
    })
}

/// Set High Speed, which nobody has any more.
pub(super) fn set_hs(_call: &Call<'_>, _mode: &Mode) -> Outcome {
    Err(MgmtStatus::NOT_SUPPORTED.into())
}

/// Set Low Energy.
pub(super) fn set_le(call: &Call<'_>, mode: &Mode) -> Outcome {
    let dev = call.dev()?;
    let info = call.info()?;
    if !info.le_capable() {
        return Err(MgmtStatus::NOT_SUPPORTED.into());
    }
    let on = on_off(mode.value)?;
    // Without BR/EDR, LE is all there is, and stays on.
    if !dev.has(Flag::BREDR_ENABLED) {
        return if on {
            call.settings()
        } else {
            Err(MgmtStatus::REJECTED.into())
        };
    }
    if !power::is_powered(dev) || on == info.features.host_le() {
        let mut changed = dev.set(Flag::LE_ENABLED, on) != on;
        if !on {
            changed |= dev.set(Flag::ADVERTISING, false);
        }
        return settle(call, changed);
    }
    call.not_pending(&[op::SET_LE, op::SET_ADVERTISING])?;
    let ticket = call.listed()?;
    call.queue_or(ticket, MgmtStatus::FAILED, move |session, ticket| {
        let dev = session.dev();
        let result = switch_le(session, on);
        let Some(claim) = ticket.claim() else { return };
        match result {
            Ok(()) => {
                claim.settings(dev);
                events::new_settings(dev, claim.skip());
            }
            Err(e) => claim.status(status_of(e)),
        }
    })
}

fn switch_le(session: &crate::hci::Session<'_>, on: bool) -> Result {
    let dev = session.dev();
    if on {
        dev.set(Flag::LE_ENABLED, true);
    } else {
        let _ = update::adv::clear_instances(session);
        if dev.has(Flag::LE_ADV) {
            let _ = update::adv::disable(session);
        }
        update::adv::remove_set(session);
    }
    update::le_host_supported(session, on, false)?;
    if dev.has(Flag::LE_ENABLED) {
        // The controller must have good data to advertise from the start.
        let _ = update::adv::prepare_instance0(session);
        let _ = update::passive_scan(session);
    }
    Ok(())
}

/// Set BR/EDR.
pub(super) fn set_bredr(call: &Call<'_>, mode: &Mode) -> Outcome {
    let dev = call.dev()?;
    let info = call.info()?;
    if !info.bredr_capable() || !info.le_capable() {
        return Err(MgmtStatus::NOT_SUPPORTED.into());
    }
    if !dev.has(Flag::LE_ENABLED) {
        return Err(MgmtStatus::REJECTED.into());
    }
    let on = on_off(mode.value)?;
    if on == dev.has(Flag::BREDR_ENABLED) {
        return call.settings();
    }
    if !power::is_powered(dev) {
        if !on {
            dev.set(Flag::DISCOVERABLE, false);
            dev.set(Flag::SSP_ENABLED, false);
            dev.set(Flag::LINK_SECURITY, false);
            dev.set(Flag::FAST_CONNECTABLE, false);
        }
        dev.set(Flag::BREDR_ENABLED, on);
        return settle(call, true);
    }
    // Never off while powered; and not on where that would give the controller two identities,
    // or Secure Connections that BR/EDR was not asked for.
    if !on || !dev.state().static_addr.is_any() || dev.has(Flag::SC_ENABLED) {
        return Err(MgmtStatus::REJECTED.into());
    }
    let ticket = call.unlisted()?;
    let answered = call.queue_or(ticket, MgmtStatus::FAILED, |session, ticket| {
        let dev = session.dev();
        let result = update::fast_connectable(session, false)
            .and_then(|()| update::scan(session))
            .and_then(|()| update::adv::update_current_data(session));
        let Some(claim) = ticket.claim() else { return };
        match result {
            Ok(()) => {
                claim.settings(dev);
                events::new_settings(dev, claim.skip());
            }
            Err(e) => {
                dev.set(Flag::BREDR_ENABLED, false);
                claim.status(status_of(e));
            }
        }
    })?;
    // Already now: the flags that are advertised depend on it.
    dev.set(Flag::BREDR_ENABLED, true);
    Ok(answered)
}

/// Set Secure Connections.
pub(super) fn set_secure_conn(call: &Call<'_>, mode: &Mode) -> Outcome {
    const ONLY: u8 = 2;

    let dev = call.dev()?;
    let info = call.info()?;
    let sc = info.features.sc();
    if !sc && !dev.has(Flag::LE_ENABLED) {
        return Err(MgmtStatus::NOT_SUPPORTED.into());
    }
    if dev.has(Flag::BREDR_ENABLED) && sc && !dev.has(Flag::SSP_ENABLED) {
        return Err(MgmtStatus::REJECTED.into());
    }
    three_ways(mode.value)?;
    let (on, only) = (mode.value != 0, mode.value == ONLY);
    if !power::is_powered(dev) || !sc || !dev.has(Flag::BREDR_ENABLED) {
        let changed = dev.set(Flag::SC_ENABLED, on) != on;
        dev.set(Flag::SC_ONLY, only);
        return settle(call, changed);
    }
    if on == dev.has(Flag::SC_ENABLED) && only == dev.has(Flag::SC_ONLY) {
        return call.settings();
    }
    let ticket = call.unlisted()?;
    call.queue_or(ticket, MgmtStatus::FAILED, move |session, ticket| {
        let dev = session.dev();
        // Written whether or not it is the value that is there.
        dev.set(Flag::SC_ENABLED, true);
        let result = update::sc_support(session, on);
        let Some(claim) = ticket.claim() else { return };
        match result {
            Ok(()) => {
                dev.set(Flag::SC_ENABLED, on);
                dev.set(Flag::SC_ONLY, only);
                claim.settings(dev);
                events::new_settings(dev, claim.skip());
            }
            Err(e) => claim.status(status_of(e)),
        }
    })
}

/// Set Debug Keys.
pub(super) fn set_debug_keys(call: &Call<'_>, mode: &Mode) -> Outcome {
    const USE: u8 = 2;

    let dev = call.dev()?;
    three_ways(mode.value)?;
    let (keep, using) = (mode.value != 0, mode.value == USE);
    let changed = dev.set(Flag::KEEP_DEBUG_KEYS, keep) != keep;
    let use_changed = dev.set(Flag::USE_DEBUG_KEYS, using) != using;
    if power::is_powered(dev) && use_changed && dev.has(Flag::SSP_ENABLED) {
        let _ = send_detached(dev, Opcode::WRITE_SSP_DEBUG_MODE, &[using.into()]);
    }
    settle(call, changed)
}

/// Set Privacy.
pub(super) fn set_privacy(call: &Call<'_>, params: &SetPrivacy) -> Outcome {
    const LIMITED: u8 = 2;

    let dev = call.dev()?;
    if !call.info()?.le_capable() {
        return Err(MgmtStatus::NOT_SUPPORTED.into());
    }
    three_ways(params.privacy)?;
    if power::is_powered(dev) {
        return Err(MgmtStatus::REJECTED.into());
    }
    // Whoever knows this command keeps identity keys as well.
    dev.set(Flag::RPA_RESOLVING, true);
    let on = params.privacy != 0;
    let changed = dev.set(Flag::PRIVACY, on) != on;
    {
        let mut state = dev.state();
        state.irk = if on {
            Secret::new(params.irk.0)
        } else {
            Secret::ZERO
        };
        state.adv.set_rpa_expired(on);
    }
    dev.set(Flag::RPA_EXPIRED, on);
    dev.set(Flag::LIMITED_PRIVACY, params.privacy == LIMITED);
    settle(call, changed)
}

/// Set Static Address.
pub(super) fn set_static_address(call: &Call<'_>, params: &SetAddress) -> Outcome {
    let dev = call.dev()?;
    if !call.info()?.le_capable() {
        return Err(MgmtStatus::NOT_SUPPORTED.into());
    }
    if power::is_powered(dev) {
        return Err(MgmtStatus::REJECTED.into());
    }
    let addr = params.bdaddr;
    if !addr.is_any() && (addr == BdAddr::NONE || !addr.is_static_random()) {
        return Err(MgmtStatus::INVALID_PARAMS.into());
    }
    dev.state().static_addr = addr;
    dev.set_address(Address::Static, addr.0);
    settle(call, true)
}

/// Set Scan Parameters.
pub(super) fn set_scan_params(call: &Call<'_>, params: &SetScanParams) -> Outcome {
    let dev = call.dev()?;
    if !call.info()?.le_capable() {
        return Err(MgmtStatus::NOT_SUPPORTED.into());
    }
    let (interval, window) = (params.interval.get(), params.window.get());
    scan_times(interval, window)?;
    let idle = {
        let mut state = dev.state();
        state.defaults.le_scan_interval = interval;
        state.defaults.le_scan_window = window;
        state.discovery.state == DiscoveryState::Stopped
    };
    let answered = call.done()?;
    // A scan in the background is started anew, with these.
    if dev.has(Flag::LE_SCAN) && idle {
        background(dev, |session| {
            let _ = update::passive_scan(session);
        });
    }
    Ok(answered)
}

/// Fails for times that no scan may have (Vol 4 Part E 7.8.10).
pub(super) fn scan_times(interval: u16, window: u16) -> Result<(), Failure> {
    const RANGE: core::ops::RangeInclusive<u16> = 0x0004..=0x4000;
    if RANGE.contains(&interval) && RANGE.contains(&window) && window <= interval {
        Ok(())
    } else {
        Err(MgmtStatus::INVALID_PARAMS.into())
    }
}

/// Set IO Capability.
pub(super) fn set_io_capability(call: &Call<'_>, params: &SetIoCapability) -> Outcome {
    if params.io_capability > MAX_IO_CAPABILITY {
        return Err(MgmtStatus::INVALID_PARAMS.into());
    }
    call.dev()?.state().io_capability = params.io_capability;
    call.done()
}

/// Set Wideband Speech.
pub(super) fn set_wideband_speech(call: &Call<'_>, mode: &Mode) -> Outcome {
    let dev: &Device = call.dev()?;
    if !dev.quirk(Quirk::WIDEBAND_SPEECH_SUPPORTED) {
        return Err(MgmtStatus::NOT_SUPPORTED.into());
    }
    let on = on_off(mode.value)?;
    if power::is_powered(dev) && on != dev.has(Flag::WIDEBAND_SPEECH_ENABLED) {
        return Err(MgmtStatus::REJECTED.into());
    }
    let changed = dev.set(Flag::WIDEBAND_SPEECH_ENABLED, on) != on;
    settle(call, changed)
}
