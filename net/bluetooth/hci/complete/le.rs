// SPDX-License-Identifier: GPL-2.0

//! LE settings: advertising, scanning, lists, addresses.

use super::{
    Completed,
    Outcome, //
};
use crate::hci::{
    found,
    timers::{
        self,
        Timer, //
    },
    update::{
        self,
        adv, //
    },
    Device,
    Peer, //
};
use kernel::prelude::*;
use kernel_ext::hci::{
    Address,
    Flag, //
};
use kernel_ext::vec::VecExt;
use wire::{
    hci::{
        le::{
            LeAddToAcceptList,
            LeAddToResolvingList,
            LeClearAcceptList,
            LeClearResolvingList,
            LeRemoveFromAcceptList,
            LeRemoveFromResolvingList,
            LeSetAddressResolutionEnable,
            LeSetDefaultPhy,
            LeSetPrivacyMode,
            LeSetRandomAddress, //
        },
        le_adv::{
            AdvSet,
            LeClearAdvSets,
            LeRemoveAdvSet,
            LeSetAdvEnable,
            LeSetAdvParams,
            LeSetAdvSetRandomAddress,
            LeSetExtAdvEnable,
            LeSetExtAdvParams,
            LeSetExtScanEnable,
            LeSetExtScanParams,
            LeSetPeriodicAdvEnable,
            LeSetScanEnable,
            LeSetScanParams,
            ScanPhyParams, //
        },
        LeAddrType,
        Opcode,
        Request,
        Status, //
    },
    BdAddr,
    Malformed,
    Reader, //
};

/// Scan type of an active scan.
const ACTIVE: u8 = 0x01;

/// Notes the answer if it is one of these.
pub(super) fn apply(opcode: Opcode, done: &Completed<'_>) -> Option<Outcome> {
    Some(match opcode {
        LeSetRandomAddress::OPCODE => {
            done.wrote::<LeSetRandomAddress>(|dev, sent| random_address(dev, sent.bdaddr))
        }
        LeSetDefaultPhy::OPCODE => done.wrote::<LeSetDefaultPhy>(|dev, sent| {
            let mut state = dev.state();
            state.le_tx_phys = sent.tx_phys;
            state.le_rx_phys = sent.rx_phys;
        }),
        LeSetPrivacyMode::OPCODE => done.wrote::<LeSetPrivacyMode>(|dev, sent| {
            let peer = peer(sent.addr_type, sent.bdaddr);
            let mut state = dev.state();
            if let Some(params) = state.conn_params.of_mut(peer) {
                params.privacy_mode = sent.mode;
            }
        }),

        LeSetAdvParams::OPCODE => done.wrote::<LeSetAdvParams>(|dev, sent| {
            dev.state().adv_addr_type = sent.own_addr_type.0;
        }),
        LeSetExtAdvParams::OPCODE => ext_adv_params(done),
        LeSetAdvEnable::OPCODE => done.wrote::<LeSetAdvEnable>(|dev, sent| {
            dev.set(Flag::LE_ADV, sent.enable != 0);
        }),
        LeSetExtAdvEnable::OPCODE => succeeded(done, ext_adv_enable),
        LeRemoveAdvSet::OPCODE => {
            done.wrote::<LeRemoveAdvSet>(|dev, sent| adv::note_removed(dev, sent.handle))
        }
        LeClearAdvSets::OPCODE => done.status.ok().map(|()| adv::note_cleared(done.dev)),
        LeSetAdvSetRandomAddress::OPCODE => done.wrote::<LeSetAdvSetRandomAddress>(|dev, sent| {
            adv::note_set_address(dev, sent.handle, sent.bdaddr);
        }),
        LeSetPeriodicAdvEnable::OPCODE => done.wrote::<LeSetPeriodicAdvEnable>(|dev, sent| {
            dev.set(Flag::LE_PER_ADV, sent.enable != 0);
        }),

        LeSetScanParams::OPCODE => done.wrote::<LeSetScanParams>(|dev, sent| {
            dev.state().le_scan_active = sent.scan_type == ACTIVE;
        }),
        LeSetExtScanParams::OPCODE => succeeded(done, ext_scan_params),
        LeSetScanEnable::OPCODE => {
            done.wrote::<LeSetScanEnable>(|dev, sent| scan_enable(dev, sent.enable))
        }
        LeSetExtScanEnable::OPCODE => {
            done.wrote::<LeSetExtScanEnable>(|dev, sent| scan_enable(dev, sent.enable))
        }

        LeClearAcceptList::OPCODE => done
            .status
            .ok()
            .map(|()| done.dev.state().le_accept_list.clear()),
        LeAddToAcceptList::OPCODE => done.wrote::<LeAddToAcceptList>(|dev, sent| {
            add(
                &mut dev.state().le_accept_list,
                peer(sent.addr_type, sent.bdaddr),
            );
        }),
        LeRemoveFromAcceptList::OPCODE => done.wrote::<LeRemoveFromAcceptList>(|dev, sent| {
            remove(
                &mut dev.state().le_accept_list,
                peer(sent.addr_type, sent.bdaddr),
            );
        }),
        LeClearResolvingList::OPCODE => done
            .status
            .ok()
            .map(|()| done.dev.state().le_resolv_list.clear()),
        LeAddToResolvingList::OPCODE => done.wrote::<LeAddToResolvingList>(|dev, sent| {
            add(
                &mut dev.state().le_resolv_list,
                peer(sent.addr_type, sent.bdaddr),
            );
        }),
        LeRemoveFromResolvingList::OPCODE => {
            done.wrote::<LeRemoveFromResolvingList>(|dev, sent| {
                remove(
                    &mut dev.state().le_resolv_list,
                    peer(sent.addr_type, sent.bdaddr),
                );
            })
        }
        LeSetAddressResolutionEnable::OPCODE => {
            done.wrote::<LeSetAddressResolutionEnable>(|dev, sent| {
                dev.set(Flag::LL_RPA_RESOLUTION, sent.enable != 0);
            })
        }
        _ => return None,
    })
}

