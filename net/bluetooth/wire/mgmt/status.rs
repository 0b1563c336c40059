// SPDX-License-Identifier: GPL-2.0

//! How a mgmt command ended.

use core::fmt;

use crate::hci::Status;

octet! {
    /// A status of the mgmt interface; zero is success.
    #[derive(Default)]
    MgmtStatus {}
}

macro_rules! mgmt_statuses {
    ($($name:ident = $value:literal;)*) => {
        /// The names are those of the kernel's `MGMT_STATUS_*`.
        #[allow(missing_docs)]
        impl MgmtStatus {
            $(pub const $name: Self = Self($value);)*

            /// The kernel's name for it.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

mgmt_statuses! {
    SUCCESS = 0x00;
    UNKNOWN_COMMAND = 0x01;
    NOT_CONNECTED = 0x02;
    FAILED = 0x03;
    CONNECT_FAILED = 0x04;
    AUTH_FAILED = 0x05;
    NOT_PAIRED = 0x06;
    NO_RESOURCES = 0x07;
    TIMEOUT = 0x08;
    ALREADY_CONNECTED = 0x09;
    BUSY = 0x0a;
    REJECTED = 0x0b;
    NOT_SUPPORTED = 0x0c;
    INVALID_PARAMS = 0x0d;
    DISCONNECTED = 0x0e;
    NOT_POWERED = 0x0f;
    CANCELLED = 0x10;
    INVALID_INDEX = 0x11;
    RFKILLED = 0x12;
    ALREADY_PAIRED = 0x13;
    PERMISSION_DENIED = 0x14;
}

/// What user space is told for each of the controller's error codes, in their order.
static FROM_HCI: [MgmtStatus; 64] = [
    MgmtStatus::SUCCESS,
    MgmtStatus::UNKNOWN_COMMAND,
    MgmtStatus::NOT_CONNECTED,
    MgmtStatus::FAILED,
    MgmtStatus::CONNECT_FAILED,
    MgmtStatus::AUTH_FAILED,
    MgmtStatus::AUTH_FAILED,
    MgmtStatus::NO_RESOURCES,
    MgmtStatus::TIMEOUT,
    MgmtStatus::NO_RESOURCES,
    MgmtStatus::NO_RESOURCES,
    MgmtStatus::ALREADY_CONNECTED,
    MgmtStatus::BUSY,
    MgmtStatus::NO_RESOURCES,
    MgmtStatus::REJECTED,
    MgmtStatus::REJECTED,
    MgmtStatus::TIMEOUT,
    MgmtStatus::NOT_SUPPORTED,
    MgmtStatus::INVALID_PARAMS,
    MgmtStatus::DISCONNECTED,
    MgmtStatus::NO_RESOURCES,
    MgmtStatus::DISCONNECTED,
    MgmtStatus::DISCONNECTED,
    MgmtStatus::BUSY,
    MgmtStatus::REJECTED,
    MgmtStatus::FAILED,
    MgmtStatus::NOT_SUPPORTED,
    MgmtStatus::REJECTED,
    MgmtStatus::REJECTED,
    MgmtStatus::REJECTED,
    MgmtStatus::INVALID_PARAMS,
    MgmtStatus::FAILED,
    MgmtStatus::NOT_SUPPORTED,
    MgmtStatus::FAILED,
    MgmtStatus::TIMEOUT,
    MgmtStatus::FAILED,
    MgmtStatus::FAILED,
    MgmtStatus::REJECTED,
    MgmtStatus::FAILED,
    MgmtStatus::NOT_SUPPORTED,
    MgmtStatus::TIMEOUT,
    MgmtStatus::NOT_SUPPORTED,
    MgmtStatus::FAILED,
    MgmtStatus::FAILED,
    MgmtStatus::INVALID_PARAMS,
    MgmtStatus::REJECTED,
    MgmtStatus::NOT_SUPPORTED,
    MgmtStatus::REJECTED,
    MgmtStatus::INVALID_PARAMS,
    MgmtStatus::FAILED,
    MgmtStatus::BUSY,
    MgmtStatus::FAILED,
    MgmtStatus::FAILED,
    MgmtStatus::FAILED,
    MgmtStatus::INVALID_PARAMS,
    MgmtStatus::NOT_SUPPORTED,
    MgmtStatus::BUSY,
    MgmtStatus::REJECTED,
    MgmtStatus::BUSY,
    MgmtStatus::INVALID_PARAMS,
    MgmtStatus::TIMEOUT,
    MgmtStatus::AUTH_FAILED,
    MgmtStatus::CONNECT_FAILED,
    MgmtStatus::CONNECT_FAILED,
];

impl MgmtStatus {
    /// Whether the command succeeded.
    #[inline]
    pub const fn is_success(self) -> bool {
        self.0 == 0
    }

    /// What user space is told when the controller says `status`.
    #[inline]
    pub fn from_hci(status: Status) -> Self {
        FROM_HCI
            .get(usize::from(status.0))
            .copied()
            .unwrap_or(Self::FAILED)
    }
}

impl From<Status> for MgmtStatus {
    #[inline]
    fn from(status: Status) -> Self {
        Self::from_hci(status)
    }
}

impl fmt::Debug for MgmtStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "0x{:02x}", self.0),
        }
    }
}
