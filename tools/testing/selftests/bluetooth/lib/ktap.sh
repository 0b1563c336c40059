# SPDX-License-Identifier: GPL-2.0
#
# KTAP for the shell tests in this folder. They must run outside a kernel tree, too, so this
# does not use kselftest's own helpers.

KSFT_PASS=0
KSFT_FAIL=1
KSFT_SKIP=4

_number=0
_failed=0
_passed=0
_skipped=0

ktap_skip_all() {
	echo "TAP version 13"
	echo "1..0 # SKIP $*"
	exit $KSFT_SKIP
}

# ktap_plan COUNT
ktap_plan() {
	echo "TAP version 13"
	echo "1..$1"
}

ktap_pass() {
	_number=$((_number + 1))
	_passed=$((_passed + 1))
	echo "ok $_number $1"
}

# ktap_fail NAME [REASON]: the reason's lines become comments
ktap_fail() {
	_number=$((_number + 1))
	_failed=$((_failed + 1))
	[ -z "${2:-}" ] || echo "$2" | sed 's/^/# /'
	echo "not ok $_number $1"
}

ktap_skip() {
	_number=$((_number + 1))
	_skipped=$((_skipped + 1))
	echo "ok $_number $1 # SKIP ${2:-}"
}

ktap_end() {
	echo "# Totals: pass:$_passed fail:$_failed xfail:0 xpass:0 skip:$_skipped error:0"
	[ "$_failed" -eq 0 ] || exit $KSFT_FAIL
	exit $KSFT_PASS
}

# Which stack modprobe takes: $STACK or $OX_STACK says so, or the module does, by its author.
bt_stack() {
	case "${STACK:-${OX_STACK:-}}" in
	rust | c) echo "${STACK:-$OX_STACK}" ;;
	*) modinfo -F author bluetooth 2>/dev/null | grep -q Oxtooth && echo rust || echo c ;;
	esac
}

# The kernel log's lines since ktap_mark.
ktap_mark() {
	echo "selftest mark $$ ${_mark_number:=0}" >/dev/kmsg
	_mark="selftest mark $$ $_mark_number"
	_mark_number=$((_mark_number + 1))
}

ktap_log() {
	dmesg | sed -n "/$_mark\$/,\$p" | sed 1d
}

# What no log may hold.
ktap_splats() {
	ktap_log | grep -E '\bBUG: |\bWARNING: |kernel BUG at |\bKASAN: |\bUBSAN: |\bOops\b|general protection|possible recursive locking|circular locking|inconsistent lock state|bad unlock balance|Invalid wait context|suspicious RCU|blocked for more than|refcount_t: |\bODEBUG: |list_(add|del) corruption|rust_kernel: panicked|scheduling while atomic|sleeping function called from invalid' |
		grep -vE 'Use of (un)?signed'
}
