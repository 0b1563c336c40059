// SPDX-License-Identifier: GPL-2.0

//! A GPIO line that a device's firmware node may name.
//!
//! C header: [`include/linux/gpio/consumer.h`](srctree/include/linux/gpio/consumer.h)

use crate::{
    bindings,
    usb::Device, //
};
use core::ptr::NonNull;
use kernel::{
    error::from_err_ptr,
    prelude::*,
    str::CStr, //
};

/// An output line, given back with its drop.
pub struct Output(NonNull<bindings::gpio_desc>);

// SAFETY: A line may be used from any thread.
unsafe impl Send for Output {}
// SAFETY: As above; the GPIO core does the locking.
unsafe impl Sync for Output {}

impl Output {
    /// Looks up the line `name` of `dev`, and sets it inactive.
    ///
    /// # Errors
    ///
    /// Those of the GPIO core, such as `EPROBE_DEFER`; a line that does not exist is none.
    pub fn get_optional(dev: &Device, name: &CStr) -> Result<Option<Self>> {
        // SAFETY: The device is valid, and the name a NUL terminated string that is copied.
        let desc = from_err_ptr(unsafe {
            bindings::gpiod_get_optional(
                dev.dev(),
                name.as_char_ptr(),
                bindings::KEXT_GPIOD_OUT_LOW as bindings::gpiod_flags,
            )
        })?;
        Ok(NonNull::new(desc).map(Self))
    }

    /// Sets the line active or inactive; sleeps.
    pub fn set(&self, active: bool) {
        // SAFETY: The line is ours.
        unsafe { bindings::gpiod_set_value_cansleep(self.0.as_ptr(), c_int::from(active)) };
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // SAFETY: The line is ours.
        unsafe { bindings::gpiod_put(self.0.as_ptr()) };
    }
}
