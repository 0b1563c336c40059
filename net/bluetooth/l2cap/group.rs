// SPDX-License-Identifier: GPL-2.0

//! Enhanced credit based channels (4.25 to 4.28): up to five are asked for, and answered, together.
//!
//! Of a user with several such channels to one PSM, those that are deferred wait for one that is
//! not; then all are asked for in one request.

use super::{
    active::Active,
    channel::Settings,
    incoming,
    link::Link,
    user::ChannelUser as _, //
};
use crate::{
    hci::{
        link as hci_link,
        Device, //
    },
    ChannelUser,
};
use engine::l2cap::{
    channel::{
        Actions,
        State as Stage, //
    },
    enhanced::{
        self,
        Accept,
        Deferred,
        Request,
        Response, //
    },
    Error as Reason,
};
use kernel::prelude::*;
use kernel_ext::{
    net::State,
    time::now_ms,
    workqueue::Worker, //
};
use wire::l2cap::{
    signal::{
        CreditConnectionRequest,
        CreditConnectionResponse,
        CreditResult,
        Ident,
        ReconfigureRequest,
        ReconfigureResult, //
    },
    Mode,
    ENHANCED_CHANNELS, //
};

/// Whether a channel waits for others of its kind, `owner`'s to `psm`.
fn waits(active: &Active, psm: u16, owner: u32) -> bool {
    let s = active.settings();
    let starting = active
        .engine
        .as_ref()
        .is_some_and(|e| e.state() == Stage::Starting);
    starting
        && s.deferred
        && s.mode == Mode::EnhancedCredit
        && s.psm == psm
        && active.user.owner() == owner
}

/// Whether one more channel can be asked for with those that wait already.
pub(super) fn has_room(link: &Link, wanted: &Settings, owner: u32) -> bool {
    let waiting = link
        .channels
        .iter()
        .filter(|a| waits(a, wanted.psm, owner))
        .count();
    // One that does not wait is needed, in the end.
    let others = if wanted.deferred { 2 } else { 1 };
    waiting.saturating_add(others) <= ENHANCED_CHANNELS
}

/// Asks for a channel, and for those that wait for it.
pub(super) fn connect(link: &mut Link, at: usize) {
    let facts = link.facts();
    let Some(active) = link.at(at) else {
        return;
    };
    let s = active.settings();
    // It waits for another itself.
    if s.deferred {
        return;
    }
    let (id, owner) = (active.id(), active.user.owner());
    let Link {
        channels,
        signalling,
        ..
    } = link;
    let Some(mut request) = Request::new(s.psm, &mut signalling.idents) else {
        return link.close(at, Reason::Refused, now_ms());
    };
    // The one that was asked for settles the parameters.
    for first in [true, false] {
        for active in channels.iter_mut() {
            let is_first = active.id() == id;
            if is_first != first || !(is_first || waits(active, s.psm, owner)) {
                continue;
            }
            let room = active.user.room();
            if let Some(engine) = &mut active.engine {
                if request.add(engine, &facts) {
                    if let Some(credits) = engine.credits_mut() {
                        credits.set_available(room);
                    }
                }
            }
        }
    }
    link.signal(&request.finish());
}

/// The peer's answer to a request (4.26).
pub(super) fn response(link: &mut Link, ident: Ident, response: &CreditConnectionResponse<'_>) {
    let awaits = |a: &Active| a.engine.as_ref().is_some_and(|e| e.awaits(ident));
    let mut answer = Response::new(ident, response);
    // In the order in which they were asked for: that of the table. Each leaves with its answer.
    for _ in 0..ENHANCED_CHANNELS {
        let Some(at) = link.position(awaits) else {
            break;
        };
        match apply(link, at, &mut answer) {
            Some(actions) => link.act(at, actions),
            None => break,
        }
    }
}

fn apply(link: &mut Link, at: usize, answer: &mut Response<'_>) -> Option<Actions> {
    let Link {
        channels,
        signalling,
        ..
    } = link;
    let (before, from) = channels.split_at_mut_checked(at)?;
    let (active, after) = from.split_first_mut()?;
    let taken = |dcid| {
        let others = Iterator::chain(before.iter(), after.iter());
        let mut engines = others.filter_map(|a| a.engine.as_ref());
        engines.any(|e| e.remote_cid() == dcid)
    };
    let engine = active.engine.as_mut()?;
    Some(answer.apply(engine, taken, &mut signalling.idents))
}

/// The peer asks for channels (4.25).
pub(super) fn request(
    dev: &Device,
    worker: &mut Worker<'_>,
    handle: u16,
    ident: Ident,
    request: &CreditConnectionRequest<'_>,
) {
    let security = hci_link::security_of(dev, worker, handle).unwrap_or_default();
    let Some(link) = dev.upper.get(worker).and_then(|room| room.link(handle)) else {
        return;
    };
    let busy = link.channels.iter().any(|a| is_asked(a, ident));
    let mut group = match Accept::new(ident, request, busy) {
        Ok(group) => group,
        Err(refusal) => return link.signal(&refusal),
    };
    let (listener, user) = match incoming::le_listener(dev, link, request.spsm, &security) {
        Ok((channel, user)) => (channel.settings(), user),
        Err(result) => return link.signal(&group.refuse_all(result)),
    };
    // Who has said how long messages are, wants no shorter ones.
    if listener.omtu != 0 && request.parameters.mtu < listener.omtu {
        return link.signal(&group.refuse_all(CreditResult::UNACCEPTABLE_PARAMETERS));
    }
    let mut accepted = false;
    while let Some(scid) = group.next() {
        match accept(dev, link, &mut group, ident, &user, request.spsm, scid) {
            Ok((id, actions)) => {
                accepted = true;
                // What is sent goes behind the answer, as everything waits for its turn to be sent.
                let at = link.position(|a| a.id() == id);
                if let (Some(at), false) = (at, listener.deferred) {
                    link.act(at, actions);
                }
            }
            Err(result) => group.refuse(result),
        }
    }
    if listener.deferred && accepted {
        for active in link.channels.iter() {
            if active.group == Some(ident) {
                active.user.deferred();
            }
        }
    } else {
        link.signal(&group.finish());
    }
}

