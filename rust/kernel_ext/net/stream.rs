// SPDX-License-Identifier: GPL-2.0

//! Receiving a stream: messages without boundaries.

use super::{
    msg_flags,
    shutdown,
    Datagram,
    LockedSock,
    Protocol,
    RecvMsg,
    Socket, //
};
use crate::{
    bindings,
    skbuff::SkBuff, //
};
use core::ptr::NonNull;
use kernel::prelude::*;

impl<P: Protocol> LockedSock<'_, P> {
    /// Takes the first buffer of the receive queue.
    fn dequeue(&mut self) -> Option<SkBuff> {
        // SAFETY: The socket is valid.
        let skb = NonNull::new(unsafe { bindings::kext_sk_dequeue_rcv(self.as_raw()) })?;
        // SAFETY: It was in the queue, which gave its only reference to us: others look at
        // buffers of this queue only with the socket lock held.
        Some(unsafe { SkBuff::from_raw(skb) })
    }

    /// Puts a buffer back.
    fn requeue(&mut self, skb: SkBuff) {
        // SAFETY: The socket is valid; the queue owns the buffer from here on.
        unsafe { bindings::kext_sk_requeue_rcv(self.as_raw(), skb.into_raw().as_ptr()) }
    }
}

impl<P: Protocol> Socket<'_, P> {
    /// Receives bytes of a stream: as many as there are, at most as many as the caller has room
    /// for. Waits for the first, or with `MSG_WAITALL` for all, unless `MSG_DONTWAIT`.
    ///
    /// A protocol that uses this must not use [`recv_datagram`](Self::recv_datagram) on the same
    /// socket.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP` for `MSG_OOB`, `EAGAIN`, `EINTR` or `ERESTARTSYS` if there is nothing (in
    /// time), the socket's pending error, `EFAULT`.
    pub fn recv_stream(&self, msg: &mut RecvMsg<'_>) -> Result<usize> {
        let flags = msg.flags();
        if flags & msg_flags::OOB != 0 {
            return Err(EOPNOTSUPP);
        }
        let mut lock = self.lock();
        let size = msg.len();
        let target = self.rcvlowat(flags & msg_flags::WAITALL != 0, size);
        let timeout = lock.rcv_timeout(flags & msg_flags::DONTWAIT != 0);
        let peek = flags & msg_flags::PEEK != 0;

        let mut copied: usize = 0;
        let result = loop {
            let left = size.saturating_sub(copied);
            if left == 0 {
                break Ok(());
            }
            let Some(skb) = lock.dequeue() else {
                if copied >= target {
                    break Ok(());
                }
                if let Err(error) = lock.take_err() {
                    break Err(error);
                }
                if lock.shutdown_mask() & shutdown::RECEIVE != 0 {
                    break Ok(());
                }
                let waited = lock.wait(timeout, EAGAIN, |lock| {
                    let over = lock.receive_queue_len() != 0
                        || lock.has_err()
                        || lock.shutdown_mask() & shutdown::RECEIVE != 0;
                    over.then_some(())
                });
                match waited {
                    Ok(()) => continue,
                    Err(error) => break Err(error),
                }
            };
            let chunk = left.min(skb.len());
            // Back to where `copy_to` can be used on it; both own the one reference.
            //
            // SAFETY: We give up the reference that we have, and do not write meanwhile.
            let datagram = unsafe { Datagram::from_raw(skb.into_raw()) };
            let done = datagram.copy_to(msg, chunk);
            if done.is_ok() {
                msg.recv_cmsgs(self, &datagram);
            }
            // SAFETY: As above, the other way round; nobody else got a reference.
            let mut skb = unsafe { SkBuff::from_raw(datagram.into_raw()) };
            if let Err(error) = done {
                lock.requeue(skb);
                break Err(error);
            }
            copied = copied.saturating_add(chunk);
            if peek {
                lock.requeue(skb);
                break Ok(());
            }
            // What cannot be pulled for want of memory would be received again.
            if chunk < skb.len() {
                if skb.pull_any(chunk).is_ok() {
                    lock.requeue(skb);
                }
                break Ok(());
            }
            skb.consume();
        };
        match result {
            Err(error) if copied == 0 => Err(error),
            _ => Ok(copied),
        }
    }

    fn rcvlowat(&self, wait_all: bool, len: usize) -> usize {
        let len = i32::try_from(len).unwrap_or(i32::MAX);
        // SAFETY: The socket is valid.
        let low = unsafe { bindings::kext_sk_rcvlowat(self.as_raw(), wait_all, len) };
        usize::try_from(low).unwrap_or(0)
    }
}
