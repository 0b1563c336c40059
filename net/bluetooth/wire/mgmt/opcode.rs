// SPDX-License-Identifier: GPL-2.0

//! Numbers of commands and events, and how long each command's parameters are.

/// How long the parameters of a command are, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamsLen {
    /// Exactly so long.
    Exact(u16),
    /// So long or longer: the command has a list, whose own parser checks the rest.
    AtLeast(u16),
}

impl ParamsLen {
    /// Whether parameters of `len` bytes may be parsed.
    #[inline]
    pub const fn allows(self, len: usize) -> bool {
        match self {
            Self::Exact(wanted) => len == wanted as usize,
            Self::AtLeast(wanted) => len >= wanted as usize,
        }
    }
}

macro_rules! numbers {
    ($($name:ident = $value:literal;)*) => {
        $(#[doc = concat!("`", stringify!($name), "`, ", stringify!($value), ".")] pub const $name: u16 = $value;)*

        /// The kernel's name for the number.
        pub const fn name(number: u16) -> Option<&'static str> {
            match number {
                $($value => Some(stringify!($name)),)*
                _ => None,
            }
        }
    };
}

/// Commands; the names are those of the kernel's `MGMT_OP_*`.
pub mod op {
    use super::ParamsLen;

    numbers! {
        READ_VERSION = 0x0001;
        READ_COMMANDS = 0x0002;
        READ_INDEX_LIST = 0x0003;
        READ_INFO = 0x0004;
        SET_POWERED = 0x0005;
        SET_DISCOVERABLE = 0x0006;
        SET_CONNECTABLE = 0x0007;
        SET_FAST_CONNECTABLE = 0x0008;
        SET_BONDABLE = 0x0009;
        SET_LINK_SECURITY = 0x000a;
        SET_SSP = 0x000b;
        SET_HS = 0x000c;
        SET_LE = 0x000d;
        SET_DEV_CLASS = 0x000e;
        SET_LOCAL_NAME = 0x000f;
        ADD_UUID = 0x0010;
        REMOVE_UUID = 0x0011;
        LOAD_LINK_KEYS = 0x0012;
        LOAD_LONG_TERM_KEYS = 0x0013;
        DISCONNECT = 0x0014;
        GET_CONNECTIONS = 0x0015;
        PIN_CODE_REPLY = 0x0016;
        PIN_CODE_NEG_REPLY = 0x0017;
        SET_IO_CAPABILITY = 0x0018;
        PAIR_DEVICE = 0x0019;
        CANCEL_PAIR_DEVICE = 0x001a;
        UNPAIR_DEVICE = 0x001b;
        USER_CONFIRM_REPLY = 0x001c;
        USER_CONFIRM_NEG_REPLY = 0x001d;
        USER_PASSKEY_REPLY = 0x001e;
        USER_PASSKEY_NEG_REPLY = 0x001f;
        READ_LOCAL_OOB_DATA = 0x0020;
        ADD_REMOTE_OOB_DATA = 0x0021;
        REMOVE_REMOTE_OOB_DATA = 0x0022;
        START_DISCOVERY = 0x0023;
        STOP_DISCOVERY = 0x0024;
        CONFIRM_NAME = 0x0025;
        BLOCK_DEVICE = 0x0026;
        UNBLOCK_DEVICE = 0x0027;
        SET_DEVICE_ID = 0x0028;
        SET_ADVERTISING = 0x0029;
        SET_BREDR = 0x002a;
        SET_STATIC_ADDRESS = 0x002b;
        SET_SCAN_PARAMS = 0x002c;
        SET_SECURE_CONN = 0x002d;
        SET_DEBUG_KEYS = 0x002e;
        SET_PRIVACY = 0x002f;
        LOAD_IRKS = 0x0030;
        GET_CONN_INFO = 0x0031;
        GET_CLOCK_INFO = 0x0032;
        ADD_DEVICE = 0x0033;
        REMOVE_DEVICE = 0x0034;
        LOAD_CONN_PARAM = 0x0035;
        READ_UNCONF_INDEX_LIST = 0x0036;
        READ_CONFIG_INFO = 0x0037;
        SET_EXTERNAL_CONFIG = 0x0038;
        SET_PUBLIC_ADDRESS = 0x0039;
        START_SERVICE_DISCOVERY = 0x003a;
        READ_LOCAL_OOB_EXT_DATA = 0x003b;
        READ_EXT_INDEX_LIST = 0x003c;
        READ_ADV_FEATURES = 0x003d;
        ADD_ADVERTISING = 0x003e;
        REMOVE_ADVERTISING = 0x003f;
        GET_ADV_SIZE_INFO = 0x0040;
        START_LIMITED_DISCOVERY = 0x0041;
        READ_EXT_INFO = 0x0042;
        SET_APPEARANCE = 0x0043;
        GET_PHY_CONFIGURATION = 0x0044;
        SET_PHY_CONFIGURATION = 0x0045;
        SET_BLOCKED_KEYS = 0x0046;
        SET_WIDEBAND_SPEECH = 0x0047;
        READ_CONTROLLER_CAP = 0x0048;
        READ_EXP_FEATURES_INFO = 0x0049;
        SET_EXP_FEATURE = 0x004a;
        READ_DEF_SYSTEM_CONFIG = 0x004b;
        SET_DEF_SYSTEM_CONFIG = 0x004c;
        READ_DEF_RUNTIME_CONFIG = 0x004d;
        SET_DEF_RUNTIME_CONFIG = 0x004e;
        GET_DEVICE_FLAGS = 0x004f;
        SET_DEVICE_FLAGS = 0x0050;
        READ_ADV_MONITOR_FEATURES = 0x0051;
        ADD_ADV_PATTERNS_MONITOR = 0x0052;
        REMOVE_ADV_MONITOR = 0x0053;
        ADD_EXT_ADV_PARAMS = 0x0054;
        ADD_EXT_ADV_DATA = 0x0055;
        ADD_ADV_PATTERNS_MONITOR_RSSI = 0x0056;
        SET_MESH_RECEIVER = 0x0057;
        MESH_READ_FEATURES = 0x0058;
        MESH_SEND = 0x0059;
        MESH_SEND_CANCEL = 0x005a;
        HCI_CMD_SYNC = 0x005b;
        LOAD_CONN_SUBRATE = 0x005c;
    }

