/* Networks in motion: each runs a trial and then goes on alone; its state, in the plane of most variance, is drawn as a path on which a dot
 * moves, and its outputs as curves under a moving line.  Motion is CSS; on paper, and for those who ask for less motion, the paths stand. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "model/engine.h"
#include "num/linalg.h"
#include "report/page.h"

enum { MOST = 3, AFTER = 3, SIDE = 240, TRACE = 90, SECONDS = 12 };

/* What a network is said to do: its mechanism in table phase, else its status. */
static const char *kind_of(const struct rnn_gathered *g, const struct rnn_net *net)
{
    const struct rnn_gtable *t = rnn_gathered_table(g, "phase");
    const struct rnn_gcol *id = t ? rnn_gtable_col(t, "net") : NULL, *name = t ? rnn_gtable_col(t, "mechanism") : NULL;
    for (size_t i = 0; id && id->is_text && name && name->is_text && i < t->rows; i++) {
        bool same = !strcmp(id->s[i], net->id);
        for (size_t k = 0; same && k < net->labels.n; k++) { /* ids repeat over the cells of a sweep: labels tell them apart */
            const struct rnn_gcol *c = rnn_gtable_col(t, net->labels.v[k].key);
            if (c && !c->is_text && c->is_label) same = c->v[i] == rnn_kvs_get_real(&net->labels, c->name, c->v[i]);
        }
        if (same) return name->s[i];
    }
    return rnn_net_status_names[net->status];
}

static const struct rnn_task *task_of(const struct rnn_gathered *g, const struct rnn_net *net)
{
    for (size_t i = 0; net->task && i < g->n_tasks; i++)
        if (!strcmp(g->task[i]->id, net->task) && g->task[i]->def && g->task[i]->n_in == net->spec.n_in) return g->task[i];
    return NULL;
}

struct motion { size_t T, total, n_out; double *x, *o, *xy; }; /* states [total][N], outputs, plane [total][2] */

static void release(struct motion *m)
{
    free(m->x);
    free(m->o);
    free(m->xy);
}

/* The first test trial without noise, then AFTER times as long without input. */
static int run(const struct rnn_net *net, const struct rnn_task *task, struct motion *m, struct rnn_err *err)
{
    struct rnn_trials tr;
    const size_t N = net->spec.N, n_in = net->spec.n_in;
    double *u = NULL;
    const double *h0 = rnn_net_param(net, "h0");
    RNN_TRY(rnn_task_trials(task, RNN_TEST, 0, NULL, 0, 1, 0, &tr, err));
    *m = (struct motion){.T = tr.T, .total = (1 + AFTER) * tr.T, .n_out = rnn_spec_n_read(&net->spec)};
    int rc = tr.n_in == n_in ? RNN_OK : rnn_fail(err, RNN_ERR_ARG, "%s has %zu inputs, its task %zu", net->id, n_in, tr.n_in);
    if (rc >= 0) rc = rnn_alloc_into(&m->x, (m->total + 1) * N, sizeof *m->x, err);
    if (rc >= 0) rc = rnn_alloc_into(&m->o, m->total * m->n_out, sizeof *m->o, err);
    if (rc >= 0) rc = rnn_alloc_into(&u, n_in, sizeof *u, err);
    if (rc >= 0 && h0) memcpy(m->x, h0, N * sizeof *h0);
    for (size_t t = 0; rc >= 0 && t < m->total; t++) {
        for (size_t i = 0; i < n_in; i++) u[i] = t < tr.T ? (double)tr.u[t * n_in + i] : 0;
        rc = rnn_net_step(net, m->x + t * N, u, m->x + (t + 1) * N, err);
        if (rc >= 0) rc = rnn_net_readout(net, m->x + (t + 1) * N, NULL, m->o + t * m->n_out, err);
    }
    free(u);
    rnn_trials_release(&tr);
    return rc;
}

