// SPDX-License-Identifier: GPL-2.0

//! LE advertising and scanning commands (Vol 4 Part E 7.8.5 to 7.8.11 and 7.8.52 to 7.8.71), periodic ones included.

use zerocopy::little_endian::U16;

use super::{
    le::Phys,
    ConnHandle,
    LeAddrType,
    Opcode,
    U24, //
};
use crate::BdAddr;

/// Greatest length of legacy advertising data, in bytes.
pub const LEGACY_AD_LEN: usize = 31;
/// Greatest length of extended advertising data that one command carries, in bytes.
pub const EXT_AD_LEN: usize = 251;
/// Greatest length of periodic advertising data that one command carries, in bytes.
pub const PERIODIC_AD_LEN: usize = 252;

/// Operation of the advertising data commands: the whole data is here.
pub const DATA_COMPLETE: u8 = 0x03;
/// Fragment preference of the advertising data commands: the controller should not fragment.
pub const NO_FRAGMENT: u8 = 0x01;

bit_set! {
    /// Advertising_Event_Properties (7.8.53).
    AdvProperties(U16, u16) {
        CONNECTABLE = 0;
        SCANNABLE = 1;
        DIRECTED = 2;
        HIGH_DUTY_DIRECTED = 3;
        LEGACY = 4;
        ANONYMOUS = 5;
        INCLUDE_TX_POWER = 6;
    }
}

impl AdvProperties {
    /// Legacy ADV_IND.
    pub const LEGACY_IND: Self = Self::from_bits(0x13);
    /// Legacy ADV_DIRECT_IND, low duty cycle.
    pub const LEGACY_DIRECT_IND: Self = Self::from_bits(0x15);
    /// Legacy ADV_SCAN_IND.
    pub const LEGACY_SCAN_IND: Self = Self::from_bits(0x12);
    /// Legacy ADV_NONCONN_IND.
    pub const LEGACY_NONCONN_IND: Self = Self::from_bits(0x10);
}

layout! {
    /// An advertising set to enable or disable (7.8.56).
    AdvSet {
        handle: u8,
        /// In units of 10 ms; 0 for no limit.
        duration: U16,
        /// 0 for no limit.
        max_events: u8,
    }
    /// How to scan on one PHY (7.8.64); times in units of 0.625 ms.
    ScanPhyParams {
        /// 0 passive, 1 active.
        scan_type: u8,
        interval: U16,
        window: U16,
    }
}

