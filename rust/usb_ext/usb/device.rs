// SPDX-License-Identifier: GPL-2.0

//! Devices.

use super::Interface;
use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    error::to_result,
    prelude::*,
    sync::aref::{
        ARef,
        AlwaysRefCounted, //
    },
    types::Opaque,
};

/// How fast a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Speed {
    /// Low or full: frames of 1 ms.
    Full,
    /// High: microframes of 125 µs.
    High,
    /// Beyond.
    Super,
}

/// A USB device (`struct usb_device`).
#[repr(transparent)]
pub struct Device(Opaque<bindings::usb_device>);

// SAFETY: A device is reference counted and may be used from any thread.
unsafe impl Send for Device {}
// SAFETY: As above; what changes is behind the USB core's locks.
unsafe impl Sync for Device {}

// SAFETY: `usb_get_dev()` and `usb_put_dev()` count references.
unsafe impl AlwaysRefCounted for Device {
    fn inc_ref(&self) {
        // SAFETY: The device is alive.
        unsafe { bindings::usb_get_dev(self.as_raw()) };
    }

    unsafe fn dec_ref(obj: NonNull<Self>) {
        // SAFETY: By the function's requirements.
        unsafe { bindings::usb_put_dev(obj.cast().as_ptr()) };
    }
}

impl Device {
    /// The C object.
    pub fn as_raw(&self) -> *mut bindings::usb_device {
        self.0.get()
    }

    /// # Safety
    ///
    /// `ptr` must be a device that is alive for as long as the reference.
    pub(super) unsafe fn from_raw<'a>(ptr: *mut bindings::usb_device) -> &'a Self {
        // SAFETY: By the function's requirements; the type is transparent.
        unsafe { &*ptr.cast() }
    }

    /// The generic device.
    pub fn device(&self) -> &kernel::device::Device {
        // SAFETY: It is part of the USB device, so it is alive as long.
        unsafe { kernel::device::Device::from_raw(&raw mut (*self.as_raw()).dev) }
    }

    pub(crate) fn dev(&self) -> *mut bindings::device {
        // SAFETY: Only a member's address is computed.
        unsafe { &raw mut (*self.as_raw()).dev }
    }

    fn descriptor(&self) -> bindings::usb_device_descriptor {
        // SAFETY: The descriptor is read before drivers are bound, and stays.
        unsafe { (*self.as_raw()).descriptor }
    }

    /// `idVendor`.
    pub fn vendor(&self) -> u16 {
        u16::from_le(self.descriptor().idVendor)
    }

    /// `idProduct`.
    pub fn product(&self) -> u16 {
        u16::from_le(self.descriptor().idProduct)
    }

    /// `bcdDevice`.
    pub fn release(&self) -> u16 {
        u16::from_le(self.descriptor().bcdDevice)
    }

    /// Class, subclass, protocol.
    pub fn class(&self) -> [u8; 3] {
        let d = self.descriptor();
        [d.bDeviceClass, d.bDeviceSubClass, d.bDeviceProtocol]
    }

    /// Its speed.
    pub fn speed(&self) -> Speed {
        // SAFETY: Set before drivers are bound.
        match unsafe { (*self.as_raw()).speed } {
            s if s >= bindings::usb_device_speed_USB_SPEED_SUPER => Speed::Super,
            bindings::usb_device_speed_USB_SPEED_HIGH => Speed::High,
            _ => Speed::Full,
        }
    }

    /// Its address on the bus.
    pub(super) fn number(&self) -> u32 {
        // SAFETY: A word that changes only while the device is reset.
        unsafe { (*self.as_raw()).devnum as u32 }
    }

    /// Whether its port is one of the host controller's own.
    pub fn is_on_root_hub(&self) -> bool {
        // SAFETY: A device that is bound to a driver has a bus and a parent.
        unsafe {
            let parent = (*self.as_raw()).parent;
            let bus = (*self.as_raw()).bus;
            !parent.is_null() && parent == (*bus).root_hub
        }
    }

    /// The interface with this number in the active configuration.
    pub fn interface(&self, number: u8) -> Option<ARef<Interface>> {
        // SAFETY: The device is alive; its interfaces are while it is configured, which it stays
        // while one of its drivers is bound, our caller.
        let intf = unsafe { bindings::usb_ifnum_to_if(self.as_raw(), u32::from(number)) };
        NonNull::new(intf).map(|intf| {
            // SAFETY: As above.
            unsafe { Interface::from_raw(intf.as_ptr()) }.into()
        })
    }

    /// Chooses an alternate setting; URBs of the interface's endpoints must not be in flight.
    /// Sleeps.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a setting that does not exist, `ENOSPC` for lack of bandwidth, or the
    /// device's.
    pub fn set_interface(&self, interface: u8, alternate: u8) -> Result {
        // SAFETY: The device is alive.
        to_result(unsafe {
            bindings::usb_set_interface(
                self.as_raw(),
                c_int::from(interface),
                c_int::from(alternate),
            )
        })
    }

    /// A control transfer of the vendor's from the device to `data`, with a time limit of
    /// `ms`. Sleeps.
    ///
    /// # Errors
    ///
    /// `EREMOTEIO` if the answer is too short, or the bus's.
    pub fn vendor_read(&self, request: u8, data: &mut [u8], ms: i32) -> Result {
        let len = u16::try_from(data.len()).map_err(|_| EMSGSIZE)?;
        // SAFETY: `data` has `len` bytes; the function makes its own copy for the transfer.
        to_result(unsafe {
            bindings::usb_control_msg_recv(
                self.as_raw(),
                0,
                request,
                (bindings::USB_TYPE_VENDOR | bindings::USB_DIR_IN) as u8,
                0,
                0,
                data.as_mut_ptr().cast(),
                len,
                ms,
                bindings::GFP_KERNEL,
            )
        })
    }

