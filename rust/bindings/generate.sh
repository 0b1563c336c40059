#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# generate.sh OBJTREE HEADER INCLUDE OUTPUT [ALLOW [FLAGS...]]
#
# Runs bindgen over HEADER with the flags that built the kernel's own bindings
# in OBJTREE, and leaves out what those already define: `kernel_ext::bindings`
# imports that from the kernel crate, so a `struct sk_buff` is one type.
#
# ALLOW holds bindgen's options for what to generate, one a line; without it, what
# kernel_ext needs is. FLAGS are further ones for clang.
set -eu

objtree=$1 header=$2 include=$3 output=$4 allow=${5-}
shift $(($# < 5 ? $# : 5))
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

allowed=$(grep -v '^#' "${allow:-$(dirname "$0")/core.allow}" | tr '\n' ' ')

cd "$objtree"
# shellcheck disable=SC2086 # the flags are words on purpose
eval "$bindgen" "$header" "$flags" \
	--blocklist-type '"$(cat "$blocked.re")"' \
	"$allowed" \
	-o "$output.tmp" -- "$cflags" -I"$include" -I"$include/../../include" "$@"
mv "$output.tmp" "$output"
