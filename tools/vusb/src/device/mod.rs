// SPDX-License-Identifier: GPL-2.0

//! The device: what it says to the host and to the controller, without I/O and without a clock.

mod queue;
mod requests;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::RangeInclusive;

use crate::config::{Carries, Description, Rule};
use crate::descriptors;
use crate::fault::{self, Faults};
use crate::h4::{self, Kind, Reassembler};
use crate::hex;
use crate::redir::{self, Request, Status};
use crate::sco::{Mode, Sco};
use crate::stats::Stats;

use queue::{Piece, Queue};

/// What goes out of the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Bytes of the usbredir protocol.
    Host(Vec<u8>),
    /// An HCI packet.
    Controller(Kind, Vec<u8>),
}

/// Something that happens later.
#[derive(Clone, Debug)]
enum Action {
    Say(Output),
    Event(Vec<u8>),
    Acl(Vec<u8>),
    Plug,
    Unplug(Option<u64>),
    /// The bulk transfer that the others wait for has ended.
    Resume(Output),
}

/// A transfer that waits for its end.
#[derive(Clone, Debug)]
enum Held {
    Control(redir::Setup),
    Bulk(u8),
}

/// Where the device is between nothing and plugged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Power {
    /// Unplugged.
    Off,
    /// The controller was told to reset; what it says is not for the host.
    Resetting,
    /// On the bus.
    Plugged,
}

/// How many commands of the host are remembered.
const REMEMBERED: usize = 4096;
/// When empty isochronous packets are sent, in ms since the last one with data. QEMU gives packets to
/// its guest when it has 60, until it has none, and drops some, data or not, when it has 120 since
/// the guest was too slow. So there are none in between, and at the end as many as push out the last.
const FLUSH: RangeInclusive<u32> = 100..=160;
/// HCI_Reset.
const RESET: [u8; 3] = [0x03, 0x0c, 0x00];
/// The endpoint that stands for USB's own requests where faults are concerned.
pub const STANDARD_REQUESTS: u8 = 0x80;

/// The device.
pub struct Device {
    of: Description,
    rules: Vec<Rule>,
    /// Uses left of each of the description's control requests.
    requests: Vec<Option<u32>>,
    /// What goes wrong.
    pub faults: Faults,
    /// What happened.
    pub stats: Stats,
    out: Vec<Output>,
    later: BTreeMap<(u64, u64), Action>,
    sequence: u64,
    host: bool,
    power: Power,
    configuration: u8,
    alt: u8,
    halted: BTreeSet<u8>,
    events: Queue,
    acl: Queue,
    interrupt_started: bool,
    iso_in: bool,
    iso_due: u64,
    /// Empty isochronous packets since the last one with data.
    iso_idle: u32,
    bulk_waiting: VecDeque<(u64, u32)>,
    held: BTreeMap<u64, Held>,
    /// The outgoing bulk transfer that does not end, and those behind it: a host's transfers on an
    /// endpoint end in their order, which QEMU relies on.
    stuck: Option<u64>,
    behind: VecDeque<(u64, Vec<u8>)>,
    acl_out: Reassembler,
    sco: Sco,
    commands: VecDeque<Vec<u8>>,
    /// Whether the firmware runs, which the bulk endpoint carried.
    running: bool,
    /// What is ready for control requests.
    queued: VecDeque<Vec<u8>>,
    /// Control requests other than commands, and what firmware went out.
    transfers: VecDeque<String>,
}

impl Device {
    /// A device that is not plugged in. Its answers and faults were checked by
    /// [`Description::parse`] and are taken over.
    ///
    /// # Errors
    ///
    /// What is wrong with the description.
    pub fn new(of: Description) -> Result<Self, String> {
        let mut new = Self {
            of: Description::default(),
            rules: Vec::new(),
            requests: Vec::new(),
            faults: Faults::default(),
            stats: Stats::default(),
            out: Vec::new(),
            later: BTreeMap::new(),
            sequence: 0,
            host: false,
            power: Power::Off,
            configuration: 0,
            alt: 0,
            halted: BTreeSet::new(),
            events: Queue::terminated(),
            acl: Queue::default(),
            interrupt_started: false,
            iso_in: false,
            iso_due: 0,
            iso_idle: 0,
            bulk_waiting: VecDeque::new(),
            held: BTreeMap::new(),
            stuck: None,
            behind: VecDeque::new(),
            acl_out: Reassembler::new(Kind::Acl),
            sco: Sco::default(),
            commands: VecDeque::new(),
            running: false,
            queued: VecDeque::new(),
            transfers: VecDeque::new(),
        };
        new.describe(of)?;
        Ok(new)
    }

