// SPDX-License-Identifier: GPL-2.0

//! Being told when the system suspends and resumes.
//!
//! C header: [`include/linux/suspend.h`](srctree/include/linux/suspend.h)

use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    prelude::*,
    types::{
        ForeignOwnable,
        Opaque, //
    },
};

/// What happens to the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PmEvent {
    /// It is going to suspend.
    SuspendPrepare,
    /// It has resumed, or did not suspend after all.
    PostSuspend,
    /// It is going to hibernate.
    HibernationPrepare,
    /// It has resumed, or did not hibernate after all.
    PostHibernation,
    /// It is going to restore a hibernation image.
    RestorePrepare,
    /// That has failed.
    PostRestore,
}

impl PmEvent {
    fn from_raw(action: c_ulong) -> Option<Self> {
        Some(match u32::try_from(action).ok()? {
            bindings::PM_SUSPEND_PREPARE => Self::SuspendPrepare,
            bindings::PM_POST_SUSPEND => Self::PostSuspend,
            bindings::PM_HIBERNATION_PREPARE => Self::HibernationPrepare,
            bindings::PM_POST_HIBERNATION => Self::PostHibernation,
            bindings::PM_RESTORE_PREPARE => Self::RestorePrepare,
            bindings::PM_POST_RESTORE => Self::PostRestore,
            _ => return None,
        })
    }

    /// Whether the system is about to stop; otherwise it goes on.
    pub fn is_prepare(self) -> bool {
        matches!(
            self,
            Self::SuspendPrepare | Self::HibernationPrepare | Self::RestorePrepare
        )
    }
}

/// Who is told.
pub trait PmOps: 'static {
    /// What the notifier holds on to. A counted reference on the notifier's owner makes a circle:
    /// drop the notifier when the owner goes, not when it is freed.
    type Data: ForeignOwnable + Send + Sync + 'static;

    /// Called in process context. There is no answer: this kind of notifier does not veto.
    fn notify(data: <Self::Data as ForeignOwnable>::Borrowed<'_>, event: PmEvent);
}

/// The C notifier and what its function needs.
struct Inner {
    nb: Opaque<bindings::notifier_block>,
    data: NonNull<c_void>,
}

/// A registered notifier.
///
/// Its drop unregisters it and waits for running callbacks: do it neither in one, nor with a lock
/// held that one takes.
///
/// # Invariants
///
/// `inner` is registered with [`Self::call`], and its `data` is of `O::Data::into_foreign` and only
/// borrowed while the notifier exists.
pub struct PmNotifier<O: PmOps> {
    inner: KBox<Inner>,
    _ops: PhantomData<O::Data>,
}

// SAFETY: A notifier may be used from any thread, and the data is `Send`.
unsafe impl<O: PmOps> Send for PmNotifier<O> {}
// SAFETY: `&PmNotifier` gives access to nothing.
unsafe impl<O: PmOps> Sync for PmNotifier<O> {}

impl<O: PmOps> PmNotifier<O> {
    /// Registers a notifier.
    ///
    /// # Errors
    ///
    /// `ENOMEM`. `data` is dropped then.
    pub fn new(data: O::Data) -> Result<Self> {
        let nb = bindings::notifier_block {
            notifier_call: Some(Self::call),
            ..pin_init::zeroed()
        };
        let uninit = KBox::<Inner>::new_uninit(GFP_KERNEL)?;
        let raw = data.into_foreign();
        let inner = KBox::write(
            uninit,
            Inner {
                nb: Opaque::new(nb),
                // SAFETY: Pointers of `into_foreign` are not null.
                data: unsafe { NonNull::new_unchecked(raw) },
            },
        );
        // SAFETY: The notifier stays where it is, in its box, until it is unregistered.
        let registered = to_result(unsafe { bindings::kext_register_pm_notifier(inner.nb.get()) });
        if let Err(e) = registered {
            // SAFETY: The data was turned into a pointer above, and nobody else has it.
            drop(unsafe { O::Data::from_foreign(raw) });
            return Err(e);
        }
        Ok(Self {
            inner,
            _ops: PhantomData,
        })
    }

    /// # Safety
    ///
    /// `nb` is that of a `PmNotifier<O>`.
    unsafe extern "C" fn call(
        nb: *mut bindings::notifier_block,
        action: c_ulong,
        _unused: *mut c_void,
    ) -> c_int {
        // SAFETY: By the function's requirements; `Opaque` is transparent. The data is given back
        // after the notifier is unregistered, which waits for us.
        let data = unsafe {
            let inner = kernel::container_of!(nb.cast::<Opaque<_>>(), Inner, nb);
            O::Data::borrow((*inner).data.as_ptr())
        };
        if let Some(event) = PmEvent::from_raw(action) {
            O::notify(data, event);
        }
        bindings::NOTIFY_DONE as c_int
    }
}

impl<O: PmOps> Drop for PmNotifier<O> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant. After unregistering no callback runs, so nobody borrows
        // the data any more.
        unsafe {
            bindings::kext_unregister_pm_notifier(self.inner.nb.get());
            drop(O::Data::from_foreign(self.inner.data.as_ptr()));
        }
    }
}
