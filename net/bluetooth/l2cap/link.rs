// SPDX-License-Identifier: GPL-2.0

//! One link, with its channels and its signalling.

use super::{
    active::Active,
    channel::{
        Kind,
        DEFAULT_MTU, //
    },
    data::Path,
    receive::Assembly,
    user::ChannelUser as _,
};
use crate::hci::{
    flow,
    link::{
        LinkKind,
        LinkRef, //
    },
    user::{
        LinkFacts,
        OutFrame, //
    },
    Device,
    Peer, //
};
use engine::l2cap::{
    channel::{
        self as engine_channel,
        Action,
        Actions, //
    },
    signalling::{
        Local,
        Signalling, //
    },
    turns::Turns,
    Error as Reason,
};
use kernel::prelude::*;
use kernel_ext::vec::VecExt;
use kernel_ext::{
    hci::Flag,
    net::State,
    ring::Ring,
    skbuff::SkBuff,
    time::now_ms, //
};
use wire::l2cap::{
    cid,
    signal::Packet,
    BasicHeader,
    FixedChannels,
    Mode,
    Transport, //
};

/// Channels on one link at most: as many as LE has CIDs for, and more than any BR/EDR peer has
/// memory for.
const MAX_CHANNELS: usize = 1024;

/// Frames of signalling that wait to be sent, at most. A peer that lets them pile up asks faster
/// than it takes the answers.
const MAX_SIGNALS: usize = 256;

/// Error codes for a peer whose link is ended (Vol 1 Part F).
const REMOTE_USER_TERM: u8 = 0x13;
const AUTH_FAILURE: u8 = 0x05;

/// A link, from the moment that somebody asks for it.
pub(super) struct Link {
    /// Unknown until it is up.
    handle: Option<u16>,
    /// The link's bit for [`flow::wake`].
    slot: u8,
    pub(super) kind: LinkKind,
    peer: Peer,
    /// This host's address, as users know it.
    pub(super) own: Peer,
    /// Bytes of data in one packet to the controller.
    pub(super) mtu: u16,
    /// All is known of the peer: channels may be connected.
    pub(super) ready: bool,
    pub(super) signalling: Signalling,
    pub(super) assembly: Assembly,
    /// Of what the peer says to all its peripherals.
    pub(super) broadcast: Assembly,
    /// Frames that came before all was known of the peer.
    pub(super) early: KVec<SkBuff>,
    /// There were too many of them, and it was said.
    pub(super) early_lost: bool,
    pub(super) channels: KVec<KBox<Active>>,
    /// The age of the next channel.
    next_age: u64,
    /// Frames ready to be sent, before any channel's.
    out: Ring<Ready>,
    /// How many of these are the link's own.
    own_frames: usize,
    /// The channel whose frame was begun, and is to be finished before any other.
    pub(super) unfinished: Option<u64>,
    /// Whose turn it is.
    pub(super) turns: Turns,
    /// Users that are gone and still count as such with `hci`.
    releases: u32,
    /// There is something for [`settle`](Self::settle) to do.
    dirty: bool,
    /// The peer was refused for want of security.
    pub(super) insecure: bool,
    /// What is being done is the peer's wish to end a channel.
    pub(super) closing_by_peer: bool,
    /// Class of the peer, for BR/EDR.
    class: [u8; 3],
    /// The peer is on the list of those that must not connect.
    pub(super) blocked: bool,
}

/// A frame that is ready to be sent.
struct Ready {
    frame: OutFrame,
    /// It is a channel's; else the link's own: of signalling, or of a fixed channel.
    of_channel: bool,
}

fn transport(kind: LinkKind) -> Transport {
    match kind {
        LinkKind::Acl => Transport::BrEdr,
        LinkKind::Le => Transport::Le,
    }
}

/// What this host can do, as it tells the peer.
fn local(dev: &Device) -> Local {
    // LE keys are derived over BR/EDR where its own are of Secure Connections.
    let derives =
        dev.has(Flag::LE_ENABLED) && (dev.has(Flag::SC_ENABLED) || dev.has(Flag::FORCE_BREDR_SMP));
    Local {
        features: Local::features(super::ertm_enabled()),
        fixed_channels: FixedChannels::SIGNALLING
            .with(FixedChannels::CONNECTIONLESS)
            .with_if(FixedChannels::SMP_BREDR, derives),
        enhanced_credit: super::enhanced_credit_enabled(),
    }
}

