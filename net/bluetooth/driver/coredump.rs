// SPDX-License-Identifier: GPL-2.0

//! Device core dumps: a driver collects its controller's memory, piece by piece and in any
//! context; a work item puts the pieces together and hands the whole to user space.
//!
//! ```text
//!   Idle ──init──> Active ──complete──> Done ────┐
//!    ^                │ ├───abort────> Abort ────┤
//!    │                └ time-out ────> Timeout ──┤
//!    └──────────────── dump emitted ─────────────┘
//! ```
//!
//! `hci_dev.dump` is part of the driver ABI: drivers schedule `dump_timeout` themselves. The data
//! is in `head`, `tail` and `end`; they belong to `hci_dev.lock`, as drivers expect.

use super::{
    device,
    device::to_int, //
};
use crate::hci::{
    self,
    Device, //
};
use core::{
    mem::offset_of,
    ptr::NonNull, //
};
use kernel::prelude::*;
use kernel_ext::{
    bindings::{
        self,
        hci_dev,
        hci_devcoredump_devcoredump_state as State,
        hci_devcoredump_devcoredump_state_HCI_DEVCOREDUMP_ABORT as ABORT,
        hci_devcoredump_devcoredump_state_HCI_DEVCOREDUMP_ACTIVE as ACTIVE,
        hci_devcoredump_devcoredump_state_HCI_DEVCOREDUMP_DONE as DONE,
        hci_devcoredump_devcoredump_state_HCI_DEVCOREDUMP_IDLE as IDLE,
        hci_devcoredump_devcoredump_state_HCI_DEVCOREDUMP_TIMEOUT as TIMEOUT,
        sk_buff, //
    },
    hci::RESERVE,
    skbuff::SkBuff, //
};

/// Greatest size of the text in front of a dump, in bytes (`HCI_DEVCD_HDR_SIZE_MAX`).
const HEADER_MAX: usize = 512;
/// A driver that is not done after this long, in milliseconds, will not be any more.
const TIMEOUT_MS: u32 = 10_000;
/// Largest dump that is taken, in bytes. The largest controllers have some megabytes.
const DUMP_MAX: u32 = 64 << 20;
const HEADER_END: &[u8] = b"--- Start dump ---\n";

/// What a queued skb means; its first control byte.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Piece {
    Init,
    Data,
    Pattern,
    Complete,
    Abort,
}

impl Piece {
    fn of(skb: &SkBuff) -> Option<Self> {
        match skb.cb_bytes().first()? {
            0 => Some(Self::Init),
            1 => Some(Self::Data),
            2 => Some(Self::Pattern),
            3 => Some(Self::Complete),
            4 => Some(Self::Abort),
            _ => None,
        }
    }
}

/// `hci_dev.dump` with `hci_dev.lock` held.
///
/// # Invariants
///
/// `head` is null or a `vmalloc` allocation of `alloc_size` bytes that ends at `end`, and
/// `head <= tail <= end`.
struct Dump<'a> {
    dev: &'a Device,
    raw: *mut bindings::hci_devcoredump,
    _lock: kernel_ext::hci::DriverLock<'a, hci::Controller>,
}

impl<'a> Dump<'a> {
    fn lock(dev: &'a Device) -> Self {
        let lock = dev.driver_lock();
        Self {
            dev,
            // SAFETY: Only a member's address is computed.
            raw: unsafe { &raw mut (*dev.as_raw()).dump },
            _lock: lock,
        }
    }

    fn state(&self) -> State {
        // SAFETY: The lock is held.
        unsafe { (*self.raw).state }
    }

    /// Changes the state, also in the text at the head of the dump.
    fn set_state(&mut self, state: State) {
        // SAFETY: The lock is held.
        unsafe { (*self.raw).state = state };
        let text = state_line(state);
        let filled = self.filled();
        if let Some(head) = filled.get_mut(..text.len()) {
            head.copy_from_slice(&text);
        }
    }

    /// The bytes collected by now.
    fn filled(&mut self) -> &mut [u8] {
        // SAFETY: By the type invariant; the lock is held, so nobody else looks at them.
        unsafe {
            let (head, tail) = ((*self.raw).head, (*self.raw).tail);
            if head.is_null() {
                return &mut [];
            }
            core::slice::from_raw_parts_mut(head.cast(), tail.offset_from(head) as usize)
        }
    }

