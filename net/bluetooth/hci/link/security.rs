// SPDX-License-Identifier: GPL-2.0

//! What security a link has, and who brings more of it.
//!
//! Authentication, encryption and pairing are another room's. `hci` asks it through
//! [`Authenticator`], named at the crate's root (`crate::Security`); what it achieves it notes with
//! [`change_security`], which tells the link's user.

use super::{
    send,
    LinkKind, //
};
use crate::hci::{
    device::Device,
    state::Peer,
    timers::{
        self,
        Alarm, //
    },
    user::{
        LinkFacts,
        LinkUser, //
    }, //
};
use engine::smp::Secret;
use kernel_ext::workqueue::Worker;
use wire::{
    hci::{
        event::Event,
        ConnHandle,
        Opcode,
        Request,
        Status, //
    },
    BdAddr, //
};

/// Security levels (`BT_SECURITY_*`).
pub(crate) const LOW: u8 = 1;
pub(super) const HIGH: u8 = 3;
pub(super) const FIPS: u8 = 4;

/// What security a link has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinkSecurity {
    /// Level reached, and the highest level asked for (`BT_SECURITY_*`).
    pub(crate) level: u8,
    pub(crate) wanted: u8,
    /// Authentication requirements (Vol 4 Part E 7.1.29).
    pub(crate) auth_type: u8,
    pub(crate) authenticated: bool,
    pub(crate) encrypted: bool,
    /// Encrypted with AES-CCM.
    pub(crate) aes_ccm: bool,
    /// BR/EDR: type of the link key (7.7.24), 0xff: none.
    pub(crate) key_type: u8,
    /// Bytes of the encryption key; 0 while not known.
    pub(crate) key_size: u8,
    /// BR/EDR: the peer's host does simple pairing; secure connections.
    pub(crate) ssp: bool,
    pub(crate) secure_host: bool,
    /// Authentication failed: what mgmt's users are told when the link ends.
    pub(crate) failed: bool,
}

impl Default for LinkSecurity {
    fn default() -> Self {
        /// General bonding, no MITM protection.
        const GENERAL_BONDING: u8 = 0x04;
        Self {
            level: LOW,
            wanted: LOW,
            auth_type: GENERAL_BONDING,
            authenticated: false,
            encrypted: false,
            aes_ccm: false,
            key_type: 0xff,
            key_size: 0,
            ssp: false,
            secure_host: false,
            failed: false,
        }
    }
}

/// What became of asking for security.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secured {
    /// The link has it.
    Already,
    /// It is being worked at:
    /// [`security_changed`](crate::hci::user::LinkUser::security_changed) follows.
    Pending,
    /// It cannot be had.
    Refused,
}

/// The room that authenticates and encrypts.
///
/// Runs on the worker, and must not wait for an answer of the controller.
pub(crate) trait Authenticator {
    /// What the room keeps for each controller; only the worker gets at it
    /// (`dev.security.get(worker)`).
    type Controller: Send;

    /// The state of a controller that was just allocated.
    fn new_controller() -> Self::Controller;

