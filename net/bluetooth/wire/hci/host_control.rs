// SPDX-License-Identifier: GPL-2.0

//! Controller and baseband commands (Vol 4 Part E 7.3).

use zerocopy::little_endian::{
    U16,
    U32, //
};

use super::{
    event_mask::{
        EventMask,
        EventMask2, //
    },
    ClassOfDevice,
    ConnHandle,
    Key,
    Opcode, //
};
use crate::{
    layout::U8,
    BdAddr, //
};

/// Size of a device name, in bytes: NUL terminated unless it fills them.
pub const NAME_LEN: usize = 248;
/// Size of an extended inquiry response, in bytes.
pub const EIR_LEN: usize = 240;

bit_set! {
    /// Which scans a device does (7.3.18).
    ScanEnable(U8, u8) {
        INQUIRY = 0;
        PAGE = 1;
    }
}

layout! {
    /// Reply of [`ReadStoredLinkKey`].
    StoredLinkKeys {
        max_keys: U16,
        num_keys: U16,
    }
    /// Reply of [`ReadLocalName`].
    LocalName {
        name: [u8; NAME_LEN],
    }
    /// Reply of [`ReadPageScanActivity`], in units of 0.625 ms.
    PageScanActivity {
        interval: U16,
        window: U16,
    }
    /// Reply of [`ReadTransmitPowerLevel`].
    TransmitPowerLevel {
        handle: ConnHandle,
        /// In dBm.
        level: i8,
    }
    /// Reply of [`ReadLocalOobData`].
    OobData {
        hash: Key,
        rand: Key,
    }
    /// Reply of [`ReadLocalOobExtData`].
    OobExtData {
        hash192: Key,
        rand192: Key,
        hash256: Key,
        rand256: Key,
    }
    /// Reply of [`ReadAuthPayloadTimeout`].
    AuthPayloadTimeout {
        handle: ConnHandle,
        /// In units of 10 ms.
        timeout: U16,
    }
    /// Reply of [`ReadLeHostSupport`].
    LeHostSupport {
        le: u8,
        unused: u8,
    }
}

