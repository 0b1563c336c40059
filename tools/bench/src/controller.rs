// SPDX-License-Identifier: GPL-2.0

//! A controller behind `/dev/vhci` that answers at once, with a peer on each link. Its thread answers what
//! the host sends; what a workload wants to come in, the workload writes itself ([`Controller::inject`]).

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::peer::{Peer, Transport};
use crate::replies::{Kind, BREDR_FEATURES};
use crate::security;
use crate::sys::{self, Address};

const COMMAND: u8 = 1;
const ACL: u8 = 2;
const SYNCHRONOUS: u8 = 3;
const EVENT: u8 = 4;
const VENDOR: u8 = 0xff;

/// How long anything may last that a workload waits for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Peers that advertise have this as their address's first octet; the others are numbered below it.
pub const LE_PEER: Address = [0x10, 0, 0, 0, 0, 0xc0];

/// The address of a BR/EDR peer.
pub fn peer(number: u8) -> Address {
    [number, 0, 0, 0, 0, 0xc0]
}

/// A link.
pub struct Link {
    /// The connection handle.
    pub handle: u16,
    /// The address of the device at its other end.
    pub address: Address,
    /// The device at its other end.
    pub peer: Peer,
    rest: Vec<u8>,
}

/// A synchronous link.
#[derive(Default)]
pub struct Synchronous {
    /// The connection handle.
    pub handle: u16,
    /// Packets that the host has sent.
    pub received: u64,
    /// When each of them came, in nanoseconds, if that is of interest: see [`sys::now`].
    pub times: Option<Vec<u64>>,
}

/// What the two threads share.
#[derive(Default)]
pub struct State {
    kind: Kind,
    host_features: u8,
    next_handle: u16,
    /// Links, in the order in which they were made.
    pub links: Vec<Link>,
    /// The synchronous link, if there is one.
    pub synchronous: Option<Synchronous>,
    /// Peers have simple pairing. Hosts that know that want encryption for every channel.
    pub simple_pairing: bool,
    /// Peers end their links when the last channel is closed.
    pub hang_up: bool,
    /// Links that have ended.
    pub ended: u64,
    /// A peer is heard while the host scans for it.
    pub advertise: bool,
    /// A workload waits for something to change.
    waiting: bool,
    failure: Option<String>,
}

/// A running controller. It is unplugged with the process.
pub struct Controller {
    /// The host's number for it.
    pub index: u16,
    vhci: Arc<OwnedFd>,
    changed: Arc<OwnedFd>,
    state: Arc<Mutex<State>>,
    _thread: JoinHandle<()>,
}

/// An event packet.
pub fn event(code: u8, parameters: &[u8]) -> Vec<u8> {
    let mut packet = vec![EVENT, code, parameters.len() as u8];
    packet.extend(parameters);
    packet
}

/// A Command Complete event with these return parameters.
pub fn complete(opcode: u16, parameters: &[u8]) -> Vec<u8> {
    let [low, high] = opcode.to_le_bytes();
    let mut all = vec![1, low, high];
    all.extend(parameters);
    event(0x0e, &all)
}

/// A Command Status event.
pub fn status(opcode: u16, code: u8) -> Vec<u8> {
    let [low, high] = opcode.to_le_bytes();
    event(0x0f, &[code, 1, low, high])
}

/// An event with a status of success and a handle in front.
pub fn of_handle(code: u8, handle: [u8; 2], rest: &[u8]) -> Vec<u8> {
    let mut all = vec![0, handle[0], handle[1]];
    all.extend(rest);
    event(code, &all)
}

/// An LE meta event.
pub fn le_event(subevent: u8, parameters: &[u8]) -> Vec<u8> {
    let mut all = vec![subevent];
    all.extend(parameters);
    event(0x3e, &all)
}

/// The octets from `at` on; zeroes where there are none.
pub fn first<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut taken = [0; N];
    for (to, from) in taken.iter_mut().zip(bytes.iter().skip(at)) {
        *to = *from;
    }
    taken
}

