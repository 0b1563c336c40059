// SPDX-License-Identifier: GPL-2.0

//! Advertising: what mgmt's Set Advertising wants (instance 0) and what Add Advertising added
//! (the others), by the legacy commands or, on controllers that have them, by the extended ones
//! (7.8.5 to 7.8.9, 7.8.52 to 7.8.60).
//!
//! With the legacy commands one instance is advertised at a time, and they take turns
//! ([`rotation`]). With the extended ones each is an advertising set of its own ([`ext`]).

mod data;
mod ext;
mod instance;
mod rotation;

pub(crate) use data::{
    name_field_len,
    update_data_of,
    update_scan_rsp_of, //
};
pub(crate) use ext::{
    enable_set,
    note_cleared,
    note_enabled,
    note_removed,
    note_set_address,
    note_set_power,
    remove_set,
    set_up,
    terminated, //
};
pub(crate) use instance::{
    Advertising,
    NewInstance, //
};
pub(crate) use rotation::{
    clear_instances,
    drop_instance,
    end_mesh,
    expired,
    remove,
    rotate_if,
    schedule,
    start_mesh,
    stop_turn, //
};

use super::{
    address::{
        self,
        Privacy, //
    },
    tried,
    Can,
    Device,
    Outcome,
    Session, //
};
use crate::hci::{
    link,
    Peer, //
};
use kernel::prelude::*;
use kernel_ext::hci::Flag;
use wire::{
    hci::{
        le_adv::{
            LeClearAdvSets,
            LeSetAdvEnable,
            LeSetAdvParams, //
        },
        LeAddrType, //
    },
    mgmt::AdvFlags,
    BdAddr, //
};

/// Types of legacy advertising that are used here (7.8.5).
const ADV_IND: u8 = 0x00;
const ADV_SCAN_IND: u8 = 0x02;
const ADV_NONCONN_IND: u8 = 0x03;
/// Interval of advertising that nobody can connect to, 100 ms to 150 ms in units of 0.625 ms.
const FAST_INTERVAL: (u16, u16) = (0x00a0, 0x00f0);

/// Greatest length of advertising data that the controller takes, in bytes.
pub(crate) fn max_data_len(ext: bool) -> usize {
    use wire::hci::le_adv::{
        EXT_AD_LEN,
        LEGACY_AD_LEN, //
    };
    if ext {
        EXT_AD_LEN
    } else {
        LEGACY_AD_LEN
    }
}

/// How an instance is advertised. Instance 0 goes by the controller's settings.
fn flags_of(dev: &Device, instance: u8) -> AdvFlags {
    if instance != 0 {
        let state = dev.state();
        return state
            .adv
            .find(instance)
            .map_or(AdvFlags::EMPTY, |i| i.flags);
    }
    let mut flags = AdvFlags::TX_POWER.with(AdvFlags::MANAGED_FLAGS).with_if(
        AdvFlags::CONNECTABLE,
        dev.has(Flag::ADVERTISING_CONNECTABLE),
    );
    if dev.has(Flag::LIMITED_DISCOVERABLE) {
        flags |= AdvFlags::LIMITED_DISCOVERABLE;
    } else if dev.has(Flag::DISCOVERABLE) {
        flags |= AdvFlags::DISCOVERABLE;
    }
    flags
}

/// Whether peers may connect: the instance says so, or Set Connectable did.
fn is_connectable(dev: &Device, flags: AdvFlags) -> bool {
    flags.contains(AdvFlags::CONNECTABLE) || dev.has(Flag::CONNECTABLE)
}

/// Whether an instance answers to scanners.
fn is_scannable(dev: &Device, instance: u8) -> bool {
    if instance == 0 {
        // There is a name to tell.
        return true;
    }
    let state = dev.state();
    state.adv.find(instance).is_some_and(|i| {
        i.flags
            .intersects(AdvFlags::APPEARANCE | AdvFlags::LOCAL_NAME)
            || !i.scan_rsp.is_empty()
    })
}

/// Which address to advertise with.
fn privacy(dev: &Device, flags: AdvFlags, connectable: bool) -> Privacy {
    // Limited privacy: who is discoverable and bondable shows its identity.
    let shown = dev.has(Flag::LIMITED_PRIVACY)
        && flags.contains(AdvFlags::DISCOVERABLE)
        && dev.has(Flag::BONDABLE);
    if dev.has(Flag::PRIVACY) && !shown {
        Privacy::Resolvable
    } else if connectable {
        Privacy::None
    } else {
        Privacy::Unresolvable
    }
}

