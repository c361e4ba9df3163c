/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "mqtt_probe.h"

#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <kaftan/task.h>

#include "mqtt_codec.h"
#include "mqtt_conn.h"
#include "mqtt_server.h"

struct probe {
    const struct mqtt_config *c;
    const char *client_id;
    struct mqtt_server server;
    struct mqtt_tls *tls;   /* owned */
    struct mqtt_conn *conn; /* owned */
    int epoll;
    kaftan_deadline until;
    enum mqtt_version version;
    struct mqtt_packet packet;
};

static struct kaftan_slice text(const char *s)
{
    return (struct kaftan_slice){ s, strlen(s) };
}

/* Waits for the connection; false: time is up. */
static bool wait(struct probe *p, kaftan_deadline until)
{
    struct epoll_event event;
    mqtt_conn_watch(p->conn, true);
    kaftan_deadline now = kaftan_now_us();
    if (until > p->until)
        until = p->until;
    if (now < until)
        (void)epoll_wait(p->epoll, &event, 1, (int)((until - now) / 1000) + 1);
    return kaftan_now_us() < p->until;
}

static struct kaftan_error *broken(struct probe *p, enum kaftan_io io)
{
    return io == KAFTAN_IO_ERROR ? mqtt_conn_error(p->conn)
                                 : kaftan_error_new(KAFTAN_E_UNAVAILABLE, "the broker closed the connection");
}

static struct kaftan_error *late(void)
{
    return kaftan_error_new(KAFTAN_E_TIMEOUT, "no answer within mqtt.connect.timeout.seconds");
}

static struct kaftan_error *open_conn(struct probe *p)
{
    struct kaftan_tls *tls = NULL;
    struct kaftan_error *err = p->server.tls ? mqtt_tls_get(p->tls, &tls) : NULL;
    const struct kaftan_stream_options o = {
        .size = sizeof o,
        .host = p->server.host,
        .port = p->server.port,
        .tls = tls,
        .deadline = p->until,
        .receive_buffer = -1,
        .send_buffer = -1,
    };
    if (!err)
        err = mqtt_conn_open(p->conn, &o);
    while (!err) {
        enum kaftan_io io = mqtt_conn_opened(p->conn);
        if (io == KAFTAN_IO_OK)
            return NULL;
        if (io != KAFTAN_IO_AGAIN)
            return broken(p, io);
        if (!wait(p, mqtt_conn_deadline(p->conn)))
            return late();
    }
    return err;
}

static void put_connect(struct probe *p)
{
    const char *user = kaftan_secret_reveal(p->c->username), *password = kaftan_secret_reveal(p->c->password);
    const struct mqtt_connect connect = {
        .version = p->version,
        .clean = true,
        .keep_alive_s = 60,
        .client_id = text(p->client_id),
        .username = *user ? text(user) : (struct kaftan_slice){ NULL, 0 },
        .password = *password ? text(password) : (struct kaftan_slice){ NULL, 0 },
        .problem_info = true,
    };
    size_t size = mqtt_encode_connect(&connect, NULL, 0);
    (void)mqtt_encode_connect(&connect, mqtt_conn_out(p->conn, size), size);
    mqtt_conn_out_add(p->conn, size);
}

/* Reads until CONNACK is complete. */
static struct kaftan_error *read_connack(struct probe *p)
{
    for (;;) {
        size_t len, used = 0;
        const char *why = NULL;
        bool more;
        const uint8_t *in = mqtt_conn_in(p->conn, &len);
        enum mqtt_decoded d = mqtt_decode(in, len, p->version, &p->packet, &used, &why);
        if (d == MQTT_BAD || (d == MQTT_DONE && p->packet.type != MQTT_CONNACK) || (d == MQTT_MORE && mqtt_conn_full(p->conn)))
            return kaftan_error_new(KAFTAN_E_UNAVAILABLE, "it does not speak MQTT: %s",
                                    why ? why : "no CONNACK came first");
        if (d == MQTT_DONE)
            return NULL;
        enum kaftan_io io = mqtt_conn_flush(p->conn);
        if (io != KAFTAN_IO_ERROR)
            io = mqtt_conn_read(p->conn, &more);
        if (io == KAFTAN_IO_ERROR || io == KAFTAN_IO_END)
            return broken(p, io);
        if (io == KAFTAN_IO_AGAIN && !wait(p, p->until))
            return late();
    }
}

static struct kaftan_error *attempt(struct probe *p, enum mqtt_version version, bool *ret_other)
{
    p->version = version;
    p->until = kaftan_now_us() + (kaftan_deadline)p->c->connect_timeout_s * 1000000;
    struct kaftan_error *err = open_conn(p);
    if (err)
        return err;
    put_connect(p);
    err = read_connack(p);
    if (err || p->packet.reason == MQTT_UNSUPPORTED_VERSION) {
        *ret_other = true;
        return err ? err : kaftan_error_new(KAFTAN_E_UNAVAILABLE, "the broker refuses this version of MQTT");
    }
    if (p->packet.reason != MQTT_SUCCESS)
        return kaftan_error_new(KAFTAN_E_UNAVAILABLE, "the broker refuses the connection: %s (0x%02x)",
                                mqtt_reason_text(p->packet.reason), p->packet.reason);
    uint8_t *out = mqtt_conn_out(p->conn, MQTT_ACK_SIZE);
    mqtt_conn_out_add(p->conn, mqtt_encode_disconnect(version, MQTT_SUCCESS, NULL, out, MQTT_ACK_SIZE));
    (void)mqtt_conn_flush(p->conn);
    return NULL;
}

struct kaftan_error *mqtt_probe(const struct mqtt_config *c, const char *client_id)
{
    struct probe *p = kaftan_alloc(1, sizeof *p);
    bool automatic = mqtt_choice(c->version, "auto"), other = false;
    p->c = c;
    p->client_id = client_id;
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    p->conn = mqtt_conn_new(p->epoll, 0);
    p->tls = mqtt_tls_new(c);
    struct kaftan_error *err = mqtt_server_parse(c->servers.items[0], &p->server);
    if (!err)
        err = attempt(p, mqtt_choice(c->version, "3.1.1") ? MQTT_V311 : MQTT_V5, &other);
    if (err && automatic && other) {
        struct kaftan_error *second = attempt(p, MQTT_V311, &other);
        kaftan_error_free(err);
        err = second;
    }
    mqtt_conn_free(p->conn);
    mqtt_tls_free(p->tls);
    if (p->epoll >= 0)
        (void)close(p->epoll);
    kaftan_free(p);
    return err;
}
