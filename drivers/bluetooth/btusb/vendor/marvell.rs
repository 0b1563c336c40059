// SPDX-License-Identifier: GPL-2.0

//! Marvell's chips.

use super::command;
use crate::device::Btusb;
use kernel::{
    prelude::*,
    sync::ArcBorrow, //
};
use usb_ext::{
    frame::{
        Frame,
        FrameMeta, //
    },
    hci::{
        packet,
        Device, //
    },
    skbuff::SkBuff, //
};

const SET_ADDRESS: u16 = 0xfc22;
/// Host Sleep Config.
const CONFIGURE_WAKE_LINE: u16 = 0xfc59;

/// Gives the chip an address.
pub(crate) fn set_address(dev: &Device, address: [u8; 6]) -> Result {
    let [a, b, c, d, e, f] = address;
    command(dev, SET_ADDRESS, &[0xfe, 6, a, b, c, d, e, f]).inspect_err(|e| {
        dev.error(fmt!(
            "changing Marvell device address failed ({})",
            e.to_errno()
        ));
    })
}

/// Tells the chip which of its pins is the line that wakes the system, and for how many
/// milliseconds to pull it, if the device tree says that.
///
/// Nobody waits for the answer: there is no controller yet that could have commands.
pub(crate) fn configure_wake_line(this: ArcBorrow<'_, Btusb>) -> Result {
    let (Ok(pin), Ok(gap)) = (
        this.udev.node_u16(c"marvell,wakeup-pin"),
        this.udev.node_u16(c"marvell,wakeup-gap-ms"),
    ) else {
        return Ok(());
    };
    let [lo, hi] = CONFIGURE_WAKE_LINE.to_le_bytes();
    // Either is an octet in the command, whatever the device tree has room for.
    let ([pin, _], [gap, _]) = (pin.to_le_bytes(), gap.to_le_bytes());
    let bytes = [lo, hi, 2, pin, gap];
    let mut skb = SkBuff::bt_alloc(bytes.len(), GFP_KERNEL)?;
    skb.put_slice(&bytes)?;
    skb.set_meta(FrameMeta {
        packet_type: packet::COMMAND,
        ..FrameMeta::default()
    });
    this.send(skb).map_err(|(e, _)| {
        dev_err!(
            this.intf.device(),
            "OOB Wake-on-BT: the chip is not told ({})\n",
            e.to_errno()
        );
        e
    })
}
