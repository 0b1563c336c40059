// SPDX-License-Identifier: GPL-2.0

//! The kernel's cryptography, as pairing wants it.

use engine::smp::{
    Crypto,
    CryptoError,
    KeyPair,
    Secret, //
};
use kernel::prelude::*;
use kernel_ext::crypto::{
    aes128,
    aes128_cmac,
    random,
    P256Point,
    P256PrivateKey, //
};
use wire::smp::PublicKey;

/// A pair of P-256 keys.
#[derive(Clone)]
pub(crate) struct Pair {
    private: P256PrivateKey,
    public: PublicKey,
}

impl Pair {
    fn new(private: P256PrivateKey) -> Result<Self, CryptoError> {
        let public = private.public().map_err(|_| CryptoError::Failed)?;
        Ok(Self {
            private,
            public: PublicKey {
                x: public.x,
                y: public.y,
            },
        })
    }
}

impl KeyPair for Pair {
    fn public(&self) -> &PublicKey {
        &self.public
    }
}

/// The kernel's cryptography. What it computes it computes at once; making keys may sleep.
pub(crate) struct Kernel;

impl Crypto for Kernel {
    type KeyPair = Pair;

    fn random(&mut self, out: &mut [u8]) {
        random(out);
    }

    fn aes(&mut self, key: &[u8; 16], block: &[u8; 16]) -> Result<[u8; 16], CryptoError> {
        aes128(key, block).map_err(|_| CryptoError::Failed)
    }

    fn cmac(&mut self, key: &[u8; 16], message: &[u8]) -> Result<[u8; 16], CryptoError> {
        aes128_cmac(key, message).map_err(|_| CryptoError::Failed)
    }

    fn generate(&mut self) -> Result<Pair, CryptoError> {
        // The chance that a random number is no private key is 2^-32.
        P256PrivateKey::generate()
            .or_else(|_| P256PrivateKey::generate())
            .map_err(|_| CryptoError::Failed)
            .and_then(Pair::new)
    }

    fn key_pair(&mut self, private: &Secret<32>) -> Result<Pair, CryptoError> {
        P256PrivateKey::new(private.octets())
            .map_err(|_| CryptoError::Failed)
            .and_then(Pair::new)
    }

    fn dh_key(&mut self, own: &Pair, peer: &PublicKey) -> Result<Secret<32>, CryptoError> {
        let peer = P256Point {
            x: peer.x,
            y: peer.y,
        };
        match own.private.shared(&peer) {
            Ok(shared) => Ok(Secret::new(shared)),
            Err(e) if e == ENOMEM => Err(CryptoError::Failed),
            Err(_) => Err(CryptoError::InvalidKey),
        }
    }
}

/// Computes the specification's sample data: what cannot even do that must pair with nobody.
///
/// # Errors
///
/// `EINVAL` if a result is not the specification's.
pub(crate) fn selftest() -> Result {
    match engine::smp::selftest::run(&mut Kernel) {
        Ok(()) => Ok(()),
        Err(mismatch) => {
            pr_err!("SMP self-test: {} failed\n", mismatch.0);
            Err(EINVAL)
        }
    }
}
