// SPDX-License-Identifier: GPL-2.0

//! Items that are part of the object they work on.

use super::{
    queue::{
        run_item,
        Inner, //
    },
    OrderedQueue,
    Worker, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::{
        self,
        NonNull, //
    },
    sync::atomic::{
        AtomicU32,
        Ordering::{
            AcqRel,
            Acquire,
            Relaxed,
            Release, //
        },
    },
};
use kernel::{
    prelude::*,
    str::CStr,
    sync::{
        aref::{
            ARef,
            AlwaysRefCounted, //
        },
        atomic::{
            self,
            Atomic, //
        },
        Arc,
        ArcBorrow,
        LockClassKey,
        SetOnce, //
    },
    time::Jiffies,
    types::Opaque,
};

/// Creates a [`Work`] initialiser with the given name and newly-created lock classes.
#[macro_export]
macro_rules! new_work {
    ($name:literal) => {
        $crate::workqueue::Work::new(
            ::kernel::c_str!($name),
            ::kernel::static_lock_class!(),
            ::kernel::c_str!(::core::concat!($name, "_timer")),
            ::kernel::static_lock_class!(),
        )
    };
}

/// A counted reference on a `T` that contains work items: what a queued item holds.
///
/// # Safety
///
/// - [`acquire`](Self::acquire) followed by [`into_raw`](Self::into_raw) returns the pointer that
///   [`as_ptr`](Self::as_ptr) returns, and it is valid until the reference is given back by
///   [`from_raw`](Self::from_raw).
/// - While a [`Borrow`](Self::Borrow) or a `&T` from a reference exists, the object has another
///   reference than those turned into raw pointers, so that dropping one of the latter is never
///   the last drop.
pub unsafe trait WorkOwner<T>: Send + Sized + 'static {
    /// A borrowed reference.
    type Borrow<'a>: Copy
    where
        T: 'a;

    /// Lends it.
    fn borrow(this: &Self) -> Self::Borrow<'_>;

    /// The object.
    fn as_ptr(this: Self::Borrow<'_>) -> *const T;

    /// Counts another reference.
    fn acquire(this: Self::Borrow<'_>) -> Self;

    /// Turns the reference into a pointer, which now stands for it.
    fn into_raw(this: Self) -> *mut T;

    /// Turns the pointer back into a reference.
    ///
    /// # Safety
    ///
    /// `ptr` is of [`Self::into_raw`], and turned back once.
    unsafe fn from_raw(ptr: *mut T) -> Self;
}

// SAFETY: The pointer is that of the contents in each case. A borrow keeps an `Arc` from dropping.
unsafe impl<T: Send + Sync + 'static> WorkOwner<T> for Arc<T> {
    type Borrow<'a> = ArcBorrow<'a, T>;

    fn borrow(this: &Self) -> ArcBorrow<'_, T> {
        this.as_arc_borrow()
    }

    fn as_ptr(this: ArcBorrow<'_, T>) -> *const T {
        &raw const *this
    }

    fn acquire(this: ArcBorrow<'_, T>) -> Self {
        this.into()
    }

    fn into_raw(this: Self) -> *mut T {
        Arc::into_raw(this).cast_mut()
    }

    unsafe fn from_raw(ptr: *mut T) -> Self {
        // SAFETY: By the function's requirements.
        unsafe { Arc::from_raw(ptr) }
    }
}

// SAFETY: The pointer is that of the object in each case. A borrow keeps an `ARef` from dropping.
unsafe impl<T: AlwaysRefCounted + Send + Sync + 'static> WorkOwner<T> for ARef<T> {
    type Borrow<'a> = &'a T;

    fn borrow(this: &Self) -> &T {
        this
    }

    fn as_ptr(this: &T) -> *const T {
        this
    }

    fn acquire(this: &T) -> Self {
        this.into()
    }

    fn into_raw(this: Self) -> *mut T {
        ARef::into_raw(this).as_ptr()
    }

    unsafe fn from_raw(ptr: *mut T) -> Self {
        // SAFETY: By the function's requirements; pointers of `ARef` are not null.
        unsafe { ARef::from_raw(NonNull::new_unchecked(ptr)) }
    }
}

