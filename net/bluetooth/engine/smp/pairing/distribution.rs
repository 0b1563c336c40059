// SPDX-License-Identifier: GPL-2.0

//! Phase 3: keys for later, and for the other transport (Vol 3 Part H 2.4.3, 3.6).

use wire::{
    hci::Key,
    smp::{
        AuthReq,
        CentralIdentification,
        IdentityAddress,
        KeyDistribution,
        Pdu,
        Reason, //
    }, //
};

use super::{
    super::{
        crypto::{
            link_key_from_ltk,
            ltk_from_link_key,
            Address,
            Crypto, //
        },
        keys::{
            BlockedKind,
            Identity,
            LinkKey,
            LongTermKey,
            LtkKind,
            SigningKey, //
        },
        Secret, //
    },
    features::DISTRIBUTED,
    Context,
    Outcome,
    Pairing,
    Stage,
    Step, //
};
use crate::security::{
    KeyType,
    Level, //
};

impl<C: Crypto> Pairing<C> {
    /// The responder sends its keys first, then the initiator; what is derived is derived as the turn comes.
    pub(super) fn distribute(&mut self, context: &mut Context<'_, C>) -> Step {
        if self.initiator && !self.peer_dist.is_empty() {
            self.expect_key();
            return Ok(());
        }
        self.derive_keys(context)?;
        self.send_keys(context);
        if !self.peer_dist.is_empty() {
            self.expect_key();
            return Ok(());
        }
        self.keys.bonding =
            (self.request.auth_req & self.response.auth_req).contains(AuthReq::BONDING);
        self.over(Outcome::Paired);
        Ok(())
    }

    fn expect_key(&mut self) {
        self.stage = if self.peer_dist.contains(KeyDistribution::ENC_KEY) {
            Stage::LongTermKey
        } else if self.peer_dist.contains(KeyDistribution::ID_KEY) {
            Stage::IdentityKey
        } else {
            Stage::SigningKey
        };
    }

    fn authenticated(&self) -> bool {
        match &self.setup.bredr {
            Some(bredr) => bredr.authenticated && !bredr.debug,
            None => self.method.is_authenticated(),
        }
    }

    /// The keys of Secure Connections, which nobody sends.
    fn derive_keys(&mut self, context: &mut Context<'_, C>) -> Step {
        if !self.secure {
            return Ok(());
        }
        let derived = KeyDistribution::ENC_KEY | KeyDistribution::LINK_KEY;
        let wanted = self.own_dist & derived;
        self.own_dist.remove(derived);
        if let Some(bredr) = &self.setup.bredr {
            if !wanted.contains(KeyDistribution::ENC_KEY) {
                return Ok(());
            }
            let key = ltk_from_link_key(context.crypto, &bredr.link_key, self.ct2)?;
            let kind = if bredr.debug {
                LtkKind::Debug
            } else {
                LtkKind::SecureConnections
            };
            self.keys.ltk = Some(self.secure_ltk(kind, &key));
            return Ok(());
        }
        let Some(ltk) = self.link.clone() else {
            return Err(Reason::UNSPECIFIED.into());
        };
        if wanted.contains(KeyDistribution::LINK_KEY) {
            // A key that was shortened is no base for one of full length.
            let ltk = ltk.shortened(self.key_size);
            let key = link_key_from_ltk(context.crypto, &ltk, self.ct2)?;
            let kind = if self.debug {
                KeyType::DebugCombination
            } else if self.level() == Level::Fips {
                KeyType::AuthenticatedP256
            } else {
                KeyType::UnauthenticatedP256
            };
            self.keys.link_key = Some(LinkKey { key, kind });
        }
        let kind = if self.debug {
            LtkKind::Debug
        } else {
            LtkKind::SecureConnections
        };
        self.keys.ltk = Some(self.secure_ltk(kind, &ltk));
        Ok(())
    }

    fn secure_ltk(&self, kind: LtkKind, key: &Secret<16>) -> LongTermKey {
        LongTermKey {
            kind,
            authenticated: self.authenticated(),
            key: key.shortened(self.key_size),
            size: self.key_size,
            ediv: 0,
            rand: 0,
        }
    }

