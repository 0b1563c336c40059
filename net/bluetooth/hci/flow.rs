// SPDX-License-Identifier: GPL-2.0

//! Data between links and the controller: whose turn it is, and how much the controller can take
//! (Vol 4 Part E 4.1).
//!
//! Sending is pulled, not pushed. Who has something to send queues it and says so ([`wake`]); the
//! worker then asks links for frames, as long as the controller has buffers: each link in its turn,
//! as [`FlowControl`] says, and each frame at the last moment, so that the room above decides by
//! priority what goes first. Nothing is queued here but the rest of a frame that is too long for one
//! packet.
//!
//! Audio goes before everything else: what waits of it is sent before each packet of other data.
//!
//! Received data goes to the link's user at once. Data that overtakes the event announcing its link
//! is held for a moment ([`RxHold`]).

mod sco;

pub(super) use sco::received as sco_received;

use super::{
    command,
    device::{
        ids,
        Controller,
        Device, //
    },
    event,
    link::{
        self,
        LinkKind,
        MAX_LINKS, //
    },
    session::jiffies,
    user::{
        AudioUser,
        LinkUser,
        OutFrame, //
    },
};
use core::{
    num::NonZeroU16,
    sync::atomic::{
        AtomicU64,
        Ordering, //
    }, //
};
use engine::{
    credits::{
        Buffers,
        FlowControl,
        LinkType, //
    },
    rx_hold::{
        RxHold,
        DEFAULT_HOLD_MS, //
    },
};
use kernel::{
    prelude::*,
    sync::aref::ARef, //
};
use kernel_ext::vec::VecExt;
use kernel_ext::{
    hci::{
        Flag,
        Frame,
        FrameMeta,
        Stat,
        RESERVE, //
    },
    ring::Ring,
    skbuff::SkBuff,
    time::now_ms,
    workqueue::{
        OrderedQueue,
        Work,
        WorkItem,
        Worker, //
    },
};
use wire::hci::{
    event::CompletedPackets,
    packet::{
        AclHeader,
        AclPacket,
        PacketType,
        ACL_CONT,
        ACL_START,
        ACL_START_NO_FLUSH, //
    },
    Status,
};

/// Bytes of headroom that a frame needs before its data: an ACL header, and what drivers expect.
pub(crate) const HEADROOM: usize = size_of::<AclHeader>() + RESERVE;

/// A controller that completes nothing for so long while packets wait is stuck, in milliseconds
/// (`HCI_ACL_TX_TIMEOUT`).
const STUCK_MS: u64 = 45_000;

/// Least length of LE data that controllers must take, in bytes (`HCI_MIN_LE_MTU`).
const MIN_LE_MTU: u16 = 0x001b;

/// Packets held for links that are not known yet, at most.
const MAX_HELD: usize = 32;

/// Kinds of links whose data is scheduled by turns after audio, in the order in which their buffers
/// are filled.
const KINDS: [LinkType; 2] = [LinkType::Acl, LinkType::Le];

/// A link's state of sending.
struct TxLink {
    handle: u16,
    kind: LinkType,
    slot: u8,
    /// Bytes of data in one packet.
    mtu: u16,
    /// The controller can tell flushable frames from others.
    no_flush: bool,
    /// The controller tells which packets it is done with.
    completes: bool,
    /// In sniff mode, which data ends.
    sniff: bool,
    /// The user may have something to send.
    ready: bool,
    /// What is left of a frame, and how much of it was sent.
    rest: Option<(SkBuff, usize)>,
    /// When data was last sent or received, in milliseconds.
    active_at: u64,
    /// Packets to and from the controller.
    sent: u64,
    received: u64,
    /// Packets that the controller has reported as completed.
    completed: u64,
    /// Clones of packets whose sender wants to know of that, with how many were sent before and
    /// with them. The oldest first; no more than there are buffers.
    tracked: Ring<(u64, SkBuff)>,
}

/// Data that came before its link.
struct Early {
    flags: u8,
    skb: SkBuff,
}

