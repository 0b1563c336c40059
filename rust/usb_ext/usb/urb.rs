// SPDX-License-Identifier: GPL-2.0

//! USB request blocks, with the owner in the type.

use super::{
    Anchor,
    Device,
    Endpoint,
    TransferType, //
};
use crate::{
    bindings,
    skbuff::{
        gfp,
        SkBuff, //
    },
};
use core::{
    marker::PhantomData,
    mem::ManuallyDrop,
    ptr::{
        null_mut,
        NonNull, //
    },
    slice,
};
use kernel::{
    alloc::Flags,
    error::to_result,
    prelude::*,
    sync::Arc, //
};

/// What travels with an URB: one pointer, which owns something.
///
/// # Safety
///
/// `into_ptr` returns a pointer that is not null, and `from_ptr` gives back the same value, as does `peek`.
pub unsafe trait Context: Sized + Send + 'static {
    /// Gives up the value.
    fn into_ptr(self) -> *mut c_void;

    /// Takes it back.
    ///
    /// # Safety
    ///
    /// `ptr` is of `into_ptr`, and not used again.
    unsafe fn from_ptr(ptr: *mut c_void) -> Self;

    /// Looks at it.
    ///
    /// # Safety
    ///
    /// `ptr` is of `into_ptr`, and `from_ptr` is not called while the value is used.
    unsafe fn peek(ptr: *mut c_void) -> ManuallyDrop<Self>;
}

// SAFETY: The pointer is the contents'.
unsafe impl<T: Send + Sync + 'static> Context for Arc<T> {
    fn into_ptr(self) -> *mut c_void {
        Arc::into_raw(self).cast_mut().cast()
    }

    unsafe fn from_ptr(ptr: *mut c_void) -> Self {
        // SAFETY: By the function's requirements.
        unsafe { Arc::from_raw(ptr.cast()) }
    }

    #[inline]
    unsafe fn peek(ptr: *mut c_void) -> ManuallyDrop<Self> {
        // SAFETY: By the function's requirements; it is not dropped.
        ManuallyDrop::new(unsafe { Arc::from_raw(ptr.cast()) })
    }
}

/// A context that has the bytes to send.
///
/// # Safety
///
/// The bytes are memory that a device may read from (of kmalloc), and neither move nor change nor
/// go before the context does.
pub unsafe trait OutBuffer: Context {
    /// The bytes.
    fn bytes(&self) -> &[u8];
}

/// What happens when an URB is done.
pub trait Completion: Sized + 'static {
    /// What travels with the URB.
    type Context: Context;

    /// The anchor of such URBs.
    fn anchor(context: &Self::Context) -> &Anchor;

    /// Called in atomic context: must not sleep.
    fn complete(urb: Completed<'_, Self>);
}

/// How a transfer has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Well, though it may be shorter than it could have been.
    Done,
    /// It was stopped: killed, poisoned or unlinked.
    Stopped,
    /// The device left, or its driver does.
    Gone,
    /// The endpoint is halted.
    Stalled,
    /// Otherwise: errors on the bus, for the most part.
    Failed(Error),
}

impl Status {
    #[inline]
    fn new(status: c_int) -> Self {
        if status == 0 {
            return Self::Done;
        }
        Self::failure(status)
    }

    #[cold]
    fn failure(status: c_int) -> Self {
        let Err(error) = to_result(status) else {
            return Self::Done;
        };
        match error {
            e if e == ENOENT || e == ECONNRESET => Self::Stopped,
            e if e == ESHUTDOWN || e == ENODEV => Self::Gone,
            e if e == EPIPE => Self::Stalled,
            e => Self::Failed(e),
        }
    }
}

/// An idle URB: nobody but its owner uses it and its buffer.
///
/// # Invariants
///
/// - The pointer is an URB that is not submitted, and of which we own a reference.
/// - Its context is one of `C::Context::into_ptr`, and ours.
/// - Its buffer is its own (`URB_FREE_BUFFER`) or the context's.
/// - Its set-up packet is null or memory of kmalloc that is ours.
pub struct Urb<C: Completion> {
    ptr: NonNull<bindings::urb>,
    _completion: PhantomData<C>,
}

