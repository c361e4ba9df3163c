/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "net/sasl.h"

#include <limits.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "net/hmac.h"

enum { ITERATIONS_LEAST = 4096, ITERATIONS_MOST = 10000000, SALT_LIMIT = 1024, NONCE_BYTES = 18 };

enum mechanism { PLAIN, SCRAM_SHA_256, SCRAM_SHA_512, OAUTHBEARER };

struct sasl {
    enum mechanism mechanism;
    int step;
    char *user, *password, *token; /* owned; cleared when freed */
    struct text_map *extensions;   /* owned reference */
    bool delegation;
    char *nonce;                   /* owned */
    struct buf first;              /* SCRAM: client-first-message-bare */
    struct buf signature;          /* SCRAM: what the server has to say in the end */
};

static const char *const names[] = { [PLAIN] = "PLAIN", [SCRAM_SHA_256] = "SCRAM-SHA-256", [SCRAM_SHA_512] = "SCRAM-SHA-512",
                                     [OAUTHBEARER] = "OAUTHBEARER" };

static bool find(const char *name, enum mechanism *ret)
{
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(names[i], name) == 0) {
            *ret = (enum mechanism)i;
            return true;
        }
    return false;
}

bool sasl_known(const char *mechanism)
{
    enum mechanism m;
    return find(mechanism, &m);
}

const char *sasl_mechanism(const struct sasl *s)
{
    return names[s->mechanism];
}

static void secret_clear(char *s)
{
    if (s)
        explicit_bzero(s, strlen(s));
    mem_free(s);
}

static void buf_wipe(struct buf *b)
{
    if (b->data)
        explicit_bzero(b->data, b->cap);
    buf_fini(b);
}

void sasl_free(struct sasl *s)
{
    if (!s)
        return;
    secret_clear(s->user);
    secret_clear(s->password);
    secret_clear(s->token);
    text_map_unref(s->extensions);
    mem_free(s->nonce);
    buf_fini(&s->first);
    buf_wipe(&s->signature);
    mem_free(s);
}

static char *nonce_new(void)
{
    unsigned char bytes[NONCE_BYTES];
    struct buf text = BUF_INIT;
    random_bytes(bytes, sizeof bytes);
    base64_put(&text, bytes, sizeof bytes); /* printable, and without a comma */
    return buf_take(&text);
}

struct kaftan_error *sasl_new(const struct sasl_login *l, struct sasl **ret)
{
    enum mechanism m;
    if (!find(l->mechanism, &m))
        return kaftan_error_new(KAFTAN_E_INVALID, "the SASL mechanism %s is not supported: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and "
                                                  "OAUTHBEARER are", l->mechanism);
    if (m == OAUTHBEARER ? !l->token : !l->user || !l->password)
        return kaftan_error_new(KAFTAN_E_INVALID, "SASL %s needs %s", l->mechanism, m == OAUTHBEARER ? "a token" : "a user and a password");
    struct sasl *s = mem_zalloc(1, sizeof *s);
    s->mechanism = m;
    s->user = l->user ? mem_strdup(l->user) : NULL;
    s->password = l->password ? mem_strdup(l->password) : NULL;
    s->token = l->token ? mem_strdup(l->token) : NULL;
    s->extensions = l->extensions ? text_map_copy(l->extensions) : NULL;
    s->delegation = l->delegation;
    s->nonce = l->nonce ? mem_strdup(l->nonce) : nonce_new();
    *ret = s;
    return NULL;
}

static struct kaftan_error *refused(const struct sasl *s, const char *why)
{
    return kaftan_error_new(KAFTAN_E_FORBIDDEN, "SASL %s: %s", names[s->mechanism], why);
}

/* ---- RFC 4616 ---- */

static struct kaftan_error *step_plain(struct sasl *s, struct buf *ret, bool *ret_done)
{
    *ret_done = s->step > 0;
    if (s->step == 0) {
        buf_putc(ret, '\0');
        buf_puts(ret, s->user);
        buf_putc(ret, '\0');
        buf_puts(ret, s->password);
    }
    return NULL;
}

