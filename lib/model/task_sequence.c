/* sequence: abstract patterns of tokens, to classify, to continue or to reproduce.  Source: Boboeva et al. 2026 and their
 * released code (patterns, splits, suffixes, class combinations, noise). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/pattern.h"
#include "model/task_impl.h"

enum objective { CLASSIFY, NEXT_TOKEN, AUTOENCODE, MULTI };
enum head { CLASS, NEXT, AUTO, N_HEADS };
enum mode { RANDOM, SAME, SEMI, DISJOINT };
#define MAX_SEQUENCES ((uint64_t)1 << 24)

/* One sequence: a class, which tokens stand for its letters (rank of the tuple), and the label that is
 * taught. */
struct item {
    uint32_t cls, tuple, label;
};
struct items {
    struct item *v;
    size_t n, cap;
};

struct sequence {
    enum objective objective;
    enum mode mode;
    size_t n, m, alpha, suffix, delay, C;
    struct rnn_pattern *all;
    size_t n_all;
    size_t *cls;            /* [C] which patterns are used */
    unsigned char *letters; /* [C][n + suffix], 0 = a */
    size_t *alphabet;       /* [alpha] tokens in the order that splits go by */
    size_t n_known;         /* semi, disjoint: the first so many of it are for training */
    uint64_t n_tuples;
    struct items items[RNN_N_SPLITS];
    double noise;
    /* what is asked: outputs [at, at + size) of each head; size 0: not asked */
    struct { size_t at, size; } head[N_HEADS];
};

static const struct rnn_task_param params[] = {
    {"pattern-length", RNN_KV_UINT, "4", 2, RNN_PATTERN_MAX, NULL, "steps",
     "length of the abstract patterns (3: abb aba aab)"},
    {"symbols", RNN_KV_UINT, "2", 2, RNN_PATTERN_MAX, NULL, NULL,
     "distinct symbols in every pattern, exactly"},
    {"tokens", RNN_KV_UINT, "10", 2, 65536, NULL, "channels", "size of the alphabet; each token is one-hot"},
    {"suffix", RNN_KV_UINT, "0", 0, 65536, NULL, "steps",
     "letters that continue every pattern, drawn once per pattern"},
    {"types", RNN_KV_STR, "", 0, 0, NULL, NULL, "the classes by name, in order: abba,abab,..."},
    {"n-types", RNN_KV_UINT, "0", 0, RNN_PATTERN_LIMIT, NULL, "classes",
     "how many patterns to use, chosen by --type-set; 0: all"},
    {"type-set", RNN_KV_UINT, "0", 0, 1e15, NULL, NULL,
     "which subset of --n-types patterns, from 0 in lexicographic order"},
    {"max-sets", RNN_KV_UINT, "20", 0, 1e6, NULL, "subsets",
     "when there are more subsets than this, --type-set counts them in random order and stops here; 0: no "
     "limit"},
    {"objective", RNN_KV_STR, "classify", 0, 0, "classify|next-token|autoencode|multi", NULL,
     "name the class at the last step, predict the next token, reproduce the sequence from its end, or all three by heads"},
    {"split-mode", RNN_KV_STR, "overlapping-random", 0, 0,
     "overlapping-random|overlapping-same|semi|disjoint", NULL,
     "what sets test sequences apart: token tuples per class, the same tuples for all, the first token, all "
     "tokens"},
    {"train-fraction", RNN_KV_REAL, "0.8", 0, 1, NULL, NULL,
     "share of the tuples (semi, disjoint: tokens) for training; 1: no test set"},
    {"validation-fraction", RNN_KV_REAL, "0", 0, 0.9, NULL, NULL,
     "share of each class's training tuples set aside for validation"},
    {"train-share", RNN_KV_REAL, "1", 0, 1, NULL, NULL,
     "share of each class's training tuples that is kept (low-data control)"},
    {"shuffle-labels", RNN_KV_BOOL, "false", 0, 1, NULL, NULL,
     "permute the labels among the training sequences (memoriser control)"},
    {"token-noise", RNN_KV_REAL, "0", 0, 1, NULL, "probability",
     "each training token is replaced by a random one; targets stay"},
    {"delay", RNN_KV_UINT, "0", 0, 65536, NULL, "steps",
     "steps without input after the sequence (classify and autoencode)"},
    {NULL, RNN_KV_NULL, NULL, 0, 0, NULL, NULL, NULL}};

