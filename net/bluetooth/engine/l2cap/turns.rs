// SPDX-License-Identifier: GPL-2.0

//! Which of a link's channels sends next.
//!
//! Channels have a priority, which their users set: who has more of it goes first, and equals take turns. A channel that others
//! went before too often is promoted above all but the privileged, for one packet, so that nobody starves: of a link's
//! packets, each channel that has something to send gets one among [`PATIENCE`] and twice as many as there are channels.

use core::ops::DerefMut;

/// What a channel is promoted to: the highest priority that needs no privilege (`HCI_PRIO_MAX` - 1). More is never waited for.
pub const PROMOTED: u32 = 6;

/// How many packets of channels with more priority a channel waits for.
pub const PATIENCE: u8 = 4;

/// What is kept of a channel.
#[derive(Clone, Copy, Debug, Default)]
pub struct Standing {
    /// When it last had its turn, in turns.
    served: u32,
    /// How many packets of channels with more priority went before it since.
    passed_over: u8,
}

/// A channel that may have something to send.
pub trait Sender {
    /// Its priority.
    fn priority(&self) -> u32;

    /// Whether it has something to send that may be sent now.
    fn waits(&self) -> bool;

    /// What is kept of it.
    fn standing(&mut self) -> &mut Standing;
}

/// The turns of a link's channels.
#[derive(Clone, Copy, Debug, Default)]
pub struct Turns(u32);

impl Turns {
    /// No channel had its turn yet.
    pub const fn new() -> Self {
        Self(0)
    }

    /// The place of the channel that sends next: that with the highest rank, and among equals that which had its turn the
    /// longest time ago. None if no channel waits.
    pub fn next<B, S>(&mut self, channels: &mut [B]) -> Option<usize>
    where
        B: DerefMut<Target = S>,
        S: Sender,
    {
        let mut best: Option<(usize, (u32, u32))> = None;
        let mut least = u32::MAX;
        for (at, channel) in channels.iter_mut().enumerate() {
            let priority = channel.priority();
            least = least.min(priority);
            let standing = *channel.standing();
            let rank = if standing.passed_over >= PATIENCE {
                priority.max(PROMOTED)
            } else {
                priority
            };
            let claim = (rank, self.0.wrapping_sub(standing.served));
            if best.is_none_or(|(_, best)| claim > best) && channel.waits() {
                best = Some((at, claim));
            }
        }
        let (chosen, (rank, _)) = best?;
        self.0 = self.0.wrapping_add(1);
        *channels.get_mut(chosen)?.standing() = Standing {
            served: self.0,
            passed_over: 0,
        };
        // Mostly all have the same priority, and that is all.
        if least < rank {
            for (at, channel) in channels.iter_mut().enumerate() {
                if at != chosen && channel.priority() < rank && channel.waits() {
                    let passed = &mut channel.standing().passed_over;
                    *passed = passed.saturating_add(1);
                }
            }
        }
        Some(chosen)
    }
}
