// SPDX-License-Identifier: GPL-2.0

//! The remote device: a small host on a second controller of the same emulated radio.
//!
//! It can be found and connected to, answers L2CAP signalling as far as a link and a basic channel
//! need it, gives back or verifies what it receives, and sends a pattern with sequence numbers.

use std::collections::{BTreeMap, VecDeque};

use crate::h4::Kind;
use crate::hex;
use crate::sco::pattern;
use crate::stats::Stats;

/// What it does with the data of channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Sends it back.
    #[default]
    Echo,
    /// Verifies that it is the pattern.
    Sink,
}

/// The commands that bring its controller up, in this order.
const SET_UP: [&[u8]; 8] = [
    // Reset, Set Event Mask, Read BD_ADDR, Read Buffer Size.
    &[0x03, 0x0c, 0],
    &[
        0x01, 0x0c, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f,
    ],
    &[0x09, 0x10, 0],
    &[0x05, 0x10, 0],
    // Write Local Name, whose parameters are filled up to 248 bytes; Write Class of Device.
    &[0x13, 0x0c, 248],
    &[0x24, 0x0c, 3, 0x04, 0x04, 0x24],
    // Write Default Link Policy Settings: role switch and sniff. Write Scan Enable: both.
    &[0x0f, 0x08, 2, 0x05, 0x00],
    &[0x1a, 0x0c, 1, 3],
];
const NAME: &[u8] = b"vusb peer";
const HANDLE: u16 = 0x0fff;
/// First data between two devices, never flushed.
const FIRST: u16 = 0x2000;
const CONTINUED: u16 = 0x1000;
/// 16 bit samples, and CVSD on the air.
const CVSD: u16 = 0x0060;
const SIGNALLING: u16 = 0x0001;
const FIRST_DYNAMIC: u16 = 0x0040;

#[derive(Debug, Default)]
struct Link {
    address: [u8; 6],
    synchronous: bool,
    frame: Vec<u8>,
    /// Channels that the other side opened: ours, its.
    channels: BTreeMap<u16, u16>,
    identifier: u8,
    next_in: BTreeMap<u16, u32>,
}

/// The remote device.
#[derive(Debug)]
pub struct Peer {
    mode: Mode,
    /// Of the audio links that it accepts: Voice_Setting, Vol 4 Part E 6.12.
    voice: u16,
    step: usize,
    address: [u8; 6],
    links: BTreeMap<u16, Link>,
    acl_size: usize,
    credits: usize,
    /// ACL packets that wait for credit.
    waiting: VecDeque<Vec<u8>>,
    out: Vec<(Kind, Vec<u8>)>,
    /// What happened.
    pub stats: Stats,
}

impl Default for Peer {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            voice: CVSD,
            step: 0,
            address: [0; 6],
            links: BTreeMap::new(),
            acl_size: 27,
            credits: 1,
            waiting: VecDeque::new(),
            out: Vec::new(),
            stats: Stats::default(),
        }
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|pair| u16::from_le_bytes(*pair))
}

impl Peer {
    /// One whose controller was not set up yet.
    pub fn new() -> Self {
        let mut new = Self::default();
        new.next_step();
        new
    }

    /// Packets for its controller since the last call.
    pub fn take_output(&mut self) -> Vec<(Kind, Vec<u8>)> {
        while self.credits > 0 {
            let Some(packet) = self.waiting.pop_front() else {
                break;
            };
            self.credits -= 1;
            self.stats.packet("acl.out", packet.len());
            self.out.push((Kind::Acl, packet));
        }
        std::mem::take(&mut self.out)
    }

    /// Whether its controller is up.
    pub fn is_ready(&self) -> bool {
        self.step > SET_UP.len()
    }

    /// Its address, as people write it.
    pub fn address(&self) -> String {
        let parts: Vec<_> = self
            .address
            .iter()
            .rev()
            .map(|byte| format!("{byte:02X}"))
            .collect();
        parts.join(":")
    }

    /// What it does with data.
    pub fn set_mode(&mut self, mode: Mode) {
        self.mode = mode;
    }

