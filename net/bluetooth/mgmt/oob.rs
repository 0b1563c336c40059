// SPDX-License-Identifier: GPL-2.0

//! Out of band data: what a peer is given by other means than radio.

use super::{
    call::{
        concat,
        Call,
        Failure,
        Outcome, //
    },
    caps,
    channel::EventFlag,
    events::{
        self,
        peer, //
    },
    room::Claim,
    status_of, //
};
use crate::hci::{
    power,
    Device,
    Info,
    OobPair,
    RemoteOob,
    Session, //
};
use crate::smp;
use kernel::prelude::*;
use kernel_ext::hci::Flag;
use kernel_ext::vec::VecExt;
use wire::{
    eir::{
        field,
        flags,
        Builder, //
    },
    hci::{
        host_control::{
            ReadLocalOobData,
            ReadLocalOobExtData, //
        },
        Key, //
    },
    mgmt::{
        command::{
            AddRemoteOobData,
            Device as DeviceParams,
            ReadLocalOobExtData as ReadLocalParams,
            RemoteOobData, //
        },
        ev,
        reply::{
            LocalOobData,
            LocalOobDataExt,
            LocalOobExtDataHead, //
        },
        AddrInfo,
        AddressTypes,
        MgmtStatus, //
    },
    AddressType, //
};
use zerocopy::{
    little_endian::U16,
    IntoBytes, //
};

/// Peers whose data are kept, at most.
const MAX_REMOTE: usize = 1024;

/// Nothing, if one of the two is nothing.
fn pair(hash: Key, rand: Key) -> Option<OobPair> {
    (hash != Key([0; 16]) && rand != Key([0; 16])).then_some(OobPair { hash, rand })
}

/// What the controller has for others.
struct Local {
    p192: OobPair,
    p256: Option<OobPair>,
}

fn read(session: &Session<'_>) -> Result<Local> {
    let dev = session.dev();
    let info = dev.info()?;
    if caps::bredr_sc_enabled(dev, &info) {
        let data = session.send(&ReadLocalOobExtData {})?;
        return Ok(Local {
            p192: OobPair {
                hash: data.hash192,
                rand: data.rand192,
            },
            p256: Some(OobPair {
                hash: data.hash256,
                rand: data.rand256,
            }),
        });
    }
    let data = session.send(&ReadLocalOobData {})?;
    Ok(Local {
        p192: OobPair {
            hash: data.hash,
            rand: data.rand,
        },
        p256: None,
    })
}

/// Read Local Out Of Band Data.
pub(super) fn read_local(call: &Call<'_>) -> Outcome {
    call.powered()?;
    if !call.info()?.features.ssp() {
        return Err(MgmtStatus::NOT_SUPPORTED.into());
    }
    let ticket = call.unlisted()?;
    call.queue_or(ticket, MgmtStatus::FAILED, |session, ticket| {
        let result = read(session);
        let Some(claim) = ticket.claim() else { return };
        match result {
            Ok(Local { p192, p256: None }) => {
                let reply = LocalOobData {
                    hash: p192.hash,
                    rand: p192.rand,
                };
                claim.complete(MgmtStatus::SUCCESS, reply.as_bytes());
            }
            Ok(Local {
                p192,
                p256: Some(p256),
            }) => {
                let reply = LocalOobDataExt {
                    hash192: p192.hash,
                    rand192: p192.rand,
                    hash256: p256.hash,
                    rand256: p256.rand,
                };
                claim.complete(MgmtStatus::SUCCESS, reply.as_bytes());
            }
            Err(e) => claim.status(status_of(e)),
        }
    })
}

/// The reply to Read Local OOB Extended Data, which also is the event for the others.
fn ext_reply(kind: AddressTypes, fields: &[u8]) -> Result<super::call::Bytes> {
    let head = LocalOobExtDataHead {
        kind,
        eir_len: U16::new(u16::try_from(fields.len()).unwrap_or(u16::MAX)),
    };
    concat(&[head.as_bytes(), fields])
}

