// SPDX-License-Identifier: GPL-2.0

//! The thread, and the bell that wakes it.

use crate::Server;
use core::ptr::NonNull;
use kernel::{
    bindings,
    error::from_err_ptr,
    new_condvar, new_spinlock,
    prelude::*,
    sync::{
        Arc,
        CondVar,
        SpinLock, //
    },
};

/// What there is to do.
#[derive(Clone, Copy, PartialEq)]
enum Call {
    Nothing,
    Look,
    Stop,
}

/// Sockets ring it, and the thread looks at all of them.
#[pin_data]
pub(crate) struct Bell {
    #[pin]
    call: SpinLock<Call>,
    #[pin]
    changed: CondVar,
}

impl Bell {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            // There may have been something before anybody rang.
            call <- new_spinlock!(Call::Look),
            changed <- new_condvar!(),
        })
    }

    pub(crate) fn ring(&self) {
        let mut call = self.call.lock();
        if *call == Call::Nothing {
            *call = Call::Look;
        }
        drop(call);
        self.changed.notify_all();
    }

    fn stop(&self) {
        *self.call.lock() = Call::Stop;
        self.changed.notify_all();
    }

    /// Waits until somebody rings. `false`: it is time to stop.
    fn wait(&self) -> bool {
        let mut call = self.call.lock();
        while *call == Call::Nothing {
            // A kernel thread gets no signals.
            let _ = self.changed.wait_interruptible(&mut call);
        }
        let stop = *call == Call::Stop;
        if !stop {
            *call = Call::Nothing;
        }
        !stop
    }
}

/// What a thread works with.
struct Work {
    server: Server,
    bell: Arc<Bell>,
}

/// A thread that gives the server its turn whenever the bell rings, until this is dropped.
///
/// # Invariants
///
/// There is a reference to `task`, which alone uses `work` until it has ended.
pub(crate) struct Thread {
    task: NonNull<bindings::task_struct>,
    work: NonNull<Work>,
    bell: Arc<Bell>,
}

// SAFETY: Threads are stopped from anywhere.
unsafe impl Send for Thread {}
// SAFETY: `&Thread` gives access to nothing.
unsafe impl Sync for Thread {}

/// # Safety
///
/// `data` must be a [`Work`] that is the thread's alone.
unsafe extern "C" fn run(data: *mut c_void) -> c_int {
    // SAFETY: As required of the caller.
    let work = unsafe { &mut *data.cast::<Work>() };
    while work.bell.wait() {
        work.server.turn();
    }
    0
}

impl Thread {
    pub(crate) fn start(server: Server, bell: Arc<Bell>) -> Result<Self> {
        let work = Work {
            server,
            bell: bell.clone(),
        };
        let work = KBox::into_raw(KBox::new(work, GFP_KERNEL)?);
        // SAFETY: `work` is the thread's from here on; the format takes no arguments.
        let task = from_err_ptr(unsafe {
            bindings::kthread_create_on_node(
                Some(run),
                work.cast(),
                bindings::NUMA_NO_NODE,
                c"l2cap_echo".as_ptr().cast(),
            )
        });
        let task = match task {
            Ok(task) => task,
            Err(error) => {
                // SAFETY: From `KBox::into_raw`; there is no thread that has it.
                drop(unsafe { KBox::from_raw(work) });
                return Err(error);
            }
        };
        // SAFETY: The thread is there: it has not even begun.
        unsafe {
            bindings::get_task_struct(task);
            bindings::wake_up_process(task);
        }
        Ok(Self {
            task: NonNull::new(task).ok_or(ENOMEM)?,
            work: NonNull::new(work).ok_or(ENOMEM)?,
            bell,
        })
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.bell.stop();
        // SAFETY: By the type invariants: the reference is lost here, and the thread has ended, or
        // never begun, when this returns.
        unsafe {
            bindings::kthread_stop_put(self.task.as_ptr());
            drop(KBox::from_raw(self.work.as_ptr()));
        }
    }
}
