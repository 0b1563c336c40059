// SPDX-License-Identifier: GPL-2.0

//! Socket options: the value that a caller sets, and the buffer that it wants one in.

use crate::bindings;
use core::{
    marker::PhantomData,
    mem::{
        size_of,
        MaybeUninit, //
    },
    ptr::NonNull,
};
use kernel::prelude::*;
use zerocopy::{
    FromBytes,
    Immutable,
    IntoBytes, //
};

/// The value of a `setsockopt`.
///
/// It usually lies in the caller's memory and may change at any time; so each reader consumes it.
pub struct OptValue<'a> {
    value: bindings::sockptr_t,
    len: usize,
    _lifetime: PhantomData<&'a [u8]>,
}

impl OptValue<'_> {
    /// Wraps what the socket layer passes to `setsockopt`.
    ///
    /// # Safety
    ///
    /// `value` must be a user pointer, or valid for reads of `len` bytes as long as the result
    /// exists.
    pub(super) unsafe fn from_raw(value: bindings::sockptr_t, len: u32) -> Self {
        Self {
            value,
            len: len as usize,
            _lifetime: PhantomData,
        }
    }

    /// Returns the length of the value in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Copies a `T`. What follows it is ignored.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the value is shorter, `EFAULT`.
    pub fn read<T: FromBytes>(self) -> Result<T> {
        if self.len < size_of::<T>() {
            return Err(EINVAL);
        }
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: The value has that many bytes, and so has `T`.
        let copied = unsafe {
            bindings::kext_copy_from_sockptr(value.as_mut_ptr().cast(), self.value, size_of::<T>())
        };
        if !copied {
            return Err(EFAULT);
        }
        // SAFETY: All bytes were written, and any bytes are a `T`.
        Ok(unsafe { value.assume_init() })
    }

    /// Copies as much as both the value and `to` have and returns how many bytes that was.
    ///
    /// # Errors
    ///
    /// `EFAULT`.
    pub fn read_prefix(self, to: &mut [u8]) -> Result<usize> {
        let len = self.len.min(to.len());
        // SAFETY: Both have that many bytes.
        if unsafe { bindings::kext_copy_from_sockptr(to.as_mut_ptr().cast(), self.value, len) } {
            Ok(len)
        } else {
            Err(EFAULT)
        }
    }
}

/// The buffer of a `getsockopt`.
///
/// # Invariants
///
/// `opt` is valid, and nobody else accesses it, for `'a`.
pub struct OptOut<'a> {
    opt: NonNull<bindings::sockopt_t>,
    _lifetime: PhantomData<&'a mut bindings::sockopt_t>,
}

impl OptOut<'_> {
    /// Wraps what the socket layer passes to `getsockopt`.
    ///
    /// # Safety
    ///
    /// `opt` must be valid, and accessed by nobody else, as long as the result exists.
    pub(super) unsafe fn from_raw(opt: NonNull<bindings::sockopt_t>) -> Self {
        // INVARIANT: As required of the caller.
        Self {
            opt,
            _lifetime: PhantomData,
        }
    }

    /// Returns the length of the caller's buffer in bytes.
    pub fn len(&self) -> usize {
        // SAFETY: Valid by the type invariant.
        usize::try_from(unsafe { (*self.opt.as_ptr()).optlen }).unwrap_or(0)
    }

    /// Returns whether the caller has no buffer.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sets the length that the caller is told; unless this is called, it is that of its buffer.
    pub fn set_len(&mut self, len: usize) {
        // SAFETY: Valid by the type invariant.
        unsafe { (*self.opt.as_ptr()).optlen = i32::try_from(len).unwrap_or(i32::MAX) };
    }

    /// Appends `bytes` as far as they fit and returns how many did.
    fn append(&mut self, bytes: &[u8]) -> usize {
        // SAFETY: Valid by the type invariant; `bytes` has that length.
        unsafe {
            bindings::kext_sockopt_write(self.opt.as_ptr(), bytes.as_ptr().cast(), bytes.len())
        }
    }

    /// Appends `value`.
    ///
    /// # Errors
    ///
    /// `EFAULT` if the caller's buffer is shorter or not writable.
    pub fn write<T: IntoBytes + Immutable>(&mut self, value: &T) -> Result {
        self.write_slice(value.as_bytes())
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    ///
    /// `EFAULT` if the caller's buffer is shorter or not writable.
    pub fn write_slice(&mut self, bytes: &[u8]) -> Result {
        if self.append(bytes) == bytes.len() {
            Ok(())
        } else {
            Err(EFAULT)
        }
    }

    /// Writes as much of `bytes` as the caller's buffer takes and returns how many bytes that was.
    ///
    /// # Errors
    ///
    /// `EFAULT` if the buffer is not writable.
    pub fn write_truncated(&mut self, bytes: &[u8]) -> Result<usize> {
        let len = self.len().min(bytes.len());
        match bytes.get(..len) {
            Some(bytes) if self.append(bytes) == len => Ok(len),
            _ => Err(EFAULT),
        }
    }
}
