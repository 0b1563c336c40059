// SPDX-License-Identifier: GPL-2.0

//! Protocol/service multiplexers: what a connection is for (Vol 3 Part A 4.2 for BR/EDR, 4.22 for LE, where they are called
//! SPSM).

use super::Transport;

/// Service discovery.
pub const SDP: u16 = 0x0001;
/// RFCOMM.
pub const RFCOMM: u16 = 0x0003;
/// Bluetooth network encapsulation.
pub const BNEP: u16 = 0x000f;
/// HID control.
pub const HID_CONTROL: u16 = 0x0011;
/// HID interrupt.
pub const HID_INTERRUPT: u16 = 0x0013;
/// Attribute protocol over BR/EDR.
pub const ATT: u16 = 0x001f;
/// 3D synchronisation; it may be used without security.
pub const SYNC_3D: u16 = 0x0021;
/// Internet protocol support (6LoWPAN), LE.
pub const IPSP: u16 = 0x0023;
/// Enhanced attribute protocol.
pub const EATT: u16 = 0x0027;

/// First dynamic one, BR/EDR.
pub const DYNAMIC: u16 = 0x1001;
/// Last of those that Linux chooses itself for a socket bound to none, BR/EDR.
pub const AUTOMATIC_LAST: u16 = 0x10ff;
/// First dynamic one, LE.
pub const LE_DYNAMIC: u16 = 0x0080;
/// Last dynamic one, LE, and the greatest there is.
pub const LE_LAST: u16 = 0x00ff;

/// Whether there can be such a one: on BR/EDR the least significant octet is odd and the next one even, on LE it is one
/// octet; it is never zero.
#[inline]
pub const fn is_valid(transport: Transport, psm: u16) -> bool {
    match transport {
        Transport::BrEdr => psm & 0x0101 == 0x0001,
        Transport::Le => psm != 0 && psm <= LE_LAST,
    }
}
