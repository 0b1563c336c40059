// SPDX-License-Identifier: GPL-2.0

//! Events, and what causes them in `hci`.

use super::{
    advertising,
    call::{
        self,
        concat, //
    },
    caps,
    channel::{
        delivery,
        EventFlag,
        Packet,
        SocketId, //
    },
    found,
    info::{
        copy,
        ext_fields, //
    },
    pairing,
    room::{
        self,
        Listed, //
    },
    timers, //
};
use crate::hci::{
    update,
    Device,
    Notice,
    Observer,
    Peer, //
};
use kernel::prelude::*;
use kernel_ext::hci::{
    DevFlag,
    Flag,
    Quirk, //
};
use wire::{
    mgmt::{
        ev,
        event::{
            self,
            disconnect,
            LocalNameChanged, //
        },
        op,
        AddrInfo,
        AddressTypes,
        MgmtStatus,
        Settings,
        NAME_LEN,
        SHORT_NAME_LEN, //
    },
    AddressType,
    BdAddr, //
};
use zerocopy::{
    Immutable,
    IntoBytes, //
};

/// mgmt as an observer of controllers.
pub(crate) struct Mgmt;

/// The observer to register with `hci`.
pub(crate) static OBSERVER: Mgmt = Mgmt;

/// A peer in packets.
pub(super) fn addr_info(peer: Peer) -> AddrInfo {
    AddrInfo::new(peer.addr, peer.kind)
}

/// A peer from packets, if its address type is one there is.
pub(super) fn peer(info: &AddrInfo) -> Option<Peer> {
    Some(Peer {
        addr: info.bdaddr,
        kind: info.kind()?,
    })
}

/// Sends an event of a controller to the sockets that have `flag`, but `skip`.
pub(super) fn send(
    dev: &Device,
    opcode: u16,
    payload: &[u8],
    flag: EventFlag,
    skip: Option<SocketId>,
) {
    send_index(dev.id(), opcode, payload, flag, skip);
}

/// As [`send`], for a controller's index or none.
pub(super) fn send_index(
    index: u16,
    opcode: u16,
    payload: &[u8],
    flag: EventFlag,
    skip: Option<SocketId>,
) {
    if let Some(delivery) = delivery() {
        delivery.broadcast(
            &Packet {
                opcode,
                index,
                payload,
            },
            flag,
            skip,
        );
    }
}

/// Sends an event of fixed format to the sockets that may configure, but `skip`.
pub(super) fn trusted<T: IntoBytes + Immutable>(
    dev: &Device,
    opcode: u16,
    payload: &T,
    skip: Option<SocketId>,
) {
    send(dev, opcode, payload.as_bytes(), EventFlag::Trusted, skip);
}

/// New Settings.
pub(super) fn new_settings(dev: &Device, skip: Option<SocketId>) {
    let settings: Settings = caps::current_settings(dev);
    send(
        dev,
        ev::NEW_SETTINGS,
        settings.as_bytes(),
        EventFlag::Setting,
        skip,
    );
}

/// Extended Controller Information Changed.
pub(super) fn ext_info_changed(dev: &Device, skip: Option<SocketId>) {
    let fields = ext_fields(dev);
    let fields = fields.as_slice();
    let len = u16::try_from(fields.len()).unwrap_or(u16::MAX);
    if let Ok(payload) = concat(&[&len.to_le_bytes(), fields]) {
        send(
            dev,
            ev::EXT_INFO_CHANGED,
            &payload,
            EventFlag::ExtInfo,
            skip,
        );
    }
}

/// Local Name Changed, with the names that are set now.
pub(super) fn name_changed(dev: &Device, skip: Option<SocketId>) {
    let mut payload = LocalNameChanged {
        name: [0; NAME_LEN],
        short_name: [0; SHORT_NAME_LEN],
    };
    {
        let state = dev.state();
        copy(&mut payload.name, &state.name);
        copy(&mut payload.short_name, &state.short_name);
    }
    send(
        dev,
        ev::LOCAL_NAME_CHANGED,
        payload.as_bytes(),
        EventFlag::LocalName,
        skip,
    );
    ext_info_changed(dev, skip);
}

fn class_changed(dev: &Device, class: [u8; 3]) {
    send(
        dev,
        ev::CLASS_OF_DEV_CHANGED,
        &class,
        EventFlag::DevClass,
        None,
    );
    ext_info_changed(dev, None);
}

