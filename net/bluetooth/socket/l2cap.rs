// SPDX-License-Identifier: GPL-2.0

//! `BTPROTO_L2CAP`: sockets that are one end of a channel.
//!
//! A socket owns a [`Channel`] from its birth. While the channel is in use, the controller's worker
//! refers to the socket through its [`SocketUser`], and lets go of it when the channel is closed;
//! so a socket may be gone from user space and still end its channel properly.

mod addr;
mod io;
mod legacy;
mod option;
mod user;

pub(crate) use user::SocketUser;

use super::{
    connection,
    ethtool::Completions,
    hci::AF_BLUETOOTH, //
};
use crate::{
    l2cap::{
        self,
        bound::{
            self,
            Port, //
        },
        channel::{
            Channel,
            Kind,
            Settings, //
        },
        CONNECT_TIMEOUT_MS,
    },
    ChannelUser,
};
use addr::L2capAddr;
use kernel::{
    prelude::*,
    sync::Arc,
    time::msecs_to_jiffies, //
};
use kernel_ext::net::{
    capable,
    shutdown,
    sock_type,
    Capability,
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
    l2cap::{
        cid,
        psm,
        Mode,
        Transport, //
    },
    AddressType, //
};

/// How long closing waits for what was sent to be acknowledged, in milliseconds.
const WAIT_ACK_MS: u32 = 10_000;

/// Levels of socket options.
const SOL_L2CAP: i32 = 6;
const SOL_BLUETOOTH: i32 = 274;

/// Sockets of `BTPROTO_L2CAP`.
pub(super) static L2CAP: ProtocolSlot<L2capSocket> = ProtocolSlot::new();

/// See [`L2CAP`].
pub(crate) struct L2capSocket;

/// A socket's state.
#[pin_data]
pub(crate) struct Private {
    channel: Arc<Channel>,
}

type Sk<'a> = Socket<'a, L2capSocket>;

fn channel<'a>(sk: &'a Sock<L2capSocket>) -> &'a Arc<Channel> {
    &sk.private().channel
}

/// What a socket's channel is set to.
pub(super) fn settings_of(sk: &Sock<L2capSocket>) -> Settings {
    channel(sk).settings()
}

fn as_user(sock: &Sk<'_>) -> ChannelUser {
    ChannelUser::Socket(SocketUser::new(sock.to_ref()))
}

/// What a new socket's channel is set to.
fn settings(socket_type: i32) -> Settings {
    let kind = match socket_type {
        sock_type::RAW => Kind::Raw,
        sock_type::DGRAM => Kind::Connectionless,
        _ => Kind::Oriented,
    };
    let mut settings = Settings::new(kind);
    // A stream must not lose anything; with a peer that knows no other mode it is a basic one.
    if socket_type == sock_type::STREAM && l2cap::ertm_enabled() {
        settings.mode = Mode::Ertm;
    }
    settings
}

fn default_timeout() -> Timeout {
    Timeout::from_jiffies(msecs_to_jiffies(CONNECT_TIMEOUT_MS))
}

/// Well-known PSMs are for the privileged.
fn check_psm(transport: Transport, psm: u16) -> Result {
    let (valid, first_free) = match transport {
        Transport::BrEdr => (psm & 0x0101 == 0x0001, *bound::DYNAMIC_PSMS.start()),
        Transport::Le => (
            psm <= *bound::DYNAMIC_LE_PSMS.end(),
            *bound::DYNAMIC_LE_PSMS.start(),
        ),
    };
    if !valid {
        return Err(EINVAL);
    }
    if psm < first_free && !capable(Capability::NetBindService) {
        return Err(EACCES);
    }
    Ok(())
}

/// Whether a socket may be connected to, or closed; else it was closed already.
fn is_waiting(sock: &Sk<'_>) -> bool {
    let s = channel(sock).settings();
    s.deferred && s.state == State::Connect2
}

impl L2capSocket {
    fn bind_locked(sock: &Sk<'_>, addr: &L2capAddr) -> Result {
        let (src_type, transport) = addr.checked()?;
        let _lock = sock.lock();
        if sock.state() != State::Open {
            return Err(EBADFD);
        }
        if addr.psm() != 0 {
            check_psm(transport, addr.psm())?;
        }
        let port = match addr.cid() {
            0 => Port::Psm(addr.psm()),
            cid => Port::Cid(cid),
        };
        let channel = channel(sock);
        bound::bind(channel, as_user(sock), addr.addr(), src_type, port)?;
        channel.update(|s| {
            let lenient = match s.kind {
                Kind::Raw => true,
                Kind::Oriented => matches!(addr.psm(), psm::SDP | psm::RFCOMM),
                Kind::Connectionless => addr.psm() == psm::SYNC_3D,
                Kind::Fixed => false,
            };
            if lenient {
                s.level = l2cap::channel::Level::Sdp;
            }
        });
        sock.set_state(State::Bound);
        Ok(())
    }

