// SPDX-License-Identifier: GPL-2.0

//! Who is told what happens, without `hci` knowing them: mgmt, the monitor, raw sockets.

use super::{
    Device,
    IdentityKey,
    LinkKey,
    LongTermKey,
    Peer, //
};
use core::sync::atomic::{
    AtomicU32,
    Ordering, //
};
use engine::connection::Range;
use kernel::{
    error::Error,
    prelude::*,
    sync::SetOnce, //
};
use kernel_ext::skbuff::SkBuff;
use wire::{
    hci::{
        Key,
        Status, //
    },
    BdAddr, //
};

/// What happened to a controller.
///
/// Sent from process context (a sequence, a socket call or the worker), never with the
/// [`State`](super::State) lock held.
#[derive(Clone, Copy)]
pub(crate) enum Notice<'a> {
    /// The device exists (`HCI_DEV_REG`); it is on the list of controllers already.
    Registered,
    /// It is leaving (`HCI_DEV_UNREG`); it is off the list already.
    Unregistered,
    /// The driver's set-up begins (`HCI_DEV_SETUP`): name and manufacturer may be known after it.
    Setup,
    /// The transport was opened or closed (`HCI_DEV_OPEN`, `HCI_DEV_CLOSE`).
    Opened,
    Closed,
    /// Bring-up is over, or the controller goes down (`HCI_DEV_UP`, `HCI_DEV_DOWN`).
    Up,
    Down,
    /// System suspend and resume were carried out (`HCI_DEV_SUSPEND`, `HCI_DEV_RESUME`).
    Suspended {
        state: u8,
    },
    Resumed {
        reason: u8,
        peer: Option<Peer>,
    },
    /// First set-up or configuration is over: the index may be announced to mgmt.
    IndexAdded,
    /// The index is gone for mgmt.
    IndexRemoved,
    /// Powered on for mgmt's users; an error is what the last step ended with.
    PoweredOn(Result<(), Error>),
    /// About to be powered off for mgmt's users.
    PoweredOff,
    /// A power-on that mgmt asked for failed before the controller was up.
    SetPoweredFailed(Error),
    /// Settings changed other than by a mgmt command.
    SettingsChanged,
    /// Class of device or local name changed at the controller.
    ClassChanged,
    NameChanged,
    /// A Write Authentication Enable was answered with this status.
    AuthEnabled(u8),
    /// An advertising instance is gone.
    AdvertisingRemoved(u8),
    /// Discovery started or stopped.
    Discovering(bool),
    /// A link is up, for mgmt's Device Connected.
    LinkUp(&'a LinkReport<'a>),
    /// A link is down, or did not come up.
    LinkDown {
        peer: Peer,
        reason: u8,
        was_up: bool,
        /// Authentication failed on it.
        auth_failed: bool,
    },
    ConnectFailed {
        peer: Peer,
        status: u8,
    },
    /// A peripheral wants other connection parameters (units of 1.25 ms, events, 10 ms). `store`:
    /// they were noted with the device.
    NewConnectionParameters {
        peer: Peer,
        store: bool,
        range: Range,
    },
    /// What pairing wants of the user, and leads to.
    Pairing {
        peer: Peer,
        what: Pairing<'a>,
    },
    /// Inquiry or scanning found a device.
    DeviceFound(&'a FoundDevice<'a>),
    /// The peer's name became known (or its request failed: `None`).
    RemoteName {
        peer: Peer,
        name: Option<&'a [u8]>,
    },
}

/// What a user replied to a question, which the controller is told: `true` is what was asked for, `false`
/// that there is none, or no.
#[derive(Clone, Copy)]
pub(crate) enum UserReply {
    Pin(bool),
    Confirm(bool),
    Passkey(bool),
}

