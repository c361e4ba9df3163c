/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFTAN_LOG_H
#define KAFTAN_LOG_H
/*
 * Log lines of a plugin. Connector and task are added from the thread; the
 * logger is the plugin's (`/admin/loggers` shows `plugin.<name>.<module>`).
 * Payloads are logged by size. Thread: any.
 */
#include <kaftan/abi.h>
#include <kaftan/error.h>

enum kaftan_log_level { KAFTAN_LOG_TRACE, KAFTAN_LOG_DEBUG, KAFTAN_LOG_INFO, KAFTAN_LOG_WARN, KAFTAN_LOG_ERROR };

KAFTAN_API bool kaftan_log_enabled(const char *logger, enum kaftan_log_level level);
KAFTAN_API void kaftan_log(const char *logger, enum kaftan_log_level level, const char *fmt, ...) KAFTAN_PRINTF(3, 4);

#endif
