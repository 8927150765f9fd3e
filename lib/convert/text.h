/* Streams as text: JSON lines and TSV. */
#ifndef RNN_CONVERT_TEXT_H
#define RNN_CONVERT_TEXT_H

#include <stdio.h>
#include "io/frame.h"

#define RNN_REAL_TEXT 40
/* The shortest decimal that reads back equal, in float32 when single; "NaN", "Inf", "-Inf". */
const char *rnn_real_text(double v, bool single, char out[RNN_REAL_TEXT]);

/* One frame as one line {"segment":…,"index":…,"kind":…,"body":…,"crc":"…"}.  Numeric arrays are {"dtype":…,"shape":[…],"data":[…]} with the
 * numbers flat in C order (complex ones as pairs), bytes {"hex":"…"}.  JSON has neither NaN nor infinity: both are null.  Integers are
 * written whole, also above 2^53. */
int rnn_json_line(FILE *f, const struct rnn_frame *frame, struct rnn_err *err);

#endif
