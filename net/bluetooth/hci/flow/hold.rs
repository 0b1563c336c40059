// SPDX-License-Identifier: GPL-2.0

//! Data that overtakes the event announcing its link.

use super::Flow;
use crate::hci::{
    device::Device,
    timers::{
        self,
        Alarm, //
    },
    user::LinkUser, //
};
use kernel_ext::{
    hci::Stat,
    skbuff::SkBuff,
    time::now_ms,
    workqueue::Worker, //
};

/// Data that came before its link.
pub(super) struct Early {
    pub(super) flags: u8,
    pub(super) skb: SkBuff,
}

/// Delivers what came for a link before it was known; its user knows it by now.
pub(in crate::hci) fn deliver_early(dev: &Device, worker: &mut Worker<'_>, handle: u16) {
    loop {
        let early = dev
            .flow
            .get(worker)
            .and_then(|f| f.hold.deliver(handle, now_ms()));
        let Some(Early { flags, skb }) = early else {
            break;
        };
        crate::Upper::received(dev, worker, handle, flags, skb);
    }
}

/// Holds data of a link that is not there yet.
#[cold]
pub(super) fn hold(dev: &Device, flow: &mut Flow, handle: u16, early: Early) {
    let now = now_ms();
    expire(dev, flow, now);
    if flow.hold.hold(handle, early, now).is_err() {
        dev.count(Stat::ErrRx, 1);
    }
    timers::alarm(dev, Alarm::Held, flow.hold.next_deadline());
}

/// Drops what was held in vain.
fn expire(dev: &Device, flow: &mut Flow, now: u64) {
    while flow.hold.expire(now).is_some() {
        dev.count(Stat::ErrRx, 1);
    }
}

/// The time has come for something that is held.
pub(in crate::hci) fn look(dev: &Device, worker: &mut Worker<'_>) {
    if let Some(flow) = dev.flow.get(worker) {
        expire(dev, flow, now_ms());
        timers::alarm(dev, Alarm::Held, flow.hold.next_deadline());
    }
}
