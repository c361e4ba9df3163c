/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file, line by line, into a topic; also a small example of a source.
 *
 * Source partition {"filename":path}, offset {"position":n}: n is where the
 * next line begins. A line's token is the position behind it, so `delivered`
 * moves the offset to what Kafka really has. Names, defaults and stored
 * offsets are those of Kafka's own file source, so either can go on where the
 * other has stopped. (Kafka's counts characters and skips bytes; this one
 * counts bytes both times, which is the same for ASCII.)
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <kaftan/connector.h>

#include "file_lines.h"

#define LOGGER "plugin.file.source"
enum {
    IDLE_US = 250000,    /* between two looks at a file that grows now and then */
    TICK_US = 1000000,   /* and at one that has not for a while, or is not there */
    QUIET_LOOKS = 40,    /* in vain, until it counts as one that does not grow */
};

struct file_config {
    const char *file; /* NULL or "": standard input */
    const char *topic;
    int32_t batch_size;
};

struct file_source {
    const struct file_config *config; /* borrowed; until close */
    struct kaftan_task *task;         /* borrowed; until close */
    const struct kaftan_schema *string; /* static */
    int fd;                           /* owned unless it is standard input; -1: not there yet */
    bool wait_told;
    bool may_wait; /* a pipe or a terminal: reading may keep us waiting */
    unsigned looks; /* in vain, one after the other; at most QUIET_LOOKS */
    struct file_lines lines;
    uint32_t partition;
    uint64_t done; /* everything before this position is in Kafka */
};

static const struct kaftan_config_key file_keys[] = {
    { .name = "file", KAFTAN_STRING_FIELD(struct file_config, file), .def = KAFTAN_NULL_DEFAULT,
      .importance = KAFTAN_HIGH, .doc = "Path of the file to read. Without it, standard input is read." },
    { .name = "topic", KAFTAN_STRING_FIELD(struct file_config, topic), .def = KAFTAN_NO_DEFAULT,
      .importance = KAFTAN_HIGH, .non_empty = true, .doc = "Topic the lines are written to." },
    { .name = "batch.size", KAFTAN_INT_FIELD(struct file_config, batch_size), .def = "2000",
      .importance = KAFTAN_LOW, .doc = "How many lines are taken from the file at once, at most." },
    { .name = NULL },
};

static bool is_stdin(const struct file_source *s)
{
    return !s->config->file || !*s->config->file;
}

/* The map {"<key>": value} in the arena. */
static struct kaftan_value map_of(struct kaftan_arena *a, const char *key, struct kaftan_value value)
{
    struct kaftan_map_entry *entry = kaftan_arena_alloc(a, sizeof *entry);
    struct kaftan_map *map = kaftan_arena_alloc(a, sizeof *map);
    struct kaftan_value v = { KAFTAN_KIND_MAP, 0, { 0 } };
    entry->key = kaftan_string(key, strlen(key));
    entry->value = value;
    map->count = 1;
    map->entries = entry;
    v.as.map = map;
    return v;
}

static struct kaftan_value partition_of(struct kaftan_arena *a, const char *file)
{
    return map_of(a, "filename", file && *file ? kaftan_string(file, strlen(file)) : kaftan_null());
}

/* Where to go on: 0, or the stored position. */
static struct kaftan_error *find_position(struct file_source *s, struct kaftan_arena *a, uint64_t *ret)
{
    struct kaftan_value partition = partition_of(a, s->config->file), offset = kaftan_null();
    struct kaftan_error *err = kaftan_task_offset(s->task, &partition, a, &offset);
    *ret = 0;
    if (err || offset.kind == KAFTAN_KIND_NULL)
        return err;
    const struct kaftan_value *position = kaftan_map_get(&offset, "position");
    if (!position || position->kind == KAFTAN_KIND_NULL)
        return NULL;
    if (position->kind != KAFTAN_KIND_INT64 || position->as.i < 0)
        return kaftan_error_new(KAFTAN_E_INVALID, "Offset position is the incorrect type");
    *ret = (uint64_t)position->as.i;
    return NULL;
}

