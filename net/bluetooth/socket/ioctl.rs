// SPDX-License-Identifier: GPL-2.0

//! The ioctls of HCI sockets.
//!
//! They are older than mgmt and mean the same for 32-bit programs: all structures have the same
//! layout there.

mod device;
mod inquiry;
mod links;

use super::{
    hci::{
        self,
        HciSocket, //
    },
    monitor,
    shared::Channel, //
};
use crate::{
    hci::{
        power,
        registry,
        Device,
        Peer, //
    },
    mgmt::channel::EventFlag,
};
use kernel::{
    ioctl::{
        _IOR,
        _IOW, //
    },
    prelude::*,
    sync::aref::ARef, //
};
use kernel_ext::vec::VecExt;
use kernel_ext::{
    hci::Flag,
    net::{
        capable,
        Capability,
        IoctlArg,
        Socket, //
    },
};
use wire::{
    AddressType,
    BdAddr, //
};

/// Letter of the requests.
const LETTER: u32 = b'H' as u32;

const DEV_UP: u32 = _IOW::<c_int>(LETTER, 201);
const DEV_DOWN: u32 = _IOW::<c_int>(LETTER, 202);
const DEV_RESET: u32 = _IOW::<c_int>(LETTER, 203);
const DEV_RESET_STAT: u32 = _IOW::<c_int>(LETTER, 204);
const GET_DEV_LIST: u32 = _IOR::<c_int>(LETTER, 210);
const GET_DEV_INFO: u32 = _IOR::<c_int>(LETTER, 211);
const GET_CONN_LIST: u32 = _IOR::<c_int>(LETTER, 212);
const GET_CONN_INFO: u32 = _IOR::<c_int>(LETTER, 213);
const GET_AUTH_INFO: u32 = _IOR::<c_int>(LETTER, 215);
const SET_RAW: u32 = _IOW::<c_int>(LETTER, 220);
const SET_SCAN: u32 = _IOW::<c_int>(LETTER, 221);
const SET_AUTH: u32 = _IOW::<c_int>(LETTER, 222);
const SET_ENCRYPT: u32 = _IOW::<c_int>(LETTER, 223);
const SET_PACKET_TYPE: u32 = _IOW::<c_int>(LETTER, 224);
const SET_LINK_POLICY: u32 = _IOW::<c_int>(LETTER, 225);
const SET_LINK_MODE: u32 = _IOW::<c_int>(LETTER, 226);
const SET_ACL_MTU: u32 = _IOW::<c_int>(LETTER, 227);
const SET_SCO_MTU: u32 = _IOW::<c_int>(LETTER, 228);
const BLOCK_ADDR: u32 = _IOW::<c_int>(LETTER, 230);
const UNBLOCK_ADDR: u32 = _IOW::<c_int>(LETTER, 231);
const INQUIRY: u32 = _IOR::<c_int>(LETTER, 240);

/// What a request is about.
enum Request {
    /// What there is.
    List(fn(IoctlArg) -> Result),
    /// The controller whose index is the argument.
    Power(fn(&Device) -> Result),
    /// A setting of the controller that the argument names.
    Set(device::Setting),
    /// The controller that the socket is bound to. True: only for who may configure the network.
    Bound(bool, fn(&Device, IoctlArg) -> Result),
}

impl Request {
    fn from_raw(cmd: u32) -> Option<Self> {
        use device::Setting;
        Some(match cmd {
            GET_DEV_LIST => Self::List(device::list),
            GET_DEV_INFO => Self::List(device::info),
            GET_CONN_LIST => Self::List(links::list),
            INQUIRY => Self::List(inquiry::inquiry),
            DEV_UP => Self::Power(power::up),
            DEV_DOWN => Self::Power(power::down),
            DEV_RESET => Self::Power(power::reset),
            DEV_RESET_STAT => Self::Power(device::reset_stat),
            SET_SCAN => Self::Set(Setting::Scan),
            SET_AUTH => Self::Set(Setting::Auth),
            SET_ENCRYPT => Self::Set(Setting::Encrypt),
            SET_PACKET_TYPE => Self::Set(Setting::PacketType),
            SET_LINK_POLICY => Self::Set(Setting::LinkPolicy),
            SET_LINK_MODE => Self::Set(Setting::LinkMode),
            SET_ACL_MTU => Self::Set(Setting::AclMtu),
            SET_SCO_MTU => Self::Set(Setting::ScoMtu),
            // Raw devices are what their drivers say they are.
            SET_RAW => Self::Bound(true, |_, _| Err(EOPNOTSUPP)),
            GET_CONN_INFO => Self::Bound(false, links::info),
            GET_AUTH_INFO => Self::Bound(false, links::auth_info),
            BLOCK_ADDR => Self::Bound(true, block),
            UNBLOCK_ADDR => Self::Bound(true, unblock),
            _ => return None,
        })
    }
}

