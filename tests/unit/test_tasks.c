/* Tasks: published counts, orders, codes, operators, windows and weights; trials as functions of their
 * address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/operator.h"
#include "model/pattern.h"
#include "model/task.h"

static struct rnn_err err;

/* A task from "name=value" words; NULL words end the list. */
static int make(struct rnn_task **t, const char *name, uint64_t seed, const char *const *words)
{
    struct rnn_kvs m = {0};
    for (; words && *words; words++) {
        char key[64];
        const char *eq = strchr(*words, '=');
        snprintf(key, sizeof key, "%.*s", (int)(eq - *words), *words);
        assert_int_equal(rnn_kvs_str(&m, key, eq + 1, &err), RNN_OK);
    }
    const int rc = rnn_task_make(t, name, &m, seed, &err);
    rnn_kvs_release(&m);
    return rc;
}

#define WORDS(...)                                                                                           \
    (const char *const[])                                                                                    \
    {                                                                                                        \
        __VA_ARGS__, NULL                                                                                    \
    }
static struct rnn_task *task(const char *name, uint64_t seed, const char *const *words)
{
    struct rnn_task *t = NULL;
    if (make(&t, name, seed, words) != RNN_OK) fail_msg("%s: %s", name, err.msg);
    return t;
}

static void refused(const char *name, const char *const *words, const char *message)
{
    struct rnn_task *t = NULL;
    assert_int_equal(make(&t, name, 1, words) < 0, 1);
    assert_null(t);
    if (!strstr(err.msg, message)) fail_msg("message '%s' does not say '%s'", err.msg, message);
}

static struct rnn_trials draw(const struct rnn_task *t, enum rnn_split split, uint64_t first, size_t K,
                              size_t horizon)
{
    struct rnn_trials tr;
    if (rnn_task_trials(t, split, 0, NULL, first, K, horizon, &tr, &err) != RNN_OK)
        fail_msg("%s: %s", t->name, err.msg);
    return tr;
}

static const struct rnn_trial_col *column(const struct rnn_trials *tr, const char *name)
{
    for (size_t i = 0; i < tr->n_cols; i++)
        if (!strcmp(tr->cols[i].name, name)) return &tr->cols[i];
    fail_msg("no column '%s'", name);
    return NULL;
}

static void near(double got, double want, double tol)
{
    if (!(fabs(got - want) <= tol)) fail_msg("got %.17g, expected %.17g", got, want);
}

/* ---- patterns ---- */

static void check_order(size_t n, const char *const *want, size_t count)
{
    struct rnn_pattern *p;
    size_t got;
    assert_int_equal(rnn_patterns(n, 2, &p, &got, &err), RNN_OK);
    assert_int_equal(got, count);
    for (size_t i = 0; i < count; i++) assert_string_equal(p[i].s, want[i]);
    free(p);
}

static void patterns_have_the_published_order_and_codes(void **state)
{
    (void)state;
    static const char *const four[] = {"abbb", "abaa", "aaba", "aaab", "aabb", "abab", "abba"};
    static const char *const codes[] = {"DSS", "DDS", "SDD", "SSD", "SDS", "DDD", "DSD"};
    char code[8];
    check_order(4, four, 7);
    check_order(3, (const char *const[]){"abb", "aba", "aab"}, 3);
    for (int i = 0; i < 7; i++) {
        rnn_pattern_code(four[i], code);
        assert_string_equal(code, codes[i]);
    }
}

/* Stirling numbers of the second kind; all distinct, all canonical, exactly m letters. */
static void patterns_are_complete(void **state)
{
    (void)state;
    static const size_t stirling[][3] = {{4, 2, 7},  {5, 2, 15}, {6, 2, 31},  {5, 3, 25},   {6, 3, 90},
                                         {6, 4, 65}, {7, 7, 1},  {24, 24, 1}, {8, 4, 1701}, {3, 1, 1}};
    for (size_t i = 0; i < sizeof stirling / sizeof *stirling; i++) {
        struct rnn_pattern *p;
        size_t got;
        assert_int_equal(rnn_patterns(stirling[i][0], stirling[i][1], &p, &got, &err), RNN_OK);
        assert_int_equal(got, stirling[i][2]);
        for (size_t a = 0; a < got; a++) {
            char top = 'a' - 1;
            for (const char *c = p[a].s; *c; c++) {
                assert_true(*c <= top + 1);
                if (*c > top) top = *c;
            }
            assert_int_equal(top, 'a' + (int)stirling[i][1] - 1);
            for (size_t b = 0; b < a; b++) assert_string_not_equal(p[a].s, p[b].s);
        }
        free(p);
    }
    struct rnn_pattern *p;
    size_t got;
    assert_int_equal(rnn_patterns(20, 2, &p, &got, &err), RNN_ERR_LIMIT);
    assert_int_equal(rnn_patterns(3, 4, &p, &got, &err), RNN_ERR_ARG);
}

