/* Donors and conditions of rnn-transfer. */
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "codec/codec.h"
#include "tool/transfer.h"

/* ---- donors ---- */

static void free_segment(struct tool_donor_segment *s)
{
    for (size_t i = 0; i < s->n; i++) rnn_net_free(s->nets[i]);
    free(s->nets);
    if (s->test.K) rnn_trials_release(&s->test);
    tool_items_clear(&s->items);
}

void tool_donors_release(struct tool_donors *d)
{
    for (size_t i = 0; i < d->n; i++) {
        for (size_t k = 0; k < d->v[i].n_segments; k++) free_segment(&d->v[i].segments[k]);
        free(d->v[i].segments);
        free(d->v[i].name);
        if (d->v[i].reader) rnn_reader_close(d->v[i].reader);
    }
    free(d->v);
    *d = (struct tool_donors){ 0 };
}

/* Snapshots are earlier states of a net that follows: they are no donors. */
static int take_net(struct tool_donor_segment *s, struct rnn_net *net, struct rnn_err *err)
{
    const bool is_snapshot = rnn_kvs_find(&net->training, "snapshot") != NULL;
    const int rc = is_snapshot ? RNN_OK : rnn_grow(&s->nets, &s->cap, s->n + 1, sizeof *s->nets, err);
    if (rc < 0 || is_snapshot) rnn_net_free(net);
    else s->nets[s->n++] = net;
    return rc;
}

static int take_frame(struct tool_donor *d, const struct rnn_frame *f, struct rnn_net **open, struct rnn_err *err)
{
    struct rnn_net *whole;
    RNN_TRY(rnn_net_take(open, f, &whole, err));
    if (whole) return take_net(&d->segments[d->n_segments - 1], whole, err);
    if (strcmp(f->kind, "head") != 0) return tool_items_frame(&d->segments[d->n_segments - 1].items, f, err);
    RNN_TRY(rnn_grow(&d->segments, &d->cap_segments, d->n_segments + 1, sizeof *d->segments, err));
    d->segments[d->n_segments++] = (struct tool_donor_segment){ 0 };
    return RNN_OK;
}

/* Held-out trials of the donor's own task; where there are none, those it was trained on. */
static int own_trials(struct tool_donor_segment *s, struct rnn_err *err)
{
    const struct tool_task *t = s->n && s->nets[0]->task ? tool_items_find(&s->items, s->nets[0]->task) : NULL;
    struct tool_choice want = { .split = RNN_TEST };
    const char *given;
    if (!t) return RNN_OK;
    s->task = t->task;
    if (t->task->is_finite && !t->task->n_split[RNN_TEST]) want.split = RNN_TRAIN;
    if (!t->task->def && !t->n_blocks) return RNN_OK;
    return tool_choose_trials(t, &want, &s->test, &given, err);
}

static int read_frames(struct tool_donor *d, const char *path, struct rnn_err *err)
{
    struct rnn_frame f;
    struct rnn_net *open = NULL;
    int rc;
    while ((rc = rnn_reader_next(d->reader, &f, err)) == RNN_OK) {
        if ((rc = take_frame(d, &f, &open, err)) < 0) {
            rnn_fail(err, rc, "%s: %s", path, err->msg);
            break;
        }
    }
    rnn_net_free(open);
    return rc;
}

static int read_donor(struct tool_donor *d, const char *path, size_t max_frame, struct rnn_err *err)
{
    RNN_TRY(rnn_reader_open(&d->reader, path, max_frame, err));
    RNN_TRY(read_frames(d, path, err));
    d->digest = rnn_reader_digest(d->reader);
    for (size_t i = 0; i < d->n_segments; i++) {
        if (!d->segments[i].n) return rnn_fail(err, RNN_ERR_FORMAT, "%s: segment %zu holds no nets", path, i);
        RNN_TRY(own_trials(&d->segments[i], err));
    }
    return RNN_OK;
}

static int find_donor(const struct tool_donors *d, const char *name, size_t len)
{
    for (size_t i = 0; i < d->n; i++)
        if (strlen(d->v[i].name) == len && !memcmp(d->v[i].name, name, len)) return (int)i;
    return -1;
}

static int add_donor(struct tool_donors *d, char *name, struct tool_donor **out, struct rnn_err *err)
{
    int rc = name ? RNN_OK : rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    if (rc >= 0 && (!*name || strpbrk(name, "/+:,= \t")))
        rc = rnn_fail(err, RNN_ERR_ARG, "--donors: '%s': a name must not be empty or hold any of / + : , =", name);
    if (rc >= 0 && (find_donor(d, name, strlen(name)) >= 0 || !strcmp(name, "scratch")))
        rc = rnn_fail(err, RNN_ERR_ARG, "--donors: the name '%s' is taken", name);
    if (rc >= 0) rc = rnn_grow(&d->v, &d->cap, d->n + 1, sizeof *d->v, err);
    if (rc < 0) {
        free(name);
        return rc;
    }
    *out = &d->v[d->n];
    **out = (struct tool_donor){ .name = name, .of = d->n };
    d->n++;
    return RNN_OK;
}