command! {
    /// LE Set Advertising Parameters (7.8.5); intervals in units of 0.625 ms.
    struct LeSetAdvParams(Opcode::LE_SET_ADV_PARAM) {
        pub interval_min: U16,
        pub interval_max: U16,
        /// 0 ADV_IND, 1 ADV_DIRECT_IND (high duty), 2 ADV_SCAN_IND, 3 ADV_NONCONN_IND, 4 ADV_DIRECT_IND (low duty).
        pub adv_type: u8,
        pub own_addr_type: LeAddrType,
        pub peer_addr_type: LeAddrType,
        pub peer_addr: BdAddr,
        pub channel_map: u8,
        pub filter_policy: u8,
    } => ();
    /// LE Read Advertising Physical Channel Tx Power (7.8.6), in dBm.
    struct LeReadAdvTxPower(Opcode::LE_READ_ADV_TX_POWER) => i8;
    /// LE Set Advertising Data (7.8.7).
    struct LeSetAdvData(Opcode::LE_SET_ADV_DATA) { pub length: u8, pub data: [u8; LEGACY_AD_LEN] } => ();
    /// LE Set Scan Response Data (7.8.8).
    struct LeSetScanRspData(Opcode::LE_SET_SCAN_RSP_DATA) { pub length: u8, pub data: [u8; LEGACY_AD_LEN] } => ();
    /// LE Set Advertising Enable (7.8.9).
    struct LeSetAdvEnable(Opcode::LE_SET_ADV_ENABLE) { pub enable: u8 } => ();
    /// LE Set Scan Parameters (7.8.10); times in units of 0.625 ms.
    struct LeSetScanParams(Opcode::LE_SET_SCAN_PARAM) {
        /// 0 passive, 1 active.
        pub scan_type: u8,
        pub interval: U16,
        pub window: U16,
        pub own_addr_type: LeAddrType,
        pub filter_policy: u8,
    } => ();
    /// LE Set Scan Enable (7.8.11).
    struct LeSetScanEnable(Opcode::LE_SET_SCAN_ENABLE) { pub enable: u8, pub filter_duplicates: u8 } => ();
    /// LE Set Advertising Set Random Address (7.8.52).
    struct LeSetAdvSetRandomAddress(Opcode::LE_SET_ADV_SET_RAND_ADDR) { pub handle: u8, pub bdaddr: BdAddr } => ();
    /// LE Set Extended Advertising Parameters v1 (7.8.53); the reply is the TX power chosen, in dBm.
    struct LeSetExtAdvParams(Opcode::LE_SET_EXT_ADV_PARAMS) {
        pub handle: u8,
        pub properties: AdvProperties,
        /// In units of 0.625 ms.
        pub interval_min: U24,
        pub interval_max: U24,
        pub channel_map: u8,
        pub own_addr_type: LeAddrType,
        pub peer_addr_type: LeAddrType,
        pub peer_addr: BdAddr,
        pub filter_policy: u8,
        /// In dBm; 127 for no preference.
        pub tx_power: i8,
        /// 1 LE 1M, 3 LE coded.
        pub primary_phy: u8,
        pub secondary_max_skip: u8,
        /// 1 LE 1M, 2 LE 2M, 3 LE coded.
        pub secondary_phy: u8,
        pub sid: u8,
        pub scan_request_notification: u8,
    } => i8;
    /// LE Set Extended Advertising Data (7.8.54).
    struct LeSetExtAdvData(Opcode::LE_SET_EXT_ADV_DATA) {
        pub handle: u8,
        pub operation: u8,
        pub fragment_preference: u8,
        pub length: u8,
        pub data: [u8; EXT_AD_LEN],
    } tail data[length] => ();
    /// LE Set Extended Scan Response Data (7.8.55).
    struct LeSetExtScanRspData(Opcode::LE_SET_EXT_SCAN_RSP_DATA) {
        pub handle: u8,
        pub operation: u8,
        pub fragment_preference: u8,
        pub length: u8,
        pub data: [u8; EXT_AD_LEN],
    } tail data[length] => ();
    /// LE Set Extended Advertising Enable (7.8.56): no set and disable means all of them.
    struct LeSetExtAdvEnable(Opcode::LE_SET_EXT_ADV_ENABLE) {
        pub enable: u8,
        pub num_sets: u8,
        pub sets: [AdvSet; 4],
    } tail sets[num_sets] => ();
    /// LE Read Maximum Advertising Data Length (7.8.57), in bytes.
    struct LeReadMaxAdvDataLength(Opcode::LE_READ_MAX_ADV_DATA_LEN) => U16;
    /// LE Read Number Of Supported Advertising Sets (7.8.58).
    struct LeReadNumSupportedAdvSets(Opcode::LE_READ_NUM_SUPPORTED_ADV_SETS) => u8;
    /// LE Remove Advertising Set (7.8.59).
    struct LeRemoveAdvSet(Opcode::LE_REMOVE_ADV_SET) { pub handle: u8 } => ();
    /// LE Clear Advertising Sets (7.8.60).
    struct LeClearAdvSets(Opcode::LE_CLEAR_ADV_SETS) => ();
    /// LE Set Periodic Advertising Parameters v1 (7.8.61); intervals in units of 1.25 ms.
    struct LeSetPeriodicAdvParams(Opcode::LE_SET_PER_ADV_PARAMS) {
        pub handle: u8,
        pub interval_min: U16,
        pub interval_max: U16,
        pub properties: U16,
    } => ();
    /// LE Set Periodic Advertising Data (7.8.62).
    struct LeSetPeriodicAdvData(Opcode::LE_SET_PER_ADV_DATA) {
        pub handle: u8,
        pub operation: u8,
        pub length: u8,
        pub data: [u8; PERIODIC_AD_LEN],
    } tail data[length] => ();
    /// LE Set Periodic Advertising Enable (7.8.63).
    struct LeSetPeriodicAdvEnable(Opcode::LE_SET_PER_ADV_ENABLE) { pub enable: u8, pub handle: u8 } => ();
    /// LE Set Extended Scan Parameters (7.8.64): one entry of `params` for each PHY in `phys`, in the order of the bits.
    struct LeSetExtScanParams(Opcode::LE_SET_EXT_SCAN_PARAMS) {
        pub own_addr_type: LeAddrType,
        pub filter_policy: u8,
        pub phys: Phys,
        pub params: [ScanPhyParams; 3],
    } tail params(scan_phys) => ();
    /// LE Set Extended Scan Enable (7.8.65).
    struct LeSetExtScanEnable(Opcode::LE_SET_EXT_SCAN_ENABLE) {
        pub enable: u8,
        pub filter_duplicates: u8,
        /// In units of 10 ms; 0 for no limit.
        pub duration: U16,
        /// In units of 1.28 s; 0 for none.
        pub period: U16,
    } => ();
    /// LE Periodic Advertising Create Sync (7.8.67).
    struct LePeriodicAdvCreateSync(Opcode::LE_PA_CREATE_SYNC) {
        pub options: u8,
        pub sid: u8,
        pub addr_type: LeAddrType,
        pub bdaddr: BdAddr,
        pub skip: U16,
        /// In units of 10 ms.
        pub sync_timeout: U16,
        pub sync_cte_type: u8,
    } => status;
    /// LE Periodic Advertising Create Sync Cancel (7.8.68).
    struct LePeriodicAdvCreateSyncCancel(Opcode::LE_PA_CREATE_SYNC_CANCEL) => ();
    /// LE Periodic Advertising Terminate Sync (7.8.69).
    struct LePeriodicAdvTerminateSync(Opcode::LE_PA_TERM_SYNC) { pub handle: ConnHandle } => ();
    /// LE Periodic Advertising Sync Transfer (7.8.89).
    struct LePeriodicAdvSyncTransfer(Opcode::LE_PAST) {
        pub handle: ConnHandle,
        pub service_data: U16,
        pub sync_handle: ConnHandle,
    } => ();
    /// LE Periodic Advertising Set Info Transfer (7.8.90).
    struct LePeriodicAdvSetInfoTransfer(Opcode::LE_PAST_SET_INFO) {
        pub handle: ConnHandle,
        pub service_data: U16,
        pub adv_handle: u8,
    } => ();
    /// LE Set Periodic Advertising Sync Transfer Parameters (7.8.91).
    struct LeSetPastParams(Opcode::LE_PAST_PARAMS) {
        pub handle: ConnHandle,
        pub mode: u8,
        pub skip: U16,
        /// In units of 10 ms.
        pub sync_timeout: U16,
        pub cte_type: u8,
    } => ();
}

/// How many entries of `params` go on the wire.
#[inline]
fn scan_phys(command: &LeSetExtScanParams) -> usize {
    command.phys.count()
}