/// Index Added or Index Removed, in the form that each socket wants.
fn index_event(dev: &Device, configured: u16, unconfigured: u16, extended: u16) {
    let kind = dev.has(Flag::UNCONFIGURED);
    if kind {
        send(dev, unconfigured, &[], EventFlag::UnconfiguredIndex, None);
    } else {
        send(dev, configured, &[], EventFlag::Index, None);
    }
    let payload = event::ExtIndex {
        kind: kind.into(),
        bus: dev.bus(),
    };
    send(dev, extended, payload.as_bytes(), EventFlag::ExtIndex, None);
}

/// The index is there for user space.
pub(super) fn index_added(dev: &Device) {
    if dev.quirk(Quirk::RAW_DEVICE) {
        return;
    }
    index_event(
        dev,
        ev::INDEX_ADDED,
        ev::UNCONF_INDEX_ADDED,
        ev::EXT_INDEX_ADDED,
    );
}

/// The index is gone for user space.
pub(super) fn index_removed(dev: &Device) {
    if dev.quirk(Quirk::RAW_DEVICE) {
        return;
    }
    if let Some(room) = room::of(dev) {
        room.fail_all(MgmtStatus::INVALID_INDEX);
    }
    index_event(
        dev,
        ev::INDEX_REMOVED,
        ev::UNCONF_INDEX_REMOVED,
        ev::EXT_INDEX_REMOVED,
    );
}

/// Answers a command with the current settings.
fn complete_settings(dev: &Device, l: &Listed) {
    let settings = caps::current_settings(dev);
    let _ = call::complete(
        l.origin,
        dev.id(),
        l.opcode,
        MgmtStatus::SUCCESS,
        settings.as_bytes(),
    );
}

/// Answers the command `opcode` that is being carried out, if there is one, with the current
/// settings; returns its socket.
///
/// No more than one: what is on the list after the answer is the client's next command.
fn answer_settings(dev: &Device, opcode: u16) -> Option<SocketId> {
    let l = room::of(dev)?.take(|l| l.opcode == opcode)?;
    complete_settings(dev, &l);
    Some(l.origin.id)
}

fn powered_on(dev: &Device, result: Result) {
    if result.is_ok() {
        call::background(dev, |session| {
            let _ = update::passive_scan(session);
        });
    }
    let skip = answer_settings(dev, op::SET_POWERED);
    new_settings(dev, skip);
}

fn powered_off(dev: &Device) {
    timers::power_off(dev);
    let mut skip = None;
    if let Some(room) = room::of(dev) {
        // Whatever else is being carried out comes to nothing.
        let status = if dev.has(Flag::UNREGISTER) {
            MgmtStatus::INVALID_INDEX
        } else {
            MgmtStatus::NOT_POWERED
        };
        room.fail_others(op::SET_POWERED, status);
        skip = room.origin_of(op::SET_POWERED).map(|origin| origin.id);
    }
    if dev.state().class != [0; 3] {
        class_changed(dev, [0; 3]);
    }
    new_settings(dev, skip);
}

/// Nothing is left of what the controller did: who switched it off may know.
fn down(dev: &Device) {
    timers::power_off(dev);
    let off = room::of(dev).and_then(|room| {
        room.take(|l| l.opcode == op::SET_POWERED && l.params.first() == Some(&0))
    });
    if let Some(l) = off {
        complete_settings(dev, &l);
    }
}

fn set_powered_failed(dev: &Device, error: Error) {
    let Some(room) = room::of(dev) else { return };
    let status = if error == ERFKILL {
        MgmtStatus::RFKILLED
    } else {
        MgmtStatus::FAILED
    };
    if let Some(l) = room.take(|l| l.opcode == op::SET_POWERED) {
        let _ = call::status(l.origin, dev.id(), l.opcode, status);
    }
}

/// The controller has another name.
fn controller_name_changed(dev: &Device) {
    let Some(room) = room::of(dev) else { return };
    let setter = room.origin_of(op::SET_LOCAL_NAME);
    if setter.is_none() {
        // Not worth telling while the controller is being switched on or off.
        if dev.has(Flag::POWERING_DOWN) || room.any_pending(&[op::SET_POWERED]) {
            return;
        }
    }
    name_changed(dev, setter.map(|s| s.id));
}

