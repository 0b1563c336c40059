// SPDX-License-Identifier: GPL-2.0

//! The frames that are to be sent again.

/// How many single ones are kept apart.
const SINGLES: usize = 16;

/// The frames that are to be sent again, by how far they are behind the oldest one that is not acknowledged.
///
/// All from some point on, and before these single ones. If there are too many of those, all are sent again: what the peer has
/// already it recognises.
#[derive(Clone, Debug)]
pub(super) struct Resend {
    singles: [u16; SINGLES],
    len: usize,
    /// All of these; none if they are equal.
    from: u16,
    to: u16,
}

impl Resend {
    pub(super) const fn new() -> Self {
        Self {
            singles: [0; SINGLES],
            len: 0,
            from: 0,
            to: 0,
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0 && self.from >= self.to
    }

    /// All of the `count` that are not acknowledged, and nothing else.
    pub(super) fn all(&mut self, count: u16) {
        self.clear();
        self.to = count;
    }

    /// The one at this place, of `count`.
    pub(super) fn one(&mut self, at: u16, count: u16) {
        let singles = self.singles.get(..self.len).unwrap_or(&[]);
        let known = singles.contains(&at);
        if known || (self.from..self.to).contains(&at) {
            return;
        }
        match self.singles.get_mut(self.len) {
            Some(slot) => {
                *slot = at;
                self.len = self.len.saturating_add(1);
            }
            None => self.all(count),
        }
    }

    /// The oldest `count` frames are acknowledged.
    pub(super) fn acknowledged(&mut self, count: u16) {
        self.from = self.from.saturating_sub(count);
        self.to = self.to.saturating_sub(count);
        let mut kept: usize = 0;
        for index in 0..self.len {
            let left = self.singles.get(index).and_then(|at| at.checked_sub(count));
            if let (Some(left), Some(slot)) = (left, self.singles.get_mut(kept)) {
                *slot = left;
                kept = kept.saturating_add(1);
            }
        }
        self.len = kept;
    }

    /// The next one.
    pub(super) fn next(&mut self) -> Option<u16> {
        if self.from < self.to {
            let at = self.from;
            self.from = at.saturating_add(1);
            return Some(at);
        }
        let at = *self.singles.get(..self.len)?.first()?;
        for from in 1..self.len {
            if let Some(single) = self.singles.get(from).copied() {
                if let Some(slot) = self.singles.get_mut(from.saturating_sub(1)) {
                    *slot = single;
                }
            }
        }
        self.len = self.len.saturating_sub(1);
        Some(at)
    }
}
