// SPDX-License-Identifier: GPL-2.0

//! Whose a socket buffer is.

use super::{
    Protocol,
    ScmCreds,
    Sock, //
};
use crate::skbuff::SkBuff;
use core::ptr::NonNull;

impl SkBuff {
    /// Returns whether the buffer was allocated for `sk` (and not orphaned since).
    #[inline]
    pub fn is_from<P: Protocol>(&self, sk: &Sock<P>) -> bool {
        // SAFETY: Valid by the type invariant; the pointers are only compared.
        unsafe { (*self.as_ptr()).sk.cast() == sk.as_raw() }
    }

    /// Returns the credentials of the socket that the buffer was allocated for, if there is one
    /// and they are known.
    pub fn sender_creds(&self) -> Option<ScmCreds> {
        // SAFETY: Valid by the type invariant.
        let sk = NonNull::new(unsafe { (*self.as_ptr()).sk })?;
        // SAFETY: A buffer keeps its socket alive.
        unsafe { ScmCreds::of_peer(sk.as_ptr().cast()) }
    }
}
