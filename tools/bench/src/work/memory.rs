// SPDX-License-Identifier: GPL-2.0

//! Workloads that count memory: what the kernel keeps for an idle link, and for an idle channel.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use super::{channel, started, Measured, Outcome, Setting};
use crate::controller::peer;
use crate::sys;

/// Numbers of links and of channels at which memory is read. The first is where growth is counted from.
const LINKS: [u32; 7] = [1, 2, 3, 4, 5, 6, 7];
const CHANNELS: [u32; 6] = [1, 20, 40, 60, 80, 100];

/// Long enough for what a new link asks its peer, and for memory that waits for RCU.
const SETTLE: Duration = Duration::from_millis(300);

/// Bytes in objects in use, by slab cache.
type Slab = BTreeMap<String, u64>;

/// Reads it. Objects that are free, but with a processor, count as used, so the caches are made to give them back.
fn slab() -> io::Result<Slab> {
    sys::sleep(SETTLE);
    for cache in fs::read_dir("/sys/kernel/slab")? {
        let cache = cache?;
        // Links are other names of the same caches.
        if !cache.file_type()?.is_symlink() {
            fs::write(cache.path().join("shrink"), "1")?;
        }
    }
    by_cache(&fs::read_to_string("/proc/slabinfo")?)
        .ok_or_else(|| io::Error::other("cannot read /proc/slabinfo"))
}

/// Objects in use, each of its size: the second and the fourth column, by the first.
fn by_cache(text: &str) -> Option<Slab> {
    let mut found = Slab::new();
    for line in text.lines().skip(2) {
        let mut words = line.split_whitespace();
        let name = words.next()?;
        let used: u64 = words.next()?.parse().ok()?;
        let size: u64 = words.nth(1)?.parse().ok()?;
        found.insert(name.into(), used * size);
    }
    (!found.is_empty()).then_some(found)
}

fn total(slab: &Slab) -> u64 {
    slab.values().sum()
}

/// How much more is in each cache: `cache WORKLOAD CACHE BYTES`, of those that changed.
fn tell_growth(name: &str, few: &Slab, many: &Slab) {
    for (cache, bytes) in many {
        let before = few.get(cache).copied().unwrap_or(0);
        if *bytes != before {
            println!("cache {name} {cache} {}", *bytes as i64 - before as i64);
        }
    }
}

/// Opens one more at a time and reads at each of `counts`.
fn grow(
    name: &str,
    counts: &[u32],
    mut open: impl FnMut(u32) -> io::Result<OwnedFd>,
) -> io::Result<Outcome> {
    let empty = total(&slab()?);
    let mut kept = Vec::with_capacity(128);
    let mut read = Vec::new();
    for count in counts {
        while (kept.len() as u32) < *count {
            kept.push(open(kept.len() as u32)?);
        }
        let slab = slab()?;
        println!(
            "point {name} {count} {}",
            total(&slab).saturating_sub(empty)
        );
        read.push((*count, slab));
    }
    let growth = match (read.first(), read.last()) {
        (Some((few, less)), Some((many, more))) if many > few => {
            tell_growth(name, less, more);
            Outcome {
                units: many - few,
                measured: Measured::Bytes(total(more).saturating_sub(total(less))),
            }
        }
        _ => return Err(super::wrong("nothing grew".into())),
    };
    Ok(growth)
}

/// Links that nothing is sent on.
pub fn links(setting: &Setting) -> io::Result<Outcome> {
    let _controller = started(setting.kind(true))?;
    grow("memory-link", &LINKS, |number| {
        let fd = sys::socket(sys::SOCK_RAW, sys::L2CAP)?;
        sys::connect_l2cap(&fd, peer(1 + number as u8), sys::BREDR, 0)?;
        Ok(fd)
    })
}

/// Channels of one link that nothing is sent on, each with its socket.
pub fn channels(setting: &Setting) -> io::Result<Outcome> {
    let _controller = started(setting.kind(true))?;
    grow("memory-channel", &CHANNELS, |_| channel::basic(peer(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_in_use_are_summed() {
        let text = "slabinfo - version: 2.1\n# name <active_objs> <num_objs> <objsize>\n\
                    kmalloc-64 10 20 64 64 1 : tunables 0 0 0 : slabdata 0 0 0\n\
                    dentry 3 3 192 21 1 : tunables 0 0 0 : slabdata 0 0 0\n";
        let slab = by_cache(text).unwrap();
        assert_eq!(slab["dentry"], 3 * 192);
        assert_eq!(total(&slab), 10 * 64 + 3 * 192);
        assert_eq!(by_cache(""), None);
    }
}
