// SPDX-License-Identifier: GPL-2.0

//! A controller's life: allocated, registered, unregistered, released.
//!
//! ```text
//!   alloc ──> register ──> unregister ──> last reference dropped
//!     │          │             │                  │
//!     │          │             │                  └ queues reaped, index free, memory freed
//!     │          │             └ off the list; no work, no timer, no driver callback afterwards
//!     │          └ queues, index, sysfs, rfkill, LED; on the list; power on is queued
//!     └ memory, locks, the embedded device's first reference
//! ```

use super::{
    command::CommandPath,
    flow::{
        Flow,
        Woken, //
    },
    info::Info,
    link::{
        Authenticator,
        LinkTable, //
    },
    observer::{
        self,
        Notice, //
    },
    power,
    recovery::{
        self,
        Recovery, //
    },
    registry::{
        self,
        Index, //
    },
    rx::Reception,
    state::State,
    suspend::{
        SuspendOps, //
    },
    user::{
        AudioUser,
        LinkUser, //
    },
};
use core::sync::atomic::{
    AtomicBool,
    Ordering, //
};
use kernel::{
    prelude::*,
    sync::{
        aref::ARef,
        lock::{
            mutex::MutexBackend,
            Guard, //
        },
        new_condvar,
        new_mutex,
        new_spinlock,
        Arc,
        CondVar,
        Mutex,
        SetOnce,
        SpinLock, //
    },
};
use kernel_ext::{
    confined::Confined,
    hci::{
        Address,
        DevFlag,
        Facts,
        Flag,
        Hdev,
        Owner,
        Quirk, //
    },
    leds::{
        Brightness,
        LedTrigger, //
    },
    pm::PmNotifier,
    rfkill::Rfkill,
    skbuff::{
        SkBuff,
        SkBuffQueue, //
    },
    workqueue::{
        OrderedQueue,
        QueueFlags,
        Work,
        Worker, //
    },
};
use wire::BdAddr;

/// A controller, with the C half that drivers see and its reference count.
pub(crate) type Device = Hdev<Controller>;

/// Numbers that tell a controller's work items apart.
pub(super) mod ids {
    pub(in crate::hci) const RECEIVE: u64 = 0;
    pub(in crate::hci) const COMMAND: u64 = 1;
    pub(in crate::hci) const COMMAND_TIMER: u64 = 2;
    pub(in crate::hci) const CREDIT_TIMER: u64 = 3;
    pub(in crate::hci) const TRANSMIT: u64 = 4;
    pub(in crate::hci) const POWER_ON: u64 = 5;
    pub(in crate::hci) const POWER_OFF: u64 = 6;
    pub(in crate::hci) const RECOVER: u64 = 7;
    pub(in crate::hci) const STABLE: u64 = 8;
    pub(in crate::hci) const LE_SCAN_OFF: u64 = 9;
    pub(in crate::hci) const ADV_EXPIRE: u64 = 10;
    pub(in crate::hci) const RPA_EXPIRED: u64 = 11;
    pub(in crate::hci) const TX_WATCH: u64 = 12;
    pub(in crate::hci) const HOLD_EXPIRE: u64 = 13;
    pub(in crate::hci) const LINKS: u64 = 14;
    pub(in crate::hci) const SECURITY: u64 = 15;
}

/// Packets from raw sockets that may wait for the transport.
const MAX_RAW_QUEUED: usize = 256;

