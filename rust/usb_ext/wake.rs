// SPDX-License-Identifier: GPL-2.0

//! A line of its own by which a device wakes the system: an interrupt beside the bus.
//!
//! C header: [`include/linux/pm_wakeirq.h`](srctree/include/linux/pm_wakeirq.h) has the like for
//! devices whose power management knows such lines. A USB device's belongs to its hub.

use crate::{
    bindings,
    usb::{
        Device,
        OfId, //
    },
};
use core::{
    marker::PhantomPinned,
    sync::atomic::{
        AtomicBool,
        Ordering::Relaxed, //
    },
};
use kernel::{
    error::to_result,
    prelude::*,
    str::CStr,
    sync::aref::ARef, //
};

/// The interrupt `wakeup` of a device's node in the device tree.
///
/// It is listened to from [`arm`](Self::arm) to [`disarm`](Self::disarm), or until the device
/// pulls it, which counts as a wake-up event of the device and ends a sleep of the system.
pub struct WakeLine(Pin<KBox<Line>>);

/// # Invariants
///
/// - `irq` is requested, its cookie the address of this object.
/// - It is enabled while `armed` is set, but for the moment around a change of that.
/// - It wakes the system, as far as it can, while `wakes` is set, likewise.
#[pin_data(PinnedDrop)]
struct Line {
    udev: ARef<Device>,
    irq: u32,
    armed: AtomicBool,
    wakes: AtomicBool,
    #[pin]
    _pin: PhantomPinned,
}

/// Why there is no line.
pub enum Missing {
    /// The device has no such line.
    None,
    /// The interrupt was refused.
    Refused(Error),
    /// The device cannot be made one that wakes the system.
    NoWakeup(Error),
}

impl WakeLine {
    /// Requests the line of `dev`, if its node is one of `nodes`, a table with its end. The device
    /// is one that may wake the system from then on, until this is dropped.
    ///
    /// # Errors
    ///
    /// See [`Missing`].
    pub fn request(
        dev: &Device,
        nodes: &'static [OfId],
        name: &'static CStr,
    ) -> Result<Self, Missing> {
        // Without its end, or without nodes, a table is none.
        if !nodes.last().is_some_and(OfId::is_end) {
            return Err(Missing::None);
        }
        // SAFETY: The device is valid, the table static and with an end.
        let irq = unsafe { bindings::kext_of_wakeup_irq(dev.dev(), nodes.as_ptr().cast()) };
        let irq = match u32::try_from(irq) {
            Ok(0) | Err(_) => return Err(Missing::None),
            Ok(irq) => irq,
        };
        let line =
            KBox::pin_init(Line::new(dev, irq, name), GFP_KERNEL).map_err(Missing::Refused)?;
        // SAFETY: The device is alive.
        to_result(unsafe { bindings::kext_device_init_wakeup(dev.dev(), true) })
            .map_err(Missing::NoWakeup)?;
        Ok(Self(line))
    }

    /// The interrupt's number.
    pub fn irq(&self) -> u32 {
        self.0.irq
    }

    /// Listens to it, if the user wants the device to wake the system. Sleeps.
    pub fn arm(&self) {
        let line = &self.0;
        if !line.udev.may_wake() || line.armed.swap(true, Relaxed) {
            return;
        }
        // SAFETY: By the type invariant it is requested; it is not enabled.
        let wakes = unsafe { bindings::irq_set_irq_wake(line.irq, 1) } == 0;
        line.wakes.store(wakes, Relaxed);
        // SAFETY: As above.
        unsafe { bindings::enable_irq(line.irq) };
    }

    /// Does not listen any more. Sleeps.
    pub fn disarm(&self) {
        self.0.disarm();
    }
}

impl Drop for WakeLine {
    fn drop(&mut self) {
        self.disarm();
        // SAFETY: The device is alive.
        unsafe { bindings::kext_device_init_wakeup(self.0.udev.dev(), false) };
    }
}

impl Line {
    /// Requests `irq`, which stays disabled.
    fn new(dev: &Device, irq: u32, name: &'static CStr) -> impl PinInit<Self, Error> {
        let udev = ARef::from(dev);
        try_pin_init!(&this in Self {
            udev,
            irq,
            armed: AtomicBool::new(false),
            wakes: AtomicBool::new(false),
            _pin: PhantomPinned,
            // INVARIANT: Requested last, and disabled; a failure leaves no object.
            _: {
                // SAFETY: The callback is one for this cookie, which is there until the interrupt
                // is given back in its drop; the name is static.
                to_result(unsafe {
                    bindings::request_irq(
                        *irq,
                        Some(pulled),
                        bindings::IRQF_NO_AUTOEN as usize,
                        name.as_char_ptr(),
                        this.as_ptr().cast(),
                    )
                })?;
            },
        })
    }

    /// Whether it was armed, which it is not any more: it is then for the caller to disable it.
    fn take_armed(&self) -> bool {
        self.armed.swap(false, Relaxed)
    }

    /// Ends its waking the system.
    fn sleep_on(&self) {
        if self.wakes.swap(false, Relaxed) {
            // SAFETY: By the type invariant.
            unsafe { bindings::irq_set_irq_wake(self.irq, 0) };
        }
    }

    fn disarm(&self) {
        if self.take_armed() {
            // SAFETY: By the type invariant it is requested, and enabled.
            unsafe { bindings::disable_irq(self.irq) };
            self.sleep_on();
        }
    }
}

#[pinned_drop]
impl PinnedDrop for Line {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant; this waits for the callback.
        unsafe {
            bindings::free_irq(
                self.irq,
                core::ptr::from_ref::<Self>(&self).cast_mut().cast(),
            );
        }
    }
}

/// The device pulls its line.
///
/// # Safety
///
/// `cookie` must be a [`Line`].
unsafe extern "C" fn pulled(_irq: c_int, cookie: *mut c_void) -> bindings::irqreturn_t {
    // SAFETY: By the function's requirements.
    let line = unsafe { &*cookie.cast::<Line>() };
    // SAFETY: The device is alive; both may be called in any context.
    unsafe {
        bindings::pm_wakeup_dev_event(line.udev.dev(), 0, false);
        bindings::pm_system_wakeup();
    }
    if line.take_armed() {
        // SAFETY: By the type invariant it is enabled.
        unsafe { bindings::disable_irq_nosync(line.irq) };
        line.sleep_on();
    }
    bindings::irqreturn_t(bindings::irqreturn::IRQ_HANDLED.0)
}
