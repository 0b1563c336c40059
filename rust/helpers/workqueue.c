// SPDX-License-Identifier: GPL-2.0

#include "workqueue.h"

#include <linux/preempt.h>

DECLARE_WORK(kext_wq_reaper, kext_wq_reap);

struct workqueue_struct *kext_alloc_ordered_workqueue(const char *name, unsigned int flags)
{
	return alloc_ordered_workqueue("%s", flags, name);
}

void kext_preempt_disable(void)
{
	preempt_disable();
}

void kext_preempt_enable(void)
{
	preempt_enable();
}
