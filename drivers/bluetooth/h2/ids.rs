// SPDX-License-Identifier: GPL-2.0

//! Which devices: patterns of USB ids and classes.

/// What is special about a device, as the bits of `usb_device_id.driver_info`.
///
/// Names and numbers are the kernel's, so that its tables and ours can be compared. They may
/// come in from user space, too (`new_id` in sysfs).
#[allow(missing_docs)]
pub mod flags {
    pub const NONE: u32 = 0;
    pub const IGNORE: u32 = 1 << 0;
    pub const DIGIANSWER: u32 = 1 << 1;
    pub const CSR: u32 = 1 << 2;
    pub const SNIFFER: u32 = 1 << 3;
    pub const BCM92035: u32 = 1 << 4;
    pub const BROKEN_ISOC: u32 = 1 << 5;
    pub const WRONG_SCO_MTU: u32 = 1 << 6;
    pub const ATH3012: u32 = 1 << 7;
    pub const INTEL_COMBINED: u32 = 1 << 8;
    pub const INTEL_BOOT: u32 = 1 << 9;
    pub const BCM_PATCHRAM: u32 = 1 << 10;
    pub const MARVELL: u32 = 1 << 11;
    pub const SWAVE: u32 = 1 << 12;
    pub const AMP: u32 = 1 << 13;
    pub const QCA_ROME: u32 = 1 << 14;
    pub const BCM_APPLE: u32 = 1 << 15;
    pub const REALTEK: u32 = 1 << 16;
    pub const BCM2045: u32 = 1 << 17;
    pub const IFNUM_2: u32 = 1 << 18;
    pub const CW6622: u32 = 1 << 19;
    pub const MEDIATEK: u32 = 1 << 20;
    pub const WIDEBAND_SPEECH: u32 = 1 << 21;
    pub const INVALID_LE_STATES: u32 = 1 << 22;
    pub const QCA_WCN6855: u32 = 1 << 23;
    pub const INTEL_BROKEN_SHUTDOWN_LED: u32 = 1 << 24;
    pub const INTEL_BROKEN_INITIAL_NCMD: u32 = 1 << 25;
    pub const INTEL_NO_WBS_SUPPORT: u32 = 1 << 26;
    pub const ACTIONS_SEMI: u32 = 1 << 27;
    pub const BARROT: u32 = 1 << 28;
    pub const BROKEN_EXT_SCAN: u32 = 1 << 29;
}

/// Class, subclass and protocol (USB 2.0, 9.6.1 and 9.6.5).
pub type Class = [u8; 3];

/// The class of vendor specific devices, whose interfaces say nothing to anybody else.
const VENDOR_SPECIFIC: u8 = 0xff;

/// A pattern; what is [`None`] matches anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id {
    /// `idVendor`.
    pub vendor: Option<u16>,
    /// `idProduct`; only with a vendor.
    pub product: Option<u16>,
    /// The device's class.
    pub device: Option<Class>,
    /// The interface's class.
    pub interface: Option<Class>,
    /// What is special about it: [`flags`].
    pub info: u32,
}

impl Id {
    const ANY: Self = Self {
        vendor: None,
        product: None,
        device: None,
        interface: None,
        info: flags::NONE,
    };

    /// One product (`USB_DEVICE`).
    pub const fn device(vendor: u16, product: u16, info: u32) -> Self {
        Self {
            vendor: Some(vendor),
            product: Some(product),
            info,
            ..Self::ANY
        }
    }

    /// Devices of a class (`USB_DEVICE_INFO`).
    pub const fn device_info(class: u8, subclass: u8, protocol: u8, info: u32) -> Self {
        Self {
            device: Some([class, subclass, protocol]),
            info,
            ..Self::ANY
        }
    }

    /// Interfaces of a class (`USB_INTERFACE_INFO`).
    pub const fn interface_info(class: u8, subclass: u8, protocol: u8, info: u32) -> Self {
        Self {
            interface: Some([class, subclass, protocol]),
            info,
            ..Self::ANY
        }
    }

    /// Interfaces of a class at one vendor's devices (`USB_VENDOR_AND_INTERFACE_INFO`).
    pub const fn vendor_and_interface_info(
        vendor: u16,
        class: u8,
        subclass: u8,
        protocol: u8,
        info: u32,
    ) -> Self {
        Self {
            vendor: Some(vendor),
            interface: Some([class, subclass, protocol]),
            info,
            ..Self::ANY
        }
    }

    /// Interfaces of a class at one product (`USB_DEVICE_AND_INTERFACE_INFO`).
    pub const fn device_and_interface_info(
        vendor: u16,
        product: u16,
        class: u8,
        subclass: u8,
        protocol: u8,
        info: u32,
    ) -> Self {
        Self {
            vendor: Some(vendor),
            product: Some(product),
            interface: Some([class, subclass, protocol]),
            info,
            ..Self::ANY
        }
    }

    /// Whether this is the device and the interface.
    ///
    /// As in the kernel's `usb_match_id()`: an interface's class says nothing on a device of
    /// class "vendor specific", unless the pattern names the vendor.
    pub fn matches(&self, identity: &Identity) -> bool {
        fn is<T: PartialEq>(wanted: Option<T>, actual: T) -> bool {
            match wanted {
                Some(wanted) => wanted == actual,
                None => true,
            }
        }
        let [device_class, ..] = identity.device;
        let telling = device_class != VENDOR_SPECIFIC || self.vendor.is_some();
        is(self.vendor, identity.vendor)
            && is(self.product, identity.product)
            && is(self.device, identity.device)
            && is(self.interface, identity.interface)
            && (self.interface.is_none() || telling)
    }
}

/// What a device says of itself in its descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `idVendor`.
    pub vendor: u16,
    /// `idProduct`.
    pub product: u16,
    /// `bcdDevice`: the release, in decimal digits.
    pub release: u16,
    /// The device's class.
    pub device: Class,
    /// The class of the interface that is probed.
    pub interface: Class,
}

/// What is special about the device: the flags of the row in [`MATCH`](crate::devices::MATCH)
/// that it was found by or, if that has none, those of the first row of
/// [`QUIRKS`](crate::devices::QUIRKS) that fits.
pub fn resolve(matched: u32, identity: &Identity) -> u32 {
    if matched != flags::NONE {
        return matched;
    }
    crate::devices::QUIRKS
        .iter()
        .find(|id| id.matches(identity))
        .map_or(flags::NONE, |id| id.info)
}
