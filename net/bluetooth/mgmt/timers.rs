// SPDX-License-Identifier: GPL-2.0

//! What mgmt does some time later: it ends being discoverable, it writes class and EIR that were
//! gathered, it ends what it sent for a mesh.

use super::{
    events, mesh,
    room::{
        self,
        Room, //
    },
};
use crate::hci::{
    update,
    Device,
    Session, //
};
use kernel::{
    prelude::*,
    sync::{
        Arc,
        ArcBorrow, //
    },
    time::msecs_to_jiffies, //
};
use kernel_ext::{
    hci::Flag,
    workqueue::{
        OrderedQueue,
        Work,
        WorkItem,
        Worker, //
    },
};

const DISCOVERABLE_OFF: u64 = 0;
const SERVICE_CACHE: u64 = 1;
const MESH_SENT: u64 = 2;

/// How long changes of services are gathered, in milliseconds.
const SERVICE_CACHE_MS: u32 = 2000;

/// The timers of a controller, on its sequencer.
#[pin_data]
pub(super) struct Timers {
    #[pin]
    discoverable_off: Work<Room, DISCOVERABLE_OFF>,
    #[pin]
    service_cache: Work<Room, SERVICE_CACHE>,
    #[pin]
    mesh_sent: Work<Room, MESH_SENT>,
}

impl Timers {
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            discoverable_off <- kernel_ext::new_work!("mgmt::Timers::discoverable_off"),
            service_cache <- kernel_ext::new_work!("mgmt::Timers::service_cache"),
            mesh_sent <- kernel_ext::new_work!("mgmt::Timers::mesh_sent"),
        })
    }

    pub(super) fn bind(&self, sequencer: &OrderedQueue) -> Result {
        self.discoverable_off.bind(sequencer)?;
        self.service_cache.bind(sequencer)?;
        self.mesh_sent.bind(sequencer)
    }

    /// Stops them for good.
    pub(super) fn disable(&self) {
        self.discoverable_off.disable_sync();
        self.service_cache.disable_sync();
        self.mesh_sent.disable_sync();
    }
}

kernel_ext::impl_has_work! {
    impl HasWork<{ DISCOVERABLE_OFF }> for Room { self.timers.discoverable_off }
}
kernel_ext::impl_has_work! {
    impl HasWork<{ SERVICE_CACHE }> for Room { self.timers.service_cache }
}
kernel_ext::impl_has_work! {
    impl HasWork<{ MESH_SENT }> for Room { self.timers.mesh_sent }
}

impl WorkItem<{ DISCOVERABLE_OFF }> for Room {
    type Pointer = Arc<Room>;

    fn run(room: ArcBorrow<'_, Room>, _worker: &mut Worker<'_>) {
        let Some(dev) = room.dev() else { return };
        dev.set(Flag::LIMITED_DISCOVERABLE, false);
        dev.set(Flag::DISCOVERABLE, false);
        dev.state().discov_timeout = 0;
        {
            let lock = dev.req_lock();
            let _ = update::discoverable(&Session::under(&lock));
        }
        events::new_settings(&dev, None);
    }
}

impl WorkItem<{ SERVICE_CACHE }> for Room {
    type Pointer = Arc<Room>;

    fn run(room: ArcBorrow<'_, Room>, _worker: &mut Worker<'_>) {
        let Some(dev) = room.dev() else { return };
        if dev.set(Flag::SERVICE_CACHE, false) {
            let lock = dev.req_lock();
            let session = Session::under(&lock);
            let _ = update::eir(&session);
            let _ = update::class(&session);
        }
    }
}

impl WorkItem<{ MESH_SENT }> for Room {
    type Pointer = Arc<Room>;

    fn run(room: ArcBorrow<'_, Room>, _worker: &mut Worker<'_>) {
        let Some(dev) = room.dev() else { return };
        let lock = dev.req_lock();
        mesh::sent(&Session::under(&lock), room);
    }
}

/// Has the transmission for a mesh end in `ms` milliseconds.
pub(super) fn start_mesh_sent(room: ArcBorrow<'_, Room>, ms: u32) {
    room.timers
        .mesh_sent
        .mod_delayed(room, msecs_to_jiffies(ms));
}

/// No transmission ends by itself any more.
pub(super) fn stop_mesh_sent(room: &Room) {
    room.timers.mesh_sent.cancel();
}

/// Has the controller stop being discoverable in `ms` milliseconds.
pub(super) fn start_discoverable_off(room: &Arc<Room>, ms: u32) {
    room.timers
        .discoverable_off
        .mod_delayed(room.as_arc_borrow(), msecs_to_jiffies(ms));
}

/// Lets it be discoverable for good.
pub(super) fn stop_discoverable_off(room: &Arc<Room>) {
    room.timers.discoverable_off.cancel();
}

/// Has changed services written a little later, together.
pub(super) fn start_service_cache(room: &Arc<Room>) {
    room.timers
        .service_cache
        .mod_delayed(room.as_arc_borrow(), msecs_to_jiffies(SERVICE_CACHE_MS));
}

/// Nothing is gathered any more.
pub(super) fn stop_service_cache(room: &Arc<Room>) {
    room.timers.service_cache.cancel();
}

/// The controller goes down: a limited time of being discoverable ends with that.
pub(super) fn power_off(dev: &Device) {
    let Some(room) = room::of(dev) else { return };
    stop_discoverable_off(&room);
    stop_service_cache(&room);
    mesh::power_off(dev, &room);
    dev.set(Flag::SERVICE_CACHE, false);
    let limited = core::mem::take(&mut dev.state().discov_timeout) > 0;
    if limited {
        dev.set(Flag::DISCOVERABLE, false);
        dev.set(Flag::LIMITED_DISCOVERABLE, false);
    }
}