static const char *const metrics[] = {"accuracy", "step_accuracy", NULL};
static const char *const multi_metrics[] = {"accuracy", "step_accuracy", "class_accuracy", "next_accuracy", "next_step_accuracy",
                                            "auto_accuracy", "auto_step_accuracy", NULL};

/* floor(f n) of the number meant: 0.7 * 90 is 63 although it is a little less in binary. */
static size_t share(double f, size_t n)
{
    const double x = floor(f * (double)n + 1e-9);
    return x >= (double)n ? n : (size_t)x;
}

/* ---- classes ---- */

static int classes_by_name(const char *list, struct sequence *q, struct rnn_err *err)
{
    for (const char *p = list;;) {
        const size_t len = strcspn(p, ",");
        size_t i = 0;
        while (i < q->n_all && !(strlen(q->all[i].s) == len && !memcmp(q->all[i].s, p, len))) i++;
        if (i == q->n_all)
            return rnn_fail(err, RNN_ERR_ARG,
                            "--types: '%.*s' is not a pattern of length %zu over exactly %zu symbols",
                            (int)(len > 40 ? 40 : len), p, q->n, q->m);
        for (size_t c = 0; c < q->C; c++)
            if (q->cls[c] == i)
                return rnn_fail(err, RNN_ERR_ARG, "--types: '%s' is listed twice", q->all[i].s);
        q->cls[q->C++] = i;
        if (!p[len]) return RNN_OK;
        p += len + 1;
    }
}

/* Rank of subset number `set`: itself when there are at most `max`; else the set-th of a random order without
 * repetition. */
static int subset_rank(const struct rnn_task *t, uint64_t total, uint64_t set, uint64_t max, uint64_t *rank,
                       struct rnn_err *err)
{
    *rank = set;
    if (!max || total <= max) return RNN_OK;
    uint64_t *drawn;
    struct rnn_rng g;
    RNN_TRY(task_structure_rng(&g, t, TASK_SETS, 0, err));
    RNN_TRY(rnn_alloc_into(&drawn, (size_t)set + 1, sizeof *drawn, err));
    for (uint64_t n = 0; n <= set;) {
        uint64_t i = 0;
        drawn[n] = rnn_rng_below(&g, total);
        while (i < n && drawn[i] != drawn[n]) i++;
        n += i == n;
    }
    *rank = drawn[set];
    free(drawn);
    return RNN_OK;
}

static int choose_classes(struct rnn_task *t, struct sequence *q, struct rnn_err *err)
{
    const char *list = task_str(t, "types");
    const size_t want = task_size(t, "n-types");
    const uint64_t set = task_size(t, "type-set"), max = task_size(t, "max-sets");
    RNN_TRY(rnn_alloc_into(&q->cls, q->n_all, sizeof *q->cls, err));
    if (*list) {
        if (want || set)
            return rnn_fail(err, RNN_ERR_ARG,
                            "--types names the classes: leave out --n-types and --type-set");
        return classes_by_name(list, q, err);
    }
    q->C = want ? want : q->n_all;
    if (q->C > q->n_all)
        return rnn_fail(err, RNN_ERR_ARG, "--n-types (%zu) must not exceed the %zu patterns there are", want,
                        q->n_all);
    const uint64_t total = rnn_subsets(q->n_all, q->C), n_sets = max && (max < total || !total) ? max : total;
    if (!total)
        return rnn_fail(err, RNN_ERR_LIMIT, "--n-types (%zu of %zu patterns) has more than 2^64 subsets",
                        q->C, q->n_all);
    if (set >= n_sets)
        return rnn_fail(err, RNN_ERR_ARG, "--type-set (%llu) must be below the number of subsets, %llu",
                        (unsigned long long)set, (unsigned long long)n_sets);
    uint64_t rank;
    RNN_TRY(subset_rank(t, total, set, max, &rank, err));
    rnn_subset_unrank(q->n_all, q->C, rank, q->cls);
    return RNN_OK;
}

