// SPDX-License-Identifier: GPL-2.0

//! Which commands a controller knows (Vol 4 Part E 6.27).

use core::fmt;

use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes,
    KnownLayout,
    Unaligned, //
};

use super::features::{
    bit,
    set_bit, //
};

/// A bit of [`SupportedCommands`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CommandBit {
    /// Octet, 0 to 63.
    pub octet: u8,
    /// Bit, 0 to 7.
    pub bit: u8,
}

impl CommandBit {
    /// The number of the bit in the whole field.
    #[inline]
    const fn number(self) -> usize {
        ((self.octet as usize) << 3) | (self.bit as usize & 7)
    }
}

/// Reply of [`ReadLocalCommands`](super::info_params::ReadLocalCommands): one bit for each command.
#[derive(Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(transparent)]
pub struct SupportedCommands(pub [u8; 64]);

impl SupportedCommands {
    /// Whether the controller says that it knows the command.
    #[inline]
    pub fn supports(&self, command: CommandBit) -> bool {
        bit(&self.0, command.number())
    }

    /// Sets what the controller knows: a controller that claims a command and then answers Unknown HCI Command is taken
    /// at its deed.
    #[inline]
    pub fn set(&mut self, command: CommandBit, on: bool) {
        set_bit(&mut self.0, command.number(), on);
    }
}

impl Default for SupportedCommands {
    #[inline]
    fn default() -> Self {
        Self([0; 64])
    }
}

impl fmt::Debug for SupportedCommands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SupportedCommands(")?;
        for octet in &self.0 {
            write!(f, "{octet:02x}")?;
        }
        f.write_str(")")
    }
}

macro_rules! command_bits {
    ($($name:ident = $octet:literal, $bit:literal;)*) => {
        #[allow(missing_docs)]
        impl CommandBit {
            $(pub const $name: Self = Self { octet: $octet, bit: $bit };)*
        }
    };
}

