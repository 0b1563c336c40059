// SPDX-License-Identifier: GPL-2.0

//! The end of links: by either side, by cancellation, by failure.

use super::{
    connect,
    le_connect,
    sco,
    security::Authenticator,
    send,
    snapshot,
    timer::{
        self,
        event_deadline, //
    },
    ConnHandle,
    Link,
    LinkKind,
    Stage,
    MAX_LINKS,
    NOTIFY_LINK_GONE, //
};
use crate::hci::{
    command::CommandError,
    device::{
        with_worker,
        Device, //
    },
    flow,
    observer::{
        notify,
        Notice, //
    },
    sequence,
    session::{
        Session,
        COMMAND_TIMEOUT_MS, //
    },
    state::Peer,
    update,
    user::LinkUser, //
};
use engine::command::CompletesOn;
use kernel::prelude::*;
use kernel_ext::workqueue::Worker;
use wire::hci::{
    event::{
        code,
        DisconnectionComplete, //
    },
    le::LeCreateConnectionCancel,
    link_control::{
        CreateConnectionCancel,
        Disconnect,
        RejectConnectionRequest, //
    },
    Status,
};

/// Ends a link, in whatever stage it is. Its user is told when it is over, never from here.
pub(super) fn end(dev: &Device, worker: &mut Worker<'_>, id: u64, reason: Status) {
    let Some(link) = dev.links.get(worker).and_then(|t| t.by_id(id)) else {
        return;
    };
    // It is ended once, for the first reason.
    if link.ending.is_some() {
        return;
    }
    link.ending = Some(reason);
    link.idle_at = None;
    match (link.stage, link.handle) {
        (Stage::Configuring | Stage::Connected, Some(handle)) => {
            link.stage = Stage::Disconnecting;
            link.late_at = event_deadline();
            send(dev, &Disconnect { handle, reason });
        }
        (Stage::Connecting, _) => return cancel(dev, worker, id),
        (Stage::Accepting, _) => {
            let bdaddr = link.peer.addr;
            send(dev, &RejectConnectionRequest { bdaddr, reason });
            return failed(dev, worker, id, reason);
        }
        // The controller does not know of it yet.
        (Stage::Queued | Stage::Scanning, _) => return failed(dev, worker, id, reason),
        _ => {}
    }
    timer::adjust(dev, worker);
}

/// Cancels an attempt to connect that is under way (7.1.7, 7.8.13). The controller then reports
/// the end of the attempt, or that it succeeded just before.
pub(super) fn cancel(dev: &Device, worker: &mut Worker<'_>, id: u64) {
    let Some(link) = dev.links.get(worker).and_then(|t| t.by_id(id)) else {
        return;
    };
    if link.stage != Stage::Connecting {
        return;
    }
    link.stage = Stage::Cancelling;
    link.late_at = event_deadline();
    let (kind, bdaddr, central) = (link.kind, link.peer.addr, link.central);
    match kind {
        LinkKind::Acl => send(dev, &CreateConnectionCancel { bdaddr }),
        LinkKind::Le if central => send(dev, &LeCreateConnectionCancel {}),
        // Directed advertising is switched off by the sequence that has started it.
        LinkKind::Le => {
            le_connect::stop_directed(dev);
            return failed(dev, worker, id, Status::ADVERTISING_TIMEOUT);
        }
    }
    timer::adjust(dev, worker);
}

/// The controller did not say how the end of a link went: for the host it is over.
pub(super) fn give_up(dev: &Device, worker: &mut Worker<'_>, id: u64) {
    let Some(link) = dev.links.get(worker).and_then(|t| t.by_id(id)) else {
        return;
    };
    let reason = link.ending.unwrap_or(Status::CONNECTION_TIMEOUT);
    if link.up {
        gone(dev, worker, id, reason);
    } else {
        failed(dev, worker, id, reason);
    }
}

/// A link that did not come about is forgotten, and whoever waits for it told.
pub(super) fn failed(dev: &Device, worker: &mut Worker<'_>, id: u64, status: Status) {
    let Some(link) = dev.links.get(worker).and_then(|t| t.remove(dev, id)) else {
        return;
    };
    let (kind, peer) = (link.kind, link.peer);
    // Who is to be connected whenever it is there is waited for again, without a word.
    let told = match kind {
        LinkKind::Acl => true,
        LinkKind::Le => link.explicit && status != Status::UNKNOWN_CONNECTION,
    };
    if told {
        notify(
            dev,
            Notice::ConnectFailed {
                peer,
                status: status.0,
            },
        );
    }
    drop(link);
    sco::acl_gone(dev, worker, id, status);
    <crate::Security as Authenticator>::link_failed(dev, worker, peer, status.0);
    crate::Upper::link_failed(dev, worker, kind, peer, status.0);
    match kind {
        LinkKind::Acl => connect::next(dev, worker),
        LinkKind::Le => le_connect::attempt_over(dev),
    }
    timer::adjust(dev, worker);
}