/// A frame of a fixed channel.
fn fixed_frame(cid: u16, payload: &[u8]) -> Result<OutFrame> {
    let len = u16::try_from(payload.len()).map_err(|_| EMSGSIZE)?;
    let size = payload.len().saturating_add(BasicHeader::SIZE);
    let mut skb = SkBuff::alloc(flow::HEADROOM, size, GFP_KERNEL)?;
    skb.put_obj(&BasicHeader::new(len, cid))?;
    skb.put_slice(payload)?;
    Ok(OutFrame {
        skb,
        first: true,
        flushable: false,
        force_active: true,
    })
}

impl Link {
    /// A link that is wanted.
    pub(super) fn new(dev: &Device, peer: Peer) -> Self {
        let kind = LinkKind::to(peer);
        Self {
            handle: None,
            slot: 0,
            kind,
            peer,
            own: super::route::own_address(dev, kind == LinkKind::Le),
            mtu: 0,
            ready: false,
            signalling: Signalling::new(transport(kind), local(dev)),
            assembly: Assembly::new(),
            broadcast: Assembly::new(),
            early: KVec::new(),
            early_lost: false,
            channels: KVec::new(),
            next_age: 1,
            out: Ring::new(),
            own_frames: 0,
            unfinished: None,
            turns: Turns::new(),
            releases: 0,
            dirty: false,
            insecure: false,
            blocked: false,
            closing_by_peer: false,
            class: [0; 3],
        }
    }

    /// The link is up.
    pub(super) fn up(&mut self, facts: &LinkFacts) {
        self.handle = Some(facts.handle);
        self.slot = facts.slot;
        self.mtu = facts.mtu;
        self.class = facts.class;
        for active in self.channels.iter() {
            active.shared.set_slot(facts.slot);
            active.shared.update(|s| {
                s.handle = facts.handle;
                s.class = facts.class;
            });
        }
    }

    pub(super) fn handle(&self) -> Option<u16> {
        self.handle
    }

    pub(super) fn peer(&self) -> Peer {
        self.peer
    }

    /// The peer has said who it is: sockets name it so, too.
    pub(super) fn identified(&mut self, identity: Peer) {
        self.peer = identity;
        for active in self.channels.iter() {
            active.shared.update(|s| {
                s.dst = identity.addr;
                s.dst_type = identity.kind;
            });
        }
    }

    pub(super) fn transport(&self) -> Transport {
        transport(self.kind)
    }

    pub(super) fn has(&self, channel: u64) -> bool {
        self.channels.iter().any(|a| a.id() == channel)
    }

    /// A channel that the peer grants only on a link that is more secure; each is named once.
    pub(super) fn take_insecure(&mut self) -> Option<u64> {
        let active = self.channels.iter_mut().find(|a| a.needs_security)?;
        active.needs_security = false;
        Some(active.id())
    }

    pub(super) fn reason_to_end(&self) -> u8 {
        if self.insecure {
            AUTH_FAILURE
        } else {
            REMOTE_USER_TERM
        }
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Nobody waits for it any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.handle.is_none() && self.channels.is_empty() && self.releases == 0
    }

    /// Frames that wait.
    pub(super) fn queued(&self) -> usize {
        self.channels
            .iter()
            .map(|a| a.shared.queue().len())
            .fold(self.out.len(), usize::saturating_add)
    }

    /// What `hci` is to be told: wakes it if frames wait, and says how many users have come, and
    /// gone.
    pub(super) fn settle(&mut self, dev: &Device) -> (LinkRef, u32, u32) {
        self.dirty = false;
        let mut holds: u32 = 0;
        for active in self.channels.iter_mut().filter(|a| a.wants_hold) {
            active.wants_hold = false;
            active.holds = true;
            holds = holds.saturating_add(1);
        }
        let which = match self.handle {
            Some(handle) => {
                if !self.out.is_empty() {
                    flow::wake(dev, self.slot);
                }
                LinkRef::Handle(handle)
            }
            None => LinkRef::Peer(self.peer),
        };
        (which, holds, core::mem::take(&mut self.releases))
    }

