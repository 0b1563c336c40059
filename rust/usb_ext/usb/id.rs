// SPDX-License-Identifier: GPL-2.0

//! Device ids, and the tables that modpost makes a module's aliases from.

use crate::bindings;

/// An entry of a driver's table (`struct usb_device_id`).
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct DeviceId(bindings::usb_device_id);

impl DeviceId {
    /// Class, subclass and protocol.
    const fn flags(vendor: bool, product: bool, device: bool, interface: bool) -> u16 {
        let mut flags = 0;
        if vendor {
            flags |= bindings::USB_DEVICE_ID_MATCH_VENDOR;
        }
        if product {
            flags |= bindings::USB_DEVICE_ID_MATCH_PRODUCT;
        }
        if device {
            flags |= bindings::USB_DEVICE_ID_MATCH_DEV_CLASS
                | bindings::USB_DEVICE_ID_MATCH_DEV_SUBCLASS
                | bindings::USB_DEVICE_ID_MATCH_DEV_PROTOCOL;
        }
        if interface {
            flags |= bindings::USB_DEVICE_ID_MATCH_INT_CLASS
                | bindings::USB_DEVICE_ID_MATCH_INT_SUBCLASS
                | bindings::USB_DEVICE_ID_MATCH_INT_PROTOCOL;
        }
        flags as u16
    }

    /// A pattern; what is [`None`] matches anything. `info` is the driver's own.
    pub const fn new(
        vendor: Option<u16>,
        product: Option<u16>,
        device: Option<[u8; 3]>,
        interface: Option<[u8; 3]>,
        info: usize,
    ) -> Self {
        const fn class(c: Option<[u8; 3]>) -> [u8; 3] {
            match c {
                Some(c) => c,
                None => [0; 3],
            }
        }
        const fn number(n: Option<u16>) -> u16 {
            match n {
                Some(n) => n,
                None => 0,
            }
        }
        let match_flags = Self::flags(
            vendor.is_some(),
            product.is_some(),
            device.is_some(),
            interface.is_some(),
        );
        let [dc, dsc, dp] = class(device);
        let [ic, isc, ip] = class(interface);
        Self(bindings::usb_device_id {
            match_flags,
            idVendor: number(vendor),
            idProduct: number(product),
            bcdDevice_lo: 0,
            bcdDevice_hi: 0,
            bDeviceClass: dc,
            bDeviceSubClass: dsc,
            bDeviceProtocol: dp,
            bInterfaceClass: ic,
            bInterfaceSubClass: isc,
            bInterfaceProtocol: ip,
            bInterfaceNumber: 0,
            driver_info: info,
        })
    }

    /// What the driver has put there; [`new`](Self::new).
    pub fn info(&self) -> usize {
        self.0.driver_info
    }

    const END: Self = Self::new(None, None, None, None, 0);
}

/// A table, with its end. Make it with [`usb_device_table!`](crate::usb_device_table).
#[repr(C)]
pub struct IdTable<const N: usize> {
    ids: [DeviceId; N],
    end: DeviceId,
}

impl<const N: usize> IdTable<N> {
    /// From its entries.
    pub const fn new(ids: [DeviceId; N]) -> Self {
        Self {
            ids,
            end: DeviceId::END,
        }
    }

    /// The first entry; the last is the end.
    pub const fn as_ptr(&self) -> *const bindings::usb_device_id {
        (&raw const *self).cast()
    }
}

/// An entry of a table of device tree nodes, by what they are compatible with.
#[repr(transparent)]
pub struct OfId(bindings::of_device_id);

// SAFETY: It is only read, and points to nothing.
unsafe impl Sync for OfId {}

impl OfId {
    /// A node that says it is compatible with `text`.
    #[inline] // For constants only: no code.
    pub const fn new(text: &str) -> Self {
        let text = text.as_bytes();
        let mut id = Self::END;
        let mut i = 0;
        while i < text.len() {
            id.0.compatible[i] = text[i];
            i += 1;
        }
        id
    }

    /// Whether this is the end of a table.
    pub fn is_end(&self) -> bool {
        self.0.compatible.first() == Some(&0)
    }

    /// The end of a table.
    pub const END: Self = Self(bindings::of_device_id {
        name: [0; 32],
        type_: [0; 32],
        compatible: [0; 128],
        data: core::ptr::null(),
    });
}

/// Declares a module's device table: modpost makes aliases from it.
#[macro_export]
macro_rules! usb_device_table {
    ($(#[$meta:meta])* $name:ident, $module:literal, $symbol:literal, $n:expr, $table:expr) => {
        $(#[$meta])*
        #[export_name = concat!("__mod_device_table__kmod_", $module, "__usb__", $symbol)]
        static $name: $crate::usb::IdTable<{ $n }> = $table;
    };
}

/// The same for device tree nodes; the table must have its end.
#[macro_export]
macro_rules! of_device_table {
    ($(#[$meta:meta])* $name:ident, $module:literal, $symbol:literal, [$($id:expr),+ $(,)?]) => {
        $(#[$meta])*
        #[export_name = concat!("__mod_device_table__kmod_", $module, "__of__", $symbol)]
        #[used(compiler)]
        static $name: [$crate::usb::OfId; [$(stringify!($id)),+].len()] = [$($id),+];
    };
}
