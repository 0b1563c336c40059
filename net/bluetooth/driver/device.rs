// SPDX-License-Identifier: GPL-2.0

//! A controller's life and its packets.

use super::device;
use crate::hci;
use core::ptr::NonNull;
use kernel::prelude::*;
use kernel_ext::{
    bindings,
    skbuff::SkBuff, //
};
use wire::hci::Status;

/// Errors as drivers get them: 0, or a negative number.
pub(super) fn to_int(result: Result) -> c_int {
    match result {
        Ok(()) => 0,
        Err(e) => e.to_errno(),
    }
}

/// Allocates a controller with `sizeof_priv` bytes for the driver; null without memory.
///
/// Process context. The caller owns one reference, which [`hci_free_dev`] gives back.
#[no_mangle]
pub extern "C" fn hci_alloc_dev_priv(sizeof_priv: c_int) -> *mut bindings::hci_dev {
    let Ok(size) = usize::try_from(sizeof_priv) else {
        return core::ptr::null_mut();
    };
    match hci::alloc(size) {
        Ok(dev) => {
            let raw = dev.as_raw();
            // The driver's reference.
            let _ = kernel::sync::aref::ARef::into_raw(dev);
            raw
        }
        Err(_) => core::ptr::null_mut(),
    }
}

/// Gives back the driver's reference.
///
/// # Safety
///
/// The contract of this module; the driver does not use `hdev` afterwards.
#[no_mangle]
pub unsafe extern "C" fn hci_free_dev(hdev: *mut bindings::hci_dev) {
    // SAFETY: The embedded device is initialised, and the caller's reference is what is dropped.
    unsafe { bindings::put_device(&raw mut (*hdev).dev) };
}

/// Registers a controller. Returns its index, or a negative error number.
///
/// # Safety
///
/// The contract of this module; the driver's callbacks are set.
#[no_mangle]
pub unsafe extern "C" fn hci_register_dev(hdev: *mut bindings::hci_dev) -> c_int {
    // SAFETY: By the caller's promise.
    match hci::register(unsafe { device(hdev) }) {
        Ok(index) => c_int::from(index),
        Err(e) => e.to_errno(),
    }
}

/// Unregisters a controller: no callback of the driver runs when this returns.
///
/// # Safety
///
/// The contract of this module. Process context, no lock held that a callback takes.
#[no_mangle]
pub unsafe extern "C" fn hci_unregister_dev(hdev: *mut bindings::hci_dev) {
    // SAFETY: By the caller's promise.
    hci::unregister(unsafe { device(hdev) });
}

/// Prepares a controller for suspend, for drivers without the suspend notifier.
///
/// # Safety
///
/// The contract of this module. Process context.
#[no_mangle]
pub unsafe extern "C" fn hci_suspend_dev(hdev: *mut bindings::hci_dev) -> c_int {
    // SAFETY: By the caller's promise.
    hci::suspend::suspend(unsafe { device(hdev) });
    0
}

/// The opposite of [`hci_suspend_dev`].
///
/// # Safety
///
/// The contract of this module. Process context.
#[no_mangle]
pub unsafe extern "C" fn hci_resume_dev(hdev: *mut bindings::hci_dev) -> c_int {
    // SAFETY: By the caller's promise.
    hci::suspend::resume(unsafe { device(hdev) });
    0
}

/// Takes the ownership of a driver's skb.
///
/// # Safety
///
/// `skb` is owned by the caller, who gives it away.
unsafe fn owned(skb: *mut bindings::sk_buff) -> Option<SkBuff> {
    // SAFETY: By the caller's promise.
    NonNull::new(skb).map(|skb| unsafe { SkBuff::from_raw(skb) })
}

/// Takes a packet from the driver; always consumes it.
///
/// # Safety
///
/// The contract of this module, but for a null `hdev`, which is refused; `skb` is the caller's to
/// give. Any context.
#[no_mangle]
pub unsafe extern "C" fn hci_recv_frame(
    hdev: *mut bindings::hci_dev,
    skb: *mut bindings::sk_buff,
) -> c_int {
    // SAFETY: By the caller's promise.
    let Some(skb) = (unsafe { owned(skb) }) else {
        return EINVAL.to_errno();
    };
    if hdev.is_null() {
        return ENXIO.to_errno();
    }
    // SAFETY: By the caller's promise.
    to_int(hci::receive(unsafe { device(hdev) }, skb))
}

