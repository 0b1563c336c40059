// SPDX-License-Identifier: GPL-2.0

//! LE controller commands (Vol 4 Part E 7.8): the controller itself, connections, security, lists.
//!
//! Advertising and scanning are in [`le_adv`](super::le_adv), isochronous channels in [`le_iso`](super::le_iso).

use zerocopy::little_endian::{
    U16,
    U64, //
};

use super::{
    event_mask::LeEventMask,
    features::LeFeatures,
    ConnHandle,
    Key,
    LeAddrType,
    Opcode, //
};
use crate::{
    layout::U8,
    BdAddr,
    Bounded,
    Malformed,
    Reader, //
};

bit_set! {
    /// A set of PHYs (7.8.48).
    Phys(U8, u8) {
        LE_1M = 0;
        LE_2M = 1;
        LE_CODED = 2;
    }
}

impl Phys {
    /// How many PHYs are in.
    #[inline]
    pub const fn count(self) -> usize {
        self.bits().count_ones() as usize
    }
}

layout! {
    /// Reply of [`LeReadBufferSize`].
    LeBufferSize {
        /// Greatest length of the data in an ACL packet, in bytes; 0 if the BR/EDR buffers are shared.
        acl_len: U16,
        /// How many ACL packets the controller can hold.
        acl_packets: u8,
    }
    /// Reply of [`LeReadBufferSizeV2`].
    LeBufferSizeV2 {
        /// As in [`LeBufferSize`].
        acl_len: U16,
        /// As in [`LeBufferSize`].
        acl_packets: u8,
        /// Greatest length of the data load of an ISO packet, in bytes.
        iso_len: U16,
        /// How many ISO packets the controller can hold.
        iso_packets: u8,
    }
    /// Reply of [`LeReadDefaultDataLength`].
    DefaultDataLength {
        /// In bytes.
        tx_octets: U16,
        /// In microseconds.
        tx_time: U16,
    }
    /// Reply of [`LeReadMaxDataLength`]: lengths in bytes, times in microseconds.
    MaxDataLength {
        tx_octets: U16,
        tx_time: U16,
        rx_octets: U16,
        rx_time: U16,
    }
    /// Reply of [`LeReadTransmitPower`], in dBm.
    TransmitPowerRange {
        min: i8,
        max: i8,
    }
    /// Reply of [`LeReadAllLocalFeatures`].
    AllLocalFeatures {
        /// The last page that has a bit set.
        max_page: u8,
        features: LeFeatures,
    }
    /// Reply of [`LeReadPhy`].
    CurrentPhy {
        handle: ConnHandle,
        tx: u8,
        rx: u8,
    }
    /// How to look for the peer and which connection to ask for, on one PHY (7.8.66).
    ExtConnParams {
        /// In units of 0.625 ms.
        scan_interval: U16,
        /// In units of 0.625 ms.
        scan_window: U16,
        /// In units of 1.25 ms.
        interval_min: U16,
        /// In units of 1.25 ms.
        interval_max: U16,
        /// In connection events.
        latency: U16,
        /// In units of 10 ms.
        supervision_timeout: U16,
        /// In units of 0.625 ms.
        min_ce_len: U16,
        /// In units of 0.625 ms.
        max_ce_len: U16,
    }
    /// A group of intervals that the controller supports, in units of 125 us.
    ConnIntervalGroup {
        min: U16,
        max: U16,
        stride: U16,
    }
    /// Connection intervals and subrates (7.8.154 and following).
    ConnRateParams {
        interval_min: U16,
        interval_max: U16,
        subrate_min: U16,
        subrate_max: U16,
        max_latency: U16,
        continuation_number: U16,
        supervision_timeout: U16,
        min_ce_len: U16,
        max_ce_len: U16,
    }
}

