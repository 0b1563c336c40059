// SPDX-License-Identifier: GPL-2.0

//! Socket buffers.
//!
//! C header: [`include/linux/skbuff.h`](srctree/include/linux/skbuff.h)
//!
//! The C interface checks its callers with `BUG()`: pushing beyond the headroom or putting beyond
//! the tailroom stops the machine. Here each of them is checked first and answers with an error.

use crate::bindings;
use core::{
    mem::{
        align_of,
        size_of,
        ManuallyDrop, //
    },
    pin::Pin,
    ptr::NonNull,
    slice,
};
use kernel::{
    alloc::Flags,
    error::to_result,
    prelude::*,
    sync::LockClassKey,
    types::Opaque, //
};
use zerocopy::{
    FromBytes,
    Immutable,
    IntoBytes,
    KnownLayout, //
};

/// Translates allocation flags to C's.
///
/// The kernel crate keeps their raw value to itself; a caller here either may sleep or may not.
#[inline]
pub(crate) fn gfp(flags: Flags) -> bindings::gfp_t {
    if flags.contains(GFP_KERNEL) {
        bindings::GFP_KERNEL
    } else {
        bindings::GFP_ATOMIC
    }
}

/// Size of the control buffer that travels with every [`SkBuff`], in bytes.
pub const CB_SIZE: usize = 48;

/// An owned socket buffer.
///
/// The bytes of a buffer are its linear part ([`data`](Self::data)) and, for a few drivers,
/// fragments behind it, which [`linearize`](Self::linearize) pulls in.
///
/// Clones ([`try_clone`](Self::try_clone)) share the bytes but not the bounds: while there are
/// any, the bytes are read-only.
///
/// # Invariants
///
/// `self.0` points to a valid `sk_buff` of which this value owns the only reference
/// (`skb_shared()` is false), and which is on no list.
#[repr(transparent)]
pub struct SkBuff(NonNull<bindings::sk_buff>);

// SAFETY: A buffer is not bound to the thread that allocated it. It is not `Sync`: cloning changes
// the original, too.
unsafe impl Send for SkBuff {}

impl SkBuff {
    /// Headroom that transport drivers may rely on, in bytes (`BT_SKB_RESERVE`).
    pub const BT_RESERVE: usize = 8;

    /// Largest buffer that [`alloc`](Self::alloc) hands out, in bytes.
    pub const MAX_SIZE: usize = 256 * 1024;

    /// Takes over a buffer from C.
    ///
    /// # Safety
    ///
    /// `skb` must be valid and on no list, and the caller must own its only reference and give it
    /// up.
    #[inline]
    pub unsafe fn from_raw(skb: NonNull<bindings::sk_buff>) -> Self {
        // INVARIANT: As required of the caller.
        Self(skb)
    }

    /// Gives the buffer up to C.
    #[inline]
    pub fn into_raw(self) -> NonNull<bindings::sk_buff> {
        ManuallyDrop::new(self).0
    }

    /// Returns the C object.
    #[inline]
    pub fn as_ptr(&self) -> *mut bindings::sk_buff {
        self.0.as_ptr()
    }

    /// Takes over what a C function returned, if it succeeded.
    ///
    /// # Safety
    ///
    /// As for [`from_raw`](Self::from_raw), unless `skb` is null.
    unsafe fn from_alloc(skb: *mut bindings::sk_buff) -> Result<Self> {
        let skb = NonNull::new(skb).ok_or(ENOMEM)?;
        // SAFETY: As required of the caller.
        Ok(unsafe { Self::from_raw(skb) })
    }

    /// Allocates an empty buffer with `headroom` bytes reserved before and at least `size` bytes
    /// of room for data.
    ///
    /// # Errors
    ///
    /// `EMSGSIZE` beyond [`MAX_SIZE`](Self::MAX_SIZE), `ENOMEM`.
    #[inline]
    pub fn alloc(headroom: usize, size: usize, flags: Flags) -> Result<Self> {
        let total = headroom.checked_add(size).ok_or(EMSGSIZE)?;
        if total > Self::MAX_SIZE {
            return Err(EMSGSIZE);
        }
        // CAST: Both are at most `MAX_SIZE`.
        // SAFETY: Any sizes may be asked for whose sum is one.
        let skb = unsafe { bindings::kext_alloc_skb(headroom as u32, size as u32, gfp(flags)) };
        // SAFETY: A fresh allocation has one reference, which is ours.
        unsafe { Self::from_alloc(skb) }
    }

