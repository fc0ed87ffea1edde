/*
 * Preloaded into a program, writes down everything that it does to the files below one directory, in order:
 * ../README.md says what is made of that. Syncs can be made to fail.
 *
 *   LOSSY_DISK_ROOT     the directory, absolute and without symbolic links
 *   LOSSY_DISK_JOURNAL  where it is written down; appended to
 *   LOSSY_DISK_FAULTS   a file; while it is there, syncs of paths that end with its text fail with EIO
 *
 * A record is in the journal before the call returns, so whatever the program does in consequence comes
 * after it there. What a sync has made durable is what stood in the journal when it began.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "journal.h"

static int open_followed(int dirfd, const char *path, int flags, mode_t mode) {
  REAL(int, openat64, int, const char *, int, ...);
  char full[PATH_MAX];
  if (!below_root(dirfd, path, full)) return real_openat64(dirfd, path, flags, mode);
  pthread_mutex_lock(&lock);
  struct stat found;
  int is_new = (flags & O_CREAT) && stat(full, &found) != 0;
  int fd = real_openat64(dirfd, path, flags, mode);
  int error = errno;
  if (fd >= 0) {
    if (fd >= MAX_FDS || fstat(fd, &found) != 0) give_up(full);
    files[fd].inode = found.st_ino;
    files[fd].path = strdup(full);
    note_path(is_new ? RECORD_CREATE : RECORD_OPEN, found.st_ino, full);
    if (!is_new && (flags & O_TRUNC)) note(RECORD_TRUNCATE, found.st_ino, 0, "", 0, NULL, 0, 0);
  }
  pthread_mutex_unlock(&lock);
  errno = error;
  return fd;
}

static mode_t mode_argument(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) ? va_arg(arguments, mode_t) : 0;
}

#define OPEN(name)                                      \
  int name(const char *path, int flags, ...) {          \
    va_list arguments;                                  \
    va_start(arguments, flags);                         \
    mode_t mode = mode_argument(flags, arguments);      \
    va_end(arguments);                                  \
    return open_followed(AT_FDCWD, path, flags, mode);  \
  }
#define OPENAT(name)                                    \
  int name(int dirfd, const char *path, int flags, ...) { \
    va_list arguments;                                  \
    va_start(arguments, flags);                         \
    mode_t mode = mode_argument(flags, arguments);      \
    va_end(arguments);                                  \
    return open_followed(dirfd, path, flags, mode);     \
  }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int close(int fd) {
  REAL(int, close, int);
  if (!is_followed(fd)) return real_close(fd);
  pthread_mutex_lock(&lock);
  free(files[fd].path);
  files[fd].path = NULL;
  int result = real_close(fd);
  pthread_mutex_unlock(&lock);
  return result;
}

/* `offset` -1: where the file stands. */
static ssize_t write_followed(int fd, const struct iovec *parts, int count, off64_t offset) {
  REAL(ssize_t, pwritev64, int, const struct iovec *, int, off64_t);
  REAL(ssize_t, writev, int, const struct iovec *, int);
  if (!is_followed(fd)) return offset < 0 ? real_writev(fd, parts, count) : real_pwritev64(fd, parts, count, offset);
  pthread_mutex_lock(&lock);
  off64_t at = offset < 0 ? lseek64(fd, 0, (fcntl(fd, F_GETFL) & O_APPEND) ? SEEK_END : SEEK_CUR) : offset;
  ssize_t written = offset < 0 ? real_writev(fd, parts, count) : real_pwritev64(fd, parts, count, offset);
  int error = errno;
  if (written > 0) note(RECORD_WRITE, files[fd].inode, (uint64_t)at, "", 0, parts, count, (uint64_t)written);
  pthread_mutex_unlock(&lock);
  errno = error;
  return written;
}

ssize_t write(int fd, const void *data, size_t bytes) {
  struct iovec part = {(void *)data, bytes};
  return write_followed(fd, &part, 1, -1);
}
ssize_t writev(int fd, const struct iovec *parts, int count) { return write_followed(fd, parts, count, -1); }
ssize_t pwrite(int fd, const void *data, size_t bytes, off_t offset) {
  struct iovec part = {(void *)data, bytes};
  return write_followed(fd, &part, 1, offset);
}
ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t offset) { return pwrite(fd, data, bytes, offset); }
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
  return write_followed(fd, parts, count, offset);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
  return write_followed(fd, parts, count, offset);
}

