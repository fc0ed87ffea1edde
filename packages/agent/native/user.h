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
  const char *places[] = {"work", "tmp", "script"};
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
    if (chmod(ways[i], 0711) < 0) return false;
  for (size_t i = 0; i < sizeof places / sizeof *places; i++)
    if (lchown(places[i], user->uid, user->gid) < 0 && errno != ENOENT) return false;
  return true;
}

static bool become_user(const struct user *user) {
  if (setgroups(user->group_count, user->groups) < 0) return false;
  return setresgid(user->gid, user->gid, user->gid) == 0 && setresuid(user->uid, user->uid, user->uid) == 0;
}