    /// Allocates an empty buffer with the headroom that drivers expect.
    ///
    /// # Errors
    ///
    /// As [`alloc`](Self::alloc).
    #[inline]
    pub fn bt_alloc(size: usize, flags: Flags) -> Result<Self> {
        Self::alloc(Self::BT_RESERVE, size, flags)
    }

    /// Allocates a buffer that holds a copy of `bytes`.
    ///
    /// # Errors
    ///
    /// As [`alloc`](Self::alloc).
    #[inline]
    pub fn from_slice(headroom: usize, bytes: &[u8], flags: Flags) -> Result<Self> {
        let skb = Self::alloc(headroom, bytes.len(), flags)?;
        // CAST: `alloc` takes no more than `MAX_SIZE`.
        // SAFETY: The buffer is new: nobody shares it, and it has room for so many bytes.
        unsafe {
            let to = bindings::skb_put(skb.as_ptr(), bytes.len() as u32).cast::<u8>();
            core::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
        }
        Ok(skb)
    }

    /// Returns the number of bytes, fragments included.
    #[inline]
    pub fn len(&self) -> usize {
        // SAFETY: Valid by the type invariant.
        unsafe { (*self.as_ptr()).len as usize }
    }

    /// Returns whether there is no byte at all.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of bytes in the linear part.
    #[inline]
    pub fn headlen(&self) -> usize {
        // SAFETY: Valid by the type invariant.
        let (len, data_len) = unsafe { ((*self.as_ptr()).len, (*self.as_ptr()).data_len) };
        len.wrapping_sub(data_len) as usize
    }

    /// Returns whether all bytes are in the linear part.
    #[inline]
    pub fn is_linear(&self) -> bool {
        // SAFETY: Valid by the type invariant.
        unsafe { (*self.as_ptr()).data_len == 0 }
    }

    /// Returns the memory that the buffer is accounted for, in bytes.
    #[inline]
    pub fn truesize(&self) -> usize {
        // SAFETY: Valid by the type invariant.
        unsafe { (*self.as_ptr()).truesize as usize }
    }

    /// Returns the room before the data, in bytes.
    #[inline]
    pub fn headroom(&self) -> usize {
        // SAFETY: Valid by the type invariant.
        let (data, head) = unsafe { ((*self.as_ptr()).data, (*self.as_ptr()).head) };
        (data as usize).wrapping_sub(head as usize)
    }

    /// Returns the room behind the data, in bytes; 0 if the buffer is not linear.
    #[inline]
    pub fn tailroom(&self) -> usize {
        // SAFETY: Valid by the type invariant.
        unsafe { bindings::kext_skb_tailroom(self.as_ptr()) as usize }
    }

    /// Returns whether the bytes are shared with a clone.
    #[inline]
    pub fn is_cloned(&self) -> bool {
        // SAFETY: Valid by the type invariant.
        unsafe { bindings::kext_skb_cloned(self.as_ptr()) }
    }

    /// Pulls all fragments into the linear part. Buffers of most drivers are linear already.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    #[inline]
    pub fn linearize(&mut self) -> Result {
        if self.is_linear() {
            return Ok(());
        }
        // SAFETY: Valid and not shared by the type invariant.
        to_result(unsafe { bindings::kext_skb_linearize(self.as_ptr()) })
    }

    /// Returns the linear part.
    #[inline]
    pub fn data(&self) -> &[u8] {
        // SAFETY: The linear part is `headlen` initialised bytes from `data`. Nobody writes to it:
        // we do so only with `&mut self`, and not while there are clones.
        unsafe { slice::from_raw_parts((*self.as_ptr()).data, self.headlen()) }
    }

