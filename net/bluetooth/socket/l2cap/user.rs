// SPDX-License-Identifier: GPL-2.0

//! A socket as the user of a channel: called by the worker.

use super::{
    channel,
    default_timeout,
    L2capSocket,
    L2CAP, //
};
use crate::{
    hci::Peer,
    l2cap::{
        channel::Channel,
        user::ChannelUser, //
    },
    socket::connection, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::{
    net::{
        SockRef,
        State,
        Timeout, //
    },
    skbuff::SkBuff,
};

/// See the module.
#[derive(Clone)]
pub(crate) struct SocketUser(SockRef<L2capSocket>);

impl SocketUser {
    pub(super) fn new(sock: SockRef<L2capSocket>) -> Self {
        Self(sock)
    }
}

impl ChannelUser for SocketUser {
    fn incoming(&self, _peer: Peer) -> Result<(Arc<Channel>, Self)> {
        let child = connection::incoming(&L2CAP, &self.0, default_timeout())?;
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

    fn received(&self, skb: SkBuff) -> Result<(), SkBuff> {
        match self.0.queue_rcv(skb) {
            Ok(()) => Ok(()),
            // The socket's filter does not want it.
            Err((skb, EPERM)) => {
                drop(skb);
                Ok(())
            }
            Err((skb, _)) => Err(skb),
        }
    }

    fn room(&self) -> Option<usize> {
        Some(self.0.rcvbuf().saturating_sub(self.0.rmem_alloc()))
    }

    fn writable(&self) {
        self.0.state_change();
    }

    fn unreliable(&self) {
        self.0.set_err(ECOMM);
    }

    fn closed(&self, error: Option<Error>, by_peer: bool) {
        connection::closed(&self.0, error, by_peer);
    }

    fn owner(&self) -> u32 {
        self.0.peer_creds().map_or(0, |creds| creds.pid)
    }

    fn timeout_ms(&self) -> Option<u64> {
        let timeout = self.0.snd_timeout(false);
        if timeout == Timeout::FOREVER {
            return None;
        }
        Some(timeout.as_millis())
    }
}
