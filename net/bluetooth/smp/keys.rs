// SPDX-License-Identifier: GPL-2.0

//! Keys that are kept: with the controller's settings, where mgmt loads them too.
//!
//! Values are never logged.

use super::tell;
use crate::hci::{
    Device,
    IdentityKey,
    LinkKey,
    LongTermKey,
    Pairing as Step,
    Peer,
    State, //
};
use engine::{
    security::{
        may_replace,
        KeyType,
        Level,
        Strength, //
    },
    smp::{
        Address,
        BlockedKind,
        Identity,
        LongTermKey as MadeKey,
        LtkKind,
        Secret,
        SigningKey, //
    },
};
use kernel::prelude::*;
use kernel_ext::hci::Flag;
use kernel_ext::vec::VecExt;
use wire::{
    hci::Key,
    smp::MAX_KEY_SIZE,
    AddressType,
    BdAddr, //
};

/// Numbers of [`LtkKind`] in [`LongTermKey`].
pub(super) mod ltk {
    pub(in crate::smp) const PEER: u8 = 0;
    pub(in crate::smp) const OWN: u8 = 1;
    pub(in crate::smp) const P256: u8 = 2;
    pub(in crate::smp) const P256_DEBUG: u8 = 3;
}

/// Whether the user forbade a key.
pub(super) fn is_blocked(dev: &Device, kind: BlockedKind, key: &Secret<16>) -> bool {
    blocked(&dev.state(), kind, key.octets())
}

fn blocked(state: &State, kind: BlockedKind, key: &[u8; 16]) -> bool {
    state
        .blocked_keys
        .iter()
        .any(|b| b.kind == kind as u8 && b.value == *key)
}

/// The link key that is kept for a peer.
pub(super) fn link_key(dev: &Device, addr: BdAddr) -> Option<LinkKey> {
    let state = dev.state();
    let key = state.link_keys.iter().find(|k| k.addr == addr)?;
    (!blocked(&state, BlockedKind::LinkKey, key.value.octets())).then(|| LinkKey::clone(key))
}

/// How long keys of encryption with the link key of a peer were at most, in octets.
pub(super) fn encryption_size(dev: &Device, addr: BdAddr) -> Option<u8> {
    let state = dev.state();
    let key = state.link_keys.iter().find(|k| k.addr == addr)?;
    (key.enc_size != 0).then_some(key.enc_size)
}

/// Encryption with the link key of a peer has a key of so many octets now.
pub(super) fn note_encryption_size(dev: &Device, addr: BdAddr, size: u8) {
    let mut state = dev.state();
    if let Some(key) = state.link_keys.iter_mut().find(|k| k.addr == addr) {
        key.enc_size = key.enc_size.max(size);
    }
}

/// Whether a long term key works in this role.
fn fits_role(key: &LongTermKey, central: bool) -> bool {
    match key.kind {
        ltk::PEER => central,
        ltk::OWN => !central,
        _ => true,
    }
}

/// The long term key for a peer in this role.
pub(super) fn long_term_key(dev: &Device, peer: Peer, central: bool) -> Option<LongTermKey> {
    let state = dev.state();
    let key = state
        .long_term_keys
        .iter()
        .find(|k| k.peer == peer && fits_role(k, central))?;
    (!blocked(&state, BlockedKind::Ltk, key.value.octets())).then(|| LongTermKey::clone(key))
}

/// What a link encrypted with this key is worth.
pub(super) fn level_of(key: &LongTermKey) -> Level {
    let secure = matches!(key.kind, ltk::P256 | ltk::P256_DEBUG);
    match (key.authenticated, secure && key.enc_size >= MAX_KEY_SIZE) {
        (false, _) => Level::Medium,
        (true, false) => Level::High,
        (true, true) => Level::Fips,
    }
}

/// Private addresses change: keys of a peer that is known by one only are not kept.
fn store_hint(peer: Peer, persistent: bool) -> bool {
    persistent && (peer.kind != AddressType::LeRandom || peer.addr.is_static_random())
}

/// Keeps a link key, in place of the one there was.
///
/// # Errors
///
/// `ENOMEM`: there is no key then.
pub(super) fn keep_link_key(dev: &Device, key: LinkKey, persistent: bool) -> Result {
    let peer = Peer {
        addr: key.addr,
        kind: AddressType::BrEdr,
    };
    let debug = key.kind == KeyType::DebugCombination.to_u8();
    let kept = !debug || dev.has(Flag::KEEP_DEBUG_KEYS);
    {
        let mut state = dev.state();
        state.link_keys.keep(|k| k.addr != key.addr);
        if kept {
            state
                .link_keys
                .append(KBox::new(key.clone(), GFP_KERNEL)?)?;
        }
    }
    let what = Step::LinkKey {
        key: &key,
        store: persistent,
    };
    tell(dev, peer, what);
    Ok(())
}