/// What an item does.
///
/// The `ID` tells the items of one type apart, as in [`kernel::workqueue`].
pub trait WorkItem<const ID: u64 = 0>: Sized + 'static {
    /// The reference that a queued item holds.
    type Pointer: WorkOwner<Self>;

    /// Whether the item keeps that reference when it has run, for the next time: for those that are
    /// queued for each packet. It gives it up when it is [disabled](Work::disable), which must happen
    /// before the owner can go.
    const KEEPS: bool = false;

    /// Runs on the queue that the item is bound to.
    fn run(this: <Self::Pointer as WorkOwner<Self>>::Borrow<'_>, worker: &mut Worker<'_>);
}

/// Declares that a type contains a [`Work<Self, ID>`]; implemented by
/// [`impl_has_work!`](crate::impl_has_work).
///
/// # Safety
///
/// The two functions are inverses of each other, from an object to its member and back.
pub unsafe trait HasWork<const ID: u64 = 0>: Sized {
    /// The item of an object.
    ///
    /// # Safety
    ///
    /// `ptr` points to a valid `Self`.
    unsafe fn raw_get_work(ptr: *mut Self) -> *mut Work<Self, ID>;

    /// The object of an item.
    ///
    /// # Safety
    ///
    /// `ptr` points to the item of a valid `Self`.
    unsafe fn work_container_of(ptr: *mut Work<Self, ID>) -> *mut Self;
}

/// Implements [`HasWork`] for a type with a [`Work`] member.
///
/// ```ignore
/// impl_has_work! {
///     impl HasWork<1> for Device { self.rx_work }
/// }
/// ```
#[macro_export]
macro_rules! impl_has_work {
    ($(
        impl$({$($generics:tt)*})? HasWork<$id:tt> for $self:ty { self.$($field:ident).+ }
    )*) => {$(
        // SAFETY: `raw_get_work` only compiles if the member has the right type.
        unsafe impl$(<$($generics)*>)? $crate::workqueue::HasWork<$id> for $self {
            #[inline]
            unsafe fn raw_get_work(ptr: *mut Self) -> *mut $crate::workqueue::Work<Self, $id> {
                // SAFETY: The caller promises that the pointer is valid.
                unsafe { &raw mut (*ptr).$($field).+ }
            }

            #[inline]
            unsafe fn work_container_of(
                ptr: *mut $crate::workqueue::Work<Self, $id>,
            ) -> *mut Self {
                // SAFETY: The caller promises that the pointer is to this member of a `Self`.
                unsafe { ::kernel::container_of!(ptr, Self, $($field).+) }
            }
        }
    )*};
}

/// Of [`Work::state`]: the item keeps a reference on its owner for the next time, and is not disabled.
const KEPT: u32 = 1;
/// Once for each time that it is disabled.
const DISABLED: u32 = 2;

/// A work item, which may be delayed, that is a member of the object it works on.
///
/// Wraps the kernel's C `struct delayed_work`.
///
/// # Invariants
///
/// - `dwork` is initialised with the work function [`Self::run_raw`].
/// - If it is pending, `self` is the member of a `T`, and one reference on that `T` was turned into
///   a pointer by [`WorkOwner::into_raw`], for whoever ends it being pending to turn back.
/// - If it is pending or runs, then on the queue in `queue`.
/// - `state` is a multiple of [`DISABLED`], and the C item is disabled at least that many times; or it is
///   [`KEPT`], and one more such reference was turned into a pointer, for whoever takes that away.
#[pin_data]
pub struct Work<T, const ID: u64 = 0> {
    #[pin]
    dwork: Opaque<bindings::delayed_work>,
    queue: SetOnce<OrderedQueue>,
    // Not one of the kernel's atomics: each access of those is a call.
    state: AtomicU32,
    _owner: PhantomData<fn(T)>,
}

// SAFETY: Work items may be used from any thread, and no `T` is in one.
unsafe impl<T, const ID: u64> Send for Work<T, ID> {}
// SAFETY: As above.
unsafe impl<T, const ID: u64> Sync for Work<T, ID> {}