/* ---- RFC 7628 ---- */

static struct kaftan_error *step_bearer(struct sasl *s, struct kaftan_slice server, struct buf *ret, bool *ret_done)
{
    const char *key, *value;
    *ret_done = s->step > 0;
    if (s->step > 0) {
        if (server.len == 0)
            return NULL;
        int shown = server.len < 200 ? (int)server.len : 200;
        return kaftan_error_new(KAFTAN_E_FORBIDDEN, "SASL OAUTHBEARER: the broker refuses the token: %.*s", shown, server.ptr);
    }
    buf_puts(ret, "n,,\001auth=Bearer ");
    buf_puts(ret, s->token);
    for (size_t i = 0; s->extensions && text_map_at(s->extensions, &i, &key, &value);)
        buf_printf(ret, "\001%s=%s", key, value ? value : "");
    buf_puts(ret, "\001\001");
    return NULL;
}

/* ---- RFC 5802 ---- */

static const EVP_MD *hash_of(const struct sasl *s)
{
    return s->mechanism == SCRAM_SHA_256 ? EVP_sha256() : EVP_sha512();
}

static void put_user(struct buf *b, const char *user)
{
    for (const char *p = user; *p; p++) {
        if (*p == '=')
            buf_puts(b, "=3D");
        else if (*p == ',')
            buf_puts(b, "=2C");
        else
            buf_putc(b, *p);
    }
}

static void put_first(struct sasl *s, struct buf *ret)
{
    buf_puts(&s->first, "n=");
    put_user(&s->first, s->user);
    buf_printf(&s->first, ",r=%s%s", s->nonce, s->delegation ? ",tokenauth=true" : "");
    buf_puts(ret, "n,,");
    buf_put_slice(ret, buf_slice(&s->first));
}

/* The value of `name=` in a comma separated message; false: not there. */
static bool attribute(struct kaftan_slice message, char name, struct kaftan_slice *ret)
{
    const char *p = message.ptr, *end = message.ptr + message.len;
    while (p < end) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        const char *stop = comma ? comma : end;
        if (stop - p >= 2 && p[0] == name && p[1] == '=') {
            *ret = (struct kaftan_slice){ p + 2, (size_t)(stop - p - 2) };
            return true;
        }
        p = stop + 1;
    }
    return false;
}

struct keys {
    unsigned char salted[EVP_MAX_MD_SIZE], client[EVP_MAX_MD_SIZE], stored[EVP_MAX_MD_SIZE], server[EVP_MAX_MD_SIZE];
    unsigned size;
};

static void mac(const EVP_MD *md, const unsigned char *key, unsigned key_len, const void *data, size_t len, unsigned char *ret)
{
    ASSERT(HMAC(md, key, (int)key_len, data, len, ret, NULL));
}

static void derive(const struct sasl *s, const struct buf *salt, int iterations, struct keys *k)
{
    const EVP_MD *md = hash_of(s);
    k->size = (unsigned)EVP_MD_get_size(md);
    ASSERT(PKCS5_PBKDF2_HMAC(s->password, (int)strlen(s->password), (const unsigned char *)salt->data, (int)salt->len, iterations, md,
                             (int)k->size, k->salted) == 1);
    mac(md, k->salted, k->size, "Client Key", strlen("Client Key"), k->client);
    mac(md, k->salted, k->size, "Server Key", strlen("Server Key"), k->server);
    ASSERT(EVP_Digest(k->client, k->size, k->stored, NULL, md, NULL) == 1);
}

