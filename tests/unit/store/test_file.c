/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/offset_file.h"

static void add_pair(void *self, struct kaftan_slice key, struct kaftan_slice value)
{
    char *k = mem_strndup(key.ptr, key.len), *v = value.ptr ? mem_strndup(value.ptr, value.len) : NULL;
    text_map_put(self, k, v);
    mem_free(k);
    mem_free(v);
}

Test(offset_file, reads_javas)
{
    struct text_map *m = text_map_new();
    struct kaftan_error *err = offset_file_load(TEST_DATA "/offsets-java.dat", add_pair, m);
    cr_assert_null(err, "%s", err ? kaftan_error_message(err) : "");
    cr_expect_eq(text_map_count(m), 24);
    cr_expect_str_eq(text_map_get(m, "[\"file-src\",{\"filename\":\"/tmp/a\"}]"), "{\"position\":42}");
    cr_expect(text_map_has(m, "[\"file-src\",{\"filename\":\"/tmp/b\"}]"));
    cr_expect_null(text_map_get(m, "[\"file-src\",{\"filename\":\"/tmp/b\"}]"));
    /* the same array as key and value: Java writes a reference */
    cr_expect_str_eq(text_map_get(m, "[\"c\",{\"b\":1,\"a\":\"x\"}]"), "[\"c\",{\"b\":1,\"a\":\"x\"}]");
    cr_expect_str_eq(text_map_get(m, "[\"many\",{\"n\":19}]"), "{\"seq\":190}");
    text_map_unref(m);
    m = text_map_new();
    cr_assert_null(offset_file_load(TEST_DATA "/offsets-java-empty.dat", add_pair, m));
    cr_assert_null(offset_file_load(TEST_DATA "/no-such-file", add_pair, m));
    cr_assert_null(offset_file_load("/dev/null", add_pair, m));
    cr_expect_eq(text_map_count(m), 0);
    text_map_unref(m);
}

Test(offset_file, empty_is_javas_bytes)
{
    struct offset_file_writer w;
    struct buf ours = BUF_INIT;
    char theirs[256];
    FILE *f = fopen(TEST_DATA "/offsets-java-empty.dat", "rb");
    cr_assert_not_null(f);
    size_t n = fread(theirs, 1, sizeof theirs, f);
    (void)fclose(f);
    offset_file_begin(&w, 0);
    offset_file_end(&w, &ours);
    cr_expect(slice_eq(buf_slice(&ours), (struct kaftan_slice){ theirs, n }));
    buf_fini(&ours);
}

Test(offset_file, writes_what_it_reads)
{
    char path[] = "/tmp/kaftan-offsets-XXXXXX";
    struct offset_file_writer w;
    struct text_map *m = text_map_new();
    int fd = mkstemp(path);
    struct stat st;
    cr_assert_geq(fd, 0);
    close(fd);
    cr_assert_eq(chmod(path, 0640), 0);
    offset_file_begin(&w, 2);
    offset_file_add(&w, slice_of("k1"), slice_of("v1"));
    offset_file_add(&w, slice_of("k2"), (struct kaftan_slice){ NULL, 0 });
    struct kaftan_error *err = offset_file_save(&w, path);
    cr_assert_null(err, "%s", err ? kaftan_error_message(err) : "");
    cr_assert_null(offset_file_load(path, add_pair, m));
    cr_expect_eq(text_map_count(m), 2);
    cr_expect_str_eq(text_map_get(m, "k1"), "v1");
    cr_expect_null(text_map_get(m, "k2"));
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_mode & 0777, 0640, "permissions stay");
    text_map_unref(m);
    unlink(path);
    offset_file_begin(&w, 0);
    err = offset_file_save(&w, "/no/such/directory/file");
    cr_assert_not_null(err);
    cr_expect_not_null(strstr(kaftan_error_message(err), "/no/such/directory/file"));
    kaftan_error_free(err);
}

Test(offset_file, refuses_every_cut_and_many_changes)
{
    char data[4096];
    FILE *f = fopen(TEST_DATA "/offsets-java.dat", "rb");
    cr_assert_not_null(f);
    size_t n = fread(data, 1, sizeof data, f);
    (void)fclose(f);
    cr_assert(n > 500 && n < sizeof data);
    for (size_t cut = 0; cut < n; cut++) {
        struct text_map *m = text_map_new();
        struct kaftan_error *err = offset_file_parse(data, cut, add_pair, m);
        cr_expect_not_null(err, "cut at %zu", cut);
        cr_expect_eq(text_map_count(m), 0, "all or nothing");
        kaftan_error_free(err);
        text_map_unref(m);
    }
    for (size_t i = 0; i < n; i++) {
        struct text_map *m = text_map_new();
        data[i] = (char)(data[i] ^ 0x7f);
        kaftan_error_free(offset_file_parse(data, n, add_pair, m));
        data[i] = (char)(data[i] ^ 0x7f);
        text_map_unref(m);
    }
}
