// SPDX-License-Identifier: GPL-2.0

//! The sockets of `PF_BLUETOOTH`, one module a protocol.
//!
//! This room translates between system calls and the rooms below: it checks who asks and what for,
//! in the order in which user space expects the errors, and hands typed requests down. It knows
//! `mgmt`, `l2cap`, `sco` and `hci`; none of these knows it. What they have to say reaches sockets through the traits
//! that they own, [`hci::Observer`](crate::hci::Observer) and
//! [`mgmt::channel::Delivery`](crate::mgmt::channel::Delivery).
//!
//! `BTPROTO_HCI` is split by channel:
//!
//! | channel   | module     | what it is                                                        |
//! |-----------|------------|-------------------------------------------------------------------|
//! | raw       | [`raw`]    | packets of one controller, filtered; the ioctls are in [`ioctl`]   |
//! | user      | [`user`]   | one controller, all of it, without the stack                       |
//! | monitor   | [`monitor`]| everything that passes any controller, read only                   |
//! | control   | [`control`]| mgmt                                                               |
//! | logging   | [`logging`]| text for the monitor                                               |
//!
//! `BTPROTO_L2CAP` is in [`l2cap`], `BTPROTO_SCO` in [`sco`]; what the two share in [`connection`].

mod connection;
mod control;
mod cookie;
mod debugfs;
mod ethtool;
mod filter;
mod hci;
mod ioctl;
pub(crate) mod l2cap;
mod logging;
mod monitor;
mod observer;
mod raw;
pub(crate) mod sco;
mod shared;
mod user;

pub(crate) use observer::OBSERVER;

use kernel::prelude::*;
use kernel_ext::{
    net::{
        request_module,
        Family,
        FamilyRegistration,
        ProtocolRegistration,
        ProtocolSlot,
        SocketRequest, //
    },
    procfs::ProcEntry,
};

/// A protocol of the family.
struct Entry {
    /// The alias of a module that may bring it.
    alias: &'static CStr,
    /// Creates a socket, for a protocol that is here.
    create: Option<fn(SocketRequest<'_>) -> Result>,
}

impl Entry {
    const fn absent(alias: &'static CStr) -> Self {
        Self {
            alias,
            create: None,
        }
    }
}

/// The protocols, at their number (`BTPROTO_*`).
static PROTOCOLS: [Entry; 9] = [
    Entry {
        alias: c"bt-proto-0",
        create: Some(|request| request.create(&l2cap::L2CAP)),
    },
    Entry {
        alias: c"bt-proto-1",
        create: Some(|request| request.create(&hci::HCI)),
    },
    Entry {
        alias: c"bt-proto-2",
        create: Some(|request| request.create(&sco::SCO)),
    },
    // RFCOMM
    Entry::absent(c"bt-proto-3"),
    // BNEP
    Entry::absent(c"bt-proto-4"),
    // CMTP
    Entry::absent(c"bt-proto-5"),
    // HIDP
    Entry::absent(c"bt-proto-6"),
    // AVDTP
    Entry::absent(c"bt-proto-7"),
    // ISO
    Entry::absent(c"bt-proto-8"),
];

/// `PF_BLUETOOTH`.
struct Bluetooth;

impl Family for Bluetooth {
    const FAMILY: i32 = hci::AF_BLUETOOTH as i32;

    type Module = crate::LocalModule;

    fn create(request: SocketRequest<'_>) -> Result {
        if !request.in_init_net() {
            return Err(EAFNOSUPPORT);
        }
        let entry = usize::try_from(request.protocol())
            .ok()
            .and_then(|number| PROTOCOLS.get(number))
            .ok_or(EINVAL)?;
        match entry.create {
            Some(create) => create(request),
            None => {
                request_module(entry.alias);
                Err(EPROTONOSUPPORT)
            }
        }
    }
}

/// The family and its protocols, registered; gone with its drop.
///
/// Sockets hold a reference to the module, so there is none left when this is dropped.
pub(crate) struct Registration {
    // Dropped from the top: first nobody can open a socket any more.
    _family: FamilyRegistration<Bluetooth>,
    _debugfs: Option<debugfs::Files>,
    _proc_hci: ProcEntry<&'static ProtocolSlot<hci::HciSocket>>,
    _hci: ProtocolRegistration<hci::HciSocket>,
    _proc_l2cap: ProcEntry<&'static ProtocolSlot<l2cap::L2capSocket>>,
    _l2cap: ProtocolRegistration<l2cap::L2capSocket>,
    _proc_sco: ProcEntry<&'static ProtocolSlot<sco::ScoSocket>>,
    _sco: ProtocolRegistration<sco::ScoSocket>,
}

/// Registers the family and its protocols. From here on sockets can be opened.
///
/// # Errors
///
/// `ENOMEM`, `EEXIST` if another module has the family.
pub(crate) fn init() -> Result<Registration> {
    crate::mgmt::channel::set_delivery(&control::DELIVERY);
    let hci = ProtocolRegistration::new(&hci::HCI)?;
    let proc_hci = ProcEntry::net(c"hci", &hci::HCI)?;
    let l2cap = ProtocolRegistration::new(&l2cap::L2CAP)?;
    let proc_l2cap = ProcEntry::net(c"l2cap", &l2cap::L2CAP)?;
    let sco = ProtocolRegistration::new(&sco::SCO)?;
    let proc_sco = ProcEntry::net(c"sco", &sco::SCO)?;
    let family = FamilyRegistration::new()?;
    pr_info!("HCI socket layer initialized\n");
    pr_info!("L2CAP socket layer initialized\n");
    pr_info!("SCO socket layer initialized\n");
    Ok(Registration {
        _family: family,
        _debugfs: debugfs::Files::create(),
        _proc_hci: proc_hci,
        _hci: hci,
        _proc_l2cap: proc_l2cap,
        _l2cap: l2cap,
        _proc_sco: proc_sco,
        _sco: sco,
    })
}
