// SPDX-License-Identifier: GPL-2.0

//! The device tables as the kernel wants them, and the module's parameters.

#![allow(unsafe_code)] // Names of sections and symbols, see the macros.

use h2::devices::MATCH;
use usb_ext::{
    bindings,
    bool_param,
    modinfo,
    of_device_table,
    param::Bool,
    usb::{
        DeviceId,
        IdTable,
        OfId, //
    },
    usb_device_table,
    vendor::support, //
};

const N: usize = MATCH.len();

const fn ids() -> [DeviceId; N] {
    let mut ids = [DeviceId::new(None, None, None, None, 0); N];
    let mut i = 0;
    #[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)] // At compile time.
    while i < N {
        let id = &MATCH[i];
        ids[i] = DeviceId::new(
            id.vendor,
            id.product,
            id.device,
            id.interface,
            id.info as usize,
        );
        i += 1;
    }
    ids
}

usb_device_table!(
    /// What the driver takes: [`h2::devices::MATCH`].
    TABLE, "btusb", "btusb_table", N, IdTable::new(ids())
);

of_device_table!(
    /// Devices with a wake-up line of their own in a device tree.
    OF_TABLE,
    "btusb",
    "btusb_match_table",
    [
        OfId::new("usb1286,204e"),
        OfId::new("usbcf3,e300"),
        OfId::new("usb4ca,301a"),
        OfId::END
    ]
);

/// The nodes of a device tree that may say by which line a device wakes the system.
pub(crate) fn nodes() -> &'static [OfId] {
    &OF_TABLE
}

/// The first entry.
pub(crate) fn id_table() -> *const bindings::usb_device_id {
    TABLE.as_ptr()
}

modinfo!(VERSION, "version=0.8");

bool_param!(
    DISABLE_SCOFIX,
    "disable_scofix",
    false,
    0o644,
    "Disable fixup of wrong SCO buffer size"
);
bool_param!(
    FORCE_SCOFIX,
    "force_scofix",
    false,
    0o644,
    "Force fixup of wrong SCO buffers size"
);
bool_param!(
    ENABLE_AUTOSUSPEND,
    "enable_autosuspend",
    support::AUTOSUSPEND,
    0o644,
    "Enable USB autosuspend by default"
);
bool_param!(
    RESET,
    "reset",
    true,
    0o644,
    "Send HCI reset command on initialization"
);

/// The parameters that decide about quirks.
pub(crate) fn params() -> h2::plan::Params {
    h2::plan::Params {
        reset: RESET.get(),
        force_scofix: FORCE_SCOFIX.get(),
        disable_scofix: DISABLE_SCOFIX.get(),
    }
}

/// Whether devices go to sleep when idle.
pub(crate) fn autosuspend() -> bool {
    let parameter: &Bool = &ENABLE_AUTOSUSPEND;
    parameter.get()
}
