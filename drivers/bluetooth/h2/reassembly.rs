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

    /// Whether these bytes are exactly one packet.
    #[inline]
    fn is_packet(self, bytes: &[u8]) -> bool {
        match (self, bytes) {
            (Self::Event, [_, len, payload @ ..]) | (Self::Sco, [_, _, len, payload @ ..]) => {
                payload.len() == usize::from(*len)
            }
            (Self::Acl, [_, _, lo, hi, payload @ ..]) => {
                payload.len() == usize::from(u16::from_le_bytes([*lo, *hi]))
                    && payload.len() <= MAX_ACL
            }
            _ => false,
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

    /// A packet that came in whole: all of the above in one. False for lack of memory.
    fn whole(&mut self, kind: Kind, bytes: &[u8]) -> bool {
        let Some(mut packet) = self.start(kind, bytes.len()) else {
            return false;
        };
        self.append(&mut packet, bytes);
        self.finish(kind, packet);
        true
    }
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

/// Puts together the packets of one endpoint, which are all of one kind.
#[derive(Debug)]
pub struct Assembler<P> {
    state: State<P>,
}

impl<P> Default for Assembler<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P> Assembler<P> {
    /// One that expects the begin of a packet.
    pub const fn new() -> Self {
        Self {
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

    /// Takes the bytes of one transfer; `kind` is the same each time.
    ///
    /// # Errors
    ///
    /// The last thing that went wrong; packets that came in whole were delivered all the same.
    // With a constant `kind` little is left of it.
    #[inline(always)]
    pub fn feed<S: Sink<Packet = P>>(
        &mut self,
        kind: Kind,
        input: &[u8],
        sink: &mut S,
    ) -> Result<(), Error> {
        // Nearly all transfers are one packet each.
        if !self.is_partial()
            && kind.is_packet(input)
            && sink.accepts(kind, input.get(..kind.header()).unwrap_or(&[]))
        {
            return if sink.whole(kind, input) {
                Ok(())
            } else {
                Err(Error::NoMemory)
            };
        }
        self.pieces(kind, input, sink)
    }

    /// The same, for anything.
    #[inline(never)]
    fn pieces<S: Sink<Packet = P>>(
        &mut self,
        kind: Kind,
        mut input: &[u8],
        sink: &mut S,
    ) -> Result<(), Error> {
        let mut result = Ok(());
        while !input.is_empty() {
            match &mut self.state {
                State::Header { bytes, have } => {
                    let wanted = kind.header();
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
                    match self.begin(kind, header, sink) {
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
            if self.complete(kind, sink) && kind == Kind::Event {
                // A controller that ends a transfer with something shorter than a header has
                // sent garbage; keeping it would garble what comes next.
                let rest = input.len();
                if rest > 0 && rest < kind.header() {
                    return Err(Error::Trailing(rest));
                }
            }
        }
        result
    }

    /// The header is there: makes room.
    fn begin<S: Sink<Packet = P>>(
        &mut self,
        kind: Kind,
        header: [u8; MAX_HEADER],
        sink: &mut S,
    ) -> Result<(), Error> {
        let used = header.get(..kind.header()).unwrap_or(&[]);
        let payload = kind.payload(header).ok_or(Error::Corrupt)?;
        if !sink.accepts(kind, used) {
            return Err(Error::Corrupt);
        }
        match sink.start(kind, used.len().saturating_add(payload)) {
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
    fn complete<S: Sink<Packet = P>>(&mut self, kind: Kind, sink: &mut S) -> bool {
        if !matches!(
            self.state,
            State::Body { missing: 0, .. } | State::Skip { missing: 0 }
        ) {
            return false;
        }
        if let State::Body { packet, .. } = core::mem::replace(&mut self.state, State::START) {
            sink.finish(kind, packet);
        }
        true
    }
}
