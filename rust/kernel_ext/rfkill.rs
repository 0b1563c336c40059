// SPDX-License-Identifier: GPL-2.0

//! Radio kill switches.
//!
//! C header: [`include/linux/rfkill.h`](srctree/include/linux/rfkill.h)

use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    device::Device,
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*,
    str::CStr,
    types::ForeignOwnable, //
};

/// What a switch acts on.
pub trait RfkillOps: 'static {
    /// What the switch holds on to. A counted reference on the device that owns the switch makes
    /// a circle: drop the switch when the device goes, not when it is freed.
    type Data: ForeignOwnable + Send + Sync + 'static;

    /// Turns the transmitter off (`blocked`) or on. Called with rfkill's global mutex held, in
    /// process context; also at registration, with the present state.
    ///
    /// # Errors
    ///
    /// The new state is not taken then.
    fn set_block(data: <Self::Data as ForeignOwnable>::Borrowed<'_>, blocked: bool) -> Result;
}

/// A registered switch of type `bluetooth`.
///
/// Its drop unregisters it and waits for running callbacks: do it neither in one, nor with a lock
/// held that one takes.
///
/// # Invariants
///
/// - `rfkill` was registered, with the operations of `O` and `data`.
/// - `data` is of `O::Data::into_foreign`, and only borrowed while the switch exists.
pub struct Rfkill<O: RfkillOps> {
    rfkill: *mut bindings::rfkill,
    data: NonNull<c_void>,
    _ops: PhantomData<O::Data>,
}

// SAFETY: A switch may be used from any thread, and the data is `Send`.
unsafe impl<O: RfkillOps> Send for Rfkill<O> {}
// SAFETY: A switch may be used from any thread, and the data is `Sync`.
unsafe impl<O: RfkillOps> Sync for Rfkill<O> {}

impl<O: RfkillOps> Rfkill<O> {
    const OPS: &'static bindings::rfkill_ops = &bindings::rfkill_ops {
        poll: None,
        query: None,
        set_block: Some(Self::set_block),
    };

    /// # Safety
    ///
    /// `data` is that of a switch of `O`.
    unsafe extern "C" fn set_block(data: *mut c_void, blocked: bool) -> c_int {
        // SAFETY: By the function's requirements. The data is given back after the switch is
        // unregistered, which waits for us.
        let data = unsafe { O::Data::borrow(data) };
        match O::set_block(data, blocked) {
            Ok(()) => 0,
            Err(e) => e.to_errno(),
        }
    }

    /// Registers a switch for a radio of `parent`.
    ///
    /// Without `CONFIG_RFKILL` this succeeds, and the switch is never blocked.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, and what registering says. `data` is dropped then.
    pub fn new(name: &CStr, parent: &Device, data: O::Data) -> Result<Self> {
        let parent = core::ptr::from_ref(parent)
            .cast::<bindings::device>()
            .cast_mut();
        let data = data.into_foreign();
        let result = Self::register(name, parent, data);
        if result.is_err() {
            // SAFETY: The data was turned into a pointer above, and the switch is gone again.
            drop(unsafe { O::Data::from_foreign(data) });
        }
        result
    }

    fn register(name: &CStr, parent: *mut bindings::device, data: *mut c_void) -> Result<Self> {
        // SAFETY: The name is copied. `Device` is transparent, so `parent` is valid; registering
        // counts a reference on it. The operations are static. `data` fits them.
        let rfkill = unsafe {
            bindings::kext_rfkill_alloc_bluetooth(name.as_char_ptr(), parent, Self::OPS, data)
        };
        // Not null, and no error that matters, without CONFIG_RFKILL: `-ENODEV` is a valid switch
        // for the inline functions that are called then.
        if rfkill.is_null() {
            return Err(ENOMEM);
        }
        if cfg!(CONFIG_RFKILL) {
            from_err_ptr(rfkill)?;
        }
        // SAFETY: A new switch. On failure nobody else has it.
        unsafe {
            to_result(bindings::kext_rfkill_register(rfkill))
                .inspect_err(|_| bindings::kext_rfkill_destroy(rfkill))?;
        }
        // INVARIANT: Registered with `data` and the operations of `O` above.
        Ok(Self {
            rfkill,
            data: NonNull::new(data).ok_or(EINVAL)?,
            _ops: PhantomData,
        })
    }

    /// Whether the radio must be off, for whatever reason.
    pub fn blocked(&self) -> bool {
        // SAFETY: By the type invariant; so below.
        unsafe { bindings::kext_rfkill_blocked(self.rfkill) }
    }

    /// Whether a user has switched the radio off.
    pub fn soft_blocked(&self) -> bool {
        // SAFETY: As above.
        unsafe { bindings::kext_rfkill_soft_blocked(self.rfkill) }
    }

    /// Tells that the radio was switched off or on by software. Any context. Returns whether it
    /// must be off now.
    pub fn set_sw_state(&self, blocked: bool) -> bool {
        // SAFETY: As above.
        unsafe { bindings::kext_rfkill_set_sw_state(self.rfkill, blocked) }
    }

    /// Tells that the radio was switched off or on by hardware. Any context. Returns whether it
    /// must be off now.
    pub fn set_hw_state(&self, blocked: bool) -> bool {
        // SAFETY: As above.
        unsafe { bindings::kext_rfkill_set_hw_state(self.rfkill, blocked) }
    }
}

impl<O: RfkillOps> Drop for Rfkill<O> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant. After unregistering no callback runs, so nobody borrows
        // the data any more.
        unsafe {
            bindings::kext_rfkill_unregister(self.rfkill);
            bindings::kext_rfkill_destroy(self.rfkill);
            drop(O::Data::from_foreign(self.data.as_ptr()));
        }
    }
}
