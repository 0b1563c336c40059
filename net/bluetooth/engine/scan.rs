// SPDX-License-Identifier: GPL-2.0

//! Legacy advertising, and the scan responses that belong to it (Vol 6 Part B 4.4.3.2).
//!
//! A device that is scanned actively says one half of what it has to say in its advertising, and the other in its answer to the
//! scan, right after it. Whoever looks for devices wants both at once. So a report that is going to be answered waits for
//! the next one, which normally is the answer.

use wire::{
    hci::LeAddrType,
    BdAddr, //
};

/// Bytes of data in legacy advertising, and in a scan response.
pub const MAX_DATA: usize = 31;

/// Event types of advertising reports (Vol 4 Part E 7.7.65.2).
pub mod event_type {
    /// Connectable and scannable, undirected.
    pub const ADV_IND: u8 = 0x00;
    /// Scannable, not connectable.
    pub const ADV_SCAN_IND: u8 = 0x02;
    /// Neither.
    pub const ADV_NONCONN_IND: u8 = 0x03;
    /// An answer to a scan.
    pub const SCAN_RSP: u8 = 0x04;
}

/// A device that was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard<'a> {
    /// Its address.
    pub addr: BdAddr,
    /// The address's type.
    pub addr_type: LeAddrType,
    /// See [`event_type`]; for a device with both halves, that of its advertising.
    pub event_type: u8,
    /// In dBm; 127 if unknown.
    pub rssi: i8,
    /// What it advertised, or an answer alone.
    pub data: &'a [u8],
    /// What it answered, if that was merged.
    pub scan_rsp: &'a [u8],
}

/// A report that waits for its answer.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    addr: BdAddr,
    addr_type: LeAddrType,
    event_type: u8,
    rssi: i8,
    data: [u8; MAX_DATA],
    len: u8,
}

impl Waiting {
    fn heard(&self) -> Heard<'_> {
        Heard {
            addr: self.addr,
            addr_type: self.addr_type,
            event_type: self.event_type,
            rssi: self.rssi,
            data: self.data.get(..usize::from(self.len)).unwrap_or_default(),
            scan_rsp: &[],
        }
    }
}

/// Merges reports with their answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Merger {
    waiting: Option<Waiting>,
}

impl Merger {
    /// Nothing waits.
    pub const fn new() -> Self {
        Self { waiting: None }
    }

    /// Takes a report of an active scan, whose `scan_rsp` is empty, and gives `tell` what is complete now, up to two devices. Data beyond
    /// [`MAX_DATA`] is cut.
    pub fn report(&mut self, new: &Heard<'_>, mut tell: impl FnMut(&Heard<'_>)) {
        let before = self.waiting.take();
        let is_same = |old: &Waiting| old.addr == new.addr && old.addr_type == new.addr_type;
        match before {
            Some(old) if is_same(&old) && new.event_type == event_type::SCAN_RSP => {
                return tell(&Heard {
                    rssi: new.rssi,
                    scan_rsp: new.data,
                    ..old.heard()
                });
            }
            // The same device again: what is new counts.
            Some(old) if is_same(&old) => {}
            Some(old) => tell(&old.heard()),
            None => {}
        }
        if !matches!(
            new.event_type,
            event_type::ADV_IND | event_type::ADV_SCAN_IND
        ) {
            return tell(new);
        }
        let mut data = [0; MAX_DATA];
        let mut len = 0u8;
        for (to, from) in data.iter_mut().zip(new.data) {
            *to = *from;
            len = len.saturating_add(1);
        }
        self.waiting = Some(Waiting {
            addr: new.addr,
            addr_type: new.addr_type,
            event_type: new.event_type,
            rssi: new.rssi,
            data,
            len,
        });
    }

    /// No answer will come any more: tells the device that waits for one.
    pub fn finish(&mut self, tell: impl FnOnce(&Heard<'_>)) {
        if let Some(old) = self.waiting.take() {
            tell(&old.heard());
        }
    }
}
