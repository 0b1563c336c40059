// SPDX-License-Identifier: GPL-2.0

//! Link security: levels, keys, association models of BR/EDR, and attacks on them.

use engine::security::{
    ltk_fits,
    may_replace,
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
    Request,
    Strength, //
};
use proptest::prelude::*;
use wire::{
    hci::Status,
    smp::IoCapability, //
};

const POLICY: Policy = Policy {
    ssp: true,
    secure_connections: true,
    secure_connections_only: false,
    bondable: true,
    min_key_size: 7,
};
const GENERAL: AuthRequirements = AuthRequirements::GENERAL_BONDING;
const AUTHENTICATE: Request = Request::Pending(Some(Command::Authenticate));

fn link() -> BrEdr {
    let mut link = BrEdr::new(IoCapability::DISPLAY_YES_NO);
    link.features(true, true);
    link
}

/// Authenticated with this key and encrypted in this mode with a key of this size.
fn secured(kind: KeyType, pin_len: u8, mode: u8, size: u8) -> (BrEdr, Encrypted) {
    let mut link = link();
    assert_eq!(
        link.request(&POLICY, Level::Medium, GENERAL, true),
        AUTHENTICATE
    );
    assert!(link.link_key_wanted(&POLICY, Some((kind, pin_len))));
    let verdict = link.authentication_complete(Status::SUCCESS);
    assert_eq!(
        (verdict.command, verdict.report),
        (Some(Command::Encrypt), None)
    );
    let encrypted = link.encryption_changed(&POLICY, Status::SUCCESS, mode);
    if encrypted != Encrypted::ReadKeySize {
        return (link, encrypted);
    }
    let encrypted = link.key_size_read(&POLICY, Some(size), None);
    (link, encrypted)
}

#[test]
fn a_level_is_what_the_key_is_worth() {
    for (kind, pin_len, mode, level) in [
        (KeyType::Combination, 4, 1, Level::Medium),
        (KeyType::Combination, 16, 1, Level::High),
        (KeyType::UnauthenticatedP192, 0, 1, Level::Medium),
        (KeyType::AuthenticatedP192, 0, 1, Level::High),
        (KeyType::UnauthenticatedP256, 0, 2, Level::Medium),
        (KeyType::AuthenticatedP256, 0, 2, Level::Fips),
        (KeyType::DebugCombination, 0, 1, Level::Medium),
    ] {
        let (mut link, encrypted) = secured(kind, pin_len, mode, 16);
        assert_eq!(encrypted, Encrypted::Report(Status::SUCCESS), "{kind:?}");
        assert_eq!(link.level(), level, "{kind:?}");
        for wanted in 0..=4 {
            let wanted = Level::from_u8(wanted).unwrap();
            let got = link.clone().request(&POLICY, wanted, GENERAL, true);
            if wanted <= level {
                assert_eq!(got, Request::Already, "{kind:?} {wanted:?}");
            } else {
                // What the key cannot give takes a new pairing.
                assert_eq!(got, AUTHENTICATE, "{kind:?} {wanted:?}");
            }
        }
        assert_eq!(
            link.request(&POLICY, Level::Sdp, GENERAL, true),
            Request::Already
        );
    }
}

#[test]
fn what_needs_nothing() {
    let mut link = link();
    assert_eq!(
        link.request(&POLICY, Level::Sdp, GENERAL, true),
        Request::Already
    );
    // Low means encryption among hosts of 2.1 and later, nothing among older ones.
    assert_eq!(
        link.request(&POLICY, Level::Low, GENERAL, true),
        AUTHENTICATE
    );
    let mut old = BrEdr::new(IoCapability::DISPLAY_YES_NO);
    assert_eq!(
        old.request(&POLICY, Level::Low, GENERAL, true),
        Request::Already
    );
}

