// SPDX-License-Identifier: GPL-2.0

//! `BTPROTO_SCO`: sockets that are one end of an audio link.
//!
//! A socket owns a [`Channel`] from its birth. While that is in use, the controller's worker refers
//! to the socket through its [`SocketUser`], and lets go of it when the channel is closed.

mod addr;
mod io;
mod option;
mod user;

pub(crate) use user::SocketUser;

use super::{
    connection,
    ethtool::Completions,
    hci::AF_BLUETOOTH, //
};
use crate::{
    hci::route,
    sco::{
        self,
        channel::{
            Channel,
            Settings, //
        },
        CONNECT_TIMEOUT_MS, //
    },
};
use addr::ScoAddr;
use kernel::{
    prelude::*,
    sync::Arc,
    time::msecs_to_jiffies, //
};
use kernel_ext::net::{
    shutdown,
    sock_type,
    CreateArgs,
    IoctlArg,
    OptOut,
    OptValue,
    PollMask,
    Protocol,
    ProtocolSlot,
    RecvMsg,
    SendMsg,
    Sock,
    SockAddr,
    SockName,
    SockRef,
    Socket,
    State,
    Timeout, //
};
use wire::{
    AddressType,
    BdAddr, //
};

/// Levels of socket options.
const SOL_SCO: i32 = 17;
const SOL_BLUETOOTH: i32 = 274;

/// Sockets of `BTPROTO_SCO`.
pub(super) static SCO: ProtocolSlot<ScoSocket> = ProtocolSlot::new();

kernel_ext::global_mutex! {
    /// Held while a socket begins to listen: one does at each address. Initialised once, by module
    /// init, through the export layer.
    pub(crate) static LISTENING: () = ();
}

/// See [`SCO`].
pub(crate) struct ScoSocket;

/// A socket's state.
#[pin_data]
pub(crate) struct Private {
    channel: Arc<Channel>,
}

type Sk<'a> = Socket<'a, ScoSocket>;

fn channel<'a>(sk: &'a Sock<ScoSocket>) -> &'a Arc<Channel> {
    &sk.private().channel
}

/// The addresses of a socket's own end, and of the peer.
pub(super) fn addresses_of(sk: &Sock<ScoSocket>) -> (BdAddr, BdAddr) {
    let settings = channel(sk).settings();
    (settings.src, settings.dst)
}

fn default_timeout() -> Timeout {
    Timeout::from_jiffies(msecs_to_jiffies(CONNECT_TIMEOUT_MS))
}

/// Whether the peer's request waits for the user to decide.
fn is_waiting(sk: &Sock<ScoSocket>) -> bool {
    sk.state() == State::Connect2 && channel(sk).settings().deferred
}

impl ScoSocket {
    fn start_connecting(sock: &Sk<'_>, addr: &ScoAddr) -> Result {
        let channel = channel(sock);
        let src = {
            let _lock = sock.lock();
            if !matches!(sock.state(), State::Open | State::Bound) {
                return Err(EBADFD);
            }
            channel.update(|s| {
                s.dst = addr.addr();
                s.src
            })
        };
        let dev = route::find(addr.addr(), src, AddressType::BrEdr).ok_or(EHOSTUNREACH)?;
        let timeout = sock.snd_timeout(false);
        let timeout_ms = (timeout != Timeout::FOREVER).then(|| timeout.as_millis());
        sco::connect(&dev, channel, SocketUser::new(sock.to_ref()), timeout_ms)
    }

    /// Ends the channel, and what waits to be accepted.
    fn close(sock: &Sk<'_>) {
        if sock.state() == State::Listen {
            {
                let _lock = sock.lock();
                sock.set_state(State::Closed);
            }
            sock.state_change();
        }
        sock.accept_drain(|child| {
            sco::close(channel(&child));
            child.unlink();
        });
        sco::close(channel(sock));
    }
}

#[vtable]
impl Protocol for ScoSocket {
    const NAME: &'static CStr = c"SCO";
    const PROTOCOL: i32 = 2;
    const GETTSTAMP: bool = true;
    const LOCK_NAMES: (&'static CStr, &'static CStr) = (
        c"slock-AF_BLUETOOTH-BTPROTO_SCO",
        c"sk_lock-AF_BLUETOOTH-BTPROTO_SCO",
    );

