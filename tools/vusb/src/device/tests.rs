// SPDX-License-Identifier: GPL-2.0

//! The device between a host and a controller that are both this file.

use super::*;
use crate::redir::Setup;

const COMPLETE: [u8; 6] = [0x0e, 4, 1, 3, 0x0c, 0];

fn plugged(text: &str) -> Device {
    let mut device = Device::new(Description::parse(text).unwrap()).unwrap();
    device.host_connected();
    device.on_host(
        0,
        0,
        Request::Hello {
            version: String::new(),
            capabilities: u32::MAX,
        },
    );
    assert!(device
        .take_output()
        .contains(&Output::Controller(Kind::Command, RESET.to_vec())));
    device.on_controller(0, Kind::Event, COMPLETE.to_vec());
    assert!(device.is_plugged());
    device.on_host(0, 1, Request::SetConfiguration(1));
    device.on_host(0, 0, Request::StartInterruptReceiving { endpoint: 0x81 });
    device.take_output();
    device
}

fn host(bytes: Vec<u8>) -> Output {
    Output::Host(bytes)
}

fn command(device: &mut Device, id: u64, packet: &[u8]) -> Vec<Output> {
    let length = u16::try_from(packet.len()).unwrap();
    let setup = Setup {
        kind: 0x20,
        request: 0,
        value: 0,
        index: 0,
        length,
    };
    device.on_host(
        0,
        id,
        Request::Control {
            setup,
            data: packet.to_vec(),
        },
    );
    device.take_output()
}

fn get(device: &mut Device, setup: Setup) -> Vec<Output> {
    device.on_host(
        0,
        9,
        Request::Control {
            setup,
            data: Vec::new(),
        },
    );
    device.take_output()
}

#[test]
fn plugging_in_waits_for_host_and_controller() {
    let mut device = Device::new(Description::default()).unwrap();
    device.plug();
    assert!(device.take_output().is_empty());
    device.host_connected();
    device.on_host(
        0,
        0,
        Request::Hello {
            version: String::new(),
            capabilities: u32::MAX,
        },
    );
    device.on_controller(0, Kind::Event, vec![0x10, 1, 0]);
    assert!(!device.is_plugged());
    device.on_controller(0, Kind::Event, COMPLETE.to_vec());
    assert!(device.is_plugged());
    device.host_gone();
    assert!(!device.is_plugged());
}

#[test]
fn a_command_and_its_event() {
    let mut device = plugged("");
    let out = command(&mut device, 5, &RESET);
    assert_eq!(out[0], Output::Controller(Kind::Command, RESET.to_vec()));
    let setup = Setup {
        kind: 0x20,
        length: 3,
        ..Setup::default()
    };
    assert_eq!(
        out[1],
        host(redir::control(5, &setup, Status::Success, 3, &[]))
    );
    device.on_controller(0, Kind::Event, vec![0xff; 20]);
    let out = device.take_output();
    assert_eq!(
        out,
        [
            host(redir::interrupt(0, 0x81, Status::Success, &[0xff; 16])),
            host(redir::interrupt(0, 0x81, Status::Success, &[0xff; 4]))
        ]
    );
    assert_eq!(device.take_commands(), [RESET.to_vec()]);
    // One that is cut off would put the controller out of step.
    let out = command(&mut device, 6, &[3, 0x0c]);
    assert_eq!(out.len(), 1);
    assert_eq!(device.stats.get("command.malformed"), 1);
}

