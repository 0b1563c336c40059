// SPDX-License-Identifier: GPL-2.0

//! Directories in debugfs that C code adds to.
//!
//! [`kernel::debugfs`] keeps its dentries to itself, but transport drivers create files of their
//! own in `hci_dev.debugfs`, so the core needs a directory that it can show to C.
//!
//! As everywhere in debugfs, a file that cannot be created is no reason to fail: it is missing.
//!
//! C header: [`include/linux/debugfs.h`](srctree/include/linux/debugfs.h)

use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::{
        null_mut,
        NonNull, //
    },
};
use kernel::{
    prelude::*,
    seq_file::SeqFile,
    str::CStr,
    sync::Arc,
    types::ForeignOwnable,
    uaccess::{
        UserPtr,
        UserSlice,
        UserSliceReader, //
    },
};

/// A directory or a file, removed with its drop.
///
/// # Invariants
///
/// `dentry` is an error pointer, or has not been removed. For that, its directory is kept.
struct Entry {
    dentry: *mut bindings::dentry,
    _parent: Option<Dir>,
}

// SAFETY: A dentry may be removed by any thread.
unsafe impl Send for Entry {}
// SAFETY: `&Entry` gives access to nothing but the pointer.
unsafe impl Sync for Entry {}

impl Drop for Entry {
    fn drop(&mut self) {
        // SAFETY: By the type invariant; error pointers are ignored.
        unsafe { bindings::kext_debugfs_remove(self.dentry) };
    }
}

/// A directory. It goes, with all that C code has put into it, when its last handle is dropped; the
/// files and directories in it have one.
#[derive(Clone)]
pub struct Dir(Arc<Entry>);

impl Dir {
    /// Creates a directory in `parent`, or at the root of debugfs.
    ///
    /// # Errors
    ///
    /// `ENOMEM` for the handle; if it is the directory that cannot be created, this succeeds, and
    /// what is created in it is missing, too.
    pub fn new(name: &CStr, parent: Option<&Dir>) -> Result<Self> {
        let parent_ptr = parent.map_or(null_mut(), Dir::as_ptr);
        // SAFETY: The name is copied. `parent_ptr` is null, an error pointer, which is passed on,
        // or a directory that exists.
        let dentry = unsafe { bindings::kext_debugfs_create_dir(name.as_char_ptr(), parent_ptr) };
        // On failure `Entry` is dropped, and removed by that.
        Ok(Self(Arc::new(
            Entry {
                dentry,
                _parent: parent.cloned(),
            },
            GFP_KERNEL,
        )?))
    }

    /// The dentry, for a C struct: an error pointer if there is none. Valid while a handle exists.
    pub fn as_ptr(&self) -> *mut bindings::dentry {
        self.0.dentry
    }

    /// Creates a file with the permissions `mode` (0o444...).
    ///
    /// # Errors
    ///
    /// None for now. That of [`Self::new`] holds for files, too.
    pub fn file<O: FileOps>(&self, name: &CStr, mode: u16, data: O::Data) -> Result<File<O>> {
        // SAFETY: The file keeps the directory.
        let mut file = unsafe { File::new(self.as_ptr(), name, mode, data) };
        if let Some(entry) = &mut file.entry {
            entry._parent = Some(self.clone());
        }
        Ok(file)
    }
}

/// What a file shows and does.
pub trait FileOps: 'static {
    /// What the file holds on to. A counted reference on the file's owner makes a circle: drop the
    /// file when the owner goes, not when it is freed.
    type Data: ForeignOwnable + Send + Sync + 'static;

    /// Prints the contents ([`seq_print!`](kernel::seq_print)). It is called again with a larger
    /// buffer if the contents do not fit.
    ///
    /// # Errors
    ///
    /// Those of the `read()`.
    fn show(data: <Self::Data as ForeignOwnable>::Borrowed<'_>, out: &SeqFile) -> Result;

    /// Takes what one `write()` brings. What is left unread is ignored.
    ///
    /// # Errors
    ///
    /// Those of the `write()`.
    fn write(
        _data: <Self::Data as ForeignOwnable>::Borrowed<'_>,
        _input: &mut UserSliceReader,
    ) -> Result {
        Err(EPERM)
    }
}

