// SPDX-License-Identifier: GPL-2.0

//! A controller: what is known of it, how it comes and goes.

use crate::{
    pipe::{
        Endpoints,
        Pipe, //
    },
    power::{
        self,
        Gate, //
    },
    stats,
    tables,
    vendor,
    voice::Voice,
    Driver,
    NAME, //
};
use core::sync::atomic::{
    AtomicBool, AtomicU32, AtomicU64, AtomicUsize,
    Ordering::{
        AcqRel,
        Relaxed, //
    },
};
use h2::{
    alt::Available,
    ids::{
        self,
        flags,
        Identity, //
    },
    plan::{
        self,
        Plan,
        Quirk,
        Setup,
        Vendor, //
    },
    qca,
    reassembly::{
        self,
        Assembler, //
    },
};
use kernel::{
    prelude::*,
    sync::{
        aref::ARef,
        new_mutex,
        new_spinlock_irq,
        Arc,
        Mutex,
        SpinLockIrq, //
    },
};
use usb_ext::{
    gpio,
    hci::{
        self,
        quirk,
        Callback, //
    },
    impl_has_work,
    new_skb_queue,
    new_work,
    skbuff::{
        SkBuff,
        SkBuffQueue, //
    },
    usb::{
        self,
        Anchor,
        Direction,
        Endpoint,
        PowerRef,
        TransferType, //
    },
    vendor as modules,
    wake::WakeLine, //
    workqueue::{
        OrderedQueue,
        QueueFlags,
        Work, //
    },
};

/// Numbers of the work items.
pub(crate) mod items {
    pub(crate) const VOICE: u64 = 0;
    pub(crate) const WAKER: u64 = 1;
    pub(crate) const RECOVER: u64 = 2;
    pub(crate) const DELIVER: u64 = 3;
}

/// What there is while the controller is registered; dropped in this order.
pub(crate) struct Registered {
    _files: Option<stats::Files>,
    _controller: hci::Registration<Btusb>,
}

/// A controller.
#[pin_data]
pub(crate) struct Btusb {
    pub(crate) hdev: ARef<hci::Device>,
    pub(crate) udev: ARef<usb::Device>,
    pub(crate) intf: ARef<usb::Interface>,
    /// The interface for voice, claimed in probe.
    pub(crate) isoc: Option<ARef<usb::Interface>>,
    /// Broadcom's interface for diagnostics, and whether it could be claimed.
    pub(crate) diag: Option<ARef<usb::Interface>>,
    pub(crate) diag_claimed: AtomicBool,
    pub(crate) plan: Plan,
    pub(crate) available: Available,
    pub(crate) endpoints: Endpoints,
    pub(crate) diag_endpoints: Option<(Endpoint, Endpoint)>,
    pub(crate) reset_line: Option<gpio::Output>,

    #[pin]
    pub(crate) interrupt: Pipe,
    #[pin]
    pub(crate) bulk: Pipe,
    #[pin]
    pub(crate) isochronous: Pipe,
    #[pin]
    pub(crate) diagnostics: Pipe,
    /// Of MediaTek's module.
    pub(crate) control: Anchor,
    pub(crate) tx: Anchor,
    pub(crate) tx_bytes: AtomicU64,
    pub(crate) tx_urbs: AtomicU32,
    pub(crate) tx_halted: AtomicBool,

    #[pin]
    pub(crate) events: SpinLockIrq<Assembler<SkBuff, reassembly::Events>>,
    #[pin]
    pub(crate) data: SpinLockIrq<Assembler<SkBuff, reassembly::Data>>,
    #[pin]
    pub(crate) sco: SpinLockIrq<Assembler<SkBuff, reassembly::Voice>>,
    /// ACL data that waits for events to overtake it, and for how long (jiffies); 0 is not at all.
    #[pin]
    pub(crate) waiting: SkBuffQueue,
    pub(crate) overtake: AtomicUsize,
    pub(crate) poll_sync: AtomicBool,

