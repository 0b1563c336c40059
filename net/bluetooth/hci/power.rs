// SPDX-License-Identifier: GPL-2.0

//! Power: bringing a controller up and down, on whose behalf ever.

use super::{
    command::{
        self, //
    },
    complete,
    device::{
        has_identity_address,
        ids,
        Controller,
        Device, //
    },
    init, link,
    observer::{
        notify,
        Notice, //
    },
    recovery,
    session::{
        jiffies,
        Session, //
    },
    timers::{
        self,
        Timer, //
    },
    update,
};
use engine::{
    command::Phase,
    ladder::Reason, //
};
use kernel::{
    prelude::*,
    str::CString,
    sync::aref::ARef,
    types::ForeignOwnable, //
};
use kernel_ext::{
    hci::{
        Address,
        DevFlag,
        Flag,
        Owner,
        Quirk, //
    },
    leds::LedTrigger,
    rfkill::RfkillOps,
    workqueue::{
        OrderedQueue,
        Work,
        WorkItem,
        Worker, //
    },
};

/// A controller that nobody wanted is switched off this long after set-up, in milliseconds
/// (`HCI_AUTO_OFF_TIMEOUT`).
const AUTO_OFF_MS: u32 = 2000;

/// Reason code for links that end because the host is switched off (Vol 1 Part F 2.21).
const REMOTE_POWER_OFF: u8 = 0x15;

/// Power on and off, as work on the sequencer.
#[pin_data]
pub(crate) struct Power {
    #[pin]
    on: Work<Controller, { ids::POWER_ON }>,
    #[pin]
    off: Work<Controller, { ids::POWER_OFF }>,
}

kernel_ext::impl_has_work! {
    impl HasWork<{ ids::POWER_ON }> for Controller { self.power.on }
}
kernel_ext::impl_has_work! {
    impl HasWork<{ ids::POWER_OFF }> for Controller { self.power.off }
}

impl Power {
    pub(super) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            on <- kernel_ext::new_work!("Power::on"),
            off <- kernel_ext::new_work!("Power::off"),
        })
    }

    pub(super) fn bind(&self, sequencer: &OrderedQueue) -> Result {
        self.on.bind(sequencer)?;
        self.off.bind(sequencer)
    }

    /// Has the controller powered on in the background.
    pub(super) fn queue_on(&self, dev: &Device) {
        self.on.queue(dev);
    }

    /// Nobody switches the controller on or off any more: it is being unregistered.
    pub(super) fn disable(&self) {
        self.on.disable();
        self.off.disable();
    }
}

impl WorkItem<{ ids::POWER_ON }> for Controller {
    type Pointer = ARef<Device>;

    fn run(dev: &Device, _worker: &mut Worker<'_>) {
        let result = {
            let lock = dev.req_lock();
            power_on(&Session::under(&lock))
        };
        let Err(e) = result else {
            return;
        };
        // A first set-up is tried again, as a controller that fails later is. The rest is somebody's
        // wish, who is told.
        let for_good = e == ENODEV || e == EALREADY || e == EADDRNOTAVAIL || e == ERFKILL;
        if dev.has(Flag::SETUP) && !for_good && !dev.has(Flag::UNREGISTER) {
            recovery::failure(dev, Reason::SetupFailed(e.to_errno()));
        } else {
            pr_debug!("{}: power on: {:?}\n", dev.name(), e);
        }
    }
}

impl WorkItem<{ ids::POWER_OFF }> for Controller {
    type Pointer = ARef<Device>;

    fn run(dev: &Device, _worker: &mut Worker<'_>) {
        let lock = dev.req_lock();
        off(&Session::under(&lock));
    }
}

/// Closes a controller that nobody wants up any more, whatever is wrong with it.
fn off(session: &Session<'_>) {
    close(session);
    session.dev().recovery.abandon();
}

/// Has a controller powered on in the background.
pub(crate) fn queue_on(dev: &Device) {
    dev.power.queue_on(dev);
}

/// Whether mgmt's users see the controller as powered.
pub(crate) fn is_powered(dev: &Device) -> bool {
    dev.is(DevFlag::UP)
        && !dev.has(Flag::SETUP)
        && !dev.has(Flag::CONFIG)
        && !dev.has(Flag::AUTO_OFF)
        && !dev.has(Flag::USER_CHANNEL)
        && !dev.has(Flag::UNREGISTER)
}

