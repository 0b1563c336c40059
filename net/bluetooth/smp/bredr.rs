// SPDX-License-Identifier: GPL-2.0

//! BR/EDR links: their events, and what the engine makes of them.

use super::{
    failed,
    keys,
    le,
    link_of,
    oob,
    over,
    tell,
    Link, //
};
use crate::hci::{
    link::{
        self,
        LinkRef,
        LinkSecurity,
        Secured, //
    },
    Device,
    LinkKey,
    Pairing as Step,
    Peer,
    UserReply, //
};
use engine::{
    security::{
        AuthRequirements,
        BrEdr,
        Command,
        Confirmation,
        Encrypted,
        IoAnswer,
        KeyType,
        Level,
        NewKey,
        PinAnswer,
        Policy,
        Request,
        Verdict, //
    },
    smp::{
        Answer,
        Secret, //
    }, //
};
use kernel::prelude::*;
use kernel_ext::{
    hci::{
        Flag,
        Quirk, //
    },
    workqueue::Worker, //
};
use wire::{
    hci::{
        event::Event,
        link_control::{
            AuthenticationRequested,
            IoCapabilityRequestNegativeReply,
            IoCapabilityRequestReply,
            LinkKeyRequestNegativeReply,
            LinkKeyRequestReply,
            PinCodeRequestNegativeReply,
            PinCodeRequestReply,
            SetConnectionEncryption,
            UserConfirmationNegativeReply,
            UserConfirmationReply,
            UserPasskeyNegativeReply,
            UserPasskeyReply, //
        },
        status_params::{
            EncryptionKeySize,
            ReadEncryptionKeySize, //
        },
        ConnHandle,
        Key,
        Opcode,
        Request as _,
        Status, //
    },
    smp::IoCapability,
    AddressType,
    BdAddr, //
};
use zerocopy::FromBytes;

/// No link key, in [`LinkSecurity`].
const NO_KEY: u8 = 0xff;

fn policy(dev: &Device) -> Policy {
    Policy {
        ssp: dev.has(Flag::SSP_ENABLED),
        secure_connections: dev.has(Flag::SC_ENABLED),
        secure_connections_only: dev.has(Flag::SC_ONLY),
        bondable: dev.has(Flag::BONDABLE),
        min_key_size: dev.state().defaults.min_enc_key_size,
    }
}

fn peer(addr: BdAddr) -> Peer {
    Peer {
        addr,
        kind: AddressType::BrEdr,
    }
}

/// The link to a peer.
fn link_to<'a>(dev: &'a Device, worker: &'a mut Worker<'_>, addr: BdAddr) -> Option<&'a mut Link> {
    dev.security.get(worker)?.to(peer(addr))
}

/// Shows the rest of the stack what the engine knows of a link.
fn show(to: &mut LinkSecurity, from: &BrEdr) {
    let (encrypted, aes_ccm, key_size) = from.encryption();
    to.level = from.level().to_u8();
    to.authenticated = from.is_authenticated();
    to.encrypted = encrypted;
    to.aes_ccm = aes_ccm;
    to.key_size = key_size;
    to.key_type = from.key().map_or(NO_KEY, KeyType::to_u8);
    to.auth_type = from.auth().0;
}

/// Tells those who wait how security of a link is now.
fn report(dev: &Device, worker: &mut Worker<'_>, handle: u16, status: Status) {
    let Some(link) = link_of(dev, worker, handle) else {
        return;
    };
    let (state, peer) = (link.bredr.clone(), link.facts.peer);
    let wanted = state.wanted();
    link::change_security(dev, worker, handle, status.0, |s| show(s, &state));
    // The user's pairing is over when the link is encrypted, or cannot be.
    if !status.is_success() || state.level() >= wanted.min(Level::Medium) {
        over(dev, worker, peer, Some(status.0));
    }
}

fn note(dev: &Device, worker: &mut Worker<'_>, handle: u16) {
    if let Some(link) = link_of(dev, worker, handle) {
        let state = link.bredr.clone();
        link::note_security(dev, worker, handle, |s| show(s, &state));
    }
}

fn carry_out(dev: &Device, handle: u16, command: Command) {
    let handle = ConnHandle::new(handle);
    match command {
        Command::Authenticate => link::send_command(dev, &AuthenticationRequested { handle }),
        Command::Encrypt => {
            link::send_command(dev, &SetConnectionEncryption { handle, encrypt: 1 });
        }
    }
}