    /// The voice setting with which it accepts audio from now on.
    pub fn set_voice(&mut self, setting: u16) {
        self.voice = setting;
    }

    /// A few words per fact.
    pub fn state(&self) -> Vec<String> {
        let mut lines = vec![
            format!("address {}", self.address()),
            format!("ready {}", u8::from(self.is_ready())),
            format!("acl_waiting {}", self.waiting.len()),
        ];
        for (handle, link) in &self.links {
            let kind = if link.synchronous { "sco" } else { "acl" };
            lines.push(format!(
                "link {handle:04x} {kind} {}",
                hex::text(&link.address)
            ));
        }
        lines
    }

    fn next_step(&mut self) {
        if let Some(command) = SET_UP.get(self.step) {
            let mut packet = command.to_vec();
            if packet.get(2) == Some(&248) {
                packet.extend_from_slice(NAME);
                packet.resize(3 + 248, 0);
            }
            self.out.push((Kind::Command, packet));
        }
        self.step += 1;
    }

    fn command(&mut self, opcode: u16, parameters: &[u8]) {
        let [low, high] = opcode.to_le_bytes();
        let length = u8::try_from(parameters.len()).unwrap_or(u8::MAX);
        self.out
            .push((Kind::Command, [&[low, high, length], parameters].concat()));
    }

    /// A packet of its controller.
    pub fn on_controller(&mut self, kind: Kind, packet: &[u8]) {
        match kind {
            Kind::Event => {
                self.event(packet);
            }
            Kind::Acl => {
                self.acl(packet);
            }
            Kind::Sco => {
                self.stats.packet("sco.in", packet.len());
                self.out.push((Kind::Sco, packet.to_vec()));
            }
            Kind::Command | Kind::Iso => {}
        }
    }

    fn event(&mut self, packet: &[u8]) -> Option<()> {
        let parameters = packet.get(2..)?;
        match packet.first()? {
            0x0e => self.complete(u16_at(parameters, 1)?, parameters.get(3..)?),
            // Connection Complete: status, handle, address, link type.
            0x03 => {
                let address = *parameters.get(3..)?.first_chunk()?;
                if parameters.first() == Some(&0) {
                    let synchronous = parameters.get(9) != Some(&1);
                    self.add(u16_at(parameters, 1)?, address, synchronous);
                }
            }
            // Connection Request: address, class, link type.
            0x04 => {
                let address: [u8; 6] = *parameters.first_chunk()?;
                if parameters.get(9) == Some(&1) {
                    // Accept, and stay peripheral.
                    self.command(0x0409, &[&address[..], &[1]].concat());
                } else {
                    // Accept Synchronous Connection: 8 kB/s each way, any latency, any effort; of
                    // the packet types, bits 6 to 9 are those that are not wanted.
                    let [low, high] = self.voice.to_le_bytes();
                    let settings = [
                        0x40, 0x1f, 0, 0, 0x40, 0x1f, 0, 0, 0xff, 0xff, low, high, 0xff, 0x3f, 0x00,
                    ];
                    self.command(0x0429, &[&address[..], &settings[..]].concat());
                }
            }
            // Disconnection Complete: status, handle, reason.
            0x05 => {
                self.links.remove(&(u16_at(parameters, 1)? & HANDLE));
                self.stats.add("disconnected", 1);
                if self.links.values().all(|link| link.synchronous) {
                    // The controller forgets what it has not sent; one credit would be lost for each.
                    self.waiting.clear();
                }
            }
            // Number Of Completed Packets: count, then handle and number each.
            0x13 => {
                for entry in parameters.get(1..)?.chunks_exact(4) {
                    self.credits += usize::from(u16_at(entry, 2)?);
                }
            }
            // Synchronous Connection Complete: status, handle, address.
            0x2c if parameters.first() == Some(&0) => {
                self.add(
                    u16_at(parameters, 1)?,
                    *parameters.get(3..)?.first_chunk()?,
                    true,
                );
            }
            // Link Key Request, IO Capability Request: neither pairs.
            0x17 => self.command(0x040c, parameters.first_chunk::<6>()?),
            0x31 => {
                self.command(
                    0x0434,
                    &[&parameters.first_chunk::<6>()?[..], &[0x18]].concat(),
                );
            }
            // Role Change and the like need nothing.
            _ => {}
        }
        Some(())
    }