/* The letters of every class: its pattern, then its suffix.  The suffix of a pattern is addressed by the
 * pattern, so it does not depend on which others are used. */
static int spell(struct rnn_task *t, struct sequence *q, struct rnn_err *err)
{
    const size_t len = q->n + q->suffix;
    if (q->C * len > MAX_SEQUENCES)
        return rnn_fail(err, RNN_ERR_LIMIT, "%zu classes of %zu letters are more than %llu", q->C, len,
                        (unsigned long long)MAX_SEQUENCES);
    RNN_TRY(rnn_alloc_into(&q->letters, q->C * len, 1, err));
    for (size_t c = 0; c < q->C; c++) {
        unsigned char *l = q->letters + c * len;
        struct rnn_rng g;
        RNN_TRY(task_structure_rng(&g, t, TASK_SUFFIX, q->cls[c], err));
        for (size_t i = 0; i < q->n; i++) l[i] = (unsigned char)(q->all[q->cls[c]].s[i] - 'a');
        for (size_t i = q->n; i < len; i++) l[i] = (unsigned char)rnn_rng_below(&g, q->m);
    }
    return RNN_OK;
}

/* ---- splits ---- */

static int add_item(struct items *to, size_t c, size_t tuple, struct rnn_err *err)
{
    RNN_TRY(rnn_grow(&to->v, &to->cap, to->n + 1, sizeof *to->v, err));
    to->v[to->n++] = (struct item){(uint32_t)c, (uint32_t)tuple, (uint32_t)c};
    return RNN_OK;
}

/* Orders tuples so that training ones come first: idx [n_tuples], *n_train, *n_test follow each other; what
 * fits neither is left out. */
static void divide(const struct sequence *q, double f, size_t *idx, size_t *n_train, size_t *n_test)
{
    const size_t n = (size_t)q->n_tuples;
    *n_train = share(f, n);
    *n_test = n - *n_train;
    if (q->mode == RANDOM || q->mode == SAME) return;
    size_t at = 0, pos[RNN_PATTERN_MAX];
    for (int pass = 0; pass < 2; pass++) {
        for (size_t r = 0; r < n; r++) {
            rnn_tuple_unrank(q->alpha, q->m, r, pos);
            size_t known = 0;
            for (size_t i = 0; i < q->m; i++) known += pos[i] < q->n_known;
            const bool is_train = q->mode == SEMI ? pos[0] < q->n_known : known == q->m;
            const bool is_test = q->mode == SEMI ? !is_train : known == 0;
            if (pass ? is_test : is_train) idx[at++] = r;
        }
        if (!pass) *n_train = at;
    }
    *n_test = at - *n_train;
}

/* The sequences of class c: test, then validation and the kept share from the training part. */
static int divide_class(struct rnn_task *t, struct sequence *q, size_t c, size_t *idx, struct rnn_err *err)
{
    const double keep = task_real(t, "train-share"), hold = task_real(t, "validation-fraction");
    size_t n_train, n_test;
    struct rnn_rng g;
    for (size_t i = 0; i < q->n_tuples; i++) idx[i] = i;
    RNN_TRY(task_structure_rng(&g, t, TASK_TUPLES, q->cls[c], err));
    if (q->mode == RANDOM) rnn_rng_shuffle(&g, (size_t)q->n_tuples, idx);
    divide(q, task_real(t, "train-fraction"), idx, &n_train, &n_test);
    for (size_t i = 0; i < n_test; i++) RNN_TRY(add_item(&q->items[RNN_TEST], c, idx[n_train + i], err));
    if (q->mode != RANDOM && (keep < 1 || hold > 0)) {
        RNN_TRY(task_structure_rng(&g, t, TASK_KEEP, q->cls[c], err));
        rnn_rng_shuffle(&g, n_train, idx);
    }
    const size_t n_val = share(hold, n_train), n_kept = share(keep, n_train - n_val);
    if (!n_kept)
        return rnn_fail(err, RNN_ERR_ARG,
                        "no training sequences are left of class '%s' (%zu of %llu token tuples before "
                        "--validation-fraction and --train-share)",
                        q->all[q->cls[c]].s, n_train, (unsigned long long)q->n_tuples);
    for (size_t i = 0; i < n_kept; i++) RNN_TRY(add_item(&q->items[RNN_TRAIN], c, idx[i], err));
    for (size_t i = n_train - n_val; i < n_train; i++)
        RNN_TRY(add_item(&q->items[RNN_VALIDATION], c, idx[i], err));
    return RNN_OK;
}

