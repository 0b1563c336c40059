// SPDX-License-Identifier: GPL-2.0

//! Addresses of SCO sockets.

use super::AF_BLUETOOTH;
use kernel::prelude::*;
use kernel_ext::net::SockAddr;
use wire::BdAddr;
use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes,
    KnownLayout, //
};

/// `struct sockaddr_sco`.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct ScoAddr {
    family: u16,
    addr: [u8; 6],
}

impl ScoAddr {
    pub(super) fn new(family: u16, addr: BdAddr) -> Self {
        Self {
            family,
            addr: addr.0,
        }
    }

    /// The address that user space passed.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it is of another family, or not all there.
    pub(super) fn read(addr: &SockAddr<'_>) -> Result<Self> {
        if addr.family() != Some(AF_BLUETOOTH) {
            return Err(EINVAL);
        }
        addr.read().ok_or(EINVAL)
    }

    pub(super) fn addr(&self) -> BdAddr {
        BdAddr(self.addr)
    }
}
