// SPDX-License-Identifier: GPL-2.0

//! Controllers: which there are, what they are, how they are set.

use super::{
    available,
    find, //
};
use crate::{
    hci::{
        self,
        notify,
        registry,
        Buffers,
        Device,
        Notice,
        Session, //
    },
    mgmt,
};
use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};
use kernel_ext::vec::VecExt;
use kernel_ext::{
    hci::{
        Address,
        DevFlag,
        Flag, //
    },
    net::IoctlArg,
};
use wire::hci::{
    host_control::{
        ScanEnable,
        WriteAuthenticationEnable,
        WriteEncryptionMode,
        WriteScanEnable, //
    },
    link_policy::{
        LinkPolicy,
        WriteDefaultLinkPolicy, //
    },
};
use zerocopy::IntoBytes;
use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes,
    KnownLayout, //
};

/// A controller and a number (`struct hci_dev_req`).
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct DeviceRequest {
    index: u16,
    padding: [u8; 2],
    value: u32,
}

/// What a list of [`DeviceRequest`]s starts with (`struct hci_dev_list_req`).
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct ListHeader {
    count: u16,
    padding: [u8; 2],
}

/// `struct hci_dev_stats`, ten counters.
type Stats = [u32; 10];

/// `struct hci_dev_info`.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct DeviceInfo {
    index: u16,
    name: [u8; 8],
    address: [u8; 6],
    flags: u32,
    /// The bus, in the low four bits.
    kind: u8,
    features: [u8; 8],
    padding: [u8; 3],
    packet_type: u32,
    link_policy: u32,
    link_mode: u32,
    acl_mtu: u16,
    acl_packets: u16,
    sco_mtu: u16,
    sco_packets: u16,
    stats: Stats,
}

/// What user space sees of `hci_dev.flags`.
fn flags(dev: &Device) -> u32 {
    // The C interface has 32 of them.
    let flags = (dev.dev_flags() & 0xffff_ffff) as u32;
    // Waiting to be switched off again after set-up, the controller counts as down.
    if dev.has(Flag::AUTO_OFF) {
        flags & !DevFlag::UP.mask()
    } else {
        flags
    }
}

/// `HCIGETDEVLIST`.
///
/// # Errors
///
/// `EFAULT`, `EINVAL` if the caller asks for none or for more than two pages of them, `ENOMEM`.
pub(super) fn list(arg: IoctlArg) -> Result {
    let max = usize::from(arg.read::<u16>()?);
    if max == 0 || max.saturating_mul(size_of::<DeviceRequest>()) > PAGE_SIZE.saturating_mul(2) {
        return Err(EINVAL);
    }
    let mut found = KVec::new();
    for dev in registry::all()?.iter().take(max) {
        found.append(DeviceRequest {
            index: dev.id(),
            padding: [0; 2],
            value: flags(dev),
        })?;
    }
    let header = ListHeader {
        // At most `max`.
        count: found.len() as u16,
        padding: [0; 2],
    };
    arg.write(&header)?;
    arg.write_at(size_of::<ListHeader>(), found.as_bytes())
}

/// `HCIGETDEVINFO`.
///
/// # Errors
///
/// `EFAULT`, `ENODEV`.
pub(super) fn info(arg: IoctlArg) -> Result {
    // What is not overwritten below goes back as it came.
    let mut out: DeviceInfo = arg.read()?;
    let dev = find(out.index)?;
    let info = dev.info()?;

    // Up to seven bytes and a NUL.
    let name = Iterator::chain(dev.name().to_bytes().iter().take(7), &[0]);
    for (to, from) in out.name.iter_mut().zip(name) {
        *to = *from;
    }
    out.address = dev.address(Address::Current);
    out.flags = flags(&dev);
    out.kind = dev.bus() & 0x0f;
    if let Some(page) = info.features.pages.first() {
        out.features = page.0;
    }
    {
        let state = dev.state();
        out.packet_type = state.pkt_type.into();
        out.link_policy = state.link_policy.into();
        out.link_mode = state.link_mode.into();
    }
    let (acl, sco) = if info.bredr_capable() {
        (info.acl, info.sco)
    } else {
        (info.le, Buffers::default())
    };
    out.acl_mtu = acl.mtu;
    out.acl_packets = acl.packets;
    out.sco_mtu = sco.mtu;
    out.sco_packets = sco.packets;
    let stats = dev.stats();
    out.stats = [
        stats.err_rx,
        stats.err_tx,
        stats.cmd_tx,
        stats.evt_rx,
        stats.acl_tx,
        stats.acl_rx,
        stats.sco_tx,
        stats.sco_rx,
        stats.byte_rx,
        stats.byte_tx,
    ];
    arg.write(&out)
}

