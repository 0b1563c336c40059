// SPDX-License-Identifier: GPL-2.0

//! Links that there are.

use super::{
    call::{
        concat,
        Bytes,
        Call,
        Failure,
        Outcome, //
    },
    events::{
        addr_info,
        peer, //
    },
    status_of, //
};
use crate::hci::{
    link::{
        self,
        LinkSnapshot, //
    },
    power,
    Device,
    Peer, //
};
use kernel::prelude::*;
use kernel_ext::hci::DevFlag;
use kernel_ext::vec::VecExt;
use wire::{
    hci::{
        host_control::ReadTransmitPowerLevel,
        status_params::{
            ReadClock,
            ReadRssi, //
        },
        ConnHandle, //
    },
    mgmt::{
        command::{
            Device as DeviceParams,
            LoadConnSubrate, //
        },
        reply::{
            ClockInfo,
            ConnInfo,
            ConnectionsHead, //
        },
        MgmtStatus, //
    },
    AddressType, //
};
use zerocopy::{
    little_endian::{
        U16,
        U32, //
    },
    IntoBytes, //
};

/// Links that are described at once, at most: all that there can be.
const MAX_LINKS: usize = link::MAX_LINKS;
/// `BT_CONNECTED`.
const CONNECTED: u16 = 1;
/// `HCI_ERROR_REMOTE_USER_TERM`.
const USER_ENDED: u8 = 0x13;

/// The link to a peer that is connected.
fn connected(dev: &Device, peer: Peer) -> Option<LinkSnapshot> {
    link::snapshot(dev, MAX_LINKS)
        .ok()?
        .iter()
        .find(|l| l.peer == peer && l.state == CONNECTED)
        .copied()
}

/// Whether there is a link to a peer, in whatever state.
pub(super) fn exists(dev: &Device, peer: Peer) -> bool {
    link::snapshot(dev, MAX_LINKS).is_ok_and(|links| links.iter().any(|l| l.peer == peer))
}

/// Whether there is an LE link.
pub(super) fn any_le(dev: &Device) -> bool {
    dev.link_count() > 0
        && link::snapshot(dev, MAX_LINKS)
            .is_ok_and(|links| links.iter().any(|l| l.peer.kind.is_le()))
}

/// Disconnect.
pub(super) fn disconnect(call: &Call<'_>, params: &DeviceParams) -> Outcome {
    let dev = call.dev()?;
    let addr = &params.addr;
    let Some(peer) = peer(addr) else {
        return Err(call.refuse(MgmtStatus::INVALID_PARAMS, addr));
    };
    if !dev.is(DevFlag::UP) {
        return Err(call.refuse(MgmtStatus::NOT_POWERED, addr));
    }
    let ticket = call.unlisted()?;
    call.queue(ticket, move |session, ticket| {
        let result = link::disconnect_regardless(session, peer, USER_ENDED);
        let Some(claim) = ticket.claim() else { return };
        let status = result.err().map_or(MgmtStatus::SUCCESS, status_of);
        claim.complete(status, &claim.params);
    })
}

/// Get Connections.
pub(super) fn list(call: &Call<'_>) -> Outcome {
    let dev = call.dev()?;
    call.powered()?;
    let mut peers = Bytes::new();
    let mut count: u16 = 0;
    for l in link::snapshot(dev, MAX_LINKS)?
        .iter()
        .filter(|l| l.reported)
    {
        peers.append_all(addr_info(l.peer).as_bytes())?;
        count = count.saturating_add(1);
    }
    let head = ConnectionsHead {
        count: U16::new(count),
    };
    call.complete(&concat(&[head.as_bytes(), &peers])?)
}

