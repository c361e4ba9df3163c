# SPDX-License-Identifier: Apache-2.0
kaftanincludedir = $(includedir)/kaftan
kaftaninclude_HEADERS = %D%/kaftan/abi.h %D%/kaftan/config.h %D%/kaftan/connector.h %D%/kaftan/data.h \
	%D%/kaftan/error.h %D%/kaftan/log.h %D%/kaftan/metrics.h %D%/kaftan/plugin.h %D%/kaftan/record.h \
	%D%/kaftan/sink.h %D%/kaftan/source.h %D%/kaftan/stream.h %D%/kaftan/task.h %D%/kaftan/transform.h
