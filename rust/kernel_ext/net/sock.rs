// SPDX-License-Identifier: GPL-2.0

//! The protocol's end of a socket.

use super::{
    accept::AcceptState,
    Protocol,
    ProtocolSlot,
    Socket, //
};
use crate::{
    bindings,
    skbuff::SkBuff, //
};
use core::{
    cell::UnsafeCell,
    mem::MaybeUninit,
    ops::Deref,
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    prelude::*,
    sync::{
        aref::{
            ARef,
            AlwaysRefCounted, //
        },
        SpinLock,
    },
    types::{
        NotThreadSafe,
        Opaque, //
    },
};

/// Bits of a socket's shutdown mask.
pub mod shutdown {
    /// Nothing more will be received (`RCV_SHUTDOWN`).
    pub const RECEIVE: u8 = 1;
    /// Nothing more will be sent (`SEND_SHUTDOWN`).
    pub const SEND: u8 = 2;
    /// Both.
    pub const BOTH: u8 = RECEIVE | SEND;
}

/// State of a Bluetooth socket (`BT_*`). User space sees the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// Connected.
    Connected = 1,
    /// Created.
    Open = 2,
    /// Has a local address.
    Bound = 3,
    /// Accepts connections.
    Listen = 4,
    /// Being connected by us.
    Connect = 5,
    /// Being connected by the peer.
    Connect2 = 6,
    /// Being configured.
    Config = 7,
    /// Being disconnected.
    Disconn = 8,
    /// Closed.
    Closed = 9,
}

impl State {
    /// The state with this number; [`Closed`](Self::Closed) if there is none.
    #[inline]
    pub fn from_raw(raw: u8) -> Self {
        match raw {
            1 => Self::Connected,
            2 => Self::Open,
            3 => Self::Bound,
            4 => Self::Listen,
            5 => Self::Connect,
            6 => Self::Connect2,
            7 => Self::Config,
            8 => Self::Disconn,
            _ => Self::Closed,
        }
    }
}

/// How long to wait, in jiffies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeout(pub(super) c_long);

impl Timeout {
    /// Do not wait.
    pub const ZERO: Self = Self(0);
    /// Wait for as long as it takes (`MAX_SCHEDULE_TIMEOUT`).
    pub const FOREVER: Self = Self(c_long::MAX);

    /// Returns this many jiffies.
    pub fn from_jiffies(jiffies: usize) -> Self {
        Self(c_long::try_from(jiffies).unwrap_or(c_long::MAX))
    }

    /// Returns the time in milliseconds, [`FOREVER`](Self::FOREVER) as a very long one.
    pub fn as_millis(self) -> u64 {
        let jiffies = c_ulong::try_from(self.0).unwrap_or(0);
        // SAFETY: Any number of jiffies can be converted.
        u64::from(unsafe { bindings::kext_jiffies_to_msecs(jiffies) })
    }

    /// Returns whether there is no time to wait.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }
}

/// Identity of a socket: equal for the same socket, meaningless once that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SockId(usize);

/// `struct sock`, which Rust never looks into.
#[repr(C, align(8))]
struct RawSock(UnsafeCell<MaybeUninit<[u8; bindings::KEXT_SIZEOF_SOCK as usize]>>);

/// What comes behind the `struct sock` in a [`Sock`].
#[pin_data]
pub(super) struct Ext<P: Protocol> {
    pub(super) home: &'static ProtocolSlot<P>,
    #[pin]
    pub(super) accept: SpinLock<AcceptState<P>>,
    #[pin]
    pub(super) private: P::Private,
    locked: UnsafeCell<P::Locked>,
}

/// What an [`Ext`] is made of.
pub(super) struct ExtInit<P: Protocol, A, I> {
    pub(super) home: &'static ProtocolSlot<P>,
    pub(super) accept: A,
    pub(super) private: I,
    pub(super) locked: P::Locked,
}

