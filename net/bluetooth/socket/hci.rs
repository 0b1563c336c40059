// SPDX-License-Identifier: GPL-2.0

//! `BTPROTO_HCI`: the system calls that all channels share.

use super::{
    control,
    filter::{
        Filter,
        UserFilter, //
    },
    ioctl, logging, monitor, raw,
    shared::{
        Binding,
        Channel,
        Queued,
        Shared, //
    },
    user,
};
use crate::{
    hci::Device,
    mgmt, //
};
use core::sync::atomic::Ordering;
use kernel::{
    prelude::*,
    sync::aref::ARef, //
};
use kernel_ext::{
    hci::{
        DevFlag,
        Flag,
        Frame,
        FrameMeta, //
    },
    net::{
        capable,
        msg_flags,
        sock_type,
        Capability,
        CreateArgs,
        IoctlArg,
        LockedSock,
        OptOut,
        OptValue,
        Protocol,
        ProtocolSlot,
        RecvMsg,
        SendMsg,
        SockAddr,
        SockName,
        Socket,
        State, //
    },
};
use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes,
    KnownLayout, //
};

/// Number of the address family.
pub(super) const AF_BLUETOOTH: u16 = 31;

/// Largest message, in bytes, unless the user sets another (`HCI_MAX_FRAME_SIZE`).
const DEFAULT_MTU: u16 = 1028;
/// Smallest message, in bytes: a type and a command's header.
const MIN_MESSAGE: usize = 4;

/// Levels of socket options.
const SOL_HCI: i32 = 0;
const SOL_BLUETOOTH: i32 = 274;

/// Options at level `SOL_HCI`; the first and the last name the ancillary data they ask for, too.
const HCI_DATA_DIR: i32 = 1;
const HCI_FILTER: i32 = 2;
const HCI_TIME_STAMP: i32 = 3;

/// Options at level `SOL_BLUETOOTH`. Both are the same here.
const BT_SNDMTU: i32 = 12;
const BT_RCVMTU: i32 = 13;

/// Ancillary data: which way the packet went, when it did.
const HCI_CMSG_DIR: u8 = 1;
const HCI_CMSG_TSTAMP: u8 = 2;

/// An address of the family (`struct sockaddr_hci`).
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct HciAddr {
    family: u16,
    device: u16,
    channel: u16,
}

/// Sockets of `BTPROTO_HCI`.
pub(super) static HCI: ProtocolSlot<HciSocket> = ProtocolSlot::new();

/// See [`HCI`].
pub(super) struct HciSocket;

type Lock<'a> = LockedSock<'a, HciSocket>;

/// The last step of binding: from here on the socket is told what it bound to.
pub(super) fn bound(sock: &Socket<'_, HciSocket>) {
    let shared = sock.private();
    if shared.mtu() == 0 {
        shared.set_mtu(DEFAULT_MTU);
    }
    sock.set_state(State::Bound);
}

/// The controller that the socket is bound to.
///
/// # Errors
///
/// `EBADFD` if there is none, `EPIPE` if it is gone.
pub(super) fn device(lock: &Lock<'_>) -> Result<ARef<Device>> {
    let dev = lock.data().device().ok_or(EBADFD)?;
    if dev.has(Flag::UNREGISTER) {
        return Err(EPIPE);
    }
    Ok(dev.clone())
}

/// Detaches a socket from a controller that is gone, so that it can be bound to another.
fn detach_dead(sock: &Socket<'_, HciSocket>, lock: &mut Lock<'_>) -> Option<ARef<Device>> {
    let dead = lock
        .data()
        .device()
        .is_some_and(|dev| dev.has(Flag::UNREGISTER));
    if !dead {
        return None;
    }
    sock.set_state(State::Open);
    lock.data_mut().detach(sock.private())
}

fn bind_locked(
    sock: &Socket<'_, HciSocket>,
    lock: &mut Lock<'_>,
    addr: &HciAddr,
    dead: &mut Option<ARef<Device>>,
) -> Result {
    *dead = detach_dead(sock, lock);
    if lock.state() == State::Bound {
        return Err(EALREADY);
    }
    match Channel::from_raw(addr.channel).ok_or(EINVAL)? {
        Channel::Raw => raw::bind(sock, lock, addr.device),
        Channel::User => user::bind(sock, lock, addr.device),
        Channel::Monitor => monitor::bind(sock, lock, addr.device),
        Channel::Control => control::bind(sock, addr.device),
        Channel::Logging => logging::bind(sock, addr.device),
    }
}

