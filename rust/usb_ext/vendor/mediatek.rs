// SPDX-License-Identifier: GPL-2.0

//! MediaTek: the module wants to know the driver's USB interfaces, and sends ISO data through one
//! of its own.

use super::receive;
use crate::{
    bindings,
    hci::Device,
    skbuff::SkBuff,
    usb::{
        Anchor,
        Completion,
        Interface,
        OutBuffer,
        Urb, //
    },
};
use core::ptr::{
    null_mut,
    NonNull, //
};
use kernel::{
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*,
    str::CStr,
    sync::aref::ARef,
};

/// Bytes behind `struct hci_dev`.
pub const ROOM: usize = bindings::KEXT_SIZEOF_BTMTK as usize;

/// The interface for ISO data.
pub const ISO_INTERFACE: u8 = 2;

/// What the driver does when the module asks for a reset.
pub trait Reset: 'static {
    /// Resets the device.
    ///
    /// # Errors
    ///
    /// Why it could not.
    fn reset(dev: &Device) -> Result;
}

fn data(dev: &Device) -> *mut bindings::btmtk_data {
    // SAFETY: The controller is alive.
    unsafe { bindings::kext_hci_get_priv(dev.as_raw()) }.cast()
}

/// # Safety
///
/// Called by the module, for a controller that `prepare` was called for.
unsafe extern "C" fn reset<R: Reset>(hdev: *mut bindings::hci_dev, _data: *mut c_void) -> c_int {
    // SAFETY: By the function's requirements.
    let dev = unsafe { Device::from_raw(hdev) };
    kernel::error::from_result(|| R::reset(dev).map(|()| 0))
}

/// Tells the module what it needs to set the controller up.
pub fn prepare<R: Reset>(
    dev: &Device,
    driver: &'static CStr,
    interface: &Interface,
    control: &Anchor,
) {
    let data = data(dev);
    // SAFETY: The controller has a `struct btmtk_data` behind it. All of this lives as long as it
    // is registered, which the driver sees to; the module uses it in calls of ours only.
    unsafe {
        (*data).drv_name = driver.as_char_ptr();
        (*data).intf = interface.as_raw();
        (*data).udev = interface.usb_device().as_raw();
        (*data).ctrl_anchor = control.as_ptr();
        (*data).reset_sync = Some(reset::<R>);
    }
}

/// Whether ISO data goes through its own interface.
pub fn has_iso(dev: &Device) -> bool {
    // SAFETY: The controller has a `struct btmtk_data` behind it.
    unsafe { bindings::kext_mtk_test_flag(dev.as_raw(), bindings::BTMTK_ISOPKT_OVER_INTR) }
}

/// The interface for ISO data was claimed.
pub fn set_iso(dev: &Device, interface: &Interface) {
    // SAFETY: As above.
    unsafe {
        (*data(dev)).isopkt_intf = interface.as_raw();
        bindings::kext_mtk_init_anchor(dev.as_raw());
        bindings::kext_mtk_set_flag(dev.as_raw(), bindings::BTMTK_ISOPKT_OVER_INTR, true);
    }
}

/// Stops ISO data. Returns the interface for the driver to give back, if there was one.
pub fn stop_iso(dev: &Device) -> Option<ARef<Interface>> {
    if !has_iso(dev) {
        return None;
    }
    let data = data(dev);
    // SAFETY: The controller has a `struct btmtk_data` behind it, whose ISO part is set up. Once
    // its URBs are killed, nobody else looks at the packet. The interface is alive: it is claimed.
    unsafe {
        bindings::usb_kill_anchored_urbs(&raw mut (*data).isopkt_anchor);
        bindings::kext_mtk_set_flag(dev.as_raw(), bindings::BTMTK_ISOPKT_RUNNING, false);
        let skb = core::mem::replace(&mut (*data).isopkt_skb, null_mut());
        if let Some(skb) = NonNull::new(skb) {
            drop(SkBuff::from_raw(skb));
        }
        bindings::kext_mtk_set_flag(dev.as_raw(), bindings::BTMTK_ISOPKT_OVER_INTR, false);
        let interface = core::mem::replace(&mut (*data).isopkt_intf, null_mut());
        (!interface.is_null()).then(|| (&*interface.cast::<Interface>()).into())
    }
}

