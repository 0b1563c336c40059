// SPDX-License-Identifier: GPL-2.0

//! Pairing, link security and audio.

use engine::{
    sco,
    security::{
        AuthRequirements,
        BrEdr,
        KeyType,
        Level,
        Policy, //
    },
    smp::{
        attempts::Attempts,
        crypto::{
            resolvable_address,
            resolves, //
        },
        first,
        security_request,
        selftest,
        Action,
        Address,
        Answer,
        BlockedKind,
        Context,
        Crypto,
        CryptoError,
        Encryption,
        First,
        KeyPair,
        Keys,
        NotAsked,
        Pairing,
        Received,
        Secret,
        SecurityRequest,
        Setup, //
    },
};
use wire::{
    hci::Status,
    smp::{
        AuthReq,
        Pairing as Features,
        PublicKey, //
    },
    BdAddr, //
};

#[derive(Clone)]
pub struct Pair(PublicKey);

impl KeyPair for Pair {
    fn public(&self) -> &PublicKey {
        &self.0
    }
}

type Block = Result<[u8; 16], CryptoError>;

/// Cryptography that is somewhere else.
pub struct Elsewhere {
    random: fn(&mut [u8]),
    aes: fn(&[u8; 16], &[u8; 16]) -> Block,
    cmac: fn(&[u8; 16], &[u8]) -> Block,
    generate: fn() -> Result<Pair, CryptoError>,
    key_pair: fn(&Secret<32>) -> Result<Pair, CryptoError>,
    dh_key: fn(&Pair, &PublicKey) -> Result<Secret<32>, CryptoError>,
}

impl Crypto for Elsewhere {
    type KeyPair = Pair;
    fn random(&mut self, out: &mut [u8]) {
        (self.random)(out)
    }
    fn aes(&mut self, key: &[u8; 16], block: &[u8; 16]) -> Result<[u8; 16], CryptoError> {
        (self.aes)(key, block)
    }
    fn cmac(&mut self, key: &[u8; 16], message: &[u8]) -> Result<[u8; 16], CryptoError> {
        (self.cmac)(key, message)
    }
    fn generate(&mut self) -> Result<Pair, CryptoError> {
        (self.generate)()
    }
    fn key_pair(&mut self, private: &Secret<32>) -> Result<Pair, CryptoError> {
        (self.key_pair)(private)
    }
    fn dh_key(&mut self, own: &Pair, peer: &PublicKey) -> Result<Secret<32>, CryptoError> {
        (self.dh_key)(own, peer)
    }
}

type Smp = Pairing<Elsewhere>;

fn context<'a>(
    crypto: &'a mut Elsewhere,
    now_ms: u64,
    blocked: &'a dyn Fn(BlockedKind, &Secret<16>) -> bool,
) -> Context<'a, Elsewhere> {
    Context {
        crypto,
        now_ms,
        blocked,
    }
}

pub fn smp_first(frame: &[u8]) -> First<'_> {
    first(frame)
}
pub fn smp_security(auth_req: AuthReq, setup: &Setup<Pair>) -> SecurityRequest {
    security_request(auth_req, true, setup)
}
pub fn smp_initiate(c: &mut Elsewhere, setup: Setup<Pair>, auth_req: Option<AuthReq>) -> Smp {
    Pairing::initiate(setup, auth_req, &mut context(c, 0, &|_, _| false))
}
pub fn smp_request(c: &mut Elsewhere, setup: Setup<Pair>) -> Smp {
    Pairing::request_security(setup, &mut context(c, 0, &|_, _| false))
}
pub fn smp_respond(c: &mut Elsewhere, setup: Setup<Pair>, request: &Features) -> Smp {
    Pairing::respond(setup, request, &mut context(c, 0, &|_, _| false))
}
pub fn smp_received(p: &mut Smp, c: &mut Elsewhere, frame: &[u8], now: u64) -> Received {
    p.received(frame, &mut context(c, now, &|_, _| false))
}
pub fn smp_answer(p: &mut Smp, c: &mut Elsewhere, answer: Answer) -> Result<(), NotAsked> {
    p.answer(answer, &mut context(c, 0, &|_, _| false))
}
pub fn smp_encrypted(p: &mut Smp, c: &mut Elsewhere, worth: Option<Level>) {
    p.encrypted(worth, &mut context(c, 0, &|_, _| false));
}
pub fn smp_next(p: &mut Smp) -> Option<Action> {
    p.next_action()
}
pub fn smp_ltk(p: &Smp, ediv: u16, rand: u64) -> Option<Encryption> {
    p.long_term_key(ediv, rand)
}
pub fn smp_keys(p: &Smp) -> Option<&Keys> {
    p.keys()
}
pub fn smp_time(p: &mut Smp, now: u64, level: Level) -> Option<u64> {
    p.require(level);
    p.expire(now);
    p.deadline()
}
pub fn smp_end(p: &mut Smp, now: u64) {
    p.cancel(now);
    p.link_lost();
}
pub fn smp_selftest(c: &mut Elsewhere) -> Result<(), selftest::Mismatch> {
    selftest::run(c)
}
pub fn smp_addresses(c: &mut Elsewhere, irk: &[u8; 16]) -> Result<bool, CryptoError> {
    let address: BdAddr = resolvable_address(c, irk)?;
    resolves(c, irk, &address)
}
pub fn smp_attempts(a: &mut Attempts<16>, peer: &Address, now: u64) -> bool {
    a.failed(peer, now);
    a.forget(peer);
    a.allowed(peer, now)
}

pub fn bredr_request(link: &mut BrEdr, policy: &Policy, level: Level) -> bool {
    let request = link.request(policy, level, AuthRequirements::GENERAL_BONDING, true);
    request == engine::security::Request::Already
}
pub fn bredr_events(link: &mut BrEdr, policy: &Policy, status: Status, octet: u8) -> Level {
    link.authentication_complete(status);
    link.encryption_changed(policy, status, octet);
    link.key_size_read(policy, Some(octet), None);
    link.link_key_wanted(policy, KeyType::from_u8(octet).map(|kind| (kind, octet)));
    link.link_key_made(false, KeyType::Combination, None);
    link.io_capability_wanted(policy);
    link.confirmation_wanted(false);
    link.pin_wanted(policy);
    link.pairing_complete(status);
    link.level()
}
pub fn sco_next(ladder: &mut sco::Ladder, types: u16) -> Option<sco::Setup> {
    ladder.next(types)
}
pub fn sco_accept(setting: u16, types: u16) -> sco::Parameters {
    sco::acceptance(setting, types)
}
pub fn sco_notice(status: Status, air_mode: u8) -> Option<sco::Notice> {
    sco::notice_up(status, air_mode, 0)
}
