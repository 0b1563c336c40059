// SPDX-License-Identifier: GPL-2.0

//! Events: one packet, parsed once, to the handler that it concerns (Vol 4 Part E 7.7).
//!
//! Runs on the worker. An event that somebody waits for is handed to the handler first and to the
//! waiter then, so that a sequence that goes on sees what the event changed.

use super::{
    command::{
        self,
        Answer,
        CommandError,
        Queue,
        Request, //
    },
    complete,
    device::Device,
    flow,
    found,
    link::{
        self,
        Authenticator, //
    },
    recovery,
    suspend,
    update, //
};
use core::sync::atomic::Ordering;
use engine::command::{
    Answer as Verdict,
    QueuedCommand, //
};
use kernel::prelude::*;
use kernel_ext::{
    hci::{
        DevFlag,
        Flag,
        Stat, //
    },
    skbuff::SkBuff,
    time::now_ms,
    workqueue::Worker, //
};
use wire::{
    hci::{
        event::{
            self,
            code,
            Event, //
        },
        le_event::LeEvent,
        Opcode,
        Status, //
    },
    Malformed, //
};

/// Bytes of an event's header.
const EVENT_HEADER: usize = 2;
/// Bytes of Command Complete before the return parameters.
const COMMAND_COMPLETE_HEAD: usize = 3;

/// Handles one event packet.
// Apart from the loop of the worker, where data would pay for what an event needs.
#[inline(never)]
pub(super) fn packet(dev: &Device, worker: &mut Worker<'_>, skb: SkBuff) {
    dev.count(Stat::EvtRx, 1);
    let (code, params) = match event::split(skb.data()) {
        Ok(split) => split,
        Err(what) => return malformed(dev, what),
    };
    if code == 0 {
        return unexpected(dev, "event 0x00");
    }
    let parsed = match Event::parse_params(code, params) {
        Ok(parsed) => parsed,
        Err(what) => return malformed(dev, what),
    };
    // Whose command this event ends, if any: found first, told last.
    let subevent = (code == code::LE_META)
        .then(|| params.first().copied())
        .flatten();
    // The answers proper say themselves which command they are for.
    let is_answer = matches!(code, code::COMMAND_COMPLETE | code::COMMAND_STATUS);
    let waiting = if is_answer {
        None
    } else {
        dev.commands.queue.lock().on_event(code, subevent)
    };

    suspend::heard(dev, &parsed);
    dispatch(dev, worker, &skb, &parsed);

    if let Some(request) = waiting {
        request.0.finish(params_of(&skb, EVENT_HEADER));
        command::kick(dev);
    }
}

/// A view of the event that starts after `head` bytes, for who waits for it, or may know it.
fn params_of(skb: &SkBuff, head: usize) -> Answer {
    let mut answer = skb.try_clone(GFP_KERNEL)?;
    // The declared length, not the packet's, ends the parameters.
    let end = event::split(skb.data()).map_or(0, |(_, p)| p.len().saturating_add(EVENT_HEADER));
    answer.trim(end)?;
    answer.pull(head).ok_or(EBADMSG)?;
    Ok(answer)
}

/// Counts an event that is not what it should be; says so once in a while.
fn malformed(dev: &Device, what: Malformed) {
    dev.count(Stat::ErrRx, 1);
    if log_now(dev) {
        pr_err!(
            "{}: malformed event: {} has {} bytes of {}\n",
            dev.name(),
            what.item,
            what.had,
            what.wanted
        );
    }
}

/// Counts an event that makes no sense now.
fn unexpected(dev: &Device, what: &str) {
    dev.count(Stat::ErrRx, 1);
    if log_now(dev) {
        pr_warn!("{}: unexpected {}\n", dev.name(), what);
    }
}

/// Bad events that are logged one by one; of the ones after that only every 1024th is.
const LOGGED_BAD_EVENTS: u32 = 8;

/// Whether one more line about what the controller should not have sent is due.
pub(crate) fn log_now(dev: &Device) -> bool {
    let n = dev.reception.bad_events().fetch_add(1, Ordering::Relaxed);
    n < LOGGED_BAD_EVENTS || n & 0x3ff == 0
}

fn dispatch(dev: &Device, worker: &mut Worker<'_>, skb: &SkBuff, event: &Event<'_>) {
    match *event {
        Event::CommandComplete(ref e) => command_complete(dev, worker, skb, e),
        Event::CommandStatus(e) => command_status(dev, worker, e),
        Event::HardwareError(e) => recovery::hardware_error(dev, e.code),

        Event::ConnectionRequest(e) => link::requested(dev, worker, e),
        Event::ConnectionComplete(e) => link::connected(dev, worker, e),
        Event::DisconnectionComplete(e) => link::disconnected(dev, worker, e),
        Event::RemoteFeatures(e) => link::remote_features(dev, worker, e),
        Event::RemoteExtFeatures(e) => link::remote_ext_features(dev, worker, e),
        Event::RemoteName(e) => {
            // Padded with zeros.
            let len = e.name.iter().position(|c| *c == 0).unwrap_or(e.name.len());
            let name = e.name.get(..len).filter(|_| e.status.is_success());
            link::named(dev, worker, e.bdaddr, name);
            if dev.has(Flag::MGMT) {
                update::names::named(dev, e.bdaddr, name);
            }
        }
        Event::RoleChange(e) => link::role_changed(dev, worker, e),
        Event::ModeChange(e) => link::mode_changed(dev, worker, e),
        Event::ClockOffset(e) => link::clock_offset(dev, worker, e),
        Event::SyncConnectionComplete(e) => link::sco::completed(dev, worker, e),
        Event::SyncConnectionChanged(e) => link::sco::changed(dev, worker, e),
        Event::PacketTypeChanged(e) => link::packet_types_changed(dev, worker, e),

        Event::NumberOfCompletedPackets(list) => flow::completed(dev, worker, list),
        Event::DataBufferOverflow(e) => flow::overflowed(dev, worker, e.link_type),

        Event::InquiryComplete(_) => inquiry_over(dev),
        Event::InquiryResult(list) => found::inquiry(dev, list),
        Event::InquiryResultRssi(list) => found::inquiry_rssi(dev, list),
        Event::ExtendedInquiryResult(list) => found::extended_inquiry(dev, list),

        Event::LeMeta(LeEvent::LongTermKeyRequest(_)) => {
            <crate::Security as Authenticator>::event(dev, worker, event);
        }
        Event::LeMeta(ref e) => link::le_event(dev, worker, e),

        Event::Vendor(_) => {
            vendor(dev, skb);
        }
        // What belongs to ISO is for the room that will have it; an event nobody knows
        // is counted by nobody, as controllers send many.
        _ => <crate::Security as Authenticator>::event(dev, worker, event),
    }
}