    /// What engines want to know of the link.
    pub(super) fn facts(&self) -> engine_channel::LinkFacts {
        engine_channel::LinkFacts {
            transport: self.transport(),
            mtu: self.mtu,
            auto_mtu: DEFAULT_MTU,
            peer_features: self.signalling.peer_features(),
            local_features: Local::features(super::ertm_enabled()),
        }
    }

    /// Where a channel is in the table.
    pub(super) fn position(&self, is_it: impl Fn(&Active) -> bool) -> Option<usize> {
        self.channels.iter().position(|a| is_it(a))
    }

    pub(super) fn at(&mut self, at: usize) -> Option<&mut Active> {
        self.channels.get_mut(at).map(|a| &mut **a)
    }

    pub(super) fn active(&mut self, id: u64) -> Option<&mut Active> {
        let at = self.position(|a| a.id() == id)?;
        self.at(at)
    }

    pub(super) fn engine_at(&mut self, at: usize) -> Option<&mut engine_channel::Channel> {
        self.at(at)?.engine.as_mut()
    }

    /// The channel with a CID of this end, unless that CID is shared.
    pub(super) fn by_cid(&self, cid: u16) -> Option<usize> {
        self.position(|a| a.cid == cid && matches!(a.kind, Kind::Oriented | Kind::Fixed))
    }

    /// Whether the peer uses a CID already.
    pub(super) fn remote_cid_in_use(&self, dcid: u16) -> bool {
        self.channels.iter().any(|a| match &a.engine {
            Some(engine) => engine.remote_cid() == dcid,
            None => a.kind == Kind::Fixed && a.cid == dcid,
        })
    }

    /// The lowest CID that is free.
    ///
    /// # Errors
    ///
    /// `ENOSPC`.
    pub(super) fn free_cid(&self) -> Result<u16> {
        cid::dynamic(self.transport())
            .take(MAX_CHANNELS.saturating_add(1))
            .find(|cid| self.channels.iter().all(|a| a.cid != *cid))
            .ok_or(ENOSPC)
    }

    /// Puts a channel into the table, whose place it has.
    ///
    /// # Errors
    ///
    /// `ENOSPC`, `ENOMEM`: the channel has no place then.
    pub(super) fn add(&mut self, mut active: Active) -> Result<u64> {
        let id = active.id();
        let shared = active.shared.clone();
        active.age = self.next_age;
        let added = if self.channels.len() >= MAX_CHANNELS {
            Err(ENOSPC)
        } else {
            KBox::new(active, GFP_KERNEL)
                .map_err(Error::from)
                .and_then(|active| Ok(self.channels.append(active)?))
        };
        if let Err(e) = added {
            shared.detach();
            return Err(e);
        }
        self.next_age = self.next_age.wrapping_add(1);
        let (own, handle, class) = (self.own, self.handle, self.class);
        shared.update(|s| {
            s.src = own.addr;
            s.src_type = own.kind;
            s.handle = handle.unwrap_or(0);
            s.class = class;
        });
        if handle.is_some() {
            shared.set_slot(self.slot);
        }
        // A new user, a new chance.
        self.insecure = false;
        Ok(id)
    }

    /// Takes a channel out of the table and tells its user that it is closed.
    pub(super) fn finish(&mut self, at: usize, error: Option<Error>, by_peer: bool) {
        let Some(mut active) = self.channels.take_out(at) else {
            return;
        };
        if let Some(engine) = &mut active.engine {
            engine.link_down(&mut self.signalling.idents);
        }
        if self.unfinished == Some(active.id()) {
            self.unfinished = None;
        }
        if active.holds {
            self.releases = self.releases.saturating_add(1);
        }
        self.dirty = true;
        active.shared.update(|s| {
            s.state = State::Closed;
            s.spent = true;
        });
        active.shared.set_unacked(0);
        // What was received before stays received.
        active.flush_backlog();
        active.user.closed(error, by_peer);
        // Last: who finds the channel in use nowhere need not wait for its user's calls to end.
        active.shared.detach();
    }

    /// The link is gone, and all of its channels.
    pub(super) fn finish_all(&mut self, error: Error) {
        while let Some(at) = self.channels.len().checked_sub(1) {
            self.finish(at, Some(error), false);
        }
    }

