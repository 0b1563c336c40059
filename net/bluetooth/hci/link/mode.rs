// SPDX-License-Identifier: GPL-2.0

//! Who may wake a link that is in sniff mode.
//!
//! A link that this host sent to sleep is woken by any data. One that its peer wanted asleep is woken
//! by data whose sender insists (`BT_POWER`), as signalling does.

use super::{
    bredr,
    Link, //
};
use crate::hci::device::Device;
use kernel_ext::workqueue::Worker;
use wire::hci::{
    event::ModeChange,
    ConnHandle, //
};

fn by_handle<'a>(
    dev: &'a Device,
    worker: &'a mut Worker<'_>,
    handle: ConnHandle,
) -> Option<&'a mut Link> {
    dev.links.get(worker)?.by_handle(handle)
}

/// A link has gone to another mode (7.7.20).
pub(in crate::hci) fn mode_changed(dev: &Device, worker: &mut Worker<'_>, e: &ModeChange) {
    /// Active mode.
    const ACTIVE: u8 = 0x00;
    if e.status.is_success() {
        // Unless it was asked for here, it is the peer's wish.
        if let Some(link) = by_handle(dev, worker, e.handle) {
            link.asleep_by_peer = !link.mode_pending && e.mode != ACTIVE;
        }
    }
    bredr::mode_changed(dev, worker, e);
}

/// Data passes on a link that is in sniff mode, or that would not go there; `insists`: of somebody
/// who wants it woken.
pub(in crate::hci) fn data_passes(
    dev: &Device,
    worker: &mut Worker<'_>,
    handle: u16,
    insists: bool,
) {
    let link = by_handle(dev, worker, ConnHandle::new(handle));
    if link.is_some_and(|l| l.sniff && l.asleep_by_peer && !insists) {
        return;
    }
    bredr::data_passes(dev, worker, handle);
}
