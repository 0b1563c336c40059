// SPDX-License-Identifier: GPL-2.0

//! Security of one BR/EDR link.
//!
//! The controller authenticates and encrypts; the host says when, with which key, and what it takes the result for. Each
//! event of the controller has its method here, which returns what to do about it.
//!
//! The peer and whoever is in the middle decide on much of what these events say. So a link's level follows from the
//! key that is used, never from what was asked for; a key of Secure Connections is good with AES-CCM only; and
//! encryption counts only once its key size has been read.

use wire::{
    hci::Status,
    smp::IoCapability, //
};

use super::{
    KeyType,
    Level, //
};

/// Authentication requirements (Vol 4 Part E 7.1.29): bit 0 is protection against who is in the middle; 0x00 no bonding, 0x02
/// dedicated bonding, 0x04 general bonding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthRequirements(pub u8);

impl AuthRequirements {
    /// No bonding, no protection.
    pub const NO_BONDING: Self = Self(0x00);
    /// Dedicated bonding, no protection.
    pub const DEDICATED_BONDING: Self = Self(0x02);
    /// General bonding, no protection.
    pub const GENERAL_BONDING: Self = Self(0x04);
    const MITM: u8 = 0x01;

    /// Whether protection against who is in the middle is asked for.
    #[inline]
    pub const fn mitm(self) -> bool {
        self.0 & Self::MITM != 0
    }

    /// The same with, or without, that protection.
    #[inline]
    #[must_use]
    pub const fn with_mitm(self, on: bool) -> Self {
        if on {
            Self(self.0 | Self::MITM)
        } else {
            Self(self.0 & !Self::MITM)
        }
    }

    /// The kind of bonding alone.
    #[inline]
    const fn bonding(self) -> Self {
        self.with_mitm(false)
    }
}

/// What this host allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Secure Simple Pairing is on.
    pub ssp: bool,
    /// Secure Connections are on.
    pub secure_connections: bool,
    /// Nothing but Secure Connections is allowed.
    pub secure_connections_only: bool,
    /// Peers may bond without having been asked to.
    pub bondable: bool,
    /// The shortest encryption key, in octets: 7, unless the user wants more.
    pub min_key_size: u8,
}

/// A command to the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Authentication Requested.
    Authenticate,
    /// Set Connection Encryption, on.
    Encrypt,
}

/// What became of asking for a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// The link has it.
    Already,
    /// It is on its way, after this command if there is one.
    Pending(Option<Command>),
    /// The encryption that the link has cannot give it, whatever the key is worth.
    Never,
}

/// How an event went, and what is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What to send next.
    pub command: Option<Command>,
    /// Security has changed, or could not be changed: tell those who wait.
    pub report: Option<Status>,
    /// The user has to hear that authentication failed.
    pub failed: Option<Status>,
}

/// What to do about a change of encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encrypted {
    /// Read the encryption key size, then ask [`BrEdr::key_size_read`].
    ReadKeySize,
    /// Tell those who wait.
    Report(Status),
    /// Tell those who wait, then end the link: it is not what it has to be.
    Disconnect(Status),
}

/// What to answer to an IO Capability Request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoAnswer {
    /// IO Capability Request Reply.
    Reply {
        /// What this device can show and read.
        io: IoCapability,
        /// What this side wants.
        auth: AuthRequirements,
    },
    /// IO Capability Request Negative Reply: Pairing Not Allowed.
    Refuse,
}

/// What to do about a User Confirmation Request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// User Confirmation Request Negative Reply.
    Refuse,
    /// User Confirmation Request Reply, nobody asked: this user wanted the pairing.
    Accept,
    /// Ask the user.
    Ask {
        /// There is nothing to compare: yes or no only.
        hint: bool,
    },
}

/// What to do about a PIN Code Request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinAnswer {
    /// PIN Code Request Negative Reply.
    Refuse,
    /// Ask the user.
    Ask {
        /// It has to be 16 digits long.
        secure: bool,
    },
}

/// What to do about a new link key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewKey {
    /// End the link: this is an attack (CVE-2020-26555).
    Disconnect,
    /// Keep it as of this type.
    Keep {
        /// Its type.
        kind: KeyType,
        /// The length of the PIN that it was made from, 0 if none.
        pin_len: u8,
        /// Beyond this link. Otherwise forget it when the link ends.
        persistent: bool,
    },
}

