/* Conditions: what labels say of the networks that the rows of a table belong to.  Means over unlike networks mislead, so figures set
 * conditions apart, and name those that they could not. */
#ifndef RNN_REPORT_CONDITIONS_H
#define RNN_REPORT_CONDITIONS_H

#include "report/gather.h"

/* Numbers the pairs of (class so far, value of c) among kept rows by first appearance; class_of and out [rows] may be the same array.
 * keep NULL: all rows; out of others is not touched.  c NULL: the classes themselves.  *n: how many there are. */
int rnn_split_rows(const struct rnn_gtable *t, const bool *keep, const struct rnn_gcol *c, const size_t *class_of, size_t *out, size_t *n, struct rnn_err *err);
/* Numbers networks by where they came first and their ids: net_of [rows].  *n = 0, and all rows 0: the table names no networks. */
int rnn_number_nets(const struct rnn_gtable *t, const bool *keep, size_t *net_of, size_t *n, struct rnn_err *err);
/* How many networks kept rows belong to.  A snapshot ("net-0003@1000") is its network; so is a copy with changed weights or seen otherwise (labels lowrank,
 * activity), which is told by its other labels.  with_snapshots, all: so many when those count, and copies too. */
struct rnn_net_count { size_t nets, with_snapshots, all; };
int rnn_count_nets(const struct rnn_gtable *t, const bool *keep, struct rnn_net_count *count, struct rnn_err *err);
/* Letters of an id without the update of a snapshot. */
size_t rnn_net_letters(const char *id);

/* Labels that split the classes of class_of [rows] (in and out), which are *n, as far as they can be split into no more than `most`: words
 * first, of words and of numbers the one that splits furthest.  Addresses (net, seeds, pairs) and columns called as one of `shown`
 * (NULL-terminated, may hold NULLs up to n_shown) do not count.  by [cap]. */
int rnn_find_labels(const struct rnn_gtable *t, const bool *keep, const char *const *shown, size_t n_shown, size_t most, size_t *class_of, size_t *n,
                    const struct rnn_gcol **by, size_t cap, size_t *n_by, struct rnn_err *err);

/* words [rows] (malloc'd, each): the condition of a row, "class7, rank 4", of *n <= most; "no lowrank" where none of the labels is set, or the
 * network's id where no label varies and else_net. */
int rnn_condition_words(const struct rnn_gtable *t, const bool *keep, const char *const *shown, size_t n_shown, size_t most, bool else_net,
                        char ***words, size_t *n, struct rnn_err *err);
void rnn_release_words(char **words, size_t n);

#endif
