/* Feeds streams whose frames are broken and whose checksums are not to everything that looks into bodies: checks, JSON, listings, provenance,
 * selection, tables, arrays, decoders and the way back.  Without mended checksums nothing would come past the reader. */
#include <stdio.h>
#include <string.h>
#include <libdeflate.h>
#include "base/mem.h"
#include "codec/codec.h"
#include "convert/gather.h"
#include "convert/look.h"
#include "convert/npz.h"
#include "convert/safetensors.h"
#include "convert/select.h"
#include "convert/text.h"
#include "convert/tidy.h"
#include "io/reader.h"
#include "io/walk.h"

#define MAX_FRAME ((size_t)4 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

static struct rnn_err err;
static FILE *nowhere;

static void append_end(struct rnn_bytes *out, uint64_t frames, uint32_t digest)
{
    struct rnn_body b = { 0 };
    rnn_body_start(&b);
    rnn_put_uint(&b, "frames", frames);
    rnn_put_uint(&b, "failed", 0);
    rnn_put_uint(&b, "digest", digest);
    rnn_frame_append(out, "end", &b, &err);
    rnn_body_release(&b);
}

/* The whole frames at the beginning of p, with the crc, counts and digests that they ought to have. */
static void mend(const uint8_t *p, size_t len, struct rnn_bytes *out)
{
    uint64_t frames = 0;
    uint32_t digest = 0;
    struct rnn_scan s;
    size_t need;
    for (size_t at = 0; at < len; at += s.len) {
        s = (struct rnn_scan){ 0 };
        if (rnn_scan_frame(&s, p + at, len - at, MAX_FRAME, &need, &err) != RNN_OK) return;
        if (!strcmp(s.kind, "end")) {
            append_end(out, frames, digest);
            continue;
        }
        if (!strcmp(s.kind, "head")) frames = digest = 0;
        const uint32_t crc = libdeflate_crc32(0, p + at, s.len - 5);
        const uint8_t be[4] = { (uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8), (uint8_t)crc };
        rnn_bytes_append(out, p + at, s.len - sizeof be, &err);
        rnn_bytes_append(out, be, sizeof be, &err);
        digest = libdeflate_crc32(digest, be, sizeof be);
        frames++;
    }
}

static void rewrite(const struct rnn_frame *f)
{
    struct rnn_net *net;
    struct rnn_bytes out = { 0 };
    bool missing;
    if (rnn_net_decode(f->body, &net, &missing, &err) < 0) return;
    rnn_net_rewrite_append(&out, f->body, net, &err);
    rnn_bytes_release(&out);
    rnn_net_free(net);
}

static void look(const struct rnn_frame *f, struct rnn_selector *const *s, size_t n_s)
{
    struct rnn_bytes chosen = { 0 };
    const bool is_head = !strcmp(f->kind, "head"), is_body = !is_head && strcmp(f->kind, "end") && strcmp(f->kind, "error");
    rnn_json_line(nowhere, f, &err);
    rnn_look_line(nowhere, f, &err);
    if (is_head) rnn_look_prov(nowhere, f->body, &err);
    for (size_t i = 0; i < n_s; i++) {
        if (is_head) rnn_selector_segment(s[i]);
        if (is_body) rnn_selector_frame(s[i], f, &chosen, &err);
    }
    rnn_bytes_release(&chosen);
    if (!strcmp(f->kind, "net")) rewrite(f);
}

/* What is collected over a stream; each part ends at its first refusal. */
struct collected {
    struct rnn_checker check;
    struct rnn_gather *arrays;
    struct rnn_tidy nets;
    bool checks, gathers;
};

static void collect(struct collected *c, const struct rnn_frame *f)
{
    if (c->checks) c->checks = rnn_checker_frame(&c->check, f, &err) >= 0;
    if (c->gathers) c->gathers = rnn_gather_frame(c->arrays, f, &err) >= 0;
    if (!strcmp(f->kind, "net")) rnn_tidy_net(&c->nets, f, &err);
}

static void finish(struct collected *c)
{
    struct rnn_named_list l = { 0 };
    size_t skipped;
    if (c->gathers && rnn_gather_finish(c->arrays, &l, &err) >= 0) {
        rnn_npz_write(nowhere, &l, &err);
        rnn_safetensors_write(nowhere, &l, &skipped, &err);
    }
    if (c->nets.n) rnn_tidy_tsv(&c->nets, nowhere, &err);
    rnn_named_release(&l);
    rnn_tidy_release(&c->nets);
    rnn_checker_release(&c->check);
    rnn_gather_free(c->arrays);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    struct rnn_bytes whole = { 0 };
    struct rnn_select_rule rules[2] = { { .head_nets = 1 }, { .n_kinds = 0 } };
    struct rnn_selector *s[2];
    struct collected c = { .checks = true, .gathers = true };
    struct rnn_reader *r;
    struct rnn_frame f;
    if (!nowhere) nowhere = fopen("/dev/null", "w");
    mend(p, len, &whole);
    rnn_kvs_int(&rules[1].labels, "seed", 1, &err);
    if (rnn_selector_new(&s[0], &rules[0], &err) < 0 || rnn_selector_new(&s[1], &rules[1], &err) < 0) return 0;
    if (rnn_gather_new(&c.arrays, &err) < 0 || rnn_reader_open_mem(&r, whole.p, whole.len, MAX_FRAME, &err) < 0) return 0;
    rnn_reader_check_ids(r, true);
    while (whole.len && rnn_reader_next(r, &f, &err) == RNN_OK) {
        look(&f, s, 2);
        collect(&c, &f);
    }
    finish(&c);
    rnn_reader_close(r);
    for (size_t i = 0; i < 2; i++) rnn_selector_free(s[i]);
    rnn_kvs_release(&rules[1].labels);
    rnn_bytes_release(&whole);
    return 0;
}
