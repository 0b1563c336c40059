// SPDX-License-Identifier: GPL-2.0

//! Who listens and talks: the user's end of an audio channel.

use super::channel::Channel;
use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::{
    net::State,
    skbuff::SkBuff, //
};
use wire::BdAddr;

/// The user's end of a channel; `crate::AudioSocket` is the one implementation.
///
/// All of it is called on a controller's worker, with no lock held, and must not wait for the
/// worker. Calls for one channel come in this order:
///
/// ```text
///   outgoing:  state ──> opened ──> received* ──> closed
///   incoming:  (the listener's) incoming ──> [deferred ──> state] ──> opened ──> received* ──> closed
/// ```
///
/// [`closed`](Self::closed) may come at any time, and is the last call.
pub(crate) trait ScoUser: Clone + Send {
    /// Who listens at the address `own` of this host, or else at any.
    fn listener(own: BdAddr) -> Option<Self>;

    /// Whether this listener decides about each connection (`BT_DEFER_SETUP`).
    fn defers(&self) -> bool;

    /// A peer connects to this listener: returns the user of the new connection, and its channel,
    /// new as well.
    ///
    /// # Errors
    ///
    /// Refuses the connection.
    fn incoming(&self) -> Result<(Arc<Channel>, Self)>;

    /// The peer's request waits for the user to decide about it.
    fn deferred(&self);

    /// The channel has got into this state, which is not `Connected` nor `Closed`.
    fn state(&self, state: State);

    /// Data can be sent and received.
    fn opened(&self);

    /// A packet, whose control buffer is a [`Received`](super::channel::Received). `false`: there
    /// is no room for it, and it is lost.
    fn received(&self, skb: SkBuff) -> bool;

    /// The channel is gone, for this reason.
    fn closed(&self, error: Error);
}
