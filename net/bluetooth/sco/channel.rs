// SPDX-License-Identifier: GPL-2.0

//! An audio channel, as its user and the worker share it.

use crate::hci::{
    flow,
    user::{
        AudioFacts,
        AudioUp, //
    },
    Device, //
};
use core::sync::atomic::{
    AtomicU64,
    Ordering, //
};
use kernel::{
    prelude::*,
    sync::{
        aref::ARef,
        new_spinlock,
        Arc,
        SpinLock, //
    },
};
use kernel_ext::{
    hci::Codec,
    skbuff::{
        SkBuff,
        SkBuffQueue, //
    },
};
use wire::BdAddr;
use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes,
    KnownLayout, //
};

/// Bytes of one packet where the controller does not say how many it takes.
const FALLBACK_MTU: u16 = 60;
/// Most bytes that the header of a SCO packet can tell (Vol 4 Part E 5.4.3).
const MAX_LEN: u16 = 255;

/// What is known of a packet that was received: in its control buffer.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Received {
    /// Packet status flag (Vol 4 Part E 5.4.3).
    pub(crate) status: u8,
}

/// What a channel is set to, and what its link is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// The local address, as bound or as used.
    pub(crate) src: BdAddr,
    pub(crate) dst: BdAddr,
    /// Voice setting (Vol 4 Part E 6.12).
    pub(crate) setting: u16,
    pub(crate) codec: Codec,
    /// The user decides about each connection before it is answered.
    pub(crate) deferred: bool,
    /// The user wants to know the status of each packet.
    pub(crate) packet_status: bool,
    /// The link's handle, once there is one.
    pub(crate) handle: u16,
    /// Class of the peer.
    pub(crate) class: [u8; 3],
    /// Bytes of one packet.
    pub(crate) mtu: u16,
    /// PHYs that the link may use (`BT_PHY_*`).
    pub(crate) phys: u32,
}

impl Settings {
    /// What a new channel is set to: CVSD, 16 bit samples.
    pub(crate) const fn new() -> Self {
        Self {
            src: BdAddr::ANY,
            dst: BdAddr::ANY,
            setting: 0x0060,
            codec: Codec {
                id: engine::sco::codec::CVSD,
                company: 0xffff,
                vendor_codec: 0xffff,
                data_path: 0,
            },
            deferred: false,
            packet_status: false,
            handle: 0,
            class: [0; 3],
            mtu: 0,
            phys: 0,
        }
    }

    /// What a connection to a listening channel begins with.
    pub(crate) const fn for_child(&self) -> Self {
        Self {
            deferred: self.deferred,
            packet_status: self.packet_status,
            ..Self::new()
        }
    }
}

/// Where a channel that is in use is found.
struct Place {
    dev: ARef<Device>,
    /// The link's, once it is up.
    slot: Option<u8>,
}

struct Inner {
    settings: Settings,
    place: Option<Place>,
    /// Its user is gone: never to be used again.
    spent: bool,
}

/// An audio channel.
///
/// # Invariants
///
/// A channel has a place exactly as long as it is in the table of that controller's worker, and
/// what is queued has a place. The lock is a leaf but for the queue's own: nothing is called or
/// dropped under it.
#[pin_data]
pub(crate) struct Channel {
    /// Tells channels apart, also when one is gone.
    id: u64,
    #[pin]
    inner: SpinLock<Inner>,
    /// What is to be sent, a packet each.
    #[pin]
    queue: SkBuffQueue,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl Channel {
    /// Returns a channel that is in use nowhere.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(settings: Settings) -> Result<Arc<Self>> {
        let inner = Inner {
            settings,
            place: None,
            spent: false,
        };
        Arc::pin_init(
            try_pin_init!(Self {
                id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
                inner <- new_spinlock!(inner, "sco::Channel"),
                queue <- kernel_ext::new_skb_queue!("sco::Channel::queue"),
            }),
            GFP_KERNEL,
        )
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// A copy of the settings.
    pub(crate) fn settings(&self) -> Settings {
        self.inner.lock().settings
    }

    /// Changes the settings. `change` runs under the lock: it must not call elsewhere.
    pub(crate) fn update<R>(&self, change: impl FnOnce(&mut Settings) -> R) -> R {
        change(&mut self.inner.lock().settings)
    }

    /// The controller that the channel is in use on.
    pub(crate) fn device(&self) -> Option<ARef<Device>> {
        self.inner.lock().place.as_ref().map(|p| p.dev.clone())
    }

    /// The channel enters the table of `dev`'s worker. `false` if it is in one already, or was
    /// closed.
    pub(super) fn attach(&self, dev: &Device) -> bool {
        let place = Place {
            dev: dev.into(),
            slot: None,
        };
        let mut inner = self.inner.lock();
        if inner.place.is_some() || inner.spent {
            drop(inner);
            return false;
        }
        inner.place = Some(place);
        true
    }

    /// The link is known, and what comes of that.
    pub(super) fn set_link(&self, dev: &Device, link: &AudioFacts) {
        let mtu = mtu(u16::try_from(dev.sco_mtu()).unwrap_or(u16::MAX));
        self.update(|s| {
            s.src = link.own;
            s.dst = link.peer;
            s.class = link.class;
            s.mtu = mtu;
        });
    }

    /// The link is up.
    pub(super) fn set_up(&self, up: &AudioUp) {
        let mut inner = self.inner.lock();
        let s = &mut inner.settings;
        s.handle = up.handle;
        s.mtu = mtu(up.mtu);
        s.phys = up.phys;
        if let Some(place) = &mut inner.place {
            place.slot = Some(up.slot);
        }
    }

    /// The channel has left the worker's table.
    pub(super) fn detach(&self) {
        let place = self.inner.lock().place.take();
        // Perhaps the last reference to the controller: not under the lock.
        drop(place);
        self.queue.purge();
    }

    /// Nobody can use the channel any more, once it is not in use.
    pub(crate) fn spend(&self) {
        self.inner.lock().spent = true;
    }

    /// Queues a packet, with [`HEADROOM`] before its data.
    ///
    /// # Errors
    ///
    /// `ENOTCONN` if the link is down.
    pub(crate) fn send(&self, skb: SkBuff) -> Result {
        let inner = self.inner.lock();
        // Under the lock: a packet without a place would keep its socket, and that the packet.
        if let Some(Place {
            dev,
            slot: Some(slot),
        }) = &inner.place
        {
            self.queue.push_tail(skb);
            flow::wake(dev, *slot);
            return Ok(());
        }
        drop(inner);
        drop(skb);
        Err(ENOTCONN)
    }

    pub(super) fn queue(&self) -> &SkBuffQueue {
        &self.queue
    }
}

/// Bytes before the data of what is sent, in addition to what drivers need.
pub(crate) const HEADROOM: usize = size_of::<wire::hci::packet::ScoHeader>();

/// Bytes of a packet, by what the driver says.
fn mtu(told: u16) -> u16 {
    match told {
        0 => FALLBACK_MTU,
        bytes => bytes.min(MAX_LEN),
    }
}
