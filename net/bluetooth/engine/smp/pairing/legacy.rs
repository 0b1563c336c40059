// SPDX-License-Identifier: GPL-2.0

//! Phase 2 of LE legacy pairing (Vol 3 Part H 2.3.5.5).

use wire::{
    hci::Key,
    smp::{
        Code,
        Pairing as Features,
        Pdu,
        Reason, //
    }, //
};

use super::{
    super::{
        crypto::{
            c1,
            s1,
            Crypto,
            CryptoError, //
        },
        method::Method,
        same,
        Secret, //
    },
    Action,
    Context,
    Pairing,
    Question,
    Refusal,
    Stage,
    Step, //
};
use crate::security::Level;

/// The temporary key that six digits make.
pub(super) fn passkey_tk(passkey: u32) -> Secret<16> {
    let [a, b, c, d] = passkey.to_le_bytes();
    Secret::new([a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
}

/// A number of six digits of which each is as likely as any other, short of one part in 4000.
pub(super) fn random_passkey<C: Crypto>(crypto: &mut C) -> u32 {
    let mut octets = [0; 4];
    crypto.random(&mut octets);
    u32::from_le_bytes(octets) % 1_000_000
}

fn pdu(code: Code, features: &Features) -> [u8; 7] {
    [
        code.to_u8(),
        features.io_capability.0,
        features.oob,
        features.auth_req.bits(),
        features.max_key_size,
        features.initiator_keys.bits(),
        features.responder_keys.bits(),
    ]
}

impl<C: Crypto> Pairing<C> {
    /// Finds out the temporary key: from the user, or from what came out of band.
    pub(super) fn request_tk(&mut self, context: &mut Context<'_, C>) -> Step {
        self.select_method()?;
        if self.method.is_authenticated() {
            self.require(Level::High);
        }
        match self.method {
            Method::JustWorks { .. } => {
                self.user_first();
                self.ask(Question::Confirm {
                    value: 0,
                    hint: true,
                });
                Ok(())
            }
            Method::PasskeyEntered => {
                self.user_first();
                self.ask(Question::EnterPasskey);
                Ok(())
            }
            Method::PasskeyShown => {
                let passkey = random_passkey(context.crypto);
                self.passkey = Some(passkey);
                self.ask(Question::ShowPasskey {
                    passkey,
                    entered: 0,
                });
                self.temporary_key(passkey_tk(passkey), context)
            }
            Method::OutOfBand => {
                let Some(tk) = self.setup.legacy_oob.clone() else {
                    return Err(Reason::OOB_NOT_AVAILABLE.into());
                };
                self.temporary_key(tk, context)
            }
            // Not among the methods of legacy pairing.
            Method::NumericComparison => Err(Reason::UNSPECIFIED.into()),
        }
    }

    /// The initiator has nothing to send, and so nothing to expect, before the user has answered.
    fn user_first(&mut self) {
        if self.initiator {
            self.stage = Stage::User;
        }
    }

    /// The temporary key is known.
    pub(super) fn temporary_key(&mut self, tk: Secret<16>, context: &mut Context<'_, C>) -> Step {
        self.tk = Some(tk);
        if self.initiator || self.held {
            self.held = false;
            return self.send_confirm(context);
        }
        Ok(())
    }

    fn confirm_value(
        &self,
        random: &Secret<16>,
        context: &mut Context<'_, C>,
    ) -> Result<[u8; 16], Refusal> {
        let Some(tk) = &self.tk else {
            return Err(Reason::UNSPECIFIED.into());
        };
        let value: Result<_, CryptoError> = c1(
            context.crypto,
            tk.octets(),
            random.octets(),
            &pdu(Code::PairingRequest, &self.request),
            &pdu(Code::PairingResponse, &self.response),
            &self.setup.central,
            &self.setup.peripheral,
        );
        Ok(value?)
    }

    fn send_confirm(&mut self, context: &mut Context<'_, C>) -> Step {
        let confirm = self.confirm_value(&self.own_random, context)?;
        self.own_confirm = Some(confirm);
        self.stage = if self.initiator {
            Stage::Confirm
        } else {
            Stage::Random
        };
        self.send(context.now_ms, &Pdu::PairingConfirm(&Key(confirm)));
        Ok(())
    }

    pub(super) fn legacy_confirm(
        &mut self,
        confirm: &[u8; 16],
        context: &mut Context<'_, C>,
    ) -> Step {
        self.peer_confirm = *confirm;
        if self.initiator {
            // Both sides compute the same function of their own random number: who sends ours back knows nothing.
            if self.own_confirm.is_some_and(|own| same(&own, confirm)) {
                return Err(Refusal::Unproved(Reason::CONFIRM_VALUE_FAILED));
            }
            self.stage = Stage::Random;
            let random = Key(*self.own_random.octets());
            self.send(context.now_ms, &Pdu::PairingRandom(&random));
            return Ok(());
        }
        if self.tk.is_some() {
            return self.send_confirm(context);
        }
        // Nothing more is expected until the user has answered.
        self.held = true;
        self.stage = Stage::User;
        Ok(())
    }

    pub(super) fn legacy_random(&mut self, context: &mut Context<'_, C>) -> Step {
        let confirm = self.confirm_value(&self.peer_random, context)?;
        if !same(&confirm, &self.peer_confirm) || self.peer_random == self.own_random {
            return Err(Refusal::Unproved(Reason::CONFIRM_VALUE_FAILED));
        }
        let Some(tk) = &self.tk else {
            return Err(Reason::UNSPECIFIED.into());
        };
        let (responder, initiator) = if self.initiator {
            (&self.peer_random, &self.own_random)
        } else {
            (&self.own_random, &self.peer_random)
        };
        let stk = s1(
            context.crypto,
            tk.octets(),
            responder.octets(),
            initiator.octets(),
        )?;
        self.link = Some(stk);
        self.stage = Stage::Encryption;
        if self.initiator {
            self.encrypt();
        } else {
            let random = Key(*self.own_random.octets());
            self.send(context.now_ms, &Pdu::PairingRandom(&random));
        }
        Ok(())
    }

    pub(super) fn encrypt(&mut self) {
        if let Some(encryption) = self.encryption() {
            self.push(Action::Encrypt(encryption));
        }
    }
}
