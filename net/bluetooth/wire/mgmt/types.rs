// SPDX-License-Identifier: GPL-2.0

//! Field types that several commands, replies and events share.

use zerocopy::little_endian::{
    U16,
    U32,
    U64, //
};

use crate::{
    hci::Key,
    layout::U8,
    uuid::Uuid128,
    AddressType,
    BdAddr, //
};

/// Size of a device name, in bytes, with the NUL that always ends it.
pub const NAME_LEN: usize = 249;
/// Size of a short device name, in bytes, with the NUL that always ends it.
pub const SHORT_NAME_LEN: usize = 11;

bit_set! {
    /// What a controller can do, or does.
    Settings(U32, u32) {
        POWERED = 0;
        CONNECTABLE = 1;
        FAST_CONNECTABLE = 2;
        DISCOVERABLE = 3;
        BONDABLE = 4;
        LINK_SECURITY = 5;
        SSP = 6;
        BREDR = 7;
        HS = 8;
        LE = 9;
        ADVERTISING = 10;
        SECURE_CONN = 11;
        DEBUG_KEYS = 12;
        PRIVACY = 13;
        CONFIGURATION = 14;
        STATIC_ADDRESS = 15;
        PHY_CONFIGURATION = 16;
        WIDEBAND_SPEECH = 17;
        CIS_CENTRAL = 18;
        CIS_PERIPHERAL = 19;
        ISO_BROADCASTER = 20;
        ISO_SYNC_RECEIVER = 21;
        LL_PRIVACY = 22;
        PAST_SENDER = 23;
        PAST_RECEIVER = 24;
        SCI = 25;
    }
}

bit_set! {
    /// What must be configured before a controller can be used.
    ConfigOptions(U32, u32) {
        EXTERNAL_CONFIG = 0;
        PUBLIC_ADDRESS = 1;
    }
}

bit_set! {
    /// Flags of an advertising instance.
    AdvFlags(U32, u32) {
        CONNECTABLE = 0;
        DISCOVERABLE = 1;
        LIMITED_DISCOVERABLE = 2;
        MANAGED_FLAGS = 3;
        TX_POWER = 4;
        APPEARANCE = 5;
        LOCAL_NAME = 6;
        SECONDARY_1M = 7;
        SECONDARY_2M = 8;
        SECONDARY_CODED = 9;
        CAN_SET_TX_POWER = 10;
        HW_OFFLOAD = 11;
        PARAM_DURATION = 12;
        PARAM_TIMEOUT = 13;
        PARAM_INTERVALS = 14;
        PARAM_TX_POWER = 15;
        PARAM_SCAN_RSP = 16;
    }
}

impl AdvFlags {
    /// The flags that choose the PHY of the secondary channel.
    pub const SECONDARY_MASK: Self = Self::from_bits(0x380);
}

bit_set! {
    /// PHYs of both transports.
    Phys(U32, u32) {
        BR_1M_1SLOT = 0;
        BR_1M_3SLOT = 1;
        BR_1M_5SLOT = 2;
        EDR_2M_1SLOT = 3;
        EDR_2M_3SLOT = 4;
        EDR_2M_5SLOT = 5;
        EDR_3M_1SLOT = 6;
        EDR_3M_3SLOT = 7;
        EDR_3M_5SLOT = 8;
        LE_1M_TX = 9;
        LE_1M_RX = 10;
        LE_2M_TX = 11;
        LE_2M_RX = 12;
        LE_CODED_TX = 13;
        LE_CODED_RX = 14;
    }
}

impl Phys {
    /// All of BR/EDR.
    pub const BREDR_MASK: Self = Self::from_bits(0x01ff);
    /// All of LE.
    pub const LE_MASK: Self = Self::from_bits(0x7e00);
    /// Those of LE for transmitting.
    pub const LE_TX_MASK: Self = Self::from_bits(0x2a00);
    /// Those of LE for receiving.
    pub const LE_RX_MASK: Self = Self::from_bits(0x5400);
}

bit_set! {
    /// Flags of a known device (`HCI_CONN_FLAG_*`).
    DeviceFlags(U32, u32) {
        REMOTE_WAKEUP = 0;
        DEVICE_PRIVACY = 1;
        ADDRESS_RESOLUTION = 2;
        PAST = 3;
    }
}

