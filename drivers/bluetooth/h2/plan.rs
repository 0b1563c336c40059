// SPDX-License-Identifier: GPL-2.0

//! What a device needs, from what is special about it.
//!
//! The flags of [`ids`](crate::ids) come in here and go no further: the driver acts on the
//! [`Plan`].

use crate::ids::flags::*;

/// Who makes the chip, where that matters to the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    /// Nobody in particular.
    Generic,
    /// Intel with a set-up of its own (module btintel).
    Intel,
    /// Realtek (module btrtl).
    Realtek,
    /// MediaTek (module btmtk).
    MediaTek,
    /// Qualcomm WCN6855 and later.
    Wcn6855,
}

/// What `hci_dev.setup` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Setup {
    Bcm92035,
    BroadcomPatchram,
    BroadcomApple,
    MediaTek,
    Realtek,
    Csr,
}

/// What `hci_dev.shutdown` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Shutdown {
    MediaTek,
    /// HCI_Reset.
    Qualcomm,
    Realtek,
}

/// What `hci_dev.set_bdaddr` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum SetAddress {
    Broadcom,
    Marvell,
    MediaTek,
    Ath3012,
    Wcn6855,
}

/// How the controller is reset when it does not answer any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Reset {
    /// A reset of the USB port.
    Usb,
    /// By ACPI or the reset line, else USB.
    Intel,
    MediaTek,
    /// By the reset line, unless a dump is in progress, else USB.
    Qualcomm,
    /// By the reset line, with a core dump, else USB.
    Realtek,
}

/// A quirk of the core; the names are those of `HCI_QUIRK_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
#[repr(u8)]
pub enum Quirk {
    BrokenStoredLinkKey,
    BrokenEnhancedSetupSyncConn,
    NonPersistentSetup,
    FixupInquiryMode,
    BrokenLocalCommands,
    RawDevice,
    SimultaneousDiscovery,
    StrictDuplicateFilter,
    BrokenErrDataReporting,
    BrokenReadTransmitPower,
    BrokenSetRpaTimeout,
    BrokenExtScan,
    BrokenReadEncKeySize,
    BrokenExtCreateConn,
    BrokenWriteAuthPayloadTimeout,
    ResetOnClose,
    FixupBufferSize,
    WidebandSpeechSupported,
    BrokenLeStates,
    BrokenFilterClearAll,
    NoSuspendNotifier,
    BrokenReadVoiceSetting,
    BrokenReadPageScanType,
}

impl Quirk {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::BrokenStoredLinkKey,
        Self::BrokenEnhancedSetupSyncConn,
        Self::NonPersistentSetup,
        Self::FixupInquiryMode,
        Self::BrokenLocalCommands,
        Self::RawDevice,
        Self::SimultaneousDiscovery,
        Self::StrictDuplicateFilter,
        Self::BrokenErrDataReporting,
        Self::BrokenReadTransmitPower,
        Self::BrokenSetRpaTimeout,
        Self::BrokenExtScan,
        Self::BrokenReadEncKeySize,
        Self::BrokenExtCreateConn,
        Self::BrokenWriteAuthPayloadTimeout,
        Self::ResetOnClose,
        Self::FixupBufferSize,
        Self::WidebandSpeechSupported,
        Self::BrokenLeStates,
        Self::BrokenFilterClearAll,
        Self::NoSuspendNotifier,
        Self::BrokenReadVoiceSetting,
        Self::BrokenReadPageScanType,
    ];

    /// What a controller that only pretends to be CSR's needs.
    pub const CSR_FAKE: [Self; 6] = [
        Self::BrokenStoredLinkKey,
        Self::BrokenErrDataReporting,
        Self::BrokenFilterClearAll,
        Self::NoSuspendNotifier,
        Self::BrokenReadVoiceSetting,
        Self::BrokenReadPageScanType,
    ];

    /// What it does not need after all.
    pub const CSR_REAL_ONLY: [Self; 2] = [Self::ResetOnClose, Self::SimultaneousDiscovery];

    fn bit(self) -> u32 {
        1u32.wrapping_shl(self as u32)
    }
}

/// A set of quirks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quirks(u32);

impl Quirks {
    fn add(&mut self, quirk: Quirk) {
        self.0 |= quirk.bit();
    }

    /// Whether it is in the set.
    pub fn has(self, quirk: Quirk) -> bool {
        self.0 & quirk.bit() != 0
    }

