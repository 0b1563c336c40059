// SPDX-License-Identifier: GPL-2.0

//! Packets between host and controller (Vol 4 Part E 5.4), without the transport's packet type in front.

use zerocopy::little_endian::U16;
use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes,
    KnownLayout,
    Unaligned, //
};

use super::{
    opcode::RawOpcode,
    Opcode, //
};
use crate::{
    Malformed,
    Reader, //
};

/// What kind of packet a transport carries: the H4 indicators (Vol 4 Part A 2) and those that Linux adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum PacketType {
    /// Command, host to controller.
    Command = 0x01,
    /// Asynchronous data.
    Acl = 0x02,
    /// Synchronous data.
    Sco = 0x03,
    /// Event, controller to host.
    Event = 0x04,
    /// Isochronous data.
    Iso = 0x05,
    /// A vendor's diagnostics, for the monitor only.
    Diag = 0xf0,
    /// User space to driver and back, no controller involved.
    Drv = 0xf1,
    /// Vendor packet.
    Vendor = 0xff,
}

impl PacketType {
    /// The type with this number, if there is one.
    #[inline]
    pub const fn from_u8(raw: u8) -> Option<Self> {
        Some(match raw {
            0x01 => Self::Command,
            0x02 => Self::Acl,
            0x03 => Self::Sco,
            0x04 => Self::Event,
            0x05 => Self::Iso,
            0xf0 => Self::Diag,
            0xf1 => Self::Drv,
            0xff => Self::Vendor,
            _ => return None,
        })
    }

    /// Its number.
    #[inline]
    pub const fn to_u8(self) -> u8 {
        self as u8
    }
}

