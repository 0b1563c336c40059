// SPDX-License-Identifier: GPL-2.0

//! Key material leaves nothing behind where it was.

use engine::smp::Secret;
use std::{
    fs::File,
    os::unix::fs::FileExt, //
};

/// What is at an address of this process, whoever it belongs to by now.
fn memory_at<const N: usize>(address: usize) -> [u8; N] {
    let mut octets = [0xff; N];
    let memory = File::open("/proc/self/mem").unwrap();
    memory.read_exact_at(&mut octets, address as u64).unwrap();
    octets
}

#[test]
fn a_secret_is_wiped_where_it_was() {
    let mut kept = vec![Secret::new([0x5a; 32]), Secret::new([0xa5; 32])];
    let places = [0, 1].map(|n: usize| kept[n].octets().as_ptr() as usize);
    assert_eq!(memory_at(places[1]), [0xa5; 32]);
    kept.truncate(1);
    assert_eq!(memory_at(places[1]), [0; 32], "removed");
    kept[0] = Secret::new([0x11; 32]);
    assert_eq!(memory_at(places[0]), [0x11; 32], "replaced");
    kept.clear();
    assert_eq!(memory_at(places[0]), [0; 32], "cleared");
}