// SAFETY: An idle URB and its context may be sent to another thread.
unsafe impl<C: Completion> Send for Urb<C> {}

/// Frees the set-up packet.
///
/// # Safety
///
/// The URB is not submitted, and its set-up packet is null or ours.
unsafe fn free_setup(urb: *mut bindings::urb) {
    // SAFETY: By the function's requirements.
    unsafe {
        if !(*urb).setup_packet.is_null() {
            bindings::kfree((*urb).setup_packet.cast());
            (*urb).setup_packet = null_mut();
        }
    }
}

impl<C: Completion> Urb<C> {
    /// A new one without a buffer.
    fn new(
        dev: &Device,
        pipe: u32,
        frames: usize,
        context: C::Context,
        flags: Flags,
    ) -> Result<Self, (Error, C::Context)> {
        let Ok(count) = c_int::try_from(frames) else {
            return Err((EINVAL, context));
        };
        // SAFETY: May be called with any flags.
        let Some(ptr) = NonNull::new(unsafe { bindings::usb_alloc_urb(count, gfp(flags)) }) else {
            return Err((ENOMEM, context));
        };
        // SAFETY: The URB is new and ours. The USB core has set all else to zero.
        unsafe {
            let urb = ptr.as_ptr();
            (*urb).dev = dev.as_raw();
            (*urb).pipe = pipe;
            (*urb).complete = Some(Self::complete);
            (*urb).context = context.into_ptr();
            (*urb).start_frame = -1;
        }
        // INVARIANT: As above; no buffer and no set-up packet.
        Ok(Self {
            ptr,
            _completion: PhantomData,
        })
    }

    /// One that receives up to `size` bytes into a buffer of its own, from a bulk or interrupt
    /// endpoint.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `EMSGSIZE`.
    pub fn receiver(
        dev: &Device,
        endpoint: &Endpoint,
        size: usize,
        context: C::Context,
        flags: Flags,
    ) -> Result<Self> {
        let urb =
            Self::new(dev, endpoint.pipe(dev), 0, context, flags).map_err(|(error, _)| error)?;
        urb.own_buffer(size, flags)?;
        urb.set_interval(dev, endpoint);
        Ok(urb)
    }

    /// One that receives `frames` frames of as many bytes as the endpoint can send, from an
    /// isochronous endpoint.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `EMSGSIZE`.
    pub fn isoc_receiver(
        dev: &Device,
        endpoint: &Endpoint,
        frames: usize,
        context: C::Context,
        flags: Flags,
    ) -> Result<Self> {
        let packet = usize::from(endpoint.max_packet);
        let urb = Self::new(dev, endpoint.pipe(dev), frames, context, flags)
            .map_err(|(error, _)| error)?;
        urb.own_buffer(packet.checked_mul(frames).ok_or(EMSGSIZE)?, flags)?;
        urb.set_interval(dev, endpoint);
        urb.set_frames(
            0,
            frames,
            (0..frames).map(|i| (i.wrapping_mul(packet) as u32, packet as u32)),
        );
        Ok(urb)
    }

    fn own_buffer(&self, size: usize, flags: Flags) -> Result {
        let len = u32::try_from(size).map_err(|_| EMSGSIZE)?;
        let buffer = KVec::<u8>::with_capacity(size, flags)?;
        let (buffer, _, _) = buffer.into_raw_parts();
        // SAFETY: The URB is idle and has no buffer yet. A `KVec` is memory of kmalloc, which the
        // URB frees with itself.
        unsafe {
            let urb = self.ptr.as_ptr();
            (*urb).transfer_buffer = buffer.cast();
            (*urb).transfer_buffer_length = len;
            (*urb).transfer_flags |= bindings::URB_FREE_BUFFER;
        }
        Ok(())
    }

