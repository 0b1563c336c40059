// SPDX-License-Identifier: GPL-2.0

//! Events (Vol 4 Part E 7.7), but for the LE ones, which are in [`le_event`](super::le_event).

use zerocopy::{
    little_endian::{
        U16,
        U32, //
    },
    FromBytes,
    Immutable,
    KnownLayout,
    Unaligned, //
};

use super::{
    features::LmpPage,
    le_event::LeEvent,
    opcode::RawOpcode,
    packet::EventHeader,
    ClassOfDevice,
    ConnHandle,
    Key,
    Opcode,
    Status, //
};
use crate::{
    BdAddr,
    Malformed,
    Reader, //
};

/// Greatest length of an event's parameters, in bytes.
pub const MAX_PARAMS: usize = 255;

/// Event codes.
pub mod code {
    macro_rules! codes {
        ($($name:ident = $value:literal;)*) => {
            $(#[doc = concat!("Code of the event of this name, ", stringify!($value), ".")] pub const $name: u8 = $value;)*
        };
    }

    codes! {
        INQUIRY_COMPLETE = 0x01;
        INQUIRY_RESULT = 0x02;
        CONNECTION_COMPLETE = 0x03;
        CONNECTION_REQUEST = 0x04;
        DISCONNECTION_COMPLETE = 0x05;
        AUTHENTICATION_COMPLETE = 0x06;
        REMOTE_NAME = 0x07;
        ENCRYPTION_CHANGE = 0x08;
        CHANGE_LINK_KEY_COMPLETE = 0x09;
        LINK_KEY_TYPE_CHANGED = 0x0a;
        REMOTE_FEATURES = 0x0b;
        REMOTE_VERSION = 0x0c;
        QOS_SETUP_COMPLETE = 0x0d;
        COMMAND_COMPLETE = 0x0e;
        COMMAND_STATUS = 0x0f;
        HARDWARE_ERROR = 0x10;
        FLUSH_OCCURRED = 0x11;
        ROLE_CHANGE = 0x12;
        NUMBER_OF_COMPLETED_PACKETS = 0x13;
        MODE_CHANGE = 0x14;
        RETURN_LINK_KEYS = 0x15;
        PIN_CODE_REQUEST = 0x16;
        LINK_KEY_REQUEST = 0x17;
        LINK_KEY_NOTIFICATION = 0x18;
        LOOPBACK_COMMAND = 0x19;
        DATA_BUFFER_OVERFLOW = 0x1a;
        MAX_SLOTS_CHANGE = 0x1b;
        CLOCK_OFFSET = 0x1c;
        PACKET_TYPE_CHANGED = 0x1d;
        QOS_VIOLATION = 0x1e;
        PAGE_SCAN_REPETITION_MODE_CHANGE = 0x20;
        FLOW_SPECIFICATION_COMPLETE = 0x21;
        INQUIRY_RESULT_WITH_RSSI = 0x22;
        REMOTE_EXT_FEATURES = 0x23;
        SYNC_CONNECTION_COMPLETE = 0x2c;
        SYNC_CONNECTION_CHANGED = 0x2d;
        SNIFF_SUBRATING = 0x2e;
        EXTENDED_INQUIRY_RESULT = 0x2f;
        ENCRYPTION_KEY_REFRESH_COMPLETE = 0x30;
        IO_CAPABILITY_REQUEST = 0x31;
        IO_CAPABILITY_RESPONSE = 0x32;
        USER_CONFIRMATION_REQUEST = 0x33;
        USER_PASSKEY_REQUEST = 0x34;
        REMOTE_OOB_DATA_REQUEST = 0x35;
        SIMPLE_PAIRING_COMPLETE = 0x36;
        LINK_SUPERVISION_TIMEOUT_CHANGED = 0x38;
        ENHANCED_FLUSH_COMPLETE = 0x39;
        USER_PASSKEY_NOTIFICATION = 0x3b;
        KEYPRESS_NOTIFICATION = 0x3c;
        REMOTE_HOST_FEATURES = 0x3d;
        LE_META = 0x3e;
        NUMBER_OF_COMPLETED_DATA_BLOCKS = 0x48;
        SYNC_TRAIN_COMPLETE = 0x4f;
        PERIPHERAL_PAGE_RESPONSE_TIMEOUT = 0x54;
        AUTHENTICATED_PAYLOAD_TIMEOUT = 0x57;
        ENCRYPTION_CHANGE_V2 = 0x59;
        VENDOR = 0xff;
    }
}

layout! {
    /// Inquiry Complete (7.7.1).
    InquiryComplete { status: Status, }
    /// One device of Inquiry Result (7.7.2).
    InquiryInfo {
        bdaddr: BdAddr,
        page_scan_repetition_mode: u8,
        page_scan_period_mode: u8,
        page_scan_mode: u8,
        class: ClassOfDevice,
        clock_offset: U16,
    }
    /// Connection Complete (7.7.3).
    ConnectionComplete {
        status: Status,
        handle: ConnHandle,
        bdaddr: BdAddr,
        /// 0 SCO, 1 ACL.
        link_type: u8,
        encryption: u8,
    }
    /// Connection Request (7.7.4).
    ConnectionRequest {
        bdaddr: BdAddr,
        class: ClassOfDevice,
        /// 0 SCO, 1 ACL, 2 eSCO.
        link_type: u8,
    }
    /// Disconnection Complete (7.7.5).
    DisconnectionComplete {
        status: Status,
        handle: ConnHandle,
        reason: Status,
    }
    /// Authentication Complete (7.7.6).
    AuthenticationComplete { status: Status, handle: ConnHandle, }
    /// Remote Name Request Complete (7.7.7).
    RemoteName {
        status: Status,
        bdaddr: BdAddr,
        name: [u8; super::host_control::NAME_LEN],
    }
    /// Encryption Change v1 (7.7.8).
    EncryptionChange {
        status: Status,
        handle: ConnHandle,
        /// 0 off, 1 on (E0 or AES-CCM on LE), 2 on with AES-CCM on BR/EDR.
        encryption: u8,
    }
    /// Encryption Change v2 (7.7.8).
    EncryptionChangeV2 {
        status: Status,
        handle: ConnHandle,
        /// As in [`EncryptionChange`].
        encryption: u8,
        /// In bytes.
        key_size: u8,
    }
    /// Change Connection Link Key Complete (7.7.9).
    ChangeLinkKeyComplete { status: Status, handle: ConnHandle, }
    /// Read Remote Supported Features Complete (7.7.11).
    RemoteFeatures { status: Status, handle: ConnHandle, features: LmpPage, }
    /// Read Remote Version Information Complete (7.7.12).
    RemoteVersion {
        status: Status,
        handle: ConnHandle,
        version: u8,
        /// Company identifier.
        manufacturer: U16,
        subversion: U16,
    }
    /// Head of Command Complete (7.7.14); the return parameters follow.
    CommandCompleteHead { ncmd: u8, opcode: RawOpcode, }
    /// Command Status (7.7.15).
    CommandStatus {
        status: Status,
        /// How many command packets the controller takes now.
        ncmd: u8,
        opcode: RawOpcode,
    }
    /// Hardware Error (7.7.16).
    HardwareError { code: u8, }
    /// Role Change (7.7.18).
    RoleChange {
        status: Status,
        bdaddr: BdAddr,
        /// 0 central, 1 peripheral.
        role: u8,
    }
    /// One connection of Number Of Completed Packets (7.7.19).
    CompletedPackets { handle: ConnHandle, count: U16, }
    /// Mode Change (7.7.20).
    ModeChange {
        status: Status,
        handle: ConnHandle,
        /// 0 active, 1 hold, 2 sniff.
        mode: u8,
        /// In units of 0.625 ms.
        interval: U16,
    }
    /// PIN Code Request (7.7.22).
    PinCodeRequest { bdaddr: BdAddr, }
    /// Link Key Request (7.7.23).
    LinkKeyRequest { bdaddr: BdAddr, }
    /// Link Key Notification (7.7.24).
    LinkKeyNotification { bdaddr: BdAddr, link_key: Key, key_type: u8, }
    /// Data Buffer Overflow (7.7.26).
    DataBufferOverflow { link_type: u8, }
    /// Max Slots Change (7.7.27).
    MaxSlotsChange { handle: ConnHandle, max_slots: u8, }
    /// Read Clock Offset Complete (7.7.28).
    ClockOffset { status: Status, handle: ConnHandle, clock_offset: U16, }
    /// Connection Packet Type Changed (7.7.29).
    PacketTypeChanged { status: Status, handle: ConnHandle, packet_type: U16, }
    /// Page Scan Repetition Mode Change (7.7.31).
    PageScanRepetitionModeChange { bdaddr: BdAddr, mode: u8, }
    /// One device of Inquiry Result with RSSI (7.7.33).
    InquiryInfoRssi {
        bdaddr: BdAddr,
        page_scan_repetition_mode: u8,
        page_scan_period_mode: u8,
        class: ClassOfDevice,
        clock_offset: U16,
        /// In dBm.
        rssi: i8,
    }
    /// One device of Inquiry Result with RSSI as controllers of version 1.1 send it.
    InquiryInfoRssiPageScan {
        bdaddr: BdAddr,
        page_scan_repetition_mode: u8,
        page_scan_period_mode: u8,
        page_scan_mode: u8,
        class: ClassOfDevice,
        clock_offset: U16,
        /// In dBm.
        rssi: i8,
    }
    /// Read Remote Extended Features Complete (7.7.34).
    RemoteExtFeatures {
        status: Status,
        handle: ConnHandle,
        page: u8,
        max_page: u8,
        features: LmpPage,
    }
    /// Synchronous Connection Complete (7.7.35).
    SyncConnectionComplete {
        status: Status,
        handle: ConnHandle,
        bdaddr: BdAddr,
        /// 0 SCO, 2 eSCO.
        link_type: u8,
        /// In slots.
        transmission_interval: u8,
        /// In slots.
        retransmission_window: u8,
        /// In bytes.
        rx_packet_len: U16,
        /// In bytes.
        tx_packet_len: U16,
        air_mode: u8,
    }
    /// Synchronous Connection Changed (7.7.36).
    SyncConnectionChanged {
        status: Status,
        handle: ConnHandle,
        transmission_interval: u8,
        retransmission_window: u8,
        rx_packet_len: U16,
        tx_packet_len: U16,
    }
    /// Sniff Subrating (7.7.37).
    SniffSubrating {
        status: Status,
        handle: ConnHandle,
        max_tx_latency: U16,
        max_rx_latency: U16,
        min_remote_timeout: U16,
        min_local_timeout: U16,
    }
    /// One device of Extended Inquiry Result (7.7.38).
    ExtendedInquiryInfo {
        bdaddr: BdAddr,
        page_scan_repetition_mode: u8,
        page_scan_period_mode: u8,
        class: ClassOfDevice,
        clock_offset: U16,
        /// In dBm.
        rssi: i8,
        data: [u8; super::host_control::EIR_LEN],
    }
    /// Encryption Key Refresh Complete (7.7.39).
    EncryptionKeyRefreshComplete { status: Status, handle: ConnHandle, }
    /// IO Capability Request (7.7.40).
    IoCapabilityRequest { bdaddr: BdAddr, }
    /// IO Capability Response (7.7.41).
    IoCapabilityResponse {
        bdaddr: BdAddr,
        io_capability: u8,
        oob_data: u8,
        authentication: u8,
    }
    /// User Confirmation Request (7.7.42).
    UserConfirmationRequest { bdaddr: BdAddr, passkey: U32, }
    /// User Passkey Request (7.7.43).
    UserPasskeyRequest { bdaddr: BdAddr, }
    /// Remote OOB Data Request (7.7.44).
    RemoteOobDataRequest { bdaddr: BdAddr, }
    /// Simple Pairing Complete (7.7.45).
    SimplePairingComplete { status: Status, bdaddr: BdAddr, }
    /// Link Supervision Timeout Changed (7.7.46).
    LinkSupervisionTimeoutChanged {
        handle: ConnHandle,
        /// In units of 0.625 ms.
        timeout: U16,
    }
    /// User Passkey Notification (7.7.48).
    UserPasskeyNotification { bdaddr: BdAddr, passkey: U32, }
    /// Keypress Notification (7.7.49).
    KeypressNotification {
        bdaddr: BdAddr,
        /// 0 started, 1 digit entered, 2 digit erased, 3 cleared, 4 completed.
        kind: u8,
    }
    /// Remote Host Supported Features Notification (7.7.50).
    RemoteHostFeatures { bdaddr: BdAddr, features: LmpPage, }
    /// Authenticated Payload Timeout Expired (7.7.75).
    AuthenticatedPayloadTimeout { handle: ConnHandle, }
    /// Synchronization Train Complete.
    SyncTrainComplete { status: Status, }
}

/// Command Complete (7.7.14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandComplete<'a> {
    /// How many command packets the controller takes now.
    pub ncmd: u8,
    /// Which command; NOP if this only tells `ncmd`.
    pub opcode: Opcode,
    /// The return parameters, as [`parse_reply`](super::parse_reply) takes them: usually a status comes first.
    pub params: &'a [u8],
}

