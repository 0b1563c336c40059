// SPDX-License-Identifier: GPL-2.0

//! Counters by name. They are what a test compares with what the driver says.

use std::collections::BTreeMap;

/// Counters; one that was never bumped is zero.
#[derive(Clone, Debug, Default)]
pub struct Stats(BTreeMap<String, u64>);

impl Stats {
    /// Adds to one.
    pub fn add(&mut self, name: &str, amount: u64) {
        match self.0.get_mut(name) {
            Some(value) => *value = value.wrapping_add(amount),
            None => {
                self.0.insert(name.to_owned(), amount);
            }
        }
    }

    /// One packet or transfer of this many bytes: `NAME.packets` and `NAME.bytes`.
    pub fn packet(&mut self, name: &str, bytes: usize) {
        self.add(&format!("{name}.packets"), 1);
        self.add(
            &format!("{name}.bytes"),
            u64::try_from(bytes).unwrap_or(u64::MAX),
        );
    }

    /// The value of one.
    pub fn get(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// All back to zero.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// `NAME VALUE`, a line each.
    pub fn lines(&self) -> Vec<String> {
        self.0
            .iter()
            .map(|(name, value)| format!("{name} {value}"))
            .collect()
    }
}