#[test]
fn acl_in_waits_for_a_transfer() {
    let mut device = plugged("");
    let packet = vec![1, 0x20, 1, 0, 7];
    device.on_controller(0, Kind::Acl, packet.clone());
    assert!(device.take_output().is_empty());
    device.on_host(
        0,
        3,
        Request::Bulk {
            endpoint: 0x82,
            length: 1028,
            data: Vec::new(),
        },
    );
    assert_eq!(
        device.take_output(),
        [host(redir::bulk(3, 0x82, Status::Success, 5, &packet))]
    );
    device.on_host(
        0,
        4,
        Request::Bulk {
            endpoint: 0x82,
            length: 1028,
            data: Vec::new(),
        },
    );
    device.on_host(0, 4, Request::Cancel);
    assert_eq!(
        device.take_output(),
        [host(redir::bulk(4, 0x82, Status::Cancelled, 0, &[]))]
    );
}

#[test]
fn acl_out_is_reassembled() {
    let mut device = plugged("");
    let mut send = |data: &[u8]| {
        device.on_host(
            0,
            3,
            Request::Bulk {
                endpoint: 2,
                length: 0,
                data: data.to_vec(),
            },
        );
        device.take_output()
    };
    assert_eq!(send(&[1, 0x20, 2]).len(), 1);
    let out = send(&[0, 7, 8]);
    assert_eq!(
        out[0],
        Output::Controller(Kind::Acl, vec![1, 0x20, 2, 0, 7, 8])
    );
}

#[test]
fn a_halt_is_cleared_and_the_data_follows() {
    let mut device = plugged("fault = [\"stall 81\"]");
    device.on_controller(0, Kind::Event, vec![0x10, 1, 0]);
    assert_eq!(
        device.take_output(),
        [host(redir::interrupt(0, 0x81, Status::Stall, &[]))]
    );
    let setup = Setup {
        kind: 0x02,
        request: 1,
        value: 0,
        index: 0x81,
        length: 0,
    };
    let out = get(&mut device, setup);
    assert_eq!(
        out[0],
        host(redir::control(9, &setup, Status::Success, 0, &[]))
    );
    // Not before the next frame.
    device.on_time(1000);
    let event = redir::interrupt(0, 0x81, Status::Success, &[0x10, 1, 0]);
    assert_eq!(device.take_output(), [host(event)]);
}

#[test]
fn a_halted_bulk_endpoint_refuses() {
    let mut device = plugged("fault = [\"stall 82\"]");
    for id in [3, 4] {
        device.on_host(
            0,
            id,
            Request::Bulk {
                endpoint: 0x82,
                length: 64,
                data: Vec::new(),
            },
        );
    }
    device.on_controller(0, Kind::Acl, vec![1, 0x20, 0, 0]);
    let stalls = [3, 4].map(|id| host(redir::bulk(id, 0x82, Status::Stall, 0, &[])));
    assert_eq!(device.take_output(), stalls);
}

#[test]
fn alternate_settings() {
    let mut device = plugged("");
    device.on_host(
        0,
        8,
        Request::SetAltSetting {
            interface: 1,
            alt: 2,
        },
    );
    assert_eq!(
        device.take_output()[1],
        host(redir::alt_setting_status(8, Status::Success, 1, 2))
    );
    device.on_host(
        0,
        8,
        Request::SetAltSetting {
            interface: 1,
            alt: 7,
        },
    );
    assert_eq!(
        device.take_output(),
        [host(redir::alt_setting_status(8, Status::Stall, 1, 7))]
    );
    device.on_host(0, 8, Request::GetAltSetting { interface: 1 });
    assert_eq!(
        device.take_output(),
        [host(redir::alt_setting_status(8, Status::Success, 1, 2))]
    );
}

