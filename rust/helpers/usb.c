// SPDX-License-Identifier: GPL-2.0

#include <linux/cpufeature.h>
#include <linux/device.h>
#include <linux/dmi.h>
#include <linux/of_device.h>
#include <linux/of_irq.h>
#include <linux/pm_runtime.h>
#include <linux/pm_wakeup.h>
#include <linux/slab.h>

#include "usb.h"

struct kext_anchor {
	struct usb_anchor anchor;
	struct rcu_head rcu;
};

struct usb_anchor *kext_usb_anchor_new(gfp_t gfp)
{
	struct kext_anchor *a = kzalloc(sizeof(*a), gfp);

	if (!a)
		return NULL;
	init_usb_anchor(&a->anchor);
	return &a->anchor;
}

void kext_usb_anchor_free(struct usb_anchor *anchor)
{
	struct kext_anchor *a = container_of(anchor, struct kext_anchor, anchor);

	usb_scuttle_anchored_urbs(anchor);
	kfree_rcu(a, rcu);
}

void kext_usb_set_needs_remote_wakeup(struct usb_interface *intf, bool on)
{
	intf->needs_remote_wakeup = on;
}

bool kext_usb_needs_remote_wakeup(const struct usb_interface *intf)
{
	return intf->needs_remote_wakeup;
}

void kext_usb_set_do_remote_wakeup(struct usb_device *udev, bool on)
{
	udev->do_remote_wakeup = on;
}

void kext_usb_set_reset_resume(struct usb_device *udev, bool on)
{
	udev->reset_resume = on;
}

void kext_usb_driver_set_flags(struct usb_driver *driver, bool autosuspend, bool no_hub_lpm)
{
	driver->supports_autosuspend = autosuspend;
	driver->disable_hub_initiated_lpm = no_hub_lpm;
}

void kext_usb_mark_last_busy(struct usb_device *udev)
{
	usb_mark_last_busy(udev);
}

void kext_usb_enable_autosuspend(struct usb_device *udev)
{
	usb_enable_autosuspend(udev);
}

void kext_usb_disable_autosuspend(struct usb_device *udev)
{
	usb_disable_autosuspend(udev);
}

int kext_usb_autopm_get(struct usb_interface *intf)
{
	return usb_autopm_get_interface(intf);
}

void kext_usb_autopm_put(struct usb_interface *intf)
{
	usb_autopm_put_interface(intf);
}

void kext_usb_autopm_put_no_suspend(struct usb_interface *intf)
{
	usb_autopm_put_interface_no_suspend(intf);
}

bool kext_device_may_wakeup(struct device *dev)
{
	return device_may_wakeup(dev);
}

bool kext_device_can_wakeup(struct device *dev)
{
	return device_can_wakeup(dev);
}

void kext_device_set_wakeup_capable(struct device *dev, bool capable)
{
	device_set_wakeup_capable(dev, capable);
}

int kext_device_init_wakeup(struct device *dev, bool on)
{
	return device_init_wakeup(dev, on);
}

void kext_device_lock(struct device *dev)
{
	device_lock(dev);
}

void kext_device_unlock(struct device *dev)
{
	device_unlock(dev);
}

void kext_pm_runtime_allow(struct device *dev)
{
	pm_runtime_allow(dev);
}

void kext_pm_runtime_forbid(struct device *dev)
{
	pm_runtime_forbid(dev);
}

int kext_pm_runtime_suspend(struct device *dev)
{
	return pm_runtime_suspend(dev);
}

int kext_of_wakeup_irq(const struct device *dev, const struct of_device_id *nodes)
{
	return of_match_device(nodes, dev) ? of_irq_get_byname(dev->of_node, "wakeup") : 0;
}

int kext_of_u16(const struct device *dev, const char *name)
{
	u16 value;

	return of_property_read_u16(dev->of_node, name, &value) ?: value;
}

/* Machines that cut the power of their built-in QCA controllers during suspend. */
static const struct dmi_system_id needs_reset_resume[] = {
	{ .matches = { DMI_MATCH(DMI_SYS_VENDOR, "Dell Inc."),
		       DMI_MATCH(DMI_PRODUCT_NAME, "OptiPlex 3060") } },
	{ .matches = { DMI_MATCH(DMI_SYS_VENDOR, "Dell Inc."),
		       DMI_MATCH(DMI_PRODUCT_NAME, "XPS 13 9360") } },
	{ .matches = { DMI_MATCH(DMI_SYS_VENDOR, "Dell Inc."),
		       DMI_MATCH(DMI_PRODUCT_NAME, "Inspiron 5565") } },
	{ }
};

bool kext_dmi_needs_reset_resume(void)
{
	return dmi_check_system(needs_reset_resume);
}

bool kext_is_zen(void)
{
#ifdef CONFIG_X86
	return boot_cpu_has(X86_FEATURE_ZEN);
#else
	return false;
#endif
}