    fn set_interval(&self, dev: &Device, endpoint: &Endpoint) {
        if endpoint.kind == TransferType::Bulk {
            return;
        }
        // SAFETY: The URB is idle.
        unsafe { (*self.ptr.as_ptr()).interval = endpoint.urb_interval(dev.speed()) };
    }

    /// Writes the list of frames: `gap` empty ones, then offset and length of each. At most `room` in
    /// all, which is what the URB was allocated with.
    fn set_frames(&self, gap: usize, room: usize, frames: impl Iterator<Item = (u32, u32)>) {
        let gap = gap.min(room);
        let mut count = gap;
        // SAFETY: The URB is idle, and has `room` descriptors behind it. Offset and length are
        // within the buffer, which the callers see to, and the host controller's driver, too.
        unsafe {
            let urb = self.ptr.as_ptr();
            let list =
                (&raw mut (*urb).iso_frame_desc).cast::<bindings::usb_iso_packet_descriptor>();
            for n in 0..gap {
                (*list.add(n)).offset = 0;
                (*list.add(n)).length = 0;
            }
            for (offset, len) in frames {
                if count >= room {
                    break;
                }
                let desc = list.add(count);
                (*desc).offset = offset;
                (*desc).length = len;
                count = count.wrapping_add(1);
            }
            (*urb).number_of_packets = count as c_int;
            (*urb).transfer_flags |= bindings::URB_ISO_ASAP;
        }
    }

    /// The interval at which the endpoint is asked, in frames or microframes; the host
    /// controller's driver may have changed it. 0 for bulk.
    pub fn interval(&self) -> u32 {
        // SAFETY: The URB is ours.
        unsafe { (*self.ptr.as_ptr()).interval.unsigned_abs() }
    }

    /// Gives it to the controller.
    ///
    /// # Errors
    ///
    /// The URB, still idle; and `EPERM` if the anchor is being stopped, `ENODEV` if the device
    /// left, `EHOSTUNREACH` if it sleeps, or `ENOMEM`...
    pub fn submit(self, flags: Flags) -> Result<(), (Error, Self)> {
        let this = ManuallyDrop::new(self);
        let urb = this.ptr.as_ptr();
        // SAFETY: The URB is idle and complete, by the type invariant. Once it is submitted, all
        // that it points to belongs to it, until the callback takes it back; before, the context
        // is only borrowed. The controller's side has a reference of its own, so ours can be
        // given up.
        let result = unsafe {
            let context = C::Context::peek((*urb).context);
            bindings::usb_anchor_urb(urb, C::anchor(&context).as_ptr());
            to_result(bindings::usb_submit_urb(urb, gfp(flags)))
        };
        match result {
            Ok(()) => {
                // SAFETY: As above.
                unsafe { bindings::usb_free_urb(urb) };
                Ok(())
            }
            Err(e) => {
                // SAFETY: It was not submitted.
                unsafe { bindings::usb_unanchor_urb(urb) };
                Err((e, ManuallyDrop::into_inner(this)))
            }
        }
    }

    /// Takes back what travels with it.
    pub fn into_context(self) -> C::Context {
        let this = ManuallyDrop::new(self);
        // SAFETY: The URB is idle, and by the type invariant all of this is ours. Nothing is used
        // again.
        unsafe {
            let urb = this.ptr.as_ptr();
            free_setup(urb);
            let context = C::Context::from_ptr((*urb).context);
            bindings::usb_free_urb(urb);
            context
        }
    }

    /// # Safety
    ///
    /// Called by the USB core, for an URB that was submitted by `submit` or `resubmit`.
    unsafe extern "C" fn complete(urb: *mut bindings::urb) {
        // SAFETY: The USB core calls with a valid URB, which it keeps until we return. What it
        // points to is ours again.
        let context = unsafe { C::Context::from_ptr((*urb).context) };
        C::complete(Completed {
            // SAFETY: The URB is not null.
            ptr: unsafe { NonNull::new_unchecked(urb) },
            context: ManuallyDrop::new(context),
            _borrow: PhantomData,
        });
    }
}

