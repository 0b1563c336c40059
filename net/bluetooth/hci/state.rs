// SPDX-License-Identifier: GPL-2.0

//! What the host wants of a controller: settings, names, keys, lists.
//!
//! One lock a device guards all of it ([`Controller::state`](super::Controller::state)). It is
//! never held while a command's answer is awaited, nor on the packet path. Bits that drivers may
//! read too are not here but in the driver ABI's `dev_flags`
//! ([`Flag`](kernel_ext::hci::Flag)).

use super::{
    init::LocalCodec,
    params::KnownParams,
    update::adv::Advertising, //
};
use engine::{
    connection::Range,
    scan::Merger,
    smp::Secret, //
};
use kernel::prelude::*;
use wire::{
    hci::{
        le::Phys,
        Key, //
    },
    AddressType,
    BdAddr, //
};

/// Bytes of a local name (Vol 3 Part C 3.2.2).
pub(crate) const NAME_LEN: usize = 248;
/// Bytes of a short name, as mgmt has it.
pub(crate) const SHORT_NAME_LEN: usize = 10;

/// Entries of each list of devices that mgmt's users fill, at most.
pub(crate) const MAX_DEVICES: usize = 4096;

/// A peer's address and what kind it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) addr: BdAddr,
    pub(crate) kind: AddressType,
}

/// A service's UUID as `Add UUID` brought it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ServiceUuid {
    /// 128 bit form, little endian.
    pub(crate) uuid: [u8; 16],
    /// Service class bits of the class of device.
    pub(crate) svc_hint: u8,
}

/// Device ID record (source, vendor, product, version) for the extended inquiry response.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DeviceId {
    pub(crate) source: u16,
    pub(crate) vendor: u16,
    pub(crate) product: u16,
    pub(crate) version: u16,
}

/// A BR/EDR link key.
#[derive(Clone)]
pub(crate) struct LinkKey {
    pub(crate) addr: BdAddr,
    pub(crate) kind: u8,
    pub(crate) value: Secret<16>,
    pub(crate) pin_len: u8,
    /// Octets of the longest key that encryption with it ever had in this controller's life; 0: not known.
    pub(crate) enc_size: u8,
}

/// An LE long term key.
#[derive(Clone)]
pub(crate) struct LongTermKey {
    pub(crate) peer: Peer,
    pub(crate) kind: u8,
    pub(crate) authenticated: bool,
    pub(crate) enc_size: u8,
    pub(crate) ediv: u16,
    pub(crate) rand: u64,
    pub(crate) value: Secret<16>,
}

/// An identity resolving key.
#[derive(Clone)]
pub(crate) struct IdentityKey {
    pub(crate) peer: Peer,
    /// The private address it resolved last.
    pub(crate) rpa: BdAddr,
    pub(crate) value: Secret<16>,
}

/// A hash and the random number that it was made with (Vol 3 Part H 2.3.5.6.4, Vol 2 Part H 7.2.2).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct OobPair {
    pub(crate) hash: Key,
    pub(crate) rand: Key,
}

impl OobPair {
    /// As HCI has it where there is none.
    pub(crate) const NONE: Self = Self {
        hash: Key([0; 16]),
        rand: Key([0; 16]),
    };
}

/// A peer's out-of-band data.
#[derive(Clone)]
pub(crate) struct RemoteOob {
    pub(crate) peer: Peer,
    /// Of the P-192 key: for Secure Simple Pairing without Secure Connections.
    pub(crate) p192: Option<OobPair>,
    /// Of the P-256 key: for Secure Connections.
    pub(crate) p256: Option<OobPair>,
}

impl RemoteOob {
    /// What there is, as `OOB_Data_Present` of HCI says it: bit 0 P-192, bit 1 P-256 (Vol 4 Part E 7.1.29).
    pub(crate) fn present(&self) -> u8 {
        u8::from(self.p192.is_some()) | (u8::from(self.p256.is_some()) << 1)
    }
}

/// A blocked key (`Set Blocked Keys`).
#[derive(Clone)]
pub(crate) struct BlockedKey {
    pub(crate) kind: u8,
    pub(crate) value: [u8; 16],
}

/// What discovery is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum DiscoveryState {
    #[default]
    Stopped,
    Starting,
    Finding,
    Resolving,
    Stopping,
}

