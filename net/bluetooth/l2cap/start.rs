// SPDX-License-Identifier: GPL-2.0

//! Channels on their way up: when their link is there, its peer known, and it is secure enough.
//!
//! ```text
//!   link up ── BR/EDR: information exchange ──┐
//!           └─ LE ────────────────────────────┴─> security ──> connection request, or open
//! ```

use super::{
    active::Active,
    bound,
    channel::{
        Kind,
        Level,
        Settings, //
    },
    group,
    incoming,
    link::Link,
    receive,
    user::ChannelUser as _, //
};
use crate::{
    hci::{
        link::{
            self,
            LinkSecurity,
            Secured, //
        },
        user::LinkFacts,
        Device, //
    },
    ChannelUser,
};
use engine::l2cap::{
    channel::State as Stage,
    Error as Reason, //
};
use kernel::prelude::*;
use kernel_ext::{
    net::State,
    time::now_ms,
    workqueue::Worker, //
};
use wire::l2cap::{
    cid,
    psm,
    signal::ConnectionParameterUpdateRequest,
    Mode,
    Transport, //
};

/// A link is up: those who wait for it get it, and fixed channels that are listened on come about.
pub(super) fn link_up(dev: &Device, worker: &mut Worker<'_>, facts: &LinkFacts) {
    let blocked = dev.state().reject_list.iter().any(|p| *p == facts.peer);
    let Some(room) = dev.upper.get(worker) else {
        return;
    };
    let link = match room.link_to(dev, facts.peer) {
        Ok(link) => link,
        Err(e) => {
            pr_err!(
                "{}: no channels on link 0x{:03x} ({})\n",
                dev.name(),
                facts.handle,
                e.to_errno()
            );
            return;
        }
    };
    link.up(facts);
    link.blocked = blocked;
    if blocked {
        return;
    }
    let (src, peer) = (link.own, link.peer());
    let listeners = match bound::fixed(src.addr, src.kind) {
        Ok(listeners) => listeners,
        Err(_) => return,
    };
    for (listener, user) in listeners {
        let cid = listener.settings().scid;
        // A client of this host's comes first.
        if link.by_cid(cid).is_some() {
            continue;
        }
        if let Ok(at) = accept(dev, link, &user, cid) {
            if let Some(active) = link.at(at) {
                active.shared.update(|s| {
                    s.dst = peer.addr;
                    s.dst_type = peer.kind;
                });
                active.set_state(State::Connect);
                // Whoever listens for a fixed channel keeps the link up, as long as it has this.
                active.wants_hold = true;
                link.touch();
            }
        }
    }
}

/// A listener's new channel, in the link's table; returns where.
///
/// # Errors
///
/// What the listener says, `ENOSPC`, `ENOMEM`.
pub(super) fn accept(
    dev: &Device,
    link: &mut Link,
    listener: &ChannelUser,
    cid: u16,
) -> Result<usize> {
    let (shared, user) = listener.incoming(link.peer())?;
    let failed = user.clone();
    let added = if shared.attach(dev) {
        let kind = shared.settings().kind;
        link.add(Active::new(shared, user, kind, cid))
    } else {
        Err(EBUSY)
    };
    match added {
        Ok(id) => link.position(|a| a.id() == id).ok_or(ENOMEM),
        Err(e) => {
            failed.closed(Some(e), false);
            Err(e)
        }
    }
}

/// The peer is known as far as `hci` is concerned.
pub(super) fn link_ready(dev: &Device, worker: &mut Worker<'_>, handle: u16) {
    let wanted = link::wanted_parameters(dev, worker, handle);
    let Some(link) = dev.upper.get(worker).and_then(|room| room.link(handle)) else {
        return;
    };
    link.ready = true;
    let first = match wanted {
        Some(wanted) => link
            .signalling
            .request_parameters(ConnectionParameterUpdateRequest {
                interval_min: wanted.min,
                interval_max: wanted.max,
                latency: wanted.latency,
                timeout: wanted.timeout,
            }),
        None => link.signalling.request_information(now_ms()),
    };
    if let Some(packet) = first {
        link.signal(&packet);
    }
    channels(dev, worker, handle);
    receive::early(dev, worker, handle);
}

/// Brings all channels of a link on that wait for it.
pub(super) fn channels(dev: &Device, worker: &mut Worker<'_>, handle: u16) {
    let mut last = 0;
    while let Some((id, state)) = next_channel(dev, worker, handle, last) {
        last = id;
        match state {
            State::Connect => outgoing(dev, worker, handle, id),
            State::Connect2 => incoming::decide(dev, worker, handle, id),
            _ => {}
        }
    }
}

