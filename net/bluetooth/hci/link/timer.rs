// SPDX-License-Identifier: GPL-2.0

//! What happens to links when nothing happens: unused ones end, late controllers are given up on.

use super::{
    bredr,
    end,
    le_connect,
    sco,
    LinkKind,
    Stage,
    EVENT_MS, //
};
use crate::hci::{
    device::Device,
    timers::{
        self,
        Alarm, //
    },
    user::LinkUser, //
};
use kernel_ext::{
    time::now_ms,
    workqueue::Worker, //
};
use wire::hci::Status;

/// Some link's time has changed: the timer follows.
pub(super) fn adjust(dev: &Device, worker: &mut Worker<'_>) {
    let Some(table) = dev.links.get(worker) else {
        return;
    };
    let links = table.links.iter();
    let links = links.flat_map(|l| [l.idle_at, l.late_at, l.sniff_at]);
    let audio = table.audio.iter().map(|l| l.late_at());
    let next = Iterator::chain(links, audio).flatten().min();
    timers::alarm(dev, Alarm::Links, next);
}

/// What is due for a link.
enum Due {
    Unused,
    Late(Stage, LinkKind),
    Sniff,
}

/// Some link's time has come.
pub(in crate::hci) fn time(dev: &Device, worker: &mut Worker<'_>) {
    while let Some((id, due)) = next_due(dev, worker) {
        match due {
            Due::Unused => unused(dev, worker, id),
            Due::Late(stage, kind) => late(dev, worker, id, stage, kind),
            Due::Sniff => bredr::consider_sniff(dev, worker, id),
        }
    }
    while let Some(id) = sco::take_late(dev, worker) {
        sco::late(dev, worker, id);
    }
    adjust(dev, worker);
}

/// Takes one thing that is due, and the time for it.
fn next_due(dev: &Device, worker: &mut Worker<'_>) -> Option<(u64, Due)> {
    let now = now_ms();
    let is_due = |at: Option<u64>| at.is_some_and(|at| at <= now);
    let table = dev.links.get(worker)?;
    let link = table.find(|l| is_due(l.idle_at) || is_due(l.late_at) || is_due(l.sniff_at))?;
    let due = if is_due(link.late_at) {
        link.late_at = None;
        Due::Late(link.stage, link.kind)
    } else if is_due(link.idle_at) {
        link.idle_at = None;
        Due::Unused
    } else {
        link.sniff_at = None;
        Due::Sniff
    };
    Some((link.id, due))
}

fn unused(dev: &Device, worker: &mut Worker<'_>, id: u64) {
    let Some(link) = dev.links.get(worker).and_then(|t| t.by_id(id)) else {
        return;
    };
    if link.holds > 0 {
        return;
    }
    let handle = link.handle.filter(|_| link.up);
    let reason = match handle {
        Some(handle) => Status(crate::Upper::reason_to_end(dev, worker, handle.get())),
        None => Status::REMOTE_USER_TERMINATED,
    };
    end::end(dev, worker, id, reason);
}

fn late(dev: &Device, worker: &mut Worker<'_>, id: u64, stage: Stage, kind: LinkKind) {
    match (stage, kind) {
        // An attempt takes too long. The controller says how the cancellation went.
        (Stage::Connecting, _) => {
            end::cancel(dev, worker, id);
            if kind == LinkKind::Le {
                le_connect::timed_out(dev, worker, id);
            }
        }
        // The controller owes an event that does not come: host and controller disagree, and the
        // link is over for the host.
        (Stage::Cancelling | Stage::Disconnecting | Stage::Accepting, _) => {
            end::give_up(dev, worker, id);
        }
        _ => {}
    }
}

/// When the controller is late with an event that is asked for now.
pub(super) fn event_deadline() -> Option<u64> {
    Some(now_ms().saturating_add(EVENT_MS))
}
