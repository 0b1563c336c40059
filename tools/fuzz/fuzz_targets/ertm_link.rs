// SPDX-License-Identifier: GPL-2.0

//! Two sides in enhanced retransmission mode over a link that the input makes lose and hold frames, and sides that are busy at
//! times: what arrives is what was sent, once and in order, and nobody waits for ever. (A link does not send a frame twice.)

#![no_main]

use std::collections::{
    BTreeMap,
    VecDeque, //
};

use engine::l2cap::{
    channel::{
        Params,
        MONITOR_TIMEOUT_MS,
        RETRANSMISSION_TIMEOUT_MS, //
    },
    ertm::{
        Ertm,
        Rx,
        Transmit,
        TxQueue, //
    },
};
use libfuzzer_sys::fuzz_target;
use oxtooth_fuzz::Input;
use wire::l2cap::{
    control::{
        Control,
        Format,
        Kind,
        Sar, //
    },
    Mode, //
};

/// Payloads, here numbers, with how often they were sent.
#[derive(Default)]
struct Queue(VecDeque<(u32, u8)>);

impl TxQueue for Queue {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn count(&mut self, index: usize) -> u8 {
        self.0[index].1 = self.0[index].1.saturating_add(1);
        self.0[index].1
    }
}

type Frame = (Control, Option<u32>);

struct Side {
    ertm: Ertm,
    queue: Queue,
    queued: u32,
    held: BTreeMap<u16, u32>,
    delivered: u32,
    air: VecDeque<Frame>,
    failed: bool,
}

impl Side {
    fn deliver(&mut self, payload: u32) {
        assert_eq!(payload, self.delivered, "out of order");
        self.delivered += 1;
    }

    fn is_idle(&self) -> bool {
        self.air.is_empty() && !self.ertm.wants_to_send(self.queue.len())
    }

    fn send(&mut self, now: u64, lost: bool) -> bool {
        let frame = match self.ertm.poll_transmit(&mut self.queue, now) {
            Transmit::Nothing => return false,
            Transmit::Supervisory(control) => (control, None),
            Transmit::Information { index, stamp } => (
                Control::information(
                    stamp.tx_seq,
                    Sar::Unsegmented,
                    stamp.req_seq,
                    stamp.final_bit,
                ),
                Some(self.queue.0[index].0),
            ),
            Transmit::Disconnect(_) => {
                self.failed = true;
                return false;
            }
        };
        if !lost {
            self.air.push_back(frame);
        }
        true
    }

    fn receive(&mut self, (control, payload): Frame, now: u64) {
        let input = self.ertm.on_frame(&control, now);
        for _ in 0..input.acked {
            let (_, sent) = self.queue.0.pop_front().unwrap();
            assert!(sent > 0, "acknowledged what was not sent");
        }
        let seq = match control.kind {
            Kind::Information { tx_seq, .. } => tx_seq,
            Kind::Supervisory { .. } => 0,
        };
        match input.rx {
            Rx::Drop => {}
            Rx::Deliver { held } => {
                self.deliver(payload.unwrap());
                for n in 1..=held {
                    let at = seq.wrapping_add(n) & Format::Enhanced.max_seq();
                    let payload = self.held.remove(&at).unwrap();
                    self.deliver(payload);
                }
            }
            Rx::Hold => assert!(self.held.insert(seq, payload.unwrap()).is_none()),
            Rx::Disconnect(_) => self.failed = true,
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    // A receiver that throws away what it held wants a window that tells old from new.
    let window = u16::from(input.below(32)) + 1;
    let params = Params {
        mode: Mode::Ertm,
        imtu: 672,
        omtu: 672,
        flush_timeout: 0xffff,
        fcs: true,
        format: Format::Enhanced,
        tx_window: window,
        rx_window: window,
        ack_window: window,
        max_transmit: 0,
        retransmission_timeout: RETRANSMISSION_TIMEOUT_MS,
        monitor_timeout: MONITOR_TIMEOUT_MS,
        rx_mps: 1000,
        tx_mps: 1000,
    };
    let mut sides = [(); 2].map(|()| Side {
        ertm: Ertm::new(&params),
        queue: Queue::default(),
        queued: 0,
        held: BTreeMap::new(),
        delivered: 0,
        air: VecDeque::new(),
        failed: false,
    });
    let mut now = 0;
    let mut quiet = 0;
    for step in 0u32.. {
        assert!(step < 100_000, "they never finish");
        let fair = input.is_empty();
        let which = input.u8();
        let which = if fair {
            step as usize & 1
        } else {
            usize::from(which & 1)
        };
        let choice = if fair {
            step as u8 >> 1 & 1
        } else {
            input.below(9)
        };
        let moved = match choice {
            0 | 3 => sides[which].send(now, false),
            1 => match sides[which].air.pop_front() {
                Some(frame) => {
                    sides[1 - which].receive(frame, now);
                    true
                }
                None => false,
            },
            2 => sides[which].send(now, true),
            4 => {
                let side = &mut sides[which];
                for _ in 0..input.below(5) {
                    side.queue.0.push_back((side.queued, 0));
                    side.queued += 1;
                }
                true
            }
            5 | 6 => {
                let side = &mut sides[which];
                if side.ertm.set_local_busy(choice == 5) {
                    side.held.clear();
                }
                true
            }
            // Frames do not hang in the air, nor wait to be sent, for as long as a timer runs.
            7 if sides.iter().all(Side::is_idle) => {
                now += u64::from(input.u16());
                for side in &mut sides {
                    side.failed |= side.ertm.on_timeout(now).is_err();
                }
                true
            }
            _ => {
                // The frame is lost in the air.
                sides[which].air.pop_front();
                true
            }
        };
        if sides.iter().any(|side| side.failed) {
            return;
        }
        if !fair {
            continue;
        }
        // From here on the link is a good one and nobody is busy: all has to arrive.
        for side in &mut sides {
            if side.ertm.set_local_busy(false) {
                side.held.clear();
            }
        }
        quiet = if moved { 0 } else { quiet + 1 };
        if quiet < 8 {
            continue;
        }
        quiet = 0;
        let Some(next) = sides.iter().filter_map(|side| side.ertm.deadline()).min() else {
            break;
        };
        now = now.max(next);
        for side in &mut sides {
            side.failed |= side.ertm.on_timeout(now).is_err();
        }
    }
    let [a, b] = sides;
    assert_eq!((a.delivered, b.delivered), (b.queued, a.queued));
    assert!(a.queue.0.is_empty() && b.queue.0.is_empty());
});
