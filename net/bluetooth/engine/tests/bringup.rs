// SPDX-License-Identifier: GPL-2.0

//! Event masks and defaults, against what traces of the C stack show for controllers with the same features.

use engine::{
    bringup::{
        self,
        Abilities, //
    },
    listing::listed_at, //
};
use wire::hci::{
    event_mask::{
        EventMask,
        EventMask2, //
    },
    features::{
        LeFeatures,
        LmpFeatures,
        LmpPage, //
    },
    le::{
        ConnIntervalGroup,
        Phys, //
    },
    CommandBit,
    Opcode,
    SupportedCommands, //
};

/// Features of a common dual-mode adapter.
const DUAL: [u8; 8] = [0xbf, 0xfe, 0x0f, 0xfe, 0xdb, 0xff, 0x7b, 0x87];
/// LE supported, BR/EDR not supported.
const LE_ONLY: [u8; 8] = [0, 0, 0, 0, 0x60, 0, 0, 0];

struct Controller {
    version: u8,
    commands: SupportedCommands,
    lmp: LmpFeatures,
    le: LeFeatures,
}

impl Controller {
    fn new(page0: [u8; 8], le: [u8; 8]) -> Self {
        let mut lmp = LmpFeatures::default();
        lmp.set_page(0, LmpPage(page0));
        Self {
            version: 9,
            commands: SupportedCommands::default(),
            lmp,
            le: LeFeatures::from_page0(le),
        }
    }

    fn knows(mut self, commands: &[CommandBit]) -> Self {
        for command in commands {
            self.commands.set(*command, true);
        }
        self
    }

    fn abilities(&self) -> Abilities<'_> {
        Abilities {
            hci_version: self.version,
            commands: &self.commands,
            lmp: &self.lmp,
            le: &self.le,
        }
    }
}

#[test]
fn event_mask_of_a_dual_mode_adapter() {
    let controller = Controller::new(DUAL, [0; 8]);
    let mask = bringup::event_mask(&controller.abilities(), false, false);
    assert_eq!(mask.map(EventMask::bits), Some(0x3dbf_f807_fffb_ffff));
}

#[test]
fn suspended_links_do_not_wake_the_system() {
    let controller = Controller::new(DUAL, [0; 8]);
    let mask = bringup::event_mask(&controller.abilities(), false, true);
    assert_eq!(mask.map(EventMask::bits), Some(0x3dbf_f807_fff3_ffef));
}

#[test]
fn no_event_mask_before_version_1_2() {
    let mut controller = Controller::new(DUAL, [0; 8]);
    controller.version = 1;
    assert_eq!(
        bringup::event_mask(&controller.abilities(), false, false),
        None
    );
}

#[test]
fn rssi_results_can_be_had_without_the_feature() {
    let controller = Controller::new([0; 8], [0; 8]);
    let without = bringup::event_mask(&controller.abilities(), false, false).unwrap();
    let with = bringup::event_mask(&controller.abilities(), true, false).unwrap();
    assert_eq!(without.bits(), 0x1_fffb_ffff);
    assert_eq!(with, without | EventMask::INQUIRY_RESULT_WITH_RSSI);
}

#[test]
fn event_mask_of_an_le_only_controller() {
    let bare = Controller::new(LE_ONLY, [0; 8]);
    let mask = bringup::event_mask(&bare.abilities(), false, false);
    assert_eq!(mask.map(EventMask::bits), Some(0x2000_0000_0000_e000));

    let full = Controller::new(LE_ONLY, [0x01, 0, 0, 0, 0, 0, 0, 0])
        .knows(&[CommandBit::DISCONNECT, CommandBit::READ_REMOTE_VERSION]);
    let mask = bringup::event_mask(&full.abilities(), false, false);
    assert_eq!(mask.map(EventMask::bits), Some(0x2000_8000_0204_e890));
    // Credits and overflows are wanted while suspended, too.
    let mask = bringup::event_mask(&full.abilities(), false, true);
    assert_eq!(mask.map(EventMask::bits), Some(0x2000_8000_0204_e880));
}

