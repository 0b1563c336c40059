// SPDX-License-Identifier: GPL-2.0

//! The specification's sample data, and what has none.

use engine::smp::{
    crypto::{
        resolvable_address,
        resolves, //
    },
    selftest,
    Secret, //
};
use wire::BdAddr;

use crate::host::Host;

#[test]
fn sample_data() {
    assert_eq!(selftest::run(&mut Host::new(1)), Ok(()));
}

#[test]
fn sample_data_without_cryptography() {
    let mut host = Host::new(1);
    host.broken = true;
    assert_eq!(selftest::run(&mut host), Err(selftest::Mismatch("ah")));
}

#[test]
fn private_addresses_resolve_with_their_key_only() {
    let mut host = Host::new(3);
    for _ in 0..200 {
        let address = resolvable_address(&mut host, &[7; 16]).unwrap();
        assert!(address.is_resolvable_private());
        assert_eq!(resolves(&mut host, &[7; 16], &address), Ok(true));
        assert_eq!(resolves(&mut host, &[8; 16], &address), Ok(false));
        let BdAddr([a, b, c, d, e, f]) = address;
        let other_kind = BdAddr([a, b, c, d, e, f | 0xc0]);
        assert_eq!(resolves(&mut host, &[7; 16], &other_kind), Ok(false));
    }
}

#[test]
fn secrets_are_not_printed_and_are_shortened_at_the_right_end() {
    let secret = Secret::new([0xa5; 16]);
    assert_eq!(format!("{secret:?}"), "[16 octets]");
    let short = secret.shortened(7);
    assert_eq!(short.octets()[..7], [0xa5; 7]);
    assert_eq!(short.octets()[7..], [0; 9]);
    assert!(secret.shortened(0).is_zero() && secret.shortened(200) == secret);
}
