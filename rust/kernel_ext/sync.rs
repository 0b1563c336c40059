// SPDX-License-Identifier: GPL-2.0

//! Waiting with a limit: completions and one-shot replies.
//!
//! The spin lock that may be taken with interrupts off exists in the kernel crate; it nests in
//! C's `spin_lock_irqsave()` sections.
//!
//! C header: [`include/linux/completion.h`](srctree/include/linux/completion.h)

use crate::bindings;
use core::mem::replace;
use kernel::{
    error::to_result,
    prelude::*,
    time::Jiffies,
    types::Opaque, //
};

pub use kernel::sync::{
    new_spinlock_irq,
    SpinLockIrq,
    SpinLockIrqGuard, //
};

/// A completion: [`kernel::sync::Completion`] with limits to the wait, and for one waiter at a time.
///
/// Wraps the kernel's C `struct completion`.
#[pin_data]
pub struct Completion {
    #[pin]
    inner: Opaque<bindings::completion>,
}

// SAFETY: A completion may be used from any thread.
unsafe impl Send for Completion {}
// SAFETY: As above.
unsafe impl Sync for Completion {}

impl Completion {
    /// Creates an initialiser for a completion that is not done.
    pub fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            inner <- Opaque::ffi_init(|slot: *mut bindings::completion| {
                // SAFETY: `slot` is memory for a `completion`.
                unsafe { bindings::init_completion(slot) };
            }),
        })
    }

    /// Lets one waiter go on, a present or a future one. Any context.
    pub fn complete(&self) {
        // SAFETY: The completion is initialised.
        unsafe { bindings::complete(self.inner.get()) };
    }

    /// Lets all waiters go on, present and future ones. Any context.
    pub fn complete_all(&self) {
        // SAFETY: The completion is initialised.
        unsafe { bindings::complete_all(self.inner.get()) };
    }

    /// Makes the completion not done. Nobody should be waiting for it.
    pub fn reinit(&self) {
        // SAFETY: The completion is initialised; a single word is written.
        unsafe { bindings::kext_reinit_completion(self.inner.get()) };
    }

    /// Whether a waiter would go on at once.
    pub fn is_done(&self) -> bool {
        // SAFETY: The completion is initialised.
        unsafe { bindings::completion_done(self.inner.get()) }
    }

    /// Waits, without limit.
    pub fn wait(&self) {
        // SAFETY: The completion is initialised.
        unsafe { bindings::wait_for_completion(self.inner.get()) };
    }

    /// Waits for `limit` at most.
    ///
    /// # Errors
    ///
    /// `ETIMEDOUT`.
    pub fn wait_timeout(&self, limit: Jiffies) -> Result {
        // SAFETY: The completion is initialised.
        match unsafe { bindings::wait_for_completion_timeout(self.inner.get(), limit) } {
            0 => Err(ETIMEDOUT),
            _ => Ok(()),
        }
    }

    /// Waits, until a signal comes.
    ///
    /// # Errors
    ///
    /// `ERESTARTSYS`.
    pub fn wait_interruptible(&self) -> Result {
        // SAFETY: The completion is initialised.
        to_result(unsafe { bindings::wait_for_completion_interruptible(self.inner.get()) })
    }

    /// Waits, until a fatal signal comes.
    ///
    /// # Errors
    ///
    /// `ERESTARTSYS`.
    pub fn wait_killable(&self) -> Result {
        // SAFETY: The completion is initialised.
        to_result(unsafe { bindings::wait_for_completion_killable(self.inner.get()) })
    }

    /// Waits for `limit` at most, or until a signal comes.
    ///
    /// # Errors
    ///
    /// `ETIMEDOUT`, `ERESTARTSYS`.
    pub fn wait_interruptible_timeout(&self, limit: Jiffies) -> Result {
        // SAFETY: The completion is initialised.
        timed(unsafe {
            bindings::wait_for_completion_interruptible_timeout(self.inner.get(), limit)
        })
    }

    /// Waits for `limit` at most, or until a fatal signal comes.
    ///
    /// # Errors
    ///
    /// `ETIMEDOUT`, `ERESTARTSYS`.
    pub fn wait_killable_timeout(&self, limit: Jiffies) -> Result {
        // SAFETY: The completion is initialised.
        timed(unsafe { bindings::wait_for_completion_killable_timeout(self.inner.get(), limit) })
    }
}

