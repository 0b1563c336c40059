// SPDX-License-Identifier: GPL-2.0

//! HCI packets on their way to the host over an interrupt or a bulk endpoint.

use std::collections::VecDeque;

use crate::fault::{Faults, Kind};
use crate::redir::Status;

/// What the endpoint does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// One transfer with this data.
    Data(Vec<u8>),
    /// One transfer that fails; the endpoint halts if it is a stall.
    Fails(Status),
    /// The device leaves the bus, and comes back so many ms later, if at all.
    Unplug(Option<u64>),
}

/// HCI packets for one endpoint.
#[derive(Debug, Default)]
pub struct Queue {
    packets: VecDeque<Vec<u8>>,
    /// Transfers of packets that have left `packets`.
    pieces: VecDeque<Vec<u8>>,
    /// The fault for the packet in front, once it is known, if any.
    decided: Option<Option<Kind>>,
    /// Nothing moves before this, in µs.
    hold: u64,
    /// Whether a packet that fills its last transfer is followed by an empty one, without which
    /// the host could not see its end.
    terminated: bool,
}

impl Queue {
    /// The most packets that wait; a controller has a few, and an emulation's may come in bursts.
    pub const LIMIT: usize = 2000;

    /// One more packet; false if it was dropped.
    pub fn push(&mut self, packet: Vec<u8>) -> bool {
        let room = self.packets.len() < Self::LIMIT;
        if room {
            self.packets.push_back(packet);
        }
        room
    }

    /// One whose packets end with a short transfer, if need be an empty one.
    pub fn terminated() -> Self {
        Self {
            terminated: true,
            ..Self::default()
        }
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        *self = Self {
            terminated: self.terminated,
            ..Self::default()
        };
    }

