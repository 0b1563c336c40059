// SPDX-License-Identifier: GPL-2.0

//! Controller error codes (Vol 1 Part F) as kernel errors.

use kernel::{
    bindings,
    error::Error, //
};
use wire::hci::Status;

/// The positive errno that stands for a controller error code; 0 for success.
pub(crate) fn errno(status: Status) -> u32 {
    match status.0 {
        0x00 => 0,
        0x01 => bindings::EBADRQC,
        0x02 => bindings::ENOTCONN,
        0x03 => bindings::EIO,
        0x04 | 0x3c => bindings::EHOSTDOWN,
        0x05 | 0x18 => bindings::EACCES,
        0x06 => bindings::EBADE,
        0x07 => bindings::ENOMEM,
        0x08 | 0x10 => bindings::ETIMEDOUT,
        0x09 | 0x0a => bindings::EMLINK,
        0x0b => bindings::EALREADY,
        0x0c => bindings::EBUSY,
        0x0d..=0x0f | 0x1b => bindings::ECONNREFUSED,
        0x11 | 0x20 | 0x27 | 0x29 => bindings::EOPNOTSUPP,
        0x12 => bindings::EINVAL,
        0x13..=0x15 => bindings::ECONNRESET,
        0x16 => bindings::ECONNABORTED,
        0x17 => bindings::ELOOP,
        0x1a => bindings::EPROTONOSUPPORT,
        0x19 | 0x1e | 0x23..=0x25 => bindings::EPROTO,
        _ => bindings::ENOSYS,
    }
}

/// A controller's refusal, or its reason for the end of something, as an error. One that calls that
/// a success gives no reason: `EIO`.
pub(crate) fn error(status: Status) -> Error {
    i32::try_from(errno(status))
        .ok()
        .filter(|&n| n != 0)
        .and_then(|n| n.checked_neg())
        .map_or(kernel::error::code::EIO, Error::from_errno)
}
