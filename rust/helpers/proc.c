// SPDX-License-Identifier: GPL-2.0
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <net/net_namespace.h>
#include "proc.h"

struct proc_dir_entry *kext_proc_net_single(const char *name,
					    int (*show)(struct seq_file *, void *),
					    void *data)
{
	return proc_create_single_data(name, 0, init_net.proc_net, show, data);
}

void kext_proc_remove(struct proc_dir_entry *entry)
{
	proc_remove(entry);
}