/// Whether the controller can advertise beside the LE links there are (7.8.27).
fn allowed(dev: &Device, connectable: bool) -> Result<bool> {
    if dev.link_count() == 0 {
        return Ok(true);
    }
    let states = dev.info()?.le_states;
    let has = |bits: &[u32]| bits.iter().all(|bit| states & 1u64.wrapping_shl(*bit) != 0);
    let links = link::snapshot(dev, link::MAX_LINKS)?;
    Ok(links
        .iter()
        .filter(|l| l.peer.kind.is_le())
        .all(|l| match (l.is_central(), connectable) {
            (true, true) => has(&[35, 19]),
            // The C stack takes bit 17 for it; what was made for that goes on.
            (true, false) => has(&[18]) || has(&[17]),
            (false, true) => has(&[38, 21]),
            (false, false) => has(&[20]),
        }))
}

fn is_ext(dev: &Device) -> Result<bool> {
    Ok(Can::of(dev)?.ext_advertising())
}

/// Sets the advertising data of instance 0, if that is other than the controller has.
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn update_data(session: &Session<'_>) -> Outcome {
    update_data_of(session, 0)
}

/// Sets the advertising data of the instance that is advertised now.
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn update_current_data(session: &Session<'_>) -> Outcome {
    let current = session.dev().state().adv.current;
    update_data_of(session, current)
}

/// Sets the scan response data of the instance that is advertised now.
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn update_current_scan_rsp(session: &Session<'_>) -> Outcome {
    let current = session.dev().state().adv.current;
    update_scan_rsp_of(session, current)
}

/// Has the data in the controller that Set Advertising will start with; on a controller with
/// sets, sets one up for that.
///
/// # Errors
///
/// As [`Session::send`]; `EPERM` if the controller cannot advertise beside the links there are.
pub(crate) fn prepare_instance0(session: &Session<'_>) -> Outcome {
    if is_ext(session.dev())? {
        set_up(session, 0)?;
    } else {
        update_data_of(session, 0)?;
    }
    update_scan_rsp_of(session, 0)
}

/// After power on: everything that was asked for while the controller was off.
pub(super) fn power_on(session: &Session<'_>) {
    let dev = session.dev();
    if dev.has(Flag::ADVERTISING) && dev.state().adv.is_empty() {
        tried(dev, prepare_instance0(session));
        tried(dev, enable(session));
    }
    let mut after = None;
    loop {
        let next = dev.state().adv.next_of(after);
        let Some(instance) = next else { break };
        let _ = schedule(session, instance, true);
        after = Some(instance);
    }
}

/// Starts advertising the current instance with the data that the controller has.
///
/// # Errors
///
/// As [`Session::send`]; `EINVAL` if the controller cannot advertise beside the links there are.
pub(crate) fn enable(session: &Session<'_>) -> Outcome {
    let dev = session.dev();
    let current = dev.state().adv.current;
    if is_ext(dev)? {
        return enable_set(session, current);
    }
    let flags = flags_of(dev, current);
    let connectable = is_connectable(dev, flags);
    if !allowed(dev, connectable)? {
        return Err(EINVAL.into());
    }
    disable(session)?;
    // The address may be changed now; the flag comes back with the answer to the last command.
    dev.set(Flag::LE_ADV, false);
    let own_addr_type = address::program(session, privacy(dev, flags, connectable))?;

    let (mut interval, channel_map) = {
        let state = dev.state();
        let defaults = (
            state.defaults.le_adv_min_interval,
            state.defaults.le_adv_max_interval,
        );
        let own = state.adv.find(current).map(|i| i.legacy_interval());
        (own.unwrap_or(defaults), state.defaults.le_adv_channel_map)
    };
    let adv_type = if connectable {
        ADV_IND
    } else {
        if !dev.has(Flag::DISCOVERABLE) || dev.has(Flag::LIMITED_DISCOVERABLE) {
            interval = FAST_INTERVAL;
        }
        if is_scannable(dev, current) {
            ADV_SCAN_IND
        } else {
            ADV_NONCONN_IND
        }
    };
    session.send(&LeSetAdvParams {
        interval_min: interval.0.into(),
        interval_max: interval.1.into(),
        adv_type,
        own_addr_type,
        peer_addr_type: LeAddrType::PUBLIC,
        peer_addr: BdAddr::ANY,
        channel_map,
        filter_policy: 0,
    })?;
    session.send(&LeSetAdvEnable { enable: 1 })
}

/// Starts advertising an instance from scratch: data, scan response, on.
///
/// # Errors
///
/// As [`enable`]; `EPERM` if the controller cannot advertise beside the links there are.
pub(crate) fn start(session: &Session<'_>, instance: u8) -> Outcome {
    if is_ext(session.dev())? {
        set_up(session, instance)?;
        update_scan_rsp_of(session, instance)?;
        return enable_set(session, instance);
    }
    update_data_of(session, instance)?;
    update_scan_rsp_of(session, instance)?;
    enable(session)
}

