// SPDX-License-Identifier: GPL-2.0

//! Parameters of commands. Commands without parameters, and those with one `u8` that says on or off ([`Mode`]), have no type
//! of their own.

use zerocopy::{
    little_endian::{
        U16,
        U32,
        U64, //
    },
    FromBytes,
    Immutable,
    KnownLayout,
    Unaligned, //
};

use super::{
    op,
    types::*, //
};
use crate::{
    hci::{
        Key,
        Opcode, //
    },
    uuid::Uuid128,
    BdAddr,
    Malformed,
    Reader, //
};

/// A view of parameters that have exactly the length of `T`.
#[inline]
fn exact<'a, T>(item: &'static str, params: &'a [u8]) -> Result<&'a T, Malformed>
where
    T: FromBytes + KnownLayout + Immutable + Unaligned,
{
    T::ref_from_bytes(params)
        .map_err(|_| Malformed::short(item, core::mem::size_of::<T>(), params.len()))
}

/// Fails unless everything was read.
#[inline]
fn end(reader: &Reader<'_>) -> Result<(), Malformed> {
    if reader.is_empty() {
        Ok(())
    } else {
        Err(reader.short(0))
    }
}

/// Takes a list that starts with its number of entries in 16 bits, and must be all that is left.
#[inline]
fn list<'a, T>(reader: &mut Reader<'a>) -> Result<&'a [T], Malformed>
where
    T: FromBytes + KnownLayout + Immutable + Unaligned,
{
    let count = usize::from(reader.u16()?);
    let entries = reader.views(count)?;
    end(reader)?;
    Ok(entries)
}

