/* Which call of a process to the disk shall fail? Preloaded into a daemon, for the tests of rows 12 to 16.
 *
 * Calls that change files below FAULT_DIR are counted from 1. FAULTS is a list such as "12:enospc,40:short,77:kill":
 *   eio, enospc, edquot  the call fails with that error and does nothing
 *   short                a write writes half of what it was given; another kind of call succeeds, and the next write is short
 *   kill                 the process is killed before the call
 *   after                the process is killed after the call
 *   power                the process is killed, and of *.seg and *.film files what no sync has covered is lost with it:
 *                        bytes behind the last sync, and names whose directory was not synced
 * The number of calls so far is kept in the file FAULT_COUNT (8 bytes), so that a test can see how far it came.
 *
 * Unrealistic: a power cut loses all of what was not synced or nothing of it, never a part in between.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FILES_MAX = 4096, FAULTS_MAX = 256 };
enum fault { NONE, EIO_, ENOSPC_, EDQUOT_, SHORT, KILL, AFTER, POWER };

static const char *const NAMES[] = {"", "eio", "enospc", "edquot", "short", "kill", "after", "power"};

struct file {
    char path[512];
    off_t written, synced;
    int named; /* its name is durable */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char dir[512];
static size_t dir_len;
static uint64_t faults_at[FAULTS_MAX];
static enum fault faults[FAULTS_MAX];
static int faults_count, short_pending;
static volatile uint64_t fallback, *count = &fallback;
static struct file files[FILES_MAX];
static int files_count;

#define REAL(ret, name, ...) \
    static ret (*real_##name)(__VA_ARGS__); \
    if (!real_##name) real_##name = dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void) {
    const char *list = getenv("FAULTS"), *where = getenv("FAULT_DIR"), *counter = getenv("FAULT_COUNT");
    unsetenv("LD_PRELOAD"); /* workers are not meant */
    if (!where) return;
    snprintf(dir, sizeof dir, "%s", where);
    dir_len = strlen(dir);
    for (; list && *list && faults_count < FAULTS_MAX; list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL) {
        char kind[16] = "";
        unsigned long at = 0;
        if (sscanf(list, "%lu:%15[a-z]", &at, kind) != 2) break;
        for (int i = 1; i <= POWER; i++)
            if (!strcmp(kind, NAMES[i])) {
                faults_at[faults_count] = at;
                faults[faults_count++] = i;
            }
    }
    if (counter) {
        int fd = open(counter, O_RDWR | O_CREAT, 0600);
        if (fd >= 0 && ftruncate(fd, 8) == 0) {
            void *page = mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
            if (page != MAP_FAILED) count = page;
        }
        close(fd);
    }
}

static int below(const char *path) { return dir_len && !strncmp(path, dir, dir_len) && path[dir_len] == '/'; }

static int path_of(int fd, char *out, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, out, size - 1);
    if (n < 0) return 0;
    out[n] = 0;
    return below(out);
}

static int full_path(int at, const char *path, char *out, size_t size) {
    char base[PATH_MAX] = "";
    if (path[0] == '/') {
        snprintf(out, size, "%s", path);
    } else {
        if (at == AT_FDCWD) {
            if (!getcwd(base, sizeof base)) return 0;
        } else if (!path_of(at, base, sizeof base)) {
            return 0;
        }
        snprintf(out, size, "%.400s/%.400s", base, path);
    }
    return below(out);
}

static int is_log(const char *path) {
    size_t n = strlen(path);
    return (n > 4 && !strcmp(path + n - 4, ".seg")) || (n > 5 && !strcmp(path + n - 5, ".film"));
}

static struct file *known(const char *path) {
    for (int i = files_count - 1; i >= 0; i--)
        if (!strcmp(files[i].path, path)) return &files[i];
    return NULL;
}

static void die(void) { kill(getpid(), SIGKILL); for (;;) pause(); }

static void cut_power(void) {
    REAL(int, ftruncate64, int, off64_t);
    REAL(int, unlink, const char *);
    REAL(int, openat64, int, const char *, int, ...); /* not our own, which waits for the lock that we hold */
    for (int i = 0; i < files_count; i++) {
        struct file *file = &files[i];
        if (!file->named) {
            real_unlink(file->path);
        } else if (file->written > file->synced) {
            int fd = real_openat64(AT_FDCWD, file->path, O_RDWR);
            if (fd >= 0) real_ftruncate64(fd, file->synced);
        }
    }
    die();
}

