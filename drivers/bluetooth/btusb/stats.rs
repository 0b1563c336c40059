// SPDX-License-Identifier: GPL-2.0

//! Files in the controller's directory in debugfs.

use crate::{
    device::Btusb,
    pipe::Pipe, //
};
use core::sync::atomic::{
    AtomicU32,
    AtomicU64,
    Ordering::Relaxed, //
};
use kernel::{
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sync::{
        Arc,
        ArcBorrow, //
    },
    uaccess::UserSliceReader,
};
use usb_ext::{
    debugfs::FileOps,
    hci::{
        DebugFile,
        Registration, //
    },
    time,
};

/// What is counted beside bytes.
#[derive(Default)]
pub(crate) struct Counts {
    /// Isochronous frames that did not arrive.
    pub(crate) lost_frames: AtomicU64,
    /// Packets that had to wait for the device to wake up.
    pub(crate) deferred: AtomicU32,
    pub(crate) suspends: AtomicU32,
    /// Of the resumes, those that were not for a packet to send.
    pub(crate) wakeups: AtomicU32,
    /// Resets of the USB port that the driver has asked for.
    pub(crate) resets: AtomicU32,
}

/// The files.
pub(crate) struct Files {
    _force_poll_sync: DebugFile<ForcePollSync>,
    _usb: DebugFile<Usb>,
}

impl Files {
    pub(crate) fn new(controller: &Registration<Btusb>, this: &Arc<Btusb>) -> Self {
        Self {
            _force_poll_sync: controller.debugfs_file(c"force_poll_sync", 0o644, this.clone()),
            _usb: controller.debugfs_file(c"usb", 0o444, this.clone()),
        }
    }
}

/// `force_poll_sync`: whether events overtake data. It can be changed while the controller is
/// down.
pub(crate) struct ForcePollSync;

impl FileOps for ForcePollSync {
    type Data = Arc<Btusb>;

    fn show(this: ArcBorrow<'_, Btusb>, out: &SeqFile) -> Result {
        let text = if this.poll_sync.load(Relaxed) {
            "Y"
        } else {
            "N"
        };
        seq_print!(out, "{}\n", text);
        Ok(())
    }

    fn write(this: ArcBorrow<'_, Btusb>, input: &mut UserSliceReader) -> Result {
        let on = match input.read::<u8>()? {
            b'y' | b'Y' | b't' | b'T' | b'1' => true,
            b'n' | b'N' | b'f' | b'F' | b'0' => false,
            b'o' | b'O' => match input.read::<u8>()? {
                b'n' | b'N' => true,
                b'f' | b'F' => false,
                _ => return Err(EINVAL),
            },
            _ => return Err(EINVAL),
        };
        if this.hdev.is_up() {
            return Err(EPERM);
        }
        if this.poll_sync.swap(on, Relaxed) == on {
            return Err(EALREADY);
        }
        Ok(())
    }
}

/// `usb`: URBs in flight, bytes and bytes per second of each endpoint; the rate is that since the
/// file was read the last time, a second ago or more.
pub(crate) struct Usb;

fn rate(mark: &(AtomicU64, AtomicU64), bytes: u64, now: u64) -> u64 {
    let (old, then) = (mark.0.load(Relaxed), mark.1.load(Relaxed));
    let ms = now.saturating_sub(then).max(1);
    if ms >= 1000 {
        mark.0.store(bytes, Relaxed);
        mark.1.store(now, Relaxed);
    }
    bytes
        .saturating_sub(old)
        .saturating_mul(1000)
        .checked_div(ms)
        .unwrap_or(0)
}

fn line(out: &SeqFile, name: &str, pipe: &Pipe, now: u64) {
    let bytes = pipe.bytes.load(Relaxed);
    seq_print!(
        out,
        "{} in: {} urbs in flight, {} bytes, {} bytes/s, {} errors\n",
        name,
        pipe.in_flight.load(Relaxed),
        bytes,
        rate(&pipe.mark, bytes, now),
        pipe.errors.load(Relaxed),
    );
}

impl FileOps for Usb {
    type Data = Arc<Btusb>;

    fn show(this: ArcBorrow<'_, Btusb>, out: &SeqFile) -> Result {
        let now = time::now_ms();
        line(out, "interrupt", &this.interrupt, now);
        line(out, "bulk", &this.bulk, now);
        line(out, "isochronous", &this.isochronous, now);
        if this.diag.is_some() {
            line(out, "diagnostics", &this.diagnostics, now);
        }
        seq_print!(
            out,
            "out: {} urbs in flight, {} bytes, {} waiting\n",
            this.tx_urbs.load(Relaxed),
            this.tx_bytes.load(Relaxed),
            this.deferred.len(),
        );
        let (alternate, packet) = this.voice.shown();
        seq_print!(
            out,
            "voice: alternate setting {}, {} bytes in a packet, settings",
            alternate,
            packet,
        );
        for number in this.available.iter() {
            seq_print!(out, " {}", number);
        }
        let counts = &this.counts;
        seq_print!(
            out,
            ", {} frames lost\npower: {} suspends, {} packets had to wait, {} wake-ups, {} resets\n",
            counts.lost_frames.load(Relaxed),
            counts.suspends.load(Relaxed),
            counts.deferred.load(Relaxed),
            counts.wakeups.load(Relaxed),
            counts.resets.load(Relaxed),
        );
        Ok(())
    }
}
