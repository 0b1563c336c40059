// SPDX-License-Identifier: GPL-2.0

//! Every command: how long its parameters and return parameters are. The numbers are the sizes of the kernel's `hci_cp_*`
//! and `hci_rp_*` structures (lists empty, status included), or those of the specification where the kernel has none.

use wire::hci::{
    host_control,
    info_params,
    le,
    le_adv,
    le_iso,
    link_control,
    link_policy,
    parse_reply,
    status_params,
    Command,
    Reply,
    Status,
    StatusCommand, //
};
use zerocopy::FromZeros;

/// What the kernel's macros say about a command answered by Command Complete.
fn complete<C: Command + FromZeros>(params: usize, return_params: usize) {
    let name = core::any::type_name::<C>();
    assert_eq!(C::new_zeroed().params().len(), params, "{name} parameters");
    assert!(C::OPCODE.name().is_some(), "{name} opcode");

    let answer = vec![0u8; return_params + 1];
    let parsed = parse_reply::<C>(&answer[..return_params]);
    assert!(matches!(parsed, Ok(Ok(_))), "{name} return parameters");
    let longer = parse_reply::<C>(&answer);
    assert!(
        matches!(longer, Ok(Ok(_))),
        "{name}: trailing bytes are accepted"
    );
    for short in 0..return_params {
        assert!(
            parse_reply::<C>(&answer[..short]).is_err(),
            "{name}: {short} bytes are too few"
        );
    }
    // An error may come alone.
    assert!(
        matches!(
            parse_reply::<C>(&[0x0c]),
            Ok(Err(Status::COMMAND_DISALLOWED))
        ),
        "{name}"
    );
    assert!(C::Reply::parse(&answer[..return_params - 1]).is_ok());
}

/// The same for one answered by Command Status.
fn status<C: StatusCommand + FromZeros>(params: usize) {
    let name = core::any::type_name::<C>();
    assert_eq!(C::new_zeroed().params().len(), params, "{name} parameters");
    assert!(C::OPCODE.name().is_some(), "{name} opcode");
}

