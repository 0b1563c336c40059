// SPDX-License-Identifier: GPL-2.0

//! Security of links (Vol 3 Part H, Vol 3 Part C 5 and 10): pairing, keys, authentication and
//! encryption.
//!
//! This room carries out; what pairing wants is decided by an engine ([`engine::smp`]), what a
//! BR/EDR link is worth by another one ([`engine::security`]).
//!
//! - [`Security`] is what `hci` knows of this room.
//! - [`bredr`] and [`le`] follow the two kinds of links; all of a controller's are in its [`Room`],
//!   which belongs to the worker.
//! - [`user`] is what mgmt asks for. What it learns comes back as
//!   [`Notice::Pairing`].
//! - [`oob`] is what came, and went, another way than by radio.
//! - [`keys`] are in the controller's [`State`](crate::hci::State), where mgmt loads them.
//!
//! Frames go through L2CAP's fixed channels: [`frame`] takes those that arrive.

mod bredr;
mod crypto;
mod keys;
mod le;
mod oob;
mod user;

pub(crate) use crypto::selftest;
pub(crate) use le::{
    fixed_channels,
    frame, //
};
pub(crate) use oob::make_local_oob;
pub(crate) use user::{
    abort,
    answer,
    cancel,
    give_pin,
    pair,
    Paired, //
};

use crate::hci::{
    link::{
        self,
        Authenticator,
        LinkKind,
        LinkRef,
        LinkSecurity,
        Secured, //
    },
    notify,
    user::LinkFacts,
    Device,
    Notice,
    Pairing as Step,
    Peer, //
};
use engine::{
    security::{
        BrEdr,
        Level, //
    },
    smp::{
        attempts::Attempts,
        crypto::{
            resolvable_address,
            resolves, //
        },
        Pairing,
        Secret, //
    },
};
use kernel::prelude::*;
use kernel_ext::hci::Quirk;
use kernel_ext::vec::VecExt;
use kernel_ext::workqueue::Worker;
use wire::{
    hci::{
        event::Event,
        host_control::WriteAuthPayloadTimeout,
        le_event::LeEvent,
        CommandBit,
        ConnHandle,
        Opcode,
        Status, //
    },
    smp::IoCapability,
    AddressType,
    BdAddr, //
};

/// Peers that wait before they may try again, at most.
const MAX_ATTEMPTS: usize = 16;
/// Pairings that users wait for, at most.
const MAX_WISHES: usize = 32;

/// A key that LE encryption was asked for with.
#[derive(Clone, Copy)]
struct LeKey {
    level: Level,
    size: u8,
    /// Good for this time only.
    short_term: bool,
}

/// One link's security.
struct Link {
    facts: LinkFacts,
    io: IoCapability,
    /// BR/EDR.
    bredr: BrEdr,
    /// Simple pairing goes on, for which the link is held.
    pairs: bool,
    /// The key is to be forgotten when the link ends.
    forget_key: bool,
    /// Digits entered at the peer's keyboard, and the digits.
    passkey: (u32, u8),
    /// The peer has the fixed channel for deriving LE keys.
    peer_smp: bool,
    /// The peer's request to derive them, which came before the size of the key was known: the
    /// answer of the controller and the peer's next step race.
    early: Option<[u8; le::PAIRING_REQUEST_LEN]>,
    /// LE.
    level: Level,
    wanted: Level,
    encrypted: Option<LeKey>,
    /// Encryption was asked for with this key.
    encrypting: Option<LeKey>,
    pairing: Option<KBox<Pairing<crypto::Kernel>>>,
}

/// A user waits for a pairing.
struct Wish {
    /// By what the user knows the peer, and who it is by what it has said since.
    asked: Peer,
    peer: Peer,
    io: IoCapability,
    /// The link is there for it.
    made_link: bool,
}

/// What of a controller's belongs to this room; its worker's.
pub(crate) struct Room {
    links: KVec<KBox<Link>>,
    wishes: KVec<Wish>,
    attempts: Attempts<MAX_ATTEMPTS>,
    own_oob: Option<oob::Own>,
}

impl Room {
    fn link(&mut self, handle: u16) -> Option<&mut Link> {
        let found = self.links.iter_mut().find(|l| l.facts.handle == handle);
        found.map(|l| &mut **l)
    }

    fn to(&mut self, peer: Peer) -> Option<&mut Link> {
        let found = self.links.iter_mut().find(|l| l.facts.peer == peer);
        found.map(|l| &mut **l)
    }

    /// The peer of a link has said who it is.
    fn identified(&mut self, handle: u16, identity: Peer) {
        let Some(link) = self.link(handle) else {
            return;
        };
        let before = core::mem::replace(&mut link.facts.peer, identity);
        for wish in self.wishes.iter_mut().filter(|w| w.peer == before) {
            wish.peer = identity;
        }
    }

