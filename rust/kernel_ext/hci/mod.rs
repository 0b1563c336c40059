// SPDX-License-Identifier: GPL-2.0

//! The HCI driver ABI: `struct hci_dev`, as the kernel's header lays it out.
//!
//! Transport drivers are compiled C. They embed nothing and allocate nothing:
//! they get a `struct hci_dev *` from `hci_alloc_dev_priv()`, find their own data
//! right behind it, and read some of its members directly, a few in interrupt
//! context. So the core's state goes *before* the C struct, in one allocation:
//!
//! ```text
//!   Hdev<T>:  | T, the core's state | struct hci_dev | the driver's data |
//!                                    ^ what drivers hold
//! ```
//!
//! The embedded `struct device` counts the references of all three.
//!
//! This module knows layout and ownership. What the members mean is the business
//! of the core that implements [`Owner`].

mod class;
mod driver;
mod flags;
mod frame;
mod link;

pub use class::ClassRegistration;
pub use driver::{
    Capabilities,
    Codec,
    DriverLock,
    DrvReply,
    ReqLock,
    CODEC_CONFIG_MAX, //
};
pub use flags::{
    DevFlag,
    Flag,
    Quirk, //
};
pub use frame::{
    Frame,
    FrameMeta, //
    RESERVE,
};
pub use link::{
    LinkFacts,
    LinkNode, //
};

use crate::bindings;
use core::{
    mem::{
        offset_of,
        size_of, //
    },
    ptr::NonNull,
    sync::atomic::{
        AtomicBool,
        AtomicUsize,
        Ordering, //
    },
};
use kernel::{
    error::to_result,
    prelude::*,
    str::CStr,
    sync::aref::{
        ARef,
        AlwaysRefCounted, //
    },
    types::Opaque,
    ThisModule, //
};

/// The Rust half of a controller.
pub trait Owner: Send + Sync + Sized + 'static {
    /// Work function of `hci_dev.dump.dump_rx`.
    const DUMP_RX: unsafe extern "C" fn(*mut bindings::work_struct);
    /// Work function of `hci_dev.dump.dump_timeout`, which drivers schedule themselves.
    const DUMP_TIMEOUT: unsafe extern "C" fn(*mut bindings::work_struct);

    /// The module that owns the callbacks; held from allocation to release.
    fn module() -> &'static ThisModule;

    /// The transport was opened: a core dump from before is forgotten.
    fn dump_opened(dev: &Hdev<Self>);

    /// The controller leaves: no core dump of it from here on. Waits for the works.
    fn dump_shut_down(dev: &Hdev<Self>);

    /// `echo > /sys/class/bluetooth/hciX/reset`.
    fn sysfs_reset(dev: &Hdev<Self>);
}

/// A controller: the core's state `T`, the C struct, and the driver's data behind it.
///
/// # Invariants
///
/// - `c` was set up by [`Hdev::alloc`] and its `dev` member is initialised; its reference
///   count is the only owner of the whole allocation.
/// - `state` is initialised and pinned until the last reference is dropped.
#[repr(C)]
pub struct Hdev<T: Owner> {
    state: T,
    /// Set when the driver must not be called any more.
    retired: AtomicBool,
    c: Opaque<bindings::hci_dev>,
}

// SAFETY: The C struct is only reached through atomic bit operations, locks it holds itself, or
// members that C drivers access in the same unlocked way; `T` is `Send`.
unsafe impl<T: Owner> Send for Hdev<T> {}
// SAFETY: As above; `T` is `Sync`.
unsafe impl<T: Owner> Sync for Hdev<T> {}

// SAFETY: `get_device`/`put_device` count references of the embedded device, whose release
// function frees the allocation.
unsafe impl<T: Owner> AlwaysRefCounted for Hdev<T> {
    fn inc_ref(&self) {
        // SAFETY: By the type invariant the device is initialised.
        unsafe { bindings::get_device(self.device_ptr()) };
    }

    unsafe fn dec_ref(obj: NonNull<Self>) {
        // SAFETY: The caller gives up a reference, so the object is alive until `put_device`.
        unsafe { bindings::put_device(obj.as_ref().device_ptr()) };
    }
}

impl<T: Owner> core::ops::Deref for Hdev<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.state
    }
}