static struct kaftan_error *file_open(const void *config, struct kaftan_task *task, void **ret)
{
    struct file_source *s = kaftan_alloc(1, sizeof *s);
    s->config = config;
    s->task = task;
    s->fd = -1;
    s->string = kaftan_schema_of(KAFTAN_TYPE_STRING, false);
    file_lines_init(&s->lines, 0);
    /* Nothing is read here, so that a file that is not there yet is no failure. */
    struct kaftan_map_entry entry = { kaftan_string("filename", 8), kaftan_null() };
    const struct kaftan_map map = { 1, &entry };
    struct kaftan_value partition = { KAFTAN_KIND_MAP, 0, { 0 } };
    if (!is_stdin(s))
        entry.value = kaftan_string(s->config->file, strlen(s->config->file));
    partition.as.map = &map;
    struct kaftan_error *err = kaftan_task_partition(task, &partition, &s->partition);
    if (err) {
        kaftan_free(s);
        return err;
    }
    *ret = s;
    return NULL;
}

/* False without an error: it is not there yet. */
static struct kaftan_error *find_file(struct file_source *s, struct kaftan_arena *a)
{
    if (is_stdin(s)) {
        s->fd = STDIN_FILENO;
        s->may_wait = true;
        return NULL;
    }
    int fd = open(s->config->file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        if (!s->wait_told)
            kaftan_log(LOGGER, KAFTAN_LOG_WARN, "file '%s' does not exist, waiting for it to be created", s->config->file);
        s->wait_told = true;
        kaftan_task_idle_until(s->task, kaftan_now_us() + TICK_US);
        return NULL;
    }
    if (fd < 0)
        return kaftan_error_new(KAFTAN_E_INVALID, "file '%s' cannot be opened: %s", s->config->file, strerror(errno));
    uint64_t position;
    struct kaftan_error *err = find_position(s, a, &position);
    if (!err && lseek(fd, (off_t)position, SEEK_SET) < 0)
        err = kaftan_error_new(KAFTAN_E_INVALID, "file '%s': cannot go to position %llu: %s", s->config->file,
                               (unsigned long long)position, strerror(errno));
    if (err) {
        (void)close(fd);
        return err;
    }
    struct stat kind;
    file_lines_init(&s->lines, position);
    s->may_wait = fstat(fd, &kind) < 0 || !S_ISREG(kind.st_mode);
    s->fd = fd;
    s->done = position;
    kaftan_log(LOGGER, KAFTAN_LOG_INFO, "reading file '%s' from position %llu", s->config->file,
               (unsigned long long)position);
    return NULL;
}

/* Reads what is there; *ret 0: nothing just now. */
static struct kaftan_error *read_more(struct file_source *s, size_t *ret)
{
    struct pollfd p = { .fd = s->fd, .events = POLLIN };
    size_t room;
    *ret = 0;
    if (s->may_wait && poll(&p, 1, 0) <= 0)
        return NULL;
    char *to = file_lines_room(&s->lines, &room);
    if (!to)
        return kaftan_error_new(KAFTAN_E_DATA, "the line at position %llu is longer than %d bytes",
                                (unsigned long long)s->lines.position, (int)LINE_LIMIT);
    ssize_t n = read(s->fd, to, room);
    if (n < 0 && errno != EINTR && errno != EAGAIN)
        return kaftan_error_new(KAFTAN_E_INVALID, "file '%s' cannot be read: %s", is_stdin(s) ? "" : s->config->file,
                                strerror(errno));
    *ret = n > 0 ? (size_t)n : 0;
    file_lines_filled(&s->lines, *ret);
    return NULL;
}

static void add_line(struct file_source *s, struct kaftan_batch *batch, struct kaftan_record *r,
                     struct kaftan_slice line)
{
    struct kaftan_arena *a = kaftan_batch_arena(batch);
    size_t length = line.len;
    char *text = kaftan_arena_alloc(a, file_text_valid(line) ? length + 1 : 3 * length + 1);
    if (file_text_valid(line))
        memcpy(text, line.ptr, length);
    else
        length = file_text_repair(line, text);
    r->topic.ptr = s->config->topic;
    r->topic.len = strlen(s->config->topic);
    r->timestamp = kaftan_wall_ms();
    r->value_schema = s->string;
    r->value = kaftan_string(text, length);
    r->source_partition = s->partition;
    r->token = s->lines.position;
}

