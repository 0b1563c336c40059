// SPDX-License-Identifier: GPL-2.0

//! A controller's files under `/sys/kernel/debug/bluetooth/hciN/`.
//!
//! A file is a row of a table: its name, for which controllers it is, and what it shows and takes.
//! Those that say something at once are made when the controller is registered, the rest when it
//! has said what it is, as users of the C stack know them.

mod flow;
mod lists;
mod numbers;
mod switches;

use super::{
    device::Device,
    info::Info,
    state::{
        Defaults,
        State, //
    },
    Controller,
};
use kernel::{
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    str::{
        kstrtobool_bytes,
        CStr, //
    },
    sync::aref::ARef,
    uaccess::UserSliceReader, //
};
use kernel_ext::vec::VecExt;
use kernel_ext::{
    debugfs::{
        Dir,
        File,
        FileOps, //
    },
    hci::{
        DevFlag,
        Flag,
        Quirk, //
    },
};

/// For which controllers there is a file.
type When = fn(&Device, &Info) -> bool;

/// What a file shows, and what it takes.
enum Content {
    /// Lines.
    Text(fn(&Device, &SeqFile) -> Result),
    /// One of the numbers that mgmt and debugfs can change.
    Number {
        get: fn(&Defaults) -> u64,
        /// Checks the number, and sets it.
        set: fn(&mut Defaults, u64) -> Result,
    },
    /// Lines of the settings, under their lock.
    Settings(fn(&State, &SeqFile)),
    /// `Y` or `N`.
    Switch {
        flag: Flag,
        set: Option<fn(&Device, bool) -> Result>,
    },
    /// `Y` or `N`, and can be changed while the controller is down.
    Quirk(Quirk),
}

/// A row of a table.
struct Row {
    name: &'static CStr,
    mode: u16,
    when: When,
    content: Content,
}

const fn row(name: &'static CStr, mode: u16, when: When, content: Content) -> Row {
    Row {
        name,
        mode,
        when,
        content,
    }
}

fn always(_: &Device, _: &Info) -> bool {
    true
}

fn bredr(_: &Device, info: &Info) -> bool {
    info.bredr_capable()
}

fn le(_: &Device, info: &Info) -> bool {
    info.le_capable()
}

/// There from registration on.
const BASIC: &[Row] = &[
    row(c"counters", 0o444, always, Content::Text(counters)),
    row(c"flow", 0o444, always, Content::Text(flow::show)),
    switches::DUT_MODE,
    switches::VENDOR_DIAG,
];

/// There once the controller has said what it is.
const KNOWN: [&[Row]; 3] = [lists::ROWS, numbers::ROWS, switches::ROWS];

/// A file's row, and whose file it is.
struct Of {
    dev: ARef<Device>,
    row: &'static Row,
}

/// The folder and the files in it; gone with its drop.
pub(super) struct Entries {
    files: KVec<File<Of>>,
    dir: Dir,
    complete: bool,
}

impl Entries {
    /// Makes the folder of a controller, and what is there at once. Without one everything else
    /// works all the same.
    pub(super) fn create(dev: &Device) -> Option<Self> {
        let dir = Dir::new(dev.name(), super::registry::debugfs_root().as_ref()).ok()?;
        dev.publish_debugfs(dir.as_ptr());
        let mut entries = Self {
            files: KVec::new(),
            dir,
            complete: false,
        };
        entries.add(dev, BASIC);
        Some(entries)
    }

    /// Adds what depends on what the controller said; once.
    fn complete(&mut self, dev: &Device) {
        if !core::mem::replace(&mut self.complete, true) {
            for rows in KNOWN {
                self.add(dev, rows);
            }
        }
    }

    fn add(&mut self, dev: &Device, rows: &'static [Row]) {
        let Ok(info) = dev.info() else { return };
        for row in rows.iter().filter(|row| (row.when)(dev, &info)) {
            // As everywhere in debugfs: what cannot be made is missing.
            let _ = self.file(dev, row);
        }
    }

