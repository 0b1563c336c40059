// SPDX-License-Identifier: GPL-2.0

//! System suspend and resume.
//!
//! Suspending never fails: a controller that does not follow is logged, and the system sleeps all
//! the same.

use super::{
    command,
    device::Device,
    init,
    link,
    observer::{
        notify,
        Notice, //
    },
    power,
    session::Session,
    update,
    Peer, //
};
use kernel::{
    prelude::*,
    sync::aref::ARef,
    types::ForeignOwnable, //
};
use kernel_ext::{
    hci::Flag,
    pm::{
        PmEvent,
        PmOps, //
    },
};
use wire::{
    hci::{
        event::Event,
        le_event::LeEvent, //
    },
    mgmt::event::wake,
    AddressType, //
};

/// Suspend states as mgmt's Controller Suspend reports them.
const RUNNING: u8 = 0;
const DISCONNECTED: u8 = 1;
const WAKE_CONFIGURED: u8 = 2;

/// Reason code for links that end because of suspend.
const REMOTE_POWER_OFF: u8 = 0x15;

/// A controller's ear for system suspend.
pub(super) struct SuspendOps;

impl PmOps for SuspendOps {
    type Data = ARef<Device>;

    fn notify(dev: <Self::Data as ForeignOwnable>::Borrowed<'_>, event: PmEvent) {
        // Who has the controller to itself looks after it.
        if dev.has(Flag::USER_CHANNEL) {
            return;
        }
        match event {
            PmEvent::SuspendPrepare | PmEvent::HibernationPrepare => suspend(dev),
            PmEvent::PostSuspend | PmEvent::PostHibernation => resume(dev),
            _ => {}
        }
    }
}

fn concerned(dev: &Device) -> bool {
    power::is_powered(dev) && !dev.has(Flag::UNREGISTER) && !dev.has(Flag::POWERING_DOWN)
}

/// Prepares a controller for system suspend (`hci_suspend_dev()`).
pub(crate) fn suspend(dev: &Device) {
    if !concerned(dev) {
        return;
    }
    // Whatever a sequence waits for may take longer than the system wants to wait.
    command::cancel_current(dev, EHOSTDOWN);
    let state = {
        let lock = dev.req_lock();
        quiesce(&Session::under(&lock))
    };
    {
        let mut settings = dev.state();
        settings.wake_reason = 0;
        settings.wake_peer = None;
    }
    notify(dev, Notice::Suspended { state });
}

fn quiesce(session: &Session<'_>) -> u8 {
    let dev = session.dev();
    if dev.publish_suspended(true) {
        return RUNNING;
    }
    update::pause(session);
    if dev.link_count() > 0 {
        if let Err(e) = link::disconnect_all(session, REMOTE_POWER_OFF) {
            pr_err!(
                "{}: links do not end for suspend ({}), suspending all the same\n",
                dev.name(),
                e.to_errno()
            );
        }
        init::set_event_masks(session);
    }
    if !session.wakeup() {
        return DISCONNECTED;
    }
    update::configure_wake(session);
    WAKE_CONFIGURED
}

/// Puts a controller back to work after system suspend (`hci_resume_dev()`).
pub(crate) fn resume(dev: &Device) {
    if !concerned(dev) {
        return;
    }
    {
        let lock = dev.req_lock();
        let session = Session::under(&lock);
        if dev.publish_suspended(false) {
            init::set_event_masks(&session);
            update::resume(&session);
        }
    }
    let (reason, peer) = {
        let settings = dev.state();
        (settings.wake_reason, settings.wake_peer)
    };
    match peer {
        Some(peer) => pr_info!(
            "{}: {} was heard during suspend\n",
            dev.name(),
            format_args!("{}", peer.addr)
        ),
        None if reason != wake::NON_BT => {
            pr_info!("{}: an event came during suspend\n", dev.name());
        }
        None => {}
    }
    notify(dev, Notice::Resumed { reason, peer });
}

/// An event is about to be handled: the first one that comes while the system sleeps may be what wakes it.
pub(super) fn heard(dev: &Device, event: &Event<'_>) {
    if !dev.is_suspended() {
        return;
    }
    let mut settings = dev.state();
    if settings.wake_reason == wake::NON_BT {
        settings.wake_peer = sender(event);
        settings.wake_reason = match settings.wake_peer {
            Some(_) => wake::REMOTE,
            None => wake::UNEXPECTED,
        };
    }
}

/// Who connects, or advertises.
fn sender(event: &Event<'_>) -> Option<Peer> {
    let (addr, kind) = match event {
        Event::ConnectionRequest(e) => (e.bdaddr, AddressType::BrEdr),
        Event::ConnectionComplete(e) => (e.bdaddr, AddressType::BrEdr),
        Event::SyncConnectionComplete(e) => (e.bdaddr, AddressType::BrEdr),
        Event::LeMeta(LeEvent::LeConnectionComplete(e)) => {
            (e.peer_addr, e.peer_addr_type.to_address_type())
        }
        Event::LeMeta(LeEvent::EnhancedConnectionComplete(e)) => {
            (e.peer_addr, e.peer_addr_type.to_address_type())
        }
        Event::LeMeta(LeEvent::AdvertisingReport(reports)) => {
            let head = reports.into_iter().next()?.head;
            (head.bdaddr, head.addr_type.to_address_type())
        }
        Event::LeMeta(LeEvent::ExtAdvertisingReport(reports)) => {
            let head = reports.into_iter().next()?.head;
            (head.bdaddr, head.addr_type.to_address_type())
        }
        Event::LeMeta(LeEvent::DirectedAdvertisingReport(reports)) => {
            let report = reports.first()?;
            (report.bdaddr, report.addr_type.to_address_type())
        }
        _ => return None,
    };
    Some(Peer { addr, kind })
}
