// SPDX-License-Identifier: GPL-2.0

//! What a controller says it can do: LMP features (Vol 2 Part C 3.3) and LE features (Vol 6 Part B 4.6).

use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes,
    KnownLayout,
    Unaligned, //
};

/// Whether bit `bit` of a little-endian bit field is set; bits beyond its end are not.
#[inline]
pub(crate) fn bit(field: &[u8], bit: usize) -> bool {
    match field.get(bit >> 3) {
        Some(octet) => (octet >> (bit & 7)) & 1 != 0,
        None => false,
    }
}

/// Sets bit `bit` of a little-endian bit field to `on`; bits beyond its end are ignored.
#[inline]
pub(crate) fn set_bit(field: &mut [u8], bit: usize, on: bool) {
    if let Some(octet) = field.get_mut(bit >> 3) {
        let mask = 1u8 << (bit & 7);
        *octet = if on { *octet | mask } else { *octet & !mask };
    }
}

/// One page of LMP features.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Default,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
    Unaligned,
)]
#[repr(transparent)]
pub struct LmpPage(pub [u8; 8]);

impl LmpPage {
    /// Whether feature `number` (octet times 8 plus bit) is set.
    #[inline]
    pub fn has(&self, number: usize) -> bool {
        bit(&self.0, number)
    }

    /// Sets feature `number` to `on`.
    #[inline]
    pub fn set(&mut self, number: usize, on: bool) {
        set_bit(&mut self.0, number, on);
    }
}

/// The LMP feature pages of a device that the stack looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct LmpFeatures {
    /// Pages 0 (controller), 1 (host) and 2 (controller, extended).
    pub pages: [LmpPage; 3],
}

