// SPDX-License-Identifier: GPL-2.0

//! Mesh: advertisements received for it, and sent.
//!
//! A packet to send is advertised for a short time, in an instance of its own. Each has a handle, by
//! which its end is told and it can be cancelled; one at a time is on the air, the others wait. They
//! are begun and ended by the sequencer.

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
    room::{
        self,
        Room, //
    },
    settings::scan_times,
    timers, //
};
use crate::hci::{
    self,
    update::{
        self,
        adv, //
    },
    Device,
    FoundDevice,
    Session, //
};
use kernel::{
    prelude::*,
    sync::ArcBorrow, //
};
use kernel_ext::{
    hci::{
        DevFlag,
        Flag, //
    },
    vec::VecExt, //
};
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

/// Packets that one socket may have waiting (`MESH_HANDLES_MAX`), and all sockets together.
const MAX_HANDLES: usize = 3;
const MAX_WAITING: usize = 64;
/// Bytes of a packet, at most: what fits into one legacy advertisement.
const MAX_DATA: usize = 31;
/// Where Mesh Send tells the length of its data, and what is before them.
const DATA_LEN_AT: usize = 18;
/// How long a packet is advertised for each time that it is to be sent, in milliseconds.
const SEND_MS: u32 = 25;

/// A packet to be sent.
struct Transmission {
    handle: u8,
    socket: SocketId,
    /// How often.
    count: u8,
    data: Bytes<MAX_DATA>,
}

/// What is received and sent for mesh.
pub(super) struct MeshState {
    /// Types of advertising data that are reported; empty: all.
    ad_types: Bytes<MAX_AD_TYPES>,
    /// What is to be sent, in this order; what is on the air is the first, unless its socket was
    /// closed.
    waiting: KVec<Transmission>,
    /// The packet that is on the air.
    on_air: Option<u8>,
    last_handle: u8,
}

impl MeshState {
    pub(super) fn new() -> Self {
        Self {
            ad_types: Bytes::new(),
            waiting: KVec::new(),
            on_air: None,
            last_handle: 0,
        }
    }

    fn handles_of(&self, socket: SocketId) -> impl Iterator<Item = u8> + '_ {
        let own = self.waiting.iter().filter(move |t| t.socket == socket);
        own.map(|t| t.handle)
    }

    /// A handle that no packet has; 0 is none.
    fn new_handle(&mut self) -> u8 {
        loop {
            let next = self.last_handle.wrapping_add(1).max(1);
            self.last_handle = next;
            // There are fewer packets than handles.
            if !self.waiting.iter().any(|t| t.handle == next) {
                return next;
            }
        }
    }

    fn add(&mut self, socket: SocketId, count: u8, data: &[u8]) -> Result<u8, MgmtStatus> {
        if self.handles_of(socket).nth(MAX_HANDLES - 1).is_some() {
            return Err(MgmtStatus::BUSY);
        }
        if self.waiting.len() >= MAX_WAITING {
            return Err(MgmtStatus::FAILED);
        }
        let data = Bytes::from_slice(data).ok_or(MgmtStatus::REJECTED)?;
        let handle = self.new_handle();
        let new = Transmission {
            handle,
            socket,
            count,
            data,
        };
        let added = self.waiting.append(new);
        added.map(|()| handle).map_err(|_| MgmtStatus::FAILED)
    }

    /// Puts the next packet on the air: its handle, how often, what.
    fn begin(&mut self) -> Option<(u8, u8, Bytes<MAX_DATA>)> {
        if self.on_air.is_some() {
            return None;
        }
        let next = self.waiting.first()?;
        self.on_air = Some(next.handle);
        Some((next.handle, next.count, next.data))
    }

    /// Takes a packet out that `which` accepts: its handle, and whether it was on the air.
    fn take(&mut self, which: impl Fn(&Transmission) -> bool) -> Option<(u8, bool)> {
        let at = self.waiting.iter().position(which)?;
        let handle = self.waiting.take_out(at)?.handle;
        let was_on_air = self.on_air == Some(handle);
        if was_on_air {
            self.on_air = None;
        }
        Some((handle, was_on_air))
    }
}

