/* Heads: outputs in groups, each of which answers a question of its own (multi-task networks, Caruana 1997).  Every head has its own
 * softmax: with w the weight of a step and y one-hot within a head, or zero where the head is not asked,
 *   L_h = sum w (-sum_c y_c log softmax_h(z)_c) / sum w   over the positions where y has a target in head h,
 *   L   = mean of L_h over the heads that have a target anywhere in the batch.
 * So a batch whose targets lie in one head trains that head alone, and one that holds them all trains all alike. */
#ifndef RNN_MODEL_HEADS_H
#define RNN_MODEL_HEADS_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

#define RNN_MAX_HEADS 8
struct rnn_head { char name[24]; size_t size; }; /* outputs */
struct rnn_heads { struct rnn_head v[RNN_MAX_HEADS]; size_t n; }; /* in the order of the outputs; n 0: all outputs are one group */

/* Sizes above 0 that add up to n_out, and names that are neither empty nor equal, or no heads at all; else RNN_ERR_ARG. */
int rnn_heads_check(const struct rnn_heads *h, size_t n_out, struct rnn_err *err);
/* Appends one; the caller keeps to RNN_MAX_HEADS and to names that fit. */
void rnn_heads_add(struct rnn_heads *h, const char *name, size_t size);

/* -sum_c y_c log softmax(o)_c of n logits o. */
double rnn_softmax_loss(size_t n, const float *o, const float *y);
/* Is output `want` the first of the largest of o [n]?  Not when one of them is not a number. */
bool rnn_chooses(const float *o, size_t n, size_t want);

struct rnn_trials;
/* L of logits o [K][T][n_out] over steps [start, stop); NaN when nothing is scored. */
double rnn_heads_loss(const struct rnn_heads *h, const struct rnn_trials *tr, const float *o, size_t start, size_t stop);

#endif
