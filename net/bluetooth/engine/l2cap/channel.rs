// SPDX-License-Identifier: GPL-2.0

//! A connection-oriented channel: how it opens, is configured and closes (Vol 3 Part A 6).
//!
//! ```text
//!               connect()                success                      both directions
//! Starting ------------------> Connecting -------> Configuring (BR/EDR) ------------> Open
//!               answer(Accept)                     |                                   |
//! Deciding ----------------------------------------+             close() or a failure  |
//!                                                                         |            |
//!                              Closed <----------------------------- Disconnecting <---+
//! ```
//!
//! Channels with credits have nothing to configure: they go straight to open. Every method returns what is to be done, at most four
//! things, in order. A channel that is closed stays so; whatever arrives for it has no effect.
//!
//! A response has an effect only if it has the identifier of the request that the channel waits for, and names its channels.

mod config;
mod configure;
mod credits;
mod requests;

use wire::l2cap::{
    control::Format,
    signal::{
        Command,
        ConnectionRequest,
        ConnectionResponse,
        ConnectionResult,
        ConnectionStatus,
        DisconnectionRequest,
        DisconnectionResponse,
        Ident,
        Packet, //
    },
    FeatureMask,
    Mode,
    Transport,
    DEFAULT_MTU, //
};

use super::{
    credit::Credits,
    ident::Idents,
    signalling::packet,
    Error, //
};
use config::Configuration;

pub use config::{
    MONITOR_TIMEOUT_MS,
    RETRANSMISSION_TIMEOUT_MS, //
};
pub use requests::{
    check_le_request,
    check_scid,
    connection_response,
    le_refusal,
    ScidError, //
};

/// How long a connection may take if its user does not say, in ms. As in the C stack.
pub const CONNECT_TIMEOUT_MS: u64 = 40_000;
/// How long a channel whose configuration failed waits for its disconnection, in ms. As in the C stack.
pub const REJECTED_TIMEOUT_MS: u64 = 5_000;

/// Where a channel is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// To be opened from this side; nothing was sent yet (`BT_CONNECT`).
    Starting,
    /// The connection request was sent (`BT_CONNECT`).
    Connecting,
    /// The peer asked for it, and was not answered yet, or told to wait (`BT_CONNECT2`).
    Deciding,
    /// Connected, the options of at least one direction are open (`BT_CONFIG`).
    Configuring,
    /// Data may flow (`BT_CONNECTED`).
    Open,
    /// The disconnection request was sent (`BT_DISCONN`).
    Disconnecting,
    /// Gone (`BT_CLOSED`).
    Closed,
}

/// What to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Send this command.
    Send(Packet),
    /// The channel is open: data may flow from here on.
    Ready,
    /// The peer wants a link that is more secure. The channel is [`State::Starting`] again: ask once more when the link is, or close
    /// it if the link cannot be.
    NeedsSecurity,
    /// Options of the open channel have changed, see [`Channel::params`].
    Reconfigured,
    /// The channel is being disconnected, no data flows any more; its user is told this. [`Closed`](Self::Closed) follows
    /// later.
    Disconnecting(Error),
    /// The peer gave this channel the identifier of another one, which is open: close that as well, if it is in the same mode.
    Duplicate {
        /// The other channel's identifier on the peer's side.
        dcid: u16,
    },
    /// The channel is gone: give up its identifier and tell its user.
    Closed(Error),
}

/// What to do, in order.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Actions {
    list: [Option<Action>; Self::MOST],
    len: usize,
}

impl Actions {
    /// How many there are at most.
    pub const MOST: usize = 4;

    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn one(action: Action) -> Self {
        let mut actions = Self::new();
        actions.push(action);
        actions
    }

    pub(super) fn push(&mut self, action: Action) {
        // No method returns more than that, which tests see to.
        if let Some(slot) = self.list.get_mut(self.len) {
            *slot = Some(action);
            self.len = self.len.saturating_add(1);
        }
    }

    fn send(&mut self, ident: Ident, command: &Command<'_>) {
        self.push(Action::Send(packet(ident, command)));
    }

