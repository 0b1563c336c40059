// SPDX-License-Identifier: GPL-2.0

//! Data of a channel, by mode: what becomes of a frame that came, and what the data path keeps.

use super::{
    active::Active,
    channel::{
        Kind,
        Pieces, //
    },
    credit,
    link::Link,
    numbered::{
        self,
        Retransmission,
        Streaming, //
    },
};
use engine::l2cap::{
    channel::Params,
    Error as Reason, //
};
use kernel::prelude::*;
use kernel_ext::{
    net::State,
    skbuff::SkBuff, //
};
use wire::l2cap::{
    BasicHeader,
    Mode, //
};

/// The data path of a channel.
pub(super) enum Path {
    /// Not open (yet).
    None,
    /// Messages are frames (3.1).
    Basic {
        /// A message was begun and has more pieces.
        unfinished: bool,
    },
    /// Credit based flow control (3.4); the credits are in the channel's engine.
    Credit,
    /// Numbered frames, each sent once (8.7).
    Streaming(KBox<Streaming>),
    /// Numbered frames that are repeated until they are acknowledged (8.6).
    Ertm(KBox<Retransmission>),
}

impl Path {
    /// The data path of a channel that has just been configured.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `EPROTO` for a mode that no channel is in.
    pub(super) fn new(params: &Params) -> Result<Self> {
        Ok(match params.mode {
            Mode::Basic => Self::basic(),
            Mode::LeCredit | Mode::EnhancedCredit => Self::Credit,
            Mode::Streaming => Self::Streaming(KBox::new(Streaming::new(params), GFP_KERNEL)?),
            Mode::Ertm => Self::Ertm(KBox::new(Retransmission::new(params), GFP_KERNEL)?),
            _ => return Err(EPROTO),
        })
    }

    pub(super) const fn basic() -> Self {
        Self::Basic { unfinished: false }
    }

    /// How messages are cut for a channel, on a link with this MTU.
    pub(super) fn pieces(params: &Params, link_mtu: u16) -> Pieces {
        match params.mode {
            Mode::LeCredit | Mode::EnhancedCredit => {
                let first = params.tx_mps.saturating_sub(SDU_LEN);
                Pieces {
                    whole: first,
                    first,
                    next: params.tx_mps,
                }
            }
            Mode::Ertm | Mode::Streaming => {
                let each = numbered::payload(params, link_mtu);
                Pieces {
                    whole: each,
                    first: each,
                    next: each,
                }
            }
            _ => Self::basic_pieces(link_mtu),
        }
    }

    /// In basic mode a piece is what fits in one packet to the controller.
    pub(super) fn basic_pieces(link_mtu: u16) -> Pieces {
        let first = link_mtu.saturating_sub(HEADER);
        Pieces {
            whole: first,
            first,
            next: link_mtu,
        }
    }

    /// What may be sent now need not be kept for another time.
    pub(super) fn sends_once(&self) -> bool {
        match self {
            Self::None | Self::Ertm(_) => false,
            Self::Basic { .. } | Self::Credit | Self::Streaming(_) => true,
        }
    }

    /// A frame was begun whose rest comes next.
    pub(super) fn is_unfinished(&self) -> bool {
        matches!(self, Self::Basic { unfinished: true })
    }

    /// When something is to be done if nothing happens, in milliseconds.
    pub(super) fn deadline(&self) -> Option<u64> {
        match self {
            Self::Ertm(path) => path.deadline(),
            _ => None,
        }
    }

    /// Why the channel must be closed, if sending found that out.
    pub(super) fn take_failure(&mut self) -> Option<Reason> {
        match self {
            Self::Ertm(path) => path.take_failure(),
            _ => None,
        }
    }

    /// The channel is being closed: nothing is repeated any more.
    pub(super) fn stop(&mut self) {
        if let Self::Ertm(path) = self {
            path.stop();
        }
    }
}

/// Octets of a basic header, and of an SDU length.
const HEADER: u16 = 4;
const SDU_LEN: u16 = 2;

/// A frame for a channel, with its basic header.
pub(super) fn received(link: &mut Link, at: usize, mut skb: SkBuff) {
    let Some((hot, kind)) = link.at(at).map(|active| (active.hot(), active.kind)) else {
        return;
    };
    match hot.state {
        State::Connected => {}
        // A peer that sends on a fixed channel has it, whatever it says.
        State::Connect if kind == Kind::Fixed => link.open(at),
        _ => return,
    }
    let Some(active) = link.at(at) else {
        return;
    };
    match active.path {
        Path::None => {}
        Path::Basic { .. } => {
            if skb.pull(BasicHeader::SIZE).is_some() && skb.len() <= usize::from(hot.imtu) {
                // Without flow control, what there is no room for is lost.
                active.deliver(skb, false);
            }
        }
        Path::Credit => {
            if skb.pull(BasicHeader::SIZE).is_some() {
                credit::received(link, at, skb);
            }
        }
        Path::Streaming(_) | Path::Ertm(_) => numbered::received(link, at, skb),
    }
}

/// Starts a message that comes in parts: room for all of it, with the first part in it.
///
/// # Errors
///
/// `ENOMEM`.
pub(super) fn start_partial(
    active: &mut Active,
    total: u16,
    first: &[u8],
    from: &SkBuff,
) -> Result {
    let mut whole = SkBuff::bt_alloc(usize::from(total).max(first.len()), GFP_KERNEL)?;
    whole.put_slice(first)?;
    whole.set_tstamp(from.tstamp());
    active.partial = Some(whole);
    Ok(())
}

/// Goes on with a message that comes in parts.
///
/// # Errors
///
/// `EPROTO` if none was begun, `ENOSPC` if it gets longer than was said.
pub(super) fn append_partial(active: &mut Active, more: &[u8]) -> Result {
    active.partial.as_mut().ok_or(EPROTO)?.put_slice(more)
}

/// The user has read: it gets what waits, and the peer is told that there is room.
pub(super) fn room(link: &mut Link, at: usize) {
    match link.at(at).map(|a| &a.path) {
        Some(Path::Credit) => credit::room(link, at),
        Some(Path::Ertm(_)) => numbered::room(link, at),
        _ => {}
    }
}

/// The time of a channel's data path has come.
pub(super) fn on_timeout(link: &mut Link, at: usize, now: u64) {
    let Some(active) = link.at(at) else {
        return;
    };
    if let Path::Ertm(path) = &mut active.path {
        if let Err(reason) = path.on_timeout(now) {
            link.close(at, reason, now);
        } else {
            active.shared.wake();
        }
    }
}