/// A control socket was closed: nothing is sent on its behalf any more.
pub(super) fn socket_closed(socket: SocketId) {
    // What is on the air, and what a sequence does on the socket's behalf, ends by itself.
    room::for_each(|room| {
        let mut inner = room.inner();
        if inner.acting == Some(socket) {
            inner.acting = None;
        }
        inner.mesh.waiting.keep(|t| t.socket != socket);
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

/// As [`switched_on`], of a controller whose LE is on.
fn may_send<'c>(call: &'c Call<'_>) -> Result<&'c Device, Failure> {
    let dev = switched_on(call)?;
    if dev.has(Flag::LE_ENABLED) {
        Ok(dev)
    } else {
        Err(MgmtStatus::REJECTED.into())
    }
}

/// Mesh Read Features.
pub(super) fn features(call: &Call<'_>) -> Outcome {
    let dev = switched_on(call)?;
    let [lo, hi] = call.index.to_le_bytes();
    if !dev.has(Flag::LE_ENABLED) {
        return call.complete(&[lo, hi, 0, 0]);
    }
    let mut used = Bytes::<MAX_HANDLES>::new();
    for handle in call.room()?.inner().mesh.handles_of(call.origin.id) {
        // There are no more than it takes.
        let _ = used.push(handle);
    }
    let (max, count) = (
        u8::try_from(MAX_HANDLES).unwrap_or(u8::MAX),
        u8::try_from(used.len()).unwrap_or(u8::MAX),
    );
    call.complete(&concat(&[&[lo, hi, max, count], used.as_slice()])?)
}

/// Mesh Send.
pub(super) fn send(call: &Call<'_>, params: &[u8]) -> Outcome {
    let data_len = *params.get(DATA_LEN_AT).ok_or(MgmtStatus::INVALID_PARAMS)?;
    let dev = may_send(call)?;
    // What no advertisement can hold is refused as such, whether that many bytes follow or not.
    if data_len == 0 || usize::from(data_len) > MAX_DATA {
        return Err(MgmtStatus::REJECTED.into());
    }
    let params = MeshSend::parse(params)?;
    let room = call.room()?;
    if !dev.is(DevFlag::RUNNING) {
        return Err(MgmtStatus::FAILED.into());
    }
    let (count, data) = (params.head.count, params.adv_data);
    let handle = room.inner().mesh.add(call.origin.id, count, data)?;
    // Its end is not told before.
    let answered = call.complete(&[handle]);
    let sender = room.clone();
    if hci::sequence(dev, move |session| next(session, sender.as_arc_borrow())).is_err() {
        finish(dev, room, handle);
    }
    answered
}

/// Puts the next packet on the air, unless there is one.
fn next(session: &Session<'_>, room: ArcBorrow<'_, Room>) {
    let dev = session.dev();
    loop {
        let begun = room.inner().mesh.begin();
        let Some((handle, count, data)) = begun else {
            return;
        };
        match adv::start_mesh(session, data.as_slice()) {
            Ok(()) => {
                let ms = u32::from(count).saturating_mul(SEND_MS);
                return timers::start_mesh_sent(room, ms);
            }
            Err(e) => {
                let e: Error = e.into();
                pr_err!(
                    "{}: sending for mesh failed: {}\n",
                    dev.name(),
                    e.to_errno()
                );
                let _ = adv::end_mesh(session);
                finish(dev, &room, handle);
            }
        }
    }
}

/// The packet on the air was there for long enough.
pub(super) fn sent(session: &Session<'_>, room: ArcBorrow<'_, Room>) {
    let on_air = room.inner().mesh.on_air.take();
    if let Some(handle) = on_air {
        let _ = adv::end_mesh(session);
        finish(session.dev(), &room, handle);
    }
    next(session, room);
}

/// Takes a packet off the list, and tells that.
fn finish(dev: &Device, room: &Room, handle: u8) {
    let taken = {
        let mut inner = room.inner();
        if inner.mesh.on_air == Some(handle) {
            inner.mesh.on_air = None;
        }
        inner.mesh.take(|t| t.handle == handle)
    };
    if taken.is_some() {
        completed(dev, handle);
    }
}

/// Mesh Packet Transmit Complete.
fn completed(dev: &Device, handle: u8) {
    events::send(
        dev,
        ev::MESH_PACKET_CMPLT,
        &[handle],
        EventFlag::Trusted,
        None,
    );
}

/// Mesh Send Cancel: of one packet, or of all (0) of the socket.
pub(super) fn cancel(call: &Call<'_>, params: &MeshSendCancel) -> Outcome {
    may_send(call)?;
    let (socket, handle) = (call.origin.id, params.handle);
    let ticket = call.unlisted()?;
    call.queue_or(ticket, MgmtStatus::FAILED, move |session, ticket| {
        let room = ticket.room().clone();
        let meant = |t: &Transmission| t.socket == socket && (handle == 0 || t.handle == handle);
        loop {
            let taken = room.inner().mesh.take(meant);
            let Some((handle, was_on_air)) = taken else {
                break;
            };
            if was_on_air {
                timers::stop_mesh_sent(&room);
                let _ = adv::end_mesh(session);
            }
            completed(session.dev(), handle);
        }
        if let Some(claim) = ticket.claim() {
            claim.complete(MgmtStatus::SUCCESS, &[]);
        }
        next(session, room.as_arc_borrow());
    })
}

/// The controller goes down: nothing is sent any more.
pub(super) fn power_off(dev: &Device, room: &Room) {
    timers::stop_mesh_sent(room);
    room.inner().mesh.on_air = None;
    loop {
        let taken = room.inner().mesh.take(|_| true);
        match taken {
            Some((handle, _)) => completed(dev, handle),
            None => break,
        }
    }
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
