/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "group/member_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "kafka/jaas.h"
#include "net/sasl.h"
#include "net/tls_props.h"

void member_options_fini(struct member_options *o)
{
    for (size_t i = 0; i < o->bootstrap_count; i++)
        mem_free(o->bootstrap[i].host);
    mem_free(o->bootstrap);
    mem_free(o->group);
    mem_free(o->client_id);
    mem_free(o->url);
    kaftan_tls_unref(o->tls);
    mem_free(o->mechanism);
    mem_free(o->user);
    if (o->password)
        explicit_bzero(o->password, strlen(o->password));
    mem_free(o->password);
    oauth_close(o->oauth);
    *o = (struct member_options){ 0 };
}

static const char *given(const struct text_map *props, const char *key)
{
    const char *v = text_map_get(props, key);
    return v && *v ? v : NULL;
}

/* `host:port`, `[::1]:9092`; a scheme in front is ignored, as Java does. */
static struct kaftan_error *read_server(const char *text, struct member_options *o)
{
    const char *scheme = strstr(text, "://");
    const char *start = scheme ? scheme + 3 : text, *colon = strrchr(start, ':');
    int64_t port;
    size_t len = colon ? (size_t)(colon - start) : 0;
    if (!colon || len == 0 || !text_to_i64(colon + 1, strlen(colon + 1), &port) || port < 1 || port > UINT16_MAX)
        return kaftan_error_new(KAFTAN_E_INVALID, "Invalid value %s for configuration bootstrap.servers: expected host:port", text);
    if (len > 2 && start[0] == '[' && start[len - 1] == ']') {
        start++;
        len -= 2;
    }
    o->bootstrap = mem_realloc(o->bootstrap, o->bootstrap_count + 1, sizeof o->bootstrap[0]);
    o->bootstrap[o->bootstrap_count++] = (struct member_address){ mem_strndup(start, len), (int32_t)port };
    return NULL;
}

/* `http://host:8083/` -> `connect-host:8083` */
static char *client_id_of(const char *url)
{
    const char *scheme = strstr(url, "://");
    const char *start = scheme ? scheme + 3 : url;
    size_t len = strcspn(start, "/");
    return mem_printf("connect-%.*s", (int)len, start);
}

static int16_t protocol_of(const char *name)
{
    if (strcasecmp(name, "eager") == 0)
        return GROUP_EAGER;
    return strcasecmp(name, "compatible") == 0 ? GROUP_COMPATIBLE : GROUP_SESSIONED;
}

static struct kaftan_error *read_login(const struct text_map *props, const char *mechanism, struct member_options *o)
{
    struct jaas j = { 0 };
    bool found = false;
    if (!sasl_known(mechanism))
        return kaftan_error_new(KAFTAN_E_INVALID, "Invalid value %s for configuration sasl.mechanism: the worker group can be joined "
                                                  "with PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER", mechanism);
    struct kaftan_error *err = jaas_of(props, &j, &found);
    if (!err && strcmp(mechanism, "OAUTHBEARER") == 0) {
        o->mechanism = mem_strdup(mechanism);
        err = oauth_open(props, found ? j.options : NULL, &o->oauth);
        jaas_fini(&j);
        return err;
    }
    const char *user = found ? text_map_get(j.options, "username") : NULL;
    const char *password = found ? text_map_get(j.options, "password") : NULL;
    const char *delegation = found ? text_map_get(j.options, "tokenauth") : NULL;
    if (!err && (!user || !password))
        err = kaftan_error_new(KAFTAN_E_INVALID, "Invalid value %s for configuration sasl.jaas.config: a login module with username "
                                                 "and password is needed for %s", found ? "[hidden]" : "null", mechanism);
    if (!err) {
        o->mechanism = mem_strdup(mechanism);
        o->user = mem_strdup(user);
        o->password = mem_strdup(password);
        o->delegation = delegation && strcasecmp(delegation, "true") == 0;
    }
    jaas_fini(&j);
    return err;
}

static struct kaftan_error *read_security(const struct worker_config *c, struct member_options *o)
{
    const struct text_map *props = worker_config_props(c);
    const char *protocol = worker_values(c)->security_protocol, *mechanism = worker_values(c)->sasl_mechanism;
    struct kaftan_error *err = NULL;
    if (protocol && strcasestr(protocol, "SSL"))
        err = tls_of_props(props, &o->tls);
    if (!err && protocol && strcasestr(protocol, "SASL"))
        err = read_login(props, mechanism && *mechanism ? mechanism : "GSSAPI", o);
    return err;
}

static int32_t buffer_of(const struct text_map *props, const char *key, int32_t otherwise)
{
    const char *text = given(props, key);
    int64_t n;
    return text && text_to_i64(text, strlen(text), &n) && n >= -1 && n <= INT32_MAX ? (int32_t)n : otherwise;
}

struct kaftan_error *member_options_read(const struct worker_config *c, const char *url, struct member_options *ret)
{
    const struct worker_values *v = worker_values(c);
    struct kaftan_error *err = NULL;
    struct member_options o = {
        .group = mem_strdup(v->group_id),
        .client_id = v->client_id && *v->client_id ? mem_strdup(v->client_id) : client_id_of(url),
        .url = mem_strdup(url),
        .protocol = protocol_of(v->connect_protocol),
        .session_ms = v->session_timeout_ms,
        .heartbeat_ms = v->heartbeat_ms,
        .rebalance_ms = v->rebalance_timeout_ms,
        .request_ms = v->request_timeout_ms,
        .connect_ms = (int32_t)(v->connect_timeout_ms < INT32_MAX ? v->connect_timeout_ms : INT32_MAX),
        .retry_ms = v->retry_backoff_ms,
        .retry_max_ms = v->retry_backoff_max_ms,
        .reconnect_ms = v->reconnect_backoff_ms,
        .reconnect_max_ms = v->reconnect_backoff_max_ms,
        .delay_max_ms = v->rebalance_delay_max_ms,
        .receive_buffer = buffer_of(worker_config_props(c), "receive.buffer.bytes", 32768),
        .send_buffer = buffer_of(worker_config_props(c), "send.buffer.bytes", 131072),
    };
    for (size_t i = 0; i < v->bootstrap_servers.count && !err; i++)
        err = read_server(v->bootstrap_servers.items[i], &o);
    if (!err && o.bootstrap_count == 0)
        err = kaftan_error_new(KAFTAN_E_INVALID, "Invalid value for configuration bootstrap.servers: no server is named");
    if (!err)
        err = read_security(c, &o);
    if (err)
        member_options_fini(&o);
    else
        *ret = o;
    return err;
}
