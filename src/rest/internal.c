/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of other workers (rest-api.md 9): what was signed and the signature go to the herder, which has the key. */
#include "config.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "net/hmac.h"
#include "rest/rest_int.h"

static struct kaftan_error *decode_mac(const char *text, struct herder_proof *p)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    struct buf mac = BUF_INIT;
    size_t good = strspn(text, letters);
    if (text[good])
        return kaftan_error_new(KAFTAN_E_INVALID, "Illegal base64 character %x", (unsigned)(unsigned char)text[good]);
    if (!base64_decode(text, good, &mac)) {
        buf_fini(&mac);
        return kaftan_error_new(KAFTAN_E_INVALID, "Input byte array has wrong 4-byte ending unit");
    }
    p->mac_len = mac.len;
    p->mac = mac.len ? buf_take(&mac) : NULL;
    p->has_mac = true;
    return NULL;
}

/* Without both headers there is no proof: whether that matters, the herder knows. */
static struct kaftan_error *read_proof(struct exchange *x, struct herder_request *r)
{
    struct herder_proof *p = &r->proof;
    p->body_len = x->body.len;
    p->body = mem_memdup(x->body.data ? x->body.data : "", x->body.len);
    if (!x->signature || !x->signature_algorithm)
        return NULL;
    if (!hmac_known(x->signature_algorithm))
        return kaftan_error_new(KAFTAN_E_INVALID, "Algorithm %s not available", x->signature_algorithm);
    p->algorithm = mem_strdup(x->signature_algorithm);
    return decode_mac(x->signature, p);
}

static void ask(struct exchange *x, struct herder_request *r)
{
    struct kaftan_error *err = read_proof(x, r);
    const char *forward = uri_param(&x->uri, "forward");
    r->forward = forward ? uri_flag(&x->uri, "forward") : -1;
    if (err) {
        answer_err(x, err);
        kaftan_error_free(err);
        herder_request_free(r);
        return;
    }
    exchange_ask(x, r, REQUEST_TIMEOUT_MS);
}

void post_tasks(struct exchange *x)
{
    struct herder_request *r = herder_request_new(HERDER_PUT_TASKS, x->uri.segments[1]);
    struct kaftan_error *err = body_maps(x, &r->tasks, &r->task_count);
    if (!err) {
        ask(x, r);
        return;
    }
    answer_err(x, err);
    kaftan_error_free(err);
    herder_request_free(r);
}

void put_fence(struct exchange *x)
{
    ask(x, herder_request_new(HERDER_FENCE, x->uri.segments[1]));
}
