/*
 * The file `launch`: what to run, as the agent wrote it. Pairs of NUL-terminated strings, key and value;
 * `arg` and `env` (and the cgroups and their settings) come once for each, in order. Keys that are not known are skipped, so that a
 * newer agent can use a supervisor that is already running.
 */

struct launch {
  char *bytes;
  int64_t timeout_ms; /* 0: none */
  int64_t stop_grace_ms;
  int niceness; /* 0: its share of the CPUs is set by its cgroup */
  bool ends_with_lease;
  const char *work_dir;
  struct user user;
  bool has_user; /* Otherwise the command runs as the supervisor does. */
  const char *cgroup; /* Of version 2; NULL: none */
  char **more_cgroups; /* Of version 1 */
  char **cgroup_settings;
  const char *memory_cgroup; /* Which of them counts memory; NULL: none */
  char **arguments;
  char **environment;
};

/* False where the file is missing or not of this form. */
static bool read_launch(struct launch *launch) {
  size_t size = 0;
  memset(launch, 0, sizeof *launch);
  launch->bytes = read_whole("launch", &size);
  if (launch->bytes == NULL || size == 0 || launch->bytes[size - 1] != '\0') return false;

  size_t strings = 0;
  for (size_t i = 0; i < size; i++) strings += launch->bytes[i] == '\0';
  launch->arguments = calloc(strings / 2 + 1, sizeof(char *));
  launch->environment = calloc(strings / 2 + 1, sizeof(char *));
  launch->more_cgroups = calloc(strings / 2 + 1, sizeof(char *));
  launch->cgroup_settings = calloc(strings / 2 + 1, sizeof(char *));
  bool has_room = launch->arguments && launch->environment && launch->more_cgroups && launch->cgroup_settings;
  if (strings % 2 != 0 || !has_room) return false;

  bool is_whole = true;
  size_t arguments = 0, variables = 0, cgroups = 0, settings = 0;
  for (char *key = launch->bytes, *end = launch->bytes + size; key < end;) {
    char *value = key + strlen(key) + 1;
    if (strcmp(key, "arg") == 0) launch->arguments[arguments++] = value;
    else if (strcmp(key, "env") == 0) launch->environment[variables++] = value;
    else if (strcmp(key, "timeoutMs") == 0) launch->timeout_ms = strtoll(value, NULL, 10);
    else if (strcmp(key, "stopGraceMs") == 0) launch->stop_grace_ms = strtoll(value, NULL, 10);
    else if (strcmp(key, "niceness") == 0) launch->niceness = (int)strtol(value, NULL, 10);
    else if (strcmp(key, "onDisconnect") == 0) launch->ends_with_lease = strcmp(value, "restart") == 0;
    else if (strcmp(key, "workDir") == 0) launch->work_dir = value;
    else if (strcmp(key, "user") == 0) is_whole = launch->has_user = parse_user(value, &launch->user);
    else if (strcmp(key, "cgroup") == 0) launch->cgroup = value;
    else if (strcmp(key, "cgroupOfController") == 0) launch->more_cgroups[cgroups++] = value;
    else if (strcmp(key, "cgroupSetting") == 0) launch->cgroup_settings[settings++] = value;
    else if (strcmp(key, "memoryCgroup") == 0) launch->memory_cgroup = value;
    key = value + strlen(value) + 1;
  }
  return is_whole && arguments > 0 && launch->work_dir != NULL;
}