/// A controller's flow of data; the worker's.
pub(crate) struct Flow {
    control: FlowControl<MAX_LINKS>,
    links: KVec<TxLink>,
    /// How many of them carry audio.
    audio_links: usize,
    hold: RxHold<Early, MAX_HELD>,
    /// Since when packets of each kind wait without a buffer becoming free, in milliseconds.
    starved: [Option<u64>; KINDS.len()],
    /// Data Buffer Overflow events (7.7.26), and transmitters that were stuck.
    overflows: u32,
    stuck: u32,
}

/// What can be used in any context, and the timers.
#[pin_data]
pub(super) struct FlowWork {
    /// Links, by slot, whose user has something to send.
    woken: AtomicU64,
    /// Looks whether the controller is stuck.
    #[pin]
    watch: Work<Controller, { ids::TX_WATCH }>,
    /// Drops what was held in vain.
    #[pin]
    expire: Work<Controller, { ids::HOLD_EXPIRE }>,
}

kernel_ext::impl_has_work! {
    impl HasWork<{ ids::TX_WATCH }> for Controller { self.flow_work.watch }
}
kernel_ext::impl_has_work! {
    impl HasWork<{ ids::HOLD_EXPIRE }> for Controller { self.flow_work.expire }
}

impl FlowWork {
    pub(super) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            woken: AtomicU64::new(0),
            watch <- kernel_ext::new_work!("FlowWork::watch"),
            expire <- kernel_ext::new_work!("FlowWork::expire"),
        })
    }

    pub(super) fn bind(&self, worker: &OrderedQueue) -> Result {
        self.watch.bind(worker)?;
        self.expire.bind(worker)
    }

    /// Stops the timers for good.
    pub(super) fn disable(&self) {
        self.watch.disable_sync();
        self.expire.disable_sync();
    }
}

impl Flow {
    pub(super) fn new() -> Self {
        Self {
            control: FlowControl::new(),
            links: KVec::new(),
            audio_links: 0,
            hold: RxHold::new(DEFAULT_HOLD_MS),
            starved: [None; KINDS.len()],
            overflows: 0,
            stuck: 0,
        }
    }

    fn link(&mut self, handle: u16) -> Option<&mut TxLink> {
        self.links.iter_mut().find(|l| l.handle == handle)
    }

    /// Takes note of who has something to send.
    fn note_woken(&mut self, dev: &Device) {
        // Mostly nobody has, between two packets.
        if dev.flow_work.woken.load(Ordering::Relaxed) == 0 {
            return;
        }
        let woken = dev.flow_work.woken.swap(0, Ordering::Acquire);
        for link in self.links.iter_mut() {
            if woken & 1u64.wrapping_shl(link.slot.into()) != 0 {
                link.ready = true;
            }
        }
    }

    fn free_slot(&self) -> Option<u8> {
        let taken = self
            .links
            .iter()
            .fold(0u64, |all, l| all | 1u64.wrapping_shl(l.slot.into()));
        u8::try_from(taken.trailing_ones())
            .ok()
            .filter(|slot| usize::from(*slot) < MAX_LINKS)
    }

    fn starved_mut(&mut self, kind: LinkType) -> Option<&mut Option<u64>> {
        let at = KINDS.iter().position(|k| *k == kind)?;
        self.starved.get_mut(at)
    }
}

impl From<LinkKind> for LinkType {
    fn from(kind: LinkKind) -> Self {
        match kind {
            LinkKind::Acl => Self::Acl,
            LinkKind::Le => Self::Le,
        }
    }
}

/// Tells that the link in `slot` has something to send. Any context.
pub(crate) fn wake(dev: &Device, slot: u8) {
    dev.flow_work
        .woken
        .fetch_or(1u64.wrapping_shl(slot.into()), Ordering::Release);
    dev.transmit.queue(dev);
}

