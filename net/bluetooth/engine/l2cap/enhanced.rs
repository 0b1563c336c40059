// SPDX-License-Identifier: GPL-2.0

//! Channels in enhanced credit based flow control mode, which open in groups of up to five (Vol 3 Part A 4.25 to 4.28).
//!
//! A group is no object of its own: what belongs together has the same identifier. The builders here collect, channel by channel, what a
//! command for all of them says, and take apart what one says to all of them.

use wire::l2cap::{
    psm,
    signal::{
        Cid,
        Command,
        CreditConnectionRequest,
        CreditConnectionResponse,
        CreditParameters,
        CreditResult,
        Ident,
        Packet,
        ReconfigureRequest,
        ReconfigureResponse,
        ReconfigureResult, //
    },
    Mode,
    Transport,
    ENHANCED_CHANNELS,
    ENHANCED_MIN_MTU, //
};

use super::{
    channel::{
        Action,
        Actions,
        Channel,
        LinkFacts,
        Settings,
        State, //
    },
    ident::Idents,
    signalling::packet,
    Error, //
};

const NOTHING: CreditParameters = CreditParameters {
    mtu: 0,
    mps: 0,
    credits: 0,
};

/// Up to five identifiers.
#[derive(Clone, Copy, Debug)]
struct Cids {
    list: [Cid; ENHANCED_CHANNELS],
    len: usize,
}

impl Cids {
    const fn new() -> Self {
        Self {
            list: [Cid::ZERO; ENHANCED_CHANNELS],
            len: 0,
        }
    }

    fn push(&mut self, cid: u16) -> bool {
        let Some(slot) = self.list.get_mut(self.len) else {
            return false;
        };
        *slot = Cid::new(cid);
        self.len = self.len.saturating_add(1);
        true
    }

    fn as_slice(&self) -> &[Cid] {
        self.list.get(..self.len).unwrap_or(&[])
    }
}

fn response(
    ident: Ident,
    parameters: CreditParameters,
    result: CreditResult,
    dcids: &[Cid],
) -> Packet {
    packet(
        ident,
        &Command::CreditConnectionResponse(CreditConnectionResponse {
            parameters,
            result,
            dcids,
        }),
    )
}

/// Asks for channels.
#[derive(Clone, Debug)]
pub struct Request {
    ident: Ident,
    spsm: u16,
    parameters: Option<CreditParameters>,
    scids: Cids,
}

impl Request {
    /// For what `spsm` says. Nothing if there is no identifier left.
    #[must_use]
    pub fn new(spsm: u16, idents: &mut Idents) -> Option<Self> {
        Some(Self {
            ident: idents.allocate()?,
            spsm,
            parameters: None,
            scids: Cids::new(),
        })
    }

    /// Adds a channel that is to be opened. The first one's parameters are those of all. Says whether it was added: not if it is
    /// not [`Starting`](State::Starting), or if there are five already.
    pub fn add(&mut self, channel: &mut Channel, link: &LinkFacts) -> bool {
        if channel.state() != State::Starting || !self.scids.push(channel.local_cid()) {
            return false;
        }
        let parameters = channel.start_enhanced(self.ident, link);
        self.parameters.get_or_insert(parameters);
        true
    }

    /// The command, to be sent now. Its identifier is in use until every channel of the group has its answer, or is gone.
    pub fn finish(self) -> Packet {
        packet(
            self.ident,
            &Command::CreditConnectionRequest(CreditConnectionRequest {
                spsm: self.spsm,
                parameters: self.parameters.unwrap_or(NOTHING),
                scids: self.scids.as_slice(),
            }),
        )
    }
}

/// The peer's answer to a request for channels, taken apart.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    ident: Ident,
    parameters: CreditParameters,
    result: CreditResult,
    dcids: &'a [Cid],
}

impl<'a> Response<'a> {
    /// The answer.
    pub const fn new(ident: Ident, response: &CreditConnectionResponse<'a>) -> Self {
        Self {
            ident,
            parameters: response.parameters,
            result: response.result,
            dcids: response.dcids,
        }
    }

    /// Gives a channel its part. To be called for every channel that [`awaits`](Channel::awaits) the identifier, in the order in
    /// which they were asked for. `in_use` says whether a channel of the link has an identifier on the peer's side.
    pub fn apply(
        &mut self,
        channel: &mut Channel,
        in_use: impl FnOnce(u16) -> bool,
        idents: &mut Idents,
    ) -> Actions {
        if !channel.awaits(self.ident)
            || channel.state() != State::Connecting
            || channel.mode() != Mode::EnhancedCredit
        {
            return Actions::new();
        }
        // The answer follows.
        if matches!(
            self.result,
            CreditResult::PENDING
                | CreditResult::AUTHENTICATION_PENDING
                | CreditResult::AUTHORIZATION_PENDING
        ) {
            return Actions::new();
        }
        let dcid = match self.dcids.split_first() {
            Some((dcid, rest)) => {
                self.dcids = rest;
                dcid.get()
            }
            None => 0,
        };
        if matches!(
            self.result,
            CreditResult::AUTHENTICATION | CreditResult::ENCRYPTION
        ) && dcid == 0
        {
            channel.restart(idents);
            return Actions::one(Action::NeedsSecurity);
        }
        if dcid == 0 || self.result == CreditResult::BAD_SPSM {
            return channel.refused(idents);
        }
        if in_use(dcid) {
            // Neither may be used any more (4.26).
            let mut actions = channel.refused(idents);
            actions.push(Action::Duplicate { dcid });
            return actions;
        }
        channel.connected_enhanced(dcid, &self.parameters, idents)
    }
}

