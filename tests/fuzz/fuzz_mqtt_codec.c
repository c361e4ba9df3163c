/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a broker sends: the decoder stays within its bytes, and a cut packet is never a complete one. */
#include "config.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "mqtt_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct mqtt_packet *p)
{
    size_t pos = 0;
    struct kaftan_slice name, value;
    uint64_t sum = mqtt_content_hash(p);
    while (mqtt_user_property(&p->props, &pos, &name, &value))
        sum += name.len + value.len;
    for (size_t i = 0; i < p->payload.len && p->payload.ptr; i++)
        sum += (uint8_t)p->payload.ptr[i];
    ASSERT(p->type != MQTT_PUBLISH || mqtt_text_valid(p->topic.ptr, p->topic.len));
    ASSERT(p->type != MQTT_PUBLISH || p->qos == 0 || p->id != 0);
    (void)sum;
}

static void whole(const uint8_t *data, size_t size, enum mqtt_version v)
{
    struct mqtt_packet p;
    size_t used = 0, at = 0;
    const char *why = NULL;
    for (;;) {
        enum mqtt_decoded d = mqtt_decode(data + at, size - at, v, &p, &used, &why);
        if (d != MQTT_DONE) {
            ASSERT(d == MQTT_MORE || why);
            return;
        }
        ASSERT(used > 1 && used <= size - at);
        use(&p);
        size_t less = 0;
        uint8_t *cut = malloc(used - 1);
        memcpy(cut, data + at, used - 1);
        ASSERT(mqtt_decode(cut, used - 1, v, &p, &less, &why) != MQTT_DONE);
        free(cut);
        at += used;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mqtt_packet p;
    size_t used = 0;
    const char *why = NULL;
    whole(data, size, MQTT_V5);
    whole(data, size, MQTT_V311);
    if (size > 0 && mqtt_decode_publish_head(data, size, MQTT_V5, &p, &used, &why) == MQTT_DONE) {
        ASSERT(used <= size);
        use(&p);
    }
    return 0;
}
