// SPDX-License-Identifier: GPL-2.0

//! A controller as its driver sees it.

use super::Quirk;
use crate::{
    bindings,
    skbuff::SkBuff, //
};
use core::{
    ptr::NonNull,
    sync::atomic::{
        AtomicU32,
        AtomicUsize,
        Ordering, //
    },
};
use kernel::{
    error::{
        from_err_ptr,
        to_result, //
    },
    fmt,
    prelude::*,
    str::CStr,
    sync::aref::AlwaysRefCounted,
    time::Jiffies,
    types::Opaque, //
};

/// A controller (`struct hci_dev`).
#[repr(transparent)]
pub struct Device(Opaque<bindings::hci_dev>);

// SAFETY: A controller is reference counted and may be used from any thread.
unsafe impl Send for Device {}
// SAFETY: As above.
unsafe impl Sync for Device {}

// SAFETY: The embedded device counts references of the whole.
unsafe impl AlwaysRefCounted for Device {
    fn inc_ref(&self) {
        // SAFETY: The controller is alive.
        unsafe { bindings::get_device(self.dev()) };
    }

    unsafe fn dec_ref(obj: NonNull<Self>) {
        // SAFETY: By the function's requirements.
        unsafe { bindings::put_device(obj.as_ref().dev()) };
    }
}

/// A counter in `hci_dev.stat`, as `HCIGETDEVINFO` reports it.
#[allow(missing_docs)]
#[derive(Clone, Copy, Debug)]
pub enum Stat {
    ErrorsReceived,
    ErrorsSent,
    CommandsSent,
    AclSent,
    ScoSent,
    BytesReceived,
    BytesSent,
}

impl Device {
    /// The C object.
    pub fn as_raw(&self) -> *mut bindings::hci_dev {
        self.0.get()
    }

    /// # Safety
    ///
    /// `ptr` must be a controller that is alive for as long as the reference.
    pub(crate) unsafe fn from_raw<'a>(ptr: *mut bindings::hci_dev) -> &'a Self {
        // SAFETY: By the function's requirements; the type is transparent.
        unsafe { &*ptr.cast() }
    }

    fn dev(&self) -> *mut bindings::device {
        // SAFETY: Only a member's address is computed.
        unsafe { &raw mut (*self.as_raw()).dev }
    }

    /// The generic device.
    pub fn device(&self) -> &kernel::device::Device {
        // SAFETY: It is part of the controller, so it is alive as long.
        unsafe { kernel::device::Device::from_raw(self.dev()) }
    }

    /// `hci0`; it has no name before its registration.
    pub fn name(&self) -> Option<&CStr> {
        // SAFETY: NULL until the registration, which sets it once: to the device's name, a NUL
        // terminated string that stays as long as the device.
        unsafe {
            let name = (*self.as_raw()).name;
            (!name.is_null()).then(|| CStr::from_char_ptr(name))
        }
    }

    /// Says an error in the kernel's log, as the core's own lines are.
    pub fn error(&self, args: fmt::Arguments<'_>) {
        self.print(&kernel::print::format_strings::ERR, args);
    }

    /// Says a warning in the kernel's log.
    pub fn warn(&self, args: fmt::Arguments<'_>) {
        self.print(&kernel::print::format_strings::WARNING, args);
    }

    /// Says something in the kernel's log.
    pub fn info(&self, args: fmt::Arguments<'_>) {
        self.print(&kernel::print::format_strings::INFO, args);
    }

    fn print(
        &self,
        format: &[u8; kernel::print::format_strings::LENGTH],
        args: fmt::Arguments<'_>,
    ) {
        let name = self.name().unwrap_or(c"unregistered");
        // SAFETY: The format is one of the kernel crate's, and the prefix has its NUL.
        unsafe {
            kernel::print::call_printk(
                format,
                crate::__LOG_PREFIX,
                kernel::prelude::fmt!("{}: {}\n", name, args),
            );
        }
    }

    fn flag(&self, bit: u32) -> bool {
        // SAFETY: A word that C changes with atomic operations.
        let flags = unsafe { AtomicUsize::from_ptr((&raw mut (*self.as_raw()).flags).cast()) };
        flags.load(Ordering::Acquire) & (1 << bit) != 0
    }

    /// The transport is open (`HCI_RUNNING`).
    pub fn is_running(&self) -> bool {
        self.flag(bindings::HCI_RUNNING)
    }

    /// The controller is up (`HCI_UP`).
    pub fn is_up(&self) -> bool {
        self.flag(bindings::HCI_UP)
    }

