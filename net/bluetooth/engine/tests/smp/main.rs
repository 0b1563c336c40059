// SPDX-License-Identifier: GPL-2.0

//! The Security Manager: sample data, pairings of all kinds, and attacks on them.

mod attacks;
mod attempts;
mod host;
mod methods;
mod models;
mod random;
mod sample_data;
mod secret;
mod two;
