// SPDX-License-Identifier: GPL-2.0

//! Reception: from the driver's call to the handler of the packet.

use super::{
    device::{
        ids,
        Controller,
        Device, //
    },
    event, flow, link,
    observer::{
        self,
        Direction, //
    },
};
use core::sync::atomic::{
    AtomicU32,
    Ordering, //
};
use kernel::{
    prelude::*,
    sync::aref::ARef, //
};
use kernel_ext::{
    hci::{
        DevFlag,
        DrvReply,
        Flag,
        Frame,
        FrameMeta,
        Stat, //
    },
    skbuff::{
        SkBuff,
        SkBuffQueue, //
    },
    workqueue::{
        OrderedQueue,
        Work,
        WorkItem,
        Worker, //
    },
};
use wire::hci::packet::PacketType;

/// Packets that may wait for the worker. A controller delivers at most a few hundred a
/// scheduling delay; one that floods the host loses the excess, counted, not the host's memory.
pub(crate) const MAX_RX_QUEUED: usize = 4096;

/// Packets from the driver to the worker.
#[pin_data]
pub(super) struct Reception {
    #[pin]
    queue: SkBuffQueue,
    #[pin]
    work: Work<Controller, { ids::RECEIVE }>,
    /// Packets dropped because the queue was full.
    overflows: AtomicU32,
    /// Packets of no known type.
    unknown: AtomicU32,
    /// Events that were malformed, or made no sense when they came.
    bad_events: AtomicU32,
}

kernel_ext::impl_has_work! {
    impl HasWork<{ ids::RECEIVE }> for Controller { self.reception.work }
}

kernel_ext::impl_has_work! {
    impl HasWork<{ ids::TRANSMIT }> for Controller { self.transmit }
}

impl Reception {
    pub(super) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            queue <- kernel_ext::new_skb_queue!("Reception::queue"),
            work <- kernel_ext::new_work!("Reception::work"),
            overflows: AtomicU32::new(0),
            unknown: AtomicU32::new(0),
            bad_events: AtomicU32::new(0),
        })
    }

    pub(super) fn bind(&self, worker: &OrderedQueue) -> Result {
        self.work.bind(worker)
    }

    /// Stops reception for good.
    pub(super) fn disable(&self) {
        self.work.disable_sync();
        self.queue.purge();
    }

    /// Waits until all that was received is handled.
    pub(super) fn flush(&self) {
        // On the worker itself there is nothing to wait for.
        let _ = self.work.flush();
    }

    /// Whether all that was received is handled, or in hand.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Drops what was received and not handled.
    pub(super) fn purge(&self) {
        self.queue.purge();
    }

    /// Events that were malformed, or made no sense when they came.
    pub(super) fn bad_events(&self) -> &AtomicU32 {
        &self.bad_events
    }

    /// Packets waiting, packets lost for lack of room, packets of no known type.
    pub(super) fn counters(&self) -> (usize, u32, u32) {
        (
            self.queue.len(),
            self.overflows.load(Ordering::Relaxed),
            self.unknown.load(Ordering::Relaxed),
        )
    }
}

/// Takes a packet from the driver (`hci_recv_frame()`).
///
/// Any context, also with interrupts off and from inside the driver's `send`: never sleeps,
/// always consumes the packet.
///
/// # Errors
///
/// `ENXIO` if the controller is neither up nor being set up, `EINVAL` for a packet of no known
/// type, `ENOBUFS` if more packets wait than [`MAX_RX_QUEUED`].
pub(crate) fn receive(dev: &Device, skb: SkBuff) -> Result {
    if !dev.is(DevFlag::UP) && !dev.is(DevFlag::INIT) {
        return Err(ENXIO);
    }
    let packet_type = dev.classify(&skb).unwrap_or(skb.packet_type());
    match PacketType::from_u8(packet_type) {
        Some(
            PacketType::Event
            | PacketType::Acl
            | PacketType::Sco
            | PacketType::Iso
            | PacketType::Drv,
        ) => queue(dev, skb, packet_type),
        _ => {
            dev.count(Stat::ErrRx, 1);
            if dev.reception.unknown.fetch_add(1, Ordering::Relaxed) == 0 {
                pr_warn!(
                    "{}: packet of unknown type 0x{:02x} dropped (further ones are only counted)\n",
                    dev.name(),
                    packet_type
                );
            }
            Err(EINVAL)
        }
    }
}

/// Has the controller reset, by an event as if it had reported a hardware error (7.7.16). Any
/// context.
///
/// # Errors
///
/// `ENOMEM`, or as [`receive`].
pub(crate) fn inject_hardware_error(dev: &Device, code: u8) -> Result {
    const HARDWARE_ERROR: u8 = wire::hci::event::code::HARDWARE_ERROR;
    pr_err!("{}: Injecting HCI hardware error event\n", dev.name());
    let event = [HARDWARE_ERROR, 1, code];
    receive(
        dev,
        SkBuff::packet(PacketType::Event.to_u8(), &event, GFP_ATOMIC)?,
    )
}