    /// Whether there is nothing to do.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The actions.
    pub fn iter(&self) -> impl Iterator<Item = &Action> {
        self.list.iter().flatten()
    }
}

impl IntoIterator for Actions {
    type Item = Action;
    type IntoIter = core::iter::Flatten<core::array::IntoIter<Option<Action>, { Self::MOST }>>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter().flatten()
    }
}

/// What the user of a channel wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// The mode.
    pub mode: Mode,
    /// No other mode will do (`CONF_STATE2_DEVICE`).
    pub mode_required: bool,
    /// The longest SDU that is taken, in octets; zero lets the link decide.
    pub imtu: u16,
    /// The longest SDU to be sent, in octets, if the peer takes it; zero is what the peer says.
    pub omtu: u16,
    /// Flush time-out, in ms; 0xffff is without end.
    pub flush_timeout: u16,
    /// Whether frames of ERTM and streaming mode have a check sequence; they do unless both sides do without.
    pub fcs: bool,
    /// How often a frame is sent before the channel is given up; zero is without limit.
    pub max_transmit: u8,
    /// How many frames the peer may send before it waits for an acknowledgement.
    pub tx_window: u16,
    /// How long opening and closing may take, each, in ms; [`None`] is without end.
    pub timeout_ms: Option<u64>,
    /// A time-out while connecting is told as [`Error::TimedOut`], not as [`Error::Refused`]: for channels that need no
    /// security.
    pub sdp: bool,
    /// Incoming channels wait for their user's consent (`BT_DEFER_SETUP`).
    pub defer: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::Basic,
            mode_required: false,
            imtu: DEFAULT_MTU,
            omtu: 0,
            flush_timeout: 0xffff,
            fcs: true,
            max_transmit: 3,
            tx_window: 63,
            timeout_ms: Some(CONNECT_TIMEOUT_MS),
            sdp: false,
            defer: false,
        }
    }
}

/// What a channel has to know of its link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LinkFacts {
    /// The kind of link.
    pub transport: Transport,
    /// How many octets a packet of the link holds.
    pub mtu: u16,
    /// The longest SDU to take if the channel's user leaves it to the link, in octets.
    pub auto_mtu: u16,
    /// What the peer can do.
    pub peer_features: FeatureMask,
    /// What this side tells that it can do.
    pub local_features: FeatureMask,
}

impl LinkFacts {
    /// Whether both sides have this feature.
    const fn both(&self, feature: FeatureMask) -> bool {
        self.peer_features.contains(feature) && self.local_features.contains(feature)
    }

    /// Whether a mode that can be negotiated may be used.
    const fn supports(&self, mode: Mode) -> bool {
        match mode {
            Mode::Basic => true,
            Mode::Ertm => self.both(FeatureMask::ERTM),
            Mode::Streaming => self.both(FeatureMask::STREAMING),
            _ => false,
        }
    }
}

/// What was agreed on, for who carries the data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Params {
    /// The mode.
    pub mode: Mode,
    /// The longest SDU that this side takes, in octets.
    pub imtu: u16,
    /// The longest SDU that the peer takes, in octets.
    pub omtu: u16,
    /// Flush time-out of what this side sends, in ms.
    pub flush_timeout: u16,
    /// Whether frames have a check sequence.
    pub fcs: bool,
    /// The format of control fields.
    pub format: Format,
    /// How many frames this side may send without acknowledgement.
    pub tx_window: u16,
    /// How many frames the peer may send without acknowledgement.
    pub rx_window: u16,
    /// How many of these the peer really uses; with three quarters of it outstanding an acknowledgement is sent at once.
    pub ack_window: u16,
    /// How often a frame is sent before the channel is given up; zero is without limit.
    pub max_transmit: u8,
    /// In ms; zero is without.
    pub retransmission_timeout: u16,
    /// In ms; zero is without.
    pub monitor_timeout: u16,
    /// The longest payload of a frame from the peer, in octets.
    pub rx_mps: u16,
    /// The longest payload of a frame to the peer, in octets.
    pub tx_mps: u16,
}

/// What the user of this side says to a peer that asked for a channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Wait.
    Pending(ConnectionStatus),
    /// Yes.
    Accept,
    /// No.
    Refuse(ConnectionResult),
}

