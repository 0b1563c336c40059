// SPDX-License-Identifier: GPL-2.0

//! The Security Manager: pairing of LE devices, and keys for the other transport (Vol 3 Part H).
//!
//! A [`Pairing`] is one run of the protocol over one link. It takes what the peer sent, what the user answered, how
//! encryption went and what time it is; it gives [`Action`]s: frames to send, questions to ask, a key to encrypt with, and in
//! the end either [`Keys`] or a [`Failure`]. Cryptography comes from a [`Crypto`] that the caller hands in.
//!
//! - [`crypto`]: the toolbox over the primitives, and what makes and resolves private addresses.
//! - [`method`]: which side shows and which side enters what.
//! - [`attempts`]: how long a peer that failed has to wait.
//! - [`selftest`]: the specification's sample data, for host tests and for the kernel as it starts.
//!
//! Against a hostile peer the engine relies on no order of its messages: what is not expected is ignored, or fails the
//! pairing where the specification says so, and no key leaves before the pairing is complete.

pub mod attempts;
pub mod crypto;
pub mod method;
pub mod selftest;

mod keys;
mod pairing;
mod secret;

pub use crypto::{
    Address,
    Crypto,
    CryptoError,
    KeyPair, //
};
pub use keys::{
    BlockedKind,
    Identity,
    Keys,
    LinkKey,
    LongTermKey,
    LtkKind,
    SigningKey, //
};
pub use method::Method;
pub use pairing::{
    first,
    security_request,
    Action,
    Answer,
    BrEdr,
    Context,
    Encryption,
    Failure,
    First,
    LocalOob,
    NotAsked,
    Origin,
    Outcome,
    Pairing,
    Question,
    Received,
    RemoteOob,
    SecurityRequest,
    Setup,
    TIMEOUT_MS, //
};
pub use secret::{
    same,
    Secret, //
};
