// SPDX-License-Identifier: GPL-2.0

//! AES-128 and P-256 of the kernel's cryptographic libraries.
//!
//! C header: `include/crypto/aes.h`, `include/crypto/aes-cbc-macs.h`,
//! `include/crypto/internal/ecc.h`.
//!
//! Everything is computed at once, in the calling task: nothing here waits for
//! hardware.

use crate::bindings;
use kernel::{
    error::to_result,
    prelude::*, //
};

/// AES-128 of one block; all most significant octet first (FIPS 197). Any context.
pub fn aes128(key: &[u8; 16], block: &[u8; 16]) -> Result<[u8; 16]> {
    let mut out = [0; 16];
    // SAFETY: Key and blocks have 16 octets.
    to_result(unsafe {
        bindings::kext_aes128_encrypt(key.as_ptr(), block.as_ptr(), out.as_mut_ptr())
    })?;
    Ok(out)
}

/// AES-128-CMAC; all most significant octet first (RFC 4493). Any context.
pub fn aes128_cmac(key: &[u8; 16], message: &[u8]) -> Result<[u8; 16]> {
    let mut out = [0; 16];
    // SAFETY: The key and the result have 16 octets, the message its length.
    to_result(unsafe {
        bindings::kext_aes128_cmac(
            key.as_ptr(),
            message.as_ptr(),
            message.len(),
            out.as_mut_ptr(),
        )
    })?;
    Ok(out)
}

/// Fills a buffer with random octets good enough for keys.
pub fn random(out: &mut [u8]) {
    // SAFETY: The buffer has its length.
    unsafe { bindings::get_random_bytes(out.as_mut_ptr().cast(), out.len()) };
}

/// Octets of a P-256 number.
pub const P256_OCTETS: usize = 32;
/// 64 bit digits of a P-256 number.
const DIGITS: usize = 4;

/// Digits as the curve's functions want numbers that come from outside: the octets most significant first in memory.
fn to_wire_digits(number: &[u8; P256_OCTETS]) -> [u64; DIGITS] {
    let mut digits = [0u64; DIGITS];
    let mut big_endian = *number;
    big_endian.reverse();
    for (digit, octets) in digits.iter_mut().zip(chunks(&big_endian)) {
        *digit = u64::from_ne_bytes(octets);
    }
    digits
}

fn from_wire_digits(digits: &[u64]) -> [u8; P256_OCTETS] {
    let mut number = [0; P256_OCTETS];
    let octets = digits.iter().flat_map(|digit| digit.to_ne_bytes());
    for (to, from) in number.iter_mut().rev().zip(octets) {
        *to = from;
    }
    number
}

fn chunks(octets: &[u8; P256_OCTETS]) -> [[u8; 8]; DIGITS] {
    let mut chunks = [[0; 8]; DIGITS];
    for (to, from) in chunks.iter_mut().flatten().zip(octets) {
        *to = *from;
    }
    chunks
}

/// A point of P-256: its coordinates, least significant octet first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct P256Point {
    /// x.
    pub x: [u8; P256_OCTETS],
    /// y.
    pub y: [u8; P256_OCTETS],
}

/// A private key of P-256; overwritten when dropped.
///
/// # Invariants
///
/// It is in the range that private keys have; its least significant digit comes first.
#[derive(Clone)]
pub struct P256PrivateKey([u64; DIGITS]);

impl P256PrivateKey {
    /// A new random key. May sleep.
    pub fn generate() -> Result<Self> {
        let mut key = Self([0; DIGITS]);
        // SAFETY: The buffer has the curve's number of digits.
        to_result(unsafe { bindings::kext_p256_generate(key.0.as_mut_ptr()) })?;
        // INVARIANT: The curve's own function made it and has checked it.
        Ok(key)
    }

    /// The key with these octets, least significant first.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a number that is no private key.
    pub fn new(octets: &[u8; P256_OCTETS]) -> Result<Self> {
        let mut key = Self([0; DIGITS]);
        for (digit, octets) in key.0.iter_mut().zip(chunks(octets)) {
            *digit = u64::from_le_bytes(octets);
        }
        // SAFETY: The buffer has the curve's number of digits.
        to_result(unsafe { bindings::kext_p256_is_private(key.0.as_ptr()) })?;
        // INVARIANT: Just checked.
        Ok(key)
    }

    /// The public key that belongs to it. May sleep.
    pub fn public(&self) -> Result<P256Point> {
        let mut digits = [0u64; 2 * DIGITS];
        // SAFETY: The key has the curve's number of digits, the point twice that.
        to_result(unsafe { bindings::kext_p256_public(self.0.as_ptr(), digits.as_mut_ptr()) })?;
        let (x, y) = digits.split_at(DIGITS);
        Ok(P256Point {
            x: from_wire_digits(x),
            y: from_wire_digits(y),
        })
    }

    /// The x coordinate of the point shared with the owner of a public key, least significant octet first. May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the public key is no point of the curve; `ENOMEM`; `EFAULT` for a shared point at infinity.
    pub fn shared(&self, peer: &P256Point) -> Result<[u8; P256_OCTETS]> {
        let mut public = [0u64; 2 * DIGITS];
        let coordinates = [to_wire_digits(&peer.x), to_wire_digits(&peer.y)];
        for (to, from) in public.iter_mut().zip(coordinates.iter().flatten()) {
            *to = *from;
        }
        let mut secret = [0u64; DIGITS];
        // SAFETY: Key and secret have the curve's number of digits, the point twice that.
        let result = to_result(unsafe {
            bindings::kext_p256_shared(self.0.as_ptr(), public.as_ptr(), secret.as_mut_ptr())
        });
        let shared = from_wire_digits(&secret);
        wipe(&mut secret);
        result.map(|()| shared)
    }
}

impl Drop for P256PrivateKey {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Overwrites a secret. The compiler must assume that somebody looks at the zeroes.
fn wipe(digits: &mut [u64; DIGITS]) {
    *digits = [0; DIGITS];
    core::hint::black_box(digits);
}