    fn file(&mut self, dev: &Device, row: &'static Row) -> Result {
        let of = Of {
            dev: dev.into(),
            row,
        };
        let file = self
            .dir
            .file(row.name, row.mode, KBox::new(of, GFP_KERNEL)?)?;
        Ok(self.files.append(file)?)
    }
}

impl Controller {
    /// Adds the debugfs files that depend on what the controller said of itself.
    pub(super) fn complete_debugfs(&self, dev: &Device) {
        self.with_debugfs(|entries| entries.complete(dev));
    }
}

impl FileOps for Of {
    type Data = KBox<Self>;

    fn show(of: &Self, out: &SeqFile) -> Result {
        let dev = &of.dev;
        match of.row.content {
            Content::Text(show) => show(dev, out)?,
            Content::Number { get, .. } => seq_print!(out, "{}\n", get(&dev.state().defaults)),
            Content::Settings(show) => show(&dev.state(), out),
            Content::Switch { flag, .. } => yes_or_no(out, dev.has(flag)),
            Content::Quirk(quirk) => yes_or_no(out, dev.quirk(quirk)),
        }
        Ok(())
    }

    fn write(of: &Self, input: &mut UserSliceReader) -> Result {
        let dev = &of.dev;
        match of.row.content {
            Content::Number { set, .. } => {
                let value = Word::read(input)?.number()?;
                set(&mut dev.state().defaults, value)?;
                super::link::idle_timeout_changed(dev);
                Ok(())
            }
            Content::Switch { set: Some(set), .. } => set(dev, Word::read(input)?.switch()?),
            Content::Quirk(quirk) => {
                let on = Word::read(input)?.switch()?;
                if dev.is(DevFlag::UP) {
                    return Err(EBUSY);
                }
                if dev.set_quirk(quirk, on) == on {
                    return Err(EALREADY);
                }
                Ok(())
            }
            Content::Text(_) | Content::Settings(_) | Content::Switch { set: None, .. } => {
                Err(EPERM)
            }
        }
    }
}

/// What somebody wrote into a file: one word, without the newline that `echo` adds.
struct Word {
    octets: [u8; Self::MAX],
    len: usize,
}

impl Word {
    /// The longest number has 20 digits.
    const MAX: usize = 24;

    fn read(input: &mut UserSliceReader) -> Result<Self> {
        let mut word = Self {
            octets: [0; Self::MAX],
            len: input.len(),
        };
        let into = word.octets.get_mut(..word.len).ok_or(EINVAL)?;
        input.read_slice(into)?;
        Ok(word)
    }

    fn octets(&self) -> &[u8] {
        self.octets
            .get(..self.len)
            .unwrap_or_default()
            .trim_ascii_end()
    }

    fn switch(&self) -> Result<bool> {
        kstrtobool_bytes(self.octets())
    }

    /// A number in any notation that the kernel takes: decimal, `0x` hexadecimal.
    fn number(&self) -> Result<u64> {
        let text = core::str::from_utf8(self.octets()).map_err(|_| EINVAL)?;
        let (digits, radix) = match text.strip_prefix("0x") {
            Some(digits) => (digits, 16),
            None => (text, 10),
        };
        u64::from_str_radix(digits, radix).map_err(|_| EINVAL)
    }
}

fn yes_or_no(out: &SeqFile, yes: bool) {
    seq_print!(out, "{}\n", if yes { 'Y' } else { 'N' });
}

/// Octets in hexadecimal, each after a blank.
fn spaced(out: &SeqFile, octets: &[u8]) {
    for octet in octets {
        seq_print!(out, " {octet:02x}");
    }
}

/// Octets in hexadecimal, without anything between them.
fn joined(out: &SeqFile, octets: &[u8]) {
    for octet in octets {
        seq_print!(out, "{octet:02x}");
    }
}

/// `counters`: what was dropped and why, one name and number a line.
fn counters(dev: &Device, out: &SeqFile) -> Result {
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