    /// How long the parameters of command `opcode` are, if there is such a command.
    pub const fn params_len(opcode: u16) -> Option<ParamsLen> {
        Some(match opcode {
            READ_VERSION => ParamsLen::Exact(0),
            READ_COMMANDS => ParamsLen::Exact(0),
            READ_INDEX_LIST => ParamsLen::Exact(0),
            READ_INFO => ParamsLen::Exact(0),
            SET_POWERED => ParamsLen::Exact(1),
            SET_DISCOVERABLE => ParamsLen::Exact(3),
            SET_CONNECTABLE => ParamsLen::Exact(1),
            SET_FAST_CONNECTABLE => ParamsLen::Exact(1),
            SET_BONDABLE => ParamsLen::Exact(1),
            SET_LINK_SECURITY => ParamsLen::Exact(1),
            SET_SSP => ParamsLen::Exact(1),
            SET_HS => ParamsLen::Exact(1),
            SET_LE => ParamsLen::Exact(1),
            SET_DEV_CLASS => ParamsLen::Exact(2),
            SET_LOCAL_NAME => ParamsLen::Exact(260),
            ADD_UUID => ParamsLen::Exact(17),
            REMOVE_UUID => ParamsLen::Exact(16),
            LOAD_LINK_KEYS => ParamsLen::AtLeast(3),
            LOAD_LONG_TERM_KEYS => ParamsLen::AtLeast(2),
            DISCONNECT => ParamsLen::Exact(7),
            GET_CONNECTIONS => ParamsLen::Exact(0),
            PIN_CODE_REPLY => ParamsLen::Exact(24),
            PIN_CODE_NEG_REPLY => ParamsLen::Exact(7),
            SET_IO_CAPABILITY => ParamsLen::Exact(1),
            PAIR_DEVICE => ParamsLen::Exact(8),
            CANCEL_PAIR_DEVICE => ParamsLen::Exact(7),
            UNPAIR_DEVICE => ParamsLen::Exact(8),
            USER_CONFIRM_REPLY => ParamsLen::Exact(7),
            USER_CONFIRM_NEG_REPLY => ParamsLen::Exact(7),
            USER_PASSKEY_REPLY => ParamsLen::Exact(11),
            USER_PASSKEY_NEG_REPLY => ParamsLen::Exact(7),
            READ_LOCAL_OOB_DATA => ParamsLen::Exact(0),
            ADD_REMOTE_OOB_DATA => ParamsLen::AtLeast(39),
            REMOVE_REMOTE_OOB_DATA => ParamsLen::Exact(7),
            START_DISCOVERY => ParamsLen::Exact(1),
            STOP_DISCOVERY => ParamsLen::Exact(1),
            CONFIRM_NAME => ParamsLen::Exact(8),
            BLOCK_DEVICE => ParamsLen::Exact(7),
            UNBLOCK_DEVICE => ParamsLen::Exact(7),
            SET_DEVICE_ID => ParamsLen::Exact(8),
            SET_ADVERTISING => ParamsLen::Exact(1),
            SET_BREDR => ParamsLen::Exact(1),
            SET_STATIC_ADDRESS => ParamsLen::Exact(6),
            SET_SCAN_PARAMS => ParamsLen::Exact(4),
            SET_SECURE_CONN => ParamsLen::Exact(1),
            SET_DEBUG_KEYS => ParamsLen::Exact(1),
            SET_PRIVACY => ParamsLen::Exact(17),
            LOAD_IRKS => ParamsLen::AtLeast(2),
            GET_CONN_INFO => ParamsLen::Exact(7),
            GET_CLOCK_INFO => ParamsLen::Exact(7),
            ADD_DEVICE => ParamsLen::Exact(8),
            REMOVE_DEVICE => ParamsLen::Exact(7),
            LOAD_CONN_PARAM => ParamsLen::AtLeast(2),
            READ_UNCONF_INDEX_LIST => ParamsLen::Exact(0),
            READ_CONFIG_INFO => ParamsLen::Exact(0),
            SET_EXTERNAL_CONFIG => ParamsLen::Exact(1),
            SET_PUBLIC_ADDRESS => ParamsLen::Exact(6),
            START_SERVICE_DISCOVERY => ParamsLen::AtLeast(4),
            READ_LOCAL_OOB_EXT_DATA => ParamsLen::Exact(1),
            READ_EXT_INDEX_LIST => ParamsLen::Exact(0),
            READ_ADV_FEATURES => ParamsLen::Exact(0),
            ADD_ADVERTISING => ParamsLen::AtLeast(11),
            REMOVE_ADVERTISING => ParamsLen::Exact(1),
            GET_ADV_SIZE_INFO => ParamsLen::Exact(5),
            START_LIMITED_DISCOVERY => ParamsLen::Exact(1),
            READ_EXT_INFO => ParamsLen::Exact(0),
            SET_APPEARANCE => ParamsLen::Exact(2),
            GET_PHY_CONFIGURATION => ParamsLen::Exact(0),
            SET_PHY_CONFIGURATION => ParamsLen::Exact(4),
            SET_BLOCKED_KEYS => ParamsLen::AtLeast(2),
            SET_WIDEBAND_SPEECH => ParamsLen::Exact(1),
            READ_CONTROLLER_CAP => ParamsLen::Exact(0),
            READ_EXP_FEATURES_INFO => ParamsLen::Exact(0),
            SET_EXP_FEATURE => ParamsLen::AtLeast(16),
            READ_DEF_SYSTEM_CONFIG => ParamsLen::Exact(0),
            SET_DEF_SYSTEM_CONFIG => ParamsLen::AtLeast(0),
            READ_DEF_RUNTIME_CONFIG => ParamsLen::Exact(0),
            SET_DEF_RUNTIME_CONFIG => ParamsLen::AtLeast(0),
            GET_DEVICE_FLAGS => ParamsLen::Exact(7),
            SET_DEVICE_FLAGS => ParamsLen::Exact(11),
            READ_ADV_MONITOR_FEATURES => ParamsLen::Exact(0),
            ADD_ADV_PATTERNS_MONITOR => ParamsLen::AtLeast(1),
            REMOVE_ADV_MONITOR => ParamsLen::Exact(2),
            ADD_EXT_ADV_PARAMS => ParamsLen::AtLeast(18),
            ADD_EXT_ADV_DATA => ParamsLen::AtLeast(3),
            ADD_ADV_PATTERNS_MONITOR_RSSI => ParamsLen::AtLeast(8),
            SET_MESH_RECEIVER => ParamsLen::AtLeast(6),
            MESH_READ_FEATURES => ParamsLen::Exact(0),
            MESH_SEND => ParamsLen::AtLeast(19),
            MESH_SEND_CANCEL => ParamsLen::Exact(1),
            HCI_CMD_SYNC => ParamsLen::AtLeast(6),
            LOAD_CONN_SUBRATE => ParamsLen::AtLeast(2),
            _ => return None,
        })
    }
}

