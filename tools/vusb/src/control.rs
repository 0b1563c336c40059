// SPDX-License-Identifier: GPL-2.0

//! Words for a test: a line in, some lines and a last one out, which is `ok` or `error TEXT`.

use crate::config::{Description, Rule};
use crate::device::Device;
use crate::fault;
use crate::h4::Kind;
use crate::hex;
use crate::peer::{self, Peer};
use crate::sco::Mode;

/// What each command does, for `help` and for the manual.
pub const HELP: &str = "\
help                       these lines
state                      plugged, configuration, alt, ...: a word and a value a line
stats                      counters of transfers, packets, faults
zero                       counters, those of the peer, too, back to zero
commands                   the HCI commands since the last time, in hexadecimal digits
transfers                  control requests other than commands, and firmware, since the last time
plug                       plug the device in
unplug [MS]                unplug it, and plug it in again after MS milliseconds
unplug-in MS               unplug it MS milliseconds from now
describe HEX               this is another device: a description's text, in hexadecimal digits
fault KIND EP [KEY=VALUE]  stall error babble hang drop short delay split merge garbage unplug;
                           EP: 81 82 02 83 03, 00 (commands), 80 (USB's own requests);
                           after= count= ms= bytes= packets= data= replug=
faults                     the faults that are still to come
clear                      no more faults
event HEX, acl HEX, sco HEX  give this packet to the host
answer OPCODE [HEX...]     answer this command with these events, once for each use of this word
sco controller|loop|pattern  where synchronous data goes to and comes from
sco-link HANDLE            take this handle for a synchronous link
peer state|stats           of the remote device
peer echo|sink             what it does with data
peer voice SETTING         with which it accepts audio (0x60: CVSD; 0x63: transparent)
peer send COUNT SIZE [CID] it sends frames of the pattern
peer disconnect            it ends every link";

/// Executes one line at a time in µs.
///
/// # Errors
///
/// What is wrong with the line.
pub fn execute(
    device: &mut Device,
    peer: Option<&mut Peer>,
    now: u64,
    line: &str,
) -> Result<Vec<String>, String> {
    let (word, rest) = line
        .trim()
        .split_once(char::is_whitespace)
        .unwrap_or((line.trim(), ""));
    let rest = rest.trim();
    match word {
        "help" => return Ok(HELP.lines().map(str::to_owned).collect()),
        "state" => return Ok(device.state()),
        "stats" => return Ok(device.stats.lines()),
        "zero" => {
            device.stats.clear();
            if let Some(peer) = peer {
                peer.stats.clear();
            }
        }
        "commands" => {
            let commands = device.take_commands();
            return Ok(commands.iter().map(|packet| hex::text(packet)).collect());
        }
        "transfers" => return Ok(device.take_transfers()),
        "plug" => device.plug(),
        "unplug" => {
            let replug = if rest.is_empty() {
                None
            } else {
                Some(hex::number(rest)?)
            };
            device.unplug(now, replug);
        }
        "unplug-in" => device.unplug_later(now, hex::number(rest)?),
        "describe" => {
            let text = String::from_utf8(hex::bytes(rest)?).map_err(|error| error.to_string())?;
            device.describe(Description::parse(&text)?)?;
        }
        "fault" => device.faults.add(fault::parse(rest)?),
        "faults" => {
            return Ok(device
                .faults
                .rules()
                .iter()
                .map(|rule| format!("{rule:?}"))
                .collect())
        }
        "clear" => device.faults.clear(),
        "event" => device.inject(now, Kind::Event, hex::bytes(rest)?),
        "acl" => device.inject(now, Kind::Acl, hex::bytes(rest)?),
        "sco" => match rest {
            "controller" => device.set_sco_mode(Mode::Controller),
            "loop" => device.set_sco_mode(Mode::Loop),
            "pattern" => device.set_sco_mode(Mode::Pattern),
            _ => device.inject(now, Kind::Sco, hex::bytes(rest)?),
        },
        "sco-link" => {
            let handle = u16::try_from(hex::number(rest)?).map_err(|_| "no such handle")?;
            device.add_sco_link(handle);
        }
        "answer" => device.add_answer(answer(rest)?),
        "peer" => return of_peer(peer.ok_or("there is no peer")?, rest),
        _ => return Err(format!("no such command: {word}")),
    }
    Ok(Vec::new())
}

fn answer(text: &str) -> Result<Rule, String> {
    let mut words = text.split_whitespace();
    let opcode = hex::number(words.next().ok_or("an answer wants an opcode")?)?;
    let events = words.map(hex::bytes).collect::<Result<_, _>>()?;
    let opcode = u16::try_from(opcode).map_err(|_| "an opcode has 16 bits")?;
    Ok(Rule {
        opcode,
        events,
        times: Some(1),
        ..Rule::default()
    })
}

fn of_peer(peer: &mut Peer, text: &str) -> Result<Vec<String>, String> {
    let words: Vec<_> = text.split_whitespace().collect();
    match words.as_slice() {
        ["state"] => return Ok(peer.state()),
        ["stats"] => return Ok(peer.stats.lines()),
        ["echo"] => peer.set_mode(peer::Mode::Echo),
        ["sink"] => peer.set_mode(peer::Mode::Sink),
        ["disconnect"] => peer.disconnect(),
        ["voice", setting] => peer.set_voice(
            u16::try_from(hex::number(setting)?).map_err(|_| "a voice setting has 16 bits")?,
        ),
        ["send", count, size, rest @ ..] => {
            let small = |text: &str| -> Result<u32, String> {
                u32::try_from(hex::number(text)?).map_err(|_| "that is too many".into())
            };
            let channel = match rest.first() {
                None => None,
                Some(text) => Some(u16::try_from(small(text)?).map_err(|_| "no such channel")?),
            };
            let size = usize::try_from(small(size)?.min(0xffff)).unwrap_or(0);
            peer.send_pattern(small(count)?, size, channel)?;
        }
        _ => return Err(format!("the peer knows no such thing: {text}")),
    }
    Ok(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device() -> Device {
        Device::new(Description::default()).unwrap()
    }

    #[test]
    fn words() {
        let mut device = device();
        let mut run = |line: &str| execute(&mut device, None, 0, line);
        assert!(run("state").unwrap().contains(&"plugged 0".to_owned()));
        assert_eq!(run("fault stall 81 after=1"), Ok(vec![]));
        assert_eq!(run("faults").unwrap().len(), 1);
        assert_eq!(run("clear"), Ok(vec![]));
        assert_eq!(run("faults"), Ok(vec![]));
        assert_eq!(run("answer 0xfc01 0e0401 01fc00"), Ok(vec![]));
        for line in [
            "zero",
            "plug",
            "unplug 5",
            "event 100100",
            "sco loop",
            "sco-link 0x2a",
        ] {
            assert_eq!(run(line), Ok(vec![]), "{line}");
        }
        for line in [
            "",
            "nonsense",
            "unplug x",
            "event 0",
            "sco x",
            "answer",
            "peer state",
        ] {
            assert!(run(line).is_err(), "{line}");
        }
    }

    #[test]
    fn words_for_the_peer() {
        let (mut device, mut peer) = (device(), Peer::new());
        let mut run = |line: &str| execute(&mut device, Some(&mut peer), 0, line);
        assert!(run("peer state").unwrap().contains(&"ready 0".to_owned()));
        assert_eq!(run("peer sink"), Ok(vec![]));
        assert_eq!(run("peer send 1 4"), Err("there is no link".into()));
        assert_eq!(run("peer voice 0x63"), Ok(vec![]));
        assert!(run("peer voice 0x10000").is_err());
        assert!(run("peer dance").is_err());
    }
}
