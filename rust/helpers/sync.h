/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/completion.h>

void kext_reinit_completion(struct completion *x);
