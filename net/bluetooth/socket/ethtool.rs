// SPDX-License-Identifier: GPL-2.0

//! What time stamps there are for a socket's data (`SIOCETHTOOL` with `ETHTOOL_GET_TS_INFO`).
//!
//! The request is that of network interfaces, with the name of a controller instead of theirs. So a
//! program asks before it has a connection which of the `SO_TIMESTAMPING` flags are worth setting.

use crate::hci::{
    registry,
    Device, //
};
use kernel::prelude::*;
use kernel_ext::{
    hci::Flag,
    net::IoctlArg, //
};
use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes,
    KnownLayout, //
};

/// `SIOCETHTOOL`.
pub(super) const REQUEST: u32 = 0x8946;

/// The one request of ethtool's that is answered.
const GET_TS_INFO: u32 = 0x41;

/// Flags of `SO_TIMESTAMPING` (`SOF_TIMESTAMPING_*`).
const TX_SOFTWARE: u32 = 1 << 1;
const RX_SOFTWARE: u32 = 1 << 3;
const SOFTWARE: u32 = 1 << 4;
const TX_COMPLETION: u32 = 1 << 18;

/// No clock of the controller's.
const NO_CLOCK: i32 = -1;
/// Sets of what hardware stamps: nothing, sent (`HWTSTAMP_TX_OFF`) or received
/// (`HWTSTAMP_FILTER_NONE`). Both have the number 0.
const NO_HARDWARE: u32 = 1 << 0;

/// When a controller tells that it is done with a packet of a socket's protocol.
#[derive(Clone, Copy)]
pub(super) enum Completions {
    /// With each packet: data.
    Always,
    /// If it does flow control for audio.
    WithFlowControl,
}

impl Completions {
    fn are_told_by(self, dev: &Device) -> bool {
        match self {
            Self::Always => true,
            Self::WithFlowControl => dev.has(Flag::SCO_FLOWCTL),
        }
    }
}

/// The argument (`struct ifreq`): a name, and a pointer that has the room of other things, too.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Named {
    name: [u8; 16],
    data: usize,
    // The union's largest member is a `struct ifmap` of two longs and eight octets.
    _rest: [u8; size_of::<usize>() + 8],
}

/// The answer (`struct ethtool_ts_info`). It begins with the request.
#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct Info {
    request: u32,
    so_timestamping: u32,
    clock: i32,
    tx_types: u32,
    _tx_reserved: [u32; 3],
    rx_filters: u32,
    _rx_reserved: [u32; 3],
}

/// The index in the name of a controller: `hci` and a number. What a colon follows is an alias of
/// the same.
fn index(name: &[u8]) -> Option<u32> {
    let digit = |&c: &u8| c.checked_sub(b'0').filter(|&d| d < 10).map(u32::from);
    let mut digits = name
        .strip_prefix(b"hci")?
        .iter()
        .take_while(|&&c| c != 0 && c != b':');
    let first = digit(digits.next()?)?;
    digits.try_fold(first, |n, c| n.checked_mul(10)?.checked_add(digit(c)?))
}

/// Answers a request about a controller.
///
/// # Errors
///
/// `EFAULT`; `ENODEV` if the name is not that of a controller; `EOPNOTSUPP` if another thing was
/// asked, of whatever controller.
pub(super) fn ioctl(arg: IoctlArg, completions: Completions) -> Result {
    let mut named: Named = arg.read()?;
    // Names end in their room; the caller gets back what was understood.
    named.name[15] = 0;
    let answered = answer(&named.name, arg.follow(named.data), completions);
    arg.write(&named)?;
    answered
}

fn answer(name: &[u8], data: IoctlArg, completions: Completions) -> Result {
    let request: u32 = data.read()?;
    let index = index(name).ok_or(ENODEV)?;
    if request != GET_TS_INFO {
        return Err(EOPNOTSUPP);
    }
    let index = u16::try_from(index).map_err(|_| ENODEV)?;
    let dev = registry::get(index).ok_or(ENODEV)?;
    let completion = if completions.are_told_by(&dev) {
        TX_COMPLETION
    } else {
        0
    };
    data.write(&Info {
        request,
        so_timestamping: RX_SOFTWARE | SOFTWARE | TX_SOFTWARE | completion,
        clock: NO_CLOCK,
        tx_types: NO_HARDWARE,
        _tx_reserved: [0; 3],
        rx_filters: NO_HARDWARE,
        _rx_reserved: [0; 3],
    })
}
