// SPDX-License-Identifier: GPL-2.0

//! Messages: what a caller sends, and where it wants to receive.

use super::{
    Protocol,
    ScmCreds,
    Sock,
    SockAddr,
    SockName,
    Socket, //
};
use crate::{
    bindings,
    skbuff::{
        SkBuff,
        CB_SIZE, //
    },
};
use core::{
    marker::PhantomData,
    mem::{
        align_of,
        size_of, //
    },
    ptr::NonNull,
    slice,
};
use kernel::{
    error::to_result,
    prelude::*, //
};
use zerocopy::{
    FromBytes,
    Immutable,
    IntoBytes,
    KnownLayout, //
};

/// Flags of a message (`MSG_*`).
pub mod msg_flags {
    /// Out of band.
    pub const OOB: i32 = 0x01;
    /// Look, but leave it in the queue.
    pub const PEEK: i32 = 0x02;
    /// Control messages did not fit.
    pub const CTRUNC: i32 = 0x08;
    /// The message did not fit; asks for its real length.
    pub const TRUNC: i32 = 0x20;
    /// Do not wait.
    pub const DONTWAIT: i32 = 0x40;
    /// End of a record.
    pub const EOR: i32 = 0x80;
    /// Wait for all that was asked for.
    pub const WAITALL: i32 = 0x100;
    /// Receive from the error queue.
    pub const ERRQUEUE: i32 = 0x2000;
    /// No `SIGPIPE`.
    pub const NOSIGNAL: i32 = 0x4000;
    /// The caller is a 32-bit program on a 64-bit kernel (`MSG_CMSG_COMPAT`).
    pub const CMSG_COMPAT: i32 = if cfg!(CONFIG_COMPAT) { i32::MIN } else { 0 };
}

/// A message that a caller sends.
///
/// Its bytes are in the caller's memory and may change at any time. Reading consumes them, so that
/// each is read once.
///
/// # Invariants
///
/// `msg` is valid, a source of at most `len` bytes, and accessed by nobody else for `'a`.
pub struct SendMsg<'a> {
    msg: NonNull<bindings::msghdr>,
    len: usize,
    _lifetime: PhantomData<&'a mut bindings::msghdr>,
}

impl SendMsg<'_> {
    /// Wraps what the socket layer passes to `sendmsg`.
    ///
    /// # Safety
    ///
    /// `msg` must be valid, a source of `len` bytes, and accessed by nobody else as long as the
    /// result exists.
    pub(super) unsafe fn from_raw(msg: NonNull<bindings::msghdr>, len: usize) -> Self {
        // INVARIANT: As required of the caller.
        Self {
            msg,
            len,
            _lifetime: PhantomData,
        }
    }

    pub(super) fn as_raw(&mut self) -> *mut bindings::msghdr {
        self.msg.as_ptr()
    }

    /// Returns the length of the message in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether the message has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns how many bytes were not read yet.
    pub fn remaining(&self) -> usize {
        // SAFETY: Valid by the type invariant.
        unsafe { bindings::kext_msg_count(self.msg.as_ptr()) }
    }

    /// Returns the flags, see [`msg_flags`].
    pub fn flags(&self) -> i32 {
        // CAST: A set of flags.
        // SAFETY: Valid by the type invariant.
        unsafe { bindings::kext_msg_flags(self.msg.as_ptr()) as i32 }
    }

    /// Returns the address that the message is for, if it has one.
    pub fn name(&self) -> Option<SockAddr<'_>> {
        // SAFETY: Valid by the type invariant.
        let (name, len) = unsafe {
            (
                bindings::kext_msg_name(self.msg.as_ptr()),
                bindings::kext_msg_namelen(self.msg.as_ptr()),
            )
        };
        // SAFETY: The socket layer has copied the address, and nobody else accesses it.
        (!name.is_null()).then(|| unsafe { SockAddr::from_raw(name.cast(), len) })
    }

    /// Reads the next bytes of the message.
    ///
    /// # Errors
    ///
    /// `EFAULT` if there are fewer or they are not readable.
    pub fn read_exact(&mut self, to: &mut [u8]) -> Result {
        // SAFETY: Valid by the type invariant; `to` has that length.
        let read = unsafe {
            bindings::kext_msg_copy_from(self.msg.as_ptr(), to.as_mut_ptr().cast(), to.len())
        };
        if read {
            Ok(())
        } else {
            Err(EFAULT)
        }
    }

    /// Reads the next `n` bytes of the message to the end of `skb`.
    ///
    /// # Errors
    ///
    /// `EFAULT` if there are fewer or they are not readable, else as [`SkBuff::put_slice`].
    pub fn append_to(&mut self, skb: &mut SkBuff, n: usize) -> Result {
        let msg = self.msg.as_ptr();
        // SAFETY: `put_with` provides `n` bytes to write to, and all of them are on success. The
        // message is valid by the type invariant.
        unsafe {
            skb.put_with(n, |to| {
                if bindings::kext_msg_copy_from(msg, to.cast(), n) {
                    Ok(())
                } else {
                    Err(EFAULT)
                }
            })
        }
    }
}

