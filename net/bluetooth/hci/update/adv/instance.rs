// SPDX-License-Identifier: GPL-2.0

//! Advertising instances, as user space adds and removes them.

use kernel::prelude::*;
use kernel_ext::vec::VecExt;
use wire::{
    mgmt::AdvFlags,
    BdAddr, //
};

/// Transmit power: the controller's choice.
pub(crate) const NO_PREFERENCE: i8 = 127;

/// One instance.
pub(crate) struct Instance {
    /// Its number, 1 and up.
    pub(crate) number: u8,
    /// The advertising set that it is.
    pub(super) handle: u8,
    pub(crate) flags: AdvFlags,
    pub(super) adv_data: KVec<u8>,
    pub(super) scan_rsp: KVec<u8>,
    /// Whether the controller has other data than these.
    pub(super) adv_data_changed: bool,
    pub(super) scan_rsp_changed: bool,
    /// Seconds that it is there; 0: until it is removed.
    pub(super) timeout: u16,
    /// Seconds of these that are left.
    pub(super) remaining: u16,
    /// Seconds of one turn.
    pub(super) duration: u16,
    /// dBm; once set up, what the controller chose.
    pub(crate) tx_power: i8,
    /// In units of 0.625 ms.
    pub(super) min_interval: u32,
    pub(super) max_interval: u32,
    /// Added by a command that is being carried out.
    pub(crate) pending: bool,
    /// Carries a packet of a mesh: user space is not told of it.
    pub(super) mesh: bool,
    /// The advertising set is on.
    pub(super) enabled: bool,
    /// Random address of the advertising set, and whether it is to be renewed.
    pub(super) random_addr: BdAddr,
    pub(super) rpa_expired: bool,
}

impl Instance {
    /// Interval in the form of the legacy commands.
    pub(super) fn legacy_interval(&self) -> (u16, u16) {
        let cut = |n: u32| u16::try_from(n).unwrap_or(u16::MAX);
        (cut(self.min_interval), cut(self.max_interval))
    }
}

/// What an instance is made of.
pub(crate) struct NewInstance<'a> {
    pub(crate) number: u8,
    pub(crate) flags: AdvFlags,
    pub(crate) adv_data: &'a [u8],
    pub(crate) scan_rsp: &'a [u8],
    pub(crate) timeout: u16,
    /// 0: the default.
    pub(crate) duration: u16,
    pub(crate) tx_power: i8,
    pub(crate) min_interval: u32,
    pub(crate) max_interval: u32,
    /// It carries a packet of a mesh, and has the number after the last set.
    pub(crate) mesh: bool,
}

/// All that a controller advertises beside Set Advertising's instance 0.
pub(crate) struct Advertising {
    /// Newest first.
    instances: KVec<Instance>,
    /// The one that is advertised, or was last; 0: Set Advertising's.
    pub(crate) current: u8,
    /// Seconds of the current one's turn; 0: nobody's turn ends.
    pub(super) turn: u16,
}

impl Advertising {
    pub(crate) fn new() -> Self {
        Self {
            instances: KVec::new(),
            current: 0,
            turn: 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.instances.is_empty()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.instances.len()
    }

    /// All of them, newest first.
    pub(crate) fn iter(&self) -> core::slice::Iter<'_, Instance> {
        self.instances.iter()
    }

