// SPDX-License-Identifier: GPL-2.0

//! One side of a link with its channels, as the kernel's L2CAP puts the engines together.

#![allow(dead_code)]

use engine::l2cap::{
    channel::{
        check_le_request,
        check_scid,
        connection_response,
        le_refusal,
        Action,
        Actions,
        Answer,
        Channel,
        LinkFacts,
        Settings,
        State, //
    },
    enhanced,
    signalling::{
        invalid_cid,
        Local,
        Signalling,
        Step, //
    },
    Error, //
};
use wire::l2cap::{
    signal::*,
    FeatureMask,
    FixedChannels,
    Transport, //
};

/// What happened to a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    Ready(u16),
    Reconfigured(u16),
    Disconnecting(u16, Error),
    Closed(u16, Error),
    NeedsSecurity(u16),
}

pub struct Side {
    pub signalling: Signalling,
    pub link: LinkFacts,
    pub channels: Vec<Channel>,
    /// PSMs that are listened on, with what their users want.
    pub listeners: Vec<(u16, Settings)>,
    /// Packets on their way to the peer.
    pub out: Vec<Packet>,
    pub seen: Vec<Seen>,
    pub now: u64,
    /// Answer connection requests at once.
    pub accept: bool,
}

impl Side {
    pub fn new(transport: Transport, features: FeatureMask) -> Self {
        Self {
            signalling: Signalling::new(
                transport,
                Local {
                    features,
                    fixed_channels: FixedChannels::SIGNALLING | FixedChannels::CONNECTIONLESS,
                    enhanced_credit: true,
                },
            ),
            link: LinkFacts {
                transport,
                mtu: 192,
                auto_mtu: 1021,
                peer_features: FeatureMask::EMPTY,
                local_features: features,
            },
            channels: Vec::new(),
            listeners: Vec::new(),
            out: Vec::new(),
            seen: Vec::new(),
            now: 0,
            accept: true,
        }
    }

    pub fn channel(&mut self, local: u16) -> Option<&mut Channel> {
        self.channels.iter_mut().find(|c| c.local_cid() == local)
    }

    pub fn by_remote(&self, remote: u16) -> Option<&Channel> {
        self.channels.iter().find(|c| c.remote_cid() == remote)
    }

    fn in_use(&self, remote: u16) -> bool {
        self.by_remote(remote).is_some()
    }

    pub fn free_cid(&self) -> u16 {
        (0x40..)
            .find(|cid| !self.channels.iter().any(|c| c.local_cid() == *cid))
            .unwrap()
    }

    pub fn act(&mut self, local: u16, actions: Actions) {
        for action in actions {
            match action {
                Action::Send(packet) => self.out.push(packet),
                Action::Ready => self.seen.push(Seen::Ready(local)),
                Action::Reconfigured => self.seen.push(Seen::Reconfigured(local)),
                Action::NeedsSecurity => self.seen.push(Seen::NeedsSecurity(local)),
                Action::Disconnecting(error) => self.seen.push(Seen::Disconnecting(local, error)),
                Action::Closed(error) => {
                    self.seen.push(Seen::Closed(local, error));
                    self.channels.retain(|c| c.local_cid() != local);
                }
                Action::Duplicate { dcid } => {
                    if let Some(other) = self.by_remote(dcid).map(Channel::local_cid) {
                        self.close(other, Error::Reset);
                    }
                }
            }
        }
    }

    /// Does something to a channel.
    pub fn with(
        &mut self,
        local: u16,
        work: impl FnOnce(&mut Channel, &LinkFacts, &mut Signalling, u64) -> Actions,
    ) {
        let (link, now) = (self.link, self.now);
        let Some(channel) = self.channels.iter_mut().find(|c| c.local_cid() == local) else {
            return;
        };
        let actions = work(channel, &link, &mut self.signalling, now);
        self.act(local, actions);
    }

    pub fn close(&mut self, local: u16, error: Error) {
        self.with(local, |c, _, s, now| c.close(error, &mut s.idents, now));
    }

    /// Opens a channel; on BR/EDR it waits for the exchange of features.
    pub fn connect(&mut self, psm: u16, settings: &Settings) -> u16 {
        let local = self.free_cid();
        self.channels
            .push(Channel::outgoing(local, psm, settings, self.now));
        if let Some(packet) = self.signalling.request_information(self.now) {
            self.out.push(packet);
        }
        if self.signalling.information_done() {
            self.start(local);
        }
        local
    }

    pub fn start(&mut self, local: u16) {
        self.with(local, |c, link, s, _| c.connect(link, &mut s.idents));
    }