/// Events; the names are those of the kernel's `MGMT_EV_*`.
pub mod ev {
    numbers! {
        CMD_COMPLETE = 0x0001;
        CMD_STATUS = 0x0002;
        CONTROLLER_ERROR = 0x0003;
        INDEX_ADDED = 0x0004;
        INDEX_REMOVED = 0x0005;
        NEW_SETTINGS = 0x0006;
        CLASS_OF_DEV_CHANGED = 0x0007;
        LOCAL_NAME_CHANGED = 0x0008;
        NEW_LINK_KEY = 0x0009;
        NEW_LONG_TERM_KEY = 0x000a;
        DEVICE_CONNECTED = 0x000b;
        DEVICE_DISCONNECTED = 0x000c;
        CONNECT_FAILED = 0x000d;
        PIN_CODE_REQUEST = 0x000e;
        USER_CONFIRM_REQUEST = 0x000f;
        USER_PASSKEY_REQUEST = 0x0010;
        AUTH_FAILED = 0x0011;
        DEVICE_FOUND = 0x0012;
        DISCOVERING = 0x0013;
        DEVICE_BLOCKED = 0x0014;
        DEVICE_UNBLOCKED = 0x0015;
        DEVICE_UNPAIRED = 0x0016;
        PASSKEY_NOTIFY = 0x0017;
        NEW_IRK = 0x0018;
        NEW_CSRK = 0x0019;
        DEVICE_ADDED = 0x001a;
        DEVICE_REMOVED = 0x001b;
        NEW_CONN_PARAM = 0x001c;
        UNCONF_INDEX_ADDED = 0x001d;
        UNCONF_INDEX_REMOVED = 0x001e;
        NEW_CONFIG_OPTIONS = 0x001f;
        EXT_INDEX_ADDED = 0x0020;
        EXT_INDEX_REMOVED = 0x0021;
        LOCAL_OOB_DATA_UPDATED = 0x0022;
        ADVERTISING_ADDED = 0x0023;
        ADVERTISING_REMOVED = 0x0024;
        EXT_INFO_CHANGED = 0x0025;
        PHY_CONFIGURATION_CHANGED = 0x0026;
        EXP_FEATURE_CHANGED = 0x0027;
        DEVICE_FLAGS_CHANGED = 0x002a;
        ADV_MONITOR_ADDED = 0x002b;
        ADV_MONITOR_REMOVED = 0x002c;
        CONTROLLER_SUSPEND = 0x002d;
        CONTROLLER_RESUME = 0x002e;
        ADV_MONITOR_DEVICE_FOUND = 0x002f;
        ADV_MONITOR_DEVICE_LOST = 0x0030;
        MESH_DEVICE_FOUND = 0x0031;
        MESH_PACKET_CMPLT = 0x0032;
        CONN_SUBRATE = 0x0033;
    }
}
