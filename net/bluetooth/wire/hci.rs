// SPDX-License-Identifier: GPL-2.0

//! The Host Controller Interface (Vol 4 Part E): packets, commands with their replies, events.
//!
//! The commands are in one module for each group of the specification; a command is a type, see [`Command`] and
//! [`StatusCommand`]. Events are in [`event`] and [`le_event`].

#[macro_use]
mod command;
mod commands;
mod opcode;
mod status;
mod types;

pub mod event;
pub mod event_mask;
pub mod features;
pub mod host_control;
pub mod info_params;
pub mod le;
pub mod le_adv;
pub mod le_event;
pub mod le_iso;
pub mod link_control;
pub mod link_policy;
pub mod packet;
pub mod status_params;

pub(crate) use command::counted;
#[doc(hidden)]
pub use command::used_part;
pub use command::{
    parse_reply,
    Command,
    Reply,
    Request,
    StatusCommand, //
};
pub use commands::{
    CommandBit,
    SupportedCommands, //
};
pub use event::{
    CommandComplete,
    Event, //
};
pub use le_event::LeEvent;
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