#[test]
fn requests_while_one_is_under_way() {
    let mut link = link();
    assert_eq!(
        link.request(&POLICY, Level::Medium, GENERAL, true),
        AUTHENTICATE
    );
    assert_eq!(
        link.request(&POLICY, Level::High, GENERAL, true),
        Request::Pending(None)
    );
    assert_eq!(link.wanted(), Level::High);
    let verdict = link.authentication_complete(Status::AUTH_FAILURE);
    assert_eq!(verdict.report, Some(Status::AUTH_FAILURE));
    assert_eq!(verdict.failed, Some(Status::AUTH_FAILURE));
    assert_eq!(link.level(), Level::Low);
    assert_eq!(
        link.request(&POLICY, Level::Medium, GENERAL, true),
        AUTHENTICATE
    );
    assert_eq!(
        link.command_failed(Command::Authenticate, Status::UNKNOWN_CONNECTION)
            .report,
        Some(Status::UNKNOWN_CONNECTION)
    );
}

/// KNOB (CVE-2019-9506) and BLUFFS (CVE-2023-24023): short keys, in either role.
#[test]
fn short_encryption_keys() {
    for size in 0..7 {
        let (link, encrypted) = secured(KeyType::UnauthenticatedP192, 0, 1, size);
        assert_eq!(encrypted, Encrypted::Disconnect(Status::AUTH_FAILURE));
        assert_eq!(
            (link.level(), link.encryption()),
            (Level::Low, (false, false, 0))
        );
    }
    // Encryption that the peer started, whose size cannot be read.
    let mut peers = link();
    assert_eq!(
        peers.encryption_changed(&POLICY, Status::SUCCESS, 1),
        Encrypted::ReadKeySize
    );
    assert_eq!(
        peers.request(&POLICY, Level::Low, GENERAL, true),
        Request::Pending(None),
        "not before the size is known"
    );
    assert!(peers.reads_key_size());
    assert_eq!(
        peers.key_size_read(&POLICY, None, None),
        Encrypted::Disconnect(Status::AUTH_FAILURE)
    );
    // Shorter than it was.
    let mut link = link_encrypted();
    assert_eq!(
        link.key_size_read(&POLICY, Some(9), Some(16)),
        Encrypted::Disconnect(Status::AUTH_FAILURE)
    );
    assert!(!link.reads_key_size(), "without encryption there is none");
    // The user wants more than the specification.
    let policy = Policy {
        min_key_size: 16,
        ..POLICY
    };
    let mut link = link_encrypted();
    assert_eq!(
        link.key_size_read(&policy, Some(15), None),
        Encrypted::Disconnect(Status::AUTH_FAILURE)
    );
}

fn link_encrypted() -> BrEdr {
    let mut link = link();
    assert!(link.link_key_wanted(&POLICY, Some((KeyType::AuthenticatedP256, 0))));
    assert_eq!(
        link.encryption_changed(&POLICY, Status::SUCCESS, 2),
        Encrypted::ReadKeySize
    );
    link
}

#[test]
fn nothing_counts_before_the_key_size_is_known() {
    let mut link = link_encrypted();
    assert_eq!(link.level(), Level::Low);
    assert_eq!(
        link.request(&POLICY, Level::Medium, GENERAL, true),
        Request::Pending(None)
    );
    assert_eq!(
        link.key_size_read(&POLICY, Some(16), None),
        Encrypted::Report(Status::SUCCESS)
    );
    assert_eq!(
        link.request(&POLICY, Level::Fips, GENERAL, true),
        Request::Already
    );
    // A session key made anew is measured anew.
    assert!(link.key_refreshed(Status::SUCCESS));
    assert_eq!(
        link.request(&POLICY, Level::Medium, GENERAL, true),
        Request::Pending(None)
    );
    // A short one does for level 3, not for level 4.
    assert_eq!(
        link.key_size_read(&POLICY, Some(12), None),
        Encrypted::Report(Status::SUCCESS)
    );
    assert_eq!(link.level(), Level::High);
    assert_eq!(
        link.request(&POLICY, Level::Fips, GENERAL, true),
        Request::Never
    );
}

