// SPDX-License-Identifier: GPL-2.0

//! Extended inquiry response, advertising and scan response data: a list of fields, each with a length, a type and data
//! (Vol 3 Part C 8 and 11; Supplement to the Core Specification Part A).

use crate::{
    uuid::Uuid128,
    Bytes, //
};

/// Field types (Assigned Numbers 2.3).
pub mod field {
    macro_rules! types {
        ($($name:ident = $value:literal, $text:literal;)*) => {
            $(#[doc = $text] pub const $name: u8 = $value;)*
        };
    }

    types! {
        FLAGS = 0x01, "Flags, see [`flags`](super::flags).";
        UUID16_SOME = 0x02, "16-bit service UUIDs, more available.";
        UUID16_ALL = 0x03, "16-bit service UUIDs, all of them.";
        UUID32_SOME = 0x04, "32-bit service UUIDs, more available.";
        UUID32_ALL = 0x05, "32-bit service UUIDs, all of them.";
        UUID128_SOME = 0x06, "128-bit service UUIDs, more available.";
        UUID128_ALL = 0x07, "128-bit service UUIDs, all of them.";
        NAME_SHORT = 0x08, "Shortened local name.";
        NAME_COMPLETE = 0x09, "Complete local name.";
        TX_POWER = 0x0a, "TX power level, in dBm.";
        CLASS_OF_DEVICE = 0x0d, "Class of device.";
        SSP_HASH_C192 = 0x0e, "Simple Pairing hash C-192.";
        SSP_RAND_R192 = 0x0f, "Simple Pairing randomizer R-192.";
        DEVICE_ID = 0x10, "Device identification (EIR), security manager TK value (AD).";
        SERVICE_DATA = 0x16, "Service data of a 16-bit UUID.";
        APPEARANCE = 0x19, "Appearance.";
        LE_BDADDR = 0x1b, "LE device address.";
        LE_ROLE = 0x1c, "LE role.";
        SSP_HASH_C256 = 0x1d, "Simple Pairing hash C-256.";
        SSP_RAND_R256 = 0x1e, "Simple Pairing randomizer R-256.";
        LE_SC_CONFIRM = 0x22, "LE Secure Connections confirmation value.";
        LE_SC_RANDOM = 0x23, "LE Secure Connections random value.";
        MESH_PROVISIONING = 0x29, "Mesh provisioning bearer.";
        MESH_MESSAGE = 0x2a, "Mesh message.";
        MESH_BEACON = 0x2b, "Mesh beacon.";
        MANUFACTURER_DATA = 0xff, "Manufacturer specific data.";
    }
}

/// Bits of the flags field.
pub mod flags {
    /// LE limited discoverable mode.
    pub const LIMITED: u8 = 0x01;
    /// LE general discoverable mode.
    pub const GENERAL: u8 = 0x02;
    /// BR/EDR not supported.
    pub const NO_BREDR: u8 = 0x04;
    /// Simultaneous LE and BR/EDR to the same device (controller).
    pub const SIMULTANEOUS_CONTROLLER: u8 = 0x08;
    /// Simultaneous LE and BR/EDR to the same device (host).
    pub const SIMULTANEOUS_HOST: u8 = 0x10;
}

/// A field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// A type of [`field`].
    pub kind: u8,
    /// Its data, up to 254 bytes.
    pub data: &'a [u8],
}

/// The fields of EIR or AD, up to its end, to the first field of length zero, or to the first that is cut off.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields of `data`.
    #[inline]
    pub const fn new(data: &'a [u8]) -> Self {
        Self { rest: data }
    }

    /// The data of the first field of type `kind`, unless that field is empty.
    #[inline]
    pub fn find(mut self, kind: u8) -> Option<&'a [u8]> {
        let data = Iterator::find(&mut self, |field| field.kind == kind)?.data;
        (!data.is_empty()).then_some(data)
    }

    /// The data, after the UUID, of the first service data field of `uuid`.
    #[inline]
    pub fn find_service_data(mut self, uuid: u16) -> Option<&'a [u8]> {
        self.find_map(|field| {
            let (head, data) = field.data.split_first_chunk::<2>()?;
            let found = field.kind == field::SERVICE_DATA && u16::from_le_bytes(*head) == uuid;
            found.then_some(data)
        })
    }

    /// Whether one of the lists of services has `uuid`.
    pub fn has_uuid(self, uuid: &Uuid128) -> bool {
        self.into_iter().any(|field| match field.kind {
            field::UUID16_SOME | field::UUID16_ALL => chunks(field.data)
                .any(|short| Uuid128::from_u16(u16::from_le_bytes(short)) == *uuid),
            field::UUID32_SOME | field::UUID32_ALL => chunks(field.data)
                .any(|short| Uuid128::from_u32(u32::from_le_bytes(short)) == *uuid),
            field::UUID128_SOME | field::UUID128_ALL => {
                chunks(field.data).any(|whole| Uuid128(whole) == *uuid)
            }
            _ => false,
        })
    }

    /// How many bytes were not read yet.
    #[inline]
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }
}

