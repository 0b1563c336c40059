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

mod hold;
mod link;
mod sco;
mod snapshot;
mod stamps;
mod watch;

pub(super) use hold::{
    deliver_early,
    look as look_at_held, //
};
pub(super) use sco::received as sco_received;
pub(super) use snapshot::snapshot;
pub(super) use watch::look as look_for_stuck;

use self::{
    hold::Early,
    link::TxLink,
    watch::starve, //
};
use super::{
    command,
    device::Device,
    event,
    link::{
        data_passes,
        LinkKind,
        MAX_LINKS, //
    },
    timers::{
        self,
        Alarm, //
    },
    user::{
        AudioUser,
        LinkUser, //
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
        LinkError,
        LinkType, //
    },
    rx_hold::{
        RxHold,
        DEFAULT_HOLD_MS, //
    },
};
use kernel::prelude::*;
use kernel_ext::vec::VecExt;
use kernel_ext::{
    hci::{
        Flag,
        Frame,
        FrameMeta,
        Stat,
        RESERVE, //
    },
    skbuff::SkBuff,
    time::now_ms,
    workqueue::Worker, //
};
use wire::hci::{
    event::CompletedPackets,
    packet::{
        AclHeader,
        AclPacket,
        PacketType, //
    }, //
};
use zerocopy::{
    Immutable,
    IntoBytes, //
};

/// Bytes of headroom that a frame needs before its data: an ACL header, and what drivers expect.
pub(crate) const HEADROOM: usize = headroom::<AclHeader>();

/// Least length of LE data that controllers must take, in bytes (`HCI_MIN_LE_MTU`).
const MIN_LE_MTU: u16 = 0x001b;

/// Packets held for links that are not known yet, at most.
const MAX_HELD: usize = 32;

/// Kinds of links whose data is scheduled by turns after audio, in the order in which their buffers
/// are filled.
const KINDS: [LinkType; 2] = [LinkType::Acl, LinkType::Le];

/// A controller's flow of data; the worker's.
pub(crate) struct Flow {
    control: FlowControl<MAX_LINKS>,
    /// The links by their slots, which `control` gives them.
    links: KVec<Option<TxLink>>,
    /// The slots of links whose user may have something to send.
    ready: u64,
    /// How many of them carry audio.
    audio_links: usize,
    hold: RxHold<Early, MAX_HELD>,
    /// Data Buffer Overflow events (7.7.26), and transmitters that were stuck.
    overflows: u32,
    stuck: u32,
    /// Packets from the controller that were lost for a full receive buffer.
    dropped: u64,
}

/// Slots of links whose users say that they have something to send; any context.
pub(super) struct Woken(AtomicU64);

impl Woken {
    pub(super) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Whether nobody was woken who was not asked yet.
    pub(super) fn is_empty(&self) -> bool {
        self.0.load(Ordering::Acquire) == 0
    }
}

/// A slot's bit.
fn bit(slot: u8) -> u64 {
    1u64.wrapping_shl(slot.into())
}

impl Flow {
    pub(super) fn new() -> Self {
        Self {
            control: FlowControl::new(),
            links: KVec::new(),
            ready: 0,
            audio_links: 0,
            hold: RxHold::new(DEFAULT_HOLD_MS),
            overflows: 0,
            stuck: 0,
            dropped: 0,
        }
    }

    fn at(&mut self, slot: u8) -> Option<&mut TxLink> {
        self.links.get_mut(usize::from(slot))?.as_mut()
    }

    fn link(&mut self, handle: u16) -> Option<&mut TxLink> {
        self.at(self.control.slot_of(handle)?)
    }

    /// Puts a link in its slot.
    fn place(&mut self, slot: u8, link: TxLink) -> Result {
        while self.links.len() <= usize::from(slot) {
            self.links.append(None)?;
        }
        let place = self.links.get_mut(usize::from(slot)).ok_or(ENOMEM)?;
        *place = Some(link);
        Ok(())
    }