/* What shall become of this call? Called with the lock held, which a caller keeps over the call itself. */
static enum fault decide(int is_write) {
    uint64_t number = ++*count;
    for (int i = 0; i < faults_count; i++)
        if (faults_at[i] == number) {
            if (faults[i] == KILL) die();
            if (faults[i] == POWER) cut_power();
            if (faults[i] == SHORT && !is_write) {
                short_pending = 1;
                return NONE;
            }
            return faults[i];
        }
    if (short_pending && is_write) {
        short_pending = 0;
        return SHORT;
    }
    return NONE;
}

static int error_of(enum fault fault) {
    return fault == EIO_ ? EIO : fault == ENOSPC_ ? ENOSPC : fault == EDQUOT_ ? EDQUOT : 0;
}

static void wrote(const char *path, off_t at, ssize_t n) {
    struct file *file = is_log(path) ? known(path) : NULL;
    if (file && n > 0 && at + n > file->written) file->written = at + n;
}

static void opened(const char *path, int existed, int fd) {
    struct stat st;
    if (fd < 0 || !is_log(path)) return;
    struct file *file = known(path);
    if (!file && files_count < FILES_MAX) {
        file = &files[files_count++];
        snprintf(file->path, sizeof file->path, "%.511s", path);
    }
    if (file && (!existed || !file->written)) {
        file->written = file->synced = fstat(fd, &st) == 0 ? st.st_size : 0;
        file->named = existed;
    }
}

static void synced(const char *path) {
    size_t n = strlen(path);
    for (int i = 0; i < files_count; i++) {
        if (!strcmp(files[i].path, path)) files[i].synced = files[i].written;
        /* a directory: the names in it */
        if (!strncmp(files[i].path, path, n) && files[i].path[n] == '/' && !strchr(files[i].path + n + 1, '/'))
            files[i].named = 1;
    }
}

/* Wrap one call on a descriptor: FAIL is what it returns with errno set, HALF how it is called short, DONE what follows. */
#define ON_FD(fd, is_write, FAIL, CALL, HALF, DONE) \
    char path[PATH_MAX]; \
    if (!path_of(fd, path, sizeof path)) return CALL; \
    pthread_mutex_lock(&lock); \
    enum fault fault = decide(is_write); \
    int error = error_of(fault); \
    __typeof__(CALL) got; \
    if (error) { \
        got = FAIL; \
    } else { \
        got = fault == SHORT ? (HALF) : (CALL); \
        error = errno; \
        DONE; \
        if (fault == AFTER) die(); \
    } \
    pthread_mutex_unlock(&lock); \
    errno = error; \
    return got

ssize_t write(int fd, const void *data, size_t n) {
    REAL(ssize_t, write, int, const void *, size_t);
    off_t at = lseek(fd, 0, SEEK_CUR);
    ON_FD(fd, 1, -1, real_write(fd, data, n), real_write(fd, data, n > 1 ? n / 2 : n), wrote(path, at, got));
}

