// SPDX-License-Identifier: GPL-2.0

//! Flow control against simulated controllers, and against arbitrary reports.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use engine::credits::{
    Buffers,
    Credit,
    FlowControl,
    LinkError,
    LinkType,
    NoCredit,
    STALL_MS, //
};
use proptest::prelude::*;

type Flow = FlowControl<4>;

const BUFFERS: Buffers = Buffers {
    acl: 8,
    sco: 4,
    sco_flow_control: true,
    le: NonZeroU16::new(3),
    iso: 2,
};

fn flow(buffers: Buffers) -> Flow {
    let mut flow = Flow::new();
    flow.set_buffers(buffers);
    flow
}

/// Takes credits and "sends" until there is none; returns how many.
fn fill(flow: &mut Flow, handle: u16) -> u16 {
    let mut sent = 0;
    while take(flow, handle).is_ok() {
        sent += 1;
    }
    sent
}

fn take(flow: &mut Flow, handle: u16) -> Result<Credit, NoCredit> {
    let slot = flow.slot_of(handle).ok_or(NoCredit::NoLink)?;
    flow.take(slot)
}

/// With how many packets of the link with this handle the controller is done.
fn completed(flow: &mut Flow, handle: u16, n: u16) -> u16 {
    let slot = flow.slot_of(handle);
    let done = flow.completed(handle, n);
    assert_eq!(done.map(|(slot, _)| slot), slot);
    done.map_or(0, |(_, done)| done)
}

/// The bits of the slots of the links with these handles.
fn slots(flow: &Flow, handles: impl IntoIterator<Item = u16>) -> u64 {
    let slots = handles.into_iter().filter_map(|h| flow.slot_of(h));
    slots.fold(0, |all, slot| all | (1 << slot))
}

#[test]
fn each_kind_has_its_pool() {
    let mut f = flow(BUFFERS);
    for (handle, kind, total) in [
        (1, LinkType::Acl, 8),
        (2, LinkType::Sco, 4),
        (3, LinkType::Le, 3),
        (4, LinkType::Iso, 2),
    ] {
        f.link_up(handle, kind).unwrap();
        assert_eq!(f.available(kind), total);
        assert_eq!(fill(&mut f, handle), total);
        assert_eq!(f.available(kind), 0);
        assert_eq!(take(&mut f, handle), Err(NoCredit::Exhausted));
        assert_eq!(f.outstanding(handle), Some(total));
        assert_eq!(f.holders(kind).collect::<Vec<_>>(), [(handle, total)]);
    }
    assert_eq!(completed(&mut f, 3, 1), 1);
    assert_eq!(f.available(LinkType::Le), 1);
    assert_eq!(f.available(LinkType::Acl), 0);
}

#[test]
fn le_without_buffers_uses_those_of_acl() {
    let mut f = flow(Buffers {
        le: None,
        ..BUFFERS
    });
    f.link_up(1, LinkType::Acl).unwrap();
    f.link_up(2, LinkType::Le).unwrap();
    for _ in 0..3 {
        let _credit = take(&mut f, 2).unwrap();
    }
    assert_eq!(f.available(LinkType::Acl), 5);
    assert_eq!(fill(&mut f, 1), 5);
    assert_eq!(take(&mut f, 2), Err(NoCredit::Exhausted));
    assert_eq!(completed(&mut f, 1, 2), 2);
    assert_eq!(f.available(LinkType::Le), 2);
    assert_eq!(f.link_down(2), Some(3));
    assert_eq!(f.available(LinkType::Acl), 5);
}

#[test]
fn a_controller_cannot_give_back_more_than_it_got() {
    let mut f = flow(BUFFERS);
    f.link_up(1, LinkType::Acl).unwrap();
    f.link_up(2, LinkType::Acl).unwrap();
    for _ in 0..4 {
        let _credit = take(&mut f, 1).unwrap();
    }
    // Nothing outstanding on 2: not a word about 1.
    assert_eq!(completed(&mut f, 2, 4), 0);
    assert_eq!(f.outstanding(1), Some(4));
    assert_eq!(completed(&mut f, 1, 0xffff), 4);
    assert_eq!(f.available(LinkType::Acl), 8);
    assert_eq!(completed(&mut f, 9, 1), 0);
    assert_eq!(f.stats().overflow, 4 + 0xffff - 4);
    assert_eq!(f.stats().unknown_handle, 1);
    assert_eq!(f.stats().completed, 4);
}