    fn add(&mut self, handle: u16, address: [u8; 6], synchronous: bool) {
        self.stats.add("connected", 1);
        let link = Link {
            address,
            synchronous,
            identifier: 1,
            ..Link::default()
        };
        self.links.insert(handle & HANDLE, link);
    }

    fn complete(&mut self, opcode: u16, returns: &[u8]) {
        match opcode {
            0x1009 => {
                if let Some(address) = returns.get(1..).and_then(|rest| rest.first_chunk()) {
                    self.address = *address;
                }
            }
            // Read Buffer Size: status, ACL length, SCO length, ACL number, SCO number.
            0x1005 => {
                self.acl_size = u16_at(returns, 1).unwrap_or(27).into();
                self.credits = u16_at(returns, 4).unwrap_or(1).into();
            }
            _ => {}
        }
        let expected = SET_UP
            .get(self.step.wrapping_sub(1))
            .and_then(|command| u16_at(command, 0));
        if expected == Some(opcode) {
            self.next_step();
        }
    }

    fn acl(&mut self, packet: &[u8]) -> Option<()> {
        self.stats.packet("acl.in", packet.len());
        let head = u16_at(packet, 0)?;
        let handle = head & HANDLE;
        let link = self.links.get_mut(&handle)?;
        if head & 0x3000 != CONTINUED {
            link.frame.clear();
        }
        link.frame.extend_from_slice(packet.get(4..)?);
        let length = usize::from(u16_at(&link.frame, 0)?);
        if link.frame.len() < length + 4 {
            return None;
        }
        let frame = std::mem::take(&mut link.frame);
        let channel = u16_at(&frame, 2)?;
        let data = frame.get(4..4 + length)?;
        if channel == SIGNALLING {
            self.signals(handle, data);
        } else if channel >= FIRST_DYNAMIC {
            self.data(handle, channel, data);
        }
        Some(())
    }

    fn data(&mut self, handle: u16, channel: u16, data: &[u8]) {
        self.stats.packet("data.in", data.len());
        match self.mode {
            Mode::Echo => {
                let link = self.links.get(&handle);
                let other = link.and_then(|link| link.channels.get(&channel)).copied();
                self.send(handle, other.unwrap_or(channel), data);
            }
            Mode::Sink => {
                let good = data.first_chunk().map(|number| u32::from_le_bytes(*number));
                let Some(sequence) = good.filter(|number| data == pattern(*number, data.len()))
                else {
                    self.stats.add("data.in.bad", 1);
                    return;
                };
                self.stats.add("data.in.good", 1);
                if let Some(link) = self.links.get_mut(&handle) {
                    let next = link
                        .next_in
                        .insert(channel, sequence.wrapping_add(1))
                        .unwrap_or(0);
                    self.stats
                        .add("data.in.lost", sequence.wrapping_sub(next).into());
                }
            }
        }
    }

    /// Sends one frame on a channel.
    fn send(&mut self, handle: u16, channel: u16, data: &[u8]) {
        let length = u16::try_from(data.len()).unwrap_or(u16::MAX).to_le_bytes();
        let frame = [&length[..], &channel.to_le_bytes(), data].concat();
        let mut flags = FIRST;
        for part in frame.chunks(self.acl_size.max(1)) {
            let head = (handle | flags).to_le_bytes();
            let length = u16::try_from(part.len()).unwrap_or(u16::MAX).to_le_bytes();
            self.waiting.push_back([&head[..], &length, part].concat());
            flags = CONTINUED;
        }
    }

