// SPDX-License-Identifier: GPL-2.0

//! Advertising: Set Advertising, and instances added and removed.

use super::{
    call::{
        concat,
        Bytes,
        Call,
        Failure,
        Outcome, //
    },
    caps,
    channel::SocketId,
    connections,
    events,
    room::{
        Claim,
        Ticket, //
    },
    status_of, //
};
use crate::hci::{
    power,
    update::adv::{
        self,
        NewInstance, //
    },
    Device,
    Info,
    Session, //
};
use kernel::prelude::*;
use kernel_ext::hci::Flag;
use kernel_ext::vec::VecExt;
use wire::{
    eir::{
        field,
        is_well_formed, //
    },
    mgmt::{
        command::{
            AddAdvertising,
            AddAdvertisingHead,
            GetAdvSizeInfo,
            Mode,
            RemoveAdvertising, //
        },
        ev,
        event,
        op,
        reply,
        AdvFlags,
        MgmtStatus, //
    }, //
};
use zerocopy::{
    FromBytes,
    IntoBytes, //
};

/// Transmit power: the controller's choice, in dBm.
pub(super) const NO_PREFERENCE: i8 = 127;

/// Bytes of a field with a value of one byte.
const SMALL_FIELD: usize = 3;
/// Bytes of the appearance field.
const APPEARANCE_FIELD: usize = 4;

/// Advertising Added.
pub(super) fn added(dev: &Device, instance: u8, skip: Option<SocketId>) {
    let payload = event::Advertising { instance };
    events::trusted(dev, ev::ADVERTISING_ADDED, &payload, skip);
}

/// Advertising Removed.
pub(super) fn removed(dev: &Device, instance: u8, skip: Option<SocketId>) {
    let payload = event::Advertising { instance };
    events::trusted(dev, ev::ADVERTISING_REMOVED, &payload, skip);
}

/// Set Advertising.
pub(super) fn set(call: &Call<'_>, mode: &Mode) -> Outcome {
    const CONNECTABLE: u8 = 2;

    let dev = call.dev()?;
    caps::le(dev, &*call.info()?)?;
    if mode.value > CONNECTABLE {
        return Err(MgmtStatus::INVALID_PARAMS.into());
    }
    let (paused, scanning) = {
        let state = dev.state();
        (state.paused.advertising, state.le_scan_active)
    };
    if paused {
        return Err(MgmtStatus::BUSY.into());
    }
    let (on, connectable) = (mode.value != 0, mode.value == CONNECTABLE);
    let same =
        on == dev.has(Flag::ADVERTISING) && connectable == dev.has(Flag::ADVERTISING_CONNECTABLE);
    // Where the controller need not or must not be told now, it will be another time.
    if !power::is_powered(dev)
        || same
        || dev.has(Flag::MESH)
        || connections::any_le(dev)
        || (dev.has(Flag::LE_SCAN) && scanning)
    {
        if on {
            dev.state().adv.current = 0;
        }
        let changed = dev.set(Flag::ADVERTISING, on) != on;
        dev.set(Flag::ADVERTISING_CONNECTABLE, connectable);
        let answered = call.settings()?;
        if changed {
            events::new_settings(dev, call.skip());
        }
        return Ok(answered);
    }
    call.not_pending(&[op::SET_ADVERTISING, op::SET_LE])?;
    let ticket = call.listed()?;
    call.queue(ticket, move |session, ticket| {
        let dev = session.dev();
        dev.set(Flag::ADVERTISING_CONNECTABLE, connectable);
        adv::stop_turn(dev);
        if on {
            adv::start_instance0(session);
        } else {
            let _ = adv::disable(session);
        }
        let Some(claim) = ticket.claim() else { return };
        // Whether it worked is what the controller does now.
        dev.set(Flag::ADVERTISING, dev.has(Flag::LE_ADV));
        claim.settings(dev);
        events::new_settings(dev, claim.skip());
        go_on_with_instances(session);
    })
}

/// Set Advertising is off again: the instances, if there are any, have their turns again.
fn go_on_with_instances(session: &Session<'_>) {
    let dev = session.dev();
    if dev.has(Flag::ADVERTISING) {
        return;
    }
    let next = {
        let state = dev.state();
        match state.adv.current {
            0 => state.adv.iter().next().map(|i| i.number),
            current => Some(current),
        }
    };
    if let Some(instance) = next.filter(|_| !dev.state().adv.is_empty()) {
        if let Err(e) = adv::schedule(session, instance, true) {
            let e: Error = e.into();
            pr_err!(
                "{}: failed to re-configure advertising {}\n",
                dev.name(),
                e.to_errno()
            );
        }
    }
}