/// The Rust half of a controller.
///
/// What is confined to the worker is in `links`, `flow`, `upper`, `audio` and `security`; the rest may be used from any process context.
#[pin_data]
pub(crate) struct Controller {
    #[pin]
    pub(super) commands: CommandPath,
    #[pin]
    pub(super) reception: Reception,
    /// ACL, SCO and ISO packets from raw sockets.
    #[pin]
    pub(super) raw: SkBuffQueue,
    /// Sends what is queued: raw packets first, then the links'.
    #[pin]
    pub(super) transmit: Work<Controller, { ids::TRANSMIT }>,
    #[pin]
    state: Mutex<State>,
    /// Mirror of the discovery's state that drivers may ask for in any context.
    discovering: AtomicBool,
    /// Whether there are links in the table; the worker's own, for others to see.
    has_links: AtomicBool,
    /// Notified when [`DevFlag::INQUIRY`] is cleared.
    #[pin]
    inquiry_done: CondVar,
    #[pin]
    info: SpinLock<Option<Arc<Info>>>,
    /// Held while a new snapshot is made of the old one, so that no change is lost.
    #[pin]
    next_info: Mutex<Info>,
    #[pin]
    pub(super) power: power::Power,
    #[pin]
    pub(super) recovery: Recovery,
    #[pin]
    pub(super) timers: super::timers::Timers,
    #[pin]
    pub(super) alarms: super::timers::Alarms,
    /// The links; only the worker gets at them.
    pub(super) links: Confined<LinkTable>,
    /// The flow of data on them.
    pub(super) flow: Confined<Flow>,
    pub(super) woken: Woken,
    /// What the user of the links keeps.
    pub(crate) upper: Confined<<crate::Upper as LinkUser>::Controller>,
    /// What the user of audio links keeps.
    pub(crate) audio: Confined<<crate::Audio as AudioUser>::Controller>,
    /// What the room that secures links keeps.
    pub(crate) security: Confined<<crate::Security as Authenticator>::Controller>,
    worker: SetOnce<OrderedQueue>,
    sequencer: SetOnce<OrderedQueue>,
    index: SetOnce<Index>,
    #[pin]
    attachments: Mutex<Attachments>,
}

/// What a registered controller is hooked up to; empty before and after.
#[derive(Default)]
struct Attachments {
    rfkill: Option<Rfkill<power::RfkillSwitch>>,
    power_led: Option<LedTrigger>,
    pm: Option<PmNotifier<SuspendOps>>,
    debugfs: Option<super::debugfs::Entries>,
}