impl CommandComplete<'_> {
    /// The first return parameter, which is the status of all but a few vendors' commands.
    #[inline]
    pub fn status(&self) -> Option<Status> {
        self.params.first().copied().map(Status)
    }
}

impl CommandStatus {
    /// Which command.
    #[inline]
    pub const fn opcode(&self) -> Opcode {
        self.opcode.get()
    }
}

/// Inquiry Result with RSSI (7.7.33): the length tells which of two formats it has, as in the C stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InquiryResultRssi<'a> {
    /// The format of the specification.
    Standard(&'a [InquiryInfoRssi]),
    /// The older one, with a page scan mode.
    PageScan(&'a [InquiryInfoRssiPageScan]),
}

/// Takes a fixed structure; what follows it is ignored, since later versions of the specification append fields.
#[inline]
pub(super) fn fixed<'a, T>(item: &'static str, params: &'a [u8]) -> Result<&'a T, Malformed>
where
    T: FromBytes + KnownLayout + Immutable + Unaligned,
{
    Reader::new(item, params).view()
}

/// Takes a list that starts with its number of entries.
#[inline]
pub(super) fn list<'a, T>(item: &'static str, params: &'a [u8]) -> Result<&'a [T], Malformed>
where
    T: FromBytes + KnownLayout + Immutable + Unaligned,
{
    let mut reader = Reader::new(item, params);
    let count = usize::from(reader.u8()?);
    reader.views(count)
}

fn inquiry_result_rssi(params: &[u8]) -> Result<InquiryResultRssi<'_>, Malformed> {
    const ITEM: &str = "Inquiry Result with RSSI";
    let mut reader = Reader::new(ITEM, params);
    let count = usize::from(reader.u8()?);
    let length = reader.remaining();
    let standard = count.saturating_mul(core::mem::size_of::<InquiryInfoRssi>());
    let page_scan = count.saturating_mul(core::mem::size_of::<InquiryInfoRssiPageScan>());
    if length == standard {
        reader.views(count).map(InquiryResultRssi::Standard)
    } else if length == page_scan {
        reader.views(count).map(InquiryResultRssi::PageScan)
    } else {
        Err(Malformed::short(ITEM, standard, length))
    }
}