fn peer(kind: LeAddrType, addr: BdAddr) -> Peer {
    Peer {
        addr,
        kind: kind.to_address_type(),
    }
}

/// The lists follow the controller's, whose size bounds them.
fn add(list: &mut KVec<Peer>, peer: Peer) {
    if !list.contains(&peer) && list.append(peer).is_err() {
        pr_err!(
            "no memory to remember {:?} on a controller's list\n",
            peer.addr
        );
    }
}

fn remove(list: &mut KVec<Peer>, peer: Peer) {
    list.keep(|p| *p != peer);
}

/// If the command succeeded, notes what it was sent with, of variable length.
fn succeeded(
    done: &Completed<'_>,
    note: fn(&Device, Reader<'_>) -> Result<(), Malformed>,
) -> Outcome {
    done.status.ok()?;
    note(done.dev, Reader::new("command parameters", done.sent))
        .map_err(|_| Status::INVALID_PARAMETERS)
}

/// The controller has another random address now. A private one gets old.
fn random_address(dev: &Device, addr: BdAddr) {
    let (is_private, seconds) = {
        let mut state = dev.state();
        state.random_addr = addr;
        (state.rpa == addr, state.defaults.rpa_timeout)
    };
    dev.set_address(Address::Random, addr.0);
    if is_private {
        dev.set(Flag::RPA_EXPIRED, false);
        timers::start(dev, Timer::RpaExpired, seconds.saturating_mul(1000));
    }
}

/// LE Set Extended Advertising Parameters (7.8.53): the reply is the transmit power chosen.
fn ext_adv_params(done: &Completed<'_>) -> Outcome {
    let power = done.reply::<LeSetExtAdvParams>()?;
    let Some(sent) = done.sent::<LeSetExtAdvParams>() else {
        return Ok(());
    };
    done.dev.state().adv_addr_type = sent.own_addr_type.0;
    if sent.handle == 0 {
        done.change(|info| info.adv_tx_power = power);
    }
    adv::note_set_power(done.dev, sent.handle, power);
    Ok(())
}

/// LE Set Extended Advertising Enable (7.8.56): one set or, if none is named, all.
fn ext_adv_enable(dev: &Device, mut sent: Reader<'_>) -> Result<(), Malformed> {
    let enable = sent.u8()? != 0;
    let sets = sent.u8()?;
    let sets = sent.views::<AdvSet>(usize::from(sets))?;
    adv::note_enabled(dev, sets, enable);
    Ok(())
}

/// LE Set Extended Scan Parameters (7.8.64): scans are of one type on all PHYs.
fn ext_scan_params(dev: &Device, mut sent: Reader<'_>) -> Result<(), Malformed> {
    // Own address type, filter policy, PHYs.
    sent.bytes(3)?;
    let first = sent.view::<ScanPhyParams>()?;
    dev.state().le_scan_active = first.scan_type == ACTIVE;
    Ok(())
}

/// LE scanning was switched on or off.
fn scan_enable(dev: &Device, enable: u8) {
    match enable {
        0 => {
            timers::stop(dev, Timer::LeScanOff);
            dev.set(Flag::LE_SCAN, false);
            found::scan_over(dev);
            update::le_scan_stopped(dev);
        }
        1 => {
            dev.set(Flag::LE_SCAN, true);
            update::le_scan_started(dev);
        }
        other => pr_err!(
            "{}: use of reserved LE scan enable parameter {}\n",
            dev.name(),
            other
        ),
    }
}
