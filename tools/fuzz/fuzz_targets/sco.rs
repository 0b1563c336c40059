// SPDX-License-Identifier: GPL-2.0

//! Audio links: whatever a controller answers, the ladder of parameters ends, offers nothing twice, and nothing that neither side
//! can do; and what drivers are told balances.

#![no_main]

use engine::sco::{
    acceptance,
    coding,
    notice_down,
    notice_up,
    packet,
    Audio,
    Ladder,
    Notice,
    Setup, //
};
use libfuzzer_sys::fuzz_target;
use oxtooth_fuzz::Input;
use wire::hci::{
    packet::ScoPacket,
    Status, //
};

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let bits = input.u8();
    let setting = input.u16();
    let audio = Audio::of_setting(setting);
    if let Some(audio) = audio {
        let (own_esco, peer_esco, peer_2m) = (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0);
        let mut ladder = Ladder::new(audio, own_esco, peer_esco, peer_2m);
        let types = input.u16();
        let mut tried = Vec::new();
        while let Some(setup) = ladder.next(types) {
            assert!(!tried.contains(&setup), "twice");
            match setup {
                Setup::AddSco(types_used) => assert!(!own_esco && types_used == types),
                Setup::Synchronous(parameters) => {
                    assert!(own_esco);
                    let edr = parameters.packet_types & packet::NO_2EV3 == 0;
                    let sco_only = audio == Audio::Cvsd && !peer_esco;
                    assert!(!edr || peer_2m || sco_only);
                }
            }
            tried.push(setup);
            assert!(tried.len() <= 8);
            if !ladder.goes_on(Status(input.u8())) {
                break;
            }
        }
        assert!(usize::from(ladder.attempts()) >= tried.len());
    }
    let types = input.u16();
    assert_eq!(acceptance(setting, types).packet_types, types);
    if let Some(coding) = coding(input.u8()) {
        assert!(coding.host_bandwidth > 0);
    }
    let (code, mode, path) = (input.u8(), input.u8(), input.u8());
    let left = notice_up(Status(code), mode, path);
    if let Some(notice) = left {
        assert!(code == 0 && path == 0 && notice != Notice::Disabled);
    }
    assert_eq!(
        notice_down(setting, left),
        audio.is_some().then_some(left.unwrap_or(Notice::Disabled))
    );
    let rest = input.rest();
    if let Ok(packet) = ScoPacket::parse(rest) {
        assert_eq!(usize::from(packet.header.dlen), packet.data.len());
    }
});
