// SPDX-License-Identifier: GPL-2.0

//! How data flows at a moment, for people.

use crate::hci::{
    device::{
        with_worker,
        Device, //
    },
    user::{
        AudioUser,
        LinkUser, //
    },
};
use engine::credits::LinkType;
use kernel::prelude::*;
use kernel_ext::vec::VecExt;

/// A controller's flow of data.
#[derive(Default)]
pub(in crate::hci) struct Snapshot {
    /// Free buffers for ACL, SCO, LE and ISO data.
    pub(in crate::hci) free: [u16; 4],
    pub(in crate::hci) stats: engine::credits::Stats,
    pub(in crate::hci) held: engine::rx_hold::Stats,
    pub(in crate::hci) overflows: u32,
    pub(in crate::hci) stuck: u32,
    /// Audio packets that were lost because nobody took those before them.
    pub(in crate::hci) dropped: u64,
    pub(in crate::hci) links: KVec<LinkCounters>,
}

/// One link's counters.
pub(in crate::hci) struct LinkCounters {
    pub(in crate::hci) handle: u16,
    pub(in crate::hci) kind: LinkType,
    /// Packets in the controller.
    pub(in crate::hci) outstanding: u16,
    /// Frames that wait with the user.
    pub(in crate::hci) queued: usize,
    pub(in crate::hci) sent: u64,
    pub(in crate::hci) received: u64,
    /// Of what was received, what there was no room for: told of audio links.
    pub(in crate::hci) dropped: u64,
}

/// How data flows now. Sleeps; not on the worker.
///
/// # Errors
///
/// `ENODEV` if the controller is leaving, `ENOMEM`.
pub(in crate::hci) fn snapshot(dev: &Device) -> Result<Snapshot> {
    with_worker(dev, |worker| -> Result<Snapshot> {
        let mut shot = Snapshot::default();
        let Some(flow) = dev.flow.get(worker) else {
            return Ok(shot);
        };
        let kinds = [LinkType::Acl, LinkType::Sco, LinkType::Le, LinkType::Iso];
        shot.free = kinds.map(|kind| flow.control.available(kind));
        shot.stats = flow.control.stats();
        shot.held = flow.hold.stats();
        shot.overflows = flow.overflows;
        shot.stuck = flow.stuck;
        shot.dropped = flow.dropped;
        for link in flow.links.iter().flatten() {
            let counters = LinkCounters {
                handle: link.handle,
                kind: link.kind,
                outstanding: flow.control.outstanding(link.handle).unwrap_or(0),
                queued: 0,
                sent: link.sent.count(),
                received: link.received,
                dropped: link.dropped,
            };
            shot.links.append(counters)?;
        }
        for link in shot.links.iter_mut() {
            link.queued = match link.kind {
                LinkType::Sco => crate::Audio::queued(dev, worker, link.handle),
                _ => crate::Upper::queued(dev, worker, link.handle),
            };
        }
        Ok(shot)
    })?
}
