// SPDX-License-Identifier: GPL-2.0

#include <linux/property.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "hci.h"

void *kext_hci_zalloc(size_t size)
{
	return kzalloc(size, GFP_KERNEL);
}

/* Initialisers of locks and works are macros: each call site is a lock class. */
void kext_hci_init(struct hci_dev *hdev, work_func_t dump_rx, work_func_t dump_timeout)
{
	mutex_init(&hdev->lock);
	mutex_init(&hdev->req_lock);
	INIT_LIST_HEAD(&hdev->conn_hash.list);
	hdev->manufacturer = 0xffff;
#ifdef CONFIG_DEV_COREDUMP
	INIT_WORK(&hdev->dump.dump_rx, dump_rx);
	INIT_DELAYED_WORK(&hdev->dump.dump_timeout, dump_timeout);
	skb_queue_head_init(&hdev->dump.dump_q);
#endif
}

void kext_hci_fini(struct hci_dev *hdev)
{
	kfree_const(hdev->hw_info);
	kfree_const(hdev->fw_info);
	mutex_destroy(&hdev->req_lock);
	mutex_destroy(&hdev->lock);
}

const char *kext_dev_name(const struct device *dev)
{
	return dev_name(dev);
}

struct hci_conn *kext_hci_conn_alloc(struct hci_dev *hdev)
{
	struct hci_conn *conn = kzalloc(sizeof(*conn), GFP_KERNEL);

	if (conn) {
		INIT_LIST_HEAD(&conn->list);
		conn->hdev = hdev;
	}
	return conn;
}

void kext_list_add_tail_rcu(struct list_head *entry, struct list_head *head)
{
	list_add_tail_rcu(entry, head);
}

void kext_list_del_rcu(struct list_head *entry)
{
	list_del_rcu(entry);
}

int kext_local_bd_address(struct device *dev, u8 *addr)
{
	return fwnode_property_read_u8_array(dev_fwnode(dev->parent), "local-bd-address", addr, 6);
}