    #[pin]
    pub(crate) gate: SpinLockIrq<Gate>,
    /// Packets that wait for the device to wake up.
    #[pin]
    pub(crate) deferred: SkBuffQueue,
    pub(crate) suspends: AtomicU32,
    pub(crate) wake_broken: AtomicBool,
    /// The line by which the device wakes the system, if it has one.
    #[pin]
    pub(crate) wake_line: Mutex<Option<WakeLine>>,

    #[pin]
    pub(crate) voice: Voice,
    #[pin]
    pub(crate) dump: SpinLockIrq<qca::Dump>,
    pub(crate) dump_version: (AtomicU32, AtomicU32),
    /// Keeps the device awake until it was reset.
    #[pin]
    pub(crate) resetting: Mutex<Option<PowerRef>>,
    pub(crate) line_reset: AtomicBool,
    /// When the last event came in (jiffies).
    pub(crate) last_event: AtomicUsize,
    /// When something was last complained about (ms), and how much was not.
    pub(crate) complained: AtomicU64,
    pub(crate) unsaid: AtomicU32,
    pub(crate) counts: stats::Counts,

    #[pin]
    pub(crate) voice_work: Work<Btusb, { items::VOICE }>,
    #[pin]
    pub(crate) waker: Work<Btusb, { items::WAKER }>,
    #[pin]
    pub(crate) recover: Work<Btusb, { items::RECOVER }>,
    #[pin]
    pub(crate) deliver: Work<Btusb, { items::DELIVER }>,
    queue: OrderedQueue,
    receive_queue: OrderedQueue,

    gone: AtomicBool,
    /// MediaTek's interface for ISO data is given back, and takes nothing with it.
    pub(crate) iso_leaves: AtomicBool,
    #[pin]
    registered: Mutex<Option<Registered>>,
}

impl_has_work! { impl HasWork<{items::VOICE}> for Btusb { self.voice_work } }
impl_has_work! { impl HasWork<{items::WAKER}> for Btusb { self.waker } }
impl_has_work! { impl HasWork<{items::RECOVER}> for Btusb { self.recover } }
impl_has_work! { impl HasWork<{items::DELIVER}> for Btusb { self.deliver } }

/// What probe has found out, before there is a [`Btusb`].
struct Found {
    udev: ARef<usb::Device>,
    intf: ARef<usb::Interface>,
    plan: Plan,
    endpoints: Endpoints,
    isoc: Option<ARef<usb::Interface>>,
    diag: Option<ARef<usb::Interface>>,
    reset_line: Option<gpio::Output>,
}

fn look(intf: &usb::Interface, id: &usb::DeviceId) -> Result<Found> {
    let udev = intf.usb_device();
    // From user space (`new_id`) come any bits; there are no more than these.
    let matched = id.info() as u32;
    let number = intf.number();
    if matched & flags::IFNUM_2 != 0 && number != 0 && number != 2 {
        return Err(ENODEV);
    }
    let identity = Identity {
        vendor: udev.vendor(),
        product: udev.product(),
        release: udev.release(),
        device: udev.class(),
        interface: intf.class(),
    };
    let info = ids::resolve(matched, &identity);
    if info & flags::IGNORE != 0 {
        return Err(ENODEV);
    }
    // Without its firmware it is the driver ath3k's.
    if info & flags::ATH3012 != 0 && identity.release <= 1 && !vendor::qca::needs_patch(&udev) {
        return Err(ENODEV);
    }
    let endpoints = Endpoints {
        interrupt: intf
            .endpoint(TransferType::Interrupt, Direction::In)
            .ok_or(ENXIO)?,
        bulk_in: intf
            .endpoint(TransferType::Bulk, Direction::In)
            .ok_or(ENXIO)?,
        bulk_out: intf
            .endpoint(TransferType::Bulk, Direction::Out)
            .ok_or(ENXIO)?,
    };
    let plan = plan::plan(
        &plan::Facts {
            info,
            id: (identity.vendor, identity.product),
            release: identity.release,
        },
        &tables::params(),
        &plan::Support {
            broadcom: modules::support::BROADCOM,
            mediatek: modules::support::MEDIATEK,
            realtek: modules::support::REALTEK,
        },
    );
    // The specification has the interfaces in this order; Broadcom's comes last.
    let sibling = |offset: u8| number.checked_add(offset).and_then(|n| udev.interface(n));
    Ok(Found {
        isoc: if plan.isoc { sibling(1) } else { None },
        diag: if plan.diag { sibling(2) } else { None },
        reset_line: gpio::Output::get_optional(&udev, c"reset")?,
        intf: intf.into(),
        udev,
        plan,
        endpoints,
    })
}

