// SPDX-License-Identifier: GPL-2.0

//! The device at the other end of a link: it accepts every channel, takes what is sent on it, lets the host
//! send on, and sends itself when a workload wants it to (Vol 3 Part A).

use crate::fcs;
use crate::pairing::Responder;
use crate::sys::Address;

const SIGNALLING: u16 = 0x0001;
const LE_SIGNALLING: u16 = 0x0005;
const SECURITY_MANAGER: u16 = 0x0006;
const FIRST_DYNAMIC: u16 = 0x0040;

/// Commands (4), of which a response is the request's code and one.
const CONNECT: u8 = 0x02;
const CONFIGURE: u8 = 0x04;
const DISCONNECT: u8 = 0x06;
const ECHO: u8 = 0x08;
const INFORMATION: u8 = 0x0a;
const LE_PARAMETERS: u8 = 0x12;
const LE_CONNECT: u8 = 0x14;
const LE_CREDIT: u8 = 0x16;

const OPTION_MTU: u8 = 0x01;
const OPTION_MODE: u8 = 0x04;
const ERTM: u8 = 3;

/// Extended features (4.12): enhanced retransmission, streaming, FCS, fixed channels.
const FEATURES: u32 = 0x08 | 0x10 | 0x20 | 0x80;

/// Frames that either side may send without an acknowledgement.
const WINDOW: u8 = 63;
/// After how many the peer acknowledges.
const ACKNOWLEDGE: u8 = 16;
/// Credits that the peer gives at first, and after how many frames it gives more.
const CREDITS: u16 = 32;
const MORE_CREDITS: u16 = 16;

/// Bytes of a service data unit that the peer takes.
const MTU: u16 = 2048;

/// The kind of link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// BR/EDR.
    BrEdr,
    /// Low Energy.
    Le,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Basic,
    Retransmission,
    Credits,
}

/// A channel, as the peer sees it.
#[derive(Debug)]
pub struct Channel {
    /// The host's number for it.
    host: u16,
    /// Ours.
    ours: u16,
    mode: Mode,
    /// Both sides have agreed.
    pub ready: bool,
    /// Frames that came; with credits, whole service data units.
    pub received: u64,
    /// Bytes of the unit that is coming.
    missing: usize,
    /// Those of them that were not acknowledged, or for which no credit was given.
    owed: u16,
    /// The next number to send, and the oldest that is not acknowledged.
    next: u8,
    oldest: u8,
    /// The next number to receive.
    expected: u8,
    /// Frames that the host lets us send, and bytes in each.
    credits: u16,
    mps: u16,
}

/// The device.
#[derive(Debug)]
pub struct Peer {
    transport: Transport,
    /// Bytes of an ACL packet.
    acl: u16,
    identifier: u8,
    /// Channels in the order in which they were opened. They stay when they are closed.
    pub channels: Vec<Channel>,
    /// How many of them are open.
    pub open: usize,
    closed: Vec<u16>,
    /// How it pairs over LE.
    pub security: Responder,
}

fn word(bytes: &[u8], at: usize) -> u16 {
    let octet = |at: usize| bytes.get(at).copied().unwrap_or(0);
    u16::from_le_bytes([octet(at), octet(at + 1)])
}

fn frame(cid: u16, parts: &[&[u8]]) -> Vec<u8> {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let mut all = Vec::with_capacity(len + 6);
    all.extend((len as u16).to_le_bytes());
    all.extend(cid.to_le_bytes());
    for part in parts {
        all.extend(*part);
    }
    all
}

/// The same with a control field in front and a frame check sequence at the end.
fn checked(cid: u16, control: u16, data: &[u8]) -> Vec<u8> {
    let mut all = frame(cid, &[&control.to_le_bytes(), data, &[0, 0]]);
    let end = all.len() - 2;
    all.truncate(end);
    let sum = fcs::of(&all);
    all.extend(sum.to_le_bytes());
    all
}

fn security_frames(messages: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    messages
        .iter()
        .map(|message| frame(SECURITY_MANAGER, &[message]))
        .collect()
}

impl Peer {
    /// A peer with this address, on a link whose ACL packets hold `acl` bytes.
    pub fn new(transport: Transport, acl: u16, address: Address) -> Self {
        Self {
            transport,
            acl,
            identifier: 0,
            channels: Vec::new(),
            open: 0,
            closed: Vec::new(),
            security: Responder::new(address),
        }
    }

