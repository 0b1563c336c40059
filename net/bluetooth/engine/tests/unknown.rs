// SPDX-License-Identifier: GPL-2.0

//! Commands that a controller claims to have.

use engine::{
    listing::listed_at,
    unknown::{
        EffectiveCommands,
        Verdict, //
    },
};
use proptest::prelude::*;
use wire::hci::{
    CommandBit,
    Opcode,
    Status, //
};

const ALL: [u8; 64] = [0xff; 64];

/// The controller answered.
fn answer(commands: &mut EffectiveCommands, opcode: Opcode, status: u8) -> Verdict {
    commands.on_answer(opcode, listed_at(opcode), Status(status))
}

#[test]
fn struck_off_and_logged_once() {
    let place = CommandBit::LE_READ_TRANSMIT_POWER;
    let mut commands = EffectiveCommands::new();
    assert!(!commands.has(place));
    commands.set_listed(ALL);
    assert!(commands.has(place));
    let mut answer = |status| answer(&mut commands, Opcode::LE_READ_TRANSMIT_POWER, status);
    assert_eq!(answer(0x00), Verdict::Known);
    assert_eq!(answer(0x0c), Verdict::Known);
    assert_eq!(answer(0x01), Verdict::StruckOff);
    assert_eq!(answer(0x01), Verdict::StruckOffBefore);
    assert!(!commands.has(place));
    assert!(commands.is_unknown(Opcode::LE_READ_TRANSMIT_POWER, Some(place)));
    assert_eq!(commands.effective().0[38], 0x7f);
    assert_eq!(commands.struck_off(), 1);

    // The next power-on lists it again.
    commands.set_listed(ALL);
    assert!(!commands.has(place));

    // Another firmware may know it.
    commands.forget();
    commands.set_listed(ALL);
    assert!(commands.has(place));
}

#[test]
fn a_copy_is_the_same_until_something_is_learnt() {
    let mut commands = EffectiveCommands::new();
    commands.set_listed(ALL);
    let copy = commands.clone();
    commands.set_listed(ALL);
    assert!(commands == copy, "nothing new");
    let _ = answer(&mut commands, Opcode::vendor(1), 0x01);
    assert!(commands != copy, "no place in the list, but known of");

    // As often changed, but not the same.
    let mut other = EffectiveCommands::new();
    other.set_listed([0; 64]);
    assert!(other != copy);
    let mut other = copy.clone();
    let _ = answer(&mut other, Opcode::vendor(2), 0x01);
    assert!(other != commands);
}

#[test]
fn not_listed_is_no_surprise() {
    let mut commands = EffectiveCommands::default();
    let unknown = |commands: &mut EffectiveCommands, opcode| answer(commands, opcode, 0x01);
    // Before the list was read nobody knows better.
    assert_eq!(
        unknown(&mut commands, Opcode::SET_EVENT_MASK),
        Verdict::StruckOff
    );
    commands.set_listed([0; 64]);
    assert_eq!(
        unknown(&mut commands, Opcode::SET_EVENT_FLT),
        Verdict::NotListed
    );
    assert_eq!(commands.struck_off(), 1);
    // What was learnt early holds later.
    commands.set_listed(ALL);
    assert!(!commands.has(CommandBit::SET_EVENT_MASK));
}

#[test]
fn vendor_commands_have_no_place() {
    let mut commands = EffectiveCommands::new();
    let mut unknown = |n| answer(&mut commands, Opcode::vendor(n), 0x01);
    for n in 0..16 {
        assert_eq!(unknown(n), Verdict::StruckOff);
        assert_eq!(unknown(n), Verdict::StruckOffBefore);
    }
    // Bounded: the oldest is forgotten, which costs one more line in the log.
    assert_eq!(unknown(16), Verdict::StruckOff);
    assert_eq!(unknown(0), Verdict::StruckOff);
    assert!(commands.is_unknown(Opcode::vendor(16), None));
    assert!(!commands.is_unknown(Opcode::vendor(1), None));
}

#[test]
fn each_command_has_a_place_of_its_own() {
    let mut places = std::collections::BTreeMap::new();
    for opcode in (0..=u16::MAX).map(Opcode) {
        let Some(bit) = listed_at(opcode) else {
            continue;
        };
        assert!(bit.octet < 64 && bit.bit < 8);
        assert!(opcode.name().is_some() && !opcode.is_vendor());
        let before = places.insert((bit.octet, bit.bit), opcode);
        assert_eq!(before, None, "{opcode} shares a place");
    }
    assert!(places.len() > 150);
    // Some that the specification spells out, from each group.
    for (opcode, octet, bit) in [
        (0x0405, 0, 4),
        (0x0419, 2, 3),
        (0x0803, 4, 2),
        (0x0c03, 5, 7),
        (0x0c52, 17, 1),
        (0x1005, 14, 7),
        (0x1405, 15, 5),
        (0x1804, 19, 5),
        (0x2001, 25, 0),
        (0x204b, 38, 7),
        (0x2060, 41, 5),
    ] {
        assert_eq!(listed_at(Opcode(opcode)), Some(CommandBit { octet, bit }));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_ever_taken_away(
        listed in proptest::collection::vec(any::<u8>(), 64),
        answers in proptest::collection::vec((0x2001u16..0x2080, 0u8..3), 0..100),
    ) {
        let mut commands = EffectiveCommands::new();
        commands.set_listed(listed.try_into().unwrap());
        let mut first = std::collections::BTreeSet::new();
        for (opcode, status) in answers {
            let before = commands.effective().0;
            let opcode = Opcode(opcode);
            let verdict = answer(&mut commands, opcode, status);
            if status != 1 {
                prop_assert_eq!(verdict, Verdict::Known);
            } else if let Some(bit) = listed_at(opcode) {
                prop_assert!(!commands.has(bit) && commands.is_unknown(opcode, Some(bit)));
                prop_assert!(verdict != Verdict::StruckOff || first.insert(opcode));
            }
            for (after, before) in commands.effective().0.iter().zip(before) {
                prop_assert_eq!(after & !before, 0);
            }
        }
        prop_assert!(usize::from(commands.struck_off()) >= first.len());
    }
}
