// SPDX-License-Identifier: GPL-2.0

//! State machines of the Bluetooth host: inputs in, actions out.
//!
//! An engine decides; it does nothing itself. It holds no lock, does no I/O, allocates nothing and knows no time but the
//! milliseconds that its caller hands in. So the same code runs in the kernel under whatever lock the caller chose, and on
//! the host under property tests and simulated controllers.
//!
//! - [`announce`]: what a device tells others before any connection.
//! - [`bringup`]: what is asked of a controller that can do this and that.
//! - [`command`]: the queue of HCI commands and the controller's command credits.
//! - [`ladder`]: what to try, and when to stop trying, after a failure of set-up or of the running controller.
//! - [`listing`]: where a command stands in the list of supported ones.
//! - [`unknown`]: which commands a controller really has, whatever it claims.
//! - [`credits`]: the controller's buffers for data packets, and whose turn it is to fill them.
//! - [`rx_hold`]: data that overtook the event announcing its connection.
//! - [`scan`]: advertising reports, and the scan responses that belong to them.
//! - [`l2cap`]: channels, from their signalling to their modes.
//! - [`sco`]: which parameters audio links are asked for with.
//! - [`security`]: what a link is worth, and what it takes to make it worth more.
//! - [`smp`]: pairing of LE devices.
//!
//! Payloads (a command's request, a held packet) are generic and owned: an engine either keeps one or hands it back by
//! value, never both, and never drops one on its own. Every table and queue has a fixed capacity, and reports, by handing the
//! payload back, that it is full.
//!
//! Time stamps are milliseconds of one monotonic clock with an arbitrary origin.
//!
//! Citations such as "Vol 4 Part E 4.4" name the volume, part and section of the Bluetooth Core Specification.

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

mod ring;

pub mod announce;
pub mod bringup;
pub mod command;
pub mod connection;
pub mod credits;
pub mod l2cap;
pub mod ladder;
pub mod listing;
pub mod rx_hold;
pub mod scan;
pub mod sco;
pub mod security;
pub mod smp;
pub mod unknown;
