// SPDX-License-Identifier: GPL-2.0

//! Data in numbered frames: enhanced retransmission mode and streaming mode (3.3, 8.6).
//!
//! The engines decide by numbers; here are the frames. In enhanced retransmission mode what was
//! sent is kept until it is acknowledged, and what comes out of order until what is missing is
//! there.

use super::{
    active::Active,
    channel::{
        Channel,
        Piece, //
    },
    data::{
        self,
        Path, //
    },
    link::Link,
    user::ChannelUser as _, //
};
use crate::hci::flow;
use engine::l2cap::{
    channel::Params,
    ertm::{
        self,
        Ertm,
        Rx,
        Transmit,
        TxQueue, //
    },
    sdu::{
        Reassembly,
        Segmenter,
        Step as SduStep, //
    },
    streaming::Step as StreamStep,
    Error as Reason,
};
use kernel::prelude::*;
use kernel_ext::vec::VecExt;
use kernel_ext::{
    ring::Ring,
    skbuff::{
        SkBuff,
        SkBuffQueue, //
    },
    time::now_ms,
};
use wire::l2cap::{
    control::{
        Control,
        Format,
        Kind as ControlKind,
        Sar, //
    },
    fcs,
    BasicHeader,
    ErtmFrame,
    FCS_SIZE,
    SDU_LEN_SIZE, //
};

/// A frame that was or will be sent, without headers.
struct TxFrame {
    payload: SkBuff,
    piece: Piece,
    /// How often it was sent.
    sent: u8,
}

/// The frames of a channel that are not acknowledged, the oldest first.
struct TxFrames(Ring<TxFrame>);

impl TxQueue for TxFrames {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn count(&mut self, index: usize) -> u8 {
        let Some(frame) = self.0.get_mut(index) else {
            return 0;
        };
        frame.sent = frame.sent.saturating_add(1);
        frame.sent
    }
}

/// A frame that came before its turn: number, place in its message, payload.
struct Held {
    tx_seq: u16,
    sar: Sar,
    payload: SkBuff,
}

/// What frames of a channel look like, and the message that they are put together to.
struct Framing {
    format: Format,
    has_fcs: bool,
    reassembly: Reassembly,
}

/// The data path of a channel in streaming mode.
pub(super) struct Streaming {
    framing: Framing,
    engine: engine::l2cap::streaming::Streaming,
}

/// The data path of a channel in enhanced retransmission mode.
pub(super) struct Retransmission {
    framing: Framing,
    engine: Ertm,
    /// Most bytes of a frame's payload that the peer may send.
    rx_mps: u16,
    unacked: TxFrames,
    held: KVec<Held>,
    failure: Option<Reason>,
}

fn sar(piece: Piece) -> Sar {
    match (piece.is_first(), piece.is_last()) {
        (true, true) => Sar::Unsegmented,
        (true, false) => Sar::Start,
        (false, false) => Sar::Continue,
        (false, true) => Sar::End,
    }
}

/// Most bytes of a message in one frame.
pub(super) fn payload(params: &Params, link_mtu: u16) -> u16 {
    Segmenter::new(link_mtu, params.tx_mps, params.format, params.fcs).payload()
}

impl Streaming {
    /// The data path of a channel that has just been configured.
    pub(super) fn new(params: &Params) -> Self {
        Self {
            framing: Framing::new(params),
            engine: engine::l2cap::streaming::Streaming::new(params.format),
        }
    }

    /// Takes the next frame to be sent, with all headers, to the channel `dcid`.
    pub(super) fn take(&mut self, shared: &Channel, dcid: u16) -> Option<SkBuff> {
        let payload = shared.queue().pop()?;
        let piece = *payload.cb::<Piece>();
        let control = self.engine.stamp(sar(piece));
        self.framing.in_place(payload, piece, &control, dcid)
    }
}

impl Retransmission {
    /// The data path of a channel that has just been configured.
    pub(super) fn new(params: &Params) -> Self {
        Self {
            framing: Framing::new(params),
            engine: Ertm::new(params),
            rx_mps: params.rx_mps,
            unacked: TxFrames(Ring::new()),
            held: KVec::new(),
            failure: None,
        }
    }

    /// When something is to be done if nothing happens, in milliseconds.
    pub(super) fn deadline(&self) -> Option<u64> {
        self.engine.deadline()
    }

    /// Why the channel must be closed, if sending found that out.
    pub(super) fn take_failure(&mut self) -> Option<Reason> {
        self.failure.take()
    }

    /// The channel is being closed: nothing is repeated any more.
    pub(super) fn stop(&mut self) {
        self.engine.stop();
    }

    /// The time has come.
    ///
    /// # Errors
    ///
    /// Why the channel must be closed.
    pub(super) fn on_timeout(&mut self, now: u64) -> Result<(), Reason> {
        self.engine.on_timeout(now)
    }