#[test]
fn one_isochronous_packet_a_millisecond() {
    let mut device = plugged("");
    device.on_host(
        0,
        8,
        Request::SetAltSetting {
            interface: 1,
            alt: 2,
        },
    );
    device.set_sco_mode(Mode::Pattern);
    // Synchronous Connection Complete with handle 0x2a.
    device.on_controller(
        0,
        Kind::Event,
        [&[0x2c, 17, 0, 0x2a, 0][..], &[0; 14]].concat(),
    );
    device.on_host(1000, 0, Request::StartIsoStream { endpoint: 0x83 });
    device.take_output();
    assert_eq!(device.next_time(1000), Some(1000));
    let packet = [&[0x2a, 0, 48][..], &crate::sco::pattern(0, 48)].concat();
    let iso = Request::Iso {
        endpoint: 3,
        data: packet,
    };
    device.on_host(1000, 0, iso);
    device.on_time(4500);
    assert_eq!(device.take_output().len(), 3);
    assert_eq!(device.next_time(4500), Some(5000));
    // Then empty ones, but not at once and not for ever.
    device.on_time(900_000);
    let counts = ["83.packets", "83.empty", "sco.in.packets"].map(|name| device.stats.get(name));
    assert_eq!(counts, [64, 61, 1]);
    device.on_host(900_000, 0, Request::StopIsoStream { endpoint: 0x83 });
    assert_eq!(device.next_time(900_000), None);
}

#[test]
fn a_script_answers() {
    let mut device = plugged(
        "[[command]]\nopcode = 0xfc01\nreturns = \"00 01\"\ntimes = 1\n\
         [[command]]\nopcode = 0xfc01\nstatus = 1\ndelay = 2\n",
    );
    let out = command(&mut device, 5, &[1, 0xfc, 0]);
    assert!(out.contains(&host(redir::interrupt(
        0,
        0x81,
        Status::Success,
        &[14, 5, 1, 1, 0xfc, 0, 1]
    ))));
    assert_eq!(command(&mut device, 5, &[1, 0xfc, 0]).len(), 1);
    assert_eq!(device.next_time(0), Some(2000));
    device.on_time(2000);
    let event = [15, 4, 1, 1, 1, 0xfc];
    assert_eq!(
        device.take_output(),
        [host(redir::interrupt(0, 0x81, Status::Success, &event))]
    );
}

#[test]
fn requests() {
    let mut device = plugged("[[request]]\ntype = 0xc0\nrequest = 5\ndata = \"0102\"\n");
    let setup = Setup {
        kind: 0xc0,
        request: 5,
        value: 1,
        index: 2,
        length: 1,
    };
    assert_eq!(
        get(&mut device, setup),
        [host(redir::control(9, &setup, Status::Success, 1, &[1]))]
    );
    let setup = Setup {
        kind: 0xc0,
        request: 6,
        ..setup
    };
    assert_eq!(
        get(&mut device, setup),
        [host(redir::control(9, &setup, Status::Stall, 0, &[]))]
    );
    let setup = Setup {
        kind: 0x80,
        request: 6,
        value: 0x0100,
        index: 0,
        length: 18,
    };
    assert_ne!(
        get(&mut device, setup),
        [host(redir::control(9, &setup, Status::Stall, 0, &[]))]
    );
}

#[test]
fn unplug_at_a_packet_and_come_back() {
    let mut device = plugged("fault = [\"unplug 02 after=1 replug=10\"]");
    for _ in 0..2 {
        device.on_host(
            0,
            3,
            Request::Bulk {
                endpoint: 2,
                length: 1,
                data: vec![1],
            },
        );
    }
    assert_eq!(
        device.take_output().last(),
        Some(&host(redir::device_disconnect()))
    );
    assert!(!device.is_plugged());
    device.on_time(10_000);
    device.on_controller(10_000, Kind::Event, COMPLETE.to_vec());
    assert!(device.is_plugged());
}

#[test]
fn a_hanging_command_is_taken_back() {
    let mut device = plugged("fault = [\"hang 00\"]");
    assert!(command(&mut device, 5, &RESET).is_empty());
    device.on_host(0, 5, Request::Cancel);
    let setup = Setup {
        kind: 0x20,
        length: 3,
        ..Setup::default()
    };
    assert_eq!(
        device.take_output(),
        [host(redir::control(5, &setup, Status::Cancelled, 0, &[]))]
    );
}

