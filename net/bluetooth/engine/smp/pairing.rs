// SPDX-License-Identifier: GPL-2.0

//! One pairing over one link (Vol 3 Part H 2.3).

mod distribution;
mod features;
mod legacy;
mod secure;
mod types;

use wire::smp::{
    AuthReq,
    Code,
    IoCapability,
    KeyDistribution,
    Pairing as Features,
    ParseError,
    Pdu,
    PublicKey,
    Reason, //
};

pub use self::{
    features::{
        first,
        security_request,
        First,
        SecurityRequest, //
    },
    types::{
        Action,
        Answer,
        BrEdr,
        Context,
        Encryption,
        Failure,
        LocalOob,
        NotAsked,
        Origin,
        Outcome,
        Question,
        Received,
        RemoteOob,
        Setup, //
    },
};

use super::{
    crypto::{
        Crypto,
        CryptoError, //
    },
    keys::Keys,
    method::Method,
    Secret, //
};
use crate::{
    ring::Ring,
    security::Level, //
};

/// For how long a side waits after what it sent last, in milliseconds; then the pairing has failed, and there is none over
/// this link any more (3.4).
pub const TIMEOUT_MS: u64 = 30_000;

/// How many actions may wait to be taken.
const ACTIONS: usize = 16;

const EMPTY_FEATURES: Features = Features {
    io_capability: IoCapability(0),
    oob: 0,
    auth_req: AuthReq::EMPTY,
    max_key_size: 0,
    initiator_keys: KeyDistribution::EMPTY,
    responder_keys: KeyDistribution::EMPTY,
};
const EMPTY_PUBLIC_KEY: PublicKey = PublicKey {
    x: [0; 32],
    y: [0; 32],
};

/// What is expected of the peer next. Anything else is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing: our user has to answer first.
    User,
    /// Pairing Request, after our Security Request.
    Request,
    /// Pairing Response.
    Response,
    /// Pairing Public Key. A responder takes Pairing Confirm too, as the beginning of legacy pairing (see `legacy`).
    PublicKey,
    /// Pairing Confirm.
    Confirm,
    /// Pairing Random.
    Random,
    /// Pairing DHKey Check.
    DhKeyCheck,
    /// Encryption, which the initiator starts.
    Encryption,
    /// Encryption Information.
    LongTermKey,
    /// Central Identification.
    LongTermKeyName,
    /// Identity Information.
    IdentityKey,
    /// Identity Address Information.
    IdentityAddress,
    /// Signing Information.
    SigningKey,
    /// Nothing any more.
    Over,
}

/// What the user was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Nothing,
    Confirm,
    Passkey,
}

/// One pairing. It is large: keep it behind a pointer, where its keys are not copied about.
///
/// # Invariants
///
/// - Once `stage` is `Stage::Over` nothing changes any more.
/// - `keys` is complete, and may be taken, only after [`Outcome::Paired`].
pub struct Pairing<C: Crypto> {
    setup: Setup<C::KeyPair>,
    initiator: bool,
    stage: Stage,
    asked: Asked,
    /// A PDU of the peer (Confirm or DHKey Check) waits for the user's answer.
    held: bool,
    /// The peer was asked for security twice: it answered the first time with too little.
    asked_again: bool,
    /// What link security asked for; grows while the pairing runs.
    wanted: Level,
    /// What was asked for as the features were exchanged: this has to come out.
    needed: Level,
    request: Features,
    response: Features,
    secure: bool,
    ct2: bool,
    debug: bool,
    method: Method,
    key_size: u8,
    own_random: Secret<16>,
    peer_random: Secret<16>,
    own_confirm: Option<[u8; 16]>,
    peer_confirm: [u8; 16],
    /// Legacy pairing's temporary key, once it is known.
    tk: Option<Secret<16>>,
    /// The six digits of Secure Connections, once they are known.
    passkey: Option<u32>,
    /// How many of the 20 bits of the passkey are proved.
    round: u8,
    own_pair: Option<C::KeyPair>,
    peer_public: PublicKey,
    dh_key: Secret<32>,
    mac_key: Secret<16>,
    /// The key that the link is to be encrypted with: STK or LTK.
    link: Option<Secret<16>>,
    /// The peer's long term key, its name not yet here; then the peer's IRK, its address not yet here.
    arriving: Secret<16>,
    own_dist: KeyDistribution,
    peer_dist: KeyDistribution,
    keys: Keys,
    actions: Ring<Action, ACTIONS>,
    deadline: u64,
}

