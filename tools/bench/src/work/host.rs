// SPDX-License-Identifier: GPL-2.0

//! Workloads of the controller interface: commands, power, advertising reports.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use super::{raw, started, wrong, Outcome, Setting, DEVICE_DOWN, DEVICE_UP};
use crate::controller::{report, Controller};
use crate::sys;

/// `SOL_HCI` and `HCI_FILTER`.
const SOL_HCI: i32 = 0;
const HCI_FILTER: i32 = 2;

/// Read Local Version Information.
const READ_VERSION: u16 = 0x1001;

/// `HCI_CHANNEL_CONTROL` and `HCI_DEV_NONE`.
pub const CONTROL: u16 = 3;
pub const NO_DEVICE: u16 = 0xffff;

pub const SET_POWERED: u16 = 0x0005;
const START_DISCOVERY: u16 = 0x0023;
const LE_DEVICES: u8 = 0x06;
const COMMAND_COMPLETE: u16 = 0x0001;
const COMMAND_STATUS: u16 = 0x0002;
const USER_CONFIRMATION: u16 = 0x000f;
const DEVICE_FOUND: u16 = 0x0012;
const CONFIRM: u16 = 0x001c;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Connectable, undirected advertising; and its answer to a scan.
const ADV_IND: u8 = 0;
const SCAN_RSP: u8 = 4;

/// Reports that come in before their events are read.
const BATCH: u32 = 32;

/// A raw socket's command and its answer.
pub fn command(setting: &Setting) -> io::Result<Outcome> {
    let controller = started(setting.kind(true))?;
    let fd = raw()?;
    sys::bind_hci(&fd, controller.index, 0)?;
    // struct hci_filter: events only, Command Complete and Command Status.
    let mut filter = [0u8; 16];
    filter[0] = 1 << 4;
    filter[5] = (1 << (0x0e - 8)) | (1 << (0x0f - 8));
    sys::set_option(&fd, SOL_HCI, HCI_FILTER, &filter)?;
    let [low, high] = READ_VERSION.to_le_bytes();
    let units = setting.units(2000);
    let mut answer = [0u8; 260];
    let mut ask = || {
        sys::write(&fd, &[1, low, high, 0])?;
        loop {
            let got = sys::read(&fd, &mut answer)?;
            if got > 6 && answer[1] == 0x0e && answer[4..6] == [low, high] {
                return Ok::<_, io::Error>(());
            }
        }
    };
    for _ in 0..16 {
        ask()?;
    }
    let (_, cost) = setting
        .meter
        .measure(|| (0..units).try_for_each(|_| ask()))?;
    Ok(Outcome::time(units, cost))
}

/// The controller opened and closed again.
pub fn power(setting: &Setting) -> io::Result<Outcome> {
    let controller = started(Setting::kind(setting, true))?;
    let fd = raw()?;
    let cycle = || {
        sys::ioctl(&fd, DEVICE_DOWN, controller.index)?;
        sys::ioctl(&fd, DEVICE_UP, controller.index)
    };
    cycle()?;
    let units = setting.units(50);
    let (_, cost) = setting
        .meter
        .measure(|| (0..units).try_for_each(|_| cycle()))?;
    Ok(Outcome::time(units, cost))
}

fn send(fd: &OwnedFd, index: u16, opcode: u16, parameters: &[u8]) -> io::Result<()> {
    let mut packet = Vec::new();
    for value in [opcode, index, parameters.len() as u16] {
        packet.extend(value.to_le_bytes());
    }
    packet.extend(parameters);
    sys::write(fd, &packet)
}

/// A command to mgmt, and its answer, which has to be success. What the user is asked to confirm meanwhile is
/// confirmed.
pub fn mgmt(fd: &OwnedFd, index: u16, opcode: u16, parameters: &[u8]) -> io::Result<()> {
    send(fd, index, opcode, parameters)?;
    let mut answer = [0u8; 1024];
    loop {
        if !sys::readable(fd, PATIENCE)? {
            return Err(wrong(format!("mgmt 0x{opcode:04x}: no answer")));
        }
        let got = sys::read(fd, &mut answer)?;
        let word = |at: usize| u16::from_le_bytes([answer[at], answer[at + 1]]);
        if word(0) == USER_CONFIRMATION && got >= 13 {
            // The address, and its kind.
            send(fd, index, CONFIRM, &answer[6..13])?;
        }
        if got < 9 || word(6) != opcode {
            continue;
        }
        match word(0) {
            COMMAND_COMPLETE | COMMAND_STATUS if answer[8] != 0 => {
                return Err(wrong(format!("mgmt 0x{opcode:04x}: status {}", answer[8])));
            }
            COMMAND_COMPLETE => return Ok(()),
            _ => {}
        }
    }
}

/// Advertising reports while a program discovers devices. A report that can be answered is told with its
/// answer; so each device sends both, and that is two reports and one event.
pub fn reports(setting: &Setting) -> io::Result<Outcome> {
    let controller = started(setting.kind(false))?;
    let fd = raw()?;
    sys::bind_hci(&fd, NO_DEVICE, CONTROL)?;
    mgmt(&fd, controller.index, SET_POWERED, &[1])?;
    mgmt(&fd, controller.index, START_DISCOVERY, &[LE_DEVICES])?;
    hear(&controller, &fd, 0, BATCH)?;
    let units = setting.units(10_000) / BATCH * BATCH;
    let (_, cost) = setting.meter.measure(|| {
        (0..units / BATCH).try_for_each(|batch| hear(&controller, &fd, batch, BATCH))
    })?;
    if sys::readable(&fd, Duration::ZERO)? {
        return Err(wrong("there were more events than devices".into()));
    }
    Ok(Outcome::time(units, cost))
}

/// `count` reports of as many devices over two, and their events.
fn hear(controller: &Controller, fd: &OwnedFd, batch: u32, count: u32) -> io::Result<()> {
    // Flags; a complete name.
    let data = [
        2, 1, 6, 9, 9, b'O', b'x', b't', b'o', b'o', b't', b'h', b'!',
    ];
    // Transmit power; two services.
    let answer = [2, 0x0a, 4, 5, 3, 0x0f, 0x18, 0x0a, 0x18];
    let devices = count / 2;
    for device in 0..devices {
        let [a, b, c, d] = (batch * devices + device).to_le_bytes();
        let address = [a, b, c, d, 0, 0xc0];
        controller.inject(&report(address, ADV_IND, &data))?;
        controller.inject(&report(address, SCAN_RSP, &answer))?;
    }
    let mut told = 0;
    let mut event = [0u8; 1024];
    while told < devices {
        if !sys::readable(fd, Duration::from_secs(10))? {
            return Err(wrong(format!("{told} of {devices} devices were told")));
        }
        let got = sys::read(fd, &mut event)?;
        if got > 6 && event[..2] == DEVICE_FOUND.to_le_bytes() {
            told += 1;
        }
    }
    Ok(())
}
