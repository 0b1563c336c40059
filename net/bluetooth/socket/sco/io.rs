// SPDX-License-Identifier: GPL-2.0

//! Data of SCO sockets: a message is a packet.

use super::{
    channel,
    is_waiting,
    Sk,
    SOL_BLUETOOTH, //
};
use crate::sco::{
    self,
    channel::{
        Received,
        HEADROOM, //
    },
};
use kernel::prelude::*;
use kernel_ext::net::{
    msg_flags,
    shutdown,
    RecvMsg,
    SendMsg,
    State, //
};

/// Kind of the control message that an entry of the error queue comes with (`BT_SCM_ERROR`).
const BT_SCM_ERROR: i32 = 0x04;
/// Kind of the one that tells a packet's status (`BT_SCM_PKT_STATUS`).
const BT_SCM_PKT_STATUS: i32 = 0x03;

/// Sends a packet.
pub(super) fn send(sock: &Sk<'_>, msg: &mut SendMsg<'_>) -> Result<usize> {
    sock.take_err()?;
    if msg.flags() & msg_flags::OOB != 0 {
        return Err(EOPNOTSUPP);
    }
    let cookie = msg.tx_cookie(sock)?;
    if sock.shutdown_mask() & shutdown::SEND != 0 {
        return Err(EPIPE);
    }
    if sock.state() != State::Connected {
        return Err(ENOTCONN);
    }
    let channel = channel(sock);
    let len = msg.len();
    if len > usize::from(channel.settings().mtu) {
        return Err(EINVAL);
    }
    let mut skb = sock.send_skb(msg, HEADROOM, 0)?;
    skb.set_tx_cookie(&cookie, len);
    channel.send(skb)?;
    Ok(len)
}

/// Receives a packet, or decides about a connection that waits for it.
pub(super) fn receive(sock: &Sk<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
    if msg.flags() & msg_flags::ERRQUEUE != 0 {
        return msg.errqueue(sock, SOL_BLUETOOTH, BT_SCM_ERROR);
    }
    let channel = channel(sock);
    if is_waiting(sock) {
        return sco::accept(channel).map(|()| 0);
    }
    let tell_status = channel.settings().packet_status;
    sock.recv_msg(msg, |datagram, msg| {
        msg.recv_cmsgs(sock, datagram);
        if tell_status {
            let Received { status } = datagram.cb();
            msg.put_cmsg(SOL_BLUETOOTH, BT_SCM_PKT_STATUS, status);
        }
    })
}
