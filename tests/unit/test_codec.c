/* Structs to frames and back: what was written is what is read, and what is wrong is named. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/mem.h"
#include "codec/codec.h"
#include "io/reader.h"

static struct rnn_err err;
#define OK(expr)                                                                  \
    do {                                                                          \
        if ((expr) < 0) fail_msg("%s: %s", #expr, err.msg);                       \
    } while (0)

static struct rnn_writer *stream(void)
{
    struct rnn_writer *w;
    OK(rnn_writer_open_mem(&w, &err));
    OK(rnn_writer_head(w, NULL, NULL, NULL, NULL, &err));
    return w;
}

/* Ends what w holds and opens it for reading, past its head. */
static struct rnn_reader *reread(struct rnn_writer *w)
{
    struct rnn_reader *r;
    struct rnn_frame f;
    size_t len;
    OK(rnn_writer_end(w, 0, &err));
    const unsigned char *p = rnn_writer_mem(w, &len);
    OK(rnn_reader_open_mem(&r, p, len, 0, &err));
    OK(rnn_reader_next(r, &f, &err));
    assert_string_equal(f.kind, "head");
    return r;
}

static struct rnn_net *make_net(const struct rnn_spec *s, int bits, bool initial)
{
    struct rnn_net *net;
    OK(rnn_net_new(&net, s, &err));
    net->id = rnn_strdup("net-0007");
    net->index = 7;
    net->precision_bits = bits;
    net->status = RNN_NET_DIVERGED;
    net->reason = rnn_strdup("loss was not finite at update 12");
    OK(rnn_kvs_real(&net->labels, "lr", 0.1, &err));
    OK(rnn_kvs_str(&net->labels, "group", "a b", &err));
    OK(rnn_kvs_uint(&net->summary, "seed", UINT64_MAX, &err));
    OK(rnn_kvs_int(&net->training, "update", 12, &err));
    if (initial) OK(rnn_alloc_into(&net->theta0, net->params.total, sizeof *net->theta0, &err));
    for (size_t i = 0; i < net->params.total; i++) {
        net->theta[i] = bits == 32 ? (double)(float)(sin((double)i) / 3) : sin((double)i) / 3;
        if (initial) net->theta0[i] = bits == 32 ? (double)(float)cos((double)i) : cos((double)i);
    }
    net->theta[0] = NAN; /* a diverged net travels as it is */
    net->theta[1] = -INFINITY;
    return net;
}

/* Reads a net and, when it must, its param frames. */
static struct rnn_net *read_net(struct rnn_reader *r, size_t *frames)
{
    struct rnn_frame f;
    struct rnn_net *open = NULL, *net = NULL;
    for (*frames = 0; !net; ++*frames) {
        OK(rnn_reader_next(r, &f, &err));
        assert_string_equal(f.kind, *frames ? "param" : "net");
        OK(rnn_net_take(&open, &f, &net, &err));
        assert_true(!open != !net);
    }
    return net;
}

static void assert_same_kvs(const struct rnn_kvs *a, const struct rnn_kvs *b)
{
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        char *x = rnn_kv_text(&a->v[i]), *y = rnn_kv_text(&b->v[i]);
        assert_string_equal(a->v[i].key, b->v[i].key);
        assert_string_equal(x, y);
        free(x);
        free(y);
    }
}

static void assert_same_net(const struct rnn_net *a, const struct rnn_net *b)
{
    const struct rnn_spec *s = &a->spec, *t = &b->spec;
    assert_string_equal(a->id, b->id);
    assert_int_equal(a->index, b->index);
    assert_string_equal(a->reason, b->reason);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->precision_bits, b->precision_bits);
    assert_same_kvs(&a->labels, &b->labels);
    assert_same_kvs(&a->summary, &b->summary);
    assert_same_kvs(&a->training, &b->training);
    assert_true(s->cell == t->cell && s->act == t->act && s->readout == t->readout && s->read == t->read && s->N == t->N);
    assert_true(s->n_in == t->n_in && s->n_out == t->n_out && s->rank == t->rank && s->rank_scale == t->rank_scale);
    assert_true(s->read_latent == t->read_latent && s->bias_rec == t->bias_rec && s->bias_in == t->bias_in && s->bias_out == t->bias_out);
    assert_true(s->dt_ms == t->dt_ms && s->tau_ms == t->tau_ms && s->alpha == t->alpha && s->alpha_per_unit == t->alpha_per_unit);
    assert_true(s->noise_rec == t->noise_rec && s->noise_where == t->noise_where && s->noise_scale == t->noise_scale);
    assert_true(s->h0 == t->h0 && s->h0_sd == t->h0_sd && s->h0_transform == t->h0_transform);
    assert_int_equal(a->params.total, b->params.total);
    assert_memory_equal(a->theta, b->theta, a->params.total * sizeof *a->theta);
    assert_int_equal(!a->theta0, !b->theta0);
    if (a->theta0) assert_memory_equal(a->theta0, b->theta0, a->params.total * sizeof *a->theta0);
}

