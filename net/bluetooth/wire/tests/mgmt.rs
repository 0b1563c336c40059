// SPDX-License-Identifier: GPL-2.0

//! The mgmt interface and the monitor channel: messages, parameters, what user space gets wrong.

use core::mem::size_of;

use proptest::prelude::*;
use wire::{
    hci::{
        packet::PacketType,
        Opcode,
        Status, //
    },
    mgmt::{
        command::*,
        config::{
            system,
            Entries, //
        },
        ev,
        op,
        AddressTypes,
        Header,
        LinkKeyInfo,
        LtkInfo,
        Message,
        MgmtStatus,
        ParamsLen,
        Settings, //
    },
    monitor::{
        self,
        UserLog, //
    },
    AddressType, //
};
use zerocopy::{
    FromZeros,
    IntoBytes, //
};

#[test]
fn messages() {
    let message = Message::parse(&[0x05, 0x00, 0x00, 0x00, 0x01, 0x00, 0x01]).unwrap();
    assert_eq!(
        (message.opcode, message.index, message.params),
        (op::SET_POWERED, Some(0), &[1][..])
    );
    let message = Message::parse(&[0x01, 0x00, 0xff, 0xff, 0x00, 0x00]).unwrap();
    assert_eq!((message.opcode, message.index), (op::READ_VERSION, None));
    assert!(Message::parse(&[0x05, 0x00, 0x00, 0x00, 0x01, 0x00]).is_err());
    assert!(Message::parse(&[0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01]).is_err());
    assert!(Message::parse(&[0x05, 0x00, 0x00, 0x00, 0x01]).is_err());
    assert_eq!(
        Header::new(ev::NEW_SETTINGS, 1, 4).as_bytes(),
        [6, 0, 1, 0, 4, 0]
    );
    assert_eq!(op::name(op::READ_INFO), Some("READ_INFO"));
    assert_eq!(ev::name(ev::DEVICE_FOUND), Some("DEVICE_FOUND"));
}

/// The table of lengths and the types of parameters agree.
#[test]
fn lengths() {
    macro_rules! check {
        ($($ty:ident),* $(,)?) => {
            $(for &opcode in $ty::OPS {
                assert_eq!(
                    op::params_len(opcode),
                    Some(ParamsLen::Exact(size_of::<$ty>() as u16)),
                    "{:?}", op::name(opcode)
                );
                let bytes = vec![0; size_of::<$ty>() + 1];
                for len in 0..=bytes.len() {
                    assert_eq!($ty::parse(&bytes[..len]).is_ok(), len == size_of::<$ty>());
                }
            })*
        };
    }
    check!(
        Mode,
        Device,
        SetDiscoverable,
        SetDeviceClass,
        SetLocalName,
        AddUuid,
        RemoveUuid,
        PinCodeReply,
        SetIoCapability,
        PairDevice,
        UnpairDevice,
        UserPasskeyReply,
        Discovery,
        ConfirmName,
        SetDeviceId,
        SetAddress,
        SetScanParams,
        SetPrivacy,
        AddDevice,
        ReadLocalOobExtData,
        RemoveAdvertising,
        GetAdvSizeInfo,
        SetAppearance,
        SetPhyConfiguration,
        SetDeviceFlags,
        RemoveAdvMonitor,
        MeshSendCancel,
    );
    macro_rules! check_lists {
        ($($ty:ident),* $(,)?) => {
            $({
                let Some(ParamsLen::AtLeast(least)) = op::params_len($ty::OP) else {
                    panic!("{} has a fixed length", stringify!($ty));
                };
                let bytes = vec![0; usize::from(least)];
                for len in 0..bytes.len() {
                    assert!($ty::parse(&bytes[..len]).is_err(), "{} with {len} bytes", stringify!($ty));
                }
            })*
        };
    }
    check_lists!(
        LoadLinkKeys,
        LoadLongTermKeys,
        LoadIrks,
        LoadConnParam,
        LoadConnSubrate,
        SetBlockedKeys,
        StartServiceDiscovery,
        AddRemoteOobData,
        AddAdvertising,
        AddExtAdvParams,
        AddExtAdvData,
        SetExpFeature,
        AddAdvPatternsMonitor,
        AddAdvPatternsMonitorRssi,
        SetMesh,
        MeshSend,
        HciCmdSync,
    );
    // No command is forgotten.
    let mut seen = 0;
    for opcode in 1..=op::LOAD_CONN_SUBRATE {
        assert!(
            op::name(opcode).is_some() && op::params_len(opcode).is_some(),
            "{opcode:#x}"
        );
        seen += 1;
    }
    assert_eq!(seen, 0x5c);
    assert_eq!(op::params_len(0), None);
    assert_eq!(op::params_len(op::LOAD_CONN_SUBRATE + 1), None);
    assert!(ParamsLen::AtLeast(2).allows(3) && !ParamsLen::Exact(2).allows(3));
}