    /// Makes it another device, with the answers and faults of its description instead of those
    /// that there are.
    ///
    /// # Errors
    ///
    /// What is wrong with the description, or that the device is on the bus: nothing changes then.
    pub fn describe(&mut self, of: Description) -> Result<(), String> {
        if self.power != Power::Off {
            return Err("it is plugged in".into());
        }
        let rules = of
            .command
            .iter()
            .map(|answer| answer.rule())
            .collect::<Result<_, _>>()?;
        let mut faults = Faults::default();
        for text in &of.fault {
            faults.add(fault::parse(text)?);
        }
        self.requests = of
            .request
            .iter()
            .map(|one| (one.times != 0).then_some(one.times))
            .collect();
        self.rules = rules;
        self.faults = faults;
        self.of = of;
        Ok(())
    }

    /// What is to be written since the last call.
    pub fn take_output(&mut self) -> Vec<Output> {
        for endpoint in self.faults.take_hits() {
            self.stats.add(&format!("fault.{endpoint:02x}"), 1);
        }
        std::mem::take(&mut self.out)
    }

    fn say(&mut self, bytes: Vec<u8>) {
        self.out.push(Output::Host(bytes));
    }

    fn at(&mut self, time: u64, action: Action) {
        self.sequence += 1;
        self.later.insert((time, self.sequence), action);
    }

    /// The host has connected: greets it. The device is plugged in when the host has answered and
    /// the controller has reset itself.
    pub fn host_connected(&mut self) {
        self.say(redir::hello());
    }

    /// The host's connection is gone, and all that it had started.
    pub fn host_gone(&mut self) {
        self.host = false;
        self.off();
    }

    fn off(&mut self) {
        self.power = Power::Off;
        self.bus_reset();
        self.events.clear();
        self.acl.clear();
        self.bulk_waiting.clear();
        self.held.clear();
        self.stuck = None;
        self.behind.clear();
        self.later.clear();
        self.acl_out.clear();
        self.sco.clear();
        self.running = false;
        self.queued.clear();
    }

    fn bus_reset(&mut self) {
        self.configuration = 0;
        self.alt = 0;
        self.sco.set_size(0);
        self.halted.clear();
        self.interrupt_started = false;
        self.iso_in = false;
    }

    /// Plugs it in; nothing happens if it is, or while there is no host.
    pub fn plug(&mut self) {
        if self.host && self.power == Power::Off {
            self.power = Power::Resetting;
            self.out
                .push(Output::Controller(Kind::Command, RESET.to_vec()));
        }
    }

    /// Unplugs it; with `replug` it comes back so many ms later.
    pub fn unplug(&mut self, now: u64, replug: Option<u64>) {
        let was = self.power;
        self.off();
        if was == Power::Plugged {
            self.stats.add("unplugged", 1);
            self.say(redir::device_disconnect());
        }
        if let Some(ms) = replug {
            self.at(now.saturating_add(ms.saturating_mul(1000)), Action::Plug);
        }
    }

    /// Unplugs it so many ms from now.
    pub fn unplug_later(&mut self, now: u64, ms: u64) {
        self.at(
            now.saturating_add(ms.saturating_mul(1000)),
            Action::Unplug(None),
        );
    }

    fn connect(&mut self) {
        self.power = Power::Plugged;
        self.stats.add("plugged", 1);
        self.say(redir::interface_info(&descriptors::interfaces(&self.of)));
        self.say_endpoints();
        self.say(redir::device_connect(&descriptors::connect(&self.of)));
    }

    fn say_endpoints(&mut self) {
        self.say(redir::ep_info(&descriptors::endpoints(&self.of, self.alt)));
    }

    /// Whether it is on the bus.
    pub fn is_plugged(&self) -> bool {
        self.power == Power::Plugged
    }