static void check_round_trip(const struct rnn_spec *s, int bits, bool initial, size_t block)
{
    struct rnn_net *net = make_net(s, bits, initial), *back;
    struct rnn_writer *w = stream();
    size_t frames;
    rnn_writer_set_block(w, block);
    OK(rnn_net_write(w, net, &err));
    struct rnn_reader *r = reread(w);
    back = read_net(r, &frames);
    assert_same_net(net, back);
    if (block) assert_true(frames > net->params.n * (initial ? 2 : 1)); /* split it was */
    else assert_int_equal(frames, 1);
    rnn_net_free(net);
    rnn_net_free(back);
    rnn_reader_close(r);
    rnn_writer_abandon(w);
}

static void every_spec_comes_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1u << 11; i++) {
        struct rnn_spec s;
        rnn_spec_default(&s);
        s.cell = (enum rnn_cell)(i & 3);
        s.N = 5;
        s.n_in = i & 4 ? 3 : 0;
        s.n_out = 2;
        s.rank = i & 8 ? 2 : 0;
        s.rank_scale = i & 4 ? RNN_RANK_PER_UNIT : RNN_RANK_PLAIN;
        s.read_latent = s.rank && s.cell != RNN_GRU && i & 64;
        s.h0 = (enum rnn_h0_law)(i >> 4 & 3);
        s.h0_sd = s.h0 == RNN_H0_ZERO ? 0 : 0.25;
        s.h0_transform = i & 64 ? RNN_H0_TANH : RNN_H0_PLAIN;
        s.bias_rec = i & 128;
        s.bias_in = i & 256;
        s.bias_out = i & 512;
        s.act = (enum rnn_act)(i % RNN_N_ACTS);
        s.readout = (enum rnn_readout)(i % RNN_N_READOUTS);
        s.read = i & 256 ? RNN_READ_BEFORE : RNN_READ_AFTER;
        s.noise_rec = i & 128 ? 0.05 : 0;
        s.noise_where = i & 512 ? RNN_NOISE_OUTSIDE : RNN_NOISE_INSIDE;
        s.noise_scale = i & 512 ? RNN_NOISE_SQRT_DT : RNN_NOISE_PLAIN;
        if (s.cell == RNN_LEAKY || s.cell == RNN_LEAKY_CURRENT) {
            s.dt_ms = 20;
            s.tau_ms = 100;
            s.alpha = 0.2;
            s.alpha_per_unit = i & 64;
        }
        check_round_trip(&s, i & 1024 ? 32 : 64, i & 16, i & 32 ? 0 : 24);
    }
}

static struct rnn_spec small_spec(void)
{
    struct rnn_spec s;
    rnn_spec_default(&s);
    s.N = 3;
    s.n_in = 2;
    s.n_out = 1;
    return s;
}

static void param_frames_must_be_the_next_ones(void **state)
{
    (void)state;
    const struct rnn_spec s = small_spec();
    struct rnn_net *net = make_net(&s, 64, false), *back;
    struct rnn_writer *w = stream();
    struct rnn_frame f;
    struct rnn_net *whole;
    bool missing, done;
    rnn_writer_set_block(w, 24);
    OK(rnn_net_write(w, net, &err));
    struct rnn_reader *r = reread(w);
    OK(rnn_reader_next(r, &f, &err));
    OK(rnn_net_decode(f.body, &back, &missing, &err));
    assert_true(missing);
    assert_int_equal(rnn_net_take(&back, &f, &whole, &err), RNN_ERR_FORMAT); /* a net before the rest of the last */
    assert_non_null(strstr(err.msg, "net-0007"));
    OK(rnn_reader_next(r, &f, &err));
    assert_int_equal(rnn_net_take(&(struct rnn_net *){NULL}, &f, &whole, &err), RNN_ERR_FORMAT); /* rows of no net */
    OK(rnn_reader_next(r, &f, &err)); /* row 1 of W_rec where row 0 is due */
    assert_int_equal(rnn_net_param_frame(back, f.body, &done, &err), RNN_ERR_FORMAT);
    assert_non_null(strstr(err.msg, "net-0007"));
    assert_non_null(strstr(err.msg, "W_rec"));
    assert_false(done);
    rnn_net_free(back);
    rnn_net_free(net);
    rnn_reader_close(r);
    rnn_writer_abandon(w);
}

