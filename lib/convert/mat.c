#include "convert/mat.h"

#include <ctype.h>
#include <matio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

#define NAME_MAX_MATLAB 63
#define MAT5_LIMIT ((size_t)2 << 30) /* bytes of one variable in version 5 */

static const struct { enum matio_classes class; enum matio_types type; int flags; } kinds[RNN_N_DTYPES] = {
    [RNN_F32] = {MAT_C_SINGLE, MAT_T_SINGLE, 0}, [RNN_F64] = {MAT_C_DOUBLE, MAT_T_DOUBLE, 0},
    [RNN_I32] = {MAT_C_INT32, MAT_T_INT32, 0}, [RNN_I64] = {MAT_C_INT64, MAT_T_INT64, 0},
    [RNN_U8] = {MAT_C_UINT8, MAT_T_UINT8, 0}, [RNN_U64] = {MAT_C_UINT64, MAT_T_UINT64, 0},
    [RNN_BOOL] = {MAT_C_UINT8, MAT_T_UINT8, MAT_F_LOGICAL}, [RNN_C128] = {MAT_C_DOUBLE, MAT_T_DOUBLE, MAT_F_COMPLEX}};

/* A MATLAB name for entry i that none before it has. */
static void name_of(const struct rnn_named_list *l, char (*taken)[NAME_MAX_MATLAB + 1], size_t i)
{
    char *out = taken[i];
    const char *in = l->v[i].name;
    size_t n = 0;
    if (!isalpha((unsigned char)*in)) out[n++] = 'x';
    for (; *in && n < NAME_MAX_MATLAB; in++) out[n++] = isalnum((unsigned char)*in) ? *in : '_';
    out[n] = '\0';
    const size_t base = n < NAME_MAX_MATLAB - 12 ? n : NAME_MAX_MATLAB - 12;
    for (size_t j = 0, number = 2; j < i; j++) {
        if (strcmp(taken[j], out)) continue;
        snprintf(out + base, 13, "_%zu", number++ % 1000000000);
        j = (size_t)-1; /* look from the start again */
    }
}

/* C order to column-major, `size` bytes an element. */
static void transpose(const struct rnn_array *a, size_t size, size_t stride, const char *in, char *out)
{
    const size_t n = rnn_array_count(a);
    size_t index[RNN_MAX_DIMS] = {0};
    for (size_t i = 0; i < n; i++) {
        size_t to = 0;
        for (int d = a->ndim - 1; d >= 0; d--) to = to * a->shape[d] + index[d];
        memcpy(out + to * size, in + i * stride, size);
        for (int d = a->ndim - 1; d >= 0 && ++index[d] == a->shape[d]; d--) index[d] = 0;
    }
}

static matvar_t *var_of_array(const char *name, const struct rnn_array *a, struct rnn_err *err)
{
    const size_t n = rnn_array_count(a), size = rnn_dtype_size(a->dtype);
    size_t dims[RNN_MAX_DIMS + 2] = {a->ndim > 0 ? a->shape[0] : 1, 1};
    for (int d = 1; d < a->ndim; d++) dims[d] = a->shape[d];
    char *t;
    if (rnn_alloc_into(&t, n + 1, size, err) < 0) return NULL;
    mat_complex_split_t z = {t, t + n * (size / 2)};
    if (a->dtype == RNN_C128) {
        transpose(a, size / 2, size, a->data, z.Re);
        transpose(a, size / 2, size, (const char *)a->data + size / 2, z.Im);
    } else {
        transpose(a, size, size, a->data, t);
    }
    matvar_t *v = Mat_VarCreate(name, kinds[a->dtype].class, kinds[a->dtype].type, a->ndim < 2 ? 2 : a->ndim, dims,
                                a->dtype == RNN_C128 ? (void *)&z : t, kinds[a->dtype].flags);
    free(t);
    if (!v) rnn_fail(err, RNN_ERR_NOMEM, "mat: no memory for '%s'", name);
    return v;
}

static matvar_t *var_of_strings(const char *name, char *const *s, size_t n, struct rnn_err *err)
{
    matvar_t **cells = calloc(n + 1, sizeof *cells);
    matvar_t *v = NULL;
    bool ok = cells != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        size_t dims[2] = {1, strlen(s[i])};
        cells[i] = Mat_VarCreate(NULL, MAT_C_CHAR, MAT_T_UTF8, 2, dims, s[i], 0);
        ok = cells[i] != NULL;
    }
    size_t dims[2] = {n, 1};
    if (ok) v = Mat_VarCreate(name, MAT_C_CELL, MAT_T_CELL, 2, dims, cells, 0); /* copies the list, takes over the cells */
    for (size_t i = 0; !v && cells && i < n; i++) Mat_VarFree(cells[i]);
    free(cells);
    if (!v) rnn_fail(err, RNN_ERR_NOMEM, "mat: no memory for '%s'", name);
    return v;
}

