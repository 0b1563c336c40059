// SPDX-License-Identifier: GPL-2.0

//! Opcodes of commands (Vol 4 Part E 5.4.1 and 7).

use core::fmt;

use zerocopy::little_endian::U16;
use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes,
    KnownLayout,
    Unaligned, //
};

/// A command's opcode: group (OGF, 6 bits) and command (OCF, 10 bits).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Opcode(pub u16);

/// An [`Opcode`] as it lies in a packet.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Default,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
    Unaligned,
)]
#[repr(transparent)]
pub struct RawOpcode(pub U16);

impl RawOpcode {
    /// The opcode.
    #[inline]
    pub const fn get(self) -> Opcode {
        Opcode(self.0.get())
    }
}

impl From<Opcode> for RawOpcode {
    #[inline]
    fn from(opcode: Opcode) -> Self {
        Self(U16::new(opcode.0))
    }
}

impl fmt::Debug for RawOpcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.get(), f)
    }
}

impl Opcode {
    /// Group of the link control commands (7.1).
    pub const OGF_LINK_CONTROL: u8 = 0x01;
    /// Group of the link policy commands (7.2).
    pub const OGF_LINK_POLICY: u8 = 0x02;
    /// Group of the controller and baseband commands (7.3).
    pub const OGF_HOST_CONTROL: u8 = 0x03;
    /// Group of the informational parameters (7.4).
    pub const OGF_INFO_PARAMS: u8 = 0x04;
    /// Group of the status parameters (7.5).
    pub const OGF_STATUS_PARAMS: u8 = 0x05;
    /// Group of the testing commands (7.6).
    pub const OGF_TESTING: u8 = 0x06;
    /// Group of the LE controller commands (7.8).
    pub const OGF_LE: u8 = 0x08;
    /// Group of the vendors' commands.
    pub const OGF_VENDOR: u8 = 0x3f;

    /// The opcode of command `ocf` (10 bits) in group `ogf` (6 bits); excess bits are dropped.
    #[inline]
    pub const fn new(ogf: u8, ocf: u16) -> Self {
        Self(((ogf as u16) << 10) | (ocf & 0x03ff))
    }

    /// A vendor's command.
    #[inline]
    pub const fn vendor(ocf: u16) -> Self {
        Self::new(Self::OGF_VENDOR, ocf)
    }

    /// Its group.
    #[inline]
    pub const fn ogf(self) -> u8 {
        (self.0 >> 10) as u8
    }

    /// Its number in the group.
    #[inline]
    pub const fn ocf(self) -> u16 {
        self.0 & 0x03ff
    }

    /// Whether it is a vendor's.
    #[inline]
    pub const fn is_vendor(self) -> bool {
        self.ogf() == Self::OGF_VENDOR
    }
}

impl fmt::Display for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:04x}", self.0)
    }
}

impl fmt::Debug for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

