// SPDX-License-Identifier: GPL-2.0

//! Which of the devices that call themselves CSR are.
//!
//! The id 0a12:0001 of a Bluetooth 1.1 chip is sold on devices of many makers, most of which
//! promise more than they do. A real one has CSR as its manufacturer, the firmware's build number
//! both as HCI revision and as LMP subversion, and a Bluetooth version that this build had.

/// CSR's company identifier.
const CSR: u16 = 10;

/// What the controller says of itself (Read Local Version Information, Vol 4 Part E 7.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// HCI version.
    pub hci: u8,
    /// HCI revision.
    pub hci_revision: u16,
    /// LMP version.
    pub lmp: u8,
    /// Manufacturer's company identifier.
    pub manufacturer: u16,
    /// LMP subversion.
    pub lmp_subversion: u16,
}

impl Version {
    /// Reads the parameters of the Command Complete event, its status included.
    pub fn parse(parameters: &[u8]) -> Option<Self> {
        let &[_status, hci, rev0, rev1, lmp, man0, man1, sub0, sub1] =
            parameters.first_chunk::<9>()?;
        Some(Self {
            hci,
            hci_revision: u16::from_le_bytes([rev0, rev1]),
            lmp,
            manufacturer: u16::from_le_bytes([man0, man1]),
            lmp_subversion: u16::from_le_bytes([sub0, sub1]),
        })
    }
}

/// The last build for each Bluetooth version, and that version's HCI number: 1.1, 1.2, 2.0, 2.1,
/// 4.0.
const LAST_BUILDS: [(u16, u8); 5] = [
    (0x034e, 1),
    (0x0529, 2),
    (0x0c5c, 3),
    (0x1899, 4),
    (0x22bb, 6),
];

/// Whether the controller is somebody else's; `release` is the device's `bcdDevice`.
pub fn is_fake(version: &Version, release: u16) -> bool {
    if version.manufacturer != CSR || version.hci_revision != version.lmp_subversion {
        return true;
    }
    let too_new = LAST_BUILDS
        .iter()
        .find(|(last, _)| version.lmp_subversion <= *last)
        .is_some_and(|(_, hci)| version.hci > *hci);
    // One maker got all of this right.
    let known = release == 0x0134 && version.lmp_subversion == 0x0c5c && version.hci == 3;
    too_new || known
}
