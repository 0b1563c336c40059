// SPDX-License-Identifier: GPL-2.0

//! The tables: which devices the driver takes, and what is special about them.
//!
//! `scripts/ox usb-table` holds both against the kernel's own, row by row and in order (the first
//! row that matches counts).

use crate::ids::{
    flags::*,
    Id, //
};

/// What the driver takes. These make the module's aliases, and so decide for which devices it is
/// loaded at all.
pub const MATCH: &[Id] = &[
    // NXP IW610 (0471:0215): the composite device reports Bluetooth class at the whole-device
    // level, so the generic entry below would also match this WiFi vendor interface. Ignore it
    // here first so mwifiex-nxp can bind it instead.
    Id::device_and_interface_info(0x0471, 0x0215, 0xff, 0xff, 0xff, IGNORE),
    // Generic Bluetooth USB device
    Id::device_info(0xe0, 0x01, 0x01, NONE),
    // Generic Bluetooth AMP device
    Id::device_info(0xe0, 0x01, 0x04, AMP),
    // Generic Bluetooth USB interface
    Id::interface_info(0xe0, 0x01, 0x01, NONE),
    // Apple-specific (Broadcom) devices
    Id::vendor_and_interface_info(0x05ac, 0xff, 0x01, 0x01, BCM_APPLE | IFNUM_2),
    // MediaTek MT76x0E
    Id::device(0x0e8d, 0x763f, NONE),
    // Broadcom SoftSailing reporting vendor specific
    Id::device(0x0a5c, 0x21e1, NONE),
    // Apple MacBookPro 7,1
    Id::device(0x05ac, 0x8213, NONE),
    // Apple iMac11,1
    Id::device(0x05ac, 0x8215, NONE),
    // Apple MacBookPro6,2
    Id::device(0x05ac, 0x8218, NONE),
    // Apple MacBookAir3,1, MacBookAir3,2
    Id::device(0x05ac, 0x821b, NONE),
    // Apple MacBookAir4,1
    Id::device(0x05ac, 0x821f, NONE),
    // Apple MacBookPro8,2
    Id::device(0x05ac, 0x821a, NONE),
    // Apple MacMini5,1
    Id::device(0x05ac, 0x8281, NONE),
    // AVM BlueFRITZ! USB v2.0
    Id::device(0x057c, 0x3800, SWAVE),
    // Bluetooth Ultraport Module from IBM
    Id::device(0x04bf, 0x030a, NONE),
    // ALPS Modules with non-standard id
    Id::device(0x044e, 0x3001, NONE),
    Id::device(0x044e, 0x3002, NONE),
    // Ericsson with non-standard id
    Id::device(0x0bdb, 0x1002, NONE),
    // Canyon CN-BTU1 with HID interfaces
    Id::device(0x0c10, 0x0000, NONE),
    // Broadcom BCM20702B0 (Dynex/Insignia)
    Id::device(0x19ff, 0x0239, BCM_PATCHRAM),
    // Broadcom BCM43142A0 (Foxconn/Lenovo)
    Id::vendor_and_interface_info(0x105b, 0xff, 0x01, 0x01, BCM_PATCHRAM),
    // Broadcom BCM920703 (HTC Vive)
    Id::vendor_and_interface_info(0x0bb4, 0xff, 0x01, 0x01, BCM_PATCHRAM),
    // Foxconn - Hon Hai
    Id::vendor_and_interface_info(0x0489, 0xff, 0x01, 0x01, BCM_PATCHRAM),
    // Lite-On Technology - Broadcom based
    Id::vendor_and_interface_info(0x04ca, 0xff, 0x01, 0x01, BCM_PATCHRAM),
    // Broadcom devices with vendor specific id
    Id::vendor_and_interface_info(0x0a5c, 0xff, 0x01, 0x01, BCM_PATCHRAM),
    // ASUSTek Computer - Broadcom based
    Id::vendor_and_interface_info(0x0b05, 0xff, 0x01, 0x01, BCM_PATCHRAM),
    // Belkin F8065bf - Broadcom based
    Id::vendor_and_interface_info(0x050d, 0xff, 0x01, 0x01, BCM_PATCHRAM),
    // IMC Networks - Broadcom based
    Id::vendor_and_interface_info(0x13d3, 0xff, 0x01, 0x01, BCM_PATCHRAM),
    // Dell Computer - Broadcom based
    Id::vendor_and_interface_info(0x413c, 0xff, 0x01, 0x01, BCM_PATCHRAM),
    // Toshiba Corp - Broadcom based
    Id::vendor_and_interface_info(0x0930, 0xff, 0x01, 0x01, BCM_PATCHRAM),
    // Intel Bluetooth USB Bootloader (RAM module)
    Id::device(0x8087, 0x0a5a, INTEL_BOOT | BROKEN_ISOC),
];

