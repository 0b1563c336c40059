// SPDX-License-Identifier: GPL-2.0

//! Interfaces, their alternate settings and endpoints.

use super::{
    driver,
    Device,
    Driver,
    Speed, //
};
use crate::bindings;
use core::{
    ptr::NonNull,
    slice, //
};
use kernel::{
    error::to_result,
    prelude::*,
    sync::aref::{
        ARef,
        AlwaysRefCounted, //
    },
    types::Opaque,
};

/// The way of an endpoint's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the host.
    In,
    /// To the device.
    Out,
}

/// What an endpoint's transfers are like.
#[allow(missing_docs)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferType {
    Control,
    Isochronous,
    Bulk,
    Interrupt,
}

/// What a descriptor tells of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its address, direction included.
    pub address: u8,
    /// What its transfers are like.
    pub kind: TransferType,
    /// `bInterval`, in the descriptor's unit.
    pub interval: u8,
    /// Bytes in a packet, at most.
    pub max_packet: u16,
}

impl Endpoint {
    fn new(desc: &bindings::usb_endpoint_descriptor) -> Self {
        Self {
            address: desc.bEndpointAddress,
            kind: match desc.bmAttributes & 3 {
                0 => TransferType::Control,
                1 => TransferType::Isochronous,
                2 => TransferType::Bulk,
                _ => TransferType::Interrupt,
            },
            interval: desc.bInterval,
            max_packet: u16::from_le(desc.wMaxPacketSize) & 0x07ff,
        }
    }

    /// The way of its data.
    pub fn direction(&self) -> Direction {
        if self.address & 0x80 != 0 {
            Direction::In
        } else {
            Direction::Out
        }
    }

    /// How an URB names it.
    pub(super) fn pipe(&self, dev: &Device) -> u32 {
        let kind = match self.kind {
            TransferType::Isochronous => bindings::PIPE_ISOCHRONOUS,
            TransferType::Interrupt => bindings::PIPE_INTERRUPT,
            TransferType::Control => bindings::PIPE_CONTROL,
            TransferType::Bulk => bindings::PIPE_BULK,
        };
        (kind << 30)
            | (dev.number() << 8)
            | (u32::from(self.address & 0x0f) << 15)
            | u32::from(self.address & 0x80)
    }

    /// The interval in frames or microframes, as an URB has it.
    pub fn urb_interval(&self, speed: Speed) -> i32 {
        if speed == Speed::Full {
            i32::from(self.interval)
        } else {
            1i32.wrapping_shl(u32::from(self.interval.clamp(1, 16).wrapping_sub(1)))
        }
    }
}

/// An interface of a device (`struct usb_interface`): what a driver binds to.
#[repr(transparent)]
pub struct Interface(Opaque<bindings::usb_interface>);

// SAFETY: An interface is reference counted and may be used from any thread.
unsafe impl Send for Interface {}
// SAFETY: As above.
unsafe impl Sync for Interface {}

// SAFETY: `usb_get_intf()` and `usb_put_intf()` count references.
unsafe impl AlwaysRefCounted for Interface {
    fn inc_ref(&self) {
        // SAFETY: The interface is alive.
        unsafe { bindings::usb_get_intf(self.as_raw()) };
    }

    unsafe fn dec_ref(obj: NonNull<Self>) {
        // SAFETY: By the function's requirements.
        unsafe { bindings::usb_put_intf(obj.cast().as_ptr()) };
    }
}

impl PartialEq for Interface {
    fn eq(&self, other: &Self) -> bool {
        core::ptr::eq(self, other)
    }
}

impl Interface {
    /// The C object.
    pub fn as_raw(&self) -> *mut bindings::usb_interface {
        self.0.get()
    }

    /// # Safety
    ///
    /// `ptr` must be an interface that is alive for as long as the reference.
    pub(super) unsafe fn from_raw<'a>(ptr: *mut bindings::usb_interface) -> &'a Self {
        // SAFETY: By the function's requirements; the type is transparent.
        unsafe { &*ptr.cast() }
    }

    /// The generic device.
    pub fn device(&self) -> &kernel::device::Device {
        // SAFETY: It is part of the interface, so it is alive as long.
        unsafe { kernel::device::Device::from_raw(self.dev()) }
    }

    pub(crate) fn dev(&self) -> *mut bindings::device {
        // SAFETY: Only a member's address is computed.
        unsafe { &raw mut (*self.as_raw()).dev }
    }

    /// The device that it is part of.
    pub fn usb_device(&self) -> ARef<Device> {
        // SAFETY: The device is its interfaces' parent, so it is alive as long as they are.
        unsafe {
            let parent = (*self.dev()).parent;
            Device::from_raw(kernel::container_of!(parent, bindings::usb_device, dev))
        }
        .into()
    }

    /// # Safety
    ///
    /// The setting is one of this interface, which are alive as long as it is.
    unsafe fn endpoints_of(
        &self,
        setting: *const bindings::usb_host_interface,
    ) -> &[bindings::usb_host_endpoint] {
        // SAFETY: By the function's requirements. The USB core has checked the number.
        unsafe {
            let count = usize::from((*setting).desc.bNumEndpoints);
            if count == 0 {
                return &[];
            }
            slice::from_raw_parts((*setting).endpoint, count)
        }
    }

