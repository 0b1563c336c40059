// SPDX-License-Identifier: GPL-2.0

//! What there is: the interface's version, controllers, and what each is and can.

use super::{
    call::{
        concat,
        Bytes,
        Call,
        Outcome, //
    },
    caps,
    channel::EventFlag,
    table,
    visible, //
};
use crate::hci::{
    registry,
    Device, //
};
use kernel::prelude::*;
use kernel_ext::hci::{
    Flag,
    Quirk, //
};
use kernel_ext::vec::VecExt;
use wire::{
    eir::{
        field,
        Builder, //
    },
    hci::CommandBit,
    mgmt::{
        ev,
        reply::{
            self,
            cap, //
        },
        NAME_LEN,
        REVISION,
        SHORT_NAME_LEN,
        VERSION, //
    }, //
};
use zerocopy::{
    little_endian::U16,
    IntoBytes, //
};

/// The events there are, for those who may see all.
const EVENTS: [u16; 44] = [
    ev::CONTROLLER_ERROR,
    ev::INDEX_ADDED,
    ev::INDEX_REMOVED,
    ev::NEW_SETTINGS,
    ev::CLASS_OF_DEV_CHANGED,
    ev::LOCAL_NAME_CHANGED,
    ev::NEW_LINK_KEY,
    ev::NEW_LONG_TERM_KEY,
    ev::DEVICE_CONNECTED,
    ev::DEVICE_DISCONNECTED,
    ev::CONNECT_FAILED,
    ev::PIN_CODE_REQUEST,
    ev::USER_CONFIRM_REQUEST,
    ev::USER_PASSKEY_REQUEST,
    ev::AUTH_FAILED,
    ev::DEVICE_FOUND,
    ev::DISCOVERING,
    ev::DEVICE_BLOCKED,
    ev::DEVICE_UNBLOCKED,
    ev::DEVICE_UNPAIRED,
    ev::PASSKEY_NOTIFY,
    ev::NEW_IRK,
    ev::NEW_CSRK,
    ev::DEVICE_ADDED,
    ev::DEVICE_REMOVED,
    ev::NEW_CONN_PARAM,
    ev::UNCONF_INDEX_ADDED,
    ev::UNCONF_INDEX_REMOVED,
    ev::NEW_CONFIG_OPTIONS,
    ev::EXT_INDEX_ADDED,
    ev::EXT_INDEX_REMOVED,
    ev::LOCAL_OOB_DATA_UPDATED,
    ev::ADVERTISING_ADDED,
    ev::ADVERTISING_REMOVED,
    ev::EXT_INFO_CHANGED,
    ev::PHY_CONFIGURATION_CHANGED,
    ev::EXP_FEATURE_CHANGED,
    ev::DEVICE_FLAGS_CHANGED,
    ev::ADV_MONITOR_ADDED,
    ev::ADV_MONITOR_REMOVED,
    ev::CONTROLLER_SUSPEND,
    ev::CONTROLLER_RESUME,
    ev::ADV_MONITOR_DEVICE_FOUND,
    ev::ADV_MONITOR_DEVICE_LOST,
];

/// The events that everybody may see.
const UNTRUSTED_EVENTS: [u16; 12] = [
    ev::INDEX_ADDED,
    ev::INDEX_REMOVED,
    ev::NEW_SETTINGS,
    ev::CLASS_OF_DEV_CHANGED,
    ev::LOCAL_NAME_CHANGED,
    ev::UNCONF_INDEX_ADDED,
    ev::UNCONF_INDEX_REMOVED,
    ev::NEW_CONFIG_OPTIONS,
    ev::EXT_INDEX_ADDED,
    ev::EXT_INDEX_REMOVED,
    ev::EXT_INFO_CHANGED,
    ev::EXP_FEATURE_CHANGED,
];

/// Greatest key size of the Security Manager, in bytes (Vol 3 Part H 2.3.4).
const SMP_MAX_KEY_SIZE: u16 = 16;

/// Read Version.
pub(super) fn version(call: &Call<'_>) -> Outcome {
    call.reply(&reply::Version {
        version: VERSION,
        revision: U16::new(REVISION),
    })
}

/// Read Commands.
pub(super) fn commands(call: &Call<'_>) -> Outcome {
    let events: &[u16] = if call.trusted {
        &EVENTS
    } else {
        &UNTRUSTED_EVENTS
    };
    let num_commands = table::numbers(call.trusted).count();
    let header = reply::CommandsHead {
        num_commands: count(num_commands),
        num_events: count(events.len()),
    };
    let mut reply = concat(&[header.as_bytes()])?;
    for number in table::numbers(call.trusted) {
        reply.append_all(&number.to_le_bytes())?;
    }
    for number in events {
        reply.append_all(&number.to_le_bytes())?;
    }
    call.complete(&reply)
}

fn count(n: usize) -> U16 {
    U16::new(u16::try_from(n).unwrap_or(u16::MAX))
}

/// The controllers that mgmt knows, as entries that `entry` makes.
fn list(
    call: &Call<'_>,
    entry: impl Fn(&Device, &mut Bytes) -> Result<bool>,
) -> Result<Bytes, super::call::Failure> {
    let mut entries = Bytes::new();
    let mut n = 0usize;
    for dev in registry::all()?.iter() {
        // Raw devices are neither configured nor unconfigured.
        if visible(dev) && !dev.quirk(Quirk::RAW_DEVICE) && entry(dev, &mut entries)? {
            n = n.saturating_add(1);
        }
    }
    let _ = call;
    Ok(concat(&[count(n).as_bytes(), &entries])?)
}