macro_rules! header {
    ($(#[$attr:meta])* $name:ident { $($(#[$fattr:meta])* $field:ident: $ty:ty,)* }) => {
        $(#[$attr])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
        #[repr(C)]
        pub struct $name { $($(#[$fattr])* pub $field: $ty,)* }
    };
}

header! {
    /// Header of a command packet (5.4.1).
    CommandHeader {
        /// Which command.
        opcode: RawOpcode,
        /// Length of the parameters, in bytes.
        plen: u8,
    }
}

impl CommandHeader {
    /// The header of a command with `plen` bytes of parameters.
    #[inline]
    pub fn new(opcode: Opcode, plen: u8) -> Self {
        Self {
            opcode: opcode.into(),
            plen,
        }
    }
}

header! {
    /// Header of an ACL data packet (5.4.2).
    AclHeader {
        /// Connection handle (12 bits), packet boundary flag (2), broadcast flag (2).
        handle_flags: U16,
        /// Length of the data, in bytes.
        dlen: U16,
    }
}

header! {
    /// Header of a synchronous data packet (5.4.3).
    ScoHeader {
        /// Connection handle (12 bits), packet status flag (2), reserved (2).
        handle_flags: U16,
        /// Length of the data, in bytes.
        dlen: u8,
    }
}

header! {
    /// Header of an event packet (5.4.4).
    EventHeader {
        /// Event code.
        code: u8,
        /// Length of the parameters, in bytes.
        plen: u8,
    }
}

header! {
    /// Header of an ISO data packet (5.4.5).
    IsoHeader {
        /// Connection handle (12 bits), packet boundary flag (2), time stamp flag (1), reserved (1).
        handle_flags: U16,
        /// Length of the data load (14 bits), reserved (2).
        dlen: U16,
    }
}

header! {
    /// Start of an ISO SDU without time stamp (5.4.5).
    IsoDataHeader {
        /// Packet sequence number.
        sequence: U16,
        /// SDU length (12 bits), reserved (2), packet status flag (2).
        length_status: U16,
    }
}

/// Connection handle of a `handle_flags` field.
#[inline]
const fn handle_of(raw: u16) -> u16 {
    raw & 0x0fff
}

/// The four bits above the handle of a `handle_flags` field.
#[inline]
const fn flags_of(raw: u16) -> u8 {
    (raw >> 12) as u8
}

/// Packs a handle (12 bits) and flags (4 bits); excess bits are dropped.
#[inline]
const fn pack(handle: u16, flags: u8) -> u16 {
    (handle & 0x0fff) | ((flags as u16 & 0x0f) << 12)
}

/// Packet boundary: first fragment of a higher layer message, not automatically flushable, host to controller.
pub const ACL_START_NO_FLUSH: u8 = 0x00;
/// Packet boundary: continuing fragment.
pub const ACL_CONT: u8 = 0x01;
/// Packet boundary: first fragment, automatically flushable; the only "first" from controller to host.
pub const ACL_START: u8 = 0x02;
/// Packet boundary: complete message (never on HCI in practice).
pub const ACL_COMPLETE: u8 = 0x03;

/// Broadcast flag, two bits up from packet boundary: between two devices.
pub const ACL_POINT_TO_POINT: u8 = 0x00;
/// Broadcast flag: from the central to all its peripherals, on BR/EDR. What is beyond is reserved.
pub const ACL_BROADCAST: u8 = 0x01;

/// ISO packet boundary: first fragment of an SDU.
pub const ISO_START: u8 = 0x00;
/// ISO packet boundary: continuing fragment.
pub const ISO_CONT: u8 = 0x01;
/// ISO packet boundary: complete SDU.
pub const ISO_SINGLE: u8 = 0x02;
/// ISO packet boundary: last fragment.
pub const ISO_END: u8 = 0x03;

impl AclHeader {
    /// The header for `dlen` bytes on connection `handle`, with the packet boundary and broadcast flags `flags`.
    #[inline]
    pub const fn new(handle: u16, flags: u8, dlen: u16) -> Self {
        Self {
            handle_flags: U16::new(pack(handle, flags)),
            dlen: U16::new(dlen),
        }
    }

    /// Connection handle.
    #[inline]
    pub const fn handle(&self) -> u16 {
        handle_of(self.handle_flags.get())
    }

    /// Packet boundary flag and, two bits up, broadcast flag.
    #[inline]
    pub const fn flags(&self) -> u8 {
        flags_of(self.handle_flags.get())
    }

    /// Packet boundary flag.
    #[inline]
    pub const fn boundary(&self) -> u8 {
        self.flags() & 0x03
    }

    /// Broadcast flag.
    #[inline]
    pub const fn broadcast(&self) -> u8 {
        self.flags() >> 2
    }
}

impl ScoHeader {
    /// The header for `dlen` bytes on connection `handle`.
    #[inline]
    pub const fn new(handle: u16, dlen: u8) -> Self {
        Self {
            handle_flags: U16::new(pack(handle, 0)),
            dlen,
        }
    }

    /// Connection handle.
    #[inline]
    pub const fn handle(&self) -> u16 {
        handle_of(self.handle_flags.get())
    }

    /// Packet status flag (erroneous data reporting).
    #[inline]
    pub const fn packet_status(&self) -> u8 {
        flags_of(self.handle_flags.get()) & 0x03
    }
}

impl IsoHeader {
    /// The header for a data load of `dlen` bytes (14 bits) on connection `handle`.
    #[inline]
    pub const fn new(handle: u16, boundary: u8, time_stamp: bool, dlen: u16) -> Self {
        let flags = (boundary & 0x03) | ((time_stamp as u8) << 2);
        Self {
            handle_flags: U16::new(pack(handle, flags)),
            dlen: U16::new(dlen & 0x3fff),
        }
    }

    /// Connection handle.
    #[inline]
    pub const fn handle(&self) -> u16 {
        handle_of(self.handle_flags.get())
    }

    /// Packet boundary flag.
    #[inline]
    pub const fn boundary(&self) -> u8 {
        flags_of(self.handle_flags.get()) & 0x03
    }

    /// Whether a 4-byte time stamp follows.
    #[inline]
    pub const fn has_time_stamp(&self) -> bool {
        flags_of(self.handle_flags.get()) & 0x04 != 0
    }

    /// Length of the data load, in bytes.
    #[inline]
    pub const fn data_len(&self) -> u16 {
        self.dlen.get() & 0x3fff
    }
}

impl IsoDataHeader {
    /// SDU length, in bytes.
    #[inline]
    pub const fn sdu_len(&self) -> u16 {
        self.length_status.get() & 0x0fff
    }

    /// Packet status flag: 0 valid, 1 possibly invalid, 2 lost.
    #[inline]
    pub const fn packet_status(&self) -> u8 {
        (self.length_status.get() >> 14) as u8
    }
}

/// Reads `header`'s announced `len` bytes: exactly the rest of the packet.
#[inline]
fn exact<'a>(item: &'static str, reader: &Reader<'a>, len: usize) -> Result<&'a [u8], Malformed> {
    if reader.remaining() == len {
        Ok(reader.rest())
    } else {
        Err(Malformed::short(item, len, reader.remaining()))
    }
}

macro_rules! packet {
    ($(#[$attr:meta])* $name:ident, $header:ident, $item:literal, |$h:ident| $len:expr) => {
        $(#[$attr])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name<'a> {
            /// The header.
            pub header: &'a $header,
            /// What follows it: as long as the header says.
            pub data: &'a [u8],
        }

        impl<'a> $name<'a> {
            /// Reads a packet that starts with its header.
            ///
            /// # Errors
            ///
            /// A packet without a whole header, or whose length differs from the one its header tells.
            #[inline]
            pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
                let mut reader = Reader::new($item, bytes);
                let $h = reader.view::<$header>()?;
                let data = exact($item, &reader, $len)?;
                Ok(Self { header: $h, data })
            }
        }
    };
}

packet! {
    /// A command packet.
    CommandPacket, CommandHeader, "command packet", |h| usize::from(h.plen)
}
packet! {
    /// An ACL data packet.
    AclPacket, AclHeader, "ACL packet", |h| usize::from(h.dlen.get())
}
packet! {
    /// A synchronous data packet.
    ScoPacket, ScoHeader, "SCO packet", |h| usize::from(h.dlen)
}
packet! {
    /// An event packet.
    EventPacket, EventHeader, "event packet", |h| usize::from(h.plen)
}
packet! {
    /// An ISO data packet.
    IsoPacket, IsoHeader, "ISO packet", |h| usize::from(h.data_len())
}
