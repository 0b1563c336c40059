// SPDX-License-Identifier: GPL-2.0

//! Discovery: inquiry, LE scanning, or both, one after the other or at once.

use super::{
    adv,
    le_scan,
    names,
    Can,
    Device,
    Outcome,
    Session, //
};
use crate::hci::{
    complete,
    notify,
    sequence,
    set_discovery_active,
    timers::{
        self,
        Timer, //
    },
    CommandError,
    DiscoveryState,
    Notice, //
};
use kernel::prelude::*;
use kernel_ext::hci::{
    DevFlag,
    Flag,
    Quirk, //
};
use wire::hci::link_control::{
    Inquiry,
    InquiryCancel,
    RemoteNameRequestCancel,
    GIAC,
    LIAC, //
};

/// Kinds of discovery, as mgmt numbers address types: one bit each.
const BREDR: u8 = 0x01;
const LE: u8 = 0x06;
const INTERLEAVED: u8 = BREDR | LE;

/// How long LE is scanned, in milliseconds, when nothing else is done.
const LE_SCAN_MS: u32 = 10_240;
/// How long inquiry takes, in units of 1.28 s: when nothing else is done, and after a scan.
const INQUIRY_LENGTH: u8 = 0x08;
const INTERLEAVED_INQUIRY_LENGTH: u8 = 0x04;

/// Discovery has come to another state.
pub(crate) fn set_discovery(dev: &Device, state: DiscoveryState) {
    let before = core::mem::replace(&mut dev.state().discovery.state, state);
    if before == state {
        return;
    }
    set_discovery_active(
        dev,
        matches!(state, DiscoveryState::Finding | DiscoveryState::Resolving),
    );
    match state {
        DiscoveryState::Stopped => {
            // Scanning for known peers goes on.
            if le_scan::may_run(dev) {
                let queued = sequence(dev, |session| {
                    super::tried(session.dev(), le_scan::passive(session));
                });
                if queued.is_err() {
                    pr_debug!("{}: no passive scan\n", dev.name());
                }
            }
            if before != DiscoveryState::Starting {
                notify(dev, Notice::Discovering(false));
            }
        }
        DiscoveryState::Finding => notify(dev, Notice::Discovering(true)),
        _ => {}
    }
}

/// Discovery is over, for whatever reason.
pub(crate) fn stopped(dev: &Device) {
    set_discovery(dev, DiscoveryState::Stopped);
}

fn is_finding(dev: &Device) -> bool {
    dev.state().discovery.state == DiscoveryState::Finding
}

/// Whether inquiry and LE scanning run at once.
fn is_simultaneous(dev: &Device) -> bool {
    dev.quirk(Quirk::SIMULTANEOUS_DISCOVERY)
}

/// Inquiry has come to its end.
pub(crate) fn inquiry_complete(dev: &Device) {
    if !dev.has(Flag::MGMT) || !is_finding(dev) || names::begin(dev) {
        return;
    }
    let scanning_on = dev.has(Flag::LE_SCAN) && is_simultaneous(dev);
    if !scanning_on {
        stopped(dev);
    }
}

/// Inquiry was cancelled.
pub(crate) fn inquiry_cancelled(dev: &Device) {
    if !dev.has(Flag::LE_SCAN) || !dev.state().le_scan_active {
        stopped(dev);
    }
}

/// LE scanning was switched on.
pub(crate) fn le_scan_started(dev: &Device) {
    if dev.state().le_scan_active {
        set_discovery(dev, DiscoveryState::Finding);
    }
}

/// LE scanning was switched off.
pub(crate) fn le_scan_stopped(dev: &Device) {
    let kind = dev.state().discovery.kind;
    if kind == INTERLEAVED && is_simultaneous(dev) && !dev.is(DevFlag::INQUIRY) && is_finding(dev) {
        stopped(dev);
    }
    if dev.set(Flag::LE_SCAN_INTERRUPTED, false) {
        // For the sake of a connection.
        stopped(dev);
    } else if dev.has(Flag::ADVERTISING) && !dev.has(Flag::LE_ADV) && is_finding(dev) {
        // Some controllers cannot do both at once.
        if sequence(dev, adv::reenable).is_err() {
            pr_debug!("{}: advertising stays off\n", dev.name());
        }
    }
}