int tool_donors_add(struct tool_donors *d, const char *word, size_t max_frame, struct rnn_err *err)
{
    const char *eq = strchr(word, '=');
    struct tool_donor *made;
    char *name = eq ? rnn_asprintf("%.*s", (int)(eq - word), word) : d->n ? rnn_asprintf("donor%zu", d->n + 1) : rnn_strdup("donor");
    RNN_TRY(add_donor(d, name, &made, err));
    const int rc = read_donor(made, eq ? eq + 1 : word, max_frame, err);
    return rc < 0 ? rnn_fail(err, rc, "--donors: %s", err->msg) : RNN_OK;
}

int tool_donors_control(struct tool_donors *d, enum tool_control control, struct rnn_err *err)
{
    struct tool_donor *made;
    RNN_TRY(add_donor(d, rnn_asprintf("%s-%s", d->v[0].name, control == TOOL_CONTROL_ROTATED ? "rotated" : "spectrum"), &made, err));
    made->of = 0;
    made->control = control;
    return RNN_OK;
}

const struct rnn_net *tool_donor_net(const struct tool_donors *d, size_t i, size_t segment, uint64_t index, const struct tool_donor_segment **seg)
{
    const struct tool_donor *donor = &d->v[d->v[i].of];
    const struct tool_donor_segment *s = donor->n_segments == 1 ? &donor->segments[0] : segment < donor->n_segments ? &donor->segments[segment] : NULL;
    if (seg) *seg = s;
    if (!s) return NULL;
    if (s->n == 1) return s->nets[0];
    for (size_t k = 0; k < s->n; k++)
        if (s->nets[k]->index == index) return s->nets[k];
    return NULL;
}

/* ---- conditions ---- */

/* One block of a condition and what is done with it. */
enum treatment { FRESH, LOADED, FROZEN, RANDOM };
struct part { char name[24]; enum treatment is; };

static void append(char **text, const char *sep, const char *word)
{
    char *longer = *text ? rnn_asprintf("%s%s%s", *text, **text ? sep : "", word) : NULL;
    free(*text);
    *text = longer;
}

static void free_condition(struct tool_condition *c)
{
    free(c->name);
    free(c->blocks);
    free(c->frozen);
    for (size_t k = 0; k < c->n_freeze; k++) free(c->freeze[k]);
    free(c->freeze);
}

void tool_conditions_release(struct tool_conditions *c)
{
    for (size_t i = 0; i < c->n; i++) free_condition(&c->v[i]);
    free(c->v);
    *c = (struct tool_conditions){ 0 };
}

static int freeze(struct tool_condition *c, const char *name, struct rnn_err *err)
{
    for (size_t i = 0; i < c->n_freeze; i++)
        if (!strcmp(c->freeze[i], name)) return RNN_OK;
    char *copy = rnn_strdup(name);
    if (!copy) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    c->freeze[c->n_freeze++] = copy;
    return RNN_OK;
}

/* said: the parameters that parts before this one named. */
static int apply_part(struct tool_conditions *all, struct tool_condition *c, const struct part *p, const char **said, size_t *n_said, struct rnn_err *err)
{
    const char *names[RNN_MAX_PARAMS];
    size_t n;
    if (p->is == FRESH) return RNN_OK;
    RNN_TRY(rnn_transfer_block(&all->ps, p->name, names, &n, err));
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < *n_said; k++)
            if (!strcmp(said[k], names[i])) return rnn_fail(err, RNN_ERR_ARG, "a condition names %s twice, the second time as '%s'", names[i], p->name);
        said[(*n_said)++] = names[i];
        if (p->is != RANDOM) c->load[c->n_load++] = names[i];
        if (p->is != LOADED) RNN_TRY(freeze(c, names[i], err));
    }
    if (p->is != RANDOM) append(&c->blocks, "+", p->name);
    if (p->is != LOADED) append(&c->frozen, "+", p->name);
    return RNN_OK;
}

static const char *const suffix[] = { "", "", ":frozen", ":random" };

/* Adds the condition for one donor, unless it is there already. */
static int add_condition(struct tool_conditions *all, const struct rnn_train_config *common, const struct tool_donors *donors, size_t donor,
                         const struct part *parts, size_t n, struct rnn_err *err)
{
    bool loads = false;
    const char *said[RNN_MAX_PARAMS];
    size_t n_said = 0;
    RNN_TRY(rnn_grow(&all->v, &all->cap, all->n + 1, sizeof *all->v, err));
    struct tool_condition *c = &all->v[all->n++];
    *c = (struct tool_condition){ .name = rnn_strdup(""), .blocks = rnn_strdup(""), .frozen = rnn_strdup(""), .config = *common };
    RNN_TRY(rnn_alloc_into(&c->freeze, RNN_MAX_PARAMS + common->n_freeze, sizeof *c->freeze, err));
    for (size_t i = 0; i < common->n_freeze; i++) RNN_TRY(freeze(c, common->freeze[i], err));
    for (size_t i = 0; i < n; i++) {
        char word[40];
        RNN_TRY(apply_part(all, c, &parts[i], said, &n_said, err));
        loads |= parts[i].is == LOADED || parts[i].is == FROZEN;
        snprintf(word, sizeof word, "%s%s", parts[i].name, suffix[parts[i].is]);
        if (parts[i].is != FRESH) append(&c->name, "+", word);
    }
    c->donor = loads ? donor : TOOL_SCRATCH;
    if (!n && c->name) append(&c->name, "", "scratch");
    if (loads && c->name) {
        char *full = rnn_asprintf("%s/%s", donors->v[donor].name, c->name);
        free(c->name);
        c->name = full;
    }
    if (!c->name || !c->blocks || !c->frozen) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i + 1 < all->n; i++) { /* without a donor it is the same for all donors */
        if (strcmp(all->v[i].name, c->name) != 0) continue;
        free_condition(c);
        all->n--;
        break;
    }
    return RNN_OK;
}

