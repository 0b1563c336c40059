// SPDX-License-Identifier: GPL-2.0

//! The receiver's window: which frames are there, which are missing, and which of these are asked for.
//!
//! Frames that arrive out of order are held by the caller. Here it is known which: all from the next one to be delivered up to
//! the last one seen, but those in a gap. As there are few gaps in a window, however large, they are kept as ranges; the frame that
//! would make one too many is treated as lost, and comes again later.

use super::Numbers;

/// How many gaps there can be.
const GAPS: usize = 32;
/// How many missing frames are asked for at a time.
const REQUESTS: usize = 64;

/// The missing frames `from..to`, at least one.
#[derive(Clone, Copy, Debug)]
struct Gap {
    from: u16,
    to: u16,
}

/// A missing frame that is asked for.
#[derive(Clone, Copy, Debug)]
struct Request {
    seq: u16,
    /// The SREJ is to be sent.
    due: bool,
}

/// A short list in an array.
#[derive(Clone, Debug)]
struct List<T, const N: usize> {
    items: [Option<T>; N],
    len: usize,
}

impl<T: Copy, const N: usize> List<T, N> {
    const fn new() -> Self {
        Self {
            items: [None; N],
            len: 0,
        }
    }

    fn is_full(&self) -> bool {
        self.len >= N
    }

    fn clear(&mut self) {
        self.len = 0;
    }

    fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.items.get(..self.len).unwrap_or(&[]).iter().flatten()
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.items
            .get_mut(..self.len)
            .unwrap_or(&mut [])
            .iter_mut()
            .flatten()
    }

    /// Says whether it fitted.
    fn push(&mut self, item: T) -> bool {
        let Some(slot) = self.items.get_mut(self.len) else {
            return false;
        };
        *slot = Some(item);
        self.len = self.len.wrapping_add(1);
        true
    }

    fn get(&self, index: usize) -> Option<T> {
        self.items.get(..self.len)?.get(index).copied().flatten()
    }

    fn set(&mut self, index: usize, item: Option<T>) {
        if let Some(slot) = self.items.get_mut(index) {
            *slot = item;
        }
    }

    /// Where the first item is for which `wanted` holds.
    fn find(&self, wanted: impl Fn(&T) -> bool) -> Option<(usize, T)> {
        (0..self.len).find_map(|index| {
            let item = self.get(index).filter(|item| wanted(item))?;
            Some((index, item))
        })
    }

    // The standard library's rotations may panic as far as the compiler can tell; these lists are short.

    /// Inserts it behind the item at `index`; there is room.
    fn insert_behind(&mut self, index: usize, item: T) {
        let at = index.saturating_add(1);
        if self.push(item) {
            for to in (at..self.len).rev() {
                let moved = if to == at {
                    Some(item)
                } else {
                    self.get(to.saturating_sub(1))
                };
                self.set(to, moved);
            }
        }
    }

    fn remove(&mut self, index: usize) {
        if index < self.len {
            for from in index.saturating_add(1)..self.len {
                let moved = self.get(from);
                self.set(from.saturating_sub(1), moved);
            }
            self.len = self.len.saturating_sub(1);
        }
    }

    /// Moves the first `count` items to the end.
    fn rotate(&mut self, count: usize) {
        for _ in 0..count {
            if let Some(first) = self.get(0) {
                self.remove(0);
                let _ = self.push(first);
            }
        }
    }
}

/// What a frame is, by its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    /// The one after the last one seen.
    Expected,
    /// One that is missing.
    Missing,
    /// One that was delivered or is held.
    Duplicate,
    /// One further on: those in between are missing.
    Ahead,
    /// Outside the window, and it is clear that it is an old one.
    Stale,
    /// Outside the window, and it may be a new one that was not allowed.
    Invalid,
}

/// The receiver's window.
#[derive(Clone, Debug)]
pub(super) struct Window {
    numbers: Numbers,
    /// How many frames the peer may send without acknowledgement.
    size: u16,
    /// The next frame to be delivered (BufferSeq).
    next: u16,
    /// The one after the last one seen (ExpectedTxSeq).
    expected: u16,
    /// What was last said to the peer to be the next one (LastAckedSeq).
    acked: u16,
    /// In order.
    gaps: List<Gap, GAPS>,
    /// In the order in which they were asked for.
    requests: List<Request, REQUESTS>,
    /// All missing frames before this one are or were asked for.
    asked: u16,
}

impl Window {
    pub(super) const fn new(numbers: Numbers, size: u16) -> Self {
        Self {
            numbers,
            size,
            next: 0,
            expected: 0,
            acked: 0,
            gaps: List::new(),
            requests: List::new(),
            asked: 0,
        }
    }

    /// How many frames the peer does not know to be delivered.
    pub(super) const fn unacknowledged(&self) -> u16 {
        self.numbers.distance(self.acked, self.next)
    }

    /// The peer is told which is the next frame to be delivered, and thereby that all before it were.
    pub(super) fn acknowledge(&mut self) -> u16 {
        self.acked = self.next;
        self.next
    }

    /// Whether frames are missing (SREJ_SENT).
    pub(super) const fn is_recovering(&self) -> bool {
        self.next != self.expected
    }