/// LE was scanned for long enough.
pub(crate) fn le_scan_timeout(session: &Session<'_>) {
    let dev = session.dev();
    if !dev.has(Flag::LE_SCAN) {
        return;
    }
    super::tried(dev, le_scan::disable(session));
    let (kind, state) = {
        let state = dev.state();
        (state.discovery.kind, state.discovery.state)
    };
    match kind {
        LE => stopped(dev),
        INTERLEAVED if is_simultaneous(dev) => {
            if !dev.is(DevFlag::INQUIRY) && state != DiscoveryState::Resolving {
                stopped(dev);
            }
        }
        INTERLEAVED => {
            if inquiry(session, INTERLEAVED_INQUIRY_LENGTH, 0).is_err() {
                stopped(dev);
            }
        }
        _ => {}
    }
}

/// Starts inquiry (7.1.1) for `length` times 1.28 s or `responses` responses (0: any number).
///
/// # Errors
///
/// As [`Session::send_status`].
pub(crate) fn inquiry(session: &Session<'_>, length: u8, responses: u8) -> Outcome {
    let dev = session.dev();
    if dev.is(DevFlag::INQUIRY) {
        return Ok(());
    }
    let lap = {
        let discovery = &mut dev.state().discovery;
        discovery.cache.clear();
        if discovery.limited {
            LIAC
        } else {
            GIAC
        }
    };
    session.send_status(&Inquiry {
        lap,
        length,
        num_responses: responses,
    })
}

/// Starts discovery of the kind that the settings name; it ends by itself.
///
/// # Errors
///
/// `EINVAL` for an unknown kind, else what the controller says.
pub(crate) fn start(session: &Session<'_>) -> Outcome {
    let dev = session.dev();
    let (kind, interval) = {
        let state = dev.state();
        (state.discovery.kind, state.defaults.le_scan_int_discovery)
    };
    let scan_ms = match kind {
        BREDR => return inquiry(session, INQUIRY_LENGTH, 0),
        INTERLEAVED if is_simultaneous(dev) => {
            // Inquiry needs its time, too.
            le_scan::active(session, interval.saturating_mul(2))?;
            inquiry(session, INQUIRY_LENGTH, 0)?;
            LE_SCAN_MS
        }
        INTERLEAVED => {
            le_scan::active(session, interval)?;
            u32::from(dev.state().defaults.discov_interleaved_timeout)
        }
        LE => {
            le_scan::active(session, interval)?;
            LE_SCAN_MS
        }
        _ => return Err(EINVAL.into()),
    };
    timers::start(dev, Timer::LeScanOff, scan_ms);
    Ok(())
}

/// Stops discovery.
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn stop(session: &Session<'_>) -> Outcome {
    let dev = session.dev();
    let state = dev.state().discovery.state;
    if matches!(state, DiscoveryState::Finding | DiscoveryState::Stopping)
        && dev.is(DevFlag::INQUIRY)
    {
        match session.send(&InquiryCancel {}) {
            Err(CommandError::Status(status)) => {
                complete::inquiry_cancelled(dev, status).map_err(CommandError::Status)?;
            }
            cancelled => cancelled?,
        }
    }
    timers::stop(dev, Timer::LeScanOff);
    le_scan::disable(session)?;
    if Can::of(dev)?.ll_privacy() {
        super::tried(dev, adv::resume(session));
    }
    if matches!(state, DiscoveryState::Resolving | DiscoveryState::Stopping) {
        if let Some(bdaddr) = names::pending(dev) {
            // It may have come meanwhile.
            let _ = session.send(&RemoteNameRequestCancel { bdaddr });
        }
    }
    Ok(())
}
