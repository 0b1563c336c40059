// SPDX-License-Identifier: GPL-2.0

//! Phase 1: who asks for what, and what both sides can do (Vol 3 Part H 2.3.1 to 2.3.5.1).

use wire::smp::{
    AuthReq,
    Code,
    IoCapability,
    KeyDistribution,
    Pairing as Features,
    ParseError,
    Pdu,
    Reason,
    MAX_KEY_SIZE,
    MIN_KEY_SIZE, //
};

use super::{
    super::{
        crypto::{
            Crypto,
            KeyPair,
            DEBUG_PRIVATE_KEY,
            DEBUG_PUBLIC_KEY, //
        },
        method, //
    },
    Context,
    Origin,
    Outcome,
    Pairing,
    Refusal,
    Setup,
    Stage,
    Step, //
};
use crate::security::Level;

/// The keys that are sent, not derived.
pub(super) const DISTRIBUTED: KeyDistribution = KeyDistribution::from_bits(
    KeyDistribution::ENC_KEY.bits()
        | KeyDistribution::ID_KEY.bits()
        | KeyDistribution::SIGN_KEY.bits(),
);

/// What a frame is that arrives while no pairing is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First<'a> {
    /// The peer wants to pair: see [`Pairing::respond`].
    Request(&'a Features),
    /// The peer, a peripheral, wants security: see [`security_request`].
    Security(AuthReq),
    /// It has to be refused with Pairing Failed and this reason.
    Refuse(Reason),
    /// It means nothing.
    Ignore,
}

/// Looks at a frame that arrives while no pairing is going on.
pub fn first(frame: &[u8]) -> First<'_> {
    match Pdu::parse(frame) {
        Ok(Pdu::PairingRequest(request)) => First::Request(request),
        Ok(Pdu::SecurityRequest(auth_req)) => First::Security(auth_req),
        Err(ParseError::Length(Code::PairingRequest | Code::SecurityRequest, _)) => {
            First::Refuse(Reason::INVALID_PARAMETERS)
        }
        _ => First::Ignore,
    }
}

/// What to do about a Security Request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecurityRequest {
    /// Make sure of this level: encrypt again with the key that is there if it is good enough, else
    /// [`Pairing::initiate`] with these requirements.
    Secure(Level, AuthReq),
    /// Answer Pairing Failed with this reason.
    Refuse(Reason),
}

/// Judges a Security Request (2.4.6) that came over an LE link.
pub fn security_request<K>(auth_req: AuthReq, central: bool, setup: &Setup<K>) -> SecurityRequest {
    if !central {
        return SecurityRequest::Refuse(Reason::COMMAND_NOT_SUPPORTED);
    }
    let auth_req = auth_req & understood(setup);
    if setup.secure_connections_only && !auth_req.contains(AuthReq::SECURE_CONNECTIONS) {
        return SecurityRequest::Refuse(Reason::AUTHENTICATION_REQUIREMENTS);
    }
    SecurityRequest::Secure(asked_level(auth_req, setup), auth_req)
}

/// The level that the peer's requirements amount to, as far as this device can provide it.
fn asked_level<K>(auth_req: AuthReq, setup: &Setup<K>) -> Level {
    if setup.io == IoCapability::NO_INPUT_NO_OUTPUT || !auth_req.contains(AuthReq::MITM) {
        Level::Medium
    } else if auth_req.contains(AuthReq::SECURE_CONNECTIONS) {
        Level::Fips
    } else {
        Level::High
    }
}

/// The requirements that this device knows: the others must be ignored.
fn understood<K>(setup: &Setup<K>) -> AuthReq {
    let legacy = AuthReq::BONDING | AuthReq::MITM;
    if setup.secure_connections {
        legacy | AuthReq::SECURE_CONNECTIONS | AuthReq::CT2
    } else {
        legacy
    }
}

/// The requirements of this device itself, to reach this level.
fn own_requirements<K>(setup: &Setup<K>) -> AuthReq {
    let may = setup.io != IoCapability::NO_INPUT_NO_OUTPUT;
    let must = setup.wanted > Level::Medium;
    AuthReq::EMPTY
        .with_if(AuthReq::BONDING, setup.wanted >= Level::Medium)
        .with_if(
            AuthReq::MITM,
            must || (may && setup.wanted >= Level::Low && !setup.no_mitm),
        )
        .with_if(AuthReq::SECURE_CONNECTIONS, setup.secure_connections)
        .with_if(AuthReq::CT2, setup.secure_connections && setup.link_keys)
}

/// What this side offers: requirements, whether it has data that came out of band, and the keys that it wants to send and
/// to get.
struct Offer {
    auth_req: AuthReq,
    oob: u8,
    own: KeyDistribution,
    peer: KeyDistribution,
}

