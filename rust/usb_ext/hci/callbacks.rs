// SPDX-License-Identifier: GPL-2.0

//! The callbacks of `struct hci_dev`.

use super::Device;
use crate::{
    bindings,
    skbuff::SkBuff, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    error::from_result,
    prelude::*,
    sync::{
        Arc,
        ArcBorrow, //
    },
};

/// A transport driver.
///
/// The core calls these from the moment the controller is registered until
/// [`Registration`](super::Registration)'s drop returns. Most may sleep.
pub trait Driver: Send + Sync + Sized + 'static {
    /// Opens the transport.
    ///
    /// # Errors
    ///
    /// The controller stays down.
    fn open(this: ArcBorrow<'_, Self>, dev: &Device) -> Result;

    /// Closes the transport; nothing is received afterwards.
    fn close(this: ArcBorrow<'_, Self>, dev: &Device);

    /// Drops what is queued.
    fn flush(this: ArcBorrow<'_, Self>, dev: &Device);

    /// Sends a packet.
    ///
    /// # Errors
    ///
    /// The packet, for the core to free.
    fn send(
        this: ArcBorrow<'_, Self>,
        dev: &Device,
        skb: SkBuff,
    ) -> core::result::Result<(), (Error, SkBuff)>;

    /// Links or the voice setting have changed: [`notice`](super::notice).
    fn notify(this: ArcBorrow<'_, Self>, dev: &Device, event: u32);

    /// Whether the transport may wake the system.
    fn wakeup(this: ArcBorrow<'_, Self>, dev: &Device) -> bool;

    /// Sets up the controller ([`Callback::SETUP`]).
    ///
    /// # Errors
    ///
    /// The controller stays down.
    fn setup(_this: ArcBorrow<'_, Self>, _dev: &Device) -> Result {
        Ok(())
    }

    /// Prepares for closing ([`Callback::SHUTDOWN`]).
    ///
    /// # Errors
    ///
    /// Reported only.
    fn shutdown(_this: ArcBorrow<'_, Self>, _dev: &Device) -> Result {
        Ok(())
    }

    /// Switches diagnostics ([`Callback::SET_DIAG`]).
    ///
    /// # Errors
    ///
    /// The user's.
    fn set_diag(_this: ArcBorrow<'_, Self>, _dev: &Device, _on: bool) -> Result {
        Err(EOPNOTSUPP)
    }

    /// Sets the public address, least significant byte first ([`Callback::SET_ADDRESS`]).
    ///
    /// # Errors
    ///
    /// The user's.
    fn set_address(_this: ArcBorrow<'_, Self>, _dev: &Device, _address: [u8; 6]) -> Result {
        Err(EOPNOTSUPP)
    }

    /// Resets the controller by force ([`Callback::RESET`]).
    fn reset(_this: ArcBorrow<'_, Self>, _dev: &Device) {}

    /// The controller has reported a hardware error ([`Callback::HARDWARE_ERROR`]).
    fn hardware_error(_this: ArcBorrow<'_, Self>, _dev: &Device, _code: u8) {}

    /// The type of a received packet, if its bytes tell better than the endpoint; atomic
    /// ([`Callback::CLASSIFY`]).
    fn classify(_dev: &Device, _packet: &[u8]) -> Option<u8> {
        None
    }

    /// Asks the controller for a core dump ([`Callback::COREDUMP`]).
    fn coredump(_this: ArcBorrow<'_, Self>, _dev: &Device) {}

    /// Writes the text before a core dump ([`Callback::COREDUMP`]); what does not fit is cut off.
    fn coredump_header(_this: ArcBorrow<'_, Self>, _dev: &Device, _out: &mut dyn core::fmt::Write) {
    }
}

/// Which of the optional callbacks the driver has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Callback(u32);

#[allow(missing_docs)]
impl Callback {
    pub const NONE: Self = Self(0);
    pub const SETUP: Self = Self(1 << 0);
    pub const SHUTDOWN: Self = Self(1 << 1);
    pub const SET_DIAG: Self = Self(1 << 2);
    pub const SET_ADDRESS: Self = Self(1 << 3);
    pub const RESET: Self = Self(1 << 4);
    pub const HARDWARE_ERROR: Self = Self(1 << 5);
    pub const CLASSIFY: Self = Self(1 << 6);
    pub const COREDUMP: Self = Self(1 << 7);

    /// These, and `other` if `condition` holds.
    pub const fn with(self, other: Self, condition: bool) -> Self {
        Self(self.0 | if condition { other.0 } else { 0 })
    }

    pub(super) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// The callbacks as C sees them.
pub(super) struct Thunks<T>(PhantomData<T>);

/// # Safety
///
/// `hdev` is a controller that was registered with an `Arc<T>` as its driver data, and is not
/// unregistered.
unsafe fn parts<'a, T>(hdev: *mut bindings::hci_dev) -> (ArcBorrow<'a, T>, &'a Device) {
    // SAFETY: By the function's requirements. The `Arc` is given back after the controller is
    // unregistered.
    unsafe {
        (
            ArcBorrow::from_raw((*hdev).dev.driver_data.cast_const().cast::<T>()),
            Device::from_raw(hdev),
        )
    }
}

/// Writes at the end of a packet.
struct Tail<'a>(&'a mut SkBuff);

impl core::fmt::Write for Tail<'_> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let room = self.0.tailroom();
        let bytes = text.as_bytes();
        let bytes = bytes.get(..bytes.len().min(room)).unwrap_or(&[]);
        self.0.put_slice(bytes).map_err(|_| core::fmt::Error)
    }
}

/// # Safety
///
/// All are called by the core, for a controller that `install` was called for.
impl<T: Driver> Thunks<T> {
    /// Sets the callbacks of a controller that is not registered yet.
    ///
    /// # Safety
    ///
    /// The controller is ours alone, and its driver data an `Arc<T>` that stays until it is
    /// unregistered.
    pub(super) unsafe fn install(hdev: *mut bindings::hci_dev, callbacks: Callback) {
        // SAFETY: By the function's requirements.
        let c = unsafe { &mut *hdev };
        c.open = Some(Self::open);
        c.close = Some(Self::close);
        c.flush = Some(Self::flush);
        c.send = Some(Self::send);
        c.notify = Some(Self::notify);
        c.wakeup = Some(Self::wakeup);
        // A vendor's module may have set some already.
        if callbacks.has(Callback::SETUP) {
            c.setup = Some(Self::setup);
        }
        if callbacks.has(Callback::SHUTDOWN) {
            c.shutdown = Some(Self::shutdown);
        }
        if callbacks.has(Callback::SET_DIAG) {
            c.set_diag = Some(Self::set_diag);
        }
        if callbacks.has(Callback::SET_ADDRESS) {
            c.set_bdaddr = Some(Self::set_address);
        }
        if callbacks.has(Callback::RESET) {
            c.reset = Some(Self::reset);
        }
        if callbacks.has(Callback::HARDWARE_ERROR) {
            c.hw_error = Some(Self::hardware_error);
        }
        if callbacks.has(Callback::CLASSIFY) {
            c.classify_pkt_type = Some(Self::classify);
        }
        if callbacks.has(Callback::COREDUMP) {
            // SAFETY: The controller is alive. An error means that there are no core dumps.
            unsafe {
                bindings::kext_hci_devcd_register(
                    hdev,
                    Some(Self::coredump),
                    Some(Self::coredump_header),
                )
            };
        }
    }

    /// # Safety
    ///
    /// As for all of these: see the impl.
    unsafe extern "C" fn open(hdev: *mut bindings::hci_dev) -> c_int {
        // SAFETY: By the requirements of the impl.
        let (this, dev) = unsafe { parts::<T>(hdev) };
        from_result(|| T::open(this, dev).map(|()| 0))
    }

    /// # Safety
    ///
    /// As for all of these: see the impl.
    unsafe extern "C" fn close(hdev: *mut bindings::hci_dev) -> c_int {
        // SAFETY: By the requirements of the impl.
        let (this, dev) = unsafe { parts::<T>(hdev) };
        T::close(this, dev);
        0
    }

    /// # Safety
    ///
    /// As for all of these: see the impl.
    unsafe extern "C" fn flush(hdev: *mut bindings::hci_dev) -> c_int {
        // SAFETY: By the requirements of the impl.
        let (this, dev) = unsafe { parts::<T>(hdev) };
        T::flush(this, dev);
        0
    }

    /// # Safety
    ///
    /// As for all of these: see the impl.
    unsafe extern "C" fn send(hdev: *mut bindings::hci_dev, skb: *mut bindings::sk_buff) -> c_int {
        // SAFETY: By the requirements of the impl.
        let (this, dev) = unsafe { parts::<T>(hdev) };
        let Some(skb) = NonNull::new(skb) else {
            return EINVAL.to_errno();
        };
        // SAFETY: The core gives us the packet, unless we return an error.
        match T::send(this, dev, unsafe { SkBuff::from_raw(skb) }) {
            Ok(()) => 0,
            Err((e, skb)) => {
                // Back to the core.
                skb.into_raw();
                e.to_errno()
            }
        }
    }

    /// # Safety
    ///
    /// As for all of these: see the impl.
    unsafe extern "C" fn notify(hdev: *mut bindings::hci_dev, event: c_uint) {
        // SAFETY: By the requirements of the impl.
        let (this, dev) = unsafe { parts::<T>(hdev) };
        T::notify(this, dev, event);
    }

    /// # Safety
    ///
    /// As for all of these: see the impl.
    unsafe extern "C" fn wakeup(hdev: *mut bindings::hci_dev) -> bool {
        // SAFETY: By the requirements of the impl.
        let (this, dev) = unsafe { parts::<T>(hdev) };
        T::wakeup(this, dev)
    }

    /// # Safety
    ///
    /// As for all of these: see the impl.
    unsafe extern "C" fn setup(hdev: *mut bindings::hci_dev) -> c_int {
        // SAFETY: By the requirements of the impl.
        let (this, dev) = unsafe { parts::<T>(hdev) };
        from_result(|| T::setup(this, dev).map(|()| 0))
    }

    /// # Safety
    ///
    /// As for all of these: see the impl.
    unsafe extern "C" fn shutdown(hdev: *mut bindings::hci_dev) -> c_int {
        // SAFETY: By the requirements of the impl.
        let (this, dev) = unsafe { parts::<T>(hdev) };
        from_result(|| T::shutdown(this, dev).map(|()| 0))
    }

    /// # Safety
    ///
    /// As for all of these: see the impl.
    unsafe extern "C" fn set_diag(hdev: *mut bindings::hci_dev, on: bool) -> c_int {
        // SAFETY: By the requirements of the impl.
        let (this, dev) = unsafe { parts::<T>(hdev) };
        from_result(|| T::set_diag(this, dev, on).map(|()| 0))
    }

    /// # Safety
    ///
    /// As for all of these: see the impl.
    unsafe extern "C" fn set_address(
        hdev: *mut bindings::hci_dev,
        address: *const bindings::bdaddr_t,
    ) -> c_int {
        // SAFETY: By the requirements of the impl; the address is valid.
        let ((this, dev), address) = unsafe { (parts::<T>(hdev), (*address).b) };
        from_result(|| T::set_address(this, dev, address).map(|()| 0))
    }

    /// # Safety
    ///
    /// As for all of these: see the impl.
    unsafe extern "C" fn reset(hdev: *mut bindings::hci_dev) {
        // SAFETY: By the requirements of the impl.
        let (this, dev) = unsafe { parts::<T>(hdev) };
        T::reset(this, dev);
    }

    /// # Safety
    ///
    /// As for all of these: see the impl.
    unsafe extern "C" fn hardware_error(hdev: *mut bindings::hci_dev, code: u8) {
        // SAFETY: By the requirements of the impl.
        let (this, dev) = unsafe { parts::<T>(hdev) };
        T::hardware_error(this, dev, code);
    }

    /// # Safety
    ///
    /// As for all of these: see the impl.
    unsafe extern "C" fn classify(hdev: *mut bindings::hci_dev, skb: *mut bindings::sk_buff) -> u8 {
        // SAFETY: By the requirements of the impl. The packet is only looked at.
        unsafe {
            let skb = core::mem::ManuallyDrop::new(SkBuff::from_raw(NonNull::new_unchecked(skb)));
            T::classify(Device::from_raw(hdev), skb.data())
                .unwrap_or_else(|| bindings::kext_bt_cb_pkt_type(skb.as_ptr()))
        }
    }

    /// # Safety
    ///
    /// As for all of these: see the impl.
    unsafe extern "C" fn coredump(hdev: *mut bindings::hci_dev) {
        // SAFETY: By the requirements of the impl.
        let (this, dev) = unsafe { parts::<T>(hdev) };
        T::coredump(this, dev);
    }

    /// # Safety
    ///
    /// As for all of these: see the impl.
    unsafe extern "C" fn coredump_header(
        hdev: *mut bindings::hci_dev,
        skb: *mut bindings::sk_buff,
    ) {
        // SAFETY: By the requirements of the impl. The packet stays the core's.
        unsafe {
            let (this, dev) = parts::<T>(hdev);
            let mut skb =
                core::mem::ManuallyDrop::new(SkBuff::from_raw(NonNull::new_unchecked(skb)));
            T::coredump_header(this, dev, &mut Tail(&mut skb));
        }
    }

    /// The driver data, for `Registration` to give back.
    ///
    /// # Safety
    ///
    /// The controller is unregistered, and this is called once.
    pub(super) unsafe fn take(hdev: *mut bindings::hci_dev) -> Arc<T> {
        // SAFETY: By the function's requirements; set by `Registration::new`.
        unsafe { Arc::from_raw((*hdev).dev.driver_data.cast_const().cast::<T>()) }
    }
}

/// The driver of a controller, from a vendor's module that was given the controller.
///
/// [`None`] if it is not `T`'s.
pub fn driver_of<T: Driver>(dev: &Device) -> Option<Arc<T>> {
    // SAFETY: The callbacks are set before registration.
    let open = unsafe { (*dev.as_raw()).open }?;
    if !core::ptr::fn_addr_eq(
        open,
        Thunks::<T>::open as unsafe extern "C" fn(*mut bindings::hci_dev) -> c_int,
    ) {
        return None;
    }
    // SAFETY: The callbacks are ours, so `install` was called. Vendors' modules call in a
    // callback, which the controller is registered in.
    let (this, _) = unsafe { parts::<T>(dev.as_raw()) };
    Some(this.into())
}