    /// A frame from the host; the frames that the peer answers with.
    pub fn frame(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let cid = word(bytes, 2);
        let data = bytes.get(4..).unwrap_or_default();
        if cid == SIGNALLING || cid == LE_SIGNALLING {
            return self.commands(data);
        }
        if cid == SECURITY_MANAGER {
            return security_frames(self.security.received(data));
        }
        let Some(channel) = cid
            .checked_sub(FIRST_DYNAMIC)
            .and_then(|at| self.channels.get_mut(usize::from(at)))
        else {
            return Vec::new();
        };
        match channel.mode {
            Mode::Basic => {
                channel.received += 1;
                Vec::new()
            }
            Mode::Credits => {
                channel.piece(data);
                channel.owed += 1;
                if channel.owed < MORE_CREDITS {
                    return Vec::new();
                }
                let (credits, ours) = (std::mem::take(&mut channel.owed), channel.ours);
                let [c0, c1] = credits.to_le_bytes();
                let [o0, o1] = ours.to_le_bytes();
                vec![self.signal(LE_CREDIT, &[o0, o1, c0, c1])]
            }
            Mode::Retransmission => channel.numbered(data).into_iter().collect(),
        }
    }

    /// What the peer sends once the link is encrypted.
    pub fn encrypted(&mut self) -> Vec<Vec<u8>> {
        security_frames(self.security.encrypted())
    }

    fn signal(&mut self, code: u8, data: &[u8]) -> Vec<u8> {
        self.identifier = if self.identifier == 0x7f {
            1
        } else {
            self.identifier + 1
        };
        self.signal_as(code, self.identifier, data)
    }

    fn signal_as(&self, code: u8, identifier: u8, data: &[u8]) -> Vec<u8> {
        let cid = match self.transport {
            Transport::BrEdr => SIGNALLING,
            Transport::Le => LE_SIGNALLING,
        };
        let [low, high] = (data.len() as u16).to_le_bytes();
        frame(cid, &[&[code, identifier, low, high], data])
    }

    fn commands(&mut self, mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut answers = Vec::new();
        while let Some((header, rest)) = bytes.split_at_checked(4) {
            let (code, identifier) = match header {
                [code, identifier, ..] => (*code, *identifier),
                _ => return answers,
            };
            let Some((data, rest)) = rest.split_at_checked(word(header, 2).into()) else {
                return answers;
            };
            self.command(code, identifier, data, &mut answers);
            bytes = rest;
        }
        answers
    }

    fn accept(&mut self, host: u16, mode: Mode) -> u16 {
        let ours = FIRST_DYNAMIC + self.channels.len() as u16;
        self.channels.push(Channel {
            host,
            ours,
            mode,
            ready: mode == Mode::Credits,
            received: 0,
            missing: 0,
            owed: 0,
            next: 0,
            oldest: 0,
            expected: 0,
            credits: 0,
            mps: 0,
        });
        self.open += 1;
        ours
    }

    fn command(&mut self, code: u8, identifier: u8, data: &[u8], answers: &mut Vec<Vec<u8>>) {
        match code {
            ECHO => answers.push(self.signal_as(code + 1, identifier, data)),
            INFORMATION => {
                let mut answer = word(data, 0).to_le_bytes().to_vec();
                match word(data, 0) {
                    1 => answer.extend([0, 0, 0, 2]),
                    2 => {
                        answer.extend([0, 0]);
                        answer.extend(FEATURES.to_le_bytes());
                    }
                    // Fixed channels: signalling, connectionless.
                    3 => answer.extend([0, 0, 0x06, 0, 0, 0, 0, 0, 0, 0]),
                    _ => answer.extend([1, 0]),
                }
                answers.push(self.signal_as(code + 1, identifier, &answer));
            }
            CONNECT => {
                let host = word(data, 2);
                let ours = self.accept(host, Mode::Basic);
                let mut answer = ours.to_le_bytes().to_vec();
                answer.extend(host.to_le_bytes());
                answer.extend([0; 4]);
                answers.push(self.signal_as(code + 1, identifier, &answer));
            }
            CONFIGURE => self.configure(identifier, data, answers),
            DISCONNECT => {
                let (ours, host) = (word(data, 0), word(data, 2));
                let mut answer = ours.to_le_bytes().to_vec();
                answer.extend(host.to_le_bytes());
                answers.push(self.signal_as(code + 1, identifier, &answer));
                if !self.closed.contains(&ours) {
                    self.closed.push(ours);
                    self.open = self.open.saturating_sub(1);
                }
            }
            LE_PARAMETERS => answers.push(self.signal_as(code + 1, identifier, &[0, 0])),
            LE_CONNECT => {
                let host = word(data, 2);
                let ours = self.accept(host, Mode::Credits);
                // What fits in one packet.
                let mps = self.acl.saturating_sub(4);
                if let Some(channel) = self.channels.last_mut() {
                    channel.mps = word(data, 6);
                    channel.credits = word(data, 8);
                }
                let mut answer = ours.to_le_bytes().to_vec();
                for value in [MTU, mps, CREDITS, 0] {
                    answer.extend(value.to_le_bytes());
                }
                answers.push(self.signal_as(code + 1, identifier, &answer));
            }
            LE_CREDIT => {
                let host = word(data, 0);
                let credits = word(data, 2);
                if let Some(channel) = self.channels.iter_mut().find(|one| one.host == host) {
                    channel.credits = channel.credits.saturating_add(credits);
                }
            }
            _ => {}
        }
    }