static void ranks_count_in_lexicographic_order(void **state)
{
    (void)state;
    size_t prev[4] = {0}, now[4];
    assert_int_equal(rnn_subsets(7, 5), 21);
    assert_int_equal(rnn_subsets(31, 15), 300540195);
    assert_int_equal(rnn_subsets(200, 100), 0);
    for (uint64_t r = 0; r < rnn_subsets(9, 4); r++) {
        rnn_subset_unrank(9, 4, r, now);
        for (int i = 1; i < 4; i++) assert_true(now[i] > now[i - 1]);
        assert_true(now[3] < 9);
        for (int i = 0; r && i < 4; i++)
            if (now[i] != prev[i]) {
                assert_true(now[i] > prev[i]);
                break;
            } else
                assert_true(i < 3);
        memcpy(prev, now, sizeof prev);
    }
    for (uint64_t r = 0; r < 7 * 6 * 5; r++) {
        rnn_tuple_unrank(7, 3, r, now);
        assert_true(now[0] != now[1] && now[1] != now[2] && now[0] != now[2] && now[0] < 7 && now[1] < 7 &&
                    now[2] < 7);
        if (r) assert_true(now[0] * 49 + now[1] * 7 + now[2] > prev[0] * 49 + prev[1] * 7 + prev[2]);
        memcpy(prev, now, sizeof prev);
    }
}

/* ---- sequence ---- */

static void check_sizes(const char *const *words, uint64_t train, uint64_t test)
{
    struct rnn_task *t = task("sequence", 5, words);
    assert_true(t->is_finite);
    assert_int_equal(t->n_split[RNN_TRAIN], train);
    assert_int_equal(t->n_split[RNN_TEST], test);
    assert_int_equal(t->n_split[RNN_VALIDATION], 0);
    rnn_task_free(t);
}

static void sequence_has_the_published_sizes(void **state)
{
    (void)state;
    check_sizes(NULL, 504, 126);
    check_sizes(WORDS("n-types=5"), 360, 90);
    check_sizes(WORDS("split-mode=semi"), 504, 126);
    check_sizes(WORDS("split-mode=disjoint"), 392, 14);
    check_sizes(WORDS("split-mode=overlapping-same"), 504, 126);
    check_sizes(WORDS("train-fraction=0.7857142857142857"), 490, 140); /* 110/140: 70 and 20 a class */
    check_sizes(WORDS("train-fraction=0.7"), 441, 189);                /* 63, not the 62 of truncation */
    check_sizes(WORDS("train-fraction=1"), 630, 0);
    check_sizes(WORDS("train-share=0.125"), 63, 126);
    check_sizes(WORDS("pattern-length=3"), 216, 54);
    check_sizes(WORDS("pattern-length=3", "symbols=3", "objective=next-token", "tokens=5"), 48, 12);
    struct rnn_task *t = task("sequence", 1, WORDS("validation-fraction=0.25"));
    assert_int_equal(t->n_split[RNN_TRAIN], 378);
    assert_int_equal(t->n_split[RNN_VALIDATION], 126);
    rnn_task_free(t);
}

/* Every sequence spells its pattern, has its code and transitions, and its label; "token tuple + pattern"
 * appears once in all splits. */
static void check_contents(const char *mode, const char *rule)
{
    char word[64];
    snprintf(word, sizeof word, "split-mode=%s", mode);
    struct rnn_task *t = task("sequence", 9, WORDS(word, "validation-fraction=0.1", "suffix=2"));
    char(*seen)[64] = calloc(700, sizeof *seen);
    size_t n = 0;
    bool first_known[10] = {false}, any_known[10] = {false};
    for (int s = 0; s < RNN_N_SPLITS; s++) {
        struct rnn_trials tr = draw(t, (enum rnn_split)s, 0, (size_t)t->n_split[s], 0);
        for (size_t k = 0; k < tr.K; k++) {
            int tok[6], name[10];
            const char *pattern = column(&tr, "pattern")->s[k], *string = column(&tr, "string")->s[k];
            assert_int_equal(sscanf(column(&tr, "tokens")->s[k], "%d %d %d %d %d %d", tok, tok + 1, tok + 2,
                                    tok + 3, tok + 4, tok + 5),
                             6);
            memset(name, -1, sizeof name);
            for (int i = 0; i < 6; i++) {
                assert_true(tr.u[(k * 6 + (size_t)i) * 10 + (size_t)tok[i]] == 1);
                if (name[tok[i]] < 0) name[tok[i]] = string[i];
                assert_int_equal(name[tok[i]], string[i]);
            }
            assert_memory_equal(string, pattern, 4);
            assert_string_equal(t->channel_out[(size_t)column(&tr, "class")->v[k]], pattern);
            assert_true(column(&tr, "transition3")->v[k] == (pattern[2] != pattern[1]));
            assert_true(tr.y[(k * 6 + 5) * 7 + (size_t)column(&tr, "class")->v[k]] == 1 &&
                        tr.w[k * 6 + 5] == 1 && tr.w[k * 6 + 4] == 0);
            snprintf(seen[n], sizeof *seen, "%s %s", pattern, column(&tr, "tokens")->s[k]);
            for (size_t j = 0; j < n; j++) assert_string_not_equal(seen[j], seen[n]);
            n++;
            if (s != RNN_TEST) first_known[tok[0]] = any_known[tok[0]] = any_known[tok[1]] = true;
            if (s == RNN_TEST && *rule == 'f') assert_false(first_known[tok[0]]);
            for (int i = 0; i < 6 && s == RNN_TEST && *rule == 'a'; i++) assert_false(any_known[tok[i]]);
        }
        rnn_trials_release(&tr);
    }
    free(seen);
    rnn_task_free(t);
}

static void sequence_splits_are_disjoint(void **state)
{
    (void)state;
    check_contents("overlapping-random", "tuples");
    check_contents("overlapping-same", "first token");
    check_contents("semi", "first token");
    check_contents("disjoint", "any token");
}

