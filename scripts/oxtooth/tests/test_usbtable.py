# SPDX-License-Identifier: GPL-2.0
"""The comparison of btusb's small tables."""

import unittest

from .. import paths, usbtable

THEIRS = """
static const struct qca_device_info qca_devices_table[] = {
	{ 0x00000100, 20, 4,  8 }, /* Rome 1.0 */
	{ 0x00000302, 28, 4, 16 }, /* Rome 3.2 */
};
static const struct qca_custom_firmware qca_custom_btfws[] = {
	{ 0x00130201, 0x030A, "QCA2066" },
	{ },
};
static const struct dmi_system_id btusb_needs_reset_resume_table[] = {
	{
		/* A machine */
		.matches = {
			DMI_MATCH(DMI_SYS_VENDOR, "Dell Inc."),
			DMI_MATCH(DMI_PRODUCT_NAME, "XPS 13 9360"),
		},
	},
	{}
};
static const struct of_device_id btusb_match_table[] = {
	{ .compatible = "usb1286,204e" },
	{ }
};
"""
QCA, DMI, OF = "drivers/bluetooth/h2/qca.rs", "rust/helpers/usb.c", "drivers/bluetooth/btusb/tables.rs"
OURS = {
    QCA: """
    fn subfolder(&self) -> Option<&'static [u8]> {
        match (self.rom, self.board()) {
            (0x0013_0201, Some(0x030a)) => Some(b"QCA2066/"),
            _ => None,
        }
    }
pub fn layout(rom: u32) -> Option<Layout> {
    let (rampatch_header, version_offset) = match rom {
        0x0100 => (20, 8),
        0x0302 => (28, 16),
        _ => return None,
    };
    Some(Layout {
        nvm_header: 4,
    })
}
""",
    DMI: """
static const struct dmi_system_id needs_reset_resume[] = {
	{ .matches = { DMI_MATCH(DMI_SYS_VENDOR, "Dell Inc."),
		       DMI_MATCH(DMI_PRODUCT_NAME, "XPS 13 9360") } },
	{ }
};
""",
    OF: 'OfId::new("usb1286,204e"),',
}
CHANGES = (
    (QCA, "0x0302", "0x0303"), (QCA, "(28, 16)", "(28, 12)"), (QCA, "nvm_header: 4", "nvm_header: 6"),
    (QCA, "0x0100 => (20, 8),", ""), (QCA, "Some(0x030a)", "Some(0x030a | 0x030b)"),
    (QCA, "QCA2066", "QCA2067"), (DMI, "XPS 13", "XPS 15"), (OF, "204e", "204f"))


class Small(unittest.TestCase):
    def test_equal_ones(self):
        self.assertEqual(usbtable.small_differences(THEIRS, OURS), ([], 5))

    def test_each_difference_is_found(self):
        for file, old, new in CHANGES:
            with self.subTest(change=new):
                self.assertIn(old, OURS[file])
                wrong, _ = usbtable.small_differences(THEIRS, OURS | {file: OURS[file].replace(old, new)})
                self.assertEqual(len(wrong), 1)

    def test_tables_that_cannot_be_read(self):
        wrong, _ = usbtable.small_differences("", dict.fromkeys(OURS, ""))
        self.assertEqual(len(wrong), len(usbtable.SMALL))

    def test_ours_can_be_read(self):
        for name, (_, file, our_side) in usbtable.SMALL.items():
            self.assertTrue(our_side((paths.REPO / file).read_text()), name)
