/* One attempt, from the claim to the exit record. */

#define NEVER INT64_MAX
#define KILL_AGAIN_MIN_MS 2
#define KILL_AGAIN_MAX_MS 1000

/* What the command has to itself; removed at its end. */
static const char *const OWN_DIRECTORIES[] = {"work", "tmp", "home"};
#define OWN_DIRECTORY_COUNT (sizeof OWN_DIRECTORIES / sizeof *OWN_DIRECTORIES)

/* What the loop below waits for and how far it is. */
struct supervision {
  const struct launch *launch;
  pid_t command;
  bool command_ended;
  int wait_status;
  enum cause cause;
  bool killing;
  int64_t kill_at_ms;
  int64_t kill_pause_ms;
};

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }

/* The grace counts from `since_ms`: whoever notices late has had a part of it, or all. */
static void begin_stop(struct supervision *state, enum cause cause, int64_t since_ms) {
  state->cause = cause;
  state->kill_at_ms = since_ms + state->launch->stop_grace_ms;
  if (state->launch->stop_grace_ms > 0) signal_tree(SIGTERM);
}

/* False when nothing of the attempt is left. */
static bool reap(struct supervision *state) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    if (pid != state->command) continue;
    state->command_ended = true;
    state->wait_status = status;
  }
  return !(pid < 0 && errno == ECHILD);
}

/* Repeated until wait() says that nothing is left, because a pass may miss what is being forked. */
static void kill_pass(struct supervision *state) {
  bool first = !state->killing;
  if (first) state->kill_pause_ms = KILL_AGAIN_MIN_MS;
  else state->kill_pause_ms = earlier(state->kill_pause_ms * 2, KILL_AGAIN_MAX_MS);
  state->killing = true;
  if (!kill_cgroup(state->launch->cgroup) || !first) signal_tree(SIGKILL);
  state->kill_at_ms = monotonic_ms() + state->kill_pause_ms;
}

/* True when somebody asked it to stop since the last look. */
static bool take_stop_request(int signals) {
  bool asked_to_stop = false;
  struct signalfd_siginfo info;
  while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) asked_to_stop |= info.ssi_signo == SIGTERM;
  return asked_to_stop;
}

/* Until a signal, output or the time; true when somebody asked it to stop. */
static bool wait_for_news(int signals, int64_t wait_ms) {
  struct pollfd news[] = {{.fd = signals, .events = POLLIN}, {.fd = copy_is_stalled() ? -1 : copy.source, .events = POLLIN}};
  if (copy_is_stalled()) wait_ms = earlier(wait_ms, SINK_RETRY_MS);
  struct timespec wait = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000};
  ppoll(news, 2, &wait, NULL);
  copy_some();
  return take_stop_request(signals);
}

static void supervise_tree(struct supervision *state, int signals) {
  const struct launch *launch = state->launch;
  int64_t timeout_at_ms = launch->timeout_ms > 0 ? monotonic_ms() + launch->timeout_ms : NEVER;
  int64_t lease_ends_at_ms = launch->ends_with_lease ? read_lease_deadline() : NEVER;

  while (reap(state)) {
    int64_t now_ms = monotonic_ms();
    bool undisturbed = state->cause == CAUSE_NONE && !state->command_ended;
    if (undisturbed && now_ms >= timeout_at_ms) begin_stop(state, CAUSE_TIMED_OUT, now_ms);
    else if (undisturbed && now_ms >= lease_ends_at_ms) {
      lease_ends_at_ms = read_lease_deadline();
      if (now_ms >= lease_ends_at_ms) begin_stop(state, CAUSE_LEASE_EXPIRED, lease_ends_at_ms);
    }
    /* What a command leaves behind when it ends by itself gets no grace: it was not asked to stop, it was left. */
    bool left_behind = state->command_ended && state->cause == CAUSE_NONE && !state->killing;
    if (left_behind || now_ms >= state->kill_at_ms) kill_pass(state);

    int64_t wake_ms = state->kill_at_ms;
    if (state->cause == CAUSE_NONE && !state->command_ended) wake_ms = earlier(wake_ms, earlier(timeout_at_ms, lease_ends_at_ms));
    int64_t wait_ms = wake_ms == NEVER ? 3600 * 1000 : wake_ms - monotonic_ms();
    if (wait_ms < 0) wait_ms = 0;
    bool asked_to_stop = wait_for_news(signals, wait_ms);
    /* An end that was there before the request counts as its own. */
    if (asked_to_stop && reap(state) && !state->command_ended && state->cause == CAUSE_NONE) {
      begin_stop(state, read_stop_cause(), monotonic_ms());
    }
  }
}

