// SPDX-License-Identifier: GPL-2.0

//! Audio links: SCO and eSCO (Vol 1 Part A 3.5.4), each of which goes with an ACL link.
//!
//! ```text
//!   connect ──> Waiting ──ACL ready──> Connecting ──┐  complete
//!                                       │  ^ next parameters of the ladder
//!                                       └──┘        ├──> Connected ──> Disconnecting ──> (removed)
//!   Connection Request ──> [Asked] ──accept──> Accepting ──┘
//!                             └ nobody wants it, or failed ──> (removed)
//! ```
//!
//! An attempt cannot be cancelled, only waited for: one that nobody wants any more is
//! `Cancelling`, and if it comes about it is ended.
//!
//! There is at most one audio link to a peer, since events name links that are not up by their peer
//! only. It holds its ACL link, and ends with it.

mod event;
mod setup;

pub(super) use event::{
    accept_refused,
    connected,
    refused,
    requested, //
};
pub(in crate::hci) use event::{
    changed,
    completed, //
};
pub(crate) use setup::takes_codecs;

use super::{
    bredr_peer,
    connect::{
        self,
        Connecting,
        Wanted, //
    },
    node_for_drivers,
    send,
    timer::{
        self,
        event_deadline, //
    },
    LinkKind,
    LinkSnapshot,
    LinkTable,
    LM_CENTRAL,
    MAX_LINKS, //
};
use crate::hci::{
    device::{
        Controller,
        Device, //
    },
    flow,
    state::Peer,
    user::{
        AudioFacts,
        AudioUser, //
    }, //
};
use engine::sco::{
    self as rules,
    Audio,
    Ladder, //
};
use kernel::prelude::*;
use kernel_ext::vec::VecExt;
use kernel_ext::{
    hci::{
        Address,
        Codec,
        LinkNode, //
    },
    time::now_ms,
    workqueue::Worker, //
};
use wire::{
    hci::{
        event::DisconnectionComplete,
        link_control::{
            Disconnect,
            RejectConnectionRequest,
            RejectSyncConnectionRequest, //
        },
        ConnHandle,
        Status, //
    },
    BdAddr, //
};

/// `SCO_LINK`, `ESCO_LINK` of the driver ABI.
const SCO_LINK: u8 = 0x00;
const ESCO_LINK: u8 = 0x02;

/// The controller is given up on after so many milliseconds without saying how an attempt that
/// nobody waits for ended: peers may take 29 s to accept (Vol 4 Part E 6.7).
const ANSWER_MS: u64 = 32_000;

/// Where an audio link is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// For the ACL link to be ready.
    Waiting,
    /// The set-up was asked for.
    Connecting,
    /// The peer asked; its user decides.
    Asked,
    /// The peer asked, and was accepted.
    Accepting,
    /// An attempt goes on that nobody wants any more.
    Cancelling,
    Connected,
    /// Disconnect was sent.
    Disconnecting,
}

impl Stage {
    /// Numbers as in `struct hci_conn_info` (`BT_*`).
    fn as_bt_state(self) -> u16 {
        match self {
            Self::Connected | Self::Disconnecting => 1,
            Self::Waiting => 2,
            Self::Connecting | Self::Cancelling => 5,
            Self::Asked => 6,
            Self::Accepting => 7,
        }
    }
}

/// An audio link.
pub(super) struct ScoLink {
    /// Tells it from all other links of the controller, also from those that were.
    id: u64,
    peer: BdAddr,
    class: [u8; 3],
    /// The ACL link that it goes with, by its id.
    acl: u64,
    /// Unknown before it is up.
    handle: Option<ConnHandle>,
    /// `SCO_LINK` or `ESCO_LINK`; before it is up, what is hoped for.
    kind: u8,
    initiated_here: bool,
    stage: Stage,
    /// What was tried, and is to be tried.
    ladder: Ladder,
    /// Voice setting (Vol 4 Part E 6.12) and codec.
    setting: u16,
    codec: Codec,
    /// Packet types that may be used (7.1.27).
    packet_types: u16,
    /// The user waits for news of it.
    wanted: bool,
    /// When the controller, or the peer, is late with what ends its stage, in milliseconds.
    late_at: Option<u64>,
    /// What drivers see, while it is up, and what they heard of it as it came.
    node: Option<LinkNode<Controller>>,
    notice: Option<rules::Notice>,
}

impl ScoLink {
    fn facts(&self, dev: &Device) -> AudioFacts {
        AudioFacts {
            id: self.id,
            peer: self.peer,
            class: self.class,
            own: own_address(dev),
            initiated_here: self.initiated_here,
        }
    }

