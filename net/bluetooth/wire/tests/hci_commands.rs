// SPDX-License-Identifier: GPL-2.0

//! Commands: the bytes they send, replies with lists, packets, bit fields.

use proptest::prelude::*;
use wire::{
    hci::{
        event_mask::EventMask,
        features::{
            LeFeatures,
            LmpFeatures,
            LmpPage, //
        },
        host_control::{
            ScanEnable,
            SetEventFilter,
            WriteCurrentIacLap,
            WriteScanEnable, //
        },
        info_params::{
            ReadLocalCodecCapabilities,
            ReadLocalCodecs, //
        },
        le::Phys,
        le_adv::{
            LeSetExtAdvData,
            LeSetExtScanParams,
            ScanPhyParams, //
        },
        link_control,
        packet::{
            AclHeader,
            AclPacket,
            CommandPacket,
            EventPacket,
            IsoHeader,
            IsoPacket,
            PacketType,
            ScoPacket, //
        },
        parse_reply,
        Command,
        CommandBit,
        LeAddrType,
        Opcode,
        Request,
        Status,
        SupportedCommands,
        U24, //
    },
    AddressType,
    BdAddr, //
};
use zerocopy::{
    little_endian::U16,
    FromZeros,
    IntoBytes, //
};

wire::command! {
    /// A vendor's command, declared outside of the crate.
    struct Frobnicate(Opcode::vendor(0x001)) { pub handle: wire::hci::ConnHandle, pub how: u8 } => u8;
}

#[test]
fn opcodes() {
    assert_eq!(Opcode::RESET.0, 0x0c03);
    assert_eq!((Opcode::RESET.ogf(), Opcode::RESET.ocf()), (0x03, 0x003));
    assert_eq!(Opcode::new(0x08, 0x001), Opcode::LE_SET_EVENT_MASK);
    assert_eq!(Frobnicate::OPCODE.0, 0xfc01);
    assert!(Frobnicate::OPCODE.is_vendor());
    assert_eq!(Opcode::LE_SET_EVENT_MASK.name(), Some("LE_SET_EVENT_MASK"));
    assert_eq!(Opcode::vendor(1).name(), None);
}

#[test]
fn parameters() {
    assert_eq!(
        WriteScanEnable {
            scan: ScanEnable::PAGE | ScanEnable::INQUIRY
        }
        .params(),
        [0x03]
    );
    let filter = SetEventFilter {
        filter_type: 2,
        condition_type: 2,
        bdaddr: BdAddr([1, 2, 3, 4, 5, 6]),
        auto_accept: 1,
    };
    assert_eq!(filter.params(), [2, 2, 1, 2, 3, 4, 5, 6, 1]);
    let laps = WriteCurrentIacLap {
        num_iac: 2,
        iac_lap: [link_control::LIAC, link_control::GIAC],
    };
    assert_eq!(laps.params(), [2, 0x00, 0x8b, 0x9e, 0x33, 0x8b, 0x9e]);
    let laps = WriteCurrentIacLap { num_iac: 1, ..laps };
    assert_eq!(laps.params(), [1, 0x00, 0x8b, 0x9e]);
    // A count beyond the array sends the array, never more.
    let laps = WriteCurrentIacLap {
        num_iac: 200,
        ..laps
    };
    assert_eq!(laps.params().len(), 7);
}

#[test]
fn lists_send_what_is_used() {
    let mut data = LeSetExtAdvData::new_zeroed();
    data.handle = 1;
    data.operation = 3;
    data.fragment_preference = 1;
    data.length = 3;
    data.data[..3].copy_from_slice(&[2, 1, 6]);
    assert_eq!(data.params(), [1, 3, 1, 3, 2, 1, 6]);

    let scan = LeSetExtScanParams {
        own_addr_type: LeAddrType::RANDOM,
        filter_policy: 0,
        phys: Phys::LE_1M | Phys::LE_CODED,
        params: [ScanPhyParams {
            scan_type: 1,
            interval: U16::new(0x60),
            window: U16::new(0x30),
        }; 3],
    };
    assert_eq!(
        scan.params(),
        [1, 0, 5, 1, 0x60, 0, 0x30, 0, 1, 0x60, 0, 0x30, 0]
    );
}

