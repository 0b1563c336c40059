// SPDX-License-Identifier: GPL-2.0

//! What a link is worth, and what it takes to make it worth more (Vol 3 Part C 5.2.2 and 10.2).
//!
//! - [`Level`] and [`KeyType`]: the security levels, and what each kind of key is good for.

mod keys;

pub use keys::{
    KeyType,
    Level, //
};
