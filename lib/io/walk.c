#include "io/walk.h"

#include <string.h>
#include "io/reader.h"

/* What the first byte of a value says: bytes of header, then bytes of payload or number of child values. */
struct token {
    size_t head;
    uint64_t payload, children;
    bool container, map, key;
};

static uint64_t big_endian(const unsigned char *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) v = v << 8 | p[i];
    return v;
}

/* Bytes of header, known from the first byte alone; 0 for the byte that msgpack never uses. */
static size_t header_size(unsigned char b)
{
    static const unsigned char size[32] = { /* of 0xc0 .. 0xdf */
        1, 0, 1, 1, 2, 3, 5, 3, 4, 6, 5, 9, 2, 3, 5, 9, /* nil - false true bin ext float uint */
        2, 3, 5, 9, 3, 4, 6, 10, 18, 2, 3, 5, 3, 5, 3, 5, /* int fixext str array map */
    };
    return b >= 0xc0 && b <= 0xdf ? size[b - 0xc0] : 1;
}

/* Fixed-size values count as header only.  p holds at least header_size(*p) bytes. */
static struct token tokenize(const unsigned char *p)
{
    struct token t = {.head = header_size(*p)};
    unsigned char b = *p;
    if (b >= 0x80 && b <= 0x9f) {
        t.container = true;
        t.map = b < 0x90;
        t.children = b & 0x0f;
    } else if (b >= 0xa0 && b <= 0xbf) {
        t.key = true;
        t.payload = b & 0x1f;
    } else if (b >= 0xc4 && b <= 0xc6) { /* bin */
        t.key = true;
        t.payload = big_endian(p + 1, t.head - 1);
    } else if (b >= 0xc7 && b <= 0xc9) { /* ext: length, then one byte of type */
        t.payload = big_endian(p + 1, t.head - 2);
    } else if (b >= 0xd9 && b <= 0xdb) { /* str */
        t.key = true;
        t.payload = big_endian(p + 1, t.head - 1);
    } else if (b >= 0xdc && b <= 0xdf) {
        t.container = true;
        t.map = b >= 0xde;
        t.children = big_endian(p + 1, t.head - 1);
    }
    if (t.map) t.children *= 2;
    return t;
}

static int too_large(size_t max, struct rnn_err *err)
{
    return rnn_fail(err, RNN_ERR_LIMIT, "a frame needs more than the %zu bytes allowed", max);
}

static int open_container(struct rnn_walker *w, const struct token *t, struct rnn_err *err)
{
    if (w->depth == RNN_MAX_DEPTH) return rnn_fail(err, RNN_ERR_FORMAT, "containers nested deeper than %d", RNN_MAX_DEPTH);
    w->owed += t->children;
    w->values += t->children;
    if (w->values > RNN_MAX_VALUES) {
        return rnn_fail(err, RNN_ERR_LIMIT, "a frame holds more than %llu values", (unsigned long long)RNN_MAX_VALUES);
    }
    w->left[w->depth] = t->children;
    w->is_map[w->depth++] = t->map;
    return RNN_OK;
}

/* Closes every container that the value just taken completes. */
static void close_finished(struct rnn_walker *w)
{
    while (w->depth > 0 && w->left[w->depth - 1] == 0) w->depth--;
}

int rnn_walk_more(struct rnn_walker *w, const unsigned char *p, size_t len, size_t max, size_t *need, struct rnn_err *err)
{
    if (w->pos == 0) *w = (struct rnn_walker){.owed = 1, .values = 1};
    while (w->owed > 0) {
        if (w->owed > max || w->pos > max - w->owed) return too_large(max, err);
        *need = w->pos + (size_t)w->owed;
        if (w->pos >= len) return RNN_EOS;
        size_t head = header_size(p[w->pos]);
        if (head == 0) return rnn_fail(err, RNN_ERR_FORMAT, "byte 0xc1 is not msgpack");
        if (head - 1 > max - *need) return too_large(max, err);
        *need += head - 1;
        if (len - w->pos < head) return RNN_EOS;
        struct token t = tokenize(p + w->pos);
        bool in_map = w->depth > 0 && w->is_map[w->depth - 1];
        if (in_map && w->left[w->depth - 1] % 2 == 0 && !t.key) {
            return rnn_fail(err, RNN_ERR_FORMAT, "a map key that is not a str");
        }
        if (t.payload > max - *need) return too_large(max, err);
        *need += (size_t)t.payload;
        if (len - w->pos - head < t.payload) return RNN_EOS;
        w->pos += head + (size_t)t.payload;
        w->owed--;
        if (w->depth > 0) w->left[w->depth - 1]--;
        if (t.container) RNN_TRY(open_container(w, &t, err));
        close_finished(w);
    }
    *need = w->pos;
    return RNN_OK;
}

