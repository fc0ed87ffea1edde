/* What the supervisor writes for the agent: the claim, the exit record, and notices that there is one. */

/* Why the tree was stopped; also the words of the exit record. */
enum cause { CAUSE_NONE, CAUSE_TIMED_OUT, CAUSE_CANCELED, CAUSE_PREEMPTED, CAUSE_LEASE_EXPIRED, CAUSE_SUPERVISOR_STOPPED };
static const char *const CAUSE_WORDS[] = {"none", "timedOut", "canceled", "preempted", "leaseExpired", "supervisorStopped"};

struct end {
  enum cause cause;
  /* Of wait(); meaningful where `failure` is NULL. */
  int wait_status;
  /* A word of StartFailure, where the command never ran. */
  const char *failure;
  char message[512];
  int64_t output_bytes;
  struct memory_use memory;
};

/* The agent may be away: the files are the truth, and it reads them when it comes back. */
static void notify(const char *line) {
  for (int tries = 0; tries < 50; tries++) {
    int fd = open("../../notices", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return;
    /* Shorter than PIPE_BUF, so it is written whole or not at all. */
    ssize_t written = write(fd, line, strlen(line));
    int problem = errno;
    close(fd);
    if (written >= 0 || problem != EAGAIN) return;
    nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
  }
}

/*
 * Makes this supervisor the only one that may start the command. link(2) fails where the name is taken, so of all
 * supervisors that were ever asked for this attempt exactly one gets past here, whatever the agent does.
 * Not synced: the claim need not outlive the machine, because nothing that was running does.
 */
static bool claim(pid_t command, int64_t started_at_ms) {
  char state, name[64], text[256];
  pid_t parent;
  unsigned long long start_ticks = 0;
  if (!read_process("self", &state, &parent, &start_ticks)) return false;
  snprintf(name, sizeof name, "claim.%d", getpid());
  snprintf(text, sizeof text, "supervisorPid %d\nsupervisorStartTicks %llu\ncommandPid %d\nstartedAtMs %lld\n", getpid(),
           start_ticks, command, (long long)started_at_ms);
  bool claimed = write_new(name, text) && link(name, "claim") == 0;
  unlink(name);
  return claimed;
}

static const char *signal_name(int number, char *buffer, size_t size) {
  static const char *const NAMES[] = {
    [SIGHUP] = "SIGHUP",   [SIGINT] = "SIGINT",       [SIGQUIT] = "SIGQUIT",   [SIGILL] = "SIGILL",     [SIGTRAP] = "SIGTRAP",
    [SIGABRT] = "SIGABRT", [SIGBUS] = "SIGBUS",       [SIGFPE] = "SIGFPE",     [SIGKILL] = "SIGKILL",   [SIGUSR1] = "SIGUSR1",
    [SIGSEGV] = "SIGSEGV", [SIGUSR2] = "SIGUSR2",     [SIGPIPE] = "SIGPIPE",   [SIGALRM] = "SIGALRM",   [SIGTERM] = "SIGTERM",
    [SIGXCPU] = "SIGXCPU", [SIGXFSZ] = "SIGXFSZ",     [SIGPROF] = "SIGPROF",   [SIGSYS] = "SIGSYS",     [SIGVTALRM] = "SIGVTALRM",
    [SIGPOLL] = "SIGPOLL", [SIGSTKFLT] = "SIGSTKFLT", [SIGPWR] = "SIGPWR",
  };
  if (number > 0 && number < (int)(sizeof NAMES / sizeof *NAMES) && NAMES[number] != NULL) return NAMES[number];
  snprintf(buffer, size, "SIG%d", number);
  return buffer;
}

/*
 * One sync for both the bytes and the name: syncing before the rename, and the directory after it, would make every
 * attempt wait for two commits of the file system's journal. The order does not matter here, because no older
 * record is replaced, and the reader takes a record that a power loss left empty for none.
 */
static bool publish_exit(const char *text) {
  int fd = open("exit.tmp", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  bool ok = write_all(fd, text, strlen(text)) && rename("exit.tmp", "exit") == 0 && fsync(fd) == 0;
  int error = errno;
  close(fd);
  errno = error;
  return ok;
}

/* Kept until the agent has told the coordinator, so it must survive a power loss. */
static void write_exit(const struct end *end) {
  struct rusage usage;
  getrusage(RUSAGE_CHILDREN, &usage);
  long long cpu_ms = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000LL +
                     (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
  char text[1024], name[16];
  int used = 0;
  if (end->failure != NULL) {
    used = snprintf(text, sizeof text, "failure %s\nmessage %s\n", end->failure, end->message);
  } else if (WIFSIGNALED(end->wait_status)) {
    used = snprintf(text, sizeof text, "signal %s\n", signal_name(WTERMSIG(end->wait_status), name, sizeof name));
  } else {
    used = snprintf(text, sizeof text, "exitCode %d\n", WEXITSTATUS(end->wait_status));
  }
  snprintf(text + used, sizeof text - (size_t)used, "cause %s\nendedAtMs %lld\noutputBytes %lld\ncpuMs %lld\nmaxRssBytes %lld\n",
           CAUSE_WORDS[end->cause], (long long)epoch_ms(), (long long)end->output_bytes, cpu_ms, usage.ru_maxrss * 1024LL);
  used = (int)strlen(text);
  const struct memory_use *memory = &end->memory;
  if (memory->peak_bytes >= 0) used += snprintf(text + used, sizeof text - (size_t)used, "memoryPeakBytes %lld\n", (long long)memory->peak_bytes);
  if (memory->limit_bytes >= 0) used += snprintf(text + used, sizeof text - (size_t)used, "memoryLimitBytes %lld\n", (long long)memory->limit_bytes);
  if (memory->is_killed) snprintf(text + used, sizeof text - (size_t)used, "killedForMemoryOf %s\n", memory->by_own_limit ? "attempt" : "machine");
  /* On a full disk this waits for room: a supervisor costs little, a lost exit status costs a whole run. */
  while (!publish_exit(text)) {
    if (errno == ENOENT) return; /* The directory is gone; nobody asks any more. */
    sleep(1);
  }
}

/* Milliseconds of CLOCK_MONOTONIC; 0, long ago, where there is no lease. What follows in the file is the agent's. */
static int64_t read_lease_deadline(void) {
  char first[32], again[32];
  /* The agent overwrites it in place, so that a full disk cannot end a lease: read until two reads agree. */
  for (int tries = 0; tries < 100; tries++) {
    if (read_small("../../lease", first, sizeof first) < 0) return 0;
    if (read_small("../../lease", again, sizeof again) < 0) return 0;
    if (strcmp(first, again) == 0) return strtoll(first, NULL, 10);
  }
  return 0;
}

/* The agent writes `stop` before it signals. A signal without it came from outside, a shutdown for example. */
static enum cause read_stop_cause(void) {
  char word[32];
  if (read_small("stop", word, sizeof word) < 0) return CAUSE_SUPERVISOR_STOPPED;
  return strncmp(word, "preempted", 9) == 0 ? CAUSE_PREEMPTED : CAUSE_CANCELED;
}