fn set_cmsg(shared: &Shared, bit: u8, on: bool) {
    if on {
        shared.cmsg.fetch_or(bit, Ordering::Relaxed);
    } else {
        shared.cmsg.fetch_and(!bit, Ordering::Relaxed);
    }
}

#[vtable]
impl Protocol for HciSocket {
    const NAME: &'static CStr = c"HCI";
    const PROTOCOL: i32 = 1;
    const LOCK_NAMES: (&'static CStr, &'static CStr) = (
        c"slock-AF_BLUETOOTH-BTPROTO_HCI",
        c"sk_lock-AF_BLUETOOTH-BTPROTO_HCI",
    );

    type Private = Shared;
    type Locked = Binding;

    fn create(args: &CreateArgs<'_, Self>) -> Result<(impl PinInit<Shared, Error>, Binding)> {
        if args.socket_type() != sock_type::RAW {
            return Err(ESOCKTNOSUPPORT);
        }
        Ok((Shared::new(), Binding::default()))
    }

    fn bind(sock: &Socket<'_, Self>, addr: &SockAddr<'_>) -> Result {
        let addr: HciAddr = addr.read_padded();
        if addr.family != AF_BLUETOOTH {
            return Err(EINVAL);
        }
        // Perhaps the last reference: not to be dropped under the lock.
        let mut dead = None;
        bind_locked(sock, &mut sock.lock(), &addr, &mut dead)
    }

    fn getname(sock: &Socket<'_, Self>, peer: bool) -> Result<SockName> {
        if peer {
            return Err(EOPNOTSUPP);
        }
        let dev = device(&sock.lock())?;
        Ok(SockName::new(&HciAddr {
            family: AF_BLUETOOTH,
            device: dev.id(),
            channel: sock.private().channel() as u16,
        }))
    }

    fn sendmsg(sock: &Socket<'_, Self>, msg: &mut SendMsg<'_>) -> Result<usize> {
        let shared = sock.private();
        let flags = msg.flags();
        if flags & msg_flags::OOB != 0 {
            return Err(EOPNOTSUPP);
        }
        let known = msg_flags::DONTWAIT
            | msg_flags::NOSIGNAL
            | msg_flags::ERRQUEUE
            | msg_flags::CMSG_COMPAT;
        if flags & !known != 0 {
            return Err(EINVAL);
        }
        let len = msg.len();
        if len < MIN_MESSAGE || len > usize::from(shared.mtu()) {
            return Err(EINVAL);
        }
        let mut skb = sock.send_skb(msg, 0, 0)?;

        let lock = sock.lock();
        let channel = shared.channel();
        match channel {
            Channel::Raw | Channel::User => {}
            Channel::Monitor => return Err(EOPNOTSUPP),
            Channel::Logging => return logging::send(sock, skb).map(|()| len),
            Channel::Control => {
                // mgmt answers through the socket's queue, which needs no lock.
                drop(lock);
                return control::send(sock, &skb);
            }
        }
        let dev = device(&lock)?;
        drop(lock);
        if !dev.is(DevFlag::UP) {
            return Err(ENETDOWN);
        }
        let packet_type = skb.pull_obj().ok_or(EINVAL)?;
        skb.set_meta(FrameMeta {
            packet_type,
            ..FrameMeta::default()
        });
        if channel == Channel::User {
            user::send(&dev, skb)?;
        } else {
            raw::send(&dev, skb)?;
        }
        Ok(len)
    }

    fn recvmsg(sock: &Socket<'_, Self>, msg: &mut RecvMsg<'_>) -> Result<usize> {
        let shared = sock.private();
        let channel = shared.channel();
        let flags = msg.flags();
        if flags & msg_flags::OOB != 0 || channel == Channel::Logging {
            return Err(EOPNOTSUPP);
        }
        if sock.state() == State::Closed {
            return Ok(0);
        }
        let datagram = sock.recv_datagram(flags)?;
        let len = datagram.len();
        let copied = len.min(msg.len());
        if copied < len {
            msg.set_flag(msg_flags::TRUNC);
        }
        datagram.copy_to(msg, copied)?;

        let queued = *datagram.cb::<Queued>();
        if channel == Channel::Raw {
            let wanted = shared.cmsg.load(Ordering::Relaxed);
            if wanted & HCI_CMSG_DIR != 0 {
                msg.put_cmsg(SOL_HCI, HCI_CMSG_DIR.into(), &queued.incoming);
            }
            if wanted & HCI_CMSG_TSTAMP != 0 {
                msg.put_timeval(SOL_HCI, HCI_CMSG_TSTAMP.into(), &datagram);
            }
        } else {
            msg.timestamp(sock, &datagram);
        }
        msg.creds(sock, queued.creds);
        // Who asks for it is told how long the packet really is.
        Ok(if flags & msg_flags::TRUNC != 0 {
            len
        } else {
            copied
        })
    }

