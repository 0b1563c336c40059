// SPDX-License-Identifier: GPL-2.0

//! A first-in first-out queue of fixed capacity.

/// A queue of at most `N` entries.
///
/// # Invariants
///
/// - `len <= N`, and `head < N` unless `N` is zero.
/// - Exactly the `len` slots from `head` on, wrapping round at `N`, hold an entry.
#[derive(Clone)]
pub(crate) struct Ring<T, const N: usize> {
    slots: [Option<T>; N],
    head: usize,
    len: usize,
}

/// The same entries in the same order, wherever they begin.
impl<T: PartialEq, const N: usize> PartialEq for Ring<T, N> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<T: Eq, const N: usize> Eq for Ring<T, N> {}

impl<T, const N: usize> Ring<T, N> {
    /// An empty queue.
    pub(crate) const fn new() -> Self {
        Self {
            slots: [const { None }; N],
            head: 0,
            len: 0,
        }
    }

    /// How many entries it holds.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether a further entry would be refused.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.len >= N
    }

    /// The slot of the entry that is `offset` (at most `N`) behind the head.
    #[inline]
    fn slot(&self, offset: usize) -> usize {
        // Neither wraps: `head < N` and `offset <= N`, and no array of `Option<T>` has more than `isize::MAX` elements
        // unless `T` has no size, in which case the slots are all alike.
        let slot = self.head.wrapping_add(offset);
        if slot >= N {
            slot.wrapping_sub(N)
        } else {
            slot
        }
    }

    /// Appends an entry, or hands it back if the queue is full.
    pub(crate) fn push_back(&mut self, entry: T) -> Result<(), T> {
        if self.is_full() {
            return Err(entry);
        }
        let slot = self.slot(self.len);
        match self.slots.get_mut(slot) {
            Some(free) => {
                *free = Some(entry);
                self.len = self.len.wrapping_add(1);
                Ok(())
            }
            None => Err(entry),
        }
    }

    /// The entry at `offset` from the head.
    fn get(&self, offset: usize) -> Option<&T> {
        if offset >= self.len {
            return None;
        }
        self.slots.get(self.slot(offset))?.as_ref()
    }

    /// The oldest entry.
    #[inline]
    pub(crate) fn front(&self) -> Option<&T> {
        self.get(0)
    }

    /// Removes the oldest entry.
    pub(crate) fn pop_front(&mut self) -> Option<T> {
        if self.is_empty() {
            return None;
        }
        let entry = self.slots.get_mut(self.head)?.take();
        self.head = self.slot(1);
        self.len = self.len.saturating_sub(1);
        entry
    }

    /// Removes the oldest entry for which `wanted` holds; the order of the others stays.
    pub(crate) fn remove_first(&mut self, mut wanted: impl FnMut(&T) -> bool) -> Option<T> {
        let mut offset = 0;
        while !wanted(self.get(offset)?) {
            offset = offset.wrapping_add(1);
        }
        let slot = self.slot(offset);
        let entry = self.slots.get_mut(slot)?.take();

        // Close the gap from behind.
        let mut free = slot;
        for behind in offset.wrapping_add(1)..self.len {
            let slot = self.slot(behind);
            let moved = self.slots.get_mut(slot).and_then(Option::take);
            if let Some(gap) = self.slots.get_mut(free) {
                *gap = moved;
            }
            free = slot;
        }
        self.len = self.len.saturating_sub(1);
        entry
    }

    /// The entries, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        (0..self.len).filter_map(|offset| self.get(offset))
    }
}
