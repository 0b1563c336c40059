// SPDX-License-Identifier: GPL-2.0

//! The controller's buffers for data packets, and whose turn it is to fill them (Vol 4 Part E 4.1).
//!
//! A controller tells how many packets of each kind it can buffer (Read Buffer Size, LE Read Buffer Size). The host
//! counts: a packet sent takes a credit, and Number Of Completed Packets (Vol 4 Part E 7.7.19) gives credits back. When a link
//! ends, the packets that it had outstanding are gone, and their buffers are free.
//!
//! What the controller says is checked against what the host knows: it cannot give back more than a link has outstanding, nor
//! anything for a link that does not exist. So the count neither grows beyond the buffers that there are nor goes astray.
//!
//! Where LE has no buffers of its own it shares those of ACL, and both take turns as if they were of one kind.
//!
//! A controller that frees no buffer for [`STALL_MS`] while packets wait is stuck. That is watched for each pool of buffers, not
//! for each kind of link: a buffer that one kind gives back is one that the other may fill.
//!
//! A link has a slot, from [`FlowControl::link_up`] to [`FlowControl::link_down`]: what happens for each packet names it, so
//! that nothing is searched for.

use core::num::NonZeroU16;

/// Links at most: a bit for each.
const SLOTS: u8 = u64::BITS as u8;
/// A controller that completes nothing for so long while packets wait is stuck, in milliseconds: longer than the longest
/// supervision time-out, which is 40.9 s (`HCI_ACL_TX_TIMEOUT`).
pub const STALL_MS: u64 = 45_000;
/// The greatest connection handle (Vol 4 Part E 5.4.2).
const HANDLE_MAX: u16 = 0x0eff;

/// A kind of link, as far as buffers are concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkType {
    /// ACL over BR/EDR.
    Acl,
    /// ACL over LE.
    Le,
    /// SCO and eSCO.
    Sco,
    /// Isochronous: CIS and BIS.
    Iso,
}

/// How many packets the controller can buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Buffers {
    /// Total_Num_ACL_Data_Packets of Read Buffer Size (Vol 4 Part E 7.4.5).
    pub acl: u16,
    /// Total_Num_Synchronous_Data_Packets of Read Buffer Size.
    pub sco: u16,
    /// Whether the controller reports completed synchronous packets (Vol 4 Part E 7.3.37). If not, `sco` only limits how
    /// many are sent in a row.
    pub sco_flow_control: bool,
    /// Total_Num_LE_ACL_Data_Packets of LE Read Buffer Size (Vol 4 Part E 7.8.2). None if the controller said zero for it or
    /// for the length: then LE uses the ACL buffers.
    pub le: Option<NonZeroU16>,
    /// Total_Num_ISO_Data_Packets of LE Read Buffer Size version 2.
    pub iso: u16,
}

/// A buffer in the controller, reserved for one packet on the link with this handle.
///
/// Send the packet, or give it back by [`FlowControl::refund`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a credit that is neither used nor refunded is lost until the link ends"]
pub struct Credit {
    slot: u8,
    handle: u16,
}

impl Credit {
    /// The link that it is for.
    pub fn handle(&self) -> u16 {
        self.handle
    }
}

/// Why there is no credit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoCredit {
    /// All buffers are taken.
    Exhausted,
    /// There is no such link.
    NoLink,
}

/// Why a link was not added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkError {
    /// There are too many.
    Full,
    /// There is one with this handle.
    Exists,
    /// No link can have this handle.
    BadHandle,
}

/// Whose turn it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Turn {
    /// The link's slot.
    pub slot: u8,
    /// How many packets it may send before the others are looked at again: at least one.
    pub quota: u16,
}

/// Counters since [`FlowControl::new`]. They wrap.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Credits taken.
    pub taken: u64,
    /// Packets reported as completed.
    pub completed: u64,
    /// Packets reported as completed beyond those outstanding on their link.
    pub overflow: u64,
    /// Reports for a handle without a link.
    pub unknown_handle: u64,
    /// Credits returned because their link ended.
    pub returned: u64,
}

#[derive(Clone, Copy)]
struct Link {
    handle: u16,
    kind: LinkType,
    /// Packets sent and not reported as completed.
    outstanding: u16,
    /// When it last had its turn, in turns.
    served: u64,
}

/// A pool of buffers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PoolId {
    Acl,
    Le,
    Sco,
    Iso,
}