    /// Returns the linear part to change it, or [`None`] if it is shared with a clone.
    #[inline]
    pub fn data_mut(&mut self) -> Option<&mut [u8]> {
        if self.is_cloned() {
            return None;
        }
        // SAFETY: As in `data`. The bytes are not shared and, since this is the only reference to
        // the buffer, will not be as long as we are borrowed.
        Some(unsafe { slice::from_raw_parts_mut((*self.as_ptr()).data, self.headlen()) })
    }

    /// Pulls all fragments in, makes a private copy if the bytes are shared, and returns them.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn make_writable(&mut self, flags: Flags) -> Result<&mut [u8]> {
        self.linearize()?;
        self.cow_head(0, flags)?;
        self.data_mut().ok_or(EBUSY)
    }

    /// Ensures `headroom` bytes before the data and that the bytes are not shared.
    ///
    /// # Errors
    ///
    /// `EMSGSIZE` beyond [`MAX_SIZE`](Self::MAX_SIZE), `ENOMEM`.
    pub fn cow_head(&mut self, headroom: usize, flags: Flags) -> Result {
        if headroom > Self::MAX_SIZE {
            return Err(EMSGSIZE);
        }
        // CAST: At most `MAX_SIZE`.
        // SAFETY: Valid and not shared by the type invariant.
        to_result(unsafe { bindings::kext_skb_cow(self.as_ptr(), headroom as u32, gfp(flags)) })
    }

    /// Drops `n` bytes at the front of the linear part.
    ///
    /// Returns [`None`] and changes nothing if there are fewer.
    #[inline]
    pub fn pull(&mut self, n: usize) -> Option<()> {
        if n > self.headlen() {
            return None;
        }
        let skb = self.as_ptr();
        // As `__skb_pull()`, which is inline in C, too.
        // CAST: `n <= headlen`, which is a `u32`, and so is `len`, of which it is a part.
        // SAFETY: Valid by the type invariant. The linear part has `n` bytes, so `data` stays in it.
        unsafe {
            (*skb).len = (*skb).len.wrapping_sub(n as u32);
            (*skb).data = (*skb).data.add(n);
        }
        Some(())
    }

    /// Drops `n` bytes at the front, wherever they are.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there are fewer, `ENOMEM`: nothing is changed then.
    pub fn pull_any(&mut self, n: usize) -> Result {
        if n > self.len() {
            return Err(EINVAL);
        }
        // CAST: `n <= len`, which is a `u32`.
        // SAFETY: Valid and not shared by the type invariant.
        if unsafe { bindings::kext_skb_pull_any(self.as_ptr(), n as u32) } {
            Ok(())
        } else {
            Err(ENOMEM)
        }
    }

    /// Drops `n` bytes at the front of the linear part and returns them.
    #[inline]
    pub fn pull_data(&mut self, n: usize) -> Option<&[u8]> {
        // SAFETY: Valid by the type invariant.
        let data = unsafe { (*self.as_ptr()).data };
        self.pull(n)?;
        // SAFETY: These were the first `n` bytes of the linear part. Pulling neither moves nor
        // changes them, and nothing else can happen to them while `self` is borrowed.
        Some(unsafe { slice::from_raw_parts(data, n) })
    }

    /// Drops a `T` at the front of the linear part and returns a copy of it.
    #[inline]
    pub fn pull_obj<T: FromBytes>(&mut self) -> Option<T> {
        T::read_from_bytes(self.pull_data(size_of::<T>())?).ok()
    }

    /// Puts `header` before the data.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there is not enough headroom, `EBUSY` if the bytes are shared with a clone
    /// (whose headroom is the same memory); [`cow_head`](Self::cow_head) helps against both.
    pub fn push_slice(&mut self, header: &[u8]) -> Result {
        if header.len() > self.headroom() {
            return Err(ENOSPC);
        }
        if self.is_cloned() {
            return Err(EBUSY);
        }
        // CAST: The headroom is less than the size of the buffer, which is a `u32`.
        // SAFETY: There is enough headroom, so `skb_push` returns as many bytes. They belong to
        // this buffer only, and `header` borrows from elsewhere.
        unsafe {
            let to = bindings::skb_push(self.as_ptr(), header.len() as u32);
            core::ptr::copy_nonoverlapping(header.as_ptr(), to.cast(), header.len());
        }
        Ok(())
    }

    /// Puts `header` before the data.
    ///
    /// # Errors
    ///
    /// As [`push_slice`](Self::push_slice).
    #[inline]
    pub fn push_obj<T: IntoBytes + Immutable>(&mut self, header: &T) -> Result {
        self.push_slice(header.as_bytes())
    }

    /// Checks that `n` bytes may be appended.
    fn check_put(&self, n: usize) -> Result {
        if n > self.tailroom() {
            return Err(ENOSPC);
        }
        if self.is_cloned() {
            return Err(EBUSY);
        }
        Ok(())
    }

    /// Appends `n` bytes that `fill` initialises.
    ///
    /// # Safety
    ///
    /// If `fill` returns `Ok`, it must have initialised `n` bytes from the pointer it is given,
    /// and written nowhere else.
    pub(crate) unsafe fn put_with(
        &mut self,
        n: usize,
        fill: impl FnOnce(*mut u8) -> Result,
    ) -> Result {
        if n == 0 {
            return fill(NonNull::dangling().as_ptr());
        }
        self.check_put(n)?;
        // SAFETY: Valid by the type invariant.
        let len = unsafe { (*self.as_ptr()).len };
        // CAST: The tailroom is less than the size of the buffer, which is a `u32`.
        // SAFETY: There is enough tailroom; a buffer with any is linear.
        let to = unsafe { bindings::skb_put(self.as_ptr(), n as u32) };
        fill(to.cast()).inspect_err(|_| {
            // What was not initialised must not be seen.
            //
            // SAFETY: The buffer is linear.
            unsafe { bindings::skb_trim(self.as_ptr(), len) };
        })
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there is not enough tailroom (a buffer that is not linear has none), `EBUSY`
    /// if the bytes are shared with a clone.
    pub fn put_slice(&mut self, bytes: &[u8]) -> Result {
        // SAFETY: All of them are copied. `bytes` cannot overlap with the tailroom of this buffer.
        unsafe {
            self.put_with(bytes.len(), |to| {
                core::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
                Ok(())
            })
        }
    }

    /// Appends `value`.
    ///
    /// # Errors
    ///
    /// As [`put_slice`](Self::put_slice).
    #[inline]
    pub fn put_obj<T: IntoBytes + Immutable>(&mut self, value: &T) -> Result {
        self.put_slice(value.as_bytes())
    }

    /// Appends `n` zeroes and returns them to be overwritten.
    ///
    /// # Errors
    ///
    /// As [`put_slice`](Self::put_slice).
    pub fn put_zeroed(&mut self, n: usize) -> Result<&mut [u8]> {
        if n == 0 {
            return Ok(&mut []);
        }
        let mut start = NonNull::<u8>::dangling().as_ptr();
        // SAFETY: All `n` bytes are written.
        unsafe {
            self.put_with(n, |to| {
                core::ptr::write_bytes(to, 0, n);
                start = to;
                Ok(())
            })
        }?;
        // SAFETY: These bytes were just initialised and are not shared. They stay where they are
        // while `self` is borrowed.
        Ok(unsafe { slice::from_raw_parts_mut(start, n) })
    }

    /// Cuts off what is beyond the first `len` bytes.
    ///
    /// # Errors
    ///
    /// `ENOMEM` (fragments shared with a clone).
    #[inline]
    pub fn trim(&mut self, len: usize) -> Result {
        if len >= self.len() {
            return Ok(());
        }
        // CAST: Less than the length, which is a `u32`.
        // SAFETY: Valid and not shared by the type invariant.
        to_result(unsafe { bindings::kext_pskb_trim(self.as_ptr(), len as u32) })
    }

    /// Returns a clone: the same bytes, shared; its own bounds, control buffer and time stamp; no
    /// socket.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn try_clone(&self, flags: Flags) -> Result<Self> {
        // SAFETY: Valid by the type invariant; `&self` is not shared between threads as `SkBuff`
        // is not `Sync`.
        let skb = unsafe { bindings::skb_clone(self.as_ptr(), gfp(flags)) };
        // SAFETY: A fresh clone has one reference, which is ours.
        unsafe { Self::from_alloc(skb) }
    }

    /// Returns a private, linear copy with the same headroom.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn copy(&self, flags: Flags) -> Result<Self> {
        // SAFETY: Valid by the type invariant.
        let skb = unsafe { bindings::skb_copy(self.as_ptr(), gfp(flags)) };
        // SAFETY: A fresh copy has one reference, which is ours.
        unsafe { Self::from_alloc(skb) }
    }

    /// Returns a copy with `headroom` bytes before the data; fragments stay shared.
    ///
    /// # Errors
    ///
    /// `EMSGSIZE` beyond [`MAX_SIZE`](Self::MAX_SIZE), `ENOMEM`.
    pub fn copy_with_headroom(&self, headroom: usize, flags: Flags) -> Result<Self> {
        if headroom > Self::MAX_SIZE {
            return Err(EMSGSIZE);
        }
        // CAST: At most `MAX_SIZE`.
        // SAFETY: Valid by the type invariant.
        let skb = unsafe { bindings::kext_pskb_copy(self.as_ptr(), headroom as u32, gfp(flags)) };
        // SAFETY: A fresh copy has one reference, which is ours.
        unsafe { Self::from_alloc(skb) }
    }

    /// Returns the control buffer.
    ///
    /// Its last four bytes belong to the socket layer once the buffer is queued on a socket.
    #[inline]
    pub fn cb_bytes(&self) -> &[u8; CB_SIZE] {
        // SAFETY: Valid by the type invariant; the control buffer is always initialised, and
        // `c_char` has the layout of `u8`.
        unsafe { &*(&raw const (*self.as_ptr()).cb).cast() }
    }

    /// Returns the control buffer to change it.
    #[inline]
    pub fn cb_bytes_mut(&mut self) -> &mut [u8; CB_SIZE] {
        // SAFETY: As in `cb_bytes`, and the buffer is ours alone.
        unsafe { &mut *(&raw mut (*self.as_ptr()).cb).cast() }
    }

    /// Returns the control buffer as a `T`, which must not be larger nor stricter aligned.
    #[inline]
    pub fn cb<T: FromBytes + IntoBytes + Immutable + KnownLayout>(&self) -> &T {
        const { assert!(size_of::<T>() <= CB_SIZE && align_of::<T>() <= 8) };
        // SAFETY: The control buffer is large enough, 8-byte aligned and initialised, and any
        // bytes are a `T`.
        unsafe { &*(&raw const (*self.as_ptr()).cb).cast() }
    }

    /// Returns the control buffer as a `T` to change it.
    #[inline]
    pub fn cb_mut<T: FromBytes + IntoBytes + Immutable + KnownLayout>(&mut self) -> &mut T {
        const { assert!(size_of::<T>() <= CB_SIZE && align_of::<T>() <= 8) };
        // SAFETY: As in `cb`; any `T` is initialised bytes, too, and the buffer is ours alone.
        unsafe { &mut *(&raw mut (*self.as_ptr()).cb).cast() }
    }

    /// Returns the queueing priority.
    #[inline]
    pub fn priority(&self) -> u32 {
        // SAFETY: Valid by the type invariant.
        unsafe { bindings::kext_skb_priority(self.as_ptr()) }
    }

    /// Sets the queueing priority.
    #[inline]
    pub fn set_priority(&mut self, priority: u32) {
        // SAFETY: Valid by the type invariant.
        unsafe { bindings::kext_skb_set_priority(self.as_ptr(), priority) }
    }

    /// Sets the time stamp to now.
    #[inline]
    pub fn timestamp(&mut self) {
        // SAFETY: Valid by the type invariant.
        unsafe { bindings::kext_skb_timestamp(self.as_ptr()) }
    }

    /// Returns the time stamp in nanoseconds since the epoch; 0 is none.
    #[inline]
    pub fn tstamp(&self) -> i64 {
        // SAFETY: Valid by the type invariant.
        unsafe { bindings::kext_skb_tstamp(self.as_ptr()) }
    }

    /// Sets the time stamp, in nanoseconds since the epoch.
    #[inline]
    pub fn set_tstamp(&mut self, ns: i64) {
        // SAFETY: Valid by the type invariant.
        unsafe { bindings::kext_skb_set_tstamp(self.as_ptr(), ns) }
    }

    /// Detaches the buffer from its socket: it no longer counts there.
    #[inline]
    pub fn orphan(&mut self) {
        // SAFETY: Valid by the type invariant.
        unsafe { bindings::kext_skb_orphan(self.as_ptr()) }
    }

    /// Frees the buffer after use. Dropping it counts as a drop in the kernel's statistics.
    #[inline]
    pub fn consume(self) {
        // SAFETY: We own the reference and give it up.
        unsafe { bindings::kext_consume_skb(self.into_raw().as_ptr()) }
    }
}

