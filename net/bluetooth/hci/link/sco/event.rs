// SPDX-License-Identifier: GPL-2.0

//! What the controller says of audio links.

use super::{
    carries_audio,
    disconnect,
    failed,
    flow,
    node_for_drivers,
    own_address,
    reject,
    release,
    rules,
    setup,
    Ladder,
    LinkKind,
    ScoLink,
    Stage,
    ANSWER_MS,
    ESCO_LINK,
    SCO_LINK, //
};
use crate::hci::{
    device::Device,
    link::timer,
    user::{
        AudioUp,
        AudioUser, //
    }, //
};
use engine::{
    credits::LinkType,
    sco::Audio, //
};
use kernel_ext::{
    hci::{
        Codec,
        LinkFacts,
        Stat, //
    },
    time::now_ms,
    workqueue::Worker, //
};
use wire::{
    hci::{
        event::{
            ConnectionComplete,
            ConnectionRequest,
            SyncConnectionChanged,
            SyncConnectionComplete, //
        },
        link_control::Disconnect,
        ConnHandle,
        Status, //
    },
    BdAddr, //
};

/// Somebody wants an audio link (7.7.4), and may connect.
pub(in crate::hci::link) fn requested(
    dev: &Device,
    worker: &mut Worker<'_>,
    e: &ConnectionRequest,
) {
    let Some(id) = add_requested(dev, worker, e) else {
        // Audio links have reasons of their own to be refused for (7.1.28).
        return reject(dev, e.bdaddr, Status::REJECTED_RESOURCES);
    };
    let asks = crate::Audio::decides(dev, worker, own_address(dev));
    let setting = dev.state().voice_setting;
    let Some(link) = dev.links.get(worker).and_then(|t| t.audio(id)) else {
        return;
    };
    if asks {
        let facts = link.facts(dev);
        link.late_at = Some(now_ms().saturating_add(ANSWER_MS));
        if !crate::Audio::asked(dev, worker, &facts) {
            return release(dev, worker, id);
        }
    } else {
        link.setting = setting;
        setup::accept(dev, link);
    }
    timer::adjust(dev, worker);
}

/// The entry of a link that a peer asks for, unless there cannot be one.
fn add_requested(dev: &Device, worker: &mut Worker<'_>, e: &ConnectionRequest) -> Option<u64> {
    if !carries_audio(dev) || !matches!(e.link_type, SCO_LINK | ESCO_LINK) {
        return None;
    }
    let own_esco = dev.info().ok()?.features.esco();
    let table = dev.links.get(worker)?;
    // A second one would be confused with the first, one without a link does not exist.
    if table.audio_to(e.bdaddr).is_some() {
        return None;
    }
    let acl = table.by_peer(LinkKind::Acl, e.bdaddr)?;
    if !acl.stage.is_up() {
        return None;
    }
    let (acl_id, known) = (acl.id, acl.class);
    let link = ScoLink {
        id: 0,
        peer: e.bdaddr,
        class: if e.class == [0; 3] { known } else { e.class },
        acl: acl_id,
        handle: None,
        kind: e.link_type,
        initiated_here: false,
        stage: Stage::Asked,
        ladder: Ladder::new(Audio::Cvsd, own_esco, false, false),
        setting: 0,
        codec: Codec {
            id: 0,
            company: 0,
            vendor_codec: 0,
            data_path: 0,
        },
        packet_types: setup::packet_types(dev, e.link_type),
        wanted: true,
        late_at: None,
        node: None,
        notice: None,
    };
    let id = table.add_audio(link).ok()?;
    if let Some(acl) = table.by_id(acl_id) {
        acl.hold();
    }
    Some(id)
}

/// How an attempt ended.
struct Outcome {
    status: Status,
    handle: ConnHandle,
    peer: BdAddr,
    kind: u8,
    /// Coding on the air, where the event tells it.
    air_mode: Option<u8>,
}

/// An audio link is up, or failed (7.7.35).
pub(in crate::hci) fn completed(dev: &Device, worker: &mut Worker<'_>, e: &SyncConnectionComplete) {
    if !matches!(e.link_type, SCO_LINK | ESCO_LINK) {
        return dev.count(Stat::ErrRx, 1);
    }
    ended(
        dev,
        worker,
        &Outcome {
            status: e.status,
            handle: e.handle,
            peer: e.bdaddr,
            kind: e.link_type,
            air_mode: Some(e.air_mode),
        },
    );
}

/// A SCO link is up, or failed, on a controller that knows no eSCO (7.7.3).
pub(in crate::hci::link) fn connected(
    dev: &Device,
    worker: &mut Worker<'_>,
    e: &ConnectionComplete,
) {
    if e.link_type != SCO_LINK {
        return dev.count(Stat::ErrRx, 1);
    }
    ended(
        dev,
        worker,
        &Outcome {
            status: e.status,
            handle: e.handle,
            peer: e.bdaddr,
            kind: SCO_LINK,
            air_mode: None,
        },
    );
}

