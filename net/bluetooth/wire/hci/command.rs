// SPDX-License-Identifier: GPL-2.0

//! Commands as types: what they are called, what they carry, what they answer (Vol 4 Part E 5.4.1, 7.7.14, 7.7.15).

use zerocopy::{
    FromBytes,
    Immutable,
    IntoBytes,
    KnownLayout,
    Unaligned, //
};

use super::{
    Opcode,
    Status, //
};
use crate::{
    Bounded,
    Malformed,
    Reader, //
};

/// Something that can be sent in a command packet: an opcode and its parameters.
///
/// Implementors are [`Command`] or [`StatusCommand`], declared with [`command!`](crate::command).
pub trait Request: IntoBytes + Immutable {
    /// Which command it is.
    const OPCODE: Opcode;

    /// The parameters as they go on the wire, at most 255 bytes.
    ///
    /// Not always all of `as_bytes()`: commands that end in a list keep it in an array of the greatest size and send
    /// the part in use.
    #[inline]
    fn params(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// A command that the controller answers with Command Complete, that is with a [`Reply`].
pub trait Command: Request {
    /// What comes after the status.
    type Reply: Reply;
}

/// A command that the controller answers with Command Status, and later with an event of its own.
pub trait StatusCommand: Request {}

/// The return parameters of a successful command.
pub trait Reply: Sized {
    /// Reads the return parameters that follow the status.
    ///
    /// # Errors
    ///
    /// Too few bytes. More than needed is no error: later versions of the specification append fields.
    fn parse(params: &[u8]) -> Result<Self, Malformed>;
}

impl<T: FromBytes> Reply for T {
    #[inline]
    fn parse(params: &[u8]) -> Result<Self, Malformed> {
        match T::read_from_prefix(params) {
            Ok((reply, _)) => Ok(reply),
            Err(_) => Err(Malformed::short(
                "return parameters",
                core::mem::size_of::<T>(),
                params.len(),
            )),
        }
    }
}

/// Splits the return parameters of a Command Complete for `C` into status and reply.
///
/// The inner `Err` is what the controller said; it is never [`Status::SUCCESS`]. A failed command may leave out
/// everything after the status.
///
/// # Errors
///
/// [`Malformed`] if not even the status is there, or if it says success and the reply is too short.
#[inline]
pub fn parse_reply<C: Command>(
    return_params: &[u8],
) -> Result<Result<C::Reply, Status>, Malformed> {
    let (&status, params) =
        return_params
            .split_first()
            .ok_or(Malformed::short("command status", 1, 0))?;
    match Status(status).ok() {
        Ok(()) => C::Reply::parse(params).map(Ok),
        Err(status) => Ok(Err(status)),
    }
}

/// Declares commands.
///
/// Each is a `#[repr(C)]` structure whose bytes are its parameters, named after the specification. `=> Type` says that
/// it is answered by Command Complete and what follows the status (`()` if nothing), `=> status` that it is answered by
/// Command Status. Return parameters that only repeat what the command said, or that nobody reads, are `()`: a controller
/// that gets them wrong does no harm. `tail list[count]` says that of the last field, `list`, only the first entries are sent, as many as
/// the field `count` tells; with `tail list(function)` that function tells.
///
/// ```
/// use wire::hci::{ConnHandle, Opcode, Status};
///
/// wire::command! {
///     /// Vendor Frobnicate.
///     struct Frobnicate(Opcode::new(0x3f, 0x001)) { pub handle: ConnHandle } => u8;
///     /// Vendor Reset.
///     struct VendorReset(Opcode::new(0x3f, 0x002)) => ();
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! command {
    () => {};
    (@item $(#[$attr:meta])* struct $name:ident($opcode:expr) { }) => {
        $(#[$attr])*
        #[derive(
            Clone,
            Copy,
            Debug,
            PartialEq,
            Eq,
            $crate::derive::FromBytes,
            $crate::derive::IntoBytes,
            $crate::derive::Immutable,
            $crate::derive::KnownLayout,
            $crate::derive::Unaligned,
        )]
        #[repr(C)]
        pub struct $name;
    };
    (@item $(#[$attr:meta])* struct $name:ident($opcode:expr) { $($(#[$fattr:meta])* $fvis:vis $field:ident: $ty:ty),* $(,)? }) => {
        $(#[$attr])*
        #[derive(
            Clone,
            Copy,
            Debug,
            PartialEq,
            Eq,
            $crate::derive::FromBytes,
            $crate::derive::IntoBytes,
            $crate::derive::Immutable,
            $crate::derive::KnownLayout,
            $crate::derive::Unaligned,
        )]
        #[repr(C)]
        #[allow(missing_docs)]
        pub struct $name { $($(#[$fattr])* $fvis $field: $ty),* }
    };
    (@request $name:ident($opcode:expr)) => {
        impl $crate::hci::Request for $name {
            const OPCODE: $crate::hci::Opcode = $opcode;
        }
    };
    (@request $name:ident($opcode:expr) $tail:ident[$count:ident]) => {
        impl $crate::hci::Request for $name {
            const OPCODE: $crate::hci::Opcode = $opcode;

            #[inline]
            fn params(&self) -> &[u8] {
                $crate::hci::used_part(self, &self.$tail, usize::from(self.$count))
            }
        }
    };
    (@request $name:ident($opcode:expr) $tail:ident($count:path)) => {
        impl $crate::hci::Request for $name {
            const OPCODE: $crate::hci::Opcode = $opcode;

            #[inline]
            fn params(&self) -> &[u8] {
                $crate::hci::used_part(self, &self.$tail, $count(self))
            }
        }
    };
    (@kind $name:ident status) => {
        impl $crate::hci::StatusCommand for $name {}
    };
    (@kind $name:ident $reply:ty) => {
        impl $crate::hci::Command for $name {
            type Reply = $reply;
        }
    };

    ($(#[$attr:meta])* struct $name:ident($opcode:expr) $({ $($fields:tt)* })? $(tail $tail:ident $count:tt)? => status; $($rest:tt)*) => {
        $crate::command!(@item $(#[$attr])* struct $name($opcode) { $($($fields)*)? });
        $crate::command!(@request $name($opcode) $($tail $count)?);
        $crate::command!(@kind $name status);
        $crate::command!($($rest)*);
    };
    ($(#[$attr:meta])* struct $name:ident($opcode:expr) $({ $($fields:tt)* })? $(tail $tail:ident $count:tt)? => $reply:ty; $($rest:tt)*) => {
        $crate::command!(@item $(#[$attr])* struct $name($opcode) { $($($fields)*)? });
        $crate::command!(@request $name($opcode) $($tail $count)?);
        $crate::command!(@kind $name $reply);
        $crate::command!($($rest)*);
    };
}

/// The bytes of `whole` up to and including the first `count` entries of its last field `tail`.
#[doc(hidden)]
#[inline]
pub fn used_part<'a, S, T>(whole: &'a S, tail: &[T], count: usize) -> &'a [u8]
where
    S: IntoBytes + Immutable,
{
    let unused = tail
        .len()
        .saturating_sub(count)
        .saturating_mul(core::mem::size_of::<T>());
    let bytes = whole.as_bytes();
    bytes
        .get(..bytes.len().saturating_sub(unused))
        .unwrap_or(bytes)
}

/// Takes a list that starts with its number of entries.
pub(crate) fn counted<T, const N: usize>(
    reader: &mut Reader<'_>,
) -> Result<Bounded<T, N>, Malformed>
where
    T: Copy + FromBytes + KnownLayout + Immutable + Unaligned + 'static,
{
    let count = usize::from(reader.u8()?);
    let entries = reader.views::<T>(count)?;
    Bounded::from_slice(entries).ok_or(Malformed::value("list length", N, count))
}