fn command_complete(params: &[u8]) -> Result<CommandComplete<'_>, Malformed> {
    let mut reader = Reader::new("Command Complete", params);
    let head = reader.view::<CommandCompleteHead>()?;
    Ok(CommandComplete {
        ncmd: head.ncmd,
        opcode: head.opcode.get(),
        params: reader.rest(),
    })
}

/// Splits an event packet, without the transport's packet type, into code and parameters.
///
/// Bytes after the declared length are not part of the event.
///
/// # Errors
///
/// The header, or the parameters it announces, are not all there.
#[inline]
pub fn split(packet: &[u8]) -> Result<(u8, &[u8]), Malformed> {
    let mut reader = Reader::new("event packet", packet);
    let header = reader.view::<EventHeader>()?;
    let params = reader.bytes(usize::from(header.plen))?;
    Ok((header.code, params))
}

macro_rules! events {
    (
        fixed { $($fcode:ident => $fixed:ident,)* }
        list { $($lcode:ident => $list:ident([$item:ident]),)* }
    ) => {
        /// An event.
        ///
        /// Variants hold a view of the event's structure, named like the variant, or a list whose length was checked.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Event<'a> {
            $(#[doc = concat!("[`", stringify!($fixed), "`].")] $fixed(&'a $fixed),)*
            $(#[doc = concat!("A list of [`", stringify!($item), "`].")] $list(&'a [$item]),)*
            /// [`CommandComplete`].
            CommandComplete(CommandComplete<'a>),
            /// [`InquiryResultRssi`].
            InquiryResultRssi(InquiryResultRssi<'a>),
            /// [`LeEvent`].
            LeMeta(LeEvent<'a>),
            /// A vendor's event.
            Vendor(&'a [u8]),
            /// An event that this crate does not know.
            Unknown {
                /// Its code.
                code: u8,
                /// Its parameters.
                params: &'a [u8],
            },
        }

        impl<'a> Event<'a> {
            /// Reads an event packet, without the transport's packet type in front.
            ///
            /// # Errors
            ///
            /// The packet is shorter than its header says, or its parameters are shorter than the event's format. Longer
            /// ones are accepted.
            pub fn parse(packet: &'a [u8]) -> Result<Self, Malformed> {
                let (code, params) = split(packet)?;
                Self::parse_params(code, params)
            }

            /// Reads the parameters of event `code`.
            ///
            /// # Errors
            ///
            /// They are shorter than the event's format.
            pub fn parse_params(code: u8, params: &'a [u8]) -> Result<Self, Malformed> {
                Ok(match code {
                    $(code::$fcode => Self::$fixed(fixed(stringify!($fixed), params)?),)*
                    $(code::$lcode => Self::$list(list(stringify!($list), params)?),)*
                    code::COMMAND_COMPLETE => Self::CommandComplete(command_complete(params)?),
                    code::INQUIRY_RESULT_WITH_RSSI => {
                        Self::InquiryResultRssi(inquiry_result_rssi(params)?)
                    }
                    code::LE_META => Self::LeMeta(LeEvent::parse(params)?),
                    code::VENDOR => Self::Vendor(params),
                    code => Self::Unknown { code, params },
                })
            }
        }
    };
}

events! {
    fixed {
        INQUIRY_COMPLETE => InquiryComplete,
        CONNECTION_COMPLETE => ConnectionComplete,
        CONNECTION_REQUEST => ConnectionRequest,
        DISCONNECTION_COMPLETE => DisconnectionComplete,
        AUTHENTICATION_COMPLETE => AuthenticationComplete,
        REMOTE_NAME => RemoteName,
        ENCRYPTION_CHANGE => EncryptionChange,
        ENCRYPTION_CHANGE_V2 => EncryptionChangeV2,
        CHANGE_LINK_KEY_COMPLETE => ChangeLinkKeyComplete,
        REMOTE_FEATURES => RemoteFeatures,
        REMOTE_VERSION => RemoteVersion,
        COMMAND_STATUS => CommandStatus,
        HARDWARE_ERROR => HardwareError,
        ROLE_CHANGE => RoleChange,
        MODE_CHANGE => ModeChange,
        PIN_CODE_REQUEST => PinCodeRequest,
        LINK_KEY_REQUEST => LinkKeyRequest,
        LINK_KEY_NOTIFICATION => LinkKeyNotification,
        DATA_BUFFER_OVERFLOW => DataBufferOverflow,
        MAX_SLOTS_CHANGE => MaxSlotsChange,
        CLOCK_OFFSET => ClockOffset,
        PACKET_TYPE_CHANGED => PacketTypeChanged,
        PAGE_SCAN_REPETITION_MODE_CHANGE => PageScanRepetitionModeChange,
        REMOTE_EXT_FEATURES => RemoteExtFeatures,
        SYNC_CONNECTION_COMPLETE => SyncConnectionComplete,
        SYNC_CONNECTION_CHANGED => SyncConnectionChanged,
        SNIFF_SUBRATING => SniffSubrating,
        ENCRYPTION_KEY_REFRESH_COMPLETE => EncryptionKeyRefreshComplete,
        IO_CAPABILITY_REQUEST => IoCapabilityRequest,
        IO_CAPABILITY_RESPONSE => IoCapabilityResponse,
        USER_CONFIRMATION_REQUEST => UserConfirmationRequest,
        USER_PASSKEY_REQUEST => UserPasskeyRequest,
        REMOTE_OOB_DATA_REQUEST => RemoteOobDataRequest,
        SIMPLE_PAIRING_COMPLETE => SimplePairingComplete,
        LINK_SUPERVISION_TIMEOUT_CHANGED => LinkSupervisionTimeoutChanged,
        USER_PASSKEY_NOTIFICATION => UserPasskeyNotification,
        KEYPRESS_NOTIFICATION => KeypressNotification,
        REMOTE_HOST_FEATURES => RemoteHostFeatures,
        AUTHENTICATED_PAYLOAD_TIMEOUT => AuthenticatedPayloadTimeout,
        SYNC_TRAIN_COMPLETE => SyncTrainComplete,
    }
    list {
        INQUIRY_RESULT => InquiryResult([InquiryInfo]),
        NUMBER_OF_COMPLETED_PACKETS => NumberOfCompletedPackets([CompletedPackets]),
        EXTENDED_INQUIRY_RESULT => ExtendedInquiryResult([ExtendedInquiryInfo]),
    }
}
