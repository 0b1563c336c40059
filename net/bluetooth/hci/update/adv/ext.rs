// SPDX-License-Identifier: GPL-2.0

//! Advertising sets, one for each instance (7.8.52 to 7.8.60).

use super::{
    allowed,
    data::update_data_of,
    flags_of,
    instance::NO_PREFERENCE,
    is_connectable,
    is_ext,
    is_scannable,
    privacy,
    Device,
    Outcome,
    Session, //
};
use crate::hci::{
    notify,
    update::{
        self,
        address::{
            self,
            Own,
            Privacy, //
        }, //
    },
    CommandError,
    Notice,
    Peer, //
};
use kernel::prelude::*;
use kernel_ext::hci::Flag;
use wire::{
    hci::{
        le_adv::{
            AdvProperties,
            AdvSet,
            LeRemoveAdvSet,
            LeSetAdvSetRandomAddress,
            LeSetExtAdvEnable,
            LeSetExtAdvParams, //
        },
        LeAddrType,
        U24, //
    },
    mgmt::AdvFlags,
    BdAddr, //
};

/// PHYs, as the extended commands number them.
const PHY_1M: u8 = 0x01;
const PHY_2M: u8 = 0x02;
const PHY_CODED: u8 = 0x03;

/// Properties of advertising sets that do not imitate legacy advertising.
const EXT_NONCONN: AdvProperties = AdvProperties::EMPTY;

/// Status of a set that was terminated because the host disabled it, which needs no event.
const CANCELLED_BY_HOST: u8 = 0x44;

/// Switches sets on or off; `None`: all of them, off.
fn switch(handle: Option<u8>, on: bool, duration: u16) -> LeSetExtAdvEnable {
    let set = AdvSet {
        handle: handle.unwrap_or(0),
        duration: duration.into(),
        max_events: 0,
    };
    LeSetExtAdvEnable {
        enable: on.into(),
        num_sets: handle.is_some().into(),
        sets: [set; 4],
    }
}

/// Disables every advertising set there is.
pub(super) fn disable_all(session: &Session<'_>) -> Outcome {
    session.send(&switch(None, false, 0))
}

/// The set of an instance, and whether it is on.
fn set_of(dev: &Device, instance: u8) -> Result<(u8, bool)> {
    if instance == 0 {
        return Ok((0, dev.has(Flag::LE_ADV_0)));
    }
    let state = dev.state();
    let found = state.adv.find(instance).ok_or(EINVAL)?;
    Ok((found.handle, found.enabled))
}

/// Disables the set of one instance, if it is on.
fn disable_set(session: &Session<'_>, instance: u8) -> Outcome {
    match set_of(session.dev(), instance)? {
        (handle, true) => session.send(&switch(Some(handle), false, 0)),
        _ => Ok(()),
    }
}

/// Enables the set of one instance.
///
/// # Errors
///
/// As [`Session::send`]; `EINVAL` if there is no such instance.
pub(crate) fn enable_set(session: &Session<'_>, instance: u8) -> Outcome {
    let dev = session.dev();
    let (handle, enabled) = set_of(dev, instance)?;
    if instance != 0 && enabled {
        return Ok(());
    }
    // The controller itself ends what is there for a limited time.
    let seconds = dev.state().adv.find(instance).map_or(0, |i| i.timeout);
    // In units of 10 ms.
    let duration = seconds.saturating_mul(100);
    session.send(&switch(Some(handle), true, duration))
}

/// Advertises to one peer with Set Advertising's set, that it may connect.
pub(super) fn start_directed(session: &Session<'_>, peer: Peer) -> Outcome {
    let dev = session.dev();
    let own_addr_type = update::own_address(session)?;
    // Advertising that is directed carries no data, and a set that has some is refused.
    if dev.has(Flag::LE_ADV_0) {
        disable_set(session, 0)?;
    }
    match session.send(&LeRemoveAdvSet { handle: 0 }) {
        // There is none yet.
        Ok(()) | Err(CommandError::Status(_)) => {}
        Err(e) => return Err(e),
    }
    let channel_map = dev.state().defaults.le_adv_channel_map;
    session.send(&LeSetExtAdvParams {
        handle: 0,
        properties: AdvProperties::LEGACY_DIRECT_IND,
        interval_min: U24::new(0),
        interval_max: U24::new(0),
        channel_map,
        own_addr_type,
        peer_addr_type: LeAddrType::from_address_type(peer.kind),
        peer_addr: peer.addr,
        filter_policy: 0,
        tx_power: NO_PREFERENCE,
        primary_phy: PHY_1M,
        secondary_max_skip: 0,
        secondary_phy: PHY_1M,
        sid: 0,
        scan_request_notification: 0,
    })?;
    let random = dev.state().random_addr;
    if own_addr_type == LeAddrType::RANDOM && !random.is_any() {
        session.send(&LeSetAdvSetRandomAddress {
            handle: 0,
            bdaddr: random,
        })?;
    }
    enable_set(session, 0)
}

