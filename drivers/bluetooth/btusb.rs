// SPDX-License-Identifier: GPL-2.0

//! The USB transport of Bluetooth controllers: `btusb.ko`.
//!
//! It registers with the core through the kernel's driver interface, so it runs on the kernel's
//! own `bluetooth.ko` as well as on ours.
//!
//! ```text
//!   device      one controller: probe, disconnect
//!   transport   what the core calls: open, close, send...
//!   receive     URBs that come in, put together to packets
//!   transmit    packets that go out
//!   voice       the isochronous interface
//!   power       suspend, resume
//!   vendor      set-ups and resets that are the chip's
//!   stats       files in debugfs
//! ```

#![deny(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

#[path = "btusb/device.rs"]
mod device;
#[path = "btusb/pipe.rs"]
mod pipe;
#[path = "btusb/power.rs"]
mod power;
#[path = "btusb/receive.rs"]
mod receive;
#[path = "btusb/stats.rs"]
mod stats;
#[path = "btusb/tables.rs"]
mod tables;
#[path = "btusb/transmit.rs"]
mod transmit;
#[path = "btusb/transport.rs"]
mod transport;
#[path = "btusb/vendor/mod.rs"]
mod vendor;
#[path = "btusb/voice.rs"]
mod voice;

use device::Btusb;
use kernel::{
    prelude::*,
    str::CStr,
    sync::{
        Arc,
        ArcBorrow, //
    },
};
use usb_ext::{
    usb,
    workqueue, //
};

/// The driver's name in sysfs, and in what vendors' modules print.
const NAME: &CStr = c"btusb";

module! {
    type: Module,
    name: "btusb",
    authors: ["The Oxtooth developers"],
    description: "Generic Bluetooth USB driver ver 0.8",
    license: "GPL",
}

/// The module; its fields are undone in their order.
#[pin_data]
struct Module {
    #[pin]
    _driver: usb::Registration<Driver>,
    _queues: Queues,
}

/// The queues of devices that are gone may still be on their way out; their last work items run
/// this module's text.
struct Queues;

impl Drop for Queues {
    fn drop(&mut self) {
        workqueue::exit();
    }
}

impl kernel::InPlaceModule for Module {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            _driver <- usb::Registration::new(module),
            _queues: Queues,
        })
    }
}

/// The USB driver.
struct Driver;

#[vtable]
impl usb::Driver for Driver {
    type Data = Arc<Btusb>;

    const NAME: &'static CStr = NAME;
    const AUTOSUSPEND: bool = true;
    const NO_HUB_LPM: bool = true;

    fn id_table() -> *const usb_ext::bindings::usb_device_id {
        tables::id_table()
    }

    fn probe(interface: &usb::Interface, id: &usb::DeviceId) -> Result<Arc<Btusb>> {
        device::probe(interface, id)
    }

    fn disconnect(interface: &usb::Interface, data: Arc<Btusb>) {
        device::disconnect(interface, &data);
    }

    fn suspend(_interface: &usb::Interface, data: ArcBorrow<'_, Btusb>, auto: bool) -> Result {
        power::suspend(&data, auto)
    }

    fn resume(_interface: &usb::Interface, data: ArcBorrow<'_, Btusb>) -> Result {
        power::resume(data)
    }

    fn coredump(data: ArcBorrow<'_, Btusb>) {
        data.hdev.coredump();
    }
}
