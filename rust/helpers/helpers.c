// SPDX-License-Identifier: GPL-2.0
/*
 * C shims for what Rust cannot call: macros and inline functions. One object,
 * as in the kernel's own rust/helpers/helpers.c.
 */

#include "helpers.h"

#include "skbuff.c"
#include "net.c"
#include "proc.c"
#include "workqueue.c"
#include "device.c"
#include "rfkill.c"
#include "leds.c"
#include "sync.c"
#include "frame.c"
#include "hci.c"
#include "stamp.c"
#include "crypto.c"