    fn take_wish(&mut self, peer: Peer) -> Option<Wish> {
        let at = self.wishes.iter().position(|w| w.peer == peer)?;
        self.wishes.take_out(at)
    }
}

/// The link with this handle.
fn link_of<'a>(dev: &'a Device, worker: &'a mut Worker<'_>, handle: u16) -> Option<&'a mut Link> {
    dev.security.get(worker)?.link(handle)
}

/// Tells mgmt's users about a pairing.
fn tell(dev: &Device, peer: Peer, what: Step<'_>) {
    notify(dev, Notice::Pairing { peer, what });
}

/// As [`over`], where nothing of the link is left to be given back. Returns whether a user waited.
fn told_over(dev: &Device, worker: &mut Worker<'_>, peer: Peer, status: Option<u8>) -> bool {
    let wish = dev.security.get(worker).and_then(|r| r.take_wish(peer));
    if let Some(wish) = &wish {
        tell(dev, wish.asked, Step::Over { status, now: peer });
    }
    wish.is_some()
}

/// What a user asked for is over: an HCI error code, 0 for success, none for another failure.
fn over(dev: &Device, worker: &mut Worker<'_>, peer: Peer, status: Option<u8>) {
    if told_over(dev, worker, peer, status) {
        link::release(dev, worker, LinkRef::Peer(peer));
    }
}

/// Authentication failed: users hear of it, and whoever waits for the pairing does too.
fn failed(dev: &Device, worker: &mut Worker<'_>, peer: Peer, status: u8) {
    tell(dev, peer, Step::Failed { status });
    over(dev, worker, peer, Some(status));
}

/// `hci`'s view of this room.
pub(crate) struct Security;

impl Authenticator for Security {
    type Controller = Room;

    fn new_controller() -> Room {
        Room {
            links: KVec::new(),
            wishes: KVec::new(),
            attempts: Attempts::new(),
            own_oob: None,
        }
    }

    fn link_up(dev: &Device, worker: &mut Worker<'_>, facts: &LinkFacts) {
        let io = dev.state().io_capability;
        let Some(room) = dev.security.get(worker) else {
            return;
        };
        let wish = room.wishes.iter().find(|w| w.peer == facts.peer);
        let io = wish.map_or(IoCapability(io), |w| w.io);
        let link = KBox::new(
            Link {
                facts: *facts,
                io,
                bredr: BrEdr::new(io),
                pairs: false,
                forget_key: false,
                passkey: (0, 0),
                peer_smp: false,
                early: None,
                level: Level::Low,
                wanted: Level::Low,
                encrypted: None,
                encrypting: None,
                pairing: None,
            },
            GFP_KERNEL,
        );
        // Without memory for it the link has no security, and is refused what needs some.
        if link.map(|l| room.links.append(l)).is_err() {
            pr_warn!("{}: no memory for a link's security\n", dev.name());
        }
    }

    fn link_ready(dev: &Device, worker: &mut Worker<'_>, handle: u16, known: &LinkSecurity) {
        let Some(room) = dev.security.get(worker) else {
            return;
        };
        let Some(link) = room.link(handle) else {
            return;
        };
        link.bredr.features(known.ssp, known.secure_host);
        let peer = link.facts.peer;
        if room.wishes.iter().any(|w| w.peer == peer) {
            user::begin(dev, worker, handle, peer);
        }
    }

    fn role_changed(dev: &Device, worker: &mut Worker<'_>, handle: u16, central: bool) {
        // Whose turn it is, is looked at when there is a key: by then both sides know their roles.
        if let Some(link) = link_of(dev, worker, handle) {
            link.facts.central = central;
        }
    }

    fn own_address_told(dev: &Device, worker: &mut Worker<'_>, handle: u16, own: Peer) {
        if let Some(link) = link_of(dev, worker, handle) {
            link.facts.own_on_air = own;
        }
    }

    fn link_failed(dev: &Device, worker: &mut Worker<'_>, peer: Peer, status: u8) {
        told_over(dev, worker, peer, Some(status));
    }

    fn link_down(dev: &Device, worker: &mut Worker<'_>, handle: u16, reason: u8) {
        let Some(room) = dev.security.get(worker) else {
            return;
        };
        let at = room.links.iter().position(|l| l.facts.handle == handle);
        let Some(mut link) = at.and_then(|at| room.links.take_out(at)) else {
            return;
        };
        let peer = link.facts.peer;
        if link.forget_key {
            dev.state().link_keys.keep(|k| k.addr != peer.addr);
        }
        if let Some(pairing) = link.pairing.as_mut() {
            pairing.link_lost();
        }
        drop(link);
        told_over(dev, worker, peer, Some(reason));
        le::adjust_timer(dev, worker);
    }

