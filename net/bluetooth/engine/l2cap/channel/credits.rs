// SPDX-License-Identifier: GPL-2.0

//! Channels with credits: LE credit based mode (Vol 3 Part A 4.22, 4.23), and what both modes with credits share.

use wire::l2cap::{
    signal::{
        Command,
        ConnectionResult,
        ConnectionStatus,
        CreditParameters,
        CreditResult,
        FlowControlCredit,
        Ident,
        LeConnectionRequest,
        LeConnectionResponse,
        Packet, //
    },
    Transport,
    ENHANCED_MIN_MTU,
    LE_MIN_MTU, //
};

use super::{
    check_scid,
    connection_response,
    le_refusal,
    Action,
    Actions,
    Body,
    Channel,
    LinkFacts,
    Settings,
    State, //
};
use crate::l2cap::{
    credit::Credits,
    ident::Idents,
    signalling::packet,
    Error, //
};

impl Channel {
    /// The peer asked for a channel in LE credit based flow control mode; the request was looked at with
    /// [`check_le_request`](super::check_le_request) and [`check_scid`]. The time for it begins to run.
    pub fn incoming_le(
        local: u16,
        ident: Ident,
        request: &LeConnectionRequest,
        settings: &Settings,
        link: &LinkFacts,
        now: u64,
    ) -> Self {
        let LeConnectionRequest {
            spsm,
            scid,
            ref parameters,
        } = *request;
        let mut channel = Self::new(State::Deciding, local, scid, spsm, settings);
        channel.begin_credits(link, false, Some(parameters));
        channel.peer_ident = Some(ident);
        channel.start_timer(now);
        channel
    }

    /// As [`incoming_le`](Self::incoming_le), of one of several that were asked for together; see
    /// [`enhanced`](crate::l2cap::enhanced).
    pub(in crate::l2cap) fn incoming_enhanced(
        (local, remote): (u16, u16),
        spsm: u16,
        ident: Ident,
        peer: &CreditParameters,
        settings: &Settings,
        link: &LinkFacts,
        now: u64,
    ) -> Self {
        let mut channel = Self::new(State::Deciding, local, remote, spsm, settings);
        channel.begin_credits(link, true, Some(peer));
        channel.peer_ident = Some(ident);
        channel.start_timer(now);
        channel
    }

    /// It becomes a channel with credits, with those of the beginning; `peer` is what the peer takes, if that is known. Returns
    /// what to tell the peer.
    pub(in crate::l2cap) fn begin_credits(
        &mut self,
        link: &LinkFacts,
        enhanced: bool,
        peer: Option<&CreditParameters>,
    ) -> CreditParameters {
        let mut credits = Credits::new(self.settings.imtu, link.mtu, enhanced);
        if let Some(peer) = peer {
            credits.set_peer(peer);
        }
        self.body = Body::Credits { credits, enhanced };
        credits.parameters()
    }

    /// Its credits, if it is a channel with credits.
    pub fn credits(&self) -> Option<&Credits> {
        match &self.body {
            Body::Credits { credits, .. } => Some(credits),
            Body::Configured(_) => None,
        }
    }

    /// Its credits, if it is a channel with credits.
    pub fn credits_mut(&mut self) -> Option<&mut Credits> {
        match &mut self.body {
            Body::Credits { credits, .. } => Some(credits),
            Body::Configured(_) => None,
        }
    }

    /// Gives the peer credits, if it should be given some ([`Credits::credits_due`]) and the channel is open.
    #[must_use]
    pub fn poll_credits(&mut self, idents: &mut Idents) -> Option<Packet> {
        if self.state != State::Open {
            return None;
        }
        let cid = self.local;
        let credits = self.credits_mut()?.credits_due()?;
        let command = Command::FlowControlCredit(FlowControlCredit { cid, credits });
        // Without an identifier the peer could not tell what it is given, and the channel would stall.
        let ident = idents.pass().or_else(|| Ident::new(1))?;
        Some(packet(ident, &command))
    }

    pub(super) fn connect_le(&mut self, link: &LinkFacts, idents: &mut Idents) -> Actions {
        let parameters = self.begin_credits(link, false, None);
        let Some(ident) = self.request(idents) else {
            return self.closed(Error::Refused, idents);
        };
        self.state = State::Connecting;
        let request = LeConnectionRequest {
            spsm: self.psm,
            scid: self.local,
            parameters,
        };
        let mut actions = Actions::new();
        actions.send(ident, &Command::LeConnectionRequest(request));
        actions
    }

    /// Answers the peer that asked for the channel, in LE credit based flow control mode.
    ///
    /// # Errors
    ///
    /// Not for the caller: `answer` is the refusal, if it is one.
    pub fn answer_le(&mut self, answer: Result<(), CreditResult>, idents: &mut Idents) -> Actions {
        let (State::Deciding, Some(ident), Some(credits)) =
            (self.state, self.peer_ident, self.credits())
        else {
            return Actions::new();
        };
        let parameters = credits.parameters();
        let mut actions = Actions::new();
        match answer {
            Ok(()) => {
                let response = LeConnectionResponse {
                    dcid: self.local,
                    parameters,
                    result: CreditResult::SUCCESS,
                };
                actions.send(ident, &Command::LeConnectionResponse(response));
                self.open(&mut actions);
            }
            Err(result) => {
                actions.push(Action::Send(le_refusal(ident, result)));
                for action in self.closed(Error::Refused, idents) {
                    actions.push(action);
                }
            }
        }
        actions
    }

