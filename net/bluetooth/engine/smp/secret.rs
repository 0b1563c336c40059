// SPDX-License-Identifier: GPL-2.0

//! Octets that must not get about.

use core::fmt;

/// Key material of `N` octets, least significant first: overwritten when dropped, never printed, compared in constant time.
///
/// Only what this value held is overwritten. Where the compiler moved it before that, a copy may be left on a stack; who
/// keeps a secret for long keeps it behind a pointer.
#[derive(Clone)]
pub struct Secret<const N: usize>([u8; N]);

impl<const N: usize> Secret<N> {
    /// All octets zero.
    pub const ZERO: Self = Self([0; N]);

    /// These octets.
    #[inline]
    pub const fn new(octets: [u8; N]) -> Self {
        Self(octets)
    }

    /// The octets, to be used, not to be kept.
    #[inline]
    pub const fn octets(&self) -> &[u8; N] {
        &self.0
    }

    /// The octets, to be filled in.
    #[inline]
    pub(crate) fn octets_mut(&mut self) -> &mut [u8; N] {
        &mut self.0
    }

    /// Whether all octets are zero.
    #[inline]
    pub fn is_zero(&self) -> bool {
        same(&self.0, &[0; N])
    }
}

impl Secret<16> {
    /// The key with its octets from `size` on, the most significant ones, set to zero: what an encryption key size below 16
    /// leaves of a key (Vol 3 Part H 2.3.4).
    #[inline]
    #[must_use]
    pub fn shortened(&self, size: u8) -> Self {
        let mut short = Self::ZERO;
        for (to, from) in short.0.iter_mut().zip(&self.0).take(size.into()) {
            *to = *from;
        }
        short
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.0 = [0; N];
        // The compiler must assume that somebody looks at the zeroes.
        core::hint::black_box(&mut self.0);
    }
}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{N} octets]")
    }
}

impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }
}

impl<const N: usize> Eq for Secret<N> {}

/// Whether two strings of octets are equal, in a time that does not depend on where they differ.
#[inline(never)]
pub fn same<const N: usize>(a: &[u8; N], b: &[u8; N]) -> bool {
    let differ = a.iter().zip(b).fold(0u8, |sum, (a, b)| {
        // Keeps the compiler from ending the loop early.
        core::hint::black_box(sum | (a ^ b))
    });
    differ == 0
}
