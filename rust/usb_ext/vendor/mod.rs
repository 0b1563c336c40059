// SPDX-License-Identifier: GPL-2.0

//! The vendors' modules: btintel, btrtl, btbcm, btmtk.
//!
//! They set controllers up, and are the kernel's own; their symbols are what this imports.
//! Importing a symbol loads the module, so the driver needs all four, as the C one does.

use crate::{
    bindings,
    hci::Device,
    skbuff::SkBuff, //
};
use kernel::{
    error::to_result,
    prelude::*,
    str::CStr, //
};

pub mod mediatek;

/// Which vendors the kernel is configured for.
pub mod support {
    use super::bindings as b;

    /// Broadcom.
    pub const BROADCOM: bool = b::KEXT_HAS_BCM != 0;
    /// MediaTek.
    pub const MEDIATEK: bool = b::KEXT_HAS_MTK != 0;
    /// Realtek.
    pub const REALTEK: bool = b::KEXT_HAS_RTL != 0;
    /// Devices go to sleep when idle, unless the module's parameter says otherwise.
    pub const AUTOSUSPEND: bool = b::KEXT_AUTOSUSPEND != 0;
    /// Events overtake data.
    pub const POLL_SYNC: bool = b::KEXT_POLL_SYNC != 0;
}

/// Hands a packet to a vendor's receive function, which takes it.
macro_rules! receive {
    ($function:ident, $dev:expr, $skb:expr) => {
        // SAFETY: The controller is alive and was allocated with room for the vendor's module,
        // which consumes the packet.
        to_result(unsafe { bindings::$function($dev.as_raw(), $skb.into_raw().as_ptr()) })
    };
}
pub(crate) use receive;

/// Intel.
pub mod intel {
    use super::*;

    /// Bytes behind `struct hci_dev`.
    pub const ROOM: usize = bindings::KEXT_SIZEOF_BTINTEL as usize;

    /// The command that starts the firmware, and is not answered.
    pub const OP_RESET: u16 = bindings::KEXT_INTEL_OP_RESET as u16;

    /// The one that goes to the bulk endpoint in the boot loader (secure send).
    pub const OP_SECURE_SEND: u16 = 0xfc09;

    /// Flags that the module looks at.
    #[allow(missing_docs)]
    #[derive(Clone, Copy, Debug)]
    pub enum Flag {
        Bootloader,
        RomLegacyNoWbs,
        BrokenInitialNcmd,
        BrokenShutdownLed,
    }

    impl Flag {
        fn number(self) -> u32 {
            match self {
                Self::Bootloader => bindings::INTEL_BOOTLOADER,
                Self::RomLegacyNoWbs => bindings::INTEL_ROM_LEGACY_NO_WBS_SUPPORT,
                Self::BrokenInitialNcmd => bindings::INTEL_BROKEN_INITIAL_NCMD,
                Self::BrokenShutdownLed => bindings::INTEL_BROKEN_SHUTDOWN_LED,
            }
        }
    }

    /// Sets the callbacks for set-up, shutdown, address and so on.
    ///
    /// # Errors
    ///
    /// The module's.
    pub fn configure(dev: &Device, driver: &'static CStr) -> Result {
        // SAFETY: The controller has `ROOM` bytes behind it. The name stays.
        to_result(unsafe { bindings::btintel_configure_setup(dev.as_raw(), driver.as_char_ptr()) })
    }

    /// Sets a flag.
    pub fn set_flag(dev: &Device, flag: Flag) {
        // SAFETY: As above.
        unsafe { bindings::kext_intel_set_flag(dev.as_raw(), flag.number()) };
    }

    /// Whether the flag is set. Any context.
    pub fn test_flag(dev: &Device, flag: Flag) -> bool {
        // SAFETY: As above.
        unsafe { bindings::kext_intel_test_flag(dev.as_raw(), flag.number()) }
    }

    /// Takes an event. Any context.
    ///
    /// # Errors
    ///
    /// The core's.
    pub fn receive_event(dev: &Device, skb: SkBuff) -> Result {
        receive!(btintel_recv_event, dev, skb)
    }

    /// Resets the device by ACPI, if the platform can; [`None`] if not.
    ///
    /// # Errors
    ///
    /// `EBUSY` if the last reset has not ended; the platform's.
    pub fn acpi_reset(dev: &Device) -> Option<Result> {
        // SAFETY: The controller has a `struct btintel_data` behind it.
        let method = unsafe {
            let data = bindings::kext_hci_get_priv(dev.as_raw()).cast::<bindings::btintel_data>();
            (*data).acpi_reset_method
        }?;
        // SAFETY: As above.
        if unsafe {
            bindings::kext_intel_test_and_set_flag(dev.as_raw(), bindings::INTEL_ACPI_RESET_ACTIVE)
        } {
            return Some(Err(EBUSY));
        }
        // SAFETY: The module has set the function for this controller.
        Some(to_result(unsafe { method(dev.as_raw()) }))
    }
}

/// Realtek.
pub mod realtek {
    use super::*;

    /// Bytes behind `struct hci_dev`.
    pub const ROOM: usize = bindings::KEXT_SIZEOF_BTREALTEK as usize;

    /// Tells the module who uses it.
    pub fn set_driver_name(dev: &Device, driver: &'static CStr) {
        // SAFETY: The controller has `ROOM` bytes behind it. The name stays.
        unsafe { bindings::btrtl_set_driver_name(dev.as_raw(), driver.as_char_ptr()) };
    }

    /// Sets the controller up.
    ///
    /// # Errors
    ///
    /// The module's.
    pub fn setup(dev: &Device) -> Result {
        // SAFETY: As above.
        to_result(unsafe { bindings::btrtl_setup_realtek(dev.as_raw()) })
    }

    /// Shuts the controller down.
    ///
    /// # Errors
    ///
    /// The module's.
    pub fn shutdown(dev: &Device) -> Result {
        // SAFETY: As above.
        to_result(unsafe { bindings::btrtl_shutdown_realtek(dev.as_raw()) })
    }

    /// The chip wants voice data without gaps at alternate setting 6.
    pub fn wants_continuous_alt6(dev: &Device) -> bool {
        // SAFETY: As above.
        unsafe {
            bindings::kext_realtek_test_flag(
                dev.as_raw(),
                bindings::REALTEK_ALT6_CONTINUOUS_TX_CHIP,
            )
        }
    }
}

/// Broadcom.
pub mod broadcom {
    use super::*;

    /// Sets up a controller that wants its firmware patched.
    ///
    /// # Errors
    ///
    /// The module's.
    pub fn setup_patchram(dev: &Device) -> Result {
        // SAFETY: The controller is alive.
        to_result(unsafe { bindings::btbcm_setup_patchram(dev.as_raw()) })
    }

    /// Sets up a controller of Apple's.
    ///
    /// # Errors
    ///
    /// The module's.
    pub fn setup_apple(dev: &Device) -> Result {
        // SAFETY: The controller is alive.
        to_result(unsafe { bindings::btbcm_setup_apple(dev.as_raw()) })
    }

    /// Sets the address.
    ///
    /// # Errors
    ///
    /// The module's.
    pub fn set_address(dev: &Device, address: [u8; 6]) -> Result {
        let address = bindings::bdaddr_t { b: address };
        // SAFETY: The controller is alive, and the address is copied.
        to_result(unsafe { bindings::btbcm_set_bdaddr(dev.as_raw(), &raw const address) })
    }
}