static void conclude(struct end *end, const struct launch *launch, int output, const char *id) {
  struct stat status;
  if (output >= 0 && fstat(output, &status) == 0) end->output_bytes = status.st_size;
  /* The record below says how long the output is, so the output must be there when the record is. */
  if (end->output_bytes > 0) fsync(output);
  for (size_t i = 0; i < OWN_DIRECTORY_COUNT; i++) remove_directory(OWN_DIRECTORIES[i]);
  read_memory_use(launch, &end->memory);
  remove_cgroups(launch);
  write_exit(end);
  char line[256];
  snprintf(line, sizeof line, "ended %s\n", id);
  notify(line);
}

static void describe_failure(struct end *end, const char *failure, const char *what, int error) {
  end->failure = failure;
  snprintf(end->message, sizeof end->message, "%s: %s", what, strerror(error));
  for (char *c = end->message; *c != '\0'; c++) {
    if ((unsigned char)*c < ' ') *c = '?';
  }
}

static void fail_before_command(struct end *end, const struct launch *launch, int output, const char *id, const char *what) {
  int error = errno;
  struct start_problem problem = {.step = STEP_EXEC, .error = error};
  bool out_of_resources = strcmp(failure_word(&problem), "nodeOutOfResources") == 0;
  describe_failure(end, out_of_resources ? "nodeOutOfResources" : "supervisorFailed", what, error);
  if (claim(0, epoch_ms())) conclude(end, launch, output, id);
}

static bool make_directories(const struct launch *launch) {
  for (size_t i = 0; i < OWN_DIRECTORY_COUNT; i++)
    if (mkdir(OWN_DIRECTORIES[i], 0700) < 0 && errno != EEXIST) return false;
  return !launch->has_user || open_places_to(&launch->user);
}

static void run_attempt(const char *id, const sigset_t *signals) {
  struct launch launch;
  struct end end = {0};
  struct command command;
  if (access("claim", F_OK) == 0) return;
  if (!read_launch(&launch)) {
    if (launch.bytes == NULL) return; /* Dropped from the spool since it was asked for. */
    errno = EINVAL;
    fail_before_command(&end, &launch, -1, id, "launch");
    return;
  }
  int output = make_directories(&launch) ? open("output", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
  if (output < 0) {
    fail_before_command(&end, &launch, output, id, "attempt directory");
    return;
  }
  int command_output = open_copy(output);
  int signal_news = signalfd(-1, signals, SFD_NONBLOCK | SFD_CLOEXEC);
  bool made = command_output >= 0 && signal_news >= 0 && make_command(&command, &launch, command_output);
  int error = errno;
  /* Ours must be closed, or the pipe would never end. */
  if (command_output >= 0) close(command_output);
  if (!made) {
    errno = error;
    fail_before_command(&end, &launch, output, id, "fork");
    return;
  }
  int64_t started_at_ms = epoch_ms();
  if (!claim(command.pid, started_at_ms)) {
    error = errno;
    drop_command(&command);
    errno = error;
    if (error != EEXIST) fail_before_command(&end, &launch, output, id, "claim");
    return;
  }
  /* Dropped from the spool while we took the claim: it ran, ended and was forgotten under another supervisor. */
  if (access("launch", F_OK) != 0) {
    drop_command(&command);
    unlink("claim");
    return;
  }
  if (launch.ends_with_lease && read_lease_deadline() <= monotonic_ms()) {
    /* The task may run elsewhere by now. */
    drop_command(&command);
    end.cause = CAUSE_LEASE_EXPIRED;
    conclude(&end, &launch, output, id);
    return;
  }
  /*
   * After the lease, never before it: what the coordinator has given away meanwhile the agent asks to stop before it
   * renews the lease, so whoever sees the new lease sees the request too.
   */
  if (take_stop_request(signal_news)) {
    drop_command(&command);
    end.cause = read_stop_cause();
    conclude(&end, &launch, output, id);
    return;
  }
  struct start_problem problem;
  if (!release_command(&command, &problem)) {
    waitpid(command.pid, NULL, 0);
    describe_failure(&end, failure_word(&problem), problem.step == STEP_WORK_DIR ? launch.work_dir : launch.arguments[0], problem.error);
    conclude(&end, &launch, output, id);
    return;
  }
  char line[256];
  snprintf(line, sizeof line, "started %s %d %lld\n", id, command.pid, (long long)started_at_ms);
  notify(line);

  struct supervision state = {.launch = &launch, .command = command.pid, .kill_at_ms = NEVER};
  supervise_tree(&state, signal_news);
  copy_rest();
  end.cause = state.cause;
  end.wait_status = state.wait_status;
  conclude(&end, &launch, output, id);
}
