// SPDX-License-Identifier: GPL-2.0

//! What the controller does to authenticate and to encrypt: simple pairing with a peer that has neither
//! display nor keys (Vol 4 Part E 7.1, 7.7), and encryption with a key that the host has.

use crate::controller::{complete, cut, event, first, of_handle, status, State};
use crate::sys::Address;

const AUTHENTICATION_REQUESTED: u16 = 0x0411;
const SET_ENCRYPTION: u16 = 0x0413;
const NO_LINK_KEY: u16 = 0x040c;
const IO_CAPABILITY_REPLY: u16 = 0x042b;
const CONFIRMED: u16 = 0x042c;
const LE_START_ENCRYPTION: u16 = 0x2019;

/// Neither input nor output; general bonding, without protection from a man in the middle.
const NO_INPUT_NO_OUTPUT: u8 = 3;
const BONDING: u8 = 4;

/// An unauthenticated combination key of P-192.
const UNAUTHENTICATED: u8 = 4;
const KEY: [u8; 16] = [
    0x4c, 0x69, 0x6e, 0x6b, 0x20, 0x6b, 0x65, 0x79, 0x20, 0x6f, 0x66, 0x20, 0x61, 0x6c, 0x6c, 0x21,
];
const PIN_OR_KEY_MISSING: u8 = 0x06;

fn of_address(code: u8, address: Address, rest: &[u8]) -> Vec<u8> {
    let mut all = address.to_vec();
    all.extend(rest);
    event(code, &all)
}

/// The answers to a command of this kind; nothing for others.
pub fn command(state: &mut State, opcode: u16, parameters: &[u8]) -> Option<Vec<Vec<u8>>> {
    let handle: [u8; 2] = first(parameters, 0);
    let address: Address = first(parameters, 0);
    let replied = || {
        let mut answer = vec![0];
        answer.extend(address);
        complete(opcode, &answer)
    };
    Some(match opcode {
        AUTHENTICATION_REQUESTED => {
            let address = state.of(u16::from_le_bytes(handle))?.address;
            vec![status(opcode, 0), of_address(0x17, address, &[])]
        }
        NO_LINK_KEY => vec![replied(), of_address(0x31, address, &[])],
        IO_CAPABILITY_REPLY => vec![
            replied(),
            of_address(0x32, address, &[NO_INPUT_NO_OUTPUT, 0, BONDING]),
            of_address(0x33, address, &123_456u32.to_le_bytes()),
        ],
        CONFIRMED => {
            let link = state.links.iter().find(|link| link.address == address)?;
            let handle = link.handle.to_le_bytes();
            let mut done = vec![0];
            done.extend(address);
            let mut key = KEY.to_vec();
            key.push(UNAUTHENTICATED);
            vec![
                replied(),
                event(0x36, &done),
                of_address(0x18, address, &key),
                of_handle(0x06, handle, &[]),
            ]
        }
        SET_ENCRYPTION => vec![status(opcode, 0), of_handle(0x08, handle, &[1])],
        LE_START_ENCRYPTION => {
            let mtu = state.data_mtu();
            let link = state.of(u16::from_le_bytes(handle))?;
            let (number, [low, high]) = (link.handle, handle);
            if link.peer.security.key() != Some(first(parameters, 12)) {
                let refused = event(0x08, &[PIN_OR_KEY_MISSING, low, high, 0]);
                return Some(vec![status(opcode, 0), refused]);
            }
            let mut answers = vec![status(opcode, 0), of_handle(0x08, handle, &[1])];
            for frame in link.peer.encrypted() {
                answers.extend(cut(number, &frame, mtu));
            }
            answers
        }
        _ => return None,
    })
}
