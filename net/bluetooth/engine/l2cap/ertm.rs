// SPDX-License-Identifier: GPL-2.0

//! Enhanced retransmission mode (Vol 3 Part A 8.6).
//!
//! Frames are numbered; the receiver acknowledges those that it has in sequence and asks for those that are missing (SREJ). A
//! sender without acknowledgement for too long asks by a poll what was received, and sends the rest again; without an answer to its
//! polls it gives up.
//!
//! # How it is used
//!
//! The caller has two stores. Of what it sends, the frames that are not acknowledged, oldest first: those sent, then those that wait
//! ([`TxQueue`]). Of what it receives, the frames that are held until those before them arrive, by their number.
//!
//! [`Ertm::on_frame`] says what to do with a frame that arrived. It sends nothing: whatever a frame calls for is noted, and
//! [`Ertm::poll_transmit`] makes of it, when the link has room, the one frame that says most. So an acknowledgement rides on a
//! frame with data if there is one, and no amount of input piles up answers.
//!
//! Timers are one deadline, see [`Ertm::deadline`].

mod resend;
mod window;

use wire::l2cap::control::{
    Control,
    Format,
    Kind,
    Supervisory, //
};

use super::{
    channel::{
        Params,
        MONITOR_TIMEOUT_MS,
        RETRANSMISSION_TIMEOUT_MS, //
    },
    Error, //
};
use resend::Resend;
use window::{
    Class,
    Window, //
};

/// How long an acknowledgement waits for a frame to ride on, in ms. As in the C stack.
pub const ACK_TIMEOUT_MS: u64 = 200;

/// Arithmetic of sequence numbers: they count modulo a power of two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Numbers {
    mask: u16,
}

impl Numbers {
    const fn new(format: Format) -> Self {
        Self {
            mask: format.max_seq(),
        }
    }

    const fn plus(self, seq: u16, count: u16) -> u16 {
        seq.wrapping_add(count) & self.mask
    }

    const fn after(self, seq: u16) -> u16 {
        self.plus(seq, 1)
    }

    /// How far it is from one to the other, going up.
    const fn distance(self, from: u16, to: u16) -> u16 {
        to.wrapping_sub(from) & self.mask
    }

    /// Half of how many there are.
    const fn half(self) -> u16 {
        (self.mask >> 1).wrapping_add(1)
    }
}

/// The caller's queue of frames that are not acknowledged, oldest first.
pub trait TxQueue {
    /// How many there are, sent or not.
    fn len(&self) -> usize;

    /// Counts that the frame at `index` is sent, and returns how often that was, this time included.
    fn count(&mut self, index: usize) -> u8;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What to put into the control field of a frame with data, besides what the caller knows of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// Its number.
    pub tx_seq: u16,
    /// The number of the next frame that we expect.
    pub req_seq: u16,
    /// F-bit.
    pub final_bit: bool,
}

/// What to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transmit {
    /// Nothing.
    Nothing,
    /// An S-frame with this control field.
    Supervisory(Control),
    /// A frame of the queue, for the first time or again.
    Information {
        /// Which.
        index: usize,
        /// For its control field.
        stamp: Stamp,
    },
    /// Nothing: it was sent too often. Disconnect the channel.
    Disconnect(Error),
}

/// What to do with a frame that arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rx {
    /// Drop it: an S-frame, a duplicate, or one that comes again later.
    Drop,
    /// It is the next one. Reassemble it, then so many of those held: the ones with the numbers after it.
    Deliver {
        /// How many of those held.
        held: u16,
    },
    /// Hold it under its number.
    Hold,
    /// The peer does what is not allowed: disconnect the channel.
    Disconnect(Error),
}

/// What to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Input {
    /// So many frames at the front of the queue are acknowledged: drop them.
    pub acked: u16,
    /// What to do with the frame.
    pub rx: Rx,
}

/// The longest payload that a frame may have: none if it is an S-frame, otherwise `rx_mps` besides the SDU length.
///
/// # Errors
///
/// It is longer: disconnect the channel.
pub fn check_len(control: &Control, payload: usize, rx_mps: u16) -> Result<(), Error> {
    let most = match control.kind {
        Kind::Supervisory { .. } => 0,
        Kind::Information { sar, .. } => usize::from(rx_mps).saturating_add(match sar {
            wire::l2cap::control::Sar::Start => wire::l2cap::SDU_LEN_SIZE,
            _ => 0,
        }),
    };
    if payload <= most {
        Ok(())
    } else {
        Err(Error::Reset)
    }
}