/// A link is up: returns its slot and MTU.
///
/// # Errors
///
/// `ECONNREFUSED` if the controller takes no data; `ENOSPC` for one too many, `EEXIST`, `EINVAL` for a handle that no link can have, `ENOMEM`.
pub(super) fn link_up(
    dev: &Device,
    worker: &mut Worker<'_>,
    handle: u16,
    kind: LinkType,
) -> Result<(u8, u16)> {
    let info = dev.info()?;
    let (forced, forced_sco) = {
        let state = dev.state();
        (state.forced_acl, state.forced_sco)
    };
    let acl = forced.unwrap_or((info.acl.mtu, info.acl.packets));
    let sco = forced_sco.unwrap_or((sco::mtu(dev), info.sco.packets));
    let le = NonZeroU16::new(info.le.packets).filter(|_| info.le.mtu != 0);
    let buffers = Buffers {
        acl: acl.1,
        sco: sco.1,
        sco_flow_control: dev.has(Flag::SCO_FLOWCTL),
        le,
        iso: info.iso.packets,
    };
    let mtu = match kind {
        LinkType::Le if le.is_some() => info.le.mtu,
        LinkType::Sco => sco.0,
        _ => acl.0,
    };
    // What does not even hold a signalling packet is no way to talk (Vol 4 Part E 7.8.2).
    let least = match kind {
        LinkType::Le => MIN_LE_MTU,
        LinkType::Sco => 0,
        _ => 1,
    };
    if mtu < least {
        return Err(ECONNREFUSED);
    }
    let no_flush = kind == LinkType::Le || info.features.non_flushable();
    let flow = dev.flow.get(worker).ok_or(ENODEV)?;
    let slot = flow.free_slot().ok_or(ENOSPC)?;
    flow.links.make_room(1)?;
    flow.control.set_buffers(buffers);
    flow.control.link_up(handle, kind).map_err(|e| {
        use engine::credits::LinkError;
        match e {
            LinkError::Full => ENOSPC,
            LinkError::Exists => EEXIST,
            LinkError::BadHandle => EINVAL,
        }
    })?;
    flow.links.append(TxLink {
        handle,
        kind,
        slot,
        mtu,
        no_flush,
        completes: kind != LinkType::Sco || buffers.sco_flow_control,
        sniff: false,
        ready: true,
        rest: None,
        active_at: now_ms(),
        sent: 0,
        received: 0,
        completed: 0,
        tracked: Ring::new(),
    })?;
    if kind == LinkType::Sco {
        flow.audio_links = flow.audio_links.saturating_add(1);
    }
    Ok((slot, mtu))
}

/// Delivers what came for a link before it was known; its user knows it by now.
pub(super) fn deliver_early(dev: &Device, worker: &mut Worker<'_>, handle: u16) {
    loop {
        let early = dev
            .flow
            .get(worker)
            .and_then(|f| f.hold.deliver(handle, now_ms()));
        let Some(Early { flags, skb }) = early else {
            break;
        };
        crate::Upper::received(dev, worker, handle, flags, skb);
    }
}

/// A link is down: what it had in the controller is gone, and its buffers are free.
pub(super) fn link_down(dev: &Device, worker: &mut Worker<'_>, handle: u16) {
    let Some(flow) = dev.flow.get(worker) else {
        return;
    };
    let at = flow.links.iter().position(|l| l.handle == handle);
    let Some(gone) = at.and_then(|at| flow.links.take_out(at)) else {
        return;
    };
    flow.hold.link_down(handle, now_ms());
    if gone.kind == LinkType::Sco {
        flow.audio_links = flow.audio_links.saturating_sub(1);
    }
    if flow.control.link_down(handle).is_some_and(|n| n > 0) {
        if let Some(starved) = flow.starved_mut(gone.kind) {
            *starved = None;
        }
        // Others may have waited for them.
        dev.transmit.queue(dev);
    }
}

