// SPDX-License-Identifier: GPL-2.0

//! Advertising and the answers to scans, merged: each report is told once, in its turn, with the answer that belongs to it, and
//! at most one waits.

#![no_main]

use engine::scan::{
    event_type,
    Heard,
    Merger,
    MAX_DATA, //
};
use libfuzzer_sys::fuzz_target;
use oxtooth_fuzz::Input;
use wire::{
    hci::LeAddrType,
    BdAddr, //
};

/// What a report says, and what is told of it.
#[derive(Clone, Debug, PartialEq)]
struct Said {
    addr: (u8, u8),
    event_type: u8,
    rssi: i8,
    data: Vec<u8>,
    scan_rsp: Vec<u8>,
}

impl Said {
    fn told(heard: &Heard<'_>) -> Self {
        Self {
            addr: (heard.addr.0[0], heard.addr_type.0),
            event_type: heard.event_type,
            rssi: heard.rssi,
            data: heard.data.to_vec(),
            scan_rsp: heard.scan_rsp.to_vec(),
        }
    }
}

/// What is to be told once this was heard; `waiting` is what waited, and then what waits.
fn expected(waiting: &mut Option<Said>, new: Said) -> Vec<Said> {
    let old = waiting.take();
    let same = old.as_ref().is_some_and(|old| old.addr == new.addr);
    let mut all = Vec::new();
    match old {
        Some(old) if same && new.event_type == event_type::SCAN_RSP => {
            return vec![Said {
                rssi: new.rssi,
                scan_rsp: new.data,
                ..old
            }];
        }
        Some(old) if !same => all.push(old),
        _ => {}
    }
    if [event_type::ADV_IND, event_type::ADV_SCAN_IND].contains(&new.event_type) {
        let mut new = new;
        new.data.truncate(MAX_DATA);
        *waiting = Some(new);
    } else {
        all.push(new);
    }
    all
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let mut merger = Merger::new();
    let mut waiting = None;
    while !input.is_empty() {
        let mut told = Vec::new();
        let choice = input.u8();
        if choice & 0x0f == 0x0f {
            merger.finish(|heard| told.push(Said::told(heard)));
            assert_eq!(told, Vec::from_iter(waiting.take()));
            continue;
        }
        let (number, kind) = (choice & 1, choice >> 1 & 1);
        let said = Said {
            addr: (number, kind),
            event_type: choice >> 2 & 7,
            rssi: input.u8() as i8,
            data: input.bytes(40).to_vec(),
            scan_rsp: Vec::new(),
        };
        let heard = Heard {
            addr: BdAddr([number, 0, 0, 0, 0, 0]),
            addr_type: LeAddrType(kind),
            event_type: said.event_type,
            rssi: said.rssi,
            data: &said.data,
            scan_rsp: &[],
        };
        merger.report(&heard, |heard| told.push(Said::told(heard)));
        assert_eq!(told, expected(&mut waiting, said));
    }
});
