/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLUGIN_ELF_IMAGE_H
#define PLUGIN_ELF_IMAGE_H
/*
 * elf_image: what a shared object says about itself before it is loaded.
 *
 * dlopen runs a shared object's constructors, so the ABI gate must not need
 * it. The first words of the exported constant are plain numbers that stand in
 * the file; this module finds them there.
 *
 * Thread   any; pure functions of bytes from outside
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <kaftan/error.h>

/* The head of struct kaftan_plugin: numbers only, the same in every ABI version. */
struct plugin_stamp {
    uint32_t abi_major, abi_minor, size, key_size;
};

/*
 * Finds the stamp of the symbol `kaftan_plugin`. False: no shared object of
 * this machine, or none with such a constant; *ret_why says which (static).
 */
bool elf_image_stamp(const void *data, size_t size, struct plugin_stamp *ret, const char **ret_why);
/* The same for a file. NOT_FOUND: cannot be read. INVALID: `<path>: not a plugin: <why>`. */
struct kaftan_error *elf_image_stamp_of(const char *path, struct plugin_stamp *ret) KAFTAN_MUST_CHECK;

#endif
