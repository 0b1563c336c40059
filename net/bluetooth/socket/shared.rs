// SPDX-License-Identifier: GPL-2.0

//! What an HCI socket is, for those who look at it from outside of its own system calls.

use super::{
    cookie::Cookie,
    filter::Filter,
    hci::HciSocket, //
};
use crate::{
    hci::{
        Device,
        Listening, //
    },
    mgmt::channel::{
        EventFlag,
        Origin,
        SocketId, //
    },
};
use core::sync::atomic::{
    AtomicU16,
    AtomicU32,
    AtomicU64,
    AtomicU8,
    Ordering, //
};
use kernel::{
    prelude::*,
    sync::{
        aref::ARef,
        new_spinlock,
        SpinLock, //
    },
};
use kernel_ext::net::{
    current_comm,
    ScmCreds,
    Sock,
    State, //
};
use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes,
    KnownLayout, //
};

/// No controller in particular (`HCI_DEV_NONE`).
pub(super) const NO_DEVICE: u16 = 0xffff;

/// What a socket is bound to do (`HCI_CHANNEL_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Channel {
    Raw = 0,
    User = 1,
    Monitor = 2,
    Control = 3,
    Logging = 4,
}

impl Channel {
    /// The channel with this number, if there is one.
    pub(super) fn from_raw(raw: u16) -> Option<Self> {
        Some(match raw {
            0 => Self::Raw,
            1 => Self::User,
            2 => Self::Monitor,
            3 => Self::Control,
            4 => Self::Logging,
            _ => return None,
        })
    }

    /// Whether the monitor is told when such a socket is opened and closed.
    fn is_announced(self) -> bool {
        matches!(self, Self::Raw | Self::User | Self::Control)
    }
}

/// Who opened a socket, for the monitor.
#[derive(Default)]
struct Identity {
    cookie: Option<Cookie>,
    /// Name of the task that got the cookie.
    comm: [u8; 16],
}

/// An open socket, as the monitor shows it.
pub(super) struct Announced {
    pub(super) channel: Channel,
    pub(super) cookie: u32,
    pub(super) comm: [u8; 16],
    pub(super) trusted: bool,
    /// The controller it is bound to, or [`NO_DEVICE`].
    pub(super) index: u16,
}

