// SPDX-License-Identifier: GPL-2.0

//! Instantiates every generic of the crate. The object code of this and of the crate must refer to no function that panics:
//!
//! ```sh
//! cargo build --release -p wire --example panic_free
//! nm -u target/release/examples/libpanic_free*.rlib target/release/libwire.rlib | grep -E 'panicking|_fail|_failed'
//! ```

#![no_std]
#![forbid(unsafe_code)]
#![allow(missing_docs)]

use wire::{
    eir,
    hci::{
        host_control,
        info_params,
        le,
        le_adv,
        le_iso,
        link_control,
        link_policy,
        parse_reply,
        status_params,
        Event,
        LeEvent,
        Request,
        Status, //
    },
    l2cap,
    mgmt,
    monitor,
    Malformed,
    Reader, //
};

macro_rules! commands {
    (complete { $($complete:path as $c:ident,)* } status { $($status:path as $s:ident,)* }) => {
        pub mod params {
            use super::*;
            $(pub fn $c(command: &$complete) -> &[u8] { command.params() })*
            $(pub fn $s(command: &$status) -> &[u8] { command.params() })*
        }

        pub mod replies {
            use super::*;
            $(pub fn $c(bytes: &[u8]) -> Result<Result<<$complete as wire::hci::Command>::Reply, Status>, Malformed> {
                parse_reply::<$complete>(bytes)
            })*
        }
    };
}

pub fn event(bytes: &[u8]) -> Result<u64, Malformed> {
    let mut sum: u64 = 0;
    match Event::parse(bytes)? {
        Event::LeMeta(LeEvent::AdvertisingReport(reports)) => {
            for report in reports {
                sum = sum.wrapping_add(report.data.len() as u64);
            }
        }
        Event::LeMeta(LeEvent::ExtAdvertisingReport(reports)) => {
            for report in reports {
                sum = sum.wrapping_add(report.data.len() as u64);
            }
        }
        Event::NumberOfCompletedPackets(list) => {
            for entry in list {
                sum = sum.wrapping_add(u64::from(entry.count.get()));
            }
        }
        _ => {}
    }
    Ok(sum)
}

pub fn eir(bytes: &[u8], uuid: &wire::uuid::Uuid128) -> eir::Builder<240> {
    let mut builder = eir::Builder::<240>::new();
    for field in eir::Fields::new(bytes) {
        builder.push(field.kind, field.data);
    }
    builder.push_uuids::<2>(3, 2, [[0u8; 2]; 3].into_iter());
    builder.push_uuids::<16>(7, 6, [uuid.0; 3].into_iter());
    if eir::Fields::new(bytes).has_uuid(uuid) && eir::is_well_formed(bytes, |f| f.kind != 1) {
        builder.push_service_data(0x1234, bytes);
    }
    if eir::Fields::new(bytes).find_service_data(0x1852).is_some() {
        builder.push_u16(1, 2);
    }
    builder
}

pub fn config(bytes: &[u8]) -> Result<u32, Malformed> {
    let mut sum: u32 = 0;
    for entry in mgmt::config::Entries::parse(bytes)? {
        sum = sum.wrapping_add(entry.u32().unwrap_or(0));
    }
    Ok(sum)
}

pub fn log(bytes: &[u8]) -> Result<monitor::UserLog<'_>, Malformed> {
    monitor::UserLog::parse(bytes)
}

pub mod l2cap_frames {
    use super::*;
    use l2cap::{
        config::{
            ConfigOption,
            Options, //
        },
        control::{
            Control,
            Format, //
        },
        signal::{
            Command,
            Commands,
            Packet, //
        },
        ErtmFrame,
        Frame,
        FrameError,
        Transport, //
    };

