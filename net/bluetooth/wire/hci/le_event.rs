// SPDX-License-Identifier: GPL-2.0

//! LE meta events (Vol 4 Part E 7.7.65).

use zerocopy::little_endian::{
    U16,
    U64, //
};

use super::{
    event::{
        fixed,
        list, //
    },
    features::LeFeatures,
    ConnHandle,
    LeAddrType,
    Status,
    U24, //
};
use crate::{
    BdAddr,
    Malformed,
    Reader, //
};

/// Subevent codes.
pub mod code {
    macro_rules! codes {
        ($($name:ident = $value:literal;)*) => {
            $(#[doc = concat!("Code of the subevent of this name, ", stringify!($value), ".")] pub const $name: u8 = $value;)*
        };
    }

    codes! {
        CONNECTION_COMPLETE = 0x01;
        ADVERTISING_REPORT = 0x02;
        CONNECTION_UPDATE_COMPLETE = 0x03;
        REMOTE_FEATURES = 0x04;
        LONG_TERM_KEY_REQUEST = 0x05;
        REMOTE_CONN_PARAM_REQUEST = 0x06;
        DATA_LENGTH_CHANGE = 0x07;
        READ_LOCAL_P256_COMPLETE = 0x08;
        GENERATE_DHKEY_COMPLETE = 0x09;
        ENHANCED_CONNECTION_COMPLETE = 0x0a;
        DIRECTED_ADVERTISING_REPORT = 0x0b;
        PHY_UPDATE_COMPLETE = 0x0c;
        EXTENDED_ADVERTISING_REPORT = 0x0d;
        PA_SYNC_ESTABLISHED = 0x0e;
        PA_REPORT = 0x0f;
        PA_SYNC_LOST = 0x10;
        SCAN_TIMEOUT = 0x11;
        ADVERTISING_SET_TERMINATED = 0x12;
        SCAN_REQUEST_RECEIVED = 0x13;
        CHANNEL_SELECTION_ALGORITHM = 0x14;
        PAST_RECEIVED = 0x18;
        CIS_ESTABLISHED = 0x19;
        CIS_REQUEST = 0x1a;
        CREATE_BIG_COMPLETE = 0x1b;
        TERMINATE_BIG_COMPLETE = 0x1c;
        BIG_SYNC_ESTABLISHED = 0x1d;
        BIG_SYNC_LOST = 0x1e;
        REQUEST_PEER_SCA_COMPLETE = 0x1f;
        BIGINFO_ADVERTISING_REPORT = 0x22;
        ENHANCED_CONNECTION_COMPLETE_V2 = 0x29;
        READ_ALL_REMOTE_FEATURES = 0x2b;
        CONNECTION_RATE_CHANGE = 0x37;
    }
}

layout! {
    /// LE Connection Complete (7.7.65.1).
    LeConnectionComplete {
        status: Status,
        handle: ConnHandle,
        /// 0 central, 1 peripheral.
        role: u8,
        peer_addr_type: LeAddrType,
        peer_addr: BdAddr,
        /// In units of 1.25 ms.
        interval: U16,
        /// In connection events.
        latency: U16,
        /// In units of 10 ms.
        supervision_timeout: U16,
        clock_accuracy: u8,
    }
    /// Head of a report of LE Advertising Report (7.7.65.2).
    AdvertisingReportHead {
        event_type: u8,
        addr_type: LeAddrType,
        bdaddr: BdAddr,
        data_len: u8,
    }
    /// LE Connection Update Complete (7.7.65.3).
    ConnectionUpdateComplete {
        status: Status,
        handle: ConnHandle,
        /// In units of 1.25 ms.
        interval: U16,
        latency: U16,
        /// In units of 10 ms.
        supervision_timeout: U16,
    }
    /// LE Read Remote Features Page 0 Complete (7.7.65.4).
    LeRemoteFeatures {
        status: Status,
        handle: ConnHandle,
        features: [u8; 8],
    }
    /// LE Long Term Key Request (7.7.65.5).
    LongTermKeyRequest {
        handle: ConnHandle,
        rand: U64,
        ediv: U16,
    }
    /// LE Remote Connection Parameter Request (7.7.65.6).
    RemoteConnParamRequest {
        handle: ConnHandle,
        /// In units of 1.25 ms.
        interval_min: U16,
        interval_max: U16,
        latency: U16,
        /// In units of 10 ms.
        timeout: U16,
    }
    /// LE Data Length Change (7.7.65.7): lengths in bytes, times in microseconds.
    DataLengthChange {
        handle: ConnHandle,
        tx_octets: U16,
        tx_time: U16,
        rx_octets: U16,
        rx_time: U16,
    }
    /// LE Read Local P-256 Public Key Complete (7.7.65.8).
    ReadLocalP256Complete {
        status: Status,
        x: [u8; 32],
        y: [u8; 32],
    }
    /// LE Enhanced Connection Complete v1 (7.7.65.10).
    EnhancedConnectionComplete {
        status: Status,
        handle: ConnHandle,
        /// 0 central, 1 peripheral.
        role: u8,
        peer_addr_type: LeAddrType,
        peer_addr: BdAddr,
        /// Zero if not used.
        local_rpa: BdAddr,
        /// Zero if not used.
        peer_rpa: BdAddr,
        /// In units of 1.25 ms.
        interval: U16,
        latency: U16,
        /// In units of 10 ms.
        supervision_timeout: U16,
        clock_accuracy: u8,
    }
    /// LE Enhanced Connection Complete v2 (7.7.65.10).
    EnhancedConnectionCompleteV2 {
        v1: EnhancedConnectionComplete,
        /// 0xff if not used.
        adv_handle: u8,
        /// 0xffff if not used.
        sync_handle: U16,
    }
    /// A report of LE Directed Advertising Report (7.7.65.11).
    DirectedAdvertisingReport {
        event_type: u8,
        addr_type: LeAddrType,
        bdaddr: BdAddr,
        direct_addr_type: LeAddrType,
        direct_addr: BdAddr,
        /// In dBm; 127 if unknown.
        rssi: i8,
    }
    /// LE PHY Update Complete (7.7.65.12).
    PhyUpdateComplete {
        status: Status,
        handle: ConnHandle,
        /// 1 LE 1M, 2 LE 2M, 3 LE coded.
        tx_phy: u8,
        rx_phy: u8,
    }
    /// Head of a report of LE Extended Advertising Report (7.7.65.13).
    ExtAdvertisingReportHead {
        event_type: U16,
        addr_type: LeAddrType,
        bdaddr: BdAddr,
        /// 1 LE 1M, 3 LE coded.
        primary_phy: u8,
        /// 0 none, 1 LE 1M, 2 LE 2M, 3 LE coded.
        secondary_phy: u8,
        /// 0xff if there is none.
        sid: u8,
        /// In dBm; 127 if unknown.
        tx_power: i8,
        /// In dBm; 127 if unknown.
        rssi: i8,
        /// Of the periodic advertising, in units of 1.25 ms; 0 if there is none.
        periodic_interval: U16,
        direct_addr_type: LeAddrType,
        direct_addr: BdAddr,
        data_len: u8,
    }
    /// LE Periodic Advertising Sync Established v1 (7.7.65.14).
    PaSyncEstablished {
        status: Status,
        handle: ConnHandle,
        sid: u8,
        addr_type: LeAddrType,
        bdaddr: BdAddr,
        phy: u8,
        /// In units of 1.25 ms.
        interval: U16,
        clock_accuracy: u8,
    }
    /// Head of LE Periodic Advertising Report v1 (7.7.65.15).
    PaReportHead {
        sync_handle: ConnHandle,
        tx_power: i8,
        rssi: i8,
        cte_type: u8,
        /// 0 complete, 1 more to come, 2 truncated.
        data_status: u8,
        data_len: u8,
    }
    /// LE Periodic Advertising Sync Lost (7.7.65.16).
    PaSyncLost { handle: ConnHandle, }
    /// LE Advertising Set Terminated (7.7.65.18).
    AdvertisingSetTerminated {
        status: Status,
        adv_handle: u8,
        /// Valid if `status` is success.
        handle: ConnHandle,
        num_events: u8,
    }
    /// LE Channel Selection Algorithm (7.7.65.20).
    ChannelSelectionAlgorithm { handle: ConnHandle, algorithm: u8, }
    /// LE Periodic Advertising Sync Transfer Received v1 (7.7.65.24).
    PastReceived {
        status: Status,
        handle: ConnHandle,
        service_data: U16,
        sync_handle: ConnHandle,
        sid: u8,
        addr_type: LeAddrType,
        bdaddr: BdAddr,
        phy: u8,
        /// In units of 1.25 ms.
        interval: U16,
        clock_accuracy: u8,
    }
    /// LE CIS Established v1 (7.7.65.25).
    CisEstablished {
        status: Status,
        handle: ConnHandle,
        /// In microseconds.
        cig_sync_delay: U24,
        cis_sync_delay: U24,
        c_latency: U24,
        p_latency: U24,
        c_phy: u8,
        p_phy: u8,
        nse: u8,
        c_bn: u8,
        p_bn: u8,
        c_ft: u8,
        p_ft: u8,
        /// In bytes.
        c_max_pdu: U16,
        p_max_pdu: U16,
        /// In units of 1.25 ms.
        iso_interval: U16,
    }
    /// LE CIS Request (7.7.65.26).
    CisRequest { acl: ConnHandle, cis: ConnHandle, cig_id: u8, cis_id: u8, }
    /// Head of LE Create BIG Complete (7.7.65.27).
    CreateBigCompleteHead {
        status: Status,
        big: u8,
        /// In microseconds.
        sync_delay: U24,
        transport_latency: U24,
        phy: u8,
        nse: u8,
        bn: u8,
        pto: u8,
        irc: u8,
        max_pdu: U16,
        /// In units of 1.25 ms.
        iso_interval: U16,
        num_bis: u8,
    }
    /// LE Terminate BIG Complete (7.7.65.28).
    TerminateBigComplete { big: u8, reason: Status, }
    /// Head of LE BIG Sync Established (7.7.65.29).
    BigSyncEstablishedHead {
        status: Status,
        big: u8,
        /// In microseconds.
        transport_latency: U24,
        nse: u8,
        bn: u8,
        pto: u8,
        irc: u8,
        max_pdu: U16,
        /// In units of 1.25 ms.
        iso_interval: U16,
        num_bis: u8,
    }
    /// LE BIG Sync Lost (7.7.65.30).
    BigSyncLost { big: u8, reason: Status, }
    /// LE BIGInfo Advertising Report (7.7.65.34).
    BigInfoAdvertisingReport {
        sync_handle: ConnHandle,
        num_bis: u8,
        nse: u8,
        /// In units of 1.25 ms.
        iso_interval: U16,
        bn: u8,
        pto: u8,
        irc: u8,
        max_pdu: U16,
        /// In microseconds.
        sdu_interval: U24,
        max_sdu: U16,
        phy: u8,
        framing: u8,
        encryption: u8,
    }
    /// LE Read All Remote Features Complete (7.7.65.38).
    AllRemoteFeatures {
        status: Status,
        handle: ConnHandle,
        max_page: u8,
        max_valid_page: u8,
        features: LeFeatures,
    }
    /// LE Connection Rate Change (subevent 0x37).
    ConnectionRateChange {
        status: Status,
        handle: ConnHandle,
        interval: U16,
        subrate: U16,
        latency: U16,
        continuation_number: U16,
        supervision_timeout: U16,
    }
}

/// A report of LE Advertising Report (7.7.65.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdvertisingReport<'a> {
    /// Who sends what.
    pub head: &'a AdvertisingReportHead,
    /// Advertising or scan response data, up to 255 bytes though legacy advertising allows 31.
    pub data: &'a [u8],
    /// In dBm; 127 if unknown.
    pub rssi: i8,
}

