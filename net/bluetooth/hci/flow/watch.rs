// SPDX-License-Identifier: GPL-2.0

//! A controller that frees no buffer while packets wait is stuck: the links that hold the buffers
//! are ended.

use super::KINDS;
use crate::hci::{
    device::Device,
    link,
    timers::{
        self,
        Alarm, //
    },
};
use engine::credits::LinkType;
use kernel::prelude::*;
use kernel_ext::{
    time::now_ms,
    workqueue::Worker, //
};
use wire::hci::Status;

/// A controller that completes nothing for so long while packets wait is stuck, in milliseconds
/// (`HCI_ACL_TX_TIMEOUT`).
const STUCK_MS: u64 = 45_000;

/// Since when packets of each kind wait without a buffer becoming free, in milliseconds.
#[derive(Default)]
pub(super) struct Starved([Option<u64>; KINDS.len()]);

impl Starved {
    fn of(&mut self, kind: LinkType) -> Option<&mut Option<u64>> {
        let at = KINDS.iter().position(|k| *k == kind)?;
        self.0.get_mut(at)
    }

    /// A buffer of this kind has become free.
    pub(super) fn fed(&mut self, kind: LinkType) {
        if let Some(since) = self.of(kind) {
            *since = None;
        }
    }

    /// When the first of them has waited for too long.
    fn deadline(&self) -> Option<u64> {
        let since = self.0.iter().flatten().min()?;
        Some(since.saturating_add(STUCK_MS))
    }
}

/// Packets wait and no buffer is free: that must not last.
pub(super) fn starve(dev: &Device, worker: &mut Worker<'_>, kind: LinkType) {
    let Some(flow) = dev.flow.get(worker) else {
        return;
    };
    if let Some(since @ None) = flow.starved.of(kind) {
        *since = Some(now_ms());
        timers::alarm(dev, Alarm::Stuck, flow.starved.deadline());
    }
}

/// The time has come to look whether the controller is stuck.
pub(in crate::hci) fn look(dev: &Device, worker: &mut Worker<'_>) {
    for kind in KINDS {
        stuck(dev, worker, kind);
    }
    if let Some(flow) = dev.flow.get(worker) {
        timers::alarm(dev, Alarm::Stuck, flow.starved.deadline());
    }
}

/// Ends the links that hold all buffers for too long.
fn stuck(dev: &Device, worker: &mut Worker<'_>, kind: LinkType) {
    let Some(flow) = dev.flow.get(worker) else {
        return;
    };
    let now = now_ms();
    let Some(starved) = flow.starved.of(kind) else {
        return;
    };
    if !starved.is_some_and(|since| now.saturating_sub(since) >= STUCK_MS) {
        return;
    }
    *starved = None;
    flow.stuck = flow.stuck.wrapping_add(1);
    pr_err!("{}: link tx timeout\n", dev.name());
    // One at a time, which needs no memory. Buffers may be shared between the two kinds.
    let mut after = None;
    while let Some(handle) = holder(dev, worker, after) {
        after = Some(handle);
        pr_err!(
            "{}: killing stalled connection 0x{handle:03x}\n",
            dev.name()
        );
        link::end_by_handle(dev, worker, handle, Status::REMOTE_USER_TERMINATED);
    }
}

/// The link with the least handle above `after` that holds buffers.
fn holder(dev: &Device, worker: &mut Worker<'_>, after: Option<u16>) -> Option<u16> {
    let flow = dev.flow.get(worker)?;
    let holders = KINDS.iter().flat_map(|kind| flow.control.holders(*kind));
    let handles = holders.map(|(handle, _)| handle);
    handles.filter(|handle| Some(*handle) > after).min()
}
