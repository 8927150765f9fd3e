/* Streams pooled in memory, as a report wants them: each table whole (its pieces joined, labels as columns), each array whole, the
 * tasks, and the pipelines that made them. */
#ifndef RNN_REPORT_GATHER_H
#define RNN_REPORT_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include "base/array.h"
#include "base/kv.h"
#include "codec/codec.h"
#include "io/reader.h"
#include "model/net.h"
#include "model/task.h"

/* One column; missing numbers are NaN, missing strings "".  A column that is text in any piece is text throughout. */
struct rnn_gcol {
    char *name, *unit, *doc;
    bool is_text, is_label;
    double *v;               /* [rows] when numbers */
    char **s;                /* [rows] when text */
    size_t cap_v, cap_s;
};

struct rnn_gtable {
    char *name;
    struct rnn_gcol *col;
    size_t n_cols, cap_cols, rows;
    uint64_t *segment;       /* [rows] where each row came from */
    uint64_t *home;          /* [rows] the segment that its network came in first: (home, net) is a network, whichever tools it went through */
    size_t cap_segment, cap_home;
};

/* An `array` frame and the pieces that continue it (first > 0). */
struct rnn_garray {
    char *name, *net;
    char *dims[RNN_MAX_DIMS], *units[RNN_MAX_DIMS];
    struct rnn_kvs labels;
    struct rnn_array value;
    uint64_t segment;
};

struct rnn_gsegment {
    char *pipeline;          /* what to paste to make it again (convert/look.h: rnn_look_prov) */
    size_t nets;             /* without those that came before */
    uint64_t home;           /* this one, or an earlier one that has the same networks, byte for byte */
};

/* Fingerprints of frames that belong to networks, in an open hash table. */
struct rnn_gseen { struct rnn_gmark { uint64_t hash, len, segment; } *v; size_t n, cap; };

struct rnn_gathered {
    struct rnn_gtable *table;
    size_t n_tables, cap_tables;
    struct rnn_garray *array;
    size_t n_arrays, cap_arrays;
    struct rnn_task **task;  /* distinct by id */
    size_t n_tasks, cap_tasks;
    struct rnn_net **net;    /* the first want->nets networks, without initial parameters */
    size_t n_nets, cap_nets;
    struct rnn_net *open;    /* one whose param frames are still coming */
    struct rnn_trials trials; /* the first frame of trials (K = 0: none), and the id of their task */
    char *trials_task;
    struct rnn_activity activity; /* the first frame of activity (K = 0: none) */
    struct rnn_gsegment *segment;
    size_t n_segments, cap_segments;
    struct rnn_gseen seen;
};

/* Which frames to keep: names of tables and arrays, NULL-terminated; a NULL list keeps all.  nets: how many; runs: a frame of trials
 * and one of activity. */
struct rnn_gather_want { const char *const *tables, *const *arrays; size_t nets; bool runs; };

/* Reads r to its end and adds everything to g (zero it first; several streams may be added).  Memory is that of what is kept.
 * What two tools were given passes through both: where a net comes again in another segment with all its weights, the tables of its
 * that come again unchanged are those that are there already, and count once. */
int rnn_gather(struct rnn_gathered *g, struct rnn_reader *r, const struct rnn_gather_want *want, struct rnn_err *err);
void rnn_gathered_release(struct rnn_gathered *g);

const struct rnn_gtable *rnn_gathered_table(const struct rnn_gathered *g, const char *name); /* NULL when absent or empty */
const struct rnn_gcol *rnn_gtable_col(const struct rnn_gtable *t, const char *name);         /* NULL when absent */
int rnn_gtable_fail_col(const struct rnn_gtable *t, const char *name, struct rnn_err *err);  /* RNN_ERR_ARG: there is none, and which there are */
bool rnn_gcol_missing(const struct rnn_gcol *c, size_t row); /* NaN, or an empty text */
bool rnn_gcol_same(const struct rnn_gcol *c, size_t a, size_t b); /* rows with the same value; what is missing is the same as what is missing */
/* Text of a cell as TSV would show it, in buf; a text cell is returned as it is. */
const char *rnn_gcol_text(const struct rnn_gcol *c, size_t row, char buf[40]);

/* Rows that satisfy a filter "column=value", "column!=value", "column<value", "<=", ">", ">=", several joined by ","; an empty or NULL filter
 * keeps all.  keep [rows].  RNN_ERR_ARG names an unknown column. */
int rnn_gtable_filter(const struct rnn_gtable *t, const char *filter, bool *keep, struct rnn_err *err);

/* g with the rows of the filter in every table that has its columns; other tables, arrays and networks are those of g, which must outlive it.
 * RNN_ERR_ARG: no table has them, or it is no filter.  Always to be followed by unfilter. */
int rnn_gathered_filter(const struct rnn_gathered *g, const char *filter, struct rnn_gathered *out, struct rnn_err *err);
void rnn_gathered_unfilter(struct rnn_gathered *out);

#endif
