// SPDX-License-Identifier: GPL-2.0

//! What is counted: nanoseconds in which the processor was busy, and those of them that this program
//! spent in user mode.
//!
//! In a machine with one processor whose clock counts instructions, a nanosecond is an instruction. The
//! scheduler keeps the time that tasks ran, to the nanosecond; the time between two system calls of ours
//! comes from the time stamp counter, which that clock drives, too.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::sys;

/// No stretch between two of our system calls is as long. One that is was interrupted, and what ran
/// meanwhile was not ours.
const INTERRUPTED: u64 = 200_000;

/// How long a measurement waits for what its work left behind, and is off the processor itself.
const SETTLE: Duration = Duration::from_millis(3);

static USER: AtomicU64 = AtomicU64::new(0);
static CUT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static LAST: Cell<u64> = const { Cell::new(0) };
}

fn ticks() -> u64 {
    // SAFETY: every x86-64 processor has the counter, and Linux lets programs read it.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// Runs a system call. What this thread did since its last one counts as user mode.
pub fn kernel<T>(call: impl FnOnce() -> T) -> T {
    LAST.with(|last| {
        let before = last.get();
        if before != 0 {
            let spent = ticks().wrapping_sub(before);
            if spent < INTERRUPTED {
                USER.fetch_add(spent, Ordering::Relaxed);
            } else {
                CUT.fetch_add(1, Ordering::Relaxed);
            }
        }
        let result = call();
        last.set(ticks());
        result
    })
}

/// Marks what is measured for the plugin that counts by address (`plugin/`); without it they do nothing.
fn mark(begin: bool) {
    // SAFETY: no-operations.
    unsafe {
        if begin {
            core::arch::asm!(".byte 0x0f, 0x1f, 0x84, 0x00", ".ascii \"OXb\\001\"");
        } else {
            core::arch::asm!(".byte 0x0f, 0x1f, 0x84, 0x00", ".ascii \"OXe\\001\"");
        }
    }
}

/// One reading, in nanoseconds since the machine was started.
#[derive(Clone, Copy, Default)]
struct Sample {
    busy: u64,
    user: u64,
    cut: u64,
}

/// What some work cost, in nanoseconds of processor time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// All of it.
    pub busy: u64,
    /// What this program did in user mode.
    pub user: u64,
    /// How often an interrupt hid what it did, which is then missing in `user`.
    pub cut: u64,
}

impl Cost {
    /// What the kernel spent.
    fn kernel(self) -> u64 {
        self.busy.saturating_sub(self.user)
    }
}

/// Reads the scheduler's account.
pub struct Meter {
    stat: File,
    /// What a measurement of nothing costs.
    empty: u64,
}

impl Meter {
    /// # Errors
    ///
    /// If the kernel has no such account, or the time stamp counter does not run at a nanosecond a tick.
    pub fn new() -> io::Result<Self> {
        let mut meter = Self {
            stat: File::open("/proc/schedstat")?,
            empty: 0,
        };
        meter.calibrate()?;
        let mut costs = Vec::new();
        for _ in 0..5 {
            costs.push(meter.cost(|| Ok(()))?.1.kernel());
        }
        costs.sort_unstable();
        meter.empty = costs.get(2).copied().unwrap_or(0);
        Ok(meter)
    }

    fn calibrate(&self) -> io::Result<()> {
        let (time, count) = (std::time::Instant::now(), ticks());
        sys::sleep(Duration::from_millis(20));
        let (time, count) = (
            time.elapsed().as_nanos() as u64,
            ticks().wrapping_sub(count),
        );
        if time.abs_diff(count) > time / 100 {
            return Err(io::Error::other(format!(
                "the time stamp counter made {count} steps in {time} ns: \
                 this wants a machine whose clock counts instructions"
            )));
        }
        Ok(())
    }

    fn sample(&self) -> io::Result<Sample> {
        // A task's time is accounted when it leaves the processor.
        sys::sleep(SETTLE);
        let mut text = [0u8; 4096];
        let got = kernel(|| self.stat.read_at(&mut text, 0))?;
        let text =
            std::str::from_utf8(text.get(..got).unwrap_or_default()).map_err(io::Error::other)?;
        Ok(Sample {
            busy: busy(text).ok_or_else(|| io::Error::other("no time in /proc/schedstat"))?,
            user: USER.load(Ordering::Relaxed),
            cut: CUT.load(Ordering::Relaxed),
        })
    }

    /// What `work` returned, and its cost. Only one such call in a program, for the marks' sake.
    ///
    /// # Errors
    ///
    /// Those of `work`, and of reading.
    pub fn measure<T>(&self, work: impl FnOnce() -> io::Result<T>) -> io::Result<(T, Cost)> {
        self.cost(|| {
            mark(true);
            let result = work();
            mark(false);
            result
        })
    }

    fn cost<T>(&self, work: impl FnOnce() -> io::Result<T>) -> io::Result<(T, Cost)> {
        let before = self.sample()?;
        let result = work()?;
        let after = self.sample()?;
        let cost = Cost {
            busy: after
                .busy
                .saturating_sub(before.busy)
                .saturating_sub(self.empty),
            user: after.user.saturating_sub(before.user),
            cut: after.cut.saturating_sub(before.cut),
        };
        Ok((result, cost))
    }
}

/// The seventh number of the processors' lines: time that tasks ran.
fn busy(text: &str) -> Option<u64> {
    let mut total = None;
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or_default();
        let is_cpu = name
            .strip_prefix("cpu")
            .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        if is_cpu {
            let time: u64 = words.nth(6)?.parse().ok()?;
            total = Some(total.unwrap_or(0) + time);
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_time_is_the_seventh_number() {
        let text = "version 17\ntimestamp 4294893452\ncpu0 0 0 0 0 0 0 3734 6754 13648\n\
                    domain0 SMT 3 1 2\ncpu1 0 0 0 0 0 0 10 1 1\n";
        assert_eq!(busy(text), Some(3744));
        assert_eq!(busy("version 17\n"), None);
    }
}
