// SPDX-License-Identifier: GPL-2.0

//! Packets out of transfers.
//!
//! The transport has no packet boundaries of its own: a packet may take several transfers, and a
//! transfer may bring several packets or the end of one and the begin of the next. Only the
//! packets' own headers tell (Vol 4 Part E 5.4). Each endpoint carries packets of one kind.

/// What comes in on an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Interrupt: events.
    Event,
    /// Bulk: ACL data; ISO data, too, which has the same header.
    Acl,
    /// Isochronous: voice.
    Sco,
}

/// The longest header, in bytes.
const MAX_HEADER: usize = 4;

/// Most bytes of payload in a packet on the bulk endpoint. The kernel's core buffers 1024; what
/// controllers send beyond that and C drivers let pass by chance fits, too.
const MAX_ACL: usize = 1696;

impl Kind {
    /// Bytes in the header.
    const fn header(self) -> usize {
        match self {
            Self::Event => 2,
            Self::Sco => 3,
            Self::Acl => 4,
        }
    }

    /// The payload's length, as the header has it; [`None`] if no such packet can be.
    fn payload(self, header: [u8; MAX_HEADER]) -> Option<usize> {
        let len = match (self, header) {
            (Self::Event, [_, len, ..]) => usize::from(len),
            (Self::Sco, [_, _, len, _]) => usize::from(len),
            (Self::Acl, [_, _, lo, hi]) => usize::from(u16::from_le_bytes([lo, hi])),
        };
        (self != Self::Acl || len <= MAX_ACL).then_some(len)
    }
}

/// Where packets go.
pub trait Sink {
    /// A packet that is being put together. Dropped if it is never finished.
    type Packet;

    /// Whether a packet with this header can be meant: a chance to notice that the stream is out
    /// of step.
    fn accepts(&mut self, kind: Kind, header: &[u8]) -> bool;

    /// Makes room for a packet of `len` bytes, header included; [`None`] for lack of memory.
    fn start(&mut self, kind: Kind, len: usize) -> Option<Self::Packet>;

    /// Appends bytes. There are never more than asked for in [`Sink::start`].
    fn append(&mut self, packet: &mut Self::Packet, bytes: &[u8]);

    /// The packet is complete.
    fn finish(&mut self, kind: Kind, packet: Self::Packet);
}

/// What went wrong; each leaves the assembler at the begin of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The header cannot be one; the rest of the transfer was dropped.
    Corrupt,
    /// No memory for a packet; that one was dropped, and nothing else.
    NoMemory,
    /// That many bytes after an event are no event; they were dropped.
    Trailing(usize),
}

/// What is missing of the packet.
#[derive(Debug)]
enum State<P> {
    /// A header, of which there are `have` bytes.
    Header {
        bytes: [u8; MAX_HEADER],
        have: usize,
    },
    /// Bytes of payload.
    Body { packet: P, missing: usize },
    /// The rest of a packet that is not kept.
    Skip { missing: usize },
}

impl<P> State<P> {
    const START: Self = Self::Header {
        bytes: [0; MAX_HEADER],
        have: 0,
    };
}

/// Puts together the packets of one endpoint.
#[derive(Debug)]
pub struct Assembler<P> {
    kind: Kind,
    state: State<P>,
}

impl<P> Assembler<P> {
    /// One that expects the begin of a packet.
    pub const fn new(kind: Kind) -> Self {
        Self {
            kind,
            state: State::START,
        }
    }

    /// Forgets a packet that is not complete.
    pub fn reset(&mut self) {
        self.state = State::START;
    }

    /// Whether a packet has begun and is not complete.
    pub fn is_partial(&self) -> bool {
        !matches!(self.state, State::Header { have: 0, .. })
    }

    /// Takes the bytes of one transfer.
    ///
    /// # Errors
    ///
    /// The last thing that went wrong; packets that came in whole were delivered all the same.
    pub fn feed<S: Sink<Packet = P>>(
        &mut self,
        mut input: &[u8],
        sink: &mut S,
    ) -> Result<(), Error> {
        let mut result = Ok(());
        while !input.is_empty() {
            match &mut self.state {
                State::Header { bytes, have } => {
                    let wanted = self.kind.header();
                    let take = wanted.saturating_sub(*have).min(input.len());
                    let (part, rest) = input.split_at_checked(take).unwrap_or((input, &[]));
                    for (to, from) in bytes.iter_mut().skip(*have).zip(part) {
                        *to = *from;
                    }
                    *have = have.saturating_add(take);
                    input = rest;
                    if *have < wanted {
                        break;
                    }
                    let header = *bytes;
                    match self.begin(header, sink) {
                        Ok(()) => {}
                        Err(Error::Corrupt) => {
                            self.reset();
                            return Err(Error::Corrupt);
                        }
                        Err(e) => result = Err(e),
                    }
                }
                State::Body { packet, missing } => {
                    let take = (*missing).min(input.len());
                    let (part, rest) = input.split_at_checked(take).unwrap_or((input, &[]));
                    sink.append(packet, part);
                    *missing = missing.saturating_sub(take);
                    input = rest;
                }
                State::Skip { missing } => {
                    let take = (*missing).min(input.len());
                    input = input.get(take..).unwrap_or(&[]);
                    *missing = missing.saturating_sub(take);
                }
            }
            if self.complete(sink) && self.kind == Kind::Event {
                // A controller that ends a transfer with something shorter than a header has
                // sent garbage; keeping it would garble what comes next.
                let rest = input.len();
                if rest > 0 && rest < self.kind.header() {
                    return Err(Error::Trailing(rest));
                }
            }
        }
        result
    }

    /// The header is there: makes room.
    fn begin<S: Sink<Packet = P>>(
        &mut self,
        header: [u8; MAX_HEADER],
        sink: &mut S,
    ) -> Result<(), Error> {
        let used = header.get(..self.kind.header()).unwrap_or(&[]);
        let payload = self.kind.payload(header).ok_or(Error::Corrupt)?;
        if !sink.accepts(self.kind, used) {
            return Err(Error::Corrupt);
        }
        match sink.start(self.kind, used.len().saturating_add(payload)) {
            Some(mut packet) => {
                sink.append(&mut packet, used);
                self.state = State::Body {
                    packet,
                    missing: payload,
                };
                Ok(())
            }
            None => {
                self.state = State::Skip { missing: payload };
                Err(Error::NoMemory)
            }
        }
    }

    /// Delivers the packet if nothing is missing any more.
    fn complete<S: Sink<Packet = P>>(&mut self, sink: &mut S) -> bool {
        if !matches!(
            self.state,
            State::Body { missing: 0, .. } | State::Skip { missing: 0 }
        ) {
            return false;
        }
        if let State::Body { packet, .. } = core::mem::replace(&mut self.state, State::START) {
            sink.finish(self.kind, packet);
        }
        true
    }
}