    type Private = Private;
    type Locked = ();

    fn create(args: &CreateArgs<'_, Self>) -> Result<(impl PinInit<Private, Error>, ())> {
        let settings = match args.parent() {
            Some(parent) => channel(parent).settings().for_child(),
            None if args.socket_type() == sock_type::SEQPACKET => Settings::new(),
            None => return Err(ESOCKTNOSUPPORT),
        };
        let channel = Channel::new(settings)?;
        Ok((try_pin_init!(Private { channel }), ()))
    }

    fn created(sock: &Sk<'_>) {
        sock.set_snd_timeout(default_timeout());
    }

    fn bind(sock: &Sk<'_>, addr: &SockAddr<'_>) -> Result {
        let addr = ScoAddr::read(addr)?;
        let _lock = sock.lock();
        if sock.state() != State::Open {
            return Err(EBADFD);
        }
        channel(sock).update(|s| s.src = addr.addr());
        sock.set_state(State::Bound);
        Ok(())
    }

    fn connect(sock: &Sk<'_>, addr: &SockAddr<'_>, nonblock: bool) -> Result {
        Self::start_connecting(sock, &ScoAddr::read(addr)?)?;
        let mut lock = sock.lock();
        let timeout = lock.snd_timeout(nonblock);
        connection::wait_connected(&mut lock, timeout)
    }

    fn listen(sock: &Sk<'_>, backlog: i32) -> Result {
        let _lock = sock.lock();
        if sock.state() != State::Bound {
            return Err(EBADFD);
        }
        let _one_at_a_time = LISTENING.lock();
        let src = channel(sock).settings().src;
        let mut taken = false;
        if let Some(sockets) = SCO.sockets() {
            sockets.for_each(|sk| {
                taken |= sk.state() == State::Listen && channel(sk).settings().src == src;
            });
        }
        if taken {
            return Err(EADDRINUSE);
        }
        sock.set_backlog(backlog);
        sock.set_state(State::Listen);
        Ok(())
    }

    fn accept(sock: &Sk<'_>, nonblock: bool) -> Result<SockRef<Self>> {
        connection::accept(sock, nonblock, || channel(sock).settings().deferred)
    }

    fn getname(sock: &Sk<'_>, peer: bool) -> Result<SockName> {
        let s = channel(sock).settings();
        let addr = if peer { s.dst } else { s.src };
        Ok(SockName::new(&ScoAddr::new(AF_BLUETOOTH, addr)))
    }

    fn sendmsg(sock: &Sk<'_>, msg: &mut SendMsg<'_>) -> Result<usize> {
        io::send(sock, msg)
    }

    fn recvmsg(sock: &Sk<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
        io::receive(sock, msg)
    }

    fn poll(sock: &Sk<'_>) -> PollMask {
        connection::poll(sock, channel(sock).settings().deferred, true)
    }

    fn ioctl(sock: &Sk<'_>, cmd: u32, arg: IoctlArg) -> Result<i32> {
        connection::ioctl(sock, cmd, arg, Completions::WithFlowControl)
    }

    fn setsockopt(sock: &Sk<'_>, _level: i32, name: i32, value: OptValue<'_>) -> Result {
        // User space was never held to a level here.
        option::set(sock, name, value)
    }

    fn getsockopt(sock: &Sk<'_>, level: i32, name: i32, out: &mut OptOut<'_>) -> Result {
        match level {
            SOL_SCO => option::get_old(sock, name, out),
            _ => option::get(sock, name, out),
        }
    }

    fn shutdown(sock: &Sk<'_>, _how: i32) -> Result {
        {
            let mut lock = sock.lock();
            if lock.shutdown_mask() != 0 {
                return Ok(());
            }
            lock.add_shutdown(shutdown::BOTH);
        }
        Self::close(sock);
        let mut lock = sock.lock();
        let linger = lock.linger();
        if linger.is_zero() || lock.state() == State::Closed {
            return Ok(());
        }
        lock.wait_state(State::Closed, linger)
    }

    fn release(sock: &Sk<'_>) {
        channel(sock).spend();
        Self::close(sock);
    }

    fn quiesce(_sock: &Sk<'_>) {
        connection::quiesce();
    }
}
