// SPDX-License-Identifier: GPL-2.0

//! Protocol families: who creates a socket.

use super::{
    protocol::Operations,
    CreateArgs,
    Protocol,
    ProtocolSlot,
    SockRef,
    Socket, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    module::this_module,
    prelude::*,
    types::NotThreadSafe,
    ModuleMetadata, //
};

/// Has user space load the module that `name` is an alias of, and waits for it.
///
/// Whether it came can be told by looking for what it should have brought.
pub fn request_module(name: &CStr) {
    // SAFETY: `name` is a string that ends with a NUL.
    unsafe { bindings::kext_request_module(name.as_char_ptr()) }
}

/// A protocol family.
pub trait Family: 'static {
    /// Number of the family (`PF_*`).
    const FAMILY: i32;

    /// The module that the family belongs to: `crate::LocalModule`.
    type Module: ModuleMetadata;

    /// Creates a socket: chooses its protocol and calls [`SocketRequest::create`].
    ///
    /// # Errors
    ///
    /// `EAFNOSUPPORT` for a network namespace that is not supported, `EPROTONOSUPPORT` for a
    /// protocol that is not.
    fn create(request: SocketRequest<'_>) -> Result;
}

/// A process (or the kernel) asks for a new socket.
///
/// # Invariants
///
/// `net` and `sock` are valid for `'a`; `sock` has no operations and no `sk` yet.
pub struct SocketRequest<'a> {
    net: NonNull<bindings::net>,
    sock: NonNull<bindings::socket>,
    protocol: i32,
    kernel: bool,
    _lifetime: PhantomData<&'a mut bindings::socket>,
    _not_send: NotThreadSafe,
}

impl SocketRequest<'_> {
    /// Returns whether the request comes from the initial network namespace.
    pub fn in_init_net(&self) -> bool {
        // SAFETY: Valid by the type invariant.
        unsafe { bindings::kext_net_is_init(self.net.as_ptr().cast()) }
    }

    /// Returns the type of the socket, see [`sock_type`](super::sock_type).
    pub fn socket_type(&self) -> i32 {
        // SAFETY: Valid by the type invariant.
        unsafe { bindings::kext_socket_type(self.sock.as_ptr()) }
    }

    /// Returns the number of the protocol.
    pub fn protocol(&self) -> i32 {
        self.protocol
    }

    /// Returns whether the kernel itself asks.
    pub fn is_kernel(&self) -> bool {
        self.kernel
    }

    /// Creates a socket of the protocol that is registered in `slot`.
    ///
    /// # Errors
    ///
    /// `EPROTONOSUPPORT` if there is none, `EAFNOSUPPORT` outside the initial network namespace,
    /// `ENOMEM`, and what [`Protocol::create`] returns.
    pub fn create<P: Protocol>(self, slot: &'static ProtocolSlot<P>) -> Result {
        if !self.in_init_net() {
            return Err(EAFNOSUPPORT);
        }
        let args = CreateArgs {
            socket_type: self.socket_type(),
            kernel: self.kernel,
            parent: None,
        };
        // SAFETY: The socket is valid and new by the type invariant.
        let sk = unsafe { slot.new_sock(self.sock.as_ptr(), &args, GFP_KERNEL) }?;
        // SAFETY: As above; its `sk` is a `Sock<P>`, which is what the operations expect.
        unsafe { (*self.sock.as_ptr()).ops = Operations::<P>::TABLE };
        sk.link();
        // SAFETY: The socket and its `sk` are valid as long as we hold the reference.
        P::created(&unsafe { Socket::from_raw(self.sock, &sk) });
        // The reference is the one that the socket owns from here on.
        let _ = SockRef::into_raw(sk);
        Ok(())
    }
}

/// A registered [`Family`].
///
/// Register it when everything is ready: from then on sockets can be created, and they keep the
/// module from being unloaded, but not from failing to load.
///
/// # Invariants
///
/// The family is registered as long as this exists.
pub struct FamilyRegistration<F: Family>(PhantomData<F>);

impl<F: Family> FamilyRegistration<F> {
    const TABLE: &'static bindings::net_proto_family = &bindings::net_proto_family {
        family: F::FAMILY,
        create: Some(Self::create),
        owner: this_module::<F::Module>().as_ptr(),
    };

    /// Registers the family.
    ///
    /// # Errors
    ///
    /// `EEXIST` if it is registered already, `ENOBUFS` if its number is out of range.
    pub fn new() -> Result<Self> {
        // SAFETY: The table is constant and lives as long as the module.
        to_result(unsafe { bindings::sock_register(Self::TABLE) })?;
        // INVARIANT: It was just registered.
        Ok(Self(PhantomData))
    }

    /// # Safety
    ///
    /// To be called by the socket layer, with a new socket.
    unsafe extern "C" fn create(
        net: *mut bindings::net,
        sock: *mut bindings::socket,
        protocol: c_int,
        kern: c_int,
    ) -> c_int {
        let (Some(net), Some(sock)) = (NonNull::new(net), NonNull::new(sock)) else {
            return EINVAL.to_errno();
        };
        // INVARIANT: The socket layer passes a valid namespace and a new socket.
        let request = SocketRequest {
            net,
            sock,
            protocol,
            kernel: kern != 0,
            _lifetime: PhantomData,
            _not_send: NotThreadSafe,
        };
        let result = F::create(request);
        // SAFETY: As above. A family that did not create a socket must not claim that it did.
        if result.is_ok() && unsafe { sock.as_ref() }.ops.is_null() {
            return EPROTONOSUPPORT.to_errno();
        }
        result.map_or_else(Error::to_errno, |()| 0)
    }
}

impl<F: Family> Drop for FamilyRegistration<F> {
    fn drop(&mut self) {
        // SAFETY: Registered by the type invariant.
        unsafe { bindings::sock_unregister(F::FAMILY) }
    }
}