static int shuffle_labels(struct rnn_task *t, struct items *train, struct rnn_err *err)
{
    size_t *order;
    struct rnn_rng g;
    RNN_TRY(task_structure_rng(&g, t, TASK_LABELS, 0, err));
    RNN_TRY(rnn_alloc_into(&order, train->n, sizeof *order, err));
    for (size_t i = 0; i < train->n; i++) order[i] = i;
    rnn_rng_shuffle(&g, train->n, order);
    for (size_t i = 0; i < train->n; i++) train->v[i].label = train->v[order[i]].cls;
    free(order);
    return RNN_OK;
}

static int divide_all(struct rnn_task *t, struct sequence *q, struct rnn_err *err)
{
    struct rnn_rng g;
    RNN_TRY(rnn_alloc_into(&q->alphabet, q->alpha, sizeof *q->alphabet, err));
    for (size_t i = 0; i < q->alpha; i++) q->alphabet[i] = i;
    RNN_TRY(task_structure_rng(&g, t, TASK_ALPHABET, 0, err));
    if (q->mode != RANDOM) rnn_rng_shuffle(&g, q->alpha, q->alphabet);
    q->n_known = share(task_real(t, "train-fraction"), q->alpha);
    size_t *idx;
    RNN_TRY(rnn_alloc_into(&idx, (size_t)q->n_tuples, sizeof *idx, err));
    int rc = RNN_OK;
    for (size_t c = 0; c < q->C && rc >= 0; c++) rc = divide_class(t, q, c, idx, err);
    free(idx);
    RNN_TRY(rc);
    return task_bool(t, "shuffle-labels") ? shuffle_labels(t, &q->items[RNN_TRAIN], err) : RNN_OK;
}

/* ---- the task ---- */

static int read_params(struct rnn_task *t, struct sequence *q, struct rnn_err *err)
{
    q->objective = (enum objective)task_choice(t, "objective");
    q->mode = (enum mode)task_choice(t, "split-mode");
    q->n = task_size(t, "pattern-length");
    q->m = task_size(t, "symbols");
    q->alpha = task_size(t, "tokens");
    q->suffix = task_size(t, "suffix");
    q->delay = task_size(t, "delay");
    q->noise = task_real(t, "token-noise");
    if (q->m > q->n)
        return rnn_fail(err, RNN_ERR_ARG, "--symbols (%zu) must not exceed --pattern-length (%zu)", q->m,
                        q->n);
    if (q->alpha < q->m)
        return rnn_fail(err, RNN_ERR_ARG, "--tokens (%zu) must not be fewer than --symbols (%zu)", q->alpha,
                        q->m);
    if ((q->objective == NEXT_TOKEN || q->objective == MULTI) && q->delay)
        return rnn_fail(err, RNN_ERR_ARG, "--delay has no meaning with --objective %s", task_str(t, "objective"));
    if ((q->objective == NEXT_TOKEN || q->objective == AUTOENCODE) && task_bool(t, "shuffle-labels"))
        return rnn_fail(err, RNN_ERR_ARG, "--shuffle-labels has no meaning with --objective %s", task_str(t, "objective"));
    return RNN_OK;
}