    /// The peer answered the request for a channel in LE credit based flow control mode. `in_use` says whether another channel of
    /// the link has the identifier that it gave.
    pub fn on_le_connection_response(
        &mut self,
        ident: Ident,
        response: &LeConnectionResponse,
        in_use: bool,
        idents: &mut Idents,
    ) -> Actions {
        let enhanced = matches!(self.body, Body::Credits { enhanced: true, .. });
        if self.state != State::Connecting || enhanced || !self.take_response(ident, idents) {
            return Actions::new();
        }
        match response.result {
            CreditResult::SUCCESS => self.connected_credits(
                response.dcid,
                &response.parameters,
                LE_MIN_MTU,
                in_use,
                idents,
            ),
            CreditResult::AUTHENTICATION | CreditResult::ENCRYPTION => {
                self.state = State::Starting;
                Actions::one(Action::NeedsSecurity)
            }
            _ => self.closed(Error::Refused, idents),
        }
    }

    /// The peer agreed, and gave this identifier and these parameters.
    pub(in crate::l2cap) fn connected_credits(
        &mut self,
        dcid: u16,
        parameters: &CreditParameters,
        least: u16,
        in_use: bool,
        idents: &mut Idents,
    ) -> Actions {
        if check_scid(Transport::Le, dcid, in_use).is_err() {
            return self.closed(Error::Refused, idents);
        }
        self.remote = dcid;
        if parameters.mtu < least || parameters.mps < least {
            // For the peer the channel is open.
            return self.disconnect(Error::Refused, idents);
        }
        if let Some(credits) = self.credits_mut() {
            credits.set_peer(parameters);
        }
        let mut actions = Actions::new();
        self.open(&mut actions);
        actions
    }

    /// How a request that nobody wants is refused. Those of enhanced credit based mode are answered together, elsewhere.
    pub(super) fn refusal(&self, ident: Ident) -> Option<Packet> {
        let defer = self.settings.defer;
        match &self.body {
            Body::Configured(_) => Some(connection_response(
                ident,
                self.local,
                self.remote,
                if defer {
                    ConnectionResult::SECURITY_BLOCK
                } else {
                    ConnectionResult::BAD_PSM
                },
                ConnectionStatus::NO_INFORMATION,
            )),
            Body::Credits { enhanced: true, .. } => None,
            Body::Credits { .. } => Some(le_refusal(
                ident,
                if defer {
                    CreditResult::AUTHORIZATION
                } else {
                    CreditResult::BAD_SPSM
                },
            )),
        }
    }

    // Of channels that open in groups.

    /// It is one of those that the request with this identifier asks for. Returns what to tell the peer.
    pub(in crate::l2cap) fn start_enhanced(
        &mut self,
        ident: Ident,
        link: &LinkFacts,
    ) -> CreditParameters {
        self.ident = Some(ident);
        self.state = State::Connecting;
        self.begin_credits(link, true, None)
    }

    /// It is back where it was before its request.
    pub(in crate::l2cap) fn restart(&mut self, idents: &mut Idents) {
        self.forget_request(idents);
        self.state = State::Starting;
    }

    /// The peer, or this side's user, does not want it.
    pub(in crate::l2cap) fn refused(&mut self, idents: &mut Idents) -> Actions {
        self.closed(Error::Refused, idents)
    }

    /// The peer agreed, in enhanced credit based mode.
    pub(in crate::l2cap) fn connected_enhanced(
        &mut self,
        dcid: u16,
        parameters: &CreditParameters,
        idents: &mut Idents,
    ) -> Actions {
        self.forget_request(idents);
        self.connected_credits(dcid, parameters, ENHANCED_MIN_MTU, false, idents)
    }

    /// Takes its place in a group that the peer asked for; open at once unless its user is to consent.
    pub(in crate::l2cap) fn join_group(&mut self, slot: (u8, u8), defer: bool) -> Actions {
        self.slot = slot;
        if defer {
            Actions::new()
        } else {
            self.consent()
        }
    }

    /// Its place in the group that the peer asked for, and how many those are.
    pub(in crate::l2cap) const fn slot(&self) -> (u8, u8) {
        self.slot
    }

    /// Its user consents; the peer is told elsewhere.
    pub(in crate::l2cap) fn consent(&mut self) -> Actions {
        let mut actions = Actions::new();
        self.open(&mut actions);
        actions
    }

    /// Whether a request of ours awaits its answer.
    pub(in crate::l2cap) const fn has_request(&self) -> bool {
        self.ident.is_some()
    }

    /// Takes an identifier for a request.
    pub(in crate::l2cap) fn begin_request(&mut self, idents: &mut Idents) -> Option<Ident> {
        self.request(idents)
    }

    /// Takes the response to it: says whether it is one.
    pub(in crate::l2cap) fn end_request(&mut self, ident: Ident, idents: &mut Idents) -> bool {
        self.take_response(ident, idents)
    }
}