    fn information_done(&mut self) {
        self.link.peer_features = self.signalling.peer_features();
        let starting: Vec<u16> = self
            .channels
            .iter()
            .filter(|c| c.state() == State::Starting)
            .map(Channel::local_cid)
            .collect();
        for local in starting {
            self.start(local);
        }
        if self.accept {
            let deciding: Vec<u16> = self
                .channels
                .iter()
                .filter(|c| c.state() == State::Deciding)
                .map(Channel::local_cid)
                .collect();
            for local in deciding {
                self.answer(local, Answer::Accept);
            }
        }
    }

    pub fn answer(&mut self, local: u16, answer: Answer) {
        self.with(local, |c, link, s, _| c.answer(answer, link, &mut s.idents));
    }

    pub fn timeout(&mut self) {
        if self.signalling.on_timeout(self.now) {
            self.information_done();
        }
        let locals: Vec<u16> = self.channels.iter().map(Channel::local_cid).collect();
        for local in locals {
            self.with(local, |c, _, s, now| c.on_timeout(now, &mut s.idents));
        }
    }

    /// A frame on the signalling channel.
    pub fn receive(&mut self, payload: &[u8]) {
        let mut frame = self.signalling.frame(payload);
        while let Some(step) = self.signalling.next(&mut frame, self.now) {
            match step {
                Step::Send(packet) => self.out.push(packet),
                Step::InformationDone => self.information_done(),
                Step::Ignored(_) => {}
                Step::Command { ident, command } => self.command(ident, command),
            }
        }
    }

    fn command(&mut self, ident: Ident, command: Command<'_>) {
        match command {
            Command::ConnectionRequest(request) => self.on_connection_request(ident, &request),
            Command::ConnectionResponse(response) => {
                let local = self.waiting(response.scid, ident);
                let in_use = self.in_use(response.dcid);
                self.with(local, |c, link, s, _| {
                    c.on_connection_response(ident, &response, in_use, link, &mut s.idents)
                });
            }
            Command::ConfigurationRequest(request) => {
                let known = self
                    .channel(request.dcid)
                    .map(|c| (c.is_configurable(), c.remote_cid()));
                match known {
                    Some((true, _)) => self.with(request.dcid, |c, link, s, now| {
                        c.on_configuration_request(ident, &request, link, &mut s.idents, now)
                    }),
                    Some((false, remote)) => {
                        self.out.push(invalid_cid(ident, request.dcid, remote))
                    }
                    None => self.out.push(invalid_cid(ident, request.dcid, 0)),
                }
            }
            Command::ConfigurationResponse(response) => {
                self.with(response.scid, |c, link, s, now| {
                    c.on_configuration_response(ident, &response, link, &mut s.idents, now)
                });
            }
            Command::DisconnectionRequest(request) => match self.channel(request.dcid) {
                Some(_) => self.with(request.dcid, |c, _, s, _| {
                    c.on_disconnection_request(ident, &request, &mut s.idents)
                }),
                None => self
                    .out
                    .push(invalid_cid(ident, request.dcid, request.scid)),
            },
            Command::DisconnectionResponse(response) => {
                self.with(response.scid, |c, _, s, _| {
                    c.on_disconnection_response(ident, &response, &mut s.idents)
                });
            }
            Command::Reject(_) => {
                for local in self.awaiting(ident) {
                    self.with(local, |c, _, s, _| c.on_reject(ident, &mut s.idents));
                }
            }
            Command::LeConnectionRequest(request) => self.on_le_request(ident, &request),
            Command::LeConnectionResponse(response) => {
                let local = self.waiting(0, ident);
                let in_use = self.in_use(response.dcid);
                self.with(local, |c, _, s, _| {
                    c.on_le_connection_response(ident, &response, in_use, &mut s.idents)
                });
            }
            Command::FlowControlCredit(credit) => {
                if let Some(local) = self.by_remote(credit.cid).map(Channel::local_cid) {
                    let credits = self.channel(local).and_then(Channel::credits_mut);
                    if credits.is_some_and(|c| c.on_credits(credit.credits).is_err()) {
                        self.close(local, Error::Reset);
                    }
                }
            }
            Command::CreditConnectionRequest(request) => self.on_group(ident, &request),
            Command::CreditConnectionResponse(answer) => {
                let mut group = enhanced::Response::new(ident, &answer);
                for local in self.awaiting(ident) {
                    let used: Vec<u16> = self.channels.iter().map(Channel::remote_cid).collect();
                    self.with(local, |c, _, s, _| {
                        group.apply(c, |dcid| used.contains(&dcid), &mut s.idents)
                    });
                }
            }
            Command::ReconfigureRequest(request) => {
                let result = enhanced::check_reconfigure(&request, |cid| {
                    self.by_remote(cid).and_then(Channel::enhanced_limits)
                });
                if result == ReconfigureResult::SUCCESS {
                    for cid in request.scids {
                        for c in &mut self.channels {
                            if c.remote_cid() == cid.get() {
                                c.set_enhanced_limits(request.mtu, request.mps);
                            }
                        }
                    }
                }
                self.out.push(enhanced::reconfigure_response(ident, result));
            }
            Command::ReconfigureResponse(response) => {
                for local in self.awaiting(ident) {
                    self.with(local, |c, _, s, now| {
                        c.on_reconfigure_response(ident, &response, &mut s.idents, now)
                    });
                }
            }
            _ => {}
        }
    }

