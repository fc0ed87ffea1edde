/* The user's command: made, held back until the attempt is claimed, then let go. */

struct command {
  pid_t pid;
  int release; /* Closing it ends the command before it began; a byte lets it go. */
  int problem; /* Says where exec failed and with which errno; ends with nothing where it worked. */
};

enum step { STEP_USER, STEP_WORK_DIR, STEP_EXEC };
struct start_problem {
  enum step step;
  int error;
};

static void reset_signals(void) {
  struct sigaction action = {.sa_handler = SIG_DFL};
  for (int number = 1; number < NSIG; number++) sigaction(number, &action, NULL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Where the machine runs out of memory or CPUs, its daemons and whoever logs in to look come before any task. */
static void stand_back(const struct launch *launch) {
  if (launch->niceness > 0) setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + launch->niceness);
  int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  write_all(file, "500", 3);
  close(file);
}

/* Before its directory is entered: what the user may not reach, its command does not reach either. */
static bool leave_own_user(const struct launch *launch, pid_t supervisor, int output) {
  if (!launch->has_user) return true;
  if (!become_user(&launch->user, output)) return false;
  /* Another user's process is asked anew (prctl(2)); the supervisor may have died in between. */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != supervisor) _exit(0);
  return true;
}

static _Noreturn void become_command(const struct launch *launch, int output, int release, int problem) {
  char go;
  pid_t supervisor = getppid();
  setpgid(0, 0);
  enter_own_cgroups(launch);
  stand_back(launch);
  /* Without its supervisor nobody enforces its lease or timeout, so it must not go on alone. */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  ssize_t got;
  while ((got = read(release, &go, 1)) < 0 && errno == EINTR) {}
  if (got != 1) _exit(0);

  struct start_problem failed = {.step = STEP_USER};
  if (leave_own_user(launch, supervisor, output)) failed.step = STEP_WORK_DIR;
  if (failed.step == STEP_WORK_DIR && chdir(launch->work_dir) == 0) {
    failed.step = STEP_EXEC;
    int input = open("/dev/null", O_RDONLY);
    dup2(input, 0);
    dup2(output, 1);
    dup2(output, 2);
    if (input > 2) close(input);
    umask(022);
    reset_signals();
    /* execvp searches the PATH of `environ`: the task's, not ours. */
    environ = launch->environment;
    execvp(launch->arguments[0], launch->arguments);
  }
  failed.error = errno;
  write_all(problem, (const char *)&failed, sizeof failed);
  _exit(127);
}

/* Into the cgroup from its first instruction, where the kernel can (5.7). */
static pid_t fork_into(const char *cgroup, bool *is_born_inside) {
  int directory = cgroup == NULL ? -1 : open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  *is_born_inside = false;
  if (directory < 0) return fork();
  struct clone_args arguments = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)directory};
  pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
  *is_born_inside = pid > 0;
  if (pid < 0) pid = fork();
  close(directory);
  return pid;
}

static bool make_command(struct command *command, struct launch *launch, int output) {
  int release[2], problem[2];
  if (pipe2(release, O_CLOEXEC) < 0) return false;
  if (pipe2(problem, O_CLOEXEC) < 0) return false;
  bool is_born_inside;
  make_cgroups(launch);
  command->pid = fork_into(launch->cgroup, &is_born_inside);
  if (command->pid < 0) return false;
  if (command->pid == 0) {
    close(release[1]);
    become_command(launch, output, release[0], problem[1]);
  }
  close(release[0]);
  close(problem[1]);
  if (!is_born_inside) enter_unified_cgroup(launch, command->pid);
  command->release = release[1];
  command->problem = problem[0];
  return true;
}

/* Ends a command that was never let go. */
static void drop_command(struct command *command) {
  close(command->release);
  waitpid(command->pid, NULL, 0);
}

/* True once the command's program runs; otherwise `problem` says why it does not. */
static bool release_command(struct command *command, struct start_problem *problem) {
  write_all(command->release, "", 1);
  close(command->release);
  ssize_t got;
  while ((got = read(command->problem, problem, sizeof *problem)) < 0 && errno == EINTR) {}
  close(command->problem);
  return got != (ssize_t)sizeof *problem;
}

/* The words of StartFailure in the agent's protocol. */
static const char *failure_word(const struct start_problem *problem) {
  switch (problem->error) {
    case EAGAIN: case ENOMEM: case EMFILE: case ENFILE: case ENOSPC: case EDQUOT:
      return "nodeOutOfResources";
    case EIO: case EROFS:
      return "supervisorFailed";
  }
  if (problem->step == STEP_USER) return "supervisorFailed";
  if (problem->step == STEP_WORK_DIR) return "workDirUnusable";
  switch (problem->error) {
    case ENOENT: case ENOTDIR: case ENAMETOOLONG: case ELOOP:
      return "commandNotFound";
    default:
      return "commandNotExecutable";
  }
}
