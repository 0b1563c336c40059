// SPDX-License-Identifier: GPL-2.0

//! Phase 2 of LE Secure Connections (Vol 3 Part H 2.3.5.6).

use wire::{
    hci::Key,
    smp::{
        Pairing as Features,
        Pdu,
        PublicKey,
        Reason, //
    }, //
};

use super::{
    super::{
        crypto::{
            f4,
            f5,
            f6,
            g2,
            Address,
            Crypto,
            CryptoError,
            KeyPair,
            DEBUG_PUBLIC_KEY, //
        },
        method::Method,
        same,
        Secret, //
    },
    legacy::{
        passkey_tk,
        random_passkey, //
    },
    Context,
    Pairing,
    Question,
    Refusal,
    Stage,
    Step, //
};

/// The bits of a passkey, each proved by itself.
const ROUNDS: u8 = 20;

impl<C: Crypto> Pairing<C> {
    pub(super) fn public_key(&mut self, key: &PublicKey, context: &mut Context<'_, C>) -> Step {
        self.peer_public = *key;
        if let Some(oob) = &self.setup.remote_oob {
            let committed = f4(context.crypto, &key.x, &key.x, oob.random.octets(), 0)?;
            if !same(&committed, &oob.confirm) {
                return Err(Refusal::Unproved(Reason::CONFIRM_VALUE_FAILED));
            }
        }
        if !self.initiator {
            self.send_public_key(context)?;
        }
        let Some(own) = &self.own_pair else {
            return Err(Reason::UNSPECIFIED.into());
        };
        // Who sends our own key back, as it is or mirrored at the x axis, could pretend to know a passkey by
        // sending everything else back, too. Debug keys are everybody's.
        if own.public().x == key.x && own.public().x != DEBUG_PUBLIC_KEY.x {
            return Err(Refusal::Unproved(Reason::DHKEY_CHECK_FAILED));
        }
        self.dh_key = match context.crypto.dh_key(own, key) {
            Ok(shared) => shared,
            // Not on the curve: made to find out our private key.
            Err(CryptoError::InvalidKey) => {
                return Err(Refusal::Unproved(Reason::DHKEY_CHECK_FAILED));
            }
            Err(CryptoError::Failed) => return Err(Reason::UNSPECIFIED.into()),
        };
        if *key == DEBUG_PUBLIC_KEY {
            self.debug = true;
        }
        self.select_method()?;
        match self.method {
            Method::PasskeyShown => {
                let passkey = random_passkey(context.crypto);
                self.passkey = Some(passkey);
                self.ask(Question::ShowPasskey {
                    passkey,
                    entered: 0,
                });
                self.start_round(context)
            }
            Method::PasskeyEntered => {
                self.stage = if self.initiator {
                    Stage::User
                } else {
                    Stage::Confirm
                };
                self.ask(Question::EnterPasskey);
                Ok(())
            }
            Method::OutOfBand => {
                self.stage = Stage::Random;
                if self.initiator {
                    self.send_random(context.now_ms);
                }
                Ok(())
            }
            Method::JustWorks { .. } | Method::NumericComparison => {
                if self.initiator {
                    self.stage = Stage::Confirm;
                    return Ok(());
                }
                self.stage = Stage::Random;
                self.commit(0, context)
            }
        }
    }

    fn own_public(&self) -> Result<PublicKey, Refusal> {
        match &self.own_pair {
            Some(pair) => Ok(*pair.public()),
            None => Err(Reason::UNSPECIFIED.into()),
        }
    }

    fn send_random(&mut self, now_ms: u64) {
        let random = Key(*self.own_random.octets());
        self.send(now_ms, &Pdu::PairingRandom(&random));
    }

    /// Sends the commitment to our random number.
    fn commit(&mut self, z: u8, context: &mut Context<'_, C>) -> Step {
        let own = self.own_public()?;
        let confirm = f4(
            context.crypto,
            &own.x,
            &self.peer_public.x,
            self.own_random.octets(),
            z,
        )?;
        self.own_confirm = Some(confirm);
        self.send(context.now_ms, &Pdu::PairingConfirm(&Key(confirm)));
        Ok(())
    }

