#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fails when a room includes a room that src/LAYERS does not allow, or another room's *_int.h.
set -eu
cd "${srcdir:-.}/src"
find . -name '*.[ch]' | while read -r f; do
	room=${f#./}; room=${room%%/*}
	sed -n 's|^#[ ]*include "\([a-z]*\)/\([^"]*\)".*|\1 \2|p' "$f" | while read -r dep hdr; do
		[ "$dep" = "$room" ] && continue
		case $hdr in *_int.h) echo "$f: private header $dep/$hdr"; exit 1 ;; esac
		grep -Eq "^$room:(.* )?$dep( |\$)" LAYERS || { echo "$f: $room may not include $dep"; exit 1; }
	done
done
