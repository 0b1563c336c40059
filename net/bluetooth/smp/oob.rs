// SPDX-License-Identifier: GPL-2.0

//! Out-of-band data in pairing: what mgmt got from peers, and what this host gives to them.

use super::crypto::{
    Kernel,
    Pair, //
};
use crate::hci::{
    link,
    Device,
    OobPair,
    Peer,
    RemoteOob, //
};
use engine::smp::{
    crypto::{
        f4,
        DEBUG_PRIVATE_KEY,
        DEBUG_PUBLIC_KEY, //
    },
    Crypto,
    CryptoError,
    KeyPair,
    LocalOob,
    Secret, //
};
use kernel::prelude::*;
use kernel_ext::{
    hci::Flag,
    workqueue::Worker, //
};
use wire::{
    hci::{
        link_control::{
            RemoteOobDataNegativeReply,
            RemoteOobDataReply,
            RemoteOobExtDataReply, //
        },
        Key, //
    },
    AddressType,
    BdAddr, //
};

/// This host's own data, as given out last.
pub(super) type Own = LocalOob<Pair>;

/// Makes new data for LE Secure Connections (Vol 3 Part H 2.3.5.6.4). Peers that show that they have them are paired
/// with by the keys that they were made from, until the next call.
///
/// # Errors
///
/// `ENODEV` for a controller that is going, `EIO` if the keys cannot be made.
pub(crate) fn make_local_oob(dev: &Device, worker: &mut Worker<'_>) -> Result<OobPair> {
    let (own, hash) = make(dev.has(Flag::USE_DEBUG_KEYS)).map_err(|_| EIO)?;
    let rand = Key(*own.random.octets());
    let room = dev.security.get(worker).ok_or(ENODEV)?;
    room.own_oob = Some(own);
    Ok(OobPair {
        hash: Key(hash),
        rand,
    })
}

fn make(debug: bool) -> Result<(Own, [u8; 16]), CryptoError> {
    let pair = if debug {
        Kernel.key_pair(&DEBUG_PRIVATE_KEY)?
    } else {
        loop {
            let pair = Kernel.generate()?;
            if *pair.public() != DEBUG_PUBLIC_KEY {
                break pair;
            }
        }
    };
    let mut random = [0; 16];
    Kernel.random(&mut random);
    let x = &pair.public().x;
    let hash = f4(&mut Kernel, x, x, &random, 0)?;
    let random = Secret::new(random);
    Ok((Own { pair, random }, hash))
}

fn of(dev: &Device, peer: Peer) -> Option<RemoteOob> {
    let state = dev.state();
    state.remote_oob.iter().find(|r| r.peer == peer).cloned()
}

/// What an LE peer gave for Secure Connections.
pub(super) fn of_le(dev: &Device, peer: Peer) -> Option<engine::smp::RemoteOob> {
    let data = of(dev, peer)?.p256?;
    Some(engine::smp::RemoteOob {
        confirm: data.hash.0,
        random: Secret::new(data.rand.0),
    })
}

fn of_bredr(dev: &Device, addr: BdAddr) -> Option<RemoteOob> {
    let kind = AddressType::BrEdr;
    of(dev, Peer { addr, kind })
}

/// Whether the controller does Secure Connections on BR/EDR and may.
fn secure(dev: &Device) -> bool {
    dev.has(Flag::SC_ENABLED) && dev.info().is_ok_and(|info| info.features.sc())
}

/// What there is of a BR/EDR peer, for the reply to an IO Capability Request (Vol 4 Part E 7.1.29).
pub(super) fn present(dev: &Device, addr: BdAddr) -> u8 {
    const P192: u8 = 1;
    const P256: u8 = 2;
    let all = of_bredr(dev, addr).map_or(0, |data| data.present());
    match (secure(dev), dev.has(Flag::SC_ONLY)) {
        (true, false) => all,
        (true, true) => all & P256,
        (false, _) => all & P192,
    }
}

/// Remote OOB Data Request.
pub(super) fn wanted(dev: &Device, bdaddr: BdAddr) {
    let Some(data) = of_bredr(dev, bdaddr) else {
        return link::send_command(dev, &RemoteOobDataNegativeReply { bdaddr });
    };
    let p192 = data.p192.unwrap_or(OobPair::NONE);
    if !secure(dev) {
        let reply = RemoteOobDataReply {
            bdaddr,
            hash: p192.hash,
            rand: p192.rand,
        };
        return link::send_command(dev, &reply);
    }
    // With Secure Connections only, P-192 counts for nothing.
    let p192 = if dev.has(Flag::SC_ONLY) {
        OobPair::NONE
    } else {
        p192
    };
    let p256 = data.p256.unwrap_or(OobPair::NONE);
    let reply = RemoteOobExtDataReply {
        bdaddr,
        hash192: p192.hash,
        rand192: p192.rand,
        hash256: p256.hash,
        rand256: p256.rand,
    };
    link::send_command(dev, &reply);
}
