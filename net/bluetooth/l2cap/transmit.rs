// SPDX-License-Identifier: GPL-2.0

//! What a link sends next.
//!
//! In this order: the rest of a frame that was begun, signalling, then the channels, by their
//! priority and in turns (`engine::l2cap::turns`). Headers go on here, at the last moment.

use super::{
    active::Active,
    channel::Piece,
    data::Path,
    settle,
    timer, //
};
use crate::hci::{
    user::OutFrame,
    Device, //
};
use engine::l2cap::turns::{
    Sender,
    Standing, //
};
use kernel_ext::{
    skbuff::SkBuff,
    time::now_ms,
    workqueue::Worker, //
};
use wire::l2cap::BasicHeader;

/// The next piece that the link sends.
pub(super) fn next_frame(dev: &Device, worker: &mut Worker<'_>, handle: u16) -> Option<OutFrame> {
    loop {
        let link = dev.upper.get(worker)?.link(handle)?;
        if link.unfinished.is_none() {
            if let Some(frame) = link.pop_out() {
                return Some(frame);
            }
        }
        let at = match link.unfinished {
            Some(id) => link.position(|a| a.id() == id),
            None => link.turns.next(&mut link.channels),
        }?;
        let active = link.at(at)?;
        let id = active.id();
        let frame = take(active);
        let unfinished = active.path.is_unfinished();
        let deadline = active.path.deadline();
        let failure = active.path.take_failure();
        let still_waits = frame.is_none() && active.waits();
        link.unfinished = unfinished.then_some(id);
        if let Some(error) = failure {
            link.close(at, error, now_ms());
            settle(dev, worker);
            continue;
        }
        if let Some(deadline) = deadline {
            timer::not_after(dev, worker, deadline);
        }
        // That it may send nothing now is found out once; others may.
        if frame.is_none() && !still_waits && !unfinished {
            continue;
        }
        return frame;
    }
}

impl Sender for Active {
    fn priority(&self) -> u32 {
        self.shared.priority()
    }

    fn waits(&self) -> bool {
        let queue = self.shared.queue();
        match &self.path {
            Path::None => false,
            Path::Basic { .. } => !queue.is_empty(),
            // Without credits it is found out, once, when a frame is taken.
            Path::Credit => !queue.is_empty() && !self.shared.is_suspended(),
            Path::Streaming(_) => !queue.is_empty(),
            Path::Ertm(path) => path.wants_to_send(queue),
        }
    }

    fn standing(&mut self) -> &mut Standing {
        &mut self.standing
    }
}

/// Takes the next piece that a channel has to send, with all headers.
pub(super) fn take(active: &mut Active) -> Option<OutFrame> {
    let s = active.hot();
    let queue = active.shared.queue();
    let skb = match &mut active.path {
        Path::None => None,
        Path::Basic { unfinished } => {
            let mut skb = queue.pop()?;
            let piece = *skb.cb::<Piece>();
            *unfinished = !piece.is_last();
            if piece.is_first() {
                skb.push_obj(&BasicHeader::new(piece.total(), s.dcid))
                    .ok()?;
            }
            return Some(OutFrame {
                skb,
                first: piece.is_first(),
                flushable: s.flushable,
                force_active: s.force_active,
            });
        }
        Path::Credit => {
            if queue.is_empty() {
                return None;
            }
            let credits = active.engine.as_mut()?.credits_mut()?;
            if !credits.take_tx() {
                active.shared.set_suspended(true);
                return None;
            }
            if credits.tx_credits() == 0 {
                active.shared.set_suspended(true);
            }
            credit_frame(queue.pop()?, s.dcid)
        }
        Path::Streaming(path) => path.take(&active.shared, s.dcid),
        Path::Ertm(path) => path.take(&active.shared, s.dcid),
    }?;
    Some(OutFrame {
        skb,
        first: true,
        flushable: s.flushable,
        force_active: s.force_active,
    })
}

/// A frame of a credit based channel (3.4).
fn credit_frame(mut skb: SkBuff, dcid: u16) -> Option<SkBuff> {
    let piece = *skb.cb::<Piece>();
    if piece.is_first() {
        skb.push_slice(&piece.total().to_le_bytes()).ok()?;
    }
    let len = u16::try_from(skb.len()).ok()?;
    skb.push_obj(&BasicHeader::new(len, dcid)).ok()?;
    Some(skb)
}
