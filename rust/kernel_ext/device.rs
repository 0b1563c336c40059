// SPDX-License-Identifier: GPL-2.0

//! Events of devices for user space.
//!
//! Class `bluetooth` and its device types are part of [`crate::hci`], where the devices are.
//!
//! C header: [`include/linux/kobject.h`](srctree/include/linux/kobject.h)

use crate::bindings;
use core::ptr::{
    from_ref,
    null_mut, //
};
use kernel::{
    device::Device,
    error::to_result,
    prelude::*,
    str::CStr, //
};

/// What happened to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Something about it is different now.
    Change,
    /// It can be used again.
    Online,
    /// It cannot be used for now.
    Offline,
}

/// Most strings that [`uevent`] takes.
pub const UEVENT_MAX: usize = 8;

/// Sends an event about `dev` to user space, with `env`: strings of the form `KEY=value`. Sleeps.
///
/// # Errors
///
/// `E2BIG` for more than [`UEVENT_MAX`] strings, and what `kobject_uevent_env()` says.
pub fn uevent(dev: &Device, action: Action, env: &[&CStr]) -> Result {
    let action = match action {
        Action::Change => bindings::kobject_action_KOBJ_CHANGE,
        Action::Online => bindings::kobject_action_KOBJ_ONLINE,
        Action::Offline => bindings::kobject_action_KOBJ_OFFLINE,
    };
    if env.len() > UEVENT_MAX {
        return Err(E2BIG);
    }
    // One more: the list ends with a null pointer.
    let mut envp = [null_mut(); UEVENT_MAX + 1];
    for (to, from) in envp.iter_mut().zip(env) {
        *to = from.as_char_ptr().cast_mut();
    }
    let dev = from_ref(dev).cast::<bindings::device>().cast_mut();
    // SAFETY: `Device` is transparent, so the device is valid. The strings are, during the call,
    // and are not written.
    to_result(unsafe {
        bindings::kobject_uevent_env(&raw mut (*dev).kobj, action, envp.as_mut_ptr())
    })
}
