// SPDX-License-Identifier: GPL-2.0

//! LE links: pairing and encryption. And deriving LE keys over BR/EDR, which is pairing too.

use super::{
    crypto::Kernel,
    failed,
    keys,
    link_of,
    oob,
    over,
    tell,
    LeKey,
    Link, //
};
use crate::{
    hci::{
        link::{
            self,
            LinkKind,
            LinkRef,
            Secured, //
        },
        update,
        Device,
        Pairing as Step,
        Peer, //
    },
    l2cap, //
};
use engine::{
    security::{
        ltk_fits,
        KeyType,
        Level, //
    },
    smp::{
        first,
        security_request,
        Action,
        Address,
        Answer,
        BlockedKind,
        BrEdr,
        Context,
        First,
        Keys,
        NotAsked,
        Origin,
        Outcome,
        Pairing,
        Question,
        Secret,
        SecurityRequest,
        Setup, //
    },
};
use kernel::prelude::*;
use kernel_ext::{
    hci::Flag,
    time::now_ms,
    workqueue::Worker, //
};
use wire::{
    hci::{
        le::{
            LeEnableEncryption,
            LeLongTermKeyNegativeReply,
            LeLongTermKeyReply, //
        },
        ConnHandle,
        Key,
        Opcode,
        Request as _,
        Status, //
    },
    smp::{
        AuthReq,
        Code,
        Pdu,
        Reason,
        CID_BREDR,
        CID_LE, //
    },
    AddressType, //
};
use zerocopy::FromBytes;

/// Octets of a Pairing Request (3.5.1).
pub(super) const PAIRING_REQUEST_LEN: usize = Code::PairingRequest.body_len() + 1;

type Setting = Setup<super::crypto::Pair>;

