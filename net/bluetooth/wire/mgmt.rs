// SPDX-License-Identifier: GPL-2.0

//! The mgmt interface: what user space and the kernel say to each other on the control channel.
//!
//! A message is a [`Header`] and parameters. Commands are read with the `parse` of the types in [`command`]; replies and
//! events are written from those in [`reply`] and [`event`], whose lists, if any, follow the structure.
//! The format is described in BlueZ's `doc/mgmt-protocol.rst`.

use zerocopy::little_endian::U16;

use crate::{
    Malformed,
    Reader, //
};

mod opcode;
mod status;
mod types;

pub mod command;
pub mod config;
pub mod event;
pub mod reply;

pub use opcode::{
    ev,
    op,
    ParamsLen, //
};
pub use status::MgmtStatus;
pub use types::*;

/// Version of the interface that this crate has the formats of.
pub const VERSION: u8 = 1;
/// Revision of the interface that this crate has the formats of.
pub const REVISION: u16 = 23;

/// In [`Header::index`]: no controller.
pub const INDEX_NONE: u16 = 0xffff;

layout! {
    /// What every message starts with.
    Header {
        /// A command of [`op`] or an event of [`ev`].
        opcode: U16,
        /// Which controller, or [`INDEX_NONE`].
        index: U16,
        /// Length of the parameters, in bytes.
        len: U16,
    }
}

impl Header {
    /// The header of a message with `len` bytes of parameters.
    #[inline]
    pub const fn new(opcode: u16, index: u16, len: u16) -> Self {
        Self {
            opcode: U16::new(opcode),
            index: U16::new(index),
            len: U16::new(len),
        }
    }
}

/// A message: header and parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// A command of [`op`] or an event of [`ev`].
    pub opcode: u16,
    /// Which controller; [`None`] if none.
    pub index: Option<u16>,
    /// The parameters: as long as the header says.
    pub params: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads a message.
    ///
    /// # Errors
    ///
    /// No whole header, or a length that differs from the one it tells.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new("mgmt message", bytes);
        let header = reader.view::<Header>()?;
        let len = usize::from(header.len.get());
        if reader.remaining() != len {
            return Err(reader.short(len));
        }
        Ok(Self {
            opcode: header.opcode.get(),
            index: Some(header.index.get()).filter(|&index| index != INDEX_NONE),
            params: reader.rest(),
        })
    }
}
