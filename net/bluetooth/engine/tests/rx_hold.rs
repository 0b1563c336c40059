// SPDX-License-Identifier: GPL-2.0

//! Data that overtook its connection.

use engine::rx_hold::{
    RefuseReason,
    RxHold,
    DEFAULT_HOLD_MS, //
};
use proptest::prelude::*;

type Hold = RxHold<u32, 8>;

fn hold() -> Hold {
    RxHold::new(DEFAULT_HOLD_MS)
}

fn deliver(hold: &mut Hold, handle: u16, now: u64) -> Vec<u32> {
    std::iter::from_fn(|| hold.deliver(handle, now)).collect()
}

#[test]
fn delivered_in_order_when_the_link_comes_up() {
    let mut h = hold();
    for n in 0..3 {
        h.hold(1, n, n.into()).unwrap();
        h.hold(2, 10 + n, n.into()).unwrap();
    }
    assert_eq!(deliver(&mut h, 2, 10), [10, 11, 12]);
    assert_eq!(deliver(&mut h, 1, 10), [0, 1, 2]);
    assert!(deliver(&mut h, 1, 10).is_empty());
    assert!(h.is_empty());
    assert_eq!((h.stats().held, h.stats().delivered), (6, 6));
}

#[test]
fn expires_in_time() {
    let mut h = hold();
    assert_eq!(h.next_deadline(), None);
    h.hold(1, 1, 0).unwrap();
    h.hold(1, 2, 50).unwrap();
    assert_eq!(h.next_deadline(), Some(100));
    assert_eq!(h.expire(99), None);
    assert_eq!(h.expire(100), Some(1));
    assert_eq!(h.expire(100), None);
    assert_eq!(h.next_deadline(), Some(150));
    assert!(
        deliver(&mut h, 1, 150).is_empty(),
        "too late, though still here"
    );
    assert_eq!(h.expire(150), Some(2));
    assert_eq!(h.stats().expired, 2);
}

#[test]
fn one_handle_leaves_room_for_others() {
    let mut h = hold();
    for n in 0..4 {
        h.hold(1, n, 0).unwrap();
    }
    let refused = h.hold(1, 4, 0).unwrap_err();
    assert_eq!((refused.reason, refused.payload), (RefuseReason::Full, 4));
    for n in 0..4 {
        h.hold(2, n, 0).unwrap();
    }
    assert_eq!(h.hold(3, 9, 0).unwrap_err().reason, RefuseReason::Full);
    assert_eq!(h.len(), 8);
    assert_eq!(h.stats().refused_full, 2);
}

#[test]
fn late_data_of_an_old_link_does_not_reach_a_new_one() {
    let mut h = hold();
    h.link_down(1, 1000);
    let refused = h.hold(1, 7, 1050).unwrap_err();
    assert_eq!(refused.reason, RefuseReason::Quarantined);
    h.hold(2, 8, 1050).unwrap();
    h.hold(1, 9, 1100).unwrap();
    assert_eq!(deliver(&mut h, 1, 1110), [9]);
    assert_eq!(h.stats().refused_quarantined, 1);

    // A link that came up is no longer quarantined, one that went down again is, anew.
    h.link_down(1, 2000);
    assert!(deliver(&mut h, 1, 2010).is_empty());
    h.hold(1, 1, 2020).unwrap();
    h.link_down(2, 2020);
    h.link_down(2, 2090);
    assert!(h.hold(2, 1, 2150).is_err());

    // The number of quarantined handles is bounded.
    for handle in 100..200 {
        h.link_down(handle, 3000);
    }
    assert!(h.hold(199, 1, 3000).is_err());
    assert!(h.hold(100, 1, 3000).is_ok());
}

#[test]
fn drained_empty() {
    let mut h = hold();
    h.hold(1, 1, 0).unwrap();
    h.hold(2, 2, 0).unwrap();
    h.link_down(3, 0);
    assert_eq!(std::iter::from_fn(|| h.drain()).collect::<Vec<_>>(), [1, 2]);
    assert!(h.hold(3, 3, 0).is_ok());
}

#[derive(Clone, Debug)]
enum Input {
    Hold(u16),
    LinkUp(u16),
    LinkDown(u16),
    Expire,
    Sleep(u64),
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        6 => (0u16..4).prop_map(Input::Hold),
        2 => (0u16..4).prop_map(Input::LinkUp),
        1 => (0u16..4).prop_map(Input::LinkDown),
        2 => Just(Input::Expire),
        3 => (0u64..60).prop_map(Input::Sleep),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Against a plain list: each packet comes back exactly once, in order, in time and on its own handle.
    #[test]
    fn as_a_list(inputs in proptest::collection::vec(input(), 0..200)) {
        let mut h = hold();
        let mut now = 0u64;
        let mut next = 0u32;
        let mut model: Vec<(u16, u64, u32)> = Vec::new();
        for input in inputs {
            match input {
                Input::Hold(handle) => {
                    next += 1;
                    match h.hold(handle, next, now) {
                        Ok(()) => model.push((handle, now, next)),
                        Err(refused) => prop_assert_eq!(refused.payload, next),
                    }
                }
                Input::LinkUp(handle) => {
                    let alive = |entry: &(u16, u64, u32)| {
                        entry.0 == handle && now < entry.1 + DEFAULT_HOLD_MS
                    };
                    let expected: Vec<u32> =
                        model.iter().filter(|e| alive(e)).map(|e| e.2).collect();
                    model.retain(|e| !alive(e));
                    prop_assert_eq!(deliver(&mut h, handle, now), expected);
                }
                Input::LinkDown(handle) => h.link_down(handle, now),
                Input::Expire => {
                    let over = |entry: &(u16, u64, u32)| now >= entry.1 + DEFAULT_HOLD_MS;
                    let expected: Vec<u32> =
                        model.iter().filter(|e| over(e)).map(|e| e.2).collect();
                    model.retain(|e| !over(e));
                    let expired: Vec<u32> = std::iter::from_fn(|| h.expire(now)).collect();
                    prop_assert_eq!(expired, expected);
                }
                Input::Sleep(ms) => now += ms,
            }
            prop_assert_eq!(h.len(), model.len());
            prop_assert!(h.len() <= 8);
        }
        let stats = h.stats();
        let rest = std::iter::from_fn(|| h.drain()).count() as u64;
        prop_assert_eq!(stats.held, stats.delivered + stats.expired + rest);
    }
}
