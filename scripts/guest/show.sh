# SPDX-License-Identifier: GPL-2.0
#
# What `make run` shows: the stack loaded, a USB controller brought up, what
# BlueZ's tools see, and data on a link, all of it from the socket to the host
# controller. Each step prints its time; the numbers that the host compares go
# to /out/facts.

ms() {
	echo $(($(date +%s%N) / 1000000))
}

# step NAME COMMAND...: the command's output only if it fails; its time in $TOOK.
step() {
	_name=$1
	shift
	_begin=$(ms)
	if "$@" >/tmp/step.log 2>&1; then
		TOOK=$(($(ms) - _begin))
		echo "  ok   $_name ($TOOK ms)"
	else
		echo "failed  $_name (status $?, $(($(ms) - _begin)) ms)"
		sed 's/^/       | /' /tmp/step.log
		dmesg | tail -n 15 | sed 's/^/       dmesg | /'
		exit 1
	fi
}

# show NAME COMMAND...: the output is the point. It has to be there.
show() {
	_name=$1
	shift
	_begin=$(ms)
	timeout 20 "$@" >/tmp/show.log 2>&1 </dev/null
	_status=$?
	if [ "$_status" -eq 0 ] && [ -s /tmp/show.log ]; then
		echo "  ok   $_name ($(($(ms) - _begin)) ms)"
	else
		echo "failed  $_name (status $_status)"
	fi
	sed 's/\x1b\[[0-9;]*[A-Za-z]//g; s/\r//g; s/^/       | /' /tmp/show.log
	[ "$_status" -eq 0 ] && [ -s /tmp/show.log ] || exit 1
}

fact() {
	echo "$1 $2" >>/out/facts
}

usb_device() {
	grep -l '^e0$' /sys/bus/usb/devices/*/bDeviceClass
}

# The modules that bluetooth.ko and btusb.ko need are not what is timed, nor is
# what the host controller does when the device is plugged in.
step "modprobe rfkill, crc16, ecdh_generic" modprobe -a rfkill crc16 ecdh_generic
step "modprobe xhci_pci" modprobe xhci_pci
step "the USB device is there" ox_wait 30 usb_device

# From memory and not compressed, so that only the kernel's own work is timed.
module=$(modinfo -n bluetooth)
step "take $module" cp "$module" /tmp/bluetooth.ko
step "insmod bluetooth.ko" insmod /tmp/bluetooth.ko
fact insmod_ms "$TOOK"
up=$TOOK
fact stack "$(ox_stack)"
fact loaded_bytes "$(cat /sys/module/bluetooth/coresize)"
# The vendors' modules are the distribution's own, and the same for both.
step "modprobe btintel, btrtl, btbcm, btmtk" modprobe -a btintel btrtl btbcm btmtk
driver=$(modinfo -n btusb)
step "take $driver" cp "$driver" "/tmp/${driver##*/}"
step "start btmon" ox_btmon run.btsnoop
step "insmod btusb.ko" insmod "/tmp/${driver##*/}"
up=$((up + TOOK))
step "the USB device gives hci0" ox_wait 30 test -e /sys/class/bluetooth/hci0
up=$((up + TOOK))
step "hciconfig hci0 up" ox_wait 30 hciconfig hci0 up
fact up_ms $((up + TOOK))
hciconfig hci0 | grep -q 'UP RUNNING' || {
	echo "failed  hci0 is not up"
	hciconfig -a
	exit 1
}

show "hciconfig -a" hciconfig -a hci0
# btmgmt waits for its terminal, so it gets one.
show "btmgmt info" script -qec 'btmgmt --index 0 info' /dev/null
show "hcitool dev" hcitool dev
show "l2ping, 600 bytes each way" l2ping -c 3 -s 600 "$OX_REMOTE"
show "L2CAP with bumble, a host by others" python3 /out/talk.py "$OX_REMOTE" "$OX_PSM" 50 600
step "hciconfig hci0 down" hciconfig hci0 down
step "rmmod btusb" rmmod btusb
step "hci0 is gone" ox_wait 10 sh -c '! test -e /sys/class/bluetooth/hci0'
ox_btmon_stop
step "the trace holds the controller's life" sh -c \
	'btmon -r /out/run.btsnoop >/out/run.btsnoop.txt && grep -q "HCI Command: Reset" /out/run.btsnoop.txt'
echo "       btmon's trace, its first commands:"
grep -E '^[<>@=]' /out/run.btsnoop.txt | head -n 16 | cut -c1-100 | sed 's/^/       | /'
