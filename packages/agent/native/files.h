/* Time, small files, and descriptors. */

static int64_t clock_ms(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t monotonic_ms(void) { return clock_ms(CLOCK_MONOTONIC); }
static int64_t epoch_ms(void) { return clock_ms(CLOCK_REALTIME); }

static bool write_all(int fd, const char *bytes, size_t size) {
  while (size > 0) {
    ssize_t written = write(fd, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes += written;
    size -= (size_t)written;
  }
  return true;
}

/* Reads at most size - 1 bytes and ends them with NUL; -1 where the file cannot be read. */
static ssize_t read_small(const char *path, char *buffer, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  size_t used = 0;
  while (used < size - 1) {
    ssize_t got = read(fd, buffer + used, size - 1 - used);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    used += (size_t)got;
  }
  buffer[used] = '\0';
  close(fd);
  return (ssize_t)used;
}

/* The whole file in memory of its own; NULL with errno where it cannot be read. */
static char *read_whole(const char *path, size_t *size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return NULL;
  struct stat status;
  char *bytes = NULL;
  if (fstat(fd, &status) == 0 && (bytes = malloc((size_t)status.st_size + 1)) != NULL) {
    ssize_t got = 0;
    size_t used = 0;
    while (used < (size_t)status.st_size && (got = read(fd, bytes + used, (size_t)status.st_size - used)) > 0) used += (size_t)got;
    bytes[used] = '\0';
    *size = used;
  }
  close(fd);
  return bytes;
}

static bool write_new(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  bool ok = write_all(fd, text, strlen(text));
  return close(fd) == 0 && ok;
}

static void close_from(int first) {
  if (syscall(SYS_close_range, (unsigned)first, ~0U, 0U) == 0) return;
  /* Linux before 5.9. */
  long limit = sysconf(_SC_OPEN_MAX);
  for (long fd = first; fd < (limit > 0 ? limit : 1024); fd++) close((int)fd);
}