#[test]
fn replies() {
    assert_eq!(parse_reply::<Frobnicate>(&[0, 7]), Ok(Ok(7)));
    assert_eq!(parse_reply::<Frobnicate>(&[0, 7, 8, 9]), Ok(Ok(7)));
    assert_eq!(
        parse_reply::<Frobnicate>(&[0x11]),
        Ok(Err(Status::UNSUPPORTED))
    );
    assert!(parse_reply::<Frobnicate>(&[0]).is_err());
    assert!(parse_reply::<Frobnicate>(&[]).is_err());
}

#[test]
fn codecs() {
    // Two standard codecs, one vendor's.
    let codecs = parse_reply::<ReadLocalCodecs>(&[0, 2, 2, 5, 1, 0x0f, 0x00, 0x34, 0x12])
        .unwrap()
        .unwrap();
    assert_eq!(codecs.standard.as_slice(), [2, 5]);
    assert_eq!(codecs.vendor.as_slice()[0].codec.get(), 0x1234);
    // The same, each cut somewhere.
    for len in 1..9 {
        let cut = [0, 2, 2, 5, 1, 0x0f, 0x00, 0x34, 0x12];
        assert!(parse_reply::<ReadLocalCodecs>(&cut[..len]).is_err());
    }

    let capabilities = parse_reply::<ReadLocalCodecCapabilities>(&[0, 2, 1, 0xaa, 0, 0x55])
        .unwrap()
        .unwrap();
    let list: Vec<_> = capabilities.iter().collect();
    assert_eq!(list, [&[0xaa][..], &[][..]]);
    // CVE-2026-74300: the length equals what is left, its own octet not counted.
    assert!(parse_reply::<ReadLocalCodecCapabilities>(&[0, 1, 2, 0xaa]).is_err());
}

#[test]
fn packets() {
    assert_eq!(PacketType::from_u8(0x04), Some(PacketType::Event));
    assert_eq!(PacketType::from_u8(0x06), None);
    assert_eq!(PacketType::Drv.to_u8(), 0xf1);

    let acl = AclPacket::parse(&[0x2a, 0x20, 0x02, 0x00, 1, 2]).unwrap();
    assert_eq!(
        (acl.header.handle(), acl.header.flags(), acl.data),
        (0x2a, 2, &[1, 2][..])
    );
    assert_eq!(
        AclHeader::new(0x2a, 2, 2).as_bytes(),
        [0x2a, 0x20, 0x02, 0x00]
    );
    // CVE-2024-56590: shorter than the header; and both kinds of disagreement.
    for len in 0..4 {
        assert!(AclPacket::parse(&[0x2a, 0x20, 0x02, 0x00][..len]).is_err());
    }
    assert!(AclPacket::parse(&[0x2a, 0x20, 0x02, 0x00, 1]).is_err());
    assert!(AclPacket::parse(&[0x2a, 0x20, 0x02, 0x00, 1, 2, 3]).is_err());

    let sco = ScoPacket::parse(&[0x01, 0x30, 0x01, 9]).unwrap();
    assert_eq!((sco.header.handle(), sco.header.packet_status()), (1, 3));
    let iso = IsoPacket::parse(&[0x60, 0x60, 0x01, 0x00, 7]).unwrap();
    assert_eq!(iso.header.handle(), 0x60);
    assert_eq!(iso.header.boundary(), 2);
    assert!(iso.header.has_time_stamp());
    assert_eq!(
        IsoHeader::new(0x60, 2, true, 1).as_bytes(),
        [0x60, 0x60, 0x01, 0x00]
    );
    let command = CommandPacket::parse(&[0x03, 0x0c, 0x00]).unwrap();
    assert_eq!(command.header.opcode.get(), Opcode::RESET);
    assert!(CommandPacket::parse(&[0x03, 0x0c]).is_err());
    assert!(EventPacket::parse(&[0x0e, 0x01]).is_err());
}

