// SPDX-License-Identifier: GPL-2.0

//! What a controller said of itself.

use engine::unknown::EffectiveCommands;
use wire::{
    hci::{
        features::{
            LeFeatures,
            LmpFeatures, //
        },
        CommandBit, //
    },
    BdAddr, //
};

/// One link type's buffers in the controller (Vol 4 Part E 4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Buffers {
    /// Largest payload of one packet, in bytes.
    pub(crate) mtu: u16,
    /// Packets the controller holds.
    pub(crate) packets: u16,
}

/// A snapshot of what bring-up read from the controller.
///
/// Immutable once published: readers hold an `Arc` of it, see
/// [`Controller::info`](super::Controller::info).
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Info {
    /// Public address as Read BD_ADDR returned it.
    pub(crate) bdaddr: BdAddr,
    /// HCI version and revision (Vol 4 Part E 7.4.1).
    pub(crate) hci_ver: u8,
    pub(crate) hci_rev: u16,
    /// LMP version and subversion.
    pub(crate) lmp_ver: u8,
    pub(crate) lmp_subver: u16,
    /// Company identifier; 0xffff before it is known.
    pub(crate) manufacturer: u16,
    /// Supported commands, less those that turned out not to be.
    pub(crate) commands: EffectiveCommands,
    /// LMP features by page, and the highest page (Vol 4 Part E 7.4.3, 7.4.4).
    pub(crate) features: LmpFeatures,
    pub(crate) max_page: u8,
    /// LE features (Vol 4 Part E 7.8.3).
    pub(crate) le_features: LeFeatures,
    /// LE supported states (Vol 4 Part E 7.8.27).
    pub(crate) le_states: u64,
    /// Buffers by link type. ACL's serve LE when LE has none of its own.
    pub(crate) acl: Buffers,
    pub(crate) sco: Buffers,
    pub(crate) le: Buffers,
    pub(crate) iso: Buffers,
    /// Entries of the filter accept list and of the resolving list.
    pub(crate) le_accept_list_size: u8,
    pub(crate) le_resolv_list_size: u8,
    /// Advertising sets (Vol 4 Part E 7.8.58); 5 where the controller has no say.
    pub(crate) le_adv_sets: u8,
    /// Supported transmit power range in dBm; 127 when unknown.
    pub(crate) min_le_tx_power: i8,
    pub(crate) max_le_tx_power: i8,
    /// Transmit power of legacy advertising in dBm; 127 when unknown.
    pub(crate) adv_tx_power: i8,
    /// Suggested and maximum data length (octets, microseconds).
    pub(crate) le_def_tx_len: u16,
    pub(crate) le_def_tx_time: u16,
    pub(crate) le_max_tx_len: u16,
    pub(crate) le_max_tx_time: u16,
    pub(crate) le_max_rx_len: u16,
    pub(crate) le_max_rx_time: u16,
    /// Inquiry access codes supported at once.
    pub(crate) num_iac: u8,
    /// Inquiry response transmit power in dBm; 127 when unknown.
    pub(crate) inq_tx_power: i8,
    /// Stored link keys: capacity and count.
    pub(crate) stored_max_keys: u16,
    pub(crate) stored_num_keys: u16,
    /// Encryption key size range and pairing options of Read Local Simple Pairing Options.
    pub(crate) max_enc_key_size: u8,
    pub(crate) pairing_opts: u8,
    /// Erroneous data reporting (Vol 4 Part E 7.3.64).
    pub(crate) err_data_reporting: u8,
}

impl Info {
    /// What is assumed of a controller that was not asked yet.
    pub(crate) fn new() -> Self {
        Self {
            bdaddr: BdAddr::ANY,
            hci_ver: 0,
            hci_rev: 0,
            lmp_ver: 0,
            lmp_subver: 0,
            manufacturer: 0xffff,
            commands: EffectiveCommands::new(),
            features: LmpFeatures::default(),
            max_page: 0,
            le_features: LeFeatures::default(),
            le_states: 0,
            acl: Buffers::default(),
            sco: Buffers::default(),
            le: Buffers::default(),
            iso: Buffers::default(),
            le_accept_list_size: 0,
            le_resolv_list_size: 0,
            le_adv_sets: 5,
            min_le_tx_power: 127,
            max_le_tx_power: 127,
            adv_tx_power: 127,
            le_def_tx_len: 0x1b,
            le_def_tx_time: 0x148,
            le_max_tx_len: 0x1b,
            le_max_tx_time: 0x148,
            le_max_rx_len: 0x1b,
            le_max_rx_time: 0x148,
            num_iac: 1,
            inq_tx_power: 127,
            stored_max_keys: 0,
            stored_num_keys: 0,
            max_enc_key_size: 0,
            pairing_opts: 0,
            err_data_reporting: 0,
        }
    }

    /// Whether the controller has a command, as far as is known by now.
    pub(crate) fn supports(&self, bit: CommandBit) -> bool {
        self.commands.has(bit)
    }

    /// Whether it is a BR/EDR controller.
    pub(crate) fn bredr_capable(&self) -> bool {
        self.features.bredr()
    }

    /// Whether it is an LE controller.
    pub(crate) fn le_capable(&self) -> bool {
        self.features.le()
    }
}