impl<C: Completion> Urb<C>
where
    C::Context: OutBuffer,
{
    fn sender(
        dev: &Device,
        pipe: u32,
        frames: usize,
        context: C::Context,
        flags: Flags,
    ) -> Result<Self, (Error, C::Context)> {
        let bytes = context.bytes();
        let start = bytes.as_ptr().cast_mut();
        let Ok(len) = u32::try_from(bytes.len()) else {
            return Err((EMSGSIZE, context));
        };
        let urb = Self::new(dev, pipe, frames, context, flags)?;
        // SAFETY: The URB is idle. The bytes stay where they are for as long as the context lives, by
        // `OutBuffer`.
        unsafe {
            (*urb.ptr.as_ptr()).transfer_buffer = start.cast();
            (*urb.ptr.as_ptr()).transfer_buffer_length = len;
        }
        Ok(urb)
    }

    /// One that sends the context's bytes to a bulk or interrupt endpoint.
    ///
    /// # Errors
    ///
    /// The context, and `ENOMEM` or `EMSGSIZE`.
    pub fn sender_to(
        dev: &Device,
        endpoint: &Endpoint,
        context: C::Context,
        flags: Flags,
    ) -> Result<Self, (Error, C::Context)> {
        let urb = Self::sender(dev, endpoint.pipe(dev), 0, context, flags)?;
        urb.set_interval(dev, endpoint);
        Ok(urb)
    }

    /// One that sends the context's bytes to an isochronous endpoint: `gap` empty frames, then
    /// `frames` (offset and length); at most `count` in all.
    ///
    /// # Errors
    ///
    /// The context, and `ENOMEM` or `EMSGSIZE`.
    pub fn isoc_sender(
        dev: &Device,
        endpoint: &Endpoint,
        context: C::Context,
        (gap, count): (usize, usize),
        frames: impl Iterator<Item = (u32, u32)>,
        flags: Flags,
    ) -> Result<Self, (Error, C::Context)> {
        let urb = Self::sender(dev, endpoint.pipe(dev), count, context, flags)?;
        urb.set_interval(dev, endpoint);
        // SAFETY: The URB is ours.
        let len = unsafe { (*urb.ptr.as_ptr()).transfer_buffer_length };
        urb.set_frames(
            gap,
            count,
            frames.filter(move |&(offset, n)| {
                u64::from(offset).wrapping_add(u64::from(n)) <= u64::from(len)
            }),
        );
        Ok(urb)
    }

    /// One that sends the context's bytes in a control transfer with this `bmRequestType` and
    /// `bRequest`.
    ///
    /// # Errors
    ///
    /// The context, and `ENOMEM` or `EMSGSIZE`.
    pub fn control_sender(
        dev: &Device,
        (request_type, request): (u8, u8),
        context: C::Context,
        flags: Flags,
    ) -> Result<Self, (Error, C::Context)> {
        let Ok(len) = u16::try_from(context.bytes().len()) else {
            return Err((EMSGSIZE, context));
        };
        let setup = match KBox::new(
            bindings::usb_ctrlrequest {
                bRequestType: request_type,
                bRequest: request,
                wValue: 0,
                wIndex: 0,
                wLength: len.to_le(),
            },
            flags,
        ) {
            Ok(setup) => setup,
            Err(_) => return Err((ENOMEM, context)),
        };
        let pipe = (bindings::PIPE_CONTROL << 30) | (dev.number() << 8);
        let urb = Self::sender(dev, pipe, 0, context, flags)?;
        // SAFETY: The URB is idle and has none yet. A `KBox` is memory of kmalloc.
        unsafe { (*urb.ptr.as_ptr()).setup_packet = KBox::into_raw(setup).cast() };
        Ok(urb)
    }

    /// Adopts one that a vendor's module has made for the context's bytes.
    ///
    /// # Safety
    ///
    /// The URB is idle, its only reference ours, its buffer the context's bytes, and it has no
    /// set-up packet.
    pub(crate) unsafe fn adopt(urb: NonNull<bindings::urb>, context: C::Context) -> Self {
        // SAFETY: By the function's requirements.
        unsafe {
            (*urb.as_ptr()).complete = Some(Self::complete);
            (*urb.as_ptr()).context = context.into_ptr();
        }
        // INVARIANT: By the function's requirements and what was set above.
        Self {
            ptr: urb,
            _completion: PhantomData,
        }
    }
}

