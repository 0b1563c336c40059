// SPDX-License-Identifier: GPL-2.0

//! Devices found and connected, as user space is told of them.

use super::{
    call::concat,
    channel::EventFlag,
    discovery,
    events::{
        self,
        addr_info, //
    },
    mesh,
    room, //
};
use crate::hci::{
    AutoConnect,
    Device,
    FoundDevice,
    LinkReport,
    Peer,
    State, //
};
use kernel_ext::hci::{
    Flag,
    Quirk, //
};
use wire::{
    eir::{
        field,
        flags,
        Builder,
        Fields, //
    },
    mgmt::{
        ev,
        event::{
            DeviceConnectedHead,
            DeviceFoundHead, //
        },
        DeviceFoundFlags, //
    },
    uuid::Uuid128,
    AddressType, //
};
use zerocopy::{
    little_endian::U16,
    IntoBytes, //
};

/// Bit of the class of device: limited discoverable mode (its second octet).
const CLASS_LIMITED: u8 = 0x20;

fn len(n: usize) -> U16 {
    U16::new(u16::try_from(n).unwrap_or(u16::MAX))
}

/// Device Connected.
pub(super) fn connected(dev: &Device, link: &LinkReport<'_>) {
    let mut fields = Builder::<300>::new();
    // Nothing is mixed into advertising data: fields are in order and there once.
    let eir = if link.adv_data.is_empty() {
        let mut _fits = true;
        if let Some(name) = link.name {
            _fits &= fields.push(field::NAME_COMPLETE, name);
        }
        if let Some(class) = link.class.filter(|c| *c != [0; 3]) {
            _fits &= fields.push(field::CLASS_OF_DEVICE, &class);
        }
        fields.as_slice()
    } else {
        link.adv_data
    };
    let head = DeviceConnectedHead {
        addr: addr_info(link.peer),
        flags: DeviceFoundFlags::EMPTY
            .with_if(DeviceFoundFlags::INITIATED_CONN, link.initiated_here),
        eir_len: len(eir.len()),
    };
    if let Ok(payload) = concat(&[head.as_bytes(), eir]) {
        events::send(
            dev,
            ev::DEVICE_CONNECTED,
            &payload,
            EventFlag::Trusted,
            None,
        );
    }
}

/// Whether a device is one that service discovery looks for.
fn passes_filter(dev: &Device, state: &State, device: &FoundDevice<'_>) -> bool {
    let wanted = &state.discovery;
    if wanted.rssi != discovery::ANY_RSSI {
        let weak = device.rssi < wanted.rssi;
        // What reports a device only once is given the benefit of the doubt, but for the last
        // look, so that both come to the same.
        if device.rssi == discovery::ANY_RSSI || weak {
            return false;
        }
    }
    let _ = dev.quirk(Quirk::STRICT_DUPLICATE_FILTER);
    wanted.uuids.is_empty()
        || wanted.uuids.iter().any(|uuid| {
            let uuid = Uuid128(*uuid);
            Fields::new(device.eir).has_uuid(&uuid) || Fields::new(device.scan_rsp).has_uuid(&uuid)
        })
}

/// Whether a device is in limited discoverable mode.
fn is_limited(device: &FoundDevice<'_>) -> bool {
    match device.class {
        Some([_, second, _]) => second & CLASS_LIMITED != 0,
        None => Fields::new(device.eir)
            .find(field::FLAGS)
            .and_then(|f| f.first())
            .is_some_and(|f| f & flags::LIMITED != 0),
    }
}

/// Device Found, or Advertisement Monitor Device Found.
pub(super) fn device(dev: &Device, device: &FoundDevice<'_>) {
    let le = device.peer.kind.is_le();
    if le && dev.has(Flag::MESH) {
        mesh::device_found(dev, device);
    }
    let monitoring = room::of(dev).is_some_and(|room| room.inner().monitors.any());
    let (report, wanted) = {
        let state = dev.state();
        let active = discovery::is_active(&state.discovery);
        // Otherwise only what somebody waits for in the background is told.
        let waited_for = le
            && state
                .conn_params
                .iter()
                .any(|p| p.auto_connect == AutoConnect::Report);
        let report = active || waited_for;
        let wanted = (report || (le && monitoring))
            && (!state.discovery.result_filtering || passes_filter(dev, &state, device))
            && (!state.discovery.limited || is_limited(device));
        (report, wanted)
    };
    if !wanted {
        return;
    }
    // Before RSSI came with inquiry results, 0 stood for none, and still does.
    let rssi = if device.peer.kind == AddressType::BrEdr && device.rssi == discovery::ANY_RSSI {
        0
    } else {
        device.rssi
    };
    let mut class = Builder::<5>::new();
    if let Some(cod) = device.class {
        if Fields::new(device.eir)
            .find(field::CLASS_OF_DEVICE)
            .is_none()
        {
            let _fits = class.push(field::CLASS_OF_DEVICE, &cod);
        }
    }
    let eir_len = device
        .eir
        .len()
        .saturating_add(class.len())
        .saturating_add(device.scan_rsp.len());
    let head = DeviceFoundHead {
        addr: addr_info(device.peer),
        rssi,
        flags: DeviceFoundFlags::from_bits(device.flags),
        eir_len: len(eir_len),
    };
    let parts = [
        head.as_bytes(),
        device.eir,
        class.as_slice(),
        device.scan_rsp,
    ];
    let [head, eir, class, scan_rsp] = parts;
    if report {
        if let Ok(payload) = concat(&[head, eir, class, scan_rsp]) {
            events::send(dev, ev::DEVICE_FOUND, &payload, EventFlag::Trusted, None);
        }
    } else {
        // No monitor in particular: they are not watched for by the controller.
        const HANDLE: [u8; 2] = [0; 2];
        if let Ok(payload) = concat(&[&HANDLE, head, eir, class, scan_rsp]) {
            events::send(
                dev,
                ev::ADV_MONITOR_DEVICE_FOUND,
                &payload,
                EventFlag::Trusted,
                None,
            );
        }
    }
}

/// Device Found, for a name that came later.
pub(super) fn name(dev: &Device, peer: Peer, name: Option<&[u8]>) {
    let mut fields = Builder::<260>::new();
    let known = name.is_some_and(|name| fields.push(field::NAME_COMPLETE, name));
    let head = DeviceFoundHead {
        addr: addr_info(peer),
        rssi: discovery::ANY_RSSI,
        flags: DeviceFoundFlags::EMPTY.with_if(DeviceFoundFlags::NAME_REQUEST_FAILED, !known),
        eir_len: len(fields.len()),
    };
    if let Ok(payload) = concat(&[head.as_bytes(), fields.as_slice()]) {
        events::send(dev, ev::DEVICE_FOUND, &payload, EventFlag::Trusted, None);
    }
}