/// A device found by inquiry, for `HCIINQUIRY`.
#[derive(Clone, Copy)]
pub(crate) struct InquiryEntry {
    pub(crate) addr: BdAddr,
    pub(crate) pscan_rep_mode: u8,
    pub(crate) pscan_period_mode: u8,
    pub(crate) pscan_mode: u8,
    pub(crate) class: [u8; 3],
    pub(crate) clock_offset: u16,
    pub(crate) rssi: i8,
    pub(crate) ssp_mode: u8,
    /// Monotonic milliseconds.
    pub(crate) heard_at: u64,
    pub(crate) name: NameState,
}

/// What is known of the name of a device that inquiry found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameState {
    /// Nothing, and nobody has said whether it is wanted.
    Unknown,
    /// mgmt's users want it.
    Needed,
    /// It is being asked for.
    Pending,
    Known,
}

/// Discovery, and what it found.
pub(crate) struct Discovery {
    pub(crate) state: DiscoveryState,
    /// `DISCOV_TYPE_*` bits as in mgmt's address types.
    pub(crate) kind: u8,
    pub(crate) limited: bool,
    /// Service discovery: RSSI threshold (127: none) and UUIDs.
    pub(crate) result_filtering: bool,
    pub(crate) rssi: i8,
    pub(crate) uuids: KVec<[u8; 16]>,
    pub(crate) cache: KVec<InquiryEntry>,
    /// Jiffies of the last addition.
    pub(crate) timestamp: usize,
    /// Until when names are asked for, in monotonic milliseconds.
    pub(crate) resolve_until: u64,
    /// Advertising whose scan response may follow.
    pub(super) merger: Merger,
}

/// Devices the inquiry cache holds at most; `HCIINQUIRY` reports up to 255.
pub(crate) const MAX_INQUIRY_CACHE: usize = 255;

/// Numeric defaults that mgmt's system configuration and debugfs can change.
///
/// Units as in the HCI commands they end in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Defaults {
    pub(crate) page_scan_type: u8,
    pub(crate) page_scan_interval: u16,
    pub(crate) page_scan_window: u16,
    pub(crate) inquiry_scan_type: u8,
    pub(crate) inquiry_scan_interval: u16,
    pub(crate) inquiry_scan_window: u16,
    pub(crate) br_lsto: u16,
    pub(crate) page_timeout: u16,
    pub(crate) sniff_min_interval: u16,
    pub(crate) sniff_max_interval: u16,
    pub(crate) le_adv_min_interval: u16,
    pub(crate) le_adv_max_interval: u16,
    pub(crate) le_adv_channel_map: u8,
    pub(crate) multi_adv_rotation: u16,
    pub(crate) le_scan_interval: u16,
    pub(crate) le_scan_window: u16,
    pub(crate) le_scan_int_suspend: u16,
    pub(crate) le_scan_window_suspend: u16,
    pub(crate) le_scan_int_discovery: u16,
    pub(crate) le_scan_window_discovery: u16,
    pub(crate) le_scan_int_adv_monitor: u16,
    pub(crate) le_scan_window_adv_monitor: u16,
    pub(crate) le_scan_int_connect: u16,
    pub(crate) le_scan_window_connect: u16,
    pub(crate) le_conn_min_interval: u16,
    pub(crate) le_conn_max_interval: u16,
    pub(crate) le_conn_latency: u16,
    pub(crate) le_supv_timeout: u16,
    /// Milliseconds.
    pub(crate) le_autoconnect_timeout: u16,
    pub(crate) advmon_allowlist_duration: u16,
    pub(crate) advmon_no_filter_duration: u16,
    pub(crate) advmon_interleave_scan: bool,
    /// Seconds.
    pub(crate) rpa_timeout: u32,
    pub(crate) min_enc_key_size: u8,
    pub(crate) le_min_key_size: u8,
    pub(crate) le_max_key_size: u8,
    pub(crate) auth_payload_timeout: u16,
    pub(crate) conn_info_min_age: u16,
    pub(crate) conn_info_max_age: u16,
    /// Milliseconds; 0: links are never dropped for being idle.
    pub(crate) idle_timeout: u32,
    /// Milliseconds that LE is scanned in an interleaved discovery.
    pub(crate) discov_interleaved_timeout: u16,
    /// Milliseconds until a pairing that asks nobody is accepted.
    pub(crate) auto_accept_delay: u16,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            page_scan_type: 0,
            page_scan_interval: 0x0800,
            page_scan_window: 0x0012,
            inquiry_scan_type: 0,
            inquiry_scan_interval: 0,
            inquiry_scan_window: 0,
            br_lsto: 0,
            page_timeout: 0,
            sniff_min_interval: 80,
            sniff_max_interval: 800,
            le_adv_min_interval: 0x0800,
            le_adv_max_interval: 0x0800,
            le_adv_channel_map: 0x07,
            multi_adv_rotation: 2,
            le_scan_interval: 0x0060,
            le_scan_window: 0x0030,
            le_scan_int_suspend: 0x0400,
            le_scan_window_suspend: 0x0012,
            le_scan_int_discovery: 0x0012,
            le_scan_window_discovery: 0x0012,
            le_scan_int_adv_monitor: 0x0060,
            le_scan_window_adv_monitor: 0x0030,
            le_scan_int_connect: 0x0060,
            le_scan_window_connect: 0x0060,
            le_conn_min_interval: 0x0018,
            le_conn_max_interval: 0x0028,
            le_conn_latency: 0,
            le_supv_timeout: 0x002a,
            le_autoconnect_timeout: 0x0fa0,
            advmon_allowlist_duration: 300,
            advmon_no_filter_duration: 500,
            advmon_interleave_scan: false,
            rpa_timeout: 15 * 60,
            min_enc_key_size: 7,
            le_min_key_size: 7,
            le_max_key_size: 16,
            auth_payload_timeout: 0x0bb8,
            conn_info_min_age: 1000,
            conn_info_max_age: 3000,
            idle_timeout: 0,
            discov_interleaved_timeout: 5_120,
            auto_accept_delay: 0,
        }
    }
}

