/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "net/store_int.h"

#include <limits.h>
#include <openssl/err.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/jks.h"

static struct log logger = LOG("net.store");

static X509 *cert_of(struct kaftan_slice der)
{
    const unsigned char *p = (const unsigned char *)der.ptr;
    return der.len > LONG_MAX ? NULL : d2i_X509(NULL, &p, (long)der.len);
}

static struct kaftan_error *take_entry(struct store_parts *p, struct jks_entry *e)
{
    struct kaftan_slice der;
    struct store_entry *entry = NULL;
    if (e->is_key) {
        entry = store_parts_add(p, e->alias.ptr, e->alias.len);
        entry->sealing = SEALED_JKS;
        buf_put_slice(&entry->sealed, e->sealed);
    }
    while (jks_cert(e, &der)) {
        X509 *cert = cert_of(der);
        if (!cert) {
            ERR_clear_error();
            return kaftan_error_new(KAFTAN_E_INVALID, "is a damaged JKS key store: entry \"%.*s\" has a certificate that cannot be read",
                                    (int)e->alias.len, e->alias.ptr);
        }
        if (entry && !entry->cert)
            entry->cert = cert;
        else
            ASSERT(sk_X509_push(entry ? entry->chain : p->loose, cert) > 0);
    }
    return NULL;
}

struct kaftan_error *store_read_jks(struct store_parts *p, struct kaftan_slice bytes)
{
    struct jks j;
    struct jks_entry e;
    struct kaftan_error *err = jks_open(bytes, &j);
    if (err)
        return err;
    if (*p->password && !jks_intact(bytes, p->password))
        return store_wrong_password();
    if (!*p->password)
        log_warn(&logger, "a key store is used without its password: whether it was changed is not checked",
                 LOG_STR("store", p->where));
    while (!err && jks_next(&j, &e, &err))
        err = take_entry(p, &e);
    return err;
}