    /// Queues a frame that is ready to be sent.
    fn push_out(&mut self, frame: OutFrame, of_channel: bool) {
        self.dirty = true;
        if self.out.push_back(Ready { frame, of_channel }).is_err() {
            pr_warn!("L2CAP frame lost for want of memory\n");
        } else if !of_channel {
            self.own_frames = self.own_frames.saturating_add(1);
        }
    }

    /// The next frame that is ready to be sent.
    pub(super) fn pop_out(&mut self) -> Option<OutFrame> {
        let Ready { frame, of_channel } = self.out.pop_front()?;
        if !of_channel {
            self.own_frames = self.own_frames.saturating_sub(1);
        }
        if self.out.is_empty() {
            self.out.relax();
        }
        Some(frame)
    }

    /// Queues a signalling command.
    pub(super) fn signal(&mut self, packet: &Packet) {
        if self.own_frames >= MAX_SIGNALS {
            return;
        }
        let cid = cid::signalling(self.transport());
        match fixed_frame(cid, packet.as_slice()) {
            Ok(frame) => self.push_out(frame, false),
            Err(_) => pr_warn!("L2CAP signal lost for want of memory\n"),
        }
    }

    /// Queues a frame of a fixed channel that is no user's, and has it sent.
    ///
    /// # Errors
    ///
    /// `ENOBUFS` if too much waits, `ENOMEM`.
    pub(super) fn send_fixed(&mut self, dev: &Device, cid: u16, payload: &[u8]) -> Result {
        if self.own_frames >= MAX_SIGNALS {
            return Err(ENOBUFS);
        }
        self.push_out(fixed_frame(cid, payload)?, false);
        flow::wake(dev, self.slot);
        Ok(())
    }

    /// Does what a channel's engine decided. The channel may be gone afterwards.
    pub(super) fn act(&mut self, at: usize, actions: Actions) {
        let id = match self.at(at) {
            Some(active) => active.id(),
            None => return,
        };
        for action in actions {
            let Some(at) = self.position(|a| a.id() == id) else {
                return;
            };
            match action {
                Action::Send(packet) => self.signal(&packet),
                Action::Ready => self.open(at),
                Action::Reconfigured => self.reconfigured(at),
                Action::NeedsSecurity => {
                    if let Some(active) = self.at(at) {
                        active.needs_security = true;
                    }
                }
                Action::Duplicate { dcid } => self.close_duplicate(id, dcid),
                Action::Disconnecting(error) => {
                    if let Some(active) = self.at(at) {
                        active.path.stop();
                        active.ending = errno(error);
                        active.set_state(State::Disconn);
                    }
                }
                Action::Closed(error) => {
                    let by_peer = self.closing_by_peer;
                    let ending = self.at(at).and_then(|active| active.ending);
                    return self.finish(at, errno(error).or(ending), by_peer);
                }
            }
        }
        if let Some(at) = self.position(|a| a.id() == id) {
            if let Some(active) = self.at(at) {
                active.sync();
            }
            self.dirty = true;
        }
    }

    /// A channel's user may send and receive from here on.
    pub(super) fn open(&mut self, at: usize) {
        let mtu = self.mtu;
        let Some(active) = self.at(at) else {
            return;
        };
        if active.state() == State::Connected {
            return;
        }
        let pieces = match active.engine.as_mut() {
            Some(engine) => {
                let params = engine.params();
                match Path::new(&params) {
                    Ok(path) => active.path = path,
                    Err(e) => return self.finish(at, Some(e), false),
                }
                Path::pieces(&params, mtu)
            }
            None => {
                active.path = Path::basic();
                Path::basic_pieces(mtu)
            }
        };
        active.open(pieces);
        self.dirty = true;
        super::credit::opened(self, at);
    }

    /// What was agreed on for an open channel has changed.
    pub(super) fn reconfigured(&mut self, at: usize) {
        let mtu = self.mtu;
        let Some(active) = self.at(at) else {
            return;
        };
        let Some(params) = active.engine.as_ref().map(|e| e.params()) else {
            return;
        };
        active.shared.update(|s| {
            s.imtu = params.imtu;
            s.omtu = params.omtu;
            s.pieces = Path::pieces(&params, mtu);
        });
    }

