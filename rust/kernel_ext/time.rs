// SPDX-License-Identifier: GPL-2.0

//! The clock that engines are given.

use crate::bindings;

/// Milliseconds of a monotonic clock with an arbitrary origin, in steps of the tick, as the timers are
/// that are set by it. Reading it is next to nothing, and packets are stamped with it. Any context.
pub fn now_ms() -> u64 {
    // Milliseconds of a tick, as a fraction.
    const NUM: u64 = bindings::HZ_TO_MSEC_NUM as u64;
    const DEN: u64 = bindings::HZ_TO_MSEC_DEN as u64;
    (jiffies() as u64).wrapping_mul(NUM) / DEN
}

/// The kernel's tick counter. Any context.
pub fn jiffies() -> usize {
    // SAFETY: A counter that is read as C does: volatile, torn by nobody since it is a word.
    unsafe { (&raw const bindings::jiffies).read_volatile() }
}