/// Starts Set Advertising's instance 0, which takes the place of all others.
pub(crate) fn start_instance0(session: &Session<'_>) {
    let dev = session.dev();
    dev.state().adv.current = 0;
    match is_ext(dev) {
        Ok(true) => tried(dev, start(session, 0)),
        _ => {
            // Each as far as the controller lets it.
            tried(dev, update_data_of(session, 0));
            tried(dev, update_scan_rsp_of(session, 0));
            tried(dev, enable(session));
        }
    }
}

/// Starts advertising anew with other parameters, and the data that is there.
///
/// # Errors
///
/// As [`enable`].
pub(crate) fn refresh(session: &Session<'_>) -> Outcome {
    let dev = session.dev();
    if is_ext(dev)? {
        let current = dev.state().adv.current;
        start(session, current)
    } else {
        enable(session)
    }
}

/// Advertises to one peer, that it may connect; what was advertised before is to be
/// [paused](pause).
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn start_directed(session: &Session<'_>, peer: Peer) -> Outcome {
    /// Interval of advertising at a low duty cycle, 20 ms; the fast one ignores it, but not every
    /// controller does.
    const INTERVAL: u16 = 0x0020;
    /// Connectable, directed, high duty cycle.
    const ADV_DIRECT_IND: u8 = 0x01;

    let dev = session.dev();
    if is_ext(dev)? {
        return ext::start_directed(session, peer);
    }
    // The address may be changed now; the flag comes back with the answer to the last command.
    dev.set(Flag::LE_ADV, false);
    let own_addr_type = super::own_address(session)?;
    let channel_map = dev.state().defaults.le_adv_channel_map;
    session.send(&LeSetAdvParams {
        interval_min: INTERVAL.into(),
        interval_max: INTERVAL.into(),
        adv_type: ADV_DIRECT_IND,
        own_addr_type,
        peer_addr_type: LeAddrType::from_address_type(peer.kind),
        peer_addr: peer.addr,
        channel_map,
        filter_policy: 0,
    })?;
    session.send(&LeSetAdvEnable { enable: 1 })
}

/// Whether something is to be advertised.
pub(crate) fn is_wanted(dev: &Device) -> bool {
    dev.has(Flag::ADVERTISING) || !dev.state().adv.is_empty()
}

/// Stops advertising, if it goes on.
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn disable(session: &Session<'_>) -> Outcome {
    let dev = session.dev();
    if !dev.has(Flag::LE_ADV) {
        return Ok(());
    }
    if is_ext(dev)? {
        ext::disable_all(session)
    } else {
        session.send(&LeSetAdvEnable { enable: 0 })
    }
}

/// Ends advertising for good: the controller is about to be switched off.
///
/// Advertising sets go with the controller; legacy instances stay for the next time, but for
/// those that are there for a limited time only.
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn off(session: &Session<'_>) -> Outcome {
    if is_ext(session.dev())? {
        ext::disable_all(session)?;
        session.send(&LeClearAdvSets {})
    } else {
        rotation::forget_limited(session.dev());
        Ok(())
    }
}

/// A peripheral link ended: what was advertised goes on.
pub(crate) fn link_ended(session: &Session<'_>) {
    if is_wanted(session.dev()) {
        tried(session.dev(), enable(session));
    }
}

/// A scan is over: goes on advertising what was advertised.
pub(super) fn reenable(session: &Session<'_>) {
    let dev = session.dev();
    if !is_wanted(dev) {
        return;
    }
    let current = dev.state().adv.current;
    if current != 0 {
        tried(dev, schedule(session, current, true));
    } else if !dev.has(Flag::LE_ADV) {
        start_instance0(session);
    }
}

/// Stops advertising for a while.
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn pause(session: &Session<'_>) -> Outcome {
    let dev = session.dev();
    if !dev.has(Flag::LE_ADV) || dev.state().paused.advertising {
        return Ok(());
    }
    disable(session)?;
    if !is_ext(dev)? {
        stop_turn(dev);
    }
    dev.state().paused.advertising = true;
    Ok(())
}

/// Goes on advertising after [`pause`].
///
/// # Errors
///
/// As [`enable`].
pub(crate) fn resume(session: &Session<'_>) -> Outcome {
    let dev = session.dev();
    let paused = core::mem::take(&mut dev.state().paused.advertising);
    if !paused {
        return Ok(());
    }
    if is_ext(dev)? {
        return ext::enable_all(session);
    }
    let current = dev.state().adv.current;
    if current != 0 {
        schedule(session, current, true)
    } else if dev.has(Flag::ADVERTISING) {
        enable(session)
    } else {
        Ok(())
    }
}