/// Authentication was switched on or off at the controller, or not.
fn auth_enabled(dev: &Device, status: u8) {
    if status != 0 {
        let status = MgmtStatus::from_hci(wire::hci::Status(status));
        if let Some(room) = room::of(dev) {
            if let Some(l) = room.take(|l| l.opcode == op::SET_LINK_SECURITY) {
                let _ = call::status(l.origin, dev.id(), l.opcode, status);
            }
        }
        return;
    }
    let on = dev.is(DevFlag::AUTH);
    let changed = dev.set(Flag::LINK_SECURITY, on) != on;
    let skip = answer_settings(dev, op::SET_LINK_SECURITY);
    if changed {
        new_settings(dev, skip);
    }
}

fn discovering(dev: &Device, on: bool) {
    let payload = event::Discovering {
        kind: AddressTypes::from_bits(dev.state().discovery.kind),
        discovering: on.into(),
    };
    trusted(dev, ev::DISCOVERING, &payload, None);
}

fn link_down(dev: &Device, peer: Peer, reason: u8, auth_failed: bool) {
    let reason = if auth_failed {
        disconnect::AUTH_FAILURE
    } else if dev.is_suspended() {
        disconnect::LOCAL_HOST_SUSPEND
    } else {
        match reason {
            0x08 => disconnect::TIMEOUT,
            0x13..=0x15 => disconnect::REMOTE,
            0x16 => disconnect::LOCAL_HOST,
            _ => disconnect::UNKNOWN,
        }
    };
    let payload = event::DeviceDisconnected {
        addr: addr_info(peer),
        reason,
    };
    trusted(dev, ev::DEVICE_DISCONNECTED, &payload, None);
}

fn advertising_removed(dev: &Device, instance: u8) {
    let skip = room::of(dev).and_then(|room| room.inner().acting);
    advertising::removed(dev, instance, skip);
}

impl Observer for Mgmt {
    fn notice(&self, dev: &Device, notice: Notice<'_>) {
        match notice {
            Notice::Registered => {
                if let Err(e) = room::open(dev) {
                    pr_err!("{}: no mgmt: {:?}\n", dev.name(), e);
                }
            }
            Notice::Unregistered => room::close(dev),
            Notice::IndexAdded => index_added(dev),
            Notice::IndexRemoved => index_removed(dev),
            Notice::PoweredOn(result) => powered_on(dev, result),
            Notice::PoweredOff => powered_off(dev),
            Notice::SetPoweredFailed(error) => set_powered_failed(dev, error),
            Notice::SettingsChanged => new_settings(dev, None),
            Notice::ClassChanged => {
                let class = dev.state().class;
                class_changed(dev, class);
            }
            Notice::NameChanged => controller_name_changed(dev),
            Notice::AuthEnabled(status) => auth_enabled(dev, status),
            Notice::Discovering(on) => discovering(dev, on),
            Notice::Suspended { state } => {
                let payload = event::ControllerSuspend { state };
                trusted(dev, ev::CONTROLLER_SUSPEND, &payload, None);
            }
            Notice::Resumed { reason, peer } => {
                let addr = peer.map_or(AddrInfo::new(BdAddr::ANY, AddressType::BrEdr), addr_info);
                let payload = event::ControllerResume { reason, addr };
                trusted(dev, ev::CONTROLLER_RESUME, &payload, None);
            }
            Notice::LinkUp(link) => found::connected(dev, link),
            Notice::LinkDown {
                peer,
                reason,
                was_up,
                auth_failed,
            } => {
                if was_up {
                    link_down(dev, peer, reason, auth_failed);
                }
            }
            Notice::NewConnectionParameters { peer, store, range } => {
                let payload = event::NewConnParam {
                    addr: addr_info(peer),
                    store_hint: store.into(),
                    min_interval: range.min.into(),
                    max_interval: range.max.into(),
                    latency: range.latency.into(),
                    timeout: range.timeout.into(),
                };
                trusted(dev, ev::NEW_CONN_PARAM, &payload, None);
            }
            Notice::ConnectFailed { peer, status } => {
                let payload = event::DeviceFailed {
                    addr: addr_info(peer),
                    status: MgmtStatus::from_hci(wire::hci::Status(status)),
                };
                trusted(dev, ev::CONNECT_FAILED, &payload, None);
            }
            Notice::Pairing { peer, what } => pairing::notice(dev, peer, what),
            Notice::DeviceFound(device) => found::device(dev, device),
            Notice::RemoteName { peer, name } => found::name(dev, peer, name),
            Notice::AdvertisingRemoved(instance) => advertising_removed(dev, instance),
            Notice::Setup | Notice::Opened | Notice::Closed | Notice::Up => {}
            Notice::Down => down(dev),
        }
    }
}