/* Copies inside of the kernel are made outside of it, where they can be seen. */
ssize_t sendfile64(int out_fd, int in_fd, off64_t *offset, size_t bytes) {
  REAL(ssize_t, sendfile64, int, int, off64_t *, size_t);
  if (!is_followed(out_fd)) return real_sendfile64(out_fd, in_fd, offset, bytes);
  char buffer[1 << 16];
  size_t wanted = bytes < sizeof buffer ? bytes : sizeof buffer;
  ssize_t got = offset ? pread64(in_fd, buffer, wanted, *offset) : read(in_fd, buffer, wanted);
  if (got <= 0) return got;
  ssize_t written = write(out_fd, buffer, (size_t)got);
  if (written > 0 && offset) *offset += written;
  return written;
}
ssize_t sendfile(int out_fd, int in_fd, off_t *offset, size_t bytes) {
  return sendfile64(out_fd, in_fd, offset, bytes);
}
long syscall(long number, ...) {
  REAL(long, syscall, long, ...);
  va_list arguments;
  va_start(arguments, number);
  long a = va_arg(arguments, long), b = va_arg(arguments, long), c = va_arg(arguments, long);
  long d = va_arg(arguments, long), e = va_arg(arguments, long), f = va_arg(arguments, long);
  va_end(arguments);
  /* libuv closes this way. */
  if (number == SYS_close && is_followed((int)a)) return close((int)a);
  int is_hidden_copy = number == SYS_copy_file_range && is_followed((int)c);
  if (is_hidden_copy || number == SYS_io_uring_setup) {
    errno = ENOSYS;
    return -1;
  }
  return real_syscall(number, a, b, c, d, e, f);
}

int ftruncate64(int fd, off64_t size) {
  REAL(int, ftruncate64, int, off64_t);
  if (!is_followed(fd)) return real_ftruncate64(fd, size);
  pthread_mutex_lock(&lock);
  int result = real_ftruncate64(fd, size);
  if (result == 0) note(RECORD_TRUNCATE, files[fd].inode, (uint64_t)size, "", 0, NULL, 0, 0);
  pthread_mutex_unlock(&lock);
  return result;
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

static int should_fail(const char *path) {
  REAL(int, open64, const char *, int, ...);
  REAL(int, close, int);
  if (!faults) return 0;
  int fd = real_open64(faults, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  char text[256];
  ssize_t bytes = read(fd, text, sizeof text - 1);
  real_close(fd);
  if (bytes < 0) return 0;
  text[bytes] = 0;
  size_t path_bytes = strlen(path);
  return (size_t)bytes <= path_bytes && strcmp(path + path_bytes - bytes, text) == 0;
}

static int sync_followed(int fd, int (*real)(int)) {
  if (!is_followed(fd)) return real(fd);
  pthread_mutex_lock(&lock);
  uint64_t inode = files[fd].inode, number = ++syncs;
  note(RECORD_SYNC_BEGIN, inode, number, "", 0, NULL, 0, 0);
  int fails = should_fail(files[fd].path);
  pthread_mutex_unlock(&lock);
  /* Without the lock: others go on writing meanwhile. */
  int result = fails ? -1 : real(fd);
  int error = fails ? EIO : errno;
  pthread_mutex_lock(&lock);
  note(result == 0 ? RECORD_SYNC_END : RECORD_SYNC_FAILED, inode, number, "", 0, NULL, 0, 0);
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}
int fsync(int fd) {
  REAL(int, fsync, int);
  return sync_followed(fd, real_fsync);
}
int fdatasync(int fd) {
  REAL(int, fdatasync, int);
  return sync_followed(fd, real_fdatasync);
}

int rename(const char *from, const char *to) {
  REAL(int, rename, const char *, const char *);
  char names[2 * PATH_MAX];
  char target[PATH_MAX];
  if (!below_root(AT_FDCWD, from, names) || !below_root(AT_FDCWD, to, target)) return real_rename(from, to);
  pthread_mutex_lock(&lock);
  int result = real_rename(from, to);
  int error = errno;
  size_t from_bytes = strlen(names) + 1;
  snprintf(names + from_bytes, PATH_MAX, "%s", target);
  if (result == 0) note(RECORD_RENAME, 0, 0, names, from_bytes + strlen(target), NULL, 0, 0);
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}

int unlinkat(int dirfd, const char *path, int flags) {
  REAL(int, unlinkat, int, const char *, int);
  char full[PATH_MAX];
  if (!below_root(dirfd, path, full)) return real_unlinkat(dirfd, path, flags);
  pthread_mutex_lock(&lock);
  int result = real_unlinkat(dirfd, path, flags);
  int error = errno;
  if (result == 0) note_path(RECORD_UNLINK, 0, full);
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }
int remove(const char *path) {
  return unlink(path) == 0 ? 0 : (errno == EISDIR || errno == EPERM) ? rmdir(path) : -1;
}

int mkdir(const char *path, mode_t mode) {
  REAL(int, mkdir, const char *, mode_t);
  char full[PATH_MAX];
  if (!below_root(AT_FDCWD, path, full)) return real_mkdir(path, mode);
  pthread_mutex_lock(&lock);
  int result = real_mkdir(path, mode);
  int error = errno;
  if (result == 0) note_path(RECORD_MKDIR, 0, full);
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}

/* What this file does not follow must not happen unseen. */
int link(const char *from, const char *to) {
  REAL(int, link, const char *, const char *);
  char full[PATH_MAX];
  if (below_root(AT_FDCWD, to, full)) give_up("link is not followed");
  return real_link(from, to);
}
int truncate(const char *path, off_t size) {
  REAL(int, truncate, const char *, off_t);
  char full[PATH_MAX];
  if (below_root(AT_FDCWD, path, full)) give_up("truncate is not followed");
  return real_truncate(path, size);
}