/// A report of LE Extended Advertising Report (7.7.65.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtAdvertisingReport<'a> {
    /// Who sends what.
    pub head: &'a ExtAdvertisingReportHead,
    /// Advertising or scan response data, up to 229 bytes.
    pub data: &'a [u8],
}

/// Reads one entry of a list whose entries differ in length.
trait Entry<'a>: Sized {
    const ITEM: &'static str;

    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed>;
}

impl<'a> Entry<'a> for AdvertisingReport<'a> {
    const ITEM: &'static str = "LE Advertising Report";

    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let head = reader.view::<AdvertisingReportHead>()?;
        let data = reader.bytes(usize::from(head.data_len))?;
        let rssi = i8::from_le_bytes([reader.u8()?]);
        Ok(Self { head, data, rssi })
    }
}

impl<'a> Entry<'a> for ExtAdvertisingReport<'a> {
    const ITEM: &'static str = "LE Extended Advertising Report";

    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let head = reader.view::<ExtAdvertisingReportHead>()?;
        let data = reader.bytes(usize::from(head.data_len))?;
        Ok(Self { head, data })
    }
}

macro_rules! reports {
    ($(#[$attr:meta])* $name:ident($entry:ident)) => {
        $(#[$attr])*
        ///
        /// All entries were checked to be there: iterate over a copy to read them.
        #[derive(Clone, Copy, Debug)]
        pub struct $name<'a> {
            count: u8,
            reader: Reader<'a>,
        }

        impl<'a> $name<'a> {
            fn parse(params: &'a [u8]) -> Result<Self, Malformed> {
                let mut reader = Reader::new(<$entry<'_> as Entry<'_>>::ITEM, params);
                let count = reader.u8()?;
                let reports = Self { count, reader };
                for _ in 0..count {
                    <$entry<'_> as Entry<'_>>::read(&mut reader)?;
                }
                Ok(reports)
            }

            /// How many reports are left.
            #[inline]
            pub const fn count_left(&self) -> u8 {
                self.count
            }
        }

        impl<'a> Iterator for $name<'a> {
            type Item = $entry<'a>;

            #[inline]
            fn next(&mut self) -> Option<Self::Item> {
                self.count = self.count.checked_sub(1)?;
                <$entry<'_> as Entry<'_>>::read(&mut self.reader).ok()
            }
        }

        impl PartialEq for $name<'_> {
            fn eq(&self, other: &Self) -> bool {
                self.count == other.count && self.reader.rest() == other.reader.rest()
            }
        }

        impl Eq for $name<'_> {}
    };
}

