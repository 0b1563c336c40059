// SPDX-License-Identifier: GPL-2.0

//! What comes in.
//!
//! Each endpoint has one or two URBs that are submitted again from their completion. Their bytes
//! are put together to packets under the endpoint's own lock, and handed to the core from there,
//! in atomic context.

use crate::{
    device::{
        items,
        Btusb, //
    },
    pipe::Pipe,
    vendor, //
};
use core::{
    marker::PhantomData,
    sync::atomic::Ordering::Relaxed, //
};
use h2::{
    isoc::RX_FRAMES,
    plan::Vendor,
    reassembly::{
        self,
        Assembler,
        Kind,
        NoMemory,
        Sink, //
    },
    throttle::{
        Failure,
        Step, //
    },
};
use kernel::{
    alloc::Flags,
    fmt,
    prelude::*,
    sync::{
        Arc,
        ArcBorrow,
        SpinLockIrq, //
    },
    time::msecs_to_jiffies, //
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
    time,
    usb::{
        Anchor,
        Completed,
        Completion,
        Endpoint,
        Speed,
        Status,
        Urb, //
    },
    vendor as modules,
    workqueue::{
        WorkItem,
        Worker, //
    },
};

/// Bytes in an URB for events: the longest there is. The USB core takes care of what comes in
/// several packets.
const EVENT_SIZE: usize = 260;

/// Bytes in an URB for data.
const DATA_SIZE: usize = 1028;

/// Milliseconds between two complaints about what a controller sends.
const COMPLAINT_PAUSE: u64 = 5_000;

/// An endpoint that data comes in from.
pub(crate) trait Source: Sized + 'static {
    /// URBs on it.
    const URBS: u32;
    /// The device stays awake while anything comes in.
    const BUSY: bool = true;
    /// What it is called in the log.
    const NAME: &'static str;

    fn pipe(this: &Btusb) -> &Pipe;

    fn endpoint(this: &Btusb) -> Option<Endpoint>;

    /// Bytes in an URB.
    fn size(_this: &Btusb, _endpoint: &Endpoint) -> usize {
        DATA_SIZE
    }

    fn urb(
        this: ArcBorrow<'_, Btusb>,
        endpoint: &Endpoint,
        flags: Flags,
    ) -> Result<Urb<Receive<Self>>> {
        let size = Self::size(&this, endpoint);
        Urb::receiver(&this.udev, endpoint, size, this.into(), flags)
    }

    /// Takes what has come in. Atomic.
    fn take(this: ArcBorrow<'_, Btusb>, urb: &Completed<'_, Receive<Self>>);
}

/// Completion of the URBs of `S`.
pub(crate) struct Receive<S>(PhantomData<S>);

impl<S: Source> Completion for Receive<S> {
    type Context = Arc<Btusb>;

    fn anchor(context: &Arc<Btusb>) -> &Anchor {
        &S::pipe(context).anchor
    }

    fn complete(urb: Completed<'_, Self>) {
        let this = urb.context().as_arc_borrow();
        let pipe = S::pipe(&this);
        pipe.done();
        if !pipe.is_running() {
            return;
        }
        let failure = match urb.status() {
            Status::Done => {
                if let Some(errors) = pipe.success(urb.actual()) {
                    this.hdev
                        .info(fmt!("{} works again after {} errors", S::NAME, errors));
                }
                S::take(this, &urb);
                None
            }
            Status::Stopped => return,
            Status::Gone => {
                this.hdev.cancel_command(ENODEV);
                return;
            }
            Status::Stalled => Some(Failure::Stall),
            Status::Failed(_) => Some(Failure::Bus),
        };
        if let Some(failure) = failure {
            this.hdev.count(Stat::ErrorsReceived, 1);
            if !this.failed::<S>(failure, urb.error()) {
                return;
            }
        }
        if S::BUSY {
            this.udev.mark_last_busy();
        }
        pipe.submitted();
        if let Err((e, this)) = urb.resubmit() {
            S::pipe(&this).done();
            if e == ENODEV || e == ESHUTDOWN {
                // Nobody will answer any more.
                this.hdev.cancel_command(e);
            } else if e != EPERM {
                this.as_arc_borrow().failed::<S>(Failure::Host, Some(e));
            }
        }
    }
}

