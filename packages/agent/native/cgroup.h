/*
 * The attempt's cgroups: made before its command, set as the agent says, read and removed at its end.
 *
 * Of version 2 there is one, of version 1 one for each controller. What cannot be made, set or entered is not
 * there, and the attempt runs all the same: the exit record says which limit really held.
 */

static bool write_file(const char *directory, const char *file, const char *text) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", directory, file);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  bool written = write_all(fd, text, strlen(text));
  close(fd);
  return written;
}

/* `DIRECTORY/FILE=VALUE` */
static void apply_setting(char *setting) {
  char *equals = strchr(setting, '=');
  if (equals == NULL) return;
  *equals = '\0';
  char *slash = strrchr(setting, '/');
  if (slash != NULL) {
    *slash = '\0';
    write_file(setting, slash + 1, equals + 1);
    *slash = '/';
  }
  *equals = '=';
}

static void make_cgroups(const struct launch *launch) {
  if (launch->cgroup != NULL) mkdir(launch->cgroup, 0755);
  for (char **one = launch->more_cgroups; *one != NULL; one++) mkdir(*one, 0755);
  for (char **one = launch->cgroup_settings; *one != NULL; one++) apply_setting(*one);
}

/*
 * Those of version 1, by the command itself while it is but one thread and waits to be let go: a thread that moves
 * itself, by `tasks`, takes no lock for which every fork on the machine has to wait (Linux 5.4).
 */
static void enter_own_cgroups(const struct launch *launch) {
  for (char **one = launch->more_cgroups; *one != NULL; one++) write_file(*one, "tasks", "0");
}

/* That of version 2, where it was not born into it. */
static void enter_unified_cgroup(struct launch *launch, pid_t command) {
  char pid[32];
  snprintf(pid, sizeof pid, "%d", command);
  if (launch->cgroup == NULL || write_file(launch->cgroup, "cgroup.procs", pid)) return;
  /* What it is not in says nothing of it. */
  if (launch->memory_cgroup != NULL && strcmp(launch->cgroup, launch->memory_cgroup) == 0) launch->memory_cgroup = NULL;
}

/* The kernel kills a whole cgroup at once; without one this does nothing and the walk over /proc does it all. */
static bool kill_cgroup(const char *cgroup) { return cgroup != NULL && write_file(cgroup, "cgroup.kill", "1"); }

/* The number in a file, or behind a word at the beginning of a line; -1 where there is none (`max`). */
static int64_t read_number(const char *directory, const char *file, const char *word) {
  char path[PATH_MAX], text[1024];
  snprintf(path, sizeof path, "%s/%s", directory, file);
  if (read_small(path, text, sizeof text) < 0) return -1;
  char *at = text;
  size_t length = word == NULL ? 0 : strlen(word);
  while (length > 0 && !(strncmp(at, word, length) == 0 && at[length] == ' ')) {
    at = strchr(at, '\n');
    if (at++ == NULL) return -1;
  }
  if (length > 0) at += length + 1;
  return *at < '0' || *at > '9' ? -1 : strtoll(at, NULL, 10);
}

struct memory_use {
  int64_t limit_bytes; /* -1: nothing held it. */
  int64_t peak_bytes;  /* -1: nobody counted. */
  bool is_killed;      /* The kernel killed a process of it for memory: */
  bool by_own_limit;   /* that it had used up, or that the machine, or a cgroup around us, had run out of. */
};

static void read_memory_use(const struct launch *launch, struct memory_use *use) {
  *use = (struct memory_use){.limit_bytes = -1, .peak_bytes = -1};
  const char *directory = launch->memory_cgroup;
  if (directory == NULL) return;
  use->limit_bytes = read_number(directory, "memory.max", NULL);
  if (use->limit_bytes < 0) use->limit_bytes = read_number(directory, "memory.limit_in_bytes", NULL);
  /* Version 1 says "none" by a number beyond any machine. */
  if (use->limit_bytes >= (int64_t)1 << 52) use->limit_bytes = -1;
  use->peak_bytes = read_number(directory, "memory.peak", NULL);
  if (use->peak_bytes < 0) use->peak_bytes = read_number(directory, "memory.max_usage_in_bytes", NULL);
  if (use->peak_bytes == 0) {
    /* Nobody was ever in it. */
    *use = (struct memory_use){.limit_bytes = -1, .peak_bytes = -1};
    return;
  }
  use->is_killed = read_number(directory, "memory.events", "oom_kill") > 0 || read_number(directory, "memory.oom_control", "oom_kill") > 0;
  /* Of version 2 it is counted; of version 1 (whose failcnt Linux 6.18 leaves at 0) the peak says it, to a few pages a CPU. */
  int64_t own_limit_met = read_number(directory, "memory.events", "oom");
  if (own_limit_met < 0) own_limit_met = use->peak_bytes >= use->limit_bytes - use->limit_bytes / 32;
  use->by_own_limit = use->limit_bytes >= 0 && own_limit_met > 0;
}

static void remove_cgroups(const struct launch *launch) {
  if (launch->cgroup != NULL) rmdir(launch->cgroup);
  /* NULL where the launch could not be read. */
  for (char **one = launch->more_cgroups; one != NULL && *one != NULL; one++) rmdir(*one);
}