    /// User space drives the controller by itself (user channel).
    pub fn is_user_channel(&self) -> bool {
        // SAFETY: The controller is alive.
        unsafe { bindings::kext_hci_test_flag(self.as_raw(), bindings::HCI_USER_CHANNEL) }
    }

    /// Links of any kind.
    pub fn links(&self) -> u32 {
        // SAFETY: The controller is alive.
        unsafe { bindings::kext_hci_links(self.as_raw()) }
    }

    /// Voice links.
    pub fn sco_links(&self) -> u32 {
        // SAFETY: The controller is alive.
        unsafe { bindings::kext_hci_sco_links(self.as_raw()) }
    }

    /// Whether a voice link has this handle. Any context.
    pub fn is_sco_handle(&self, handle: u16) -> bool {
        // SAFETY: The controller is alive; the list of links is walked under RCU.
        unsafe { bindings::kext_hci_is_sco_handle(self.as_raw(), handle) }
    }

    /// Devices are being looked for.
    pub fn is_discovering(&self) -> bool {
        // SAFETY: The controller is alive.
        unsafe { bindings::hci_discovery_active(self.as_raw()) }
    }

    /// The voice setting (Vol 4 Part E 6.12).
    pub fn voice_setting(&self) -> u16 {
        // SAFETY: A word.
        unsafe { (&raw const (*self.as_raw()).voice_setting).read_volatile() }
    }

    /// The controller's buffer for a voice packet, in bytes.
    pub fn sco_mtu(&self) -> u16 {
        // SAFETY: A word.
        let mtu = unsafe { (&raw const (*self.as_raw()).sco_mtu).read_volatile() };
        u16::try_from(mtu).unwrap_or(u16::MAX)
    }

    /// LMP subversion.
    pub fn lmp_subversion(&self) -> u16 {
        // SAFETY: A word.
        unsafe { (&raw const (*self.as_raw()).lmp_subver).read_volatile() }
    }

    /// Adds to a counter. Any context; of two at once, one may be lost.
    #[inline]
    pub fn count(&self, stat: Stat, n: usize) {
        // SAFETY: Only a member's address is computed.
        let word = unsafe {
            let stats = &raw mut (*self.as_raw()).stat;
            match stat {
                Stat::ErrorsReceived => &raw mut (*stats).err_rx,
                Stat::ErrorsSent => &raw mut (*stats).err_tx,
                Stat::CommandsSent => &raw mut (*stats).cmd_tx,
                Stat::AclSent => &raw mut (*stats).acl_tx,
                Stat::ScoSent => &raw mut (*stats).sco_tx,
                Stat::BytesReceived => &raw mut (*stats).byte_rx,
                Stat::BytesSent => &raw mut (*stats).byte_tx,
            }
        };
        // SAFETY: The counters are words of the controller, which is alive.
        let word = unsafe { AtomicU32::from_ptr(word) };
        let old = word.load(Ordering::Relaxed);
        word.store(old.wrapping_add(n as u32), Ordering::Relaxed);
    }

    /// Sets a quirk, or clears it.
    pub fn set_quirk(&self, quirk: Quirk, on: bool) {
        // SAFETY: The controller is alive; bits are set atomically.
        unsafe { bindings::kext_hci_set_quirk(self.as_raw(), quirk, on) };
    }

    /// Hands a received packet to the core, which always takes it. Any context.
    ///
    /// # Errors
    ///
    /// What the core says of it; the packet is gone.
    #[inline]
    pub fn receive(&self, skb: SkBuff) -> Result {
        // SAFETY: The controller is alive, and the core consumes the packet.
        to_result(unsafe { bindings::hci_recv_frame(self.as_raw(), skb.into_raw().as_ptr()) })
    }

    /// Hands diagnostics to the core. Any context.
    ///
    /// # Errors
    ///
    /// As for [`receive`](Self::receive).
    pub fn receive_diag(&self, skb: SkBuff) -> Result {
        // SAFETY: As in `receive`.
        to_result(unsafe { bindings::hci_recv_diag(self.as_raw(), skb.into_raw().as_ptr()) })
    }