/// Interrupt: events.
pub(crate) struct Events;
/// Bulk: ACL and ISO data.
pub(crate) struct Data;
/// Isochronous: voice.
pub(crate) struct Voices;
/// Broadcom's diagnostics.
pub(crate) struct Diagnostics;

impl Source for Events {
    const URBS: u32 = 1;
    const NAME: &'static str = "the interrupt endpoint";

    fn pipe(this: &Btusb) -> &Pipe {
        &this.interrupt
    }

    fn endpoint(this: &Btusb) -> Option<Endpoint> {
        Some(this.endpoints.interrupt)
    }

    fn size(this: &Btusb, endpoint: &Endpoint) -> usize {
        if this.plan.short_interrupt {
            // Fakes of CSR's chip do not understand transfers of several packets.
            usize::from(endpoint.max_packet).max(1)
        } else {
            EVENT_SIZE
        }
    }

    fn take(this: ArcBorrow<'_, Btusb>, urb: &Completed<'_, Receive<Self>>) {
        this.last_event.store(time::jiffies(), Relaxed);
        this.feed(&this.events, urb.received());
    }
}

impl Source for Data {
    const URBS: u32 = 2;
    const NAME: &'static str = "the bulk endpoint";

    fn pipe(this: &Btusb) -> &Pipe {
        &this.bulk
    }

    fn endpoint(this: &Btusb) -> Option<Endpoint> {
        Some(this.endpoints.bulk_in)
    }

    #[inline]
    fn take(this: ArcBorrow<'_, Btusb>, urb: &Completed<'_, Receive<Self>>) {
        // Intel's boot loader sends its events here.
        let events = this.plan.vendor == Vendor::Intel
            && modules::intel::test_flag(&this.hdev, modules::intel::Flag::Bootloader);
        if events {
            this.feed(&this.events, urb.received());
        } else {
            this.feed(&this.data, urb.received());
        }
    }
}

impl Source for Voices {
    const URBS: u32 = 2;
    const BUSY: bool = false;
    const NAME: &'static str = "the isochronous endpoint";

    fn pipe(this: &Btusb) -> &Pipe {
        &this.isochronous
    }

    fn endpoint(this: &Btusb) -> Option<Endpoint> {
        this.voice.input()
    }

    fn urb(
        this: ArcBorrow<'_, Btusb>,
        endpoint: &Endpoint,
        flags: Flags,
    ) -> Result<Urb<Receive<Self>>> {
        Urb::isoc_receiver(&this.udev, endpoint, RX_FRAMES, this.into(), flags)
    }

    fn take(this: ArcBorrow<'_, Btusb>, urb: &Completed<'_, Receive<Self>>) {
        let (mut bytes, mut failed, mut lost, mut last) = (0usize, 0u32, 0u64, None);
        {
            let mut assembler = this.sco.lock();
            for frame in urb.frames() {
                match frame {
                    Ok([]) => {}
                    Ok(data) => {
                        bytes = bytes.saturating_add(data.len());
                        if let Err(e) = assembler.feed(data, &mut Upwards(this)) {
                            failed = failed.saturating_add(1);
                            last = Some(e);
                        }
                    }
                    Err(_) => lost = lost.saturating_add(1),
                }
            }
        }
        this.hdev.count(Stat::BytesReceived, bytes);
        if lost != 0 {
            this.counts.lost_frames.fetch_add(lost, Relaxed);
        }
        if let Some(e) = last {
            this.garbled(Kind::Sco, e, failed);
        }
    }
}

impl Source for Diagnostics {
    const URBS: u32 = 1;
    const NAME: &'static str = "the diagnostics endpoint";

    fn pipe(this: &Btusb) -> &Pipe {
        &this.diagnostics
    }

    fn endpoint(this: &Btusb) -> Option<Endpoint> {
        this.diag_endpoints.map(|(input, _)| input)
    }

    fn take(this: ArcBorrow<'_, Btusb>, urb: &Completed<'_, Receive<Self>>) {
        if let Ok(skb) = SkBuff::packet(packet::DIAG, urb.received(), GFP_ATOMIC) {
            let _ = this.hdev.receive_diag(skb);
        }
    }
}

/// Where packets go.
struct Upwards<'a>(ArcBorrow<'a, Btusb>);

