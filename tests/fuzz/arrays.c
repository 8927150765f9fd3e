/* Feeds broken npy images, npz archives and safetensors files to what reads them and makes networks of them.  The first byte chooses. */
#include <stdlib.h>
#include "convert/import.h"
#include "convert/npz.h"
#include "convert/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    struct rnn_err err;
    struct rnn_named_list l = { 0 };
    struct rnn_array a;
    struct rnn_net *net;
    char *unused;
    if (!len) return 0;
    const unsigned format = p[0] % 3, cell = p[0] / 3 % 4;
    p++, len--;
    if (format == 0) {
        if (rnn_npy_parse(p, len, &a, &err) >= 0) rnn_array_release(&a);
        return 0;
    }
    if ((format == 1 ? rnn_npz_parse(p, len, &l, &err) : rnn_safetensors_parse(p, len, &l, &err)) < 0) return 0;
    struct rnn_import import = { .h0_given = false };
    rnn_spec_default(&import.spec);
    import.spec.cell = (enum rnn_cell)cell;
    if (cell == RNN_LEAKY || cell == RNN_LEAKY_CURRENT) import.spec.alpha = 0.5;
    if (rnn_import_net(&l, &import, &net, &unused, &err) >= 0) {
        rnn_net_free(net);
        free(unused);
    }
    rnn_named_release(&l);
    return 0;
}
