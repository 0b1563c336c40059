// SPDX-License-Identifier: GPL-2.0

//! What is asked of BR/EDR controllers, and of all controllers beyond their description.

use super::{
    codecs,
    BringUp,
    Outcome, //
};
use engine::bringup;
use kernel::prelude::*;
use kernel_ext::hci::{
    DevFlag,
    Flag,
    Quirk, //
};
use wire::{
    hci::{
        host_control::{
            ClearEventFilter,
            DeleteStoredLinkKey,
            ReadClassOfDevice,
            ReadCurrentIacLap,
            ReadDefaultErroneousDataReporting,
            ReadInquiryResponseTxPower,
            ReadLocalName,
            ReadNumSupportedIac,
            ReadPageScanActivity,
            ReadPageScanType,
            ReadStoredLinkKey,
            ReadSyncTrainParams,
            ReadVoiceSetting,
            SetEventMaskPage2,
            WriteAuthenticationEnable,
            WriteConnectionAcceptTimeout,
            WriteDefaultErroneousDataReporting,
            WriteEir,
            WriteInquiryMode,
            WriteScHostSupport,
            WriteSimplePairingMode,
            WriteSyncFlowControlEnable,
            EIR_LEN, //
        },
        info_params::{
            ReadBufferSize,
            ReadLocalPairingOptions, //
        },
        link_policy::WriteDefaultLinkPolicy,
        status_params::GetMwsTransportConfig,
        CommandBit, //
    },
    BdAddr, //
};

/// Connection accept timeout: 20 s, in units of 0.625 ms (Vol 4 Part E 6.7).
const CONNECTION_ACCEPT_TIMEOUT: u16 = 0x7d00;

/// Simple pairing (7.3.59), the inquiry response (7.3.56) and the form of inquiry results.
pub(super) fn pairing_and_inquiry(up: &BringUp<'_, '_>) -> Outcome {
    let can = up.can()?;
    if can.features.ssp() {
        if up.dev().has(Flag::SSP_ENABLED) {
            // There are host features to be read now, though some controllers count them only
            // from the next time on.
            up.dev().update_info(|info| info.max_page = 1)?;
            up.may(&WriteSimplePairingMode { mode: 1 })?;
        } else {
            // The response of a session before must not be left behind.
            up.dev().state().eir = [0; EIR_LEN];
            up.may(&WriteEir {
                fec_required: 0,
                data: [0; EIR_LEN],
            })?;
        }
    }
    up.may_if(
        can.inquiry_rssi(),
        &WriteInquiryMode {
            mode: bringup::inquiry_mode(&can.features),
        },
    )?;
    up.may_if(
        can.features.inquiry_tx_power(),
        &ReadInquiryResponseTxPower {},
    )?;
    Ok(())
}

/// Authentication of each link (7.3.24), as mgmt's Link Security wants it.
pub(super) fn authentication(up: &BringUp<'_, '_>) -> Outcome {
    let wanted = up.dev().has(Flag::LINK_SECURITY);
    up.may_if(
        wanted != up.dev().is(DevFlag::AUTH),
        &WriteAuthenticationEnable {
            enable: wanted.into(),
        },
    )?;
    Ok(())
}

/// Buffers, and what the controller tells others of itself.
pub(super) fn basics(up: &BringUp<'_, '_>) -> Outcome {
    let buffers = up.must(&ReadBufferSize {})?;
    if buffers.acl_len.get() == 0 || buffers.acl_packets.get() == 0 {
        pr_err!("{}: no room for ACL packets\n", up.dev().name());
        return Err(EINVAL.into());
    }
    let can = up.can()?;
    up.may(&ReadClassOfDevice {})?;
    up.may(&ReadLocalName {})?;
    up.may_if(can.voice_setting(), &ReadVoiceSetting {})?;
    up.may(&ReadNumSupportedIac {})?;
    up.may(&ReadCurrentIacLap {})?;
    up.may_if(
        up.dev().has(Flag::EVENT_FILTER_CONFIGURED)
            && up.dev().has(Flag::BREDR_ENABLED)
            && !up.dev().quirk(Quirk::BROKEN_FILTER_CLEAR_ALL),
        &ClearEventFilter { filter_type: 0 },
    )?;
    up.may(&WriteConnectionAcceptTimeout {
        timeout: CONNECTION_ACCEPT_TIMEOUT.into(),
    })?;
    let flow_control = up.may_if(
        can.sync_flow_control(),
        &WriteSyncFlowControlEnable { enable: 1 },
    )?;
    if flow_control.is_some() {
        up.dev().set(Flag::SCO_FLOWCTL, true);
    }
    Ok(())
}

/// Defaults of links, and how the controller listens for peers.
pub(super) fn links_and_scans(up: &BringUp<'_, '_>) -> Outcome {
    let can = up.can()?;
    up.may_if(
        can.stored_link_keys(CommandBit::READ_STORED_LINK_KEY),
        &ReadStoredLinkKey {
            bdaddr: BdAddr::ANY,
            read_all: 1,
        },
    )?;
    up.may_if(
        can.knows(CommandBit::WRITE_DEFAULT_LINK_POLICY),
        &WriteDefaultLinkPolicy {
            policy: bringup::default_link_policy(&can.features),
        },
    )?;
    up.may_if(
        can.knows(CommandBit::READ_PAGE_SCAN_ACTIVITY),
        &ReadPageScanActivity {},
    )?;
    up.may_if(
        can.erroneous_data(CommandBit::READ_DEFAULT_ERRONEOUS_DATA_REPORTING),
        &ReadDefaultErroneousDataReporting {},
    )?;
    up.may_if(can.read_page_scan_type(), &ReadPageScanType {})?;
    Ok(())
}

/// What depends on the last pages of features.
pub(super) fn late(up: &BringUp<'_, '_>) -> Outcome {
    let can = up.can()?;
    // The host keeps the keys.
    up.may_if(
        can.stored_link_keys(CommandBit::DELETE_STORED_LINK_KEY),
        &DeleteStoredLinkKey {
            bdaddr: BdAddr::ANY,
            delete_all: 1,
        },
    )?;
    if let Some(mask) = bringup::event_mask_page_2(&can.abilities()) {
        up.may(&SetEventMaskPage2 { mask })?;
    }
    codecs::read(up)?;
    up.may_if(
        can.knows(CommandBit::READ_LOCAL_PAIRING_OPTIONS),
        &ReadLocalPairingOptions {},
    )?;
    up.may_if(can.mws_transports(), &GetMwsTransportConfig {})?;
    up.may_if(can.features.sync_train(), &ReadSyncTrainParams {})?;
    up.may_if(
        up.dev().has(Flag::SSP_ENABLED) && can.bredr_secure_connections(),
        &WriteScHostSupport { support: 1 },
    )?;

    let wideband = u8::from(up.dev().has(Flag::WIDEBAND_SPEECH_ENABLED));
    up.may_if(
        can.erroneous_data(CommandBit::WRITE_DEFAULT_ERRONEOUS_DATA_REPORTING)
            && can.err_data_reporting != wideband,
        &WriteDefaultErroneousDataReporting { enable: wideband },
    )?;
    Ok(())
}