static void (*spoil)(struct rnn_body *b); /* adds what does not belong into the next hand-made body; NULL: nothing */

static void add_noise_text(struct rnn_body *b) { rnn_put_str(b, "noise", "a lot"); }
static void add_h0_list(struct rnn_body *b) { rnn_put_strs(b, "h0", NULL, 0); }
static void add_split_number(struct rnn_body *b) { rnn_put_uint(b, "n_split", 7); }
static void add_no_dt(struct rnn_body *b) { rnn_put_real(b, "dt_ms", NAN); }
static void add_negative_tau(struct rnn_body *b) { rnn_put_real(b, "tau_ms", -20); }

/* A net as a user's Python would write it, with one thing changed. */
static int decode_hand_made(const char *cell, size_t rows, const char *extra, bool b_out, struct rnn_net **net)
{
    static const double zeros[64];
    struct rnn_body b = {0};
    bool missing;
    struct rnn_frame f;
    struct rnn_writer *w = stream();
    rnn_body_start(&b);
    rnn_put_str(&b, "id", "mine");
    rnn_put_str(&b, "cell", cell);
    rnn_put_str(&b, "activation", "relu");
    rnn_put_uint(&b, "N", 3);
    rnn_put_uint(&b, "n_in", 2);
    rnn_put_uint(&b, "n_out", 1);
    if (spoil) spoil(&b);
    rnn_put_map(&b, "params");
    rnn_put_array(&b, "W_rec", RNN_F32, 2, (size_t[]){rows, 3}, zeros);
    rnn_put_array(&b, "W_in", RNN_F64, 2, (size_t[]){3, 2}, zeros);
    rnn_put_array(&b, "W_out", RNN_I64, 2, (size_t[]){1, 3}, (int64_t[]){1, -2, 3});
    if (b_out) rnn_put_array(&b, "b_out", RNN_F64, 1, (size_t[]){1}, zeros);
    if (extra) rnn_put_array(&b, extra, RNN_F64, 1, (size_t[]){3}, zeros);
    rnn_put_close(&b);
    OK(rnn_writer_frame(w, "net", &b, &err));
    struct rnn_reader *r = reread(w);
    OK(rnn_reader_next(r, &f, &err));
    *net = NULL;
    const int rc = rnn_net_decode(f.body, net, &missing, &err);
    rnn_body_release(&b);
    rnn_reader_close(r);
    rnn_writer_abandon(w);
    return rc;
}

static void refusals_name_the_culprit(void **state)
{
    (void)state;
    struct rnn_net *net;
    OK(decode_hand_made("elman", 3, NULL, true, &net));
    assert_true(net->spec.bias_out && !net->spec.bias_rec && net->spec.alpha == 1 && net->precision_bits == 32);
    assert_true(net->status == RNN_NET_BUILT && rnn_net_param(net, "W_out")[1] == -2);
    rnn_net_free(net);
    assert_int_equal(decode_hand_made("elman", 4, NULL, true, &net), RNN_ERR_FORMAT);
    assert_string_equal(err.msg, "net 'mine': params: W_rec has shape [4, 3] where [3, 3] is needed");
    assert_null(net);
    assert_int_equal(decode_hand_made("lstm", 3, NULL, true, &net), RNN_ERR_FORMAT);
    assert_string_equal(err.msg, "net 'mine': 'cell' is 'lstm': expected one of elman, leaky, leaky-current, gru");
    assert_int_equal(decode_hand_made("elman", 3, "W_res", true, &net), RNN_ERR_FORMAT);
    assert_string_equal(err.msg, "net 'mine': params: 'W_res' is no parameter of such a net");
    assert_int_equal(decode_hand_made("gru", 3, NULL, false, &net), RNN_ERR_FORMAT);
    assert_non_null(strstr(err.msg, "W_rec has shape [3, 3] where [9, 3] is needed"));
}

