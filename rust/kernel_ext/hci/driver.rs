// SPDX-License-Identifier: GPL-2.0

//! Calls into the transport driver: the callbacks of `struct hci_dev`.
//!
//! All of them but [`Hdev::send`] are made with `req_lock` held, as on the C core, which
//! [`ReqLock`] proves. None is made once [`Hdev::retire`] was called.

use super::{
    Hdev,
    Owner, //
};
use crate::{
    bindings,
    skbuff::SkBuff, //
};
use core::{
    ops::Deref,
    sync::atomic::Ordering, //
};
use kernel::{
    error::to_result,
    prelude::*,
    types::NotThreadSafe, //
};

/// `hci_dev.req_lock`, held: the right to run a sequence of commands on a controller.
///
/// C drivers take the same lock (`hci_req_sync_lock()`) around their own `__hci_cmd_sync()`.
pub struct ReqLock<'a, T: Owner> {
    dev: &'a Hdev<T>,
    _not_send: NotThreadSafe,
}

impl<T: Owner> Deref for ReqLock<'_, T> {
    type Target = Hdev<T>;

    fn deref(&self) -> &Hdev<T> {
        self.dev
    }
}

impl<T: Owner> Drop for ReqLock<'_, T> {
    fn drop(&mut self) {
        // SAFETY: Locked by `req_lock` on this very task.
        unsafe { bindings::mutex_unlock(&raw mut (*self.dev.as_raw()).req_lock) };
    }
}

/// `hci_dev.lock`, held; guards nothing of ours, see [`Hdev::driver_lock`].
pub struct DriverLock<'a, T: Owner> {
    dev: &'a Hdev<T>,
    _not_send: NotThreadSafe,
}

impl<T: Owner> Drop for DriverLock<'_, T> {
    fn drop(&mut self) {
        // SAFETY: Locked by `driver_lock` on this very task.
        unsafe { bindings::mutex_unlock(&raw mut (*self.dev.as_raw()).lock) };
    }
}

/// Reads a callback, calls it if there is one, and yields `Option` of what it returned.
macro_rules! call {
    ($dev:expr, $callback:ident $(, $arg:expr)*) => {{
        let dev: &Hdev<T> = $dev;
        if dev.retired.load(Ordering::Acquire) {
            None
        } else {
            // SAFETY: The driver sets its callbacks before it registers the device.
            let callback = unsafe { (*dev.as_raw()).$callback };
            // SAFETY: The driver registered the callback for this device and has not been told
            // yet that the device is retired, so what the callback uses is alive.
            callback.map(|f| unsafe { f(dev.as_raw() $(, $arg)*) })
        }
    }};
}

impl<T: Owner> Hdev<T> {
    /// Takes `req_lock`; sleeps.
    pub fn req_lock(&self) -> ReqLock<'_, T> {
        // SAFETY: The mutex was initialised at allocation.
        unsafe { bindings::mutex_lock(&raw mut (*self.as_raw()).req_lock) };
        ReqLock {
            dev: self,
            _not_send: NotThreadSafe,
        }
    }

    /// Assumes that this task holds `req_lock`, for a C driver that calls from inside a callback
    /// or took the lock itself.
    ///
    /// # Safety
    ///
    /// The lock is held by this task and stays so for as long as the value lives.
    pub unsafe fn assume_req_lock(&self) -> core::mem::ManuallyDrop<ReqLock<'_, T>> {
        core::mem::ManuallyDrop::new(ReqLock {
            dev: self,
            _not_send: NotThreadSafe,
        })
    }

    /// Takes `hci_dev.lock`. Drivers hold it while they look at what is published to them; our
    /// own state is not behind it.
    pub fn driver_lock(&self) -> DriverLock<'_, T> {
        // SAFETY: The mutex was initialised at allocation.
        unsafe { bindings::mutex_lock(&raw mut (*self.as_raw()).lock) };
        DriverLock {
            dev: self,
            _not_send: NotThreadSafe,
        }
    }

    /// Whether the callbacks that a driver must have are there.
    pub fn has_required_callbacks(&self) -> bool {
        let c = self.as_raw();
        // SAFETY: The driver sets its callbacks before it registers the device.
        unsafe { (*c).open.is_some() && (*c).close.is_some() && (*c).send.is_some() }
    }

    /// Which optional callbacks the driver has.
    pub fn capabilities(&self) -> Capabilities {
        let c = self.as_raw();
        // SAFETY: The driver sets its callbacks before it registers the device, or in set-up.
        unsafe {
            Capabilities {
                setup: (*c).setup.is_some(),
                set_bdaddr: (*c).set_bdaddr.is_some(),
                set_diag: (*c).set_diag.is_some(),
                reset: (*c).reset.is_some(),
                wakeup: (*c).wakeup.is_some(),
                get_data_path_id: (*c).get_data_path_id.is_some(),
                set_quality_report: (*c).set_quality_report.is_some(),
                vendor_events: (*c).handle_ev_vendor.is_some(),
            }
        }
    }

    /// Hands a packet to the driver, which then owns it; an error frees it.
    ///
    /// # Errors
    ///
    /// `ENODEV` for a retired device, or what the driver says.
    pub fn send(&self, skb: SkBuff) -> Result {
        let raw = skb.into_raw();
        let ret = call!(self, send, raw.as_ptr()).unwrap_or(ENODEV.to_errno());
        if ret < 0 {
            // SAFETY: A driver that fails leaves the skb to its caller.
            drop(unsafe { SkBuff::from_raw(raw) });
            return Err(Error::from_errno(ret));
        }
        Ok(())
    }

    /// The packet type that the driver gives a received packet, if it wants to decide that.
    ///
    /// Called in the context of `hci_recv_frame()`: atomic.
    pub fn classify(&self, skb: &SkBuff) -> Option<u8> {
        call!(self, classify_pkt_type, skb.as_ptr())
    }

    /// Offers the parameters of a vendor event to the driver; `true` if it was handled there.
    pub fn handle_vendor_event(&self, params: &SkBuff) -> bool {
        call!(self, handle_ev_vendor, params.as_ptr()).unwrap_or(false)
    }

    /// Tells the driver about a change of links or voice setting (`HCI_NOTIFY_*`).
    pub fn notify(&self, event: u32) {
        let _ = call!(self, notify, event);
    }
}