/// The oldest of a link's channels that is younger than channel `last` (0: any), and its state: to
/// go through all of them while they come and go.
fn next_channel(
    dev: &Device,
    worker: &mut Worker<'_>,
    handle: u16,
    last: u64,
) -> Option<(u64, State)> {
    let link = dev.upper.get(worker)?.link(handle)?;
    let younger = link.channels.iter().filter(|a| a.id() > last);
    let next = younger.min_by_key(|a| a.id())?;
    Some((next.id(), next.state()))
}

/// What a link's authentication is to be like, for a channel (Vol 4 Part E 7.1.29).
fn auth_type(kind: Kind, for_psm: u16, level: Level) -> u8 {
    const NO_BONDING: u8 = 0x00;
    const NO_BONDING_MITM: u8 = 0x01;
    const DEDICATED_BONDING: u8 = 0x02;
    const DEDICATED_BONDING_MITM: u8 = 0x03;
    const GENERAL_BONDING: u8 = 0x04;
    const GENERAL_BONDING_MITM: u8 = 0x05;

    let protected = level >= Level::High;
    let bonds = level >= Level::Medium;
    match kind {
        Kind::Raw if protected => DEDICATED_BONDING_MITM,
        Kind::Raw if bonds => DEDICATED_BONDING,
        Kind::Oriented | Kind::Fixed if kind == Kind::Fixed || for_psm != psm::SDP => {
            if protected {
                GENERAL_BONDING_MITM
            } else if bonds {
                GENERAL_BONDING
            } else {
                NO_BONDING
            }
        }
        Kind::Connectionless | Kind::Oriented if protected => NO_BONDING_MITM,
        _ => NO_BONDING,
    }
}

/// What a channel asks of its link: level and authentication requirements.
pub(super) fn requirements(s: &Settings) -> (u8, u8) {
    let level = match (s.level, s.kind, s.psm) {
        // Service discovery, and its like without connections, ask for nothing.
        (Level::Low, Kind::Oriented, psm::SDP) if !s.src_type.is_le() => Level::Sdp,
        (Level::Low, Kind::Connectionless, psm::SYNC_3D) => Level::Sdp,
        (level, ..) => level,
    };
    (level as u8, auth_type(s.kind, s.psm, level))
}

/// Asks for the security that a channel needs.
pub(super) fn secure(
    dev: &Device,
    worker: &mut Worker<'_>,
    handle: u16,
    id: u64,
    initiator: bool,
) -> Secured {
    let active = dev
        .upper
        .get(worker)
        .and_then(|room| room.link(handle))
        .and_then(|link| link.active(id));
    let Some(active) = active else {
        return Secured::Refused;
    };
    if core::mem::take(&mut active.secured) {
        return Secured::Already;
    }
    let (level, auth_type) = requirements(&active.settings());
    let secured = link::secure(dev, worker, handle, level, auth_type, initiator);
    let active = dev
        .upper
        .get(worker)
        .and_then(|room| room.link(handle))
        .and_then(|link| link.active(id));
    if let Some(active) = active {
        active.securing = secured == Secured::Pending;
    }
    secured
}

/// Brings a channel on that this host wants.
pub(super) fn outgoing(dev: &Device, worker: &mut Worker<'_>, handle: u16, id: u64) {
    let Some(link) = dev.upper.get(worker).and_then(|room| room.link(handle)) else {
        return;
    };
    let informed = link.transport() == Transport::Le || link.signalling.information_done();
    if !link.ready || !informed {
        return;
    }
    let Some(active) = link.active(id) else {
        return;
    };
    let has_engine = match &active.engine {
        Some(engine) if engine.state() != Stage::Starting => return,
        engine => engine.is_some(),
    };
    // What has no connection on BR/EDR is not the place for security.
    if has_engine || link.transport() == Transport::Le {
        match secure(dev, worker, handle, id, true) {
            Secured::Already => {}
            Secured::Pending => return,
            Secured::Refused => {
                return with_channel(dev, worker, handle, id, |link, at| {
                    link.close(at, Reason::Refused, now_ms());
                })
            }
        }
    }
    with_channel(dev, worker, handle, id, connect);
}

