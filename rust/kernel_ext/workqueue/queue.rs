// SPDX-License-Identifier: GPL-2.0

//! The queue itself, its token, one-shot jobs, and the reaper.

use super::turn::{
    Held,
    Turn, //
};
use crate::{
    bindings,
    sync::Completion, //
};
use core::{
    mem::ManuallyDrop,
    ops::BitOr,
    ptr::{
        null_mut,
        NonNull, //
    },
    sync::atomic::{
        AtomicI32,
        Ordering, //
    },
};
use kernel::{
    alloc::Flags,
    prelude::*,
    str::CStr,
    sync::{
        atomic::{
            Atomic,
            Full,
            Relaxed, //
        },
        rcu,
        Arc,
        LockClassKey, //
    },
    types::{
        NotThreadSafe,
        Opaque, //
    },
};
use pin_init::stack_pin_init;

/// Properties of an [`OrderedQueue`], to be joined with `|`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueFlags(u32);

impl QueueFlags {
    /// None of them.
    pub const NONE: Self = Self(0);
    /// Items run on threads of high priority (nice -20).
    pub const HIGHPRI: Self = Self(bindings::wq_flags_WQ_HIGHPRI);
    /// Items make progress even when no memory is left for another thread.
    pub const MEM_RECLAIM: Self = Self(bindings::wq_flags_WQ_MEM_RECLAIM);
    /// Items are held back while the system is suspended.
    pub const FREEZABLE: Self = Self(bindings::wq_flags_WQ_FREEZABLE);
}

impl BitOr for QueueFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What all handles of a queue share.
///
/// # Invariants
///
/// - `wq` is an ordered queue: it runs at most one item at any time. It is destroyed by the reaper
///   only, after the last handle is gone, and `Inner` is freed after that; as destruction waits
///   for the running item, `Inner` is valid throughout each item of `wq`.
/// - `id` is not zero, and no other queue of this module ever has it.
/// - Whoever runs the body of an item of `wq`, or has entered the queue, has the `turn`.
/// - `jobs` is not less than the number of jobs that are queued and have not begun.
#[pin_data]
pub(super) struct Inner {
    wq: NonNull<bindings::workqueue_struct>,
    id: u64,
    closed: Atomic<bool>,
    #[pin]
    turn: Turn,
    jobs: AtomicI32,
    /// Lock class of the jobs. Each queue has its own: a job of one queue may wait for another
    /// queue, and for lockdep that must not be a job that waits for jobs.
    #[pin]
    job_class: LockClassKey,
    /// Next on the list of the reaper; otherwise unused.
    next: Atomic<*mut Inner>,
}

// SAFETY: A workqueue may be used from any thread, and so may the atomics.
unsafe impl Send for Inner {}
// SAFETY: As above.
unsafe impl Sync for Inner {}

/// Keeps the current task from being preempted. A grace period lasts at least as long, as it does
/// for RCU's read lock, which costs twice as much.
struct NoPreemption(NotThreadSafe);

impl NoPreemption {
    #[inline]
    fn new() -> Self {
        // SAFETY: `drop` undoes it, on the same task.
        unsafe { bindings::kext_preempt_disable() };
        Self(NotThreadSafe)
    }
}

impl Drop for NoPreemption {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: `new` has disabled it.
        unsafe { bindings::kext_preempt_enable() };
    }
}

impl Inner {
    /// Calls `queue` with the C queue, unless the queue is closed; returns what it returned.
    pub(super) fn submit(
        &self,
        queue: impl FnOnce(*mut bindings::workqueue_struct) -> bool,
    ) -> bool {
        // `OrderedQueue::close` waits for a grace period after it has set `closed`, so whoever
        // still saw it unset has queued by then.
        let _guard = NoPreemption::new();
        !self.closed.load(Relaxed) && queue(self.wq.as_ptr())
    }

    #[inline]
    pub(super) fn is_current(&self) -> bool {
        self.turn.is_mine()
    }

    /// Waits until nobody is in the queue who has entered it already.
    pub(super) fn wait_for_turn(&self) {
        self.turn.wait();
    }
}

/// Runs the body of an item.
///
/// # Safety
///
/// Called once by the work function of an item that runs on the queue of `inner`.
pub(super) unsafe fn run_item(inner: NonNull<Inner>, body: impl FnOnce(&mut Worker<'_>)) {
    // SAFETY: By the type invariant `inner` is valid until the running item's work function, our
    // caller, has returned.
    let queue = unsafe { inner.as_ref() };
    // INVARIANT: The task runs an item, and has the turn.
    body(&mut Worker {
        queue,
        _turn: queue.turn.take(),
    });
}

/// Proof that the current task runs an item of one particular queue, or has
/// [entered](OrderedQueue::try_here) it.
///
/// Each item gets one by `&mut`. There is no way to make one, to keep it or to send it to another
/// task. Items and those who enter take turns: so two tokens of the same queue never coexist, and whoever
/// holds one has exclusive access to what is [confined](crate::confined::Confined) to that queue.
///
/// # Invariants
///
/// The current task runs an item of `queue` or has entered it, and no other `Worker` of that queue
/// exists: it has the queue's turn.
pub struct Worker<'q> {
    queue: &'q Inner,
    _turn: Held<'q>,
}

