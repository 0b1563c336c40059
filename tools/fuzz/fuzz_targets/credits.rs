// SPDX-License-Identifier: GPL-2.0

//! Flow control against a model that only adds up: whatever the controller reports, what is free and what is outstanding make
//! the number of its buffers, and every link that is ready gets its turn.

#![no_main]

use std::{
    collections::BTreeMap,
    num::NonZeroU16, //
};

use engine::credits::{
    Buffers,
    FlowControl,
    LinkError,
    LinkType,
    NoCredit,
    STALL_MS, //
};
use libfuzzer_sys::fuzz_target;
use oxtooth_fuzz::Input;

const KINDS: [LinkType; 4] = [LinkType::Acl, LinkType::Le, LinkType::Sco, LinkType::Iso];
const LINKS: usize = 4;

fn buffers(input: &mut Input<'_>) -> Buffers {
    Buffers {
        acl: input.u8().into(),
        sco: input.below(9).into(),
        sco_flow_control: true,
        le: NonZeroU16::new(input.below(20).into()),
        iso: input.below(9).into(),
    }
}

/// Of these kinds, the packets that the controller has.
fn used(links: &BTreeMap<u16, (LinkType, u16)>, kinds: &[LinkType]) -> u16 {
    let of = links.values().filter(|link| kinds.contains(&link.0));
    of.map(|link| link.1).sum()
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let mut told = buffers(&mut input);
    let mut flow = FlowControl::<LINKS>::new();
    flow.set_buffers(told);
    let mut links: BTreeMap<u16, (LinkType, u16)> = BTreeMap::new();
    let mut now = 0;
    while !input.is_empty() {
        let handle = u16::from(input.below(6));
        match input.below(16) {
            0 | 1 => {
                let kind = input.pick(&KINDS);
                let expected = if links.contains_key(&handle) {
                    Err(LinkError::Exists)
                } else if links.len() == LINKS {
                    Err(LinkError::Full)
                } else {
                    links.insert(handle, (kind, 0));
                    Ok(())
                };
                let slot = flow.link_up(handle, kind);
                assert_eq!(
                    slot.map(|slot| assert_eq!(flow.slot_of(handle), Some(slot))),
                    expected
                );
            }
            2 => {
                let expected = links.remove(&handle).map(|link| link.1);
                assert_eq!(flow.link_down(handle), expected);
            }
            3 => {
                told = buffers(&mut input);
                flow.set_buffers(told);
            }
            4 => flow.begin_round(),
            5 => {
                flow.reset();
                links.clear();
                flow.set_buffers(told);
            }
            6..=9 => {
                let count = match input.u8() {
                    0xff => 0xffff,
                    count => u16::from(count & 7),
                };
                let mut none = (LinkType::Acl, 0);
                let link = links.get_mut(&handle).unwrap_or(&mut none);
                let done = count.min(link.1);
                link.1 -= done;
                let slot = flow.slot_of(handle);
                assert_eq!(flow.completed(handle, count), slot.map(|slot| (slot, done)));
            }
            10..=12 => {
                let kind = links.get(&handle).map_or(LinkType::Acl, |link| link.0);
                let free = flow.available(kind);
                let slot = flow.slot_of(handle);
                match slot.map_or(Err(NoCredit::NoLink), |slot| flow.take(slot)) {
                    Ok(credit) => {
                        assert!(free > 0);
                        if input.bit() {
                            flow.refund(credit);
                        } else if let Some(link) = links.get_mut(&handle) {
                            link.1 += 1;
                        }
                    }
                    Err(NoCredit::NoLink) => assert!(!links.contains_key(&handle)),
                    Err(NoCredit::Exhausted) => assert_eq!(free, 0),
                }
            }
            _ => {
                // A round of turns, as the transmitter takes them.
                let kind = input.pick(&KINDS);
                let ready = u64::from(input.u8());
                let slots: BTreeMap<u8, u16> = links
                    .keys()
                    .filter_map(|handle| Some((flow.slot_of(*handle)?, *handle)))
                    .collect();
                let before = flow.available(kind);
                let mut sent = 0;
                // Without buffers of its own LE takes turns with ACL.
                let pool = |kind| match kind {
                    LinkType::Le if told.le.is_none() => LinkType::Acl,
                    kind => kind,
                };
                let waits = slots.iter().any(|(slot, handle)| {
                    ready >> slot & 1 != 0 && pool(links[handle].0) == pool(kind)
                });
                assert_eq!(flow.waits(kind, ready), waits);
                while let Some(turn) = flow.next(kind, ready) {
                    assert!(turn.quota > 0 && ready >> turn.slot & 1 != 0);
                    for _ in 0..turn.quota {
                        assert!(flow.take(turn.slot).is_ok());
                        links.get_mut(&slots[&turn.slot]).unwrap().1 += 1;
                        sent += 1;
                    }
                }
                assert_eq!(sent, if waits { before } else { 0 });
                now += u64::from(input.u8());
                flow.starve(kind, ready, now);
                assert!(flow.stall_deadline().is_none_or(|at| at <= now + STALL_MS));
            }
        }
        let acl = match told.le {
            Some(le) => {
                let free = le.get().saturating_sub(used(&links, &[LinkType::Le]));
                assert_eq!(flow.available(LinkType::Le), free);
                used(&links, &[LinkType::Acl])
            }
            None => {
                assert_eq!(flow.available(LinkType::Le), flow.available(LinkType::Acl));
                used(&links, &[LinkType::Acl, LinkType::Le])
            }
        };
        assert_eq!(flow.available(LinkType::Acl), told.acl.saturating_sub(acl));
        for (kind, count) in [(LinkType::Sco, told.sco), (LinkType::Iso, told.iso)] {
            let free = count.saturating_sub(used(&links, &[kind]));
            assert_eq!(flow.available(kind), free);
        }
        // Where there is room nobody waits.
        if flow.available(LinkType::Acl) > 0 && flow.available(LinkType::Le) > 0 {
            assert_eq!(flow.stall_deadline(), None);
        }
        assert_eq!(flow.link_count(), links.len());
        for (handle, link) in &links {
            assert_eq!(flow.outstanding(*handle), Some(link.1));
        }
    }
});