/* Two principal axes of the states, scaled into the square. */
static int flatten(const struct rnn_net *net, struct motion *m, struct rnn_err *err)
{
    const size_t N = net->spec.N, n = m->total, k = n < N ? n : N;
    double *A = NULL, *Vt = NULL, *s = NULL, most = 0;
    int rc = rnn_alloc_into(&A, n * N, sizeof *A, err);
    if (rc >= 0) rc = rnn_alloc_into(&Vt, k * N, sizeof *Vt, err);
    if (rc >= 0) rc = rnn_alloc_into(&s, k, sizeof *s, err);
    if (rc >= 0) rc = rnn_alloc_into(&m->xy, 2 * n, sizeof *m->xy, err);
    for (size_t i = 0; rc >= 0 && i < N; i++) {
        double mean = 0;
        for (size_t t = 0; t < n; t++) mean += m->x[(t + 1) * N + i] / (double)n;
        for (size_t t = 0; t < n; t++) A[t * N + i] = m->x[(t + 1) * N + i] - mean;
    }
    if (rc >= 0) rc = rnn_svd(n, N, A, NULL, s, Vt, err);
    for (size_t c = 0; rc >= 0 && c < 2 && c < k; c++) rnn_gemv(0, n, N, 1, A, Vt + c * N, 0, m->xy + c * n);
    for (size_t i = 0; rc >= 0 && i < 2 * n; i++) most = fmax(most, fabs(m->xy[i]));
    for (size_t i = 0; rc >= 0 && i < 2 * n; i++) m->xy[i] = SIDE / 2.0 + (i < n ? 1 : -1) * m->xy[i] / (most > 0 ? most : 1) * (SIDE / 2.0 - 14);
    free(A);
    free(Vt);
    free(s);
    return rc;
}

static void put_path(FILE *out, const struct motion *m, size_t from, size_t to)
{
    for (size_t t = from; t < to; t++) fprintf(out, "%s%.1f %.1f", t == from ? "M" : "L", m->xy[t], m->xy[m->total + t]);
}

static const char *const COLORS[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7"};

static void put_traces(FILE *out, const struct motion *m, double top)
{
    double lo = INFINITY, hi = -INFINITY;
    const double step = (double)SIDE / (double)m->total;
    for (size_t i = 0; i < m->total * m->n_out; i++) lo = fmin(lo, m->o[i]), hi = fmax(hi, m->o[i]);
    if (!(hi > lo)) hi = lo + 1;
    fprintf(out, "<rect x=\"0\" y=\"%g\" width=\"%.1f\" height=\"%d\" fill=\"#eeeeea\"/>\n", top, step * (double)m->T, TRACE);
    for (size_t o = 0; o < m->n_out && o < 4; o++) {
        fprintf(out, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\"%s d=\"", COLORS[o], o % 2 ? " stroke-dasharray=\"4 2\"" : "");
        for (size_t t = 0; t < m->total; t++)
            fprintf(out, "%s%.1f %.1f", t ? "L" : "M", step * (double)t, top + TRACE - (m->o[t * m->n_out + o] - lo) / (hi - lo) * TRACE);
        fputs("\"/>\n", out);
    }
}

static void put_panel(FILE *out, const struct motion *m, const char *kind, const char *id, size_t number, double left, double dt)
{
    const double top = SIDE + 46;
    fprintf(out, "<g transform=\"translate(%g,30)\">\n<text x=\"%d\" y=\"-10\" text-anchor=\"middle\" font-size=\"15\">", left, SIDE / 2);
    rnn_page_text(out, kind);
    fputs("</text>\n", out);
    fprintf(out, "<rect width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#bbbbbb\"/>\n<path fill=\"none\" stroke=\"#56B4E9\" stroke-width=\"1.3\" d=\"", SIDE, SIDE);
    put_path(out, m, m->T - 1, m->total);
    fputs("\"/>\n<path fill=\"none\" stroke=\"#222222\" stroke-width=\"1.8\" d=\"", out);
    put_path(out, m, 0, m->T);
    fprintf(out, "\"/>\n<circle class=\"dot dot-%zu\" r=\"6\" fill=\"#D55E00\" stroke=\"#ffffff\"/>\n", number);
    fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" font-size=\"12\">state of %s, plane of most variance</text>\n", SIDE / 2, SIDE + 17, id);
    put_traces(out, m, top);
    fprintf(out, "<line class=\"now\" x1=\"0\" x2=\"0\" y1=\"%g\" y2=\"%g\" stroke=\"#D55E00\" stroke-width=\"1.5\"/>\n", top, top + TRACE);
    fprintf(out, "<text x=\"0\" y=\"%g\" font-size=\"12\">0</text><text x=\"%d\" y=\"%g\" text-anchor=\"end\" font-size=\"12\">%.4g %s</text>"
            "<text x=\"%d\" y=\"%g\" text-anchor=\"middle\" font-size=\"12\">outputs (grey: the trial)</text>\n</g>\n", top + TRACE + 15, SIDE, top + TRACE + 15,
            (double)m->total * (dt > 0 ? dt : 1), dt > 0 ? "ms" : "steps", SIDE / 2, top + TRACE + 31);
}