static int write_var(mat_t *m, const char *name, const struct rnn_named *e, struct rnn_err *err)
{
    matvar_t *v = e->s ? var_of_strings(name, e->s, e->n_s, err) : var_of_array(name, &e->a, err);
    if (!v) return err->code;
    const int rc = Mat_VarWrite(m, v, MAT_COMPRESSION_NONE);
    Mat_VarFree(v);
    return rc == 0 ? RNN_OK : rnn_fail(err, RNN_ERR_IO, "mat: cannot write '%s'", e->name);
}

/* matio looks at few of its writes: on a full disk it leaves a file of version 5 that is cut short and says that all went well.  The
 * variables must be there, each at least as long as its numbers, and end where the file ends. */
static bool is_whole(const char *path, const struct rnn_named_list *l)
{
    FILE *f = fopen(path, "rb");
    uint32_t tag[2];
    bool ok = f && fseek(f, 128, SEEK_SET) == 0; /* behind the header */
    for (size_t i = 0; ok && i < l->n; i++) {
        ok = fread(tag, sizeof tag, 1, f) == 1 && tag[0] == MAT_T_MATRIX && fseek(f, (long)tag[1], SEEK_CUR) == 0;
        if (ok && !l->v[i].s) ok = tag[1] > rnn_array_bytes(&l->v[i].a);
    }
    const long end = ok ? ftell(f) : -1;
    ok = ok && fseek(f, 0, SEEK_END) == 0 && ftell(f) == end;
    if (f) fclose(f);
    return ok;
}

int rnn_mat_write(const char *path, const struct rnn_named_list *l, struct rnn_err *err)
{
    char(*taken)[NAME_MAX_MATLAB + 1];
    enum mat_ft version = MAT_FT_MAT5;
    for (size_t i = 0; i < l->n; i++) {
        if (!l->v[i].s && rnn_array_bytes(&l->v[i].a) >= MAT5_LIMIT) version = MAT_FT_MAT73;
    }
    /* The header says what made the file, and not when: equal arrays make equal files. */
    mat_t *m = Mat_CreateVer(path, "MATLAB 5.0 MAT-file, written by rnn-cat", version);
    if (!m) return rnn_fail(err, RNN_ERR_IO, "mat: cannot write %s", path);
    int rc = rnn_alloc_into(&taken, l->n, sizeof *taken, err);
    for (size_t i = 0; rc >= 0 && i < l->n; i++) {
        name_of(l, taken, i);
        rc = write_var(m, taken[i], &l->v[i], err);
    }
    if (rc >= 0) free(taken);
    if (Mat_Close(m) != 0 && rc >= 0) rc = rnn_fail(err, RNN_ERR_IO, "mat: cannot write %s", path);
    if (rc >= 0 && version == MAT_FT_MAT5 && !is_whole(path, l)) rc = rnn_fail(err, RNN_ERR_IO, "mat: %s was cut short: is there room for it?", path);
    return rc;
}

/* ---- reading ---- */

static const char *why_not(const matvar_t *v)
{
    switch (v->class_type) {
    case MAT_C_CHAR: return "text, not numbers";
    case MAT_C_CELL: return "a cell array, not numbers";
    case MAT_C_STRUCT: case MAT_C_OBJECT: case MAT_C_FUNCTION: case MAT_C_OPAQUE: return "a struct or an object: save its fields as variables";
    case MAT_C_SPARSE: return "a sparse matrix: save full() of it";
    case MAT_C_EMPTY: return "empty";
    default: break;
    }
    if (v->isComplex) return "complex numbers";
    if (v->rank < 1 || v->rank > RNN_MAX_DIMS) return "too many axes";
    size_t bytes = v->data_size > 0 ? (size_t)v->data_size : 0;
    for (int d = 0; d < v->rank; d++) {
        if (!rnn_mul_size(bytes, v->dims[d], &bytes)) return "damaged";
    }
    return !v->data_size || bytes > v->nbytes || (bytes && !v->data) ? "damaged" : NULL;
}

static double number(const matvar_t *v, size_t i)
{
    switch (v->data_type) {
    case MAT_T_INT8: return ((const int8_t *)v->data)[i];
    case MAT_T_UINT8: return ((const uint8_t *)v->data)[i];
    case MAT_T_INT16: return ((const int16_t *)v->data)[i];
    case MAT_T_UINT16: return ((const uint16_t *)v->data)[i];
    case MAT_T_INT32: return ((const int32_t *)v->data)[i];
    case MAT_T_UINT32: return ((const uint32_t *)v->data)[i];
    case MAT_T_INT64: return (double)((const int64_t *)v->data)[i];
    case MAT_T_UINT64: return (double)((const uint64_t *)v->data)[i];
    case MAT_T_SINGLE: return ((const float *)v->data)[i];
    default: return ((const double *)v->data)[i];
    }
}

