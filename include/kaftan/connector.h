/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFTAN_CONNECTOR_H
#define KAFTAN_CONNECTOR_H
/* Everything a connector's source file needs, in one include. */
#include <kaftan/config.h>
#include <kaftan/data.h>
#include <kaftan/error.h>
#include <kaftan/log.h>
#include <kaftan/metrics.h>
#include <kaftan/plugin.h>
#include <kaftan/record.h>
#include <kaftan/sink.h>
#include <kaftan/source.h>
#include <kaftan/stream.h>
#include <kaftan/task.h>
#include <kaftan/transform.h>

#endif
