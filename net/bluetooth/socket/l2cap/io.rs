// SPDX-License-Identifier: GPL-2.0

//! Data of L2CAP sockets.
//!
//! A message is copied once, from user space into buffers with room for every header below, cut to
//! the size that the channel's worker has asked for. Which of them may be sent when is the worker's
//! business.

use super::{
    addr::L2capAddr,
    channel,
    is_waiting,
    Sk,
    AF_BLUETOOTH,
    SOL_BLUETOOTH, //
};
use crate::l2cap::{
    self,
    channel::{
        Channel,
        Kind,
        Piece,
        Sender,
        Settings,
        TX_HEADROOM,
        TX_TAILROOM, //
    },
};
use kernel::prelude::*;
use kernel_ext::{
    net::{
        msg_flags,
        sock_type,
        RecvMsg,
        SendMsg,
        SockName,
        State,
        TxCookie, //
    },
    skbuff::{
        SkBuff,
        SkBuffQueue, //
    },
};
use wire::{
    l2cap::Mode,
    AddressType,
    BdAddr, //
};

/// Kind of the control message that an entry of the error queue comes with (`BT_SCM_ERROR`).
const BT_SCM_ERROR: i32 = 0x04;

/// Longest datagram: what the basic header can tell, less the PSM.
const MAX_DATAGRAM: usize = 0xffff - 2;

/// Sends a message.
pub(super) fn send(sock: &Sk<'_>, msg: &mut SendMsg<'_>) -> Result<usize> {
    sock.take_err()?;
    if msg.flags() & msg_flags::OOB != 0 {
        return Err(EOPNOTSUPP);
    }
    if sock.state() != State::Connected {
        return Err(ENOTCONN);
    }
    let cookie = msg.tx_cookie(sock)?;
    let channel = channel(sock);
    wait_ready(sock, channel, msg.flags())?;

    let s = channel.settings();
    if s.spent || s.state != State::Connected {
        return Err(ENOTCONN);
    }
    channel.set_priority(sock.priority());
    let len = msg.len();
    if s.kind == Kind::Connectionless {
        return send_datagram(sock, msg, &s, &cookie);
    }
    if len > usize::from(s.omtu) {
        return Err(EMSGSIZE);
    }
    if len <= usize::from(s.pieces.whole) {
        if len == 0 && s.mode != Mode::Basic {
            return Ok(0);
        }
        let mut skb = piece(sock, msg, len, Piece::whole(len))?;
        check_still_connected(channel)?;
        if s.mode != Mode::Ertm {
            skb.set_tx_cookie(&cookie, len);
        }
        channel.send(skb);
        return Ok(len);
    }
    send_pieces(sock, msg, &s, &cookie)
}

/// Waits until the peer takes data.
fn wait_ready(sock: &Sk<'_>, channel: &Channel, flags: i32) -> Result {
    if !channel.is_suspended() {
        return Ok(());
    }
    let mut lock = sock.lock();
    let timeout = lock.snd_timeout(flags & msg_flags::DONTWAIT != 0);
    lock.wait(timeout, EAGAIN, |sk| {
        if sk.state() != State::Connected {
            return Some(sk.take_err().and(Err(ENOTCONN)));
        }
        (!channel.is_suspended()).then_some(Ok(()))
    })?
}

/// The channel may have been closed while memory was waited for.
fn check_still_connected(channel: &Channel) -> Result {
    if channel.settings().state == State::Connected {
        Ok(())
    } else {
        Err(ENOTCONN)
    }
}

/// The next `len` bytes of the message.
fn piece(sock: &Sk<'_>, msg: &mut SendMsg<'_>, len: usize, piece: Piece) -> Result<SkBuff> {
    let mut skb = sock.send_skb_part(msg, len, TX_HEADROOM, TX_TAILROOM)?;
    *skb.cb_mut() = piece;
    Ok(skb)
}

/// A message that is too long for one piece.
fn send_pieces(
    sock: &Sk<'_>,
    msg: &mut SendMsg<'_>,
    s: &Settings,
    cookie: &TxCookie,
) -> Result<usize> {
    let total = msg.len();
    pin_init::stack_pin_init!(let pieces = kernel_ext::new_skb_queue!("l2cap::pieces"));
    s.pieces.cut(total, |len, marks| {
        pieces.push_tail(piece(sock, msg, len, marks)?);
        Ok(())
    })?;
    let channel = channel(sock);
    check_still_connected(channel)?;
    if s.mode != Mode::Ertm {
        stamp(sock, &pieces, cookie, total);
    }
    channel.send_all(&pieces);
    Ok(total)
}

/// Marks the piece whose transmission is the message's: the first, or on a stream the last.
fn stamp(sock: &Sk<'_>, pieces: &SkBuffQueue, cookie: &TxCookie, len: usize) {
    if sock.socket_type() == sock_type::STREAM {
        if let Some(mut last) = pieces.pop_tail() {
            last.set_tx_cookie(cookie, len);
            pieces.push_tail(last);
        }
    } else if let Some(mut first) = pieces.pop() {
        first.set_tx_cookie(cookie, len);
        pieces.push_head(first);
    }
}

fn send_datagram(
    sock: &Sk<'_>,
    msg: &mut SendMsg<'_>,
    s: &Settings,
    cookie: &TxCookie,
) -> Result<usize> {
    let len = msg.len();
    if len > MAX_DATAGRAM {
        return Err(EMSGSIZE);
    }
    let mut skb = piece(sock, msg, len, Piece::whole(len.saturating_add(2)))?;
    skb.push_slice(&s.psm.to_le_bytes())?;
    check_still_connected(channel(sock))?;
    skb.set_tx_cookie(cookie, len);
    channel(sock).send(skb);
    Ok(len)
}

/// Receives a message, or decides about a connection that waits for it.
pub(super) fn receive(sock: &Sk<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
    if msg.flags() & msg_flags::ERRQUEUE != 0 {
        return msg.errqueue(sock, SOL_BLUETOOTH, BT_SCM_ERROR);
    }
    let channel = channel(sock);
    if is_waiting(sock) {
        return l2cap::authorise(channel).map(|()| 0);
    }
    let received = if sock.socket_type() == sock_type::STREAM {
        sock.recv_stream(msg)
    } else {
        let has_sender = sock.socket_type() == sock_type::DGRAM;
        sock.recv_msg(msg, |datagram, msg| {
            msg.recv_cmsgs(sock, datagram);
            if has_sender {
                let from: &Sender = datagram.cb();
                msg.put_name(&SockName::new(&L2capAddr::new(
                    AF_BLUETOOTH,
                    u16::from_le_bytes(from.psm),
                    BdAddr(from.addr),
                    0,
                    AddressType::BrEdr,
                )));
            }
        })
    };
    // Half of the buffer is a good time: not for each message, not only when it is empty.
    if channel.is_throttled() && sock.rmem_alloc() <= sock.rcvbuf() / 2 {
        l2cap::room(channel);
    }
    received
}