static void sequence_subsets_of_classes(void **state)
{
    (void)state;
    char seen[20][64];
    for (int s = 0; s < 20; s++) {
        char word[32];
        snprintf(word, sizeof word, "type-set=%d", s);
        struct rnn_task *t = task("sequence", 3, WORDS("n-types=5", word));
        seen[s][0] = '\0';
        for (size_t c = 0; c < 5; c++) strcat(seen[s], t->channel_out[c]);
        for (int j = 0; j < s; j++) assert_string_not_equal(seen[j], seen[s]);
        rnn_task_free(t);
    }
    refused("sequence", WORDS("n-types=5", "type-set=20"), "below the number of subsets, 20");
    struct rnn_task *t = task("sequence", 3, WORDS("n-types=5", "type-set=20", "max-sets=0"));
    assert_string_equal(t->channel_out[0], "aaba"); /* the last of 21 in lexicographic order */
    rnn_task_free(t);
    t = task("sequence", 3, WORDS("n-types=6", "type-set=6"));
    assert_string_equal(t->channel_out[0], "abaa"); /* few enough: not shuffled */
    rnn_task_free(t);
    t = task("sequence", 3, WORDS("types=abba,aaab"));
    assert_int_equal(t->n_out, 2);
    assert_string_equal(t->channel_out[0], "abba");
    rnn_task_free(t);
    refused("sequence", WORDS("types=abba,abcd"), "'abcd' is not a pattern");
    refused("sequence", WORDS("types=abba,abba"), "listed twice");
    refused("sequence", WORDS("types=abba,abab", "n-types=2"), "leave out --n-types");
    refused("sequence", WORDS("n-types=8"), "must not exceed the 7 patterns");
    refused("sequence", WORDS("types=abba"), "two classes");
}

static void sequence_next_token_targets_and_score(void **state)
{
    (void)state;
    struct rnn_task *t = task("sequence", 2, WORDS("objective=next-token", "suffix=2", "n-types=5"));
    assert_true(t->closed_loop);
    assert_int_equal(t->cue_steps, 4);
    assert_int_equal(t->n_out, 10);
    struct rnn_trials tr = draw(t, RNN_TEST, 0, 10, 0);
    for (size_t k = 0; k < 10; k++)
        for (size_t s = 0; s < 6; s++) {
            near(tr.w[k * 6 + s], s < 5, 0);
            if (s < 5)
                assert_memory_equal(tr.y + (k * 6 + s) * 10, tr.u + (k * 6 + s + 1) * 10, 10 * sizeof(float));
        }
    float *o = malloc(600 * sizeof *o);
    double m[2];
    memcpy(o, tr.y, 600 * sizeof *o);
    t->def->score(t, &tr, o, m, &err);
    near(m[0], 1, 0);
    memset(o + (0 * 6 + 1) * 10, 0, 10 * sizeof *o); /* wrong within the cue: no harm to the completion */
    o[(0 * 6 + 1) * 10 + (tr.u[(0 * 6 + 2) * 10] > 0 ? 1 : 0)] = 1;
    t->def->score(t, &tr, o, m, &err);
    near(m[0], 1, 0);
    near(m[1], 49.0 / 50, 1e-12);
    memset(o + (3 * 6 + 3) * 10, 0, 10 * sizeof *o); /* wrong at the first completed token */
    o[(3 * 6 + 3) * 10 + (tr.u[(3 * 6 + 4) * 10] > 0 ? 1 : 0)] = 1;
    t->def->score(t, &tr, o, m, &err);
    near(m[0], 0.9, 1e-12);
    free(o);
    rnn_trials_release(&tr);
    rnn_task_free(t);
    t = task("sequence", 2, WORDS("objective=next-token"));
    assert_false(t->closed_loop);
    rnn_task_free(t);
    refused("sequence", WORDS("objective=next-token", "delay=2"), "--delay has no meaning");
    refused("sequence", WORDS("objective=next-token", "shuffle-labels=true"),
            "--shuffle-labels has no meaning");
}

static void sequence_controls(void **state)
{
    (void)state;
    struct rnn_task *t = task("sequence", 4, WORDS("shuffle-labels=true"));
    struct rnn_trials tr = draw(t, RNN_TRAIN, 0, 504, 0), te = draw(t, RNN_TEST, 0, 126, 0);
    size_t count[7] = {0}, same = 0;
    for (size_t k = 0; k < 504; k++) {
        const size_t label = (size_t)column(&tr, "label")->v[k];
        count[label]++;
        same += label == (size_t)column(&tr, "class")->v[k];
        assert_true(tr.y[(k * 4 + 3) * 7 + label] == 1);
    }
    for (int c = 0; c < 7; c++) assert_int_equal(count[c], 72);
    assert_true(same > 36 && same < 108); /* chance is 72 +- 8 */
    for (size_t k = 0; k < 126; k++) near(column(&te, "label")->v[k], column(&te, "class")->v[k], 0);
    rnn_trials_release(&tr);
    rnn_trials_release(&te);
    rnn_task_free(t);

    t = task("sequence", 4, WORDS("token-noise=0.3"));
    struct rnn_task *clean = task("sequence", 4, NULL);
    tr = draw(t, RNN_TRAIN, 0, 504, 0);
    struct rnn_trials ref = draw(clean, RNN_TRAIN, 0, 504, 0);
    size_t changed = 0;
    for (size_t i = 0; i < 504 * 4; i++)
        changed += memcmp(tr.u + i * 10, ref.u + i * 10, 10 * sizeof(float)) != 0;
    near((double)changed / 2016, 0.27, 0.03); /* a tenth of the replacements changes nothing; sd 0.01 */
    assert_memory_equal(tr.y, ref.y, 504 * 4 * 7 * sizeof(float));
    rnn_trials_release(&tr);
    rnn_trials_release(&ref);
    tr = draw(t, RNN_TEST, 0, 126, 0);
    ref = draw(clean, RNN_TEST, 0, 126, 0);
    assert_memory_equal(tr.u, ref.u, 126 * 4 * 10 * sizeof(float));
    rnn_trials_release(&tr);
    rnn_trials_release(&ref);
    rnn_task_free(t);
    rnn_task_free(clean);
}

