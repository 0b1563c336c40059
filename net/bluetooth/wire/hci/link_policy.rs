// SPDX-License-Identifier: GPL-2.0

//! Link policy commands (Vol 4 Part E 7.2).

use zerocopy::little_endian::U16;

use super::{
    ConnHandle,
    Opcode, //
};
use crate::BdAddr;

bit_set! {
    /// What a link may do on its own (7.2.9).
    LinkPolicy(U16, u16) {
        ROLE_SWITCH = 0;
        HOLD = 1;
        SNIFF = 2;
        PARK = 3;
    }
}

layout! {
    /// Reply of [`RoleDiscovery`].
    Role {
        handle: ConnHandle,
        /// 0 central, 1 peripheral.
        role: u8,
    }
    /// Reply of [`ReadLinkPolicy`].
    LinkPolicySettings {
        handle: ConnHandle,
        policy: LinkPolicy,
    }
}

command! {
    /// Hold Mode (7.2.1).
    struct HoldMode(Opcode::HOLD_MODE) { pub handle: ConnHandle, pub max_interval: U16, pub min_interval: U16 } => status;
    /// Sniff Mode (7.2.2).
    struct SniffMode(Opcode::SNIFF_MODE) {
        pub handle: ConnHandle,
        /// In units of 0.625 ms, as all of them.
        pub max_interval: U16,
        pub min_interval: U16,
        pub attempt: U16,
        pub timeout: U16,
    } => status;
    /// Exit Sniff Mode (7.2.3).
    struct ExitSniffMode(Opcode::EXIT_SNIFF_MODE) { pub handle: ConnHandle } => status;
    /// Role Discovery (7.2.7).
    struct RoleDiscovery(Opcode::ROLE_DISCOVERY) { pub handle: ConnHandle } => Role;
    /// Switch Role (7.2.8).
    struct SwitchRole(Opcode::SWITCH_ROLE) {
        pub bdaddr: BdAddr,
        /// 0 central, 1 peripheral.
        pub role: u8,
    } => status;
    /// Read Link Policy Settings (7.2.9).
    struct ReadLinkPolicy(Opcode::READ_LINK_POLICY) { pub handle: ConnHandle } => LinkPolicySettings;
    /// Write Link Policy Settings (7.2.10).
    struct WriteLinkPolicy(Opcode::WRITE_LINK_POLICY) { pub handle: ConnHandle, pub policy: LinkPolicy } => ConnHandle;
    /// Read Default Link Policy Settings (7.2.11).
    struct ReadDefaultLinkPolicy(Opcode::READ_DEF_LINK_POLICY) => LinkPolicy;
    /// Write Default Link Policy Settings (7.2.12).
    struct WriteDefaultLinkPolicy(Opcode::WRITE_DEF_LINK_POLICY) { pub policy: LinkPolicy } => ();
    /// Sniff Subrating (7.2.14).
    struct SniffSubrating(Opcode::SNIFF_SUBRATE) {
        pub handle: ConnHandle,
        pub max_latency: U16,
        pub min_remote_timeout: U16,
        pub min_local_timeout: U16,
    } => ();
}