/// What is known of one BR/EDR link.
///
/// # Invariants
///
/// - `level` is above [`Level::Low`] only while the link is encrypted, or authenticated before encryption was due.
/// - `key_size` is none while the link is not encrypted, or its size is not known.
#[derive(Clone, Debug)]
pub struct BrEdr {
    level: Level,
    wanted: Level,
    auth: AuthRequirements,
    peer_auth: Option<AuthRequirements>,
    io: IoCapability,
    peer_io: IoCapability,
    key: Option<KeyType>,
    pin_len: u8,
    key_size: Option<u8>,
    /// The key was made while this link was up, and no LE keys from it yet.
    new_key: bool,
    authenticated: bool,
    encrypted: bool,
    aes_ccm: bool,
    auth_pending: bool,
    encrypt_pending: bool,
    /// This side asked for authentication.
    initiator: bool,
    peer_ssp: bool,
    peer_secure: bool,
}

impl BrEdr {
    /// A link that has just come up.
    pub const fn new(io: IoCapability) -> Self {
        Self {
            level: Level::Low,
            wanted: Level::Low,
            auth: AuthRequirements::NO_BONDING,
            peer_auth: None,
            io,
            peer_io: IoCapability::NO_INPUT_NO_OUTPUT,
            key: None,
            pin_len: 0,
            key_size: None,
            new_key: false,
            authenticated: false,
            encrypted: false,
            aes_ccm: false,
            auth_pending: false,
            encrypt_pending: false,
            initiator: false,
            peer_ssp: false,
            peer_secure: false,
        }
    }

    /// What the link is worth now.
    #[inline]
    pub const fn level(&self) -> Level {
        self.level
    }

    /// What was asked for so far.
    #[inline]
    pub const fn wanted(&self) -> Level {
        self.wanted
    }

    /// Whether it is encrypted, whether with AES-CCM, and with how many octets of key, 0 while that is not known.
    #[inline]
    pub const fn encryption(&self) -> (bool, bool, u8) {
        let size = match self.key_size {
            Some(size) => size,
            None => 0,
        };
        (self.encrypted, self.aes_ccm, size)
    }

    /// Whether it is encrypted with a key whose size the controller has yet to tell.
    #[inline]
    pub const fn reads_key_size(&self) -> bool {
        self.encrypted && self.key_size.is_none()
    }

    /// Whether the peer has been authenticated.
    #[inline]
    pub const fn is_authenticated(&self) -> bool {
        self.authenticated
    }

    /// The type of the link key, if one was used.
    #[inline]
    pub const fn key(&self) -> Option<KeyType> {
        self.key
    }

    /// Whether this side is to begin deriving LE keys (Vol 3 Part H 2.3.5.7): the central does, from a key that was made while
    /// this link was up, and once.
    #[inline]
    pub const fn begins_derivation(&self, central: bool) -> bool {
        central && self.new_key
    }

    /// LE keys are being derived, whichever side began.
    #[inline]
    pub fn derivation_begun(&mut self) {
        self.new_key = false;
    }

    /// What this side asks for.
    #[inline]
    pub const fn auth(&self) -> AuthRequirements {
        self.auth
    }

    /// Whether the peer does Secure Simple Pairing.
    #[inline]
    pub const fn peer_ssp(&self) -> bool {
        self.peer_ssp
    }

    /// Whether authentication was asked for here and is going on.
    #[inline]
    pub const fn is_authenticating(&self) -> bool {
        self.auth_pending
    }

    /// This device can show and read something else for this pairing.
    #[inline]
    pub fn set_io(&mut self, io: IoCapability) {
        self.io = io;
    }

    /// The peer's host features are known (LMP features, page 1).
    pub fn features(&mut self, ssp: bool, secure_connections: bool) {
        self.peer_ssp = ssp;
        self.peer_secure = secure_connections;
    }

    fn ssp(&self, policy: &Policy) -> bool {
        policy.ssp && self.peer_ssp
    }

    /// Whether the key in use is good enough for a level.
    fn sufficient(&self, level: Level) -> bool {
        self.key
            .and_then(|key| key.level(self.pin_len))
            .is_some_and(|worth| worth >= level)
    }

