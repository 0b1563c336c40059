// SPDX-License-Identifier: GPL-2.0

//! What the `kernel` crate lacks for a Bluetooth driver on USB.
//!
//! Beside the USB layer, the driver's side of the HCI driver interface, and the interfaces of the
//! vendors' modules, these are modules of `kernel_ext`, compiled a second time: the driver must
//! load without our `bluetooth.ko`, so it links only what it needs, and imports nothing from there
//! but what any transport driver does.
//!
//! As in `kernel_ext`, this is where `unsafe` is; what it exposes is safe.

#![deny(unsafe_op_in_unsafe_fn)]

/// What lines of this crate start with in the kernel's log.
pub(crate) const __LOG_PREFIX: &[u8] = b"Bluetooth\0";

/// C interfaces: everything of [`kernel::bindings`], and what is missing there.
///
/// Generated for each kernel build, never committed.
#[allow(
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    clippy::ptr_as_ptr,
    clippy::ref_as_ptr,
    clippy::cast_lossless,
    clippy::as_underscore,
    dead_code,
    missing_docs,
    unknown_lints,
    non_camel_case_types,
    non_upper_case_globals,
    non_snake_case,
    improper_ctypes,
    unreachable_pub,
    unnecessary_transmutes,
    unsafe_op_in_unsafe_fn
)]
pub mod bindings {
    // Not copied into our documentation: there are thousands.
    #[doc(no_inline)]
    pub use kernel::bindings::*;
    use kernel::ffi;
    use pin_init::MaybeZeroable;

    type __kernel_size_t = usize;
    type __kernel_ssize_t = isize;
    type __kernel_ptrdiff_t = isize;

    include!(env!("USB_EXT_BINDINGS"));
}

// Shared with `kernel_ext`.
#[path = "kernel_ext/confined.rs"]
pub mod confined;
#[path = "kernel_ext/debugfs.rs"]
pub mod debugfs;
#[path = "kernel_ext/hci/frame.rs"]
pub mod frame;
#[path = "kernel_ext/param.rs"]
pub mod param;
#[path = "kernel_ext/skbuff.rs"]
pub mod skbuff;
#[path = "kernel_ext/sync.rs"]
pub mod sync;
#[path = "kernel_ext/time.rs"]
pub mod time;
#[path = "kernel_ext/workqueue/mod.rs"]
pub mod workqueue;

#[path = "usb_ext/gpio.rs"]
pub mod gpio;
#[path = "usb_ext/hci/mod.rs"]
pub mod hci;
#[path = "usb_ext/usb/mod.rs"]
pub mod usb;
#[path = "usb_ext/vendor/mod.rs"]
pub mod vendor;
#[path = "usb_ext/wake.rs"]
pub mod wake;