impl Defaults {
    /// What the link to an LE peer is to have of whom nothing else is known.
    pub(crate) fn le_range(&self) -> Range {
        Range {
            min: self.le_conn_min_interval,
            max: self.le_conn_max_interval,
            latency: self.le_conn_latency,
            timeout: self.le_supv_timeout,
        }
    }
}

/// What is stopped for a while, and goes on later as it was.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Paused {
    /// Scans of all kinds: the system is suspended.
    pub(crate) scanning: bool,
    /// Advertising, which was on.
    pub(crate) advertising: bool,
    /// Discovery, which was on: the system is suspended.
    pub(crate) discovery: bool,
}

/// A controller's settings; see the module.
pub(crate) struct State {
    /// Local name, NUL padded.
    pub(crate) name: [u8; NAME_LEN],
    /// Short name, NUL padded.
    pub(crate) short_name: [u8; SHORT_NAME_LEN],
    /// Extended inquiry response last written; all zero: none.
    pub(crate) eir: [u8; 240],
    /// Class of device that the controller has now.
    pub(crate) class: [u8; 3],
    pub(crate) major_class: u8,
    pub(crate) minor_class: u8,
    pub(crate) uuids: KVec<ServiceUuid>,
    pub(crate) appearance: u16,
    pub(crate) device_id: DeviceId,
    pub(crate) io_capability: u8,
    pub(crate) voice_setting: u16,
    /// Page scan as the controller has it now.
    pub(crate) page_scan_interval: u16,
    pub(crate) page_scan_window: u16,
    pub(crate) page_scan_type: u8,
    /// Packet types and policies of BR/EDR links (`HCISETPTYPE`, `HCISETLINKPOL`...).
    pub(crate) pkt_type: u16,
    pub(crate) esco_type: u16,
    pub(crate) link_policy: u16,
    pub(crate) link_mode: u16,
    /// Link MTUs and packet counts that `HCISETACLMTU`/`HCISETSCOMTU` forced, if any.
    pub(crate) forced_acl: Option<(u16, u16)>,
    pub(crate) forced_sco: Option<(u16, u16)>,
    pub(crate) defaults: Defaults,
    /// Seconds until the controller stops being discoverable; 0: never.
    pub(crate) discov_timeout: u16,
    /// Whether debug keys are used (`Write SSP Debug Mode`).
    pub(crate) ssp_debug_mode: u8,
    pub(crate) adv_addr_type: u8,
    /// Own identity resolving key (with mgmt's privacy setting) and the private address in use.
    pub(crate) irk: Secret<16>,
    pub(crate) rpa: BdAddr,
    /// Keys are wiped as they go. Each is behind a pointer, so that a list that moves leaves none behind.
    pub(crate) link_keys: KVec<KBox<LinkKey>>,
    pub(crate) long_term_keys: KVec<KBox<LongTermKey>>,
    pub(crate) identity_keys: KVec<KBox<IdentityKey>>,
    pub(crate) blocked_keys: KVec<BlockedKey>,
    /// What peers gave of themselves by other means than radio.
    pub(crate) remote_oob: KVec<RemoteOob>,
    /// Peers refused (`Block Device`) and BR/EDR peers accepted while not connectable.
    pub(crate) reject_list: KVec<Peer>,
    pub(crate) accept_list: KVec<(Peer, u8)>,
    /// The controller's filter accept list and resolving list, as the host believes them to be.
    pub(crate) le_accept_list: KVec<Peer>,
    pub(crate) le_resolv_list: KVec<Peer>,
    pub(crate) conn_params: KnownParams,
    /// Advertising data last written (legacy, instance 0).
    pub(crate) adv_data: KVec<u8>,
    pub(crate) scan_rsp_data: KVec<u8>,
    pub(crate) discovery: Discovery,
    /// The last LE scan was, or is, an active one.
    pub(crate) le_scan_active: bool,
    /// PHYs preferred for transmitting, and for receiving.
    pub(crate) le_tx_phys: Phys,
    pub(crate) le_rx_phys: Phys,
    /// Advertisement monitors that there are: with one, everybody is scanned for.
    pub(crate) adv_monitors: usize,
    /// What is advertised beside Set Advertising's own.
    pub(crate) adv: Advertising,
    pub(crate) paused: Paused,
    /// Audio codecs that the controller has.
    pub(crate) codecs: KVec<LocalCodec>,
    /// Public address wanted (`Set Public Address`), static random address (`Set Static Address`).
    pub(crate) public_addr: BdAddr,
    pub(crate) static_addr: BdAddr,
    /// Random address the controller has now.
    pub(crate) random_addr: BdAddr,
    /// The last hardware error that the controller reported.
    pub(crate) hw_error_code: u8,
    /// A hardware error that the driver has not been told of.
    pub(crate) hw_error_untold: Option<u8>,
    /// What woke the system, for mgmt's Controller Resume.
    pub(crate) wake_reason: u8,
    pub(crate) wake_peer: Option<Peer>,
}