fn offer<K>(setup: &Setup<K>, auth_req: AuthReq) -> Offer {
    let kept = KeyDistribution::ENC_KEY | KeyDistribution::SIGN_KEY;
    let secure = setup.secure_connections && auth_req.contains(AuthReq::SECURE_CONNECTIONS);
    let auth_req = auth_req
        .without(AuthReq::BONDING)
        .with_if(AuthReq::BONDING, setup.bondable)
        .without(AuthReq::SECURE_CONNECTIONS)
        .with_if(AuthReq::SECURE_CONNECTIONS, secure);
    let both = KeyDistribution::EMPTY
        .with_if(kept, setup.bondable)
        .with_if(
            KeyDistribution::LINK_KEY,
            secure && setup.link_keys && setup.bredr.is_none(),
        );
    let oob = if setup.bredr.is_some() {
        false
    } else if secure {
        setup.remote_oob.is_some()
    } else {
        setup.legacy_oob.is_some()
    };
    Offer {
        auth_req: auth_req & understood(setup),
        oob: oob.into(),
        own: both.with_if(KeyDistribution::ID_KEY, setup.privacy),
        peer: both.with_if(KeyDistribution::ID_KEY, setup.resolve),
    }
}

impl<C: Crypto> Pairing<C> {
    /// Asks the peer for a pairing; this side is the central. `auth_req` are the requirements of the Security Request
    /// that it follows, if there was one.
    pub fn initiate(
        setup: Setup<C::KeyPair>,
        auth_req: Option<AuthReq>,
        context: &mut Context<'_, C>,
    ) -> Self {
        let mut pairing = Self::new(setup, true, context.now_ms);
        // Of what the peer asks for, this side promises what it can do, and whatever it asks for what is needed here.
        let auth_req = match auth_req {
            Some(asked) if pairing.setup.io == IoCapability::NO_INPUT_NO_OUTPUT => {
                asked.without(AuthReq::MITM)
            }
            Some(asked) => asked,
            None => own_requirements(&pairing.setup),
        }
        .with_if(AuthReq::MITM, pairing.wanted >= Level::High);
        pairing.request = match &pairing.setup.bredr {
            Some(bredr) => {
                let offer = offer(&pairing.setup, AuthReq::EMPTY);
                Features {
                    auth_req: AuthReq::CT2,
                    max_key_size: bredr.key_size,
                    initiator_keys: offer.own,
                    responder_keys: offer.peer,
                    ..super::EMPTY_FEATURES
                }
            }
            None => {
                let offer = offer(&pairing.setup, auth_req);
                Features {
                    io_capability: pairing.setup.io,
                    oob: offer.oob,
                    auth_req: offer.auth_req,
                    max_key_size: pairing.setup.max_key_size,
                    initiator_keys: offer.own,
                    responder_keys: offer.peer,
                }
            }
        };
        pairing.secure = pairing.setup.bredr.is_some();
        pairing.stage = Stage::Response;
        let request = pairing.request;
        pairing.send(context.now_ms, &Pdu::PairingRequest(&request));
        pairing
    }

    /// Asks the peer, the central, for security (2.4.6).
    pub fn request_security(setup: Setup<C::KeyPair>, context: &mut Context<'_, C>) -> Self {
        let mut pairing = Self::new(setup, false, context.now_ms);
        pairing.stage = Stage::Request;
        pairing.ask_for_security(context.now_ms);
        pairing
    }

    fn ask_for_security(&mut self, now_ms: u64) {
        self.setup.wanted = self.wanted;
        let auth_req = own_requirements(&self.setup);
        self.send(now_ms, &Pdu::SecurityRequest(auth_req));
    }

    /// The central has encrypted with a key of an earlier pairing. If that is enough there is nothing to pair for. If not, it
    /// may have done so before it heard what was wanted; when it does so again it can do no better.
    pub(super) fn answered_by_encryption(&mut self, worth: Level, context: &mut Context<'_, C>) {
        if worth >= self.wanted {
            self.over(Outcome::Paired);
        } else if self.asked_again {
            self.give_up(Origin::Insufficient);
        } else {
            self.asked_again = true;
            self.ask_for_security(context.now_ms);
        }
    }

    /// The peer asks for a pairing, and none is going on.
    pub fn respond(
        setup: Setup<C::KeyPair>,
        request: &Features,
        context: &mut Context<'_, C>,
    ) -> Self {
        let mut pairing = Self::new(setup, false, context.now_ms);
        let step = pairing.requested(request, context);
        pairing.settle(context.now_ms, step);
        pairing
    }