impl<T: Owner> Hdev<T> {
    /// Allocates a controller with `priv_size` bytes for its driver, all zero.
    ///
    /// The members that drivers may rely on at once (locks, lists, the core dump's queue and
    /// works, the device) are initialised. One reference is returned.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or what `state` fails with.
    pub fn alloc(priv_size: usize, state: impl PinInit<T, Error>) -> Result<ARef<Self>> {
        let size = (offset_of!(Self, c) + size_of::<bindings::hci_dev>())
            .checked_add(priv_size)
            .ok_or(EINVAL)?
            // The driver's data may be shorter than the tail padding of `Self`.
            .max(size_of::<Self>());
        // SAFETY: `krealloc_node_align` with a null pointer allocates; `__GFP_ZERO` clears.
        let this = unsafe { bindings::kext_hci_zalloc(size) }.cast::<Self>();
        let this = NonNull::new(this).ok_or(ENOMEM)?;
        // SAFETY: The allocation is large enough for `Self`.
        let slot = unsafe { &raw mut (*this.as_ptr()).state };
        // SAFETY: `slot` is valid for writes and stays where it is: the allocation is only freed
        // by the device's release function.
        if let Err(e) = unsafe { pin_init::raw_try_init(slot, state) } {
            // SAFETY: Nothing else was initialised, so memory is all there is to give back.
            unsafe { bindings::kfree(this.as_ptr().cast()) };
            return Err(e);
        }
        // SAFETY: As above; the member is zero and exclusively ours.
        let c = unsafe { Opaque::cast_into(&raw const (*this.as_ptr()).c) };
        // SAFETY: `c` is zeroed memory of the right type that nobody else sees yet. The work
        // functions fit their work items by the contract of `Owner`.
        unsafe { bindings::kext_hci_init(c, Some(T::DUMP_RX), Some(T::DUMP_TIMEOUT)) };
        // SAFETY: `T::module()` is the module this code is in, alive while it runs.
        unsafe { bindings::__module_get(T::module().as_ptr()) };
        // SAFETY: The device is zeroed and exclusively ours; the class and type are statics.
        unsafe {
            let dev = &raw mut (*c).dev;
            (*dev).type_ = class::host_type::<T>();
            (*dev).class = class::class_ptr();
            bindings::device_initialize(dev);
        }
        // SAFETY: `device_initialize` made the reference that this takes over. All invariants
        // hold now.
        Ok(unsafe { ARef::from_raw(this) })
    }

    /// The C struct, as drivers hold it.
    pub fn as_raw(&self) -> *mut bindings::hci_dev {
        self.c.get()
    }

    /// The controller whose C half is `hdev`.
    ///
    /// # Safety
    ///
    /// `hdev` came from [`Self::alloc`] of this very `T`, and the caller makes sure that a
    /// reference is held throughout `'a`.
    pub unsafe fn from_raw<'a>(hdev: *mut bindings::hci_dev) -> &'a Self {
        // SAFETY: By the caller's promise `hdev` is the `c` member of a live `Self`.
        unsafe { &*hdev.byte_sub(offset_of!(Self, c)).cast::<Self>() }
    }

    /// The controller whose C half contains `dev`.
    ///
    /// # Safety
    ///
    /// As for [`Self::from_raw`], of the `hci_dev` whose member `dev` is.
    unsafe fn from_device<'a>(dev: *mut bindings::device) -> &'a Self {
        // SAFETY: By the caller's promise.
        unsafe { Self::from_raw(dev.byte_sub(offset_of!(bindings::hci_dev, dev)).cast()) }
    }

    /// The embedded device, for abstractions that want a parent.
    pub fn as_device(&self) -> &kernel::device::Device {
        // SAFETY: The device is initialised and lives as long as `self`.
        unsafe { kernel::device::Device::from_raw(self.device_ptr()) }
    }

    /// Name of the device that the controller is part of, such as a USB interface; [`None`] where the
    /// driver has named none. Valid from before registration until [`Self::del_from_sysfs`].
    pub fn parent_name(&self) -> Option<&CStr> {
        // SAFETY: The device is alive. Drivers set the parent before they register, and it outlives
        // the registration. Its name is a NUL terminated string that lives as long.
        unsafe {
            let parent = (*self.device_ptr()).parent;
            (!parent.is_null()).then(|| text(bindings::kext_dev_name(parent)))
        }
    }

