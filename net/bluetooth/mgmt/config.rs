// SPDX-License-Identifier: GPL-2.0

//! Default configurations: numbers that come with the kernel and may be changed.

use super::call::{
    Bytes,
    Call,
    Failure,
    Outcome, //
};
use crate::hci::{
    link,
    Defaults, //
};
use kernel::prelude::*;
use kernel_ext::vec::VecExt;
use wire::mgmt::{
    config::{
        system,
        Entries,
        Entry,
        EntryHead, //
    },
    op,
    MgmtStatus, //
};
use zerocopy::{
    little_endian::U16 as Le16,
    IntoBytes, //
};

/// A number of the system configuration: where it is kept, and how wide it is.
enum Slot<'a> {
    U8(&'a mut u8),
    Bool(&'a mut bool),
    U16(&'a mut u16),
    U32(&'a mut u32),
}

/// All numbers, in the order in which they are read.
const ALL: [u16; 32] = [
    system::PAGE_SCAN_TYPE,
    system::PAGE_SCAN_INTERVAL,
    system::PAGE_SCAN_WINDOW,
    system::INQUIRY_SCAN_TYPE,
    system::INQUIRY_SCAN_INTERVAL,
    system::INQUIRY_SCAN_WINDOW,
    system::LINK_SUPERVISION_TIMEOUT,
    system::PAGE_TIMEOUT,
    system::SNIFF_MIN_INTERVAL,
    system::SNIFF_MAX_INTERVAL,
    system::LE_ADV_MIN_INTERVAL,
    system::LE_ADV_MAX_INTERVAL,
    system::LE_MULTI_ADV_ROTATION,
    system::LE_SCAN_INTERVAL,
    system::LE_SCAN_WINDOW,
    system::LE_SCAN_INTERVAL_SUSPEND,
    system::LE_SCAN_WINDOW_SUSPEND,
    system::LE_SCAN_INTERVAL_DISCOVERY,
    system::LE_SCAN_WINDOW_DISCOVERY,
    system::LE_SCAN_INTERVAL_ADV_MONITOR,
    system::LE_SCAN_WINDOW_ADV_MONITOR,
    system::LE_SCAN_INTERVAL_CONNECT,
    system::LE_SCAN_WINDOW_CONNECT,
    system::LE_CONN_MIN_INTERVAL,
    system::LE_CONN_MAX_INTERVAL,
    system::LE_CONN_LATENCY,
    system::LE_SUPERVISION_TIMEOUT,
    system::LE_AUTOCONNECT_TIMEOUT,
    system::ADV_MONITOR_ALLOWLIST_DURATION,
    system::ADV_MONITOR_NO_FILTER_DURATION,
    system::ADV_MONITOR_INTERLEAVE_SCAN,
    system::IDLE_TIMEOUT,
];

fn slot(d: &mut Defaults, kind: u16) -> Option<Slot<'_>> {
    use Slot::*;
    Some(match kind {
        system::PAGE_SCAN_TYPE => U8(&mut d.page_scan_type),
        system::PAGE_SCAN_INTERVAL => U16(&mut d.page_scan_interval),
        system::PAGE_SCAN_WINDOW => U16(&mut d.page_scan_window),
        system::INQUIRY_SCAN_TYPE => U8(&mut d.inquiry_scan_type),
        system::INQUIRY_SCAN_INTERVAL => U16(&mut d.inquiry_scan_interval),
        system::INQUIRY_SCAN_WINDOW => U16(&mut d.inquiry_scan_window),
        system::LINK_SUPERVISION_TIMEOUT => U16(&mut d.br_lsto),
        system::PAGE_TIMEOUT => U16(&mut d.page_timeout),
        system::SNIFF_MIN_INTERVAL => U16(&mut d.sniff_min_interval),
        system::SNIFF_MAX_INTERVAL => U16(&mut d.sniff_max_interval),
        system::LE_ADV_MIN_INTERVAL => U16(&mut d.le_adv_min_interval),
        system::LE_ADV_MAX_INTERVAL => U16(&mut d.le_adv_max_interval),
        system::LE_MULTI_ADV_ROTATION => U16(&mut d.multi_adv_rotation),
        system::LE_SCAN_INTERVAL => U16(&mut d.le_scan_interval),
        system::LE_SCAN_WINDOW => U16(&mut d.le_scan_window),
        system::LE_SCAN_INTERVAL_SUSPEND => U16(&mut d.le_scan_int_suspend),
        system::LE_SCAN_WINDOW_SUSPEND => U16(&mut d.le_scan_window_suspend),
        system::LE_SCAN_INTERVAL_DISCOVERY => U16(&mut d.le_scan_int_discovery),
        system::LE_SCAN_WINDOW_DISCOVERY => U16(&mut d.le_scan_window_discovery),
        system::LE_SCAN_INTERVAL_ADV_MONITOR => U16(&mut d.le_scan_int_adv_monitor),
        system::LE_SCAN_WINDOW_ADV_MONITOR => U16(&mut d.le_scan_window_adv_monitor),
        system::LE_SCAN_INTERVAL_CONNECT => U16(&mut d.le_scan_int_connect),
        system::LE_SCAN_WINDOW_CONNECT => U16(&mut d.le_scan_window_connect),
        system::LE_CONN_MIN_INTERVAL => U16(&mut d.le_conn_min_interval),
        system::LE_CONN_MAX_INTERVAL => U16(&mut d.le_conn_max_interval),
        system::LE_CONN_LATENCY => U16(&mut d.le_conn_latency),
        system::LE_SUPERVISION_TIMEOUT => U16(&mut d.le_supv_timeout),
        system::LE_AUTOCONNECT_TIMEOUT => U16(&mut d.le_autoconnect_timeout),
        system::ADV_MONITOR_ALLOWLIST_DURATION => U16(&mut d.advmon_allowlist_duration),
        system::ADV_MONITOR_NO_FILTER_DURATION => U16(&mut d.advmon_no_filter_duration),
        system::ADV_MONITOR_INTERLEAVE_SCAN => Bool(&mut d.advmon_interleave_scan),
        system::IDLE_TIMEOUT => U32(&mut d.idle_timeout),
        _ => return None,
    })
}

fn append(out: &mut Bytes, kind: u16, value: &[u8]) -> Result {
    let head = EntryHead {
        kind: Le16::new(kind),
        len: u8::try_from(value.len()).map_err(|_| EINVAL)?,
    };
    out.append_all(head.as_bytes())?;
    out.append_all(value)?;
    Ok(())
}

/// Read Default System Configuration.
pub(super) fn read_system(call: &Call<'_>) -> Outcome {
    let mut defaults = call.dev()?.state().defaults;
    let mut reply = Bytes::new();
    for kind in ALL {
        match slot(&mut defaults, kind) {
            // Scan types are 16 bits wide here.
            Some(Slot::U8(v)) => append(&mut reply, kind, &u16::from(*v).to_le_bytes())?,
            Some(Slot::Bool(v)) => append(&mut reply, kind, &[(*v).into()])?,
            Some(Slot::U16(v)) => append(&mut reply, kind, &v.to_le_bytes())?,
            Some(Slot::U32(v)) => append(&mut reply, kind, &v.to_le_bytes())?,
            None => {}
        }
    }
    call.complete(&reply)
}

fn store(defaults: &mut Defaults, entry: &Entry<'_>) {
    match (slot(defaults, entry.kind), entry.u16()) {
        (Some(Slot::U8(v)), Some(new)) => {
            let [low, _] = new.to_le_bytes();
            *v = low;
        }
        (Some(Slot::U16(v)), Some(new)) => *v = new,
        (Some(Slot::Bool(v)), _) => *v = entry.u8().is_some_and(|new| new != 0),
        (Some(Slot::U32(v)), _) => {
            if let Some(new) = entry.u32() {
                *v = new;
            }
        }
        // What is not known is passed over, so that newer user space can try.
        _ => {}
    }
}

/// Set Default System Configuration.
pub(super) fn set_system(call: &Call<'_>, params: &[u8]) -> Outcome {
    let entries = Entries::parse(params)?;
    {
        let mut state = call.dev()?.state();
        for entry in entries {
            store(&mut state.defaults, &entry);
        }
    }
    link::idle_timeout_changed(call.dev()?);
    call.done()
}

/// Read Default Runtime Configuration: there is none.
pub(super) fn read_runtime(call: &Call<'_>) -> Outcome {
    call.done()
}

/// Set Default Runtime Configuration: there is none. The answer has always named the other
/// command.
pub(super) fn set_runtime(_call: &Call<'_>, _params: &[u8]) -> Outcome {
    Err(Failure::StatusOf(
        op::SET_DEF_SYSTEM_CONFIG,
        MgmtStatus::INVALID_PARAMS,
    ))
}
