// SPDX-License-Identifier: GPL-2.0

//! The commands: one entry each.

use super::{
    advertising,
    advertising_ext,
    call::{
        Call,
        Outcome, //
    },
    config,
    connectable,
    connections,
    devices,
    discovery,
    exp,
    info,
    keys,
    mesh,
    monitors,
    name_class,
    oob,
    pairing,
    phy,
    power,
    raw,
    room,
    settings,
    take_control,
    unconfigured,
    visible, //
};
use crate::hci;
use kernel_ext::hci::Flag;
use wire::mgmt::{
    command::*,
    op,
    MgmtStatus,
    INDEX_NONE, //
};

/// Which controller a command is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    /// One that is configured.
    Controller,
    /// One, configured or not.
    AnyController,
    /// None.
    Nothing,
    /// One or none.
    Either,
}

/// A command.
pub(super) struct Entry {
    opcode: u16,
    about: About,
    /// Whether anybody may send it.
    untrusted: bool,
    pub(super) run: fn(&Call<'_>) -> Outcome,
}

macro_rules! run {
    ((none) $handler:path) => {
        $handler
    };
    ((fixed $params:ty) $handler:path) => {
        |call| {
            $handler(
                call,
                <$params>::parse(call.params).map_err(|_| MgmtStatus::INVALID_PARAMS)?,
            )
        }
    };
    ((raw) $handler:path) => {
        |call| $handler(call, call.params)
    };
}

macro_rules! table {
    ($($opcode:ident $about:ident $who:ident $params:tt => $handler:path;)*) => {
        /// All commands, by number.
        static TABLE: &[Entry] = &[
            $(Entry {
                opcode: op::$opcode,
                about: About::$about,
                untrusted: untrusted!($who),
                run: run!($params $handler),
            },)*
        ];
    };
}

macro_rules! untrusted {
    (anybody) => {
        true
    };
    (trusted) => {
        false
    };
}

table! {
    READ_VERSION Nothing anybody (none) => info::version;
    READ_COMMANDS Nothing anybody (none) => info::commands;
    READ_INDEX_LIST Nothing anybody (none) => info::index_list;
    READ_INFO Controller anybody (none) => info::controller;
    SET_POWERED Controller trusted (fixed Mode) => power::set;
    SET_DISCOVERABLE Controller trusted (fixed SetDiscoverable) => connectable::set_discoverable;
    SET_CONNECTABLE Controller trusted (fixed Mode) => connectable::set_connectable;
    SET_FAST_CONNECTABLE Controller trusted (fixed Mode) => connectable::set_fast_connectable;
    SET_BONDABLE Controller trusted (fixed Mode) => connectable::set_bondable;
    SET_LINK_SECURITY Controller trusted (fixed Mode) => settings::set_link_security;
    SET_SSP Controller trusted (fixed Mode) => settings::set_ssp;
    SET_HS Controller trusted (fixed Mode) => settings::set_hs;
    SET_LE Controller trusted (fixed Mode) => settings::set_le;
    SET_DEV_CLASS Controller trusted (fixed SetDeviceClass) => name_class::set_dev_class;
    SET_LOCAL_NAME Controller trusted (fixed SetLocalName) => name_class::set_local_name;
    ADD_UUID Controller trusted (fixed AddUuid) => name_class::add_uuid;
    REMOVE_UUID Controller trusted (fixed RemoveUuid) => name_class::remove_uuid;
    LOAD_LINK_KEYS Controller trusted (raw) => keys::load_link_keys;
    LOAD_LONG_TERM_KEYS Controller trusted (raw) => keys::load_long_term_keys;
    DISCONNECT Controller trusted (fixed Device) => connections::disconnect;
    GET_CONNECTIONS Controller trusted (none) => connections::list;
    PIN_CODE_REPLY Controller trusted (fixed PinCodeReply) => pairing::pin_code_reply;
    PIN_CODE_NEG_REPLY Controller trusted (fixed Device) => pairing::user_reply;
    SET_IO_CAPABILITY Controller trusted (fixed SetIoCapability) => settings::set_io_capability;
    PAIR_DEVICE Controller trusted (fixed PairDevice) => pairing::pair;
    CANCEL_PAIR_DEVICE Controller trusted (fixed Device) => pairing::cancel;
    UNPAIR_DEVICE Controller trusted (fixed UnpairDevice) => pairing::unpair;
    USER_CONFIRM_REPLY Controller trusted (fixed Device) => pairing::user_reply;
    USER_CONFIRM_NEG_REPLY Controller trusted (fixed Device) => pairing::user_reply;
    USER_PASSKEY_REPLY Controller trusted (fixed UserPasskeyReply) => pairing::user_passkey_reply;
    USER_PASSKEY_NEG_REPLY Controller trusted (fixed Device) => pairing::user_reply;
    READ_LOCAL_OOB_DATA Controller trusted (none) => oob::read_local;
    ADD_REMOTE_OOB_DATA Controller trusted (raw) => oob::add_remote;
    REMOVE_REMOTE_OOB_DATA Controller trusted (fixed Device) => oob::remove_remote;
    START_DISCOVERY Controller trusted (fixed Discovery) => discovery::start;
    STOP_DISCOVERY Controller trusted (fixed Discovery) => discovery::stop;
    CONFIRM_NAME Controller trusted (fixed ConfirmName) => discovery::confirm_name;
    BLOCK_DEVICE Controller trusted (fixed Device) => devices::block;
    UNBLOCK_DEVICE Controller trusted (fixed Device) => devices::unblock;
    SET_DEVICE_ID Controller trusted (fixed SetDeviceId) => name_class::set_device_id;
    SET_ADVERTISING Controller trusted (fixed Mode) => advertising::set;
    SET_BREDR Controller trusted (fixed Mode) => settings::set_bredr;
    SET_STATIC_ADDRESS Controller trusted (fixed SetAddress) => settings::set_static_address;
    SET_SCAN_PARAMS Controller trusted (fixed SetScanParams) => settings::set_scan_params;
    SET_SECURE_CONN Controller trusted (fixed Mode) => settings::set_secure_conn;
    SET_DEBUG_KEYS Controller trusted (fixed Mode) => settings::set_debug_keys;
    SET_PRIVACY Controller trusted (fixed SetPrivacy) => settings::set_privacy;
    LOAD_IRKS Controller trusted (raw) => keys::load_irks;
    GET_CONN_INFO Controller trusted (fixed Device) => connections::info;
    GET_CLOCK_INFO Controller trusted (fixed Device) => connections::clock;
    ADD_DEVICE Controller trusted (fixed AddDevice) => devices::add;
    REMOVE_DEVICE Controller trusted (fixed Device) => devices::remove;
    LOAD_CONN_PARAM Controller trusted (raw) => devices::load_conn_params;
    READ_UNCONF_INDEX_LIST Nothing anybody (none) => info::unconfigured_index_list;
    READ_CONFIG_INFO AnyController anybody (none) => unconfigured::info;
    SET_EXTERNAL_CONFIG AnyController trusted (fixed Mode) => unconfigured::set_external;
    SET_PUBLIC_ADDRESS AnyController trusted (fixed SetAddress) => unconfigured::set_address;
    START_SERVICE_DISCOVERY Controller trusted (raw) => discovery::start_service;
    READ_LOCAL_OOB_EXT_DATA Controller trusted (fixed ReadLocalOobExtData) => oob::read_local_ext;
    READ_EXT_INDEX_LIST Nothing anybody (none) => info::ext_index_list;
    READ_ADV_FEATURES Controller trusted (none) => advertising::features;
    ADD_ADVERTISING Controller trusted (raw) => advertising::add;
    REMOVE_ADVERTISING Controller trusted (fixed RemoveAdvertising) => advertising::remove;
    GET_ADV_SIZE_INFO Controller trusted (fixed GetAdvSizeInfo) => advertising::size;
    START_LIMITED_DISCOVERY Controller trusted (fixed Discovery) => discovery::start;
    READ_EXT_INFO Controller anybody (none) => info::ext_controller;
    SET_APPEARANCE Controller trusted (fixed SetAppearance) => name_class::set_appearance;
    GET_PHY_CONFIGURATION Controller trusted (none) => phy::get;
    SET_PHY_CONFIGURATION Controller trusted (fixed SetPhyConfiguration) => phy::set;
    SET_BLOCKED_KEYS Controller trusted (raw) => keys::set_blocked;
    SET_WIDEBAND_SPEECH Controller trusted (fixed Mode) => settings::set_wideband_speech;
    READ_CONTROLLER_CAP Controller anybody (none) => info::capabilities;
    READ_EXP_FEATURES_INFO Either anybody (none) => exp::read;
    SET_EXP_FEATURE Either trusted (raw) => exp::set;
    READ_DEF_SYSTEM_CONFIG Controller anybody (none) => config::read_system;
    SET_DEF_SYSTEM_CONFIG Controller trusted (raw) => config::set_system;
    READ_DEF_RUNTIME_CONFIG Controller anybody (none) => config::read_runtime;
    SET_DEF_RUNTIME_CONFIG Controller trusted (raw) => config::set_runtime;
    GET_DEVICE_FLAGS Controller trusted (fixed Device) => devices::flags;
    SET_DEVICE_FLAGS Controller trusted (fixed SetDeviceFlags) => devices::set_flags;
    READ_ADV_MONITOR_FEATURES Controller trusted (none) => monitors::features;
    ADD_ADV_PATTERNS_MONITOR Controller trusted (raw) => monitors::add;
    REMOVE_ADV_MONITOR Controller trusted (fixed RemoveAdvMonitor) => monitors::remove;
    ADD_EXT_ADV_PARAMS Controller trusted (raw) => advertising_ext::add_params;
    ADD_EXT_ADV_DATA Controller trusted (raw) => advertising_ext::add_data;
    ADD_ADV_PATTERNS_MONITOR_RSSI Controller trusted (raw) => monitors::add_rssi;
    SET_MESH_RECEIVER Controller trusted (raw) => mesh::set_receiver;
    MESH_READ_FEATURES Controller trusted (none) => mesh::features;
    MESH_SEND Controller trusted (raw) => mesh::send;
    MESH_SEND_CANCEL Controller trusted (fixed MeshSendCancel) => mesh::cancel;
    HCI_CMD_SYNC Controller trusted (raw) => raw::command_sync;
    LOAD_CONN_SUBRATE Controller trusted (raw) => connections::load_subrate;
}

/// Commands that Read Commands does not name: they came with it, or user space must not rely on
/// them yet.
const UNNAMED: [u16; 3] = [op::READ_VERSION, op::READ_COMMANDS, op::LOAD_CONN_SUBRATE];

/// The numbers of the commands that somebody may send.
pub(super) fn numbers(trusted: bool) -> impl Iterator<Item = u16> {
    TABLE
        .iter()
        .filter(move |e| (trusted || e.untrusted) && !UNNAMED.contains(&e.opcode))
        .map(|e| e.opcode)
}

/// Checks a command in the order that user space can observe, and finds its controller.
///
/// # Errors
///
/// The status to refuse it with.
pub(super) fn admit(call: &mut Call<'_>) -> Result<&'static Entry, MgmtStatus> {
    let entry = TABLE
        .iter()
        .find(|e| e.opcode == call.opcode)
        .ok_or(MgmtStatus::UNKNOWN_COMMAND)?;
    if !call.trusted && !entry.untrusted {
        return Err(MgmtStatus::PERMISSION_DENIED);
    }
    if call.index != INDEX_NONE {
        let dev = hci::registry::get(call.index).ok_or(MgmtStatus::INVALID_INDEX)?;
        let configured = !dev.has(Flag::UNCONFIGURED);
        if !visible(&dev) || (!configured && entry.about != About::AnyController) {
            return Err(MgmtStatus::INVALID_INDEX);
        }
        call.room = Some(room::of(&dev).ok_or(MgmtStatus::INVALID_INDEX)?);
        call.dev = Some(dev);
    }
    let fits = match entry.about {
        About::Controller | About::AnyController => call.dev.is_some(),
        About::Nothing => call.dev.is_none(),
        About::Either => true,
    };
    if !fits {
        return Err(MgmtStatus::INVALID_INDEX);
    }
    if !op::params_len(call.opcode).is_some_and(|l| l.allows(call.params.len())) {
        return Err(MgmtStatus::INVALID_PARAMS);
    }
    if let Some(dev) = &call.dev {
        take_control(dev);
    }
    Ok(entry)
}