/// A codec, as drivers are asked about it (`struct bt_codec`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codec {
    /// Coding format (Assigned Numbers 2.11).
    pub id: u8,
    /// A vendor's company identifier, for a coding format of 0xff.
    pub company: u16,
    /// Which of that vendor's codecs it is.
    pub vendor_codec: u16,
    /// Where its audio comes from: 0 is HCI, else the driver's number.
    pub data_path: u8,
}

/// What a driver wants configured with a data path: at most this many bytes.
pub const CODEC_CONFIG_MAX: usize = u8::MAX as usize;

impl<T: Owner> Hdev<T> {
    /// Where audio that does not pass the host comes from; `None` if the driver knows no such way.
    ///
    /// # Errors
    ///
    /// What the driver says.
    pub fn data_path_id(&self) -> Option<Result<u8>> {
        let mut id = 0;
        let ret = call!(self, get_data_path_id, &mut id)?;
        Some(to_result(ret).map(|()| id))
    }

    /// What the controller has to be told about a codec before an eSCO link uses it, in a vendor's
    /// words: copied to `config`, the number of bytes is returned. `None` if the driver has
    /// nothing to say about codecs.
    ///
    /// # Errors
    ///
    /// What the driver says: `EINVAL` for a codec that it does not know.
    pub fn codec_config(
        &self,
        codec: &Codec,
        config: &mut [u8; CODEC_CONFIG_MAX],
    ) -> Option<Result<usize>> {
        let mut c = bindings::bt_codec {
            id: codec.id,
            cid: codec.company,
            vid: codec.vendor_codec,
            data_path: codec.data_path,
            num_caps: 0,
        };
        let mut len = 0u8;
        let mut data: *mut u8 = core::ptr::null_mut();
        let ret = call!(
            self,
            get_codec_config_data,
            bindings::ESCO_LINK as u8,
            &mut c,
            &mut len,
            &mut data
        )?;
        let copied = to_result(ret).map(|()| {
            let len = usize::from(len);
            if data.is_null() {
                return 0;
            }
            // SAFETY: The driver returned that many bytes, which are ours to free. `config` has
            // room for any number that `len` can be.
            unsafe { core::ptr::copy_nonoverlapping(data, config.as_mut_ptr(), len) };
            len
        });
        // SAFETY: Null, or allocated by the driver with `kmalloc()`; it does not keep it.
        unsafe { bindings::kfree(data.cast()) };
        Some(copied)
    }
}

impl<T: Owner> ReqLock<'_, T> {
    fn result(ret: Option<c_int>) -> Option<Result> {
        ret.map(to_result)
    }

    /// Opens the transport.
    ///
    /// # Errors
    ///
    /// `ENODEV` for a retired device, or what the driver says.
    pub fn open(&self) -> Result {
        Self::result(call!(self.dev, open)).unwrap_or(Err(ENODEV))
    }

    /// Closes the transport.
    pub fn close(&self) {
        let _ = call!(self.dev, close);
    }

    /// Drops what the driver has queued.
    pub fn flush(&self) {
        let _ = call!(self.dev, flush);
    }

    /// The driver's set-up of the device; `None` if it has none.
    pub fn setup(&self) -> Option<Result> {
        Self::result(call!(self.dev, setup))
    }

    /// The driver's preparations before the transport is closed.
    pub fn shutdown(&self) -> Option<Result> {
        Self::result(call!(self.dev, shutdown))
    }

    /// The driver's last step of bring-up.
    pub fn post_init(&self) -> Option<Result> {
        Self::result(call!(self.dev, post_init))
    }

    /// Switches diagnostics (Diag packets) on or off.
    pub fn set_diag(&self, enable: bool) -> Option<Result> {
        Self::result(call!(self.dev, set_diag, enable))
    }

    /// Programs the public address (little endian).
    pub fn set_bdaddr(&self, addr: [u8; 6]) -> Option<Result> {
        let addr = bindings::bdaddr_t { b: addr };
        Self::result(call!(self.dev, set_bdaddr, &raw const addr))
    }

    /// Switches the driver's quality reports on or off.
    pub fn set_quality_report(&self, enable: bool) -> Option<Result> {
        Self::result(call!(self.dev, set_quality_report, enable))
    }

    /// Whether the transport may wake the system.
    pub fn wakeup(&self) -> bool {
        call!(self.dev, wakeup).unwrap_or(false)
    }
}