/// Takes back the decision to switch the controller off unless somebody wants it.
fn keep_on(dev: &Device) -> bool {
    let was = dev.set(Flag::AUTO_OFF, false);
    if was {
        dev.power.off.cancel();
    }
    was
}

/// Powers a controller on: first set-up, `Set Powered`, or the end of rfkill's block.
///
/// # Errors
///
/// What bring-up failed with; `ERFKILL`, `EADDRNOTAVAIL`, `EALREADY`, `ENODEV`.
pub(crate) fn power_on(session: &Session<'_>) -> Result {
    let dev = session.dev();
    if dev.is(DevFlag::UP) && dev.has(Flag::MGMT) && keep_on(dev) {
        let result = update::powered(session);
        notify(dev, Notice::PoweredOn(result));
        return result;
    }
    if let Err(e) = open(session) {
        notify(dev, Notice::SetPoweredFailed(e));
        return Err(e);
    }

    // Set-up goes through in some states in which a controller must not stay up.
    if dev.has(Flag::RFKILLED) || dev.has(Flag::UNCONFIGURED) || !has_identity_address(dev) {
        dev.set(Flag::AUTO_OFF, false);
        close(session);
    } else if dev.has(Flag::AUTO_OFF) {
        dev.power.off.queue_delayed(dev, jiffies(AUTO_OFF_MS));
    }

    let unconfigured = dev.has(Flag::UNCONFIGURED);
    if dev.set(Flag::SETUP, false) {
        // How user space tells unconfigured controllers.
        if unconfigured {
            dev.put(DevFlag::RAW, true);
        }
        notify(dev, Notice::IndexAdded);
    } else if dev.set(Flag::CONFIG, false) {
        if !unconfigured {
            dev.put(DevFlag::RAW, false);
        }
        notify(dev, Notice::IndexAdded);
    }
    Ok(())
}

/// Powers a controller off in good order: no scanning, no advertising, no links, then closed.
///
/// # Errors
///
/// What one of the commands failed with; the controller stays up then.
pub(crate) fn power_off(session: &Session<'_>) -> Result {
    let dev = session.dev();
    if !dev.is(DevFlag::UP) {
        dev.recovery.abandon();
        return Ok(());
    }
    dev.set(Flag::POWERING_DOWN, true);
    let result = quiesce(session);
    if result.is_ok() {
        off(session);
    }
    dev.set(Flag::POWERING_DOWN, false);
    result
}

fn quiesce(session: &Session<'_>) -> Result {
    let dev = session.dev();
    if dev.is(DevFlag::ISCAN) || dev.is(DevFlag::PSCAN) {
        update::scan_off(session)?;
    }
    update::advertising_off(session)?;
    update::stop_discovery(session)?;
    link::disconnect_all(session, REMOTE_POWER_OFF)
}

/// Opens the transport and brings the controller up.
///
/// # Errors
///
/// As [`power_on`]; `EIO` if the transport does not open.
pub(crate) fn open(session: &Session<'_>) -> Result {
    let dev = session.dev();
    if dev.has(Flag::UNREGISTER) {
        return Err(ENODEV);
    }
    let in_setup = dev.has(Flag::SETUP) || dev.has(Flag::CONFIG);
    if !in_setup {
        if dev.has(Flag::RFKILLED) {
            return Err(ERFKILL);
        }
        if !dev.has(Flag::USER_CHANNEL) && !has_identity_address(dev) {
            return Err(EADDRNOTAVAIL);
        }
    }
    if dev.is(DevFlag::UP) {
        return Err(EALREADY);
    }
    session.open().map_err(|_| EIO)?;

    <Controller as Owner>::dump_opened(dev);
    dev.put(DevFlag::RUNNING, true);
    notify(dev, Notice::Opened);
    command::set_phase(dev, Phase::Setup);
    dev.put(DevFlag::INIT, true);
    let result = set_up(session);
    dev.put(DevFlag::INIT, false);

    if let Err(e) = result {
        tear_down(session, e);
        return Err(e);
    }
    command::set_phase(dev, Phase::Running);
    dev.set(Flag::RPA_EXPIRED, true);
    dev.put(DevFlag::UP, true);
    dev.recovery.succeeded(dev);
    notify(dev, Notice::Up);
    dev.show_power(true);
    if !in_setup
        && !dev.has(Flag::UNCONFIGURED)
        && !dev.has(Flag::USER_CHANNEL)
        && dev.has(Flag::MGMT)
    {
        let result = update::powered(session);
        notify(dev, Notice::PoweredOn(result));
        return result;
    }
    Ok(())
}