    /// Shows drivers the two queues (`workqueue`, `req_workqueue`), on which some queue works of
    /// their own. The queues outlive the registration.
    pub fn publish_queues(
        &self,
        workqueue: *mut bindings::workqueue_struct,
        req_workqueue: *mut bindings::workqueue_struct,
    ) {
        // SAFETY: Plain members, written before the device is published.
        unsafe {
            (*self.as_raw()).workqueue = workqueue;
            (*self.as_raw()).req_workqueue = req_workqueue;
        }
    }

    /// Shows drivers the debugfs folder, in which some make files of their own.
    pub fn publish_debugfs(&self, dir: *mut bindings::dentry) {
        // SAFETY: A plain member, written while the device is being registered.
        unsafe { (*self.as_raw()).debugfs = dir };
    }

    /// The embedded `struct device`.
    pub fn device_ptr(&self) -> *mut bindings::device {
        // SAFETY: Only a member's address is computed.
        unsafe { &raw mut (*self.as_raw()).dev }
    }

    /// Release function of the embedded device: the last reference is gone.
    ///
    /// # Safety
    ///
    /// Called by the driver core, once, with the device of a `Self`.
    unsafe extern "C" fn release(dev: *mut bindings::device) {
        // SAFETY: The driver core calls this once, with the device of a `Self`.
        let this = unsafe { Self::from_device(dev) };
        let this: *mut Self = core::ptr::from_ref(this).cast_mut();
        // SAFETY: No reference is left, so the members are exclusively ours, and none of them is
        // used again.
        unsafe {
            bindings::kext_hci_fini((*this).as_raw());
            core::ptr::drop_in_place(&raw mut (*this).state);
            bindings::kfree(this.cast());
            bindings::module_put(T::module().as_ptr());
        }
    }

