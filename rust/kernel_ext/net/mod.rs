// SPDX-License-Identifier: GPL-2.0

//! Protocol families and sockets.
//!
//! C headers: [`include/net/sock.h`](srctree/include/net/sock.h),
//! [`include/linux/net.h`](srctree/include/linux/net.h)
//!
//! A socket has two ends. `struct socket` is the file's: user space closes it, then it is gone.
//! `struct sock` is the protocol's: counted, and it lives as long as anybody refers to it. Here
//! they are [`Socket`], which exists only while a system call runs on that file, and [`Sock`],
//! of which anyone may hold a [`SockRef`]. Being closed is a state of a `Sock`, not its end.
//!
//! A protocol implements [`Protocol`], keeps a `static` [`ProtocolSlot`] and registers it with
//! [`ProtocolRegistration`]; a [`Family`] decides which protocol a new socket belongs to:
//!
//! ```ignore
//! static HCI: ProtocolSlot<HciSocket> = ProtocolSlot::new();
//!
//! impl Family for Bluetooth {
//!     const FAMILY: i32 = 31;
//!     type Module = crate::LocalModule;
//!
//!     fn create(request: SocketRequest<'_>) -> Result {
//!         if !request.in_init_net() {
//!             return Err(EAFNOSUPPORT);
//!         }
//!         match request.protocol() {
//!             1 => request.create(&HCI),
//!             0..=8 => Err(EPROTONOSUPPORT),
//!             _ => Err(EINVAL),
//!         }
//!     }
//! }
//! ```
//!
//! # Locks
//!
//! From the outermost to the innermost: the socket lock of a listening socket, that of a child
//! ([`Sock::lock_nested`]), the lock of a [`SocketList`], the accept queue's, the receive queue's.

mod accept;
mod addr;
mod buffer;
mod cred;
mod family;
mod ioctl;
mod list;
mod msg;
mod option;
mod poll;
mod protocol;
mod slot;
mod sock;
mod socket;
mod stamp;
mod stream;

pub use addr::{
    SockAddr,
    SockName, //
};
pub use cred::{
    capable,
    current_comm,
    current_tgid,
    uts_release_machine,
    Capability,
    ScmCreds,
    COMM_LEN,
    UTS_LEN, //
};
pub use family::{
    request_module,
    Family,
    FamilyRegistration,
    SocketRequest, //
};
pub use ioctl::IoctlArg;
pub use list::{
    SocketList,
    SocketListGuard, //
};
pub use msg::{
    msg_flags,
    Datagram,
    RecvMsg,
    SendMsg, //
};
pub use option::{
    OptOut,
    OptValue, //
};
pub use poll::PollMask;
pub use protocol::{
    sock_type,
    CreateArgs,
    Protocol, //
};
pub use slot::{
    ProtocolRegistration,
    ProtocolSlot, //
};
pub use sock::{
    shutdown,
    LockedSock,
    Sock,
    SockId,
    SockRef,
    State,
    Timeout, //
};
pub use socket::{
    Socket,
    SocketState, //
};
pub use stamp::TxCookie;
