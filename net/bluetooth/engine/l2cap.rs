// SPDX-License-Identifier: GPL-2.0

//! Channels, from their signalling to their modes (Vol 3 Part A).
//!
//! Of one link:
//!
//! - [`recombine`]: fragments become frames.
//! - [`signalling`]: frames of the signalling channel become commands, with [`ident`]s that match responses to requests. What
//!   concerns no channel is answered here.
//! - [`turns`]: which of its channels sends next.
//!
//! Of one channel:
//!
//! - [`channel`]: how it opens, is configured and closes; [`enhanced`] for those that open in groups.
//! - [`credit`]: what may be sent and received in the modes with credits.
//! - [`ertm`] and [`streaming`]: the modes with sequence numbers, over [`sdu`], which cuts and joins.
//!
//! Payloads stay with the caller throughout: an engine is told lengths and numbers, and answers what to do with the packet at hand,
//! or with the one of this number.

pub mod channel;
pub mod credit;
pub mod enhanced;
pub mod ertm;
pub mod ident;
pub mod recombine;
pub mod sdu;
pub mod signalling;
pub mod streaming;
pub mod turns;

/// Why a channel ends, as its user is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error {
    /// It was asked for.
    None,
    /// The peer or this side did not want the channel (`ECONNREFUSED`).
    Refused,
    /// The peer ended it, or did what is not allowed (`ECONNRESET`).
    Reset,
    /// There was no answer (`ETIMEDOUT`).
    TimedOut,
    /// The peer does not respond any more (`ECONNABORTED`).
    Aborted,
}