/// Where a caller wants to receive a message.
///
/// # Invariants
///
/// `msg` is valid, a destination for at least `len` bytes, and accessed by nobody else for `'a`.
/// Its name, unless null, is a `struct sockaddr_storage`.
pub struct RecvMsg<'a> {
    msg: NonNull<bindings::msghdr>,
    len: usize,
    flags: i32,
    _lifetime: PhantomData<&'a mut bindings::msghdr>,
}

impl RecvMsg<'_> {
    /// Wraps what the socket layer passes to `recvmsg`.
    ///
    /// # Safety
    ///
    /// `msg` must be valid, a destination for `len` bytes, and accessed by nobody else as long as
    /// the result exists. Its name, unless null, must be a `struct sockaddr_storage`.
    pub(super) unsafe fn from_raw(msg: NonNull<bindings::msghdr>, len: usize, flags: i32) -> Self {
        // INVARIANT: As required of the caller.
        Self {
            msg,
            len,
            flags,
            _lifetime: PhantomData,
        }
    }

    pub(super) fn as_raw(&mut self) -> *mut bindings::msghdr {
        self.msg.as_ptr()
    }

    /// Returns the length of the caller's buffer in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether the caller has no buffer.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the flags that the caller asked with, see [`msg_flags`].
    pub fn flags(&self) -> i32 {
        self.flags
    }

    /// Sets flags to be returned to the caller.
    pub fn set_flag(&mut self, flags: i32) {
        // CAST: A set of flags.
        // SAFETY: Valid by the type invariant.
        unsafe { bindings::kext_msg_add_flags(self.msg.as_ptr(), flags as u32) }
    }

    /// Adds a control message. If it does not fit, the caller is told (`MSG_CTRUNC`).
    pub fn put_cmsg<T: IntoBytes + Immutable>(&mut self, level: i32, kind: i32, value: &T) {
        let bytes = value.as_bytes();
        let Ok(len) = i32::try_from(bytes.len()) else {
            return;
        };
        // A failure to write is the caller's, who gave a bad address; C ignores it, too.
        //
        // SAFETY: Valid by the type invariant; `bytes` has that length.
        let _ = unsafe {
            bindings::kext_msg_put_cmsg(self.msg.as_ptr(), level, kind, len, bytes.as_ptr().cast())
        };
    }

    /// Adds the time stamp of `datagram` as a control message, a `struct timeval` of the caller's
    /// ABI.
    pub fn put_timeval(&mut self, level: i32, kind: i32, datagram: &Datagram<'_>) {
        // SAFETY: Both are valid by the type invariants.
        let _ = unsafe {
            bindings::kext_msg_put_timeval(self.msg.as_ptr(), level, kind, datagram.skb.as_ptr())
        };
    }

    /// Adds the time stamp of `datagram` as the socket's options ask for (`SO_TIMESTAMP`).
    pub fn timestamp<P: Protocol>(&mut self, sk: &Sock<P>, datagram: &Datagram<'_>) {
        // SAFETY: All are valid by the type invariants.
        unsafe {
            bindings::kext_msg_recv_timestamp(self.msg.as_ptr(), sk.as_raw(), datagram.skb.as_ptr())
        }
    }

    /// Adds all that the socket's options ask for: time stamp, mark, priority, drop count.
    pub fn recv_cmsgs<P: Protocol>(&mut self, sk: &Sock<P>, datagram: &Datagram<'_>) {
        // SAFETY: All are valid by the type invariants.
        unsafe {
            bindings::kext_msg_recv_cmsgs(self.msg.as_ptr(), sk.as_raw(), datagram.skb.as_ptr())
        }
    }

    /// Adds the sender's credentials if the socket's options ask for them (`SO_PASSCRED`).
    pub fn creds<P: Protocol>(&mut self, sock: &Socket<'_, P>, creds: ScmCreds) {
        // SAFETY: All are valid by the type invariants; `ScmCreds` is laid out as the C type.
        unsafe {
            bindings::kext_msg_recv_creds(
                sock.as_raw_socket(),
                self.msg.as_ptr(),
                (&raw const creds).cast(),
                self.flags,
            )
        }
    }

    /// Returns whether the caller wants to know the sender's address.
    pub fn wants_name(&self) -> bool {
        // SAFETY: Valid by the type invariant.
        !unsafe { bindings::kext_msg_name(self.msg.as_ptr()) }.is_null()
    }

    /// Returns the sender's address to the caller, if it wants to know.
    pub fn put_name(&mut self, name: &SockName) {
        // SAFETY: Valid by the type invariant.
        let to = unsafe { bindings::kext_msg_name(self.msg.as_ptr()) };
        if to.is_null() {
            return;
        }
        // SAFETY: A `struct sockaddr_storage` by the type invariant.
        let len = unsafe { name.copy_to(to.cast()) };
        // SAFETY: Valid by the type invariant.
        unsafe { bindings::kext_msg_set_namelen(self.msg.as_ptr(), len) }
    }
}