    /// A control transfer of the vendor's to the device. Sleeps.
    ///
    /// # Errors
    ///
    /// The bus's.
    pub fn vendor_write(&self, request: u8, data: &[u8], ms: i32) -> Result {
        let len = u16::try_from(data.len()).map_err(|_| EMSGSIZE)?;
        // SAFETY: As in `vendor_read`.
        to_result(unsafe {
            bindings::usb_control_msg_send(
                self.as_raw(),
                0,
                request,
                bindings::USB_TYPE_VENDOR as u8,
                0,
                0,
                data.as_ptr().cast(),
                len,
                ms,
                bindings::GFP_KERNEL,
            )
        })
    }

    /// A bulk transfer to endpoint `endpoint`. Returns how many bytes the device took. Sleeps.
    ///
    /// # Errors
    ///
    /// The bus's.
    pub fn bulk_write(&self, endpoint: u8, data: &mut KVec<u8>, ms: i32) -> Result<usize> {
        let len = c_int::try_from(data.len()).map_err(|_| EMSGSIZE)?;
        let pipe =
            (bindings::PIPE_BULK << 30) | (self.number() << 8) | (u32::from(endpoint & 0x0f) << 15);
        let mut actual = 0;
        // SAFETY: A `KVec` is memory of kmalloc, as the transfer needs; it has `len` bytes.
        to_result(unsafe {
            bindings::usb_bulk_msg(
                self.as_raw(),
                pipe,
                data.as_mut_ptr().cast(),
                len,
                &raw mut actual,
                ms,
            )
        })?;
        Ok(usize::try_from(actual).unwrap_or(0))
    }

    /// Clears the halt of the endpoint with this address. Sleeps.
    ///
    /// # Errors
    ///
    /// The bus's.
    pub fn clear_halt(&self, endpoint: &super::Endpoint) -> Result {
        // SAFETY: The device is alive.
        to_result(unsafe { bindings::usb_clear_halt(self.as_raw(), endpoint.pipe(self) as c_int) })
    }

    /// The device was used: the time after which it may sleep begins anew. Any context.
    #[inline]
    pub fn mark_last_busy(&self) {
        // SAFETY: The device is alive.
        unsafe { bindings::kext_usb_mark_last_busy(self.as_raw()) };
    }

    /// Lets the device sleep when it is idle, or not.
    pub fn set_autosuspend(&self, on: bool) {
        // SAFETY: The device is alive.
        unsafe {
            if on {
                bindings::kext_usb_enable_autosuspend(self.as_raw());
            } else {
                bindings::kext_usb_disable_autosuspend(self.as_raw());
            }
        }
    }

    /// Puts the device to sleep at once, and forbids it afterwards. Sleeps.
    ///
    /// # Errors
    ///
    /// Why it did not go to sleep.
    pub fn force_suspend_once(&self, pause: impl FnOnce()) -> Result {
        // SAFETY: The device is alive.
        let ret = unsafe {
            bindings::kext_pm_runtime_allow(self.dev());
            bindings::kext_pm_runtime_suspend(self.dev())
        };
        if ret >= 0 {
            pause();
        }
        // SAFETY: As above.
        unsafe { bindings::kext_pm_runtime_forbid(self.dev()) };
        if ret < 0 {
            return Err(Error::from_errno(ret));
        }
        Ok(())
    }

    /// Whether it can wake the system, and the user wants it to.
    pub fn may_wake(&self) -> bool {
        // SAFETY: The device is alive.
        unsafe { bindings::kext_device_may_wakeup(self.dev()) }
    }

    /// Whether it can wake the system.
    pub fn can_wake(&self) -> bool {
        // SAFETY: The device is alive.
        unsafe { bindings::kext_device_can_wakeup(self.dev()) }
    }

    /// A number of 16 bits, by its name, from the device's node in the device tree.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn node_u16(&self, name: &CStr) -> Result<u16> {
        // SAFETY: The device is alive, the name a NUL terminated string that is looked up.
        let value = unsafe { bindings::kext_of_u16(self.dev(), name.as_char_ptr()) };
        u16::try_from(value).map_err(|_| Error::from_errno(value))
    }

    /// Says that it cannot.
    pub fn set_cannot_wake(&self) {
        // SAFETY: The device is alive.
        unsafe { bindings::kext_device_set_wakeup_capable(self.dev(), false) };
    }

    /// In a driver's suspend callback: whether remote wake-up is switched on for this sleep.
    pub fn set_remote_wakeup(&self, on: bool) {
        // SAFETY: The device is alive; its lock is held in that callback.
        unsafe { bindings::kext_usb_set_do_remote_wakeup(self.as_raw(), on) };
    }

    /// In a driver's suspend callback: resume by a reset.
    pub fn set_reset_resume(&self) {
        // SAFETY: As above.
        unsafe { bindings::kext_usb_set_reset_resume(self.as_raw(), true) };
    }

    /// From now on, resume by a reset.
    pub fn always_reset_resume(&self) {
        // SAFETY: The device is alive. Its lock is held in probe, where this is called.
        unsafe { (*self.as_raw()).quirks |= bindings::KEXT_QUIRK_RESET_RESUME };
    }
}

/// Whether the machine is known to cut the power of its built-in devices in suspend.
pub fn machine_needs_reset_resume() -> bool {
    // SAFETY: May be called at any time.
    unsafe { bindings::kext_dmi_needs_reset_resume() }
}
