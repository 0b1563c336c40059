// SPDX-License-Identifier: GPL-2.0

//! Which of a link's channels sends next: by priority, in turns, and nobody starves.

use engine::l2cap::turns::{
    Sender,
    Standing,
    Turns,
    PATIENCE,
    PROMOTED, //
};
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Channel {
    priority: u32,
    queued: u32,
    standing: Standing,
    sent: u32,
}

impl Sender for Channel {
    fn priority(&self) -> u32 {
        self.priority
    }
    fn waits(&self) -> bool {
        self.queued > 0
    }
    fn standing(&mut self) -> &mut Standing {
        &mut self.standing
    }
}

/// Channels with these priorities that always have something to send.
#[expect(
    clippy::vec_box,
    reason = "a link has them boxed, and turns are given what a link has"
)]
fn channels(priorities: &[u32]) -> Vec<Box<Channel>> {
    let all = priorities.iter().map(|priority| {
        Box::new(Channel {
            priority: *priority,
            queued: u32::MAX,
            standing: Standing::default(),
            sent: 0,
        })
    });
    all.collect()
}

/// Who sends, packet by packet.
fn run(turns: &mut Turns, channels: &mut [Box<Channel>], packets: usize) -> Vec<usize> {
    let mut order = Vec::new();
    for _ in 0..packets {
        let Some(at) = turns.next(channels) else {
            break;
        };
        channels[at].queued -= 1;
        channels[at].sent += 1;
        order.push(at);
    }
    order
}

#[test]
fn equals_take_turns() {
    let mut turns = Turns::new();
    let mut some = channels(&[3, 3, 3]);
    assert_eq!(run(&mut turns, &mut some, 7), [0, 1, 2, 0, 1, 2, 0]);
    // Who has nothing to send is no obstacle, and does not lose its turn.
    some[1].queued = 0;
    assert_eq!(run(&mut turns, &mut some, 3), [2, 0, 2]);
    some[1].queued = 9;
    assert_eq!(run(&mut turns, &mut some, 3), [1, 0, 2]);
    for channel in &mut some {
        channel.queued = 0;
    }
    assert_eq!(run(&mut turns, &mut some, 1).len(), 0);
    assert_eq!(run(&mut turns, &mut [], 1).len(), 0);
}

#[test]
fn more_priority_goes_first() {
    let mut turns = Turns::new();
    let mut both = channels(&[0, 5]);
    let first = run(&mut turns, &mut both, PATIENCE.into());
    assert_eq!(first, [1; PATIENCE as usize]);
    // And again, once the other has had its turn.
    let order = run(&mut turns, &mut both, 5);
    assert_eq!(order, [0, 1, 1, 1, 1]);
    // What is queued at once goes out in the order of priority.
    let mut some = channels(&[1, 3, 2]);
    for channel in &mut some {
        channel.queued = 1;
    }
    assert_eq!(run(&mut turns, &mut some, 9), [1, 2, 0]);
}

#[test]
fn who_waits_is_promoted_for_one_packet() {
    for high in [1, 5, PROMOTED] {
        let mut both = channels(&[high, 0]);
        run(&mut Turns::new(), &mut both, 1000);
        let share = 1000 / (u32::from(PATIENCE) + 1);
        assert_eq!(both[1].sent, share, "beside {high}");
    }
    // What it takes a privilege to set is waited for.
    let mut both = channels(&[PROMOTED + 1, 0]);
    run(&mut Turns::new(), &mut both, 1000);
    assert_eq!(both[1].sent, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Nobody waits for long, whatever the priorities.
    #[test]
    fn nobody_starves(priorities in proptest::collection::vec(0..=PROMOTED, 1..12)) {
        let mut all = channels(&priorities);
        let order = run(&mut Turns::new(), &mut all, 500);
        let longest = usize::from(PATIENCE) + 2 * all.len();
        for at in 0..all.len() {
            let gaps = order.split(|sent| *sent == at);
            prop_assert!(gaps.map(<[usize]>::len).max() <= Some(longest), "{} of {:?}", at, order);
        }
    }

    /// Who is asked has something to send, and somebody is as long as anybody has.
    #[test]
    fn all_is_sent(queued in proptest::collection::vec((0u32..9, 0u32..20), 0..9)) {
        let priorities: Vec<u32> = queued.iter().map(|(priority, _)| *priority).collect();
        let mut all = channels(&priorities);
        for (channel, (_, packets)) in all.iter_mut().zip(&queued) {
            channel.queued = *packets;
        }
        let total: u32 = queued.iter().map(|(_, packets)| *packets).sum();
        prop_assert_eq!(run(&mut Turns::new(), &mut all, 1000).len(), total as usize);
    }
}