    pub(super) fn snapshot(&self) -> LinkSnapshot {
        LinkSnapshot {
            peer: bredr_peer(self.peer),
            addr: self.peer,
            handle: self.handle.map_or(0, |h| h.get()),
            kind: self.kind,
            out: self.initiated_here,
            state: self.stage.as_bt_state(),
            link_mode: if self.initiated_here {
                LM_CENTRAL.into()
            } else {
                0
            },
            auth_type: 0,
            reported: false,
            scanning: false,
        }
    }

    pub(super) fn late_at(&self) -> Option<u64> {
        self.late_at
    }
}

impl LinkTable {
    fn audio(&mut self, id: u64) -> Option<&mut ScoLink> {
        self.audio.iter_mut().find(|l| l.id == id)
    }

    fn audio_to(&mut self, peer: BdAddr) -> Option<&mut ScoLink> {
        self.audio.iter_mut().find(|l| l.peer == peer)
    }

    fn audio_with(&mut self, handle: ConnHandle) -> Option<&mut ScoLink> {
        self.audio.iter_mut().find(|l| l.handle == Some(handle))
    }

    /// Whether an audio link has this handle.
    pub(super) fn has_audio(&self, handle: ConnHandle) -> bool {
        self.audio.iter().any(|l| l.handle == Some(handle))
    }

    fn take_audio(&mut self, id: u64) -> Option<ScoLink> {
        let at = self.audio.iter().position(|l| l.id == id)?;
        self.audio.take_out(at)
    }

    fn add_audio(&mut self, link: ScoLink) -> Result<u64> {
        if self.links.len().saturating_add(self.audio.len()) >= MAX_LINKS {
            return Err(ENOSPC);
        }
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        self.audio.append(ScoLink { id, ..link })?;
        Ok(id)
    }
}

fn own_address(dev: &Device) -> BdAddr {
    BdAddr(dev.address(Address::Current))
}

/// Whether the controller carries audio between host and air at all.
fn carries_audio(dev: &Device) -> bool {
    dev.info().is_ok_and(|info| info.sco.packets > 0)
}

/// An audio link that somebody wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AudioWanted {
    pub(crate) peer: BdAddr,
    /// Voice setting (Vol 4 Part E 6.12).
    pub(crate) setting: u16,
    pub(crate) codec: Codec,
    /// How long the attempt may take, in milliseconds; `None`: as long as it takes.
    pub(crate) timeout_ms: Option<u64>,
}

/// Asks for an audio link. Its user is told what becomes of it, never from within this call.
///
/// # Errors
///
/// `EOPNOTSUPP` if the controller cannot do this kind of audio, `EINVAL` for a codec that there
/// are no parameters for, `ECONNREFUSED` if it carries no audio to the host, `EBUSY` if there is an
/// audio link to the peer already, and as [`connect()`](super::connect()).
pub(crate) fn connect(
    dev: &Device,
    worker: &mut Worker<'_>,
    wanted: &AudioWanted,
) -> Result<AudioFacts> {
    let info = dev.info()?;
    let transparent = Audio::of_setting(wanted.setting) == Some(Audio::Transparent);
    if transparent && !(info.features.transparent_sync() && info.features.esco()) {
        return Err(EOPNOTSUPP);
    }
    let audio = setup::audio(dev, wanted.setting, &wanted.codec)?;
    if !carries_audio(dev) {
        return Err(ECONNREFUSED);
    }
    let table = dev.links.get(worker).ok_or(ENODEV)?;
    if table.audio_to(wanted.peer).is_some() {
        return Err(EBUSY);
    }
    table.audio.make_room(1)?;

    let peer = bredr_peer(wanted.peer);
    let connecting = connect::connect(
        dev,
        worker,
        &Wanted {
            peer,
            level: super::security::LOW,
            auth_type: 0,
            timeout_ms: 0,
        },
    )?;
    let kind = if info.features.esco() {
        ESCO_LINK
    } else {
        SCO_LINK
    };
    let added = dev.links.get(worker).ok_or(ENODEV).and_then(|table| {
        let acl = table.find(|l| l.peer == peer).ok_or(ENOTCONN)?;
        let link = ScoLink {
            id: 0,
            peer: wanted.peer,
            class: acl.class,
            acl: acl.id,
            handle: None,
            kind,
            initiated_here: true,
            stage: Stage::Waiting,
            ladder: Ladder::new(audio, info.features.esco(), false, false),
            setting: wanted.setting,
            codec: wanted.codec,
            packet_types: setup::packet_types(dev, kind),
            wanted: true,
            late_at: wanted.timeout_ms.map(|ms| now_ms().saturating_add(ms)),
            node: None,
            notice: None,
        };
        let facts = link.facts(dev);
        let id = table.add_audio(link)?;
        Ok(AudioFacts { id, ..facts })
    });
    let facts = match added {
        Ok(facts) => facts,
        Err(e) => {
            connect::release(dev, worker, connect::LinkRef::Peer(peer));
            return Err(e);
        }
    };
    if let Connecting::Up { ready: true, .. } = connecting {
        if let Err(e) = setup::begin(dev, worker, facts.id, false) {
            forget(dev, worker, facts.id);
            return Err(e);
        }
    }
    timer::adjust(dev, worker);
    Ok(facts)
}