/// What the C functions with a limit and signals return: jiffies left, 0, or an error.
fn timed(ret: c_long) -> Result {
    match ret {
        0 => Err(ETIMEDOUT),
        1.. => Ok(()),
        // The only error there is.
        _ => Err(ERESTARTSYS),
    }
}

/// The states of a [`Reply`].
enum Slot<T> {
    Open,
    Full(T),
    /// Taken by the waiter, or given up by it.
    Closed,
}

// Nothing pins the value in it.
impl<T> Unpin for Slot<T> {}

/// A value that one side waits for and the other side gives, once. To be shared in an `Arc`.
///
/// A reply that comes after the waiter has given up is handed back, so that nothing lingers.
#[pin_data]
pub struct Reply<T> {
    #[pin]
    state: SpinLockIrq<Slot<T>>,
    #[pin]
    done: Completion,
}

impl<T: Send> Reply<T> {
    /// Creates an initialiser for a reply that has not come yet.
    pub fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            state <- new_spinlock_irq!(Slot::Open, "Reply::state"),
            done <- Completion::new(),
        })
    }

    /// Gives the reply. Any context.
    ///
    /// # Errors
    ///
    /// `value` comes back if there was a reply already, or nobody waits any more.
    pub fn fulfil(&self, value: T) -> Result<(), T> {
        {
            let mut slot = self.state.lock();
            if !matches!(*slot, Slot::Open) {
                return Err(value);
            }
            *slot = Slot::Full(value);
        }
        self.done.complete_all();
        Ok(())
    }

    /// Whether a reply is there, was taken, or is not waited for any more.
    pub fn is_done(&self) -> bool {
        !matches!(*self.state.lock(), Slot::Open)
    }

    /// Ends the wait: the reply if it has come, even in the last moment, or else why not.
    fn take(&self, waited: Result) -> Result<T> {
        let slot = replace(&mut *self.state.lock(), Slot::Closed);
        match slot {
            Slot::Full(value) => Ok(value),
            Slot::Open | Slot::Closed => Err(waited.err().unwrap_or(EALREADY)),
        }
    }

    /// Waits for the reply, without limit.
    ///
    /// # Errors
    ///
    /// `EALREADY` if somebody else has taken it; so for all kinds of waiting.
    pub fn wait(&self) -> Result<T> {
        self.done.wait();
        self.take(Ok(()))
    }

    /// Waits for `limit` at most, and gives up then.
    ///
    /// # Errors
    ///
    /// `ETIMEDOUT`.
    pub fn wait_timeout(&self, limit: Jiffies) -> Result<T> {
        self.take(self.done.wait_timeout(limit))
    }

    /// Waits for `limit` at most, or until a signal comes, and gives up then.
    ///
    /// # Errors
    ///
    /// `ETIMEDOUT`, `ERESTARTSYS`.
    pub fn wait_interruptible_timeout(&self, limit: Jiffies) -> Result<T> {
        self.take(self.done.wait_interruptible_timeout(limit))
    }

    /// Waits for `limit` at most, or until a fatal signal comes, and gives up then.
    ///
    /// # Errors
    ///
    /// `ETIMEDOUT`, `ERESTARTSYS`.
    pub fn wait_killable_timeout(&self, limit: Jiffies) -> Result<T> {
        self.take(self.done.wait_killable_timeout(limit))
    }
}

/// Declares a mutex in a static: `kernel::sync::global_lock!` for crates without `unsafe` code.
///
/// Whoever may write `unsafe` has to initialise it, with
/// [`GlobalLock::init`](kernel::sync::lock::GlobalLock::init), before it is used: a module does so
/// first of all.
#[macro_export]
macro_rules! global_mutex {
    ($(#[$meta:meta])* $vis:vis static $name:ident: $ty:ty = $value:expr;) => {
        ::kernel::sync::global_lock! {
            $(#[$meta])*
            $vis unsafe(uninit) static $name: Mutex<$ty> = $value;
        }
    };
}
