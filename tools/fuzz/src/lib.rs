// SPDX-License-Identifier: GPL-2.0

//! What the targets share: bytes as choices. Where they end every choice is the first one, so that a shorter input is a simpler
//! case, which is what a minimiser wants.

/// The fuzzer's bytes, read as choices.
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// All of them.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One octet.
    pub fn u8(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        first
    }

    /// Two octets.
    pub fn u16(&mut self) -> u16 {
        u16::from_le_bytes([self.u8(), self.u8()])
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u8) -> u8 {
        self.u8() % n
    }

    /// Yes or no.
    pub fn bit(&mut self) -> bool {
        self.u8() & 1 != 0
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.u8()) % from.len()]
    }

    /// At most `most` octets: as many as the next one says.
    pub fn bytes(&mut self, most: usize) -> &'a [u8] {
        let len = usize::from(self.u8()).min(most).min(self.0.len());
        let (head, rest) = self.0.split_at(len);
        self.0 = rest;
        head
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.0)
    }
}
