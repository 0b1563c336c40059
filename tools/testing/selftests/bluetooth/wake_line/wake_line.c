// SPDX-License-Identifier: GPL-2.0
/*
 * A node in a device tree for a USB device that is plugged in, with a line of
 * its own by which it wakes the system. The line ends at an interrupt
 * controller that is here as well: tests pull the line, and see what the
 * device's driver makes of it.
 *
 * The node is there from the loading of this module to its unloading; drivers
 * must be unbound at both.
 */

#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irq_work.h>
#include <linux/irqdomain.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/usb.h>

static ushort vendor, product;
module_param(vendor, ushort, 0444);
module_param(product, ushort, 0444);
MODULE_PARM_DESC(vendor, "idVendor of the device");
MODULE_PARM_DESC(product, "idProduct of the device");

static char *compatible = "usb1286,204e";
module_param(compatible, charp, 0444);
MODULE_PARM_DESC(compatible, "What the node is compatible with");

static bool nameless;
module_param(nameless, bool, 0444);
MODULE_PARM_DESC(nameless, "The interrupt is not called \"wakeup\"");

static bool taken;
module_param(taken, bool, 0444);
MODULE_PARM_DESC(taken, "The interrupt is somebody else's");

static int pin = -1;
module_param(pin, int, 0444);
MODULE_PARM_DESC(pin, "marvell,wakeup-pin, if not negative");

static ushort gap;
module_param(gap, ushort, 0444);
MODULE_PARM_DESC(gap, "marvell,wakeup-gap-ms");

/* What the driver does with the line. */
static bool enabled;
module_param(enabled, bool, 0444);
MODULE_PARM_DESC(enabled, "The interrupt is enabled");

static int wakes;
module_param(wakes, int, 0444);
MODULE_PARM_DESC(wakes, "How often it is asked to wake the system");

static uint enabled_times;
module_param(enabled_times, uint, 0444);
MODULE_PARM_DESC(enabled_times, "How often it was enabled");

static struct irq_domain *domain;

/* An interrupt that is due once the line is listened to. */
static bool due;

static void deliver(struct irq_work *work)
{
	if (READ_ONCE(enabled) && xchg(&due, false))
		generic_handle_domain_irq(domain, 0);
}

static DEFINE_IRQ_WORK(delivery, deliver);

static int pull(const char *value, const struct kernel_param *param)
{
	WRITE_ONCE(due, true);
	irq_work_queue(&delivery);
	return 0;
}

static const struct kernel_param_ops pull_ops = { .set = pull };
module_param_cb(pull, &pull_ops, NULL, 0200);
MODULE_PARM_DESC(pull, "Any value pulls the line, now or once it is listened to");

static void line_enable(struct irq_data *data)
{
	WRITE_ONCE(enabled, true);
	enabled_times++;
	if (READ_ONCE(due))
		irq_work_queue(&delivery);
}

static void line_disable(struct irq_data *data)
{
	WRITE_ONCE(enabled, false);
}

static int line_set_wake(struct irq_data *data, unsigned int on)
{
	wakes += on ? 1 : -1;
	return 0;
}

static void line_nothing(struct irq_data *data)
{
}

static struct irq_chip chip = {
	.name		= "wake_line",
	.irq_enable	= line_enable,
	.irq_disable	= line_disable,
	.irq_mask	= line_nothing,
	.irq_unmask	= line_nothing,
	.irq_set_wake	= line_set_wake,
};

static int line_map(struct irq_domain *d, unsigned int virq, irq_hw_number_t hw)
{
	irq_set_chip_and_handler(virq, &chip, handle_simple_irq);
	return 0;
}

static const struct irq_domain_ops domain_ops = {
	.map	= line_map,
	.xlate	= irq_domain_xlate_onecell,
};

/* The tree: the interrupt controller, and below it the device. */

static void node_release(struct kobject *kobj)
{
}

static const struct kobj_type node_type = { .release = node_release };

static const __be32 one = cpu_to_be32(1), zero;
static __be16 pin_value, gap_value;

static struct property controller_properties[] = {
	{ .name = "interrupt-controller", .length = 0, .value = "" },
	{ .name = "#interrupt-cells", .length = sizeof(one), .value = (void *)&one },
};

static struct property device_properties[] = {
	{ .name = "compatible" },
	{ .name = "interrupts", .length = sizeof(zero), .value = (void *)&zero },
	{ .name = "interrupt-names" },
	{ .name = "marvell,wakeup-pin", .length = sizeof(pin_value), .value = &pin_value },
	{ .name = "marvell,wakeup-gap-ms", .length = sizeof(gap_value), .value = &gap_value },
};

static struct device_node controller_node = { .name = "wake_line", .full_name = "wake_line" };
static struct device_node device_node = { .name = "bluetooth", .full_name = "bluetooth" };

static void node_init(struct device_node *of, struct device_node *parent,
		      struct property *properties, int count)
{
	kobject_init(&of->kobj, &node_type);
	fwnode_init(&of->fwnode, &of_fwnode_ops);
	of->parent = parent;
	of->properties = properties;
	while (--count > 0) {
		properties->next = properties + 1;
		properties++;
	}
}

static void text(struct property *property, char *value)
{
	property->value = value;
	property->length = strlen(value) + 1;
}

/* Whether the device is the one; its node changes if so. */
static int set_node(struct usb_device *udev, void *new)
{
	if (le16_to_cpu(udev->descriptor.idVendor) != vendor ||
	    le16_to_cpu(udev->descriptor.idProduct) != product)
		return 0;
	udev->dev.of_node = new;
	return 1;
}

static irqreturn_t nobody(int irq, void *cookie)
{
	return IRQ_NONE;
}

static int __init wake_line_init(void)
{
	int err = -ENODEV;

	text(&device_properties[0], compatible);
	text(&device_properties[2], nameless ? "something" : "wakeup");
	pin_value = cpu_to_be16(pin);
	gap_value = cpu_to_be16(gap);
	node_init(&controller_node, NULL, controller_properties, ARRAY_SIZE(controller_properties));
	node_init(&device_node, &controller_node, device_properties,
		  ARRAY_SIZE(device_properties) - (pin < 0 ? 2 : 0));

	domain = irq_domain_create_linear(of_fwnode_handle(&controller_node), 1, &domain_ops, NULL);
	if (!domain)
		return -ENOMEM;
	if (taken) {
		err = request_irq(irq_create_mapping(domain, 0), nobody, 0, "wake_line", &domain);
		if (err)
			goto remove_domain;
	}
	if (usb_for_each_dev(&device_node, set_node))
		return 0;

	if (taken)
		free_irq(irq_find_mapping(domain, 0), &domain);
	irq_dispose_mapping(irq_find_mapping(domain, 0));
	err = -ENODEV;
remove_domain:
	irq_domain_remove(domain);
	return err;
}

static void __exit wake_line_exit(void)
{
	usb_for_each_dev(NULL, set_node);
	if (taken)
		free_irq(irq_find_mapping(domain, 0), &domain);
	irq_work_sync(&delivery);
	irq_dispose_mapping(irq_find_mapping(domain, 0));
	irq_domain_remove(domain);
}

module_init(wake_line_init);
module_exit(wake_line_exit);

MODULE_DESCRIPTION("A wake-up line for a USB device, for tests");
MODULE_LICENSE("GPL");
