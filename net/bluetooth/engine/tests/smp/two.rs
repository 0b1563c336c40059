// SPDX-License-Identifier: GPL-2.0

//! Two devices that pair with each other, their users, and who sits between them.

use std::collections::VecDeque;

use engine::{
    security::Level,
    smp::{
        first,
        Action,
        Address,
        Answer,
        Context,
        Encryption,
        First,
        Outcome,
        Pairing,
        Question,
        Secret,
        Setup, //
    },
};
use wire::{
    smp::IoCapability,
    BdAddr, //
};

use crate::host::{
    Host,
    Pair, //
};

pub const CENTRAL: Address = Address {
    address: BdAddr([0x01, 0x02, 0x03, 0x04, 0x05, 0x46]),
    random: true,
};
pub const PERIPHERAL: Address = Address {
    address: BdAddr([0x11, 0x12, 0x13, 0x14, 0x15, 0x16]),
    random: false,
};
pub const CENTRAL_IDENTITY: Address = Address {
    address: BdAddr([0x21, 0x22, 0x23, 0x24, 0x25, 0xc6]),
    random: true,
};

/// What a device is set up like unless a test says otherwise: everything allowed, a display and a keyboard.
pub fn setup(central: bool) -> Setup<Pair> {
    Setup {
        central: CENTRAL,
        peripheral: PERIPHERAL,
        peer: if central { PERIPHERAL } else { CENTRAL },
        own_identity: if central {
            CENTRAL_IDENTITY
        } else {
            PERIPHERAL
        },
        own_irk: Secret::new([if central { 0xc1 } else { 0xe1 }; 16]),
        io: IoCapability::KEYBOARD_DISPLAY,
        bondable: true,
        secure_connections: true,
        secure_connections_only: false,
        link_keys: true,
        privacy: true,
        resolve: true,
        debug_keys: false,
        no_mitm: false,
        max_key_size: 16,
        min_key_size: 7,
        wanted: Level::Medium,
        legacy_oob: None,
        remote_oob: None,
        local_oob: None,
        bredr: None,
    }
}

pub struct Device {
    pub pairing: Option<Pairing<Host>>,
    pub setup: Setup<Pair>,
    pub host: Host,
    pub asked: Vec<Question>,
    pub outcome: Option<Outcome>,
    pub encrypt: Option<Encryption>,
    /// What the user does about a question; the other device's last question, if any, can be looked at.
    pub user: fn(&Question, Option<&Question>) -> Option<Answer>,
    pub blocked: fn(engine::smp::BlockedKind, &Secret<16>) -> bool,
    pub sent: Vec<Vec<u8>>,
}

/// Confirms what is equal, enters what the other device shows.
pub fn honest(question: &Question, other: Option<&Question>) -> Option<Answer> {
    match (question, other) {
        (Question::Confirm { hint: true, .. }, _) => Some(Answer::Confirm(true)),
        (Question::Confirm { value, .. }, Some(Question::Confirm { value: shown, .. })) => {
            Some(Answer::Confirm(value == shown))
        }
        (Question::Confirm { .. }, _) => None,
        (Question::EnterPasskey, Some(Question::ShowPasskey { passkey, .. })) => {
            Some(Answer::Passkey(Some(*passkey)))
        }
        (Question::EnterPasskey, Some(Question::EnterPasskey)) => {
            Some(Answer::Passkey(Some(123_456)))
        }
        (Question::EnterPasskey, _) => None,
        (Question::ShowPasskey { .. }, _) => None,
    }
}

impl Device {
    fn new(central: bool, seed: u64) -> Self {
        Self {
            pairing: None,
            setup: setup(central),
            host: Host::new(seed),
            asked: Vec::new(),
            outcome: None,
            encrypt: None,
            user: honest,
            blocked: |_, _| false,
            sent: Vec::new(),
        }
    }

    pub fn with<T>(
        &mut self,
        now_ms: u64,
        step: impl FnOnce(&mut Pairing<Host>, &mut Context<'_, Host>) -> T,
    ) -> T {
        let blocked = self.blocked;
        let mut context = Context {
            crypto: &mut self.host,
            now_ms,
            blocked: &blocked,
        };
        step(self.pairing.as_mut().unwrap(), &mut context)
    }

    pub fn initiate(&mut self) {
        let blocked = self.blocked;
        let mut context = Context {
            crypto: &mut self.host,
            now_ms: 0,
            blocked: &blocked,
        };
        self.pairing = Some(Pairing::initiate(self.setup.clone(), None, &mut context));
    }

    pub fn request_security(&mut self) {
        let blocked = self.blocked;
        let mut context = Context {
            crypto: &mut self.host,
            now_ms: 0,
            blocked: &blocked,
        };
        self.pairing = Some(Pairing::request_security(self.setup.clone(), &mut context));
    }

    pub fn received(&mut self, frame: &[u8]) {
        if self.pairing.is_some() {
            self.with(0, |pairing, context| pairing.received(frame, context));
            return;
        }
        let blocked = self.blocked;
        let mut context = Context {
            crypto: &mut self.host,
            now_ms: 0,
            blocked: &blocked,
        };
        match first(frame) {
            First::Request(request) => {
                self.pairing = Some(Pairing::respond(self.setup.clone(), request, &mut context));
            }
            First::Security(auth_req) => {
                self.pairing = Some(Pairing::initiate(
                    self.setup.clone(),
                    Some(auth_req),
                    &mut context,
                ));
            }
            First::Refuse(_) | First::Ignore => {}
        }
    }

    /// The reason of the last Pairing Failed that this device sent.
    pub fn refused_with(&self) -> Option<u8> {
        self.sent
            .iter()
            .rev()
            .find(|frame| frame[0] == 0x05)
            .map(|frame| frame[1])
    }

    pub fn paired(&self) -> bool {
        self.outcome == Some(Outcome::Paired)
    }
}

/// What somebody in the middle does to a frame: pass it on changed or not, or send something back instead.
pub enum Fate {
    Pass(Vec<u8>),
    Back(Vec<u8>),
    Drop,
}

/// Two devices: 0 is the central.
pub struct Two {
    pub devices: [Device; 2],
    queues: [VecDeque<Vec<u8>>; 2],
    pub between: Box<dyn FnMut(usize, Vec<u8>) -> Fate>,
    pub encryption_works: bool,
}

impl Two {
    pub fn new() -> Self {
        Self {
            devices: [Device::new(true, 1), Device::new(false, 2)],
            queues: [VecDeque::new(), VecDeque::new()],
            between: Box::new(|_, frame| Fate::Pass(frame)),
            encryption_works: true,
        }
    }

