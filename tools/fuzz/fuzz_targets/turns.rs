// SPDX-License-Identifier: GPL-2.0

//! What a link's channels share: turns of sending, which nobody waits for beyond measure, and the identifiers of signalling
//! commands, of which no two are the same.

#![no_main]

use std::collections::BTreeSet;

use engine::l2cap::{
    ident::Idents,
    turns::{
        Sender,
        Standing,
        Turns,
        PATIENCE,
        PROMOTED, //
    }, //
};
use libfuzzer_sys::fuzz_target;
use oxtooth_fuzz::Input;
use wire::l2cap::{
    signal::Ident,
    Transport, //
};

const CHANNELS: usize = 6;

#[derive(Default)]
struct Channel {
    priority: u32,
    waits: bool,
    standing: Standing,
    /// Packets of others since it waits, those of privileged channels aside.
    missed: usize,
}

impl Sender for Channel {
    fn priority(&self) -> u32 {
        self.priority
    }

    fn waits(&self) -> bool {
        self.waits
    }

    fn standing(&mut self) -> &mut Standing {
        &mut self.standing
    }
}

fn take_turn(turns: &mut Turns, channels: &mut [Box<Channel>]) {
    let Some(at) = turns.next(channels) else {
        assert!(channels.iter().all(|c| !c.waits));
        return;
    };
    assert!(channels[at].waits);
    channels[at].missed = 0;
    let privileged = channels[at].priority > PROMOTED;
    for other in channels.iter_mut().filter(|c| c.waits) {
        assert!(privileged || other.priority <= PROMOTED);
        other.missed += usize::from(!privileged);
        assert!(other.missed <= usize::from(PATIENCE) + 2 * CHANNELS);
    }
}

fn use_idents(input: &mut Input<'_>) {
    let (transport, most) = input.pick(&[(Transport::BrEdr, 128), (Transport::Le, 255)]);
    let (mut idents, mut used) = (Idents::new(transport), BTreeSet::new());
    while !input.is_empty() {
        match input.below(4) {
            0 | 1 => match idents.allocate() {
                Some(ident) => {
                    assert!(usize::from(ident.get()) <= most);
                    assert!(used.insert(ident.get()));
                }
                None => assert_eq!(used.len(), most),
            },
            2 => match idents.pass() {
                Some(ident) => assert!(!used.contains(&ident.get())),
                None => assert_eq!(used.len(), most),
            },
            _ => {
                if let Some(ident) = Ident::new(input.u8()) {
                    idents.release(ident);
                    used.remove(&ident.get());
                }
            }
        }
        assert_eq!(idents.in_use() as usize, used.len());
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    if input.bit() {
        return use_idents(&mut input);
    }
    let mut turns = Turns::new();
    let mut channels: Vec<Box<Channel>> = (0..CHANNELS).map(|_| Box::default()).collect();
    while !input.is_empty() {
        let at = usize::from(input.below(CHANNELS as u8));
        match input.below(4) {
            0 => {
                channels[at].waits = !channels[at].waits;
                channels[at].missed = 0;
            }
            1 => {
                channels[at].priority = input.below(8).into();
                channels[at].missed = 0;
            }
            _ => take_turn(&mut turns, &mut channels),
        }
    }
});
