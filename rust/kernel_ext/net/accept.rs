// SPDX-License-Identifier: GPL-2.0

//! The queue of connections to be accepted.
//!
//! A listening socket refers to its children, and a child to its listening socket, until it is
//! accepted or one of them is released; so the circle is always broken.

use super::{
    Protocol,
    Sock,
    SockRef, //
};
use crate::bindings;
use kernel::prelude::*;

/// A connection that waits.
struct Node<P: Protocol> {
    child: SockRef<P>,
    next: Option<KBox<Node<P>>>,
}

/// A socket's part in accepting: the children of a listening one, the parent of a child.
pub(super) struct AcceptState<P: Protocol> {
    // A chain and not a vector: growing a vector may overflow as far as the compiler can tell.
    children: Option<KBox<Node<P>>>,
    parent: Option<SockRef<P>>,
}

impl<P: Protocol> AcceptState<P> {
    pub(super) const fn new() -> Self {
        Self {
            children: None,
            parent: None,
        }
    }

    fn push(&mut self, node: KBox<Node<P>>) {
        let mut end = &mut self.children;
        while let Some(node) = end {
            end = &mut node.next;
        }
        *end = Some(node);
    }

    fn iter(&self) -> impl Iterator<Item = &SockRef<P>> {
        core::iter::successors(self.children.as_ref(), |node| node.next.as_ref())
            .map(|node| &node.child)
    }

    /// Takes the first child for which `pred` is true.
    fn take(&mut self, mut pred: impl FnMut(&Sock<P>) -> bool) -> Option<SockRef<P>> {
        let mut link = &mut self.children;
        while link.as_ref().is_some_and(|node| !pred(&node.child)) {
            link = match link {
                Some(node) => &mut node.next,
                None => return None,
            };
        }
        let Node { child, next } = KBox::into_inner(link.take()?);
        *link = next;
        Some(child)
    }
}

// One lock at a time is taken here: the parent's or the child's. No reference is dropped under
// one, since that may run the protocol's code.
impl<P: Protocol> Sock<P> {
    /// Sets how many connections may wait to be accepted.
    pub fn set_backlog(&self, backlog: i32) {
        // SAFETY: The socket is valid.
        unsafe { bindings::kext_sk_set_max_ack_backlog(self.as_raw(), backlog.max(0)) }
    }

    /// Returns whether as many connections wait as may.
    pub fn accept_queue_full(&self) -> bool {
        // SAFETY: The socket is valid.
        unsafe { bindings::kext_sk_acceptq_full(self.as_raw()) }
    }

    /// Returns how many connections wait.
    pub fn accept_queue_len(&self) -> usize {
        // SAFETY: The socket is valid.
        usize::try_from(unsafe { bindings::kext_sk_ack_backlog(self.as_raw()) }).unwrap_or(0)
    }

    /// Appends `child` to the connections that wait to be accepted from this socket. It gets the
    /// credentials of this socket's opener.
    ///
    /// # Errors
    ///
    /// Returns the child with `ECONNREFUSED` if the queue is full or this socket released, `EINVAL` if it waits elsewhere
    /// or is this socket, `ENOMEM`.
    pub fn accept_enqueue(&self, child: SockRef<P>) -> Result<(), (SockRef<P>, Error)> {
        if child.id() == self.id() {
            return Err((child, EINVAL));
        }
        {
            let mut state = child.ext().accept.lock();
            if state.parent.is_some() {
                drop(state);
                return Err((child, EINVAL));
            }
            state.parent = Some(self.into());
        }
        // SAFETY: Both sockets are valid.
        unsafe { bindings::kext_sk_copy_peer_creds(child.as_raw(), self.as_raw()) };

        let node = KBox::new(
            Node {
                child: child.clone(),
                next: None,
            },
            GFP_ATOMIC,
        );
        let error = match node {
            Ok(node) => {
                let mut state = self.ext().accept.lock();
                if !self.is_dead() && !self.accept_queue_full() {
                    state.push(node);
                    // SAFETY: The socket is valid.
                    unsafe { bindings::kext_sk_acceptq_added(self.as_raw()) };
                    return Ok(());
                }
                ECONNREFUSED
            }
            Err(_) => ENOMEM,
        };
        child.forget_parent();
        Err((child, error))
    }

    /// Takes the first waiting connection for which `pred` is true, in atomic context.
    pub fn accept_dequeue(&self, mut pred: impl FnMut(&Sock<P>) -> bool) -> Option<SockRef<P>> {
        let child = {
            let mut state = self.ext().accept.lock();
            let child = state.take(&mut pred)?;
            // SAFETY: The socket is valid.
            unsafe { bindings::kext_sk_acceptq_removed(self.as_raw()) };
            child
        };
        child.forget_parent();
        Some(child)
    }

    /// Returns whether `pred` is true for a waiting connection; it runs in atomic context.
    pub fn accept_any(&self, mut pred: impl FnMut(&Sock<P>) -> bool) -> bool {
        self.ext().accept.lock().iter().any(|child| pred(child))
    }

    /// Takes all waiting connections, one after the other, and passes them to `f`.
    pub fn accept_drain(&self, mut f: impl FnMut(SockRef<P>)) {
        while let Some(child) = self.accept_dequeue(|_| true) {
            f(child);
        }
    }

    /// Returns the listening socket that this one waits to be accepted from.
    pub fn accept_parent(&self) -> Option<SockRef<P>> {
        self.ext().accept.lock().parent.clone()
    }

    /// Takes this socket out of the queue that it waits in. Returns whether it was in one.
    pub fn accept_unlink(&self) -> bool {
        let Some(parent) = self.forget_parent() else {
            return false;
        };
        let id = self.id();
        let child = {
            let mut state = parent.ext().accept.lock();
            let Some(child) = state.take(|child| child.id() == id) else {
                return false;
            };
            // SAFETY: The socket is valid.
            unsafe { bindings::kext_sk_acceptq_removed(parent.as_raw()) };
            child
        };
        drop(child);
        true
    }

    /// Takes the reference to the parent; the caller drops it, with no lock held.
    fn forget_parent(&self) -> Option<SockRef<P>> {
        self.ext().accept.lock().parent.take()
    }
}
