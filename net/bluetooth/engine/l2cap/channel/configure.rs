// SPDX-License-Identifier: GPL-2.0

//! The commands of configuration (Vol 3 Part A 4.4, 4.5) and what they do to a channel. What is negotiated is in
//! [`config`](super::config).

use wire::l2cap::signal::{
    Command,
    ConfigResult,
    ConfigurationRequest,
    ConfigurationResponse,
    Ident, //
};

use super::{
    config::{
        Configuration,
        Incompatible, //
    },
    Action,
    Actions,
    Body,
    Channel,
    LinkFacts,
    State,
    REJECTED_TIMEOUT_MS, //
};
use crate::l2cap::{
    ident::Idents,
    Error, //
};

impl Channel {
    fn config_mut(&mut self) -> Option<&mut Configuration> {
        match &mut self.body {
            Body::Configured(config) => Some(config),
            Body::Credits { .. } => None,
        }
    }

    /// Sends a configuration request.
    fn request_configuration(
        &mut self,
        link: &LinkFacts,
        idents: &mut Idents,
        actions: &mut Actions,
    ) {
        let dcid = self.remote;
        let Some(list) = self.config_mut().map(|config| config.request(link)) else {
            return;
        };
        // Without an identifier the channel's time runs out.
        if let Some(ident) = self.request(idents) {
            let request = ConfigurationRequest {
                dcid,
                flags: 0,
                options: list.as_slice(),
            };
            actions.send(ident, &Command::ConfigurationRequest(request));
        }
    }

    /// The channel is connected: asks for options, unless the peer's request came before and led to it.
    pub(super) fn begin_configuration(
        &mut self,
        link: &LinkFacts,
        idents: &mut Idents,
        actions: &mut Actions,
    ) {
        if self.config_mut().is_some_and(|config| !config.requested) {
            self.request_configuration(link, idents, actions);
        }
    }

    fn respond(
        &self,
        ident: Ident,
        result: ConfigResult,
        flags: u16,
        options: &[u8],
        actions: &mut Actions,
    ) {
        let response = ConfigurationResponse {
            scid: self.remote,
            flags,
            result,
            options,
        };
        actions.send(ident, &Command::ConfigurationResponse(response));
    }

    /// The peer requests options. BR/EDR; the channel was found by the request's `dcid`.
    ///
    /// A channel that is not connected, or already being disconnected, is none: answer with
    /// [`invalid_cid`](crate::l2cap::signalling::invalid_cid), which [`is_configurable`](Self::is_configurable) tells.
    pub fn on_configuration_request(
        &mut self,
        ident: Ident,
        request: &ConfigurationRequest<'_>,
        link: &LinkFacts,
        idents: &mut Idents,
        now: u64,
    ) -> Actions {
        let mut actions = Actions::new();
        if !self.is_configurable() || request.dcid != self.local {
            return actions;
        }
        let open = self.state == State::Open;
        let Some(config) = self.config_mut() else {
            return actions;
        };
        let flags = request.flags & ConfigurationRequest::CONTINUATION;
        if !config.partial.extend(request.options) {
            config.partial.clear();
            self.respond(ident, ConfigResult::REJECTED, flags, &[], &mut actions);
            return actions;
        }
        if request.continues() {
            self.respond(ident, ConfigResult::SUCCESS, flags, &[], &mut actions);
            return actions;
        }
        let options = core::mem::take(&mut config.partial);
        let Ok((result, list)) = config.on_request(options.as_slice(), open, link) else {
            return self.give_up(idents, now);
        };
        config.responses = config.responses.saturating_add(1);
        self.respond(ident, result, 0, list.as_slice(), &mut actions);
        self.settle(Some(ident), link, idents, &mut actions);
        actions
    }

    /// Whether the channel takes part in configuration. Also before the peer was answered that asked for it: some are in a
    /// hurry. Such a channel does not open by that.
    pub fn is_configurable(&self) -> bool {
        matches!(self.body, Body::Configured(_))
            && matches!(
                self.state,
                State::Deciding | State::Configuring | State::Open
            )
    }

    /// The peer answers our request for options. BR/EDR.
    pub fn on_configuration_response(
        &mut self,
        ident: Ident,
        response: &ConfigurationResponse<'_>,
        link: &LinkFacts,
        idents: &mut Idents,
        now: u64,
    ) -> Actions {
        let mut actions = Actions::new();
        let open = self.state == State::Open;
        let waits = matches!(self.state, State::Configuring | State::Open);
        if !waits || response.scid != self.local || !self.awaits(ident) {
            return actions;
        }
        let Some(config) = self.config_mut() else {
            return actions;
        };
        let outcome = match response.result {
            // The answer for good follows, to the same request; but to the peer's own request, which it may wait for with this,
            // ours has none to wait for.
            ConfigResult::PENDING => config.accepted(response.options, open).map(|()| false),
            ConfigResult::SUCCESS => config.accepted(response.options, open).map(|()| true),
            ConfigResult::UNKNOWN_OPTIONS | ConfigResult::UNACCEPTABLE => {
                if config.adjust(response, open).is_err() {
                    return self.give_up(idents, now);
                }
                self.request_configuration(link, idents, &mut actions);
                return actions;
            }
            _ => Err(Incompatible),
        };
        match outcome {
            Err(Incompatible) => return self.give_up(idents, now),
            // More of it follows.
            Ok(true) if response.continues() => return actions,
            Ok(true) => {
                config.input_done = true;
                self.forget_request(idents);
            }
            Ok(false) => {}
        }
        self.settle(None, link, idents, &mut actions);
        actions
    }

    /// Goes on as far as both sides are. `ident` is that of a request that was just answered.
    fn settle(
        &mut self,
        ident: Option<Ident>,
        link: &LinkFacts,
        idents: &mut Idents,
        actions: &mut Actions,
    ) {
        let state = self.state;
        let Some(config) = self.config_mut() else {
            return;
        };
        let requested = config.requested;
        let answered = ident.is_some();
        let settled = config.output_done || config.pending;
        // Deciding: the peer has no answer yet, and gets nothing more before it has.
        if state == State::Deciding {
            return;
        }
        if answered && config.pending {
            self.peer_ident = ident;
        }
        if answered && settled && !requested {
            self.request_configuration(link, idents, actions);
        }
        // There is nothing to wait for on our side, so "pending" lasts until the peer has said something about our request.
        if !answered || self.input_done() {
            self.end_pending(actions);
        }
        let Some(config) = self.config_mut() else {
            return;
        };
        if config.is_done() {
            config.start_over(state == State::Open);
            if state == State::Open {
                actions.push(Action::Reconfigured);
            } else {
                self.open(actions);
            }
        }
    }

    fn input_done(&mut self) -> bool {
        self.config_mut().is_some_and(|config| config.input_done)
    }

    /// Accepts for good what was accepted for later.
    fn end_pending(&mut self, actions: &mut Actions) {
        let Some(config) = self.config_mut().filter(|config| config.pending) else {
            return;
        };
        config.pending = false;
        config.output_done = true;
        if let Some(ident) = self.peer_ident.take() {
            self.respond(ident, ConfigResult::SUCCESS, 0, &[], actions);
        }
    }

    /// There is nothing that both sides would accept.
    fn give_up(&mut self, idents: &mut Idents, now: u64) -> Actions {
        if self.state == State::Deciding {
            return self.turn_down(Error::Reset, idents);
        }
        self.deadline = Some(now.saturating_add(REJECTED_TIMEOUT_MS));
        self.disconnect(Error::Reset, idents)
    }
}
