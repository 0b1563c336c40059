// SPDX-License-Identifier: GPL-2.0

//! What `poll` answers.

use super::{
    shutdown,
    Protocol,
    Socket,
    State, //
};
use crate::bindings;
use core::ops::{
    BitOr,
    BitOrAssign, //
};

/// A set of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PollMask(u32);

impl PollMask {
    /// No event.
    pub const NONE: Self = Self(0);
    /// `EPOLLIN | EPOLLRDNORM`: something can be received, or accepted.
    pub const IN: Self = Self(0x0001 | 0x0040);
    /// `EPOLLPRI`: something urgent, such as a queued error, can be received.
    pub const PRI: Self = Self(0x0002);
    /// `EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND`: something can be sent.
    pub const OUT: Self = Self(0x0004 | 0x0100 | 0x0200);
    /// `EPOLLERR`: an error is pending.
    pub const ERR: Self = Self(0x0008);
    /// `EPOLLHUP`: closed in both directions.
    pub const HUP: Self = Self(0x0010);
    /// `EPOLLRDHUP`: the peer will send no more.
    pub const RDHUP: Self = Self(0x2000);

    /// Returns the events as C has them.
    pub const fn as_raw(self) -> u32 {
        self.0
    }

    /// Returns whether all of `other` are in the set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for PollMask {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for PollMask {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl<P: Protocol> Socket<'_, P> {
    /// Returns the events of a connection-oriented Bluetooth socket: what is in its queues, what
    /// was shut down, whether there is room to send.
    ///
    /// `may_send` is what the protocol says to sending, beside the room in the send buffer. A
    /// listening socket is readable as soon as one of its children is connected.
    pub fn poll_mask(&self, may_send: bool) -> PollMask {
        let mut now = bindings::kext_poll_state::default();
        // SAFETY: The socket is valid.
        unsafe { bindings::kext_sk_poll_state(self.as_raw(), &mut now) };

        let state = State::from_raw(now.state);
        if state == State::Listen {
            return if self.accept_any(|child| child.state() == State::Connected) {
                PollMask::IN
            } else {
                PollMask::NONE
            };
        }

        let mut mask = PollMask::NONE;
        if now.error {
            mask |= PollMask::ERR;
            if now.error_priority {
                mask |= PollMask::PRI;
            }
        }
        if now.shutdown & shutdown::RECEIVE != 0 {
            mask |= PollMask::RDHUP | PollMask::IN;
        }
        if now.shutdown == shutdown::BOTH || state == State::Closed {
            mask |= PollMask::HUP;
        }
        if now.readable {
            mask |= PollMask::IN;
        }
        if matches!(state, State::Connect | State::Connect2 | State::Config) {
            return mask;
        }
        if may_send && now.writeable {
            mask |= PollMask::OUT;
        } else {
            // SAFETY: The socket is valid and, as long as there is a `Socket`, has a wait queue.
            unsafe { bindings::kext_sk_async_nospace(self.as_raw()) };
        }
        mask
    }
}