#[test]
fn keys() {
    let mut bytes = vec![0, 2, 0];
    bytes.extend(vec![0; 2 * size_of::<LinkKeyInfo>()]);
    assert_eq!(LoadLinkKeys::parse(&bytes).unwrap().keys.len(), 2);
    bytes.push(0);
    assert!(LoadLinkKeys::parse(&bytes).is_err());
    // A count whose product with the size of an entry is more than there can be.
    assert!(LoadLinkKeys::parse(&[0, 0xff, 0xff]).is_err());

    // CVE-2026-43020: a key that says to be longer than 16 bytes.
    let mut ltk = LtkInfo::new_zeroed();
    ltk.encryption_size = 16;
    assert_eq!(ltk.used().map(<[u8]>::len), Some(16));
    ltk.encryption_size = 17;
    assert_eq!(ltk.used(), None);
}

#[test]
fn advertising() {
    let mut bytes = vec![1, 2, 0, 0, 0, 0, 0, 0, 0, 3, 2];
    bytes.extend([2, 1, 6, 1, 9]);
    let add = AddAdvertising::parse(&bytes).unwrap();
    assert_eq!((add.adv_data, add.scan_rsp), (&[2, 1, 6][..], &[1, 9][..]));
    assert!(AddAdvertising::parse(&bytes[..15]).is_err());
    bytes.push(0);
    assert!(AddAdvertising::parse(&bytes).is_err());
    // CVE-2026-64126: lengths beyond the payload.
    assert!(AddExtAdvData::parse(&[1, 255, 255, 0]).is_err());
    let data = AddExtAdvData::parse(&[1, 1, 1, 0xaa, 0xbb, 0xcc]).unwrap();
    assert_eq!((data.adv_data, data.scan_rsp), (&[0xaa][..], &[0xbb][..]));
}

#[test]
fn patterns() {
    // CVE-2025-40294: a pattern longer than its array.
    let mut bytes = vec![1, 0x16, 0, 31];
    bytes.extend([7; 31]);
    let add = AddAdvPatternsMonitor::parse(&bytes).unwrap();
    assert_eq!(add.patterns[0].value().map(<[u8]>::len), Some(31));
    for length in 32..=255 {
        bytes[3] = length;
        let add = AddAdvPatternsMonitor::parse(&bytes).unwrap();
        assert_eq!(add.patterns[0].value(), None);
    }
    bytes[2] = 30;
    bytes[3] = 2;
    assert_eq!(
        AddAdvPatternsMonitor::parse(&bytes).unwrap().patterns[0].value(),
        None
    );
}

#[test]
fn raw_commands() {
    // CVE-2025-38128: parameters announced that are not there.
    assert!(HciCmdSync::parse(&[0x03, 0x0c, 0, 0, 4, 0, 1]).is_err());
    let command = HciCmdSync::parse(&[0x03, 0x0c, 0, 0, 1, 0, 1]).unwrap();
    assert_eq!((command.opcode, command.params), (Opcode::RESET, &[1][..]));
    let mut bytes = vec![0x03, 0x0c, 0, 0, 0, 1];
    bytes.extend([0; 256]);
    assert!(
        HciCmdSync::parse(&bytes).is_err(),
        "more than a command packet carries"
    );
}

#[test]
fn out_of_band_data() {
    let bytes = [0; 7 + 64];
    assert!(matches!(
        AddRemoteOobData::parse(&bytes[..7 + 32]).unwrap().data,
        RemoteOobData::P192(_)
    ));
    assert!(matches!(
        AddRemoteOobData::parse(&bytes).unwrap().data,
        RemoteOobData::Extended(_)
    ));
    assert!(AddRemoteOobData::parse(&bytes[..7 + 33]).is_err());
}

#[test]
fn service_discovery() {
    let mut bytes = vec![7, 0xd0, 1, 0];
    bytes.extend([9; 16]);
    let start = StartServiceDiscovery::parse(&bytes).unwrap();
    assert_eq!(start.kind, AddressTypes::INTERLEAVED);
    assert_eq!((start.rssi, start.uuids.len()), (-48, 1));
    assert!(StartServiceDiscovery::parse(&bytes[..19]).is_err());
}

#[test]
fn configuration() {
    let bytes = [
        0x0d, 0, 2, 0x60, 0, 0x1f, 0, 1, 1, 0x20, 0, 4, 1, 2, 3, 4, 0x99, 0x99, 1, 7,
    ];
    let list: Vec<_> = Entries::parse(&bytes).unwrap().collect();
    assert_eq!(list.len(), 4);
    assert_eq!(
        (list[0].kind, list[0].u16()),
        (system::LE_SCAN_INTERVAL, Some(0x60))
    );
    assert_eq!((list[1].u8(), list[1].u16()), (Some(1), None));
    assert_eq!(list[2].u32(), Some(0x0403_0201));
    // Nothing, a value cut off, a value of the wrong length.
    assert!(Entries::parse(&[]).is_err());
    assert!(Entries::parse(&[0x0d, 0, 2, 0x60]).is_err());
    assert!(Entries::parse(&[0x0d, 0, 1, 0x60]).is_err());
}