#[test]
fn a_link_takes_its_packets_with_it() {
    let mut f = flow(BUFFERS);
    f.link_up(1, LinkType::Acl).unwrap();
    f.link_up(2, LinkType::Acl).unwrap();
    f.link_up(3, LinkType::Le).unwrap();
    for _ in 0..5 {
        let _credit = take(&mut f, 1).unwrap();
    }
    let _credit = take(&mut f, 2).unwrap();
    assert_eq!(f.link_down(1), Some(5));
    assert_eq!(f.link_down(1), None);
    assert_eq!(f.available(LinkType::Acl), 7);
    assert_eq!(f.outstanding(2), Some(1));
    assert_eq!(f.outstanding(3), Some(0));
    // Late news of the old link, also once another has its handle.
    assert_eq!(completed(&mut f, 1, 5), 0);
    f.link_up(1, LinkType::Acl).unwrap();
    assert_eq!(completed(&mut f, 1, 5), 0);
    assert_eq!(f.available(LinkType::Acl), 7);
    assert_eq!(f.stats().returned, 5);
}

#[test]
fn unsent_packets_cost_nothing() {
    let mut f = flow(BUFFERS);
    f.link_up(1, LinkType::Iso).unwrap();
    let credit = take(&mut f, 1).unwrap();
    assert_eq!(credit.handle(), 1);
    f.refund(credit);
    assert_eq!(f.available(LinkType::Iso), 2);
    let credit = take(&mut f, 1).unwrap();
    assert_eq!(f.link_down(1), Some(1));
    f.refund(credit);
    assert_eq!(f.available(LinkType::Iso), 2);
}

#[test]
fn links_are_bounded() {
    let mut f = flow(BUFFERS);
    assert_eq!(f.link_up(0x0f00, LinkType::Acl), Err(LinkError::BadHandle));
    for handle in 0..4 {
        f.link_up(handle, LinkType::Acl).unwrap();
        assert_eq!(f.link_up(handle, LinkType::Le), Err(LinkError::Exists));
    }
    assert_eq!(f.link_up(0x0eff, LinkType::Acl), Err(LinkError::Full));
    assert_eq!(f.link_count(), 4);
    assert_eq!(f.take(4), Err(NoCredit::NoLink));
    assert_eq!(take(&mut f, 9), Err(NoCredit::NoLink));
    f.reset();
    assert_eq!(f.link_count(), 0);
    assert_eq!(f.available(LinkType::Acl), 0);
}

#[test]
fn buffers_told_again_with_links_up() {
    let mut f = flow(BUFFERS);
    f.link_up(1, LinkType::Acl).unwrap();
    f.link_up(2, LinkType::Le).unwrap();
    for _ in 0..6 {
        let _credit = take(&mut f, 1).unwrap();
    }
    let _credit = take(&mut f, 2).unwrap();
    // The same again changes nothing: no credit appears from nowhere.
    f.set_buffers(BUFFERS);
    assert_eq!(f.available(LinkType::Acl), 2);
    // Fewer than are outstanding.
    f.set_buffers(Buffers {
        acl: 4,
        le: None,
        ..BUFFERS
    });
    assert_eq!(f.available(LinkType::Acl), 0);
    assert_eq!(completed(&mut f, 1, 3), 3);
    assert_eq!(f.available(LinkType::Acl), 0, "3 + 1 of 4");
    assert_eq!(completed(&mut f, 2, 1), 1);
    assert_eq!(f.available(LinkType::Le), 1);
}

#[test]
fn synchronous_packets_without_flow_control() {
    let mut f = flow(Buffers {
        sco_flow_control: false,
        ..BUFFERS
    });
    f.link_up(1, LinkType::Sco).unwrap();
    f.link_up(2, LinkType::Sco).unwrap();
    for _ in 0..3 {
        f.begin_round();
        assert_eq!(fill(&mut f, 1), 4, "so many in a row");
    }
    f.begin_round();
    assert_eq!(f.available(LinkType::Sco), 4);

    let mut f = flow(BUFFERS);
    f.link_up(1, LinkType::Sco).unwrap();
    assert_eq!(fill(&mut f, 1), 4);
    f.begin_round();
    assert_eq!(fill(&mut f, 1), 0, "the controller will tell");
}

