// SPDX-License-Identifier: GPL-2.0

#include "device.h"

int kext_register_pm_notifier(struct notifier_block *nb)
{
	return register_pm_notifier(nb);
}

int kext_unregister_pm_notifier(struct notifier_block *nb)
{
	return unregister_pm_notifier(nb);
}

struct dentry *kext_debugfs_create_dir(const char *name, struct dentry *parent)
{
	return debugfs_create_dir(name, parent);
}

struct dentry *kext_debugfs_create_file(const char *name, umode_t mode, struct dentry *parent,
					void *data, const struct file_operations *fops)
{
	return debugfs_create_file(name, mode, parent, data, fops);
}

void kext_debugfs_remove(struct dentry *dentry)
{
	debugfs_remove(dentry);
}