    /// Tells that the driver must not be called again: it is about to free its data.
    pub fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }

    fn bit(&self, map: *mut c_ulong, nr: u32) -> (&AtomicUsize, usize) {
        let nr = nr as usize;
        let word = nr / usize::BITS as usize;
        // SAFETY: `map` is a bitmap of the C struct and `nr` one of its bits (the newtypes in
        // `flags` see to that). `unsigned long` is a `usize`, and C accesses it with atomic bit
        // operations too.
        let atomic = unsafe { AtomicUsize::from_ptr(map.add(word).cast()) };
        (atomic, 1 << (nr % usize::BITS as usize))
    }

    fn dev_flag_bit(&self, flag: DevFlag) -> (&AtomicUsize, usize) {
        // SAFETY: Only a member's address is computed.
        self.bit(unsafe { &raw mut (*self.as_raw()).flags }, flag.0)
    }

    fn flag_bit(&self, flag: Flag) -> (&AtomicUsize, usize) {
        // SAFETY: Only a member's address is computed.
        let map = unsafe { &raw mut (*self.as_raw()).dev_flags };
        self.bit(map.cast(), flag.0)
    }

    /// Tests a bit of `hci_dev.flags`.
    pub fn is(&self, flag: DevFlag) -> bool {
        let (word, mask) = self.dev_flag_bit(flag);
        word.load(Ordering::Acquire) & mask != 0
    }

    /// Sets or clears a bit of `hci_dev.flags`; returns what it was.
    pub fn put(&self, flag: DevFlag, on: bool) -> bool {
        let (word, mask) = self.dev_flag_bit(flag);
        fetch(word, mask, on)
    }

    /// The bits of `hci_dev.flags` that user space sees.
    pub fn dev_flags(&self) -> usize {
        // SAFETY: As for `bit`; the whole first word.
        unsafe { AtomicUsize::from_ptr((&raw mut (*self.as_raw()).flags).cast()) }
            .load(Ordering::Acquire)
    }

    /// Tests a bit of `hci_dev.dev_flags`.
    pub fn has(&self, flag: Flag) -> bool {
        let (word, mask) = self.flag_bit(flag);
        word.load(Ordering::Acquire) & mask != 0
    }

    /// Sets or clears a bit of `hci_dev.dev_flags`; returns what it was.
    pub fn set(&self, flag: Flag, on: bool) -> bool {
        let (word, mask) = self.flag_bit(flag);
        fetch(word, mask, on)
    }

    /// Whether the driver set a quirk.
    pub fn quirk(&self, quirk: Quirk) -> bool {
        // SAFETY: Only a member's address is computed.
        let map = unsafe { (&raw mut (*self.as_raw()).quirk_flags).cast() };
        let (word, mask) = self.bit(map, quirk.0);
        word.load(Ordering::Relaxed) & mask != 0
    }

    /// Sets or clears a quirk against what the driver said; returns what it was.
    pub fn set_quirk(&self, quirk: Quirk, on: bool) -> bool {
        // SAFETY: Only a member's address is computed.
        let map = unsafe { (&raw mut (*self.as_raw()).quirk_flags).cast() };
        let (word, mask) = self.bit(map, quirk.0);
        fetch(word, mask, on)
    }

    /// Index N of `hciN`; valid once registered.
    pub fn id(&self) -> u16 {
        // SAFETY: Written once, before the device is published.
        unsafe { (*self.as_raw()).id }
    }

    /// Bus type (`HCI_USB`...), as the driver set it.
    pub fn bus(&self) -> u8 {
        // SAFETY: Written by the driver before it registers.
        unsafe { (*self.as_raw()).bus }
    }

    /// `hciN`; empty before registration.
    pub fn name(&self) -> &CStr {
        // SAFETY: Written once, before the device is published; points into the device's name,
        // which lives as long as the device.
        let name = unsafe { (*self.as_raw()).name };
        if name.is_null() {
            return c"";
        }
        // SAFETY: As above: a NUL terminated string as long-lived as `self`.
        unsafe { text(name) }
    }

    /// Gives the device its index and name. Call once, before [`Self::add_to_sysfs`].
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn set_index(&self, id: u16) -> Result {
        // SAFETY: The device is initialised and not added yet. The format takes one `unsigned`.
        to_result(unsafe {
            bindings::dev_set_name(self.device_ptr(), c"hci%u".as_char_ptr(), c_uint::from(id))
        })?;
        // SAFETY: The device is not published yet: nobody reads these members.
        unsafe {
            (*self.as_raw()).name = bindings::kext_dev_name(self.device_ptr());
            (*self.as_raw()).id = id;
        }
        Ok(())
    }

    /// Makes the device visible in sysfs.
    ///
    /// # Errors
    ///
    /// What `device_add()` says.
    pub fn add_to_sysfs(&self) -> Result {
        // SAFETY: The device is initialised and named, and added at most once.
        to_result(unsafe { bindings::device_add(self.device_ptr()) })
    }

    /// Takes the device out of sysfs again, once.
    pub fn del_from_sysfs(&self) {
        // SAFETY: The caller added it before.
        unsafe { bindings::device_del(self.device_ptr()) };
    }

    /// Adds to a statistic that `HCIGETDEVINFO` reports.
    pub fn count(&self, what: Stat, n: u32) {
        // SAFETY: Only a member's address is computed.
        let at = unsafe {
            let stat = &raw mut (*self.as_raw()).stat;
            match what {
                Stat::ErrRx => &raw mut (*stat).err_rx,
                Stat::ErrTx => &raw mut (*stat).err_tx,
                Stat::CmdTx => &raw mut (*stat).cmd_tx,
                Stat::EvtRx => &raw mut (*stat).evt_rx,
                Stat::AclTx => &raw mut (*stat).acl_tx,
                Stat::AclRx => &raw mut (*stat).acl_rx,
                Stat::ScoTx => &raw mut (*stat).sco_tx,
                Stat::ScoRx => &raw mut (*stat).sco_rx,
                Stat::ByteRx => &raw mut (*stat).byte_rx,
                Stat::ByteTx => &raw mut (*stat).byte_tx,
            }
        };
        // SAFETY: An aligned `u32` as long-lived as `self`. Drivers increment these without an
        // atomic operation; a lost count is all that can come of it.
        unsafe { core::sync::atomic::AtomicU32::from_ptr(at) }.fetch_add(n, Ordering::Relaxed);
    }

    /// The statistics, in the layout of `struct hci_dev_stats`.
    pub fn stats(&self) -> bindings::hci_dev_stats {
        // SAFETY: Plain counters; a torn set is as good as a moment earlier or later.
        unsafe { (&raw const (*self.as_raw()).stat).read_volatile() }
    }

    /// `HCIDEVRESTAT`: sets all statistics to zero.
    pub fn reset_stats(&self) {
        // SAFETY: As for `stats`.
        unsafe { (&raw mut (*self.as_raw()).stat).write_volatile(pin_init::zeroed()) };
    }

    /// Shows drivers facts that the core has learnt; see [`Facts`].
    pub fn publish(&self, f: &Facts) {
        let c = self.as_raw();
        // SAFETY: Plain members that only the core writes; drivers read them unlocked, as they do
        // on the C core.
        unsafe {
            (*c).bdaddr.b = f.bdaddr;
            (*c).hci_ver = f.hci_ver;
            (*c).hci_rev = f.hci_rev;
            (*c).lmp_ver = f.lmp_ver;
            (*c).lmp_subver = f.lmp_subver;
            (*c).manufacturer = f.manufacturer;
            (*c).voice_setting = f.voice_setting;
            (*c).acl_mtu = f.acl_mtu;
            (*c).sco_mtu = f.sco_mtu;
            (*c).le_mtu = f.le_mtu;
            (*c).iso_mtu = f.iso_mtu;
            (*c).acl_pkts = f.acl_pkts;
            (*c).sco_pkts = f.sco_pkts;
            (*c).le_pkts = f.le_pkts;
            (*c).iso_pkts = f.iso_pkts;
            (*c).commands = f.commands;
        }
    }

    /// Shows drivers whether the controller is suspended (`hci_dev.suspended`); returns what they
    /// saw before.
    pub fn publish_suspended(&self, suspended: bool) -> bool {
        // SAFETY: A plain member that only the core writes, with `req_lock` held.
        unsafe { core::mem::replace(&mut (*self.as_raw()).suspended, suspended) }
    }

    /// What [`Self::publish_suspended`] was told last.
    pub fn is_suspended(&self) -> bool {
        // SAFETY: A plain member that only the core writes.
        unsafe { (*self.as_raw()).suspended }
    }

    /// The greatest length of the data in a SCO packet, in bytes, as the driver has it too.
    pub fn sco_mtu(&self) -> u32 {
        // SAFETY: A plain member; a driver may correct what the core has published.
        unsafe { (&raw const (*self.as_raw()).sco_mtu).read_volatile() }
    }

    /// Links that drivers can see, of all types.
    pub fn link_count(&self) -> usize {
        // SAFETY: Plain counters; a moment earlier or later is as good.
        let hash = unsafe { &(*self.as_raw()).conn_hash };
        [
            hash.acl_num,
            hash.sco_num,
            hash.cis_num,
            hash.bis_num,
            hash.pa_num,
            hash.le_num,
        ]
        .iter()
        .map(|&n| n as usize)
        .sum()
    }

    /// Takes the public address from the firmware description of the device
    /// (`local-bd-address`), if it has one.
    pub fn read_address_property(&self) {
        let mut addr = [0u8; 6];
        // SAFETY: The device is alive, and so is its parent; the buffer has the length given.
        let ret = unsafe { bindings::kext_local_bd_address(self.device_ptr(), addr.as_mut_ptr()) };
        if ret < 0 || addr == [0; 6] {
            return;
        }
        if self.quirk(Quirk::BDADDR_PROPERTY_BROKEN) {
            addr.reverse();
        }
        self.set_address(Address::Public, addr);
    }

    /// An address that the driver may have set: `public_addr` or `setup_addr`.
    pub fn address(&self, which: Address) -> [u8; 6] {
        let c = self.as_raw();
        // SAFETY: Plain members, written in set-up by the driver or by the core.
        unsafe {
            match which {
                Address::Current => (*c).bdaddr.b,
                Address::Setup => (*c).setup_addr.b,
                Address::Public => (*c).public_addr.b,
                Address::Random => (*c).random_addr.b,
                Address::Static => (*c).static_addr.b,
            }
        }
    }

    /// Writes one of the address members.
    pub fn set_address(&self, which: Address, addr: [u8; 6]) {
        let c = self.as_raw();
        // SAFETY: As for `address`.
        unsafe {
            match which {
                Address::Current => (*c).bdaddr.b = addr,
                Address::Setup => (*c).setup_addr.b = addr,
                Address::Public => (*c).public_addr.b = addr,
                Address::Random => (*c).random_addr.b = addr,
                Address::Static => (*c).static_addr.b = addr,
            }
        }
    }

    /// The manufacturer that the driver or the controller named (0xffff: not known).
    pub fn manufacturer(&self) -> u16 {
        // SAFETY: A plain member.
        unsafe { (*self.as_raw()).manufacturer }
    }

    /// Whether the driver announces hardware or firmware information (`hw_info`, `fw_info`).
    pub fn info_strings(&self) -> (Option<&CStr>, Option<&CStr>) {
        let c = self.as_raw();
        let as_str = |p: *const c_char| {
            // SAFETY: Either null or a NUL terminated string that the C struct owns; drivers set
            // it in set-up, before anybody reads it.
            (!p.is_null()).then(|| unsafe { CStr::from_char_ptr(p) })
        };
        // SAFETY: Plain members.
        unsafe { (as_str((*c).hw_info), as_str((*c).fw_info)) }
    }
}