    /// The host's Configuration Request is agreed to; the peer's own follows.
    fn configure(&mut self, identifier: u8, data: &[u8], answers: &mut Vec<Vec<u8>>) {
        let at = word(data, 0).wrapping_sub(FIRST_DYNAMIC);
        let Some(channel) = self.channels.get_mut(usize::from(at)) else {
            return;
        };
        let mut agreed = channel.host.to_le_bytes().to_vec();
        agreed.extend([0; 4]);
        let mut wish = channel.host.to_le_bytes().to_vec();
        wish.extend([0, 0, OPTION_MTU, 2]);
        wish.extend(MTU.to_le_bytes());
        let mut options = data.get(4..).unwrap_or_default();
        while let [kind, len, rest @ ..] = options {
            let Some((value, rest)) = rest.split_at_checked((*len).into()) else {
                break;
            };
            if kind & 0x7f == OPTION_MODE && value.first() == Some(&ERTM) {
                channel.mode = Mode::Retransmission;
                channel.mps = word(value, 7);
                // Window, transmissions; time-outs of 2 and 12 s; the host's frame size.
                agreed.extend([OPTION_MODE, 9, ERTM]);
                agreed.extend(value.iter().skip(1).take(2));
                agreed.extend(2000u16.to_le_bytes());
                agreed.extend(12000u16.to_le_bytes());
                agreed.extend(value.iter().skip(7).take(2));
                wish.extend([OPTION_MODE, 9, ERTM, WINDOW, 3, 0, 0, 0, 0]);
                wish.extend(1010u16.to_le_bytes());
            }
            options = rest;
        }
        channel.ready = true;
        answers.push(self.signal_as(CONFIGURE + 1, identifier, &agreed));
        answers.push(self.signal(CONFIGURE, &wish));
    }

    /// The frames of a service data unit on a channel, or nothing as long as the host takes no more.
    pub fn send(&mut self, channel: usize, data: &[u8]) -> Option<Vec<Vec<u8>>> {
        let channel = self.channels.get_mut(channel)?;
        match channel.mode {
            Mode::Basic => Some(vec![frame(channel.host, &[data])]),
            Mode::Credits => {
                let mut sdu = (data.len() as u16).to_le_bytes().to_vec();
                sdu.extend(data);
                let pieces = sdu.chunks(channel.mps.max(1).into());
                let count = u16::try_from(pieces.len()).ok()?;
                channel.credits = channel.credits.checked_sub(count)?;
                Some(pieces.map(|piece| frame(channel.host, &[piece])).collect())
            }
            Mode::Retransmission => {
                let outstanding = channel.next.wrapping_sub(channel.oldest) & 0x3f;
                if outstanding >= WINDOW - 1 {
                    return None;
                }
                let control = (u16::from(channel.next) << 1) | (u16::from(channel.expected) << 8);
                channel.next = channel.next.wrapping_add(1) & 0x3f;
                Some(vec![checked(channel.host, control, data)])
            }
        }
    }
}

impl Channel {
    /// A frame of a service data unit, the first of which tells its length (3.4.3).
    fn piece(&mut self, data: &[u8]) {
        if self.missing == 0 {
            self.missing = 2 + usize::from(word(data, 0));
        }
        self.missing = self.missing.saturating_sub(data.len());
        if self.missing == 0 {
            self.received += 1;
        }
    }