command! {
    /// LE Set Event Mask (7.8.1).
    struct LeSetEventMask(Opcode::LE_SET_EVENT_MASK) { pub mask: LeEventMask } => ();
    /// LE Read Buffer Size v1 (7.8.2).
    struct LeReadBufferSize(Opcode::LE_READ_BUFFER_SIZE) => LeBufferSize;
    /// LE Read Buffer Size v2 (7.8.2).
    struct LeReadBufferSizeV2(Opcode::LE_READ_BUFFER_SIZE_V2) => LeBufferSizeV2;
    /// LE Read Local Supported Features (7.8.3).
    struct LeReadLocalFeatures(Opcode::LE_READ_LOCAL_FEATURES) => [u8; 8];
    /// LE Read All Local Supported Features (7.8.128).
    struct LeReadAllLocalFeatures(Opcode::LE_READ_ALL_LOCAL_FEATURES) => AllLocalFeatures;
    /// LE Set Random Address (7.8.4).
    struct LeSetRandomAddress(Opcode::LE_SET_RANDOM_ADDR) { pub bdaddr: BdAddr } => ();
    /// LE Create Connection (7.8.12); units as in [`ExtConnParams`].
    struct LeCreateConnection(Opcode::LE_CREATE_CONN) {
        pub scan_interval: U16,
        pub scan_window: U16,
        /// 0 the peer named here, 1 any on the accept list.
        pub filter_policy: u8,
        pub peer_addr_type: LeAddrType,
        pub peer_addr: BdAddr,
        pub own_addr_type: LeAddrType,
        pub interval_min: U16,
        pub interval_max: U16,
        pub latency: U16,
        pub supervision_timeout: U16,
        pub min_ce_len: U16,
        pub max_ce_len: U16,
    } => status;
    /// LE Create Connection Cancel (7.8.13).
    struct LeCreateConnectionCancel(Opcode::LE_CREATE_CONN_CANCEL) => ();
    /// LE Extended Create Connection (7.8.66): one entry of `params` for each PHY in `phys`, in the order of the bits.
    struct LeExtCreateConnection(Opcode::LE_EXT_CREATE_CONN) {
        pub filter_policy: u8,
        pub own_addr_type: LeAddrType,
        pub peer_addr_type: LeAddrType,
        pub peer_addr: BdAddr,
        pub phys: Phys,
        pub params: [ExtConnParams; 3],
    } tail params(ext_conn_phys) => status;
    /// LE Read Filter Accept List Size (7.8.14).
    struct LeReadAcceptListSize(Opcode::LE_READ_ACCEPT_LIST_SIZE) => u8;
    /// LE Clear Filter Accept List (7.8.15).
    struct LeClearAcceptList(Opcode::LE_CLEAR_ACCEPT_LIST) => ();
    /// LE Add Device To Filter Accept List (7.8.16).
    struct LeAddToAcceptList(Opcode::LE_ADD_TO_ACCEPT_LIST) { pub addr_type: LeAddrType, pub bdaddr: BdAddr } => ();
    /// LE Remove Device From Filter Accept List (7.8.17).
    struct LeRemoveFromAcceptList(Opcode::LE_DEL_FROM_ACCEPT_LIST) { pub addr_type: LeAddrType, pub bdaddr: BdAddr } => ();
    /// LE Connection Update (7.8.18); units as in [`ExtConnParams`].
    struct LeConnectionUpdate(Opcode::LE_CONN_UPDATE) {
        pub handle: ConnHandle,
        pub interval_min: U16,
        pub interval_max: U16,
        pub latency: U16,
        pub supervision_timeout: U16,
        pub min_ce_len: U16,
        pub max_ce_len: U16,
    } => status;
    /// LE Read Remote Features Page 0 (7.8.21).
    struct LeReadRemoteFeatures(Opcode::LE_READ_REMOTE_FEATURES) { pub handle: ConnHandle } => status;
    /// LE Read All Remote Features (7.8.129).
    struct LeReadAllRemoteFeatures(Opcode::LE_READ_ALL_REMOTE_FEATURES) { pub handle: ConnHandle, pub pages: u8 } => status;
    /// LE Encrypt (7.8.22).
    struct LeEncrypt(Opcode::LE_ENCRYPT) { pub key: Key, pub plaintext: Key } => Key;
    /// LE Rand (7.8.23).
    struct LeRand(Opcode::LE_RAND) => U64;
    /// LE Enable Encryption (7.8.24).
    struct LeEnableEncryption(Opcode::LE_START_ENC) {
        pub handle: ConnHandle,
        pub rand: U64,
        pub ediv: U16,
        pub ltk: Key,
    } => status;
    /// LE Long Term Key Request Reply (7.8.25).
    struct LeLongTermKeyReply(Opcode::LE_LTK_REPLY) { pub handle: ConnHandle, pub ltk: Key } => ();
    /// LE Long Term Key Request Negative Reply (7.8.26).
    struct LeLongTermKeyNegativeReply(Opcode::LE_LTK_NEG_REPLY) { pub handle: ConnHandle } => ();
    /// LE Read Supported States (7.8.27).
    struct LeReadSupportedStates(Opcode::LE_READ_SUPPORTED_STATES) => U64;
    /// LE Remote Connection Parameter Request Reply (7.8.31); units as in [`ExtConnParams`].
    struct LeRemoteConnParamReply(Opcode::LE_CONN_PARAM_REQ_REPLY) {
        pub handle: ConnHandle,
        pub interval_min: U16,
        pub interval_max: U16,
        pub latency: U16,
        pub timeout: U16,
        pub min_ce_len: U16,
        pub max_ce_len: U16,
    } => ();
    /// LE Remote Connection Parameter Request Negative Reply (7.8.32).
    struct LeRemoteConnParamNegativeReply(Opcode::LE_CONN_PARAM_REQ_NEG_REPLY) { pub handle: ConnHandle, pub reason: super::Status } => ();
    /// LE Set Data Length (7.8.33): bytes and microseconds.
    struct LeSetDataLength(Opcode::LE_SET_DATA_LEN) { pub handle: ConnHandle, pub tx_octets: U16, pub tx_time: U16 } => ();
    /// LE Read Suggested Default Data Length (7.8.34).
    struct LeReadDefaultDataLength(Opcode::LE_READ_DEF_DATA_LEN) => DefaultDataLength;
    /// LE Write Suggested Default Data Length (7.8.35): bytes and microseconds.
    struct LeWriteDefaultDataLength(Opcode::LE_WRITE_DEF_DATA_LEN) { pub tx_octets: U16, pub tx_time: U16 } => ();
    /// LE Add Device To Resolving List (7.8.38).
    struct LeAddToResolvingList(Opcode::LE_ADD_TO_RESOLV_LIST) {
        pub addr_type: LeAddrType,
        pub bdaddr: BdAddr,
        pub peer_irk: Key,
        pub local_irk: Key,
    } => ();
    /// LE Remove Device From Resolving List (7.8.39).
    struct LeRemoveFromResolvingList(Opcode::LE_DEL_FROM_RESOLV_LIST) { pub addr_type: LeAddrType, pub bdaddr: BdAddr } => ();
    /// LE Clear Resolving List (7.8.40).
    struct LeClearResolvingList(Opcode::LE_CLEAR_RESOLV_LIST) => ();
    /// LE Read Resolving List Size (7.8.41).
    struct LeReadResolvingListSize(Opcode::LE_READ_RESOLV_LIST_SIZE) => u8;
    /// LE Set Address Resolution Enable (7.8.44).
    struct LeSetAddressResolutionEnable(Opcode::LE_SET_ADDR_RESOLV_ENABLE) { pub enable: u8 } => ();
    /// LE Set Resolvable Private Address Timeout (7.8.45), in seconds.
    struct LeSetRpaTimeout(Opcode::LE_SET_RPA_TIMEOUT) { pub timeout: U16 } => ();
    /// LE Read Maximum Data Length (7.8.46).
    struct LeReadMaxDataLength(Opcode::LE_READ_MAX_DATA_LEN) => MaxDataLength;
    /// LE Read PHY (7.8.47).
    struct LeReadPhy(Opcode::LE_READ_PHY) { pub handle: ConnHandle } => CurrentPhy;
    /// LE Set Default PHY (7.8.48).
    struct LeSetDefaultPhy(Opcode::LE_SET_DEFAULT_PHY) {
        /// Bit 0: no preference for transmitting, bit 1: none for receiving.
        pub all_phys: u8,
        pub tx_phys: Phys,
        pub rx_phys: Phys,
    } => ();
    /// LE Set PHY (7.8.49).
    struct LeSetPhy(Opcode::LE_SET_PHY) {
        pub handle: ConnHandle,
        /// As in [`LeSetDefaultPhy`].
        pub all_phys: u8,
        pub tx_phys: Phys,
        pub rx_phys: Phys,
        pub options: U16,
    } => status;
    /// LE Read Transmit Power (7.8.74).
    struct LeReadTransmitPower(Opcode::LE_READ_TRANSMIT_POWER) => TransmitPowerRange;
    /// LE Set Privacy Mode (7.8.77).
    struct LeSetPrivacyMode(Opcode::LE_SET_PRIVACY_MODE) {
        pub addr_type: LeAddrType,
        pub bdaddr: BdAddr,
        /// 0 network, 1 device.
        pub mode: u8,
    } => ();
    /// LE Set Host Feature v1 (7.8.115).
    struct LeSetHostFeature(Opcode::LE_SET_HOST_FEATURE) { pub bit_number: u8, pub bit_value: u8 } => ();
    /// LE Set Host Feature v2 (7.8.115).
    struct LeSetHostFeatureV2(Opcode::LE_SET_HOST_FEATURE_V2) { pub bit_number: U16, pub bit_value: u8 } => ();
    /// LE Connection Rate Request (opcode 0x20a1).
    struct LeConnectionRateRequest(Opcode::LE_CONN_RATE) { pub handle: ConnHandle, pub params: ConnRateParams } => status;
    /// LE Set Default Rate Parameters (opcode 0x20a2).
    struct LeSetDefaultRateParams(Opcode::LE_SET_DEF_RATE) { pub params: ConnRateParams } => ();
    /// LE Read Minimum Supported Connection Interval (opcode 0x20a3).
    struct LeReadConnInterval(Opcode::LE_READ_CONN_INTERVAL) => SupportedConnIntervals;
}

/// How many entries of `params` go on the wire.
#[inline]
fn ext_conn_phys(command: &LeExtCreateConnection) -> usize {
    command.phys.count()
}

/// Reply of [`LeReadConnInterval`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SupportedConnIntervals {
    /// The groups, in no particular order.
    pub groups: Bounded<ConnIntervalGroup, 41>,
}

impl super::Reply for SupportedConnIntervals {
    fn parse(params: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new("connection intervals", params);
        Ok(Self {
            groups: super::counted(&mut reader)?,
        })
    }
}