/// Sets the controller up.
///
/// # Errors
///
/// The module's.
pub fn setup(dev: &Device) -> Result {
    // SAFETY: The controller has a `struct btmtk_data` behind it.
    to_result(unsafe { bindings::btmtk_usb_setup(dev.as_raw()) })
}

/// Shuts the controller down.
///
/// # Errors
///
/// The module's.
pub fn shutdown(dev: &Device) -> Result {
    // SAFETY: As above.
    to_result(unsafe { bindings::btmtk_usb_shutdown(dev.as_raw()) })
}

/// Sets the address.
///
/// # Errors
///
/// The module's.
pub fn set_address(dev: &Device, address: [u8; 6]) -> Result {
    let address = bindings::bdaddr_t { b: address };
    // SAFETY: As above; the address is copied.
    to_result(unsafe { bindings::btmtk_set_bdaddr(dev.as_raw(), &raw const address) })
}

/// The chip, as found in set-up.
pub fn chip(dev: &Device) -> u32 {
    // SAFETY: As above.
    unsafe { (*data(dev)).dev_id }
}

/// Whether the machine's processor is of AMD's Zen family.
pub fn platform_is_zen() -> bool {
    // SAFETY: May be called at any time.
    unsafe { bindings::kext_is_zen() }
}

/// Takes an event. Any context.
///
/// # Errors
///
/// The core's.
pub fn receive_event(dev: &Device, skb: SkBuff) -> Result {
    receive!(btmtk_recv_event, dev, skb)
}

/// Takes ACL data. Any context.
///
/// # Errors
///
/// The core's.
pub fn receive_acl(dev: &Device, skb: SkBuff) -> Result {
    receive!(btmtk_usb_recv_acl, dev, skb)
}

/// The device goes to sleep.
pub fn suspend(dev: &Device) {
    // SAFETY: As above.
    let _ = unsafe { bindings::btmtk_usb_suspend(dev.as_raw()) };
}

/// The device woke up.
pub fn resume(dev: &Device) {
    // SAFETY: As above.
    let _ = unsafe { bindings::btmtk_usb_resume(dev.as_raw()) };
}

/// Starts the module's reset of the controller, which calls [`Reset::reset`].
pub fn reset_sync(dev: &Device) {
    // SAFETY: As above.
    unsafe { bindings::btmtk_reset_sync(dev.as_raw()) };
}

/// Resets the Bluetooth part of the chip.
///
/// # Errors
///
/// The bus's.
pub fn subsystem_reset(dev: &Device) -> Result {
    // SAFETY: As above.
    to_result(unsafe { bindings::btmtk_usb_subsys_reset(dev.as_raw(), chip(dev)) })
}

/// Marks that a reset has begun; `false` if one had already.
pub fn begin_reset(dev: &Device) -> bool {
    // SAFETY: As above.
    !unsafe { bindings::kext_mtk_test_and_set_flag(dev.as_raw(), bindings::BTMTK_HW_RESET_ACTIVE) }
}

/// Marks that the reset has ended.
pub fn end_reset(dev: &Device) {
    // SAFETY: As above.
    unsafe { bindings::kext_mtk_set_flag(dev.as_raw(), bindings::BTMTK_HW_RESET_ACTIVE, false) };
}

/// Makes the URB that carries a packet of ISO data; the module pads the packet.
///
/// # Errors
///
/// The packet, and the module's error.
pub fn iso_sender<C: Completion>(
    dev: &Device,
    mut skb: SkBuff,
    context: impl FnOnce(SkBuff) -> C::Context,
) -> Result<Urb<C>, (Error, SkBuff)>
where
    C::Context: OutBuffer,
{
    /// Stands in for the callback, which is set right after.
    ///
    /// # Safety
    ///
    /// None: it does nothing.
    unsafe extern "C" fn nothing(_urb: *mut bindings::urb) {}

    skb.orphan();
    // SAFETY: The controller has a `struct btmtk_data` behind it. The packet stays ours.
    let urb = from_err_ptr(unsafe {
        bindings::alloc_mtk_intr_urb(dev.as_raw(), skb.as_ptr(), Some(nothing))
    });
    match urb.and_then(|urb| NonNull::new(urb).ok_or(ENOMEM)) {
        // SAFETY: The URB is new, and its buffer the packet's bytes.
        Ok(urb) => Ok(unsafe { Urb::adopt(urb, context(skb)) }),
        Err(e) => Err((e, skb)),
    }
}
