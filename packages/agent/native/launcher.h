/* The launcher: forks a supervisor for each request of the agent, and ends with the agent. */

#define EXIT_LOCKED 3
#define LOCK_TRIES 60
#define LOCK_PAUSE_MS 50
#define MAX_REQUEST_BYTES 256

/* Names become paths. */
static bool is_attempt_id(const char *id) {
  return *id != '\0' && *id != '.' && strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789.-") == strlen(id);
}

static int say(const char *word, const char *id) {
  char line[MAX_REQUEST_BYTES + 64];
  int size = snprintf(line, sizeof line, "%s%s%s\n", word, *id == '\0' ? "" : " ", id);
  return write_all(1, line, (size_t)size) ? 0 : -1;
}

/* In a child of the launcher; returns only when the work is done. */
static void work_apart(const char *verb, const char *id) {
  char directory[MAX_REQUEST_BYTES + 16];
  /* Away from the agent's terminal, its pipes, and the lock, which must end with the launcher. */
  setsid();
  int null = open("/dev/null", O_RDWR);
  dup2(null, 0);
  dup2(null, 1);
  dup2(null, 2);
  close_from(3);
  signal(SIGCHLD, SIG_DFL);
  signal(SIGPIPE, SIG_IGN);

  snprintf(directory, sizeof directory, "attempts/%s", id);
  if (strcmp(verb, "remove") == 0) {
    remove_directory(directory);
    return;
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  sigaddset(&signals, SIGTERM);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (chdir(directory) == 0) run_attempt(id, &signals);
}

static void serve(char *line) {
  char *id = strchr(line, ' ');
  if (id != NULL) *id++ = '\0';
  bool known = strcmp(line, "start") == 0 || strcmp(line, "remove") == 0;
  if (!known || id == NULL || !is_attempt_id(id)) {
    say("misunderstood", "");
    return;
  }
  pid_t pid = fork();
  if (pid < 0) say("failed", id);
  if (pid == 0) {
    work_apart(line, id);
    _exit(0);
  }
}

static bool lock_data_directory(void) {
  int fd = open("lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  /* The launcher of an agent that has just died needs a moment to notice. */
  for (int tries = 0; fd >= 0 && tries < LOCK_TRIES; tries++) {
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
    nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_MS * 1000000L}, NULL);
  }
  return false;
}

static int launcher(const char *data_directory) {
  close_from(3);
  if (chdir(data_directory) < 0) {
    fprintf(stderr, "%s: %s\n", data_directory, strerror(errno));
    return 1;
  }
  if (!lock_data_directory()) {
    say("locked", "");
    return EXIT_LOCKED;
  }
  /* Ended by the agent's end alone, not by a Ctrl-C meant for the agent. Blocked in the supervisors too, from birth. */
  sigset_t blocked;
  sigemptyset(&blocked);
  int numbers[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) sigaddset(&blocked, numbers[i]);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
  signal(SIGCHLD, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  if (mkfifo("notices", 0600) < 0 && errno != EEXIST) {
    fprintf(stderr, "%s/notices: %s\n", data_directory, strerror(errno));
    return 1;
  }
  say("ready", "");

  static char buffer[64 * 1024];
  size_t used = 0;
  for (;;) {
    ssize_t got = read(0, buffer + used, sizeof buffer - 1 - used);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return 0;
    used += (size_t)got;
    char *line = buffer;
    for (char *end; (end = memchr(line, '\n', used - (size_t)(line - buffer))) != NULL; line = end + 1) {
      *end = '\0';
      if (end - line < MAX_REQUEST_BYTES) serve(line);
    }
    used -= (size_t)(line - buffer);
    memmove(buffer, line, used);
    if (used == sizeof buffer - 1) used = 0;
  }
}