/// Read Advertising Features.
pub(super) fn features(call: &Call<'_>) -> Outcome {
    let dev = call.dev()?;
    let info = call.info()?;
    if !info.le_capable() {
        return Err(MgmtStatus::REJECTED.into());
    }
    let mut numbers = Bytes::new();
    {
        let state = dev.state();
        let count = state.adv.count();
        for i in state.adv.iter() {
            // As ever: those with higher numbers than there are instances are not shown.
            if usize::from(i.number) <= count {
                numbers.append(i.number)?;
            }
        }
    }
    let max = max_len(&info);
    let head = reply::AdvFeaturesHead {
        supported: caps::adv_flags(dev, &info),
        max_adv_data_len: max,
        max_scan_rsp_len: max,
        max_instances: info.le_adv_sets,
        num_instances: u8::try_from(numbers.len()).unwrap_or(u8::MAX),
    };
    call.complete(&concat(&[head.as_bytes(), &numbers])?)
}

fn max_len(info: &Info) -> u8 {
    let max = adv::max_data_len(info.le_features.ext_advertising());
    u8::try_from(max).unwrap_or(u8::MAX)
}

/// Bytes that user space may give: what the kernel adds needs room, too.
fn room_for(dev: &Device, info: &Info, flags: AdvFlags, is_adv_data: bool) -> usize {
    let mut taken = 0usize;
    if is_adv_data {
        if flags.intersects(managed_flags()) {
            taken = taken.saturating_add(SMALL_FIELD);
        }
        if flags.contains(AdvFlags::TX_POWER) {
            taken = taken.saturating_add(SMALL_FIELD);
        }
    } else {
        if flags.contains(AdvFlags::LOCAL_NAME) {
            taken = taken.saturating_add(adv::name_field_len(&dev.state()));
        }
        if flags.contains(AdvFlags::APPEARANCE) {
            taken = taken.saturating_add(APPEARANCE_FIELD);
        }
    }
    usize::from(max_len(info)).saturating_sub(taken)
}

/// Flags with which the kernel adds the Flags field.
fn managed_flags() -> AdvFlags {
    AdvFlags::DISCOVERABLE | AdvFlags::LIMITED_DISCOVERABLE | AdvFlags::MANAGED_FLAGS
}

/// The room for advertising data and for scan response data, as replies tell it.
pub(super) fn rooms(dev: &Device, info: &Info, flags: AdvFlags) -> (u8, u8) {
    let room = |adv| u8::try_from(room_for(dev, info, flags, adv)).unwrap_or(u8::MAX);
    (room(true), room(false))
}

/// Whether user space gave whole fields, and none that the kernel adds.
fn data_is_valid(
    dev: &Device,
    info: &Info,
    flags: AdvFlags,
    data: &[u8],
    is_adv_data: bool,
) -> bool {
    data.len() <= room_for(dev, info, flags, is_adv_data)
        && is_well_formed(data, |f| match f.kind {
            field::FLAGS => is_adv_data && !flags.intersects(managed_flags()),
            field::TX_POWER => !flags.contains(AdvFlags::TX_POWER),
            field::NAME_COMPLETE | field::NAME_SHORT => !flags.contains(AdvFlags::LOCAL_NAME),
            field::APPEARANCE => !flags.contains(AdvFlags::APPEARANCE),
            _ => true,
        })
}

/// Fails unless both kinds of data are valid.
pub(super) fn check_data(
    dev: &Device,
    info: &Info,
    flags: AdvFlags,
    adv_data: &[u8],
    scan_rsp: &[u8],
) -> Result<(), Failure> {
    if data_is_valid(dev, info, flags, adv_data, true)
        && data_is_valid(dev, info, flags, scan_rsp, false)
    {
        Ok(())
    } else {
        Err(MgmtStatus::INVALID_PARAMS.into())
    }
}

/// Fails unless all flags are supported, and at most one chooses a PHY.
pub(super) fn check_flags(dev: &Device, info: &Info, flags: AdvFlags) -> Result<(), Failure> {
    let phys = (flags & AdvFlags::SECONDARY_MASK).bits().count_ones();
    if caps::adv_flags(dev, info).contains(flags) && phys <= 1 {
        Ok(())
    } else {
        Err(MgmtStatus::INVALID_PARAMS.into())
    }
}

/// Fails unless the controller can have an instance of that number.
pub(super) fn check_number(info: &Info, instance: u8) -> Result<(), Failure> {
    if (1..=info.le_adv_sets).contains(&instance) {
        Ok(())
    } else {
        Err(MgmtStatus::INVALID_PARAMS.into())
    }
}

/// An instance was given other contents: who is to be advertised now, if that changes.
pub(super) fn next_after_change(dev: &Device, instance: u8) -> Option<u8> {
    let (current, next, has_turn) = {
        let state = dev.state();
        let next = state.adv.next_turn(instance);
        (state.adv.current, next, state.adv.has_turn())
    };
    if current == instance {
        // Its turn is over; alone, it gets the next one, with what it tells now.
        adv::stop_turn(dev);
        next
    } else {
        (!has_turn).then_some(instance)
    }
}