/// Calls an engine with what it may use.
fn with<T>(dev: &Device, step: impl FnOnce(&mut Context<'_, Kernel>) -> T) -> T {
    let blocked = |kind: BlockedKind, key: &Secret<16>| keys::is_blocked(dev, kind, key);
    step(&mut Context {
        crypto: &mut Kernel,
        now_ms: now_ms(),
        blocked: &blocked,
    })
}

fn cid(kind: LinkKind) -> u16 {
    match kind {
        LinkKind::Acl => CID_BREDR,
        LinkKind::Le => CID_LE,
    }
}

/// What a pairing over a link is to know.
fn setup(dev: &Device, link: &Link, bredr: Option<BrEdr>) -> Setting {
    let facts = &link.facts;
    let (own, peer) = (
        keys::address_of(facts.own_on_air),
        keys::address_of(facts.peer_on_air),
    );
    let (central, peripheral) = if facts.central {
        (own, peer)
    } else {
        (peer, own)
    };
    let (kind, identity) = update::address::identity(dev);
    let own_identity = Address {
        address: identity,
        random: kind.to_address_type() == AddressType::LeRandom,
    };
    let (irk, min_key_size, max_key_size) = {
        let state = dev.state();
        let defaults = &state.defaults;
        (
            state.irk.clone(),
            defaults.le_min_key_size,
            defaults.le_max_key_size,
        )
    };
    Setup {
        central,
        peripheral,
        peer: keys::address_of(facts.peer),
        own_identity,
        own_irk: irk,
        io: link.io,
        bondable: dev.has(Flag::BONDABLE),
        secure_connections: dev.has(Flag::SC_ENABLED),
        secure_connections_only: dev.has(Flag::SC_ONLY),
        link_keys: dev.has(Flag::SSP_ENABLED),
        privacy: dev.has(Flag::PRIVACY),
        resolve: dev.has(Flag::RPA_RESOLVING),
        debug_keys: dev.has(Flag::USE_DEBUG_KEYS),
        no_mitm: dev.has(Flag::FORCE_NO_MITM),
        max_key_size,
        min_key_size,
        wanted: link.wanted,
        legacy_oob: None,
        remote_oob: oob::of_le(dev, facts.peer).filter(|_| dev.has(Flag::SC_ENABLED)),
        local_oob: None,
        bredr,
    }
}

/// What this host gave out of itself.
fn own_oob(dev: &Device, worker: &mut Worker<'_>) -> Option<oob::Own> {
    dev.security.get(worker)?.own_oob.clone()
}

/// Whether this side may begin a pairing, or ask for one: not so soon after the peer failed (2.3.6).
fn may_begin(dev: &Device, worker: &mut Worker<'_>, peer: Peer) -> bool {
    dev.security.get(worker).is_some_and(|room| {
        let wished = room.wishes.iter().any(|w| w.peer == peer);
        let address = keys::address_of(peer);
        room.attempts.may_begin(&address, now_ms(), wished)
    })
}

/// Starts a pairing on a link that has none.
fn start(dev: &Device, worker: &mut Worker<'_>, handle: u16, pairing: Pairing<Kernel>) -> Result {
    let pairing = KBox::new(pairing, GFP_KERNEL)?;
    let link = link_of(dev, worker, handle).ok_or(ENOTCONN)?;
    link.pairing = Some(pairing);
    // The link stays for as long as it takes.
    let _ = link::hold(dev, worker, LinkRef::Handle(handle));
    settle(dev, worker, handle);
    Ok(())
}

/// Does what a pairing wants done.
fn settle(dev: &Device, worker: &mut Worker<'_>, handle: u16) {
    loop {
        let Some(link) = link_of(dev, worker, handle) else {
            return;
        };
        let (kind, peer) = (link.facts.kind, link.facts.peer);
        let Some(action) = link.pairing.as_mut().and_then(|p| p.next_action()) else {
            break;
        };
        match action {
            Action::Send(frame) => {
                let sent = l2cap::send_fixed(dev, worker, handle, cid(kind), frame.as_slice());
                if sent.is_err() {
                    pr_warn!("{}: pairing message not sent\n", dev.name());
                }
            }
            Action::Ask(question) => ask(dev, peer, question),
            Action::Encrypt(encryption) => {
                let key = LeKey {
                    level: encryption.level,
                    size: encryption.size,
                    short_term: encryption.short_term,
                };
                link.encrypting = Some(key);
                enable(dev, handle, 0, 0, &Key(*encryption.key.octets()));
            }
            Action::Done(outcome) => done(dev, worker, handle, outcome),
        }
    }
    adjust_timer(dev, worker);
}

fn enable(dev: &Device, handle: u16, ediv: u16, rand: u64, ltk: &Key) {
    link::send_command(
        dev,
        &LeEnableEncryption {
            handle: ConnHandle::new(handle),
            rand: rand.into(),
            ediv: ediv.into(),
            ltk: *ltk,
        },
    );
}

fn ask(dev: &Device, peer: Peer, question: Question) {
    let what = match question {
        Question::Confirm { value, hint } => Step::Confirm { value, hint },
        Question::EnterPasskey => Step::Passkey,
        Question::ShowPasskey { passkey, entered } => Step::Show { passkey, entered },
    };
    tell(dev, peer, what);
}

fn done(dev: &Device, worker: &mut Worker<'_>, handle: u16, outcome: Outcome) {
    let Some(room) = dev.security.get(worker) else {
        return;
    };
    let Some(link) = room.link(handle) else {
        return;
    };
    let (peer, kind) = (link.facts.peer, link.facts.kind);
    // What is derived from a key is kept for as long as that is.
    let kept_for_good = !link.forget_key && link.bredr.key() != Some(KeyType::DebugCombination);
    let Some(pairing) = link.pairing.take() else {
        return;
    };
    let address = keys::address_of(peer);
    match outcome {
        Outcome::Paired => {
            room.attempts.forget(&address);
            let kept = match pairing.keys() {
                Some(keys) => keep(dev, peer, kind, keys, kept_for_good),
                None => Ok(peer),
            };
            if kept.is_err() {
                pr_warn!("{}: no memory for keys\n", dev.name());
            }
            if kind == LinkKind::Le {
                let now = identified(dev, worker, handle, peer, kept.unwrap_or(peer));
                over(dev, worker, now, Some(0));
            }
        }
        Outcome::Failed(failure) => {
            if failure.unproved {
                room.attempts.failed(&address, now_ms());
            }
            let status = Status::AUTH_FAILURE;
            match failure.origin {
                Origin::LinkLost => {}
                // There was no pairing that could have failed. Who waits for more than there is to be
                // had is told, and then nobody does.
                Origin::Insufficient => {
                    over(dev, worker, peer, Some(status.0));
                    if let Some(link) = link_of(dev, worker, handle) {
                        link.wanted = link.level;
                    }
                    link::change_security(dev, worker, handle, status.0, |_| {});
                }
                // The link is of no use for pairing any more, or the peer does not want to.
                Origin::Timeout | Origin::Peer => {
                    failed(dev, worker, peer, status.0);
                    link::end_link(dev, worker, handle, status);
                }
                _ => failed(dev, worker, peer, status.0),
            }
        }
    }
    drop(pairing);
    link::release(dev, worker, LinkRef::Handle(handle));
}

/// The peer has said who it is, if it had another address until now. Returns what it is known by.
fn identified(
    dev: &Device,
    worker: &mut Worker<'_>,
    handle: u16,
    peer: Peer,
    identity: Peer,
) -> Peer {
    if identity == peer || !link::identified(dev, worker, handle, identity) {
        return peer;
    }
    if let Some(room) = dev.security.get(worker) {
        room.identified(handle, identity);
    }
    identity
}

/// Keeps the keys of a pairing, and tells of them in the order that user space is used to. Returns whose they
/// are: the peer's identity, if it told that. `link_key_stays`: beyond the link, on BR/EDR.
fn keep(
    dev: &Device,
    peer: Peer,
    kind: LinkKind,
    made: &Keys,
    link_key_stays: bool,
) -> Result<Peer> {
    let derived = kind == LinkKind::Acl;
    let persistent = if derived {
        link_key_stays
    } else {
        made.bonding
    };
    let mut le_peer = peer;
    if derived {
        // The same address, on the other transport.
        le_peer.kind = AddressType::LePublic;
    }
    if let Some(identity) = &made.identity {
        le_peer = keys::keep_identity(dev, identity, persistent)?;
    }
    if let Some(key) = &made.peer_signing {
        keys::tell_signing_key(dev, le_peer, key, true, persistent);
    }
    if let Some(key) = &made.own_signing {
        keys::tell_signing_key(dev, le_peer, key, false, persistent);
    }
    for key in [&made.ltk, &made.own_ltk].into_iter().flatten() {
        keys::keep_long_term_key(dev, le_peer, key, persistent, derived)?;
    }
    if let Some(key) = &made.link_key {
        // Only a public address is one that BR/EDR knows too.
        if le_peer.kind == AddressType::LePublic {
            keys::keep_derived_link_key(dev, le_peer.addr, key, persistent)?;
        }
    }
    Ok(le_peer)
}

/// A frame arrived over a link's fixed channel.
pub(crate) fn frame(dev: &Device, worker: &mut Worker<'_>, handle: u16, channel: u16, data: &[u8]) {
    let Some(link) = link_of(dev, worker, handle) else {
        return;
    };
    if cid(link.facts.kind) != channel {
        return;
    }
    if !dev.has(Flag::LE_ENABLED) {
        return refuse(dev, worker, handle, channel, Reason::PAIRING_NOT_SUPPORTED);
    }
    if let Some(pairing) = link.pairing.as_mut() {
        with(dev, |context| pairing.received(data, context));
        return settle(dev, worker, handle);
    }
    let le = link.facts.kind == LinkKind::Le;
    match first(data) {
        First::Request(_) if link.bredr.reads_key_size() => link.early = data.try_into().ok(),
        First::Request(request) => {
            let peer = keys::address_of(link.facts.peer);
            let bredr = if le { None } else { bredr_facts(dev, link) };
            let central = link.facts.central;
            // On LE it is the central that begins.
            if (le && central) || (!le && bredr.is_none()) {
                let reason = if le {
                    Reason::COMMAND_NOT_SUPPORTED
                } else {
                    Reason::CROSS_TRANSPORT_NOT_ALLOWED
                };
                return refuse(dev, worker, handle, channel, reason);
            }
            let mut setting = setup(dev, link, bredr);
            let Some(room) = dev.security.get(worker) else {
                return;
            };
            if !room.attempts.allowed(&peer, now_ms()) {
                return refuse(dev, worker, handle, channel, Reason::REPEATED_ATTEMPTS);
            }
            if le {
                setting.local_oob = room.own_oob.clone();
            } else if let Some(link) = room.link(handle) {
                link.bredr.derivation_begun();
            }
            let pairing = with(dev, |context| Pairing::respond(setting, request, context));
            if start(dev, worker, handle, pairing).is_err() {
                refuse(dev, worker, handle, channel, Reason::UNSPECIFIED);
            }
        }
        First::Security(_) if !le => {
            send(dev, worker, handle, channel, Reason::COMMAND_NOT_SUPPORTED);
        }
        First::Security(auth_req) => wanted_by_peer(dev, worker, handle, auth_req),
        First::Refuse(reason) => refuse(dev, worker, handle, channel, reason),
        First::Ignore => {}
    }
}

fn send(dev: &Device, worker: &mut Worker<'_>, handle: u16, channel: u16, reason: Reason) {
    let frame = Pdu::PairingFailed(reason).encode();
    let _ = l2cap::send_fixed(dev, worker, handle, channel, frame.as_slice());
}

fn refuse(dev: &Device, worker: &mut Worker<'_>, handle: u16, channel: u16, reason: Reason) {
    send(dev, worker, handle, channel, reason);
    if let Some(peer) = link_of(dev, worker, handle).map(|l| l.facts.peer) {
        failed(dev, worker, peer, Status::AUTH_FAILURE.0);
    }
}

/// The peripheral asks for security.
fn wanted_by_peer(dev: &Device, worker: &mut Worker<'_>, handle: u16, auth_req: AuthReq) {
    let Some(link) = link_of(dev, worker, handle) else {
        return;
    };
    let mut setting = setup(dev, link, None);
    let level = match security_request(auth_req, link.facts.central, &setting) {
        SecurityRequest::Refuse(reason) => {
            return refuse(dev, worker, handle, CID_LE, reason);
        }
        SecurityRequest::Secure(level, _) => level,
    };
    let SecurityRequest::Secure(_, auth_req) = security_request(auth_req, true, &setting) else {
        return;
    };
    // Encryption is refreshed even if it is good enough already (2.4.6).
    let enough = link.level >= level;
    if !enough {
        link.wanted = link.wanted.max(level);
    }
    let least = if enough { link.level } else { link.wanted };
    if encrypt_with_kept(dev, link, least) || enough {
        return;
    }
    if !setting.bondable && auth_req.contains(AuthReq::BONDING) {
        return refuse(dev, worker, handle, CID_LE, Reason::PAIRING_NOT_SUPPORTED);
    }
    let peer = link.facts.peer;
    setting.wanted = link.wanted;
    if !may_begin(dev, worker, peer) {
        return refuse(dev, worker, handle, CID_LE, Reason::REPEATED_ATTEMPTS);
    }
    setting.local_oob = own_oob(dev, worker);
    let pairing = with(dev, |context| {
        Pairing::initiate(setting, Some(auth_req), context)
    });
    if start(dev, worker, handle, pairing).is_err() {
        refuse(dev, worker, handle, CID_LE, Reason::UNSPECIFIED);
    }
}

/// As central, encrypts with the key that is kept if it is good enough.
fn encrypt_with_kept(dev: &Device, link: &mut Link, least: Level) -> bool {
    let Some(key) = keys::long_term_key(dev, link.facts.peer, true) else {
        return false;
    };
    let level = keys::level_of(&key);
    if level < least {
        return false;
    }
    if link.encrypting.is_none() {
        link.encrypting = Some(LeKey {
            level,
            size: key.enc_size,
            short_term: false,
        });
        let short = key.value.shortened(key.enc_size);
        let value = Key(*short.octets());
        enable(dev, link.facts.handle, key.ediv, key.rand, &value);
    }
    true
}

/// Somebody wants a level.
pub(super) fn secure(dev: &Device, worker: &mut Worker<'_>, handle: u16, level: Level) -> Secured {
    if level <= Level::Low {
        return Secured::Already;
    }
    if !dev.has(Flag::LE_ENABLED) {
        return Secured::Refused;
    }
    let Some(link) = link_of(dev, worker, handle) else {
        return Secured::Refused;
    };
    let central = link.facts.central;
    // A key that is good for this time only gives way to one that is kept.
    let passing = link.encrypted.is_some_and(|k| k.short_term)
        && keys::long_term_key(dev, link.facts.peer, central).is_some();
    if link.level >= level && !passing {
        return Secured::Already;
    }
    link.wanted = link.wanted.max(level);
    let wanted = link.wanted;
    if central && encrypt_with_kept(dev, link, wanted) {
        return Secured::Pending;
    }
    if let Some(pairing) = link.pairing.as_mut() {
        pairing.require(wanted);
        return Secured::Pending;
    }
    let peer = link.facts.peer;
    let mut setting = setup(dev, link, None);
    if !may_begin(dev, worker, peer) {
        return Secured::Refused;
    }
    setting.local_oob = own_oob(dev, worker);
    let pairing = with(dev, |context| {
        if central {
            Pairing::initiate(setting, None, context)
        } else {
            Pairing::request_security(setting, context)
        }
    });
    match start(dev, worker, handle, pairing) {
        Ok(()) => Secured::Pending,
        Err(_) => Secured::Refused,
    }
}

/// The peer, as central, encrypts, and needs the key (LE Long Term Key Request).
pub(super) fn key_wanted(dev: &Device, worker: &mut Worker<'_>, handle: u16, ediv: u16, rand: u64) {
    let connection = ConnHandle::new(handle);
    let Some(link) = link_of(dev, worker, handle).filter(|l| l.facts.kind == LinkKind::Le) else {
        return link::send_command(dev, &LeLongTermKeyNegativeReply { handle: connection });
    };
    let fresh = link
        .pairing
        .as_ref()
        .and_then(|p| p.long_term_key(ediv, rand));
    let (key, ltk) = match fresh {
        Some(fresh) => (
            LeKey {
                level: fresh.level,
                size: fresh.size,
                short_term: fresh.short_term,
            },
            Key(*fresh.key.octets()),
        ),
        None => {
            let kept = keys::long_term_key(dev, link.facts.peer, link.facts.central);
            let kept = kept.filter(|k| {
                let secure = matches!(k.kind, keys::ltk::P256 | keys::ltk::P256_DEBUG);
                ltk_fits(
                    secure,
                    k.kind == keys::ltk::OWN,
                    (k.ediv, k.rand),
                    (ediv, rand),
                )
            });
            let Some(kept) = kept else {
                return link::send_command(dev, &LeLongTermKeyNegativeReply { handle: connection });
            };
            let short = kept.value.shortened(kept.enc_size);
            (
                LeKey {
                    level: keys::level_of(&kept),
                    size: kept.enc_size,
                    short_term: false,
                },
                Key(*short.octets()),
            )
        }
    };
    link.encrypting = Some(key);
    link::send_command(
        dev,
        &LeLongTermKeyReply {
            handle: connection,
            ltk,
        },
    );
}

/// Encryption Change, or Encryption Key Refresh Complete.
pub(super) fn encrypted(
    dev: &Device,
    worker: &mut Worker<'_>,
    handle: u16,
    status: Status,
    on: bool,
) {
    let Some(link) = link_of(dev, worker, handle) else {
        return;
    };
    let key = link.encrypting.take();
    let peer = link.facts.peer;
    // Encryption with a key that nobody here gave away is worth nothing, and on LE there is no way
    // back from encryption to none.
    let good = status.is_success() && on;
    if good {
        if let Some(key) = key {
            link.encrypted = Some(key);
        }
        link.level = link.encrypted.map_or(Level::Low, |k| k.level);
    }
    let (level, size) = (link.level, link.encrypted.map_or(0, |k| k.size));
    let pairing = link.pairing.is_some();
    let status = if status.is_success() && !on {
        Status::AUTH_FAILURE
    } else {
        status
    };
    if !good {
        // The address may have given this host away to somebody without the key.
        dev.set(Flag::RPA_EXPIRED, true);
    }
    link::change_security(dev, worker, handle, status.0, |s| {
        s.level = level.to_u8();
        s.encrypted = good;
        s.authenticated = good;
        s.aes_ccm = good;
        s.key_size = size;
        s.failed |= status == Status::PIN_OR_KEY_MISSING;
    });
    if let Some(link) = link_of(dev, worker, handle) {
        if let Some(pairing) = link.pairing.as_mut() {
            let worth = good.then_some(level);
            with(dev, |context| pairing.encrypted(worth, context));
        }
        settle(dev, worker, handle);
    }
    if !good {
        over(dev, worker, peer, Some(status.0));
        link::end_link(dev, worker, handle, Status::AUTH_FAILURE);
    } else if !pairing {
        over(dev, worker, peer, Some(0));
    }
}

/// LE Enable Encryption was refused by our own controller.
pub(super) fn answered(
    dev: &Device,
    worker: &mut Worker<'_>,
    opcode: Opcode,
    status: Status,
    sent: &[u8],
) {
    if opcode != LeEnableEncryption::OPCODE || status.is_success() {
        return;
    }
    if let Ok((handle, _)) = ConnHandle::read_from_prefix(sent) {
        encrypted(dev, worker, handle.get(), status, false);
    }
}

/// The user's answer.
pub(super) fn answer(dev: &Device, worker: &mut Worker<'_>, handle: u16, answer: Answer) -> Result {
    let link = link_of(dev, worker, handle).ok_or(ENOTCONN)?;
    let pairing = link.pairing.as_mut().ok_or(ENOTCONN)?;
    let result = with(dev, |context| pairing.answer(answer, context));
    settle(dev, worker, handle);
    result.map_err(|NotAsked| EINVAL)
}

/// The user no longer wants it.
pub(super) fn cancel(dev: &Device, worker: &mut Worker<'_>, handle: u16) {
    if let Some(link) = link_of(dev, worker, handle) {
        if let Some(pairing) = link.pairing.as_mut() {
            pairing.cancel(now_ms());
        }
        settle(dev, worker, handle);
    }
}

/// Some pairing's time may have come.
pub(super) fn time(dev: &Device, worker: &mut Worker<'_>) {
    let now = now_ms();
    loop {
        let Some(room) = dev.security.get(worker) else {
            return;
        };
        let due = room.links.iter_mut().find_map(|l| {
            let pairing = l.pairing.as_mut()?;
            let due = pairing.deadline().is_some_and(|at| at <= now);
            if due {
                pairing.expire(now);
            }
            due.then_some(l.facts.handle)
        });
        match due {
            Some(handle) => settle(dev, worker, handle),
            None => break,
        }
    }
    adjust_timer(dev, worker);
}

/// The timer follows the pairings.
pub(super) fn adjust_timer(dev: &Device, worker: &mut Worker<'_>) {
    let next = dev.security.get(worker).and_then(|room| {
        let pairings = room.links.iter().filter_map(|l| l.pairing.as_ref());
        pairings.filter_map(|p| p.deadline()).min()
    });
    link::wake_at(dev, next);
}

/// The size of a BR/EDR link's key is known, or there is no key any more: a request of the peer's
/// that came before that is due, or void.
pub(super) fn key_size_known(dev: &Device, worker: &mut Worker<'_>, handle: u16, encrypted: bool) {
    let early = link_of(dev, worker, handle).and_then(|link| link.early.take());
    if let Some(request) = early.filter(|_| encrypted) {
        frame(dev, worker, handle, CID_BREDR, &request);
    }
}

/// What there is to derive LE keys from.
fn bredr_facts(dev: &Device, link: &Link) -> Option<BrEdr> {
    let key = keys::link_key(dev, link.facts.peer.addr)?;
    let kind = KeyType::from_u8(key.kind)?;
    let (encrypted, aes_ccm, key_size) = link.bredr.encryption();
    if !encrypted || key_size == 0 {
        return None;
    }
    Some(BrEdr {
        link_key: key.value,
        debug: kind == KeyType::DebugCombination,
        authenticated: kind == KeyType::AuthenticatedP256,
        secure: (aes_ccm && kind.is_secure()) || dev.has(Flag::FORCE_BREDR_SMP),
        key_size,
    })
}

/// L2CAP knows the fixed channels of a BR/EDR peer.
pub(crate) fn fixed_channels(dev: &Device, worker: &mut Worker<'_>, handle: u16, smp_bredr: bool) {
    if let Some(link) = link_of(dev, worker, handle) {
        link.peer_smp = smp_bredr;
        derive(dev, worker, handle);
    }
}

/// Derives LE keys from a new link key, if both sides can and this one is to begin.
pub(super) fn derive(dev: &Device, worker: &mut Worker<'_>, handle: u16) {
    if !dev.has(Flag::SC_ENABLED) || !dev.has(Flag::LE_ENABLED) {
        return;
    }
    let Some(link) = link_of(dev, worker, handle) else {
        return;
    };
    let begins = link.bredr.begins_derivation(link.facts.central);
    if !begins || !link.peer_smp || link.pairing.is_some() {
        return;
    }
    let Some(facts) = bredr_facts(dev, link).filter(|f| f.secure) else {
        return;
    };
    link.bredr.derivation_begun();
    let setting = setup(dev, link, Some(facts));
    let pairing = with(dev, |context| Pairing::initiate(setting, None, context));
    if start(dev, worker, handle, pairing).is_err() {
        pr_warn!("{}: no memory to derive LE keys\n", dev.name());
    }
}