    /// What is wrong with connecting to `addr`, and the channel's settings for it.
    fn connect_settings(s: &mut Settings, addr: &L2capAddr) -> Result {
        let (dst_type, dst_transport) = addr.checked()?;
        let le = dst_type.is_le();
        if s.src_type == AddressType::BrEdr && !s.src.is_any() && le {
            // Old programs bind the attribute channel with the wrong type of address.
            if !s.is_att() || addr.cid() != cid::ATT {
                return Err(EINVAL);
            }
            s.src_type = AddressType::LePublic;
        }
        if s.src_type.is_le() && !le {
            return Err(EINVAL);
        }
        s.choose_le_mode();
        if l2cap::route::find(addr.addr(), s.src, s.src_type).is_none() {
            return Err(EHOSTUNREACH);
        }
        let valid_psm = addr.psm() != 0 && psm::is_valid(dst_transport, addr.psm());
        if !valid_psm && addr.cid() == 0 && s.kind != Kind::Raw {
            return Err(EINVAL);
        }
        if (s.kind == Kind::Oriented && addr.psm() == 0)
            || (s.kind == Kind::Fixed && addr.cid() == 0)
        {
            return Err(EINVAL);
        }
        if !l2cap::mode_enabled(s.mode) {
            return Err(EOPNOTSUPP);
        }
        match s.state {
            State::Connected => return Err(EISCONN),
            State::Open | State::Bound => {}
            State::Connect | State::Connect2 | State::Config => return Err(EALREADY),
            _ => return Err(EBADFD),
        }
        s.dst = addr.addr();
        s.dst_type = dst_type;
        s.psm = addr.psm();
        s.dcid = addr.cid();
        Ok(())
    }

    fn start_connecting(sock: &Sk<'_>, addr: &L2capAddr) -> Result {
        let channel = channel(sock);
        let mut s = channel.settings();
        if s.spent {
            return Err(EINVAL);
        }
        match Self::connect_settings(&mut s, addr) {
            // Another thread waits for the same; so does this one.
            Err(EALREADY) => return Ok(()),
            other => other?,
        }
        let dev = l2cap::route::find(s.dst, s.src, s.src_type).ok_or(EHOSTUNREACH)?;
        l2cap::connect(&dev, channel, as_user(sock), &s)
    }

    /// Ends the channel, having waited for what was sent to arrive.
    fn close_down(sock: &Sk<'_>, how: u8) -> Result {
        let channel = channel(sock);
        let mut lock = sock.lock();
        if lock.shutdown_mask() & how == how {
            return lock.take_err();
        }
        let mut result = Ok(());
        let s = channel.settings();
        if s.mode == Mode::Ertm && s.state == State::Connected && channel.unacked() > 0 {
            let timeout = Timeout::from_jiffies(msecs_to_jiffies(WAIT_ACK_MS));
            result = lock.wait(timeout, ENOLINK, |sk| {
                let done = channel.unacked() == 0 || sk.state() != State::Connected;
                done.then_some(())
            });
            // The peer may have been faster.
            if lock.shutdown_mask() & how == how {
                return result.and(lock.take_err());
            }
        }
        if how & shutdown::RECEIVE != 0 {
            lock.add_shutdown(shutdown::RECEIVE);
            if lock.shutdown_mask() & how == how {
                return result.and(lock.take_err());
            }
        }
        lock.add_shutdown(shutdown::SEND);
        lock.unlocked(|| l2cap::close(channel));
        let linger = lock.linger();
        if !linger.is_zero() {
            result = lock.wait_state(State::Closed, linger);
        }
        result.and(lock.take_err())
    }
}

#[vtable]
impl Protocol for L2capSocket {
    const NAME: &'static CStr = c"L2CAP";
    const PROTOCOL: i32 = 0;
    const GETTSTAMP: bool = true;
    const LOCK_NAMES: (&'static CStr, &'static CStr) = (
        c"slock-AF_BLUETOOTH-BTPROTO_L2CAP",
        c"sk_lock-AF_BLUETOOTH-BTPROTO_L2CAP",
    );

    type Private = Private;
    type Locked = ();