static void a_rewrite_keeps_what_it_does_not_know(void **state)
{
    (void)state;
    const struct rnn_spec s = small_spec();
    struct rnn_net *net = make_net(&s, 64, true);
    struct rnn_writer *w = stream(), *w2 = stream();
    struct rnn_bytes raw = {0};
    struct rnn_body b = {0};
    struct rnn_frame f;
    rnn_body_start(&b);
    rnn_put_str(&b, "status", "somebody's");
    rnn_put_map(&b, "lab");
    rnn_put_real(&b, "dose", 0.5);
    rnn_put_close(&b);
    OK(rnn_writer_frame(w, "odd", &b, &err));
    struct rnn_reader *r = reread(w);
    OK(rnn_reader_next(r, &f, &err));
    OK(rnn_net_rewrite_append(&raw, f.body, net, &err));
    OK(rnn_writer_raw(w2, raw.p, raw.len, &err));
    struct rnn_reader *r2 = reread(w2);
    OK(rnn_reader_next(r2, &f, &err));
    double dose;
    char *status;
    OK(rnn_want_real(rnn_find(f.body, "lab"), "dose", &dose, &err));
    OK(rnn_want_str(f.body, "status", &status, &err));
    assert_true(dose == 0.5);
    assert_string_equal(status, "diverged"); /* ours wins */
    free(status);
    rnn_net_free(net);
    rnn_body_release(&b);
    rnn_bytes_release(&raw);
    rnn_reader_close(r);
    rnn_reader_close(r2);
    rnn_writer_abandon(w);
    rnn_writer_abandon(w2);
}

/* ---- tasks and trials ---- */

static void every_registered_task_comes_back(void **state)
{
    (void)state;
    size_t n;
    const struct rnn_task_def *const *defs = rnn_task_defs(&n);
    assert_true(n > 0);
    for (size_t i = 0; i < n; i++) {
        struct rnn_task *t, *back;
        struct rnn_body b = {0};
        struct rnn_frame f;
        struct rnn_writer *w = stream();
        struct rnn_kvs params = {0};
        if (strcmp(defs[i]->name, "history") == 0) OK(rnn_kvs_str(&params, "ids", "255,0,0", &err)); /* it has no default */
        OK(rnn_task_make(&t, defs[i]->name, &params, UINT64_MAX - i, &err));
        rnn_kvs_release(&params);
        rnn_task_set_id(t);
        assert_int_equal(strlen(t->id), 16);
        OK(rnn_task_encode(t, &b, &err));
        OK(rnn_writer_frame(w, "task", &b, &err));
        struct rnn_reader *r = reread(w);
        OK(rnn_reader_next(r, &f, &err));
        OK(rnn_task_decode(f.body, &back, &err));
        assert_string_equal(back->id, t->id);
        assert_true(back->seed == t->seed && back->steps == t->steps && back->n_in == t->n_in);
        assert_same_kvs(&t->params, &back->params);
        rnn_task_free(t);
        rnn_task_free(back);
        rnn_body_release(&b);
        rnn_reader_close(r);
        rnn_writer_abandon(w);
    }
}

static int decode_task(const char *id, const char *name, struct rnn_task **t)
{
    struct rnn_body b = {0};
    struct rnn_frame f;
    struct rnn_writer *w = stream();
    rnn_body_start(&b);
    rnn_put_str(&b, "id", id);
    rnn_put_str(&b, "name", name);
    rnn_put_uint(&b, "n_in", 2);
    rnn_put_uint(&b, "n_out", 1);
    rnn_put_strs(&b, "channels_in", (const char *const[]){"go", "stop"}, 2);
    if (spoil) spoil(&b);
    OK(rnn_writer_frame(w, "task", &b, &err));
    struct rnn_reader *r = reread(w);
    OK(rnn_reader_next(r, &f, &err));
    const int rc = rnn_task_decode(f.body, t, &err);
    rnn_body_release(&b);
    rnn_reader_close(r);
    rnn_writer_abandon(w);
    return rc;
}