/* ---- cue discrimination, delayed activation ---- */

/* Accuracy of a network that answers from first to last step of every trial: the window decides how often
 * that is early. */
static double early_answer(const char *const *words)
{
    struct rnn_task *t = task("cue-discrimination", 1, words);
    struct rnn_trials tr = draw(t, RNN_TEST, 0, 128, 0);
    float *o = calloc(tr.K * tr.T * 2, sizeof *o);
    double m[2];
    for (size_t k = 0; k < tr.K; k++)
        for (size_t s = 0; s < tr.T; s++) o[(k * tr.T + s) * 2 + (size_t)column(&tr, "cue")->v[k]] = 1;
    t->def->score(t, &tr, o, m, &err);
    free(o);
    rnn_trials_release(&tr);
    rnn_task_free(t);
    return m[0];
}

/* The published windows: one step early everywhere; two early at 300 ms, nine steps at 320, eleven with two
 * early at 440. */
static void cue_windows(void **state)
{
    (void)state;
    for (int delay = 0; delay <= 400; delay += 20) {
        char word[32];
        snprintf(word, sizeof word, "delay-ms=%d", delay);
        near(early_answer(WORDS(word, "published-window=true")),
             delay == 300   ? 0.9
             : delay == 320 ? 0.9444
                            : 0.95,
             1e-12);
        near(early_answer(WORDS(word)), 1, 0);
    }
    near(early_answer(WORDS("delay-ms=440", "published-window=true")), 0.9091, 1e-12);
    near(early_answer(WORDS("delay-ms=800", "published-window=true")), 0.95, 1e-12);
    near(early_answer(WORDS("delay-ms=100", "post-ms=30", "published-window=true")), 0.95, 1e-12);
}

static void cue_trials_and_weights(void **state)
{
    (void)state;
    struct rnn_task *t = task("cue-discrimination", 1, WORDS("delay-ms=60", "post-ms=30"));
    assert_int_equal(t->steps, 34);
    assert_true(t->is_static);
    struct rnn_trials tr = draw(t, RNN_TRAIN, 0, 2, 0);
    double early = 0, late = 0;
    for (size_t s = 0; s < 34; s++) {
        near(tr.u[s * 2 + 1], s < 6, 0); /* type A: channel 1 */
        near(tr.u[s * 2], 0, 0);
        near(tr.u[(34 + s) * 2], s < 6, 0); /* type B: channel 0 */
        near(tr.y[s * 2 + 1], s >= 18 && s < 28, 0);
        near(tr.y[(34 + s) * 2], s >= 18 && s < 28, 0);
        near(tr.w[s], s < 18 ? 16.0 / 34 : 1 - 16.0 / 34, 1e-15);
        *(s < 18 ? &early : &late) += tr.w[s];
    }
    near(early, late, 1e-12);
    rnn_trials_release(&tr);
    rnn_task_free(t);

    t = task("cue-discrimination", 1, WORDS("no-memory=true", "response-ms=300", "published-window=true"));
    assert_int_equal(t->steps, 66);
    tr = draw(t, RNN_TRAIN, 0, 2, 0);
    for (size_t s = 0; s < 66; s++) {
        near(tr.y[s * 2 + 1], 1, 0);
        near(tr.w[s], 1, 0);
    }
    double m[2];
    float *o =
        calloc(2 * 66 * 2, sizeof *o); /* right at the last step only: half of the window of two at 300 ms */
    for (size_t k = 0; k < 2; k++)
        for (size_t s = 0; s < 66; s++) o[(k * 66 + s) * 2 + (s == 65 ? 1 - k : k)] = 1;
    t->def->score(t, &tr, o, m, &err);
    near(m[0], 0.5, 1e-12);
    near(m[1], 0.5, 1e-12);
    free(o);
    rnn_trials_release(&tr);
    rnn_task_free(t);
    refused("cue-discrimination", WORDS("no-memory=true", "delay-ms=20"),
            "neither a delay nor a post period");
    refused("cue-discrimination", WORDS("delay-ms=33"), "not a multiple of --dt-ms (5)");
    refused("cue-discrimination", WORDS("delay-ms=-5"), "must be at least 0");
}