/// Takes a diagnostic packet from the driver (`hci_recv_diag()`), for the monitor.
///
/// # Errors
///
/// `ENOBUFS` as for [`receive`].
pub(crate) fn receive_diag(dev: &Device, skb: SkBuff) -> Result {
    queue(dev, skb, PacketType::Diag.to_u8())
}

fn queue(dev: &Device, mut skb: SkBuff, packet_type: u8) -> Result {
    skb.set_meta(FrameMeta {
        packet_type,
        expect: 0,
        incoming: true,
    });
    skb.timestamp();
    if dev
        .reception
        .queue
        .push_bounded(skb, MAX_RX_QUEUED)
        .is_err()
    {
        dev.count(Stat::ErrRx, 1);
        if dev.reception.overflows.fetch_add(1, Ordering::Relaxed) == 0 {
            pr_warn!(
                "{}: more than {} packets wait to be handled: the rest is dropped\n",
                dev.name(),
                MAX_RX_QUEUED
            );
        }
        return Err(ENOBUFS);
    }
    dev.reception.work.queue(dev);
    Ok(())
}

impl WorkItem<{ ids::RECEIVE }> for Controller {
    type Pointer = ARef<Device>;
    const KEEPS: bool = true;

    fn run(dev: &Device, worker: &mut Worker<'_>) {
        while let Some(skb) = dev.reception.queue.pop() {
            dispatch(dev, worker, skb);
        }
    }
}

fn dispatch(dev: &Device, worker: &mut Worker<'_>, mut skb: SkBuff) {
    observer::show_frame(dev, &skb, Direction::FromController);

    let in_setup = dev.is(DevFlag::INIT);
    // User space has the controller to itself; the driver's own set-up is still ours.
    if dev.has(Flag::USER_CHANNEL) && !in_setup {
        return;
    }
    if skb.linearize().is_err() {
        dev.count(Stat::ErrRx, 1);
        return;
    }
    match PacketType::from_u8(skb.packet_type()) {
        Some(PacketType::Event) => event::packet(dev, worker, skb),
        // No link exists yet that data could belong to.
        Some(PacketType::Acl | PacketType::Sco | PacketType::Iso) if in_setup => {}
        Some(PacketType::Acl) => flow::received(dev, worker, skb),
        Some(PacketType::Sco) => flow::sco_received(dev, worker, skb),
        Some(PacketType::Iso) => link::iso_packet(dev, worker, skb),
        // Diagnostics and driver events are for the monitor alone.
        _ => {}
    }
}

impl WorkItem<{ ids::TRANSMIT }> for Controller {
    type Pointer = ARef<Device>;
    const KEEPS: bool = true;

    fn run(dev: &Device, worker: &mut Worker<'_>) {
        while let Some(skb) = dev.raw.pop() {
            // The socket was told that the packet is queued; a failure is counted and logged.
            let _ = super::command::send_frame(dev, skb);
        }
        flow::transmit(dev, worker);
    }
}

/// Carries out a command of the driver's own (`HCI_DRV_PKT`), instead of sending it.
///
/// # Errors
///
/// `EILSEQ` if it is malformed, or what the driver says.
pub(super) fn driver_command(dev: &Device, skb: &SkBuff) -> Result {
    match dev.drv_command(skb.data())? {
        DrvReply::ByDriver => Ok(()),
        DrvReply::Status { opcode, status } => drv_status(dev, opcode, status),
    }
}

/// Reports the status of a driver command (`hci_drv_cmd_status()`).
///
/// # Errors
///
/// `ENOMEM`, or as [`receive`].
pub(crate) fn drv_status(dev: &Device, opcode: u16, status: u8) -> Result {
    let [lo, hi] = opcode.to_le_bytes();
    drv_event(dev, 0x0000, &[&[lo, hi, status]])
}

/// Reports the outcome of a driver command (`hci_drv_cmd_complete()`).
///
/// # Errors
///
/// `ENOMEM`, `EINVAL` if it is too long for the packet, or as [`receive`].
pub(crate) fn drv_complete(dev: &Device, opcode: u16, status: u8, reply: &[u8]) -> Result {
    let [lo, hi] = opcode.to_le_bytes();
    drv_event(dev, 0x0001, &[&[lo, hi, status], reply])
}

fn drv_event(dev: &Device, event: u16, parts: &[&[u8]]) -> Result {
    let len = parts
        .iter()
        .try_fold(0usize, |sum, part| sum.checked_add(part.len()))
        .and_then(|len| u16::try_from(len).ok())
        .ok_or(EINVAL)?;
    let mut skb = SkBuff::bt_alloc(usize::from(len).saturating_add(4), GFP_KERNEL)?;
    skb.put_slice(&event.to_le_bytes())?;
    skb.put_slice(&len.to_le_bytes())?;
    for part in parts {
        skb.put_slice(part)?;
    }
    skb.set_meta(FrameMeta {
        packet_type: PacketType::Drv.to_u8(),
        ..FrameMeta::default()
    });
    receive(dev, skb)
}