    /// Takes note of who has something to send.
    fn note_woken(&mut self, dev: &Device) {
        let Woken(woken) = &dev.woken;
        // Mostly nobody has, between two packets.
        if woken.load(Ordering::Relaxed) != 0 {
            self.ready |= woken.swap(0, Ordering::Acquire);
        }
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
    dev.woken.0.fetch_or(bit(slot), Ordering::Release);
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
    flow.control.set_buffers(buffers);
    let slot = flow.control.link_up(handle, kind).map_err(|e| match e {
        LinkError::Full => ENOSPC,
        LinkError::Exists => EEXIST,
        LinkError::BadHandle => EINVAL,
    })?;
    let completes = kind != LinkType::Sco || buffers.sco_flow_control;
    let link = TxLink::new(handle, kind, mtu, no_flush, completes);
    if let Err(e) = flow.place(slot, link) {
        flow.control.link_down(handle);
        return Err(e);
    }
    flow.ready |= bit(slot);
    if kind == LinkType::Sco {
        flow.audio_links = flow.audio_links.saturating_add(1);
    }
    Ok((slot, mtu))
}

/// A link is down: what it had in the controller is gone, and its buffers are free.
pub(super) fn link_down(dev: &Device, worker: &mut Worker<'_>, handle: u16) {
    let Some(flow) = dev.flow.get(worker) else {
        return;
    };
    let slot = flow.control.slot_of(handle).map(usize::from);
    let place = slot.and_then(|slot| flow.links.get_mut(slot));
    let Some(gone) = place.and_then(Option::take) else {
        return;
    };
    flow.hold.link_down(handle, now_ms());
    if gone.kind == LinkType::Sco {
        flow.audio_links = flow.audio_links.saturating_sub(1);
    }
    if flow.control.link_down(handle).is_some_and(|n| n > 0) {
        // Others may have waited for them.
        dev.transmit.queue(dev);
    }
}

/// The controller is closed: it has no buffers any more, and nothing that is held has a link.
pub(super) fn reset(dev: &Device, worker: &mut Worker<'_>) {
    timers::alarm(dev, Alarm::Stuck, None);
    timers::alarm(dev, Alarm::Held, None);
    let Some(flow) = dev.flow.get(worker) else {
        return;
    };
    flow.control.reset();
    flow.links.clear();
    flow.ready = 0;
    flow.audio_links = 0;
    while flow.hold.drain().is_some() {}
}

/// Whether [`data_passes`] is to be called when data passes on a link.
pub(super) fn watch_data(dev: &Device, worker: &mut Worker<'_>, handle: u16, watched: bool) {
    if let Some(link) = dev.flow.get(worker).and_then(|f| f.link(handle)) {
        link.watched = watched;
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
    let Some(Flow { control, ready, .. }) = dev.flow.get(worker) else {
        return false;
    };
    let Some(turn) = control.next(kind, *ready) else {
        // Audio is late by then, and nobody waits for it.
        if kind != LinkType::Sco {
            starve(dev, worker, kind);
        }
        return false;
    };
    for _ in 0..turn.quota {
        match send_one(dev, worker, turn.slot) {
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

/// Bytes of headroom that a packet needs before its data: its header, and what drivers expect.
const fn headroom<H>() -> usize {
    RESERVE.saturating_add(size_of::<H>())
}

/// Makes data a packet, by the header that goes before it. It is copied only if there is no room
/// for that, or if somebody else has it as well.
fn packet<H>(kind: PacketType, header: &H, mut data: SkBuff) -> Result<SkBuff>
where
    H: IntoBytes + Immutable,
{
    if data.headroom() < headroom::<H>() || data.is_cloned() {
        data.cow_head(headroom::<H>(), GFP_KERNEL)?;
    }
    data.push_obj(header)?;
    data.set_meta(FrameMeta {
        packet_type: kind.to_u8(),
        ..FrameMeta::default()
    });
    Ok(data)
}

/// A link's next packet, or why it cannot be made; `None` if nothing waits.
fn next_packet(dev: &Device, worker: &mut Worker<'_>, slot: u8) -> Option<Result<SkBuff>> {
    let link = dev.flow.get(worker)?.at(slot)?;
    if let Some(piece) = link.next_piece() {
        return Some(piece);
    }
    let (handle, kind) = (link.handle, link.kind);
    let waits = match kind {
        LinkType::Sco => {
            crate::Audio::next_frame(dev, worker, handle).map(|skb| sco::packet(handle, skb))
        }
        _ => match crate::Upper::next_frame(dev, worker, handle) {
            // The user may have ended the link instead.
            Some(frame) => Some(dev.flow.get(worker)?.at(slot)?.begin_frame(frame)),
            None => None,
        },
    };
    if waits.is_none() {
        dev.flow.get(worker)?.ready &= !bit(slot);
    }
    waits
}

/// Sends a link's next packet.
fn send_one(dev: &Device, worker: &mut Worker<'_>, slot: u8) -> Sent {
    let Some(packet) = next_packet(dev, worker, slot) else {
        return Sent::None;
    };
    let Some(flow) = dev.flow.get(worker) else {
        return Sent::None;
    };
    let Some(link) = flow
        .links
        .get_mut(usize::from(slot))
        .and_then(Option::as_mut)
    else {
        return Sent::None;
    };
    let handle = link.handle;
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
    let Ok(credit) = flow.control.take(slot) else {
        // `turn` promised one; without it the packet would overflow the controller.
        dev.count(Stat::ErrTx, 1);
        return Sent::None;
    };
    if link.note_sent(&mut packet) {
        let insists = link.force_active;
        data_passes(dev, worker, handle, insists);
    }
    let Err(e) = command::send_frame(dev, packet) else {
        return Sent::One;
    };
    if let Some(flow) = dev.flow.get(worker) {
        flow.control.refund(credit);
        if let Some(link) = flow.at(slot) {
            link.sent.unsent();
        }
    }
    // Any other failure is this packet's.
    if e == ENODEV {
        Sent::Gone
    } else {
        Sent::One
    }
}

/// Number Of Completed Packets (7.7.19): there is room again.
pub(super) fn completed(dev: &Device, worker: &mut Worker<'_>, list: &[CompletedPackets]) {
    let Some(flow) = dev.flow.get(worker) else {
        return;
    };
    let mut bogus = false;
    for entry in list {
        let (handle, count) = (entry.handle.get(), entry.count.get());
        let Some((slot, done)) = flow.control.completed(handle, count) else {
            bogus |= count > 0;
            continue;
        };
        bogus |= done != count;
        if let Some(link) = flow.at(slot) {
            link.sent.done(done);
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
        return hold::hold(dev, flow, handle, Early { flags, skb });
    };
    if link.kind == LinkType::Sco {
        return dev.count(Stat::ErrRx, 1);
    }
    if link.note_received() {
        data_passes(dev, worker, handle, false);
    }
    crate::Upper::received(dev, worker, handle, flags, skb);
}
