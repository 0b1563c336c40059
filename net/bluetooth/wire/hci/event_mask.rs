// SPDX-License-Identifier: GPL-2.0

//! Which events the controller may send. Which of them to ask for is not decided here.

use zerocopy::little_endian::U64;

bit_set! {
    /// Parameter of Set Event Mask (Vol 4 Part E 7.3.1).
    EventMask(U64, u64) {
        INQUIRY_COMPLETE = 0;
        INQUIRY_RESULT = 1;
        CONNECTION_COMPLETE = 2;
        CONNECTION_REQUEST = 3;
        DISCONNECTION_COMPLETE = 4;
        AUTHENTICATION_COMPLETE = 5;
        REMOTE_NAME = 6;
        ENCRYPTION_CHANGE = 7;
        CHANGE_LINK_KEY_COMPLETE = 8;
        LINK_KEY_TYPE_CHANGED = 9;
        REMOTE_FEATURES = 10;
        REMOTE_VERSION = 11;
        QOS_SETUP_COMPLETE = 12;
        /// Reserved; the C stack asks LE-only controllers for it.
        COMMAND_COMPLETE = 13;
        /// Reserved; the C stack asks LE-only controllers for it.
        COMMAND_STATUS = 14;
        HARDWARE_ERROR = 15;
        FLUSH_OCCURRED = 16;
        ROLE_CHANGE = 17;
        /// Reserved; the C stack asks LE-only controllers for it.
        NUMBER_OF_COMPLETED_PACKETS = 18;
        MODE_CHANGE = 19;
        RETURN_LINK_KEYS = 20;
        PIN_CODE_REQUEST = 21;
        LINK_KEY_REQUEST = 22;
        LINK_KEY_NOTIFICATION = 23;
        LOOPBACK_COMMAND = 24;
        DATA_BUFFER_OVERFLOW = 25;
        MAX_SLOTS_CHANGE = 26;
        CLOCK_OFFSET = 27;
        PACKET_TYPE_CHANGED = 28;
        QOS_VIOLATION = 29;
        PAGE_SCAN_MODE_CHANGE = 30;
        PAGE_SCAN_REPETITION_MODE_CHANGE = 31;
        FLOW_SPECIFICATION_COMPLETE = 32;
        INQUIRY_RESULT_WITH_RSSI = 33;
        REMOTE_EXT_FEATURES = 34;
        SYNC_CONNECTION_COMPLETE = 43;
        SYNC_CONNECTION_CHANGED = 44;
        SNIFF_SUBRATING = 45;
        EXTENDED_INQUIRY_RESULT = 46;
        ENCRYPTION_KEY_REFRESH_COMPLETE = 47;
        IO_CAPABILITY_REQUEST = 48;
        IO_CAPABILITY_RESPONSE = 49;
        USER_CONFIRMATION_REQUEST = 50;
        USER_PASSKEY_REQUEST = 51;
        REMOTE_OOB_DATA_REQUEST = 52;
        SIMPLE_PAIRING_COMPLETE = 53;
        LINK_SUPERVISION_TIMEOUT_CHANGED = 55;
        ENHANCED_FLUSH_COMPLETE = 56;
        USER_PASSKEY_NOTIFICATION = 58;
        KEYPRESS_NOTIFICATION = 59;
        REMOTE_HOST_FEATURES = 60;
        LE_META = 61;
    }
}

impl EventMask {
    /// What the C stack starts from on a BR/EDR controller: everything of version 1.1 but Number Of Completed Packets,
    /// reserved bits included, without which some old controllers do not answer.
    pub const BREDR_BASE: Self = Self::from_bits(0x0000_0000_fffb_ffff);
}

bit_set! {
    /// Parameter of Set Event Mask Page 2 (Vol 4 Part E 7.3.69).
    EventMask2(U64, u64) {
        NUMBER_OF_COMPLETED_DATA_BLOCKS = 8;
        TRIGGERED_CLOCK_CAPTURE = 14;
        SYNC_TRAIN_COMPLETE = 15;
        SYNC_TRAIN_RECEIVED = 16;
        CPB_RECEIVE = 17;
        CPB_TIMEOUT = 18;
        TRUNCATED_PAGE_COMPLETE = 19;
        PERIPHERAL_PAGE_RESPONSE_TIMEOUT = 20;
        CPB_CHANNEL_MAP_CHANGE = 21;
        INQUIRY_RESPONSE_NOTIFICATION = 22;
        AUTHENTICATED_PAYLOAD_TIMEOUT = 23;
        SAM_STATUS_CHANGE = 24;
        ENCRYPTION_CHANGE_V2 = 25;
    }
}

bit_set! {
    /// Parameter of LE Set Event Mask (Vol 4 Part E 7.8.1).
    LeEventMask(U64, u64) {
        CONNECTION_COMPLETE = 0;
        ADVERTISING_REPORT = 1;
        CONNECTION_UPDATE_COMPLETE = 2;
        REMOTE_FEATURES = 3;
        LONG_TERM_KEY_REQUEST = 4;
        REMOTE_CONN_PARAM_REQUEST = 5;
        DATA_LENGTH_CHANGE = 6;
        READ_LOCAL_P256_COMPLETE = 7;
        GENERATE_DHKEY_COMPLETE = 8;
        ENHANCED_CONNECTION_COMPLETE = 9;
        DIRECTED_ADVERTISING_REPORT = 10;
        PHY_UPDATE_COMPLETE = 11;
        EXTENDED_ADVERTISING_REPORT = 12;
        PA_SYNC_ESTABLISHED = 13;
        PA_REPORT = 14;
        PA_SYNC_LOST = 15;
        SCAN_TIMEOUT = 16;
        ADVERTISING_SET_TERMINATED = 17;
        SCAN_REQUEST_RECEIVED = 18;
        CHANNEL_SELECTION_ALGORITHM = 19;
        CONNECTIONLESS_IQ_REPORT = 20;
        CONNECTION_IQ_REPORT = 21;
        CTE_REQUEST_FAILED = 22;
        PAST_RECEIVED = 23;
        CIS_ESTABLISHED = 24;
        CIS_REQUEST = 25;
        CREATE_BIG_COMPLETE = 26;
        TERMINATE_BIG_COMPLETE = 27;
        BIG_SYNC_ESTABLISHED = 28;
        BIG_SYNC_LOST = 29;
        REQUEST_PEER_SCA_COMPLETE = 30;
        PATH_LOSS_THRESHOLD = 31;
        TRANSMIT_POWER_REPORTING = 32;
        BIGINFO_ADVERTISING_REPORT = 33;
        SUBRATE_CHANGE = 34;
        READ_ALL_REMOTE_FEATURES = 42;
        CS_READ_REMOTE_CAPABILITIES = 43;
        CS_READ_REMOTE_FAE_TABLE = 44;
        CS_SECURITY_ENABLE = 45;
        CS_CONFIG = 46;
        CS_PROCEDURE_ENABLE = 47;
        CS_SUBEVENT_RESULT = 48;
        CS_SUBEVENT_RESULT_CONTINUE = 49;
        CS_TEST_END = 50;
        CONNECTION_RATE_CHANGE = 54;
    }
}