impl Drop for SkBuff {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: We own the reference and give it up.
        unsafe { bindings::kext_kfree_skb(self.as_ptr()) }
    }
}

/// A buffer of which is known that `H` more bytes of headers fit before the data, and that nobody
/// shares it: pushing them cannot fail.
///
/// What fits is counted at compile time:
///
/// ```ignore
/// let skb = WithHeadroom::<8>::alloc(payload.len(), GFP_KERNEL)?;
/// let skb: WithHeadroom<4> = skb.push(&l2cap_header); // 4 bytes
/// let skb: WithHeadroom<0> = skb.push(&acl_header); // 4 bytes
/// ```
///
/// # Invariants
///
/// The headroom is at least `H` bytes, and the bytes are not shared with a clone.
#[repr(transparent)]
pub struct WithHeadroom<const H: usize>(SkBuff);

impl<const H: usize> WithHeadroom<H> {
    /// Allocates an empty buffer with room for `H` bytes of headers, for `size` bytes of data, and
    /// before all with the headroom that drivers expect.
    ///
    /// # Errors
    ///
    /// As [`SkBuff::alloc`].
    pub fn alloc(size: usize, flags: Flags) -> Result<Self> {
        const { assert!(H <= SkBuff::MAX_SIZE / 2) };
        // INVARIANT: The headroom is larger, and a new buffer is not shared.
        Ok(Self(SkBuff::alloc(
            SkBuff::BT_RESERVE.wrapping_add(H),
            size,
            flags,
        )?))
    }