    pub fn answers(bytes: &[u8], transport: Transport) -> Option<Packet> {
        let mut last = None;
        for command in Commands::new(Frame::parse(bytes).ok()?.payload) {
            let raw = command.ok()?;
            let command = Command::parse(transport, raw.code, raw.data).ok()?;
            if let Command::ConfigurationRequest(request) = command {
                last = options(request.options);
            }
            last = command.encode(raw.ident).or(last);
        }
        last
    }
    pub fn options(bytes: &[u8]) -> Option<Packet> {
        let mut list = Packet::new();
        Options::new(bytes)
            .all(|option| option.push(&mut list))
            .then_some(list)
    }
    pub fn option(option: &ConfigOption<'_>, list: &mut Packet) -> bool {
        option.push(list)
    }
    pub fn ertm(bytes: &[u8], format: Format, fcs: bool) -> Result<ErtmFrame<'_>, FrameError> {
        ErtmFrame::parse(bytes, format, fcs)
    }
    pub fn control(control: &Control, format: Format) -> wire::Bytes<4> {
        control.pack(format)
    }
    pub fn connectionless(bytes: &[u8]) -> Result<l2cap::ConnectionlessFrame<'_>, Malformed> {
        l2cap::ConnectionlessFrame::parse(bytes)
    }
}

pub fn reader(bytes: &[u8]) -> Result<&[mgmt::LtkInfo], Malformed> {
    let mut reader = Reader::new("keys", bytes);
    let count = usize::from(reader.u16()?);
    reader.views(count)
}

