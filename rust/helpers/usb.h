/* SPDX-License-Identifier: GPL-2.0 */
#ifndef USB_EXT_USB_H
#define USB_EXT_USB_H

#include <linux/gpio/consumer.h>
#include <linux/usb.h>
#include <linux/usb/quirks.h>

/* Constants that bindgen leaves out. */
enum {
	KEXT_GPIOD_OUT_LOW = GPIOD_OUT_LOW,
	KEXT_QUIRK_RESET_RESUME = USB_QUIRK_RESET_RESUME,
};

/* An anchor that is freed after a grace period: see rust/usb_ext/usb/anchor.rs. */
struct usb_anchor *kext_usb_anchor_new(gfp_t gfp);
void kext_usb_anchor_free(struct usb_anchor *anchor);

/* Bit fields. */
void kext_usb_set_needs_remote_wakeup(struct usb_interface *intf, bool on);
bool kext_usb_needs_remote_wakeup(const struct usb_interface *intf);
void kext_usb_set_do_remote_wakeup(struct usb_device *udev, bool on);
void kext_usb_set_reset_resume(struct usb_device *udev, bool on);
void kext_usb_driver_set_flags(struct usb_driver *driver, bool autosuspend, bool no_hub_lpm);

/* Inline functions, here or in other configurations. */
void kext_usb_mark_last_busy(struct usb_device *udev);
void kext_usb_enable_autosuspend(struct usb_device *udev);
void kext_usb_disable_autosuspend(struct usb_device *udev);
int kext_usb_autopm_get(struct usb_interface *intf);
void kext_usb_autopm_put(struct usb_interface *intf);
void kext_usb_autopm_put_no_suspend(struct usb_interface *intf);
bool kext_device_may_wakeup(struct device *dev);
bool kext_device_can_wakeup(struct device *dev);
void kext_device_set_wakeup_capable(struct device *dev, bool capable);
int kext_device_init_wakeup(struct device *dev, bool on);
void kext_device_lock(struct device *dev);
void kext_device_unlock(struct device *dev);
void kext_pm_runtime_allow(struct device *dev);
void kext_pm_runtime_forbid(struct device *dev);
int kext_pm_runtime_suspend(struct device *dev);
int kext_of_wakeup_irq(const struct device *dev, const struct of_device_id *nodes);
int kext_of_u16(const struct device *dev, const char *name);
bool kext_dmi_needs_reset_resume(void);
bool kext_is_zen(void);

#endif