impl<C: Completion> Drop for Urb<C> {
    fn drop(&mut self) {
        // SAFETY: The URB is idle, and by the type invariant all of this is ours.
        unsafe {
            let urb = self.ptr.as_ptr();
            free_setup(urb);
            drop(C::Context::from_ptr((*urb).context));
            bindings::usb_free_urb(urb);
        }
    }
}

/// An URB that is done, in its completion callback.
///
/// # Invariants
///
/// The pointer is an URB that the USB core keeps for `'a`; what it points to is ours.
pub struct Completed<'a, C: Completion> {
    ptr: NonNull<bindings::urb>,
    context: ManuallyDrop<C::Context>,
    _borrow: PhantomData<&'a mut bindings::urb>,
}

impl<C: Completion> Completed<'_, C> {
    fn urb(&self) -> &bindings::urb {
        // SAFETY: By the type invariant; the controller has given it back.
        unsafe { self.ptr.as_ref() }
    }

    /// How the transfer has ended.
    pub fn status(&self) -> Status {
        Status::new(self.urb().status)
    }

    /// Why it failed, if it did.
    pub fn error(&self) -> Option<Error> {
        to_result(self.urb().status).err()
    }

    /// What travels with it.
    pub fn context(&self) -> &C::Context {
        &self.context
    }

    /// Bytes that were sent or received.
    pub fn actual(&self) -> usize {
        self.urb().actual_length as usize
    }

    /// Bytes in the buffer.
    pub fn len(&self) -> usize {
        self.urb().transfer_buffer_length as usize
    }

    /// Whether the buffer has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that were received.
    pub fn received(&self) -> &[u8] {
        self.part(0, self.actual())
    }

    fn part(&self, offset: usize, len: usize) -> &[u8] {
        let urb = self.urb();
        let size = urb.transfer_buffer_length as usize;
        let offset = offset.min(size);
        let len = len.min(size.wrapping_sub(offset));
        if len == 0 {
            return &[];
        }
        // SAFETY: Within the buffer, which is ours again. The controller has written what it says
        // it has received.
        unsafe { slice::from_raw_parts(urb.transfer_buffer.cast::<u8>().add(offset), len) }
    }

    /// The frames of an isochronous transfer: the bytes of each, or how it failed.
    pub fn frames(&self) -> impl Iterator<Item = Result<&[u8]>> + '_ {
        let urb = self.urb();
        let count = usize::try_from(urb.number_of_packets).unwrap_or(0);
        // SAFETY: Behind the URB are as many descriptors as it says.
        let list = unsafe {
            slice::from_raw_parts(
                (&raw const (*self.ptr.as_ptr()).iso_frame_desc)
                    .cast::<bindings::usb_iso_packet_descriptor>(),
                count,
            )
        };
        list.iter().map(|desc| {
            if desc.status != 0 {
                to_result(desc.status)?;
            }
            Ok(self.part(
                desc.offset as usize,
                desc.actual_length.min(desc.length) as usize,
            ))
        })
    }

    /// Gives it back to the controller, with the same buffer and context.
    ///
    /// # Errors
    ///
    /// As [`Urb::submit`], and what travelled with it.
    pub fn resubmit(self) -> Result<(), (Error, C::Context)> {
        let mut this = ManuallyDrop::new(self);
        let urb = this.ptr.as_ptr();
        // SAFETY: As in `Urb::submit`; the USB core has the reference. The context in `this` is
        // not used again.
        let result = unsafe {
            let context = ManuallyDrop::take(&mut this.context);
            bindings::usb_anchor_urb(urb, C::anchor(&context).as_ptr());
            (*urb).context = context.into_ptr();
            to_result(bindings::usb_submit_urb(urb, bindings::GFP_ATOMIC))
        };
        result.map_err(|e| {
            // SAFETY: It was not submitted, so all is still ours.
            unsafe {
                bindings::usb_unanchor_urb(urb);
                free_setup(urb);
                let context = C::Context::from_ptr((*urb).context);
                (*urb).context = null_mut();
                (e, context)
            }
        })
    }

    /// Takes what travels with it.
    pub fn into_context(self) -> C::Context {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: It is ours, and not used again. The USB core frees the URB.
        unsafe {
            free_setup(this.ptr.as_ptr());
            (*this.ptr.as_ptr()).context = null_mut();
            ManuallyDrop::take(&mut this.context)
        }
    }
}

