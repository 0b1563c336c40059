// SPDX-License-Identifier: GPL-2.0

//! The controller: device, commands, sequences, events, links.
//!
//! This room knows Host Controller Interface (Core Specification, Vol 4) and nothing above it:
//! mgmt, the sockets and the monitor are told through [`Observer`], and reach down through the
//! functions of these modules. It calls drivers through [`kernel_ext::hci`] only.
//!
//! Who may touch what:
//!
//! - The **worker**, one ordered queue a controller, runs reception, command transmission and
//!   their timers. Links belong to it ([`Confined`](kernel_ext::confined::Confined)).
//! - The **sequencer**, another ordered queue, runs what waits for answers: power on and off, set-up, mgmt's
//!   jobs. A [`Session`] is the right to do so, and proof that `req_lock` is held.
//! - Settings are behind one mutex ([`State`]), what the controller said of itself is an
//!   immutable snapshot ([`Info`]).

mod command;
pub(crate) mod complete;
mod debugfs;
mod device;
pub(crate) mod errno;
pub(crate) mod event;
pub(crate) mod flow;
mod found;
mod info;
pub(crate) mod init;
pub(crate) mod link;
mod observer;
mod params;
pub(crate) mod power;
pub(crate) mod recovery;
pub(crate) mod registry;
pub(crate) mod route;
mod rx;
mod session;
mod state;
pub(crate) mod suspend;
pub(crate) mod timers;
pub(crate) mod update;
pub(crate) mod user;

pub(crate) use command::{
    cancel_current,
    send_and_wait,
    send_detached,
    send_unanswered,
    submit_raw,
    CommandError, //
};
pub(crate) use device::{
    alloc,
    discovery_active,
    publish,
    register,
    set_discovery_active,
    submit_unqueued,
    unregister,
    wait_inquiry,
    with_worker,
    Controller,
    Device, //
};
pub(crate) use info::{
    Buffers,
    Info, //
};
pub(crate) use observer::{
    anybody_listens,
    notify,
    set_observers,
    Direction,
    FoundDevice,
    LinkReport,
    Listening,
    Notice,
    Observer,
    Pairing,
    UserReply, //
};
pub(crate) use params::{
    AutoConnect,
    ConnParams, //
};
pub(crate) use recovery::is_resetting;
pub(crate) use rx::{
    drv_complete,
    drv_status,
    inject_hardware_error,
    receive,
    receive_diag, //
};
pub(crate) use session::{
    jiffies,
    sequence,
    Session,
    INIT_TIMEOUT_MS, //
};
pub(crate) use state::*;