/// Ends the pairing: either for this reason, or because a computation failed.
enum Refusal {
    Because(Reason),
    /// Because the peer did not know what it should have: it has to wait before it tries again.
    Unproved(Reason),
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self::Because(reason)
    }
}

impl From<CryptoError> for Refusal {
    fn from(_: CryptoError) -> Self {
        Self::Because(Reason::UNSPECIFIED)
    }
}

type Step = Result<(), Refusal>;

impl<C: Crypto> Pairing<C> {
    fn new(setup: Setup<C::KeyPair>, initiator: bool, now_ms: u64) -> Self {
        let wanted = setup.wanted;
        Self {
            setup,
            initiator,
            stage: Stage::User,
            asked: Asked::Nothing,
            held: false,
            asked_again: false,
            wanted,
            needed: Level::Low,
            request: EMPTY_FEATURES,
            response: EMPTY_FEATURES,
            secure: false,
            ct2: false,
            debug: false,
            method: Method::JustWorks { capable: false },
            key_size: 0,
            own_random: Secret::ZERO,
            peer_random: Secret::ZERO,
            own_confirm: None,
            peer_confirm: [0; 16],
            tk: None,
            passkey: None,
            round: 0,
            own_pair: None,
            peer_public: EMPTY_PUBLIC_KEY,
            dh_key: Secret::ZERO,
            mac_key: Secret::ZERO,
            link: None,
            arriving: Secret::ZERO,
            own_dist: KeyDistribution::EMPTY,
            peer_dist: KeyDistribution::EMPTY,
            keys: Keys::default(),
            actions: Ring::new(),
            deadline: now_ms.saturating_add(TIMEOUT_MS),
        }
    }

    /// The next thing to do, in order. Ask after each input until there is none.
    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to call [`expire`](Self::expire), or `None` once the pairing is over.
    pub fn deadline(&self) -> Option<u64> {
        (self.stage != Stage::Over).then_some(self.deadline)
    }

    /// Whether the pairing is over. What it then has to say is [`Action::Done`].
    pub fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// Whether this side asked for the pairing.
    pub fn is_initiator(&self) -> bool {
        self.initiator
    }

    /// How the two sides make sure of each other, as far as that is known.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Whether both sides do Secure Connections.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The setup that the pairing was started with.
    pub fn setup(&self) -> &Setup<C::KeyPair> {
        &self.setup
    }

    /// The keys of a pairing that is [`Outcome::Paired`]; before that, and after any other end, none.
    pub fn keys(&self) -> Option<&Keys> {
        (self.stage == Stage::Over && self.keys_valid()).then_some(&self.keys)
    }

    fn keys_valid(&self) -> bool {
        self.link.is_some() || self.setup.bredr.is_some()
    }

    /// Link security asks for more than it did when the pairing began. It counts if the pairing has not yet come to where
    /// that is decided; else security asks again when it is over.
    pub fn require(&mut self, level: Level) {
        self.wanted = self.wanted.max(level);
    }

    /// What the link's encryption is worth once it uses this pairing's key.
    pub fn level(&self) -> Level {
        super::keys::level(self.secure, self.method.is_authenticated(), self.key_size)
    }

    /// The key for the link as the peer, as central, asks for it (LE Long Term Key Request), with its size and whether
    /// it is for this time only. None if it is not this pairing's turn: look among the keys kept then.
    pub fn long_term_key(&self, ediv: u16, rand: u64) -> Option<Encryption> {
        let turn = match self.stage {
            Stage::Encryption => true,
            Stage::LongTermKey
            | Stage::LongTermKeyName
            | Stage::IdentityKey
            | Stage::IdentityAddress
            | Stage::SigningKey => self.secure,
            _ => false,
        };
        if self.initiator || ediv != 0 || rand != 0 || !turn {
            return None;
        }
        self.encryption()
    }

    fn encryption(&self) -> Option<Encryption> {
        self.link.as_ref().map(|key| Encryption {
            key: key.shortened(self.key_size),
            size: self.key_size,
            short_term: !self.secure,
            level: self.level(),
        })
    }

    fn push(&mut self, action: Action) {
        if self.actions.push_back(action).is_err() {
            // Nobody takes the actions: nothing that follows could be right.
            self.stage = Stage::Over;
            self.link = None;
            self.setup.bredr = None;
        }
    }

