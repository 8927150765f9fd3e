/* Temporary files and signals: whatever ends the program, no half file stays behind. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "num/kernels.h"
#include "tool/internal.h"

#define MAX_TEMPS 8

/* Plain bytes, since a handler reads them: a name is complete before its flag is set. */
static char temp_name[MAX_TEMPS][4096];
static volatile sig_atomic_t temp_used[MAX_TEMPS];

static char last_words[512];
static volatile sig_atomic_t n_last_words;

static void unlink_temps(void)
{
    const int keep = errno;
    for (int i = 0; i < MAX_TEMPS; i++) {
        if (temp_used[i]) unlink(temp_name[i]);
        temp_used[i] = 0;
    }
    errno = keep;
}

void tool_remove_temps(void *unused)
{
    (void)unused;
    unlink_temps();
}

/* Dies of the signal, so that the shell sees what happened. */
static void die_of(int sig)
{
    sigset_t set;
    unlink_temps();
    if (sig != SIGPIPE && n_last_words && write(STDERR_FILENO, last_words, (size_t)n_last_words) < 0) n_last_words = 0;
    signal(sig, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, sig);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    raise(sig);
    _exit(128 + sig);
}

void tool_last_words(const char *text)
{
    const char *after_bar = isatty(STDERR_FILENO) ? "\n" : ""; /* a bar may stand in the line */
    const int n = snprintf(last_words, sizeof last_words, "%s%s: %s\n", after_bar, cli_tool_name, text);
    n_last_words = n > 0 && (size_t)n < sizeof last_words ? n : 0;
}

void tool_catch_signals(void)
{
    static const int signals[] = { SIGPIPE, SIGINT, SIGTERM, SIGHUP };
    struct sigaction a = { .sa_handler = die_of }, old;
    sigemptyset(&a.sa_mask);
    for (size_t i = 0; i < RNN_LEN(signals); i++) {
        const bool may_be_ignored = signals[i] != SIGPIPE; /* as nohup and background jobs of a shell ask */
        if (may_be_ignored && sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_IGN) continue;
        sigaction(signals[i], &a, NULL);
    }
    signal(SIGXFSZ, SIG_IGN); /* beyond `ulimit -f` a write fails and says so */
    cli_at_die(tool_remove_temps, NULL);
}

void tool_thread_begin(void *unused)
{
    (void)unused;
    rnn_flush_denormals();
}

void tool_block_signals(bool block, sigset_t *old)
{
    sigset_t all;
    if (block) {
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, old);
    } else {
        pthread_sigmask(SIG_SETMASK, old, NULL);
    }
}

void tool_remember_temp(const char *temp)
{
    for (int i = 0; i < MAX_TEMPS; i++) {
        if (temp_used[i] || strlen(temp) >= sizeof temp_name[i]) continue;
        strcpy(temp_name[i], temp);
        temp_used[i] = 1;
        return;
    }
    cli_die(1, "cannot write: %s: the name is too long, or too many files are being written", temp);
}

void tool_forget_temp(const char *temp)
{
    for (int i = 0; i < MAX_TEMPS; i++) {
        if (temp_used[i] && !strcmp(temp_name[i], temp)) temp_used[i] = 0;
    }
}
