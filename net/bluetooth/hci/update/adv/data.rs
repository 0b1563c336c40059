// SPDX-License-Identifier: GPL-2.0

//! Advertising data and scan response data.

use super::{
    flags_of,
    instance::Instance,
    max_data_len,
    Can,
    Device,
    Outcome,
    Session, //
};
use crate::hci::State;
use engine::announce::{
    self,
    used,
    SHORT_NAME_LEN, //
};
use kernel::prelude::*;
use kernel_ext::hci::Flag;
use kernel_ext::vec::VecExt;
use wire::{
    eir::{
        field,
        Builder,
        Fields, //
    },
    hci::le_adv::{
        LeSetAdvData,
        LeSetExtAdvData,
        LeSetExtScanRspData,
        LeSetScanRspData,
        DATA_COMPLETE,
        EXT_AD_LEN,
        LEGACY_AD_LEN,
        NO_FRAGMENT, //
    },
    mgmt::AdvFlags, //
};

/// A transmit power that is not known, in dBm.
const UNKNOWN_POWER: i8 = 127;

/// Data, in a buffer that holds the longest there is.
type Data = Builder<EXT_AD_LEN>;

/// What was built, as long as the legacy commands want it.
fn legacy(data: &Data) -> [u8; LEGACY_AD_LEN] {
    let mut whole = [0; LEGACY_AD_LEN];
    for (to, from) in whole.iter_mut().zip(data.as_slice()) {
        *to = *from;
    }
    whole
}

fn len(data: &Data) -> u8 {
    u8::try_from(data.len()).unwrap_or(u8::MAX)
}

/// Bits of the Flags field that follow from the settings alone.
fn discoverable_bits(dev: &Device) -> u8 {
    if dev.has(Flag::LIMITED_DISCOVERABLE) {
        announce::LIMITED_DISCOVERABLE
    } else if dev.has(Flag::DISCOVERABLE) {
        announce::GENERAL_DISCOVERABLE
    } else {
        0
    }
}

/// Puts the advertising data of an instance together, at most `max` bytes.
fn adv_data(dev: &Device, instance: u8, ext: bool, own_power: i8) -> Data {
    let max = max_data_len(ext);
    let flags = flags_of(dev, instance);
    let mut data = Data::new();
    let state = dev.state();
    let found = state.adv.find(instance);
    if instance != 0 && found.is_none() {
        return data;
    }
    let given: &[u8] = found.map_or(&[], |i| i.adv_data.as_slice());

    // User space may have brought its own flags.
    if Fields::new(given).find(field::FLAGS).is_none() {
        let mut bits = 0;
        if flags.contains(AdvFlags::DISCOVERABLE) {
            bits |= announce::GENERAL_DISCOVERABLE;
        }
        if flags.contains(AdvFlags::LIMITED_DISCOVERABLE) {
            bits |= announce::LIMITED_DISCOVERABLE;
        }
        if !dev.has(Flag::BREDR_ENABLED) {
            bits |= announce::NO_BREDR;
        }
        if bits == 0 && flags.contains(AdvFlags::MANAGED_FLAGS) {
            bits = discoverable_bits(dev);
        }
        // What was given goes first where not both fit.
        if bits != 0 && given.len().saturating_add(3) <= max {
            let _fits = data.push_u8(field::FLAGS, bits);
        }
    }
    let _fits = data.push_raw(given);
    if flags.contains(AdvFlags::TX_POWER) {
        let power = match found {
            Some(i) if ext => i.tx_power,
            _ => own_power,
        };
        if power != UNKNOWN_POWER && data.len().saturating_add(3) <= max {
            let _fits = data.push(field::TX_POWER, &power.to_le_bytes());
        }
    }
    data
}

/// The name as it is advertised: whole if it is short, else the short name, else its beginning.
fn name_field(state: &State) -> Option<(u8, &[u8])> {
    let (name, short) = (used(&state.name), used(&state.short_name));
    if !name.is_empty() && name.len() <= SHORT_NAME_LEN {
        Some((field::NAME_COMPLETE, name))
    } else if !short.is_empty() {
        Some((field::NAME_SHORT, short))
    } else if !name.is_empty() {
        Some((
            field::NAME_SHORT,
            name.get(..SHORT_NAME_LEN).unwrap_or(name),
        ))
    } else {
        None
    }
}

/// Bytes that the name takes in advertising data, with length and type.
pub(crate) fn name_field_len(state: &State) -> usize {
    name_field(state).map_or(0, |(_, name)| name.len().saturating_add(2))
}