static void activation_weights(void **state)
{
    (void)state;
    struct rnn_task *t = task("delayed-activation", 1, WORDS("delay-ms=30", "response-ms=10", "post-ms=30"));
    assert_int_equal(t->n_in, 0);
    assert_int_equal(t->steps, 14);
    struct rnn_trials tr = draw(t, RNN_TRAIN, 0, 3, 0);
    double m[2];
    for (size_t s = 0; s < 42; s++) {
        near(tr.y[s], s % 14 == 6 || s % 14 == 7, 0);
        near(tr.w[s], s % 14 < 6 ? 1 - 6.0 / 14 : 6.0 / 14, 1e-15);
    }
    float *o = calloc(42, sizeof *o);
    t->def->score(t, &tr, o, m, &err);
    near(m[0], 1 - (2 * 6.0 / 14) / (2 * 6 * 8.0 / 14), 1e-12);
    near(m[1], 2 * (6.0 / 14) / 14, 1e-12);
    free(o);
    rnn_trials_release(&tr);
    rnn_task_free(t);
}

/* ---- history ---- */

static void check_ids(const char *ids, const char *want)
{
    uint64_t id[3];
    struct rnn_select sel[8];
    assert_int_equal(rnn_operator_parse_ids(ids, id, &err), RNN_OK);
    assert_int_equal(rnn_operator_from_ids(id, 8, 8, sel, &err), RNN_OK);
    char *text = rnn_operator_text(8, sel);
    assert_string_equal(text, want);
    free(text);
}

static void published_operators(void **state)
{
    (void)state;
    uint64_t id[3];
    struct rnn_select sel[64];
    check_ids("255,0,0", "+ 1 1; + 1 2; + 1 3; + 1 4; + 1 5; + 1 6; + 1 7; + 1 8");
    check_ids("9241421688590303745,0,0", "+ 1 1; + 2 2; + 3 3; + 4 4; + 5 5; + 6 6; + 7 7; + 8 8");
    check_ids("9241421688590303745,262676,189", "- 5 5; + 4 4; - 3 3; - 1 1; - 2 2; - 6 6; + 8 8; - 7 7");
    check_ids("9241421688590303745,38637,145", "- 6 6; + 7 7; + 1 1; + 2 2; - 3 3; + 4 4; + 5 5; - 8 8");
    assert_int_equal(rnn_operator_parse_ids("1,2", id, &err), RNN_ERR_ARG);
    assert_int_equal(rnn_operator_parse_ids("1,2,-3", id, &err), RNN_ERR_ARG);
    assert_int_equal(rnn_operator_parse_ids("18446744073709551616,0,0", id, &err), RNN_ERR_ARG);
    assert_int_equal(rnn_operator_from_ids((uint64_t[]){127, 0, 0}, 8, 8, sel, &err),
                     RNN_ERR_ARG); /* seven bits */
    assert_int_equal(rnn_operator_from_ids((uint64_t[]){255, 0, 256}, 8, 8, sel, &err), RNN_ERR_ARG);
    assert_int_equal(rnn_operator_from_ids((uint64_t[]){255, 7 << 3, 0}, 8, 8, sel, &err),
                     RNN_ERR_ARG); /* digit 7 at place 1 */
    assert_int_equal(rnn_operator_from_ids((uint64_t[]){255, 0, 0}, 9, 8, sel, &err), RNN_ERR_ARG);
    assert_int_equal(rnn_operator_from_ids((uint64_t[]){1u << 9, 0, 0}, 3, 3, sel, &err), RNN_ERR_ARG);
}

static void operator_texts(void **state)
{
    (void)state;
    struct rnn_select *sel;
    size_t lags, dims;
    assert_int_equal(
        rnn_operator_from_text("# two; outputs\n + 3 2 # newest\n\n-1 1\n", &lags, &dims, &sel, &err),
        RNN_OK);
    assert_int_equal(lags, 3);
    assert_int_equal(dims, 2);
    double F[12];
    rnn_operator_matrix(3, 2, sel, F);
    for (int i = 0; i < 12; i++) near(F[i], i == 5 ? 1 : i == 6 ? -1 : 0, 0);
    char *text = rnn_operator_text(2, sel);
    assert_string_equal(text, "+ 3 2; - 1 1");
    free(text);
    free(sel);
    assert_int_equal(rnn_operator_from_text("+ 1 2", &lags, &dims, &sel, &err), RNN_ERR_ARG);
    assert_int_equal(rnn_operator_from_text("* 1 1", &lags, &dims, &sel, &err), RNN_ERR_ARG);
    assert_int_equal(rnn_operator_from_text("+ 1 1 1", &lags, &dims, &sel, &err), RNN_ERR_ARG);
    assert_int_equal(rnn_operator_from_text("+ 0 1", &lags, &dims, &sel, &err), RNN_ERR_ARG);
    assert_int_equal(rnn_operator_from_text(" ;\n", &lags, &dims, &sel, &err), RNN_ERR_ARG);
}

/* Targets against the definition, u(t) = F (u(t-s); ..; u(t-1)), multiplied out. */
static void check_recurrence(struct rnn_task *t, size_t horizon)
{
    struct rnn_trials tr = draw(t, RNN_TEST, 3, 2, horizon);
    const size_t s = t->lags, n = t->dims;
    assert_int_equal(tr.T, s + horizon);
    for (size_t k = 0; k < 2; k++) {
        const float *u = tr.u + k * tr.T * n, *y = tr.y + k * tr.T * n;
        for (size_t step = 0; step < tr.T; step++) {
            near(tr.w[k * tr.T + step], step >= s, 0);
            for (size_t i = 0; i < n; i++) {
                double want = 0;
                for (size_t c = 0; c < s * n && step >= s; c++) {
                    const size_t at = (step - s) * n + c;
                    want += t->F[i * s * n + c] * (at < s * n ? u[at] : y[at]);
                }
                near(y[step * n + i], want, 1e-6);
                if (step >= s) near(u[step * n + i], 0, 0);
            }
        }
    }
    rnn_trials_release(&tr);
    rnn_task_free(t);
}

