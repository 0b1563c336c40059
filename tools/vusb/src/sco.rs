// SPDX-License-Identifier: GPL-2.0

//! Synchronous data: HCI packets to and from packets of the isochronous endpoints.
//!
//! Vol 4 Part B 2.1.1: each ms has one packet of the alternate setting's size. An HCI packet is
//! three of them, with 24, 48, 72 ... bytes of data behind its header of three; with 63 it is one.

use std::collections::{BTreeMap, VecDeque};

use crate::h4::{Kind, Reassembler};
use crate::stats::Stats;

/// Where the data that goes to the host comes from, and what goes out ends up in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The controller.
    #[default]
    Controller,
    /// What the host sends comes back.
    Loop,
    /// What goes out has to be a pattern with sequence numbers, and for each packet of it one of
    /// the same pattern comes in: as many as the host has time for.
    Pattern,
}

/// The most bytes of a link that are kept for the host; 1 s of 16 bit samples.
const KEPT: usize = 16000;
/// The flags that share 16 bits with the handle.
const HANDLE: u16 = 0x0fff;

/// The synchronous data of one device.
#[derive(Debug)]
pub struct Sco {
    mode: Mode,
    size: usize,
    output: Reassembler,
    /// Bytes for the host, by handle.
    input: BTreeMap<u16, VecDeque<u8>>,
    /// The rest of an HCI packet that is on its way to the host.
    packet: VecDeque<u8>,
    /// The handle whose turn it was last.
    last: u16,
    next_in: BTreeMap<u16, u32>,
    next_out: BTreeMap<u16, u32>,
    /// Packets of the pattern that are still to come in, by handle.
    owed: BTreeMap<u16, u32>,
}

impl Default for Sco {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            size: 0,
            output: Reassembler::new(Kind::Sco),
            input: BTreeMap::new(),
            packet: VecDeque::new(),
            last: 0,
            next_in: BTreeMap::new(),
            next_out: BTreeMap::new(),
            owed: BTreeMap::new(),
        }
    }
}

/// Bytes of data in the HCI packets of an alternate setting whose packets have `size` bytes.
pub fn payload(size: usize) -> usize {
    match size {
        0..3 => 0,
        63 => 60,
        _ => (size * 3 - 3).min(255),
    }
}

/// The data of packet `sequence` of the pattern: its number, then bytes that count up from it.
pub fn pattern(sequence: u32, length: usize) -> Vec<u8> {
    let number = sequence.to_le_bytes();
    let first = number[0];
    number
        .into_iter()
        .chain((0..).map(|step: u8| first.wrapping_add(step)))
        .take(length)
        .collect()
}

/// One HCI SCO packet.
fn packet(handle: u16, data: &[u8]) -> Vec<u8> {
    let [low, high] = (handle & HANDLE).to_le_bytes();
    let length = u8::try_from(data.len()).unwrap_or(u8::MAX);
    [&[low, high, length], data].concat()
}

fn handle_of(packet: &[u8]) -> Option<u16> {
    packet
        .first_chunk()
        .map(|bytes| u16::from_le_bytes(*bytes) & HANDLE)
}

impl Sco {
    /// Where the data goes.
    pub fn set_mode(&mut self, mode: Mode) {
        self.mode = mode;
        self.input.values_mut().for_each(VecDeque::clear);
        self.next_in.clear();
        self.next_out.clear();
        self.owed.clear();
    }

    /// The alternate setting's packet size; 0: nothing flows.
    pub fn set_size(&mut self, size: usize) {
        self.size = size;
        self.output.clear();
        self.packet.clear();
    }

    /// A link is up.
    pub fn add(&mut self, handle: u16) {
        self.input.entry(handle & HANDLE).or_default();
    }

    /// A link is gone.
    pub fn remove(&mut self, handle: u16) {
        let handle = handle & HANDLE;
        self.input.remove(&handle);
        self.next_in.remove(&handle);
        self.next_out.remove(&handle);
        self.owed.remove(&handle);
    }

    /// All links are gone.
    pub fn clear(&mut self) {
        *self = Self {
            mode: self.mode,
            size: self.size,
            ..Self::default()
        };
    }