static void put_styles(FILE *out, const struct motion *m, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fprintf(out, ".dot-%zu{offset-path:path(\"", i);
        put_path(out, &m[i], 0, m[i].total);
        fprintf(out, "\");offset-rotate:0deg;animation:along-%zu %ds linear infinite}\n@keyframes along-%zu{", i, SECONDS, i);
        /* distances along the path, so that the dot keeps the time of the network and not that of the path */
        double all = 0, sum = 0;
        for (size_t t = 1; t < m[i].total; t++) all += hypot(m[i].xy[t] - m[i].xy[t - 1], m[i].xy[m[i].total + t] - m[i].xy[m[i].total + t - 1]);
        const size_t stride = m[i].total / 120 + 1;
        for (size_t t = 0; t < m[i].total; t++) {
            if (t) sum += hypot(m[i].xy[t] - m[i].xy[t - 1], m[i].xy[m[i].total + t] - m[i].xy[m[i].total + t - 1]);
            if (t % stride == 0 || t + 1 == m[i].total)
                fprintf(out, "%.2f%%{offset-distance:%.2f%%}", 100.0 * (double)t / (double)(m[i].total - 1), all > 0 ? 100 * sum / all : 0);
        }
        fputs("}\n", out);
    }
    fprintf(out, ".now{animation:now %ds linear infinite}@keyframes now{from{transform:translateX(0)}to{transform:translateX(%dpx)}}\n"
            "@media print,(prefers-reduced-motion:reduce){.dot{animation:none;offset-distance:100%%}.now{display:none}}\n", SECONDS, SIDE);
}

int rnn_page_behaviours(const struct rnn_gathered *g, FILE *out, FILE *style, struct rnn_err *err)
{
    struct motion m[MOST] = {0};
    const struct rnn_net *net[MOST];
    const char *kind[MOST];
    size_t n = 0;
    int rc = RNN_OK;
    for (size_t j = 0; rc >= 0 && j < 2 * g->n_nets && n < MOST; j++) { /* first the three that the question is about, then others */
        const size_t i = j % g->n_nets;
        const struct rnn_task *task = task_of(g, g->net[i]);
        const char *mine = kind_of(g, g->net[i]);
        bool known = (j < g->n_nets && strcmp(mine, "slow-point") && strcmp(mine, "limit-cycle") && strcmp(mine, "not-learned")) || !task || !rnn_net_finite(g->net[i]);
        for (size_t k = 0; k < n; k++) known |= !strcmp(kind[k], mine);
        if (known) continue;
        rc = run(g->net[i], task, &m[n], err);
        if (rc >= 0) rc = flatten(g->net[i], &m[n], err);
        net[n] = g->net[i], kind[n++] = mine;
    }
    if (rc >= 0 && !n) rc = rnn_fail(err, RNN_ERR_ARG, "no network whose task is known is in the input");
    if (rc >= 0) {
        const int width = (int)n * (SIDE + 30) + 10;
        fprintf(out, "<svg role=\"img\" aria-label=\"Networks in motion\" viewBox=\"0 0 %d %d\" style=\"max-width:%dpx;--w:%dpx;font-family:Helvetica,Arial,sans-serif;fill:#222\">\n", width,
                SIDE + TRACE + 118, width, width);
        put_styles(style, m, n);
        for (size_t k = 0; k < n; k++) {
            const struct rnn_task *task = task_of(g, net[k]);
            put_panel(out, &m[k], kind[k], net[k]->id, k, 15 + (double)k * (SIDE + 30), task->dt_ms);
        }
        fputs("</svg>\n", out);
    }
    for (size_t k = 0; k < MOST; k++) release(&m[k]);
    return rc;
}