#[test]
fn supported_commands() {
    let mut commands = SupportedCommands::default();
    assert!(!commands.supports(CommandBit::LE_SET_EXT_SCAN_PARAMS));
    commands.0[37] = 0x20;
    assert!(commands.supports(CommandBit::LE_SET_EXT_SCAN_PARAMS));
    assert!(!commands.supports(CommandBit::LE_SET_EXT_SCAN_ENABLE));
    commands.set(CommandBit::LE_SET_EXT_SCAN_PARAMS, false);
    assert_eq!(commands, SupportedCommands::default());
    // Every octet and mask that the kernel asks for, under its name here.
    let known = [
        (CommandBit::DISCONNECT, 0, 0x20),
        (CommandBit::READ_REMOTE_VERSION, 2, 0x80),
        (CommandBit::WRITE_DEFAULT_LINK_POLICY, 5, 0x10),
        (CommandBit::READ_STORED_LINK_KEY, 6, 0x20),
        (CommandBit::DELETE_STORED_LINK_KEY, 6, 0x80),
        (CommandBit::READ_PAGE_SCAN_ACTIVITY, 8, 0x01),
        (CommandBit::READ_VOICE_SETTING, 9, 0x04),
        (CommandBit::WRITE_SYNC_FLOW_CONTROL, 10, 0x10),
        (CommandBit::READ_PAGE_SCAN_TYPE, 13, 0x01),
        (CommandBit::READ_DEFAULT_ERRONEOUS_DATA_REPORTING, 18, 0x04),
        (CommandBit::WRITE_DEFAULT_ERRONEOUS_DATA_REPORTING, 18, 0x08),
        (CommandBit::READ_ENCRYPTION_KEY_SIZE, 20, 0x10),
        (CommandBit::SET_EVENT_MASK_PAGE_2, 22, 0x04),
        (CommandBit::LE_READ_ADV_TX_POWER, 25, 0x40),
        (CommandBit::LE_SET_SCAN_ENABLE, 26, 0x08),
        (CommandBit::LE_CREATE_CONNECTION, 26, 0x10),
        (CommandBit::LE_READ_ACCEPT_LIST_SIZE, 26, 0x40),
        (CommandBit::LE_CLEAR_ACCEPT_LIST, 26, 0x80),
        (CommandBit::LE_CONNECTION_UPDATE, 27, 0x04),
        (CommandBit::LE_READ_REMOTE_FEATURES, 27, 0x20),
        (CommandBit::ENHANCED_SETUP_SYNC_CONNECTION, 29, 0x08),
        (CommandBit::READ_LOCAL_CODECS, 29, 0x20),
        (CommandBit::GET_MWS_TRANSPORT_CONFIG, 30, 0x08),
        (CommandBit::LE_READ_LOCAL_P256_KEY, 34, 0x02),
        (CommandBit::LE_GENERATE_DHKEY, 34, 0x04),
        (CommandBit::LE_CLEAR_RESOLVING_LIST, 34, 0x20),
        (CommandBit::LE_READ_RESOLVING_LIST_SIZE, 34, 0x40),
        (CommandBit::LE_SET_RPA_TIMEOUT, 35, 0x04),
        (CommandBit::LE_SET_DEFAULT_PHY, 35, 0x20),
        (CommandBit::LE_SET_PHY, 35, 0x40),
        (CommandBit::LE_SET_EXT_SCAN_PARAMS, 37, 0x20),
        (CommandBit::LE_SET_EXT_SCAN_ENABLE, 37, 0x40),
        (CommandBit::LE_EXT_CREATE_CONNECTION, 37, 0x80),
        (CommandBit::LE_READ_TRANSMIT_POWER, 38, 0x80),
        (CommandBit::LE_SET_PRIVACY_MODE, 39, 0x04),
        (CommandBit::READ_LOCAL_PAIRING_OPTIONS, 41, 0x08),
        (CommandBit::LE_READ_BUFFER_SIZE_V2, 41, 0x20),
        (CommandBit::READ_LOCAL_CODECS_V2, 45, 0x04),
        (CommandBit::READ_LOCAL_CODEC_CAPABILITIES, 45, 0x08),
        (CommandBit::LE_READ_ALL_LOCAL_FEATURES, 47, 0x04),
        (CommandBit::LE_READ_ALL_REMOTE_FEATURES, 47, 0x08),
        (CommandBit::LE_SET_HOST_FEATURE_V2, 47, 0x10),
    ];
    for (bit, octet, mask) in known {
        assert_eq!((bit.octet, 1u8 << bit.bit), (octet, mask), "{bit:?}");
    }
}