command_bits! {
    INQUIRY = 0, 0;
    INQUIRY_CANCEL = 0, 1;
    PERIODIC_INQUIRY = 0, 2;
    EXIT_PERIODIC_INQUIRY = 0, 3;
    CREATE_CONNECTION = 0, 4;
    DISCONNECT = 0, 5;
    CREATE_CONNECTION_CANCEL = 0, 7;
    ACCEPT_CONNECTION_REQUEST = 1, 0;
    REJECT_CONNECTION_REQUEST = 1, 1;
    LINK_KEY_REQUEST_REPLY = 1, 2;
    LINK_KEY_REQUEST_NEGATIVE_REPLY = 1, 3;
    PIN_CODE_REQUEST_REPLY = 1, 4;
    PIN_CODE_REQUEST_NEGATIVE_REPLY = 1, 5;
    CHANGE_CONNECTION_PACKET_TYPE = 1, 6;
    AUTHENTICATION_REQUESTED = 1, 7;
    SET_CONNECTION_ENCRYPTION = 2, 0;
    CHANGE_CONNECTION_LINK_KEY = 2, 1;
    REMOTE_NAME_REQUEST = 2, 3;
    REMOTE_NAME_REQUEST_CANCEL = 2, 4;
    READ_REMOTE_FEATURES = 2, 5;
    READ_REMOTE_EXT_FEATURES = 2, 6;
    READ_REMOTE_VERSION = 2, 7;
    READ_CLOCK_OFFSET = 3, 0;
    SNIFF_MODE = 4, 2;
    EXIT_SNIFF_MODE = 4, 3;
    ROLE_DISCOVERY = 4, 7;
    SWITCH_ROLE = 5, 0;
    READ_LINK_POLICY = 5, 1;
    WRITE_LINK_POLICY = 5, 2;
    READ_DEFAULT_LINK_POLICY = 5, 3;
    WRITE_DEFAULT_LINK_POLICY = 5, 4;
    SET_EVENT_MASK = 5, 6;
    RESET = 5, 7;
    SET_EVENT_FILTER = 6, 0;
    FLUSH = 6, 1;
    READ_STORED_LINK_KEY = 6, 5;
    WRITE_STORED_LINK_KEY = 6, 6;
    DELETE_STORED_LINK_KEY = 6, 7;
    WRITE_LOCAL_NAME = 7, 0;
    READ_LOCAL_NAME = 7, 1;
    WRITE_CONNECTION_ACCEPT_TIMEOUT = 7, 3;
    WRITE_PAGE_TIMEOUT = 7, 5;
    READ_SCAN_ENABLE = 7, 6;
    WRITE_SCAN_ENABLE = 7, 7;
    READ_PAGE_SCAN_ACTIVITY = 8, 0;
    WRITE_PAGE_SCAN_ACTIVITY = 8, 1;
    READ_AUTHENTICATION_ENABLE = 8, 4;
    WRITE_AUTHENTICATION_ENABLE = 8, 5;
    READ_CLASS_OF_DEVICE = 9, 0;
    WRITE_CLASS_OF_DEVICE = 9, 1;
    READ_VOICE_SETTING = 9, 2;
    WRITE_VOICE_SETTING = 9, 3;
    READ_TX_POWER = 10, 2;
    WRITE_SYNC_FLOW_CONTROL = 10, 4;
    HOST_BUFFER_SIZE = 10, 6;
    READ_NUM_SUPPORTED_IAC = 11, 2;
    READ_CURRENT_IAC_LAP = 11, 3;
    WRITE_CURRENT_IAC_LAP = 11, 4;
    READ_INQUIRY_MODE = 12, 6;
    WRITE_INQUIRY_MODE = 12, 7;
    READ_PAGE_SCAN_TYPE = 13, 0;
    WRITE_PAGE_SCAN_TYPE = 13, 1;
    READ_LOCAL_VERSION = 14, 3;
    READ_LOCAL_FEATURES = 14, 5;
    READ_LOCAL_EXT_FEATURES = 14, 6;
    READ_BUFFER_SIZE = 14, 7;
    READ_BD_ADDR = 15, 1;
    READ_RSSI = 15, 5;
    READ_CLOCK = 15, 7;
    ENABLE_DUT_MODE = 16, 2;
    SETUP_SYNC_CONNECTION = 16, 3;
    ACCEPT_SYNC_CONNECTION_REQUEST = 16, 4;
    REJECT_SYNC_CONNECTION_REQUEST = 16, 5;
    READ_EIR = 17, 0;
    WRITE_EIR = 17, 1;
    REFRESH_ENCRYPTION_KEY = 17, 2;
    SNIFF_SUBRATING = 17, 4;
    READ_SSP_MODE = 17, 5;
    WRITE_SSP_MODE = 17, 6;
    READ_LOCAL_OOB_DATA = 17, 7;
    READ_INQUIRY_RESPONSE_TX_POWER = 18, 0;
    READ_DEFAULT_ERRONEOUS_DATA_REPORTING = 18, 2;
    WRITE_DEFAULT_ERRONEOUS_DATA_REPORTING = 18, 3;
    IO_CAPABILITY_REQUEST_REPLY = 18, 7;
    USER_CONFIRMATION_REPLY = 19, 0;
    USER_CONFIRMATION_NEGATIVE_REPLY = 19, 1;
    USER_PASSKEY_REPLY = 19, 2;
    USER_PASSKEY_NEGATIVE_REPLY = 19, 3;
    REMOTE_OOB_DATA_REPLY = 19, 4;
    WRITE_SSP_DEBUG_MODE = 19, 5;
    REMOTE_OOB_DATA_NEGATIVE_REPLY = 19, 7;
    IO_CAPABILITY_REQUEST_NEGATIVE_REPLY = 20, 3;
    READ_ENCRYPTION_KEY_SIZE = 20, 4;
    SET_EVENT_MASK_PAGE_2 = 22, 2;
    READ_LOCATION_DATA = 22, 3;
    READ_FLOW_CONTROL_MODE = 23, 0;
    READ_DATA_BLOCK_SIZE = 23, 2;
    READ_LE_HOST_SUPPORT = 24, 5;
    WRITE_LE_HOST_SUPPORT = 24, 6;
    LE_SET_EVENT_MASK = 25, 0;
    LE_READ_BUFFER_SIZE = 25, 1;
    LE_READ_LOCAL_FEATURES = 25, 2;
    LE_SET_RANDOM_ADDRESS = 25, 4;
    LE_SET_ADV_PARAMS = 25, 5;
    LE_READ_ADV_TX_POWER = 25, 6;
    LE_SET_ADV_DATA = 25, 7;
    LE_SET_SCAN_RSP_DATA = 26, 0;
    LE_SET_ADV_ENABLE = 26, 1;
    LE_SET_SCAN_PARAMS = 26, 2;
    LE_SET_SCAN_ENABLE = 26, 3;
    LE_CREATE_CONNECTION = 26, 4;
    LE_CREATE_CONNECTION_CANCEL = 26, 5;
    LE_READ_ACCEPT_LIST_SIZE = 26, 6;
    LE_CLEAR_ACCEPT_LIST = 26, 7;
    LE_ADD_TO_ACCEPT_LIST = 27, 0;
    LE_REMOVE_FROM_ACCEPT_LIST = 27, 1;
    LE_CONNECTION_UPDATE = 27, 2;
    LE_READ_REMOTE_FEATURES = 27, 5;
    LE_ENCRYPT = 27, 6;
    LE_RAND = 27, 7;
    LE_ENABLE_ENCRYPTION = 28, 0;
    LE_LONG_TERM_KEY_REPLY = 28, 1;
    LE_LONG_TERM_KEY_NEGATIVE_REPLY = 28, 2;
    LE_READ_SUPPORTED_STATES = 28, 3;
    ENHANCED_SETUP_SYNC_CONNECTION = 29, 3;
    ENHANCED_ACCEPT_SYNC_CONNECTION = 29, 4;
    READ_LOCAL_CODECS = 29, 5;
    GET_MWS_TRANSPORT_CONFIG = 30, 3;
    READ_SYNC_TRAIN_PARAMS = 31, 7;
    WRITE_SYNC_TRAIN_PARAMS = 32, 0;
    READ_SC_HOST_SUPPORT = 32, 2;
    WRITE_SC_HOST_SUPPORT = 32, 3;
    READ_AUTH_PAYLOAD_TIMEOUT = 32, 4;
    WRITE_AUTH_PAYLOAD_TIMEOUT = 32, 5;
    READ_LOCAL_OOB_EXT_DATA = 32, 6;
    LE_REMOTE_CONN_PARAM_REPLY = 33, 4;
    LE_REMOTE_CONN_PARAM_NEGATIVE_REPLY = 33, 5;
    LE_SET_DATA_LENGTH = 33, 6;
    LE_READ_DEFAULT_DATA_LENGTH = 33, 7;
    LE_WRITE_DEFAULT_DATA_LENGTH = 34, 0;
    LE_READ_LOCAL_P256_KEY = 34, 1;
    LE_GENERATE_DHKEY = 34, 2;
    LE_ADD_TO_RESOLVING_LIST = 34, 3;
    LE_REMOVE_FROM_RESOLVING_LIST = 34, 4;
    LE_CLEAR_RESOLVING_LIST = 34, 5;
    LE_READ_RESOLVING_LIST_SIZE = 34, 6;
    LE_SET_ADDRESS_RESOLUTION_ENABLE = 35, 1;
    LE_SET_RPA_TIMEOUT = 35, 2;
    LE_READ_MAX_DATA_LENGTH = 35, 3;
    LE_READ_PHY = 35, 4;
    LE_SET_DEFAULT_PHY = 35, 5;
    LE_SET_PHY = 35, 6;
    LE_SET_ADV_SET_RANDOM_ADDRESS = 36, 1;
    LE_SET_EXT_ADV_PARAMS = 36, 2;
    LE_SET_EXT_ADV_DATA = 36, 3;
    LE_SET_EXT_SCAN_RSP_DATA = 36, 4;
    LE_SET_EXT_ADV_ENABLE = 36, 5;
    LE_READ_MAX_ADV_DATA_LENGTH = 36, 6;
    LE_READ_NUM_SUPPORTED_ADV_SETS = 36, 7;
    LE_REMOVE_ADV_SET = 37, 0;
    LE_CLEAR_ADV_SETS = 37, 1;
    LE_SET_PA_PARAMS = 37, 2;
    LE_SET_PA_DATA = 37, 3;
    LE_SET_PA_ENABLE = 37, 4;
    LE_SET_EXT_SCAN_PARAMS = 37, 5;
    LE_SET_EXT_SCAN_ENABLE = 37, 6;
    LE_EXT_CREATE_CONNECTION = 37, 7;
    LE_PA_CREATE_SYNC = 38, 0;
    LE_PA_CREATE_SYNC_CANCEL = 38, 1;
    LE_PA_TERMINATE_SYNC = 38, 2;
    LE_READ_TRANSMIT_POWER = 38, 7;
    LE_SET_PRIVACY_MODE = 39, 2;
    READ_LOCAL_PAIRING_OPTIONS = 41, 3;
    LE_READ_BUFFER_SIZE_V2 = 41, 5;
    LE_READ_ISO_TX_SYNC = 41, 6;
    LE_SET_CIG_PARAMS = 41, 7;
    LE_CREATE_CIS = 42, 1;
    LE_REMOVE_CIG = 42, 2;
    LE_ACCEPT_CIS_REQUEST = 42, 3;
    LE_REJECT_CIS_REQUEST = 42, 4;
    LE_CREATE_BIG = 42, 5;
    LE_TERMINATE_BIG = 42, 7;
    LE_BIG_CREATE_SYNC = 43, 0;
    LE_BIG_TERMINATE_SYNC = 43, 1;
    LE_SETUP_ISO_DATA_PATH = 43, 3;
    LE_REMOVE_ISO_DATA_PATH = 43, 4;
    LE_SET_HOST_FEATURE = 44, 1;
    READ_LOCAL_CODECS_V2 = 45, 2;
    READ_LOCAL_CODEC_CAPABILITIES = 45, 3;
    READ_LOCAL_CONTROLLER_DELAY = 45, 4;
    CONFIGURE_DATA_PATH = 45, 5;
    LE_READ_ALL_LOCAL_FEATURES = 47, 2;
    LE_READ_ALL_REMOTE_FEATURES = 47, 3;
    LE_SET_HOST_FEATURE_V2 = 47, 4;
}
