// SPDX-License-Identifier: GPL-2.0

//! Link control commands (Vol 4 Part E 7.1).

use zerocopy::little_endian::{
    U16,
    U32, //
};

use super::{
    ClassOfDevice,
    ConnHandle,
    Key,
    Opcode,
    Status, //
};
use crate::BdAddr;

/// General inquiry access code (Assigned Numbers 2.2), least significant octet first.
pub const GIAC: [u8; 3] = [0x33, 0x8b, 0x9e];
/// Limited inquiry access code.
pub const LIAC: [u8; 3] = [0x00, 0x8b, 0x9e];

layout! {
    /// How audio is coded (Assigned Numbers 2.11), with company and vendor's codec if `id` is 0xff.
    CodingFormat {
        id: u8,
        company: U16,
        vendor_codec: U16,
    }
}

command! {
    /// Inquiry (7.1.1).
    struct Inquiry(Opcode::INQUIRY) {
        pub lap: [u8; 3],
        /// In units of 1.28 s, 0x01 to 0x30.
        pub length: u8,
        /// 0 for no limit.
        pub num_responses: u8,
    } => status;
    /// Inquiry Cancel (7.1.2).
    struct InquiryCancel(Opcode::INQUIRY_CANCEL) => ();
    /// Periodic Inquiry Mode (7.1.3).
    struct PeriodicInquiryMode(Opcode::PERIODIC_INQ) {
        pub max_period: U16,
        pub min_period: U16,
        pub lap: [u8; 3],
        pub length: u8,
        pub num_responses: u8,
    } => ();
    /// Exit Periodic Inquiry Mode (7.1.4).
    struct ExitPeriodicInquiryMode(Opcode::EXIT_PERIODIC_INQ) => ();
    /// Create Connection (7.1.5).
    struct CreateConnection(Opcode::CREATE_CONN) {
        pub bdaddr: BdAddr,
        pub packet_type: U16,
        pub page_scan_repetition_mode: u8,
        pub reserved: u8,
        /// Bit 15: the offset is valid.
        pub clock_offset: U16,
        pub allow_role_switch: u8,
    } => status;
    /// Disconnect (7.1.6).
    struct Disconnect(Opcode::DISCONNECT) { pub handle: ConnHandle, pub reason: Status } => status;
    /// Add SCO Connection, of version 1.1 (7.1.5 there).
    struct AddScoConnection(Opcode::ADD_SCO) { pub handle: ConnHandle, pub packet_type: U16 } => status;
    /// Create Connection Cancel (7.1.7).
    struct CreateConnectionCancel(Opcode::CREATE_CONN_CANCEL) { pub bdaddr: BdAddr } => ();
    /// Accept Connection Request (7.1.8).
    struct AcceptConnectionRequest(Opcode::ACCEPT_CONN_REQ) {
        pub bdaddr: BdAddr,
        /// 0 become central, 1 stay peripheral.
        pub role: u8,
    } => status;
    /// Reject Connection Request (7.1.9).
    struct RejectConnectionRequest(Opcode::REJECT_CONN_REQ) { pub bdaddr: BdAddr, pub reason: Status } => status;
    /// Link Key Request Reply (7.1.10).
    struct LinkKeyRequestReply(Opcode::LINK_KEY_REPLY) { pub bdaddr: BdAddr, pub link_key: Key } => ();
    /// Link Key Request Negative Reply (7.1.11).
    struct LinkKeyRequestNegativeReply(Opcode::LINK_KEY_NEG_REPLY) { pub bdaddr: BdAddr } => ();
    /// PIN Code Request Reply (7.1.12).
    struct PinCodeRequestReply(Opcode::PIN_CODE_REPLY) {
        pub bdaddr: BdAddr,
        /// 1 to 16.
        pub pin_len: u8,
        pub pin: Key,
    } => BdAddr;
    /// PIN Code Request Negative Reply (7.1.13).
    struct PinCodeRequestNegativeReply(Opcode::PIN_CODE_NEG_REPLY) { pub bdaddr: BdAddr } => BdAddr;
    /// Change Connection Packet Type (7.1.14).
    struct ChangeConnectionPacketType(Opcode::CHANGE_CONN_PTYPE) { pub handle: ConnHandle, pub packet_type: U16 } => status;
    /// Authentication Requested (7.1.15).
    struct AuthenticationRequested(Opcode::AUTH_REQUESTED) { pub handle: ConnHandle } => status;
    /// Set Connection Encryption (7.1.16).
    struct SetConnectionEncryption(Opcode::SET_CONN_ENCRYPT) { pub handle: ConnHandle, pub encrypt: u8 } => status;
    /// Change Connection Link Key (7.1.17).
    struct ChangeConnectionLinkKey(Opcode::CHANGE_CONN_LINK_KEY) { pub handle: ConnHandle } => status;
    /// Remote Name Request (7.1.19).
    struct RemoteNameRequest(Opcode::REMOTE_NAME_REQ) {
        pub bdaddr: BdAddr,
        pub page_scan_repetition_mode: u8,
        pub reserved: u8,
        /// Bit 15: the offset is valid.
        pub clock_offset: U16,
    } => status;
    /// Remote Name Request Cancel (7.1.20).
    struct RemoteNameRequestCancel(Opcode::REMOTE_NAME_REQ_CANCEL) { pub bdaddr: BdAddr } => BdAddr;
    /// Read Remote Supported Features (7.1.21).
    struct ReadRemoteFeatures(Opcode::READ_REMOTE_FEATURES) { pub handle: ConnHandle } => status;
    /// Read Remote Extended Features (7.1.22).
    struct ReadRemoteExtFeatures(Opcode::READ_REMOTE_EXT_FEATURES) { pub handle: ConnHandle, pub page: u8 } => status;
    /// Read Remote Version Information (7.1.23).
    struct ReadRemoteVersion(Opcode::READ_REMOTE_VERSION) { pub handle: ConnHandle } => status;
    /// Read Clock Offset (7.1.24).
    struct ReadClockOffset(Opcode::READ_CLOCK_OFFSET) { pub handle: ConnHandle } => status;
    /// Setup Synchronous Connection (7.1.26).
    struct SetupSyncConnection(Opcode::SETUP_SYNC_CONN) {
        pub handle: ConnHandle,
        /// In octets per second.
        pub tx_bandwidth: U32,
        pub rx_bandwidth: U32,
        /// In milliseconds; 0xffff for any.
        pub max_latency: U16,
        pub voice_setting: U16,
        pub retransmission_effort: u8,
        pub packet_type: U16,
    } => status;
    /// Accept Synchronous Connection Request (7.1.27).
    struct AcceptSyncConnectionRequest(Opcode::ACCEPT_SYNC_CONN_REQ) {
        pub bdaddr: BdAddr,
        pub tx_bandwidth: U32,
        pub rx_bandwidth: U32,
        pub max_latency: U16,
        pub voice_setting: U16,
        pub retransmission_effort: u8,
        pub packet_type: U16,
    } => status;
    /// Reject Synchronous Connection Request (7.1.28).
    struct RejectSyncConnectionRequest(Opcode::REJECT_SYNC_CONN_REQ) { pub bdaddr: BdAddr, pub reason: Status } => status;
    /// IO Capability Request Reply (7.1.29).
    struct IoCapabilityRequestReply(Opcode::IO_CAPABILITY_REPLY) {
        pub bdaddr: BdAddr,
        pub io_capability: u8,
        pub oob_data: u8,
        pub authentication: u8,
    } => ();
    /// User Confirmation Request Reply (7.1.30).
    struct UserConfirmationReply(Opcode::USER_CONFIRM_REPLY) { pub bdaddr: BdAddr } => BdAddr;
    /// User Confirmation Request Negative Reply (7.1.31).
    struct UserConfirmationNegativeReply(Opcode::USER_CONFIRM_NEG_REPLY) { pub bdaddr: BdAddr } => BdAddr;
    /// User Passkey Request Reply (7.1.32).
    struct UserPasskeyReply(Opcode::USER_PASSKEY_REPLY) {
        pub bdaddr: BdAddr,
        /// 0 to 999999.
        pub passkey: U32,
    } => BdAddr;
    /// User Passkey Request Negative Reply (7.1.33).
    struct UserPasskeyNegativeReply(Opcode::USER_PASSKEY_NEG_REPLY) { pub bdaddr: BdAddr } => BdAddr;
    /// Remote OOB Data Request Reply (7.1.34).
    struct RemoteOobDataReply(Opcode::REMOTE_OOB_DATA_REPLY) { pub bdaddr: BdAddr, pub hash: Key, pub rand: Key } => ();
    /// Remote OOB Data Request Negative Reply (7.1.35).
    struct RemoteOobDataNegativeReply(Opcode::REMOTE_OOB_DATA_NEG_REPLY) { pub bdaddr: BdAddr } => ();
    /// IO Capability Request Negative Reply (7.1.36).
    struct IoCapabilityRequestNegativeReply(Opcode::IO_CAPABILITY_NEG_REPLY) { pub bdaddr: BdAddr, pub reason: Status } => ();
    /// Enhanced Setup Synchronous Connection (7.1.45).
    struct EnhancedSetupSyncConnection(Opcode::ENHANCED_SETUP_SYNC_CONN) {
        pub handle: ConnHandle,
        pub tx_bandwidth: U32,
        pub rx_bandwidth: U32,
        pub tx_coding_format: CodingFormat,
        pub rx_coding_format: CodingFormat,
        pub tx_codec_frame_size: U16,
        pub rx_codec_frame_size: U16,
        pub in_bandwidth: U32,
        pub out_bandwidth: U32,
        pub in_coding_format: CodingFormat,
        pub out_coding_format: CodingFormat,
        pub in_coded_data_size: U16,
        pub out_coded_data_size: U16,
        pub in_pcm_data_format: u8,
        pub out_pcm_data_format: u8,
        pub in_pcm_sample_payload_msb_position: u8,
        pub out_pcm_sample_payload_msb_position: u8,
        pub in_data_path: u8,
        pub out_data_path: u8,
        pub in_transport_unit_size: u8,
        pub out_transport_unit_size: u8,
        pub max_latency: U16,
        pub packet_type: U16,
        pub retransmission_effort: u8,
    } => status;
    /// Start Synchronization Train (7.1.51).
    struct StartSyncTrain(Opcode::START_SYNC_TRAIN) => status;
    /// Remote OOB Extended Data Request Reply (7.1.53).
    struct RemoteOobExtDataReply(Opcode::REMOTE_OOB_EXT_DATA_REPLY) {
        pub bdaddr: BdAddr,
        pub hash192: Key,
        pub rand192: Key,
        pub hash256: Key,
        pub rand256: Key,
    } => ();
}

/// Bits 8 to 12 of a class of device: the major device class (Assigned Numbers 2.8.2).
#[inline]
pub const fn major_class(class: ClassOfDevice) -> u8 {
    let [_, major, _] = class;
    major & 0x1f
}
