// SPDX-License-Identifier: GPL-2.0

//! UUIDs (Vol 3 Part B 2.5.1), least significant octet first as on the wire and in the mgmt interface.

use core::fmt;

use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes,
    KnownLayout,
    Unaligned, //
};

/// A UUID of 128 bits.
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
pub struct Uuid128(pub [u8; 16]);

/// The shortest form that a UUID has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortest {
    /// 16 bits over the base UUID.
    Uuid16(u16),
    /// 32 bits over the base UUID.
    Uuid32(u32),
    /// All of it.
    Uuid128(Uuid128),
}

impl Uuid128 {
    /// 00000000-0000-1000-8000-00805F9B34FB, over which shorter UUIDs lie.
    pub const BASE: Self = Self([
        0xfb, 0x34, 0x9b, 0x5f, 0x80, 0x00, 0x00, 0x80, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00,
    ]);
    /// All zeros, which stands for any UUID.
    pub const ANY: Self = Self([0; 16]);

    /// The UUID of a 16-bit one.
    #[inline]
    pub const fn from_u16(short: u16) -> Self {
        Self::from_u32(short as u32)
    }

    /// The UUID of a 32-bit one.
    #[inline]
    pub const fn from_u32(short: u32) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, ..] = Self::BASE.0;
        let [m, n, o, p] = short.to_le_bytes();
        Self([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p])
    }

    /// The UUID written as 32 hexadecimal digits, most significant first.
    #[inline]
    pub const fn from_u128(value: u128) -> Self {
        Self(value.to_le_bytes())
    }

    /// Whether it stands for any UUID.
    #[inline]
    pub fn is_any(&self) -> bool {
        *self == Self::ANY
    }

    /// The shortest form.
    #[inline]
    pub fn shortest(&self) -> Shortest {
        let [.., m, n, o, p] = self.0;
        let short = u32::from_le_bytes([m, n, o, p]);
        if *self != Self::from_u32(short) {
            return Shortest::Uuid128(*self);
        }
        match u16::try_from(short) {
            Ok(short) => Shortest::Uuid16(short),
            Err(_) => Shortest::Uuid32(short),
        }
    }
}

impl fmt::Display for Uuid128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, octet) in self.0.iter().rev().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{octet:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
