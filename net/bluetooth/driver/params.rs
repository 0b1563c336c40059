// SPDX-License-Identifier: GPL-2.0

//! What an administrator may set: the module's parameters, and what `modinfo` says of it.
//!
//! Names, permissions, defaults and words are the C module's. They are in
//! `/sys/module/bluetooth/parameters` and may change at any time; what looks at one sees the value
//! of that moment.

use kernel_ext::{
    bool_param,
    modinfo, //
};

modinfo!(VERSION, "version=2.22");

bool_param!(
    pub(crate) DISABLE_ERTM,
    "disable_ertm",
    false,
    0o644,
    "Disable enhanced retransmission mode"
);

bool_param!(
    pub(crate) ENABLE_ECRED,
    "enable_ecred",
    cfg!(CONFIG_BT_LE_L2CAP_ECRED),
    0o644,
    "Enable enhanced credit flow control mode"
);

bool_param!(
    pub(crate) DISABLE_ESCO,
    "disable_esco",
    false,
    0o644,
    "Disable eSCO connection creation"
);