#[test]
fn turns_are_fair() {
    let mut f = flow(BUFFERS);
    for handle in 1..=3 {
        f.link_up(handle, LinkType::Acl).unwrap();
    }
    f.link_up(4, LinkType::Le).unwrap();
    assert!(f.next(LinkType::Acl, 0).is_none());
    assert!(f.next(LinkType::Iso, u64::MAX).is_none());
    let turn = f.next(LinkType::Acl, u64::MAX).unwrap();
    assert_eq!(turn.quota, 8 / 3);
    let turn = f.next(LinkType::Acl, 1 << 1).unwrap();
    assert_eq!((turn.slot, turn.quota), (1, 8));

    // The one with the fewest outstanding.
    let _credit = take(&mut f, 1).unwrap();
    let _credit = take(&mut f, 3).unwrap();
    let turn = f.next(LinkType::Acl, u64::MAX).unwrap();
    assert_eq!((turn.slot, turn.quota), (1, 2));

    // At least one packet, if there are fewer credits than links.
    assert_eq!(fill(&mut f, 2), 6);
    assert!(f.next(LinkType::Acl, u64::MAX).is_none());
    assert_eq!(completed(&mut f, 2, 1), 1);
    assert_eq!(f.next(LinkType::Acl, u64::MAX).unwrap().quota, 1);
}

#[test]
fn nobody_starves_where_each_packet_completes_at_once() {
    let mut f = flow(Buffers { acl: 1, ..BUFFERS });
    for handle in 1..=4 {
        f.link_up(handle, LinkType::Acl).unwrap();
    }
    let mut turns = BTreeMap::new();
    for _ in 0..400 {
        let turn = f.next(LinkType::Acl, u64::MAX).unwrap();
        let _credit = f.take(turn.slot).unwrap();
        *turns.entry(turn.slot).or_insert(0) += 1;
        assert_eq!(completed(&mut f, u16::from(turn.slot) + 1, 1), 1);
    }
    assert!(turns.len() == 4 && turns.values().all(|n| *n == 100));
}

const SHARED: Buffers = Buffers {
    acl: 2,
    le: None,
    ..BUFFERS
};

#[test]
fn links_that_share_buffers_take_turns() {
    let mut f = flow(SHARED);
    f.link_up(1, LinkType::Acl).unwrap();
    f.link_up(2, LinkType::Le).unwrap();
    let mut turns = [0; 2];
    for _ in 0..100 {
        // The transmitter asks for ACL first, each time.
        let turn = f.next(LinkType::Acl, u64::MAX).unwrap();
        assert_eq!(turn.quota, 1);
        let _credit = f.take(turn.slot).unwrap();
        turns[usize::from(turn.slot)] += 1;
        assert_eq!(completed(&mut f, u16::from(turn.slot) + 1, 1), 1);
    }
    assert_eq!(turns, [50, 50]);
}

#[test]
fn a_controller_that_goes_on_is_not_stuck() {
    let mut f = flow(SHARED);
    f.link_up(1, LinkType::Acl).unwrap();
    let le = f.link_up(2, LinkType::Le).unwrap();
    assert_eq!(fill(&mut f, 1), 2);
    assert!(f.starve(LinkType::Le, 1 << le, 1_000));
    assert!(!f.starve(LinkType::Le, 1 << le, 2_000), "known already");
    assert_eq!(f.stall_deadline(), Some(1_000 + STALL_MS));
    // ACL gives a buffer back, and takes it again: that is progress.
    assert_eq!(completed(&mut f, 1, 1), 1);
    assert_eq!(f.stall_deadline(), None);
    assert_eq!(fill(&mut f, 1), 1);
    assert!(f.starve(LinkType::Le, 1 << le, 40_000));
    assert_eq!(f.stalled(1_000 + STALL_MS), None);
    assert_eq!(f.stalled(40_000 + STALL_MS), Some(LinkType::Acl));
    let holders: Vec<_> = f.holders(LinkType::Le).collect();
    assert_eq!(holders, [(1, 2)], "who has the buffers");
    assert_eq!(f.stall_deadline(), None, "once");
}