impl Worker<'_> {
    /// Whether this is a token of `queue`.
    pub fn is_of(&self, queue: &OrderedQueue) -> bool {
        self.queue.id == queue.inner.id
    }

    #[inline]
    pub(crate) fn queue_id(&self) -> u64 {
        self.queue.id
    }
}

/// A handle on a work queue that runs its items one at a time, in the order they were queued.
///
/// Dropping the last handle destroys the queue, after all that is queued has run. That happens on
/// a system queue, a little later, so handles may be dropped in any context. Items
/// [bound](super::Work::bind) to the queue hold a handle.
///
/// # Invariants
///
/// `inner` is dropped with the handle, and moved out at no other time.
pub struct OrderedQueue {
    inner: ManuallyDrop<Arc<Inner>>,
}

impl Clone for OrderedQueue {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
        }
    }
}

static NEXT_ID: Atomic<u64> = Atomic::<u64>::new(1);

impl OrderedQueue {
    /// Creates a queue. `name` is shown in the names of the threads that run it.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(name: &CStr, flags: QueueFlags) -> Result<Self> {
        // SAFETY: `name` is a NUL terminated string; it is copied.
        let wq = unsafe { bindings::kext_alloc_ordered_workqueue(name.as_char_ptr(), flags.0) };
        let wq = NonNull::new(wq).ok_or(ENOMEM)?;
        // INVARIANT: The queue is an ordered one, and new; a counter of 64 bits does not come
        // round.
        let inner = pin_init!(Inner {
            wq,
            id: NEXT_ID.fetch_add(1, Relaxed),
            closed: Atomic::new(false),
            turn <- Turn::new(),
            jobs: AtomicI32::new(0),
            job_class <- LockClassKey::new_dynamic(),
            next: Atomic::new(null_mut()),
        });
        match Arc::pin_init(inner, GFP_KERNEL) {
            Ok(inner) => Ok(Self {
                inner: ManuallyDrop::new(inner),
            }),
            Err(e) => {
                // SAFETY: Nobody else has seen the queue.
                unsafe { bindings::destroy_workqueue(wq.as_ptr()) };
                Err(e)
            }
        }
    }

    /// The C queue, for a member of a C struct. It is valid while a handle exists.
    pub fn as_ptr(&self) -> *mut bindings::workqueue_struct {
        self.inner.wq.as_ptr()
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.inner
    }

    pub(crate) fn id(&self) -> u64 {
        self.inner.id
    }

    /// Whether the calling task is running an item of this queue, or has entered it, right now.
    ///
    /// Waiting for this queue would then never end; do the work in place instead.
    pub fn is_current(&self) -> bool {
        self.inner.is_current()
    }

    /// Whether [`Self::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.inner.closed.load(Relaxed)
    }

    /// Queues a job that is not worth an item of its own. It runs exactly once, on this queue.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or `ESHUTDOWN` if the queue is closed; `job` is dropped then.
    pub fn spawn(
        &self,
        flags: Flags,
        job: impl FnOnce(&mut Worker<'_>) + Send + 'static,
    ) -> Result {
        // SAFETY: The job borrows nothing.
        unsafe { self.spawn_unchecked(flags, job) }
    }

    /// Runs `job` on this queue, after all that is queued already, and waits for what it returns.
    ///
    /// Sleeps, and cannot be interrupted: `job` may borrow from the caller.
    ///
    /// # Errors
    ///
    /// `EDEADLK` on this very queue; `ENOMEM`; `ESHUTDOWN` if the queue is closed.
    pub fn call<R: Send>(&self, job: impl FnOnce(&mut Worker<'_>) -> R + Send) -> Result<R> {
        if self.is_current() {
            return Err(EDEADLK);
        }
        let mut result = None;
        stack_pin_init!(let done = Completion::new());
        let out = CallerStack {
            result: &raw mut result,
            done: &raw const *done,
        };
        let job = move |worker: &mut Worker<'_>| {
            let result = job(worker);
            // SAFETY: The caller waits below, so its stack is there, and nobody else uses it.
            unsafe { out.put(result) };
        };
        // SAFETY: What the job borrows is alive until it has run: the wait below ends with its
        // last step. It does run, since this handle keeps the queue.
        unsafe { self.spawn_unchecked(GFP_KERNEL, job) }?;
        done.wait();
        result.ok_or(ESHUTDOWN)
    }

    /// Runs `job` in the calling task, as if it was an item of this queue, if the queue is at rest: no
    /// item runs, no job waits, and `at_rest` says that nothing else does that has to come first. Else
    /// `job` comes back.
    ///
    /// That spares two changes of task. Items that are queued meanwhile wait. `job` may sleep, within
    /// the limits that items have, and finds the locks taken that the caller holds.
    ///
    /// # Errors
    ///
    /// `job`, if the queue is not at rest, or closed.
    pub fn try_here<R, F: FnOnce(&mut Worker<'_>) -> R>(
        &self,
        at_rest: impl FnOnce() -> bool,
        job: F,
    ) -> Result<R, F> {
        let inner = self.inner();
        // Not ours either: who is in the queue has it.
        let Some(turn) = inner.turn.try_take() else {
            return Err(job);
        };
        // Who sets `closed` waits for the turn after that.
        if self.is_closed() || inner.jobs.load(Ordering::Relaxed) != 0 || !at_rest() {
            return Err(job);
        }
        // INVARIANT: We have entered the queue, and have its turn.
        Ok(job(&mut Worker {
            queue: inner,
            _turn: turn,
        }))
    }

    /// As [`Self::call`], but [in the calling task](Self::try_here) if the queue is at rest.
    ///
    /// # Errors
    ///
    /// As [`Self::call`].
    pub fn call_here<R: Send>(
        &self,
        at_rest: impl FnOnce() -> bool,
        job: impl FnOnce(&mut Worker<'_>) -> R + Send,
    ) -> Result<R> {
        match self.try_here(at_rest, job) {
            Ok(result) => Ok(result),
            Err(job) => self.call(job),
        }
    }

    /// As [`Self::spawn`].
    ///
    /// # Safety
    ///
    /// What `job` borrows must live until it has run or was dropped.
    unsafe fn spawn_unchecked<F>(&self, flags: Flags, job: F) -> Result
    where
        F: FnOnce(&mut Worker<'_>) + Send,
    {
        let job = KBox::pin_init(Job::new(self.inner(), job), flags)?;
        // SAFETY: The box is not moved out of; it is pinned again or dropped in place.
        let job = KBox::into_raw(unsafe { Pin::into_inner_unchecked(job) });
        // SAFETY: `job` points to a live job.
        let work = unsafe { Opaque::cast_into(&raw const (*job).work) };
        self.inner.jobs.fetch_add(1, Ordering::Relaxed);
        let queued = self.inner.submit(|wq| {
            // SAFETY: `work` is initialised, and stays valid until `Job::run` has taken the box.
            unsafe {
                bindings::queue_work_on(
                    bindings::wq_misc_consts_WORK_CPU_UNBOUND as c_int,
                    wq,
                    work,
                )
            }
        });
        if !queued {
            self.inner.jobs.fetch_sub(1, Ordering::Relaxed);
            // The work item is new, so it is not pending: the queue must be closed.
            // SAFETY: The queue has not taken the box that was turned into `job` above.
            drop(unsafe { KBox::from_raw(job) });
            return Err(ESHUTDOWN);
        }
        Ok(())
    }

    /// Waits until all that is queued now has run, and who has entered the queue has left it.
    ///
    /// Sleeps. A delayed item whose timer is running is not waited for.
    ///
    /// # Errors
    ///
    /// `EDEADLK` on this very queue.
    pub fn flush(&self) -> Result {
        if self.is_current() {
            return Err(EDEADLK);
        }
        // SAFETY: The queue is valid while this handle exists.
        unsafe { bindings::__flush_workqueue(self.as_ptr()) };
        self.inner.wait_for_turn();
        Ok(())
    }

    /// Refuses new work from now on, and waits until all that was queued has run.
    ///
    /// Sleeps. A delayed item whose timer is running is still going to run:
    /// [disable](super::Work::disable_sync) such items first.
    ///
    /// # Errors
    ///
    /// `EDEADLK` on this very queue; it is closed nevertheless.
    pub fn close(&self) -> Result {
        self.inner.closed.store(true, Relaxed);
        if self.is_current() {
            return Err(EDEADLK);
        }
        // See `Inner::submit`.
        rcu::synchronize_rcu();
        self.flush()
    }
}

impl Drop for OrderedQueue {
    fn drop(&mut self) {
        // SAFETY: `self.inner` is not used again.
        let inner = unsafe { ManuallyDrop::take(&mut self.inner) };
        if let Some(last) = Arc::into_unique_or_drop(inner) {
            reap_later(Arc::from(last));
        }
    }
}

/// Where [`OrderedQueue::call`] waits for its result.
struct CallerStack<R> {
    result: *mut Option<R>,
    done: *const Completion,
}

// SAFETY: `put` is called by one thread, while the one that owns the stack waits; it hands `R` over.
unsafe impl<R: Send> Send for CallerStack<R> {}

impl<R> CallerStack<R> {
    /// # Safety
    ///
    /// Both pointers are valid, and nobody else accesses `result` before `done` is complete.
    unsafe fn put(self, result: R) {
        // SAFETY: By the function's requirements. The caller's stack may be gone once `done` is
        // complete, so that is the last use of it.
        unsafe {
            *self.result = Some(result);
            (*self.done).complete();
        }
    }
}

/// A closure on its way to a queue.
#[pin_data]
struct Job<F> {
    #[pin]
    work: Opaque<bindings::work_struct>,
    queue: NonNull<Inner>,
    body: F,
}

impl<F: FnOnce(&mut Worker<'_>)> Job<F> {
    fn new(queue: &Inner, body: F) -> impl PinInit<Self> + use<'_, F> {
        pin_init!(Self {
            work <- Opaque::ffi_init(|slot| {
                // SAFETY: `slot` is memory for a `work_struct`. The name is static, and the key as
                // long-lived as the queue, which outlives its jobs.
                unsafe {
                    bindings::init_work_with_key(
                        slot,
                        Some(Self::run),
                        false,
                        c"OrderedQueue::spawn".as_char_ptr(),
                        queue.job_class.as_ptr(),
                    )
                }
            }),
            queue: NonNull::from(queue),
            body,
        })
    }

    /// # Safety
    ///
    /// `work` is that of a boxed `Self` which was queued on `queue`; called by the queue.
    unsafe extern "C" fn run(work: *mut bindings::work_struct) {
        // SAFETY: `Opaque` is transparent, and by the function's requirements it is the member.
        let this = unsafe { kernel::container_of!(work.cast::<Opaque<_>>(), Self, work) };
        // SAFETY: `spawn_unchecked` gave up the box when it queued it. The item is off the queue
        // now, so nothing points into the box any more and it may be moved.
        let Self { queue, body, .. } = KBox::into_inner(unsafe { KBox::from_raw(this) });
        let body = |worker: &mut Worker<'_>| {
            // INVARIANT: It has begun. It has the turn now, so nobody can come before it any more.
            worker.queue.jobs.fetch_sub(1, Ordering::Relaxed);
            body(worker);
        };
        // SAFETY: We are the work function. A job is queued on `queue` only.
        unsafe { run_item(queue, body) };
    }
}

