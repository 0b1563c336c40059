/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/suspend.h>

/* Inline functions without CONFIG_PM_SLEEP. */
int kext_register_pm_notifier(struct notifier_block *nb);
int kext_unregister_pm_notifier(struct notifier_block *nb);

/* Inline functions without CONFIG_DEBUG_FS, and a macro. */
struct dentry *kext_debugfs_create_dir(const char *name, struct dentry *parent);
struct dentry *kext_debugfs_create_file(const char *name, umode_t mode, struct dentry *parent,
					void *data, const struct file_operations *fops);
void kext_debugfs_remove(struct dentry *dentry);
