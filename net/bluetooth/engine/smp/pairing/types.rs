// SPDX-License-Identifier: GPL-2.0

//! What goes into a pairing and what comes out.

use wire::smp::{
    Frame,
    IoCapability,
    Reason, //
};

use super::super::{
    crypto::{
        Address,
        Crypto, //
    },
    keys::BlockedKind,
    Secret, //
};
use crate::security::Level;

/// What each step may use.
pub struct Context<'a, C: Crypto> {
    /// Cryptography.
    pub crypto: &'a mut C,
    /// The time in milliseconds.
    pub now_ms: u64,
    /// Whether the user forbade this key.
    pub blocked: &'a dyn Fn(BlockedKind, &Secret<16>) -> bool,
}

/// The peer's out-of-band data for Secure Connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteOob {
    /// The commitment to its public key.
    pub confirm: [u8; 16],
    /// The random number that the commitment is made with.
    pub random: Secret<16>,
}

/// Our own out-of-band data for Secure Connections: the peer may have got what belongs to it.
#[derive(Clone)]
pub struct LocalOob<K> {
    /// The keys that the data was made with.
    pub pair: K,
    /// The random number that went into it.
    pub random: Secret<16>,
}

/// The BR/EDR link that the pairing runs over to derive LE keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrEdr {
    /// The link key.
    pub link_key: Secret<16>,
    /// The link key was made with a debug key.
    pub debug: bool,
    /// The link key was made by Secure Connections with protection against a man in the middle.
    pub authenticated: bool,
    /// The link is encrypted with AES-CCM: its key is of Secure Connections. Nothing else may be turned into an LE key.
    pub secure: bool,
    /// The size of its encryption key in octets.
    pub key_size: u8,
}

/// What a pairing is to know of the link, of this device and of the wishes of its user.
#[derive(Clone)]
pub struct Setup<K> {
    /// The address that the link's initiator (central) had as the link came up.
    pub central: Address,
    /// The address that its peripheral had.
    pub peripheral: Address,
    /// The peer as it is known now: its identity address if that is known.
    pub peer: Address,
    /// This device's identity address.
    pub own_identity: Address,
    /// This device's identity resolving key.
    pub own_irk: Secret<16>,
    /// What this device can show and read.
    pub io: IoCapability,
    /// Keys are to be kept if the peer wants so too.
    pub bondable: bool,
    /// Secure Connections are allowed.
    pub secure_connections: bool,
    /// Nothing but Secure Connections is allowed.
    pub secure_connections_only: bool,
    /// Link keys may be derived: Secure Simple Pairing is on.
    pub link_keys: bool,
    /// This device uses private addresses, and tells its identity.
    pub privacy: bool,
    /// This device resolves private addresses, and wants the peer's identity.
    pub resolve: bool,
    /// Use the debug keys, to let a sniffer listen.
    pub debug_keys: bool,
    /// Do not ask for protection against a man in the middle even if it is possible (a certification test wants that).
    pub no_mitm: bool,
    /// The longest key allowed here, in octets.
    pub max_key_size: u8,
    /// The shortest key allowed here, in octets.
    pub min_key_size: u8,
    /// What the link is needed for.
    pub wanted: Level,
    /// The temporary key for legacy pairing that came out of band.
    pub legacy_oob: Option<Secret<16>>,
    /// The peer's data for Secure Connections that came out of band.
    pub remote_oob: Option<RemoteOob>,
    /// What was given out of band to whoever could read it.
    pub local_oob: Option<LocalOob<K>>,
    /// The BR/EDR link, if the pairing runs over one.
    pub bredr: Option<BrEdr>,
}

/// A question to the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Allow it? Answered by [`Answer::Confirm`].
    Confirm {
        /// Six digits that both devices show; 0 if there is nothing to compare.
        value: u32,
        /// Nothing is to be compared: yes or no only.
        hint: bool,
    },
    /// What does the other device show? Answered by [`Answer::Passkey`].
    EnterPasskey,
    /// Show these digits, to be entered at the other device. There is no answer.
    ShowPasskey {
        /// Six digits.
        passkey: u32,
        /// How many the peer's user has entered.
        entered: u8,
    },
}

/// What the user says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Yes or no.
    Confirm(bool),
    /// The six digits, or none.
    Passkey(Option<u32>),
}

/// There was no such question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAsked;

/// A key to encrypt the link with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encryption {
    /// The key, shortened to its size. EDIV and Rand are 0.
    pub key: Secret<16>,
    /// In octets.
    pub size: u8,
    /// A short term key: good for this time only.
    pub short_term: bool,
    /// What the link is worth once it is encrypted with it.
    pub level: Level,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send this to the peer.
    Send(Frame),
    /// Ask the user.
    Ask(Question),
    /// Encrypt the link (LE Enable Encryption). Only the central is asked to.
    Encrypt(Encryption),
    /// The pairing is over; nothing follows.
    Done(Outcome),
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There are keys.
    Paired,
    /// There are none.
    Failed(Failure),
}

/// How it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub reason: Reason,
    /// Whose decision it was.
    pub origin: Origin,
    /// The peer did not know what it should have known: let it wait before it tries again (2.3.6).
    pub unproved: bool,
}

/// Who ended a pairing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This side, and it told the peer.
    Here,
    /// The peer.
    Peer,
    /// Nobody said anything for 30 seconds: the link has to be closed, it cannot be used for pairing any more (3.4).
    Timeout,
    /// The link could not be encrypted.
    Encryption,
    /// Nobody: the peer, a central that was asked for security, has encrypted with a key that is worth less.
    Insufficient,
    /// There is no link any more.
    LinkLost,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// It had its effect.
    Taken,
    /// It was not its turn, or it has a reserved code.
    Ignored,
}
