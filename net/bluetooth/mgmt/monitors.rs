// SPDX-License-Identifier: GPL-2.0

//! Advertisement monitors: patterns that advertisers are watched for.
//!
//! They are kept, and make the controller scan in the background; which monitor an advertiser
//! matches is user space's to find out, as on controllers that cannot match patterns themselves.

use super::{
    call::{
        concat,
        Bytes,
        Call,
        Failure,
        Outcome, //
    },
    channel::SocketId,
    events,
    room::Room, //
};
use crate::hci::{
    update,
    Device, //
};
use kernel::prelude::*;
use kernel_ext::vec::VecExt;
use wire::mgmt::{
    command::{
        AddAdvPatternsMonitor,
        AddAdvPatternsMonitorRssi,
        RemoveAdvMonitor, //
    },
    ev,
    event,
    op,
    reply::{
        AdvMonitor,
        AdvMonitorFeaturesHead, //
    },
    AdvPattern,
    MgmtStatus, //
};
use zerocopy::{
    little_endian::{
        U16,
        U32, //
    },
    IntoBytes, //
};

/// Monitors of a controller at most, and patterns of a monitor.
const MAX_MONITORS: u16 = 32;
const MAX_PATTERNS: u8 = 16;

/// Commands that do not go with another monitor being added.
const ADDING: [u16; 3] = [
    op::SET_LE,
    op::ADD_ADV_PATTERNS_MONITOR,
    op::ADD_ADV_PATTERNS_MONITOR_RSSI,
];

/// The monitors of a controller.
pub(super) struct Monitors {
    handles: KVec<u16>,
}

impl Monitors {
    pub(super) fn new() -> Self {
        Self {
            handles: KVec::new(),
        }
    }

    /// Whether there is one.
    pub(super) fn any(&self) -> bool {
        !self.handles.is_empty()
    }

    fn add(&mut self) -> Result<u16> {
        if self.handles.len() >= usize::from(MAX_MONITORS) {
            return Err(ENOMEM);
        }
        // The lowest that is free.
        let handle = (1..=MAX_MONITORS)
            .find(|h| !self.handles.contains(h))
            .ok_or(ENOMEM)?;
        self.handles.append(handle)?;
        Ok(handle)
    }

    fn remove(&mut self, handle: u16) -> bool {
        let before = self.handles.len();
        self.handles.keep(|h| *h != handle);
        self.handles.len() != before
    }
}

/// Tells `hci` how many monitors there are: they are scanned for.
fn publish(dev: &Device, room: &Room) {
    let count = room.inner().monitors.handles.len();
    dev.state().adv_monitors = count;
}

/// Read Advertisement Monitor Features.
pub(super) fn features(call: &Call<'_>) -> Outcome {
    let mut handles = Bytes::new();
    let mut count: u16 = 0;
    for handle in call.room()?.inner().monitors.handles.iter() {
        handles.append_all(&handle.to_le_bytes())?;
        count = count.saturating_add(1);
    }
    let head = AdvMonitorFeaturesHead {
        // What the controller itself can match: nothing, without its maker's extensions.
        supported: U32::ZERO,
        enabled: U32::ZERO,
        max_handles: U16::new(MAX_MONITORS),
        max_patterns: MAX_PATTERNS,
        num_handles: U16::new(count),
    };
    call.complete(&concat(&[head.as_bytes(), &handles])?)
}

fn check(patterns: &[AdvPattern]) -> Result<(), Failure> {
    if patterns.is_empty()
        || patterns
            .iter()
            .any(|p| p.offset > 30 || p.value().is_none())
    {
        return Err(MgmtStatus::INVALID_PARAMS.into());
    }
    Ok(())
}

fn tell(dev: &Device, opcode: u16, handle: u16, skip: Option<SocketId>) {
    let payload = event::AdvMonitor {
        handle: U16::new(handle),
    };
    events::trusted(dev, opcode, &payload, skip);
}

fn register(call: &Call<'_>) -> Outcome {
    call.not_pending(&ADDING)?;
    let ticket = call.listed()?;
    call.queue_or(ticket, MgmtStatus::FAILED, |session, ticket| {
        let added = ticket.room().inner().monitors.add();
        publish(session.dev(), ticket.room());
        let Some(claim) = ticket.claim() else { return };
        match added {
            Ok(handle) => {
                tell(session.dev(), ev::ADV_MONITOR_ADDED, handle, claim.skip());
                let _ = update::passive_scan(session);
                let reply = AdvMonitor {
                    handle: U16::new(handle),
                };
                claim.complete(MgmtStatus::SUCCESS, reply.as_bytes());
            }
            Err(_) => claim.status(MgmtStatus::NO_RESOURCES),
        }
    })
}

/// Add Advertisement Patterns Monitor.
pub(super) fn add(call: &Call<'_>, params: &[u8]) -> Outcome {
    check(AddAdvPatternsMonitor::parse(params)?.patterns)?;
    register(call)
}

/// Add Advertisement Patterns Monitor With RSSI Threshold.
pub(super) fn add_rssi(call: &Call<'_>, params: &[u8]) -> Outcome {
    check(AddAdvPatternsMonitorRssi::parse(params)?.patterns)?;
    register(call)
}

/// Remove Advertisement Monitor; all of them for handle 0.
pub(super) fn remove(call: &Call<'_>, params: &RemoveAdvMonitor) -> Outcome {
    call.not_pending(&ADDING)?;
    let handle = params.handle.get();
    call.submit(call.unlisted()?, move |session, ticket| {
        let removed = {
            let mut inner = ticket.room().inner();
            if handle == 0 {
                inner.monitors.handles.clear();
                true
            } else {
                inner.monitors.remove(handle)
            }
        };
        publish(session.dev(), ticket.room());
        let Some(claim) = ticket.claim() else { return };
        let status = if removed {
            tell(session.dev(), ev::ADV_MONITOR_REMOVED, handle, claim.skip());
            let _ = update::passive_scan(session);
            MgmtStatus::SUCCESS
        } else {
            MgmtStatus::INVALID_PARAMS
        };
        let reply = AdvMonitor {
            handle: U16::new(handle),
        };
        claim.complete(status, reply.as_bytes());
    })
}