    /// Packets that wait.
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether none does, and no piece either.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty() && self.pieces.is_empty()
    }

    /// When it goes on, in µs, if it is being held back.
    pub fn held_until(&self, now: u64) -> Option<u64> {
        (self.hold > now && self.hold != u64::MAX && !self.is_empty()).then_some(self.hold)
    }

    /// The next transfer, of at most `size` bytes.
    pub fn next(
        &mut self,
        faults: &mut Faults,
        endpoint: u8,
        size: usize,
        now: u64,
    ) -> Option<Piece> {
        if now < self.hold {
            return None;
        }
        while self.pieces.is_empty() {
            let front = self.packets.front_mut()?;
            let fault = match self.decided.take() {
                Some(decided) => decided,
                None => faults.next(endpoint),
            };
            let mut limit = usize::MAX;
            match fault {
                None => {}
                Some(Kind::Stall) => return Some(self.fails(Status::Stall, now)),
                Some(Kind::Error) => return Some(self.fails(Status::IoError, now)),
                Some(Kind::Babble) => return Some(self.fails(Status::Babble, now)),
                Some(Kind::Unplug(back)) => return Some(Piece::Unplug(back)),
                Some(Kind::Hang) => {
                    self.hold = u64::MAX;
                    return None;
                }
                Some(Kind::Delay(ms)) => {
                    self.hold = now.saturating_add(ms.saturating_mul(1000));
                    self.decided = Some(None);
                    return None;
                }
                Some(Kind::Drop) => {
                    self.packets.pop_front();
                    continue;
                }
                Some(Kind::Short(bytes)) => front.truncate(bytes),
                Some(Kind::Split(bytes)) => limit = bytes,
                Some(Kind::Merge(more)) => {
                    if self.packets.len() <= more {
                        self.decided = Some(Some(Kind::Merge(more)));
                        return None;
                    }
                    let whole: Vec<u8> = self.packets.drain(..more).flatten().collect();
                    if let Some(last) = self.packets.front_mut() {
                        last.splice(..0, whole);
                    }
                }
                Some(Kind::Garbage(bytes)) => {
                    self.cut(&bytes, size, size);
                }
            }
            let packet = self.packets.pop_front()?;
            self.cut(&packet, limit.min(size), size);
        }
        let mut piece = self.pieces.pop_front()?;
        // The next transfer may be shorter than the one that the piece was cut for.
        if piece.len() > size {
            self.pieces.push_front(piece.split_off(size));
        }
        Some(Piece::Data(piece))
    }

    /// A transfer that fails; the host asks again in the next frame.
    fn fails(&mut self, status: Status, now: u64) -> Piece {
        self.hold = now.saturating_add(1000);
        Piece::Fails(status)
    }

    /// Makes transfers of at most `limit` bytes, `size` being the most that one can have.
    fn cut(&mut self, packet: &[u8], limit: usize, size: usize) {
        self.pieces
            .extend(packet.chunks(limit.max(1)).map(<[u8]>::to_vec));
        let last = self.pieces.back().filter(|_| !packet.is_empty());
        // A packet cut down to nothing is still a transfer.
        if last.is_none_or(|piece| self.terminated && piece.len() == size) {
            self.pieces.push_back(Vec::new());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::parse;

    fn all(fault: &str, packets: &[&[u8]]) -> Vec<Piece> {
        let (mut queue, mut faults) = (Queue::default(), Faults::default());
        if !fault.is_empty() {
            faults.add(parse(fault).unwrap());
        }
        for packet in packets {
            queue.push(packet.to_vec());
        }
        (0..20u64)
            .filter_map(|ms| queue.next(&mut faults, 0x81, 4, ms * 1000))
            .collect()
    }

    fn data(pieces: &[&[u8]]) -> Vec<Piece> {
        pieces
            .iter()
            .map(|piece| Piece::Data(piece.to_vec()))
            .collect()
    }

    #[test]
    fn cut_to_the_transfer() {
        assert_eq!(
            all("", &[&[1, 2, 3, 4, 5], &[6]]),
            data(&[&[1, 2, 3, 4], &[5], &[6]])
        );
    }

    #[test]
    fn a_packet_that_fills_its_last_transfer() {
        let (mut queue, mut faults) = (Queue::terminated(), Faults::default());
        queue.push(vec![1, 2, 3, 4]);
        queue.push(vec![5]);
        let got: Vec<_> = std::iter::from_fn(|| queue.next(&mut faults, 0x81, 4, 0)).collect();
        assert_eq!(got, data(&[&[1, 2, 3, 4], &[], &[5]]));
    }

    #[test]
    fn faults_that_keep_the_data() {
        for (word, status) in [
            ("stall", Status::Stall),
            ("error", Status::IoError),
            ("babble", Status::Babble),
        ] {
            let got = all(&format!("{word} 81 after=1"), &[&[1], &[2]]);
            assert_eq!(got[..2], [Piece::Data(vec![1]), Piece::Fails(status)]);
            assert_eq!(got[2..], data(&[&[2]]));
        }
    }

    #[test]
    fn faults_that_change_it() {
        assert_eq!(
            all("split 81 bytes=2", &[&[1, 2, 3], &[4]]),
            data(&[&[1, 2], &[3], &[4]])
        );
        assert_eq!(
            all("merge 81", &[&[1, 2], &[3], &[4]]),
            data(&[&[1, 2, 3], &[4]])
        );
        assert_eq!(all("merge 81", &[&[1, 2]]), []);
        assert_eq!(
            all("short 81 bytes=1", &[&[1, 2], &[3]]),
            data(&[&[1], &[3]])
        );
        assert_eq!(
            all("short 81 bytes=0", &[&[1, 2], &[3]]),
            data(&[&[], &[3]])
        );
        assert_eq!(all("drop 81", &[&[1, 2], &[3]]), data(&[&[3]]));
        let got = all("garbage 81 data=ffffffffff", &[&[1]]);
        assert_eq!(got, data(&[&[255; 4], &[255], &[1]]));
        assert_eq!(all("hang 81", &[&[1]]), []);
        assert_eq!(
            all("unplug 81 replug=5", &[&[1]])[0],
            Piece::Unplug(Some(5))
        );
    }

    #[test]
    fn delay() {
        let (mut queue, mut faults) = (Queue::default(), Faults::default());
        faults.add(parse("delay 81 ms=5 count=0").unwrap());
        queue.push(vec![1]);
        assert_eq!(queue.next(&mut faults, 0x81, 4, 1000), None);
        assert_eq!(queue.held_until(1000), Some(6000));
        assert_eq!(
            queue.next(&mut faults, 0x81, 4, 6000),
            Some(Piece::Data(vec![1]))
        );
        assert_eq!(queue.held_until(6000), None);
    }

    #[test]
    fn a_shorter_transfer_takes_what_it_can() {
        let (mut queue, mut faults) = (Queue::default(), Faults::default());
        queue.push(vec![1, 2, 3, 4]);
        assert_eq!(
            queue.next(&mut faults, 0x82, 4, 0),
            Some(Piece::Data(vec![1, 2, 3, 4]))
        );
        queue.push(vec![1, 2, 3, 4, 5, 6]);
        assert_eq!(
            queue.next(&mut faults, 0x82, 5, 0),
            Some(Piece::Data(vec![1, 2, 3, 4, 5]))
        );
        queue.push(vec![7]);
        assert_eq!(
            queue.next(&mut faults, 0x82, 1, 0),
            Some(Piece::Data(vec![6]))
        );
    }

    #[test]
    fn there_is_an_end() {
        let mut queue = Queue::default();
        assert!((0..Queue::LIMIT).all(|_| queue.push(vec![0])));
        assert!(!queue.push(vec![0]));
    }
}