    fn send_keys(&mut self, context: &mut Context<'_, C>) {
        let now_ms = context.now_ms;
        let due = self.own_dist;
        self.own_dist = KeyDistribution::EMPTY;
        if due.contains(KeyDistribution::ENC_KEY) {
            let mut key = Secret::ZERO;
            context.crypto.random(key.octets_mut());
            let key = key.shortened(self.key_size);
            let mut name = [0; 10];
            context.crypto.random(&mut name);
            let [e0, e1, rand @ ..] = name;
            let (ediv, rand) = (u16::from_le_bytes([e0, e1]), u64::from_le_bytes(rand));
            self.send(now_ms, &Pdu::EncryptionInformation(&Key(*key.octets())));
            self.send(
                now_ms,
                &Pdu::CentralIdentification(&CentralIdentification {
                    ediv: ediv.into(),
                    rand: rand.into(),
                }),
            );
            self.keys.own_ltk = Some(LongTermKey {
                kind: LtkKind::Own,
                authenticated: self.authenticated(),
                key,
                size: self.key_size,
                ediv,
                rand,
            });
        }
        if due.contains(KeyDistribution::ID_KEY) {
            let irk = Key(*self.setup.own_irk.octets());
            self.send(now_ms, &Pdu::IdentityInformation(&irk));
            let identity = IdentityAddress {
                kind: self.setup.own_identity.kind(),
                address: self.setup.own_identity.address,
            };
            self.send(now_ms, &Pdu::IdentityAddressInformation(&identity));
        }
        if due.contains(KeyDistribution::SIGN_KEY) {
            let mut key = Secret::ZERO;
            context.crypto.random(key.octets_mut());
            self.send(now_ms, &Pdu::SigningInformation(&Key(*key.octets())));
            self.keys.own_signing = Some(SigningKey {
                key,
                authenticated: self.authenticated(),
            });
        }
    }

    pub(super) fn key_arrived(&mut self, pdu: &Pdu<'_>, context: &mut Context<'_, C>) -> Step {
        match pdu {
            Pdu::EncryptionInformation(key) => {
                self.arriving = Secret::new(key.0);
                if (context.blocked)(BlockedKind::Ltk, &self.arriving) {
                    return Err(Reason::INVALID_PARAMETERS.into());
                }
                self.stage = Stage::LongTermKeyName;
                return Ok(());
            }
            Pdu::CentralIdentification(name) => {
                self.keys.ltk = Some(LongTermKey {
                    kind: LtkKind::Peer,
                    authenticated: self.authenticated(),
                    key: self.arriving.shortened(self.key_size),
                    size: self.key_size,
                    ediv: name.ediv.get(),
                    rand: name.rand.get(),
                });
                self.peer_dist.remove(KeyDistribution::ENC_KEY);
            }
            Pdu::IdentityInformation(key) => {
                self.arriving = Secret::new(key.0);
                if (context.blocked)(BlockedKind::Irk, &self.arriving) {
                    return Err(Reason::INVALID_PARAMETERS.into());
                }
                self.stage = Stage::IdentityAddress;
                return Ok(());
            }
            Pdu::IdentityAddressInformation(identity) => {
                self.identity_arrived(identity)?;
                self.peer_dist.remove(KeyDistribution::ID_KEY);
            }
            Pdu::SigningInformation(key) => {
                self.keys.peer_signing = Some(SigningKey {
                    key: Secret::new(key.0),
                    authenticated: self.authenticated(),
                });
                self.peer_dist.remove(KeyDistribution::SIGN_KEY);
            }
            _ => return Ok(()),
        }
        self.arriving = Secret::ZERO;
        if (self.peer_dist & DISTRIBUTED).is_empty() {
            // An initiator sends its own keys now; a responder has sent them.
            return self.distribute(context);
        }
        self.expect_key();
        Ok(())
    }

    /// An identity counts only if it is one, and only if it does not contradict what the peer is known as: else a peer
    /// could take over the name of another device.
    fn identity_arrived(&mut self, identity: &IdentityAddress) -> Step {
        if identity.kind > 1 {
            return Err(Reason::INVALID_PARAMETERS.into());
        }
        let address = Address {
            address: identity.address,
            random: identity.kind == 1,
        };
        if address.address.is_any() || !address.is_identity() {
            return Ok(());
        }
        let peer = self.setup.peer;
        if peer.is_identity() && peer != address {
            return Ok(());
        }
        self.keys.identity = Some(Identity {
            irk: self.arriving.clone(),
            address,
            current: peer.is_resolvable().then_some(peer),
        });
        Ok(())
    }
}
