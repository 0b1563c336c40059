// SPDX-License-Identifier: GPL-2.0

//! Cookies: the numbers by which the monitor's users tell HCI sockets apart.

use core::sync::atomic::{
    AtomicU64,
    Ordering, //
};

/// Cookies in use, a bit for each; the first is number 1.
static TAKEN: [AtomicU64; 128] = [const { AtomicU64::new(0) }; 128];

/// A number that no other open socket has; free again on drop.
///
/// Beyond 8192 sockets the rest share [`Cookie::SHARED`].
#[derive(Debug)]
pub(super) struct Cookie(u32);

impl Cookie {
    /// What a socket gets when all numbers are taken.
    const SHARED: u32 = u32::MAX;

    /// Takes the lowest number that is free.
    pub(super) fn take() -> Self {
        for (word, bits) in (0u32..).zip(&TAKEN) {
            loop {
                let free = bits.load(Ordering::Relaxed).trailing_ones();
                let Some(mask) = 1u64.checked_shl(free) else {
                    // This word is full.
                    break;
                };
                if bits.fetch_or(mask, Ordering::Relaxed) & mask == 0 {
                    return Self(word.wrapping_mul(u64::BITS) | free).successor();
                }
            }
        }
        Self(Self::SHARED)
    }

    fn successor(mut self) -> Self {
        self.0 = self.0.wrapping_add(1);
        self
    }

    /// The number; never 0.
    pub(super) fn get(&self) -> u32 {
        self.0
    }
}

impl Drop for Cookie {
    fn drop(&mut self) {
        if self.0 == Self::SHARED {
            return;
        }
        let at = self.0.wrapping_sub(1);
        let word = usize::try_from(at / u64::BITS).ok();
        if let Some(bits) = word.and_then(|word| TAKEN.get(word)) {
            let mask = 1u64.wrapping_shl(at % u64::BITS);
            bits.fetch_and(!mask, Ordering::Relaxed);
        }
    }
}