#[test]
fn answered_by_command_complete() {
    complete::<link_control::InquiryCancel>(0, 1);
    complete::<link_control::PeriodicInquiryMode>(9, 1);
    complete::<link_control::ExitPeriodicInquiryMode>(0, 1);
    complete::<link_control::CreateConnectionCancel>(6, 1);
    complete::<link_control::LinkKeyRequestReply>(22, 1);
    complete::<link_control::LinkKeyRequestNegativeReply>(6, 1);
    complete::<link_control::PinCodeRequestReply>(23, 7);
    complete::<link_control::PinCodeRequestNegativeReply>(6, 7);
    complete::<link_control::RemoteNameRequestCancel>(6, 7);
    complete::<link_control::IoCapabilityRequestReply>(9, 1);
    complete::<link_control::UserConfirmationReply>(6, 7);
    complete::<link_control::UserConfirmationNegativeReply>(6, 7);
    complete::<link_control::UserPasskeyReply>(10, 7);
    complete::<link_control::UserPasskeyNegativeReply>(6, 7);
    complete::<link_control::RemoteOobDataReply>(38, 1);
    complete::<link_control::RemoteOobDataNegativeReply>(6, 1);
    complete::<link_control::IoCapabilityRequestNegativeReply>(7, 1);
    complete::<link_control::RemoteOobExtDataReply>(70, 1);
    complete::<link_policy::RoleDiscovery>(2, 4);
    complete::<link_policy::ReadLinkPolicy>(2, 5);
    complete::<link_policy::WriteLinkPolicy>(4, 3);
    complete::<link_policy::ReadDefaultLinkPolicy>(0, 3);
    complete::<link_policy::WriteDefaultLinkPolicy>(2, 1);
    complete::<link_policy::SniffSubrating>(8, 1);
    complete::<host_control::SetEventMask>(8, 1);
    complete::<host_control::Reset>(0, 1);
    complete::<host_control::SetEventFilter>(9, 1);
    complete::<host_control::ClearEventFilter>(1, 1);
    complete::<host_control::Flush>(2, 1);
    complete::<host_control::ReadStoredLinkKey>(7, 5);
    complete::<host_control::DeleteStoredLinkKey>(7, 3);
    complete::<host_control::WriteLocalName>(248, 1);
    complete::<host_control::ReadLocalName>(0, 249);
    complete::<host_control::WriteConnectionAcceptTimeout>(2, 1);
    complete::<host_control::WritePageTimeout>(2, 1);
    complete::<host_control::ReadScanEnable>(0, 2);
    complete::<host_control::WriteScanEnable>(1, 1);
    complete::<host_control::ReadPageScanActivity>(0, 5);
    complete::<host_control::WritePageScanActivity>(4, 1);
    complete::<host_control::ReadAuthenticationEnable>(0, 2);
    complete::<host_control::WriteAuthenticationEnable>(1, 1);
    complete::<host_control::ReadEncryptionMode>(0, 2);
    complete::<host_control::WriteEncryptionMode>(1, 1);
    complete::<host_control::ReadClassOfDevice>(0, 4);
    complete::<host_control::WriteClassOfDevice>(3, 1);
    complete::<host_control::ReadVoiceSetting>(0, 3);
    complete::<host_control::WriteVoiceSetting>(2, 1);
    complete::<host_control::ReadTransmitPowerLevel>(3, 4);
    complete::<host_control::WriteSyncFlowControlEnable>(1, 1);
    complete::<host_control::HostBufferSize>(7, 1);
    complete::<host_control::ReadNumSupportedIac>(0, 2);
    complete::<host_control::ReadCurrentIacLap>(0, 1);
    complete::<host_control::WriteCurrentIacLap>(1, 1);
    complete::<host_control::ReadPageScanType>(0, 2);
    complete::<host_control::WritePageScanType>(1, 1);
    complete::<host_control::ReadInquiryMode>(0, 2);
    complete::<host_control::WriteInquiryMode>(1, 1);
    complete::<host_control::WriteEir>(241, 1);
    complete::<host_control::ReadSimplePairingMode>(0, 2);
    complete::<host_control::WriteSimplePairingMode>(1, 1);
    complete::<host_control::ReadLocalOobData>(0, 33);
    complete::<host_control::ReadInquiryResponseTxPower>(0, 2);
    complete::<host_control::ReadDefaultErroneousDataReporting>(0, 2);
    complete::<host_control::WriteDefaultErroneousDataReporting>(1, 1);
    complete::<host_control::SetEventMaskPage2>(8, 1);
    complete::<host_control::ReadLocationData>(0, 1);
    complete::<host_control::ReadFlowControlMode>(0, 2);
    complete::<host_control::ReadLeHostSupport>(0, 3);
    complete::<host_control::WriteLeHostSupport>(2, 1);
    complete::<host_control::ReadSyncTrainParams>(0, 1);
    complete::<host_control::WriteSyncTrainParams>(9, 1);
    complete::<host_control::ReadScHostSupport>(0, 2);
    complete::<host_control::WriteScHostSupport>(1, 1);
    complete::<host_control::ReadAuthPayloadTimeout>(2, 5);
    complete::<host_control::WriteAuthPayloadTimeout>(4, 3);
    complete::<host_control::ReadLocalOobExtData>(0, 65);
    complete::<host_control::ConfigureDataPath>(3, 1);
    complete::<info_params::ReadLocalVersion>(0, 9);
    complete::<info_params::ReadLocalCommands>(0, 65);
    complete::<info_params::ReadLocalFeatures>(0, 9);
    complete::<info_params::ReadLocalExtFeatures>(1, 11);
    complete::<info_params::ReadBufferSize>(0, 8);
    complete::<info_params::ReadBdAddr>(0, 7);
    complete::<info_params::ReadDataBlockSize>(0, 7);
    complete::<info_params::ReadLocalCodecs>(0, 3);
    complete::<info_params::ReadLocalPairingOptions>(0, 3);
    complete::<info_params::ReadLocalCodecsV2>(0, 3);
    complete::<info_params::ReadLocalCodecCapabilities>(7, 2);
    complete::<info_params::ReadLocalControllerDelay>(8, 7);
    complete::<status_params::ReadRssi>(2, 4);
    complete::<status_params::ReadClock>(3, 9);
    complete::<status_params::ReadEncryptionKeySize>(2, 4);
    complete::<status_params::GetMwsTransportConfig>(0, 1);
    complete::<status_params::EnableDeviceUnderTestMode>(0, 1);
    complete::<status_params::WriteSimplePairingDebugMode>(1, 1);
    complete::<le::LeSetEventMask>(8, 1);
    complete::<le::LeReadBufferSize>(0, 4);
    complete::<le::LeReadBufferSizeV2>(0, 7);
    complete::<le::LeReadLocalFeatures>(0, 9);
    complete::<le::LeReadAllLocalFeatures>(0, 250);
    complete::<le::LeSetRandomAddress>(6, 1);
    complete::<le::LeCreateConnectionCancel>(0, 1);
    complete::<le::LeReadAcceptListSize>(0, 2);
    complete::<le::LeClearAcceptList>(0, 1);
    complete::<le::LeAddToAcceptList>(7, 1);
    complete::<le::LeRemoveFromAcceptList>(7, 1);
    complete::<le::LeEncrypt>(32, 17);
    complete::<le::LeRand>(0, 9);
    complete::<le::LeLongTermKeyReply>(18, 1);
    complete::<le::LeLongTermKeyNegativeReply>(2, 1);
    complete::<le::LeReadSupportedStates>(0, 9);
    complete::<le::LeRemoteConnParamReply>(14, 1);
    complete::<le::LeRemoteConnParamNegativeReply>(3, 1);
    complete::<le::LeSetDataLength>(6, 1);
    complete::<le::LeReadDefaultDataLength>(0, 5);
    complete::<le::LeWriteDefaultDataLength>(4, 1);
    complete::<le::LeAddToResolvingList>(39, 1);
    complete::<le::LeRemoveFromResolvingList>(7, 1);
    complete::<le::LeClearResolvingList>(0, 1);
    complete::<le::LeReadResolvingListSize>(0, 2);
    complete::<le::LeSetAddressResolutionEnable>(1, 1);
    complete::<le::LeSetRpaTimeout>(2, 1);
    complete::<le::LeReadMaxDataLength>(0, 9);
    complete::<le::LeReadPhy>(2, 5);
    complete::<le::LeSetDefaultPhy>(3, 1);
    complete::<le::LeReadTransmitPower>(0, 3);
    complete::<le::LeSetPrivacyMode>(8, 1);
    complete::<le::LeSetHostFeature>(2, 1);
    complete::<le::LeSetHostFeatureV2>(3, 1);
    complete::<le::LeSetDefaultRateParams>(18, 1);
    complete::<le::LeReadConnInterval>(0, 2);
    complete::<le_adv::LeSetAdvParams>(15, 1);
    complete::<le_adv::LeReadAdvTxPower>(0, 2);
    complete::<le_adv::LeSetAdvData>(32, 1);
    complete::<le_adv::LeSetScanRspData>(32, 1);
    complete::<le_adv::LeSetAdvEnable>(1, 1);
    complete::<le_adv::LeSetScanParams>(7, 1);
    complete::<le_adv::LeSetScanEnable>(2, 1);
    complete::<le_adv::LeSetAdvSetRandomAddress>(7, 1);
    complete::<le_adv::LeSetExtAdvParams>(25, 2);
    complete::<le_adv::LeSetExtAdvData>(4, 1);
    complete::<le_adv::LeSetExtScanRspData>(4, 1);
    complete::<le_adv::LeSetExtAdvEnable>(2, 1);
    complete::<le_adv::LeReadMaxAdvDataLength>(0, 3);
    complete::<le_adv::LeReadNumSupportedAdvSets>(0, 2);
    complete::<le_adv::LeRemoveAdvSet>(1, 1);
    complete::<le_adv::LeClearAdvSets>(0, 1);
    complete::<le_adv::LeSetPeriodicAdvParams>(7, 1);
    complete::<le_adv::LeSetPeriodicAdvData>(3, 1);
    complete::<le_adv::LeSetPeriodicAdvEnable>(2, 1);
    complete::<le_adv::LeSetExtScanParams>(3, 1);
    complete::<le_adv::LeSetExtScanEnable>(6, 1);
    complete::<le_adv::LePeriodicAdvCreateSyncCancel>(0, 1);
    complete::<le_adv::LePeriodicAdvTerminateSync>(2, 1);
    complete::<le_adv::LePeriodicAdvSyncTransfer>(6, 1);
    complete::<le_adv::LePeriodicAdvSetInfoTransfer>(5, 1);
    complete::<le_adv::LeSetPastParams>(8, 1);
    complete::<le_iso::LeReadIsoTxSync>(2, 12);
    complete::<le_iso::LeSetCigParams>(15, 3);
    complete::<le_iso::LeRemoveCig>(1, 1);
    complete::<le_iso::LeRejectCisRequest>(3, 1);
    complete::<le_iso::LeBigTerminateSync>(1, 1);
    complete::<le_iso::LeSetupIsoDataPath>(13, 3);
    complete::<le_iso::LeRemoveIsoDataPath>(3, 1);
}

