// SPDX-License-Identifier: GPL-2.0

//! Field types that several commands and events share.

use core::fmt;

use zerocopy::little_endian::U16;
use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes,
    KnownLayout,
    Unaligned, //
};

/// A connection handle (Vol 4 Part E 5.3.1): 12 bits, of which 0x0000 to 0x0eff name connections.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Default,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
    Unaligned,
)]
#[repr(transparent)]
pub struct ConnHandle(pub U16);

impl ConnHandle {
    /// The greatest handle that a controller may give out.
    pub const MAX: u16 = 0x0eff;

    /// The handle with this number.
    #[inline]
    pub const fn new(raw: u16) -> Self {
        Self(U16::new(raw))
    }

    /// Its number, flags and reserved bits included.
    #[inline]
    pub const fn get(self) -> u16 {
        self.0.get()
    }

    /// Whether a controller may give it out.
    #[inline]
    pub const fn is_valid(self) -> bool {
        self.get() <= Self::MAX
    }
}

impl fmt::Debug for ConnHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:04x}", self.get())
    }
}

/// 16 bytes that must not appear in a log: link key, LTK, IRK, hash or randomizer.
#[derive(
    Clone, Copy, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(transparent)]
pub struct Key(pub [u8; 16]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[16 bytes]")
    }
}

/// An unsigned 24-bit number, least significant octet first.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Default,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
    Unaligned,
)]
#[repr(transparent)]
pub struct U24(pub [u8; 3]);

impl U24 {
    /// The number `raw` without its 8 most significant bits.
    #[inline]
    pub const fn new(raw: u32) -> Self {
        let [a, b, c, _] = raw.to_le_bytes();
        Self([a, b, c])
    }

    /// Its value.
    #[inline]
    pub const fn get(self) -> u32 {
        let [a, b, c] = self.0;
        u32::from_le_bytes([a, b, c, 0])
    }
}

impl fmt::Debug for U24 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:06x}", self.get())
    }
}

/// The class of a device: minor class, major class, service bits, in this order (Assigned Numbers 2.8).
pub type ClassOfDevice = [u8; 3];

octet! {
    /// The type of an LE address as HCI numbers it (Vol 4 Part E 7.7.65.1 and 7.7.65.13).
    #[derive(Debug, Default)]
    LeAddrType {
        /// Public device address.
        PUBLIC = 0x00;
        /// Random device address.
        RANDOM = 0x01;
        /// Public identity address that the controller resolved; as own address type: RPA, else public.
        PUBLIC_RESOLVED = 0x02;
        /// Random static identity address that the controller resolved; as own address type: RPA, else random.
        RANDOM_RESOLVED = 0x03;
        /// No address given, in extended advertising reports (anonymous advertisement).
        ANONYMOUS = 0xff;
    }
}

impl LeAddrType {
    /// The type without the "resolved by the controller" distinction; anything else stays as it is.
    #[inline]
    pub const fn identity(self) -> Self {
        match self {
            Self::PUBLIC_RESOLVED => Self::PUBLIC,
            Self::RANDOM_RESOLVED => Self::RANDOM,
            other => other,
        }
    }

    /// Whether the controller resolved the address.
    #[inline]
    pub const fn is_resolved(self) -> bool {
        matches!(self, Self::PUBLIC_RESOLVED | Self::RANDOM_RESOLVED)
    }

    /// The type as the kernel's user interface numbers it; anything that is not public counts as random, as in the C stack.
    #[inline]
    pub const fn to_address_type(self) -> crate::AddressType {
        match self.identity() {
            Self::PUBLIC => crate::AddressType::LePublic,
            _ => crate::AddressType::LeRandom,
        }
    }

    /// The HCI type of an address of the kernel's user interface (BR/EDR counts as public).
    #[inline]
    pub const fn from_address_type(kind: crate::AddressType) -> Self {
        match kind {
            crate::AddressType::LeRandom => Self::RANDOM,
            _ => Self::PUBLIC,
        }
    }
}
