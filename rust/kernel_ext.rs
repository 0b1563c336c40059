// SPDX-License-Identifier: GPL-2.0

//! What the `kernel` crate lacks for a Bluetooth core.
//!
//! One crate whose object is linked into each of our modules. It is written as
//! if to be sent upstream into `rust/kernel`, one file an abstraction, and is,
//! beside the export layer in `net/bluetooth/driver`, the only place with
//! `unsafe` code: what it exposes to the protocol code is safe.

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

    include!(env!("KERNEL_EXT_BINDINGS"));
}

// A crate root looks for its modules beside itself; they are in a folder of its name.
#[path = "kernel_ext/confined.rs"]
pub mod confined;
#[path = "kernel_ext/crypto.rs"]
pub mod crypto;
#[path = "kernel_ext/debugfs.rs"]
pub mod debugfs;
#[path = "kernel_ext/device.rs"]
pub mod device;
#[path = "kernel_ext/hci/mod.rs"]
pub mod hci;
#[path = "kernel_ext/leds.rs"]
pub mod leds;
#[path = "kernel_ext/net/mod.rs"]
pub mod net;
#[path = "kernel_ext/param.rs"]
pub mod param;
#[path = "kernel_ext/pm.rs"]
pub mod pm;
#[path = "kernel_ext/procfs.rs"]
pub mod procfs;
#[path = "kernel_ext/random.rs"]
pub mod random;
#[path = "kernel_ext/rfkill.rs"]
pub mod rfkill;
#[path = "kernel_ext/ring.rs"]
pub mod ring;
#[path = "kernel_ext/skbuff.rs"]
pub mod skbuff;
#[path = "kernel_ext/sync.rs"]
pub mod sync;
#[path = "kernel_ext/time.rs"]
pub mod time;
#[path = "kernel_ext/vec.rs"]
pub mod vec;
#[path = "kernel_ext/workqueue/mod.rs"]
pub mod workqueue;
