#include "convert/npz.h"

#include <stdlib.h>
#include <string.h>
#include <zip.h>
#include "base/mem.h"

static int fail_zip(struct rnn_err *err, const char *what, zip_t *z)
{
    return rnn_fail(err, RNN_ERR_FORMAT, "%s: %s", what, zip_strerror(z));
}

/* ---- reading ---- */

static int read_entry(zip_t *z, zip_uint64_t i, struct rnn_named_list *out, struct rnn_err *err)
{
    zip_stat_t st;
    if (zip_stat_index(z, i, 0, &st) < 0) return fail_zip(err, "npz", z);
    const size_t len = strlen(st.name);
    if (len == 0 || st.name[len - 1] == '/') return RNN_OK;
    char *name = rnn_asprintf("%.*s", (int)(len > 4 && strcmp(st.name + len - 4, ".npy") == 0 ? len - 4 : len), st.name);
    unsigned char *p = st.size < SIZE_MAX / 2 ? malloc(st.size + 1) : NULL;
    zip_file_t *f = name && p ? zip_fopen_index(z, i, 0) : NULL;
    struct rnn_array a;
    int rc = RNN_OK;
    if (!name || !p) rc = rnn_fail(err, RNN_ERR_NOMEM, "npz: %s: no memory for %llu bytes", st.name, (unsigned long long)st.size);
    else if (!f) rc = fail_zip(err, name, z);
    else if (zip_fread(f, p, st.size) != (zip_int64_t)st.size) rc = rnn_fail(err, RNN_ERR_FORMAT, "npz: %s is cut short or damaged", name);
    else if (rnn_npy_parse(p, st.size, &a, err) >= 0) rc = rnn_named_add(out, name, &a, err);
    else if (err->code == RNN_ERR_NOMEM) rc = err->code;
    else rc = rnn_named_add_unread(out, name, err->msg, err);
    if (f) zip_fclose(f);
    free(name);
    free(p);
    return rc;
}

int rnn_npz_parse(const void *p, size_t len, struct rnn_named_list *out, struct rnn_err *err)
{
    zip_error_t ze;
    *out = (struct rnn_named_list){0};
    zip_error_init(&ze);
    zip_source_t *src = zip_source_buffer_create(p, len, 0, &ze);
    zip_t *z = src ? zip_open_from_source(src, ZIP_RDONLY | ZIP_CHECKCONS, &ze) : NULL;
    int rc = RNN_OK;
    if (!z) {
        rc = rnn_fail(err, RNN_ERR_FORMAT, "not an .npz archive: %s", zip_error_strerror(&ze));
        if (src) zip_source_free(src);
    }
    const zip_int64_t n = z ? zip_get_num_entries(z, 0) : 0;
    for (zip_int64_t i = 0; rc >= 0 && i < n; i++) rc = read_entry(z, (zip_uint64_t)i, out, err);
    if (z) zip_discard(z);
    zip_error_fini(&ze);
    if (rc < 0) rnn_named_release(out);
    return rc;
}

/* ---- writing ---- */

/* Header and numbers as two fragments, so that the numbers are not copied; both must live until the archive is closed. */
struct part { char *header; void *text; };

static int add_entry(zip_t *z, const struct rnn_named *e, struct part *part, struct rnn_err *err)
{
    size_t len, width;
    zip_error_t ze;
    RNN_TRY(rnn_npy_header(e, &part->header, &len, &width, err));
    if (e->s) RNN_TRY(rnn_npy_strings(e, width, &part->text, err));
    const zip_buffer_fragment_t frag[2] = {
        {.data = (zip_uint8_t *)part->header, .length = len},
        {.data = e->s ? part->text : e->a.data, .length = e->s ? e->n_s * width : rnn_array_bytes(&e->a)},
    };
    char *file = rnn_asprintf("%s.npy", e->name);
    zip_error_init(&ze);
    zip_source_t *src = file ? zip_source_buffer_fragment_create(frag, frag[1].length ? 2 : 1, 0, &ze) : NULL;
    const zip_int64_t i = src ? zip_file_add(z, file, src, ZIP_FL_ENC_UTF_8) : -1;
    int rc = RNN_OK;
    if (i < 0) {
        if (src) zip_source_free(src);
        rc = rnn_fail(err, RNN_ERR_FORMAT, "npz: cannot add '%s': %s", e->name, src ? zip_strerror(z) : "out of memory");
    } else {
        zip_set_file_compression(z, (zip_uint64_t)i, ZIP_CM_STORE, 0);
        zip_file_set_mtime(z, (zip_uint64_t)i, 315532800, 0); /* 1980-01-01, zip's earliest: equal arrays make equal files */
    }
    zip_error_fini(&ze);
    free(file);
    return rc;
}

static int copy_out(zip_source_t *image, FILE *f, struct rnn_err *err)
{
    char buf[1 << 16];
    zip_int64_t n;
    if (zip_source_open(image) < 0) return rnn_fail(err, RNN_ERR_IO, "npz: cannot read the archive back");
    int rc = RNN_OK;
    while (rc >= 0 && (n = zip_source_read(image, buf, sizeof buf)) > 0) rc = rnn_put_bytes(f, buf, (size_t)n, err);
    if (rc >= 0 && n < 0) rc = rnn_fail(err, RNN_ERR_IO, "npz: cannot read the archive back");
    zip_source_close(image);
    return rc;
}

/* An archive without entries; libzip would write nothing at all. */
static int write_empty(FILE *f, struct rnn_err *err)
{
    static const unsigned char end_of_directory[22] = {'P', 'K', 5, 6};
    return rnn_put_bytes(f, end_of_directory, sizeof end_of_directory, err);
}

int rnn_npz_write(FILE *f, const struct rnn_named_list *l, struct rnn_err *err)
{
    zip_error_t ze;
    struct part *parts;
    if (l->n == 0) return write_empty(f, err);
    RNN_TRY(rnn_alloc_into(&parts, l->n, sizeof *parts, err));
    zip_error_init(&ze);
    zip_source_t *image = zip_source_buffer_create(NULL, 0, 0, &ze);
    zip_t *z = image ? zip_open_from_source(image, ZIP_CREATE | ZIP_TRUNCATE, &ze) : NULL;
    int rc = z ? RNN_OK : rnn_fail(err, RNN_ERR_NOMEM, "npz: %s", zip_error_strerror(&ze));
    if (z) zip_source_keep(image);
    for (size_t i = 0; rc >= 0 && i < l->n; i++) rc = add_entry(z, &l->v[i], &parts[i], err);
    if (z && rc >= 0 && zip_close(z) < 0) {
        rc = fail_zip(err, "npz", z);
        zip_discard(z);
    } else if (z && rc < 0) {
        zip_discard(z);
    }
    if (rc >= 0) rc = copy_out(image, f, err);
    if (image) zip_source_free(image);
    for (size_t i = 0; i < l->n; i++) {
        free(parts[i].header);
        free(parts[i].text);
    }
    free(parts);
    zip_error_fini(&ze);
    return rc;
}
