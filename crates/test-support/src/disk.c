/* A disk that fails on command: preloaded (LD_PRELOAD) into a process under test, it counts, records and spoils the file
 * operations below one directory. Tests build it with cc; nothing of it is in the product.
 *
 * DISK_DIR      absolute path; files below it are watched
 * DISK_CONTROL  a file of struct control, mapped shared: the test changes it and reads its counters while the process runs
 * DISK_RECORD   if set: every change is appended to this file, in the order in which it happened
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { OPEN = 1, WRITE = 2, SYNC = 4, TRUNCATE = 8, RENAME = 16, UNLINK = 32, READ = 64, MAP = 128 };
enum { FAIL, KILL_BEFORE, KILL_AFTER, KILL_AMID, FAIL_AMID, SHORT, FLIP, HANG };

struct control {
    _Atomic uint64_t kinds;  /* operations that count */
    _Atomic uint64_t files;  /* 1 the database, 2 its log, 4 its shared memory, 8 others (never the test's marks) */
    _Atomic uint64_t first;  /* number of the first that is spoiled; 0: none */
    _Atomic uint64_t count;  /* how many in a row */
    _Atomic uint64_t action;
    _Atomic uint64_t error;  /* errno */
    _Atomic uint64_t seen;   /* that counted */
    _Atomic uint64_t fired;  /* that were spoiled */
    _Atomic int64_t clock;   /* seconds by which the wall clock is wrong */
};

struct record {
    uint32_t kind;  /* 'O'pened 'W'ritten 'T'runcated 'S'ynced 'F'ailed to sync 'U'nlinked 'R'enamed */
    uint32_t file;
    uint64_t offset;
    uint64_t length;
};

#define FDS 65536
#define SECTOR 512
#define FILES 4096

static const char *dir;
static size_t dir_length;
static struct control *control;
static int record_fd = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic uint32_t fds[FDS];       /* file number, 0: not watched */
static char *paths[FILES];              /* of each file number, NULL once unlinked */
static uint8_t classes[FILES];
static uint32_t files_known;

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))real(name))

static void *real(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    return found;
}

static int (*real_open)(const char *, int, ...);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_read)(int, void *, size_t);
static ssize_t (*real_pread)(int, void *, size_t, off_t);
static int (*real_close)(int);

__attribute__((constructor)) static void start(void) {
    real_open = real("open64");
    real_write = real("write");
    real_pwrite = real("pwrite64");
    real_read = real("read");
    real_pread = real("pread64");
    real_close = real("close");
    dir = getenv("DISK_DIR");
    if (!dir) return;
    dir_length = strlen(dir);
    const char *path = getenv("DISK_CONTROL");
    if (path) {
        int fd = real_open(path, O_RDWR | O_CLOEXEC);
        if (fd < 0) abort();
        control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (control == MAP_FAILED) abort();
        real_close(fd);
    }
    path = getenv("DISK_RECORD");
    if (path) {
        record_fd = real_open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (record_fd < 0) abort();
    }
}

static int ends_with(const char *text, const char *end) {
    size_t a = strlen(text), b = strlen(end);
    return a >= b && !strcmp(text + a - b, end);
}

static int watched(const char *path) {
    return dir && path && !strncmp(path, dir, dir_length) && (path[dir_length] == '/' || !path[dir_length]);
}

static uint8_t class_of(const char *path) {
    return ends_with(path, ".db") ? 1 : ends_with(path, "-wal") ? 2 : ends_with(path, "-shm") ? 4 : ends_with(path, "/marks") ? 16 : 8;
}

/* With the lock held. */
static uint32_t number_of(const char *path) {
    for (uint32_t n = 1; n <= files_known; n++)
        if (paths[n] && !strcmp(paths[n], path)) return n;
    if (files_known + 1 >= FILES) abort();
    files_known++;
    paths[files_known] = strdup(path);
    classes[files_known] = class_of(path);
    return files_known;
}

