// SPDX-License-Identifier: GPL-2.0

//! Packet types and PHYs.

use super::{
    call::{
        Call,
        Outcome, //
    },
    channel::SocketId,
    events,
    status_of, //
};
use crate::hci::{
    power,
    Device,
    Info, //
};
use wire::{
    hci::le::{
        self,
        LeSetDefaultPhy, //
    },
    mgmt::{
        command::SetPhyConfiguration,
        ev,
        event::PhyConfigurationChanged,
        op,
        reply::PhyConfiguration,
        MgmtStatus,
        Phys, //
    }, //
};

/// Packet types that may be used (Vol 4 Part E 7.1.14)...
const DM1_DH1: u16 = 0x0008 | 0x0010;
const DM3_DH3: u16 = 0x0400 | 0x0800;
const DM5_DH5: u16 = 0x4000 | 0x8000;
/// ... and those that shall not be: set means off.
const NO_EDR: [(Phys, u16); 6] = [
    (Phys::EDR_2M_1SLOT, 0x0002),
    (Phys::EDR_2M_3SLOT, 0x0100),
    (Phys::EDR_2M_5SLOT, 0x1000),
    (Phys::EDR_3M_1SLOT, 0x0004),
    (Phys::EDR_3M_3SLOT, 0x0200),
    (Phys::EDR_3M_5SLOT, 0x2000),
];

/// LE PHYs, those for transmitting and those for receiving.
const LE_TX: [(Phys, le::Phys); 3] = [
    (Phys::LE_1M_TX, le::Phys::LE_1M),
    (Phys::LE_2M_TX, le::Phys::LE_2M),
    (Phys::LE_CODED_TX, le::Phys::LE_CODED),
];
const LE_RX: [(Phys, le::Phys); 3] = [
    (Phys::LE_1M_RX, le::Phys::LE_1M),
    (Phys::LE_2M_RX, le::Phys::LE_2M),
    (Phys::LE_CODED_RX, le::Phys::LE_CODED),
];

fn supported(info: &Info) -> Phys {
    let mut phys = Phys::EMPTY;
    let f = &info.features;
    if info.bredr_capable() {
        phys |= Phys::BR_1M_1SLOT;
        phys.set(Phys::BR_1M_3SLOT, f.three_slot());
        phys.set(Phys::BR_1M_5SLOT, f.five_slot());
        if f.edr_2m() {
            phys |= Phys::EDR_2M_1SLOT;
            phys.set(Phys::EDR_2M_3SLOT, f.edr_three_slot());
            phys.set(Phys::EDR_2M_5SLOT, f.edr_five_slot());
            if f.edr_3m() {
                phys |= Phys::EDR_3M_1SLOT;
                phys.set(Phys::EDR_3M_3SLOT, f.edr_three_slot());
                phys.set(Phys::EDR_3M_5SLOT, f.edr_five_slot());
            }
        }
    }
    if info.le_capable() {
        phys |= Phys::LE_1M_TX | Phys::LE_1M_RX;
        if info.le_features.phy_2m() {
            phys |= Phys::LE_2M_TX | Phys::LE_2M_RX;
        }
        if info.le_features.phy_coded() {
            phys |= Phys::LE_CODED_TX | Phys::LE_CODED_RX;
        }
    }
    phys
}

fn configurable(info: &Info) -> Phys {
    supported(info).without(Phys::BR_1M_1SLOT | Phys::LE_1M_TX | Phys::LE_1M_RX)
}

/// What is selected now.
fn selected(dev: &Device, info: &Info) -> Phys {
    let (pkt_type, tx, rx) = {
        let state = dev.state();
        (state.pkt_type, state.le_tx_phys, state.le_rx_phys)
    };
    let mut phys = Phys::EMPTY;
    if info.bredr_capable() {
        phys |= Phys::BR_1M_1SLOT;
        phys.set(Phys::BR_1M_3SLOT, pkt_type & DM3_DH3 != 0);
        phys.set(Phys::BR_1M_5SLOT, pkt_type & DM5_DH5 != 0);
        let can = supported(info);
        for (phy, not) in NO_EDR {
            phys.set(phy, can.contains(phy) && pkt_type & not == 0);
        }
    }
    if info.le_capable() {
        for (phy, bit) in LE_TX {
            phys.set(phy, tx.contains(bit));
        }
        for (phy, bit) in LE_RX {
            phys.set(phy, rx.contains(bit));
        }
    }
    phys
}

/// Get PHY Configuration.
pub(super) fn get(call: &Call<'_>) -> Outcome {
    let info = call.info()?;
    call.reply(&PhyConfiguration {
        supported: supported(&info),
        configurable: configurable(&info),
        selected: selected(call.dev()?, &info),
    })
}

fn tell(dev: &Device, skip: Option<SocketId>) {
    let Ok(info) = dev.info() else { return };
    let payload = PhyConfigurationChanged {
        selected: selected(dev, &info),
    };
    events::trusted(dev, ev::PHY_CONFIGURATION_CHANGED, &payload, skip);
}

/// Tells that packet types were changed elsewhere (`HCISETPTYPE`).
pub(crate) fn changed(dev: &Device) {
    tell(dev, None);
}

fn packet_types(selected: Phys) -> u16 {
    let mut types = DM1_DH1;
    if selected.contains(Phys::BR_1M_3SLOT) {
        types |= DM3_DH3;
    }
    if selected.contains(Phys::BR_1M_5SLOT) {
        types |= DM5_DH5;
    }
    for (phy, not) in NO_EDR {
        if !selected.contains(phy) {
            types |= not;
        }
    }
    types
}

/// Set PHY Configuration.
pub(super) fn set(call: &Call<'_>, params: &SetPhyConfiguration) -> Outcome {
    let dev = call.dev()?;
    let info = call.info()?;
    let wanted = params.selected;
    let can = supported(&info);
    // All must be supported, and those that cannot be switched off must be there.
    if !can.contains(wanted) || !wanted.contains(can.without(configurable(&info))) {
        return Err(MgmtStatus::INVALID_PARAMS.into());
    }
    if wanted == selected(dev, &info) {
        return call.done();
    }
    if !power::is_powered(dev) {
        return Err(MgmtStatus::REJECTED.into());
    }
    call.not_pending(&[op::SET_PHY_CONFIGURATION])?;
    let types = packet_types(wanted);
    let old = core::mem::replace(&mut dev.state().pkt_type, types);
    if wanted & Phys::LE_MASK == selected(dev, &info) & Phys::LE_MASK {
        if old != types {
            tell(dev, call.skip());
        }
        return call.done();
    }
    let pick = |table: [(Phys, le::Phys); 3]| {
        table.iter().fold(le::Phys::EMPTY, |all, (phy, bit)| {
            all.with_if(*bit, wanted.contains(*phy))
        })
    };
    let command = LeSetDefaultPhy {
        all_phys: u8::from(!wanted.intersects(Phys::LE_TX_MASK))
            | u8::from(!wanted.intersects(Phys::LE_RX_MASK)) << 1,
        tx_phys: pick(LE_TX),
        rx_phys: pick(LE_RX),
    };
    let ticket = call.unlisted()?;
    call.queue_or(ticket, MgmtStatus::FAILED, move |session, ticket| {
        let result = session.send(&command);
        let Some(claim) = ticket.claim() else { return };
        match result {
            Ok(()) => {
                claim.complete(MgmtStatus::SUCCESS, &[]);
                tell(session.dev(), claim.skip());
            }
            Err(e) => claim.status(status_of(e)),
        }
    })
}
