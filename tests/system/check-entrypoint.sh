#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The image's entry point without an image: the names it makes of variables, the values it must escape, what it demands.
set -eu
entrypoint=${srcdir:-.}/docker/entrypoint
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
clean() { env -i PATH="$work:$PATH" KAFTAN_PROPERTIES="$work/worker.properties" "$@"; }

want=$(printf '%s\n' 'a-b=dash' 'a_b=underscore' 'config.providers.file.param.x=\\d+=1' 'group.id=my group' 'listeners=http://:8083' \
	'note=\ leading' 'sasl.jaas.config=line one\nline "two"')
got=$(clean CONNECT_GROUP_ID='my group' CONNECT_A__B=dash CONNECT_A___B=underscore CONNECT_LOG4J_LOGGERS=x=INFO CONNECT_LISTENERS=http://:8083 \
	CONNECT_NOTE=' leading' CONNECT_CONFIG_PROVIDERS_FILE_PARAM_X='\d+=1' CONNECT_SASL_JAAS_CONFIG='line one
line "two"' OTHER=ignored connect_small=ignored sh "$entrypoint" --print)
[ "$got" = "$want" ] || { printf 'found:\n%s\nwanted:\n%s\n' "$got" "$want"; exit 1; }

printf '#!/bin/sh\nprintf "%%s|" "$@"\ncat "$3"\n' > "$work/kaftan"
chmod +x "$work/kaftan"
if clean sh "$entrypoint" > "$work/out" 2>&1; then echo "started without brokers"; exit 1; fi
grep -q CONNECT_BOOTSTRAP_SERVERS "$work/out"
if clean CONNECT_BOOTSTRAP_SERVERS=k:9092 sh "$entrypoint" > "$work/out" 2>&1; then echo "started without a group"; exit 1; fi
grep -q CONNECT_GROUP_ID "$work/out"
clean CONNECT_BOOTSTRAP_SERVERS=k:9092 CONNECT_GROUP_ID=g CONNECT_CONFIG_STORAGE_TOPIC=c CONNECT_OFFSET_STORAGE_TOPIC=o \
	CONNECT_STATUS_STORAGE_TOPIC=s sh "$entrypoint" > "$work/out"
grep -q "^--log-level=INFO|distributed|$work/worker.properties|" "$work/out"
for line in bootstrap.servers=k:9092 config.storage.topic=c value.converter=org.apache.kafka.connect.converters.ByteArrayConverter; do
	grep -Fq "$line" "$work/out" || { echo "no $line"; cat "$work/out"; exit 1; }
done
clean CONNECT_BOOTSTRAP_SERVERS=k:9092 CONNECT_GROUP_ID=g CONNECT_CONFIG_STORAGE_TOPIC=c CONNECT_OFFSET_STORAGE_TOPIC=o \
	CONNECT_STATUS_STORAGE_TOPIC=s CONNECT_LOG4J_ROOT_LOGLEVEL=ALL sh "$entrypoint" > "$work/out"
grep -q "^--log-level=TRACE|" "$work/out"
[ "$(clean sh "$entrypoint" echo other)" = other ]