/// Get Connection Information.
pub(super) fn info(call: &Call<'_>, params: &DeviceParams) -> Outcome {
    let dev = call.dev()?;
    let refuse = |status| -> Failure {
        let reply = ConnInfo {
            addr: params.addr,
            rssi: 0,
            tx_power: 0,
            max_tx_power: 0,
        };
        call.refuse(status, &reply)
    };
    let peer = peer(&params.addr).ok_or_else(|| refuse(MgmtStatus::INVALID_PARAMS))?;
    if !power::is_powered(dev) {
        return Err(refuse(MgmtStatus::NOT_POWERED));
    }
    if connected(dev, peer).is_none() {
        return Err(refuse(MgmtStatus::NOT_CONNECTED));
    }
    let ticket = call.unlisted()?;
    let addr = params.addr;
    call.queue_or(
        ticket,
        refuse(MgmtStatus::FAILED),
        move |session, ticket| {
            let result = read_conn_info(session, peer);
            let Some(claim) = ticket.claim() else { return };
            let (status, reply) = match result {
                Ok([rssi, tx_power, max_tx_power]) => {
                    let reply = ConnInfo {
                        addr,
                        rssi,
                        tx_power,
                        max_tx_power,
                    };
                    (MgmtStatus::SUCCESS, reply)
                }
                Err(status) => (status, ConnInfo::unknown(addr)),
            };
            claim.complete(status, reply.as_bytes());
        },
    )
}

/// RSSI, current and greatest transmit power of a link, in dBm.
fn read_conn_info(session: &crate::hci::Session<'_>, peer: Peer) -> Result<[i8; 3], MgmtStatus> {
    const CURRENT: u8 = 0;
    const MAXIMUM: u8 = 1;

    let link = connected(session.dev(), peer).ok_or(MgmtStatus::NOT_CONNECTED)?;
    let handle = ConnHandle::new(link.handle);
    let failed = |e: crate::hci::CommandError| status_of(e);
    let rssi = session.send(&ReadRssi { handle }).map_err(failed)?.rssi;
    let power = |kind| {
        session
            .send(&ReadTransmitPowerLevel { handle, kind })
            .map(|reply| reply.level)
            .map_err(failed)
    };
    Ok([rssi, power(CURRENT)?, power(MAXIMUM)?])
}

/// Get Clock Information.
pub(super) fn clock(call: &Call<'_>, params: &DeviceParams) -> Outcome {
    let dev = call.dev()?;
    let refuse = |status| -> Failure { call.refuse(status, &ClockInfo::unknown(params.addr)) };
    let peer = peer(&params.addr)
        .filter(|p| p.kind == AddressType::BrEdr)
        .ok_or_else(|| refuse(MgmtStatus::INVALID_PARAMS))?;
    if !power::is_powered(dev) {
        return Err(refuse(MgmtStatus::NOT_POWERED));
    }
    if !peer.addr.is_any() && connected(dev, peer).is_none() {
        return Err(refuse(MgmtStatus::NOT_CONNECTED));
    }
    let ticket = call.unlisted()?;
    let mut reply = ClockInfo::unknown(params.addr);
    call.queue_or(
        ticket,
        refuse(MgmtStatus::FAILED),
        move |session, ticket| {
            /// Which clock: the controller's own, or a piconet's.
            const LOCAL: u8 = 0;
            const PICONET: u8 = 1;

            let read = |handle, which| {
                session.send(&ReadClock {
                    handle: ConnHandle::new(handle),
                    which,
                })
            };
            let local = read(0, LOCAL);
            let status = match connected(session.dev(), peer) {
                None => MgmtStatus::NOT_CONNECTED,
                Some(link) => match read(link.handle, PICONET) {
                    Ok(piconet) => {
                        reply.local_clock = local.map_or(U32::ZERO, |l| l.clock);
                        reply.piconet_clock = piconet.clock;
                        reply.accuracy = piconet.accuracy;
                        MgmtStatus::SUCCESS
                    }
                    Err(e) => status_of(e),
                },
            };
            if let Some(claim) = ticket.claim() {
                claim.complete(status, reply.as_bytes());
            }
        },
    )
}

/// Load Connection Subrate.
pub(super) fn load_subrate(call: &Call<'_>, params: &[u8]) -> Outcome {
    let info = call.info()?;
    if !info.le_capable() || !info.le_features.shorter_intervals() {
        return Err(MgmtStatus::NOT_SUPPORTED.into());
    }
    LoadConnSubrate::parse(params)?;
    // LE links that could be subrated come with the links themselves.
    Err(MgmtStatus::NOT_SUPPORTED.into())
}
