/* Signed selection operators of history tasks: u(t) = sum_m C_m u(t-s-1+m), m = 1 (oldest, lag s) .. s
 * (newest, lag 1). F = [C_1 .. C_s] is [dims][lags*dims] row-major with one +1 or -1 a row; column (v-1)*dims
 * + (d-1) is dimension d of variable v. Source: Karuvally, DelMastro, Siegelmann 2023, eqs 5 and 9; id
 * triples as their released code numbers its tasks. */
#ifndef RNN_MODEL_OPERATOR_H
#define RNN_MODEL_OPERATOR_H

#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

/* One output of a signed selection: sign * (dimension `dim` of variable `variable`), both from 1. */
struct rnn_select {
    int sign;
    size_t variable, dim;
};

/* The operator numbered (id1, id2, id3) for s = lags, kappa = dims, lags * dims <= 64: id1's bits, lowest
 * first, list dims columns; id2's digits in base dims, lowest first, digit g at position k swapping list[k]
 * with list[k+g]; bit k of id3 set: output k has sign -. RNN_ERR_ARG when the bit count is not dims, a digit
 * reaches beyond the list, or bits lie outside.  out [dims]. */
int rnn_operator_from_ids(const uint64_t id[3], size_t lags, size_t dims, struct rnn_select *out,
                          struct rnn_err *err);
/* Three unsigned 64-bit numbers separated by commas. */
int rnn_operator_parse_ids(const char *text, uint64_t id[3], struct rnn_err *err);
/* Text: one line (or piece ended by ';') per output, `sign variable dim`, sign + or -; `#` starts a comment.
 * *out (malloc'd) gets the *dims outputs; *lags the largest variable named.  dims is the number of lines; a
 * dim above it is RNN_ERR_ARG. */
int rnn_operator_from_text(const char *text, size_t *lags, size_t *dims, struct rnn_select **out,
                           struct rnn_err *err);
/* The canonical text, "+ 1 1; - 2 3": caller frees; NULL: memory. */
char *rnn_operator_text(size_t dims, const struct rnn_select *sel);
/* F [dims][lags*dims]. */
void rnn_operator_matrix(size_t lags, size_t dims, const struct rnn_select *sel, double *F);

#endif
