/*
 * Which files are followed, and the journal that is written of them: one record for each call, of a fixed
 * head, the path or paths, and the bytes that were written. journal.ts reads it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* The same numbers as in journal.ts. */
enum record_type {
  RECORD_OPEN = 1,
  RECORD_CREATE,
  RECORD_WRITE,
  RECORD_TRUNCATE,
  RECORD_SYNC_BEGIN,
  RECORD_SYNC_END,
  RECORD_SYNC_FAILED,
  RECORD_RENAME,
  RECORD_UNLINK,
  RECORD_MKDIR,
};

struct record {
  uint32_t type;
  uint32_t path_bytes;
  uint64_t inode;
  /* Of a write its offset, of a truncate the size, of a sync its number. */
  uint64_t number;
  uint64_t data_bytes;
};

#define MAX_FDS 65536

static struct {
  uint64_t inode;
  char *path;
} files[MAX_FDS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *root;
static size_t root_bytes;
static int journal_fd = -1;
static const char *faults;
static uint64_t syncs;

#define REAL(result, name, ...)                                  \
  static result (*real_##name)(__VA_ARGS__);                     \
  if (!real_##name) real_##name = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

static void give_up(const char *why) {
  fprintf(stderr, "lossy-disk: %s: %s\n", why, strerror(errno));
  abort();
}

__attribute__((constructor)) static void start(void) {
  REAL(int, open64, const char *, int, ...);
  const char *journal = getenv("LOSSY_DISK_JOURNAL");
  root = getenv("LOSSY_DISK_ROOT");
  faults = getenv("LOSSY_DISK_FAULTS");
  if (!journal || !root) return;
  root_bytes = strlen(root);
  journal_fd = real_open64(journal, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (journal_fd < 0) give_up(journal);
}

/* The absolute path, if it is the root or lies below it. */
static int below_root(int dirfd, const char *path, char out[PATH_MAX]) {
  if (journal_fd < 0 || !path) return 0;
  if (path[0] == '/') {
    snprintf(out, PATH_MAX, "%s", path);
  } else if (dirfd >= 0 && dirfd < MAX_FDS && files[dirfd].path) {
    if (snprintf(out, PATH_MAX, "%s/%s", files[dirfd].path, path) >= PATH_MAX) return 0;
  } else {
    char here[PATH_MAX];
    if (!getcwd(here, sizeof here)) return 0;
    if (snprintf(out, PATH_MAX, "%s/%s", here, path) >= PATH_MAX) return 0;
  }
  size_t bytes = strlen(out);
  while (bytes > 1 && out[bytes - 1] == '/') out[--bytes] = 0;
  return strncmp(out, root, root_bytes) == 0 && (out[root_bytes] == '/' || out[root_bytes] == 0);
}

static int is_followed(int fd) { return fd >= 0 && fd < MAX_FDS && files[fd].path != NULL; }

/* In one call, so that a reader of the journal's size never sees half a record. With `lock` held. */
static void note(enum record_type type, uint64_t inode, uint64_t number, const char *path, size_t path_bytes,
                 const struct iovec *data, int data_count, uint64_t data_bytes) {
  REAL(ssize_t, writev, int, const struct iovec *, int);
  struct record record = {type, (uint32_t)path_bytes, inode, number, data_bytes};
  struct iovec parts[2 + IOV_MAX];
  parts[0] = (struct iovec){&record, sizeof record};
  parts[1] = (struct iovec){(void *)path, path_bytes};
  int count = 2;
  uint64_t left = data_bytes;
  for (int i = 0; i < data_count && left > 0 && count < IOV_MAX; i++, count++) {
    size_t bytes = data[i].iov_len < left ? data[i].iov_len : left;
    parts[count] = (struct iovec){data[i].iov_base, bytes};
    left -= bytes;
  }
  ssize_t wanted = (ssize_t)(sizeof record + path_bytes + data_bytes);
  if (left > 0 || real_writev(journal_fd, parts, count) != wanted) give_up("the journal cannot be written");
}

static void note_path(enum record_type type, uint64_t inode, const char *path) {
  note(type, inode, 0, path, strlen(path), NULL, 0, 0);
}

