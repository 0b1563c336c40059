// SPDX-License-Identifier: GPL-2.0

//! Random numbers.

use crate::bindings;

/// An array of random bytes, good enough for keys and addresses.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // SAFETY: The buffer has the length given.
    unsafe { bindings::get_random_bytes(bytes.as_mut_ptr().cast(), N) };
    bytes
}
