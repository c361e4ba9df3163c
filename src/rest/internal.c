/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of other workers (rest-api.md 9): what was signed and the signature go to the herder, which has the key. */
#include "config.h"

#include <string.h>

#include "base/mem.h"
#include "net/hmac.h"
#include "rest/rest_int.h"

static int base64_value(char c)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(letters, c) : NULL;
    return at ? (int)(at - letters) : -1;
}

static struct kaftan_error *bad_base64(const char *why)
{
    return kaftan_error_new(KAFTAN_E_INVALID, "%s", why);
}

/* As java.util.Base64's decoder reads and refuses: padding may be missing, and each fault has its text. */
struct kaftan_error *internal_decode(const char *text, size_t len, struct buf *ret)
{
    uint32_t bits = 0;
    size_t at = 0, held = 0; /* letters since the last whole group */
    if (len == 1)
        return bad_base64("Input byte[] should at least have 2 bytes for base64 bytes");
    for (; at < len && text[at] != '='; at++) {
        int value = base64_value(text[at]);
        if (value < 0)
            return kaftan_error_new(KAFTAN_E_INVALID, "Illegal base64 character %x", (unsigned)(unsigned char)text[at]);
        bits = bits << 6 | (unsigned)value;
        if (++held < 4)
            continue;
        buf_put(ret, (const char[]){ (char)(bits >> 16), (char)(bits >> 8), (char)bits }, 3);
        held = 0;
    }
    if (at < len) { /* '=' stands for the last letter, "==" for the last two */
        at++;
        if (held < 2 || (held == 2 && (at == len || text[at++] != '=')))
            return bad_base64("Input byte array has wrong 4-byte ending unit");
    }
    if (held == 1)
        return bad_base64("Last unit does not have enough valid bits");
    if (held == 2)
        buf_putc(ret, (char)(bits >> 4));
    else if (held == 3)
        buf_put(ret, (const char[]){ (char)(bits >> 10), (char)(bits >> 2) }, 2);
    return at == len ? NULL : kaftan_error_new(KAFTAN_E_INVALID, "Input byte array has incorrect ending byte at %zu", at);
}

static struct kaftan_error *decode_mac(const char *text, struct herder_proof *p)
{
    struct buf mac = BUF_INIT;
    struct kaftan_error *err = internal_decode(text, strlen(text), &mac);
    if (err) {
        buf_fini(&mac);
        return err;
    }
    p->mac_len = mac.len;
    p->mac = buf_take(&mac);
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
