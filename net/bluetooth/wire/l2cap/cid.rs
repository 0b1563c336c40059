// SPDX-License-Identifier: GPL-2.0

//! Channel identifiers (Vol 3 Part A 2.1).

use core::ops::RangeInclusive;

use super::Transport;

/// BR/EDR signalling channel.
pub const SIGNALLING: u16 = 0x0001;
/// Connectionless channel.
pub const CONNECTIONLESS: u16 = 0x0002;
/// AMP manager protocol; AMP is gone, whoever uses it is refused.
pub const A2MP: u16 = 0x0003;
/// Attribute protocol.
pub const ATT: u16 = 0x0004;
/// LE signalling channel.
pub const LE_SIGNALLING: u16 = 0x0005;
/// Security manager protocol over LE.
pub const SMP: u16 = 0x0006;
/// Security manager protocol over BR/EDR.
pub const SMP_BREDR: u16 = 0x0007;
/// The first that is allocated for a connection-oriented channel.
pub const DYNAMIC: u16 = 0x0040;
/// The last that is allocated on BR/EDR.
pub const BREDR_LAST: u16 = 0xffff;
/// The last that is allocated on LE.
pub const LE_LAST: u16 = 0x007f;

/// The identifiers that connection-oriented channels are given.
#[inline]
pub const fn dynamic(transport: Transport) -> RangeInclusive<u16> {
    match transport {
        Transport::BrEdr => DYNAMIC..=BREDR_LAST,
        Transport::Le => DYNAMIC..=LE_LAST,
    }
}

/// Whether a connection-oriented channel may have this identifier.
#[inline]
pub fn is_dynamic(transport: Transport, cid: u16) -> bool {
    dynamic(transport).contains(&cid)
}

/// The signalling channel of this transport.
#[inline]
pub const fn signalling(transport: Transport) -> u16 {
    match transport {
        Transport::BrEdr => SIGNALLING,
        Transport::Le => LE_SIGNALLING,
    }
}