static int count_sequences(struct sequence *q, struct rnn_err *err)
{
    q->n_tuples = 1;
    for (size_t i = 0; i < q->m; i++) {
        q->n_tuples *= q->alpha - i;
        if (q->n_tuples * q->C > MAX_SEQUENCES)
            return rnn_fail(err, RNN_ERR_LIMIT,
                            "%zu classes of %zu symbols over %zu tokens are more than %llu sequences", q->C,
                            q->m, q->alpha, (unsigned long long)MAX_SEQUENCES);
    }
    return RNN_OK;
}

static int channels(struct rnn_task *t, struct sequence *q, struct rnn_err *err)
{
    static const char *const prefix[] = {"", "next-", "auto-"};
    const bool is_multi = q->objective == MULTI;
    RNN_TRY(task_channels(&t->channel_in, "token", q->alpha, err));
    RNN_TRY(rnn_alloc_into(&t->channel_out, t->n_out, sizeof *t->channel_out, err));
    for (int h = 0; h < N_HEADS; h++)
        for (size_t c = 0; c < q->head[h].size; c++) {
            char **name = &t->channel_out[q->head[h].at + c];
            *name = h == CLASS ? rnn_strdup(q->all[q->cls[c]].s) : rnn_asprintf("%stoken-%zu", is_multi ? prefix[h] : "", c);
            if (!*name) return rnn_fail(err, RNN_ERR_NOMEM, "no memory for the names of outputs");
        }
    return RNN_OK;
}

/* Which questions are asked, and where the answers are. */
static void set_heads(struct rnn_task *t, struct sequence *q)
{
    static const char *const names[] = {"class", "next", "auto"};
    static const enum objective asks[] = {CLASSIFY, NEXT_TOKEN, AUTOENCODE};
    for (int h = 0; h < N_HEADS; h++) {
        if (q->objective != asks[h] && q->objective != MULTI) continue;
        q->head[h].at = t->n_out;
        q->head[h].size = h == CLASS ? q->C : q->alpha;
        t->n_out += q->head[h].size;
        if (q->objective == MULTI) rnn_heads_add(&t->heads, names[h], q->head[h].size);
    }
    t->is_decoded = q->objective == AUTOENCODE || q->objective == MULTI;
    if (q->objective == MULTI) t->metrics = multi_metrics;
}

static int prepare(struct rnn_task *t, struct rnn_err *err)
{
    struct sequence *q;
    RNN_TRY(rnn_alloc_into(&q, 1, sizeof *q, err));
    t->priv = q;
    RNN_TRY(read_params(t, q, err));
    RNN_TRY(rnn_patterns(q->n, q->m, &q->all, &q->n_all, err));
    RNN_TRY(choose_classes(t, q, err));
    if ((q->objective == CLASSIFY || q->objective == MULTI) && q->C < 2)
        return rnn_fail(err, RNN_ERR_ARG, "--objective %s needs two classes or more", task_str(t, "objective"));
    RNN_TRY(count_sequences(q, err));
    RNN_TRY(spell(t, q, err));
    RNN_TRY(divide_all(t, q, err));
    t->n_in = q->alpha;
    set_heads(t, q);
    t->steps = q->n + q->suffix + q->delay;
    t->loss = RNN_LOSS_CE;
    t->norm = RNN_NORM_WEIGHTS;
    t->readout = RNN_HINT_LINEAR; /* logits: the softmax is in the loss */
    t->closed_loop = q->objective == NEXT_TOKEN && q->suffix > 0;
    t->cue_steps = t->closed_loop ? q->n : 0;
    t->is_finite = true;
    for (int s = 0; s < RNN_N_SPLITS; s++) t->n_emit[s] = t->n_split[s] = q->items[s].n;
    RNN_TRY(channels(t, q, err));
    RNN_TRY(task_period(t, "pattern", 0, q->n, err));
    RNN_TRY(task_period(t, "suffix", q->n, q->n + q->suffix, err));
    return task_period(t, "delay", q->n + q->suffix, t->steps, err);
}

