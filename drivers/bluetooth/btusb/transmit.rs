// SPDX-License-Identifier: GPL-2.0

//! What goes out.
//!
//! An URB carries the packet's own bytes, and owns the packet until it is done. While the device
//! sleeps, packets wait; the first one wakes it up.

use crate::device::{
    items,
    Btusb, //
};
use core::sync::atomic::Ordering::Relaxed;
use h2::{
    isoc,
    plan::Vendor, //
};
use kernel::{
    alloc::Flags,
    prelude::*,
    sync::{
        Arc,
        ArcBorrow, //
    },
};
use usb_ext::{
    frame::{
        Frame,
        FrameMeta, //
    },
    hci::{
        packet,
        Stat, //
    },
    skbuff::SkBuff,
    usb::{
        Anchor,
        Completed,
        Completion,
        Outgoing,
        Status,
        Urb, //
    },
    vendor::{
        intel,
        mediatek, //
    },
    workqueue::{
        WorkItem,
        Worker, //
    },
};

/// What a packet that cannot be sent comes back with.
pub(crate) type Refused = (Error, SkBuff);

/// How a packet goes out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Route {
    Control,
    Bulk,
    Isochronous,
    Diagnostics,
    MediaTekIso,
}

/// Completion of what goes out, but voice.
struct Sent;

/// Completion of voice, which nobody waits for.
struct SentVoice;