    /// Those in the set.
    pub fn iter(self) -> impl Iterator<Item = Quirk> {
        Quirk::ALL.into_iter().filter(move |&q| self.has(q))
    }
}

/// Module parameters that matter here.
#[derive(Clone, Copy, Debug)]
pub struct Params {
    /// `reset`: HCI_Reset at bring-up.
    pub reset: bool,
    /// `force_scofix`: the voice buffer's size is wrong on any device.
    pub force_scofix: bool,
    /// `disable_scofix`: it is on none.
    pub disable_scofix: bool,
}

/// What is built into the vendors' modules (`CONFIG_BT_HCIBTUSB_*`).
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Support {
    pub broadcom: bool,
    pub mediatek: bool,
    pub realtek: bool,
}

/// The device, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// What is special about it: [`crate::ids::flags`].
    pub info: u32,
    /// `idVendor` and `idProduct`.
    pub id: (u16, u16),
    /// `bcdDevice`.
    pub release: u16,
}

/// The id that is CSR's and that everybody takes.
pub const CSR_DONGLE: (u16, u16) = (0x0a12, 0x0001);

/// `bmRequestType` for commands: class, to the device (Vol 4 Part B 2.2.2).
const CLASS_REQUEST: u8 = 0x20;
const VENDOR_REQUEST: u8 = 0x40;

/// What a device needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Plan {
    pub vendor: Vendor,
    /// `bmRequestType` and `bRequest` of the control transfers that carry commands.
    pub request: (u8, u8),
    pub setup: Option<Setup>,
    pub shutdown: Option<Shutdown>,
    pub set_address: Option<SetAddress>,
    pub reset: Reset,
    pub quirks: Quirks,
    /// Company identifier, where it is known beforehand.
    pub manufacturer: Option<u16>,
    /// Opcode of Microsoft's extensions.
    pub msft_opcode: Option<u16>,
    /// There may be voice links: the interface after the first is theirs.
    pub isoc: bool,
    /// The interface after that one is Broadcom's, for diagnostics.
    pub diag: bool,
    /// The patch is downloaded over USB requests, before the transport is opened.
    pub patch_on_open: bool,
    /// The interrupt endpoint sleeps until alternate setting 0 is asked for.
    pub wants_alt_0: bool,
    /// Remote wake-up is wanted even when the transport is closed.
    pub wakeup_autosuspend: bool,
    /// See [`crate::alt::Voice::prefers_3`].
    pub prefers_alt_3: bool,
    /// Some machines cut its power during suspend.
    pub check_reset_resume: bool,
    /// Interrupt transfers must not be longer than a packet.
    pub short_interrupt: bool,
    /// Flags for Intel's module: no wideband speech, the first ncmd is wrong, the LED stays on.
    pub intel: [bool; 3],
}

