// SPDX-License-Identifier: GPL-2.0

//! The one error that parsing has.

use core::fmt;

/// Bytes that do not have the format they claim to have.
///
/// `wanted` and `had` are in bytes, or in entries where `item` says so; `had < wanted` means truncated, otherwise a field
/// has a value that the format does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// What was being read, in the specification's terms.
    pub item: &'static str,
    /// How much the format requires.
    pub wanted: usize,
    /// How much there was.
    pub had: usize,
}

impl Malformed {
    /// `item` needs `wanted` bytes, of which only `had` are there.
    #[inline]
    pub const fn short(item: &'static str, wanted: usize, had: usize) -> Self {
        Self { item, wanted, had }
    }

    /// `item` has the value `had` where the format allows at most `limit`.
    #[inline]
    pub const fn value(item: &'static str, limit: usize, had: usize) -> Self {
        Self {
            item,
            wanted: limit,
            had,
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "malformed {}: wanted {}, had {}",
            self.item, self.wanted, self.had
        )
    }
}