    fn send(&mut self, now_ms: u64, pdu: &Pdu<'_>) {
        self.deadline = now_ms.saturating_add(TIMEOUT_MS);
        self.push(Action::Send(pdu.encode()));
    }

    fn ask(&mut self, question: Question) {
        self.asked = match question {
            Question::Confirm { .. } => Asked::Confirm,
            Question::EnterPasskey => Asked::Passkey,
            Question::ShowPasskey { .. } => Asked::Nothing,
        };
        self.push(Action::Ask(question));
    }

    fn over(&mut self, outcome: Outcome) {
        if self.stage == Stage::Over {
            return;
        }
        self.stage = Stage::Over;
        self.asked = Asked::Nothing;
        if let Outcome::Failed(_) = outcome {
            self.keys = Keys::default();
            self.link = None;
            self.setup.bredr = None;
        }
        self.tk = None;
        self.passkey = None;
        self.own_pair = None;
        self.dh_key = Secret::ZERO;
        self.mac_key = Secret::ZERO;
        self.push(Action::Done(outcome));
    }

    fn fail(&mut self, now_ms: u64, reason: Reason, unproved: bool) {
        self.send(now_ms, &Pdu::PairingFailed(reason));
        self.over(Outcome::Failed(Failure {
            reason,
            origin: Origin::Here,
            unproved,
        }));
    }

    fn settle(&mut self, now_ms: u64, step: Step) {
        match step {
            Ok(()) => {}
            Err(Refusal::Because(reason)) => self.fail(now_ms, reason, false),
            Err(Refusal::Unproved(reason)) => self.fail(now_ms, reason, true),
        }
    }

    /// A frame from the peer.
    pub fn received(&mut self, frame: &[u8], context: &mut Context<'_, C>) -> Received {
        if self.stage == Stage::Over {
            return Received::Ignored;
        }
        let pdu = match Pdu::parse(frame) {
            Ok(pdu) => pdu,
            Err(ParseError::Empty | ParseError::Reserved(_)) => return Received::Ignored,
            Err(ParseError::Length(code, _)) => {
                if !self.expects(code) {
                    return self.unexpected(code, context.now_ms);
                }
                if code == Code::PairingFailed {
                    return Received::Ignored;
                }
                self.fail(context.now_ms, Reason::INVALID_PARAMETERS, false);
                return Received::Taken;
            }
        };
        if let Pdu::PairingFailed(reason) = pdu {
            self.over(Outcome::Failed(Failure {
                reason,
                origin: Origin::Peer,
                unproved: false,
            }));
            return Received::Taken;
        }
        if !self.expects(pdu.code()) {
            return self.unexpected(pdu.code(), context.now_ms);
        }
        let step = match pdu {
            Pdu::PairingRequest(request) => self.requested(request, context),
            Pdu::PairingResponse(response) => self.accepted(response, context),
            Pdu::PairingConfirm(confirm) => self.confirmed(&confirm.0, context),
            Pdu::PairingRandom(random) => self.shown(&random.0, context),
            Pdu::PairingPublicKey(key) => self.public_key(key, context),
            Pdu::PairingDhKeyCheck(check) => self.dh_key_check(&check.0, context),
            Pdu::EncryptionInformation(_)
            | Pdu::CentralIdentification(_)
            | Pdu::IdentityInformation(_)
            | Pdu::IdentityAddressInformation(_)
            | Pdu::SigningInformation(_) => self.key_arrived(&pdu, context),
            // Never expected. This side does not agree to keypress notifications.
            Pdu::SecurityRequest(_) | Pdu::PairingFailed(_) | Pdu::KeypressNotification(_) => {
                return Received::Ignored;
            }
        };
        self.settle(context.now_ms, step);
        Received::Taken
    }

    fn expects(&self, code: Code) -> bool {
        match self.stage {
            Stage::User | Stage::Encryption | Stage::Over => code == Code::PairingFailed,
            Stage::Request => code == Code::PairingRequest,
            Stage::Response => code == Code::PairingResponse,
            Stage::PublicKey => {
                code == Code::PairingPublicKey || (code == Code::PairingConfirm && !self.initiator)
            }
            Stage::Confirm => code == Code::PairingConfirm,
            Stage::Random => code == Code::PairingRandom,
            Stage::DhKeyCheck => code == Code::PairingDhKeyCheck,
            Stage::LongTermKey => code == Code::EncryptionInformation,
            Stage::LongTermKeyName => code == Code::CentralIdentification,
            Stage::IdentityKey => code == Code::IdentityInformation,
            Stage::IdentityAddress => code == Code::IdentityAddressInformation,
            Stage::SigningKey => code == Code::SigningInformation,
        }
    }