/// A message taken from a receive queue, or looked at while it is still there.
///
/// Others may look at it at the same time, so it is read-only.
///
/// # Invariants
///
/// `skb` is valid, and this value owns one reference to it.
pub struct Datagram<'a> {
    skb: NonNull<bindings::sk_buff>,
    _lifetime: PhantomData<&'a ()>,
}

impl Datagram<'_> {
    /// Takes over a reference.
    ///
    /// # Safety
    ///
    /// `skb` must be valid, and the caller own a reference and give it up. Nobody may write to
    /// its bytes as long as there are references.
    pub(super) unsafe fn from_raw(skb: NonNull<bindings::sk_buff>) -> Self {
        // INVARIANT: As required of the caller.
        Self {
            skb,
            _lifetime: PhantomData,
        }
    }

    /// Gives up the reference.
    pub(super) fn into_raw(self) -> NonNull<bindings::sk_buff> {
        core::mem::ManuallyDrop::new(self).skb
    }

    /// Returns the length of the message in bytes.
    pub fn len(&self) -> usize {
        // SAFETY: Valid by the type invariant.
        unsafe { (*self.skb.as_ptr()).len as usize }
    }

    /// Returns whether the message has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the linear part of the message: all of it, unless it was queued with fragments.
    pub fn data(&self) -> &[u8] {
        let skb = self.skb.as_ptr();
        // SAFETY: Valid by the type invariant; the linear part is that many bytes.
        unsafe {
            let len = (*skb).len.wrapping_sub((*skb).data_len);
            slice::from_raw_parts((*skb).data, len as usize)
        }
    }

    /// Returns the control buffer as a `T`, which must not be larger nor stricter aligned.
    ///
    /// Its last four bytes belong to the socket layer.
    pub fn cb<T: FromBytes + Immutable + KnownLayout>(&self) -> &T {
        const { assert!(size_of::<T>() <= CB_SIZE && align_of::<T>() <= 8) };
        // SAFETY: The control buffer is large enough, 8-byte aligned and initialised, and any
        // bytes are a `T`. Nobody writes to it any more.
        unsafe { &*(&raw const (*self.skb.as_ptr()).cb).cast() }
    }

    /// Returns the time stamp in nanoseconds since the epoch; 0 is none.
    pub fn tstamp(&self) -> i64 {
        // SAFETY: Valid by the type invariant.
        unsafe { bindings::kext_skb_tstamp(self.skb.as_ptr()) }
    }

    /// Copies the first `n` bytes to the caller.
    ///
    /// # Errors
    ///
    /// `EFAULT` if the message or the caller's buffer is shorter or the latter not writable.
    pub fn copy_to(&self, msg: &mut RecvMsg<'_>, n: usize) -> Result {
        if n > self.len() {
            return Err(EFAULT);
        }
        let n = i32::try_from(n).map_err(|_| EMSGSIZE)?;
        // SAFETY: Both are valid by the type invariants.
        to_result(unsafe {
            bindings::kext_msg_copy_datagram(msg.msg.as_ptr(), self.skb.as_ptr(), n)
        })
    }
}

impl Drop for Datagram<'_> {
    fn drop(&mut self) {
        // SAFETY: We own a reference and give it up.
        unsafe { bindings::kext_consume_skb(self.skb.as_ptr()) }
    }
}