    /// A link is up; nothing is known of the peer yet.
    fn link_up(_dev: &Device, _worker: &mut Worker<'_>, _link: &LinkFacts) {}

    /// The peer's features are known.
    fn link_ready(_dev: &Device, _worker: &mut Worker<'_>, _handle: u16, _known: &LinkSecurity) {}

    /// The roles of a BR/EDR link have changed.
    fn role_changed(_dev: &Device, _worker: &mut Worker<'_>, _handle: u16, _central: bool) {}

    /// Which address of this host the peer of an LE link sees is told only after the link is up.
    fn own_address_told(_dev: &Device, _worker: &mut Worker<'_>, _handle: u16, _own: Peer) {}

    /// A link that was asked for did not come about; `status` is an HCI error code.
    fn link_failed(_dev: &Device, _worker: &mut Worker<'_>, _peer: Peer, _status: u8) {}

    /// A link is down; `reason` is an HCI error code.
    fn link_down(_dev: &Device, _worker: &mut Worker<'_>, _handle: u16, _reason: u8) {}

    /// An event that may be about security.
    fn event(_dev: &Device, _worker: &mut Worker<'_>, _event: &Event<'_>) {}

    /// A command was answered: `sent` are its parameters, `reply` the return parameters after the
    /// status, none if it was answered by Command Status.
    fn answered(
        _dev: &Device,
        _worker: &mut Worker<'_>,
        _opcode: Opcode,
        _status: Status,
        _sent: &[u8],
        _reply: Option<&[u8]>,
    ) {
    }

    /// The time that [`wake_at`] named has come.
    fn time(_dev: &Device, _worker: &mut Worker<'_>) {}

    /// The controller is closed; all links were reported down before.
    fn controller_closed(_dev: &Device, _worker: &mut Worker<'_>) {}

    /// Whether this identity resolving key made a private address. At once, in a task.
    fn resolves(_key: &Secret<16>, _addr: BdAddr) -> bool {
        false
    }

    /// A new private address that this key resolves; `None` if none can be made now. At once.
    fn private_address(_key: &Secret<16>) -> Option<BdAddr> {
        None
    }

    /// Raises the security of a link that is ready to `level`. `security` is what it has.
    /// `initiator`: this host wants it, not the peer.
    fn secure(
        dev: &Device,
        worker: &mut Worker<'_>,
        handle: u16,
        kind: LinkKind,
        security: &LinkSecurity,
        level: u8,
        initiator: bool,
    ) -> Secured;
}

/// Has [`Authenticator::time`] called at this time in milliseconds, and at no other.
pub(crate) fn wake_at(dev: &Device, at: Option<u64>) {
    timers::alarm(dev, Alarm::Security, at);
}

/// A link to a peer that is not up yet: the level it is wanted for, and whether this host wants it.
/// Some peers authenticate before a link comes up (security mode 3, Vol 3 Part C 5.2.1.3).
pub(crate) fn attempted(dev: &Device, worker: &mut Worker<'_>, peer: Peer) -> Option<(u8, bool)> {
    let table = dev.links.get(worker)?;
    let link = table.find(|l| l.peer == peer && l.handle.is_none())?;
    Some((link.security.wanted, link.initiated_here))
}

/// The peer of an LE link that is up has told who it is (Vol 3 Part H 3.6.5): by its identity it is known from
/// now on, as it will be when it comes again. Returns whether it is: another link to that
/// peer, or one that is wanted, keeps the name.
pub(crate) fn identified(
    dev: &Device,
    worker: &mut Worker<'_>,
    handle: u16,
    identity: Peer,
) -> bool {
    let Some(table) = dev.links.get(worker) else {
        return false;
    };
    if table.find(|l| l.peer == identity).is_some() {
        return false;
    }
    let link = table.by_handle(ConnHandle::new(handle));
    let Some(link) = link.filter(|l| l.kind == LinkKind::Le) else {
        return false;
    };
    let before = core::mem::replace(&mut link.peer, identity);
    dev.state().conn_params.identified(before, identity);
    crate::Upper::identified(dev, worker, handle, identity);
    true
}

/// Ends a link that is up; its users are told when it is over, never from here.
pub(crate) fn end_link(dev: &Device, worker: &mut Worker<'_>, handle: u16, reason: Status) {
    let table = dev.links.get(worker);
    let id = table.and_then(|t| t.by_handle(ConnHandle::new(handle)).map(|l| l.id));
    if let Some(id) = id {
        super::end::end(dev, worker, id, reason);
    }
}

/// Sends a command from the worker, which waits for nothing.
pub(crate) fn send_command<R: Request>(dev: &Device, request: &R) {
    send(dev, request);
}

/// Notes something about a link's security of which its user need not be told.
pub(crate) fn note_security(
    dev: &Device,
    worker: &mut Worker<'_>,
    handle: u16,
    note: impl FnOnce(&mut LinkSecurity),
) {
    let table = dev.links.get(worker);
    if let Some(link) = table.and_then(|t| t.by_handle(ConnHandle::new(handle))) {
        note(&mut link.security);
    }
}

/// Asks for security on a link that is up.
pub(crate) fn secure(
    dev: &Device,
    worker: &mut Worker<'_>,
    handle: u16,
    level: u8,
    auth_type: u8,
    initiator: bool,
) -> Secured {
    /// Bit of the authentication requirements: protection against a man in the middle.
    const MITM: u8 = 0x01;
    let table = dev.links.get(worker);
    let Some(link) = table.and_then(|t| t.by_handle(ConnHandle::new(handle))) else {
        return Secured::Refused;
    };
    link.security.wanted = link.security.wanted.max(level);
    // What was asked for before still holds.
    link.security.auth_type = auth_type | (link.security.auth_type & MITM);
    let (kind, security) = (link.kind, link.security);
    <crate::Security as Authenticator>::secure(
        dev, worker, handle, kind, &security, level, initiator,
    )
}

/// Notes what has become of a link's security, and tells the link's user. `status`: an HCI error
/// code. Does nothing for a link that is gone.
pub(crate) fn change_security(
    dev: &Device,
    worker: &mut Worker<'_>,
    handle: u16,
    status: u8,
    change: impl FnOnce(&mut LinkSecurity),
) {
    let table = dev.links.get(worker);
    let Some(link) = table.and_then(|t| t.by_handle(ConnHandle::new(handle))) else {
        return;
    };
    change(&mut link.security);
    let security = link.security;
    crate::Upper::security_changed(dev, worker, handle, status, &security);
}
