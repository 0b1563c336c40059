// SPDX-License-Identifier: GPL-2.0

//! How the controller introduces itself: name, class, services, identity, appearance.

use super::{
    call::{
        background,
        Call,
        Failure,
        Outcome, //
    },
    events,
    info::copy,
    room::Ticket,
    status_of,
    timers, //
};
use crate::hci::{
    power,
    update,
    Device,
    DeviceId,
    ServiceUuid,
    Session, //
};
use kernel::prelude::*;
use kernel_ext::hci::Flag;
use kernel_ext::vec::VecExt;
use wire::mgmt::{
    command::{
        AddUuid,
        RemoveUuid,
        SetAppearance,
        SetDeviceClass,
        SetDeviceId,
        SetLocalName, //
    },
    op,
    AdvFlags,
    MgmtStatus, //
};

/// Commands that write class or EIR: one at a time, or nobody knows what the values will be.
const WRITE_CLASS_OR_EIR: [u16; 5] = [
    op::ADD_UUID,
    op::REMOVE_UUID,
    op::SET_DEV_CLASS,
    op::SET_LOCAL_NAME,
    op::SET_POWERED,
];

/// Services that a controller keeps; the extended inquiry response holds far fewer.
const MAX_UUIDS: usize = 1024;

fn class_of(dev: &Device) -> [u8; 3] {
    dev.state().class
}

/// Answers with the class that the controller has now.
fn answer_class(session: &Session<'_>, ticket: Ticket, result: update::Outcome) {
    let class = class_of(session.dev());
    if let Some(claim) = ticket.claim() {
        let status = result.err().map_or(MgmtStatus::SUCCESS, status_of);
        claim.complete(status, &class);
    }
}

fn services_changed(session: &Session<'_>, ticket: Ticket) {
    let result = update::class(session).and_then(|()| update::eir(session));
    answer_class(session, ticket, result);
}

/// Add UUID.
pub(super) fn add_uuid(call: &Call<'_>, params: &AddUuid) -> Outcome {
    let dev = call.dev()?;
    call.not_pending(&WRITE_CLASS_OR_EIR)?;
    {
        let mut state = dev.state();
        if state.uuids.len() >= MAX_UUIDS {
            return Err(Failure::Errno(ENOMEM));
        }
        state.uuids.append(ServiceUuid {
            uuid: params.uuid.0,
            svc_hint: params.service_hint,
        })?;
    }
    call.submit(call.unlisted()?, services_changed)
}

/// Remove UUID.
pub(super) fn remove_uuid(call: &Call<'_>, params: &RemoveUuid) -> Outcome {
    let dev = call.dev()?;
    call.not_pending(&WRITE_CLASS_OR_EIR)?;
    if params.uuid.is_any() {
        dev.state().uuids.clear();
        // Usually the services are about to be added anew: wait a little before telling.
        if power::is_powered(dev) && !dev.set(Flag::SERVICE_CACHE, true) {
            timers::start_service_cache(call.room()?);
            return call.complete(&class_of(dev));
        }
    } else {
        let mut state = dev.state();
        let before = state.uuids.len();
        state.uuids.keep(|u| u.uuid != params.uuid.0);
        if state.uuids.len() == before {
            return Err(MgmtStatus::INVALID_PARAMS.into());
        }
    }
    call.submit(call.unlisted()?, services_changed)
}

/// Set Device Class.
pub(super) fn set_dev_class(call: &Call<'_>, params: &SetDeviceClass) -> Outcome {
    /// Bits of the class that are not part of the major or minor class.
    const NOT_MAJOR: u8 = 0xe0;
    const NOT_MINOR: u8 = 0x03;

    let dev = call.dev()?;
    if !call.info()?.bredr_capable() {
        return Err(MgmtStatus::NOT_SUPPORTED.into());
    }
    call.not_pending(&WRITE_CLASS_OR_EIR)?;
    if params.minor & NOT_MINOR != 0 || params.major & NOT_MAJOR != 0 {
        return Err(MgmtStatus::INVALID_PARAMS.into());
    }
    {
        let mut state = dev.state();
        state.major_class = params.major;
        state.minor_class = params.minor;
    }
    if !power::is_powered(dev) {
        return call.complete(&class_of(dev));
    }
    call.submit(call.unlisted()?, |session, ticket| {
        let mut result = Ok(());
        if session.dev().set(Flag::SERVICE_CACHE, false) {
            timers::stop_service_cache(ticket.room());
            result = update::eir(session);
        }
        let result = result.and_then(|()| update::class(session));
        answer_class(session, ticket, result);
    })
}

/// Set Local Name.
pub(super) fn set_local_name(call: &Call<'_>, params: &SetLocalName) -> Outcome {
    let dev = call.dev()?;
    let powered = power::is_powered(dev);
    {
        let mut state = dev.state();
        let same = params.name.starts_with(&state.name)
            && params.short_name.starts_with(&state.short_name);
        if same {
            drop(state);
            return call.complete(call.params);
        }
        if !powered {
            copy(&mut state.short_name, &params.short_name);
            copy(&mut state.name, &params.name);
        }
    }
    if !powered {
        let answered = call.complete(call.params)?;
        events::name_changed(dev, call.skip());
        return Ok(answered);
    }
    call.not_pending(&WRITE_CLASS_OR_EIR)?;
    let ticket = call.listed()?;
    {
        let mut state = dev.state();
        copy(&mut state.short_name, &params.short_name);
        copy(&mut state.name, &params.name);
    }
    call.queue_or(ticket, MgmtStatus::FAILED, |session, ticket| {
        let dev = session.dev();
        let Ok(info) = dev.info() else { return };
        if info.bredr_capable() {
            let _ = update::name(session);
            let _ = update::eir(session);
        }
        // The name is in the scan response, so the advertising data stay as they are.
        if info.le_capable() && dev.has(Flag::ADVERTISING) {
            let _ = update::adv::update_current_scan_rsp(session);
        }
        let Some(claim) = ticket.claim() else { return };
        claim.complete(MgmtStatus::SUCCESS, &claim.params);
        if dev.has(Flag::LE_ADV) {
            let _ = update::adv::rotate_if(session, AdvFlags::LOCAL_NAME);
        }
    })
}

/// Set Appearance.
pub(super) fn set_appearance(call: &Call<'_>, params: &SetAppearance) -> Outcome {
    let dev = call.dev()?;
    if !call.info()?.le_capable() {
        return Err(MgmtStatus::NOT_SUPPORTED.into());
    }
    let appearance = params.appearance.get();
    let old = core::mem::replace(&mut dev.state().appearance, appearance);
    if old != appearance {
        if dev.has(Flag::LE_ADV) {
            background(dev, |session| {
                let _ = update::adv::rotate_if(session, AdvFlags::APPEARANCE);
            });
        }
        events::ext_info_changed(dev, call.skip());
    }
    call.done()
}

/// Set Device ID.
pub(super) fn set_device_id(call: &Call<'_>, params: &SetDeviceId) -> Outcome {
    /// Vendor numbers of the USB forum; there are no others yet.
    const LAST_SOURCE: u16 = 2;

    let dev = call.dev()?;
    let source = params.source.get();
    if source > LAST_SOURCE {
        return Err(MgmtStatus::INVALID_PARAMS.into());
    }
    dev.state().device_id = DeviceId {
        source,
        vendor: params.vendor.get(),
        product: params.product.get(),
        version: params.version.get(),
    };
    let answered = call.done();
    background(dev, |session| {
        let _ = update::eir(session);
    });
    answered
}
