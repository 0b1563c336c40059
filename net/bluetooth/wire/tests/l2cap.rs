// SPDX-License-Identifier: GPL-2.0

//! L2CAP: formats against bytes from the specification and from captures, and every parser against every truncation.

use proptest::prelude::*;
use wire::{
    l2cap::{
        cid,
        config::{
            ConfigOption,
            ExtendedFlow,
            Options,
            Rfc, //
        },
        control::{
            Control,
            Format,
            Kind,
            Sar,
            Supervisory, //
        },
        fcs,
        fcs_update,
        frame::split_sdu_len,
        psm,
        signal::*,
        BasicHeader,
        ConnectionlessFrame,
        ErtmFrame,
        FeatureMask,
        FixedChannels,
        Frame,
        FrameError,
        Mode,
        Transport, //
    },
    Bytes, //
};
use zerocopy::little_endian::U16;

fn ident(raw: u8) -> Ident {
    Ident::new(raw).unwrap()
}

fn list(cids: &[u16]) -> Vec<U16> {
    cids.iter().copied().map(U16::new).collect()
}

/// Commands with their transport and their bytes.
fn samples() -> Vec<(Transport, Command<'static>, Vec<u8>)> {
    use Transport::{BrEdr, Le};
    const CIDS: &[U16] = &[U16::new(0x40), U16::new(0x41)];
    let parameters = CreditParameters {
        mtu: 672,
        mps: 188,
        credits: 4,
    };
    vec![
        (
            BrEdr,
            Command::Reject(Reject::NotUnderstood),
            vec![1, 9, 2, 0, 0, 0],
        ),
        (
            BrEdr,
            Command::Reject(Reject::MtuExceeded { mtu: 48 }),
            vec![1, 9, 4, 0, 1, 0, 48, 0],
        ),
        (
            Le,
            Command::Reject(Reject::InvalidCid {
                local: 0x3412,
                remote: 0x7856,
            }),
            vec![1, 9, 6, 0, 2, 0, 0x12, 0x34, 0x56, 0x78],
        ),
        (
            BrEdr,
            Command::ConnectionRequest(ConnectionRequest {
                psm: 0x1001,
                scid: 0x41,
            }),
            vec![2, 9, 4, 0, 1, 0x10, 0x41, 0],
        ),
        (
            BrEdr,
            Command::ConnectionResponse(ConnectionResponse {
                dcid: 0,
                scid: 0x41,
                result: ConnectionResult::SECURITY_BLOCK,
                status: ConnectionStatus::NO_INFORMATION,
            }),
            vec![3, 9, 8, 0, 0, 0, 0x41, 0, 3, 0, 0, 0],
        ),
        (
            BrEdr,
            Command::ConfigurationRequest(ConfigurationRequest {
                dcid: 0x40,
                flags: 1,
                options: &[1, 2, 0x30, 0],
            }),
            vec![4, 9, 8, 0, 0x40, 0, 1, 0, 1, 2, 0x30, 0],
        ),
        (
            BrEdr,
            Command::ConfigurationResponse(ConfigurationResponse {
                scid: 0x40,
                flags: 0,
                result: ConfigResult::UNACCEPTABLE,
                options: &[],
            }),
            vec![5, 9, 6, 0, 0x40, 0, 0, 0, 1, 0],
        ),
        (
            Le,
            Command::DisconnectionRequest(DisconnectionRequest {
                dcid: 0x3412,
                scid: 0x7856,
            }),
            vec![6, 9, 4, 0, 0x12, 0x34, 0x56, 0x78],
        ),
        (
            BrEdr,
            Command::DisconnectionResponse(DisconnectionResponse {
                dcid: 0x40,
                scid: 0x41,
            }),
            vec![7, 9, 4, 0, 0x40, 0, 0x41, 0],
        ),
        (
            BrEdr,
            Command::EchoRequest(b"hi"),
            vec![8, 9, 2, 0, b'h', b'i'],
        ),
        (BrEdr, Command::EchoResponse(b""), vec![9, 9, 0, 0]),
        (
            BrEdr,
            Command::InformationRequest(InformationRequest {
                info_type: InfoType::FEATURES,
            }),
            vec![0x0a, 9, 2, 0, 2, 0],
        ),
        (
            BrEdr,
            Command::InformationResponse(InformationResponse::Features(
                FeatureMask::FIXED_CHANNELS | FeatureMask::CONNECTIONLESS,
            )),
            vec![0x0b, 9, 8, 0, 2, 0, 0, 0, 0x80, 2, 0, 0],
        ),
        (
            BrEdr,
            Command::InformationResponse(InformationResponse::FixedChannels(
                FixedChannels::SIGNALLING | FixedChannels::CONNECTIONLESS,
            )),
            vec![0x0b, 9, 12, 0, 3, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0],
        ),
        (
            BrEdr,
            Command::InformationResponse(InformationResponse::None {
                info_type: InfoType(0x77),
                result: InfoResult::NOT_SUPPORTED,
            }),
            vec![0x0b, 9, 4, 0, 0x77, 0, 1, 0],
        ),
        (
            Le,
            Command::ConnectionParameterUpdateRequest(ConnectionParameterUpdateRequest {
                interval_min: 6,
                interval_max: 0x0c80,
                latency: 1,
                timeout: 0x2a,
            }),
            vec![0x12, 9, 8, 0, 6, 0, 0x80, 0x0c, 1, 0, 0x2a, 0],
        ),
        (
            Le,
            Command::ConnectionParameterUpdateResponse(ConnectionParameterUpdateResponse {
                result: UpdateResult::REJECTED,
            }),
            vec![0x13, 9, 2, 0, 1, 0],
        ),
        (
            Le,
            Command::LeConnectionRequest(LeConnectionRequest {
                spsm: 0x80,
                scid: 0x41,
                parameters: CreditParameters {
                    mtu: 32,
                    mps: 32,
                    credits: 5,
                },
            }),
            vec![0x14, 9, 10, 0, 0x80, 0, 0x41, 0, 0x20, 0, 0x20, 0, 5, 0],
        ),
        (
            Le,
            Command::LeConnectionResponse(LeConnectionResponse {
                dcid: 0x40,
                parameters,
                result: CreditResult::SUCCESS,
            }),
            vec![0x15, 9, 10, 0, 0x40, 0, 0xa0, 2, 0xbc, 0, 4, 0, 0, 0],
        ),
        (
            Le,
            Command::FlowControlCredit(FlowControlCredit {
                cid: 0x40,
                credits: 0xffff,
            }),
            vec![0x16, 9, 4, 0, 0x40, 0, 0xff, 0xff],
        ),
        (
            Le,
            Command::CreditConnectionRequest(CreditConnectionRequest {
                spsm: 0x80,
                parameters,
                scids: CIDS,
            }),
            vec![
                0x17, 9, 12, 0, 0x80, 0, 0xa0, 2, 0xbc, 0, 4, 0, 0x40, 0, 0x41, 0,
            ],
        ),
        (
            Le,
            Command::CreditConnectionResponse(CreditConnectionResponse {
                parameters,
                result: CreditResult::SCID_IN_USE,
                dcids: CIDS,
            }),
            vec![
                0x18, 9, 12, 0, 0xa0, 2, 0xbc, 0, 4, 0, 10, 0, 0x40, 0, 0x41, 0,
            ],
        ),
        (
            Le,
            Command::ReconfigureRequest(ReconfigureRequest {
                mtu: 64,
                mps: 65,
                scids: CIDS,
            }),
            vec![0x19, 9, 8, 0, 64, 0, 65, 0, 0x40, 0, 0x41, 0],
        ),
        (
            Le,
            Command::ReconfigureResponse(ReconfigureResponse {
                result: ReconfigureResult::INVALID_CID,
            }),
            vec![0x1a, 9, 2, 0, 3, 0],
        ),
    ]
}

