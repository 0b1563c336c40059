// SPDX-License-Identifier: GPL-2.0

//! System calls, each of which ends a stretch of user mode: see [`crate::meter`].

use std::fs::OpenOptions;
use std::io;
use std::mem::size_of_val;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use crate::meter::kernel;

/// `AF_BLUETOOTH`.
const BLUETOOTH: i32 = 31;

/// Protocols of Bluetooth sockets.
pub const L2CAP: i32 = 0;
/// The same, for the host controller interface.
pub const HCI: i32 = 1;
/// The same, for synchronous links.
pub const SCO: i32 = 2;

/// Kinds of sockets.
pub use libc::{SOCK_RAW, SOCK_SEQPACKET};

/// Bluetooth device addresses, least significant byte first.
pub type Address = [u8; 6];

/// `BDADDR_BREDR` and `BDADDR_LE_PUBLIC`.
pub const BREDR: u8 = 0;
/// The same, for a public LE address.
pub const LE_PUBLIC: u8 = 1;

fn checked(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

fn owned(fd: i32) -> io::Result<OwnedFd> {
    checked(fd as isize)?;
    // SAFETY: the kernel has just made it, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Opens a file for reading and writing.
pub fn open(path: &str) -> io::Result<OwnedFd> {
    let file = kernel(|| OpenOptions::new().read(true).write(true).open(path))?;
    Ok(file.into())
}

/// Makes a Bluetooth socket.
pub fn socket(kind: i32, protocol: i32) -> io::Result<OwnedFd> {
    owned(kernel(|| {
        // SAFETY: takes no memory of ours.
        unsafe { libc::socket(BLUETOOTH, kind | libc::SOCK_CLOEXEC, protocol) }
    }))
}

/// A counter that can be waited for.
pub fn event() -> io::Result<OwnedFd> {
    owned(kernel(|| {
        // SAFETY: takes no memory of ours.
        unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) }
    }))
}

/// Reads, or receives.
pub fn read(fd: &OwnedFd, to: &mut [u8]) -> io::Result<usize> {
    checked(kernel(|| {
        // SAFETY: the kernel writes at most `len` bytes there.
        unsafe { libc::read(fd.as_raw_fd(), to.as_mut_ptr().cast(), to.len()) }
    }))
}

/// Writes, or sends, all of it.
pub fn write(fd: &OwnedFd, from: &[u8]) -> io::Result<()> {
    let done = checked(kernel(|| {
        // SAFETY: the kernel reads at most `len` bytes there.
        unsafe { libc::write(fd.as_raw_fd(), from.as_ptr().cast(), from.len()) }
    }))?;
    if done == from.len() {
        Ok(())
    } else {
        Err(io::ErrorKind::WriteZero.into())
    }
}

/// Waits until there is something to read; `false` if that lasts too long.
pub fn readable(fd: &OwnedFd, limit: Duration) -> io::Result<bool> {
    let mut wanted = libc::pollfd {
        fd: fd.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let limit = i32::try_from(limit.as_millis()).unwrap_or(i32::MAX);
    let ready = checked(kernel(|| {
        // SAFETY: one entry, which outlives the call.
        unsafe { libc::poll(&mut wanted, 1, limit) }
    }) as isize)?;
    Ok(ready > 0)
}

/// Closes a file now, and not when the value goes.
pub fn close(fd: OwnedFd) {
    kernel(|| drop(fd));
}

/// The clock's time in nanoseconds, which it takes no system call to read.
pub fn now() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the kernel writes one `timespec`.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    (time.tv_sec as u64) * 1_000_000_000 + time.tv_nsec as u64
}

/// Leaves the processor until that time of [`now`].
pub fn sleep_until(time: u64) {
    let time = libc::timespec {
        tv_sec: (time / 1_000_000_000) as i64,
        tv_nsec: (time % 1_000_000_000) as i64,
    };
    kernel(|| {
        // SAFETY: the kernel reads one `timespec`.
        unsafe {
            libc::clock_nanosleep(
                libc::CLOCK_MONOTONIC,
                libc::TIMER_ABSTIME,
                &time,
                std::ptr::null_mut(),
            )
        }
    });
}

/// This thread runs before all that have no real-time priority, as what plays audio does.
pub fn real_time() -> io::Result<()> {
    let priority = libc::sched_param { sched_priority: 10 };
    checked(kernel(|| {
        // SAFETY: the kernel reads one `sched_param`.
        unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &priority) }
    }) as isize)
    .map(drop)
}

/// Leaves the processor for a while.
pub fn sleep(time: Duration) {
    kernel(|| std::thread::sleep(time));
}

/// A request whose argument is a number.
pub fn ioctl(fd: &OwnedFd, request: u64, value: u16) -> io::Result<()> {
    checked(kernel(|| {
        // SAFETY: this is only used with requests that take a number.
        unsafe { libc::ioctl(fd.as_raw_fd(), request, libc::c_ulong::from(value)) }
    }) as isize)
    .map(drop)
}

/// Sets a socket's option.
pub fn set_option(fd: &OwnedFd, level: i32, name: i32, value: &[u8]) -> io::Result<()> {
    checked(kernel(|| {
        // SAFETY: the kernel reads the option's bytes, and no more.
        unsafe {
            libc::setsockopt(
                fd.as_raw_fd(),
                level,
                name,
                value.as_ptr().cast(),
                value.len() as libc::socklen_t,
            )
        }
    }) as isize)
    .map(drop)
}

#[repr(C)]
struct HciName {
    family: u16,
    device: u16,
    channel: u16,
}

#[repr(C)]
struct L2capName {
    family: u16,
    psm: [u8; 2],
    address: Address,
    cid: [u8; 2],
    kind: u8,
    pad: u8,
}

#[repr(C)]
struct ScoName {
    family: u16,
    address: Address,
}

type NameCall = unsafe extern "C" fn(i32, *const libc::sockaddr, libc::socklen_t) -> i32;

fn named<T>(fd: &OwnedFd, name: &T, call: NameCall) -> io::Result<()> {
    let len = size_of_val(name) as libc::socklen_t;
    let name = (name as *const T).cast();
    checked(kernel(|| {
        // SAFETY: the kernel reads that name, and no more.
        unsafe { call(fd.as_raw_fd(), name, len) }
    }) as isize)
    .map(drop)
}

/// Binds an HCI socket to a channel of a controller (0xffff: of none).
pub fn bind_hci(fd: &OwnedFd, device: u16, channel: u16) -> io::Result<()> {
    let name = HciName {
        family: BLUETOOTH as u16,
        device,
        channel,
    };
    named(fd, &name, libc::bind)
}

fn l2cap_name(address: Address, kind: u8, psm: u16) -> L2capName {
    L2capName {
        family: BLUETOOTH as u16,
        psm: psm.to_le_bytes(),
        address,
        cid: [0; 2],
        kind,
        pad: 0,
    }
}

/// Binds an L2CAP socket to a local address of this kind.
pub fn bind_l2cap(fd: &OwnedFd, address: Address, kind: u8) -> io::Result<()> {
    named(fd, &l2cap_name(address, kind, 0), libc::bind)
}

/// Connects an L2CAP socket; without a PSM, a raw one.
pub fn connect_l2cap(fd: &OwnedFd, address: Address, kind: u8, psm: u16) -> io::Result<()> {
    named(fd, &l2cap_name(address, kind, psm), libc::connect)
}

/// Connects a SCO socket.
pub fn connect_sco(fd: &OwnedFd, address: Address) -> io::Result<()> {
    let name = ScoName {
        family: BLUETOOTH as u16,
        address,
    };
    named(fd, &name, libc::connect)
}
