// SPDX-License-Identifier: GPL-2.0

//! What security a link has, and who brings more of it.
//!
//! Authentication, encryption and pairing are another room's. `hci` asks it through
//! [`Authenticator`], named at the crate's root (`crate::Security`); what it achieves it notes with
//! [`change_security`], which tells the link's user. Without such a room ([`Nobody`]) a link has
//! no security, and whoever needs some is refused.

use super::{
    send,
    LinkKind, //
};
use crate::hci::{
    device::Device,
    user::LinkUser, //
};
use kernel_ext::{
    hci::Flag,
    workqueue::Worker, //
};
use wire::{
    hci::{
        link_control::{
            LinkKeyRequestNegativeReply,
            LinkKeyRequestReply,
            PinCodeRequestNegativeReply, //
        },
        ConnHandle, //
    },
    BdAddr, //
};

/// Security levels (`BT_SECURITY_*`).
pub(crate) const SDP: u8 = 0;
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
    /// [`security_changed`](crate::hci::LinkUser::security_changed) follows.
    Pending,
    /// It cannot be had.
    Refused,
}

/// The room that authenticates and encrypts.
///
/// Runs on the worker, and must not wait for an answer of the controller.
pub(crate) trait Authenticator {
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

/// There is no such room: nothing that needs one is granted.
pub(crate) struct Nobody;

impl Authenticator for Nobody {
    fn secure(
        dev: &Device,
        _worker: &mut Worker<'_>,
        _handle: u16,
        kind: LinkKind,
        security: &LinkSecurity,
        level: u8,
        _initiator: bool,
    ) -> Secured {
        let free = match kind {
            LinkKind::Le => level <= LOW,
            // Between hosts with simple pairing all but service discovery is encrypted (Vol 3
            // Part C 5.2.2.2).
            LinkKind::Acl => {
                let ssp = security.ssp && dev.has(Flag::SSP_ENABLED);
                level == SDP || (level == LOW && !ssp)
            }
        };
        if free {
            Secured::Already
        } else {
            Secured::Refused
        }
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

/// A peer asks for a PIN (7.7.22); without somebody to ask there is none.
pub(in crate::hci) fn refuse_pin(dev: &Device, bdaddr: BdAddr) {
    send(dev, &PinCodeRequestNegativeReply { bdaddr });
}

/// A peer asks for the link key (7.7.23).
pub(in crate::hci) fn link_key_wanted(dev: &Device, bdaddr: BdAddr) {
    let key = dev
        .has(Flag::MGMT)
        .then(|| {
            let state = dev.state();
            state
                .link_keys
                .iter()
                .find(|k| k.addr == bdaddr)
                .map(|k| k.value)
        })
        .flatten();
    match key {
        Some(link_key) => send(dev, &LinkKeyRequestReply { bdaddr, link_key }),
        None => send(dev, &LinkKeyRequestNegativeReply { bdaddr }),
    }
}