/// Answers the peer's request for channels.
#[derive(Clone, Debug)]
pub struct Accept<'a> {
    ident: Ident,
    spsm: u16,
    peer: CreditParameters,
    scids: &'a [Cid],
    /// The next one to decide on.
    next: usize,
    parameters: Option<CreditParameters>,
    result: CreditResult,
    dcids: Cids,
}

impl<'a> Accept<'a> {
    /// Looks at the request. `busy` says whether another group with this identifier waits for its user's consent.
    ///
    /// # Errors
    ///
    /// The request is not allowed; send this.
    pub fn new(
        ident: Ident,
        request: &CreditConnectionRequest<'a>,
        busy: bool,
    ) -> Result<Self, Packet> {
        let accept = Self {
            ident,
            spsm: request.spsm,
            peer: request.parameters,
            scids: request.scids,
            next: 0,
            parameters: None,
            result: CreditResult::SUCCESS,
            dcids: Cids::new(),
        };
        let count = request.scids.len();
        let peer = &request.parameters;
        if busy || count == 0 || count > ENHANCED_CHANNELS {
            let result = CreditResult::INVALID_PARAMETERS;
            return Err(response(ident, NOTHING, result, &[]));
        }
        if peer.mtu < ENHANCED_MIN_MTU || peer.mps < ENHANCED_MIN_MTU {
            return Err(accept.refuse_all(CreditResult::INVALID_PARAMETERS));
        }
        if !psm::is_valid(Transport::Le, request.spsm) {
            return Err(accept.refuse_all(CreditResult::BAD_SPSM));
        }
        Ok(accept)
    }

    /// The refusal of all of them: nobody listens, the link is not secure enough, or the MTU is not acceptable.
    pub fn refuse_all(&self, result: CreditResult) -> Packet {
        let zeros = [Cid::ZERO; ENHANCED_CHANNELS];
        let dcids = zeros.get(..self.scids.len()).unwrap_or(&zeros);
        response(self.ident, NOTHING, result, dcids)
    }

    /// The peer's identifier of the next channel to decide on, by [`accept`](Self::accept) or [`refuse`](Self::refuse).
    pub fn next(&self) -> Option<u16> {
        self.scids.get(self.next).map(|scid| scid.get())
    }

    /// Makes the next channel, with identifier `local` on this side. It waits for its user's consent if the settings say so, else it is
    /// open, and has [`Action::Ready`] to be done.
    pub fn accept(
        &mut self,
        local: u16,
        settings: &Settings,
        link: &LinkFacts,
        now: u64,
    ) -> Option<(Channel, Actions)> {
        let remote = self.next()?;
        let slot = (
            u8::try_from(self.next).ok()?,
            u8::try_from(self.scids.len()).ok()?,
        );
        let mut channel = Channel::incoming_enhanced(
            (local, remote),
            self.spsm,
            self.ident,
            &self.peer,
            settings,
            link,
            now,
        );
        let actions = channel.join_group(slot, settings.defer);
        if let Some(credits) = channel.credits() {
            self.parameters.get_or_insert(credits.parameters());
        }
        self.decide(local);
        Some((channel, actions))
    }

    /// Refuses the next channel.
    pub fn refuse(&mut self, result: CreditResult) {
        self.result = result;
        self.decide(0);
    }

    fn decide(&mut self, dcid: u16) {
        // There are no more than five.
        let _ = self.dcids.push(dcid);
        self.next = self.next.saturating_add(1);
    }

    /// The answer, to be sent now, unless the channels wait for their user's consent.
    pub fn finish(self) -> Packet {
        let parameters = self.parameters.unwrap_or(NOTHING);
        response(self.ident, parameters, self.result, self.dcids.as_slice())
    }
}

/// Answers the peer's request for channels that waited for their user's consent: when all of the group have it, or when one is
/// refused, and with it all.
#[derive(Clone, Debug)]
pub struct Deferred {
    ident: Ident,
    consent: bool,
    parameters: Option<CreditParameters>,
    dcids: Cids,
}

impl Deferred {
    /// To the request with this identifier.
    pub const fn new(ident: Ident, consent: bool) -> Self {
        Self {
            ident,
            consent,
            parameters: None,
            dcids: Cids::new(),
        }
    }