static void release(struct rnn_task *t)
{
    struct sequence *q = t->priv;
    if (!q) return;
    free(q->all);
    free(q->cls);
    free(q->letters);
    free(q->alphabet);
    for (int s = 0; s < RNN_N_SPLITS; s++) free(q->items[s].v);
    free(q);
}

/* ---- trials ---- */

enum column { COL_CLASS, COL_LABEL, COL_PATTERN, COL_CODE, COL_STRING, COL_TOKENS, COL_TRANSITION };

static int columns(const struct rnn_task *t, struct rnn_trials *out, struct rnn_err *err)
{
    const struct sequence *q = t->priv;
    char name[32];
    RNN_TRY(task_col_num(out, "class", err));
    RNN_TRY(task_col_num(out, "label", err));
    RNN_TRY(task_col_str(out, "pattern", q->n, err));
    RNN_TRY(task_col_str(out, "code", q->n - 1, err));
    RNN_TRY(task_col_str(out, "string", q->n + q->suffix, err));
    RNN_TRY(task_col_str(out, "tokens", (q->n + q->suffix) * 6, err));
    for (size_t i = 2; i <= q->n; i++) {
        snprintf(name, sizeof name, "transition%zu", i);
        RNN_TRY(task_col_num(out, name, err));
    }
    return RNN_OK;
}

static void describe(const struct sequence *q, const struct item *it, struct rnn_trials *out, size_t k)
{
    const unsigned char *l = q->letters + it->cls * (q->n + q->suffix);
    const char *pattern = q->all[q->cls[it->cls]].s;
    out->cols[COL_CLASS].v[k] = it->cls;
    out->cols[COL_LABEL].v[k] = it->label;
    memcpy(out->cols[COL_PATTERN].s[k], pattern, q->n);
    rnn_pattern_code(pattern, out->cols[COL_CODE].s[k]);
    for (size_t i = 0; i < q->n + q->suffix; i++) out->cols[COL_STRING].s[k][i] = (char)('a' + l[i]);
    for (size_t i = 1; i < q->n; i++) out->cols[COL_TRANSITION + i - 1].v[k] = pattern[i] != pattern[i - 1];
}

/* A token drawn from those that training sequences can hold. */
static size_t random_token(const struct sequence *q, struct rnn_rng *g)
{
    return q->alphabet[rnn_rng_below(g, q->mode == DISJOINT ? q->n_known : q->alpha)];
}

/* The answer `which` to head h at step s of row k. */
static void ask(const struct sequence *q, struct rnn_trials *out, size_t k, size_t s, enum head h, size_t which)
{
    if (!q->head[h].size) return;
    out->y[(k * out->T + s) * out->n_out + q->head[h].at + which] = 1;
    out->w[k * out->T + s] = 1;
}

/* Row k of out: inputs (noisy when g), targets and weights. */
static void present(const struct sequence *q, const struct item *it, struct rnn_rng *g,
                    struct rnn_trials *out, size_t k)
{
    const size_t len = q->n + q->suffix, T = out->T;
    const unsigned char *l = q->letters + it->cls * len;
    size_t pos[RNN_PATTERN_MAX];
    float *u = out->u + k * T * out->n_in;
    char *text = out->cols[COL_TOKENS].s[k];
    rnn_tuple_unrank(q->alpha, q->m, it->tuple, pos);
    for (size_t s = 0; s < len; s++) {
        const size_t token = q->alphabet[pos[l[s]]];
        const size_t shown = g && rnn_rng_uniform(g) < q->noise ? random_token(q, g) : token;
        u[s * out->n_in + shown] = 1;
        text += sprintf(text, "%s%zu", s ? " " : "", shown);
        if (s > 0) ask(q, out, k, s - 1, NEXT, token);
        ask(q, out, k, s, AUTO, token);
    }
    ask(q, out, k, T - 1, CLASS, it->label);
}

