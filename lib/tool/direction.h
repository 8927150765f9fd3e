/* A direction of a network's state by name, such as a mode of its recurrent weights. */
#ifndef RNN_TOOL_DIRECTION_H
#define RNN_TOOL_DIRECTION_H

#include "model/net.h"

/* [-]KIND:K, from 1 but for units, which count from 0:
 *   read, write     v_k and u_k of W_rec = sum s_k u_k v_k' (analysis/lowrank.h), the entry of v_k of largest modulus positive
 *   input, output   column k of W_in, row k of W_out
 *   unit            one unit */
enum tool_direction_kind { TOOL_DIR_READ, TOOL_DIR_WRITE, TOOL_DIR_INPUT, TOOL_DIR_OUTPUT, TOOL_DIR_UNIT };
struct tool_direction { enum tool_direction_kind kind; size_t k; bool is_minus; const char *text; };

/* RNN_ERR_ARG: text is none.  d borrows text. */
int tool_direction_parse(const char *text, struct tool_direction *d, struct rnn_err *err);
/* v [N], of length 1.  RNN_ERR_ARG: the net has no such direction, or it is zero. */
int tool_direction_of(const struct tool_direction *d, const struct rnn_net *net, double *v, struct rnn_err *err);

#endif
