/* SPDX-License-Identifier: GPL-2.0 */
/* Prototypes of the C shims, for bindgen and for the shims themselves. */
#ifndef KERNEL_EXT_HELPERS_H
#define KERNEL_EXT_HELPERS_H

#include "skbuff.h"
#include "net.h"
#include "proc.h"
#include "workqueue.h"
#include "device.h"
#include "rfkill.h"
#include "leds.h"
#include "sync.h"
#include "hci.h"
#include "stamp.h"
#include "crypto.h"

#endif