#[test]
fn commands_have_the_specified_bytes() {
    for (transport, command, bytes) in samples() {
        assert_eq!(
            command.encode(ident(9)).unwrap().as_slice(),
            &bytes[..],
            "{command:?}"
        );
        let mut commands = Commands::new(&bytes);
        let raw = commands.next().unwrap().unwrap();
        assert_eq!(raw.ident, ident(9));
        assert_eq!(Command::parse(transport, raw.code, raw.data), Ok(command));
        assert!(commands.next().is_none());
    }
}

#[test]
fn every_truncation_is_malformed() {
    for (transport, command, bytes) in samples() {
        let data = &bytes[HEADER_SIZE..];
        for len in 0..data.len() {
            let Ok(parsed) = Command::parse(transport, command.code(), &data[..len]) else {
                continue;
            };
            // What remains are those that end in a list, or in data that depends on what is before it.
            match (parsed, command) {
                (Command::ConfigurationRequest(_), Command::ConfigurationRequest(_)) => {
                    assert!(len >= 4);
                }
                (Command::ConfigurationResponse(_), _) => assert!(len >= 6),
                (Command::EchoRequest(echo), _) => assert_eq!(echo, &data[..len]),
                (Command::Reject(Reject::Other(_)), _) => assert!(len >= 2),
                (Command::InformationResponse(InformationResponse::None { .. }), _) => {
                    assert!(len >= 4);
                }
                (Command::InformationResponse(InformationResponse::FixedChannels(_)), _) => {
                    assert!(len >= 5);
                }
                (Command::CreditConnectionRequest(r), _) => {
                    assert_eq!(len, 8 + 2 * r.scids.len());
                }
                (Command::CreditConnectionResponse(r), _) => {
                    assert_eq!(len / 2, 4 + r.dcids.len());
                }
                (Command::ReconfigureRequest(r), _) => assert_eq!(len, 4 + 2 * r.scids.len()),
                other => panic!("{other:?} of {len} bytes"),
            }
        }
    }
}