static void history_targets(void **state)
{
    (void)state;
    check_recurrence(task("repeat-copy", 1, WORDS("length=4", "dims=3")), 200);
    check_recurrence(task("compose-copy", 1, WORDS("length=3", "dims=5", "values=gauss")), 40);
    check_recurrence(task("history", 1, WORDS("ids=9241421688590303745,262676,189")), 100);
    check_recurrence(task("history", 1, WORDS("operator=- 2 2; + 3 1", "length=5", "values=uniform")), 33);
    struct rnn_task *t = task("repeat-copy", 1, WORDS("length=4", "dims=3"));
    struct rnn_trials tr = draw(t, RNN_TEST, 0, 1, 16);
    for (size_t i = 0; i < 16 * 3; i++) near(tr.y[4 * 3 + i], tr.u[i % 12], 0);
    double m[2];
    float *o = calloc(20 * 3, sizeof *o);
    for (size_t i = 0; i < 60; i++) o[i] = 0.1f * tr.y[i];
    o[13] = -o[13];
    t->def->score(t, &tr, o, m, &err);
    near(m[0], 47.0 / 48, 1e-12); /* the sign decides, and the input phase does not count */
    free(o);
    rnn_trials_release(&tr);
    rnn_task_free(t);
    refused("history", NULL, "needs one of --ids and --operator");
    refused("history", WORDS("ids=255,0,0", "operator=+ 1 1"), "only one of");
    refused("history", WORDS("operator=+ 3 1", "length=2"), "must reach the largest variable");
    refused("history", WORDS("operator=+ 3 1", "dims=2"), "number of outputs");
}

static void binary_values_score_by_the_nearest_level(void **state)
{
    (void)state;
    struct rnn_task *t = task("history", 1, WORDS("operator=- 1 1", "values=binary"));
    struct rnn_trials tr = draw(t, RNN_TEST, 0, 200, 10);
    double m[2], levels[3] = {0};
    for (size_t i = 0; i < 200 * 11; i++)
        if (tr.w[i] > 0) levels[(int)tr.y[i] + 1]++;
    assert_true(levels[0] > 0 && levels[1] > 0 && levels[2] > 0); /* -x, x, -x, ... of x in {0, 1} */
    float *o = malloc(2200 * sizeof *o);
    for (size_t i = 0; i < 2200; i++) o[i] = tr.y[i] * 1.7f + 0.4f * (tr.y[i] == 0);
    t->def->score(t, &tr, o, m, &err);
    near(m[0], 1, 0);
    for (size_t i = 0; i < 2200; i++) o[i] = 0;
    t->def->score(t, &tr, o, m, &err);
    near(m[0], levels[1] / 2000, 1e-12);
    free(o);
    rnn_trials_release(&tr);
    rnn_task_free(t);
}

/* ---- flip-flop ---- */

static void flipflop_holds_the_last_pulse(void **state)
{
    (void)state;
    for (int zero = 0; zero < 2; zero++) {
        struct rnn_task *t = task(
            "flip-flop", 1, WORDS("bits=5", zero ? "start=zero" : "start=pulse", "pulse-probability=0.25"));
        struct rnn_trials tr = draw(t, RNN_TRAIN, 0, 200, 0);
        double pulses = 0, sum = 0;
        for (size_t k = 0; k < 200; k++)
            for (size_t b = 0; b < 5; b++) {
                float held = 0;
                for (size_t s = 0; s < 64; s++) {
                    const float u = tr.u[(k * 64 + s) * 5 + b];
                    assert_true(u == 0 || u == 1 || u == -1);
                    if (s == 0)
                        assert_true((u == 0) == zero);
                    else
                        pulses += u != 0, sum += u;
                    if (u != 0) held = u;
                    near(tr.y[(k * 64 + s) * 5 + b], held, 0);
                }
            }
        near(pulses / (200 * 5 * 63), 0.25, 0.01); /* sd 0.0017 */
        near(sum / pulses, 0, 0.05);               /* sd 0.008 */
        rnn_trials_release(&tr);
        rnn_task_free(t);
    }
}

/* ---- what holds for every task ---- */

static struct rnn_task *any_task(const struct rnn_task_def *def, uint64_t seed)
{
    if (!strcmp(def->name, "history")) return task("history", seed, WORDS("ids=255,0,0"));
    if (!strcmp(def->name, "sequence")) return task("sequence", seed, WORDS("token-noise=0.2", "suffix=1"));
    return task(def->name, seed, NULL);
}

static void same_row(const struct rnn_trials *a, size_t i, const struct rnn_trials *b, size_t j)
{
    const size_t in = a->T * a->n_in, out = a->T * a->n_out;
    assert_int_equal(a->T, b->T);
    if (in) assert_memory_equal(a->u + i * in, b->u + j * in, in * sizeof(float));
    assert_memory_equal(a->y + i * out, b->y + j * out, out * sizeof(float));
    assert_memory_equal(a->w + i * a->T, b->w + j * a->T, a->T * sizeof(double));
    for (size_t c = 0; c < a->n_cols; c++) {
        if (a->cols[c].s)
            assert_string_equal(a->cols[c].s[i], b->cols[c].s[j]);
        else
            near(a->cols[c].v[i], b->cols[c].v[j], 0);
    }
}