macro_rules! fixed {
    ($($(#[$attr:meta])* $name:ident($($op:ident),+) { $($(#[$fattr:meta])* $field:ident: $ty:ty,)* })*) => {
        layout! { $($(#[$attr])* $name { $($(#[$fattr])* $field: $ty,)* })* }

        $(
            impl $name {
                /// The commands that have these parameters.
                pub const OPS: &'static [u16] = &[$(op::$op),+];

                /// Reads the parameters.
                ///
                /// # Errors
                ///
                /// They do not have exactly the length of this structure.
                #[inline]
                pub fn parse(params: &[u8]) -> Result<&Self, Malformed> {
                    exact(stringify!($name), params)
                }
            }
        )*
    };
}

fixed! {
    /// On or off, and for some commands a third way.
    Mode(
        SET_POWERED, SET_CONNECTABLE, SET_FAST_CONNECTABLE, SET_BONDABLE, SET_LINK_SECURITY, SET_SSP, SET_HS, SET_LE,
        SET_ADVERTISING, SET_BREDR, SET_SECURE_CONN, SET_DEBUG_KEYS, SET_EXTERNAL_CONFIG, SET_WIDEBAND_SPEECH
    ) {
        value: u8,
    }
    /// A device.
    Device(
        DISCONNECT, PIN_CODE_NEG_REPLY, CANCEL_PAIR_DEVICE, USER_CONFIRM_REPLY, USER_CONFIRM_NEG_REPLY,
        USER_PASSKEY_NEG_REPLY, REMOVE_REMOTE_OOB_DATA, BLOCK_DEVICE, UNBLOCK_DEVICE, GET_CONN_INFO, GET_CLOCK_INFO,
        REMOVE_DEVICE, GET_DEVICE_FLAGS
    ) {
        addr: AddrInfo,
    }
    /// Set Discoverable.
    SetDiscoverable(SET_DISCOVERABLE) {
        /// 0 off, 1 general, 2 limited.
        value: u8,
        /// In seconds; 0 for none.
        timeout: U16,
    }
    /// Set Device Class.
    SetDeviceClass(SET_DEV_CLASS) { major: u8, minor: u8, }
    /// Set Local Name.
    SetLocalName(SET_LOCAL_NAME) { name: [u8; NAME_LEN], short_name: [u8; SHORT_NAME_LEN], }
    /// Add UUID.
    AddUuid(ADD_UUID) {
        uuid: Uuid128,
        /// Service class bits of the class of device.
        service_hint: u8,
    }
    /// Remove UUID; all of them if it is zero.
    RemoveUuid(REMOVE_UUID) { uuid: Uuid128, }
    /// PIN Code Reply.
    PinCodeReply(PIN_CODE_REPLY) { addr: AddrInfo, pin_len: u8, pin: Key, }
    /// Set IO Capability.
    SetIoCapability(SET_IO_CAPABILITY) { io_capability: u8, }
    /// Pair Device.
    PairDevice(PAIR_DEVICE) { addr: AddrInfo, io_capability: u8, }
    /// Unpair Device.
    UnpairDevice(UNPAIR_DEVICE) { addr: AddrInfo, disconnect: u8, }
    /// User Passkey Reply.
    UserPasskeyReply(USER_PASSKEY_REPLY) { addr: AddrInfo, passkey: U32, }
    /// Start and Stop Discovery.
    Discovery(START_DISCOVERY, STOP_DISCOVERY, START_LIMITED_DISCOVERY) { kind: AddressTypes, }
    /// Confirm Name.
    ConfirmName(CONFIRM_NAME) { addr: AddrInfo, name_known: u8, }
    /// Set Device ID.
    SetDeviceId(SET_DEVICE_ID) { source: U16, vendor: U16, product: U16, version: U16, }
    /// Set Static Address and Set Public Address.
    SetAddress(SET_STATIC_ADDRESS, SET_PUBLIC_ADDRESS) { bdaddr: BdAddr, }
    /// Set Scan Parameters, in units of 0.625 ms.
    SetScanParams(SET_SCAN_PARAMS) { interval: U16, window: U16, }
    /// Set Privacy.
    SetPrivacy(SET_PRIVACY) {
        /// 0 off, 1 on, 2 limited.
        privacy: u8,
        irk: Key,
    }
    /// Add Device.
    AddDevice(ADD_DEVICE) {
        addr: AddrInfo,
        /// 0 scan in the background, 1 let it connect, 2 connect automatically.
        action: u8,
    }
    /// Read Local OOB Extended Data.
    ReadLocalOobExtData(READ_LOCAL_OOB_EXT_DATA) { kind: AddressTypes, }
    /// Remove Advertising; all instances if it is zero.
    RemoveAdvertising(REMOVE_ADVERTISING) { instance: u8, }
    /// Get Advertising Size Information.
    GetAdvSizeInfo(GET_ADV_SIZE_INFO) { instance: u8, flags: AdvFlags, }
    /// Set Appearance.
    SetAppearance(SET_APPEARANCE) { appearance: U16, }
    /// Set PHY Configuration.
    SetPhyConfiguration(SET_PHY_CONFIGURATION) { selected: Phys, }
    /// Set Device Flags.
    SetDeviceFlags(SET_DEVICE_FLAGS) { addr: AddrInfo, current: DeviceFlags, }
    /// Remove Advertisement Monitor; all of them if it is zero.
    RemoveAdvMonitor(REMOVE_ADV_MONITOR) { handle: U16, }
    /// Mesh Send Cancel.
    MeshSendCancel(MESH_SEND_CANCEL) { handle: u8, }
}

macro_rules! variable {
    ($($(#[$attr:meta])* $name:ident($op:ident) { $($(#[$fattr:meta])* $field:ident: $ty:ty,)* } |$reader:ident| $body:expr;)*) => {
        $(
            $(#[$attr])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            #[allow(missing_docs)]
            pub struct $name<'a> { $($(#[$fattr])* pub $field: $ty,)* }

            impl<'a> $name<'a> {
                /// The command that has these parameters.
                pub const OP: u16 = op::$op;

                /// Reads the parameters.
                ///
                /// # Errors
                ///
                /// Their length does not agree with the lengths and counts in them.
                pub fn parse(params: &'a [u8]) -> Result<Self, Malformed> {
                    let reader = &mut Reader::new(stringify!($name), params);
                    let $reader = reader;
                    $body
                }
            }
        )*
    };
}

layout! {
    /// Head of [`AddAdvertising`].
    AddAdvertisingHead {
        instance: u8,
        flags: AdvFlags,
        /// In seconds.
        duration: U16,
        /// In seconds.
        timeout: U16,
        adv_data_len: u8,
        scan_rsp_len: u8,
    }
    /// Head of [`AddExtAdvParams`].
    AddExtAdvParamsHead {
        instance: u8,
        flags: AdvFlags,
        /// In seconds.
        duration: U16,
        /// In seconds.
        timeout: U16,
        /// In units of 0.625 ms.
        min_interval: U32,
        max_interval: U32,
        /// In dBm.
        tx_power: i8,
    }
    /// Head of [`AddExtAdvData`].
    AddExtAdvDataHead { instance: u8, adv_data_len: u8, scan_rsp_len: u8, }
    /// Head of [`SetMesh`].
    SetMeshHead { enable: u8, window: U16, period: U16, num_ad_types: u8, }
    /// Head of [`MeshSend`].
    MeshSendHead { addr: AddrInfo, instant: U64, delay: U16, count: u8, adv_data_len: u8, }
    /// Head of [`HciCmdSync`].
    HciCmdSyncHead {
        opcode: U16,
        /// Event to wait for; 0 for Command Complete.
        event: u8,
        /// In seconds; 0 for the usual.
        timeout: u8,
        params_len: U16,
    }
    /// The data of [`AddRemoteOobData`] for P-192.
    OobData192 { hash: Key, rand: Key, }
    /// The data of [`AddRemoteOobData`] for both curves.
    OobDataExt { hash192: Key, rand192: Key, hash256: Key, rand256: Key, }
}

variable! {
    /// Load Link Keys.
    LoadLinkKeys(LOAD_LINK_KEYS) { debug_keys: u8, keys: &'a [LinkKeyInfo], } |r| {
        Ok(Self { debug_keys: r.u8()?, keys: list(r)? })
    };
    /// Load Long Term Keys.
    LoadLongTermKeys(LOAD_LONG_TERM_KEYS) { keys: &'a [LtkInfo], } |r| Ok(Self { keys: list(r)? });
    /// Load Identity Resolving Keys.
    LoadIrks(LOAD_IRKS) { irks: &'a [IrkInfo], } |r| Ok(Self { irks: list(r)? });
    /// Load Connection Parameters.
    LoadConnParam(LOAD_CONN_PARAM) { params: &'a [ConnParam], } |r| Ok(Self { params: list(r)? });
    /// Load Connection Subrate.
    LoadConnSubrate(LOAD_CONN_SUBRATE) { params: &'a [ConnSubrate], } |r| Ok(Self { params: list(r)? });
    /// Set Blocked Keys.
    SetBlockedKeys(SET_BLOCKED_KEYS) { keys: &'a [BlockedKey], } |r| Ok(Self { keys: list(r)? });
    /// Start Service Discovery.
    StartServiceDiscovery(START_SERVICE_DISCOVERY) {
        kind: AddressTypes,
        /// In dBm; 127 for any.
        rssi: i8,
        uuids: &'a [Uuid128],
    } |r| {
        let kind = AddressTypes::from_bits(r.u8()?);
        let rssi = i8::from_le_bytes([r.u8()?]);
        Ok(Self { kind, rssi, uuids: list(r)? })
    };
    /// Add Remote OOB Data.
    AddRemoteOobData(ADD_REMOTE_OOB_DATA) { addr: &'a AddrInfo, data: RemoteOobData<'a>, } |r| {
        let addr = r.view::<AddrInfo>()?;
        let data = match exact::<OobData192>("OOB data", r.rest()) {
            Ok(data) => RemoteOobData::P192(data),
            Err(_) => RemoteOobData::Extended(exact("OOB data", r.rest())?),
        };
        Ok(Self { addr, data })
    };
    /// Add Advertising.
    AddAdvertising(ADD_ADVERTISING) {
        head: &'a AddAdvertisingHead,
        adv_data: &'a [u8],
        scan_rsp: &'a [u8],
    } |r| {
        let head = r.view::<AddAdvertisingHead>()?;
        let adv_data = r.bytes(usize::from(head.adv_data_len))?;
        let scan_rsp = r.bytes(usize::from(head.scan_rsp_len))?;
        end(r)?;
        Ok(Self { head, adv_data, scan_rsp })
    };
    /// Add Extended Advertising Parameters; later fields are ignored.
    AddExtAdvParams(ADD_EXT_ADV_PARAMS) { head: &'a AddExtAdvParamsHead, } |r| Ok(Self { head: r.view()? });
    /// Add Extended Advertising Data; what follows it is ignored, as in the C stack.
    AddExtAdvData(ADD_EXT_ADV_DATA) { instance: u8, adv_data: &'a [u8], scan_rsp: &'a [u8], } |r| {
        let head = r.view::<AddExtAdvDataHead>()?;
        let adv_data = r.bytes(usize::from(head.adv_data_len))?;
        let scan_rsp = r.bytes(usize::from(head.scan_rsp_len))?;
        Ok(Self { instance: head.instance, adv_data, scan_rsp })
    };
    /// Set Experimental Feature.
    SetExpFeature(SET_EXP_FEATURE) { uuid: &'a Uuid128, param: &'a [u8], } |r| {
        Ok(Self { uuid: r.view()?, param: r.rest() })
    };
    /// Add Advertisement Patterns Monitor.
    AddAdvPatternsMonitor(ADD_ADV_PATTERNS_MONITOR) { patterns: &'a [AdvPattern], } |r| {
        let count = usize::from(r.u8()?);
        let patterns = r.views(count)?;
        end(r)?;
        Ok(Self { patterns })
    };
    /// Add Advertisement Patterns Monitor with RSSI.
    AddAdvPatternsMonitorRssi(ADD_ADV_PATTERNS_MONITOR_RSSI) {
        rssi: &'a AdvRssiThresholds,
        patterns: &'a [AdvPattern],
    } |r| {
        let rssi = r.view()?;
        let count = usize::from(r.u8()?);
        let patterns = r.views(count)?;
        end(r)?;
        Ok(Self { rssi, patterns })
    };
    /// Set Mesh Receiver; the types are all that follows, whatever `num_ad_types` tells, as in the C stack.
    SetMesh(SET_MESH_RECEIVER) { head: &'a SetMeshHead, ad_types: &'a [u8], } |r| {
        let head = r.view::<SetMeshHead>()?;
        Ok(Self { head, ad_types: r.rest() })
    };
    /// Mesh Send.
    MeshSend(MESH_SEND) { head: &'a MeshSendHead, adv_data: &'a [u8], } |r| {
        let head = r.view::<MeshSendHead>()?;
        let adv_data = r.bytes(usize::from(head.adv_data_len))?;
        end(r)?;
        Ok(Self { head, adv_data })
    };
    /// HCI Command Sync.
    HciCmdSync(HCI_CMD_SYNC) { opcode: Opcode, event: u8, timeout: u8, params: &'a [u8], } |r| {
        let head = r.view::<HciCmdSyncHead>()?;
        let params = r.bytes(usize::from(head.params_len.get()))?;
        end(r)?;
        // A command packet tells its length in one octet.
        if params.len() > usize::from(u8::MAX) {
            return Err(Malformed::value("HCI command parameters", 255, params.len()));
        }
        Ok(Self { opcode: Opcode(head.opcode.get()), event: head.event, timeout: head.timeout, params })
    };
}

/// The data of [`AddRemoteOobData`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoteOobData<'a> {
    /// For P-192 only.
    P192(&'a OobData192),
    /// For both curves.
    Extended(&'a OobDataExt),
}
