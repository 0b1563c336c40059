// SPDX-License-Identifier: GPL-2.0

//! What a raw socket receives, and what one without `CAP_NET_RAW` may send and receive.

use wire::hci::{
    packet::PacketType,
    Opcode, //
};
use zerocopy::little_endian::U16;
use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes,
    KnownLayout, //
};

/// Event codes that carry an opcode (Vol 4 Part E 7.7.14, 7.7.15).
const COMMAND_COMPLETE: u8 = 0x0e;
const COMMAND_STATUS: u8 = 0x0f;

/// A filter as user space sets and gets it (`struct hci_ufilter`).
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct UserFilter {
    pub(super) type_mask: u32,
    pub(super) event_mask: [u32; 2],
    /// Little endian.
    pub(super) opcode: U16,
    pub(super) padding: [u8; 2],
}

/// Which packets a raw socket receives. A new one receives none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Filter {
    /// A bit for each packet type, modulo 32.
    types: u32,
    /// A bit for each event code, modulo 64.
    events: u64,
    /// The only command whose Command Complete and Command Status pass; 0: those of all.
    opcode: u16,
}

/// What passes without `CAP_NET_RAW`: events alone, and of those what tells of inquiries, of the
/// links' state and of commands, no keys.
const UNPRIVILEGED: Filter = Filter {
    types: 1 << PacketType::Event.to_u8(),
    events: 0x0000_b00c_1000_d9fe,
    opcode: 0,
};

/// Commands that may be sent without `CAP_NET_RAW`: a bit for each OCF, by OGF.
///
/// They read, they look for devices, they change nothing that outlives them.
const UNPRIVILEGED_COMMANDS: [u128; 6] = [
    0,
    // Link Control
    0x0000_0001_be00_0006,
    // Link Policy
    0x5200,
    // Controller & Baseband
    0x0522_0154_2b40_2aaa_aab0_0200,
    // Informational Parameters
    0x02be,
    // Status Parameters
    0x00ea,
];

/// Whether a command may be sent without `CAP_NET_RAW`.
pub(super) fn is_unprivileged(opcode: Opcode) -> bool {
    UNPRIVILEGED_COMMANDS
        .get(usize::from(opcode.ogf()))
        .zip(1u128.checked_shl(u32::from(opcode.ocf())))
        .is_some_and(|(allowed, bit)| allowed & bit != 0)
}

impl Filter {
    /// What the user asks for.
    pub(super) fn from_user(filter: &UserFilter) -> Self {
        let [low, high] = filter.event_mask;
        Self {
            types: filter.type_mask,
            events: u64::from(low) | u64::from(high) << 32,
            opcode: filter.opcode.get(),
        }
    }

    /// The same, as user space reads it.
    pub(super) fn to_user(self) -> UserFilter {
        UserFilter {
            type_mask: self.types,
            event_mask: [
                (self.events & u64::from(u32::MAX)) as u32,
                (self.events >> 32) as u32,
            ],
            opcode: U16::new(self.opcode),
            padding: [0; 2],
        }
    }

    /// The part of it that passes without `CAP_NET_RAW`.
    pub(super) fn unprivileged(self) -> Self {
        Self {
            types: self.types & UNPRIVILEGED.types,
            events: self.events & UNPRIVILEGED.events,
            opcode: self.opcode,
        }
    }

    /// Whether a packet passes. `data` is the packet without its type.
    pub(super) fn passes(&self, packet_type: u8, data: &[u8]) -> bool {
        if self.types & 1u32.wrapping_shl(u32::from(packet_type)) == 0 {
            return false;
        }
        if packet_type != PacketType::Event.to_u8() {
            return true;
        }
        let Some(&code) = data.first() else {
            return false;
        };
        if self.events & 1u64.wrapping_shl(u32::from(code)) == 0 {
            return false;
        }
        if self.opcode == 0 {
            return true;
        }
        let opcode = match code {
            COMMAND_COMPLETE => data.get(3..5),
            COMMAND_STATUS => data.get(4..6),
            _ => return true,
        };
        opcode == Some(&self.opcode.to_le_bytes())
    }
}
