// SPDX-License-Identifier: GPL-2.0

//! Any frame on the Security Manager's channel: what is read is written to the same octets, and the first frame of a pairing is
//! refused, ignored or taken as the specification says.

#![no_main]

use engine::smp::{
    first,
    First, //
};
use libfuzzer_sys::fuzz_target;
use wire::smp::{
    Code,
    ParseError,
    Pdu, //
};

fuzz_target!(|frame: &[u8]| {
    let parsed = Pdu::parse(frame);
    match parsed {
        Ok(pdu) => {
            assert_eq!(pdu.encode().as_slice(), frame);
            assert_eq!(Some(pdu.code()), Code::from_u8(frame[0]));
            assert_eq!(frame.len(), 1 + pdu.code().body_len());
        }
        Err(ParseError::Empty) => assert!(frame.is_empty()),
        Err(ParseError::Reserved(code)) => assert!(Code::from_u8(code).is_none()),
        Err(ParseError::Length(code, _)) => assert_ne!(frame.len(), 1 + code.body_len()),
    }
    match first(frame) {
        First::Request(request) => assert_eq!(parsed, Ok(Pdu::PairingRequest(request))),
        First::Security(auth_req) => assert_eq!(parsed, Ok(Pdu::SecurityRequest(auth_req))),
        First::Refuse(_) | First::Ignore => {
            let starts = matches!(parsed, Ok(Pdu::PairingRequest(_) | Pdu::SecurityRequest(_)));
            assert!(!starts);
        }
    }
});
