// SPDX-License-Identifier: GPL-2.0

//! Instantiates every generic of the crate; its object code, and the crate's, must refer to no function that panics.

#![no_std]
#![forbid(unsafe_code)]
#![allow(missing_docs)]

use h2::{
    isoc,
    reassembly::{
        Assembler,
        Data,
        Error,
        Events,
        Kind,
        Sink,
        Voice, //
    },
};

/// As large as a pointer with a destructor, such as a socket buffer.
pub struct Packet(core::num::NonZeroUsize);

pub struct Counter(usize);

impl Sink for Counter {
    type Packet = Packet;
    fn accepts(&mut self, _kind: Kind, header: &[u8]) -> bool {
        !header.is_empty()
    }
    fn start(&mut self, _kind: Kind, len: usize) -> Option<Packet> {
        core::num::NonZeroUsize::new(len).map(Packet)
    }
    fn append(&mut self, packet: &mut Packet, bytes: &[u8]) {
        packet.0 = packet.0.saturating_add(bytes.len());
    }
    fn finish(&mut self, _kind: Kind, packet: Packet) {
        self.0 = packet.0.get();
    }
}

pub fn feed(
    events: &mut Assembler<Packet, Events>,
    data: &mut Assembler<Packet, Data>,
    voice: &mut Assembler<Packet, Voice>,
    bytes: &[u8],
    sink: &mut Counter,
) -> Result<(), Error> {
    events.feed(bytes, sink)?;
    data.feed(bytes, sink)?;
    voice.feed(bytes, sink)
}

pub fn frames(len: usize, packet: u16) -> u32 {
    isoc::split(len, packet).fold(0, |sum, frame| sum ^ frame.len)
}

pub fn settings(available: h2::alt::Available) -> u8 {
    available.iter().fold(0, |sum, number| sum ^ number)
}

pub fn quirks(quirks: h2::plan::Quirks) -> u8 {
    quirks.iter().fold(0, |sum, quirk| sum ^ quirk as u8)
}