/// A step of pairing that a user hears of.
#[derive(Clone, Copy)]
pub(crate) enum Pairing<'a> {
    /// A PIN is wanted; of 16 digits if `secure`.
    Pin {
        secure: bool,
    },
    /// Is the value what the other device shows, or, with the hint, is it all right?
    Confirm {
        value: u32,
        hint: bool,
    },
    /// Six digits that the other device shows are wanted.
    Passkey,
    /// Six digits are to be entered at the other device, of which so many are.
    Show {
        passkey: u32,
        entered: u8,
    },
    /// The controller's answer to what the user replied.
    Replied {
        reply: UserReply,
        status: Status,
    },
    /// It failed, with an HCI error code.
    Failed {
        status: u8,
    },
    /// What this host asked for is over: an HCI error code, or 0; `None` for any other failure.
    /// `now`: what the peer is known by since, if it said who it is.
    Over {
        status: Option<u8>,
        now: Peer,
    },
    /// Keys. `store`: beyond this link.
    LinkKey {
        key: &'a LinkKey,
        store: bool,
    },
    LongTermKey {
        key: &'a LongTermKey,
        store: bool,
    },
    /// `seen` is the address at which the peer was met, if it is a private one.
    IdentityKey {
        key: &'a IdentityKey,
        seen: BdAddr,
        store: bool,
    },
    /// `kind` as mgmt numbers it.
    SigningKey {
        kind: u8,
        value: &'a Key,
        store: bool,
    },
}

/// A link, as mgmt reports it.
pub(crate) struct LinkReport<'a> {
    pub(crate) peer: Peer,
    pub(crate) initiated_here: bool,
    pub(crate) class: Option<[u8; 3]>,
    pub(crate) name: Option<&'a [u8]>,
    /// LE: the advertising data that led to the link.
    pub(crate) adv_data: &'a [u8],
}

/// A device found, as mgmt reports it.
#[derive(Clone, Copy)]
pub(crate) struct FoundDevice<'a> {
    pub(crate) peer: Peer,
    pub(crate) class: Option<[u8; 3]>,
    /// dBm; 127 when not known.
    pub(crate) rssi: i8,
    /// `MGMT_DEV_FOUND_*`.
    pub(crate) flags: u32,
    pub(crate) eir: &'a [u8],
    pub(crate) scan_rsp: &'a [u8],
}

/// Which way a packet went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    ToController,
    FromController,
}

/// Somebody who is told.
pub(crate) trait Observer: Send + Sync {
    /// Something happened; see [`Notice`] for the context.
    fn notice(&self, dev: &Device, notice: Notice<'_>);

    /// A packet passes between host and controller, and [`somebody listens`](Listening). Worker
    /// context.
    fn frame(&self, dev: &Device, frame: &SkBuff, direction: Direction) {
        let _ = (dev, frame, direction);
    }
}

static OBSERVERS: SetOnce<&'static [&'static dyn Observer]> = SetOnce::new();

/// Names the observers, once, before the first controller can register.
pub(crate) fn set_observers(observers: &'static [&'static dyn Observer]) {
    OBSERVERS.populate(observers);
}

fn observers() -> &'static [&'static dyn Observer] {
    OBSERVERS.as_ref().copied().unwrap_or(&[])
}

/// Tells every observer, in the order of registration.
pub(crate) fn notify(dev: &Device, notice: Notice<'_>) {
    for observer in observers() {
        observer.notice(dev, notice);
    }
}

/// How many want to see packets.
static LISTENERS: AtomicU32 = AtomicU32::new(0);

/// Whether anybody wants to see packets. One relaxed load: it is asked for each packet.
#[inline]
pub(crate) fn anybody_listens() -> bool {
    LISTENERS.load(Ordering::Relaxed) != 0
}

/// Somebody who wants to see packets, until it is dropped: a monitor, or a socket that is bound to a
/// controller.
pub(crate) struct Listening(());

impl Listening {
    pub(crate) fn start() -> Self {
        LISTENERS.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        LISTENERS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Shows every observer a packet, if anybody wants to see it.
#[inline]
pub(crate) fn show_frame(dev: &Device, frame: &SkBuff, direction: Direction) {
    if anybody_listens() {
        for observer in observers() {
            observer.frame(dev, frame, direction);
        }
    }
}