    /// Sends `count` frames of the pattern, of `size` bytes, on the first link: to `channel`, or to
    /// the channel that the other side has opened, or to 0x0040.
    ///
    /// # Errors
    ///
    /// There is no link.
    pub fn send_pattern(
        &mut self,
        count: u32,
        size: usize,
        channel: Option<u16>,
    ) -> Result<(), String> {
        let (handle, link) = self
            .links
            .iter()
            .find(|(_, link)| !link.synchronous)
            .ok_or("there is no link")?;
        let channel = channel
            .or_else(|| link.channels.values().next().copied())
            .unwrap_or(FIRST_DYNAMIC);
        let handle = *handle;
        for sequence in 0..count {
            self.send(handle, channel, &pattern(sequence, size));
        }
        Ok(())
    }

    /// Ends every link.
    pub fn disconnect(&mut self) {
        let handles: Vec<_> = self.links.keys().copied().collect();
        for handle in handles {
            let [low, high] = handle.to_le_bytes();
            self.command(0x0406, &[low, high, 0x13]);
        }
    }

    fn signal(&mut self, handle: u16, code: u8, identifier: u8, data: &[u8]) {
        let length = u16::try_from(data.len()).unwrap_or(u16::MAX).to_le_bytes();
        let frame = [&[code, identifier, length[0], length[1]], data].concat();
        self.send(handle, SIGNALLING, &frame);
    }

    fn signals(&mut self, handle: u16, mut frame: &[u8]) -> Option<()> {
        while let Some((head, rest)) = frame.split_first_chunk::<4>() {
            let length = usize::from(u16::from_le_bytes([head[2], head[3]]));
            let data = rest.get(..length)?;
            frame = rest.get(length..)?;
            self.on_signal(handle, head[0], head[1], data);
        }
        Some(())
    }