static void trials_depend_on_their_address_only(void **state)
{
    (void)state;
    size_t n;
    const struct rnn_task_def *const *defs = rnn_task_defs(&n);
    for (size_t d = 0; d < n; d++) {
        struct rnn_task *t = any_task(defs[d], 11);
        struct rnn_trials many = draw(t, RNN_TRAIN, 0, 20, 0), one = draw(t, RNN_TRAIN, 13, 1, 0), some;
        same_row(&many, 13, &one, 0);
        assert_int_equal(rnn_task_trials(t, RNN_TRAIN, 0, (const uint64_t[]){19, 2, 2}, 0, 3, 0, &some, &err),
                         RNN_OK);
        same_row(&many, 19, &some, 0);
        same_row(&many, 2, &some, 2);
        assert_int_equal(rnn_task_refill(t, (const uint64_t[]){4, 13, 0}, 0, &some, &err), RNN_OK);
        same_row(&many, 4, &some, 0);
        same_row(&many, 13, &some, 1);
        assert_int_equal(rnn_task_refill(t, NULL, 5, &some, &err), RNN_OK);
        same_row(&many, 7, &some, 2);
        rnn_trials_release(&some);
        rnn_trials_release(&one);
        rnn_trials_release(&many);
        rnn_task_free(t);
    }
}

/* How many of the first 40 trials two addresses share. */
static size_t shared(const struct rnn_task *a, enum rnn_split sa, uint64_t stream_a, const struct rnn_task *b,
                     enum rnn_split sb, uint64_t stream_b)
{
    struct rnn_trials x, y;
    size_t same = 0;
    assert_int_equal(rnn_task_trials(a, sa, stream_a, NULL, 0, 40, 0, &x, &err), RNN_OK);
    assert_int_equal(rnn_task_trials(b, sb, stream_b, NULL, 0, 40, 0, &y, &err), RNN_OK);
    for (size_t k = 0; k < 40; k++)
        same += !memcmp(x.u + k * x.T * x.n_in, y.u + k * x.T * x.n_in, x.T * x.n_in * sizeof(float));
    rnn_trials_release(&x);
    rnn_trials_release(&y);
    return same;
}

static void streams_splits_and_seeds_differ(void **state)
{
    (void)state;
    static const char *const names[] = {"repeat-copy", "flip-flop"};
    for (int i = 0; i < 2; i++) {
        struct rnn_task *t = task(names[i], 1, NULL), *u = task(names[i], 2, NULL);
        assert_int_equal(shared(t, RNN_TRAIN, 0, t, RNN_TRAIN, 0), 40);
        assert_int_equal(shared(t, RNN_TRAIN, 0, t, RNN_TRAIN, 1), 0);
        assert_int_equal(shared(t, RNN_TRAIN, 0, t, RNN_TEST, 0), 0);
        assert_int_equal(shared(t, RNN_VALIDATION, 0, t, RNN_TEST, 0), 0);
        assert_int_equal(shared(t, RNN_TEST, 0, u, RNN_TEST, 0), 0);
        struct rnn_trials tr;
        assert_int_equal(rnn_task_trials(t, RNN_TRAIN, (uint64_t)1 << 26, NULL, 0, 1, 0, &tr, &err),
                         RNN_ERR_LIMIT);
        assert_int_equal(rnn_task_trials(t, RNN_TRAIN, 0, NULL, (uint64_t)1 << 32, 1, 0, &tr, &err),
                         RNN_ERR_LIMIT);
        rnn_task_free(t);
        rnn_task_free(u);
    }
}

/* A longer horizon prolongs a trial without changing its beginning. */
static void horizons_prolong(void **state)
{
    (void)state;
    struct rnn_task *t = task("compose-copy", 1, WORDS("length=3"));
    struct rnn_trials a = draw(t, RNN_TRAIN, 4, 1, 10), b = draw(t, RNN_TRAIN, 4, 1, 50);
    assert_memory_equal(a.u, b.u, 13 * 3 * sizeof(float));
    assert_memory_equal(a.y, b.y, 13 * 3 * sizeof(float));
    rnn_trials_release(&a);
    rnn_trials_release(&b);
    rnn_task_free(t);
    t = task("flip-flop", 1, NULL);
    assert_int_equal(rnn_task_trials(t, RNN_TRAIN, 0, NULL, 0, 1, 10, &a, &err), RNN_ERR_ARG);
    rnn_task_free(t);
}

/* A task made again from its own parameters is the same task, as streams need. */
static void parameters_are_complete(void **state)
{
    (void)state;
    size_t n;
    const struct rnn_task_def *const *defs = rnn_task_defs(&n);
    for (size_t d = 0; d < n; d++) {
        struct rnn_task *a = any_task(defs[d], 3), *b = NULL;
        assert_int_equal(rnn_task_make(&b, a->name, &a->params, a->seed, &err), RNN_OK);
        assert_int_equal(a->params.n, b->params.n);
        for (size_t i = 0; i < a->params.n; i++) {
            char *x = rnn_kv_text(&a->params.v[i]), *y = rnn_kv_text(&b->params.v[i]);
            assert_string_equal(a->params.v[i].key, defs[d]->params[i].name);
            assert_string_equal(x, y);
            assert_string_not_equal(x, "nan");
            free(x);
            free(y);
        }
        assert_int_equal(a->steps, b->steps);
        for (int s = 0; s < RNN_N_SPLITS; s++) assert_int_equal(a->n_split[s], b->n_split[s]);
        for (size_t p = 0; p < a->n_periods; p++)
            assert_int_equal(a->periods[p].start, p ? a->periods[p - 1].stop : 0);
        assert_int_equal(a->periods[a->n_periods - 1].stop, a->steps);
        rnn_task_free(a);
        rnn_task_free(b);
    }
}