#[derive(Clone, Copy, Default)]
struct Pool {
    total: u16,
    /// Buffers taken.
    used: u16,
    /// Since when packets wait, and no buffer has become free, in milliseconds.
    starved: Option<u64>,
}

/// Whether a slot's bit is set.
fn is_ready(ready: u64, slot: u8) -> bool {
    ready & 1u64.wrapping_shl(slot.into()) != 0
}

/// The pool that links of this type use.
fn pool_for(kind: LinkType, le_shares_acl: bool) -> PoolId {
    match kind {
        LinkType::Le if le_shares_acl => PoolId::Acl,
        LinkType::Acl => PoolId::Acl,
        LinkType::Le => PoolId::Le,
        LinkType::Sco => PoolId::Sco,
        LinkType::Iso => PoolId::Iso,
    }
}

impl Pool {
    fn free(self) -> u16 {
        self.total.saturating_sub(self.used)
    }
}

/// The flow control of one controller with at most `L` links, and `L` at most 64.
///
/// It belongs to the worker that sends and receives; nothing here is shared.
///
/// # Invariants
///
/// - A pool's `used` is the sum of `outstanding` over the links that use it.
/// - `used` exceeds `total` only if the controller reduced its buffers while links were up, and then no credit is given until it
///   does not.
/// - No two links have the same handle. From slot `end` on there is none.
pub struct FlowControl<const L: usize> {
    links: [Option<Link>; L],
    end: usize,
    acl: Pool,
    le: Pool,
    sco: Pool,
    iso: Pool,
    /// LE has no buffers of its own.
    le_shares_acl: bool,
    sco_flow_control: bool,
    turns: u64,
    stats: Stats,
}

impl<const L: usize> Default for FlowControl<L> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const L: usize> FlowControl<L> {
    /// No links, no buffers.
    pub const fn new() -> Self {
        const { assert!(L <= SLOTS as usize, "a bit for each slot") };
        const NONE: Pool = Pool {
            total: 0,
            used: 0,
            starved: None,
        };
        Self {
            links: [None; L],
            end: 0,
            acl: NONE,
            le: NONE,
            sco: NONE,
            iso: NONE,
            le_shares_acl: true,
            sco_flow_control: false,
            turns: 0,
            stats: Stats {
                taken: 0,
                completed: 0,
                overflow: 0,
                unknown_handle: 0,
                returned: 0,
            },
        }
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// The controller was reset or switched off: all links are gone, and its buffers are unknown.
    pub fn reset(&mut self) {
        *self = Self {
            stats: self.stats,
            ..Self::new()
        };
    }

    /// The controller told its buffers. What is outstanding stays so, should there be links already.
    pub fn set_buffers(&mut self, buffers: Buffers) {
        self.acl.total = buffers.acl;
        self.sco.total = buffers.sco;
        self.iso.total = buffers.iso;
        self.le.total = buffers.le.map_or(0, NonZeroU16::get);
        self.le_shares_acl = buffers.le.is_none();
        self.sco_flow_control = buffers.sco_flow_control;
        // Links may have moved from one pool to the other.
        for id in [PoolId::Acl, PoolId::Le, PoolId::Sco, PoolId::Iso] {
            let used = self
                .links()
                .filter(|link| self.pool_of(link.kind) == id)
                .fold(0u16, |sum, link| sum.saturating_add(link.outstanding));
            let pool = self.pool_mut(id);
            pool.used = used;
            // Who has nothing outstanding waits for no completion.
            if pool.free() > 0 || used == 0 {
                pool.starved = None;
            }
        }
    }

    fn pool_of(&self, kind: LinkType) -> PoolId {
        pool_for(kind, self.le_shares_acl)
    }

    fn pool(&self, id: PoolId) -> Pool {
        match id {
            PoolId::Acl => self.acl,
            PoolId::Le => self.le,
            PoolId::Sco => self.sco,
            PoolId::Iso => self.iso,
        }
    }

    fn pool_mut(&mut self, id: PoolId) -> &mut Pool {
        match id {
            PoolId::Acl => &mut self.acl,
            PoolId::Le => &mut self.le,
            PoolId::Sco => &mut self.sco,
            PoolId::Iso => &mut self.iso,
        }
    }

    fn links(&self) -> impl Iterator<Item = &Link> {
        self.links.iter().take(self.end).flatten()
    }

    fn at_mut(&mut self, slot: u8) -> Option<&mut Link> {
        self.links.get_mut(usize::from(slot))?.as_mut()
    }

    /// The slot of the link with this handle.
    pub fn slot_of(&self, handle: u16) -> Option<u8> {
        let mut links = self.links.iter().take(self.end);
        let at = links.position(|link| link.is_some_and(|link| link.handle == handle))?;
        u8::try_from(at).ok()
    }

    /// How many credits there are for links of this type.
    pub fn available(&self, kind: LinkType) -> u16 {
        self.pool(self.pool_of(kind)).free()
    }

    /// How many packets the link has outstanding.
    pub fn outstanding(&self, handle: u16) -> Option<u16> {
        self.links()
            .find(|link| link.handle == handle)
            .map(|link| link.outstanding)
    }

    /// How many links there are.
    pub fn link_count(&self) -> usize {
        self.links().count()
    }

    /// The links that hold buffers which links of this type could fill, with how many: whom to blame when there is no credit for
    /// too long.
    pub fn holders(&self, kind: LinkType) -> impl Iterator<Item = (u16, u16)> + '_ {
        let pool = self.pool_of(kind);
        self.links()
            .filter(move |link| self.pool_of(link.kind) == pool && link.outstanding > 0)
            .map(|link| (link.handle, link.outstanding))
    }

