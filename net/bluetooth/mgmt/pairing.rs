// SPDX-License-Identifier: GPL-2.0

//! Pairing: its commands, the questions to the user, and the keys that come of it.

use super::{
    call::{
        complete,
        Call,
        Failure,
        Outcome, //
    },
    connections,
    devices,
    events::{
        self,
        peer, //
    },
    room::{
        self,
        Listed, //
    }, //
};
use crate::{
    hci::{
        link,
        power,
        with_worker,
        Device,
        LongTermKey,
        Pairing,
        Peer,
        UserReply, //
    },
    smp::{
        self,
        Paired, //
    },
};
use engine::smp::Answer;
use kernel::prelude::*;
use kernel_ext::vec::VecExt;
use kernel_ext::workqueue::Worker;
use wire::{
    hci::{
        Key,
        Status, //
    },
    mgmt::{
        command::{
            Device as DeviceParams,
            PairDevice,
            PinCodeReply,
            UnpairDevice,
            UserPasskeyReply, //
        },
        ev,
        event,
        op,
        AddrInfo,
        CsrkInfo,
        IrkInfo,
        LinkKeyInfo,
        LtkInfo,
        MgmtStatus, //
    },
    smp::IoCapability,
    AddressType, //
};
use zerocopy::IntoBytes;

/// Octets of a PIN at most.
const MAX_PIN: u8 = 16;
/// Greatest value of an input and output capability (Vol 3 Part H 3.5.1).
const MAX_IO_CAPABILITY: u8 = 0x04;
/// `HCI_ERROR_REMOTE_USER_TERM`.
const USER_ENDED: u8 = 0x13;

