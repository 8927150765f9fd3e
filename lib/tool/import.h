/* rnn-cat --from: a network out of the arrays of another program, as a stream. */
#ifndef RNN_TOOL_IMPORT_H
#define RNN_TOOL_IMPORT_H

#include "cli/cli.h"
#include "model/net.h"

struct tool_import {
    char *format, *task;
    int cell, act, readout, read, rank_scale, noise_where, noise_scale, h0, h0_transform;
    double alpha, dt_ms, tau_ms, noise, h0_sd;
    bool read_latent;
    struct rnn_kvs map;
};
#define TOOL_IMPORT_DEFAULT { .dt_ms = 0 }

#define TOOL_IMPORT_OPTIONS(x)                                                                                                             \
    { .name = "A network from arrays (see the page for their names)", .type = CLI_SECTION },                                                 \
    { 0, "from", CLI_STR, &(x).format, "FORMAT", 0, 0, "make a net from the arrays of FILE: npz, safetensors, mat", 0, NULL },                \
    { 0, "task", CLI_STR, &(x).task, "FILE", 0, 0, "the task it is for: the only one in FILE", CLI_FILE, NULL },                             \
    { 0, "map", CLI_KVS, &(x).map, "OURS=NAME", 0, 0, "the array NAME is our parameter OURS (W_rec, W_out, ...)", 0, NULL },                 \
    { 0, "cell", CLI_CHOICE, &(x).cell, "elman|leaky|leaky-current|gru", 0, 0, "update rule", 0, NULL },                                     \
    { 0, "activation", CLI_CHOICE, &(x).act, "tanh|relu|sigmoid|softplus|linear", 0, 0, "nonlinearity of the units", 0, NULL },              \
    { 0, "alpha", CLI_REAL, &(x).alpha, "A", 0, 1, "leak dt/tau of a leaky cell; 0: from --dt and --tau", 0, NULL },                         \
    { 0, "dt", CLI_REAL, &(x).dt_ms, "MS", 0, 1e6, "time step; 0: that of --task, or 1", 0, NULL },                                          \
    { 0, "tau", CLI_REAL, &(x).tau_ms, "MS", 0, 1e9, "time constant of a leaky cell; 0: not said", 0, NULL },                                \
    { 0, "readout", CLI_CHOICE, &(x).readout, "linear|sigmoid|softmax", 0, 0, "nonlinearity of the outputs", 0, NULL },                      \
    { 0, "read", CLI_CHOICE, &(x).read, "after|before", 0, 0, "read out after or before the update of the step", 0, NULL },                  \
    { 0, "read-latent", CLI_FLAG, &(x).read_latent, NULL, 0, 0, "W_out reads the latent variables n r, not the units", 0, NULL },            \
    { 0, "rank-scale", CLI_CHOICE, &(x).rank_scale, "plain|per-unit", 0, 0, "factors mean W = m n, or m n / N", 0, NULL },                   \
    { 0, "noise", CLI_REAL, &(x).noise, "SIGMA", 0, 1e6, "recurrent noise", 0, NULL },                                                       \
    { 0, "noise-where", CLI_CHOICE, &(x).noise_where, "inside|outside", 0, 0, "within the nonlinearity, or added to the new state", 0, NULL }, \
    { 0, "noise-scale", CLI_CHOICE, &(x).noise_scale, "plain|sqrt-2-over-alpha|sqrt-2-alpha|sqrt-dt", 0, 0, "factor on sigma", 0, NULL },    \
    { 0, "h0", CLI_CHOICE, &(x).h0, "zero|fixed|trained|normal", 0, 0, "law of the initial state; an array h0 means fixed", 0, NULL },       \
    { 0, "h0-sd", CLI_REAL, &(x).h0_sd, "SD", 0, 1e6, "standard deviation of the initial state per trial", 0, NULL },                        \
    { 0, "h0-transform", CLI_CHOICE, &(x).h0_transform, "plain|tanh", 0, 0, "applied to the initial state", 0, NULL },

/* Exits 2 when an option of the above was given (for modes that make no net). */
void tool_import_refuse(const struct cli_parse *p);
/* Reads the positional FILE (or standard input) and writes head, task, net and end; the exit status. */
int tool_import_run(const struct tool_import *x, const struct rnn_kvs *labels, const struct cli_parse *p, const struct cli_common *c);

#endif
