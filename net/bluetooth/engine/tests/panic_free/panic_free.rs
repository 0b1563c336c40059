// SPDX-License-Identifier: GPL-2.0

//! Instantiates every generic of the crate. The object code of this and of the crate must refer to no function that panics:
//!
//! ```sh
//! cargo build --release --example panic_free
//! nm -u target/release/examples/libpanic_free*.rlib target/release/libengine.rlib | grep -E 'panicking|_fail|_failed'
//! ```

#![no_std]
#![forbid(unsafe_code)]
#![allow(missing_docs)]

pub mod secure;

use engine::{
    command::{
        Cancelled,
        CommandQueue,
        CommandTimeout,
        CompletesOn,
        CreditTimeout,
        Outcome,
        Phase,
        QueuedCommand,
        Rejected,
        SendFailed,
        Stage,
        Timers,
        Transmit, //
    },
    credits::{
        Buffers,
        Credit,
        FlowControl,
        LinkError,
        LinkType,
        NoCredit,
        Turn, //
    },
    l2cap::turns::{
        Sender,
        Standing,
        Turns, //
    },
    rx_hold::{
        Refused,
        RxHold, //
    },
};
use wire::hci::{
    Opcode,
    Status, //
};

/// As large as a pointer with a destructor, such as a box.
pub struct Payload(core::num::NonZeroUsize, Opcode);

impl QueuedCommand for Payload {
    fn opcode(&self) -> Opcode {
        self.1
    }
    fn completes_on(&self) -> CompletesOn {
        CompletesOn::from_event(self.1, 0)
    }
    fn id(&self) -> u64 {
        self.0.get() as u64
    }
}

type Queue = CommandQueue<Payload, 64, 4>;

pub fn new() -> Queue {
    Queue::new()
}
pub fn submit(q: &mut Queue, request: Payload) -> Result<(), Rejected<Payload>> {
    q.submit(request)
}
pub fn set_phase(q: &mut Queue, phase: Phase) -> Timers {
    q.set_phase(phase)
}
pub fn poll_transmit(q: &mut Queue, now: u64) -> Option<Transmit<'_, Payload>> {
    q.poll_transmit(now)
}
pub fn send_failed(q: &mut Queue, id: u64) -> Option<SendFailed<Payload>> {
    q.send_failed(id)
}
pub fn on_complete(q: &mut Queue, opcode: Opcode, ncmd: u8, now: u64) -> Outcome<Payload> {
    q.on_complete(opcode, ncmd, now)
}
pub fn on_status(
    q: &mut Queue,
    opcode: Opcode,
    status: Status,
    ncmd: u8,
    now: u64,
) -> Outcome<Payload> {
    q.on_status(opcode, status, ncmd, now)
}
pub fn on_event(q: &mut Queue, code: u8, subevent: Option<u8>) -> Option<Payload> {
    q.on_event(code, subevent)
}
pub fn on_event_where(q: &mut Queue, code: u8, id: u64) -> Option<Payload> {
    q.on_event_where(code, None, |request| request.id() == id)
}
pub fn on_command_timeout(q: &mut Queue, now: u64) -> CommandTimeout<Payload> {
    q.on_command_timeout(now)
}
pub fn on_credit_timeout(q: &mut Queue, now: u64) -> CreditTimeout {
    q.on_credit_timeout(now)
}
pub fn cancel(q: &mut Queue, id: u64) -> Option<Cancelled<Payload>> {
    q.cancel(id)
}
pub fn stage(q: &Queue, id: u64) -> Option<Stage> {
    q.stage(id)
}
pub fn take_waiting(q: &mut Queue) -> Option<Payload> {
    q.take_waiting()
}
pub fn drain(q: &mut Queue) -> Option<Payload> {
    q.drain()
}
pub fn waiting(q: &Queue) -> u64 {
    q.waiting().fold(0, |last, request| last.max(request.id()))
}
pub fn idle(q: &Queue) -> bool {
    q.is_idle() && q.has_credit() && !q.can_transmit() && q.queued() == 0 && q.stats().sent > 0
}

type Flow = FlowControl<32>;

