// SPDX-License-Identifier: GPL-2.0

//! Ordered work queues: created, flushed, closed, with items that can be delayed, cancelled and
//! disabled.
//!
//! [`kernel::workqueue`] can put items on the queues that the system has. This module adds what a
//! subsystem with queues of its own needs, under three rules:
//!
//! - **A queued item holds a reference on its owner**, and gives it up when it has run or was
//!   cancelled. So an item never outlives what it works on, and nothing has to be cancelled for
//!   memory safety's sake. One that is queued for each packet may [keep it](WorkItem::KEEPS) until it
//!   is disabled.
//! - **An item belongs to one queue**, from [`Work::bind`] on. So what runs on a queue runs one at
//!   a time, and the [`Worker`] that each item is handed is the proof: data in a
//!   [`Confined`](crate::confined::Confined) is reached with it instead of with a lock.
//! - **Queues are counted**, and nobody has to be in a particular context to drop the last handle:
//!   it may be on the queue itself, in an item that held the last reference on its owner. A reaper
//!   on a system queue destroys the queue then; [`exit`] waits for it, before the module's text
//!   goes away.
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)

mod queue;
mod turn;
mod work;

pub use queue::{
    exit,
    OrderedQueue,
    QueueFlags,
    Worker, //
};
pub use work::{
    HasWork,
    Work,
    WorkItem,
    WorkOwner, //
};
