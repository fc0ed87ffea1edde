/* The user as whom an attempt's command runs, where that is another than the supervisor's: `uid gid group…`. */

#define MAX_GROUPS 64

struct user {
  uid_t uid;
  gid_t gid;
  gid_t groups[MAX_GROUPS];
  size_t group_count;
};

/* False where the text is no user; the groups beyond the most that are kept are left out. */
static bool parse_user(const char *text, struct user *user) {
  char *rest;
  memset(user, 0, sizeof *user);
  user->uid = (uid_t)strtoul(text, &rest, 10);
  if (rest == text || *rest != ' ') return false;
  text = rest;
  user->gid = (gid_t)strtoul(text, &rest, 10);
  if (rest == text) return false;
  while (*rest == ' ' && user->group_count < MAX_GROUPS) {
    text = rest;
    gid_t group = (gid_t)strtoul(text, &rest, 10);
    if (rest == text) return false;
    user->groups[user->group_count++] = group;
  }
  return true;
}

/*
 * In the attempt's directory: its command's own places become its own, and the way to them may be walked, but not
 * looked around on. What else lies there stays closed.
 */
static bool open_places_to(const struct user *user) {
  const char *ways[] = {".", "..", "../.."};
  const char *places[] = {"work", "tmp", "home", "script"};
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
    if (chmod(ways[i], 0711) < 0) return false;
  for (size_t i = 0; i < sizeof places / sizeof *places; i++)
    if (lchown(places[i], user->uid, user->gid) < 0 && errno != ENOENT) return false;
  return true;
}

/*
 * `output` is the command's end of its pipe: whoever opens it anew (`echo x > /dev/stderr`) is asked whether the pipe
 * is theirs. What setuid programs could give back is given up, as the unit does for all that it starts.
 */
static bool become_user(const struct user *user, int output) {
  if (fchown(output, user->uid, user->gid) < 0) return false;
  if (setgroups(user->group_count, user->groups) < 0) return false;
  if (setresgid(user->gid, user->gid, user->gid) < 0 || setresuid(user->uid, user->uid, user->uid) < 0) return false;
  /* A keyring of its own: whoever has root's may read what is in it. Some containers forbid it, and have none. */
  syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}
