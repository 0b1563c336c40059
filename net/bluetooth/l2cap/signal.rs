// SPDX-License-Identifier: GPL-2.0

//! Signalling commands (4): each to the channel that it concerns, or to what makes new ones.

use super::{
    credit,
    group,
    incoming,
    link::Link,
    start, //
};
use crate::hci::{
    link as hci_link,
    Device, //
};
use engine::{
    connection,
    l2cap::{
        channel::{
            Actions,
            Channel as Engine,
            LinkFacts, //
        },
        ident::Idents,
        signalling::{
            self,
            Step, //
        },
    },
};
use kernel::prelude::*;
use kernel_ext::{
    skbuff::SkBuff,
    time::now_ms,
    workqueue::Worker, //
};
use wire::l2cap::{
    signal::{
        Command,
        ConnectionParameterUpdateRequest,
        ConnectionParameterUpdateResponse,
        Ident,
        UpdateResult, //
    },
    FixedChannels,
    Transport, //
};

/// Takes the payload of a frame on the signalling channel.
pub(super) fn frame(dev: &Device, worker: &mut Worker<'_>, handle: u16, skb: &SkBuff) {
    let now = now_ms();
    let Some(link) = dev.upper.get(worker).and_then(|room| room.link(handle)) else {
        return;
    };
    let mut frame = link.signalling.frame(skb.data());
    loop {
        // A command may have ended the link.
        let Some(link) = dev.upper.get(worker).and_then(|room| room.link(handle)) else {
            return;
        };
        match link.signalling.next(&mut frame, now) {
            None => break,
            Some(Step::Send(packet)) => link.signal(&packet),
            Some(Step::Command {
                ident,
                command: asked,
            }) => {
                command(dev, worker, handle, ident, &asked);
                secure_if_needed(dev, worker, handle);
            }
            Some(Step::InformationDone) => {
                let peer = link.signalling.peer_fixed_channels();
                let smp = peer.contains(FixedChannels::SMP_BREDR);
                start::channels(dev, worker, handle);
                crate::smp::fixed_channels(dev, worker, handle, smp);
            }
            Some(Step::Ignored(_)) => {}
        }
    }
}

/// The peer may have found the link not secure enough for some channels.
fn secure_if_needed(dev: &Device, worker: &mut Worker<'_>, handle: u16) {
    loop {
        let link = dev.upper.get(worker).and_then(|room| room.link(handle));
        let Some(id) = link.and_then(|link| link.take_insecure()) else {
            return;
        };
        start::raise(dev, worker, handle, id);
    }
}

fn command(
    dev: &Device,
    worker: &mut Worker<'_>,
    handle: u16,
    ident: Ident,
    command: &Command<'_>,
) {
    // What may create channels, or needs the controller.
    match command {
        Command::ConnectionRequest(request) => {
            return incoming::connection_request(dev, worker, handle, ident, request);
        }
        Command::LeConnectionRequest(request) => {
            return incoming::le_connection_request(dev, worker, handle, ident, request);
        }
        Command::CreditConnectionRequest(request) => {
            return group::request(dev, worker, handle, ident, request);
        }
        Command::ConnectionParameterUpdateRequest(request) => {
            return update_request(dev, worker, handle, ident, request);
        }
        _ => {}
    }
    if let Some(link) = dev.upper.get(worker).and_then(|room| room.link(handle)) {
        channel_command(link, ident, command);
    }
}

/// Asks the engine of the channel at `at`, and does what it says.
fn ask(
    link: &mut Link,
    at: usize,
    question: impl FnOnce(&mut Engine, &LinkFacts, &mut Idents) -> Actions,
) {
    let facts = link.facts();
    let Link {
        channels,
        signalling,
        ..
    } = link;
    if let Some(engine) = channels.get_mut(at).and_then(|a| a.engine.as_mut()) {
        let actions = question(engine, &facts, &mut signalling.idents);
        link.act(at, actions);
    }
}

/// The channel with this CID at our end, which has an engine.
fn by_scid(link: &Link, scid: u16) -> Option<usize> {
    link.position(|a| a.cid == scid && a.engine.is_some())
}

/// The channel that waits for the answer to this request.
fn awaiting(link: &Link, ident: Ident) -> Option<usize> {
    link.position(|a| a.engine.as_ref().is_some_and(|e| e.awaits(ident)))
}