/// Keeps a link key that was derived from an LE key, unless a better one is there.
pub(super) fn keep_derived_link_key(
    dev: &Device,
    addr: BdAddr,
    key: &engine::smp::LinkKey,
    persistent: bool,
) -> Result {
    let strength = |kind: KeyType, pin_len| Strength {
        level: kind.level(pin_len),
        size: MAX_KEY_SIZE,
    };
    let old = {
        let state = dev.state();
        let old = state.link_keys.iter().find(|k| k.addr == addr);
        old.map(|k| {
            strength(
                KeyType::from_u8(k.kind).unwrap_or(KeyType::LocalUnit),
                k.pin_len,
            )
        })
    };
    if old.is_some_and(|old| !may_replace(old, strength(key.kind, 0))) {
        return Ok(());
    }
    let key = LinkKey {
        addr,
        kind: key.kind.to_u8(),
        value: key.key.clone(),
        pin_len: 0,
        enc_size: 0,
    };
    let debug = key.kind == KeyType::DebugCombination.to_u8();
    keep_link_key(dev, key, persistent && !debug)
}

fn kind_number(kind: LtkKind) -> u8 {
    match kind {
        LtkKind::Peer => ltk::PEER,
        LtkKind::Own => ltk::OWN,
        LtkKind::SecureConnections => ltk::P256,
        LtkKind::Debug => ltk::P256_DEBUG,
    }
}

/// Keeps a long term key, in place of the one for the same use. `derived`: from a BR/EDR key.
pub(super) fn keep_long_term_key(
    dev: &Device,
    peer: Peer,
    made: &MadeKey,
    persistent: bool,
    derived: bool,
) -> Result {
    let key = LongTermKey {
        peer,
        kind: kind_number(made.kind),
        authenticated: made.authenticated,
        enc_size: made.size,
        ediv: made.ediv,
        rand: made.rand,
        value: made.key.clone(),
    };
    {
        let mut state = dev.state();
        let strength = |key: &LongTermKey| Strength {
            level: Some(level_of(key)),
            size: key.enc_size,
        };
        let better = derived
            && state
                .long_term_keys
                .iter()
                .any(|old| old.peer == peer && !may_replace(strength(old), strength(&key)));
        if better {
            return Ok(());
        }
        // One that works in both roles replaces all, one for a role the one for that role.
        state.long_term_keys.keep(|old| {
            let same_use = [true, false]
                .iter()
                .any(|&central| fits_role(&key, central) && fits_role(old, central));
            old.peer != peer || !same_use
        });
        if made.kind != LtkKind::Debug || dev.has(Flag::KEEP_DEBUG_KEYS) {
            state
                .long_term_keys
                .append(KBox::new(key.clone(), GFP_KERNEL)?)?;
        }
    }
    let what = Step::LongTermKey {
        key: &key,
        store: store_hint(peer, persistent),
    };
    tell(dev, peer, what);
    Ok(())
}

/// A peer of the engine, as it is known here.
pub(super) fn peer_of(address: &Address) -> Peer {
    Peer {
        addr: address.address,
        kind: if address.random {
            AddressType::LeRandom
        } else {
            AddressType::LePublic
        },
    }
}

/// A peer as the engine knows it.
pub(super) fn address_of(peer: Peer) -> Address {
    Address {
        address: peer.addr,
        random: peer.kind == AddressType::LeRandom,
    }
}

/// Keeps who a peer is; returns that.
pub(super) fn keep_identity(dev: &Device, identity: &Identity, persistent: bool) -> Result<Peer> {
    let peer = peer_of(&identity.address);
    let rpa = identity.current.map_or(BdAddr::ANY, |a| a.address);
    let key = IdentityKey {
        peer,
        rpa,
        value: identity.irk.clone(),
    };
    {
        let mut state = dev.state();
        state.identity_keys.keep(|k| k.peer != peer);
        state
            .identity_keys
            .append(KBox::new(key.clone(), GFP_KERNEL)?)?;
    }
    let what = Step::IdentityKey {
        key: &key,
        seen: rpa,
        store: persistent,
    };
    tell(dev, peer, what);
    Ok(peer)
}

/// Tells of a signature key: only user space has a use for it.
pub(super) fn tell_signing_key(
    dev: &Device,
    peer: Peer,
    key: &SigningKey,
    of_peer: bool,
    persistent: bool,
) {
    let kind = u8::from(of_peer) | (u8::from(key.authenticated) << 1);
    let what = Step::SigningKey {
        kind,
        value: &Key(*key.key.octets()),
        store: store_hint(peer, persistent),
    };
    tell(dev, peer, what);
}

/// Forgets all keys of an LE peer, or the link key of a BR/EDR one.
pub(super) fn forget(dev: &Device, peer: Peer) {
    let mut state = dev.state();
    if super::is_bredr(peer) {
        state.link_keys.keep(|k| k.addr != peer.addr);
    } else {
        state.long_term_keys.keep(|k| k.peer != peer);
        state.identity_keys.keep(|k| k.peer != peer);
    }
}
