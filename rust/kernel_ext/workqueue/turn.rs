// SPDX-License-Identifier: GPL-2.0

//! Who is in a queue: one task at a time, be it for an item or by entering.

use core::sync::atomic::{
    AtomicUsize,
    Ordering::{
        Acquire,
        Relaxed,
        Release,
        SeqCst, //
    },
};
use kernel::{
    prelude::*,
    sync::{
        new_condvar,
        new_spinlock,
        CondVar,
        SpinLock, //
    },
    task::Task,
    types::NotThreadSafe,
};

/// Nobody has the turn.
const FREE: usize = 0;
/// Set beside the address of the task that has it: somebody waits. Tasks are aligned.
const AWAITED: usize = 1;

/// What one task has at a time, and others may wait for.
///
/// Each item of a queue takes it, packet after packet, and hardly ever is it taken already: so it is
/// one word that is claimed in place, which costs a fraction of a mutex. Who has to wait sleeps.
///
/// # Invariants
///
/// - `holder` is [`FREE`], or the address of the task that has a [`Held`] of this, and perhaps [`AWAITED`].
/// - Whoever sleeps on `given_up` has seen [`AWAITED`] set, under the lock. Then only the holder
///   changes `holder`, and with the lock.
#[pin_data]
pub(super) struct Turn {
    // Not one of the kernel's atomics: each access of those is a call.
    holder: AtomicUsize,
    /// How many times it was given up while somebody waited; comes round.
    #[pin]
    times: SpinLock<u64>,
    #[pin]
    given_up: CondVar,
}

/// The turn is the current task's, until this is dropped.
pub(super) struct Held<'a> {
    turn: &'a Turn,
    me: usize,
    _not_send: NotThreadSafe,
}

fn me() -> usize {
    Task::current_raw().addr()
}

impl Turn {
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            holder: AtomicUsize::new(FREE),
            times <- new_spinlock!(0, "Turn::times"),
            given_up <- new_condvar!("Turn::given_up"),
        })
    }

    /// Takes it, if nobody has it.
    #[inline]
    pub(super) fn try_take(&self) -> Option<Held<'_>> {
        let me = me();
        // In one order with all else: see `OrderedQueue::try_here`, which looks at `closed` after this.
        self.holder
            .compare_exchange(FREE, me, SeqCst, Relaxed)
            .ok()?;
        // INVARIANT: It is ours from now on.
        Some(Held {
            turn: self,
            me,
            _not_send: NotThreadSafe,
        })
    }

    /// Takes it, after whoever has it. Sleeps; not for the task that has it.
    #[inline]
    pub(super) fn take(&self) -> Held<'_> {
        match self.try_take() {
            Some(held) => held,
            None => self.take_later(),
        }
    }

    #[cold]
    fn take_later(&self) -> Held<'_> {
        let mut times = self.times.lock();
        loop {
            if let Some(held) = self.try_take() {
                return held;
            }
            if self.await_it() {
                self.given_up.wait(&mut times);
            }
        }
    }

    /// Has the holder tell when it gives the turn up; returns whether there is a holder. With the lock.
    fn await_it(&self) -> bool {
        self.holder
            .fetch_update(Relaxed, Acquire, |holder| {
                (holder != FREE).then_some(holder | AWAITED)
            })
            .is_ok()
    }

    /// Waits until whoever has it now has given it up. Sleeps; not for the task that has it.
    pub(super) fn wait(&self) {
        if self.holder.load(SeqCst) == FREE {
            return;
        }
        let mut times = self.times.lock();
        let before = *times;
        while *times == before && self.await_it() {
            self.given_up.wait(&mut times);
        }
    }

    /// Whether the current task has it.
    #[inline]
    pub(super) fn is_mine(&self) -> bool {
        // Only this very task ever stores its own address, so the answer cannot be outdated.
        self.holder.load(Relaxed) & !AWAITED == me()
    }

    #[cold]
    fn give_up_and_tell(&self) {
        let mut times = self.times.lock();
        *times = times.wrapping_add(1);
        self.holder.store(FREE, Release);
        self.given_up.notify_all();
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        // INVARIANT: The last that this task does with it; if somebody waits, with the lock.
        let quietly = self
            .turn
            .holder
            .compare_exchange(self.me, FREE, Release, Relaxed);
        if quietly.is_err() {
            self.turn.give_up_and_tell();
        }
    }
}