    fn settings(&self) -> &[bindings::usb_host_interface] {
        // SAFETY: An interface has as many settings as it says, at least one; they stay.
        unsafe {
            slice::from_raw_parts(
                (*self.as_raw()).altsetting,
                (*self.as_raw()).num_altsetting as usize,
            )
        }
    }

    /// The setting that is chosen.
    fn current(&self) -> *const bindings::usb_host_interface {
        // SAFETY: A word; it always points to one of the settings.
        unsafe { (&raw const (*self.as_raw()).cur_altsetting).read_volatile() }
    }

    /// Its number.
    pub fn number(&self) -> u8 {
        // SAFETY: Points to one of the settings, which all have the number.
        unsafe { (*self.current()).desc.bInterfaceNumber }
    }

    /// Class, subclass, protocol of the chosen setting.
    pub fn class(&self) -> [u8; 3] {
        // SAFETY: Points to one of the settings.
        let d = unsafe { (*self.current()).desc };
        [
            d.bInterfaceClass,
            d.bInterfaceSubClass,
            d.bInterfaceProtocol,
        ]
    }

    /// The numbers of the settings that there are.
    pub fn alternate_settings(&self) -> impl Iterator<Item = u8> + '_ {
        self.settings().iter().map(|s| s.desc.bAlternateSetting)
    }

    /// The endpoint of the chosen setting with this type and direction; the first, if there are
    /// more.
    pub fn endpoint(&self, kind: TransferType, direction: Direction) -> Option<Endpoint> {
        // SAFETY: The chosen setting is one of this interface.
        unsafe { self.endpoints_of(self.current()) }
            .iter()
            .map(|e| Endpoint::new(&e.desc))
            .find(|e| e.kind == kind && e.direction() == direction)
    }

    /// Wakes the device up and keeps it awake. Sleeps.
    ///
    /// # Errors
    ///
    /// Why it cannot be woken.
    pub fn power_get(&self) -> Result<PowerRef> {
        // SAFETY: The interface is alive.
        to_result(unsafe { bindings::kext_usb_autopm_get(self.as_raw()) })?;
        Ok(PowerRef(self.into()))
    }

    /// Whether the device must be able to wake the host before it may sleep.
    pub fn needs_remote_wakeup(&self) -> bool {
        // SAFETY: The interface is alive.
        unsafe { bindings::kext_usb_needs_remote_wakeup(self.as_raw()) }
    }

    /// Sets that. Call it with a [`PowerRef`], as the device decides when it goes to sleep.
    pub fn set_needs_remote_wakeup(&self, _awake: &PowerRef, on: bool) {
        // SAFETY: The interface is alive, and nobody reads the bit while the device is awake.
        unsafe { bindings::kext_usb_set_needs_remote_wakeup(self.as_raw(), on) };
    }

    /// Resets the device, later and by somebody else: drivers without reset callbacks are unbound
    /// and bound again. Any context.
    pub fn queue_reset(&self) {
        // SAFETY: The interface is alive; the USB core takes a reference of its own.
        unsafe { bindings::usb_queue_reset_device(self.as_raw()) };
    }

    /// Binds `sibling`, another interface of the device, to the driver `T`, which `self` is bound
    /// to, with its data. Only in probe, or with the sibling's device lock held.
    ///
    /// # Errors
    ///
    /// `EBUSY` if it has a driver already.
    pub fn claim<T: Driver>(&self, sibling: &Interface, data: T::Data) -> Result {
        driver::claim::<T>(self, sibling, data)
    }

    /// [`claim`](Self::claim) outside of probe: takes the sibling's device lock. Sleeps.
    ///
    /// # Errors
    ///
    /// As for [`claim`](Self::claim).
    pub fn claim_locked<T: Driver>(&self, sibling: &Interface, data: T::Data) -> Result {
        // SAFETY: The interface is alive.
        unsafe { bindings::kext_device_lock(sibling.dev()) };
        let result = driver::claim::<T>(self, sibling, data);
        // SAFETY: Locked above.
        unsafe { bindings::kext_device_unlock(sibling.dev()) };
        result
    }

    /// Unbinds `sibling`, which was [`claim`](Self::claim)ed: its data is disconnected. Nothing
    /// happens if it is unbound already.
    pub fn release<T: Driver>(&self, sibling: &Interface) {
        driver::release::<T>(self, sibling);
    }
}

/// The device is awake, and stays so until this is dropped (in a context that may sleep).
pub struct PowerRef(ARef<Interface>);

impl PowerRef {
    /// Gives it up without letting the device go to sleep because of it. Any context.
    pub fn put_no_suspend(self) {
        let this = core::mem::ManuallyDrop::new(self);
        // SAFETY: The reference is given back once, as `this` is not dropped, and so is the
        // interface's.
        unsafe {
            bindings::kext_usb_autopm_put_no_suspend(this.0.as_raw());
            drop(core::ptr::read(&this.0));
        }
    }
}

impl Drop for PowerRef {
    fn drop(&mut self) {
        // SAFETY: `power_get` has taken the reference.
        unsafe { bindings::kext_usb_autopm_put(self.0.as_raw()) };
    }
}
