// SPDX-License-Identifier: GPL-2.0

//! Connection parameters of LE peers, and how long they are kept.

use super::state::{
    Defaults,
    Peer,
    MAX_DEVICES, //
};
use core::slice::Iter;
use engine::connection::Range;
use kernel::prelude::*;
use kernel_ext::vec::VecExt;

/// What to do when a known LE device advertises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AutoConnect {
    Disabled,
    Report,
    Direct,
    Always,
}

/// What is known of how an LE peer is to be connected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnParams {
    pub(crate) peer: Peer,
    /// What its link is to have.
    pub(crate) range: Range,
    pub(crate) auto_connect: AutoConnect,
    /// mgmt's device flags (`HCI_CONN_FLAG_*`).
    pub(crate) flags: u8,
    pub(crate) privacy_mode: u8,
    /// They go with the link: the peer was unpaired meanwhile.
    passing: bool,
}

/// The parameters of all peers that are known, the oldest first.
///
/// # Invariants
///
/// No two are of the same peer, and there are at most [`MAX_DEVICES`].
pub(crate) struct KnownParams(KVec<ConnParams>);

impl KnownParams {
    /// None are known.
    pub(super) const fn new() -> Self {
        Self(KVec::new())
    }

    /// All of them.
    pub(crate) fn iter(&self) -> Iter<'_, ConnParams> {
        self.0.iter()
    }

    /// Those of a peer.
    pub(crate) fn of(&self, peer: Peer) -> Option<&ConnParams> {
        self.iter().find(|p| p.peer == peer)
    }

    /// Those of a peer.
    pub(crate) fn of_mut(&mut self, peer: Peer) -> Option<&mut ConnParams> {
        self.0.iter_mut().find(|p| p.peer == peer)
    }

    /// Those of a peer that is known from now on, made from the defaults if there are none yet.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, also if there are so many already.
    pub(crate) fn make(&mut self, peer: Peer, defaults: &Defaults) -> Result<&mut ConnParams> {
        let at = match self.0.iter().position(|p| p.peer == peer) {
            Some(at) => at,
            None => {
                let at = self.0.len();
                if at >= MAX_DEVICES {
                    return Err(ENOMEM);
                }
                self.0.append(ConnParams {
                    peer,
                    range: defaults.le_range(),
                    auto_connect: AutoConnect::Disabled,
                    flags: 0,
                    privacy_mode: 0,
                    passing: false,
                })?;
                at
            }
        };
        let params = self.0.get_mut(at).ok_or(ENOMEM)?;
        params.passing = false;
        Ok(params)
    }

    /// A peer says who it is: what was noted of the address that it used is noted of it, if nothing
    /// was yet.
    pub(super) fn identified(&mut self, before: Peer, identity: Peer) {
        if self.of(identity).is_some() {
            self.0.keep(|p| p.peer != before);
        } else if let Some(params) = self.of_mut(before) {
            params.peer = identity;
        }
    }

    /// A peer was unpaired. `linked`: its link is still up, and its parameters are those of the link
    /// until that ends.
    pub(crate) fn unpaired(&mut self, peer: Peer, linked: bool) {
        if !linked {
            self.0.keep(|p| p.peer != peer);
        } else if let Some(params) = self.of_mut(peer) {
            params.auto_connect = AutoConnect::Disabled;
            params.passing = true;
        }
    }

    /// A peer's link has ended.
    pub(super) fn link_gone(&mut self, peer: Peer) {
        self.0.keep(|p| p.peer != peer || !p.passing);
    }

    /// Forgets those of peers that nobody waits for: what user space loads replaces them.
    pub(crate) fn forget_loaded(&mut self) {
        self.0.keep(|p| p.auto_connect != AutoConnect::Disabled);
    }

    /// Forgets those of a peer, or of the first one, that somebody waits for. Returns whose they were.
    pub(crate) fn take_awaited(&mut self, peer: Option<Peer>) -> Option<Peer> {
        let at = self.0.iter().position(|p| {
            p.auto_connect != AutoConnect::Disabled && peer.is_none_or(|peer| peer == p.peer)
        });
        Some(self.0.take_out(at?)?.peer)
    }
}