    fn ioctl(sock: &Socket<'_, Self>, cmd: u32, arg: IoctlArg) -> Result<i32> {
        ioctl::ioctl(sock, cmd, arg).map(|()| 0)
    }

    fn setsockopt(sock: &Socket<'_, Self>, level: i32, name: i32, value: OptValue<'_>) -> Result {
        match level {
            SOL_HCI => set_hci_option(sock, name, value),
            SOL_BLUETOOTH => set_mtu(sock, name, value),
            _ => Err(ENOPROTOOPT),
        }
    }

    fn getsockopt(sock: &Socket<'_, Self>, level: i32, name: i32, out: &mut OptOut<'_>) -> Result {
        match level {
            SOL_HCI => get_hci_option(sock, name, out),
            SOL_BLUETOOTH if matches!(name, BT_SNDMTU | BT_RCVMTU) => {
                out.write(&sock.private().mtu())
            }
            _ => Err(ENOPROTOOPT),
        }
    }

    fn release(sock: &Socket<'_, Self>) {
        let shared = sock.private();
        let mut lock = sock.lock();
        let channel = shared.channel();
        monitor::socket_closed(sock);
        shared.forget();
        sock.unlink();
        let device = lock.data_mut().detach(shared);
        drop(lock);

        match (channel, device) {
            (Channel::User, Some(dev)) => user::release(&dev),
            (Channel::Control, _) => mgmt::closed(shared.id()),
            _ => {}
        }
    }
}

fn set_hci_option(sock: &Socket<'_, HciSocket>, name: i32, value: OptValue<'_>) -> Result {
    let _lock = sock.lock();
    let shared = sock.private();
    if shared.channel() != Channel::Raw {
        return Err(EBADFD);
    }
    match name {
        HCI_DATA_DIR => set_cmsg(shared, HCI_CMSG_DIR, value.read::<i32>()? != 0),
        HCI_TIME_STAMP => set_cmsg(shared, HCI_CMSG_TSTAMP, value.read::<i32>()? != 0),
        HCI_FILTER => {
            let filter = Filter::from_user(&value.read::<UserFilter>()?);
            shared.set_filter(if capable(Capability::NetRaw) {
                filter
            } else {
                filter.unprivileged()
            });
        }
        _ => return Err(ENOPROTOOPT),
    }
    Ok(())
}

fn get_hci_option(sock: &Socket<'_, HciSocket>, name: i32, out: &mut OptOut<'_>) -> Result {
    let _lock = sock.lock();
    let shared = sock.private();
    if shared.channel() != Channel::Raw {
        return Err(EBADFD);
    }
    let cmsg = |bit| i32::from(shared.cmsg.load(Ordering::Relaxed) & bit != 0);
    match name {
        HCI_DATA_DIR => out.write(&cmsg(HCI_CMSG_DIR)),
        HCI_TIME_STAMP => out.write(&cmsg(HCI_CMSG_TSTAMP)),
        HCI_FILTER => {
            let filter = shared.filter().to_user();
            out.write_truncated(zerocopy::IntoBytes::as_bytes(&filter))
                .map(|_| ())
        }
        _ => Err(ENOPROTOOPT),
    }
}

fn set_mtu(sock: &Socket<'_, HciSocket>, name: i32, value: OptValue<'_>) -> Result {
    let _lock = sock.lock();
    let shared = sock.private();
    // On the other channels messages are HCI packets, whose size is not the user's choice.
    if !matches!(name, BT_SNDMTU | BT_RCVMTU)
        || matches!(shared.channel(), Channel::Raw | Channel::User)
    {
        return Err(ENOPROTOOPT);
    }
    shared.set_mtu(value.read::<u16>()?);
    Ok(())
}
