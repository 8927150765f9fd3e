/* Progress on standard error.  On a terminal one line, drawn again at most ten times a second; in a log a plain line per
 * tenth of the work or per minute, whichever comes first, and none at all for work of a few seconds. */
#include <math.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include "cli/internal.h"

#define REDRAW_S 0.1
#define PLAIN_EVERY_S 60.0
#define PLAIN_AUTO_MIN_S 5.0 /* a log wants no line about work that is over before anyone looks */
#define RATE_WINDOW_S 30.0

struct mark { double t, done; };

static struct {
    int mode;        /* as asked */
    bool is_active, is_bar, is_drawn;
    const char *what;
    double total, done, last_shown, last_tenth, start;
    struct mark older, newer; /* the rate is taken since `older`, which is 30 to 60 s old: so a resumed run and a */
    char note[64];            /* change of pace do not spoil the estimate for long */
} bar;

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void cli_progress_setup(int mode)
{
    bar.mode = mode;
}

/* A background job must not scribble on the terminal of whoever works in the foreground. */
static bool terminal_is_ours(void)
{
    return isatty(STDERR_FILENO) && tcgetpgrp(STDERR_FILENO) == getpgrp();
}

static void format_time(double s, char out[24])
{
    const long long n = s < 0 ? 0 : s > 1e8 ? 100000000 : (long long)(s + 0.5);
    if (n >= 3600) snprintf(out, 24, "%lld:%02lld:%02lld", n / 3600, n / 60 % 60, n % 60);
    else snprintf(out, 24, "%lld:%02lld", n / 60, n % 60);
}

static double rate(double t)
{
    return t > bar.older.t ? (bar.done - bar.older.done) / (t - bar.older.t) : 0;
}

/* "12/50 nets", the bar when room is given, "24%", rate, time left, note */
static size_t describe(char *out, size_t cap, double t, size_t bar_width)
{
    char left[24], cells[64] = "";
    const double r = rate(t), part = bar.total > 0 ? fmin(1, bar.done / bar.total) : 0;
    size_t n;
    if (bar_width >= sizeof cells) bar_width = sizeof cells - 1;
    const size_t full = (size_t)(part * (double)bar_width);
    memset(cells, '=', full);
    memset(cells + full, ' ', bar_width - full);
    cells[bar_width] = '\0';
    if (bar.total > 0) {
        n = (size_t)snprintf(out, cap, "%.64s: %.10g/%.10g %.32s %s%s%s%.0f%%", cli_tool_name, bar.done, bar.total, bar.what,
                             bar_width ? "[" : "", cells, bar_width ? "] " : "", floor(100 * part));
    } else {
        n = (size_t)snprintf(out, cap, "%.64s: %.10g %.32s", cli_tool_name, bar.done, bar.what);
    }
    if (r > 0) {
        const char *unit = r >= 1 ? "s" : r >= 1.0 / 60 ? "min" : "h";
        n += (size_t)snprintf(out + n, cap - n, "  %.3g/%s", r * (r >= 1 ? 1 : r >= 1.0 / 60 ? 60 : 3600), unit);
    }
    if (r > 0 && bar.total > bar.done) {
        format_time((bar.total - bar.done) / r, left);
        n += (size_t)snprintf(out + n, cap - n, "  %s left", left);
    } else {
        format_time(t - bar.start, left);
        n += (size_t)snprintf(out + n, cap - n, "  after %s", left);
    }
    if (bar.note[0]) n += (size_t)snprintf(out + n, cap - n, "  %s", bar.note);
    return n;
}

size_t cli_progress_erase(char *out, size_t cap)
{
    if (!bar.is_drawn) return 0;
    bar.is_drawn = false;
    bar.last_shown = 0; /* so that the next call draws it again */
    return (size_t)snprintf(out, cap, "\r\033[K");
}

static void draw(double t)
{
    char line[512];
    struct winsize w = { 0 };
    const size_t columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col ? w.ws_col : 80;
    const size_t head = (size_t)snprintf(line, sizeof line, "\r\033[K");
    size_t n = describe(line + head, sizeof line - head, t, columns >= 100 ? 30 : columns >= 70 ? 16 : 0);
    if (n >= columns) n = columns - 1; /* a line that wraps cannot be taken back */
    cli_write_stderr(line, head + n);
    bar.is_drawn = true;
    bar.last_shown = t;
}

static void print_plain(double t)
{
    char line[512];
    size_t n = describe(line, sizeof line - 1, t, 0);
    line[n++] = '\n';
    cli_write_stderr(line, n);
    bar.last_shown = t;
}

static void show(double t)
{
    if (bar.is_bar) {
        if (t - bar.last_shown >= REDRAW_S) draw(t);
        return;
    }
    const double tenth = bar.total > 0 ? floor(10 * bar.done / bar.total) : 0;
    const double wait = t - bar.last_shown;
    const bool due = tenth > bar.last_tenth && (bar.mode == CLI_PROGRESS_PLAIN || wait >= PLAIN_AUTO_MIN_S);
    if (!due && wait < PLAIN_EVERY_S) return;
    bar.last_tenth = tenth;
    print_plain(t);
}

void cli_progress_start(const char *what, double total)
{
    cli_lock();
    const int mode = bar.mode;
    const double t = now_s();
    memset(&bar, 0, sizeof bar);
    bar.mode = mode;
    bar.what = what;
    bar.total = total;
    bar.is_active = mode != CLI_PROGRESS_NONE;
    bar.is_bar = mode == CLI_PROGRESS_BAR || (mode == CLI_PROGRESS_AUTO && terminal_is_ours());
    bar.start = t;
    bar.last_shown = bar.is_bar ? 0 : t;
    bar.older = bar.newer = (struct mark){ t, 0 };
    cli_unlock();
}

void cli_progress(double done, const char *note)
{
    cli_lock();
    if (bar.is_active) {
        const double t = now_s();
        if (bar.done == 0 && t - bar.start < 0.01) { /* what a resumed run begins with was not done just now */
            bar.older.done = bar.newer.done = done;
        }
        bar.done = done;
        snprintf(bar.note, sizeof bar.note, "%s", note ? note : "");
        if (t - bar.newer.t > RATE_WINDOW_S) {
            bar.older = bar.newer;
            bar.newer = (struct mark){ t, done };
        }
        show(t);
    }
    cli_unlock();
}

void cli_progress_end(void)
{
    char line[16];
    cli_lock();
    if (bar.is_drawn) cli_write_stderr(line, cli_progress_erase(line, sizeof line));
    bar.is_active = false;
    cli_unlock();
}
