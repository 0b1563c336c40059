// SPDX-License-Identifier: GPL-2.0

//! The raw channel: packets of one controller, beside the stack.

use super::{
    filter,
    hci::{
        HciSocket,
        HCI, //
    },
    monitor,
    shared::{
        is_bound,
        Channel,
        Queued,
        NO_DEVICE, //
    },
};
use crate::{
    hci::{
        self,
        registry,
        Device,
        Notice, //
    },
    mgmt::channel::EventFlag,
};
use kernel::prelude::*;
use kernel_ext::{
    hci::Frame,
    net::{
        capable,
        Capability,
        LockedSock,
        Socket, //
    },
    skbuff::SkBuff,
};
use wire::hci::{
    packet::PacketType,
    Opcode, //
};
use zerocopy_derive::{
    Immutable,
    IntoBytes, //
};

/// OGF of vendor commands (Vol 4 Part E 5.4.1).
const OGF_VENDOR: u8 = 0x3f;

/// Whether sockets of this channel are shown packets of a type.
pub(super) fn is_shown(packet_type: Option<PacketType>) -> bool {
    matches!(
        packet_type,
        Some(
            PacketType::Command
                | PacketType::Event
                | PacketType::Acl
                | PacketType::Sco
                | PacketType::Iso
        )
    )
}

/// Binds a socket to the raw channel: of a controller, or of none in particular.
///
/// # Errors
///
/// `ENODEV` if there is no such controller.
pub(super) fn bind(
    sock: &Socket<'_, HciSocket>,
    lock: &mut LockedSock<'_, HciSocket>,
    device: u16,
) -> Result {
    let dev = if device == NO_DEVICE {
        None
    } else {
        Some(registry::get(device).ok_or(ENODEV)?)
    };
    let shared = sock.private();
    shared.set_channel(Channel::Raw);
    if !shared.introduce() {
        // Known to the monitor as a socket without a controller, or with another one.
        monitor::socket_closed(sock);
    }
    if capable(Capability::NetAdmin) {
        shared.set(EventFlag::Trusted, true);
    }
    if let Some(dev) = dev {
        lock.data_mut().attach(shared, dev);
    }
    monitor::socket_opened(sock);
    super::hci::bound(sock);
    Ok(())
}

/// Sends a packet whose type has been taken off its front. `packet_type` is that type.
///
/// # Errors
///
/// `EPERM` for what needs `CAP_NET_RAW`, `EINVAL` for a type that does not go to controllers,
/// `ENOBUFS` if too much waits already.
pub(super) fn send(dev: &Device, skb: SkBuff) -> Result {
    match PacketType::from_u8(skb.packet_type()) {
        Some(PacketType::Command) => {
            let code = skb.data().first_chunk().copied().ok_or(EINVAL)?;
            let opcode = Opcode(u16::from_le_bytes(code));
            if !filter::is_unprivileged(opcode) && !capable(Capability::NetRaw) {
                return Err(EPERM);
            }
            // What a vendor command gives back is not for the stack to know, not even its credit.
            if opcode.ogf() == OGF_VENDOR {
                hci::submit_unqueued(dev, skb)
            } else {
                hci::submit_raw(dev, skb)
            }
        }
        _ if !capable(Capability::NetRaw) => Err(EPERM),
        Some(PacketType::Acl | PacketType::Sco | PacketType::Iso) => hci::submit_unqueued(dev, skb),
        _ => Err(EINVAL),
    }
}

/// Event code of what the stack itself tells (`HCI_EV_STACK_INTERNAL`).
const EVENT_STACK_INTERNAL: u8 = 0xfd;

/// "Something happened to a controller" (`HCI_EV_SI_DEVICE`), as an event packet with its type.
///
/// Its numbers are in the byte order of the machine: it never was on a wire.
#[derive(IntoBytes, Immutable)]
#[repr(C, packed)]
struct DeviceEvent {
    packet_type: u8,
    code: u8,
    len: u8,
    kind: u16,
    event: u16,
    index: u16,
}

/// `HCI_EV_SI_DEVICE`.
const KIND_DEVICE: u16 = 1;

/// Tells the sockets that are bound to no controller in particular which ones come, go, and go up
/// and down.
pub(super) fn device_event(dev: &Device, notice: &Notice<'_>) {
    // `HCI_DEV_REG`, `HCI_DEV_UNREG`, `HCI_DEV_UP`, `HCI_DEV_DOWN`.
    let event = match notice {
        Notice::Registered => 1,
        Notice::Unregistered => 2,
        Notice::Up => 3,
        Notice::Down => 4,
        _ => return,
    };
    let Some(sockets) = HCI.sockets() else {
        return;
    };
    let packet = DeviceEvent {
        packet_type: PacketType::Event.to_u8(),
        code: EVENT_STACK_INTERNAL,
        len: 6,
        kind: KIND_DEVICE,
        event,
        index: dev.id(),
    };
    let bytes = zerocopy::IntoBytes::as_bytes(&packet);
    let Some((&packet_type, data)) = bytes.split_first() else {
        return;
    };
    sockets.for_each(|sk| {
        let shared = sk.private();
        if !is_bound(sk, Channel::Raw)
            || shared.device_index() != NO_DEVICE
            || !shared.filter().passes(packet_type, data)
        {
            return;
        }
        let Ok(mut skb) = SkBuff::from_slice(0, bytes, GFP_ATOMIC) else {
            return;
        };
        *skb.cb_mut() = Queued {
            incoming: 1,
            ..Queued::default()
        };
        skb.timestamp();
        // A full receive buffer is counted by the socket layer.
        let _ = sk.queue_rcv(skb);
    });
}
