// SPDX-License-Identifier: GPL-2.0

//! The monitor channel: everything that passes any controller, with what happens around it.
//!
//! Each message starts with what it is, the controller's index and its length; btmon and btsnoop
//! files are made of them.

use super::{
    hci::{
        HciSocket,
        HCI, //
    },
    shared::{
        is_bound,
        Channel,
        Queued,
        NO_DEVICE, //
    },
};
use crate::{
    hci::{
        anybody_listens,
        registry,
        Device,
        Listening,
        Notice, //
    },
    mgmt::{
        self,
        channel::{
            EventFlag,
            Packet, //
        },
    },
};
use kernel::prelude::*;
use kernel_ext::{
    hci::{
        Address,
        DevFlag,
        Flag,
        Frame, //
    },
    net::{
        capable,
        uts_release_machine,
        Capability,
        LockedSock,
        ScmCreds,
        Sock,
        Socket, //
    },
    skbuff::SkBuff,
};
use wire::{
    hci::packet::PacketType,
    monitor::{
        opcode,
        ControlCookie,
        ControlMessage,
        ControlOpen,
        Header,
        IndexInfo,
        NewIndex,
        TASK_COMM_LEN, //
    },
    BdAddr, //
};
use zerocopy::{
    little_endian::{
        U16,
        U32, //
    },
    IntoBytes, //
};

/// Version of the Bluetooth subsystem, as the kernel's header has it.
const SUBSYSTEM_VERSION: u8 = 2;
const SUBSYSTEM_REVISION: u16 = 22;

/// Length of a task's name, as one byte.
const COMM_LEN: u8 = TASK_COMM_LEN as u8;

/// A manufacturer that is not known yet.
const NO_MANUFACTURER: u16 = 0xffff;

/// Makes a message of `parts`, as of now.
fn message(kind: u16, index: u16, parts: &[&[u8]], creds: Option<ScmCreds>) -> Option<SkBuff> {
    let len = parts
        .iter()
        .try_fold(0usize, |sum, part| sum.checked_add(part.len()))?;
    let header = Header::new(kind, index, u16::try_from(len).ok()?);
    let size = len.checked_add(size_of::<Header>())?;
    let mut skb = SkBuff::bt_alloc(size, GFP_ATOMIC).ok()?;
    skb.put_obj(&header).ok()?;
    for part in parts {
        skb.put_slice(part).ok()?;
    }
    *skb.cb_mut() = Queued {
        creds: creds.unwrap_or_default(),
        incoming: 0,
    };
    skb.timestamp();
    Some(skb)
}

/// Queues a message to one socket, if there is one.
fn queue(sk: &Sock<HciSocket>, message: Option<SkBuff>) {
    if let Some(message) = message {
        // A full receive buffer is counted by the socket layer.
        let _ = sk.queue_rcv(message);
    }
}

/// Queues a message to all monitors.
pub(super) fn broadcast(message: &SkBuff) {
    let Some(sockets) = HCI.sockets() else {
        return;
    };
    sockets.for_each(|sk| queue_if_monitor(sk, message));
}

pub(super) fn queue_if_monitor(sk: &Sock<HciSocket>, message: &SkBuff) {
    if is_bound(sk, Channel::Monitor) {
        queue(sk, message.try_clone(GFP_ATOMIC).ok());
    }
}

/// What goes before a packet that passes a controller; `None` if the monitor has no kind for it.
pub(super) fn packet_header(dev: &Device, frame: &SkBuff, incoming: bool) -> Option<Header> {
    let kind = opcode::of_packet(PacketType::from_u8(frame.packet_type())?, incoming)?;
    // The transport's largest packet is shorter than that.
    let len = u16::try_from(frame.len()).unwrap_or(u16::MAX);
    Some(Header::new(kind, dev.id(), len))
}

fn new_index(dev: &Device) -> Option<SkBuff> {
    let mut name = [0; 8];
    for (to, from) in name.iter_mut().zip(dev.name().to_bytes()) {
        *to = *from;
    }
    let new = NewIndex {
        kind: 0,
        bus: dev.bus(),
        bdaddr: BdAddr(dev.address(Address::Current)),
        name,
    };
    message(opcode::NEW_INDEX, dev.id(), &[new.as_bytes()], None)
}

fn index_info(dev: &Device) -> Option<SkBuff> {
    let info = IndexInfo {
        bdaddr: BdAddr(dev.address(Address::Current)),
        manufacturer: U16::new(dev.manufacturer()),
    };
    message(opcode::INDEX_INFO, dev.id(), &[info.as_bytes()], None)
}

/// The same in set-up, when the driver may not have named the manufacturer yet.
fn early_index_info(dev: &Device) -> Option<SkBuff> {
    if dev.manufacturer() == NO_MANUFACTURER {
        return None;
    }
    index_info(dev)
}

/// Tells the monitors what happened to a controller.
pub(super) fn device_event(dev: &Device, notice: &Notice<'_>) {
    let message = match notice {
        Notice::Registered => new_index(dev),
        Notice::Unregistered => message(opcode::DEL_INDEX, dev.id(), &[], None),
        Notice::Setup => early_index_info(dev),
        Notice::Up => index_info(dev),
        Notice::Opened => message(opcode::OPEN_INDEX, dev.id(), &[], None),
        Notice::Closed => message(opcode::CLOSE_INDEX, dev.id(), &[], None),
        _ => None,
    };
    if let Some(message) = message {
        broadcast(&message);
    }
}