impl Controller {
    fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            commands <- CommandPath::new(),
            reception <- Reception::new(),
            raw <- kernel_ext::new_skb_queue!("Controller::raw"),
            transmit <- kernel_ext::new_work!("Controller::transmit"),
            state <- new_mutex!(State::new(), "Controller::state"),
            discovering: AtomicBool::new(false),
            has_links: AtomicBool::new(false),
            inquiry_done <- new_condvar!("Controller::inquiry_done"),
            info <- new_spinlock!(None, "Controller::info"),
            next_info <- new_mutex!(Info::new(), "Controller::next_info"),
            power <- power::Power::new(),
            recovery <- Recovery::new(),
            timers <- super::timers::Timers::new(),
            alarms <- super::timers::Alarms::new(),
            links: Confined::new(LinkTable::new()),
            flow: Confined::new(Flow::new()),
            woken: Woken::new(),
            upper: Confined::new(crate::Upper::new_controller()),
            audio: Confined::new(crate::Audio::new_controller()),
            security: Confined::new(<crate::Security as Authenticator>::new_controller()),
            worker: SetOnce::new(),
            sequencer: SetOnce::new(),
            index: SetOnce::new(),
            attachments <- new_mutex!(Attachments::default(), "Controller::attachments"),
        })
    }

    /// The settings. Not to be held while an answer is awaited or an observer called.
    pub(crate) fn state(&self) -> Guard<'_, State, MutexBackend> {
        self.state.lock()
    }

    /// What the controller said of itself, as of now.
    pub(crate) fn info(&self) -> Result<Arc<Info>> {
        self.info.lock().clone().ok_or(ENODEV)
    }

    /// Changes what is known of the controller. Readers of the old snapshot keep it. Returns whether
    /// there is anything new in it: what a controller says of itself it mostly says again.
    ///
    /// # Errors
    ///
    /// `ENOMEM`: nothing is changed then.
    pub(crate) fn update_info(&self, change: impl FnOnce(&mut Info)) -> Result<bool> {
        // The worker, sequences and ioctls change it.
        let mut next = self.next_info.lock();
        change(&mut next);
        let current = self.info.lock().clone();
        if current.as_ref().is_some_and(|current| **current == *next) {
            return Ok(false);
        }
        let published = match Arc::new(next.clone(), GFP_KERNEL) {
            Ok(published) => published,
            Err(e) => {
                *next = current.as_deref().map_or_else(Info::new, Info::clone);
                return Err(e.into());
            }
        };
        let old = self.info.lock().replace(published);
        drop(old);
        Ok(true)
    }

    /// The queue that reception, transmission and links belong to.
    ///
    /// # Errors
    ///
    /// `ENODEV` before registration.
    pub(crate) fn worker(&self) -> Result<&OrderedQueue> {
        self.worker.as_ref().ok_or(ENODEV)
    }

    /// Whether there are links, be they still to come about. Any context; a moment earlier or
    /// later is as good.
    pub(super) fn has_links(&self) -> bool {
        self.has_links.load(Ordering::Acquire)
    }

    /// Notes whether there are links, for [`Self::has_links`]: the worker's.
    pub(super) fn note_links(&self, any: bool) {
        self.has_links.store(any, Ordering::Release);
    }

    /// The queue of sequences.
    ///
    /// # Errors
    ///
    /// `ENODEV` before registration.
    pub(crate) fn sequencer(&self) -> Result<&OrderedQueue> {
        self.sequencer.as_ref().ok_or(ENODEV)
    }

    /// Calls `f` with the files in debugfs, if there are any.
    pub(super) fn with_debugfs(&self, f: impl FnOnce(&mut super::debugfs::Entries)) {
        if let Some(entries) = &mut self.attachments.lock().debugfs {
            f(entries);
        }
    }

    /// Shows the power state on the controller's LED.
    pub(super) fn show_power(&self, on: bool) {
        if let Some(led) = &self.attachments.lock().power_led {
            led.event(if on {
                Brightness::Full
            } else {
                Brightness::Off
            });
        }
        registry::show_power();
    }

    /// Inquiry is over, for whoever waits.
    pub(super) fn inquiry_over(&self) {
        let _state = self.state.lock();
        self.inquiry_done.notify_all();
    }
}

/// Whether nothing that came earlier waits for the worker: packets of the controller, or for it.
fn at_rest(dev: &Device) -> bool {
    dev.reception.is_empty() && dev.raw.is_empty() && dev.woken.is_empty()
}

