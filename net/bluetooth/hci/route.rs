// SPDX-License-Identifier: GPL-2.0

//! Which controller leads to a peer.

use super::{
    registry,
    update,
    Device,
    Peer, //
};
use kernel::sync::aref::ARef;
use kernel_ext::hci::{
    Address,
    DevFlag,
    Flag, //
};
use wire::{
    AddressType,
    BdAddr, //
};

/// The address that a controller's links of a kind have at this end.
pub(crate) fn own_address(dev: &Device, le: bool) -> Peer {
    if le {
        let (kind, addr) = update::address::identity(dev);
        Peer {
            addr,
            kind: kind.to_address_type(),
        }
    } else {
        Peer {
            addr: BdAddr(dev.address(Address::Current)),
            kind: AddressType::BrEdr,
        }
    }
}

fn leads(dev: &Device, dst: BdAddr, src: BdAddr, src_type: AddressType) -> bool {
    if !dev.is(DevFlag::UP) || dev.has(Flag::USER_CHANNEL) {
        return false;
    }
    if src.is_any() {
        // Any but the peer itself.
        return dev.address(Address::Current) != dst.0;
    }
    let le = src_type.is_le();
    let capable = dev.info().is_ok_and(|info| {
        if le {
            info.le_capable()
        } else {
            info.bredr_capable()
        }
    });
    capable
        && own_address(dev, le)
            == Peer {
                addr: src,
                kind: src_type,
            }
}

/// The controller through which `dst` is reached, from the local address `src` unless that is
/// "any".
pub(crate) fn find(dst: BdAddr, src: BdAddr, src_type: AddressType) -> Option<ARef<Device>> {
    let all = registry::all().ok()?;
    all.into_iter().find(|dev| leads(dev, dst, src, src_type))
}
