#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# generate.sh OBJTREE HEADER INCLUDE OUTPUT
#
# Runs bindgen over HEADER with the flags that built the kernel's own bindings
# in OBJTREE, and leaves out what those already define: `kernel_ext::bindings`
# imports that from the kernel crate, so a `struct sk_buff` is one type.
set -eu

objtree=$1 header=$2 include=$3 output=$4
kernel_bindings=$objtree/rust/bindings/bindings_generated.rs
command=$objtree/rust/bindings/.bindings_generated.rs.cmd

for f in "$kernel_bindings" "$command"; do
	if [ ! -f "$f" ]; then
		echo "$f is missing: prepare the kernel tree with CONFIG_RUST=y first (make modules_prepare)" >&2
		exit 1
	fi
done

# The saved command reads: savedcmd_X := bindgen HEADER FLAGS -o X -- CFLAGS ; sed ...
saved=$(sed -n 's/^savedcmd_[^=]*:= //p' "$command" | sed 's/ ; sed .*//; s/\\#/#/g; s/\$(pound)/#/g')
bindgen=${saved%% *}
flags=$(printf '%s\n' "$saved" | sed 's/^[^ ]* [^ ]* //; s/ -o [^ ]* -- .*//')
# The dependency file of that command is not ours to write.
cflags=$(printf '%s\n' "$saved" | sed 's/^.* -o [^ ]* -- //; s/-Wp,-MMD,[^ ]* //')

# Names the kernel's bindings define in full. A struct that they only know by
# name (an opaque, empty one) is generated here; so are the numbered names of
# anonymous enums, whose numbers differ from run to run.
blocked=$output.blocked
awk '
	/^pub (struct|union) [A-Za-z0-9_]*\(/ { name = $3; sub(/\(.*/, "", name); print name; name = ""; next }
	/^pub (struct|union) .*\{\}$/ { name = $3; sub(/[^A-Za-z0-9_].*/, "", name); print name; name = ""; next }
	/^pub (struct|union) / { name = $3; sub(/[^A-Za-z0-9_].*/, "", name); opaque = 0; next }
	name != "" && /_unused: \[u8; 0usize\]/ { opaque = 1; next }
	name != "" && /^}/ { if (!opaque) print name; name = ""; next }
	/^pub type / { name = $3; sub(/[^A-Za-z0-9_].*/, "", name); print name; name = "" }
' "$kernel_bindings" | grep -v '^_bindgen_ty_' | sort -u >"$blocked"

trap 'rm -f "$blocked" "$blocked.re"' EXIT
{
	printf '^('
	tr '\n' '|' <"$blocked"
	printf '__unused)$'
} >"$blocked.re"

cd "$objtree"
# shellcheck disable=SC2086 # the flags are words on purpose
eval "$bindgen" "$header" "$flags" \
	--blocklist-type '"$(cat "$blocked.re")"' \
	--allowlist-file "'.*/net/bluetooth/[a-z_]*\\.h'" \
	--allowlist-file "'$include/.*'" \
	--allowlist-type "'proto|proto_ops|net_proto_family|msghdr|socket|sock|rfkill_ops|led_trigger|led_classdev|notifier_block|ucred|sockaddr_unsized|sockcm_cookie|proc_ops|seq_operations|device_type|class|device_attribute|attribute_group|sk_buff_head|pernet_operations|scm_.*'" \
	--allowlist-function "'(sk_|sock_|__sock_|skb_|__skb_|proto_|datagram_|rfkill_|led_|class_|device_|dev_|put_|get_device|kernel_|release_sock|lock_sock|alloc_|destroy_workqueue|__flush_work|__flush_workqueue|drain_workqueue|cancel_|disable_|enable_|queue_|mod_|flush_|(un)?register_|proc_|remove_proc|seq_|consume_skb|kfree|__alloc_skb|__pskb|pskb_|___pskb|__netdev_alloc|init_wait|prepare_to_wait|finish_wait|wait_woken|woken_wake|add_wait|remove_wait|__wake_up|schedule_timeout|complete|wait_for_completion|ida_|idr_|capable|ns_capable|file_ns_capable|netlink_net_capable|debugfs_|dput|dev_coredump|v(free|malloc)|vzalloc|synchronize_|call_rcu|kvfree|init_srcu|cleanup_srcu|__init_work|delayed_work_timer_fn|__mutex_init|mutex_|memcpy|_copy|copy_|import_|simple_|__put_|ktime_|jiffies_|__msecs|hex_|kobject_|module_|try_module|__module|security_sk|sockfs|pid_|__task_pid|get_task|__get_task|pm_|add_taint|init_timer|timer_|skip_|kmemdup|get_random_bytes|unregister).*'" \
	--allowlist-var "'(sock_|SOCK_|SK_|SO_|SOL_|MSG_|AF_|PF_|TCP_|BT_|BTPROTO_|HCI_|MGMT_|POLL|EPOLL|IOC|SIOC|CAP_|RFKILL_|LED_|PM_|GFP_|WQ_|WORK_|init_|jiffies|HZ|system_|NOTIFY_|THIS_|__this_module|SCM_|DPM_|KOBJ_|__HCI).*'" \
	-o "$output.tmp" -- "$cflags" -I"$include" -I"$include/../../include"
mv "$output.tmp" "$output"
