// SPDX-License-Identifier: GPL-2.0

//! Any packet of data, command or event, of each type: its length is the one that its header tells, nothing of it is beyond, and
//! what the header holds makes the same header again.

#![no_main]

use std::hint::black_box;

use libfuzzer_sys::fuzz_target;
use wire::{
    hci::packet::{
        AclHeader,
        AclPacket,
        CommandHeader,
        CommandPacket,
        EventPacket,
        IsoHeader,
        IsoPacket,
        PacketType,
        ScoPacket, //
    },
    monitor, //
};

fuzz_target!(|bytes: &[u8]| {
    let [kind, packet @ ..] = bytes else {
        return;
    };
    // Without the boxes the compiler proves all of this, and nothing is left to run.
    if let Some(kind) = PacketType::from_u8(*kind) {
        assert_eq!(PacketType::from_u8(kind.to_u8()), Some(kind));
        for incoming in [false, true] {
            let _ = monitor::opcode::of_packet(kind, incoming);
        }
    }
    if let Ok(acl) = black_box(AclPacket::parse(packet)) {
        let header = acl.header;
        assert_eq!(packet.len(), 4 + acl.data.len());
        assert!(header.handle() <= 0x0fff && header.boundary() <= 3);
        let again = AclHeader::new(header.handle(), header.flags(), header.dlen.get());
        assert_eq!(&again, header);
    }
    if let Ok(sco) = black_box(ScoPacket::parse(packet)) {
        assert_eq!(packet.len(), 3 + sco.data.len());
        assert!(sco.header.handle() <= 0x0fff && sco.header.packet_status() <= 3);
    }
    if let Ok(iso) = black_box(IsoPacket::parse(packet)) {
        let header = iso.header;
        assert_eq!(packet.len(), 4 + iso.data.len());
        assert!(header.handle() <= 0x0fff && header.boundary() <= 3);
        let again = IsoHeader::new(
            header.handle(),
            header.boundary(),
            header.has_time_stamp(),
            header.data_len(),
        );
        assert_eq!(again.handle(), header.handle());
        assert_eq!(again.data_len(), header.data_len());
    }
    if let Ok(event) = black_box(EventPacket::parse(packet)) {
        assert_eq!(packet.len(), 2 + event.data.len());
    }
    if let Ok(command) = black_box(CommandPacket::parse(packet)) {
        let header = command.header;
        assert_eq!(packet.len(), 3 + command.data.len());
        let again = CommandHeader::new(header.opcode.get(), header.plen);
        assert_eq!(again.opcode, header.opcode);
    }
});
