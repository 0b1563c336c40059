// SPDX-License-Identifier: GPL-2.0

//! How long a peer whose pairing failed has to wait (Vol 3 Part H 2.3.6).
//!
//! Each attempt to guess a passkey tells the guesser something. So after a pairing that failed because the peer did not know
//! what it should have known, further attempts of that peer are refused for a time that doubles with each failure, whichever
//! side would begin. Somebody who changes addresses is not stopped by it: against those a passkey is used once only.

use super::Address;

/// The wait after the first failure, in milliseconds.
pub const FIRST_WAIT_MS: u64 = 1_000;
/// The longest wait, in milliseconds.
pub const LONGEST_WAIT_MS: u64 = 64_000;
/// A peer that did not fail for this long, in milliseconds, is forgotten.
pub const FORGET_AFTER_MS: u64 = 300_000;

#[derive(Clone, Copy)]
struct Entry {
    peer: Address,
    failures: u32,
    last: u64,
}

impl Entry {
    fn until(&self) -> u64 {
        let doubled = FIRST_WAIT_MS
            .checked_shl(self.failures.saturating_sub(1).min(16))
            .unwrap_or(LONGEST_WAIT_MS);
        self.last.saturating_add(doubled.min(LONGEST_WAIT_MS))
    }

    fn is_stale(&self, now_ms: u64) -> bool {
        self.last.saturating_add(FORGET_AFTER_MS) <= now_ms
    }
}

/// The peers that failed last, at most `N` of them.
///
/// When there are more, the one whose wait is over first makes room: a crowd of addresses cannot end the wait of
/// one that is still waiting before its time, except by waiting longer itself.
pub struct Attempts<const N: usize> {
    entries: [Option<Entry>; N],
}

impl<const N: usize> Default for Attempts<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Attempts<N> {
    /// Nobody failed yet.
    pub const fn new() -> Self {
        Self { entries: [None; N] }
    }

    /// Whether this peer may try now.
    pub fn allowed(&self, peer: &Address, now_ms: u64) -> bool {
        !self
            .entries
            .iter()
            .flatten()
            .any(|entry| entry.peer == *peer && entry.until() > now_ms)
    }

    /// Whether this side may begin a pairing with this peer now, or ask it to. `wished`: its user wants to pair with this very
    /// peer, now; that is for the user to say, who also gives each attempt a passkey of its own.
    pub fn may_begin(&self, peer: &Address, now_ms: u64, wished: bool) -> bool {
        wished || self.allowed(peer, now_ms)
    }

    /// This peer failed to prove what it should have known.
    pub fn failed(&mut self, peer: &Address, now_ms: u64) {
        for slot in &mut self.entries {
            if slot.is_some_and(|entry| entry.is_stale(now_ms)) {
                *slot = None;
            }
        }
        if let Some(entry) = self
            .entries
            .iter_mut()
            .flatten()
            .find(|entry| entry.peer == *peer)
        {
            entry.failures = entry.failures.saturating_add(1);
            entry.last = now_ms;
            return;
        }
        let room = self
            .entries
            .iter_mut()
            .min_by_key(|slot| slot.map_or(0, |entry| entry.until().max(1)));
        if let Some(room) = room {
            *room = Some(Entry {
                peer: *peer,
                failures: 1,
                last: now_ms,
            });
        }
    }

    /// This peer proved it, or the user removed it.
    pub fn forget(&mut self, peer: &Address) {
        for slot in &mut self.entries {
            if slot.is_some_and(|entry| entry.peer == *peer) {
                *slot = None;
            }
        }
    }
}
