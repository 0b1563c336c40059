// SPDX-License-Identifier: GPL-2.0

//! Devices found by inquiry and scanning.

use super::{
    device::Device,
    observer::{
        notify,
        FoundDevice,
        Notice, //
    },
    state::{
        InquiryEntry,
        NameState,
        Peer,
        MAX_INQUIRY_CACHE, //
    },
    update, //
};
use engine::scan::{
    event_type,
    Heard,
    MAX_DATA, //
};
use kernel_ext::vec::VecExt;
use kernel_ext::{
    hci::Flag,
    time::{
        jiffies,
        now_ms, //
    },
};
use wire::{
    eir::Fields,
    hci::{
        event::{
            ExtendedInquiryInfo,
            InquiryInfo,
            InquiryInfoRssi,
            InquiryInfoRssiPageScan,
            InquiryResultRssi, //
        },
        le_event::{
            AdvertisingReports,
            ExtAdvertisingReports, //
        },
    },
    AddressType, //
};

/// RSSI of a device that came without one, in dBm.
const NO_RSSI: i8 = 127;

/// `MGMT_DEV_FOUND_CONFIRM_NAME`, `MGMT_DEV_FOUND_LEGACY_PAIRING`, `MGMT_DEV_FOUND_NOT_CONNECTABLE`,
/// `MGMT_DEV_FOUND_SCAN_RSP`.
const CONFIRM_NAME: u32 = 0x01;
const LEGACY_PAIRING: u32 = 0x02;
const NOT_CONNECTABLE: u32 = 0x04;
const SCAN_RSP: u32 = 0x20;

/// Extended inquiry data: complete local name.
const EIR_NAME_COMPLETE: u8 = 0x09;

fn bredr_found(dev: &Device, mut entry: InquiryEntry, eir: &[u8], name_known: bool) {
    let mut flags = if entry.ssp_mode == 0 {
        LEGACY_PAIRING
    } else {
        0
    };
    {
        let mut state = dev.state();
        // What was given out of band may belong to keys that a device has no more.
        let found = Peer {
            addr: entry.addr,
            kind: AddressType::BrEdr,
        };
        state.remote_oob.keep(|r| r.peer != found);
        let cache = &mut state.discovery.cache;
        let known = cache.iter_mut().find(|e| e.addr == entry.addr);
        if let Some(known) = &known {
            entry.name = known.name;
        }
        if name_known && entry.name != NameState::Pending {
            entry.name = NameState::Known;
        }
        if let Some(known) = known {
            *known = entry;
        } else if cache.len() < MAX_INQUIRY_CACHE {
            // Without memory the device is reported all the same, just not remembered.
            let _ = cache.append(entry);
        }
        state.discovery.timestamp = jiffies();
    }
    if entry.name == NameState::Unknown {
        flags |= CONFIRM_NAME;
    }
    notify(
        dev,
        Notice::DeviceFound(&FoundDevice {
            peer: Peer {
                addr: entry.addr,
                kind: AddressType::BrEdr,
            },
            class: Some(entry.class),
            rssi: entry.rssi,
            flags,
            eir,
            scan_rsp: &[],
        }),
    );
}

fn inquired(dev: &Device) -> bool {
    // Periodic inquiry is the controller's own affair.
    !dev.has(Flag::PERIODIC_INQ)
}

/// Inquiry Result (7.7.2).
pub(super) fn inquiry(dev: &Device, list: &[InquiryInfo]) {
    for info in list.iter().filter(|_| inquired(dev)) {
        let entry = InquiryEntry {
            addr: info.bdaddr,
            pscan_rep_mode: info.page_scan_repetition_mode,
            pscan_period_mode: info.page_scan_period_mode,
            pscan_mode: info.page_scan_mode,
            class: info.class,
            clock_offset: info.clock_offset.get(),
            rssi: NO_RSSI,
            ssp_mode: 0,
            heard_at: now_ms(),
            name: NameState::Unknown,
        };
        bredr_found(dev, entry, &[], false);
    }
}

/// Inquiry Result with RSSI (7.7.33).
pub(super) fn inquiry_rssi(dev: &Device, result: InquiryResultRssi<'_>) {
    if !inquired(dev) {
        return;
    }
    match result {
        InquiryResultRssi::Standard(list) => {
            for info in list {
                bredr_found(dev, with_rssi(info), &[], false);
            }
        }
        InquiryResultRssi::PageScan(list) => {
            for info in list {
                bredr_found(dev, with_page_scan(info), &[], false);
            }
        }
    }
}

fn with_rssi(info: &InquiryInfoRssi) -> InquiryEntry {
    InquiryEntry {
        addr: info.bdaddr,
        pscan_rep_mode: info.page_scan_repetition_mode,
        pscan_period_mode: info.page_scan_period_mode,
        pscan_mode: 0,
        class: info.class,
        clock_offset: info.clock_offset.get(),
        rssi: info.rssi,
        ssp_mode: 0,
        heard_at: now_ms(),
        name: NameState::Unknown,
    }
}

