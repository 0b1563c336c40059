// SPDX-License-Identifier: GPL-2.0

//! Identifiers of signalling commands (Vol 3 Part A 4): which are in use for requests that await their response.

use wire::l2cap::{
    signal::Ident,
    Transport, //
};

/// The identifiers of one link.
///
/// They are given out in turn, so that one that was released comes back as late as possible and a late response to an old
/// request meets no new one.
#[derive(Clone, Debug)]
pub struct Idents {
    /// Bit `n` of word `w`: identifier `64 * w + n` is in use.
    used: [u64; 4],
    last: u8,
    max: u8,
}

impl Idents {
    /// None in use. On BR/EDR those above 128 are left to tools that send commands themselves, such as l2ping.
    pub const fn new(transport: Transport) -> Self {
        Self {
            used: [0; 4],
            last: 0,
            max: match transport {
                Transport::BrEdr => 128,
                Transport::Le => 255,
            },
        }
    }

    fn word(&mut self, ident: u8) -> Option<(&mut u64, u64)> {
        let bit = 1u64.wrapping_shl(u32::from(ident));
        Some((self.used.get_mut(usize::from(ident >> 6))?, bit))
    }

    /// Takes the next one that is free, if there is one.
    #[must_use]
    pub fn allocate(&mut self) -> Option<Ident> {
        for _ in 0..self.max {
            self.last = if self.last >= self.max {
                1
            } else {
                self.last.saturating_add(1)
            };
            let last = self.last;
            let (word, bit) = self.word(last)?;
            if *word & bit == 0 {
                *word |= bit;
                return Ident::new(last);
            }
        }
        None
    }

    /// Gives one back. It need not be in use.
    pub fn release(&mut self, ident: Ident) {
        if let Some((word, bit)) = self.word(ident.get()) {
            *word &= !bit;
        }
    }

    /// Takes one for a command that is not answered.
    #[must_use]
    pub fn pass(&mut self) -> Option<Ident> {
        let ident = self.allocate()?;
        self.release(ident);
        Some(ident)
    }

    /// How many are in use.
    pub fn in_use(&self) -> u32 {
        self.used
            .iter()
            .fold(0, |sum, word| sum.saturating_add(word.count_ones()))
    }
}