    /// Whether there is something to send, `queue` being what has no number yet.
    pub(super) fn wants_to_send(&self, queue: &SkBuffQueue) -> bool {
        let frames = self.unacked.0.len().saturating_add(queue.len());
        self.engine.wants_to_send(frames)
    }

    /// Takes the next frame to be sent, with all headers, to the channel `dcid`.
    pub(super) fn take(&mut self, shared: &Channel, dcid: u16) -> Option<SkBuff> {
        while let Some(payload) = shared.queue().pop() {
            let piece = *payload.cb::<Piece>();
            let frame = TxFrame {
                payload,
                piece,
                sent: 0,
            };
            if self.unacked.0.push_back(frame).is_err() {
                self.failure = Some(Reason::Reset);
                return None;
            }
        }
        self.note_unacked(shared);
        match self.engine.poll_transmit(&mut self.unacked, now_ms()) {
            Transmit::Nothing => None,
            Transmit::Supervisory(control) => self.framing.frame(&[], None, &control, dcid),
            Transmit::Information { index, stamp } => {
                let frame = self.unacked.0.get(index)?;
                let control = Control::information(
                    stamp.tx_seq,
                    sar(frame.piece),
                    stamp.req_seq,
                    stamp.final_bit,
                );
                let payload = frame.payload.data();
                self.framing
                    .frame(payload, Some(frame.piece), &control, dcid)
            }
            Transmit::Disconnect(reason) => {
                self.failure = Some(reason);
                None
            }
        }
    }

    fn note_unacked(&self, shared: &Channel) -> bool {
        let now = u32::try_from(self.unacked.0.len()).unwrap_or(u32::MAX);
        shared.set_unacked(now) > 0 && now == 0
    }

    /// Takes a held frame.
    fn take_held(&mut self, tx_seq: u16) -> Option<Held> {
        let at = self.held.iter().position(|h| h.tx_seq == tx_seq)?;
        self.held.take_out(at)
    }
}

impl Framing {
    fn new(params: &Params) -> Self {
        Self {
            format: params.format,
            has_fcs: params.fcs,
            reassembly: Reassembly::new(params.imtu),
        }
    }

    /// The SDU length, if the piece begins a message of several frames.
    fn sdu_len(piece: Piece) -> Option<[u8; SDU_LEN_SIZE]> {
        (piece.is_first() && !piece.is_last()).then(|| piece.total().to_le_bytes())
    }

    /// Bytes behind the basic header of a frame with this payload.
    fn frame_len(&self, payload: usize, sdu_len: bool) -> Option<u16> {
        let mut len = payload.checked_add(self.format.size())?;
        if sdu_len {
            len = len.checked_add(SDU_LEN_SIZE)?;
        }
        if self.has_fcs {
            len = len.checked_add(FCS_SIZE)?;
        }
        u16::try_from(len).ok()
    }

    /// Makes a frame of a buffer that is not needed again.
    fn in_place(
        &self,
        mut skb: SkBuff,
        piece: Piece,
        control: &Control,
        dcid: u16,
    ) -> Option<SkBuff> {
        let sdu_len = Self::sdu_len(piece);
        let len = self.frame_len(skb.len(), sdu_len.is_some())?;
        if let Some(sdu_len) = sdu_len {
            skb.push_slice(&sdu_len).ok()?;
        }
        skb.push_slice(control.pack(self.format).as_slice()).ok()?;
        skb.push_obj(&BasicHeader::new(len, dcid)).ok()?;
        self.seal(skb)
    }

    /// Makes a frame with a copy of the payload, which may have to be sent again.
    fn frame(
        &self,
        payload: &[u8],
        piece: Option<Piece>,
        control: &Control,
        dcid: u16,
    ) -> Option<SkBuff> {
        let sdu_len = piece.and_then(Self::sdu_len);
        let len = self.frame_len(payload.len(), sdu_len.is_some())?;
        let size = usize::from(len).checked_add(BasicHeader::SIZE)?;
        let mut skb = SkBuff::alloc(flow::HEADROOM, size, GFP_KERNEL).ok()?;
        skb.put_obj(&BasicHeader::new(len, dcid)).ok()?;
        skb.put_slice(control.pack(self.format).as_slice()).ok()?;
        if let Some(sdu_len) = sdu_len {
            skb.put_slice(&sdu_len).ok()?;
        }
        skb.put_slice(payload).ok()?;
        self.seal(skb)
    }

    /// Adds the frame check sequence, if there is one.
    fn seal(&self, mut skb: SkBuff) -> Option<SkBuff> {
        if self.has_fcs {
            let sequence = fcs(skb.data());
            skb.put_slice(&sequence.to_le_bytes()).ok()?;
        }
        Some(skb)
    }
}

