// SPDX-License-Identifier: GPL-2.0

//! Socket addresses. The socket layer has copied them from user space before we see them.

use core::{
    marker::PhantomData,
    mem::size_of,
    slice, //
};
use zerocopy::{
    FromBytes,
    Immutable,
    IntoBytes, //
};

/// Size of the buffers that the socket layer keeps addresses in (`struct sockaddr_storage`).
const STORAGE: usize = 128;

/// An address that a caller named.
#[derive(Clone, Copy)]
pub struct SockAddr<'a> {
    bytes: &'a [u8],
}

impl<'a> SockAddr<'a> {
    /// Wraps what the socket layer passes to `bind` and the like.
    ///
    /// # Safety
    ///
    /// Unless null, `addr` must be valid for reads of `len` bytes (if positive) for `'a`, and
    /// nobody may write to them.
    pub(super) unsafe fn from_raw(addr: *const u8, len: i32) -> Self {
        let len = usize::try_from(len).unwrap_or(0).min(STORAGE);
        let bytes = if addr.is_null() {
            &[]
        } else {
            // SAFETY: As required of the caller.
            unsafe { slice::from_raw_parts(addr, len) }
        };
        Self { bytes }
    }

    /// Returns the address as it came.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns its length in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Returns whether no address was given.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Returns the address family.
    pub fn family(&self) -> Option<u16> {
        self.read()
    }

    /// Reads a `T`, which may be followed by more.
    ///
    /// Returns [`None`] if the address is shorter.
    pub fn read<T: FromBytes>(&self) -> Option<T> {
        T::read_from_prefix(self.bytes).ok().map(|(value, _)| value)
    }

    /// Reads a `T`. What a short address lacks is zero; what a long one has beyond is ignored.
    pub fn read_padded<T: FromBytes + IntoBytes>(&self) -> T {
        let mut value = T::new_zeroed();
        for (to, from) in value.as_mut_bytes().iter_mut().zip(self.bytes) {
            *to = *from;
        }
        value
    }
}

/// An address to be returned to a caller.
pub struct SockName {
    bytes: [u8; STORAGE],
    len: usize,
    _private: PhantomData<()>,
}

impl SockName {
    /// Returns an address that is the bytes of `addr`.
    pub fn new<T: IntoBytes + Immutable>(addr: &T) -> Self {
        const { assert!(size_of::<T>() <= STORAGE) };

        let mut bytes = [0; STORAGE];
        for (to, from) in bytes.iter_mut().zip(addr.as_bytes()) {
            *to = *from;
        }
        Self {
            bytes,
            len: size_of::<T>(),
            _private: PhantomData,
        }
    }

    /// Copies the address out and returns its length in bytes.
    ///
    /// # Safety
    ///
    /// `to` must be valid for writes of a `struct sockaddr_storage`.
    pub(super) unsafe fn copy_to(&self, to: *mut u8) -> i32 {
        // SAFETY: `len` is at most the size of the storage, for which `to` is valid.
        unsafe { core::ptr::copy_nonoverlapping(self.bytes.as_ptr(), to, self.len) };
        // CAST: At most the size of the storage.
        self.len as i32
    }
}