/// Goes on with all instances; one that the controller does not take any more is removed.
pub(super) fn enable_all(session: &Session<'_>) -> Outcome {
    let dev = session.dev();
    let mut after = None;
    loop {
        let next = dev.state().adv.next_of(after);
        let Some(instance) = next else { break };
        after = Some(instance);
        if enable_set(session, instance).is_err() {
            // The list starts over without it.
            if remove_set_of(session, instance).is_ok() {
                after = None;
            }
        }
    }
    if dev.has(Flag::ADVERTISING) {
        dev.set(Flag::LE_ADV_0, false);
        return enable_set(session, 0);
    }
    Ok(())
}

/// Removes the set of an instance; the instance goes with it.
///
/// # Errors
///
/// As [`Session::send`]; `EINVAL` if there is no such instance.
pub(super) fn remove_set_of(session: &Session<'_>, instance: u8) -> Outcome {
    let (handle, _) = set_of(session.dev(), instance)?;
    disable_set(session, instance)?;
    session.send(&LeRemoveAdvSet { handle })
}

/// Disables all sets and removes Set Advertising's, on controllers with sets.
pub(crate) fn remove_set(session: &Session<'_>) {
    if is_ext(session.dev()).unwrap_or(false) {
        let _ = disable_all(session).and_then(|()| session.send(&LeRemoveAdvSet { handle: 0 }));
    }
}

fn properties(dev: &Device, instance: u8, flags: AdvFlags, connectable: bool) -> AdvProperties {
    let ext = flags.intersects(AdvFlags::SECONDARY_MASK);
    if connectable {
        return if ext {
            AdvProperties::CONNECTABLE
        } else {
            AdvProperties::LEGACY_IND
        };
    }
    let scannable = is_scannable(dev, instance) || flags.contains(AdvFlags::PARAM_SCAN_RSP);
    match (scannable, ext) {
        (true, true) => AdvProperties::SCANNABLE,
        (true, false) => AdvProperties::LEGACY_SCAN_IND,
        (false, true) => EXT_NONCONN,
        (false, false) => AdvProperties::LEGACY_NONCONN_IND,
    }
}

/// The address to advertise an instance with, and what to program for that.
fn own_address(session: &Session<'_>, instance: u8, privacy: Privacy) -> Outcome<Own> {
    let dev = session.dev();
    if privacy == Privacy::None {
        // An identity is written whatever the random address is, but for later checks.
        let (kind, identity) = address::identity(dev);
        return Ok(Own {
            kind,
            new: Some(identity),
        });
    }
    let own = address::choose(session, privacy)?;
    if privacy == Privacy::Resolvable && own.new.is_none() && instance != 0 {
        // The host's private address is fresh, but the set may not have it yet.
        let state = dev.state();
        let has_it = state
            .adv
            .find(instance)
            .is_some_and(|i| !i.random_addr.is_any() && !i.rpa_expired);
        let new = (!has_it).then_some(state.rpa);
        return Ok(Own {
            kind: own.kind,
            new,
        });
    }
    Ok(own)
}

/// Sets an instance's advertising set up: parameters, then the data, which tell the transmit power
/// that the controller chose, then the address.
///
/// # Errors
///
/// As [`Session::send`]; `EINVAL` if there is no such instance; `EPERM` if the controller cannot
/// advertise beside the links there are.
pub(crate) fn set_up(session: &Session<'_>, instance: u8) -> Outcome {
    let dev = session.dev();
    // Parameters of a set that is enabled cannot be changed.
    disable_set(session, instance)?;
    let flags = flags_of(dev, instance);
    let connectable = is_connectable(dev, flags);
    if !allowed(dev, connectable)? {
        return Err(EPERM.into());
    }
    let Own { kind, new } = own_address(session, instance, privacy(dev, flags, connectable))?;
    let params = params(dev, instance, kind, flags, connectable)?;
    session.send(&params)?;
    update_data_of(session, instance)?;

    let Some(bdaddr) = new.filter(|a| kind != LeAddrType::PUBLIC && !a.is_any()) else {
        return Ok(());
    };
    let known = {
        let state = dev.state();
        match state.adv.find(instance) {
            Some(i) => i.random_addr,
            None => state.random_addr,
        }
    };
    if bdaddr == known {
        return Ok(());
    }
    if instance == 0 {
        // Scans share this address: it is written in both places.
        address::set_random(session, bdaddr)?;
    }
    session.send(&LeSetAdvSetRandomAddress {
        handle: params.handle,
        bdaddr,
    })
}