/// Read Local OOB Extended Data.
pub(super) fn read_local_ext(call: &Call<'_>, params: &ReadLocalParams) -> Outcome {
    let dev = call.dev()?;
    let info = call.info()?;
    let kind = params.kind;
    let refuse = |status| match ext_reply(kind, &[]) {
        Ok(reply) => Failure::Complete(status, reply),
        Err(e) => Failure::Errno(e),
    };
    if !power::is_powered(dev) {
        return Err(refuse(MgmtStatus::NOT_POWERED));
    }
    let transport = match kind {
        AddressTypes::BREDR => caps::bredr(dev, &info),
        AddressTypes::LE => caps::le(dev, &info),
        _ => Err(MgmtStatus::INVALID_PARAMS),
    };
    transport.map_err(refuse)?;
    if !info.features.ssp() {
        return Err(refuse(MgmtStatus::NOT_SUPPORTED));
    }
    let mut fields = Builder::<128>::new();
    if kind == AddressTypes::BREDR {
        if dev.has(Flag::SSP_ENABLED) {
            let ticket = call.unlisted()?;
            return call.queue_or(
                ticket,
                refuse(MgmtStatus::FAILED),
                move |session, ticket| {
                    let result = read(session);
                    if let Some(claim) = ticket.claim() {
                        answer_bredr(session.dev(), &claim, kind, result);
                    }
                },
            );
        }
        let _fits = fields.push(field::CLASS_OF_DEVICE, &dev.state().class);
    } else {
        le_fields(dev, &info, &mut fields).map_err(refuse)?;
    }
    call.set_flag(EventFlag::OobData, true);
    let reply = ext_reply(kind, fields.as_slice())?;
    let answered = call.complete(&reply)?;
    events::send(
        dev,
        ev::LOCAL_OOB_DATA_UPDATED,
        &reply,
        EventFlag::OobData,
        call.skip(),
    );
    Ok(answered)
}

fn answer_bredr(dev: &Device, claim: &Claim, kind: AddressTypes, result: Result<Local>) {
    let (status, reply) = match result {
        Ok(local) => {
            let mut fields = Builder::<128>::new();
            // There is room for all of them.
            let mut _fits = fields.push(field::CLASS_OF_DEVICE, &dev.state().class);
            // With Secure Connections only, P-192 is of no use.
            if local.p256.is_none() || !dev.has(Flag::SC_ONLY) {
                _fits &= fields.push(field::SSP_HASH_C192, &local.p192.hash.0);
                _fits &= fields.push(field::SSP_RAND_R192, &local.p192.rand.0);
            }
            if let Some(p256) = local.p256 {
                _fits &= fields.push(field::SSP_HASH_C256, &p256.hash.0);
                _fits &= fields.push(field::SSP_RAND_R256, &p256.rand.0);
            }
            (MgmtStatus::SUCCESS, ext_reply(kind, fields.as_slice()))
        }
        Err(e) => (status_of(e), ext_reply(kind, &[])),
    };
    let Ok(reply) = reply else {
        claim.status(MgmtStatus::NO_RESOURCES);
        return;
    };
    claim.complete(status, &reply);
    if status.is_success() {
        claim.set_flag(EventFlag::OobData, true);
        events::send(
            dev,
            ev::LOCAL_OOB_DATA_UPDATED,
            &reply,
            EventFlag::OobData,
            claim.skip(),
        );
    }
}