#[test]
fn commands_come_on_the_bulk_endpoint_until_the_firmware_runs() {
    let mut device = plugged(
        "[bulk]\ncarries = \"commands\"\nuntil = 0xfc01\n[[command]]\nopcode = 0xfc09\nreturns = \"00\"\n",
    );
    let bulk = |device: &mut Device, data: &[u8]| {
        device.on_host(
            0,
            3,
            Request::Bulk {
                endpoint: 2,
                length: 0,
                data: data.to_vec(),
            },
        );
        device.take_output()
    };
    let out = bulk(&mut device, &[0x09, 0xfc, 2, 1, 7]);
    let complete = redir::interrupt(0, 0x81, Status::Success, &[14, 4, 1, 9, 0xfc, 0]);
    assert!(out.contains(&host(complete)));
    assert_eq!(device.take_commands(), [[0x09, 0xfc, 2, 1, 7].to_vec()]);
    command(&mut device, 5, &[1, 0xfc, 0]);
    let packet = vec![1, 0x20, 1, 0, 7];
    let out = bulk(&mut device, &packet);
    assert!(out.contains(&Output::Controller(Kind::Acl, packet)));
}

#[test]
fn firmware_is_noted() {
    let mut device = plugged(
        "[bulk]\ncarries = \"firmware\"\n[[request]]\ntype = 0x40\nrequest = 1\n[[request]]\ntype = 0xc0\n\
         request = 1\nqueued = true\n[[command]]\nopcode = 0xfc6f\ncontrol = [\"0102\"]\n",
    );
    let setup = Setup {
        kind: 0x40,
        request: 1,
        length: 2,
        ..Setup::default()
    };
    device.on_host(
        0,
        9,
        Request::Control {
            setup,
            data: vec![0xab, 0xcd],
        },
    );
    device.on_host(
        0,
        3,
        Request::Bulk {
            endpoint: 2,
            length: 0,
            data: vec![1, 2, 3],
        },
    );
    device.take_output();
    let poll = Setup {
        kind: 0xc0,
        request: 1,
        length: 64,
        ..Setup::default()
    };
    let nothing = redir::control(9, &poll, Status::Success, 0, &[]);
    assert_eq!(get(&mut device, poll), [host(nothing)]);
    command(&mut device, 5, &[0x6f, 0xfc, 0]);
    let something = redir::control(9, &poll, Status::Success, 2, &[1, 2]);
    assert_eq!(get(&mut device, poll), [host(something)]);
    let noted = device.take_transfers();
    assert_eq!(noted.len(), 3, "{noted:?}");
    assert_eq!(noted[0], "control 40 01 0000 0000 2 abcd");
    assert!(noted[1].starts_with("bulk 3 "));
}

#[test]
fn transfers_end_in_order() {
    for (fault, cancelled) in [("hang 02", true), ("delay 02 ms=1", false)] {
        let mut device = plugged(&format!("fault = [\"{fault}\"]"));
        for id in [3, 4, 5] {
            device.on_host(
                0,
                id,
                Request::Bulk {
                    endpoint: 2,
                    length: 5,
                    data: vec![1, 0x20, 1, 0, 7],
                },
            );
        }
        let is_host = |output: &Output| matches!(output, Output::Host(_));
        assert!(!device.take_output().iter().any(is_host), "{fault}");
        device.on_host(0, 5, Request::Cancel);
        let gone = |id| host(redir::bulk(id, 2, Status::Cancelled, 0, &[]));
        assert_eq!(device.take_output(), [gone(5)]);
        if cancelled {
            device.on_host(0, 3, Request::Cancel);
        } else {
            device.on_time(1000);
        }
        let mut out = device.take_output();
        out.retain(is_host);
        let done = |id| host(redir::bulk(id, 2, Status::Success, 5, &[]));
        let first = if cancelled { gone(3) } else { done(3) };
        assert_eq!(out, [first, done(4)], "{fault}");
    }
}
