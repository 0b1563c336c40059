// SPDX-License-Identifier: GPL-2.0

//! Advertising reports and scan responses.

use engine::scan::{event_type::*, Heard, Merger, MAX_DATA};
use proptest::prelude::*;
use wire::{hci::LeAddrType, BdAddr};

fn heard(device: u8, event_type: u8, data: &[u8]) -> Heard<'_> {
    Heard {
        addr: BdAddr([device, 0, 0, 0, 0, 0xc0]),
        addr_type: LeAddrType::PUBLIC,
        event_type,
        rssi: -40,
        data,
        scan_rsp: &[],
    }
}

type Told = Vec<(u8, u8, Vec<u8>, Vec<u8>)>;

fn told(merger: &mut Merger, report: &Heard<'_>) -> Told {
    let mut told = Vec::new();
    merger.report(report, |one| {
        told.push((
            one.addr.0[0],
            one.event_type,
            one.data.to_vec(),
            one.scan_rsp.to_vec(),
        ));
    });
    told
}

#[test]
fn an_answer_joins_its_advertising() {
    let mut merger = Merger::new();
    assert!(told(&mut merger, &heard(1, ADV_IND, &[1, 2])).is_empty());
    let both = told(&mut merger, &heard(1, SCAN_RSP, &[3]));
    assert_eq!(both, [(1, ADV_IND, vec![1, 2], vec![3])]);
    merger.finish(|_| panic!("nothing waits"));
}

#[test]
fn who_does_not_answer_is_told_with_the_next() {
    let mut merger = Merger::new();
    assert!(told(&mut merger, &heard(1, ADV_IND, &[1])).is_empty());
    let first = told(&mut merger, &heard(2, ADV_SCAN_IND, &[2]));
    assert_eq!(first, [(1, ADV_IND, vec![1], vec![])]);
    let mut last = None;
    merger.finish(|one| last = Some(one.addr.0[0]));
    assert_eq!(last, Some(2));
}

#[test]
fn a_repetition_is_told_once() {
    let mut merger = Merger::new();
    assert!(told(&mut merger, &heard(1, ADV_IND, &[1])).is_empty());
    assert!(told(&mut merger, &heard(1, ADV_IND, &[2])).is_empty());
    let both = told(&mut merger, &heard(1, SCAN_RSP, &[3]));
    assert_eq!(both, [(1, ADV_IND, vec![2], vec![3])]);
}

#[test]
fn what_nobody_answers_is_told_at_once() {
    let mut merger = Merger::new();
    let beacon = told(&mut merger, &heard(1, ADV_NONCONN_IND, &[1]));
    assert_eq!(beacon, [(1, ADV_NONCONN_IND, vec![1], vec![])]);
    // An answer of somebody else, to what was not heard.
    assert!(told(&mut merger, &heard(1, ADV_IND, &[1])).is_empty());
    let two = told(&mut merger, &heard(2, SCAN_RSP, &[5]));
    assert_eq!(
        two,
        [
            (1, ADV_IND, vec![1], vec![]),
            (2, SCAN_RSP, vec![5], vec![])
        ]
    );
}

proptest! {
    /// Each device is told as often as it was heard, less its repetitions and the answers that were merged.
    #[test]
    fn nothing_is_lost(reports in prop::collection::vec((0u8..3, 0u8..6, 0usize..300), 0..60)) {
        let mut merger = Merger::new();
        let bytes = [7u8; 300];
        let mut count = 0;
        let mut waiting: Option<u8> = None;
        let mut expected = 0;
        for (device, kind, len) in reports {
            merger.report(&heard(device, kind, &bytes[..len]), |one| {
                assert!(one.event_type == kind || one.data.len() <= MAX_DATA);
                count += 1;
            });
            let old = waiting.take();
            if old == Some(device) && kind == SCAN_RSP {
                expected += 1;
                continue;
            }
            expected += u32::from(old.is_some_and(|one| one != device));
            if matches!(kind, ADV_IND | ADV_SCAN_IND) {
                waiting = Some(device);
            } else {
                expected += 1;
            }
        }
        merger.finish(|_| count += 1);
        prop_assert_eq!(count, expected + u32::from(waiting.is_some()));
    }
}