impl<C: Completion> Drop for Completed<'_, C> {
    fn drop(&mut self) {
        // SAFETY: It is ours, and not used again. The USB core frees the URB.
        unsafe {
            free_setup(self.ptr.as_ptr());
            (*self.ptr.as_ptr()).context = null_mut();
            ManuallyDrop::drop(&mut self.context);
        }
    }
}

/// A packet on its way to the device, and a reference on whoever sent it.
pub struct Outgoing<T: Send + Sync + 'static> {
    /// The packet. Its bytes must not be shared with who may change them.
    pub skb: SkBuff,
    /// Who sent it.
    pub owner: Arc<T>,
}

// SAFETY: Both parts own what they point to. The packet's `dev` is free for whoever has the packet.
unsafe impl<T: Send + Sync + 'static> Context for Outgoing<T> {
    fn into_ptr(self) -> *mut c_void {
        let skb = self.skb.into_raw();
        // SAFETY: The packet is ours. Its `dev` means nothing outside of the network stack.
        unsafe {
            (*skb.as_ptr())
                .__bindgen_anon_1
                .__bindgen_anon_1
                .__bindgen_anon_1
                .dev = Arc::into_raw(self.owner).cast_mut().cast();
        }
        skb.as_ptr().cast()
    }

    unsafe fn from_ptr(ptr: *mut c_void) -> Self {
        // SAFETY: By the function's requirements, this is what `into_ptr` has made.
        unsafe {
            let skb = NonNull::new_unchecked(ptr.cast::<bindings::sk_buff>());
            let dev = &raw mut (*skb.as_ptr())
                .__bindgen_anon_1
                .__bindgen_anon_1
                .__bindgen_anon_1
                .dev;
            let owner = Arc::from_raw(dev.replace(null_mut()).cast_const().cast::<T>());
            Self {
                skb: SkBuff::from_raw(skb),
                owner,
            }
        }
    }

    #[inline]
    unsafe fn peek(ptr: *mut c_void) -> ManuallyDrop<Self> {
        // SAFETY: By the function's requirements, this is what `into_ptr` has made; it is not dropped.
        unsafe {
            let skb = NonNull::new_unchecked(ptr.cast::<bindings::sk_buff>());
            let dev = (*skb.as_ptr())
                .__bindgen_anon_1
                .__bindgen_anon_1
                .__bindgen_anon_1
                .dev;
            ManuallyDrop::new(Self {
                skb: SkBuff::from_raw(skb),
                owner: Arc::from_raw(dev.cast_const().cast::<T>()),
            })
        }
    }
}

// SAFETY: The linear part of a packet is memory of kmalloc (or of pages), and stays where it is
// while nobody else has the packet.
unsafe impl<T: Send + Sync + 'static> OutBuffer for Outgoing<T> {
    fn bytes(&self) -> &[u8] {
        self.skb.data()
    }
}
