// SPDX-License-Identifier: GPL-2.0

//! What a controller can do: what it said of itself, seen through its quirks.

use super::super::{
    Device,
    Info, //
};
use core::ops::Deref;
use engine::bringup::Abilities;
use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::hci::{
    Flag,
    Quirk, //
};
use wire::hci::{
    CommandBit,
    SupportedCommands, //
};

/// A controller's abilities, as of the moment this was made.
///
/// Dereferences to what the controller said.
pub(crate) struct Can<'a> {
    dev: &'a Device,
    info: Arc<Info>,
    listed: SupportedCommands,
}

impl Deref for Can<'_> {
    type Target = Info;

    fn deref(&self) -> &Info {
        &self.info
    }
}

impl<'a> Can<'a> {
    /// What `dev` can do by now.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the controller was never initialised.
    pub(crate) fn of(dev: &'a Device) -> Result<Self> {
        let info = dev.info()?;
        Ok(Self {
            dev,
            listed: SupportedCommands(info.commands.bitmap()),
            info,
        })
    }

    /// Whether it knows a command.
    pub(crate) fn knows(&self, command: CommandBit) -> bool {
        self.listed.supports(command)
    }

    /// Whether it knows a command and no quirk says that it does not.
    fn knows_unless(&self, command: CommandBit, broken: Quirk) -> bool {
        self.knows(command) && !self.dev.quirk(broken)
    }

    /// The same for the engine.
    pub(crate) fn abilities(&self) -> Abilities<'_> {
        Abilities {
            hci_version: self.info.hci_ver,
            commands: &self.listed,
            lmp: &self.info.features,
            le: &self.info.le_features,
        }
    }

    /// Whether inquiry results come with RSSI.
    pub(crate) fn inquiry_rssi(&self) -> bool {
        self.features.inquiry_rssi() || self.dev.quirk(Quirk::FIXUP_INQUIRY_MODE)
    }

    /// Whether audio works at all: a controller without voice setting has no usable SCO links.
    pub(crate) fn voice_setting(&self) -> bool {
        self.knows_unless(
            CommandBit::READ_VOICE_SETTING,
            Quirk::BROKEN_READ_VOICE_SETTING,
        )
    }

    /// Whether the host is told when the controller has sent audio (Vol 4 Part E 7.3.37).
    pub(crate) fn sync_flow_control(&self) -> bool {
        self.features.sco()
            && self.knows(CommandBit::WRITE_SYNC_FLOW_CONTROL)
            && self.dev.quirk(Quirk::SYNC_FLOWCTL_SUPPORTED)
    }

    /// Whether it knows a command about stored link keys.
    pub(crate) fn stored_link_keys(&self, command: CommandBit) -> bool {
        self.knows_unless(command, Quirk::BROKEN_STORED_LINK_KEY)
    }

    /// Whether it knows a command about erroneous audio data.
    pub(crate) fn erroneous_data(&self, command: CommandBit) -> bool {
        self.features.erroneous_data_reporting()
            && self.knows_unless(command, Quirk::BROKEN_ERR_DATA_REPORTING)
    }

    /// Whether secure connections are possible and wanted on BR/EDR.
    pub(crate) fn bredr_secure_connections(&self) -> bool {
        self.features.sc() && self.dev.has(Flag::SC_ENABLED)
    }

    /// Whether the page scan type can be read.
    pub(crate) fn read_page_scan_type(&self) -> bool {
        self.knows_unless(
            CommandBit::READ_PAGE_SCAN_TYPE,
            Quirk::BROKEN_READ_PAGE_SCAN_TYPE,
        )
    }

    /// Whether the LE transmit power range can be read.
    pub(crate) fn read_transmit_power(&self) -> bool {
        self.knows_unless(
            CommandBit::LE_READ_TRANSMIT_POWER,
            Quirk::BROKEN_READ_TRANSMIT_POWER,
        )
    }

    /// Whether it renews private addresses by itself, after a time that can be set.
    pub(crate) fn rpa_timeout(&self) -> bool {
        self.knows_unless(
            CommandBit::LE_SET_RPA_TIMEOUT,
            Quirk::BROKEN_SET_RPA_TIMEOUT,
        )
    }

    /// Whether its connections to other radios in the device can be read.
    pub(crate) fn mws_transports(&self) -> bool {
        self.knows_unless(
            CommandBit::GET_MWS_TRANSPORT_CONFIG,
            Quirk::BROKEN_MWS_TRANSPORT_CONFIG,
        )
    }

    /// Whether LE is possible and switched on.
    pub(crate) fn le_enabled(&self) -> bool {
        self.le_capable() && self.dev.has(Flag::LE_ENABLED)
    }

    /// Whether the extended scanning commands are to be used.
    pub(crate) fn ext_scan(&self) -> bool {
        self.knows(CommandBit::LE_SET_EXT_SCAN_PARAMS)
            && self.knows_unless(CommandBit::LE_SET_EXT_SCAN_ENABLE, Quirk::BROKEN_EXT_SCAN)
    }

    /// Whether the extended advertising commands are to be used. Legacy ones must not be mixed
    /// with them (Vol 4 Part E 3.1.1).
    pub(crate) fn ext_advertising(&self) -> bool {
        self.le_features.ext_advertising()
    }

    /// Whether the controller resolves private addresses itself.
    pub(crate) fn ll_privacy(&self) -> bool {
        self.le_features.ll_privacy()
    }

    /// Whether LE links are announced by the enhanced event.
    pub(crate) fn enhanced_connections(&self) -> bool {
        (self.ll_privacy() || self.ext_advertising())
            && !self.dev.quirk(Quirk::BROKEN_EXT_CREATE_CONN)
    }

    /// Whether the coded PHY may be used.
    pub(crate) fn coded_phy(&self) -> bool {
        !self.dev.quirk(Quirk::BROKEN_LE_CODED)
    }
}
