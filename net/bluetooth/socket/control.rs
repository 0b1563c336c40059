// SPDX-License-Identifier: GPL-2.0

//! The control channel: mgmt's packets to and from user space.

use super::{
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
    hci::anybody_listens,
    mgmt::{
        self,
        channel::{
            Delivery,
            EventFlag,
            Origin,
            Packet,
            SocketId, //
        },
    },
};
use kernel::prelude::*;
use kernel_ext::{
    net::{
        capable,
        Capability,
        Sock,
        SockRef,
        Socket, //
    },
    skbuff::SkBuff,
};

/// mgmt's way to the sockets.
pub(super) static DELIVERY: Control = Control;

/// See [`DELIVERY`].
pub(super) struct Control;

/// Binds a socket to the control channel.
///
/// # Errors
///
/// `EINVAL` for a controller in particular.
pub(super) fn bind(sock: &Socket<'_, HciSocket>, device: u16) -> Result {
    if device != NO_DEVICE {
        return Err(EINVAL);
    }
    let shared = sock.private();
    // Who is not trusted is told less and may ask for less, but is served.
    if capable(Capability::NetAdmin) {
        shared.set(EventFlag::Trusted, true);
    }
    shared.set_channel(Channel::Control);
    if !shared.introduce() {
        // So far the monitor knew it as a raw socket.
        monitor::socket_closed(sock);
    }
    monitor::socket_opened(sock);
    for flag in EventFlag::INITIAL {
        shared.set(flag, true);
    }
    super::hci::bound(sock);
    Ok(())
}

/// Hands a command to mgmt and returns how much of it was taken.
///
/// # Errors
///
/// `EINVAL` if it is malformed, or what answering it fails with.
pub(super) fn send(sock: &Socket<'_, HciSocket>, command: &SkBuff) -> Result<usize> {
    let shared = sock.private();
    mgmt::command(
        shared.origin(),
        shared.has(EventFlag::Trusted),
        command.data(),
    )
}

/// Finds a socket by the name that mgmt has for it.
fn find(id: SocketId) -> Option<SockRef<HciSocket>> {
    HCI.sockets()?.find(|sk| sk.private().id() == id)
}

/// A packet for a socket's receive queue, as of `tstamp` or, if that is 0, of now.
fn packet_for_user(packet: &Packet<'_>, tstamp: i64) -> Result<SkBuff> {
    let header = packet.header();
    let size = header.len().saturating_add(packet.payload.len());
    let mut skb = SkBuff::alloc(0, size, GFP_KERNEL)?;
    skb.put_slice(&header)?;
    skb.put_slice(packet.payload)?;
    *skb.cb_mut() = Queued::default();
    if tstamp == 0 {
        skb.timestamp();
    } else {
        skb.set_tstamp(tstamp);
    }
    Ok(skb)
}

fn wants(sk: &Sock<HciSocket>, flag: EventFlag, skip: Option<SocketId>) -> bool {
    let shared = sk.private();
    is_bound(sk, Channel::Control) && shared.has(flag) && skip != Some(shared.id())
}

impl Delivery for Control {
    fn command(&self, from: Origin, index: u16, opcode: u16, params: &[u8]) {
        if anybody_listens() {
            let creds = find(from.id).and_then(|sk| sk.peer_creds());
            monitor::mgmt_command(from.cookie, creds, index, opcode, params);
        }
    }

    fn reply(&self, to: Origin, packet: &Packet<'_>) -> Result {
        let Some(sk) = find(to.id) else {
            return Ok(());
        };
        let shown = if anybody_listens() {
            monitor::mgmt_event(to.cookie, packet)
        } else {
            None
        };
        let skb = packet_for_user(packet, shown.as_ref().map_or(0, SkBuff::tstamp))?;
        let queued = sk.queue_rcv(skb).map_err(|(_, e)| e);
        if let Some(shown) = shown {
            monitor::broadcast(&shown);
        }
        queued
    }

    fn broadcast(&self, packet: &Packet<'_>, flag: EventFlag, skip: Option<SocketId>) {
        let Some(sockets) = HCI.sockets() else {
            return;
        };
        // Without memory the event is lost, as it is to a socket whose buffer is full.
        let Ok(skb) = packet_for_user(packet, 0) else {
            return;
        };
        if anybody_listens() {
            let all = sockets.read();
            for sk in all.iter().filter(|sk| wants(sk, flag, skip)) {
                let Some(mut shown) = monitor::mgmt_event(sk.private().cookie(), packet) else {
                    continue;
                };
                shown.set_tstamp(skb.tstamp());
                for monitor in all.iter() {
                    monitor::queue_if_monitor(monitor, &shown);
                }
            }
        }
        sockets.for_each(|sk| {
            if wants(sk, flag, skip) {
                if let Ok(copy) = skb.try_clone(GFP_ATOMIC) {
                    // A full receive buffer is counted by the socket layer.
                    let _ = sk.queue_rcv(copy);
                }
            }
        });
    }

    fn set_flag(&self, socket: SocketId, flag: EventFlag, on: bool) {
        if let Some(sk) = find(socket) {
            sk.private().set(flag, on);
        }
    }
}
