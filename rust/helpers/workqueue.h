/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/workqueue.h>

/* Destroys the queues that lost their last handle; runs kext_wq_reap(). */
extern struct work_struct kext_wq_reaper;

struct workqueue_struct *kext_alloc_ordered_workqueue(const char *name, unsigned int flags);
void kext_preempt_disable(void);
void kext_preempt_enable(void);

/* Defined in Rust. */
void kext_wq_reap(struct work_struct *work);