/// What is owed to the peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Due {
    /// RR or RNR with the P-bit.
    poll: bool,
    /// The next frame has the F-bit.
    final_bit: bool,
    /// What is next, by any frame.
    ack: bool,
    /// RNR, whatever else acknowledges.
    rnr: bool,
    /// The last SREJ again.
    srej_tail: bool,
}

/// One channel.
#[derive(Clone, Debug)]
pub struct Ertm {
    numbers: Numbers,

    // What we send.
    /// The oldest frame that is not acknowledged (ExpectedAckSeq).
    oldest: u16,
    /// The number of the next new frame (NextTxSeq).
    next_tx: u16,
    tx_window: u16,
    max_transmit: u8,
    resend: Resend,
    remote_busy: bool,
    /// A poll is out, and no new frame is sent before its answer (WAIT_F).
    polling: bool,
    /// How many polls are out in a row.
    polls: u8,
    /// While polling, a REJ led to frames being sent again; the answer to the poll then does not (RejActioned).
    rej_actioned: bool,
    /// As with REJ, of the SREJ with this number (SrejActioned, SrejSaveReqSeq).
    srej_actioned: Option<u16>,

    // What we receive.
    window: Window,
    /// With so many frames outstanding an acknowledgement is sent at once.
    ack_threshold: u16,
    local_busy: bool,
    /// When this side is not busy any more, the peer is to be asked: it was told, or what it sent was dropped.
    ask_when_ready: bool,
    /// The peer was asked, and until it answers frames out of sequence are dropped: what is on its way was sent before it knew.
    /// Otherwise they would be asked for twice, and in a window of more than half of all numbers the second copy cannot be told
    /// from a new frame.
    asked_when_ready: bool,

    due: Due,

    retransmission_ms: u64,
    monitor_ms: u64,
    retransmission: Option<u64>,
    monitor: Option<u64>,
    ack: Option<u64>,
    stopped: bool,
}

/// Zero is no time; then the usual one.
fn timeout(ms: u16, usual: u16) -> u64 {
    u64::from(if ms == 0 { usual } else { ms })
}

impl Ertm {
    /// Of a channel that was just opened.
    pub fn new(params: &Params) -> Self {
        let numbers = Numbers::new(params.format);
        let window = |wanted: u16| wanted.clamp(1, params.format.max_seq());
        let ack_window = u32::from(window(params.ack_window));
        // Three quarters; at most a u16 by what it is made of.
        let threshold = ack_window.saturating_mul(3) >> 2;
        Self {
            numbers,
            oldest: 0,
            next_tx: 0,
            tx_window: window(params.tx_window),
            max_transmit: params.max_transmit,
            resend: Resend::new(),
            remote_busy: false,
            polling: false,
            polls: 0,
            rej_actioned: false,
            srej_actioned: None,
            window: Window::new(numbers, window(params.rx_window)),
            ack_threshold: u16::try_from(threshold).unwrap_or(u16::MAX).max(1),
            local_busy: false,
            ask_when_ready: false,
            asked_when_ready: false,
            due: Due::default(),
            retransmission_ms: timeout(params.retransmission_timeout, RETRANSMISSION_TIMEOUT_MS),
            monitor_ms: timeout(params.monitor_timeout, MONITOR_TIMEOUT_MS),
            retransmission: None,
            monitor: None,
            ack: None,
            stopped: false,
        }
    }

    /// How many frames were sent and not acknowledged.
    pub const fn unacked(&self) -> u16 {
        self.numbers.distance(self.oldest, self.next_tx)
    }

    /// The channel is being disconnected: nothing is sent any more, and no time runs.
    pub fn stop(&mut self) {
        self.stopped = true;
        self.retransmission = None;
        self.monitor = None;
        self.ack = None;
    }

    // Timers.