    /// A word of the host.
    pub fn on_host(&mut self, now: u64, id: u64, request: Request) {
        match request {
            Request::Hello { .. } => {
                self.host = true;
                self.plug();
            }
            Request::Reset => {
                self.stats.add("reset", 1);
                self.bus_reset();
            }
            Request::SetConfiguration(number) => {
                self.stats.add("set_configuration", 1);
                let known = matches!(number, 0 | descriptors::CONFIGURATION);
                if known {
                    self.configuration = number;
                    self.set_alt(0);
                    self.halted.clear();
                    self.say(redir::interface_info(&descriptors::interfaces(&self.of)));
                    self.say_endpoints();
                }
                let status = if known {
                    Status::Success
                } else {
                    Status::Stall
                };
                self.say(redir::configuration_status(id, status, self.configuration));
            }
            Request::GetConfiguration => {
                self.say(redir::configuration_status(
                    id,
                    Status::Success,
                    self.configuration,
                ));
            }
            Request::SetAltSetting { interface, alt } => {
                self.set_interface(now, id, interface, alt)
            }
            Request::GetAltSetting { interface } => {
                let alt = if interface == descriptors::ISOCHRONOUS_INTERFACE {
                    self.alt
                } else {
                    0
                };
                self.say(redir::alt_setting_status(
                    id,
                    Status::Success,
                    interface,
                    alt,
                ));
            }
            Request::StartIsoStream { endpoint } => {
                if endpoint & 0x80 != 0 {
                    self.iso_in = true;
                    self.iso_due = now;
                    self.iso_idle = 0;
                }
                self.say(redir::iso_stream_status(id, Status::Success, endpoint));
            }
            Request::StopIsoStream { endpoint } => {
                if endpoint & 0x80 != 0 {
                    self.iso_in = false;
                }
                self.say(redir::iso_stream_status(id, Status::Success, endpoint));
            }
            Request::StartInterruptReceiving { endpoint } => {
                if endpoint == self.of.interrupt.address {
                    self.interrupt_started = true;
                }
                self.say(redir::interrupt_receiving_status(
                    id,
                    Status::Success,
                    endpoint,
                ));
            }
            Request::StopInterruptReceiving { endpoint } => {
                if endpoint == self.of.interrupt.address {
                    self.interrupt_started = false;
                }
                self.say(redir::interrupt_receiving_status(
                    id,
                    Status::Success,
                    endpoint,
                ));
            }
            Request::Cancel => self.cancel(now, id),
            Request::Control { setup, data } => self.control(now, id, setup, data),
            Request::Bulk {
                endpoint,
                length,
                data,
            } => self.bulk(now, id, endpoint, length, data),
            Request::Iso { endpoint, data } => self.iso_out(now, endpoint, &data),
            Request::DisconnectAck | Request::Other(_) => {}
        }
        self.pump(now);
    }

    fn set_alt(&mut self, alt: u8) {
        self.alt = alt;
        let size = self
            .of
            .isochronous
            .sizes
            .get(usize::from(alt))
            .copied()
            .unwrap_or(0);
        self.sco.set_size(size.into());
        self.iso_in = false;
    }

    fn set_interface(&mut self, now: u64, id: u64, interface: u8, alt: u8) {
        // The only faults here: it refuses, or takes its time.
        let fault = self.faults.next(STANDARD_REQUESTS);
        if fault == Some(fault::Kind::Stall) {
            return self.say(redir::alt_setting_status(
                id,
                Status::Stall,
                interface,
                self.alt,
            ));
        }
        let isochronous = &self.of.isochronous;
        let known = if interface == descriptors::ISOCHRONOUS_INTERFACE && isochronous.present {
            usize::from(alt) < isochronous.sizes.len()
        } else {
            alt == 0
        };
        if known && interface == descriptors::ISOCHRONOUS_INTERFACE {
            self.stats.add(&format!("alt.{alt}"), 1);
            self.set_alt(alt);
            self.say_endpoints();
        }
        let status = if known {
            Status::Success
        } else {
            Status::Stall
        };
        let done = redir::alt_setting_status(id, status, interface, alt);
        match fault {
            Some(fault::Kind::Delay(ms)) => {
                let time = now.saturating_add(ms.saturating_mul(1000));
                self.at(time, Action::Say(Output::Host(done)));
            }
            _ => self.say(done),
        }
    }

