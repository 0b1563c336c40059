// SPDX-License-Identifier: GPL-2.0

//! A BR/EDR link, a peer and a controller that say anything in any order: a level is only ever what an encrypted link with a key
//! of known and sufficient size and worth gives.

#![no_main]

use engine::security::{
    AuthRequirements,
    BrEdr,
    Command,
    Confirmation,
    Encrypted,
    IoAnswer,
    KeyType,
    Level,
    NewKey,
    PinAnswer,
    Policy,
    Request, //
};
use libfuzzer_sys::fuzz_target;
use oxtooth_fuzz::Input;
use wire::{
    hci::Status,
    smp::IoCapability, //
};

const KEYS: [KeyType; 9] = [
    KeyType::Combination,
    KeyType::LocalUnit,
    KeyType::RemoteUnit,
    KeyType::DebugCombination,
    KeyType::UnauthenticatedP192,
    KeyType::AuthenticatedP192,
    KeyType::ChangedCombination,
    KeyType::UnauthenticatedP256,
    KeyType::AuthenticatedP256,
];
const LEVELS: [Level; 5] = [
    Level::Sdp,
    Level::Low,
    Level::Medium,
    Level::High,
    Level::Fips,
];

fn status(input: &mut Input<'_>) -> Status {
    Status(input.pick(&[0, 0, 0, 0x05, 0x06, 0x18, 0x29]))
}

/// What the link claims has to be true.
fn check(link: &BrEdr, policy: &Policy) {
    let (encrypted, aes_ccm, size) = link.encryption();
    let level = link.level();
    assert!(!aes_ccm || encrypted);
    if level > Level::Low && encrypted && size > 0 {
        assert!(size >= policy.min_key_size.max(1));
    }
    if level == Level::Fips {
        assert!(encrypted && aes_ccm);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let bits = input.u8();
    let policy = Policy {
        ssp: bits & 1 == 0,
        secure_connections: bits & 2 == 0,
        secure_connections_only: bits & 4 != 0,
        bondable: bits & 8 == 0,
        min_key_size: if bits & 16 == 0 { 7 } else { 16 },
    };
    let own = IoCapability(input.below(5));
    let mut link = BrEdr::new(own);
    link.features(bits & 32 == 0, bits & 64 == 0);
    while !input.is_empty() {
        match input.below(14) {
            0 | 1 => {
                let level = input.pick(&LEVELS);
                let auth = AuthRequirements(input.below(6));
                if link.request(&policy, level, auth, input.bit()) == Request::Already
                    && level >= Level::Medium
                {
                    let (encrypted, _, size) = link.encryption();
                    assert!(encrypted && size >= policy.min_key_size, "{level:?}");
                }
            }
            2 => {
                let status = status(&mut input);
                let verdict = link.authentication_complete(status);
                assert!(status.is_success() || verdict.command.is_none());
            }
            3 => {
                let command = input.pick(&[Command::Authenticate, Command::Encrypt]);
                let verdict = link.command_failed(command, Status(0x0c));
                assert!(verdict.report.is_some());
            }
            4 | 5 => {
                let (status, mode) = (status(&mut input), input.below(4));
                match link.encryption_changed(&policy, status, mode) {
                    // Not to be told to anybody yet.
                    Encrypted::ReadKeySize => assert!(status.is_success() && mode != 0),
                    Encrypted::Report(report) => {
                        assert_eq!(report, status);
                        assert!(link.level() <= Level::Low);
                    }
                    Encrypted::Disconnect(reason) => assert!(!reason.is_success()),
                }
            }
            6 | 7 => {
                let size = input.below(18);
                let stored = input.bit().then(|| input.below(17));
                let size = (size != 17).then_some(size);
                match link.key_size_read(&policy, size, stored) {
                    Encrypted::Report(status) if status.is_success() => {
                        let size = size.unwrap();
                        assert!(size >= policy.min_key_size);
                        assert!(stored.is_none_or(|stored| size >= stored));
                        assert!(link.level() < Level::Fips || size == 16);
                    }
                    Encrypted::Report(_) => assert!(!link.encryption().0),
                    Encrypted::Disconnect(_) => assert!(link.level() <= Level::Low),
                    Encrypted::ReadKeySize => unreachable!(),
                }
            }
            8 => {
                let key = input.pick(&KEYS);
                let pin = input.below(17);
                let stored = input.bit().then_some((key, pin));
                let given = link.link_key_wanted(&policy, stored);
                assert!(!given || stored.is_some());
                if given && policy.secure_connections_only {
                    assert_eq!(key, KeyType::AuthenticatedP256);
                }
            }
            9 => {
                let key = input.pick(&KEYS);
                let zero = input.bit();
                let old = input.bit().then(|| input.pick(&KEYS));
                match link.link_key_made(zero, key, old) {
                    NewKey::Disconnect => assert!(zero),
                    NewKey::Keep {
                        kind, persistent, ..
                    } => {
                        assert!(!zero);
                        assert!(kind != KeyType::DebugCombination || !persistent);
                    }
                }
            }
            10 => {
                let (io, auth) = (input.below(6), input.u8());
                link.io_capability_heard(IoCapability(io), AuthRequirements(auth));
            }
            11 => match link.io_capability_wanted(&policy) {
                IoAnswer::Reply { io, .. } => assert_ne!(io, IoCapability::KEYBOARD_DISPLAY),
                IoAnswer::Refuse => assert!(!policy.bondable),
            },
            12 => {
                let bonded = input.bit();
                if link.confirmation_wanted(bonded) == Confirmation::Accept {
                    // Never without a word where somebody is there to ask and did not start it, nor over an old key.
                    assert!(!bonded);
                    assert!(link.is_authenticating() || own == IoCapability::NO_INPUT_NO_OUTPUT);
                }
                if policy.secure_connections_only {
                    assert_eq!(link.pin_wanted(&policy), PinAnswer::Refuse);
                }
                link.pin_given(input.below(17));
            }
            _ => {
                let status = status(&mut input);
                if let Some(told) = link.pairing_complete(status) {
                    assert!(!told.is_success());
                }
            }
        }
        check(&link, &policy);
    }
});