macro_rules! lmp_predicates {
    ($($(#[$attr:meta])* $name:ident = $page:literal, $octet:literal, $bit:literal;)*) => {
        impl LmpFeatures {
            $($(#[$attr])* #[inline] pub fn $name(&self) -> bool {
                const NUMBER: usize = $octet * 8 + $bit;
                self.has($page, NUMBER)
            })*
        }
    };
}

impl LmpFeatures {
    /// How many pages are kept.
    pub const PAGES: u8 = 3;

    /// Whether feature `number` of page `page` is set; pages that are not kept have none.
    #[inline]
    pub fn has(&self, page: u8, number: usize) -> bool {
        self.pages
            .get(usize::from(page))
            .is_some_and(|page| page.has(number))
    }

    /// Replaces page `number`; says whether it is one of those kept.
    #[inline]
    pub fn set_page(&mut self, number: u8, page: LmpPage) -> bool {
        match self.pages.get_mut(usize::from(number)) {
            Some(slot) => {
                *slot = page;
                true
            }
            None => false,
        }
    }

    /// BR/EDR is supported: the one feature whose bit says "not".
    #[inline]
    pub fn bredr(&self) -> bool {
        !self.has(0, 4 * 8 + 5)
    }
}

lmp_predicates! {
    /// 3-slot packets.
    three_slot = 0, 0, 0;
    /// 5-slot packets.
    five_slot = 0, 0, 1;
    /// Encryption.
    encryption = 0, 0, 2;
    /// Role switch.
    role_switch = 0, 0, 5;
    /// Hold mode.
    hold = 0, 0, 6;
    /// Sniff mode.
    sniff = 0, 0, 7;
    /// Park state (previously used).
    park = 0, 1, 0;
    /// SCO link.
    sco = 0, 1, 3;
    /// HV2 packets.
    hv2 = 0, 1, 4;
    /// HV3 packets.
    hv3 = 0, 1, 5;
    /// Transparent synchronous data.
    transparent_sync = 0, 2, 3;
    /// EDR ACL 2 Mb/s.
    edr_2m = 0, 3, 1;
    /// EDR ACL 3 Mb/s.
    edr_3m = 0, 3, 2;
    /// RSSI with inquiry results.
    inquiry_rssi = 0, 3, 6;
    /// Extended SCO link (EV3 packets).
    esco = 0, 3, 7;
    /// EV4 packets.
    ev4 = 0, 4, 0;
    /// EV5 packets.
    ev5 = 0, 4, 1;
    /// LE supported (controller).
    le = 0, 4, 6;
    /// 3-slot EDR ACL packets.
    edr_three_slot = 0, 4, 7;
    /// 5-slot EDR ACL packets.
    edr_five_slot = 0, 5, 0;
    /// Sniff subrating.
    sniff_subrating = 0, 5, 1;
    /// Pause encryption.
    pause_encryption = 0, 5, 2;
    /// EDR eSCO 2 Mb/s.
    edr_esco_2m = 0, 5, 5;
    /// EDR eSCO 3 Mb/s.
    edr_esco_3m = 0, 5, 6;
    /// 3-slot EDR eSCO packets.
    edr_three_slot_esco = 0, 5, 7;
    /// Extended inquiry response.
    ext_inquiry = 0, 6, 0;
    /// Simultaneous LE and BR/EDR to the same device (controller).
    simultaneous_le_bredr = 0, 6, 1;
    /// Secure simple pairing (controller).
    ssp = 0, 6, 3;
    /// Erroneous data reporting.
    erroneous_data_reporting = 0, 6, 5;
    /// Non-flushable packet boundary flag.
    non_flushable = 0, 6, 6;
    /// Link supervision timeout changed event.
    link_supervision_timeout = 0, 7, 0;
    /// Inquiry TX power level.
    inquiry_tx_power = 0, 7, 1;
    /// Extended features, that is pages after the first.
    ext_features = 0, 7, 7;
    /// Secure simple pairing (host).
    host_ssp = 1, 0, 0;
    /// LE supported (host).
    host_le = 1, 0, 1;
    /// Simultaneous LE and BR/EDR to the same device (host).
    host_le_bredr = 1, 0, 2;
    /// Secure connections (host).
    host_sc = 1, 0, 3;
    /// Connectionless peripheral broadcast, transmitter.
    cpb_central = 2, 0, 0;
    /// Connectionless peripheral broadcast, receiver.
    cpb_peripheral = 2, 0, 1;
    /// Synchronization train.
    sync_train = 2, 0, 2;
    /// Synchronization scan.
    sync_scan = 2, 0, 3;
    /// Secure connections (controller).
    sc = 2, 1, 0;
    /// Ping.
    ping = 2, 1, 1;
}

/// The LE features of a device: page 0 (8 octets), then pages 1 to 10 (24 octets each), as LE Read All Local Supported
/// Features returns them.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(transparent)]
pub struct LeFeatures(pub [u8; 248]);

impl Default for LeFeatures {
    #[inline]
    fn default() -> Self {
        Self([0; 248])
    }
}

macro_rules! le_predicates {
    ($($(#[$attr:meta])* $name:ident = $octet:literal, $bit:literal;)*) => {
        impl LeFeatures {
            $($(#[$attr])* #[inline] pub fn $name(&self) -> bool {
                const NUMBER: usize = $octet * 8 + $bit;
                self.has(NUMBER)
            })*
        }
    };
}

impl LeFeatures {
    /// Features of page 0 only.
    #[inline]
    pub fn from_page0(page: [u8; 8]) -> Self {
        let mut features = Self::default();
        features.set_page0(page);
        features
    }

    /// Replaces page 0.
    #[inline]
    pub fn set_page0(&mut self, page: [u8; 8]) {
        if let Some(slot) = self.0.first_chunk_mut::<8>() {
            *slot = page;
        }
    }

    /// Page 0.
    #[inline]
    pub fn page0(&self) -> [u8; 8] {
        self.0.first_chunk::<8>().copied().unwrap_or_default()
    }

    /// Whether feature `number` is set.
    #[inline]
    pub fn has(&self, number: usize) -> bool {
        bit(&self.0, number)
    }

    /// Connected isochronous streams, either role.
    #[inline]
    pub fn cis(&self) -> bool {
        self.cis_central() || self.cis_peripheral()
    }

    /// Any kind of isochronous stream that the C stack counts as ISO support.
    #[inline]
    pub fn iso(&self) -> bool {
        self.cis() || self.iso_broadcaster()
    }

    /// Periodic advertising sync transfer, either role.
    #[inline]
    pub fn past(&self) -> bool {
        self.past_sender() || self.past_receiver()
    }
}

le_predicates! {
    /// LE encryption.
    encryption = 0, 0;
    /// Connection parameters request procedure.
    conn_param_request = 0, 1;
    /// Extended reject indication.
    extended_reject = 0, 2;
    /// Peripheral-initiated features exchange.
    peripheral_features = 0, 3;
    /// LE ping.
    ping = 0, 4;
    /// Data packet length extension.
    data_length_extension = 0, 5;
    /// LL privacy.
    ll_privacy = 0, 6;
    /// Extended scanning filter policies.
    ext_scan_policy = 0, 7;
    /// LE 2M PHY.
    phy_2m = 1, 0;
    /// LE coded PHY.
    phy_coded = 1, 3;
    /// Extended advertising.
    ext_advertising = 1, 4;
    /// Periodic advertising.
    periodic_advertising = 1, 5;
    /// Channel selection algorithm #2.
    channel_selection_2 = 1, 6;
    /// Periodic advertising sync transfer, sender.
    past_sender = 3, 0;
    /// Periodic advertising sync transfer, recipient.
    past_receiver = 3, 1;
    /// Connected isochronous stream, central.
    cis_central = 3, 4;
    /// Connected isochronous stream, peripheral.
    cis_peripheral = 3, 5;
    /// Isochronous broadcaster.
    iso_broadcaster = 3, 6;
    /// Synchronized receiver.
    sync_receiver = 3, 7;
    /// Connected isochronous stream (host support).
    cis_host = 4, 0;
    /// LE power control request.
    power_control = 4, 1;
    /// Connection subrating.
    subrating = 4, 5;
    /// Connection subrating (host support).
    subrating_host = 4, 6;
    /// Channel sounding.
    channel_sounding = 5, 6;
    /// Channel sounding (host support).
    channel_sounding_host = 5, 7;
    /// LL extended feature set: pages after the first.
    ll_ext_features = 7, 7;
    /// Shorter connection intervals.
    shorter_intervals = 9, 0;
    /// Shorter connection intervals (host support).
    shorter_intervals_host = 9, 1;
}