// SAFETY: `state` is the first member of the `repr(C)` struct, so a pointer to it is a pointer to
// the whole; references are those of `ARef`.
unsafe impl<T: Owner> crate::workqueue::WorkOwner<T> for ARef<Hdev<T>> {
    type Borrow<'a> = &'a Hdev<T>;

    fn borrow(this: &Self) -> &Hdev<T> {
        this
    }

    fn as_ptr(this: &Hdev<T>) -> *const T {
        &raw const this.state
    }

    fn acquire(this: &Hdev<T>) -> Self {
        this.into()
    }

    fn into_raw(this: Self) -> *mut T {
        ARef::into_raw(this).as_ptr().cast()
    }

    unsafe fn from_raw(ptr: *mut T) -> Self {
        // SAFETY: `ptr` comes from `into_raw`.
        unsafe { ARef::from_raw(NonNull::new_unchecked(ptr.cast())) }
    }
}

/// A name of the kernel's. One copy of `strlen()`, and of its sum that is checked, is enough.
///
/// # Safety
///
/// As for `CStr::from_char_ptr`.
#[inline(never)]
unsafe fn text<'a>(name: *const kernel::ffi::c_char) -> &'a CStr {
    // SAFETY: By the function's requirements.
    unsafe { CStr::from_char_ptr(name) }
}

