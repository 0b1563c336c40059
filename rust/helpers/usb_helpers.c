// SPDX-License-Identifier: GPL-2.0
/*
 * The C shims of btusb.ko. As in helpers.c, one object: they are small, and
 * the linker drops nothing from a module.
 */

#include "usb_helpers.h"

#include "device.c"
#include "frame.c"
#include "hci_driver.c"
#include "skbuff.c"
#include "sync.c"
#include "usb.c"
#include "workqueue.c"
