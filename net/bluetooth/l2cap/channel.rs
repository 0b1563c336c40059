// SPDX-License-Identifier: GPL-2.0

//! A channel, as its user and the worker share it.
//!
//! What only the worker needs of a channel (its state machine, what is being reassembled) is in the
//! worker's own table, an [`Active`](super::active::Active). Here is what both sides see: the
//! settings, under a spin lock that nobody holds for longer than it takes to copy them, and the
//! queue of what is to be sent.

use crate::hci::{
    flow,
    Device, //
};
use core::sync::atomic::{
    AtomicBool,
    AtomicU32,
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
    net::State,
    skbuff::{
        SkBuff,
        SkBuffQueue, //
    },
};
use wire::{
    l2cap::{
        cid,
        Mode,
        Transport, //
    },
    AddressType,
    BdAddr, //
};
use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes,
    KnownLayout, //
};

/// Bytes before the data of what is sent: the ACL header, the basic header, the longest control
/// field and an SDU length. What drivers need comes in addition.
pub(crate) const TX_HEADROOM: usize = 4 + 4 + 4 + 2;
/// Bytes behind it: a frame check sequence.
pub(crate) const TX_TAILROOM: usize = 2;

/// Default MTU of connection-oriented channels in bytes (Vol 3 Part A 5.1).
pub(crate) const DEFAULT_MTU: u16 = 672;

/// Default size of the transmit window, in frames.
pub(crate) const DEFAULT_TX_WINDOW: u16 = 63;
/// Greatest size of an extended transmit window, in frames.
pub(crate) const MAX_TX_WINDOW: u16 = 0x3fff;
/// How often a frame is sent, unless set otherwise.
const DEFAULT_MAX_TRANSMIT: u8 = 3;
/// A flush timeout that never ends (Vol 3 Part A 5.2).
const DEFAULT_FLUSH_TIMEOUT: u16 = 0xffff;

/// What a channel is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Connected and configured by signalling.
    Oriented,
    /// A channel that needs no connecting, with this fixed CID on both ends.
    Fixed,
    /// Datagrams for a PSM, without a connection (Vol 3 Part A 7.6).
    Connectionless,
    /// Sends signalling commands of user space and sees those of the peer.
    Raw,
}

/// How secure a link must be (`BT_SECURITY_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Level {
    /// Service discovery: nothing at all.
    Sdp = 0,
    /// No requirement.
    Low = 1,
    /// Encrypted.
    Medium = 2,
    /// Encrypted, and protected against somebody in the middle.
    High = 3,
    /// The above, with keys and algorithms of FIPS strength.
    Fips = 4,
}

impl Level {
    /// The level with this number.
    pub(crate) fn from_u8(raw: u8) -> Option<Self> {
        Some(match raw {
            0 => Self::Sdp,
            1 => Self::Low,
            2 => Self::Medium,
            3 => Self::High,
            4 => Self::Fips,
            _ => return None,
        })
    }
}

/// How a message is cut into pieces for its channel.
///
/// In basic mode the pieces are packets to the controller, in the others they are frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pieces {
    /// Most bytes of a message that is sent as one piece.
    pub(crate) whole: u16,
    /// Most bytes of the first piece of one that is not.
    pub(crate) first: u16,
    /// Most bytes of the other pieces.
    pub(crate) next: u16,
}

impl Pieces {
    /// Cuts a message of `total` bytes: `make` is called for one piece after the other, with its
    /// length and marks.
    ///
    /// # Errors
    ///
    /// `EMSGSIZE` on a channel that was not set up for data, and what `make` says.
    pub(crate) fn cut(&self, total: usize, mut make: impl FnMut(usize, Piece) -> Result) -> Result {
        if total <= usize::from(self.whole) {
            return make(total, Piece::whole(total));
        }
        let mut left = total;
        let mut max = usize::from(self.first);
        while left > 0 {
            let len = left.min(max);
            // Not to loop for ever.
            if len == 0 {
                return Err(EMSGSIZE);
            }
            let is_first = left == total;
            left = left.saturating_sub(len);
            make(len, Piece::part(total, is_first, left == 0))?;
            max = usize::from(self.next);
        }
        Ok(())
    }
}

