// SPDX-License-Identifier: GPL-2.0

//! What is asked of LE controllers (Vol 4 Part E 7.8).

use super::{
    BringUp,
    Can,
    Outcome, //
};
use engine::bringup;
use kernel::prelude::*;
use kernel_ext::hci::Flag;
use wire::hci::{
    host_control::WriteLeHostSupport,
    le::{
        LeClearAcceptList,
        LeClearResolvingList,
        LeReadAcceptListSize,
        LeReadAllLocalFeatures,
        LeReadBufferSize,
        LeReadBufferSizeV2,
        LeReadConnInterval,
        LeReadDefaultDataLength,
        LeReadLocalFeatures,
        LeReadMaxDataLength,
        LeReadResolvingListSize,
        LeReadSupportedStates,
        LeReadTransmitPower,
        LeSetDefaultPhy,
        LeSetDefaultRateParams,
        LeSetEventMask,
        LeSetHostFeature,
        LeSetHostFeatureV2,
        LeSetRpaTimeout,
        LeWriteDefaultDataLength, //
    },
    le_adv::{
        LeReadAdvTxPower,
        LeReadNumSupportedAdvSets, //
    },
    CommandBit, //
};

/// Shortest ACL packets that an LE controller may ask for, in bytes (7.8.2).
const MIN_MTU: u16 = 0x001b;

/// Host features by number (Vol 6 Part B 4.6).
const HOST_CIS: u8 = 32;
const HOST_CHANNEL_SOUNDING: u8 = 47;
const HOST_SHORTER_INTERVALS: u8 = 73;

/// Features, buffers and states.
pub(super) fn basics(up: &BringUp<'_, '_>) -> Outcome {
    up.must(&LeReadLocalFeatures {})?;
    let can = up.can()?;
    up.may_if(
        can.le_features.ll_ext_features() && can.knows(CommandBit::LE_READ_ALL_LOCAL_FEATURES),
        &LeReadAllLocalFeatures {},
    )?;

    let can = up.can()?;
    let with_iso = can.le_features.iso() && can.knows(CommandBit::LE_READ_BUFFER_SIZE_V2);
    let acl_len = match up.may_if(with_iso, &LeReadBufferSizeV2 {})? {
        Some(buffers) => buffers.acl_len,
        None => up.must(&LeReadBufferSize {})?.acl_len,
    };
    // 0: the BR/EDR buffers are shared.
    if acl_len.get() != 0 && acl_len.get() < MIN_MTU {
        pr_err!("{}: LE buffers are too short\n", up.dev().name());
        return Err(EINVAL.into());
    }
    up.may(&LeReadSupportedStates {})?;
    Ok(())
}

/// Events, lists and limits, and what the host can do.
pub(super) fn set_up(up: &BringUp<'_, '_>) -> Outcome {
    let can = up.can()?;
    up.may(&LeSetEventMask {
        mask: bringup::le_event_mask(&can.abilities(), can.enhanced_connections(), can.ext_scan()),
    })?;
    // A legacy advertising command: a controller that is asked it refuses the extended ones.
    up.may_if(
        can.knows(CommandBit::LE_READ_ADV_TX_POWER) && !can.ext_advertising(),
        &LeReadAdvTxPower {},
    )?;
    up.may_if(can.read_transmit_power(), &LeReadTransmitPower {})?;
    up.may_if(
        can.knows(CommandBit::LE_READ_ACCEPT_LIST_SIZE),
        &LeReadAcceptListSize {},
    )?;
    up.may_if(
        can.knows(CommandBit::LE_CLEAR_ACCEPT_LIST),
        &LeClearAcceptList {},
    )?;
    up.may_if(
        can.knows(CommandBit::LE_READ_RESOLVING_LIST_SIZE),
        &LeReadResolvingListSize {},
    )?;
    up.may_if(
        can.knows(CommandBit::LE_CLEAR_RESOLVING_LIST),
        &LeClearResolvingList {},
    )?;
    up.may_if(can.rpa_timeout(), &rpa_timeout(up))?;

    let long_packets = can.le_features.data_length_extension();
    up.may_if(long_packets, &LeReadMaxDataLength {})?;
    up.may_if(long_packets, &LeReadDefaultDataLength {})?;
    up.may_if(can.ext_advertising(), &LeReadNumSupportedAdvSets {})?;

    host_support(up, &can)?;
    host_features(up, &can)?;
    connection_rate(up, &can)
}

/// Seconds after which the controller renews its private addresses.
fn rpa_timeout(up: &BringUp<'_, '_>) -> LeSetRpaTimeout {
    let seconds = up.dev().state().defaults.rpa_timeout;
    LeSetRpaTimeout {
        timeout: u16::try_from(seconds).unwrap_or(u16::MAX).into(),
    }
}

/// LE Host Support (7.3.79) of a dual-mode controller; LE-only ones need no telling.
fn host_support(up: &BringUp<'_, '_>, can: &Can<'_>) -> Outcome {
    let wanted = up.dev().has(Flag::LE_ENABLED);
    up.may_if(
        can.bredr_capable() && wanted != can.features.host_le(),
        &WriteLeHostSupport {
            le: wanted.into(),
            simultaneous: 0,
        },
    )?;
    Ok(())
}

/// Tells which features this host supports (7.8.115), one by one.
fn host_features(up: &BringUp<'_, '_>, can: &Can<'_>) -> Outcome {
    let v2 = can.le_features.ll_ext_features() && can.knows(CommandBit::LE_SET_HOST_FEATURE_V2);
    let iso_enabled = can.le_enabled() && can.le_features.iso();
    let features = [
        (can.le_features.cis(), HOST_CIS, iso_enabled),
        (
            can.le_features.channel_sounding(),
            HOST_CHANNEL_SOUNDING,
            true,
        ),
        (
            can.le_features.shorter_intervals(),
            HOST_SHORTER_INTERVALS,
            true,
        ),
    ];
    for (_, bit_number, value) in features.into_iter().filter(|(there, ..)| *there) {
        let bit_value = value.into();
        if v2 {
            up.may(&LeSetHostFeatureV2 {
                bit_number: u16::from(bit_number).into(),
                bit_value,
            })?;
        } else {
            up.may(&LeSetHostFeature {
                bit_number,
                bit_value,
            })?;
        }
    }
    Ok(())
}

/// Default connection rate, from the intervals that the controller supports.
fn connection_rate(up: &BringUp<'_, '_>, can: &Can<'_>) -> Outcome {
    if !can.le_features.shorter_intervals() {
        return Ok(());
    }
    let intervals = up.may(&LeReadConnInterval {})?;
    let groups = intervals.as_ref().map_or(&[][..], |i| i.groups.as_slice());
    up.may(&LeSetDefaultRateParams {
        params: bringup::default_rate(groups),
    })?;
    Ok(())
}

/// Long packets and fast PHYs where there are any.
pub(super) fn defaults(up: &BringUp<'_, '_>) -> Outcome {
    let can = up.can()?;
    up.may_if(
        can.le_features.data_length_extension(),
        &LeWriteDefaultDataLength {
            tx_octets: can.le_max_tx_len.into(),
            tx_time: can.le_max_tx_time.into(),
        },
    )?;
    let phys = bringup::default_phys(&can.le_features, can.coded_phy());
    up.may_if(
        can.knows(CommandBit::LE_SET_DEFAULT_PHY),
        &LeSetDefaultPhy {
            all_phys: 0,
            tx_phys: phys,
            rx_phys: phys,
        },
    )?;
    Ok(())
}