    /// When [`on_timeout`](Self::on_timeout) has something to do.
    pub fn deadline(&self) -> Option<u64> {
        [self.retransmission, self.monitor, self.ack]
            .into_iter()
            .flatten()
            .min()
    }

    /// Time has passed; there may be something to send.
    ///
    /// # Errors
    ///
    /// The peer does not answer: disconnect the channel.
    pub fn on_timeout(&mut self, now: u64) -> Result<(), Error> {
        let expired = |timer: &mut Option<u64>| timer.take_if(|at| *at <= now).is_some();
        if expired(&mut self.ack) {
            self.due.ack |= self.window.unacknowledged() > 0;
        }
        if expired(&mut self.retransmission) && !self.polling {
            self.poll();
        }
        if expired(&mut self.monitor) && self.polling {
            if self.max_transmit != 0 && self.polls >= self.max_transmit {
                self.stop();
                return Err(Error::Aborted);
            }
            self.due.poll = true;
            self.polls = self.polls.saturating_add(1);
        }
        Ok(())
    }

    fn start_retransmission(&mut self, now: u64) {
        if !self.polling {
            self.retransmission = Some(now.saturating_add(self.retransmission_ms));
        }
    }

    /// Asks the peer what it received. Time for the answer runs from when that is sent.
    fn poll(&mut self) {
        self.due.poll = true;
        self.polls = 1;
        self.polling = true;
        self.retransmission = None;
        self.monitor = None;
    }

    // This side's receiver.

    /// Whether frames that arrive in sequence could not be delivered to the channel's user. Says whether to drop all frames
    /// that are held: they are sent again later.
    #[must_use]
    pub fn set_local_busy(&mut self, busy: bool) -> bool {
        if busy == self.local_busy {
            return false;
        }
        self.local_busy = busy;
        if busy {
            let held = self.window.is_recovering();
            if held {
                self.window.abort();
                self.due.srej_tail = false;
                self.ask_when_ready = true;
            }
            self.due.rnr = true;
            return held;
        }
        self.due.rnr = false;
        self.say_ready();
        false
    }

    /// Frames were delivered: acknowledges them, at once or soon.
    fn note_delivered(&mut self, now: u64) {
        let count = self.window.unacknowledged();
        if count >= self.ack_threshold {
            self.due.ack = true;
        } else if count > 0 {
            self.ack.get_or_insert(now.saturating_add(ACK_TIMEOUT_MS));
        }
    }

    // Input.

    /// A frame arrived, whole and of the allowed length ([`check_len`]).
    pub fn on_frame(&mut self, control: &Control, now: u64) -> Input {
        let nothing = |rx| Input { acked: 0, rx };
        // An answer to a poll that was not sent.
        let poll = matches!(control.kind, Kind::Supervisory { poll: true, .. });
        if self.stopped || (control.final_bit && (poll || !self.polling)) {
            return nothing(Rx::Drop);
        }
        // It acknowledges what was not sent, or was acknowledged before.
        if self.numbers.distance(self.oldest, control.req_seq) > self.unacked() {
            self.stop();
            return nothing(Rx::Disconnect(Error::Reset));
        }
        let before = self.unacked();
        let rx = match control.kind {
            Kind::Information { tx_seq, .. } => self.on_information(tx_seq, control, now),
            Kind::Supervisory { function, poll } => {
                self.on_supervisory(function, poll, control, now)
            }
        };
        if let Rx::Disconnect(_) = rx {
            self.stop();
        }
        Input {
            acked: before.saturating_sub(self.unacked()),
            rx,
        }
    }

    /// What the control field says to the transmitter.
    fn pass_to_tx(&mut self, control: &Control, now: u64) {
        let acked = self.numbers.distance(self.oldest, control.req_seq);
        if acked > 0 {
            self.oldest = control.req_seq;
            self.resend.acknowledged(acked);
            if self.unacked() == 0 {
                self.retransmission = None;
            } else if self.retransmission.is_some() {
                self.start_retransmission(now);
            }
        }
        self.on_final(control, now);
    }

    /// The poll is answered.
    fn on_final(&mut self, control: &Control, now: u64) {
        // Before the first poll was sent it is a late answer to an earlier one.
        let unsent = self.due.poll && self.polls == 1;
        if control.final_bit && self.polling && !unsent {
            self.polling = false;
            self.asked_when_ready = false;
            self.polls = 0;
            self.monitor = None;
            self.due.poll = false;
            if self.unacked() > 0 {
                self.start_retransmission(now);
            }
            self.say_ready();
        }
    }

