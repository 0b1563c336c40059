// SPDX-License-Identifier: GPL-2.0

//! Channels that the peer asks for: whether there is somebody to have them, whether the link is
//! secure enough, and what its user says.

use super::{
    bound,
    channel::{
        Level, //
    },
    link::Link,
    start::{
        self,
        with_channel, //
    },
    user::ChannelUser as _, //
};
use crate::{
    hci::{
        link::{
            self,
            LinkSecurity,
            Secured, //
        },
        Device, //
    },
    ChannelUser,
};
use engine::l2cap::channel::{
    self as engine_channel,
    Answer,
    State as Stage, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::{
    hci::Flag,
    net::State,
    time::now_ms,
    workqueue::Worker, //
};
use wire::l2cap::{
    psm,
    signal::{
        ConnectionRequest,
        ConnectionResult,
        ConnectionStatus,
        CreditResult,
        Ident,
        LeConnectionRequest, //
    },
    Transport,
};

/// Least size of an encryption key, in octets, where keys must be of full strength.
const FIPS_KEY_SIZE: u8 = 16;

/// Whether an encrypted link's key is long enough, for this level and the administrator's taste.
pub(super) fn has_key_size(dev: &Device, security: &LinkSecurity, level: Level) -> bool {
    let least = if level == Level::Fips {
        FIPS_KEY_SIZE
    } else {
        dev.state().defaults.min_enc_key_size
    };
    !security.encrypted || security.key_size == 0 || security.key_size >= least
}

/// Connection Request (4.2).
pub(super) fn connection_request(
    dev: &Device,
    worker: &mut Worker<'_>,
    handle: u16,
    ident: Ident,
    request: &ConnectionRequest,
) {
    let security = link::security_of(dev, worker, handle).unwrap_or_default();
    let Some(link) = dev.upper.get(worker).and_then(|room| room.link(handle)) else {
        return;
    };
    let created = match check(dev, link, request, &security) {
        Ok(listener) => create(dev, link, ident, request, &listener.1),
        Err(result) => Err(result),
    };
    let id = match created {
        Ok(id) => id,
        Err(result) => {
            let packet = engine_channel::connection_response(
                ident,
                0,
                request.scid,
                result,
                ConnectionStatus::NO_INFORMATION,
            );
            return link.signal(&packet);
        }
    };
    // Who has used it once is not waited for any longer than others.
    link::be_patient(dev, worker, handle, false);
    let Some(link) = dev.upper.get(worker).and_then(|room| room.link(handle)) else {
        return;
    };
    if link.signalling.information_done() {
        return decide(dev, worker, handle, id);
    }
    // Configuration needs to know what the peer can do; the answer waits for that.
    with_channel(dev, worker, handle, id, |link, at| {
        answer(link, at, Answer::Pending(ConnectionStatus::NO_INFORMATION));
        if let Some(packet) = link.signalling.request_information(now_ms()) {
            link.signal(&packet);
        }
    });
}

type Listener = (Arc<super::channel::Channel>, ChannelUser);

/// Whether the peer may have what it asks for, and of whom.
fn check(
    dev: &Device,
    link: &mut Link,
    request: &ConnectionRequest,
    security: &LinkSecurity,
) -> Result<Listener, ConnectionResult> {
    let listener = bound::listener(
        Transport::BrEdr,
        request.psm,
        link.own.addr,
        link.peer().addr,
    )
    .ok_or(ConnectionResult::BAD_PSM)?;
    // Between hosts with simple pairing all but service discovery is encrypted (Vol 3 Part C
    // 5.2.2.2).
    let must_encrypt = security.ssp && dev.has(Flag::SSP_ENABLED);
    let secure = (!must_encrypt || security.encrypted)
        && has_key_size(dev, security, listener.0.settings().level);
    if request.psm != psm::SDP && !secure {
        link.insecure = true;
        return Err(ConnectionResult::SECURITY_BLOCK);
    }
    let in_use = link.remote_cid_in_use(request.scid);
    engine_channel::check_scid(Transport::BrEdr, request.scid, in_use)?;
    Ok(listener)
}

fn create(
    dev: &Device,
    link: &mut Link,
    ident: Ident,
    request: &ConnectionRequest,
    listener: &ChannelUser,
) -> Result<u64, ConnectionResult> {
    let id = add(dev, link, listener, request.psm, request.scid)
        .map_err(|_| ConnectionResult::NO_RESOURCES)?;
    if let Some(active) = link.active(id) {
        let settings = active.engine_settings();
        active.engine = Some(engine_channel::Channel::incoming(
            active.cid,
            ident,
            request,
            &settings,
            now_ms(),
        ));
    }
    Ok(id)
}

/// A listener's new connection-oriented channel.
pub(super) fn add(
    dev: &Device,
    link: &mut Link,
    listener: &ChannelUser,
    psm: u16,
    dcid: u16,
) -> Result<u64> {
    let cid = link.free_cid()?;
    let peer = link.peer();
    let at = start::accept(dev, link, listener, cid)?;
    let active = link.at(at).ok_or(ENOMEM)?;
    active.shared.update(|s| {
        s.psm = psm;
        s.dcid = dcid;
        s.dst = peer.addr;
        s.dst_type = peer.kind;
    });
    active.set_state(State::Connect2);
    active.wants_hold = true;
    let id = active.id();
    link.touch();
    Ok(id)
}

/// Gives the peer an answer to its Connection Request.
pub(super) fn answer(link: &mut Link, at: usize, answer: Answer) {
    let facts = link.facts();
    let Link {
        channels,
        signalling,
        ..
    } = link;
    let engine = channels.get_mut(at).and_then(|a| a.engine.as_mut());
    if let Some(engine) = engine {
        let actions = engine.answer(answer, &facts, &mut signalling.idents);
        link.act(at, actions);
    }
}

/// The link is not secure enough for what the peer asked for.
pub(super) fn refuse_insecure(link: &mut Link, at: usize) {
    link.insecure = true;
    if link.transport() == Transport::BrEdr {
        answer(link, at, Answer::Refuse(ConnectionResult::SECURITY_BLOCK));
    } else {
        answer_le(link, at, Err(CreditResult::AUTHENTICATION));
    }
}

/// All is known to answer a Connection Request, but what security and the user say.
pub(super) fn decide(dev: &Device, worker: &mut Worker<'_>, handle: u16, id: u64) {
    let Some(link) = dev.upper.get(worker).and_then(|room| room.link(handle)) else {
        return;
    };
    if link.transport() != Transport::BrEdr || !link.signalling.information_done() {
        return;
    }
    let deciding = link
        .active(id)
        .and_then(|a| a.engine.as_ref())
        .is_some_and(|e| e.state() == Stage::Deciding);
    if !deciding {
        return;
    }
    let secured = start::secure(dev, worker, handle, id, false);
    with_channel(dev, worker, handle, id, |link, at| match secured {
        Secured::Already => {
            let deferred = link.at(at).is_some_and(|a| a.settings().deferred);
            if deferred {
                answer(link, at, Answer::Pending(ConnectionStatus::AUTHORIZATION));
                if let Some(active) = link.at(at) {
                    active.user.deferred();
                }
            } else {
                answer(link, at, Answer::Accept);
            }
        }
        Secured::Pending => answer(link, at, Answer::Pending(ConnectionStatus::AUTHENTICATION)),
        Secured::Refused => refuse_insecure(link, at),
    });
}

/// LE Credit Based Connection Request (4.22).
pub(super) fn le_connection_request(
    dev: &Device,
    worker: &mut Worker<'_>,
    handle: u16,
    ident: Ident,
    request: &LeConnectionRequest,
) {
    let security = link::security_of(dev, worker, handle).unwrap_or_default();
    let Some(link) = dev.upper.get(worker).and_then(|room| room.link(handle)) else {
        return;
    };
    if let Err(refusal) = engine_channel::check_le_request(ident, request) {
        return link.signal(&refusal);
    }
    let created = le_listener(dev, link, request.spsm, &security).and_then(|(_, listener)| {
        let in_use = link.remote_cid_in_use(request.scid);
        engine_channel::check_scid(Transport::Le, request.scid, in_use)?;
        create_le(dev, link, ident, request, &listener)
    });
    let id = match created {
        Ok(id) => id,
        Err(result) => {
            let packet = engine_channel::le_refusal(ident, result);
            return link.signal(&packet);
        }
    };
    with_channel(dev, worker, handle, id, |link, at| {
        let Some(active) = link.at(at) else {
            return;
        };
        if active.settings().deferred {
            active.user.deferred();
        } else {
            answer_le(link, at, Ok(()));
        }
    });
}

/// Who listens on an LE PSM, if the link is secure enough for it.
pub(super) fn le_listener(
    dev: &Device,
    link: &mut Link,
    spsm: u16,
    security: &LinkSecurity,
) -> Result<Listener, CreditResult> {
    let listener = bound::listener(Transport::Le, spsm, link.own.addr, link.peer().addr)
        .ok_or(CreditResult::BAD_SPSM)?;
    let s = listener.0.settings();
    let long_enough = has_key_size(dev, security, s.level);
    if s.level > Level::Low && security.level < s.level as u8 {
        return Err(if s.level == Level::Medium {
            CreditResult::ENCRYPTION
        } else if !long_enough && security.level == Level::High as u8 {
            // A short key is never worth level 4: that is what is wrong with it.
            CreditResult::KEY_SIZE
        } else {
            CreditResult::AUTHENTICATION
        });
    }
    if !long_enough {
        return Err(CreditResult::KEY_SIZE);
    }
    Ok(listener)
}

fn create_le(
    dev: &Device,
    link: &mut Link,
    ident: Ident,
    request: &LeConnectionRequest,
    listener: &ChannelUser,
) -> Result<u64, CreditResult> {
    let id = add(dev, link, listener, request.spsm, request.scid)
        .map_err(|_| CreditResult::NO_RESOURCES)?;
    let facts = link.facts();
    if let Some(active) = link.active(id) {
        // Whatever the listener is set to, this is what was asked for.
        active
            .shared
            .update(|s| s.mode = wire::l2cap::Mode::LeCredit);
        let settings = active.engine_settings();
        let mut engine = engine_channel::Channel::incoming_le(
            active.cid,
            ident,
            request,
            &settings,
            &facts,
            now_ms(),
        );
        if let Some(credits) = engine.credits_mut() {
            credits.set_available(active.user.room());
        }
        active.engine = Some(engine);
    }
    Ok(id)
}

/// Gives the peer the answer to its LE request.
pub(super) fn answer_le(link: &mut Link, at: usize, answer: Result<(), CreditResult>) {
    let Link {
        channels,
        signalling,
        ..
    } = link;
    let engine = channels.get_mut(at).and_then(|a| a.engine.as_mut());
    if let Some(engine) = engine {
        let actions = engine.answer_le(answer, &mut signalling.idents);
        link.act(at, actions);
    }
}