static void a_users_task_needs_little(void **state)
{
    (void)state;
    struct rnn_task *t;
    OK(decode_task("lab-7", "go-no-go-of-our-lab", &t));
    assert_null(t->def);
    assert_string_equal(t->id, "lab-7");
    assert_string_equal(t->channel_in[1], "stop");
    assert_true(isnan(t->dt_ms) && t->n_in == 2 && t->n_out == 1 && t->loss == RNN_LOSS_MSE);
    rnn_task_free(t);
    assert_int_equal(decode_task("lab-7", rnn_task_defs(&(size_t){0})[0]->name, &t), RNN_ERR_FORMAT);
    assert_non_null(strstr(err.msg, "task 'lab-7': "));
    assert_null(t);
}

/* A key of the wrong kind is not one that is absent: a net whose noise cannot be read would be run without any. */
static void what_cannot_be_read_is_not_left_out(void **state)
{
    (void)state;
    static const struct { void (*spoil)(struct rnn_body *b); bool of_task; const char *says; } wrong[] = {
        {add_noise_text, false, "'noise' should hold a map, not a str"}, {add_h0_list, false, "'h0' should hold a map, not a list"},
        {add_no_dt, false, "'dt_ms' is nan: a time must be"}, {add_negative_tau, false, "'tau_ms' is -20: a time must be"},
        {add_split_number, true, "'n_split' should hold a map, not an integer"}, {add_no_dt, true, "'dt_ms' is nan: a time must be"}};
    for (size_t i = 0; i < RNN_LEN(wrong); i++) {
        struct rnn_net *net;
        struct rnn_task *t;
        spoil = wrong[i].spoil;
        const int rc = wrong[i].of_task ? decode_task("lab-7", "go-no-go-of-our-lab", &t) : decode_hand_made("elman", 3, NULL, true, &net);
        spoil = NULL;
        assert_int_equal(rc, RNN_ERR_FORMAT);
        if (!strstr(err.msg, wrong[i].says)) fail_msg("'%s' does not say \"%s\"", err.msg, wrong[i].says);
    }
}

static void trials_round_trip(bool weights_agree)
{
    enum { K = 3, T = 4, I = 2, O = 1 };
    float u[K * T * I], y[K * T * O];
    double w[K * T], v[K] = {1, NAN, 3};
    char *s[K] = {(char *)"ABBA", (char *)"", (char *)"AAB"};
    struct rnn_trial_col cols[2] = {{.name = (char *)"delay_ms", .v = v}, {.name = (char *)"pattern", .s = s}};
    struct rnn_trials tr = {.K = K, .T = T, .n_in = I, .n_out = O, .first = 40, .split = RNN_VALIDATION, .stream = 9, .u = u, .y = y, .w = w,
                            .cols = cols, .n_cols = 2}, back;
    for (int i = 0; i < K * T * I; i++) u[i] = (float)i / 7;
    for (int i = 0; i < K * T * O; i++) y[i] = i == 3 ? NAN : (float)-i;
    for (int i = 0; i < K * T; i++) w[i] = weights_agree ? i % T : i;
    struct rnn_body b = {0};
    struct rnn_writer *out = stream();
    struct rnn_frame f;
    OK(rnn_trials_encode(&tr, "trials-1", "task-1", 43, &b, &err));
    OK(rnn_writer_frame(out, "trials", &b, &err));
    struct rnn_reader *r = reread(out);
    OK(rnn_reader_next(r, &f, &err));
    struct rnn_array view;
    OK(rnn_view_array(rnn_find(f.body, "weights"), &view, &err));
    assert_int_equal(view.ndim, weights_agree ? 1 : 2);
    OK(rnn_trials_decode(f.body, &back, &err));
    assert_true(back.K == K && back.T == T && back.n_in == I && back.n_out == O && back.first == 40 && back.stream == 9);
    assert_int_equal(back.split, RNN_VALIDATION);
    assert_memory_equal(back.u, u, sizeof u);
    assert_memory_equal(back.y, y, sizeof y);
    assert_memory_equal(back.w, w, sizeof w);
    assert_int_equal(back.n_cols, 2);
    assert_memory_equal(back.cols[0].v, v, sizeof v);
    assert_string_equal(back.cols[1].s[2], "AAB");
    rnn_trials_release(&back);
    rnn_body_release(&b);
    rnn_reader_close(r);
    rnn_writer_abandon(out);
}

