// SPDX-License-Identifier: GPL-2.0

//! The Bluetooth core: `bluetooth.ko`.
//!
//! Rooms, from the top down; each imports only what is below it:
//!
//! ```text
//!   socket    PF_BLUETOOTH: raw, user, monitor, control and logging channels
//!   mgmt      the control channel's commands and events
//!   l2cap     channels over links
//!   sco       audio channels
//!   hci       controllers: device, commands, sequences, events, links
//!   engine    decisions without I/O (crate)
//!   wire      byte formats (crate)
//!   kernel_ext  what the kernel crate lacks (crate), below all
//!
//!   driver    beside hci: the C symbols that transport drivers import
//! ```

#![deny(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

mod driver;
#[cfg(CONFIG_BT_CHANNEL_ECHO)]
mod echo;
mod hci;
mod l2cap;
mod mgmt;
mod sco;
mod smp;
mod socket;
mod users;

use kernel::prelude::*;
use kernel_ext::{
    debugfs,
    hci::ClassRegistration,
    leds::LedTrigger,
    workqueue, //
};

module! {
    type: Bluetooth,
    name: "bluetooth",
    authors: ["The Oxtooth developers"],
    description: "Bluetooth Core ver 2.22",
    license: "GPL",
    alias: ["net-pf-31"],
}

/// Who is told of what happens to controllers; the monitor first, as it records causes before
/// effects.
static OBSERVERS: [&dyn hci::Observer; 2] = [&socket::OBSERVER, &mgmt::OBSERVER];

/// Who uses channels.
pub(crate) use users::ChannelUser;

/// The room that uses links.
pub(crate) type Upper = l2cap::L2cap;

/// The room that uses audio links.
pub(crate) type Audio = sco::Sco;

/// Who uses audio channels.
pub(crate) use socket::sco::SocketUser as AudioSocket;

/// The room that secures links.
pub(crate) type Security = smp::Security;

/// The module; its fields are undone in their order.
struct Bluetooth {
    #[cfg(CONFIG_BT_CHANNEL_ECHO)]
    _echo: echo::Echo,
    _sockets: socket::Registration,
    _class: ClassRegistration,
    _debugfs: DebugfsRoot,
    _power_led: PowerLed,
    _queues: Queues,
    _lists: Lists,
}

/// `/sys/kernel/debug/bluetooth`.
struct DebugfsRoot;

impl DebugfsRoot {
    fn new() -> Result<Self> {
        hci::registry::set_debugfs_root(Some(debugfs::Dir::new(c"bluetooth", None)?));
        Ok(Self)
    }
}

impl Drop for DebugfsRoot {
    fn drop(&mut self) {
        hci::registry::set_debugfs_root(None);
    }
}

/// LED trigger `bluetooth-power`: lit while any controller is on.
struct PowerLed;

impl PowerLed {
    fn new() -> Result<Self> {
        let name = kernel::str::CString::try_from_fmt(fmt!("bluetooth-power"))?;
        hci::registry::set_power_led(LedTrigger::new(name).ok());
        Ok(Self)
    }
}

impl Drop for PowerLed {
    fn drop(&mut self) {
        hci::registry::set_power_led(None);
    }
}

/// The queues of controllers that are gone may still be on their way out; their last work items
/// run this module's text.
struct Queues;

impl Drop for Queues {
    fn drop(&mut self) {
        workqueue::exit();
    }
}

/// The lists in statics, which nothing else gives up.
struct Lists;

impl Drop for Lists {
    fn drop(&mut self) {
        mgmt::exit();
        l2cap::bound::exit();
        hci::registry::exit();
    }
}

impl kernel::Module for Bluetooth {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        smp::selftest()?;
        driver::init_once();
        hci::set_observers(&OBSERVERS);
        let lists = Lists;
        let queues = Queues;
        let power_led = PowerLed::new()?;
        let debugfs = DebugfsRoot::new()?;
        let class = ClassRegistration::new()?;
        // Last: user space may come in from here on.
        let sockets = socket::init()?;
        pr_info!("Core ver 2.22 (Rust)\n");
        Ok(Self {
            #[cfg(CONFIG_BT_CHANNEL_ECHO)]
            _echo: echo::Echo::new()?,
            _sockets: sockets,
            _class: class,
            _debugfs: debugfs,
            _power_led: power_led,
            _queues: queues,
            _lists: lists,
        })
    }
}