/// The peer wants more security than the link has before it grants a channel on LE.
pub(super) fn raise(dev: &Device, worker: &mut Worker<'_>, handle: u16, id: u64) {
    let has = link::security_of(dev, worker, handle).unwrap_or_default();
    // Beyond protection against somebody in the middle there is nothing that would help.
    let better = match has.level {
        level if level <= Level::Low as u8 => Level::Medium,
        level if level == Level::Medium as u8 => Level::High,
        _ => {
            return with_channel(dev, worker, handle, id, |link, at| {
                link.close(at, Reason::Refused, now_ms());
            })
        }
    };
    with_channel(dev, worker, handle, id, |link, at| {
        if let Some(active) = link.at(at) {
            active.shared.update(|s| s.level = s.level.max(better));
        }
    });
    match secure(dev, worker, handle, id, true) {
        Secured::Pending => {}
        // What it lacks is not to be had, or it has it and the peer says otherwise.
        Secured::Already | Secured::Refused => {
            with_channel(dev, worker, handle, id, |link, at| {
                link.close(at, Reason::Refused, now_ms());
            });
        }
    }
}

/// Asks the peer for the channel, or opens one that needs no asking.
fn connect(link: &mut Link, at: usize) {
    let facts = link.facts();
    let mode = match link.at(at) {
        Some(active) => active.settings().mode,
        None => return,
    };
    let Link {
        channels,
        signalling,
        ..
    } = link;
    let Some(active) = channels.get_mut(at) else {
        return;
    };
    match &mut active.engine {
        None => link.open(at),
        Some(_) if mode == Mode::EnhancedCredit => group::connect(link, at),
        Some(engine) => {
            let actions = engine.connect(&facts, &mut signalling.idents);
            link.act(at, actions);
        }
    }
}

/// Runs `f` on a channel, if it is still there.
pub(super) fn with_channel(
    dev: &Device,
    worker: &mut Worker<'_>,
    handle: u16,
    id: u64,
    f: impl FnOnce(&mut Link, usize),
) {
    if let Some(link) = dev.upper.get(worker).and_then(|room| room.link(handle)) {
        if let Some(at) = link.position(|a| a.id() == id) {
            f(link, at);
        }
    }
}

/// A link's security has changed, or could not be changed.
pub(super) fn security_changed(
    dev: &Device,
    worker: &mut Worker<'_>,
    handle: u16,
    status: u8,
    security: &LinkSecurity,
) {
    let mut last = 0;
    while let Some((id, _)) = next_channel(dev, worker, handle, last) {
        last = id;
        with_channel(dev, worker, handle, id, |link, at| {
            channel_security_changed(dev, link, at, status, security);
        });
    }
    if status == 0 {
        channels(dev, worker, handle);
    }
}

fn channel_security_changed(
    dev: &Device,
    link: &mut Link,
    at: usize,
    status: u8,
    security: &LinkSecurity,
) {
    let transport = link.transport();
    let Some(active) = link.at(at) else {
        return;
    };
    let s = active.settings();
    let up = matches!(s.state, State::Connected | State::Config);
    let enough = transport == Transport::BrEdr || security.level >= s.level as u8;
    let was_securing = active.securing;
    // What was held back for the sake of security is not sent without it.
    active.securing = was_securing && up && !(status == 0 && enough);
    // On BR/EDR devices without the means pair without protection against somebody in the middle, and would
    // again: that this side asked for it, and its user was asked, is enough, as with the C stack.
    active.secured = was_securing
        && status == 0
        && matches!(s.state, State::Connect | State::Connect2)
        && transport == Transport::BrEdr
        && security.encrypted
        && s.level < Level::Fips
        && incoming::has_key_size(dev, security, s.level);
    match s.state {
        State::Connected | State::Config => {
            if was_securing && !active.securing {
                active.resume();
            }
            let lost = status == 0 && !security.encrypted && s.kind == Kind::Oriented;
            if lost && s.level >= Level::High {
                link.close(at, Reason::Refused, now_ms());
            } else if lost && s.level == Level::Medium {
                // It may come back: roles are switched without encryption.
                const PATIENCE_MS: u64 = 5_000;
                if let Some(engine) = link.engine_at(at) {
                    engine.set_deadline(Some(now_ms().saturating_add(PATIENCE_MS)));
                }
            } else if status == 0 && security.encrypted && s.level == Level::Medium {
                if let Some(engine) = link.engine_at(at) {
                    engine.set_deadline(None);
                }
            }
        }
        State::Connect if was_securing && status != 0 => {
            link.close(at, Reason::Refused, now_ms());
        }
        State::Connect2 if was_securing && status != 0 => incoming::refuse_insecure(link, at),
        _ => {}
    }
}

/// The CID that a channel without signalling has.
pub(super) fn fixed_cid(kind: Kind, cid: u16) -> u16 {
    match kind {
        Kind::Raw => cid::SIGNALLING,
        Kind::Connectionless => cid::CONNECTIONLESS,
        Kind::Fixed | Kind::Oriented => cid,
    }
}
