// SPDX-License-Identifier: GPL-2.0

//! Anchors: a set of submitted URBs that are stopped together.

use crate::{
    bindings,
    skbuff::gfp, //
};
use core::ptr::NonNull;
use kernel::{
    alloc::Flags,
    prelude::*, //
};

/// A set of submitted URBs.
///
/// The USB core looks at an anchor for a moment longer than at the URB that left it: it wakes up
/// who waits for the anchor after the completion callback has returned, which may have dropped
/// the last reference on whatever the anchor is part of. Therefore it is memory of its own, freed
/// after a grace period, as completions are in atomic context.
///
/// # Invariants
///
/// The pointer is one of `kext_usb_anchor_new()`, and ours.
pub struct Anchor(NonNull<bindings::usb_anchor>);

// SAFETY: Anchors may be used from any thread.
unsafe impl Send for Anchor {}
// SAFETY: They have a lock of their own.
unsafe impl Sync for Anchor {}

impl Anchor {
    /// An empty one.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(flags: Flags) -> Result<Self> {
        // SAFETY: May be called with any flags.
        let anchor = unsafe { bindings::kext_usb_anchor_new(gfp(flags)) };
        // INVARIANT: Just created.
        NonNull::new(anchor).map(Self).ok_or(ENOMEM)
    }

    /// The C object, for the vendors' modules.
    pub fn as_ptr(&self) -> *mut bindings::usb_anchor {
        self.0.as_ptr()
    }

    /// Stops all URBs, and waits until their callbacks have returned. Resubmission in a callback
    /// fails meanwhile. Sleeps.
    pub fn kill(&self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::usb_kill_anchored_urbs(self.as_ptr()) };
    }

    /// As [`kill`](Self::kill), and refuses any URB until [`unpoison`](Self::unpoison). Sleeps.
    pub fn poison(&self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::usb_poison_anchored_urbs(self.as_ptr()) };
    }

    /// Takes URBs again.
    pub fn unpoison(&self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::usb_unpoison_anchored_urbs(self.as_ptr()) };
    }

    /// Stops all URBs without waiting for it; they do not belong to the anchor any more. Any
    /// context.
    pub fn unlink(&self) {
        // SAFETY: By the type invariant; what this returns has a reference for us.
        while let Some(urb) = NonNull::new(unsafe { bindings::usb_get_from_anchor(self.as_ptr()) })
        {
            // SAFETY: As above.
            unsafe {
                bindings::usb_unlink_urb(urb.as_ptr());
                bindings::usb_free_urb(urb.as_ptr());
            }
        }
    }

    /// Lets go of all URBs: they run on, but belong to no anchor any more. Any context.
    pub fn scuttle(&self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::usb_scuttle_anchored_urbs(self.as_ptr()) };
    }

    /// Waits until all URBs are done by themselves, at most `limit_ms` milliseconds. Sleeps.
    ///
    /// # Errors
    ///
    /// `ETIMEDOUT`.
    pub fn wait_empty(&self, limit_ms: u32) -> Result {
        // SAFETY: By the type invariant.
        match unsafe { bindings::usb_wait_anchor_empty_timeout(self.as_ptr(), limit_ms) } {
            0 => Err(ETIMEDOUT),
            _ => Ok(()),
        }
    }

    /// Whether there is no URB at this moment.
    pub fn is_empty(&self) -> bool {
        // SAFETY: By the type invariant.
        unsafe { bindings::usb_anchor_empty(self.as_ptr()) != 0 }
    }
}

impl Drop for Anchor {
    /// Any context. URBs that are still there run on by themselves.
    fn drop(&mut self) {
        // SAFETY: By the type invariant. Nobody else has the pointer but URBs, which are let go
        // of, and completions that are on their way, which a grace period waits for.
        unsafe { bindings::kext_usb_anchor_free(self.as_ptr()) };
    }
}
