// SPDX-License-Identifier: GPL-2.0

//! Drivers and their registration.

use super::{
    DeviceId,
    Interface, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::{
        null_mut,
        NonNull, //
    },
};
use kernel::{
    error::{
        from_result,
        to_result,
        VTABLE_DEFAULT_ERROR, //
    },
    prelude::*,
    str::CStr,
    types::{
        ForeignOwnable,
        Opaque, //
    },
    ThisModule,
};

type Borrowed<'a, T> = <<T as Driver>::Data as ForeignOwnable>::Borrowed<'a>;

/// A USB driver.
///
/// All callbacks but [`coredump`](Self::coredump) are called with the device lock held, and may
/// sleep. What is not implemented is not there: a driver without reset callbacks is unbound and
/// bound again when its device is reset.
#[vtable]
pub trait Driver: Sized + 'static {
    /// What is kept for each interface that is bound.
    type Data: ForeignOwnable + Send + Sync + 'static;

    /// Its name in sysfs.
    const NAME: &'static CStr;

    /// It can do with devices that go to sleep when idle.
    const AUTOSUSPEND: bool;

    /// Hubs must not put the link of its devices into a low-power state by themselves.
    const NO_HUB_LPM: bool;

    /// The first entry of its table.
    fn id_table() -> *const bindings::usb_device_id;

    /// An interface that fits. What this returns is given back to
    /// [`disconnect`](Self::disconnect).
    ///
    /// # Errors
    ///
    /// `ENODEV` if it is not for this driver after all; others are reported.
    fn probe(interface: &Interface, id: &DeviceId) -> Result<Self::Data>;

    /// The interface leaves, or the driver does. No other callback comes after it.
    fn disconnect(interface: &Interface, data: Self::Data);

    /// The device goes to sleep; `auto` if it does by itself.
    ///
    /// # Errors
    ///
    /// Keeps it from that, if it does by itself; otherwise it is ignored.
    fn suspend(_interface: &Interface, _data: Borrowed<'_, Self>, _auto: bool) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// It woke up.
    ///
    /// # Errors
    ///
    /// The driver cannot go on; the USB core reports it.
    fn resume(_interface: &Interface, _data: Borrowed<'_, Self>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// It woke up, and was reset.
    ///
    /// # Errors
    ///
    /// As for [`resume`](Self::resume).
    fn reset_resume(_interface: &Interface, _data: Borrowed<'_, Self>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// It will be reset.
    ///
    /// # Errors
    ///
    /// The driver is unbound before.
    fn pre_reset(_interface: &Interface, _data: Borrowed<'_, Self>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// It was reset.
    ///
    /// # Errors
    ///
    /// The driver is unbound and bound again.
    fn post_reset(_interface: &Interface, _data: Borrowed<'_, Self>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// The user asked for a core dump of the device (file `coredump` in sysfs).
    fn coredump(_data: Borrowed<'_, Self>) {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// # Safety
///
/// `intf` is bound to a driver `T`.
unsafe fn data<'a, T: Driver>(intf: *mut bindings::usb_interface) -> Option<Borrowed<'a, T>> {
    // SAFETY: By the function's requirements; the data is only set and cleared here, with the
    // device lock held.
    let ptr = NonNull::new(unsafe { (*intf).dev.driver_data })?;
    // SAFETY: The data of an interface that is bound to `T` is one of `T::Data::into_foreign`. It
    // is given back in `disconnect`, which nothing comes after.
    Some(unsafe { T::Data::borrow(ptr.as_ptr()) })
}

/// Takes the data of an interface.
///
/// # Safety
///
/// As for [`data`], and nobody may borrow it.
unsafe fn take<T: Driver>(intf: *mut bindings::usb_interface) -> Option<T::Data> {
    // SAFETY: By the function's requirements.
    let ptr = NonNull::new(unsafe { (*intf).dev.driver_data })?;
    // SAFETY: As above.
    unsafe { (*intf).dev.driver_data = null_mut() };
    // SAFETY: It is one of `T::Data::into_foreign`, and taken once.
    Some(unsafe { T::Data::from_foreign(ptr.as_ptr()) })
}

/// The driver that the interface is bound to.
fn driver_of(intf: &Interface) -> Option<*mut bindings::usb_driver> {
    // SAFETY: The interface is alive; a driver outlives what is bound to it.
    let driver = NonNull::new(unsafe { (*intf.dev()).driver })?;
    // SAFETY: Drivers of interfaces are USB drivers.
    Some(unsafe { kernel::container_of!(driver.as_ptr(), bindings::usb_driver, driver) })
}

fn is_driver<T: Driver>(driver: *mut bindings::usb_driver) -> bool {
    // SAFETY: A driver that something is bound to is alive.
    unsafe { (*driver).id_table == T::id_table() }
}

pub(super) fn claim<T: Driver>(intf: &Interface, sibling: &Interface, data: T::Data) -> Result {
    let driver = driver_of(intf)
        .filter(|d| is_driver::<T>(*d))
        .ok_or(ENODEV)?;
    let ptr = data.into_foreign();
    // SAFETY: Both are alive. The driver is `T`'s, so the data fits it.
    let ret = unsafe { bindings::usb_driver_claim_interface(driver, sibling.as_raw(), ptr.cast()) };
    to_result(ret).inspect_err(|_| {
        // SAFETY: The interface was not bound. The USB core leaves no pointer to the data behind.
        drop(unsafe { T::Data::from_foreign(ptr) });
    })
}

pub(super) fn release<T: Driver>(intf: &Interface, sibling: &Interface) {
    // In `disconnect` the interface still has its driver.
    let Some(driver) = driver_of(intf).filter(|d| is_driver::<T>(*d)) else {
        return;
    };
    // SAFETY: Both are alive; the USB core checks whether the sibling is bound to that driver.
    unsafe { bindings::usb_driver_release_interface(driver, sibling.as_raw()) };
}

/// The callbacks as C sees them.
struct Adapter<T>(PhantomData<T>);

impl<T: Driver> Adapter<T> {
    /// # Safety
    ///
    /// All callbacks are called by the USB core, with valid pointers, for interfaces that are
    /// bound to `T` or, in `probe`, about to be.
    unsafe extern "C" fn probe(
        intf: *mut bindings::usb_interface,
        id: *const bindings::usb_device_id,
    ) -> c_int {
        // SAFETY: By the function's requirements; `DeviceId` is transparent.
        let (interface, id) = unsafe { (Interface::from_raw(intf), &*id.cast::<DeviceId>()) };
        from_result(|| {
            let data = T::probe(interface, id)?;
            // SAFETY: The interface is being bound to `T`; the driver core leaves its data alone.
            unsafe { (*intf).dev.driver_data = data.into_foreign() };
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// As for [`probe`](Self::probe).
    unsafe extern "C" fn disconnect(intf: *mut bindings::usb_interface) {
        // SAFETY: By the requirements of `probe`. No other callback runs, nor comes later.
        if let Some(data) = unsafe { take::<T>(intf) } {
            // SAFETY: As above.
            T::disconnect(unsafe { Interface::from_raw(intf) }, data);
        }
    }

    /// # Safety
    ///
    /// As for [`probe`](Self::probe).
    unsafe fn call(
        intf: *mut bindings::usb_interface,
        f: impl FnOnce(&Interface, Borrowed<'_, T>) -> Result,
    ) -> c_int {
        // SAFETY: By the function's requirements.
        let (interface, data) = unsafe { (Interface::from_raw(intf), data::<T>(intf)) };
        from_result(|| match data {
            Some(data) => f(interface, data).map(|()| 0),
            // Claimed, and given up again.
            None => Ok(0),
        })
    }

    /// # Safety
    ///
    /// As for [`probe`](Self::probe).
    unsafe extern "C" fn suspend(
        intf: *mut bindings::usb_interface,
        message: bindings::pm_message_t,
    ) -> c_int {
        let auto = message.event & bindings::PM_EVENT_AUTO as c_int != 0;
        // SAFETY: By the requirements of `probe`.
        unsafe { Self::call(intf, |interface, data| T::suspend(interface, data, auto)) }
    }

    /// # Safety
    ///
    /// As for [`probe`](Self::probe).
    unsafe extern "C" fn resume(intf: *mut bindings::usb_interface) -> c_int {
        // SAFETY: By the requirements of `probe`.
        unsafe { Self::call(intf, T::resume) }
    }

    /// # Safety
    ///
    /// As for [`probe`](Self::probe).
    unsafe extern "C" fn reset_resume(intf: *mut bindings::usb_interface) -> c_int {
        // SAFETY: By the requirements of `probe`.
        unsafe { Self::call(intf, T::reset_resume) }
    }

    /// # Safety
    ///
    /// As for [`probe`](Self::probe).
    unsafe extern "C" fn pre_reset(intf: *mut bindings::usb_interface) -> c_int {
        // SAFETY: By the requirements of `probe`.
        unsafe { Self::call(intf, T::pre_reset) }
    }

    /// # Safety
    ///
    /// As for [`probe`](Self::probe).
    unsafe extern "C" fn post_reset(intf: *mut bindings::usb_interface) -> c_int {
        // SAFETY: By the requirements of `probe`.
        unsafe { Self::call(intf, T::post_reset) }
    }

    /// # Safety
    ///
    /// As for [`probe`](Self::probe).
    unsafe extern "C" fn coredump(dev: *mut bindings::device) {
        // SAFETY: Called by the driver core with the device lock held, for interfaces that are
        // bound to `T`.
        unsafe {
            let intf = kernel::container_of!(dev, bindings::usb_interface, dev);
            if let Some(data) = data::<T>(intf) {
                T::coredump(data);
            }
        }
    }
}

/// A driver's registration; its drop unbinds it from all interfaces.
#[pin_data(PinnedDrop)]
pub struct Registration<T: Driver> {
    #[pin]
    driver: Opaque<bindings::usb_driver>,
    _driver: PhantomData<T>,
}

// SAFETY: It gives access to nothing.
unsafe impl<T: Driver> Send for Registration<T> {}
// SAFETY: As above.
unsafe impl<T: Driver> Sync for Registration<T> {}

impl<T: Driver> Registration<T> {
    /// Registers the driver.
    pub fn new(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            driver <- Opaque::try_ffi_init(|slot: *mut bindings::usb_driver| {
                // SAFETY: `slot` is memory for a driver; all zeroes is one that does nothing.
                let driver = unsafe {
                    slot.write_bytes(0, 1);
                    &mut *slot
                };
                driver.name = T::NAME.as_char_ptr();
                driver.id_table = T::id_table();
                driver.probe = Some(Adapter::<T>::probe);
                driver.disconnect = Some(Adapter::<T>::disconnect);
                driver.suspend = T::HAS_SUSPEND.then_some(Adapter::<T>::suspend);
                driver.resume = T::HAS_RESUME.then_some(Adapter::<T>::resume);
                driver.reset_resume = T::HAS_RESET_RESUME.then_some(Adapter::<T>::reset_resume);
                driver.pre_reset = T::HAS_PRE_RESET.then_some(Adapter::<T>::pre_reset);
                driver.post_reset = T::HAS_POST_RESET.then_some(Adapter::<T>::post_reset);
                driver.driver.coredump = T::HAS_COREDUMP.then_some(Adapter::<T>::coredump);
                // SAFETY: The driver is valid until it is deregistered, as it is pinned.
                to_result(unsafe {
                    bindings::kext_usb_driver_set_flags(slot, T::AUTOSUSPEND, T::NO_HUB_LPM);
                    bindings::usb_register_driver(slot, module.as_ptr(), T::NAME.as_char_ptr())
                })
            }),
            _driver: PhantomData,
        })
    }
}

#[pinned_drop]
impl<T: Driver> PinnedDrop for Registration<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: It was registered when it was created.
        unsafe { bindings::usb_deregister(self.driver.get()) };
    }
}
