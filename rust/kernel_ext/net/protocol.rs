// SPDX-License-Identifier: GPL-2.0

//! What a protocol implements, and the C operations table made of it.

use super::{
    IoctlArg,
    OptOut,
    OptValue,
    PollMask,
    RecvMsg,
    SendMsg,
    Sock,
    SockAddr,
    SockName,
    SockRef,
    Socket, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    error::VTABLE_DEFAULT_ERROR,
    module::this_module,
    prelude::*, //
};

/// Socket types (`SOCK_*`).
pub mod sock_type {
    /// A stream of bytes.
    pub const STREAM: i32 = 1;
    /// Datagrams.
    pub const DGRAM: i32 = 2;
    /// Packets of the layer below.
    pub const RAW: i32 = 3;
    /// A sequence of packets.
    pub const SEQPACKET: i32 = 5;
}

/// What a new socket is created for.
pub struct CreateArgs<'a, P: Protocol> {
    pub(super) socket_type: i32,
    pub(super) kernel: bool,
    pub(super) parent: Option<&'a Sock<P>>,
}

impl<'a, P: Protocol> CreateArgs<'a, P> {
    /// Returns the type of the socket, see [`sock_type`].
    pub fn socket_type(&self) -> i32 {
        self.socket_type
    }

    /// Returns whether the kernel itself opens the socket.
    pub fn is_kernel(&self) -> bool {
        self.kernel
    }

    /// Returns the listening socket, for a child that is to be accepted from it.
    pub fn parent(&self) -> Option<&'a Sock<P>> {
        self.parent
    }
}

