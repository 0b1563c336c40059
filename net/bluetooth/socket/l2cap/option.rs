// SPDX-License-Identifier: GPL-2.0

//! Options at level `SOL_BLUETOOTH`.

use super::{
    channel,
    Sk, //
};
use crate::l2cap::{
    self,
    channel::{
        Channel,
        Kind,
        Level,
        Settings, //
    },
    Secured,
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::net::{
    sock_type,
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

const BT_SECURITY: i32 = 4;
const BT_DEFER_SETUP: i32 = 7;
const BT_FLUSHABLE: i32 = 8;
const BT_POWER: i32 = 9;
const BT_CHANNEL_POLICY: i32 = 10;
const BT_SNDMTU: i32 = 12;
const BT_RCVMTU: i32 = 13;
const BT_PHY: i32 = 14;
const BT_MODE: i32 = 15;

/// Modes as `BT_MODE` numbers them.
mod mode {
    pub(super) const BASIC: u8 = 0x00;
    pub(super) const ERTM: u8 = 0x01;
    pub(super) const STREAMING: u8 = 0x02;
    pub(super) const LE_FLOWCTL: u8 = 0x03;
    pub(super) const EXT_FLOWCTL: u8 = 0x04;
}

/// `BT_CHANNEL_POLICY_BREDR_ONLY`, the only policy there is.
const POLICY_BREDR_ONLY: u32 = 0;

/// `struct bt_security`.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Security {
    level: u8,
    key_size: u8,
}

fn has_security(s: &Settings) -> Result {
    match s.kind {
        Kind::Oriented | Kind::Fixed | Kind::Raw => Ok(()),
        Kind::Connectionless => Err(EINVAL),
    }
}

fn require(condition: bool, error: Error) -> Result {
    if condition {
        Ok(())
    } else {
        Err(error)
    }
}

/// Reads an option.
pub(super) fn get(sock: &Sk<'_>, name: i32, out: &mut OptOut<'_>) -> Result {
    let channel = channel(sock);
    let s = channel.settings();
    let state = sock.state();
    match name {
        BT_SECURITY => {
            has_security(&s)?;
            let mut security = Security {
                level: s.level as u8,
                key_size: 0,
            };
            if let Some((level, key_size)) = l2cap::security(channel) {
                security.level = level as u8;
                if state == State::Connected {
                    security.key_size = key_size;
                }
            }
            out.write_truncated(security.as_bytes()).map(|_| ())
        }
        BT_DEFER_SETUP => {
            require(matches!(state, State::Bound | State::Listen), EINVAL)?;
            out.write(&u32::from(s.deferred))
        }
        BT_FLUSHABLE => out.write(&u32::from(s.flushable)),
        BT_POWER => {
            let stateful = sock_type::DGRAM != sock.socket_type();
            require(stateful, EINVAL)?;
            out.write_truncated(&[u8::from(s.force_active)]).map(|_| ())
        }
        BT_CHANNEL_POLICY => out.write(&POLICY_BREDR_ONLY),
        BT_SNDMTU => {
            require(s.src_type.is_le(), EINVAL)?;
            require(state == State::Connected, ENOTCONN)?;
            out.write(&s.omtu)
        }
        BT_RCVMTU => {
            require(s.src_type.is_le(), EINVAL)?;
            out.write(&s.imtu)
        }
        BT_PHY => {
            require(state == State::Connected, ENOTCONN)?;
            out.write(&l2cap::phys(channel)?)
        }
        BT_MODE => {
            require(l2cap::enhanced_credit_enabled(), ENOPROTOOPT)?;
            require(s.kind == Kind::Oriented, EINVAL)?;
            let mode = match s.mode {
                Mode::Basic => mode::BASIC,
                Mode::Ertm => mode::ERTM,
                Mode::Streaming => mode::STREAMING,
                Mode::LeCredit => mode::LE_FLOWCTL,
                Mode::EnhancedCredit => mode::EXT_FLOWCTL,
                _ => return Err(EINVAL),
            };
            out.write(&mode)
        }
        _ => Err(ENOPROTOOPT),
    }
}

/// Sets an option.
pub(super) fn set(sock: &Sk<'_>, name: i32, value: OptValue<'_>) -> Result {
    let channel = channel(sock);
    let s = channel.settings();
    let state = sock.state();
    match name {
        BT_SECURITY => set_security(channel, state, value),
        BT_DEFER_SETUP => {
            require(matches!(state, State::Bound | State::Listen), EINVAL)?;
            let on = value.read::<u32>()? != 0;
            channel.update(|s| s.deferred = on);
            Ok(())
        }
        BT_FLUSHABLE => {
            let on = match value.read::<u32>()? {
                0 => false,
                1 => true,
                _ => return Err(EINVAL),
            };
            // A controller that cannot tell flushable data from other has only the former.
            require(on || l2cap::can_keep_data(channel), EINVAL)?;
            channel.update(|s| s.flushable = on);
            Ok(())
        }
        BT_POWER => {
            require(matches!(s.kind, Kind::Oriented | Kind::Raw), EINVAL)?;
            let on = value.read::<u8>()? != 0;
            channel.update(|s| s.force_active = on);
            Ok(())
        }
        BT_CHANNEL_POLICY => {
            value.read::<u32>()?;
            Err(EOPNOTSUPP)
        }
        BT_SNDMTU => {
            require(s.src_type.is_le(), EINVAL)?;
            require(state != State::Connected, EISCONN)?;
            let mtu = value.read()?;
            channel.update(|s| s.omtu = mtu);
            Ok(())
        }
        BT_RCVMTU => {
            require(s.src_type.is_le(), EINVAL)?;
            let connected = state == State::Connected;
            require(!(connected && s.mode == Mode::LeCredit), EISCONN)?;
            let mtu: u16 = value.read()?;
            if connected && s.mode == Mode::EnhancedCredit {
                require(mtu >= s.imtu, EINVAL)?;
                return l2cap::reconfigure(channel, mtu);
            }
            channel.update(|s| s.imtu = mtu);
            Ok(())
        }
        BT_PHY => {
            require(state == State::Connected, ENOTCONN)?;
            let phys = value.read::<u32>()?;
            l2cap::set_phys(channel, phys)
        }
        BT_MODE => {
            require(l2cap::enhanced_credit_enabled(), ENOPROTOOPT)?;
            require(state == State::Bound && s.kind == Kind::Oriented, EINVAL)?;
            let mode = mode_to_set(value.read()?, s.src_type.is_le())?;
            channel.update(|s| s.mode = mode);
            Ok(())
        }
        _ => Err(ENOPROTOOPT),
    }
}

/// The mode with this number, if it exists on the transport.
///
/// User space sees ERTM and streaming refused here unless they are switched off for the other
/// option; that is how it always was.
fn mode_to_set(number: u8, le: bool) -> Result<Mode> {
    Ok(match number {
        mode::BASIC if !le => Mode::Basic,
        mode::ERTM if !le && !l2cap::ertm_enabled() => Mode::Ertm,
        mode::STREAMING if !le && !l2cap::ertm_enabled() => Mode::Streaming,
        mode::LE_FLOWCTL if le => Mode::LeCredit,
        mode::EXT_FLOWCTL if le => Mode::EnhancedCredit,
        _ => return Err(EINVAL),
    })
}

fn set_security(channel: &Arc<Channel>, state: State, value: OptValue<'_>) -> Result {
    let s = channel.settings();
    has_security(&s)?;
    let security: Security = value.read()?;
    let level = Level::from_u8(security.level)
        .filter(|level| *level != Level::Sdp)
        .ok_or(EINVAL)?;
    channel.update(|s| s.level = level);
    if channel.device().is_none() {
        return Ok(());
    }
    let raises =
        s.is_att() || state == State::Connected || (state == State::Connect2 && s.deferred);
    require(raises, EINVAL)?;
    match l2cap::raise_security(channel, level)? {
        // That nothing was left to do is an error on ATT's channel, where user space knows it so.
        Secured::Already if s.is_att() => Err(EINVAL),
        Secured::Already | Secured::Pending => Ok(()),
        Secured::Refused => Err(EINVAL),
    }
}