    fn cancel(&mut self, now: u64, id: u64) {
        self.stats.add("cancelled", 1);
        if let Some(position) = self.behind.iter().position(|(waiting, _)| *waiting == id) {
            self.behind.remove(position);
            let endpoint = self.of.bulk.output;
            return self.say(redir::bulk(id, endpoint, Status::Cancelled, 0, &[]));
        }
        if let Some(position) = self
            .bulk_waiting
            .iter()
            .position(|(waiting, _)| *waiting == id)
        {
            self.bulk_waiting.remove(position);
            self.say(redir::bulk(
                id,
                self.of.bulk.input,
                Status::Cancelled,
                0,
                &[],
            ));
            return;
        }
        match self.held.remove(&id) {
            Some(Held::Control(setup)) => {
                self.say(redir::control(id, &setup, Status::Cancelled, 0, &[]));
            }
            Some(Held::Bulk(endpoint)) => {
                self.say(redir::bulk(id, endpoint, Status::Cancelled, 0, &[]));
            }
            None => {}
        }
        if self.stuck == Some(id) {
            self.resume(now);
        }
    }

    fn bulk(&mut self, now: u64, id: u64, endpoint: u8, length: u32, data: Vec<u8>) {
        if self.halted.contains(&endpoint) {
            self.say(redir::bulk(id, endpoint, Status::Stall, 0, &[]));
        } else if endpoint == self.of.bulk.input {
            self.bulk_waiting.push_back((id, length));
        } else if endpoint == self.of.bulk.output {
            self.bulk_out(now, id, endpoint, data);
        } else if endpoint & 0x80 != 0 {
            // Nothing ever comes in on the others.
            self.held.insert(id, Held::Bulk(endpoint));
        } else {
            self.say(redir::bulk(id, endpoint, Status::Success, length, &[]));
        }
    }

    /// What waited behind a transfer goes on.
    fn resume(&mut self, now: u64) {
        self.stuck = None;
        while self.stuck.is_none() {
            let Some((id, data)) = self.behind.pop_front() else {
                return;
            };
            let endpoint = self.of.bulk.output;
            if self.halted.contains(&endpoint) {
                self.say(redir::bulk(id, endpoint, Status::Stall, 0, &[]));
            } else {
                self.bulk_out(now, id, endpoint, data);
            }
        }
    }

    fn bulk_out(&mut self, now: u64, id: u64, endpoint: u8, mut data: Vec<u8>) {
        if self.stuck.is_some() {
            return self.behind.push_back((id, data));
        }
        let fault = self.faults.next(endpoint);
        let mut length = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let mut status = Status::Success;
        let mut late = None;
        match fault {
            Some(fault::Kind::Stall) => {
                self.halted.insert(endpoint);
                status = Status::Stall;
            }
            Some(fault::Kind::Error) => status = Status::IoError,
            Some(fault::Kind::Babble) => status = Status::Babble,
            Some(fault::Kind::Hang) => {
                self.held.insert(id, Held::Bulk(endpoint));
                self.stuck = Some(id);
                return;
            }
            Some(fault::Kind::Unplug(back)) => return self.unplug(now, back),
            Some(fault::Kind::Drop) => data.clear(),
            Some(fault::Kind::Short(bytes)) => {
                data.clear();
                length = length.min(u32::try_from(bytes).unwrap_or(u32::MAX));
            }
            Some(fault::Kind::Delay(ms)) => late = Some(ms),
            _ => {}
        }
        if status != Status::Success {
            return self.say(redir::bulk(id, endpoint, status, 0, &[]));
        }
        self.stats.packet("02", data.len());
        let carries = if self.running {
            Carries::Acl
        } else {
            self.of.bulk.carries
        };
        match carries {
            Carries::Acl => {}
            Carries::Commands => self.command(now, std::mem::take(&mut data)),
            Carries::Firmware => {
                self.note(format!("bulk {} {:08x}", data.len(), hex::sum(&data)));
                data.clear();
            }
        }
        for packet in self.acl_out.push(&data) {
            self.stats.packet("acl.out", packet.len());
            self.out.push(Output::Controller(Kind::Acl, packet));
        }
        let done = redir::bulk(id, endpoint, Status::Success, length, &[]);
        match late {
            Some(ms) => {
                self.stuck = Some(id);
                let time = now.saturating_add(ms.saturating_mul(1000));
                self.at(time, Action::Resume(Output::Host(done)));
            }
            None => self.say(done),
        }
    }