fn fetch(word: &AtomicUsize, mask: usize, on: bool) -> bool {
    let old = if on {
        word.fetch_or(mask, Ordering::AcqRel)
    } else {
        word.fetch_and(!mask, Ordering::AcqRel)
    };
    old & mask != 0
}

/// A member of `struct hci_dev_stats`.
#[allow(missing_docs)]
#[derive(Clone, Copy, Debug)]
pub enum Stat {
    ErrRx,
    ErrTx,
    CmdTx,
    EvtRx,
    AclTx,
    AclRx,
    ScoTx,
    ScoRx,
    ByteRx,
    ByteTx,
}

/// An address member of `struct hci_dev`.
#[derive(Clone, Copy, Debug)]
pub enum Address {
    /// `bdaddr`: what Read BD_ADDR returned.
    Current,
    /// `setup_addr`: what it returned before the driver changed it.
    Setup,
    /// `public_addr`: the address to program, from the driver or from mgmt.
    Public,
    /// `random_addr`: the random address last programmed.
    Random,
    /// `static_addr`: the static random address, from mgmt.
    Static,
}

/// What drivers may read of a controller, in the order of the C struct.
///
/// Addresses are little endian, as on the wire; MTUs are bytes, packets are counts.
#[allow(missing_docs)]
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    pub bdaddr: [u8; 6],
    pub hci_ver: u8,
    pub hci_rev: u16,
    pub lmp_ver: u8,
    pub lmp_subver: u16,
    pub manufacturer: u16,
    pub voice_setting: u16,
    pub acl_mtu: u32,
    pub sco_mtu: u32,
    pub le_mtu: u32,
    pub iso_mtu: u32,
    pub acl_pkts: u32,
    pub sco_pkts: u32,
    pub le_pkts: u32,
    pub iso_pkts: u32,
    pub commands: [u8; 64],
}
