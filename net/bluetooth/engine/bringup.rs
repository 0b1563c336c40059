// SPDX-License-Identifier: GPL-2.0

//! What bring-up asks of a controller, computed from what the controller can do.
//!
//! Everything here is a function of version, commands and features; quirks come in as the answers to named questions.

use wire::hci::{
    event_mask::{
        EventMask,
        EventMask2,
        LeEventMask, //
    },
    features::{
        LeFeatures,
        LmpFeatures, //
    },
    le::{
        ConnIntervalGroup,
        ConnRateParams,
        Phys, //
    },
    link_policy::LinkPolicy,
    CommandBit,
    SupportedCommands, //
};

/// HCI version of Bluetooth 1.1 (Assigned Numbers 2.1).
pub const VERSION_1_1: u8 = 1;
/// HCI version of Bluetooth 1.2.
pub const VERSION_1_2: u8 = 2;

/// What a controller said of itself.
#[derive(Clone, Copy, Debug)]
pub struct Abilities<'a> {
    /// HCI version (Vol 4 Part E 7.4.1).
    pub hci_version: u8,
    /// Supported commands, less those that turned out not to be.
    pub commands: &'a SupportedCommands,
    /// LMP features.
    pub lmp: &'a LmpFeatures,
    /// LE features.
    pub le: &'a LeFeatures,
}

/// A feature's predicate and what follows from it.
type Rule<F, M> = (fn(&F) -> bool, M);

/// Events that come with an LMP feature, on any controller.
const BY_LMP_FEATURE: &[Rule<LmpFeatures, EventMask>] = &[
    (LmpFeatures::ext_features, EventMask::REMOTE_EXT_FEATURES),
    (
        LmpFeatures::esco,
        EventMask::SYNC_CONNECTION_COMPLETE.with(EventMask::SYNC_CONNECTION_CHANGED),
    ),
    (LmpFeatures::sniff_subrating, EventMask::SNIFF_SUBRATING),
    (
        LmpFeatures::pause_encryption,
        EventMask::ENCRYPTION_KEY_REFRESH_COMPLETE,
    ),
    (LmpFeatures::ext_inquiry, EventMask::EXTENDED_INQUIRY_RESULT),
    (
        LmpFeatures::non_flushable,
        EventMask::ENHANCED_FLUSH_COMPLETE,
    ),
    (
        LmpFeatures::link_supervision_timeout,
        EventMask::LINK_SUPERVISION_TIMEOUT_CHANGED,
    ),
    (
        LmpFeatures::ssp,
        EventMask::IO_CAPABILITY_REQUEST
            .with(EventMask::IO_CAPABILITY_RESPONSE)
            .with(EventMask::USER_CONFIRMATION_REQUEST)
            .with(EventMask::USER_PASSKEY_REQUEST)
            .with(EventMask::REMOTE_OOB_DATA_REQUEST)
            .with(EventMask::SIMPLE_PAIRING_COMPLETE)
            .with(EventMask::USER_PASSKEY_NOTIFICATION)
            .with(EventMask::KEYPRESS_NOTIFICATION)
            .with(EventMask::REMOTE_HOST_FEATURES),
    ),
    (LmpFeatures::le, EventMask::LE_META),
];

/// Events that an LE-only controller may send besides those of [`BY_LMP_FEATURE`].
fn le_only_events(can: &Abilities<'_>) -> EventMask {
    EventMask::COMMAND_COMPLETE
        .with(EventMask::COMMAND_STATUS)
        .with(EventMask::HARDWARE_ERROR)
        .with_if(
            EventMask::DISCONNECTION_COMPLETE
                .with(EventMask::NUMBER_OF_COMPLETED_PACKETS)
                .with(EventMask::DATA_BUFFER_OVERFLOW),
            can.commands.supports(CommandBit::DISCONNECT),
        )
        .with_if(
            EventMask::REMOTE_VERSION,
            can.commands.supports(CommandBit::READ_REMOTE_VERSION),
        )
        .with_if(
            EventMask::ENCRYPTION_CHANGE.with(EventMask::ENCRYPTION_KEY_REFRESH_COMPLETE),
            can.le.encryption(),
        )
}

/// The event mask (Vol 4 Part E 7.3.1), or [`None`] for controllers before version 1.2, some of which accept none.
///
/// `inquiry_rssi` says that inquiry results come with RSSI although the features do not tell. While the system is
/// `suspended`, links that go down or change their mode must not wake it.
pub fn event_mask(can: &Abilities<'_>, inquiry_rssi: bool, suspended: bool) -> Option<EventMask> {
    if can.hci_version < VERSION_1_2 {
        return None;
    }
    let mut asleep = EventMask::DISCONNECTION_COMPLETE;
    let mut mask = if can.lmp.bredr() {
        asleep.insert(EventMask::MODE_CHANGE);
        EventMask::BREDR_BASE.with(EventMask::FLOW_SPECIFICATION_COMPLETE)
    } else {
        le_only_events(can)
    };
    if suspended {
        mask.remove(asleep);
    }
    mask = mask.with_if(
        EventMask::INQUIRY_RESULT_WITH_RSSI,
        inquiry_rssi || can.lmp.inquiry_rssi(),
    );
    Some(BY_LMP_FEATURE.iter().fold(mask, |mask, (has, events)| {
        mask.with_if(*events, has(can.lmp))
    }))
}

