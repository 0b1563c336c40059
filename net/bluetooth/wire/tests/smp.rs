// SPDX-License-Identifier: GPL-2.0

//! PDUs of the Security Manager.

use proptest::prelude::*;
use wire::{
    hci::Key,
    smp::{
        AuthReq,
        CentralIdentification,
        Code,
        IdentityAddress,
        IoCapability,
        KeyDistribution,
        Keypress,
        Pairing,
        ParseError,
        Pdu,
        PublicKey,
        Reason, //
    },
    BdAddr, //
};
use zerocopy::FromZeros;

const CODES: core::ops::RangeInclusive<u8> = 0x01..=0x0e;

#[test]
fn each_length_but_the_right_one_is_refused() {
    for raw in CODES {
        let code = Code::from_u8(raw).unwrap();
        assert_eq!(code.to_u8(), raw);
        for len in 0..80 {
            let mut frame = vec![raw];
            frame.resize(1 + len, 0x5a);
            match Pdu::parse(&frame) {
                Ok(pdu) => {
                    assert_eq!(len, code.body_len());
                    assert_eq!(pdu.code(), code);
                    assert_eq!(pdu.encode().as_slice(), frame);
                }
                Err(ParseError::Length(of, malformed)) => {
                    assert_ne!(len, code.body_len());
                    assert_eq!(
                        (of, malformed.wanted, malformed.had),
                        (code, code.body_len(), len)
                    );
                }
                Err(other) => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn reserved_codes_and_nothing() {
    assert_eq!(Pdu::parse(&[]), Err(ParseError::Empty));
    for raw in (0..=0xff).filter(|raw| !CODES.contains(raw)) {
        assert_eq!(
            Pdu::parse(&[raw, 0, 0]),
            Err(ParseError::Reserved(raw)),
            "{raw:#x}"
        );
    }
}

#[test]
fn fields_are_where_the_format_has_them() {
    let frame = [0x01, 0x04, 0x01, 0x2d, 0x10, 0x0f, 0x07];
    let Ok(Pdu::PairingRequest(pairing)) = Pdu::parse(&frame) else {
        panic!("no request")
    };
    assert_eq!(pairing.io_capability, IoCapability::KEYBOARD_DISPLAY);
    assert_eq!((pairing.oob, pairing.max_key_size), (1, 16));
    assert_eq!(
        pairing.auth_req,
        AuthReq::BONDING | AuthReq::MITM | AuthReq::SECURE_CONNECTIONS | AuthReq::CT2
    );
    assert!(pairing.initiator_keys.contains(KeyDistribution::LINK_KEY));
    assert!(!pairing.responder_keys.contains(KeyDistribution::LINK_KEY));

    let ident = CentralIdentification {
        ediv: 0x1234.into(),
        rand: 0x1122_3344_5566_7788.into(),
    };
    assert_eq!(
        Pdu::CentralIdentification(&ident).encode().as_slice(),
        [0x07, 0x34, 0x12, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11]
    );
    let address = IdentityAddress {
        kind: 1,
        address: BdAddr([1, 2, 3, 4, 5, 0xc6]),
    };
    assert_eq!(
        Pdu::IdentityAddressInformation(&address)
            .encode()
            .as_slice(),
        [0x09, 0x01, 1, 2, 3, 4, 5, 0xc6]
    );
    let mut key = PublicKey::new_zeroed();
    key.x[0] = 0xaa;
    key.y[0] = 0xbb;
    let frame = Pdu::PairingPublicKey(&key).encode();
    assert_eq!((frame.as_slice()[1], frame.as_slice()[33]), (0xaa, 0xbb));
    assert_eq!(frame.as_slice().len(), 65);
    assert_eq!(
        Pdu::PairingFailed(Reason::KEY_REJECTED).encode().as_slice(),
        [0x05, 0x0f]
    );
    assert_eq!(
        Pdu::KeypressNotification(Keypress::COMPLETED)
            .encode()
            .as_slice(),
        [0x0e, 0x04]
    );
    assert_eq!(
        Pdu::SecurityRequest(AuthReq::BONDING).encode().as_slice(),
        [0x0b, 0x01]
    );
    let _ = Pairing::new_zeroed();
}

#[test]
fn keys_are_not_printed() {
    let key = Key([0xa5; 16]);
    let pdu = Pdu::EncryptionInformation(&key);
    let printed = format!("{pdu:?} {:?}", pdu.encode());
    assert!(
        !printed.contains("a5") && !printed.contains("165"),
        "{printed}"
    );
}

proptest! {
    #[test]
    fn what_is_parsed_is_what_is_encoded(frame in proptest::collection::vec(any::<u8>(), 0..70)) {
        if let Ok(pdu) = Pdu::parse(&frame) {
            let encoded = pdu.encode();
            prop_assert_eq!(encoded.as_slice(), &frame[..]);
        }
    }
}
