// SPDX-License-Identifier: GPL-2.0

//! The cryptographic toolbox (Vol 3 Part H 2.2), over what the host's environment computes.
//!
//! Values are least significant octet first, as on the wire; only the two primitives of [`Crypto`] take and return octets
//! in the order of their own standards.

use wire::{
    smp::PublicKey,
    BdAddr, //
};

use super::Secret;

/// Why a computation gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CryptoError {
    /// The peer's public key is no point of the curve, or the point at infinity.
    InvalidKey,
    /// The environment could not do it now, for instance for lack of memory.
    Failed,
}

/// A pair of P-256 keys. The private one stays inside, and is overwritten when dropped.
pub trait KeyPair: Clone {
    /// The public key.
    fn public(&self) -> &PublicKey;
}

/// What the environment computes: the kernel's own cryptography there, test crates on the host.
pub trait Crypto {
    /// A pair of P-256 keys.
    type KeyPair: KeyPair;

    /// Fills `out` with random octets fit for keys (Vol 2 Part H 2).
    fn random(&mut self, out: &mut [u8]);

    /// AES-128 of one block; key and blocks most significant octet first (FIPS 197).
    ///
    /// # Errors
    ///
    /// If it cannot be computed now.
    fn aes(&mut self, key: &[u8; 16], block: &[u8; 16]) -> Result<[u8; 16], CryptoError>;

    /// AES-CMAC of at most 80 octets; all most significant octet first (RFC 4493).
    ///
    /// # Errors
    ///
    /// If it cannot be computed now.
    fn cmac(&mut self, key: &[u8; 16], message: &[u8]) -> Result<[u8; 16], CryptoError>;

    /// A new pair of keys.
    ///
    /// # Errors
    ///
    /// If it cannot be made now.
    fn generate(&mut self) -> Result<Self::KeyPair, CryptoError>;

    /// The pair of keys with this private key, least significant octet first.
    ///
    /// # Errors
    ///
    /// If it is no private key, or cannot be computed now.
    fn key_pair(&mut self, private: &Secret<32>) -> Result<Self::KeyPair, CryptoError>;

    /// The x coordinate of the shared point, least significant octet first (P256 of 2.2).
    ///
    /// # Errors
    ///
    /// [`CryptoError::InvalidKey`] if the peer's key is no point of the curve: that must be checked, as the private key
    /// leaks otherwise (2.3.5.6.1).
    fn dh_key(&mut self, own: &Self::KeyPair, peer: &PublicKey) -> Result<Secret<32>, CryptoError>;
}

/// The private debug key (2.3.5.6.1), least significant octet first: everybody knows it.
pub const DEBUG_PRIVATE_KEY: Secret<32> = Secret::new([
    0xbd, 0x1a, 0x3c, 0xcd, 0xa6, 0xb8, 0x99, 0x58, 0x99, 0xb7, 0x40, 0xeb, 0x7b, 0x60, 0xff, 0x4a,
    0x50, 0x3f, 0x10, 0xd2, 0xe3, 0xb3, 0xc9, 0x74, 0x38, 0x5f, 0xc5, 0xa3, 0xd4, 0xf6, 0x49, 0x3f,
]);

/// Its public key.
pub const DEBUG_PUBLIC_KEY: PublicKey = PublicKey {
    x: [
        0xe6, 0x9d, 0x35, 0x0e, 0x48, 0x01, 0x03, 0xcc, 0xdb, 0xfd, 0xf4, 0xac, 0x11, 0x91, 0xf4,
        0xef, 0xb9, 0xa5, 0xf9, 0xe9, 0xa7, 0x83, 0x2c, 0x5e, 0x2c, 0xbe, 0x97, 0xf2, 0xd2, 0x03,
        0xb0, 0x20,
    ],
    y: [
        0x8b, 0xd2, 0x89, 0x15, 0xd0, 0x8e, 0x1c, 0x74, 0x24, 0x30, 0xed, 0x8f, 0xc2, 0x45, 0x63,
        0x76, 0x5c, 0x15, 0x52, 0x5a, 0xbf, 0x9a, 0x32, 0x63, 0x6d, 0xeb, 0x2a, 0x65, 0x49, 0x9c,
        0x80, 0xdc,
    ],
};

/// An LE address as the toolbox takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub address: BdAddr,
    /// Whether it is a random one.
    pub random: bool,
}

impl Address {
    /// The octet that says what kind it is.
    #[inline]
    pub const fn kind(&self) -> u8 {
        self.random as u8
    }

    /// Whether it may identify a device for good: public or static random.
    #[inline]
    pub const fn is_identity(&self) -> bool {
        !self.random || self.address.is_static_random()
    }

    /// Whether it is a resolvable private address.
    #[inline]
    pub const fn is_resolvable(&self) -> bool {
        self.random && self.address.is_resolvable_private()
    }
}

/// A message put together most significant octet first.
struct Message {
    octets: Secret<80>,
    len: usize,
}