/// What the user says goes to the worker, which has the links.
pub(super) fn on_worker<R: Send>(
    dev: &Device,
    job: impl FnOnce(&Device, &mut Worker<'_>) -> Result<R> + Send,
) -> Result<R> {
    with_worker(dev, |worker| job(dev, worker))?
}

/// PIN Code Reply.
pub(super) fn pin_code_reply(call: &Call<'_>, params: &PinCodeReply) -> Outcome {
    let dev = call.dev()?;
    call.powered()?;
    let Some(peer) = peer(&params.addr).filter(|p| connections::exists(dev, *p)) else {
        return Err(MgmtStatus::NOT_CONNECTED.into());
    };
    let len = params.pin_len.min(MAX_PIN);
    let refused = |e| match e {
        e if e == ENOTCONN => MgmtStatus::NOT_CONNECTED.into(),
        _ => MgmtStatus::INVALID_PARAMS.into(),
    };
    pass_on(call, &params.addr, peer, refused, |dev, worker| {
        smp::give_pin(dev, worker, peer, Some((&params.pin.0, len)))
    })
}

/// The peer that a reply is about, if it is connected.
fn asked(call: &Call<'_>, addr: &AddrInfo) -> Result<Peer, Failure> {
    let dev = call.dev()?;
    if !power::is_powered(dev) {
        return Err(call.refuse(MgmtStatus::NOT_POWERED, addr));
    }
    peer(addr)
        .filter(|p| connections::exists(dev, *p))
        .ok_or_else(|| call.refuse(MgmtStatus::NOT_CONNECTED, addr))
}

/// Passes an answer of the user's on. On BR/EDR it is the controller that asked, and has yet to say whether it did
/// ([`Pairing::Replied`]).
fn pass_on(
    call: &Call<'_>,
    addr: &AddrInfo,
    peer: Peer,
    refused: impl FnOnce(Error) -> Failure,
    job: impl FnOnce(&Device, &mut Worker<'_>) -> Result + Send,
) -> Outcome {
    let ticket = call.listed()?;
    let done = on_worker(call.dev()?, job);
    if done.is_ok() && peer.kind == AddressType::BrEdr {
        return Ok(ticket.leave());
    }
    ticket.withdraw();
    done.map_err(refused)?;
    call.reply(addr)
}

fn answer(call: &Call<'_>, addr: &AddrInfo, answer: Answer) -> Outcome {
    let peer = asked(call, addr)?;
    let refused = |_| call.refuse(MgmtStatus::FAILED, addr);
    pass_on(call, addr, peer, refused, |dev, worker| {
        smp::answer(dev, worker, peer, answer)
    })
}

/// The controller has taken an answer of the user's, or not.
fn replied(dev: &Device, peer: Peer, reply: UserReply, status: Status) {
    let waiting = match reply {
        UserReply::Pin(true) => op::PIN_CODE_REPLY,
        UserReply::Pin(false) => op::PIN_CODE_NEG_REPLY,
        UserReply::Confirm(true) => op::USER_CONFIRM_REPLY,
        UserReply::Confirm(false) => op::USER_CONFIRM_NEG_REPLY,
        UserReply::Passkey(true) => op::USER_PASSKEY_REPLY,
        UserReply::Passkey(false) => op::USER_PASSKEY_NEG_REPLY,
    };
    let listed =
        room::of(dev).and_then(|room| room.take(|l| l.opcode == waiting && is_about(l, peer)));
    answer_listed(dev, listed, peer, MgmtStatus::from_hci(status));
}

/// PIN Code Negative Reply, and the replies to requests for confirmation.
pub(super) fn user_reply(call: &Call<'_>, params: &DeviceParams) -> Outcome {
    let addr = &params.addr;
    match call.opcode {
        op::PIN_CODE_NEG_REPLY => {
            let peer = asked(call, addr)?;
            let refused = |_| call.refuse(MgmtStatus::NOT_CONNECTED, addr);
            pass_on(call, addr, peer, refused, |dev, worker| {
                smp::give_pin(dev, worker, peer, None)
            })
        }
        op::USER_CONFIRM_REPLY => answer(call, addr, Answer::Confirm(true)),
        op::USER_CONFIRM_NEG_REPLY => answer(call, addr, Answer::Confirm(false)),
        _ => answer(call, addr, Answer::Passkey(None)),
    }
}

/// User Passkey Reply.
pub(super) fn user_passkey_reply(call: &Call<'_>, params: &UserPasskeyReply) -> Outcome {
    let passkey = Some(params.passkey.get());
    answer(call, &params.addr, Answer::Passkey(passkey))
}

/// Takes the Pair Device for a peer off the list.
fn take_pairing(dev: &Device, peer: Peer) -> Option<Listed> {
    room::of(dev)?.take(|l| is_pairing(l, peer))
}

fn is_pairing(listed: &Listed, peer: Peer) -> bool {
    listed.opcode == op::PAIR_DEVICE && is_about(listed, peer)
}

/// Whether a command that waits begins with the address of this peer.
fn is_about(listed: &Listed, peer: Peer) -> bool {
    let addr = events::addr_info(peer);
    listed.params.starts_with(addr.as_bytes())
}

/// Answers a Pair Device that waited.
fn pairing_over(dev: &Device, peer: Peer, now: Peer, status: MgmtStatus) {
    answer_listed(dev, take_pairing(dev, peer), now, status);
}

/// Answers a command that was about a peer, which is known by this address now.
fn answer_listed(dev: &Device, listed: Option<Listed>, now: Peer, status: MgmtStatus) {
    if let Some(l) = listed {
        let addr = events::addr_info(now);
        let _ = complete(l.origin, dev.id(), l.opcode, status, addr.as_bytes());
    }
}

/// How mgmt numbers the kind of a long term key: unauthenticated, authenticated, the same of
/// Secure Connections, debug.
fn ltk_type(key: &LongTermKey) -> u8 {
    match (key.kind, key.authenticated) {
        (3, _) => 4,
        (2, true) => 3,
        (2, false) => 2,
        (_, authenticated) => authenticated.into(),
    }
}

/// A step of pairing, for users.
pub(super) fn notice(dev: &Device, peer: Peer, what: Pairing<'_>) {
    let addr = events::addr_info(peer);
    match what {
        Pairing::Pin { secure } => {
            let payload = event::PinCodeRequest {
                addr,
                secure: secure.into(),
            };
            events::trusted(dev, ev::PIN_CODE_REQUEST, &payload, None);
        }
        Pairing::Confirm { value, hint } => {
            let payload = event::UserConfirmRequest {
                addr,
                confirm_hint: hint.into(),
                value: value.into(),
            };
            events::trusted(dev, ev::USER_CONFIRM_REQUEST, &payload, None);
        }
        Pairing::Passkey => events::trusted(dev, ev::USER_PASSKEY_REQUEST, &addr, None),
        Pairing::Show { passkey, entered } => {
            let payload = event::PasskeyNotify {
                addr,
                passkey: passkey.into(),
                entered,
            };
            events::trusted(dev, ev::PASSKEY_NOTIFY, &payload, None);
        }
        Pairing::Replied { reply, status } => replied(dev, peer, reply, status),
        Pairing::Failed { status } => {
            let payload = event::DeviceFailed {
                addr,
                status: MgmtStatus::from_hci(Status(status)),
            };
            // Who waits for the pairing is told by its answer.
            let waits = room::of(dev).and_then(|room| room.waits(|l| is_pairing(l, peer)));
            events::trusted(dev, ev::AUTH_FAILED, &payload, waits);
        }
        Pairing::Over { status, now } => {
            let status = status.map_or(MgmtStatus::FAILED, |s| MgmtStatus::from_hci(Status(s)));
            pairing_over(dev, peer, now, status);
        }
        Pairing::LinkKey { key, store } => {
            let payload = event::NewLinkKey {
                store_hint: store.into(),
                key: LinkKeyInfo {
                    addr,
                    key_type: key.kind,
                    value: Key(*key.value.octets()),
                    pin_len: key.pin_len,
                },
            };
            events::trusted(dev, ev::NEW_LINK_KEY, &payload, None);
        }
        Pairing::LongTermKey { key, store } => {
            let payload = event::NewLongTermKey {
                store_hint: store.into(),
                key: LtkInfo {
                    addr,
                    key_type: ltk_type(key),
                    initiator: (key.kind == 0).into(),
                    encryption_size: key.enc_size,
                    ediv: key.ediv.into(),
                    rand: key.rand.into(),
                    value: Key(*key.value.octets()),
                },
            };
            events::trusted(dev, ev::NEW_LONG_TERM_KEY, &payload, None);
        }
        Pairing::IdentityKey { key, seen, store } => {
            let payload = event::NewIrk {
                store_hint: store.into(),
                rpa: seen,
                irk: IrkInfo {
                    addr,
                    value: Key(*key.value.octets()),
                },
            };
            events::trusted(dev, ev::NEW_IRK, &payload, None);
        }
        Pairing::SigningKey { kind, value, store } => {
            let payload = event::NewCsrk {
                store_hint: store.into(),
                key: CsrkInfo {
                    addr,
                    key_type: kind,
                    value: *value,
                },
            };
            events::trusted(dev, ev::NEW_CSRK, &payload, None);
        }
    }
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
    if let Err(status) = transport {
        return refuse(status);
    }
    // Who is paired with comes back: what it wishes for its links is kept from the first one on, if there is room.
    if peer.kind.is_le() {
        let _ = devices::remember(dev, peer);
    }
    let ticket = call.listed()?;
    let io = IoCapability(params.io_capability);
    let asked = on_worker(dev, |dev, worker| smp::pair(dev, worker, peer, io));
    let status = match asked {
        Ok(Paired::Pending) => return Ok(ticket.leave()),
        Ok(Paired::Already) => MgmtStatus::SUCCESS,
        Err(e) if e == EBUSY => MgmtStatus::BUSY,
        Err(e) if e == EOPNOTSUPP => MgmtStatus::NOT_SUPPORTED,
        Err(e) if e == ECONNREFUSED => MgmtStatus::REJECTED,
        Err(_) => MgmtStatus::CONNECT_FAILED,
    };
    ticket.withdraw();
    call.complete_with(status, addr.as_bytes())
}

/// Cancel Pair Device.
pub(super) fn cancel(call: &Call<'_>, params: &DeviceParams) -> Outcome {
    let dev = call.dev()?;
    call.powered()?;
    let addr = &params.addr;
    let waits = peer(addr).and_then(|peer| Some((peer, take_pairing(dev, peer)?)));
    let Some((peer, waiting)) = waits else {
        return Err(MgmtStatus::INVALID_PARAMS.into());
    };
    complete(
        waiting.origin,
        dev.id(),
        waiting.opcode,
        MgmtStatus::CANCELLED,
        addr.as_bytes(),
    )?;
    let answered = call.reply(addr);
    let _ = on_worker(dev, |dev, worker| {
        smp::cancel(dev, worker, peer);
        Ok(())
    });
    answered
}

/// Forgets the keys of a peer; `false` if there were none.
fn forget(dev: &Device, peer: Peer) -> bool {
    let mut state = dev.state();
    if peer.kind == AddressType::BrEdr {
        let before = state.link_keys.len();
        state.link_keys.keep(|k| k.addr != peer.addr);
        return state.link_keys.len() != before;
    }
    let before = state.long_term_keys.len();
    state.long_term_keys.keep(|k| k.peer != peer);
    let paired = state.long_term_keys.len() != before;
    if paired {
        state.identity_keys.keep(|k| k.peer != peer);
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
    if peer.kind.is_le() {
        // A pairing that is going on would bring the keys back.
        let _ = on_worker(dev, |dev, worker| {
            smp::abort(dev, worker, peer);
            Ok(())
        });
    }
    if !forget(dev, peer) {
        return refuse(MgmtStatus::NOT_PAIRED);
    }
    let linked = connections::exists(dev, peer);
    if peer.kind.is_le() {
        dev.state().conn_params.unpaired(peer, linked);
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