fn conclude(dev: &Device, worker: &mut Worker<'_>, handle: u16, verdict: Verdict) {
    let Some(link) = link_of(dev, worker, handle) else {
        return;
    };
    let peer = link.facts.peer;
    if let Some(command) = verdict.command {
        carry_out(dev, handle, command);
    }
    if let Some(status) = verdict.failed {
        link::note_security(dev, worker, handle, |s| {
            s.failed = status == Status::PIN_OR_KEY_MISSING;
        });
        failed(dev, worker, peer, status.0);
    }
    match verdict.report {
        Some(status) => report(dev, worker, handle, status),
        None => note(dev, worker, handle),
    }
}

/// Somebody wants a level.
pub(super) fn secure(
    dev: &Device,
    worker: &mut Worker<'_>,
    handle: u16,
    known: &LinkSecurity,
    level: Level,
    here: bool,
) -> Secured {
    let policy = policy(dev);
    let Some(link) = link_of(dev, worker, handle) else {
        return if level <= Level::Low {
            Secured::Already
        } else {
            Secured::Refused
        };
    };
    link.bredr
        .features(known.ssp || link.bredr.peer_ssp(), known.secure_host);
    let auth = AuthRequirements(known.auth_type);
    match link.bredr.request(&policy, level, auth, here) {
        Request::Already => Secured::Already,
        Request::Never => Secured::Refused,
        Request::Pending(command) => {
            if let Some(command) = command {
                carry_out(dev, handle, command);
            }
            note(dev, worker, handle);
            Secured::Pending
        }
    }
}

/// Encryption Change.
pub(super) fn encryption_changed(
    dev: &Device,
    worker: &mut Worker<'_>,
    handle: u16,
    status: Status,
    mode: u8,
) {
    let policy = policy(dev);
    let Some(link) = link_of(dev, worker, handle) else {
        return;
    };
    let next = link.bredr.encryption_changed(&policy, status, mode);
    encrypted(dev, worker, handle, next);
}

fn encrypted(dev: &Device, worker: &mut Worker<'_>, handle: u16, next: Encrypted) {
    match next {
        Encrypted::ReadKeySize => {
            note(dev, worker, handle);
            read_key_size(dev, worker, handle);
        }
        Encrypted::Report(status) => {
            report(dev, worker, handle, status);
            if status.is_success() {
                le::derive(dev, worker, handle);
            }
            le::key_size_known(dev, worker, handle, status.is_success());
        }
        Encrypted::Disconnect(status) => {
            report(dev, worker, handle, status);
            link::end_link(dev, worker, handle, Status::AUTH_FAILURE);
        }
    }
}

/// Controllers that cannot tell the size are trusted to keep to what the specification demands.
fn read_key_size(dev: &Device, worker: &mut Worker<'_>, handle: u16) {
    let can = !dev.quirk(Quirk::BROKEN_READ_ENC_KEY_SIZE)
        && dev
            .info()
            .is_ok_and(|i| i.supports(wire::hci::CommandBit::READ_ENCRYPTION_KEY_SIZE));
    if can {
        let handle = ConnHandle::new(handle);
        return link::send_command(dev, &ReadEncryptionKeySize { handle });
    }
    key_size(dev, worker, handle, Some(wire::smp::MAX_KEY_SIZE));
}

fn key_size(dev: &Device, worker: &mut Worker<'_>, handle: u16, size: Option<u8>) {
    let policy = policy(dev);
    let Some(link) = link_of(dev, worker, handle) else {
        return;
    };
    let addr = link.facts.peer.addr;
    // Without a key that was made or asked for here, it is not known which one the controller took.
    let stored = link
        .bredr
        .key()
        .and_then(|_| keys::encryption_size(dev, addr));
    let next = link.bredr.key_size_read(&policy, size, stored);
    let (on, _, now) = link.bredr.encryption();
    if on && link.bredr.key().is_some() {
        keys::note_encryption_size(dev, addr, now);
    }
    encrypted(dev, worker, handle, next);
}

/// Encryption Key Refresh Complete.
pub(super) fn key_refreshed(dev: &Device, worker: &mut Worker<'_>, handle: u16, status: Status) {
    let Some(link) = link_of(dev, worker, handle) else {
        return;
    };
    if link.bredr.key_refreshed(status) {
        read_key_size(dev, worker, handle);
    }
}

fn handle_of(sent: &[u8]) -> Option<u16> {
    ConnHandle::read_from_prefix(sent)
        .ok()
        .map(|(h, _)| h.get())
}

