// SPDX-License-Identifier: GPL-2.0

//! L2CAP: frames, control fields, signalling commands and configuration options (Vol 3 Part A).
//!
//! - [`frame`]: what travels on a channel (3), with its check sequence.
//! - [`control`]: the control fields of retransmission and streaming mode (3.3.2).
//! - [`signal`]: the commands of the signalling channels (4).
//! - [`config`]: the options of configuration commands (5).
//! - [`cid`] and [`psm`]: which identifiers mean what, and which are allowed (2.1, 4.2, 4.22).

pub mod cid;
pub mod config;
pub mod control;
mod fcs;
pub mod frame;
pub mod psm;
pub mod signal;

use zerocopy::little_endian::U32;

pub use fcs::{
    fcs,
    fcs_update, //
};
pub use frame::{
    BasicHeader,
    ConnectionlessFrame,
    ErtmFrame,
    Frame,
    FrameError, //
};

/// The kind of link that L2CAP runs on; many rules differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// BR/EDR.
    BrEdr,
    /// LE.
    Le,
}

/// How a channel transports data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    /// Basic L2CAP mode.
    Basic = 0x00,
    /// Retransmission mode. Deprecated; never chosen.
    Retransmission = 0x01,
    /// Flow control mode. Deprecated; never chosen.
    FlowControl = 0x02,
    /// Enhanced retransmission mode.
    Ertm = 0x03,
    /// Streaming mode.
    Streaming = 0x04,
    /// LE credit based flow control mode. The number is Linux' own; it never travels.
    LeCredit = 0x80,
    /// Enhanced credit based flow control mode. The number is Linux' own; it never travels.
    EnhancedCredit = 0x81,
}

impl Mode {
    /// The mode with this number, if there is one.
    #[inline]
    pub const fn from_u8(raw: u8) -> Option<Self> {
        Some(match raw {
            0x00 => Self::Basic,
            0x01 => Self::Retransmission,
            0x02 => Self::FlowControl,
            0x03 => Self::Ertm,
            0x04 => Self::Streaming,
            0x80 => Self::LeCredit,
            0x81 => Self::EnhancedCredit,
            _ => return None,
        })
    }

    /// Its number.
    #[inline]
    pub const fn to_u8(self) -> u8 {
        self as u8
    }

    /// Whether I-frames with a control field carry the data.
    #[inline]
    pub const fn has_control(self) -> bool {
        matches!(self, Self::Ertm | Self::Streaming)
    }

    /// Whether credits limit what may be sent.
    #[inline]
    pub const fn has_credits(self) -> bool {
        matches!(self, Self::LeCredit | Self::EnhancedCredit)
    }
}

bit_set! {
    /// Extended features (4.12).
    FeatureMask(U32, u32) {
        FLOW_CONTROL = 0;
        RETRANSMISSION = 1;
        BIDIRECTIONAL_QOS = 2;
        ERTM = 3;
        STREAMING = 4;
        FCS = 5;
        EXTENDED_FLOW = 6;
        FIXED_CHANNELS = 7;
        EXTENDED_WINDOW = 8;
        CONNECTIONLESS = 9;
        ENHANCED_CREDIT = 10;
    }
}

bit_set! {
    /// Fixed channels (4.13): the octet that has bits assigned. The bit number is the channel identifier.
    FixedChannels(crate::layout::U8, u8) {
        SIGNALLING = 1;
        CONNECTIONLESS = 2;
        ATT = 4;
        LE_SIGNALLING = 5;
        SMP = 6;
        SMP_BREDR = 7;
    }
}

/// The MTU that every BR/EDR implementation supports, in octets (5.1). Also the MTU of the signalling channel (4).
pub const MIN_MTU: u16 = 48;
/// The MTU of a BR/EDR channel for which no other is negotiated, in octets (5.1).
pub const DEFAULT_MTU: u16 = 672;
/// The least MTU and MPS of LE credit based flow control mode, in octets (4.22).
pub const LE_MIN_MTU: u16 = 23;
/// The least MTU and MPS of enhanced credit based flow control mode, in octets (4.25).
pub const ENHANCED_MIN_MTU: u16 = 64;
/// How many channels a request of enhanced credit based flow control mode may name (4.25).
pub const ENHANCED_CHANNELS: usize = 5;
/// Octets of an SDU length field.
pub const SDU_LEN_SIZE: usize = 2;
/// Octets of a frame check sequence.
pub const FCS_SIZE: usize = 2;
