// SPDX-License-Identifier: GPL-2.0

//! A controller that frees no buffer while packets wait is stuck: the links that hold the buffers
//! are ended.

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

/// There was no turn for a link of this kind: if packets wait and no buffer is free, that must not
/// last.
pub(super) fn starve(dev: &Device, worker: &mut Worker<'_>, kind: LinkType) {
    let Some(flow) = dev.flow.get(worker) else {
        return;
    };
    if flow.control.starve(kind, flow.ready, now_ms()) {
        timers::alarm(dev, Alarm::Stuck, flow.control.stall_deadline());
    }
}

/// The time has come to look whether the controller is stuck.
pub(in crate::hci) fn look(dev: &Device, worker: &mut Worker<'_>) {
    while let Some(flow) = dev.flow.get(worker) {
        let Some(kind) = flow.control.stalled(now_ms()) else {
            return timers::alarm(dev, Alarm::Stuck, flow.control.stall_deadline());
        };
        flow.stuck = flow.stuck.wrapping_add(1);
        stuck(dev, worker, kind);
    }
}

/// Ends the links that hold all buffers for too long.
fn stuck(dev: &Device, worker: &mut Worker<'_>, kind: LinkType) {
    pr_err!("{}: link tx timeout\n", dev.name());
    // One at a time, which needs no memory.
    let mut after = None;
    while let Some(handle) = holder(dev, worker, kind, after) {
        after = Some(handle);
        pr_err!(
            "{}: killing stalled connection 0x{handle:03x}\n",
            dev.name()
        );
        link::end_by_handle(dev, worker, handle, Status::REMOTE_USER_TERMINATED);
    }
}

/// The link with the least handle above `after` that holds buffers.
fn holder(
    dev: &Device,
    worker: &mut Worker<'_>,
    kind: LinkType,
    after: Option<u16>,
) -> Option<u16> {
    let flow = dev.flow.get(worker)?;
    let handles = flow.control.holders(kind).map(|(handle, _)| handle);
    handles.filter(|handle| Some(*handle) > after).min()
}
