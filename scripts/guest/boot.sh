# SPDX-License-Identifier: GPL-2.0
#
# First thing that a virtual machine runs. Tells the host that user space was
# reached, runs the script that the host put into /out/.vm, and leaves its exit
# status there: a status that never comes means that the guest died.

# The output goes through the shared folder: the distribution's kernel has the
# virtio console as a module that nothing here loads.
exec >/out/output.log 2>&1 </dev/null
cd /
umask 022
echo started >/out/.vm/started
export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
. /out/.vm/lib.sh
ox_cache_modules
mountpoint -q /sys/kernel/debug || mount -t debugfs none /sys/kernel/debug
ip link set lo up 2>/dev/null
# Looking for leaks by itself takes it half a minute of each ten; ox_kmemleak looks when it is time.
[ -w /sys/kernel/debug/kmemleak ] && echo scan=off >/sys/kernel/debug/kmemleak

. /out/.vm/env
( . /out/.vm/script.sh )
status=$?

if [ -n "$OX_UNLOAD" ]; then
	# Named frames first; then once more without the modules, whose data may
	# have held the last pointer.
	[ -n "$OX_KMEMLEAK" ] && ox_kmemleak
	if ! ox_unload >/out/.vm/unload 2>&1; then
		mv /out/.vm/unload /out/.vm/unload-failed
	elif [ -n "$OX_KMEMLEAK" ]; then
		ox_kmemleak
	fi
fi
dmesg >/out/.vm/dmesg 2>/dev/null
echo "$status" >/out/.vm/status.new
mv /out/.vm/status.new /out/.vm/status
sync
exit "$status"