/// Carries out an ioctl.
///
/// # Errors
///
/// `ENOIOCTLCMD` for one that is not ours; `EBADFD` on any channel but the raw one; `EPERM` where
/// `CAP_NET_ADMIN` is needed; `ENODEV`; else what it fails with.
pub(super) fn ioctl(sock: &Socket<'_, HciSocket>, cmd: u32, arg: IoctlArg) -> Result {
    let request = Request::from_raw(cmd).ok_or(ENOIOCTLCMD)?;
    {
        let _lock = sock.lock();
        let shared = sock.private();
        if shared.channel() != Channel::Raw {
            return Err(EBADFD);
        }
        // A socket that is used like this may never be bound: here the monitor learns of it.
        if shared.introduce() {
            // Somebody else's socket is not trusted for the sake of who happens to use it.
            if sock.capable(Capability::NetAdmin) {
                shared.set(EventFlag::Trusted, true);
            }
            monitor::socket_opened(sock);
        }
    }
    match request {
        Request::List(run) => run(arg),
        Request::Power(run) => {
            need_admin()?;
            // Indices are 16 bits; user space may pass more.
            let dev = find((arg.raw() & usize::from(u16::MAX)) as u16)?;
            run(&dev)
        }
        Request::Set(setting) => {
            need_admin()?;
            device::set(setting, arg)
        }
        Request::Bound(needs_admin, run) => {
            let dev = hci::device(&sock.lock())?;
            available(&dev)?;
            if needs_admin {
                need_admin()?;
            }
            run(&dev, arg)
        }
    }
}

fn need_admin() -> Result {
    if capable(Capability::NetAdmin) {
        Ok(())
    } else {
        Err(EPERM)
    }
}

/// The controller with an index.
///
/// # Errors
///
/// `ENODEV`.
fn find(index: u16) -> Result<ARef<Device>> {
    registry::get(index).ok_or(ENODEV)
}

/// Whether the stack may use a controller.
///
/// # Errors
///
/// `EBUSY` if user space has it to itself, `EOPNOTSUPP` if it is not configured.
fn available(dev: &Device) -> Result {
    if dev.has(Flag::USER_CHANNEL) {
        return Err(EBUSY);
    }
    if dev.has(Flag::UNCONFIGURED) {
        return Err(EOPNOTSUPP);
    }
    Ok(())
}

/// `HCIBLOCKADDR`: links from an address are refused.
///
/// # Errors
///
/// `EFAULT`, `EBADF` for no address, `EEXIST`, `ENOMEM`.
fn block(dev: &Device, arg: IoctlArg) -> Result {
    let peer = Peer {
        addr: BdAddr(arg.read()?),
        kind: AddressType::BrEdr,
    };
    if peer.addr.is_any() {
        return Err(EBADF);
    }
    let mut state = dev.state();
    if state.reject_list.iter().any(|known| *known == peer) {
        return Err(EEXIST);
    }
    state.reject_list.append(peer)?;
    Ok(())
}

/// `HCIUNBLOCKADDR`: undoes [`block`]; for all addresses if none is given.
///
/// # Errors
///
/// `EFAULT`, `ENOENT`.
fn unblock(dev: &Device, arg: IoctlArg) -> Result {
    let peer = Peer {
        addr: BdAddr(arg.read()?),
        kind: AddressType::BrEdr,
    };
    let mut state = dev.state();
    if peer.addr.is_any() {
        state.reject_list.clear();
        return Ok(());
    }
    let before = state.reject_list.len();
    state.reject_list.keep(|known| *known != peer);
    if state.reject_list.len() == before {
        return Err(ENOENT);
    }
    Ok(())
}