#[test]
fn answered_by_command_status() {
    status::<link_control::Inquiry>(5);
    status::<link_control::CreateConnection>(13);
    status::<link_control::Disconnect>(3);
    status::<link_control::AddScoConnection>(4);
    status::<link_control::AcceptConnectionRequest>(7);
    status::<link_control::RejectConnectionRequest>(7);
    status::<link_control::ChangeConnectionPacketType>(4);
    status::<link_control::AuthenticationRequested>(2);
    status::<link_control::SetConnectionEncryption>(3);
    status::<link_control::ChangeConnectionLinkKey>(2);
    status::<link_control::RemoteNameRequest>(10);
    status::<link_control::ReadRemoteFeatures>(2);
    status::<link_control::ReadRemoteExtFeatures>(3);
    status::<link_control::ReadRemoteVersion>(2);
    status::<link_control::ReadClockOffset>(2);
    status::<link_control::SetupSyncConnection>(17);
    status::<link_control::AcceptSyncConnectionRequest>(21);
    status::<link_control::RejectSyncConnectionRequest>(7);
    status::<link_control::EnhancedSetupSyncConnection>(59);
    status::<link_control::StartSyncTrain>(0);
    status::<link_policy::HoldMode>(6);
    status::<link_policy::SniffMode>(10);
    status::<link_policy::ExitSniffMode>(2);
    status::<link_policy::SwitchRole>(7);
    status::<host_control::RefreshEncryptionKey>(2);
    status::<le::LeCreateConnection>(25);
    status::<le::LeExtCreateConnection>(10);
    status::<le::LeConnectionUpdate>(14);
    status::<le::LeReadRemoteFeatures>(2);
    status::<le::LeReadAllRemoteFeatures>(3);
    status::<le::LeEnableEncryption>(28);
    status::<le::LeSetPhy>(7);
    status::<le::LeConnectionRateRequest>(20);
    status::<le_adv::LePeriodicAdvCreateSync>(14);
    status::<le_iso::LeCreateCis>(1);
    status::<le_iso::LeAcceptCisRequest>(2);
    status::<le_iso::LeCreateBig>(31);
    status::<le_iso::LeTerminateBig>(2);
    status::<le_iso::LeBigCreateSync>(24);
}
