/* SPDX-License-Identifier: GPL-2.0 */
/* Prototypes of the C shims of btusb.ko. */
#ifndef USB_EXT_HELPERS_H
#define USB_EXT_HELPERS_H

#include "skbuff.h"
#include "workqueue.h"
#include "device.h"
#include "sync.h"
#include "frame.h"
#include "usb.h"
#include "hci_driver.h"

#endif