#[test]
fn features() {
    let mut lmp = LmpFeatures::default();
    assert!(lmp.bredr(), "that bit says not");
    // A BR/EDR and LE controller's page 0, and its page 2 with secure connections and ping.
    assert!(lmp.set_page(0, LmpPage([0xff, 0xfe, 0x0f, 0xfe, 0xdb, 0xff, 0x7b, 0x87])));
    assert!(lmp.set_page(2, LmpPage([0x30, 0x03, 0, 0, 0, 0, 0, 0])));
    assert!(!lmp.set_page(3, LmpPage::default()));
    assert!(lmp.le() && lmp.bredr() && lmp.ssp() && lmp.esco() && lmp.ext_features());
    assert!(lmp.sc() && lmp.ping() && !lmp.cpb_central() && !lmp.host_ssp());
    lmp.set_page(0, LmpPage([0, 0, 0, 0, 0x60, 0, 0, 0]));
    assert!(!lmp.bredr() && lmp.le());

    let le = LeFeatures::from_page0([0x41, 0x19, 0, 0x10, 0, 0, 0, 0x80]);
    assert!(le.encryption() && le.ll_privacy() && le.phy_2m() && le.phy_coded());
    assert!(le.ext_advertising() && le.cis() && le.iso() && le.ll_ext_features());
    assert!(!le.ping() && !le.iso_broadcaster() && !le.shorter_intervals());
    assert_eq!(le.page0()[1], 0x19);
    assert!(!le.has(248 * 8), "no bit beyond the end");
}

#[test]
fn event_masks() {
    let mask = EventMask::BREDR_BASE | EventMask::LE_META;
    assert_eq!(
        mask.as_bytes(),
        [0xff, 0xff, 0xfb, 0xff, 0x00, 0x00, 0x00, 0x20]
    );
    assert!(mask.contains(EventMask::HARDWARE_ERROR));
    assert!(!mask
        .without(EventMask::LE_META)
        .intersects(EventMask::LE_META));
    assert_eq!(
        EventMask::EMPTY.with_if(EventMask::LE_META, false),
        EventMask::EMPTY
    );
}

#[test]
fn small_types() {
    assert_eq!(U24::new(0x0012_3456).0, [0x56, 0x34, 0x12]);
    assert_eq!(U24::new(0xff12_3456).get(), 0x0012_3456);
    assert_eq!(
        LeAddrType::RANDOM_RESOLVED.to_address_type(),
        AddressType::LeRandom
    );
    assert_eq!(
        LeAddrType::PUBLIC_RESOLVED.to_address_type(),
        AddressType::LePublic
    );
    assert_eq!(Status(0xee).text(), "unknown error code");
    assert_eq!(format!("{}", Status::PAGE_TIMEOUT), "Page Timeout (0x04)");
    // Keys do not end up in logs.
    let reply = link_control::LinkKeyRequestReply {
        bdaddr: BdAddr::ANY,
        link_key: wire::hci::Key([0x5a; 16]),
    };
    assert!(!format!("{reply:?}").contains("5a"));
    assert!(!format!("{reply:?}").contains("90"));
}

proptest! {
    #[test]
    fn acl_headers_round_trip(handle in 0u16..0x1000, flags in 0u8..16, dlen: u16) {
        let header = AclHeader::new(handle, flags, dlen);
        prop_assert_eq!((header.handle(), header.flags(), header.dlen.get()), (handle, flags, dlen));
    }

    #[test]
    fn any_packet(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = (AclPacket::parse(&bytes), ScoPacket::parse(&bytes), IsoPacket::parse(&bytes));
        let _ = (CommandPacket::parse(&bytes), EventPacket::parse(&bytes));
    }

    #[test]
    fn any_return_parameters(bytes in proptest::collection::vec(any::<u8>(), 0..=252)) {
        let _ = parse_reply::<ReadLocalCodecs>(&bytes);
        let _ = parse_reply::<wire::hci::info_params::ReadLocalCodecsV2>(&bytes);
        let _ = parse_reply::<wire::hci::le::LeReadConnInterval>(&bytes);
        let _ = parse_reply::<wire::hci::le_iso::LeSetCigParams>(&bytes);
        if let Ok(Ok(list)) = parse_reply::<ReadLocalCodecCapabilities>(&bytes) {
            prop_assert_eq!(list.iter().count(), usize::from(list.count));
        }
    }

    #[test]
    fn used_part_never_exceeds(length: u8) {
        let mut data = LeSetExtAdvData::new_zeroed();
        data.length = length;
        prop_assert_eq!(data.params().len(), 4 + usize::from(length).min(251));
    }
}

/// A sequence can be written over any command.
#[test]
fn commands_are_generic() {
    fn send<C: Command>(command: &C, answer: &[u8]) -> (Opcode, usize, C::Reply) {
        let reply = parse_reply::<C>(answer).unwrap().unwrap();
        (C::OPCODE, command.params().len(), reply)
    }
    let how = Frobnicate {
        handle: wire::hci::ConnHandle::new(1),
        how: 2,
    };
    assert_eq!(send(&how, &[0, 3]), (Opcode::vendor(1), 3, 3));
}