impl State {
    /// The settings a new controller starts with.
    pub(crate) fn new() -> Self {
        Self {
            name: [0; NAME_LEN],
            short_name: [0; SHORT_NAME_LEN],
            eir: [0; 240],
            class: [0; 3],
            major_class: 0,
            minor_class: 0,
            uuids: KVec::new(),
            appearance: 0,
            device_id: DeviceId::default(),
            io_capability: 0x03,
            voice_setting: 0,
            page_scan_interval: 0x0800,
            page_scan_window: 0x0012,
            page_scan_type: 0,
            // DM1, DH1, HV1.
            pkt_type: 0x0008 | 0x0010 | 0x0020,
            // ESCO_HV1.
            esco_type: 0x0001,
            link_policy: 0,
            // HCI_LM_ACCEPT.
            link_mode: 0x8000,
            forced_acl: None,
            forced_sco: None,
            defaults: Defaults::default(),
            discov_timeout: 0,
            ssp_debug_mode: 0,
            adv_addr_type: 0,
            irk: Secret::ZERO,
            rpa: BdAddr::ANY,
            link_keys: KVec::new(),
            long_term_keys: KVec::new(),
            identity_keys: KVec::new(),
            blocked_keys: KVec::new(),
            remote_oob: KVec::new(),
            reject_list: KVec::new(),
            accept_list: KVec::new(),
            le_accept_list: KVec::new(),
            le_resolv_list: KVec::new(),
            conn_params: KnownParams::new(),
            adv_data: KVec::new(),
            scan_rsp_data: KVec::new(),
            discovery: Discovery {
                state: DiscoveryState::Stopped,
                kind: 0,
                limited: false,
                result_filtering: false,
                rssi: 127,
                uuids: KVec::new(),
                cache: KVec::new(),
                timestamp: 0,
                resolve_until: 0,
                merger: Merger::new(),
            },
            le_scan_active: false,
            le_tx_phys: Phys::LE_1M,
            le_rx_phys: Phys::LE_1M,
            adv_monitors: 0,
            adv: Advertising::new(),
            paused: Paused::default(),
            codecs: KVec::new(),
            public_addr: BdAddr::ANY,
            static_addr: BdAddr::ANY,
            random_addr: BdAddr::ANY,
            hw_error_code: 0,
            hw_error_untold: None,
            wake_reason: 0,
            wake_peer: None,
        }
    }

    /// Forgets what belongs to the time the controller was up.
    pub(crate) fn reset_volatile(&mut self) {
        self.eir = [0; 240];
        self.class = [0; 3];
        self.random_addr = BdAddr::ANY;
        self.le_accept_list.clear();
        self.le_resolv_list.clear();
        self.adv_data.clear();
        self.scan_rsp_data.clear();
        self.discovery.state = DiscoveryState::Stopped;
        self.discovery.cache.clear();
        self.discovery.merger = Merger::new();
        self.codecs.clear();
    }
}