reports! {
    /// LE Advertising Report (7.7.65.2).
    AdvertisingReports(AdvertisingReport)
}
reports! {
    /// LE Extended Advertising Report (7.7.65.13).
    ExtAdvertisingReports(ExtAdvertisingReport)
}

/// LE Periodic Advertising Report v1 (7.7.65.15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaReport<'a> {
    /// Of which sync it is.
    pub head: &'a PaReportHead,
    /// The data.
    pub data: &'a [u8],
}

/// LE Create BIG Complete (7.7.65.27).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreateBigComplete<'a> {
    /// The group.
    pub head: &'a CreateBigCompleteHead,
    /// Its streams.
    pub bis: &'a [ConnHandle],
}

/// LE BIG Sync Established (7.7.65.29).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BigSyncEstablished<'a> {
    /// The group.
    pub head: &'a BigSyncEstablishedHead,
    /// Its streams.
    pub bis: &'a [ConnHandle],
}

fn pa_report(params: &[u8]) -> Result<PaReport<'_>, Malformed> {
    let mut reader = Reader::new("LE Periodic Advertising Report", params);
    let head = reader.view::<PaReportHead>()?;
    let data = reader.bytes(usize::from(head.data_len))?;
    Ok(PaReport { head, data })
}

fn create_big_complete(params: &[u8]) -> Result<CreateBigComplete<'_>, Malformed> {
    let mut reader = Reader::new("LE Create BIG Complete", params);
    let head = reader.view::<CreateBigCompleteHead>()?;
    let bis = reader.views(usize::from(head.num_bis))?;
    Ok(CreateBigComplete { head, bis })
}

