// SPDX-License-Identifier: GPL-2.0

//! The alternate setting of the isochronous interface (Vol 4 Part B 2.1.1).
//!
//! Bandwidth on the bus is reserved by choosing one of the interface's alternate settings: none
//! while there is no voice link, and enough for all of them otherwise.

/// Alternate settings that there are at most: 0 to 6 (table 2.1).
pub const MAX: u8 = 6;

/// Which alternate settings a device has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Available(u8);

impl Available {
    /// Adds what a descriptor tells; numbers that the specification does not have are ignored.
    pub fn add(&mut self, number: u8) {
        if number <= MAX {
            self.0 |= 1u8.wrapping_shl(u32::from(number));
        }
    }

    /// Whether the device has it.
    pub fn has(self, number: u8) -> bool {
        number <= MAX && self.0 & 1u8.wrapping_shl(u32::from(number)) != 0
    }

    /// Their numbers, from the lowest.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..=MAX).filter(move |&number| self.has(number))
    }

    /// The highest one that is not above `wanted` and carries data.
    fn at_most(self, wanted: u8) -> Option<u8> {
        (1..=wanted.min(MAX)).rev().find(|&number| self.has(number))
    }
}

/// How voice is coded over the air.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AirMode {
    /// The core has not said.
    #[default]
    Unknown,
    /// CVSD: the controller codes, and the host sends samples.
    Cvsd,
    /// Transparent: the host codes (mSBC, LC3), and the controller leaves the bytes alone.
    Transparent,
}

/// What the choice depends on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Voice {
    /// Voice links (SCO and eSCO).
    pub links: u32,
    /// How they are coded; the last one that came decides.
    pub air_mode: AirMode,
    /// Samples have 16 bits instead of 8 (voice setting, bit 5).
    pub wide_samples: bool,
    /// The controller's buffer for one voice packet, in bytes.
    pub mtu: u16,
    /// The device takes transparent data at setting 3 rather than at 1.
    pub prefers_3: bool,
}

/// Smallest voice packet for which setting 3 makes sense for transparent data: three USB packets
/// of 25 bytes, less the header.
const MTU_FOR_3: u16 = 72;

/// Chooses the alternate setting; 0 is none.
///
/// - Samples of 8 bits need setting 1, 2 or 3 for as many links, of 16 bits 2, 4 or 5.
/// - The specification wants 6 for transparent data, which many devices do not have. All of those
///   that can do it at all can do it with 1.
///
/// A device that lacks the setting gets the next lower one it has, which carries fewer links, but
/// these.
pub fn choose(voice: &Voice, available: Available) -> u8 {
    let wanted = match (voice.links, voice.air_mode) {
        (0, _) => return 0,
        (links, AirMode::Cvsd) => match (voice.wide_samples, links) {
            (true, 1) => 2,
            (true, 2) => 4,
            (true, _) => 5,
            (false, 1) => 1,
            (false, 2) => 2,
            (false, _) => 3,
        },
        (_, AirMode::Transparent) => {
            if available.has(6) {
                6
            } else if available.has(3) && voice.mtu >= MTU_FOR_3 && voice.prefers_3 {
                3
            } else {
                1
            }
        }
        // A link that nobody has announced the coding of: no bandwidth, as in the C driver.
        (_, AirMode::Unknown) => return 0,
    };
    if available.has(wanted) {
        wanted
    } else {
        // A device that says nothing about its settings gets what it should have.
        available.at_most(wanted).unwrap_or(wanted)
    }
}
