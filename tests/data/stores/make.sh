#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the stores of this directory anew with openssl and keytool. Run here; every password is `secret`, key passwords `keysecret` where they differ.
set -eu
# An authority, a server (names: localhost, 127.0.0.1, ::1), a client, a second client.
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 36500 -subj '/CN=Test Authority' -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
leaf() { # leaf NAME SUBJECT SAN
	openssl req -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj "$2"
	printf 'subjectAltName=%s\n' "$3" > "$1.ext"
	openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 36500 -extfile "$1.ext" -out "$1.pem"
	rm "$1.csr" "$1.ext"
}
leaf server '/CN=Test Server' 'DNS:localhost,IP:127.0.0.1,IP:::1'
leaf other '/CN=Other Server' 'DNS:other.example'
leaf client '/CN=Test Client' 'DNS:client.example'
leaf second '/CN=Second Client' 'DNS:second.example'
: > index.txt
printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ndefault_md=sha256\ndefault_crl_days=36500\n' > ca.conf
openssl ca -config ca.conf -gencrl -keyfile ca.key -cert ca.pem -out empty.crl
openssl ca -config ca.conf -revoke server.pem -keyfile ca.key -cert ca.pem
openssl ca -config ca.conf -gencrl -keyfile ca.key -cert ca.pem -out revoked.crl
rm -f index.txt* ca.conf ca.srl
cat client.key client.pem ca.pem > client-all.pem
openssl pkcs8 -topk8 -in client.key -passout pass:keysecret -out client-sealed.key
cat client.pem ca.pem client-sealed.key > client-sealed.pem
cat second.pem client.key > mismatch.pem
openssl pkcs12 -export -in client.pem -inkey client.key -certfile ca.pem -name client -passout pass:secret -out client.p12
openssl pkcs12 -export -in client.pem -inkey client.key -name client -passout pass: -out client-nopass.p12
openssl pkcs12 -export -legacy -certpbe PBE-SHA1-RC2-40 -in client.pem -inkey client.key -name client -passout pass:secret -out rc2.p12
openssl pkcs12 -export -in second.pem -inkey second.key -certfile ca.pem -name second -passout pass:secret -out second.p12
keytool -importkeystore -srckeystore client.p12 -srcstorepass secret -srcalias client -destkeystore client.jks -deststoretype JKS -deststorepass secret -destkeypass keysecret -noprompt
keytool -importkeystore -srckeystore client.p12 -srcstorepass secret -srcalias client -destkeystore client.jceks -deststoretype JCEKS -deststorepass secret -noprompt
keytool -importcert -alias authority -file ca.pem -keystore trust.jks -storetype JKS -storepass secret -noprompt
keytool -importcert -alias authority -file ca.pem -keystore trust-pkcs12.jks -storetype PKCS12 -storepass secret -noprompt
cp client.jks two.jks
keytool -importkeystore -srckeystore second.p12 -srcstorepass secret -srcalias second -destkeystore two.jks -deststoretype JKS -deststorepass secret -destkeypass keysecret -noprompt
keytool -importkeystore -srckeystore client.p12 -srcstorepass secret -destkeystore two.p12 -deststoretype PKCS12 -deststorepass secret -noprompt
keytool -importkeystore -srckeystore second.p12 -srcstorepass secret -destkeystore two.p12 -deststoretype PKCS12 -deststorepass secret -noprompt
rm -f second.p12 client-sealed.key second.key ca.key
