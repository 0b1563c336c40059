// SPDX-License-Identifier: GPL-2.0

//! Decisions of the USB transport (Vol 4 Part B), without I/O.
//!
//! What the driver has to work out is here: which device this is and what it needs, how packets
//! are cut out of transfers, which alternate setting the links ask for, when to try again. It has
//! no kernel types, allocates nothing, waits for nothing, and is built and tested on the host as it
//! is; `btusb.ko` links the same object.
//!
//! The transport once was called H2 (the UART's are H3, H4 and H5).

#![cfg_attr(not(CONFIG_RUST), no_std)]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic
    )
)]

pub mod alt;
pub mod csr;
pub mod devices;
pub mod ids;
pub mod isoc;
pub mod plan;
pub mod qca;
pub mod reassembly;
pub mod throttle;