    /// Makes sure that the peer, which was told that this side is busy, learns that it is not any more: nothing else makes it go
    /// on. Not while a poll is out, as the answer to that could not be told from the answer to this one, which may be lost.
    fn say_ready(&mut self) {
        if self.local_busy || !self.ask_when_ready {
            return;
        }
        if !self.polling {
            self.ask_when_ready = false;
            self.poll();
        }
        self.asked_when_ready = true;
    }

    fn on_information(&mut self, tx_seq: u16, control: &Control, now: u64) -> Rx {
        let class = self.window.classify(tx_seq);
        match class {
            Class::Stale => return Rx::Drop,
            Class::Invalid => return Rx::Disconnect(Error::Reset),
            _ => self.pass_to_tx(control, now),
        }
        // The answer to a poll: what is not acknowledged by it was lost.
        if control.final_bit && !core::mem::take(&mut self.rej_actioned) {
            self.resend_all();
        }
        match class {
            // They are sent again when we can take them.
            Class::Expected | Class::Missing | Class::Ahead if self.local_busy => Rx::Drop,
            Class::Ahead if self.asked_when_ready => Rx::Drop,
            Class::Expected if self.window.take_expected() => {
                self.note_delivered(now);
                Rx::Deliver { held: 0 }
            }
            Class::Expected => Rx::Hold,
            Class::Ahead if self.window.take_ahead(tx_seq) => {
                self.srej_actioned = None;
                Rx::Hold
            }
            Class::Missing => match self.window.take_missing(tx_seq) {
                Some(0) => Rx::Hold,
                Some(count) => {
                    self.note_delivered(now);
                    // With what was missing the peer learns at once that it need not be sent again.
                    self.due.ack |= !self.window.is_recovering();
                    Rx::Deliver {
                        held: count.saturating_sub(1),
                    }
                }
                None => Rx::Drop,
            },
            _ => Rx::Drop,
        }
    }

    fn on_supervisory(
        &mut self,
        function: Supervisory,
        poll: bool,
        control: &Control,
        now: u64,
    ) -> Rx {
        let selective = matches!(function, Supervisory::Srej);
        if selective || matches!(function, Supervisory::Rej) {
            // What was never sent cannot be sent again.
            if control.req_seq == self.next_tx {
                return Rx::Disconnect(Error::Reset);
            }
        }
        // An SREJ acknowledges nothing unless it is a poll (8.6.1.4).
        if selective && !poll {
            self.on_final(control, now);
        } else {
            self.pass_to_tx(control, now);
        }
        self.due.final_bit |= poll;
        match function {
            Supervisory::Rr => {
                self.remote_ready(now);
                if control.final_bit && !core::mem::take(&mut self.rej_actioned) {
                    self.resend_all();
                }
                if poll {
                    self.due.srej_tail |= self.window.is_recovering();
                } else if self.window.is_recovering() {
                    self.note_delivered(now);
                }
            }
            Supervisory::Rnr => {
                self.remote_busy = true;
                self.retransmission = None;
                self.resend.clear();
                let recovering = self.window.is_recovering();
                self.due.srej_tail |= poll && recovering;
                self.due.ack |= poll || recovering;
            }
            Supervisory::Rej => {
                self.remote_ready(now);
                if !control.final_bit {
                    self.resend_all();
                    self.rej_actioned |= self.polling;
                } else if !core::mem::take(&mut self.rej_actioned) {
                    self.resend_all();
                }
            }
            Supervisory::Srej => {
                self.remote_ready(now);
                let done = control.final_bit
                    && self
                        .srej_actioned
                        .take_if(|seq| *seq == control.req_seq)
                        .is_some();
                if !done {
                    let at = self.numbers.distance(self.oldest, control.req_seq);
                    self.resend.one(at, self.unacked());
                }
                if !control.final_bit && self.polling {
                    self.srej_actioned = Some(control.req_seq);
                }
            }
        }
        Rx::Drop
    }