    /// Checks that `H` bytes fit before the data, and that these are not shared.
    ///
    /// # Errors
    ///
    /// Returns the buffer if not; [`SkBuff::cow_head`] makes it fit.
    pub fn new(skb: SkBuff) -> Result<Self, SkBuff> {
        if skb.headroom() >= H && !skb.is_cloned() {
            // INVARIANT: Just checked.
            Ok(Self(skb))
        } else {
            Err(skb)
        }
    }

    /// Puts `header` before the data. `REST` bytes remain; it is at most `H` less its size.
    pub fn push<T: IntoBytes + Immutable, const REST: usize>(
        self,
        header: &T,
    ) -> WithHeadroom<REST> {
        const { assert!(size_of::<T>() <= H && REST <= H - size_of::<T>()) };
        // SAFETY: There is enough headroom by the type invariant, so `skb_push` returns as many
        // bytes. They belong to this buffer only, and `header` borrows from elsewhere.
        unsafe {
            let to = bindings::skb_push(self.0.as_ptr(), size_of::<T>() as u32);
            core::ptr::copy_nonoverlapping(header.as_bytes().as_ptr(), to.cast(), size_of::<T>());
        }
        // INVARIANT: What was there, less the header.
        WithHeadroom(self.0)
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    ///
    /// As [`SkBuff::put_slice`].
    pub fn put_slice(&mut self, bytes: &[u8]) -> Result {
        self.0.put_slice(bytes)
    }

    /// Returns the number of bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there is no byte at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the linear part.
    pub fn data(&self) -> &[u8] {
        self.0.data()
    }

    /// Returns the buffer, without what is known about it.
    pub fn into_inner(self) -> SkBuff {
        self.0
    }
}

/// A first-in first-out queue of [`SkBuff`]s, usable in any context.
///
/// # Invariants
///
/// The queue owns the reference of each buffer on it, which is the only one.
#[pin_data(PinnedDrop)]
pub struct SkBuffQueue {
    #[pin]
    list: Opaque<bindings::sk_buff_head>,
}

// SAFETY: Buffers may be sent to other threads, and so may a queue of them.
unsafe impl Send for SkBuffQueue {}
// SAFETY: All methods take the queue's own lock.
unsafe impl Sync for SkBuffQueue {}

/// Creates an initialiser of a [`SkBuffQueue`] with a lock class of its own.
///
/// [`SkBuffQueue`]: crate::skbuff::SkBuffQueue
#[macro_export]
macro_rules! new_skb_queue {
    ($name:literal) => {
        $crate::skbuff::SkBuffQueue::new(::kernel::c_str!($name), ::kernel::static_lock_class!())
    };
}
pub use new_skb_queue;

impl SkBuffQueue {
    /// Creates an empty queue. [`new_skb_queue!`](crate::new_skb_queue) provides the lock class.
    pub fn new(name: &'static CStr, key: Pin<&'static LockClassKey>) -> impl PinInit<Self> {
        pin_init!(Self {
            // SAFETY: `list` is valid for writes; the name and the class live forever.
            list <- Opaque::ffi_init(|list| unsafe {
                bindings::kext_skb_queue_init(list, name.as_char_ptr(), key.as_ptr())
            }),
        })
    }

