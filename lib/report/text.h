/* Tables as text: for the eye (aligned, units, n), for tools (TSV), and summed up by subject. */
#ifndef RNN_REPORT_TEXT_H
#define RNN_REPORT_TEXT_H

#include <stdio.h>
#include "report/claims.h"
#include "report/gather.h"

struct rnn_text_style {
    size_t rows;  /* at most so many rows of a table, 0: all */
    size_t width; /* characters of a line; wider tables go in blocks of columns that repeat the first; 0: any width */
};

/* Rows that keep (NULL: all) marks.  Columns that say the same in every row go into a line above the table; numbers have four digits. */
int rnn_text_table(FILE *out, const struct rnn_gtable *t, const bool *keep, const struct rnn_text_style *style, struct rnn_err *err);
/* Header line and all kept rows, numbers in the shortest form that reads back equal; tab, line feed, backslash as in C. */
int rnn_text_tsv(FILE *out, const struct rnn_gtable *t, const bool *keep, struct rnn_err *err);
/* One block per group of rows (those equal in the columns that say what is measured): a line per number with median, least and largest
 * value, n, unit and meaning.  Groups are made by the columns that rnn_text_subject_of names for this table, or by texts of few values. */
int rnn_text_summary(FILE *out, const struct rnn_gtable *t, const bool *keep, const struct rnn_text_style *style, struct rnn_err *err);
/* A paragraph per claim, verdict first, and a line that counts them. */
int rnn_text_claims(FILE *out, const struct rnn_claims *c, struct rnn_err *err);

/* A subject is a tool without its "rnn-" (varmem, fixedpts, lowrank, geometry, transfer, theory, run, train): which tables it writes.
 * i counts from 0; NULL after the last, and for words that are no subject. */
const char *rnn_text_subject_table(const char *subject, size_t i);
/* The tool that writes a table of this name ("rnn-varmem"), or NULL. */
const char *rnn_text_maker(const char *table);

#endif