/// Instances that a command added are there for good, or go again if it failed.
pub(super) fn settle_pending(dev: &Device, claim: &Claim, ok: bool) {
    loop {
        let number = {
            let mut state = dev.state();
            let pending = state.adv.iter().find(|i| i.pending).map(|i| i.number);
            if let (true, Some(number)) = (ok, pending) {
                if let Some(i) = state.adv.find_mut(number) {
                    i.pending = false;
                }
            }
            pending
        };
        match number {
            None => break,
            Some(_) if ok => {}
            Some(number) => {
                if !adv::drop_instance(dev, number) {
                    break;
                }
                removed(dev, number, claim.skip());
            }
        }
    }
}

/// Add Advertising.
pub(super) fn add(call: &Call<'_>, params: &[u8]) -> Outcome {
    let dev = call.dev()?;
    let info = call.info()?;
    caps::le(dev, &info)?;
    let (head, _) =
        AddAdvertisingHead::ref_from_prefix(params).map_err(|_| MgmtStatus::INVALID_PARAMS)?;
    let (instance, flags) = (head.instance, head.flags);
    check_number(&info, instance)?;
    let params = AddAdvertising::parse(params)?;
    check_flags(dev, &info, flags)?;
    let powered = power::is_powered(dev);
    if head.timeout.get() != 0 && !powered {
        return Err(MgmtStatus::REJECTED.into());
    }
    call.not_pending(&[op::SET_LE])?;
    check_data(dev, &info, flags, params.adv_data, params.scan_rsp)?;

    let is_new = {
        let mut state = dev.state();
        let before = state.adv.count();
        let d = state.defaults;
        let new = NewInstance {
            number: instance,
            flags,
            adv_data: params.adv_data,
            scan_rsp: params.scan_rsp,
            timeout: head.timeout.get(),
            duration: head.duration.get(),
            tx_power: NO_PREFERENCE,
            min_interval: d.le_adv_min_interval.into(),
            max_interval: d.le_adv_max_interval.into(),
            mesh: false,
        };
        state
            .adv
            .add(&new, info.le_adv_sets, d.multi_adv_rotation)
            .map_err(|_| MgmtStatus::FAILED)?;
        state.adv.count() > before
    };
    if is_new {
        added(dev, instance, call.skip());
    }
    let next = next_after_change(dev, instance);
    let reply = reply::Advertising { instance };
    let Some(next) = next.filter(|_| powered && !dev.has(Flag::ADVERTISING)) else {
        return call.reply(&reply);
    };
    let ticket = call.unlisted()?;
    call.queue(ticket, move |session, ticket| {
        let result = adv::schedule(session, next, true);
        finish(session, ticket, next, result.map_err(Error::from));
    })
}

/// Answers a command that had an instance advertised.
pub(super) fn finish(session: &Session<'_>, ticket: Ticket, instance: u8, result: Result) {
    let Some(claim) = ticket.claim() else { return };
    match result {
        Ok(()) => {
            let reply = reply::Advertising { instance };
            claim.complete(MgmtStatus::SUCCESS, reply.as_bytes());
        }
        Err(e) => claim.status(status_of(e)),
    }
    settle_pending(session.dev(), &claim, result.is_ok());
}

/// Remove Advertising; all instances for 0.
pub(super) fn remove(call: &Call<'_>, params: &RemoveAdvertising) -> Outcome {
    let dev = call.dev()?;
    let instance = params.instance;
    let known = instance == 0 || dev.state().adv.find(instance).is_some();
    if !known {
        return Err(MgmtStatus::INVALID_PARAMS.into());
    }
    call.not_pending(&[op::SET_LE])?;
    if dev.state().adv.is_empty() {
        return Err(MgmtStatus::INVALID_PARAMS.into());
    }
    let ticket = call.unlisted()?;
    let socket = call.origin.id;
    call.queue(ticket, move |session, ticket| {
        let room = ticket.room().clone();
        let result = room.acting(socket, || adv::remove(session, instance));
        let Some(claim) = ticket.claim() else { return };
        match result {
            Ok(()) => {
                let reply = reply::Advertising { instance };
                claim.complete(MgmtStatus::SUCCESS, reply.as_bytes());
            }
            Err(e) => claim.status(status_of(e)),
        }
    })
}

/// Get Advertising Size Information.
pub(super) fn size(call: &Call<'_>, params: &GetAdvSizeInfo) -> Outcome {
    let dev = call.dev()?;
    let info = call.info()?;
    if !info.le_capable() {
        return Err(MgmtStatus::REJECTED.into());
    }
    check_number(&info, params.instance)?;
    if !caps::adv_flags(dev, &info).contains(params.flags) {
        return Err(MgmtStatus::INVALID_PARAMS.into());
    }
    let (max_adv_data_len, max_scan_rsp_len) = rooms(dev, &info, params.flags);
    call.reply(&reply::AdvSizeInfo {
        instance: params.instance,
        flags: params.flags,
        max_adv_data_len,
        max_scan_rsp_len,
    })
}