fn le_fields(dev: &Device, info: &Info, fields: &mut Builder<128>) -> Result<(), MgmtStatus> {
    const PUBLIC: u8 = 0x00;
    const RANDOM: u8 = 0x01;
    /// Peripheral, or central, preferred (Supplement Part A 1.17).
    const PERIPHERAL_PREFERRED: u8 = 0x02;
    const CENTRAL_ONLY: u8 = 0x01;

    let secure = if dev.has(Flag::SC_ENABLED) {
        let made = super::pairing::on_worker(dev, smp::make_local_oob);
        Some(made.map_err(|_| MgmtStatus::FAILED)?)
    } else {
        None
    };
    // The private address in use next is not known yet.
    if dev.has(Flag::PRIVACY) {
        return Err(MgmtStatus::REJECTED);
    }
    let static_addr = dev.state().static_addr;
    let use_static = dev.has(Flag::FORCE_STATIC_ADDR)
        || info.bdaddr.is_any()
        || (!dev.has(Flag::BREDR_ENABLED) && !static_addr.is_any());
    let (addr, kind) = if use_static {
        (static_addr, RANDOM)
    } else {
        (info.bdaddr, PUBLIC)
    };
    let role = if dev.has(Flag::ADVERTISING) {
        PERIPHERAL_PREFERRED
    } else {
        CENTRAL_ONLY
    };
    let mut ad_flags = if dev.has(Flag::LIMITED_DISCOVERABLE) {
        flags::LIMITED
    } else if dev.has(Flag::DISCOVERABLE) {
        flags::GENERAL
    } else {
        0
    };
    if !dev.has(Flag::BREDR_ENABLED) {
        ad_flags |= flags::NO_BREDR;
    }
    // There is room for all of them.
    let mut _fits = fields.push_parts(field::LE_BDADDR, &[&addr.0, &[kind]]);
    _fits &= fields.push_u8(field::LE_ROLE, role);
    if let Some(pair) = secure {
        _fits &= fields.push(field::LE_SC_CONFIRM, &pair.hash.0);
        _fits &= fields.push(field::LE_SC_RANDOM, &pair.rand.0);
    }
    _fits &= fields.push_u8(field::FLAGS, ad_flags);
    Ok(())
}

/// Add Remote Out Of Band Data.
pub(super) fn add_remote(call: &Call<'_>, params: &[u8]) -> Outcome {
    // The address type is checked before the length is.
    let head = params
        .first_chunk::<7>()
        .ok_or(MgmtStatus::INVALID_PARAMS)?;
    let [a, b, c, d, e, f, kind] = *head;
    let addr = AddrInfo {
        bdaddr: wire::BdAddr([a, b, c, d, e, f]),
        addr_type: kind,
    };
    let invalid = || call.refuse(MgmtStatus::INVALID_PARAMS, &addr);
    let peer = peer(&addr).ok_or_else(invalid)?;
    let params = AddRemoteOobData::parse(params)?;
    let (p192, p256) = match params.data {
        RemoteOobData::P192(data) => {
            if peer.kind != AddressType::BrEdr {
                return Err(invalid());
            }
            (
                Some(OobPair {
                    hash: data.hash,
                    rand: data.rand,
                }),
                None,
            )
        }
        RemoteOobData::Extended(data) => {
            let nothing = Key([0; 16]);
            // LE legacy pairing has other out of band data.
            if peer.kind.is_le() && (data.rand192 != nothing || data.hash192 != nothing) {
                return Err(invalid());
            }
            (
                pair(data.hash192, data.rand192),
                pair(data.hash256, data.rand256),
            )
        }
    };
    let kept = {
        let mut state = call.dev()?.state();
        state.remote_oob.keep(|r| r.peer != peer);
        state.remote_oob.len() < MAX_REMOTE
            && state
                .remote_oob
                .append(RemoteOob { peer, p192, p256 })
                .is_ok()
    };
    if kept {
        call.reply(&addr)
    } else {
        Err(call.refuse(MgmtStatus::FAILED, &addr))
    }
}

/// Remove Remote Out Of Band Data.
pub(super) fn remove_remote(call: &Call<'_>, params: &DeviceParams) -> Outcome {
    let addr = &params.addr;
    let invalid = || call.refuse(MgmtStatus::INVALID_PARAMS, addr);
    let peer = peer(addr)
        .filter(|p| p.kind == AddressType::BrEdr)
        .ok_or_else(invalid)?;
    let removed = {
        let mut state = call.dev()?.state();
        let before = state.remote_oob.len();
        let all = peer.addr.is_any();
        state.remote_oob.keep(|r| !all && r.peer != peer);
        all || state.remote_oob.len() != before
    };
    if removed {
        call.reply(addr)
    } else {
        Err(invalid())
    }
}