#[test]
fn requests_of_fixed_length_may_not_be_longer() {
    let exact = [
        Code::DISCONNECTION_REQUEST,
        Code::DISCONNECTION_RESPONSE,
        Code::INFORMATION_REQUEST,
        Code::CONNECTION_PARAMETER_UPDATE_REQUEST,
        Code::LE_CONNECTION_REQUEST,
        Code::FLOW_CONTROL_CREDIT,
        Code::CREDIT_CONNECTION_REQUEST,
        Code::RECONFIGURE_REQUEST,
    ];
    for (transport, command, bytes) in samples() {
        let mut data = bytes[HEADER_SIZE..].to_vec();
        data.push(0);
        let parsed = Command::parse(transport, command.code(), &data);
        assert_eq!(
            parsed.is_err(),
            exact.contains(&command.code()),
            "{command:?}"
        );
    }
}

#[test]
fn commands_of_the_other_transport_are_unknown() {
    for (transport, command, bytes) in samples() {
        let both = [
            Code::COMMAND_REJECT,
            Code::DISCONNECTION_REQUEST,
            Code::DISCONNECTION_RESPONSE,
        ];
        if both.contains(&command.code()) {
            continue;
        }
        let other = match transport {
            Transport::BrEdr => Transport::Le,
            Transport::Le => Transport::BrEdr,
        };
        let parsed = Command::parse(other, command.code(), &bytes[HEADER_SIZE..]);
        assert_eq!(parsed, Ok(Command::Unknown(command.code())));
    }
    // Of AMP.
    for code in 0x0c..=0x11 {
        let parsed = Command::parse(Transport::BrEdr, Code(code), &[0; 5]);
        assert_eq!(parsed, Ok(Command::Unknown(Code(code))));
    }
}

#[test]
fn an_information_response_without_its_data_has_no_answer() {
    // Result "success", and nothing after it.
    for info_type in [1u8, 2, 3] {
        let bytes = [info_type, 0, 0, 0];
        let parsed = Command::parse(Transport::BrEdr, Code::INFORMATION_RESPONSE, &bytes);
        assert_eq!(
            parsed,
            Ok(Command::InformationResponse(InformationResponse::None {
                info_type: InfoType(info_type.into()),
                result: InfoResult::SUCCESS,
            }))
        );
    }
}

