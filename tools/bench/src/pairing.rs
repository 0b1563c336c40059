// SPDX-License-Identifier: GPL-2.0

//! How the peer pairs over LE: the responder of secure connections, just works (Vol 3 Part H). It checks what
//! the host says, as any would. Its random numbers are always the same, and its private key is one: so
//! the shared secret is the host's own public key, and nothing has to be multiplied here.
//!
//! f4, f5 and f6 are reckoned here once more, after the specification and with other people's AES-CMAC. This is
//! the peer: if it took them from the engine, an error in them would be the same on both sides and nobody's
//! check would fail. So the figures are those of a pairing that another implementation agrees with.

use aes::cipher::{generic_array::GenericArray, KeyInit};
use aes::Aes128;
use cmac::{Cmac, Mac};

use crate::sys::Address;

/// The host's address: what the controller says of itself.
pub const HOST: Address = [1, 0, 0x42, 1, 0xaa, 0];

const REQUEST: u8 = 0x01;
const RESPONSE: u8 = 0x02;
const CONFIRM: u8 = 0x03;
const RANDOM: u8 = 0x04;
const FAILED: u8 = 0x05;
const IDENTITY_KEY: u8 = 0x08;
const IDENTITY_ADDRESS: u8 = 0x09;
const PUBLIC_KEY: u8 = 0x0c;
const CHECK: u8 = 0x0d;

const NO_INPUT_NO_OUTPUT: u8 = 3;
/// Bonding, secure connections.
const REQUIREMENTS: u8 = 0x09;
/// Of the keys that can be distributed (3.6.1): who one is.
const IDENTITY: u8 = 0x02;
const DHKEY_CHECK_FAILED: u8 = 0x0b;

/// The curve's base point, least significant octet first: the public key that belongs to one.
const X: [u8; 32] = [
    0x96, 0xc2, 0x98, 0xd8, 0x45, 0x39, 0xa1, 0xf4, 0xa0, 0x33, 0xeb, 0x2d, 0x81, 0x7d, 0x03, 0x77,
    0xf2, 0x40, 0xa4, 0x63, 0xe5, 0xe6, 0xbc, 0xf8, 0x47, 0x42, 0x2c, 0xe1, 0xf2, 0xd1, 0x17, 0x6b,
];
const Y: [u8; 32] = [
    0xf5, 0x51, 0xbf, 0x37, 0x68, 0x40, 0xb6, 0xcb, 0xce, 0x5e, 0x31, 0x6b, 0x57, 0x33, 0xce, 0x2b,
    0x16, 0x9e, 0x0f, 0x7c, 0x4a, 0xeb, 0xe7, 0x8e, 0x9b, 0x7f, 0x1a, 0xfe, 0xe2, 0x42, 0xe3, 0x4f,
];
const NONCE: [u8; 16] = [0x37; 16];
/// What two know that have compared nothing.
const NO_NUMBER: [u8; 16] = [0; 16];
const IDENTITY_RESOLVING_KEY: [u8; 16] = [0x1d; 16];