/// A command was answered.
pub(super) fn answered(
    dev: &Device,
    worker: &mut Worker<'_>,
    opcode: Opcode,
    status: Status,
    sent: &[u8],
    reply: Option<&[u8]>,
) {
    let command = match opcode {
        ReadEncryptionKeySize::OPCODE => {
            let size = reply
                .filter(|_| status.is_success())
                .and_then(|reply| EncryptionKeySize::read_from_prefix(reply).ok())
                .map(|(reply, _)| reply.key_size);
            if let Some(handle) = handle_of(sent) {
                key_size(dev, worker, handle, size);
            }
            return;
        }
        AuthenticationRequested::OPCODE => Command::Authenticate,
        SetConnectionEncryption::OPCODE => Command::Encrypt,
        _ => return replied(dev, opcode, status, sent),
    };
    if status.is_success() {
        return;
    }
    let Some(handle) = handle_of(sent) else {
        return;
    };
    let Some(link) = link_of(dev, worker, handle) else {
        return;
    };
    let verdict = link.bredr.command_failed(command, status);
    conclude(dev, worker, handle, verdict);
}

/// The user's answers are the controller's to judge.
fn replied(dev: &Device, opcode: Opcode, status: Status, sent: &[u8]) {
    let reply = match opcode {
        Opcode::PIN_CODE_REPLY => UserReply::Pin(true),
        Opcode::PIN_CODE_NEG_REPLY => UserReply::Pin(false),
        Opcode::USER_CONFIRM_REPLY => UserReply::Confirm(true),
        Opcode::USER_CONFIRM_NEG_REPLY => UserReply::Confirm(false),
        Opcode::USER_PASSKEY_REPLY => UserReply::Passkey(true),
        Opcode::USER_PASSKEY_NEG_REPLY => UserReply::Passkey(false),
        _ => return,
    };
    if let Ok((addr, _)) = BdAddr::read_from_prefix(sent) {
        tell(dev, peer(addr), Step::Replied { reply, status });
    }
}

/// The other events.
pub(super) fn event(dev: &Device, worker: &mut Worker<'_>, event: &Event<'_>) {
    let managed = dev.has(Flag::MGMT);
    match *event {
        Event::AuthenticationComplete(e) => {
            let handle = e.handle.get();
            if let Some(link) = link_of(dev, worker, handle) {
                let verdict = link.bredr.authentication_complete(e.status);
                link::be_patient(dev, worker, handle, false);
                conclude(dev, worker, handle, verdict);
            }
        }
        // Who controls a controller without mgmt answers these by itself.
        Event::LinkKeyRequest(e) if managed => link_key_wanted(dev, worker, e.bdaddr),
        Event::LinkKeyNotification(e) => {
            link_key_made(dev, worker, e.bdaddr, &e.link_key, e.key_type);
        }
        Event::PinCodeRequest(e) => pin_wanted(dev, worker, e.bdaddr, managed),
        Event::IoCapabilityRequest(e) => {
            pairing(dev, worker, e.bdaddr, true);
            io_capability_wanted(dev, worker, e.bdaddr, managed);
        }
        Event::IoCapabilityResponse(e) => {
            if let Some(link) = link_to(dev, worker, e.bdaddr) {
                link.bredr.io_capability_heard(
                    IoCapability(e.io_capability),
                    AuthRequirements(e.authentication),
                );
            }
        }
        Event::UserConfirmationRequest(e) if managed => {
            confirmation_wanted(dev, worker, e.bdaddr, e.passkey.get());
        }
        Event::UserPasskeyRequest(e) if managed => {
            if link_to(dev, worker, e.bdaddr).is_some() {
                tell(dev, peer(e.bdaddr), Step::Passkey);
            }
        }
        Event::UserPasskeyNotification(e) => {
            if let Some(link) = link_to(dev, worker, e.bdaddr) {
                link.passkey = (e.passkey.get(), 0);
                show_passkey(dev, worker, e.bdaddr, managed);
            }
        }
        Event::KeypressNotification(e) => keypress(dev, worker, e.bdaddr, e.kind, managed),
        Event::RemoteOobDataRequest(e) if managed => {
            oob::wanted(dev, e.bdaddr);
        }
        Event::SimplePairingComplete(e) => {
            if let Some(link) = link_to(dev, worker, e.bdaddr) {
                if let Some(status) = link.bredr.pairing_complete(e.status) {
                    failed(dev, worker, peer(e.bdaddr), status.0);
                }
            }
            pairing(dev, worker, e.bdaddr, false);
        }
        _ => {}
    }
}

