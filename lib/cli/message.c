/* Messages on standard error: one line, one write(2), the progress bar taken away and drawn again around it. */
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/internal.h"

#define LINE_MAX_BYTES 2048

const char *cli_tool_name = "rnn-suite";
const char *cli_one_thread;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool is_quiet, is_verbose;
static struct { void (*fn)(void *); void *arg; } at_die[8];
static size_t n_at_die;

void cli_message_setup(bool quiet, bool verbose)
{
    is_quiet = quiet;
    is_verbose = verbose;
}

void cli_lock(void)
{
    pthread_mutex_lock(&lock);
}

void cli_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

void cli_write_stderr(const char *s, size_t n)
{
    while (n) {
        const ssize_t k = write(STDERR_FILENO, s, n);
        if (k <= 0) return; /* nobody to tell */
        s += k;
        n -= (size_t)k;
    }
}

/* Names in a message may come from a file: control bytes must neither break the line nor drive the terminal. */
static void say(const char *fmt, va_list ap)
{
    char line[LINE_MAX_BYTES];
    cli_lock();
    size_t n = cli_progress_erase(line, 256);
    const size_t start = n;
    n += (size_t)snprintf(line + n, sizeof line - n, "%.64s: ", cli_tool_name);
    const int k = vsnprintf(line + n, sizeof line - n - 1, fmt, ap);
    n += k < 0 ? 0 : (size_t)k < sizeof line - n - 1 ? (size_t)k : sizeof line - n - 2;
    for (size_t i = start; i < n; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f) line[i] = '?';
    }
    line[n++] = '\n';
    cli_write_stderr(line, n);
    cli_unlock();
}

static void say_args(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say_args(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(fmt, ap);
    va_end(ap);
}

static void say_text(const char *text)
{
    say_args("%s", text);
}

void cli_say(const char *fmt, ...)
{
    va_list ap;
    if (is_quiet) return;
    va_start(ap, fmt);
    say(fmt, ap);
    va_end(ap);
}

void cli_verbose(const char *fmt, ...)
{
    va_list ap;
    if (!is_verbose) return;
    va_start(ap, fmt);
    say(fmt, ap);
    va_end(ap);
}

void cli_warn(const char *fmt, ...)
{
    char text[LINE_MAX_BYTES] = "warning: ";
    const size_t n = strlen(text);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text + n, sizeof text - n, fmt, ap);
    va_end(ap);
    say_text(text);
}

void cli_at_die(void (*fn)(void *), void *arg)
{
    cli_lock();
    if (n_at_die < sizeof at_die / sizeof *at_die) {
        at_die[n_at_die].fn = fn;
        at_die[n_at_die++].arg = arg;
    }
    cli_unlock();
}

/* The message first: what runs at death may itself be killed, by a closed pipe say.  _exit, because other threads may
 * still be at work on what destructors would take away. */
static _Noreturn void die(int status)
{
    while (n_at_die) {
        n_at_die--;
        at_die[n_at_die].fn(at_die[n_at_die].arg);
    }
    fflush(stdout);
    _exit(status);
}

_Noreturn void cli_die(int status, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(fmt, ap);
    va_end(ap);
    die(status);
}

int cli_status_of(int code)
{
    return code >= 0 ? 0 : code == RNN_ERR_ARG ? 2 : 1;
}

_Noreturn void cli_die_err(const struct rnn_err *err)
{
    say_text(err->msg[0] ? err->msg : rnn_rc_name(err->code));
    die(cli_status_of(err->code));
}