#define PWRITE(name) \
    ssize_t name(int fd, const void *data, size_t n, off64_t at) { \
        REAL(ssize_t, name, int, const void *, size_t, off64_t); \
        ON_FD(fd, 1, -1, real_##name(fd, data, n, at), real_##name(fd, data, n > 1 ? n / 2 : n, at), wrote(path, at, got)); \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

static ssize_t half(int fd, const struct iovec *iov, int n, off64_t at) {
    REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
    size_t total = 0;
    for (int i = 0; i < n; i++) total += iov[i].iov_len;
    char *all = malloc(total + 1);
    size_t used = 0;
    for (int i = 0; i < n; i++) {
        memcpy(all + used, iov[i].iov_base, iov[i].iov_len);
        used += iov[i].iov_len;
    }
    ssize_t got = real_pwrite64(fd, all, total > 1 ? total / 2 : total, at);
    free(all);
    return got;
}

#define PWRITEV(name) \
    ssize_t name(int fd, const struct iovec *iov, int n, off64_t at) { \
        REAL(ssize_t, name, int, const struct iovec *, int, off64_t); \
        ON_FD(fd, 1, -1, real_##name(fd, iov, n, at), half(fd, iov, n, at), wrote(path, at, got)); \
    }
#define PWRITEV2(name) \
    ssize_t name(int fd, const struct iovec *iov, int n, off64_t at, int flags) { \
        REAL(ssize_t, name, int, const struct iovec *, int, off64_t, int); \
        ON_FD(fd, 1, -1, real_##name(fd, iov, n, at, flags), half(fd, iov, n, at), wrote(path, at, got)); \
    }
PWRITEV(pwritev)
PWRITEV(pwritev64)
PWRITEV2(pwritev2)
PWRITEV2(pwritev64v2)

#define SYNC(name) \
    int name(int fd) { \
        REAL(int, name, int); \
        ON_FD(fd, 0, -1, real_##name(fd), real_##name(fd), if (got == 0) synced(path)); \
    }
SYNC(fsync)
SYNC(fdatasync)

#define TRUNCATE(name) \
    int name(int fd, off64_t size) { \
        REAL(int, name, int, off64_t); \
        ON_FD(fd, 0, -1, real_##name(fd, size), real_##name(fd, size), { \
            struct file *file = known(path); \
            if (file && got == 0 && file->written > size) file->written = size; \
            if (file && got == 0 && file->synced > size) file->synced = size; \
        }); \
    }
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)

#define FALLOCATE(name) \
    int name(int fd, off64_t at, off64_t n) { \
        REAL(int, name, int, off64_t, off64_t); \
        ON_FD(fd, 0, error, real_##name(fd, at, n), real_##name(fd, at, n), (void)got); \
    }
FALLOCATE(posix_fallocate)
FALLOCATE(posix_fallocate64)

/* Opening counts where it may change something: a file is made, or it is written to. */
static int open_at(int (*real)(int, const char *, int, ...), int at, const char *path, int flags, mode_t mode) {
    char full[PATH_MAX];
    if (!(flags & (O_CREAT | O_WRONLY | O_RDWR)) || !full_path(at, path, full, sizeof full)) return real(at, path, flags, mode);
    pthread_mutex_lock(&lock);
    enum fault fault = decide(0);
    int error = error_of(fault), fd = -1;
    if (!error) {
        int existed = access(full, F_OK) == 0;
        fd = real(at, path, flags, mode);
        error = errno;
        opened(full, existed, fd);
        if (fault == AFTER) die();
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return fd;
}

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | __O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    }
#define OPENAT(name) \
    int name(int at, const char *path, int flags, ...) { \
        REAL(int, name, int, const char *, int, ...); \
        MODE(flags) \
        return open_at(real_##name, at, path, flags, mode); \
    }
#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(int, openat64, int, const char *, int, ...); \
        MODE(flags) \
        return open_at(real_openat64, AT_FDCWD, path, flags, mode); \
    }
OPENAT(openat)
OPENAT(openat64)
OPEN(open)
OPEN(open64)

#define ON_PATH(at, name, CALL) \
    char full[PATH_MAX]; \
    if (!full_path(at, name, full, sizeof full)) return CALL; \
    pthread_mutex_lock(&lock); \
    enum fault fault = decide(0); \
    int error = error_of(fault), got = -1; \
    if (!error) { \
        got = CALL; \
        error = errno; \
        if (fault == AFTER) die(); \
    } \
    pthread_mutex_unlock(&lock); \
    errno = error; \
    return got

int rename(const char *from, const char *to) {
    REAL(int, rename, const char *, const char *);
    ON_PATH(AT_FDCWD, from, real_rename(from, to));
}

int renameat(int from_at, const char *from, int to_at, const char *to) {
    REAL(int, renameat, int, const char *, int, const char *);
    ON_PATH(from_at, from, real_renameat(from_at, from, to_at, to));
}

int unlink(const char *path) {
    REAL(int, unlink, const char *);
    ON_PATH(AT_FDCWD, path, real_unlink(path));
}

int mkdir(const char *path, mode_t mode) {
    REAL(int, mkdir, const char *, mode_t);
    ON_PATH(AT_FDCWD, path, real_mkdir(path, mode));
}