int rnn_walk(const unsigned char *p, size_t len, size_t max, size_t *used, struct rnn_err *err)
{
    struct rnn_walker w = {0};
    return rnn_walk_more(&w, p, len, max, used, err);
}

/* What other file begins with these bytes, in the words of a message. */
static const char *other_format(const unsigned char *p, size_t len)
{
    static const struct { const char *magic; size_t n; const char *words; } known[] = {
        {"PK\003\004", 4, ": a zip archive, such as .npz"}, {"\037\213", 2, ": gzip data"}, {"MATLAB", 6, ": a MATLAB file"}, {"\211HDF", 4, ": an HDF5 file"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (len >= known[i].n && memcmp(p, known[i].magic, known[i].n) == 0) return known[i].words;
    }
    return "";
}

/* 0x93 and the kind: a fixstr of 1 to 31 printable bytes, because it is a name that people type after --kind. */
static int scan_kind(struct rnn_scan *s, const unsigned char *p, size_t len, size_t *need, struct rnn_err *err)
{
    *need = 9; /* the shortest frame: 0x93, a kind of one letter, an empty map, the crc */
    if (len < 1) return RNN_EOS;
    if (p[0] != 0x93) return rnn_fail(err, RNN_ERR_FORMAT, "a frame begins with 0x93, not 0x%02x%s", p[0], other_format(p, len));
    if (len < 2) return RNN_EOS;
    if ((p[1] & 0xe0) != 0xa0 || p[1] == 0xa0) return rnn_fail(err, RNN_ERR_FORMAT, "kind is not a str of 1 to 31 bytes");
    size_t n = p[1] & 0x1f;
    *need = 2 + n + 1 + 5;
    if (len < 2 + n) return RNN_EOS;
    for (size_t i = 0; i < n; i++) {
        if (p[2 + i] <= ' ' || p[2 + i] >= 0x7f) return rnn_fail(err, RNN_ERR_FORMAT, "kind holds byte 0x%02x", p[2 + i]);
    }
    memcpy(s->kind, p + 2, n);
    s->kind[n] = '\0';
    s->at = 2 + n;
    return RNN_OK;
}

int rnn_scan_frame(struct rnn_scan *s, const unsigned char *p, size_t len, size_t max, size_t *need, struct rnn_err *err)
{
    int rc;
    if (s->at == 0 && (rc = scan_kind(s, p, len, need, err)) != RNN_OK) return rc;
    if (max < s->at + 6) return too_large(max, err);
    if (len > s->at && (p[s->at] & 0xf0) != 0x80 && (p[s->at] & 0xfe) != 0xde) {
        return rnn_fail(err, RNN_ERR_FORMAT, "the body of '%s' is not a map", s->kind);
    }
    rc = rnn_walk_more(&s->body, p + s->at, len > s->at ? len - s->at : 0, max - s->at - 5, need, err);
    if (rc < 0) return rc;
    *need += s->at + 5;
    if (rc == RNN_EOS) return rc;
    const unsigned char *tail = p + s->at + s->body.pos;
    if (len > s->at + s->body.pos && *tail != 0xce) {
        return rnn_fail(err, RNN_ERR_FORMAT, "'%s' ends in 0x%02x instead of a crc", s->kind, *tail);
    }
    if (len < *need) return RNN_EOS;
    s->len = *need;
    s->crc = (uint32_t)big_endian(tail + 1, 4);
    return RNN_OK;
}