/// What a piece of a message is: in the control buffer of what is queued to be sent.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Piece {
    /// Bytes of the whole message.
    total: u16,
    marks: u16,
}

impl Piece {
    const FIRST: u16 = 1;
    const LAST: u16 = 2;

    /// A message of `len` bytes in one piece.
    pub(crate) fn whole(len: usize) -> Self {
        Self::part(len, true, true)
    }

    /// A piece of a message of `total` bytes.
    pub(crate) fn part(total: usize, is_first: bool, is_last: bool) -> Self {
        let mut marks = 0;
        if is_first {
            marks |= Self::FIRST;
        }
        if is_last {
            marks |= Self::LAST;
        }
        Self {
            total: u16::try_from(total).unwrap_or(u16::MAX),
            marks,
        }
    }

    pub(crate) fn total(&self) -> u16 {
        self.total
    }

    pub(crate) fn is_first(&self) -> bool {
        self.marks & Self::FIRST != 0
    }

    pub(crate) fn is_last(&self) -> bool {
        self.marks & Self::LAST != 0
    }
}

/// Who sent a datagram: in the control buffer of what is received without a connection.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Sender {
    pub(crate) addr: [u8; 6],
    pub(crate) psm: [u8; 2],
}

/// What a channel is set to, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) state: State,
    pub(crate) kind: Kind,
    pub(crate) mode: Mode,
    /// Longest message that can be received, in bytes; 0: to be chosen.
    pub(crate) imtu: u16,
    /// Longest message that can be sent, in bytes; 0: what the peer says.
    pub(crate) omtu: u16,
    /// Milliseconds after which the controller may drop data.
    pub(crate) flush_timeout: u16,
    /// Frame check sequence (`L2CAP_FCS_*`).
    pub(crate) fcs: u8,
    pub(crate) max_transmit: u8,
    pub(crate) tx_window: u16,
    pub(crate) level: Level,
    /// The user asks to be the central of its links.
    pub(crate) role_switch: bool,
    /// The user is told of what is lost, in modes that do not repeat it.
    pub(crate) reliable: bool,
    /// The controller may drop what is too old.
    pub(crate) flushable: bool,
    /// The link leaves sniff mode for data of this channel, also if the peer wanted it there.
    pub(crate) force_active: bool,
    /// The user decides about each connection before it is answered.
    pub(crate) deferred: bool,
    /// The local address, as bound or as used.
    pub(crate) src: BdAddr,
    pub(crate) src_type: AddressType,
    pub(crate) dst: BdAddr,
    pub(crate) dst_type: AddressType,
    pub(crate) psm: u16,
    pub(crate) scid: u16,
    pub(crate) dcid: u16,
    /// Was closed: never to be used again.
    pub(crate) spent: bool,
    /// The link's handle, once there is one.
    pub(crate) handle: u16,
    /// Class of the peer, for BR/EDR.
    pub(crate) class: [u8; 3],
    pub(crate) pieces: Pieces,
}

impl Settings {
    /// What a new channel is set to.
    pub(crate) const fn new(kind: Kind) -> Self {
        Self {
            state: State::Open,
            kind,
            mode: Mode::Basic,
            imtu: DEFAULT_MTU,
            omtu: 0,
            flush_timeout: DEFAULT_FLUSH_TIMEOUT,
            fcs: 1,
            max_transmit: DEFAULT_MAX_TRANSMIT,
            tx_window: DEFAULT_TX_WINDOW,
            level: Level::Low,
            role_switch: false,
            reliable: false,
            flushable: false,
            force_active: true,
            deferred: false,
            src: BdAddr::ANY,
            src_type: AddressType::BrEdr,
            dst: BdAddr::ANY,
            dst_type: AddressType::BrEdr,
            psm: 0,
            scid: 0,
            dcid: 0,
            spent: false,
            handle: 0,
            class: [0; 3],
            pieces: Pieces {
                whole: 0,
                first: 0,
                next: 0,
            },
        }
    }

