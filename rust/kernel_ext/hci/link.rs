// SPDX-License-Identifier: GPL-2.0

//! The part of a link that drivers can see: a `struct hci_conn` on `hci_dev.conn_hash`.
//!
//! Inline functions of the kernel's header, compiled into the drivers, walk that list under RCU
//! for a link's handle and type (`hci_conn_lookup_type()`) and read the counters beside it. So
//! each link has a node there, in C layout; the link itself is the core's.

use super::{
    class,
    Hdev,
    Owner, //
};
use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    prelude::*,
    sync::{
        aref::ARef,
        rcu, //
    },
};

/// A link's node on the list that drivers read; gone with its drop.
///
/// # Invariants
///
/// `conn` is on the list of `dev` and counted there; its `dev` member is initialised, and added
/// to sysfs if `in_sysfs`. Nodes of one controller are created and dropped by one task at a time
/// (the controller's worker), which is why `&mut` of an exclusive token is asked for.
pub struct LinkNode<T: Owner> {
    dev: ARef<Hdev<T>>,
    conn: NonNull<bindings::hci_conn>,
    in_sysfs: bool,
}

// SAFETY: The node is only read by others, under RCU; see the type invariant for writers.
unsafe impl<T: Owner> Send for LinkNode<T> {}
// SAFETY: `&LinkNode` gives no access to the node.
unsafe impl<T: Owner> Sync for LinkNode<T> {}

/// What a node shows.
#[derive(Clone, Copy, Debug)]
pub struct LinkFacts {
    /// Connection handle, 12 bits.
    pub handle: u16,
    /// `ACL_LINK`, `LE_LINK`...
    pub link_type: u8,
    /// `HCI_ROLE_MASTER` or `HCI_ROLE_SLAVE`.
    pub role: u8,
    /// The peer's address, little endian.
    pub dst: [u8; 6],
}

impl<T: Owner> LinkNode<T> {
    /// Puts a link on the list of its controller and in sysfs as `hciN:HANDLE`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`. A link that sysfs refuses is logged and lives on without it, as on the C core.
    pub fn new(dev: &Hdev<T>, facts: LinkFacts) -> Result<Self> {
        // SAFETY: The controller is alive.
        let conn = unsafe { bindings::kext_hci_conn_alloc(dev.as_raw()) };
        let conn = NonNull::new(conn).ok_or(ENOMEM)?;
        let c = conn.as_ptr();
        // SAFETY: `c` is a new zeroed node that nobody else sees yet. The controller's device is
        // kept alive by the reference that `parent` holds until `release`.
        unsafe {
            (*c).handle = facts.handle;
            (*c).type_ = facts.link_type;
            (*c).role = facts.role;
            (*c).dst.b = facts.dst;
            (*c).dev.type_ = class::link_type();
            (*c).dev.class = class::class_ptr();
            (*c).dev.parent = bindings::get_device(dev.device_ptr());
            bindings::device_initialize(&raw mut (*c).dev);
        }
        // SAFETY: The device is initialised and not added; the format takes a string and an int.
        let named = unsafe {
            bindings::dev_set_name(
                &raw mut (*c).dev,
                c"%s:%d".as_char_ptr(),
                dev.name().as_char_ptr(),
                c_int::from(facts.handle),
            )
        };
        // SAFETY: As above; named or refused.
        let in_sysfs = named == 0 && unsafe { bindings::device_add(&raw mut (*c).dev) } == 0;
        if !in_sysfs {
            pr_err!("{}: failed to register connection device\n", dev.name());
        }
        // SAFETY: The node is complete; the list has one writer, by the type invariant.
        unsafe {
            *counter(dev, facts.link_type) += 1;
            if is_le_peripheral(&facts) {
                (*dev.as_raw()).conn_hash.le_num_peripheral += 1;
            }
            bindings::kext_list_add_tail_rcu(
                &raw mut (*c).list,
                &raw mut (*dev.as_raw()).conn_hash.list,
            );
        }
        Ok(Self {
            dev: dev.into(),
            conn,
            in_sysfs,
        })
    }

    /// Shows another role of a BR/EDR link. On LE roles stay, and are counted.
    pub fn set_role(&mut self, role: u8) {
        let c = self.conn.as_ptr();
        // SAFETY: The node is alive and has one writer, by the type invariant; who reads the
        // octet meanwhile takes no lock, as on the C core.
        unsafe {
            if u32::from((*c).type_) == bindings::ACL_LINK {
                (&raw mut (*c).role).write_volatile(role);
            }
        }
    }
}

fn is_le_peripheral(facts: &LinkFacts) -> bool {
    u32::from(facts.link_type) == bindings::LE_LINK
        && u32::from(facts.role) == bindings::HCI_ROLE_SLAVE
}

/// The counter of links of a type.
fn counter<T: Owner>(dev: &Hdev<T>, link_type: u8) -> *mut c_uint {
    // SAFETY: Only a member's address is computed.
    unsafe {
        let hash = &raw mut (*dev.as_raw()).conn_hash;
        match u32::from(link_type) {
            bindings::LE_LINK => &raw mut (*hash).le_num,
            bindings::SCO_LINK | bindings::ESCO_LINK => &raw mut (*hash).sco_num,
            bindings::CIS_LINK => &raw mut (*hash).cis_num,
            bindings::BIS_LINK => &raw mut (*hash).bis_num,
            bindings::PA_LINK => &raw mut (*hash).pa_num,
            _ => &raw mut (*hash).acl_num,
        }
    }
}

impl<T: Owner> Drop for LinkNode<T> {
    fn drop(&mut self) {
        let c = self.conn.as_ptr();
        // SAFETY: The node is on the list (type invariant), which has one writer.
        let facts = unsafe {
            bindings::kext_list_del_rcu(&raw mut (*c).list);
            LinkFacts {
                handle: (*c).handle,
                link_type: (*c).type_,
                role: (*c).role,
                dst: (*c).dst.b,
            }
        };
        // A driver may be looking at the node right now.
        rcu::synchronize_rcu();
        // SAFETY: Counted by `new`; one writer.
        unsafe {
            *counter(&self.dev, facts.link_type) -= 1;
            if is_le_peripheral(&facts) {
                (*self.dev.as_raw()).conn_hash.le_num_peripheral -= 1;
            }
        }
        // SAFETY: Initialised, and added if `in_sysfs`; the last put calls `release`.
        unsafe {
            let dev = &raw mut (*c).dev;
            if self.in_sysfs {
                bindings::device_unregister(dev);
            } else {
                bindings::put_device(dev);
            }
        }
    }
}

/// Release function of a link's device.
///
/// # Safety
///
/// Called by the driver core, once, with the device of a node.
pub(super) unsafe extern "C" fn release(dev: *mut bindings::device) {
    // SAFETY: The driver core calls this once, with the `dev` member of a node that
    // `LinkNode::new` allocated; its parent reference was taken there.
    unsafe {
        let parent = (*dev).parent;
        let conn = dev
            .byte_sub(core::mem::offset_of!(bindings::hci_conn, dev))
            .cast::<bindings::hci_conn>();
        bindings::kfree(conn.cast());
        bindings::put_device(parent);
    }
}