/* "i2h+h2h:frozen" */
static int parse_parts(const char *word, const char *p, struct part *parts, size_t *n, struct rnn_err *err)
{
    for (*n = 0;; p++) {
        const size_t len = strcspn(p, "+"), name = strcspn(p, "+:");
        struct part *q = &parts[*n];
        if (!name || name >= sizeof q->name || *n == RNN_MAX_PARAMS)
            return rnn_fail(err, RNN_ERR_ARG, "--conditions: '%s': not of the form [DONOR/]BLOCK[:frozen|:random][+...]", word);
        memcpy(q->name, p, name);
        q->name[name] = 0;
        q->is = LOADED;
        if (len != name) {
            q->is = len - name == 7 && !strncmp(p + name, ":frozen", 7) ? FROZEN : len - name == 7 && !strncmp(p + name, ":random", 7) ? RANDOM : FRESH;
            if (q->is == FRESH) return rnn_fail(err, RNN_ERR_ARG, "--conditions: '%s': a block is loaded (h2h), h2h:frozen or h2h:random", word);
        }
        ++*n;
        p += len;
        if (!*p) return RNN_OK;
    }
}

static int add_word(struct tool_conditions *all, const struct rnn_train_config *c, const struct tool_donors *d, const char *word, struct rnn_err *err)
{
    const char *slash = strchr(word, '/');
    const int named = slash ? find_donor(d, word, (size_t)(slash - word)) : -1;
    struct part parts[RNN_MAX_PARAMS];
    size_t n;
    if (!strcmp(word, "scratch")) return RNN_OK; /* always there */
    if (slash && named < 0) return rnn_fail(err, RNN_ERR_ARG, "--conditions: '%s': there are no donors of that name", word);
    RNN_TRY(parse_parts(word, slash ? slash + 1 : word, parts, &n, err));
    if (named >= 0) return add_condition(all, c, d, (size_t)named, parts, n, err);
    for (size_t i = 0; i < d->n; i++) RNN_TRY(add_condition(all, c, d, i, parts, n, err));
    return RNN_OK;
}

static int add_factorial(struct tool_conditions *all, const struct rnn_train_config *c, const struct tool_donors *d, const struct cli_strs *blocks,
                         struct rnn_err *err)
{
    struct part parts[RNN_MAX_PARAMS];
    size_t total = 1;
    if (blocks->n > 6) return rnn_fail(err, RNN_ERR_ARG, "--factorial: %zu blocks are more than 6", blocks->n);
    for (size_t i = 0; i < blocks->n; i++) {
        if (strlen(blocks->v[i]) >= sizeof parts[i].name) return rnn_fail(err, RNN_ERR_ARG, "--factorial: '%s' is not a block", blocks->v[i]);
        strcpy(parts[i].name, blocks->v[i]);
        total *= 3;
    }
    for (size_t donor = 0; donor < d->n; donor++) {
        for (size_t k = 1; k < total; k++) {
            size_t rest = k;
            for (size_t i = 0; i < blocks->n; i++, rest /= 3) parts[i].is = (enum treatment)(rest % 3);
            RNN_TRY(add_condition(all, c, d, donor, parts, blocks->n, err));
        }
    }
    return RNN_OK;
}

int tool_conditions_make(struct tool_conditions *out, const struct rnn_train_config *c, const struct tool_donors *donors, const struct cli_strs *words,
                         const struct cli_strs *factorial, struct rnn_err *err)
{
    RNN_TRY(rnn_spec_params(&c->spec, &out->ps, err));
    RNN_TRY(add_condition(out, c, donors, TOOL_SCRATCH, NULL, 0, err));
    for (size_t i = 0; i < words->n; i++) RNN_TRY(add_word(out, c, donors, words->v[i], err));
    if (factorial->n) RNN_TRY(add_factorial(out, c, donors, factorial, err));
    for (size_t i = 0; i < out->n; i++) { /* the list does not move any more */
        out->v[i].config.freeze = out->v[i].freeze;
        out->v[i].config.n_freeze = out->v[i].n_freeze;
        out->v[i].config.load = (char **)(uintptr_t)out->v[i].load; /* read only */
        out->v[i].config.n_load = out->v[i].n_load;
    }
    return RNN_OK;
}