fn indices(call: &Call<'_>, unconfigured: bool) -> Outcome {
    let reply = list(call, |dev, out| {
        let wanted = dev.has(Flag::UNCONFIGURED) == unconfigured;
        if wanted {
            out.append_all(&dev.id().to_le_bytes())?;
        }
        Ok(wanted)
    })?;
    call.complete(&reply)
}

/// Read Controller Index List.
pub(super) fn index_list(call: &Call<'_>) -> Outcome {
    indices(call, false)
}

/// Read Unconfigured Controller Index List.
pub(super) fn unconfigured_index_list(call: &Call<'_>) -> Outcome {
    indices(call, true)
}

/// Read Extended Controller Index List.
pub(super) fn ext_index_list(call: &Call<'_>) -> Outcome {
    let reply = list(call, |dev, out| {
        let entry = reply::ExtIndex {
            index: U16::new(dev.id()),
            kind: dev.has(Flag::UNCONFIGURED).into(),
            bus: dev.bus(),
        };
        out.append_all(entry.as_bytes())?;
        Ok(true)
    })?;
    // Whoever asks once gets the extended index events from then on, and no others.
    call.set_flag(EventFlag::ExtIndex, true);
    call.set_flag(EventFlag::Index, false);
    call.set_flag(EventFlag::UnconfiguredIndex, false);
    call.complete(&reply)
}

/// Read Controller Information.
pub(super) fn controller(call: &Call<'_>) -> Outcome {
    let dev = call.dev()?;
    let info = call.info()?;
    let mut reply = reply::Info {
        bdaddr: info.bdaddr,
        version: info.hci_ver,
        manufacturer: U16::new(info.manufacturer),
        supported: caps::supported_settings(dev, &info),
        current: caps::current_settings(dev),
        class: [0; 3],
        name: [0; NAME_LEN],
        short_name: [0; SHORT_NAME_LEN],
    };
    {
        let state = dev.state();
        reply.class = state.class;
        copy(&mut reply.name, &state.name);
        copy(&mut reply.short_name, &state.short_name);
    }
    call.reply(&reply)
}

/// A name without its padding.
pub(super) fn up_to_nul(name: &[u8]) -> &[u8] {
    name.split(|&c| c == 0).next().unwrap_or(&[])
}

/// Copies as much as fits.
pub(super) fn copy(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

/// The fields of the extended information: class, appearance, names.
pub(super) fn ext_fields(dev: &Device) -> Builder<512> {
    let mut fields = Builder::new();
    let state = dev.state();
    // Each fits: the names are the longest, and shorter than half of the room.
    let mut _fits = true;
    if dev.has(Flag::BREDR_ENABLED) {
        _fits &= fields.push(field::CLASS_OF_DEVICE, &state.class);
    }
    if dev.has(Flag::LE_ENABLED) {
        _fits &= fields.push_u16(field::APPEARANCE, state.appearance);
    }
    _fits &= fields.push(field::NAME_COMPLETE, up_to_nul(&state.name));
    _fits &= fields.push(field::NAME_SHORT, up_to_nul(&state.short_name));
    fields
}

/// Read Extended Controller Information.
pub(super) fn ext_controller(call: &Call<'_>) -> Outcome {
    let dev = call.dev()?;
    let info = call.info()?;
    let fields = ext_fields(dev);
    let header = reply::ExtInfoHead {
        bdaddr: info.bdaddr,
        version: info.hci_ver,
        manufacturer: U16::new(info.manufacturer),
        supported: caps::supported_settings(dev, &info),
        current: caps::current_settings(dev),
        eir_len: count(fields.as_slice().len()),
    };
    // Whoever asks once gets the one extended event for class and name from then on.
    call.set_flag(EventFlag::ExtInfo, true);
    call.set_flag(EventFlag::DevClass, false);
    call.set_flag(EventFlag::LocalName, false);
    call.complete(&concat(&[header.as_bytes(), fields.as_slice()])?)
}

/// Read Controller Capabilities.
pub(super) fn capabilities(call: &Call<'_>) -> Outcome {
    /// Remote public keys are validated (BR/EDR, LE); the encryption key size is enforced
    /// (BR/EDR, LE).
    const KEYS_BREDR: u8 = 0x01;
    const KEYS_LE: u8 = 0x02;
    const KEY_SIZE_BREDR: u8 = 0x04;
    const KEY_SIZE_LE: u8 = 0x08;

    let info = call.info()?;
    let mut flags = KEYS_LE | KEY_SIZE_LE;
    let pairing_options = info.supports(CommandBit::READ_LOCAL_PAIRING_OPTIONS);
    if pairing_options {
        flags |= KEYS_BREDR;
    }
    if info.supports(CommandBit::READ_ENCRYPTION_KEY_SIZE) {
        flags |= KEY_SIZE_BREDR;
    }
    let mut caps = Builder::<64>::new();
    let mut _fits = caps.push_u8(cap::SEC_FLAGS, flags);
    if pairing_options {
        let size = u16::from(info.max_enc_key_size);
        _fits &= caps.push_u16(cap::MAX_ENC_KEY_SIZE, size);
    }
    _fits &= caps.push_u16(cap::SMP_MAX_ENC_KEY_SIZE, SMP_MAX_KEY_SIZE);
    if info.supports(CommandBit::LE_READ_TRANSMIT_POWER) {
        let ([min], [max]) = (
            info.min_le_tx_power.to_le_bytes(),
            info.max_le_tx_power.to_le_bytes(),
        );
        _fits &= caps.push(cap::LE_TX_PWR, &[min, max]);
    }
    let len = count(caps.as_slice().len());
    call.complete(&concat(&[len.as_bytes(), caps.as_slice()])?)
}