fn params(
    dev: &Device,
    instance: u8,
    own_addr_type: LeAddrType,
    flags: AdvFlags,
    connectable: bool,
) -> Result<LeSetExtAdvParams> {
    // Which key the controller makes its address of is told by the peer's identity.
    let (peer_addr_type, peer_addr) = if own_addr_type == LeAddrType::RANDOM_RESOLVED {
        address::identity(dev)
    } else {
        (LeAddrType::PUBLIC, BdAddr::ANY)
    };
    let properties = properties(dev, instance, flags, connectable);
    let (primary_phy, secondary_phy) = if flags.contains(AdvFlags::SECONDARY_2M) {
        (PHY_1M, PHY_2M)
    } else if flags.contains(AdvFlags::SECONDARY_CODED) {
        (PHY_CODED, PHY_CODED)
    } else {
        (PHY_1M, PHY_1M)
    };
    let state = dev.state();
    let defaults = &state.defaults;
    let (handle, min, max, tx_power) = match state.adv.find(instance) {
        Some(i) => (i.handle, i.min_interval, i.max_interval, i.tx_power),
        None if instance == 0 => (
            0,
            defaults.le_adv_min_interval.into(),
            defaults.le_adv_max_interval.into(),
            NO_PREFERENCE,
        ),
        None => return Err(EINVAL),
    };
    Ok(LeSetExtAdvParams {
        handle,
        properties,
        interval_min: U24::new(min),
        interval_max: U24::new(max),
        channel_map: defaults.le_adv_channel_map,
        own_addr_type,
        peer_addr_type,
        peer_addr,
        filter_policy: 0,
        tx_power,
        primary_phy,
        secondary_max_skip: 0,
        secondary_phy,
        sid: 0,
        scan_request_notification: 0,
    })
}

/// A set was set up: the controller chose a transmit power, in dBm.
pub(crate) fn note_set_power(dev: &Device, handle: u8, power: i8) {
    let mut state = dev.state();
    if let Some(i) = state.adv.iter_mut().find(|i| i.handle == handle) {
        i.tx_power = power;
    }
}

/// A set has another random address.
pub(crate) fn note_set_address(dev: &Device, handle: u8, addr: BdAddr) {
    let mut state = dev.state();
    let private = state.rpa == addr;
    if let Some(i) = state.adv.iter_mut().find(|i| i.handle == handle) {
        i.random_addr = addr;
        if private {
            i.rpa_expired = false;
        }
    }
}

/// Sets were switched on or off: some, or all.
pub(crate) fn note_enabled(dev: &Device, handles: &[AdvSet], on: bool) {
    let mut any = false;
    {
        let mut state = dev.state();
        for set in handles {
            match state.adv.iter_mut().find(|i| i.handle == set.handle) {
                Some(i) => i.enabled = on,
                None if set.handle == 0 => {
                    dev.set(Flag::LE_ADV_0, on);
                }
                None => {}
            }
        }
        if handles.is_empty() && !on {
            for i in state.adv.iter_mut() {
                i.enabled = false;
            }
            dev.set(Flag::LE_ADV_0, false);
        }
        any |= state.adv.any_enabled();
    }
    dev.set(Flag::LE_ADV, on || any || dev.has(Flag::LE_ADV_0));
}

/// A set was removed: so is its instance.
pub(crate) fn note_removed(dev: &Device, handle: u8) {
    if handle == 0 {
        dev.set(Flag::LE_ADV_0, false);
    }
    let number = {
        let mut state = dev.state();
        let found = state.adv.iter().find(|i| i.handle == handle);
        let number = found.map(|i| (i.number, i.mesh));
        number.filter(|(n, _)| state.adv.remove(*n))
    };
    if let Some((number, false)) = number {
        notify(dev, Notice::AdvertisingRemoved(number));
    }
}

/// All sets were removed: so are the instances.
pub(crate) fn note_cleared(dev: &Device) {
    dev.set(Flag::LE_ADV_0, false);
    loop {
        let number = {
            let mut state = dev.state();
            let next = state.adv.iter().next().map(|i| (i.number, i.mesh));
            next.filter(|(n, _)| state.adv.remove(*n))
        };
        match number {
            Some((number, false)) => notify(dev, Notice::AdvertisingRemoved(number)),
            Some((_, true)) => {}
            None => break,
        }
    }
}

/// The controller ended a set (7.7.65.18): its time is over, or somebody connected.
pub(crate) fn terminated(dev: &Device, handle: u8, status: u8) {
    if status == CANCELLED_BY_HOST {
        return;
    }
    let known = {
        let mut state = dev.state();
        let found = state.adv.iter_mut().find(|i| i.handle == handle);
        found.map(|i| i.enabled = false).is_some()
    };
    if status == 0 || !known {
        return;
    }
    note_removed(dev, handle);
    if !dev.state().adv.any_enabled() {
        dev.set(Flag::LE_ADV, false);
    }
}
