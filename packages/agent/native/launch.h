/*
 * The file `launch`: what to run, as the agent wrote it. Pairs of NUL-terminated strings, key and value;
 * `arg` and `env` come once per argument and variable, in order. Keys that are not known are skipped, so that a
 * newer agent can use a supervisor that is already running.
 */

struct launch {
  char *bytes;
  int64_t timeout_ms; /* 0: none */
  int64_t stop_grace_ms;
  bool ends_with_lease;
  const char *work_dir;
  const char *cgroup; /* NULL: none */
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
  if (strings % 2 != 0 || launch->arguments == NULL || launch->environment == NULL) return false;

  size_t arguments = 0, variables = 0;
  for (char *key = launch->bytes, *end = launch->bytes + size; key < end;) {
    char *value = key + strlen(key) + 1;
    if (strcmp(key, "arg") == 0) launch->arguments[arguments++] = value;
    else if (strcmp(key, "env") == 0) launch->environment[variables++] = value;
    else if (strcmp(key, "timeoutMs") == 0) launch->timeout_ms = strtoll(value, NULL, 10);
    else if (strcmp(key, "stopGraceMs") == 0) launch->stop_grace_ms = strtoll(value, NULL, 10);
    else if (strcmp(key, "onDisconnect") == 0) launch->ends_with_lease = strcmp(value, "restart") == 0;
    else if (strcmp(key, "workDir") == 0) launch->work_dir = value;
    else if (strcmp(key, "cgroup") == 0) launch->cgroup = value;
    key = value + strlen(value) + 1;
  }
  return arguments > 0 && launch->work_dir != NULL;
}
