// SPDX-License-Identifier: GPL-2.0

//! Security levels and link keys.

/// How much a link is trusted, as the sockets' `BT_SECURITY` option numbers it (Vol 3 Part C 5.2.2.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Level {
    /// Nothing is needed, not even encryption where the peer could do it: service discovery.
    Sdp = 0,
    /// No authentication; encryption wherever both sides can do it.
    Low = 1,
    /// Encrypted; somebody may have been in the middle.
    Medium = 2,
    /// Encrypted, and nobody can have been in the middle.
    High = 3,
    /// The same with algorithms approved by FIPS, and keys of full length.
    Fips = 4,
}

impl Level {
    /// The level with this number, if there is one.
    #[inline]
    pub const fn from_u8(raw: u8) -> Option<Self> {
        Some(match raw {
            0 => Self::Sdp,
            1 => Self::Low,
            2 => Self::Medium,
            3 => Self::High,
            4 => Self::Fips,
            _ => return None,
        })
    }

    /// Its number.
    #[inline]
    pub const fn to_u8(self) -> u8 {
        self as u8
    }
}

/// How a BR/EDR link key came about (Vol 4 Part E 7.7.24).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum KeyType {
    /// Legacy pairing with a PIN.
    Combination = 0x00,
    /// A unit key of this device; such keys are no longer made.
    LocalUnit = 0x01,
    /// A unit key of the peer.
    RemoteUnit = 0x02,
    /// Secure Simple Pairing in debug mode: anybody who listened has it.
    DebugCombination = 0x03,
    /// Secure Simple Pairing with P-192, nobody kept out of the middle.
    UnauthenticatedP192 = 0x04,
    /// Secure Simple Pairing with P-192.
    AuthenticatedP192 = 0x05,
    /// A key changed over an encrypted link; it is of the type it was before.
    ChangedCombination = 0x06,
    /// Secure Connections, nobody kept out of the middle.
    UnauthenticatedP256 = 0x07,
    /// Secure Connections.
    AuthenticatedP256 = 0x08,
}

impl KeyType {
    /// The type with this number, unless it is reserved.
    #[inline]
    pub const fn from_u8(raw: u8) -> Option<Self> {
        Some(match raw {
            0x00 => Self::Combination,
            0x01 => Self::LocalUnit,
            0x02 => Self::RemoteUnit,
            0x03 => Self::DebugCombination,
            0x04 => Self::UnauthenticatedP192,
            0x05 => Self::AuthenticatedP192,
            0x06 => Self::ChangedCombination,
            0x07 => Self::UnauthenticatedP256,
            0x08 => Self::AuthenticatedP256,
            _ => return None,
        })
    }

    /// Its number.
    #[inline]
    pub const fn to_u8(self) -> u8 {
        self as u8
    }

    /// Whether Secure Connections made it.
    #[inline]
    pub const fn is_secure(self) -> bool {
        matches!(self, Self::UnauthenticatedP256 | Self::AuthenticatedP256)
    }

    /// What encryption with this key is worth at most; a PIN of all 16 digits counts as protection against who is in the
    /// middle. None for the types that are good for nothing, and for [`KeyType::ChangedCombination`], which says nothing.
    #[inline]
    pub const fn level(self, pin_len: u8) -> Option<Level> {
        match self {
            Self::Combination if pin_len >= 16 => Some(Level::High),
            Self::Combination | Self::UnauthenticatedP192 | Self::UnauthenticatedP256 => {
                Some(Level::Medium)
            }
            Self::AuthenticatedP192 => Some(Level::High),
            Self::AuthenticatedP256 => Some(Level::Fips),
            Self::LocalUnit
            | Self::RemoteUnit
            | Self::DebugCombination
            | Self::ChangedCombination => None,
        }
    }
}

/// What matters of a key when another one is to take its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strength {
    /// What encryption with it is worth; none for a key that is good for nothing.
    pub level: Option<Level>,
    /// Its size in octets.
    pub size: u8,
}

/// Whether a key derived from the other transport's may take the place of one that is there (Vol 3 Part C 14.1): not
/// if the one that is there is worth more, or is longer. A pairing on the transport itself may always replace its key.
#[inline]
pub fn may_replace(old: Strength, derived: Strength) -> bool {
    derived.level >= old.level && derived.size >= old.size
}

/// Whether a long term key is the one that a central asks for (LE Long Term Key Request, Vol 4 Part E 7.7.65.5).
///
/// `secure`: made by Secure Connections, and so without a name. `own`: of legacy pairing, distributed by this side.
#[inline]
pub fn ltk_fits(secure: bool, own: bool, named: (u16, u64), asked: (u16, u64)) -> bool {
    if secure {
        asked == (0, 0)
    } else {
        own && named == asked
    }
}