pub fn flow() -> Flow {
    Flow::new()
}
pub fn set_buffers(f: &mut Flow, buffers: Buffers) {
    f.set_buffers(buffers);
}
pub fn reset(f: &mut Flow) {
    f.reset();
}
pub fn link_up(f: &mut Flow, handle: u16, kind: LinkType) -> Result<u8, LinkError> {
    f.link_up(handle, kind)
}
pub fn link_down(f: &mut Flow, handle: u16) -> Option<u16> {
    f.link_down(handle)
}
pub fn take(f: &mut Flow, slot: u8) -> Result<Credit, NoCredit> {
    f.take(slot)
}
pub fn refund(f: &mut Flow, credit: Credit) {
    f.refund(credit);
}
pub fn completed(f: &mut Flow, handle: u16, n: u16) -> Option<(u8, u16)> {
    f.completed(handle, n)
}
pub fn begin_round(f: &mut Flow) {
    f.begin_round();
}
pub fn next(f: &mut Flow, kind: LinkType, ready: u64) -> Option<Turn> {
    f.next(kind, ready)
}
pub fn starve(f: &mut Flow, kind: LinkType, ready: u64, now: u64) -> bool {
    f.starve(kind, ready, now)
}
pub fn stall_deadline(f: &Flow) -> Option<u64> {
    f.stall_deadline()
}
pub fn stalled(f: &mut Flow, now: u64) -> Option<LinkType> {
    f.stalled(now)
}
pub fn holders(f: &Flow, kind: LinkType) -> u32 {
    f.holders(kind)
        .fold(0, |sum, (_, n)| sum.wrapping_add(n.into()))
}

pub struct Channel(u32, Standing);

impl Sender for Channel {
    fn priority(&self) -> u32 {
        self.0
    }
    fn waits(&self) -> bool {
        self.0 & 1 != 0
    }
    fn standing(&mut self) -> &mut Standing {
        &mut self.1
    }
}

pub fn whose_turn(turns: &mut Turns, channels: &mut [&mut Channel]) -> Option<usize> {
    turns.next(channels)
}

type Hold = RxHold<Payload, 16>;

pub fn rx_hold(ms: u64) -> Hold {
    Hold::new(ms)
}
pub fn hold(h: &mut Hold, handle: u16, payload: Payload, now: u64) -> Result<(), Refused<Payload>> {
    h.hold(handle, payload, now)
}
pub fn deliver(h: &mut Hold, handle: u16, now: u64) -> Option<Payload> {
    h.deliver(handle, now)
}
pub fn handle_down(h: &mut Hold, handle: u16, now: u64) {
    h.link_down(handle, now);
}
pub fn expire(h: &mut Hold, now: u64) -> Option<Payload> {
    h.expire(now)
}
pub fn next_deadline(h: &Hold) -> Option<u64> {
    h.next_deadline()
}
pub fn drain_held(h: &mut Hold) -> Option<Payload> {
    h.drain()
}

pub fn merge(m: &mut engine::scan::Merger, new: &engine::scan::Heard<'_>) -> u32 {
    let mut told = 0u32;
    m.report(new, |one| told = told.wrapping_add(one.rssi as u32));
    m.finish(|one| told = told.wrapping_add(one.rssi as u32));
    told
}

pub fn range_is_valid(range: &engine::connection::Range) -> bool {
    range.is_valid()
}
pub fn legacy_event_type(extended: u16) -> Option<u8> {
    engine::connection::legacy_event_type(extended)
}

/// Most of L2CAP's engines are not generic, and in the crate's own object; here is the rest, and one use of each.
pub mod l2cap {
    use engine::l2cap::{
        channel::{
            Action,
            Actions,
            Channel,
            LinkFacts,
            Params,
            Settings, //
        },
        credit,
        enhanced::{
            self,
            Limits, //
        },
        ertm::{
            Ertm,
            Input,
            Transmit,
            TxQueue, //
        },
        recombine::{
            Flags,
            Fragment,
            Recombination, //
        },
        sdu,
        signalling::{
            Frame,
            Signalling,
            Step, //
        },
        streaming::{
            self,
            Streaming, //
        }, //
    };
    use wire::l2cap::{
        control::{
            Control,
            Sar, //
        },
        signal::{
            Command,
            ConnectionParameterUpdateRequest,
            Ident,
            Packet,
            ReconfigureRequest,
            ReconfigureResult, //
        },
        Transport, //
    };

