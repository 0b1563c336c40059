// SPDX-License-Identifier: GPL-2.0

//! Events: bytes as controllers send them, bytes as attackers send them, and any bytes.

use proptest::prelude::*;
use wire::{
    hci::{
        event::{
            self,
            InquiryResultRssi, //
        },
        ConnHandle,
        Event,
        LeAddrType,
        LeEvent,
        Opcode,
        Status, //
    },
    BdAddr, //
};

fn parse(packet: &[u8]) -> Event<'_> {
    Event::parse(packet).expect("a well-formed event")
}

#[test]
fn command_complete() {
    // Read BD_ADDR.
    let packet = [
        0x0e, 0x0a, 0x01, 0x09, 0x10, 0x00, 0x56, 0x34, 0x12, 0x01, 0xaa, 0x00,
    ];
    let Event::CommandComplete(complete) = parse(&packet) else {
        panic!("not a Command Complete");
    };
    assert_eq!(complete.ncmd, 1);
    assert_eq!(complete.opcode, Opcode::READ_BD_ADDR);
    assert_eq!(complete.status(), Some(Status::SUCCESS));
    let reply = wire::hci::parse_reply::<wire::hci::info_params::ReadBdAddr>(complete.params);
    assert_eq!(
        reply,
        Ok(Ok(BdAddr::from_msb([0x00, 0xaa, 0x01, 0x12, 0x34, 0x56])))
    );
    // NOP, which only gives credits.
    let Event::CommandComplete(nop) = parse(&[0x0e, 0x03, 0x05, 0x00, 0x00]) else {
        panic!("not a Command Complete");
    };
    assert_eq!((nop.ncmd, nop.opcode, nop.status()), (5, Opcode::NOP, None));
}

#[test]
fn command_status() {
    let Event::CommandStatus(status) = parse(&[0x0f, 0x04, 0x0c, 0x01, 0x05, 0x04]) else {
        panic!("not a Command Status");
    };
    assert_eq!(status.status, Status::COMMAND_DISALLOWED);
    assert_eq!(status.opcode(), Opcode::CREATE_CONN);
}

#[test]
fn connection_and_disconnection() {
    let packet = [
        0x03, 0x0b, 0x00, 0x2a, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x01, 0x00,
    ];
    let Event::ConnectionComplete(complete) = parse(&packet) else {
        panic!("not a Connection Complete");
    };
    assert_eq!(complete.handle, ConnHandle::new(0x2a));
    assert_eq!(complete.bdaddr.to_string(), "06:05:04:03:02:01");
    assert_eq!(complete.link_type, 1);
    let Event::DisconnectionComplete(gone) = parse(&[0x05, 0x04, 0x00, 0x2a, 0x00, 0x13]) else {
        panic!("not a Disconnection Complete");
    };
    assert_eq!(gone.reason, Status::REMOTE_USER_TERMINATED);
}

#[test]
fn completed_packets() {
    let packet = [
        0x13, 0x09, 0x02, 0x2a, 0x00, 0x03, 0x00, 0x2b, 0x00, 0x01, 0x01,
    ];
    let Event::NumberOfCompletedPackets(list) = parse(&packet) else {
        panic!("not a Number Of Completed Packets");
    };
    let list: Vec<_> = list
        .iter()
        .map(|entry| (entry.handle.get(), entry.count.get()))
        .collect();
    assert_eq!(list, [(0x2a, 3), (0x2b, 0x101)]);
    // One entry announced that is not there; none announced at all.
    assert!(Event::parse(&[0x13, 0x05, 0x02, 0x2a, 0x00, 0x03, 0x00]).is_err());
    assert!(Event::parse(&[0x13, 0x00]).is_err());
}