/// Runs `job` with the worker's token and returns what it returns: in the calling task if the worker is
/// at rest, which spares two changes of task, or else on the worker, after all that waits for it. Sleeps; not on
/// the worker.
///
/// # Errors
///
/// `ENODEV` before registration, `ESHUTDOWN` after it, `EDEADLK` on the worker, `ENOMEM`.
pub(crate) fn with_worker<R: Send>(
    dev: &Device,
    job: impl FnOnce(&mut Worker<'_>) -> R + Send,
) -> Result<R> {
    dev.worker()?.call_here(|| at_rest(dev), job)
}

/// Runs `job` in the calling task if the worker is at rest; returns whether it was. Sleeps.
pub(super) fn try_with_worker(dev: &Device, job: impl FnOnce(&mut Worker<'_>)) -> bool {
    dev.worker()
        .is_ok_and(|queue| queue.try_here(|| at_rest(dev), job).is_ok())
}

/// Queues a packet from user space for the transport, as it is and in order: no credit is waited
/// for, also not for a command.
///
/// # Errors
///
/// `ENOBUFS` when too many wait already.
pub(crate) fn submit_unqueued(dev: &Device, skb: SkBuff) -> Result {
    dev.raw
        .push_bounded(skb, MAX_RAW_QUEUED)
        .map_err(|_| ENOBUFS)?;
    dev.transmit.queue(dev);
    Ok(())
}

/// Waits until no inquiry is going on.
///
/// # Errors
///
/// `EINTR` on a signal.
pub(crate) fn wait_inquiry(dev: &Device) -> Result {
    let mut state = dev.state.lock();
    while dev.is(DevFlag::INQUIRY) {
        if dev.inquiry_done.wait_interruptible(&mut state) {
            return Err(EINTR);
        }
    }
    Ok(())
}

/// Allocates a controller with `priv_size` bytes for its driver.
///
/// # Errors
///
/// `ENOMEM`.
pub(crate) fn alloc(priv_size: usize) -> Result<ARef<Device>> {
    let dev = Device::alloc(priv_size, Controller::new())?;
    dev.update_info(|_| {})?;
    Ok(dev)
}

/// Registers a controller: it gets its index and is brought up in the background.
///
/// Returns the index.
///
/// # Errors
///
/// `EINVAL` if the driver lacks a callback that it must have, `ENOSPC`, `ENOMEM`, or what the
/// driver model says.
pub(crate) fn register(dev: &Device) -> Result<u16> {
    if !dev.has_required_callbacks() {
        return Err(EINVAL);
    }
    let index = Index::take()?;
    let id = index.get();
    dev.set_index(id)?;
    dev.index.populate(index);

    bind_queues(dev)?;
    dev.add_to_sysfs()?;
    attach(dev);
    recovery::arrive(dev);

    dev.set(Flag::SETUP, true);
    dev.set(Flag::AUTO_OFF, true);
    // Assumed until the features say otherwise.
    dev.set(Flag::BREDR_ENABLED, true);
    if dev.quirk(Quirk::RAW_DEVICE) {
        dev.set(Flag::UNCONFIGURED, true);
    }
    if let Err(e) = registry::list(dev) {
        detach(dev);
        dev.del_from_sysfs();
        return Err(e);
    }
    observer::notify(dev, Notice::Registered);
    dev.power.queue_on(dev);
    Ok(id)
}

fn bind_queues(dev: &Device) -> Result {
    let worker = OrderedQueue::new(dev.name(), QueueFlags::HIGHPRI)?;
    let sequencer = OrderedQueue::new(dev.name(), QueueFlags::HIGHPRI)?;

    dev.links.bind(&worker)?;
    dev.flow.bind(&worker)?;
    dev.upper.bind(&worker)?;
    dev.audio.bind(&worker)?;
    dev.security.bind(&worker)?;
    dev.alarms.bind(&worker)?;
    dev.commands.transmit.bind(&worker)?;
    dev.commands.command_timer.bind(&worker)?;
    dev.commands.credit_timer.bind(&worker)?;
    dev.reception.bind(&worker)?;
    dev.transmit.bind(&worker)?;
    dev.power.bind(&sequencer)?;
    dev.recovery.bind(&sequencer)?;
    dev.timers.bind(&sequencer)?;

    dev.publish_queues(worker.as_ptr(), sequencer.as_ptr());
    dev.worker.populate(worker);
    dev.sequencer.populate(sequencer);
    Ok(())
}

/// Hooks a controller up to rfkill, LEDs, debugfs and system suspend. None of them is vital.
fn attach(dev: &Device) {
    let mut attachments = Attachments {
        power_led: super::power::power_led(dev),
        debugfs: super::debugfs::Entries::create(dev),
        ..Attachments::default()
    };
    match Rfkill::new(dev.name(), dev.as_device(), ARef::from(dev)) {
        Ok(rfkill) => {
            if rfkill.blocked() {
                dev.set(Flag::RFKILLED, true);
            }
            attachments.rfkill = Some(rfkill);
        }
        Err(e) => pr_warn!("{}: no rfkill switch: {:?}\n", dev.name(), e),
    }
    if !dev.quirk(Quirk::NO_SUSPEND_NOTIFIER) {
        match PmNotifier::new(ARef::from(dev)) {
            Ok(pm) => attachments.pm = Some(pm),
            Err(e) => pr_warn!("{}: no suspend notifier: {:?}\n", dev.name(), e),
        }
    }
    *dev.attachments.lock() = attachments;
}

/// Undoes [`attach`]. Each of them waits for its callbacks, so none is dropped under the lock.
fn detach(dev: &Device) {
    let attachments = core::mem::take(&mut *dev.attachments.lock());
    drop(attachments);
}

/// Unregisters a controller: its driver is about to go.
///
/// When this returns, no callback of the driver runs and none will; the memory stays for as long
/// as somebody holds a reference.
pub(crate) fn unregister(dev: &Device) {
    dev.set(Flag::UNREGISTER, true);
    if !registry::unlist(dev) {
        pr_warn!("unregistering a controller that is not registered\n");
        return;
    }

    // From here on nothing new starts. What a sequence waits for ends with ENODEV, so that it
    // lets go of req_lock, which closing needs.
    super::command::cancel_current(dev, ENODEV);
    dev.power.disable();
    dev.recovery.disable();
    dev.timers.disable();
    dev.commands.command_timer.disable_sync();
    dev.commands.credit_timer.disable_sync();

    // No system suspend may begin on a controller that is half gone.
    let pm = dev.attachments.lock().pm.take();
    drop(pm);

    {
        let lock = dev.req_lock();
        let session = super::Session::under(&lock);
        power::close(&session);
    }
    dev.commands.transmit.disable_sync();
    dev.reception.disable();
    dev.transmit.disable_sync();
    dev.alarms.disable();
    <Controller as Owner>::dump_shut_down(dev);
    for queue in [dev.sequencer.as_ref(), dev.worker.as_ref()]
        .into_iter()
        .flatten()
    {
        if queue.close().is_err() {
            pr_err!("{}: unregistered from its own queue\n", dev.name());
        }
    }

    if !dev.has(Flag::SETUP) && !dev.has(Flag::CONFIG) {
        observer::notify(dev, Notice::IndexRemoved);
    }
    observer::notify(dev, Notice::Unregistered);
    recovery::depart(dev);
    detach(dev);
    dev.retire();
    dev.del_from_sysfs();
}

/// Shows drivers what is known by now; see [`Facts`].
pub(crate) fn publish(dev: &Device) -> Result {
    let info = dev.info()?;
    let voice_setting = dev.state().voice_setting;
    dev.publish(&Facts {
        bdaddr: info.bdaddr.0,
        hci_ver: info.hci_ver,
        hci_rev: info.hci_rev,
        lmp_ver: info.lmp_ver,
        lmp_subver: info.lmp_subver,
        manufacturer: info.manufacturer,
        voice_setting,
        acl_mtu: info.acl.mtu.into(),
        sco_mtu: info.sco.mtu.into(),
        le_mtu: info.le.mtu.into(),
        iso_mtu: info.iso.mtu.into(),
        acl_pkts: info.acl.packets.into(),
        sco_pkts: info.sco.packets.into(),
        le_pkts: info.le.packets.into(),
        iso_pkts: info.iso.packets.into(),
        commands: info.commands.bitmap(),
    });
    Ok(())
}

/// The address that identifies the controller: public, or static random if there is none.
pub(crate) fn has_identity_address(dev: &Device) -> bool {
    BdAddr(dev.address(Address::Current)) != BdAddr::ANY || dev.state().static_addr != BdAddr::ANY
}

/// Whether a discovery is finding or resolving. Any context.
pub(crate) fn discovery_active(dev: &Device) -> bool {
    dev.discovering.load(Ordering::Relaxed)
}

/// Notes whether a discovery is going on, for [`discovery_active`].
pub(crate) fn set_discovery_active(dev: &Device, active: bool) {
    dev.discovering.store(active, Ordering::Relaxed);
}
