// SPDX-License-Identifier: GPL-2.0

//! The way to the sockets of the control channel.
//!
//! mgmt sits below the sockets: it names one by an [`Origin`] and hands packets to the one
//! [`Delivery`] that the socket room registered. A socket that was closed meanwhile is a name that
//! leads nowhere; nothing here keeps one alive.

use kernel::{
    prelude::*,
    sync::SetOnce, //
};

/// A control socket's name: never used twice while the module is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SocketId(pub(crate) u64);

/// The socket that a command came from, as its answer needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Which socket.
    pub(crate) id: SocketId,
    /// The number by which the monitor's users know it.
    pub(crate) cookie: u32,
}

/// A bit of a socket that decides which events reach it (`HCI_SOCK_TRUSTED`, `HCI_MGMT_*_EVENTS`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum EventFlag {
    /// Opened by somebody who may configure the network; most events.
    Trusted = 0,
    /// Index Added, Index Removed.
    Index,
    /// Unconfigured Index Added, Unconfigured Index Removed.
    UnconfiguredIndex,
    /// Extended Index Added, Extended Index Removed.
    ExtIndex,
    /// Extended Controller Information Changed.
    ExtInfo,
    /// New Configuration Options.
    Option,
    /// New Settings.
    Setting,
    /// Class Of Device Changed.
    DevClass,
    /// Local Name Changed.
    LocalName,
    /// Local Out Of Band Data Updated.
    OobData,
    /// Experimental Feature Changed.
    ExpFeature,
}

impl EventFlag {
    /// What a control socket has from the start, beside [`Self::Trusted`] if it is.
    pub(crate) const INITIAL: [Self; 6] = [
        Self::Index,
        Self::UnconfiguredIndex,
        Self::Option,
        Self::Setting,
        Self::DevClass,
        Self::LocalName,
    ];

    /// Its bit in a word of flags.
    pub(crate) const fn bit(self) -> u32 {
        1 << (self as u8)
    }
}

/// A mgmt packet on its way to user space.
#[derive(Clone, Copy)]
pub(crate) struct Packet<'a> {
    /// The event (`MGMT_EV_*`; Command Complete and Command MgmtStatus are events too).
    pub(crate) opcode: u16,
    /// The controller, or `0xffff` for none.
    pub(crate) index: u16,
    /// What follows the header.
    pub(crate) payload: &'a [u8],
}

impl Packet<'_> {
    /// The six bytes before the payload.
    pub(crate) fn header(&self) -> [u8; 6] {
        let len = u16::try_from(self.payload.len()).unwrap_or(u16::MAX);
        let ([a, b], [c, d], [e, f]) = (
            self.opcode.to_le_bytes(),
            self.index.to_le_bytes(),
            len.to_le_bytes(),
        );
        [a, b, c, d, e, f]
    }
}

/// What the socket room does for mgmt. All of it in process context, with no lock of mgmt or hci
/// held; the lock of the socket a command is being taken from may be.
pub(crate) trait Delivery: Send + Sync {
    /// A well-formed command came: the monitor shows it (`HCI_MON_CTRL_COMMAND`).
    fn command(&self, from: Origin, index: u16, opcode: u16, params: &[u8]);

    /// Queues an answer to one socket, and shows it to the monitor (`HCI_MON_CTRL_EVENT`).
    ///
    /// # Errors
    ///
    /// What queueing says; a closed socket is not an error.
    fn reply(&self, to: Origin, packet: &Packet<'_>) -> Result;

    /// Queues an event to every bound control socket that has `flag`, but `skip`; the monitor is
    /// shown one `HCI_MON_CTRL_EVENT` for each of them.
    fn broadcast(&self, packet: &Packet<'_>, flag: EventFlag, skip: Option<SocketId>);

    /// Sets or clears a flag of a socket.
    fn set_flag(&self, socket: SocketId, flag: EventFlag, on: bool);
}

static DELIVERY: SetOnce<&'static dyn Delivery> = SetOnce::new();

/// Names the way to the sockets, once, at module initialisation.
pub(crate) fn set_delivery(delivery: &'static dyn Delivery) {
    DELIVERY.populate(delivery);
}

pub(super) fn delivery() -> Option<&'static dyn Delivery> {
    DELIVERY.as_ref().copied()
}