impl Btusb {
    fn new(found: Found, hdev: ARef<hci::Device>) -> Result<Arc<Self>> {
        let mut available = Available::default();
        if let Some(isoc) = &found.isoc {
            isoc.alternate_settings().for_each(|n| available.add(n));
        }
        let diag_endpoints = found.diag.as_ref().and_then(|diag| {
            Some((
                diag.endpoint(TransferType::Bulk, Direction::In)?,
                diag.endpoint(TransferType::Bulk, Direction::Out)?,
            ))
        });
        let anchor = || Anchor::new(GFP_KERNEL);
        let (interrupt, bulk, isochronous, diagnostics) =
            (anchor()?, anchor()?, anchor()?, anchor()?);
        let (control, tx) = (anchor()?, anchor()?);
        // What runs here talks to the device, and must not while the system puts devices to sleep:
        // an alternate setting has endpoints of its own, and a device that is added under one that
        // sleeps already is waited for by the power management, for ever.
        let queue = OrderedQueue::new(NAME, QueueFlags::FREEZABLE)?;
        let receive_queue = OrderedQueue::new(c"btusb_rx", QueueFlags::HIGHPRI)?;
        let Found {
            udev,
            intf,
            plan,
            endpoints,
            isoc,
            diag,
            reset_line,
        } = found;
        let this = Arc::pin_init(
            pin_init!(Self {
                hdev,
                udev,
                intf,
                isoc,
                diag,
                diag_claimed: AtomicBool::new(false),
                plan,
                available,
                endpoints,
                diag_endpoints,
                reset_line,
                interrupt <- Pipe::new(interrupt),
                bulk <- Pipe::new(bulk),
                isochronous <- Pipe::new(isochronous),
                diagnostics <- Pipe::new(diagnostics),
                control,
                tx,
                tx_bytes: AtomicU64::new(0),
                tx_urbs: AtomicU32::new(0),
                tx_halted: AtomicBool::new(false),
                events <- new_spinlock_irq!(Assembler::new(), "btusb::events"),
                data <- new_spinlock_irq!(Assembler::new(), "btusb::data"),
                sco <- new_spinlock_irq!(Assembler::new(), "btusb::sco"),
                waiting <- new_skb_queue!("btusb::waiting"),
                overtake: AtomicUsize::new(0),
                poll_sync: AtomicBool::new(modules::support::POLL_SYNC),
                gate <- new_spinlock_irq!(Gate::default(), "btusb::gate"),
                deferred <- new_skb_queue!("btusb::deferred"),
                suspends: AtomicU32::new(0),
                wake_broken: AtomicBool::new(false),
                wake_line <- new_mutex!(None, "btusb::wake_line"),
                voice <- Voice::new(),
                dump <- new_spinlock_irq!(qca::Dump::default(), "btusb::dump"),
                dump_version: (AtomicU32::new(0), AtomicU32::new(0)),
                resetting <- new_mutex!(None, "btusb::resetting"),
                line_reset: AtomicBool::new(false),
                last_event: AtomicUsize::new(0),
                complained: AtomicU64::new(0),
                unsaid: AtomicU32::new(0),
                counts: stats::Counts::default(),
                voice_work <- new_work!("btusb::voice_work"),
                waker <- new_work!("btusb::waker"),
                recover <- new_work!("btusb::recover"),
                deliver <- new_work!("btusb::deliver"),
                queue,
                receive_queue,
                gone: AtomicBool::new(false),
                iso_leaves: AtomicBool::new(false),
                registered <- new_mutex!(None, "btusb::registered"),
            }),
            GFP_KERNEL,
        )?;
        this.voice_work.bind(&this.queue)?;
        this.waker.bind(&this.queue)?;
        this.recover.bind(&this.queue)?;
        this.deliver.bind(&this.receive_queue)?;
        Ok(this)
    }