bit_set! {
    /// Flags of [`DeviceFoundHead`](super::event::DeviceFoundHead).
    DeviceFoundFlags(U32, u32) {
        CONFIRM_NAME = 0;
        LEGACY_PAIRING = 1;
        NOT_CONNECTABLE = 2;
        INITIATED_CONN = 3;
        NAME_REQUEST_FAILED = 4;
        SCAN_RSP = 5;
    }
}

bit_set! {
    /// A set of address types: on which transports to discover devices.
    AddressTypes(U8, u8) {
        BREDR = 0;
        LE_PUBLIC = 1;
        LE_RANDOM = 2;
    }
}

impl AddressTypes {
    /// Both LE types.
    pub const LE: Self = Self::from_bits(0x06);
    /// All types.
    pub const INTERLEAVED: Self = Self::from_bits(0x07);
}

layout! {
    /// An address and its type.
    AddrInfo {
        bdaddr: BdAddr,
        /// See [`AddressType`].
        addr_type: u8,
    }
    /// A link key of BR/EDR.
    LinkKeyInfo {
        addr: AddrInfo,
        key_type: u8,
        value: Key,
        pin_len: u8,
    }
    /// A long term key of LE.
    LtkInfo {
        addr: AddrInfo,
        /// 0 unauthenticated, 1 authenticated, 2 P-256 unauthenticated, 3 P-256 authenticated, 4 P-256 debug.
        key_type: u8,
        /// Whether it encrypts as central.
        initiator: u8,
        /// In bytes; user space may send anything, at most 16 is meant.
        encryption_size: u8,
        ediv: U16,
        rand: U64,
        value: Key,
    }
    /// An identity resolving key.
    IrkInfo {
        addr: AddrInfo,
        value: Key,
    }
    /// A signature resolving key.
    CsrkInfo {
        addr: AddrInfo,
        /// Bit 0: of the remote device, bit 1: authenticated.
        key_type: u8,
        value: Key,
    }
    /// Connection parameters that a device prefers.
    ConnParam {
        addr: AddrInfo,
        /// In units of 1.25 ms.
        min_interval: U16,
        max_interval: U16,
        latency: U16,
        /// In units of 10 ms.
        timeout: U16,
    }
    /// Connection rates that a device prefers.
    ConnSubrate {
        addr: AddrInfo,
        min_interval: U16,
        max_interval: U16,
        subrate_min: U16,
        subrate_max: U16,
        max_latency: U16,
        continuation_number: U16,
        supervision_timeout: U16,
    }
    /// A key that must not be used.
    BlockedKey {
        /// 0 link key, 1 LTK, 2 IRK.
        key_type: u8,
        value: Key,
    }
    /// An experimental feature.
    ExpFeature {
        uuid: Uuid128,
        /// Bit 0: on, bit 1: changes the supported settings.
        flags: U32,
    }
    /// A pattern of an advertisement monitor.
    AdvPattern {
        ad_type: u8,
        offset: u8,
        /// How much of `value` counts; user space may send anything, at most 31 is meant.
        length: u8,
        value: [u8; 31],
    }
    /// When an advertisement monitor reports a device.
    AdvRssiThresholds {
        /// In dBm.
        high: i8,
        /// In seconds.
        high_timeout: U16,
        /// In dBm.
        low: i8,
        /// In seconds.
        low_timeout: U16,
        /// In units of 100 ms.
        sampling_period: u8,
    }
}

impl AddrInfo {
    /// An address and its type.
    #[inline]
    pub const fn new(bdaddr: BdAddr, kind: AddressType) -> Self {
        Self {
            bdaddr,
            addr_type: kind.to_u8(),
        }
    }

    /// The type, if it is one.
    #[inline]
    pub const fn kind(&self) -> Option<AddressType> {
        AddressType::from_u8(self.addr_type)
    }
}

impl AdvPattern {
    /// The part of the value that counts, or [`None`] if it is longer than the array or would reach beyond 31 bytes.
    #[inline]
    pub fn value(&self) -> Option<&[u8]> {
        let end = usize::from(self.offset).saturating_add(usize::from(self.length));
        if end > self.value.len() {
            return None;
        }
        self.value.get(..usize::from(self.length))
    }
}

impl LtkInfo {
    /// The key without what its size leaves out, or [`None`] if it says to be longer than a key is.
    #[inline]
    pub fn used(&self) -> Option<&[u8]> {
        self.value.0.get(..usize::from(self.encryption_size))
    }
}
