# SPDX-License-Identifier: Apache-2.0
net_sources =
src_kaftan_SOURCES += $(net_sources)
check_LIBRARIES += src/libnet.a
src_libnet_a_SOURCES = $(net_sources)
net_libs = src/libnet.a src/libbase.a
