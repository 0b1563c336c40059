// SPDX-License-Identifier: GPL-2.0

//! The workloads. Each prepares what it needs, and then has the meter count a number of units.

mod channel;
mod host;
mod memory;
mod pair;
mod sco;

use std::io;
use std::os::fd::OwnedFd;

use crate::controller::Controller;
use crate::meter::{Cost, Meter};
use crate::replies::Kind;
use crate::sys;

/// `HCIDEVUP` and `HCIDEVDOWN`.
const DEVICE_UP: u64 = 0x4004_48c9;
const DEVICE_DOWN: u64 = 0x4004_48ca;

/// What a workload is given.
pub struct Setting {
    /// The controller's buffers.
    pub kind: Kind,
    /// Units are multiplied by this, in percent.
    pub scale: u32,
    /// Counts.
    pub meter: Meter,
}

/// What was counted.
pub enum Measured {
    /// Processor time.
    Time(Cost),
    /// Memory that the kernel keeps.
    Bytes(u64),
    /// Time between packets.
    Gaps(Gaps),
}

/// Time between one packet and the next, in nanoseconds.
pub struct Gaps {
    /// The median.
    pub median: u64,
    /// 99 of 100 are not longer.
    pub most: u64,
    /// The longest.
    pub longest: u64,
}

/// What came out.
pub struct Outcome {
    /// Units of work.
    pub units: u32,
    /// What all of them cost.
    pub measured: Measured,
}

impl Outcome {
    fn time(units: u32, cost: Cost) -> Self {
        Self {
            units,
            measured: Measured::Time(cost),
        }
    }
}

/// A workload: its name, what a unit is, and the function.
pub struct Workload {
    /// As it is asked for.
    pub name: &'static str,
    /// What is counted.
    pub unit: &'static str,
    /// Runs it.
    pub run: fn(&Setting) -> io::Result<Outcome>,
}

/// All of them, in the order in which they are run.
pub const WORKLOADS: &[Workload] = &[
    Workload {
        name: "l2cap-tx",
        unit: "frame of 672 bytes sent, basic mode",
        run: channel::basic_tx,
    },
    Workload {
        name: "l2cap-rx",
        unit: "frame of 672 bytes received, basic mode",
        run: channel::basic_rx,
    },
    Workload {
        name: "le-coc-tx",
        unit: "unit of 512 bytes sent with LE credits",
        run: channel::credit_tx,
    },
    Workload {
        name: "le-coc-rx",
        unit: "unit of 512 bytes received with LE credits",
        run: channel::credit_rx,
    },
    Workload {
        name: "ertm-tx",
        unit: "frame of 672 bytes sent with retransmission",
        run: channel::ertm_tx,
    },
    Workload {
        name: "ertm-rx",
        unit: "frame of 672 bytes received with retransmission",
        run: channel::ertm_rx,
    },
    Workload {
        name: "sco-tx",
        unit: "synchronous packet of 48 bytes sent",
        run: sco::transmit,
    },
    Workload {
        name: "sco-rx",
        unit: "synchronous packet of 48 bytes received",
        run: sco::receive,
    },
    Workload {
        name: "echo",
        unit: "L2CAP echo there and back",
        run: channel::echo,
    },
    Workload {
        name: "connect",
        unit: "link and channel opened and closed",
        run: channel::connect,
    },
    Workload {
        name: "le-pairing",
        unit: "LE link, paired with secure connections, and forgotten",
        run: pair::le,
    },
    Workload {
        name: "ssp-pairing",
        unit: "BR/EDR link, paired with simple pairing, and forgotten",
        run: pair::bredr,
    },
    Workload {
        name: "adv-report",
        unit: "advertising report that mgmt tells",
        run: host::reports,
    },
    Workload {
        name: "hci-command",
        unit: "HCI command and its answer",
        run: host::command,
    },
    Workload {
        name: "power-cycle",
        unit: "controller opened and closed",
        run: host::power,
    },
    Workload {
        name: "sco-gaps",
        unit: "synchronous packet every 3 ms, beside data at full rate",
        run: sco::gaps,
    },
    Workload {
        name: "memory-link",
        unit: "idle ACL link, from the first to the seventh",
        run: memory::links,
    },
    Workload {
        name: "memory-channel",
        unit: "idle channel and its socket, from the first to the hundredth",
        run: memory::channels,
    },
];

impl Setting {
    /// This many, scaled.
    fn units(&self, usual: u32) -> u32 {
        (u64::from(usual) * u64::from(self.scale) / 100).max(1) as u32
    }

    fn kind(&self, bredr: bool) -> Kind {
        Kind {
            bredr,
            le: !bredr,
            ..self.kind
        }
    }
}

/// A raw HCI socket.
fn raw() -> io::Result<OwnedFd> {
    sys::socket(sys::SOCK_RAW, sys::HCI)
}

/// Plugs a controller in and opens it.
fn started(kind: Kind) -> io::Result<Controller> {
    let controller = Controller::start(kind)?;
    match sys::ioctl(&raw()?, DEVICE_UP, controller.index) {
        // The core opens a new controller by itself, to see what it is.
        Err(error) if error.raw_os_error() == Some(libc::EALREADY) => {}
        other => other?,
    }
    Ok(controller)
}

/// An error of a workload itself.
fn wrong(what: String) -> io::Error {
    io::Error::other(what)
}
