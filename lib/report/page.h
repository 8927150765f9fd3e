/* A study as one HTML page that needs no network: its question, its task drawn, figures with the claims they bear on, all verdicts, the
 * methods out of provenance, and the data. */
#ifndef RNN_REPORT_PAGE_H
#define RNN_REPORT_PAGE_H

#include <stdio.h>
#include "report/claims.h"
#include "report/gather.h"

/* The story is a text file.  Lines that begin with @ say what stands there, others are paragraphs, separated by empty lines; # begins a
 * comment.
 *   @title WORDS  @question WORDS  @paper WORDS        once each, first
 *   @section WORDS                                     a heading
 *   @figure NAME [filter=FILTER] [WORDS]               a named figure (report/figures.h), of the rows of a filter, with words under it
 *   @plot table=T x=COL y=COL ... [: WORDS]            a plot; the keys of rnn-report plot (style, z, group, facet, filter, log-x, log-y, title)
 *   @behaviours [WORDS]                                networks of each kind in motion (needs nets and their task)
 *   @claims ID ...                                     verdicts on these claims; without ids: on all of them
 *   @file PATH [WORDS]                                 a link to a file beside the page, with its size
 * A figure whose data are absent, and a claim that is not there, leave a line that says what is missing. */
struct rnn_page {
    const char *story;                 /* path */
    const struct rnn_claims *claims;   /* measured; NULL: none */
    const char *scale;                 /* said in the page; NULL: not said */
    const char *index;                 /* link to the page of pages; NULL: none */
    const char *folder;                /* where the page will stand, ending in '/'; NULL: here */
    const char *data, *data_link;      /* folder for data too large to stand within the page, and how the page links to it; NULL: none */
};

/* RNN_ERR_FORMAT: the story's line and what is wrong with it.  missing: how many such lines there are. */
int rnn_page_write(const struct rnn_page *p, const struct rnn_gathered *g, FILE *out, size_t *missing, struct rnn_err *err);

/* The page of pages: a link, title, question and verdicts of each page, taken out of the pages themselves.  RNN_ERR_FORMAT: not made here. */
int rnn_page_index(const char *const *pages, const char *const *links, size_t n, FILE *out, struct rnn_err *err);

/* Its last two parts (lib/report/page_data.c). */
int rnn_page_methods(const struct rnn_gathered *g, FILE *out, struct rnn_err *err);
int rnn_page_data(const struct rnn_page *p, const struct rnn_gathered *g, FILE *out, struct rnn_err *err);
/* Moving networks as inline SVG, and the style sheet that moves them (lib/report/behaviours.c); RNN_ERR_ARG: no nets with a task in g. */
int rnn_page_behaviours(const struct rnn_gathered *g, FILE *out, FILE *style, struct rnn_err *err);
/* Text with <, >, & and quotes as HTML wants them. */
void rnn_page_text(FILE *out, const char *s);

#endif