fn big_sync_established(params: &[u8]) -> Result<BigSyncEstablished<'_>, Malformed> {
    let mut reader = Reader::new("LE BIG Sync Established", params);
    let head = reader.view::<BigSyncEstablishedHead>()?;
    let bis = reader.views(usize::from(head.num_bis))?;
    Ok(BigSyncEstablished { head, bis })
}

macro_rules! le_events {
    ($($code:ident => $fixed:ident,)*) => {
        /// An LE meta event.
        ///
        /// Variants hold a view of the event's structure, named like the variant, or lists that were checked.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum LeEvent<'a> {
            $(#[doc = concat!("[`", stringify!($fixed), "`].")] $fixed(&'a $fixed),)*
            /// [`AdvertisingReports`].
            AdvertisingReport(AdvertisingReports<'a>),
            /// [`ExtAdvertisingReports`].
            ExtAdvertisingReport(ExtAdvertisingReports<'a>),
            /// A list of [`DirectedAdvertisingReport`].
            DirectedAdvertisingReport(&'a [DirectedAdvertisingReport]),
            /// [`PaReport`].
            PaReport(PaReport<'a>),
            /// [`CreateBigComplete`].
            CreateBigComplete(CreateBigComplete<'a>),
            /// [`BigSyncEstablished`].
            BigSyncEstablished(BigSyncEstablished<'a>),
            /// LE Scan Timeout (7.7.65.17).
            ScanTimeout,
            /// A subevent that this crate does not know.
            Unknown {
                /// Its code.
                subevent: u8,
                /// Its parameters.
                params: &'a [u8],
            },
        }

        impl<'a> LeEvent<'a> {
            /// Reads the parameters of an LE meta event, which start with the subevent code.
            ///
            /// # Errors
            ///
            /// They are shorter than the subevent's format. Longer ones are accepted.
            pub fn parse(params: &'a [u8]) -> Result<Self, Malformed> {
                let (&subevent, params) = params
                    .split_first()
                    .ok_or(Malformed::short("LE meta event", 1, 0))?;
                Ok(match subevent {
                    $(code::$code => Self::$fixed(fixed(stringify!($fixed), params)?),)*
                    code::ADVERTISING_REPORT => {
                        Self::AdvertisingReport(AdvertisingReports::parse(params)?)
                    }
                    code::EXTENDED_ADVERTISING_REPORT => {
                        Self::ExtAdvertisingReport(ExtAdvertisingReports::parse(params)?)
                    }
                    code::DIRECTED_ADVERTISING_REPORT => Self::DirectedAdvertisingReport(list(
                        "LE Directed Advertising Report",
                        params,
                    )?),
                    code::PA_REPORT => Self::PaReport(pa_report(params)?),
                    code::CREATE_BIG_COMPLETE => {
                        Self::CreateBigComplete(create_big_complete(params)?)
                    }
                    code::BIG_SYNC_ESTABLISHED => {
                        Self::BigSyncEstablished(big_sync_established(params)?)
                    }
                    code::SCAN_TIMEOUT => Self::ScanTimeout,
                    subevent => Self::Unknown { subevent, params },
                })
            }
        }
    };
}

le_events! {
    CONNECTION_COMPLETE => LeConnectionComplete,
    CONNECTION_UPDATE_COMPLETE => ConnectionUpdateComplete,
    REMOTE_FEATURES => LeRemoteFeatures,
    LONG_TERM_KEY_REQUEST => LongTermKeyRequest,
    REMOTE_CONN_PARAM_REQUEST => RemoteConnParamRequest,
    DATA_LENGTH_CHANGE => DataLengthChange,
    READ_LOCAL_P256_COMPLETE => ReadLocalP256Complete,
    ENHANCED_CONNECTION_COMPLETE => EnhancedConnectionComplete,
    ENHANCED_CONNECTION_COMPLETE_V2 => EnhancedConnectionCompleteV2,
    PHY_UPDATE_COMPLETE => PhyUpdateComplete,
    PA_SYNC_ESTABLISHED => PaSyncEstablished,
    PA_SYNC_LOST => PaSyncLost,
    ADVERTISING_SET_TERMINATED => AdvertisingSetTerminated,
    CHANNEL_SELECTION_ALGORITHM => ChannelSelectionAlgorithm,
    PAST_RECEIVED => PastReceived,
    CIS_ESTABLISHED => CisEstablished,
    CIS_REQUEST => CisRequest,
    TERMINATE_BIG_COMPLETE => TerminateBigComplete,
    BIG_SYNC_LOST => BigSyncLost,
    BIGINFO_ADVERTISING_REPORT => BigInfoAdvertisingReport,
    READ_ALL_REMOTE_FEATURES => AllRemoteFeatures,
    CONNECTION_RATE_CHANGE => ConnectionRateChange,
}