    /// Somebody needs a level (Vol 3 Part C 5.2.2.8). `here`: this side, not the peer, wants to pair if it comes to that.
    pub fn request(
        &mut self,
        policy: &Policy,
        level: Level,
        auth: AuthRequirements,
        here: bool,
    ) -> Request {
        if level == Level::Sdp || (level == Level::Low && !self.ssp(policy)) {
            return Request::Already;
        }
        let enough = self.authenticated && (self.sufficient(level) || level <= self.level);
        if !enough {
            // What is under way may bring it; it is asked for again if it does not.
            self.wanted = self.wanted.max(level);
            if self.encrypt_pending {
                return Request::Pending(None);
            }
            self.initiator |= here;
            // Protection that was asked for before stays asked for.
            self.auth = auth.with_mitm(auth.mitm() || self.auth.mitm() || level >= Level::High);
            if self.auth_pending {
                return Request::Pending(None);
            }
            self.auth_pending = true;
            self.encrypt_pending = !self.encrypted;
            return Request::Pending(Some(Command::Authenticate));
        }
        if self.encrypted {
            // Not before it is known that the key is long enough.
            return match self.key_size {
                // A key for level 4 under the old encryption (BIAS): encryption stays what it is
                // while the link lasts.
                Some(_) if level == Level::Fips && self.reached() < level => Request::Never,
                Some(_) => Request::Already,
                None => Request::Pending(None),
            };
        }
        if self.encrypt_pending {
            return Request::Pending(None);
        }
        self.encrypt_pending = true;
        Request::Pending(Some(Command::Encrypt))
    }

    /// What the link is worth with the key that is used. Where the controller keeps keys by itself and tells no
    /// type, what it did is taken for what was asked for.
    fn earned(&self) -> Level {
        match self.key {
            Some(key) => key
                .level(self.pin_len)
                .unwrap_or(self.wanted.min(Level::Medium)),
            None => self.wanted.min(Level::High),
        }
    }

    /// The level of the encrypted link: what the key earns, but level 4 only with AES-CCM and a key that was not shortened.
    fn reached(&self) -> Level {
        let full = self.aes_ccm && self.key_size.is_some_and(|size| size >= 16);
        match self.earned() {
            Level::Fips if !full => Level::High,
            level => level,
        }
    }

    /// Authentication Complete (7.7.6).
    pub fn authentication_complete(&mut self, status: Status) -> Verdict {
        let ours = core::mem::replace(&mut self.auth_pending, false);
        if status.is_success() {
            self.authenticated = true;
            if self.encrypted && self.key_size.is_some() {
                // With a new key: encryption is refreshed with it. Not before the size of the key is known (KNOB); then it is
                // that which says what is reached.
                self.level = self.reached();
            }
            let encrypt = self.encrypt_pending;
            return Verdict {
                command: encrypt.then_some(Command::Encrypt),
                report: (!encrypt && ours).then_some(status),
                failed: None,
            };
        }
        self.encrypt_pending = false;
        self.wanted = self.level;
        Verdict {
            command: None,
            report: Some(status),
            failed: Some(status),
        }
    }

    /// A command that [`Command`] asked for could not be carried out.
    pub fn command_failed(&mut self, command: Command, status: Status) -> Verdict {
        self.encrypt_pending = false;
        self.wanted = self.level;
        let mut failed = None;
        if command == Command::Authenticate {
            self.auth_pending = false;
            failed = Some(status);
        }
        Verdict {
            command: None,
            report: Some(status),
            failed,
        }
    }

    /// Whether what the link has now is allowed at all.
    fn allowed(&self, policy: &Policy) -> bool {
        if policy.secure_connections_only
            && !(self.aes_ccm && self.key == Some(KeyType::AuthenticatedP256))
        {
            return false;
        }
        if !self.encrypted {
            // Between hosts with Secure Simple Pairing there is no way back from encryption.
            return !self.ssp(policy);
        }
        // A key of Secure Connections with the old encryption: somebody made both sides believe that the other one
        // cannot do better (BIAS, BLUFFS).
        let downgraded = self.key.is_some_and(|key| key.is_secure())
            && !self.aes_ccm
            && policy.secure_connections
            && self.peer_secure;
        !downgraded && (self.earned() < Level::Fips || self.aes_ccm)
    }

