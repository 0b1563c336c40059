// SPDX-License-Identifier: GPL-2.0

//! Data under credit based flow control (10.1, 10.2): messages out of frames, and credits both ways.

use super::{
    active::Active,
    channel::Channel,
    data,
    link::Link,
    user::ChannelUser as _, //
};
use engine::l2cap::{
    credit::Step,
    Error as Reason, //
};
use kernel_ext::{
    skbuff::SkBuff,
    time::now_ms, //
};
use wire::l2cap::SDU_LEN_SIZE;

/// What the bookkeeping for one frame takes of a receive buffer, in bytes: about a `struct sk_buff`.
const FRAME_OVERHEAD: usize = 232;

/// The user's room in bytes of messages, as far as credits are concerned.
fn available(active: &Active, mps: u16) -> Option<usize> {
    if !active.backlog.is_empty() {
        return Some(0);
    }
    let room = active.user.room()?;
    if room == 0 || mps == 0 {
        return Some(0);
    }
    let overhead = room
        .div_ceil(usize::from(mps))
        .saturating_mul(FRAME_OVERHEAD);
    // One whole message is always possible: with credits for less, it would never end, and the user
    // would have nothing to read that makes room.
    let whole = usize::from(active.hot().imtu).saturating_add(SDU_LEN_SIZE);
    Some(room.saturating_sub(overhead).max(whole))
}

/// The channel was opened: with or without credits to send.
pub(super) fn opened(link: &mut Link, at: usize) {
    let Some(active) = link.at(at) else {
        return;
    };
    if !active.settings().mode.has_credits() {
        return;
    }
    let Some(credits) = active.engine.as_ref().and_then(|e| e.credits()) else {
        return;
    };
    let none = credits.tx_credits() == 0;
    active.shared.set_suspended(none);
}

/// A frame came, its basic header taken off.
pub(super) fn received(link: &mut Link, at: usize, mut skb: SkBuff) {
    let Some(active) = link.at(at) else {
        return;
    };
    let Some(credits) = active.engine.as_mut().and_then(|e| e.credits_mut()) else {
        return;
    };
    let step = credits.on_frame(skb.data());
    let done = match step {
        Step::Whole => match skb.pull(SDU_LEN_SIZE) {
            Some(()) => active.deliver(skb, true),
            None => false,
        },
        Step::Start { sdu_len } => {
            let first = skb.data().get(SDU_LEN_SIZE..).unwrap_or(&[]);
            data::start_partial(active, sdu_len, first, &skb).is_ok()
        }
        Step::Append => data::append_partial(active, skb.data()).is_ok(),
        Step::Finish => match data::append_partial(active, skb.data()) {
            Ok(()) => active
                .partial
                .take()
                .is_some_and(|whole| active.deliver(whole, true)),
            Err(_) => false,
        },
        Step::Disconnect => false,
    };
    if !done {
        // Nothing may be lost here: what cannot be kept ends the channel.
        return link.close(at, Reason::Reset, now_ms());
    }
    give(link, at, matches!(step, Step::Whole | Step::Finish));
}

/// Gives the peer the credits that are due.
fn give(link: &mut Link, at: usize, delivered: bool) {
    let Link {
        channels,
        signalling,
        ..
    } = link;
    let Some(active) = channels.get_mut(at) else {
        return;
    };
    let Some(mps) = active
        .engine
        .as_ref()
        .and_then(|e| e.credits())
        .map(|c| c.mps())
    else {
        return;
    };
    let available = available(active, mps);
    let Some(engine) = &mut active.engine else {
        return;
    };
    if let Some(credits) = engine.credits_mut() {
        if delivered {
            credits.delivered();
        }
        credits.set_available(available);
    }
    if let Some(packet) = engine.poll_credits(&mut signalling.idents) {
        link.signal(&packet);
    }
    throttle(link, at, available);
}

/// Asks the user to tell when it has read, if the peer is short of credits.
fn throttle(link: &mut Link, at: usize, available: Option<usize>) {
    if let Some(active) = link.at(at) {
        let imtu = usize::from(active.hot().imtu);
        let short = available.is_some_and(|room| room < imtu.saturating_mul(PLENTY));
        if short {
            active.shared.set_throttled(true);
        }
    }
}

/// With room for so many messages nobody need be told that there is more.
const PLENTY: usize = 8;

/// The user has read.
pub(super) fn room(link: &mut Link, at: usize) {
    if let Some(active) = link.at(at) {
        active.flush_backlog();
    }
    give(link, at, false);
}

/// The peer gives credits.
pub(super) fn granted(link: &mut Link, at: usize, credits: u16) {
    let Some(active) = link.at(at) else {
        return;
    };
    let Some(ours) = active.engine.as_mut().and_then(|e| e.credits_mut()) else {
        return;
    };
    match ours.on_credits(credits) {
        Ok(()) => {
            let any = ours.tx_credits() > 0;
            resume(&active.shared, any, || active.user.writable());
        }
        Err(_) => link.close(at, Reason::Reset, now_ms()),
    }
}

/// Lets a channel send again, if there are credits.
fn resume(shared: &Channel, any: bool, tell: impl FnOnce()) {
    if any {
        if shared.set_suspended(false) {
            tell();
        }
        shared.wake();
    }
}
