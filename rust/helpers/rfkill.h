/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/rfkill.h>

/* All of these are empty inline functions without CONFIG_RFKILL. */
struct rfkill *kext_rfkill_alloc_bluetooth(const char *name, struct device *parent,
					   const struct rfkill_ops *ops, void *data);
int kext_rfkill_register(struct rfkill *rfkill);
void kext_rfkill_unregister(struct rfkill *rfkill);
void kext_rfkill_destroy(struct rfkill *rfkill);
bool kext_rfkill_blocked(struct rfkill *rfkill);
bool kext_rfkill_soft_blocked(struct rfkill *rfkill);
bool kext_rfkill_set_sw_state(struct rfkill *rfkill, bool blocked);
bool kext_rfkill_set_hw_state(struct rfkill *rfkill, bool blocked);
