// SPDX-License-Identifier: GPL-2.0

//! Commands that drivers send.
//!
//! The functions with two underscores are for a caller that holds `req_lock`: inside a callback
//! such as `setup`, which the core calls with it held, or after `hci_req_sync_lock()`. They run
//! in place; the answers arrive on the controller's other queue.

use super::{
    device,
    device::{
        bytes,
        to_int, //
    },
};
use crate::hci::{
    self,
    CommandError,
    Session,
    INIT_TIMEOUT_MS, //
};
use core::sync::atomic::{
    AtomicU8,
    Ordering, //
};
use engine::command::CompletesOn;
use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::{
    bindings,
    hci::{
        DevFlag,
        Flag, //
    },
    skbuff::SkBuff, //
};
use wire::hci::Opcode;

/// An error pointer.
fn err_ptr(e: Error) -> *mut bindings::sk_buff {
    core::ptr::without_provenance_mut(e.to_errno() as usize)
}

/// What a driver gets for a command: an skb of its own, or an error pointer.
fn to_skb(answer: Result<SkBuff, CommandError>) -> *mut bindings::sk_buff {
    match answer {
        Ok(skb) => skb.into_raw().as_ptr(),
        Err(e) => err_ptr(e.into()),
    }
}

/// Sends a command and waits for what completes it, in place.
///
/// # Safety
///
/// The contract of this module, `req_lock` held, `param` pointing to `plen` bytes.
unsafe fn run(
    hdev: *mut bindings::hci_dev,
    opcode: u16,
    plen: u32,
    param: *const c_void,
    event: u8,
    timeout: usize,
) -> Result<SkBuff, CommandError> {
    // SAFETY: By the caller's promise.
    let (dev, params) = unsafe { (device(hdev), bytes(param, plen as usize)) };
    let opcode = Opcode(opcode);
    hci::send_and_wait(
        dev,
        opcode,
        params,
        CompletesOn::from_event(opcode, event),
        timeout,
    )
}

/// Sends a command; returns the return parameters of its Command Complete.
///
/// # Safety
///
/// The contract of this module; `req_lock` is held; `param` points to `plen` bytes.
#[no_mangle]
pub unsafe extern "C" fn __hci_cmd_sync(
    hdev: *mut bindings::hci_dev,
    opcode: u16,
    plen: u32,
    param: *const c_void,
    timeout: u32,
) -> *mut bindings::sk_buff {
    // SAFETY: By the caller's promise.
    to_skb(unsafe { run(hdev, opcode, plen, param, 0, timeout as usize) })
}

/// Sends a command that ends with an event; returns that event's parameters.
///
/// # Safety
///
/// As [`__hci_cmd_sync`].
#[no_mangle]
pub unsafe extern "C" fn __hci_cmd_sync_ev(
    hdev: *mut bindings::hci_dev,
    opcode: u16,
    plen: u32,
    param: *const c_void,
    event: u8,
    timeout: u32,
) -> *mut bindings::sk_buff {
    // SAFETY: By the caller's promise.
    to_skb(unsafe { run(hdev, opcode, plen, param, event, timeout as usize) })
}

/// Sends a command; returns 0, the controller's error code, or a negative error number.
///
/// # Safety
///
/// As [`__hci_cmd_sync`].
#[no_mangle]
pub unsafe extern "C" fn __hci_cmd_sync_status(
    hdev: *mut bindings::hci_dev,
    opcode: u16,
    plen: u32,
    param: *const c_void,
    timeout: u32,
) -> c_int {
    // SAFETY: By the caller's promise.
    match unsafe { run(hdev, opcode, plen, param, 0, timeout as usize) } {
        Ok(_) | Err(CommandError::Errno(ENODATA)) => 0,
        Err(e) => {
            let e = Error::from(e).to_errno();
            // SAFETY: By the caller's promise.
            let dev = unsafe { device(hdev) };
            pr_err!("{}: Opcode 0x{:04x} failed: {}\n", dev.name(), opcode, e);
            e
        }
    }
}

/// Resets the controller (HCI Reset) and waits.
///
/// # Safety
///
/// The contract of this module; `req_lock` is held.
#[no_mangle]
pub unsafe extern "C" fn __hci_reset_sync(hdev: *mut bindings::hci_dev) -> c_int {
    let timeout = hci::jiffies(INIT_TIMEOUT_MS) as u32;
    // SAFETY: By the caller's promise.
    unsafe { __hci_cmd_sync_status(hdev, Opcode::RESET.0, 0, core::ptr::null(), timeout) }
}