    fn callbacks(&self) -> Callback {
        let plan = &self.plan;
        Callback::NONE
            .with(Callback::SETUP, plan.setup.is_some())
            .with(Callback::SHUTDOWN, plan.shutdown.is_some())
            .with(Callback::SET_DIAG, plan.diag)
            .with(Callback::SET_ADDRESS, plan.set_address.is_some())
            .with(Callback::RESET, true)
            .with(Callback::HARDWARE_ERROR, plan.setup == Some(Setup::Realtek))
            .with(Callback::CLASSIFY, plan.vendor == Vendor::Wcn6855)
            .with(Callback::COREDUMP, plan.vendor == Vendor::Wcn6855)
    }

    /// Claims the other interfaces.
    fn claim(self: &Arc<Self>) -> Result {
        if let Some(isoc) = &self.isoc {
            self.intf.claim::<Driver>(isoc, self.clone())?;
        }
        if let (Some(diag), Some(_)) = (&self.diag, self.diag_endpoints) {
            let claimed = self.intf.claim::<Driver>(diag, self.clone()).is_ok();
            self.diag_claimed.store(claimed, Relaxed);
        }
        Ok(())
    }

    /// Gives back the other interfaces; `intf` is given back by the caller.
    fn release(&self, intf: &usb::Interface) {
        let others = [
            self.isoc.as_ref(),
            self.diag
                .as_ref()
                .filter(|_| self.diag_claimed.load(Relaxed)),
            Some(&self.intf),
        ];
        for other in others
            .into_iter()
            .flatten()
            .filter(|other| ***other != *intf)
        {
            intf.release::<Driver>(other);
        }
    }

    /// Ends all that is in progress. Afterwards nothing holds on to the device but its interfaces.
    fn stop(&self) {
        let registered = self.registered.lock().take();
        // Waits for the core; it closes the transport.
        drop(registered);
        let wake_line = self.wake_line.lock().take();
        drop(wake_line);
        for pipe in [
            &self.interrupt,
            &self.bulk,
            &self.isochronous,
            &self.diagnostics,
        ] {
            pipe.set_running(false);
        }
        self.voice_work.disable_sync();
        self.waker.disable_sync();
        self.recover.disable_sync();
        self.deliver.disable_sync();
        self.stop_receiving();
        self.tx.kill();
        self.waiting.purge();
        self.deferred.purge();
        self.voice.forget();
        if let Some(awake) = self.resetting.lock().take() {
            awake.put_no_suspend();
        }
    }
}

/// An interface that fits.
pub(crate) fn probe(intf: &usb::Interface, id: &usb::DeviceId) -> Result<Arc<Btusb>> {
    let found = look(intf, id)?;
    let plan = found.plan;
    let room = match plan.vendor {
        Vendor::Generic | Vendor::Wcn6855 => 0,
        Vendor::Intel => modules::intel::ROOM,
        Vendor::Realtek => modules::realtek::ROOM,
        Vendor::MediaTek => modules::mediatek::ROOM,
    };
    let mut controller = hci::Unregistered::new(intf, room)?;
    if let Some(id) = plan.manufacturer {
        controller.set_manufacturer(id);
    }
    if let Some(opcode) = plan.msft_opcode {
        controller.set_msft_opcode(opcode);
    }
    for quirk in plan.quirks.iter() {
        controller.set_quirk(number(quirk));
    }
    vendor::configure(&controller.device(), &plan)?;
    if plan.check_reset_resume && vendor::qca::loses_power_in_suspend() {
        found.udev.always_reset_resume();
    }
    if plan.wants_alt_0 {
        found.udev.set_interface(0, 0)?;
    }
    let this = Btusb::new(found, controller.device())?;
    if tables::autosuspend() {
        this.udev.set_autosuspend(true);
    }
    let registered = power::find_wake_line(this.as_arc_borrow())
        .and_then(|()| this.claim())
        .and_then(|()| {
            let callbacks = this.callbacks();
            controller.register(this.clone(), callbacks)
        });
    match registered {
        Ok(controller) => {
            let files = stats::Files::new(&controller, &this);
            *this.registered.lock() = Some(Registered {
                _files: Some(files),
                _controller: controller,
            });
            Ok(this)
        }
        Err(e) => {
            this.gone.store(true, Relaxed);
            this.stop();
            this.release(intf);
            Err(e)
        }
    }
}