    fn iso_out(&mut self, now: u64, endpoint: u8, data: &[u8]) {
        let fault = self.faults.next(endpoint);
        match fault {
            None | Some(fault::Kind::Delay(_)) => {}
            Some(fault::Kind::Unplug(back)) => return self.unplug(now, back),
            Some(fault::Kind::Stall) => {
                return self.say(redir::iso_stream_status(0, Status::Stall, endpoint))
            }
            Some(fault::Kind::Error) => {
                return self.say(redir::iso_stream_status(0, Status::IoError, endpoint))
            }
            Some(_) => return,
        }
        self.stats.packet("03", data.len());
        for packet in self.sco.from_host(data, &mut self.stats) {
            self.out.push(Output::Controller(Kind::Sco, packet));
        }
    }

    /// A packet of the controller.
    pub fn on_controller(&mut self, now: u64, kind: Kind, packet: Vec<u8>) {
        match self.power {
            Power::Off => return,
            Power::Resetting => {
                if kind == Kind::Event && h4::opcode(kind, &packet) == Some(0x0c03) {
                    self.connect();
                }
                return;
            }
            Power::Plugged => {}
        }
        match kind {
            Kind::Event => self.event(packet),
            Kind::Acl => self.acl_in(packet),
            Kind::Sco => self.sco.from_controller(&packet, &mut self.stats),
            Kind::Command | Kind::Iso => self.stats.add("unexpected", 1),
        }
        self.pump(now);
    }

    /// An event for the host; links are learnt from it.
    fn event(&mut self, packet: Vec<u8>) {
        match packet.as_slice() {
            // Synchronous Connection Complete, and Connection Complete of a SCO link.
            [0x2c, _, 0, low, high, ..] => self.sco.add(u16::from_le_bytes([*low, *high])),
            [0x03, _, 0, low, high, _, _, _, _, _, _, 0, ..] => {
                self.sco.add(u16::from_le_bytes([*low, *high]));
            }
            [0x05, _, 0, low, high, ..] => self.sco.remove(u16::from_le_bytes([*low, *high])),
            _ => {}
        }
        self.stats.packet("event", packet.len());
        if !self.events.push(packet) {
            self.stats.add("event.overflow", 1);
        }
    }

    fn acl_in(&mut self, packet: Vec<u8>) {
        self.stats.packet("acl.in", packet.len());
        if !self.acl.push(packet) {
            self.stats.add("acl.overflow", 1);
        }
    }

    /// Moves what can move.
    fn pump(&mut self, now: u64) {
        let endpoint = self.of.interrupt.address;
        let size = usize::from(self.of.interrupt.size);
        while self.interrupt_started && !self.halted.contains(&endpoint) {
            match self.events.next(&mut self.faults, endpoint, size, now) {
                None => break,
                Some(Piece::Data(data)) => {
                    self.stats.packet("81", data.len());
                    self.say(redir::interrupt(0, endpoint, Status::Success, &data));
                }
                Some(Piece::Fails(status)) => {
                    self.fails(endpoint, status);
                    self.say(redir::interrupt(0, endpoint, status, &[]));
                }
                Some(Piece::Unplug(back)) => return self.unplug(now, back),
            }
        }
        let endpoint = self.of.bulk.input;
        while !self.halted.contains(&endpoint) {
            let Some((id, length)) = self.bulk_waiting.front().copied() else {
                break;
            };
            let size = usize::try_from(length).unwrap_or(usize::MAX).max(1);
            match self.acl.next(&mut self.faults, endpoint, size, now) {
                None => break,
                Some(Piece::Data(data)) => {
                    self.bulk_waiting.pop_front();
                    self.stats.packet("82", data.len());
                    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
                    self.say(redir::bulk(id, endpoint, Status::Success, length, &data));
                }
                Some(Piece::Fails(status)) => {
                    self.bulk_waiting.pop_front();
                    self.fails(endpoint, status);
                    self.say(redir::bulk(id, endpoint, status, 0, &[]));
                }
                Some(Piece::Unplug(back)) => return self.unplug(now, back),
            }
        }
        // A halted endpoint refuses what is waiting, too.
        if self.halted.contains(&endpoint) {
            for (id, _) in std::mem::take(&mut self.bulk_waiting) {
                self.say(redir::bulk(id, endpoint, Status::Stall, 0, &[]));
            }
        }
    }

    fn fails(&mut self, endpoint: u8, status: Status) {
        if status == Status::Stall {
            self.halted.insert(endpoint);
        }
    }

