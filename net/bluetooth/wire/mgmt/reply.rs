// SPDX-License-Identifier: GPL-2.0

//! Return parameters of commands: what follows [`CommandComplete`](super::event::CommandComplete).
//!
//! A structure that is called head is followed by a list.

use zerocopy::little_endian::{
    U16,
    U32, //
};

use super::types::*;
use crate::{
    hci::{
        ClassOfDevice,
        Key, //
    },
    uuid::Uuid128,
    BdAddr, //
};

layout! {
    /// Read Version.
    Version { version: u8, revision: U16, }
    /// Head of Read Commands: then the opcodes of the commands and of the events, 16 bits each.
    CommandsHead { num_commands: U16, num_events: U16, }
    /// Head of Read Index List and Read Unconfigured Index List: then the indexes, 16 bits each.
    IndexListHead { num_controllers: U16, }
    /// An entry of Read Extended Index List, which follow an [`IndexListHead`].
    ExtIndex {
        index: U16,
        /// 0 configured, 1 unconfigured.
        kind: u8,
        bus: u8,
    }
    /// Read Controller Information.
    Info {
        bdaddr: BdAddr,
        version: u8,
        manufacturer: U16,
        supported: Settings,
        current: Settings,
        class: ClassOfDevice,
        name: [u8; NAME_LEN],
        short_name: [u8; SHORT_NAME_LEN],
    }
    /// Head of Read Extended Controller Information: then EIR data of `eir_len` bytes.
    ExtInfoHead {
        bdaddr: BdAddr,
        version: u8,
        manufacturer: U16,
        supported: Settings,
        current: Settings,
        eir_len: U16,
    }
    /// Read Controller Configuration Information.
    ConfigInfo { manufacturer: U16, supported: ConfigOptions, missing: ConfigOptions, }
    /// Set Device Class, Add UUID, Remove UUID.
    DeviceClass { class: ClassOfDevice, }
    /// Those that answer with the device they were about.
    Device { addr: AddrInfo, }
    /// Head of Get Connections: then an [`AddrInfo`] for each.
    ConnectionsHead { count: U16, }
    /// Read Local OOB Data without secure connections.
    LocalOobData { hash: Key, rand: Key, }
    /// Read Local OOB Data with secure connections.
    LocalOobDataExt { hash192: Key, rand192: Key, hash256: Key, rand256: Key, }
    /// Start and Stop Discovery.
    Discovery { kind: AddressTypes, }
    /// Get Connection Information; 127 for unknown.
    ConnInfo {
        addr: AddrInfo,
        /// In dBm.
        rssi: i8,
        /// In dBm.
        tx_power: i8,
        /// In dBm.
        max_tx_power: i8,
    }
    /// Get Clock Information.
    ClockInfo { addr: AddrInfo, local_clock: U32, piconet_clock: U32, accuracy: U16, }
    /// Head of Read Local OOB Extended Data: then EIR data of `eir_len` bytes.
    LocalOobExtDataHead { kind: AddressTypes, eir_len: U16, }
    /// Head of Read Advertising Features: then the numbers of the instances, 8 bits each.
    AdvFeaturesHead {
        supported: AdvFlags,
        /// In bytes.
        max_adv_data_len: u8,
        /// In bytes.
        max_scan_rsp_len: u8,
        max_instances: u8,
        num_instances: u8,
    }
    /// Add and Remove Advertising, Add Extended Advertising Data.
    Advertising { instance: u8, }
    /// Get Advertising Size Information, in bytes.
    AdvSizeInfo { instance: u8, flags: AdvFlags, max_adv_data_len: u8, max_scan_rsp_len: u8, }
    /// Get PHY Configuration.
    PhyConfiguration { supported: Phys, configurable: Phys, selected: Phys, }
    /// Head of Read Controller Capabilities: then entries of `cap_len` bytes altogether, in the format of EIR.
    ControllerCapHead { cap_len: U16, }
    /// Head of Read Experimental Features Information: then an [`ExpFeature`] for each.
    ExpFeaturesHead { count: U16, }
    /// Get Device Flags.
    DeviceFlagsInfo { addr: AddrInfo, supported: DeviceFlags, current: DeviceFlags, }
    /// Head of Read Advertisement Monitor Features: then the handles, 16 bits each.
    AdvMonitorFeaturesHead {
        supported: U32,
        enabled: U32,
        max_handles: U16,
        max_patterns: u8,
        num_handles: U16,
    }
    /// Add and Remove Advertisement Monitor.
    AdvMonitor { handle: U16, }
    /// Add Extended Advertising Parameters.
    ExtAdvParams { instance: u8, tx_power: i8, max_adv_data_len: u8, max_scan_rsp_len: u8, }
    /// Mesh Read Features.
    MeshFeatures { index: U16, max_handles: u8, used_handles: u8, handles: [u8; 3], }
    /// Set Experimental Feature.
    SetExpFeature { uuid: Uuid128, flags: U32, }
}

/// RSSI or power that is not known, in dBm.
const UNKNOWN_DBM: i8 = 127;

impl ConnInfo {
    /// Of a link of which nothing is known.
    pub fn unknown(addr: AddrInfo) -> Self {
        Self {
            addr,
            rssi: UNKNOWN_DBM,
            tx_power: UNKNOWN_DBM,
            max_tx_power: UNKNOWN_DBM,
        }
    }
}

impl ClockInfo {
    /// Of clocks that could not be read.
    pub fn unknown(addr: AddrInfo) -> Self {
        Self {
            addr,
            local_clock: U32::ZERO,
            piconet_clock: U32::ZERO,
            accuracy: U16::ZERO,
        }
    }
}

/// Types of the entries after a [`ControllerCapHead`].
pub mod cap {
    /// Security flags, one octet.
    pub const SEC_FLAGS: u8 = 0x01;
    /// Greatest encryption key size of BR/EDR, 16 bits.
    pub const MAX_ENC_KEY_SIZE: u8 = 0x02;
    /// Greatest encryption key size of SMP, 16 bits.
    pub const SMP_MAX_ENC_KEY_SIZE: u8 = 0x03;
    /// Least and greatest LE TX power in dBm, an octet each.
    pub const LE_TX_PWR: u8 = 0x04;
}
