// SPDX-License-Identifier: GPL-2.0

//! What a controller returns for a command, read as the reply of each command there is; and any command of a raw socket against
//! the list of what is unknown. A failed command is never taken for a successful one.

#![no_main]

use engine::{
    listing::listed_at,
    unknown::{
        EffectiveCommands,
        Verdict, //
    },
};
use libfuzzer_sys::fuzz_target;
use oxtooth_fuzz::Input;
use wire::hci::{
    host_control::*,
    info_params::*,
    le::*,
    le_adv::*,
    le_iso::*,
    link_control::*,
    link_policy::*,
    parse_reply,
    status_params::*,
    Opcode,
    Status, //
};

macro_rules! replies {
    ($params:expr; $($command:ident,)*) => {
        $(
            // Never longer than an event.
            match parse_reply::<$command>($params) {
                Ok(Ok(_)) => assert_eq!($params.first(), Some(&0)),
                Ok(Err(status)) => {
                    assert!(!status.is_success());
                    assert_eq!($params.first(), Some(&status.0));
                }
                Err(_) => assert!($params.first().is_none_or(|status| *status == 0)),
            }
        )*
    };
}

fn replies(params: &[u8]) {
    replies! { params;
        ReadLocalVersion, ReadLocalCommands, ReadLocalFeatures, ReadLocalExtFeatures, ReadBufferSize, ReadBdAddr,
        ReadDataBlockSize, ReadLocalCodecs, ReadLocalPairingOptions, ReadLocalCodecsV2, ReadLocalCodecCapabilities,
        ReadStoredLinkKey, DeleteStoredLinkKey, ReadLocalName, ReadScanEnable, ReadPageScanActivity,
        ReadClassOfDevice, ReadVoiceSetting, ReadLocalOobData, ReadLeHostSupport, ReadAuthPayloadTimeout,
        WriteAuthPayloadTimeout, ReadLocalOobExtData, LeReadBufferSize, LeReadBufferSizeV2, LeReadAllLocalFeatures,
        LeEncrypt, LeRand, LeReadSupportedStates, LeReadDefaultDataLength, LeReadMaxDataLength, LeReadPhy,
        LeReadTransmitPower, LeReadConnInterval, LeReadMaxAdvDataLength, LeReadIsoTxSync, LeSetCigParams,
        PinCodeRequestNegativeReply, RemoteNameRequestCancel, UserConfirmationReply, RoleDiscovery,
        ReadLinkPolicy, WriteLinkPolicy, ReadDefaultLinkPolicy, ReadRssi, ReadEncryptionKeySize,
        ReadAuthenticationEnable, ReadEncryptionMode, ReadTransmitPowerLevel, ReadNumSupportedIac, ReadPageScanType,
        ReadInquiryMode, ReadSimplePairingMode, ReadInquiryResponseTxPower, ReadDefaultErroneousDataReporting,
        ReadFlowControlMode, ReadScHostSupport, ReadLocalControllerDelay, LeReadLocalFeatures, LeReadAcceptListSize,
        LeReadResolvingListSize, LeReadAdvTxPower, LeReadNumSupportedAdvSets, LeSetupIsoDataPath, PinCodeRequestReply,
        UserConfirmationNegativeReply, UserPasskeyReply, UserPasskeyNegativeReply, ReadClock, LeSetExtAdvParams,
        Reset,
    }
}

/// What is struck off stays so, and nothing else does.
fn unknown(input: &mut Input<'_>) {
    let mut commands = EffectiveCommands::new();
    let mut listed = [0; 64];
    for octet in &mut listed {
        *octet = input.u8();
    }
    commands.set_listed(listed);
    while !input.is_empty() {
        let opcode = Opcode(input.u16());
        let bit = listed_at(opcode);
        let status = Status(input.pick(&[0x01, 0x00, 0x0c, 0x11]));
        let before = bit.is_none_or(|bit| commands.has(bit));
        let verdict = commands.on_answer(opcode, bit, status);
        let after = bit.is_none_or(|bit| commands.has(bit));
        if verdict == Verdict::StruckOff {
            assert_eq!(status, Status(0x01));
            assert!(commands.is_unknown(opcode, bit));
        }
        assert!(before || !after, "a command came back");
        for (octet, whole) in commands.bitmap().iter().zip(listed) {
            assert_eq!(octet & !whole, 0);
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let [which, rest @ ..] = bytes else {
        return;
    };
    if which & 1 == 0 {
        replies(rest);
    } else {
        unknown(&mut Input::new(rest));
    }
});