impl<P: Protocol> Ext<P> {
    /// Initialises `*to`.
    ///
    /// # Safety
    ///
    /// `to` must be valid for writes, and stay where it is until it is dropped. On error it is
    /// uninitialised.
    pub(super) unsafe fn init<A, I>(to: *mut Self, parts: ExtInit<P, A, I>) -> Result
    where
        A: PinInit<SpinLock<AcceptState<P>>>,
        I: PinInit<P::Private, Error>,
    {
        let ExtInit {
            home,
            accept,
            private,
            locked,
        } = parts;
        let init = pin_init!(Self {
            home,
            accept <- accept,
            private <- private,
            locked: UnsafeCell::new(locked),
        }? Error);
        // SAFETY: As required of the caller.
        unsafe { pin_init::raw_try_init(to, init) }
    }
}

/// The protocol's end of a socket (`struct sock`), with the protocol's own state behind it.
///
/// # Invariants
///
/// Both parts are initialised, and the reference count of the `struct sock` governs the lifetime
/// of both.
#[repr(C)]
pub struct Sock<P: Protocol> {
    raw: RawSock,
    ext: Ext<P>,
}

/// A counted reference to a socket.
pub type SockRef<P> = ARef<Sock<P>>;

// SAFETY: A socket can be used and freed by any thread.
unsafe impl<P: Protocol> Send for Sock<P> {}
// SAFETY: C synchronises access to the `struct sock`, `Private` is `Sync`, and `Locked` is reached
// only with the socket lock held.
unsafe impl<P: Protocol> Sync for Sock<P> {}

// SAFETY: All sockets are counted, and this is the count.
unsafe impl<P: Protocol> AlwaysRefCounted for Sock<P> {
    fn inc_ref(&self) {
        // SAFETY: A shared reference means that the count is not zero.
        unsafe { bindings::kext_sock_hold(self.as_raw()) }
    }

    unsafe fn dec_ref(sk: NonNull<Self>) {
        // SAFETY: The caller owns a reference and gives it up.
        unsafe { bindings::kext_sock_put(sk.as_ptr().cast()) }
    }
}

impl<P: Protocol> Sock<P> {
    /// Returns the C object.
    #[inline]
    pub fn as_raw(&self) -> *mut bindings::sock {
        self.raw.0.get().cast()
    }

    /// Returns where the Rust part is.
    pub(super) fn ext_ptr(sk: NonNull<Self>) -> *mut Ext<P> {
        // SAFETY: Only computes an address within the allocation.
        unsafe { &raw mut (*sk.as_ptr()).ext }
    }

    pub(super) fn ext(&self) -> &Ext<P> {
        &self.ext
    }

    /// Drops the Rust part of a socket, in any context.
    ///
    /// # Safety
    ///
    /// To be called by C on a `Sock<P>` whose last reference is gone.
    pub(super) unsafe extern "C" fn destruct(sk: *mut bindings::sock) {
        // SAFETY: Nobody refers to the socket any more. What is queued on it goes first, since
        // its accounting refers to the socket.
        unsafe {
            bindings::kext_sk_purge_queues(sk);
            core::ptr::drop_in_place(&raw mut (*sk.cast::<Self>()).ext);
        }
    }

    /// Returns the protocol's state that is accessible in any context.
    #[inline]
    pub fn private(&self) -> &P::Private {
        &self.ext.private
    }

    /// Returns the socket's identity.
    pub fn id(&self) -> SockId {
        SockId(self.as_raw() as usize)
    }

