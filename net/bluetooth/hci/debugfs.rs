// SPDX-License-Identifier: GPL-2.0

//! A controller's files under `/sys/kernel/debug/bluetooth/hciN/`.

use super::{
    device::Device,
    power, //
};
use kernel::{
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    str::kstrtobool_bytes,
    sync::aref::ARef,
    types::ForeignOwnable,
    uaccess::UserSliceReader, //
};
use kernel_ext::{
    debugfs::{
        Dir,
        File,
        FileOps, //
    },
    hci::Flag, //
};

/// The folder and the files in it; gone with its drop.
pub(super) struct Entries {
    _dir: Dir,
    _counters: Option<File<Counters>>,
    _features: Option<File<Features>>,
    _manufacturer: Option<File<Manufacturer>>,
    _hci_version: Option<File<HciVersion>>,
    _hci_revision: Option<File<HciRevision>>,
    _force_static_address: Option<File<ForceStaticAddress>>,
}

/// Makes the folder of a controller. Without one everything else works all the same.
pub(super) fn create(dev: &Device) -> Option<Entries> {
    let dir = Dir::new(dev.name(), super::registry::debugfs_root().as_ref()).ok()?;
    dev.publish_debugfs(dir.as_ptr());
    Some(Entries {
        _counters: dir.file(c"counters", 0o444, ARef::from(dev)).ok(),
        _features: dir.file(c"features", 0o444, ARef::from(dev)).ok(),
        _manufacturer: dir.file(c"manufacturer", 0o444, ARef::from(dev)).ok(),
        _hci_version: dir.file(c"hci_version", 0o444, ARef::from(dev)).ok(),
        _hci_revision: dir.file(c"hci_revision", 0o444, ARef::from(dev)).ok(),
        _force_static_address: dir
            .file(c"force_static_address", 0o644, ARef::from(dev))
            .ok(),
        _dir: dir,
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

/// `features`: the pages of LMP features that there are, and those of LE.
struct Features;

impl FileOps for Features {
    type Data = ARef<Device>;

    fn show(dev: <Self::Data as ForeignOwnable>::Borrowed<'_>, out: &SeqFile) -> Result {
        let info = dev.info()?;
        let pages = usize::from(info.max_page).saturating_add(1);
        for (number, page) in info.features.pages.iter().enumerate().take(pages) {
            seq_print!(out, "{number:2}:");
            octets(out, &page.0);
        }
        if info.le_capable() {
            seq_print!(out, "LE:");
            octets(out, &info.le_features.page0());
        }
        Ok(())
    }
}

fn octets(out: &SeqFile, octets: &[u8]) {
    for octet in octets {
        seq_print!(out, " {octet:02x}");
    }
    seq_print!(out, "\n");
}

/// A file with one number of what the controller said.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $member:ident) => {
        $(#[$doc])*
        struct $name;

        impl FileOps for $name {
            type Data = ARef<Device>;

            fn show(dev: <Self::Data as ForeignOwnable>::Borrowed<'_>, out: &SeqFile) -> Result {
                seq_print!(out, "{}\n", dev.info()?.$member);
                Ok(())
            }
        }
    };
}

number!(
    /// `manufacturer`: company identifier.
    Manufacturer,
    manufacturer
);
number!(
    /// `hci_version`, as Assigned Numbers have it.
    HciVersion,
    hci_ver
);
number!(
    /// `hci_revision`, the manufacturer's.
    HciRevision,
    hci_rev
);

/// `force_static_address`: whether the static address is used although there is a public one.
struct ForceStaticAddress;

impl FileOps for ForceStaticAddress {
    type Data = ARef<Device>;

    fn show(dev: <Self::Data as ForeignOwnable>::Borrowed<'_>, out: &SeqFile) -> Result {
        let forced = if dev.has(Flag::FORCE_STATIC_ADDR) {
            'Y'
        } else {
            'N'
        };
        seq_print!(out, "{forced}\n");
        Ok(())
    }

    fn write(
        dev: <Self::Data as ForeignOwnable>::Borrowed<'_>,
        input: &mut UserSliceReader,
    ) -> Result {
        if power::is_powered(dev) {
            return Err(EBUSY);
        }
        // "on" and "off" are the longest words that mean something.
        let mut words = [0u8; 4];
        let len = input.len().min(words.len());
        let text = words.get_mut(..len).ok_or(EINVAL)?;
        input.read_slice(text)?;
        let forced = kstrtobool_bytes(text)?;
        if dev.set(Flag::FORCE_STATIC_ADDR, forced) == forced {
            return Err(EALREADY);
        }
        Ok(())
    }
}