    /// Keys that were not agreed on are refused, as 3.6.1 allows; anything else out of turn is ignored.
    fn unexpected(&mut self, code: Code, now_ms: u64) -> Received {
        match code {
            Code::IdentityInformation
            | Code::IdentityAddressInformation
            | Code::SigningInformation => {
                self.fail(now_ms, Reason::KEY_REJECTED, false);
                Received::Taken
            }
            _ => Received::Ignored,
        }
    }

    /// The user answered what was asked last.
    ///
    /// # Errors
    ///
    /// If nothing of that kind was asked.
    pub fn answer(&mut self, answer: Answer, context: &mut Context<'_, C>) -> Result<(), NotAsked> {
        let fits = match answer {
            Answer::Confirm(_) => self.asked == Asked::Confirm,
            Answer::Passkey(_) => self.asked == Asked::Passkey,
        };
        if !fits || self.stage == Stage::Over {
            return Err(NotAsked);
        }
        self.asked = Asked::Nothing;
        let step = match answer {
            Answer::Confirm(false) if self.secure => Err(Reason::NUMERIC_COMPARISON_FAILED.into()),
            Answer::Confirm(false) | Answer::Passkey(None) => {
                Err(Reason::PASSKEY_ENTRY_FAILED.into())
            }
            Answer::Passkey(Some(passkey)) if passkey > 999_999 => {
                Err(Reason::PASSKEY_ENTRY_FAILED.into())
            }
            Answer::Confirm(true) if self.secure => self.comparison_confirmed(context),
            Answer::Confirm(true) => self.temporary_key(Secret::ZERO, context),
            Answer::Passkey(Some(passkey)) if self.secure => self.passkey_entered(passkey, context),
            Answer::Passkey(Some(passkey)) => {
                self.temporary_key(legacy::passkey_tk(passkey), context)
            }
        };
        self.settle(context.now_ms, step);
        Ok(())
    }

    /// The link is encrypted (Encryption Change or Encryption Key Refresh Complete), and worth so much now, or could not be: with
    /// this pairing's key, or with an earlier one, if a central was asked for security and has that (2.4.6).
    pub fn encrypted(&mut self, worth: Option<Level>, context: &mut Context<'_, C>) {
        match (self.stage, worth) {
            (Stage::Request, Some(worth)) => return self.answered_by_encryption(worth, context),
            (Stage::Encryption, Some(_)) => {}
            (Stage::Encryption, None) => return self.give_up(Origin::Encryption),
            _ => return,
        }
        self.deadline = context.now_ms.saturating_add(TIMEOUT_MS);
        let step = self.distribute(context);
        self.settle(context.now_ms, step);
    }

    /// Time has passed.
    pub fn expire(&mut self, now_ms: u64) {
        if self.stage == Stage::Over || now_ms < self.deadline {
            return;
        }
        // No message may follow; the link is of no more use for a pairing (3.4). A peer that has encrypted instead of
        // pairing owes no message.
        self.give_up(match self.stage {
            Stage::Request if self.asked_again => Origin::Insufficient,
            _ => Origin::Timeout,
        });
    }

    /// The user no longer wants it.
    pub fn cancel(&mut self, now_ms: u64) {
        if self.stage != Stage::Over {
            self.fail(now_ms, Reason::UNSPECIFIED, false);
        }
    }

    /// The link is gone: nothing can be sent any more.
    pub fn link_lost(&mut self) {
        self.give_up(Origin::LinkLost);
    }

    /// Ends without a word to the peer.
    fn give_up(&mut self, origin: Origin) {
        self.over(Outcome::Failed(Failure {
            reason: Reason::UNSPECIFIED,
            origin,
            unproved: false,
        }));
    }

    fn confirmed(&mut self, confirm: &[u8; 16], context: &mut Context<'_, C>) -> Step {
        if self.stage == Stage::PublicKey {
            self.fall_back()?;
            self.request_tk(context)?;
        }
        if self.secure {
            self.secure_confirm(confirm, context)
        } else {
            self.legacy_confirm(confirm, context)
        }
    }

    fn shown(&mut self, random: &[u8; 16], context: &mut Context<'_, C>) -> Step {
        self.peer_random = Secret::new(*random);
        if self.secure {
            self.secure_random(context)
        } else {
            self.legacy_random(context)
        }
    }
}