    /// A frame with a control field (3.3.2): information, or what the host says of ours.
    fn numbered(&mut self, data: &[u8]) -> Option<Vec<u8>> {
        let control = word(data, 0);
        self.oldest = ((control >> 8) & 0x3f) as u8;
        let supervisory = control & 1 != 0;
        let poll = supervisory && control & 0x10 != 0;
        if !supervisory {
            // Frames out of order are counted as none: nothing is lost between us.
            if ((control >> 1) & 0x3f) as u8 != self.expected {
                return None;
            }
            self.expected = self.expected.wrapping_add(1) & 0x3f;
            self.received += 1;
            self.owed += 1;
        }
        if !poll && self.owed < u16::from(ACKNOWLEDGE) {
            return None;
        }
        self.owed = 0;
        let last = if poll { 0x80 } else { 0 };
        let ready = 1 | last | (u16::from(self.expected) << 8);
        Some(checked(self.host, ready, &[]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(options: &[u8]) -> Peer {
        let mut peer = Peer::new(Transport::BrEdr, 1021, [1; 6]);
        let answer = peer.frame(&frame(SIGNALLING, &[&[2, 1, 4, 0, 1, 0x10, 0x55, 0]]));
        assert_eq!(
            answer,
            [frame(
                SIGNALLING,
                &[&[3, 1, 8, 0, 0x40, 0, 0x55, 0, 0, 0, 0, 0]]
            )]
        );
        let len = 4 + options.len() as u8;
        let request = frame(SIGNALLING, &[&[4, 2, len, 0, 0x40, 0, 0, 0], options]);
        assert_eq!(peer.frame(&request).len(), 2);
        assert!(peer.channels.iter().all(|channel| channel.ready));
        peer
    }

    #[test]
    fn basic_frames_are_counted() {
        let mut peer = opened(&[]);
        assert!(peer.frame(&frame(0x40, &[&[1, 2, 3]])).is_empty());
        assert_eq!(peer.channels.first().map(|one| one.received), Some(1));
        assert_eq!(peer.send(0, &[7]), Some(vec![vec![1, 0, 0x55, 0, 7]]));
    }

    #[test]
    fn numbered_frames_are_acknowledged() {
        let mut peer = opened(&[4, 9, 3, 63, 3, 0, 0, 0, 0, 0xf2, 3]);
        for number in 0..u16::from(ACKNOWLEDGE) - 1 {
            let sent = checked(0x40, number << 1, &[0; 4]);
            assert!(peer.frame(&sent).is_empty());
        }
        let last = checked(0x40, u16::from(ACKNOWLEDGE - 1) << 1, &[0; 4]);
        let answer = checked(0x55, 1 | (u16::from(ACKNOWLEDGE) << 8), &[]);
        assert_eq!(peer.frame(&last), [answer]);
        // Sixty-two may be on their way.
        let sent = (0..70).filter(|_| peer.send(0, &[1]).is_some()).count();
        assert_eq!(sent, 62);
        assert!(peer.frame(&checked(0x40, 1 | (10 << 8), &[])).is_empty());
        assert!(peer.send(0, &[1]).is_some());
    }

    #[test]
    fn credits_are_kept_and_given() {
        let mut peer = Peer::new(Transport::Le, 251, [1; 6]);
        let request = [0x14, 1, 10, 0, 0x80, 0, 0x60, 0, 0, 2, 247, 0, 3, 0];
        let answer = peer.frame(&frame(LE_SIGNALLING, &[&request]));
        let agreed = [0x15, 1, 10, 0, 0x40, 0, 0, 8, 247, 0, 32, 0, 0, 0];
        assert_eq!(answer, [frame(LE_SIGNALLING, &[&agreed])]);
        let frames = peer.send(0, &[9; 512]);
        assert_eq!(frames.map(|frames| frames.len()), Some(3));
        assert_eq!(peer.send(0, &[9; 512]), None);
        peer.frame(&frame(LE_SIGNALLING, &[&[0x16, 2, 4, 0, 0x60, 0, 5, 0]]));
        assert!(peer.send(0, &[9; 512]).is_some());
        for number in 1..=MORE_CREDITS {
            let answer = peer.frame(&frame(0x40, &[&[14, 0, 0, 0, 0, 0, 0, 0]]));
            assert_eq!(answer.is_empty(), number != MORE_CREDITS);
        }
        let units = peer.channels.first().map(|one| one.received);
        assert_eq!(units, Some(u64::from(MORE_CREDITS) / 2));
    }
}