    /// A channel of the group; to be called for all of them. It is open now, or refused.
    pub fn add(&mut self, channel: &mut Channel, idents: &mut Idents) -> Actions {
        if !channel.is_asked_by(self.ident) || channel.mode() != Mode::EnhancedCredit {
            return Actions::new();
        }
        if let Some(credits) = channel.credits() {
            self.parameters.get_or_insert(credits.parameters());
        }
        // A refusal names no channels, as the C stack's.
        if !self.consent {
            return channel.refused(idents);
        }
        let (slot, count) = channel.slot();
        self.dcids.len = usize::from(count).min(ENHANCED_CHANNELS);
        if let Some(dcid) = self.dcids.list.get_mut(usize::from(slot)) {
            *dcid = Cid::new(channel.local_cid());
        }
        channel.consent()
    }

    /// The answer, to be sent now.
    pub fn finish(self) -> Packet {
        let dcids = self.dcids.as_slice();
        let result = if !self.consent || self.parameters.is_none() {
            CreditResult::AUTHORIZATION
        } else if dcids.contains(&Cid::ZERO) {
            // Which says "some": those that were refused at once.
            CreditResult::NO_RESOURCES
        } else {
            CreditResult::SUCCESS
        };
        response(
            self.ident,
            self.parameters.unwrap_or(NOTHING),
            result,
            dcids,
        )
    }
}

/// What a channel sends at most, see [`check_reconfigure`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The longest SDU that the peer takes, in octets.
    pub mtu: u16,
    /// The longest frame that the peer takes, in octets.
    pub mps: u16,
}

/// Looks at the peer's wish to take other lengths on its channels. `limits` finds an open channel in this mode by its identifier on
/// the peer's side ([`Channel::enhanced_limits`]). If the result is success, [`Channel::set_enhanced_limits`] on each; send
/// [`reconfigure_response`] in any case.
pub fn check_reconfigure(
    request: &ReconfigureRequest<'_>,
    limits: impl Fn(u16) -> Option<Limits>,
) -> ReconfigureResult {
    let ReconfigureRequest { mtu, mps, scids } = *request;
    if mtu < ENHANCED_MIN_MTU || mps < ENHANCED_MIN_MTU || scids.len() > ENHANCED_CHANNELS {
        return ReconfigureResult::INVALID_PARAMETERS;
    }
    if scids.is_empty() {
        return ReconfigureResult::INVALID_CID;
    }
    for scid in scids {
        let Some(limits) = limits(scid.get()) else {
            return ReconfigureResult::INVALID_CID;
        };
        if mtu < limits.mtu {
            return ReconfigureResult::INVALID_MTU;
        }
        // Of a single one it may become less.
        if mps < limits.mps && scids.len() > 1 {
            return ReconfigureResult::INVALID_MPS;
        }
    }
    ReconfigureResult::SUCCESS
}

/// The answer to a [`ReconfigureRequest`].
pub fn reconfigure_response(ident: Ident, result: ReconfigureResult) -> Packet {
    packet(
        ident,
        &Command::ReconfigureResponse(ReconfigureResponse { result }),
    )
}

impl Channel {
    /// What the peer takes, if the channel is open and in this mode.
    pub fn enhanced_limits(&self) -> Option<Limits> {
        let open = self.state() == State::Open && self.mode() == Mode::EnhancedCredit;
        let credits = self.credits().filter(|_| open)?;
        Some(Limits {
            mtu: credits.omtu(),
            mps: credits.tx_mps(),
        })
    }

    /// The peer takes other lengths.
    pub fn set_enhanced_limits(&mut self, mtu: u16, mps: u16) {
        if let Some(credits) = self.credits_mut() {
            credits.set_peer_limits(mtu, mps);
        }
    }

    /// Tells the peer that SDUs of `imtu` octets are taken from now on, which must not be less than before. Nothing if it is, if the
    /// channel is not open and in this mode, or if it waits for the answer to an earlier one.
    #[must_use]
    pub fn reconfigure(&mut self, imtu: u16, idents: &mut Idents) -> Option<Packet> {
        self.enhanced_limits()?;
        let cid = self.local_cid();
        let credits = self.credits()?;
        if imtu < credits.imtu() || imtu < ENHANCED_MIN_MTU || self.has_request() {
            return None;
        }
        let mps = credits.mps();
        let ident = self.begin_request(idents)?;
        // From now on, for what the peer sends may overtake its answer.
        self.credits_mut()?.set_imtu(imtu);
        Some(packet(
            ident,
            &Command::ReconfigureRequest(ReconfigureRequest {
                mtu: imtu,
                mps,
                scids: &[Cid::new(cid)],
            }),
        ))
    }

    /// The peer answered [`reconfigure`](Self::reconfigure). A failure ends the channel, as in the C stack.
    pub fn on_reconfigure_response(
        &mut self,
        ident: Ident,
        response: &ReconfigureResponse,
        idents: &mut Idents,
        now: u64,
    ) -> Actions {
        if self.enhanced_limits().is_none() || !self.end_request(ident, idents) {
            return Actions::new();
        }
        match response.result {
            ReconfigureResult::SUCCESS => Actions::one(Action::Reconfigured),
            _ => self.close(Error::Reset, idents, now),
        }
    }
}