static void put_final(struct sasl *s, struct kaftan_slice server, struct kaftan_slice nonce, const struct buf *salt, int iterations,
                      struct buf *ret)
{
    unsigned char proof[EVP_MAX_MD_SIZE], signature[EVP_MAX_MD_SIZE];
    struct buf message = BUF_INIT; /* AuthMessage */
    struct keys k;
    derive(s, salt, iterations, &k);
    buf_put_slice(&message, buf_slice(&s->first));
    buf_putc(&message, ',');
    buf_put_slice(&message, server);
    buf_puts(&message, ",c=biws,r=");
    buf_put_slice(&message, nonce);
    mac(hash_of(s), k.stored, k.size, message.data, message.len, proof);
    for (unsigned i = 0; i < k.size; i++)
        proof[i] ^= k.client[i];
    mac(hash_of(s), k.server, k.size, message.data, message.len, signature);
    buf_put(&s->signature, signature, k.size);
    buf_puts(ret, "c=biws,r=");
    buf_put_slice(ret, nonce);
    buf_puts(ret, ",p=");
    base64_put(ret, proof, k.size);
    buf_fini(&message);
    explicit_bzero(&k, sizeof k);
}

static struct kaftan_error *read_first(struct sasl *s, struct kaftan_slice server, struct buf *ret)
{
    struct kaftan_slice nonce, salt_text, count_text;
    struct buf salt = BUF_INIT;
    size_t own = strlen(s->nonce);
    struct kaftan_error *err = NULL;
    int64_t count;
    if (!attribute(server, 'r', &nonce) || !attribute(server, 's', &salt_text) || !attribute(server, 'i', &count_text))
        return refused(s, "the broker's first answer cannot be read");
    if (nonce.len <= own || memcmp(nonce.ptr, s->nonce, own) != 0)
        return refused(s, "the broker's nonce does not begin with ours");
    if (!text_to_i64(count_text.ptr, count_text.len, &count) || count < ITERATIONS_LEAST || count > ITERATIONS_MOST)
        return refused(s, "the broker's number of iterations is not between 4096 and 10000000");
    if (salt_text.len > SALT_LIMIT || !base64_decode(salt_text.ptr, salt_text.len, &salt) || !salt.len)
        err = refused(s, "the broker's salt cannot be read");
    else
        put_final(s, server, nonce, &salt, (int)count, ret);
    buf_fini(&salt);
    return err;
}

static struct kaftan_error *read_last(const struct sasl *s, struct kaftan_slice server)
{
    struct kaftan_slice value;
    struct buf signature = BUF_INIT;
    struct kaftan_error *err = NULL;
    if (attribute(server, 'e', &value)) {
        int shown = value.len < 100 ? (int)value.len : 100;
        return kaftan_error_new(KAFTAN_E_FORBIDDEN, "SASL %s: the broker says %.*s", names[s->mechanism], shown, value.ptr);
    }
    if (!attribute(server, 'v', &value) || !base64_decode(value.ptr, value.len, &signature) ||
        !hmac_equal(buf_slice(&signature), buf_slice(&s->signature)))
        err = refused(s, "the broker does not know the password it should know");
    buf_fini(&signature);
    return err;
}

static struct kaftan_error *step_scram(struct sasl *s, struct kaftan_slice server, struct buf *ret, bool *ret_done)
{
    if (s->step == 0) {
        put_first(s, ret);
        return NULL;
    }
    if (s->step == 1)
        return read_first(s, server, ret);
    *ret_done = true;
    return s->step == 2 ? read_last(s, server) : refused(s, "the broker goes on after the end");
}

struct kaftan_error *sasl_step(struct sasl *s, struct kaftan_slice server, struct buf *ret, bool *ret_done)
{
    struct kaftan_error *err;
    *ret_done = false;
    if (s->mechanism == PLAIN)
        err = step_plain(s, ret, ret_done);
    else if (s->mechanism == OAUTHBEARER)
        err = step_bearer(s, server, ret, ret_done);
    else
        err = step_scram(s, server, ret, ret_done);
    if (s->step < INT_MAX)
        s->step++;
    return err;
}
