/* SPDX-License-Identifier: GPL-2.0 */
#ifndef USB_EXT_HCI_DRIVER_H
#define USB_EXT_HCI_DRIVER_H

#include <linux/firmware.h>

#include <net/bluetooth/bluetooth.h>
#include <net/bluetooth/hci_core.h>
#include <net/bluetooth/hci_drv.h>

#include "btbcm.h"
#include "btintel.h"
#include "btmtk.h"
#include "btrtl.h"

#include "frame.h"

/* What transport drivers do with struct hci_dev by macros and inline functions. */
void *kext_hci_get_priv(struct hci_dev *hdev);
void kext_hci_set_quirk(struct hci_dev *hdev, unsigned int quirk, bool on);
bool kext_hci_test_flag(struct hci_dev *hdev, unsigned int flag);
u32 kext_hci_links(struct hci_dev *hdev);
u32 kext_hci_sco_links(struct hci_dev *hdev);
bool kext_hci_is_sco_handle(struct hci_dev *hdev, u16 handle);
void kext_hci_set_msft_opcode(struct hci_dev *hdev, u16 opcode);
void kext_hci_coredump(struct hci_dev *hdev);
int kext_hci_devcd_register(struct hci_dev *hdev, coredump_t coredump, dmp_hdr_t header);
int kext_hci_devcd_init(struct hci_dev *hdev, u32 size);
int kext_hci_devcd_append(struct hci_dev *hdev, struct sk_buff *skb);
int kext_hci_devcd_append_pattern(struct hci_dev *hdev, u8 pattern, u32 len);
int kext_hci_devcd_complete(struct hci_dev *hdev);

/* Bits that the vendors' modules keep behind struct hci_dev. */
enum {
	KEXT_SIZEOF_BTINTEL = sizeof(struct btintel_data),
	KEXT_SIZEOF_BTREALTEK = sizeof(struct btrealtek_data),
	KEXT_SIZEOF_BTMTK = sizeof(struct btmtk_data),
	KEXT_HAS_BCM = IS_ENABLED(CONFIG_BT_HCIBTUSB_BCM),
	KEXT_HAS_MTK = IS_ENABLED(CONFIG_BT_HCIBTUSB_MTK),
	KEXT_HAS_RTL = IS_ENABLED(CONFIG_BT_HCIBTUSB_RTL),
	KEXT_AUTOSUSPEND = IS_ENABLED(CONFIG_BT_HCIBTUSB_AUTOSUSPEND),
	KEXT_POLL_SYNC = IS_ENABLED(CONFIG_BT_HCIBTUSB_POLL_SYNC),
	KEXT_INTEL_OP_RESET = BTINTEL_HCI_OP_RESET,
};

bool kext_intel_test_flag(struct hci_dev *hdev, unsigned int flag);
void kext_intel_set_flag(struct hci_dev *hdev, unsigned int flag);
bool kext_intel_test_and_set_flag(struct hci_dev *hdev, unsigned int flag);
bool kext_realtek_test_flag(struct hci_dev *hdev, unsigned int flag);
bool kext_mtk_test_flag(struct hci_dev *hdev, unsigned int flag);
bool kext_mtk_test_and_set_flag(struct hci_dev *hdev, unsigned int flag);
void kext_mtk_set_flag(struct hci_dev *hdev, unsigned int flag, bool on);
void kext_mtk_init_anchor(struct hci_dev *hdev);

#endif
