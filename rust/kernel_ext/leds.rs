// SPDX-License-Identifier: GPL-2.0

//! LED triggers.
//!
//! C header: [`include/linux/leds.h`](srctree/include/linux/leds.h)

use kernel::{
    prelude::*,
    str::CString, //
};

/// How bright an LED shall be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brightness {
    /// Off.
    Off,
    /// As bright as it gets.
    Full,
}

#[cfg(CONFIG_LEDS_TRIGGERS)]
mod imp {
    use super::Brightness;
    use crate::bindings;
    use kernel::{
        error::to_result,
        prelude::*,
        str::CString,
        types::Opaque, //
    };

    /// # Invariants
    ///
    /// `trigger` is registered, and its name is `_name`.
    pub(super) struct Trigger {
        trigger: KBox<Opaque<bindings::led_trigger>>,
        _name: CString,
    }

    // SAFETY: A trigger may be used from any thread.
    unsafe impl Send for Trigger {}
    // SAFETY: As above.
    unsafe impl Sync for Trigger {}

    impl Trigger {
        pub(super) fn new(name: CString) -> Result<Self> {
            let trigger = bindings::led_trigger {
                name: name.as_char_ptr(),
                ..pin_init::zeroed()
            };
            let trigger = KBox::new(Opaque::new(trigger), GFP_KERNEL)?;
            // SAFETY: All that is not zero in a new trigger is set. It stays where it is, in its
            // box, until it is unregistered.
            to_result(unsafe { bindings::led_trigger_register(trigger.get()) })?;
            Ok(Self {
                trigger,
                _name: name,
            })
        }

        pub(super) fn event(&self, brightness: Brightness) {
            let brightness = match brightness {
                Brightness::Off => bindings::led_brightness_LED_OFF,
                Brightness::Full => bindings::led_brightness_LED_FULL,
            };
            // SAFETY: By the type invariant.
            unsafe { bindings::led_trigger_event(self.trigger.get(), brightness) };
        }
    }

    impl Drop for Trigger {
        fn drop(&mut self) {
            // SAFETY: By the type invariant. No LED uses the trigger after that.
            unsafe { bindings::led_trigger_unregister(self.trigger.get()) };
        }
    }
}

#[cfg(not(CONFIG_LEDS_TRIGGERS))]
mod imp {
    use super::Brightness;
    use kernel::{
        prelude::*,
        str::CString, //
    };

    pub(super) struct Trigger;

    impl Trigger {
        pub(super) fn new(_name: CString) -> Result<Self> {
            Ok(Self)
        }

        pub(super) fn event(&self, _brightness: Brightness) {}
    }
}

/// A trigger that users can give to LEDs, by its name. Its drop unregisters it.
///
/// An LED that gets the trigger later shows what the last [`Self::event`] said: the LED core keeps
/// it for triggers that have no function of their own for that.
///
/// Without `CONFIG_LEDS_TRIGGERS` it does nothing.
pub struct LedTrigger(imp::Trigger);

impl LedTrigger {
    /// Registers a trigger. Sleeps.
    ///
    /// # Errors
    ///
    /// `EEXIST` if there is one of that name; `ENOMEM`.
    pub fn new(name: CString) -> Result<Self> {
        imp::Trigger::new(name).map(Self)
    }

    /// Sets all LEDs that have this trigger. Any context.
    pub fn event(&self, brightness: Brightness) {
        self.0.event(brightness);
    }
}
