// SPDX-License-Identifier: GPL-2.0

//! Any event packet: what is parsed can be read, lists have as many entries as they say, and reading never goes beyond the
//! length that the header declares.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::{
    eir::Fields,
    hci::{
        event,
        info_params,
        le,
        le_adv,
        le_iso,
        parse_reply,
        CommandComplete,
        Event,
        LeEvent,
        Opcode, //
    },
};

/// Reads the return parameters as those of the command they claim to be of.
fn reply(complete: CommandComplete<'_>) {
    macro_rules! replies {
        ($($opcode:ident => $command:path,)*) => {
            match complete.opcode {
                $(Opcode::$opcode => {
                    if let Ok(Err(status)) = parse_reply::<$command>(complete.params) {
                        assert!(!status.is_success());
                    }
                })*
                _ => {}
            }
        };
    }
    replies! {
        READ_LOCAL_VERSION => info_params::ReadLocalVersion,
        READ_LOCAL_COMMANDS => info_params::ReadLocalCommands,
        READ_LOCAL_EXT_FEATURES => info_params::ReadLocalExtFeatures,
        READ_LOCAL_CODECS => info_params::ReadLocalCodecs,
        READ_LOCAL_CODECS_V2 => info_params::ReadLocalCodecsV2,
        READ_LOCAL_CODEC_CAPS => info_params::ReadLocalCodecCapabilities,
        LE_READ_ALL_LOCAL_FEATURES => le::LeReadAllLocalFeatures,
        LE_READ_CONN_INTERVAL => le::LeReadConnInterval,
        LE_SET_EXT_ADV_PARAMS => le_adv::LeSetExtAdvParams,
        LE_SET_CIG_PARAMS => le_iso::LeSetCigParams,
    }
}

fuzz_target!(|packet: &[u8]| {
    let parsed = Event::parse(packet);
    // The declared length is all there is to an event.
    if let Ok((_, params)) = event::split(packet) {
        let len = params.len() + 2;
        assert_eq!(parsed, Event::parse(&packet[..len]));
    }
    match parsed {
        Ok(Event::CommandComplete(complete)) => reply(complete),
        Ok(Event::NumberOfCompletedPackets(list)) => {
            assert!(list.len() * 4 < packet.len());
        }
        Ok(Event::ExtendedInquiryResult(list)) => {
            for info in list {
                let _ = Fields::new(&info.data).count();
            }
        }
        Ok(Event::LeMeta(LeEvent::AdvertisingReport(reports))) => {
            assert_eq!(reports.clone().count(), usize::from(reports.count_left()));
            for report in reports {
                let _ = Fields::new(report.data).count();
            }
        }
        Ok(Event::LeMeta(LeEvent::ExtAdvertisingReport(reports))) => {
            assert_eq!(reports.clone().count(), usize::from(reports.count_left()));
            for report in reports {
                assert!(report.data.len() <= 229);
                let _ = Fields::new(report.data).count();
            }
        }
        _ => {}
    }
});