/// The controller is closed: it has no buffers any more, and nothing that is held has a link.
pub(super) fn reset(dev: &Device, worker: &mut Worker<'_>) {
    dev.flow_work.watch.cancel();
    dev.flow_work.expire.cancel();
    let Some(flow) = dev.flow.get(worker) else {
        return;
    };
    flow.control.reset();
    flow.links.clear();
    flow.audio_links = 0;
    flow.starved = [None; KINDS.len()];
    while flow.hold.drain().is_some() {}
}

/// A link has gone to sniff mode, or left it.
pub(super) fn set_sniff(dev: &Device, worker: &mut Worker<'_>, handle: u16, sniff: bool) {
    if let Some(link) = dev.flow.get(worker).and_then(|f| f.link(handle)) {
        link.sniff = sniff;
    }
}

/// When data last passed on a link, in milliseconds.
pub(super) fn active_at(dev: &Device, worker: &mut Worker<'_>, handle: u16) -> Option<u64> {
    Some(dev.flow.get(worker)?.link(handle)?.active_at)
}

/// Sends what there is to send and room for, on the worker.
pub(super) fn transmit(dev: &Device, worker: &mut Worker<'_>) {
    let Some(flow) = dev.flow.get(worker) else {
        return;
    };
    flow.note_woken(dev);
    sco::transmit(dev, worker);
    for kind in KINDS {
        while turn(dev, worker, kind) {}
    }
}

/// Gives one link its turn; `false` if none has something to send, or there is no room.
fn turn(dev: &Device, worker: &mut Worker<'_>, kind: LinkType) -> bool {
    let Some(Flow { control, links, .. }) = dev.flow.get(worker) else {
        return false;
    };
    let is_ready = |handle| links.iter().any(|l| l.handle == handle && l.ready);
    let Some(turn) = control.next(kind, is_ready) else {
        let waiting = links.iter().any(|l| l.kind == kind && l.ready);
        if waiting {
            starve(dev, worker, kind);
        }
        return false;
    };
    for _ in 0..turn.quota {
        match send_one(dev, worker, kind, turn.handle) {
            Sent::One if kind == LinkType::Sco => {}
            // Audio does not wait for what is left of this turn.
            Sent::One => sco::transmit(dev, worker),
            Sent::None => break,
            Sent::Gone => return false,
        }
    }
    true
}

/// What became of a link's next packet.
enum Sent {
    /// It is on its way, or lost.
    One,
    /// There is none.
    None,
    /// The transport is not there any more: whatever else waits need not be tried.
    Gone,
}

/// Packets wait and no buffer is free: that must not last.
fn starve(dev: &Device, worker: &mut Worker<'_>, kind: LinkType) {
    let Some(flow) = dev.flow.get(worker) else {
        return;
    };
    if let Some(since @ None) = flow.starved_mut(kind) {
        *since = Some(now_ms());
        dev.flow_work
            .watch
            .queue_delayed(dev, jiffies(STUCK_MS as u32));
    }
}

/// A link's next packet, or why it cannot be made; `None` if nothing waits.
fn next_packet(
    dev: &Device,
    worker: &mut Worker<'_>,
    kind: LinkType,
    handle: u16,
) -> Option<Result<SkBuff>> {
    let link = dev.flow.get(worker)?.link(handle)?;
    if link.rest.is_some() {
        return Some(link.continue_frame());
    }
    let waits = match kind {
        LinkType::Sco => {
            crate::Audio::next_frame(dev, worker, handle).map(|skb| sco::packet(handle, skb))
        }
        _ => match crate::Upper::next_frame(dev, worker, handle) {
            // The user may have ended the link instead.
            Some(frame) => Some(dev.flow.get(worker)?.link(handle)?.begin_frame(frame)),
            None => None,
        },
    };
    if waits.is_none() {
        dev.flow.get(worker)?.link(handle)?.ready = false;
    }
    waits
}

