// SPDX-License-Identifier: GPL-2.0

//! Device addresses.

use core::fmt;

use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes,
    KnownLayout,
    Unaligned, //
};

/// A device address, least significant octet first as on the wire.
///
/// `Display` prints it the way users write it, most significant octet first.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
    Unaligned,
)]
#[repr(transparent)]
pub struct BdAddr(pub [u8; 6]);

impl BdAddr {
    /// 00:00:00:00:00:00, which no device has: "any" or "none".
    pub const ANY: Self = Self([0; 6]);
    /// FF:FF:FF:FF:FF:FF, which the kernel's user interface uses for "none".
    pub const NONE: Self = Self([0xff; 6]);

    /// The address with these octets, most significant first as users write it.
    #[inline]
    pub const fn from_msb(msb_first: [u8; 6]) -> Self {
        let [a, b, c, d, e, f] = msb_first;
        Self([f, e, d, c, b, a])
    }

    /// Whether this is [`BdAddr::ANY`].
    #[inline]
    pub fn is_any(&self) -> bool {
        *self == Self::ANY
    }

    /// The two most significant bits, which say what kind of random address this is (Vol 6 Part B 1.3.2).
    #[inline]
    const fn random_kind(&self) -> u8 {
        let [_, _, _, _, _, top] = self.0;
        top >> 6
    }

    /// Whether this, taken as a random address, is a static one.
    #[inline]
    pub const fn is_static_random(&self) -> bool {
        self.random_kind() == 0b11
    }

    /// Whether this, taken as a random address, is a resolvable private one.
    #[inline]
    pub const fn is_resolvable_private(&self) -> bool {
        self.random_kind() == 0b01
    }

    /// Whether this, taken as a random address, is a non-resolvable private one.
    #[inline]
    pub const fn is_non_resolvable_private(&self) -> bool {
        self.random_kind() == 0b00
    }
}

impl fmt::Display for BdAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{g:02X}:{e:02X}:{d:02X}:{c:02X}:{b:02X}:{a:02X}")
    }
}

impl fmt::Debug for BdAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The type of an address in the kernel's user interface (`BDADDR_BREDR`, `BDADDR_LE_PUBLIC`, `BDADDR_LE_RANDOM`).
///
/// HCI numbers LE address types differently, see [`LeAddrType`](crate::hci::LeAddrType).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum AddressType {
    /// BR/EDR device address.
    BrEdr = 0x00,
    /// LE public device address.
    LePublic = 0x01,
    /// LE random device address.
    LeRandom = 0x02,
}

impl AddressType {
    /// The type with this number, if there is one.
    #[inline]
    pub const fn from_u8(raw: u8) -> Option<Self> {
        match raw {
            0x00 => Some(Self::BrEdr),
            0x01 => Some(Self::LePublic),
            0x02 => Some(Self::LeRandom),
            _ => None,
        }
    }

    /// Whether it is one of the two LE types.
    #[inline]
    pub const fn is_le(self) -> bool {
        !matches!(self, Self::BrEdr)
    }

    /// Its number on the wire.
    #[inline]
    pub const fn to_u8(self) -> u8 {
        self as u8
    }
}