#[test]
fn declared_length() {
    // Bytes after the declared length are not the event's: this status would not be there.
    assert!(Event::parse(&[0x0f, 0x03, 0x0c, 0x01, 0x05, 0x04]).is_err());
    // Longer than there is.
    assert!(Event::parse(&[0x0f, 0x05, 0x0c, 0x01, 0x05, 0x04]).is_err());
    assert!(Event::parse(&[]).is_err());
    assert!(Event::parse(&[0x0f]).is_err());
    // An event with no parameters, known and unknown.
    assert!(Event::parse(&[0x03, 0x00]).is_err());
    assert_eq!(
        parse(&[0x00, 0x00]),
        Event::Unknown {
            code: 0,
            params: &[]
        }
    );
    assert_eq!(parse(&[0xff, 0x00]), Event::Vendor(&[]));
    assert_eq!(parse(&[0xff, 0x02, 1, 2, 3]), Event::Vendor(&[1, 2]));
}

/// An event packet of `code` with these parameters.
fn packet(code: u8, params: &[u8]) -> Vec<u8> {
    let mut packet = vec![code, u8::try_from(params.len()).expect("at most 255")];
    packet.extend(params);
    packet
}

#[test]
fn inquiry_results() {
    let mut params = vec![1];
    params.extend([0x55; 14]);
    let bytes = packet(event::code::INQUIRY_RESULT_WITH_RSSI, &params);
    assert!(matches!(
        parse(&bytes),
        Event::InquiryResultRssi(InquiryResultRssi::Standard([_]))
    ));
    params.push(0);
    let bytes = packet(event::code::INQUIRY_RESULT_WITH_RSSI, &params);
    assert!(matches!(
        parse(&bytes),
        Event::InquiryResultRssi(InquiryResultRssi::PageScan([_]))
    ));
    params.push(0);
    let bytes = packet(event::code::INQUIRY_RESULT_WITH_RSSI, &params);
    assert!(Event::parse(&bytes).is_err());

    // CVE-2020-36386: more devices announced than there are.
    let mut params = vec![2];
    params.extend([0; 254]);
    let bytes = packet(event::code::EXTENDED_INQUIRY_RESULT, &params);
    assert!(Event::parse(&bytes).is_err());
    params[0] = 1;
    let bytes = packet(event::code::EXTENDED_INQUIRY_RESULT, &params);
    assert!(matches!(
        parse(&bytes),
        Event::ExtendedInquiryResult([info]) if info.data.len() == 240
    ));
}

#[test]
fn advertising_reports() {
    let params = [
        0x02, 0x02, // two reports
        0x00, 0x01, 1, 2, 3, 4, 5, 0xc6, 0x03, 0x02, 0x01, 0x06,
        0xc5, // ADV_IND, flags, -59 dBm
        0x04, 0x00, 9, 9, 9, 9, 9, 9, 0x00, 0x7f, // SCAN_RSP, no data, unknown RSSI
    ];
    let bytes = packet(event::code::LE_META, &params);
    let Event::LeMeta(LeEvent::AdvertisingReport(reports)) = parse(&bytes) else {
        panic!("not a report");
    };
    assert_eq!(reports.count_left(), 2);
    let reports: Vec<_> = reports.collect();
    assert_eq!(reports.len(), 2);
    assert_eq!(reports[0].head.addr_type, LeAddrType::RANDOM);
    assert!(reports[0].head.bdaddr.is_static_random());
    assert_eq!(reports[0].data, [0x02, 0x01, 0x06]);
    assert_eq!(reports[0].rssi, -59);
    assert_eq!((reports[1].data, reports[1].rssi), (&[][..], 127));

    // CVE-2021-47620: more reports announced than there are. None is handed out.
    let mut more = params;
    more[1] = 3;
    assert!(Event::parse(&packet(event::code::LE_META, &more)).is_err());
    // The RSSI of the last report is cut off.
    let cut = &params[..params.len() - 1];
    assert!(Event::parse(&packet(event::code::LE_META, cut)).is_err());
}