/* What is not a number is right nowhere, though no comparison says that it is wrong. */
static void nothing_scores_nothing(void **state)
{
    (void)state;
    struct rnn_task *t[] = {
        task("sequence", 1, NULL), task("cue-discrimination", 1, NULL), task("cue-discrimination", 1, WORDS("no-memory=true")),
        task("delayed-activation", 1, NULL), task("repeat-copy", 1, NULL), task("repeat-copy", 1, WORDS("values=binary")),
        task("repeat-copy", 1, WORDS("values=gauss")), task("flip-flop", 1, NULL), task("flip-flop", 1, WORDS("start=zero")),
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct rnn_trials tr = draw(t[i], RNN_TEST, 0, 10, 0);
        double m[8];
        const size_t n = tr.K * tr.T * tr.n_out;
        float *o = malloc(n * sizeof *o);
        for (size_t j = 0; j < n; j++) o[j] = NAN;
        assert_int_equal(t[i]->def->score(t[i], &tr, o, m, &err), RNN_OK);
        if (m[0] != 0) fail_msg("%s (%zu): accuracy %g", t[i]->name, i, m[0]);
        free(o);
        rnn_trials_release(&tr);
        rnn_task_free(t[i]);
    }
}

/* Perfect outputs score 1, whatever the task. */
static void targets_score_full_marks(void **state)
{
    (void)state;
    size_t n;
    const struct rnn_task_def *const *defs = rnn_task_defs(&n);
    for (size_t d = 0; d < n; d++) {
        struct rnn_task *t = any_task(defs[d], 8);
        struct rnn_trials tr = draw(t, RNN_TEST, 0, 30, 0);
        double m[8];
        assert_int_equal(t->def->score(t, &tr, tr.y, m, &err), RNN_OK);
        near(m[0], 1, 0);
        rnn_trials_release(&tr);
        rnn_task_free(t);
    }
}

static void misuse_is_refused(void **state)
{
    (void)state;
    struct rnn_trials tr;
    struct rnn_task *t = NULL;
    assert_int_equal(make(&t, "no-such", 1, NULL), RNN_ERR_ARG);
    refused("flip-flop", WORDS("bit=3"), "--bit: task 'flip-flop' has no such parameter");
    refused("flip-flop", WORDS("bits=0"), "must lie between 1 and 4096");
    refused("flip-flop", WORDS("bits=two"), "not a whole number");
    refused("flip-flop", WORDS("start=maybe"), "must be one of pulse|zero");
    refused("flip-flop", WORDS("pulse-probability=nan"), "not a number");
    refused("sequence", WORDS("symbols=5"), "must not exceed --pattern-length");
    refused("sequence", WORDS("tokens=2", "symbols=3"), "fewer than --symbols");
    refused("sequence", WORDS("tokens=65536"), "more than 16777216 sequences");
    refused("sequence", WORDS("split-mode=disjoint", "train-fraction=0.1"), "no training sequences are left");
    refused("repeat-copy", WORDS("length=65536", "dims=65536"), "more than 65536 elements");
    refused("flip-flop", WORDS("bits=4096", "steps=1000000"), "more than 268435456 numbers");
    refused("sequence", WORDS("pattern-length=12", "suffix=65536"), "letters are more than");
    t = task("sequence", 1, NULL);
    assert_int_equal(rnn_task_trials(t, RNN_TEST, 0, NULL, 120, 7, 0, &tr, &err), RNN_ERR_ARG);
    assert_int_equal(rnn_task_trials(t, RNN_VALIDATION, 0, NULL, 0, 1, 0, &tr, &err), RNN_ERR_ARG);
    assert_int_equal(rnn_task_trials(t, RNN_VALIDATION, 0, NULL, 0, 0, 0, &tr, &err), RNN_OK);
    rnn_trials_release(&tr);
    rnn_task_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_have_the_published_order_and_codes),
        cmocka_unit_test(patterns_are_complete),
        cmocka_unit_test(ranks_count_in_lexicographic_order),
        cmocka_unit_test(sequence_has_the_published_sizes),
        cmocka_unit_test(sequence_splits_are_disjoint),
        cmocka_unit_test(sequence_subsets_of_classes),
        cmocka_unit_test(sequence_next_token_targets_and_score),
        cmocka_unit_test(sequence_controls),
        cmocka_unit_test(cue_windows),
        cmocka_unit_test(cue_trials_and_weights),
        cmocka_unit_test(activation_weights),
        cmocka_unit_test(published_operators),
        cmocka_unit_test(operator_texts),
        cmocka_unit_test(history_targets),
        cmocka_unit_test(binary_values_score_by_the_nearest_level),
        cmocka_unit_test(flipflop_holds_the_last_pulse),
        cmocka_unit_test(trials_depend_on_their_address_only),
        cmocka_unit_test(streams_splits_and_seeds_differ),
        cmocka_unit_test(horizons_prolong),
        cmocka_unit_test(parameters_are_complete),
        cmocka_unit_test(nothing_scores_nothing),
        cmocka_unit_test(targets_score_full_marks),
        cmocka_unit_test(misuse_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