impl Controller {
    /// Plugs one in.
    ///
    /// # Errors
    ///
    /// If there is no `/dev/vhci`.
    pub fn start(kind: Kind) -> io::Result<Self> {
        let vhci = sys::open("/dev/vhci")?;
        sys::write(&vhci, &[VENDOR, 0])?;
        let mut answer = [0u8; 64];
        sys::read(&vhci, &mut answer)?;
        if answer.first() != Some(&VENDOR) {
            return Err(io::Error::other(
                "hci_vhci did not tell the controller's number",
            ));
        }
        let state = State {
            kind,
            next_handle: 0x002a,
            ..State::default()
        };
        let (vhci, state) = (Arc::new(vhci), Arc::new(Mutex::new(state)));
        let changed = Arc::new(sys::event()?);
        let mut answers = Answers {
            vhci: vhci.clone(),
            changed: changed.clone(),
            state: state.clone(),
        };
        let thread = std::thread::spawn(move || {
            if let Err(error) = answers.run() {
                lock(&answers.state).failure = Some(error.to_string());
                let _ = sys::write(&answers.changed, &1u64.to_ne_bytes());
            }
        });
        Ok(Self {
            index: u16::from_le_bytes(first(&answer, 2)),
            vhci,
            changed,
            state,
            _thread: thread,
        })
    }

    /// What the controller knows, for a moment.
    pub fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Sends a packet to the host.
    ///
    /// # Errors
    ///
    /// Those of `/dev/vhci`.
    pub fn inject(&self, packet: &[u8]) -> io::Result<()> {
        sys::write(&self.vhci, packet)
    }