    /// Takes the socket lock; may sleep.
    pub fn lock(&self) -> LockedSock<'_, P> {
        // SAFETY: The socket is valid.
        unsafe { bindings::kext_lock_sock(self.as_raw()) };
        // INVARIANT: The lock was just taken.
        LockedSock::new(self, false)
    }

    /// Takes the socket lock of a child while that of its listening socket is held; may sleep.
    pub fn lock_nested(&self) -> LockedSock<'_, P> {
        // SAFETY: The socket is valid.
        unsafe { bindings::kext_lock_sock_nested(self.as_raw()) };
        // INVARIANT: The lock was just taken.
        LockedSock::new(self, false)
    }

    /// Returns the state at this moment. It changes with the socket lock held, by convention.
    #[inline]
    pub fn state(&self) -> State {
        // SAFETY: The socket is valid.
        State::from_raw(unsafe { bindings::kext_sk_state(self.as_raw()) })
    }

    /// Sets the state. Does not wake anybody up.
    #[inline]
    pub fn set_state(&self, state: State) {
        // SAFETY: The socket is valid.
        unsafe { bindings::kext_sk_set_state(self.as_raw(), state as u8) }
    }

    /// Returns the type of the socket, see [`sock_type`](super::sock_type).
    pub fn socket_type(&self) -> i32 {
        // SAFETY: The socket is valid.
        unsafe { bindings::kext_sk_type(self.as_raw()) }
    }

    /// Returns the number of the protocol.
    pub fn protocol(&self) -> i32 {
        // SAFETY: The socket is valid.
        unsafe { bindings::kext_sk_protocol(self.as_raw()) }
    }

    /// Returns the priority of what is sent (`SO_PRIORITY`).
    pub fn priority(&self) -> u32 {
        // SAFETY: The socket is valid.
        unsafe { bindings::kext_sk_priority(self.as_raw()) }
    }

    /// Sets the error that the next call on the socket returns. Does not wake anybody up.
    pub fn set_err(&self, error: Error) {
        // SAFETY: The socket is valid.
        unsafe { bindings::kext_sk_set_err(self.as_raw(), error.to_errno().wrapping_neg()) }
    }

    /// Clears the pending error.
    pub fn clear_err(&self) {
        // SAFETY: The socket is valid.
        unsafe { bindings::kext_sk_set_err(self.as_raw(), 0) }
    }

    /// Returns whether an error is pending.
    pub fn has_err(&self) -> bool {
        // SAFETY: The socket is valid.
        unsafe { bindings::kext_sk_err(self.as_raw()) != 0 }
    }

    /// Takes the pending error.
    ///
    /// # Errors
    ///
    /// That error.
    pub fn take_err(&self) -> Result {
        // SAFETY: The socket is valid.
        to_result(unsafe { bindings::kext_sk_take_err(self.as_raw()) })
    }

    /// Wakes up everybody who waits for the socket.
    pub fn state_change(&self) {
        // SAFETY: The socket is valid.
        unsafe { bindings::kext_sk_state_change(self.as_raw()) }
    }

    /// Wakes up who waits for something to receive or accept.
    pub fn data_ready(&self) {
        // SAFETY: The socket is valid.
        unsafe { bindings::kext_sk_data_ready(self.as_raw()) }
    }

    /// Wakes up who waits for room to send.
    pub fn write_space(&self) {
        // SAFETY: The socket is valid.
        unsafe { bindings::kext_sk_write_space(self.as_raw()) }
    }

    /// Returns which directions are shut down, see [`shutdown`].
    pub fn shutdown_mask(&self) -> u8 {
        // SAFETY: The socket is valid.
        unsafe { bindings::kext_sk_shutdown(self.as_raw()) }
    }

    /// Returns whether the socket was released by its file.
    pub fn is_dead(&self) -> bool {
        // SAFETY: The socket is valid.
        unsafe { bindings::kext_sk_dead(self.as_raw()) }
    }

    /// Returns whether the socket is to be freed ([`LockedSock::set_zapped`]).
    pub fn is_zapped(&self) -> bool {
        // SAFETY: The socket is valid.
        unsafe { bindings::kext_sk_zapped(self.as_raw()) }
    }

    /// Returns the memory that is accounted for sending, in bytes.
    pub fn wmem_alloc(&self) -> usize {
        // SAFETY: The socket is valid.
        usize::try_from(unsafe { bindings::kext_sk_wmem(self.as_raw()) }).unwrap_or(0)
    }

    /// Returns the memory that is accounted for receiving, in bytes.
    pub fn rmem_alloc(&self) -> usize {
        // SAFETY: The socket is valid.
        usize::try_from(unsafe { bindings::kext_sk_rmem(self.as_raw()) }).unwrap_or(0)
    }

    /// Returns the limit of [`wmem_alloc`](Self::wmem_alloc), in bytes.
    pub fn sndbuf(&self) -> usize {
        // SAFETY: The socket is valid.
        usize::try_from(unsafe { bindings::kext_sk_sndbuf(self.as_raw()) }).unwrap_or(0)
    }

    /// Returns the limit of [`rmem_alloc`](Self::rmem_alloc), in bytes.
    pub fn rcvbuf(&self) -> usize {
        // SAFETY: The socket is valid.
        usize::try_from(unsafe { bindings::kext_sk_rcvbuf(self.as_raw()) }).unwrap_or(0)
    }

    /// Returns whether at least half of the send buffer is free.
    pub fn writeable(&self) -> bool {
        // SAFETY: The socket is valid.
        unsafe { bindings::kext_sk_writeable(self.as_raw()) }
    }

    /// Returns whether received messages are to carry their time stamp (`SO_TIMESTAMP`).
    pub fn has_rcvtstamp(&self) -> bool {
        // SAFETY: The socket is valid.
        unsafe { bindings::kext_sk_rcvtstamp(self.as_raw()) }
    }

    /// Returns how long sending may wait (`SO_SNDTIMEO`).
    pub fn snd_timeout(&self, nonblock: bool) -> Timeout {
        // SAFETY: The socket is valid.
        Timeout(unsafe { bindings::kext_sk_sndtimeo(self.as_raw(), nonblock) })
    }

    /// Sets how long sending may wait, until user space sets it.
    pub fn set_snd_timeout(&self, timeout: Timeout) {
        // SAFETY: The socket is valid.
        unsafe { bindings::kext_sk_set_sndtimeo(self.as_raw(), timeout.0) }
    }

    /// Shuts both directions down, in any context: the peer has closed. Does not wake anybody up.
    pub fn shut_down(&self) {
        // SAFETY: The socket is valid.
        unsafe { bindings::kext_sk_add_shutdown(self.as_raw(), shutdown::BOTH) }
    }

    /// Returns how long the calling task may wait for the socket to be closed (`SO_LINGER`).
    pub fn linger(&self) -> Timeout {
        // SAFETY: The socket is valid.
        Timeout(unsafe { bindings::kext_sk_linger(self.as_raw()) })
    }

    /// Returns how long receiving may wait (`SO_RCVTIMEO`).
    pub fn rcv_timeout(&self, nonblock: bool) -> Timeout {
        // SAFETY: The socket is valid.
        Timeout(unsafe { bindings::kext_sk_rcvtimeo(self.as_raw(), nonblock) })
    }

    /// Hands a message to whoever receives from the socket; any context.
    ///
    /// # Errors
    ///
    /// Returns the message with `ENOMEM` or `ENOBUFS` if the receive buffer is full, with `EPERM`
    /// if the socket's filter rejects it.
    pub fn queue_rcv(&self, skb: SkBuff) -> Result<(), (SkBuff, Error)> {
        let raw = skb.into_raw();
        // SAFETY: The socket is valid, and the buffer is ours to give.
        match to_result(unsafe { bindings::kext_sk_queue_rcv(self.as_raw(), raw.as_ptr()) }) {
            Ok(()) => Ok(()),
            // SAFETY: It was not queued, so it is still ours.
            Err(error) => Err((unsafe { SkBuff::from_raw(raw) }, error)),
        }
    }

    /// Returns the number of messages in the receive queue at this moment.
    pub fn receive_queue_len(&self) -> usize {
        // SAFETY: The socket is valid.
        unsafe { bindings::kext_sk_receive_queue_len(self.as_raw()) as usize }
    }

    /// Returns the length of the first message in the receive queue (`TIOCINQ`), or 0.
    pub fn first_len(&self) -> usize {
        // SAFETY: The socket is valid.
        unsafe { bindings::kext_sk_first_len(self.as_raw()) as usize }
    }

    /// Frees what is in the receive queue.
    pub fn purge_receive_queue(&self) {
        // SAFETY: The socket is valid.
        unsafe { bindings::kext_sk_purge_receive_queue(self.as_raw()) }
    }

    /// Allocates a buffer that counts as being sent by this socket, without waiting for room, in
    /// any context.
    ///
    /// # Errors
    ///
    /// `EAGAIN` if there is no room, else as [`Socket::alloc_send_skb`].
    pub fn try_alloc_send_skb(&self, headroom: usize, size: usize) -> Result<SkBuff> {
        self.alloc_send_skb_with(headroom, size, |total| {
            // SAFETY: The socket is valid.
            NonNull::new(unsafe { bindings::kext_sk_try_alloc_send_skb(self.as_raw(), total) })
                .ok_or(EAGAIN)
        })
    }

    /// Prepares a buffer of the given size that `alloc` allocates for this socket: new, and with
    /// its only reference to be given up.
    pub(super) fn alloc_send_skb_with(
        &self,
        headroom: usize,
        size: usize,
        alloc: impl FnOnce(usize) -> Result<NonNull<bindings::sk_buff>>,
    ) -> Result<SkBuff> {
        let headroom = headroom.checked_add(SkBuff::BT_RESERVE).ok_or(EMSGSIZE)?;
        let total = headroom.checked_add(size).ok_or(EMSGSIZE)?;
        if total > SkBuff::MAX_SIZE {
            return Err(EMSGSIZE);
        }
        // SAFETY: The buffer is new and ours.
        let skb = unsafe { SkBuff::from_raw(alloc(total)?) };
        self.take_err()?;
        if self.shutdown_mask() != 0 {
            return Err(ECONNRESET);
        }
        // CAST: At most `MAX_SIZE`.
        // SAFETY: The buffer is empty and has room for `total` bytes.
        unsafe { bindings::kext_skb_reserve(skb.as_ptr(), headroom as u32) };
        Ok(skb)
    }

    /// Puts the socket into its protocol's list, unless it is there already or was released.
    ///
    /// It leaves the list when it is released. A child that is never accepted is not: take it out
    /// with [`unlink`](Self::unlink) when it is closed.
    pub fn link(&self) -> bool {
        self.ext.home.list(self).add(self)
    }

    /// Takes the socket out of its protocol's list, if it is there.
    pub fn unlink(&self) -> bool {
        self.ext.home.list(self).remove(self)
    }
}