    /// Appends `len` bytes, as `fill` has them; all or none.
    fn append(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> Result {
        // SAFETY: By the type invariant, and `tail` stays within the allocation.
        unsafe {
            let (tail, end) = ((*self.raw).tail, (*self.raw).end);
            if tail.is_null() || end.offset_from(tail) < len.try_into()? {
                return Err(ENOSPC);
            }
            let room = core::slice::from_raw_parts_mut(tail.cast::<u8>(), len);
            fill(room);
            (*self.raw).tail = tail.add(len);
        }
        Ok(())
    }

    fn begin(&mut self, size: u32) -> Result {
        if size == 0 || size > DUMP_MAX {
            return Err(EINVAL);
        }
        let mut header = SkBuff::alloc(0, HEADER_MAX, GFP_KERNEL)?;
        header.put_slice(&state_line(IDLE))?;
        // SAFETY: The driver's callback, registered with `hci_devcd_register`; it writes into the
        // skb, which it does not keep.
        unsafe {
            if let Some(dmp_hdr) = (*self.raw).dmp_hdr {
                dmp_hdr(self.dev.as_raw(), header.as_ptr());
            }
        }
        // A driver that filled all the room has no end marker, and still a dump.
        let _ = header.put_slice(HEADER_END);
        let total = header.len().checked_add(size as usize).ok_or(EINVAL)?;
        // SAFETY: The lock is held; the state is Idle, so there is no dump that this would lose.
        unsafe {
            let head: *mut c_char = bindings::vmalloc_noprof(total).cast();
            if head.is_null() {
                return Err(ENOMEM);
            }
            (*self.raw).head = head;
            (*self.raw).tail = head;
            (*self.raw).end = head.add(total);
            (*self.raw).alloc_size = total;
        }
        self.append(header.len(), |room| room.copy_from_slice(header.data()))?;
        self.set_state(ACTIVE);
        // SAFETY: The work was initialised at allocation; the queue is the controller's.
        unsafe {
            bindings::queue_delayed_work_on(
                bindings::wq_misc_consts_WORK_CPU_UNBOUND as c_int,
                (*self.dev.as_raw()).workqueue,
                &raw mut (*self.raw).dump_timeout,
                (*self.raw).timeout,
            );
        }
        Ok(())
    }

    /// Hands what was collected to user space, and a copy to the monitor.
    fn emit(&mut self, state: State) {
        self.set_state(state);
        let copy = SkBuff::from_slice(RESERVE, self.filled(), GFP_KERNEL);
        if let Ok(skb) = copy {
            let _ = hci::receive_diag(self.dev, skb);
        }
        let size = self.filled().len();
        // SAFETY: The lock is held. The allocation now belongs to the device core dump, which
        // frees it; nothing refers to it any more.
        unsafe {
            let head = core::mem::replace(&mut (*self.raw).head, core::ptr::null_mut());
            if !head.is_null() {
                bindings::dev_coredumpv(
                    self.dev.device_ptr(),
                    head.cast(),
                    size,
                    bindings::GFP_KERNEL,
                );
            }
        }
        self.forget();
    }

    /// Back to Idle.
    fn reset(&mut self) {
        // SAFETY: The lock is held; a null pointer is fine.
        unsafe {
            let head = core::mem::replace(&mut (*self.raw).head, core::ptr::null_mut());
            bindings::vfree(head.cast());
        }
        self.forget();
        // SAFETY: The work and the queue were initialised at allocation. Not waiting: this may be
        // the work itself.
        unsafe {
            (*self.raw).state = IDLE;
            bindings::cancel_delayed_work(&raw mut (*self.raw).dump_timeout);
            bindings::skb_queue_purge_reason(
                &raw mut (*self.raw).dump_q,
                bindings::skb_drop_reason_SKB_DROP_REASON_QUEUE_PURGE,
            );
        }
    }

    fn forget(&mut self) {
        // SAFETY: The lock is held and `head` is null.
        unsafe {
            (*self.raw).tail = core::ptr::null_mut();
            (*self.raw).end = core::ptr::null_mut();
            (*self.raw).alloc_size = 0;
        }
    }

    fn take(&mut self, piece: Piece, skb: &mut SkBuff) -> Result {
        let wanted = if piece == Piece::Init { IDLE } else { ACTIVE };
        if self.state() != wanted {
            return Err(EBUSY);
        }
        match piece {
            Piece::Init => {
                let size = *skb.data().first_chunk().ok_or(EBADMSG)?;
                self.begin(u32::from_le_bytes(size))
            }
            Piece::Data => {
                skb.linearize()?;
                self.append(skb.len(), |room| room.copy_from_slice(skb.data()))
            }
            Piece::Pattern => {
                let &[byte, a, b, c, d] = skb.data().first_chunk().ok_or(EBADMSG)?;
                let len = u32::from_le_bytes([a, b, c, d]) as usize;
                self.append(len, |room| room.fill(byte))
            }
            Piece::Complete => {
                self.emit(DONE);
                Ok(())
            }
            Piece::Abort => {
                self.emit(ABORT);
                Ok(())
            }
        }
    }
}

/// The first lines of a dump, NUL included.
fn state_line(state: State) -> [u8; 32] {
    let mut line = *b"Bluetooth devcoredump\nState: 0\n\0";
    if let (Ok(digit), Some(at)) = (u8::try_from(state), line.get_mut(29)) {
        *at = b'0'.saturating_add(digit);
    }
    line
}

fn notify(dev: &Device, state: State) {
    // SAFETY: The driver sets it once, with `hci_devcd_register`.
    let callback = unsafe { (*dev.as_raw()).dump.notify_change };
    if let Some(notify_change) = callback {
        // SAFETY: The driver's callback, for its own controller, without locks held.
        unsafe { notify_change(dev.as_raw(), state as c_int) };
    }
}

/// The controller whose `dump` has a work item.
///
/// # Safety
///
/// `work` is at `offset` in a `hci_dev` that is alive.
unsafe fn owner<'a>(work: *mut bindings::work_struct, offset: usize) -> &'a Device {
    // SAFETY: By the caller's promise.
    unsafe { device(work.byte_sub(offset).cast::<hci_dev>()) }
}

/// Work item `dump.dump_rx`: puts together what was queued.
///
/// # Safety
///
/// Called by the workqueue, with the work item of a controller.
pub(super) unsafe extern "C" fn dump_rx(work: *mut bindings::work_struct) {
    const OFFSET: usize =
        offset_of!(hci_dev, dump) + offset_of!(bindings::hci_devcoredump, dump_rx);
    // SAFETY: By the caller's promise. Unregistering disables the work before the memory goes.
    let dev = unsafe { owner(work, OFFSET) };
    let next = || {
        // SAFETY: The queue was initialised at allocation.
        let raw = unsafe { bindings::skb_dequeue(&raw mut (*dev.as_raw()).dump.dump_q) };
        NonNull::new(raw)
    };
    while let Some(raw) = next() {
        // SAFETY: What was in the queue is ours.
        let mut skb = unsafe { SkBuff::from_raw(raw) };
        let (before, after) = {
            let mut dump = Dump::lock(dev);
            let before = dump.state();
            if before == TIMEOUT {
                return;
            }
            if let Some(piece) = Piece::of(&skb) {
                if let Err(e) = dump.take(piece, &mut skb) {
                    pr_debug!("{}: core dump: {:?}\n", dev.name(), e);
                }
            }
            (before, dump.state())
        };
        if before != after {
            notify(dev, after);
        }
        if after == DONE || after == ABORT {
            Dump::lock(dev).reset();
        }
    }
}

/// Work item `dump.dump_timeout`: what there is by now is the dump.
///
/// # Safety
///
/// Called by the workqueue, with the work item of a controller.
pub(super) unsafe extern "C" fn dump_timeout(work: *mut bindings::work_struct) {
    const OFFSET: usize = offset_of!(hci_dev, dump)
        + offset_of!(bindings::hci_devcoredump, dump_timeout)
        + offset_of!(bindings::delayed_work, work);
    // SAFETY: By the caller's promise; see `dump_rx`.
    let dev = unsafe { owner(work, OFFSET) };
    notify(dev, TIMEOUT);
    let mut dump = Dump::lock(dev);
    // SAFETY: Initialised at allocation.
    unsafe { bindings::cancel_work(&raw mut (*dump.raw).dump_rx) };
    dump.emit(TIMEOUT);
    dump.reset();
}

/// Ends core dumps of a controller that is being unregistered.
pub(super) fn shut_down(dev: &Device) {
    let raw = dev.as_raw();
    // SAFETY: All were initialised at allocation. Waiting is fine: neither work unregisters.
    unsafe {
        (*raw).dump.supported = false;
        bindings::disable_work_sync(&raw mut (*raw).dump.dump_rx);
        bindings::disable_delayed_work_sync(&raw mut (*raw).dump.dump_timeout);
    }
    Dump::lock(dev).reset();
}

/// Forgets a dump that was begun before the controller was opened.
pub(super) fn opened(dev: &Device) {
    Dump::lock(dev).reset();
}

/// Queues a piece; always consumes the skb.
fn queue(dev: &Device, piece: Piece, mut skb: SkBuff) -> Result {
    let raw = dev.as_raw();
    // SAFETY: A plain member; drivers set it before they dump.
    if !unsafe { (*raw).dump.supported } {
        return Err(EOPNOTSUPP);
    }
    if let Some(first) = skb.cb_bytes_mut().first_mut() {
        *first = piece as u8;
    }
    // SAFETY: Queue and work were initialised at allocation; the skb is handed over. Once the
    // controller is being unregistered the work is disabled, and the queue emptied with it.
    unsafe {
        bindings::skb_queue_tail(&raw mut (*raw).dump.dump_q, skb.into_raw().as_ptr());
        bindings::queue_work_on(
            bindings::wq_misc_consts_WORK_CPU_UNBOUND as c_int,
            (*raw).workqueue,
            &raw mut (*raw).dump.dump_rx,
        );
    }
    Ok(())
}

fn queue_bytes(dev: &Device, piece: Piece, parts: &[u8]) -> c_int {
    to_int(SkBuff::from_slice(0, parts, GFP_ATOMIC).and_then(|skb| queue(dev, piece, skb)))
}

/// Announces that a driver can dump, and how.
///
/// # Safety
///
/// The contract of this module; the callbacks are the driver's. Process context.
#[no_mangle]
pub unsafe extern "C" fn hci_devcd_register(
    hdev: *mut hci_dev,
    coredump: bindings::coredump_t,
    dmp_hdr: bindings::dmp_hdr_t,
    notify_change: bindings::notify_change_t,
) -> c_int {
    if coredump.is_none() || dmp_hdr.is_none() {
        return EINVAL.to_errno();
    }
    // SAFETY: By the caller's promise.
    let dump = Dump::lock(unsafe { device(hdev) });
    // SAFETY: The lock is held.
    unsafe {
        (*dump.raw).coredump = coredump;
        (*dump.raw).dmp_hdr = dmp_hdr;
        (*dump.raw).notify_change = notify_change;
        (*dump.raw).supported = true;
        (*dump.raw).timeout = hci::jiffies(TIMEOUT_MS);
    }
    0
}

/// Begins a dump of `size` bytes. Any context.
///
/// # Safety
///
/// The contract of this module.
#[no_mangle]
pub unsafe extern "C" fn hci_devcd_init(hdev: *mut hci_dev, size: u32) -> c_int {
    // SAFETY: By the caller's promise.
    queue_bytes(unsafe { device(hdev) }, Piece::Init, &size.to_le_bytes())
}

/// Appends an skb's bytes; always consumes it. Any context.
///
/// # Safety
///
/// The contract of this module; the skb is the caller's to give.
#[no_mangle]
pub unsafe extern "C" fn hci_devcd_append(hdev: *mut hci_dev, skb: *mut sk_buff) -> c_int {
    let Some(skb) = NonNull::new(skb) else {
        return ENOMEM.to_errno();
    };
    // SAFETY: By the caller's promise.
    let (dev, skb) = unsafe { (device(hdev), SkBuff::from_raw(skb)) };
    to_int(queue(dev, Piece::Data, skb))
}

/// Appends `len` bytes of one value. Any context.
///
/// # Safety
///
/// The contract of this module.
#[no_mangle]
pub unsafe extern "C" fn hci_devcd_append_pattern(
    hdev: *mut hci_dev,
    pattern: u8,
    len: u32,
) -> c_int {
    let [a, b, c, d] = len.to_le_bytes();
    // SAFETY: By the caller's promise.
    let dev = unsafe { device(hdev) };
    queue_bytes(dev, Piece::Pattern, &[pattern, a, b, c, d])
}

/// Ends a dump: it is whole. Any context.
///
/// # Safety
///
/// The contract of this module.
#[no_mangle]
pub unsafe extern "C" fn hci_devcd_complete(hdev: *mut hci_dev) -> c_int {
    // SAFETY: By the caller's promise.
    queue_bytes(unsafe { device(hdev) }, Piece::Complete, &[])
}

/// Ends a dump that could not be finished. Any context.
///
/// # Safety
///
/// The contract of this module.
#[no_mangle]
pub unsafe extern "C" fn hci_devcd_abort(hdev: *mut hci_dev) -> c_int {
    // SAFETY: By the caller's promise.
    queue_bytes(unsafe { device(hdev) }, Piece::Abort, &[])
}
