// SPDX-License-Identifier: GPL-2.0

//! Data that belongs to one work queue, and needs no lock for that.

use crate::workqueue::{
    OrderedQueue,
    Worker, //
};
use core::{
    cell::UnsafeCell,
    sync::atomic::{
        AtomicU64,
        Ordering::Relaxed, //
    },
};
use kernel::prelude::*;

/// Data that only the items of one [`OrderedQueue`] can reach, one item at a time.
///
/// An item shows its [`Worker`] and gets a reference, at the price of comparing two numbers. Others
/// run a job on the queue, [`OrderedQueue::call`], or enter it while it is at rest,
/// [`OrderedQueue::call_here`].
///
/// # Invariants
///
/// - `queue` is 0, or the id of a queue; once it is not 0, it does not change.
/// - `value` is accessed through `&mut self`, or by whoever holds a [`Worker`] of that queue, and
///   only for as long as that token is borrowed.
pub struct Confined<T> {
    // Not one of the kernel's atomics: each access of those is a call, and this one is only compared.
    queue: AtomicU64,
    value: UnsafeCell<T>,
}

// SAFETY: All threads that access `value` do it exclusively (type invariant), one after another:
// that moves it between them. For shared access see `get_ref`.
unsafe impl<T: Send> Sync for Confined<T> {}

impl<T> Confined<T> {
    /// Confines a value to a queue that is still to be [named](Self::bind). Until then it cannot be
    /// reached by `&self`.
    pub const fn new(value: T) -> Self {
        Self {
            queue: AtomicU64::new(0),
            value: UnsafeCell::new(value),
        }
    }

    /// Names the queue, for good.
    ///
    /// # Errors
    ///
    /// `EBUSY` if another one was named before.
    pub fn bind(&self, queue: &OrderedQueue) -> Result {
        // INVARIANT: Ids are not 0. From 0 it changes once.
        match self.queue.compare_exchange(0, queue.id(), Relaxed, Relaxed) {
            Ok(_) => Ok(()),
            Err(id) if id == queue.id() => Ok(()),
            Err(_) => Err(EBUSY),
        }
    }

    #[inline]
    fn is_of(&self, worker: &Worker<'_>) -> bool {
        self.queue.load(Relaxed) == worker.queue_id()
    }

    /// The value, for an item of the queue; `None` for one of another queue.
    #[inline]
    #[allow(clippy::mut_from_ref)] // The `&mut` is that of the token.
    pub fn get<'a>(&'a self, worker: &'a mut Worker<'_>) -> Option<&'a mut T> {
        if !self.is_of(worker) {
            return None;
        }
        // SAFETY: No two tokens of a queue coexist, and this one is exclusively borrowed for `'a`.
        // One item's accesses are visible to the next one: the queue, or its lock, sees to that.
        Some(unsafe { &mut *self.value.get() })
    }

    /// As [`Self::get`], shared.
    #[inline]
    pub fn get_ref<'a>(&'a self, worker: &'a Worker<'_>) -> Option<&'a T> {
        if !self.is_of(worker) {
            return None;
        }
        // SAFETY: As in `get`. The token is borrowed for `'a`, so nobody has exclusive access; and
        // as it stays with its task, all shared references are that task's.
        Some(unsafe { &*self.value.get() })
    }

    /// The value, for its exclusive owner.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// Gives the value back.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}
