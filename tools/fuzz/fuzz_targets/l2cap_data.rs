// SPDX-License-Identifier: GPL-2.0

//! Data of any kind in every mode: what the caller is told to keep stays within the window, the MTU and what it was told before,
//! and nothing is acknowledged that was not sent.

#![no_main]

use std::collections::BTreeSet;

use engine::l2cap::{
    channel::Params,
    credit::{
        self,
        Credits, //
    },
    ertm::{
        Ertm,
        Rx,
        Transmit,
        TxQueue, //
    },
    recombine::{
        Recombination,
        Step, //
    },
    sdu::{
        self,
        Reassembly, //
    },
};
use libfuzzer_sys::fuzz_target;
use wire::l2cap::{
    control::{
        Control,
        Format,
        Kind, //
    },
    Mode, //
};

/// How often each frame was sent.
struct Queue(Vec<u8>);

impl TxQueue for Queue {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn count(&mut self, index: usize) -> u8 {
        self.0[index] = self.0[index].saturating_add(1);
        self.0[index]
    }
}

fn ertm(window: u16, format: Format, bytes: &[u8]) {
    let mut engine = Ertm::new(&Params {
        mode: Mode::Ertm,
        imtu: 672,
        omtu: 672,
        flush_timeout: 0xffff,
        fcs: false,
        format,
        tx_window: window,
        rx_window: window,
        ack_window: window,
        max_transmit: 0,
        retransmission_timeout: 2000,
        monitor_timeout: 12000,
        rx_mps: 100,
        tx_mps: 100,
    });
    let window = window.clamp(1, format.max_seq());
    let mut queue = Queue(vec![0; 100]);
    let mut held = BTreeSet::new();
    let mut now = 0;
    for chunk in bytes.chunks_exact(5) {
        now += u64::from(chunk[4]);
        match chunk[4] {
            0 => {
                if engine.set_local_busy(true) {
                    held.clear();
                }
            }
            1 => assert!(!engine.set_local_busy(false)),
            _ => {}
        }
        let (mut control, _) = Control::unpack(format, chunk).unwrap();
        if chunk[4] & 1 != 0 {
            control.req_seq &= 7;
        }
        if let Kind::Information { tx_seq, .. } = &mut control.kind {
            *tx_seq &= 0x7f & format.max_seq();
        }
        let input = engine.on_frame(&control, now);
        for sent in queue.0.drain(..usize::from(input.acked)) {
            assert!(sent > 0);
        }
        let seq = match control.kind {
            Kind::Information { tx_seq, .. } => tx_seq,
            Kind::Supervisory { .. } => 0,
        };
        match input.rx {
            Rx::Drop => {}
            Rx::Hold => assert!(held.insert(seq)),
            Rx::Deliver { held: count } => {
                for n in 1..=count {
                    assert!(held.remove(&(seq.wrapping_add(n) & format.max_seq())));
                }
            }
            Rx::Disconnect(_) => return,
        }
        assert!(held.len() < usize::from(window));
        for n in 0.. {
            assert!(n < 20_000);
            match engine.poll_transmit(&mut queue, now) {
                Transmit::Nothing => break,
                Transmit::Supervisory(_) => {}
                Transmit::Information { index, .. } => assert!(index < queue.len()),
                Transmit::Disconnect(_) => unreachable!(),
            }
        }
        if engine.on_timeout(now).is_err() {
            return;
        }
        assert!(engine.unacked() <= window);
    }
}

fn pieces(bytes: &[u8]) {
    let mut fragments = Recombination::new(400);
    let mut sdus = Reassembly::new(200);
    let mut credits = Credits::new(200, 60, bytes.len() & 1 != 0);
    let mut kept: Option<usize> = None;
    let mut sdu: Option<(usize, usize)> = None;
    let mut rest = bytes;
    while let [head, tail @ ..] = rest {
        let (piece, tail) = tail.split_at(usize::from(head & 63).min(tail.len()));
        rest = tail;

        let fragment = fragments.on_fragment(head & 128 != 0, piece);
        if fragment.discard {
            assert!(kept.take().is_some());
        }
        match fragment.step {
            Step::Whole { len } => assert!(len <= piece.len() && kept.is_none()),
            Step::Start { .. } => assert!(kept.replace(piece.len()).is_none()),
            Step::Append { .. } => *kept.as_mut().unwrap() += piece.len(),
            Step::Finish => assert!(kept.take().unwrap() + piece.len() <= 400),
            Step::Drop => {}
        }

        let sar = match Control::unpack(Format::Enhanced, &[0, head << 1 & 0xc0]) {
            Ok((control, _)) => match control.kind {
                Kind::Information { sar, .. } => sar,
                Kind::Supervisory { .. } => return,
            },
            Err(_) => return,
        };
        let _ = sdus.on_segment(sar, piece) == sdu::Step::Bad;

        match credits.on_frame(piece) {
            credit::Step::Whole => assert!(piece.len() >= 2 && sdu.is_none()),
            credit::Step::Start { sdu_len } => {
                assert!(sdu.replace((piece.len() - 2, sdu_len.into())).is_none());
            }
            credit::Step::Append => sdu.as_mut().unwrap().0 += piece.len(),
            credit::Step::Finish => {
                let (have, len) = sdu.take().unwrap();
                assert_eq!(have + piece.len(), len);
            }
            credit::Step::Disconnect => return,
        }
        if let Some((have, len)) = sdu {
            assert!(have < len && len <= 200);
        }
        if head & 64 != 0 {
            credits.set_available(Some(usize::from(*head) * 8));
            credits.delivered();
        }
        let before = credits.rx_credits();
        if let Some(due) = credits.credits_due() {
            assert_eq!(before + due, credits.rx_credits());
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let [window, format, rest @ ..] = bytes else {
        return;
    };
    if format & 1 != 0 {
        ertm(u16::from(*window) << (format >> 4), Format::Extended, rest);
    } else {
        ertm(u16::from(*window), Format::Enhanced, rest);
    }
    pieces(rest);
});