/// The second event mask (Vol 4 Part E 7.3.69), or [`None`] where the default, no event, will do: some controllers list the
/// command and do not know it.
pub fn event_mask_page_2(can: &Abilities<'_>) -> Option<EventMask2> {
    let mask = EventMask2::EMPTY
        .with_if(
            EventMask2::TRIGGERED_CLOCK_CAPTURE
                .with(EventMask2::SYNC_TRAIN_COMPLETE)
                .with(EventMask2::TRUNCATED_PAGE_COMPLETE)
                .with(EventMask2::CPB_CHANNEL_MAP_CHANGE),
            can.lmp.cpb_central(),
        )
        .with_if(
            EventMask2::SYNC_TRAIN_RECEIVED
                .with(EventMask2::CPB_RECEIVE)
                .with(EventMask2::CPB_TIMEOUT)
                .with(EventMask2::PERIPHERAL_PAGE_RESPONSE_TIMEOUT),
            can.lmp.cpb_peripheral(),
        )
        .with_if(
            EventMask2::AUTHENTICATED_PAYLOAD_TIMEOUT,
            can.lmp.ping() || can.le.ping(),
        );
    (can.commands.supports(CommandBit::SET_EVENT_MASK_PAGE_2) && !mask.is_empty()).then_some(mask)
}

/// Events that come with an LE feature.
const BY_LE_FEATURE: &[Rule<LeFeatures, LeEventMask>] = &[
    (LeFeatures::encryption, LeEventMask::LONG_TERM_KEY_REQUEST),
    (
        LeFeatures::conn_param_request,
        LeEventMask::REMOTE_CONN_PARAM_REQUEST,
    ),
    (
        LeFeatures::data_length_extension,
        LeEventMask::DATA_LENGTH_CHANGE,
    ),
    (
        LeFeatures::ext_scan_policy,
        LeEventMask::DIRECTED_ADVERTISING_REPORT,
    ),
    (
        LeFeatures::channel_selection_2,
        LeEventMask::CHANNEL_SELECTION_ALGORITHM,
    ),
    (
        LeFeatures::ext_advertising,
        LeEventMask::ADVERTISING_SET_TERMINATED,
    ),
    (LeFeatures::past_receiver, LeEventMask::PAST_RECEIVED),
    (LeFeatures::cis, LeEventMask::CIS_ESTABLISHED),
    (LeFeatures::cis_peripheral, LeEventMask::CIS_REQUEST),
    (
        LeFeatures::iso_broadcaster,
        LeEventMask::PA_SYNC_ESTABLISHED
            .with(LeEventMask::PA_REPORT)
            .with(LeEventMask::PA_SYNC_LOST)
            .with(LeEventMask::CREATE_BIG_COMPLETE)
            .with(LeEventMask::TERMINATE_BIG_COMPLETE)
            .with(LeEventMask::BIG_SYNC_ESTABLISHED)
            .with(LeEventMask::BIG_SYNC_LOST)
            .with(LeEventMask::BIGINFO_ADVERTISING_REPORT),
    ),
    (
        LeFeatures::ll_ext_features,
        LeEventMask::READ_ALL_REMOTE_FEATURES,
    ),
    (
        LeFeatures::channel_sounding,
        LeEventMask::CS_READ_REMOTE_CAPABILITIES
            .with(LeEventMask::CS_READ_REMOTE_FAE_TABLE)
            .with(LeEventMask::CS_SECURITY_ENABLE)
            .with(LeEventMask::CS_CONFIG)
            .with(LeEventMask::CS_PROCEDURE_ENABLE)
            .with(LeEventMask::CS_SUBEVENT_RESULT)
            .with(LeEventMask::CS_SUBEVENT_RESULT_CONTINUE)
            .with(LeEventMask::CS_TEST_END),
    ),
    (
        LeFeatures::shorter_intervals,
        LeEventMask::CONNECTION_RATE_CHANGE,
    ),
];

/// Events that answer an LE command.
const BY_LE_COMMAND: &[(CommandBit, LeEventMask)] = &[
    (
        CommandBit::LE_SET_SCAN_ENABLE,
        LeEventMask::ADVERTISING_REPORT,
    ),
    (
        CommandBit::LE_CREATE_CONNECTION,
        LeEventMask::CONNECTION_COMPLETE,
    ),
    (
        CommandBit::LE_CONNECTION_UPDATE,
        LeEventMask::CONNECTION_UPDATE_COMPLETE,
    ),
    (
        CommandBit::LE_READ_REMOTE_FEATURES,
        LeEventMask::REMOTE_FEATURES,
    ),
    (
        CommandBit::LE_READ_LOCAL_P256_KEY,
        LeEventMask::READ_LOCAL_P256_COMPLETE,
    ),
    (
        CommandBit::LE_GENERATE_DHKEY,
        LeEventMask::GENERATE_DHKEY_COMPLETE,
    ),
    (
        CommandBit::LE_SET_DEFAULT_PHY,
        LeEventMask::PHY_UPDATE_COMPLETE,
    ),
    (CommandBit::LE_SET_PHY, LeEventMask::PHY_UPDATE_COMPLETE),
];

