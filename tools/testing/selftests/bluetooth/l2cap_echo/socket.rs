// SPDX-License-Identifier: GPL-2.0

//! Sockets of the kernel's own.

use crate::thread::Bell;
use core::ptr::NonNull;
use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    sync::Arc, //
};

const AF_BLUETOOTH: u16 = 31;
const BTPROTO_L2CAP: c_int = 0;
const SOCK_SEQPACKET: c_int = 5;
const MSG_DONTWAIT: c_uint = 0x40;
const O_NONBLOCK: c_int = 0o4000;

extern "C" {
    /// callbacks.c: lets the callbacks of a `struct socket` ring the bell.
    fn l2cap_echo_hook(sock: *mut c_void, bell: *mut c_void);
}

/// A callback of a socket.
///
/// # Safety
///
/// `bell` must be what [`Socket::hook`] passed, of a socket that is still there.
#[no_mangle]
unsafe extern "C" fn l2cap_echo_ring(bell: *mut c_void) {
    // SAFETY: The socket has a reference to the bell, and there are no more calls once it was
    // released.
    unsafe { &*bell.cast::<Bell>() }.ring();
}

/// `struct sockaddr_l2`.
pub(crate) struct Address([u8; 14]);

impl Address {
    pub(crate) fn new(addr: u64, kind: u8, psm: u16) -> Self {
        let [f0, f1] = AF_BLUETOOTH.to_ne_bytes();
        let [p0, p1] = psm.to_le_bytes();
        let [a0, a1, a2, a3, a4, a5, ..] = addr.to_le_bytes();
        Self([f0, f1, p0, p1, a0, a1, a2, a3, a4, a5, 0, 0, kind, 0])
    }

    fn raw(&self) -> (*mut bindings::sockaddr_unsized, c_int) {
        // The socket layer copies addresses, or only reads them.
        (self.0.as_ptr().cast_mut().cast(), self.0.len() as c_int)
    }
}

/// A socket.
///
/// # Invariants
///
/// `raw` is a valid socket that nobody else has.
pub(crate) struct Socket {
    raw: NonNull<bindings::socket>,
    bell: Arc<Bell>,
}

// SAFETY: A socket belongs to no task.
unsafe impl Send for Socket {}

impl Socket {
    pub(crate) fn new(bell: Arc<Bell>) -> Result<Self> {
        let mut raw = core::ptr::null_mut();
        // SAFETY: `raw` is there to be written to.
        to_result(unsafe {
            bindings::sock_create_kern(
                &raw mut bindings::init_net,
                c_int::from(AF_BLUETOOTH),
                SOCK_SEQPACKET,
                BTPROTO_L2CAP,
                &mut raw,
            )
        })?;
        Ok(Self {
            raw: NonNull::new(raw).ok_or(ENOMEM)?,
            bell,
        })
    }

    /// From now on the socket rings the bell, instead of waking who waits in a call.
    pub(crate) fn hook(&mut self) {
        let bell = core::ptr::from_ref::<Bell>(&self.bell).cast_mut();
        // SAFETY: The socket is valid, and the bell is there for as long as it.
        unsafe { l2cap_echo_hook(self.raw.as_ptr().cast(), bell.cast()) };
    }

    pub(crate) fn bind(&self, addr: &Address) -> Result {
        let (addr, len) = addr.raw();
        // SAFETY: The socket and the address are valid.
        to_result(unsafe { bindings::kernel_bind(self.raw.as_ptr(), addr, len) })
    }

    pub(crate) fn listen(&self, backlog: c_int) -> Result {
        // SAFETY: The socket is valid.
        to_result(unsafe { bindings::kernel_listen(self.raw.as_ptr(), backlog) })
    }

    /// Connects, and waits for that.
    pub(crate) fn connect(&self, addr: &Address) -> Result {
        let (addr, len) = addr.raw();
        // SAFETY: The socket and the address are valid.
        to_result(unsafe { bindings::kernel_connect(self.raw.as_ptr(), addr, len, 0) })
    }

    /// A connection that waits; its socket rings the same bell.
    pub(crate) fn accept(&self) -> Result<Self> {
        let mut raw = core::ptr::null_mut();
        // SAFETY: The socket is valid, and `raw` is there to be written to.
        to_result(unsafe { bindings::kernel_accept(self.raw.as_ptr(), &mut raw, O_NONBLOCK) })?;
        let mut socket = Self {
            raw: NonNull::new(raw).ok_or(ENOMEM)?,
            bell: self.bell.clone(),
        };
        socket.hook();
        Ok(socket)
    }

    /// Receives a message; its length.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> Result<usize> {
        let (mut msg, mut vec) = message(buffer);
        // SAFETY: All that is passed is valid; `vec` is of that length.
        received(unsafe {
            bindings::kernel_recvmsg(
                self.raw.as_ptr(),
                &mut msg,
                &mut vec,
                1,
                buffer.len(),
                MSG_DONTWAIT as c_int,
            )
        })
    }

    /// Sends a message.
    pub(crate) fn send(&self, data: &mut [u8]) -> Result<usize> {
        let (mut msg, mut vec) = message(data);
        // SAFETY: All that is passed is valid; `vec` is of that length.
        received(unsafe {
            bindings::kernel_sendmsg(self.raw.as_ptr(), &mut msg, &mut vec, 1, data.len())
        })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // SAFETY: The socket is ours, and lost here.
        unsafe { bindings::sock_release(self.raw.as_ptr()) };
    }
}

fn message(bytes: &mut [u8]) -> (bindings::msghdr, bindings::kvec) {
    let msg = bindings::msghdr {
        msg_flags: MSG_DONTWAIT,
        ..Default::default()
    };
    let vec = bindings::kvec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: bytes.len(),
    };
    (msg, vec)
}

fn received(ret: c_int) -> Result<usize> {
    to_result(ret)?;
    Ok(ret as usize)
}