/// Decides.
pub fn plan(facts: &Facts, params: &Params, support: &Support) -> Plan {
    let has = |flag: u32| facts.info & flag != 0;
    let mut quirks = Quirks::default();
    let mut plan = Plan {
        vendor: Vendor::Generic,
        request: (CLASS_REQUEST, 0x00),
        setup: None,
        shutdown: None,
        set_address: None,
        reset: Reset::Usb,
        quirks,
        manufacturer: None,
        msft_opcode: None,
        isoc: !has(AMP) && !has(BROKEN_ISOC),
        diag: false,
        patch_on_open: false,
        wants_alt_0: has(INTEL_BOOT),
        wakeup_autosuspend: false,
        prefers_alt_3: false,
        check_reset_resume: false,
        short_interrupt: facts.id == CSR_DONGLE,
        intel: [
            has(INTEL_NO_WBS_SUPPORT),
            has(INTEL_BROKEN_INITIAL_NCMD),
            has(INTEL_BROKEN_SHUTDOWN_LED),
        ],
    };

    if has(AMP) {
        plan.request = (CLASS_REQUEST | 0x01, 0x2b);
    }
    if has(DIGIANSWER) {
        plan.request.0 = VENDOR_REQUEST;
        quirks.add(Quirk::ResetOnClose);
    }

    // At most one of these decides about the data path and the room behind `struct hci_dev`.
    if has(INTEL_COMBINED) {
        plan.vendor = Vendor::Intel;
    } else if has(REALTEK) && support.realtek {
        plan.vendor = Vendor::Realtek;
    } else if has(MEDIATEK) && support.mediatek {
        plan.vendor = Vendor::MediaTek;
    } else if has(QCA_WCN6855) {
        plan.vendor = Vendor::Wcn6855;
    }

    if has(CW6622) || has(BCM2045) {
        quirks.add(Quirk::BrokenStoredLinkKey);
    }
    if has(BCM92035) {
        plan.setup = Some(Setup::Bcm92035);
    }
    if support.broadcom && has(BCM_PATCHRAM) {
        plan.manufacturer = Some(15);
        plan.setup = Some(Setup::BroadcomPatchram);
        plan.set_address = Some(SetAddress::Broadcom);
        plan.diag = true;
    }
    if support.broadcom && has(BCM_APPLE) {
        plan.manufacturer = Some(15);
        plan.setup = Some(Setup::BroadcomApple);
        plan.diag = true;
    }
    if has(INTEL_BOOT) {
        plan.manufacturer = Some(2);
        quirks.add(Quirk::RawDevice);
    }
    if has(MARVELL) {
        plan.set_address = Some(SetAddress::Marvell);
    }
    match plan.vendor {
        Vendor::Generic => {}
        Vendor::Intel => plan.reset = Reset::Intel,
        Vendor::MediaTek => {
            plan.setup = Some(Setup::MediaTek);
            plan.shutdown = Some(Shutdown::MediaTek);
            plan.set_address = Some(SetAddress::MediaTek);
            plan.reset = Reset::MediaTek;
            plan.manufacturer = Some(70);
            quirks.add(Quirk::BrokenEnhancedSetupSyncConn);
            quirks.add(Quirk::NonPersistentSetup);
        }
        Vendor::Realtek => {
            plan.setup = Some(Setup::Realtek);
            plan.shutdown = Some(Shutdown::Realtek);
            plan.reset = Reset::Realtek;
            plan.wakeup_autosuspend = true;
            plan.prefers_alt_3 = true;
        }
        Vendor::Wcn6855 => {
            plan.set_address = Some(SetAddress::Wcn6855);
            plan.msft_opcode = Some(0xfd70);
        }
    }
    if has(SWAVE) {
        quirks.add(Quirk::FixupInquiryMode);
        quirks.add(Quirk::BrokenLocalCommands);
    }
    if has(ATH3012) {
        plan.patch_on_open = true;
        plan.set_address = Some(SetAddress::Ath3012);
        quirks.add(Quirk::SimultaneousDiscovery);
        quirks.add(Quirk::StrictDuplicateFilter);
    }
    if has(QCA_ROME) {
        plan.set_address = Some(SetAddress::Ath3012);
        plan.check_reset_resume = true;
    }
    if has(QCA_ROME) || plan.vendor == Vendor::Wcn6855 {
        plan.patch_on_open = true;
        plan.shutdown = Some(Shutdown::Qualcomm);
        plan.reset = Reset::Qualcomm;
        quirks.add(Quirk::SimultaneousDiscovery);
    }
    if has(ACTIONS_SEMI) {
        // Promised, but not there.
        for quirk in [
            Quirk::BrokenErrDataReporting,
            Quirk::BrokenReadTransmitPower,
            Quirk::BrokenSetRpaTimeout,
            Quirk::BrokenExtScan,
            Quirk::BrokenReadEncKeySize,
            Quirk::BrokenExtCreateConn,
            Quirk::BrokenWriteAuthPayloadTimeout,
        ] {
            quirks.add(quirk);
        }
    }
    if !params.reset {
        quirks.add(Quirk::ResetOnClose);
    }
    if (params.force_scofix || has(WRONG_SCO_MTU)) && !params.disable_scofix {
        quirks.add(Quirk::FixupBufferSize);
    }
    if has(WIDEBAND_SPEECH) {
        quirks.add(Quirk::WidebandSpeechSupported);
    }
    if has(INVALID_LE_STATES) {
        quirks.add(Quirk::BrokenLeStates);
    }
    if has(BROKEN_EXT_SCAN) {
        quirks.add(Quirk::BrokenExtScan);
    }
    if has(CSR) {
        // Before 1.17 the firmware takes HCI_Reset for a reset of the USB device.
        if facts.release < 0x0117 {
            quirks.add(Quirk::ResetOnClose);
        }
        quirks.add(Quirk::SimultaneousDiscovery);
        if facts.id == CSR_DONGLE {
            plan.setup = Some(Setup::Csr);
        }
    }
    if has(SNIFFER) && facts.release > 0x0997 {
        // Its HCI is crippled.
        quirks.add(Quirk::RawDevice);
    }
    plan.quirks = quirks;
    plan
}