    /// Encryption Change (7.7.8). `mode`: 0 off, 1 E0, 2 AES-CCM.
    pub fn encryption_changed(&mut self, policy: &Policy, status: Status, mode: u8) -> Encrypted {
        self.encrypt_pending = false;
        if status.is_success() {
            self.encrypted = mode != 0;
            self.aes_ccm = mode == 2;
            self.key_size = None;
            if self.encrypted {
                self.authenticated = true;
                // What it is worth now is known with the size of the key; but this much is certain.
                if !self.aes_ccm {
                    self.level = self.level.min(Level::High);
                }
            } else {
                self.level = Level::Low;
            }
        }
        if !status.is_success() {
            self.wanted = self.level;
            return Encrypted::Disconnect(status);
        }
        if !self.allowed(policy) {
            self.withdraw();
            return Encrypted::Disconnect(Status::AUTH_FAILURE);
        }
        if !self.encrypted {
            return Encrypted::Report(status);
        }
        // Nobody is told before the size of the key is known (KNOB).
        Encrypted::ReadKeySize
    }

    fn withdraw(&mut self) {
        self.level = Level::Low;
        self.wanted = Level::Low;
        self.authenticated = false;
        self.encrypted = false;
        self.aes_ccm = false;
        self.key_size = None;
    }

    /// Encryption Key Refresh Complete (7.7.39): the controller has taken a new session key, whose size is to be read too.
    pub fn key_refreshed(&mut self, status: Status) -> bool {
        if status.is_success() && self.encrypted {
            self.key_size = None;
            return true;
        }
        false
    }

    /// Read Encryption Key Size (7.5.6) was answered; none if it could not be read, which is taken for the worst. `stored`: the
    /// size that encryption with this key had before, if it is known.
    ///
    /// A key that is too short, or shorter than it was, is an attack (KNOB, BLUFFS): the link counts as not encrypted.
    pub fn key_size_read(
        &mut self,
        policy: &Policy,
        size: Option<u8>,
        stored: Option<u8>,
    ) -> Encrypted {
        if !self.encrypted {
            return Encrypted::Report(Status::AUTH_FAILURE);
        }
        let size = size.unwrap_or(0);
        if size < policy.min_key_size.max(1) || stored.is_some_and(|before| size < before) {
            self.withdraw();
            return Encrypted::Disconnect(Status::AUTH_FAILURE);
        }
        self.key_size = Some(size);
        self.level = self.reached();
        self.wanted = self.wanted.max(self.level);
        Encrypted::Report(Status::SUCCESS)
    }

    /// Link Key Request (7.7.23): whether the key that is kept for the peer, of this type and made from a PIN of this
    /// length, may be used.
    pub fn link_key_wanted(&mut self, policy: &Policy, stored: Option<(KeyType, u8)>) -> bool {
        self.new_key = false;
        let Some((kind, pin_len)) = stored else {
            return false;
        };
        let unauthenticated = matches!(
            kind,
            KeyType::UnauthenticatedP192 | KeyType::UnauthenticatedP256
        );
        let refused = (unauthenticated && self.auth.mitm() && self.wanted > Level::Medium)
            || (kind == KeyType::Combination && pin_len < 16 && self.wanted >= Level::High)
            || (policy.secure_connections_only && kind != KeyType::AuthenticatedP256);
        if refused {
            return false;
        }
        self.set_key(kind, pin_len);
        true
    }

    fn set_key(&mut self, kind: KeyType, pin_len: u8) {
        if kind != KeyType::ChangedCombination {
            self.key = Some(kind);
            self.pin_len = pin_len;
        }
    }

    /// A PIN of this length was given to the controller.
    pub fn pin_given(&mut self, pin_len: u8) {
        self.pin_len = pin_len;
    }

    /// Link Key Notification (7.7.24). `zero`: the key is all zero. `old`: the type of the key that is kept for the peer.
    pub fn link_key_made(&mut self, zero: bool, kind: KeyType, old: Option<KeyType>) -> NewKey {
        if zero {
            return NewKey::Disconnect;
        }
        let old = old.or(self.key);
        let kind = match (kind, old) {
            // Some controllers call the first key of legacy pairing a changed one.
            (KeyType::ChangedCombination, None) => KeyType::Combination,
            (KeyType::ChangedCombination, Some(old)) => old,
            (kind, _) => kind,
        };
        self.new_key = true;
        let pin_len = if kind == KeyType::Combination {
            self.pin_len
        } else {
            0
        };
        self.set_key(kind, pin_len);
        NewKey::Keep {
            kind,
            pin_len,
            persistent: self.persistent(kind),
        }
    }