commands! {
    complete {
        link_control::InquiryCancel as inquiry_cancel,
        link_control::PeriodicInquiryMode as periodic_inquiry_mode,
        link_control::ExitPeriodicInquiryMode as exit_periodic_inquiry_mode,
        link_control::CreateConnectionCancel as create_connection_cancel,
        link_control::LinkKeyRequestReply as link_key_request_reply,
        link_control::LinkKeyRequestNegativeReply as link_key_request_negative_reply,
        link_control::PinCodeRequestReply as pin_code_request_reply,
        link_control::PinCodeRequestNegativeReply as pin_code_request_negative_reply,
        link_control::RemoteNameRequestCancel as remote_name_request_cancel,
        link_control::IoCapabilityRequestReply as io_capability_request_reply,
        link_control::UserConfirmationReply as user_confirmation_reply,
        link_control::UserConfirmationNegativeReply as user_confirmation_negative_reply,
        link_control::UserPasskeyReply as user_passkey_reply,
        link_control::UserPasskeyNegativeReply as user_passkey_negative_reply,
        link_control::RemoteOobDataReply as remote_oob_data_reply,
        link_control::RemoteOobDataNegativeReply as remote_oob_data_negative_reply,
        link_control::IoCapabilityRequestNegativeReply as io_capability_request_negative_reply,
        link_control::RemoteOobExtDataReply as remote_oob_ext_data_reply,
        link_policy::RoleDiscovery as role_discovery,
        link_policy::ReadLinkPolicy as read_link_policy,
        link_policy::WriteLinkPolicy as write_link_policy,
        link_policy::ReadDefaultLinkPolicy as read_default_link_policy,
        link_policy::WriteDefaultLinkPolicy as write_default_link_policy,
        link_policy::SniffSubrating as sniff_subrating,
        host_control::SetEventMask as set_event_mask,
        host_control::Reset as reset,
        host_control::SetEventFilter as set_event_filter,
        host_control::ClearEventFilter as clear_event_filter,
        host_control::Flush as flush,
        host_control::ReadStoredLinkKey as read_stored_link_key,
        host_control::DeleteStoredLinkKey as delete_stored_link_key,
        host_control::WriteLocalName as write_local_name,
        host_control::ReadLocalName as read_local_name,
        host_control::WriteConnectionAcceptTimeout as write_connection_accept_timeout,
        host_control::WritePageTimeout as write_page_timeout,
        host_control::ReadScanEnable as read_scan_enable,
        host_control::WriteScanEnable as write_scan_enable,
        host_control::ReadPageScanActivity as read_page_scan_activity,
        host_control::WritePageScanActivity as write_page_scan_activity,
        host_control::ReadAuthenticationEnable as read_authentication_enable,
        host_control::WriteAuthenticationEnable as write_authentication_enable,
        host_control::ReadEncryptionMode as read_encryption_mode,
        host_control::WriteEncryptionMode as write_encryption_mode,
        host_control::ReadClassOfDevice as read_class_of_device,
        host_control::WriteClassOfDevice as write_class_of_device,
        host_control::ReadVoiceSetting as read_voice_setting,
        host_control::WriteVoiceSetting as write_voice_setting,
        host_control::ReadTransmitPowerLevel as read_transmit_power_level,
        host_control::WriteSyncFlowControlEnable as write_sync_flow_control_enable,
        host_control::HostBufferSize as host_buffer_size,
        host_control::ReadNumSupportedIac as read_num_supported_iac,
        host_control::ReadCurrentIacLap as read_current_iac_lap,
        host_control::WriteCurrentIacLap as write_current_iac_lap,
        host_control::ReadPageScanType as read_page_scan_type,
        host_control::WritePageScanType as write_page_scan_type,
        host_control::ReadInquiryMode as read_inquiry_mode,
        host_control::WriteInquiryMode as write_inquiry_mode,
        host_control::WriteEir as write_eir,
        host_control::ReadSimplePairingMode as read_simple_pairing_mode,
        host_control::WriteSimplePairingMode as write_simple_pairing_mode,
        host_control::ReadLocalOobData as read_local_oob_data,
        host_control::ReadInquiryResponseTxPower as read_inquiry_response_tx_power,
        host_control::ReadDefaultErroneousDataReporting as read_default_erroneous_data_reporting,
        host_control::WriteDefaultErroneousDataReporting as write_default_erroneous_data_reporting,
        host_control::SetEventMaskPage2 as set_event_mask_page2,
        host_control::ReadLocationData as read_location_data,
        host_control::ReadFlowControlMode as read_flow_control_mode,
        host_control::ReadLeHostSupport as read_le_host_support,
        host_control::WriteLeHostSupport as write_le_host_support,
        host_control::ReadSyncTrainParams as read_sync_train_params,
        host_control::WriteSyncTrainParams as write_sync_train_params,
        host_control::ReadScHostSupport as read_sc_host_support,
        host_control::WriteScHostSupport as write_sc_host_support,
        host_control::ReadAuthPayloadTimeout as read_auth_payload_timeout,
        host_control::WriteAuthPayloadTimeout as write_auth_payload_timeout,
        host_control::ReadLocalOobExtData as read_local_oob_ext_data,
        host_control::ConfigureDataPath as configure_data_path,
        info_params::ReadLocalVersion as read_local_version,
        info_params::ReadLocalCommands as read_local_commands,
        info_params::ReadLocalFeatures as read_local_features,
        info_params::ReadLocalExtFeatures as read_local_ext_features,
        info_params::ReadBufferSize as read_buffer_size,
        info_params::ReadBdAddr as read_bd_addr,
        info_params::ReadDataBlockSize as read_data_block_size,
        info_params::ReadLocalCodecs as read_local_codecs,
        info_params::ReadLocalPairingOptions as read_local_pairing_options,
        info_params::ReadLocalCodecsV2 as read_local_codecs_v2,
        info_params::ReadLocalCodecCapabilities as read_local_codec_capabilities,
        info_params::ReadLocalControllerDelay as read_local_controller_delay,
        status_params::ReadRssi as read_rssi,
        status_params::ReadClock as read_clock,
        status_params::ReadEncryptionKeySize as read_encryption_key_size,
        status_params::GetMwsTransportConfig as get_mws_transport_config,
        status_params::EnableDeviceUnderTestMode as enable_device_under_test_mode,
        status_params::WriteSimplePairingDebugMode as write_simple_pairing_debug_mode,
        le::LeSetEventMask as le_set_event_mask,
        le::LeReadBufferSize as le_read_buffer_size,
        le::LeReadBufferSizeV2 as le_read_buffer_size_v2,
        le::LeReadLocalFeatures as le_read_local_features,
        le::LeReadAllLocalFeatures as le_read_all_local_features,
        le::LeSetRandomAddress as le_set_random_address,
        le::LeCreateConnectionCancel as le_create_connection_cancel,
        le::LeReadAcceptListSize as le_read_accept_list_size,
        le::LeClearAcceptList as le_clear_accept_list,
        le::LeAddToAcceptList as le_add_to_accept_list,
        le::LeRemoveFromAcceptList as le_remove_from_accept_list,
        le::LeEncrypt as le_encrypt,
        le::LeRand as le_rand,
        le::LeLongTermKeyReply as le_long_term_key_reply,
        le::LeLongTermKeyNegativeReply as le_long_term_key_negative_reply,
        le::LeReadSupportedStates as le_read_supported_states,
        le::LeRemoteConnParamReply as le_remote_conn_param_reply,
        le::LeRemoteConnParamNegativeReply as le_remote_conn_param_negative_reply,
        le::LeSetDataLength as le_set_data_length,
        le::LeReadDefaultDataLength as le_read_default_data_length,
        le::LeWriteDefaultDataLength as le_write_default_data_length,
        le::LeAddToResolvingList as le_add_to_resolving_list,
        le::LeRemoveFromResolvingList as le_remove_from_resolving_list,
        le::LeClearResolvingList as le_clear_resolving_list,
        le::LeReadResolvingListSize as le_read_resolving_list_size,
        le::LeSetAddressResolutionEnable as le_set_address_resolution_enable,
        le::LeSetRpaTimeout as le_set_rpa_timeout,
        le::LeReadMaxDataLength as le_read_max_data_length,
        le::LeReadPhy as le_read_phy,
        le::LeSetDefaultPhy as le_set_default_phy,
        le::LeReadTransmitPower as le_read_transmit_power,
        le::LeSetPrivacyMode as le_set_privacy_mode,
        le::LeSetHostFeature as le_set_host_feature,
        le::LeSetHostFeatureV2 as le_set_host_feature_v2,
        le::LeSetDefaultRateParams as le_set_default_rate_params,
        le::LeReadConnInterval as le_read_conn_interval,
        le_adv::LeSetAdvParams as le_set_adv_params,
        le_adv::LeReadAdvTxPower as le_read_adv_tx_power,
        le_adv::LeSetAdvData as le_set_adv_data,
        le_adv::LeSetScanRspData as le_set_scan_rsp_data,
        le_adv::LeSetAdvEnable as le_set_adv_enable,
        le_adv::LeSetScanParams as le_set_scan_params,
        le_adv::LeSetScanEnable as le_set_scan_enable,
        le_adv::LeSetAdvSetRandomAddress as le_set_adv_set_random_address,
        le_adv::LeSetExtAdvParams as le_set_ext_adv_params,
        le_adv::LeSetExtAdvData as le_set_ext_adv_data,
        le_adv::LeSetExtScanRspData as le_set_ext_scan_rsp_data,
        le_adv::LeSetExtAdvEnable as le_set_ext_adv_enable,
        le_adv::LeReadMaxAdvDataLength as le_read_max_adv_data_length,
        le_adv::LeReadNumSupportedAdvSets as le_read_num_supported_adv_sets,
        le_adv::LeRemoveAdvSet as le_remove_adv_set,
        le_adv::LeClearAdvSets as le_clear_adv_sets,
        le_adv::LeSetPeriodicAdvParams as le_set_periodic_adv_params,
        le_adv::LeSetPeriodicAdvData as le_set_periodic_adv_data,
        le_adv::LeSetPeriodicAdvEnable as le_set_periodic_adv_enable,
        le_adv::LeSetExtScanParams as le_set_ext_scan_params,
        le_adv::LeSetExtScanEnable as le_set_ext_scan_enable,
        le_adv::LePeriodicAdvCreateSyncCancel as le_periodic_adv_create_sync_cancel,
        le_adv::LePeriodicAdvTerminateSync as le_periodic_adv_terminate_sync,
        le_adv::LePeriodicAdvSyncTransfer as le_periodic_adv_sync_transfer,
        le_adv::LePeriodicAdvSetInfoTransfer as le_periodic_adv_set_info_transfer,
        le_adv::LeSetPastParams as le_set_past_params,
        le_iso::LeReadIsoTxSync as le_read_iso_tx_sync,
        le_iso::LeSetCigParams as le_set_cig_params,
        le_iso::LeRemoveCig as le_remove_cig,
        le_iso::LeRejectCisRequest as le_reject_cis_request,
        le_iso::LeBigTerminateSync as le_big_terminate_sync,
        le_iso::LeSetupIsoDataPath as le_setup_iso_data_path,
        le_iso::LeRemoveIsoDataPath as le_remove_iso_data_path,
    }
    status {
        link_control::Inquiry as inquiry,
        link_control::CreateConnection as create_connection,
        link_control::Disconnect as disconnect,
        link_control::AddScoConnection as add_sco_connection,
        link_control::AcceptConnectionRequest as accept_connection_request,
        link_control::RejectConnectionRequest as reject_connection_request,
        link_control::ChangeConnectionPacketType as change_connection_packet_type,
        link_control::AuthenticationRequested as authentication_requested,
        link_control::SetConnectionEncryption as set_connection_encryption,
        link_control::ChangeConnectionLinkKey as change_connection_link_key,
        link_control::RemoteNameRequest as remote_name_request,
        link_control::ReadRemoteFeatures as read_remote_features,
        link_control::ReadRemoteExtFeatures as read_remote_ext_features,
        link_control::ReadRemoteVersion as read_remote_version,
        link_control::ReadClockOffset as read_clock_offset,
        link_control::SetupSyncConnection as setup_sync_connection,
        link_control::AcceptSyncConnectionRequest as accept_sync_connection_request,
        link_control::RejectSyncConnectionRequest as reject_sync_connection_request,
        link_control::EnhancedSetupSyncConnection as enhanced_setup_sync_connection,
        link_control::StartSyncTrain as start_sync_train,
        link_policy::HoldMode as hold_mode,
        link_policy::SniffMode as sniff_mode,
        link_policy::ExitSniffMode as exit_sniff_mode,
        link_policy::SwitchRole as switch_role,
        host_control::RefreshEncryptionKey as refresh_encryption_key,
        le::LeCreateConnection as le_create_connection,
        le::LeExtCreateConnection as le_ext_create_connection,
        le::LeConnectionUpdate as le_connection_update,
        le::LeReadRemoteFeatures as le_read_remote_features,
        le::LeReadAllRemoteFeatures as le_read_all_remote_features,
        le::LeEnableEncryption as le_enable_encryption,
        le::LeSetPhy as le_set_phy,
        le::LeConnectionRateRequest as le_connection_rate_request,
        le_adv::LePeriodicAdvCreateSync as le_periodic_adv_create_sync,
        le_iso::LeCreateCis as le_create_cis,
        le_iso::LeAcceptCisRequest as le_accept_cis_request,
        le_iso::LeCreateBig as le_create_big,
        le_iso::LeTerminateBig as le_terminate_big,
        le_iso::LeBigCreateSync as le_big_create_sync,
    }
}

pub fn smp_parse(frame: &[u8]) -> Result<wire::smp::Code, wire::smp::ParseError> {
    wire::smp::Pdu::parse(frame).map(|pdu| pdu.code())
}
pub fn smp_encode(pdu: &wire::smp::Pdu<'_>) -> wire::smp::Frame {
    pdu.encode()
}
pub fn smp_octets(frame: &wire::smp::Frame) -> usize {
    frame.as_slice().len()
}
