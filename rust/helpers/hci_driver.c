// SPDX-License-Identifier: GPL-2.0

#include <linux/usb.h>

#include "hci_driver.h"

void *kext_hci_get_priv(struct hci_dev *hdev)
{
	return hci_get_priv(hdev);
}

void kext_hci_set_quirk(struct hci_dev *hdev, unsigned int quirk, bool on)
{
	if (on)
		hci_set_quirk(hdev, quirk);
	else
		hci_clear_quirk(hdev, quirk);
}

bool kext_hci_test_flag(struct hci_dev *hdev, unsigned int flag)
{
	return hci_dev_test_flag(hdev, flag);
}

u32 kext_hci_links(struct hci_dev *hdev)
{
	return hci_conn_count(hdev);
}

u32 kext_hci_sco_links(struct hci_dev *hdev)
{
	return hci_conn_num(hdev, SCO_LINK);
}

bool kext_hci_is_sco_handle(struct hci_dev *hdev, u16 handle)
{
	u8 type = hci_conn_lookup_type(hdev, handle);

	return type == SCO_LINK || type == ESCO_LINK;
}

void kext_hci_set_msft_opcode(struct hci_dev *hdev, u16 opcode)
{
	hci_set_msft_opcode(hdev, opcode);
}

void kext_hci_coredump(struct hci_dev *hdev)
{
#ifdef CONFIG_DEV_COREDUMP
	if (hdev->dump.coredump)
		hdev->dump.coredump(hdev);
#endif
}

int kext_hci_devcd_register(struct hci_dev *hdev, coredump_t coredump, dmp_hdr_t header)
{
	return hci_devcd_register(hdev, coredump, header, NULL);
}

int kext_hci_devcd_init(struct hci_dev *hdev, u32 size)
{
	return hci_devcd_init(hdev, size);
}

int kext_hci_devcd_append(struct hci_dev *hdev, struct sk_buff *skb)
{
	return hci_devcd_append(hdev, skb);
}

int kext_hci_devcd_append_pattern(struct hci_dev *hdev, u8 pattern, u32 len)
{
	return hci_devcd_append_pattern(hdev, pattern, len);
}

int kext_hci_devcd_complete(struct hci_dev *hdev)
{
	return hci_devcd_complete(hdev);
}

bool kext_intel_test_flag(struct hci_dev *hdev, unsigned int flag)
{
	return btintel_test_flag(hdev, flag);
}

void kext_intel_set_flag(struct hci_dev *hdev, unsigned int flag)
{
	btintel_set_flag(hdev, flag);
}

bool kext_intel_test_and_set_flag(struct hci_dev *hdev, unsigned int flag)
{
	return test_and_set_bit(flag, btintel_get_flag(hdev));
}

bool kext_realtek_test_flag(struct hci_dev *hdev, unsigned int flag)
{
	return btrealtek_test_flag(hdev, flag);
}

static unsigned long *mtk_flags(struct hci_dev *hdev)
{
	struct btmtk_data *data = hci_get_priv(hdev);

	return &data->flags;
}

bool kext_mtk_test_flag(struct hci_dev *hdev, unsigned int flag)
{
	return test_bit(flag, mtk_flags(hdev));
}

bool kext_mtk_test_and_set_flag(struct hci_dev *hdev, unsigned int flag)
{
	return test_and_set_bit(flag, mtk_flags(hdev));
}

void kext_mtk_set_flag(struct hci_dev *hdev, unsigned int flag, bool on)
{
	if (on)
		set_bit(flag, mtk_flags(hdev));
	else
		clear_bit(flag, mtk_flags(hdev));
}

void kext_mtk_init_anchor(struct hci_dev *hdev)
{
	struct btmtk_data *data = hci_get_priv(hdev);

	init_usb_anchor(&data->isopkt_anchor);
}
