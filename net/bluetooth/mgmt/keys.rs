// SPDX-License-Identifier: GPL-2.0

//! Keys that user space keeps and loads.
//!
//! Values are never logged.

use super::{
    call::{
        Call,
        Outcome, //
    },
    events, //
};
use crate::hci::{
    BlockedKey,
    IdentityKey,
    LinkKey,
    LongTermKey,
    Peer,
    State, //
};
use engine::smp::Secret;
use kernel::prelude::*;
use kernel_ext::hci::Flag;
use kernel_ext::vec::{
    self,
    VecExt, //
};
use wire::{
    hci::Key,
    mgmt::{
        command::{
            LoadIrks,
            LoadLinkKeys,
            LoadLongTermKeys,
            SetBlockedKeys, //
        },
        AddrInfo,
        LtkInfo,
        MgmtStatus, //
    },
    AddressType,
    BdAddr, //
};

/// Kinds of blocked keys.
mod blocked {
    pub(super) const LINK_KEY: u8 = 0;
    pub(super) const LTK: u8 = 1;
    pub(super) const IRK: u8 = 2;
}

/// Greatest link key type, authenticated P-256 combination key (Vol 4 Part E 7.7.24).
const MAX_LINK_KEY_TYPE: u8 = 0x08;
/// Link key type of a debug combination key.
const DEBUG_COMBINATION: u8 = 0x03;

/// Kinds of LTKs, as the Security Manager has them.
mod smp {
    pub(super) const LTK: u8 = 0;
    pub(super) const LTK_RESPONDER: u8 = 1;
    pub(super) const LTK_P256: u8 = 2;
}

fn is_blocked(state: &State, kind: u8, value: &Key) -> bool {
    state
        .blocked_keys
        .iter()
        .any(|b| b.kind == kind && b.value == value.0)
}

/// The peer, if its address is an identity: public, or static random.
pub(super) fn identity(addr: &AddrInfo) -> Option<Peer> {
    let peer = events::peer(addr)?;
    match peer.kind {
        AddressType::BrEdr => None,
        AddressType::LePublic => Some(peer),
        AddressType::LeRandom => peer.addr.is_static_random().then_some(peer),
    }
}

/// Load Link Keys.
pub(super) fn load_link_keys(call: &Call<'_>, params: &[u8]) -> Outcome {
    let dev = call.dev()?;
    if !call.info()?.bredr_capable() {
        return Err(MgmtStatus::NOT_SUPPORTED.into());
    }
    let list = LoadLinkKeys::parse(params)?;
    let keep_debug = super::call::on_off(list.debug_keys)?;
    let mut keys = vec::with_capacity(list.keys.len())?;
    {
        let state = dev.state();
        for key in list.keys {
            // Debug keys are never kept: who wants one pairs anew.
            let usable = !is_blocked(&state, blocked::LINK_KEY, &key.value)
                && key.addr.kind() == Some(AddressType::BrEdr)
                && key.key_type <= MAX_LINK_KEY_TYPE
                && key.key_type != DEBUG_COMBINATION;
            if usable {
                // The last one of an address counts.
                keys.keep(|k: &mut KBox<LinkKey>| k.addr != key.addr.bdaddr);
                let kept = LinkKey {
                    addr: key.addr.bdaddr,
                    kind: key.key_type,
                    value: Secret::new(key.value.0),
                    pin_len: key.pin_len,
                    enc_size: 0,
                };
                keys.append(KBox::new(kept, GFP_KERNEL)?)?;
            }
        }
    }
    dev.state().link_keys = keys;
    if dev.set(Flag::KEEP_DEBUG_KEYS, keep_debug) != keep_debug {
        events::new_settings(dev, None);
    }
    call.done()
}

/// Kind and authentication of an LTK, if it is one that is kept.
fn ltk_kind(key: &LtkInfo) -> Option<(u8, bool)> {
    let legacy = match key.initiator {
        0 => smp::LTK_RESPONDER,
        1 => smp::LTK,
        _ => return None,
    };
    match key.key_type {
        0 => Some((legacy, false)),
        1 => Some((legacy, true)),
        2 => Some((smp::LTK_P256, false)),
        3 => Some((smp::LTK_P256, true)),
        _ => None,
    }
}

/// Load Long Term Keys.
pub(super) fn load_long_term_keys(call: &Call<'_>, params: &[u8]) -> Outcome {
    let dev = call.dev()?;
    if !call.info()?.le_capable() {
        return Err(MgmtStatus::NOT_SUPPORTED.into());
    }
    let list = LoadLongTermKeys::parse(params)?;
    let mut keys = vec::with_capacity(list.keys.len())?;
    {
        let state = dev.state();
        for key in list.keys {
            if is_blocked(&state, blocked::LTK, &key.value) {
                continue;
            }
            let (Some(peer), Some((kind, authenticated)), Some(_)) =
                (identity(&key.addr), ltk_kind(key), key.used())
            else {
                continue;
            };
            let responder = kind == smp::LTK_RESPONDER;
            keys.keep(|k: &mut KBox<LongTermKey>| {
                k.peer != peer || (k.kind == smp::LTK_RESPONDER) != responder
            });
            let kept = LongTermKey {
                peer,
                kind,
                authenticated,
                enc_size: key.encryption_size,
                ediv: key.ediv.get(),
                rand: key.rand.get(),
                value: Secret::new(key.value.0),
            };
            keys.append(KBox::new(kept, GFP_KERNEL)?)?;
        }
    }
    dev.state().long_term_keys = keys;
    call.done()
}

/// Load Identity Resolving Keys.
pub(super) fn load_irks(call: &Call<'_>, params: &[u8]) -> Outcome {
    let dev = call.dev()?;
    if !call.info()?.le_capable() {
        return Err(MgmtStatus::NOT_SUPPORTED.into());
    }
    let list = LoadIrks::parse(params)?;
    if list.irks.iter().any(|irk| identity(&irk.addr).is_none()) {
        return Err(MgmtStatus::INVALID_PARAMS.into());
    }
    let mut keys = vec::with_capacity(list.irks.len())?;
    {
        let state = dev.state();
        for irk in list.irks {
            let Some(peer) = identity(&irk.addr) else {
                continue;
            };
            if is_blocked(&state, blocked::IRK, &irk.value) {
                continue;
            }
            keys.keep(|k: &mut KBox<IdentityKey>| k.peer != peer);
            let kept = IdentityKey {
                peer,
                rpa: BdAddr::ANY,
                value: Secret::new(irk.value.0),
            };
            keys.append(KBox::new(kept, GFP_KERNEL)?)?;
        }
    }
    dev.state().identity_keys = keys;
    dev.set(Flag::RPA_RESOLVING, true);
    call.done()
}

/// Set Blocked Keys.
pub(super) fn set_blocked(call: &Call<'_>, params: &[u8]) -> Outcome {
    let dev = call.dev()?;
    let list = SetBlockedKeys::parse(params)?;
    let mut keys = vec::with_capacity(list.keys.len())?;
    for key in list.keys {
        keys.append(BlockedKey {
            kind: key.key_type,
            value: key.value.0,
        })?;
    }
    dev.state().blocked_keys = keys;
    call.done()
}