/// Simple pairing begins or is over: the link stays for as long as that takes, whoever else uses it.
fn pairing(dev: &Device, worker: &mut Worker<'_>, addr: BdAddr, goes_on: bool) {
    let Some(link) = link_to(dev, worker, addr) else {
        return;
    };
    let which = LinkRef::Handle(link.facts.handle);
    match (core::mem::replace(&mut link.pairs, goes_on), goes_on) {
        (false, true) => {
            let _ = link::hold(dev, worker, which);
        }
        (true, false) => link::release(dev, worker, which),
        _ => {}
    }
}

fn link_key_wanted(dev: &Device, worker: &mut Worker<'_>, bdaddr: BdAddr) {
    let policy = policy(dev);
    let stored = keys::link_key(dev, bdaddr);
    let key = match (stored, link_to(dev, worker, bdaddr)) {
        (Some(key), Some(link)) => {
            let facts = KeyType::from_u8(key.kind).map(|kind| (kind, key.pin_len));
            link.bredr
                .link_key_wanted(&policy, facts)
                .then_some(key.value)
        }
        // Security mode 3: authentication comes before the link.
        (Some(key), None) => Some(key.value),
        (None, Some(link)) => {
            link.bredr.link_key_wanted(&policy, None);
            None
        }
        (None, None) => None,
    };
    match key {
        Some(key) => {
            let link_key = Key(*key.octets());
            link::send_command(dev, &LinkKeyRequestReply { bdaddr, link_key });
        }
        None => link::send_command(dev, &LinkKeyRequestNegativeReply { bdaddr }),
    }
}

fn link_key_made(dev: &Device, worker: &mut Worker<'_>, addr: BdAddr, value: &Key, kind: u8) {
    let old = keys::link_key(dev, addr).and_then(|k| KeyType::from_u8(k.kind));
    // A type that nobody knows is good for nothing.
    let kind = KeyType::from_u8(kind).unwrap_or(KeyType::LocalUnit);
    let zero = engine::smp::same(&value.0, &[0; 16]);
    let Some(link) = link_to(dev, worker, addr) else {
        // Security mode 3.
        let attempted = link::attempted(dev, worker, peer(addr)).is_some();
        if attempted && !zero && kind == KeyType::Combination && dev.has(Flag::MGMT) {
            keep(dev, addr, kind, value, 0, true);
        }
        return;
    };
    let handle = link.facts.handle;
    let made = link.bredr.link_key_made(zero, kind, old);
    link::be_patient(dev, worker, handle, false);
    match made {
        NewKey::Disconnect => link::end_link(dev, worker, handle, Status::AUTH_FAILURE),
        NewKey::Keep {
            kind,
            pin_len,
            persistent,
        } => {
            if let Some(link) = link_of(dev, worker, handle) {
                link.forget_key = !persistent;
            }
            if !dev.has(Flag::MGMT) {
                return;
            }
            keep(dev, addr, kind, value, pin_len, persistent);
        }
    }
}

fn keep(dev: &Device, addr: BdAddr, kind: KeyType, value: &Key, pin_len: u8, persistent: bool) {
    let key = LinkKey {
        addr,
        kind: kind.to_u8(),
        value: Secret::new(value.0),
        pin_len,
        enc_size: 0,
    };
    if keys::keep_link_key(dev, key, persistent).is_err() {
        pr_warn!("{}: no memory for a link key\n", dev.name());
    }
}

fn pin_wanted(dev: &Device, worker: &mut Worker<'_>, bdaddr: BdAddr, managed: bool) {
    let policy = policy(dev);
    let answer = match link_to(dev, worker, bdaddr) {
        Some(link) => {
            let (handle, answer) = (link.facts.handle, link.bredr.pin_wanted(&policy));
            // Nobody is told when the other side gives up: the link is not held, its time is longer.
            link::be_patient(dev, worker, handle, true);
            Some(answer)
        }
        // Security mode 3: authentication comes before the link.
        None => link::attempted(dev, worker, peer(bdaddr))
            .filter(|&(_, here)| here || policy.bondable)
            .map(|(wanted, _)| PinAnswer::Ask {
                secure: wanted >= Level::High.to_u8(),
            }),
    };
    match answer {
        Some(PinAnswer::Ask { secure }) if managed => {
            tell(dev, peer(bdaddr), Step::Pin { secure });
        }
        // Somebody else controls the controller, and answers.
        Some(PinAnswer::Ask { .. }) => {}
        _ => link::send_command(dev, &PinCodeRequestNegativeReply { bdaddr }),
    }
}

