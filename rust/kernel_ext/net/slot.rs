// SPDX-License-Identifier: GPL-2.0

//! Where a protocol keeps what all of its sockets share.

use super::{
    accept::AcceptState,
    sock::{
        Ext,
        ExtInit, //
    },
    CreateArgs,
    Protocol,
    Sock,
    SockRef,
    SocketList,
    State, //
};
use crate::{
    bindings,
    skbuff::gfp, //
};
use core::{
    cell::UnsafeCell,
    mem::{
        ManuallyDrop,
        MaybeUninit, //
    },
    pin::Pin,
    ptr::NonNull, //
};
use kernel::{
    alloc::Flags,
    error::to_result,
    module::this_module,
    new_spinlock,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Release, //
        },
        LockClassKey,
    },
};

/// Nothing but the memory.
const EMPTY: u32 = 0;
/// Being registered or unregistered.
const BUSY: u32 = 1;
/// Registered: sockets can be created.
const REGISTERED: u32 = 2;
/// Initialised but not registered (any more); sockets may still exist.
const UNREGISTERED: u32 = 3;

/// `struct proto`, which Rust never looks into.
#[repr(C, align(8))]
struct RawProto(UnsafeCell<MaybeUninit<[u8; bindings::KEXT_SIZEOF_PROTO as usize]>>);

/// The C side of a protocol and the list of its sockets: a `static`, one for each protocol.
///
/// # Invariants
///
/// `proto` and `sockets` are initialised when `state` is `REGISTERED` or `UNREGISTERED`, and
/// once initialised they stay so; each socket in the list is a `Sock<P>`.
pub struct ProtocolSlot<P: Protocol> {
    state: Atomic<u32>,
    proto: RawProto,
    sockets: SocketList<P>,
    list_key: ManuallyDrop<LockClassKey>,
    slock_key: ManuallyDrop<LockClassKey>,
    lock_key: ManuallyDrop<LockClassKey>,
}

// SAFETY: C accesses `proto` under locks of its own once it is initialised, and we initialise it
// only once, as `state` ensures; the rest is `Sync`.
unsafe impl<P: Protocol> Sync for ProtocolSlot<P> {}