    fn distance(&self, from: u16, to: u16) -> u16 {
        self.numbers.distance(from, to)
    }

    fn gap_of(&self, seq: u16) -> Option<(usize, Gap)> {
        self.gaps
            .find(|gap| self.distance(gap.from, seq) < self.distance(gap.from, gap.to))
    }

    pub(super) fn classify(&self, seq: u16) -> Class {
        let at = self.distance(self.acked, seq);
        if at < self.size {
            if seq == self.expected {
                Class::Expected
            } else if at > self.distance(self.acked, self.expected) {
                Class::Ahead
            } else if self.gap_of(seq).is_some() {
                Class::Missing
            } else {
                Class::Duplicate
            }
        } else if seq == self.expected && !self.is_recovering() {
            Class::Invalid
        } else if self.size <= self.numbers.half() {
            // Two polls that both arrived make the peer send frames twice; of those the second are old. In a window of at most
            // half of all numbers they cannot be taken for new ones.
            Class::Stale
        } else {
            Class::Invalid
        }
    }

    /// The expected frame arrives. Returns whether it is to be delivered, not held.
    pub(super) fn take_expected(&mut self) -> bool {
        let deliver = !self.is_recovering();
        self.expected = self.numbers.after(self.expected);
        if deliver {
            self.next = self.expected;
            self.asked = self.expected;
        }
        deliver
    }

    /// A frame further on arrives, to be held. Says whether it can be; if not it is as if it were lost.
    pub(super) fn take_ahead(&mut self, seq: u16) -> bool {
        let gap = Gap {
            from: self.expected,
            to: seq,
        };
        if !self.gaps.push(gap) {
            return false;
        }
        if !self.is_recovering() {
            self.asked = self.expected;
        }
        self.expected = self.numbers.after(seq);
        true
    }

    /// A missing frame arrives. Returns how many frames to deliver, itself and held ones after it: none if it is to be held.
    /// Nothing if there is no room to note that those around it are missing; then it is as if it were lost.
    pub(super) fn take_missing(&mut self, seq: u16) -> Option<u16> {
        let (index, gap) = self.gap_of(seq)?;
        let after = self.numbers.after(seq);
        match (gap.from == seq, gap.to == after) {
            (true, true) => self.gaps.remove(index),
            (true, false) => self.set_gap(index, after, gap.to),
            (false, true) => self.set_gap(index, gap.from, seq),
            (false, false) => {
                if self.gaps.is_full() {
                    return None;
                }
                self.set_gap(index, gap.from, seq);
                let rest = Gap {
                    from: after,
                    to: gap.to,
                };
                self.gaps.insert_behind(index, rest);
            }
        }
        self.answered(seq);
        if seq != self.next {
            return Some(0);
        }
        let next = self
            .gaps
            .iter()
            .next()
            .map_or(self.expected, |gap| gap.from);
        let count = self.distance(self.next, next);
        if self.distance(self.next, self.asked) < count {
            self.asked = next;
        }
        self.next = next;
        Some(count)
    }

    fn set_gap(&mut self, index: usize, from: u16, to: u16) {
        self.gaps.set(index, Some(Gap { from, to }));
    }

    /// A frame that may have been asked for arrived: those asked for before it were lost again, for the answers come in
    /// order.
    fn answered(&mut self, seq: u16) {
        let Some((index, _)) = self.requests.find(|request| request.seq == seq) else {
            return;
        };
        for before in 0..index {
            let again = self.requests.get(before);
            let again = again.map(|request| Request {
                due: true,
                ..request
            });
            self.requests.set(before, again);
        }
        self.requests.remove(index);
        self.requests.rotate(index);
    }

    /// The first missing frame that was never asked for.
    fn unasked(&self) -> Option<u16> {
        let asked = self.distance(self.next, self.asked);
        for gap in self.gaps.iter() {
            let from = self.distance(self.next, gap.from).max(asked);
            if from < self.distance(self.next, gap.to) {
                return Some(self.numbers.plus(self.next, from));
            }
        }
        None
    }

    /// Whether there is a frame to ask for.
    pub(super) fn wants_request(&self) -> bool {
        self.requests.iter().any(|request| request.due)
            || (!self.requests.is_full() && self.unasked().is_some())
    }

    /// The next frame to ask for, if there is one; it counts as asked for.
    pub(super) fn request(&mut self) -> Option<u16> {
        if let Some(request) = self.requests.iter_mut().find(|request| request.due) {
            request.due = false;
            return Some(request.seq);
        }
        if self.requests.is_full() {
            return None;
        }
        let seq = self.unasked()?;
        self.asked = self.numbers.after(seq);
        self.requests
            .push(Request { seq, due: false })
            .then_some(seq)
    }

    /// The frame that was last asked for, if any is missing.
    pub(super) fn last_request(&self) -> Option<u16> {
        self.requests.iter().next_back().map(|request| request.seq)
    }

    /// Forgets everything after the next frame to be delivered; what is held is dropped.
    pub(super) fn abort(&mut self) {
        self.expected = self.next;
        self.asked = self.next;
        self.gaps.clear();
        self.requests.clear();
    }
}