static void record(uint32_t kind, uint32_t file, uint64_t offset, const void *bytes, uint64_t length) {
    if (record_fd < 0) return;
    struct record head = {kind, file, offset, length};
    struct iovec parts[] = {{&head, sizeof head}, {(void *)bytes, length}};
    ssize_t want = sizeof head + length;
    if (writev(record_fd, parts, 2) != want) abort();
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* Whether this operation is spoiled. */
static int spoiled(uint64_t kind, uint8_t class) {
    if (!control || !(control->kinds & kind) || !(control->files & class)) return 0;
    uint64_t number = ++control->seen, first = control->first;
    if (!first || number < first || number - first >= control->count) return 0;
    control->fired++;
    if (control->action == HANG) {
        /* Until the test heals the disk. */
        while (control->first) usleep(1000);
        return 0;
    }
    return 1;
}

static uint32_t file_of(int fd) { return fd >= 0 && fd < FDS ? fds[fd] : 0; }

/* For operations that are done or not; `run` does it. */
#define WHOLE(kind, class, run)                                       \
    do {                                                              \
        if (spoiled(kind, class)) {                                   \
            uint64_t action = control->action;                        \
            if (action == FAIL || action == FAIL_AMID) {              \
                errno = (int)control->error;                          \
                result = -1;                                          \
            } else if (action == KILL_AFTER) {                        \
                result = run;                                         \
                die();                                                \
            } else if (action == KILL_BEFORE || action == KILL_AMID)  \
                die();                                                \
            else                                                      \
                result = run;                                         \
        } else                                                        \
            result = run;                                             \
    } while (0)

static int open_watched(const char *path, int flags, mode_t mode) {
    pthread_mutex_lock(&lock);
    int result;
    WHOLE(OPEN, class_of(path), real_open(path, flags, mode));
    int error = errno;
    if (result >= 0 && result < FDS) {
        uint32_t number = number_of(path);
        fds[result] = number;
        record('O', number, (flags & O_TRUNC) != 0, path, strlen(path));
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

#define OPEN_LIKE(name)                                     \
    int name(const char *path, int flags, ...) {            \
        va_list more;                                       \
        va_start(more, flags);                              \
        mode_t mode = va_arg(more, mode_t);                 \
        va_end(more);                                       \
        if (!real_open) start();                            \
        if (watched(path)) return open_watched(path, flags, mode); \
        return real_open(path, flags, mode);                \
    }
OPEN_LIKE(open)
OPEN_LIKE(open64)

#define OPENAT_LIKE(name)                                        \
    int name(int at, const char *path, int flags, ...) {         \
        va_list more;                                            \
        va_start(more, flags);                                   \
        mode_t mode = va_arg(more, mode_t);                      \
        va_end(more);                                            \
        if (!real_open) start();                                 \
        if (watched(path)) return open_watched(path, flags, mode); \
        return REAL(int, #name, int, const char *, int, ...)(at, path, flags, mode); \
    }
OPENAT_LIKE(openat)
OPENAT_LIKE(openat64)

int close(int fd) {
    if (!real_close) start();
    if (file_of(fd)) {
        pthread_mutex_lock(&lock);
        fds[fd] = 0;
        int result = real_close(fd);
        pthread_mutex_unlock(&lock);
        return result;
    }
    return real_close(fd);
}

/* Up to the last boundary of a sector in the first half: a sector is written whole or not at all, as in recording.rs. */
static size_t whole_sectors(off_t at, size_t length) {
    off_t middle = (at + (off_t)length / 2) / SECTOR * SECTOR;
    return middle > at ? (size_t)(middle - at) : 0;
}

static ssize_t write_watched(int fd, uint32_t file, const void *bytes, size_t length, off_t at) {
    pthread_mutex_lock(&lock);
    int positioned = at >= 0;
    if (!positioned) {
        at = (fcntl(fd, F_GETFL) & O_APPEND) ? lseek(fd, 0, SEEK_END) : lseek(fd, 0, SEEK_CUR);
    }
    ssize_t result;
    size_t part = length;
    int then_die = 0, then_fail = 0;
    if (spoiled(WRITE, classes[file])) {
        switch (control->action) {
        case FAIL: part = 0, then_fail = 1; break;
        case KILL_BEFORE: die(); break;
        case KILL_AFTER: then_die = 1; break;
        case KILL_AMID: part = whole_sectors(at, length), then_die = 1; break;
        /* A write within a sector is whole or not at all, as above. */
        case FAIL_AMID: part = length > SECTOR ? length / 2 : 0, then_fail = 1; break;
        case SHORT: part = length > 1 ? length / 2 : length; break;
        default: break;
        }
    }
    result = part ? (positioned ? real_pwrite(fd, bytes, part, at) : real_write(fd, bytes, part)) : 0;
    int error = errno;
    if (then_die) die();
    if (result > 0) record('W', file, (uint64_t)at, bytes, (uint64_t)result);
    if (then_fail) result = -1, error = (int)control->error;
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

ssize_t write(int fd, const void *bytes, size_t length) {
    if (!real_write) start();
    uint32_t file = file_of(fd);
    return file ? write_watched(fd, file, bytes, length, -1) : real_write(fd, bytes, length);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
    uint32_t file = file_of(fd);
    return file ? write_watched(fd, file, bytes, length, at) : real_pwrite(fd, bytes, length, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return pwrite64(fd, bytes, length, at); }

static ssize_t read_watched(int fd, uint32_t file, void *bytes, size_t length, off_t at) {
    int spoil = spoiled(READ, classes[file]);
    if (spoil && control->action == FAIL) {
        errno = (int)control->error;
        return -1;
    }
    if (spoil && control->action == KILL_BEFORE) die();
    ssize_t result = at >= 0 ? real_pread(fd, bytes, length, at) : real_read(fd, bytes, length);
    if (spoil && control->action == FLIP && result > 0) ((char *)bytes)[result / 2] ^= 1;
    return result;
}

ssize_t read(int fd, void *bytes, size_t length) {
    if (!real_read) start();
    uint32_t file = file_of(fd);
    return file ? read_watched(fd, file, bytes, length, -1) : real_read(fd, bytes, length);
}

ssize_t pread64(int fd, void *bytes, size_t length, off64_t at) {
    uint32_t file = file_of(fd);
    return file ? read_watched(fd, file, bytes, length, at) : real_pread(fd, bytes, length, at);
}

ssize_t pread(int fd, void *bytes, size_t length, off_t at) { return pread64(fd, bytes, length, at); }

static int sync_watched(int fd, uint32_t file, const char *name) {
    pthread_mutex_lock(&lock);
    int result;
    WHOLE(SYNC, classes[file], REAL(int, name, int)(fd));
    int error = errno;
    record(result ? 'F' : 'S', file, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int fsync(int fd) {
    uint32_t file = file_of(fd);
    return file ? sync_watched(fd, file, "fsync") : REAL(int, "fsync", int)(fd);
}

int fdatasync(int fd) {
    uint32_t file = file_of(fd);
    return file ? sync_watched(fd, file, "fdatasync") : REAL(int, "fdatasync", int)(fd);
}

int ftruncate64(int fd, off64_t length) {
    int (*truncate)(int, off64_t) = REAL(int, "ftruncate64", int, off64_t);
    uint32_t file = file_of(fd);
    if (!file) return truncate(fd, length);
    pthread_mutex_lock(&lock);
    int result;
    WHOLE(TRUNCATE, classes[file], truncate(fd, length));
    int error = errno;
    if (!result) record('T', file, (uint64_t)length, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int unlink(const char *path) {
    int (*remove)(const char *) = REAL(int, "unlink", const char *);
    if (!watched(path)) return remove(path);
    pthread_mutex_lock(&lock);
    int result;
    WHOLE(UNLINK, class_of(path), remove(path));
    int error = errno;
    if (!result) {
        uint32_t file = number_of(path);
        record('U', file, 0, path, strlen(path));
        paths[file] = NULL;
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int rename(const char *from, const char *to) {
    int (*move)(const char *, const char *) = REAL(int, "rename", const char *, const char *);
    if (!watched(to)) return move(from, to);
    pthread_mutex_lock(&lock);
    int result;
    WHOLE(RENAME, class_of(to), move(from, to));
    int error = errno;
    if (!result) {
        uint32_t file = number_of(from), old = number_of(to);
        record('R', file, old, to, strlen(to));
        paths[old] = NULL;
        paths[file] = strdup(to);
        classes[file] = class_of(to);
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset) {
    void *(*map)(void *, size_t, int, int, int, off64_t) =
        REAL(void *, "mmap64", void *, size_t, int, int, int, off64_t);
    uint32_t file = fd >= 0 ? file_of(fd) : 0;
    if (file && spoiled(MAP, classes[file])) {
        if (control->action == FAIL) {
            errno = (int)control->error;
            return MAP_FAILED;
        }
        die();
    }
    return map(address, length, protection, flags, fd, offset);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*ask)(clockid_t, struct timespec *);
    if (!ask) ask = REAL(int, "clock_gettime", clockid_t, struct timespec *);
    int result = ask(clock, time);
    if (!result && clock == CLOCK_REALTIME && control) time->tv_sec += control->clock;
    return result;
}
