// SPDX-License-Identifier: GPL-2.0

//! Known devices: refused, let in, waited for, and what is remembered of them.

use super::{
    call::{
        background,
        kind_is_valid,
        Call,
        Failure,
        Outcome, //
    },
    caps,
    channel::SocketId,
    events::{
        self,
        addr_info,
        peer, //
    },
    keys::identity,
    status_of, //
};
use crate::hci::{
    link,
    update,
    AutoConnect,
    ConnParams,
    Device,
    Peer,
    State,
    MAX_DEVICES, //
};
use engine::connection::Range;
use kernel::prelude::*;
use kernel_ext::vec::VecExt;
use wire::{
    mgmt::{
        command::{
            AddDevice,
            Device as DeviceParams,
            LoadConnParam,
            SetDeviceFlags, //
        },
        ev,
        event,
        reply::DeviceFlagsInfo,
        AddrInfo,
        DeviceFlags,
        MgmtStatus, //
    },
    AddressType,
    BdAddr, //
};

/// Block Device.
pub(super) fn block(call: &Call<'_>, params: &DeviceParams) -> Outcome {
    let dev = call.dev()?;
    let addr = &params.addr;
    let Some(peer) = peer(addr) else {
        return Err(call.refuse(MgmtStatus::INVALID_PARAMS, addr));
    };
    let added = {
        let mut state = dev.state();
        let room = state.reject_list.len() < MAX_DEVICES && !peer.addr.is_any();
        room && !state.reject_list.contains(&peer) && state.reject_list.append(peer).is_ok()
    };
    if !added {
        return Err(call.refuse(MgmtStatus::FAILED, addr));
    }
    events::trusted(dev, ev::DEVICE_BLOCKED, addr, call.skip());
    call.reply(addr)
}

/// Unblock Device.
pub(super) fn unblock(call: &Call<'_>, params: &DeviceParams) -> Outcome {
    let dev = call.dev()?;
    let addr = &params.addr;
    let Some(peer) = peer(addr) else {
        return Err(call.refuse(MgmtStatus::INVALID_PARAMS, addr));
    };
    let removed = {
        let mut state = dev.state();
        let before = state.reject_list.len();
        // No address at all means all of them.
        let all = peer.addr.is_any();
        state.reject_list.keep(|p| !all && *p != peer);
        all || state.reject_list.len() != before
    };
    if !removed {
        return Err(call.refuse(MgmtStatus::INVALID_PARAMS, addr));
    }
    events::trusted(dev, ev::DEVICE_UNBLOCKED, addr, call.skip());
    call.reply(addr)
}

/// There are parameters for links to a peer, from now on if there were none: what it wishes is kept with them.
///
/// # Errors
///
/// `ENOMEM`, also if there are so many already.
pub(super) fn remember(dev: &Device, peer: Peer) -> Result {
    made(&mut dev.state(), peer).map(|_| ())
}

/// The connection parameters of a peer, made from the defaults if there are none yet.
fn made(state: &mut State, peer: Peer) -> Result<&mut ConnParams> {
    state.conn_params.make(peer, &state.defaults)
}

fn flags_changed(dev: &Device, addr: AddrInfo, current: DeviceFlags, skip: Option<SocketId>) {
    let Ok(info) = dev.info() else { return };
    let payload = event::DeviceFlagsChanged {
        addr,
        supported: caps::device_flags(dev, &info),
        current,
    };
    events::trusted(dev, ev::DEVICE_FLAGS_CHANGED, &payload, skip);
}