/// What only some channels have.
#[derive(Clone, Debug)]
enum Body {
    Configured(Configuration),
    Credits { credits: Credits, enhanced: bool },
}

/// A channel.
#[derive(Clone, Debug)]
pub struct Channel {
    state: State,
    local: u16,
    /// Zero as long as it is not known.
    remote: u16,
    psm: u16,
    /// Of our request that is not answered.
    ident: Option<Ident>,
    /// Of the peer's connection or configuration request that is not answered for good.
    peer_ident: Option<Ident>,
    deadline: Option<u64>,
    settings: Settings,
    body: Body,
    /// Place in a group of channels that were asked for together, and how many those are.
    slot: (u8, u8),
}

impl Channel {
    fn new(state: State, local: u16, remote: u16, psm: u16, settings: &Settings) -> Self {
        Self {
            state,
            local,
            remote,
            psm,
            ident: None,
            peer_ident: None,
            deadline: None,
            settings: *settings,
            body: Body::Configured(Configuration::new(settings)),
            slot: (0, 1),
        }
    }

    /// To be opened from this side as channel `local`; `psm` says what it is for. The time for it begins to run.
    pub fn outgoing(local: u16, psm: u16, settings: &Settings, now: u64) -> Self {
        let mut channel = Self::new(State::Starting, local, 0, psm, settings);
        channel.start_timer(now);
        channel
    }

    /// The peer asked for it; it was looked at with [`check_scid`]. The time for it begins to run.
    pub fn incoming(
        local: u16,
        ident: Ident,
        request: &ConnectionRequest,
        settings: &Settings,
        now: u64,
    ) -> Self {
        let ConnectionRequest { psm, scid } = *request;
        let mut channel = Self::new(State::Deciding, local, scid, psm, settings);
        channel.peer_ident = Some(ident);
        channel.start_timer(now);
        channel
    }

    fn start_timer(&mut self, now: u64) {
        self.deadline = self
            .settings
            .timeout_ms
            .map(|timeout| now.saturating_add(timeout));
    }

    /// Where it is.
    pub const fn state(&self) -> State {
        self.state
    }

    /// Its identifier on this side.
    pub const fn local_cid(&self) -> u16 {
        self.local
    }

    /// Its identifier on the peer's side; zero as long as it is not known.
    pub const fn remote_cid(&self) -> u16 {
        self.remote
    }

    /// What it is for.
    pub const fn psm(&self) -> u16 {
        self.psm
    }