#[test]
fn second_event_mask_only_if_it_says_something() {
    let page2 = [CommandBit::SET_EVENT_MASK_PAGE_2];
    let nothing = Controller::new(DUAL, [0; 8]).knows(&page2);
    assert_eq!(bringup::event_mask_page_2(&nothing.abilities()), None);

    let ping = Controller::new(DUAL, [0x10, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(bringup::event_mask_page_2(&ping.abilities()), None);
    let ping = ping.knows(&page2);
    assert_eq!(
        bringup::event_mask_page_2(&ping.abilities()).map(EventMask2::bits),
        Some(0x80_0000)
    );

    let mut all = Controller::new(DUAL, [0; 8]).knows(&page2);
    all.lmp.set_page(2, LmpPage([0x0f, 0x02, 0, 0, 0, 0, 0, 0]));
    assert_eq!(
        bringup::event_mask_page_2(&all.abilities()).map(EventMask2::bits),
        Some(0xbf_c000)
    );
}

#[test]
fn le_event_mask_by_features_and_commands() {
    let bare = Controller::new(LE_ONLY, [0; 8]);
    assert!(bringup::le_event_mask(&bare.abilities(), false, false).is_empty());

    // A 4.0 controller: encryption and the commands of its time.
    let old = Controller::new(DUAL, [0x01, 0, 0, 0, 0, 0, 0, 0]).knows(&[
        CommandBit::LE_SET_SCAN_ENABLE,
        CommandBit::LE_CREATE_CONNECTION,
        CommandBit::LE_CONNECTION_UPDATE,
        CommandBit::LE_READ_REMOTE_FEATURES,
    ]);
    let mask = bringup::le_event_mask(&old.abilities(), false, false);
    assert_eq!(mask.bits(), 0x1f);

    // Everything there is.
    let mut new = Controller::new(DUAL, [0xff; 8]).knows(&[
        CommandBit::LE_SET_SCAN_ENABLE,
        CommandBit::LE_CREATE_CONNECTION,
        CommandBit::LE_CONNECTION_UPDATE,
        CommandBit::LE_READ_REMOTE_FEATURES,
        CommandBit::LE_READ_LOCAL_P256_KEY,
        CommandBit::LE_GENERATE_DHKEY,
        CommandBit::LE_SET_PHY,
    ]);
    new.le = LeFeatures([0xff; 248]);
    let mask = bringup::le_event_mask(&new.abilities(), true, true);
    assert_eq!(mask.bits(), 0x0047_fc02_3f8a_ffff);
}

#[test]
fn packet_types_and_policy_of_a_dual_mode_adapter() {
    let controller = Controller::new(DUAL, [0; 8]);
    assert_eq!(bringup::packet_types(&controller.lmp), (0xccc0, 0x03fe));
    assert_eq!(bringup::default_link_policy(&controller.lmp).bits(), 0x0005);
    assert_eq!(bringup::inquiry_mode(&controller.lmp), 2);
}

#[test]
fn coded_phy_only_where_it_works() {
    let le = LeFeatures::from_page0([0, 0x09, 0, 0, 0, 0, 0, 0]);
    assert_eq!(
        bringup::default_phys(&le, true),
        Phys::LE_1M | Phys::LE_2M | Phys::LE_CODED
    );
    assert_eq!(bringup::default_phys(&le, false), Phys::LE_1M | Phys::LE_2M);
    assert_eq!(
        bringup::default_phys(&LeFeatures::default(), true),
        Phys::LE_1M
    );
}

#[test]
fn default_rate_keeps_to_the_shortest_interval() {
    let group = |min: u16| ConnIntervalGroup {
        min: min.into(),
        max: 0x7d00.into(),
        stride: 1.into(),
    };
    let range = |groups: &[ConnIntervalGroup]| {
        let rate = bringup::default_rate(groups);
        (rate.interval_min.get(), rate.interval_max.get())
    };
    assert_eq!(range(&[]), (0x0a, 0x78));
    assert_eq!(range(&[group(0x03)]), (0x0a, 0x78));
    assert_eq!(range(&[group(0x40), group(0x14)]), (0x14, 0x78));
    assert_eq!(range(&[group(0x100)]), (0x100, 0x100));
}

#[test]
fn places_in_the_list_of_commands() {
    assert_eq!(
        listed_at(Opcode::LE_SET_RPA_TIMEOUT),
        Some(CommandBit::LE_SET_RPA_TIMEOUT)
    );
    assert_eq!(
        listed_at(Opcode::WRITE_SC_SUPPORT),
        Some(CommandBit::WRITE_SC_HOST_SUPPORT)
    );
    assert_eq!(listed_at(Opcode::vendor(1)), None);
    assert_eq!(listed_at(Opcode::NOP), None);
}
