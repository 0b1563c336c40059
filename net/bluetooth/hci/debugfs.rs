// SPDX-License-Identifier: GPL-2.0

//! A controller's files under `/sys/kernel/debug/bluetooth/hciN/`.

use super::device::Device;
use kernel::{
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sync::aref::ARef,
    types::ForeignOwnable, //
};
use kernel_ext::debugfs::{
    Dir,
    File,
    FileOps, //
};

/// The folder and the files in it; gone with its drop.
pub(super) struct Entries {
    dir: Dir,
    _counters: Option<File<Counters>>,
}

impl Entries {
    pub(super) fn dir(&self) -> &Dir {
        &self.dir
    }
}

/// Makes the folder of a controller. Without one everything else works all the same.
pub(super) fn create(dev: &Device) -> Option<Entries> {
    let dir = Dir::new(dev.name(), super::registry::debugfs_root().as_ref()).ok()?;
    dev.publish_debugfs(dir.as_ptr());
    let counters = dir.file(c"counters", 0o444, ARef::from(dev)).ok();
    Some(Entries {
        dir,
        _counters: counters,
    })
}

/// `counters`: what was dropped and why, one name and number a line.
struct Counters;

impl FileOps for Counters {
    type Data = ARef<Device>;

    fn show(dev: <Self::Data as ForeignOwnable>::Borrowed<'_>, out: &SeqFile) -> Result {
        use core::sync::atomic::Ordering;
        let (waiting, overflows, unknown) = dev.reception.counters();
        let bad_events = dev.reception.bad_events().load(Ordering::Relaxed);
        seq_print!(out, "rx_waiting {waiting}\n");
        seq_print!(out, "rx_overflows {overflows}\n");
        seq_print!(out, "rx_unknown_type {unknown}\n");
        seq_print!(out, "rx_bad_events {bad_events}\n");
        let stats = dev.commands.queue.lock().stats();
        seq_print!(out, "cmd_sent {}\n", stats.sent);
        seq_print!(out, "cmd_completed {}\n", stats.completed);
        seq_print!(out, "cmd_timed_out {}\n", stats.timed_out);
        seq_print!(out, "cmd_unexpected_answers {}\n", stats.unexpected);
        seq_print!(out, "cmd_overgrants {}\n", stats.overgrants);
        seq_print!(out, "cmd_credit_stalls {}\n", stats.credit_stalls);
        seq_print!(out, "cmd_rejected_full {}\n", stats.rejected_full);
        Ok(())
    }
}