/// The sockets of one protocol.
///
/// What is not implemented answers as the C functions `sock_no_*` do: `EOPNOTSUPP`. The socket
/// lock is not held when a method is called; [`Socket::lock`] takes it.
#[vtable]
pub trait Protocol: Sized + Send + Sync + 'static {
    /// Name, as listed in `/proc/net/protocols`; at most 31 bytes.
    const NAME: &'static CStr;

    /// Protocol family.
    const FAMILY: i32 = bindings::AF_BLUETOOTH as i32;

    /// Number of the protocol within its family.
    const PROTOCOL: i32;

    /// Names of the lock classes of a socket's spin lock and of the socket lock.
    const LOCK_NAMES: (&'static CStr, &'static CStr) =
        (c"slock-AF_BLUETOOTH", c"sk_lock-AF_BLUETOOTH");

    /// Whether `SIOCGSTAMP` and its like are supported.
    const GETTSTAMP: bool = false;

    /// State of a socket that is accessible in any context, with locks of its own where needed.
    ///
    /// It is dropped with the last reference to the socket, which may be in atomic context: what
    /// sleeps when dropped must be taken out in [`release`](Self::release).
    type Private: Send + Sync;

    /// State of a socket that the socket lock protects; dropped as `Private` is.
    type Locked: Send;

    /// Returns the state of a new socket.
    ///
    /// # Errors
    ///
    /// Refuses the socket: `ESOCKTNOSUPPORT` if its type is unknown.
    fn create(
        args: &CreateArgs<'_, Self>,
    ) -> Result<(impl PinInit<Self::Private, Error>, Self::Locked)>;

    /// Called for a socket that a process has just created, when it is already in the protocol's
    /// [`SocketList`](super::SocketList).
    fn created(sock: &Socket<'_, Self>) {
        let _ = sock;
    }

    /// Gives the socket a local address.
    fn bind(sock: &Socket<'_, Self>, addr: &SockAddr<'_>) -> Result {
        let _ = (sock, addr);
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Connects the socket to a remote address.
    fn connect(sock: &Socket<'_, Self>, addr: &SockAddr<'_>, nonblock: bool) -> Result {
        let _ = (sock, addr, nonblock);
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Lets the socket accept connections.
    fn listen(sock: &Socket<'_, Self>, backlog: i32) -> Result {
        let _ = (sock, backlog);
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Returns the next connection's socket: one from
    /// [`ProtocolSlot::alloc_child`](super::ProtocolSlot::alloc_child) that was not returned
    /// before.
    fn accept(sock: &Socket<'_, Self>, nonblock: bool) -> Result<SockRef<Self>> {
        let _ = (sock, nonblock);
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Returns the local address, or the peer's.
    fn getname(sock: &Socket<'_, Self>, peer: bool) -> Result<SockName> {
        let _ = (sock, peer);
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Sends a message and returns how many bytes of it were sent.
    fn sendmsg(sock: &Socket<'_, Self>, msg: &mut SendMsg<'_>) -> Result<usize> {
        let _ = (sock, msg);
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Receives a message and returns its length in bytes.
    fn recvmsg(sock: &Socket<'_, Self>, msg: &mut RecvMsg<'_>) -> Result<usize> {
        let _ = (sock, msg);
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Returns which events are pending. If this is not implemented, C's `datagram_poll` does it.
    fn poll(sock: &Socket<'_, Self>) -> PollMask {
        let _ = sock;
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Performs a request of the protocol; also for 32-bit programs on a 64-bit kernel.
    ///
    /// # Errors
    ///
    /// `ENOIOCTLCMD` lets the socket layer try its own.
    fn ioctl(sock: &Socket<'_, Self>, cmd: u32, arg: IoctlArg) -> Result<i32> {
        let _ = (sock, cmd, arg);
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Sets an option.
    fn setsockopt(sock: &Socket<'_, Self>, level: i32, name: i32, value: OptValue<'_>) -> Result {
        let _ = (sock, level, name, value);
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Reads an option.
    fn getsockopt(sock: &Socket<'_, Self>, level: i32, name: i32, out: &mut OptOut<'_>) -> Result {
        let _ = (sock, level, name, out);
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Closes one direction or both: `how` is `SHUT_RD` (0), `SHUT_WR` (1) or `SHUT_RDWR` (2).
    fn shutdown(sock: &Socket<'_, Self>, how: i32) -> Result {
        let _ = (sock, how);
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Called when the last file that refers to the socket is closed; may sleep.
    ///
    /// Afterwards the socket leaves its list and loses its file. References to it stay valid.
    fn release(sock: &Socket<'_, Self>);

    /// Waits until nothing that has begun to call the socket's callbacks is still at it; may sleep.
    ///
    /// Called behind [`release`](Self::release) for a socket of the kernel's own, when it has no
    /// callbacks any more: the module that they are in may go as soon as `sock_release()` returns.
    fn quiesce(sock: &Socket<'_, Self>) {
        let _ = sock;
    }
}

/// Runs `f` on the protocol's end of `sock`.
///
/// # Safety
///
/// `sock` must be valid for the duration of the call, and its `sk`, unless null, a [`Sock<P>`]
/// that it owns a reference to.
unsafe fn with<P: Protocol, R>(
    sock: *mut bindings::socket,
    f: impl FnOnce(&Socket<'_, P>) -> Result<R>,
) -> Result<R> {
    // SAFETY: As required of the caller.
    let sk = unsafe { (*sock).sk };
    let raw = NonNull::new(sock).ok_or(EINVAL)?;
    let sk = NonNull::new(sk.cast::<Sock<P>>()).ok_or(EBADFD)?;
    // SAFETY: As required of the caller; `sock` keeps its reference while it exists.
    f(&unsafe { Socket::from_raw(raw, sk.as_ref()) })
}

/// Turns a result into what C returns.
fn status(result: Result) -> c_int {
    result.map_or_else(|error| error.to_errno(), |()| 0)
}

/// Turns a length into what C returns.
fn length(result: Result<usize>) -> c_int {
    result.map_or_else(
        |error| error.to_errno(),
        |len| c_int::try_from(len).unwrap_or(c_int::MAX),
    )
}

/// The C operations of protocol `P`.
pub(super) struct Operations<P>(PhantomData<P>);

// In all of these, the socket layer passes a valid `struct socket` whose operations are `TABLE`
// and whose `sk`, if there is one, was set by `SocketRequest::create` or `accept`: a `Sock<P>`.
impl<P: Protocol> Operations<P> {
    pub(super) const TABLE: &'static bindings::proto_ops = &bindings::proto_ops {
        family: P::FAMILY,
        owner: this_module::<P::OwnerModule>().as_ptr(),
        release: Some(Self::release),
        bind: if P::HAS_BIND {
            Some(Self::bind)
        } else {
            Some(bindings::sock_no_bind)
        },
        connect: if P::HAS_CONNECT {
            Some(Self::connect)
        } else {
            Some(bindings::sock_no_connect)
        },
        socketpair: Some(bindings::sock_no_socketpair),
        accept: if P::HAS_ACCEPT {
            Some(Self::accept)
        } else {
            Some(Self::no_accept)
        },
        getname: if P::HAS_GETNAME {
            Some(Self::getname)
        } else {
            Some(bindings::sock_no_getname)
        },
        poll: if P::HAS_POLL {
            Some(Self::poll)
        } else {
            Some(bindings::datagram_poll)
        },
        ioctl: if P::HAS_IOCTL {
            Some(Self::ioctl)
        } else {
            Some(bindings::sock_no_ioctl)
        },
        #[cfg(CONFIG_COMPAT)]
        compat_ioctl: if P::HAS_IOCTL {
            Some(Self::compat_ioctl)
        } else {
            None
        },
        gettstamp: if P::GETTSTAMP {
            Some(bindings::sock_gettstamp)
        } else {
            None
        },
        listen: if P::HAS_LISTEN {
            Some(Self::listen)
        } else {
            Some(bindings::sock_no_listen)
        },
        shutdown: if P::HAS_SHUTDOWN {
            Some(Self::shutdown)
        } else {
            Some(bindings::sock_no_shutdown)
        },
        setsockopt: if P::HAS_SETSOCKOPT {
            Some(Self::setsockopt)
        } else {
            None
        },
        getsockopt_iter: if P::HAS_GETSOCKOPT {
            Some(Self::getsockopt)
        } else {
            None
        },
        sendmsg: if P::HAS_SENDMSG {
            Some(Self::sendmsg)
        } else {
            Some(bindings::sock_no_sendmsg)
        },
        recvmsg: if P::HAS_RECVMSG {
            Some(Self::recvmsg)
        } else {
            Some(bindings::sock_no_recvmsg)
        },
        mmap: Some(bindings::sock_no_mmap),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// To be called by the socket layer, on a socket of protocol `P`.
    unsafe extern "C" fn release(sock: *mut bindings::socket) -> c_int {
        // SAFETY: The socket layer passes a valid socket of this protocol.
        let released = unsafe {
            with::<P, _>(sock, |sock| {
                P::release(sock);
                // From here on the socket is dead: it gets into no list and no queue any more.
                bindings::kext_sock_orphan(sock.as_raw());
                sock.unlink();
                sock.accept_drain(drop);
                sock.accept_unlink();
                if sock.is_kernels() {
                    P::quiesce(sock);
                }
                Ok(NonNull::from(sock.sk()))
            })
        };
        if let Ok(sk) = released {
            // SAFETY: `sock` owned this reference and loses it here. Nobody else looks at `sk`
            // of a socket that is being released.
            unsafe {
                (*sock).sk = core::ptr::null_mut();
                drop(SockRef::from_raw(sk));
            }
        }
        0
    }

    /// # Safety
    ///
    /// To be called by the socket layer, on a socket of protocol `P`.
    unsafe extern "C" fn bind(
        sock: *mut bindings::socket,
        addr: *mut bindings::sockaddr_unsized,
        len: c_int,
    ) -> c_int {
        // SAFETY: The socket layer passes a valid socket of this protocol, and an address that it
        // copied to memory of its own.
        status(unsafe {
            with::<P, _>(sock, |sock| {
                P::bind(sock, &SockAddr::from_raw(addr.cast(), len))
            })
        })
    }

    /// # Safety
    ///
    /// To be called by the socket layer, on a socket of protocol `P`.
    unsafe extern "C" fn connect(
        sock: *mut bindings::socket,
        addr: *mut bindings::sockaddr_unsized,
        len: c_int,
        flags: c_int,
    ) -> c_int {
        let nonblock = flags & bindings::O_NONBLOCK as c_int != 0;
        // SAFETY: As in `bind`.
        status(unsafe {
            with::<P, _>(sock, |sock| {
                P::connect(sock, &SockAddr::from_raw(addr.cast(), len), nonblock)
            })
        })
    }

    /// # Safety
    ///
    /// To be called by the socket layer, on a socket of protocol `P`.
    unsafe extern "C" fn listen(sock: *mut bindings::socket, backlog: c_int) -> c_int {
        // SAFETY: The socket layer passes a valid socket of this protocol.
        status(unsafe { with::<P, _>(sock, |sock| P::listen(sock, backlog)) })
    }

    /// # Safety
    ///
    /// To be called by the socket layer, on a socket of protocol `P`.
    unsafe extern "C" fn no_accept(
        _sock: *mut bindings::socket,
        _newsock: *mut bindings::socket,
        _arg: *mut kernel::bindings::proto_accept_arg,
    ) -> c_int {
        EOPNOTSUPP.to_errno()
    }

    /// # Safety
    ///
    /// To be called by the socket layer, on a socket of protocol `P`.
    unsafe extern "C" fn accept(
        sock: *mut bindings::socket,
        newsock: *mut bindings::socket,
        arg: *mut kernel::bindings::proto_accept_arg,
    ) -> c_int {
        // SAFETY: The socket layer passes valid arguments.
        let nonblock = unsafe { bindings::kext_accept_nonblock(arg.cast()) };
        // SAFETY: The socket layer passes a valid socket of this protocol.
        let child = match unsafe { with::<P, _>(sock, |sock| P::accept(sock, nonblock)) } {
            Ok(child) => child,
            Err(error) => return error.to_errno(),
        };
        // SAFETY: `newsock` is a valid socket with the same operations, and `child` a `Sock<P>`.
        // If it is grafted, our reference becomes the one that `newsock` owns.
        unsafe {
            if bindings::kext_sock_graft(child.as_raw(), newsock) {
                let _ = SockRef::into_raw(child);
                0
            } else {
                EINVAL.to_errno()
            }
        }
    }

    /// # Safety
    ///
    /// To be called by the socket layer, on a socket of protocol `P`.
    unsafe extern "C" fn getname(
        sock: *mut bindings::socket,
        addr: *mut bindings::sockaddr,
        peer: c_int,
    ) -> c_int {
        // SAFETY: The socket layer passes a valid socket of this protocol.
        match unsafe { with::<P, _>(sock, |sock| P::getname(sock, peer != 0)) } {
            // SAFETY: All callers provide a `struct sockaddr_storage`.
            Ok(name) => unsafe { name.copy_to(addr.cast()) },
            Err(error) => error.to_errno(),
        }
    }

    /// # Safety
    ///
    /// To be called by the socket layer, on a socket of protocol `P`.
    unsafe extern "C" fn poll(
        file: *mut bindings::file,
        sock: *mut bindings::socket,
        table: *mut bindings::poll_table_struct,
    ) -> bindings::__poll_t {
        // SAFETY: The VFS passes valid arguments; the wait queue is part of the socket.
        unsafe { bindings::kext_sock_poll_wait(file, sock, table) };
        // SAFETY: The socket layer passes a valid socket of this protocol.
        unsafe { with::<P, _>(sock, |sock| Ok(P::poll(sock))) }
            .unwrap_or(PollMask::ERR | PollMask::HUP)
            .as_raw()
    }

    /// # Safety
    ///
    /// To be called by the socket layer, on a socket of protocol `P`.
    unsafe extern "C" fn ioctl(sock: *mut bindings::socket, cmd: c_uint, arg: c_ulong) -> c_int {
        // SAFETY: The socket layer passes a valid socket of this protocol.
        unsafe { with::<P, _>(sock, |sock| P::ioctl(sock, cmd, IoctlArg::new(arg, false))) }
            .unwrap_or_else(Error::to_errno)
    }

    /// # Safety
    ///
    /// To be called by the socket layer, on a socket of protocol `P`.
    #[cfg(CONFIG_COMPAT)]
    unsafe extern "C" fn compat_ioctl(
        sock: *mut bindings::socket,
        cmd: c_uint,
        arg: c_ulong,
    ) -> c_int {
        // SAFETY: The socket layer passes a valid socket of this protocol.
        unsafe { with::<P, _>(sock, |sock| P::ioctl(sock, cmd, IoctlArg::new(arg, true))) }
            .unwrap_or_else(Error::to_errno)
    }

    /// # Safety
    ///
    /// To be called by the socket layer, on a socket of protocol `P`.
    unsafe extern "C" fn shutdown(sock: *mut bindings::socket, how: c_int) -> c_int {
        // SAFETY: The socket layer passes a valid socket of this protocol.
        status(unsafe { with::<P, _>(sock, |sock| P::shutdown(sock, how)) })
    }

    /// # Safety
    ///
    /// To be called by the socket layer, on a socket of protocol `P`.
    unsafe extern "C" fn setsockopt(
        sock: *mut bindings::socket,
        level: c_int,
        name: c_int,
        value: bindings::sockptr_t,
        len: c_uint,
    ) -> c_int {
        // SAFETY: The socket layer passes a valid socket of this protocol, and a user pointer or
        // `len` valid bytes.
        status(unsafe {
            with::<P, _>(sock, |sock| {
                P::setsockopt(sock, level, name, OptValue::from_raw(value, len))
            })
        })
    }

    /// # Safety
    ///
    /// To be called by the socket layer, on a socket of protocol `P`.
    unsafe extern "C" fn getsockopt(
        sock: *mut bindings::socket,
        level: c_int,
        name: c_int,
        opt: *mut bindings::sockopt_t,
    ) -> c_int {
        let Some(opt) = NonNull::new(opt) else {
            return EINVAL.to_errno();
        };
        // SAFETY: The socket layer passes a valid socket of this protocol, and a buffer that is
        // ours for the duration of the call.
        status(unsafe {
            with::<P, _>(sock, |sock| {
                P::getsockopt(sock, level, name, &mut OptOut::from_raw(opt))
            })
        })
    }

    /// # Safety
    ///
    /// To be called by the socket layer, on a socket of protocol `P`.
    unsafe extern "C" fn sendmsg(
        sock: *mut bindings::socket,
        msg: *mut bindings::msghdr,
        len: usize,
    ) -> c_int {
        let Some(msg) = NonNull::new(msg) else {
            return EINVAL.to_errno();
        };
        // SAFETY: The socket layer passes a valid socket of this protocol, and a message of that
        // length that is ours for the duration of the call.
        length(unsafe {
            with::<P, _>(sock, |sock| {
                P::sendmsg(sock, &mut SendMsg::from_raw(msg, len))
            })
        })
    }

    /// # Safety
    ///
    /// To be called by the socket layer, on a socket of protocol `P`.
    unsafe extern "C" fn recvmsg(
        sock: *mut bindings::socket,
        msg: *mut bindings::msghdr,
        len: usize,
        flags: c_int,
    ) -> c_int {
        let Some(msg) = NonNull::new(msg) else {
            return EINVAL.to_errno();
        };
        // SAFETY: As in `sendmsg`.
        length(unsafe {
            with::<P, _>(sock, |sock| {
                P::recvmsg(sock, &mut RecvMsg::from_raw(msg, len, flags))
            })
        })
    }
}