#[test]
fn statuses() {
    assert_eq!(MgmtStatus::from_hci(Status::SUCCESS), MgmtStatus::SUCCESS);
    assert_eq!(
        MgmtStatus::from_hci(Status::PAGE_TIMEOUT),
        MgmtStatus::CONNECT_FAILED
    );
    assert_eq!(
        MgmtStatus::from_hci(Status::FAILED_TO_ESTABLISH),
        MgmtStatus::CONNECT_FAILED
    );
    assert_eq!(MgmtStatus::from_hci(Status(0xff)), MgmtStatus::FAILED);
    assert_eq!(Settings::LE.bits(), 0x200);
    let addr = wire::mgmt::AddrInfo::new(wire::BdAddr::ANY, AddressType::LeRandom);
    assert_eq!(
        (addr.addr_type, addr.kind()),
        (2, Some(AddressType::LeRandom))
    );
}

#[test]
fn monitor() {
    assert_eq!(monitor::opcode::of_packet(PacketType::Acl, true), Some(5));
    assert_eq!(monitor::opcode::of_packet(PacketType::Drv, false), Some(20));
    assert_eq!(monitor::opcode::of_packet(PacketType::Vendor, true), None);
    assert_eq!(
        size_of::<monitor::ControlOpen>(),
        14 + monitor::TASK_COMM_LEN
    );
}

/// A frame of the logging channel with this after its header.
fn frame(body: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, 0, 0xff, 0xff, body.len() as u8, 0];
    frame.extend(body);
    frame
}

#[test]
fn logging() {
    let good = frame(b"\x06\x05bash\0hello\0");
    let log = UserLog::parse(&good).unwrap();
    assert_eq!((log.index, log.priority), (None, 6));
    assert_eq!((log.ident, log.message), (&b"bash"[..], &b"hello\0"[..]));
    let bare = frame(b"\x07\x00\0");
    let log = UserLog::parse(&bare).unwrap();
    assert_eq!((log.ident, log.message), (&b""[..], &b"\0"[..]));
    for bad in [
        &b"\x08\x05bash\0hello\0"[..],
        b"\x06\x05bash\0hello",
        b"\x06\x04bash\0hello\0",
        b"\x06\xffbash\0hello\0",
        b"\x06\x05bash\0",
        b"\x06\x00",
        b"",
    ] {
        assert!(UserLog::parse(&frame(bad)).is_err(), "{bad:?}");
    }
    let mut wrong = good.clone();
    wrong[4] += 1;
    assert!(UserLog::parse(&wrong).is_err());
    let mut wrong = good;
    wrong[0] = 1;
    assert!(UserLog::parse(&wrong).is_err());
}

/// Reads `params` as the parameters of command `opcode`.
fn parse_any(opcode: u16, params: &[u8]) {
    macro_rules! any {
        ($($ty:ident),* $(,)?) => {{ $(let _ = format!("{:?}", $ty::parse(params));)* }};
    }
    match opcode % 4 {
        0 => any!(
            LoadLinkKeys,
            LoadLongTermKeys,
            LoadIrks,
            LoadConnParam,
            LoadConnSubrate
        ),
        1 => any!(
            SetBlockedKeys,
            StartServiceDiscovery,
            AddRemoteOobData,
            AddAdvertising,
            AddExtAdvParams
        ),
        2 => any!(
            AddExtAdvData,
            SetExpFeature,
            AddAdvPatternsMonitor,
            AddAdvPatternsMonitorRssi,
            SetMesh
        ),
        _ => any!(MeshSend, HciCmdSync, SetLocalName, Device, Mode),
    }
}

proptest! {
    #[test]
    fn any_message(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(message) = Message::parse(&bytes) {
            parse_any(message.opcode, message.params);
        }
        let _ = UserLog::parse(&bytes);
    }

    #[test]
    fn any_params(opcode: u16, count in 0u8..4, tail in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut params = vec![count, 0];
        params.extend(tail);
        parse_any(opcode, &params);
    }

    #[test]
    fn any_configuration(bytes in proptest::collection::vec(0u8..8, 0..60)) {
        if let Ok(entries) = Entries::parse(&bytes) {
            let used: usize = entries.map(|entry| entry.value.len() + 3).sum();
            prop_assert!(used <= bytes.len() && bytes.len() - used < 3);
        }
    }

    #[test]
    fn any_log(body in proptest::collection::vec(0u8..8, 0..40)) {
        if let Ok(log) = UserLog::parse(&frame(&body)) {
            prop_assert!(log.priority <= 7 && log.message.ends_with(&[0]));
        }
    }
}
