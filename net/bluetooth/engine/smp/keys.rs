// SPDX-License-Identifier: GPL-2.0

//! What a pairing leaves behind.

use super::{
    Address,
    Secret, //
};
use crate::security::{
    KeyType,
    Level, //
};

/// Lists of keys that must not be used, as the kernel's user interface numbers them (Set Blocked Keys).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum BlockedKind {
    /// BR/EDR link keys.
    LinkKey = 0,
    /// LE long term keys.
    Ltk = 1,
    /// Identity resolving keys.
    Irk = 2,
}

/// Where a long term key came from, which says when it may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LtkKind {
    /// Legacy pairing, distributed by the peer: to be used as central.
    Peer,
    /// Legacy pairing, distributed by us: to be used as peripheral.
    Own,
    /// Secure Connections: in either role.
    SecureConnections,
    /// The same with a debug key: anybody who listened has it.
    Debug,
}

impl LtkKind {
    /// Whether Secure Connections made it.
    #[inline]
    pub const fn is_secure(self) -> bool {
        matches!(self, Self::SecureConnections | Self::Debug)
    }
}

/// An LE long term key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LongTermKey {
    /// When it may be used.
    pub kind: LtkKind,
    /// Whether nobody can have been in the middle.
    pub authenticated: bool,
    /// The key; octets beyond its size are zero.
    pub key: Secret<16>,
    /// In octets, 7 to 16.
    pub size: u8,
    /// What names a key of legacy pairing, else 0.
    pub ediv: u16,
    /// What names a key of legacy pairing, else 0.
    pub rand: u64,
}

impl LongTermKey {
    /// What a link encrypted with it is worth (Vol 3 Part C 10.2.1). A short key is never worth level 4.
    #[inline]
    pub fn level(&self) -> Level {
        level(self.kind.is_secure(), self.authenticated, self.size)
    }
}

/// What LE encryption is worth.
pub(super) fn level(secure: bool, authenticated: bool, size: u8) -> Level {
    match (authenticated, secure && size >= wire::smp::MAX_KEY_SIZE) {
        (false, _) => Level::Medium,
        (true, false) => Level::High,
        (true, true) => Level::Fips,
    }
}

/// Who the peer is, and how to recognise it behind private addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The identity resolving key.
    pub irk: Secret<16>,
    /// The identity address.
    pub address: Address,
    /// The resolvable private address that the peer had during the pairing.
    pub current: Option<Address>,
}

/// A connection signature resolving key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey {
    /// The key.
    pub key: Secret<16>,
    /// Whether nobody can have been in the middle.
    pub authenticated: bool,
}

/// A BR/EDR link key derived from LE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkKey {
    /// The key.
    pub key: Secret<16>,
    /// Its type.
    pub kind: KeyType,
}

/// All keys of a completed pairing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// Both sides want to keep them.
    pub bonding: bool,
    /// The peer's identity.
    pub identity: Option<Identity>,
    /// What the peer signs with.
    pub peer_signing: Option<SigningKey>,
    /// What we sign with.
    pub own_signing: Option<SigningKey>,
    /// The peer's long term key of legacy pairing, or the one of Secure Connections.
    pub ltk: Option<LongTermKey>,
    /// Our own long term key of legacy pairing.
    pub own_ltk: Option<LongTermKey>,
    /// The link key for BR/EDR.
    pub link_key: Option<LinkKey>,
}
