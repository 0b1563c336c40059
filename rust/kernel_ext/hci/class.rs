// SPDX-License-Identifier: GPL-2.0

//! Class `bluetooth` in sysfs, and its two device types.

use super::{
    Hdev,
    Owner, //
};
use crate::bindings;
use core::ptr;
use kernel::{
    error::to_result,
    prelude::*,
    str::as_char_ptr_in_const_context, //
};

/// A C object of the driver model that is never written after its construction, or only by the
/// driver core under its own locks.
#[repr(transparent)]
struct Static<T>(T);

// SAFETY: See the type: shared access is the driver core's business, which locks for itself.
unsafe impl<T> Sync for Static<T> {}

static CLASS: Static<bindings::class> = Static(bindings::class {
    name: as_char_ptr_in_const_context(c"bluetooth"),
    ..pin_init::zeroed()
});

pub(super) fn class_ptr() -> *const bindings::class {
    &raw const CLASS.0
}

/// Class `bluetooth`, registered for as long as this lives.
pub struct ClassRegistration(());

impl ClassRegistration {
    /// Registers the class.
    ///
    /// # Errors
    ///
    /// `EEXIST` if another Bluetooth core is loaded, `ENOMEM`.
    pub fn new() -> Result<Self> {
        // SAFETY: A static class, registered at most once at a time: a second registration of the
        // name is refused by the driver core.
        to_result(unsafe { bindings::class_register(class_ptr()) })?;
        Ok(Self(()))
    }
}

impl Drop for ClassRegistration {
    fn drop(&mut self) {
        // SAFETY: Registered by `new`.
        unsafe { bindings::class_unregister(class_ptr()) };
    }
}

/// The constants of device type `host`, one set for each `T`.
struct Host<T>(T);

impl<T: Owner> Host<T> {
    // With lockdep an attribute has more members than are named here.
    #[allow(clippy::needless_update)]
    const RESET: &'static Static<bindings::device_attribute> =
        &Static(bindings::device_attribute {
            attr: bindings::attribute {
                name: as_char_ptr_in_const_context(c"reset"),
                mode: 0o200,
                ..pin_init::zeroed()
            },
            __bindgen_anon_2: bindings::device_attribute__bindgen_ty_2 {
                store: Some(Self::reset_store),
            },
            ..pin_init::zeroed()
        });

    /// Store function of attribute `reset`.
    ///
    /// # Safety
    ///
    /// Called by sysfs, for a device of this type.
    unsafe extern "C" fn reset_store(
        dev: *mut bindings::device,
        _attr: *mut bindings::device_attribute,
        _buf: *const c_char,
        count: usize,
    ) -> isize {
        // SAFETY: The attribute belongs to devices of this type only, and sysfs keeps the device
        // alive during the call.
        let hdev = unsafe { Hdev::<T>::from_device(dev) };
        T::sysfs_reset(hdev);
        count as isize
    }

    const ATTRS: &'static Static<[*mut bindings::attribute; 2]> =
        &Static([(&raw const Self::RESET.0.attr).cast_mut(), ptr::null_mut()]);

    const GROUP: &'static Static<bindings::attribute_group> = &Static({
        let mut group: bindings::attribute_group = pin_init::zeroed();
        group.__bindgen_anon_2.attrs = (&raw const Self::ATTRS.0).cast_mut().cast();
        group
    });

    const GROUPS: &'static Static<[*const bindings::attribute_group; 2]> =
        &Static([&raw const Self::GROUP.0, ptr::null()]);

    const TYPE: &'static Static<bindings::device_type> = &Static(bindings::device_type {
        name: as_char_ptr_in_const_context(c"host"),
        groups: (&raw const Self::GROUPS.0).cast_mut().cast(),
        release: Some(Hdev::<T>::release),
        ..pin_init::zeroed()
    });
}

/// Device type of controllers.
pub(super) fn host_type<T: Owner>() -> *const bindings::device_type {
    &raw const Host::<T>::TYPE.0
}

static LINK_TYPE: Static<bindings::device_type> = Static(bindings::device_type {
    name: as_char_ptr_in_const_context(c"link"),
    release: Some(super::link::release),
    ..pin_init::zeroed()
});

/// Device type of links.
pub(super) fn link_type() -> *const bindings::device_type {
    &raw const LINK_TYPE.0
}
