// SPDX-License-Identifier: GPL-2.0

//! Lists of bounded length, kept in place.

use core::fmt;

use zerocopy::FromZeros;

/// At most `N` values, kept in an array.
#[derive(Clone, Copy)]
pub struct Bounded<T, const N: usize> {
    len: usize,
    items: [T; N],
}

/// At most `N` bytes, kept in an array.
pub type Bytes<const N: usize> = Bounded<u8, N>;

impl<T: Copy + FromZeros, const N: usize> Bounded<T, N> {
    /// How many fit.
    pub const CAPACITY: usize = N;

    /// The empty list.
    #[inline]
    pub fn new() -> Self {
        Self {
            len: 0,
            items: [T::new_zeroed(); N],
        }
    }

    /// A copy of `source`, or [`None`] if it does not fit.
    #[inline]
    pub fn from_slice(source: &[T]) -> Option<Self> {
        let mut list = Self::new();
        list.extend(source).then_some(list)
    }

    /// Appends all of `source`, or nothing if it does not fit; says whether it did.
    #[inline]
    #[must_use]
    pub fn extend(&mut self, source: &[T]) -> bool {
        let Some(room) = self
            .items
            .get_mut(self.len..)
            .and_then(|free| free.get_mut(..source.len()))
        else {
            return false;
        };
        // Not `copy_from_slice`: it carries a panic for lengths that differ, which the optimiser cannot always remove.
        for (to, from) in room.iter_mut().zip(source) {
            *to = *from;
        }
        self.len = self.len.saturating_add(source.len());
        true
    }

    /// Appends one value; says whether it fitted.
    #[inline]
    #[must_use]
    pub fn push(&mut self, value: T) -> bool {
        self.extend(core::slice::from_ref(&value))
    }
}

impl<T, const N: usize> Bounded<T, N> {
    /// The values.
    #[inline]
    pub fn as_slice(&self) -> &[T] {
        self.items.get(..self.len).unwrap_or(&[])
    }

    /// How many there are.
    #[inline]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many more fit.
    #[inline]
    pub const fn room(&self) -> usize {
        N.saturating_sub(self.len)
    }

    /// Forgets all values.
    #[inline]
    pub fn clear(&mut self) {
        self.len = 0;
    }
}

impl<T: Copy + FromZeros, const N: usize> Default for Bounded<T, N> {
    #[inline]
    fn default() -> Self {
        Self::new()
    }
}

impl<T: PartialEq, const N: usize> PartialEq for Bounded<T, N> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl<T: Eq, const N: usize> Eq for Bounded<T, N> {}

impl<T: fmt::Debug, const N: usize> fmt::Debug for Bounded<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}
