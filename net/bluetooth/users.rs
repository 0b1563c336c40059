// SPDX-License-Identifier: GPL-2.0

//! Who uses channels: all kinds of users there are, so that `l2cap`, which knows none of them,
//! reaches each without a pointer on the way.

use crate::{
    hci::Peer,
    l2cap::{
        channel::Channel,
        user, //
    },
    socket::l2cap::SocketUser,
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::{
    net::State,
    skbuff::SkBuff, //
};

/// A user of a channel.
#[derive(Clone)]
pub(crate) enum ChannelUser {
    /// A socket of user space.
    Socket(SocketUser),
    /// The echo service.
    #[cfg(CONFIG_BT_CHANNEL_ECHO)]
    Echo(crate::echo::EchoUser),
}

/// Calls a method of whichever user it is.
macro_rules! each {
    ($self:ident, $user:ident => $call:expr) => {
        match $self {
            Self::Socket($user) => $call,
            #[cfg(CONFIG_BT_CHANNEL_ECHO)]
            Self::Echo($user) => $call,
        }
    };
}

impl user::ChannelUser for ChannelUser {
    fn incoming(&self, peer: Peer) -> Result<(Arc<Channel>, Self)> {
        match self {
            Self::Socket(user) => {
                let (channel, child) = user.incoming(peer)?;
                Ok((channel, Self::Socket(child)))
            }
            #[cfg(CONFIG_BT_CHANNEL_ECHO)]
            Self::Echo(user) => {
                let (channel, child) = user.incoming(peer)?;
                Ok((channel, Self::Echo(child)))
            }
        }
    }

    fn deferred(&self) {
        each!(self, user => user.deferred())
    }

    fn state(&self, state: State) {
        each!(self, user => user.state(state))
    }

    fn opened(&self) {
        each!(self, user => user.opened())
    }

    fn received(&self, skb: SkBuff) -> Result<(), SkBuff> {
        each!(self, user => user.received(skb))
    }

    fn room(&self) -> Option<usize> {
        each!(self, user => user.room())
    }

    fn writable(&self) {
        each!(self, user => user.writable())
    }

    fn unreliable(&self) {
        each!(self, user => user.unreliable())
    }

    fn closed(&self, error: Option<Error>, by_peer: bool) {
        each!(self, user => user.closed(error, by_peer))
    }

    fn owner(&self) -> u32 {
        each!(self, user => user.owner())
    }

    fn timeout_ms(&self) -> Option<u64> {
        each!(self, user => user.timeout_ms())
    }
}
