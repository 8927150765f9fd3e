#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "convert/npz.h"

#define MAGIC "\x93NUMPY"

struct npy {
    char order, letter; /* '<' '>' '|'; f i u b c */
    size_t size;        /* bytes of one number */
    bool fortran;
    int ndim;
    size_t shape[RNN_MAX_DIMS];
};

/* ---- the header: a Python dict literal with three keys in any order ---- */

static const char *after_key(const char *h, const char *key)
{
    const char *p = strstr(h, key);
    if (!p) return NULL;
    p += strlen(key);
    while (isspace((unsigned char)*p)) p++;
    if (*p++ != ':') return NULL;
    while (isspace((unsigned char)*p)) p++;
    return p;
}

static int parse_descr(const char *p, struct npy *h, struct rnn_err *err)
{
    char order, letter;
    int size, used = 0;
    if (!p || (*p != '\'' && *p != '"')) return rnn_fail(err, RNN_ERR_FORMAT, "structured or unreadable dtype");
    if (sscanf(p + 1, "%c%c%2d%n", &order, &letter, &size, &used) != 3 || p[1 + used] != *p || !strchr("<>|=", order)) {
        return rnn_fail(err, RNN_ERR_FORMAT, "dtype %.*s cannot be read", (int)strcspn(p + 1, "'\"") + 2, p);
    }
    const bool known = (letter == 'f' && (size == 4 || size == 8)) || (letter == 'c' && (size == 8 || size == 16)) ||
                       (letter == 'b' && size == 1) || (strchr("iu", letter) && (size == 1 || size == 2 || size == 4 || size == 8));
    if (!known) {
        return rnn_fail(err, RNN_ERR_FORMAT, "dtype '%c%c%d' is none that streams have%s", order, letter, size, letter == 'f' ? ": save it as float32" : "");
    }
    h->order = order;
    h->letter = letter;
    h->size = (size_t)size;
    return RNN_OK;
}

static int parse_shape(const char *p, struct npy *h, struct rnn_err *err)
{
    if (!p || *p++ != '(') return rnn_fail(err, RNN_ERR_FORMAT, "the shape cannot be read");
    for (;;) {
        char *end;
        while (isspace((unsigned char)*p) || *p == ',') p++;
        if (*p == ')') return RNN_OK;
        if (!isdigit((unsigned char)*p)) return rnn_fail(err, RNN_ERR_FORMAT, "the shape cannot be read");
        if (h->ndim == RNN_MAX_DIMS) return rnn_fail(err, RNN_ERR_FORMAT, "more than %d axes", RNN_MAX_DIMS);
        h->shape[h->ndim++] = strtoull(p, &end, 10);
        p = *end == 'L' ? end + 1 : end; /* Python 2 wrote long integers */
    }
}

/* Reads the header; *data gets the offset of the numbers. */
static int parse_header(const unsigned char *p, size_t len, struct npy *h, size_t *data, struct rnn_err *err)
{
    if (len < 12 || memcmp(p, MAGIC, 6) != 0) return rnn_fail(err, RNN_ERR_FORMAT, "not an .npy image");
    const bool v1 = p[6] == 1;
    if (p[6] < 1 || p[6] > 3) return rnn_fail(err, RNN_ERR_FORMAT, ".npy version %d is unknown", p[6]);
    const size_t at = v1 ? 10 : 12;
    const size_t n = v1 ? p[8] | (size_t)p[9] << 8 : p[8] | (size_t)p[9] << 8 | (size_t)p[10] << 16 | (size_t)p[11] << 24;
    if (n > len - at) return rnn_fail(err, RNN_ERR_FORMAT, "the .npy header is cut short");
    char *text = rnn_asprintf("%.*s", (int)(n < 65536 ? n : 65536), (const char *)p + at);
    if (!text) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    const char *fortran = after_key(text, "'fortran_order'");
    *h = (struct npy){.fortran = fortran && strncmp(fortran, "True", 4) == 0};
    int rc = parse_descr(after_key(text, "'descr'"), h, err);
    if (rc >= 0) rc = parse_shape(after_key(text, "'shape'"), h, err);
    free(text);
    *data = at + n;
    return rc;
}

/* ---- the numbers ---- */

static enum rnn_dtype stream_dtype(const struct npy *h)
{
    switch (h->letter) {
    case 'f': return h->size == 4 ? RNN_F32 : RNN_F64;
    case 'c': return RNN_C128;
    case 'b': return RNN_BOOL;
    case 'i': return h->size == 4 ? RNN_I32 : RNN_I64;
    default: return h->size == 1 ? RNN_U8 : h->size == 8 ? RNN_U64 : RNN_I64;
    }
}

/* One number from q into element `to` of a, turned into the machine's byte order and the array's width. */
static void convert_one(const struct npy *h, const unsigned char *q, struct rnn_array *a, size_t to)
{
    unsigned char b[16];
    const size_t part = h->letter == 'c' ? h->size / 2 : h->size;
    for (size_t i = 0; i < h->size; i++) b[i] = h->order == '>' ? q[i / part * part + part - 1 - i % part] : q[i];
    unsigned char *out = (unsigned char *)a->data + to * rnn_dtype_size(a->dtype);
    if (h->size == rnn_dtype_size(a->dtype)) {
        memcpy(out, b, h->size);
    } else if (h->letter == 'c') {
        float f[2];
        memcpy(f, b, sizeof f);
        memcpy(out, (double[]){f[0], f[1]}, 2 * sizeof(double));
    } else {
        uint64_t u = 0;
        for (size_t i = 0; i < h->size; i++) u |= (uint64_t)b[i] << 8 * i;
        if (h->letter == 'i' && u >> (8 * h->size - 1)) u |= ~(uint64_t)0 << 8 * h->size; /* sign; size < 8 here */
        memcpy(out, &u, sizeof u);
    }
}