#[test]
fn extended_advertising_reports() {
    // CVE-2020-24490: 229 bytes of data, the most there is room for. The view has them all; whoever copies checks.
    let mut params = vec![0x0d, 0x01, 0x00, 0x00, 0x01, 1, 2, 3, 4, 5, 0x46];
    params.extend([
        0x01, 0x02, 0x05, 0x7f, 0xd0, 0x00, 0x00, 0x00, 0, 0, 0, 0, 0, 0,
    ]);
    params.push(229);
    params.extend([0xab; 229]);
    assert_eq!(params.len(), 255);
    let bytes = packet(event::code::LE_META, &params);
    let Event::LeMeta(LeEvent::ExtAdvertisingReport(mut reports)) = parse(&bytes) else {
        panic!("not a report");
    };
    let report = reports.next().expect("one report");
    assert_eq!(report.data.len(), 229);
    assert_eq!((report.head.sid, report.head.rssi), (5, -48));
    assert!(report.head.bdaddr.is_resolvable_private());
    assert!(reports.next().is_none());

    let length = params.len() - 230;
    params[length] = 230;
    assert!(Event::parse(&packet(event::code::LE_META, &params)).is_err());
}

#[test]
fn big_handles() {
    // CVE-2026-46138: fewer stream handles than announced.
    let mut params = vec![0x1b];
    params.extend([0; 17]);
    params.push(2);
    params.extend([0x10, 0x00]);
    assert!(Event::parse(&packet(event::code::LE_META, &params)).is_err());
    params.extend([0x11, 0x00]);
    let bytes = packet(event::code::LE_META, &params);
    let Event::LeMeta(LeEvent::CreateBigComplete(complete)) = parse(&bytes) else {
        panic!("not a Create BIG Complete");
    };
    assert_eq!(complete.bis, [ConnHandle::new(0x10), ConnHandle::new(0x11)]);
}

#[test]
fn le_meta_without_subevent() {
    assert!(Event::parse(&[0x3e, 0x00]).is_err());
    let bytes = [0x3e, 0x01, 0x11];
    assert_eq!(parse(&bytes), Event::LeMeta(LeEvent::ScanTimeout));
}

/// Least lengths of the parameters of every event that the kernel looks at, as in its tables.
const LEAST: &[(u8, usize)] = &[
    (0x01, 1),
    (0x02, 1),
    (0x03, 11),
    (0x04, 10),
    (0x05, 4),
    (0x06, 3),
    (0x07, 255),
    (0x08, 4),
    (0x09, 3),
    (0x0b, 11),
    (0x0e, 3),
    (0x0f, 4),
    (0x10, 1),
    (0x12, 8),
    (0x13, 1),
    (0x14, 6),
    (0x16, 6),
    (0x17, 6),
    (0x18, 23),
    (0x1c, 5),
    (0x1d, 5),
    (0x20, 7),
    (0x22, 1),
    (0x23, 13),
    (0x2c, 17),
    (0x2f, 1),
    (0x30, 3),
    (0x31, 6),
    (0x32, 9),
    (0x33, 10),
    (0x34, 6),
    (0x35, 6),
    (0x36, 7),
    (0x3b, 10),
    (0x3c, 7),
    (0x3d, 14),
];

/// The same for LE subevents, the subevent code not counted.
const LE_LEAST: &[(u8, usize)] = &[
    (0x01, 18),
    (0x02, 1),
    (0x03, 9),
    (0x04, 11),
    (0x05, 12),
    (0x06, 10),
    (0x0a, 30),
    (0x0b, 1),
    (0x0c, 5),
    (0x0d, 1),
    (0x0e, 15),
    (0x0f, 7),
    (0x10, 2),
    (0x12, 5),
    (0x18, 19),
    (0x19, 28),
    (0x1a, 6),
    (0x1b, 18),
    (0x1d, 14),
    (0x1e, 2),
    (0x22, 19),
    (0x2b, 253),
    (0x37, 13),
];