/// Driver's set-up, then our own.
fn set_up(session: &Session<'_>) -> Result {
    let dev = session.dev();
    let mut result = Ok(());
    if dev.has(Flag::SETUP) || dev.quirk(Quirk::NON_PERSISTENT_SETUP) {
        result = driver_set_up(session);
    }
    if dev.has(Flag::CONFIG) {
        // The address that was configured must end up in the controller.
        let wanted = dev.address(Address::Public);
        result = if wanted == [0; 6] {
            Err(EADDRNOTAVAIL)
        } else {
            session.set_bdaddr(wanted).unwrap_or(Err(EADDRNOTAVAIL))
        };
    }
    if result.is_ok() && !dev.has(Flag::UNCONFIGURED) && !dev.has(Flag::USER_CHANNEL) {
        result = init::run(session);
        if result.is_ok() {
            dev.complete_debugfs(dev);
            result = session.post_init().unwrap_or(Ok(()));
        }
    }
    // HCI Reset took the diagnostics setting with it.
    if dev.quirk(Quirk::NON_PERSISTENT_DIAG)
        && !dev.has(Flag::USER_CHANNEL)
        && dev.has(Flag::VENDOR_DIAG)
    {
        if let Some(diag) = session.set_diag(true) {
            result = diag;
        }
    }
    result
}

/// Quirks that a driver sets because the controller does less than it claims.
const BROKEN: [(Quirk, &str); 10] = [
    (
        Quirk::BROKEN_LOCAL_COMMANDS,
        "HCI Read Local Supported Commands not supported",
    ),
    (
        Quirk::BROKEN_STORED_LINK_KEY,
        "HCI Delete Stored Link Key command is advertised, but not supported.",
    ),
    (
        Quirk::BROKEN_ERR_DATA_REPORTING,
        "HCI Read Default Erroneous Data Reporting command is advertised, but not supported.",
    ),
    (
        Quirk::BROKEN_READ_TRANSMIT_POWER,
        "HCI Read Transmit Power Level command is advertised, but not supported.",
    ),
    (
        Quirk::BROKEN_FILTER_CLEAR_ALL,
        "HCI Set Event Filter command not supported.",
    ),
    (
        Quirk::BROKEN_ENHANCED_SETUP_SYNC_CONN,
        "HCI Enhanced Setup Synchronous Connection command is advertised, but not supported.",
    ),
    (
        Quirk::BROKEN_SET_RPA_TIMEOUT,
        "HCI LE Set Random Private Address Timeout command is advertised, but not supported.",
    ),
    (
        Quirk::BROKEN_EXT_CREATE_CONN,
        "HCI LE Extended Create Connection command is advertised, but not supported.",
    ),
    (
        Quirk::BROKEN_WRITE_AUTH_PAYLOAD_TIMEOUT,
        "HCI WRITE AUTH PAYLOAD TIMEOUT command leads to unexpected SMP errors when pairing \
         and will not be used.",
    ),
    (
        Quirk::BROKEN_LE_CODED,
        "HCI LE Coded PHY feature bit is set, but its usage is not supported.",
    ),
];

fn driver_set_up(session: &Session<'_>) -> Result {
    let dev = session.dev();
    notify(dev, Notice::Setup);
    let mut result = session.setup().unwrap_or(Ok(()));

    for (quirk, what) in BROKEN {
        if dev.quirk(quirk) {
            pr_warn!("{}: {}\n", dev.name(), what);
        }
    }

    // The driver may know only now that the address in the controller is none.
    let mut invalid_address =
        dev.quirk(Quirk::INVALID_BDADDR) || dev.quirk(Quirk::USE_BDADDR_PROPERTY);
    if result.is_ok() && invalid_address {
        if dev.quirk(Quirk::USE_BDADDR_PROPERTY) && dev.address(Address::Public) == [0; 6] {
            dev.read_address_property();
        }
        let wanted = dev.address(Address::Public);
        if wanted != [0; 6] {
            if let Some(set) = session.set_bdaddr(wanted) {
                invalid_address = set.is_err();
                result = set;
            }
        }
    }
    if dev.quirk(Quirk::EXTERNAL_CONFIG) || invalid_address {
        dev.set(Flag::UNCONFIGURED, true);
    }
    // An unconfigured controller still says what it is.
    if dev.has(Flag::UNCONFIGURED) {
        return init::unconfigured(session);
    }
    result
}

