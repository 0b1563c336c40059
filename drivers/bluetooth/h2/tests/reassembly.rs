// SPDX-License-Identifier: GPL-2.0

//! Packets out of transfers, however these are cut.

use h2::reassembly::{
    Assembler,
    Data,
    Error,
    Events,
    Kind,
    Sink,
    Voice, //
};
use proptest::prelude::*;

#[derive(Default)]
struct Log {
    packets: Vec<Vec<u8>>,
    /// Voice links there are; [`None`] accepts all.
    handles: Option<Vec<u16>>,
    /// Allocations that succeed.
    memory: Option<usize>,
}

impl Sink for Log {
    type Packet = (usize, Vec<u8>);

    fn accepts(&mut self, _kind: Kind, header: &[u8]) -> bool {
        self.handles
            .as_ref()
            .is_none_or(|all| all.contains(&u16::from_le_bytes([header[0], header[1]])))
    }

    fn start(&mut self, _kind: Kind, len: usize) -> Option<Self::Packet> {
        if let Some(left) = &mut self.memory {
            *left = left.checked_sub(1)?;
        }
        Some((len, Vec::new()))
    }

    fn append(&mut self, packet: &mut Self::Packet, bytes: &[u8]) {
        packet.1.extend_from_slice(bytes);
        assert!(packet.1.len() <= packet.0, "more than asked for");
    }

    fn finish(&mut self, _kind: Kind, packet: Self::Packet) {
        assert_eq!(packet.0, packet.1.len());
        self.packets.push(packet.1);
    }
}

/// One of a kind that is chosen at run time.
enum Any {
    Event(Assembler<(usize, Vec<u8>), Events>),
    Acl(Assembler<(usize, Vec<u8>), Data>),
    Sco(Assembler<(usize, Vec<u8>), Voice>),
}

impl Any {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Event => Self::Event(Assembler::new()),
            Kind::Acl => Self::Acl(Assembler::new()),
            Kind::Sco => Self::Sco(Assembler::new()),
        }
    }

    fn feed(&mut self, input: &[u8], log: &mut Log) -> Result<(), Error> {
        match self {
            Self::Event(one) => one.feed(input, log),
            Self::Acl(one) => one.feed(input, log),
            Self::Sco(one) => one.feed(input, log),
        }
    }

    fn reset(&mut self) {
        match self {
            Self::Event(one) => one.reset(),
            Self::Acl(one) => one.reset(),
            Self::Sco(one) => one.reset(),
        }
    }

    fn is_partial(&self) -> bool {
        match self {
            Self::Event(one) => one.is_partial(),
            Self::Acl(one) => one.is_partial(),
            Self::Sco(one) => one.is_partial(),
        }
    }
}

fn packet(kind: Kind, handle: u16, payload: &[u8]) -> Vec<u8> {
    let [lo, hi] = handle.to_le_bytes();
    let mut bytes = match kind {
        Kind::Event => vec![lo, payload.len() as u8],
        Kind::Sco => vec![lo, hi, payload.len() as u8],
        Kind::Acl => {
            let [l0, l1] = (payload.len() as u16).to_le_bytes();
            vec![lo, hi, l0, l1]
        }
    };
    bytes.extend_from_slice(payload);
    bytes
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Event), Just(Kind::Acl), Just(Kind::Sco)]
}

