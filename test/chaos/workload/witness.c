/*
 * The work of the chaos run: a task that shows when and where it ran. `witness KEY=NUMBER...`, any of
 *
 *   lines=N       writes N lines of output, each with its number
 *   bytes=N       length of each line
 *   pause=N       milliseconds after each
 *   failures=N    the first N attempts of the task exit with 1
 *   daemon=1      leaves a process behind that has left its session and holds the lock
 *   stubborn=1    ignores SIGTERM
 *
 * Under $CHAOS_FOLDER, on a disk that no fault touches, it keeps
 *
 *   witness              one line per start, end and contended lock, of all tasks in the order in which they happened
 *   locks/KEY.INDEX      locked while any process of an attempt of this task lives; holds the attempt's id
 *   progress/ATTEMPT     how many lines it wrote, and when it was last alive
 *
 * All times are milliseconds of CLOCK_MONOTONIC, which is one for all network namespaces.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

/* Writes of at most PIPE_BUF bytes to a pipe are whole or not at all, whenever the writer is killed. */
#define MAX_LINE_BYTES 4096

static int witness;
static const char *attempt;

static _Noreturn void fail(const char *what) {
  fprintf(stderr, "witness: %s: %s\n", what, strerror(errno));
  exit(99);
}

static const char *variable(const char *name) {
  const char *value = getenv(name);
  if (value == NULL) fail(name);
  return value;
}

static int64_t monotonic_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int open_file(const char *folder, const char *name, int flags) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", variable("CHAOS_FOLDER"), folder);
  if (name != NULL) snprintf(path + strlen(path), sizeof path - strlen(path), "/%s", name);
  int fd = open(path, flags | O_CREAT, 0600);
  if (fd < 0) fail(path);
  return fd;
}

/* One write to a file opened with O_APPEND: the lines of many processes do not mix. */
static void note(const char *format, ...) {
  char line[1024];
  va_list arguments;
  va_start(arguments, format);
  int size = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (write(witness, line, (size_t)size) != size) fail("witness");
}

/* The descriptor stays open, and so the lock held, until the last process that inherits it is gone. */
static void take_lock(const char *task) {
  int fd = open_file("locks", task, O_RDWR);
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
    if (ftruncate(fd, 0) < 0 || pwrite(fd, attempt, strlen(attempt), 0) < 0) fail("lock");
    return;
  }
  if (errno != EWOULDBLOCK) fail("flock");
  char holder[256];
  ssize_t got = pread(fd, holder, sizeof holder - 1, 0);
  holder[got > 0 ? got : 0] = '\0';
  note("contended %s %s %lld\n", attempt, holder[0] == '\0' ? "?" : holder, (long long)monotonic_ms());
}

static long option(int argc, char **argv, const char *key, long otherwise) {
  size_t size = strlen(key);
  for (int i = 1; i < argc; i++) {
    if (strncmp(argv[i], key, size) == 0 && argv[i][size] == '=') return strtol(argv[i] + size + 1, NULL, 10);
  }
  return otherwise;
}

static void write_line(long number, size_t bytes) {
  char line[MAX_LINE_BYTES];
  memset(line, 'a' + (int)(number % 26), bytes);
  int head = snprintf(line, bytes, "%s %ld ", attempt, number);
  line[head] = 'a' + (char)(number % 26);
  line[bytes - 1] = '\n';
  if (write(1, line, bytes) != (ssize_t)bytes) fail("output");
}

static void sleep_ms(long milliseconds) {
  struct timespec rest = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000};
  while (nanosleep(&rest, &rest) < 0 && errno == EINTR) {}
}

static void leave_daemon(void) {
  pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid > 0) return;
  setsid();
  signal(SIGTERM, SIG_IGN);
  for (;;) pause();
}

int main(int argc, char **argv) {
  attempt = variable("DROVER_ATTEMPT_ID");
  char task[256];
  snprintf(task, sizeof task, "%s.%s", variable("CHAOS_KEY"), variable("DROVER_TASK_INDEX"));
  long lines = option(argc, argv, "lines", 1), bytes = option(argc, argv, "bytes", 64), pause_ms = option(argc, argv, "pause", 0);
  if (option(argc, argv, "stubborn", 0)) signal(SIGTERM, SIG_IGN);

  witness = open_file("witness", NULL, O_WRONLY | O_APPEND);
  note("start %s %s %s %lld\n", attempt, task, variable("DROVER_NODE_NAME"), (long long)monotonic_ms());
  take_lock(task);
  int progress = open_file("progress", attempt, O_WRONLY);
  if (option(argc, argv, "daemon", 0)) leave_daemon();

  for (long number = 0; number <= lines; number++) {
    /* After the line it counts: what is counted was written. */
    int64_t seen[2] = {number, monotonic_ms()};
    if (pwrite(progress, seen, sizeof seen, 0) != sizeof seen) fail("progress");
    if (number == lines) break;
    write_line(number, (size_t)bytes);
    if (pause_ms > 0) sleep_ms(pause_ms);
  }
  note("end %s %lld\n", attempt, (long long)monotonic_ms());
  return strtol(variable("DROVER_ATTEMPT"), NULL, 10) <= option(argc, argv, "failures", 0) ? 1 : 0;
}