#[test]
fn least_lengths() {
    for &(code, least) in LEAST {
        for len in 0..=least {
            let bytes = packet(code, &vec![0; len]);
            assert_eq!(
                Event::parse(&bytes).is_ok(),
                len == least,
                "event {code:#x} with {len} bytes"
            );
        }
    }
    for &(subevent, least) in LE_LEAST {
        for len in 0..=least {
            let mut params = vec![subevent];
            params.resize(len + 1, 0);
            let bytes = packet(event::code::LE_META, &params);
            assert_eq!(
                Event::parse(&bytes).is_ok(),
                len == least,
                "subevent {subevent:#x} with {len} bytes"
            );
        }
    }
}

/// Reads everything that an event hands out.
fn exhaust(bytes: &[u8]) {
    let Ok(event) = Event::parse(bytes) else {
        return;
    };
    let _ = format!("{event:?}");
    if let Event::LeMeta(LeEvent::AdvertisingReport(reports)) = event {
        let announced = usize::from(reports.count_left());
        assert_eq!(reports.count(), announced);
    }
    if let Event::LeMeta(LeEvent::ExtAdvertisingReport(reports)) = event {
        let announced = usize::from(reports.count_left());
        assert_eq!(reports.count(), announced);
    }
}

fn some_code() -> impl Strategy<Value = u8> {
    prop_oneof![
        any::<u8>(),
        proptest::sample::select(LEAST.iter().map(|&(code, _)| code).collect::<Vec<_>>()),
    ]
}

fn some_subevent() -> impl Strategy<Value = u8> {
    prop_oneof![
        any::<u8>(),
        proptest::sample::select(LE_LEAST.iter().map(|&(code, _)| code).collect::<Vec<_>>()),
    ]
}

proptest! {
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        exhaust(&bytes);
    }

    #[test]
    fn any_parameters(code in some_code(), params in proptest::collection::vec(any::<u8>(), 0..=255)) {
        exhaust(&packet(code, &params));
    }

    #[test]
    fn any_le_parameters(
        subevent in some_subevent(),
        count in 0u8..4,
        tail in proptest::collection::vec(any::<u8>(), 0..=250),
    ) {
        let mut params = vec![subevent, count];
        params.extend(tail);
        exhaust(&packet(event::code::LE_META, &params));
    }

    /// Whatever parses still parses with more behind it, and to the same fields for fixed structures.
    #[test]
    fn longer_is_accepted(code in some_code(), params in proptest::collection::vec(any::<u8>(), 0..250)) {
        let bytes = packet(code, &params);
        let mut longer = params;
        longer.push(0);
        let longer = packet(code, &longer);
        if Event::parse(&bytes).is_ok() && code != event::code::INQUIRY_RESULT_WITH_RSSI {
            prop_assert!(Event::parse(&longer).is_ok());
        }
    }

    /// Reports survive writing and reading.
    #[test]
    fn reports_round_trip(
        reports in proptest::collection::vec(
            (any::<u8>(), any::<[u8; 6]>(), proptest::collection::vec(any::<u8>(), 0..=31), any::<i8>()),
            0..=5,
        )
    ) {
        let mut params = vec![0x02, u8::try_from(reports.len()).unwrap()];
        for (kind, bdaddr, data, rssi) in &reports {
            params.extend([*kind, 1]);
            params.extend(bdaddr);
            params.push(u8::try_from(data.len()).unwrap());
            params.extend(data);
            params.extend(rssi.to_le_bytes());
        }
        prop_assume!(params.len() <= 255);
        let bytes = packet(event::code::LE_META, &params);
        let Ok(Event::LeMeta(LeEvent::AdvertisingReport(parsed))) = Event::parse(&bytes) else {
            return Err(TestCaseError::fail("not a report"));
        };
        let parsed: Vec<_> = parsed
            .map(|report| (report.head.event_type, report.head.bdaddr.0, report.data.to_vec(), report.rssi))
            .collect();
        prop_assert_eq!(parsed, reports);
    }
}
