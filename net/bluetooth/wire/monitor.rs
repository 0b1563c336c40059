// SPDX-License-Identifier: GPL-2.0

//! The monitor channel, on which user space sees everything that passes, and the logging channel, on which it adds notes.

use zerocopy::little_endian::{
    U16,
    U32, //
};

use crate::{
    hci::packet::PacketType,
    BdAddr,
    Malformed,
    Reader, //
};

/// In [`Header::index`]: no controller.
pub const INDEX_NONE: u16 = 0xffff;

/// What a message is about.
pub mod opcode {
    macro_rules! opcodes {
        ($($name:ident = $value:literal, $text:literal;)*) => {
            $(#[doc = $text] pub const $name: u16 = $value;)*
        };
    }

    opcodes! {
        NEW_INDEX = 0, "A controller appeared: [`NewIndex`](super::NewIndex).";
        DEL_INDEX = 1, "A controller is gone.";
        COMMAND_PKT = 2, "A command packet.";
        EVENT_PKT = 3, "An event packet.";
        ACL_TX_PKT = 4, "An ACL packet, to the controller.";
        ACL_RX_PKT = 5, "An ACL packet, from the controller.";
        SCO_TX_PKT = 6, "A SCO packet, to the controller.";
        SCO_RX_PKT = 7, "A SCO packet, from the controller.";
        OPEN_INDEX = 8, "A controller's transport was opened.";
        CLOSE_INDEX = 9, "A controller's transport was closed.";
        INDEX_INFO = 10, "What was learnt of a controller: [`IndexInfo`](super::IndexInfo).";
        VENDOR_DIAG = 11, "A vendor's diagnostics.";
        SYSTEM_NOTE = 12, "A text of the kernel, NUL terminated.";
        USER_LOGGING = 13, "A text of user space: [`UserLog`](super::UserLog).";
        CTRL_OPEN = 14, "A socket was opened: [`ControlOpen`](super::ControlOpen).";
        CTRL_CLOSE = 15, "A socket was closed: [`ControlCookie`](super::ControlCookie).";
        CTRL_COMMAND = 16, "A mgmt command: [`ControlMessage`](super::ControlMessage) and its parameters.";
        CTRL_EVENT = 17, "A mgmt event: [`ControlMessage`](super::ControlMessage) and its parameters.";
        ISO_TX_PKT = 18, "An ISO packet, to the controller.";
        ISO_RX_PKT = 19, "An ISO packet, from the controller.";
        DRV_TX_PKT = 20, "A packet to the driver.";
        DRV_RX_PKT = 21, "A packet from the driver.";
    }

    use super::PacketType;

    /// The opcode for a packet of type `kind` that was received (`incoming`) or sent; [`None`] if the monitor does not
    /// show such.
    #[inline]
    pub const fn of_packet(kind: PacketType, incoming: bool) -> Option<u16> {
        Some(match (kind, incoming) {
            (PacketType::Command, _) => COMMAND_PKT,
            (PacketType::Event, _) => EVENT_PKT,
            (PacketType::Acl, false) => ACL_TX_PKT,
            (PacketType::Acl, true) => ACL_RX_PKT,
            (PacketType::Sco, false) => SCO_TX_PKT,
            (PacketType::Sco, true) => SCO_RX_PKT,
            (PacketType::Iso, false) => ISO_TX_PKT,
            (PacketType::Iso, true) => ISO_RX_PKT,
            (PacketType::Drv, false) => DRV_TX_PKT,
            (PacketType::Drv, true) => DRV_RX_PKT,
            (PacketType::Diag, _) => VENDOR_DIAG,
            (PacketType::Vendor, _) => return None,
        })
    }
}

/// Length of a task's name in the kernel, in bytes.
pub const TASK_COMM_LEN: usize = 16;

layout! {
    /// What every message starts with.
    Header {
        /// One of [`opcode`].
        opcode: U16,
        /// Which controller, or [`INDEX_NONE`].
        index: U16,
        /// Length of what follows, in bytes.
        len: U16,
    }
    /// Parameters of New Index.
    NewIndex {
        /// 0 always.
        kind: u8,
        bus: u8,
        bdaddr: BdAddr,
        /// NUL padded.
        name: [u8; 8],
    }
    /// Parameters of Index Info.
    IndexInfo { bdaddr: BdAddr, manufacturer: U16, }
    /// Parameters of Control Close.
    ControlCookie { cookie: U32, }
    /// Parameters of Control Open.
    ControlOpen {
        /// Which socket: unique among those that are open.
        cookie: U32,
        /// 0 raw, 1 user channel, 2 mgmt.
        format: U16,
        version: u8,
        revision: U16,
        /// Bit 0: trusted.
        flags: U32,
        /// [`TASK_COMM_LEN`].
        comm_len: u8,
        comm: [u8; TASK_COMM_LEN],
    }
    /// Head of the parameters of Control Command and Control Event.
    ControlMessage { cookie: U32, opcode: U16, }
}

impl Header {
    /// The header of a message with `len` bytes after it.
    #[inline]
    pub const fn new(opcode: u16, index: u16, len: u16) -> Self {
        Self {
            opcode: U16::new(opcode),
            index: U16::new(index),
            len: U16::new(len),
        }
    }
}

/// A note of user space, as written to the logging channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserLog<'a> {
    /// Which controller it is about; [`None`] if none.
    pub index: Option<u16>,
    /// 0 to 7, as in syslog.
    pub priority: u8,
    /// Who says it, without the NUL; may be empty.
    pub ident: &'a [u8],
    /// What it says, with the NUL at its end.
    pub message: &'a [u8],
}

impl<'a> UserLog<'a> {
    /// Reads a frame of the logging channel: header, priority, length of the ident, ident and message.
    ///
    /// # Errors
    ///
    /// Lengths that do not agree, an opcode other than 0, a priority above 7, or a string without its NUL.
    pub fn parse(frame: &'a [u8]) -> Result<Self, Malformed> {
        const ITEM: &str = "logging frame";
        let mut reader = Reader::new(ITEM, frame);
        let header = reader.view::<Header>()?;
        let len = usize::from(header.len.get());
        if reader.remaining() != len || len < 3 {
            return Err(reader.short(len.max(3)));
        }
        let opcode = header.opcode.get();
        if opcode != 0 {
            return Err(Malformed::value("logging opcode", 0, usize::from(opcode)));
        }
        let priority = reader.u8()?;
        if priority > 7 {
            return Err(Malformed::value(
                "logging priority",
                7,
                usize::from(priority),
            ));
        }
        // The length counts the NUL of the ident. If it is zero there is no ident, and the length is its own NUL.
        let ident = match usize::from(reader.u8()?).checked_sub(1) {
            None => &[][..],
            Some(len) => {
                let ident = reader.bytes(len)?;
                let nul = reader.u8()?;
                if nul != 0 {
                    return Err(Malformed::value("logging ident", 0, usize::from(nul)));
                }
                ident
            }
        };
        let message = reader.rest();
        if message.last() != Some(&0) {
            return Err(reader.short(message.len().saturating_add(1)));
        }
        Ok(Self {
            index: Some(header.index.get()).filter(|&index| index != INDEX_NONE),
            priority,
            ident,
            message,
        })
    }
}
