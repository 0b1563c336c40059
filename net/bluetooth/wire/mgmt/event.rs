// SPDX-License-Identifier: GPL-2.0

//! Parameters of events; those of New Settings, New Configuration Options and the like are the types of the fields alone.
//!
//! A structure that is called head is followed by EIR data of `eir_len` bytes, if nothing else is said.

use zerocopy::little_endian::{
    U16,
    U32,
    U64, //
};

use super::{
    types::*,
    MgmtStatus, //
};
use crate::{
    hci::ClassOfDevice,
    BdAddr, //
};

layout! {
    /// Command Complete: then the command's return parameters.
    CommandComplete { opcode: U16, status: MgmtStatus, }
    /// Command Status.
    CommandStatus { opcode: U16, status: MgmtStatus, }
    /// Controller Error.
    ControllerError { code: u8, }
    /// New Settings.
    NewSettings { current: Settings, }
    /// Class Of Device Changed.
    ClassOfDeviceChanged { class: ClassOfDevice, }
    /// Local Name Changed.
    LocalNameChanged { name: [u8; NAME_LEN], short_name: [u8; SHORT_NAME_LEN], }
    /// New Link Key.
    NewLinkKey { store_hint: u8, key: LinkKeyInfo, }
    /// New Long Term Key.
    NewLongTermKey { store_hint: u8, key: LtkInfo, }
    /// Head of Device Connected.
    DeviceConnectedHead {
        addr: AddrInfo,
        flags: DeviceFoundFlags,
        eir_len: U16,
    }
    /// Device Disconnected.
    DeviceDisconnected {
        addr: AddrInfo,
        /// See [`disconnect`].
        reason: u8,
    }
    /// Connect Failed, Authentication Failed.
    DeviceFailed { addr: AddrInfo, status: MgmtStatus, }
    /// PIN Code Request.
    PinCodeRequest { addr: AddrInfo, secure: u8, }
    /// User Confirmation Request.
    UserConfirmRequest { addr: AddrInfo, confirm_hint: u8, value: U32, }
    /// Those that are about a device only.
    Device { addr: AddrInfo, }
    /// Head of Device Found.
    DeviceFoundHead {
        addr: AddrInfo,
        /// In dBm; 127 for unknown.
        rssi: i8,
        flags: DeviceFoundFlags,
        eir_len: U16,
    }
    /// Discovering.
    Discovering { kind: AddressTypes, discovering: u8, }
    /// Passkey Notify.
    PasskeyNotify {
        addr: AddrInfo,
        passkey: U32,
        /// How many digits were entered.
        entered: u8,
    }
    /// New Identity Resolving Key.
    NewIrk { store_hint: u8, rpa: BdAddr, irk: IrkInfo, }
    /// New Signature Resolving Key.
    NewCsrk { store_hint: u8, key: CsrkInfo, }
    /// Device Added.
    DeviceAdded {
        addr: AddrInfo,
        /// As in [`AddDevice`](super::command::AddDevice).
        action: u8,
    }
    /// New Connection Parameter.
    NewConnParam {
        addr: AddrInfo,
        store_hint: u8,
        min_interval: U16,
        max_interval: U16,
        latency: U16,
        timeout: U16,
    }
    /// New Configuration Options.
    NewConfigOptions { missing: ConfigOptions, }
    /// Extended Index Added and Removed.
    ExtIndex {
        /// 0 configured, 1 unconfigured.
        kind: u8,
        bus: u8,
    }
    /// Head of Local Out Of Band Data Updated.
    LocalOobDataUpdatedHead { kind: AddressTypes, eir_len: U16, }
    /// Advertising Added and Removed.
    Advertising { instance: u8, }
    /// Head of Extended Controller Information Changed.
    ExtInfoChangedHead { eir_len: U16, }
    /// PHY Configuration Changed.
    PhyConfigurationChanged { selected: Phys, }
    /// Experimental Feature Changed.
    ExpFeatureChanged { feature: ExpFeature, }
    /// Device Flags Changed.
    DeviceFlagsChanged { addr: AddrInfo, supported: DeviceFlags, current: DeviceFlags, }
    /// Advertisement Monitor Added and Removed.
    AdvMonitor { handle: U16, }
    /// Controller Suspend.
    ControllerSuspend {
        /// 0 running, 1 disconnected, 2 page scan and/or passive scan.
        state: u8,
    }
    /// Controller Resume.
    ControllerResume {
        /// See [`wake`].
        reason: u8,
        addr: AddrInfo,
    }
    /// Head of Advertisement Monitor Device Found.
    AdvMonitorDeviceFoundHead {
        handle: U16,
        addr: AddrInfo,
        rssi: i8,
        flags: DeviceFoundFlags,
        eir_len: U16,
    }
    /// Advertisement Monitor Device Lost.
    AdvMonitorDeviceLost { handle: U16, addr: AddrInfo, }
    /// Head of Mesh Device Found.
    MeshDeviceFoundHead { addr: AddrInfo, rssi: i8, instant: U64, flags: DeviceFoundFlags, eir_len: U16, }
    /// Mesh Packet Complete.
    MeshPacketComplete { handle: u8, }
    /// Connection Subrate.
    ConnSubrateChanged {
        addr: AddrInfo,
        status: MgmtStatus,
        interval: U16,
        subrate: U16,
        latency: U16,
        continuation_number: U16,
        supervision_timeout: U16,
    }
}

/// Why a device is gone.
pub mod disconnect {
    /// Not known.
    pub const UNKNOWN: u8 = 0x00;
    /// Connection timeout.
    pub const TIMEOUT: u8 = 0x01;
    /// By this host.
    pub const LOCAL_HOST: u8 = 0x02;
    /// By the remote device.
    pub const REMOTE: u8 = 0x03;
    /// Authentication failure.
    pub const AUTH_FAILURE: u8 = 0x04;
    /// By this host, because it suspends.
    pub const LOCAL_HOST_SUSPEND: u8 = 0x05;
}

/// Why the system woke.
pub mod wake {
    /// Not by Bluetooth.
    pub const NON_BT: u8 = 0x00;
    /// By Bluetooth, but not by a device that may.
    pub const UNEXPECTED: u8 = 0x01;
    /// By a device.
    pub const REMOTE: u8 = 0x02;
}