/// Add Device.
pub(super) fn add(call: &Call<'_>, params: &AddDevice) -> Outcome {
    const REPORT: u8 = 0;
    const ALLOW: u8 = 1;
    const CONNECT: u8 = 2;

    let dev = call.dev()?;
    let addr = &params.addr;
    let invalid = || call.refuse(MgmtStatus::INVALID_PARAMS, addr);
    let peer = peer(addr)
        .filter(|p| !p.addr.is_any())
        .ok_or_else(invalid)?;
    let auto_connect = match params.action {
        REPORT => AutoConnect::Report,
        ALLOW => AutoConnect::Direct,
        CONNECT => AutoConnect::Always,
        _ => return Err(invalid()),
    };
    if peer.kind == AddressType::BrEdr {
        // Only that it may connect.
        if params.action != ALLOW {
            return Err(invalid());
        }
        {
            let mut state = dev.state();
            if state.accept_list.iter().any(|(p, _)| *p == peer) {
                return Err(Failure::Errno(EEXIST));
            }
            if state.accept_list.len() >= MAX_DEVICES {
                return Err(Failure::Errno(ENOMEM));
            }
            state.accept_list.append((peer, 0))?;
        }
        background(dev, |session| {
            let _ = update::scan(session);
        });
        added(dev, params, DeviceFlags::EMPTY, call.skip());
        return call.reply(addr);
    }
    // Other addresses are of the kernel's own making and do not come from user space.
    identity(addr).ok_or_else(invalid)?;
    {
        let mut state = dev.state();
        match made(&mut state, peer) {
            Ok(entry) => entry.auto_connect = auto_connect,
            Err(_) => {
                drop(state);
                return Err(call.refuse(MgmtStatus::FAILED, addr));
            }
        }
    }
    let ticket = call.unlisted()?;
    let params = *params;
    let closed = call.refuse(MgmtStatus::FAILED, addr);
    call.queue_or(ticket, closed, move |session, ticket| {
        let result = update::passive_scan(session);
        let Some(claim) = ticket.claim() else { return };
        let dev = session.dev();
        // Removed meanwhile, it is not told as added any more.
        let flags = dev
            .state()
            .conn_params
            .of(peer)
            .filter(|p| p.auto_connect != AutoConnect::Disabled)
            .map(|p| p.flags);
        let status = match (result, flags) {
            (Ok(()), Some(flags)) => {
                let flags = DeviceFlags::from_bits(flags.into());
                added(dev, &params, flags, claim.skip());
                MgmtStatus::SUCCESS
            }
            (Ok(()), None) => MgmtStatus::CANCELLED,
            (Err(e), _) => status_of(e),
        };
        claim.complete(status, zerocopy::IntoBytes::as_bytes(&params.addr));
    })
}

fn added(dev: &Device, params: &AddDevice, flags: DeviceFlags, skip: Option<SocketId>) {
    let payload = event::DeviceAdded {
        addr: params.addr,
        action: params.action,
    };
    events::trusted(dev, ev::DEVICE_ADDED, &payload, skip);
    flags_changed(dev, params.addr, flags, None);
}

fn removed(dev: &Device, peer: Peer, skip: Option<SocketId>) {
    events::trusted(dev, ev::DEVICE_REMOVED, &addr_info(peer), skip);
}

/// Remove Device.
pub(super) fn remove(call: &Call<'_>, params: &DeviceParams) -> Outcome {
    let dev = call.dev()?;
    let addr = &params.addr;
    let invalid = || call.refuse(MgmtStatus::INVALID_PARAMS, addr);
    if addr.bdaddr.is_any() {
        if addr.addr_type != 0 {
            return Err(invalid());
        }
        remove_all(dev, call.skip());
        link::le_not_awaited(dev, None);
    } else if !kind_is_valid(addr) {
        return Err(invalid());
    } else if addr.kind() == Some(AddressType::BrEdr) {
        let peer = peer(addr).ok_or_else(invalid)?;
        let found = {
            let mut state = dev.state();
            let before = state.accept_list.len();
            state.accept_list.keep(|(p, _)| *p != peer);
            state.accept_list.len() != before
        };
        if !found {
            return Err(invalid());
        }
        background(dev, |session| {
            let _ = update::scan(session);
        });
        removed(dev, peer, call.skip());
        return call.reply(addr);
    } else {
        let peer = identity(addr).ok_or_else(invalid)?;
        let awaited = dev.state().conn_params.take_awaited(Some(peer));
        awaited.ok_or_else(invalid)?;
        removed(dev, peer, call.skip());
        link::le_not_awaited(dev, Some(peer));
    }
    background(dev, |session| {
        let _ = update::passive_scan(session);
    });
    call.reply(addr)
}

fn remove_all(dev: &Device, skip: Option<SocketId>) {
    // One at a time: nothing is sent with the lock held.
    loop {
        let peer = {
            let mut state = dev.state();
            let first = state.accept_list.first().map(|(p, _)| *p);
            if first.is_some() {
                let _ = state.accept_list.take_out(0);
            }
            first
        };
        match peer {
            Some(peer) => removed(dev, peer, skip),
            None => break,
        }
    }
    background(dev, |session| {
        let _ = update::scan(session);
    });
    loop {
        let awaited = dev.state().conn_params.take_awaited(None);
        match awaited {
            Some(peer) => removed(dev, peer, skip),
            None => break,
        }
    }
}

