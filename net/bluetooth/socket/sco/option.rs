// SPDX-License-Identifier: GPL-2.0

//! Options of SCO sockets.

use super::{
    channel,
    is_waiting,
    Sk, //
};
use crate::{
    hci::{
        self,
        route,
        Device, //
    },
    sco::channel::Channel, //
};
use kernel::{
    prelude::*,
    sync::aref::ARef, //
};
use kernel_ext::{
    hci::{
        Codec,
        Flag, //
    },
    net::{
        OptOut,
        OptValue,
        State, //
    },
};
use wire::AddressType;
use zerocopy::{
    FromBytes,
    IntoBytes, //
};
use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes,
    KnownLayout,
    Unaligned, //
};

const BT_DEFER_SETUP: i32 = 7;
const BT_VOICE: i32 = 11;
const BT_SNDMTU: i32 = 12;
const BT_RCVMTU: i32 = 13;
const BT_PHY: i32 = 14;
const BT_PKT_STATUS: i32 = 16;
const BT_CODEC: i32 = 19;

/// At level `SOL_SCO`.
const SCO_OPTIONS: i32 = 1;
const SCO_CONNINFO: i32 = 2;

/// Greatest length of a list of codecs, in bytes.
const MAX_CODECS: usize = 255;
/// SCO and eSCO, among a codec's transports.
const TRANSPORT_SCO: u8 = 1;

/// `struct sco_conninfo`.
#[derive(Clone, Copy, IntoBytes, Immutable)]
#[repr(C)]
struct ConnInfo {
    handle: u16,
    class: [u8; 3],
    _padding: u8,
}

/// `struct bt_codec`.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct UserCodec {
    id: u8,
    company: [u8; 2],
    vendor_codec: [u8; 2],
    data_path: u8,
    capabilities: u8,
}

fn require(condition: bool, error: Error) -> Result {
    if condition {
        Ok(())
    } else {
        Err(error)
    }
}

/// Whether what belongs to a connection can still be chosen.
fn is_open(state: State) -> bool {
    matches!(state, State::Open | State::Bound | State::Connect2)
}

/// The controller that the socket is for, or would be.
fn device(channel: &Channel) -> Result<ARef<Device>> {
    let s = channel.settings();
    route::find(s.dst, s.src, AddressType::BrEdr).ok_or(EBADFD)
}

/// The controller, if it and its driver can be told of codecs.
fn device_with_codecs(channel: &Channel) -> Result<ARef<Device>> {
    let dev = device(channel)?;
    let can = dev.has(Flag::OFFLOAD_CODECS_ENABLED) && dev.capabilities().get_data_path_id;
    require(can, EOPNOTSUPP)?;
    Ok(dev)
}

/// Reads an option of level `SOL_SCO`.
pub(super) fn get_old(sock: &Sk<'_>, name: i32, out: &mut OptOut<'_>) -> Result {
    require(matches!(name, SCO_OPTIONS | SCO_CONNINFO), ENOPROTOOPT)?;
    require(
        sock.state() == State::Connected || is_waiting(sock),
        ENOTCONN,
    )?;
    let s = channel(sock).settings();
    let written = if name == SCO_OPTIONS {
        out.write_truncated(s.mtu.as_bytes())
    } else {
        let info = ConnInfo {
            handle: s.handle,
            class: s.class,
            _padding: 0,
        };
        out.write_truncated(info.as_bytes())
    };
    written.map(|_| ())
}

/// Reads an option.
pub(super) fn get(sock: &Sk<'_>, name: i32, out: &mut OptOut<'_>) -> Result {
    let channel = channel(sock);
    let s = channel.settings();
    let state = sock.state();
    match name {
        BT_DEFER_SETUP => {
            require(matches!(state, State::Bound | State::Listen), EINVAL)?;
            out.write(&u32::from(s.deferred))
        }
        BT_VOICE => out.write_truncated(s.setting.as_bytes()).map(|_| ()),
        BT_SNDMTU | BT_RCVMTU => {
            require(state == State::Connected, ENOTCONN)?;
            out.write(&u32::from(s.mtu))
        }
        BT_PHY => {
            require(state == State::Connected, ENOTCONN)?;
            out.write(&s.phys)
        }
        BT_PKT_STATUS => out.write(&u32::from(s.packet_status)),
        BT_CODEC => get_codecs(channel, out),
        _ => Err(ENOPROTOOPT),
    }
}