#[test]
fn a_frame_of_commands_is_taken_apart() {
    let echo = [8u8, 1, 0, 0];
    let mut bytes = Vec::new();
    bytes.extend(echo);
    bytes.extend([8, 0, 1, 0, 0xaa]); // identifier zero
    bytes.extend(echo);
    bytes.extend([8, 7, 9, 0, 1]); // longer than what is there
    let results: Vec<_> = Commands::new(&bytes).collect();
    assert_eq!(results.len(), 4);
    assert!(results[0].is_ok() && results[2].is_ok());
    assert_eq!(results[1].unwrap_err().ident, 0);
    assert_eq!(results[3].unwrap_err().ident, 7);

    // Less than a header at the end.
    let results: Vec<_> = Commands::new(&[8, 1, 0, 0, 8, 2, 0]).collect();
    assert_eq!(results.len(), 2);
    assert_eq!(results[1].unwrap_err().ident, 0);
}

#[test]
fn what_is_longer_than_the_signalling_mtu_is_not_sent() {
    let data = [0u8; MTU];
    assert!(Command::EchoRequest(&data[..MTU - HEADER_SIZE])
        .encode(ident(1))
        .is_some());
    assert!(Command::EchoRequest(&data[..MTU - HEADER_SIZE + 1])
        .encode(ident(1))
        .is_none());
    let scids = list(&[0x40; 16]);
    let request = CreditConnectionRequest {
        spsm: 0x80,
        parameters: CreditParameters {
            mtu: 64,
            mps: 64,
            credits: 1,
        },
        scids: &scids,
    };
    assert!(Command::CreditConnectionRequest(request)
        .encode(ident(1))
        .is_some());
    let scids = list(&[0x40; 19]);
    let request = CreditConnectionRequest {
        scids: &scids,
        ..request
    };
    assert!(Command::CreditConnectionRequest(request)
        .encode(ident(1))
        .is_none());
}

#[test]
fn options_have_the_specified_bytes() {
    let rfc = Rfc {
        mode: Mode::Ertm.to_u8(),
        tx_window: 63,
        max_transmit: 3,
        retransmission_timeout: 2000,
        monitor_timeout: 12000,
        max_pdu: 1010,
    };
    let options: Vec<(ConfigOption<'_>, &[u8])> = vec![
        (ConfigOption::Mtu(672), &[1, 2, 0xa0, 2]),
        (ConfigOption::FlushTimeout(0xffff), &[2, 2, 0xff, 0xff]),
        (
            ConfigOption::Qos(&[1; 22]),
            &[
                3, 22, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
            ],
        ),
        (
            ConfigOption::Rfc(rfc),
            &[4, 9, 3, 63, 3, 0xd0, 7, 0xe0, 0x2e, 0xf2, 3],
        ),
        (ConfigOption::Fcs(0), &[5, 1, 0]),
        (
            ConfigOption::ExtendedFlow(ExtendedFlow::BEST_EFFORT),
            &[
                6, 16, 1, 1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
            ],
        ),
        (ConfigOption::ExtendedWindow(0x3fff), &[7, 2, 0xff, 0x3f]),
        (
            ConfigOption::Unknown {
                kind: 0x10,
                hint: true,
                data: &[1, 2, 3],
            },
            &[0x90, 3, 1, 2, 3],
        ),
    ];
    for (option, bytes) in &options {
        let mut list = Bytes::<64>::new();
        assert!(option.push(&mut list));
        assert_eq!(list.as_slice(), *bytes);
        let mut read = Options::new(bytes);
        assert_eq!(read.next(), Some(*option));
        assert_eq!(read.next(), None);
        assert_eq!(read.remaining(), 0);
        // The hint bit does not make a known option another one.
        let mut hinted = bytes.to_vec();
        hinted[0] |= 0x80;
        assert_eq!(Options::new(&hinted).next(), Some(*option));
        // Cut off: not an option.
        for len in 0..bytes.len() {
            let mut read = Options::new(&bytes[..len]);
            assert_eq!(read.next(), None);
            assert_eq!(read.remaining(), len);
        }
        // All or nothing.
        let mut small = Bytes::<4>::new();
        assert_eq!(option.push(&mut small), bytes.len() <= 4);
        assert_eq!(small.len(), if bytes.len() <= 4 { bytes.len() } else { 0 });
    }
}