/// The whole pieces of `N` bytes that `data` starts with.
#[inline]
fn chunks<const N: usize>(data: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
    let mut rest = data;
    core::iter::from_fn(move || {
        let (chunk, tail) = rest.split_first_chunk::<N>()?;
        rest = tail;
        Some(*chunk)
    })
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (&len, rest) = self.rest.split_first()?;
        let (field, rest) = rest.split_at_checked(usize::from(len))?;
        let (&kind, data) = field.split_first()?;
        self.rest = rest;
        Some(Field { kind, data })
    }
}

/// Whether `data` is a list of whole fields; fields of length zero, padding, are allowed anywhere.
///
/// This is what user space's advertising data is checked for. `accept` is asked for each field that is not padding.
pub fn is_well_formed(data: &[u8], mut accept: impl FnMut(Field<'_>) -> bool) -> bool {
    let mut rest = data;
    while let Some((&len, tail)) = rest.split_first() {
        let Some((field, tail)) = tail.split_at_checked(usize::from(len)) else {
            return false;
        };
        if let Some((&kind, data)) = field.split_first() {
            if !accept(Field { kind, data }) {
                return false;
            }
        }
        rest = tail;
    }
    true
}

/// Builds EIR or AD data of at most `N` bytes.
///
/// A field that does not fit is left out whole: every method says whether it was appended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Builder<const N: usize> {
    data: Bytes<N>,
}

impl<const N: usize> Builder<N> {
    /// Nothing yet.
    #[inline]
    pub fn new() -> Self {
        Self { data: Bytes::new() }
    }

    /// What was built.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        self.data.as_slice()
    }

    /// How many bytes were built.
    #[inline]
    pub const fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether nothing was built.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// How many more bytes fit; a field needs two more than its data.
    #[inline]
    pub const fn room(&self) -> usize {
        self.data.room()
    }

    /// What was built, with zeros after it.
    #[inline]
    pub fn padded(&self) -> [u8; N] {
        let mut padded = [0; N];
        for (to, from) in padded.iter_mut().zip(self.as_slice()) {
            *to = *from;
        }
        padded
    }

    /// Appends a field whose data is `parts`, one after the other.
    pub fn push_parts(&mut self, kind: u8, parts: &[&[u8]]) -> bool {
        let mut total: usize = 1;
        for part in parts {
            total = total.saturating_add(part.len());
        }
        let Ok(len) = u8::try_from(total) else {
            return false;
        };
        if total.saturating_add(1) > self.room() {
            return false;
        }
        let mut fits = self.data.extend(&[len, kind]);
        for part in parts {
            fits &= self.data.extend(part);
        }
        fits
    }

    /// Appends a field.
    #[inline]
    pub fn push(&mut self, kind: u8, data: &[u8]) -> bool {
        self.push_parts(kind, &[data])
    }

    /// Appends a field of one octet.
    #[inline]
    pub fn push_u8(&mut self, kind: u8, value: u8) -> bool {
        self.push(kind, &[value])
    }

    /// Appends a field of two octets.
    #[inline]
    pub fn push_u16(&mut self, kind: u8, value: u16) -> bool {
        self.push(kind, &value.to_le_bytes())
    }

    /// Appends service data of a 16-bit UUID.
    #[inline]
    pub fn push_service_data(&mut self, uuid: u16, data: &[u8]) -> bool {
        self.push_parts(field::SERVICE_DATA, &[&uuid.to_le_bytes(), data])
    }

    /// Appends fields that are there already, such as those of user space.
    #[inline]
    pub fn push_raw(&mut self, fields: &[u8]) -> bool {
        self.data.extend(fields)
    }

    /// Appends a list of UUIDs of `W` octets each: field `all` with as many as fit, or field `some` if one does not.
    ///
    /// Appends nothing, and says so, if there is no UUID or no room for one. As in the C stack.
    pub fn push_uuids<const W: usize>(
        &mut self,
        all: u8,
        some: u8,
        uuids: impl Iterator<Item = [u8; W]> + Clone,
    ) -> bool {
        let room = self.room().saturating_sub(2).min(254);
        let mut fit: usize = 0;
        let mut used: usize = 0;
        let mut kind = all;
        for _ in uuids.clone() {
            let next = used.saturating_add(W);
            if next > room {
                kind = some;
                break;
            }
            used = next;
            fit = fit.saturating_add(1);
        }
        let Ok(len) = u8::try_from(used.saturating_add(1)) else {
            return false;
        };
        if fit == 0 || !self.data.extend(&[len, kind]) {
            return false;
        }
        let mut fits = true;
        for uuid in uuids.take(fit) {
            fits &= self.data.extend(&uuid);
        }
        fits
    }
}