impl<P: Protocol> ProtocolSlot<P> {
    /// Returns an unregistered slot. It must be the value of a `static`.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        // SAFETY: The only way to register a slot takes a `&'static` of it, and the keys are not
        // used before, so it is not moved once they are. They are never dropped.
        let list_key = unsafe { LockClassKey::new_static() };
        // SAFETY: As above.
        let slock_key = unsafe { LockClassKey::new_static() };
        // SAFETY: As above.
        let lock_key = unsafe { LockClassKey::new_static() };
        Self {
            state: Atomic::new(EMPTY),
            proto: RawProto(UnsafeCell::new(MaybeUninit::zeroed())),
            sockets: SocketList::uninit(),
            list_key: ManuallyDrop::new(list_key),
            slock_key: ManuallyDrop::new(slock_key),
            lock_key: ManuallyDrop::new(lock_key),
        }
    }

    /// Returns the protocol's sockets, if it is registered.
    pub fn sockets(&'static self) -> Option<&'static SocketList<P>> {
        (self.state.load(Acquire) == REGISTERED).then_some(&self.sockets)
    }

    /// Returns the list for a socket that exists.
    pub(super) fn list(&'static self, _proof: &Sock<P>) -> &'static SocketList<P> {
        // A socket was allocated when the slot was registered, so the list is initialised.
        &self.sockets
    }

    fn raw_proto(&'static self) -> *mut bindings::proto {
        self.proto.0.get().cast()
    }

    /// Allocates a socket for a connection that is to be accepted from `parent`, of whose type it
    /// is. It is in no list yet ([`Sock::link`]).
    ///
    /// # Errors
    ///
    /// `EPROTONOSUPPORT` if the protocol is not registered, `ENOMEM`, and what
    /// [`Protocol::create`] returns.
    pub fn alloc_child(&'static self, parent: &Sock<P>, flags: Flags) -> Result<SockRef<P>> {
        let args = CreateArgs {
            socket_type: parent.socket_type(),
            kernel: false,
            parent: Some(parent),
        };
        // SAFETY: There is no `struct socket`.
        let sk = unsafe { self.new_sock(core::ptr::null_mut(), &args, flags) }?;
        // SAFETY: Both sockets are valid.
        unsafe { bindings::kext_sk_inherit(sk.as_raw(), parent.as_raw()) };
        Ok(sk)
    }

    /// Allocates a socket and, unless `sock` is null, makes it the protocol's end of `sock`.
    ///
    /// # Safety
    ///
    /// `sock` must be null, or valid and new.
    pub(super) unsafe fn new_sock(
        &'static self,
        sock: *mut bindings::socket,
        args: &CreateArgs<'_, P>,
        flags: Flags,
    ) -> Result<SockRef<P>> {
        if self.state.load(Acquire) != REGISTERED {
            return Err(EPROTONOSUPPORT);
        }
        let (private, locked) = P::create(args)?;

        // SAFETY: `proto` is registered, with the size of `Sock<P>`.
        let sk = unsafe {
            bindings::kext_sk_alloc(P::FAMILY, gfp(flags), self.raw_proto(), args.kernel)
        };
        let sk = NonNull::new(sk.cast::<Sock<P>>()).ok_or(ENOMEM)?;

        let ext = ExtInit {
            home: self,
            accept: new_spinlock!(AcceptState::new(), "Sock::accept"),
            private,
            locked,
        };
        // SAFETY: The allocation has room for a `Sock<P>`, is suitably aligned and is not moved.
        if let Err(error) = unsafe { Ext::init(Sock::ext_ptr(sk), ext) } {
            // SAFETY: The socket is as `sk_alloc` returned it.
            unsafe { bindings::kext_sk_free(sk.as_ptr().cast()) };
            return Err(error);
        }

        let (slock, lock) = P::LOCK_NAMES;
        // SAFETY: `sk` is new and `sock` as required of the caller. From here on `sk` is
        // counted, the count is one, and `destruct` is called when it drops to zero.
        unsafe {
            bindings::kext_sk_setup(
                sock,
                sk.as_ptr().cast(),
                args.socket_type,
                P::PROTOCOL,
                args.kernel || sock.is_null(),
                Some(Sock::<P>::destruct),
            );
            bindings::kext_sk_set_lock_class(
                sk.as_ptr().cast(),
                slock.as_char_ptr(),
                Pin::static_ref(&self.slock_key).as_ptr(),
                lock.as_char_ptr(),
                Pin::static_ref(&self.lock_key).as_ptr(),
            );
        }
        // SAFETY: The socket is initialised, and the only reference is ours.
        let sk = unsafe { SockRef::from_raw(sk) };
        sk.set_state(State::Open);
        Ok(sk)
    }
}

/// A registered [`Protocol`].
///
/// # Invariants
///
/// `slot` is in state `REGISTERED` as long as this exists.
pub struct ProtocolRegistration<P: Protocol> {
    slot: &'static ProtocolSlot<P>,
}

impl<P: Protocol> ProtocolRegistration<P> {
    /// Registers the protocol.
    ///
    /// # Errors
    ///
    /// `EBUSY` if the slot is registered already, `ENOMEM`.
    pub fn new(slot: &'static ProtocolSlot<P>) -> Result<Self> {
        const {
            // Sockets are allocated with `kmalloc`, which aligns to this much.
            assert!(align_of::<Sock<P>>() <= bindings::ARCH_KMALLOC_MINALIGN);
            assert!(size_of::<Sock<P>>() <= u16::MAX as usize);
        }

        let first = slot.state.cmpxchg(EMPTY, BUSY, Full).is_ok();
        if !first {
            slot.state
                .cmpxchg(UNREGISTERED, BUSY, Full)
                .map_err(|_| EBUSY)?;
        }
        if first {
            // CAST: Checked above.
            // SAFETY: Nobody else uses the slot while it is busy. Its memory is zeroed; the names
            // and the lock class live forever.
            unsafe {
                bindings::kext_proto_init(
                    slot.raw_proto(),
                    P::NAME.as_char_ptr(),
                    size_of::<Sock<P>>() as u32,
                    this_module::<P::OwnerModule>().as_ptr(),
                );
                slot.sockets.init(P::NAME, Pin::static_ref(&slot.list_key));
            }
        }
        // SAFETY: `proto` is initialised, not registered, and lives forever.
        let registered = to_result(unsafe { bindings::proto_register(slot.raw_proto(), 0) });
        slot.state.store(
            if registered.is_ok() {
                REGISTERED
            } else {
                UNREGISTERED
            },
            Release,
        );
        registered?;
        // INVARIANT: It was just registered.
        Ok(Self { slot })
    }
}

impl<P: Protocol> Drop for ProtocolRegistration<P> {
    fn drop(&mut self) {
        self.slot.state.store(BUSY, Release);
        // SAFETY: Registered by the type invariant.
        unsafe { bindings::proto_unregister(self.slot.raw_proto()) };
        self.slot.state.store(UNREGISTERED, Release);
    }
}
