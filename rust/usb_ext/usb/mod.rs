// SPDX-License-Identifier: GPL-2.0

//! USB drivers.
//!
//! Shaped like `kernel::usb`, which is there only if USB is built in, and knows probe and
//! disconnect. The rules of this one:
//!
//! - **An URB is idle, submitted or completed, and each is a type**: an [`Urb`] is idle and can be
//!   submitted, which consumes it, as the controller owns it and its buffer from then on. What
//!   comes back is a [`Completed`], in the completion callback, and can be submitted again or
//!   dropped.
//! - **A submitted URB owns what it needs**: its buffer, or the packet whose bytes it carries, and
//!   a reference on the driver's data.
//! - **What changes under a driver is copied out**: [`Endpoint`] is a plain value.
//!
//! C header: [`include/linux/usb.h`](srctree/include/linux/usb.h)

mod anchor;
mod device;
mod driver;
mod id;
mod interface;
mod urb;

pub use anchor::Anchor;
pub use device::{
    machine_needs_reset_resume,
    Device,
    Speed, //
};
pub use driver::{
    Driver,
    Registration, //
};
pub use id::{
    DeviceId,
    IdTable,
    OfId, //
};
pub use interface::{
    Direction,
    Endpoint,
    Interface,
    PowerRef,
    TransferType, //
};
pub use urb::{
    Completed,
    Completion,
    Context,
    OutBuffer,
    Outgoing,
    Status,
    Urb, //
};
