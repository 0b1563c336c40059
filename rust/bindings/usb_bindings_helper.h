/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What usb_ext needs of the kernel's C interfaces beyond kernel::bindings.
 * Input of bindgen only, never compiled.
 */

#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/gpio/consumer.h>
#include <linux/jiffies.h>
#include <linux/pm_runtime.h>
#include <linux/seq_file.h>
#include <linux/skbuff.h>
#include <linux/timekeeping.h>
#include <linux/usb.h>
#include <linux/workqueue.h>

#include <net/bluetooth/bluetooth.h>
#include <net/bluetooth/hci_core.h>
#include <net/bluetooth/hci_drv.h>

#include "usb_helpers.h"