/// A vendor's event, which the driver may know.
fn vendor(dev: &Device, skb: &SkBuff) {
    if !dev.capabilities().vendor_events {
        return;
    }
    match params_of(skb, EVENT_HEADER) {
        Ok(params) => {
            dev.handle_vendor_event(&params);
        }
        // Without memory it is lost, as every other packet is.
        Err(_) => dev.count(Stat::ErrRx, 1),
    }
}

/// Inquiry ended, by itself or by command.
pub(super) fn inquiry_over(dev: &Device) {
    if dev.put(DevFlag::INQUIRY, false) {
        dev.inquiry_over();
        super::update::inquiry_complete(dev);
    }
}

fn command_complete(
    dev: &Device,
    worker: &mut Worker<'_>,
    skb: &SkBuff,
    e: &event::CommandComplete<'_>,
) {
    let outcome = {
        let mut queue = dev.commands.queue.lock();
        let outcome = queue.on_complete(e.opcode, e.ncmd, now_ms());
        command::apply(dev, outcome.timers);
        outcome
    };
    let sent = sent_params(&outcome.answer, &[]);
    if e.opcode != Opcode::NOP {
        let status = e.status().unwrap_or_else(|| {
            unexpected(dev, "Command Complete without status");
            Status::UNSPECIFIED
        });
        // Nothing is learnt from an answer to what nobody asked.
        if status == Status::UNKNOWN_COMMAND && !matches!(outcome.answer, Verdict::Unexpected) {
            complete::mark_unsupported(dev, e.opcode);
        }
        complete::apply(dev, e.opcode, sent, e.params);
        let reply = Some(e.params.get(1..).unwrap_or_default());
        <crate::Security as Authenticator>::answered(dev, worker, e.opcode, status, sent, reply);
        match outcome.answer {
            Verdict::Completed(request) => {
                // Who waits for the event as such gets all of it.
                let head = if request.completes_on().is_event() {
                    EVENT_HEADER
                } else {
                    EVENT_HEADER.saturating_add(COMMAND_COMPLETE_HEAD)
                };
                request.0.finish(if status.is_success() {
                    params_of(skb, head)
                } else {
                    Err(CommandError::Status(status))
                });
            }
            Verdict::Unexpected => unexpected(dev, "Command Complete"),
            _ => {}
        }
    }
    if e.opcode == Opcode::RESET {
        command::drain_waiting(dev);
    }
    if outcome.transmit {
        command::kick(dev);
    }
}

fn command_status(dev: &Device, worker: &mut Worker<'_>, e: &event::CommandStatus) {
    let opcode = e.opcode();
    let (outcome, kept) = {
        let mut queue = dev.commands.queue.lock();
        let kept = kept_params(&queue, opcode);
        let outcome = queue.on_status(opcode, e.status, e.ncmd, now_ms());
        command::apply(dev, outcome.timers);
        (outcome, kept)
    };
    let sent = sent_params(&outcome.answer, &kept);
    if opcode != Opcode::NOP {
        if e.status == Status::UNKNOWN_COMMAND && !matches!(outcome.answer, Verdict::Unexpected) {
            complete::mark_unsupported(dev, opcode);
        }
        complete::status(dev, opcode, e.status, sent);
        link::command_status(dev, worker, opcode, e.status, sent);
        match outcome.answer {
            Verdict::Completed(request) => request.0.finish(Err(if e.status.is_success() {
                // There are no parameters to hand out.
                CommandError::Errno(ENODATA)
            } else {
                CommandError::Status(e.status)
            })),
            Verdict::Unexpected => unexpected(dev, "Command Status"),
            _ => {}
        }
    }
    if outcome.transmit {
        command::kick(dev);
    }
}

/// What the command was sent with that this answers: an answer is understood by what was asked. `kept` is
/// that of a command whose request is with the engine still.
fn sent_params<'a>(answer: &'a Verdict<Request>, kept: &'a [u8]) -> &'a [u8] {
    match answer {
        Verdict::Completed(request) => &request.0.params,
        _ => kept,
    }
}

/// A copy of the parameters of the command in flight, if it is this one and may go on waiting after this
/// answer. None if memory is short: the state then follows the next answer.
fn kept_params(queue: &Queue, opcode: Opcode) -> KVec<u8> {
    let mut copy = KVec::new();
    if let Some(request) = queue.in_flight() {
        if request.opcode() == opcode
            && request.completes_on().is_event()
            && copy
                .extend_from_slice(&request.0.params, GFP_ATOMIC)
                .is_err()
        {
            copy.clear();
        }
    }
    copy
}