    /// Appends a buffer.
    #[inline]
    pub fn push_tail(&self, skb: SkBuff) {
        // SAFETY: The queue is initialised; the buffer is on no list and becomes the queue's.
        unsafe { bindings::skb_queue_tail(self.list.get(), skb.into_raw().as_ptr()) }
    }

    /// Puts a buffer before all others.
    #[inline]
    pub fn push_head(&self, skb: SkBuff) {
        // SAFETY: As in `push_tail`.
        unsafe { bindings::skb_queue_head(self.list.get(), skb.into_raw().as_ptr()) }
    }

    /// Appends a buffer unless there are `max` already.
    ///
    /// # Errors
    ///
    /// Returns the buffer if the queue is full.
    #[inline]
    pub fn push_bounded(&self, skb: SkBuff, max: usize) -> Result<(), SkBuff> {
        let max = u32::try_from(max).unwrap_or(u32::MAX);
        let raw = skb.into_raw();
        // SAFETY: As in `push_tail`.
        if unsafe { bindings::kext_skb_queue_tail_bounded(self.list.get(), raw.as_ptr(), max) } {
            Ok(())
        } else {
            // SAFETY: It was not queued, so it is still ours.
            Err(unsafe { SkBuff::from_raw(raw) })
        }
    }

    /// Takes the first buffer.
    #[inline]
    pub fn pop(&self) -> Option<SkBuff> {
        // SAFETY: The queue is initialised.
        let skb = NonNull::new(unsafe { bindings::skb_dequeue(self.list.get()) })?;
        // SAFETY: It was on the queue, whose reference is now ours.
        Some(unsafe { SkBuff::from_raw(skb) })
    }

