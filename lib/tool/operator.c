#include "tool/operator.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "codec/codec.h"

int tool_read_text(const char *path, char **text, struct rnn_err *err)
{
    FILE *f = fopen(path, "r");
    size_t cap = 0;
    *text = NULL;
    if (!f) return rnn_fail_sys(err, RNN_ERR_IO, errno, "cannot open '%s'", path);
    errno = 0;
    const ssize_t len = getdelim(text, &cap, '\0', f);
    int rc = RNN_OK;
    if (ferror(f))
        rc = rnn_fail_sys(err, RNN_ERR_IO, errno, "cannot read '%s'", path);
    else if (len <= 0)
        rc = rnn_fail(err, RNN_ERR_FORMAT, "'%s' is empty", path);
    else if (!feof(f))
        rc = rnn_fail(err, RNN_ERR_FORMAT, "'%s' is not text", path);
    fclose(f);
    if (rc < 0) free(*text), *text = NULL;
    return rc;
}

int tool_operator_task(const char *text, uint64_t length, uint64_t seed, struct rnn_task **out,
                       struct rnn_err *err)
{
    struct rnn_kvs params = {0};
    char *read = NULL;
    if (*text == '@') RNN_TRY(tool_read_text(text + 1, &read, err));
    int rc = rnn_kvs_str(&params, "operator", read ? read : text, err);
    if (rc >= 0) rc = rnn_kvs_uint(&params, "length", length, err);
    if (rc >= 0) rc = rnn_task_make(out, "history", &params, seed, err);
    if (rc >= 0) rnn_task_set_id(*out);
    rnn_kvs_release(&params);
    free(read);
    return rc < 0 ? rc : RNN_OK;
}

int tool_operator_prov(const struct rnn_task *t, struct rnn_kvs *options, struct rnn_err *err)
{
    RNN_TRY(rnn_kvs_str(options, "operator", rnn_kvs_get_str(&t->params, "operator", ""), err));
    return rnn_kvs_uint(options, "length", t->lags, err);
}

bool tool_operator_of(const struct rnn_task *t, struct rnn_operator *op)
{
    *op = (struct rnn_operator){t->lags, t->dims, t->F};
    return t->F != NULL;
}