    /// The peer has given the CID of one open channel to another: neither can go on.
    fn close_duplicate(&mut self, newer: u64, dcid: u16) {
        let at = self.position(|a| {
            let older = a.id() != newer && a.settings().mode == Mode::EnhancedCredit;
            older && a.engine.as_ref().is_some_and(|e| e.remote_cid() == dcid)
        });
        if let Some(at) = at {
            self.close(at, Reason::Reset, now_ms());
        }
    }

    /// Ends a channel on behalf of this side.
    pub(super) fn close(&mut self, at: usize, error: Reason, now: u64) {
        let group = self.at(at).and_then(|a| a.group);
        if let Some(ident) = group {
            if self.engine_at(at).is_some_and(|e| e.is_asked_by(ident)) {
                return super::group::refuse(self, ident);
            }
        }
        // What was sent before is sent before.
        self.flush(at);
        let Self {
            channels,
            signalling,
            ..
        } = self;
        let Some(active) = channels.get_mut(at) else {
            return;
        };
        match &mut active.engine {
            Some(engine) => {
                let actions = engine.close(error, &mut signalling.idents, now);
                self.act(at, actions);
            }
            None => self.finish(at, errno(error), false),
        }
    }

    /// Moves what a channel has queued, and may send now, to the frames that are ready; unless it
    /// is to be repeated until the peer has it. Without credits for them the last frames are lost.
    fn flush(&mut self, at: usize) {
        let Some(active) = self.at(at) else {
            return;
        };
        if active.state() != State::Connected || !active.path.sends_once() {
            return;
        }
        let id = active.id();
        while let Some(frame) = self.at(at).and_then(super::transmit::take) {
            self.push_out(frame, true);
        }
        if self.unfinished == Some(id) {
            self.unfinished = None;
        }
    }

    /// The next time that something is to be done if nothing happens, in milliseconds.
    pub(super) fn deadline(&self) -> Option<u64> {
        let channels = self.channels.iter().flat_map(|a| {
            let engine = a.engine.as_ref().and_then(|e| e.deadline());
            [engine, a.path.deadline()].into_iter().flatten()
        });
        Iterator::chain(channels, self.signalling.deadline()).min()
    }

    /// Asks all whose time has come. Returns whether the peer's information is not waited for any
    /// longer.
    pub(super) fn on_timeout(&mut self, now: u64) -> bool {
        let due = |deadline: Option<u64>| deadline.is_some_and(|d| d <= now);
        while let Some(at) = self.position(|a| due(a.engine.as_ref().and_then(|e| e.deadline()))) {
            let Self {
                channels,
                signalling,
                ..
            } = self;
            let Some(engine) = channels.get_mut(at).and_then(|a| a.engine.as_mut()) else {
                break;
            };
            let actions = engine.on_timeout(now, &mut signalling.idents);
            let still_due = due(engine.deadline());
            self.act(at, actions);
            if still_due {
                break;
            }
        }
        while let Some(at) = self.position(|a| due(a.path.deadline())) {
            super::data::on_timeout(self, at, now);
            self.dirty = true;
        }
        due(self.signalling.deadline()) && self.signalling.on_timeout(now)
    }

    /// Tells users who want to know that something was lost.
    pub(super) fn unreliable(&mut self) {
        for active in self.channels.iter() {
            if active.hot().reliable {
                active.user.unreliable();
            }
        }
    }

    /// A channel's data path may have a deadline before the timer's.
    pub(super) fn note_deadline(&mut self, at: usize) {
        if self.at(at).is_some_and(|a| a.path.deadline().is_some()) {
            self.dirty = true;
        }
    }

    /// Something is there to be settled.
    pub(super) fn touch(&mut self) {
        self.dirty = true;
    }
}

/// Why a channel was closed, as its user is told.
pub(super) fn errno(error: Reason) -> Option<Error> {
    Some(match error {
        Reason::None => return None,
        Reason::Refused => ECONNREFUSED,
        Reason::Reset => ECONNRESET,
        Reason::TimedOut => ETIMEDOUT,
        Reason::Aborted => ECONNABORTED,
    })
}
