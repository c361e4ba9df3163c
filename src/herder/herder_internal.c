/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that one worker makes of another (rest-api.md 9), and levels of
 * loggers for the whole group. A proof is looked at before anything else is
 * said about the cluster, and only in a sessioned group.
 */
#include "config.h"

#include "herder/herder_int.h"

#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/log.h"
#include "net/hmac.h"

static bool sessioned(const struct herder *h)
{
    if (!h->distributed)
        return false;
    if (h->assignment)
        return h->assignment->protocol == 2;
    return strcasecmp(h->values->connect_protocol, "sessioned") == 0;
}

static struct kaftan_error *not_accepted(const struct kaftan_list *accepted, const char *algorithm)
{
    struct kaftan_error *err;
    struct buf list = BUF_INIT;
    for (size_t i = 0; i < accepted->count; i++)
        buf_printf(&list, "%s%s", i ? ", " : "", accepted->items[i]);
    err = kaftan_error_new(KAFTAN_E_INVALID,
                           "This worker does not support the '%s' key signing algorithm used by other workers. This worker is "
                           "currently configured to use: [%s]. Check that all workers' configuration files permit the same set of "
                           "signature algorithms, and correct any misconfigured worker and restart it.",
                           algorithm, buf_text(&list));
    buf_fini(&list);
    return err;
}

static struct kaftan_error *check_mac(struct herder *h, const struct herder_proof *p)
{
    struct buf mac = BUF_INIT;
    struct kaftan_error *err =
        hmac_sign(p->algorithm, h->key.key, (struct kaftan_slice){ p->body, p->body_len }, &mac);
    if (!err && !hmac_equal(buf_slice(&mac), (struct kaftan_slice){ p->mac, p->mac_len }))
        err = kaftan_error_new(KAFTAN_E_FORBIDDEN, "Internal request contained invalid signature.");
    buf_fini(&mac);
    return err;
}

static struct kaftan_error *check_proof(struct herder *h, const struct herder_proof *p)
{
    const struct kaftan_list *accepted = &h->values->verification_algorithms;
    bool known = false;
    if (!sessioned(h))
        return NULL;
    if (!p->algorithm || !p->has_mac)
        return kaftan_error_new(KAFTAN_E_INVALID, "Internal request missing required signature");
    for (size_t i = 0; i < accepted->count; i++)
        known = known || strcmp(accepted->items[i], p->algorithm) == 0;
    if (!known)
        return not_accepted(accepted, p->algorithm);
    if (!h->key.key.len)
        return kaftan_error_new(KAFTAN_E_UNAVAILABLE, "This worker is still starting up and has not been able to read a session key "
                                                      "from the config topic yet");
    return check_mac(h, p);
}

static enum op_verdict refuse(struct herder *h, struct op *op, struct kaftan_error *err)
{
    op_finish(h, op, err);
    return OP_TAKEN;
}

/* True: go on with *ret (counted). False: *verdict says whether it waits or was taken. */
static bool admit(struct herder *h, struct op *op, const struct snapshot **ret, enum op_verdict *verdict)
{
    if (!op->valid) {
        struct kaftan_error *err = check_proof(h, &op->r->proof);
        if (err) {
            *verdict = refuse(h, op, err);
            return false;
        }
        op->valid = true; /* a key that is changed while it waits for its turn does not matter any more */
    }
    if (!op_leads(h, op, verdict))
        return false;
    *ret = store_snapshot(h->store);
    if (*ret && snapshot_find(*ret, op->connector))
        return true;
    snapshot_unref(*ret);
    *verdict = refuse(h, op, kaftan_error_new(KAFTAN_E_NOT_FOUND, "Connector %s not found", op->r->connector));
    return false;
}

enum op_verdict run_put_tasks(struct herder *h, struct op *op)
{
    const struct snapshot *s;
    enum op_verdict verdict;
    bool stopped;
    if (!h->distributed)
        return refuse(h, op, kaftan_error_new(KAFTAN_E_INTERNAL, "Kafka Connect in standalone mode does not support externally "
                                                                 "setting task configurations."));
    if (!admit(h, op, &s, &verdict))
        return verdict;
    stopped = snapshot_find(s, op->connector)->target == TARGET_STOPPED;
    snapshot_unref(s);
    /* An error, for the owner may know already what is not read here yet: that it has been resumed. It tries again. */
    if (stopped && op->r->task_count > 0)
        return refuse(h, op, kaftan_error_new(KAFTAN_E_INVALID, "Cannot submit non-empty set of task configs for stopped connector %s",
                                              op->r->connector));
    store_put_tasks(h->store, op->connector, op->r->tasks, op->r->task_count, op_store(h, op, op_finish));
    return OP_TAKEN;
}

enum op_verdict run_fence(struct herder *h, struct op *op)
{
    const struct plugin_class *class;
    const struct snapshot *s;
    const char *name;
    enum op_verdict verdict;
    if (!h->distributed)
        return refuse(h, op, kaftan_error_new(KAFTAN_E_INTERNAL, "Kafka Connect in standalone mode does not support exactly-once "
                                                                 "source connectors."));
    if (!admit(h, op, &s, &verdict))
        return verdict;
    name = text_map_get(snapshot_find(s, op->connector)->config, "connector.class");
    class = name ? registry_connector(h->registry, name) : NULL;
    snapshot_unref(s);
    if (class && class->type != PLUGIN_SOURCE)
        return refuse(h, op, kaftan_error_new(KAFTAN_E_INVALID, "Connector %s is not a source connector", op->r->connector));
    return refuse(h, op, kaftan_error_new(KAFTAN_E_INTERNAL, "This worker leads the group and does not support exactly-once source "
                                                             "connectors: connector %s cannot be fenced", op->r->connector));
}

enum op_verdict run_logger(struct herder *h, struct op *op)
{
    enum log_level level;
    if (h->distributed) {
        store_put_logger_level(h->store, op->r->logger, op->r->level, op_store(h, op, op_finish));
        return OP_TAKEN;
    }
    if (!log_level_parse(op->r->level, &level))
        return refuse(h, op, kaftan_error_new(KAFTAN_E_NOT_FOUND, "invalid log level '%s'.", op->r->level));
    (void)log_set_level(op->r->logger, level);
    return refuse(h, op, NULL);
}
