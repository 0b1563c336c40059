// SPDX-License-Identifier: GPL-2.0

//! Vectors without a place that can panic.
//!
//! [`KVec`] keeps its length below its capacity, but the compiler does not know: each of its
//! methods, compiled into the module once for each type, brings checks of its sums along, and with
//! them calls of the panic handler. These methods do the same without.

use core::{
    alloc::Layout,
    hint::assert_unchecked,
    mem,
    ptr::NonNull, //
};
use kernel::{
    alloc::{
        allocator::Kmalloc,
        AllocError,
        Allocator,
        NumaNode, //
    },
    prelude::*,
};

/// What [`KVec`] does with `GFP_KERNEL`, and cannot panic. These methods sleep.
pub trait VecExt<T> {
    /// Makes room for so many more elements.
    ///
    /// # Errors
    ///
    /// [`AllocError`].
    fn make_room(&mut self, additional: usize) -> Result<(), AllocError>;

    /// Appends an element ([`KVec::push`]).
    ///
    /// # Errors
    ///
    /// [`AllocError`]; the element is dropped then.
    fn append(&mut self, value: T) -> Result<(), AllocError>;

    /// Appends copies of elements ([`KVec::extend_from_slice`]), all or none.
    ///
    /// # Errors
    ///
    /// [`AllocError`].
    fn append_all(&mut self, values: &[T]) -> Result<(), AllocError>
    where
        T: Copy;

    /// Inserts an element before the one at `at`; at the end if there is none.
    ///
    /// # Errors
    ///
    /// [`AllocError`]; the element is dropped then.
    fn insert_at(&mut self, at: usize, value: T) -> Result<(), AllocError>;

    /// Removes and returns the element at `at`, if there is one ([`KVec::remove`]).
    fn take_out(&mut self, at: usize) -> Option<T>;

    /// Drops the elements that `keep` does not want ([`KVec::retain`]).
    fn keep(&mut self, keep: impl FnMut(&mut T) -> bool);
}

/// A vector with room for so many elements ([`KVec::with_capacity`]).
///
/// # Errors
///
/// [`AllocError`].
pub fn with_capacity<T>(capacity: usize) -> Result<KVec<T>, AllocError> {
    let mut vec = KVec::new();
    vec.make_room(capacity)?;
    Ok(vec)
}

/// Moves an allocation to one of another size.
///
/// # Safety
///
/// `ptr` is an allocation of [`Kmalloc`] with `old`, or anything if `old` is of size 0.
unsafe fn move_to(ptr: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<u8>, AllocError> {
    // SAFETY: By the contract.
    let moved = unsafe { Kmalloc::realloc(Some(ptr), new, old, GFP_KERNEL, NumaNode::NO_NODE) }?;
    Ok(moved.cast())
}

/// Puts a vector together again.
///
/// # Safety
///
/// As [`KVec::from_raw_parts`]; what `vec` holds was taken apart before.
unsafe fn restore<T>(vec: &mut KVec<T>, ptr: *mut T, len: usize, capacity: usize) {
    // SAFETY: By the contract.
    let whole = unsafe { KVec::from_raw_parts(ptr, len, capacity) };
    // The empty one that is there in the meantime has nothing to free.
    mem::forget(mem::replace(vec, whole));
}

impl<T> VecExt<T> for KVec<T> {
    fn make_room(&mut self, additional: usize) -> Result<(), AllocError> {
        let (len, capacity) = (self.len(), self.capacity());
        // The length is never above the capacity.
        if capacity.wrapping_sub(len) >= additional {
            return Ok(());
        }
        let least = len.checked_add(additional).ok_or(AllocError)?;
        let wanted = least.max(capacity.saturating_mul(2));
        let old = Layout::array::<T>(capacity).map_err(|_| AllocError)?;
        let new = Layout::array::<T>(wanted).map_err(|_| AllocError)?;

        let (ptr, len, capacity) = mem::take(self).into_raw_parts();
        // SAFETY: Vectors' pointers are not null.
        let bytes = unsafe { NonNull::new_unchecked(ptr.cast::<u8>()) };
        // SAFETY: The vector's allocation was made by `Kmalloc` with the layout of an array of
        // `capacity` elements; there is none if that is 0. Vectors of types without size have all
        // the capacity there is, and returned above.
        match unsafe { move_to(bytes, old, new) } {
            Ok(moved) => {
                // SAFETY: `moved` is an allocation for `wanted` elements, with the `len` that the
                // vector had.
                unsafe { restore(self, moved.cast().as_ptr(), len, wanted) };
                Ok(())
            }
            Err(e) => {
                // SAFETY: The parts that it was taken into.
                unsafe { restore(self, ptr, len, capacity) };
                Err(e)
            }
        }
    }

    #[inline]
    fn append(&mut self, value: T) -> Result<(), AllocError> {
        self.make_room(1)?;
        let len = self.len();
        // SAFETY: There is room for one after the last.
        unsafe { self.as_mut_ptr().add(len).write(value) };
        // SAFETY: The length was below the capacity; the new last element was written.
        unsafe {
            assert_unchecked(self.len() < usize::MAX);
            self.inc_len(1);
        }
        Ok(())
    }

    #[inline]
    fn append_all(&mut self, values: &[T]) -> Result<(), AllocError>
    where
        T: Copy,
    {
        self.make_room(values.len())?;
        let len = self.len();
        // SAFETY: There is room for them after the last, in an allocation that `values`, which is
        // borrowed while `self` is mutably, is not in.
        unsafe {
            self.as_mut_ptr()
                .add(len)
                .copy_from_nonoverlapping(values.as_ptr(), values.len());
        }
        // SAFETY: The sum is at most the capacity; the elements were written.
        unsafe {
            assert_unchecked(self.len() <= usize::MAX - values.len());
            self.inc_len(values.len());
        }
        Ok(())
    }

    fn insert_at(&mut self, at: usize, value: T) -> Result<(), AllocError> {
        self.append(value)?;
        // The last one goes to its place, those after that place one further.
        if let Some(tail) = self.as_mut_slice().get_mut(at..) {
            if !tail.is_empty() {
                tail.rotate_right(1);
            }
        }
        Ok(())
    }

    fn take_out(&mut self, at: usize) -> Option<T> {
        let len = self.len();
        if at >= len {
            return None;
        }
        let rest = len.wrapping_sub(at).wrapping_sub(1);
        let (ptr, len, capacity) = mem::take(self).into_raw_parts();
        // SAFETY: `at` is in bounds, and `rest` elements come after it. The one that is read is
        // overwritten, or beyond the new length: nobody else owns it.
        unsafe {
            let place = ptr.add(at);
            let value = place.read();
            place.add(1).copy_to(place, rest);
            restore(self, ptr, len.wrapping_sub(1), capacity);
            Some(value)
        }
    }

    fn keep(&mut self, mut keep: impl FnMut(&mut T) -> bool) {
        let all = self.as_mut_slice();
        let (start, len) = (all.as_mut_ptr(), all.len());
        let mut kept = 0usize;
        for at in 0..len {
            // SAFETY: `kept` is not above `at`, and that is in bounds. The two references are
            // not used at once.
            unsafe {
                if keep(&mut *start.add(at)) {
                    start.add(kept).swap(start.add(at));
                    kept = kept.wrapping_add(1);
                }
            }
        }
        while self.len() > kept {
            drop(self.pop());
        }
    }
}