#[test]
fn known_options_of_other_lengths_are_bad() {
    for (kind, right) in [(1u8, 2usize), (2, 2), (4, 9), (5, 1), (6, 16), (7, 2)] {
        for len in 0..=40usize {
            let mut bytes = vec![kind, len as u8];
            bytes.resize(2 + len, 0xee);
            let option = Options::new(&bytes).next().unwrap();
            assert_eq!(option == ConfigOption::BadLength { kind }, len != right);
        }
    }
}

#[test]
fn frames_must_be_as_long_as_they_say() {
    let bytes = [3u8, 0, 0x40, 0, 1, 2, 3];
    let frame = Frame::parse(&bytes).unwrap();
    assert_eq!((frame.cid, frame.payload), (0x40, &bytes[4..]));
    for len in 0..bytes.len() {
        assert!(Frame::parse(&bytes[..len]).is_err());
    }
    assert!(Frame::parse(&[3, 0, 0x40, 0, 1, 2, 3, 4]).is_err());
    assert_eq!(BasicHeader::new(3, 0x40).cid.get(), 0x40);
    assert!(ConnectionlessFrame::parse(&[1]).is_err());
    let frame = ConnectionlessFrame::parse(&[1, 0x10, 5]).unwrap();
    assert_eq!((frame.psm, frame.data), (0x1001, &[5u8][..]));
    assert!(split_sdu_len(&[]).is_err());
    assert!(split_sdu_len(&[1]).is_err());
    assert_eq!(split_sdu_len(&[1, 2, 3]), Ok((0x0201, &[3u8][..])));
}

#[test]
fn check_sequences_are_those_of_the_specification() {
    // Vol 3 Part A 3.3.5: an I-frame and an RR frame.
    let i_frame = [
        0x0e, 0x00, 0x40, 0x00, 0x02, 0x00, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
        0x09,
    ];
    assert_eq!(fcs(&i_frame), 0x6138);
    assert_eq!(fcs(&[0x04, 0x00, 0x40, 0x00, 0x01, 0x01]), 0x14d4);

    let mut bytes = i_frame.to_vec();
    bytes.extend(0x6138u16.to_le_bytes());
    let frame = ErtmFrame::parse(&bytes, Format::Enhanced, true).unwrap();
    assert_eq!(frame.payload, &i_frame[6..]);
    assert_eq!(
        frame.control,
        Control::information(1, Sar::Unsegmented, 0, false)
    );
    bytes[9] ^= 1;
    assert_eq!(
        ErtmFrame::parse(&bytes, Format::Enhanced, true),
        Err(FrameError::BadFcs)
    );
    let rr = [0x04, 0x00, 0x40, 0x00, 0x01, 0x01, 0xd4, 0x14];
    let frame = ErtmFrame::parse(&rr, Format::Enhanced, true).unwrap();
    assert!(frame.payload.is_empty());
    assert_eq!(
        frame.control,
        Control::supervisory(Supervisory::Rr, 1, false, false)
    );
}

#[test]
fn a_frame_shorter_than_its_control_field_and_check_sequence_is_malformed() {
    for format in [Format::Enhanced, Format::Extended] {
        for has_fcs in [false, true] {
            let wanted = format.size() + if has_fcs { 2 } else { 0 };
            for len in 0..wanted {
                let mut bytes = vec![len as u8, 0, 0x40, 0];
                bytes.resize(4 + len, 0);
                assert!(matches!(
                    ErtmFrame::parse(&bytes, format, has_fcs),
                    Err(FrameError::Malformed(_))
                ));
            }
        }
    }
}

