// SPDX-License-Identifier: GPL-2.0

//! Any L2CAP frame: what is read can be written and reads the same, and nothing is longer than what it was read from.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::{
    l2cap::{
        config::Options,
        control::Format,
        frame::split_sdu_len,
        signal::{
            Command,
            Commands, //
        },
        ConnectionlessFrame,
        ErtmFrame,
        Frame,
        Transport, //
    },
    Bytes, //
};

fn options(bytes: &[u8]) {
    let mut list = Bytes::<512>::new();
    let mut read = Options::new(bytes);
    let exact = (&mut read).all(|option| option.push(&mut list));
    if exact {
        assert_eq!(list.len(), bytes.len() - read.remaining());
        assert!(Options::new(list.as_slice()).eq(Options::new(bytes)));
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(frame) = Frame::parse(bytes) {
        assert_eq!(frame.payload.len() + 4, bytes.len());
        let _ = ConnectionlessFrame::parse(frame.payload);
        let _ = split_sdu_len(frame.payload);
        for format in [Format::Enhanced, Format::Extended] {
            for has_fcs in [false, true] {
                if let Ok(frame) = ErtmFrame::parse(bytes, format, has_fcs) {
                    assert!(frame.payload.len() + 4 + format.size() <= bytes.len());
                    let packed = frame.control.pack(format);
                    let (again, _) =
                        wire::l2cap::control::Control::unpack(format, packed.as_slice()).unwrap();
                    assert_eq!(again, frame.control);
                }
            }
        }
    }
    options(bytes);
    for raw in Commands::new(bytes).flatten() {
        for transport in [Transport::BrEdr, Transport::Le] {
            let Ok(command) = Command::parse(transport, raw.code, raw.data) else {
                continue;
            };
            match command {
                Command::ConfigurationRequest(request) => options(request.options),
                Command::ConfigurationResponse(response) => options(response.options),
                _ => {}
            }
            if let Some(packet) = command.encode(raw.ident) {
                let again = Commands::new(packet.as_slice()).next().unwrap().unwrap();
                assert_eq!(again.ident, raw.ident);
                assert_eq!(
                    Command::parse(transport, again.code, again.data),
                    Ok(command)
                );
            }
        }
    }
});
