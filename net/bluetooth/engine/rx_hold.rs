// SPDX-License-Identifier: GPL-2.0

//! Data that overtook the event announcing its connection.
//!
//! On USB, data and events travel over different endpoints, and some controllers let the first data of a connection arrive up to
//! some ten milliseconds before its (LE) Connection Complete. Dropping it costs the link: the peer's first request is
//! lost and it waits 30 seconds for an answer. So data for a handle that is not known yet is held, a few packets for a short
//! time, and delivered when the link comes up.
//!
//! Data that arrives late, after its link went down, must not be held: it would be delivered to the next link that is given
//! the same handle. So for the same short time a handle that was just given up is quarantined, and data for it is dropped.

use crate::ring::Ring;

/// A hold time that covers the delays seen, with a margin.
pub const DEFAULT_HOLD_MS: u64 = 100;

/// How many handles are quarantined at a time; the oldest is released first.
const QUARANTINE: usize = 16;

/// A packet that was not held.
#[derive(Debug)]
pub struct Refused<P> {
    /// The packet.
    pub payload: P,
    /// Why.
    pub reason: RefuseReason,
}

/// Why a packet was not held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RefuseReason {
    /// No room, or too many for this handle.
    Full,
    /// The handle's link has just gone down.
    Quarantined,
}

/// Counters since [`RxHold::new`]. They wrap.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Packets held.
    pub held: u64,
    /// Held packets delivered to their link.
    pub delivered: u64,
    /// Held packets whose link did not come up in time, or that were dropped as their link went down.
    pub expired: u64,
    /// Packets refused for lack of room.
    pub refused_full: u64,
    /// Packets refused because their link had just gone down.
    pub refused_quarantined: u64,
}

struct Held<P> {
    handle: u16,
    deadline: u64,
    payload: P,
}

struct Quarantined {
    handle: u16,
    until: u64,
}

/// At most `N` packets, each held for a limited time.
///
/// # Invariants
///
/// - At most `N` packets are held, and of one handle at most half of them (rounded up): a handle that never becomes a link
///   leaves room for one that does.
/// - The packets of one handle are delivered in the order in which they came.
/// - Deadlines do not decrease from the oldest packet to the youngest, as long as the caller's clock does not.
pub struct RxHold<P, const N: usize> {
    held: Ring<Held<P>, N>,
    quarantine: Ring<Quarantined, QUARANTINE>,
    hold_ms: u64,
    stats: Stats,
}

fn count(counter: &mut u64) {
    *counter = counter.wrapping_add(1);
}

impl<P, const N: usize> RxHold<P, N> {
    /// Holds nothing yet; will hold each packet for `hold_ms` milliseconds.
    pub const fn new(hold_ms: u64) -> Self {
        Self {
            held: Ring::new(),
            quarantine: Ring::new(),
            hold_ms,
            stats: Stats {
                held: 0,
                delivered: 0,
                expired: 0,
                refused_full: 0,
                refused_quarantined: 0,
            },
        }
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// How many packets are held.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether none is.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Holds a packet for a handle that is not known. Let [`expire`](Self::expire) make room first.
    ///
    /// # Errors
    ///
    /// Hands the packet back if there is no room, or if the handle's link has just gone down.
    pub fn hold(&mut self, handle: u16, payload: P, now_ms: u64) -> Result<(), Refused<P>> {
        while self.quarantine.front().is_some_and(|q| q.until <= now_ms) {
            let _ = self.quarantine.pop_front();
        }
        if self
            .quarantine
            .iter()
            .any(|q| q.handle == handle && q.until > now_ms)
        {
            count(&mut self.stats.refused_quarantined);
            return Err(Refused {
                payload,
                reason: RefuseReason::Quarantined,
            });
        }
        let of_handle = self
            .held
            .iter()
            .filter(|held| held.handle == handle)
            .fold(0usize, |sum, _| sum.saturating_add(1));
        let pushed = if of_handle < N.div_ceil(2) {
            self.held.push_back(Held {
                handle,
                deadline: now_ms.saturating_add(self.hold_ms),
                payload,
            })
        } else {
            Err(Held {
                handle,
                deadline: 0,
                payload,
            })
        };
        match pushed {
            Ok(()) => {
                count(&mut self.stats.held);
                Ok(())
            }
            Err(held) => {
                count(&mut self.stats.refused_full);
                Err(Refused {
                    payload: held.payload,
                    reason: RefuseReason::Full,
                })
            }
        }
    }

    /// The link with this handle is up: returns its packets, one per call, oldest first, as far as they have not expired.
    /// Call it until it returns none, before any later packet of the link is delivered.
    pub fn deliver(&mut self, handle: u16, now_ms: u64) -> Option<P> {
        let _ = self.quarantine.remove_first(|q| q.handle == handle);
        let held = self
            .held
            .remove_first(|held| held.handle == handle && held.deadline > now_ms)?;
        count(&mut self.stats.delivered);
        Some(held.payload)
    }

    /// The link with this handle is down: data for it that is still on its way is not to be held.
    pub fn link_down(&mut self, handle: u16, now_ms: u64) {
        let _ = self.quarantine.remove_first(|q| q.handle == handle);
        if self.quarantine.is_full() {
            let _ = self.quarantine.pop_front();
        }
        let _ = self.quarantine.push_back(Quarantined {
            handle,
            until: now_ms.saturating_add(self.hold_ms),
        });
    }

    /// Takes out packets whose time is over, one per call.
    pub fn expire(&mut self, now_ms: u64) -> Option<P> {
        let held = self.held.remove_first(|held| held.deadline <= now_ms)?;
        count(&mut self.stats.expired);
        Some(held.payload)
    }

    /// When [`expire`](Self::expire) has something to do next.
    pub fn next_deadline(&self) -> Option<u64> {
        self.held.iter().map(|held| held.deadline).min()
    }

    /// Takes out all packets, one per call, and forgets the quarantine: the controller was reset or switched off.
    pub fn drain(&mut self) -> Option<P> {
        while self.quarantine.pop_front().is_some() {}
        let held = self.held.pop_front()?;
        count(&mut self.stats.expired);
        Some(held.payload)
    }
}
