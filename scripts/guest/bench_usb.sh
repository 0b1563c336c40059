# SPDX-License-Identifier: GPL-2.0
#
# Runs the workloads of tools/bench/usb on both USB drivers, one after the other
# in the same machine, as often as there are pairs, on the kernel's own core.
# Each result is a line of /out/results: the pair, the driver, and what the
# program printed.
#
# OX_PAIRS how often, OX_ORDER the drivers in the order in which they are taken,
# OX_WORKLOADS which, each with its units behind a colon. Where the kernel's
# functions are is left in /out/symbols, and where a driver's are in
# /out/symbols.PAIR.DRIVER.

modules=/lib/modules/$(uname -r)

driver() {
	case "$1" in
	rust) echo "$modules"/updates/btusb.ko* ;;
	c) echo "$modules"/kernel/drivers/bluetooth/btusb.ko* ;;
	esac
}

cd /out/tests || exit 97
ox_load || exit 98
modprobe -a -q xhci_pci virtio_console btintel btrtl btbcm btmtk
rmmod btusb 2>/dev/null
grep -v '\[btusb\]' /proc/kallsyms >/out/symbols
failed=0
pair=1
while [ "$pair" -le "$OX_PAIRS" ]; do
	for which in $OX_ORDER; do
		[ -d /sys/module/btusb ] && { rmmod btusb || exit 97; }
		# By name: modprobe would take ours each time.
		insmod $(driver "$which") || exit 97
		grep '\[btusb\]' /proc/kallsyms >"/out/symbols.$pair.$which"
		for workload in $OX_WORKLOADS; do
			if line=$(timeout 120 python3 ./workloads.py "${workload%:*}" "${workload#*:}" 2>&1); then
				echo "$line" | sed "s/^/$pair $which /" >>/out/results
			else
				failed=1
				echo "failed: $workload on $which, pair $pair: $line"
			fi
		done
	done
	pair=$((pair + 1))
done
rmmod btusb || exit 97
exit "$failed"
