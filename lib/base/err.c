#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Formats first and stores afterwards, so that err->msg itself may be among the arguments (adding a prefix). */
static void format(struct rnn_err *err, const char *fmt, va_list ap)
{
    char text[sizeof err->msg];
    vsnprintf(text, sizeof text, fmt, ap);
    memcpy(err->msg, text, sizeof text);
}

int rnn_fail(struct rnn_err *err, int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    format(err, fmt, ap);
    va_end(ap);
    err->code = code;
    err->sys = 0;
    return code;
}

int rnn_fail_sys(struct rnn_err *err, int code, int sys, const char *fmt, ...)
{
    char buf[128], why[sizeof buf + 2];
    va_list ap;
    va_start(ap, fmt);
    format(err, fmt, ap);
    va_end(ap);
    snprintf(why, sizeof why, ": %s", strerror_r(sys, buf, sizeof buf));
    size_t n = strlen(err->msg), room = sizeof err->msg - 1 - strlen(why);
    strcpy(err->msg + (n < room ? n : room), why); /* the end of a long path rather than the reason is lost */
    err->code = code;
    err->sys = sys;
    return code;
}

const char *rnn_rc_name(int code)
{
    switch ((enum rnn_rc)code) {
    case RNN_OK: return "ok";
    case RNN_EOS: return "end";
    case RNN_NOT_CONVERGED: return "not-converged";
    case RNN_ERR_ARG: return "argument";
    case RNN_ERR_NOMEM: return "memory";
    case RNN_ERR_IO: return "io";
    case RNN_ERR_FORMAT: return "format";
    case RNN_ERR_TRUNCATED: return "truncated";
    case RNN_ERR_CHECKSUM: return "checksum";
    case RNN_ERR_VERSION: return "version";
    case RNN_ERR_UPSTREAM: return "upstream";
    case RNN_ERR_LIMIT: return "limit";
    case RNN_ERR_NUMERIC: return "numeric";
    }
    return "unknown";
}