    /// What its user wants.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Its user wants something else; without effect on what was agreed on already.
    pub fn change_settings(&mut self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings);
    }

    /// Whether it waits for the response with this identifier.
    pub fn awaits(&self, ident: Ident) -> bool {
        self.ident == Some(ident)
    }

    /// Whether it is the peer's request with this identifier that is not answered for good.
    pub fn is_asked_by(&self, ident: Ident) -> bool {
        self.state == State::Deciding && self.peer_ident == Some(ident)
    }

    /// The identifier of the peer's request that is not answered for good.
    pub const fn peer_ident(&self) -> Option<Ident> {
        self.peer_ident
    }

    /// The mode, as far as it is known by now.
    pub const fn mode(&self) -> Mode {
        match &self.body {
            Body::Configured(config) => config.mode(),
            Body::Credits { enhanced: true, .. } => Mode::EnhancedCredit,
            Body::Credits { .. } => Mode::LeCredit,
        }
    }

    /// What was agreed on. Of a channel that is not open it may still change.
    pub fn params(&self) -> Params {
        match &self.body {
            Body::Configured(config) => config.params(),
            Body::Credits { credits, .. } => Params {
                mode: self.mode(),
                imtu: credits.imtu(),
                omtu: credits.omtu(),
                rx_mps: credits.mps(),
                tx_mps: credits.tx_mps(),
                fcs: false,
                ..Configuration::new(&self.settings).params()
            },
        }
    }

    /// When [`on_timeout`](Self::on_timeout) has something to do.
    pub const fn deadline(&self) -> Option<u64> {
        self.deadline
    }

    /// Opening or closing it ends then.
    pub fn set_deadline(&mut self, deadline: Option<u64>) {
        self.deadline = deadline;
    }

    /// Takes an identifier for a request. If there is none left the peer has answered nothing for long.
    fn request(&mut self, idents: &mut Idents) -> Option<Ident> {
        self.forget_request(idents);
        self.ident = idents.allocate();
        self.ident
    }

    /// The response arrived, or is of no interest any more.
    fn forget_request(&mut self, idents: &mut Idents) {
        if let Some(ident) = self.ident.take() {
            idents.release(ident);
        }
    }

    /// Takes the response that the channel waits for: says whether it is one.
    fn take_response(&mut self, ident: Ident, idents: &mut Idents) -> bool {
        let awaited = self.awaits(ident);
        if awaited {
            self.forget_request(idents);
        }
        awaited
    }

    fn closed(&mut self, error: Error, idents: &mut Idents) -> Actions {
        self.forget_request(idents);
        self.peer_ident = None;
        self.deadline = None;
        self.state = State::Closed;
        Actions::one(Action::Closed(error))
    }

    fn open(&mut self, actions: &mut Actions) {
        self.state = State::Open;
        self.peer_ident = None;
        self.deadline = None;
        actions.push(Action::Ready);
    }

    /// Sends the disconnection request.
    fn disconnect(&mut self, error: Error, idents: &mut Idents) -> Actions {
        let Some(ident) = self.request(idents) else {
            return self.closed(error, idents);
        };
        let request = DisconnectionRequest {
            dcid: self.remote,
            scid: self.local,
        };
        self.state = State::Disconnecting;
        self.peer_ident = None;
        let mut actions = Actions::new();
        actions.send(ident, &Command::DisconnectionRequest(request));
        actions.push(Action::Disconnecting(error));
        actions
    }

    /// Sends the connection request: the link is secure enough for it, and on BR/EDR the exchange of features is over. Not for
    /// enhanced credit based mode, see [`enhanced`](super::enhanced).
    pub fn connect(&mut self, link: &LinkFacts, idents: &mut Idents) -> Actions {
        if self.state != State::Starting {
            return Actions::new();
        }
        let settings = &self.settings;
        if link.transport == Transport::Le {
            return self.connect_le(link, idents);
        }
        if settings.mode_required && !link.supports(settings.mode) {
            return self.closed(Error::Reset, idents);
        }
        let Some(ident) = self.request(idents) else {
            return self.closed(Error::Refused, idents);
        };
        self.state = State::Connecting;
        let mut actions = Actions::new();
        let request = ConnectionRequest {
            psm: self.psm,
            scid: self.local,
        };
        actions.send(ident, &Command::ConnectionRequest(request));
        actions
    }

    /// Answers the peer that asked for the channel: any number of times to wait, and then for good. For BR/EDR.
    pub fn answer(&mut self, answer: Answer, link: &LinkFacts, idents: &mut Idents) -> Actions {
        let (State::Deciding, Some(ident)) = (self.state, self.peer_ident) else {
            return Actions::new();
        };
        let (dcid, result, status) = match answer {
            Answer::Pending(status) => (self.local, ConnectionResult::PENDING, status),
            Answer::Accept => (
                self.local,
                ConnectionResult::SUCCESS,
                ConnectionStatus::NO_INFORMATION,
            ),
            Answer::Refuse(result) => (0, result, ConnectionStatus::NO_INFORMATION),
        };
        let mut actions = Actions::new();
        actions.push(Action::Send(connection_response(
            ident,
            dcid,
            self.remote,
            result,
            status,
        )));
        match answer {
            Answer::Pending(_) => {}
            Answer::Accept => {
                self.peer_ident = None;
                self.state = State::Configuring;
                self.begin_configuration(link, idents, &mut actions);
            }
            Answer::Refuse(_) => {
                for action in self.closed(Error::Refused, idents) {
                    actions.push(action);
                }
            }
        }
        actions
    }

    /// The peer answered the connection request. `in_use` says whether another channel of the link has the identifier that it
    /// gave. For BR/EDR.
    pub fn on_connection_response(
        &mut self,
        ident: Ident,
        response: &ConnectionResponse,
        in_use: bool,
        link: &LinkFacts,
        idents: &mut Idents,
    ) -> Actions {
        let ours = response.scid == self.local || response.scid == 0;
        if self.state != State::Connecting || !self.awaits(ident) || !ours {
            return Actions::new();
        }
        let mut actions = Actions::new();
        match response.result {
            ConnectionResult::PENDING => {}
            ConnectionResult::SUCCESS => {
                self.forget_request(idents);
                if check_scid(Transport::BrEdr, response.dcid, in_use).is_err() {
                    return self.closed(Error::Refused, idents);
                }
                self.remote = response.dcid;
                self.state = State::Configuring;
                self.begin_configuration(link, idents, &mut actions);
            }
            _ => return self.closed(Error::Refused, idents),
        }
        actions
    }

    /// The peer ends the channel.
    pub fn on_disconnection_request(
        &mut self,
        ident: Ident,
        request: &DisconnectionRequest,
        idents: &mut Idents,
    ) -> Actions {
        let ours = request.dcid == self.local
            && (request.scid == self.remote || self.remote == 0)
            && self.state != State::Closed;
        if !ours {
            return Actions::new();
        }
        let error = match self.state {
            // It was asked for here as well.
            State::Disconnecting => Error::None,
            _ => Error::Reset,
        };
        let mut actions = Actions::new();
        let response = DisconnectionResponse {
            dcid: self.local,
            scid: request.scid,
        };
        actions.send(ident, &Command::DisconnectionResponse(response));
        for action in self.closed(error, idents) {
            actions.push(action);
        }
        actions
    }

    /// The peer agrees that the channel ends.
    pub fn on_disconnection_response(
        &mut self,
        ident: Ident,
        response: &DisconnectionResponse,
        idents: &mut Idents,
    ) -> Actions {
        let ours = response.scid == self.local && response.dcid == self.remote;
        if self.state != State::Disconnecting || !ours || !self.take_response(ident, idents) {
            return Actions::new();
        }
        self.closed(Error::None, idents)
    }

    /// The peer rejects the request that the channel waits for.
    pub fn on_reject(&mut self, ident: Ident, idents: &mut Idents) -> Actions {
        if !self.take_response(ident, idents) {
            return Actions::new();
        }
        match self.state {
            // There is no such channel: that is what was wanted.
            State::Disconnecting => self.closed(Error::None, idents),
            // What was agreed on still holds.
            State::Open => Actions::new(),
            State::Configuring => self.disconnect(Error::Reset, idents),
            _ => self.closed(Error::Refused, idents),
        }
    }

    /// Its user does not want it any more, or it cannot go on.
    pub fn close(&mut self, error: Error, idents: &mut Idents, now: u64) -> Actions {
        match self.state {
            State::Closed => Actions::new(),
            State::Configuring | State::Open => {
                self.start_timer(now);
                self.disconnect(error, idents)
            }
            State::Deciding => self.turn_down(error, idents),
            State::Starting | State::Connecting | State::Disconnecting => {
                self.closed(error, idents)
            }
        }
    }

    /// Refuses what the peer asked for, because nobody wants it.
    fn turn_down(&mut self, error: Error, idents: &mut Idents) -> Actions {
        let mut actions = Actions::new();
        if let Some(ident) = self.peer_ident {
            if let Some(refusal) = self.refusal(ident) {
                actions.push(Action::Send(refusal));
            }
        }
        for action in self.closed(error, idents) {
            actions.push(action);
        }
        actions
    }

    /// The link is gone, and with it the channel: nothing can be sent.
    pub fn link_down(&mut self, idents: &mut Idents) {
        self.closed(Error::None, idents);
    }

    /// Time has passed.
    pub fn on_timeout(&mut self, now: u64, idents: &mut Idents) -> Actions {
        if self.deadline.is_none_or(|deadline| deadline > now) {
            return Actions::new();
        }
        self.deadline = None;
        let error = match self.state {
            State::Open | State::Configuring => Error::Refused,
            State::Starting | State::Connecting if !self.settings.sdp => Error::Refused,
            _ => Error::TimedOut,
        };
        self.close(error, idents, now)
    }
}