/// The queues that lost their last handle, linked through [`Inner::next`].
///
/// # Invariants
///
/// Each entry on the list is the pointer of [`Arc::into_raw`] of the only reference.
static DEAD: Atomic<*mut Inner> = Atomic::new(null_mut());

/// Has the reaper destroy a queue that nobody can queue on any more.
fn reap_later(queue: Arc<Inner>) {
    let new = Arc::into_raw(queue).cast_mut();
    let mut head = DEAD.load(Relaxed);
    loop {
        // SAFETY: `new` is not on the list yet, so it is valid.
        unsafe { &(*new).next }.store(head, Relaxed);
        match DEAD.cmpxchg(head, new, Full) {
            Ok(_) => break,
            Err(now) => head = now,
        }
    }
    // SAFETY: The reaper is a static item, and the system queue always exists.
    unsafe {
        bindings::queue_work_on(
            bindings::wq_misc_consts_WORK_CPU_UNBOUND as c_int,
            bindings::system_dfl_wq,
            &raw mut bindings::kext_wq_reaper,
        )
    };
}

/// Work function of the reaper.
///
/// # Safety
///
/// Called by the system queue only.
#[no_mangle]
unsafe extern "C" fn kext_wq_reap(_work: *mut bindings::work_struct) {
    let mut next = DEAD.xchg(null_mut(), Full);
    while !next.is_null() {
        // SAFETY: By the invariant of `DEAD`, whose entries were taken off the list above.
        let queue = unsafe { Arc::from_raw(next) };
        next = queue.next.load(Relaxed);
        // SAFETY: No handle is left, so nothing is queued any more. Destruction lets what is
        // queued run first, and waits for it.
        unsafe { bindings::destroy_workqueue(queue.wq.as_ptr()) };
    }
}

/// Waits until the queues without a handle are destroyed. To be called when a module that created
/// queues is unloaded, after it has dropped its handles: no item runs the module's text then.
pub fn exit() {
    // SAFETY: The reaper is a static item.
    unsafe { bindings::flush_work(&raw mut bindings::kext_wq_reaper) };
}
