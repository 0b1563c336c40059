// SPDX-License-Identifier: GPL-2.0

//! `struct bt_skb_cb`: what core and drivers tell each other beside a packet's bytes.

use crate::{
    bindings,
    skbuff::SkBuff, //
};
use kernel::prelude::*;

/// Headroom of every skb that a driver gets or makes (`BT_SKB_RESERVE`), in bytes.
pub const RESERVE: usize = bindings::BT_SKB_RESERVE as usize;

/// What is known of a packet beside its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameMeta {
    /// Packet indicator (Vol 4 Part A 2): `HCI_COMMAND_PKT`...
    pub packet_type: u8,
    /// Bytes still expected; for the driver's reassembly.
    pub expect: u16,
    /// The packet came from the controller.
    pub incoming: bool,
}

/// A packet between core and driver.
pub trait Frame: Sized {
    /// A new outgoing packet with the bytes `data` and the driver's headroom.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    fn packet(packet_type: u8, data: &[u8], flags: kernel::alloc::Flags) -> Result<Self>;

    /// Its packet indicator.
    fn packet_type(&self) -> u8;

    /// Whether it came from the controller.
    fn is_incoming(&self) -> bool;

    /// Writes all of its control block.
    fn set_meta(&mut self, meta: FrameMeta);
}

impl Frame for SkBuff {
    fn packet(packet_type: u8, data: &[u8], flags: kernel::alloc::Flags) -> Result<Self> {
        let mut skb = SkBuff::from_slice(RESERVE, data, flags)?;
        skb.set_meta(FrameMeta {
            packet_type,
            ..FrameMeta::default()
        });
        Ok(skb)
    }

    #[inline]
    fn packet_type(&self) -> u8 {
        // SAFETY: The skb is alive; every value is valid.
        unsafe { bindings::kext_bt_cb_pkt_type(self.as_ptr()) }
    }

    #[inline]
    fn is_incoming(&self) -> bool {
        // SAFETY: As above.
        unsafe { bindings::kext_bt_cb_incoming(self.as_ptr()) }
    }

    #[inline]
    fn set_meta(&mut self, meta: FrameMeta) {
        // SAFETY: The skb is exclusively ours, and its control block is as large as any.
        unsafe {
            bindings::kext_bt_cb_set(self.as_ptr(), meta.packet_type, meta.expect, meta.incoming)
        };
    }
}
