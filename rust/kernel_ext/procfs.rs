// SPDX-License-Identifier: GPL-2.0

//! Read-only files under `/proc/net`.
//!
//! C header: [`include/linux/proc_fs.h`](srctree/include/linux/proc_fs.h)

use crate::{
    bindings,
    net::{
        Protocol,
        ProtocolSlot, //
    },
};
use core::ptr::NonNull;
use kernel::{
    prelude::*,
    seq_file::SeqFile, //
};

/// What a file shows.
pub trait SeqShow: Send + Sync {
    /// Prints the whole contents; process context, may sleep.
    ///
    /// # Errors
    ///
    /// Passed on to the reader.
    fn show(&self, m: &SeqFile) -> Result;
}

/// The table of a protocol's sockets.
impl<P: Protocol> SeqShow for &'static ProtocolSlot<P> {
    fn show(&self, m: &SeqFile) -> Result {
        if let Some(sockets) = self.sockets() {
            sockets.seq_show(m);
        }
        Ok(())
    }
}

/// A file of the initial network namespace, removed when this is dropped.
///
/// # Invariants
///
/// `entry` is null (there is no procfs) or a valid entry whose data is `*_data`.
pub struct ProcEntry<T: SeqShow> {
    entry: *mut bindings::proc_dir_entry,
    _data: KBox<T>,
}

// SAFETY: The entry may be removed by any thread, and `T` is `Send`.
unsafe impl<T: SeqShow> Send for ProcEntry<T> {}
// SAFETY: There are no methods that take a shared reference, and `T` is `Sync`.
unsafe impl<T: SeqShow> Sync for ProcEntry<T> {}

impl<T: SeqShow> ProcEntry<T> {
    /// Creates the file `/proc/net/<name>`. Without procfs it does nothing.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, also if there is such a file already.
    pub fn net(name: &'static CStr, data: T) -> Result<Self> {
        let data = KBox::new(data, GFP_KERNEL)?;
        // SAFETY: The name is copied. The data is valid until the entry is removed in `drop`; it
        // is in a box, so it does not move.
        let entry = unsafe {
            bindings::kext_proc_net_single(
                name.as_char_ptr(),
                Some(Self::show),
                core::ptr::from_ref::<T>(&data).cast_mut().cast(),
            )
        };
        if entry.is_null() && cfg!(CONFIG_PROC_FS) {
            return Err(ENOMEM);
        }
        // INVARIANT: As just created.
        Ok(Self { entry, _data: data })
    }

    /// # Safety
    ///
    /// To be called by C, on a file of ours.
    unsafe extern "C" fn show(m: *mut bindings::seq_file, _v: *mut c_void) -> c_int {
        // SAFETY: C passes a valid file, whose private data is what it was created with; removal
        // waits for us.
        let data = unsafe { NonNull::new((*m).private.cast::<T>()) };
        let Some(data) = data else {
            return EINVAL.to_errno();
        };
        // SAFETY: As above; nobody else accesses the file during the call.
        let result = unsafe { data.as_ref().show(SeqFile::from_raw(m)) };
        result.map_or_else(Error::to_errno, |()| 0)
    }
}

impl<T: SeqShow> Drop for ProcEntry<T> {
    fn drop(&mut self) {
        if !self.entry.is_null() {
            // SAFETY: Valid by the type invariant. Afterwards no `show` runs, and the data is freed
            // only then.
            unsafe { bindings::kext_proc_remove(self.entry) };
        }
    }
}