#[test]
fn each_pool_is_watched_by_itself() {
    let mut f = flow(BUFFERS);
    f.link_up(1, LinkType::Acl).unwrap();
    f.link_up(2, LinkType::Le).unwrap();
    assert!(!f.starve(LinkType::Acl, 0b11, 0), "there is room");
    assert_eq!((fill(&mut f, 1), fill(&mut f, 2)), (8, 3));
    assert!(!f.starve(LinkType::Le, 0b01, 0), "it does not wait");
    assert!(f.starve(LinkType::Acl, 0b11, 5));
    assert!(f.starve(LinkType::Le, 0b11, 3));
    assert_eq!(f.stall_deadline(), Some(3 + STALL_MS));
    assert_eq!(completed(&mut f, 1, 1), 1);
    assert_eq!(f.stalled(5 + STALL_MS), Some(LinkType::Le));
    assert_eq!(f.stalled(5 + STALL_MS), None);
    // Whoever is stuck for LE, it is not ACL's.
    assert_eq!(f.holders(LinkType::Le).collect::<Vec<_>>(), [(2, 3)]);
    // The end of a link, and more buffers, make room as well.
    assert_eq!(fill(&mut f, 1), 1);
    assert!(f.starve(LinkType::Acl, 0b01, 9));
    assert!(f.starve(LinkType::Le, 0b10, 9));
    assert_eq!(f.link_down(2), Some(3));
    assert_eq!(f.stalled(9 + STALL_MS), Some(LinkType::Acl));
    assert!(f.starve(LinkType::Acl, 0b01, 9));
    f.set_buffers(Buffers { acl: 9, ..BUFFERS });
    assert_eq!(f.stall_deadline(), None);
}

/// A controller with real buffers; `lies` makes it report nonsense now and then.
struct Controller {
    buffered: Vec<u16>,
    capacity: usize,
}

#[test]
fn buffers_never_overflow_and_all_data_gets_through() {
    for lies in [false, true] {
        let mut f = flow(BUFFERS);
        let mut controller = Controller {
            buffered: Vec::new(),
            capacity: 8,
        };
        let mut queued: BTreeMap<u16, u32> = (1..=4).map(|handle| (handle, 100)).collect();
        for handle in 1..=4 {
            f.link_up(handle, LinkType::Acl).unwrap();
        }
        let mut step = 0u32;
        while queued.values().any(|n| *n > 0) || !controller.buffered.is_empty() {
            step += 1;
            assert!(step < 10_000, "stalled");
            loop {
                let waiting = queued.iter().filter(|(_, n)| **n > 0).map(|(h, _)| *h);
                let ready = slots(&f, waiting);
                assert_eq!(f.waits(LinkType::Acl, ready), ready != 0);
                let Some(turn) = f.next(LinkType::Acl, ready) else {
                    break;
                };
                let handle = u16::from(turn.slot) + 1;
                for _ in 0..turn.quota {
                    let left = queued.get_mut(&handle).unwrap();
                    if *left == 0 {
                        break;
                    }
                    let _credit = f.take(turn.slot).unwrap();
                    *left -= 1;
                    controller.buffered.push(handle);
                    // Reports about links that sent nothing, or that do not exist, free no buffer. (A report that comes
                    // before its packet was sent on air cannot be told from a true one.)
                    if lies {
                        assert_eq!(completed(&mut f, 0x0eff, 100), 0);
                    }
                }
            }
            assert!(controller.buffered.len() <= controller.capacity);
            if !controller.buffered.is_empty() {
                let index = step as usize * 7 % controller.buffered.len();
                let handle = controller.buffered.remove(index);
                assert_eq!(completed(&mut f, handle, 1), 1);
            }
        }
        assert_eq!(f.available(LinkType::Acl), 8);
        assert_eq!(f.stats().completed, 400);
    }
}

#[derive(Clone, Debug)]
enum Input {
    Up(u16, LinkType),
    Down(u16),
    Take(u16, bool),
    Completed(u16, u16),
    SetBuffers(bool, u16),
    BeginRound,
    Reset,
}

