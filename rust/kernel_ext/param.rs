// SPDX-License-Identifier: GPL-2.0

//! Module parameters that sysfs shows.
//!
//! Those of the kernel crate's `module!` are read once, when the module is loaded, and not
//! visible. These are as C's `module_param()` makes them, with permissions, and may change at any
//! time.
//!
//! C header: [`include/linux/moduleparam.h`](srctree/include/linux/moduleparam.h)

use crate::bindings;
use core::sync::atomic::{
    AtomicBool,
    Ordering, //
};
use kernel::str::CStr;

/// The description of a parameter, as the module loader reads it.
#[repr(transparent)]
pub struct Description(bindings::kernel_param);

// SAFETY: It is only read.
unsafe impl Sync for Description {}

impl Description {
    /// Describes a switch.
    ///
    /// # Safety
    ///
    /// The value belongs in the section `__param` of the module whose object this is linked to.
    pub const unsafe fn bool(name: &'static CStr, value: &'static Bool, mode: u16) -> Self {
        Self(bindings::kernel_param {
            // `CStr::as_char_ptr` is not const.
            name: name.to_bytes_with_nul().as_ptr().cast(),
            mod_: &raw mut bindings::__this_module,
            ops: &raw const bindings::param_ops_bool,
            perm: mode,
            level: -1,
            flags: 0,
            __bindgen_anon_1: bindings::kernel_param__bindgen_ty_1 {
                arg: value.0.as_ptr().cast(),
            },
        })
    }
}

/// The value of a switch.
pub struct Bool(AtomicBool);

impl Bool {
    /// With its default.
    pub const fn new(value: bool) -> Self {
        Self(AtomicBool::new(value))
    }

    /// The value at this moment.
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Turns text into the bytes of an entry in `.modinfo`.
pub const fn bytes<const N: usize>(text: &str) -> [u8; N] {
    let text = text.as_bytes();
    let mut out = [0; N];
    let mut i = 0;
    while i < N {
        out[i] = text[i];
        i += 1;
    }
    out
}

/// Puts a line into the module's `.modinfo`, as `MODULE_INFO()` does.
#[macro_export]
macro_rules! modinfo {
    ($name:ident, $($text:expr),+ $(,)?) => {
        #[link_section = ".modinfo"]
        #[used(compiler)]
        static $name: [u8; concat!($($text,)+ "\0").len()] =
            $crate::param::bytes(concat!($($text,)+ "\0"));
    };
}

/// Declares a switch: its variable, permissions and description.
///
/// ```ignore
/// bool_param!(pub(crate) RESET, "reset", true, 0o644, "Send HCI reset command on initialization");
/// ```
#[macro_export]
macro_rules! bool_param {
    ($(#[$attr:meta])* $vis:vis $var:ident, $name:literal, $default:expr, $mode:expr, $text:literal) => {
        #[doc = $text]
        $(#[$attr])*
        $vis static $var: $crate::param::Bool = {
            #[link_section = "__param"]
            #[used(compiler)]
            // SAFETY: This is the module's own object.
            static DESCRIPTION: $crate::param::Description =
                unsafe { $crate::param::Description::bool(::kernel::c_str!($name), &$var, $mode) };
            $crate::modinfo!(TYPE, "parmtype=", $name, ":bool");
            $crate::modinfo!(TEXT, "parm=", $name, ":", $text);
            $crate::param::Bool::new($default)
        };
    };
}