/// Sends a command, with `req_lock` taken; returns as [`__hci_cmd_sync`].
///
/// # Safety
///
/// The contract of this module; `param` points to `plen` bytes. Process context, `req_lock` not
/// held.
#[no_mangle]
pub unsafe extern "C" fn hci_cmd_sync(
    hdev: *mut bindings::hci_dev,
    opcode: u16,
    plen: u32,
    param: *const c_void,
    timeout: u32,
) -> *mut bindings::sk_buff {
    // SAFETY: By the caller's promise.
    let dev = unsafe { device(hdev) };
    if !dev.is(DevFlag::UP) {
        return err_ptr(ENETDOWN);
    }
    let _lock = dev.req_lock();
    // SAFETY: By the caller's promise; the lock is held.
    to_skb(unsafe { run(hdev, opcode, plen, param, 0, timeout as usize) })
}

/// Sends a vendor command that has no answer.
///
/// # Safety
///
/// The contract of this module; `param` points to `plen` bytes. Process context.
#[no_mangle]
pub unsafe extern "C" fn __hci_cmd_send(
    hdev: *mut bindings::hci_dev,
    opcode: u16,
    plen: u32,
    param: *const c_void,
) -> c_int {
    // SAFETY: By the caller's promise.
    let (dev, params) = unsafe { (device(hdev), bytes(param, plen as usize)) };
    let opcode = Opcode(opcode);
    if !opcode.is_vendor() {
        pr_err!("{}: unresponded command not supported\n", dev.name());
        return EINVAL.to_errno();
    }
    to_int(hci::send_unanswered(dev, opcode, params))
}

/// Ends what the current sequence waits for with an error (a positive number). Any context.
///
/// # Safety
///
/// The contract of this module.
#[no_mangle]
pub unsafe extern "C" fn hci_cmd_sync_cancel(hdev: *mut bindings::hci_dev, err: c_int) {
    let e = Error::from_errno(err.saturating_abs().saturating_neg());
    // SAFETY: By the caller's promise.
    hci::cancel_current(unsafe { device(hdev) }, e);
}

/// A driver's function and its data: run at most once, and destroyed exactly once if it was
/// accepted; of a job that is refused the driver disposes itself.
struct DriverJob {
    hdev: *mut bindings::hci_dev,
    func: bindings::hci_cmd_sync_work_func_t,
    destroy: bindings::hci_cmd_sync_work_destroy_t,
    data: *mut c_void,
    /// What `func` returned, once it ran.
    result: Option<c_int>,
    fate: Arc<AtomicU8>,
}

/// Not known to its submitter to be accepted yet.
const SUBMITTED: u8 = 0;
/// The submitter told the driver that the job is queued.
const ACCEPTED: u8 = 1;
/// Dropped without having run, before the submitter knew.
const DROPPED: u8 = 2;

// SAFETY: The driver hands its data over to whatever task runs the job.
unsafe impl Send for DriverJob {}

impl DriverJob {
    fn run(mut self, _session: &Session<'_>) {
        // SAFETY: The driver's function with the driver's data, `req_lock` held.
        let result = self.func.map_or(0, |f| unsafe { f(self.hdev, self.data) });
        self.result = Some(result);
    }
}

impl Drop for DriverJob {
    fn drop(&mut self) {
        if self.result.is_none() && self.fate.swap(DROPPED, Ordering::AcqRel) != ACCEPTED {
            return;
        }
        let result = self.result.unwrap_or(ECANCELED.to_errno());
        if let Some(destroy) = self.destroy {
            // SAFETY: The driver's function with the driver's data; called once, here or by the
            // submitter.
            unsafe { destroy(self.hdev, self.data, result) };
        }
    }
}

/// Runs `func(hdev, data)` on the sequencer with `req_lock` held, and `destroy` after it, or
/// instead of it if the controller goes away first.
///
/// # Safety
///
/// The contract of this module; the functions fit the data. Process context; drivers call it with
/// `hci_dev.lock` held.
#[no_mangle]
pub unsafe extern "C" fn hci_cmd_sync_queue(
    hdev: *mut bindings::hci_dev,
    func: bindings::hci_cmd_sync_work_func_t,
    data: *mut c_void,
    destroy: bindings::hci_cmd_sync_work_destroy_t,
) -> c_int {
    // SAFETY: By the caller's promise.
    let dev = unsafe { device(hdev) };
    if !dev.is(DevFlag::RUNNING) && !hci::is_resetting(dev) {
        return ENETDOWN.to_errno();
    }
    if dev.has(Flag::UNREGISTER) {
        return ENODEV.to_errno();
    }
    let Ok(fate) = Arc::new(AtomicU8::new(SUBMITTED), GFP_KERNEL) else {
        return ENOMEM.to_errno();
    };
    let job = DriverJob {
        hdev,
        func,
        destroy,
        data,
        result: None,
        fate: fate.clone(),
    };
    if let Err(e) = hci::sequence(dev, move |session| job.run(session)) {
        return e.to_errno();
    }
    if fate.swap(ACCEPTED, Ordering::AcqRel) == DROPPED {
        if let Some(destroy) = destroy {
            // SAFETY: The driver's function with the driver's data; the job left this to us.
            unsafe { destroy(hdev, data, ECANCELED.to_errno()) };
        }
    }
    0
}