/// Load Connection Parameters.
pub(super) fn load_conn_params(call: &Call<'_>, params: &[u8]) -> Outcome {
    let dev = call.dev()?;
    if !call.info()?.le_capable() {
        return Err(MgmtStatus::NOT_SUPPORTED.into());
    }
    let list = LoadConnParam::parse(params)?;
    let mut state = dev.state();
    let mut update = None;
    let one_that_is_known = match list.params {
        [only] => peer(&only.addr).is_some_and(|p| state.conn_params.of(p).is_some()),
        _ => false,
    };
    // What is loaded replaces what was loaded before; one known device is only changed.
    if !list.params.is_empty() && !one_that_is_known {
        state.conn_params.forget_loaded();
    }
    for p in list.params {
        let Some(peer) = peer(&p.addr).filter(|p| p.kind.is_le()) else {
            continue;
        };
        let range = Range {
            min: p.min_interval.get(),
            max: p.max_interval.get(),
            latency: p.latency.get(),
            timeout: p.timeout.get(),
        };
        if !range.is_valid() {
            continue;
        }
        if let Ok(entry) = made(&mut state, peer) {
            entry.range = range;
        }
        if one_that_is_known {
            update = Some((peer, range));
        }
    }
    drop(state);
    // A link that is up follows.
    if let Some((peer, wanted)) = update {
        link::le_parameters_loaded(dev, peer, wanted);
    }
    call.done()
}

/// Get Device Flags.
pub(super) fn flags(call: &Call<'_>, params: &DeviceParams) -> Outcome {
    let dev = call.dev()?;
    let info = call.info()?;
    let addr = &params.addr;
    let current = peer(addr).and_then(|peer| {
        let state = dev.state();
        if peer.kind == AddressType::BrEdr {
            let known = state.accept_list.iter().find(|(p, _)| *p == peer);
            known.map(|(_, flags)| *flags)
        } else {
            state.conn_params.of(peer).map(|p| p.flags)
        }
    });
    match current {
        Some(current) => call.reply(&DeviceFlagsInfo {
            addr: *addr,
            supported: caps::device_flags(dev, &info),
            current: DeviceFlags::from_bits(current.into()),
        }),
        None => Err(call.refuse(
            MgmtStatus::INVALID_PARAMS,
            &DeviceFlagsInfo {
                addr: AddrInfo::new(BdAddr::ANY, AddressType::BrEdr),
                supported: DeviceFlags::EMPTY,
                current: DeviceFlags::EMPTY,
            },
        )),
    }
}

/// Set Device Flags.
pub(super) fn set_flags(call: &Call<'_>, params: &SetDeviceFlags) -> Outcome {
    let dev = call.dev()?;
    let info = call.info()?;
    let addr = &params.addr;
    let invalid = || call.refuse(MgmtStatus::INVALID_PARAMS, addr);
    let supported = caps::device_flags(dev, &info);
    if !supported.contains(params.current) {
        return Err(invalid());
    }
    // All that are supported fit in eight bits.
    let flags = u8::try_from(params.current.bits()).map_err(|_| invalid())?;
    // An address type that is none is taken for LE random, as ever.
    let peer = peer(addr).unwrap_or(Peer {
        addr: addr.bdaddr,
        kind: AddressType::LeRandom,
    });
    let done = {
        let mut state = dev.state();
        if peer.kind == AddressType::BrEdr {
            let known = state.accept_list.iter_mut().find(|(p, _)| *p == peer);
            known.map(|(_, f)| *f = flags).is_some()
        } else {
            made(&mut state, peer).map(|p| p.flags = flags).is_ok()
        }
    };
    if !done {
        return Err(invalid());
    }
    if peer.kind.is_le() && params.current.contains(DeviceFlags::DEVICE_PRIVACY) {
        background(dev, |session| {
            let _ = update::passive_scan(session);
        });
    }
    flags_changed(dev, *addr, params.current, call.skip());
    call.reply(addr)
}