    pub(super) fn iter_mut(&mut self) -> core::slice::IterMut<'_, Instance> {
        self.instances.iter_mut()
    }

    /// The random address of an advertising set, if it is one of these.
    pub(crate) fn random_address_of_set(&self, handle: u8) -> Option<BdAddr> {
        let set = self.instances.iter().find(|i| i.handle == handle);
        set.map(|i| i.random_addr)
    }

    pub(crate) fn find(&self, number: u8) -> Option<&Instance> {
        self.instances.iter().find(|i| i.number == number)
    }

    pub(crate) fn find_mut(&mut self, number: u8) -> Option<&mut Instance> {
        self.instances.iter_mut().find(|i| i.number == number)
    }

    /// Whether a turn is being taken that ends.
    pub(crate) fn has_turn(&self) -> bool {
        self.turn != 0
    }

    /// Whether one of the advertising sets is on.
    pub(super) fn any_enabled(&self) -> bool {
        self.instances.iter().any(|i| i.enabled)
    }

    /// The number after `number` in the order of the list, the first one for `None`.
    pub(super) fn next_of(&self, number: Option<u8>) -> Option<u8> {
        let mut rest = self.instances.iter();
        if let Some(number) = number {
            rest.find(|i| i.number == number)?;
        }
        rest.next().map(|i| i.number)
    }

    /// Whose turn it is after `number`: the next one, or the first again, itself if it is alone.
    pub(crate) fn next_turn(&self, number: u8) -> Option<u8> {
        self.find(number)?;
        self.next_of(Some(number)).or_else(|| self.next_of(None))
    }

    /// Adds an instance, or gives the one of that number other contents.
    ///
    /// # Errors
    ///
    /// `EOVERFLOW` if the controller has no more than `sets`, `ENOMEM`.
    pub(crate) fn add(&mut self, new: &NewInstance<'_>, sets: u8, rotation: u16) -> Result {
        if self.find(new.number).is_none() {
            let last = if new.mesh {
                sets.saturating_add(1)
            } else {
                sets
            };
            if self.instances.len() >= usize::from(sets) || new.number == 0 || new.number > last {
                return Err(EOVERFLOW);
            }
            // A controller with but one set has set 0.
            let handle = if sets == 1 && !new.mesh {
                0
            } else {
                new.number
            };
            self.instances.make_room(1)?;
            let instance = Instance {
                number: new.number,
                handle,
                flags: new.flags,
                adv_data: KVec::new(),
                scan_rsp: KVec::new(),
                adv_data_changed: false,
                scan_rsp_changed: false,
                timeout: 0,
                remaining: 0,
                duration: 0,
                tx_power: NO_PREFERENCE,
                min_interval: 0,
                max_interval: 0,
                pending: true,
                mesh: new.mesh,
                enabled: false,
                random_addr: BdAddr::ANY,
                rpa_expired: true,
            };
            self.instances.insert_at(0, instance).map_err(|_| ENOMEM)?;
        }
        let instance = self.find_mut(new.number).ok_or(ENOMEM)?;
        instance.flags = new.flags;
        instance.min_interval = new.min_interval;
        instance.max_interval = new.max_interval;
        instance.tx_power = new.tx_power;
        instance.timeout = new.timeout;
        instance.remaining = new.timeout;
        instance.duration = if new.duration == 0 {
            rotation
        } else {
            new.duration
        };
        instance.set_data(new.adv_data, new.scan_rsp)
    }

    /// Whether user space knows of an instance.
    pub(super) fn is_told(&self, number: u8) -> bool {
        self.find(number).is_some_and(|i| !i.mesh)
    }

    /// The instance that carries a packet of a mesh, if there is one.
    pub(super) fn mesh(&self) -> Option<u8> {
        self.instances.iter().find(|i| i.mesh).map(|i| i.number)
    }

    /// Removes an instance; `false` if there is none of that number.
    pub(super) fn remove(&mut self, number: u8) -> bool {
        let before = self.instances.len();
        self.instances.keep(|i| i.number != number);
        if self.current == number {
            self.current = 0;
            self.turn = 0;
        }
        self.instances.len() != before
    }

    /// Private addresses are no longer good, or are not used.
    pub(crate) fn set_rpa_expired(&mut self, expired: bool) {
        for i in self.iter_mut() {
            i.rpa_expired = expired;
        }
    }

    /// The controller was reset: what it had of the instances is gone.
    pub(crate) fn controller_reset(&mut self) {
        self.turn = 0;
        for i in self.iter_mut() {
            i.enabled = false;
            i.adv_data_changed |= !i.adv_data.is_empty();
            i.scan_rsp_changed |= !i.scan_rsp.is_empty();
            i.random_addr = BdAddr::ANY;
        }
    }
}

impl Instance {
    /// Sets what is advertised.
    ///
    /// # Errors
    ///
    /// `ENOMEM`: nothing is changed then.
    pub(crate) fn set_data(&mut self, adv_data: &[u8], scan_rsp: &[u8]) -> Result {
        let mut new = (KVec::new(), KVec::new());
        new.0.append_all(adv_data)?;
        new.1.append_all(scan_rsp)?;
        self.adv_data_changed |= self.adv_data.as_slice() != adv_data;
        self.scan_rsp_changed |= self.scan_rsp.as_slice() != scan_rsp
            // These come from elsewhere, and may have changed.
            || self
                .flags
                .intersects(AdvFlags::APPEARANCE | AdvFlags::LOCAL_NAME);
        (self.adv_data, self.scan_rsp) = new;
        Ok(())
    }
}
