// SPDX-License-Identifier: GPL-2.0

//! The clock that engines are given.

use crate::bindings;

/// Milliseconds of the monotonic clock. Any context.
pub fn now_ms() -> u64 {
    // SAFETY: May be called in any context once timekeeping runs, which is long before modules.
    let ns = unsafe { bindings::ktime_get() };
    u64::try_from(ns).unwrap_or(0) / 1_000_000
}

/// The kernel's tick counter. Any context.
pub fn jiffies() -> usize {
    // SAFETY: A counter that is read as C does: volatile, torn by nobody since it is a word.
    unsafe { (&raw const bindings::jiffies).read_volatile() }
}