static void trials_come_back(void **state)
{
    (void)state;
    trials_round_trip(true);
    trials_round_trip(false);
}

static void activity_comes_back(void **state)
{
    (void)state;
    float value[2 * 3 * 2], outputs[2 * 5 * 1], state0[2 * 4];
    size_t units[2] = {3, 0};
    struct rnn_activity a = {.id = (char *)"a", .net = (char *)"n", .trials = (char *)"t", .first = 8, .K = 2, .T = 3, .n = 2, .n_out = 1, .thin = 2, .value = value,
                             .outputs = outputs, .T_out = 5, .units = units, .split = RNN_TEST, .state0 = state0, .n_state0 = 4, .what = 1}, back;
    for (size_t i = 0; i < RNN_LEN(value); i++) value[i] = (float)i;
    for (size_t i = 0; i < RNN_LEN(outputs); i++) outputs[i] = (float)i + 100;
    for (size_t i = 0; i < RNN_LEN(state0); i++) state0[i] = (float)i - 100;
    struct rnn_body b = {0};
    struct rnn_writer *w = stream();
    struct rnn_frame f;
    OK(rnn_activity_encode(&a, 0, &b, &err));
    OK(rnn_writer_frame(w, "activity", &b, &err));
    struct rnn_reader *r = reread(w);
    OK(rnn_reader_next(r, &f, &err));
    OK(rnn_activity_decode(f.body, &back, &err));
    assert_true(back.K == 2 && back.T == 3 && back.n == 2 && back.T_out == 5 && back.thin == 2 && back.first == 8 && back.what == 1);
    assert_memory_equal(back.value, value, sizeof value);
    assert_memory_equal(back.outputs, outputs, sizeof outputs);
    assert_memory_equal(back.state0, state0, sizeof state0);
    assert_memory_equal(back.units, units, sizeof units);
    rnn_activity_release(&back);
    rnn_body_release(&b);
    rnn_reader_close(r);
    rnn_writer_abandon(w);
}

/* FNV-1a of "" and "foobar": the published vectors (draft-eastlake-fnv, appendix). */
static void ids_are_fnv1a(void **state)
{
    (void)state;
    char id[RNN_ID_SIZE];
    rnn_id_of("", 0, id);
    assert_string_equal(id, "cbf29ce484222325");
    rnn_id_of("foobar", 6, id);
    assert_string_equal(id, "85944171f73967e8");
}

/* A shape with a 0 in it needs no bytes: its other extents must not be believed. */
static void counts_need_bytes(void **state)
{
    (void)state;
    static const size_t shapes[][3] = {{(size_t)1 << 60, 0, 1}, {1000, 0, 1}, {1000, 5, 0}};
    for (size_t i = 0; i < RNN_LEN(shapes); i++) {
        struct rnn_writer *w = stream();
        struct rnn_body b = {0};
        struct rnn_frame f;
        struct rnn_trials tr;
        rnn_body_start(&b);
        rnn_put_str(&b, "id", "t");
        rnn_put_str(&b, "task", "x");
        rnn_put_str(&b, "split", "test");
        rnn_put_array(&b, "inputs", RNN_F32, 3, (size_t[]){shapes[i][0], shapes[i][1], 0}, "");
        rnn_put_array(&b, "targets", RNN_F32, 3, shapes[i], "");
        OK(rnn_writer_frame(w, "trials", &b, &err));
        struct rnn_reader *r = reread(w);
        const int rc = rnn_reader_next(r, &f, &err);
        assert_int_equal(rc < 0 ? rc : rnn_trials_decode(f.body, &tr, &err), RNN_ERR_FORMAT);
        rnn_reader_close(r);
        rnn_writer_abandon(w);
        rnn_body_release(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_need_bytes),
        cmocka_unit_test(every_spec_comes_back),
        cmocka_unit_test(param_frames_must_be_the_next_ones),
        cmocka_unit_test(refusals_name_the_culprit),
        cmocka_unit_test(a_rewrite_keeps_what_it_does_not_know),
        cmocka_unit_test(every_registered_task_comes_back),
        cmocka_unit_test(a_users_task_needs_little),
        cmocka_unit_test(what_cannot_be_read_is_not_left_out),
        cmocka_unit_test(trials_come_back),
        cmocka_unit_test(activity_comes_back),
        cmocka_unit_test(ids_are_fnv1a),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