/// Sets an option.
pub(super) fn set(sock: &Sk<'_>, name: i32, value: OptValue<'_>) -> Result {
    let channel = channel(sock);
    let state = sock.state();
    match name {
        BT_DEFER_SETUP => {
            require(matches!(state, State::Bound | State::Listen), EINVAL)?;
            let on = value.read::<u32>()? != 0;
            channel.update(|s| s.deferred = on);
            Ok(())
        }
        BT_VOICE => {
            require(is_open(state), EINVAL)?;
            let setting = value.read::<u16>()?;
            channel.update(|s| s.setting = setting);
            // That no controller is there is an error, but the setting is taken.
            let dev = device(channel)?;
            let transparent =
                engine::sco::Audio::of_setting(setting) == Some(engine::sco::Audio::Transparent);
            if transparent && hci::link::sco::takes_codecs(&dev) {
                channel.update(|s| s.codec.id = engine::sco::codec::TRANSPARENT);
            }
            Ok(())
        }
        BT_PKT_STATUS => {
            let on = value.read::<u32>()? != 0;
            channel.update(|s| s.packet_status = on);
            Ok(())
        }
        BT_CODEC => {
            require(is_open(state), EINVAL)?;
            device_with_codecs(channel)?;
            set_codec(channel, value)
        }
        _ => Err(ENOPROTOOPT),
    }
}

/// `struct bt_codecs`: exactly one codec, perhaps with its capabilities behind it.
fn set_codec(channel: &Channel, value: OptValue<'_>) -> Result {
    let len = value.len();
    require((1..=MAX_CODECS).contains(&len), EINVAL)?;
    let mut bytes = [0; MAX_CODECS];
    let got = value.read_prefix(&mut bytes)?;
    let (count, rest) = bytes
        .get(..got)
        .and_then(<[u8]>::split_first)
        .ok_or(EINVAL)?;
    require(*count == 1, EINVAL)?;
    let (codec, _) = UserCodec::read_from_prefix(rest).map_err(|_| EINVAL)?;
    channel.update(|s| {
        s.codec = Codec {
            id: codec.id,
            company: u16::from_ne_bytes(codec.company),
            vendor_codec: u16::from_ne_bytes(codec.vendor_codec),
            data_path: codec.data_path,
        }
    });
    Ok(())
}

/// A codec that the controller has for audio links, as user space sees it: its [`UserCodec`], then
/// its capabilities.
struct Entry {
    bytes: [u8; size_of::<UserCodec>() + MAX_CODECS],
    len: usize,
}

/// The codec of this number, if there are so many.
fn entry(dev: &Device, number: usize, data_path: u8) -> Option<Entry> {
    let state = dev.state();
    let mut codecs = state.codecs.iter().filter(|c| c.transport == TRANSPORT_SCO);
    let codec = codecs.nth(number)?;
    let head = UserCodec {
        id: codec.id,
        company: codec.company.to_ne_bytes(),
        vendor_codec: codec.vendor_codec.to_ne_bytes(),
        data_path,
        capabilities: codec.capabilities,
    };
    let mut bytes = [0; size_of::<UserCodec>() + MAX_CODECS];
    let (first, rest) = bytes.split_at_mut_checked(size_of::<UserCodec>())?;
    first.copy_from_slice(head.as_bytes());
    let raw = codec.raw_capabilities.as_slice();
    rest.get_mut(..raw.len())?.copy_from_slice(raw);
    Some(Entry {
        bytes,
        len: size_of::<UserCodec>().saturating_add(raw.len()),
    })
}

/// `struct bt_codecs`: what the controller has for audio links.
fn get_codecs(channel: &Channel, out: &mut OptOut<'_>) -> Result {
    let dev = device_with_codecs(channel)?;
    let (mut count, mut len) = (0u8, 1usize);
    {
        let state = dev.state();
        for codec in state.codecs.iter().filter(|c| c.transport == TRANSPORT_SCO) {
            count = count.saturating_add(1);
            let raw = codec.raw_capabilities.len();
            len = len
                .saturating_add(size_of::<UserCodec>())
                .saturating_add(raw);
        }
    }
    require(len <= out.len(), ENOBUFS)?;
    let data_path = dev.data_path_id().ok_or(EOPNOTSUPP)??;
    // Not to touch user space's memory with the controller's state locked, it is told one by one.
    out.write(&count)?;
    for number in 0..usize::from(count) {
        let entry = entry(&dev, number, data_path).ok_or(EBADFD)?;
        out.write_slice(entry.bytes.get(..entry.len).ok_or(EBADFD)?)?;
    }
    out.set_len(len);
    Ok(())
}