static struct kaftan_error *file_poll(void *self, kaftan_deadline deadline, struct kaftan_batch *batch)
{
    struct file_source *s = self;
    struct kaftan_error *err = NULL;
    struct kaftan_slice line;
    size_t read_bytes = 1;
    (void)deadline;
    if (s->fd < 0)
        err = find_file(s, kaftan_batch_arena(batch));
    if (err || s->fd < 0)
        return err;
    while (kaftan_batch_room(batch) > 0 && kaftan_batch_count(batch) < (size_t)s->config->batch_size) {
        if (file_lines_next(&s->lines, &line)) {
            /* the line lives in the buffer until more is read: it is copied at once */
            add_line(s, batch, kaftan_batch_add(batch), line);
            continue;
        }
        err = read_more(s, &read_bytes);
        if (err || read_bytes == 0)
            break;
    }
    if (kaftan_batch_count(batch) > 0)
        s->looks = 0;
    else if (s->looks < QUIET_LOOKS)
        s->looks++;
    if (read_bytes == 0 || kaftan_batch_count(batch) == 0)
        kaftan_task_idle_until(s->task, kaftan_now_us() + (s->looks < QUIET_LOOKS ? IDLE_US : TICK_US));
    return err;
}

static void file_delivered(void *self, const struct kaftan_delivery *d, size_t count)
{
    struct file_source *s = self;
    for (size_t i = 0; i < count; i++)
        if (d[i].outcome != KAFTAN_FAILED)
            s->done = d[i].token;
}

static bool file_offset_get(void *self, uint32_t partition, struct kaftan_arena *a, struct kaftan_value *ret)
{
    const struct file_source *s = self;
    (void)partition;
    *ret = map_of(a, "position", is_stdin(s) ? kaftan_null() : kaftan_int(KAFTAN_KIND_INT64, (int64_t)s->done));
    return true;
}

static void file_close(void *self)
{
    struct file_source *s = self;
    if (s->fd >= 0 && !is_stdin(s))
        (void)close(s->fd);
    file_lines_fini(&s->lines);
    kaftan_free(s);
}

static enum kaftan_support file_exactly_once(const void *config)
{
    const struct file_config *c = config;
    return c->file && *c->file ? KAFTAN_SUPPORTED : KAFTAN_UNSUPPORTED;
}

static struct kaftan_error *check_offset(const struct kaftan_value *partition, const struct kaftan_value *offset)
{
    if (offset->kind == KAFTAN_KIND_NULL)
        return NULL; /* anything may be deleted */
    const struct kaftan_value *position = kaftan_map_get(offset, "position");
    if (!position)
        return kaftan_error_new(KAFTAN_E_INTERNAL, "Offset objects should either be null or contain the key 'position'");
    if (position->kind != KAFTAN_KIND_INT64)
        return kaftan_error_new(KAFTAN_E_INTERNAL,
                                "The value for the 'position' key in the offset is expected to be a Long value");
    if (position->as.i < 0)
        return kaftan_error_new(KAFTAN_E_INTERNAL,
                                "The value for the 'position' key in the offset should be a non-negative value");
    if (partition->kind == KAFTAN_KIND_NULL)
        return kaftan_error_new(KAFTAN_E_INTERNAL, "Partition objects cannot be null");
    if (!kaftan_map_get(partition, "filename"))
        return kaftan_error_new(KAFTAN_E_INTERNAL, "Partition objects should contain the key 'filename'");
    return NULL;
}

static struct kaftan_error *file_alter_offsets(const void *config, struct kaftan_task *context,
                                               const struct kaftan_value *partitions,
                                               const struct kaftan_value *offsets, size_t count)
{
    const struct file_config *c = config;
    struct kaftan_error *err = NULL;
    (void)context;
    if (!c->file || !*c->file)
        return kaftan_error_new(KAFTAN_E_INTERNAL, "Offsets cannot be modified: without 'file' the connector reads "
                                                   "standard input, which has no offsets");
    for (size_t i = 0; i < count && !err; i++)
        err = check_offset(&partitions[i], &offsets[i]);
    return err;
}

static const struct kaftan_source file_source = {
    .size = sizeof(struct kaftan_source),
    .class_name = "org.apache.kafka.connect.file.FileStreamSourceConnector",
    .version = PACKAGE_VERSION,
    .config = file_keys,
    .config_size = sizeof(struct file_config),
    .open = file_open,
    .poll = file_poll,
    .delivered = file_delivered,
    .offset_get = file_offset_get,
    .close = file_close,
    .exactly_once_support = file_exactly_once,
    .alter_offsets = file_alter_offsets,
};
static const struct kaftan_source *const sources[] = { &file_source, NULL };
static const struct kaftan_alias aliases[] = {
    { "io.kaftan.file.FileStreamSourceConnector", "org.apache.kafka.connect.file.FileStreamSourceConnector" },
    { NULL, NULL },
};

KAFTAN_PLUGIN(.name = "file", .version = PACKAGE_VERSION, .sources = sources, .aliases = aliases);
