// SPDX-License-Identifier: GPL-2.0

//! Security of links (Vol 3 Part H, Vol 3 Part C 5 and 10): pairing, keys, authentication and encryption.
//!
//! This room carries out; what pairing wants is decided by an engine ([`engine::smp`]), what a
//! BR/EDR link is worth by another one ([`engine::security`]).

mod crypto;

pub(crate) use crypto::selftest;
