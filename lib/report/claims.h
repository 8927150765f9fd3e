/* Claims: sentences of a paper held against tables.  A study states them in a TSV file and gets table `claims`.
 *
 * Columns of the file, by header (order free; `#` lines are comments; empty cells mean "not given"):
 *   id statement basis  what is claimed, and what the expectation rests on: paper, code, measurement, choice
 *   table filter value  which rows (report/gather.h: rnn_gtable_filter) and which number of each: an expression of columns with
 *                       + - * / ( ) abs() log() sqrt() and comparisons < <= > >= == (1 or 0); e.g. "accuracy >= 0.99"
 *   statistic           mean median min max count share (mean of a 0/1 value, Wilson interval) sum
 *                       difference ratio (of the means over `filter` and over `against`; paired rows when `pair` names columns)
 *                       row (the one row that is left, with its own interval in columns lo, hi and count in n, where it has them)
 *   against pair        second filter; columns that identify pairs, joined by "+", as "seed+task_seed".  For mean and share: columns whose
 *                       values rows share that are not independent, such as networks of one seed
 *   lo hi               expected range, either may be missing
 *   scale               the scale (demo, reduced, full) from which on it is tested; missing: every scale
 * measured: the statistic; its interval: bootstrap of rows, pairs or clusters (95 %), Wilson for shares of independent rows, none for min, max, count, sum.
 * verdict: pass (measured within lo..hi), fail, measured (nothing is expected), not-tested (no such rows, a smaller scale, or
 * a row whose column `determined` says no: measured, lo and hi are told all the same). */
#ifndef RNN_REPORT_CLAIMS_H
#define RNN_REPORT_CLAIMS_H

#include "report/gather.h"

struct rnn_claim {
    char *id, *statement, *basis, *table, *filter, *value, *statistic, *against, *pair, *scale;
    double expected_lo, expected_hi; /* NaN: open */
    double measured, lo, hi;         /* NaN: none */
    size_t n;
    const char *verdict;             /* "pass", "fail", "measured", "not-tested" */
    char *why;                       /* of not-tested */
};

struct rnn_claims { struct rnn_claim *v; size_t n, cap; };

/* Reads definitions; RNN_ERR_FORMAT names file line and what is wrong. */
int rnn_claims_read(const char *path, struct rnn_claims *c, struct rnn_err *err);
void rnn_claims_release(struct rnn_claims *c);
/* Measures every claim.  scale: 0 demo, 1 reduced, 2 full.  seed: of the bootstrap. */
int rnn_claims_measure(struct rnn_claims *c, const struct rnn_gathered *g, int scale, uint64_t seed, struct rnn_err *err);

/* Value of an expression in a row of t. */
int rnn_expression(const struct rnn_gtable *t, const char *text, size_t row, double *value, struct rnn_err *err);

#endif
