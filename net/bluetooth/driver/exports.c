// SPDX-License-Identifier: GPL-2.0
/*
 * The symbols that transport drivers import. Their Rust side is in this folder,
 * symbol by symbol; here is what Rust cannot express: EXPORT_SYMBOL, and
 * functions with a variable number of arguments.
 */

#define pr_fmt(fmt) "Bluetooth: " fmt

#include <linux/export.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/slab.h>

#include <net/bluetooth/bluetooth.h>
#include <net/bluetooth/hci_core.h>

/* What the module needs loaded, and what loads it. */
MODULE_SOFTDEP("pre: rfkill");

#define BT_LOG(name, print)				\
void name(const char *format, ...)			\
{							\
	struct va_format vaf;				\
	va_list args;					\
							\
	va_start(args, format);				\
	vaf.fmt = format;				\
	vaf.va = &args;					\
	print("%pV", &vaf);				\
	va_end(args);					\
}							\
EXPORT_SYMBOL(name)

BT_LOG(bt_info, pr_info);
BT_LOG(bt_warn, pr_warn);
BT_LOG(bt_err, pr_err);
BT_LOG(bt_warn_ratelimited, pr_warn_ratelimited);
BT_LOG(bt_err_ratelimited, pr_err_ratelimited);
#ifdef CONFIG_BT_FEATURE_DEBUG
BT_LOG(bt_dbg, no_printk);
#endif

#define HCI_SET_INFO(name, member)					\
void name(struct hci_dev *hdev, const char *format, ...)		\
{									\
	va_list args;							\
									\
	va_start(args, format);						\
	kfree_const(hdev->member);					\
	hdev->member = kvasprintf_const(GFP_KERNEL, format, args);	\
	va_end(args);							\
}									\
EXPORT_SYMBOL(name)

HCI_SET_INFO(hci_set_hw_info, hw_info);
HCI_SET_INFO(hci_set_fw_info, fw_info);

EXPORT_SYMBOL(__hci_cmd_send);
EXPORT_SYMBOL(__hci_cmd_sync);
EXPORT_SYMBOL(__hci_cmd_sync_ev);
EXPORT_SYMBOL(__hci_cmd_sync_status);
EXPORT_SYMBOL(__hci_reset_dev);
EXPORT_SYMBOL(__hci_reset_sync);
EXPORT_SYMBOL(baswap);
EXPORT_SYMBOL(bt_to_errno);
EXPORT_SYMBOL(hci_alloc_dev_priv);
EXPORT_SYMBOL(hci_cmd_sync);
EXPORT_SYMBOL(hci_cmd_sync_cancel);
EXPORT_SYMBOL(hci_cmd_sync_queue);
#ifdef CONFIG_DEV_COREDUMP
EXPORT_SYMBOL(hci_devcd_abort);
EXPORT_SYMBOL(hci_devcd_append);
EXPORT_SYMBOL(hci_devcd_append_pattern);
EXPORT_SYMBOL(hci_devcd_complete);
EXPORT_SYMBOL(hci_devcd_init);
EXPORT_SYMBOL(hci_devcd_register);
#endif
EXPORT_SYMBOL(hci_discovery_active);
EXPORT_SYMBOL(hci_drv_cmd_complete);
EXPORT_SYMBOL(hci_drv_cmd_status);
EXPORT_SYMBOL(hci_free_dev);
EXPORT_SYMBOL(hci_recv_diag);
EXPORT_SYMBOL(hci_recv_frame);
EXPORT_SYMBOL(hci_register_dev);
EXPORT_SYMBOL(hci_resume_dev);
EXPORT_SYMBOL(hci_suspend_dev);
EXPORT_SYMBOL(hci_unregister_dev);