impl Upwards<'_> {
    fn accepts_voice(&self, header: &[u8]) -> bool {
        if self.0.hdev.is_user_channel() {
            return true;
        }
        // Isochronous transfers get lost. What looks like a header then may be the middle of a
        // packet; a handle that no link has gives it away.
        match header {
            &[lo, hi, ..] => self
                .0
                .hdev
                .is_sco_handle(u16::from_le_bytes([lo, hi]) & 0x0fff),
            _ => false,
        }
    }
}

impl Sink for Upwards<'_> {
    type Packet = SkBuff;

    #[inline]
    fn accepts(&mut self, kind: Kind, header: &[u8]) -> bool {
        kind != Kind::Sco || self.accepts_voice(header)
    }

    fn start(&mut self, _kind: Kind, len: usize) -> Option<SkBuff> {
        SkBuff::bt_alloc(len, GFP_ATOMIC).ok()
    }

    #[inline(always)] // As `finish`.
    fn whole(&mut self, kind: Kind, bytes: &[u8]) -> Result<(), NoMemory> {
        let skb =
            SkBuff::from_slice(SkBuff::BT_RESERVE, bytes, GFP_ATOMIC).map_err(|_| NoMemory)?;
        self.finish(kind, skb);
        Ok(())
    }

    fn append(&mut self, packet: &mut SkBuff, bytes: &[u8]) {
        // There is room, as there was in `start`.
        let _ = packet.put_slice(bytes);
    }

    #[inline(always)] // The kind is known where this is called.
    fn finish(&mut self, kind: Kind, mut skb: SkBuff) {
        let this = self.0;
        let packet_type = match kind {
            Kind::Event => packet::EVENT,
            Kind::Acl => packet::ACL,
            Kind::Sco => packet::SCO,
        };
        skb.set_meta(FrameMeta {
            packet_type,
            ..FrameMeta::default()
        });
        match kind {
            Kind::Event => {
                // What came before the event may follow it now.
                if this.overtake.load(Relaxed) != 0 && !this.waiting.is_empty() {
                    this.deliver.mod_delayed(this, 0);
                }
                vendor::receive_event(&this, skb);
            }
            Kind::Acl => match this.overtake.load(Relaxed) {
                0 => vendor::receive_acl(&this, skb),
                pause => {
                    this.waiting.push_tail(skb);
                    this.deliver.queue_delayed(this, pause);
                }
            },
            Kind::Sco => {
                let _ = this.hdev.receive(skb);
            }
        }
    }
}

impl Btusb {
    /// Takes the bytes of a transfer.
    #[inline(always)]
    fn feed<E: reassembly::Endpoint>(
        self: ArcBorrow<'_, Self>,
        assembler: &SpinLockIrq<Assembler<SkBuff, E>>,
        bytes: &[u8],
    ) {
        self.hdev.count(Stat::BytesReceived, bytes.len());
        let result = assembler.lock().feed(bytes, &mut Upwards(self));
        if let Err(e) = result {
            self.garbled(E::KIND, e, 1);
        }
    }

    /// So many transfers, or frames, could not be made sense of, at last for this reason.
    #[cold]
    fn garbled(&self, kind: Kind, error: reassembly::Error, count: u32) {
        let name = match kind {
            Kind::Event => "event",
            Kind::Acl => "ACL",
            Kind::Sco => "SCO",
        };
        self.hdev.count(Stat::ErrorsReceived, count as usize);
        match error {
            reassembly::Error::Corrupt => self.complain(fmt!("corrupted {} packet", name)),
            reassembly::Error::NoMemory => self.complain(fmt!("no memory for {}", name)),
            reassembly::Error::Trailing(n) => {
                self.complain(fmt!("Unexpected continuation: {} bytes", n));
            }
        }
    }

    /// Complains about what the controller sends, but not all the time.
    pub(crate) fn complain(&self, what: fmt::Arguments<'_>) {
        let now = time::now_ms();
        let last = self.complained.load(Relaxed);
        if last != 0 && now.wrapping_sub(last) < COMPLAINT_PAUSE {
            self.unsaid.fetch_add(1, Relaxed);
            return;
        }
        self.complained.store(now.max(1), Relaxed);
        match self.unsaid.swap(0, Relaxed) {
            0 => self.hdev.error(fmt!("{}", what)),
            n => self.hdev.error(fmt!("{} ({} more like this)", what, n)),
        }
    }

