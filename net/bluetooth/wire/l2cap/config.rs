// SPDX-License-Identifier: GPL-2.0

//! The options of configuration requests and responses (Vol 3 Part A 5).

use super::Mode;
use crate::{
    Bytes,
    Reader, //
};

/// Option types, without the hint bit.
pub mod kind {
    /// The longest SDU that the sender takes.
    pub const MTU: u8 = 0x01;
    /// Flush time-out.
    pub const FLUSH_TIMEOUT: u8 = 0x02;
    /// Quality of service.
    pub const QOS: u8 = 0x03;
    /// Retransmission and flow control.
    pub const RFC: u8 = 0x04;
    /// Frame check sequence.
    pub const FCS: u8 = 0x05;
    /// Extended flow specification.
    pub const EXTENDED_FLOW: u8 = 0x06;
    /// Extended window size.
    pub const EXTENDED_WINDOW: u8 = 0x07;
    /// The bit of options that may be skipped by who does not know them.
    pub const HINT: u8 = 0x80;
}

/// Retransmission and flow control option (5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rfc {
    /// The mode's number, of a [`Mode`] or not.
    pub mode: u8,
    /// How many I-frames may be sent without acknowledgement: by the receiver of a request, by the sender of a response.
    pub tx_window: u8,
    /// How often a frame is sent before the channel is given up; zero is without limit.
    pub max_transmit: u8,
    /// In ms; zero in requests.
    pub retransmission_timeout: u16,
    /// In ms; zero in requests.
    pub monitor_timeout: u16,
    /// MPS: the longest payload of one I-frame, in octets.
    pub max_pdu: u16,
}

impl Rfc {
    const SIZE: usize = 9;

    /// Of a mode in which nothing else has a meaning.
    #[inline]
    pub const fn of_mode(mode: Mode) -> Self {
        Self {
            mode: mode.to_u8(),
            tx_window: 0,
            max_transmit: 0,
            retransmission_timeout: 0,
            monitor_timeout: 0,
            max_pdu: 0,
        }
    }

    fn read(data: &[u8]) -> Option<Self> {
        let &[mode, tx_window, max_transmit, r0, r1, m0, m1, p0, p1] = data else {
            return None;
        };
        Some(Self {
            mode,
            tx_window,
            max_transmit,
            retransmission_timeout: u16::from_le_bytes([r0, r1]),
            monitor_timeout: u16::from_le_bytes([m0, m1]),
            max_pdu: u16::from_le_bytes([p0, p1]),
        })
    }

    fn bytes(&self) -> [u8; Self::SIZE] {
        let [r0, r1] = self.retransmission_timeout.to_le_bytes();
        let [m0, m1] = self.monitor_timeout.to_le_bytes();
        let [p0, p1] = self.max_pdu.to_le_bytes();
        let (mode, window, transmit) = (self.mode, self.tx_window, self.max_transmit);
        [mode, window, transmit, r0, r1, m0, m1, p0, p1]
    }
}

/// A service type (5.3, 5.6).
pub mod service {
    /// No traffic.
    pub const NONE: u8 = 0x00;
    /// Best effort.
    pub const BEST_EFFORT: u8 = 0x01;
    /// Guaranteed.
    pub const GUARANTEED: u8 = 0x02;
}

/// Extended flow specification option (5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedFlow {
    /// Identifies the flow specification; one for best effort.
    pub id: u8,
    /// A type of [`service`].
    pub service: u8,
    /// The longest SDU, in octets.
    pub max_sdu: u16,
    /// Time between SDUs, in microseconds.
    pub sdu_interval: u32,
    /// Access latency, in microseconds.
    pub access_latency: u32,
    /// Flush time-out, in microseconds.
    pub flush_timeout: u32,
}

impl ExtendedFlow {
    const SIZE: usize = 16;

    /// What best effort service asks for.
    pub const BEST_EFFORT: Self = Self {
        id: 1,
        service: service::BEST_EFFORT,
        max_sdu: 0xffff,
        sdu_interval: 0xffff_ffff,
        access_latency: 0xffff_ffff,
        flush_timeout: 0xffff_ffff,
    };

    fn read(data: &[u8]) -> Option<Self> {
        if data.len() != Self::SIZE {
            return None;
        }
        let mut reader = Reader::new("extended flow specification", data);
        Some(Self {
            id: reader.u8().ok()?,
            service: reader.u8().ok()?,
            max_sdu: reader.u16().ok()?,
            sdu_interval: reader.u32().ok()?,
            access_latency: reader.u32().ok()?,
            flush_timeout: reader.u32().ok()?,
        })
    }

