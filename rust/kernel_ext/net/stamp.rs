// SPDX-License-Identifier: GPL-2.0

//! Time stamps of what is sent (`SO_TIMESTAMPING`).
//!
//! A protocol reads with [`SendMsg::tx_cookie`] what a message asks for, and marks one of its
//! buffers with it, [`SkBuff::set_tx_cookie`]. Whoever passes the buffer to the hardware says so,
//! [`SkBuff::stamp_sent`], and if [`SkBuff::wants_completion`] keeps a
//! [`clone_with_sock`](SkBuff::clone_with_sock) until the hardware is done with it:
//! [`SkBuff::stamp_completed`]. The stamps come back through the socket's error queue,
//! [`RecvMsg::errqueue`].

use super::{
    Protocol,
    RecvMsg,
    SendMsg,
    Sock,
    Socket, //
};
use crate::{
    bindings,
    skbuff::SkBuff, //
};
use core::ptr::NonNull;
use kernel::{
    error::to_result,
    prelude::*, //
};

/// What a message asks to be told about its transmission.
pub struct TxCookie(bindings::kext_tx_cookie);

impl SendMsg<'_> {
    /// Returns the time stamps that the message asks for: as the socket's options say, unless a
    /// control message says otherwise.
    ///
    /// # Errors
    ///
    /// `EINVAL`, `EPERM` for a control message that is not understood or allowed.
    pub fn tx_cookie<P: Protocol>(&mut self, sk: &Sock<P>) -> Result<TxCookie> {
        let mut cookie = bindings::kext_tx_cookie::default();
        // SAFETY: The socket is valid, and the message by the type invariant.
        to_result(unsafe { bindings::kext_sk_tx_cookie(sk.as_raw(), self.as_raw(), &mut cookie) })?;
        Ok(TxCookie(cookie))
    }
}

impl RecvMsg<'_> {
    /// Receives from the socket's error queue; `level` and `kind` are the control message's.
    ///
    /// # Errors
    ///
    /// `EAGAIN` if there is nothing, `EFAULT`.
    pub fn errqueue<P: Protocol>(
        &mut self,
        sock: &Socket<'_, P>,
        level: i32,
        kind: i32,
    ) -> Result<usize> {
        let len = i32::try_from(self.len()).unwrap_or(i32::MAX);
        // SAFETY: The socket is valid, and the message by the type invariant.
        let got = unsafe {
            bindings::kext_msg_recv_errqueue(sock.as_raw(), self.as_raw(), len, level, kind)
        };
        to_result(got)?;
        Ok(usize::try_from(got).unwrap_or(0))
    }
}

impl SkBuff {
    /// Marks the buffer as the one of a message of `len` bytes that stamps are made for: its
    /// first one, or on a stream its last. Once for each message that the caller is told was
    /// sent.
    pub fn set_tx_cookie(&mut self, cookie: &TxCookie, len: usize) {
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        // SAFETY: Valid and not shared by the type invariant.
        unsafe { bindings::kext_skb_set_tx_cookie(self.as_ptr(), &cookie.0, len) }
    }

    /// Says that the buffer is now given to the hardware.
    #[inline]
    pub fn stamp_sent(&mut self) {
        // SAFETY: Valid and not shared by the type invariant.
        unsafe { bindings::kext_skb_stamp_sent(self.as_ptr()) }
    }

    /// Returns whether the sender wants to know when the hardware is done with the buffer.
    #[inline]
    pub fn wants_completion(&self) -> bool {
        // SAFETY: Valid by the type invariant.
        unsafe { bindings::kext_skb_wants_completion(self.as_ptr()) }
    }

    /// Returns a clone that refers to the socket, without counting as being sent by it.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn clone_with_sock(&mut self) -> Result<Self> {
        // SAFETY: Valid and not shared by the type invariant.
        let skb = unsafe { bindings::kext_skb_clone_sk(self.as_ptr()) };
        let skb = NonNull::new(skb).ok_or(ENOMEM)?;
        // SAFETY: A fresh clone has one reference, which is ours.
        Ok(unsafe { Self::from_raw(skb) })
    }

    /// Says that the hardware is done with the buffer that this is a clone of.
    pub fn stamp_completed(&mut self) {
        // SAFETY: Valid and not shared by the type invariant.
        unsafe { bindings::kext_skb_stamp_completed(self.as_ptr()) }
    }
}