    /// Takes note if links of this type wait for a buffer. Returns whether that is new: [`stall_deadline`](Self::stall_deadline)
    /// may be earlier then.
    pub fn starve(&mut self, kind: LinkType, ready: u64, now: u64) -> bool {
        if self.available(kind) > 0 || !self.waits(kind, ready) {
            return false;
        }
        let pool = self.pool_mut(self.pool_of(kind));
        let is_new = pool.starved.is_none();
        pool.starved.get_or_insert(now);
        is_new
    }

    /// When the controller is stuck, if no buffer becomes free until then, in milliseconds. It is ACL and LE that are watched.
    pub fn stall_deadline(&self) -> Option<u64> {
        let since = [self.acl.starved, self.le.starved];
        Some(since.into_iter().flatten().min()?.saturating_add(STALL_MS))
    }

    /// A type of link for which the controller is stuck, if there is one; it has another [`STALL_MS`] then.
    pub fn stalled(&mut self, now: u64) -> Option<LinkType> {
        let pools = [(LinkType::Acl, &mut self.acl), (LinkType::Le, &mut self.le)];
        for (kind, pool) in pools {
            if pool
                .starved
                .is_some_and(|since| now.saturating_sub(since) >= STALL_MS)
            {
                pool.starved = None;
                return Some(kind);
            }
        }
        None
    }

    /// A link is up. Returns its slot, the first one that is free.
    ///
    /// # Errors
    ///
    /// There is one with this handle, there are too many, or no link can have this handle.
    pub fn link_up(&mut self, handle: u16, kind: LinkType) -> Result<u8, LinkError> {
        if handle > HANDLE_MAX {
            return Err(LinkError::BadHandle);
        }
        if self.slot_of(handle).is_some() {
            return Err(LinkError::Exists);
        }
        let served = self.turns;
        let mut slots = self.links.iter_mut().enumerate();
        let (at, place) = slots
            .find(|(_, place)| place.is_none())
            .ok_or(LinkError::Full)?;
        let slot = u8::try_from(at).map_err(|_| LinkError::Full)?;
        *place = Some(Link {
            handle,
            kind,
            outstanding: 0,
            served,
        });
        self.end = self.end.max(at.wrapping_add(1));
        Ok(slot)
    }

    /// A link is down; its outstanding packets are flushed. Returns how many credits that gave back, or none if there is no
    /// such link.
    pub fn link_down(&mut self, handle: u16) -> Option<u16> {
        let slot = self.slot_of(handle)?;
        let link = self.links.get_mut(usize::from(slot))?.take()?;
        while let Some(last) = self.end.checked_sub(1) {
            if self.links.get(last).is_some_and(Option::is_some) {
                break;
            }
            self.end = last;
        }
        self.free(link.kind, link.outstanding);
        self.stats.returned = self.stats.returned.wrapping_add(link.outstanding.into());
        Some(link.outstanding)
    }

    fn free(&mut self, kind: LinkType, n: u16) {
        let pool = self.pool_mut(self.pool_of(kind));
        pool.used = pool.used.saturating_sub(n);
        if n > 0 {
            pool.starved = None;
        }
    }

