#include "io/outfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"

#define ATTEMPTS 100
#define MAX_LINKS 40 /* as the kernel's */
#define PREFIX ".%.200s." /* of hidden names; eight hexadecimal digits follow */

static bool always_named;

void rnn_outfile_always_named(bool always)
{
    always_named = always;
}

static int folder_len(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (int)(slash - path) + 1 : 0;
}

static char *folder_of(const char *path)
{
    const int n = folder_len(path);
    return n ? rnn_asprintf("%.*s", n, path) : rnn_strdup(".");
}

/* DIR/.NAME.RANDOM; NULL: out of memory. */
static char *hidden_name(const char *path)
{
    static uint32_t count;
    const int dir = folder_len(path);
    uint32_t salt;
    if (getrandom(&salt, sizeof salt, 0) != (ssize_t)sizeof salt) salt = (uint32_t)getpid() * 2654435761u + count++;
    return rnn_asprintf("%.*s" PREFIX "%08" PRIx32, dir, path, path + dir, salt);
}

/* ---- opening ---- */

static void fd_name(int fd, char name[32])
{
    snprintf(name, 32, "/proc/self/fd/%d", fd);
}

/* A file of no name in the folder of path, or -1 where the file system has none, or where it could not be named later. */
static int open_unnamed(const char *path)
{
    char name[32], *dir = always_named ? NULL : folder_of(path);
    int fd = dir ? open(dir, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666) : -1;
    free(dir);
    if (fd < 0) return -1;
    fd_name(fd, name);
    if (access(name, F_OK) == 0) return fd;
    close(fd);
    return -1;
}

/* Hidden files beside path that nobody holds locked are of programs that SIGKILL, or the machine, ended.  A writer keeps its lock until the
 * file has its name.  Where there are no locks, nothing is removed. */
static void remove_stale(const char *path)
{
    char *folder = folder_of(path), *prefix = rnn_asprintf(PREFIX, path + folder_len(path));
    DIR *dir = folder && prefix ? opendir(folder) : NULL;
    for (struct dirent *e; dir && (e = readdir(dir));) {
        const size_t n = strlen(prefix);
        if (strncmp(e->d_name, prefix, n) || strlen(e->d_name) != n + 8 || strspn(e->d_name + n, "0123456789abcdef") != 8) continue;
        const int fd = openat(dirfd(dir), e->d_name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) unlinkat(dirfd(dir), e->d_name, 0);
        if (fd >= 0) close(fd);
    }
    if (dir) closedir(dir);
    free(folder);
    free(prefix);
}

/* Whether another has taken the file for stale, between its making and its lock. */
static bool is_gone(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_nlink == 0;
}

/* Both ways give the permissions that the user's umask grants (mkstemp would make the file private). */
static int open_hidden(const char *path, char **temp, struct rnn_err *err)
{
    remove_stale(path);
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (!(*temp = hidden_name(path))) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
        const int fd = open(*temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0) flock(fd, LOCK_EX | LOCK_NB);
        if (fd >= 0 && !is_gone(fd)) return fd;
        const int why = fd >= 0 ? EEXIST : errno;
        if (fd >= 0) close(fd);
        free(*temp);
        *temp = NULL;
        errno = why;
        if (errno != EEXIST) break;
    }
    return rnn_fail_sys(err, RNN_ERR_IO, errno, "cannot write '%s'", path);
}

/* What path stands for when links are followed, also one that leads to nothing yet; NULL with errno. */
static char *follow_links(const char *path)
{
    char *at = rnn_strdup(path), to[PATH_MAX];
    for (int i = 0; at; i++) {
        const ssize_t n = readlink(at, to, sizeof to);
        if (n < 0) return at; /* no link */
        const bool is_lost = i == MAX_LINKS || n == (ssize_t)sizeof to;
        char *next = is_lost ? NULL : rnn_asprintf("%.*s%.*s", *to == '/' ? 0 : folder_len(at), at, (int)n, to);
        if (is_lost) errno = ELOOP;
        free(at);
        at = next;
    }
    return NULL;
}