    fn event(dev: &Device, worker: &mut Worker<'_>, event: &Event<'_>) {
        match *event {
            Event::EncryptionChange(e) => {
                encryption_changed(dev, worker, e.handle.get(), e.status, e.encryption);
            }
            Event::EncryptionChangeV2(e) => {
                encryption_changed(dev, worker, e.handle.get(), e.status, e.encryption);
            }
            Event::EncryptionKeyRefreshComplete(e) => {
                let handle = e.handle.get();
                match kind_of(dev, worker, handle) {
                    Some(LinkKind::Le) => le::encrypted(dev, worker, handle, e.status, true),
                    Some(LinkKind::Acl) => bredr::key_refreshed(dev, worker, handle, e.status),
                    None => {}
                }
            }
            Event::LeMeta(LeEvent::LongTermKeyRequest(e)) => {
                le::key_wanted(dev, worker, e.handle.get(), e.ediv.get(), e.rand.get());
            }
            _ => bredr::event(dev, worker, event),
        }
    }

    fn answered(
        dev: &Device,
        worker: &mut Worker<'_>,
        opcode: Opcode,
        status: Status,
        sent: &[u8],
        reply: Option<&[u8]>,
    ) {
        bredr::answered(dev, worker, opcode, status, sent, reply);
        le::answered(dev, worker, opcode, status, sent);
    }

    fn time(dev: &Device, worker: &mut Worker<'_>) {
        le::time(dev, worker);
    }

    fn controller_closed(dev: &Device, worker: &mut Worker<'_>) {
        if let Some(room) = dev.security.get(worker) {
            room.links.clear();
            room.wishes.clear();
            // What was given out is good for as long as the controller is up.
            room.own_oob = None;
        }
        link::wake_at(dev, None);
    }

    fn resolves(key: &Secret<16>, addr: BdAddr) -> bool {
        // What cannot be computed now is nobody's address for now.
        resolves(&mut crypto::Kernel, key.octets(), &addr).unwrap_or(false)
    }

    fn private_address(key: &Secret<16>) -> Option<BdAddr> {
        resolvable_address(&mut crypto::Kernel, key.octets()).ok()
    }

    fn secure(
        dev: &Device,
        worker: &mut Worker<'_>,
        handle: u16,
        kind: LinkKind,
        security: &LinkSecurity,
        level: u8,
        initiator: bool,
    ) -> Secured {
        let Some(level) = Level::from_u8(level) else {
            return Secured::Refused;
        };
        match kind {
            LinkKind::Acl => bredr::secure(dev, worker, handle, security, level, initiator),
            LinkKind::Le => le::secure(dev, worker, handle, level),
        }
    }
}

fn kind_of(dev: &Device, worker: &mut Worker<'_>, handle: u16) -> Option<LinkKind> {
    link_of(dev, worker, handle).map(|l| l.facts.kind)
}

fn encryption_changed(
    dev: &Device,
    worker: &mut Worker<'_>,
    handle: u16,
    status: Status,
    mode: u8,
) {
    /// `Encryption_Enabled`: AES-CCM on BR/EDR; on LE there is nothing else, and any value but 0 says so.
    const AES_CCM: u8 = 2;
    let kind = kind_of(dev, worker, handle);
    if status.is_success() && (mode == AES_CCM || mode != 0 && kind == Some(LinkKind::Le)) {
        watch_payload(dev, handle, kind);
    }
    match kind {
        Some(LinkKind::Acl) => bredr::encryption_changed(dev, worker, handle, status, mode),
        Some(LinkKind::Le) => le::encrypted(dev, worker, handle, status, mode != 0),
        None => {}
    }
}

/// Has the controller make sure that packets with a message integrity check keep coming (Vol 4 Part E 7.3.94): a peer
/// that somebody else has taken the place of sends none.
fn watch_payload(dev: &Device, handle: u16, kind: Option<LinkKind>) {
    let can = dev.info().is_ok_and(|info| {
        info.supports(CommandBit::WRITE_AUTH_PAYLOAD_TIMEOUT)
            && match kind {
                Some(LinkKind::Acl) => info.features.ping(),
                Some(LinkKind::Le) => info.le_features.ping(),
                None => false,
            }
    });
    if !can || dev.quirk(Quirk::BROKEN_WRITE_AUTH_PAYLOAD_TIMEOUT) {
        return;
    }
    let timeout = dev.state().defaults.auth_payload_timeout;
    link::send_command(
        dev,
        &WriteAuthPayloadTimeout {
            handle: ConnHandle::new(handle),
            timeout: timeout.into(),
        },
    );
}

/// Whether a peer is one of a BR/EDR link.
fn is_bredr(peer: Peer) -> bool {
    peer.kind == AddressType::BrEdr
}