/// Accepts a link that the peer asks for, with this voice setting.
///
/// # Errors
///
/// `ENOTCONN` if it does not wait for that.
pub(crate) fn accept(dev: &Device, worker: &mut Worker<'_>, id: u64, setting: u16) -> Result {
    let table = dev.links.get(worker).ok_or(ENODEV)?;
    let link = table.audio(id).filter(|l| l.stage == Stage::Asked);
    let link = link.ok_or(ENOTCONN)?;
    link.setting = setting;
    setup::accept(dev, link);
    timer::adjust(dev, worker);
    Ok(())
}

/// Nobody wants a link any more: it is refused, or ended. Its user hears no more of it.
pub(crate) fn release(dev: &Device, worker: &mut Worker<'_>, id: u64) {
    let Some(link) = dev.links.get(worker).and_then(|t| t.audio(id)) else {
        return;
    };
    link.wanted = false;
    match link.stage {
        Stage::Waiting => return forget(dev, worker, id),
        Stage::Asked => {
            reject(dev, link.peer, Status::REJECTED_RESOURCES);
            return forget(dev, worker, id);
        }
        Stage::Connecting | Stage::Accepting => {
            link.stage = Stage::Cancelling;
            link.late_at = Some(now_ms().saturating_add(ANSWER_MS));
        }
        Stage::Connected => disconnect(dev, link, Status::REMOTE_USER_TERMINATED),
        Stage::Cancelling | Stage::Disconnecting => {}
    }
    timer::adjust(dev, worker);
}

/// Sends Disconnect for a link that has its handle.
fn disconnect(dev: &Device, link: &mut ScoLink, reason: Status) {
    let Some(handle) = link.handle else {
        return;
    };
    link.stage = Stage::Disconnecting;
    link.late_at = event_deadline();
    send(dev, &Disconnect { handle, reason });
}

/// Refuses a peer's request (7.1.9, 7.1.28).
fn reject(dev: &Device, bdaddr: BdAddr, reason: Status) {
    if dev.info().is_ok_and(|info| info.features.esco()) {
        send(dev, &RejectSyncConnectionRequest { bdaddr, reason });
    } else {
        send(dev, &RejectConnectionRequest { bdaddr, reason });
    }
}

/// Marks the link to a peer as being ended by a sequence; returns its handle, if it is up.
pub(super) fn prepare_end(dev: &Device, worker: &mut Worker<'_>, peer: Peer) -> Option<ConnHandle> {
    if peer.kind.is_le() {
        return None;
    }
    let link = dev.links.get(worker)?.audio_to(peer.addr)?;
    let handle = link.handle.filter(|_| link.stage == Stage::Connected)?;
    link.stage = Stage::Disconnecting;
    link.late_at = event_deadline().map(|at| at.saturating_add(100));
    timer::adjust(dev, worker);
    Some(handle)
}

/// Takes a link out of the table, whose user is not told, and lets go of its ACL link.
fn forget(dev: &Device, worker: &mut Worker<'_>, id: u64) {
    remove(dev, worker, id);
    timer::adjust(dev, worker);
}

fn remove(dev: &Device, worker: &mut Worker<'_>, id: u64) -> Option<ScoLink> {
    let table = dev.links.get(worker)?;
    let link = table.take_audio(id)?;
    if let Some(acl) = table.by_id(link.acl) {
        connect::released(acl);
    }
    Some(link)
}

/// A link did not come about.
fn failed(dev: &Device, worker: &mut Worker<'_>, id: u64, status: Status) {
    if let Some(link) = remove(dev, worker, id) {
        if link.wanted {
            crate::Audio::link_failed(dev, worker, id, status.0);
        }
    }
    timer::adjust(dev, worker);
}

/// A link that was up, or would have been but for its user, is not any more.
fn gone(dev: &Device, worker: &mut Worker<'_>, id: u64, reason: Status) {
    let Some(mut link) = remove(dev, worker, id) else {
        return;
    };
    // The node goes before anybody is told: who asks then finds the link gone.
    if link.node.take().is_some() {
        let left = dev.links.get(worker);
        let left = left.and_then(|table| table.audio.iter().rev().find_map(|l| l.notice));
        if let Some(notice) = rules::notice_down(link.setting, left) {
            dev.notify(notice as u32);
        }
    }
    if let Some(handle) = link.handle {
        flow::link_down(dev, worker, handle.get());
    }
    if link.wanted {
        crate::Audio::link_down(dev, worker, id, reason.0);
    }
    timer::adjust(dev, worker);
}

