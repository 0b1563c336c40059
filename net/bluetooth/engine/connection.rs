// SPDX-License-Identifier: GPL-2.0

//! Decisions about connections that need nothing but numbers.

/// Connection parameters that somebody wishes for (Vol 4 Part E 7.8.12).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    /// Least interval, in units of 1.25 ms.
    pub min: u16,
    /// Greatest interval, in units of 1.25 ms.
    pub max: u16,
    /// In connection events.
    pub latency: u16,
    /// Supervision time-out, in units of 10 ms.
    pub timeout: u16,
}

impl Range {
    /// Whether the parameters are in range and go together: the supervision time-out must leave the peer two chances to be heard.
    pub fn is_valid(&self) -> bool {
        const INTERVALS: core::ops::RangeInclusive<u16> = 6..=3200;
        const TIMEOUTS: core::ops::RangeInclusive<u16> = 10..=3200;
        const MAX_LATENCY: u16 = 499;

        if self.min > self.max || !INTERVALS.contains(&self.min) || !INTERVALS.contains(&self.max) {
            return false;
        }
        // The time-out (10 ms) in units of the interval (1.25 ms).
        let timeout = u32::from(self.timeout).saturating_mul(8);
        if !TIMEOUTS.contains(&self.timeout) || u32::from(self.max) >= timeout {
            return false;
        }
        let doubled = u32::from(self.max).saturating_mul(2).max(1);
        let max_latency = timeout.checked_div(doubled).unwrap_or(0).saturating_sub(1);
        self.latency <= MAX_LATENCY && u32::from(self.latency) <= max_latency
    }
}

/// Legacy types of advertising events (Vol 4 Part E 7.7.65.2).
pub mod event_type {
    /// Connectable and scannable, undirected.
    pub const ADV_IND: u8 = 0x00;
    /// Connectable, directed.
    pub const ADV_DIRECT_IND: u8 = 0x01;
    /// Scannable, undirected.
    pub const ADV_SCAN_IND: u8 = 0x02;
    /// Neither.
    pub const ADV_NONCONN_IND: u8 = 0x03;
    /// Scan response.
    pub const SCAN_RSP: u8 = 0x04;
}

/// The legacy type that comes closest to an event type of extended reports (Vol 4 Part E 7.7.65.13). None for a combination of bits
/// that no legacy PDU has.
pub fn legacy_event_type(extended: u16) -> Option<u8> {
    use event_type::*;
    const CONNECTABLE: u16 = 0x01;
    const SCANNABLE: u16 = 0x02;
    const DIRECTED: u16 = 0x04;
    const RESPONSE: u16 = 0x08;
    const LEGACY: u16 = 0x10;

    let bits = extended & 0x1f;
    if bits & LEGACY != 0 {
        return Some(match bits {
            0x13 => ADV_IND,
            0x15 => ADV_DIRECT_IND,
            0x12 => ADV_SCAN_IND,
            0x10 => ADV_NONCONN_IND,
            0x1a | 0x1b => SCAN_RSP,
            _ => return None,
        });
    }
    Some(if bits & CONNECTABLE != 0 {
        if bits & DIRECTED != 0 {
            ADV_DIRECT_IND
        } else {
            ADV_IND
        }
    } else if bits & RESPONSE != 0 {
        SCAN_RSP
    } else if bits & SCANNABLE != 0 {
        ADV_SCAN_IND
    } else {
        ADV_NONCONN_IND
    })
}
