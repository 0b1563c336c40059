// SPDX-License-Identifier: GPL-2.0

//! What happens at the controllers, told to the sockets.

use super::{
    hci::HCI,
    monitor, raw,
    shared::{
        is_bound,
        Channel,
        Queued, //
    },
};
use crate::hci::{
    anybody_listens,
    Device,
    Direction,
    Notice,
    Observer, //
};
use kernel::prelude::*;
use kernel_ext::{
    hci::Frame,
    skbuff::SkBuff, //
};
use wire::hci::packet::PacketType;
use zerocopy::IntoBytes;

/// Tells monitors and the sockets bound to a controller. To be named before mgmt's observer: the
/// monitor shows an event of a controller before what mgmt makes of it.
pub(crate) static OBSERVER: Sockets = Sockets;

/// See [`OBSERVER`].
pub(crate) struct Sockets;

impl Observer for Sockets {
    fn notice(&self, dev: &Device, notice: Notice<'_>) {
        if anybody_listens() {
            monitor::device_event(dev, &notice);
        }
        raw::device_event(dev, &notice);
        if matches!(notice, Notice::Unregistered) {
            wake_bound(dev);
        }
    }

    #[inline]
    fn frame(&self, dev: &Device, frame: &SkBuff, direction: Direction) {
        deliver(dev, frame, direction == Direction::FromController);
    }
}

/// Wakes the sockets that are bound to a controller which is gone now.
fn wake_bound(dev: &Device) {
    let Some(sockets) = HCI.sockets() else {
        return;
    };
    sockets.for_each(|sk| {
        if sk.private().device_index() == dev.id() {
            sk.set_err(EPIPE);
            sk.state_change();
        }
    });
}

/// A copy of a packet for one socket; `None` if there is no memory. Mostly one socket listens, if any:
/// a copy that several share would cost that one a second socket buffer.
fn copy(frame: &SkBuff, header: &[u8], queued: Queued) -> Option<SkBuff> {
    let mut copy = frame.copy_with_headroom(header.len(), GFP_ATOMIC).ok()?;
    copy.push_slice(header).ok()?;
    *copy.cb_mut() = queued;
    Some(copy)
}

/// Gives copies of a packet to who wants them.
///
/// What does not fit into a socket's receive buffer is lost to that socket: nobody who watches
/// can hold up the traffic.
fn deliver(dev: &Device, frame: &SkBuff, incoming: bool) {
    let Some(sockets) = HCI.sockets() else {
        return;
    };
    let packet_type = frame.packet_type();
    let header = monitor::packet_header(dev, frame, incoming);
    let known = PacketType::from_u8(packet_type);

    sockets.for_each(|sk| {
        let shown = if is_bound(sk, Channel::Monitor) {
            let Some(header) = &header else {
                return;
            };
            let queued = Queued {
                creds: frame.sender_creds().unwrap_or_default(),
                incoming: incoming.into(),
            };
            copy(frame, header.as_bytes(), queued)
        } else {
            let shared = sk.private();
            // A socket need not be told what it sent itself.
            if shared.device_index() != dev.id() || frame.is_from(sk) {
                return;
            }
            let wanted = if is_bound(sk, Channel::Raw) {
                raw::is_shown(known) && shared.filter().passes(packet_type, frame.data())
            } else {
                is_bound(sk, Channel::User) && incoming && super::user::is_shown(known)
            };
            if !wanted {
                return;
            }
            let queued = Queued {
                incoming: incoming.into(),
                ..Queued::default()
            };
            copy(frame, &[packet_type], queued)
        };
        if let Some(shown) = shown {
            // A full receive buffer is counted by the socket layer.
            let _ = sk.queue_rcv(shown);
        }
    });
}