/// The socket lock, held.
///
/// # Invariants
///
/// The calling task owns the lock of `sk`. If `attached`, the socket keeps its file as long as
/// this exists.
pub struct LockedSock<'a, P: Protocol> {
    sk: &'a Sock<P>,
    attached: bool,
    _not_send: NotThreadSafe,
}

impl<'a, P: Protocol> LockedSock<'a, P> {
    fn new(sk: &'a Sock<P>, attached: bool) -> Self {
        Self {
            sk,
            attached,
            _not_send: NotThreadSafe,
        }
    }

    /// Takes the lock of a socket that has its file for the lifetime of the result.
    pub(super) fn attached(sock: &'a Socket<'_, P>) -> Self {
        // SAFETY: The socket is valid.
        unsafe { bindings::kext_lock_sock(sock.as_raw()) };
        // INVARIANT: The lock was just taken, and `sock` has its file as long as it exists.
        Self::new(sock.sk(), true)
    }

    /// Returns the state that the lock protects.
    pub fn data(&self) -> &P::Locked {
        // SAFETY: We own the lock by the type invariant.
        unsafe { &*self.sk.ext.locked.get() }
    }

    /// Returns the state that the lock protects, to change it.
    pub fn data_mut(&mut self) -> &mut P::Locked {
        // SAFETY: We own the lock by the type invariant, and nobody borrows through it.
        unsafe { &mut *self.sk.ext.locked.get() }
    }