fn ctrl_open(sk: &Sock<HciSocket>) -> Option<SkBuff> {
    let socket = sk.private().announced()?;
    let (format, version, revision) = match socket.channel {
        Channel::Raw => (0, SUBSYSTEM_VERSION, SUBSYSTEM_REVISION),
        Channel::User => (1, SUBSYSTEM_VERSION, SUBSYSTEM_REVISION),
        Channel::Control => (2, mgmt::VERSION, mgmt::REVISION),
        Channel::Monitor | Channel::Logging => return None,
    };
    let open = ControlOpen {
        cookie: U32::new(socket.cookie),
        format: U16::new(format),
        version,
        revision: U16::new(revision),
        flags: U32::new(socket.trusted.into()),
        comm_len: COMM_LEN,
        comm: socket.comm,
    };
    message(
        opcode::CTRL_OPEN,
        socket.index,
        &[open.as_bytes()],
        sk.peer_creds(),
    )
}

/// Tells the monitors that a socket was opened, if it has a cookie.
pub(super) fn socket_opened(sk: &Sock<HciSocket>) {
    if anybody_listens() {
        if let Some(message) = ctrl_open(sk) {
            broadcast(&message);
        }
    }
}

/// Tells the monitors that a socket is closed, if it has a cookie.
pub(super) fn socket_closed(sk: &Sock<HciSocket>) {
    if !anybody_listens() {
        return;
    }
    let Some(socket) = sk.private().announced() else {
        return;
    };
    let cookie = ControlCookie {
        cookie: U32::new(socket.cookie),
    };
    let close = message(
        opcode::CTRL_CLOSE,
        socket.index,
        &[cookie.as_bytes()],
        sk.peer_creds(),
    );
    if let Some(message) = close {
        broadcast(&message);
    }
}

/// Tells the monitors of a mgmt command that came from a socket.
pub(super) fn mgmt_command(
    cookie: u32,
    creds: Option<ScmCreds>,
    index: u16,
    opcode: u16,
    params: &[u8],
) {
    let start = ControlMessage {
        cookie: U32::new(cookie),
        opcode: U16::new(opcode),
    };
    if let Some(message) = message(
        opcode::CTRL_COMMAND,
        index,
        &[start.as_bytes(), params],
        creds,
    ) {
        broadcast(&message);
    }
}

/// A mgmt packet that goes to the socket with this cookie.
pub(super) fn mgmt_event(cookie: u32, packet: &Packet<'_>) -> Option<SkBuff> {
    let start = ControlMessage {
        cookie: U32::new(cookie),
        opcode: U16::new(packet.opcode),
    };
    let parts = [start.as_bytes(), packet.payload];
    message(opcode::CTRL_EVENT, packet.index, &parts, None)
}

/// The text before the first NUL.
fn text(padded: &[u8]) -> &[u8] {
    padded.split(|&byte| byte == 0).next().unwrap_or(padded)
}

/// A remark on the system, to one socket.
fn note(sk: &Sock<HciSocket>, parts: &[&[u8]]) {
    queue(
        sk,
        message(opcode::SYSTEM_NOTE, NO_DEVICE, parts, sk.peer_creds()),
    );
}

/// Tells a new monitor what kernel this is.
fn introduce_system(sk: &Sock<HciSocket>) {
    let (release, machine) = uts_release_machine();
    note(
        sk,
        &[
            b"Linux version ",
            text(&release),
            b" (",
            text(&machine),
            b")\0",
        ],
    );
    note(sk, &[b"Bluetooth subsystem version 2.22\0"]);
}

// The text above.
const _: () = assert!(SUBSYSTEM_VERSION == 2 && SUBSYSTEM_REVISION == 22);

/// Tells a new monitor of a controller that was there before.
fn replay_device(sk: &Sock<HciSocket>, dev: &Device) {
    queue(sk, new_index(dev));
    if !dev.is(DevFlag::RUNNING) {
        return;
    }
    queue(sk, message(opcode::OPEN_INDEX, dev.id(), &[], None));
    if dev.is(DevFlag::UP) {
        queue(sk, index_info(dev));
    } else if dev.has(Flag::SETUP) {
        queue(sk, early_index_info(dev));
    }
}

/// Binds a socket to the monitor channel.
///
/// # Errors
///
/// `EINVAL` for a controller in particular, `EPERM` without `CAP_NET_RAW`, `ENOMEM`.
pub(super) fn bind(
    sock: &Socket<'_, HciSocket>,
    lock: &mut LockedSock<'_, HciSocket>,
    device: u16,
) -> Result {
    if device != NO_DEVICE {
        return Err(EINVAL);
    }
    if !capable(Capability::NetRaw) {
        return Err(EPERM);
    }
    let shared = sock.private();
    shared.set_channel(Channel::Monitor);
    shared.set(EventFlag::Trusted, true);

    introduce_system(sock);
    let present = registry::all()?;
    for dev in present.iter() {
        replay_device(sock, dev);
    }
    if let Some(sockets) = HCI.sockets() {
        sockets.for_each(|sk| queue(sock, ctrl_open(sk)));
    }

    lock.data_mut().listening = Some(Listening::start());
    super::hci::bound(sock);

    // A controller that registered just now, between the look at the list and the moment from
    // which on this socket is told, would go unseen.
    for dev in registry::all()?.iter() {
        if !present.iter().any(|known| known.id() == dev.id()) {
            replay_device(sock, dev);
        }
    }
    Ok(())
}