/// The LE event mask (Vol 4 Part E 7.8.1).
///
/// `enhanced_connections` and `extended_scan` say whether the host wants the newer forms of Connection Complete and
/// Advertising Report.
pub fn le_event_mask(
    can: &Abilities<'_>,
    enhanced_connections: bool,
    extended_scan: bool,
) -> LeEventMask {
    let by_feature = BY_LE_FEATURE
        .iter()
        .fold(LeEventMask::EMPTY, |mask, (has, events)| {
            mask.with_if(*events, has(can.le))
        });
    BY_LE_COMMAND
        .iter()
        .fold(by_feature, |mask, (command, events)| {
            mask.with_if(*events, can.commands.supports(*command))
        })
        .with_if(
            LeEventMask::ENHANCED_CONNECTION_COMPLETE,
            enhanced_connections,
        )
        .with_if(LeEventMask::EXTENDED_ADVERTISING_REPORT, extended_scan)
}

/// The default link policy (Vol 4 Part E 7.2.12): everything that the controller can do.
pub fn default_link_policy(lmp: &LmpFeatures) -> LinkPolicy {
    LinkPolicy::EMPTY
        .with_if(LinkPolicy::ROLE_SWITCH, lmp.role_switch())
        .with_if(LinkPolicy::HOLD, lmp.hold())
        .with_if(LinkPolicy::SNIFF, lmp.sniff())
        .with_if(LinkPolicy::PARK, lmp.park())
}

/// The inquiry mode (Vol 4 Part E 7.3.50) for a controller that can do more than the standard one: extended results
/// include the RSSI.
pub fn inquiry_mode(lmp: &LmpFeatures) -> u8 {
    if lmp.ext_inquiry() {
        0x02
    } else {
        0x01
    }
}

/// Packet types of BR/EDR links in the encodings of Create Connection and Setup Synchronous Connection (Vol 4 Part E 7.1.5,
/// 7.1.26), in this order, that a feature brings.
const PACKET_TYPES: &[Rule<LmpFeatures, (u16, u16)>] = &[
    (LmpFeatures::three_slot, (0x0400 | 0x0800, 0)),
    (LmpFeatures::five_slot, (0x4000 | 0x8000, 0)),
    (LmpFeatures::hv2, (0x0040, 0x0002)),
    (LmpFeatures::hv3, (0x0080, 0x0004)),
    (LmpFeatures::esco, (0, 0x0008)),
    (LmpFeatures::ev4, (0, 0x0010)),
    (LmpFeatures::ev5, (0, 0x0020)),
    (LmpFeatures::edr_esco_2m, (0, 0x0040)),
    (LmpFeatures::edr_esco_3m, (0, 0x0080)),
    (LmpFeatures::edr_three_slot_esco, (0, 0x0100 | 0x0200)),
];

/// The packet types that the features add: those of ACL and SCO links, and those of eSCO links.
pub fn packet_types(lmp: &LmpFeatures) -> (u16, u16) {
    PACKET_TYPES
        .iter()
        .filter(|(has, _)| has(lmp))
        .fold((0, 0), |(acl, esco), (_, (more_acl, more_esco))| {
            (acl | more_acl, esco | more_esco)
        })
}

/// The PHYs to prefer (Vol 4 Part E 7.8.48): all there are. `coded` says whether the coded PHY may be used.
pub fn default_phys(le: &LeFeatures, coded: bool) -> Phys {
    Phys::LE_1M
        .with_if(Phys::LE_2M, le.phy_2m())
        .with_if(Phys::LE_CODED, coded && le.phy_coded())
}

/// Shortest and longest connection interval of the default rate, in units of 125 us: 1.25 ms and 15 ms.
const RATE_INTERVALS: (u16, u16) = (0x000a, 0x0078);

/// Default rate parameters (opcode 0x20a2): the full range mode that the HID service recommends, from the shortest
/// interval that the controller has.
pub fn default_rate(groups: &[ConnIntervalGroup]) -> ConnRateParams {
    let shortest = groups.iter().map(|group| group.min.get()).min();
    let (min, max) = RATE_INTERVALS;
    let min = min.max(shortest.unwrap_or(0));
    ConnRateParams {
        interval_min: min.into(),
        interval_max: max.max(min).into(),
        subrate_min: 1.into(),
        subrate_max: 4.into(),
        max_latency: 0.into(),
        continuation_number: 1.into(),
        // 120 ms.
        supervision_timeout: 12.into(),
        // The controller need not keep to these, but refuses 0.
        min_ce_len: 1.into(),
        max_ce_len: 1.into(),
    }
}