    pub fn frame<'a>(s: &Signalling, payload: &'a [u8]) -> Frame<'a> {
        s.frame(payload)
    }
    pub fn next<'a>(s: &mut Signalling, frame: &mut Frame<'a>, now: u64) -> Option<Step<'a>> {
        s.next(frame, now)
    }
    pub fn request_parameters(
        s: &mut Signalling,
        wanted: ConnectionParameterUpdateRequest,
    ) -> Option<Packet> {
        s.request_parameters(wanted)
    }
    pub fn channel(settings: &Settings, now: u64) -> Channel {
        Channel::outgoing(0x40, 0x1001, settings, now)
    }
    pub fn connect(c: &mut Channel, link: &LinkFacts, s: &mut Signalling) -> Actions {
        c.connect(link, &mut s.idents)
    }
    pub fn command(
        c: &mut Channel,
        ident: Ident,
        command: &Command<'_>,
        link: &LinkFacts,
        s: &mut Signalling,
        now: u64,
    ) -> Actions {
        let ids = &mut s.idents;
        match command {
            Command::ConnectionResponse(r) => c.on_connection_response(ident, r, false, link, ids),
            Command::ConfigurationRequest(r) => {
                c.on_configuration_request(ident, r, link, ids, now)
            }
            Command::ConfigurationResponse(r) => {
                c.on_configuration_response(ident, r, link, ids, now)
            }
            Command::DisconnectionRequest(r) => c.on_disconnection_request(ident, r, ids),
            Command::DisconnectionResponse(r) => c.on_disconnection_response(ident, r, ids),
            Command::LeConnectionResponse(r) => c.on_le_connection_response(ident, r, false, ids),
            Command::CreditConnectionResponse(r) => {
                enhanced::Response::new(ident, r).apply(c, |dcid| dcid == 0x41, ids)
            }
            Command::ReconfigureResponse(r) => c.on_reconfigure_response(ident, r, ids, now),
            _ => c.on_timeout(now, ids),
        }
    }
    pub fn last(c: &mut Channel, s: &mut Signalling) -> Option<Action> {
        c.on_timeout(0, &mut s.idents).into_iter().last()
    }
    pub fn change(c: &mut Channel, imtu: u16) {
        c.change_settings(|settings| settings.imtu = imtu);
    }
    pub fn reconfigure(r: &ReconfigureRequest<'_>, limits: &[Limits; 4]) -> ReconfigureResult {
        enhanced::check_reconfigure(r, |cid| limits.get(usize::from(cid)).copied())
    }
    pub fn group(c: &mut Channel, link: &LinkFacts, s: &mut Signalling) -> Option<Packet> {
        let mut group = enhanced::Request::new(0x80, &mut s.idents)?;
        group.add(c, link).then(|| group.finish())
    }
    pub fn credits(c: &mut credit::Credits, payload: &[u8]) -> credit::Step {
        c.on_frame(payload)
    }
    pub fn pieces(c: &credit::Credits, len: u16) -> u16 {
        c.segments(len).fold(0, |most, piece| most.max(piece.len))
    }
    pub fn cut(s: &sdu::Segmenter, len: u16) -> u16 {
        s.segments(len).fold(0, |most, piece| most.max(piece.len))
    }
    pub fn join(r: &mut sdu::Reassembly, sar: Sar, payload: &[u8]) -> sdu::Step {
        r.on_segment(sar, payload)
    }
    pub fn flags(flags: u8) -> Option<bool> {
        Flags::parse(flags, Transport::BrEdr).map(|f| f.carries(2))
    }
    pub fn recombine(r: &mut Recombination, start: bool, bytes: &[u8]) -> Fragment {
        r.on_fragment(start, bytes)
    }
    pub fn stream(s: &mut Streaming, control: &Control) -> streaming::Step {
        s.on_frame(control)
    }

    /// How often each frame was sent.
    pub struct Queue<'a>(&'a mut [u8]);

    impl TxQueue for Queue<'_> {
        fn len(&self) -> usize {
            self.0.len()
        }
        fn count(&mut self, index: usize) -> u8 {
            let Some(count) = self.0.get_mut(index) else {
                return 0;
            };
            *count = count.saturating_add(1);
            *count
        }
    }

    pub fn ertm(params: &Params) -> Ertm {
        Ertm::new(params)
    }
    pub fn on_frame(e: &mut Ertm, control: &Control, now: u64) -> Input {
        e.on_frame(control, now)
    }
    pub fn poll(e: &mut Ertm, queue: &mut Queue<'_>, now: u64) -> Transmit {
        e.poll_transmit(queue, now)
    }
}