    /// Shuts directions down, in addition to those that are; see [`shutdown`]. Does not wake
    /// anybody up.
    pub fn add_shutdown(&mut self, mask: u8) {
        // SAFETY: The socket is valid.
        unsafe { bindings::kext_sk_add_shutdown(self.as_raw(), mask & shutdown::BOTH) }
    }

    /// Marks the socket as to be freed, or not.
    pub fn set_zapped(&mut self, zapped: bool) {
        // SAFETY: The socket is valid, and the lock protects its flags.
        unsafe { bindings::kext_sk_set_zapped(self.as_raw(), zapped) }
    }

    /// Runs `f` without the lock.
    pub fn unlocked<R>(&mut self, f: impl FnOnce() -> R) -> R {
        // SAFETY: We own the lock by the type invariant, and nobody borrows through it.
        unsafe { bindings::kext_release_sock(self.as_raw()) };
        let result = f();
        // SAFETY: The socket is valid. This restores the type invariant.
        unsafe { bindings::kext_lock_sock(self.as_raw()) };
        result
    }

    /// Waits until `cond` returns something. The lock is not held while waiting.
    ///
    /// `cond` runs with the lock held and may sleep. Whoever makes it true must wake the socket
    /// up: [`Sock::state_change`].
    ///
    /// # Errors
    ///
    /// `expired` when the time is over, `EINTR` or `ERESTARTSYS` on a signal, the socket's pending
    /// error if there is one after waking up, `ENOTCONN` if the lock was not taken with
    /// [`Socket::lock`].
    pub fn wait<R>(
        &mut self,
        timeout: Timeout,
        expired: Error,
        mut cond: impl FnMut(&mut Self) -> Option<R>,
    ) -> Result<R> {
        if let Some(result) = cond(self) {
            return Ok(result);
        }
        if !self.attached {
            return Err(ENOTCONN);
        }

        let entry = Opaque::<bindings::wait_queue_entry>::uninit();
        // SAFETY: The socket has its file, and with it its wait queue, by the type invariant. The
        // entry stays where it is and is removed below.
        if !unsafe { bindings::kext_sk_wait_begin(self.as_raw(), entry.get()) } {
            return Err(ENOTCONN);
        }

        let mut left = timeout.0;
        let result = loop {
            if let Some(result) = cond(self) {
                break Ok(result);
            }
            if left == 0 {
                break Err(expired);
            }
            // SAFETY: May be called for any task.
            if unsafe { bindings::kext_signal_pending() } {
                // SAFETY: Only computes a number.
                break Err(Error::from_errno(unsafe {
                    bindings::kext_sock_intr_errno(left)
                }));
            }
            // SAFETY: The entry is in the wait queue.
            left = self.unlocked(|| unsafe { bindings::kext_sk_wait(entry.get(), left) });
            if let Err(error) = self.take_err() {
                break Err(error);
            }
        };

        // SAFETY: As above, the wait queue is still there, and the entry is in it.
        unsafe { bindings::kext_sk_wait_end(self.as_raw(), entry.get()) };
        result
    }

    /// Waits until the socket is in `state`.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait), `EINPROGRESS` when the time is over.
    pub fn wait_state(&mut self, state: State, timeout: Timeout) -> Result {
        self.wait(timeout, EINPROGRESS, |sk| {
            (sk.state() == state).then_some(())
        })
    }
}

impl<P: Protocol> Deref for LockedSock<'_, P> {
    type Target = Sock<P>;

    fn deref(&self) -> &Sock<P> {
        self.sk
    }
}

impl<P: Protocol> Drop for LockedSock<'_, P> {
    fn drop(&mut self) {
        // SAFETY: We own the lock by the type invariant.
        unsafe { bindings::kext_release_sock(self.as_raw()) }
    }
}
