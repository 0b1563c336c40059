// SPDX-License-Identifier: GPL-2.0

//! What the user of links may want to know of one.

use super::{
    send,
    set_packet_types,
    Link,
    LinkKind,
    LinkSecurity, //
};
use crate::hci::device::Device;
use kernel::prelude::*;
use kernel_ext::workqueue::Worker;
use wire::hci::{
    features::LeFeatures,
    le::{
        LeSetPhy,
        Phys, //
    },
    ConnHandle,
};

/// The security that a link has, if it is up.
pub(crate) fn security_of(
    dev: &Device,
    worker: &mut Worker<'_>,
    handle: u16,
) -> Option<LinkSecurity> {
    let link = dev.links.get(worker)?.by_handle(ConnHandle::new(handle))?;
    Some(link.security)
}

/// The PHYs of LE as user space numbers them (`BT_PHY_LE_*`): for transmission and reception.
const LE_PHYS: [(Phys, u32, u32); 3] = [
    (Phys::LE_1M, 0x0200, 0x0400),
    (Phys::LE_2M, 0x0800, 0x1000),
    (Phys::LE_CODED, 0x2000, 0x4000),
];

/// Packet types of ACL (7.1.14) with the number that user space has for their kind and length
/// (`BT_PHY_BR_*`, `BT_PHY_EDR_*`). Those of EDR are allowed where the bit is not set.
const BASIC_TYPES: [(u16, u32); 2] = [(0x0c00, 0x0002), (0xc000, 0x0004)];
const EDR_TYPES: [(u16, u32); 6] = [
    (0x0002, 0x0008),
    (0x0100, 0x0010),
    (0x1000, 0x0020),
    (0x0004, 0x0040),
    (0x0200, 0x0080),
    (0x2000, 0x0100),
];
/// `BT_PHY_BR_1M_1SLOT`: always possible.
const BR_1M_1SLOT: u32 = 0x0001;

/// The PHYs that may be used on a link (`BT_PHY_*`), if it is up.
pub(crate) fn phys(dev: &Device, worker: &mut Worker<'_>, handle: u16) -> Option<u32> {
    let link = dev.links.get(worker)?.by_handle(ConnHandle::new(handle))?;
    let mut bits = 0;
    match link.kind {
        LinkKind::Acl => {
            let types = link.packet_types;
            bits |= BR_1M_1SLOT;
            for (mask, bit) in BASIC_TYPES {
                if types & mask != 0 {
                    bits |= bit;
                }
            }
            for (mask, bit) in EDR_TYPES {
                if types & mask == 0 {
                    bits |= bit;
                }
            }
        }
        LinkKind::Le => {
            for (phy, tx_bit, rx_bit) in LE_PHYS {
                if link.tx_phys.contains(phy) {
                    bits |= tx_bit;
                }
                if link.rx_phys.contains(phy) {
                    bits |= rx_bit;
                }
            }
        }
    }
    Some(bits)
}

/// A new LE link begins with the controller's defaults.
pub(super) fn default_phys(dev: &Device, link: &mut Link) {
    let state = dev.state();
    link.tx_phys = state.le_tx_phys;
    link.rx_phys = state.le_rx_phys;
}

/// What the peer cannot do is not used.
pub(super) fn peer_phys(link: &mut Link, peer: &LeFeatures) {
    let lacks = Phys::EMPTY
        .with_if(Phys::LE_2M, !peer.phy_2m())
        .with_if(Phys::LE_CODED, !peer.phy_coded());
    link.tx_phys.remove(lacks);
    link.rx_phys.remove(lacks);
}

/// The controller has begun to ask for other PHYs (7.8.49).
pub(super) fn phys_asked_for(dev: &Device, worker: &mut Worker<'_>, sent: &LeSetPhy) {
    let link = dev.links.get(worker).and_then(|t| t.by_handle(sent.handle));
    if let Some(link) = link.filter(|l| l.kind == LinkKind::Le) {
        link.tx_phys = sent.tx_phys;
        link.rx_phys = sent.rx_phys;
    }
}

/// Asks for PHYs (`BT_PHY_*`) on a link.
///
/// # Errors
///
/// `ENOTCONN` if it is not up, `EINVAL` for none of those that it can have.
pub(crate) fn set_phys(dev: &Device, worker: &mut Worker<'_>, handle: u16, bits: u32) -> Result {
    let handle = ConnHandle::new(handle);
    let link = dev.links.get(worker).and_then(|t| t.by_handle(handle));
    let link = link.ok_or(ENOTCONN)?;
    match link.kind {
        LinkKind::Le => {
            let (mut tx_phys, mut rx_phys) = (Phys::EMPTY, Phys::EMPTY);
            for (phy, tx_bit, rx_bit) in LE_PHYS {
                tx_phys = tx_phys.with_if(phy, bits & tx_bit != 0);
                rx_phys = rx_phys.with_if(phy, bits & rx_bit != 0);
            }
            if tx_phys.is_empty() && rx_phys.is_empty() {
                return Err(EINVAL);
            }
            let all_phys = u8::from(tx_phys.is_empty()) | (u8::from(rx_phys.is_empty()) << 1);
            send(
                dev,
                &LeSetPhy {
                    handle,
                    all_phys,
                    tx_phys,
                    rx_phys,
                    options: 0.into(),
                },
            );
        }
        LinkKind::Acl => {
            if bits & BR_1M_1SLOT == 0 {
                return Err(EINVAL);
            }
            /// DM1 and DH1.
            const ONE_SLOT: u16 = 0x0018;
            let mut types = ONE_SLOT;
            for (mask, bit) in BASIC_TYPES {
                if bits & bit != 0 {
                    types |= mask;
                }
            }
            for (mask, bit) in EDR_TYPES {
                if bits & bit == 0 {
                    types |= mask;
                }
            }
            set_packet_types(dev, worker, handle.get(), types);
        }
    }
    Ok(())
}
