// SPDX-License-Identifier: GPL-2.0

//! Brings the controller in line with the settings.
//!
//! Each function here compares what is wanted (flags, [`State`]) with what the
//! controller has, and sends what it takes, if anything. So they can be called whenever
//! something may have changed. All of them run in a sequence and wait for answers: settings are
//! copied out first, no lock is held meanwhile.

pub(crate) mod address;
pub(crate) mod adv;
mod discovery;
mod le_scan;
pub(crate) mod names;
mod suspend;

pub(crate) use adv::off as advertising_off;
pub(crate) use discovery::{
    inquiry_cancelled,
    inquiry_complete,
    le_scan_started,
    le_scan_stopped,
    le_scan_timeout,
    set_discovery,
    start as start_discovery,
    stop as stop_discovery,
    stopped as discovery_stopped, //
};
pub(crate) use le_scan::{
    disable as scan_disable,
    passive as passive_scan, //
};
pub(crate) use suspend::{
    configure_wake,
    pause,
    resume, //
};

use super::{
    init::Can,
    link,
    power,
    CommandError,
    Device,
    Session,
    State, //
};
use engine::{
    announce::{
        self,
        InquiryResponse, //
    },
    bringup, //
};
use kernel::prelude::*;
use kernel_ext::hci::{
    Address,
    DevFlag,
    Flag, //
};
use wire::{
    hci::{
        host_control::{
            ScanEnable,
            WriteAuthenticationEnable,
            WriteClassOfDevice,
            WriteCurrentIacLap,
            WriteEir,
            WriteLeHostSupport,
            WriteLocalName,
            WritePageScanActivity,
            WritePageScanType,
            WriteScHostSupport,
            WriteScanEnable,
            WriteSimplePairingMode,
            EIR_LEN, //
        },
        status_params::WriteSimplePairingDebugMode,
        LeAddrType, //
    },
    BdAddr, //
};

/// How a sequence of commands ended: the controller's refusal, or what else went wrong.
pub(crate) type Outcome<T = ()> = Result<T, CommandError>;

/// Interlaced page scan (7.3.54).
const INTERLACED: u8 = 0x01;
/// Page scan interval of a controller that is to connect fast: 160 ms, in units of 0.625 ms.
const FAST_PAGE_SCAN_INTERVAL: u16 = 0x0100;

/// Sets everything in a controller that was just brought up, or that somebody wants to use now.
///
/// # Errors
///
/// What a command failed with that the settings depend on; scans, class, name and inquiry
/// response are tried, and left as they are where the controller refuses.
pub(crate) fn powered(session: &Session<'_>) -> Result {
    let dev = session.dev();
    if dev.has(Flag::SSP_ENABLED) {
        ssp_mode(session, true)?;
    }
    le_host_supported(session, true, false)?;
    powered_advertising(session);
    auth_enable(session)?;

    if dev.info()?.bredr_capable() {
        let fast = dev.has(Flag::FAST_CONNECTABLE);
        tried(dev, fast_connectable(session, fast));
        tried(dev, scan(session));
        tried(dev, class(session));
        tried(dev, name(session));
        tried(dev, eir(session));
    }

    // Without a public address, or where mgmt wants it, the static one is the identity.
    let fixed = dev.state().static_addr;
    let public = BdAddr(dev.address(Address::Current));
    let use_static =
        dev.has(Flag::FORCE_STATIC_ADDR) || (public.is_any() && !dev.has(Flag::BREDR_ENABLED));
    if use_static && !fixed.is_any() {
        address::set_random(session, fixed)?;
    }
    Ok(())
}

/// Something that the rest does not depend on was tried.
fn tried(dev: &Device, outcome: Outcome) {
    if let Err(e) = outcome {
        pr_debug!("{}: setting not made: {:?}\n", dev.name(), e);
    }
}

/// A refusal leaves the controller as it was, which is good enough; anything else is an error.
fn unless_refused(outcome: Outcome) -> Outcome {
    match outcome {
        Err(CommandError::Status(_)) => Ok(()),
        outcome => outcome,
    }
}

/// Address resolution and Set Advertising's data, after power on.
fn powered_advertising(session: &Session<'_>) {
    let dev = session.dev();
    if !dev.has(Flag::LE_ENABLED) {
        return;
    }
    if !dev.has(Flag::LL_RPA_RESOLUTION) {
        // The resolving list is empty: this is about the host's own private addresses.
        tried(dev, address::add_own_key(session));
        tried(dev, address::set_resolution(session, true));
    }
    adv::power_on(session);
}