/// An interface leaves: any of them takes the others with it, but for one that the driver itself
/// gives back while the controller stays.
pub(crate) fn disconnect(intf: &usb::Interface, this: &Arc<Btusb>) {
    if intf.number() == modules::mediatek::ISO_INTERFACE && this.iso_leaves.load(Relaxed) {
        return;
    }
    if this.gone.swap(true, AcqRel) {
        return;
    }
    if this.plan.vendor == Vendor::MediaTek {
        vendor::mediatek::release_iso(this);
    }
    this.stop();
    this.release(intf);
}

/// The core's number of a quirk.
pub(crate) fn number(which: Quirk) -> hci::Quirk {
    match which {
        Quirk::BrokenStoredLinkKey => quirk::BROKEN_STORED_LINK_KEY,
        Quirk::BrokenEnhancedSetupSyncConn => quirk::BROKEN_ENHANCED_SETUP_SYNC_CONN,
        Quirk::NonPersistentSetup => quirk::NON_PERSISTENT_SETUP,
        Quirk::FixupInquiryMode => quirk::FIXUP_INQUIRY_MODE,
        Quirk::BrokenLocalCommands => quirk::BROKEN_LOCAL_COMMANDS,
        Quirk::RawDevice => quirk::RAW_DEVICE,
        Quirk::SimultaneousDiscovery => quirk::SIMULTANEOUS_DISCOVERY,
        Quirk::StrictDuplicateFilter => quirk::STRICT_DUPLICATE_FILTER,
        Quirk::BrokenErrDataReporting => quirk::BROKEN_ERR_DATA_REPORTING,
        Quirk::BrokenReadTransmitPower => quirk::BROKEN_READ_TRANSMIT_POWER,
        Quirk::BrokenSetRpaTimeout => quirk::BROKEN_SET_RPA_TIMEOUT,
        Quirk::BrokenExtScan => quirk::BROKEN_EXT_SCAN,
        Quirk::BrokenReadEncKeySize => quirk::BROKEN_READ_ENC_KEY_SIZE,
        Quirk::BrokenExtCreateConn => quirk::BROKEN_EXT_CREATE_CONN,
        Quirk::BrokenWriteAuthPayloadTimeout => quirk::BROKEN_WRITE_AUTH_PAYLOAD_TIMEOUT,
        Quirk::ResetOnClose => quirk::RESET_ON_CLOSE,
        Quirk::FixupBufferSize => quirk::FIXUP_BUFFER_SIZE,
        Quirk::WidebandSpeechSupported => quirk::WIDEBAND_SPEECH_SUPPORTED,
        Quirk::BrokenLeStates => quirk::BROKEN_LE_STATES,
        Quirk::BrokenFilterClearAll => quirk::BROKEN_FILTER_CLEAR_ALL,
        Quirk::NoSuspendNotifier => quirk::NO_SUSPEND_NOTIFIER,
        Quirk::BrokenReadVoiceSetting => quirk::BROKEN_READ_VOICE_SETTING,
        Quirk::BrokenReadPageScanType => quirk::BROKEN_READ_PAGE_SCAN_TYPE,
    }
}
