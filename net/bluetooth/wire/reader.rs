// SPDX-License-Identifier: GPL-2.0

//! A cursor that cannot leave its bytes.

use zerocopy::{
    FromBytes,
    Immutable,
    KnownLayout,
    Unaligned, //
};

use crate::Malformed;

/// Takes typed pieces off the front of a byte slice.
///
/// A read that fails leaves the cursor where it was.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    item: &'static str,
}

impl<'a> Reader<'a> {
    /// A cursor at the start of `bytes`; `item` names them in errors.
    #[inline]
    pub const fn new(item: &'static str, bytes: &'a [u8]) -> Self {
        Self { rest: bytes, item }
    }

    /// What has not been read yet.
    #[inline]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// How many bytes have not been read yet.
    #[inline]
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Whether everything was read.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The error for this cursor when `wanted` bytes are not there.
    #[inline]
    pub const fn short(&self, wanted: usize) -> Malformed {
        Malformed::short(self.item, wanted, self.rest.len())
    }

    /// Takes `len` bytes.
    #[inline]
    pub fn bytes(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (head, tail) = self
            .rest
            .split_at_checked(len)
            .ok_or_else(|| self.short(len))?;
        self.rest = tail;
        Ok(head)
    }

    /// Takes one byte.
    #[inline]
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        let (&byte, tail) = self.rest.split_first().ok_or_else(|| self.short(1))?;
        self.rest = tail;
        Ok(byte)
    }

    /// Takes a little-endian 16-bit number.
    #[inline]
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        let (bytes, tail) = self
            .rest
            .split_first_chunk::<2>()
            .ok_or_else(|| self.short(2))?;
        self.rest = tail;
        Ok(u16::from_le_bytes(*bytes))
    }

    /// Takes a little-endian 32-bit number.
    #[inline]
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        let (bytes, tail) = self
            .rest
            .split_first_chunk::<4>()
            .ok_or_else(|| self.short(4))?;
        self.rest = tail;
        Ok(u32::from_le_bytes(*bytes))
    }

    /// Takes a view of a fixed structure.
    #[inline]
    pub fn view<T>(&mut self) -> Result<&'a T, Malformed>
    where
        T: FromBytes + KnownLayout + Immutable + Unaligned,
    {
        let (view, tail) =
            T::ref_from_prefix(self.rest).map_err(|_| self.short(core::mem::size_of::<T>()))?;
        self.rest = tail;
        Ok(view)
    }

    /// Takes a view of `count` consecutive structures.
    #[inline]
    pub fn views<T>(&mut self, count: usize) -> Result<&'a [T], Malformed>
    where
        T: FromBytes + KnownLayout + Immutable + Unaligned,
    {
        let (views, tail) = <[T]>::ref_from_prefix_with_elems(self.rest, count)
            .map_err(|_| self.short(core::mem::size_of::<T>().saturating_mul(count)))?;
        self.rest = tail;
        Ok(views)
    }
}
