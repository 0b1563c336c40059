#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Every Bluetooth transport driver that this kernel has loads on the Bluetooth
# core and unloads again. On the Rust core, the C stack's own protocols must
# refuse to load: their C structures are not the core's.

. "$(dirname "$0")/lib/ktap.sh"

[ "$(id -u)" = 0 ] || ktap_skip_all "needs root"
folder=/lib/modules/$(uname -r)/kernel
[ -d "$folder/drivers/bluetooth" ] || ktap_skip_all "no drivers in $folder/drivers/bluetooth"
modprobe bluetooth || ktap_skip_all "there is no bluetooth module"

drivers=$(find "$folder/drivers/bluetooth" -name '*.ko*' -printf '%f\n' |
	sed 's/\.ko.*//' | tr '-' '_' | sort -u)
protocols=
for name in rfcomm bnep hidp bluetooth_6lowpan; do
	modinfo -n "$name" >/dev/null 2>&1 && protocols="$protocols $name"
done
stack=$(bt_stack)

ktap_plan $(($(echo "$drivers" | wc -w) + $(echo $protocols | wc -w) + 1))

for name in $drivers; do
	was=$([ -d "/sys/module/$name" ] && echo yes)
	ktap_mark
	if ! said=$(modprobe "$name" 2>&1); then
		ktap_fail "load $name" "$said
$(ktap_log | tail -n 5)"
		continue
	fi
	unknown=$(ktap_log | grep -iE 'unknown symbol|disagrees about version')
	if [ -n "$unknown" ]; then
		ktap_fail "load $name" "$unknown"
		continue
	fi
	if [ ! -d "/sys/module/$name" ]; then
		ktap_fail "load $name" "modprobe succeeded, and it is not there"
		continue
	fi
	# One that others use stays, and goes with those; hci_vhci may be another test's.
	if [ -z "$was" ] && [ -z "$(ls "/sys/module/$name/holders")" ]; then
		if ! said=$(rmmod "$name" 2>&1); then
			ktap_fail "load $name" "it does not unload: $said"
			continue
		fi
	fi
	splats=$(ktap_splats)
	if [ -n "$splats" ]; then
		ktap_fail "load $name" "$splats"
	else
		ktap_pass "load $name"
	fi
done

for name in $protocols; do
	if [ "$stack" = c ]; then
		if said=$(modprobe "$name" 2>&1); then
			rmmod "$name" 2>/dev/null
			ktap_pass "the C core's $name loads"
		else
			ktap_fail "the C core's $name loads" "$said"
		fi
		continue
	fi
	ktap_mark
	if modprobe "$name" 2>/dev/null; then
		ktap_fail "$name refuses to load" "it loaded, and would corrupt memory"
		rmmod "$name" 2>/dev/null
	elif ktap_log | grep -q "$name: Unknown symbol"; then
		ktap_pass "$name refuses to load"
	else
		ktap_fail "$name refuses to load" "it did not load, but not for its symbols:
$(ktap_log | tail -n 5)"
	fi
done

# What a driver took with it (btintel, btrtl...) goes as well: nobody holds the core.
left=
for round in 1 2 3 4 5; do
	left=
	for name in $drivers; do
		if [ -d "/sys/module/$name" ] && [ "$name" != hci_vhci ]; then
			rmmod "$name" 2>/dev/null || left="$left $name"
		fi
	done
	[ -n "$left" ] || break
done
if [ -n "$left" ]; then
	ktap_fail "all drivers unload" "still there:$left"
else
	ktap_pass "all drivers unload"
fi
ktap_end