impl Message {
    fn new() -> Self {
        Self {
            octets: Secret::ZERO,
            len: 0,
        }
    }

    /// Appends a value given least significant octet first.
    fn value(mut self, value: &[u8]) -> Self {
        let room = self.octets.octets_mut().iter_mut().skip(self.len);
        for (to, from) in room.zip(value.iter().rev()) {
            *to = *from;
        }
        self.len = self.len.saturating_add(value.len());
        self
    }

    /// Appends an address, its kind first (2.2.7).
    fn address(self, address: &Address) -> Self {
        self.value(&[address.kind()]).value(&address.address.0)
    }

    fn as_slice(&self) -> &[u8] {
        self.octets.octets().get(..self.len).unwrap_or(&[])
    }
}

fn reversed<const N: usize>(octets: &[u8; N]) -> [u8; N] {
    let mut reversed = *octets;
    reversed.reverse();
    reversed
}

fn mac<C: Crypto>(
    crypto: &mut C,
    key: &[u8; 16],
    message: &Message,
) -> Result<Secret<16>, CryptoError> {
    let key = Secret::new(reversed(key));
    let mut mac = crypto.cmac(key.octets(), message.as_slice())?;
    mac.reverse();
    Ok(Secret::new(mac))
}

/// Security function e: AES-128 (2.2.1).
pub fn e<C: Crypto>(
    crypto: &mut C,
    key: &[u8; 16],
    block: &[u8; 16],
) -> Result<Secret<16>, CryptoError> {
    let key = Secret::new(reversed(key));
    let mut out = crypto.aes(key.octets(), &reversed(block))?;
    out.reverse();
    Ok(Secret::new(out))
}

/// Random address hash function ah (2.2.2): the lower half of a resolvable private address, from its upper half.
pub fn ah<C: Crypto>(
    crypto: &mut C,
    irk: &[u8; 16],
    prand: [u8; 3],
) -> Result<[u8; 3], CryptoError> {
    let mut block = [0; 16];
    for (to, from) in block.iter_mut().zip(prand) {
        *to = from;
    }
    let hash = e(crypto, irk, &block)?;
    let [a, b, c, ..] = *hash.octets();
    Ok([a, b, c])
}

/// Whether the address was made with this key (Vol 3 Part C 10.8.2.3).
pub fn resolves<C: Crypto>(
    crypto: &mut C,
    irk: &[u8; 16],
    address: &BdAddr,
) -> Result<bool, CryptoError> {
    if !address.is_resolvable_private() {
        return Ok(false);
    }
    let [h0, h1, h2, p0, p1, p2] = address.0;
    Ok(ah(crypto, irk, [p0, p1, p2])? == [h0, h1, h2])
}

/// A new resolvable private address made with this key (Vol 3 Part C 10.8.2.2).
pub fn resolvable_address<C: Crypto>(
    crypto: &mut C,
    irk: &[u8; 16],
) -> Result<BdAddr, CryptoError> {
    let mut prand = [0; 3];
    loop {
        crypto.random(&mut prand);
        let [p0, p1, p2] = &mut prand;
        *p2 &= 0x3f;
        // Neither all zero nor all one may the random part be (Vol 6 Part B 1.3.2.2).
        if (*p0, *p1, *p2) != (0, 0, 0) && (*p0, *p1, *p2) != (0xff, 0xff, 0x3f) {
            *p2 |= 0x40;
            break;
        }
    }
    let [h0, h1, h2] = ah(crypto, irk, prand)?;
    let [p0, p1, p2] = prand;
    Ok(BdAddr([h0, h1, h2, p0, p1, p2]))
}

/// Confirm value generation function c1 of legacy pairing (2.2.3). Request and response include their codes.
pub fn c1<C: Crypto>(
    crypto: &mut C,
    k: &[u8; 16],
    r: &[u8; 16],
    request: &[u8; 7],
    response: &[u8; 7],
    initiator: &Address,
    responder: &Address,
) -> Result<[u8; 16], CryptoError> {
    let p1 = [initiator.kind(), responder.kind()];
    let p1 = p1.iter().chain(request).chain(response);
    let mut block = *r;
    for (to, with) in block.iter_mut().zip(p1) {
        *to ^= with;
    }
    let once = e(crypto, k, &block)?;
    let p2 = responder.address.0.iter().chain(&initiator.address.0);
    let mut block = *once.octets();
    for (to, with) in block.iter_mut().zip(p2) {
        *to ^= with;
    }
    Ok(*e(crypto, k, &block)?.octets())
}

/// Key generation function s1 of legacy pairing (2.2.4): the short term key from the responder's (`r1`) and the initiator's
/// (`r2`) random numbers.
pub fn s1<C: Crypto>(
    crypto: &mut C,
    k: &[u8; 16],
    r1: &[u8; 16],
    r2: &[u8; 16],
) -> Result<Secret<16>, CryptoError> {
    let mut block = [0; 16];
    for (to, from) in block
        .iter_mut()
        .zip(r2.iter().take(8).chain(r1.iter().take(8)))
    {
        *to = *from;
    }
    e(crypto, k, &block)
}

