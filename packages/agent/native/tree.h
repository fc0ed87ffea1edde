/*
 * The process tree of the attempt: every descendant of this supervisor.
 *
 * The supervisor is a subreaper, so whatever loses its parent becomes its own child: a daemon that forked twice,
 * or left its process group and session, is still below it, and when wait() knows of no child any more, nothing
 * of the attempt is left.
 */

struct seen_process {
  pid_t pid;
  pid_t parent;
  bool ours;
};

#define SKIP_FIELDS_5_TO_21 " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s"

/* Fields of /proc/PID/stat after the command's name, which may itself hold spaces and brackets. */
static bool read_process(const char *pid, char *state, pid_t *parent, unsigned long long *start_ticks) {
  char path[64], stat[1024];
  snprintf(path, sizeof path, "/proc/%s/stat", pid);
  if (read_small(path, stat, sizeof stat) <= 0) return false;
  char *after_name = strrchr(stat, ')');
  int parent_number = 0;
  /* Field 3 is the state, 4 the parent, 22 the start time in clock ticks since boot: proc(5). */
  if (after_name == NULL) return false;
  int fields = sscanf(after_name + 1, " %c %d" SKIP_FIELDS_5_TO_21 " %llu", state, &parent_number, start_ticks);
  *parent = parent_number;
  return fields == 3;
}

/* Sends a signal to every living descendant. One pass sees no process that is forked meanwhile. */
static void signal_tree(int signal_number) {
  DIR *proc = opendir("/proc");
  if (proc == NULL) return;
  struct seen_process *seen = NULL;
  size_t count = 0, room = 0;
  pid_t self = getpid();
  for (struct dirent *entry; (entry = readdir(proc)) != NULL;) {
    char state;
    pid_t parent;
    unsigned long long start_ticks;
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
    /* Zombies too: one whose first thread has ended looks like that while its other threads run on. */
    if (!read_process(entry->d_name, &state, &parent, &start_ticks) || parent == 0) continue;
    if (count == room) {
      struct seen_process *larger = realloc(seen, (room = room * 2 + 256) * sizeof *seen);
      if (larger == NULL) break;
      seen = larger;
    }
    seen[count++] = (struct seen_process){.pid = atoi(entry->d_name), .parent = parent, .ours = parent == self};
  }
  closedir(proc);

  for (bool grew = true; grew;) {
    grew = false;
    for (size_t i = 0; i < count; i++) {
      for (size_t j = 0; !seen[i].ours && j < count; j++) {
        if (seen[j].ours && seen[j].pid == seen[i].parent) seen[i].ours = grew = true;
      }
    }
  }
  for (size_t i = 0; i < count; i++) {
    if (!seen[i].ours) continue;
    kill(seen[i].pid, signal_number);
    /* A stopped process would take the signal only when somebody continues it. */
    if (signal_number == SIGTERM) kill(seen[i].pid, SIGCONT);
  }
  free(seen);
}
