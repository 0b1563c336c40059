// SPDX-License-Identifier: GPL-2.0

//! Who is calling, and who opened a socket.

use super::{
    Protocol,
    Sock,
    Socket, //
};
use crate::bindings;
use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes,
    KnownLayout, //
};

/// A capability that sockets ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// `CAP_NET_BIND_SERVICE`
    NetBindService,
    /// `CAP_NET_ADMIN`
    NetAdmin,
    /// `CAP_NET_RAW`
    NetRaw,
}

impl Capability {
    fn as_raw(self) -> i32 {
        // CAST: Capabilities are small numbers.
        match self {
            Self::NetBindService => bindings::CAP_NET_BIND_SERVICE as i32,
            Self::NetAdmin => bindings::CAP_NET_ADMIN as i32,
            Self::NetRaw => bindings::CAP_NET_RAW as i32,
        }
    }
}

/// Returns whether the calling task has `cap` in the initial user namespace.
pub fn capable(cap: Capability) -> bool {
    // SAFETY: May be called for any task.
    unsafe { bindings::kext_capable(cap.as_raw()) }
}

/// Length of a task's name, its final NUL included.
pub const COMM_LEN: usize = 16;

/// Returns the calling task's name, padded with NULs.
pub fn current_comm() -> [u8; COMM_LEN] {
    const { assert!(COMM_LEN == bindings::TASK_COMM_LEN as usize) };
    let mut comm = [0; COMM_LEN];
    // SAFETY: `comm` has the size of a task's name.
    unsafe { bindings::kext_current_comm(comm.as_mut_ptr()) };
    comm
}

/// Returns the calling process's id as that process sees it.
pub fn current_tgid() -> i32 {
    // SAFETY: May be called for any task.
    unsafe { bindings::kext_current_tgid() }
}

/// Length of a field of `uname(2)`, its final NUL included.
pub const UTS_LEN: usize = 65;

/// Returns the kernel's release and the machine's name, as the initial UTS namespace has them,
/// padded with NULs.
pub fn uts_release_machine() -> ([u8; UTS_LEN], [u8; UTS_LEN]) {
    let mut release = [0; UTS_LEN];
    let mut machine = [0; UTS_LEN];
    // SAFETY: Both buffers have that length.
    unsafe { bindings::kext_uts(release.as_mut_ptr(), machine.as_mut_ptr(), UTS_LEN) };
    (release, machine)
}

/// A process's credentials as they travel with a message (`struct scm_creds`).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ScmCreds {
    /// Process id, in the pid namespace of who looked.
    pub pid: u32,
    /// User id (`kuid_t`).
    pub uid: u32,
    /// Group id (`kgid_t`).
    pub gid: u32,
}

const _: () = assert!(size_of::<ScmCreds>() == size_of::<bindings::scm_creds>());

impl ScmCreds {
    /// Returns the peer credentials of a socket.
    ///
    /// # Safety
    ///
    /// `sk` must point to a valid, initialised `struct sock`.
    pub(crate) unsafe fn of_peer(sk: *mut bindings::sock) -> Option<Self> {
        let mut creds = Self::default();
        // SAFETY: `sk` is valid as required of the caller; `ScmCreds` is laid out as the C type.
        unsafe { bindings::kext_sk_peer_creds(sk, (&raw mut creds).cast()) }.then_some(creds)
    }
}

impl<P: Protocol> Sock<P> {
    /// Returns the credentials of the process that opened the socket or, for an accepted one, the
    /// listening socket; [`None`] for one that the kernel opened.
    pub fn peer_creds(&self) -> Option<ScmCreds> {
        // SAFETY: Valid by the type invariant.
        unsafe { ScmCreds::of_peer(self.as_raw()) }
    }
}

impl<P: Protocol> Socket<'_, P> {
    /// Returns whether both the process that opened the socket and the calling one have `cap` in
    /// the initial user namespace.
    pub fn capable(&self, cap: Capability) -> bool {
        // SAFETY: The socket is valid, and so is its file as long as there is a `Socket`.
        unsafe { bindings::kext_sk_capable(self.as_raw(), cap.as_raw()) }
    }
}
