// SPDX-License-Identifier: GPL-2.0

//! When to try again after a failed transfer.
//!
//! A device that is broken, or about to leave, fails each transfer at once; who then submits the
//! next one at once has an interrupt storm, and a log full of it. So the first few errors in a
//! row are taken as they come, since a bus has them, and from then on the driver waits, longer
//! each time.

/// Errors in a row that are tried again at once.
const PATIENCE: u32 = 3;

/// First and longest pause, in milliseconds.
const FIRST_PAUSE: u32 = 10;
const LONGEST_PAUSE: u32 = 2_000;

/// How a transfer has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The endpoint is halted; it does nothing until that is cleared.
    Stall,
    /// Anything on the bus: no answer, CRC, babble, overrun.
    Bus,
    /// Out of memory, or of bandwidth: not the device's fault.
    Host,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Submit again now.
    Again,
    /// Submit again after a pause.
    After {
        /// The pause, in milliseconds.
        ms: u32,
        /// Clear the endpoint's halt first.
        clear_halt: bool,
        /// Say so in the log: the first pause of a row.
        report: bool,
    },
}

/// The state of one endpoint.
#[derive(Clone, Copy, Debug, Default)]
pub struct Throttle {
    row: u32,
}

impl Throttle {
    /// A transfer went well. Returns the errors that came before it, if there was a pause.
    pub fn success(&mut self) -> Option<u32> {
        let row = core::mem::take(&mut self.row);
        (row > PATIENCE).then_some(row)
    }

    /// A transfer has failed.
    pub fn failure(&mut self, failure: Failure) -> Step {
        self.row = self.row.saturating_add(1);
        let excess = self.row.saturating_sub(PATIENCE);
        if excess == 0 && failure == Failure::Bus {
            return Step::Again;
        }
        let ms = FIRST_PAUSE
            .saturating_mul(1u32.wrapping_shl(excess.saturating_sub(1).min(8)))
            .min(LONGEST_PAUSE);
        Step::After {
            ms,
            clear_halt: failure == Failure::Stall,
            report: excess == 1,
        }
    }
}
