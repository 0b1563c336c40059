# SPDX-License-Identifier: GPL-2.0
#
# Runs the workloads of tools/bench on both cores, one after the other in the
# same machine, as often as there are pairs. Each result is a line of
# /out/results: the pair, the core, and what the program printed.
#
# OX_PAIRS how often, OX_ORDER the cores in the order in which they are taken,
# OX_WORKLOADS which, OX_BENCH the program's options, OX_SYMBOLS whether to
# leave the names of the kernel's functions in /out/symbols.PAIR.CORE.

modules=/lib/modules/$(uname -r)
cp /out/bench /tmp/bench
chmod +x /tmp/bench

core() {
	case "$1" in
	rust) echo "$modules/updates/bluetooth.ko" ;;
	c) echo "$modules/kernel/net/bluetooth/bluetooth.ko" ;;
	esac
}

# Loads what a core needs, and that core. hci_vhci is the kernel's own on both.
swap_to() {
	ox_unload || return 1
	modprobe -a -q $(modinfo -F depends "$(core "$1")" | tr , ' ')
	insmod "$(core "$1")" && modprobe hci_vhci
}

failed=0
pair=1
while [ "$pair" -le "$OX_PAIRS" ]; do
	for stack in $OX_ORDER; do
		swap_to "$stack" || exit 97
		if [ -n "$OX_SYMBOLS" ]; then
			cat /proc/kallsyms >"/out/symbols.$pair.$stack"
		fi
		for workload in $OX_WORKLOADS; do
			if line=$(timeout 120 /tmp/bench $OX_BENCH "$workload" 2>&1); then
				echo "$line" | sed "s/^/$pair $stack /" >>/out/results
			else
				failed=1
				echo "failed: $workload on $stack, pair $pair: $line"
			fi
		done
	done
	pair=$((pair + 1))
done
ox_unload || exit 97
exit "$failed"