/* i walks the file, whose first index runs fastest. */
static void to_c_order(const matvar_t *v, struct rnn_array *a)
{
    const size_t n = rnn_array_count(a);
    size_t index[RNN_MAX_DIMS] = {0};
    for (size_t i = 0; i < n; i++) {
        size_t to = 0;
        for (int d = 0; d < a->ndim; d++) to = to * a->shape[d] + index[d];
        const double x = number(v, i);
        if (a->dtype == RNN_F32) ((float *)a->data)[to] = (float)x;
        else ((double *)a->data)[to] = x;
        for (int d = 0; d < a->ndim && ++index[d] == a->shape[d]; d++) index[d] = 0;
    }
}

static int read_var(const matvar_t *v, struct rnn_named_list *l, struct rnn_err *err)
{
    const char *why = why_not(v), *base = v->name && strncmp(v->name, "params0_", 8) == 0 ? v->name + 8 : NULL;
    char name[NAME_MAX_MATLAB + 16];
    struct rnn_array a;
    snprintf(name, sizeof name, "%s%s", base ? "params0/" : "", base ? base : v->name ? v->name : "");
    if (why) return rnn_named_add_unread(l, name, why, err);
    const bool is_single = v->class_type == MAT_C_SINGLE;
    RNN_TRY(rnn_array_new(&a, is_single ? RNN_F32 : RNN_F64, v->rank, v->dims, err));
    to_c_order(v, &a);
    return rnn_named_add(l, name, &a, err);
}

/* Version 7.3 is HDF5 after 512 bytes; its superblock holds where the file ends.  What is cut short there HDF5 tells in twenty lines. */
static int check_hdf5(const unsigned char *p, size_t len, struct rnn_err *err)
{
    static const size_t end_at[] = {40, 44, 28, 28}; /* by version of the superblock */
    uint64_t end = 0;
    const unsigned char *s = p + 512;
    if (len < 512 + 64) return rnn_fail(err, RNN_ERR_TRUNCATED, "the file is cut short");
    if (memcmp(s, "\211HDF\r\n\032\n", 8) != 0 || s[8] > 3) return rnn_fail(err, RNN_ERR_FORMAT, "a MATLAB file of version 7.3 without HDF5 in it");
    for (int i = 7; i >= 0; i--) end = end << 8 | s[end_at[s[8]] + (size_t)i];
    return end > len ? rnn_fail(err, RNN_ERR_TRUNCATED, "the file is cut short") : RNN_OK;
}

/* Version 5 is a header of 128 bytes and elements, each a tag of two 32-bit numbers (type, bytes) and as many bytes. */
static int check_whole(const unsigned char *p, size_t len, struct rnn_err *err)
{
    const bool little = len >= 128 && p[126] == 'I' && p[127] == 'M', big = len >= 128 && p[126] == 'M' && p[127] == 'I';
    const int version = little ? p[125] : big ? p[124] : 0;
    if (version == 2) return check_hdf5(p, len, err);
    if (version != 1) return rnn_fail(err, RNN_ERR_FORMAT, "not a MATLAB file of version 5 (save -v6 or -v7) or 7.3");
    for (size_t at = 128; at < len;) {
        const unsigned char *t = p + at + 4;
        if (len - at < 8) return rnn_fail(err, RNN_ERR_TRUNCATED, "the file is cut short");
        const size_t n = little ? t[0] | (size_t)t[1] << 8 | (size_t)t[2] << 16 | (size_t)t[3] << 24
                                : t[3] | (size_t)t[2] << 8 | (size_t)t[1] << 16 | (size_t)t[0] << 24;
        if (n > len - at - 8) return rnn_fail(err, RNN_ERR_TRUNCATED, "the file is cut short");
        at += 8 + n;
    }
    return RNN_OK;
}

int rnn_mat_read(const char *path, const unsigned char *p, size_t len, struct rnn_named_list *l, struct rnn_err *err)
{
    int rc = RNN_OK;
    matvar_t *v;
    *l = (struct rnn_named_list){0};
    RNN_TRY(check_whole(p, len, err));
    mat_t *m = Mat_Open(path, MAT_ACC_RDONLY);
    if (!m) return rnn_fail(err, RNN_ERR_FORMAT, "a MATLAB file that matio does not read");
    while (rc >= 0 && (v = Mat_VarReadNext(m)) != NULL) {
        rc = read_var(v, l, err);
        Mat_VarFree(v);
    }
    Mat_Close(m);
    if (rc < 0) rnn_named_release(l);
    return rc;
}