/// Simple pairing and, if that is wanted, secure connections (7.3.59, 7.3.93).
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn ssp_mode(session: &Session<'_>, on: bool) -> Outcome {
    let dev = session.dev();
    if dev.info()?.features.host_ssp() == on {
        return Ok(());
    }
    if !on && dev.has(Flag::USE_DEBUG_KEYS) {
        unless_refused(session.send(&WriteSimplePairingDebugMode { mode: 0 }))?;
    }
    session.send(&WriteSimplePairingMode { mode: on.into() })?;
    if on {
        sc_support(session, true)?;
    }
    Ok(())
}

/// Secure connections on BR/EDR (7.3.93).
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn sc_support(session: &Session<'_>, on: bool) -> Outcome {
    let dev = session.dev();
    let can = Can::of(dev)?;
    if !can.bredr_secure_connections() || can.features.host_sc() == on {
        return Ok(());
    }
    session.send(&WriteScHostSupport { support: on.into() })?;
    dev.set(Flag::SC_ENABLED, on);
    Ok(())
}

/// LE Host Support of a dual-mode controller (7.3.79).
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn le_host_supported(session: &Session<'_>, le: bool, simultaneous: bool) -> Outcome {
    let dev = session.dev();
    let info = dev.info()?;
    if !dev.has(Flag::LE_ENABLED)
        || !info.bredr_capable()
        || (info.features.host_le(), info.features.host_le_bredr()) == (le, simultaneous)
    {
        return Ok(());
    }
    session.send(&WriteLeHostSupport {
        le: le.into(),
        simultaneous: simultaneous.into(),
    })
}

/// Authentication of every link (7.3.24), as Link Security says.
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn auth_enable(session: &Session<'_>) -> Outcome {
    let dev = session.dev();
    let wanted = dev.has(Flag::LINK_SECURITY);
    if wanted == dev.is(DevFlag::AUTH) {
        return Ok(());
    }
    write_auth_enable(session, wanted)
}

/// Authentication of every link, or not (7.3.24).
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn write_auth_enable(session: &Session<'_>, on: bool) -> Outcome {
    session.send(&WriteAuthenticationEnable { enable: on.into() })
}

/// Page scan often and interlaced (`enable`), or as configured (7.3.20, 7.3.54).
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn fast_connectable(session: &Session<'_>, enable: bool) -> Outcome {
    let dev = session.dev();
    if !dev.has(Flag::BREDR_ENABLED) || dev.info()?.hci_ver < bringup::VERSION_1_2 {
        return Ok(());
    }
    let (activity, scan_type, same_activity, same_type) = {
        let state = dev.state();
        let defaults = &state.defaults;
        let (scan_type, interval) = if enable {
            (INTERLACED, FAST_PAGE_SCAN_INTERVAL)
        } else {
            (defaults.page_scan_type, defaults.page_scan_interval)
        };
        let window = defaults.page_scan_window;
        (
            WritePageScanActivity {
                interval: interval.into(),
                window: window.into(),
            },
            scan_type,
            (state.page_scan_interval, state.page_scan_window) == (interval, window),
            state.page_scan_type == scan_type,
        )
    };
    if !same_activity {
        session.send(&activity)?;
    }
    if !same_type {
        session.send(&WritePageScanType { scan_type })?;
    }
    Ok(())
}

/// Page and inquiry scan (7.3.18): connectable, discoverable, or waiting for somebody known.
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn scan(session: &Session<'_>) -> Outcome {
    let dev = session.dev();
    if !dev.has(Flag::BREDR_ENABLED)
        || !power::is_powered(dev)
        || dev.has(Flag::POWERING_DOWN)
        || dev.state().paused.scanning
    {
        return Ok(());
    }
    let wanted = announce::scans(
        dev.has(Flag::CONNECTABLE),
        somebody_awaited(dev)?,
        dev.has(Flag::DISCOVERABLE),
    );
    if dev.is(DevFlag::PSCAN) == wanted.contains(ScanEnable::PAGE)
        && dev.is(DevFlag::ISCAN) == wanted.contains(ScanEnable::INQUIRY)
    {
        return Ok(());
    }
    session.send(&WriteScanEnable { scan: wanted })
}

/// Whether one of the BR/EDR peers that may always connect is not connected.
fn somebody_awaited(dev: &Device) -> Result<bool> {
    if dev.state().accept_list.is_empty() {
        return Ok(false);
    }
    // The links first: looking at them waits for the worker, which may want the settings.
    let links = link::snapshot(dev, link::MAX_LINKS)?;
    let connected = |peer| links.iter().any(|l| l.peer == peer && is_up(l));
    let state = dev.state();
    Ok(state.accept_list.iter().any(|(peer, _)| !connected(*peer)))
}

