/* SPDX-License-Identifier: GPL-2.0 */
#include <net/bluetooth/bluetooth.h>
#include <net/bluetooth/hci_core.h>

#include "frame.h"

void *kext_hci_zalloc(size_t size);
void kext_hci_init(struct hci_dev *hdev, work_func_t dump_rx, work_func_t dump_timeout);
void kext_hci_fini(struct hci_dev *hdev);
const char *kext_dev_name(const struct device *dev);
struct hci_conn *kext_hci_conn_alloc(struct hci_dev *hdev);
void kext_list_add_tail_rcu(struct list_head *entry, struct list_head *head);
void kext_list_del_rcu(struct list_head *entry);
int kext_local_bd_address(struct device *dev, u8 *addr);