    pub(super) fn requested(&mut self, request: &Features, context: &mut Context<'_, C>) -> Step {
        self.request = *request;
        let auth_req = request.auth_req & understood(&self.setup);
        if !self.setup.bondable && auth_req.contains(AuthReq::BONDING) {
            return Err(Reason::PAIRING_NOT_SUPPORTED.into());
        }
        if self.setup.secure_connections_only
            && self.setup.bredr.is_none()
            && !auth_req.contains(AuthReq::SECURE_CONNECTIONS)
        {
            return Err(Reason::AUTHENTICATION_REQUIREMENTS.into());
        }
        if self.setup.bredr.is_some() {
            return self.requested_over_bredr(request, context);
        }
        in_range(request)?;

        // The pairing is the peer's wish: its requirements are matched.
        let offer = offer(&self.setup, auth_req);
        let mut response = Features {
            io_capability: self.setup.io,
            oob: offer.oob,
            auth_req: offer.auth_req,
            max_key_size: self.setup.max_key_size,
            initiator_keys: request.initiator_keys & offer.peer,
            responder_keys: request.responder_keys & offer.own,
        };
        self.secure = response.auth_req.contains(AuthReq::SECURE_CONNECTIONS);
        self.ct2 = self.secure && response.auth_req.contains(AuthReq::CT2);
        self.require(asked_level(auth_req, &self.setup));
        self.needed = self.wanted;
        if self.needed >= Level::High {
            self.can_authenticate(request.io_capability)?;
            // The initiator did not ask for it, but this side needs it.
            response.auth_req.insert(AuthReq::MITM);
        }
        self.agree_key_size(request.max_key_size.min(response.max_key_size))?;
        self.response = response;
        self.check_oob()?;
        context.crypto.random(self.own_random.octets_mut());
        self.agree_keys(response.responder_keys, response.initiator_keys);
        self.send(context.now_ms, &Pdu::PairingResponse(&response));
        if self.secure {
            self.stage = Stage::PublicKey;
            return Ok(());
        }
        self.stage = Stage::Confirm;
        self.request_tk(context)
    }

    /// Over BR/EDR there is nothing to authenticate, as the link key has been: keys are exchanged at once (2.3.5.7).
    fn requested_over_bredr(&mut self, request: &Features, context: &mut Context<'_, C>) -> Step {
        let Some(bredr) = &self.setup.bredr else {
            return Err(Reason::UNSPECIFIED.into());
        };
        // A key of the old pairing with its small curve must not become an LE key.
        if !bredr.secure {
            return Err(Reason::CROSS_TRANSPORT_NOT_ALLOWED.into());
        }
        let offer = offer(&self.setup, AuthReq::EMPTY);
        let response = Features {
            auth_req: AuthReq::CT2,
            max_key_size: bredr.key_size,
            initiator_keys: request.initiator_keys & offer.peer,
            responder_keys: request.responder_keys & offer.own,
            ..super::EMPTY_FEATURES
        };
        self.secure = true;
        self.ct2 = request.auth_req.contains(AuthReq::CT2);
        self.agree_key_size(request.max_key_size.min(response.max_key_size))?;
        self.response = response;
        self.agree_keys(response.responder_keys, response.initiator_keys);
        self.send(context.now_ms, &Pdu::PairingResponse(&response));
        self.distribute(context)
    }

    pub(super) fn accepted(&mut self, response: &Features, context: &mut Context<'_, C>) -> Step {
        self.response = *response;
        self.agree_key_size(self.request.max_key_size.min(response.max_key_size))?;
        let auth_req = response.auth_req & understood(&self.setup);
        let both = self.request.auth_req & auth_req;
        self.ct2 = both.contains(AuthReq::CT2);
        self.secure = self.setup.bredr.is_some() || both.contains(AuthReq::SECURE_CONNECTIONS);
        self.agree_keys(
            self.request.initiator_keys & response.initiator_keys,
            self.request.responder_keys & response.responder_keys,
        );
        if self.setup.bredr.is_some() {
            return self.distribute(context);
        }
        if self.setup.secure_connections_only && !both.contains(AuthReq::SECURE_CONNECTIONS) {
            return Err(Reason::AUTHENTICATION_REQUIREMENTS.into());
        }
        in_range(response)?;
        if !self.secure {
            // Level 4 cannot be had from this peer.
            self.wanted = self.wanted.min(Level::High);
        }
        self.check_oob()?;
        self.needed = self.wanted;
        if self.needed >= Level::High {
            self.can_authenticate(response.io_capability)?;
        }
        context.crypto.random(self.own_random.octets_mut());
        if self.secure {
            self.send_public_key(context)?;
            self.stage = Stage::PublicKey;
            return Ok(());
        }
        self.request_tk(context)
    }

    /// The key's size, unless it is not between what either side allows (2.3.4).
    fn agree_key_size(&mut self, size: u8) -> Step {
        let least = if self.wanted == Level::Fips && self.setup.bredr.is_none() {
            MAX_KEY_SIZE
        } else {
            self.setup.min_key_size.max(MIN_KEY_SIZE)
        };
        if size < least || size > self.setup.max_key_size.min(MAX_KEY_SIZE) {
            return Err(Reason::ENCRYPTION_KEY_SIZE.into());
        }
        self.key_size = size;
        Ok(())
    }