fn io_capability_wanted(dev: &Device, worker: &mut Worker<'_>, bdaddr: BdAddr, managed: bool) {
    let policy = policy(dev);
    if !policy.ssp {
        return;
    }
    let Some(link) = link_to(dev, worker, bdaddr) else {
        return;
    };
    let answer = link.bredr.io_capability_wanted(&policy);
    if !managed {
        return;
    }
    match answer {
        IoAnswer::Reply { io, auth } => link::send_command(
            dev,
            &IoCapabilityRequestReply {
                bdaddr,
                io_capability: io.0,
                oob_data: oob::present(dev, bdaddr),
                authentication: auth.0,
            },
        ),
        IoAnswer::Refuse => link::send_command(
            dev,
            &IoCapabilityRequestNegativeReply {
                bdaddr,
                reason: Status::PAIRING_NOT_ALLOWED,
            },
        ),
    }
}

fn confirmation_wanted(dev: &Device, worker: &mut Worker<'_>, bdaddr: BdAddr, value: u32) {
    let bonded = keys::link_key(dev, bdaddr).is_some();
    let Some(link) = link_to(dev, worker, bdaddr) else {
        return;
    };
    match link.bredr.confirmation_wanted(bonded) {
        Confirmation::Refuse => {
            link::send_command(dev, &UserConfirmationNegativeReply { bdaddr });
        }
        Confirmation::Accept => link::send_command(dev, &UserConfirmationReply { bdaddr }),
        Confirmation::Ask { hint } => tell(dev, peer(bdaddr), Step::Confirm { value, hint }),
    }
}

fn show_passkey(dev: &Device, worker: &mut Worker<'_>, addr: BdAddr, managed: bool) {
    let shown = link_to(dev, worker, addr).map(|l| l.passkey);
    if let Some((passkey, entered)) = shown.filter(|_| managed) {
        tell(dev, peer(addr), Step::Show { passkey, entered });
    }
}

/// The peer's user types (7.7.49).
fn keypress(dev: &Device, worker: &mut Worker<'_>, addr: BdAddr, kind: u8, managed: bool) {
    const STARTED: u8 = 0;
    const ENTERED: u8 = 1;
    const ERASED: u8 = 2;
    const CLEARED: u8 = 3;
    let Some(link) = link_to(dev, worker, addr) else {
        return;
    };
    let entered = &mut link.passkey.1;
    match kind {
        STARTED => {
            *entered = 0;
            return;
        }
        ENTERED => *entered = entered.saturating_add(1),
        ERASED => *entered = entered.saturating_sub(1),
        CLEARED => *entered = 0,
        _ => return,
    }
    show_passkey(dev, worker, addr, managed);
}

/// The user's answer goes to the controller, which knows what it asked.
pub(super) fn answer(dev: &Device, bdaddr: BdAddr, answer: Answer) {
    match answer {
        Answer::Confirm(true) => link::send_command(dev, &UserConfirmationReply { bdaddr }),
        Answer::Confirm(false) => {
            link::send_command(dev, &UserConfirmationNegativeReply { bdaddr });
        }
        Answer::Passkey(Some(passkey)) => link::send_command(
            dev,
            &UserPasskeyReply {
                bdaddr,
                passkey: passkey.into(),
            },
        ),
        Answer::Passkey(None) => link::send_command(dev, &UserPasskeyNegativeReply { bdaddr }),
    }
}

/// A PIN, or none; a link that is not up yet has no state here.
pub(super) fn give_pin(
    dev: &Device,
    bdaddr: BdAddr,
    link: Option<&mut Link>,
    wanted: Level,
    pin: Option<(&[u8; 16], u8)>,
) -> Result {
    /// Digits of a PIN that counts as protection against who is in the middle.
    const FULL: u8 = 16;
    let short = pin.is_some_and(|(_, len)| len < FULL && wanted >= Level::High);
    match pin.filter(|_| !short) {
        Some((pin, pin_len)) => {
            if let Some(link) = link {
                link.bredr.pin_given(pin_len);
            }
            link::send_command(
                dev,
                &PinCodeRequestReply {
                    bdaddr,
                    pin_len,
                    pin: Key(*pin),
                },
            );
        }
        None => link::send_command(dev, &PinCodeRequestNegativeReply { bdaddr }),
    }
    if short {
        Err(EINVAL)
    } else {
        Ok(())
    }
}
