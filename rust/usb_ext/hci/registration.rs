// SPDX-License-Identifier: GPL-2.0

//! Allocation and registration of controllers.

use super::{
    callbacks::Thunks,
    drv::{
        DrvCommands,
        DrvTable, //
    },
    Callback,
    Device,
    Driver,
    Quirk, //
};
use crate::{
    bindings,
    debugfs::{
        File,
        FileOps, //
    },
};
use core::{
    mem::ManuallyDrop,
    ptr::{
        null_mut,
        NonNull, //
    },
};
use kernel::{
    error::to_result,
    prelude::*,
    str::CStr,
    sync::{
        aref::ARef,
        Arc, //
    },
};

/// A controller that nobody knows yet.
///
/// # Invariants
///
/// The pointer is of `hci_alloc_dev_priv()`, not registered, and ours alone.
pub struct Unregistered(NonNull<bindings::hci_dev>);

impl Unregistered {
    /// Allocates one on the USB, below `parent`, with `room` bytes for a vendor's module.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(parent: &crate::usb::Interface, room: usize) -> Result<Self> {
        let room = c_int::try_from(room).map_err(|_| EINVAL)?;
        // SAFETY: May be called with any size.
        let hdev = NonNull::new(unsafe { bindings::hci_alloc_dev_priv(room) }).ok_or(ENOMEM)?;
        // SAFETY: The controller is ours alone.
        unsafe {
            (*hdev.as_ptr()).bus = bindings::HCI_USB as u8;
            (*hdev.as_ptr()).dev.parent = parent.dev();
        }
        // INVARIANT: Just allocated.
        Ok(Self(hdev))
    }

    /// The controller, to refer to it.
    pub fn device(&self) -> ARef<Device> {
        // SAFETY: It is alive.
        unsafe { Device::from_raw(self.0.as_ptr()) }.into()
    }

    /// Sets its company identifier, if it is known.
    pub fn set_manufacturer(&mut self, id: u16) {
        // SAFETY: The controller is ours alone.
        unsafe { (*self.0.as_ptr()).manufacturer = id };
    }

    /// Sets the opcode of Microsoft's extensions.
    pub fn set_msft_opcode(&mut self, opcode: u16) {
        // SAFETY: The controller is ours alone.
        unsafe { bindings::kext_hci_set_msft_opcode(self.0.as_ptr(), opcode) };
    }

    /// Sets a quirk.
    pub fn set_quirk(&mut self, quirk: Quirk) {
        self.device().set_quirk(quirk, true);
    }

    /// Registers it with the core, which may call the driver at once.
    ///
    /// # Errors
    ///
    /// The core's; the controller is gone.
    pub fn register<T: Driver + DrvCommands>(
        self,
        driver: Arc<T>,
        callbacks: Callback,
    ) -> Result<Registration<T>> {
        let this = ManuallyDrop::new(self);
        let hdev = this.0.as_ptr();
        // SAFETY: The controller is ours alone, and its driver data is set. The table is static;
        // the core only reads it.
        unsafe {
            (*hdev).dev.driver_data = Arc::into_raw(driver).cast_mut().cast();
            Thunks::<T>::install(hdev, callbacks);
            (*hdev).hci_drv = DrvTable::<T>::as_ptr();
        }
        // SAFETY: All that the core needs is set.
        let result = to_result(unsafe { bindings::hci_register_dev(hdev) });
        if let Err(e) = result {
            // SAFETY: It is not registered, so nobody calls the driver, and it is still ours.
            unsafe {
                drop(Thunks::<T>::take(hdev));
                (*hdev).dev.driver_data = null_mut();
                bindings::hci_free_dev(hdev);
            }
            return Err(e);
        }
        // INVARIANT: Just registered.
        Ok(Registration {
            hdev: this.0,
            _driver: core::marker::PhantomData,
        })
    }
}

impl Drop for Unregistered {
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::hci_free_dev(self.0.as_ptr()) };
    }
}

/// A registered controller. Its drop unregisters it, after which no callback runs; it sleeps.
///
/// # Invariants
///
/// The controller is registered, with an `Arc<T>` as its driver data.
pub struct Registration<T: Driver> {
    hdev: NonNull<bindings::hci_dev>,
    _driver: core::marker::PhantomData<Arc<T>>,
}

// SAFETY: It may be dropped by any thread.
unsafe impl<T: Driver> Send for Registration<T> {}
// SAFETY: It gives access to nothing but the controller.
unsafe impl<T: Driver> Sync for Registration<T> {}

impl<T: Driver> Registration<T> {
    /// The controller.
    pub fn device(&self) -> &Device {
        // SAFETY: By the type invariant it is alive.
        unsafe { Device::from_raw(self.hdev.as_ptr()) }
    }

    /// Creates a file in the controller's directory in debugfs. Drop it before the registration.
    pub fn debugfs_file<O: FileOps>(&self, name: &CStr, mode: u16, data: O::Data) -> DebugFile<O> {
        let dir = self.device().debugfs();
        // SAFETY: The core keeps the directory while the controller is registered. A file that is
        // dropped later than the registration is leaked instead of removed twice.
        DebugFile(unsafe { File::new(dir, name, mode, data) })
    }
}

/// A file in a controller's directory.
pub struct DebugFile<O: FileOps>(#[allow(dead_code)] File<O>);

impl<T: Driver> Drop for Registration<T> {
    fn drop(&mut self) {
        let hdev = self.hdev.as_ptr();
        // SAFETY: By the type invariant. No callback runs once this returns.
        unsafe {
            bindings::hci_unregister_dev(hdev);
            drop(Thunks::<T>::take(hdev));
            (*hdev).dev.driver_data = null_mut();
            bindings::hci_free_dev(hdev);
        }
    }
}
