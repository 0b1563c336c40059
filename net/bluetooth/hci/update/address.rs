// SPDX-License-Identifier: GPL-2.0

//! The addresses that this host uses on LE (Vol 6 Part B 1.3, Vol 3 Part C 10.7, 10.8).

use super::{
    adv,
    Can,
    Device,
    Outcome,
    Session, //
};
use crate::hci::{
    link::{
        self,
        Authenticator as _, //
    },
    BlockedKey,
    IdentityKey,
    Peer, //
};
use kernel::prelude::*;
use kernel_ext::{
    hci::{
        Address,
        Flag, //
    },
    random, //
};
use wire::{
    hci::{
        le::{
            LeAddToResolvingList,
            LeSetAddressResolutionEnable,
            LeSetRandomAddress, //
        },
        Key,
        LeAddrType, //
    },
    AddressType,
    BdAddr, //
};

/// The kind of blocked keys that resolve identities (Set Blocked Keys).
const BLOCKED_IRK: u8 = 0x02;

/// The address that identifies this host: public, or static random if there is none or if mgmt
/// wants that one.
pub(crate) fn identity(dev: &Device) -> (LeAddrType, BdAddr) {
    let public = BdAddr(dev.address(Address::Current));
    let fixed = dev.state().static_addr;
    let use_static = dev.has(Flag::FORCE_STATIC_ADDR)
        || public.is_any()
        || (!dev.has(Flag::BREDR_ENABLED) && !fixed.is_any());
    if use_static {
        (LeAddrType::RANDOM, fixed)
    } else {
        (LeAddrType::PUBLIC, public)
    }
}

/// The identity behind a private address, if its key is known (Vol 3 Part C 10.8.2.3). What the controller does not
/// resolve is resolved here. An address once seen is remembered: it comes again for as long as it is in use.
pub(crate) fn identity_of(dev: &Device, seen: Peer) -> Option<Peer> {
    if seen.kind != AddressType::LeRandom || !seen.addr.is_resolvable_private() {
        return None;
    }
    let mut state = dev.state();
    let state = &mut *state;
    let blocked = &state.blocked_keys;
    let allowed = |key: &IdentityKey| {
        let forbids = |b: &BlockedKey| b.kind == BLOCKED_IRK && b.value == *key.value.octets();
        !blocked.iter().any(forbids)
    };
    let keys = &mut state.identity_keys;
    let last = keys.iter().find(|k| k.rpa == seen.addr && allowed(k));
    if let Some(known) = last {
        return Some(known.peer);
    }
    let known = keys
        .iter_mut()
        .find(|k| allowed(k) && crate::Security::resolves(&k.value, seen.addr))?;
    known.rpa = seen.addr;
    Some(known.peer)
}

/// What an address is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::hci) enum Privacy {
    /// Whoever hears it may know who it is.
    None,
    /// It must not give the identity away; nobody need resolve it.
    Unresolvable,
    /// It must not give the identity away but to those who have the key.
    Resolvable,
}

/// An address to use: its type in commands, and what to program, if that is new.
pub(super) struct Own {
    pub(super) kind: LeAddrType,
    pub(super) new: Option<BdAddr>,
}

/// Picks the address for a purpose; a resolvable one stays for as long as it is fresh.
///
/// # Errors
///
/// `EOPNOTSUPP` if a resolvable address is wanted and there is no cipher for it.
pub(super) fn choose(session: &Session<'_>, privacy: Privacy) -> Outcome<Own> {
    let dev = session.dev();
    match privacy {
        Privacy::Resolvable => {
            let kind = if Can::of(dev)?.ll_privacy() {
                LeAddrType::RANDOM_RESOLVED
            } else {
                LeAddrType::RANDOM
            };
            let fresh = !dev.has(Flag::RPA_EXPIRED) && !dev.state().rpa.is_any();
            let new = if fresh { None } else { Some(resolvable(dev)?) };
            Ok(Own { kind, new })
        }
        Privacy::Unresolvable => Ok(Own {
            kind: LeAddrType::RANDOM,
            new: Some(unresolvable(dev)),
        }),
        Privacy::None => {
            let (kind, identity) = identity(dev);
            let new = kind == LeAddrType::RANDOM && identity != dev.state().random_addr;
            Ok(Own {
                kind,
                new: new.then_some(identity),
            })
        }
    }
}

/// Picks the address for a purpose and programs it; returns its type.
///
/// # Errors
///
/// As [`Session::send`] and [`choose`].
pub(super) fn program(session: &Session<'_>, privacy: Privacy) -> Outcome<LeAddrType> {
    let own = choose(session, privacy)?;
    if let Some(addr) = own.new {
        set_random(session, addr)?;
    }
    Ok(own.kind)
}

/// Sets the controller's random address (7.8.4), or leaves that to the next occasion: while it
/// advertises or connects, it is not known which of the two a connection would come about with.
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn set_random(session: &Session<'_>, bdaddr: BdAddr) -> Outcome {
    let dev = session.dev();
    let in_use = dev.has(Flag::LE_ADV) || link::le_is_connecting(dev);
    if !dev.state().random_addr.is_any() && in_use {
        dev.set(Flag::RPA_EXPIRED, true);
        return Ok(());
    }
    session.send(&LeSetRandomAddress { bdaddr })
}

/// A new non-resolvable private address: random bits, the top two clear.
fn unresolvable(dev: &Device) -> BdAddr {
    let public = dev.address(Address::Current);
    loop {
        let [a, b, c, d, e, f] = random::bytes();
        let addr = [a, b, c, d, e, f & 0x3f];
        if addr != public {
            return BdAddr(addr);
        }
    }
}

/// A new resolvable private address of the own key (Vol 6 Part B 1.3.2.2), which becomes current.
///
/// # Errors
///
/// `EOPNOTSUPP` if there is no cipher for it.
fn resolvable(dev: &Device) -> Result<BdAddr> {
    let irk = dev.state().irk.clone();
    let addr = crate::Security::private_address(&irk).ok_or(EOPNOTSUPP)?;
    dev.state().rpa = addr;
    Ok(addr)
}

/// Lets the controller make private addresses of the own key (7.8.38), if it can and it is wanted.
///
/// # Errors
///
/// As [`Session::send`].
pub(super) fn add_own_key(session: &Session<'_>) -> Outcome {
    let dev = session.dev();
    if !Can::of(dev)?.ll_privacy() || !dev.has(Flag::PRIVACY) {
        return Ok(());
    }
    let (addr_type, bdaddr) = identity(dev);
    let irk = Key(*dev.state().irk.octets());
    session.send(&LeAddToResolvingList {
        addr_type,
        bdaddr,
        peer_irk: irk,
        local_irk: irk,
    })
}

/// Address resolution by the controller (7.8.44), if it can.
///
/// # Errors
///
/// As [`Session::send`].
pub(super) fn set_resolution(session: &Session<'_>, on: bool) -> Outcome {
    let dev = session.dev();
    if !Can::of(dev)?.ll_privacy() || dev.has(Flag::LL_RPA_RESOLUTION) == on {
        return Ok(());
    }
    session.send(&LeSetAddressResolutionEnable { enable: on.into() })
}

/// The private address in use is old: advertising goes on with another one.
pub(crate) fn expired(session: &Session<'_>) {
    let dev = session.dev();
    dev.set(Flag::RPA_EXPIRED, true);
    dev.state().adv.set_rpa_expired(true);
    if dev.has(Flag::ADVERTISING) {
        if let Err(e) = adv::refresh(session) {
            pr_warn!(
                "{}: advertising keeps its old address: {:?}\n",
                dev.name(),
                e
            );
        }
    }
}