/* A new file, or a regular one to be replaced. */
static int open_new(struct rnn_outfile *f, const char *path, const struct stat *old, struct rnn_err *err)
{
    char *target = old && eaccess(path, W_OK) != 0 ? NULL : follow_links(path); /* who forbids writing means renaming over it, too */
    if (!target) return rnn_fail_sys(err, RNN_ERR_IO, errno, "cannot write '%s'", path);
    int fd = open_unnamed(target);
    if (fd < 0) fd = open_hidden(target, &f->temp, err);
    if (fd < 0) {
        free(target);
        return fd;
    }
    if (old && fchmod(fd, old->st_mode & 0777) != 0) errno = 0; /* another's file: the umask's permissions stay */
    f->fd = fd;
    f->owns_fd = true;
    f->path = target;
    return RNN_OK;
}

int rnn_outfile_open(struct rnn_outfile *f, const char *path, struct rnn_err *err)
{
    struct stat st;
    *f = (struct rnn_outfile){ .fd = STDOUT_FILENO };
    if (!path || strcmp(path, "-") == 0) return RNN_OK;
    const bool is_there = stat(path, &st) == 0;
    if (!is_there || S_ISREG(st.st_mode)) return open_new(f, path, is_there ? &st : NULL, err);
    f->fd = open(path, O_WRONLY | O_CLOEXEC);
    if (f->fd < 0) return rnn_fail_sys(err, RNN_ERR_IO, errno, "cannot write '%s'", path);
    f->owns_fd = true;
    return RNN_OK;
}

/* ---- keeping ---- */

/* A second name over an old file takes two steps, link and rename. */
static int rename_over(const char *unnamed, const char *path)
{
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        char *temp = hidden_name(path);
        if (!temp) return errno = ENOMEM, -1;
        int rc = linkat(AT_FDCWD, unnamed, AT_FDCWD, temp, AT_SYMLINK_FOLLOW);
        const bool is_taken = rc != 0 && errno == EEXIST;
        if (rc == 0 && (rc = rename(temp, path)) != 0) {
            const int why = errno;
            unlink(temp);
            errno = why;
        }
        free(temp);
        if (!is_taken) return rc;
    }
    return errno = EEXIST, -1;
}

static int give_name(int fd, const char *path)
{
    char unnamed[32];
    sigset_t all, old;
    fd_name(fd, unnamed);
    if (linkat(AT_FDCWD, unnamed, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0) return 0;
    if (errno != EEXIST) return -1;
    sigfillset(&all); /* no signal between link and rename */
    pthread_sigmask(SIG_BLOCK, &all, &old);
    const int rc = rename_over(unnamed, path), why = errno;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = why;
    return rc;
}

/* Makes the name last through a crash; folders that cannot be synced (some network mounts) are no reason to fail. */
static void sync_folder(const char *path)
{
    char *dir = folder_of(path);
    const int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        (void)!fsync(fd);
        close(fd);
    }
    free(dir);
}

int rnn_outfile_keep(struct rnn_outfile *f, struct rnn_err *err)
{
    int rc = RNN_OK;
    if (f->path && (fsync(f->fd) != 0 || (f->temp ? rename(f->temp, f->path) : give_name(f->fd, f->path)) != 0)) {
        rc = rnn_fail_sys(err, RNN_ERR_IO, errno, "cannot write '%s'", f->path);
    }
    if (rc >= 0 && f->temp) free(f->temp), f->temp = NULL;
    if (f->owns_fd && close(f->fd) != 0 && rc >= 0) rc = rnn_fail_sys(err, RNN_ERR_IO, errno, "cannot write '%s'", f->path ? f->path : "output");
    f->owns_fd = false;
    if (rc >= 0 && f->path) sync_folder(f->path);
    rnn_outfile_drop(f);
    return rc;
}

void rnn_outfile_drop(struct rnn_outfile *f)
{
    const int keep = errno;
    if (f->owns_fd) close(f->fd);
    if (f->temp) unlink(f->temp);
    free(f->temp);
    free(f->path);
    *f = (struct rnn_outfile){ .fd = -1 };
    errno = keep;
}

int rnn_write_fully(int fd, const void *p, size_t n)
{
    for (const unsigned char *at = p; n > 0;) {
        const ssize_t k = write(fd, at, n);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return -1;
        at += k;
        n -= (size_t)k;
    }
    return 0;
}

int rnn_outfile_put(const char *path, const void *p, size_t n, struct rnn_err *err)
{
    struct rnn_outfile f;
    RNN_TRY(rnn_outfile_open(&f, path, err));
    if (rnn_write_fully(f.fd, p, n) == 0) return rnn_outfile_keep(&f, err);
    const int rc = rnn_fail_sys(err, RNN_ERR_IO, errno, "cannot write '%s'", path);
    rnn_outfile_drop(&f);
    return rc;
}