/// BIAS (CVE-2020-10135): a peer bonded with Secure Connections pretends to know only the old encryption.
#[test]
fn downgraded_encryption() {
    for kind in [KeyType::UnauthenticatedP256, KeyType::AuthenticatedP256] {
        let (link, encrypted) = secured(kind, 0, 1, 16);
        assert_eq!(encrypted, Encrypted::Disconnect(Status::AUTH_FAILURE));
        assert_eq!(link.level(), Level::Low);
    }
}

#[test]
fn encryption_switched_off() {
    let (mut link, _) = secured(KeyType::AuthenticatedP192, 0, 1, 16);
    assert_eq!(
        link.encryption_changed(&POLICY, Status::SUCCESS, 0),
        Encrypted::Disconnect(Status::AUTH_FAILURE)
    );
    assert_eq!(link.level(), Level::Low);
}

#[test]
fn secure_connections_only() {
    let policy = Policy {
        secure_connections_only: true,
        ..POLICY
    };
    for (kind, usable) in [
        (KeyType::Combination, false),
        (KeyType::AuthenticatedP192, false),
        (KeyType::UnauthenticatedP256, false),
        (KeyType::AuthenticatedP256, true),
    ] {
        assert_eq!(link().link_key_wanted(&policy, Some((kind, 16))), usable);
        let mut link = link();
        link.link_key_made(false, kind, None);
        let encrypted = link.encryption_changed(&policy, Status::SUCCESS, 2);
        assert_eq!(encrypted == Encrypted::ReadKeySize, usable);
    }
    assert_eq!(link().pin_wanted(&policy), PinAnswer::Refuse);
}

/// CVE-2020-26555: the peer claims our address, and the key of both comes out as zero.
#[test]
fn zero_link_key() {
    assert_eq!(
        link().link_key_made(true, KeyType::Combination, None),
        NewKey::Disconnect
    );
}

#[test]
fn keys_that_are_not_good_enough_are_not_used() {
    for (kind, pin_len, high) in [
        (KeyType::UnauthenticatedP192, 0, false),
        (KeyType::UnauthenticatedP256, 0, false),
        (KeyType::Combination, 15, false),
        (KeyType::Combination, 16, true),
        (KeyType::AuthenticatedP192, 0, true),
    ] {
        let mut link = link();
        link.request(&POLICY, Level::High, GENERAL, true);
        assert_eq!(link.link_key_wanted(&POLICY, Some((kind, pin_len))), high);
        let mut link = BrEdr::new(IoCapability::NO_INPUT_NO_OUTPUT);
        link.request(&POLICY, Level::Medium, GENERAL, true);
        assert!(link.link_key_wanted(&POLICY, Some((kind, pin_len))));
    }
    assert!(!link().link_key_wanted(&POLICY, None));
}

#[test]
fn changed_keys_keep_their_type() {
    let mut link = link();
    let changed = KeyType::ChangedCombination;
    let NewKey::Keep { kind, .. } =
        link.link_key_made(false, changed, Some(KeyType::AuthenticatedP192))
    else {
        panic!()
    };
    assert_eq!(kind, KeyType::AuthenticatedP192);
    let NewKey::Keep { kind, .. } = BrEdr::new(IoCapability(3)).link_key_made(false, changed, None)
    else {
        panic!()
    };
    assert_eq!(kind, KeyType::Combination);
}

#[test]
fn which_keys_are_kept() {
    for own in 0..6u8 {
        for peer in 0..6u8 {
            let mut link = link();
            link.request(&POLICY, Level::Medium, AuthRequirements(own & !1), true);
            link.io_capability_heard(IoCapability(3), AuthRequirements(peer));
            let NewKey::Keep { persistent, .. } =
                link.link_key_made(false, KeyType::UnauthenticatedP256, None)
            else {
                panic!()
            };
            let (own, peer) = (own & !1, peer & !1);
            assert_eq!(
                persistent,
                own == 2 || peer == 2 || (own > 0 && peer > 0),
                "own {own} peer {peer}"
            );
        }
    }
    let kept = |kind| match link().link_key_made(false, kind, None) {
        NewKey::Keep { persistent, .. } => persistent,
        NewKey::Disconnect => panic!(),
    };
    assert!(kept(KeyType::Combination) && !kept(KeyType::DebugCombination));
}

