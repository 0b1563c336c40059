// SPDX-License-Identifier: GPL-2.0

//! Who wants to know when its data went out, and when the controller was done with it
//! (`SO_TIMESTAMPING`).

use kernel_ext::{
    ring::Ring,
    skbuff::SkBuff, //
};

/// The packets of one link, counted, and those of them whose sender wants to know.
pub(super) struct Stamps {
    /// The controller tells which packets it is done with.
    completes: bool,
    /// Packets sent, and packets that it is done with.
    sent: u64,
    completed: u64,
    /// Clones of packets, each with how many were sent before and with it. The oldest first; no
    /// more than the controller has buffers.
    tracked: Ring<(u64, SkBuff)>,
}

impl Stamps {
    /// Nothing was sent yet.
    pub(super) fn new(completes: bool) -> Self {
        Self {
            completes,
            sent: 0,
            completed: 0,
            tracked: Ring::new(),
        }
    }

    /// How many packets went to the controller.
    pub(super) fn count(&self) -> u64 {
        self.sent
    }

    /// A packet goes to the controller now: tells its sender, if it wants to know.
    pub(super) fn note(&mut self, packet: &mut SkBuff) {
        self.sent = self.sent.wrapping_add(1);
        packet.stamp_sent();
        if self.completes && packet.wants_completion() {
            // Without memory the sender is not told.
            if let Ok(clone) = packet.clone_with_sock() {
                let _ = self.tracked.push_back((self.sent, clone));
            }
        }
    }

    /// The last packet did not go to the controller after all, which never completes it.
    pub(super) fn unsent(&mut self) {
        if self.tracked.back().is_some_and(|(at, _)| *at == self.sent) {
            drop(self.tracked.pop_back());
        }
        self.sent = self.sent.saturating_sub(1);
    }

    /// The controller is done with so many packets more.
    pub(super) fn done(&mut self, packets: u16) {
        self.completed = self.completed.saturating_add(packets.into());
        while self
            .tracked
            .front()
            .is_some_and(|(sent, _)| *sent <= self.completed)
        {
            if let Some((_, mut packet)) = self.tracked.pop_front() {
                packet.stamp_completed();
            }
        }
    }
}