    /// Whether the sides agreed to keep the key (Vol 3 Part C 5.2.2.6).
    fn persistent(&self, kind: KeyType) -> bool {
        match kind {
            KeyType::Combination | KeyType::LocalUnit | KeyType::RemoteUnit => return true,
            KeyType::DebugCombination => return false,
            _ => {}
        }
        let dedicated =
            |auth: AuthRequirements| auth.bonding() == AuthRequirements::DEDICATED_BONDING;
        let any = |auth: AuthRequirements| auth.bonding() != AuthRequirements::NO_BONDING;
        let peer = self.peer_auth;
        dedicated(self.auth)
            || peer.is_some_and(dedicated)
            || (any(self.auth) && peer.is_none_or(any))
    }

    /// IO Capability Response (7.7.41): what the peer can do, and wants.
    pub fn io_capability_heard(&mut self, io: IoCapability, auth: AuthRequirements) {
        self.peer_io = io;
        self.peer_auth = Some(auth);
    }

    /// What to ask for, given what the peer asks for.
    fn matching(&self, peer: AuthRequirements) -> AuthRequirements {
        if peer.bonding() == AuthRequirements::NO_BONDING {
            return peer.with_mitm(peer.mitm() || self.auth.mitm());
        }
        let able = self.peer_io != IoCapability::NO_INPUT_NO_OUTPUT
            && self.io != IoCapability::NO_INPUT_NO_OUTPUT;
        // If both can keep out who is in the middle they do; else who does not need it does not insist.
        peer.with_mitm(able || self.auth.mitm())
    }

    /// IO Capability Request (7.7.40): pairing begins. It may come before the peer's features are known.
    pub fn io_capability_wanted(&mut self, policy: &Policy) -> IoAnswer {
        self.peer_ssp = true;
        let no_bonding = self
            .peer_auth
            .is_some_and(|auth| auth.bonding() == AuthRequirements::NO_BONDING);
        if !policy.bondable && !self.initiator && !no_bonding {
            return IoAnswer::Refuse;
        }
        self.auth = match self.peer_auth {
            Some(peer) => self.matching(peer),
            None => {
                let able = self.io != IoCapability::NO_INPUT_NO_OUTPUT
                    && self.auth != AuthRequirements::NO_BONDING;
                self.auth.with_mitm(able || self.auth.mitm())
            }
        };
        if !policy.bondable {
            self.auth = AuthRequirements::NO_BONDING.with_mitm(self.auth.mitm());
        }
        // The BR/EDR protocol has no device with both.
        let io = if self.io == IoCapability::KEYBOARD_DISPLAY {
            IoCapability::DISPLAY_YES_NO
        } else {
            self.io
        };
        IoAnswer::Reply {
            io,
            auth: self.auth,
        }
    }

    /// User Confirmation Request (7.7.42). `bonded`: a key is kept for the peer already.
    pub fn confirmation_wanted(&self, bonded: bool) -> Confirmation {
        let none = IoCapability::NO_INPUT_NO_OUTPUT;
        if self.wanted > Level::Medium && self.peer_io == none {
            // Protection is needed, and this peer cannot give it.
            return Confirmation::Refuse;
        }
        let own_mitm = self.auth.mitm();
        let peer_mitm = self.peer_auth.is_some_and(AuthRequirements::mitm);
        let just_works = (!own_mitm || self.peer_io == none) && (!peer_mitm || self.io == none);
        if !just_works {
            return Confirmation::Ask { hint: false };
        }
        // Who did not ask for the pairing, or has a key for this peer that the pairing would replace, is asked.
        if (!self.auth_pending && self.io != none) || bonded {
            return Confirmation::Ask { hint: true };
        }
        Confirmation::Accept
    }

    /// PIN Code Request (7.7.22).
    pub fn pin_wanted(&self, policy: &Policy) -> PinAnswer {
        if (!policy.bondable && !self.initiator) || policy.secure_connections_only {
            return PinAnswer::Refuse;
        }
        PinAnswer::Ask {
            secure: self.wanted >= Level::High,
        }
    }

    /// Simple Pairing Complete (7.7.45): the error that the user has to hear of, unless Authentication Complete follows
    /// and brings it.
    pub fn pairing_complete(&mut self, status: Status) -> Option<Status> {
        self.peer_auth = None;
        (!status.is_success() && !self.auth_pending).then_some(status)
    }
}
