# SPDX-License-Identifier: GPL-2.0
#
# Functions for scripts that run in a virtual machine. boot.sh has sourced this
# already; /out is the run's output folder on the host, /tests its files.

# virtme-ng mounts the modules without a cache, so that each look at one and each load fetches all of it from
# the host again: a third of what loading takes. Nobody changes them while a machine runs.
ox_cache_modules() {
	_modules=$(sed -n 's, /usr/lib/modules 9p .*,,p' /proc/mounts | tail -n 1)
	[ -n "$_modules" ] && umount /usr/lib/modules || return 0
	mount -t 9p -o ro,version=9p2000.L,trans=virtio,access=any,msize=524288,cache=loose "$_modules" /usr/lib/modules
}

# Puts the chosen stack's Bluetooth core and the virtual controller driver in place.
ox_load() {
	# BlueZ's emulator reaches its cryptography through these; loading them while
	# the host waits for its first answer takes longer than the host waits.
	modprobe -a -q af_alg algif_hash algif_skcipher ecb cmac
	modprobe bluetooth && modprobe hci_vhci
}

# Names the bluetooth.ko that is loaded: ours is in updates/.
ox_stack() {
	case "$(modinfo -n bluetooth)" in
	*/updates/*) echo rust ;;
	*) echo c ;;
	esac
}

# ox_wait SECONDS COMMAND...: until the command succeeds.
ox_wait() {
	_tries=$(($1 * 10))
	shift
	while [ "$_tries" -gt 0 ]; do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.1
		_tries=$((_tries - 1))
	done
	return 1
}

# ox_last COMMAND...: runs it after everybody else. The scheduler would keep that promise only within the
# command's own session, beside which the kernel's threads are, as long as it groups tasks by session.
ox_last() {
	[ ! -f /proc/sys/kernel/sched_autogroup_enabled ] || echo 0 >/proc/sys/kernel/sched_autogroup_enabled
	chrt -i 0 "$@"
}

# Starts btmon writing a btsnoop trace to /out/NAME; ox_btmon_stop ends it.
ox_btmon() {
	btmon -w "/out/$1" >/out/"$1".txt 2>&1 &
	OX_BTMON=$!
	# It must have its monitor socket before anything happens.
	ox_wait 10 test -s "/out/$1"
}

ox_btmon_stop() {
	sleep 0.5
	kill -INT "$OX_BTMON" 2>/dev/null
	wait "$OX_BTMON" 2>/dev/null
	return 0
}

# Unloads every module that uses bluetooth, then bluetooth. A reference that
# somebody leaked makes this fail, and that is a result.
ox_unload() {
	[ -d /sys/module/bluetooth ] || return 0
	_round=0
	while [ -d /sys/module/bluetooth ] && [ "$_round" -lt 50 ]; do
		for _module in $(ls /sys/module/bluetooth/holders) bluetooth; do
			for _user in $(ls "/sys/module/$_module/holders" 2>/dev/null); do
				rmmod "$_user" 2>/dev/null
			done
			rmmod "$_module" 2>/dev/null
		done
		_round=$((_round + 1))
		[ -d /sys/module/bluetooth ] && sleep 0.2
	done
	if [ -d /sys/module/bluetooth ]; then
		echo "bluetooth.ko cannot be unloaded: refcount $(cat /sys/module/bluetooth/refcnt)," \
			"holders: $(ls /sys/module/bluetooth/holders | tr '\n' ' ')"
		lsmod | grep -E '^(bluetooth|hci|bt)' 
		return 1
	fi
}

# Two scans, since kmemleak reports what two scans did not find; objects younger
# than five seconds are never reported.
ox_kmemleak() {
	[ -w /sys/kernel/debug/kmemleak ] || return 0
	sleep 6
	echo scan >/sys/kernel/debug/kmemleak
	sleep 1
	echo scan >/sys/kernel/debug/kmemleak
	cat /sys/kernel/debug/kmemleak >>/out/.vm/kmemleak
}
