// SPDX-License-Identifier: GPL-2.0

//! Pairing, as far as it needs no authentication: keys are forgotten, and what cannot be done yet
//! is refused.

use super::{
    call::{
        Call,
        Failure,
        Outcome, //
    },
    connections,
    events::{
        self,
        peer, //
    }, //
};
use crate::hci::{
    link,
    power,
    Device,
    Peer, //
};
use wire::{
    mgmt::{
        command::{
            Device as DeviceParams,
            PairDevice,
            PinCodeReply,
            UnpairDevice,
            UserPasskeyReply, //
        },
        ev,
        AddrInfo,
        MgmtStatus, //
    },
    AddressType, //
};
use zerocopy::IntoBytes;

/// Greatest value of an input and output capability (Vol 3 Part H 3.5.1).
const MAX_IO_CAPABILITY: u8 = 0x04;
/// `HCI_ERROR_REMOTE_USER_TERM`.
const USER_ENDED: u8 = 0x13;

/// PIN Code Reply.
pub(super) fn pin_code_reply(call: &Call<'_>, params: &PinCodeReply) -> Outcome {
    let dev = call.dev()?;
    call.powered()?;
    let connected = peer(&params.addr).is_some_and(|p| connections::exists(dev, p));
    Err(if connected {
        MgmtStatus::NOT_SUPPORTED.into()
    } else {
        MgmtStatus::NOT_CONNECTED.into()
    })
}

fn answer_request(call: &Call<'_>, addr: &AddrInfo) -> Failure {
    let status = match call.dev() {
        Err(e) => return e,
        Ok(dev) if !power::is_powered(dev) => MgmtStatus::NOT_POWERED,
        Ok(dev) => match peer(addr).is_some_and(|p| connections::exists(dev, p)) {
            true => MgmtStatus::NOT_SUPPORTED,
            false => MgmtStatus::NOT_CONNECTED,
        },
    };
    call.refuse(status, addr)
}

/// PIN Code Negative Reply, and the replies to requests for confirmation.
pub(super) fn user_reply(call: &Call<'_>, params: &DeviceParams) -> Outcome {
    Err(answer_request(call, &params.addr))
}

/// User Passkey Reply.
pub(super) fn user_passkey_reply(call: &Call<'_>, params: &UserPasskeyReply) -> Outcome {
    Err(answer_request(call, &params.addr))
}

/// Whether keys of a peer are known.
fn is_paired(dev: &Device, peer: Peer) -> bool {
    let state = dev.state();
    match peer.kind {
        AddressType::BrEdr => state.link_keys.iter().any(|k| k.addr == peer.addr),
        _ => {
            // A private address is looked up by the identity behind it.
            let identity = state
                .identity_keys
                .iter()
                .find(|k| k.rpa == peer.addr && !k.rpa.is_any())
                .map_or(peer, |k| k.peer);
            state.long_term_keys.iter().any(|k| k.peer == identity)
        }
    }
}

/// Pair Device.
pub(super) fn pair(call: &Call<'_>, params: &PairDevice) -> Outcome {
    let dev = call.dev()?;
    let info = call.info()?;
    let addr = &params.addr;
    let refuse = |status| Err(call.refuse(status, addr));
    let Some(peer) = peer(addr).filter(|_| params.io_capability <= MAX_IO_CAPABILITY) else {
        return refuse(MgmtStatus::INVALID_PARAMS);
    };
    if !power::is_powered(dev) {
        return refuse(MgmtStatus::NOT_POWERED);
    }
    if is_paired(dev, peer) {
        return refuse(MgmtStatus::ALREADY_PAIRED);
    }
    let transport = match peer.kind {
        AddressType::BrEdr => super::caps::bredr(dev, &info),
        _ => super::caps::le(dev, &info),
    };
    match transport {
        Err(status) => refuse(status),
        // Authentication comes with the Security Manager.
        Ok(()) => refuse(MgmtStatus::NOT_SUPPORTED),
    }
}

/// Cancel Pair Device.
pub(super) fn cancel(call: &Call<'_>, _params: &DeviceParams) -> Outcome {
    call.powered()?;
    // None is under way.
    Err(MgmtStatus::INVALID_PARAMS.into())
}

/// Forgets the keys of a peer; `false` if there were none.
fn forget(dev: &Device, peer: Peer) -> bool {
    let mut state = dev.state();
    if peer.kind == AddressType::BrEdr {
        let before = state.link_keys.len();
        state.link_keys.retain(|k| k.addr != peer.addr);
        return state.link_keys.len() != before;
    }
    let before = state.long_term_keys.len();
    state.long_term_keys.retain(|k| k.peer != peer);
    let paired = state.long_term_keys.len() != before;
    if paired {
        state.identity_keys.retain(|k| k.peer != peer);
    }
    paired
}

/// Unpair Device.
pub(super) fn unpair(call: &Call<'_>, params: &UnpairDevice) -> Outcome {
    let dev = call.dev()?;
    let addr = params.addr;
    let refuse = |status| Err(call.refuse(status, &addr));
    let Some(peer) = peer(&addr).filter(|_| params.disconnect <= 1) else {
        return refuse(MgmtStatus::INVALID_PARAMS);
    };
    if !power::is_powered(dev) {
        return refuse(MgmtStatus::NOT_POWERED);
    }
    if !forget(dev, peer) {
        return refuse(MgmtStatus::NOT_PAIRED);
    }
    let linked = connections::exists(dev, peer);
    if peer.kind.is_le() {
        let mut state = dev.state();
        if linked {
            for p in state.conn_params.iter_mut().filter(|p| p.peer == peer) {
                p.auto_connect = crate::hci::AutoConnect::Disabled;
            }
        } else {
            state.conn_params.retain(|p| p.peer != peer);
        }
    }
    if !linked || params.disconnect == 0 {
        let answered = call.reply(&addr);
        events::trusted(dev, ev::DEVICE_UNPAIRED, &addr, call.skip());
        return answered;
    }
    let ticket = call.unlisted()?;
    call.queue(ticket, move |session, ticket| {
        // Gone already is as good.
        let _ = link::disconnect(session, peer, USER_ENDED);
        let Some(claim) = ticket.claim() else { return };
        events::trusted(session.dev(), ev::DEVICE_UNPAIRED, &addr, claim.skip());
        claim.complete(MgmtStatus::SUCCESS, addr.as_bytes());
    })
}