/// Sends a link's next packet.
fn send_one(dev: &Device, worker: &mut Worker<'_>, kind: LinkType, handle: u16) -> Sent {
    let Some(packet) = next_packet(dev, worker, kind, handle) else {
        return Sent::None;
    };
    let mut packet = match packet {
        Ok(packet) => packet,
        Err(e) => {
            dev.count(Stat::ErrTx, 1);
            if event::log_now(dev) {
                pr_err!(
                    "{}: frame of link 0x{handle:03x} dropped ({})\n",
                    dev.name(),
                    e.to_errno()
                );
            }
            // The next one may be luckier.
            return Sent::One;
        }
    };
    let Some(flow) = dev.flow.get(worker) else {
        return Sent::None;
    };
    let Ok(credit) = flow.control.take(kind, handle) else {
        // `turn` promised one; without it the packet would overflow the controller.
        dev.count(Stat::ErrTx, 1);
        return Sent::None;
    };
    let mut sniff = false;
    if let Some(link) = flow.link(handle) {
        link.active_at = now_ms();
        link.sent = link.sent.wrapping_add(1);
        sniff = link.sniff;
        link.stamp(&mut packet);
    }
    if sniff {
        link::leave_sniff(dev, worker, handle);
    }
    let Err(e) = command::send_frame(dev, packet) else {
        return Sent::One;
    };
    if let Some(flow) = dev.flow.get(worker) {
        flow.control.refund(credit);
        if let Some(link) = flow.link(handle) {
            link.unsent();
        }
    }
    // Any other failure is this packet's.
    if e == ENODEV {
        Sent::Gone
    } else {
        Sent::One
    }
}

impl TxLink {
    /// Tells the sender, if it wants to know, that its packet goes to the controller now.
    fn stamp(&mut self, packet: &mut SkBuff) {
        packet.stamp_sent();
        if self.completes && packet.wants_completion() {
            // Without memory the sender is not told.
            if let Ok(clone) = packet.clone_with_sock() {
                let _ = self.tracked.push_back((self.sent, clone));
            }
        }
    }

    /// The last packet did not go to the controller after all, which never completes it.
    fn unsent(&mut self) {
        if self.tracked.back().is_some_and(|(at, _)| *at == self.sent) {
            drop(self.tracked.pop_back());
        }
        self.sent = self.sent.saturating_sub(1);
    }

    /// The controller is done with so many packets more.
    fn done(&mut self, packets: u16) {
        self.completed = self.completed.saturating_add(packets.into());
        while self
            .tracked
            .front()
            .is_some_and(|(sent, _)| *sent <= self.completed)
        {
            if let Some((_, mut packet)) = self.tracked.pop_front() {
                packet.stamp_completed();
            }
        }
    }

    /// The first packet of a frame, or of a piece of one.
    fn begin_frame(&mut self, frame: OutFrame) -> Result<SkBuff> {
        let boundary = if !frame.first {
            ACL_CONT
        } else if self.kind == LinkType::Le || (self.no_flush && !frame.flushable) {
            ACL_START_NO_FLUSH
        } else {
            ACL_START
        };
        let mtu = usize::from(self.mtu);
        if frame.skb.len() <= mtu {
            return self.packet(frame.skb, boundary);
        }
        let mut whole = frame.skb;
        whole.linearize()?;
        let first = fragment(&whole, 0, mtu)?;
        self.rest = Some((whole, mtu));
        self.packet(first, boundary)
    }

    /// The next packet of the frame that was begun.
    fn continue_frame(&mut self) -> Result<SkBuff> {
        let (mut whole, at) = self.rest.take().ok_or(EINVAL)?;
        let mtu = usize::from(self.mtu);
        if whole.len().saturating_sub(at) <= mtu {
            // Nobody needs what was copied from it any more.
            whole.pull(at).ok_or(EINVAL)?;
            return self.packet(whole, ACL_CONT);
        }
        let next = fragment(&whole, at, mtu)?;
        self.rest = Some((whole, at.saturating_add(mtu)));
        self.packet(next, ACL_CONT)
    }

