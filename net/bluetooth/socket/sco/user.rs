// SPDX-License-Identifier: GPL-2.0

//! A socket as the user of an audio channel: called by the worker.

use super::{
    channel,
    connection,
    default_timeout,
    ScoSocket,
    SCO, //
};
use crate::sco::{
    channel::Channel,
    user::ScoUser, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::{
    net::{
        SockRef,
        State, //
    },
    skbuff::SkBuff,
};
use wire::BdAddr;

/// See the module.
#[derive(Clone)]
pub(crate) struct SocketUser(SockRef<ScoSocket>);

impl SocketUser {
    pub(super) fn new(sock: SockRef<ScoSocket>) -> Self {
        Self(sock)
    }
}

impl ScoUser for SocketUser {
    fn listener(own: BdAddr) -> Option<Self> {
        let sockets = SCO.sockets()?;
        let listens = |at: BdAddr| {
            sockets.find(|sk| sk.state() == State::Listen && channel(sk).settings().src == at)
        };
        listens(own).or_else(|| listens(BdAddr::ANY)).map(Self)
    }

    fn defers(&self) -> bool {
        channel(&self.0).settings().deferred
    }

    fn incoming(&self) -> Result<(Arc<Channel>, Self)> {
        let child = connection::incoming(&SCO, &self.0, default_timeout())?;
        child.link();
        Ok((channel(&child).clone(), Self(child)))
    }

    fn deferred(&self) {
        if let Some(parent) = self.0.accept_parent() {
            parent.data_ready();
        }
    }

    fn state(&self, state: State) {
        self.0.set_state(state);
    }

    fn opened(&self) {
        self.0.set_state(State::Connected);
        connection::changed(&self.0);
    }

    fn received(&self, skb: SkBuff) -> bool {
        match self.0.queue_rcv(skb) {
            // The socket's filter does not want it.
            Ok(()) | Err((_, EPERM)) => true,
            Err(_) => false,
        }
    }

    fn closed(&self, error: Error) {
        let waits = self.0.accept_parent().is_some();
        connection::closed(&self.0, Some(error), false);
        if waits {
            // Nobody will accept it, and release it, any more.
            self.0.unlink();
        }
    }
}
