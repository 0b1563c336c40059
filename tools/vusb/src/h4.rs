// SPDX-License-Identifier: GPL-2.0

//! H4, the UART transport's framing (Vol 4 Part A), and the same packets without its first byte.

/// The kind of an HCI packet; the numbers are H4's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// From the host.
    Command = 1,
    /// Asynchronous data.
    Acl = 2,
    /// Synchronous data.
    Sco = 3,
    /// From the controller.
    Event = 4,
    /// Isochronous data.
    Iso = 5,
}

impl Kind {
    /// By H4's number.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Command,
            2 => Self::Acl,
            3 => Self::Sco,
            4 => Self::Event,
            5 => Self::Iso,
            _ => return None,
        })
    }

    /// The whole length in bytes of the packet that begins here, without H4's byte; none if its
    /// header is not complete.
    pub fn length(self, bytes: &[u8]) -> Option<usize> {
        let byte = |at: usize| bytes.get(at).copied().map(usize::from);
        Some(match self {
            Self::Command | Self::Sco => 3 + byte(2)?,
            Self::Event => 2 + byte(1)?,
            Self::Acl => 4 + ((byte(3)? << 8) | byte(2)?),
            Self::Iso => 4 + (((byte(3)? & 0x3f) << 8) | byte(2)?),
        })
    }
}

/// Packets of one kind out of a stream of bytes, as a bulk or an isochronous endpoint has it.
#[derive(Debug)]
pub struct Reassembler {
    kind: Kind,
    buffer: Vec<u8>,
}

impl Reassembler {
    /// For packets of this kind.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            buffer: Vec::new(),
        }
    }

    /// The packets that these bytes complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.buffer.extend_from_slice(bytes);
        let mut packets = Vec::new();
        while let Some(length) = self.kind.length(&self.buffer) {
            if length > self.buffer.len() {
                break;
            }
            packets.push(self.buffer.drain(..length).collect());
        }
        packets
    }

    /// Bytes of a packet that is not complete.
    pub fn pending(&self) -> usize {
        self.buffer.len()
    }

    /// Forgets them.
    pub fn clear(&mut self) {
        self.buffer.clear();
    }
}

/// Whole packets out of an H4 stream.
#[derive(Debug, Default)]
pub struct Stream {
    buffer: Vec<u8>,
}

/// The stream has a byte where a packet's kind should be: it cannot be followed any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostSync(pub u8);

impl Stream {
    /// Takes over what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole packet.
    ///
    /// # Errors
    ///
    /// [`LostSync`].
    pub fn next_packet(&mut self) -> Result<Option<(Kind, Vec<u8>)>, LostSync> {
        let Some((first, rest)) = self.buffer.split_first() else {
            return Ok(None);
        };
        let kind = Kind::from_byte(*first).ok_or(LostSync(*first))?;
        let Some(packet) = kind.length(rest).and_then(|length| rest.get(..length)) else {
            return Ok(None);
        };
        let packet = packet.to_vec();
        self.buffer.drain(..1 + packet.len());
        Ok(Some((kind, packet)))
    }
}

/// The packet with H4's byte in front.
pub fn frame(kind: Kind, packet: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + packet.len());
    out.push(kind as u8);
    out.extend_from_slice(packet);
    out
}

/// The opcode of a command, or what a Command Complete or Command Status event answers.
pub fn opcode(kind: Kind, packet: &[u8]) -> Option<u16> {
    let at = match (kind, packet.first()?) {
        (Kind::Command, _) => 0,
        (Kind::Event, 0x0e) => 3,
        (Kind::Event, 0x0f) => 4,
        _ => return None,
    };
    packet
        .get(at..)?
        .first_chunk()
        .map(|bytes| u16::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESET: [u8; 3] = [3, 0x0c, 0];
    const COMPLETE: [u8; 6] = [0x0e, 4, 1, 3, 0x0c, 0];

    #[test]
    fn lengths() {
        assert_eq!(Kind::Command.length(&RESET), Some(3));
        assert_eq!(Kind::Event.length(&COMPLETE), Some(6));
        assert_eq!(Kind::Acl.length(&[1, 0x20, 0x34, 0x12]), Some(4 + 0x1234));
        assert_eq!(Kind::Acl.length(&[1, 0x20, 0x34]), None);
        assert_eq!(Kind::Sco.length(&[1, 0, 48]), Some(51));
        assert_eq!(Kind::Iso.length(&[1, 0x20, 4, 0xc0]), Some(8));
    }

    #[test]
    fn a_stream_cut_anywhere() {
        let bytes = [
            frame(Kind::Event, &COMPLETE),
            frame(Kind::Acl, &[1, 0x20, 1, 0, 9]),
        ]
        .concat();
        for cut in 0..bytes.len() {
            let mut stream = Stream::default();
            let mut found = Vec::new();
            for part in [&bytes[..cut], &bytes[cut..]] {
                stream.push(part);
                while let Some(packet) = stream.next_packet().unwrap() {
                    found.push(packet);
                }
            }
            assert_eq!(found[0], (Kind::Event, COMPLETE.to_vec()));
            assert_eq!(found[1], (Kind::Acl, vec![1, 0x20, 1, 0, 9]));
        }
        let mut stream = Stream::default();
        stream.push(&[9]);
        assert_eq!(stream.next_packet(), Err(LostSync(9)));
    }

    #[test]
    fn several_packets_in_one_transfer() {
        let mut acl = Reassembler::new(Kind::Acl);
        assert!(acl.push(&[1, 0x20, 2]).is_empty());
        assert_eq!(
            acl.push(&[0, 7, 8, 2, 0x20, 0, 0, 3]),
            vec![vec![1, 0x20, 2, 0, 7, 8], vec![2, 0x20, 0, 0]]
        );
        assert_eq!(acl.pending(), 1);
    }

    #[test]
    fn opcodes() {
        assert_eq!(opcode(Kind::Command, &RESET), Some(0x0c03));
        assert_eq!(opcode(Kind::Event, &COMPLETE), Some(0x0c03));
        assert_eq!(opcode(Kind::Event, &[0x0f, 4, 0, 1, 5, 4]), Some(0x0405));
        assert_eq!(opcode(Kind::Event, &[0x05, 4, 0, 1, 5, 4]), None);
        assert_eq!(opcode(Kind::Event, &[]), None);
    }
}
