// SPDX-License-Identifier: GPL-2.0

//! The argument of an `ioctl`.

use crate::bindings;
use core::{
    mem::MaybeUninit,
    slice, //
};
use kernel::{
    prelude::*,
    uaccess::{
        UserPtr,
        UserSlice, //
    },
};
use zerocopy::{
    FromBytes,
    Immutable,
    IntoBytes, //
};

/// The argument of an `ioctl`: a number, or a pointer into the caller's memory.
///
/// That memory may change at any time. Read it once, and check what was read.
#[derive(Clone, Copy)]
pub struct IoctlArg {
    raw: usize,
    compat: bool,
}

impl IoctlArg {
    pub(super) fn new(raw: usize, compat: bool) -> Self {
        Self { raw, compat }
    }

    /// Returns the argument as a number.
    pub fn raw(self) -> usize {
        self.raw
    }

    /// Returns whether the caller is a 32-bit program on a 64-bit kernel.
    pub fn is_compat(self) -> bool {
        self.compat
    }

    /// Returns the argument as a pointer.
    pub fn user(self) -> UserPtr {
        if self.compat {
            // SAFETY: Only computes an address.
            UserPtr::from_ptr(unsafe { bindings::kext_compat_ptr(self.raw) })
        } else {
            UserPtr::from_addr(self.raw)
        }
    }

    /// Returns the pointer at an address, which was read where this argument points.
    pub fn follow(self, address: usize) -> Self {
        Self {
            raw: address,
            ..self
        }
    }

    /// Copies a `T` from where the argument points.
    ///
    /// # Errors
    ///
    /// `EFAULT`.
    pub fn read<T: FromBytes>(self) -> Result<T> {
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: The memory of `value` as bytes, which may be uninitialised here as there.
        let bytes = unsafe {
            slice::from_raw_parts_mut(value.as_mut_ptr().cast::<MaybeUninit<u8>>(), size_of::<T>())
        };
        UserSlice::new(self.user(), size_of::<T>())
            .reader()
            .read_raw(bytes)?;
        // SAFETY: All bytes were written, and any bytes are a `T`.
        Ok(unsafe { value.assume_init() })
    }

    /// Copies `value` to where the argument points.
    ///
    /// # Errors
    ///
    /// `EFAULT`.
    pub fn write<T: IntoBytes + Immutable>(self, value: &T) -> Result {
        self.write_at(0, value.as_bytes())
    }

    /// Copies `bytes` to `offset` bytes behind where the argument points.
    ///
    /// # Errors
    ///
    /// `EFAULT`.
    pub fn write_at(self, offset: usize, bytes: &[u8]) -> Result {
        if bytes.is_empty() {
            return Ok(());
        }
        UserSlice::new(self.user().wrapping_byte_add(offset), bytes.len())
            .writer()
            .write_slice(bytes)
    }
}
