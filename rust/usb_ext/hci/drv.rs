// SPDX-License-Identifier: GPL-2.0

//! Commands to the driver itself (packet type `HCI_DRV_PKT`).
//!
//! C header: [`include/net/bluetooth/hci_drv.h`](srctree/include/net/bluetooth/hci_drv.h)

use super::Device;
use crate::bindings;
use core::marker::PhantomData;
use kernel::{
    error::{
        from_result,
        to_result, //
    },
    prelude::*,
    sync::ArcBorrow, //
};

/// Opcodes: the one that all drivers have, and the first of a driver's own.
const READ_INFO: u16 = bindings::HCI_DRV_OP_READ_INFO as u16;
const SPECIFIC: u16 = (bindings::HCI_DRV_OGF_DRIVER_SPECIFIC as u16) << 10;

/// What a driver answers.
#[derive(Debug)]
pub enum Answer {
    /// It worked: the bytes, of which there are so many.
    Complete([u8; 8], usize),
    /// It worked, and there is nothing to say.
    Done,
    /// The parameters are wrong.
    Invalid,
    /// It did not work.
    Failed,
}

/// The commands of a driver with two of its own: one without parameters, one with a byte.
pub trait DrvCommands: super::Driver {
    /// Its name.
    const NAME: &'static str;

    /// The first, without parameters.
    fn query(this: ArcBorrow<'_, Self>, dev: &Device) -> Answer;

    /// The second, with one byte.
    fn set(this: ArcBorrow<'_, Self>, dev: &Device, value: u8) -> Answer;
}

/// Both tables: what all drivers have, and what is this one's.
#[repr(C)]
pub(super) struct DrvTable<T>(PhantomData<T>);

impl<T: DrvCommands> DrvTable<T> {
    const COMMON: &'static [bindings::hci_drv_handler; 1] = &[bindings::hci_drv_handler {
        func: Some(Self::read_info),
        data_len: 0,
    }];

    const OWN: &'static [bindings::hci_drv_handler; 2] = &[
        bindings::hci_drv_handler {
            func: Some(Self::query),
            data_len: 0,
        },
        bindings::hci_drv_handler {
            func: Some(Self::set),
            data_len: 1,
        },
    ];

    const TABLE: &'static bindings::hci_drv = &bindings::hci_drv {
        common_handler_count: 1,
        common_handlers: Self::COMMON.as_ptr(),
        specific_handler_count: 2,
        specific_handlers: Self::OWN.as_ptr(),
    };

    /// For `hci_dev.hci_drv`.
    pub(super) fn as_ptr() -> *mut bindings::hci_drv {
        core::ptr::from_ref(Self::TABLE).cast_mut()
    }

    fn complete(dev: &Device, opcode: u16, bytes: &[u8]) -> Result {
        // SAFETY: The controller is alive; the bytes are copied.
        to_result(unsafe {
            bindings::hci_drv_cmd_complete(
                dev.as_raw(),
                opcode,
                bindings::HCI_DRV_STATUS_SUCCESS as u8,
                bytes.as_ptr().cast_mut().cast(),
                bytes.len(),
            )
        })
    }

    fn answer(dev: &Device, opcode: u16, answer: Answer) -> c_int {
        let status = match answer {
            Answer::Complete(bytes, len) => {
                let bytes = bytes.get(..len).unwrap_or(&[]);
                return from_result(|| Self::complete(dev, opcode, bytes).map(|()| 0));
            }
            Answer::Done => bindings::HCI_DRV_STATUS_SUCCESS,
            Answer::Invalid => bindings::HCI_DRV_STATUS_INVALID_PARAMETERS,
            Answer::Failed => bindings::HCI_DRV_STATUS_UNSPECIFIED_ERROR,
        };
        // SAFETY: The controller is alive.
        unsafe { bindings::hci_drv_cmd_status(dev.as_raw(), opcode, status as u8) }
    }

    /// # Safety
    ///
    /// These are called by the core, for a controller that is registered with an `Arc<T>`, with
    /// as many bytes as the table asks for.
    unsafe extern "C" fn read_info(
        hdev: *mut bindings::hci_dev,
        _data: *mut c_void,
        _len: u16,
    ) -> c_int {
        // The driver's name in 32 bytes, the number of opcodes, the opcodes.
        let mut reply = [0u8; 40];
        for (to, from) in reply.iter_mut().take(31).zip(T::NAME.bytes()) {
            *to = from;
        }
        let words = [3, READ_INFO, SPECIFIC, SPECIFIC | 1];
        for (to, from) in reply
            .iter_mut()
            .skip(32)
            .zip(words.iter().flat_map(|word: &u16| word.to_le_bytes()))
        {
            *to = from;
        }
        // SAFETY: By the function's requirements.
        let dev = unsafe { Device::from_raw(hdev) };
        from_result(|| Self::complete(dev, READ_INFO, &reply).map(|()| 0))
    }

    /// # Safety
    ///
    /// As for `read_info`.
    unsafe extern "C" fn query(
        hdev: *mut bindings::hci_dev,
        _data: *mut c_void,
        _len: u16,
    ) -> c_int {
        // SAFETY: By the requirements of `read_info`.
        let (this, dev) = unsafe { Self::parts(hdev) };
        Self::answer(dev, SPECIFIC, T::query(this, dev))
    }

    /// # Safety
    ///
    /// As for `read_info`.
    unsafe extern "C" fn set(hdev: *mut bindings::hci_dev, data: *mut c_void, _len: u16) -> c_int {
        // SAFETY: By the requirements of `read_info`.
        let ((this, dev), value) = unsafe { (Self::parts(hdev), data.cast::<u8>().read()) };
        Self::answer(dev, SPECIFIC | 1, T::set(this, dev, value))
    }

    /// # Safety
    ///
    /// As for `read_info`.
    unsafe fn parts<'a>(hdev: *mut bindings::hci_dev) -> (ArcBorrow<'a, T>, &'a Device) {
        // SAFETY: By the function's requirements.
        unsafe {
            (
                ArcBorrow::from_raw((*hdev).dev.driver_data.cast_const().cast::<T>()),
                Device::from_raw(hdev),
            )
        }
    }
}
