// SPDX-License-Identifier: GPL-2.0

//! Advertising instances added in two steps: parameters, then data.

use super::{
    advertising::{
        self,
        check_data,
        check_flags,
        check_number,
        finish,
        next_after_change,
        rooms,
        NO_PREFERENCE, //
    },
    call::{
        Call,
        Failure,
        Outcome, //
    },
    caps,
    status_of, //
};
use crate::hci::{
    power,
    update::adv::{
        self,
        NewInstance, //
    },
    Session, //
};
use kernel::prelude::*;
use kernel_ext::hci::Flag;
use wire::mgmt::{
    command::{
        AddExtAdvData,
        AddExtAdvParams,
        AddExtAdvParamsHead, //
    },
    op,
    reply,
    AdvFlags,
    MgmtStatus, //
};
use zerocopy::IntoBytes;

/// Add Extended Advertising Parameters.
pub(super) fn add_params(call: &Call<'_>, params: &[u8]) -> Outcome {
    let dev = call.dev()?;
    let info = call.info()?;
    caps::le(dev, &info)?;
    let instance = params.first().copied().unwrap_or(0);
    check_number(&info, instance)?;
    let params: &AddExtAdvParamsHead = AddExtAdvParams::parse(params)?.head;
    let flags = params.flags;
    check_flags(dev, &info, flags)?;
    if !power::is_powered(dev) {
        return Err(MgmtStatus::REJECTED.into());
    }
    call.not_pending(&[op::SET_LE])?;
    {
        let mut state = dev.state();
        let d = state.defaults;
        // What the flags do not announce is the default's.
        let intervals = flags.contains(AdvFlags::PARAM_INTERVALS);
        let new = NewInstance {
            number: instance,
            flags,
            adv_data: &[],
            scan_rsp: &[],
            timeout: if flags.contains(AdvFlags::PARAM_TIMEOUT) {
                params.timeout.get()
            } else {
                0
            },
            duration: if flags.contains(AdvFlags::PARAM_DURATION) {
                params.duration.get()
            } else {
                d.multi_adv_rotation
            },
            tx_power: if flags.contains(AdvFlags::PARAM_TX_POWER) {
                params.tx_power
            } else {
                NO_PREFERENCE
            },
            min_interval: if intervals {
                params.min_interval.get()
            } else {
                d.le_adv_min_interval.into()
            },
            max_interval: if intervals {
                params.max_interval.get()
            } else {
                d.le_adv_max_interval.into()
            },
            mesh: false,
        };
        state
            .adv
            .add(&new, info.le_adv_sets, d.multi_adv_rotation)
            .map_err(|_| MgmtStatus::FAILED)?;
    }
    let (max_adv_data_len, max_scan_rsp_len) = rooms(dev, &info, flags);
    let mut reply = reply::ExtAdvParams {
        instance,
        tx_power: NO_PREFERENCE,
        max_adv_data_len,
        max_scan_rsp_len,
    };
    if !info.le_features.ext_advertising() {
        return call.reply(&reply);
    }
    let ticket = call.unlisted().inspect_err(|_| {
        adv::drop_instance(dev, instance);
    })?;
    call.queue(ticket, move |session, ticket| {
        let dev = session.dev();
        let result = adv::set_up(session, instance);
        let Some(claim) = ticket.claim() else { return };
        let found = {
            let state = dev.state();
            state.adv.find(instance).map(|i| (i.tx_power, i.pending))
        };
        let Some((tx_power, pending)) = found else {
            // Removed meanwhile; the command comes to nothing.
            return claim.status(MgmtStatus::CANCELLED);
        };
        match result {
            Ok(()) => {
                reply.tx_power = tx_power;
                claim.complete(MgmtStatus::SUCCESS, reply.as_bytes());
            }
            Err(e) => {
                // It was advertised before, and is not any more.
                if !pending {
                    advertising::removed(dev, instance, claim.skip());
                }
                adv::drop_instance(dev, instance);
                claim.status(status_of(e));
            }
        }
    })
}

/// Advertises an instance whose set is there already.
fn advertise(session: &Session<'_>, instance: u8, next: u8) -> Result {
    if session.dev().info()?.le_features.ext_advertising() {
        adv::update_data_of(session, instance)?;
        adv::update_scan_rsp_of(session, instance)?;
        adv::enable_set(session, instance)?;
    } else {
        adv::schedule(session, next, true)?;
    }
    Ok(())
}

/// Add Extended Advertising Data.
pub(super) fn add_data(call: &Call<'_>, params: &[u8]) -> Outcome {
    let dev = call.dev()?;
    let info = call.info()?;
    let params = AddExtAdvData::parse(params)?;
    let instance = params.instance;
    let (flags, pending) = {
        let state = dev.state();
        let found = state.adv.find(instance);
        found
            .map(|i| (i.flags, i.pending))
            .ok_or(MgmtStatus::INVALID_PARAMS)?
    };
    // Without valid data, there is nothing to advertise, and the parameters go, too.
    let refuse = |failure: Failure| {
        adv::drop_instance(dev, instance);
        failure
    };
    if !power::is_powered(dev) {
        return Err(refuse(MgmtStatus::REJECTED.into()));
    }
    call.not_pending(&[op::SET_LE]).map_err(refuse)?;
    check_data(dev, &info, flags, params.adv_data, params.scan_rsp).map_err(refuse)?;
    let stored = match dev.state().adv.find_mut(instance) {
        Some(i) => i.set_data(params.adv_data, params.scan_rsp),
        None => Err(ENOENT),
    };
    stored.map_err(|e| refuse(e.into()))?;

    let next = next_after_change(dev, instance);
    let Some(next) = next.filter(|_| !dev.has(Flag::ADVERTISING)) else {
        if pending {
            advertising::added(dev, instance, call.skip());
            if let Some(i) = dev.state().adv.find_mut(instance) {
                i.pending = false;
            }
        }
        return call.reply(&reply::Advertising { instance });
    };
    let ticket = call.unlisted()?;
    let answered = call
        .queue(ticket, move |session, ticket| {
            let result = advertise(session, instance, next);
            finish(session, ticket, instance, result);
        })
        .map_err(refuse)?;
    // Should it fail after all, it is removed again.
    if pending {
        advertising::added(dev, instance, call.skip());
    }
    Ok(answered)
}
