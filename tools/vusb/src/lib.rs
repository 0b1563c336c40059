// SPDX-License-Identifier: GPL-2.0

//! A USB full-speed Bluetooth controller in user space.
//!
//! On one side it is a device that QEMU's `usb-redir` plugs into a virtual machine; on the other it
//! speaks H4 to a controller emulation. Everything here except [`run`] is without I/O and without a
//! clock: bytes and a time in microseconds go in, bytes come out.

pub mod config;
pub mod control;
pub mod descriptors;
pub mod device;
pub mod fault;
pub mod h4;
pub mod hex;
pub mod peer;
pub mod redir;
pub mod run;
pub mod sco;
pub mod stats;