#[test]
fn io_capabilities() {
    // As initiator: protection if this device can give it.
    let mut link = link();
    link.set_io(IoCapability::KEYBOARD_DISPLAY);
    link.request(&POLICY, Level::Medium, GENERAL, true);
    assert_eq!(
        link.io_capability_wanted(&POLICY),
        IoAnswer::Reply {
            io: IoCapability::DISPLAY_YES_NO,
            auth: AuthRequirements(0x05)
        }
    );
    // As responder: what the peer wants, with protection if both can give it.
    for (own, peer, asked, answer) in [
        (1, 1, 0x02, 0x03),
        (3, 1, 0x05, 0x04),
        (1, 3, 0x05, 0x04),
        (1, 1, 0x00, 0x00),
        (1, 1, 0x01, 0x01),
    ] {
        let mut link = BrEdr::new(IoCapability(own));
        link.io_capability_heard(IoCapability(peer), AuthRequirements(asked));
        let IoAnswer::Reply { auth, .. } = link.io_capability_wanted(&POLICY) else {
            panic!()
        };
        assert_eq!(auth.0, answer, "own {own} peer {peer} asked {asked}");
    }
}

#[test]
fn not_bondable() {
    let policy = Policy {
        bondable: false,
        ..POLICY
    };
    let mut link = link();
    link.io_capability_heard(IoCapability(1), AuthRequirements(0x04));
    assert_eq!(link.io_capability_wanted(&policy), IoAnswer::Refuse);
    assert_eq!(link.pin_wanted(&policy), PinAnswer::Refuse);
    // The peer does not want to bond.
    link.io_capability_heard(IoCapability(1), AuthRequirements(0x01));
    assert_eq!(
        link.io_capability_wanted(&policy),
        IoAnswer::Reply {
            io: IoCapability(1),
            auth: AuthRequirements(0x01)
        }
    );
    // This side wants to pair.
    let mut link = BrEdr::new(IoCapability(1));
    link.request(&policy, Level::Medium, GENERAL, true);
    link.features(true, true);
    link.request(&policy, Level::Medium, GENERAL, true);
    assert_eq!(link.pin_wanted(&policy), PinAnswer::Ask { secure: false });
}

/// CVE-2024-53144: Just Works of a peer's making is not accepted without asking.
#[test]
fn confirmation() {
    let ask = |own, own_auth, peer, peer_auth, here: bool, bonded| {
        let mut link = BrEdr::new(IoCapability(own));
        link.features(true, true);
        if here {
            link.request(&POLICY, Level::Medium, AuthRequirements(own_auth), true);
        }
        link.io_capability_heard(IoCapability(peer), AuthRequirements(peer_auth));
        link.confirmation_wanted(bonded)
    };
    // Compare.
    assert_eq!(
        ask(1, 0x05, 1, 0x05, true, false),
        Confirmation::Ask { hint: false }
    );
    // Just Works that the peer began.
    assert_eq!(
        ask(1, 0x04, 3, 0x04, false, false),
        Confirmation::Ask { hint: true }
    );
    // One that this side began, and the same with a key to lose.
    assert_eq!(ask(1, 0x04, 3, 0x04, true, false), Confirmation::Accept);
    assert_eq!(
        ask(1, 0x04, 3, 0x04, true, true),
        Confirmation::Ask { hint: true }
    );
    // Nobody to ask.
    assert_eq!(ask(3, 0x04, 3, 0x04, false, false), Confirmation::Accept);
    assert_eq!(
        ask(3, 0x04, 3, 0x04, false, true),
        Confirmation::Ask { hint: true }
    );
    // Protection is needed, the peer cannot give it.
    let mut link = link();
    link.request(&POLICY, Level::High, GENERAL, true);
    link.io_capability_heard(IoCapability(3), AuthRequirements(0x04));
    assert_eq!(link.confirmation_wanted(false), Confirmation::Refuse);
}