    /// What a connection to a listening channel begins with.
    pub(crate) fn for_child(&self) -> Self {
        let fixed = if self.kind == Kind::Fixed {
            self.scid
        } else {
            0
        };
        Self {
            state: State::Open,
            scid: fixed,
            dcid: fixed,
            flush_timeout: DEFAULT_FLUSH_TIMEOUT,
            dst: BdAddr::ANY,
            spent: false,
            handle: 0,
            class: [0; 3],
            pieces: Pieces::default(),
            ..*self
        }
    }

    /// The transport that the channel is bound to, or runs over.
    pub(crate) fn transport(&self) -> Transport {
        if self.src_type.is_le() {
            Transport::Le
        } else {
            Transport::BrEdr
        }
    }

    /// LE data with a PSM is credit based, unless it is to be enhanced.
    pub(crate) fn choose_le_mode(&mut self) {
        if self.psm != 0 && self.src_type.is_le() && self.mode != Mode::EnhancedCredit {
            self.mode = Mode::LeCredit;
        }
    }

    /// Whether this is the channel of the attribute protocol.
    pub(crate) fn is_att(&self) -> bool {
        self.scid == cid::ATT
    }
}

/// What of the settings matters for each frame: read without the lock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hot {
    pub(crate) state: State,
    /// [`Settings::flushable`].
    pub(crate) flushable: bool,
    /// [`Settings::reliable`].
    pub(crate) reliable: bool,
    /// [`Settings::force_active`].
    pub(crate) force_active: bool,
    /// [`Settings::imtu`].
    pub(crate) imtu: u16,
    /// [`Settings::dcid`].
    pub(crate) dcid: u16,
}

impl Hot {
    const FLUSHABLE: u64 = 1 << 8;
    const RELIABLE: u64 = 1 << 9;
    const FORCE_ACTIVE: u64 = 1 << 10;

    fn pack(s: &Settings) -> u64 {
        let mut word = u64::from(s.state as u8);
        if s.flushable {
            word |= Self::FLUSHABLE;
        }
        if s.reliable {
            word |= Self::RELIABLE;
        }
        if s.force_active {
            word |= Self::FORCE_ACTIVE;
        }
        word | u64::from(s.imtu) << 16 | u64::from(s.dcid) << 32
    }

    #[inline]
    fn unpack(word: u64) -> Self {
        Self {
            state: State::from_raw(word as u8),
            flushable: word & Self::FLUSHABLE != 0,
            reliable: word & Self::RELIABLE != 0,
            force_active: word & Self::FORCE_ACTIVE != 0,
            imtu: (word >> 16) as u16,
            dcid: (word >> 32) as u16,
        }
    }
}

/// Where a channel that is in use is found.
struct Place {
    dev: ARef<Device>,
    /// The link's, once it is up.
    slot: Option<u8>,
}

impl Place {
    fn wake(&self) {
        if let Some(slot) = self.slot {
            flow::wake(&self.dev, slot);
        }
    }
}

struct Inner {
    settings: Settings,
    place: Option<Place>,
}

/// A channel.
///
/// # Invariants
///
/// A channel has a place exactly as long as it is in the table of that controller's worker. The
/// lock is a leaf but for the queue's: nothing else is taken, called or dropped under it; the queue
/// is empty without a place. `hot` is what the settings were packed to when the lock was last
/// released.
#[pin_data]
pub(crate) struct Channel {
    /// Tells channels apart, also when one is gone.
    id: u64,
    #[pin]
    inner: SpinLock<Inner>,
    /// See [`Hot`].
    hot: AtomicU64,
    /// What is to be sent, cut to [`Pieces`].
    #[pin]
    queue: SkBuffQueue,
    /// The peer takes nothing now (no credits).
    suspended: AtomicBool,
    /// Data waits for room in the user's receive buffer.
    throttled: AtomicBool,
    /// Frames sent and not acknowledged, or waiting, in modes that have acknowledgements.
    unacked: AtomicU32,
    /// Of what is sent (`SO_PRIORITY`).
    priority: AtomicU32,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl Channel {
    /// Returns a channel that is in use nowhere.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(settings: Settings) -> Result<Arc<Self>> {
        Arc::pin_init(
            try_pin_init!(Self {
                id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
                hot: AtomicU64::new(Hot::pack(&settings)),
                inner <- new_spinlock!(Inner { settings, place: None }, "l2cap::Channel"),
                queue <- kernel_ext::new_skb_queue!("l2cap::Channel::queue"),
                suspended: AtomicBool::new(false),
                throttled: AtomicBool::new(false),
                unacked: AtomicU32::new(0),
                priority: AtomicU32::new(0),
            }),
            GFP_KERNEL,
        )
    }

