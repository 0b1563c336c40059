// SPDX-License-Identifier: GPL-2.0

//! `HCIINQUIRY`: a search for BR/EDR devices, the old way.

use super::{
    available,
    find, //
};
use crate::hci::{
    wait_inquiry,
    Device,
    Session, //
};
use kernel::{
    prelude::*,
    time::msecs_to_jiffies, //
};
use kernel_ext::vec::VecExt;
use kernel_ext::{
    hci::{
        DevFlag,
        Flag, //
    },
    net::IoctlArg,
    time::jiffies,
};
use wire::hci::link_control::{
    Inquiry,
    GIAC,
    LIAC, //
};
use zerocopy::{
    little_endian::U16,
    IntoBytes, //
};
use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes,
    KnownLayout, //
};

/// Longest inquiry, in units of 1.28 s.
const MAX_LENGTH: u8 = 60;
/// What was found is good for this long, in milliseconds.
const CACHE_AGE_MS: u32 = 30_000;
/// Results if the caller sets no limit.
const MAX_RESULTS: usize = 255;

/// Flag: look for devices even if what was found last is still good (`IREQ_CACHE_FLUSH`).
const CACHE_FLUSH: u16 = 0x0001;

/// What the caller asks for (`struct hci_inquiry_req`).
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Request {
    index: u16,
    flags: u16,
    /// Not used: the access code is mgmt's choice.
    lap: [u8; 3],
    /// Units of 1.28 s.
    length: u8,
    /// At most so many, then how many there are; 0: no limit.
    results: u8,
    padding: u8,
}

/// A device found (`struct inquiry_info`).
#[derive(Clone, Copy, IntoBytes, Immutable)]
#[repr(C)]
struct Found {
    address: [u8; 6],
    pscan_rep_mode: u8,
    pscan_period_mode: u8,
    pscan_mode: u8,
    class: [u8; 3],
    clock_offset: U16,
}

/// Looks for devices, unless that was just done, and reports what is known.
///
/// # Errors
///
/// `EFAULT`, `ENODEV`, `EBUSY`, `EOPNOTSUPP`, `EINVAL` for more than 60 units, `EINTR`, `ENOMEM`,
/// else what the command failed with.
pub(super) fn inquiry(arg: IoctlArg) -> Result {
    let mut request: Request = arg.read()?;
    let dev = find(request.index)?;
    available(&dev)?;
    if !dev.has(Flag::BREDR_ENABLED) {
        return Err(EOPNOTSUPP);
    }
    if request.length > MAX_LENGTH {
        return Err(EINVAL);
    }
    if forget_old(&dev, request.flags & CACHE_FLUSH != 0) {
        start(&dev, request.length, request.results)?;
        wait_inquiry(&dev)?;
    }

    let max = match usize::from(request.results) {
        0 => MAX_RESULTS,
        limit => limit,
    };
    let found = known(&dev, max)?;
    request.results = u8::try_from(found.len()).map_err(|_| EINVAL)?;
    arg.write(&request)?;
    arg.write_at(size_of::<Request>(), found.as_bytes())
}

/// Forgets what was found if it is old, or if told to; `true` if there is nothing now.
fn forget_old(dev: &Device, flush: bool) -> bool {
    let mut state = dev.state();
    let discovery = &mut state.discovery;
    let age = jiffies().wrapping_sub(discovery.timestamp);
    let old = age > msecs_to_jiffies(CACHE_AGE_MS) as usize;
    let forget = flush || old || discovery.cache.is_empty();
    if forget {
        discovery.cache.clear();
    }
    forget
}

/// Starts an inquiry (7.1.1), unless one is going on.
///
/// # Errors
///
/// `EINVAL` if the transport is closed; else what the command failed with.
fn start(dev: &Device, length: u8, num_responses: u8) -> Result {
    let lock = dev.req_lock();
    if dev.is(DevFlag::INQUIRY) {
        return Ok(());
    }
    if !dev.is(DevFlag::RUNNING) {
        return Err(EINVAL);
    }
    let limited = {
        let mut state = dev.state();
        state.discovery.cache.clear();
        state.discovery.limited
    };
    Session::under(&lock).send_status(&Inquiry {
        lap: if limited { LIAC } else { GIAC },
        length,
        num_responses,
    })?;
    Ok(())
}

/// The devices found, the newest first.
fn known(dev: &Device, max: usize) -> Result<KVec<Found>> {
    let mut found = KVec::new();
    let state = dev.state();
    for entry in state.discovery.cache.iter().rev().take(max) {
        found.append(Found {
            address: entry.addr.0,
            pscan_rep_mode: entry.pscan_rep_mode,
            pscan_period_mode: entry.pscan_period_mode,
            pscan_mode: entry.pscan_mode,
            class: entry.class,
            clock_offset: U16::new(entry.clock_offset),
        })?;
    }
    Ok(found)
}