    /// Which keys each side is going to have sent, and to have derived.
    fn agree_keys(&mut self, own: KeyDistribution, peer: KeyDistribution) {
        self.own_dist = own;
        self.peer_dist = peer & DISTRIBUTED;
        if self.secure {
            self.peer_dist.remove(KeyDistribution::ENC_KEY);
        }
    }

    /// Whether the devices can keep out who is in the middle: this side needs it.
    fn can_authenticate(&self, peer_io: IoCapability) -> Step {
        if self.uses_oob() {
            return Ok(());
        }
        let method = method::by_capabilities(self.secure, self.initiator, self.setup.io, peer_io);
        if method.is_authenticated() {
            Ok(())
        } else {
            Err(Reason::AUTHENTICATION_REQUIREMENTS.into())
        }
    }

    fn peer_features(&self) -> &Features {
        if self.initiator {
            &self.response
        } else {
            &self.request
        }
    }

    /// Whether the peer has what was made here to be given out of band.
    fn peer_has_oob(&self) -> bool {
        self.peer_features().oob == 1
    }

    fn own_oob(&self) -> bool {
        if self.initiator {
            self.request.oob == 1
        } else {
            self.secure && self.setup.remote_oob.is_some()
                || !self.secure && self.setup.legacy_oob.is_some()
        }
    }

    pub(super) fn uses_oob(&self) -> bool {
        if self.secure {
            self.own_oob() || self.peer_has_oob()
        } else {
            self.own_oob() && self.peer_has_oob()
        }
    }

    /// Whether what is said to be there is there.
    fn check_oob(&self) -> Step {
        let missing = if self.secure {
            self.peer_has_oob() && self.setup.local_oob.is_none()
        } else {
            self.uses_oob() && self.setup.legacy_oob.is_none()
        };
        if missing {
            return Err(Reason::OOB_NOT_AVAILABLE.into());
        }
        Ok(())
    }

    /// The association model, now that both sides' features are known.
    pub(super) fn select_method(&mut self) -> Step {
        let mitm = (self.request.auth_req | self.response.auth_req).contains(AuthReq::MITM);
        let (own, peer) = if self.initiator {
            (&self.request, &self.response)
        } else {
            (&self.response, &self.request)
        };
        self.method = if self.uses_oob() {
            method::Method::OutOfBand
        } else {
            method::select(
                mitm,
                self.secure,
                self.initiator,
                own.io_capability,
                peer.io_capability,
            )
        };
        if self.needed >= Level::High && !self.method.is_authenticated() {
            return Err(Reason::AUTHENTICATION_REQUIREMENTS.into());
        }
        Ok(())
    }

    /// A responder whose peer seemed to want Secure Connections begins legacy pairing: some devices copy reserved bits of our
    /// requirements into theirs. Only Just Works can be saved, and only where nothing better is asked for: else anybody
    /// could talk both sides down to legacy pairing.
    pub(super) fn fall_back(&mut self) -> Step {
        if self.initiator || self.setup.secure_connections_only || self.needed >= Level::High {
            return Err(Reason::UNSPECIFIED.into());
        }
        self.select_method()?;
        if self.method.is_authenticated() {
            return Err(Reason::UNSPECIFIED.into());
        }
        self.secure = false;
        self.ct2 = false;
        self.own_dist = self.response.responder_keys;
        self.peer_dist = self.response.initiator_keys & DISTRIBUTED;
        Ok(())
    }

    /// Makes or takes the keys of this side and sends the public one.
    pub(super) fn send_public_key(&mut self, context: &mut Context<'_, C>) -> Step {
        let given_out = self
            .setup
            .local_oob
            .as_ref()
            .filter(|_| self.peer_has_oob())
            .map(|oob| oob.pair.clone());
        let pair = match given_out {
            Some(pair) => pair,
            None if self.setup.debug_keys => context.crypto.key_pair(&DEBUG_PRIVATE_KEY)?,
            None => loop {
                let pair = context.crypto.generate()?;
                if *pair.public() != DEBUG_PUBLIC_KEY {
                    break pair;
                }
            },
        };
        let public = *pair.public();
        self.debug = public == DEBUG_PUBLIC_KEY;
        self.own_pair = Some(pair);
        self.send(context.now_ms, &Pdu::PairingPublicKey(&public));
        Ok(())
    }
}

/// Values that are not reserved (3.5.1).
fn in_range(features: &Features) -> Result<(), Refusal> {
    if method::is_known(features.io_capability) && features.oob <= 1 {
        Ok(())
    } else {
        Err(Reason::INVALID_PARAMETERS.into())
    }
}