fn with_page_scan(info: &InquiryInfoRssiPageScan) -> InquiryEntry {
    InquiryEntry {
        addr: info.bdaddr,
        pscan_rep_mode: info.page_scan_repetition_mode,
        pscan_period_mode: info.page_scan_period_mode,
        pscan_mode: info.page_scan_mode,
        class: info.class,
        clock_offset: info.clock_offset.get(),
        rssi: info.rssi,
        ssp_mode: 0,
        heard_at: now_ms(),
        name: NameState::Unknown,
    }
}

/// The fields of `data`, without the padding after them.
fn significant(data: &[u8]) -> &[u8] {
    let mut fields = Fields::new(data);
    while fields.next().is_some() {}
    data.get(..data.len().saturating_sub(fields.remaining()))
        .unwrap_or(data)
}

/// Extended Inquiry Result (7.7.38).
pub(super) fn extended_inquiry(dev: &Device, list: &[ExtendedInquiryInfo]) {
    for info in list.iter().filter(|_| inquired(dev)) {
        let entry = InquiryEntry {
            addr: info.bdaddr,
            pscan_rep_mode: info.page_scan_repetition_mode,
            pscan_period_mode: info.page_scan_period_mode,
            pscan_mode: 0,
            class: info.class,
            clock_offset: info.clock_offset.get(),
            rssi: info.rssi,
            ssp_mode: 1,
            heard_at: now_ms(),
            name: NameState::Unknown,
        };
        // What follows the first empty field is padding.
        let eir = significant(&info.data);
        let named = !dev.has(Flag::MGMT) || Fields::new(eir).find(EIR_NAME_COMPLETE).is_some();
        bredr_found(dev, entry, eir, named);
    }
}

fn le_found(dev: &Device, found: &FoundDevice<'_>) {
    let peer = update::address::identity_of(dev, found.peer).unwrap_or(found.peer);
    notify(dev, Notice::DeviceFound(&FoundDevice { peer, ..*found }));
}

/// A device that advertises the old way; its scan response, too, or that alone.
fn le_heard(dev: &Device, heard: &Heard<'_>) {
    le_found(
        dev,
        &FoundDevice {
            peer: Peer {
                addr: heard.addr,
                kind: heard.addr_type.to_address_type(),
            },
            class: None,
            rssi: heard.rssi,
            flags: match heard.event_type {
                event_type::ADV_SCAN_IND | event_type::ADV_NONCONN_IND => NOT_CONNECTABLE,
                // Whether it can be connected to, the device said before.
                event_type::SCAN_RSP => SCAN_RSP,
                _ => 0,
            },
            eir: significant(heard.data),
            scan_rsp: significant(heard.scan_rsp),
        },
    );
}

/// LE Advertising Report (7.7.65.2).
pub(super) fn advertising(dev: &Device, reports: AdvertisingReports<'_>) {
    // Only here, on the worker, is it taken out.
    let (active, mut merger) = {
        let state = dev.state();
        (state.le_scan_active, state.discovery.merger)
    };
    for report in reports {
        // Longer than the specification allows: nothing in it is believed.
        if report.data.len() > MAX_DATA {
            dev.count(kernel_ext::hci::Stat::ErrRx, 1);
            continue;
        }
        let heard = Heard {
            addr: report.head.bdaddr,
            addr_type: report.head.addr_type,
            event_type: report.head.event_type,
            rssi: report.rssi,
            data: report.data,
            scan_rsp: &[],
        };
        if active {
            merger.report(&heard, |one| le_heard(dev, one));
        } else {
            le_heard(dev, &heard);
        }
    }
    if active {
        dev.state().discovery.merger = merger;
    }
}

/// LE scanning is over: no scan response will come any more. On the worker.
pub(super) fn scan_over(dev: &Device) {
    let mut merger = core::mem::take(&mut dev.state().discovery.merger);
    merger.finish(|one| le_heard(dev, one));
}

/// LE Extended Advertising Report (7.7.65.13).
pub(super) fn ext_advertising(dev: &Device, reports: ExtAdvertisingReports<'_>) {
    /// Event type bit: connectable.
    const CONNECTABLE: u16 = 0x0001;

    for report in reports {
        let connectable = report.head.event_type.get() & CONNECTABLE != 0;
        le_found(
            dev,
            &FoundDevice {
                peer: Peer {
                    addr: report.head.bdaddr,
                    kind: report.head.addr_type.to_address_type(),
                },
                class: None,
                rssi: report.head.rssi,
                flags: if connectable { 0 } else { NOT_CONNECTABLE },
                eir: significant(report.data),
                scan_rsp: &[],
            },
        );
    }
}
