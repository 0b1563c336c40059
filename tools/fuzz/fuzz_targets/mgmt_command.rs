// SPDX-License-Identifier: GPL-2.0

//! Any message on the control channel, and any frame on the logging channel.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::{
    eir,
    mgmt::{
        command::*,
        config::Entries,
        op,
        Message, //
    },
    monitor::UserLog, //
};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(log) = UserLog::parse(bytes) {
        assert!(log.priority <= 7 && log.message.ends_with(&[0]));
    }
    let Ok(message) = Message::parse(bytes) else {
        return;
    };
    let params = message.params;
    let allowed = op::params_len(message.opcode).is_some_and(|len| len.allows(params.len()));
    // What the table of lengths forbids, no parser may allow.
    macro_rules! parse {
        ($ty:ident) => {{
            let parsed = $ty::parse(params);
            assert!(allowed || parsed.is_err());
            parsed
        }};
    }
    match message.opcode {
        op::LOAD_LINK_KEYS => drop(parse!(LoadLinkKeys)),
        op::LOAD_LONG_TERM_KEYS => {
            if let Ok(load) = parse!(LoadLongTermKeys) {
                for key in load.keys {
                    assert!(key.used().is_none_or(|used| used.len() <= 16));
                }
            }
        }
        op::LOAD_IRKS => drop(parse!(LoadIrks)),
        op::LOAD_CONN_PARAM => drop(parse!(LoadConnParam)),
        op::LOAD_CONN_SUBRATE => drop(parse!(LoadConnSubrate)),
        op::SET_BLOCKED_KEYS => drop(parse!(SetBlockedKeys)),
        op::START_SERVICE_DISCOVERY => drop(parse!(StartServiceDiscovery)),
        op::ADD_REMOTE_OOB_DATA => drop(parse!(AddRemoteOobData)),
        op::ADD_ADVERTISING => {
            if let Ok(add) = parse!(AddAdvertising) {
                let _ = eir::is_well_formed(add.adv_data, |field| field.kind != eir::field::FLAGS);
                assert_eq!(add.adv_data.len() + add.scan_rsp.len() + 11, params.len());
            }
        }
        op::ADD_EXT_ADV_PARAMS => drop(parse!(AddExtAdvParams)),
        op::ADD_EXT_ADV_DATA => drop(parse!(AddExtAdvData)),
        op::SET_EXP_FEATURE => drop(parse!(SetExpFeature)),
        op::ADD_ADV_PATTERNS_MONITOR => {
            if let Ok(add) = parse!(AddAdvPatternsMonitor) {
                for pattern in add.patterns {
                    assert!(pattern.value().is_none_or(|value| value.len() <= 31));
                }
            }
        }
        op::ADD_ADV_PATTERNS_MONITOR_RSSI => drop(parse!(AddAdvPatternsMonitorRssi)),
        op::SET_MESH_RECEIVER => drop(parse!(SetMesh)),
        op::MESH_SEND => drop(parse!(MeshSend)),
        op::HCI_CMD_SYNC => {
            if let Ok(command) = parse!(HciCmdSync) {
                assert!(command.params.len() <= 255);
            }
        }
        op::SET_DEF_SYSTEM_CONFIG | op::SET_DEF_RUNTIME_CONFIG => {
            if let Ok(entries) = Entries::parse(params) {
                for entry in entries {
                    assert!(entry.has_proper_len());
                }
            }
        }
        op::SET_LOCAL_NAME => drop(parse!(SetLocalName)),
        op::SET_DISCOVERABLE => drop(parse!(SetDiscoverable)),
        _ => {}
    }
});