    fn awaiting(&self, ident: Ident) -> Vec<u16> {
        let awaiting = self.channels.iter().filter(|c| c.awaits(ident));
        awaiting.map(Channel::local_cid).collect()
    }

    /// The channel that a response is for: it is named, or awaits it.
    fn waiting(&self, scid: u16, ident: Ident) -> u16 {
        match scid {
            0 => self.awaiting(ident).first().copied().unwrap_or(0),
            scid => scid,
        }
    }

    fn listener(&self, psm: u16) -> Option<Settings> {
        let listener = self.listeners.iter().find(|(p, _)| *p == psm)?;
        Some(listener.1)
    }

    fn on_connection_request(&mut self, ident: Ident, request: &ConnectionRequest) {
        let none = ConnectionStatus::NO_INFORMATION;
        let result = match self.listener(request.psm) {
            None => Err(ConnectionResult::BAD_PSM),
            Some(settings) => {
                let in_use = self.in_use(request.scid);
                check_scid(Transport::BrEdr, request.scid, in_use)
                    .map(|()| settings)
                    .map_err(ConnectionResult::from)
            }
        };
        match result {
            Err(result) => {
                self.out
                    .push(connection_response(ident, 0, request.scid, result, none));
            }
            Ok(settings) => {
                let local = self.free_cid();
                let channel = Channel::incoming(local, ident, request, &settings, self.now);
                self.channels.push(channel);
                if !self.signalling.information_done() {
                    self.answer(local, Answer::Pending(none));
                    let packet = self.signalling.request_information(self.now);
                    self.out.extend(packet);
                } else if settings.defer {
                    self.answer(local, Answer::Pending(ConnectionStatus::AUTHORIZATION));
                } else if self.accept {
                    self.answer(local, Answer::Accept);
                }
            }
        }
    }

    fn on_le_request(&mut self, ident: Ident, request: &LeConnectionRequest) {
        let refusal = check_le_request(ident, request).err().or_else(|| {
            let result = match self.listener(request.spsm) {
                None => Err(CreditResult::BAD_SPSM),
                Some(_) => {
                    let in_use = self.in_use(request.scid);
                    check_scid(Transport::Le, request.scid, in_use).map_err(Into::into)
                }
            };
            result.err().map(|result| le_refusal(ident, result))
        });
        if let Some(refusal) = refusal {
            self.out.push(refusal);
            return;
        }
        let settings = self.listener(request.spsm).unwrap();
        let local = self.free_cid();
        let channel = Channel::incoming_le(local, ident, request, &settings, &self.link, self.now);
        self.channels.push(channel);
        if !settings.defer {
            self.with(local, |c, _, s, _| c.answer_le(Ok(()), &mut s.idents));
        }
    }

    fn on_group(&mut self, ident: Ident, request: &CreditConnectionRequest<'_>) {
        let busy = self.channels.iter().any(|c| c.is_asked_by(ident));
        let mut group = match enhanced::Accept::new(ident, request, busy) {
            Ok(group) => group,
            Err(refusal) => return self.out.push(refusal),
        };
        let Some(settings) = self.listener(request.spsm) else {
            return self.out.push(group.refuse_all(CreditResult::BAD_SPSM));
        };
        while let Some(scid) = group.next() {
            match check_scid(Transport::Le, scid, self.in_use(scid)) {
                Err(error) => group.refuse(error.into()),
                Ok(()) => {
                    let local = self.free_cid();
                    let (channel, actions) = group
                        .accept(local, &settings, &self.link, self.now)
                        .unwrap();
                    self.channels.push(channel);
                    self.act(local, actions);
                }
            }
        }
        if !self.channels.iter().any(|c| c.is_asked_by(ident)) {
            self.out.push(group.finish());
        }
    }
}

/// Lets everything that is under way arrive, on both sides, one command per frame.
pub fn settle(a: &mut Side, b: &mut Side) {
    for _ in 0..1000 {
        let (from_a, from_b) = (core::mem::take(&mut a.out), core::mem::take(&mut b.out));
        if from_a.is_empty() && from_b.is_empty() {
            return;
        }
        from_a
            .iter()
            .for_each(|packet| b.receive(packet.as_slice()));
        from_b
            .iter()
            .for_each(|packet| a.receive(packet.as_slice()));
    }
    panic!("they talk for ever");
}