    /// Waits until `done` finds what it looks for.
    ///
    /// # Errors
    ///
    /// If that does not happen, or the controller broke.
    pub fn wait<T>(
        &self,
        what: &str,
        mut done: impl FnMut(&mut State) -> Option<T>,
    ) -> io::Result<T> {
        loop {
            {
                let mut state = self.state();
                if let Some(failure) = &state.failure {
                    return Err(io::Error::other(format!("the controller: {failure}")));
                }
                if let Some(result) = done(&mut state) {
                    return Ok(result);
                }
                state.waiting = true;
            }
            if !sys::readable(&self.changed, PATIENCE)? {
                return Err(io::Error::other(format!("{what}: nothing came")));
            }
            sys::read(&self.changed, &mut [0; 8])?;
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An L2CAP frame as ACL packets.
pub fn cut(handle: u16, frame: &[u8], mtu: usize) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    for (number, piece) in frame.chunks(mtu.max(1)).enumerate() {
        // Automatically flushable start (2), or continuation (1).
        let boundary: u16 = if number == 0 { 2 } else { 1 };
        let mut packet = Vec::with_capacity(piece.len() + 5);
        packet.push(ACL);
        packet.extend((handle | (boundary << 12)).to_le_bytes());
        packet.extend((piece.len() as u16).to_le_bytes());
        packet.extend(piece);
        packets.push(packet);
    }
    packets
}

struct Answers {
    vhci: Arc<OwnedFd>,
    changed: Arc<OwnedFd>,
    state: Arc<Mutex<State>>,
}

impl Answers {
    fn run(&mut self) -> io::Result<()> {
        let mut packet = [0u8; 4096];
        loop {
            let got = sys::read(&self.vhci, &mut packet)?;
            let packet = packet.get(..got).unwrap_or_default();
            let (answers, wake) = {
                let mut state = lock(&self.state);
                let answers = match packet.split_first() {
                    Some((&COMMAND, rest)) => state.command(rest),
                    Some((&ACL, rest)) => state.acl(rest),
                    Some((&SYNCHRONOUS, rest)) => state.synchronous_data(rest),
                    _ => Vec::new(),
                };
                (answers, std::mem::take(&mut state.waiting))
            };
            for answer in answers {
                match sys::write(&self.vhci, &answer) {
                    // The host has just switched off, and listens no more.
                    Err(error) if error.raw_os_error() == Some(libc::ENXIO) => {}
                    other => other?,
                }
            }
            if wake {
                sys::write(&self.changed, &1u64.to_ne_bytes())?;
            }
        }
    }
}

impl State {
    fn command(&mut self, packet: &[u8]) -> Vec<Vec<u8>> {
        let opcode = u16::from_le_bytes(first(packet, 0));
        let parameters = packet.get(3..).unwrap_or_default();
        let handle: [u8; 2] = first(parameters, 0);
        if let Some(answers) = security::command(self, opcode, parameters) {
            return answers;
        }
        match opcode {
            // Reset: what was connected is not any more.
            0x0c03 => {
                self.links.clear();
                self.synchronous = None;
                vec![complete(opcode, &[0])]
            }
            // Create Connection
            0x0405 => {
                let address: Address = first(parameters, 0);
                let handle = self.link(Transport::BrEdr, address);
                let mut done = vec![0];
                done.extend(handle.to_le_bytes());
                done.extend(address);
                done.extend([1, 0]);
                vec![status(opcode, 0), event(0x03, &done)]
            }
            // Disconnect
            0x0406 => {
                let mut answers = vec![status(opcode, 0)];
                answers.extend(self.end(u16::from_le_bytes(handle), 0x16));
                answers
            }
            // Remote Name Request
            0x0419 => {
                let mut name = vec![0];
                name.extend(parameters.iter().take(6));
                name.resize(7 + 248, 0);
                vec![status(opcode, 0), event(0x07, &name)]
            }
            // Read Remote Supported Features, Extended Features, Version
            0x041b => vec![status(opcode, 0), of_handle(0x0b, handle, &BREDR_FEATURES)],
            0x041c => {
                let page = parameters.get(2).copied().unwrap_or(1);
                let host = u8::from(self.simple_pairing);
                let answer = [page, 1, host, 0, 0, 0, 0, 0, 0, 0];
                vec![status(opcode, 0), of_handle(0x23, handle, &answer)]
            }
            0x041d => vec![
                status(opcode, 0),
                of_handle(0x0c, handle, &[9, 0x3f, 0, 0, 0]),
            ],
            // Setup Synchronous Connection: eSCO, with CVSD on the air.
            0x0428 => {
                let Some(link) = self.of(u16::from_le_bytes(handle)) else {
                    return vec![status(opcode, 0x02)];
                };
                let address = link.address;
                let handle = self.handle();
                self.synchronous = Some(Synchronous {
                    handle,
                    ..Synchronous::default()
                });
                let mut rest = address.to_vec();
                rest.extend([2, 12, 2, 60, 0, 60, 0, 2]);
                vec![
                    status(opcode, 0),
                    of_handle(0x2c, handle.to_le_bytes(), &rest),
                ]
            }
            // What the host supports shows in its features.
            0x0c56 | 0x0c6d | 0x0c7a => {
                let bit = match opcode {
                    0x0c56 => 0x01,
                    0x0c6d => 0x02,
                    _ => 0x08,
                };
                if parameters.first() == Some(&1) {
                    self.host_features |= bit;
                } else {
                    self.host_features &= !bit;
                }
                vec![complete(opcode, &[0])]
            }
            // LE Set Scan Enable
            0x200c => {
                let mut answers = vec![complete(opcode, &[0])];
                if self.advertise && parameters.first() == Some(&1) {
                    answers.push(report(LE_PEER, 0, &[]));
                }
                answers
            }
            // LE Create Connection
            0x200d => {
                let address: Address = first(parameters, 6);
                let kind: [u8; 1] = first(parameters, 5);
                let handle = self.link(Transport::Le, address);
                let mut done = vec![0];
                done.extend(handle.to_le_bytes());
                done.extend([0, kind[0]]);
                done.extend(address);
                done.extend([0x18, 0, 0, 0, 0x2a, 0, 0]);
                vec![status(opcode, 0), le_event(0x01, &done)]
            }
            // LE Read Remote Features
            0x2016 => {
                let answer = [0, handle[0], handle[1], 1, 0, 0, 0, 0, 0, 0, 0];
                vec![status(opcode, 0), le_event(0x04, &answer)]
            }
            _ if opcode >> 10 == 1 => vec![status(opcode, 0)],
            _ if opcode >> 10 == 0x3f => vec![complete(opcode, &[1])],
            _ => {
                let reply = self.kind.reply(opcode, parameters, self.host_features);
                vec![complete(opcode, &reply)]
            }
        }
    }

    /// The link with this handle.
    pub fn of(&mut self, handle: u16) -> Option<&mut Link> {
        self.links.iter_mut().find(|link| link.handle == handle)
    }

    /// A handle that was not used for long.
    fn handle(&mut self) -> u16 {
        let handle = self.next_handle;
        self.next_handle = if handle >= 0x0eff { 0x002a } else { handle + 1 };
        handle
    }

    fn synchronous_data(&mut self, packet: &[u8]) -> Vec<Vec<u8>> {
        let handle = u16::from_le_bytes(first(packet, 0)) & 0x0fff;
        if let Some(link) = &mut self.synchronous {
            if link.handle == handle {
                link.received += 1;
                if let Some(times) = &mut link.times {
                    times.push(sys::now());
                }
            }
        }
        // Virtual controllers have flow control of synchronous data.
        let [low, high] = handle.to_le_bytes();
        vec![event(0x13, &[1, low, high, 1, 0])]
    }

    fn link(&mut self, transport: Transport, address: Address) -> u16 {
        let handle = self.handle();
        let mtu = match transport {
            Transport::BrEdr => self.kind.acl.0,
            Transport::Le => self.kind.le_acl.0,
        };
        self.links.push(Link {
            handle,
            address,
            peer: Peer::new(transport, mtu, address),
            rest: Vec::new(),
        });
        handle
    }

    /// A link ends, for this reason.
    fn end(&mut self, handle: u16, reason: u8) -> Option<Vec<u8>> {
        if self
            .synchronous
            .as_ref()
            .is_some_and(|link| link.handle == handle)
        {
            self.synchronous = None;
            return Some(of_handle(0x05, handle.to_le_bytes(), &[reason]));
        }
        let at = self.links.iter().position(|link| link.handle == handle)?;
        self.links.remove(at);
        self.ended += 1;
        Some(of_handle(0x05, handle.to_le_bytes(), &[reason]))
    }

    fn acl(&mut self, packet: &[u8]) -> Vec<Vec<u8>> {
        let word = u16::from_le_bytes(first(packet, 0));
        let handle = word & 0x0fff;
        let data = packet.get(4..).unwrap_or_default();
        let [low, high] = handle.to_le_bytes();
        let mut answers = vec![event(0x13, &[1, low, high, 1, 0])];
        let Some(link) = self.links.iter_mut().find(|link| link.handle == handle) else {
            return answers;
        };
        // A frame that comes in one packet is not copied.
        let whole;
        let frame = if (word >> 12) & 3 == 1 || !complete_frame(data) {
            if (word >> 12) & 3 != 1 {
                link.rest.clear();
            }
            link.rest.extend(data);
            if !complete_frame(&link.rest) {
                return answers;
            }
            whole = std::mem::take(&mut link.rest);
            &whole
        } else {
            data
        };
        let (handle, before) = (link.handle, link.peer.open);
        let answer = link.peer.frame(frame);
        let closed = before > 0 && link.peer.open == 0;
        let mtu = self.data_mtu();
        for frame in answer {
            answers.extend(cut(handle, &frame, mtu));
        }
        if closed && self.hang_up {
            answers.extend(self.end(handle, 0x13));
        }
        answers
    }

    /// Has the first link's peer send this on its first channel: the packets to inject, or nothing as long
    /// as the host takes no more.
    pub fn packets(&mut self, data: &[u8]) -> Option<Vec<Vec<u8>>> {
        let mtu = self.data_mtu();
        let link = self.links.first_mut()?;
        let frames = link.peer.send(0, data)?;
        let handle = link.handle;
        Some(
            frames
                .iter()
                .flat_map(|frame| cut(handle, frame, mtu))
                .collect(),
        )
    }

    /// Bytes in a packet of data.
    pub fn data_mtu(&self) -> usize {
        let kind = self.kind;
        if kind.bredr {
            kind.acl.0
        } else {
            kind.le_acl.0
        }
        .into()
    }
}

/// Whether these bytes hold all of the L2CAP frame that they begin with.
fn complete_frame(data: &[u8]) -> bool {
    data.len() >= 4 && data.len() >= 4 + usize::from(u16::from_le_bytes(first(data, 0)))
}

/// An LE Advertising Report (7.7.65.2) of one device, of this event type.
pub fn report(address: Address, kind: u8, data: &[u8]) -> Vec<u8> {
    let mut all = vec![1, kind, 0];
    all.extend(address);
    all.push(data.len() as u8);
    all.extend(data);
    all.push(0xc8);
    le_event(0x02, &all)
}