static int trials(const struct rnn_task *t, enum rnn_split split, uint64_t stream, const uint64_t *index,
                  struct rnn_trials *out, struct rnn_err *err)
{
    const struct sequence *q = t->priv;
    const bool is_noisy = split == RNN_TRAIN && q->noise > 0;
    for (size_t k = 0; k < out->K; k++) {
        const uint64_t at = task_row(out, index, k);
        const struct item *it = &q->items[split].v[at];
        struct rnn_rng g;
        if (is_noisy) RNN_TRY(rnn_rng_at(&g, t->seed, RNN_RNG_TOKEN_NOISE, stream, at, split, err));
        describe(q, it, out, k);
        present(q, it, is_noisy ? &g : NULL, out, k);
    }
    return RNN_OK;
}

/* What a head got right: answers and right ones; trials in which every answer that counts was right. */
struct tally { double asked, right, whole; };

/* Trial k at one head; whether all of it that counts was right: from the end of the cue on for the next token, since nobody
 * can know the tokens of the cue. */
static bool tally_trial(const struct sequence *q, const struct rnn_trials *tr, const float *o, size_t k, enum head h, struct tally *n)
{
    const size_t size = q->head[h].size, first = h == NEXT ? q->n - 1 : 0;
    bool all = true;
    for (size_t s = 0; s < tr->T; s++) {
        const size_t at = (k * tr->T + s) * tr->n_out + q->head[h].at, want = task_argmax(tr->y + at, size);
        if (!(tr->w[k * tr->T + s] > 0) || !(tr->y[at + want] > 0)) continue;
        const bool ok = rnn_chooses(o + at, size, want);
        n->asked++;
        n->right += ok;
        if (s >= first) all &= ok;
    }
    n->whole += all;
    return all;
}

/* step_accuracy: share of answers whose largest output is the target's.  accuracy: share of trials where that holds for every
 * answer that counts: the class at the last step, the whole continuation (NaN without a suffix), every token reproduced; with
 * several heads, all of these.  Then the same for each head. */
static int score(const struct rnn_task *t, const struct rnn_trials *tr, const float *o, double *out,
                 struct rnn_err *err)
{
    (void)err;
    const struct sequence *q = t->priv;
    const double K = (double)tr->K;
    struct tally n[N_HEADS] = {{0}}, sum = {0};
    for (size_t k = 0; k < tr->K; k++) {
        bool all = true;
        for (int h = 0; h < N_HEADS; h++)
            if (q->head[h].size) all &= tally_trial(q, tr, o, k, (enum head)h, &n[h]);
        sum.whole += all;
    }
    for (int h = 0; h < N_HEADS; h++) sum.asked += n[h].asked, sum.right += n[h].right;
    out[0] = q->objective == NEXT_TOKEN && !q->suffix ? NAN : sum.whole / K;
    out[1] = sum.right / sum.asked;
    if (q->objective != MULTI) return RNN_OK;
    out[2] = n[CLASS].whole / K;
    out[3] = q->suffix ? n[NEXT].whole / K : NAN;
    out[4] = n[NEXT].right / n[NEXT].asked;
    out[5] = n[AUTO].whole / K;
    out[6] = n[AUTO].right / n[AUTO].asked;
    return RNN_OK;
}

const struct rnn_task_def rnn_task_sequence = {
    .name = "sequence",
    .summary = "classify, continue or reproduce token sequences by their abstract pattern",
    .about = "Every sequence spells an abstract pattern (such as abba) with distinct tokens for its letters. "
             " With --objective classify the "
             "network names the pattern after the last step; with next-token it predicts every next token, "
             "and a suffix drawn once per pattern makes the "
             "continuation depend on the class; with autoencode a decoder reproduces the sequence from the "
             "latent variables of the last state (rnn-train --decoder), and multi asks all three of one "
             "network, each by a head of its own, class, next and auto.  The sequences are finite in number and divided into "
             "training and test ones, disjoint in "
             "content, in one of four ways; --type-set picks one of the subsets of --n-types patterns.",
    .params = params,
    .preset = "schemas",
    .metrics = metrics,
    .prepare = prepare,
    .release = release,
    .columns = columns,
    .trials = trials,
    .score = score};
