// SPDX-License-Identifier: GPL-2.0

//! What a device tells others before any connection: its class, inquiry response and advertising data.
//!
//! All of it is made of fields, each a length, a type and data (Vol 3 Part C 8 and 11; types in Assigned Numbers 2.3).

use wire::{
    hci::{
        host_control::{
            ScanEnable,
            EIR_LEN, //
        },
        le_adv::LEGACY_AD_LEN,
        link_control::{
            GIAC,
            LIAC, //
        },
    },
    Bytes, //
};

const FLAGS: u8 = 0x01;
const UUID16_SOME: u8 = 0x02;
const UUID32_SOME: u8 = 0x04;
const UUID128_SOME: u8 = 0x06;
const NAME_SHORT: u8 = 0x08;
const NAME_COMPLETE: u8 = 0x09;
const TX_POWER: u8 = 0x0a;
const DEVICE_ID: u8 = 0x10;
const APPEARANCE: u8 = 0x19;

/// Flags: LE limited discoverable mode.
pub const LIMITED_DISCOVERABLE: u8 = 0x01;
/// Flags: LE general discoverable mode.
pub const GENERAL_DISCOVERABLE: u8 = 0x02;
/// Flags: BR/EDR is not supported.
pub const NO_BREDR: u8 = 0x04;

/// Bytes of a name in an extended inquiry response; a longer one is cut.
const EIR_NAME_LEN: usize = 48;
/// Bytes of a name in advertising data; a longer one is replaced by the short name, or cut.
pub const SHORT_NAME_LEN: usize = 10;

/// The Bluetooth base UUID less the four octets that short UUIDs replace, least significant first.
const BASE_UUID: [u8; 12] = [
    0xfb, 0x34, 0x9b, 0x5f, 0x80, 0x00, 0x00, 0x80, 0x00, 0x10, 0x00, 0x00,
];
/// Shortest UUID of a service class; below are protocols.
const FIRST_SERVICE: u16 = 0x1100;
/// PnP Information, which the device ID field stands for.
const PNP_INFORMATION: u16 = 0x1200;

/// A UUID in its shortest form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uuid {
    /// A 16-bit UUID.
    Bits16(u16),
    /// A 32-bit UUID.
    Bits32(u32),
    /// A UUID that has no shorter form, least significant octet first.
    Bits128([u8; 16]),
}

impl Uuid {
    /// The shortest form of a UUID (least significant octet first).
    pub fn shortest(uuid: [u8; 16]) -> Self {
        let (Some(base), Some(value)) = (uuid.first_chunk::<12>(), uuid.last_chunk::<4>()) else {
            return Self::Bits128(uuid);
        };
        if *base != BASE_UUID {
            return Self::Bits128(uuid);
        }
        let value = u32::from_le_bytes(*value);
        u16::try_from(value).map_or(Self::Bits32(value), Self::Bits16)
    }
}

/// The part of a NUL padded name that is in use.
pub fn used(name: &[u8]) -> &[u8] {
    name.split(|&byte| byte == 0).next().unwrap_or(name)
}

/// Appends a field; says whether there was room.
fn field<const N: usize>(to: &mut Bytes<N>, kind: u8, data: &[u8]) -> bool {
    let Some(len) = data
        .len()
        .checked_add(1)
        .and_then(|len| u8::try_from(len).ok())
    else {
        return false;
    };
    to.room() > usize::from(len) && to.extend(&[len, kind]) && to.extend(data)
}

/// Appends a field with as many of `items` as fit, if there are any: of type `some` unless all did, then of the next type.
fn list<const N: usize, const SIZE: usize>(
    to: &mut Bytes<N>,
    some: u8,
    items: impl Iterator<Item = [u8; SIZE]>,
) {
    let room = to.room().saturating_sub(2);
    let mut data = Bytes::<EIR_LEN>::new();
    let mut kind = some.wrapping_add(1);
    for item in items {
        if data.len().saturating_add(SIZE) > room || !data.extend(&item) {
            kind = some;
            break;
        }
    }
    if !data.is_empty() {
        let _ = field(to, kind, data.as_slice());
    }
}

/// What an extended inquiry response is made of.
#[derive(Clone, Copy, Debug)]
pub struct InquiryResponse<'a> {
    /// The device's name, NUL padded or not.
    pub name: &'a [u8],
    /// In dBm.
    pub tx_power: Option<i8>,
    /// Source of the vendor's number, vendor, product, version.
    pub device_id: Option<[u16; 4]>,
}