/// What is special about devices that [`MATCH`] takes by their class, in a row without flags.
pub const QUIRKS: &[Id] = &[
    // CSR BlueCore devices
    Id::device(0x0a12, 0x0001, CSR),
    // Broadcom BCM2033 without firmware
    Id::device(0x0a5c, 0x2033, IGNORE),
    // Broadcom BCM2045 devices
    Id::device(0x0a5c, 0x2045, BCM2045),
    // Atheros 3011 with sflash firmware
    Id::device(0x0489, 0xe027, IGNORE),
    Id::device(0x0489, 0xe03d, IGNORE),
    Id::device(0x04f2, 0xaff1, IGNORE),
    Id::device(0x0930, 0x0215, IGNORE),
    Id::device(0x0cf3, 0x3002, IGNORE),
    Id::device(0x0cf3, 0xe019, IGNORE),
    Id::device(0x13d3, 0x3304, IGNORE),
    // Atheros AR9285 Malbec with sflash firmware
    Id::device(0x03f0, 0x311d, IGNORE),
    // Atheros 3012 with sflash firmware
    Id::device(0x0489, 0xe04d, ATH3012),
    Id::device(0x0489, 0xe04e, ATH3012),
    Id::device(0x0489, 0xe056, ATH3012),
    Id::device(0x0489, 0xe057, ATH3012),
    Id::device(0x0489, 0xe05f, ATH3012),
    Id::device(0x0489, 0xe076, ATH3012),
    Id::device(0x0489, 0xe078, ATH3012),
    Id::device(0x0489, 0xe095, ATH3012),
    Id::device(0x04c5, 0x1330, ATH3012),
    Id::device(0x04ca, 0x3004, ATH3012),
    Id::device(0x04ca, 0x3005, ATH3012),
    Id::device(0x04ca, 0x3006, ATH3012),
    Id::device(0x04ca, 0x3007, ATH3012),
    Id::device(0x04ca, 0x3008, ATH3012),
    Id::device(0x04ca, 0x300b, ATH3012),
    Id::device(0x04ca, 0x300d, ATH3012),
    Id::device(0x04ca, 0x300f, ATH3012),
    Id::device(0x04ca, 0x3010, ATH3012),
    Id::device(0x04ca, 0x3014, ATH3012),
    Id::device(0x04ca, 0x3018, ATH3012),
    Id::device(0x0930, 0x0219, ATH3012),
    Id::device(0x0930, 0x021c, ATH3012),
    Id::device(0x0930, 0x0220, ATH3012),
    Id::device(0x0930, 0x0227, ATH3012),
    Id::device(0x0b05, 0x17d0, ATH3012),
    Id::device(0x0cf3, 0x0036, ATH3012),
    Id::device(0x0cf3, 0x3004, ATH3012),
    Id::device(0x0cf3, 0x3008, ATH3012),
    Id::device(0x0cf3, 0x311d, ATH3012),
    Id::device(0x0cf3, 0x311e, ATH3012),
    Id::device(0x0cf3, 0x311f, ATH3012),
    Id::device(0x0cf3, 0x3121, ATH3012),
    Id::device(0x0cf3, 0x817a, ATH3012),
    Id::device(0x0cf3, 0x817b, ATH3012),
    Id::device(0x0cf3, 0xe003, ATH3012),
    Id::device(0x0cf3, 0xe004, ATH3012),
    Id::device(0x0cf3, 0xe005, ATH3012),
    Id::device(0x0cf3, 0xe006, ATH3012),
    Id::device(0x13d3, 0x3362, ATH3012),
    Id::device(0x13d3, 0x3375, ATH3012),
    Id::device(0x13d3, 0x3393, ATH3012),
    Id::device(0x13d3, 0x3395, ATH3012),
    Id::device(0x13d3, 0x3402, ATH3012),
    Id::device(0x13d3, 0x3408, ATH3012),
    Id::device(0x13d3, 0x3423, ATH3012),
    Id::device(0x13d3, 0x3432, ATH3012),
    Id::device(0x13d3, 0x3472, ATH3012),
    Id::device(0x13d3, 0x3474, ATH3012),
    Id::device(0x13d3, 0x3487, ATH3012),
    Id::device(0x13d3, 0x3490, ATH3012),
    // Atheros AR5BBU12 with sflash firmware
    Id::device(0x0489, 0xe02c, IGNORE),
    // Atheros AR5BBU12 with sflash firmware
    Id::device(0x0489, 0xe036, ATH3012),
    Id::device(0x0489, 0xe03c, ATH3012),
    // QCA ROME chipset
    Id::device(0x0cf3, 0x535b, QCA_ROME | WIDEBAND_SPEECH),
    Id::device(0x0cf3, 0xe007, QCA_ROME | WIDEBAND_SPEECH),
    Id::device(0x0cf3, 0xe009, QCA_ROME | WIDEBAND_SPEECH),
    Id::device(0x0cf3, 0xe010, QCA_ROME | WIDEBAND_SPEECH),
    Id::device(0x0cf3, 0xe300, QCA_ROME | WIDEBAND_SPEECH),
    Id::device(0x0cf3, 0xe301, QCA_ROME | WIDEBAND_SPEECH),
    Id::device(0x0cf3, 0xe360, QCA_ROME | WIDEBAND_SPEECH),
    Id::device(0x0cf3, 0xe500, QCA_ROME | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe092, QCA_ROME | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe09f, QCA_ROME | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe0a2, QCA_ROME | WIDEBAND_SPEECH),
    Id::device(0x04ca, 0x3011, QCA_ROME | WIDEBAND_SPEECH),
    Id::device(0x04ca, 0x3015, QCA_ROME | WIDEBAND_SPEECH),
    Id::device(0x04ca, 0x3016, QCA_ROME | WIDEBAND_SPEECH),
    Id::device(0x04ca, 0x301a, QCA_ROME | WIDEBAND_SPEECH),
    Id::device(0x04ca, 0x3021, QCA_ROME | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3491, QCA_ROME | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3496, QCA_ROME | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3501, QCA_ROME | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3503, QCA_ROME | WIDEBAND_SPEECH),
    // QCA WCN6855 chipset
    Id::device(0x0489, 0xe0c7, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe0c9, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe0ca, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe0cb, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe0cc, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe0ce, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe0d0, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe0d6, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe0de, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe0df, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe0e1, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe0e3, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe0ea, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe0ec, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x04ca, 0x3022, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x04ca, 0x3023, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x04ca, 0x3024, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x04ca, 0x3a22, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x04ca, 0x3a24, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x04ca, 0x3a26, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x04ca, 0x3a27, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x0cf3, 0xe600, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x10ab, 0x9108, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x10ab, 0x9109, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x10ab, 0x9208, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x10ab, 0x9209, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x10ab, 0x9308, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x10ab, 0x9309, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x10ab, 0x9408, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x10ab, 0x9409, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x10ab, 0x9508, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x10ab, 0x9509, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x10ab, 0x9608, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x10ab, 0x9609, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x10ab, 0x9f09, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x28de, 0x1401, QCA_WCN6855 | WIDEBAND_SPEECH),
    // QCA WCN785x chipset
    Id::device(0x0cf3, 0xe700, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe0fc, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe0f3, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe100, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe103, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe10a, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe10d, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe11b, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe11c, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe11f, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe141, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe14a, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe14b, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe14d, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3623, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3624, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x2c7c, 0x0130, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x2c7c, 0x0131, QCA_WCN6855 | WIDEBAND_SPEECH),
    Id::device(0x2c7c, 0x0132, QCA_WCN6855 | WIDEBAND_SPEECH),
    // Broadcom BCM2035
    Id::device(0x0a5c, 0x2009, BCM92035),
    Id::device(0x0a5c, 0x200a, WRONG_SCO_MTU),
    Id::device(0x0a5c, 0x2035, WRONG_SCO_MTU),
    // Broadcom BCM2045
    Id::device(0x0a5c, 0x2039, WRONG_SCO_MTU),
    Id::device(0x0a5c, 0x2101, WRONG_SCO_MTU),
    // IBM/Lenovo ThinkPad with Broadcom chip
    Id::device(0x0a5c, 0x201e, WRONG_SCO_MTU),
    Id::device(0x0a5c, 0x2110, WRONG_SCO_MTU),
    // HP laptop with Broadcom chip
    Id::device(0x03f0, 0x171d, WRONG_SCO_MTU),
    // Dell laptop with Broadcom chip
    Id::device(0x413c, 0x8126, WRONG_SCO_MTU),
    // Dell Wireless 370 and 410 devices
    Id::device(0x413c, 0x8152, WRONG_SCO_MTU),
    Id::device(0x413c, 0x8156, WRONG_SCO_MTU),
    // Belkin F8T012 and F8T013 devices
    Id::device(0x050d, 0x0012, WRONG_SCO_MTU),
    Id::device(0x050d, 0x0013, WRONG_SCO_MTU),
    // Asus WL-BTD202 device
    Id::device(0x0b05, 0x1715, WRONG_SCO_MTU),
    // Kensington Bluetooth USB adapter
    Id::device(0x047d, 0x105e, WRONG_SCO_MTU),
    // RTX Telecom based adapters with buggy SCO support
    Id::device(0x0400, 0x0807, BROKEN_ISOC),
    Id::device(0x0400, 0x080a, BROKEN_ISOC),
    // CONWISE Technology based adapters with buggy SCO support
    Id::device(0x0e5e, 0x6622, BROKEN_ISOC | CW6622),
    // Roper Class 1 Bluetooth Dongle (Silicon Wave based)
    Id::device(0x1310, 0x0001, SWAVE),
    // Digianswer devices
    Id::device(0x08fd, 0x0001, DIGIANSWER),
    Id::device(0x08fd, 0x0002, IGNORE),
    // CSR BlueCore Bluetooth Sniffer
    Id::device(0x0a12, 0x0002, SNIFFER | BROKEN_ISOC),
    // Frontline ComProbe Bluetooth Sniffer
    Id::device(0x16d3, 0x0002, SNIFFER | BROKEN_ISOC),
    // Marvell Bluetooth devices
    Id::device(0x1286, 0x2044, MARVELL),
    Id::device(0x1286, 0x2046, MARVELL),
    Id::device(0x1286, 0x204e, MARVELL),
    // NXP IW610 BT interfaces (Marvell-lineage silicon, same quirk as the 0x1286 entries
    // above). Scoped to the BT interface class, not just VID/PID -- see the btusb_table entry
    // above.
    Id::device_and_interface_info(0x0471, 0x0215, 0xe0, 0x01, 0x01, MARVELL),
    // Intel Bluetooth devices
    Id::device(0x8087, 0x0025, INTEL_COMBINED),
    Id::device(0x8087, 0x0026, INTEL_COMBINED),
    Id::device(0x8087, 0x0029, INTEL_COMBINED),
    Id::device(0x8087, 0x0032, INTEL_COMBINED),
    Id::device(0x8087, 0x0033, INTEL_COMBINED),
    Id::device(0x8087, 0x0035, INTEL_COMBINED),
    Id::device(0x8087, 0x0036, INTEL_COMBINED),
    Id::device(0x8087, 0x0037, INTEL_COMBINED),
    Id::device(0x8087, 0x0038, INTEL_COMBINED),
    Id::device(0x8087, 0x0039, INTEL_COMBINED),
    Id::device(0x8087, 0x0040, INTEL_COMBINED),
    // Lizard Peak 2
    Id::device(0x8087, 0x07da, CSR),
    Id::device(
        0x8087,
        0x07dc,
        INTEL_COMBINED
            | INTEL_NO_WBS_SUPPORT
            | INTEL_BROKEN_INITIAL_NCMD
            | INTEL_BROKEN_SHUTDOWN_LED,
    ),
    Id::device(
        0x8087,
        0x0a2a,
        INTEL_COMBINED | INTEL_NO_WBS_SUPPORT | INTEL_BROKEN_SHUTDOWN_LED,
    ),
    Id::device(0x8087, 0x0a2b, INTEL_COMBINED),
    Id::device(0x8087, 0x0aa7, INTEL_COMBINED | INTEL_BROKEN_SHUTDOWN_LED),
    Id::device(0x8087, 0x0aaa, INTEL_COMBINED),
    // Other Intel Bluetooth devices
    Id::vendor_and_interface_info(0x8087, 0xe0, 0x01, 0x01, IGNORE),
    // Realtek 8821CE Bluetooth devices
    Id::device(0x13d3, 0x3529, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3533, REALTEK | WIDEBAND_SPEECH),
    // Realtek 8822CE Bluetooth devices
    Id::device(0x0bda, 0xb00c, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x0bda, 0xc822, REALTEK | WIDEBAND_SPEECH),
    // Realtek 8822CU Bluetooth devices
    Id::device(0x13d3, 0x3549, REALTEK | WIDEBAND_SPEECH),
    // Realtek 8851BE Bluetooth devices
    Id::device(0x0bda, 0xb850, REALTEK),
    Id::device(0x13d3, 0x3600, REALTEK),
    Id::device(0x13d3, 0x3601, REALTEK),
    Id::device(0x0489, 0xe112, REALTEK | WIDEBAND_SPEECH),
    // Realtek 8851BU Bluetooth devices
    Id::device(0x3625, 0x010b, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x2001, 0x332a, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x7392, 0xe611, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x2c4e, 0x0128, REALTEK | WIDEBAND_SPEECH),
    // Realtek 8852AE Bluetooth devices
    Id::device(0x0bda, 0x2852, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x0bda, 0xc852, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x0bda, 0x385a, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x0bda, 0x4852, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x04c5, 0x165c, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x04ca, 0x4006, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x0cb8, 0xc549, REALTEK | WIDEBAND_SPEECH),
    // Realtek 8852CE Bluetooth devices
    Id::device(0x04ca, 0x4007, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x04c5, 0x1675, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x0cb8, 0xc558, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3587, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3586, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3592, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3612, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe122, REALTEK | WIDEBAND_SPEECH),
    // Realtek 8852BE Bluetooth devices
    Id::device(0x0cb8, 0xc559, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x0bda, 0x4853, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x0bda, 0x887b, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x0bda, 0xb85b, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3570, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3571, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3572, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3591, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe123, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe125, REALTEK | WIDEBAND_SPEECH),
    // Realtek 8852BT/8852BE-VT Bluetooth devices
    Id::device(0x0bda, 0x8520, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe12f, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3618, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3619, REALTEK | WIDEBAND_SPEECH),
    // Realtek 8922AE Bluetooth devices
    Id::device(0x0bda, 0x8922, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x0bda, 0xd922, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x0bda, 0xd923, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3617, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3616, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe130, REALTEK | WIDEBAND_SPEECH),
    // Realtek 8761BU Bluetooth devices
    Id::device(0x0bda, 0xa728, REALTEK | BROKEN_EXT_SCAN),
    // Realtek Bluetooth devices
    Id::vendor_and_interface_info(0x0bda, 0xe0, 0x01, 0x01, REALTEK),
    // MediaTek Bluetooth devices
    Id::vendor_and_interface_info(0x0e8d, 0xe0, 0x01, 0x01, MEDIATEK | WIDEBAND_SPEECH),
    // Additional MediaTek MT7615E Bluetooth devices
    Id::device(0x13d3, 0x3560, MEDIATEK),
    // Additional MediaTek MT7663 Bluetooth devices
    Id::device(0x043e, 0x310c, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x04ca, 0x3801, MEDIATEK | WIDEBAND_SPEECH),
    // Additional MediaTek MT7668 Bluetooth devices
    Id::device(0x043e, 0x3109, MEDIATEK | WIDEBAND_SPEECH),
    // Additional MediaTek MT7920 Bluetooth devices
    Id::device(0x0489, 0xe134, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe135, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3620, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3621, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3622, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe158, MEDIATEK | WIDEBAND_SPEECH),
    // Additional MediaTek MT7921 Bluetooth devices
    Id::device(0x0489, 0xe0c8, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe0cd, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe0e0, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe0f2, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x04ca, 0x3802, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0e8d, 0x0608, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3563, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3564, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3567, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3576, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3578, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3583, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3606, MEDIATEK | WIDEBAND_SPEECH),
    // MediaTek MT7902 Bluetooth devices
    Id::device(0x0489, 0xe156, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0e8d, 0x1ede, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3579, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3580, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3594, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3596, MEDIATEK | WIDEBAND_SPEECH),
    // MediaTek MT7922 Bluetooth devices
    Id::device(0x13d3, 0x3585, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3610, MEDIATEK | WIDEBAND_SPEECH),
    // MediaTek MT7922A Bluetooth devices
    Id::device(0x0489, 0xe0d8, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe0d9, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe0e2, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe0e4, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe0f1, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe0f2, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe0f5, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe0f6, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe102, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe11d, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe152, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe153, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe170, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe174, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x04ca, 0x3804, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x04ca, 0x3807, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x04ca, 0x38e4, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0e8d, 0x223c, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3568, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3584, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3605, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3607, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3614, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3615, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3633, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x35f5, 0x7922, MEDIATEK | WIDEBAND_SPEECH),
    // Additional MediaTek MT7925 Bluetooth devices
    Id::device(0x0489, 0xe111, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe113, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe118, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe11e, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe124, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe139, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe13a, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe0fa, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe10f, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe110, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe116, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3588, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe14e, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe14f, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe150, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0489, 0xe151, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x0e8d, 0x8c38, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3602, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3603, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3604, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3608, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3609, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3613, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3625, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3627, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3628, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3630, MEDIATEK | WIDEBAND_SPEECH),
    Id::device(0x2c7c, 0x7009, MEDIATEK | WIDEBAND_SPEECH),
    // Additional Realtek 8723AE Bluetooth devices
    Id::device(0x0930, 0x021d, REALTEK),
    Id::device(0x13d3, 0x3394, REALTEK),
    // Additional Realtek 8723BE Bluetooth devices
    Id::device(0x0489, 0xe085, REALTEK),
    Id::device(0x0489, 0xe08b, REALTEK),
    Id::device(0x04f2, 0xb49f, REALTEK),
    Id::device(0x13d3, 0x3410, REALTEK),
    Id::device(0x13d3, 0x3416, REALTEK),
    Id::device(0x13d3, 0x3459, REALTEK),
    Id::device(0x13d3, 0x3494, REALTEK),
    // Additional Realtek 8723BU Bluetooth devices
    Id::device(0x7392, 0xa611, REALTEK),
    Id::device(0x2c0a, 0x8761, REALTEK),
    // Additional Realtek 8723DE Bluetooth devices
    Id::device(0x0bda, 0xb009, REALTEK),
    Id::device(0x2ff8, 0xb011, REALTEK),
    // Additional Realtek 8761BUV Bluetooth devices
    Id::device(0x2c4e, 0x0115, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x2357, 0x0604, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x2357, 0x0607, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x0b05, 0x190e, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x2550, 0x8761, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x0bda, 0x8771, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x6655, 0x8771, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x7392, 0xc611, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x2b89, 0x8761, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x2b89, 0x6275, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x37ad, 0x0600, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x14b0, 0x047a, REALTEK | WIDEBAND_SPEECH),
    // Additional Realtek 8761CU Bluetooth devices
    Id::device(0x0b05, 0x1bef, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x0b05, 0x1d70, REALTEK | WIDEBAND_SPEECH),
    // Additional Realtek 8821AE Bluetooth devices
    Id::device(0x0b05, 0x17dc, REALTEK),
    Id::device(0x13d3, 0x3414, REALTEK),
    Id::device(0x13d3, 0x3458, REALTEK),
    Id::device(0x13d3, 0x3461, REALTEK),
    Id::device(0x13d3, 0x3462, REALTEK),
    // Additional Realtek 8822BE Bluetooth devices
    Id::device(0x13d3, 0x3526, REALTEK),
    Id::device(0x0b05, 0x185c, REALTEK),
    // Additional Realtek 8822CE Bluetooth devices
    Id::device(0x04ca, 0x4005, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x04c5, 0x161f, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x0b05, 0x18ef, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3548, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3549, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3553, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x13d3, 0x3555, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x2ff8, 0x3051, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x1358, 0xc123, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x0bda, 0xc123, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x1357, 0xc123, REALTEK | WIDEBAND_SPEECH),
    Id::device(0x0cb5, 0xc547, REALTEK | WIDEBAND_SPEECH),
    // Barrot Technology Bluetooth devices
    Id::device(0x33fa, 0x0010, BARROT),
    Id::device(0x33fa, 0x0012, BARROT),
    // Actions Semiconductor ATS2851 based devices
    Id::device(0x10d7, 0xb012, ACTIONS_SEMI),
    // Silicon Wave based devices
    Id::device(0x0c10, 0x0000, SWAVE),
];