    /// Sends a command and waits for the answer; only in the callbacks that the core calls with
    /// its request lock held (set-up, shutdown, address). Returns the answer's parameters, status
    /// first.
    ///
    /// # Errors
    ///
    /// `ETIMEDOUT`, or the status as the core translates it.
    pub fn command(&self, opcode: u16, parameters: &[u8], limit: Jiffies) -> Result<SkBuff> {
        let len = u32::try_from(parameters.len()).map_err(|_| EMSGSIZE)?;
        // SAFETY: The controller is alive; `parameters` has `len` bytes, which are copied.
        let skb = from_err_ptr(unsafe {
            bindings::__hci_cmd_sync(
                self.as_raw(),
                opcode,
                len,
                parameters.as_ptr().cast(),
                limit as u32,
            )
        })?;
        let skb = NonNull::new(skb).ok_or(ENODATA)?;
        // SAFETY: The core gives us the answer.
        Ok(unsafe { SkBuff::from_raw(skb) })
    }

    /// The same for a command that is answered by the event `event`.
    ///
    /// # Errors
    ///
    /// As for [`command`](Self::command).
    pub fn command_event(
        &self,
        opcode: u16,
        parameters: &[u8],
        event: u8,
        limit: Jiffies,
    ) -> Result<SkBuff> {
        let len = u32::try_from(parameters.len()).map_err(|_| EMSGSIZE)?;
        // SAFETY: As in `command`.
        let skb = from_err_ptr(unsafe {
            bindings::__hci_cmd_sync_ev(
                self.as_raw(),
                opcode,
                len,
                parameters.as_ptr().cast(),
                event,
                limit as u32,
            )
        })?;
        let skb = NonNull::new(skb).ok_or(ENODATA)?;
        // SAFETY: The core gives us the answer.
        Ok(unsafe { SkBuff::from_raw(skb) })
    }

    /// Sends a command of the vendor's that is not answered.
    ///
    /// # Errors
    ///
    /// The transport's.
    pub fn send_unanswered(&self, opcode: u16, parameters: &[u8]) -> Result {
        let len = u32::try_from(parameters.len()).map_err(|_| EMSGSIZE)?;
        // SAFETY: As in `command`.
        to_result(unsafe {
            bindings::__hci_cmd_send(self.as_raw(), opcode, len, parameters.as_ptr().cast())
        })
    }

    /// Sends HCI_Reset and waits for the answer; as [`command`](Self::command).
    ///
    /// # Errors
    ///
    /// As for [`command`](Self::command).
    pub fn reset_command(&self) -> Result {
        // SAFETY: The controller is alive.
        to_result(unsafe { bindings::__hci_reset_sync(self.as_raw()) })
    }

    /// Ends the wait for an answer that will not come. Any context.
    pub fn cancel_command(&self, error: Error) {
        // The C function takes the number without its sign.
        // SAFETY: The controller is alive.
        unsafe { bindings::hci_cmd_sync_cancel(self.as_raw(), error.to_errno().wrapping_neg()) };
    }

    /// Begins a core dump of `size` bytes.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP`, `ENOMEM`.
    pub fn dump_begin(&self, size: u32) -> Result {
        // SAFETY: The controller is alive.
        to_result(unsafe { bindings::kext_hci_devcd_init(self.as_raw(), size) })
    }

    /// Appends to the core dump.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP`; the packet is gone.
    pub fn dump_append(&self, skb: SkBuff) -> Result {
        let raw = skb.into_raw();
        // SAFETY: The controller is alive; the core takes the packet.
        to_result(unsafe { bindings::kext_hci_devcd_append(self.as_raw(), raw.as_ptr()) })
            .inspect_err(|&e| {
                if e == EOPNOTSUPP && !cfg!(CONFIG_DEV_COREDUMP) {
                    // SAFETY: Without core dumps this is an inline function that leaves it alone.
                    drop(unsafe { SkBuff::from_raw(raw) });
                }
            })
    }

    /// Appends `len` zeroes to the core dump.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP`, `ENOMEM`.
    pub fn dump_append_zeroes(&self, len: u32) -> Result {
        // SAFETY: The controller is alive.
        to_result(unsafe { bindings::kext_hci_devcd_append_pattern(self.as_raw(), 0, len) })
    }

    /// Ends the core dump: user space gets it.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP`, `ENOMEM`.
    pub fn dump_complete(&self) -> Result {
        // SAFETY: The controller is alive.
        to_result(unsafe { bindings::kext_hci_devcd_complete(self.as_raw()) })
    }

    /// Asks the controller for a core dump, if whoever set it up can.
    pub fn coredump(&self) {
        // SAFETY: The controller is alive.
        unsafe { bindings::kext_hci_coredump(self.as_raw()) };
    }

    /// The directory of the controller in debugfs; an error pointer or null if there is none.
    pub(crate) fn debugfs(&self) -> *mut bindings::dentry {
        // SAFETY: Set by the core when it registers the controller.
        unsafe { (*self.as_raw()).debugfs }
    }
}