    fn on_signal(&mut self, handle: u16, code: u8, identifier: u8, data: &[u8]) -> Option<()> {
        match code {
            // Connection Request: PSM, its channel. Any PSM is welcome.
            0x02 => {
                let theirs = u16_at(data, 2)?;
                let link = self.links.get_mut(&handle)?;
                let ours = (FIRST_DYNAMIC..).find(|id| !link.channels.contains_key(id))?;
                link.channels.insert(ours, theirs);
                link.identifier = link.identifier.wrapping_add(1).max(1);
                let own = link.identifier;
                let answer = [ours.to_le_bytes(), theirs.to_le_bytes(), [0; 2], [0; 2]].concat();
                self.signal(handle, 0x03, identifier, &answer);
                // Configure Request without options: the defaults.
                self.signal(handle, 0x04, own, &[theirs.to_le_bytes(), [0; 2]].concat());
            }
            // Configure Request: channel, flags, options, which are all accepted.
            0x04 => {
                let ours = u16_at(data, 0)?;
                let theirs = *self.links.get(&handle)?.channels.get(&ours)?;
                let answer = [theirs.to_le_bytes(), [0; 2], [0; 2]].concat();
                self.signal(handle, 0x05, identifier, &answer);
            }
            // Disconnection Request: our channel, its channel.
            0x06 => {
                let ours = u16_at(data, 0)?;
                self.links.get_mut(&handle)?.channels.remove(&ours);
                self.signal(handle, 0x07, identifier, data);
            }
            // Echo Request.
            0x08 => self.signal(handle, 0x09, identifier, data),
            // Information Request: the extended features are none, the fixed channels signalling.
            0x0a => {
                let kind = u16_at(data, 0)?;
                let [low, high] = kind.to_le_bytes();
                let answer: &[u8] = match kind {
                    2 => &[low, high, 0, 0, 0x80, 0, 0, 0],
                    3 => &[low, high, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0],
                    _ => &[low, high, 1, 0],
                };
                self.signal(handle, 0x0b, identifier, answer);
            }
            // Responses need nothing.
            0x01 | 0x03 | 0x05 | 0x07 | 0x09 | 0x0b => {}
            _ => self.signal(handle, 0x01, identifier, &[0, 0]),
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A peer that is set up and has link 1.
    fn linked() -> Peer {
        let mut peer = Peer::new();
        for command in SET_UP {
            let mut event = vec![0x0e, 0, 1, command[0], command[1], 0];
            match u16_at(command, 0).unwrap() {
                0x1009 => event.extend([6, 5, 4, 3, 2, 1]),
                0x1005 => event.extend([12, 0, 60, 2, 0, 1, 0]),
                _ => {}
            }
            assert_eq!(peer.take_output().len(), 1);
            peer.on_controller(Kind::Event, &event);
        }
        assert!(peer.is_ready());
        assert_eq!(peer.address(), "01:02:03:04:05:06");
        peer.on_controller(Kind::Event, &[4, 10, 9, 9, 9, 9, 9, 9, 0, 0, 0, 1]);
        let accept = (Kind::Command, vec![9, 4, 7, 9, 9, 9, 9, 9, 9, 1]);
        assert_eq!(peer.take_output(), [accept]);
        peer.on_controller(Kind::Event, &[3, 11, 0, 1, 0, 9, 9, 9, 9, 9, 9, 1, 0]);
        peer
    }

    fn frame(channel: u16, data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(data.len()).unwrap();
        let whole = length + 4;
        let numbers = [0x2001, whole, length, channel]
            .map(u16::to_le_bytes)
            .concat();
        [&numbers, data].concat()
    }

    #[test]
    fn echo_is_answered_with_credits() {
        let mut peer = linked();
        peer.on_controller(
            Kind::Acl,
            &frame(1, &[8, 5, 10, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        );
        // 18 bytes in packets of 12; two are allowed at once.
        let out = peer.take_output();
        assert_eq!(out.len(), 2);
        assert_eq!(out[0].1[..8], [1, 0x20, 12, 0, 14, 0, 1, 0]);
        assert_eq!(out[1].1[..4], [1, 0x10, 6, 0]);
        peer.on_controller(Kind::Acl, &frame(0x50, &[1]));
        assert!(peer.take_output().is_empty());
        peer.on_controller(Kind::Event, &[0x13, 5, 1, 1, 0, 2, 0]);
        assert_eq!(peer.take_output().len(), 1);
    }

    #[test]
    fn a_channel_is_opened() {
        let mut peer = linked();
        peer.on_controller(Kind::Acl, &frame(1, &[2, 1, 4, 0, 0x01, 0x10, 0x77, 0]));
        let first = peer.take_output()[0].1.clone();
        assert_eq!(first[8..12], [3, 1, 8, 0]);
        peer.on_controller(Kind::Event, &[0x13, 5, 1, 1, 0, 9, 0]);
        peer.take_output();
        peer.on_controller(Kind::Acl, &frame(0x40, &[1, 2]));
        assert_eq!(peer.take_output()[0].1[4..], [2, 0, 0x77, 0, 1, 2]);
    }

    #[test]
    fn the_pattern_is_counted() {
        let mut peer = linked();
        peer.set_mode(Mode::Sink);
        for sequence in [0, 1, 3] {
            peer.on_controller(Kind::Acl, &frame(0x41, &pattern(sequence, 10)));
        }
        peer.on_controller(Kind::Acl, &frame(0x41, &[0, 0, 0, 0, 1, 1]));
        let counts = ["good", "lost", "bad"].map(|name| peer.stats.get(&format!("data.in.{name}")));
        assert_eq!(counts, [3, 1, 1]);
        peer.credits = 9;
        peer.send_pattern(2, 4, None).unwrap();
        assert_eq!(peer.take_output()[1].1, frame(0x40, &[1, 0, 0, 0]));
    }

    #[test]
    fn nonsense_is_survived() {
        let mut peer = linked();
        for length in 0..12 {
            for code in 0..=255 {
                let mut packet = vec![0; length];
                if let Some(first) = packet.first_mut() {
                    *first = code;
                }
                peer.on_controller(Kind::Event, &packet);
                peer.on_controller(Kind::Acl, &packet);
                peer.on_controller(Kind::Acl, &frame(1, &packet));
            }
        }
    }
}
