// SPDX-License-Identifier: GPL-2.0

//! Pairing, asked for over mgmt as bluetoothd does. The link that it makes is part of it: there is no
//! second pairing over the same one.

use std::io;
use std::time::Duration;

use super::host::{mgmt, CONTROL, NO_DEVICE, SET_POWERED};
use super::{raw, started, Outcome, Setting, DEVICE_DOWN};
use crate::controller::{peer, LE_PEER};
use crate::sys::{self, Address};

const SET_CONNECTABLE: u16 = 0x0007;
const SET_BONDABLE: u16 = 0x0009;
const SET_SIMPLE_PAIRING: u16 = 0x000b;
const PAIR: u16 = 0x0019;
const UNPAIR: u16 = 0x001b;
const SET_SECURE_CONNECTIONS: u16 = 0x002d;
const LOAD_IDENTITY_KEYS: u16 = 0x0030;

const NO_INPUT_NO_OUTPUT: u8 = 3;

fn pairings(
    setting: &Setting,
    is_bredr: bool,
    settings: &[(u16, &[u8])],
    to: Address,
) -> io::Result<Outcome> {
    let controller = started(setting.kind(is_bredr))?;
    {
        let mut state = controller.state();
        state.advertise = !is_bredr;
        state.simple_pairing = is_bredr;
    }
    let fd = raw()?;
    // Pairing is there once mgmt, and not the program itself, has opened the controller.
    sys::ioctl(&fd, DEVICE_DOWN, controller.index)?;
    sys::bind_hci(&fd, NO_DEVICE, CONTROL)?;
    for (opcode, value) in settings {
        mgmt(&fd, controller.index, *opcode, value)?;
    }
    let mut name = to.to_vec();
    name.push(if is_bredr { sys::BREDR } else { sys::LE_PUBLIC });
    let with = |last: u8| {
        let mut all = name.clone();
        all.push(last);
        all
    };
    let (wanted, forgotten) = (with(NO_INPUT_NO_OUTPUT), with(1));
    let cycle = |_| {
        let ended = controller.state().ended;
        mgmt(&fd, controller.index, PAIR, &wanted)?;
        mgmt(&fd, controller.index, UNPAIR, &forgotten)?;
        controller.wait("the end of the link", |state| {
            (state.ended > ended).then_some(())
        })?;
        // The host has to hear of it, too.
        sys::sleep(Duration::from_millis(1));
        Ok::<_, io::Error>(())
    };
    (0..3).try_for_each(cycle)?;
    let units = setting.units(40);
    let (_, cost) = setting.meter.measure(|| (0..units).try_for_each(cycle))?;
    Ok(Outcome::time(units, cost))
}

/// LE Secure Connections, with the peer's identity.
pub fn le(setting: &Setting) -> io::Result<Outcome> {
    let settings: &[(u16, &[u8])] = &[
        (SET_SECURE_CONNECTIONS, &[1]),
        (SET_BONDABLE, &[1]),
        // None: but identities are asked for from now on.
        (LOAD_IDENTITY_KEYS, &[0, 0]),
        (SET_POWERED, &[1]),
    ];
    pairings(setting, false, settings, LE_PEER)
}

/// Simple pairing over BR/EDR.
pub fn bredr(setting: &Setting) -> io::Result<Outcome> {
    let settings: &[(u16, &[u8])] = &[
        (SET_SIMPLE_PAIRING, &[1]),
        (SET_BONDABLE, &[1]),
        (SET_CONNECTABLE, &[1]),
        (SET_POWERED, &[1]),
    ];
    pairings(setting, true, settings, peer(1))
}
