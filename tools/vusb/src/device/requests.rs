// SPDX-License-Identifier: GPL-2.0

//! Control transfers: USB's own requests, HCI commands, and those of the description.

use super::{Action, Device, Held, Output, REMEMBERED, STANDARD_REQUESTS};
use crate::descriptors;
use crate::fault;
use crate::h4::Kind;
use crate::hex;
use crate::redir::{self, Setup, Status};

const GET_STATUS: u8 = 0;
const CLEAR_FEATURE: u8 = 1;
const SET_FEATURE: u8 = 3;
const GET_DESCRIPTOR: u8 = 6;
const ENDPOINT_HALT: u16 = 0;

impl Device {
    pub(super) fn control(&mut self, now: u64, id: u64, setup: Setup, data: Vec<u8>) {
        // Class requests, to the device or to an interface, that go out: HCI commands.
        let command = matches!(setup.kind, 0x20 | 0x21) || setup.kind == self.of.command_type;
        let endpoint = if command { 0 } else { STANDARD_REQUESTS };
        let fault = self.faults.next(endpoint);
        let mut late = 0;
        let refused = match fault {
            Some(fault::Kind::Stall) => Some(Status::Stall),
            Some(fault::Kind::Error) => Some(Status::IoError),
            Some(fault::Kind::Babble) => Some(Status::Babble),
            Some(fault::Kind::Hang) => {
                self.held.insert(id, Held::Control(setup));
                return;
            }
            Some(fault::Kind::Unplug(back)) => return self.unplug(now, back),
            Some(fault::Kind::Drop) => {
                return self.say(redir::control(
                    id,
                    &setup,
                    Status::Success,
                    setup.length,
                    &[],
                ));
            }
            Some(fault::Kind::Delay(ms)) => {
                late = ms.saturating_mul(1000);
                None
            }
            _ => None,
        };
        if let Some(status) = refused {
            return self.say(redir::control(id, &setup, status, 0, &[]));
        }
        let answer = if command {
            self.command(now, data);
            Some(Vec::new())
        } else {
            self.request(&setup, &data)
        };
        let done = match answer {
            None => redir::control(id, &setup, Status::Stall, 0, &[]),
            Some(mut data) => {
                data.truncate(setup.length.into());
                if let Some(fault::Kind::Short(bytes)) = fault {
                    data.truncate(bytes);
                }
                let length = if setup.kind & 0x80 != 0 {
                    u16::try_from(data.len()).unwrap_or(u16::MAX)
                } else {
                    setup.length
                };
                redir::control(id, &setup, Status::Success, length, &data)
            }
        };
        if late > 0 {
            self.at(now.saturating_add(late), Action::Say(Output::Host(done)));
        } else {
            self.say(done);
        }
    }

    /// The data that a request brings in; none: it is stalled.
    fn request(&mut self, setup: &Setup, data: &[u8]) -> Option<Vec<u8>> {
        match (setup.kind, setup.request) {
            (0x80, GET_DESCRIPTOR) => descriptors::get(&self.of, setup.value),
            (0x80, GET_STATUS) => Some(vec![u8::from(self.of.self_powered), 0]),
            (0x81, GET_STATUS) => Some(vec![0, 0]),
            (0x82, GET_STATUS) => {
                let [address, _] = setup.index.to_le_bytes();
                Some(vec![u8::from(self.halted.contains(&address)), 0])
            }
            (0x00, SET_FEATURE) => {
                self.stats.add("set_feature", 1);
                Some(Vec::new())
            }
            (0x00, CLEAR_FEATURE) => {
                self.stats.add("clear_feature", 1);
                Some(Vec::new())
            }
            (0x02, CLEAR_FEATURE) if setup.value == ENDPOINT_HALT => {
                let [address, _] = setup.index.to_le_bytes();
                self.stats.add("clear_halt", 1);
                self.halted.remove(&address);
                Some(Vec::new())
            }
            (0x02, SET_FEATURE) if setup.value == ENDPOINT_HALT => {
                let [address, _] = setup.index.to_le_bytes();
                self.halted.insert(address);
                Some(Vec::new())
            }
            _ => self.described(setup, data),
        }
    }

    fn described(&mut self, setup: &Setup, out: &[u8]) -> Option<Vec<u8>> {
        self.stats.add("request.other", 1);
        let mut queued = None;
        let answer = self.find_request(setup, &mut queued);
        // A request that is repeated until something is there is told of once.
        if queued != Some(false) {
            self.note(format!(
                "control {:02x} {:02x} {:04x} {:04x} {} {}",
                setup.kind,
                setup.request,
                setup.value,
                setup.index,
                setup.length,
                hex::text(out)
            ));
        }
        answer
    }

    /// `queued` becomes whether something was there, where that may be.
    fn find_request(&mut self, setup: &Setup, queued: &mut Option<bool>) -> Option<Vec<u8>> {
        for (one, left) in self.of.request.iter().zip(&mut self.requests) {
            let fits = one.kind == setup.kind
                && one.request == setup.request
                && one.value.is_none_or(|value| value == setup.value)
                && one.index.is_none_or(|index| index == setup.index);
            if !fits || *left == Some(0) {
                continue;
            }
            if let Some(left) = left {
                *left -= 1;
            }
            if one.queued {
                let next = self.queued.pop_front();
                *queued = Some(next.is_some());
                return Some(next.unwrap_or_default());
            }
            return hex::bytes(&one.data).ok();
        }
        None
    }

    pub(super) fn command(&mut self, now: u64, packet: Vec<u8>) {
        self.stats.packet("command", packet.len());
        if self.commands.len() == REMEMBERED {
            self.commands.pop_front();
        }
        self.commands.push_back(packet.clone());
        let opcode = packet.first_chunk().map(|bytes| u16::from_le_bytes(*bytes));
        if opcode.is_some_and(|opcode| opcode != 0 && opcode == self.of.bulk.until) {
            self.running = true;
        }
        let parameters = packet.get(3..).unwrap_or_default();
        let found = self.rules.iter_mut().find(|rule| {
            Some(rule.opcode) == opcode
                && rule.times != Some(0)
                && parameters.starts_with(&rule.parameters)
        });
        let Some(rule) = found else {
            // The controller's framing would not survive a command that is cut off.
            if Kind::Command.length(&packet) == Some(packet.len()) {
                self.out.push(Output::Controller(Kind::Command, packet));
            } else {
                self.stats.add("command.malformed", 1);
            }
            return;
        };
        if let Some(left) = &mut rule.times {
            *left -= 1;
        }
        let rule = rule.clone();
        self.queued.extend(rule.control);
        self.stats.add("command.answered", 1);
        let time = now.saturating_add(rule.delay.saturating_mul(1000));
        for event in rule.events {
            if rule.delay == 0 {
                self.event(event);
            } else {
                self.at(time, Action::Event(event));
            }
        }
        for packet in rule.acl {
            if rule.delay == 0 {
                self.acl_in(packet);
            } else {
                self.at(time, Action::Acl(packet));
            }
        }
        if rule.replug.is_some() {
            self.at(time.saturating_add(1000), Action::Unplug(rule.replug));
        }
    }
}