impl InquiryResponse<'_> {
    /// The response with these service UUIDs (Vol 3 Part C 8).
    pub fn build(&self, uuids: impl Iterator<Item = [u8; 16]> + Clone) -> [u8; EIR_LEN] {
        let mut eir = Bytes::<EIR_LEN>::new();
        let name = used(self.name);
        // There is room for all that is fixed in size.
        match name.get(..EIR_NAME_LEN) {
            _ if name.is_empty() => {}
            Some(start) if start.len() < name.len() => {
                let _ = field(&mut eir, NAME_SHORT, start);
            }
            _ => {
                let _ = field(&mut eir, NAME_COMPLETE, name);
            }
        }
        if let Some(power) = self.tx_power {
            let _ = field(&mut eir, TX_POWER, &power.to_le_bytes());
        }
        if let Some([source, vendor, product, version]) = self.device_id {
            let mut record = Bytes::<8>::new();
            for part in [source, vendor, product, version] {
                let _ = record.extend(&part.to_le_bytes());
            }
            let _ = field(&mut eir, DEVICE_ID, record.as_slice());
        }
        let uuids = uuids.map(Uuid::shortest);
        list(
            &mut eir,
            UUID16_SOME,
            uuids.clone().filter_map(|uuid| match uuid {
                Uuid::Bits16(u) if u >= FIRST_SERVICE && u != PNP_INFORMATION => {
                    Some(u.to_le_bytes())
                }
                _ => None,
            }),
        );
        list(
            &mut eir,
            UUID32_SOME,
            uuids.clone().filter_map(|uuid| match uuid {
                Uuid::Bits32(u) => Some(u.to_le_bytes()),
                _ => None,
            }),
        );
        list(
            &mut eir,
            UUID128_SOME,
            uuids.filter_map(|uuid| match uuid {
                Uuid::Bits128(u) => Some(u),
                _ => None,
            }),
        );
        let mut whole = [0; EIR_LEN];
        for (to, from) in whole.iter_mut().zip(eir.as_slice()) {
            *to = *from;
        }
        whole
    }
}

/// Advertising data of a device that advertises itself (Vol 3 Part C 11): flags, if any is set, and transmit power in dBm.
pub fn adv_data(flags: u8, tx_power: Option<i8>) -> Bytes<LEGACY_AD_LEN> {
    let mut data = Bytes::new();
    if flags != 0 {
        let _ = field(&mut data, FLAGS, &[flags]);
    }
    if let Some(power) = tx_power {
        let _ = field(&mut data, TX_POWER, &power.to_le_bytes());
    }
    data
}

/// Scan response data of a device that advertises itself: appearance (0: none) and name.
pub fn scan_rsp_data(appearance: u16, name: &[u8], short_name: &[u8]) -> Bytes<LEGACY_AD_LEN> {
    let mut data = Bytes::new();
    if appearance != 0 {
        let _ = field(&mut data, APPEARANCE, &appearance.to_le_bytes());
    }
    append_name(&mut data, name, short_name);
    data
}

/// Appends the name: whole if it is a short one, else the short name, else its beginning.
fn append_name<const N: usize>(to: &mut Bytes<N>, name: &[u8], short_name: &[u8]) {
    let (name, short_name) = (used(name), used(short_name));
    let (kind, text) = if !name.is_empty() && name.len() <= SHORT_NAME_LEN {
        (NAME_COMPLETE, name)
    } else if !short_name.is_empty() {
        (NAME_SHORT, short_name)
    } else {
        (NAME_SHORT, name.get(..SHORT_NAME_LEN).unwrap_or(name))
    };
    if !text.is_empty() {
        let _ = field(to, kind, text);
    }
}

/// The class of device (Assigned Numbers 2.8); `services` are the service bits of what the device offers.
pub fn class_of_device(minor: u8, major: u8, services: u8, limited_discoverable: bool) -> [u8; 3] {
    let limited = if limited_discoverable { 0x20 } else { 0x00 };
    [minor, major | limited, services]
}

/// Which scans a device does: page scan when anybody may connect or somebody known is to be let in, inquiry scan when it
/// is discoverable.
pub fn scans(connectable: bool, somebody_awaited: bool, discoverable: bool) -> ScanEnable {
    ScanEnable::EMPTY
        .with_if(ScanEnable::PAGE, connectable || somebody_awaited)
        .with_if(ScanEnable::INQUIRY, discoverable)
}

/// The inquiry access codes that a discoverable device answers to, and how many of them, for a controller that knows
/// `supported` at once.
pub fn access_codes(limited_discoverable: bool, supported: u8) -> (u8, [[u8; 3]; 2]) {
    if limited_discoverable {
        (supported.min(2), [LIAC, GIAC])
    } else {
        (1, [GIAC, [0; 3]])
    }
}
