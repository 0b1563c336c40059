// SPDX-License-Identifier: GPL-2.0

//! Who uses a channel: a socket, or another protocol in the kernel.

use super::channel::Channel;
use crate::hci::Peer;
use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::{
    net::State,
    skbuff::SkBuff, //
};

/// The user's end of a channel.
///
/// `crate::ChannelUser` is the one implementation, which says for all kinds of users what they do;
/// so no call on a packet's way goes through a pointer.
///
/// All of it is called on a controller's worker, with no lock held, and must not sleep for long;
/// above all it must not wait for the worker. Calls for one channel come in this order:
///
/// ```text
///   outgoing:  state* ──> opened ──> received* ──> closed
///   incoming:  (the listener's) incoming ──> [deferred] ──> state* ──> opened ──> received* ──> closed
/// ```
///
/// [`closed`](Self::closed) may come at any time, and is the last call; after it the worker lets go
/// of the user. It comes to whoever [`incoming`](Self::incoming) returned, and to whoever
/// [`super::connect`] took without an error.
pub(crate) trait ChannelUser: Clone + Send {
    /// `peer` connects to what this user listens on: returns the user of the new connection, and
    /// its channel, new as well ([`Settings::for_child`](super::channel::Settings::for_child)).
    ///
    /// # Errors
    ///
    /// Refuses the connection.
    fn incoming(&self, peer: Peer) -> Result<(Arc<Channel>, Self)>;

    /// The peer's request waits for the user to decide about it (`BT_DEFER_SETUP`).
    fn deferred(&self);

    /// The channel has got into this state, which is not `Connected` nor `Closed`.
    fn state(&self, state: State);

    /// Data can be sent and received; comes again after the link was made more secure for the
    /// channel ([`super::raise_security`]).
    fn opened(&self);

    /// A message. `Err` gives it back: there is no room for it. With flow control it comes again
    /// when [`super::room`] was called; else it is lost.
    fn received(&self, skb: SkBuff) -> Result<(), SkBuff>;

    /// How many bytes can be received now; `None`: any number.
    fn room(&self) -> Option<usize>;

    /// Whether the channel may send has changed ([`Channel::is_suspended`],
    /// [`Channel::unacked`]).
    fn writable(&self);

    /// Something was lost, which a reliable channel would not have.
    fn unreliable(&self);

    /// The channel is gone, for this reason unless it was the user's wish. `by_peer`: the peer
    /// disconnected it.
    fn closed(&self, error: Option<Error>, by_peer: bool);

    /// The process that opened the user's end: enhanced credit based channels of one process are
    /// connected together. 0: none.
    fn owner(&self) -> u32;

    /// How long connecting, and disconnecting, may take, in milliseconds; `None`: forever.
    fn timeout_ms(&self) -> Option<u64>;
}
