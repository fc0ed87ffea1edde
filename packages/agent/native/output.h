/*
 * What the command writes, from its pipe to the file `output`. A pipe rather than the file itself, because a
 * job that re-opens its own stderr (`echo warn > /dev/stderr`, a common idiom) would truncate the file and
 * silently lose what it wrote before.
 */

#define COPY_BUFFER_BYTES (64 * 1024)
#define PIPE_BYTES (256 * 1024)
/* Reads in a row before signals get their turn. */
#define COPY_ROUNDS 16
#define SINK_RETRY_MS 1000

struct copy {
  int source; /* -1 once every writer has closed it. */
  int sink;
  /* Read and not yet written: the disk is full. The pipe then fills too, and the command waits for room. */
  size_t pending_start, pending_end;
  char buffer[COPY_BUFFER_BYTES];
};

/* One for the process: a supervisor has one attempt. */
static struct copy copy = {.source = -1, .sink = -1};

/* The command's end of the pipe, or -1. */
static int open_copy(int sink) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return -1;
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES);
  copy.source = ends[0];
  copy.sink = sink;
  return ends[1];
}

static bool copy_is_stalled(void) { return copy.pending_start < copy.pending_end; }

/* False where the file takes nothing now. */
static bool write_pending(void) {
  while (copy_is_stalled()) {
    ssize_t written = write(copy.sink, copy.buffer + copy.pending_start, copy.pending_end - copy.pending_start);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    copy.pending_start += (size_t)written;
  }
  return true;
}

/* Copies what is there. */
static void copy_some(void) {
  for (int round = 0; round < COPY_ROUNDS && write_pending() && copy.source >= 0; round++) {
    ssize_t got = read(copy.source, copy.buffer, sizeof copy.buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    copy.pending_start = 0;
    copy.pending_end = got > 0 ? (size_t)got : 0;
    if (got > 0) continue;
    close(copy.source);
    copy.source = -1;
  }
  write_pending();
}

/* To the last byte, when nobody is left who could write: on a full disk this waits for room, as the exit record does. */
static void copy_rest(void) {
  while (copy.source >= 0 || copy_is_stalled()) {
    copy_some();
    if (copy_is_stalled()) nanosleep(&(struct timespec){.tv_sec = SINK_RETRY_MS / 1000}, NULL);
  }
}