    /// What tells the channel from all others there ever were.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// A copy of the settings.
    pub(crate) fn settings(&self) -> Settings {
        self.inner.lock().settings
    }

    /// Changes the settings. `change` runs under the lock: it must not call elsewhere.
    pub(crate) fn update<R>(&self, change: impl FnOnce(&mut Settings) -> R) -> R {
        let mut inner = self.inner.lock();
        let result = change(&mut inner.settings);
        self.hot
            .store(Hot::pack(&inner.settings), Ordering::Release);
        result
    }

    /// The settings that matter for each frame.
    #[inline]
    pub(crate) fn hot(&self) -> Hot {
        Hot::unpack(self.hot.load(Ordering::Acquire))
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
        if inner.place.is_some() || inner.settings.spent {
            drop(inner);
            return false;
        }
        inner.place = Some(place);
        true
    }

    /// The link that the channel is on has this slot.
    pub(super) fn set_slot(&self, slot: u8) {
        if let Some(place) = &mut self.inner.lock().place {
            place.slot = Some(slot);
        }
    }

    /// The channel has left the worker's table.
    pub(super) fn detach(&self) {
        let place = self.inner.lock().place.take();
        // Perhaps the last reference to the controller: not under the lock.
        drop(place);
        self.queue.purge();
    }

    /// Priority of what is sent, higher before lower.
    pub(crate) fn priority(&self) -> u32 {
        self.priority.load(Ordering::Relaxed)
    }

    /// Sets the priority of what is sent.
    pub(crate) fn set_priority(&self, priority: u32) {
        self.priority.store(priority, Ordering::Relaxed);
    }

    /// Queues one piece of a message, or what is a message in one piece. It is dropped if the
    /// channel is in use nowhere (any more).
    pub(crate) fn send(&self, piece: SkBuff) {
        let inner = self.inner.lock();
        let lost = match &inner.place {
            Some(place) => {
                self.queue.push_tail(piece);
                place.wake();
                None
            }
            None => Some(piece),
        };
        // Its destructor is not for under the lock.
        drop(inner);
        drop(lost);
    }

    /// Queues all pieces of a message, with nothing in between, or none of them; see
    /// [`send`](Self::send).
    pub(crate) fn send_all(&self, pieces: &SkBuffQueue) {
        let inner = self.inner.lock();
        if let Some(place) = &inner.place {
            self.queue.splice_tail(pieces);
            place.wake();
        }
    }

    /// Tells the scheduler that there is something to send.
    pub(crate) fn wake(&self) {
        if let Some(place) = &self.inner.lock().place {
            place.wake();
        }
    }

    pub(super) fn queue(&self) -> &SkBuffQueue {
        &self.queue
    }

    /// Whether sending has to wait for the peer.
    pub(crate) fn is_suspended(&self) -> bool {
        self.suspended.load(Ordering::Acquire)
    }

    /// Returns what it was before.
    pub(super) fn set_suspended(&self, on: bool) -> bool {
        self.suspended.swap(on, Ordering::AcqRel)
    }

    /// Whether the user is to say when it has room again.
    pub(crate) fn is_throttled(&self) -> bool {
        self.throttled.load(Ordering::Acquire)
    }

    pub(super) fn set_throttled(&self, on: bool) {
        self.throttled.store(on, Ordering::Release);
    }

    /// Frames that the peer has not acknowledged, waiting ones included.
    pub(crate) fn unacked(&self) -> usize {
        let sent = usize::try_from(self.unacked.load(Ordering::Acquire)).unwrap_or(usize::MAX);
        sent.saturating_add(self.queue.len())
    }

    /// Returns what it was before.
    pub(super) fn set_unacked(&self, frames: u32) -> u32 {
        self.unacked.swap(frames, Ordering::AcqRel)
    }
}
