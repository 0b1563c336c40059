// SPDX-License-Identifier: GPL-2.0

//! Mesh: advertisements received for it. Sending comes later.

use super::{
    call::{
        concat,
        on_off,
        Call,
        Failure,
        Outcome, //
    },
    channel::{
        EventFlag,
        SocketId, //
    },
    events::{
        self,
        addr_info, //
    },
    room,
    settings::scan_times, //
};
use crate::hci::{
    update,
    Device,
    FoundDevice, //
};
use kernel::prelude::*;
use kernel_ext::hci::Flag;
use wire::{
    eir::Fields,
    mgmt::{
        command::{
            MeshSend,
            MeshSendCancel,
            SetMesh, //
        },
        ev,
        event::MeshDeviceFoundHead,
        DeviceFoundFlags,
        MgmtStatus, //
    },
    Bytes, //
};
use zerocopy::{
    little_endian::{
        U16,
        U64, //
    },
    IntoBytes, //
};

/// Types of advertising data that may be asked for; for more, all are reported.
const MAX_AD_TYPES: usize = 16;

/// What is received for mesh.
pub(super) struct MeshState {
    /// Types of advertising data that are reported; empty: all.
    ad_types: Bytes<MAX_AD_TYPES>,
}

impl MeshState {
    pub(super) fn new() -> Self {
        Self {
            ad_types: Bytes::new(),
        }
    }
}

/// A control socket was closed: nothing is sent on its behalf any more.
pub(super) fn socket_closed(socket: SocketId) {
    // Nothing is sent yet. What a sequence does on the socket's behalf ends by itself.
    room::for_each(|room| {
        let mut inner = room.inner();
        if inner.acting == Some(socket) {
            inner.acting = None;
        }
    });
}

/// Fails unless mesh was switched on as an experimental feature.
fn switched_on<'c>(call: &'c Call<'_>) -> Result<&'c Device, Failure> {
    let dev = call.dev()?;
    if call.info()?.le_capable() && dev.has(Flag::MESH_EXPERIMENTAL) {
        Ok(dev)
    } else {
        Err(MgmtStatus::NOT_SUPPORTED.into())
    }
}

/// Set Mesh Receiver.
pub(super) fn set_receiver(call: &Call<'_>, params: &[u8]) -> Outcome {
    switched_on(call)?;
    let params = SetMesh::parse(params)?;
    let on = on_off(params.head.enable)?;
    let (period, window) = (params.head.period.get(), params.head.window.get());
    scan_times(period, window)?;
    let ad_types = Bytes::from_slice(params.ad_types).unwrap_or_default();
    let ticket = call.listed()?;
    call.queue_or(ticket, MgmtStatus::FAILED, move |session, ticket| {
        let dev = session.dev();
        ticket.room().inner().mesh.ad_types = ad_types;
        dev.set(Flag::MESH, on);
        {
            let mut state = dev.state();
            state.defaults.le_scan_interval = period;
            state.defaults.le_scan_window = window;
        }
        let _ = update::passive_scan(session);
        if let Some(claim) = ticket.claim() {
            claim.complete(MgmtStatus::SUCCESS, &[]);
        }
    })
}

/// Mesh Read Features.
pub(super) fn features(call: &Call<'_>) -> Outcome {
    switched_on(call)?;
    // Nothing can be sent, so there are no handles.
    let (max_handles, used_handles) = (0u8, 0u8);
    let [lo, hi] = call.index.to_le_bytes();
    call.complete(&[lo, hi, max_handles, used_handles])
}

/// Mesh Send.
pub(super) fn send(call: &Call<'_>, params: &[u8]) -> Outcome {
    switched_on(call)?;
    MeshSend::parse(params)?;
    Err(MgmtStatus::NOT_SUPPORTED.into())
}

/// Mesh Send Cancel.
pub(super) fn cancel(call: &Call<'_>, _params: &MeshSendCancel) -> Outcome {
    switched_on(call)?;
    Err(MgmtStatus::NOT_SUPPORTED.into())
}

/// Mesh Device Found.
pub(super) fn device_found(dev: &Device, device: &FoundDevice<'_>) {
    let Some(room) = room::of(dev) else { return };
    let ad_types = room.inner().mesh.ad_types;
    let wanted = |data| {
        let types = ad_types.as_slice();
        Fields::new(data).any(|f| types.contains(&f.kind))
    };
    if !ad_types.is_empty() && !wanted(device.eir) && !wanted(device.scan_rsp) {
        return;
    }
    let len = device.eir.len().saturating_add(device.scan_rsp.len());
    let head = MeshDeviceFoundHead {
        addr: addr_info(device.peer),
        rssi: device.rssi,
        instant: U64::ZERO,
        flags: DeviceFoundFlags::from_bits(device.flags),
        eir_len: U16::new(u16::try_from(len).unwrap_or(u16::MAX)),
    };
    if let Ok(payload) = concat(&[head.as_bytes(), device.eir, device.scan_rsp]) {
        events::send(
            dev,
            ev::MESH_DEVICE_FOUND,
            &payload,
            EventFlag::Trusted,
            None,
        );
    }
}
