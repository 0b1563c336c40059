// SPDX-License-Identifier: GPL-2.0

//! Packets out of transfers.
//!
//! The transport has no packet boundaries of its own: a packet may take several transfers, and a
//! transfer may bring several packets or the end of one and the begin of the next. Only the
//! packets' own headers tell (Vol 4 Part E 5.4). Each endpoint carries packets of one kind.

use core::marker::PhantomData;

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

/// An endpoint whose packets are all of one kind, which the compiler knows.
pub trait Endpoint {
    /// That kind.
    const KIND: Kind;
}

/// One of events.
#[derive(Debug)]
pub enum Events {}
/// One of ACL data, and ISO data.
#[derive(Debug)]
pub enum Data {}
/// One of voice.
#[derive(Debug)]
pub enum Voice {}

impl Endpoint for Events {
    const KIND: Kind = Kind::Event;
}
impl Endpoint for Data {
    const KIND: Kind = Kind::Acl;
}
impl Endpoint for Voice {
    const KIND: Kind = Kind::Sco;
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

    /// Bytes in the packet that begins here, by its header; [`None`] if no such packet can be.
    #[inline]
    fn packet(self, bytes: &[u8]) -> Option<usize> {
        let payload = match (self, bytes) {
            (Self::Event, [_, len, ..]) | (Self::Sco, [_, _, len, ..]) => usize::from(*len),
            (Self::Acl, [_, _, lo, hi, ..]) => usize::from(u16::from_le_bytes([*lo, *hi])),
            _ => return None,
        };
        if self == Self::Acl && payload > MAX_ACL {
            return None;
        }
        Some(self.header().saturating_add(payload))
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

    /// A packet that came in whole: all of the above in one.
    ///
    /// # Errors
    ///
    /// There was no memory.
    fn whole(&mut self, kind: Kind, bytes: &[u8]) -> Result<(), NoMemory> {
        let mut packet = self.start(kind, bytes.len()).ok_or(NoMemory)?;
        self.append(&mut packet, bytes);
        self.finish(kind, packet);
        Ok(())
    }
}

/// There is no memory for a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory;

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
pub struct Assembler<P, E> {
    state: State<P>,
    _endpoint: PhantomData<fn() -> E>,
}

impl<P, E: Endpoint> Default for Assembler<P, E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P, E: Endpoint> Assembler<P, E> {
    /// One that expects the begin of a packet.
    pub const fn new() -> Self {
        Self {
            state: State::START,
            _endpoint: PhantomData,
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
    #[inline]
    pub fn feed<S: Sink<Packet = P>>(&mut self, input: &[u8], sink: &mut S) -> Result<(), Error> {
        match &mut self.state {
            // Nearly all transfers are one packet each,
            State::Header { have: 0, .. } if E::KIND.packet(input) == Some(input.len()) => {
                let header = input.get(..E::KIND.header()).unwrap_or(&[]);
                if !sink.accepts(E::KIND, header) {
                    return Err(Error::Corrupt);
                }
                sink.whole(E::KIND, input)
                    .map_err(|NoMemory| Error::NoMemory)
            }
            // ...and those of voice a part of one.
            State::Body { packet, missing } if input.len() <= *missing => {
                sink.append(packet, input);
                *missing = missing.saturating_sub(input.len());
                self.complete(sink);
                Ok(())
            }
            _ => self.pieces(input, sink),
        }
    }

    /// The same, for anything.
    #[inline(never)]
    fn pieces<S: Sink<Packet = P>>(&mut self, mut input: &[u8], sink: &mut S) -> Result<(), Error> {
        let mut result = Ok(());
        while !input.is_empty() {
            match &mut self.state {
                State::Header { have: 0, .. } if input.len() >= E::KIND.header() => {
                    match self.begin(&mut input, sink) {
                        Ok(()) => {}
                        Err(Error::Corrupt) => return Err(Error::Corrupt),
                        Err(e) => result = Err(e),
                    }
                }
                State::Header { bytes, have } => {
                    let wanted = E::KIND.header();
                    let take = wanted.saturating_sub(*have).min(input.len());
                    let (part, rest) = input.split_at_checked(take).unwrap_or((input, &[]));
                    let slots = bytes.get_mut(*have..).unwrap_or(&mut []);
                    for (to, from) in slots.iter_mut().zip(part) {
                        *to = *from;
                    }
                    *have = have.saturating_add(take);
                    input = rest;
                    if *have < wanted {
                        break;
                    }
                    let header = *bytes;
                    let mut header = header.get(..wanted).unwrap_or(&[]);
                    match self.begin(&mut header, sink) {
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
            if self.complete(sink) && E::KIND == Kind::Event {
                // A controller that ends a transfer with something shorter than a header has
                // sent garbage; keeping it would garble what comes next.
                let rest = input.len();
                if rest > 0 && rest < E::KIND.header() {
                    return Err(Error::Trailing(rest));
                }
            }
        }
        result
    }

    /// Makes room for the packet that begins here, and takes what there is of it.
    #[inline]
    fn begin<S: Sink<Packet = P>>(&mut self, input: &mut &[u8], sink: &mut S) -> Result<(), Error> {
        let size = E::KIND.packet(input).ok_or(Error::Corrupt)?;
        let header = input.get(..E::KIND.header()).unwrap_or(&[]);
        if !sink.accepts(E::KIND, header) {
            return Err(Error::Corrupt);
        }
        let (part, rest) = input.split_at_checked(size).unwrap_or((*input, &[]));
        *input = rest;
        let missing = size.saturating_sub(part.len());
        match sink.start(E::KIND, size) {
            Some(mut packet) => {
                sink.append(&mut packet, part);
                self.state = State::Body { packet, missing };
                Ok(())
            }
            None => {
                self.state = State::Skip { missing };
                Err(Error::NoMemory)
            }
        }
    }

    /// Delivers the packet if nothing is missing any more.
    #[inline]
    fn complete<S: Sink<Packet = P>>(&mut self, sink: &mut S) -> bool {
        if !matches!(
            self.state,
            State::Body { missing: 0, .. } | State::Skip { missing: 0 }
        ) {
            return false;
        }
        if let State::Body { packet, .. } = core::mem::replace(&mut self.state, State::START) {
            sink.finish(E::KIND, packet);
        }
        true
    }
}
