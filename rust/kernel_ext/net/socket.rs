// SPDX-License-Identifier: GPL-2.0

//! The file's end of a socket.

use super::{
    msg_flags,
    shutdown, //
};
use super::{
    Datagram,
    LockedSock,
    Protocol,
    RecvMsg,
    SendMsg,
    Sock,
    SockRef, //
};
use crate::{
    bindings,
    skbuff::SkBuff, //
};
use core::{
    ops::Deref,
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    prelude::*,
    types::NotThreadSafe, //
};

/// State of the file's end (`SS_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum SocketState {
    /// Not connected.
    Unconnected = 1,
    /// Being connected.
    Connecting = 2,
    /// Connected.
    Connected = 3,
    /// Being disconnected.
    Disconnecting = 4,
}

/// The file's end of a socket (`struct socket`) during a system call; derefs to the protocol's.
///
/// What waits is a method of this type: only a socket with a file has a wait queue.
///
/// # Invariants
///
/// `raw` is a valid socket for `'a`, with a wait queue, and `sk` is its other end.
pub struct Socket<'a, P: Protocol> {
    raw: NonNull<bindings::socket>,
    sk: &'a Sock<P>,
    _not_send: NotThreadSafe,
}

impl<'a, P: Protocol> Socket<'a, P> {
    /// Wraps what the socket layer passes to an operation.
    ///
    /// # Safety
    ///
    /// `raw` must be valid for `'a`, and `sk` its other end.
    pub(super) unsafe fn from_raw(raw: NonNull<bindings::socket>, sk: &'a Sock<P>) -> Self {
        // INVARIANT: As required of the caller.
        Self {
            raw,
            sk,
            _not_send: NotThreadSafe,
        }
    }

