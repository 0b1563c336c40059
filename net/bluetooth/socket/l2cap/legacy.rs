// SPDX-License-Identifier: GPL-2.0

//! Options at level `SOL_L2CAP`, from before there was a common level.

use super::{
    channel,
    Sk, //
};
use crate::l2cap::{
    self,
    channel::{
        Level,
        Settings,
        DEFAULT_TX_WINDOW,
        MAX_TX_WINDOW, //
    },
};
use kernel::prelude::*;
use kernel_ext::net::{
    OptOut,
    OptValue,
    State, //
};
use wire::l2cap::Mode;
use zerocopy::IntoBytes;
use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes,
    KnownLayout, //
};

const L2CAP_OPTIONS: i32 = 0x01;
const L2CAP_CONNINFO: i32 = 0x02;
const L2CAP_LM: i32 = 0x03;

/// `struct l2cap_options`.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Options {
    omtu: u16,
    imtu: u16,
    flush_to: u16,
    mode: u8,
    fcs: u8,
    max_tx: u8,
    _padding: u8,
    txwin_size: u16,
}

/// `struct l2cap_conninfo`, padding included.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct ConnInfo {
    hci_handle: u16,
    dev_class: [u8; 3],
    _padding: u8,
}

/// Bits of `L2CAP_LM`.
mod lm {
    pub(super) const MASTER: u32 = 0x0001;
    pub(super) const AUTH: u32 = 0x0002;
    pub(super) const ENCRYPT: u32 = 0x0004;
    pub(super) const RELIABLE: u32 = 0x0010;
    pub(super) const SECURE: u32 = 0x0020;
    pub(super) const FIPS: u32 = 0x0040;
}

/// Shortest MTU that a user may set, in bytes (Vol 3 Part A 5.1); 23 for ATT.
pub(super) fn is_valid_mtu(s: &Settings, mtu: u16) -> bool {
    let least = if s.is_att() { 23 } else { 48 };
    mtu == 0 || mtu >= least
}

fn is_bredr_mode(mode: Mode) -> bool {
    matches!(mode, Mode::Basic | Mode::Ertm | Mode::Streaming)
}

fn link_mode(s: &Settings) -> u32 {
    let mut bits = match s.level {
        Level::Sdp => 0,
        Level::Low => lm::AUTH,
        Level::Medium => lm::AUTH | lm::ENCRYPT,
        Level::High => lm::AUTH | lm::ENCRYPT | lm::SECURE,
        Level::Fips => lm::AUTH | lm::ENCRYPT | lm::SECURE | lm::FIPS,
    };
    if s.role_switch {
        bits |= lm::MASTER;
    }
    if s.reliable {
        bits |= lm::RELIABLE;
    }
    bits
}

/// Reads an option.
pub(super) fn get(sock: &Sk<'_>, name: i32, out: &mut OptOut<'_>) -> Result {
    let s = channel(sock).settings();
    match name {
        L2CAP_OPTIONS => {
            // On LE there are other options; but programs ask ATT sockets for these.
            if (s.src_type.is_le() && !s.is_att()) || !is_bredr_mode(s.mode) {
                return Err(EINVAL);
            }
            let options = Options {
                omtu: s.omtu,
                imtu: s.imtu,
                flush_to: s.flush_timeout,
                mode: s.mode.to_u8(),
                fcs: s.fcs,
                max_tx: s.max_transmit,
                _padding: 0,
                txwin_size: s.tx_window,
            };
            out.write_truncated(options.as_bytes()).map(|_| ())
        }
        L2CAP_LM => out.write(&link_mode(&s)),
        L2CAP_CONNINFO => {
            let state = sock.state();
            let connected = state == State::Connected || (state == State::Connect2 && s.deferred);
            if !connected || channel(sock).device().is_none() {
                return Err(ENOTCONN);
            }
            let info = ConnInfo {
                hci_handle: s.handle,
                dev_class: s.class,
                _padding: 0,
            };
            out.write_truncated(info.as_bytes()).map(|_| ())
        }
        _ => Err(ENOPROTOOPT),
    }
}

/// Sets an option.
pub(super) fn set(sock: &Sk<'_>, name: i32, value: OptValue<'_>) -> Result {
    let channel = channel(sock);
    match name {
        L2CAP_OPTIONS => {
            if channel.settings().src_type.is_le() || sock.state() == State::Connected {
                return Err(EINVAL);
            }
            let options: Options = value.read()?;
            channel.update(|s| set_options(s, &options))
        }
        L2CAP_LM => {
            let bits: u32 = value.read()?;
            if bits & lm::FIPS != 0 {
                return Err(EINVAL);
            }
            channel.update(|s| {
                for (bit, level) in [
                    (lm::AUTH, Level::Low),
                    (lm::ENCRYPT, Level::Medium),
                    (lm::SECURE, Level::High),
                ] {
                    if bits & bit != 0 {
                        s.level = level;
                    }
                }
                s.role_switch = bits & lm::MASTER != 0;
                s.reliable = bits & lm::RELIABLE != 0;
            });
            Ok(())
        }
        _ => Err(ENOPROTOOPT),
    }
}

fn set_options(s: &mut Settings, options: &Options) -> Result {
    if options.txwin_size > MAX_TX_WINDOW || !is_valid_mtu(s, options.imtu) {
        return Err(EINVAL);
    }
    let mode = Mode::from_u8(options.mode)
        .filter(|mode| is_bredr_mode(*mode) && l2cap::mode_enabled(*mode))
        .ok_or(EINVAL)?;
    s.mode = mode;
    s.imtu = options.imtu;
    s.omtu = options.omtu;
    s.fcs = options.fcs;
    s.max_transmit = options.max_tx;
    // A window of nothing is no window.
    s.tx_window = match options.txwin_size {
        0 => DEFAULT_TX_WINDOW,
        size => size,
    };
    s.flush_timeout = options.flush_to;
    Ok(())
}