    /// Takes a credit for one packet on the link in this slot.
    ///
    /// # Errors
    ///
    /// All buffers are taken, or there is no such link.
    pub fn take(&mut self, slot: u8) -> Result<Credit, NoCredit> {
        let kind = self.at_mut(slot).ok_or(NoCredit::NoLink)?.kind;
        let id = self.pool_of(kind);
        let pool = self.pool_mut(id);
        if pool.free() == 0 {
            return Err(NoCredit::Exhausted);
        }
        pool.used = pool.used.saturating_add(1);
        self.stats.taken = self.stats.taken.wrapping_add(1);
        let link = self.at_mut(slot).ok_or(NoCredit::NoLink)?;
        // At most `used`, which is at most `total`.
        link.outstanding = link.outstanding.saturating_add(1);
        let handle = link.handle;
        Ok(Credit { slot, handle })
    }

    /// The packet of this credit was not sent after all.
    pub fn refund(&mut self, credit: Credit) {
        let link = self.at_mut(credit.slot);
        if link.is_some_and(|link| link.handle == credit.handle) {
            self.give_back(credit.slot, 1);
        }
    }

    /// Gives back up to `n` of a link's credits. Returns how many it had.
    fn give_back(&mut self, slot: u8, n: u16) -> u16 {
        let Some(link) = self.at_mut(slot) else {
            return 0;
        };
        let n = n.min(link.outstanding);
        link.outstanding = link.outstanding.saturating_sub(n);
        let kind = link.kind;
        self.free(kind, n);
        n
    }

    /// The controller reports that it is done with `n` packets of the link with this handle. Returns the link's slot, and
    /// with how many it really is; or none if there is no such link.
    pub fn completed(&mut self, handle: u16, n: u16) -> Option<(u8, u16)> {
        let Some(slot) = self.slot_of(handle) else {
            self.stats.unknown_handle = self.stats.unknown_handle.wrapping_add(1);
            return None;
        };
        let done = self.give_back(slot, n);
        let excess = n.saturating_sub(done);
        self.stats.completed = self.stats.completed.wrapping_add(done.into());
        self.stats.overflow = self.stats.overflow.wrapping_add(excess.into());
        Some((slot, done))
    }

    /// A round of sending begins. Without flow control for synchronous packets nothing reports them as completed: what was sent
    /// in the round before counts as gone.
    pub fn begin_round(&mut self) {
        if self.sco_flow_control {
            return;
        }
        for link in self.links.iter_mut().take(self.end).flatten() {
            if link.kind == LinkType::Sco {
                link.outstanding = 0;
            }
        }
        self.sco.used = 0;
    }

    /// Whose turn it is among the links of this type, and of the type that it shares buffers with, that have something to send:
    /// those whose slots' bits are set in `ready`.
    ///
    /// That is the link with the fewest packets outstanding; among equals the one that has waited longest. It gets an even
    /// share of the credits, but at least one.
    pub fn next(&mut self, kind: LinkType, ready: u64) -> Option<Turn> {
        let free = self.available(kind);
        if free == 0 || ready == 0 {
            return None;
        }
        let (pool, shared) = (self.pool_of(kind), self.le_shares_acl);
        let mut waiting: u16 = 0;
        let mut best: Option<(u8, &mut Link)> = None;
        for (slot, link) in (0..SLOTS).zip(self.links.iter_mut().take(self.end)) {
            let Some(link) = link else {
                continue;
            };
            if pool_for(link.kind, shared) != pool || !is_ready(ready, slot) {
                continue;
            }
            waiting = waiting.saturating_add(1);
            let rank = (link.outstanding, link.served);
            if best
                .as_ref()
                .is_none_or(|(_, best)| rank < (best.outstanding, best.served))
            {
                best = Some((slot, link));
            }
        }
        let (slot, link) = best?;
        self.turns = self.turns.wrapping_add(1);
        link.served = self.turns;
        Some(Turn {
            slot,
            quota: free.checked_div(waiting).unwrap_or(1).max(1),
        })
    }

    /// Whether a link of this type, or of the type that it shares buffers with, has its slot's bit set in `ready`.
    pub fn waits(&self, kind: LinkType, ready: u64) -> bool {
        if ready == 0 {
            return false;
        }
        let pool = self.pool_of(kind);
        let links = self.links.iter().take(self.end);
        (0..SLOTS).zip(links).any(|(slot, link)| {
            is_ready(ready, slot) && link.is_some_and(|link| self.pool_of(link.kind) == pool)
        })
    }
}