/// The links that go with an ACL link, by their ids, one after the other as long as `f` removes
/// them or changes them so that they do not match any more.
fn each_of(
    dev: &Device,
    worker: &mut Worker<'_>,
    is_it: impl Fn(&ScoLink) -> bool,
    mut f: impl FnMut(&mut Worker<'_>, u64, bool),
) {
    let mut after = None;
    loop {
        let next = dev.links.get(worker).and_then(|table| {
            let later = |l: &&ScoLink| after.is_none_or(|id| l.id > id);
            table
                .audio
                .iter()
                .filter(|l| is_it(l))
                .filter(later)
                .min_by_key(|l| l.id)
                .map(|l| (l.id, l.handle.is_some()))
        });
        let Some((id, up)) = next else { return };
        after = Some(id);
        f(worker, id, up);
    }
}

/// An ACL link is ready for audio links, or in another mode than before. `at_last`: it is as
/// ready as it will be.
pub(super) fn acl_ready(dev: &Device, worker: &mut Worker<'_>, acl: u64, at_last: bool) {
    each_of(
        dev,
        worker,
        |l| l.acl == acl && l.stage == Stage::Waiting,
        |worker, id, _| {
            if setup::begin(dev, worker, id, at_last).is_err() {
                failed(dev, worker, id, Status::MEMORY_EXCEEDED);
            }
        },
    );
}

/// An ACL link is gone, and with it its audio links.
pub(super) fn acl_gone(dev: &Device, worker: &mut Worker<'_>, acl: u64, reason: Status) {
    each_of(
        dev,
        worker,
        |l| l.acl == acl,
        |worker, id, up| {
            if up {
                gone(dev, worker, id, reason);
            } else {
                failed(dev, worker, id, reason);
            }
        },
    );
}

/// A link is down, or would not go (7.7.5).
pub(super) fn disconnected(dev: &Device, worker: &mut Worker<'_>, e: &DisconnectionComplete) {
    let Some(link) = dev.links.get(worker).and_then(|t| t.audio_with(e.handle)) else {
        return;
    };
    let id = link.id;
    if e.status.is_success() {
        return gone(dev, worker, id, e.reason);
    }
    // It would not go: it stays. Without a user it is given up on.
    if link.stage == Stage::Disconnecting {
        if !link.wanted {
            return gone(dev, worker, id, e.status);
        }
        link.stage = Stage::Connected;
        link.late_at = None;
        timer::adjust(dev, worker);
    }
}

/// Disconnect was refused (7.1.6): the controller does not know the link, so there is none.
pub(super) fn disconnect_refused(dev: &Device, worker: &mut Worker<'_>, sent: &Disconnect) {
    let link = dev
        .links
        .get(worker)
        .and_then(|t| t.audio_with(sent.handle));
    if let Some(id) = link.map(|l| l.id) {
        gone(dev, worker, id, sent.reason);
    }
}

/// Takes one link whose controller, or peer, is late.
pub(super) fn take_late(dev: &Device, worker: &mut Worker<'_>) -> Option<u64> {
    let now = now_ms();
    let table = dev.links.get(worker)?;
    let link = table
        .audio
        .iter_mut()
        .find(|l| l.late_at.is_some_and(|at| at <= now))?;
    link.late_at = None;
    Some(link.id)
}

/// See [`take_late`].
pub(super) fn late(dev: &Device, worker: &mut Worker<'_>, id: u64) {
    let Some(link) = dev.links.get(worker).and_then(|t| t.audio(id)) else {
        return;
    };
    match link.stage {
        Stage::Waiting | Stage::Asked => failed(dev, worker, id, Status::ACCEPT_TIMEOUT),
        // Its user has waited long enough, but the attempt goes on.
        Stage::Connecting | Stage::Accepting => {
            let told = core::mem::replace(&mut link.wanted, false);
            link.stage = Stage::Cancelling;
            link.late_at = Some(now_ms().saturating_add(ANSWER_MS));
            if told {
                crate::Audio::link_failed(dev, worker, id, Status::ACCEPT_TIMEOUT.0);
            }
        }
        // The controller owes an event that does not come: it is over for the host.
        Stage::Cancelling => failed(dev, worker, id, Status::ACCEPT_TIMEOUT),
        Stage::Disconnecting => gone(dev, worker, id, Status::LOCAL_HOST_TERMINATED),
        Stage::Connected => {}
    }
}
