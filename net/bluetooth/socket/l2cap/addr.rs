// SPDX-License-Identifier: GPL-2.0

//! Addresses of L2CAP sockets.

use super::AF_BLUETOOTH;
use kernel::prelude::*;
use kernel_ext::net::SockAddr;
use wire::{
    l2cap::{
        cid,
        Transport, //
    },
    AddressType,
    BdAddr, //
};
use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes,
    KnownLayout, //
};

/// `struct sockaddr_l2`.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct L2capAddr {
    family: u16,
    psm: [u8; 2],
    addr: [u8; 6],
    cid: [u8; 2],
    addr_type: u8,
    _padding: u8,
}

impl L2capAddr {
    pub(super) fn new(
        family: u16,
        psm: u16,
        addr: BdAddr,
        cid: u16,
        addr_type: AddressType,
    ) -> Self {
        Self {
            family,
            psm: psm.to_le_bytes(),
            addr: addr.0,
            cid: cid.to_le_bytes(),
            addr_type: addr_type.to_u8(),
            _padding: 0,
        }
    }

    /// The address that user space passed; what it left out is zero.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it is of another family.
    pub(super) fn read(addr: &SockAddr<'_>) -> Result<Self> {
        if addr.family() != Some(AF_BLUETOOTH) {
            return Err(EINVAL);
        }
        Ok(addr.read_padded())
    }

    pub(super) fn psm(&self) -> u16 {
        u16::from_le_bytes(self.psm)
    }

    pub(super) fn cid(&self) -> u16 {
        u16::from_le_bytes(self.cid)
    }

    pub(super) fn addr(&self) -> BdAddr {
        BdAddr(self.addr)
    }

    /// The address' type, and what it is on.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no such type, both a PSM and a CID, or a CID on LE that user space
    /// must not have.
    pub(super) fn checked(&self) -> Result<(AddressType, Transport)> {
        if self.psm() != 0 && self.cid() != 0 {
            return Err(EINVAL);
        }
        let addr_type = AddressType::from_u8(self.addr_type).ok_or(EINVAL)?;
        if !addr_type.is_le() {
            return Ok((addr_type, Transport::BrEdr));
        }
        if !matches!(self.cid(), 0 | cid::ATT) {
            return Err(EINVAL);
        }
        Ok((addr_type, Transport::Le))
    }
}