/// The borrow that an item of `T` is queued with.
type Borrow<'a, T, const ID: u64> = <<T as WorkItem<ID>>::Pointer as WorkOwner<T>>::Borrow<'a>;

impl<T: WorkItem<ID> + HasWork<ID>, const ID: u64> Work<T, ID> {
    /// Creates an item that is bound to no queue yet. Usually by [`new_work!`](crate::new_work).
    pub fn new(
        name: &'static CStr,
        key: Pin<&'static LockClassKey>,
        timer_name: &'static CStr,
        timer_key: Pin<&'static LockClassKey>,
    ) -> impl PinInit<Self> {
        pin_init!(Self {
            dwork <- Opaque::ffi_init(|slot: *mut bindings::delayed_work| {
                // SAFETY: `slot` is memory for a `delayed_work`; names and keys are statics. The
                // timer is set up as `INIT_DELAYED_WORK` does it.
                unsafe {
                    bindings::init_work_with_key(
                        &raw mut (*slot).work,
                        Some(Self::run_raw),
                        false,
                        name.as_char_ptr(),
                        key.as_ptr(),
                    );
                    bindings::timer_init_key(
                        &raw mut (*slot).timer,
                        Some(bindings::delayed_work_timer_fn),
                        bindings::TIMER_IRQSAFE,
                        timer_name.as_char_ptr(),
                        timer_key.as_ptr(),
                    );
                }
            }),
            queue: SetOnce::new(),
            state: AtomicU32::new(0),
            _owner: PhantomData,
        })
    }

