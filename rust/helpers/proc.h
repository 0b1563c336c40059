/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KERNEL_EXT_PROC_H
#define KERNEL_EXT_PROC_H

#include <linux/proc_fs.h>
#include <linux/seq_file.h>

struct proc_dir_entry *kext_proc_net_single(const char *name,
					    int (*show)(struct seq_file *, void *),
					    void *data);
void kext_proc_remove(struct proc_dir_entry *entry);

#endif