/// A link that was up is not any more.
pub(super) fn gone(dev: &Device, worker: &mut Worker<'_>, id: u64, reason: Status) {
    let Some(table) = dev.links.get(worker) else {
        return;
    };
    // Who finds the link gone finds what was to go with it gone as well.
    if let Some(link) = table.by_id(id).filter(|l| l.kind == LinkKind::Le) {
        dev.state().conn_params.link_gone(link.peer);
    }
    let Some(link) = table.remove(dev, id) else {
        return;
    };
    let (peer, was_up, kind) = (link.peer, link.reported, link.kind);
    let advertise = kind == LinkKind::Le && !link.central;
    let handle = link.handle.filter(|_| link.up);
    let (auth_failed, shown) = (link.security.failed, link.node.is_some());
    // The node goes before anybody is told: who asks then finds the link gone.
    drop(link);
    if shown {
        dev.notify(NOTIFY_LINK_GONE);
    }
    sco::acl_gone(dev, worker, id, reason);
    notify(
        dev,
        Notice::LinkDown {
            peer,
            reason: reason.0,
            was_up,
            auth_failed,
        },
    );
    if let Some(handle) = handle {
        flow::link_down(dev, worker, handle.get());
        <crate::Security as Authenticator>::link_down(dev, worker, handle.get(), reason.0);
        crate::Upper::link_down(dev, worker, handle.get(), reason.0);
    }
    links_changed(dev, kind, advertise);
    timer::adjust(dev, worker);
}

/// Others are awaited now, by scans in the background, and perhaps by advertising.
pub(super) fn links_changed(dev: &Device, kind: LinkKind, advertise: bool) {
    let queued = sequence(dev, move |session| match kind {
        LinkKind::Acl => {
            let _ = update::scan(session);
        }
        LinkKind::Le => {
            let _ = update::passive_scan(session);
            if advertise {
                update::adv::link_ended(session);
            }
        }
    });
    if queued.is_err() {
        pr_debug!("{}: scans do not follow a link\n", dev.name());
    }
}

/// A link is down, or would not go (7.7.5).
pub(in crate::hci) fn disconnected(
    dev: &Device,
    worker: &mut Worker<'_>,
    e: &DisconnectionComplete,
) {
    let Some(link) = dev.links.get(worker).and_then(|t| t.by_handle(e.handle)) else {
        return sco::disconnected(dev, worker, e);
    };
    let id = link.id;
    if e.status.is_success() {
        return gone(dev, worker, id, e.reason);
    }
    // It would not go: it stays, and can be ended again.
    if link.stage == Stage::Disconnecting {
        link.stage = Stage::Connected;
        link.ending = None;
        link.late_at = None;
        timer::adjust(dev, worker);
    }
}

/// Disconnect was refused (7.1.6): the controller does not know the link, so there is none.
pub(super) fn disconnect_refused(
    dev: &Device,
    worker: &mut Worker<'_>,
    sent: &Disconnect,
    status: Status,
) {
    let Some(link) = dev.links.get(worker).and_then(|t| t.by_handle(sent.handle)) else {
        return sco::disconnect_refused(dev, worker, sent);
    };
    let id = link.id;
    let reason = if status == Status::UNKNOWN_CONNECTION {
        sent.reason
    } else {
        Status::UNSPECIFIED
    };
    gone(dev, worker, id, reason);
}

/// Ends the link with a handle.
pub(in crate::hci) fn end_by_handle(
    dev: &Device,
    worker: &mut Worker<'_>,
    handle: u16,
    reason: Status,
) {
    let link = dev
        .links
        .get(worker)
        .and_then(|t| t.by_handle(ConnHandle::new(handle)));
    if let Some(id) = link.map(|l| l.id) {
        end(dev, worker, id, reason);
    }
}

/// Ends a link and waits until it is down. One that is not up yet is cancelled, and not waited for.
///
/// # Errors
///
/// `ENOTCONN` if there is none, or what the controller says.
pub(crate) fn disconnect(session: &Session<'_>, peer: Peer, reason: u8) -> Result {
    let todo = begin(session, peer, reason)?;
    carry_out(session, peer, reason, todo)
}

/// As [`disconnect`], whatever the controller says, or does not. A link that it refuses to end is
/// given up ([`disconnect_refused`]); one that would not go stays, and can be ended again.
///
/// # Errors
///
/// `ENOTCONN` if there is none; `ENOMEM`.
pub(crate) fn disconnect_regardless(session: &Session<'_>, peer: Peer, reason: u8) -> Result {
    let todo = begin(session, peer, reason)?;
    let _ = carry_out(session, peer, reason, todo);
    Ok(())
}