/// `HCIDEVRESTAT`.
///
/// # Errors
///
/// `EBUSY`, `EOPNOTSUPP`: see [`available`].
pub(super) fn reset_stat(dev: &Device) -> Result {
    available(dev)?;
    dev.reset_stats();
    Ok(())
}

/// What an ioctl can set of a controller.
#[derive(Clone, Copy)]
pub(super) enum Setting {
    Scan,
    Auth,
    Encrypt,
    PacketType,
    LinkPolicy,
    LinkMode,
    AclMtu,
    ScoMtu,
}

/// `HCISETSCAN` and its like.
///
/// # Errors
///
/// `EFAULT`, `ENODEV`, `EBUSY`; `EOPNOTSUPP` if the controller is not configured, not a BR/EDR
/// one, or cannot do it; else what the command failed with.
pub(super) fn set(setting: Setting, arg: IoctlArg) -> Result {
    let request: DeviceRequest = arg.read()?;
    let dev = find(request.index)?;
    available(&dev)?;
    if !dev.has(Flag::BREDR_ENABLED) {
        return Err(EOPNOTSUPP);
    }
    // Each setting takes as much of the value as it has bits.
    let [low, high] = [request.value & 0xffff, request.value >> 16].map(|half| half as u16);
    let [byte, _] = low.to_le_bytes();
    match setting {
        Setting::Scan => set_scan(&dev, byte),
        Setting::Auth => set_auth(&dev, byte),
        Setting::Encrypt => {
            if !dev.info()?.features.encryption() {
                return Err(EOPNOTSUPP);
            }
            if !dev.is(DevFlag::AUTH) {
                set_auth(&dev, byte)?;
            }
            with_session(&dev, |session| {
                Ok(session.send(&WriteEncryptionMode { mode: byte })?)
            })
        }
        Setting::LinkPolicy => with_session(&dev, |session| {
            let policy = LinkPolicy::from_bits(low);
            Ok(session.send(&WriteDefaultLinkPolicy { policy })?)
        }),
        Setting::LinkMode => {
            // `HCI_LM_ACCEPT`, `HCI_LM_MASTER`.
            dev.state().link_mode = low & (0x8000 | 0x0001);
            Ok(())
        }
        Setting::PacketType => {
            let old = core::mem::replace(&mut dev.state().pkt_type, low);
            if old != low {
                mgmt::phy_configuration_changed(&dev);
            }
            Ok(())
        }
        Setting::AclMtu => set_buffers(&dev, |info| &mut info.acl, low, high),
        Setting::ScoMtu => set_buffers(&dev, |info| &mut info.sco, low, high),
    }
}

/// Runs commands in the caller's context.
///
/// # Errors
///
/// `EINVAL` if the transport is closed, as user space knows it from these ioctls; else what the
/// commands fail with.
fn with_session(dev: &Device, run: impl FnOnce(&Session<'_>) -> Result) -> Result {
    let lock = dev.req_lock();
    if !dev.is(DevFlag::RUNNING) {
        return Err(EINVAL);
    }
    run(&Session::under(&lock))
}

fn set_auth(dev: &Device, enable: u8) -> Result {
    with_session(dev, |session| {
        Ok(session.send(&WriteAuthenticationEnable { enable })?)
    })
}

/// Overrides a buffer's description until the controller is asked for it again.
fn set_buffers(
    dev: &Device,
    which: impl FnOnce(&mut hci::Info) -> &mut Buffers,
    packets: u16,
    mtu: u16,
) -> Result {
    dev.update_info(|info| *which(info) = Buffers { mtu, packets })?;
    hci::publish(dev)
}

fn set_scan(dev: &Device, scan: u8) -> Result {
    let scan = ScanEnable::from_bits(scan);
    with_session(dev, |session| Ok(session.send(&WriteScanEnable { scan })?))?;

    // mgmt's settings follow: this was not mgmt's doing.
    let page = scan.contains(ScanEnable::PAGE);
    let inquiry = scan.contains(ScanEnable::INQUIRY);
    let connectable_changed = dev.set(Flag::CONNECTABLE, page) != page;
    if !inquiry {
        dev.set(Flag::LIMITED_DISCOVERABLE, false);
    }
    let discoverable_changed = dev.set(Flag::DISCOVERABLE, inquiry) != inquiry;
    if !dev.has(Flag::MGMT) || !(connectable_changed || discoverable_changed) {
        return Ok(());
    }
    dev.set(Flag::BREDR_ENABLED, true);
    if dev.has(Flag::LE_ENABLED) {
        // The advertising data tell whether one is discoverable. What user space asked for is
        // done; if this fails, the data stay as they were.
        let _ = hci::sequence(dev, |session| {
            let _ = hci::update::adv::update_current_data(session);
        });
    }
    notify(dev, Notice::SettingsChanged);
    Ok(())
}
