# SPDX-License-Identifier: Apache-2.0
net_sources = %D%/address.c %D%/address.h %D%/dial.c %D%/dial.h %D%/digest.c %D%/http.c %D%/http.h %D%/hmac.c %D%/hmac.h \
	%D%/jks.c %D%/jks.h %D%/oauth.c %D%/oauth.h %D%/oauth_config.c %D%/oauth_int.h %D%/oauth_token.c %D%/resolve.c %D%/resolve.h %D%/sasl.c %D%/sasl.h %D%/store.c %D%/store.h %D%/store_int.h \
	%D%/store_jks.c %D%/store_pem.c %D%/store_pkcs12.c %D%/stream.c %D%/tls.c %D%/tls_ctx_int.h \
	%D%/tls_int.h %D%/tls_props.c %D%/tls_props.h %D%/tls_session.c
src_kaftan_SOURCES += $(net_sources)
check_LIBRARIES += src/libnet.a
src_libnet_a_SOURCES = $(net_sources)
net_libs = src/libnet.a src/libbase.a