    /// Takes the last buffer.
    #[inline]
    pub fn pop_tail(&self) -> Option<SkBuff> {
        // SAFETY: The queue is initialised.
        let skb = NonNull::new(unsafe { bindings::skb_dequeue_tail(self.list.get()) })?;
        // SAFETY: It was on the queue, whose reference is now ours.
        Some(unsafe { SkBuff::from_raw(skb) })
    }

    /// Returns the number of buffers at this moment.
    #[inline]
    pub fn len(&self) -> usize {
        // SAFETY: The queue is initialised.
        unsafe { bindings::kext_skb_queue_len(self.list.get()) as usize }
    }

    /// Returns whether there is no buffer at this moment.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Frees all buffers.
    pub fn purge(&self) {
        // SAFETY: The queue is initialised and owns its buffers.
        unsafe { bindings::kext_skb_queue_purge(self.list.get()) }
    }

    /// Moves all buffers of `from` to the end of this queue.
    pub fn splice_tail(&self, from: &SkBuffQueue) {
        // SAFETY: Both queues are initialised. If they are one and the same, its buffers are
        // taken off and put back.
        unsafe { bindings::kext_skb_queue_splice_tail(self.list.get(), from.list.get()) }
    }
}

#[pinned_drop]
impl PinnedDrop for SkBuffQueue {
    fn drop(self: Pin<&mut Self>) {
        self.purge();
    }
}
