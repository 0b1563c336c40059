// SPDX-License-Identifier: GPL-2.0

//! The Host Controller Interface (Vol 4 Part E): packets, commands with their replies, events.

#[macro_use]
mod command;
mod opcode;
mod status;
mod types;

pub mod packet;

pub use command::{
    parse_reply,
    used_part,
    Command,
    Reply,
    Request,
    StatusCommand, //
};
pub use opcode::{
    Opcode,
    RawOpcode, //
};
pub use status::Status;
pub use types::{
    ClassOfDevice,
    ConnHandle,
    Key,
    LeAddrType,
    U24, //
};
