// SPDX-License-Identifier: GPL-2.0

//! The HCI driver interface, from the driver's side.
//!
//! A driver allocates a controller, tells the core what it can do with it, and registers it. All
//! of this is calls of what the core's module exports to transport drivers, the C one's as well as
//! ours, and reads of those members of `struct hci_dev` that drivers read.
//!
//! C header: [`include/net/bluetooth/hci_core.h`](srctree/include/net/bluetooth/hci_core.h)

mod callbacks;
mod device;
mod drv;
mod registration;

pub use callbacks::{
    driver_of,
    Callback,
    Driver, //
};
pub use device::{
    Device,
    Stat, //
};
pub use drv::{
    Answer,
    DrvCommands, //
};
pub use registration::{
    DebugFile,
    Registration,
    Unregistered, //
};

use crate::bindings;

/// A quirk of the core's (`HCI_QUIRK_*`).
pub type Quirk = u32;

/// Numbers of the quirks.
#[allow(missing_docs)]
pub mod quirk {
    use super::{
        bindings as b,
        Quirk, //
    };

    pub const BROKEN_STORED_LINK_KEY: Quirk = b::HCI_QUIRK_BROKEN_STORED_LINK_KEY;
    pub const BROKEN_ENHANCED_SETUP_SYNC_CONN: Quirk = b::HCI_QUIRK_BROKEN_ENHANCED_SETUP_SYNC_CONN;
    pub const NON_PERSISTENT_SETUP: Quirk = b::HCI_QUIRK_NON_PERSISTENT_SETUP;
    pub const FIXUP_INQUIRY_MODE: Quirk = b::HCI_QUIRK_FIXUP_INQUIRY_MODE;
    pub const BROKEN_LOCAL_COMMANDS: Quirk = b::HCI_QUIRK_BROKEN_LOCAL_COMMANDS;
    pub const RAW_DEVICE: Quirk = b::HCI_QUIRK_RAW_DEVICE;
    pub const SIMULTANEOUS_DISCOVERY: Quirk = b::HCI_QUIRK_SIMULTANEOUS_DISCOVERY;
    pub const STRICT_DUPLICATE_FILTER: Quirk = b::HCI_QUIRK_STRICT_DUPLICATE_FILTER;
    pub const BROKEN_ERR_DATA_REPORTING: Quirk = b::HCI_QUIRK_BROKEN_ERR_DATA_REPORTING;
    pub const BROKEN_READ_TRANSMIT_POWER: Quirk = b::HCI_QUIRK_BROKEN_READ_TRANSMIT_POWER;
    pub const BROKEN_SET_RPA_TIMEOUT: Quirk = b::HCI_QUIRK_BROKEN_SET_RPA_TIMEOUT;
    pub const BROKEN_EXT_SCAN: Quirk = b::HCI_QUIRK_BROKEN_EXT_SCAN;
    pub const BROKEN_READ_ENC_KEY_SIZE: Quirk = b::HCI_QUIRK_BROKEN_READ_ENC_KEY_SIZE;
    pub const BROKEN_EXT_CREATE_CONN: Quirk = b::HCI_QUIRK_BROKEN_EXT_CREATE_CONN;
    pub const BROKEN_WRITE_AUTH_PAYLOAD_TIMEOUT: Quirk =
        b::HCI_QUIRK_BROKEN_WRITE_AUTH_PAYLOAD_TIMEOUT;
    pub const RESET_ON_CLOSE: Quirk = b::HCI_QUIRK_RESET_ON_CLOSE;
    pub const FIXUP_BUFFER_SIZE: Quirk = b::HCI_QUIRK_FIXUP_BUFFER_SIZE;
    pub const WIDEBAND_SPEECH_SUPPORTED: Quirk = b::HCI_QUIRK_WIDEBAND_SPEECH_SUPPORTED;
    pub const BROKEN_LE_STATES: Quirk = b::HCI_QUIRK_BROKEN_LE_STATES;
    pub const BROKEN_FILTER_CLEAR_ALL: Quirk = b::HCI_QUIRK_BROKEN_FILTER_CLEAR_ALL;
    pub const NO_SUSPEND_NOTIFIER: Quirk = b::HCI_QUIRK_NO_SUSPEND_NOTIFIER;
    pub const BROKEN_READ_VOICE_SETTING: Quirk = b::HCI_QUIRK_BROKEN_READ_VOICE_SETTING;
    pub const BROKEN_READ_PAGE_SCAN_TYPE: Quirk = b::HCI_QUIRK_BROKEN_READ_PAGE_SCAN_TYPE;
}

/// Packet types (Vol 4 Part A 2), and the kernel's own.
#[allow(missing_docs)]
pub mod packet {
    use super::bindings as b;

    pub const COMMAND: u8 = b::HCI_COMMAND_PKT as u8;
    pub const ACL: u8 = b::HCI_ACLDATA_PKT as u8;
    pub const SCO: u8 = b::HCI_SCODATA_PKT as u8;
    pub const EVENT: u8 = b::HCI_EVENT_PKT as u8;
    pub const ISO: u8 = b::HCI_ISODATA_PKT as u8;
    pub const DIAG: u8 = b::HCI_DIAG_PKT as u8;
}

/// What `notify` is called for.
pub mod notice {
    use super::bindings as b;

    /// A voice link with CVSD.
    pub const SCO_CVSD: u32 = b::HCI_NOTIFY_ENABLE_SCO_CVSD;
    /// A voice link with transparent data.
    pub const SCO_TRANSPARENT: u32 = b::HCI_NOTIFY_ENABLE_SCO_TRANSP;
}