    fn packet(&self, mut skb: SkBuff, boundary: u8) -> Result<SkBuff> {
        let len = u16::try_from(skb.len()).map_err(|_| EMSGSIZE)?;
        if skb.headroom() < HEADROOM || skb.is_cloned() {
            skb.cow_head(HEADROOM, GFP_KERNEL)?;
        }
        skb.push_obj(&AclHeader::new(self.handle, boundary, len))?;
        skb.set_meta(FrameMeta {
            packet_type: PacketType::Acl.to_u8(),
            ..FrameMeta::default()
        });
        Ok(skb)
    }
}

/// A copy of `len` bytes of a frame, from `at` on.
fn fragment(whole: &SkBuff, at: usize, len: usize) -> Result<SkBuff> {
    let end = at.checked_add(len).ok_or(EMSGSIZE)?;
    let bytes = whole.data().get(at..end).ok_or(EINVAL)?;
    SkBuff::from_slice(HEADROOM, bytes, GFP_KERNEL)
}

/// Number Of Completed Packets (7.7.19): there is room again.
pub(super) fn completed(dev: &Device, worker: &mut Worker<'_>, list: &[CompletedPackets]) {
    let Some(flow) = dev.flow.get(worker) else {
        return;
    };
    let mut bogus = false;
    for entry in list {
        let (handle, count) = (entry.handle.get(), entry.count.get());
        let done = flow.control.completed(handle, count);
        bogus |= done != count;
        if let Some(link) = flow.link(handle) {
            link.done(done);
        }
        if done > 0 {
            let kind = flow.link(handle).map(|l| l.kind);
            if let Some(starved) = kind.and_then(|k| flow.starved_mut(k)) {
                *starved = None;
            }
        }
    }
    if bogus {
        dev.count(Stat::ErrRx, 1);
        if event::log_now(dev) {
            pr_warn!(
                "{}: more packets completed than were sent, or of no link\n",
                dev.name()
            );
        }
    }
    transmit(dev, worker);
}

/// Data Buffer Overflow (7.7.26): the controller lost what it should have had room for.
pub(super) fn overflowed(dev: &Device, worker: &mut Worker<'_>, link_type: u8) {
    if let Some(flow) = dev.flow.get(worker) {
        flow.overflows = flow.overflows.wrapping_add(1);
    }
    dev.count(Stat::ErrTx, 1);
    if event::log_now(dev) {
        pr_err!(
            "{}: data buffer overflow in the controller (link type {link_type})\n",
            dev.name()
        );
    }
}

/// ACL data (Vol 4 Part E 5.4.2), of BR/EDR and LE alike.
pub(super) fn received(dev: &Device, worker: &mut Worker<'_>, mut skb: SkBuff) {
    dev.count(Stat::AclRx, 1);
    let (handle, flags) = match AclPacket::parse(skb.data()) {
        Ok(packet) => (packet.header.handle(), packet.header.flags()),
        Err(_) => return dev.count(Stat::ErrRx, 1),
    };
    if skb.pull(size_of::<AclHeader>()).is_none() {
        return;
    }
    let Some(flow) = dev.flow.get(worker) else {
        return;
    };
    let Some(link) = flow.link(handle) else {
        return hold(dev, flow, handle, Early { flags, skb });
    };
    if link.kind == LinkType::Sco {
        return dev.count(Stat::ErrRx, 1);
    }
    link.active_at = now_ms();
    link.received = link.received.wrapping_add(1);
    let sniff = link.sniff;
    if sniff {
        link::leave_sniff(dev, worker, handle);
    }
    crate::Upper::received(dev, worker, handle, flags, skb);
}

/// Holds data of a link that is not there yet.
fn hold(dev: &Device, flow: &mut Flow, handle: u16, early: Early) {
    let now = now_ms();
    while flow.hold.expire(now).is_some() {
        dev.count(Stat::ErrRx, 1);
    }
    if flow.hold.hold(handle, early, now).is_err() {
        dev.count(Stat::ErrRx, 1);
    }
    schedule_expiry(dev, flow, now);
}

