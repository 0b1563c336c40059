// SPDX-License-Identifier: GPL-2.0

//! What a link is worth, and what it takes to make it worth more (Vol 3 Part C 5.2.2 and 10.2).
//!
//! - [`Level`] and [`KeyType`]: the security levels, and what each kind of key is good for.
//! - [`BrEdr`]: authentication, pairing and encryption of one BR/EDR link, as its events come.
//! - [`may_replace`], [`ltk_fits`]: which keys may take the place of others, and which one the peer asks for.

mod bredr;
mod keys;

pub use bredr::{
    AuthRequirements,
    BrEdr,
    Command,
    Confirmation,
    Encrypted,
    IoAnswer,
    NewKey,
    PinAnswer,
    Policy,
    Request,
    Verdict, //
};
pub use keys::{
    ltk_fits,
    may_replace,
    KeyType,
    Level,
    Strength, //
};
