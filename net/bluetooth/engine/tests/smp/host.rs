// SPDX-License-Identifier: GPL-2.0

//! The cryptography of test crates, as the engine wants it.

use aes::cipher::{
    BlockEncrypt,
    KeyInit, //
};
use cmac::Mac;
use engine::smp::{
    Crypto,
    CryptoError,
    KeyPair,
    Secret, //
};
use p256::{
    elliptic_curve::sec1::{
        FromEncodedPoint,
        ToEncodedPoint, //
    },
    EncodedPoint,
    FieldBytes, //
};
use wire::smp::PublicKey;

/// A pair of P-256 keys.
#[derive(Clone)]
pub struct Pair {
    secret: p256::SecretKey,
    public: PublicKey,
}

impl KeyPair for Pair {
    fn public(&self) -> &PublicKey {
        &self.public
    }
}

/// Test cryptography. Its random numbers follow from a seed (xorshift): the same run is the same each time.
pub struct Host {
    state: u64,
    /// From now on computations fail, as for lack of memory.
    pub broken: bool,
}

impl Host {
    pub fn new(seed: u64) -> Self {
        Self {
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            broken: false,
        }
    }

    fn works(&self) -> Result<(), CryptoError> {
        if self.broken {
            Err(CryptoError::Failed)
        } else {
            Ok(())
        }
    }
}

fn reversed(octets: &[u8; 32]) -> [u8; 32] {
    let mut reversed = *octets;
    reversed.reverse();
    reversed
}

fn pair(secret: p256::SecretKey) -> Pair {
    let point = secret.public_key().to_encoded_point(false);
    let coordinate = |field: Option<&FieldBytes>| reversed(&(*field.unwrap()).into());
    let public = PublicKey {
        x: coordinate(point.x()),
        y: coordinate(point.y()),
    };
    Pair { secret, public }
}

impl Crypto for Host {
    type KeyPair = Pair;

    fn random(&mut self, out: &mut [u8]) {
        for octet in out {
            self.state ^= self.state << 13;
            self.state ^= self.state >> 7;
            self.state ^= self.state << 17;
            *octet = (self.state >> 24) as u8;
        }
    }

    fn aes(&mut self, key: &[u8; 16], block: &[u8; 16]) -> Result<[u8; 16], CryptoError> {
        self.works()?;
        let mut block = (*block).into();
        aes::Aes128::new(key.into()).encrypt_block(&mut block);
        Ok(block.into())
    }

    fn cmac(&mut self, key: &[u8; 16], message: &[u8]) -> Result<[u8; 16], CryptoError> {
        self.works()?;
        assert!(message.len() <= 80, "longer than promised");
        let mut mac = <cmac::Cmac<aes::Aes128> as KeyInit>::new(key.into());
        mac.update(message);
        Ok(mac.finalize().into_bytes().into())
    }

    fn generate(&mut self) -> Result<Pair, CryptoError> {
        self.works()?;
        loop {
            let mut octets = [0; 32];
            self.random(&mut octets);
            if let Ok(secret) = p256::SecretKey::from_slice(&octets) {
                return Ok(pair(secret));
            }
        }
    }

    fn key_pair(&mut self, private: &Secret<32>) -> Result<Pair, CryptoError> {
        self.works()?;
        p256::SecretKey::from_slice(&reversed(private.octets()))
            .map(pair)
            .map_err(|_| CryptoError::Failed)
    }

    fn dh_key(&mut self, own: &Pair, peer: &PublicKey) -> Result<Secret<32>, CryptoError> {
        self.works()?;
        let point = EncodedPoint::from_affine_coordinates(
            &reversed(&peer.x).into(),
            &reversed(&peer.y).into(),
            false,
        );
        let key = Option::<p256::PublicKey>::from(p256::PublicKey::from_encoded_point(&point))
            .ok_or(CryptoError::InvalidKey)?;
        let shared = p256::ecdh::diffie_hellman(own.secret.to_nonzero_scalar(), key.as_affine());
        let octets: [u8; 32] = (*shared.raw_secret_bytes()).into();
        Ok(Secret::new(reversed(&octets)))
    }
}