/// Takes a diagnostic packet from the driver; always consumes it.
///
/// # Safety
///
/// As [`hci_recv_frame`].
#[no_mangle]
pub unsafe extern "C" fn hci_recv_diag(
    hdev: *mut bindings::hci_dev,
    skb: *mut bindings::sk_buff,
) -> c_int {
    // SAFETY: By the caller's promise.
    match unsafe { owned(skb) } {
        // SAFETY: By the caller's promise.
        Some(skb) => to_int(hci::receive_diag(unsafe { device(hdev) }, skb)),
        None => EINVAL.to_errno(),
    }
}

/// Has the core reset a controller, as if it had reported a hardware error.
///
/// # Safety
///
/// The contract of this module. Any context.
#[no_mangle]
pub unsafe extern "C" fn __hci_reset_dev(hdev: *mut bindings::hci_dev, code: u8) -> c_int {
    // SAFETY: By the caller's promise.
    to_int(hci::inject_hardware_error(unsafe { device(hdev) }, code))
}

/// Whether discovery is going on. Any context.
///
/// # Safety
///
/// The contract of this module.
#[no_mangle]
pub unsafe extern "C" fn hci_discovery_active(hdev: *mut bindings::hci_dev) -> bool {
    // SAFETY: By the caller's promise.
    hci::discovery_active(unsafe { device(hdev) })
}

/// Reports the status of a driver command.
///
/// # Safety
///
/// The contract of this module. Process context.
#[no_mangle]
pub unsafe extern "C" fn hci_drv_cmd_status(
    hdev: *mut bindings::hci_dev,
    cmd: u16,
    status: u8,
) -> c_int {
    // SAFETY: By the caller's promise.
    to_int(hci::drv_status(unsafe { device(hdev) }, cmd, status))
}

/// Reports the outcome of a driver command.
///
/// # Safety
///
/// The contract of this module; `rp` points to `rp_len` bytes. Process context.
#[no_mangle]
pub unsafe extern "C" fn hci_drv_cmd_complete(
    hdev: *mut bindings::hci_dev,
    cmd: u16,
    status: u8,
    rp: *mut c_void,
    rp_len: usize,
) -> c_int {
    // SAFETY: By the caller's promise.
    let reply = unsafe { bytes(rp, rp_len) };
    // SAFETY: By the caller's promise.
    let dev = unsafe { device(hdev) };
    to_int(hci::drv_complete(dev, cmd, status, reply))
}

/// A driver's buffer; a null pointer is an empty one.
///
/// # Safety
///
/// `data` is null or points to `len` bytes that stay unchanged throughout `'a`.
pub(super) unsafe fn bytes<'a>(data: *const c_void, len: usize) -> &'a [u8] {
    if data.is_null() || len == 0 {
        return &[];
    }
    // SAFETY: By the caller's promise.
    unsafe { core::slice::from_raw_parts(data.cast(), len) }
}

/// A controller's error code as a positive errno.
#[no_mangle]
pub extern "C" fn bt_to_errno(code: u16) -> c_int {
    let status = u8::try_from(code).map_or(Status::UNSPECIFIED, Status);
    c_int::try_from(hci::errno::errno(status)).unwrap_or(0)
}

/// Copies an address with its bytes in the opposite order.
///
/// # Safety
///
/// `dst` is valid for writing, `src` for reading.
#[no_mangle]
pub unsafe extern "C" fn baswap(dst: *mut bindings::bdaddr_t, src: *const bindings::bdaddr_t) {
    // SAFETY: By the caller's promise; read whole before it is written, as they may be the same.
    unsafe {
        let mut addr = src.read().b;
        addr.reverse();
        dst.write(bindings::bdaddr_t { b: addr });
    }
}
