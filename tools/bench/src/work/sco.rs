// SPDX-License-Identifier: GPL-2.0

//! Workloads over synchronous links.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use super::channel::{self, FRAME};
use super::{started, wrong, Gaps, Measured, Outcome, Setting};
use crate::controller::{peer, Controller, Synchronous};
use crate::sys;

const PACKET: usize = 48;
const PACKETS: u32 = 4000;
/// Packets that come in before one is read.
const BATCH: u32 = 16;
/// What 48 bytes of 16 bits and 8 kHz last, in nanoseconds.
const PERIOD: u64 = 3_000_000;

fn connected(setting: &Setting) -> io::Result<(Controller, OwnedFd)> {
    let controller = started(setting.kind(true))?;
    let fd = sys::socket(sys::SOCK_SEQPACKET, sys::SCO)?;
    sys::connect_sco(&fd, peer(1))?;
    Ok((controller, fd))
}

/// How many packets the controller has.
fn arrived(controller: &Controller, count: u64) -> io::Result<()> {
    controller.wait("the packets at the controller", |state| {
        (state.synchronous.as_ref()?.received >= count).then_some(())
    })
}

/// Packets out.
pub fn transmit(setting: &Setting) -> io::Result<Outcome> {
    let (controller, fd) = connected(setting)?;
    let units = setting.units(PACKETS);
    let data = [0x5a; PACKET];
    let early = 32;
    for _ in 0..early {
        sys::write(&fd, &data)?;
    }
    arrived(&controller, early)?;
    let (_, cost) = setting.meter.measure(|| {
        for _ in 0..units {
            sys::write(&fd, &data)?;
        }
        arrived(&controller, early + u64::from(units))
    })?;
    Ok(Outcome::time(units, cost))
}

/// Has `count` packets come in, numbered from `first` on, and reads them.
fn take(controller: &Controller, fd: &OwnedFd, first: u32, count: u32) -> io::Result<()> {
    let handle = controller
        .state()
        .synchronous
        .as_ref()
        .map(|link| link.handle);
    let [low, high] = handle.ok_or_else(|| wrong("no link".into()))?.to_le_bytes();
    let mut packet = [0xa5; 4 + PACKET];
    packet[..4].copy_from_slice(&[3, low, high, PACKET as u8]);
    let mut buffer = [0u8; PACKET + 16];
    let mut next = first;
    while next < first + count {
        let batch = BATCH.min(first + count - next);
        for number in next..next + batch {
            packet[4..8].copy_from_slice(&number.to_le_bytes());
            controller.inject(&packet)?;
        }
        for number in next..next + batch {
            let got = sys::read(fd, &mut buffer)?;
            if got != PACKET || buffer[..4] != number.to_le_bytes() {
                return Err(wrong(format!(
                    "packet {number} came as {got} bytes, or another one did"
                )));
            }
        }
        next += batch;
    }
    Ok(())
}

/// Packets in.
pub fn receive(setting: &Setting) -> io::Result<Outcome> {
    let (controller, fd) = connected(setting)?;
    let units = setting.units(PACKETS) / BATCH * BATCH;
    take(&controller, &fd, 0, 2 * BATCH)?;
    let (_, cost) = setting
        .meter
        .measure(|| take(&controller, &fd, 2 * BATCH, units))?;
    Ok(Outcome::time(units, cost))
}

/// The times between packets of a program that sends one every three milliseconds, as the controller gets them,
/// while another sends data over the same link without end, so that the processor is never idle.
pub fn gaps(setting: &Setting) -> io::Result<Outcome> {
    let (controller, fd) = connected(setting)?;
    let data = channel::basic(peer(1))?;
    let units = setting.units(1000);
    if let Some(link) = &mut controller.state().synchronous {
        link.times = Some(Vec::with_capacity(units as usize));
    }
    let done = AtomicBool::new(false);
    let packet = [0x5a; PACKET];
    std::thread::scope(|threads| {
        let flood = threads.spawn(|| {
            let frame = [0x5a; FRAME];
            while !done.load(Ordering::Relaxed) {
                sys::write(&data, &frame)?;
            }
            Ok::<_, io::Error>(())
        });
        let voice = threads.spawn(|| {
            sys::real_time()?;
            let mut next = sys::now();
            for _ in 0..units {
                next += PERIOD;
                sys::sleep_until(next);
                sys::write(&fd, &packet)?;
            }
            Ok::<_, io::Error>(())
        });
        let sent = voice
            .join()
            .map_err(|_| wrong("the thread broke".into()))
            .and_then(|result| result)
            .and_then(|()| arrived(&controller, units.into()));
        done.store(true, Ordering::Relaxed);
        let flooded = flood
            .join()
            .map_err(|_| wrong("the thread broke".into()))
            .and_then(|result| result);
        sent.and(flooded)
    })?;
    let frames = controller
        .state()
        .links
        .first()
        .and_then(|link| link.peer.channels.first())
        .map_or(0, |channel| channel.received);
    if frames < u64::from(units) {
        return Err(wrong(format!("only {frames} frames of data beside it")));
    }
    let times = match &mut controller.state().synchronous {
        Some(Synchronous { times, .. }) => times.take().unwrap_or_default(),
        None => return Err(wrong("the link has ended".into())),
    };
    let mut gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort_unstable();
    let at = |percent: usize| {
        let last = gaps.len().saturating_sub(1);
        gaps.get(last * percent / 100).copied().unwrap_or(0)
    };
    Ok(Outcome {
        units,
        measured: Measured::Gaps(Gaps {
            median: at(50),
            most: at(99),
            longest: at(100),
        }),
    })
}