fn ended(dev: &Device, worker: &mut Worker<'_>, e: &Outcome) {
    let Some(table) = dev.links.get(worker) else {
        return;
    };
    let taken = table.is_taken(e.handle);
    // Only links that were asked for, here or there, come about, and only once.
    let Some(link) = table
        .audio_to(e.peer)
        .filter(|l| l.handle.is_none() && l.stage != Stage::Waiting)
    else {
        return dev.count(Stat::ErrRx, 1);
    };
    let (id, stage) = (link.id, link.stage);
    if !e.status.is_success() {
        let again = stage == Stage::Connecting && link.ladder.goes_on(e.status);
        if again && matches!(setup::attempt(dev, worker, id), Ok(true)) {
            return;
        }
        return failed(dev, worker, id, e.status);
    }
    if stage == Stage::Asked {
        // Nobody has accepted it.
        return dev.count(Stat::ErrRx, 1);
    }
    if !e.handle.is_valid() || taken {
        dev.count(Stat::ErrRx, 1);
        return failed(dev, worker, id, Status::INVALID_PARAMETERS);
    }
    up(dev, worker, id, e);
}

fn up(dev: &Device, worker: &mut Worker<'_>, id: u64, e: &Outcome) {
    let handle = e.handle;
    let Some(link) = dev.links.get(worker).and_then(|t| t.audio(id)) else {
        return;
    };
    link.handle = Some(handle);
    link.kind = e.kind;
    link.late_at = None;
    if link.stage == Stage::Cancelling {
        // It was too late.
        disconnect(dev, link, Status::REMOTE_USER_TERMINATED);
        return timer::adjust(dev, worker);
    }
    let Ok((slot, mtu)) = flow::link_up(dev, worker, handle.get(), LinkType::Sco) else {
        // A link that cannot be kept is ended, not forgotten.
        let reason = Status::REMOTE_LOW_RESOURCES;
        super::send(dev, &Disconnect { handle, reason });
        return failed(dev, worker, id, Status::MEMORY_EXCEEDED);
    };
    let Some(link) = dev.links.get(worker).and_then(|t| t.audio(id)) else {
        return;
    };
    link.stage = Stage::Connected;
    link.node = node_for_drivers(
        dev,
        LinkFacts {
            handle: handle.get(),
            link_type: link.kind,
            role: (!link.initiated_here).into(),
            dst: link.peer.0,
        },
    );
    let notice = match e.air_mode {
        Some(air_mode) => rules::notice_up(e.status, air_mode, link.codec.data_path),
        None => {
            (Audio::of_setting(link.setting) == Some(Audio::Cvsd)).then_some(rules::Notice::Cvsd)
        }
    };
    link.notice = notice;
    if let Some(notice) = notice {
        dev.notify(notice as u32);
    }
    let facts = link.facts(dev);
    let up = AudioUp {
        handle: handle.get(),
        slot,
        mtu,
        phys: setup::phys(link.kind, link.packet_types),
    };
    timer::adjust(dev, worker);
    if !crate::Audio::link_up(dev, worker, &facts, &up) {
        release(dev, worker, id);
    }
}

/// An eSCO link has other parameters than before (7.7.36): nothing here depends on them.
pub(in crate::hci) fn changed(dev: &Device, worker: &mut Worker<'_>, e: &SyncConnectionChanged) {
    let known = dev.links.get(worker).is_some_and(|t| t.has_audio(e.handle));
    if !known {
        dev.count(Stat::ErrRx, 1);
    }
}

/// A set-up was refused by Command Status; `acl` is the link that it was to go with.
pub(in crate::hci::link) fn refused(
    dev: &Device,
    worker: &mut Worker<'_>,
    acl: ConnHandle,
    status: Status,
) {
    let Some(table) = dev.links.get(worker) else {
        return;
    };
    let Some(acl) = table.by_handle(acl).map(|l| l.id) else {
        return;
    };
    let waiting = |l: &&ScoLink| {
        l.acl == acl && l.initiated_here && matches!(l.stage, Stage::Connecting | Stage::Cancelling)
    };
    let Some(id) = table.audio.iter().find(waiting).map(|l| l.id) else {
        return;
    };
    if status == Status::UNKNOWN_COMMAND
        && matches!(setup::without_enhanced(dev, worker, id), Ok(true))
    {
        return;
    }
    failed(dev, worker, id, status);
}

/// Acceptance was refused by Command Status: there is nothing to be accepted any more.
pub(in crate::hci::link) fn accept_refused(
    dev: &Device,
    worker: &mut Worker<'_>,
    peer: BdAddr,
    status: Status,
) {
    let link = dev.links.get(worker).and_then(|t| t.audio_to(peer));
    let link = link
        .filter(|l| !l.initiated_here && matches!(l.stage, Stage::Accepting | Stage::Cancelling));
    if let Some(id) = link.map(|l| l.id) {
        failed(dev, worker, id, status);
    }
}