    fn create(args: &CreateArgs<'_, Self>) -> Result<(impl PinInit<Private, Error>, ())> {
        let socket_type = args.socket_type();
        let settings = match args.parent() {
            Some(parent) => channel(parent).settings().for_child(),
            None => {
                if !matches!(
                    socket_type,
                    sock_type::SEQPACKET | sock_type::STREAM | sock_type::DGRAM | sock_type::RAW
                ) {
                    return Err(ESOCKTNOSUPPORT);
                }
                if socket_type == sock_type::RAW
                    && !args.is_kernel()
                    && !capable(Capability::NetRaw)
                {
                    return Err(EPERM);
                }
                settings(socket_type)
            }
        };
        let channel = Channel::new(settings)?;
        Ok((try_pin_init!(Private { channel }), ()))
    }

    fn created(sock: &Sk<'_>) {
        sock.set_snd_timeout(default_timeout());
    }

    fn bind(sock: &Sk<'_>, addr: &SockAddr<'_>) -> Result {
        Self::bind_locked(sock, &L2capAddr::read(addr)?)
    }

    fn connect(sock: &Sk<'_>, addr: &SockAddr<'_>, nonblock: bool) -> Result {
        if channel(sock).settings().spent {
            return Err(EINVAL);
        }
        Self::start_connecting(sock, &L2capAddr::read(addr)?)?;
        let mut lock = sock.lock();
        let timeout = lock.snd_timeout(nonblock);
        connection::wait_connected(&mut lock, timeout)
    }

    fn listen(sock: &Sk<'_>, backlog: i32) -> Result {
        let _lock = sock.lock();
        if sock.state() != State::Bound {
            return Err(EBADFD);
        }
        if !matches!(sock.socket_type(), sock_type::SEQPACKET | sock_type::STREAM) {
            return Err(EINVAL);
        }
        if !l2cap::mode_enabled(channel(sock).settings().mode) {
            return Err(EOPNOTSUPP);
        }
        sock.set_backlog(backlog);
        channel(sock).update(|s| s.state = State::Listen);
        sock.set_state(State::Listen);
        Ok(())
    }

    fn accept(sock: &Sk<'_>, nonblock: bool) -> Result<SockRef<Self>> {
        connection::accept(sock, nonblock, || channel(sock).settings().deferred)
    }

    fn getname(sock: &Sk<'_>, peer: bool) -> Result<SockName> {
        if peer
            && !matches!(
                sock.state(),
                State::Connected | State::Connect | State::Connect2 | State::Config
            )
        {
            return Err(ENOTCONN);
        }
        let s = channel(sock).settings();
        Ok(SockName::new(&if peer {
            L2capAddr::new(AF_BLUETOOTH, s.psm, s.dst, s.dcid, s.dst_type)
        } else {
            L2capAddr::new(AF_BLUETOOTH, s.psm, s.src, s.scid, s.src_type)
        }))
    }

    fn sendmsg(sock: &Sk<'_>, msg: &mut SendMsg<'_>) -> Result<usize> {
        io::send(sock, msg)
    }

    fn recvmsg(sock: &Sk<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
        io::receive(sock, msg)
    }

    fn poll(sock: &Sk<'_>) -> PollMask {
        let channel = channel(sock);
        connection::poll(sock, channel.settings().deferred, !channel.is_suspended())
    }

    fn ioctl(sock: &Sk<'_>, cmd: u32, arg: IoctlArg) -> Result<i32> {
        connection::ioctl(sock, cmd, arg, Completions::Always)
    }

    fn setsockopt(sock: &Sk<'_>, level: i32, name: i32, value: OptValue<'_>) -> Result {
        match level {
            SOL_L2CAP => legacy::set(sock, name, value),
            SOL_BLUETOOTH => option::set(sock, name, value),
            _ => Err(ENOPROTOOPT),
        }
    }

    fn getsockopt(sock: &Sk<'_>, level: i32, name: i32, out: &mut OptOut<'_>) -> Result {
        match level {
            SOL_L2CAP => legacy::get(sock, name, out),
            SOL_BLUETOOTH => option::get(sock, name, out),
            _ => Err(ENOPROTOOPT),
        }
    }

    fn shutdown(sock: &Sk<'_>, how: i32) -> Result {
        // SHUT_RD, SHUT_WR and SHUT_RDWR are one less than the masks.
        let mask =
            u8::try_from(how).map_or(shutdown::BOTH, |how| how.saturating_add(1) & shutdown::BOTH);
        Self::close_down(sock, mask)
    }

    fn release(sock: &Sk<'_>) {
        bound::unbind(channel(sock));
        // Nobody will accept them any more.
        sock.accept_drain(|child| l2cap::close(channel(&child)));
        let _ = Self::close_down(sock, shutdown::BOTH);
        // Also if it was shut down before.
        l2cap::close(channel(sock));
    }

    fn quiesce(_sock: &Sk<'_>) {
        connection::quiesce();
    }
}