/// Marks a link as being ended, and tells what that takes.
fn begin(session: &Session<'_>, peer: Peer, reason: u8) -> Result<Todo> {
    let dev = session.dev();
    // Audio goes before the link that it goes with (7.1.6).
    let audio = with_worker(dev, |worker| sco::prepare_end(dev, worker, peer))?;
    if let Some(handle) = audio {
        // If it does not go, it goes with its link.
        let _ = end_and_wait(session, handle, reason);
    }
    with_worker(dev, |worker| {
        let table = dev.links.get(worker)?;
        let link = table.find(|l| l.peer == peer)?;
        let id = link.id;
        if let Some(handle) = prepare(link, Status(reason)) {
            timer::adjust(dev, worker);
            return Some(Todo::Disconnect(handle));
        }
        if link.stage == Stage::Connecting && link.central {
            link.stage = Stage::Cancelling;
            link.ending = Some(Status(reason));
            link.late_at = event_deadline();
            let kind = link.kind;
            timer::adjust(dev, worker);
            return Some(Todo::Cancel(kind));
        }
        end(dev, worker, id, Status(reason));
        Some(Todo::Nothing)
    })?
    .ok_or(ENOTCONN)
}

fn carry_out(session: &Session<'_>, peer: Peer, reason: u8, todo: Todo) -> Result {
    match todo {
        Todo::Disconnect(handle) => end_and_wait(session, handle, reason),
        // It may have succeeded or failed just before, which is as good.
        Todo::Cancel(LinkKind::Acl) => {
            unless_refused(session.send(&CreateConnectionCancel { bdaddr: peer.addr }))
        }
        Todo::Cancel(LinkKind::Le) => unless_refused(session.send(&LeCreateConnectionCancel {})),
        Todo::Nothing => Ok(()),
    }
}

/// What it takes to end a link.
enum Todo {
    Disconnect(ConnHandle),
    Cancel(LinkKind),
    Nothing,
}

fn unless_refused(answer: Result<(), CommandError>) -> Result {
    match answer {
        Ok(()) | Err(CommandError::Status(_)) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

/// Marks a link that is up as being ended by a sequence; returns its handle.
fn prepare(link: &mut Link, reason: Status) -> Option<ConnHandle> {
    let handle = link.handle.filter(|_| link.stage.is_up())?;
    link.stage = Stage::Disconnecting;
    link.ending = Some(reason);
    link.idle_at = None;
    // A little more than the sequence waits for.
    link.late_at = event_deadline().map(|at| at.saturating_add(100));
    Some(handle)
}

/// How long the peers of a controller that is switched off are waited for, in milliseconds.
const POWER_OFF_MS: u32 = 500;

fn end_and_wait(session: &Session<'_>, handle: ConnHandle, reason: u8) -> Result {
    let command = Disconnect {
        handle,
        reason: Status(reason),
    };
    let done = CompletesOn::Event(code::DISCONNECTION_COMPLETE);
    // Switching off must not take as long as a peer that is out of reach.
    if Status(reason) == Status::REMOTE_POWER_OFF {
        return match session.send_until(&command, done, POWER_OFF_MS) {
            Ok(_) | Err(CommandError::Errno(ETIMEDOUT)) => Ok(()),
            Err(e) => Err(e.into()),
        };
    }
    session.send_until(&command, done, COMMAND_TIMEOUT_MS)?;
    Ok(())
}

/// Ends all links, one after the other.
///
/// # Errors
///
/// What the first command that failed did; the rest is tried all the same.
pub(crate) fn disconnect_all(session: &Session<'_>, reason: u8) -> Result {
    let dev = session.dev();
    let mut result = Ok(());
    for link in snapshot(dev, MAX_LINKS)?.iter() {
        // One that went meanwhile is as good as ended.
        match disconnect(session, link.peer, reason) {
            Err(e) if e == ENOTCONN => {}
            ended => result = result.and(ended),
        }
    }
    result
}

/// The controller is closed: all links are gone, without a word from it.
pub(in crate::hci) fn drop_all(dev: &Device) {
    let dropped = with_worker(dev, |worker| {
        while let Some(link) = dev.links.get(worker).and_then(|t| t.links.last()) {
            let (id, up) = (link.id, link.up);
            if up {
                gone(dev, worker, id, Status::LOCAL_HOST_TERMINATED);
            } else {
                failed(dev, worker, id, Status::LOCAL_HOST_TERMINATED);
            }
        }
        flow::reset(dev, worker);
        <crate::Security as Authenticator>::controller_closed(dev, worker);
        crate::Upper::controller_closed(dev, worker);
    });
    if let Err(e) = dropped {
        pr_err!("{}: links not dropped ({})\n", dev.name(), e.to_errno());
    }
}
