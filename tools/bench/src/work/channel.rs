// SPDX-License-Identifier: GPL-2.0

//! Workloads over L2CAP.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use super::{raw, started, wrong, Outcome, Setting};
use crate::controller::{peer, Controller, LE_PEER};
use crate::sys::{self, Address};

const PSM: u16 = 0x1001;
const LE_PSM: u16 = 0x0080;

/// `SOL_L2CAP` and `L2CAP_OPTIONS`.
const SOL_L2CAP: i32 = 6;
const L2CAP_OPTIONS: i32 = 1;
const ERTM: u8 = 3;

const FRAMES: u32 = 2000;
pub const FRAME: usize = 672;
const LE_UNIT: usize = 512;

/// Frames that come in before one is read.
const BATCH: usize = 16;

const ECHO_REQUEST: u8 = 0x08;
const ECHO_RESPONSE: u8 = 0x09;
const ECHO: usize = 44;

fn channel(address: Address, kind: u8, psm: u16, mode: u8) -> io::Result<OwnedFd> {
    let fd = sys::socket(sys::SOCK_SEQPACKET, sys::L2CAP)?;
    if kind != sys::BREDR {
        sys::bind_l2cap(&fd, [0; 6], kind)?;
    }
    if mode != 0 {
        // struct l2cap_options: both MTUs, flush time-out, mode, FCS, transmissions, window.
        let mut options = [0u8; 12];
        for (at, mtu) in [(0, FRAME), (2, FRAME)] {
            let bytes = (mtu as u16).to_le_bytes();
            options[at] = bytes[0];
            options[at + 1] = bytes[1];
        }
        options[4..6].copy_from_slice(&0xffffu16.to_le_bytes());
        options[6] = mode;
        options[7] = 1;
        options[8] = 3;
        options[10..12].copy_from_slice(&63u16.to_le_bytes());
        sys::set_option(&fd, SOL_L2CAP, L2CAP_OPTIONS, &options)?;
    }
    sys::connect_l2cap(&fd, address, kind, psm)?;
    Ok(fd)
}

/// A channel in basic mode to this address.
pub fn basic(address: Address) -> io::Result<OwnedFd> {
    channel(address, sys::BREDR, PSM, 0)
}

fn bredr(setting: &Setting, mode: u8) -> io::Result<(Controller, OwnedFd)> {
    let controller = started(setting.kind(true))?;
    let fd = channel(peer(1), sys::BREDR, PSM, mode)?;
    Ok((controller, fd))
}

fn le(setting: &Setting) -> io::Result<(Controller, OwnedFd)> {
    let controller = started(setting.kind(false))?;
    controller.state().advertise = true;
    let fd = channel(LE_PEER, sys::LE_PUBLIC, LE_PSM, 0)?;
    controller.state().advertise = false;
    Ok((controller, fd))
}

/// How many frames the peer has.
fn received(controller: &Controller, count: u64) -> io::Result<()> {
    controller.wait("the frames at the peer", |state| {
        let channel = state.links.first()?.peer.channels.first()?;
        (channel.received >= count).then_some(())
    })
}

fn transmit(
    setting: &Setting,
    (controller, fd): (Controller, OwnedFd),
    len: usize,
) -> io::Result<Outcome> {
    let units = setting.units(FRAMES);
    let data = vec![0x5a; len];
    // What is made once is made.
    let early = 32;
    for _ in 0..early {
        sys::write(&fd, &data)?;
    }
    received(&controller, early)?;
    let (_, cost) = setting.meter.measure(|| {
        for _ in 0..units {
            sys::write(&fd, &data)?;
        }
        received(&controller, early + u64::from(units))
    })?;
    Ok(Outcome::time(units, cost))
}

/// Has `units` come in, numbered, and reads them.
fn take(
    controller: &Controller,
    fd: &OwnedFd,
    len: usize,
    first: u32,
    units: u32,
) -> io::Result<()> {
    let mut data = vec![0xa5; len];
    let mut buffer = vec![0u8; len + 16];
    let (mut sent, mut read) = (first, first);
    let end = first + units;
    while read < end {
        let before = sent;
        while sent < end && (sent - read) < BATCH as u32 {
            data[..4].copy_from_slice(&sent.to_le_bytes());
            let packets = controller.state().packets(&data);
            let Some(packets) = packets else { break };
            for packet in packets {
                controller.inject(&packet)?;
            }
            sent += 1;
        }
        if sent == before {
            // The host takes no more, and has given all it had.
            let packets = controller.wait("room to send", |state| state.packets(&data))?;
            for packet in packets {
                controller.inject(&packet)?;
            }
            sent += 1;
        }
        while read < sent {
            let got = sys::read(fd, &mut buffer)?;
            if got != len || buffer[..4] != read.to_le_bytes() {
                return Err(wrong(format!(
                    "frame {read} came as {got} bytes, or another one did"
                )));
            }
            read += 1;
        }
    }
    Ok(())
}