    /// Whether the peer's random number is what it committed itself to.
    fn check_commitment(&mut self, z: u8, context: &mut Context<'_, C>) -> Step {
        let own = self.own_public()?;
        let confirm = f4(
            context.crypto,
            &self.peer_public.x,
            &own.x,
            self.peer_random.octets(),
            z,
        )?;
        if !same(&confirm, &self.peer_confirm) {
            return Err(Refusal::Unproved(Reason::CONFIRM_VALUE_FAILED));
        }
        Ok(())
    }

    /// The bit of the passkey that this round proves.
    fn round_bit(&self) -> Result<u8, Refusal> {
        let passkey = self.passkey.ok_or(Refusal::Because(Reason::UNSPECIFIED))?;
        let bit = passkey.checked_shr(self.round.into()).unwrap_or(0) & 1;
        Ok(if bit == 0 { 0x80 } else { 0x81 })
    }

    /// The initiator begins each round of a passkey.
    fn start_round(&mut self, context: &mut Context<'_, C>) -> Step {
        self.own_confirm = None;
        self.stage = Stage::Confirm;
        if !self.initiator {
            return Ok(());
        }
        self.commit_to_bit(context)
    }

    fn commit_to_bit(&mut self, context: &mut Context<'_, C>) -> Step {
        context.crypto.random(self.own_random.octets_mut());
        let z = self.round_bit()?;
        self.commit(z, context)
    }

    pub(super) fn passkey_entered(&mut self, passkey: u32, context: &mut Context<'_, C>) -> Step {
        self.passkey = Some(passkey);
        if self.initiator {
            return self.start_round(context);
        }
        if self.held {
            self.held = false;
            self.stage = Stage::Random;
            return self.commit_to_bit(context);
        }
        Ok(())
    }

    pub(super) fn secure_confirm(
        &mut self,
        confirm: &[u8; 16],
        context: &mut Context<'_, C>,
    ) -> Step {
        // Our own commitment sent back.
        if self.own_confirm.is_some_and(|own| same(&own, confirm)) {
            return Err(Refusal::Unproved(Reason::CONFIRM_VALUE_FAILED));
        }
        self.peer_confirm = *confirm;
        if self.initiator {
            self.stage = Stage::Random;
            self.send_random(context.now_ms);
            return Ok(());
        }
        if !self.method.is_passkey() {
            // The responder commits itself, nobody else.
            return Err(Reason::UNSPECIFIED.into());
        }
        if self.passkey.is_none() {
            self.held = true;
            self.stage = Stage::User;
            return Ok(());
        }
        self.stage = Stage::Random;
        self.commit_to_bit(context)
    }

    pub(super) fn secure_random(&mut self, context: &mut Context<'_, C>) -> Step {
        // Our own number sent back.
        if self.peer_random == self.own_random {
            return Err(Refusal::Unproved(Reason::CONFIRM_VALUE_FAILED));
        }
        match self.method {
            Method::OutOfBand => {
                if !self.initiator {
                    self.send_random(context.now_ms);
                }
                self.derive(context)?;
                self.stage = Stage::DhKeyCheck;
                if self.initiator {
                    self.send_check(context)?;
                }
                Ok(())
            }
            Method::PasskeyShown | Method::PasskeyEntered => self.round_shown(context),
            Method::JustWorks { .. } | Method::NumericComparison => {
                if self.initiator {
                    self.check_commitment(0, context)?;
                } else {
                    self.send_random(context.now_ms);
                }
                self.derive(context)?;
                self.compare(context)
            }
        }
    }

    /// One more bit of the passkey is proved, or not.
    fn round_shown(&mut self, context: &mut Context<'_, C>) -> Step {
        let z = self.round_bit()?;
        self.check_commitment(z, context)?;
        self.round = self.round.saturating_add(1);
        if !self.initiator {
            self.send_random(context.now_ms);
        }
        if self.round < ROUNDS {
            return self.start_round(context);
        }
        self.derive(context)?;
        self.stage = Stage::DhKeyCheck;
        if self.initiator {
            self.send_check(context)?;
        }
        Ok(())
    }

