// SPDX-License-Identifier: GPL-2.0

//! Byte formats of HCI, L2CAP, SMP, mgmt, EIR and the monitor channel.
//!
//! Everything that arrives from a controller, from a peer or from user space becomes a typed view here, once, with every
//! length checked, or it is [`Malformed`]. Everything that leaves is a typed structure whose bytes are its wire format.
//!
//! The crate knows `core` and zerocopy only: no allocation, no kernel types, no I/O, no policy. It holds no `unsafe` and
//! no panic: lengths are compared by the parsers of `zerocopy` and by checked slice operations.
//!
//! Citations such as "Vol 4 Part E 7.3.2" name the volume, part and section of the Bluetooth Core Specification.

#![cfg_attr(not(CONFIG_RUST), no_std)]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![deny(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

#[macro_use]
mod layout;

mod addr;
mod bytes;
mod error;
mod reader;

pub mod eir;
pub mod hci;
pub mod l2cap;
pub mod mgmt;
pub mod monitor;
pub mod smp;
pub mod uuid;

/// The derives that `command!` expands to.
#[doc(hidden)]
pub mod derive {
    pub use zerocopy_derive::{
        FromBytes,
        Immutable,
        IntoBytes,
        KnownLayout,
        Unaligned, //
    };
}

pub use addr::{
    AddressType,
    BdAddr, //
};
pub use bytes::{
    Bounded,
    Bytes, //
};
pub use error::Malformed;
pub use reader::Reader;