fn kind() -> impl Strategy<Value = LinkType> {
    prop_oneof![
        Just(LinkType::Acl),
        Just(LinkType::Le),
        Just(LinkType::Sco),
        Just(LinkType::Iso)
    ]
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        6 => (0u16..6, kind()).prop_map(|(h, k)| Input::Up(h, k)),
        3 => (0u16..6).prop_map(Input::Down),
        20 => (0u16..6, any::<bool>()).prop_map(|(h, b)| Input::Take(h, b)),
        8 => (0u16..6, prop_oneof![0u16..4, any::<u16>()]).prop_map(|(h, n)| Input::Completed(h, n)),
        1 => (any::<bool>(), 0u16..12).prop_map(|(s, n)| Input::SetBuffers(s, n)),
        1 => Just(Input::BeginRound),
        1 => Just(Input::Reset),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Against a model that only adds up.
    #[test]
    fn adds_up(inputs in proptest::collection::vec(input(), 0..300)) {
        let mut f = flow(BUFFERS);
        let mut buffers = BUFFERS;
        let mut links: BTreeMap<u16, (LinkType, u16)> = BTreeMap::new();
        for input in inputs {
            match input {
                Input::Up(handle, kind) => {
                    let expected = if links.contains_key(&handle) {
                        Err(LinkError::Exists)
                    } else if links.len() == 4 {
                        Err(LinkError::Full)
                    } else {
                        links.insert(handle, (kind, 0));
                        Ok(true)
                    };
                    prop_assert_eq!(f.link_up(handle, kind).map(|slot| f.slot_of(handle) == Some(slot)), expected);
                }
                Input::Down(handle) => {
                    let expected = links.remove(&handle).map(|(_, n)| n);
                    prop_assert_eq!(f.link_down(handle), expected);
                }
                Input::Take(handle, refund) => {
                    let kind = links.get(&handle).map_or(LinkType::Acl, |l| l.0);
                    let free = f.available(kind);
                    match take(&mut f, handle) {
                        Ok(credit) => {
                            prop_assert!(free > 0);
                            if refund {
                                f.refund(credit);
                            } else {
                                links.get_mut(&handle).unwrap().1 += 1;
                            }
                        }
                        Err(NoCredit::NoLink) => prop_assert!(!links.contains_key(&handle)),
                        Err(NoCredit::Exhausted) => prop_assert_eq!(free, 0),
                    }
                }
                Input::Completed(handle, n) => {
                    let mut none = (LinkType::Acl, 0);
                    let link = links.get_mut(&handle).unwrap_or(&mut none);
                    let done = n.min(link.1);
                    link.1 -= done;
                    prop_assert_eq!(completed(&mut f, handle, n), done);
                }
                Input::SetBuffers(shared, acl) => {
                    buffers.acl = acl;
                    buffers.le = if shared { None } else { BUFFERS.le };
                    f.set_buffers(buffers);
                }
                Input::BeginRound => f.begin_round(),
                Input::Reset => {
                    f.reset();
                    links.clear();
                    f.set_buffers(buffers);
                }
            }
            let used = |kinds: &[LinkType]| -> u16 {
                links.values().filter(|l| kinds.contains(&l.0)).map(|l| l.1).sum()
            };
            let acl = match buffers.le {
                Some(le) => {
                    prop_assert_eq!(
                        f.available(LinkType::Le),
                        le.get().saturating_sub(used(&[LinkType::Le]))
                    );
                    buffers.acl.saturating_sub(used(&[LinkType::Acl]))
                }
                None => {
                    prop_assert_eq!(f.available(LinkType::Le), f.available(LinkType::Acl));
                    buffers.acl.saturating_sub(used(&[LinkType::Acl, LinkType::Le]))
                }
            };
            prop_assert_eq!(f.available(LinkType::Acl), acl);
            prop_assert_eq!(f.available(LinkType::Sco), buffers.sco - used(&[LinkType::Sco]));
            prop_assert_eq!(f.available(LinkType::Iso), buffers.iso - used(&[LinkType::Iso]));
            for (handle, (_, outstanding)) in &links {
                prop_assert_eq!(f.outstanding(*handle), Some(*outstanding));
            }
            prop_assert_eq!(f.link_count(), links.len());
            prop_assert_eq!(slots(&f, links.keys().copied()).count_ones() as usize, links.len());
        }
    }
}