    fn bytes(&self) -> Bytes<{ Self::SIZE }> {
        let mut bytes = Bytes::new();
        // All of it fits.
        let _ = bytes.extend(&[self.id, self.service])
            && bytes.extend(&self.max_sdu.to_le_bytes())
            && bytes.extend(&self.sdu_interval.to_le_bytes())
            && bytes.extend(&self.access_latency.to_le_bytes())
            && bytes.extend(&self.flush_timeout.to_le_bytes());
        bytes
    }
}

/// An option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigOption<'a> {
    /// The longest SDU that the sender takes, in octets (5.1).
    Mtu(u16),
    /// Flush time-out, in ms; 0xffff is without end (5.2).
    FlushTimeout(u16),
    /// Quality of service (5.3): nothing that anybody uses.
    Qos(&'a [u8]),
    /// Retransmission and flow control.
    Rfc(Rfc),
    /// Frame check sequence: 0 none, 1 the 16-bit one (5.5).
    Fcs(u8),
    /// Extended flow specification.
    ExtendedFlow(ExtendedFlow),
    /// Extended window size, in frames (5.7).
    ExtendedWindow(u16),
    /// One of the above whose length is not what it must be.
    BadLength {
        /// Its type, without the hint bit.
        kind: u8,
    },
    /// Any other.
    Unknown {
        /// Its type, without the hint bit.
        kind: u8,
        /// It may be skipped.
        hint: bool,
        /// Its data.
        data: &'a [u8],
    },
}

impl<'a> ConfigOption<'a> {
    fn read(kind: u8, data: &'a [u8]) -> Self {
        let u16 = || <[u8; 2]>::try_from(data).ok().map(u16::from_le_bytes);
        let hint = kind & kind::HINT != 0;
        let kind = kind & !kind::HINT;
        let option = match kind {
            kind::MTU => u16().map(Self::Mtu),
            kind::FLUSH_TIMEOUT => u16().map(Self::FlushTimeout),
            kind::QOS => Some(Self::Qos(data)),
            kind::RFC => Rfc::read(data).map(Self::Rfc),
            kind::FCS => <[u8; 1]>::try_from(data).ok().map(|[fcs]| Self::Fcs(fcs)),
            kind::EXTENDED_FLOW => ExtendedFlow::read(data).map(Self::ExtendedFlow),
            kind::EXTENDED_WINDOW => u16().map(Self::ExtendedWindow),
            _ => Some(Self::Unknown { kind, hint, data }),
        };
        option.unwrap_or(Self::BadLength { kind })
    }

    /// Appends it to `list`; says whether it fitted. An option whose length is bad cannot be appended.
    #[must_use]
    pub fn push<const N: usize>(&self, list: &mut Bytes<N>) -> bool {
        let mut push = |kind: u8, data: &[u8]| {
            // All or nothing.
            data.len().saturating_add(2) <= list.room()
                && u8::try_from(data.len()).is_ok_and(|len| list.extend(&[kind, len]))
                && list.extend(data)
        };
        match self {
            Self::Mtu(mtu) => push(kind::MTU, &mtu.to_le_bytes()),
            Self::FlushTimeout(timeout) => push(kind::FLUSH_TIMEOUT, &timeout.to_le_bytes()),
            Self::Qos(data) => push(kind::QOS, data),
            Self::Rfc(rfc) => push(kind::RFC, &rfc.bytes()),
            Self::Fcs(fcs) => push(kind::FCS, &[*fcs]),
            Self::ExtendedFlow(flow) => push(kind::EXTENDED_FLOW, flow.bytes().as_slice()),
            Self::ExtendedWindow(window) => push(kind::EXTENDED_WINDOW, &window.to_le_bytes()),
            Self::BadLength { .. } => false,
            Self::Unknown { kind, hint, data } => {
                push(if *hint { kind | kind::HINT } else { *kind }, data)
            }
        }
    }
}

/// The options in `data`, up to its end or to the first that is cut off.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    reader: Reader<'a>,
}

impl<'a> Options<'a> {
    /// The options in `data`.
    #[inline]
    pub const fn new(data: &'a [u8]) -> Self {
        Self {
            reader: Reader::new("configuration option", data),
        }
    }

    /// How many bytes were not read: after the last option, those of one that is cut off.
    #[inline]
    pub const fn remaining(&self) -> usize {
        self.reader.remaining()
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = ConfigOption<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut reader = self.reader;
        let kind = reader.u8().ok()?;
        let len = reader.u8().ok()?;
        let data = reader.bytes(usize::from(len)).ok()?;
        self.reader = reader;
        Some(ConfigOption::read(kind, data))
    }
}
