// SPDX-License-Identifier: GPL-2.0

//! Audio data (Vol 4 Part E 5.4.3).

use super::turn;
use crate::hci::{
    device::Device,
    event,
    user::AudioUser, //
};
use engine::credits::LinkType;
use kernel::prelude::*;
use kernel_ext::{
    hci::{
        Flag,
        Stat, //
    },
    skbuff::SkBuff,
    workqueue::Worker, //
};
use wire::hci::packet::{
    PacketType,
    ScoHeader,
    ScoPacket, //
};

/// Bytes of one packet, as the driver has it.
pub(super) fn mtu(dev: &Device) -> u16 {
    u16::try_from(dev.sco_mtu()).unwrap_or(u16::MAX)
}

/// Sends what there is of audio and room for.
///
/// Few controllers tell when they are done with audio packets. With the others the number of their
/// buffers only limits how many packets go in a row; the bus sets the pace.
pub(super) fn transmit(dev: &Device, worker: &mut Worker<'_>) {
    let Some(flow) = dev.flow.get(worker) else {
        return;
    };
    if flow.audio_links == 0 {
        return;
    }
    flow.note_woken(dev);
    flow.control.begin_round();
    while turn(dev, worker, LinkType::Sco) {}
    let more = !dev.has(Flag::SCO_FLOWCTL)
        && dev.flow.get(worker).is_some_and(|flow| {
            let control = &flow.control;
            control.available(LinkType::Sco) == 0 && control.waits(LinkType::Sco, flow.ready)
        });
    if more {
        dev.transmit.queue(dev);
    }
}

/// A packet with this data.
pub(super) fn packet(handle: u16, skb: SkBuff) -> Result<SkBuff> {
    let len = u8::try_from(skb.len()).map_err(|_| EMSGSIZE)?;
    super::packet(PacketType::Sco, &ScoHeader::new(handle, len), skb)
}

/// Audio data from the controller. What comes for no link, or before its link, is lost: it would be
/// too late when somebody could have it.
pub(in crate::hci) fn received(dev: &Device, worker: &mut Worker<'_>, mut skb: SkBuff) {
    dev.count(Stat::ScoRx, 1);
    let (handle, status, len) = match ScoPacket::parse(skb.data()) {
        Ok(packet) => (
            packet.header.handle(),
            packet.header.packet_status(),
            packet.data.len(),
        ),
        Err(_) => return dev.count(Stat::ErrRx, 1),
    };
    let link = dev.flow.get(worker).and_then(|flow| flow.link(handle));
    let Some(link) = link.filter(|l| l.kind == LinkType::Sco) else {
        dev.count(Stat::ErrRx, 1);
        if event::log_now(dev) {
            pr_err!(
                "{}: SCO packet for unknown connection handle {handle}\n",
                dev.name()
            );
        }
        return;
    };
    link.note_received();
    if len == 0 || skb.pull(size_of::<ScoHeader>()).is_none() {
        return;
    }
    if !crate::Audio::received(dev, worker, handle, status, skb) {
        dropped(dev, worker, handle);
    }
}

/// A packet had to be dropped, because nobody took those before it in time.
#[cold]
fn dropped(dev: &Device, worker: &mut Worker<'_>, handle: u16) {
    dev.count(Stat::ErrRx, 1);
    let Some(flow) = dev.flow.get(worker) else {
        return;
    };
    flow.dropped = flow.dropped.wrapping_add(1);
    if let Some(link) = flow.link(handle) {
        link.dropped = link.dropped.wrapping_add(1);
    }
}
