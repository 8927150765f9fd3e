/* A network made from the arrays of another program. */
#ifndef RNN_CONVERT_IMPORT_H
#define RNN_CONVERT_IMPORT_H

#include "convert/named.h"
#include "model/net.h"
#include "model/task.h"

struct rnn_import {
    struct rnn_spec spec;        /* what arrays cannot say: cell, activation, read-out, alpha, noise, ...; sizes, rank and biases are ignored; alpha NaN: not said */
    bool h0_given;               /* spec.h0 was asked for; else an array h0 makes it fixed */
    const struct rnn_kvs *map;   /* OURS = name in the file, before the names below; may be NULL */
    const struct rnn_kvs *labels;
    const struct rnn_task *task; /* whose sizes must fit; may be NULL */
};

/* Makes a net (status built, id a hash of its contents) from the arrays present.
 *   W_rec [N][N] (gru: [3N][N], rows reset, update, candidate) or its factors m [N][R] and n [R][N]: one of them must be there
 *   W_in [N][n_in], W_out [n_out][N] ([n_out][R]: reads latent variables), b_rec, b_in [N], b_out [n_out], h0 [N], alpha [N] or one number;
 *   params0/NAME: initial values, all or none
 * Vectors may have further axes of length 1.  PyTorch's names, also after a dot (rnn.weight_hh_l0) and without _l0 (nn.RNNCell), mean: weight_hh_l0
 * W_rec, weight_ih_l0 W_in, bias_hh_l0 b_rec, bias_ih_l0 b_in; its gate order is ours.  Without W_in there is no input; without W_out the read-out is zero
 * (n_out that of the task, or 1).  Precision is single when every array used is float32.
 * *unused (malloc'd; NULL when none): names of arrays that had no place, with commas. */
int rnn_import_net(const struct rnn_named_list *l, const struct rnn_import *o, struct rnn_net **net, char **unused, struct rnn_err *err);

#endif