fn receive(
    setting: &Setting,
    (controller, fd): (Controller, OwnedFd),
    len: usize,
) -> io::Result<Outcome> {
    let units = setting.units(FRAMES);
    let ready = |state: &mut crate::controller::State| {
        let channel = state.links.first()?.peer.channels.first()?;
        channel.ready.then_some(())
    };
    controller.wait("the channel", ready)?;
    let early = 32;
    take(&controller, &fd, len, 0, early)?;
    let (_, cost) = setting
        .meter
        .measure(|| take(&controller, &fd, len, early, units))?;
    Ok(Outcome::time(units, cost))
}

/// Frames out, in basic mode.
pub fn basic_tx(setting: &Setting) -> io::Result<Outcome> {
    transmit(setting, bredr(setting, 0)?, FRAME)
}

/// Frames in, in basic mode.
pub fn basic_rx(setting: &Setting) -> io::Result<Outcome> {
    receive(setting, bredr(setting, 0)?, FRAME)
}

/// Frames out, with retransmission.
pub fn ertm_tx(setting: &Setting) -> io::Result<Outcome> {
    transmit(setting, bredr(setting, ERTM)?, FRAME)
}

/// Frames in, with retransmission.
pub fn ertm_rx(setting: &Setting) -> io::Result<Outcome> {
    receive(setting, bredr(setting, ERTM)?, FRAME)
}

/// Service data units out, with LE credits.
pub fn credit_tx(setting: &Setting) -> io::Result<Outcome> {
    transmit(setting, le(setting)?, LE_UNIT)
}

/// Service data units in, with LE credits.
pub fn credit_rx(setting: &Setting) -> io::Result<Outcome> {
    receive(setting, le(setting)?, LE_UNIT)
}

/// Echoes, as l2ping sends them.
pub fn echo(setting: &Setting) -> io::Result<Outcome> {
    let _controller = started(setting.kind(true))?;
    let fd = sys::socket(sys::SOCK_RAW, sys::L2CAP)?;
    sys::connect_l2cap(&fd, peer(1), sys::BREDR, 0)?;
    let units = setting.units(FRAMES);
    let mut request = [0x45u8; 4 + ECHO];
    request[0] = ECHO_REQUEST;
    request[2..4].copy_from_slice(&(ECHO as u16).to_le_bytes());
    let mut answer = [0u8; 128];
    let mut ping = |number: u32| {
        // Identifiers of programs are those that the kernel does not use itself.
        request[1] = 200 + (number % 50) as u8;
        sys::write(&fd, &request)?;
        loop {
            let got = sys::read(&fd, &mut answer)?;
            if answer[0] == ECHO_RESPONSE && answer[1] == request[1] && got == request.len() {
                return Ok::<_, io::Error>(());
            }
        }
    };
    for number in 0..16 {
        ping(number)?;
    }
    let (_, cost) = setting
        .meter
        .measure(|| (0..units).try_for_each(&mut ping))?;
    Ok(Outcome::time(units, cost))
}

/// A link and a channel on it, opened and closed. The peer hangs up when the channel is closed.
pub fn connect(setting: &Setting) -> io::Result<Outcome> {
    let controller = started(setting.kind(true))?;
    controller.state().hang_up = true;
    let _keep = raw()?;
    let units = setting.units(100);
    let cycle = |number: u32| {
        let ended = controller.state().ended;
        let address = peer(1 + (number % 8) as u8);
        let fd = channel(address, sys::BREDR, PSM, 0)?;
        sys::close(fd);
        controller.wait("the end of the link", |state| {
            (state.ended > ended).then_some(())
        })?;
        // The host has to hear of it, too.
        sys::sleep(Duration::from_millis(1));
        Ok::<_, io::Error>(())
    };
    (0..4).try_for_each(cycle)?;
    let (_, cost) = setting.meter.measure(|| (0..units).try_for_each(cycle))?;
    Ok(Outcome::time(units, cost))
}