/// A bring-up that failed: back to closed.
fn tear_down(session: &Session<'_>, error: Error) {
    let dev = session.dev();
    stop_traffic(dev, error);
    // A peer may be quicker than a bring-up: a link that came meanwhile must not outlive it.
    link::drop_all(dev);
    session.flush();
    dev.put(DevFlag::RUNNING, false);
    notify(dev, Notice::Closed);
    session.close();
    clear_dev_flags(dev);
    command::set_phase(dev, Phase::Down);
}

/// Ends all commands, and waits until the worker has nothing of this controller in hand.
///
/// The controller is neither [`DevFlag::UP`] nor [`DevFlag::INIT`], so nothing more comes in.
fn stop_traffic(dev: &Device, error: Error) {
    command::set_phase(dev, Phase::Closing);
    dev.reception.flush();
    let _ = dev.commands.transmit.flush();
    let _ = dev.transmit.flush();
    command::drain(dev, error);
    dev.reception.purge();
    dev.raw.purge();
}

/// Of the device's flags only RAW outlives closing.
fn clear_dev_flags(dev: &Device) {
    for flag in [
        DevFlag::UP,
        DevFlag::INIT,
        DevFlag::RUNNING,
        DevFlag::PSCAN,
        DevFlag::ISCAN,
        DevFlag::AUTH,
        DevFlag::ENCRYPT,
        DevFlag::INQUIRY,
        DevFlag::RESET,
    ] {
        dev.put(flag, false);
    }
}

/// Closes a controller: ends everything that goes on, and the transport. Does nothing to one that
/// is not up, but for stopping timers.
pub(crate) fn close(session: &Session<'_>) {
    let dev = session.dev();
    dev.power.off.cancel();
    timers::stop(dev, Timer::LeScanOff);
    timers::stop(dev, Timer::AdvExpire);
    timers::stop(dev, Timer::RpaExpired);

    let leaving = dev.has(Flag::UNREGISTER);
    if !leaving && dev.is(DevFlag::UP) {
        // The driver's own farewell must be heard even while user space has the controller.
        let user_channel = dev.set(Flag::USER_CHANNEL, false);
        if let Some(Err(e)) = session.shutdown() {
            pr_debug!("{}: shutdown: {:?}\n", dev.name(), e);
        }
        dev.set(Flag::USER_CHANNEL, user_channel);
    }
    if !dev.put(DevFlag::UP, false) {
        return;
    }
    dev.show_power(false);
    command::set_phase(dev, Phase::Closing);
    dev.reception.flush();
    command::drain(dev, ENODEV);

    if dev.state().discov_timeout > 0 {
        dev.state().discov_timeout = 0;
        dev.set(Flag::DISCOVERABLE, false);
        dev.set(Flag::LIMITED_DISCOVERABLE, false);
    }
    dev.set(Flag::SERVICE_CACHE, false);

    let auto_off = dev.set(Flag::AUTO_OFF, false);
    update::discovery_stopped(dev);
    if !auto_off && !dev.has(Flag::USER_CHANNEL) && dev.has(Flag::MGMT) {
        notify(dev, Notice::PoweredOff);
    }
    link::drop_all(dev);
    notify(dev, Notice::Down);

    session.flush();
    if dev.quirk(Quirk::RESET_ON_CLOSE) && !auto_off && !leaving && !dev.has(Flag::UNCONFIGURED) {
        command::set_phase(dev, Phase::Setup);
        dev.put(DevFlag::INIT, true);
        if let Err(e) = init::reset(session) {
            pr_debug!("{}: reset on close: {:?}\n", dev.name(), e);
        }
        dev.put(DevFlag::INIT, false);
    }
    stop_traffic(dev, ENODEV);
    // One may have come during the reset.
    if dev.has_links() {
        link::drop_all(dev);
    }

    dev.put(DevFlag::RUNNING, false);
    notify(dev, Notice::Closed);
    session.close();

    clear_dev_flags(dev);
    for flag in [
        Flag::LE_SCAN,
        Flag::LE_ADV,
        Flag::LL_RPA_RESOLUTION,
        Flag::PERIODIC_INQ,
        Flag::QUALITY_REPORT,
    ] {
        dev.set(flag, false);
    }
    dev.state().reset_volatile();
    complete::forget_volatile(dev);
    command::set_phase(dev, Phase::Down);
}