impl<T: Owner> Hdev<T> {
    /// Tells the driver of a hardware error that the controller reported; `false` if it does not want to know.
    ///
    /// Without `req_lock`, which drivers take for this. May sleep.
    pub fn hw_error(&self, code: u8) -> bool {
        call!(self, hw_error, code).is_some()
    }

    /// Has the driver reset the controller by its own means; `false` if it has none. It may have queued a job for it.
    ///
    /// Without `req_lock`, since a sequence may be stuck under it. May sleep.
    pub fn reset(&self) -> bool {
        call!(self, reset).is_some()
    }

    /// Whether the transport may wake the system; see [`ReqLock::wakeup`].
    pub fn may_wake(&self) -> bool {
        call!(self, wakeup).unwrap_or(false)
    }
}

/// Which optional callbacks a driver has.
#[allow(missing_docs)]
#[derive(Clone, Copy, Debug)]
pub struct Capabilities {
    pub setup: bool,
    pub set_bdaddr: bool,
    pub set_diag: bool,
    pub reset: bool,
    pub wakeup: bool,
    pub get_data_path_id: bool,
    pub set_quality_report: bool,
    pub vendor_events: bool,
}

/// Who answers a driver command.
#[derive(Clone, Copy, Debug)]
pub enum DrvReply {
    /// The driver's handler, by an event of its own.
    ByDriver,
    /// The core, with a status.
    #[allow(missing_docs)]
    Status { opcode: u16, status: u8 },
}

impl<T: Owner> Hdev<T> {
    /// Carries out a packet of type `HCI_DRV_PKT` (`struct hci_drv_cmd_hdr` and data): finds the
    /// driver's handler for its opcode and calls it.
    ///
    /// # Errors
    ///
    /// `EILSEQ` if header and length disagree, `ENODEV` for a retired device, or what the handler
    /// says.
    pub fn drv_command(&self, packet: &[u8]) -> Result<DrvReply> {
        let (Some(&[op_lo, op_hi, len_lo, len_hi]), Some(data)) =
            (packet.first_chunk::<4>(), packet.get(4..))
        else {
            return Err(EILSEQ);
        };
        let opcode = u16::from_le_bytes([op_lo, op_hi]);
        let len = u16::from_le_bytes([len_lo, len_hi]);
        if usize::from(len) != data.len() {
            return Err(EILSEQ);
        }
        if self.retired.load(Ordering::Acquire) {
            return Err(ENODEV);
        }
        let refuse = |status: u32| {
            Ok(DrvReply::Status {
                opcode,
                status: status as u8,
            })
        };
        // SAFETY: The driver sets the table before it registers and keeps it until it is retired.
        let table = unsafe { (*self.as_raw()).hci_drv };
        if table.is_null() {
            return refuse(bindings::HCI_DRV_STATUS_UNKNOWN_COMMAND);
        }
        // Opcodes are OGF and OCF; OGF 1 is the driver's own, the rest is common to all.
        let (ogf, ocf) = (opcode >> 10, usize::from(opcode & 0x03ff));
        // SAFETY: As above; both arrays have the lengths beside them, and the index is checked.
        let handler = unsafe {
            let (handlers, count, at) = if u32::from(ogf) == bindings::HCI_DRV_OGF_DRIVER_SPECIFIC {
                (
                    (*table).specific_handlers,
                    (*table).specific_handler_count,
                    ocf,
                )
            } else {
                (
                    (*table).common_handlers,
                    (*table).common_handler_count,
                    usize::from(opcode),
                )
            };
            (at < count && !handlers.is_null()).then(|| &*handlers.add(at))
        };
        let Some((func, wanted)) = handler.and_then(|h| Some((h.func?, h.data_len))) else {
            return refuse(bindings::HCI_DRV_STATUS_UNKNOWN_COMMAND);
        };
        if wanted != data.len() {
            return refuse(bindings::HCI_DRV_STATUS_INVALID_PARAMETERS);
        }
        // SAFETY: The driver's handler, with the data length that it asked for. It gets the
        // packet's bytes as C drivers do, to read.
        to_result(unsafe { func(self.as_raw(), data.as_ptr().cast_mut().cast(), len) })?;
        Ok(DrvReply::ByDriver)
    }
}
