/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "plugin/elf_image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYMBOL "kaftan_plugin"

struct image {
    const unsigned char *data; /* borrowed */
    size_t size;
};

/* True if `count` elements of `each` bytes at `offset` lie inside. */
static bool inside(const struct image *im, uint64_t offset, uint64_t count, uint64_t each)
{
    if (offset > im->size || (each != 0 && count > (im->size - offset) / each))
        return false;
    return true;
}

/* The tables of a file need not be aligned: everything is copied out. */
static bool header_of(const struct image *im, ElfW(Ehdr) *ret)
{
    static const unsigned char native = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
    const uint16_t one = 1;
    const unsigned char order = *(const unsigned char *)&one ? ELFDATA2LSB : ELFDATA2MSB;
    if (!inside(im, 0, 1, sizeof *ret))
        return false;
    memcpy(ret, im->data, sizeof *ret);
    return memcmp(ret->e_ident, ELFMAG, SELFMAG) == 0 && ret->e_ident[EI_CLASS] == native &&
           ret->e_ident[EI_DATA] == order && ret->e_type == ET_DYN;
}

static bool section_at(const struct image *im, const ElfW(Ehdr) *eh, size_t i, ElfW(Shdr) *ret)
{
    if (eh->e_shentsize != sizeof *ret || i >= eh->e_shnum || !inside(im, eh->e_shoff, eh->e_shnum, sizeof *ret))
        return false;
    memcpy(ret, im->data + eh->e_shoff + i * sizeof *ret, sizeof *ret);
    return true;
}

/* Where the byte at virtual address `address` stands in the file. */
static bool file_offset(const struct image *im, const ElfW(Ehdr) *eh, uint64_t address, uint64_t length,
                        uint64_t *ret)
{
    ElfW(Phdr) ph;
    if (eh->e_phentsize != sizeof ph || !inside(im, eh->e_phoff, eh->e_phnum, sizeof ph))
        return false;
    for (size_t i = 0; i < eh->e_phnum; i++) {
        memcpy(&ph, im->data + eh->e_phoff + i * sizeof ph, sizeof ph);
        if (ph.p_type != PT_LOAD || address < ph.p_vaddr || address - ph.p_vaddr >= ph.p_filesz ||
            length > ph.p_filesz - (address - ph.p_vaddr))
            continue;
        uint64_t offset = ph.p_offset + (address - ph.p_vaddr);
        if (offset < ph.p_offset || !inside(im, offset, 1, length))
            return false;
        *ret = offset;
        return true;
    }
    return false;
}

static bool name_is(const struct image *im, const ElfW(Shdr) *strings, uint64_t at)
{
    if (at > strings->sh_size || sizeof SYMBOL > strings->sh_size - at ||
        !inside(im, strings->sh_offset, strings->sh_size, 1))
        return false;
    return memcmp(im->data + strings->sh_offset + at, SYMBOL, sizeof SYMBOL) == 0;
}

/* Looks for the symbol in one dynamic symbol table; returns its file offset. */
static bool symbol_in(const struct image *im, const ElfW(Ehdr) *eh, const ElfW(Shdr) *table, uint64_t *ret)
{
    ElfW(Shdr) strings;
    ElfW(Sym) sym;
    if (table->sh_entsize != sizeof sym || !section_at(im, eh, table->sh_link, &strings) ||
        !inside(im, table->sh_offset, table->sh_size, 1))
        return false;
    for (uint64_t i = 0; i < table->sh_size / sizeof sym; i++) {
        memcpy(&sym, im->data + table->sh_offset + i * sizeof sym, sizeof sym);
        if (sym.st_shndx == SHN_UNDEF || !name_is(im, &strings, sym.st_name))
            continue;
        return file_offset(im, eh, sym.st_value, sizeof(struct plugin_stamp), ret);
    }
    return false;
}

bool elf_image_stamp(const void *data, size_t size, struct plugin_stamp *ret, const char **ret_why)
{
    const struct image im = { data, size };
    ElfW(Ehdr) eh;
    ElfW(Shdr) sh;
    uint64_t offset;
    *ret_why = "it is no shared object for this machine";
    if (!header_of(&im, &eh))
        return false;
    *ret_why = "it does not export the constant '" SYMBOL "'";
    for (size_t i = 0; section_at(&im, &eh, i, &sh); i++) {
        if (sh.sh_type != SHT_DYNSYM || !symbol_in(&im, &eh, &sh, &offset))
            continue;
        memcpy(ret, im.data + offset, sizeof *ret);
        return true;
    }
    return false;
}

struct kaftan_error *elf_image_stamp_of(const char *path, struct plugin_stamp *ret)
{
    struct kaftan_error *err = NULL;
    struct stat st;
    const char *why;
    void *data = MAP_FAILED;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        err = kaftan_error_new(KAFTAN_E_NOT_FOUND, "%s: cannot be read: %s", path, strerror(errno));
        goto out;
    }
    if (S_ISREG(st.st_mode) && st.st_size > 0)
        data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        err = kaftan_error_new(KAFTAN_E_INVALID, "%s: not a plugin: it is empty or no file", path);
    else if (!elf_image_stamp(data, (size_t)st.st_size, ret, &why))
        err = kaftan_error_new(KAFTAN_E_INVALID, "%s: not a plugin: %s", path, why);
out:
    if (data != MAP_FAILED)
        (void)munmap(data, (size_t)st.st_size);
    if (fd >= 0)
        (void)close(fd);
    return err;
}