proptest! {
    #[test]
    fn however_it_is_cut(
        kind in kinds(),
        payloads in prop::collection::vec((any::<u16>(), prop::collection::vec(any::<u8>(), 0..256)), 1..8),
        cuts in prop::collection::vec(1usize..70, 1..40),
    ) {
        let sent: Vec<_> = payloads.iter().map(|(h, p)| packet(kind, *h, p)).collect();
        let stream = sent.concat();
        let mut log = Log::default();
        let mut assembler = Any::new(kind);
        let mut cuts = cuts.iter().cycle();
        let mut rest = &stream[..];
        let mut torn = false;
        while !rest.is_empty() {
            let n = (*cuts.next().unwrap()).min(rest.len());
            let (part, after) = rest.split_at(n);
            // One byte after an event is not taken for the begin of the next: only USB packets
            // that end there are meant to.
            match assembler.feed(part, &mut log) {
                Ok(()) => {}
                Err(Error::Trailing(1)) if kind == Kind::Event => { torn = true; break; }
                Err(e) => panic!("{e:?}"),
            }
            rest = after;
        }
        if torn {
            prop_assert!(sent.starts_with(&log.packets));
        } else {
            prop_assert!(!assembler.is_partial());
            prop_assert_eq!(log.packets, sent);
        }
    }

    #[test]
    fn garbage_is_survived(kind in kinds(), transfers in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20)) {
        let mut log = Log::default();
        let mut assembler = Any::new(kind);
        for transfer in &transfers {
            let _ = assembler.feed(transfer, &mut log);
        }
        assembler.reset();
        let good = packet(kind, 1, &[1, 2, 3]);
        let before = log.packets.len();
        prop_assert_eq!(assembler.feed(&good, &mut log), Ok(()));
        prop_assert_eq!(&log.packets[before..], &[good][..]);
    }
}

#[test]
fn too_long_a_packet_is_none() {
    let mut log = Log::default();
    let mut assembler = Assembler::<_, Data>::new();
    assert_eq!(
        assembler.feed(&[1, 0, 0xff, 0xff, 9, 9], &mut log),
        Err(Error::Corrupt)
    );
    assert!(!assembler.is_partial());
    let good = packet(Kind::Acl, 1, &[7; 1692]);
    assert_eq!(assembler.feed(&good, &mut log), Ok(()));
    assert_eq!(log.packets, [good]);
}

#[test]
fn voice_of_no_link_is_dropped() {
    let mut log = Log {
        handles: Some(vec![5]),
        ..Log::default()
    };
    let mut assembler = Assembler::<_, Voice>::new();
    // The rest of a packet whose begin was lost.
    assert_eq!(
        assembler.feed(&[0xaa, 0xbb, 3, 1], &mut log),
        Err(Error::Corrupt)
    );
    let good = packet(Kind::Sco, 5, &[1; 48]);
    assert_eq!(assembler.feed(&good, &mut log), Ok(()));
    assert_eq!(log.packets, [good]);
}

#[test]
fn without_memory_only_that_packet_is_lost() {
    let mut log = Log {
        memory: Some(1),
        ..Log::default()
    };
    let mut assembler = Assembler::<_, Data>::new();
    let [first, second, third] = [1, 2, 3].map(|n| packet(Kind::Acl, n, &[n as u8; 20]));
    let both = [first.clone(), second].concat();
    assert_eq!(assembler.feed(&both[..30], &mut log), Err(Error::NoMemory));
    assert_eq!(assembler.feed(&both[30..], &mut log), Ok(()));
    log.memory = None;
    assert_eq!(assembler.feed(&third, &mut log), Ok(()));
    assert_eq!(log.packets, [first, third]);
}

/// Counts how often it is asked.
#[derive(Default)]
struct Refuses(usize);

impl Sink for Refuses {
    type Packet = ();

    fn accepts(&mut self, _kind: Kind, _header: &[u8]) -> bool {
        self.0 += 1;
        false
    }

    fn start(&mut self, _kind: Kind, _len: usize) -> Option<()> {
        panic!("it was refused")
    }

    fn append(&mut self, _packet: &mut (), _bytes: &[u8]) {}

    fn finish(&mut self, _kind: Kind, _packet: ()) {}
}

#[test]
fn a_packet_is_refused_once() {
    let mut sink = Refuses::default();
    let mut assembler = Assembler::<_, Voice>::new();
    for (asked, input) in [&packet(Kind::Sco, 5, &[1; 20])[..], &[5, 0, 20, 1][..]]
        .into_iter()
        .enumerate()
    {
        assert_eq!(assembler.feed(input, &mut sink), Err(Error::Corrupt));
        assert_eq!(sink.0, asked + 1);
        assert!(!assembler.is_partial());
    }
}