    /// When it wants to be called again, in µs, if at all.
    pub fn next_time(&self, now: u64) -> Option<u64> {
        let held = [self.events.held_until(now), self.acl.held_until(now)];
        let first = self.later.keys().next().map(|(time, _)| *time);
        let iso = self.iso_in.then_some(self.iso_due);
        held.into_iter().chain([first, iso]).flatten().min()
    }

    /// Does what is due.
    pub fn on_time(&mut self, now: u64) {
        while let Some(entry) = self
            .later
            .first_entry()
            .filter(|entry| entry.key().0 <= now)
        {
            match entry.remove() {
                Action::Say(output) => self.out.push(output),
                Action::Resume(output) => {
                    self.out.push(output);
                    self.resume(now);
                }
                Action::Event(packet) => self.event(packet),
                Action::Acl(packet) => self.acl_in(packet),
                Action::Plug => self.plug(),
                Action::Unplug(back) => self.unplug(now, back),
            }
        }
        while self.iso_in && self.iso_due <= now {
            self.iso_due += u64::from(self.of.isochronous.interval.max(1)) * 1000;
            self.iso_packet(now);
        }
        self.pump(now);
    }

    fn iso_packet(&mut self, now: u64) {
        let endpoint = self.of.isochronous.input;
        let mut data = self.sco.next_iso(&mut self.stats);
        self.iso_idle = if data.is_empty() {
            self.iso_idle.saturating_add(1)
        } else {
            0
        };
        if self.iso_idle > 0 && !FLUSH.contains(&self.iso_idle) {
            return;
        }
        let fault = self.faults.next(endpoint);
        let mut status = Status::Success;
        match fault {
            Some(fault::Kind::Unplug(back)) => return self.unplug(now, back),
            Some(fault::Kind::Drop | fault::Kind::Hang) => return,
            Some(fault::Kind::Error | fault::Kind::Stall) => {
                status = Status::IoError;
                data.clear();
            }
            Some(fault::Kind::Babble) => {
                status = Status::Babble;
                data.clear();
            }
            Some(fault::Kind::Short(bytes)) => data.truncate(bytes),
            Some(fault::Kind::Garbage(bytes)) => data = bytes,
            _ => {}
        }
        self.stats.packet("83", data.len());
        if data.is_empty() {
            self.stats.add("83.empty", 1);
        }
        self.say(redir::iso(0, endpoint, status, &data));
    }

    /// Gives an HCI packet to the host as if the controller had.
    pub fn inject(&mut self, now: u64, kind: Kind, packet: Vec<u8>) {
        self.on_controller(now, kind, packet);
    }

    /// Where synchronous data goes.
    pub fn set_sco_mode(&mut self, mode: Mode) {
        self.sco.set_mode(mode);
    }

    /// Makes the device believe in a synchronous link that no event told of.
    pub fn add_sco_link(&mut self, handle: u16) {
        self.sco.add(handle);
    }

    /// One more answer, before those that are there.
    pub fn add_answer(&mut self, rule: Rule) {
        self.rules.insert(0, rule);
    }

    /// The commands that the host has sent since the last call, the oldest first.
    pub fn take_commands(&mut self) -> Vec<Vec<u8>> {
        self.commands.drain(..).collect()
    }

    /// Control requests that are neither commands nor USB's own, and what firmware went out on the
    /// bulk endpoint, since the last call, the oldest first.
    pub fn take_transfers(&mut self) -> Vec<String> {
        self.transfers.drain(..).collect()
    }

    fn note(&mut self, text: String) {
        if self.transfers.len() == REMEMBERED {
            self.transfers.pop_front();
        }
        self.transfers.push_back(text);
    }

    /// A few words per fact.
    pub fn state(&self) -> Vec<String> {
        let handles: Vec<_> = self
            .sco
            .handles()
            .map(|handle| format!("{handle:04x}"))
            .collect();
        vec![
            format!("plugged {}", u8::from(self.is_plugged())),
            format!("configuration {}", self.configuration),
            format!("alt {}", self.alt),
            format!("interrupt {}", u8::from(self.interrupt_started)),
            format!("isochronous {}", u8::from(self.iso_in)),
            format!("bulk_waiting {}", self.bulk_waiting.len()),
            format!("events_queued {}", self.events.len()),
            format!("acl_queued {}", self.acl.len()),
            format!("sco_links {}", handles.join(",")),
            format!("faults {}", self.faults.rules().len()),
        ]
    }
}