    /// A transfer has failed. Returns whether to try again at once; otherwise that is arranged
    /// for.
    fn failed<S: Source>(
        self: ArcBorrow<'_, Self>,
        failure: Failure,
        error: Option<Error>,
    ) -> bool {
        let pipe = S::pipe(&self);
        match pipe.failure(failure) {
            Step::Again => true,
            Step::After {
                ms,
                clear_halt,
                report,
            } => {
                if report {
                    let errno = error.map_or(0, Error::to_errno);
                    self.hdev
                        .error(fmt!("{} fails ({}); trying again later", S::NAME, errno));
                }
                pipe.postpone(clear_halt);
                self.recover.queue_delayed(self, msecs_to_jiffies(ms));
                false
            }
        }
    }

    fn submit<S: Source>(self: ArcBorrow<'_, Self>, flags: Flags) -> Result {
        let endpoint = S::endpoint(&self).ok_or(ENODEV)?;
        let urb = S::urb(self, &endpoint, flags)?;
        S::pipe(&self).submitted();
        urb.submit(flags).map_err(|(e, _)| {
            S::pipe(&self).done();
            e
        })
    }

    /// Submits all URBs of an endpoint. One is enough to go on.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub(crate) fn start<S: Source>(self: ArcBorrow<'_, Self>, flags: Flags) -> Result {
        let pipe = S::pipe(&self);
        pipe.set_running(true);
        for n in 0..S::URBS {
            if let Err(e) = self.submit::<S>(flags) {
                if n == 0 {
                    pipe.set_running(false);
                    return Err(e);
                }
                break;
            }
        }
        Ok(())
    }

    /// Stops what comes in. Sleeps.
    pub(crate) fn stop_receiving(&self) {
        self.interrupt.stop();
        self.bulk.stop();
        self.isochronous.stop();
        self.diagnostics.stop();
        self.control.kill();
    }

    /// Forgets packets that are not complete.
    pub(crate) fn reset_assemblers(&self) {
        self.events.lock().reset();
        self.data.lock().reset();
        self.sco.lock().reset();
    }

    /// How long data waits for events to overtake it: as long as the controller may take to ask
    /// for the next event.
    pub(crate) fn set_overtaking(&self) {
        let pause = if self.poll_sync.load(Relaxed) {
            let speed = self.udev.speed();
            let interval = self.endpoints.interrupt.urb_interval(speed).unsigned_abs();
            let ms = match speed {
                Speed::Super => interval.saturating_mul(125).saturating_add(999) / 1000,
                Speed::Full | Speed::High => interval,
            };
            msecs_to_jiffies(ms)
        } else {
            0
        };
        self.overtake.store(pause, Relaxed);
    }

    /// Clears halts, and submits what waits for that or for a pause to end.
    fn try_again<S: Source>(self: ArcBorrow<'_, Self>) {
        let pipe = S::pipe(&self);
        let (missing, halted) = pipe.take_postponed();
        if missing == 0 || !pipe.is_running() {
            return;
        }
        if let Some(endpoint) = S::endpoint(&self).filter(|_| halted) {
            if let Err(e) = self.udev.clear_halt(&endpoint) {
                self.complain(fmt!(
                    "cannot clear the halt of {} ({})",
                    S::NAME,
                    e.to_errno()
                ));
            }
        }
        for _ in 0..missing {
            match self.submit::<S>(GFP_KERNEL) {
                Ok(()) => {}
                Err(e) if e == EPERM || e == ENODEV || e == ESHUTDOWN => break,
                Err(e) => {
                    self.failed::<S>(Failure::Host, Some(e));
                }
            }
        }
    }
}

impl WorkItem<{ items::RECOVER }> for Btusb {
    type Pointer = Arc<Btusb>;

    fn run(this: ArcBorrow<'_, Btusb>, _worker: &mut Worker<'_>) {
        if this.tx_halted.swap(false, Relaxed) {
            let _ = this.udev.clear_halt(&this.endpoints.bulk_out);
        }
        this.try_again::<Events>();
        this.try_again::<Data>();
        this.try_again::<Voices>();
        this.try_again::<Diagnostics>();
    }
}

impl WorkItem<{ items::DELIVER }> for Btusb {
    type Pointer = Arc<Btusb>;

    fn run(this: ArcBorrow<'_, Btusb>, _worker: &mut Worker<'_>) {
        while let Some(skb) = this.waiting.pop() {
            vendor::receive_acl(&this, skb);
        }
    }
}