    fn remote_ready(&mut self, now: u64) {
        if core::mem::take(&mut self.remote_busy) && self.unacked() > 0 {
            self.start_retransmission(now);
        }
    }

    fn resend_all(&mut self) {
        self.resend.clear();
        if !self.remote_busy {
            self.resend.all(self.unacked());
        }
    }

    // Output.

    /// Whether something is to be sent that does not wait for others: an S-frame. Of use to who has priorities.
    pub fn wants_supervisory(&self) -> bool {
        let Due {
            poll,
            final_bit,
            ack,
            rnr,
            srej_tail,
        } = self.due;
        !self.stopped
            && (poll || final_bit || ack || rnr || srej_tail || self.window.wants_request())
    }

    /// Whether something is to be sent, with `queue_len` frames in the queue.
    pub fn wants_to_send(&self, queue_len: usize) -> bool {
        self.wants_supervisory()
            || !self.stopped
                && !self.remote_busy
                && (!self.resend.is_empty() || self.may_send_new(queue_len))
    }

    fn may_send_new(&self, queue_len: usize) -> bool {
        let unacked = self.unacked();
        !self.remote_busy
            && !self.polling
            && unacked < self.tx_window
            && queue_len > usize::from(unacked)
    }

    /// What to send now. To be called again until there is nothing.
    pub fn poll_transmit(&mut self, queue: &mut impl TxQueue, now: u64) -> Transmit {
        if self.stopped {
            return Transmit::Nothing;
        }
        if core::mem::take(&mut self.due.poll) {
            self.monitor = Some(now.saturating_add(self.monitor_ms));
            return self.ready_or_not(true);
        }
        if let Some(seq) = self.window.request() {
            self.due.srej_tail = false;
            return self.srej(seq);
        }
        if core::mem::take(&mut self.due.srej_tail) {
            if let Some(seq) = self.window.last_request() {
                return self.srej(seq);
            }
        }
        if self.due.rnr || (self.local_busy && (self.due.final_bit || self.due.ack)) {
            return self.ready_or_not(false);
        }
        if let Some(transmit) = self.information(queue, now) {
            return transmit;
        }
        if self.due.ack || self.due.final_bit {
            return self.ready_or_not(false);
        }
        Transmit::Nothing
    }

    fn srej(&mut self, seq: u16) -> Transmit {
        let final_bit = core::mem::take(&mut self.due.final_bit);
        Transmit::Supervisory(Control::supervisory(
            Supervisory::Srej,
            seq,
            false,
            final_bit,
        ))
    }

    /// RR, or RNR.
    fn ready_or_not(&mut self, poll: bool) -> Transmit {
        // Not both: the answer follows in a frame of its own.
        let final_bit = !poll && core::mem::take(&mut self.due.final_bit);
        let function = if self.local_busy {
            Supervisory::Rnr
        } else {
            Supervisory::Rr
        };
        self.ask_when_ready |= self.local_busy;
        self.due.rnr = false;
        let req_seq = self.acknowledge();
        Transmit::Supervisory(Control::supervisory(function, req_seq, poll, final_bit))
    }

    fn acknowledge(&mut self) -> u16 {
        self.due.ack = false;
        self.ack = None;
        self.window.acknowledge()
    }

    /// A frame of the queue, if one may be sent.
    fn information(&mut self, queue: &mut impl TxQueue, now: u64) -> Option<Transmit> {
        if self.remote_busy {
            return None;
        }
        let unacked = self.unacked();
        let (at, again) = match self.resend.next() {
            Some(at) if at < unacked => (at, true),
            _ if self.may_send_new(queue.len()) => (unacked, false),
            _ => return None,
        };
        let index = usize::from(at);
        let count = queue.count(index);
        if self.max_transmit != 0 && count > self.max_transmit {
            self.stop();
            return Some(Transmit::Disconnect(Error::Reset));
        }
        let tx_seq = self.numbers.plus(self.oldest, at);
        if !again {
            self.next_tx = self.numbers.after(self.next_tx);
            self.start_retransmission(now);
        }
        let stamp = Stamp {
            tx_seq,
            req_seq: self.acknowledge(),
            final_bit: core::mem::take(&mut self.due.final_bit),
        };
        Some(Transmit::Information { index, stamp })
    }
}