macro_rules! opcodes {
    ($($name:ident = $value:literal;)*) => {
        /// The names are those of the kernel's `HCI_OP_*`.
        #[allow(missing_docs)]
        impl Opcode {
            $(pub const $name: Self = Self($value);)*

            /// The kernel's name for it, without `HCI_OP_`.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

opcodes! {
    NOP = 0x0000;
    INQUIRY = 0x0401;
    INQUIRY_CANCEL = 0x0402;
    PERIODIC_INQ = 0x0403;
    EXIT_PERIODIC_INQ = 0x0404;
    CREATE_CONN = 0x0405;
    DISCONNECT = 0x0406;
    ADD_SCO = 0x0407;
    CREATE_CONN_CANCEL = 0x0408;
    ACCEPT_CONN_REQ = 0x0409;
    REJECT_CONN_REQ = 0x040a;
    LINK_KEY_REPLY = 0x040b;
    LINK_KEY_NEG_REPLY = 0x040c;
    PIN_CODE_REPLY = 0x040d;
    PIN_CODE_NEG_REPLY = 0x040e;
    CHANGE_CONN_PTYPE = 0x040f;
    AUTH_REQUESTED = 0x0411;
    SET_CONN_ENCRYPT = 0x0413;
    CHANGE_CONN_LINK_KEY = 0x0415;
    MASTER_LINK_KEY = 0x0417;
    REMOTE_NAME_REQ = 0x0419;
    REMOTE_NAME_REQ_CANCEL = 0x041a;
    READ_REMOTE_FEATURES = 0x041b;
    READ_REMOTE_EXT_FEATURES = 0x041c;
    READ_REMOTE_VERSION = 0x041d;
    READ_CLOCK_OFFSET = 0x041f;
    READ_LMP_HANDLE = 0x0420;
    SETUP_SYNC_CONN = 0x0428;
    ACCEPT_SYNC_CONN_REQ = 0x0429;
    REJECT_SYNC_CONN_REQ = 0x042a;
    IO_CAPABILITY_REPLY = 0x042b;
    USER_CONFIRM_REPLY = 0x042c;
    USER_CONFIRM_NEG_REPLY = 0x042d;
    USER_PASSKEY_REPLY = 0x042e;
    USER_PASSKEY_NEG_REPLY = 0x042f;
    REMOTE_OOB_DATA_REPLY = 0x0430;
    REMOTE_OOB_DATA_NEG_REPLY = 0x0433;
    IO_CAPABILITY_NEG_REPLY = 0x0434;
    ENHANCED_SETUP_SYNC_CONN = 0x043d;
    SET_CPB = 0x0441;
    START_SYNC_TRAIN = 0x0443;
    REMOTE_OOB_EXT_DATA_REPLY = 0x0445;
    HOLD_MODE = 0x0801;
    SNIFF_MODE = 0x0803;
    EXIT_SNIFF_MODE = 0x0804;
    QOS_SETUP = 0x0807;
    ROLE_DISCOVERY = 0x0809;
    SWITCH_ROLE = 0x080b;
    READ_LINK_POLICY = 0x080c;
    WRITE_LINK_POLICY = 0x080d;
    READ_DEF_LINK_POLICY = 0x080e;
    WRITE_DEF_LINK_POLICY = 0x080f;
    SNIFF_SUBRATE = 0x0811;
    SET_EVENT_MASK = 0x0c01;
    RESET = 0x0c03;
    SET_EVENT_FLT = 0x0c05;
    FLUSH = 0x0c08;
    READ_STORED_LINK_KEY = 0x0c0d;
    WRITE_STORED_LINK_KEY = 0x0c11;
    DELETE_STORED_LINK_KEY = 0x0c12;
    WRITE_LOCAL_NAME = 0x0c13;
    READ_LOCAL_NAME = 0x0c14;
    READ_CA_TIMEOUT = 0x0c15;
    WRITE_CA_TIMEOUT = 0x0c16;
    READ_PG_TIMEOUT = 0x0c17;
    WRITE_PG_TIMEOUT = 0x0c18;
    READ_SCAN_ENABLE = 0x0c19;
    WRITE_SCAN_ENABLE = 0x0c1a;
    READ_PAGE_SCAN_ACTIVITY = 0x0c1b;
    WRITE_PAGE_SCAN_ACTIVITY = 0x0c1c;
    READ_INQ_SCAN_ACTIVITY = 0x0c1d;
    WRITE_INQ_SCAN_ACTIVITY = 0x0c1e;
    READ_AUTH_ENABLE = 0x0c1f;
    WRITE_AUTH_ENABLE = 0x0c20;
    READ_ENCRYPT_MODE = 0x0c21;
    WRITE_ENCRYPT_MODE = 0x0c22;
    READ_CLASS_OF_DEV = 0x0c23;
    WRITE_CLASS_OF_DEV = 0x0c24;
    READ_VOICE_SETTING = 0x0c25;
    WRITE_VOICE_SETTING = 0x0c26;
    READ_AUTO_FLUSH_TO = 0x0c27;
    WRITE_AUTO_FLUSH_TO = 0x0c28;
    READ_TX_POWER = 0x0c2d;
    WRITE_SYNC_FLOWCTL = 0x0c2f;
    HOST_FLOWCTL = 0x0c31;
    HOST_BUFFER_SIZE = 0x0c33;
    HOST_NUM_COMP_PKTS = 0x0c35;
    READ_LINK_SV_TO = 0x0c36;
    WRITE_LINK_SV_TO = 0x0c37;
    READ_NUM_SUPPORTED_IAC = 0x0c38;
    READ_CURRENT_IAC_LAP = 0x0c39;
    WRITE_CURRENT_IAC_LAP = 0x0c3a;
    READ_INQ_SCAN_TYPE = 0x0c42;
    WRITE_INQ_SCAN_TYPE = 0x0c43;
    READ_INQUIRY_MODE = 0x0c44;
    WRITE_INQUIRY_MODE = 0x0c45;
    READ_PAGE_SCAN_TYPE = 0x0c46;
    WRITE_PAGE_SCAN_TYPE = 0x0c47;
    READ_EIR = 0x0c51;
    WRITE_EIR = 0x0c52;
    REFRESH_ENC_KEY = 0x0c53;
    READ_SSP_MODE = 0x0c55;
    WRITE_SSP_MODE = 0x0c56;
    READ_LOCAL_OOB_DATA = 0x0c57;
    READ_INQ_RSP_TX_POWER = 0x0c58;
    READ_DEF_ERR_DATA_REPORTING = 0x0c5a;
    WRITE_DEF_ERR_DATA_REPORTING = 0x0c5b;
    SEND_KEYPRESS_NOTIFY = 0x0c60;
    SET_EVENT_MASK_PAGE_2 = 0x0c63;
    READ_LOCATION_DATA = 0x0c64;
    READ_FLOW_CONTROL_MODE = 0x0c66;
    READ_LE_HOST_SUPPORTED = 0x0c6c;
    WRITE_LE_HOST_SUPPORTED = 0x0c6d;
    SET_RESERVED_LT_ADDR = 0x0c74;
    DELETE_RESERVED_LT_ADDR = 0x0c75;
    SET_CPB_DATA = 0x0c76;
    READ_SYNC_TRAIN_PARAMS = 0x0c77;
    WRITE_SYNC_TRAIN_PARAMS = 0x0c78;
    READ_SC_SUPPORT = 0x0c79;
    WRITE_SC_SUPPORT = 0x0c7a;
    READ_AUTH_PAYLOAD_TO = 0x0c7b;
    WRITE_AUTH_PAYLOAD_TO = 0x0c7c;
    READ_LOCAL_OOB_EXT_DATA = 0x0c7d;
    CONFIGURE_DATA_PATH = 0x0c83;
    READ_LOCAL_VERSION = 0x1001;
    READ_LOCAL_COMMANDS = 0x1002;
    READ_LOCAL_FEATURES = 0x1003;
    READ_LOCAL_EXT_FEATURES = 0x1004;
    READ_BUFFER_SIZE = 0x1005;
    READ_BD_ADDR = 0x1009;
    READ_DATA_BLOCK_SIZE = 0x100a;
    READ_LOCAL_CODECS = 0x100b;
    READ_LOCAL_PAIRING_OPTS = 0x100c;
    READ_LOCAL_CODECS_V2 = 0x100d;
    READ_LOCAL_CODEC_CAPS = 0x100e;
    READ_LOCAL_CTRL_DELAY = 0x100f;
    READ_FAILED_CONTACT = 0x1401;
    RESET_FAILED_CONTACT = 0x1402;
    READ_LINK_QUALITY = 0x1403;
    READ_RSSI = 0x1405;
    READ_AFH_MAP = 0x1406;
    READ_CLOCK = 0x1407;
    READ_ENC_KEY_SIZE = 0x1408;
    GET_MWS_TRANSPORT_CONFIG = 0x140c;
    ENABLE_DUT_MODE = 0x1803;
    WRITE_SSP_DEBUG_MODE = 0x1804;
    LE_SET_EVENT_MASK = 0x2001;
    LE_READ_BUFFER_SIZE = 0x2002;
    LE_READ_LOCAL_FEATURES = 0x2003;
    LE_SET_RANDOM_ADDR = 0x2005;
    LE_SET_ADV_PARAM = 0x2006;
    LE_READ_ADV_TX_POWER = 0x2007;
    LE_SET_ADV_DATA = 0x2008;
    LE_SET_SCAN_RSP_DATA = 0x2009;
    LE_SET_ADV_ENABLE = 0x200a;
    LE_SET_SCAN_PARAM = 0x200b;
    LE_SET_SCAN_ENABLE = 0x200c;
    LE_CREATE_CONN = 0x200d;
    LE_CREATE_CONN_CANCEL = 0x200e;
    LE_READ_ACCEPT_LIST_SIZE = 0x200f;
    LE_CLEAR_ACCEPT_LIST = 0x2010;
    LE_ADD_TO_ACCEPT_LIST = 0x2011;
    LE_DEL_FROM_ACCEPT_LIST = 0x2012;
    LE_CONN_UPDATE = 0x2013;
    LE_SET_HOST_CHAN_CLASS = 0x2014;
    LE_READ_CHAN_MAP = 0x2015;
    LE_READ_REMOTE_FEATURES = 0x2016;
    LE_ENCRYPT = 0x2017;
    LE_RAND = 0x2018;
    LE_START_ENC = 0x2019;
    LE_LTK_REPLY = 0x201a;
    LE_LTK_NEG_REPLY = 0x201b;
    LE_READ_SUPPORTED_STATES = 0x201c;
    LE_RX_TEST = 0x201d;
    LE_TX_TEST = 0x201e;
    LE_TEST_END = 0x201f;
    LE_CONN_PARAM_REQ_REPLY = 0x2020;
    LE_CONN_PARAM_REQ_NEG_REPLY = 0x2021;
    LE_SET_DATA_LEN = 0x2022;
    LE_READ_DEF_DATA_LEN = 0x2023;
    LE_WRITE_DEF_DATA_LEN = 0x2024;
    LE_READ_LOCAL_P256_KEY = 0x2025;
    LE_GENERATE_DHKEY = 0x2026;
    LE_ADD_TO_RESOLV_LIST = 0x2027;
    LE_DEL_FROM_RESOLV_LIST = 0x2028;
    LE_CLEAR_RESOLV_LIST = 0x2029;
    LE_READ_RESOLV_LIST_SIZE = 0x202a;
    LE_READ_PEER_RPA = 0x202b;
    LE_READ_LOCAL_RPA = 0x202c;
    LE_SET_ADDR_RESOLV_ENABLE = 0x202d;
    LE_SET_RPA_TIMEOUT = 0x202e;
    LE_READ_MAX_DATA_LEN = 0x202f;
    LE_READ_PHY = 0x2030;
    LE_SET_DEFAULT_PHY = 0x2031;
    LE_SET_PHY = 0x2032;
    LE_SET_ADV_SET_RAND_ADDR = 0x2035;
    LE_SET_EXT_ADV_PARAMS = 0x2036;
    LE_SET_EXT_ADV_DATA = 0x2037;
    LE_SET_EXT_SCAN_RSP_DATA = 0x2038;
    LE_SET_EXT_ADV_ENABLE = 0x2039;
    LE_READ_MAX_ADV_DATA_LEN = 0x203a;
    LE_READ_NUM_SUPPORTED_ADV_SETS = 0x203b;
    LE_REMOVE_ADV_SET = 0x203c;
    LE_CLEAR_ADV_SETS = 0x203d;
    LE_SET_PER_ADV_PARAMS = 0x203e;
    LE_SET_PER_ADV_DATA = 0x203f;
    LE_SET_PER_ADV_ENABLE = 0x2040;
    LE_SET_EXT_SCAN_PARAMS = 0x2041;
    LE_SET_EXT_SCAN_ENABLE = 0x2042;
    LE_EXT_CREATE_CONN = 0x2043;
    LE_PA_CREATE_SYNC = 0x2044;
    LE_PA_CREATE_SYNC_CANCEL = 0x2045;
    LE_PA_TERM_SYNC = 0x2046;
    LE_ADD_TO_PA_LIST = 0x2047;
    LE_DEL_FROM_PA_LIST = 0x2048;
    LE_CLEAR_PA_LIST = 0x2049;
    LE_READ_PA_LIST_SIZE = 0x204a;
    LE_READ_TRANSMIT_POWER = 0x204b;
    LE_READ_RF_PATH_COMP = 0x204c;
    LE_WRITE_RF_PATH_COMP = 0x204d;
    LE_SET_PRIVACY_MODE = 0x204e;
    LE_SET_PA_RX_ENABLE = 0x2059;
    LE_PAST = 0x205a;
    LE_PAST_SET_INFO = 0x205b;
    LE_PAST_PARAMS = 0x205c;
    LE_SET_DEF_PAST_PARAMS = 0x205d;
    LE_READ_BUFFER_SIZE_V2 = 0x2060;
    LE_READ_ISO_TX_SYNC = 0x2061;
    LE_SET_CIG_PARAMS = 0x2062;
    LE_SET_CIG_PARAMS_TEST = 0x2063;
    LE_CREATE_CIS = 0x2064;
    LE_REMOVE_CIG = 0x2065;
    LE_ACCEPT_CIS = 0x2066;
    LE_REJECT_CIS = 0x2067;
    LE_CREATE_BIG = 0x2068;
    LE_CREATE_BIG_TEST = 0x2069;
    LE_TERM_BIG = 0x206a;
    LE_BIG_CREATE_SYNC = 0x206b;
    LE_BIG_TERM_SYNC = 0x206c;
    LE_REQUEST_PEER_SCA = 0x206d;
    LE_SETUP_ISO_PATH = 0x206e;
    LE_REMOVE_ISO_PATH = 0x206f;
    LE_SET_HOST_FEATURE = 0x2074;
    LE_READ_ISO_LINK_QUALITY = 0x2075;
    LE_SET_DATA_ADDR_CHANGES = 0x207c;
    LE_SET_DEF_SUBRATE = 0x207d;
    LE_SUBRATE_REQ = 0x207e;
    LE_READ_ALL_LOCAL_FEATURES = 0x2087;
    LE_READ_ALL_REMOTE_FEATURES = 0x2088;
    LE_CS_RD_LOCAL_SUPP_CAP = 0x2089;
    LE_CS_RD_RMT_SUPP_CAP = 0x208a;
    LE_CS_WR_CACHED_RMT_SUPP_CAP = 0x208b;
    LE_CS_SEC_ENABLE = 0x208c;
    LE_CS_SET_DEFAULT_SETTINGS = 0x208d;
    LE_CS_RD_RMT_FAE_TABLE = 0x208e;
    LE_CS_WR_CACHED_RMT_FAE_TABLE = 0x208f;
    LE_CS_CREATE_CONFIG = 0x2090;
    LE_CS_REMOVE_CONFIG = 0x2091;
    LE_CS_SET_CH_CLASSIFICATION = 0x2092;
    LE_CS_SET_PROC_PARAM = 0x2093;
    LE_CS_SET_PROC_ENABLE = 0x2094;
    LE_CS_TEST = 0x2095;
    LE_CS_TEST_END = 0x2096;
    LE_SET_HOST_FEATURE_V2 = 0x2097;
    LE_CONN_RATE = 0x20a1;
    LE_SET_DEF_RATE = 0x20a2;
    LE_READ_CONN_INTERVAL = 0x20a3;
}