    /// The work function.
    ///
    /// # Safety
    ///
    /// Called by the queue, with the C item of a `Self`.
    unsafe extern "C" fn run_raw(work: *mut bindings::work_struct) {
        // SAFETY: By the function's requirements; `Opaque` is transparent.
        let this = unsafe {
            let dwork = kernel::container_of!(work, bindings::delayed_work, work);
            kernel::container_of!(dwork.cast::<Opaque<_>>(), Self, dwork)
        };
        // SAFETY: By the type invariant, the item is the member of a `T` with a reference for us.
        let (queue, owner) = unsafe {
            (
                (*this).queue.as_ref().map(|q| NonNull::from(q.inner())),
                T::Pointer::from_raw(T::work_container_of(this)),
            )
        };
        // There is a queue, since only `submit` queues.
        if let Some(queue) = queue {
            let body = |worker: &mut Worker<'_>| {
                T::run(T::Pointer::borrow(&owner), worker);
                // SAFETY: `owner` keeps the object, and the item is its member.
                unsafe { (*this).keep_or_drop(owner) };
            };
            // SAFETY: By the type invariant this is the queue that the item runs on.
            unsafe { run_item(queue, body) };
        }
    }

    /// Keeps the reference for the next time, if the item is one that does and may, or else drops it.
    ///
    /// Either may be the end of the object: whoever has another reference may take the kept one.
    fn keep_or_drop(&self, owner: T::Pointer) {
        if !T::KEEPS {
            return drop(owner);
        }
        let ptr = T::Pointer::into_raw(owner);
        // INVARIANT: The reference is turned into a pointer.
        let kept = self.state.compare_exchange(0, KEPT, Release, Relaxed);
        if kept.is_err() {
            // SAFETY: It was turned into a pointer above, and not kept.
            drop(unsafe { T::Pointer::from_raw(ptr) });
        }
    }

    /// A reference for the item to hold: the one that was kept, or another one.
    fn reference(&self, owner: Borrow<'_, T, ID>) -> T::Pointer {
        let kept = T::KEEPS
            && self
                .state
                .compare_exchange(KEPT, 0, Acquire, Relaxed)
                .is_ok();
        if !kept {
            return T::Pointer::acquire(owner);
        }
        // SAFETY: By the type invariant there is one; it is ours now.
        unsafe { T::Pointer::from_raw(self.owner()) }
    }

    /// The object that the item is a member of.
    ///
    /// # Safety
    ///
    /// It is one: the item of a `T` was or is queued.
    unsafe fn owner(&self) -> *mut T {
        // SAFETY: By the function's requirements.
        unsafe { T::work_container_of(ptr::from_ref(self).cast_mut()) }
    }

    /// Binds the item to the queue that it will run on, for good.
    ///
    /// # Errors
    ///
    /// `EBUSY` if it is bound to another one.
    pub fn bind(&self, queue: &OrderedQueue) -> Result {
        // Two callers at once: the slower one may find the value not there yet. It is as wrong as
        // binding to two queues is.
        if self.queue.populate(queue.clone())
            || self.queue.as_ref().is_some_and(|q| q.id() == queue.id())
        {
            Ok(())
        } else {
            Err(EBUSY)
        }
    }

    fn inner(&self) -> Option<&Inner> {
        self.queue.as_ref().map(OrderedQueue::inner)
    }

    /// Whether the calling task runs an item of the queue that this one is bound to.
    fn on_own_queue(&self) -> bool {
        self.inner().is_some_and(Inner::is_current)
    }

    fn work(&self) -> *mut bindings::work_struct {
        // SAFETY: Only a member's address is computed.
        unsafe { &raw mut (*self.dwork.get()).work }
    }

    /// Has `queue` queue the item, with a new reference on `owner`.
    fn submit(
        &self,
        owner: Borrow<'_, T, ID>,
        queue: impl FnOnce(*mut bindings::workqueue_struct, *mut bindings::delayed_work) -> bool,
    ) -> bool {
        let Some(inner) = self.inner() else {
            return false;
        };
        // SAFETY: A borrow is of a valid object.
        let work = unsafe { T::raw_get_work(T::Pointer::as_ptr(owner).cast_mut()) };
        // The item of somebody else must not run with this owner.
        if !ptr::eq(work, self) {
            return false;
        }
        let ptr = T::Pointer::into_raw(self.reference(owner));
        let queued = inner.submit(|wq| {
            // SAFETY: `work` is an item, by `HasWork`.
            queue(wq, unsafe { Opaque::cast_into(&raw const (*work).dwork) })
        });
        if !queued {
            // SAFETY: The item has not taken the reference.
            let unused = unsafe { T::Pointer::from_raw(ptr) };
            // `owner` has another one.
            self.keep_or_drop(unused);
        }
        queued
    }

    /// Queues the item; `owner` is the object that it is a member of.
    ///
    /// Returns whether it is newly queued. If not, it is pending already (also if it only waits for
    /// its delay), disabled, not bound, or the queue is closed. Any context.
    pub fn queue(&self, owner: Borrow<'_, T, ID>) -> bool {
        self.submit(owner, |wq, dwork| {
            // SAFETY: The item is initialised. If this returns true, then it stays valid until it
            // has run or was cancelled, by the reference that it holds.
            unsafe {
                bindings::queue_work_on(
                    bindings::wq_misc_consts_WORK_CPU_UNBOUND as c_int,
                    wq,
                    &raw mut (*dwork).work,
                )
            }
        })
    }

    /// As [`Self::queue`], after `delay`.
    pub fn queue_delayed(&self, owner: Borrow<'_, T, ID>, delay: Jiffies) -> bool {
        self.submit(owner, |wq, dwork| {
            // SAFETY: As in `queue`; the timer is part of the item.
            unsafe {
                bindings::queue_delayed_work_on(
                    bindings::wq_misc_consts_WORK_CPU_UNBOUND as c_int,
                    wq,
                    dwork,
                    delay,
                )
            }
        })
    }

    /// Has the item run after `delay` from now, whether it is pending or not. Returns whether it
    /// was. It stays idle if it is disabled, not bound, or the queue is closed. Any context.
    ///
    /// If somebody queues the item at the same time, it is queued once, with either's delay.
    pub fn mod_delayed(&self, owner: Borrow<'_, T, ID>, delay: Jiffies) -> bool {
        // Not `mod_delayed_work_on`: for an item that was not pending, it does not tell whether
        // the item is now, and thus took the reference, or is disabled.
        let was_pending = self.cancel();
        self.queue_delayed(owner, delay);
        was_pending
    }

    /// Ends the item being pending if `cancelled`, the answer of a C function that cancels.
    fn cancelled(&self, cancelled: bool) -> bool {
        if cancelled {
            // SAFETY: The item was pending, so by the type invariant it is the member of a `T`
            // and left us a reference. There is another one, behind `&self`.
            drop(unsafe { T::Pointer::from_raw(self.owner()) });
        }
        cancelled
    }

    /// Takes the item off the queue, or stops its delay; returns whether it was pending.
    ///
    /// It may be running, and may be queued again. Any context.
    pub fn cancel(&self) -> bool {
        // SAFETY: The item is initialised.
        self.cancelled(unsafe { bindings::cancel_delayed_work(self.dwork.get()) })
    }

    /// As [`Self::cancel`], and waits until the item does not run either. Sleeps.
    ///
    /// An item of the same queue may call this, too: no other one of that queue runs then, and it
    /// does not wait for itself.
    pub fn cancel_sync(&self) -> bool {
        if self.on_own_queue() {
            return self.cancel();
        }
        // SAFETY: The item is initialised.
        self.cancelled(unsafe { bindings::cancel_delayed_work_sync(self.dwork.get()) })
    }

    /// As [`Self::cancel`], and refuses to be queued until [enabled](Self::enable). Nests: it takes
    /// as many calls of that. Any context.
    pub fn disable(&self) -> bool {
        // SAFETY: The item is initialised.
        let was_pending = unsafe { bindings::disable_delayed_work(self.dwork.get()) };
        self.now_disabled();
        self.cancelled(was_pending)
    }

    /// As [`Self::disable`], and waits until the item does not run either. Sleeps.
    ///
    /// After that the item neither runs nor is going to, until it is enabled. As for
    /// [`Self::cancel_sync`], an item of the same queue does not wait for itself.
    pub fn disable_sync(&self) -> bool {
        if self.on_own_queue() {
            return self.disable();
        }
        // SAFETY: The item is initialised.
        let was_pending = unsafe { bindings::disable_delayed_work_sync(self.dwork.get()) };
        self.now_disabled();
        self.cancelled(was_pending)
    }

    /// The C item was disabled: no reference is kept any more.
    fn now_disabled(&self) {
        let (Ok(before) | Err(before)) = self.state.fetch_update(AcqRel, Relaxed, |state| {
            Some((state & !KEPT).wrapping_add(DISABLED))
        });
        if before & KEPT != 0 {
            // SAFETY: It was kept, and we took that away. There is another one, behind `&self`.
            drop(unsafe { T::Pointer::from_raw(self.owner()) });
        }
    }

    /// Undoes one [`Self::disable`]; does nothing if there is none to undo. Any context.
    pub fn enable(&self) {
        // In C an `enable` too much makes the item lose a run.
        let was_disabled = self
            .state
            .fetch_update(AcqRel, Relaxed, |state| state.checked_sub(DISABLED))
            .is_ok();
        if was_disabled {
            // SAFETY: The item is initialised, and disabled as the counter has told.
            unsafe { bindings::enable_delayed_work(self.dwork.get()) };
        }
    }

    /// Waits until the item has run, if it is queued or runs, and until who has
    /// [entered](OrderedQueue::try_here) the queue has left it. Sleeps. Its delay is not waited for.
    ///
    /// # Errors
    ///
    /// `EDEADLK` on the queue that it is bound to.
    pub fn flush(&self) -> Result {
        if self.on_own_queue() {
            return Err(EDEADLK);
        }
        // SAFETY: The item is initialised.
        unsafe { bindings::flush_work(self.work()) };
        if let Some(inner) = self.inner() {
            inner.wait_for_turn();
        }
        Ok(())
    }

    /// Whether the item is queued or waits for its delay. Any context.
    pub fn is_pending(&self) -> bool {
        // SAFETY: A word that C reads and writes with atomic operations, too.
        let data = unsafe { Atomic::from_ptr((&raw mut (*self.work()).data.counter).cast()) };
        let data: isize = data.load(atomic::Relaxed);
        data & (1 << bindings::work_bits_WORK_STRUCT_PENDING_BIT) != 0
    }
}
