// SPDX-License-Identifier: GPL-2.0

#include "rfkill.h"

struct rfkill *kext_rfkill_alloc_bluetooth(const char *name, struct device *parent,
					   const struct rfkill_ops *ops, void *data)
{
	return rfkill_alloc(name, parent, RFKILL_TYPE_BLUETOOTH, ops, data);
}

int kext_rfkill_register(struct rfkill *rfkill)
{
	return rfkill_register(rfkill);
}

void kext_rfkill_unregister(struct rfkill *rfkill)
{
	rfkill_unregister(rfkill);
}

void kext_rfkill_destroy(struct rfkill *rfkill)
{
	rfkill_destroy(rfkill);
}

bool kext_rfkill_blocked(struct rfkill *rfkill)
{
	return rfkill_blocked(rfkill);
}

bool kext_rfkill_soft_blocked(struct rfkill *rfkill)
{
	return rfkill_soft_blocked(rfkill);
}

bool kext_rfkill_set_sw_state(struct rfkill *rfkill, bool blocked)
{
	return rfkill_set_sw_state(rfkill, blocked);
}

bool kext_rfkill_set_hw_state(struct rfkill *rfkill, bool blocked)
{
	return rfkill_set_hw_state(rfkill, blocked);
}