/// Whether a link is past being set up.
fn is_up(link: &link::LinkSnapshot) -> bool {
    /// `BT_CONNECTED`, `BT_CONFIG`.
    const UP: [u16; 2] = [1, 7];
    UP.contains(&link.state)
}

/// The address that this host connects with on LE, programmed: private if that is wanted, and then
/// one that can be resolved.
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn own_address(session: &Session<'_>) -> Outcome<LeAddrType> {
    let privacy = if session.dev().has(Flag::PRIVACY) {
        address::Privacy::Resolvable
    } else {
        address::Privacy::None
    };
    address::program(session, privacy)
}

/// Switches page and inquiry scan off.
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn scan_off(session: &Session<'_>) -> Outcome {
    session.send(&WriteScanEnable {
        scan: ScanEnable::EMPTY,
    })
}

/// The local name (7.3.11).
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn name(session: &Session<'_>) -> Outcome {
    let name = session.dev().state().name;
    session.send(&WriteLocalName { name })
}

/// The class of device (7.3.26).
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn class(session: &Session<'_>) -> Outcome {
    let dev = session.dev();
    if !power::is_powered(dev) || !dev.has(Flag::BREDR_ENABLED) || dev.has(Flag::SERVICE_CACHE) {
        return Ok(());
    }
    let limited = dev.has(Flag::LIMITED_DISCOVERABLE);
    let class = {
        let state = dev.state();
        let services = state.uuids.iter().fold(0, |all, uuid| all | uuid.svc_hint);
        let class =
            announce::class_of_device(state.minor_class, state.major_class, services, limited);
        (class != state.class).then_some(class)
    };
    match class {
        Some(class) => session.send(&WriteClassOfDevice { class }),
        None => Ok(()),
    }
}

/// The extended inquiry response (7.3.56).
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn eir(session: &Session<'_>) -> Outcome {
    let dev = session.dev();
    let info = dev.info()?;
    if !power::is_powered(dev)
        || !info.features.ext_inquiry()
        || !dev.has(Flag::SSP_ENABLED)
        || dev.has(Flag::SERVICE_CACHE)
    {
        return Ok(());
    }
    let data = {
        let mut state = dev.state();
        let data = inquiry_response(&state, known(info.inq_tx_power));
        if data == state.eir {
            return Ok(());
        }
        state.eir = data;
        data
    };
    session.send(&WriteEir {
        fec_required: 0,
        data,
    })
}

fn inquiry_response(state: &State, tx_power: Option<i8>) -> [u8; EIR_LEN] {
    let id = &state.device_id;
    InquiryResponse {
        name: &state.name,
        tx_power,
        device_id: (id.source > 0).then_some([id.source, id.vendor, id.product, id.version]),
    }
    .build(state.uuids.iter().map(|service| service.uuid))
}

/// A transmit power, unless it is the one that stands for none (127 dBm).
fn known(power: i8) -> Option<i8> {
    (power != 127).then_some(power)
}

/// The access codes that inquiry scan answers to (7.3.45).
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn access_codes(session: &Session<'_>) -> Outcome {
    let dev = session.dev();
    if !dev.has(Flag::DISCOVERABLE) {
        return Ok(());
    }
    let limited = dev.has(Flag::LIMITED_DISCOVERABLE);
    let (num_iac, iac_lap) = announce::access_codes(limited, dev.info()?.num_iac);
    session.send(&WriteCurrentIacLap { num_iac, iac_lap })
}

/// Discoverable or not, in general or for a while.
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn discoverable(session: &Session<'_>) -> Outcome {
    let dev = session.dev();
    if dev.has(Flag::BREDR_ENABLED) {
        access_codes(session)?;
        scan(session)?;
        class(session)?;
    }
    if dev.has(Flag::ADVERTISING) {
        adv::update_data(session)?;
        // Limited privacy: who is discoverable shows its identity.
        if dev.has(Flag::LIMITED_PRIVACY) {
            adv::refresh(session)?;
        }
    }
    Ok(())
}

/// Connectable or not.
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn connectable(session: &Session<'_>) -> Outcome {
    let dev = session.dev();
    scan(session)?;
    if !dev.has(Flag::BREDR_ENABLED) {
        unless_refused(adv::update_current_data(session))?;
    }
    if adv::is_wanted(dev) {
        adv::refresh(session)?;
    }
    passive_scan(session)
}