/// One channel of a group that the peer asks for.
fn accept(
    dev: &Device,
    link: &mut Link,
    group: &mut Accept<'_>,
    ident: Ident,
    listener: &ChannelUser,
    psm: u16,
    scid: u16,
) -> Result<(u64, Actions), CreditResult> {
    let in_use = link.remote_cid_in_use(scid);
    engine::l2cap::channel::check_scid(wire::l2cap::Transport::Le, scid, in_use)?;
    let id =
        incoming::add(dev, link, listener, psm, scid).map_err(|_| CreditResult::NO_RESOURCES)?;
    let facts = link.facts();
    let active = link.active(id).ok_or(CreditResult::NO_RESOURCES)?;
    active.group = Some(ident);
    // Whatever the listener is set to, this is what was asked for.
    active.shared.update(|s| s.mode = Mode::EnhancedCredit);
    let settings = active.engine_settings();
    let (mut engine, actions) = group
        .accept(active.cid, &settings, &facts, now_ms())
        .ok_or(CreditResult::NO_RESOURCES)?;
    if let Some(credits) = engine.credits_mut() {
        credits.set_available(active.user.room());
    }
    active.engine = Some(engine);
    Ok((id, actions))
}

/// A user wants the channel that was asked for. When all users of the group do, the peer is told.
pub(super) fn authorise(link: &mut Link, at: usize) {
    let Some(active) = link.at(at) else {
        return;
    };
    let Some(ident) = active.group else {
        return;
    };
    active.consents = true;
    if link
        .channels
        .iter()
        .any(|a| is_asked(a, ident) && !a.consents)
    {
        return;
    }
    answer_all(link, ident, true);
}

/// A user does not want the channel that was asked for: nobody of the group gets one.
pub(super) fn refuse(link: &mut Link, ident: Ident) {
    answer_all(link, ident, false);
}

fn is_asked(active: &Active, ident: Ident) -> bool {
    let engine = active.engine.as_ref();
    engine.is_some_and(|engine| engine.is_asked_by(ident))
}

/// Tells the peer what became of a group that was deferred.
fn answer_all(link: &mut Link, ident: Ident, consent: bool) {
    let mut answer = Deferred::new(ident, consent);
    // Each leaves the group with its answer.
    let waits = |a: &Active| a.group == Some(ident) && is_asked(a, ident);
    while let Some(at) = link.position(waits) {
        let Link {
            channels,
            signalling,
            ..
        } = link;
        let Some(active) = channels.get_mut(at) else {
            break;
        };
        active.group = None;
        let Some(engine) = &mut active.engine else {
            break;
        };
        let actions = answer.add(engine, &mut signalling.idents);
        link.act(at, actions);
    }
    link.signal(&answer.finish());
}

/// The peer takes other lengths (4.27).
pub(super) fn reconfigure_request(link: &mut Link, ident: Ident, request: &ReconfigureRequest<'_>) {
    let result = enhanced::check_reconfigure(request, |scid| {
        link.channels
            .iter()
            .filter_map(|a| a.engine.as_ref())
            .find(|e| e.remote_cid() == scid)
            .and_then(|e| e.enhanced_limits())
    });
    if result == ReconfigureResult::SUCCESS {
        for scid in request.scids {
            let at = link.position(|a| {
                a.engine
                    .as_ref()
                    .is_some_and(|e| e.remote_cid() == scid.get())
            });
            let Some(at) = at else {
                continue;
            };
            if let Some(engine) = link.engine_at(at) {
                engine.set_enhanced_limits(request.mtu, request.mps);
            }
            link.reconfigured(at);
        }
    }
    link.signal(&enhanced::reconfigure_response(ident, result));
}

/// Tells the peer that longer messages are taken.
///
/// # Errors
///
/// `EINVAL` if they are not longer, or another change is under way; `ENOTCONN`.
pub(super) fn reconfigure(link: &mut Link, at: usize, imtu: u16) -> Result {
    let Link {
        channels,
        signalling,
        ..
    } = link;
    let active = channels.get_mut(at).ok_or(ENOTCONN)?;
    if active.state() != State::Connected {
        return Err(ENOTCONN);
    }
    let engine = active.engine.as_mut().ok_or(ENOTCONN)?;
    let packet = engine
        .reconfigure(imtu, &mut signalling.idents)
        .ok_or(EINVAL)?;
    active.shared.update(|s| s.imtu = imtu);
    link.signal(&packet);
    Ok(())
}
