// SPDX-License-Identifier: GPL-2.0

//! The export layer: the C symbols that transport drivers import.
//!
//! Each function translates a C call into one of `hci`, and nothing else: pointers become
//! references here, results become error numbers or error pointers, and an skb that a driver
//! hands over gets its owner. It is, beside `kernel_ext`, the only place with `unsafe` code.
//!
//! The contract with a driver, for all functions here: `hdev` comes from
//! `hci_alloc_dev_priv`, and the driver holds its reference until `hci_free_dev`.

#![allow(unsafe_code)]
// The linker reaches what Rust code cannot.
#![allow(unreachable_pub)]

mod commands;
#[cfg(CONFIG_DEV_COREDUMP)]
mod coredump;
mod device;
pub(crate) mod params;

use crate::hci::{
    Controller,
    Device, //
};
use core::sync::atomic::{
    AtomicBool,
    Ordering, //
};
use kernel::{
    bindings::work_struct,
    ThisModule, //
};
use kernel_ext::{
    bindings,
    hci::{
        Hdev,
        Owner, //
    },
};

#[cfg(not(CONFIG_DEV_COREDUMP))]
mod coredump {
    //! Without core dumps their works are never initialised.

    pub(super) fn opened(_: &crate::hci::Device) {}
    pub(super) fn shut_down(_: &crate::hci::Device) {}
    pub(super) unsafe extern "C" fn dump_rx(_: *mut kernel::bindings::work_struct) {}
    pub(super) unsafe extern "C" fn dump_timeout(_: *mut kernel::bindings::work_struct) {}
}

impl Owner for Controller {
    const DUMP_RX: unsafe extern "C" fn(*mut work_struct) = coredump::dump_rx;
    const DUMP_TIMEOUT: unsafe extern "C" fn(*mut work_struct) = coredump::dump_timeout;

    fn module() -> &'static ThisModule {
        kernel::module::this_module::<crate::LocalModule>()
    }

    fn dump_opened(dev: &Hdev<Self>) {
        coredump::opened(dev);
    }

    fn dump_shut_down(dev: &Hdev<Self>) {
        coredump::shut_down(dev);
    }

    fn sysfs_reset(dev: &Hdev<Self>) {
        dev.reset();
    }
}

/// The controller behind a driver's pointer.
///
/// # Safety
///
/// The module's contract with drivers, throughout `'a`.
unsafe fn device<'a>(hdev: *mut bindings::hci_dev) -> &'a Device {
    // SAFETY: By the contract `hdev` is the C half of a `Device` that is referenced.
    unsafe { Device::from_raw(hdev) }
}

/// Makes the locks in statics usable. For module init, which runs once.
pub(crate) fn init_once() {
    static DONE: AtomicBool = AtomicBool::new(false);
    if !DONE.swap(true, Ordering::Relaxed) {
        // SAFETY: Once, as seen above, and before anything of `hci` is used.
        unsafe { crate::hci::registry::REGISTRY.init() };
        // SAFETY: As above.
        unsafe { crate::l2cap::bound::TABLE.init() };
        // SAFETY: Likewise, before there are sockets.
        unsafe { crate::socket::sco::LISTENING.init() };
        // SAFETY: Likewise, before anything of `mgmt` is used.
        unsafe { crate::mgmt::ROOMS.init() };
    }
}
