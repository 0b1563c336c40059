// SPDX-License-Identifier: GPL-2.0

//! Which commands a controller really has, whatever it claims.
//!
//! A controller lists its commands in a bitmap (Read Local Supported Commands, Vol 4 Part E 6.27 and 7.4.2). Some list
//! commands that they then answer with Unknown HCI Command (Vol 1 Part F 2.1). Such a command is struck off for the device;
//! the host says so once and goes on as if it had never been listed.

use wire::hci::{
    CommandBit,
    Opcode,
    Status,
    SupportedCommands, //
};

use crate::ring::Ring;

/// How many commands outside the bitmap are remembered as unknown.
const UNLISTED: usize = 16;

/// What an answer taught about a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Nothing: it was not answered with Unknown HCI Command.
    Known,
    /// The controller listed it and does not know it. It is struck off; this is the first time, so log it.
    StruckOff,
    /// As before; nothing to log.
    StruckOffBefore,
    /// The controller never said that it knew it.
    NotListed,
}

/// The commands that a controller lists, less those that it turned out not to know.
///
/// # Invariants
///
/// - Between two calls of [`set_listed`](Self::set_listed) or [`forget`](Self::forget) commands are only taken away, never
///   added.
/// - [`Verdict::StruckOff`] is returned at most once for a command of the bitmap, until [`forget`](Self::forget).
#[derive(Clone, PartialEq, Eq)]
pub struct EffectiveCommands {
    /// Counts the changes. First, so that a comparison of two that differ ends here.
    revision: u32,
    /// What is left of the controller's list.
    effective: SupportedCommands,
    struck_off: SupportedCommands,
    /// Commands without a place in the bitmap that turned out to be unknown; the oldest is forgotten first.
    unlisted: Ring<Opcode, UNLISTED>,
    has_listed: bool,
    count: u16,
}

impl Default for EffectiveCommands {
    fn default() -> Self {
        Self::new()
    }
}

impl EffectiveCommands {
    /// A controller that has not listed anything yet.
    pub const fn new() -> Self {
        const NONE: SupportedCommands = SupportedCommands([0; 64]);
        Self {
            revision: 0,
            effective: NONE,
            struck_off: NONE,
            unlisted: Ring::new(),
            has_listed: false,
            count: 0,
        }
    }

    /// The controller listed its commands. What was struck off stays struck off: a controller lists the same after each
    /// reset, and knows no more than before.
    pub fn set_listed(&mut self, listed: [u8; 64]) {
        let mut effective = SupportedCommands(listed);
        for (octet, struck_off) in effective.0.iter_mut().zip(&self.struck_off.0) {
            *octet &= !*struck_off;
        }
        if !self.has_listed || effective != self.effective {
            self.revision = self.revision.wrapping_add(1);
        }
        self.effective = effective;
        self.has_listed = true;
    }

    /// Forgets everything, as the controller may have got another firmware.
    pub fn forget(&mut self) {
        *self = Self {
            revision: self.revision.wrapping_add(1),
            ..Self::new()
        };
    }

    /// Whether the host may count on the command at `bit`.
    #[inline]
    pub fn has(&self, bit: CommandBit) -> bool {
        self.effective.supports(bit)
    }

    /// The effective list.
    #[inline]
    pub fn effective(&self) -> &SupportedCommands {
        &self.effective
    }

    /// The effective list's octets.
    #[inline]
    pub fn bitmap(&self) -> [u8; 64] {
        self.effective.0
    }

    /// How many commands were struck off.
    pub fn struck_off(&self) -> u16 {
        self.count
    }

    /// Whether the command `opcode`, whose place in the list is `bit` if it has one, was answered with Unknown HCI Command
    /// before.
    pub fn is_unknown(&self, opcode: Opcode, bit: Option<CommandBit>) -> bool {
        match bit {
            Some(bit) => self.struck_off.supports(bit),
            None => self.unlisted.iter().any(|unknown| *unknown == opcode),
        }
    }

    /// The controller answered the command `opcode`, whose place in the list is `bit` if it has one (see
    /// [`listed_at`](crate::listing::listed_at)), with `status`.
    ///
    /// A command without a place in the list, such as a vendor's, counts as listed, and so does every command before the
    /// controller has listed any: whoever sends it believes that the controller knows it.
    pub fn on_answer(
        &mut self,
        opcode: Opcode,
        bit: Option<CommandBit>,
        status: Status,
    ) -> Verdict {
        if status != Status::UNKNOWN_COMMAND {
            return Verdict::Known;
        }
        if self.is_unknown(opcode, bit) {
            return Verdict::StruckOffBefore;
        }
        self.revision = self.revision.wrapping_add(1);
        match bit {
            Some(bit) => {
                let listed = self.has(bit) || !self.has_listed;
                self.struck_off.set(bit, true);
                self.effective.set(bit, false);
                if !listed {
                    return Verdict::NotListed;
                }
            }
            None => {
                if self.unlisted.is_full() {
                    let _ = self.unlisted.pop_front();
                }
                let _ = self.unlisted.push_back(opcode);
            }
        }
        self.count = self.count.saturating_add(1);
        Verdict::StruckOff
    }
}