/// CVE-2024-27416: the IO Capability Request comes before the peer's features.
#[test]
fn io_capability_before_the_features() {
    let mut link = BrEdr::new(IoCapability(1));
    assert!(!link.peer_ssp());
    link.io_capability_wanted(&POLICY);
    assert!(link.peer_ssp());
    assert_eq!(
        link.encryption_changed(&POLICY, Status::SUCCESS, 0),
        Encrypted::Disconnect(Status::AUTH_FAILURE)
    );
}

#[test]
fn pairing_failures_are_told_once() {
    let mut link = link();
    assert_eq!(
        link.pairing_complete(Status::AUTH_FAILURE),
        Some(Status::AUTH_FAILURE)
    );
    link.request(&POLICY, Level::Medium, GENERAL, true);
    assert_eq!(link.pairing_complete(Status::AUTH_FAILURE), None);
    assert!(link
        .authentication_complete(Status::AUTH_FAILURE)
        .failed
        .is_some());
}

/// BLURtooth (CVE-2020-15802): a derived key replaces none that is better.
#[test]
fn derived_keys_replace_no_better_ones() {
    let levels = [
        None,
        Some(Level::Medium),
        Some(Level::High),
        Some(Level::Fips),
    ];
    for (o, old) in levels.into_iter().enumerate() {
        for (d, derived) in levels.into_iter().enumerate() {
            for (old_size, size) in [(16, 16), (7, 16), (16, 7)] {
                let old = Strength {
                    level: old,
                    size: old_size,
                };
                let derived = Strength {
                    level: derived,
                    size,
                };
                assert_eq!(may_replace(old, derived), d >= o && size >= old_size);
            }
        }
    }
}

#[test]
fn long_term_keys_by_name() {
    assert!(ltk_fits(true, false, (0, 0), (0, 0)));
    assert!(!ltk_fits(true, false, (0, 0), (1, 0)));
    assert!(!ltk_fits(true, false, (0, 0), (0, 1)));
    assert!(ltk_fits(false, true, (5, 6), (5, 6)));
    assert!(!ltk_fits(false, true, (5, 6), (0, 0)));
    assert!(!ltk_fits(false, false, (5, 6), (5, 6)), "the peer's key");
}

#[derive(Clone, Debug)]
enum Event {
    Request(u8, u8, bool),
    Authenticated(bool),
    Changed(bool, u8),
    Size(Option<u8>),
    Key(u8, u8),
    Made(u8),
    Heard(u8, u8),
    Wanted,
    Complete(bool),
    Features(bool, bool),
    Refreshed(bool),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0u8..5, 0u8..6, any::<bool>()).prop_map(|(l, a, h)| Event::Request(l, a, h)),
        any::<bool>().prop_map(Event::Authenticated),
        (any::<bool>(), 0u8..3).prop_map(|(ok, mode)| Event::Changed(ok, mode)),
        proptest::option::of(0u8..20).prop_map(Event::Size),
        (0u8..9, 0u8..17).prop_map(|(kind, len)| Event::Key(kind, len)),
        (0u8..9).prop_map(Event::Made),
        (0u8..5, 0u8..6).prop_map(|(io, auth)| Event::Heard(io, auth)),
        Just(Event::Wanted),
        any::<bool>().prop_map(Event::Complete),
        (any::<bool>(), any::<bool>()).prop_map(|(a, b)| Event::Features(a, b)),
        any::<bool>().prop_map(Event::Refreshed),
    ]
}

