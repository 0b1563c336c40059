// SPDX-License-Identifier: GPL-2.0

//! Links: which there are, and what they are.

use super::find;
use crate::hci::{
    link::{
        self,
        LinkSnapshot,
        MAX_LINKS, //
    },
    Device,
};
use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};
use kernel_ext::net::IoctlArg;
use kernel_ext::vec::VecExt;
use wire::BdAddr;
use zerocopy::IntoBytes;
use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes,
    KnownLayout, //
};

/// `ACL_LINK`.
const ACL_LINK: u8 = 0x01;

/// A link (`struct hci_conn_info`).
#[derive(Clone, Copy, IntoBytes, Immutable)]
#[repr(C)]
struct LinkInfo {
    handle: u16,
    address: [u8; 6],
    kind: u8,
    /// 1: initiated here.
    out: u8,
    state: u16,
    link_mode: u32,
}

impl From<&LinkSnapshot> for LinkInfo {
    fn from(link: &LinkSnapshot) -> Self {
        Self {
            handle: link.handle,
            address: link.addr.0,
            kind: link.kind,
            out: link.out.into(),
            state: link.state,
            link_mode: link.link_mode,
        }
    }
}

/// What a list of [`LinkInfo`]s starts with (`struct hci_conn_list_req`).
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct ListHeader {
    index: u16,
    count: u16,
}

/// Which link, before its [`LinkInfo`] (`struct hci_conn_info_req`).
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct InfoRequest {
    address: [u8; 6],
    kind: u8,
    padding: u8,
}

/// `struct hci_auth_info_req`.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct AuthInfo {
    address: [u8; 6],
    kind: u8,
}

/// `HCIGETCONNLIST`.
///
/// # Errors
///
/// `EFAULT`, `EINVAL` if the caller asks for none or for more than two pages of them, `ENODEV`,
/// `ENOMEM`.
pub(super) fn list(arg: IoctlArg) -> Result {
    let mut header: ListHeader = arg.read()?;
    let max = usize::from(header.count);
    if max == 0 || max.saturating_mul(size_of::<LinkInfo>()) > PAGE_SIZE.saturating_mul(2) {
        return Err(EINVAL);
    }
    let dev = find(header.index)?;
    let mut found = KVec::new();
    for link in link::snapshot_all(&dev, max)?.iter() {
        found.append(LinkInfo::from(link))?;
    }
    // At most `max`.
    header.count = found.len() as u16;
    arg.write(&header)?;
    arg.write_at(size_of::<ListHeader>(), found.as_bytes())
}

/// The link of a type to an address.
///
/// # Errors
///
/// `ENOENT`, `ENOMEM`.
fn lookup(dev: &Device, kind: u8, address: [u8; 6]) -> Result<LinkSnapshot> {
    link::snapshot_all(dev, MAX_LINKS)?
        .iter()
        .find(|link| link.kind == kind && link.addr == BdAddr(address))
        .copied()
        .ok_or(ENOENT)
}

/// `HCIGETCONNINFO`.
///
/// # Errors
///
/// `EFAULT`, `ENOENT`, `ENOMEM`.
pub(super) fn info(dev: &Device, arg: IoctlArg) -> Result {
    let request: InfoRequest = arg.read()?;
    let link = lookup(dev, request.kind, request.address)?;
    arg.write_at(size_of::<InfoRequest>(), LinkInfo::from(&link).as_bytes())
}

/// `HCIGETAUTHINFO`: what security the link was asked for.
///
/// # Errors
///
/// `EFAULT`, `ENOENT`, `ENOMEM`.
pub(super) fn auth_info(dev: &Device, arg: IoctlArg) -> Result {
    let mut request: AuthInfo = arg.read()?;
    request.kind = lookup(dev, ACL_LINK, request.address)?.auth_type;
    arg.write(&request)
}
