// SPDX-License-Identifier: GPL-2.0

//! The user channel: one process has a controller to itself, without the stack.

use super::{
    hci::HciSocket,
    monitor,
    shared::{
        Channel,
        NO_DEVICE, //
    },
};
use crate::{
    hci::{
        self,
        notify,
        power,
        registry,
        Device,
        Notice, //
    },
    mgmt::channel::EventFlag,
};
use kernel::prelude::*;
use kernel_ext::{
    hci::{
        DevFlag,
        Flag,
        Frame, //
    },
    net::{
        capable,
        Capability,
        LockedSock,
        Socket, //
    },
    skbuff::SkBuff,
};
use wire::hci::packet::PacketType;

/// Whether a socket of this channel is shown packets of a type that come from its controller.
pub(super) fn is_shown(packet_type: Option<PacketType>) -> bool {
    matches!(
        packet_type,
        Some(
            PacketType::Event
                | PacketType::Acl
                | PacketType::Sco
                | PacketType::Iso
                | PacketType::Drv
        )
    )
}

/// A controller claimed for a socket, but not handed over yet: given back on drop.
struct Claim<'a>(&'a Device);

impl<'a> Claim<'a> {
    /// Claims a controller: for mgmt's users it is gone.
    ///
    /// # Errors
    ///
    /// `EBUSY` while it is being set up, or up for other users; `EUSERS` if it is claimed already.
    fn new(dev: &'a Device) -> Result<Self> {
        let in_use = dev.is(DevFlag::UP) && !dev.has(Flag::AUTO_OFF);
        if dev.is(DevFlag::INIT) || dev.has(Flag::SETUP) || dev.has(Flag::CONFIG) || in_use {
            return Err(EBUSY);
        }
        if dev.set(Flag::USER_CHANNEL, true) {
            return Err(EUSERS);
        }
        notify(dev, Notice::IndexRemoved);
        Ok(Self(dev))
    }

    /// The controller stays claimed, until [`release`] is called.
    fn keep(self) {
        core::mem::forget(self);
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.0.set(Flag::USER_CHANNEL, false);
        notify(self.0, Notice::IndexAdded);
    }
}

/// Binds a socket to the user channel of a controller, which is opened for it.
///
/// # Errors
///
/// `EINVAL` without a controller, `EPERM` without `CAP_NET_ADMIN`, `ENODEV`, `EBUSY`, `EUSERS`,
/// and what opening it fails with.
pub(super) fn bind(
    sock: &Socket<'_, HciSocket>,
    lock: &mut LockedSock<'_, HciSocket>,
    device: u16,
) -> Result {
    if device == NO_DEVICE {
        return Err(EINVAL);
    }
    if !capable(Capability::NetAdmin) {
        return Err(EPERM);
    }
    let dev = registry::get(device).ok_or(ENODEV)?;
    let claim = Claim::new(&dev)?;
    match power::up(&dev) {
        Ok(()) => {}
        // It was still running from its set-up.
        Err(e) if e == EALREADY => {}
        Err(e) => return Err(e),
    }
    claim.keep();

    let shared = sock.private();
    shared.set_channel(Channel::User);
    if !shared.introduce() {
        // So far the monitor knew it as a raw socket.
        monitor::socket_closed(sock);
    }
    shared.set(EventFlag::Trusted, true);
    lock.data_mut().attach(shared, dev);
    monitor::socket_opened(sock);
    super::hci::bound(sock);
    Ok(())
}

/// Gives a controller back to the stack; its socket is closed.
pub(super) fn release(dev: &Device) {
    // One that is being unregistered is closed, and not announced, already.
    if !dev.has(Flag::UNREGISTER) {
        power::close_for_user(dev);
        dev.set(Flag::USER_CHANNEL, false);
        notify(dev, Notice::IndexAdded);
    }
}

/// Sends a packet whose type has been taken off its front.
///
/// # Errors
///
/// `EINVAL` for a type that does not go to controllers, `ENOBUFS` if too much waits already.
pub(super) fn send(dev: &Device, skb: SkBuff) -> Result {
    match PacketType::from_u8(skb.packet_type()) {
        Some(
            PacketType::Command
            | PacketType::Acl
            | PacketType::Sco
            | PacketType::Iso
            | PacketType::Drv,
        ) => hci::submit_unqueued(dev, skb),
        _ => Err(EINVAL),
    }
}