    /// The links that are up.
    pub fn handles(&self) -> impl Iterator<Item = u16> + '_ {
        self.input.keys().copied()
    }

    fn keep(&mut self, handle: u16, data: &[u8], stats: &mut Stats) {
        let queue = self.input.entry(handle).or_default();
        queue.extend(data);
        if queue.len() > KEPT {
            stats.add("sco.overflow", 1);
            queue.drain(..queue.len() - KEPT);
        }
    }

    /// An HCI packet of the controller.
    pub fn from_controller(&mut self, packet: &[u8], stats: &mut Stats) {
        stats.packet("sco.from_controller", packet.len());
        if let (Mode::Controller, Some(handle), Some(data)) =
            (self.mode, handle_of(packet), packet.get(3..))
        {
            self.keep(handle, data, stats);
        }
    }

    /// One packet of the endpoint: the HCI packets for the controller that it completes.
    pub fn from_host(&mut self, data: &[u8], stats: &mut Stats) -> Vec<Vec<u8>> {
        let packets = self.output.push(data);
        for packet in &packets {
            stats.packet("sco.out", packet.len());
            let (Some(handle), Some(data)) = (handle_of(packet), packet.get(3..)) else {
                continue;
            };
            match self.mode {
                Mode::Controller => {}
                Mode::Loop => self.keep(handle, data, stats),
                Mode::Pattern => self.verify(handle, data, stats),
            }
        }
        if self.mode == Mode::Controller {
            packets
        } else {
            Vec::new()
        }
    }

    fn verify(&mut self, handle: u16, data: &[u8], stats: &mut Stats) {
        *self.owed.entry(handle).or_default() += 1;
        let Some(number) = data.first_chunk() else {
            stats.add("sco.out.bad", 1);
            return;
        };
        let sequence = u32::from_le_bytes(*number);
        if data != pattern(sequence, data.len()) {
            stats.add("sco.out.bad", 1);
            return;
        }
        stats.add("sco.out.good", 1);
        let expected = self
            .next_out
            .insert(handle, sequence.wrapping_add(1))
            .unwrap_or(0);
        let gap = sequence.wrapping_sub(expected);
        stats.add("sco.out.lost", gap.into());
    }

    /// The data of the next HCI packet for the host: which link, and what.
    fn next_packet(&mut self) -> Option<Vec<u8>> {
        let length = payload(self.size);
        // The links take turns: first those after the last one.
        let after = self.input.range(self.last.saturating_add(1)..);
        let before = self.input.range(..=self.last);
        let mut order = after.chain(before);
        let handle = match self.mode {
            Mode::Pattern => {
                let owed = &self.owed;
                order
                    .map(|(handle, _)| *handle)
                    .find(|handle| owed.get(handle).is_some_and(|count| *count > 0))?
            }
            _ => order
                .find(|(_, queue)| queue.len() >= length)
                .map(|(handle, _)| *handle)?,
        };
        self.last = handle;
        let data: Vec<u8> = match self.mode {
            Mode::Pattern => {
                *self.owed.entry(handle).or_default() -= 1;
                let next = self.next_in.entry(handle).or_default();
                let sequence = *next;
                *next = next.wrapping_add(1);
                pattern(sequence, length)
            }
            _ => self.input.get_mut(&handle)?.drain(..length).collect(),
        };
        Some(packet(handle, &data))
    }

    /// What the endpoint sends in the next ms; empty where there is nothing.
    pub fn next_iso(&mut self, stats: &mut Stats) -> Vec<u8> {
        if self.size < 3 {
            return Vec::new();
        }
        if self.packet.is_empty() {
            match self.next_packet() {
                Some(packet) => {
                    stats.packet("sco.in", packet.len());
                    self.packet.extend(packet);
                }
                None => {
                    if !self.input.is_empty() {
                        stats.add("sco.underrun", 1);
                    }
                    return Vec::new();
                }
            }
        }
        let length = self.size.min(self.packet.len());
        self.packet.drain(..length).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads() {
        let sizes = [0, 9, 17, 25, 33, 49, 63];
        assert_eq!(sizes.map(payload), [0, 24, 48, 72, 96, 144, 60]);
    }

    #[test]
    fn out_over_three_packets() {
        let (mut sco, mut stats) = (Sco::default(), Stats::default());
        sco.set_size(17);
        let whole = packet(0x2a, &[5; 48]);
        assert!(sco.from_host(&whole[..17], &mut stats).is_empty());
        assert!(sco.from_host(&whole[17..34], &mut stats).is_empty());
        assert_eq!(sco.from_host(&whole[34..], &mut stats), [whole]);
        assert_eq!(stats.get("sco.out.packets"), 1);
    }

    #[test]
    fn in_is_cut_to_the_setting() {
        let (mut sco, mut stats) = (Sco::default(), Stats::default());
        sco.set_size(9);
        sco.add(0x2a);
        assert!(sco.next_iso(&mut stats).is_empty());
        assert_eq!(stats.get("sco.underrun"), 1);
        // The controller's packets have a length of their own.
        sco.from_controller(&packet(0x2a, &[1; 20]), &mut stats);
        assert!(sco.next_iso(&mut stats).is_empty());
        sco.from_controller(&packet(0x2a, &[2; 20]), &mut stats);
        let got: Vec<_> = (0..4).map(|_| sco.next_iso(&mut stats)).collect();
        assert_eq!(got[0], [0x2a, 0, 24, 1, 1, 1, 1, 1, 1]);
        assert_eq!((got[1].len(), got[2].len(), got[3].len()), (9, 9, 0));
        assert_eq!(got[2][5..], [2, 2, 2, 2]);
    }

    #[test]
    fn two_links_take_turns() {
        let (mut sco, mut stats) = (Sco::default(), Stats::default());
        sco.set_size(63);
        sco.set_mode(Mode::Pattern);
        sco.add(1);
        sco.add(2);
        for handle in [1, 1, 2, 2] {
            sco.from_host(&packet(handle, &pattern(0, 60)), &mut stats);
        }
        let handles: Vec<_> = (0..4).map(|_| sco.next_iso(&mut stats)[0]).collect();
        assert_eq!(handles, [1, 2, 1, 2]);
        assert!(sco.next_iso(&mut stats).is_empty());
    }

    #[test]
    fn the_pattern_is_verified() {
        let (mut sco, mut stats) = (Sco::default(), Stats::default());
        sco.set_size(63);
        sco.set_mode(Mode::Pattern);
        sco.add(7);
        for sequence in [0, 1, 4] {
            sco.from_host(&packet(7, &pattern(sequence, 60)), &mut stats);
        }
        sco.from_host(&packet(7, &[9; 60]), &mut stats);
        let counts = ["good", "lost", "bad"].map(|name| stats.get(&format!("sco.out.{name}")));
        assert_eq!(counts, [3, 2, 1]);
    }

    #[test]
    fn the_loop_gives_back() {
        let (mut sco, mut stats) = (Sco::default(), Stats::default());
        sco.set_size(63);
        sco.set_mode(Mode::Loop);
        let whole = packet(7, &[9; 60]);
        assert!(sco.from_host(&whole, &mut stats).is_empty());
        assert_eq!(sco.next_iso(&mut stats), whole);
        sco.remove(7);
        assert_eq!(sco.handles().count(), 0);
    }
}