/// A command about one channel that is there.
fn channel_command(link: &mut Link, ident: Ident, command: &Command<'_>) {
    let now = now_ms();
    match command {
        Command::ConnectionResponse(response) => {
            let at = match response.scid {
                0 => awaiting(link, ident),
                scid => by_scid(link, scid),
            };
            let in_use = link.remote_cid_in_use(response.dcid);
            if let Some(at) = at {
                ask(link, at, |engine, facts, ids| {
                    engine.on_connection_response(ident, response, in_use, facts, ids)
                });
            }
        }
        Command::LeConnectionResponse(response) => {
            let in_use = link.remote_cid_in_use(response.dcid);
            if let Some(at) = awaiting(link, ident) {
                ask(link, at, |engine, _, ids| {
                    engine.on_le_connection_response(ident, response, in_use, ids)
                });
            }
        }
        Command::CreditConnectionResponse(response) => group::response(link, ident, response),
        Command::ConfigurationRequest(request) => match by_scid(link, request.dcid) {
            Some(at) => ask(link, at, |engine, facts, ids| {
                engine.on_configuration_request(ident, request, facts, ids, now)
            }),
            None => link.signal(&signalling::invalid_cid(ident, request.dcid, 0)),
        },
        Command::ConfigurationResponse(response) => {
            if let Some(at) = by_scid(link, response.scid) {
                ask(link, at, |engine, facts, ids| {
                    engine.on_configuration_response(ident, response, facts, ids, now)
                });
            }
        }
        Command::DisconnectionRequest(request) => match by_scid(link, request.dcid) {
            Some(at) => {
                link.closing_by_peer = true;
                ask(link, at, |engine, _, ids| {
                    engine.on_disconnection_request(ident, request, ids)
                });
                link.closing_by_peer = false;
            }
            None => link.signal(&signalling::invalid_cid(ident, request.dcid, request.scid)),
        },
        Command::DisconnectionResponse(response) => {
            if let Some(at) = by_scid(link, response.scid) {
                ask(link, at, |engine, _, ids| {
                    engine.on_disconnection_response(ident, response, ids)
                });
            }
        }
        Command::Reject(_) => {
            // Several, if they were asked for together.
            while let Some(at) = awaiting(link, ident) {
                ask(link, at, |engine, _, ids| engine.on_reject(ident, ids));
                if awaiting(link, ident) == Some(at) {
                    break;
                }
            }
        }
        Command::FlowControlCredit(credit) => {
            let at = link.position(|a| {
                a.engine
                    .as_ref()
                    .is_some_and(|e| e.remote_cid() == credit.cid)
            });
            if let Some(at) = at {
                credit::granted(link, at, credit.credits);
            }
        }
        Command::ReconfigureRequest(request) => group::reconfigure_request(link, ident, request),
        Command::ReconfigureResponse(response) => {
            if let Some(at) = awaiting(link, ident) {
                ask(link, at, |engine, _, ids| {
                    engine.on_reconfigure_response(ident, response, ids, now)
                });
            }
        }
        _ => {}
    }
}

/// Connection Parameter Update Request (4.20): the peripheral wants other parameters.
fn update_request(
    dev: &Device,
    worker: &mut Worker<'_>,
    handle: u16,
    ident: Ident,
    request: &ConnectionParameterUpdateRequest,
) {
    let wanted = connection::Range {
        min: request.interval_min,
        max: request.interval_max,
        latency: request.latency,
        timeout: request.timeout,
    };
    let updated = hci_link::update_parameters(dev, worker, handle, &wanted);
    let Some(link) = dev.upper.get(worker).and_then(|room| room.link(handle)) else {
        return;
    };
    debug_assert!(link.transport() == Transport::Le);
    let result = match updated {
        Ok(()) => UpdateResult::ACCEPTED,
        // The central does not ask its peripheral.
        Err(EPERM) => return link.signal(&signalling::not_understood(ident)),
        Err(_) => UpdateResult::REJECTED,
    };
    let answer =
        Command::ConnectionParameterUpdateResponse(ConnectionParameterUpdateResponse { result });
    if let Some(packet) = answer.encode(ident) {
        link.signal(&packet);
    }
}
