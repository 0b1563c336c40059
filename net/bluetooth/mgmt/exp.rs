// SPDX-License-Identifier: GPL-2.0

//! Experimental features.

use super::{
    call::{
        concat,
        Call,
        Failure,
        Outcome, //
    },
    caps,
    channel::EventFlag,
    events, //
};
use kernel::prelude::*;
use kernel_ext::hci::Flag;
use kernel_ext::vec::VecExt;
use wire::{
    mgmt::{
        command::SetExpFeature,
        ev,
        reply,
        ExpFeature,
        MgmtStatus, //
    },
    uuid::Uuid128, //
};
use zerocopy::{
    little_endian::{
        U16,
        U32, //
    },
    IntoBytes, //
};

/// Switches all features of an index off at once.
const DISABLE_ALL: Uuid128 = Uuid128::ANY;
const QUALITY_REPORT: Uuid128 = Uuid128::from_u128(0x330859bc_7506_492d_9370_9a6f0614037f);
const OFFLOAD_CODECS: Uuid128 = Uuid128::from_u128(0xa6695ace_ee7f_4fb9_881a_5fac66c629af);
const SIMULTANEOUS_ROLES: Uuid128 = Uuid128::from_u128(0x671b10b5_42c0_4696_9227_eb28d1b049d6);
const ISO_SOCKET: Uuid128 = Uuid128::from_u128(0x6fbaf188_05e0_496a_9885_d6ddfdb4e03e);
const MESH: Uuid128 = Uuid128::from_u128(0x2ce463d7_7a03_4d8d_bf05_5f24e8f36e76);

/// Flag of a feature: it is on.
const ON: u32 = 1;

fn feature(uuid: Uuid128, on: bool) -> ExpFeature {
    ExpFeature {
        uuid,
        flags: U32::new(if on { ON } else { 0 }),
    }
}

/// Read Experimental Features Information.
pub(super) fn read(call: &Call<'_>) -> Outcome {
    let mut list = super::call::Bytes::new();
    let mut count: u16 = 0;
    let mut add = |uuid, on| -> Result {
        list.append_all(feature(uuid, on).as_bytes())?;
        count = count.saturating_add(1);
        Ok(())
    };
    let dev = call.dev.as_deref();
    let info = match dev {
        Some(dev) => Some(dev.info()?),
        None => None,
    };
    if let (Some(dev), Some(info)) = (dev, &info) {
        if caps::simultaneous_roles(dev, info) {
            add(SIMULTANEOUS_ROLES, dev.has(Flag::LE_SIMULTANEOUS_ROLES))?;
        }
        if dev.capabilities().set_quality_report {
            add(QUALITY_REPORT, dev.has(Flag::QUALITY_REPORT))?;
        }
        if dev.capabilities().get_data_path_id {
            add(OFFLOAD_CODECS, dev.has(Flag::OFFLOAD_CODECS_ENABLED))?;
        }
    }
    // ISO sockets are not there yet.
    add(ISO_SOCKET, false)?;
    if let (Some(dev), Some(info)) = (dev, &info) {
        if info.le_capable() {
            add(MESH, dev.has(Flag::MESH_EXPERIMENTAL))?;
        }
    }
    // Whoever asked is told of changes from now on.
    call.set_flag(EventFlag::ExpFeature, true);
    let head = reply::ExpFeaturesHead {
        count: U16::new(count),
    };
    call.complete(&concat(&[head.as_bytes(), &list])?)
}

/// Answers with the feature as it is now, and tells the others if it changed.
fn answer(call: &Call<'_>, uuid: Uuid128, on: bool, changed: bool) -> Outcome {
    let payload = feature(uuid, on);
    call.set_flag(EventFlag::ExpFeature, true);
    let answered = call.reply(&payload);
    if changed {
        events::send_index(
            call.index,
            ev::EXP_FEATURE_CHANGED,
            payload.as_bytes(),
            EventFlag::ExpFeature,
            call.skip(),
        );
    }
    answered
}

/// The value of a feature that is on or off.
fn value(param: &[u8]) -> Result<bool, Failure> {
    match param {
        [0] => Ok(false),
        [1] => Ok(true),
        _ => Err(MgmtStatus::INVALID_PARAMS.into()),
    }
}

/// Set Experimental Feature.
pub(super) fn set(call: &Call<'_>, params: &[u8]) -> Outcome {
    let params = SetExpFeature::parse(params)?;
    match *params.uuid {
        DISABLE_ALL => answer(call, DISABLE_ALL, false, false),
        ISO_SOCKET => {
            if call.dev.is_some() {
                return Err(MgmtStatus::INVALID_INDEX.into());
            }
            value(params.param)?;
            Err(MgmtStatus::NOT_SUPPORTED.into())
        }
        MESH => {
            let dev = call.dev()?;
            let on = value(params.param)?;
            if !on {
                dev.set(Flag::MESH, false);
            }
            let changed = dev.set(Flag::MESH_EXPERIMENTAL, on) != on;
            answer(call, MESH, on, changed)
        }
        QUALITY_REPORT => {
            let dev = call.dev()?;
            let on = value(params.param)?;
            if !dev.capabilities().set_quality_report {
                return Err(MgmtStatus::NOT_SUPPORTED.into());
            }
            let changed = dev.has(Flag::QUALITY_REPORT) != on;
            if changed {
                let lock = dev.req_lock();
                if !matches!(lock.set_quality_report(on), Some(Ok(()))) {
                    return Err(MgmtStatus::FAILED.into());
                }
                dev.set(Flag::QUALITY_REPORT, on);
            }
            answer(call, QUALITY_REPORT, on, changed)
        }
        OFFLOAD_CODECS => {
            let dev = call.dev()?;
            let on = value(params.param)?;
            if !dev.capabilities().get_data_path_id {
                return Err(MgmtStatus::NOT_SUPPORTED.into());
            }
            let changed = dev.set(Flag::OFFLOAD_CODECS_ENABLED, on) != on;
            answer(call, OFFLOAD_CODECS, on, changed)
        }
        SIMULTANEOUS_ROLES => {
            let dev = call.dev()?;
            let on = value(params.param)?;
            if !caps::simultaneous_roles(dev, &*call.info()?) {
                return Err(MgmtStatus::NOT_SUPPORTED.into());
            }
            let changed = dev.set(Flag::LE_SIMULTANEOUS_ROLES, on) != on;
            answer(call, SIMULTANEOUS_ROLES, on, changed)
        }
        _ => Err(MgmtStatus::NOT_SUPPORTED.into()),
    }
}