    /// Returns the protocol's end.
    pub fn sk(&self) -> &'a Sock<P> {
        self.sk
    }

    /// Returns a reference to the protocol's end.
    pub fn to_ref(&self) -> SockRef<P> {
        self.sk.into()
    }

    pub(super) fn as_raw_socket(&self) -> *mut bindings::socket {
        self.raw.as_ptr()
    }

    /// Whether the kernel itself has the socket, and no process by a file.
    pub fn is_kernels(&self) -> bool {
        // SAFETY: The socket is valid.
        unsafe { (*self.raw.as_ptr()).file.is_null() }
    }

    /// Sets the state of the file's end.
    pub fn set_socket_state(&self, state: SocketState) {
        // SAFETY: The socket is valid.
        unsafe { bindings::kext_socket_set_state(self.raw.as_ptr(), state as i32) }
    }

    /// Takes the socket lock; may sleep. With this one, [`LockedSock::wait`] is possible.
    pub fn lock(&self) -> LockedSock<'_, P> {
        LockedSock::attached(self)
    }

    /// Allocates a buffer that counts as being sent by this socket, with
    /// [`SkBuff::BT_RESERVE`] and `headroom` bytes before the data and room for `size` bytes.
    ///
    /// Waits for room in the send buffer unless `nonblock`; call it without the socket lock.
    ///
    /// # Errors
    ///
    /// `EAGAIN`, `EINTR` or `ERESTARTSYS` if there is no room (in time), `EPIPE` or `ECONNRESET`
    /// if the socket is shut down, the socket's pending error, `EMSGSIZE`, `ENOBUFS`.
    pub fn alloc_send_skb(&self, headroom: usize, size: usize, nonblock: bool) -> Result<SkBuff> {
        self.sk.alloc_send_skb_with(headroom, size, |total| {
            let mut error = 0;
            // SAFETY: The socket is valid and has its wait queue by the type invariant.
            let skb = unsafe {
                bindings::kext_sk_alloc_send_skb(self.as_raw(), total, nonblock, &mut error)
            };
            NonNull::new(skb).ok_or_else(|| to_result(error).err().unwrap_or(ENOBUFS))
        })
    }

    /// Copies the whole message into a buffer that counts as being sent by this socket, with
    /// [`SkBuff::BT_RESERVE`] and `headroom` bytes before the data and `tailroom` behind it.
    ///
    /// Check the message's length against the MTU before. Call it without the socket lock.
    ///
    /// # Errors
    ///
    /// As [`alloc_send_skb`](Self::alloc_send_skb), and `EFAULT`.
    pub fn send_skb(
        &self,
        msg: &mut SendMsg<'_>,
        headroom: usize,
        tailroom: usize,
    ) -> Result<SkBuff> {
        self.send_skb_part(msg, msg.len(), headroom, tailroom)
    }

    /// As [`send_skb`](Self::send_skb), for the next `len` bytes of the message.
    ///
    /// # Errors
    ///
    /// As [`send_skb`](Self::send_skb).
    pub fn send_skb_part(
        &self,
        msg: &mut SendMsg<'_>,
        len: usize,
        headroom: usize,
        tailroom: usize,
    ) -> Result<SkBuff> {
        let size = len.checked_add(tailroom).ok_or(EMSGSIZE)?;
        let nonblock = msg.flags() & msg_flags::DONTWAIT != 0;
        let mut skb = self.alloc_send_skb(headroom, size, nonblock)?;
        msg.append_to(&mut skb, len)?;
        skb.set_priority(self.sk.priority());
        Ok(skb)
    }

    /// Takes the next message from the receive queue, or with `MSG_PEEK` looks at it.
    ///
    /// Waits for one unless `flags` has `MSG_DONTWAIT`; call it without the socket lock.
    ///
    /// # Errors
    ///
    /// `EAGAIN`, `EINTR` or `ERESTARTSYS` if there is none (in time), the socket's pending error,
    /// `ENOTCONN`.
    pub fn recv_datagram(&self, flags: i32) -> Result<Datagram<'_>> {
        let mut error = 0;
        // CAST: A set of flags.
        // SAFETY: The socket is valid and has its wait queue by the type invariant.
        let skb =
            unsafe { bindings::kext_sk_recv_datagram(self.as_raw(), flags as u32, &mut error) };
        match NonNull::new(skb) {
            // SAFETY: We own a reference to what was returned.
            Some(skb) => Ok(unsafe { Datagram::from_raw(skb) }),
            None => {
                to_result(error)?;
                Err(EAGAIN)
            }
        }
    }

    /// Receives a message: takes it from the receive queue and copies it to the caller. `cmsgs`
    /// adds control messages.
    ///
    /// Returns the message's length: what was copied or, with `MSG_TRUNC`, all of it; 0 if the
    /// socket is shut down for receiving.
    ///
    /// # Errors
    ///
    /// As [`recv_datagram`](Self::recv_datagram), `EOPNOTSUPP` for `MSG_OOB`, `EFAULT`.
    pub fn recv_msg(
        &self,
        msg: &mut RecvMsg<'_>,
        cmsgs: impl FnOnce(&Datagram<'_>, &mut RecvMsg<'_>),
    ) -> Result<usize> {
        let flags = msg.flags();
        if flags & msg_flags::OOB != 0 {
            return Err(EOPNOTSUPP);
        }
        let datagram = match self.recv_datagram(flags) {
            Ok(datagram) => datagram,
            Err(_) if self.sk.shutdown_mask() & shutdown::RECEIVE != 0 => return Ok(0),
            Err(error) => return Err(error),
        };
        let len = datagram.len();
        let copied = len.min(msg.len());
        if copied < len {
            msg.set_flag(msg_flags::TRUNC);
        }
        datagram.copy_to(msg, copied)?;
        cmsgs(&datagram, msg);
        Ok(if flags & msg_flags::TRUNC != 0 {
            len
        } else {
            copied
        })
    }
}

impl<P: Protocol> Deref for Socket<'_, P> {
    type Target = Sock<P>;

    fn deref(&self) -> &Sock<P> {
        self.sk
    }
}