/// Confirm value generation function f4 of Secure Connections (2.2.6).
pub fn f4<C: Crypto>(
    crypto: &mut C,
    u: &[u8; 32],
    v: &[u8; 32],
    x: &[u8; 16],
    z: u8,
) -> Result<[u8; 16], CryptoError> {
    let message = Message::new().value(u).value(v).value(&[z]);
    Ok(*mac(crypto, x, &message)?.octets())
}

/// The salt of f5, least significant octet first.
const F5_SALT: [u8; 16] = [
    0xbe, 0x83, 0x60, 0x5a, 0xdb, 0x0b, 0x37, 0x60, 0x38, 0xa5, 0xf5, 0xaa, 0x91, 0x83, 0x88, 0x6c,
];

/// Key generation function f5 of Secure Connections (2.2.7): MacKey and LTK.
pub fn f5<C: Crypto>(
    crypto: &mut C,
    w: &Secret<32>,
    n1: &[u8; 16],
    n2: &[u8; 16],
    a1: &Address,
    a2: &Address,
) -> Result<(Secret<16>, Secret<16>), CryptoError> {
    let t = mac(crypto, &F5_SALT, &Message::new().value(w.octets()))?;
    let mut key = |counter: u8| {
        let message = Message::new()
            .value(&[counter])
            .value(b"eltb")
            .value(n1)
            .value(n2)
            .address(a1)
            .address(a2)
            .value(&256u16.to_le_bytes());
        mac(crypto, t.octets(), &message)
    };
    Ok((key(0)?, key(1)?))
}

/// Check value generation function f6 of Secure Connections (2.2.8). `io_cap` are IO capability, OOB flag and AuthReq in the
/// order of the PDU.
#[allow(clippy::too_many_arguments)]
pub fn f6<C: Crypto>(
    crypto: &mut C,
    w: &Secret<16>,
    n1: &[u8; 16],
    n2: &[u8; 16],
    r: &[u8; 16],
    io_cap: [u8; 3],
    a1: &Address,
    a2: &Address,
) -> Result<Secret<16>, CryptoError> {
    let message = Message::new()
        .value(n1)
        .value(n2)
        .value(r)
        .value(&io_cap)
        .address(a1)
        .address(a2);
    mac(crypto, w.octets(), &message)
}

/// Numeric comparison value generation function g2 of Secure Connections (2.2.9): the six digits to compare.
pub fn g2<C: Crypto>(
    crypto: &mut C,
    u: &[u8; 32],
    v: &[u8; 32],
    x: &[u8; 16],
    y: &[u8; 16],
) -> Result<u32, CryptoError> {
    let message = Message::new().value(u).value(v).value(y);
    let [a, b, c, d, ..] = *mac(crypto, x, &message)?.octets();
    Ok(u32::from_le_bytes([a, b, c, d]) % 1_000_000)
}

/// Link key conversion function h6 (2.2.10). The key id is most significant octet first, as its letters read.
pub fn h6<C: Crypto>(
    crypto: &mut C,
    w: &Secret<16>,
    key_id: &[u8; 4],
) -> Result<Secret<16>, CryptoError> {
    let message = Message::new().value(&reversed(key_id));
    mac(crypto, w.octets(), &message)
}

/// Link key conversion function h7 (2.2.11). The salt is least significant octet first.
pub fn h7<C: Crypto>(
    crypto: &mut C,
    salt: &[u8; 16],
    w: &Secret<16>,
) -> Result<Secret<16>, CryptoError> {
    let message = Message::new().value(w.octets());
    mac(crypto, salt, &message)
}

/// The salt of h7 that ends in these letters.
fn salt(letters: &[u8; 4]) -> [u8; 16] {
    let [a, b, c, d] = *letters;
    [d, c, b, a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
}

/// The BR/EDR link key that belongs to an LE long term key (2.4.2.4).
///
/// # Errors
///
/// If it cannot be computed now.
pub fn link_key_from_ltk<C: Crypto>(
    crypto: &mut C,
    ltk: &Secret<16>,
    ct2: bool,
) -> Result<Secret<16>, CryptoError> {
    let intermediate = if ct2 {
        h7(crypto, &salt(b"tmp1"), ltk)?
    } else {
        h6(crypto, ltk, b"tmp1")?
    };
    h6(crypto, &intermediate, b"lebr")
}

/// The LE long term key that belongs to a BR/EDR link key (2.4.2.5).
///
/// # Errors
///
/// If it cannot be computed now.
pub fn ltk_from_link_key<C: Crypto>(
    crypto: &mut C,
    link_key: &Secret<16>,
    ct2: bool,
) -> Result<Secret<16>, CryptoError> {
    let intermediate = if ct2 {
        h7(crypto, &salt(b"tmp2"), link_key)?
    } else {
        h6(crypto, link_key, b"tmp2")?
    };
    h6(crypto, &intermediate, b"brle")
}
