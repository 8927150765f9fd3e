/* Provenance as shell text. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "convert/look.h"
#include "convert/text.h"

/* Text inside single quotes. */
static void put_quoted(FILE *f, const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '\'') fputs("'\\''", f);
        else putc(s[i], f);
    }
}

/* Words that a shell takes as they are need no quotes. */
static void put_word(FILE *f, const char *s, size_t len)
{
    bool plain = len > 0;
    for (size_t i = 0; i < len; i++) {
        const char c = s[i];
        plain &= (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("_-.,:/@%+", c) != NULL);
    }
    if (!plain) putc('\'', f);
    put_quoted(f, s, len);
    if (!plain) putc('\'', f);
}

/* A value as a config file has it: in double quotes where blanks or signs would mislead. */
static void put_value(FILE *f, const char *s, size_t len)
{
    bool plain = len > 0 && s[0] != '"' && s[0] != ' ' && s[len - 1] != ' ';
    for (size_t i = 0; i < len; i++) plain &= s[i] != '#' && s[i] != '\n' && s[i] != '\t';
    if (plain) {
        put_quoted(f, s, len);
        return;
    }
    putc('"', f);
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '"' || s[i] == '\\') putc('\\', f);
        put_quoted(f, s[i] == '\n' ? "\\n" : s + i, s[i] == '\n' ? 2 : 1);
    }
    putc('"', f);
}

static void put_scalar(FILE *f, const msgpack_object *o)
{
    char text[RNN_REAL_TEXT];
    switch (o->type) {
    case MSGPACK_OBJECT_POSITIVE_INTEGER: fprintf(f, "%" PRIu64, o->via.u64); break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER: fprintf(f, "%" PRId64, o->via.i64); break;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        rnn_real_text(o->via.f64, false, text);
        fputs(isinf(o->via.f64) ? (o->via.f64 > 0 ? "inf" : "-inf") : text, f);
        break;
    case MSGPACK_OBJECT_BOOLEAN: fputs(o->via.boolean ? "true" : "false", f); break;
    case MSGPACK_OBJECT_STR: put_value(f, o->via.str.ptr, o->via.str.size); break;
    default: break;
    }
}

static void put_list(FILE *f, const msgpack_object *o)
{
    struct rnn_array a;
    struct rnn_err ignored;
    char text[RNN_REAL_TEXT];
    if (rnn_is_array(o)) {
        const size_t n = rnn_view_array(o, &a, &ignored) >= 0 ? rnn_array_count(&a) : 0;
        for (size_t i = 0; i < n; i++) fprintf(f, "%s%s", i ? "," : "", rnn_real_text(rnn_array_get(&a, i), false, text));
        return;
    }
    for (uint32_t i = 0; i < o->via.array.size; i++) {
        if (i) putc(',', f);
        put_scalar(f, &o->via.array.ptr[i]);
    }
}

static bool is_named(const msgpack_object *key, const char *name)
{
    return key->via.str.size == strlen(name) && memcmp(key->via.str.ptr, name, key->via.str.size) == 0;
}

/* What taskgen and rnn-theory were asked for is their first word, not an option. */
static bool is_word(const msgpack_object *tool, const msgpack_object *key)
{
    return tool && tool->type == MSGPACK_OBJECT_STR &&
           ((is_named(tool, "taskgen") && is_named(key, "task")) || (is_named(tool, "rnn-theory") && is_named(key, "model")));
}

/* One line of the config.  An option that was given several times stands there as several lines of text: as many config lines. */
static void put_option(FILE *f, const msgpack_object *key, const msgpack_object *o)
{
    const char *rest = o->type == MSGPACK_OBJECT_STR ? o->via.str.ptr : NULL, *end = rest ? rest + o->via.str.size : NULL;
    do {
        const char *stop = rest ? memchr(rest, '\n', (size_t)(end - rest)) : NULL;
        fputs(" '", f);
        put_quoted(f, key->via.str.ptr, key->via.str.size);
        fputs(" = ", f);
        if (rest) put_value(f, rest, (size_t)((stop ? stop : end) - rest));
        else if (o->type == MSGPACK_OBJECT_ARRAY || o->type == MSGPACK_OBJECT_MAP) put_list(f, o);
        else put_scalar(f, o);
        putc('\'', f);
        rest = stop ? stop + 1 : NULL;
    } while (rest);
}

/* Options go in as a config: there, unlike on a command line, a value that would hold anyway is never one that has no effect. */
static void put_options(FILE *f, const msgpack_object *tool, const msgpack_object *options)
{
    bool any = false;
    for (uint32_t pass = 0; pass < 2 && options && options->type == MSGPACK_OBJECT_MAP; pass++) { /* the word comes first */
        for (uint32_t j = 0; j < options->via.map.size; j++) {
            const msgpack_object *key = &options->via.map.ptr[j].key, *o = &options->via.map.ptr[j].val;
            if (key->type != MSGPACK_OBJECT_STR || o->type == MSGPACK_OBJECT_NIL) continue;
            if (is_word(tool, key) && o->type == MSGPACK_OBJECT_STR) {
                if (pass == 0) putc(' ', f);
                if (pass == 0) put_word(f, o->via.str.ptr, o->via.str.size);
            } else if (pass == 1) {
                fputs(any ? "" : " --config <(printf '%s\\n'", f);
                put_option(f, key, o);
                any = true;
            }
        }
    }
    if (any) putc(')', f);
}

static void put_chain(FILE *f, const msgpack_object *prov, int depth);

static void put_inputs(FILE *f, const msgpack_object *inputs, int depth)
{
    for (uint32_t i = 0; inputs && inputs->type == MSGPACK_OBJECT_ARRAY && i < inputs->via.array.size; i++) {
        const msgpack_object *in = &inputs->via.array.ptr[i], *option = rnn_find(in, "option"), *prov = rnn_find(in, "prov");
        if (!option || option->type != MSGPACK_OBJECT_STR) continue;
        if (is_named(option, "from")) { /* rnn-cat --from npz FILE: the option itself says the format */
            fputs(" FILE", f);
            continue;
        }
        fputs(option->via.str.size ? " --" : "", f); /* without: a segment of the main input */
        if (option->via.str.size) put_word(f, option->via.str.ptr, option->via.str.size);
        putc(' ', f);
        if (prov && prov->type == MSGPACK_OBJECT_ARRAY && prov->via.array.size) {
            fputs("<(", f);
            put_chain(f, prov, depth + 1);
            putc(')', f);
        } else {
            fputs("FILE", f);
        }
    }
}

static void put_chain(FILE *f, const msgpack_object *prov, int depth)
{
    for (uint32_t i = 0; prov && prov->type == MSGPACK_OBJECT_ARRAY && i < prov->via.array.size; i++) {
        const msgpack_object *e = &prov->via.array.ptr[i], *tool = rnn_find(e, "tool"), *options = rnn_find(e, "options");
        if (i) fputs(depth ? " | " : " |\n  ", f);
        if (tool && tool->type == MSGPACK_OBJECT_STR) put_word(f, tool->via.str.ptr, tool->via.str.size);
        else putc('?', f);
        put_options(f, tool, options);
        if (depth < RNN_MAX_DEPTH) put_inputs(f, rnn_find(e, "inputs"), depth);
    }
}

int rnn_look_prov(FILE *f, const msgpack_object *head, struct rnn_err *err)
{
    errno = 0;
    put_chain(f, rnn_find(head, "prov"), 0);
    putc('\n', f);
    return ferror(f) ? rnn_fail(err, RNN_ERR_IO, "cannot write: %s", strerror(errno ? errno : EIO)) : RNN_OK;
}