    /// Asks the user whether both devices show the same.
    fn compare(&mut self, context: &mut Context<'_, C>) -> Step {
        let own = self.own_public()?;
        let (initiator, responder) = if self.initiator {
            (&own.x, &self.peer_public.x)
        } else {
            (&self.peer_public.x, &own.x)
        };
        let (na, nb) = self.randoms();
        let value = g2(
            context.crypto,
            initiator,
            responder,
            na.octets(),
            nb.octets(),
        )?;
        // A responder hears the initiator's check while its user still thinks.
        self.stage = if self.initiator {
            Stage::User
        } else {
            Stage::DhKeyCheck
        };
        let hint = matches!(self.method, Method::JustWorks { capable: false });
        self.ask(Question::Confirm { value, hint });
        Ok(())
    }

    pub(super) fn comparison_confirmed(&mut self, context: &mut Context<'_, C>) -> Step {
        if self.initiator {
            self.stage = Stage::DhKeyCheck;
            return self.send_check(context);
        }
        if self.held {
            self.held = false;
            return self.finish_check(context);
        }
        Ok(())
    }

    fn randoms(&self) -> (&Secret<16>, &Secret<16>) {
        if self.initiator {
            (&self.own_random, &self.peer_random)
        } else {
            (&self.peer_random, &self.own_random)
        }
    }

    /// MacKey and LTK.
    fn derive(&mut self, context: &mut Context<'_, C>) -> Step {
        let (na, nb) = self.randoms();
        let (mac_key, ltk) = f5(
            context.crypto,
            &self.dh_key,
            na.octets(),
            nb.octets(),
            &self.setup.central,
            &self.setup.peripheral,
        )?;
        self.mac_key = mac_key;
        self.link = Some(ltk);
        Ok(())
    }

    /// What the check of the side with these features covers besides keys and random numbers.
    fn check_value(
        &self,
        of_peer: bool,
        context: &mut Context<'_, C>,
    ) -> Result<Secret<16>, Refusal> {
        let of_initiator = of_peer != self.initiator;
        let features: &Features = if of_initiator {
            &self.request
        } else {
            &self.response
        };
        let io_cap = [
            features.io_capability.0,
            features.oob,
            features.auth_req.bits(),
        ];
        let central: &Address = &self.setup.central;
        let peripheral: &Address = &self.setup.peripheral;
        let (from, to) = if of_initiator {
            (central, peripheral)
        } else {
            (peripheral, central)
        };
        let r = match (self.method, of_peer) {
            (Method::PasskeyShown | Method::PasskeyEntered, _) => {
                self.passkey.map_or(Secret::ZERO, passkey_tk)
            }
            // Each side shows that it has the other's number.
            (Method::OutOfBand, false) => self
                .setup
                .remote_oob
                .as_ref()
                .map_or(Secret::ZERO, |oob| oob.random.clone()),
            (Method::OutOfBand, true) => self
                .setup
                .local_oob
                .as_ref()
                .filter(|_| self.peer_said_oob())
                .map_or(Secret::ZERO, |oob| oob.random.clone()),
            _ => Secret::ZERO,
        };
        let (n1, n2) = if of_peer {
            (&self.peer_random, &self.own_random)
        } else {
            (&self.own_random, &self.peer_random)
        };
        Ok(f6(
            context.crypto,
            &self.mac_key,
            n1.octets(),
            n2.octets(),
            r.octets(),
            io_cap,
            from,
            to,
        )?)
    }

    fn peer_said_oob(&self) -> bool {
        let peer = if self.initiator {
            &self.response
        } else {
            &self.request
        };
        peer.oob == 1
    }

    fn send_check(&mut self, context: &mut Context<'_, C>) -> Step {
        let check = self.check_value(false, context)?;
        self.send(
            context.now_ms,
            &Pdu::PairingDhKeyCheck(&Key(*check.octets())),
        );
        Ok(())
    }

    pub(super) fn dh_key_check(&mut self, check: &[u8; 16], context: &mut Context<'_, C>) -> Step {
        let expected = self.check_value(true, context)?;
        if !same(expected.octets(), check) {
            return Err(Refusal::Unproved(Reason::DHKEY_CHECK_FAILED));
        }
        if self.asked != super::Asked::Nothing {
            self.held = true;
            self.stage = Stage::User;
            return Ok(());
        }
        self.finish_check(context)
    }

    /// Both sides have proved what they know; encryption follows.
    fn finish_check(&mut self, context: &mut Context<'_, C>) -> Step {
        self.stage = Stage::Encryption;
        if self.initiator {
            self.encrypt();
            Ok(())
        } else {
            self.send_check(context)
        }
    }
}