/// A frame came, with its basic header.
pub(super) fn received(link: &mut Link, at: usize, mut skb: SkBuff) {
    let Some(active) = link.at(at) else {
        return;
    };
    let Some(framing) = framing(&mut active.path) else {
        return;
    };
    // What is broken is as good as lost.
    let Ok(frame) = ErtmFrame::parse(skb.data(), framing.format, framing.has_fcs) else {
        return;
    };
    let (control, len) = (frame.control, frame.payload.len());
    let header = BasicHeader::SIZE.saturating_add(framing.format.size());
    if skb.pull(header).is_none() || skb.trim(len).is_err() {
        return;
    }
    if let Path::Streaming(_) = active.path {
        return streaming(active, &control, skb);
    }
    let result = retransmitting(active, &control, skb);
    active.shared.wake();
    if let Err(reason) = result {
        return link.close(at, reason, now_ms());
    }
    link.note_deadline(at);
}

fn framing(path: &mut Path) -> Option<&mut Framing> {
    match path {
        Path::Streaming(path) => Some(&mut path.framing),
        Path::Ertm(path) => Some(&mut path.framing),
        _ => None,
    }
}

fn streaming(active: &mut Active, control: &Control, skb: SkBuff) {
    let Path::Streaming(path) = &mut active.path else {
        return;
    };
    let ControlKind::Information { sar, .. } = control.kind else {
        return;
    };
    match path.engine.on_frame(control) {
        StreamStep::Deliver => {}
        StreamStep::DeliverAfterGap => {
            path.framing.reassembly.reset();
            active.partial = None;
            if active.hot().reliable {
                active.user.unreliable();
            }
        }
        StreamStep::Ignore => return,
    }
    // What does not fit together is dropped; there is no way to have it again.
    if reassemble(active, sar, skb, false).is_err() {
        active.partial = None;
    }
}

fn retransmitting(active: &mut Active, control: &Control, skb: SkBuff) -> Result<(), Reason> {
    let Path::Ertm(path) = &mut active.path else {
        return Ok(());
    };
    ertm::check_len(control, skb.len(), path.rx_mps)?;
    let input = path.engine.on_frame(control, now_ms());
    for _ in 0..input.acked {
        drop(path.unacked.0.pop_front());
    }
    path.unacked.0.relax();
    if path.note_unacked(&active.shared) {
        active.user.writable();
    }
    let (tx_seq, sar) = match control.kind {
        ControlKind::Information { tx_seq, sar } => (tx_seq, sar),
        ControlKind::Supervisory { .. } => return verdict(&input.rx),
    };
    match input.rx {
        Rx::Deliver { held } => {
            reassemble(active, sar, skb, true)?;
            let mut next = tx_seq;
            for _ in 0..held {
                let Path::Ertm(path) = &mut active.path else {
                    return Ok(());
                };
                next = next.wrapping_add(1) & path.framing.format.max_seq();
                let Some(frame) = path.take_held(next) else {
                    return Err(Reason::Reset);
                };
                reassemble(active, frame.sar, frame.payload, true)?;
            }
            note_room(active);
            Ok(())
        }
        Rx::Hold => path
            .held
            .append(Held {
                tx_seq,
                sar,
                payload: skb,
            })
            .map_err(|_| Reason::Reset),
        rx => verdict(&rx),
    }
}

fn verdict(rx: &Rx) -> Result<(), Reason> {
    match rx {
        Rx::Disconnect(reason) => Err(*reason),
        _ => Ok(()),
    }
}

/// Adds a frame's payload to its message, and delivers that when it is complete.
fn reassemble(active: &mut Active, sar: Sar, mut skb: SkBuff, keep: bool) -> Result<(), Reason> {
    let Some(framing) = framing(&mut active.path) else {
        return Ok(());
    };
    let lost = |delivered: bool| {
        if delivered {
            Ok(())
        } else {
            Err(Reason::Reset)
        }
    };
    match framing.reassembly.on_segment(sar, skb.data()) {
        SduStep::Whole => lost(active.deliver(skb, keep)),
        SduStep::Start { sdu_len } => {
            skb.pull(SDU_LEN_SIZE).ok_or(Reason::Reset)?;
            data::start_partial(active, sdu_len, skb.data(), &skb).map_err(|_| Reason::Reset)
        }
        SduStep::Append => data::append_partial(active, skb.data()).map_err(|_| Reason::Reset),
        SduStep::Finish => {
            data::append_partial(active, skb.data()).map_err(|_| Reason::Reset)?;
            let whole = active.partial.take().ok_or(Reason::Reset)?;
            lost(active.deliver(whole, keep))
        }
        SduStep::Bad => {
            active.partial = None;
            Err(Reason::Reset)
        }
    }
}

/// Tells the peer to wait while the user has no room, or to go on.
fn note_room(active: &mut Active) {
    let busy = !active.backlog.is_empty();
    if let Path::Ertm(path) = &mut active.path {
        if path.engine.set_local_busy(busy) {
            path.held.clear();
        }
    }
}

/// The user has read.
pub(super) fn room(link: &mut Link, at: usize) {
    if let Some(active) = link.at(at) {
        active.flush_backlog();
        note_room(active);
        active.shared.wake();
    }
}