    pub fn set(mut self, change: impl Fn(&mut Setup<Pair>)) -> Self {
        self.devices
            .iter_mut()
            .for_each(|device| change(&mut device.setup));
        self
    }

    pub fn central(&mut self) -> &mut Device {
        &mut self.devices[0]
    }

    pub fn peripheral(&mut self) -> &mut Device {
        &mut self.devices[1]
    }

    pub fn io(mut self, central: IoCapability, peripheral: IoCapability) -> Self {
        self.devices[0].setup.io = central;
        self.devices[1].setup.io = peripheral;
        self
    }

    /// Takes what both devices want done until there is nothing any more.
    fn drain(&mut self) -> bool {
        let mut any = false;
        for me in 0..2 {
            let device = &mut self.devices[me];
            let Some(pairing) = device.pairing.as_mut() else {
                continue;
            };
            while let Some(action) = pairing.next_action() {
                any = true;
                match action {
                    Action::Send(frame) => {
                        let frame = frame.as_slice().to_vec();
                        device.sent.push(frame.clone());
                        match (self.between)(me, frame) {
                            Fate::Pass(frame) => self.queues[1 - me].push_back(frame),
                            Fate::Back(frame) => self.queues[me].push_back(frame),
                            Fate::Drop => {}
                        }
                    }
                    Action::Ask(question) => device.asked.push(question),
                    Action::Encrypt(encryption) => device.encrypt = Some(encryption),
                    Action::Done(outcome) => {
                        assert!(device.outcome.is_none(), "done twice");
                        device.outcome = Some(outcome);
                    }
                }
            }
        }
        any
    }

    fn deliver(&mut self) -> bool {
        for me in [1, 0] {
            if let Some(frame) = self.queues[me].pop_front() {
                if self.devices[me].outcome.is_none() {
                    self.devices[me].received(&frame);
                }
                return true;
            }
        }
        false
    }

    fn users(&mut self) -> bool {
        let mut any = false;
        for me in 0..2 {
            let other = self.devices[1 - me].asked.last().copied();
            let device = &mut self.devices[me];
            let Some(question) = device.asked.last().copied() else {
                continue;
            };
            if let Some(answer) = (device.user)(&question, other.as_ref()) {
                if device.pairing.is_some() {
                    any |= device
                        .with(0, |pairing, context| pairing.answer(answer, context))
                        .is_ok();
                }
            }
        }
        any
    }

    /// What both controllers do once the central wants encryption.
    fn encrypt(&mut self) -> bool {
        let Some(key) = self.devices[0].encrypt.take() else {
            return false;
        };
        let answer = self.devices[1]
            .pairing
            .as_ref()
            .and_then(|pairing| pairing.long_term_key(0, 0));
        let same = answer.as_ref().is_some_and(|answer| answer.key == key.key);
        if let (true, Some(answer)) = (same, answer) {
            assert_eq!((answer.size, answer.level), (key.size, key.level));
        }
        let works = same && self.encryption_works;
        for device in &mut self.devices {
            if device.pairing.is_some() {
                let worth = works.then_some(key.level);
                device.with(0, |pairing, context| pairing.encrypted(worth, context));
            }
        }
        true
    }

    /// One thing that happens, or none.
    pub fn step(&mut self) -> bool {
        self.drain() || self.deliver() || self.encrypt() || self.users()
    }

    /// Runs until nothing happens any more.
    pub fn run(&mut self) -> &mut Self {
        for _ in 0..1000 {
            if !self.step() {
                return self;
            }
        }
        panic!("it never ends");
    }

    /// The central asks for a pairing.
    pub fn pair(&mut self) -> &mut Self {
        self.devices[0].initiate();
        self.run()
    }

    /// Both have completed it; returns what either side has.
    pub fn keys(&self) -> [&engine::smp::Keys; 2] {
        [0, 1].map(|me| {
            let device = &self.devices[me];
            assert_eq!(device.outcome, Some(Outcome::Paired), "device {me}");
            device.pairing.as_ref().unwrap().keys().unwrap()
        })
    }
}
