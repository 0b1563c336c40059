// SPDX-License-Identifier: GPL-2.0

//! The sockets of a protocol.

use super::{
    Protocol,
    Sock,
    SockRef, //
};
use crate::bindings;
use core::{
    iter,
    marker::PhantomData,
    pin::Pin,
    ptr::NonNull, //
};
use kernel::{
    prelude::*,
    seq_file::SeqFile,
    sync::LockClassKey,
    types::{
        NotThreadSafe,
        Opaque, //
    },
};

/// The sockets of a protocol, part of its [`ProtocolSlot`](super::ProtocolSlot).
///
/// # Invariants
///
/// Once `init` was called, each entry is a [`Sock<P>`], of which the list owns a reference.
pub struct SocketList<P: Protocol> {
    list: Opaque<bindings::kext_sock_list>,
    _sockets: PhantomData<fn() -> SockRef<P>>,
}

// SAFETY: The list has a lock of its own, and a `Sock` may be used by any thread.
unsafe impl<P: Protocol> Sync for SocketList<P> {}

impl<P: Protocol> SocketList<P> {
    /// Returns the memory of a list; to be initialised with [`init`](Self::init) before use.
    pub(super) const fn uninit() -> Self {
        Self {
            list: Opaque::zeroed(),
            _sockets: PhantomData,
        }
    }

    /// Initialises the list.
    ///
    /// # Safety
    ///
    /// To be called once, before anything else.
    pub(super) unsafe fn init(&'static self, name: &'static CStr, key: Pin<&'static LockClassKey>) {
        // SAFETY: The list, the name and the lock class live forever.
        unsafe { bindings::kext_sk_list_init(self.list.get(), name.as_char_ptr(), key.as_ptr()) }
    }

    pub(super) fn add(&'static self, sk: &Sock<P>) -> bool {
        // SAFETY: Both are valid; the list takes a reference.
        unsafe { bindings::kext_sk_list_add(self.list.get(), sk.as_raw()) }
    }

    pub(super) fn remove(&'static self, sk: &Sock<P>) -> bool {
        // SAFETY: Both are valid. If the socket is in a list, it is in this one. The reference
        // that is dropped is not the last, since the caller has one.
        unsafe { bindings::kext_sk_list_del(self.list.get(), sk.as_raw()) }
    }

    /// Takes the list's lock for reading. Atomic context as long as the result exists.
    ///
    /// Do not take it twice, nor free a socket's last reference meanwhile; iterate twice over the
    /// same guard instead.
    pub fn read(&self) -> SocketListGuard<'_, P> {
        // SAFETY: The list is initialised.
        unsafe { bindings::kext_sk_list_read_lock(self.list.get()) };
        // INVARIANT: The lock was just taken.
        SocketListGuard {
            list: self,
            _not_send: NotThreadSafe,
        }
    }

    /// Calls `f` for each socket, in atomic context.
    pub fn for_each(&self, f: impl FnMut(&Sock<P>)) {
        self.read().iter().for_each(f);
    }

    /// Returns a reference to the first socket for which `pred` is true.
    pub fn find(&self, mut pred: impl FnMut(&Sock<P>) -> bool) -> Option<SockRef<P>> {
        self.read().iter().find(|sk| pred(sk)).map(SockRef::from)
    }

    /// Returns whether there is no socket at this moment.
    pub fn is_empty(&self) -> bool {
        // SAFETY: The list is initialised.
        unsafe { bindings::kext_sk_list_empty(self.list.get()) }
    }

    /// Prints the table of sockets, one per line, as in `/proc/net/hci`.
    pub fn seq_show(&self, m: &SeqFile) {
        self.show(m, |_| (), |_, _| ());
    }

    /// As [`seq_show`](Self::seq_show), with more columns: `title` is called for their titles,
    /// `columns` for each socket, in atomic context.
    pub fn seq_show_with(
        &self,
        m: &SeqFile,
        title: impl FnOnce(&SeqFile),
        mut columns: impl FnMut(&SeqFile, &Sock<P>),
    ) {
        let space = |m: &SeqFile| kernel::seq_print!(m, " ");
        self.show(
            m,
            |m| {
                space(m);
                title(m);
            },
            |m, sk| {
                space(m);
                columns(m, sk);
            },
        );
    }

    fn show(
        &self,
        m: &SeqFile,
        title: impl FnOnce(&SeqFile),
        mut columns: impl FnMut(&SeqFile, &Sock<P>),
    ) {
        // CAST: A `SeqFile` is a transparent wrapper with interior mutability.
        let raw = core::ptr::from_ref(m)
            .cast_mut()
            .cast::<bindings::seq_file>();

        // SAFETY: The file is valid.
        unsafe { bindings::kext_sk_seq_title(raw) };
        title(m);
        // SAFETY: As above.
        unsafe { bindings::kext_seq_newline(raw) };

        for sk in self.read().iter() {
            let parent = sk.accept_parent();
            let parent_raw = parent
                .as_ref()
                .map_or(core::ptr::null_mut(), |parent| parent.as_raw());
            // SAFETY: The file and the socket are valid; so is the parent, unless null.
            unsafe { bindings::kext_sk_seq_line(raw, sk.as_raw(), parent_raw) };
            columns(m, sk);
            // SAFETY: As above.
            unsafe { bindings::kext_seq_newline(raw) };
        }
    }
}

/// A [`SocketList`], locked for reading.
///
/// # Invariants
///
/// The lock is held for reading.
pub struct SocketListGuard<'a, P: Protocol> {
    list: &'a SocketList<P>,
    _not_send: NotThreadSafe,
}

impl<P: Protocol> SocketListGuard<'_, P> {
    /// Returns the sockets.
    pub fn iter(&self) -> impl Iterator<Item = &Sock<P>> {
        let get = |sk: *mut bindings::sock| {
            // SAFETY: The lock is held by the type invariant, so no socket leaves the list, which
            // has a reference to each of them, as long as `self` is borrowed.
            NonNull::new(sk.cast::<Sock<P>>()).map(|sk| unsafe { sk.as_ref() })
        };
        // SAFETY: The lock is held.
        let first = get(unsafe { bindings::kext_sk_list_first(self.list.list.get()) });
        iter::successors(first, move |sk| {
            // SAFETY: The lock is held, and the socket is in the list.
            get(unsafe { bindings::kext_sk_list_next(sk.as_raw()) })
        })
    }
}

impl<P: Protocol> Drop for SocketListGuard<'_, P> {
    fn drop(&mut self) {
        // SAFETY: The lock is held by the type invariant.
        unsafe { bindings::kext_sk_list_read_unlock(self.list.list.get()) }
    }
}