static void convert_all(const struct npy *h, const unsigned char *q, struct rnn_array *a)
{
    const size_t n = rnn_array_count(a);
    const bool same = h->order != '>' && !h->fortran && h->size == rnn_dtype_size(a->dtype);
    if (same && n) memcpy(a->data, q, n * h->size);
    if (same) return;
    size_t index[RNN_MAX_DIMS] = {0};
    for (size_t i = 0; i < n; i++) { /* i walks the file; in Fortran order the first index runs fastest */
        size_t to = i;
        if (h->fortran) {
            to = 0;
            for (int d = 0; d < a->ndim; d++) to = to * a->shape[d] + index[d];
            for (int d = 0; d < a->ndim && ++index[d] == a->shape[d]; d++) index[d] = 0;
        }
        convert_one(h, q + i * h->size, a, to);
    }
}

int rnn_npy_parse(const unsigned char *p, size_t len, struct rnn_array *a, struct rnn_err *err)
{
    struct npy h;
    size_t at = 0, n = 1, bytes;
    RNN_TRY(parse_header(p, len, &h, &at, err));
    for (int i = 0; i < h.ndim; i++) {
        if (!rnn_mul_size(n, h.shape[i], &n)) return rnn_fail(err, RNN_ERR_FORMAT, "the shape overflows");
    }
    if (!rnn_mul_size(n, h.size, &bytes) || bytes > len - at) {
        return rnn_fail(err, RNN_ERR_FORMAT, "the shape asks for more data than there is (%zu bytes)", len - at);
    }
    RNN_TRY(rnn_array_new(a, stream_dtype(&h), h.ndim, h.shape, err));
    convert_all(&h, p + at, a);
    return RNN_OK;
}

/* ---- writing ---- */

/* Code points of a UTF-8 string into out (may be NULL); returns how many.  What is not UTF-8 becomes U+FFFD. */
static size_t code_points(const char *s, uint32_t *out)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t n = 0;
    while (*p) {
        const int more = *p < 0x80 ? 0 : (*p & 0xe0) == 0xc0 ? 1 : (*p & 0xf0) == 0xe0 ? 2 : (*p & 0xf8) == 0xf0 ? 3 : -1;
        uint32_t c = more < 0 ? 0xfffd : more == 0 ? *p : *p & (0x3fu >> more);
        p++;
        for (int i = 0; i < more; i++) {
            if ((*p & 0xc0) != 0x80) {
                c = 0xfffd;
                break;
            }
            c = c << 6 | (*p++ & 0x3f);
        }
        if (out) out[n] = c;
        n++;
    }
    return n;
}

int rnn_npy_header(const struct rnn_named *e, char **header, size_t *len, size_t *width, struct rnn_err *err)
{
    char descr[32], shape[24 * RNN_MAX_DIMS + 4] = "(", dict[sizeof shape + 128];
    const int ndim = e->s ? 1 : e->a.ndim;
    if (e->s) {
        size_t longest = 1;
        for (size_t i = 0; i < e->n_s; i++) longest = code_points(e->s[i], NULL) > longest ? code_points(e->s[i], NULL) : longest;
        *width = 4 * longest;
        snprintf(descr, sizeof descr, "<U%zu", longest);
    } else {
        *width = rnn_dtype_size(e->a.dtype);
        snprintf(descr, sizeof descr, "%s", rnn_dtype_name(e->a.dtype));
    }
    for (int i = 0; i < ndim; i++) {
        const size_t at = strlen(shape);
        snprintf(shape + at, sizeof shape - at, "%s%zu%s", i ? ", " : "", e->s ? e->n_s : e->a.shape[i], ndim == 1 ? "," : "");
    }
    snprintf(dict, sizeof dict, "{'descr': '%s', 'fortran_order': False, 'shape': %s), }", descr, shape);
    const size_t total = (10 + strlen(dict) + 1 + 63) / 64 * 64, n = total - 10; /* < 65536, so version 1.0 */
    char *h = malloc(total);
    if (!h) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    memcpy(h, MAGIC "\x01\x00", 8);
    h[8] = (char)(n & 0xff);
    h[9] = (char)(n >> 8);
    memset(h + 10, ' ', n);
    memcpy(h + 10, dict, strlen(dict));
    h[total - 1] = '\n';
    *header = h;
    *len = total;
    return RNN_OK;
}

int rnn_npy_strings(const struct rnn_named *e, size_t width, void **data, struct rnn_err *err)
{
    size_t n;
    if (!rnn_mul_size(e->n_s, width, &n)) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    RNN_TRY(rnn_alloc_into(data, n, 1, err));
    for (size_t i = 0; i < e->n_s; i++) code_points(e->s[i], (uint32_t *)*data + i * (width / 4));
    return RNN_OK;
}

int rnn_npy_write(FILE *f, const struct rnn_named *e, struct rnn_err *err)
{
    char *header;
    void *text = NULL;
    size_t len, width;
    RNN_TRY(rnn_npy_header(e, &header, &len, &width, err));
    int rc = e->s ? rnn_npy_strings(e, width, &text, err) : RNN_OK;
    if (rc >= 0) rc = rnn_put_bytes(f, header, len, err);
    if (rc >= 0) rc = rnn_put_bytes(f, e->s ? text : e->a.data, e->s ? e->n_s * width : rnn_array_bytes(&e->a), err);
    free(header);
    free(text);
    return rc;
}
