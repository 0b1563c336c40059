// SPDX-License-Identifier: GPL-2.0

//! L2CAP: the room above links (Vol 3 Part A).

use crate::hci::{
    link::{
        LinkKind,
        LinkSecurity, //
    },
    user::{
        LinkFacts,
        LinkUser,
        OutFrame, //
    },
    Device,
    Peer, //
};
use kernel_ext::{
    skbuff::SkBuff,
    workqueue::Worker, //
};

/// L2CAP as the user of links.
pub(crate) struct L2cap;

impl LinkUser for L2cap {
    type Controller = ();

    fn new_controller() -> Self::Controller {}

    fn link_up(_dev: &Device, _worker: &mut Worker<'_>, _link: &LinkFacts) {}

    fn link_ready(_dev: &Device, _worker: &mut Worker<'_>, _handle: u16) {}

    fn link_failed(
        _dev: &Device,
        _worker: &mut Worker<'_>,
        _kind: LinkKind,
        _peer: Peer,
        _status: u8,
    ) {
    }

    fn link_down(_dev: &Device, _worker: &mut Worker<'_>, _handle: u16, _reason: u8) {}

    fn security_changed(
        _dev: &Device,
        _worker: &mut Worker<'_>,
        _handle: u16,
        _status: u8,
        _security: &LinkSecurity,
    ) {
    }

    fn received(_dev: &Device, _worker: &mut Worker<'_>, _handle: u16, _flags: u8, skb: SkBuff) {
        skb.consume();
    }

    fn next_frame(_dev: &Device, _worker: &mut Worker<'_>, _handle: u16) -> Option<OutFrame> {
        None
    }
}