command! {
    /// Set Event Mask (7.3.1).
    struct SetEventMask(Opcode::SET_EVENT_MASK) { pub mask: EventMask } => ();
    /// Reset (7.3.2).
    struct Reset(Opcode::RESET) => ();
    /// Set Event Filter (7.3.3) in the form that lets one device connect; see [`ClearEventFilter`].
    struct SetEventFilter(Opcode::SET_EVENT_FLT) {
        /// 2: connection set-up.
        pub filter_type: u8,
        /// 2: a device address.
        pub condition_type: u8,
        pub bdaddr: BdAddr,
        pub auto_accept: u8,
    } => ();
    /// Set Event Filter (7.3.3) in the form that clears all filters.
    struct ClearEventFilter(Opcode::SET_EVENT_FLT) {
        /// 0: clear all.
        pub filter_type: u8,
    } => ();
    /// Flush (7.3.4).
    struct Flush(Opcode::FLUSH) { pub handle: ConnHandle } => ();
    /// Read Stored Link Key (7.3.8).
    struct ReadStoredLinkKey(Opcode::READ_STORED_LINK_KEY) { pub bdaddr: BdAddr, pub read_all: u8 } => StoredLinkKeys;
    /// Delete Stored Link Key (7.3.10); the reply is how many were deleted.
    struct DeleteStoredLinkKey(Opcode::DELETE_STORED_LINK_KEY) { pub bdaddr: BdAddr, pub delete_all: u8 } => U16;
    /// Write Local Name (7.3.11).
    struct WriteLocalName(Opcode::WRITE_LOCAL_NAME) { pub name: [u8; NAME_LEN] } => ();
    /// Read Local Name (7.3.12).
    struct ReadLocalName(Opcode::READ_LOCAL_NAME) => LocalName;
    /// Write Connection Accept Timeout (7.3.14), in units of 0.625 ms.
    struct WriteConnectionAcceptTimeout(Opcode::WRITE_CA_TIMEOUT) { pub timeout: U16 } => ();
    /// Write Page Timeout (7.3.16), in units of 0.625 ms.
    struct WritePageTimeout(Opcode::WRITE_PG_TIMEOUT) { pub timeout: U16 } => ();
    /// Read Scan Enable (7.3.17).
    struct ReadScanEnable(Opcode::READ_SCAN_ENABLE) => ScanEnable;
    /// Write Scan Enable (7.3.18).
    struct WriteScanEnable(Opcode::WRITE_SCAN_ENABLE) { pub scan: ScanEnable } => ();
    /// Read Page Scan Activity (7.3.19).
    struct ReadPageScanActivity(Opcode::READ_PAGE_SCAN_ACTIVITY) => PageScanActivity;
    /// Write Page Scan Activity (7.3.20), in units of 0.625 ms.
    struct WritePageScanActivity(Opcode::WRITE_PAGE_SCAN_ACTIVITY) { pub interval: U16, pub window: U16 } => ();
    /// Read Authentication Enable (7.3.23).
    struct ReadAuthenticationEnable(Opcode::READ_AUTH_ENABLE) => u8;
    /// Write Authentication Enable (7.3.24).
    struct WriteAuthenticationEnable(Opcode::WRITE_AUTH_ENABLE) { pub enable: u8 } => ();
    /// Read Encryption Mode, of version 2.0.
    struct ReadEncryptionMode(Opcode::READ_ENCRYPT_MODE) => u8;
    /// Write Encryption Mode, of version 2.0.
    struct WriteEncryptionMode(Opcode::WRITE_ENCRYPT_MODE) { pub mode: u8 } => ();
    /// Read Class Of Device (7.3.25).
    struct ReadClassOfDevice(Opcode::READ_CLASS_OF_DEV) => ClassOfDevice;
    /// Write Class Of Device (7.3.26).
    struct WriteClassOfDevice(Opcode::WRITE_CLASS_OF_DEV) { pub class: ClassOfDevice } => ();
    /// Read Voice Setting (7.3.27).
    struct ReadVoiceSetting(Opcode::READ_VOICE_SETTING) => U16;
    /// Write Voice Setting (7.3.28).
    struct WriteVoiceSetting(Opcode::WRITE_VOICE_SETTING) { pub setting: U16 } => ();
    /// Read Transmit Power Level (7.3.35).
    struct ReadTransmitPowerLevel(Opcode::READ_TX_POWER) {
        pub handle: ConnHandle,
        /// 0 current, 1 maximum.
        pub kind: u8,
    } => TransmitPowerLevel;
    /// Write Synchronous Flow Control Enable (7.3.37).
    struct WriteSyncFlowControlEnable(Opcode::WRITE_SYNC_FLOWCTL) { pub enable: u8 } => ();
    /// Host Buffer Size (7.3.39).
    struct HostBufferSize(Opcode::HOST_BUFFER_SIZE) {
        pub acl_len: U16,
        pub sco_len: u8,
        pub acl_packets: U16,
        pub sco_packets: U16,
    } => ();
    /// Read Number Of Supported IAC (7.3.43).
    struct ReadNumSupportedIac(Opcode::READ_NUM_SUPPORTED_IAC) => u8;
    /// Read Current IAC LAP (7.3.44).
    struct ReadCurrentIacLap(Opcode::READ_CURRENT_IAC_LAP) => ();
    /// Write Current IAC LAP (7.3.45).
    struct WriteCurrentIacLap(Opcode::WRITE_CURRENT_IAC_LAP) { pub num_iac: u8, pub iac_lap: [[u8; 3]; 2] } tail iac_lap[num_iac] => ();
    /// Read Page Scan Type (7.3.51 and following).
    struct ReadPageScanType(Opcode::READ_PAGE_SCAN_TYPE) => u8;
    /// Write Page Scan Type: 0 standard, 1 interlaced.
    struct WritePageScanType(Opcode::WRITE_PAGE_SCAN_TYPE) { pub scan_type: u8 } => ();
    /// Read Inquiry Mode (7.3.49).
    struct ReadInquiryMode(Opcode::READ_INQUIRY_MODE) => u8;
    /// Write Inquiry Mode (7.3.50): 0 standard, 1 with RSSI, 2 extended or with RSSI.
    struct WriteInquiryMode(Opcode::WRITE_INQUIRY_MODE) { pub mode: u8 } => ();
    /// Write Extended Inquiry Response (7.3.56).
    struct WriteEir(Opcode::WRITE_EIR) { pub fec_required: u8, pub data: [u8; EIR_LEN] } => ();
    /// Refresh Encryption Key (7.3.57).
    struct RefreshEncryptionKey(Opcode::REFRESH_ENC_KEY) { pub handle: ConnHandle } => status;
    /// Read Simple Pairing Mode (7.3.58).
    struct ReadSimplePairingMode(Opcode::READ_SSP_MODE) => u8;
    /// Write Simple Pairing Mode (7.3.59).
    struct WriteSimplePairingMode(Opcode::WRITE_SSP_MODE) { pub mode: u8 } => ();
    /// Read Local OOB Data (7.3.60).
    struct ReadLocalOobData(Opcode::READ_LOCAL_OOB_DATA) => OobData;
    /// Read Inquiry Response Transmit Power Level (7.3.61), in dBm.
    struct ReadInquiryResponseTxPower(Opcode::READ_INQ_RSP_TX_POWER) => i8;
    /// Read Default Erroneous Data Reporting (7.3.65).
    struct ReadDefaultErroneousDataReporting(Opcode::READ_DEF_ERR_DATA_REPORTING) => u8;
    /// Write Default Erroneous Data Reporting (7.3.66).
    struct WriteDefaultErroneousDataReporting(Opcode::WRITE_DEF_ERR_DATA_REPORTING) { pub enable: u8 } => ();
    /// Set Event Mask Page 2 (7.3.69).
    struct SetEventMaskPage2(Opcode::SET_EVENT_MASK_PAGE_2) { pub mask: EventMask2 } => ();
    /// Read Location Data, of version 4.0.
    struct ReadLocationData(Opcode::READ_LOCATION_DATA) => ();
    /// Read Flow Control Mode (7.3.72).
    struct ReadFlowControlMode(Opcode::READ_FLOW_CONTROL_MODE) => u8;
    /// Read LE Host Support (7.3.78).
    struct ReadLeHostSupport(Opcode::READ_LE_HOST_SUPPORTED) => LeHostSupport;
    /// Write LE Host Support (7.3.79).
    struct WriteLeHostSupport(Opcode::WRITE_LE_HOST_SUPPORTED) { pub le: u8, pub simultaneous: u8 } => ();
    /// Read Synchronization Train Parameters (7.3.90).
    struct ReadSyncTrainParams(Opcode::READ_SYNC_TRAIN_PARAMS) => ();
    /// Write Synchronization Train Parameters (7.3.91).
    struct WriteSyncTrainParams(Opcode::WRITE_SYNC_TRAIN_PARAMS) {
        pub interval_min: U16,
        pub interval_max: U16,
        pub timeout: U32,
        pub service_data: u8,
    } => ();
    /// Read Secure Connections Host Support (7.3.92).
    struct ReadScHostSupport(Opcode::READ_SC_SUPPORT) => u8;
    /// Write Secure Connections Host Support (7.3.93).
    struct WriteScHostSupport(Opcode::WRITE_SC_SUPPORT) { pub support: u8 } => ();
    /// Read Authenticated Payload Timeout (7.3.94).
    struct ReadAuthPayloadTimeout(Opcode::READ_AUTH_PAYLOAD_TO) { pub handle: ConnHandle } => AuthPayloadTimeout;
    /// Write Authenticated Payload Timeout (7.3.95), in units of 10 ms.
    struct WriteAuthPayloadTimeout(Opcode::WRITE_AUTH_PAYLOAD_TO) { pub handle: ConnHandle, pub timeout: U16 } => ConnHandle;
    /// Read Local OOB Extended Data (7.3.96).
    struct ReadLocalOobExtData(Opcode::READ_LOCAL_OOB_EXT_DATA) => OobExtData;
    /// Configure Data Path (7.3.101).
    struct ConfigureDataPath(Opcode::CONFIGURE_DATA_PATH) {
        /// 0 input (host to controller), 1 output.
        pub direction: u8,
        pub data_path: u8,
        pub vendor_len: u8,
        pub vendor_config: [u8; 252],
    } tail vendor_config[vendor_len] => ();
}