/// The state of an HCI socket that any context may look at.
#[pin_data]
pub(super) struct Shared {
    id: SocketId,
    /// A [`Channel`].
    channel: AtomicU8,
    /// Bits of [`EventFlag`]s.
    flags: AtomicU32,
    /// The controller the socket is bound to; see [`Self::device_index`].
    device: AtomicU16,
    /// Largest message that can be sent, in bytes; 0 before the socket is bound.
    mtu: AtomicU16,
    /// `HCI_CMSG_*`: what is told beside a packet of the raw channel.
    pub(super) cmsg: AtomicU8,
    #[pin]
    identity: SpinLock<Identity>,
    #[pin]
    filter: SpinLock<Filter>,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

impl Shared {
    pub(super) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            id: SocketId(NEXT_ID.fetch_add(1, Ordering::Relaxed)),
            channel: AtomicU8::new(Channel::Raw as u8),
            flags: AtomicU32::new(0),
            device: AtomicU16::new(NO_DEVICE),
            mtu: AtomicU16::new(0),
            cmsg: AtomicU8::new(0),
            identity <- new_spinlock!(Identity::default(), "Shared::identity"),
            filter <- new_spinlock!(Filter::default(), "Shared::filter"),
        })
    }

    /// The name by which mgmt knows the socket.
    pub(super) fn id(&self) -> SocketId {
        self.id
    }

    /// The same with the cookie, 0 if there is none.
    pub(super) fn origin(&self) -> Origin {
        Origin {
            id: self.id,
            cookie: self.cookie(),
        }
    }

    pub(super) fn channel(&self) -> Channel {
        Channel::from_raw(self.channel.load(Ordering::Acquire).into()).unwrap_or(Channel::Raw)
    }

    pub(super) fn set_channel(&self, channel: Channel) {
        self.channel.store(channel as u8, Ordering::Release);
    }

    pub(super) fn has(&self, flag: EventFlag) -> bool {
        self.flags.load(Ordering::Relaxed) & flag.bit() != 0
    }

    pub(super) fn set(&self, flag: EventFlag, on: bool) {
        if on {
            self.flags.fetch_or(flag.bit(), Ordering::Relaxed);
        } else {
            self.flags.fetch_and(!flag.bit(), Ordering::Relaxed);
        }
    }

    /// Index of the controller the socket is bound to, or [`NO_DEVICE`].
    ///
    /// An index names no other controller as long as somebody holds a reference to the one, as
    /// the socket's [`Binding`] does; so comparing indices is comparing controllers.
    pub(super) fn device_index(&self) -> u16 {
        self.device.load(Ordering::Acquire)
    }

    fn set_device_index(&self, index: u16) {
        self.device.store(index, Ordering::Release);
    }

    pub(super) fn mtu(&self) -> u16 {
        self.mtu.load(Ordering::Relaxed)
    }

    pub(super) fn set_mtu(&self, mtu: u16) {
        self.mtu.store(mtu, Ordering::Relaxed);
    }

    pub(super) fn filter(&self) -> Filter {
        *self.filter.lock()
    }

    pub(super) fn set_filter(&self, filter: Filter) {
        *self.filter.lock() = filter;
    }

    /// The socket's cookie, 0 if there is none.
    pub(super) fn cookie(&self) -> u32 {
        self.identity.lock().cookie.as_ref().map_or(0, Cookie::get)
    }

    /// Gives the socket a cookie and notes who asked; `false` if it had one.
    pub(super) fn introduce(&self) -> bool {
        let mut identity = self.identity.lock();
        if identity.cookie.is_some() {
            return false;
        }
        identity.cookie = Some(Cookie::take());
        identity.comm = current_comm();
        true
    }

    /// Gives the cookie back.
    pub(super) fn forget(&self) {
        self.identity.lock().cookie = None;
    }

    /// What the monitor is told of the socket, if anything.
    pub(super) fn announced(&self) -> Option<Announced> {
        let channel = self.channel();
        if !channel.is_announced() {
            return None;
        }
        let identity = self.identity.lock();
        let cookie = identity.cookie.as_ref()?.get();
        Some(Announced {
            channel,
            cookie,
            comm: identity.comm,
            trusted: self.has(EventFlag::Trusted),
            index: self.device_index(),
        })
    }
}

/// Whether a socket is bound, to this channel.
pub(super) fn is_bound(sk: &Sock<HciSocket>, channel: Channel) -> bool {
    sk.state() == State::Bound && sk.private().channel() == channel
}

/// What a socket holds while it is bound; behind the socket lock.
#[derive(Default)]
pub(super) struct Binding {
    device: Option<ARef<Device>>,
    pub(super) listening: Option<Listening>,
}

impl Binding {
    /// Binds to a controller; its packets are for this socket, too.
    pub(super) fn attach(&mut self, shared: &Shared, device: ARef<Device>) {
        shared.set_device_index(device.id());
        self.device = Some(device);
        self.listening = Some(Listening::start());
    }

    /// The controller.
    pub(super) fn device(&self) -> Option<&ARef<Device>> {
        self.device.as_ref()
    }

    /// Lets go of the controller.
    pub(super) fn detach(&mut self, shared: &Shared) -> Option<ARef<Device>> {
        shared.set_device_index(NO_DEVICE);
        self.listening = None;
        self.device.take()
    }
}

/// What is queued beside a packet, in its control block.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct Queued {
    /// Whom the packet is from, for `SO_PASSCRED`.
    pub(super) creds: ScmCreds,
    /// 1 if the packet came from the controller, for `HCI_CMSG_DIR`.
    pub(super) incoming: i32,
}
