#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Who may include what: rooms by src/LAYERS, private headers (*_int.h) in their room, a foreign library in its home,
# connectors nothing but the SDK and their own; and header guards named after the file.
set -eu
cd "${srcdir:-.}"
find src connectors include tests -name '*.[ch]' -print | LC_ALL=C sort | xargs awk '
BEGIN {
	while ((getline line < "src/LAYERS") > 0) {
		if (line ~ /^#/ || split(line, part, ":") < 2)
			continue
		room = part[1]
		rooms[room] = 1
		allowed[room, room] = 1
		n = split(part[2], names, " ")
		for (i = 1; i <= n; i++)
			allowed[room, names[i]] = 1
	}
	home["librdkafka/"] = "^src/kafka/"
	home["rdkafka"] = "^src/kafka/"
	home["microhttpd.h"] = "^src/rest/"
	home["curl/"] = "^src/net/"
	home["openssl/"] = "^src/net/"
	home["pcre2"] = "^src/base/regex"
	home["jansson.h"] = "^src/(rest|convert|store|herder|net)/"
	home["MQTT"] = "^tests/"
	home["criterion/"] = "^tests/"
}
function bad(text) { printf "%s:%d: %s\n", FILENAME, FNR, text; failed = 1 }
function end_of_file() {
	if (header != "" && guard_state < 2) {
		printf "%s: no header guard\n", header
		failed = 1
	}
}
FNR == 1 {
	end_of_file()
	header = FILENAME ~ /\.h$/ ? FILENAME : ""
	guard_state = 0
	split(FILENAME, dirs, "/")
	top = dirs[1]
	room = top == "src" ? dirs[2] : ""
	if (room != "" && !(room in rooms))
		bad("room " room " is not in src/LAYERS")
}
header != "" && guard_state == 1 {
	if ($1 == "#define" && $2 == guard)
		guard_state = 2
	else
		bad("#define " guard " expected after #ifndef")
	guard_state = 2
}
header != "" && guard_state == 0 && $1 == "#ifndef" {
	guard = $2
	guard_state = 1
	name = FILENAME
	sub(/.*\//, "", name)
	name = toupper(name)
	gsub(/[^A-Z0-9]/, "_", name)
	if (top != "tests" && substr(guard, length(guard) - length(name) + 1) != name)
		bad("guard " guard " does not end in " name)
	if (top != "tests" && (guard in guards))
		bad("guard " guard " is also that of " guards[guard])
	guards[guard] = FILENAME
}
/^[ \t]*#[ \t]*include[ \t]*[<"]/ {
	where = $0
	sub(/^[ \t]*#[ \t]*include[ \t]*/, "", where)
	quoted = substr(where, 1, 1) == "\""
	where = substr(where, 2)
	sub(/[>"].*/, "", where)
	for (h in home)
		if (index(where, h) == 1 && FILENAME !~ home[h] && top != "tests")
			bad(where " has its home elsewhere: " home[h])
	if (top == "include" && !(where ~ /^kaftan\// || where ~ /^std(bool|def|int|arg)\.h$/))
		bad("an SDK header may include ISO C and <kaftan/...> only: " where)
	if (!quoted)
		next
	dir = where
	other = sub(/\/.*/, "", dir)
	if (top == "connectors" && other)
		bad("a connector sees <kaftan/...> and its own headers only: " where)
	if (top == "src" && where != "config.h") {
		if (!other)
			bad("say the room: " where)
		else if (!(dir in rooms))
			bad("no room: " where)
		else if (!((room, dir) in allowed))
			bad(room " may not include " dir ": " where)
		else if (dir != room && where ~ /_int\.h$/)
			bad("a private header of " dir ": " where)
	}
}
END { end_of_file(); exit failed }
'