#[test]
fn identifiers_are_those_of_the_transport() {
    for (transport, first, last) in [
        (Transport::BrEdr, 0x40, 0xffffu32),
        (Transport::Le, 0x40, 0x7f),
    ] {
        for raw in 0..=0xffffu32 {
            assert_eq!(
                cid::is_dynamic(transport, raw as u16),
                (first..=last).contains(&raw)
            );
        }
    }
    assert!(psm::is_valid(Transport::BrEdr, 0x0001) && psm::is_valid(Transport::BrEdr, 0x1001));
    assert!(!psm::is_valid(Transport::BrEdr, 0x1000) && !psm::is_valid(Transport::BrEdr, 0x0101));
    assert!(!psm::is_valid(Transport::BrEdr, 0) && !psm::is_valid(Transport::Le, 0));
    assert!(psm::is_valid(Transport::Le, 0xff) && !psm::is_valid(Transport::Le, 0x100));
}

proptest! {
    #[test]
    fn enhanced_control_fields_round_trip(raw: u16) {
        let bytes = raw.to_le_bytes();
        let (control, rest) = Control::unpack(Format::Enhanced, &bytes).unwrap();
        prop_assert!(rest.is_empty());
        let packed = control.pack(Format::Enhanced);
        prop_assert_eq!(Control::unpack(Format::Enhanced, packed.as_slice()).unwrap().0, control);
        // All bits of an I-frame have a meaning; of an S-frame seven are reserved.
        let reserved = if raw & 1 == 0 { 0 } else { 0xc062 };
        prop_assert_eq!(control.to_enhanced(), raw & !reserved);
    }

    #[test]
    fn extended_control_fields_round_trip(raw: u32) {
        let bytes = raw.to_le_bytes();
        let (control, rest) = Control::unpack(Format::Extended, &bytes).unwrap();
        prop_assert!(rest.is_empty());
        let reserved = if raw & 1 == 0 { 0 } else { 0xfff8_0000 };
        prop_assert_eq!(control.to_extended(), raw & !reserved);
        match control.kind {
            Kind::Information { tx_seq, .. } => prop_assert!(tx_seq <= 0x3fff),
            Kind::Supervisory { .. } => {}
        }
        prop_assert!(control.req_seq <= 0x3fff);
    }

    #[test]
    fn check_sequences_do_not_depend_on_how_the_bytes_are_cut(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        cut in any::<prop::sample::Index>(),
    ) {
        let (head, tail) = bytes.split_at(cut.index(bytes.len() + 1));
        prop_assert_eq!(fcs_update(fcs(head), tail), fcs(&bytes));
        // One bit at a time.
        let mut slow = 0u16;
        for byte in &bytes {
            slow ^= u16::from(*byte);
            for _ in 0..8 {
                slow = if slow & 1 != 0 { (slow >> 1) ^ 0xa001 } else { slow >> 1 };
            }
        }
        prop_assert_eq!(fcs(&bytes), slow);
    }

    #[test]
    fn any_frame_of_commands_is_read_to_its_end(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let mut commands = Commands::new(&bytes);
        let mut count = 0usize;
        for result in commands.by_ref() {
            count += 1;
            prop_assert!(count <= bytes.len());
            let Ok(raw) = result else { continue };
            for transport in [Transport::BrEdr, Transport::Le] {
                let Ok(command) = Command::parse(transport, raw.code, raw.data) else { continue };
                prop_assert_eq!(command.code(), raw.code);
                // What was read can be written, and reads the same.
                if let Some(packet) = command.encode(raw.ident) {
                    let again = Commands::new(packet.as_slice()).next().unwrap().unwrap();
                    prop_assert_eq!(Command::parse(transport, again.code, again.data), Ok(command));
                }
            }
        }
        prop_assert_eq!(commands.remaining(), 0);
    }

    #[test]
    fn any_options_are_read_to_the_first_that_is_cut_off(
        bytes in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let mut options = Options::new(&bytes);
        let mut list = Bytes::<80>::new();
        let mut exact = true;
        for option in &mut options {
            exact &= option.push(&mut list);
        }
        if exact {
            let read = bytes.len() - options.remaining();
            prop_assert_eq!(list.len(), read);
            prop_assert!(Options::new(list.as_slice()).eq(Options::new(&bytes)));
        }
    }
}
