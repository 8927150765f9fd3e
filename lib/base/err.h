/* Result codes, and the one line of particulars that travels with them.
 * Functions that can fail return one of these codes and take a `struct rnn_err *` as last argument (never NULL).
 * 0 is success, positive is an informative outcome, negative is failure. */
#ifndef RNN_BASE_ERR_H
#define RNN_BASE_ERR_H

enum rnn_rc {
    RNN_OK = 0,
    RNN_EOS = 1,             /* a reader reached the proper end of its stream */
    RNN_NOT_CONVERGED = 2,   /* an iteration ended without meeting its tolerance: a result, not a failure */
    RNN_ERR_ARG = -1,        /* an argument out of range, or arguments that contradict each other */
    RNN_ERR_NOMEM = -2,
    RNN_ERR_IO = -3,         /* the operating system refused a read or write (errno is in the message) */
    RNN_ERR_FORMAT = -4,     /* bytes that are not a stream, or a body that breaks its kind's rules */
    RNN_ERR_TRUNCATED = -5,  /* a segment without `end` */
    RNN_ERR_CHECKSUM = -6,   /* a frame or segment whose crc or digest does not match */
    RNN_ERR_VERSION = -7,    /* a stream of a newer major version */
    RNN_ERR_UPSTREAM = -8,   /* an `error` frame written by an earlier command */
    RNN_ERR_LIMIT = -9,      /* larger than a stated limit (--max-frame and such) */
    RNN_ERR_NUMERIC = -10    /* a computation that has no finite answer */
};

struct rnn_err {
    int code;
    char msg[480];
    int sys; /* errno of a failed system call (EPIPE: the reader of our output left, no reason to complain), else 0 */
};

/* Sets code and message and returns code, so that `return rnn_fail(err, RNN_ERR_ARG, "rank %zu ...", r);` is one line. */
int rnn_fail(struct rnn_err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same for a failed system call: appends ": " and the text of errno `sys`, and keeps it in err->sys. */
int rnn_fail_sys(struct rnn_err *err, int code, int sys, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* A short name of a code, such as "truncated"; never NULL. */
const char *rnn_rc_name(int code);

/* Returns from the calling function when expr fails (negative); lets informative outcomes pass. */
#define RNN_TRY(expr)                                                                                                \
    do {                                                                                                             \
        int rnn_try_rc_ = (expr);                                                                                    \
        if (rnn_try_rc_ < 0) return rnn_try_rc_;                                                                     \
    } while (0)

#endif