/// Counts a packet that is done, and frees it.
fn sent<C>(urb: Completed<'_, C>) -> Arc<Btusb>
where
    C: Completion<Context = Outgoing<Btusb>>,
{
    let (status, error, len) = (urb.status(), urb.error(), urb.len());
    let Outgoing { skb, owner } = urb.into_context();
    owner.tx_urbs.fetch_sub(1, Relaxed);
    if status == Status::Done {
        owner.hdev.count(Stat::BytesSent, len);
        owner.tx_bytes.fetch_add(len as u64, Relaxed);
        skb.consume();
        return owner;
    }
    owner.hdev.count(Stat::ErrorsSent, 1);
    match skb.packet_type() {
        // Nobody will answer it.
        packet::COMMAND => {
            if let Some(e) = error {
                owner.hdev.cancel_command(e);
            }
        }
        packet::ACL | packet::ISO if status == Status::Stalled => {
            owner.tx_halted.store(true, Relaxed);
            owner.recover.queue_delayed(owner.as_arc_borrow(), 0);
        }
        _ => {}
    }
    owner
}

impl Completion for Sent {
    type Context = Outgoing<Btusb>;

    fn anchor(context: &Outgoing<Btusb>) -> &Anchor {
        &context.owner.tx
    }

    fn complete(urb: Completed<'_, Self>) {
        let this = sent(urb);
        this.gate.lock().leave();
    }
}

impl Completion for SentVoice {
    type Context = Outgoing<Btusb>;

    fn anchor(context: &Outgoing<Btusb>) -> &Anchor {
        &context.owner.tx
    }

    fn complete(urb: Completed<'_, Self>) {
        sent(urb);
    }
}

impl Btusb {
    /// The way of a packet.
    #[inline]
    fn route(&self, packet_type: u8, skb: &SkBuff) -> Result<Route> {
        Ok(match packet_type {
            packet::COMMAND => {
                // Intel's boot loader wants one command on the bulk endpoint.
                let secure = self.plan.vendor == Vendor::Intel
                    && intel::test_flag(&self.hdev, intel::Flag::Bootloader)
                    && opcode(skb) == Some(intel::OP_SECURE_SEND);
                if secure {
                    Route::Bulk
                } else {
                    Route::Control
                }
            }
            packet::ACL => Route::Bulk,
            packet::ISO if self.plan.vendor == Vendor::MediaTek => Route::MediaTekIso,
            packet::ISO => Route::Bulk,
            packet::SCO => {
                if !self.hdev.is_user_channel() && self.hdev.sco_links() < 1 {
                    return Err(ENODEV);
                }
                Route::Isochronous
            }
            packet::DIAG => Route::Diagnostics,
            _ => return Err(EILSEQ),
        })
    }

    /// Gives a packet to the controller.
    #[inline(always)]
    fn submit_packet(
        self: ArcBorrow<'_, Self>,
        route: Route,
        mut skb: SkBuff,
        flags: Flags,
    ) -> Result<(), Refused> {
        if let Err(e) = skb.linearize() {
            return Err((e, skb));
        }
        let context = Outgoing {
            skb,
            owner: self.into(),
        };
        self.tx_urbs.fetch_add(1, Relaxed);
        let result = match route {
            Route::Isochronous => self.submit_voice(context, flags),
            _ => self
                .urb(route, context, flags)
                .and_then(|urb| self.launch(urb, flags)),
        };
        match &result {
            Ok(()) => self.udev.mark_last_busy(),
            Err(_) => {
                self.tx_urbs.fetch_sub(1, Relaxed);
            }
        }
        result
    }

    /// The URB of a packet that is not voice.
    #[inline]
    fn urb(
        &self,
        route: Route,
        context: Outgoing<Self>,
        flags: Flags,
    ) -> Result<Urb<Sent>, Refused> {
        let refused = |(e, context): (Error, Outgoing<Self>)| (e, context.skb);
        let output = match (route, &self.diag_endpoints) {
            (Route::Control, _) => {
                return Urb::control_sender(&self.udev, self.plan.request, context, flags)
                    .map_err(refused);
            }
            (Route::MediaTekIso, _) => {
                let Outgoing { skb, owner } = context;
                return mediatek::iso_sender(&self.hdev, skb, |skb| Outgoing { skb, owner });
            }
            (Route::Diagnostics, Some((_, output))) => output,
            (Route::Diagnostics, None) | (Route::Isochronous, _) => {
                return Err((ENODEV, context.skb));
            }
            (Route::Bulk, _) => &self.endpoints.bulk_out,
        };
        Urb::sender_to(&self.udev, output, context, flags).map_err(refused)
    }

    /// Gives a voice packet to the controller, cut into frames.
    fn submit_voice(&self, context: Outgoing<Self>, flags: Flags) -> Result<(), Refused> {
        let Some((output, gap)) = self.voice.output() else {
            return Err((ENODEV, context.skb));
        };
        let len = context.skb.len();
        let Some(frames) = isoc::frames(len, output.max_packet) else {
            return Err((EMSGSIZE, context.skb));
        };
        let urb = Urb::<SentVoice>::isoc_sender(
            &self.udev,
            &output,
            context,
            (gap, frames.saturating_add(gap)),
            isoc::split(len, output.max_packet).map(|frame| (frame.offset, frame.len)),
            flags,
        )
        .map_err(|(e, context)| (e, context.skb))?;
        self.launch(urb, flags)
    }

    #[inline]
    fn launch<C>(&self, urb: Urb<C>, flags: Flags) -> Result<(), Refused>
    where
        C: Completion<Context = Outgoing<Btusb>>,
    {
        urb.submit(flags).map_err(|(e, urb)| {
            if e != EPERM && e != ENODEV {
                self.complain(fmt!("urb submission failed ({})", e.to_errno()));
            }
            (e, urb.into_context().skb)
        })
    }

    /// Sends a packet, or keeps it until the device is awake.
    #[inline]
    pub(crate) fn send(self: ArcBorrow<'_, Self>, skb: SkBuff) -> Result<(), Refused> {
        let packet_type = skb.packet_type();
        let route = match self.route(packet_type, &skb) {
            Ok(route) => route,
            Err(e) => return Err((e, skb)),
        };
        let stat = match packet_type {
            packet::COMMAND => Some(Stat::CommandsSent),
            packet::ACL => Some(Stat::AclSent),
            packet::SCO => Some(Stat::ScoSent),
            _ => None,
        };
        let started = self.plan.vendor == Vendor::Intel
            && packet_type == packet::COMMAND
            && opcode(&skb) == Some(intel::OP_RESET)
            && intel::test_flag(&self.hdev, intel::Flag::Bootloader);
        if started {
            // The firmware starts, and does not answer the command that has started it.
            self.pretend_complete(intel::OP_RESET);
        }
        if route == Route::Isochronous {
            self.submit_packet(route, skb, GFP_KERNEL)?;
        } else if self.gate.lock().enter() {
            if let Err(refused) = self.submit_packet(route, skb, GFP_KERNEL) {
                self.gate.lock().leave();
                return Err(refused);
            }
        } else {
            self.defer(skb);
        }
        if let Some(stat) = stat {
            self.hdev.count(stat, 1);
        }
        Ok(())
    }

    #[cold]
    fn defer(self: ArcBorrow<'_, Self>, skb: SkBuff) {
        self.counts.deferred.fetch_add(1, Relaxed);
        self.deferred.push_tail(skb);
        self.waker.queue(self);
    }

    /// Sends what waited, and opens the gate. Called with the device awake.
    pub(crate) fn play_deferred(self: ArcBorrow<'_, Self>) {
        loop {
            let skb = {
                let mut gate = self.gate.lock();
                match self.deferred.pop() {
                    Some(skb) => {
                        gate.enter_anyway();
                        skb
                    }
                    None => {
                        gate.open();
                        return;
                    }
                }
            };
            let result = match self.route(skb.packet_type(), &skb) {
                Ok(route) => self.submit_packet(route, skb, GFP_ATOMIC),
                Err(e) => Err((e, skb)),
            };
            if let Err((e, skb)) = result {
                self.gate.lock().leave();
                if skb.packet_type() == packet::COMMAND {
                    self.hdev.cancel_command(e);
                }
            }
        }
    }

    /// Tells the core that a command was carried out.
    fn pretend_complete(&self, opcode: u16) {
        let [lo, hi] = opcode.to_le_bytes();
        // Command Complete: one more command may be sent; status 0.
        let event = [0x0e, 4, 1, lo, hi, 0];
        if let Ok(skb) = SkBuff::packet(packet::EVENT, &event, GFP_KERNEL) {
            let _ = self.hdev.receive(skb);
        }
    }

    /// Switches Broadcom's diagnostics.
    pub(crate) fn set_diag(self: ArcBorrow<'_, Self>, on: bool) -> Result {
        if !self.diag_claimed.load(Relaxed) {
            return Err(ENODEV);
        }
        if !self.hdev.is_running() {
            return Err(ENETDOWN);
        }
        let mut skb = SkBuff::bt_alloc(2, GFP_KERNEL)?;
        skb.put_slice(&[0xf0, u8::from(on)])?;
        skb.set_meta(FrameMeta {
            packet_type: packet::DIAG,
            ..FrameMeta::default()
        });
        self.send(skb).map_err(|(e, _)| e)
    }
}

/// The opcode of a command.
fn opcode(skb: &SkBuff) -> Option<u16> {
    match skb.data() {
        &[lo, hi, ..] => Some(u16::from_le_bytes([lo, hi])),
        _ => None,
    }
}

impl WorkItem<{ items::WAKER }> for Btusb {
    type Pointer = Arc<Btusb>;

    fn run(this: ArcBorrow<'_, Btusb>, _worker: &mut Worker<'_>) {
        // Waking it up is all; what waits is sent by `resume`.
        drop(this.intf.power_get());
    }
}