proptest! {
    /// Whatever the controller says in whatever order.
    #[test]
    fn no_level_without_encryption_and_a_key_of_some_length(
        events in proptest::collection::vec(event(), 0..60),
        only in any::<bool>(),
    ) {
        let policy = Policy { secure_connections_only: only, ..POLICY };
        let status = |ok: bool| if ok { Status::SUCCESS } else { Status::AUTH_FAILURE };
        let mut link = BrEdr::new(IoCapability(1));
        for event in events {
            match event {
                Event::Request(level, auth, here) => {
                    let level = Level::from_u8(level).unwrap();
                    let got = link.request(&policy, level, AuthRequirements(auth), here);
                    if got == Request::Already && level >= Level::Medium {
                        let (encrypted, _, size) = link.encryption();
                        prop_assert!(encrypted && size >= 7 && link.is_authenticated());
                    }
                }
                Event::Authenticated(ok) => { link.authentication_complete(status(ok)); }
                Event::Changed(ok, mode) => { link.encryption_changed(&policy, status(ok), mode); }
                Event::Size(size) => { link.key_size_read(&policy, size, None); }
                Event::Key(kind, len) => {
                    link.link_key_wanted(&policy, KeyType::from_u8(kind).map(|kind| (kind, len)));
                }
                Event::Made(kind) => {
                    link.link_key_made(false, KeyType::from_u8(kind).unwrap(), None);
                }
                Event::Heard(io, auth) => {
                    link.io_capability_heard(IoCapability(io), AuthRequirements(auth));
                }
                Event::Wanted => {
                    link.io_capability_wanted(&policy);
                    link.confirmation_wanted(false);
                    link.pin_wanted(&policy);
                }
                Event::Complete(ok) => { link.pairing_complete(status(ok)); }
                Event::Features(ssp, sc) => link.features(ssp, sc),
                Event::Refreshed(ok) => { link.key_refreshed(status(ok)); }
            }
            let (encrypted, _, _) = link.encryption();
            prop_assert!(encrypted || link.level() <= Level::Low);
        }
    }
}

/// A new key on an encrypted link is worth nothing before encryption uses it and its size is known: a peer must not get to
/// level 4 with the old encryption, nor to any level with a key that is too short.
#[test]
fn a_new_key_alone_raises_nothing() {
    let mut link = link();
    assert_eq!(
        link.encryption_changed(&POLICY, Status::SUCCESS, 1),
        Encrypted::ReadKeySize
    );
    link.link_key_made(false, KeyType::AuthenticatedP256, None);
    link.authentication_complete(Status::SUCCESS);
    assert_eq!(link.level(), Level::Low, "the size is not known");
    link.key_size_read(&POLICY, Some(16), None);
    assert_eq!(link.level(), Level::High, "not AES-CCM");
    assert_eq!(
        link.request(&POLICY, Level::Fips, GENERAL, true),
        Request::Never
    );
    link.authentication_complete(Status::SUCCESS);
    assert_eq!(link.level(), Level::High);
    assert_eq!(
        link.encryption_changed(&POLICY, Status::SUCCESS, 2),
        Encrypted::ReadKeySize
    );
    link.key_size_read(&POLICY, Some(16), None);
    assert_eq!(link.level(), Level::Fips);
}

/// LE keys are derived from a key once, and it is the central that begins, whoever that is by then.
#[test]
fn who_begins_to_derive_le_keys() {
    let made = |link: &mut BrEdr| link.link_key_made(false, KeyType::AuthenticatedP256, None);
    let mut link = link();
    assert!(!link.begins_derivation(true), "there is no key");
    made(&mut link);
    assert!(link.begins_derivation(true));
    assert!(!link.begins_derivation(false), "the peripheral waits");
    link.derivation_begun();
    assert!(!link.begins_derivation(true), "not twice");
    made(&mut link);
    assert!(link.begins_derivation(true));
    link.link_key_wanted(&POLICY, Some((KeyType::AuthenticatedP256, 0)));
    assert!(!link.begins_derivation(true), "a key that was kept");
}