/// A file. Its drop removes it, after waiting for readers and writers that are in it.
///
/// # Invariants
///
/// - `entry` is a file with the operations of `O` and `data`; it is `None` only while dropping.
/// - `data` is of `O::Data::into_foreign`, and only borrowed while the file exists.
pub struct File<O: FileOps> {
    entry: Option<Entry>,
    data: NonNull<c_void>,
    _ops: PhantomData<O::Data>,
}

// SAFETY: A file may be removed by any thread, and the data is `Send`.
unsafe impl<O: FileOps> Send for File<O> {}
// SAFETY: `&File` gives access to nothing.
unsafe impl<O: FileOps> Sync for File<O> {}

impl<O: FileOps> File<O> {
    const OPS: &'static bindings::file_operations = &bindings::file_operations {
        owner: &raw mut bindings::__this_module,
        open: Some(Self::open),
        read: Some(bindings::seq_read),
        write: Some(Self::write),
        llseek: Some(bindings::seq_lseek),
        release: Some(bindings::single_release),
        ..pin_init::zeroed()
    };

    /// Creates a file in a directory that is C code's.
    ///
    /// # Safety
    ///
    /// `parent` must be an error pointer, or a directory that exists for as long as the file.
    pub unsafe fn new(
        parent: *mut bindings::dentry,
        name: &CStr,
        mode: u16,
        data: O::Data,
    ) -> Self {
        let data = data.into_foreign();
        // SAFETY: The name is copied. The directory exists or is an error pointer. The operations
        // are static, and `data` fits them; it is given back after the file is removed.
        let dentry = unsafe {
            bindings::kext_debugfs_create_file(name.as_char_ptr(), mode, parent, data, Self::OPS)
        };
        // INVARIANT: Created above.
        Self {
            entry: Some(Entry {
                dentry,
                _parent: None,
            }),
            // SAFETY: Pointers of `into_foreign` are not null.
            data: unsafe { NonNull::new_unchecked(data) },
            _ops: PhantomData,
        }
    }

    // debugfs calls all of these (but `release`, which does not use the data) only while the file
    // is not removed, and makes its removal wait for them.

    /// # Safety
    ///
    /// Called by debugfs, for a file of `O`.
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: `inode` is valid, and has the data that the file was created with.
        unsafe { bindings::single_open(file, Some(Self::show), (*inode).i_private) }
    }

    /// # Safety
    ///
    /// Called by `seq_read()`, for a file that `open` has opened.
    unsafe extern "C" fn show(seq: *mut bindings::seq_file, _: *mut c_void) -> c_int {
        // SAFETY: The data is what `open` passed on, of a file that exists. `seq` is valid, and
        // locked by `seq_read()`.
        let (data, seq) = unsafe { (O::Data::borrow((*seq).private), SeqFile::from_raw(seq)) };
        match O::show(data, seq) {
            Ok(()) => 0,
            Err(e) => e.to_errno(),
        }
    }

    /// # Safety
    ///
    /// As for `open`.
    unsafe extern "C" fn write(
        file: *mut bindings::file,
        buf: *const c_char,
        count: usize,
        pos: *mut bindings::loff_t,
    ) -> isize {
        // SAFETY: `single_open` made the private data of `file` a `seq_file`.
        let data = unsafe {
            O::Data::borrow((*(*file).private_data.cast::<bindings::seq_file>()).private)
        };
        let mut input = UserSlice::new(UserPtr::from_ptr(buf.cast_mut().cast()), count).reader();
        match O::write(data, &mut input) {
            Ok(()) => {
                // The VFS keeps `count` below `isize::MAX`.
                let written = count as isize;
                // SAFETY: `pos` is the file position, which `write` may change.
                unsafe { *pos = (*pos).wrapping_add(written as bindings::loff_t) };
                written
            }
            Err(e) => e.to_errno() as isize,
        }
    }
}

impl<O: FileOps> Drop for File<O> {
    fn drop(&mut self) {
        // Removes the file.
        self.entry = None;
        // SAFETY: By the type invariant. The file is removed, so nobody borrows the data any more.
        drop(unsafe { O::Data::from_foreign(self.data.as_ptr()) });
    }
}
