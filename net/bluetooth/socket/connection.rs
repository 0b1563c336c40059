// SPDX-License-Identifier: GPL-2.0

//! What connection-oriented sockets have in common: being connected, accepted and closed, whatever
//! the protocol.
//!
//! A controller's worker changes a socket's state, error and queues without the socket lock. It
//! would have to wait for a process that holds the lock while it touches its own memory, and all
//! links with it. System calls use the lock for waiting, and to exclude each other.

use super::ethtool::{
    self,
    Completions, //
};
use crate::hci;
use kernel::prelude::*;
use kernel_ext::net::{
    IoctlArg,
    LockedSock,
    PollMask,
    Protocol,
    ProtocolSlot,
    Sock,
    SockRef,
    Socket,
    State,
    Timeout, //
};

/// Requests of the terminal's kind that sockets understand.
const TIOCOUTQ: u32 = 0x5411;
const TIOCINQ: u32 = 0x541b;

/// Wakes who waits: for the socket itself, or for something to accept.
pub(super) fn changed<P: Protocol>(sk: &Sock<P>) {
    sk.state_change();
    if let Some(parent) = sk.accept_parent() {
        parent.data_ready();
    }
}

/// A new socket for a peer's connection to a listening one, where it waits to be accepted.
///
/// # Errors
///
/// `EINVAL` if nobody listens any more, `ENOBUFS` if too many wait, `ENOMEM`.
pub(super) fn incoming<P: Protocol>(
    slot: &'static ProtocolSlot<P>,
    parent: &Sock<P>,
    timeout: Timeout,
) -> Result<SockRef<P>> {
    if parent.state() != State::Listen {
        return Err(EINVAL);
    }
    if parent.accept_queue_full() {
        return Err(ENOBUFS);
    }
    let child = slot.alloc_child(parent, GFP_KERNEL)?;
    child.set_snd_timeout(timeout);
    parent
        .accept_enqueue(child.clone())
        .map_err(|(_child, error)| error)?;
    Ok(child)
}

/// A connection's end, for this reason unless the user wished it. `by_peer`: nothing more can be
/// sent or received.
pub(super) fn closed<P: Protocol>(sk: &Sock<P>, error: Option<Error>, by_peer: bool) {
    if by_peer {
        sk.shut_down();
    }
    if let Some(error) = error {
        sk.set_err(error);
    }
    sk.set_state(State::Closed);
    match sk.accept_parent() {
        Some(parent) => {
            sk.accept_unlink();
            parent.data_ready();
        }
        None => sk.state_change(),
    }
}

/// Waits until a socket that is being connected is connected.
///
/// # Errors
///
/// `EINPROGRESS` when the time is over, the socket's error, `ECONNABORTED` if it was closed
/// meanwhile, `EINTR` or `ERESTARTSYS`.
pub(super) fn wait_connected<P: Protocol>(
    lock: &mut LockedSock<'_, P>,
    timeout: Timeout,
) -> Result {
    lock.wait(timeout, EINPROGRESS, |sk| match sk.state() {
        State::Connected => Some(Ok(())),
        // Closed by somebody else; a reason, if there is one, is the pending error.
        State::Closed => Some(sk.take_err().and(Err(ECONNABORTED))),
        _ => None,
    })?
}

/// Takes a connection that waits to be accepted; those that a listener decides about (`deferred`)
/// can be had before they are connected.
///
/// # Errors
///
/// `EBADFD` if the socket does not listen, `EAGAIN` when the time is over, `EINTR` or
/// `ERESTARTSYS`.
pub(super) fn accept<P: Protocol>(
    sock: &Socket<'_, P>,
    nonblock: bool,
    deferred: impl Fn() -> bool,
) -> Result<SockRef<P>> {
    let mut lock = sock.lock();
    let timeout = lock.rcv_timeout(nonblock);
    lock.wait(timeout, EAGAIN, |sk| {
        if sk.state() != State::Listen {
            return Some(Err(EBADFD));
        }
        let deferred = deferred();
        sk.accept_dequeue(|child| {
            let state = child.state();
            state == State::Connected || (deferred && state != State::Closed)
        })
        .map(Ok)
    })?
}

/// Waits until no worker is about to call a socket's callbacks. They are called on workers only, so
/// each of these is waited for once.
pub(super) fn quiesce() {
    // Without memory for the list there is nothing better than to have tried; it is a few words.
    for dev in hci::registry::all().unwrap_or_default() {
        if let Ok(worker) = dev.worker() {
            // On the worker itself, from a callback, there is nothing to wait for.
            let _ = worker.flush();
        }
    }
}

/// The events that are pending. `may_send`: what the protocol says to sending.
pub(super) fn poll<P: Protocol>(sock: &Socket<'_, P>, deferred: bool, may_send: bool) -> PollMask {
    if sock.state() == State::Listen {
        let ready = sock.accept_any(|child| {
            let state = child.state();
            state == State::Connected || (deferred && state == State::Connect2)
        });
        return if ready { PollMask::IN } else { PollMask::NONE };
    }
    sock.poll_mask(may_send)
}

/// How much waits in the socket's buffers, or what a controller can tell of time
/// ([`ethtool`](ethtool::ioctl)).
///
/// # Errors
///
/// `EINVAL` if the socket listens, `EFAULT`, `ENOIOCTLCMD` for any other request.
pub(super) fn ioctl<P: Protocol>(
    sk: &Sock<P>,
    cmd: u32,
    arg: IoctlArg,
    completions: Completions,
) -> Result<i32> {
    let amount = match cmd {
        // With 32-bit programs this request is for network interfaces alone, as in the C stack.
        ethtool::REQUEST if !arg.is_compat() => {
            return ethtool::ioctl(arg, completions).map(|()| 0)
        }
        TIOCOUTQ | TIOCINQ if sk.state() == State::Listen => return Err(EINVAL),
        TIOCOUTQ => sk.sndbuf().saturating_sub(sk.wmem_alloc()),
        TIOCINQ => sk.first_len(),
        _ => return Err(ENOIOCTLCMD),
    };
    arg.write(&i32::try_from(amount).unwrap_or(i32::MAX))?;
    Ok(0)
}
