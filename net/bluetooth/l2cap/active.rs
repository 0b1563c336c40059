// SPDX-License-Identifier: GPL-2.0

//! A channel in use: what the worker needs of it.

use super::{
    channel::{
        Channel,
        Hot,
        Kind,
        Pieces,
        Settings, //
    },
    data::Path,
    user::ChannelUser as _,
};
use crate::ChannelUser;
use engine::l2cap::{
    channel as engine_channel,
    turns::Standing, //
};
use kernel::{
    error::Error,
    sync::Arc, //
};
use kernel_ext::{
    net::State,
    ring::Ring,
    skbuff::SkBuff, //
};
use wire::l2cap::signal::Ident;

/// Messages that wait for room with the user, at most; beyond, the peer has ignored what it was
/// told.
pub(super) const MAX_BACKLOG: usize = 512;

/// A channel in the worker's table.
pub(super) struct Active {
    pub(super) shared: Arc<Channel>,
    pub(super) user: ChannelUser,
    pub(super) kind: Kind,
    /// The CID at this end; datagram and raw channels may share theirs.
    pub(super) cid: u16,
    /// The channel's state machine, if it has one: [`Kind::Oriented`].
    pub(super) engine: Option<engine_channel::Channel>,
    pub(super) path: Path,
    /// A message that is being put together.
    pub(super) partial: Option<SkBuff>,
    /// Messages for which the user has no room, the oldest first.
    pub(super) backlog: Ring<SkBuff>,
    /// The user counts as one who uses the link.
    pub(super) holds: bool,
    /// Security of the link is being raised for this channel.
    pub(super) securing: bool,
    /// Security was raised for this channel, which is not open yet, as far as both devices can.
    pub(super) secured: bool,
    /// The peer grants it only on a link that is more secure.
    pub(super) needs_security: bool,
    /// A request with others (enhanced credit based) that the user has to decide about.
    pub(super) group: Option<Ident>,
    /// And has: it is wanted.
    pub(super) consents: bool,
    /// The user is to be counted as one who uses the link.
    pub(super) wants_hold: bool,
    /// Why it is being closed, for its user to know when it is.
    pub(super) ending: Option<Error>,
    /// Among the channels that want to send.
    pub(super) standing: Standing,
    /// The order in which channels came.
    pub(super) age: u64,
}

impl Active {
    /// A channel for the table, without a state machine.
    pub(super) fn new(shared: Arc<Channel>, user: ChannelUser, kind: Kind, cid: u16) -> Self {
        shared.update(|s| s.scid = cid);
        Self {
            shared,
            user,
            kind,
            cid,
            engine: None,
            path: Path::None,
            partial: None,
            backlog: Ring::new(),
            holds: false,
            securing: false,
            secured: false,
            needs_security: false,
            group: None,
            consents: false,
            wants_hold: false,
            ending: None,
            standing: Standing::default(),
            age: 0,
        }
    }

    /// Nothing is sent until the link's security has changed.
    pub(super) fn suspend(&mut self) {
        self.securing = true;
        self.shared.set_suspended(true);
        if self.settings().is_att() {
            self.set_state(State::Config);
        }
    }

    /// What waited for security goes on.
    pub(super) fn resume(&mut self) {
        self.shared.set_suspended(false);
        self.shared.update(|s| s.state = State::Connected);
        self.user.opened();
    }

    pub(super) fn id(&self) -> u64 {
        self.shared.id()
    }

    pub(super) fn settings(&self) -> Settings {
        self.shared.settings()
    }

    /// The settings that matter for each frame.
    #[inline]
    pub(super) fn hot(&self) -> Hot {
        self.shared.hot()
    }

    /// What the engine calls a channel's settings.
    pub(super) fn engine_settings(&self) -> engine_channel::Settings {
        engine_settings(&self.settings(), self.user.timeout_ms())
    }

    /// Where the channel stands for those who are outside.
    pub(super) fn state(&self) -> State {
        self.hot().state
    }

    /// Tells the user of a state on the way up or down.
    pub(super) fn set_state(&mut self, state: State) {
        let changed = self.shared.update(|s| {
            let changed = s.state != state;
            s.state = state;
            changed
        });
        if changed {
            self.user.state(state);
        }
    }

    /// Brings what is known outside in line with the engine.
    pub(super) fn sync(&mut self) {
        use engine_channel::State as Engine;
        let Some(engine) = &self.engine else {
            return;
        };
        let state = match engine.state() {
            Engine::Starting | Engine::Connecting => State::Connect,
            Engine::Deciding => State::Connect2,
            Engine::Configuring => State::Config,
            Engine::Disconnecting => State::Disconn,
            // These are told with an action.
            Engine::Open | Engine::Closed => return,
        };
        self.set_state(state);
    }

    /// The channel carries data from now on.
    pub(super) fn open(&mut self, pieces: Pieces) {
        if self.state() == State::Connected {
            return;
        }
        let engine = self.engine.as_ref().map(|e| (e.params(), e.remote_cid()));
        self.shared.update(|s| {
            if let Some((params, dcid)) = engine {
                s.mode = params.mode;
                s.imtu = params.imtu;
                s.omtu = params.omtu;
                s.fcs = params.fcs.into();
                s.dcid = dcid;
            }
            s.pieces = pieces;
            s.state = State::Connected;
        });
        self.user.opened();
    }

    /// Hands a message to the user, or keeps it until there is room. `false`: it is lost.
    pub(super) fn deliver(&mut self, skb: SkBuff, keep: bool) -> bool {
        let skb = if self.backlog.is_empty() {
            match self.user.received(skb) {
                Ok(()) => return true,
                Err(skb) => skb,
            }
        } else {
            skb
        };
        if !keep || self.backlog.len() >= MAX_BACKLOG {
            return false;
        }
        self.shared.set_throttled(true);
        self.backlog.push_back(skb).is_ok()
    }

    /// The user has room: gives it what waits.
    pub(super) fn flush_backlog(&mut self) {
        while let Some(skb) = self.backlog.pop_front() {
            if let Err(skb) = self.user.received(skb) {
                self.shared.set_throttled(true);
                // Where it was: there is room, as one was just taken.
                let _ = self.backlog.push_front(skb);
                return;
            }
        }
        self.backlog.relax();
    }
}

/// See [`Active::engine_settings`].
pub(super) fn engine_settings(s: &Settings, timeout_ms: Option<u64>) -> engine_channel::Settings {
    engine_channel::Settings {
        mode: s.mode,
        // What both sides can do is better than nothing.
        mode_required: false,
        imtu: s.imtu,
        omtu: s.omtu,
        flush_timeout: s.flush_timeout,
        fcs: s.fcs != 0,
        max_transmit: s.max_transmit,
        tx_window: s.tx_window,
        timeout_ms,
        sdp: s.level == super::channel::Level::Sdp,
        defer: s.deferred,
    }
}
