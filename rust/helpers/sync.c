// SPDX-License-Identifier: GPL-2.0

#include "sync.h"

void kext_reinit_completion(struct completion *x)
{
	reinit_completion(x);
}
