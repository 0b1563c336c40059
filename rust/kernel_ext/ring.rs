// SPDX-License-Identifier: GPL-2.0

//! A queue for one owner: elements go in at one end and come out at the other, and none is moved
//! for that.

use crate::vec::{
    self,
    VecExt, //
};
use kernel::{
    alloc::AllocError,
    prelude::*, //
};

/// Slots of the first allocation.
const FIRST_SLOTS: usize = 4;

/// An emptied queue gives back more slots than these.
const KEPT_SLOTS: usize = 32;

/// A queue in a buffer whose end is followed by its beginning.
///
/// An empty one has no memory until it is first used. Its buffer grows by doubling: only then does
/// adding an element allocate (and sleep).
///
/// # Invariants
///
/// The number of slots is 0 or a power of two. The `len` slots from `head` on, counted around the
/// end, hold elements; the others are `None`.
pub struct Ring<T> {
    slots: KVec<Option<T>>,
    head: usize,
    len: usize,
}

impl<T> Ring<T> {
    /// An empty queue.
    pub const fn new() -> Self {
        Self {
            slots: KVec::new(),
            head: 0,
            len: 0,
        }
    }

    /// How many elements there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The slot of the element at `index`, which may be one behind the last, or before the first.
    #[inline]
    fn slot(&self, index: usize) -> usize {
        self.head.wrapping_add(index) & self.slots.len().wrapping_sub(1)
    }

    fn make_room(&mut self) -> Result<(), AllocError> {
        let full = self.slots.len();
        if self.len < full {
            return Ok(());
        }
        let wanted = full.saturating_mul(2).max(FIRST_SLOTS);
        let mut slots = vec::with_capacity(wanted)?;
        for index in 0..full {
            let at = self.slot(index);
            slots.append(self.slots.get_mut(at).and_then(Option::take))?;
        }
        while slots.len() < wanted {
            slots.append(None)?;
        }
        self.slots = slots;
        self.head = 0;
        Ok(())
    }

    /// Adds an element behind the last.
    ///
    /// # Errors
    ///
    /// [`AllocError`]; the element is dropped then.
    #[inline]
    pub fn push_back(&mut self, value: T) -> Result<(), AllocError> {
        self.make_room()?;
        let at = self.slot(self.len);
        *self.slots.get_mut(at).ok_or(AllocError)? = Some(value);
        self.len = self.len.wrapping_add(1);
        Ok(())
    }

    /// Adds an element before the first.
    ///
    /// # Errors
    ///
    /// [`AllocError`], never if an element was taken out just before; the element is dropped then.
    pub fn push_front(&mut self, value: T) -> Result<(), AllocError> {
        self.make_room()?;
        let at = self.slot(usize::MAX);
        *self.slots.get_mut(at).ok_or(AllocError)? = Some(value);
        self.head = at;
        self.len = self.len.wrapping_add(1);
        Ok(())
    }

    /// Takes the first element out.
    #[inline]
    pub fn pop_front(&mut self) -> Option<T> {
        let value = self.slots.get_mut(self.head)?.take()?;
        self.head = self.slot(1);
        self.len = self.len.wrapping_sub(1);
        Some(value)
    }

    /// Takes the last element out.
    pub fn pop_back(&mut self) -> Option<T> {
        let at = self.slot(self.len.checked_sub(1)?);
        let value = self.slots.get_mut(at)?.take()?;
        self.len = self.len.wrapping_sub(1);
        Some(value)
    }

    /// The first element.
    #[inline]
    pub fn front(&self) -> Option<&T> {
        self.slots.get(self.head)?.as_ref()
    }

    /// The last element.
    pub fn back(&self) -> Option<&T> {
        self.get(self.len.checked_sub(1)?)
    }

    /// The element with this place in the queue, the first one having 0.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&T> {
        if index >= self.len {
            return None;
        }
        self.slots.get(self.slot(index))?.as_ref()
    }

    /// See [`get`](Self::get).
    #[inline]
    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        if index >= self.len {
            return None;
        }
        let at = self.slot(index);
        self.slots.get_mut(at)?.as_mut()
    }

    /// Drops all elements, and the buffer.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Gives back the buffer of an empty queue that was a long one.
    pub fn relax(&mut self) {
        if self.len == 0 && self.slots.len() > KEPT_SLOTS {
            self.clear();
        }
    }
}

impl<T> Default for Ring<T> {
    fn default() -> Self {
        Self::new()
    }
}