/// Puts the scan response data of an instance together.
fn scan_rsp(dev: &Device, instance: u8, ext: bool) -> Data {
    let mut data = Data::new();
    let state = dev.state();
    let found = state.adv.find(instance);
    let (appearance, given, name): (_, &[u8], _) = match found {
        Some(i) => (
            i.flags.contains(AdvFlags::APPEARANCE),
            i.scan_rsp.as_slice(),
            i.flags.contains(AdvFlags::LOCAL_NAME),
        ),
        None => (instance == 0, &[], instance == 0),
    };
    if appearance && state.appearance != 0 {
        let _fits = data.push_u16(field::APPEARANCE, state.appearance);
    }
    let _fits = data.push_raw(given);
    // A name is told if the longest would fit.
    let needed = data.len().saturating_add(SHORT_NAME_LEN).saturating_add(2);
    if name && needed <= max_data_len(ext) {
        if let Some((kind, name)) = name_field(&state) {
            let _fits = data.push(kind, name);
        }
    }
    data
}

/// Keeps a copy of what was written last.
/// What of an advertisement there is to be written, and where its last copy is.
struct Part {
    /// What the controller has for legacy commands, or as set 0.
    copy: fn(&mut State) -> &mut KVec<u8>,
    /// Whether an instance's differs from what the controller has.
    changed: fn(&mut Instance) -> &mut bool,
}

const ADV_DATA: Part = Part {
    copy: |state| &mut state.adv_data,
    changed: |instance| &mut instance.adv_data_changed,
};

const SCAN_RSP: Part = Part {
    copy: |state| &mut state.scan_rsp_data,
    changed: |instance| &mut instance.scan_rsp_changed,
};

impl Part {
    fn remember(&self, state: &mut State, data: &Data) -> Outcome {
        let copy = (self.copy)(state);
        copy.clear();
        copy.append_all(data.as_slice())?;
        Ok(())
    }

    /// Writes with the legacy command, if the data is other than the controller has.
    fn write_legacy(&self, dev: &Device, data: &Data, write: impl FnOnce() -> Outcome) -> Outcome {
        {
            let mut state = dev.state();
            if (self.copy)(&mut state).as_slice() == data.as_slice() {
                return Ok(());
            }
            self.remember(&mut state, data)?;
        }
        write()
    }

    /// Writes with the extended command of the instance's set, which `write` is told, if the data
    /// is other than the set has.
    fn write_set(
        &self,
        dev: &Device,
        instance: u8,
        data: &Data,
        write: impl FnOnce(u8) -> Outcome,
    ) -> Outcome {
        let handle = match dev.state().adv.find_mut(instance) {
            Some(i) => {
                if !core::mem::take((self.changed)(i)) {
                    return Ok(());
                }
                i.handle
            }
            None if instance == 0 => 0,
            None => return Ok(()),
        };
        let written = write(handle);
        let mut state = dev.state();
        match state.adv.find_mut(instance) {
            Some(i) => *(self.changed)(i) |= written.is_err(),
            None => {
                written?;
                return self.remember(&mut state, data);
            }
        }
        written
    }
}

/// Sets the advertising data of an instance, if that is other than the controller has.
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn update_data_of(session: &Session<'_>, instance: u8) -> Outcome {
    let dev = session.dev();
    if !dev.has(Flag::LE_ENABLED) {
        return Ok(());
    }
    let can = Can::of(dev)?;
    let ext = can.ext_advertising();
    let data = adv_data(dev, instance, ext, can.adv_tx_power);
    if !ext {
        return ADV_DATA.write_legacy(dev, &data, || {
            session.send(&LeSetAdvData {
                length: len(&data),
                data: legacy(&data),
            })
        });
    }
    ADV_DATA.write_set(dev, instance, &data, |handle| {
        session.send(&LeSetExtAdvData {
            handle,
            operation: DATA_COMPLETE,
            fragment_preference: NO_FRAGMENT,
            length: len(&data),
            data: data.padded(),
        })
    })
}

/// Sets the scan response data of an instance, if that is other than the controller has.
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn update_scan_rsp_of(session: &Session<'_>, instance: u8) -> Outcome {
    let dev = session.dev();
    if !dev.has(Flag::LE_ENABLED) {
        return Ok(());
    }
    let ext = Can::of(dev)?.ext_advertising();
    let data = scan_rsp(dev, instance, ext);
    if !ext {
        return SCAN_RSP.write_legacy(dev, &data, || {
            session.send(&LeSetScanRspData {
                length: len(&data),
                data: legacy(&data),
            })
        });
    }
    SCAN_RSP.write_set(dev, instance, &data, |handle| {
        session.send(&LeSetExtScanRspData {
            handle,
            operation: DATA_COMPLETE,
            fragment_preference: NO_FRAGMENT,
            length: len(&data),
            data: data.padded(),
        })
    })
}
