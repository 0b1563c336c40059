// SPDX-License-Identifier: GPL-2.0

//! `flow`: buffers that the controller has free, what came of data, and one line a link.

use crate::hci::{
    device::Device,
    flow, //
};
use engine::credits::LinkType;
use kernel::{
    prelude::*,
    seq_file::SeqFile,
    seq_print, //
};

/// One name and number a line; then for each link its handle, kind, packets in the controller,
/// frames that wait, and packets sent and received so far; of audio, too, how many of those received
/// were lost because nobody took those before them.
pub(super) fn show(dev: &Device, out: &SeqFile) -> Result {
    let info = dev.info()?;
    let shot = flow::snapshot(dev)?;
    let kinds = [
        ("acl", info.acl.packets),
        ("sco", info.sco.packets),
        ("le", info.le.packets),
        ("iso", info.iso.packets),
    ];
    for ((name, total), free) in kinds.iter().zip(shot.free) {
        seq_print!(out, "{name}_cnt {free}\n{name}_pkts {total}\n");
    }
    let numbers = [
        ("tx_completed", shot.stats.completed),
        ("tx_returned", shot.stats.returned),
        ("tx_completed_excess", shot.stats.overflow),
        ("tx_completed_no_link", shot.stats.unknown_handle),
        ("tx_overflows", shot.overflows.into()),
        ("tx_timeouts", shot.stuck.into()),
        ("rx_early_held", shot.held.held),
        ("rx_early_delivered", shot.held.delivered),
        ("rx_early_expired", shot.held.expired),
        ("rx_early_refused", shot.held.refused_full),
        ("rx_late", shot.held.refused_quarantined),
        ("rx_dropped", shot.dropped),
    ];
    for (name, number) in numbers {
        seq_print!(out, "{name} {number}\n");
    }
    for link in shot.links.iter() {
        seq_print!(
            out,
            "link 0x{:03x} {} sent {} queued {} tx {} rx {}",
            link.handle,
            name(link.kind),
            link.outstanding,
            link.queued,
            link.sent,
            link.received
        );
        if link.kind == LinkType::Sco {
            seq_print!(out, " dropped {}", link.dropped);
        }
        seq_print!(out, "\n");
    }
    Ok(())
}

fn name(kind: LinkType) -> &'static str {
    match kind {
        LinkType::Acl => "acl",
        LinkType::Le => "le",
        LinkType::Sco => "sco",
        LinkType::Iso => "iso",
    }
}