/// AES-CMAC of parts that are put together; key, result and parts most significant octet first.
fn cmac(key: &[u8; 16], parts: &[&[u8]]) -> [u8; 16] {
    let mut mac = <Cmac<Aes128> as KeyInit>::new(GenericArray::from_slice(key));
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// The same octets in the other order.
fn reversed<const N: usize>(octets: &[u8]) -> [u8; N] {
    let mut all = [0; N];
    for (to, from) in all.iter_mut().zip(octets.iter().take(N).rev()) {
        *to = *from;
    }
    all
}

/// f4 (2.2.6). Like those below, it takes and gives numbers most significant octet first.
fn f4(u: &[u8; 32], v: &[u8; 32], x: &[u8; 16], z: u8) -> [u8; 16] {
    cmac(x, &[u, v, &[z]])
}

/// f5 (2.2.7): the key of the checks, and the long term key. Addresses have their type in front.
fn f5(secret: &[u8; 32], nonces: [&[u8; 16]; 2], addresses: [&[u8; 7]; 2]) -> ([u8; 16], [u8; 16]) {
    const SALT: [u8; 16] = [
        0x6c, 0x88, 0x83, 0x91, 0xaa, 0xf5, 0xa5, 0x38, 0x60, 0x37, 0x0b, 0xdb, 0x5a, 0x60, 0x83,
        0xbe,
    ];
    let key = cmac(&SALT, &[secret]);
    let [one, two] = nonces;
    let [first, second] = addresses;
    let made = |counter: u8| {
        cmac(
            &key,
            &[&[counter], b"btle", one, two, first, second, &[1, 0]],
        )
    };
    (made(0), made(1))
}

/// f6 (2.2.8).
fn f6(
    key: &[u8; 16],
    nonces: [&[u8; 16]; 2],
    number: &[u8; 16],
    capabilities: &[u8; 3],
    addresses: [&[u8; 7]; 2],
) -> [u8; 16] {
    let [one, two] = nonces;
    let [first, second] = addresses;
    cmac(key, &[one, two, number, capabilities, first, second])
}

fn message(code: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut all = vec![code];
    for part in parts {
        all.extend(*part);
    }
    all
}

/// The peer's side of a pairing.
#[derive(Debug, Default)]
pub struct Responder {
    address: Address,
    /// AuthReq, OOB and IO capability of the host.
    capabilities: [u8; 3],
    /// Whether the peer tells who it is.
    tells: bool,
    /// The host's public key, and its nonce.
    public: [u8; 32],
    nonce: [u8; 16],
    key: Option<[u8; 16]>,
}

impl Responder {
    /// One with this address, which is public.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            ..Self::default()
        }
    }

    /// The long term key, least significant octet first, once there is one.
    pub fn key(&self) -> Option<[u8; 16]> {
        self.key
    }

    /// What it answers to a message.
    pub fn received(&mut self, data: &[u8]) -> Vec<Vec<u8>> {
        match data {
            [REQUEST, io, oob, auth, _size, _initiator, responder, ..] => {
                self.capabilities = [*auth, *oob, *io];
                self.tells = responder & IDENTITY != 0;
                let keys = responder & IDENTITY;
                let answer = [NO_INPUT_NO_OUTPUT, 0, REQUIREMENTS, 16, 0, keys];
                vec![message(RESPONSE, &[&answer])]
            }
            [PUBLIC_KEY, key @ ..] => {
                self.public = reversed(key);
                let confirm = f4(&reversed(&X), &self.public, &NONCE, 0);
                vec![
                    message(PUBLIC_KEY, &[&X, &Y]),
                    message(CONFIRM, &[&reversed::<16>(&confirm)]),
                ]
            }
            [RANDOM, nonce @ ..] => {
                self.nonce = reversed(nonce);
                vec![message(RANDOM, &[&reversed::<16>(&NONCE)])]
            }
            [CHECK, check @ ..] => {
                let nonces = [&self.nonce, &NONCE];
                // Behind the type, which is public.
                let [mut host, mut own] = [[0; 7]; 2];
                host[1..].copy_from_slice(&reversed::<6>(&HOST));
                own[1..].copy_from_slice(&reversed::<6>(&self.address));
                let (mac, key) = f5(&self.public, nonces, [&host, &own]);
                if f6(&mac, nonces, &NO_NUMBER, &self.capabilities, [&host, &own])
                    != reversed(check)
                {
                    return vec![vec![FAILED, DHKEY_CHECK_FAILED]];
                }
                self.key = Some(reversed(&key));
                let ours = [REQUIREMENTS, 0, NO_INPUT_NO_OUTPUT];
                let answer = f6(
                    &mac,
                    [&NONCE, &self.nonce],
                    &NO_NUMBER,
                    &ours,
                    [&own, &host],
                );
                vec![message(CHECK, &[&reversed::<16>(&answer)])]
            }
            _ => Vec::new(),
        }
    }

    /// What it sends when the link has become encrypted.
    pub fn encrypted(&mut self) -> Vec<Vec<u8>> {
        if !std::mem::take(&mut self.tells) {
            return Vec::new();
        }
        vec![
            message(IDENTITY_KEY, &[&IDENTITY_RESOLVING_KEY]),
            message(IDENTITY_ADDRESS, &[&[0], &self.address]),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn octets<const N: usize>(text: &str) -> [u8; N] {
        let digits: Vec<u8> = text
            .bytes()
            .filter_map(|digit| (digit as char).to_digit(16))
            .map(|digit| digit as u8)
            .collect();
        let mut all = [0; N];
        for (to, pair) in all.iter_mut().zip(digits.chunks(2)) {
            *to = (pair[0] << 4) | pair[1];
        }
        all
    }

    // The specification's sample data: Vol 3 Part H, Appendix D.2 to D.4.

    #[test]
    fn f4_of_the_specification() {
        let u = octets("20b003d2f297be2c5e2c83a7e9f9a5b9eff49111acf4fddbcc0301480e359de6");
        let v = octets("55188b3d32f6bb9a900afcfbeed4e72a59cb9ac2f19d7cfb6b4fdd49f47fc5fd");
        let x = octets("d5cb8454d177733effffb2ec712baeab");
        assert_eq!(
            f4(&u, &v, &x, 0),
            octets("f2c916f107a9bd1cf1eda1bea974872d")
        );
    }

    #[test]
    fn f5_and_f6_of_the_specification() {
        let secret = octets("ec0234a357c8ad05341010a60a397d9b99796b13b4f866f1868d34f373bfa698");
        let one = octets("d5cb8454d177733effffb2ec712baeab");
        let two = octets("a6e8e7cc25a75f6e216583f7ff3dc4cf");
        let (first, second) = (octets("0056123737bfce"), octets("00a713702dcfc1"));
        let (mac, key) = f5(&secret, [&one, &two], [&first, &second]);
        assert_eq!(mac, octets("2965f176a1084a02fd3f6a20ce636e20"));
        assert_eq!(key, octets("6986791169d7cd23980522b594750a38"));
        let number = octets("12a3343bb453bb5408da42d20c2d0fc8");
        let capabilities = octets("010102");
        let check = f6(
            &mac,
            [&one, &two],
            &number,
            &capabilities,
            [&first, &second],
        );
        assert_eq!(check, octets("e3c473989cd0e8c5d26c0b09da958f61"));
    }

    #[test]
    fn a_wrong_check_is_refused() {
        let mut peer = Responder::new([1; 6]);
        let answer = peer.received(&[REQUEST, 3, 0, 9, 16, 0, 3]);
        assert_eq!(answer, [vec![RESPONSE, 3, 0, 9, 16, 0, 2]]);
        assert_eq!(peer.received(&message(PUBLIC_KEY, &[&[7; 64]])).len(), 2);
        assert_eq!(peer.received(&message(RANDOM, &[&[7; 16]])).len(), 1);
        let answer = peer.received(&message(CHECK, &[&[7; 16]]));
        assert_eq!(answer, [vec![FAILED, DHKEY_CHECK_FAILED]]);
        assert_eq!(peer.key(), None);
    }
}