fn schedule_expiry(dev: &Device, flow: &Flow, now: u64) {
    if let Some(deadline) = flow.hold.next_deadline() {
        let ms = u32::try_from(deadline.saturating_sub(now)).unwrap_or(u32::MAX);
        dev.flow_work
            .expire
            .mod_delayed(dev, jiffies(ms.saturating_add(1)));
    }
}

impl WorkItem<{ ids::HOLD_EXPIRE }> for Controller {
    type Pointer = ARef<Device>;

    fn run(dev: ARef<Device>, worker: &mut Worker<'_>) {
        let Some(flow) = dev.flow.get(worker) else {
            return;
        };
        let now = now_ms();
        let mut dropped = 0u32;
        while flow.hold.expire(now).is_some() {
            dropped = dropped.saturating_add(1);
        }
        schedule_expiry(&dev, flow, now);
        if dropped > 0 {
            dev.count(Stat::ErrRx, dropped);
        }
    }
}

impl WorkItem<{ ids::TX_WATCH }> for Controller {
    type Pointer = ARef<Device>;

    fn run(dev: ARef<Device>, worker: &mut Worker<'_>) {
        for kind in KINDS {
            stuck(&dev, worker, kind);
        }
        let Some(flow) = dev.flow.get(worker) else {
            return;
        };
        if let Some(since) = flow.starved.iter().flatten().min().copied() {
            let ms = since.saturating_add(STUCK_MS).saturating_sub(now_ms());
            let ms = u32::try_from(ms).unwrap_or(u32::MAX).max(1);
            dev.flow_work.watch.mod_delayed(&dev, jiffies(ms));
        }
    }
}

/// Ends the links that hold all buffers for too long.
fn stuck(dev: &Device, worker: &mut Worker<'_>, kind: LinkType) {
    let Some(flow) = dev.flow.get(worker) else {
        return;
    };
    let now = now_ms();
    let Some(starved) = flow.starved_mut(kind) else {
        return;
    };
    if !starved.is_some_and(|since| now.saturating_sub(since) >= STUCK_MS) {
        return;
    }
    *starved = None;
    flow.stuck = flow.stuck.wrapping_add(1);
    pr_err!("{}: link tx timeout\n", dev.name());
    // Buffers may be shared between the two kinds.
    let mut holders: KVec<u16> = KVec::new();
    for kind in KINDS {
        for (handle, _) in flow.control.holders(kind) {
            if holders.append(handle).is_err() {
                break;
            }
        }
    }
    for handle in holders {
        pr_err!(
            "{}: killing stalled connection 0x{handle:03x}\n",
            dev.name()
        );
        link::end_by_handle(dev, worker, handle, Status::REMOTE_USER_TERMINATED);
    }
}

/// A controller's flow of data at a moment, for people.
#[derive(Default)]
pub(super) struct Snapshot {
    /// Free buffers for ACL, SCO, LE and ISO data.
    pub(super) free: [u16; 4],
    pub(super) stats: engine::credits::Stats,
    pub(super) held: engine::rx_hold::Stats,
    pub(super) overflows: u32,
    pub(super) stuck: u32,
    pub(super) links: KVec<LinkCounters>,
}

/// One link's counters.
pub(super) struct LinkCounters {
    pub(super) handle: u16,
    pub(super) kind: LinkType,
    /// Packets in the controller.
    pub(super) outstanding: u16,
    /// Frames that wait with the user.
    pub(super) queued: usize,
    pub(super) sent: u64,
    pub(super) received: u64,
}

/// How data flows now. Sleeps; not on the worker.
///
/// # Errors
///
/// `ENODEV` if the controller is leaving, `ENOMEM`.
pub(super) fn snapshot(dev: &Device) -> Result<Snapshot> {
    dev.worker()?.call(|worker| -> Result<Snapshot> {
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
        for link in flow.links.iter() {
            let counters = LinkCounters {
                handle: link.handle,
                kind: link.kind,
                outstanding: flow.control.outstanding(link.handle).unwrap_or(0),
                queued: 0,
                sent: link.sent,
                received: link.received,
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