/// `HCIDEVUP`.
///
/// # Errors
///
/// `EOPNOTSUPP` for an unconfigured controller, else as [`open`].
pub(crate) fn up(dev: &Device) -> Result {
    if dev.has(Flag::UNCONFIGURED) && !dev.has(Flag::USER_CHANNEL) {
        return Err(EOPNOTSUPP);
    }
    keep_on(dev);
    // The first set-up must be over before anything can be said about this controller.
    dev.sequencer()?.flush()?;
    if !dev.has(Flag::USER_CHANNEL) && !dev.has(Flag::MGMT) {
        dev.set(Flag::BONDABLE, true);
    }
    // Whoever asks may know that it works again.
    dev.recovery.restart();
    let lock = dev.req_lock();
    let session = Session::under(&lock);
    if dev.has(Flag::SETUP) || dev.has(Flag::CONFIG) {
        // Its set-up failed so far, or has not begun: it is what is asked for.
        return power_on(&session);
    }
    open(&session)
}

/// `HCIDEVDOWN`.
///
/// # Errors
///
/// `EBUSY` while user space has the controller to itself.
pub(crate) fn down(dev: &Device) -> Result {
    if dev.has(Flag::USER_CHANNEL) {
        return Err(EBUSY);
    }
    dev.power.on.cancel_sync();
    keep_on(dev);
    let lock = dev.req_lock();
    off(&Session::under(&lock));
    Ok(())
}

/// `HCIDEVRESET`: down and up again.
///
/// # Errors
///
/// `ENETDOWN` if the controller is not up, `EBUSY`, `EOPNOTSUPP`, else as [`open`].
pub(crate) fn reset(dev: &Device) -> Result {
    if !dev.is(DevFlag::UP) {
        return Err(ENETDOWN);
    }
    if dev.has(Flag::USER_CHANNEL) {
        return Err(EBUSY);
    }
    if dev.has(Flag::UNCONFIGURED) {
        return Err(EOPNOTSUPP);
    }
    let lock = dev.req_lock();
    let session = Session::under(&lock);
    close(&session);
    open(&session)
}

/// Closes a controller when its user channel socket goes away.
pub(crate) fn close_for_user(dev: &Device) {
    let lock = dev.req_lock();
    off(&Session::under(&lock));
}

/// What rfkill's switch does.
pub(super) struct RfkillSwitch;

impl RfkillOps for RfkillSwitch {
    type Data = ARef<Device>;

    fn set_block(dev: <Self::Data as ForeignOwnable>::Borrowed<'_>, blocked: bool) -> Result {
        if dev.has(Flag::USER_CHANNEL) {
            return Err(EBUSY);
        }
        if dev.set(Flag::RFKILLED, blocked) == blocked || !blocked {
            return Ok(());
        }
        // The block is looked at again when set-up is over.
        if dev.has(Flag::SETUP) || dev.has(Flag::CONFIG) {
            return Ok(());
        }
        let lock = dev.req_lock();
        let session = Session::under(&lock);
        if let Err(e) = power_off(&session) {
            pr_err!(
                "{}: Error when powering off device on rfkill ({})\n",
                dev.name(),
                e.to_errno()
            );
            off(&session);
        }
        Ok(())
    }
}

/// The LED trigger `hciN-power`.
pub(super) fn power_led(dev: &Device) -> Option<LedTrigger> {
    let name = CString::try_from_fmt(fmt!("{}-power", dev.name())).ok()?;
    LedTrigger::new(name).ok()
}
